//! The access log: who read what was said in which calls, and why.
//!
//! It is part of the log it is about: each entry is a record in a short call of the journal's own, sealed, signed and proven like
//! any other, and none of them can be erased.

use parloir_contract::{CallId, TenantId};

use crate::own::random;
use crate::record::{ContentRead, RecordBody};
use crate::{Journal, JournalError, Location};

/// What the calls are called that hold the records of accesses: their transport, and their agent.
pub const ACCESS: &str = "access";
/// Calls looked at in one go.
const PAGE: usize = 500;
/// Calls that one record names.
const CALLS_OF_RECORD: usize = 10_000;

impl Journal {
    /// Notes, durably, that content was read, or is about to be. Returns the call that holds the record of it. Fails where it
    /// could not be noted: then read nothing.
    pub async fn note_access(&self, tenant: &TenantId, read: ContentRead) -> Result<CallId, JournalError> {
        let call = random()?;
        let of =
            |calls: &[CallId]| RecordBody::ContentRead(ContentRead { calls: calls.to_vec(), ..read.clone() });
        let bodies = match read.calls.as_slice() {
            [] => vec![of(&[])],
            calls => calls.chunks(CALLS_OF_RECORD).map(of).collect(),
        };
        self.tell(tenant, call, ACCESS, bodies).await?;
        Ok(call)
    }

    /// Where the entries of a tenant's log of accesses begin, newest first, by the index: no other call is opened. After them come
    /// those that the index does not know: what they are is known to whoever reads them alone.
    pub async fn accesses(&self, tenant: &TenantId) -> Result<Vec<(CallId, Location)>, JournalError> {
        let (mut places, mut from) = (Vec::new(), None);
        loop {
            let page = self.calls(tenant, from.as_ref(), PAGE).await?;
            let entries = page.calls.iter().filter(|entry| entry.transport == ACCESS);
            places.extend(entries.map(|entry| (entry.call, entry.first)));
            match page.next {
                Some(next) => from = Some(next),
                None => break,
            }
        }
        let index = &self.eraser().index;
        for (call, first) in index.unindexed(tenant).await? {
            if index.get(tenant, call).await?.is_none() {
                places.push((call, first));
            }
        }
        Ok(places)
    }
}
