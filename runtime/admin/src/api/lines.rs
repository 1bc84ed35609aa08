//! Lines: the numbers callers ring, and who answers. A line is made of a number that its tenant was given.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use parloir_contract::LineId;
use parloir_store::{Batch, Table};
use parloir_tenancy::config::{LineConfig, TenantConfig};

use super::answer::{Answer, room_where_new};
use super::asked::Asked;
use super::problem::{Kind, Problem};
use super::{Api, numbers, teams};
use crate::directory::agents::is_promoted;
use crate::directory::rows::{self, There};
use crate::directory::{Batches, CONNECTORS, settings_of};
use crate::home::Home;
use crate::resource::{Calendar, Connector, Line, MAX_LINES, Setting, Tenant, is_name, tenant_config};

/// The tenant with nothing but what is changed: what is wrong with another part of it keeps nobody from putting this one right.
pub(super) async fn alone(
    api: &Api,
    asked: &Asked,
    (tenant, calendar, lines): (Tenant, Option<Calendar>, Vec<LineConfig>),
) -> TenantConfig {
    let home = Home::of(&api.directory.premises().home(&asked.realm)).await;
    tenant_config(asked.realm.clone(), tenant, calendar, lines, &home)
}

/// That calls could be answered so.
pub(super) async fn prepare(api: &Api, tenant: &TenantConfig) -> Result<(), Problem> {
    let prepared = api.directory.premises().prepare(tenant).await;
    prepared.map_err(|sentence| Problem::sentence(Kind::Invalid, &sentence))
}

/// A line that there is, whether it can be read or not.
pub(super) async fn there(asked: &Asked, number: &LineId) -> Result<There<Line>, Problem> {
    let found = rows::there(&asked.store, Table::Lines, number.as_str()).await?;
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

/// That a line grants connectors that there are.
async fn granted(asked: &Asked, connectors: &[String]) -> Result<(), Problem> {
    if connectors.is_empty() {
        return Ok(());
    }
    let known = rows::all_there::<Connector>(&asked.store, Table::Settings, CONNECTORS).await?;
    match connectors.iter().find(|name| !known.iter().any(|(known, _)| known == *name)) {
        None => Ok(()),
        Some(stranger) => {
            let stranger: String = stranger.chars().take(64).collect();
            let detail = format!("there is no connector {stranger:?} for the line to grant");
            let remedy = "add it first, or write one that there is: parloir connector list";
            Err(Problem::new(Kind::Invalid, detail, remedy).of("connectors"))
        }
    }
}

pub(super) async fn list(asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let (after, limit) = asked.paging()?;
    Ok(Answer::page(rows::page::<Line>(&asked.store, Table::Lines, "", after.as_deref(), limit).await?)?)
}

pub(super) async fn get(asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let number = asked.line()?;
    match there(asked, &number).await?.row {
        Ok(row) => Answer::read(asked, &row.item(number)),
        Err(why) => {
            let remedy = format!("write it anew: parloir line set {number} --agent …, or remove it");
            Err(Problem::new(Kind::Conflict, format!("the line's row cannot be read ({why})"), remedy)
                .of("line"))
        }
    }
}

pub(super) async fn put(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let stays = numbers::stays(api, asked).await?;
    let number = asked.line()?;
    let line: Line = asked.json()?;
    check(&line)?;
    let before = rows::there::<Line>(&asked.store, Table::Lines, number.as_str()).await?;
    asked.may_put(before.as_ref().and_then(There::tag))?;
    let new = before.is_none();
    let making = room_where_new(new, (api, asked), (Table::Lines, ""), MAX_LINES, "lines").await?;
    granted(asked, &line.connectors).await?;
    let installation = numbers::own(api, asked, &number, stays).await?;
    let home = Home::of(&api.directory.premises().home(&asked.realm)).await;
    let approved = is_promoted(&asked.store, &line.agent).await?;
    let config = line.clone().config(number.clone(), BTreeMap::new(), &home, approved);
    prepare(api, &alone(api, asked, (Tenant::default(), None, vec![config])).await).await?;
    let told = asked.told(format!("line {number}: answered by {}", line.agent));
    let answer = api.directory.commit(&asked.realm, told, |stamp| {
        let batch =
            Batch::new().expect_same(Table::Lines, number.as_str(), before.map(|before| before.bytes));
        let batch = batch.put(Table::Lines, number.as_str(), stamp.bytes(&line)?);
        let answer = Answer::written(&stamp.item(number, line), new)?;
        Ok((Batches { installation, tenant: Some((asked.store.clone(), batch)) }, answer))
    });
    let answer = answer.await?;
    drop(making);
    api.directory.take_in(&asked.realm).await?;
    Ok(answer)
}

pub(super) async fn delete(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let number = asked.line()?;
    let teaming = api.directory.teaming.of(&asked.realm).await;
    let before = there(asked, &number).await?;
    asked.may_delete(&before.change)?;
    let prefix = settings_of(&number);
    let mut batch = Batch::new()
        .expect_value(Table::Lines, number.as_str(), before.bytes)
        .delete(Table::Lines, number.as_str());
    // A setting that is made meanwhile expects its line, and is not.
    for (name, _) in rows::all_there::<Setting>(&asked.store, Table::Settings, &prefix).await? {
        batch = batch.delete(Table::Settings, format!("{prefix}{name}"));
    }
    let shortened = teams::without_line(asked, &number).await?;
    let told = asked.told(format!("line {number}: removed{}", teams::told(&shortened)));
    let gone = api.directory.commit(&asked.realm, told, |stamp| {
        Ok((Batches::of(&asked.store, teams::shorten(batch, &shortened, stamp)?), ()))
    });
    gone.await?;
    drop(teaming);
    api.directory.take_in(&asked.realm).await?;
    Ok(Answer::gone())
}
