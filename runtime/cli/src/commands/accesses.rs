//! `parloir accesses`: who read what was said in which calls, when, and why.

use clap::Args;
use parloir_contract::{CallId, TenantId};
use parloir_journal::{
    ACCESS, ContentRead, Purposes, ReadError, Record, RecordBody, list_tenants, read_call,
};
use parloir_server::{RightsDone, RightsRequest};
use parloir_store::Keyring;
use serde_json::Value;

use crate::commands::admin::{AskedArgs, Client, lines_of_json, text, texts};
use crate::commands::calls::time;
use crate::commands::rights;
use crate::terminal::{self, DIM, TITLE, bar, counted, plain, styled};
use crate::{DataArgs, Failure, Outcome};

#[derive(Args)]
pub(crate) struct Accesses {
    #[command(flatten)]
    asked: AskedArgs,
    /// Only of this call.
    #[arg(long)]
    call: Option<CallId>,
    /// Only of this tenant's calls. Where an installation is asked, your key's own if this is left out.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// At most so many, the newest, where an installation is asked.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,
    #[command(flatten)]
    data: DataArgs,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

impl Accesses {
    pub(crate) async fn run(self) -> Outcome {
        if let Some(client) = self.asked.client()? {
            return self.ask(&client).await;
        }
        let folders = self.asked.folders(&self.data)?;
        let keyring = Keyring::open(&folders.keys)?;
        let tenants = match &self.tenant {
            Some(tenant) => vec![tenant.clone()],
            None => list_tenants(&folders.data).await?,
        };
        let (mut any, mut unread) = (false, 0_usize);
        for tenant in tenants {
            // By the index: no call but the entries is opened.
            let asked = RightsRequest::Accesses { tenant: tenant.clone() };
            let RightsDone::Calls { calls, .. } = rights::ask(&folders, &asked).await? else {
                return Err(rights::other_version());
            };
            let progress = bar(calls.len() as u64, "looking");
            for (call, first) in calls {
                progress.inc(1);
                let records = match read_call(&folders.data, &keyring, &tenant, call, Some(first)).await {
                    Ok(records) => records,
                    // No entry is erased; and one that is being written is told when it is whole.
                    Err(ReadError::Erased { .. } | ReadError::NoSuchCall { .. }) => continue,
                    Err(error) => {
                        unread += 1;
                        let what = format!("call {call} of {tenant} could not be read: {error}");
                        progress.suspend(|| terminal::error(&what));
                        continue;
                    }
                };
                if !is_access(&records) {
                    continue;
                }
                for read in &records {
                    if let RecordBody::ContentRead(what) = &read.body
                        && self.call.is_none_or(|call| what.calls.contains(&call))
                    {
                        any = true;
                        progress.suspend(|| self.tell(&tenant, call, read.at, what));
                    }
                }
            }
            progress.finish_and_clear();
        }
        if unread > 0 {
            return Err(Failure::otherwise(format!(
                "{unread} call(s) could not be read, and are named above: they are entries, or may be. `parloir verify` says what is wrong"
            )));
        }
        if !any && !self.json {
            anstream::println!("{}", styled(DIM, "nobody read anything"));
        }
        Ok(())
    }

    /// Lists what is for whoever has the key.
    async fn ask(&self, client: &Client) -> Outcome {
        let tenant = client.tenant(self.tenant.as_ref()).await?;
        let path = match self.call {
            Some(call) => format!("/v1/tenants/{tenant}/calls/{call}/accesses"),
            None => format!("/v1/tenants/{tenant}/accesses"),
        };
        let all = client.first_of(&path, usize::from(self.limit)).await?;
        if self.json {
            lines_of_json(&all);
        } else if all.is_empty() {
            anstream::println!("{}", styled(DIM, "nobody read anything"));
        }
        for item in all.iter().filter(|_| !self.json) {
            anstream::println!("{}  {}", styled(TITLE, &plain(&at(item))), told(item));
        }
        Ok(())
    }

    fn tell(&self, tenant: &TenantId, entry: CallId, at: u64, read: &ContentRead) {
        let ContentRead { who, command, calls, purposes, why } = read;
        let purposes: Purposes = purposes.iter().copied().collect();
        if self.json {
            let names: Vec<_> = calls.iter().map(ToString::to_string).collect();
            println!(
                "{}",
                serde_json::json!({
                    "at": at, "tenant": tenant.as_str(), "who": who, "command": command, "calls": names,
                    "purposes": purposes.iter().map(|purpose| purpose.name()).collect::<Vec<_>>(),
                    "why": why, "record": entry.to_string(),
                })
            );
            return;
        }
        let who = plain(&who.to_string());
        let of = match calls.as_slice() {
            [] => "a search that found no call".to_owned(),
            [call] => call.to_string(),
            calls => format!("{} calls", calls.len()),
        };
        anstream::println!(
            "{}  {who} read {purposes} of {of} {}",
            styled(TITLE, &time(at)),
            styled(DIM, &format!("({tenant}; parloir {command}; [{entry}])"))
        );
        anstream::println!("  why: {}", plain(why.as_deref().unwrap_or("not said")));
    }
}

/// When somebody read, to the second.
fn at(item: &Value) -> String {
    text(item, "/changed").chars().take(19).collect::<String>().replace('T', " ")
}

/// Who read what of which calls, and why, as an installation tells it.
fn told(item: &Value) -> String {
    let of = |field: &str| plain(text(item, &format!("/spec/{field}")));
    let why = match of("why") {
        why if why.is_empty() => "not said".to_owned(),
        why => why,
    };
    let command = of("command");
    if command.is_empty() {
        return format!("[{}]: {why}", plain(text(item, "/id")));
    }
    let purposes = plain(&texts(item, "/spec/purposes").join(", "));
    let count = item.pointer("/spec/count").and_then(Value::as_u64).unwrap_or_default();
    let calls = match (texts(item, "/spec/calls").as_slice(), count) {
        ([], _) => "a search that found no call".to_owned(),
        ([call], 1) => plain(call),
        (_, count) => counted(count, "call"),
    };
    let key = match of("key") {
        key if key.is_empty() => key,
        key => format!(" (key {key})"),
    };
    let record = styled(DIM, &format!("(parloir {command}; [{}])", plain(text(item, "/id"))));
    format!("{} {}{key} read {purposes} of {calls} {record}\n  why: {why}", of("role"), of("user"))
}

/// Whether these are the records of an entry: nobody else's call may say that something was read.
fn is_access(records: &[Record]) -> bool {
    let first = records.first().map(|record| &record.body);
    matches!(first, Some(RecordBody::CallStarted(started)) if started.transport == ACCESS)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn who_read_a_call_is_told_with_the_key_and_why() {
        let mut item = json!({
            "id": "e1", "changed": "2026-11-23T02:59:25.606Z",
            "spec": {
                "user": "anne", "role": "supervisor", "key": "k1", "command": "show", "purposes": ["content"],
                "calls": ["c1"], "count": 1, "why": "a complaint",
            },
        });
        assert_eq!(at(&item), "2026-11-23 02:59:25");
        let words = told(&item);
        assert!(words.starts_with("supervisor anne (key k1) read content of c1 "), "{words}");
        assert!(words.contains("parloir show; [e1]") && words.ends_with("why: a complaint"), "{words}");
        item["spec"]["calls"] = json!(["c1", "c2"]);
        item["spec"]["count"] = json!(2);
        item["spec"]["why"] = Value::Null;
        let words = told(&item);
        assert!(words.contains("of 2 calls ") && words.ends_with("why: not said"), "{words}");
    }
}
