//! A tenant's months as its administration tells them, and as a command reads them from there.

use jiff::Timestamp;
use parloir_admin::resource;
use parloir_contract::TenantId;
use parloir_journal::{Cost, ProviderRole};
use parloir_tenancy::month::Sums;

use super::{LedgerError, Ledgers, MonthLedger, MonthSum, ProviderMonth};
use crate::Storage;

/// What a tenant's own services are called together: whose they are is in its connectors, which are not for everybody who reads sums.
const CONNECTORS: &str = "connectors";

impl Storage {
    /// What of a tenant's quota for all its calls is used now.
    pub(crate) async fn usage(&self, tenant: &TenantId) -> Result<resource::Usage, LedgerError> {
        let now = Timestamp::now();
        let used = self.months.of(tenant).used(now);
        let Sums { model_tokens, transcribed_ms, speech_characters, egress_bytes, agent_cpu_us, cost } = used;
        let cost_a_month = cost.into_iter().map(|(currency, micros)| resource::Cost { currency, micros });
        Ok(resource::Usage {
            month: now.strftime("%Y-%m").to_string(),
            model_tokens_a_month: model_tokens,
            transcribed_seconds_a_month: transcribed_ms / 1_000,
            speech_characters_a_month: speech_characters,
            egress_bytes_a_month: egress_bytes,
            cpu_seconds_a_month: agent_cpu_us / 1_000_000,
            cost_a_month: cost_a_month.collect(),
            stored_bytes_in_all: self.rows(tenant).await?.remembered().await?,
            kept_bytes: self.journal.kept(tenant),
        })
    }
}

impl Ledgers {
    /// For the administration.
    pub(crate) fn shown(self) -> resource::Ledger {
        let Self { months, left, unreadable } = self;
        resource::Ledger { months: months.into_iter().map(MonthLedger::shown).collect(), left, unreadable }
    }

    /// What an administration told of a tenant.
    #[must_use]
    pub fn told(tenant: &TenantId, ledger: resource::Ledger) -> Self {
        let resource::Ledger { months, left, unreadable } = ledger;
        let months = months.into_iter().map(|month| MonthLedger::told(tenant.clone(), month));
        Self { months: months.collect(), left, unreadable }
    }
}

impl MonthLedger {
    fn shown(self) -> resource::LedgerMonth {
        let costs = self.costs().map(costs_shown);
        let Self { tenant: _, month, used, providers } = self;
        let MonthSum {
            calls,
            talk_ms,
            agent_cpu_us,
            host_calls,
            transfers,
            stored_bytes,
            journal_bytes,
            recording_bytes,
            waits,
            waited_ms,
            egress_bytes,
        } = used;
        resource::LedgerMonth {
            month,
            calls,
            talk_ms,
            agent_cpu_us,
            host_calls,
            transfers,
            stored_bytes,
            journal_bytes,
            recording_bytes,
            waits,
            waited_ms,
            egress_bytes,
            providers: together(providers).into_iter().map(provider_shown).collect(),
            costs,
        }
    }

    fn told(tenant: TenantId, month: resource::LedgerMonth) -> Self {
        let resource::LedgerMonth {
            month,
            calls,
            talk_ms,
            agent_cpu_us,
            host_calls,
            transfers,
            stored_bytes,
            journal_bytes,
            recording_bytes,
            waits,
            waited_ms,
            egress_bytes,
            providers,
            // It is summed up from those of the providers.
            costs: _,
        } = month;
        let used = MonthSum {
            calls,
            talk_ms,
            agent_cpu_us,
            host_calls,
            transfers,
            stored_bytes,
            journal_bytes,
            recording_bytes,
            waits,
            waited_ms,
            egress_bytes,
        };
        Self { tenant, month, used, providers: providers.into_iter().map(provider_told).collect() }
    }
}

/// The same, with all of the tenant's own services as one.
fn together(providers: Vec<ProviderMonth>) -> Vec<ProviderMonth> {
    let mut all = Vec::<ProviderMonth>::with_capacity(providers.len());
    for mut provider in providers {
        if provider.role != ProviderRole::Connector {
            all.push(provider);
            continue;
        }
        CONNECTORS.clone_into(&mut provider.provider);
        match all.iter_mut().find(|known| known.role == ProviderRole::Connector) {
            Some(known) => known.add_all(&provider),
            None => all.push(provider),
        }
    }
    all
}

fn provider_shown(month: ProviderMonth) -> resource::LedgerProvider {
    let ProviderMonth {
        provider,
        role,
        requests,
        input_tokens,
        output_tokens,
        estimated,
        audio_ms,
        characters,
        costs,
        unpriced_calls,
    } = month;
    resource::LedgerProvider {
        provider,
        role: role.into(),
        requests,
        input_tokens,
        output_tokens,
        estimated,
        audio_ms,
        characters,
        costs: costs_shown(costs),
        unpriced_calls,
    }
}

fn provider_told(month: resource::LedgerProvider) -> ProviderMonth {
    let resource::LedgerProvider {
        provider,
        role,
        requests,
        input_tokens,
        output_tokens,
        estimated,
        audio_ms,
        characters,
        costs,
        unpriced_calls,
    } = month;
    let costs = costs.into_iter().map(|resource::Cost { currency, micros }| Cost { currency, micros });
    ProviderMonth {
        provider,
        role: role.into(),
        requests,
        input_tokens,
        output_tokens,
        estimated,
        audio_ms,
        characters,
        costs: costs.collect(),
        unpriced_calls,
    }
}

fn costs_shown(costs: Vec<Cost>) -> Vec<resource::Cost> {
    costs.into_iter().map(|Cost { currency, micros }| resource::Cost { currency, micros }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(name: &str, role: ProviderRole, requests: u64) -> ProviderMonth {
        let costs = vec![Cost { currency: "EUR".into(), micros: requests }];
        ProviderMonth {
            provider: name.into(),
            role,
            requests,
            input_tokens: 1,
            output_tokens: 2,
            estimated: false,
            audio_ms: 3,
            characters: 4,
            costs,
            unpriced_calls: 0,
        }
    }

    #[test]
    fn what_is_told_of_a_month_is_what_it_came_to_and_names_no_service_of_the_tenant() {
        let tenant: TenantId = "cabinet".parse().unwrap();
        let providers = vec![
            provider("crm.example.com", ProviderRole::Connector, 2),
            provider("erp.example.com", ProviderRole::Connector, 3),
            provider("voice", ProviderRole::TextToSpeech, 7),
        ];
        let used = MonthSum { calls: 5, talk_ms: 60_000, waits: 1, ..MonthSum::default() };
        let month = MonthLedger { tenant: tenant.clone(), month: "2026-11".into(), used, providers };
        let shown = Ledgers { months: vec![month.clone()], left: 1, unreadable: 2 }.shown();
        let text = serde_json::to_string(&shown).unwrap();
        assert!(!text.contains("example.com"), "{text}");

        let told = Ledgers::told(&tenant, serde_json::from_str(&text).unwrap());
        assert_eq!((told.left, told.unreadable, told.months.len()), (1, 2, 1));
        let again = &told.months[0];
        assert_eq!((&again.tenant, again.month.as_str(), again.used), (&tenant, "2026-11", used));
        assert_eq!(again.costs(), month.costs());
        let services: Vec<_> =
            again.providers.iter().map(|one| (one.provider.as_str(), one.requests)).collect();
        assert_eq!(services, [("connectors", 5), ("voice", 7)]);
        assert_eq!(again.providers[0].costs, [Cost { currency: "EUR".into(), micros: 5 }]);
    }
}
