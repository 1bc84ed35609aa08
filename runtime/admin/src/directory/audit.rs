//! The audit log: what the administration told of itself in a log, read back. No call is opened but those that hold its records.

use jiff::Timestamp;
use parloir_contract::{CallId, TenantId};
use parloir_journal::{
    ADMINISTRATION, Administered, CallEntry, CallPage, JournalError, ReadError, RecordBody,
};

use super::{Directory, DirectoryError};
use crate::resource::{AuditEntry, Item, Page};

/// Calls of the index that are looked at in one go.
const AT_ONCE: usize = 200;
/// The same for one page: most of them may be of callers.
const MOST: usize = 2_000;

/// An entry's place in the list.
fn place(entry: &CallEntry) -> String {
    format!("{}-{}", entry.started_at, entry.call)
}

/// When the entry of a place was begun, and which it is.
pub(crate) fn at_place(place: &str) -> Option<(u64, CallId)> {
    let (began, call) = place.split_once('-')?;
    Some((began.parse().ok()?, call.parse().ok()?))
}

fn item(entry: &CallEntry, what: Administered) -> Item<AuditEntry> {
    let Administered { key, user, role, action, subject, glass, why } = what;
    let outcome = entry.outcome.into();
    let spec = AuditEntry { user, role, key, action, subject, outcome, glass, why };
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
    /// Some of what was done in these rooms, after a place, newest first: fewer than `limit`, or none, where many calls are between.
    pub(crate) async fn audit(
        &self,
        whose: &TenantId,
        after: Option<(u64, CallId)>,
        limit: usize,
    ) -> Result<Page<AuditEntry>, DirectoryError> {
        let journal = &self.rooms.journal;
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
                    return Ok(Page { items, next: more.then(|| place(&entry)) });
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written_and_nothing_else_is_one() {
        let call = CallId::from_bytes([7; 16]);
        assert_eq!(at_place(&format!("12-{call}")), Some((12, call)));
        for nowhere in ["", "-", "12", "12-x", &format!("-{call}")] {
            assert_eq!(at_place(nowhere), None, "{nowhere}");
        }
    }
}
