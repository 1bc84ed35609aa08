//! The first start: an installation has an owner, whose key is told once.

use jiff::{SignedDuration, Timestamp};
use parloir_contract::TenantId;
use parloir_store::{Batch, Table, TenantStore};

use super::rows::{self, Kept, There};
use super::{Batches, By, Directory, DirectoryError, KEYS, Stamp, Told, USERS};
use crate::resource::{KeptKey, Key, MAX_KEY_DAYS, MAX_KEYS, User};
use crate::role::{Action, Role, is_installation};
use crate::secret::{ApiKey, random_id};

/// Days as a time.
pub(crate) fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(days.saturating_mul(24))
}

/// Adds a user with a first key of a year to a batch.
pub(crate) fn user_with_key(
    batch: Batch,
    stamp: &Stamp,
    (id, user): (&str, &User),
    key: &ApiKey,
) -> Result<Batch, DirectoryError> {
    let row = format!("{USERS}{id}");
    let batch = batch.expect_absent(Table::Users, &row).put(Table::Users, &row, stamp.bytes(user)?);
    first_key(batch, stamp, id, key)
}

/// Adds a user's key of a year to a batch.
fn first_key(batch: Batch, stamp: &Stamp, user: &str, key: &ApiKey) -> Result<Batch, DirectoryError> {
    let expires = stamp.at.checked_add(days(MAX_KEY_DAYS)).unwrap_or(Timestamp::MAX);
    let listed = Key { user: user.to_owned(), name: "first key".into(), scopes: None, expires };
    let row = format!("{KEYS}{}", key.id());
    let kept = stamp.bytes(&KeptKey { key: listed, hash: key.hash(), known_by: None })?;
    Ok(batch.expect_absent(Table::Users, &row).put(Table::Users, &row, kept))
}

/// Of an owner's keys, those that make room for another: those that lapse first. Whoever lost all of them revokes none.
async fn over(store: &TenantStore, owner: &str) -> Result<Vec<(String, Kept<KeptKey>)>, DirectoryError> {
    let mut keys = rows::all::<KeptKey>(store, Table::Users, KEYS).await?;
    keys.retain(|(_, kept)| kept.row.is.key.user == owner);
    keys.sort_by_key(|(_, kept)| kept.row.is.key.expires);
    let over = keys.len().saturating_add(1).saturating_sub(MAX_KEYS);
    keys.truncate(over.min(MAX_KEYS));
    Ok(keys)
}

impl Directory {
    /// Makes the installation's first user, its owner, where it has none, and returns their key: it is told this once, and only
    /// its hash is kept. With `anew`, an owner that there is gets another key, for whoever lost the first.
    ///
    /// # Errors
    /// Where it could not be made; then nothing was.
    pub async fn set_up(&self, anew: bool) -> Result<Option<String>, DirectoryError> {
        self.owned(&self.installation().clone(), anew).await
    }

    /// Gives an owner of a tenant, or of the installation, another key, for where all of them lapsed or are lost; where nobody owns
    /// it, an owner is made. It is told in the log of whose it is. `None` where there is no such tenant.
    ///
    /// # Errors
    /// Where it could not be made; then nothing was.
    pub async fn new_owner_key(&self, realm: &TenantId) -> Result<Option<String>, DirectoryError> {
        if !is_installation(realm) && self.source(realm).await?.is_none() {
            return Ok(None);
        }
        self.owned(&self.store(realm).await?, true).await
    }

    async fn owned(&self, store: &TenantStore, anew: bool) -> Result<Option<String>, DirectoryError> {
        let users = rows::all_there::<User>(store, Table::Users, USERS).await?;
        let unread = users.iter().any(|(_, user)| user.row.is_err());
        let owner = users.into_iter().find_map(|(id, There { bytes, row, .. })| {
            row.ok().filter(|row| row.is.role == Role::Owner).map(|row| (id, Kept { row, bytes }))
        });
        match (owner, anew) {
            // Among what cannot be read may be an owner: another is made only where somebody means it.
            (None, false) if unread => {
                tracing::error!(
                    "who owns the installation cannot be read: start it once with --new-owner-key to make another owner"
                );
                Ok(None)
            }
            (Some(_), false) => Ok(None),
            (Some((owner, kept)), true) => {
                let unchanged = (format!("{USERS}{owner}"), kept.bytes);
                let mut batch = Batch::new().expect_value(Table::Users, unchanged.0, unchanged.1);
                let over = over(store, &owner).await?;
                let subject = match over.len() {
                    0 => format!("another key of owner {owner}"),
                    count => format!("another key of owner {owner}, in place of {count} that lapse first"),
                };
                for (old, kept) in over {
                    let old = format!("{KEYS}{old}");
                    batch = batch.expect_value(Table::Users, &old, kept.bytes).delete(Table::Users, &old);
                }
                self.keyed(store, subject, Action::WriteKeys, move |stamp, key| {
                    first_key(batch, stamp, &owner, key)
                })
                .await
                .map(Some)
            }
            (None, _) => {
                let (id, user) = (random_id()?, User::of("owner", Role::Owner));
                let subject = format!("the first user, owner {id}, with a key");
                self.keyed(store, subject, Action::WriteUsers, move |stamp, key| {
                    user_with_key(Batch::new(), stamp, (&id, &user), key)
                })
                .await
                .map(Some)
            }
        }
    }

    async fn keyed(
        &self,
        store: &TenantStore,
        subject: String,
        action: Action,
        make: impl FnOnce(&Stamp, &ApiKey) -> Result<Batch, DirectoryError> + Send,
    ) -> Result<String, DirectoryError> {
        let key = ApiKey::random(store.tenant().clone())?;
        let told = Told { by: By::machine(), action, subject, why: None };
        self.commit(store.tenant(), told, |stamp| {
            let batch = make(stamp, &key)?;
            Ok((Batches::of(store, batch), key.reveal()))
        })
        .await
    }
}
