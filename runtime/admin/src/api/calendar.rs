//! A tenant's calendar: when appointments can be made.

use parloir_store::{Batch, Table};

use super::Api;
use super::answer::Answer;
use super::asked::Asked;
use super::lines::{alone, prepare};
use super::problem::{Kind, Problem};
use crate::directory::rows::{self, There};
use crate::directory::{Batches, CALENDAR};
use crate::resource::{Calendar, Tenant};

pub(super) async fn get(asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let found = rows::there::<Calendar>(&asked.store, Table::Settings, CALENDAR).await?;
    match found.ok_or_else(|| Problem::not_found("calendar"))?.row {
        Ok(row) => Answer::read(asked, &row.item(CALENDAR)),
        Err(why) => {
            let detail = format!("the calendar's row cannot be read ({why})");
            Err(Problem::new(Kind::Conflict, detail, "write it anew: parloir tenant calendar --from …"))
        }
    }
}

pub(super) async fn put(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let calendar: Calendar = asked.json()?;
    let before = rows::there::<Calendar>(&asked.store, Table::Settings, CALENDAR).await?;
    asked.may_put(before.as_ref().and_then(There::tag))?;
    let changed = (Tenant::default(), Some(calendar.clone()), Vec::new());
    prepare(api, &alone(api, asked, changed).await).await?;
    let new = before.is_none();
    let told = asked.told("calendar");
    let answer = api.directory.commit(&asked.realm, told, |stamp| {
        let batch = Batch::new().expect_same(Table::Settings, CALENDAR, before.map(|before| before.bytes));
        let batch = batch.put(Table::Settings, CALENDAR, stamp.bytes(&calendar)?);
        let answer = Answer::written(&stamp.item(CALENDAR, calendar), new)?;
        Ok((Batches::of(&asked.store, batch), answer))
    });
    let answer = answer.await?;
    api.directory.take_in(&asked.realm).await?;
    Ok(answer)
}

pub(super) async fn delete(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let before = rows::there::<Calendar>(&asked.store, Table::Settings, CALENDAR).await?;
    let before = before.ok_or_else(|| Problem::not_found("calendar"))?;
    asked.may_delete(&before.change)?;
    let batch = Batch::new().expect_value(Table::Settings, CALENDAR, before.bytes);
    let batch = batch.delete(Table::Settings, CALENDAR);
    let told = asked.told("calendar: removed");
    let gone = api.directory.commit(&asked.realm, told, |_| Ok((Batches::of(&asked.store, batch), ())));
    gone.await?;
    api.directory.take_in(&asked.realm).await?;
    Ok(Answer::gone())
}
