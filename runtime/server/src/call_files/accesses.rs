//! Who read what was said in a tenant's calls, by the index of its log: nothing is opened but the records of that.

use std::collections::HashMap;

use parloir_admin::resource::{Access, Item, MAX_ACCESS_CALLS, Page};
use parloir_admin::{CallError, Reach};
use parloir_contract::{CallId, TenantId};
use parloir_journal::{
    ACCESS, CallEntry, CallPage, ContentRead, JournalError, ReadError, Reader, RecordBody,
};

use super::{MOST, PAGE, at, failed};
use crate::Storage;
use crate::call_places::Places;

/// Records that are opened for one page.
const OPENED: usize = 200;
/// Calls of them that are looked up for one page: with the record in which that many are reached, it ends.
const LOOKED_UP: usize = 5_000;

/// What a call is for whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Is {
    /// What the journal says of a call: it was read with that, and is nobody's line's.
    Journals,
    /// Theirs to see.
    Theirs,
    /// Another line's, or there is none.
    Others,
}

/// The calls that were looked up for one page: the same ones are read again and again, and each is looked up once.
type LookedUp = HashMap<CallId, Is>;

/// Which of the calls that somebody read are for whoever asks.
struct Shown {
    calls: Vec<CallId>,
    /// No other is among them.
    are_all: bool,
}

/// What is said of a record that cannot be read: that it is there is told all the same.
fn unreadable() -> Access {
    let why = "this record cannot be read: `parloir verify` says what is wrong with the log".to_owned();
    let none = String::new;
    let (user, role, key, command) = (none(), none(), none(), none());
    Access { user, role, key, command, purposes: Vec::new(), calls: Vec::new(), count: 0, why: Some(why) }
}

/// Who it was: their name, their role, and their key.
fn reader(who: Reader) -> (String, String, String) {
    match who {
        Reader::User { .. } => (who.to_string(), "machine".to_owned(), String::new()),
        Reader::Key { user, role, key } => (user, role, key),
    }
}

fn item(entry: &CallEntry, spec: Access) -> Item<Access> {
    let (id, etag, changed) = (entry.call.to_string(), String::new(), Some(at(entry.started_at)));
    Item { id, etag, changed, spec }
}

impl Storage {
    /// See [`parloir_admin::CallFiles::accesses`].
    pub(super) async fn accesses_in(
        &self,
        tenant: &TenantId,
        after: Option<&str>,
        limit: usize,
        of: Option<CallId>,
        reach: &Reach,
    ) -> Result<Page<Access>, CallError> {
        let key = self.keys().row_key(tenant).await.map_err(failed)?;
        let places = Places::of(&key, reach);
        let mut from = match after {
            Some(after) => {
                let (began, entry) = places.read(after).ok_or(CallError::NoSuchPlace)?;
                Some(self.journal.after(tenant, began, entry).await.map_err(failed)?)
            }
            None => None,
        };
        let mut items = Vec::new();
        let (mut looked_at, mut opened, mut looked_up) = (0_usize, 0_usize, LookedUp::new());
        loop {
            let page = self.journal.calls(tenant, from.as_ref(), PAGE).await.map_err(failed)?;
            let CallPage { calls, next } = page;
            let mut calls = calls.into_iter();
            while let Some(entry) = calls.next() {
                looked_at += 1;
                if entry.transport == ACCESS {
                    opened += 1;
                    let access = self.access(tenant, entry.call, of, reach, &mut looked_up).await?;
                    items.extend(access.map(|access| item(&entry, access)));
                }
                let is_full = items.len() >= limit || looked_at >= MOST;
                if is_full || opened >= OPENED || looked_up.len() >= LOOKED_UP {
                    let more = calls.len() > 0 || next.is_some();
                    let place = || places.shown(entry.started_at, entry.call).map_err(failed);
                    return Ok(Page { items, next: more.then(place).transpose()? });
                }
            }
            match next {
                Some(next) => from = Some(next),
                None => return Ok(Page { items, next: None }),
            }
        }
    }

    /// What a record says; `None` where it says nothing yet, or nothing of what is asked for that is for whoever asks.
    async fn access(
        &self,
        tenant: &TenantId,
        record: CallId,
        of: Option<CallId>,
        reach: &Reach,
        looked_up: &mut LookedUp,
    ) -> Result<Option<Access>, CallError> {
        let records = match self.journal.records(tenant, record).await {
            Ok(records) => records,
            // One that is being written is told when it is whole.
            Err(JournalError::Read(ReadError::Erased { .. } | ReadError::NoSuchCall { .. })) => {
                return Ok(None);
            }
            Err(JournalError::Read(error)) => {
                tracing::error!(%tenant, %record, %error, "a record of who read a call cannot be read");
                return Ok((of.is_none() && *reach == Reach::All).then(unreadable));
            }
            Err(error) => return Err(failed(error)),
        };
        let mut calls = Vec::new();
        let mut first = None;
        for record in records {
            // The same, for as many calls as one record names.
            if let RecordBody::ContentRead(read) = record.body {
                calls.extend_from_slice(&read.calls);
                first.get_or_insert(read);
            }
        }
        let Some(ContentRead { who, command, purposes, why, .. }) = first else { return Ok(None) };
        if of.is_some_and(|of| !calls.contains(&of)) {
            return Ok(None);
        }
        let Shown { calls, are_all } = self.shown_of(tenant, calls, reach, looked_up).await?;
        // A search that found nothing is told to whoever sees all.
        if calls.is_empty() && *reach != Reach::All {
            return Ok(None);
        }
        let (user, role, key) = reader(who);
        Ok(Some(Access {
            user,
            role,
            key,
            command,
            purposes: purposes.iter().map(|purpose| purpose.name().to_owned()).collect(),
            count: calls.len() as u64,
            calls: calls.iter().take(MAX_ACCESS_CALLS).map(ToString::to_string).collect(),
            why: why.filter(|_| are_all),
        }))
    }

    async fn shown_of(
        &self,
        tenant: &TenantId,
        calls: Vec<CallId>,
        reach: &Reach,
        looked_up: &mut LookedUp,
    ) -> Result<Shown, CallError> {
        if *reach == Reach::All {
            return Ok(Shown { calls, are_all: true });
        }
        let mut shown = Shown { calls: Vec::new(), are_all: true };
        for call in calls {
            let known = looked_up.get(&call).copied();
            let is = match known {
                Some(is) => is,
                None => match self.journal.call(tenant, call).await.map_err(failed)? {
                    Some(entry) if entry.is_of_journal() => Is::Journals,
                    Some(entry) if reach.may_cover(&entry.line) => Is::Theirs,
                    Some(_) | None => Is::Others,
                },
            };
            looked_up.insert(call, is);
            match is {
                Is::Journals => {}
                Is::Theirs => shown.calls.push(call),
                Is::Others => shown.are_all = false,
            }
        }
        Ok(shown)
    }
}
