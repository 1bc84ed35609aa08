//! What is done with each tenant's log before anything is appended to it: the torn end is cut, the
//! index is caught up, and calls that a crash cut off are closed as interrupted.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use parloir_contract::{CallId, TenantId};
use parloir_store::Kms;
use parloir_store::disk::Disk;
use parloir_store::keys::KeyError;

use crate::call::now;
use crate::chunk::{self, Chain, Header};
use crate::index::{CallEntry, Index, REBUILD_BATCH};
use crate::key::{CallKeys, WrappedKey, WrappedKeys};
use crate::read::scan;
use crate::record::{self, CallInterrupted, Ending, Record, RecordBody};
use crate::segment::{self, Found, FrameKind, Location, Log, Tail};
use crate::{JournalError, ReadError, erase, erasures};

/// A call that was found in the log.
struct Track {
    keys: WrappedKeys,
    first: Location,
    chain: Chain,
    chunks: u32,
    /// Its first chunk, where the entry's fields are.
    began: Option<Vec<u8>>,
    /// Its last chunk, where it ended.
    ended: Option<Vec<u8>>,
}

/// Makes every tenant's log ready, with segments of so many bytes. Returns their ends.
pub(crate) async fn recover(
    (disk, segment): (&Arc<dyn Disk>, u64),
    data: &Path,
    kms: &dyn Kms,
    index: &Index,
) -> Result<HashMap<(TenantId, Log), Tail>, JournalError> {
    let mut tails = HashMap::new();
    for tenant in segment::tenants(data, Log::Recordings)? {
        // Its torn end is cut when it is opened; nothing else is to be done for a recording.
        drop(Tail::open(disk, data, Log::Recordings, &tenant)?);
    }
    for tenant in segment::tenants(data, Log::Journal)? {
        let mut tail = Tail::open(disk, data, Log::Journal, &tenant)?;
        tail.limit(segment);
        catch_up(data, kms, index, &tenant, &mut tail).await?;
        tails.insert((tenant, Log::Journal), tail);
    }
    Ok(tails)
}

async fn catch_up(
    data: &Path,
    kms: &dyn Kms,
    index: &Index,
    tenant: &TenantId,
    tail: &mut Tail,
) -> Result<(), JournalError> {
    // Of data from a back-up, the index may have been sealed under a key that is gone: only the log says what was.
    let noted = erasures(kms, tenant).await?;
    let from_back_up = erase::marked(data, tenant)?.of(&noted) < noted.len();
    let checkpoint = index.checkpoint(tenant).await?.filter(|_| !from_back_up);
    let open = index.open_calls(tenant).await?;
    if checkpoint == Some(tail.end()) && open.is_empty() {
        return Ok(());
    }
    let mut from = checkpoint.unwrap_or_default();
    if from > tail.end() {
        tracing::error!(%tenant, "the log is shorter than its index says: records were removed; run `parloir verify`");
        from = Location::default();
    }
    let from = open.into_iter().fold(from, Location::min);

    let mut tracks: HashMap<CallId, Track> = HashMap::new();
    // Calls that ended, in the order of the log.
    let mut ended: Vec<CallId> = Vec::new();
    let mut known: Vec<CallEntry> = Vec::new();
    scan(data, Log::Journal, tenant, from, |place| {
        match place.found {
            Found::Bad { offset, what, .. } => {
                tracing::error!(file = %place.file.display(), offset, what, "the log is damaged; run `parloir verify`");
            }
            Found::Frame { kind: FrameKind::Key, payload, .. } => {
                if let Some(key) = WrappedKey::parse(payload) {
                    let track = tracks.entry(key.call).or_insert_with(|| Track {
                        keys: WrappedKeys::default(),
                        first: place.location,
                        chain: Chain::default(),
                        chunks: 0,
                        began: None,
                        ended: None,
                    });
                    track.keys.insert(key);
                }
            }
            Found::Frame { kind: FrameKind::Chunk | FrameKind::ErasedChunk, payload, .. } => {
                if let Ok((header, _, _)) = Header::parse(payload)
                    && let Some(track) = tracks.get_mut(&header.call)
                {
                    track.chain = header.chain_after();
                    track.chunks += 1;
                    if header.number == 0 {
                        track.began = Some(payload.to_vec());
                    }
                    if header.ends {
                        track.ended = Some(payload.to_vec());
                        ended.push(header.call);
                    }
                }
            }
            Found::Frame { kind: FrameKind::Recording | FrameKind::ErasedRecording, .. } => {}
        }
        ControlFlow::Continue(())
    })?;

    // Calls that are there, and of which the index can say nothing.
    let mut lost = Vec::new();
    for call in ended {
        let Some(track) = tracks.remove(&call) else { continue };
        let Some((mut entry, keys)) = begun(kms, tenant, call, &track, &mut lost).await? else { continue };
        match track.ended.as_deref().and_then(|chunk| last_record(chunk, tenant, &keys)) {
            Some(last) => {
                entry.ended_at = Some(last.at);
                entry.outcome = Some(last.body.ending().unwrap_or(Ending::Interrupted));
                known.push(entry);
            }
            None => lost.push((call, track.first)),
        }
        if known.len() >= REBUILD_BATCH {
            index.put(tenant, &known, None).await?;
            known.clear();
        }
    }
    for (call, track) in tracks {
        if let Some(entry) = index.get(tenant, call).await?
            && entry.outcome.is_some()
        {
            tracing::error!(%tenant, %call, "the end of this call was removed from the log; run `parloir verify`");
            continue;
        }
        let Some((mut entry, keys)) = begun(kms, tenant, call, &track, &mut lost).await? else { continue };
        interrupt(tenant, call, &keys, track.chain, &mut entry, tail)?;
        known.push(entry);
        if known.len() >= REBUILD_BATCH {
            tail.commit()?;
            index.put(tenant, &known, None).await?;
            known.clear();
        }
    }
    tail.commit()?;
    index.put_unindexed(tenant, &lost).await?;
    index.put(tenant, &known, Some(tail.end())).await?;
    Ok(())
}

/// What the index says of a call that began, and the call's keys; `None` where it is erased, or lost: then it is noted.
async fn begun(
    kms: &dyn Kms,
    tenant: &TenantId,
    call: CallId,
    track: &Track,
    lost: &mut Vec<(CallId, Location)>,
) -> Result<Option<(CallEntry, CallKeys)>, JournalError> {
    let Some(chunk) = &track.began else {
        lost.push((call, track.first));
        return Ok(None);
    };
    let keys = match track.keys.open(kms, tenant, call).await {
        Ok(Some(keys)) => keys,
        // What was erased altogether is not in the index either.
        Ok(None) | Err(KeyError::Erased { .. }) => return Ok(None),
        // The wrong keys folder, most likely: nothing may be written that it cannot read.
        Err(error @ (KeyError::Missing { .. } | KeyError::Exposed { .. } | KeyError::Io(_))) => {
            return Err(error.into());
        }
        Err(
            error @ (KeyError::Refused { .. }
            | KeyError::MissingLog { .. }
            | KeyError::NoJournal
            | KeyError::Worn
            | KeyError::TooLarge { .. }
            | KeyError::NotPublished { .. }
            | KeyError::Damaged { .. }
            | KeyError::NoRandomness(_)),
        ) => {
            tracing::error!(%tenant, %call, %error, "a call cannot be indexed; run `parloir verify`");
            lost.push((call, track.first));
            return Ok(None);
        }
    };
    let mut begun = records(chunk, tenant, &keys).unwrap_or_default().into_iter();
    let Some(first) = begun.next() else {
        tracing::error!(%tenant, %call, "a call cannot be indexed; run `parloir verify`");
        lost.push((call, track.first));
        return Ok(None);
    };
    let RecordBody::CallStarted(started) = &first.body else { return Ok(None) };
    let entry = CallEntry::new(call, started, first.at);
    let mut entry = entry.with_unkept(begun.next().as_ref().map(|record| &record.body));
    entry.first = track.first;
    entry.chunks = track.chunks;
    entry.records = track.chain.seq;
    Ok(Some((entry, keys)))
}

fn records(chunk: &[u8], tenant: &TenantId, keys: &CallKeys) -> Result<Vec<Record>, ReadError> {
    let damaged = |chunk::Bad(what)| ReadError::Io(what.to_owned());
    let (header, trace, content) = Header::parse(chunk).map_err(damaged)?;
    let raw = header.open(tenant, keys, trace, content).map_err(damaged)?;
    raw.into_iter().map(|raw| Ok(record::decode(&raw.trace, None)?)).collect()
}

fn last_record(chunk: &[u8], tenant: &TenantId, keys: &CallKeys) -> Option<Record> {
    records(chunk, tenant, keys).ok()?.pop()
}

/// Closes a call that was cut off.
fn interrupt(
    tenant: &TenantId,
    call: CallId,
    keys: &CallKeys,
    mut chain: Chain,
    entry: &mut CallEntry,
    tail: &mut Tail,
) -> Result<(), JournalError> {
    let at = now();
    let reason = "the program stopped during the call".to_owned();
    let body = RecordBody::CallInterrupted(CallInterrupted { reason });
    let mut bytes = Vec::new();
    record::encode(&mut bytes, chain.seq, at, &body).map_err(|error| JournalError::Io(error.to_string()))?;
    let records = [(bytes.as_slice(), [].as_slice())];
    let payload =
        chunk::seal(tenant, call, (&keys.trace, keys.content.as_ref()), &mut chain, &records, true)?;
    tail.append(FrameKind::Chunk, &payload)?;
    entry.outcome = Some(Ending::Interrupted);
    entry.ended_at = Some(at);
    entry.records = chain.seq;
    entry.chunks += 1;
    tracing::warn!(%tenant, %call, "a call that was cut off was closed as interrupted");
    Ok(())
}
