//! Keys: made, listed without their secrets, revoked.

use jiff::Timestamp;
use parloir_store::{Batch, Table};

use super::answer::{Answer, room};
use super::asked::{Asked, named};
use super::problem::{Kind, Problem};
use super::users::may_appoint;
use super::{Api, repeat};
use crate::directory::rows::{self, Kept, Row};
use crate::directory::{Batches, DirectoryError, KEYS, USERS, days};
use crate::resource::{KEY_DAYS, KeptKey, Key, KeyMade, LOG_IN, MAX_KEY_DAYS, MAX_KEYS, NewKey, User};
use crate::role::{Action, Role};
use crate::secret::{ApiKey, is_id};

fn row(id: &str) -> String {
    format!("{KEYS}{id}")
}

/// What is listed of a key.
fn listed(Row { change, at, is }: Row<KeptKey>) -> Row<Key> {
    Row { change, at, is: is.key }
}

async fn kept(asked: &Asked) -> Result<Kept<KeptKey>, Problem> {
    let found = rows::get(&asked.store, Table::Users, &row(asked.id("key")?)).await?;
    found.ok_or_else(|| Problem::not_found("key").of("key"))
}

/// The user of a key that is made or revoked.
async fn user(asked: &Asked, id: &str) -> Result<Option<Kept<User>>, Problem> {
    Ok(rows::get(&asked.store, Table::Users, &format!("{USERS}{id}")).await?)
}

/// That a key which is for some things only makes none that is for more.
fn no_more(own: Option<&[Action]>, new: Option<&[Action]>) -> Result<(), Problem> {
    let fits = match (own, new) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(own), Some(new)) => new.iter().all(|scope| *scope == Action::ReadSelf || own.contains(scope)),
    };
    if fits {
        return Ok(());
    }
    let detail = "the key that asks is for some things only, and would make one that is for more";
    let remedy = "give the new key scopes of this one's, or ask with a key without scopes";
    Err(Problem::new(Kind::Forbidden, detail, remedy).of("scopes"))
}

/// That an admin makes no key for another admin, nor changes or removes them: they would be two, and approve of what they uploaded.
/// Nor revokes theirs: who would say no to it would not be let in.
pub(super) fn not_of_a_peer(asked: &Asked, id: &str, role: Role) -> Result<(), Problem> {
    let own = &asked.principal;
    if own.user.role != Role::Admin || role != Role::Admin || own.key.user == id {
        return Ok(());
    }
    let detail = "an admin makes no key for another admin, nor revokes theirs, nor changes or removes them";
    let remedy = "ask an owner to do it, or, to revoke a key of theirs, the admin whose it is";
    Err(Problem::new(Kind::Forbidden, detail, remedy).of("user"))
}

pub(super) async fn list(asked: &Asked) -> Result<Answer, Problem> {
    let (after, limit) = asked.paging()?;
    let (found, next) =
        rows::page::<KeptKey>(&asked.store, Table::Users, KEYS, after.as_deref(), limit).await?;
    let found = found.into_iter();
    let found = found.map(|(id, Kept { row, bytes })| (id, Kept { row: listed(row), bytes })).collect();
    Ok(Answer::page((found, next))?)
}

pub(super) async fn get(asked: &Asked) -> Result<Answer, Problem> {
    let kept = kept(asked).await?;
    Answer::read(asked, &listed(kept.row).item(asked.id("key")?))
}

pub(super) async fn create(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let NewKey { user: id, name, scopes, expires } = asked.json()?;
    named(&name, "name")?;
    if name == LOG_IN {
        let remedy = "choose another name";
        return Err(
            Problem::new(Kind::Invalid, "only keys that log-ins make are called so", remedy).of("name")
        );
    }
    no_more(asked.principal.key.scopes.as_deref(), scopes.as_deref())?;
    let no_user = || {
        let remedy = format!("list them: parloir user list, or GET /v1/tenants/{}/users", asked.realm);
        Problem::new(Kind::Invalid, "there is no such user", remedy).of("user")
    };
    if !is_id(&id) {
        return Err(no_user());
    }
    let _appointing = api.directory.appointing.of(&asked.realm).await;
    let owner = user(asked, &id).await?.ok_or_else(no_user)?;
    may_appoint(asked, owner.row.is.role, "user")?;
    not_of_a_peer(asked, &id, owner.row.is.role)?;
    let now = Timestamp::now();
    let last = now.checked_add(days(MAX_KEY_DAYS)).unwrap_or(Timestamp::MAX);
    let expires = match expires {
        Some(expires) => expires,
        None => now.checked_add(days(KEY_DAYS)).unwrap_or(last),
    };
    if expires <= now || expires > last {
        let (detail, remedy) = ("`expires` is past, or too far away", format!("write a time until {last}"));
        return Err(Problem::new(Kind::Invalid, detail, remedy).of("expires"));
    }
    let of_user = rows::all::<KeptKey>(&asked.store, Table::Users, KEYS).await?;
    let of_user = of_user.iter().filter(|(_, kept)| kept.row.is.key.user == id).count();
    room(of_user, MAX_KEYS, "keys of this user")?;
    let key = ApiKey::random(asked.realm.clone()).map_err(DirectoryError::from)?;
    let told = asked.told(format!("key {} of user {id}: made, until {expires}", key.id()));
    repeat::once(api, asked, told, |stamp| {
        let made = Key { user: id.clone(), name, scopes, expires };
        let (key_row, user_row) = (row(key.id()), format!("{USERS}{id}"));
        let bytes = stamp.bytes(&KeptKey { key: made.clone(), hash: key.hash(), known_by: None })?;
        let batch = Batch::new()
            .expect_value(Table::Users, user_row, owner.bytes)
            .expect_absent(Table::Users, &key_row)
            .put(Table::Users, &key_row, bytes);
        let location = format!("/v1/tenants/{}/keys/{}", asked.realm, key.id());
        let body = KeyMade { id: key.id().to_owned(), key: made, secret: Some(key.reveal()) };
        Ok((Batches::of(&asked.store, batch), Answer::made(&body, &stamp.change, location)?))
    })
    .await
}

/// A batch that expects, unchanged, what lets an owner in where this owner, or this key, goes: one who logs in, or another key that is
/// for as much; `None` where there is neither.
pub(super) async fn another_way_in(
    api: &Api,
    asked: &Asked,
    gone: &str,
    scopes: Option<&[Action]>,
    batch: Batch,
) -> Result<Option<Batch>, Problem> {
    let users = rows::all::<User>(&asked.store, Table::Users, USERS).await?;
    let is_one = |(id, kept): &(String, Kept<User>)| id != gone && kept.row.is.role == Role::Owner;
    let owners: Vec<_> = users.into_iter().filter(is_one).collect();
    if api.log_ins.is_some()
        && let Some((owner, kept)) = owners.iter().find(|(_, kept)| kept.row.is.oidc.is_some())
    {
        return Ok(Some(batch.expect_value(Table::Users, format!("{USERS}{owner}"), kept.bytes.clone())));
    }
    let now = Timestamp::now();
    for (id, kept) in rows::all::<KeptKey>(&asked.store, Table::Users, KEYS).await? {
        let key = &kept.row.is.key;
        let does_as_much = key.expires > now && no_more(key.scopes.as_deref(), scopes).is_ok();
        // What a log-in made is over before the day is.
        if id != gone
            && key.name != LOG_IN
            && does_as_much
            && let Some((owner, of)) = owners.iter().find(|(owner, _)| *owner == key.user)
        {
            let batch = batch.expect_value(Table::Users, format!("{USERS}{owner}"), of.bytes.clone());
            return Ok(Some(batch.expect_value(Table::Users, row(&id), kept.bytes)));
        }
    }
    Ok(None)
}

/// The same where an owner logs in no more: with a key that is for everything they come in themselves.
pub(super) async fn way_in_without_log_in(
    api: &Api,
    asked: &Asked,
    owner: &str,
    batch: Batch,
) -> Result<Option<Batch>, Problem> {
    let now = Timestamp::now();
    for (id, kept) in rows::all::<KeptKey>(&asked.store, Table::Users, KEYS).await? {
        let key = &kept.row.is.key;
        let is_for_everything = key.scopes.is_none() && key.expires > now;
        if key.user == owner && key.name != LOG_IN && is_for_everything {
            return Ok(Some(batch.expect_value(Table::Users, row(&id), kept.bytes)));
        }
    }
    another_way_in(api, asked, owner, None, batch).await
}

pub(super) async fn delete(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let id = asked.id("key")?;
    // Of an owner's last two keys, each revoked in place of the other, one stays.
    let _appointing = api.directory.appointing.of(&asked.realm).await;
    let Kept { row: Row { change, is: KeptKey { key, .. }, .. }, bytes } = kept(asked).await?;
    let owner = user(asked, &key.user).await?.map(|kept| kept.row.is.role);
    if let Some(role) = owner {
        may_appoint(asked, role, "key")?;
        not_of_a_peer(asked, &key.user, role).map_err(|problem| problem.of("key"))?;
    }
    asked.may_delete(&change)?;
    let mut batch = Batch::new().expect_value(Table::Users, row(id), bytes).delete(Table::Users, row(id));
    // Whoever logged in gives back what that made, and so may it be taken from them.
    let lets_in = key.name != LOG_IN && key.expires > Timestamp::now();
    if owner == Some(Role::Owner) && lets_in {
        let expected = another_way_in(api, asked, id, key.scopes.as_deref(), batch).await?;
        batch = expected.ok_or_else(|| {
            let detail = format!("no other key lets an owner of {} do as much", asked.realm);
            let remedy = format!(
                "make the next one first, and revoke this one with it: parloir key add --user {} --name 'the next one'",
                key.user
            );
            Problem::new(Kind::Conflict, detail, remedy).of("key")
        })?;
    }
    let told = asked.told(format!("key {id} of user {}: revoked", key.user));
    let gone = api.directory.commit(&asked.realm, told, |_| Ok((Batches::of(&asked.store, batch), ())));
    gone.await?;
    Ok(Answer::gone())
}
