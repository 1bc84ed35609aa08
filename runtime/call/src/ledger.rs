//! What a call used, and what that cost: gathered while it lasts, or read out of its records where it was cut off.
//!
//! Both ways count the same: a try at a provider is what its two records say of it.

use std::collections::{BTreeMap, HashMap};

use parloir_contract::Import;
use parloir_journal::{
    Cost, HostCallEnded, HostCallStarted, HostStatus, Ledger, ProviderEnded, ProviderRole, ProviderStarted,
    ProviderStatus, ProviderUsage, ProviderUsed, Record, RecordBody, Seq,
};
use parloir_providers::{ProviderEntry, Quantity};
use parloir_tenancy::month::Sums;
use parloir_tenancy::quota::stored_bytes;

/// Characters that a token is taken for where nobody counted.
const CHARACTERS_PER_TOKEN: u64 = 4;

/// What providers and connectors were asked for: one entry for each that was, so no more than there are configured; and the bytes
/// to connectors and back.
#[derive(Debug, Default)]
pub(crate) struct Meter(BTreeMap<String, ProviderUsed>, u64);

/// The name in a ledger of who was asked. That of a connector is its tenant's to choose, and no provider's: those have no space.
fn name(started: &ProviderStarted) -> String {
    match started.role {
        ProviderRole::Connector => format!("connector {}", started.model),
        ProviderRole::SpeechToText
        | ProviderRole::LanguageModel
        | ProviderRole::TextToSpeech
        | ProviderRole::Webhook => started.provider.clone(),
    }
}

impl Meter {
    /// Adds a try that is over.
    pub(crate) fn add(&mut self, started: &ProviderStarted, ended: &ProviderEnded) {
        let is_model = started.role == ProviderRole::LanguageModel;
        if started.role == ProviderRole::Connector {
            self.1 = self.1.saturating_add(ended.bytes_sent).saturating_add(ended.bytes_received);
        }
        let counts = match ended.status {
            ProviderStatus::Ok => true,
            // A model reads what it is asked before anybody can stop it.
            ProviderStatus::Cancelled => is_model || ended.usage != ProviderUsage::default(),
            ProviderStatus::TimedOut
            | ProviderStatus::Unreachable
            | ProviderStatus::Refused
            | ProviderStatus::Failed
            | ProviderStatus::Malformed => ended.bytes_received > 0,
        };
        if !counts {
            return;
        }
        let ProviderUsage { mut input_tokens, mut output_tokens, audio_ms, characters } = ended.usage;
        let uncounted = is_model && input_tokens == 0 && output_tokens == 0;
        if uncounted {
            input_tokens = started.characters_sent.div_ceil(CHARACTERS_PER_TOKEN);
            output_tokens = ended.bytes_received.div_ceil(CHARACTERS_PER_TOKEN);
        }
        let used = self.of(started);
        used.requests = used.requests.saturating_add(1);
        used.input_tokens = used.input_tokens.saturating_add(input_tokens);
        used.output_tokens = used.output_tokens.saturating_add(output_tokens);
        used.estimated |= uncounted;
        // What a transcriber heard and what a voice said: other figures that a provider gives are not what it is paid for.
        match started.role {
            ProviderRole::SpeechToText => used.audio_ms = used.audio_ms.saturating_add(audio_ms),
            ProviderRole::TextToSpeech => used.characters = used.characters.saturating_add(characters),
            ProviderRole::LanguageModel | ProviderRole::Webhook | ProviderRole::Connector => {}
        }
    }

    fn of(&mut self, started: &ProviderStarted) -> &mut ProviderUsed {
        let name = name(started);
        self.0.entry(name.clone()).or_insert_with(|| ProviderUsed {
            provider: name,
            role: started.role,
            requests: 0,
            input_tokens: 0,
            output_tokens: 0,
            estimated: false,
            audio_ms: 0,
            characters: 0,
            cost: None,
        })
    }

    /// Bytes to connectors and back.
    pub(crate) const fn egress(&self) -> u64 {
        self.1
    }

    /// What each was asked for and what that cost by these prices, and what all cost.
    pub(crate) fn priced(&self, entries: &[&ProviderEntry]) -> (Vec<ProviderUsed>, Option<Vec<Cost>>) {
        let mut providers: Vec<ProviderUsed> = self.0.values().cloned().collect();
        for used in providers.iter_mut().filter(|used| has_a_price(used)) {
            let prices = entries.iter().find(|entry| entry.name == used.provider);
            let prices = prices.and_then(|entry| entry.prices.as_ref());
            let quantity = Quantity {
                input_tokens: used.input_tokens,
                output_tokens: used.output_tokens,
                audio_ms: used.audio_ms,
                characters: used.characters,
            };
            used.cost = prices.and_then(|prices| {
                let micros = prices.cost(&quantity)?;
                Some(Cost { currency: prices.currency.clone(), micros })
            });
        }
        let priced = providers.iter().filter(|used| has_a_price(used));
        let costs = Cost::sum(priced.map(|used| used.cost.as_ref()));
        (providers, costs)
    }
}

/// Whether what it was asked for is paid through the installation: a tenant's own services are not.
fn has_a_price(used: &ProviderUsed) -> bool {
    used.role != ProviderRole::Connector
}

/// What a call used, as the limits of a tenant's month count it.
pub fn ledger_sums(ledger: &Ledger) -> Sums {
    Sums { egress_bytes: ledger.egress_bytes, agent_cpu_us: ledger.agent_cpu_us, ..sums(&ledger.providers) }
}

/// What providers were asked for, of that.
pub(crate) fn sums(providers: &[ProviderUsed]) -> Sums {
    let mut sums = Sums::default();
    for used in providers {
        let one = Sums {
            model_tokens: used.input_tokens.saturating_add(used.output_tokens),
            transcribed_ms: used.audio_ms,
            speech_characters: used.characters,
            ..Sums::default()
        };
        sums.add(&one);
        if let Some(cost) = &used.cost {
            sums.add_cost(&cost.currency, cost.micros);
        }
    }
    sums
}

/// The ledger of a call that was cut off before it could write its own, out of its records: all but the agent's processor time,
/// which they do not tell. `recording_bytes` is what was stored of its sound.
pub fn cut_off(records: &[Record], recording_bytes: u64, entries: &[&ProviderEntry]) -> Ledger {
    let mut ledger = Ledger { recording_bytes, ..Ledger::default() };
    let mut meter = Meter::default();
    let (mut asked, mut called) = (HashMap::<Seq, _>::new(), HashMap::<Seq, &HostCallStarted>::new());
    let began = records.first().map_or(0, |record| record.at);
    for Record { seq, at, body } in records {
        if matches!(body, RecordBody::CallInterrupted(_)) {
            // That was written when the program came back.
            continue;
        }
        ledger.talk_ms = at.saturating_sub(began) / 1_000_000;
        let bytes = rmp_serde::to_vec(body).map_or(0, |bytes| bytes.len() as u64);
        ledger.journal_bytes = ledger.journal_bytes.saturating_add(bytes);
        if let RecordBody::ProviderStarted(started) = body {
            asked.insert(*seq, started);
        } else if let RecordBody::ProviderEnded(ended) = body {
            if let Some(started) = asked.remove(&ended.started) {
                meter.add(started, ended);
            }
        } else if let RecordBody::HostCallStarted(started) = body {
            ledger.host_calls = ledger.host_calls.saturating_add(1);
            called.insert(*seq, started);
        } else if let RecordBody::HostCallEnded(HostCallEnded { started, status: HostStatus::Ok, .. }) = body
            && let Some(call) = called.remove(started)
        {
            if call.import == Import::Transfer {
                ledger.transfers = ledger.transfers.saturating_add(1);
            }
            let stored = call.arguments.as_ref().map_or(0, stored_bytes);
            ledger.stored_bytes = ledger.stored_bytes.saturating_add(stored);
        }
    }
    for started in asked.into_values() {
        // The program stopped while it was asked: what had left by then is all that is known.
        let usage = ProviderUsage { characters: started.characters_sent, ..ProviderUsage::default() };
        let cut = ProviderEnded {
            started: 0,
            status: ProviderStatus::Cancelled,
            code: 0,
            latency_ms: 0,
            first_ms: None,
            bytes_sent: started.bytes_sent,
            bytes_received: 0,
            usage,
        };
        meter.add(started, &cut);
    }
    ledger.egress_bytes = meter.egress();
    (ledger.providers, ledger.costs) = meter.priced(entries);
    ledger
}

#[cfg(test)]
mod tests {
    use parloir_contract::{HostCall, SetMemory};
    use parloir_journal::{CallInterrupted, CallStarted};
    use parloir_providers::{Prices, Role};

    use super::*;

    fn started(provider: &str, role: ProviderRole, characters_sent: u64) -> ProviderStarted {
        ProviderStarted {
            attempt: 1,
            role,
            provider: provider.into(),
            model: "m".into(),
            region: "EU".into(),
            bytes_sent: characters_sent,
            characters_sent,
            purpose: None,
        }
    }

    fn ended(
        started: Seq,
        status: ProviderStatus,
        bytes_received: u64,
        usage: ProviderUsage,
    ) -> ProviderEnded {
        ProviderEnded {
            started,
            status,
            code: 0,
            latency_ms: 1,
            first_ms: None,
            bytes_sent: 0,
            bytes_received,
            usage,
        }
    }

    fn entry(name: &str, per_1000_characters: u64) -> ProviderEntry {
        let prices = Prices {
            currency: "EUR".into(),
            per_1000_tokens_in: None,
            per_1000_tokens_out: None,
            per_minute: None,
            per_1000_characters: Some(per_1000_characters),
        };
        ProviderEntry { prices: Some(prices), ..ProviderEntry::in_code(name, Role::TextToSpeech) }
    }

    #[test]
    fn a_try_counts_where_something_of_it_was_answered_or_could_not_be_taken_back() {
        let voice = started("voice", ProviderRole::TextToSpeech, 10);
        let said = ProviderUsage { characters: 10, ..ProviderUsage::default() };
        let table = [
            (ProviderStatus::Ok, 0, said, 10),
            (ProviderStatus::Cancelled, 0, said, 10),
            (ProviderStatus::Cancelled, 0, ProviderUsage::default(), 0),
            (ProviderStatus::Failed, 0, said, 0),
            (ProviderStatus::Failed, 320, said, 10),
            (ProviderStatus::Refused, 0, said, 0),
            (ProviderStatus::Unreachable, 0, said, 0),
            (ProviderStatus::TimedOut, 0, said, 0),
            (ProviderStatus::Malformed, 1, said, 10),
        ];
        for (status, received, usage, counted) in table {
            let mut meter = Meter::default();
            meter.add(&voice, &ended(0, status, received, usage));
            let characters: u64 = meter.0.values().map(|used| used.characters).sum();
            assert_eq!(characters, counted, "{status:?} {received}");
        }
    }

    #[test]
    fn a_model_that_does_not_count_is_counted_by_its_characters() {
        let mut meter = Meter::default();
        let model = started("model", ProviderRole::LanguageModel, 41);
        meter.add(&model, &ended(0, ProviderStatus::Cancelled, 8, ProviderUsage::default()));
        let counted = ProviderUsage { input_tokens: 100, output_tokens: 20, ..ProviderUsage::default() };
        meter.add(&model, &ended(0, ProviderStatus::Ok, 80, counted));
        assert_eq!(meter.0.len(), 1);
        let used = &meter.0["model"];
        assert_eq!(
            (used.requests, used.input_tokens, used.output_tokens, used.estimated),
            (2, 111, 22, true)
        );
    }

    #[test]
    fn what_connectors_are_asked_has_bytes_and_no_price_and_no_provider_s_name() {
        let mut meter = Meter::default();
        let voice = started("crm", ProviderRole::TextToSpeech, 1_000);
        let said = ProviderUsage { characters: 1_000, ..ProviderUsage::default() };
        meter.add(&voice, &ended(0, ProviderStatus::Ok, 1, said));
        let request = ProviderStarted { model: "crm".into(), ..started("crm", ProviderRole::Connector, 0) };
        for (status, received) in [(ProviderStatus::Ok, 20), (ProviderStatus::TimedOut, 0)] {
            let ended = ended(0, status, received, ProviderUsage::default());
            meter.add(&request, &ProviderEnded { bytes_sent: 10, ..ended });
        }
        assert_eq!(meter.egress(), 40);
        let (providers, costs) = meter.priced(&[&entry("crm", 15_000)]);
        let names: Vec<_> = providers.iter().map(|used| (used.provider.as_str(), used.requests)).collect();
        assert_eq!(names, [("connector crm", 1), ("crm", 1)]);
        assert_eq!(costs.unwrap(), [Cost { currency: "EUR".into(), micros: 15_000 }]);
    }

    #[test]
    fn the_sum_is_unknown_where_a_price_is_missing() {
        let mut meter = Meter::default();
        let said = ProviderUsage { characters: 1_000, ..ProviderUsage::default() };
        for name in ["one", "two"] {
            let voice = started(name, ProviderRole::TextToSpeech, 1_000);
            meter.add(&voice, &ended(0, ProviderStatus::Ok, 1, said));
        }
        let one = entry("one", 15_000);
        let (providers, costs) = meter.priced(&[&one]);
        assert_eq!(providers[0].cost.as_ref().unwrap().to_string(), "0.015000 EUR");
        assert_eq!((&providers[1].cost, costs), (&None, None));
        let two = entry("two", 5_000);
        let costs = meter.priced(&[&one, &two]).1.unwrap();
        assert_eq!(costs, [Cost { currency: "EUR".into(), micros: 20_000 }]);
        // A tenant's month counts what is known.
        let sums = sums(&providers);
        assert_eq!((sums.speech_characters, sums.cost.get("EUR")), (2_000, Some(&15_000)));
    }

    #[test]
    fn a_call_that_was_cut_off_is_read_out_of_its_records() {
        let set = HostCall::SetMemory(SetMemory { key: "who".into(), value: b"anne".as_slice().into() });
        let said = ProviderUsage { characters: 8, ..ProviderUsage::default() };
        let bodies = [
            RecordBody::CallStarted(CallStarted::default()),
            RecordBody::HostCallStarted(HostCallStarted { import: set.import(), arguments: Some(set) }),
            RecordBody::HostCallEnded(HostCallEnded {
                started: 1,
                status: HostStatus::Ok,
                latency_us: 1,
                delivered: true,
                result: None,
                refused: None,
            }),
            RecordBody::ProviderStarted(started("voice", ProviderRole::TextToSpeech, 8)),
            RecordBody::ProviderEnded(ended(3, ProviderStatus::Ok, 99, said)),
            RecordBody::ProviderStarted(started("voice", ProviderRole::TextToSpeech, 5)),
            RecordBody::CallInterrupted(CallInterrupted { reason: "killed".into() }),
        ];
        let records: Vec<Record> = (0..)
            .zip(bodies)
            .map(|(seq, body)| Record { seq, at: 1_000_000_000 * (seq + 1), body })
            .collect();
        let voice = entry("voice", 1000);
        let ledger = cut_off(&records, 16_000, &[&voice]);
        assert_eq!((ledger.talk_ms, ledger.host_calls, ledger.stored_bytes), (5_000, 1, 7));
        assert_eq!((ledger.recording_bytes, ledger.transfers), (16_000, 0));
        assert_eq!((ledger.providers[0].requests, ledger.providers[0].characters), (2, 13));
        assert_eq!(ledger.costs, Some(vec![Cost { currency: "EUR".into(), micros: 13 }]));
    }
}
