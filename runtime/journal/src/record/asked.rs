//! What records hold of what was asked of others: by the agent of its host, and by the host of providers.

use parloir_contract::{HostCall, HostReturn, Import, Refusal};
use serde::{Deserialize, Serialize};

use super::Seq;

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
        answer.refusal().map_or(Self::Ok, Self::refused)
    }

    /// What a refusal says of it.
    pub const fn refused(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::NotPermitted(_) => Self::NotPermitted,
            Refusal::OverQuota(_) => Self::OverQuota,
            Refusal::Unavailable(_) => Self::Unavailable,
            Refusal::Invalid(_) => Self::Invalid,
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
    /// Why it was refused, as [`Refusal::reason`] keeps it: no content, so that it is there whatever the consent gate says. `None`
    /// where nothing was refused, and in records from before there were reasons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
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
