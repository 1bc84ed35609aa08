//! `parloir calls`: the calls of a data folder. Reads the files alone, so it works beside a running
//! server.

use clap::Args;
use jiff::Timestamp;
use parloir_contract::TenantId;
use parloir_journal::{ACCESS, CallEntry, Ending, QUEUE, WEBHOOK, list_calls_where, list_tenants};
use parloir_store::Keyring;

use crate::terminal::{BAD, DIM, GOOD, TITLE, plain, styled};
use crate::{DataArgs, Outcome};

#[derive(Args)]
pub(crate) struct Calls {
    #[command(flatten)]
    data: DataArgs,
    /// Only this tenant's.
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
