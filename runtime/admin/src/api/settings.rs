//! Settings of a line: words for its agent. Each is a row of its own, so that changing one is not changing the line.

use parloir_store::{Batch, Table};

use super::Api;
use super::answer::{Answer, room_where_new};
use super::asked::Asked;
use super::lines;
use super::problem::{Kind, Problem};
use crate::directory::rows::{self, There};
use crate::directory::{Batches, settings_of};
use crate::resource::{MAX_SETTING, MAX_SETTINGS, Setting};

pub(super) async fn list(asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let number = asked.line()?;
    lines::there(asked, &number).await?;
    let (after, limit) = asked.paging()?;
    let prefix = settings_of(&number);
    let page = rows::page::<Setting>(&asked.store, Table::Settings, &prefix, after.as_deref(), limit).await?;
    Ok(Answer::page(page)?)
}

pub(super) async fn put(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let (number, name) = (asked.line()?, asked.name()?);
    let setting: Setting = asked.json()?;
    if setting.value.len() > MAX_SETTING {
        let detail = format!("`value` has {} bytes", setting.value.len());
        let remedy = format!("write at most {MAX_SETTING} bytes, or keep it among the tenant's documents");
        return Err(Problem::new(Kind::Invalid, detail, remedy).of("value"));
    }
    let line = lines::there(asked, &number).await?;
    let prefix = settings_of(&number);
    let row = format!("{prefix}{name}");
    let before = rows::there::<Setting>(&asked.store, Table::Settings, &row).await?;
    asked.may_put(before.as_ref().and_then(There::tag))?;
    let new = before.is_none();
    let of = (Table::Settings, prefix.as_str());
    let making = room_where_new(new, (api, asked), of, MAX_SETTINGS, "settings of this line").await?;
    let told = asked.told(format!("setting {name} of line {number}"));
    let answer = api.directory.commit(&asked.realm, told, |stamp| {
        let batch = Batch::new().expect_value(Table::Lines, number.as_str(), line.bytes);
        let batch = batch.expect_same(Table::Settings, &row, before.map(|before| before.bytes));
        let batch = batch.put(Table::Settings, &row, stamp.bytes(&setting)?);
        let answer = Answer::written(&stamp.item(name, setting), new)?;
        Ok((Batches::of(&asked.store, batch), answer))
    });
    let answer = answer.await?;
    drop(making);
    api.directory.take_in(&asked.realm).await?;
    Ok(answer)
}

pub(super) async fn delete(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let (number, name) = (asked.line()?, asked.name()?);
    let row = format!("{}{name}", settings_of(&number));
    let before = rows::there::<Setting>(&asked.store, Table::Settings, &row).await?;
    let before = before.ok_or_else(|| Problem::not_found("setting").of("name"))?;
    asked.may_delete(&before.change)?;
    let batch = Batch::new().expect_value(Table::Settings, &row, before.bytes).delete(Table::Settings, &row);
    let told = asked.told(format!("setting {name} of line {number}: removed"));
    let gone = api.directory.commit(&asked.realm, told, |_| Ok((Batches::of(&asked.store, batch), ())));
    gone.await?;
    api.directory.take_in(&asked.realm).await?;
    Ok(Answer::gone())
}
