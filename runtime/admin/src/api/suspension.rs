//! Suspended tenants: no agent answers their calls, and no key of theirs opens anything, until an operator resumes them.

use jiff::Timestamp;
use parloir_contract::TenantId;
use parloir_store::{Batch, Table};

use super::Api;
use super::answer::Answer;
use super::asked::{Asked, words};
use super::problem::{Kind, Problem};
use crate::directory::rows::There;
use crate::directory::{Batches, DirectoryError, suspended_row};
use crate::resource::{MAX_SUSPENDED_WHY, Suspend, Suspension};
use crate::role::is_installation;

/// The suspension as it is shown, also where its row cannot be read.
pub(super) fn shown(there: There<Suspension>) -> Suspension {
    match there.row {
        Ok(row) => row.is,
        Err(_) => {
            let why = "its row cannot be read: suspend the tenant again, or resume it".to_owned();
            Suspension { why, by: String::new(), since: Timestamp::UNIX_EPOCH }
        }
    }
}

/// What tells the state of a tenant, its suspension included, from every other.
pub(super) fn tag(record: &str, suspension: Option<&There<Suspension>>) -> String {
    match suspension {
        Some(suspension) => format!("{record}-{}", suspension.change),
        None => record.to_owned(),
    }
}

/// What is answered to whoever is of a tenant that is suspended: that it is, for them and for the log, and why, for them alone.
pub(super) struct Refused {
    pub(super) told: Problem,
    pub(super) noted: Problem,
}

/// Why whoever is of this realm is refused, where it is suspended.
pub(super) async fn refused(api: &Api, realm: &TenantId) -> Result<Option<Refused>, Problem> {
    // Whoever runs the installation lifts it.
    if is_installation(realm) {
        return Ok(None);
    }
    let Some(there) = api.directory.suspension(realm).await? else { return Ok(None) };
    let Suspension { why, since, .. } = shown(there);
    let remedy =
        format!("ask whoever runs the installation: an operator lifts it (parloir tenant resume {realm})");
    let problem = |detail: String| Problem::new(Kind::Suspended, detail, remedy.as_str()).of("authorization");
    let told = problem(format!("{realm} is suspended since {since}: {why}"));
    Ok(Some(Refused { told, noted: problem(format!("{realm} is suspended")) }))
}

fn not_suspended(asked: &Asked) -> Problem {
    let detail = format!("{} is not suspended", asked.realm);
    Problem::new(Kind::NotFound, detail, "there is nothing to resume: its calls are answered")
}

pub(super) async fn get(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let there = api.directory.suspension(&asked.realm).await?.ok_or_else(|| not_suspended(asked))?;
    let row = there.row.map_err(DirectoryError::Damaged)?;
    Answer::read(asked, &row.item(asked.realm.as_str()))
}

pub(super) async fn put(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let Suspend { why } = asked.json()?;
    words(&why, MAX_SUSPENDED_WHY, "why")?;
    let before = api.directory.suspension(&asked.realm).await?;
    asked.may_put(before.as_ref().and_then(There::tag))?;
    let since = before.as_ref().and_then(|there| there.row.as_ref().ok()).map(|row| row.is.since);
    let mut told = asked.told(format!("tenant {}: suspended", asked.realm));
    told.why = Some(why.clone());
    let (row, by) = (suspended_row(&asked.realm), asked.principal.key.user.clone());
    let new = before.is_none();
    let answer = api.directory.commit(&asked.realm, told, |stamp| {
        let suspension = Suspension { why, by, since: since.unwrap_or(stamp.at) };
        let installation = Batch::new().expect_same(Table::Settings, &row, before.map(|before| before.bytes));
        let installation = installation.put(Table::Settings, &row, stamp.bytes(&suspension)?);
        let answer = Answer::written(&stamp.item(asked.realm.as_str(), suspension), new)?;
        Ok((Batches { installation, tenant: None }, answer))
    });
    // Where nobody knows whether it was done, the row does.
    let answer = answer.await;
    api.directory.heed_suspension(&asked.realm).await?;
    Ok(answer?)
}

pub(super) async fn delete(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let Some(there) = api.directory.suspension(&asked.realm).await? else {
        // Of one that was resumed, and whose calls are not answered yet, too.
        api.directory.heed_suspension(&asked.realm).await?;
        return Err(not_suspended(asked));
    };
    asked.may_delete(&there.change)?;
    let row = suspended_row(&asked.realm);
    let told = asked.told(format!("tenant {}: resumed", asked.realm));
    let resumed = api.directory.commit(&asked.realm, told, |_| {
        let installation = Batch::new().expect_value(Table::Settings, &row, there.bytes);
        let installation = installation.delete(Table::Settings, &row);
        Ok((Batches { installation, tenant: None }, ()))
    });
    let resumed = resumed.await;
    api.directory.heed_suspension(&asked.realm).await?;
    resumed?;
    Ok(Answer::gone())
}
