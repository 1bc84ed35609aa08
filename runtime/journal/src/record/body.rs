//! What records hold of a call itself: its beginning, what was heard and said in it, what failed, and its end.

use parloir_contract::{CallInfo, Direction, Field, HostCall, HostReturn, Outcome};
use serde::{Deserialize, Serialize};

use super::{Amendment, Named, Seq};
use crate::Location;
use crate::key::Purpose;

/// See [`RecordBody::CallStarted`](super::RecordBody::CallStarted).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallStarted {
    /// The line's number, E.164.
    pub line: String,
    /// Who rang whom.
    pub direction: Direction,
    /// How the call arrived ("twilio", …).
    pub transport: String,
    /// The agent's name.
    pub agent_name: String,
    /// Its own version.
    pub agent_version: String,
    /// SHA-256 of its component.
    pub component_sha256: [u8; 32],
    /// The sandbox's configuration, as far as a guest could notice it.
    pub engine_config: String,
    /// Memory that the agent could take, in bytes: it fails where another limit would have let it go on.
    pub agent_memory: u64,
    /// The line's first language, BCP 47.
    pub language: String,
    /// *Content*: all the agent was told, the caller's number included.
    pub info: Option<CallInfo>,
}

impl Default for CallStarted {
    fn default() -> Self {
        Self {
            line: String::new(),
            direction: Direction::Inbound,
            transport: String::new(),
            agent_name: String::new(),
            agent_version: String::new(),
            component_sha256: [0; 32],
            engine_config: String::new(),
            agent_memory: 0,
            language: String::new(),
            info: None,
        }
    }
}

/// See [`RecordBody::TurnMeasured`](super::RecordBody::TurnMeasured). Milliseconds; `None` for what did not happen in this turn.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TurnMeasured {
    /// Counts the caller's turns, from 1.
    pub turn: u32,
    /// From the last speech frame to the decision that the turn is over.
    pub end_of_turn_ms: Option<u32>,
    /// From the last speech frame to the final text.
    pub transcription_ms: Option<u32>,
    /// From the final text to the agent's next word.
    pub agent_ms: Option<u32>,
    /// From the model's request to its first token.
    pub first_token_ms: Option<u32>,
    /// From the model's request to its first whole sentence.
    pub first_sentence_ms: Option<u32>,
    /// From the sentence to the first sound of it.
    pub first_audio_ms: Option<u32>,
    /// From the last speech frame to the first sound of the answer.
    pub reply_ms: Option<u32>,
    /// From the caller's first syllable over the agent to the agent's silence.
    pub barge_in_ms: Option<u32>,
    /// Confidence of the transcription, in thousandths.
    pub confidence_permille: Option<u16>,
}

/// Whose sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AudioDirection {
    /// The caller's.
    FromCaller,
    /// The agent's.
    ToCaller,
}

/// See [`RecordBody::MediaDigest`](super::RecordBody::MediaDigest).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaDigest {
    /// Whose sound.
    pub direction: AudioDirection,
    /// Which second of the call, from 0.
    pub second: u32,
    /// How many frames of 20 ms it had.
    pub frames: u16,
    /// HMAC-SHA-256 of their bytes as they were on the wire, under the call's digest key.
    pub sha256: [u8; 32],
}

/// See [`RecordBody::RecordingStored`](super::RecordBody::RecordingStored).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingStored {
    /// Which second of the call, from 0.
    pub second: u32,
    /// SHA-256 of the sealed block.
    pub sha256: [u8; 32],
    /// Where it rested when this was written. A hint: segments may be rewritten.
    pub location: Location,
}

/// See [`RecordBody::Key`](super::RecordBody::Key).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPressed {
    /// How long it was held, in milliseconds; 0 where the carrier does not say.
    pub held_ms: u32,
    /// *Content*: which key.
    pub key: Option<char>,
}

/// See [`RecordBody::Gate`](super::RecordBody::Gate).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Gate {
    /// Nobody has been asked yet: content is held in memory.
    Pending,
    /// There is consent: content is written.
    Open,
    /// Consent was refused: content is dropped.
    Refused,
    /// Paused: content is dropped until it is resumed.
    Paused,
}

/// See [`RecordBody::Content`](super::RecordBody::Content).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContentOf {
    /// The record it belongs to.
    pub of: Seq,
    /// *Content*: what was held back.
    pub content: Option<Content>,
}

/// What was said, asked, answered or pressed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Content {
    /// Of [`RecordBody::CallStarted`](super::RecordBody::CallStarted).
    Info(CallInfo),
    /// Of [`RecordBody::HostCallStarted`](super::RecordBody::HostCallStarted).
    Arguments(HostCall),
    /// Of [`RecordBody::HostCallEnded`](super::RecordBody::HostCallEnded).
    Result(HostReturn),
    /// Of [`RecordBody::Key`](super::RecordBody::Key).
    Key(char),
    /// Of [`RecordBody::Failure`](super::RecordBody::Failure), [`RecordBody::Wasi`](super::RecordBody::Wasi), [`RecordBody::Administered`](super::RecordBody::Administered), [`RecordBody::Erased`](super::RecordBody::Erased), [`RecordBody::Held`](super::RecordBody::Held), [`RecordBody::ContentRead`](super::RecordBody::ContentRead) and [`RecordBody::CallEnded`](super::RecordBody::CallEnded).
    Text(String),
    /// Of [`RecordBody::Content`](super::RecordBody::Content).
    Held(Box<Self>),
    /// Of [`RecordBody::Report`](super::RecordBody::Report).
    Report(Vec<Field>),
    /// Of [`RecordBody::DigestKey`](super::RecordBody::DigestKey).
    DigestKey([u8; 32]),
    /// Of [`RecordBody::Case`](super::RecordBody::Case), [`RecordBody::Restricted`](super::RecordBody::Restricted) and [`RecordBody::Blocked`](super::RecordBody::Blocked).
    Named(Named),
    /// Of [`RecordBody::Amended`](super::RecordBody::Amended).
    Amendment(Amendment),
}

/// What kind of thing failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FailureKind {
    /// The agent trapped.
    AgentTrap,
    /// The agent used up its time.
    AgentBudget,
    /// The agent used up its memory.
    AgentMemory,
    /// The agent could not be started.
    AgentStart,
    /// A provider failed and there was no other.
    Provider,
    /// The carrier's side failed.
    Transport,
    /// The host itself failed.
    Host,
    /// The journal had no room for something.
    Journal,
}

/// See [`RecordBody::Failure`](super::RecordBody::Failure).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind of thing failed.
    pub kind: FailureKind,
    /// Why, in the host's words: nothing that was said. Of an agent's bug, a file of its author's and a line if it
    /// names them, and from the second line on the engine's stack.
    pub reason: String,
    /// *Content*: the agent's or provider's own words.
    pub detail: Option<String>,
}

/// See [`RecordBody::Note`](super::RecordBody::Note).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// In the host's words: nothing that was said.
    pub text: String,
}

/// Which of a guest's streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum WasiStream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// See [`RecordBody::Wasi`](super::RecordBody::Wasi).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wasi {
    /// Which stream.
    pub stream: WasiStream,
    /// How many bytes were written.
    pub bytes: u64,
    /// *Content*: what was written.
    pub text: Option<String>,
}

/// See [`RecordBody::DigestKey`](super::RecordBody::DigestKey).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestKey {
    /// *Content*: the key. Without it the digests of this call's sound commit to it and confirm no guess.
    pub key: Option<[u8; 32]>,
}

/// See [`RecordBody::Report`](super::RecordBody::Report).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportFiled {
    /// How many fields it has.
    pub count: u32,
    /// *Content*: the fields. Where the caller refused to be recorded, only those the booking itself needs.
    pub fields: Option<Vec<Field>>,
}

/// See [`RecordBody::Unkept`](super::RecordBody::Unkept).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unkept {
    /// What cannot be read once the call is over: the tenant keeps it for 0 days.
    pub purposes: Vec<Purpose>,
}

/// See [`RecordBody::CallInterrupted`](super::RecordBody::CallInterrupted).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallInterrupted {
    /// Why.
    pub reason: String,
}

/// How an agent's part in a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum AgentEnd {
    /// The host stopped it, wherever it was, or nobody knows.
    #[default]
    Stopped,
    /// It came to its own end, and judged so.
    Own(Ending),
    /// It failed, or gave up.
    Failed(FailureKind),
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Ending {
    /// The conversation came to its end.
    #[default]
    Done,
    /// A human has the caller.
    Transferred,
    /// Somebody has to ring back.
    CallBack,
    /// The caller left.
    Abandoned,
    /// The agent gave up or failed.
    Failed,
    /// The call was cut off.
    Interrupted,
    /// No agent answered: the caller's number is blocked, or there was no place for the call.
    Refused,
}

impl From<&Outcome> for Ending {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::Done,
            Outcome::Transferred => Self::Transferred,
            Outcome::CallBack => Self::CallBack,
            Outcome::Abandoned => Self::Abandoned,
            Outcome::Failed(_) => Self::Failed,
        }
    }
}

/// See [`RecordBody::CallEnded`](super::RecordBody::CallEnded).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CallEnded {
    /// How it ended.
    pub outcome: Ending,
    /// How the agent's own part in it ended.
    pub agent: AgentEnd,
    /// From the answer to the end, in milliseconds.
    pub duration_ms: u64,
    /// Processor time of the agent, in microseconds.
    pub agent_cpu_us: u64,
    /// Frames of 20 ms from the caller.
    pub frames_in: u64,
    /// Frames of 20 ms to the caller.
    pub frames_out: u64,
    /// *Content*: why, in the agent's own words.
    pub reason: Option<String>,
}
