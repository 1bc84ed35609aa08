//! The operator's commands on the API of the administration: `parloir tenant`, `user`, `key`, `number`, `line`, `quota`, `secret`,
//! `connector`, `contact`, `document`, `sound`, `provider`, `team`, `retention`, `webhook`, `agent`, `audit`, `login` and `logout`.

pub(crate) mod agent;
mod asked;
pub(crate) mod audit;
mod client;
pub(crate) mod connector;
pub(crate) mod contact;
pub(crate) mod document;
pub(crate) mod key;
pub(crate) mod line;
pub(crate) mod log_in;
pub(crate) mod number;
mod problems;
pub(crate) mod provider;
pub(crate) mod quota;
pub(crate) mod retention;
pub(crate) mod secret;
mod signing;
pub(crate) mod sound;
pub(crate) mod team;
pub(crate) mod tenant;
pub(crate) mod user;
pub(crate) mod webhook;

use clap::Args;
use parloir_contract::TenantId;
use serde_json::{Map, Value};

use crate::terminal::{DIM, GOOD, TITLE, plain, styled};
use crate::{Failure, Outcome};

pub(crate) use asked::{AskedArgs, OneAskedArgs};
pub(crate) use client::{ApiArgs, Client};

/// Whose, and where.
#[derive(Args)]
struct Whose {
    /// The tenant, or `installation`. Default: your key's own.
    #[arg(long)]
    tenant: Option<TenantId>,
    #[command(flatten)]
    api: ApiArgs,
}

impl Whose {
    /// The administration, and the path of the rooms that are meant.
    async fn open(&self) -> Result<(Client, String), Failure> {
        let client = Client::new(&self.api)?;
        let tenant = client.tenant(self.tenant.as_ref()).await?;
        Ok((client, format!("/v1/tenants/{tenant}")))
    }

    /// Lists what is theirs.
    async fn list<const N: usize>(
        self,
        what: &str,
        headings: [&str; N],
        row: impl Fn(&Value) -> [String; N],
    ) -> Outcome {
        let (client, path) = self.open().await?;
        let all = client.list(&format!("{path}/{what}")).await?;
        if self.api.json {
            lines_of_json(&all);
        } else {
            table(headings, &all.iter().map(row).collect::<Vec<_>>());
        }
        Ok(())
    }

    /// Removes something of theirs, and says so.
    async fn remove(self, what: &str, name: &str, done: &str) -> Outcome {
        let (client, path) = self.open().await?;
        client.delete(&format!("{path}/{what}/{name}")).await?;
        if !self.api.json {
            anstream::println!("{} {name}", styled(GOOD, done));
        }
        Ok(())
    }
}

/// A text in an answer; empty where there is none.
pub(crate) fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// The texts of a list in an answer; none where there is no list.
pub(crate) fn texts<'a>(value: &'a Value, path: &str) -> Vec<&'a str> {
    value.pointer(path).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// By whom something was done: what they are called, where that is told, or their id; `-` where it was nobody's doing.
fn by_whom(item: &Value) -> String {
    let known = ["/spec/name", "/spec/user"].map(|path| text(item, path));
    known.into_iter().find(|known| !known.is_empty()).unwrap_or("-").to_owned()
}

/// A time in an answer, to the second.
fn moment(value: &Value, path: &str) -> String {
    let moment = text(value, path);
    moment.split_once('.').map_or_else(|| moment.to_owned(), |(second, _)| format!("{second}Z"))
}

/// Prints rows under their headings, or says that there are none. What others wrote obeys no terminal.
pub(crate) fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) {
    if rows.is_empty() {
        anstream::println!("{}", styled(DIM, "none"));
        return;
    }
    let rows: Vec<[String; N]> = rows.iter().map(|row| row.each_ref().map(|cell| plain(cell))).collect();
    let width = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count());
        cells.chain(headings.get(at).map(|heading| heading.chars().count())).max().unwrap_or_default()
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |cells: &[String; N]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    anstream::println!("{}", styled(TITLE, &line(&headings.map(str::to_owned))));
    for row in &rows {
        anstream::println!("{}", line(row));
    }
}

/// Prints items as one JSON object a line: of nothing, nothing, as every list does.
pub(crate) fn lines_of_json(items: &[Value]) {
    for item in items {
        println!("{item}");
    }
}

/// `name=value`, as an option has it.
fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as name=value")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// Puts `name=value` options into an object: a number where it is one, and nothing for `none`.
fn put(object: &mut Value, field: &str, pairs: Vec<(String, String)>) -> Result<(), Failure> {
    if pairs.is_empty() {
        return Ok(());
    }
    let Value::Object(fields) = object else {
        return Err(Failure::new("the installation answered something else: is it of another version?"));
    };
    let inner = fields.entry(field).or_insert_with(|| Value::Object(Map::new()));
    for (name, value) in pairs {
        let value = match value.as_str() {
            "none" => Value::Null,
            value => value.parse::<u64>().map_or_else(|_| Value::from(value), Value::from),
        };
        if let Value::Object(inner) = inner {
            inner.insert(name, value);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_told_to_the_second() {
        let item = json!({ "whole": "2026-11-23T02:59:25Z", "parts": "2026-11-23T02:59:25.606Z" });
        assert_eq!(moment(&item, "/whole"), "2026-11-23T02:59:25Z");
        assert_eq!(moment(&item, "/parts"), "2026-11-23T02:59:25Z");
        assert_eq!(moment(&item, "/none"), "");
    }

    #[test]
    fn options_are_put_into_what_there_is() {
        let mut tenant = json!({ "quota": { "host-calls": 5, "memory-mib": 32 } });
        put(&mut tenant, "quota", vec![pair("host-calls = 7").unwrap()]).unwrap();
        put(&mut tenant, "retention", vec![pair("content=1 year").unwrap()]).unwrap();
        let expected = json!({
            "quota": { "host-calls": 7, "memory-mib": 32 }, "retention": { "content": "1 year" },
        });
        assert_eq!(tenant, expected);
        put(&mut tenant, "retention", vec![pair("content=none").unwrap()]).unwrap();
        assert_eq!(tenant["retention"], json!({ "content": null }));
        assert!(pair("host-calls").is_err());
    }
}
