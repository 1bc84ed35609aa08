//! The audit log: what the administration told of itself in a log, read back. No call is opened but those that hold its records.

use jiff::Timestamp;
use parloir_contract::{CallId, TenantId};
use parloir_journal::{
    ADMINISTRATION, Administered, CallEntry, CallPage, JournalError, ReadError, RecordBody,
};
use parloir_store::StoreError;

use super::{Directory, DirectoryError};
use crate::place::SealedPlaces;
use crate::resource::{AuditEntry, Item, Page};

/// What a tenant's places in this list are sealed for.
const FOR: &[u8] = b"places in the audit log";
/// Calls of the index that are looked at in one go.
const AT_ONCE: usize = 200;
/// The same for one page: most of them may be of callers.
const MOST: usize = 2_000;

fn item(entry: &CallEntry, what: Administered) -> Item<AuditEntry> {
    let Administered { key, user, role, action, subject, glass, why } = what;
    let outcome = entry.outcome.into();
    let spec = AuditEntry { user, name: None, role, key, action, subject, outcome, glass, why };
    let at = Timestamp::from_nanosecond(i128::from(entry.started_at)).ok();
    Item { id: entry.call.to_string(), etag: String::new(), changed: at, spec }
}

/// What is said of a record that cannot be read: that it is there is told all the same.
fn unreadable() -> Administered {
    let subject = "this record cannot be read: `parloir verify` says what is wrong with the log".to_owned();
    let none = String::new;
    Administered { key: none(), user: none(), role: none(), action: none(), subject, glass: None, why: None }
}

impl Directory {
    /// Places in this list: the last of a page may be a call, of which whoever reads who did what may know nothing.
    async fn places(&self, whose: &TenantId) -> Result<SealedPlaces, DirectoryError> {
        let key = self.rooms.kms.row_key(whose).await.map_err(StoreError::from)?;
        Ok(SealedPlaces::of(&key, FOR, Vec::new()))
    }

    /// When the entry of a place was begun, and which it is; `None` of what is no place in this list.
    pub(crate) async fn audit_place(
        &self,
        whose: &TenantId,
        place: &str,
    ) -> Result<Option<(u64, CallId)>, DirectoryError> {
        Ok(self.places(whose).await?.read(place))
    }

    /// Some of what was done in these rooms, after a place, newest first: fewer than `limit`, or none, where many calls are between.
    pub(crate) async fn audit(
        &self,
        whose: &TenantId,
        after: Option<(u64, CallId)>,
        limit: usize,
    ) -> Result<Page<AuditEntry>, DirectoryError> {
        let (journal, places) = (&self.rooms.journal, self.places(whose).await?);
        let mut from = match after {
            Some((began, entry)) => Some(journal.after(whose, began, entry).await?),
            None => None,
        };
        let (mut items, mut looked_at) = (Vec::new(), 0_usize);
        loop {
            let CallPage { calls, next } = journal.calls(whose, from.as_ref(), AT_ONCE).await?;
            let mut calls = calls.into_iter();
            while let Some(entry) = calls.next() {
                looked_at += 1;
                if entry.transport == ADMINISTRATION {
                    items.extend(self.administered(whose, &entry).await?);
                }
                if items.len() >= limit || looked_at >= MOST {
                    let more = calls.len() > 0 || next.is_some();
                    let next = more.then(|| places.sealed(entry.started_at, entry.call)).transpose();
                    return Ok(Page { items, next: next.map_err(StoreError::from)? });
                }
            }
            match next {
                Some(next) => from = Some(next),
                None => return Ok(Page { items, next: None }),
            }
        }
    }

    /// What an entry says; `None` where nothing was told in it before it was cut off.
    async fn administered(
        &self,
        whose: &TenantId,
        entry: &CallEntry,
    ) -> Result<Option<Item<AuditEntry>>, DirectoryError> {
        let records = match self.rooms.journal.records(whose, entry.call).await {
            Ok(records) => records,
            Err(JournalError::Read(ReadError::Erased { .. } | ReadError::NoSuchCall { .. })) => {
                return Ok(None);
            }
            Err(JournalError::Read(error)) => {
                tracing::error!(tenant = %whose, record = %entry.call, %error, "a record of the administration cannot be read");
                return Ok(Some(item(entry, unreadable())));
            }
            Err(error) => return Err(error.into()),
        };
        let told = records.into_iter().find_map(|record| {
            let RecordBody::Administered(what) = record.body else { return None };
            Some(what)
        });
        Ok(told.map(|what| item(entry, what)))
    }
}
