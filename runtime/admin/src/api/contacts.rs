//! Contacts: who answers a number that callers are handed to. They say which calls are whose: an agent sees those that were handed
//! to a number of theirs.

use std::fmt;

use parloir_contract::LineId;
use parloir_store::{Batch, MAX_BATCH, Table};

use super::Api;
use super::answer::{Answer, room_where_new};
use super::asked::{Asked, counted, named};
use super::problem::{Kind, Problem};
use crate::directory::rows::{self, There};
use crate::directory::{Batches, CONTACTS, DirectoryError, USERS};
use crate::resource::{Contact, MAX_CONTACT_USERS, MAX_CONTACTS, User};
use crate::secret::is_id;

/// Contacts that are written in one go: each is expected as it was.
const AT_ONCE: usize = MAX_BATCH / 2;

fn row(number: impl fmt::Display) -> String {
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
    // Whoever is a user now stays one until it is written that they answer.
    let _teaming = api.directory.teaming.of(&asked.realm).await;
    fits(asked, &contact.users).await?;
    let before = rows::there::<Contact>(&asked.store, Table::Settings, &row(&number)).await?;
    asked.may_put(before.as_ref().and_then(There::tag))?;
    let new = before.is_none();
    let of = (Table::Settings, CONTACTS);
    let _making = room_where_new(new, (api, asked), of, MAX_CONTACTS, "contacts").await?;
    let told = asked.told(format!("contact {number}: {}", counted(contact.users.len(), "user")));
    let answer = api.directory.commit(&asked.realm, told, |stamp| {
        let batch = match before {
            Some(before) => Batch::new().expect_value(Table::Settings, row(&number), before.bytes),
            None => Batch::new().expect_absent(Table::Settings, row(&number)),
        };
        let batch = batch.put(Table::Settings, row(&number), stamp.bytes(&contact)?);
        let answer = Answer::written(&stamp.item(number, contact), new)?;
        Ok((Batches::of(&asked.store, batch), answer))
    });
    Ok(answer.await?)
}

/// Takes a user who is gone out of the contacts that name them, while `teaming` is held. There may be more of these than are written
/// in one go with what else goes: where it is cut off, the rest name somebody whom nobody becomes again.
pub(super) async fn without_user(api: &Api, asked: &Asked, id: &str) -> Result<(), DirectoryError> {
    let rows = rows::all::<Contact>(&asked.store, Table::Settings, CONTACTS).await?;
    let names = |contact: &Contact| contact.users.iter().any(|user| user == id);
    let named: Vec<_> = rows.into_iter().filter(|(_, kept)| names(&kept.row.is)).collect();
    for some in named.chunks(AT_ONCE) {
        let told = asked.told(format!("user {id}: out of {}", counted(some.len(), "contact")));
        let written = api.directory.commit(&asked.realm, told, |stamp| {
            let batch = some.iter().try_fold(Batch::new(), |batch, (number, kept)| {
                let mut contact = kept.row.is.clone();
                contact.users.retain(|user| user != id);
                let batch = batch.expect_value(Table::Settings, row(number), kept.bytes.clone());
                Ok::<_, DirectoryError>(batch.put(Table::Settings, row(number), stamp.bytes(&contact)?))
            })?;
            Ok((Batches::of(&asked.store, batch), ()))
        });
        written.await?;
    }
    Ok(())
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
    // A user who goes meanwhile is taken out of the contacts that there are then.
    let _teaming = api.directory.teaming.of(&asked.realm).await;
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
