//! Requests that may be repeated: the answer to a POST with an idempotency key is kept for a day, in the same batch as what it
//! did, and told again in place of doing it again. A secret is not in it: that is told once.

use jiff::{SignedDuration, Timestamp};
use parloir_contract::TenantId;
use parloir_store::{Batch, Table, TenantStore};
use serde::{Deserialize, Serialize};

use super::Api;
use super::answer::Answer;
use super::asked::{Asked, IDEMPOTENCY_KEY};
use super::problem::{Kind, Problem};
use crate::directory::{Batches, Directory, DirectoryError, GLASS, KEYS, Stamp, Told, rows};
use crate::resource::{Glass, KeptKey};

/// What the keys of kept answers begin with, in [`Table::Settings`].
const REQUESTS: &str = "request/";
/// For how long an answer is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// How long the bytes of a sound stay that none is: an upload takes no longer.
const ABANDONED: SignedDuration = SignedDuration::from_hours(1);

/// An answer that was given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Given {
    /// What tells the request from another that bears the same key.
    request: String,
    answer: Answer,
}

fn is_over(at: Timestamp) -> bool {
    !at.checked_add(KEPT).is_ok_and(|end| end > Timestamp::now())
}

/// The answer to a request that was carried out already.
pub(crate) async fn told_before(api: &Api, asked: &Asked) -> Result<Option<Answer>, Problem> {
    told_before_with(api, asked, &asked.body).await
}

/// The same, where this came in place of a body.
pub(crate) async fn told_before_with(
    api: &Api,
    asked: &Asked,
    came: &[u8],
) -> Result<Option<Answer>, Problem> {
    if !asked.endpoint.is_repeatable() {
        return Ok(None);
    }
    let Some((row, request)) = asked.repeatable(came)? else { return Ok(None) };
    let store = store(api, asked);
    let given = rows::get::<Given>(store, Table::Settings, &format!("{REQUESTS}{row}")).await?;
    match given.map(|given| given.row) {
        Some(given) if is_over(given.at) => Ok(None),
        Some(given) if given.is.request == request => Ok(Some(given.is.answer)),
        Some(_) => Err(Problem::new(
            Kind::Invalid,
            "another request bore this idempotency key",
            "choose another key for another request; one request and its repetitions bear the same",
        )
        .of(IDEMPOTENCY_KEY)),
        None => Ok(None),
    }
}

/// Where the answers to those who ask are kept: in the rooms of whoever asks, so that a tenant that is being made holds none.
fn store<'a>(api: &'a Api, asked: &'a Asked) -> &'a TenantStore {
    match asked.principal.realm == asked.realm {
        true => &asked.store,
        false => api.directory.installation(),
    }
}

/// Makes something new, once however often it is asked for. `make` gives what changes and what is answered.
pub(crate) async fn once(
    api: &Api,
    asked: &Asked,
    told: Told,
    make: impl FnOnce(&Stamp) -> Result<(Batches, Answer), DirectoryError> + Send,
) -> Result<Answer, Problem> {
    once_with(api, asked, &asked.body, told, make).await
}

/// The same, where this came in place of a body.
pub(crate) async fn once_with(
    api: &Api,
    asked: &Asked,
    came: &[u8],
    told: Told,
    make: impl FnOnce(&Stamp) -> Result<(Batches, Answer), DirectoryError> + Send,
) -> Result<Answer, Problem> {
    let keep = match asked.repeatable(came)? {
        Some((row, request)) => {
            let (store, row) = (store(api, asked), format!("{REQUESTS}{row}"));
            let before = rows::get::<Given>(store, Table::Settings, &row).await?;
            if before.as_ref().is_some_and(|before| !is_over(before.row.at))
                && let Some(again) = told_before_with(api, asked, came).await?
            {
                return Ok(again);
            }
            Some((store, row, request, before.map(|before| before.bytes)))
        }
        None => None,
    };
    let done = api
        .directory
        .commit(&asked.realm, told, move |stamp| {
            let (batches, answer) = make(stamp)?;
            let Some((store, row, request, before)) = keep else { return Ok((batches, answer)) };
            let given = stamp.bytes(&Given { request, answer: answer.clone().without_secret() })?;
            let batches = batches.and(store, |batch| batch.expect_same(Table::Settings, &row, before));
            Ok((batches.and(store, |batch| batch.put(Table::Settings, &row, given)), answer))
        })
        .await;
    match done {
        Ok(answer) => Ok(answer),
        // The same request was carried out beside this one: its answer is this one's too.
        Err(DirectoryError::Changed) => match told_before_with(api, asked, came).await? {
            Some(again) => Ok(again),
            None => Err(DirectoryError::Changed.into()),
        },
        Err(error) => Err(error.into()),
    }
}

/// Keeps an answer to what was done elsewhere, for a request that bears an idempotency key. Whoever asks sees to it that the same
/// request is not carried out beside this one.
pub(super) async fn keep(api: &Api, asked: &Asked, change: &str, answer: &Answer) -> Result<(), Problem> {
    let Some((row, request)) = asked.repeatable(&asked.body)? else { return Ok(()) };
    let stamp = Stamp { change: change.to_owned(), at: Timestamp::now() };
    let given = stamp.bytes(&Given { request, answer: answer.clone().without_secret() })?;
    let batch = Batch::new().put(Table::Settings, format!("{REQUESTS}{row}"), given);
    let _nothing_is_expected = store(api, asked).apply(batch).await.map_err(DirectoryError::from)?;
    Ok(())
}

/// Takes away the answers that were kept long enough, and the broken glass and the keys that are over for as long. To be called
/// every hour or so. So go components that no version names, and what a crash left of sounds. Tells how many denials were counted alone. Returns how many went.
///
/// # Errors
/// Where storage does not answer: the rest goes the next time.
pub async fn tidy(directory: &Directory) -> Result<usize, DirectoryError> {
    directory.tell_denials_left_out().await;
    directory.end_leavings().await?;
    let mut realms = directory.tenants().await?;
    realms.extend(directory.premises().declared().iter().map(|declared| declared.id.clone()));
    realms.push(directory.installation().tenant().clone());
    realms.sort();
    realms.dedup();
    let mut gone = 0;
    for realm in realms {
        directory.take_in_again(&realm).await;
        match tidy_one(directory, &realm).await {
            Ok(rows) => gone += rows,
            // The others' goes all the same.
            Err(error) => {
                tracing::warn!(tenant = %realm, %error, "what was kept long enough of a tenant's is still there; it is tried again");
            }
        }
    }
    Ok(gone)
}

async fn tidy_one(directory: &Directory, realm: &TenantId) -> Result<usize, DirectoryError> {
    let store = directory.store(realm).await?;
    let (mut over, mut gone) = (Vec::new(), 0);
    for (key, kept) in rows::all::<KeptKey>(&store, Table::Users, KEYS).await? {
        if is_over(kept.row.is.key.expires) {
            over.push((Table::Users, format!("{KEYS}{key}"), kept.bytes));
        }
    }
    for (key, kept) in rows::all::<Given>(&store, Table::Settings, REQUESTS).await? {
        if is_over(kept.row.at) {
            over.push((Table::Settings, format!("{REQUESTS}{key}"), kept.bytes));
        }
    }
    for (key, kept) in rows::all::<Glass>(&store, Table::Settings, GLASS).await? {
        if is_over(kept.row.is.until) {
            over.push((Table::Settings, format!("{GLASS}{key}"), kept.bytes));
        }
    }
    gone += super::upload::tidy(directory, &store).await?;
    gone += parloir_tenancy::sounds::sweep(&store, ABANDONED).await?;
    for (table, key, bytes) in over {
        let batch = Batch::new().expect_value(table, &key, bytes).delete(table, &key);
        let _written_anew = store.apply(batch).await?;
        gone += 1;
    }
    Ok(gone)
}
