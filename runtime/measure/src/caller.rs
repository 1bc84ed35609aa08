//! One caller: one task, few allocations, absolute deadlines.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use parloir_transport::client::{Carrier, CarrierSocket, DialError, Lateness, connect, random_sid};
use parloir_transport::signature::{AuthToken, sign};
use parloir_transport::twilio::{CarrierWriter, Payload, ServerMessage, parse_from_server};
use parloir_transport::twiml::Verb;
use parloir_transport::ulaw::{BYTES_PER_MS, FRAME, SILENCE, rms};
use parloir_transport::webhook::VoiceRequest;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;

const TICK: Duration = Duration::from_millis(20);
/// The agent has finished when nothing was left to play for so long.
const SETTLED: Duration = Duration::from_millis(400);
/// A caller who hears no greeting speaks all the same.
const GREETING: Duration = Duration::from_secs(3);
/// One call in so many rings a line that misbehaves, where there is one.
const ONE_IN: u32 = 10;
const ACCOUNT: &str = "AC00000000000000000000000000000000";

/// What is called.
pub enum Target {
    /// A voice webhook, whose instructions open the stream.
    Webhook {
        /// Its address.
        url: String,
        /// How it is asked.
        carrier: Carrier,
        /// The line to ring.
        to: String,
        /// The callers' number; the call's index takes the place of its last digits.
        from: String,
    },
    /// A stream, directly.
    Stream {
        /// Its address.
        url: String,
        /// Connect here, whatever host the address names.
        via: Option<SocketAddr>,
        /// Signs the upgrade.
        auth_token: Option<AuthToken>,
    },
}

/// What all callers share.
pub(crate) struct Plan {
    pub(crate) target: Target,
    /// The lines that every tenth call rings instead.
    pub(crate) misbehaving: Vec<String>,
    pub(crate) speech: Bytes,
    pub(crate) end_of_turn: Duration,
    pub(crate) timeout: Duration,
    pub(crate) end: Instant,
}

/// What callers counted.
#[derive(Default)]
pub(crate) struct Tally {
    /// Reply latency from the frame on that completed the end-of-turn delay, one for each answered turn.
    pub(crate) latency: Vec<Duration>,
    /// Replies that came before that frame went out.
    pub(crate) early: u32,
    pub(crate) timeouts: u32,
    /// Calls that could not be placed or broke; the first reason.
    pub(crate) failed: u32,
    pub(crate) why: Option<String>,
    /// Calls that the server ended, and which were placed again.
    pub(crate) redialled: u32,
    pub(crate) gaps: Lateness,
    pub(crate) lateness: Lateness,
}

impl Tally {
    pub(crate) fn merge(&mut self, other: Self) {
        self.latency.extend(other.latency);
        self.early += other.early;
        self.timeouts += other.timeouts;
        self.failed += other.failed;
        self.redialled += other.redialled;
        self.why = self.why.take().or(other.why);
        self.gaps.merge(&other.gaps);
        self.lateness.merge(&other.lateness);
    }
}

impl Plan {
    /// The line that misbehaves for this caller, if it does.
    fn misbehaving(&self, index: u32) -> Option<&str> {
        let turn = usize::try_from(index / ONE_IN).ok()?.checked_rem(self.misbehaving.len())?;
        (index % ONE_IN == ONE_IN - 1).then(|| self.misbehaving.get(turn))?.map(String::as_str)
    }
}

/// A caller of this index from `at` to the plan's end; rings again when the server ends the call.
/// Says whether the line it rang misbehaves.
pub(crate) async fn run(plan: Arc<Plan>, index: u32, at: Instant) -> (Tally, bool) {
    sleep_until(at).await;
    let line = plan.misbehaving(index);
    let mut tally = Tally::default();
    while Instant::now() + Duration::from_secs(1) < plan.end {
        let ended = match open(&plan.target, line, index).await {
            Ok((socket, writer, parameters)) => {
                let talk = Talk::new(&plan, &mut tally, socket, writer);
                talk.run(&parameters).await
            }
            Err(error) => Err(error.to_string()),
        };
        match ended {
            Ok(Ended::InTime) => break,
            Ok(Ended::ByServer) => tally.redialled += 1,
            Err(why) => {
                tally.failed += 1;
                tally.why.get_or_insert(why);
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
    (tally, line.is_some())
}

type Socket = CarrierSocket;
type Parameters = Vec<(String, String)>;

async fn open(
    target: &Target,
    line: Option<&str>,
    index: u32,
) -> Result<(Socket, CarrierWriter, Parameters), DialError> {
    let call = random_sid("CA");
    let writer = CarrierWriter::new(ACCOUNT, &call, &random_sid("MZ"));
    match target {
        Target::Stream { url, via, auth_token } => {
            let signature = auth_token.as_ref().map(|token| sign(token, url, []));
            Ok((connect(url, *via, signature.as_deref()).await?, writer, Vec::new()))
        }
        Target::Webhook { url, carrier, to, from } => {
            let digits = from.len().saturating_sub(5);
            let from = format!("{}{index:05}", from.get(..digits).unwrap_or_default());
            let request = VoiceRequest {
                call_sid: call,
                account_sid: ACCOUNT.into(),
                from: Some(from),
                to: line.unwrap_or(to).to_owned(),
            };
            let answer = carrier.post(url, &request.to_form()).await?;
            let stream = answer.verbs.into_iter().find_map(|verb| match verb {
                Verb::Connect(connect) => Some(connect.stream),
                Verb::Dial(_) | Verb::Say(_) | Verb::Hangup | Verb::Reject => None,
            });
            let stream = stream.ok_or_else(|| DialError::Instructions {
                url: url.clone(),
                why: "it opens no stream: the server did not take the call".into(),
            })?;
            Ok((carrier.open(&stream.url).await?, writer, stream.parameters))
        }
    }
}

enum Ended {
    InTime,
    ByServer,
}

/// Whose turn it is.
enum Turn {
    /// The agent may greet.
    Greeting { since: Instant },
    /// The caller speaks, from this byte of the speech on.
    Speaking { from: usize },
    /// The caller has spoken, and sends quiet: so many frames since its last word, which went out then.
    Waiting { spoken: Instant, quiet: u32, due: Due },
    /// The agent replies.
    Hearing,
}

/// Since when a reply is due: the frame with which the caller was quiet for the end-of-turn delay went out then. How late a frame
/// goes out is the caller's affair, and no server's.
type Due = Option<Instant>;

struct Talk<'a> {
    plan: &'a Plan,
    tally: &'a mut Tally,
    socket: Socket,
    writer: CarrierWriter,
    turn: Turn,
    /// When what was received has been played.
    played: Instant,
    /// When the last piece came since the caller last finished speaking: what comes while they speak belongs to what was
    /// before, for an agent who falls silent for long enough has a caller who speaks.
    last_chunk: Option<Instant>,
    heard: bool,
    marks: VecDeque<(Instant, String)>,
}

impl<'a> Talk<'a> {
    fn new(plan: &'a Plan, tally: &'a mut Tally, socket: Socket, writer: CarrierWriter) -> Self {
        let now = Instant::now();
        Self {
            plan,
            tally,
            socket,
            writer,
            turn: Turn::Greeting { since: now },
            played: now,
            last_chunk: None,
            heard: false,
            marks: VecDeque::new(),
        }
    }

    async fn run(mut self, parameters: &[(String, String)]) -> Result<Ended, String> {
        self.send(CarrierWriter::connected()).await?;
        let start = self.writer.start(parameters);
        self.send(start).await?;
        let (begin, mut tick) = (Instant::now(), 0u32);
        loop {
            let deadline = begin + TICK * tick;
            tokio::select! {
                biased;
                () = sleep_until(deadline) => {
                    self.tally.lateness.add(deadline.elapsed());
                    if Instant::now() >= self.plan.end {
                        let stop = self.writer.stop();
                        self.send(stop).await?;
                        let _ = timeout(Duration::from_secs(2), self.socket.close(None)).await;
                        return Ok(Ended::InTime);
                    }
                    self.tick(tick).await?;
                    tick += 1;
                }
                message = self.socket.next() => match message {
                    Some(Ok(Message::Text(text))) => self.hear(text.as_str()).await?,
                    Some(Ok(Message::Close(Some(frame)))) if u16::from(frame.code) != 1000 => {
                        return Err(format!("the server closed with {}: {}", frame.code, frame.reason));
                    }
                    Some(Ok(Message::Close(_))) => return Ok(Ended::ByServer),
                    Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                    Some(Err(error)) => return Err(error.to_string()),
                    None => return Err("the connection ended without a close".into()),
                },
            }
        }
    }

    async fn tick(&mut self, tick: u32) -> Result<(), String> {
        let now = Instant::now();
        while self.marks.front().is_some_and(|(due, _)| *due <= now) {
            if let Some((_, name)) = self.marks.pop_front() {
                let echo = self.writer.mark(&name);
                self.send(echo).await?;
            }
        }
        let settled = now >= self.played + SETTLED;
        match self.turn {
            Turn::Greeting { since } => {
                if settled && (self.heard || now >= since + GREETING) {
                    self.turn = Turn::Speaking { from: 0 };
                }
            }
            Turn::Hearing if settled => self.turn = Turn::Speaking { from: 0 },
            Turn::Hearing | Turn::Speaking { .. } => {}
            Turn::Waiting { spoken, .. } => {
                if now >= spoken + self.plan.timeout {
                    self.tally.timeouts += 1;
                    self.turn = Turn::Speaking { from: 0 };
                }
            }
        }
        let timestamp = u64::from(tick) * 20;
        let Turn::Speaking { from } = self.turn else {
            let frame = self.writer.media(timestamp, &[SILENCE; FRAME]);
            if let Turn::Waiting { quiet, due, .. } = &mut self.turn {
                *quiet = quiet.saturating_add(1);
                if due.is_none() && TICK * *quiet >= self.plan.end_of_turn {
                    *due = Some(Instant::now());
                }
            }
            return self.send(frame).await;
        };
        let speech = &self.plan.speech;
        let end = (from + FRAME).min(speech.len());
        let frame = self.writer.media(timestamp, speech.get(from..end).unwrap_or_default());
        self.send(frame).await?;
        self.turn = if end == speech.len() {
            self.last_chunk = None;
            Turn::Waiting { spoken: Instant::now(), quiet: 0, due: None }
        } else {
            Turn::Speaking { from: end }
        };
        Ok(())
    }

    async fn hear(&mut self, text: &str) -> Result<(), String> {
        match parse_from_server(text).map_err(|error| error.to_string())? {
            ServerMessage::Media { payload, .. } => self.chunk(&payload)?,
            ServerMessage::Mark { name, .. } => {
                self.marks.push_back((self.played.max(Instant::now()), name.into()))
            }
            ServerMessage::Clear { .. } => {
                self.played = Instant::now();
                for (_, name) in std::mem::take(&mut self.marks) {
                    let echo = self.writer.mark(&name);
                    self.send(echo).await?;
                }
            }
            ServerMessage::Unknown { .. } => {}
        }
        Ok(())
    }

    fn chunk(&mut self, payload: &Payload<'_>) -> Result<(), String> {
        let now = Instant::now();
        let bytes = payload.as_base64().len() / 4 * 3;
        let ms = u64::try_from(bytes / BYTES_PER_MS).unwrap_or(0);
        self.played = self.played.max(now) + Duration::from_millis(ms);
        if let Some(last) = self.last_chunk.replace(now) {
            self.tally.gaps.add(now - last);
        }
        self.heard = true;
        if let Turn::Waiting { due, .. } = self.turn {
            // Silence sent ahead of a voice is no reply.
            if rms(&payload.decode().map_err(|error| error.to_string())?) > 50.0 {
                match due {
                    Some(due) => self.tally.latency.push(now - due),
                    None => {
                        self.tally.early += 1;
                        self.tally.latency.push(Duration::ZERO);
                    }
                }
                self.turn = Turn::Hearing;
            }
        }
        Ok(())
    }

    async fn send(&mut self, text: String) -> Result<(), String> {
        match timeout(Duration::from_secs(5), self.socket.send(Message::text(text))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the server does not read".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use parloir_transport::twilio::Writer;
    use tokio::net::TcpListener;

    use super::*;
    use crate::speech;

    #[tokio::test]
    async fn a_silence_after_which_the_caller_takes_the_turn_is_a_gap_all_the_same() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (socket, _) = listener.accept().await.unwrap();
            let mut socket = tokio_tungstenite::accept_async(socket).await.unwrap();
            let writer = Writer::new("");
            for _ in 0..2 {
                socket.send(Message::text(writer.media(&[0x10; FRAME]))).await.unwrap();
                tokio::time::sleep(3 * SETTLED).await;
            }
            while let Some(Ok(_)) = socket.next().await {}
        });
        let plan = Arc::new(Plan {
            target: Target::Stream { url, via: None, auth_token: None },
            misbehaving: Vec::new(),
            speech: speech::generate(),
            end_of_turn: Duration::from_millis(500),
            timeout: Duration::from_secs(10),
            end: Instant::now() + 8 * SETTLED,
        });
        let (tally, _) = run(plan, 0, Instant::now()).await;
        server.await.unwrap();
        assert_eq!((tally.failed, tally.gaps.count()), (0, 1), "{:?}", tally.why);
        assert!(tally.gaps.max() > SETTLED, "{:?}", tally.gaps.max());
    }
}
