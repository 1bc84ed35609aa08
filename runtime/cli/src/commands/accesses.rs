//! `parloir accesses`: who read what was said in which calls, when, and why.

use clap::Args;
use parloir_contract::{CallId, TenantId};
use parloir_journal::{
    ACCESS, ContentRead, Purposes, ReadError, Record, RecordBody, list_tenants, read_call,
};
use parloir_server::{RightsDone, RightsRequest};
use parloir_store::Keyring;

use crate::commands::calls::time;
use crate::commands::rights;
use crate::terminal::{self, DIM, TITLE, bar, plain, styled};
use crate::{DataArgs, Failure, Outcome};

#[derive(Args)]
pub(crate) struct Accesses {
    /// Only of this call.
    #[arg(long)]
    call: Option<CallId>,
    /// Only of this tenant's calls.
    #[arg(long)]
    tenant: Option<TenantId>,
    #[command(flatten)]
    data: DataArgs,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

impl Accesses {
    pub(crate) async fn run(self) -> Outcome {
        let folders = self.data.existing()?;
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

/// Whether these are the records of an entry: nobody else's call may say that something was read.
fn is_access(records: &[Record]) -> bool {
    let first = records.first().map(|record| &record.body);
    matches!(first, Some(RecordBody::CallStarted(started)) if started.transport == ACCESS)
}
