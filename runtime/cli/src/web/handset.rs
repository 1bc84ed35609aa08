//! One call from the page: its microphone to the carrier's side of a real call, and back.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::stream::{FuturesUnordered, SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use parking_lot::Mutex;
use parloir_contract::Outcome as Judgement;
use parloir_rehearsal::{
    Act, Caller, Does, Ended, Event, Left, Listening, Meanwhile, OnALine, Scene, Telephone, Utterance,
    line_config,
};
use parloir_sandbox::Agent;
use parloir_server::{Finished, Folders, Rehearsing};
use parloir_transport::client::{self, CarrierCall, CarrierEvent, DialOptions, EndReason};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use crate::commands::show;
use crate::loopback::{Loopback, Plan};
use crate::{Failure, audio};

/// Frames of the microphone that may wait to be sent, of 20 ms each: later than that is too late.
const FRAMES: usize = 15;
/// Bytes of 20 ms.
const FRAME: usize = 160;
/// Things told to the page that may wait.
const TOLD: usize = 512;
/// How long an agent's report may take once the caller is gone.
const REPORT: Duration = Duration::from_secs(30);

/// The line that the page rings.
pub(crate) struct Line {
    house: Loopback,
    agent: Agent,
    scene: Scene,
    /// Whether each call has the date of its own day instead of the scene's.
    today: bool,
    zone: String,
    current: Arc<Mutex<Option<Rehearsing>>>,
    _folder: TempDir,
}

impl Line {
    pub(super) async fn open(plan: super::Talk) -> Result<Self, Failure> {
        let super::Talk { agent, scene, today, providers, .. } = plan;
        let line = line_config(&scene).map_err(|error| Failure::bad_input(&error))?;
        let zone = line.time_zone.clone();
        // Each call has a rehearsal of its own.
        let current: Arc<Mutex<Option<Rehearsing>>> = Arc::default();
        let (standing, telling) = (current.clone(), current.clone());
        let rehearsing = Rehearsing {
            before: Arc::new(move |call, door| {
                let before = standing.lock().as_ref().map(|current| current.before.clone());
                match before {
                    Some(before) => before(call, door),
                    None => door,
                }
            }),
            clock: Arc::new(move || {
                let clock = telling.lock().as_ref().map(|current| current.clock.clone());
                clock.map_or_else(jiff::Timestamp::now, |clock| clock())
            }),
        };
        let plan = Plan { line, calendar: None, providers, port: 0, rehearsing: Some(rehearsing) };
        let folder = tempfile::tempdir()?;
        let house = Loopback::open(plan, agent.clone(), &Folders::beside(folder.path().join("data"))).await?;
        Ok(Self { house, agent, scene, today, zone, current, _folder: folder })
    }

    /// The scene of a call that begins now.
    pub(crate) fn scene(&self) -> Scene {
        let mut scene = self.scene.clone();
        if self.today {
            scene.now = this_minute();
        }
        scene
    }
}

/// Now, as a conversation file writes it.
pub(crate) fn this_minute() -> jiff::civil::DateTime {
    let now = jiff::Zoned::now().datetime();
    now.with().second(0).subsec_nanosecond(0).build().unwrap_or(now)
}

/// A call that is over, and the world it took place in.
pub(crate) struct Talked {
    pub(crate) scene: Scene,
    pub(crate) left: Left,
}

/// Time since the call was answered. The person does everything else themselves.
#[derive(Default)]
struct Clock(OnceLock<Instant>);

#[async_trait]
impl Telephone for Clock {
    fn now_ms(&self) -> u64 {
        let answered = *self.0.get_or_init(Instant::now);
        u64::try_from(answered.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn agent_begins(&self) {}

    async fn agent_finished(&self) {}

    async fn agent_heard_for(&self, _ms: u32) {
        std::future::pending().await
    }

    async fn until(&self, ms: u64) {
        let left = Duration::from_millis(ms.saturating_sub(self.now_ms()));
        tokio::time::sleep(left).await;
    }

    async fn does(&self, _does: Does) {}
}

/// Whoever speaks into the microphone: nobody knows what they will do, and the page is told of everything.
struct Person(mpsc::Sender<Value>);

impl Person {
    fn tell(&self, what: Value) {
        // A page that does not keep up misses words, and no sound.
        let _ = self.0.try_send(what);
    }
}

#[async_trait]
impl Caller for Person {
    async fn hears(&mut self, utterance: &Utterance) -> Meanwhile {
        self.tell(json!({ "kind": "saying", "text": utterance.text, "language": utterance.language }));
        Meanwhile::Listens
    }

    async fn turn(&mut self, _listening: &Listening) -> Act {
        std::future::pending().await
    }

    fn happened(&mut self, event: &Event) {
        match serde_json::to_value(event) {
            Ok(event) => self.tell(event),
            Err(error) => tracing::warn!(%error, "something that happened was not told"),
        }
    }
}

/// What the page does.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "does", rename_all = "kebab-case", deny_unknown_fields)]
enum Wants {
    Key { key: char },
    HangUp,
}

/// Rings the line for this page, and holds the telephone until the call is over.
pub(super) async fn hold(line: &Line, socket: WebSocket) -> Result<Talked, Failure> {
    let (mut page, hears) = socket.split();
    match ring(line, &mut page, hears).await {
        Ok(talked) => {
            let _ = page.send(Message::Close(None)).await;
            Ok(talked)
        }
        Err(failure) => {
            // A reason has at most 123 bytes.
            let reason: String = failure.message.chars().take(60).collect();
            let _ = page.send(Message::Close(Some(CloseFrame { code: 1011, reason: reason.into() }))).await;
            Err(failure)
        }
    }
}

type Page = SplitSink<WebSocket, Message>;

async fn ring(line: &Line, page: &mut Page, mut hears: SplitStream<WebSocket>) -> Result<Talked, Failure> {
    let (sender, mut told) = mpsc::channel(TOLD);
    let clock = Arc::new(Clock::default());
    let scene = line.scene();
    let rehearsal = OnALine::new(&scene, line.agent.capabilities(), Person(sender), clock.clone()).await;
    let rehearsal = rehearsal.map_err(|error| Failure::bad_input(&error))?;
    let before = rehearsal.before();
    *line.current.lock() = Some(Rehearsing {
        before: Arc::new(move |_, door| before(door)),
        clock: audio::clock(&scene, &line.zone, clock),
    });
    let mut finished = line.house.running.finished();
    let options = DialOptions {
        report_frames: true,
        transfer_answers: audio::become_of(&scene),
        ..line.house.dial(scene.caller.clone())
    };
    let mut call = CarrierCall::dial(&line.house.webhook(), options).await?;
    let caller = call.caller();
    let name = &line.agent.description().name;
    tell(page, &json!({ "kind": "answered", "agent": name })).await;
    let mut speaking = FuturesUnordered::new();
    loop {
        tokio::select! {
            event = call.next_event() => match event {
                Some(CarrierEvent::Played { ulaw, .. }) => drop(page.send(Message::Binary(ulaw)).await),
                Some(CarrierEvent::Cleared { .. }) => tell(page, &json!({ "kind": "cleared" })).await,
                Some(CarrierEvent::CarrierSaid { text }) => tell(page, &carrier(&format!("carrier: {text}"))).await,
                Some(CarrierEvent::Transfer { number, answer }) => {
                    let what = format!("carrier: put through to {number}: {}", answer.as_str());
                    tell(page, &carrier(&what)).await;
                }
                Some(
                    CarrierEvent::StreamOpened { .. }
                    | CarrierEvent::AgentStartedSpeaking { .. }
                    | CarrierEvent::AgentStoppedSpeaking { .. }
                    | CarrierEvent::Mark { .. }
                    | CarrierEvent::StreamClosed { .. }
                    | CarrierEvent::Ended(_),
                ) => {}
                None => break,
            },
            Some(what) = told.recv() => tell(page, &what).await,
            Some(()) = speaking.next() => {}
            message = hears.next() => match message {
                Some(Ok(Message::Binary(ulaw))) if ulaw.len() == FRAME && speaking.len() < FRAMES => {
                    let caller = caller.clone();
                    speaking.push(async move {
                        let _ = caller.send_audio(ulaw).await;
                    });
                }
                Some(Ok(Message::Text(text))) => wants(&caller, &text).await,
                Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_))) => {}
                // The page is gone, and with it the caller.
                Some(Ok(Message::Close(_)) | Err(_)) | None => {
                    let _ = caller.hang_up().await;
                    while call.next_event().await.is_some() {}
                    break;
                }
            },
        }
    }
    let record = call.finish().await;
    if let EndReason::Failed(why) = record.ended {
        return Err(Failure::new(format!("the call did not end well: {why}")));
    }
    let Finished { summary, .. } = timeout(REPORT, finished.recv())
        .await
        .map_err(|_| Failure::new("the agent did not come to its end"))??;
    let outcome = match &summary.outcome {
        Judgement::Failed(why) => Ended::Stopped(why.clone()),
        Judgement::Done | Judgement::Transferred | Judgement::CallBack | Judgement::Abandoned => {
            Ended::Agent(summary.outcome.clone())
        }
    };
    *line.current.lock() = None;
    let (left, _) = rehearsal.settle(outcome).await.map_err(Failure::new)?;
    while let Ok(what) = told.try_recv() {
        tell(page, &what).await;
    }
    let report: Vec<String> = left.report.iter().map(show::field).collect();
    tell(page, &json!({ "kind": "over", "outcome": show::outcome(&summary.outcome), "report": report }))
        .await;
    Ok(Talked { scene, left })
}

fn carrier(text: &str) -> Value {
    json!({ "kind": "carrier", "text": text })
}

async fn tell(page: &mut Page, what: &Value) {
    // A page that is gone is noticed where it is heard.
    let _ = page.send(Message::Text(what.to_string().into())).await;
}

async fn wants(caller: &client::Caller, text: &str) {
    match serde_json::from_str(text) {
        Ok(Wants::Key { key: key @ ('0'..='9' | '*' | '#') }) => drop(caller.key(key).await),
        Ok(Wants::HangUp) => drop(caller.hang_up().await),
        Ok(Wants::Key { .. }) | Err(_) => tracing::debug!("the page asked for something nobody does"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_presses_keys_and_hangs_up_and_nothing_else() {
        let wants = |text| serde_json::from_str::<Wants>(text).ok();
        assert_eq!(wants(r##"{"does":"key","key":"#"}"##), Some(Wants::Key { key: '#' }));
        assert_eq!(wants(r#"{"does":"hang-up"}"#), Some(Wants::HangUp));
        for strange in ["", "{}", r#"{"does":"dial"}"#, r#"{"does":"key","key":"12"}"#] {
            assert_eq!(wants(strange), None, "{strange}");
        }
    }
}
