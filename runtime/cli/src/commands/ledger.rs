//! `parloir ledger`: what each tenant's calls of a month used, and what that cost.

use clap::Args;
use parloir_contract::TenantId;
use parloir_journal::{Cost, ProviderRole};
use parloir_server::{LedgerRequest, Ledgers, MonthLedger, ProviderMonth, hand_over_ledger};

use crate::commands::admin::AskedArgs;
use crate::commands::show::ledger::{bytes, in_sum, seconds};
use crate::terminal::{self, BAD, DIM, TITLE, counted, styled};
use crate::{DataArgs, Failure, Outcome, access};

#[derive(Args)]
pub(crate) struct Ledger {
    #[command(flatten)]
    asked: AskedArgs,
    /// Only this tenant's. Where an installation is asked, your key's own if this is left out.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// Only this month, in UTC, by when calls began: 2026-11.
    #[arg(long, value_parser = month)]
    month: Option<String>,
    #[command(flatten)]
    data: DataArgs,
    /// Print one JSON object a line: a month of a tenant.
    #[arg(long)]
    json: bool,
}

fn month(text: &str) -> Result<String, String> {
    let is_number = |part: &str, length| part.len() == length && part.bytes().all(|b| b.is_ascii_digit());
    match text.split_once('-') {
        Some((year, month)) if is_number(year, 4) && is_number(month, 2) => Ok(text.to_owned()),
        Some(_) | None => Err("write a year and a month, such as 2026-11".to_owned()),
    }
}

impl Ledger {
    pub(crate) async fn run(self) -> Outcome {
        if let Some(client) = self.asked.client()? {
            let tenant = client.tenant(self.tenant.as_ref()).await?;
            let month = self.month.as_deref().map(|month| format!("?month={month}")).unwrap_or_default();
            let told = client.get(&format!("/v1/tenants/{tenant}/ledger{month}")).await?.body;
            let tenant: TenantId = tenant.parse()?;
            return print(Ledgers::told(&tenant, serde_json::from_value(told)?), self.json);
        }
        let folders = self.asked.folders(&self.data)?;
        let request = LedgerRequest { tenant: self.tenant, month: self.month };
        let spinner = terminal::spinner("looking");
        let told = async {
            if let Some(told) = hand_over_ledger(&folders.keys, &request).await? {
                return Ok::<_, Failure>(told);
            }
            let storage = access::storage(&folders).await?;
            let told = storage.ledgers(&request, None).await;
            storage.close().await;
            Ok(told?)
        };
        let told = told.await;
        spinner.finish_and_clear();
        print(told?, self.json)
    }
}

fn print(told: Ledgers, as_json: bool) -> Outcome {
    let Ledgers { months, left, unreadable } = told;
    if as_json {
        for month in &months {
            println!("{}", json(month));
        }
    } else if months.is_empty() {
        anstream::println!("{}", styled(DIM, "no call is over yet"));
    }
    for month in months.iter().filter(|_| !as_json) {
        tell(month);
    }
    if unreadable > 0 && !as_json {
        let what = format!(
            "{unreadable} call(s) could not be read for a day and are in no month: `parloir verify` says what is wrong with them"
        );
        anstream::println!("{}", styled(BAD, &what));
    }
    if left > 0 {
        return Err(Failure::otherwise(format!(
            "{left} call(s) are in no month yet: those that were cut off are added, with their prices, when `parloir serve` runs on this folder; `parloir verify` says what is wrong with others"
        )));
    }
    Ok(())
}

fn json(month: &MonthLedger) -> serde_json::Value {
    let MonthLedger { tenant, month: name, used, providers } = month;
    serde_json::json!({
        "tenant": tenant, "month": name, "used": used, "providers": providers, "costs": month.costs(),
    })
}

fn tell(month: &MonthLedger) {
    let MonthLedger { tenant, month: name, used, providers } = month;
    anstream::println!("{}", styled(TITLE, &format!("{name}  {tenant}")));
    let rows = [
        ("calls", used.calls.to_string()),
        ("talked", talked(used.talk_ms)),
        ("host calls", used.host_calls.to_string()),
        ("agents' CPU", seconds(used.agent_cpu_us / 1_000)),
        ("hand-overs", used.transfers.to_string()),
        ("stored", bytes(used.stored_bytes)),
        ("journal", bytes(used.journal_bytes)),
        ("recording", bytes(used.recording_bytes)),
        ("waited", format!("{} ({})", used.waits, seconds(used.waited_ms))),
        ("connectors", bytes(used.egress_bytes)),
    ];
    for (name, value) in rows {
        anstream::println!("  {name:14}{value:>14}");
    }
    for provider in providers {
        anstream::println!("  {:14}{:>14}  {}", provider.provider, amount(provider), cost(provider));
    }
    anstream::println!("  {:14}{:>14}  {}", "in sum", "", in_sum(month.costs().as_deref()));
}

/// How long calls lasted together, to the second.
fn talked(ms: u64) -> String {
    let seconds = ms.saturating_add(500) / 1_000;
    match seconds / 60 {
        0 => format!("{seconds} s"),
        minutes => format!("{minutes} min {:02} s", seconds % 60),
    }
}

/// What a provider did, in its own unit.
fn amount(provider: &ProviderMonth) -> String {
    match provider.role {
        ProviderRole::SpeechToText => seconds(provider.audio_ms),
        ProviderRole::TextToSpeech => format!("{} chars", provider.characters),
        ProviderRole::LanguageModel => {
            let about = if provider.estimated { "~" } else { "" };
            format!("{about}{}+{} tokens", provider.input_tokens, provider.output_tokens)
        }
        ProviderRole::Webhook | ProviderRole::Connector => counted(provider.requests, "request"),
    }
}

fn cost(provider: &ProviderMonth) -> String {
    let known: Vec<_> = provider.costs.iter().map(Cost::to_string).collect();
    let unknown = match provider.unpriced_calls {
        0 => None,
        calls => Some(format!("unknown for {}", counted(calls, "call"))),
    };
    known.into_iter().chain(unknown).collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_a_year_and_a_month() {
        assert_eq!(month("2026-11").unwrap(), "2026-11");
        for wrong in ["", "2026", "11-2026", "2026-11-01", "2026-nov", "2026/11"] {
            assert!(month(wrong).unwrap_err().contains("2026-11"), "{wrong}");
        }
    }

    #[test]
    fn short_calls_are_no_nothing() {
        for (ms, told) in [
            (0, "0 s"),
            (40_400, "40 s"),
            (59_600, "1 min 00 s"),
            (61_000, "1 min 01 s"),
            (3_600_000, "60 min 00 s"),
        ] {
            assert_eq!(talked(ms), told);
        }
    }

    #[test]
    fn what_is_known_of_a_cost_is_told_with_what_is_not() {
        let mut provider = ProviderMonth {
            provider: "voice".into(),
            role: ProviderRole::TextToSpeech,
            requests: 1,
            input_tokens: 0,
            output_tokens: 0,
            estimated: false,
            audio_ms: 0,
            characters: 10,
            costs: vec![Cost { currency: "EUR".into(), micros: 150 }],
            unpriced_calls: 0,
        };
        assert_eq!((amount(&provider), cost(&provider)), ("10 chars".into(), "0.000150 EUR".into()));
        provider.unpriced_calls = 2;
        assert_eq!(cost(&provider), "0.000150 EUR and unknown for 2 calls");
    }
}
