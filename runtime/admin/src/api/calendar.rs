//! A tenant's calendar: when appointments can be made.

use parloir_store::{Batch, Table};

use super::Api;
use super::answer::Answer;
use super::asked::Asked;
use super::lines::{described, prepare};
use super::problem::Problem;
use crate::directory::rows;
use crate::directory::{Batches, CALENDAR};
use crate::resource::Calendar;

pub(super) async fn get(asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let found = rows::get::<Calendar>(&asked.store, Table::Settings, CALENDAR).await?;
    let found = found.ok_or_else(|| Problem::not_found("calendar"))?;
    Answer::read(asked, &found.row.item(CALENDAR))
}

pub(super) async fn put(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let calendar: Calendar = asked.json()?;
    let before = rows::get::<Calendar>(&asked.store, Table::Settings, CALENDAR).await?;
    asked.may_put(before.as_ref().map(|before| before.row.change.as_str()))?;
    let mut tenant = described(api, asked).await?;
    tenant.calendar = Some(calendar.clone());
    prepare(api, &tenant).await?;
    let new = before.is_none();
    let told = asked.told("calendar");
    let answer = api.directory.commit(&asked.realm, told, |stamp| {
        let batch = match before {
            Some(before) => Batch::new().expect_value(Table::Settings, CALENDAR, before.bytes),
            None => Batch::new().expect_absent(Table::Settings, CALENDAR),
        };
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
    let before = rows::get::<Calendar>(&asked.store, Table::Settings, CALENDAR).await?;
    let before = before.ok_or_else(|| Problem::not_found("calendar"))?;
    asked.may_delete(&before.row.change)?;
    let batch = Batch::new().expect_value(Table::Settings, CALENDAR, before.bytes);
    let batch = batch.delete(Table::Settings, CALENDAR);
    let told = asked.told("calendar: removed");
    let gone = api.directory.commit(&asked.realm, told, |_| Ok((Batches::of(&asked.store, batch), ())));
    gone.await?;
    api.directory.take_in(&asked.realm).await?;
    Ok(Answer::gone())
}
