//! Contacts: who answers a number that callers are handed to. They say which calls are whose: an agent sees those that were handed
//! to a number of theirs.

use parloir_contract::LineId;
use parloir_store::{Batch, Table};

use super::Api;
use super::answer::{Answer, room_for_row};
use super::asked::{Asked, counted, named};
use super::problem::{Kind, Problem};
use crate::directory::rows::{self, There};
use crate::directory::{Batches, CONTACTS, USERS};
use crate::resource::{Contact, MAX_CONTACT_USERS, MAX_CONTACTS, User};
use crate::secret::is_id;

fn row(number: &LineId) -> String {
    format!("{CONTACTS}{number}")
}

/// Every contact of a tenant.
pub(super) async fn all(asked: &Asked) -> Result<Vec<(LineId, Contact)>, Problem> {
    let rows = rows::all::<Contact>(&asked.store, Table::Settings, CONTACTS).await?;
    Ok(rows.into_iter().filter_map(|(number, kept)| Some((number.parse().ok()?, kept.row.is))).collect())
}

pub(super) async fn list(asked: &Asked) -> Result<Answer, Problem> {
    let (after, limit) = asked.paging()?;
    let page =
        rows::page::<Contact>(&asked.store, Table::Settings, CONTACTS, after.as_deref(), limit).await?;
    Ok(Answer::page(page)?)
}

pub(super) async fn get(asked: &Asked) -> Result<Answer, Problem> {
    let number = asked.line()?;
    let found = rows::get::<Contact>(&asked.store, Table::Settings, &row(&number)).await?;
    let kept = found.ok_or_else(|| Problem::not_found("contact").of("line"))?;
    Answer::read(asked, &kept.row.item(number))
}

pub(super) async fn put(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let number = asked.line()?;
    let contact: Contact = asked.json()?;
    named(&contact.name, "name")?;
    fits(asked, &contact.users).await?;
    let before = rows::there::<Contact>(&asked.store, Table::Settings, &row(&number)).await?;
    asked.may_put(before.as_ref().and_then(There::tag))?;
    let (making, batch) = match before {
        Some(before) => (None, Batch::new().expect_value(Table::Settings, row(&number), before.bytes)),
        None => {
            let of = (Table::Settings, CONTACTS);
            let making = room_for_row((api, asked), of, MAX_CONTACTS, "contacts").await?;
            (Some(making), Batch::new().expect_absent(Table::Settings, row(&number)))
        }
    };
    let new = making.is_some();
    let told = asked.told(format!("contact {number}: {}", counted(contact.users.len(), "user")));
    let answer = api.directory.commit(&asked.realm, told, |stamp| {
        let batch = batch.put(Table::Settings, row(&number), stamp.bytes(&contact)?);
        let answer = Answer::written(&stamp.item(number, contact), new)?;
        Ok((Batches::of(&asked.store, batch), answer))
    });
    Ok(answer.await?)
}

/// That no more answer a number than may, and that these are users.
async fn fits(asked: &Asked, users: &[String]) -> Result<(), Problem> {
    if users.len() > MAX_CONTACT_USERS {
        let detail =
            format!("`users` names {}, and no more than {MAX_CONTACT_USERS} answer a number", users.len());
        return Err(Problem::new(Kind::Invalid, detail, "name fewer").of("users"));
    }
    are_users(asked, users).await
}

/// That these are users of the tenant, each named once.
pub(super) async fn are_users(asked: &Asked, users: &[String]) -> Result<(), Problem> {
    for (at, user) in users.iter().enumerate() {
        if users.iter().take(at).any(|before| before == user) {
            let detail = format!("`users` names {user} twice");
            return Err(Problem::new(Kind::Invalid, detail, "name each once").of("users"));
        }
        let is_there = is_id(user)
            && rows::get::<User>(&asked.store, Table::Users, &format!("{USERS}{user}")).await?.is_some();
        if !is_there {
            let detail = format!("`users` names somebody who is no user of {}", asked.realm);
            let remedy = format!("write `id`s of its users: parloir user list --tenant {}", asked.realm);
            return Err(Problem::new(Kind::Invalid, detail, remedy).of(format!("users[{at}]")));
        }
    }
    Ok(())
}

pub(super) async fn delete(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let number = asked.line()?;
    let before = rows::there::<Contact>(&asked.store, Table::Settings, &row(&number)).await?;
    let before = before.ok_or_else(|| Problem::not_found("contact").of("line"))?;
    asked.may_delete(&before.change)?;
    let batch = Batch::new().expect_value(Table::Settings, row(&number), before.bytes);
    let batch = batch.delete(Table::Settings, row(&number));
    let told = asked.told(format!("contact {number}: removed"));
    let gone = api.directory.commit(&asked.realm, told, |_| Ok((Batches::of(&asked.store, batch), ())));
    gone.await?;
    Ok(Answer::gone())
}
