//! The telephone line: follows the call instructions and runs the streams they open.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;

use super::ear::{Change, Ear};
use super::{
    CallRecord, Carrier, CarrierEvent, CarrierSocket, DialOptions, EndReason, Lateness, Playout, Request,
    random_sid,
};
use crate::leg::{ONE_MOMENT, ONE_MOMENT_OVER};
use crate::twilio::{CarrierWriter, ServerMessage, parse_from_server};
use crate::twiml::{Connect, Dial, Response, Verb};
use crate::ulaw::{BYTES_PER_MS, FRAME, SILENCE, rms};
use crate::webhook::{Form, VoiceRequest};

const TICK: Duration = Duration::from_millis(20);
/// Instructions that lead to instructions without end are a mistake of the server's.
const MAX_DOCUMENTS: usize = 32;
/// Utterances that may wait to be spoken.
const MAX_WAITING: usize = 64;
const WRITE_PATIENCE: Duration = Duration::from_secs(5);

struct Utterance {
    ulaw: Bytes,
    sent: Option<oneshot::Sender<()>>,
}

pub(super) struct Line {
    carrier: Carrier,
    options: DialOptions,
    /// Hand-overs so far.
    transfers: usize,
    call: VoiceRequest,
    requests: mpsc::Receiver<Request>,
    events: mpsc::Sender<CarrierEvent>,
    clock: Instant,
    tick: u32,
    speaking: VecDeque<Utterance>,
    ear: Ear,
    /// What is being played are words that are nobody's turn: see [`ONE_MOMENT`].
    one_moment: bool,
    lateness: Lateness,
    sent: Vec<u8>,
    heard: Vec<u8>,
}

/// What to do after a verb.
enum After {
    NextVerb,
    Ask { url: String, form: Form },
    End(EndReason),
}

/// How a stream ended.
enum StreamEnd {
    Closed { code: u16, reason: String },
    CallerHungUp,
}

impl Line {
    pub(super) fn new(
        carrier: Carrier,
        options: DialOptions,
        call: VoiceRequest,
        requests: mpsc::Receiver<Request>,
        events: mpsc::Sender<CarrierEvent>,
    ) -> Self {
        let quiet = u64::try_from(options.agent_quiet.as_millis()).unwrap_or(u64::MAX);
        let ear = Ear::new(quiet, options.loud);
        Self {
            carrier,
            call,
            requests,
            events,
            clock: Instant::now(),
            tick: 0,
            speaking: VecDeque::new(),
            ear,
            one_moment: false,
            lateness: Lateness::default(),
            sent: Vec::new(),
            heard: Vec::new(),
            options,
            transfers: 0,
        }
    }

    pub(super) async fn run(mut self, webhook: String, first: Response) -> CallRecord {
        let ended = self.follow(webhook, first).await;
        // Nobody may be reading any more; the record tells all the same.
        let _ = timeout(WRITE_PATIENCE, self.events.send(CarrierEvent::Ended(ended.clone()))).await;
        CallRecord { ended, lateness: self.lateness, sent: self.sent, heard: self.heard }
    }

    fn emit(&self, event: CarrierEvent) {
        if self.events.try_send(event).is_err() {
            tracing::debug!("an event of the caller's telephone found nobody");
        }
    }

    async fn follow(&mut self, webhook: String, first: Response) -> EndReason {
        let (mut base, mut document) = (webhook, first);
        for _ in 0..MAX_DOCUMENTS {
            let mut next = None;
            for verb in std::mem::take(&mut document.verbs) {
                match self.verb(verb).await {
                    After::NextVerb => {}
                    After::Ask { url, form } => {
                        next = Some((url, form));
                        break;
                    }
                    After::End(reason) => return reason,
                }
            }
            let Some((url, form)) = next else {
                return EndReason::AgentHungUp;
            };
            // An action may be written relative to the document's own address.
            base = url::Url::parse(&base).and_then(|base| base.join(&url)).map_or(url, String::from);
            tokio::time::sleep(self.options.asks_after).await;
            document = match self.carrier.post(&base, &form).await {
                Ok(document) => document,
                Err(error) => return EndReason::Failed(error.to_string()),
            };
        }
        EndReason::Failed(format!("the call instructions led to more instructions {MAX_DOCUMENTS} times"))
    }

    fn form(&self, status: &str) -> Vec<(&'static str, String)> {
        vec![
            ("CallSid", self.call.call_sid.clone()),
            ("AccountSid", self.call.account_sid.clone()),
            ("From", self.call.from.clone().unwrap_or_else(|| "anonymous".to_owned())),
            ("To", self.call.to.clone()),
            ("CallStatus", status.to_owned()),
        ]
    }

    async fn verb(&mut self, verb: Verb) -> After {
        match verb {
            Verb::Hangup => After::End(EndReason::AgentHungUp),
            Verb::Reject => {
                After::End(EndReason::Failed("the line rejected the call, as if it were busy".into()))
            }
            Verb::Say(say) => {
                self.emit(CarrierEvent::CarrierSaid { text: say.text });
                After::NextVerb
            }
            Verb::Connect(connect) => self.connect(connect).await,
            Verb::Dial(dial) => self.dial(dial).await,
        }
    }

    async fn dial(&mut self, dial: Dial) -> After {
        let listed = &self.options.transfer_answers;
        let answer = listed.get(self.transfers).or(listed.last()).copied();
        let answer = answer.unwrap_or(self.options.transfer_answer);
        self.transfers += 1;
        self.emit(CarrierEvent::Transfer { number: dial.number, answer });
        tokio::time::sleep(self.options.ring).await;
        match dial.action {
            None => After::NextVerb,
            Some(url) => {
                let mut form = self.form("in-progress");
                form.push(("DialCallStatus", answer.as_str().to_owned()));
                After::Ask { url, form: Form::new(form) }
            }
        }
    }

    async fn connect(&mut self, connect: Connect) -> After {
        let mut socket = match self.carrier.open(&connect.stream.url).await {
            Ok(socket) => socket,
            Err(error) => {
                // A carrier whose stream cannot be opened goes on with its instructions.
                self.emit(CarrierEvent::StreamClosed { code: 1006, reason: error.to_string() });
                return self.after_stream(connect.action, None);
            }
        };
        let stream = random_sid("MZ");
        self.emit(CarrierEvent::StreamOpened { stream: stream.clone() });
        let writer = CarrierWriter::new(&self.call.account_sid, &self.call.call_sid, &stream);
        let end = self.stream(&mut socket, writer, &connect.stream.parameters).await;
        if let Some(change) = self.ear.end() {
            self.emit_change(change);
        }
        // What was being played went with its stream: the next one begins with the agent's own words.
        self.one_moment = false;
        match end {
            // No call is left for further instructions to act on, so none are asked for.
            StreamEnd::CallerHungUp => After::End(EndReason::CallerHungUp),
            StreamEnd::Closed { code, reason } => {
                let _ = timeout(WRITE_PATIENCE, socket.close(None)).await;
                self.emit(CarrierEvent::StreamClosed { code, reason });
                self.after_stream(connect.action, Some(stream))
            }
        }
    }

    fn after_stream(&self, action: Option<String>, stream: Option<String>) -> After {
        let Some(url) = action else {
            return After::NextVerb;
        };
        let mut form = self.form("in-progress");
        form.extend(stream.map(|stream| ("StreamSid", stream)));
        After::Ask { url, form: Form::new(form) }
    }

    fn emit_change(&self, change: Change) {
        self.emit(match change {
            Change::Started { at_ms } => CarrierEvent::AgentStartedSpeaking { at_ms },
            Change::Stopped { at_ms } => CarrierEvent::AgentStoppedSpeaking { at_ms },
        });
    }

    fn now_ms(&self) -> u64 {
        u64::from(self.tick) * 20
    }

    async fn stream(
        &mut self,
        socket: &mut CarrierSocket,
        mut writer: CarrierWriter,
        parameters: &[(String, String)],
    ) -> StreamEnd {
        let broken = |reason: String| StreamEnd::Closed { code: 1006, reason };
        for text in [CarrierWriter::connected(), writer.start(parameters)] {
            if let Err(reason) = send(socket, text).await {
                return broken(reason);
            }
        }
        // What was asked for while no sound was open keeps its place; the clock goes on from now.
        let passed = self.clock.elapsed().as_millis() / TICK.as_millis();
        self.tick = self.tick.max(u32::try_from(passed + 1).unwrap_or(u32::MAX));
        let opened = self.now_ms();
        let mut playout = Playout::default();
        loop {
            let deadline = self.clock + TICK * self.tick;
            tokio::select! {
                biased;
                () = sleep_until(deadline) => {
                    self.lateness.add(deadline.elapsed());
                    for name in playout.reached() {
                        match name.as_str() {
                            ONE_MOMENT => self.one_moment = true,
                            ONE_MOMENT_OVER => self.one_moment = false,
                            // One of those that say how far playout has come.
                            _ => {}
                        }
                        let echo = writer.mark(&name);
                        self.emit(CarrierEvent::Mark { name, at_ms: self.now_ms(), dropped: false });
                        if let Err(reason) = send(socket, echo).await {
                            return broken(reason);
                        }
                    }
                    let said = self.next_frame();
                    let frame = writer.media(self.now_ms() - opened, &said);
                    if let Err(reason) = send(socket, frame).await {
                        return broken(reason);
                    }
                    self.play(&mut playout, &said);
                    self.tick += 1;
                }
                request = self.requests.recv(), if self.speaking.len() < MAX_WAITING => match request {
                    None | Some(Request::HangUp) => {
                        let _ = send(socket, writer.stop()).await;
                        let _ = timeout(WRITE_PATIENCE, socket.close(None)).await;
                        return StreamEnd::CallerHungUp;
                    }
                    Some(Request::Key(key)) => {
                        if let Err(reason) = send(socket, writer.dtmf(key)).await {
                            return broken(reason);
                        }
                    }
                    Some(Request::Audio { ulaw, sent }) => {
                        self.speaking.push_back(Utterance { ulaw, sent: Some(sent) });
                    }
                },
                message = socket.next() => match message {
                    Some(Ok(Message::Text(text))) => {
                        if let Err(reason) = self.hear(text.as_str(), &mut playout, &mut writer, socket).await {
                            return broken(reason);
                        }
                    }
                    Some(Ok(Message::Close(frame))) => {
                        let (code, reason) = frame.map_or((1005, String::new()), |frame| {
                            (u16::from(frame.code), frame.reason.as_str().to_owned())
                        });
                        return StreamEnd::Closed { code, reason };
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                    Some(Ok(Message::Binary(_))) => {
                        tracing::warn!("the server sent a binary frame, which a carrier does not take");
                    }
                    Some(Err(error)) => return broken(error.to_string()),
                    None => return broken("the connection ended without a close".to_owned()),
                },
            }
        }
    }

    /// The caller's next 20 ms: what is being said, else silence.
    fn next_frame(&mut self) -> [u8; FRAME] {
        let mut frame = [SILENCE; FRAME];
        let mut filled = 0;
        while filled < FRAME {
            let Some(utterance) = self.speaking.front_mut() else {
                break;
            };
            let count = utterance.ulaw.len().min(FRAME - filled);
            let piece = utterance.ulaw.split_to(count);
            frame.iter_mut().skip(filled).zip(&piece).for_each(|(to, from)| *to = *from);
            filled += count;
            if utterance.ulaw.is_empty() {
                let done = utterance.sent.take();
                self.speaking.pop_front();
                // The speaker may have stopped waiting for it.
                let _ = done.map(|done| done.send(()));
                break;
            }
        }
        frame
    }

    /// Plays 20 ms and keeps both sides.
    fn play(&mut self, playout: &mut Playout, said: &[u8; FRAME]) {
        let mut frame = [SILENCE; FRAME];
        playout.frame(&mut frame);
        let at_ms = self.now_ms();
        let loudness = if self.one_moment { 0.0 } else { rms(&frame) };
        if let Some(change) = self.ear.frame(at_ms, loudness, playout.is_empty()) {
            self.emit_change(change);
        }
        if self.options.report_frames {
            self.emit(CarrierEvent::Played { at_ms, ulaw: Bytes::copy_from_slice(&frame) });
        }
        let place = usize::try_from(at_ms).unwrap_or(usize::MAX).saturating_mul(BYTES_PER_MS);
        let limit = usize::try_from(self.options.record.as_millis()).unwrap_or(usize::MAX);
        if place + FRAME <= limit.saturating_mul(BYTES_PER_MS) {
            for (side, sound) in [(&mut self.sent, said), (&mut self.heard, &frame)] {
                side.resize(place, SILENCE);
                side.extend_from_slice(sound);
            }
        }
    }

    async fn hear(
        &mut self,
        text: &str,
        playout: &mut Playout,
        writer: &mut CarrierWriter,
        socket: &mut CarrierSocket,
    ) -> Result<(), String> {
        match parse_from_server(text).map_err(|error| error.to_string())? {
            ServerMessage::Media { payload, .. } => {
                let sound = payload.decode().map_err(|error| error.to_string())?;
                if !playout.push(sound) {
                    tracing::warn!("the server sent more than ten minutes ahead: sound was dropped");
                }
            }
            ServerMessage::Mark { name, .. } => {
                playout.mark(name.into());
            }
            ServerMessage::Clear { .. } => {
                let (marks, bytes) = playout.clear();
                self.one_moment = false;
                let at_ms = self.now_ms();
                let dropped_ms = u64::try_from(bytes / BYTES_PER_MS).unwrap_or(u64::MAX);
                self.emit(CarrierEvent::Cleared { at_ms, dropped_ms });
                for name in marks {
                    let echo = writer.mark(&name);
                    self.emit(CarrierEvent::Mark { name, at_ms, dropped: true });
                    send(socket, echo).await?;
                }
            }
            ServerMessage::Unknown { event } => {
                tracing::warn!(event = event.as_str(), "the server sent an event that carriers do not know");
            }
        }
        Ok(())
    }
}

async fn send(socket: &mut CarrierSocket, text: String) -> Result<(), String> {
    match timeout(WRITE_PATIENCE, socket.send(Message::text(text))).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("the server does not read".to_owned()),
    }
}
