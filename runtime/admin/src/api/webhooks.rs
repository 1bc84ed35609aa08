//! Webhooks: receivers that are told of a tenant's calls when they are over.

use parloir_store::{Batch, Table};
use parloir_tenancy::secret::Secret;

use super::answer::{Answer, room_where_new};
use super::asked::Asked;
use super::problem::{Kind, Problem};
use super::{Api, repeat};
use crate::directory::receivers::{KeptWebhook, WEBHOOKS, beside};
use crate::directory::rows::{self, Kept, Row, There};
use crate::directory::{Batches, DirectoryError, SECRETS};
use crate::resource::{MAX_WEBHOOKS, Webhook, WebhookSecret};
use crate::sealed::KeptSecret;
use crate::secret::{random_id, signing_secret};

fn row(name: &str) -> String {
    format!("{WEBHOOKS}{name}")
}

/// A webhook that there is, whether it can be read or not.
async fn there(asked: &Asked, name: &str) -> Result<Option<There<KeptWebhook>>, Problem> {
    Ok(rows::there(&asked.store, Table::Settings, &row(name)).await?)
}

fn not_found() -> Problem {
    Problem::not_found("webhook").of("name")
}

fn unreadable(name: &str, why: &str) -> Problem {
    let detail = format!("the webhook's row cannot be read ({why})");
    let remedy = format!("write it anew: parloir webhook set {name} --url …, or remove it");
    Problem::new(Kind::Conflict, detail, remedy).of("name")
}

/// A secret of the tenant's that can sign: the row that it rests in, as it is now.
async fn signs(api: &Api, asked: &Asked, name: &str) -> Result<(String, Vec<u8>), Problem> {
    let at = format!("{SECRETS}{name}");
    let found = rows::there::<KeptSecret>(&asked.store, Table::Settings, &at).await?;
    let Some(found) = found else {
        let detail = format!("there is no secret {name} to sign with");
        let remedy = format!("keep it first: parloir secret set {name}, or leave it out and have one made");
        return Err(Problem::new(Kind::Invalid, detail, remedy).of("secret"));
    };
    let fits = found.row.as_ref().is_ok_and(|row| api.directory.premises().signs(&row.is.0));
    if !fits {
        let detail = format!("the secret {name} is none of Standard Webhooks");
        let remedy = "keep whsec_ and 24 to 64 random bytes in base64 under that name, or leave it out and have one made";
        return Err(Problem::new(Kind::Invalid, detail, remedy).of("secret"));
    }
    Ok((at, found.bytes))
}

pub(super) async fn list(asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let (after, limit) = asked.paging()?;
    let page = rows::page::<KeptWebhook>(&asked.store, Table::Settings, WEBHOOKS, after.as_deref(), limit);
    let (found, next) = page.await?;
    let found = found.into_iter().map(|(name, Kept { row: Row { change, at, is }, .. })| {
        (name, Kept { row: Row { change, at, is: is.state() }, bytes: Vec::new() })
    });
    Ok(Answer::page((found.collect(), next))?)
}

pub(super) async fn get(asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let name = asked.name()?;
    match there(asked, name).await?.ok_or_else(not_found)?.row {
        Ok(Row { change, at, is }) => Answer::read(asked, &Row { change, at, is: is.state() }.item(name)),
        Err(why) => Err(unreadable(name, &why)),
    }
}

/// What signs until now.
async fn previous(api: &Api, asked: &Asked, was: &KeptWebhook) -> Result<Option<Secret>, Problem> {
    let present = was.present(&asked.store).await?;
    Ok(present.filter(|secret| api.directory.premises().signs(secret)))
}

/// A webhook as it rests once it says this. What signed until now goes on for a while, where that is another.
async fn following(
    api: &Api,
    asked: &Asked,
    was: Option<KeptWebhook>,
    webhook: Webhook,
) -> Result<KeptWebhook, Problem> {
    match was {
        None => {
            let id = random_id().map_err(DirectoryError::from)?;
            Ok(KeptWebhook { id, webhook, made: None, before: Vec::new() })
        }
        Some(was) if was.webhook.secret == webhook.secret => Ok(KeptWebhook { webhook, ..was }),
        Some(was) => {
            let before = beside(previous(api, asked, &was).await?, was.before);
            Ok(KeptWebhook { id: was.id, webhook, made: None, before })
        }
    }
}

pub(super) async fn put(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let name = asked.name()?;
    let webhook: Webhook = asked.json()?;
    webhook.validate().map_err(|sentence| Problem::sentence(Kind::Invalid, &sentence))?;
    let receives = api.directory.premises().receives(&asked.realm, &webhook.url);
    receives.map_err(|sentence| Problem::sentence(Kind::Invalid, &sentence).of("url"))?;
    let before = there(asked, name).await?;
    asked.may_put(before.as_ref().and_then(There::tag))?;
    let new = before.is_none();
    let of = (Table::Settings, WEBHOOKS);
    let making = room_where_new(new, (api, asked), of, MAX_WEBHOOKS, "webhooks").await?;
    let (mut batch, was) = match before {
        Some(There { bytes, row: kept, .. }) => {
            let batch = Batch::new().expect_value(Table::Settings, row(name), bytes);
            (batch, kept.ok().map(|kept| kept.is))
        }
        None => (Batch::new().expect_absent(Table::Settings, row(name)), None),
    };
    if let Some(secret) = &webhook.secret {
        let (at, bytes) = signs(api, asked, secret).await?;
        batch = batch.expect_value(Table::Settings, at, bytes);
    }
    let kept = following(api, asked, was, webhook).await?;
    let awaits_secret = kept.webhook.secret.is_none() && kept.made.is_none();
    let what = format!("webhook {name}");
    let told = asked.told(what.as_str());
    let answer = api.directory.commit(&asked.realm, told, |stamp| {
        let batch = batch.put(Table::Settings, row(name), stamp.bytes(&kept)?);
        let answer = Answer::written(&stamp.item(name, kept.state()), new)?;
        Ok((Batches::of(&asked.store, batch), answer))
    });
    let answer = answer.await?;
    drop(making);
    match awaits_secret {
        // Whoever makes one has its secret made next.
        true => api.directory.take_in_awaiting(&asked.realm, &what).await?,
        false => api.directory.take_in(&asked.realm).await?,
    }
    Ok(answer)
}

pub(super) async fn make_secret(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let name = asked.name()?;
    let There { bytes, row: was, .. } = there(asked, name).await?.ok_or_else(not_found)?;
    let was = was.map_err(|why| unreadable(name, &why))?.is;
    let made = signing_secret().map_err(DirectoryError::from)?;
    let before = beside(previous(api, asked, &was).await?, was.before);
    let webhook = Webhook { secret: None, ..was.webhook };
    let kept = KeptWebhook { id: was.id, webhook, made: Some(KeptSecret(made.clone())), before };
    let told = asked.told(format!("webhook {name}: another secret signs"));
    let answer = repeat::once(api, asked, told, |stamp| {
        let batch = Batch::new().expect_value(Table::Settings, row(name), bytes);
        let batch = batch.put(Table::Settings, row(name), stamp.bytes(&kept)?);
        let (id, secret) = (name.to_owned(), Some(made.reveal().to_owned()));
        let body = WebhookSecret { id, secret, previous_until: kept.previous_until() };
        let location = format!("/v1/tenants/{}/webhooks/{name}", asked.realm);
        let answer = Answer::made(&body, &stamp.change, location)?;
        Ok((Batches::of(&asked.store, batch), answer))
    })
    .await?;
    // Whoever asked has to be given the secret all the same, which is told this once.
    if let Err(error) = api.directory.take_in(&asked.realm).await {
        tracing::error!(tenant = %asked.realm, %error, "a secret that was made does not sign yet");
    }
    Ok(answer)
}

/// Sends what tells of no call, once. What goes out is told in the log before it does, and then whether it arrived.
pub(super) async fn test(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let name = asked.name()?;
    let There { change, row: kept, .. } = there(asked, name).await?.ok_or_else(not_found)?;
    let id = kept.map_err(|why| unreadable(name, &why))?.is.id;
    let _one_at_a_time = api.tests.take(&asked.realm)?;
    let told = asked.told(format!("webhook {name}: a test is sent"));
    let mut went = None;
    let sending = async {
        let tested = api.directory.premises().test_webhook(&asked.realm, &id, name).await;
        let arrived = tested.as_ref().is_ok_and(|tested| tested.arrived);
        went = Some(tested);
        if arrived { Ok(()) } else { Err(DirectoryError::Changed) }
    };
    let noted = api.directory.carry_out(&asked.realm, told, sending).await;
    match (went, noted) {
        (Some(Ok(tested)), _) => {
            let location = format!("/v1/tenants/{}/webhooks/{name}", asked.realm);
            Ok(Answer::made(&tested, &change, location)?)
        }
        (Some(Err(sentence)), _) => Err(Problem::sentence(Kind::Conflict, &sentence).of("name")),
        (None, Err(error)) => Err(error.into()),
        (None, Ok(())) => Err(DirectoryError::Changed.into()),
    }
}

pub(super) async fn delete(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let name = asked.name()?;
    let before = there(asked, name).await?.ok_or_else(not_found)?;
    asked.may_delete(&before.change)?;
    let batch = Batch::new().expect_value(Table::Settings, row(name), before.bytes);
    let batch = batch.delete(Table::Settings, row(name));
    let told = asked.told(format!("webhook {name}: removed"));
    let gone = api.directory.commit(&asked.realm, told, |_| Ok((Batches::of(&asked.store, batch), ())));
    gone.await?;
    api.directory.take_in(&asked.realm).await?;
    Ok(Answer::gone())
}
