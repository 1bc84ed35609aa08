//! The carrier's side of the protocol: what rings our webhook and carries the sound.
//!
//! `parloir call`, the end-to-end tests and the load client use it. It behaves as a carrier does:
//! it signs what it posts, follows the call instructions it gets, sends a frame every 20 ms whether
//! the caller speaks or not, plays what it receives at the pace of life, echoes each mark when
//! playout reaches it, and echoes the dropped ones at once when told to `clear`.
//!
//! ```no_run
//! use parloir_transport::client::{CarrierCall, CarrierEvent, DialOptions};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let options = DialOptions { from: Some("+33612345678".into()), ..DialOptions::to("+33123456789") };
//! let mut call = CarrierCall::dial("http://127.0.0.1:8080/twilio/voice", options).await?;
//! while let Some(event) = call.next_event().await {
//!     if let CarrierEvent::AgentStoppedSpeaking { .. } = event {
//!         call.key('1').await?;
//!         call.hang_up().await?;
//!     }
//! }
//! let record = call.finish().await;
//! println!("{:?}, worst lateness {:?}", record.ended, record.lateness.max());
//! # Ok(())
//! # }
//! ```

mod ear;
mod lateness;
mod line;
mod playout;
mod post;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use parloir_contract::TraceParent;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

pub use lateness::Lateness;
pub use playout::Playout;
pub use post::{Carrier, CarrierSocket, DialError, Wire, connect, random_sid};

use crate::signature::AuthToken;
use crate::webhook::{DialStatus, VoiceRequest};

/// How the call is placed. [`DialOptions::to`] fills in what a test or a demo wants.
#[derive(Debug, Clone)]
pub struct DialOptions {
    /// The account's secret: signs the webhook and the upgrade. Nothing is signed without it.
    pub auth_token: Option<AuthToken>,
    /// The carrier's account.
    pub account: String,
    /// The caller's number; withheld when none.
    pub from: Option<String>,
    /// The line to ring.
    pub to: String,
    /// Connect here, without TLS, whatever host the addresses name: for a server whose public address
    /// is not where it runs. Signatures are made for the public address.
    pub via: Option<SocketAddr>,
    /// Over TLS: the certificates (PEM) of the authorities that are trusted, and no others. None: those of this machine.
    pub authorities: Option<Bytes>,
    /// The agent has finished when it was quiet so long: 900 ms.
    pub agent_quiet: Duration,
    /// Root mean square above which a played frame is the agent's voice: 200 of 32767 (−44 dBFS).
    pub loud: f32,
    /// What happens when the agent's side hands the caller over to a number.
    pub transfer_answer: DialStatus,
    /// What happens at each hand-over, one after the other; the last stands for the rest. Where it is empty,
    /// [`DialOptions::transfer_answer`] stands for all.
    pub transfer_answers: Vec<DialStatus>,
    /// How long that number rings: 500 ms.
    pub ring: Duration,
    /// How long the carrier takes to ask what comes next, once a stream has ended: 0 s.
    pub asks_after: Duration,
    /// For one answer of the webhook: 10 s.
    pub patience: Duration,
    /// Report every played frame as [`CarrierEvent::Played`].
    pub report_frames: bool,
    /// What is kept of both sides: 30 minutes.
    pub record: Duration,
    /// The trace that the carrier's requests belong to.
    pub trace: Option<TraceParent>,
}

impl DialOptions {
    /// Rings this line, unsigned, with a withheld number; a transfer is answered.
    pub fn to(line: impl Into<String>) -> Self {
        Self {
            auth_token: None,
            account: "AC00000000000000000000000000000000".to_owned(),
            from: None,
            to: line.into(),
            via: None,
            authorities: None,
            agent_quiet: Duration::from_millis(900),
            loud: 200.0,
            transfer_answer: DialStatus::Completed,
            transfer_answers: Vec::new(),
            ring: Duration::from_millis(500),
            asks_after: Duration::ZERO,
            patience: Duration::from_secs(10),
            report_frames: false,
            record: Duration::from_secs(1800),
            trace: None,
        }
    }
}

/// What happens on the caller's telephone. Times are milliseconds since the call was placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CarrierEvent {
    /// Sound is open.
    StreamOpened {
        /// The stream's name.
        stream: String,
    },
    /// The agent's voice begins.
    AgentStartedSpeaking {
        /// When the first loud frame was played.
        at_ms: u64,
    },
    /// The agent has been quiet for [`DialOptions::agent_quiet`] and nothing waits to be played.
    AgentStoppedSpeaking {
        /// When its last loud frame ended.
        at_ms: u64,
    },
    /// 20 ms were played, if [`DialOptions::report_frames`].
    Played {
        /// When it began.
        at_ms: u64,
        /// 160 bytes of µ-law.
        ulaw: Bytes,
    },
    /// A mark was echoed.
    Mark {
        /// Its name.
        name: String,
        /// When.
        at_ms: u64,
        /// Whether `clear` dropped it, so that nobody heard what was before it.
        dropped: bool,
    },
    /// The agent's side dropped what had not been played.
    Cleared {
        /// When.
        at_ms: u64,
        /// How much nobody will hear.
        dropped_ms: u64,
    },
    /// The server closed the stream.
    StreamClosed {
        /// The WebSocket close code; 1006 when it broke.
        code: u16,
        /// The server's words.
        reason: String,
    },
    /// The carrier's own voice said something, as the instructions asked.
    CarrierSaid {
        /// What it said.
        text: String,
    },
    /// The caller was handed over to a number.
    Transfer {
        /// The number dialled.
        number: String,
        /// How it went, as [`DialOptions::transfer_answer`] decided.
        answer: DialStatus,
    },
    /// The last event.
    Ended(EndReason),
}

/// Why the call is over, seen from the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndReason {
    /// The caller hung up.
    CallerHungUp,
    /// The instructions ended, or said to hang up.
    AgentHungUp,
    /// Something on the way failed; what, in words.
    Failed(String),
}

/// The call is over; nothing more can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the call is over")]
pub struct CallOver;

/// What a call came to.
#[derive(Debug, Clone)]
pub struct CallRecord {
    /// Why it ended.
    pub ended: EndReason,
    /// How late our own frames were: figures of a run with more than 5 ms at p99 are worth little.
    pub lateness: Lateness,
    /// What the caller sent, µ-law, from the first frame of the first stream.
    pub sent: Vec<u8>,
    /// What the caller heard, µ-law, as long as `sent`.
    pub heard: Vec<u8>,
}

impl CallRecord {
    /// Both sides interleaved, the caller left and the agent right: two-channel µ-law for a WAV of
    /// format 7 at 8 kHz.
    pub fn stereo(&self) -> Vec<u8> {
        self.sent.iter().zip(&self.heard).flat_map(|(&sent, &heard)| [sent, heard]).collect()
    }

    /// [`CallRecord::stereo`] as a whole WAV file.
    pub fn wav(&self) -> Vec<u8> {
        let sound = self.stereo();
        let length = u32::try_from(sound.len()).unwrap_or(u32::MAX - 64);
        let mut file = Vec::with_capacity(sound.len() + 58);
        file.extend_from_slice(b"RIFF");
        file.extend_from_slice(&(length + 50).to_le_bytes());
        file.extend_from_slice(b"WAVEfmt ");
        file.extend_from_slice(&18u32.to_le_bytes());
        // Format 7 (µ-law), 2 channels, 8000 Hz, 16000 bytes a second, 2 bytes a frame, 8 bits.
        for (value, bytes) in [(7u32, 2), (2, 2), (8000, 4), (16_000, 4), (2, 2), (8, 2), (0, 2)] {
            file.extend(value.to_le_bytes().into_iter().take(bytes));
        }
        file.extend_from_slice(b"fact");
        file.extend_from_slice(&4u32.to_le_bytes());
        file.extend_from_slice(&(length / 2).to_le_bytes());
        file.extend_from_slice(b"data");
        file.extend_from_slice(&length.to_le_bytes());
        file.extend_from_slice(&sound);
        file
    }
}

enum Request {
    Audio { ulaw: Bytes, sent: oneshot::Sender<()> },
    Key(char),
    HangUp,
}

/// A call on the caller's telephone.
#[derive(Debug)]
pub struct CarrierCall {
    caller: Caller,
    events: mpsc::Receiver<CarrierEvent>,
    task: JoinHandle<CallRecord>,
}

/// What the caller can do; cheap to clone, for speaking while events are read.
#[derive(Debug, Clone)]
pub struct Caller {
    requests: mpsc::Sender<Request>,
}

impl Caller {
    /// Speaks: µ-law, any length, after what is still being spoken. Returns when its last frame was sent. An error once the call
    /// is over.
    pub async fn send_audio(&self, ulaw: impl Into<Bytes>) -> Result<(), CallOver> {
        let (sent, done) = oneshot::channel();
        self.request(Request::Audio { ulaw: ulaw.into(), sent }).await?;
        done.await.map_err(|_| CallOver)
    }

    /// Presses a key. An error once the call is over.
    pub async fn key(&self, key: char) -> Result<(), CallOver> {
        self.request(Request::Key(key)).await
    }

    /// Hangs up. An error where it is over already.
    pub async fn hang_up(&self) -> Result<(), CallOver> {
        self.request(Request::HangUp).await
    }

    async fn request(&self, request: Request) -> Result<(), CallOver> {
        self.requests.send(request).await.map_err(|_| CallOver)
    }
}

impl CarrierCall {
    /// Places a call: posts the webhook and, with its instructions, goes on in a task of its own. Fails where the webhook cannot
    /// be asked, or answers with what are no instructions.
    pub async fn dial(webhook: &str, options: DialOptions) -> Result<Self, DialError> {
        let DialOptions { auth_token, via, patience, authorities, .. } = &options;
        let carrier = Carrier::trusting(auth_token.clone(), *via, *patience, authorities.as_deref())?;
        let carrier = carrier.traced(options.trace);
        let request = VoiceRequest {
            call_sid: random_sid("CA"),
            account_sid: options.account.clone(),
            from: options.from.clone(),
            to: options.to.clone(),
        };
        let answer = carrier.post(webhook, &request.to_form()).await?;
        let (requests, request_receiver) = mpsc::channel(64);
        let (event_sender, events) = mpsc::channel(4096);
        let line = line::Line::new(carrier, options, request, request_receiver, event_sender);
        let task = tokio::spawn(line.run(webhook.to_owned(), answer));
        Ok(Self { caller: Caller { requests }, events, task })
    }

    /// The next thing that happens; `None` after [`CarrierEvent::Ended`].
    pub async fn next_event(&mut self) -> Option<CarrierEvent> {
        self.events.recv().await
    }

    /// A handle for speaking while events are read.
    pub fn caller(&self) -> Caller {
        self.caller.clone()
    }

    /// See [`Caller::send_audio`].
    pub async fn send_audio(&self, ulaw: impl Into<Bytes>) -> Result<(), CallOver> {
        self.caller.send_audio(ulaw).await
    }

    /// See [`Caller::key`].
    pub async fn key(&self, key: char) -> Result<(), CallOver> {
        self.caller.key(key).await
    }

    /// See [`Caller::hang_up`].
    pub async fn hang_up(&self) -> Result<(), CallOver> {
        self.caller.hang_up().await
    }

    /// Hangs up if nobody has, and gives what the call came to.
    pub async fn finish(mut self) -> CallRecord {
        let _ = self.caller.hang_up().await;
        while self.events.recv().await.is_some() {}
        self.task.await.unwrap_or_else(|error| CallRecord {
            ended: EndReason::Failed(format!("the caller's own task failed: {error}")),
            lateness: Lateness::default(),
            sent: Vec::new(),
            heard: Vec::new(),
        })
    }
}
