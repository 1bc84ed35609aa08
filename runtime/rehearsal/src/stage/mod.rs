//! The innermost service: answers an agent's host calls from a conversation, on the virtual clock.
//!
//! It keeps the live call's rules: the same gate, the same report, the same weighing of what interrupts
//! and what does not, the same cut of a sentence at its last whole word. What it does not have is sound.

mod connectors;
mod listening;
mod model;
mod past;
mod speaking;

pub use past::Past;
pub(crate) use speaking::stops;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parloir_contract::{
    Ask, Capability, Chat, HostCall, HostReturn, Import, LogLevel, LogLine, Refusal, Report, Say, Transfer,
    listenable, sayable, speakable,
};
use parloir_media::{Gate, RecordingPolicy as GatePolicy};
use parloir_sandbox::{DoorClosed, Failure as Death, FailureKind};
use parloir_tenancy::Line;
use parloir_tenancy::config::RecordingPolicy;
use parloir_tenancy::permission::permit;

use crate::caller::Caller;
use crate::clock::Clock;
use crate::event::{Event, Happened};
use crate::file::{Failure, Injected, Scene, Words};
use crate::mismatch::Mismatch;
use crate::world::{self, World};

/// Things that may happen in one conversation.
const EVENTS: usize = 20_000;
/// Milliseconds an agent has to come to its end after the caller has gone: the live call's.
const AFTER_CALLER_MS: u64 = 10_000;
/// Bytes of randomness in one call, at most.
const RANDOM_BYTES: u32 = 4_096;

/// One conversation under way.
pub(crate) struct Stage<C> {
    pub(crate) caller: C,
    pub(crate) clock: Clock,
    pub(crate) events: Vec<Event>,
    pub(crate) report: Report,
    pub(crate) gate: Gate,
    pub(crate) world: World,
    pub(crate) transferred_to: Option<String>,
    /// The agent's last word about recording.
    pub(crate) consent: Option<bool>,
    /// What the stage itself holds against the agent: what the model was asked.
    pub(crate) mismatches: Vec<Mismatch>,
    /// Whether the file answered the call under way.
    pub(crate) injected: bool,
    pub(crate) scene: Arc<Scene>,
    pub(crate) line: Arc<Line>,
    pub(crate) declared: Arc<[Capability]>,
    pub(crate) turn_ended_ms: u64,
    pub(crate) gone_ms: Option<u64>,
    /// The error that the agent noted, if it has asked nothing since: what it says of its own death.
    last_words: Option<String>,
    /// Speech or keys that came into the agent's last sentence.
    came_in: Option<CameIn>,
    asked: HashMap<Import, u32>,
    answers: usize,
    /// The staged answers of connectors that were given, by connector and place.
    given: HashSet<(String, usize)>,
    random: u64,
    /// The references of the appointments that the call saw before this stage took it up.
    stood: HashSet<String>,
    /// Whether the call under way was asked of a host that was lost: it may be done already.
    pub(crate) unsettled: bool,
}

enum CameIn {
    Words { words: Words, until_ms: u64 },
    Keys(String),
}

impl<C: Caller> Stage<C> {
    pub(crate) fn new(
        scene: Arc<Scene>,
        line: Arc<Line>,
        declared: Arc<[Capability]>,
        world: World,
        caller: C,
    ) -> Self {
        Self {
            caller,
            clock: Clock::new(scene.now),
            events: Vec::new(),
            report: Report::default(),
            gate: Gate::begin(policy(scene.recording)),
            world,
            transferred_to: None,
            consent: None,
            mismatches: Vec::new(),
            injected: false,
            turn_ended_ms: 0,
            gone_ms: None,
            last_words: None,
            came_in: None,
            asked: HashMap::new(),
            answers: 0,
            given: HashSet::new(),
            random: scene.seed,
            stood: HashSet::new(),
            unsettled: false,
            scene,
            line,
            declared,
        }
    }

    pub(crate) fn happened(&mut self, what: Happened) {
        let event = Event { at_ms: self.clock.ms(), what };
        self.caller.happened(&event);
        self.events.push(event);
    }

    /// Answers one host call.
    pub(crate) async fn answer(&mut self, call: HostCall) -> Result<HostReturn, DoorClosed> {
        let (slow_ms, injected) = self.goes_wrong(call.import())?;
        self.clock.pass(slow_ms.into());
        if self.gone_ms.is_some_and(|gone| self.clock.ms() > gone + AFTER_CALLER_MS) {
            return Err(DoorClosed(
                "the agent did not come to its end within 10 s of the caller's leaving".into(),
            ));
        }
        self.answer_as(call, injected).await
    }

    /// Counts a host call, and says how much later it is answered and what with instead.
    pub(crate) fn goes_wrong(&mut self, import: Import) -> Result<(u32, Option<Injected>), DoorClosed> {
        if self.events.len() > EVENTS {
            return Err(DoorClosed(format!("more than {EVENTS} things happened in one conversation")));
        }
        self.last_words = None;
        let count = self.asked.entry(import).or_default();
        *count += 1;
        Ok(wrong(&self.scene.failures, import, *count))
    }

    /// Answers one host call, or has the file answer it.
    pub(crate) async fn answer_as(
        &mut self,
        call: HostCall,
        injected: Option<Injected>,
    ) -> Result<HostReturn, DoorClosed> {
        self.injected = injected.is_some();
        match injected {
            Some(injected) => self.answer_injected(call, injected).await,
            None if self.unsettled => self.settle(call).await,
            None => self.answer_really(call).await,
        }
    }

    async fn answer_injected(
        &mut self,
        call: HostCall,
        injected: Injected,
    ) -> Result<HostReturn, DoorClosed> {
        let import = call.import();
        match (&call, injected) {
            (HostCall::Book(book), Injected::Taken) => self.snatch(&book.slot).await?,
            (HostCall::MoveAppointment(request), Injected::Taken) => self.snatch(&request.slot).await?,
            (HostCall::Transfer(Transfer { to, announce }), Injected::Transfer(transferred)) => {
                return Ok(HostReturn::Transfer(
                    self.hand_over(to, announce.as_deref(), Some(transferred)).await,
                ));
            }
            _ => {}
        }
        Ok(world::injected(import, injected))
    }

    async fn snatch(&mut self, slot: &str) -> Result<(), DoorClosed> {
        self.world.snatch(slot).await.map_err(|refusal| DoorClosed(refusal.to_string()))
    }

    async fn answer_really(&mut self, call: HostCall) -> Result<HostReturn, DoorClosed> {
        let now = self.clock.now();
        Ok(match call {
            HostCall::Say(Say { text, options }) => {
                HostReturn::Say(match speakable(&text).and_then(|()| sayable(&options)) {
                    Ok(()) => Ok(self.speak(&text, &options, None).await.0),
                    Err(refusal) => Err(refusal),
                })
            }
            HostCall::Ask(Ask { question, say, listen }) => {
                let may =
                    speakable(&question).and_then(|()| sayable(&say)).and_then(|()| listenable(&listen));
                HostReturn::Ask(match may {
                    Ok(()) => Ok(self.ask(&question, &say, listen).await?),
                    Err(refusal) => Err(refusal),
                })
            }
            HostCall::Play(play) => HostReturn::Play(match sayable(&play.options) {
                Ok(()) => self.play(&play.sound, &play.options).await,
                Err(refusal) => Err(refusal),
            }),
            HostCall::Listen(options) => HostReturn::Listen(match listenable(&options) {
                Ok(()) => Ok(self.turn(options, None).await?),
                Err(refusal) => Err(refusal),
            }),
            HostCall::Transfer(Transfer { to, announce }) => {
                HostReturn::Transfer(self.hand_over(&to, announce.as_deref(), None).await)
            }
            HostCall::Consent(granted) => {
                let moved = self.gate.consent(policy(self.scene.recording), granted);
                HostReturn::Consent(match moved {
                    Ok(gate) => {
                        (self.gate, self.consent) = (gate, Some(granted));
                        Ok(())
                    }
                    Err(refusal) => Err(Refusal::NotPermitted(refusal.to_string())),
                })
            }
            HostCall::PauseRecording => {
                self.gate = self.gate.pause();
                HostReturn::PauseRecording(Ok(()))
            }
            HostCall::ResumeRecording => {
                self.gate = self.gate.resume();
                HostReturn::ResumeRecording(Ok(()))
            }
            HostCall::HangUp => {
                self.gone();
                HostReturn::HangUp(())
            }
            HostCall::ModelAvailable => {
                let granted = &self.line.config.capabilities;
                let permitted = permit(Import::Chat, &self.declared, granted).is_ok();
                HostReturn::ModelAvailable(permitted && self.scene.model.is_some())
            }
            HostCall::Chat(Chat { messages, options }) => HostReturn::Chat(self.model(&messages, &options)),
            HostCall::Reply(reply) => HostReturn::Reply(match sayable(&reply.say) {
                Ok(()) => self.reply(reply).await,
                Err(refusal) => Err(refusal),
            }),
            HostCall::FreeSlots(wanted) => self.world.free(&wanted, now).await,
            HostCall::Book(book) => self.world.book(book, now).await,
            HostCall::FindAppointments(phone) => self.world.find(&phone, now).await,
            HostCall::MoveAppointment(request) => self.world.move_to(&request, now).await,
            HostCall::CancelAppointment(reference) => self.world.cancel(&reference).await,
            HostCall::GetMemory(key) => {
                HostReturn::GetMemory(self.world.memory().get(&key).await.map(|v| v.map(Into::into)))
            }
            HostCall::SetMemory(set) => HostReturn::SetMemory(self.world.memory().set(set).await),
            HostCall::CompareAndSet(request) => {
                HostReturn::CompareAndSet(self.world.memory().compare_and_set(request).await)
            }
            HostCall::DeleteMemory(key) => HostReturn::DeleteMemory(self.world.memory().delete(&key).await),
            HostCall::ListDocuments => HostReturn::ListDocuments(self.world.documents(|d| d.list()).await),
            HostCall::ReadDocument(name) => {
                HostReturn::ReadDocument(self.world.documents(move |d| d.read(&name)).await)
            }
            HostCall::SearchDocuments(search) => {
                let found = self.world.documents(move |d| d.search(&search.query, search.limit)).await;
                HostReturn::SearchDocuments(found)
            }
            HostCall::SetReport(field) => HostReturn::SetReport(self.report.set(field)),
            HostCall::Now => HostReturn::Now(self.clock.local()),
            HostCall::Weekday => {
                let day = now.date().weekday().to_monday_one_offset();
                HostReturn::Weekday(u8::try_from(day).unwrap_or(1))
            }
            HostCall::Elapsed => HostReturn::Elapsed(u32::try_from(self.clock.ms()).unwrap_or(u32::MAX)),
            HostCall::RandomBytes(count) => HostReturn::RandomBytes(self.random(count).into()),
            HostCall::Log(line) => {
                self.noted(line);
                HostReturn::Log(())
            }
            HostCall::ListConnectors => HostReturn::ListConnectors(self.line.config.connectors.clone()),
            HostCall::SendRequest(request) => HostReturn::SendRequest(self.connector(&request)),
            HostCall::Understanding(question) => {
                HostReturn::Understanding(parloir_meaning::answer(&question))
            }
        })
    }

    /// The agent notes something.
    pub(crate) fn noted(&mut self, line: LogLine) {
        let LogLine { level, message: text } = line;
        if level == LogLevel::Error {
            self.last_words = Some(text.clone());
        }
        self.happened(Happened::Noted { level, text });
    }

    /// Why the agent was stopped: in its author's words where it had some to say, in the engine's otherwise.
    pub(crate) fn why_stopped(&self, failure: &Death) -> String {
        match (failure.kind, &self.last_words) {
            (FailureKind::Trap | FailureKind::Memory, Some(words)) => {
                let words: Vec<&str> = words.split_whitespace().collect();
                format!("{}: {}", failure.kind.name(), words.join(" "))
            }
            (FailureKind::Stopped, _) => {
                let host = "the host stopped the agent: ";
                failure.reason.split(host).last().unwrap_or(&failure.reason).to_owned()
            }
            (
                FailureKind::Trap
                | FailureKind::TurnCpu
                | FailureKind::CallCpu
                | FailureKind::Memory
                | FailureKind::Stack
                | FailureKind::Host
                | FailureKind::Neighbour,
                _,
            ) => failure.to_string(),
        }
    }

    pub(crate) fn gone(&mut self) {
        self.gone_ms.get_or_insert(self.clock.ms());
        self.came_in = None;
    }

    /// The same bytes for the same seed (splitmix64).
    fn random(&mut self, count: u32) -> Vec<u8> {
        let count = usize::try_from(count.min(RANDOM_BYTES)).unwrap_or(0);
        let mut bytes = Vec::with_capacity(count + 8);
        while bytes.len() < count {
            self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.random;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            bytes.extend_from_slice(&(z ^ (z >> 31)).to_le_bytes());
        }
        bytes.truncate(count);
        bytes
    }
}

/// How much later an answer comes, and what it is instead.
fn wrong(failures: &[Failure], import: Import, count: u32) -> (u32, Option<Injected>) {
    let mut slow_ms: u32 = 0;
    let mut answer = None;
    for failure in failures {
        if failure.imports.contains(&import) && failure.at.is_none_or(|at| at == count) {
            slow_ms = slow_ms.saturating_add(failure.slow_ms);
            answer = answer.or(failure.answer);
        }
    }
    (slow_ms, answer)
}

/// The line's policy in the gate's words.
pub(crate) const fn policy(policy: RecordingPolicy) -> GatePolicy {
    match policy {
        RecordingPolicy::Ask => GatePolicy::Ask,
        RecordingPolicy::Always => GatePolicy::Always,
        RecordingPolicy::Never => GatePolicy::Never,
    }
}
