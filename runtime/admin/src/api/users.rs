//! Users of a tenant, or of the installation. Nobody makes more of anybody than they are, and an owner always stays.

use std::collections::{HashMap, HashSet};

use parloir_contract::TenantId;
use parloir_store::{Batch, Table};

use super::answer::{Answer, room};
use super::asked::{Asked, named, words};
use super::keys::{another_way_in, not_of_a_peer, way_in_without_log_in};
use super::problem::{Kind, Problem};
use super::{Api, contacts, permitted, repeat, teams};
use crate::directory::rows::{self, Kept, There};
use crate::directory::{Batches, KEYS, Principal, USERS};
use crate::resource::{Identity, KeptKey, LOG_IN, MAX_USERS, User};
use crate::role::{Action, Role, Verdict};
use crate::secret::{is_id, random_id};

/// The longest subject, in characters (OpenID Connect Core §2).
const MAX_SUBJECT: usize = 255;
/// The longest e-mail address, in characters (RFC 5321).
const MAX_ADDRESS: usize = 254;

fn row(id: &str) -> String {
    format!("{USERS}{id}")
}

/// What these are called, as far as whoever asks may read who there is: in the rooms that are asked about, and in their own. What they
/// are called themselves they know.
pub(super) async fn names(
    api: &Api,
    asked: &Asked,
    users: HashSet<String>,
) -> Result<HashMap<String, String>, Problem> {
    let Principal { realm: own, key, user, .. } = &asked.principal;
    let mut names = HashMap::from([(key.user.clone(), user.name.clone())]);
    let elsewhere = (*own != asked.realm).then_some(own);
    for realm in [Some(&asked.realm), elsewhere].into_iter().flatten() {
        // Through broken glass whoever is there is asked for by themselves, which the tenant is told.
        let (Ok(Verdict::Own | Verdict::Above), false) =
            (permitted(&asked.principal, Action::ReadUsers, realm), users.is_empty())
        else {
            continue;
        };
        let store = api.directory.store(realm).await?;
        for id in &users {
            if !is_id(id) || names.contains_key(id) {
                continue;
            }
            // Who cannot be read is told by their id, as who is gone.
            let found = rows::there::<User>(&store, Table::Users, &row(id)).await?;
            if let Some(There { row: Ok(found), .. }) = found {
                names.insert(id.clone(), found.is.name);
            }
        }
    }
    Ok(names)
}

async fn kept(asked: &Asked) -> Result<Kept<User>, Problem> {
    let found = rows::get(&asked.store, Table::Users, &row(asked.id("user")?)).await?;
    found.ok_or_else(|| Problem::not_found("user").of("user"))
}

/// That whoever asks may make somebody this, or change or remove somebody who is it.
pub(super) fn may_appoint(asked: &Asked, role: Role, field: &str) -> Result<(), Problem> {
    let own = asked.principal.user.role;
    if own.may_appoint(role) {
        return Ok(());
    }
    let detail = format!("{own} cannot make, change or remove {role}, nor hand them a key");
    Err(Problem::new(Kind::Forbidden, detail, "ask an owner to do it").of(field))
}

fn fits(user: &User, realm: &TenantId) -> Result<(), Problem> {
    named(&user.name, "name")?;
    match &user.oidc {
        Some(Identity::Subject(subject)) => words(subject, MAX_SUBJECT, "oidc.subject")?,
        Some(Identity::Email(address)) if address.contains('@') => words(address, MAX_ADDRESS, "oidc.email")?,
        Some(Identity::Email(_)) => {
            let remedy = "write one such as anne@example.com";
            return Err(Problem::new(Kind::Invalid, "that is no e-mail address", remedy).of("oidc.email"));
        }
        None => {}
    }
    if user.role.exists_in(realm) {
        return Ok(());
    }
    let able: Vec<_> = Role::ALL.into_iter().filter(|role| role.exists_in(realm)).map(Role::name).collect();
    let detail = format!("nobody is {} in {realm}", user.role);
    Err(Problem::new(Kind::Invalid, detail, format!("write one of {}", able.join(", "))).of("role"))
}

/// That whoever asks may say by what somebody logs in: a log-in makes a key for whatever its user may do, which a key for some
/// things only must not bring about.
fn may_identify(asked: &Asked, before: Option<&Identity>, now: Option<&Identity>) -> Result<(), Problem> {
    if before == now || now.is_none() || asked.principal.key.scopes.is_none() {
        return Ok(());
    }
    let detail = "the key that asks is for some things only, and a log-in would make one that is for more";
    Err(Problem::new(Kind::Forbidden, detail, "ask with a key without scopes").of("oidc"))
}

/// That no admin says who logs in as another admin: they would say that they do themselves, and approve of what they uploaded. Who is
/// raised is asked about as who is made: by what they log in an admin may have said while they were less. Of an admin, admins change
/// nothing ([`not_of_a_peer`]).
fn another_logs_in(asked: &Asked, before: Option<Role>, user: &User) -> Result<(), Problem> {
    let is_made = user.role == Role::Admin && before != Some(Role::Admin);
    if asked.principal.user.role != Role::Admin || !is_made || user.oidc.is_none() {
        return Ok(());
    }
    let detail =
        "an admin makes nobody an admin who logs in: they would be two, and approve of what they uploaded";
    let remedy = "ask an owner to do it, or leave `oidc` out (parloir user set USER --no-oidc) and have an owner say it later";
    Err(Problem::new(Kind::Forbidden, detail, remedy).of("oidc"))
}

/// That nobody else there is known to the issuer by the same.
async fn known_by_it_alone(asked: &Asked, user: &User, id: &str) -> Result<(), Problem> {
    let Some(identity) = &user.oidc else { return Ok(()) };
    let users = rows::all::<User>(&asked.store, Table::Users, USERS).await?;
    let is_same = |other: &User| other.oidc.as_ref().is_some_and(|other| other.is_same(identity));
    match users.iter().find(|(other, kept)| other != id && is_same(&kept.row.is)) {
        Some((other, _)) => {
            let detail = format!("user {other} of {} logs in by the same", asked.realm);
            Err(Problem::new(Kind::Conflict, detail, "take it from them first, or use another").of("oidc"))
        }
        None => Ok(()),
    }
}

/// That an owner stays where this one goes, and has something to come in by, as a batch that expects both unchanged.
async fn another_owner(api: &Api, asked: &Asked, but: &str, batch: Batch) -> Result<Batch, Problem> {
    let users = rows::all::<User>(&asked.store, Table::Users, USERS).await?;
    let other = users.into_iter().find(|(id, kept)| id != but && kept.row.is.role == Role::Owner);
    let (other, _) = other.ok_or_else(|| {
        let detail = format!("this is the last owner of {}", asked.realm);
        Problem::new(Kind::Conflict, detail, "make another owner first").of("role")
    })?;
    another_way_in(api, asked, but, None, batch).await?.ok_or_else(|| {
        let detail =
            format!("no other owner of {} has a key that is for everything, nor logs in", asked.realm);
        let remedy =
            format!("make one of them a key first: parloir key add --user {other} --name 'the owner'");
        Problem::new(Kind::Conflict, detail, remedy).of("role")
    })
}

pub(super) async fn list(asked: &Asked) -> Result<Answer, Problem> {
    let (after, limit) = asked.paging()?;
    let page = rows::page::<User>(&asked.store, Table::Users, USERS, after.as_deref(), limit).await?;
    Ok(Answer::page(page)?)
}

pub(super) async fn get(asked: &Asked) -> Result<Answer, Problem> {
    let kept = kept(asked).await?;
    Answer::read(asked, &kept.row.item(asked.id("user")?))
}

pub(super) async fn create(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let user: User = asked.json()?;
    fits(&user, &asked.realm)?;
    may_appoint(asked, user.role, "role")?;
    let id = random_id().map_err(crate::directory::DirectoryError::from)?;
    let _appointing = api.directory.appointing.of(&asked.realm).await;
    // The same request may have been carried out while this one waited its turn: who it made is nobody else.
    if let Some(again) = repeat::told_before(api, asked).await? {
        return Ok(again);
    }
    room(rows::count(&asked.store, Table::Users, USERS).await?, MAX_USERS, "users")?;
    may_identify(asked, None, user.oidc.as_ref())?;
    another_logs_in(asked, None, &user)?;
    known_by_it_alone(asked, &user, &id).await?;
    let told = asked.told(format!("user {id}: made {}", user.role));
    repeat::once(api, asked, told, |stamp| {
        let row = row(&id);
        let batch = Batch::new().expect_absent(Table::Users, &row);
        let batch = batch.put(Table::Users, &row, stamp.bytes(&user)?);
        let location = format!("/v1/tenants/{}/users/{id}", asked.realm);
        let answer = Answer::made(&stamp.item(&id, user), &stamp.change, location)?;
        Ok((Batches::of(&asked.store, batch), answer))
    })
    .await
}

pub(super) async fn put(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let id = asked.id("user")?;
    let _appointing = api.directory.appointing.of(&asked.realm).await;
    let before = kept(asked).await?;
    let user: User = asked.json()?;
    fits(&user, &asked.realm)?;
    may_appoint(asked, before.row.is.role, "role")?;
    may_appoint(asked, user.role, "role")?;
    not_of_a_peer(asked, id, before.row.is.role)?;
    may_identify(asked, before.row.is.oidc.as_ref(), user.oidc.as_ref())?;
    another_logs_in(asked, Some(before.row.is.role), &user)?;
    known_by_it_alone(asked, &user, id).await?;
    asked.may_put(Some(&before.row.change))?;
    let mut batch = Batch::new().expect_value(Table::Users, row(id), before.bytes);
    if before.row.is.role == Role::Owner && user.role != Role::Owner {
        batch = another_owner(api, asked, id, batch).await?;
    }
    let is_known_anew = before.row.is.oidc != user.oidc;
    let logs_in_no_more = api.log_ins.is_some() && is_known_anew && user.oidc.is_none();
    if before.row.is.role == Role::Owner && user.role == Role::Owner && logs_in_no_more {
        batch = way_in_without_log_in(api, asked, id, batch).await?.ok_or_else(|| {
            let detail =
                format!("no owner of {} would have a key that is for everything, nor log in", asked.realm);
            let remedy = format!("make them a key first: parloir key add --user {id} --name 'the owner'");
            Problem::new(Kind::Conflict, detail, remedy).of("oidc")
        })?;
    }
    // An admin who made this user a key while they were less would hold one of another admin.
    let is_raised = before.row.is.role != Role::Admin && user.role == Role::Admin;
    if is_known_anew || is_raised {
        // Who logged in before may be somebody else. A log-in meanwhile waits its turn, and finds nobody.
        for (key, kept) in rows::all::<KeptKey>(&asked.store, Table::Users, KEYS).await? {
            let key_of = &kept.row.is.key;
            if key_of.user == id && (is_raised || key_of.name == LOG_IN) {
                batch = batch.delete(Table::Users, format!("{KEYS}{key}"));
            }
        }
    }
    let log_in = if is_known_anew { ", and by what they log in" } else { "" };
    let keys = if is_raised { ", without the keys they had" } else { "" };
    let told = asked.told(format!("user {id}: {} to {}{log_in}{keys}", before.row.is.role, user.role));
    let answer = api.directory.commit(&asked.realm, told, |stamp| {
        let batch = batch.put(Table::Users, row(id), stamp.bytes(&user)?);
        let answer = Answer::written(&stamp.item(id, user), false)?;
        Ok((Batches::of(&asked.store, batch), answer))
    });
    Ok(answer.await?)
}

pub(super) async fn delete(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let id = asked.id("user")?;
    let _appointing = api.directory.appointing.of(&asked.realm).await;
    let _teaming = api.directory.teaming.of(&asked.realm).await;
    let before = kept(asked).await?;
    may_appoint(asked, before.row.is.role, "role")?;
    not_of_a_peer(asked, id, before.row.is.role)?;
    asked.may_delete(&before.row.change)?;
    let mut batch =
        Batch::new().expect_value(Table::Users, row(id), before.bytes).delete(Table::Users, row(id));
    if before.row.is.role == Role::Owner {
        batch = another_owner(api, asked, id, batch).await?;
    }
    // A key that is made meanwhile waits its turn, and finds no user.
    for (key, kept) in rows::all::<KeptKey>(&asked.store, Table::Users, KEYS).await? {
        if kept.row.is.key.user == id {
            batch = batch.delete(Table::Users, format!("{KEYS}{key}"));
        }
    }
    let shortened = teams::without_user(asked, id).await?;
    let told = teams::told(&shortened);
    let told = asked.told(format!("user {id}: removed, {}{told}", before.row.is.role));
    let gone = api.directory.commit(&asked.realm, told, |stamp| {
        Ok((Batches::of(&asked.store, teams::shorten(batch, &shortened, stamp)?), ()))
    });
    gone.await?;
    if let Err(error) = contacts::without_user(api, asked, id).await {
        tracing::warn!(tenant = %asked.realm, user = id, %error, "a user is gone, and contacts name them still");
    }
    Ok(Answer::gone())
}
