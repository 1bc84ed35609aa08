//! Secrets: kept for the tenant's connectors, and told to nobody again.

use std::collections::BTreeMap;

use parloir_store::{Batch, Table};
use parloir_tenancy::connector::{MAX_SECRET, MAX_SECRETS};
use parloir_tenancy::secret::LEAST_SECRET;

use super::Api;
use super::answer::{Answer, room_where_new};
use super::asked::Asked;
use super::problem::{Kind, Problem};
use crate::directory::receivers::signed;
use crate::directory::rows::{self, Kept, Row, There};
use crate::directory::{Batches, SECRETS, senders};
use crate::resource::{NewSecret, Secret};
use crate::sealed::KeptSecret;

fn row(name: &str) -> String {
    format!("{SECRETS}{name}")
}

/// A secret that there is, whether it can be read or not.
async fn there(asked: &Asked, name: &str) -> Result<Option<There<KeptSecret>>, Problem> {
    Ok(rows::there(&asked.store, Table::Settings, &row(name)).await?)
}

/// What uses each secret: the connectors that send it, and the webhooks that it signs.
async fn users(asked: &Asked) -> Result<BTreeMap<String, Vec<String>>, Problem> {
    let mut users = senders(&asked.store).await?;
    for (secret, webhooks) in signed(&asked.store).await? {
        users.entry(secret).or_default().extend(webhooks.into_iter().map(|name| format!("webhook {name}")));
    }
    Ok(users)
}

/// The secret that the body says. What is wrong with the body is told without a word of it.
fn value(asked: &Asked) -> Result<parloir_tenancy::secret::Secret, Problem> {
    let wrong = || {
        let remedy = format!(
            "write {LEAST_SECRET} to {MAX_SECRET} printable ASCII characters, without a space at its ends"
        );
        Problem::new(Kind::Invalid, "`value` is no secret that a header can hold", remedy).of("value")
    };
    match asked.json::<NewSecret>() {
        Ok(NewSecret { value }) => parloir_tenancy::secret::Secret::new(value).map_err(|_| wrong()),
        Err(problem) if problem.field.as_deref() == Some("content-type") => Err(problem),
        Err(_) => Err(wrong()),
    }
}

pub(super) async fn list(asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let (after, limit) = asked.paging()?;
    let mut users = users(asked).await?;
    let (found, next) =
        rows::page::<KeptSecret>(&asked.store, Table::Settings, SECRETS, after.as_deref(), limit).await?;
    let found = found.into_iter().map(|(name, Kept { row: Row { change, at, is: _ }, .. })| {
        let is = Secret { used_by: users.remove(&name).unwrap_or_default() };
        (name, Kept { row: Row { change, at, is }, bytes: Vec::new() })
    });
    Ok(Answer::page((found.collect(), next))?)
}

pub(super) async fn put(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let name = asked.name()?;
    let kept = KeptSecret(value(asked)?);
    let before = there(asked, name).await?;
    asked.may_put(before.as_ref().and_then(There::tag))?;
    let new = before.is_none();
    let of = (Table::Settings, SECRETS);
    let making = room_where_new(new, (api, asked), of, MAX_SECRETS, "secrets").await?;
    let used_by = users(asked).await?.remove(name).unwrap_or_default();
    let told = asked.told(format!("secret {name}: changed"));
    let answer = api.directory.commit(&asked.realm, told, |stamp| {
        let batch = Batch::new().expect_same(Table::Settings, row(name), before.map(|before| before.bytes));
        let batch = batch.put(Table::Settings, row(name), stamp.bytes(&kept)?);
        let answer = Answer::written(&stamp.item(name, Secret { used_by }), new)?;
        Ok((Batches::of(&asked.store, batch), answer))
    });
    let answer = answer.await?;
    drop(making);
    api.directory.take_in(&asked.realm).await?;
    Ok(answer)
}

pub(super) async fn delete(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let name = asked.name()?;
    let before = there(asked, name).await?.ok_or_else(|| Problem::not_found("secret").of("name"))?;
    asked.may_delete(&before.change)?;
    if let Some(used_by) = senders(&asked.store).await?.remove(name) {
        let detail = format!("secret {name} is sent by the connectors {}", used_by.join(", "));
        let remedy = "remove them first, or have them send another: parloir connector";
        return Err(Problem::new(Kind::Conflict, detail, remedy).of("name"));
    }
    if let Some(webhooks) = signed(&asked.store).await?.remove(name) {
        let detail = format!("secret {name} signs what the webhooks {} are told", webhooks.join(", "));
        let remedy = "have another made first: parloir webhook secret WEBHOOK, or remove them";
        return Err(Problem::new(Kind::Conflict, detail, remedy).of("name"));
    }
    let batch = Batch::new().expect_value(Table::Settings, row(name), before.bytes);
    let batch = batch.delete(Table::Settings, row(name));
    let told = asked.told(format!("secret {name}: removed"));
    let gone = api.directory.commit(&asked.realm, told, |_| Ok((Batches::of(&asked.store, batch), ())));
    gone.await?;
    api.directory.take_in(&asked.realm).await?;
    Ok(Answer::gone())
}
