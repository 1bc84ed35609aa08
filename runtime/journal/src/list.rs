//! The calls of a tenant, from the files alone: for a reader beside a running server, whose store
//! belongs to the server.

use std::ops::ControlFlow;
use std::path::PathBuf;

use parloir_contract::{CallId, TenantId};
use parloir_store::Kms;

use crate::ReadError;
use crate::index::CallEntry;
use crate::key::WrappedKey;
use crate::read::{on_own_thread, read_call, scan};
use crate::record::{Ending, RecordBody};
use crate::segment::{self, Found, FrameKind, Location, Log};

/// The tenants that have had calls, from the files alone.
pub async fn list_tenants(data: impl Into<PathBuf>) -> Result<Vec<TenantId>, ReadError> {
    let data = data.into();
    Ok(on_own_thread("journal-read", move || segment::tenants(&data, Log::Journal)).await??)
}

/// The newest calls of a tenant, at most `limit`, newest first, from the files alone. Reads the
/// whole of the tenant's log once, and the calls it lists: the index of a [`Journal`](crate::Journal)
/// is quicker where it can be opened.
pub async fn list_calls(
    data: impl Into<PathBuf>,
    kms: &dyn Kms,
    tenant: &TenantId,
    limit: usize,
) -> Result<Vec<CallEntry>, ReadError> {
    list_calls_where(data, kms, tenant, limit, |_| true).await
}

/// The same of those calls alone for which `wanted` holds: the others do not count towards `limit`.
pub async fn list_calls_where(
    data: impl Into<PathBuf>,
    kms: &dyn Kms,
    tenant: &TenantId,
    limit: usize,
    wanted: fn(&CallEntry) -> bool,
) -> Result<Vec<CallEntry>, ReadError> {
    let data = data.into();
    let begun = begun(data.clone(), tenant.clone()).await?;
    let mut entries = Vec::new();
    for (call, first) in begun.into_iter().rev() {
        if entries.len() >= limit {
            break;
        }
        let records = match read_call(data.clone(), kms, tenant, call, Some(first)).await {
            // Not even that it was is left, but in the record of its erasure.
            Err(ReadError::Erased { .. }) => continue,
            records => records?,
        };
        let Some(RecordBody::CallStarted(started)) = records.first().map(|r| &r.body) else { continue };
        let began_at = records.first().map_or(0, |r| r.at);
        let entry = CallEntry::new(call, started, began_at);
        let mut entry = entry.with_unkept(records.get(1).map(|record| &record.body));
        entry.first = first;
        entry.records = records.len() as u64;
        if let Some(last) = records.last() {
            entry.outcome = match &last.body {
                RecordBody::CallEnded(ended) => Some(ended.outcome),
                RecordBody::CallInterrupted(_) => Some(Ending::Interrupted),
                _ => None,
            };
            entry.ended_at = entry.outcome.map(|_| last.at);
        }
        if wanted(&entry) {
            entries.push(entry);
        }
    }
    Ok(entries)
}

/// The calls of a tenant, newest first, each with where it begins, from the files alone. What cannot be read any more is
/// among them: for whoever looks through all calls and says which of them they could not read.
pub async fn list_places(
    data: impl Into<PathBuf>,
    tenant: &TenantId,
) -> Result<Vec<(CallId, Location)>, ReadError> {
    let mut begun = begun(data.into(), tenant.clone()).await?;
    begun.reverse();
    Ok(begun)
}

/// Every call whose key is in the log, with the place of its first key, in the order of the log.
async fn begun(data: PathBuf, tenant: TenantId) -> Result<Vec<(CallId, Location)>, ReadError> {
    let found = on_own_thread("journal-read", move || {
        let mut calls: Vec<(CallId, Location)> = Vec::new();
        scan(&data, Log::Journal, &tenant, Location::default(), |place| {
            if let Found::Frame { kind: FrameKind::Key, payload, .. } = place.found
                && let Some(key) = WrappedKey::parse(payload)
                // A call's keys stand together at its beginning.
                && calls.last().is_none_or(|(call, _)| *call != key.call)
            {
                calls.push((key.call, place.location));
            }
            ControlFlow::Continue(())
        })?;
        // Where keys of two calls interleave, the first place of each stands.
        let mut known = std::collections::HashSet::new();
        calls.retain(|(call, _)| known.insert(*call));
        Ok::<_, std::io::Error>(calls)
    });
    Ok(found.await??)
}
