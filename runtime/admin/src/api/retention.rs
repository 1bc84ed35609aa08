//! How long a tenant's calls are kept: an admin of the tenant may have them kept shorter than the installation does, and not longer.

use parloir_store::{Batch, Table};
use parloir_tenancy::retention::{Period, Retention};

use super::Api;
use super::answer::Answer;
use super::asked::Asked;
use super::problem::{Kind, Problem};
use crate::directory::Batches;
use crate::directory::kept::{self, RETENTION};
use crate::directory::rows::{self, There};
use crate::resource::{Item, RetentionState, Source, Tenant};

/// What tells the clocks of a tenant from every other state of them: both sides' words.
fn tag(record: &str, own: Option<&str>) -> String {
    own.map_or_else(|| record.to_owned(), |own| format!("{record}-{own}"))
}

/// A tenant's record, and what it says of its clocks.
async fn record(api: &Api, asked: &Asked) -> Result<(There<Tenant>, Retention), Problem> {
    let found = rows::there::<Tenant>(api.directory.installation(), Table::Tenant, asked.realm.as_str());
    let record = found.await?.ok_or_else(|| Problem::not_found("tenant"))?;
    match &record.row {
        Ok(row) => {
            let most = row.is.retention;
            Ok((record, most))
        }
        Err(why) => {
            let detail = format!("the tenant's record cannot be read ({why}): nobody knows what bounds it");
            let remedy = format!(
                "have whoever runs the installation write it anew: parloir tenant set {}",
                asked.realm
            );
            Err(Problem::new(Kind::Conflict, detail, remedy))
        }
    }
}

pub(super) async fn get(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let item = match asked.source {
        Some(Source::Directory) => {
            let (record, most) = record(api, asked).await?;
            let own = kept::own(&asked.store).await?;
            let etag = tag(&record.change, own.as_ref().map(|own| own.change.as_str()));
            let own = own.and_then(|own| own.row.ok());
            let changed = own.as_ref().map(|own| own.at).or(record.row.ok().map(|row| row.at));
            let own = own.map(|own| own.is).unwrap_or_default();
            let spec = RetentionState::of(Source::Directory, most, own);
            Item { id: RETENTION.to_owned(), etag, changed, spec }
        }
        Some(Source::File) => {
            let declared =
                api.directory.declared(&asked.realm).ok_or_else(|| Problem::not_found("tenant"))?;
            let spec = RetentionState::of(Source::File, declared.retention, Retention::default());
            Item { id: RETENTION.to_owned(), etag: String::new(), changed: None, spec }
        }
        // Nobody rings the installation.
        None => return Err(Problem::not_found("tenant")),
    };
    Answer::read(asked, &item)
}

/// What is told of a clock in the log.
fn said(name: &str, period: Option<Period>) -> String {
    let period = period.map_or_else(|| "as the installation says".to_owned(), |period| period.to_string());
    format!("{name} {period}")
}

pub(super) async fn put(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let own: Retention = asked.json()?;
    let (record, most) = record(api, asked).await?;
    let before = kept::own(&asked.store).await?;
    asked.may_put(Some(&tag(&record.change, before.as_ref().map(|own| own.change.as_str()))))?;
    own.within(&most).map_err(|sentence| Problem::sentence(Kind::Invalid, &sentence))?;
    let clocks =
        [said("recording", own.recording), said("content", own.content), said("trace", own.trace)].join(", ");
    let told = asked.told(format!("how long calls are kept: {clocks}"));
    let answer = api.directory.commit(&asked.realm, told, |stamp| {
        // Where the installation changes its own at once, one of the two is told to look again.
        let installation = Batch::new().expect_value(Table::Tenant, asked.realm.as_str(), record.bytes);
        let batch = Batch::new().expect_same(Table::Settings, RETENTION, before.map(|before| before.bytes));
        let batch = batch.put(Table::Settings, RETENTION, stamp.bytes(&own)?);
        let etag = tag(&record.change, Some(&stamp.change));
        let item = stamp.item(RETENTION, RetentionState::of(Source::Directory, most, own));
        let answer = Answer::written(&Item { etag, ..item }, false)?;
        Ok((Batches { installation, tenant: Some((asked.store.clone(), batch)) }, answer))
    });
    let answer = answer.await?;
    api.directory.take_in(&asked.realm).await?;
    Ok(answer)
}
