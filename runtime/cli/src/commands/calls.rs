//! `parloir calls`: the calls of a data folder. Reads the files alone, so it works beside a running
//! server.

use clap::Args;
use jiff::Timestamp;
use parloir_contract::TenantId;
use parloir_journal::{ACCESS, CallEntry, Ending, QUEUE, WEBHOOK, list_calls_where, list_tenants};
use parloir_store::Keyring;
use serde_json::Value;

use crate::commands::admin::{AskedArgs, Client, lines_of_json, table, text};
use crate::terminal::{BAD, DIM, GOOD, TITLE, plain, styled};
use crate::{DataArgs, Outcome};

#[derive(Args)]
pub(crate) struct Calls {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    asked: AskedArgs,
    /// Only this tenant's. Where an installation is asked, your key's own if this is left out.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// At most so many of each tenant.
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

impl Calls {
    pub(crate) async fn run(self) -> Outcome {
        if let Some(client) = self.asked.client()? {
            return self.ask(&client).await;
        }
        let folders = self.data.existing()?;
        let keyring = Keyring::open(&folders.keys)?;
        let tenants = match self.tenant {
            Some(tenant) => vec![tenant],
            None => list_tenants(&folders.data).await?,
        };
        let mut any = false;
        for tenant in tenants {
            let limit = self.limit.clamp(1, 10_000);
            // Who read what is listed by `parloir accesses`, and what was handed over by `parloir person`.
            let wanted = |entry: &CallEntry| ![ACCESS, WEBHOOK].contains(&entry.transport.as_str());
            for entry in list_calls_where(&folders.data, &keyring, &tenant, limit, wanted).await? {
                if !any && !self.json {
                    anstream::println!(
                        "{}",
                        styled(
                            TITLE,
                            "call                              began                seconds  ended         agent       line           tenant"
                        )
                    );
                }
                any = true;
                print(&tenant, &entry, self.json);
            }
        }
        if !any && !self.json {
            anstream::println!("{}", styled(DIM, "no calls yet"));
        }
        Ok(())
    }

    /// Lists those that whoever has the key may know of.
    async fn ask(&self, client: &Client) -> Outcome {
        let tenant = client.tenant(self.tenant.as_ref()).await?;
        let limit = self.limit.clamp(1, 10_000);
        let calls = client.first_of(&format!("/v1/tenants/{tenant}/calls"), limit).await?;
        if self.json {
            lines_of_json(&calls);
            return Ok(());
        }
        let row = |call: &Value| {
            let seconds = call.pointer("/spec/seconds").and_then(Value::as_u64);
            let handed_to = call.pointer("/spec/handed-to").and_then(Value::as_array).into_iter().flatten();
            let handed_to: Vec<&str> = handed_to.filter_map(Value::as_str).collect();
            let ended = text(call, "/spec/outcome");
            [
                text(call, "/id").to_owned(),
                text(call, "/spec/began").chars().take(19).collect(),
                seconds.map_or("-".to_owned(), |seconds| seconds.to_string()),
                if ended.is_empty() { "live" } else { ended }.to_owned(),
                text(call, "/spec/agent").to_owned(),
                text(call, "/spec/line").to_owned(),
                handed_to.join(" "),
            ]
        };
        let headings = ["CALL", "BEGAN", "SECONDS", "ENDED", "AGENT", "LINE", "HANDED TO"];
        table(headings, &calls.iter().map(row).collect::<Vec<_>>());
        Ok(())
    }
}

fn print(tenant: &TenantId, entry: &CallEntry, json: bool) {
    let seconds = entry.ended_at.map(|end| end.saturating_sub(entry.started_at) / 1_000_000_000);
    let began = time(entry.started_at);
    let outcome = entry.outcome.map_or("live", ending);
    if json {
        let line = serde_json::json!({
            "call": entry.call.to_string(), "tenant": tenant.as_str(), "line": entry.line, "agent": entry.agent_name,
            "version": entry.agent_version, "arrived": entry.transport, "began": began, "seconds": seconds, "ended": outcome, "records": entry.records,
        });
        println!("{line}");
        return;
    }
    let style = match entry.outcome {
        Some(Ending::Failed | Ending::Interrupted) => BAD,
        Some(Ending::Done | Ending::Transferred | Ending::CallBack | Ending::Abandoned | Ending::Refused) => {
            DIM
        }
        None => GOOD,
    };
    // A caller who waits for a place, or has: where an agent answered them, that is a call of its own.
    let agent = if entry.transport == QUEUE { "(waiting)" } else { entry.agent_name.as_str() };
    let seconds = seconds.map_or("-".to_owned(), |s| s.to_string());
    anstream::println!(
        "{}  {began}  {seconds:>7}  {}  {:10}  {:13}  {tenant}",
        entry.call,
        styled(style, &format!("{outcome:12}")),
        plain(agent),
        entry.line
    );
}

/// An ending in words.
pub(crate) fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Done => "done",
        Ending::Transferred => "transferred",
        Ending::CallBack => "call back",
        Ending::Abandoned => "abandoned",
        Ending::Failed => "failed",
        Ending::Interrupted => "interrupted",
        Ending::Refused => "blocked",
    }
}

/// Nanoseconds since 1970 as UTC to the second.
pub(crate) fn time(nanos: u64) -> String {
    let at = Timestamp::from_nanosecond(i128::from(nanos)).unwrap_or_default();
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}
