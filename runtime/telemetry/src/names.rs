//! What things are called outside: the conventions' names, and ours where they have none.

use parloir_contract::Direction;
use parloir_journal::{Ending, FailureKind, HostStatus, ProviderRole, ProviderStatus};

/// The conventions that are followed. Those for generative AI are in development: a later version may name things
/// differently, and this one is what is sent until this line changes.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.37.0";

pub(crate) const OPERATION: &str = "gen_ai.operation.name";
pub(crate) const PROVIDER: &str = "gen_ai.provider.name";
pub(crate) const MODEL: &str = "gen_ai.request.model";
pub(crate) const INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
pub(crate) const OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
pub(crate) const TOKEN_TYPE: &str = "gen_ai.token.type";
pub(crate) const CONVERSATION: &str = "gen_ai.conversation.id";
pub(crate) const AGENT: &str = "gen_ai.agent.name";
pub(crate) const ERROR: &str = "error.type";
pub(crate) const HTTP_STATUS: &str = "http.response.status_code";

pub(crate) const TENANT: &str = "parloir.tenant";
pub(crate) const CALL: &str = "parloir.call.id";
pub(crate) const LINE: &str = "parloir.line";
pub(crate) const DIRECTION: &str = "parloir.call.direction";
pub(crate) const TRANSPORT: &str = "parloir.call.transport";
pub(crate) const LANGUAGE: &str = "parloir.call.language";
pub(crate) const OUTCOME: &str = "parloir.call.outcome";
pub(crate) const AGENT_VERSION: &str = "parloir.agent.version";
pub(crate) const AGENT_CPU: &str = "parloir.agent.cpu_us";
pub(crate) const IMPORT: &str = "parloir.host_call.import";
pub(crate) const STATUS: &str = "parloir.host_call.status";
pub(crate) const DELIVERED: &str = "parloir.host_call.delivered";
pub(crate) const REGION: &str = "parloir.provider.region";
pub(crate) const ATTEMPT: &str = "parloir.provider.attempt";
pub(crate) const BYTES_SENT: &str = "parloir.provider.bytes_sent";
pub(crate) const BYTES_RECEIVED: &str = "parloir.provider.bytes_received";
pub(crate) const FIRST_MS: &str = "parloir.provider.first_ms";
pub(crate) const AUDIO_MS: &str = "parloir.provider.audio_ms";
pub(crate) const CHARACTERS: &str = "parloir.provider.characters";

/// What a provider was asked to do. The conventions know only the first; of what they do not know they take any name.
pub(crate) const fn operation(role: ProviderRole) -> &'static str {
    match role {
        ProviderRole::LanguageModel => "chat",
        ProviderRole::SpeechToText => "speech_to_text",
        ProviderRole::TextToSpeech => "text_to_speech",
        ProviderRole::Webhook => "webhook",
        ProviderRole::Connector => "connector",
    }
}

pub(crate) const fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "inbound",
        Direction::Outbound => "outbound",
    }
}

pub(crate) const fn outcome(ending: Ending) -> &'static str {
    match ending {
        Ending::Done => "done",
        Ending::Transferred => "transferred",
        Ending::CallBack => "call_back",
        Ending::Abandoned => "abandoned",
        Ending::Failed => "failed",
        Ending::Interrupted => "interrupted",
        Ending::Refused => "refused",
    }
}

pub(crate) const fn failure(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::AgentTrap => "agent_trap",
        FailureKind::AgentBudget => "agent_budget",
        FailureKind::AgentMemory => "agent_memory",
        FailureKind::AgentStart => "agent_start",
        FailureKind::Provider => "provider",
        FailureKind::Transport => "transport",
        FailureKind::Host => "host",
        FailureKind::Journal => "journal",
    }
}

pub(crate) const fn host_status(status: HostStatus) -> &'static str {
    match status {
        HostStatus::Ok => "ok",
        HostStatus::NotPermitted => "not_permitted",
        HostStatus::OverQuota => "over_quota",
        HostStatus::Unavailable => "unavailable",
        HostStatus::Invalid => "invalid",
        HostStatus::Failed => "failed",
        HostStatus::Cancelled => "cancelled",
    }
}

/// The error a host call is, if it is one: a call that ends is none.
pub(crate) const fn host_error(status: HostStatus) -> Option<&'static str> {
    match status {
        HostStatus::Ok | HostStatus::Cancelled => None,
        HostStatus::NotPermitted
        | HostStatus::OverQuota
        | HostStatus::Unavailable
        | HostStatus::Invalid
        | HostStatus::Failed => Some(host_status(status)),
    }
}

/// The error a request to a provider is, if it is one: what the caller did not want to hear out is none.
pub(crate) const fn provider_error(status: ProviderStatus) -> Option<&'static str> {
    match status {
        ProviderStatus::Ok | ProviderStatus::Cancelled => None,
        ProviderStatus::TimedOut => Some("timeout"),
        ProviderStatus::Unreachable => Some("unreachable"),
        ProviderStatus::Refused => Some("refused"),
        ProviderStatus::Failed => Some("failed"),
        ProviderStatus::Malformed => Some("malformed"),
    }
}
