//! Log-in: whoever an issuer says they are gets a key for some hours, which allows what they may and no more.

use std::time::Instant;

use axum::body::Bytes;
use axum::http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use parloir_contract::TenantId;
use parloir_store::{Batch, Table};

use super::answer::{Answer, room};
use super::asked::{Asked, read_json};
use super::problem::{Kind, Problem};
use super::{Api, suspension};
use crate::directory::rows::{self, Kept};
use crate::directory::{Batches, By, DirectoryError, KEYS, Told, USERS};
use crate::oidc::{Claims, LogIns, Refused};
use crate::resource::{
    KeptKey, Key, KeyMade, LOG_IN, LOG_IN_HOURS, LogIn, LogInWith, MAX_KEYS, MAX_LOG_INS, User,
};
use crate::role::{Action, is_installation};
use crate::secret::ApiKey;

/// Those who log in, where there is an issuer.
pub(super) fn log_ins(api: &Api) -> Result<&LogIns, Problem> {
    api.log_ins.as_deref().ok_or_else(|| {
        let remedy = "use a key, or have the operator name an issuer in [admin.oidc] of parloir.toml";
        Problem::new(Kind::NotFound, "nobody logs in here", remedy)
    })
}

/// With what one logs in: for a client that knows nothing but where this is.
pub(super) fn with(api: &Api) -> Result<Answer, Problem> {
    let oidc = log_ins(api)?.oidc();
    Ok(Answer::ok(&LogInWith { issuer: oidc.issuer.clone(), client_id: oidc.client_id.clone() })?)
}

/// Makes a key for whoever the token is of.
pub(super) async fn make(api: &Api, headers: &HeaderMap, body: &Bytes) -> Result<Answer, Problem> {
    let log_ins = log_ins(api)?;
    let LogIn { id_token, tenant } = read_json(headers, body)?;
    let realm = tenant.unwrap_or_else(|| api.directory.installation().tenant().clone());
    let claims = log_ins.check(&id_token).await.map_err(|refused| {
        tracing::info!(tenant = %realm, %refused, "a log-in was refused");
        let remedy = match refused {
            Refused::UnknownKey => "log in again in a minute, when the issuer can be asked for its keys anew",
            Refused::NoKeys => {
                "log in again in a minute; whoever runs the installation finds in its own log why, and names the issuer: [admin.oidc] \
                 issuer in parloir.toml"
            }
            Refused::Token(_) => "log in again: parloir login",
        };
        Problem::new(Kind::Unauthenticated, refused.to_string(), remedy).of("id-token")
    })?;
    // Only of a tenant that there is: to open its storage makes its keys.
    if !is_installation(&realm) && api.directory.source(&realm).await?.is_none() {
        return Err(nobody(&realm, &claims));
    }
    let store = api.directory.store(&realm).await?;
    // Whoever is known by something else from now on, or is removed, keeps no key that is made meanwhile.
    let _appointing = api.directory.appointing.of(&realm).await;
    let users = rows::all::<User>(&store, Table::Users, USERS).await?;
    let (id, user) = only(users, &claims).ok_or_else(|| nobody(&realm, &claims))?;
    if let Some(refused) = suspension::refused(api, &realm).await? {
        return Err(refused.told);
    }
    api.log_ins_made.take(&id, Instant::now())?;

    let now = Timestamp::now();
    let keys = rows::all::<KeptKey>(&store, Table::Users, KEYS).await?;
    let mut keys: Vec<_> = keys.into_iter().filter(|(_, kept)| kept.row.is.key.user == id).collect();
    let over = oldest(&mut keys, now);
    room(keys.len().saturating_sub(over.len()), MAX_KEYS, "keys of this user")?;
    let key = ApiKey::random(realm.clone()).map_err(DirectoryError::from)?;
    let expires = now.checked_add(SignedDuration::from_hours(LOG_IN_HOURS)).unwrap_or(Timestamp::MAX);
    let role = user.row.is.role;
    let told = Told {
        by: By { key: String::new(), user: id.clone(), role: role.name().into(), glass: None },
        action: Action::WriteKeys,
        subject: format!("log-in: key {} of user {id}: made, until {expires}", key.id()),
        why: None,
    };
    let made = api.directory.commit(&realm, told, |stamp| {
        let listed = Key { user: id.clone(), name: LOG_IN.into(), scopes: None, expires };
        let known_by = user.row.is.oidc.clone();
        let bytes = stamp.bytes(&KeptKey { key: listed.clone(), hash: key.hash(), known_by })?;
        let row = format!("{KEYS}{}", key.id());
        let mut batch = Batch::new()
            .expect_value(Table::Users, format!("{USERS}{id}"), user.bytes)
            .expect_absent(Table::Users, &row)
            .put(Table::Users, &row, bytes);
        for (old, kept) in over {
            let old = format!("{KEYS}{old}");
            batch = batch.expect_value(Table::Users, &old, kept.bytes).delete(Table::Users, &old);
        }
        let location = format!("/v1/tenants/{realm}/keys/{}", key.id());
        let body = KeyMade { id: key.id().to_owned(), key: listed, secret: Some(key.reveal()) };
        Ok((Batches::of(&store, batch), Answer::made(&body, &stamp.change, location)?))
    });
    Ok(made.await?)
}

/// The one user whom the token is of; `None` where there is none, or more than one. One who is more goes before those who are less:
/// whoever may add those only would keep the other from logging in, by the subject of whom an address is known.
fn only(users: Vec<(String, Kept<User>)>, claims: &Claims) -> Option<(String, Kept<User>)> {
    let is_theirs = |user: &User| user.oidc.as_ref().is_some_and(|identity| claims.are_of(identity));
    let mut theirs: Vec<_> = users.into_iter().filter(|(_, kept)| is_theirs(&kept.row.is)).collect();
    theirs.sort_by_key(|(_, kept)| kept.row.is.role);
    let found = theirs.pop()?;
    let another = theirs.last().is_some_and(|(_, kept)| kept.row.is.role == found.1.row.is.role);
    if another { None } else { Some(found) }
}

fn nobody(realm: &TenantId, claims: &Claims) -> Problem {
    tracing::info!(tenant = %realm, "a log-in was refused: nobody there is known by what the token says");
    let who = claims.told();
    let detail = format!("nobody in {realm} is known by what the ID token says ({who}), or more than one is");
    let remedy = "name the tenant where you are a user (--tenant TENANT), and have somebody there write down by what the issuer \
                  knows you: parloir user set USER --oidc-email ADDRESS";
    Problem::new(Kind::Unauthenticated, detail, remedy).of("id-token")
}

/// Revokes the key that asks.
pub(super) async fn give_back(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let (id, key) = (&asked.principal.key_id, &asked.principal.key);
    if key.name != LOG_IN {
        let remedy = format!("revoke any other by its name: parloir key revoke {id}");
        return Err(
            Problem::new(Kind::Conflict, "no log-in made the key that asks", remedy).of("authorization")
        );
    }
    let row = format!("{KEYS}{id}");
    let kept = rows::get::<KeptKey>(&asked.store, Table::Users, &row).await?;
    let kept = kept.ok_or_else(|| Problem::not_found("key"))?;
    asked.may_delete(&kept.row.change)?;
    let batch = Batch::new().expect_value(Table::Users, &row, kept.bytes).delete(Table::Users, &row);
    let told = asked.told(format!("log-out: key {id} of user {}: revoked", key.user));
    let gone = api.directory.commit(&asked.realm, told, |_| Ok((Batches::of(&asked.store, batch), ())));
    gone.await?;
    Ok(Answer::gone())
}

/// Of somebody's keys, those that log-ins made and that go now: what is over, and the oldest of too many, of log-ins or of all.
fn oldest(keys: &mut [(String, Kept<KeptKey>)], now: Timestamp) -> Vec<(String, Kept<KeptKey>)> {
    keys.sort_by_key(|(_, kept)| kept.row.is.key.expires);
    let made: Vec<_> = keys.iter().filter(|(_, kept)| kept.row.is.key.name == LOG_IN).collect();
    let too_many =
        (made.len() + 1).saturating_sub(MAX_LOG_INS).max((keys.len() + 1).saturating_sub(MAX_KEYS));
    let gone = made.into_iter().enumerate();
    let gone = gone.filter(|(at, (_, kept))| *at < too_many || kept.row.is.key.expires <= now);
    gone.map(|(_, (id, kept))| (id.clone(), kept.clone())).collect()
}
