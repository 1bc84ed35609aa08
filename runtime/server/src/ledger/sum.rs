//! What a month comes to: sums that calls are added to.

use parloir_contract::TenantId;
use parloir_journal::{Cost, Ledger, ProviderRole, ProviderUsed};
use parloir_tenancy::month::Sums;
use serde::{Deserialize, Serialize};

/// What a tenant's calls of one month used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MonthSum {
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
    #[serde(default)]
    pub waits: u64,
    /// How long, in milliseconds.
    #[serde(default)]
    pub waited_ms: u64,
    /// Bytes to connectors and back.
    #[serde(default)]
    pub egress_bytes: u64,
}

/// What one provider was asked for in them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderMonth {
    /// Its name in the configuration.
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

/// A tenant's month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthLedger {
    /// Whose.
    pub tenant: TenantId,
    /// Which, in UTC, by when calls began: `2026-11`.
    pub month: String,
    /// What its calls used.
    pub used: MonthSum,
    /// By provider.
    pub providers: Vec<ProviderMonth>,
}

impl MonthLedger {
    /// What all providers cost, by currency; `None` where a price was missing.
    pub fn costs(&self) -> Option<Vec<Cost>> {
        let unpriced = self.providers.iter().any(|provider| provider.unpriced_calls > 0);
        let known = self.providers.iter().flat_map(|provider| &provider.costs);
        if unpriced { None } else { Cost::sum(known.map(Some)) }
    }
}

impl MonthSum {
    pub(super) fn add(&mut self, ledger: &Ledger) {
        let additions = [
            (&mut self.calls, 1),
            (&mut self.talk_ms, ledger.talk_ms),
            (&mut self.agent_cpu_us, ledger.agent_cpu_us),
            (&mut self.host_calls, ledger.host_calls.into()),
            (&mut self.transfers, ledger.transfers.into()),
            (&mut self.stored_bytes, ledger.stored_bytes),
            (&mut self.journal_bytes, ledger.journal_bytes),
            (&mut self.recording_bytes, ledger.recording_bytes),
            (&mut self.egress_bytes, ledger.egress_bytes),
        ];
        for (sum, more) in additions {
            *sum = sum.saturating_add(more);
        }
    }

    /// What of it a month may limit.
    pub(super) fn sums(&self) -> Sums {
        Sums { egress_bytes: self.egress_bytes, agent_cpu_us: self.agent_cpu_us, ..Sums::default() }
    }

    pub(super) fn add_wait(&mut self, ms: u64) {
        self.waits = self.waits.saturating_add(1);
        self.waited_ms = self.waited_ms.saturating_add(ms);
    }
}

impl ProviderMonth {
    pub(super) fn new(used: &ProviderUsed) -> Self {
        Self {
            provider: used.provider.clone(),
            role: used.role,
            requests: 0,
            input_tokens: 0,
            output_tokens: 0,
            estimated: false,
            audio_ms: 0,
            characters: 0,
            costs: Vec::new(),
            unpriced_calls: 0,
        }
    }

    pub(super) fn add(&mut self, used: &ProviderUsed) {
        let additions = [
            (&mut self.requests, used.requests.into()),
            (&mut self.input_tokens, used.input_tokens),
            (&mut self.output_tokens, used.output_tokens),
            (&mut self.audio_ms, used.audio_ms),
            (&mut self.characters, used.characters),
            (&mut self.unpriced_calls, (used.cost.is_none() && used.role != ProviderRole::Connector).into()),
        ];
        for (sum, more) in additions {
            *sum = sum.saturating_add(more);
        }
        self.estimated |= used.estimated;
        if let Some(sums) = Cost::sum(self.costs.iter().chain(&used.cost).map(Some)) {
            self.costs = sums;
        }
    }
}

impl ProviderMonth {
    /// Adds what another was asked for.
    pub(super) fn add_all(&mut self, more: &Self) {
        let additions = [
            (&mut self.requests, more.requests),
            (&mut self.input_tokens, more.input_tokens),
            (&mut self.output_tokens, more.output_tokens),
            (&mut self.audio_ms, more.audio_ms),
            (&mut self.characters, more.characters),
            (&mut self.unpriced_calls, more.unpriced_calls),
        ];
        for (sum, more) in additions {
            *sum = sum.saturating_add(more);
        }
        self.estimated |= more.estimated;
        if let Some(sums) = Cost::sum(self.costs.iter().chain(&more.costs).map(Some)) {
            self.costs = sums;
        }
    }

    pub(super) fn sums(&self) -> Sums {
        let mut sums = Sums {
            model_tokens: self.input_tokens.saturating_add(self.output_tokens),
            transcribed_ms: self.audio_ms,
            speech_characters: self.characters,
            ..Sums::default()
        };
        for cost in &self.costs {
            sums.add_cost(&cost.currency, cost.micros);
        }
        sums
    }
}
