//! `parloir calls`: the calls of a data folder. Reads the files alone, so it works beside a running
//! server.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::path::Path;

use clap::Args;
use jiff::Timestamp;
use parloir_contract::{CallId, TenantId};
use parloir_journal::{
    ACCESS, CallEntry, Ending, Purposes, QUEUE, ReadError, WEBHOOK, erased, erasures, holds,
    list_calls_where, list_tenants, read_call,
};
use parloir_server::Restrictions;
use parloir_store::Keyring;
use serde_json::Value;

use crate::commands::admin::{AskedArgs, Client, lines_of_json, table, text, texts};
use crate::terminal::{BAD, DIM, GOOD, TITLE, plain, styled};
use crate::{DataArgs, Failure, Outcome};

#[derive(Args)]
pub(crate) struct Calls {
    #[command(flatten)]
    asked: AskedArgs,
    #[command(flatten)]
    data: DataArgs,
    /// Only this tenant's. Where an installation is asked, your key's own if this is left out.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// At most so many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,
    /// Leave out what is no call on a line: changes by the administration, cases, erasures.
    #[arg(long)]
    only_calls: bool,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

impl Calls {
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
        let limit = usize::from(self.limit);
        let wanted: fn(&CallEntry) -> bool = if self.only_calls { is_call } else { is_listed };
        let mut newest: Vec<(TenantId, CallEntry)> = Vec::new();
        let mut marks = Marks::default();
        for tenant in tenants {
            marks.add(&keyring, &tenant).await?;
            let theirs = list_calls_where(&folders.data, &keyring, &tenant, limit, wanted).await?;
            newest.extend(theirs.into_iter().map(|entry| (tenant.clone(), entry)));
            newest.sort_by_key(|(_, entry)| Reverse(entry.started_at));
            newest.truncate(limit);
        }
        marks.look(&keyring, &folders.data, &newest).await;
        if self.json {
            newest.iter().for_each(|(tenant, entry)| print_json(tenant, entry, &marks));
            return Ok(());
        }
        if newest.is_empty() {
            let none = match &self.tenant {
                Some(tenant) => {
                    format!("no calls of {tenant} yet, or no tenant of this name: parloir tenant list")
                }
                None => "no calls yet".to_owned(),
            };
            anstream::println!("{}", styled(DIM, &none));
            return Ok(());
        }
        let [call, began, seconds, ended, agent, line] =
            ["call", "began", "seconds", "ended", "agent", "line"];
        let headings = format!("{call:32}  {began:19}  {seconds}  {ended:12}  {agent:14}  {line:13}  tenant");
        anstream::println!("{}", styled(TITLE, &headings));
        newest.iter().for_each(|(tenant, entry)| print(tenant, entry, &marks));
        Ok(())
    }

    /// Lists those that whoever has the key may know of.
    async fn ask(&self, client: &Client) -> Outcome {
        let tenant = client.tenant(self.tenant.as_ref()).await?;
        let limit = usize::from(self.limit);
        let calls = client.first_of(&format!("/v1/tenants/{tenant}/calls"), limit).await?;
        if self.json {
            lines_of_json(&calls);
            return Ok(());
        }
        let row = |call: &Value| {
            let seconds = call.pointer("/spec/seconds").and_then(Value::as_u64);
            let ended = text(call, "/spec/outcome");
            [
                text(call, "/id").to_owned(),
                text(call, "/spec/began").chars().take(19).collect(),
                seconds.map_or("-".to_owned(), |seconds| seconds.to_string()),
                if ended.is_empty() { "live" } else { ended }.to_owned(),
                text(call, "/spec/agent").to_owned(),
                text(call, "/spec/line").to_owned(),
                handed_to(call),
                noted(call),
            ]
        };
        let headings = ["CALL", "BEGAN", "SECONDS", "ENDED", "AGENT", "LINE", "HANDED TO", "NOTES"];
        table(headings, &calls.iter().map(row).collect::<Vec<_>>());
        Ok(())
    }
}

/// Whom a caller was handed to. Where no agent answered, that is the number that their line names for it, of which no carrier says
/// whether somebody answers there.
fn handed_to(call: &Value) -> String {
    let to = texts(call, "/spec/handed-to");
    let is_turned_away = text(call, "/spec/agent").is_empty() && text(call, "/spec/outcome") == "transferred";
    match to.as_slice() {
        [] if is_turned_away => "its line's fallback number".to_owned(),
        to => to.join(" "),
    }
}

/// What an installation says of a call that is held or restricted, or of which something was erased.
fn noted(call: &Value) -> String {
    let erased = texts(call, "/spec/erased");
    let held = call.pointer("/spec/held").and_then(Value::as_bool) == Some(true);
    let restricted = match call.pointer("/spec/restricted") {
        Some(Value::Null) => None,
        restricted => Some(restricted.and_then(Value::as_bool) == Some(true)),
    };
    in_words(held, restricted, &erased)
}

fn in_words(held: bool, restricted: Option<bool>, erased: &[&str]) -> String {
    let mut notes = Vec::new();
    if held {
        notes.push("held".to_owned());
    }
    match restricted {
        Some(false) => {}
        Some(true) => notes.push("restricted".to_owned()),
        None => notes.push("may be restricted".to_owned()),
    }
    if !erased.is_empty() {
        notes.push(format!("erased: {}", erased.join(", ")));
    }
    notes.join("; ")
}

/// Which calls are held, whose callers are restricted, and what of which was erased.
#[derive(Default)]
struct Marks {
    held: HashSet<CallId>,
    restrictions: HashMap<TenantId, Restrictions>,
    /// `None` of a call that could not be read.
    restricted: HashMap<CallId, Option<bool>>,
    erased: HashMap<CallId, Purposes>,
}

impl Marks {
    async fn add(&mut self, keyring: &Keyring, tenant: &TenantId) -> Result<(), Failure> {
        self.held.extend(holds(keyring, tenant).await?.into_iter().map(|hold| hold.call));
        self.erased.extend(erased(&erasures(keyring, tenant).await?));
        if let Some(restrictions) = Restrictions::of(keyring, tenant).await? {
            self.restrictions.insert(tenant.clone(), restrictions);
        }
        Ok(())
    }

    /// Looks whose calls these are, where anybody of their tenant is restricted.
    async fn look(&mut self, keyring: &Keyring, data: &Path, calls: &[(TenantId, CallEntry)]) {
        for (tenant, entry) in calls.iter().filter(|(_, entry)| !entry.is_of_journal()) {
            let Some(restrictions) = self.restrictions.get(tenant) else { continue };
            let is = match read_call(data, keyring, tenant, entry.call, Some(entry.first)).await {
                Ok(records) => Some(restrictions.of_call(&records).is_some()),
                Err(ReadError::Erased { .. }) => Some(false),
                Err(_) => None,
            };
            self.restricted.insert(entry.call, is);
        }
    }

    fn restricted(&self, call: CallId) -> Option<bool> {
        self.restricted.get(&call).copied().unwrap_or(Some(false))
    }

    fn erased(&self, call: CallId) -> Vec<&'static str> {
        let gone = self.erased.get(&call).copied().unwrap_or_default();
        gone.iter().map(|purpose| purpose.name()).collect()
    }
}

/// Who read what is listed by `parloir accesses`, and what was handed over by `parloir person`.
fn is_listed(entry: &CallEntry) -> bool {
    ![ACCESS, WEBHOOK].contains(&entry.transport.as_str())
}

/// What came on a line. A record of something else has none.
fn is_call(entry: &CallEntry) -> bool {
    is_listed(entry) && !entry.line.is_empty()
}

fn seconds(entry: &CallEntry) -> Option<u64> {
    entry.ended_at.map(|end| end.saturating_sub(entry.started_at) / 1_000_000_000)
}

fn print_json(tenant: &TenantId, entry: &CallEntry, marks: &Marks) {
    let line = serde_json::json!({
        "call": entry.call.to_string(), "tenant": tenant.as_str(), "line": entry.line, "agent": entry.agent_name,
        "version": entry.agent_version, "arrived": entry.transport, "began": time(entry.started_at),
        "seconds": seconds(entry), "ended": entry.outcome.map_or("live", ending), "records": entry.records,
        "held": marks.held.contains(&entry.call), "restricted": marks.restricted(entry.call),
        "erased": marks.erased(entry.call),
    });
    println!("{line}");
}

fn print(tenant: &TenantId, entry: &CallEntry, marks: &Marks) {
    let began = time(entry.started_at);
    let outcome = entry.outcome.map_or("live", ending);
    let style = match entry.outcome {
        Some(Ending::Failed | Ending::Interrupted) => BAD,
        Some(Ending::Done | Ending::Transferred | Ending::CallBack | Ending::Abandoned | Ending::Refused) => {
            DIM
        }
        None => GOOD,
    };
    // A caller who waits for a place, or has: where an agent answered them, that is a call of its own.
    let agent = if entry.transport == QUEUE { "(waiting)" } else { entry.agent_name.as_str() };
    let seconds = seconds(entry).map_or("-".to_owned(), |s| s.to_string());
    let held = marks.held.contains(&entry.call);
    let notes = in_words(held, marks.restricted(entry.call), &marks.erased(entry.call));
    let notes = if notes.is_empty() { notes } else { format!("  {}", styled(DIM, &format!("({notes})"))) };
    anstream::println!(
        "{}  {began}  {seconds:>7}  {}  {:14}  {:13}  {tenant}{notes}",
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn who_was_turned_away_to_a_human_is_told_where() {
        let of = |agent: &str, outcome: &str, to: &[&str]| {
            handed_to(&json!({ "spec": { "agent": agent, "outcome": outcome, "handed-to": to } }))
        };
        assert_eq!(of("", "transferred", &[]), "its line's fallback number");
        assert_eq!(of("", "refused", &[]), "");
        assert_eq!(of("desk", "transferred", &[]), "", "nobody answered there");
        assert_eq!(of("desk", "transferred", &["+33199009999"]), "+33199009999");
    }

    #[test]
    fn a_call_that_is_held_or_restricted_or_of_which_something_is_gone_says_so() {
        let of = |held: bool, erased: &[&str]| noted(&json!({ "spec": { "held": held, "erased": erased } }));
        assert_eq!(of(false, &[]), "");
        assert_eq!(of(true, &[]), "held");
        assert_eq!(of(true, &["content", "recording"]), "held; erased: content, recording");
        assert_eq!(noted(&json!({})), "");
        let of = |restricted: Value| noted(&json!({ "spec": { "held": true, "restricted": restricted } }));
        let told = [false.into(), true.into(), Value::Null].map(of);
        assert_eq!(told, ["held", "held; restricted", "held; may be restricted"]);
    }
}
