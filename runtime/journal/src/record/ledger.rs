//! What the record of a call's use holds, and what that cost.

use serde::{Deserialize, Serialize};

use super::ProviderRole;

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
