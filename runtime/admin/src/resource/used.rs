//! What a tenant's calls used: sums, and nothing of any one call.

use parloir_journal::ProviderRole as Does;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// What a tenant's calls used, and what that cost, month by month.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Ledger {
    /// The months, the earliest first.
    pub months: Vec<LedgerMonth>,
    /// Calls that ended and are in no month yet.
    pub left: u64,
    /// Calls that are in no month for good, because they could not be read for a day.
    pub unreadable: u64,
}

/// What the calls of one month used.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct LedgerMonth {
    /// Which, in UTC, by when calls began: `2026-11`.
    #[schemars(schema_with = "month")]
    pub month: String,
    /// Calls that an agent answered.
    pub calls: u64,
    /// From answer to end, in milliseconds.
    pub talk_ms: u64,
    /// Processor time of agents, in microseconds.
    pub agent_cpu_us: u64,
    /// Host calls.
    pub host_calls: u64,
    /// Hand-overs that were begun.
    pub transfers: u64,
    /// Bytes that agents had stored.
    pub stored_bytes: u64,
    /// Bytes of records.
    pub journal_bytes: u64,
    /// Bytes of recording.
    pub recording_bytes: u64,
    /// Callers who waited for a place, answered or not.
    pub waits: u64,
    /// How long, in milliseconds.
    pub waited_ms: u64,
    /// Bytes to connectors and back.
    pub egress_bytes: u64,
    /// What providers were asked for.
    pub providers: Vec<LedgerProvider>,
    /// What all providers cost, by currency; `null` where a price was missing.
    pub costs: Option<Vec<Cost>>,
}

/// What one provider was asked for in a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct LedgerProvider {
    /// Its name in the operator's file. A tenant's own services are one: `connectors`.
    pub provider: String,
    /// What it does.
    pub role: ProviderRole,
    /// How often it was asked.
    pub requests: u64,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Whether some of the tokens are an estimate.
    pub estimated: bool,
    /// Milliseconds of speech recognised.
    pub audio_ms: u64,
    /// Characters spoken.
    pub characters: u64,
    /// What that cost, by currency, as far as it is known.
    pub costs: Vec<Cost>,
    /// In how many calls it is not known, because a price was missing.
    pub unpriced_calls: u64,
}

/// What a provider does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProviderRole {
    /// Speech to text.
    SpeechToText,
    /// Language model.
    LanguageModel,
    /// Text to speech.
    TextToSpeech,
    /// Takes what the tenant wants to know of its calls.
    Webhook,
    /// Services of the tenant's own.
    Connector,
}

impl From<Does> for ProviderRole {
    fn from(role: Does) -> Self {
        match role {
            Does::SpeechToText => Self::SpeechToText,
            Does::LanguageModel => Self::LanguageModel,
            Does::TextToSpeech => Self::TextToSpeech,
            Does::Webhook => Self::Webhook,
            Does::Connector => Self::Connector,
        }
    }
}

impl From<ProviderRole> for Does {
    fn from(role: ProviderRole) -> Self {
        match role {
            ProviderRole::SpeechToText => Self::SpeechToText,
            ProviderRole::LanguageModel => Self::LanguageModel,
            ProviderRole::TextToSpeech => Self::TextToSpeech,
            ProviderRole::Webhook => Self::Webhook,
            ProviderRole::Connector => Self::Connector,
        }
    }
}

/// An amount of money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Cost {
    /// ISO 4217: `EUR`.
    pub currency: String,
    /// Millionths of the currency's unit.
    pub micros: u64,
}

/// What of a tenant's quota for all its calls is used: each under the name of its limit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Usage {
    /// Which month it is, in UTC.
    #[schemars(schema_with = "month")]
    pub month: String,
    /// Tokens read and written by models in it, those of calls that last included.
    pub model_tokens_a_month: u64,
    /// Seconds of callers' speech transcribed.
    pub transcribed_seconds_a_month: u64,
    /// Characters spoken.
    pub speech_characters_a_month: u64,
    /// Bytes to connectors and back.
    pub egress_bytes_a_month: u64,
    /// The agents' CPU seconds, without those of calls that last.
    pub cpu_seconds_a_month: u64,
    /// What providers cost, by currency, as far as they have prices.
    pub cost_a_month: Vec<Cost>,
    /// Bytes that what agents remember and their appointments take, as it rests, and those of the tenant's documents and sounds.
    pub stored_bytes_in_all: u64,
    /// Bytes on disk of the tenant's log and recordings, without what was erased.
    pub kept_bytes: u64,
}

/// How a month is written: a year and a month.
pub(crate) const MONTH: &str = "^[0-9]{4}-(0[1-9]|1[0-2])$";

/// Whether this is a year and a month, as in `2026-11`.
pub(crate) fn is_month(text: &str) -> bool {
    let Some((year, month)) = text.split_once('-') else { return false };
    let are_digits =
        |part: &str, length: usize| part.len() == length && part.bytes().all(|b| b.is_ascii_digit());
    are_digits(year, 4) && are_digits(month, 2) && matches!(month.parse::<u8>(), Ok(1..=12))
}

fn month(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": MONTH })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_a_year_and_one_of_twelve() {
        assert!(is_month("2026-11") && is_month("2026-01") && is_month("2026-12"));
        for wrong in
            ["", "2026", "2026-13", "2026-00", "2026-1", "26-11", "2026-11-01", "2026-+1", "2026-11\n"]
        {
            assert!(!is_month(wrong), "{wrong:?}");
        }
    }
}
