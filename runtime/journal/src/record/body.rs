//! What each kind of record holds.

use parloir_contract::{CallId, CallInfo, Direction, Field, HostCall, HostReturn, Import, Outcome, Refusal};
use serde::{Deserialize, Serialize};

use super::Seq;
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

/// See [`RecordBody::HostCallStarted`](super::RecordBody::HostCallStarted).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostCallStarted {
    /// Which import.
    pub import: Import,
    /// *Content*: what it was asked with.
    pub arguments: Option<HostCall>,
}

/// How a host call went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HostStatus {
    /// It was done.
    Ok,
    /// Not permitted.
    NotPermitted,
    /// Over a quota.
    OverQuota,
    /// What was asked for is not there, or its provider failed.
    Unavailable,
    /// The arguments are out of range.
    Invalid,
    /// The host failed; the guest trapped.
    Failed,
    /// The call ended before there was an answer.
    Cancelled,
}

impl HostStatus {
    /// What an answer says of how it went.
    pub fn of(answer: &HostReturn) -> Self {
        match answer.refusal() {
            None => Self::Ok,
            Some(Refusal::NotPermitted(_)) => Self::NotPermitted,
            Some(Refusal::OverQuota(_)) => Self::OverQuota,
            Some(Refusal::Unavailable(_)) => Self::Unavailable,
            Some(Refusal::Invalid(_)) => Self::Invalid,
        }
    }
}

/// See [`RecordBody::HostCallEnded`](super::RecordBody::HostCallEnded).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostCallEnded {
    /// The [`RecordBody::HostCallStarted`](super::RecordBody::HostCallStarted) it answers.
    pub started: Seq,
    /// How it went.
    pub status: HostStatus,
    /// From question to answer, in microseconds.
    pub latency_us: u64,
    /// Whether the agent got the answer.
    pub delivered: bool,
    /// *Content*: the answer.
    pub result: Option<HostReturn>,
}

/// What a provider does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ProviderRole {
    /// Speech to text.
    SpeechToText,
    /// Language model.
    LanguageModel,
    /// Text to speech.
    TextToSpeech,
    /// Takes what its tenant wants to know of a call: nobody's provider, and told as one.
    Webhook,
    /// A service of the tenant's own that its agent sent a request to: told as a provider. `provider` is its host, `model` its
    /// connector.
    Connector,
}

/// See [`RecordBody::ProviderStarted`](super::RecordBody::ProviderStarted).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderStarted {
    /// Counts the tries of one request, from 1.
    pub attempt: u32,
    /// What the provider does.
    pub role: ProviderRole,
    /// Its name in the configuration.
    pub provider: String,
    /// The model asked for.
    pub model: String,
    /// Where it processes ("eu-west-3", "local", …).
    pub region: String,
    /// Bytes that are sent, as far as is known at the start.
    pub bytes_sent: u64,
    /// Characters that are sent, as far as is known at the start.
    pub characters_sent: u64,
    /// The host call this serves; `None` for the media loop's own requests.
    pub purpose: Option<Seq>,
}

/// How a request to a provider went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ProviderStatus {
    /// It answered.
    Ok,
    /// It took too long.
    TimedOut,
    /// It could not be reached.
    Unreachable,
    /// It refused (credentials, quota, content).
    Refused,
    /// It failed.
    Failed,
    /// What it answered makes no sense.
    Malformed,
    /// The host stopped listening (barge-in, hang-up).
    Cancelled,
}

/// What a provider counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProviderUsage {
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Milliseconds of sound, heard or made.
    pub audio_ms: u64,
    /// Characters, read or written.
    pub characters: u64,
}

/// See [`RecordBody::ProviderEnded`](super::RecordBody::ProviderEnded).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderEnded {
    /// The [`RecordBody::ProviderStarted`](super::RecordBody::ProviderStarted) it ends.
    pub started: Seq,
    /// How it went.
    pub status: ProviderStatus,
    /// HTTP status or the like; 0 where there is none.
    pub code: u16,
    /// From the first byte sent to the last byte received, in milliseconds.
    pub latency_ms: u32,
    /// From the first byte sent to the first useful byte received, in milliseconds.
    pub first_ms: Option<u32>,
    /// Bytes sent in all.
    pub bytes_sent: u64,
    /// Bytes received in all.
    pub bytes_received: u64,
    /// What the provider counted.
    pub usage: ProviderUsage,
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

/// See [`RecordBody::Ledger`](super::RecordBody::Ledger). Nothing in it was said by anybody: it is all trace.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// From the answer to the end, in milliseconds.
    pub talk_ms: u64,
    /// Processor time of the agent, in microseconds: its own, and what the host worked on its documents.
    pub agent_cpu_us: u64,
    /// Host calls of the agent, refused ones included.
    pub host_calls: u32,
    /// Hand-overs to another number that were begun.
    pub transfers: u32,
    /// Bytes that the agent had stored: keys and values of its memory, those written again included.
    pub stored_bytes: u64,
    /// Bytes of records, before they are compressed and sealed, up to this one.
    pub journal_bytes: u64,
    /// Bytes of recording, before they are sealed.
    pub recording_bytes: u64,
    /// What each provider was asked for, by their names.
    pub providers: Vec<ProviderUsed>,
    /// What all of them cost, by currency; `None` where a price is missing.
    pub costs: Option<Vec<Cost>>,
    /// Bytes to connectors and back. Calls of before there were any do not say.
    #[serde(default)]
    pub egress_bytes: u64,
}

/// What one provider was asked for in a call. Tries of which nothing was answered, because they failed, are not in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderUsed {
    /// Its name in the configuration.
    pub provider: String,
    /// What it does.
    pub role: ProviderRole,
    /// How often it was asked.
    pub requests: u32,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Whether some of the tokens are taken for four characters each, because the provider did not count them.
    pub estimated: bool,
    /// Milliseconds of speech recognised.
    pub audio_ms: u64,
    /// Characters spoken.
    pub characters: u64,
    /// What that cost; `None` where its price is missing.
    pub cost: Option<Cost>,
}

/// An amount of money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// ISO 4217 ("EUR").
    pub currency: String,
    /// Millionths of the currency's unit.
    pub micros: u64,
}

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { currency, micros } = self;
        write!(f, "{}.{:06} {currency}", micros / 1_000_000, micros % 1_000_000)
    }
}

impl Cost {
    /// Costs in sum, by currency; `None` where one of them is not known.
    pub fn sum<'a>(costs: impl IntoIterator<Item = Option<&'a Self>>) -> Option<Vec<Self>> {
        let mut sums: Vec<Self> = Vec::new();
        for cost in costs {
            let Self { currency, micros } = cost?;
            match sums.iter_mut().find(|sum| sum.currency == *currency) {
                Some(sum) => sum.micros = sum.micros.saturating_add(*micros),
                None => sums.push(Self { currency: currency.clone(), micros: *micros }),
            }
        }
        sums.sort_by(|one, other| one.currency.cmp(&other.currency));
        Some(sums)
    }
}

/// See [`RecordBody::Unkept`](super::RecordBody::Unkept).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unkept {
    /// What cannot be read once the call is over: the tenant keeps it for 0 days.
    pub purposes: Vec<Purpose>,
}

/// Who asked for an erasure, or what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Requested {
    /// These calls.
    #[default]
    Calls,
    /// All of a caller.
    Caller,
    /// All of a tenant.
    Tenant,
    /// Their time had come.
    Retention,
}

/// See [`RecordBody::Erased`](super::RecordBody::Erased).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// Of which calls.
    pub calls: Vec<CallId>,
    /// What of them.
    pub purposes: Vec<Purpose>,
    /// What asked for it.
    pub requested: Requested,
    /// How many rows of the tenant's storage, or tables, with them.
    pub rows: u32,
    /// *Content*: why, in the operator's words.
    pub reason: Option<String>,
}

/// See [`RecordBody::Held`](super::RecordBody::Held).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Which call.
    pub call: CallId,
    /// Whether it is held no more.
    pub released: bool,
    /// *Content*: why, in the operator's words.
    pub why: Option<String>,
}

/// Who read something.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Reader {
    /// A user of the operating system, at the machine itself.
    User {
        /// The user's name there.
        name: String,
        /// The user's number there.
        uid: u32,
    },
    /// Somebody by the administration's API.
    Key {
        /// A user of the tenant's, or of the installation's.
        user: String,
        /// In which role.
        role: String,
        /// By which key.
        key: String,
    },
}

impl std::fmt::Display for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::User { name, uid } => write!(f, "{name} (user {uid})"),
            Self::Key { user, role, key } => write!(f, "{role} {user} (key {key})"),
        }
    }
}

/// See [`RecordBody::ContentRead`](super::RecordBody::ContentRead).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentRead {
    /// Who.
    pub who: Reader,
    /// With which command.
    pub command: String,
    /// Of which calls; of none where calls were searched and none was found.
    pub calls: Vec<CallId>,
    /// What of them.
    pub purposes: Vec<Purpose>,
    /// *Content*: why, in the reader's words.
    pub why: Option<String>,
}

/// What a person may ask for (GDPR, articles 15 to 21).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Right {
    /// What is known of them, and to whom it went (15).
    Access,
    /// That what is wrong is put right (16).
    Rectify,
    /// That it is kept and not used (18).
    Restrict,
    /// That they are dealt with no more (21).
    Object,
    /// That it is erased (17).
    Erase,
    /// What they gave, for another program to read (20).
    Portability,
}

impl Right {
    /// As people write it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Rectify => "rectify",
            Self::Restrict => "restrict",
            Self::Object => "object",
            Self::Erase => "erase",
            Self::Portability => "portability",
        }
    }
}

/// What happened in a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CaseStep {
    /// The request came in.
    Opened,
    /// The term was extended.
    Extended,
    /// What is known was exported.
    Exported,
    /// Something was put right.
    Rectified,
    /// What is known is not used any more.
    Restricted,
    /// It is used again.
    Released,
    /// Their number is blocked.
    Blocked,
    /// It is not blocked any more.
    Unblocked,
    /// It was erased.
    Erased,
    /// What was asked for was done. The last step.
    Done,
    /// It was refused. The last step.
    Refused,
}

impl CaseStep {
    /// In a word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Extended => "extended",
            Self::Exported => "exported",
            Self::Rectified => "rectified",
            Self::Restricted => "restricted",
            Self::Released => "released",
            Self::Blocked => "blocked",
            Self::Unblocked => "unblocked",
            Self::Erased => "erased",
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }
}

/// Of whom a record of the journal's own is, and why.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Named {
    /// The person's number, in E.164 form.
    pub number: Option<String>,
    /// Why, in the operator's words.
    pub why: Option<String>,
}

/// See [`RecordBody::Case`](super::RecordBody::Case). Each says how the case stands with this step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Which: the call that holds its first step.
    pub case: CallId,
    /// What happened.
    pub step: CaseStep,
    /// What was asked for.
    pub right: Right,
    /// On which day it was received, as in `2026-03-14`.
    pub received: String,
    /// The last day of its term.
    pub due: String,
    /// The call that holds the record of what was done in this step.
    pub record: Option<CallId>,
    /// *Content*: who asked, in the first step, and the operator's words.
    pub named: Option<Named>,
}

/// What is put right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amendment {
    /// Which field of the call: `contact.name`, `contact.phone`, `motive`, or a field of its report.
    pub field: String,
    /// What it should say.
    pub to: String,
}

/// See [`RecordBody::Amended`](super::RecordBody::Amended).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amended {
    /// Of which call. What was recorded there stays as it is.
    pub call: CallId,
    /// How many standing appointments of that call it is put right in too.
    pub appointments: u32,
    /// *Content*: what is put right.
    pub amendment: Option<Amendment>,
}

/// See [`RecordBody::Restricted`](super::RecordBody::Restricted).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restricted {
    /// Whether it may be used again.
    pub released: bool,
    /// *Content*: whose calls, and why.
    pub named: Option<Named>,
}

/// What becomes of a caller whose number is blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum BlockedTo {
    /// The call is not answered.
    #[default]
    Refuse,
    /// The line's fallback number answers.
    Human,
}

/// See [`RecordBody::Blocked`](super::RecordBody::Blocked).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocked {
    /// What becomes of its calls.
    pub to: BlockedTo,
    /// Whether it is blocked no more.
    pub released: bool,
    /// *Content*: which number, and why.
    pub named: Option<Named>,
}

/// See [`RecordBody::Administered`](super::RecordBody::Administered). Names of things, never of people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Administered {
    /// By which key; empty where it was done on the machine itself.
    pub key: String,
    /// Whose key that is.
    pub user: String,
    /// In which role.
    pub role: String,
    /// What they had to be allowed to do, such as `lines:write`.
    pub action: String,
    /// To what, such as `line +33123456789`.
    pub subject: String,
    /// The break-glass it was done through, where it was done by whoever has no part in this tenant.
    pub glass: Option<String>,
    /// *Content*: why, in the operator's words.
    pub why: Option<String>,
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
