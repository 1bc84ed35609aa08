//! The same conversation with sound: the agent is on a real line, and this stands right before the live
//! call.
//!
//! What concerns the caller (speech, turns, hand-over, consent) the live call answers; the rest (clock,
//! appointments, memory, documents, the model, what goes wrong) is the conversation file's, as in any
//! rehearsal. The caller is the same [`Caller`]: told of what the agent is asked to say, and asked what
//! to do when the agent waits; a [`Telephone`] does it.

mod conversing;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use parloir_contract::{Capability, Field, HostCall, HostReturn};
use parloir_sandbox::{Door, DoorClosed};
use tower::{Service, ServiceExt};

use crate::caller::{Act, Caller, Listening};
use crate::check::Ended;
use crate::coverage::{Coverage, kinds_of};
use crate::door::is_told;
use crate::event::Happened;
use crate::file::{Conversation, Does, Injected, Scene, Words};
use crate::mismatch::Mismatch;
use crate::rehearse::{Left, Played, Rehearsed, judge, left, stage};
use crate::script::Script;
use crate::stage::Stage;
use crate::world::NoWorld;

/// The caller's end of a real line. Times are milliseconds since the call was answered.
#[async_trait]
pub trait Telephone: Send + Sync + 'static {
    /// Now.
    fn now_ms(&self) -> u64;

    /// The agent begins to say something: what is heard from here on is that.
    fn agent_begins(&self);

    /// Waits until the agent has finished what it last began, if it says anything at all.
    async fn agent_finished(&self);

    /// Waits until the agent has been heard for so long of what it last began.
    async fn agent_heard_for(&self, ms: u32);

    /// Waits until then.
    async fn until(&self, ms: u64);

    /// The caller does it, and it is done.
    async fn does(&self, does: Does);
}

/// A conversation on a real line.
pub struct OnALine<C> {
    shared: Arc<Shared<C>>,
}

/// What stands before the live call, for each of its doors.
struct Shared<C> {
    /// `None` when the conversation is over.
    stage: tokio::sync::Mutex<Option<Stage<C>>>,
    coverage: Mutex<Coverage>,
    telephone: Arc<dyn Telephone>,
    /// Whether the caller has come into what the agent says, and will have the next turn.
    came_in: Mutex<bool>,
    /// What the caller last said, until it is understood.
    said: Mutex<Option<String>>,
}

type Stood<'a, C> = tokio::sync::MappedMutexGuard<'a, Stage<C>>;

impl<C: Caller> OnALine<C> {
    /// Sets the scene. `declared` is what the agent says it needs.
    ///
    /// # Errors
    /// [`NoWorld`] when the scene's world cannot be made.
    pub async fn new(
        scene: &Scene,
        declared: &[Capability],
        caller: C,
        telephone: Arc<dyn Telephone>,
    ) -> Result<Self, NoWorld> {
        let stage = tokio::sync::Mutex::new(Some(stage(scene, declared.into(), caller).await?));
        let (coverage, came_in, said) = (Mutex::default(), Mutex::new(false), Mutex::default());
        Ok(Self { shared: Arc::new(Shared { stage, coverage, telephone, came_in, said }) })
    }

    /// What stands before the live call: its door in, another one out.
    pub fn before(&self) -> impl Fn(Door) -> Door + Send + Sync + 'static + use<C> {
        let shared = self.shared.clone();
        move |live| {
            let live = Arc::new(tokio::sync::Mutex::new(live));
            Door::new(Before { shared: shared.clone(), live })
        }
    }

    /// The call is over: what it left, and its caller.
    ///
    /// # Errors
    /// [`NoWorld`] when it was over already.
    pub async fn settle(&self, ended: Ended) -> Result<(Left, C), NoWorld> {
        let played = self.played(ended).await?;
        Ok((played.left, played.caller))
    }

    async fn played(&self, ended: Ended) -> Result<Played<C>, NoWorld> {
        let over = || NoWorld("the conversation is over already".into());
        let mut stage = self.shared.stage.lock().await.take().ok_or_else(over)?;
        stage.clock.set(self.shared.telephone.now_ms());
        let coverage = self.shared.coverage.lock().clone();
        Ok(left(stage, ended, coverage))
    }
}

impl OnALine<Script> {
    /// The call is over: held against its file, which wrote it. `report` is what was really filed.
    ///
    /// # Errors
    /// [`NoWorld`] when it was over already.
    pub async fn judge(
        &self,
        conversation: &Conversation,
        ended: Ended,
        report: Vec<Field>,
        took: Duration,
    ) -> Result<Rehearsed, NoWorld> {
        let mut played = self.played(ended).await?;
        played.left.report = report;
        Ok(judge(conversation, played, took).await)
    }
}

/// What of a conversation a real line cannot do: each with its place and what to do instead. Empty for a
/// conversation that is fit for sound.
pub fn unfit(conversation: &Conversation) -> Vec<Mismatch> {
    let mut found = Vec::new();
    let mut cannot = |at: &crate::Place, expected: &str, found_instead: &str, remedy: &str| {
        found.push(Mismatch {
            at: Some(at.clone()),
            at_ms: 0,
            expected: expected.to_owned(),
            found: found_instead.to_owned(),
            remedy: Some(remedy.to_owned()),
        });
    };
    for step in &conversation.steps {
        let Some(words) = step.words() else { continue };
        if words.confidence.to_bits() != Words::plain("").confidence.to_bits() {
            cannot(
                &step.at,
                "a transcriber to be so sure of what the caller says",
                "with sound, a real one says how sure it is",
                "leave `confidence` out, or write `audio: no` for this conversation",
            );
        }
    }
    let (at, scene) = (&conversation.at, &conversation.scene);
    if !scene.sounds.is_empty() {
        cannot(
            at,
            "the line to have `sounds`",
            "with sound, there are no files of these names",
            "write `audio: no` for this conversation",
        );
    }
    if scene.transfers.contains(&parloir_contract::Transferred::CallerGone) {
        cannot(
            at,
            "`transfers` whose caller is gone",
            "with sound, a transfer ends answered, busy or no_answer",
            "write one of these, or `audio: no` for this conversation",
        );
    }
    if scene.failures.iter().any(|failure| matches!(failure.answer, Some(Injected::Transfer(_)))) {
        cannot(
            at,
            "a transfer to fail by `failures`",
            "with sound, the carrier says what becomes of it",
            "write `transfers` instead",
        );
    }
    found
}

impl<C: Caller> Shared<C> {
    /// The stage, its clock at now.
    async fn stage(&self) -> Result<Stood<'_, C>, DoorClosed> {
        let over = |_| DoorClosed("the rehearsal is over".into());
        let mut stage =
            tokio::sync::MutexGuard::try_map(self.stage.lock().await, Option::as_mut).map_err(over)?;
        stage.clock.set(self.telephone.now_ms());
        Ok(stage)
    }

    async fn answer(&self, live: &Live, call: HostCall) -> Result<HostReturn, DoorClosed> {
        let import = call.import();
        self.coverage.lock().note_call(&call);
        let (slow_ms, injected) = self.stage().await?.goes_wrong(import)?;
        if slow_ms > 0 {
            self.telephone.until(self.telephone.now_ms() + u64::from(slow_ms)).await;
        }
        let answer = match injected {
            Some(_) => self.stage().await?.answer_as(call, injected).await?,
            None => self.converse(live, call).await?,
        };
        self.coverage.lock().note(&answer);
        if is_told(import) || answer.refusal().is_some() {
            let mut stage = self.stage().await?;
            let answer = match answer.refusal() {
                Some(refusal) => refusal.to_string(),
                None => kinds_of(&answer).join(", "),
            };
            stage.happened(Happened::Host { import: import.name(), answer, injected: injected.is_some() });
        }
        Ok(answer)
    }

    /// What the caller does now that the agent waits; pending where that is nothing.
    async fn acts(&self, options: &parloir_contract::ListenOptions) -> Does {
        self.telephone.agent_finished().await;
        loop {
            // The door is not asked anything else meanwhile: the agent waits.
            let Ok(mut stage) = self.stage().await else { return std::future::pending().await };
            if stage.gone_ms.is_some() {
                return std::future::pending().await;
            }
            let listening = Listening { now_ms: stage.clock.ms(), options: options.clone(), question: None };
            match stage.caller.turn(&listening).await {
                Act::Says(words) => return Does::Says(words),
                Act::Keys(keys) => return Does::Keys(keys),
                // A rehearsal that will not go on needs no agent any more.
                Act::HangsUp | Act::Stops => return Does::HangsUp,
                Act::HadComeIn(_, does) => return does,
                Act::Waits(until) => {
                    drop(stage);
                    self.telephone.until(until).await;
                }
                Act::Silence => {
                    drop(stage);
                    return std::future::pending().await;
                }
            }
        }
    }
}

/// The live call's own door.
type Live = tokio::sync::Mutex<Door>;

async fn ask(live: &Live, call: HostCall) -> Result<HostReturn, DoorClosed> {
    live.lock().await.ready().await?.call(call).await
}

/// One call's door.
struct Before<C> {
    shared: Arc<Shared<C>>,
    live: Arc<Live>,
}

impl<C: Caller> Service<HostCall> for Before<C> {
    type Response = HostReturn;
    type Error = DoorClosed;
    type Future = Pin<Box<dyn Future<Output = Result<HostReturn, DoorClosed>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), DoorClosed>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: HostCall) -> Self::Future {
        let (shared, live) = (self.shared.clone(), self.live.clone());
        Box::pin(async move { shared.answer(&live, call).await })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StepKind;

    fn unfit_of(more: &str) -> Vec<String> {
        let file = format!("conversation: A\n{more}\n");
        let read = crate::read("a/b.yaml".as_ref(), file.as_bytes()).unwrap();
        unfit(&read[0]).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_a_line_cannot_do_is_told_with_its_place() {
        let sure = unfit_of("steps:\n  - caller: {says: Oui, confidence: 0.3}");
        assert!(sure[0].starts_with("a/b.yaml:3:5: expected a transcriber to be so sure"), "{sure:?}");
        let busy = unfit_of("failures: {call.transfer: busy}\nsteps:\n  - hangs_up");
        assert!(busy[0].contains("write `transfers` instead"), "{busy:?}");
        assert_eq!(unfit_of("transfers: [busy, answered]\nsteps:\n  - hangs_up").len(), 0);
        assert_eq!(unfit_of("transfers: [busy, caller_gone]\nsteps:\n  - hangs_up").len(), 1);
        assert_eq!(unfit_of("sounds: {bip.wav: 1s}\nsteps:\n  - hangs_up").len(), 1);
        let fit =
            "transfers: busy\nfailures: {calendar.book 1st: taken}\nsteps:\n  - caller: Oui\n  - silence: 8s";
        assert_eq!(unfit_of(fit), Vec::<String>::new());
    }

    #[test]
    fn a_recording_is_taken_from_the_files_own_folder() {
        let file = "audio: yes\nconversations:\n  - conversation: A\n    steps:\n      - caller: {says: Oui, wav: ../oui.wav}\n  - conversation: B\n    audio: no\n    steps: [hangs_up]\n";
        let read = crate::read("a/b.yaml".as_ref(), file.as_bytes()).unwrap();
        assert!(read[0].scene.audio && !read[1].scene.audio);
        let StepKind::Says(words) = &read[0].steps[0].what else { panic!("{:?}", read[0].steps) };
        assert_eq!(words.wav.as_deref(), Some("a/../oui.wav".as_ref()));
    }
}
