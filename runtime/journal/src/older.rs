//! Whether the keys are older than the log: what persons asked for, and what was erased, is told in the log and noted beside the
//! keys. What is only told was done with keys that were lost since, and has to be done again.

use std::collections::HashSet;

use parloir_contract::{CallId, TenantId};
use parloir_store::keys::LogKey;

use crate::record::RecordBody;
use crate::rights::{AMENDMENT, BLOCK, CASE, RESTRICTION};
use crate::{ERASURE, Journal, JournalError, ReadError, erasures, published_keys, rights};

/// Calls looked at in one go.
const PAGE: usize = 500;

impl Journal {
    /// The calls of the journal's own that tell of erasures, cases, amendments, restrictions and blocks of which nothing is
    /// noted beside the keys, the first first. There are none unless keys were put back that are older than the log.
    pub async fn unknown_to_keys(&self, tenant: &TenantId) -> Result<Vec<CallId>, JournalError> {
        let kms = &*self.eraser().kms;
        let told = rights(kms, tenant).await?;
        let mut known: HashSet<CallId> = told.naming.iter().copied().collect();
        known.extend(told.amendments.iter().map(|amendment| amendment.record));
        let notes = erasures(kms, tenant).await?;
        // What names nobody any more is noted there alone.
        known.extend(notes.iter().flat_map(|note| note.calls.iter().copied()));
        let erased: HashSet<[u8; 15]> = notes.iter().map(|note| stem(note.record)).collect();
        let (mut unknown, mut from) = (Vec::new(), None);
        loop {
            let page = self.calls(tenant, from.as_ref(), PAGE).await?;
            for entry in page.calls {
                let is_known = match entry.transport.as_str() {
                    ERASURE => erased.contains(&stem(entry.call)),
                    CASE | AMENDMENT | BLOCK => known.contains(&entry.call),
                    RESTRICTION => known.contains(&entry.call) || !self.restricts(tenant, entry.call).await?,
                    _ => true,
                };
                if !is_known {
                    unknown.push(entry.call);
                }
            }
            match page.next {
                Some(next) => from = Some(next),
                None => break,
            }
        }
        unknown.reverse();
        Ok(unknown)
    }

    /// Whether the newest key that a tenant's log announced is neither among the keys nor followed by one of them: they are older
    /// than the log, which can announce no next key without it.
    pub async fn lacks_log_key(&self, tenant: &TenantId) -> Result<bool, JournalError> {
        let eraser = self.eraser();
        let published = published_keys(eraser.data.clone(), tenant).await?;
        let Some(newest) = published.last() else { return Ok(false) };
        let mut known = eraser.kms.log_keys(tenant).await?;
        known.extend(eraser.kms.next_log(tenant).await?);
        let is_newest_or_later =
            |key: &LogKey| key.public == newest.bytes() || key.generation as usize > published.len();
        Ok(!known.iter().any(is_newest_or_later))
    }

    /// Whether a call tells of whose restriction it is: one that an erasure ended names nobody, and is noted nowhere.
    async fn restricts(&self, tenant: &TenantId, call: CallId) -> Result<bool, JournalError> {
        let records = match self.records(tenant, call).await {
            Err(JournalError::Read(ReadError::NoSuchCall { .. } | ReadError::Erased { .. })) => Vec::new(),
            records => records?,
        };
        let names = |body: &RecordBody| matches!(body, RecordBody::Restricted(one) if one.named.is_some());
        Ok(records.iter().any(|record| names(&record.body)))
    }
}

/// What the names of an erasure's calls have in common, however often it was begun.
fn stem(call: CallId) -> [u8; 15] {
    let [stem @ .., _] = *call.as_bytes();
    stem
}
