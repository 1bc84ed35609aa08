//! One thing that happened in a call.
//!
//! A record on disk is a compact MessagePack array `[version, seq, at, body]`, with its content taken
//! out; the content is a MessagePack value of its own, sealed apart.

use parloir_contract::{CallInfo, Direction, Field, HostCall, HostReturn, Import, Outcome};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::Location;

/// A record's place in its call: 0, 1, 2, … without a gap.
pub type Seq = u64;

/// The version of the records this program writes.
pub const RECORD_VERSION: u16 = 1;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its place in the call.
    pub seq: Seq,
    /// When it was appended, in nanoseconds since 1970-01-01 UTC.
    pub at: u64,
    /// What it was.
    pub body: RecordBody,
}

/// What happened. Fields documented as *content* are sealed under the call's content key and are `None`
/// when the consent gate was closed; everything else is the technical trace and may hold nothing that was said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum RecordBody {
    /// The call was answered. Always the first record.
    CallStarted(CallStarted),
    /// The agent asked something of the host.
    HostCallStarted(HostCallStarted),
    /// The host answered.
    HostCallEnded(HostCallEnded),
    /// A provider is about to be asked: durable before the first byte leaves.
    ProviderStarted(ProviderStarted),
    /// A provider answered, or did not.
    ProviderEnded(ProviderEnded),
    /// How long each part of one turn took.
    TurnMeasured(TurnMeasured),
    /// One second of sound, as a commitment.
    MediaDigest(MediaDigest),
    /// A block of the recording was stored. Written by the journal itself.
    RecordingStored(RecordingStored),
    /// The caller pressed a key.
    Key(KeyPressed),
    /// The consent gate moved.
    Gate(Gate),
    /// Content of an earlier record, which was held back until there was consent.
    Content(ContentOf),
    /// Something failed.
    Failure(Failure),
    /// A remark of the host.
    Note(Note),
    /// The guest wrote to its standard output or error.
    Wasi(Wasi),
    /// The agent's report, as it is filed at the end.
    Report(ReportFiled),
    /// What the call used.
    Ledger(Ledger),
    /// The call was cut off: the program stopped, or dropped it. Always the last record.
    CallInterrupted(CallInterrupted),
    /// The call ended. Always the last record.
    CallEnded(CallEnded),
}

/// See [`RecordBody::CallStarted`].
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
            language: String::new(),
            info: None,
        }
    }
}

/// See [`RecordBody::HostCallStarted`].
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

/// See [`RecordBody::HostCallEnded`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostCallEnded {
    /// The [`RecordBody::HostCallStarted`] it answers.
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
}

/// See [`RecordBody::ProviderStarted`].
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

/// See [`RecordBody::ProviderEnded`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderEnded {
    /// The [`RecordBody::ProviderStarted`] it ends.
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

/// See [`RecordBody::TurnMeasured`]. Milliseconds; `None` for what did not happen in this turn.
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

/// See [`RecordBody::MediaDigest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaDigest {
    /// Whose sound.
    pub direction: AudioDirection,
    /// Which second of the call, from 0.
    pub second: u32,
    /// How many frames of 20 ms it had.
    pub frames: u16,
    /// SHA-256 of their bytes as they were on the wire.
    pub sha256: [u8; 32],
}

/// See [`RecordBody::RecordingStored`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingStored {
    /// Which second of the call, from 0.
    pub second: u32,
    /// SHA-256 of the sealed block.
    pub sha256: [u8; 32],
    /// Where it rested when this was written. A hint: segments may be rewritten.
    pub location: Location,
}

/// See [`RecordBody::Key`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPressed {
    /// How long it was held, in milliseconds; 0 where the carrier does not say.
    pub held_ms: u32,
    /// *Content*: which key.
    pub key: Option<char>,
}

/// See [`RecordBody::Gate`].
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

/// See [`RecordBody::Content`].
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
    /// Of [`RecordBody::CallStarted`].
    Info(CallInfo),
    /// Of [`RecordBody::HostCallStarted`].
    Arguments(HostCall),
    /// Of [`RecordBody::HostCallEnded`].
    Result(HostReturn),
    /// Of [`RecordBody::Key`].
    Key(char),
    /// Of [`RecordBody::Failure`], [`RecordBody::Wasi`] and [`RecordBody::CallEnded`].
    Text(String),
    /// Of [`RecordBody::Content`].
    Held(Box<Self>),
    /// Of [`RecordBody::Report`].
    Report(Vec<Field>),
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

/// See [`RecordBody::Failure`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind of thing failed.
    pub kind: FailureKind,
    /// Why, in the host's words: nothing that was said.
    pub reason: String,
    /// *Content*: the agent's or provider's own words.
    pub detail: Option<String>,
}

/// See [`RecordBody::Note`].
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

/// See [`RecordBody::Wasi`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wasi {
    /// Which stream.
    pub stream: WasiStream,
    /// How many bytes were written.
    pub bytes: u64,
    /// *Content*: what was written.
    pub text: Option<String>,
}

/// See [`RecordBody::Report`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportFiled {
    /// How many fields it has.
    pub count: u32,
    /// *Content*: the fields. Where the caller refused to be recorded, only those the booking itself needs.
    pub fields: Option<Vec<Field>>,
}

/// See [`RecordBody::Ledger`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// Host calls of the agent.
    pub host_calls: u32,
    /// Characters given to voices.
    pub speech_characters: u32,
    /// Milliseconds of the caller given to transcribers.
    pub transcribed_ms: u64,
    /// Tokens read and written by models.
    pub model_tokens: u32,
}

/// See [`RecordBody::CallInterrupted`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallInterrupted {
    /// Why.
    pub reason: String,
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

/// See [`RecordBody::CallEnded`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CallEnded {
    /// How it ended.
    pub outcome: Ending,
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

impl RecordBody {
    /// Takes the content out, so that what is left is the technical trace.
    pub fn take_content(&mut self) -> Option<Content> {
        match self {
            Self::CallStarted(body) => body.info.take().map(Content::Info),
            Self::HostCallStarted(body) => body.arguments.take().map(Content::Arguments),
            Self::HostCallEnded(body) => body.result.take().map(Content::Result),
            Self::Key(body) => body.key.take().map(Content::Key),
            Self::Content(body) => body.content.take().map(|held| Content::Held(Box::new(held))),
            Self::Failure(body) => body.detail.take().map(Content::Text),
            Self::Wasi(body) => body.text.take().map(Content::Text),
            Self::CallEnded(body) => body.reason.take().map(Content::Text),
            Self::Report(body) => body.fields.take().map(Content::Report),
            Self::ProviderStarted(_)
            | Self::ProviderEnded(_)
            | Self::TurnMeasured(_)
            | Self::MediaDigest(_)
            | Self::RecordingStored(_)
            | Self::Gate(_)
            | Self::Note(_)
            | Self::Ledger(_)
            | Self::CallInterrupted(_) => None,
        }
    }

    /// Puts content back where [`RecordBody::take_content`] took it from. Gives it back where this
    /// body has no place for it.
    pub fn put_content(&mut self, content: Content) -> Option<Content> {
        match (self, content) {
            (Self::CallStarted(body), Content::Info(info)) => body.info = Some(info),
            (Self::HostCallStarted(body), Content::Arguments(call)) => body.arguments = Some(call),
            (Self::HostCallEnded(body), Content::Result(answer)) => body.result = Some(answer),
            (Self::Key(body), Content::Key(key)) => body.key = Some(key),
            (Self::Content(body), Content::Held(held)) => body.content = Some(*held),
            (Self::Failure(body), Content::Text(text)) => body.detail = Some(text),
            (Self::Wasi(body), Content::Text(text)) => body.text = Some(text),
            (Self::CallEnded(body), Content::Text(text)) => body.reason = Some(text),
            (Self::Report(body), Content::Report(fields)) => body.fields = Some(fields),
            (_, content) => return Some(content),
        }
        None
    }

    /// How the call ended, where this is the record that ends it.
    pub fn ending(&self) -> Option<Ending> {
        match self {
            Self::CallEnded(body) => Some(body.outcome),
            Self::CallInterrupted(_) => Some(Ending::Interrupted),
            Self::CallStarted(_)
            | Self::HostCallStarted(_)
            | Self::HostCallEnded(_)
            | Self::ProviderStarted(_)
            | Self::ProviderEnded(_)
            | Self::TurnMeasured(_)
            | Self::MediaDigest(_)
            | Self::RecordingStored(_)
            | Self::Key(_)
            | Self::Gate(_)
            | Self::Content(_)
            | Self::Failure(_)
            | Self::Note(_)
            | Self::Wasi(_)
            | Self::Report(_)
            | Self::Ledger(_) => None,
        }
    }
}

impl Record {
    /// Records with content that was held back put where it belongs: each [`RecordBody::Content`] is merged
    /// into the record it names and left without content itself.
    pub fn merge_held(records: &mut [Self]) {
        let mut held = Vec::new();
        for record in &mut *records {
            if let RecordBody::Content(ContentOf { of, content }) = &mut record.body
                && let Some(content) = content.take()
            {
                held.push((*of, content));
            }
        }
        for (of, content) in held {
            // Sequence numbers have no gap, but a call may be read in part.
            if let Ok(place) = records.binary_search_by_key(&of, |record| record.seq)
                && let Some(record) = records.get_mut(place)
            {
                let _no_place_for_it = record.body.put_content(content);
            }
        }
    }
}

/// Why bytes are no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// A later program wrote it.
    #[error("record {seq} has version {found}, this program knows {RECORD_VERSION}: use a newer program")]
    Later {
        /// Its place in the call.
        seq: Seq,
        /// Its version.
        found: u16,
    },
    /// It has a body this program does not know.
    #[error(
        "record {seq} of version {version} cannot be read ({reason}): use the program that wrote it, or a newer one"
    )]
    Body {
        /// Its place in the call.
        seq: Seq,
        /// Its version.
        version: u16,
        /// What the decoder said.
        reason: String,
    },
    /// It is no record at all.
    #[error("these bytes are no record: {0}")]
    Malformed(String),
}

/// Appends a record without content.
pub(crate) fn encode(
    into: &mut Vec<u8>,
    seq: Seq,
    at: u64,
    body: &RecordBody,
) -> Result<(), rmp_serde::encode::Error> {
    rmp_serde::encode::write(into, &(RECORD_VERSION, seq, at, body))
}

/// Appends a content.
pub(crate) fn encode_content(into: &mut Vec<u8>, content: &Content) -> Result<(), rmp_serde::encode::Error> {
    rmp_serde::encode::write(into, content)
}

/// Reads a record back, with its content where there is any.
pub(crate) fn decode(trace: &[u8], content: Option<&[u8]>) -> Result<Record, RecordError> {
    let (version, seq, at, mut body) = match rmp_serde::from_slice::<(u16, Seq, u64, RecordBody)>(trace) {
        Ok((version, seq, _, _)) if version != RECORD_VERSION => {
            return Err(RecordError::Later { seq, found: version });
        }
        Ok(fields) => fields,
        Err(error) => return Err(unreadable(trace, &error)),
    };
    if let Some(content) = content {
        let body_error = |reason| RecordError::Body { seq, version, reason };
        let content = rmp_serde::from_slice(content).map_err(|error| body_error(error.to_string()))?;
        if body.put_content(content).is_some() {
            return Err(body_error("its content is of another kind".into()));
        }
    }
    Ok(Record { seq, at, body })
}

/// Says why a record cannot be read, as precisely as its bytes allow.
fn unreadable(trace: &[u8], error: &rmp_serde::decode::Error) -> RecordError {
    match rmp_serde::from_slice::<(u16, Seq, u64, IgnoredAny)>(trace) {
        Ok((found, seq, _, _)) if found != RECORD_VERSION => RecordError::Later { seq, found },
        Ok((version, seq, _, _)) => RecordError::Body { seq, version, reason: error.to_string() },
        Err(error) => RecordError::Malformed(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use parloir_contract::{Heard, LocalTime, Say, SayOptions};
    use proptest::prelude::*;

    use super::*;

    fn round_trip(record: &Record) -> Record {
        let mut body = record.body.clone();
        let content = body.take_content().map(|content| {
            let mut bytes = Vec::new();
            encode_content(&mut bytes, &content).unwrap();
            bytes
        });
        let mut trace = Vec::new();
        encode(&mut trace, record.seq, record.at, &body).unwrap();
        decode(&trace, content.as_deref()).unwrap()
    }

    fn text() -> impl Strategy<Value = String> {
        ".{0,40}"
    }

    fn info() -> impl Strategy<Value = CallInfo> {
        (text(), proptest::option::of(text()), proptest::collection::vec((text(), text()), 0..3)).prop_map(
            |(id, caller, settings)| CallInfo {
                id,
                direction: Direction::Outbound,
                line: "+33123456789".into(),
                caller,
                language: "fr-FR".into(),
                started_at: LocalTime { year: 2026, month: 3, day: 1, hour: 9, minute: 0 },
                settings,
            },
        )
    }

    fn content() -> impl Strategy<Value = Content> {
        prop_oneof![
            info().prop_map(Content::Info),
            text().prop_map(Content::Text),
            any::<char>().prop_map(Content::Key),
            text().prop_map(|text| Content::Arguments(HostCall::Say(Say {
                text,
                options: SayOptions::default()
            }))),
            (text(), any::<bool>(), any::<u32>()).prop_map(|(text, whole, played)| Content::Result(
                HostReturn::Say(Ok(Heard { text, whole, played }))
            )),
        ]
    }

    fn body() -> impl Strategy<Value = RecordBody> {
        let import = proptest::sample::select(Import::ALL);
        prop_oneof![
            (text(), any::<[u8; 32]>(), proptest::option::of(info())).prop_map(|(line, sha, info)| {
                RecordBody::CallStarted(CallStarted {
                    line,
                    component_sha256: sha,
                    info,
                    ..CallStarted::default()
                })
            }),
            (import, proptest::option::of(text())).prop_map(|(import, text)| {
                let arguments = text.map(HostCall::FindAppointments);
                RecordBody::HostCallStarted(HostCallStarted { import, arguments })
            }),
            (any::<u64>(), any::<u64>(), any::<bool>(), proptest::option::of(any::<Vec<u8>>())).prop_map(
                |(started, latency_us, delivered, bytes)| {
                    let result = bytes.map(|b| HostReturn::RandomBytes(serde_bytes::ByteBuf::from(b)));
                    let status = HostStatus::OverQuota;
                    RecordBody::HostCallEnded(HostCallEnded {
                        started,
                        status,
                        latency_us,
                        delivered,
                        result,
                    })
                }
            ),
            (any::<u32>(), text(), text(), any::<u64>(), proptest::option::of(any::<u64>())).prop_map(
                |(attempt, provider, model, bytes_sent, purpose)| {
                    RecordBody::ProviderStarted(ProviderStarted {
                        attempt,
                        role: ProviderRole::LanguageModel,
                        provider,
                        model,
                        region: "local".into(),
                        bytes_sent,
                        characters_sent: bytes_sent,
                        purpose,
                    })
                }
            ),
            (any::<u32>(), any::<[u8; 32]>()).prop_map(|(second, sha256)| RecordBody::MediaDigest(
                MediaDigest { direction: AudioDirection::ToCaller, second, frames: 50, sha256 }
            )),
            (any::<u64>(), proptest::option::of(content()))
                .prop_map(|(of, content)| RecordBody::Content(ContentOf { of, content })),
            (text(), proptest::option::of(text())).prop_map(|(reason, detail)| RecordBody::Failure(
                Failure { kind: FailureKind::AgentTrap, reason, detail }
            )),
            proptest::option::of(any::<char>())
                .prop_map(|key| RecordBody::Key(KeyPressed { held_ms: 100, key })),
            (any::<u64>(), proptest::option::of(text())).prop_map(|(duration_ms, reason)| {
                RecordBody::CallEnded(CallEnded { duration_ms, reason, ..CallEnded::default() })
            }),
        ]
    }

    proptest! {
        #[test]
        fn a_record_reads_back_as_written(seq: u64, at: u64, body in body()) {
            let record = Record { seq, at, body };
            prop_assert_eq!(round_trip(&record), record);
        }

        #[test]
        fn bytes_of_any_kind_are_refused_in_peace(trace: Vec<u8>, content: Vec<u8>) {
            let _whatever = decode(&trace, Some(&content));
        }

        #[test]
        fn no_content_is_left_in_the_trace(caller in "[a-z]{12}") {
            let text = caller.clone();
            let say = HostCall::Say(Say { text, options: SayOptions::default() });
            let mut body = RecordBody::HostCallStarted(HostCallStarted { import: Import::Say, arguments: Some(say) });
            prop_assert!(body.take_content().is_some());
            let mut trace = Vec::new();
            encode(&mut trace, 1, 2, &body).unwrap();
            prop_assert!(!trace.windows(caller.len()).any(|w| w == caller.as_bytes()));
        }
    }

    #[test]
    fn a_record_of_a_later_version_is_named_as_such() {
        let later = rmp_serde::to_vec(&(7_u16, 12_u64, 1_u64, "of the future")).unwrap();
        let error = decode(&later, None).unwrap_err();
        assert_eq!(error, RecordError::Later { seq: 12, found: 7 });
        assert!(error.to_string().contains("version 7"), "{error}");

        let body = std::collections::BTreeMap::from([("Telepathy", (1, 2))]);
        let unknown = rmp_serde::to_vec(&(RECORD_VERSION, 12_u64, 1_u64, body)).unwrap();
        let error = decode(&unknown, None).unwrap_err();
        assert!(error.to_string().starts_with("record 12 of version 1 cannot be read"), "{error}");
    }

    #[test]
    fn content_held_back_is_found_where_it_belongs() {
        let started = HostCallStarted { import: Import::HangUp, arguments: None };
        let held = ContentOf { of: 3, content: Some(Content::Arguments(HostCall::HangUp)) };
        let mut records = [
            Record { seq: 3, at: 1, body: RecordBody::HostCallStarted(started) },
            Record { seq: 4, at: 2, body: RecordBody::Content(held) },
        ];
        Record::merge_held(&mut records);
        let RecordBody::HostCallStarted(started) = &records[0].body else { panic!() };
        assert_eq!(started.arguments, Some(HostCall::HangUp));
        assert_eq!(records[1].body, RecordBody::Content(ContentOf { of: 3, content: None }));
    }
}
