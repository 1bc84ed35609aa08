//! Connectors: services that a tenant's agents have requests sent to by a name, with secrets that they never see.

use std::collections::HashSet;

use axum::http::HeaderName;
use parloir_store::{Batch, Table};
use parloir_tenancy::connector::{Credential, MAX_CONNECTORS, MOST_ANSWER_BYTES, MOST_WAIT_MS};

use super::Api;
use super::answer::{Answer, room};
use super::asked::Asked;
use super::problem::{Kind, Problem};
use crate::directory::rows::{self, There};
use crate::directory::{Batches, CONNECTORS, SECRETS};
use crate::resource::{Connector, is_name};
use crate::sealed::KeptSecret;

/// The shortest wait, in milliseconds.
const LEAST_WAIT_MS: u32 = 100;
/// The longest header's name, and the longest words before a secret, in bytes.
const MAX_HEADER: usize = 64;
/// The longest region, in characters.
const MAX_REGION: usize = 200;
/// Headers that say how a request travels, and of which no service reads who sent it.
const OF_THE_CONNECTION: [&str; 12] = [
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

fn row(name: &str) -> String {
    format!("{CONNECTORS}{name}")
}

fn wrong(field: &str, detail: impl Into<String>, remedy: impl Into<String>) -> Problem {
    Problem::new(Kind::Invalid, detail, remedy).of(field)
}

/// What can be told of a connector by itself.
fn check(connector: &Connector) -> Result<(), Problem> {
    let Connector { url: _, methods, credential, region, wait_ms, answer_bytes } = connector;
    if methods.is_empty() {
        return Err(wrong("methods", "agents may do nothing there", "name at least one, such as [\"get\"]"));
    }
    if methods.iter().collect::<HashSet<_>>().len() != methods.len() {
        return Err(wrong("methods", "`methods` names one of them twice", "name each once"));
    }
    if region.chars().count() > MAX_REGION || region.chars().any(char::is_control) {
        let remedy = format!("write at most {MAX_REGION} characters on one line");
        return Err(wrong("region", "`region` is too long, or has control characters in it", remedy));
    }
    if !(LEAST_WAIT_MS..=MOST_WAIT_MS).contains(wait_ms) {
        let remedy = format!("write {LEAST_WAIT_MS} to {MOST_WAIT_MS}");
        return Err(wrong("wait-ms", format!("`wait-ms` is {wait_ms}"), remedy));
    }
    if !(1..=MOST_ANSWER_BYTES).contains(answer_bytes) {
        let remedy = format!("write 1 to {MOST_ANSWER_BYTES}");
        return Err(wrong("answer-bytes", format!("`answer-bytes` is {answer_bytes}"), remedy));
    }
    credential.as_ref().map_or(Ok(()), check_credential)
}

fn check_credential(Credential { header, before, secret }: &Credential) -> Result<(), Problem> {
    let name = HeaderName::from_bytes(header.as_bytes()).ok().filter(|_| header.len() <= MAX_HEADER);
    let Some(name) = name else {
        let remedy = format!("write a header's name of at most {MAX_HEADER} letters, digits and hyphens");
        return Err(wrong("credential.header", "that is no name of a header", remedy));
    };
    if OF_THE_CONNECTION.contains(&name.as_str()) {
        let detail = format!("the header {name} says how a request travels, and not who sends it");
        return Err(wrong("credential.header", detail, "write authorization, or what the service reads"));
    }
    let fits =
        |before: &String| before.len() <= MAX_HEADER && before.bytes().all(|b| matches!(b, b' '..=b'~'));
    if !before.as_ref().is_none_or(fits) {
        let remedy = format!("write at most {MAX_HEADER} printable ASCII characters");
        return Err(wrong("credential.before", "`before` is too long, or no header can hold it", remedy));
    }
    if !is_name(secret) {
        let remedy = "write the name of a secret, as `parloir secret list` lists them, and not the secret";
        return Err(wrong("credential.secret", "that is no name of a secret", remedy));
    }
    Ok(())
}

/// A connector that there is, whether it can be read or not.
async fn there(asked: &Asked, name: &str) -> Result<Option<There<Connector>>, Problem> {
    Ok(rows::there(&asked.store, Table::Settings, &row(name)).await?)
}

fn not_found() -> Problem {
    Problem::not_found("connector").of("name")
}

pub(super) async fn list(asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let (after, limit) = asked.paging()?;
    let page = rows::page::<Connector>(&asked.store, Table::Settings, CONNECTORS, after.as_deref(), limit);
    Ok(Answer::page(page.await?)?)
}

pub(super) async fn get(asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let name = asked.name()?;
    match there(asked, name).await?.ok_or_else(not_found)?.row {
        Ok(row) => Answer::read(asked, &row.item(name)),
        Err(why) => {
            let detail = format!("the connector's row cannot be read ({why})");
            let remedy = format!("write it anew: parloir connector add {name} --url …, or remove it");
            Err(Problem::new(Kind::Conflict, detail, remedy).of("name"))
        }
    }
}

pub(super) async fn put(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let name = asked.name()?;
    let connector: Connector = asked.json()?;
    check(&connector)?;
    let reaches = api.directory.premises().reaches(&connector.url);
    reaches.map_err(|sentence| Problem::sentence(Kind::Invalid, &sentence).of("url"))?;
    let before = there(asked, name).await?;
    asked.may_put(before.as_ref().and_then(There::tag))?;
    let new = before.is_none();
    if new {
        room(rows::count(&asked.store, Table::Settings, CONNECTORS).await?, MAX_CONNECTORS, "connectors")?;
    }
    let mut batch = match before {
        Some(before) => Batch::new().expect_value(Table::Settings, row(name), before.bytes),
        None => Batch::new().expect_absent(Table::Settings, row(name)),
    };
    // A secret that is there stays until this is; one that is not yet is told as a problem.
    if let Some(Credential { secret, .. }) = &connector.credential {
        let secret = format!("{SECRETS}{secret}");
        if let Some(there) = rows::there::<KeptSecret>(&asked.store, Table::Settings, &secret).await? {
            batch = batch.expect_value(Table::Settings, secret, there.bytes);
        }
    }
    let told = asked.told(format!("connector {name}"));
    let answer = api.directory.commit(&asked.realm, told, |stamp| {
        let batch = batch.put(Table::Settings, row(name), stamp.bytes(&connector)?);
        let answer = Answer::written(&stamp.item(name, connector), new)?;
        Ok((Batches::of(&asked.store, batch), answer))
    });
    let answer = answer.await?;
    api.directory.take_in(&asked.realm).await?;
    Ok(answer)
}

pub(super) async fn delete(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let name = asked.name()?;
    let before = there(asked, name).await?.ok_or_else(not_found)?;
    asked.may_delete(&before.change)?;
    let batch = Batch::new().expect_value(Table::Settings, row(name), before.bytes);
    let batch = batch.delete(Table::Settings, row(name));
    let told = asked.told(format!("connector {name}: removed"));
    let gone = api.directory.commit(&asked.realm, told, |_| Ok((Batches::of(&asked.store, batch), ())));
    gone.await?;
    api.directory.take_in(&asked.realm).await?;
    Ok(Answer::gone())
}
