//! Lines: the numbers callers ring, and who answers. A number belongs to one tenant of the installation.

use jiff::tz::TimeZone;
use parloir_contract::LineId;
use parloir_store::{Batch, Table};
use parloir_tenancy::config::TenantConfig;

use super::Api;
use super::answer::{Answer, room};
use super::asked::Asked;
use super::problem::{Kind, Problem};
use crate::directory::rows::{self, Kept};
use crate::directory::{Batches, settings_of};
use crate::home::Home;
use crate::resource::{Line, MAX_LINES, Setting, Source, is_name};

/// The tenant as its rows say now, for a change to be tried on.
pub(super) async fn described(api: &Api, asked: &Asked) -> Result<TenantConfig, Problem> {
    api.directory.tenant(&asked.realm).await?.ok_or_else(|| Problem::not_found("tenant"))
}

/// That calls could be answered so.
pub(super) async fn prepare(api: &Api, tenant: &TenantConfig) -> Result<(), Problem> {
    let prepared = api.directory.premises().prepare(tenant).await;
    prepared.map_err(|sentence| Problem::sentence(Kind::Invalid, &sentence))
}

/// A line that there is.
pub(super) async fn kept(asked: &Asked, number: &LineId) -> Result<Kept<Line>, Problem> {
    let found = rows::get(&asked.store, Table::Lines, number.as_str()).await?;
    found.ok_or_else(|| Problem::not_found("line").of("line"))
}

/// What can be told of a line by itself; the rest the house tells.
fn check(line: &Line) -> Result<(), Problem> {
    if !is_name(&line.agent) {
        let remedy = "write the name of a component among the tenant's agents, without .wasm";
        return Err(Problem::new(Kind::Invalid, "that is no name of an agent", remedy).of("agent"));
    }
    if TimeZone::get(&line.time_zone).is_err() {
        let detail = format!("there is no time zone {:?}", line.time_zone);
        let remedy = "write an IANA name such as Europe/Paris";
        return Err(Problem::new(Kind::Invalid, detail, remedy).of("time-zone"));
    }
    Ok(())
}

/// The claim on a number, in the installation's rows, as a batch that makes it; nothing where another tenant has it.
pub(super) async fn claim(api: &Api, asked: &Asked, number: &LineId, batch: Batch) -> Result<Batch, Problem> {
    let taken = || {
        let remedy = "choose another number, or have the other line removed first";
        Problem::new(Kind::Conflict, "this number is another line's", remedy).of("line")
    };
    for declared in api.directory.premises().declared() {
        let another = declared.id != asked.realm;
        let is_theirs = another && declared.lines.iter().any(|line| line.number == *number);
        if is_theirs && api.directory.source(&declared.id).await? == Some(Source::File) {
            return Err(taken());
        }
    }
    let claimed = api.directory.installation().get(Table::Lines, number.as_str()).await;
    let batch = match claimed.map_err(crate::directory::DirectoryError::from)? {
        None => batch.expect_absent(Table::Lines, number.as_str()),
        // Left by an erasure of all that was the tenant's.
        Some(whose) if whose == asked.realm.as_str().as_bytes() => {
            batch.expect_value(Table::Lines, number.as_str(), whose)
        }
        Some(_) => return Err(taken()),
    };
    Ok(batch.put(Table::Lines, number.as_str(), asked.realm.as_str()))
}

pub(super) async fn list(asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let (after, limit) = asked.paging()?;
    Ok(Answer::page(rows::page::<Line>(&asked.store, Table::Lines, "", after.as_deref(), limit).await?)?)
}

pub(super) async fn get(asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let number = asked.line()?;
    let kept = kept(asked, &number).await?;
    Answer::read(asked, &kept.row.item(number))
}

pub(super) async fn put(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let number = asked.line()?;
    let line: Line = asked.json()?;
    check(&line)?;
    let before = rows::get::<Line>(&asked.store, Table::Lines, number.as_str()).await?;
    asked.may_put(before.as_ref().map(|before| before.row.change.as_str()))?;
    let new = before.is_none();
    if new {
        room(rows::count(&asked.store, Table::Lines, "").await?, MAX_LINES, "lines")?;
    }
    let mut tenant = described(api, asked).await?;
    let at = tenant.lines.iter().position(|known| known.number == number);
    let settings = at.map(|at| tenant.lines.swap_remove(at).settings).unwrap_or_default();
    let home = Home::of(&api.directory.premises().home(&asked.realm)).await;
    tenant.lines.push(line.clone().config(number.clone(), settings, &home));
    prepare(api, &tenant).await?;
    let installation = match new {
        true => claim(api, asked, &number, Batch::new()).await?,
        false => Batch::new(),
    };
    let told = asked.told(format!("line {number}: answered by {}", line.agent));
    let answer = api.directory.commit(&asked.realm, told, |stamp| {
        let batch = match before {
            Some(before) => Batch::new().expect_value(Table::Lines, number.as_str(), before.bytes),
            None => Batch::new().expect_absent(Table::Lines, number.as_str()),
        };
        let batch = batch.put(Table::Lines, number.as_str(), stamp.bytes(&line)?);
        let answer = Answer::written(&stamp.item(number, line), new)?;
        Ok((Batches { installation, tenant: Some((asked.store.clone(), batch)) }, answer))
    });
    let answer = answer.await?;
    api.directory.take_in(&asked.realm).await?;
    Ok(answer)
}

pub(super) async fn delete(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let number = asked.line()?;
    let before = kept(asked, &number).await?;
    asked.may_delete(&before.row.change)?;
    let prefix = settings_of(&number);
    let mut batch = Batch::new()
        .expect_value(Table::Lines, number.as_str(), before.bytes)
        .delete(Table::Lines, number.as_str());
    // A setting that is made meanwhile expects its line, and is not.
    for (name, _) in rows::all::<Setting>(&asked.store, Table::Settings, &prefix).await? {
        batch = batch.delete(Table::Settings, format!("{prefix}{name}"));
    }
    let installation = Batch::new().delete(Table::Lines, number.as_str());
    let told = asked.told(format!("line {number}: removed"));
    let gone = api.directory.commit(&asked.realm, told, |_| {
        Ok((Batches { installation, tenant: Some((asked.store.clone(), batch)) }, ()))
    });
    gone.await?;
    api.directory.take_in(&asked.realm).await?;
    Ok(Answer::gone())
}
