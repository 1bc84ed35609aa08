//! Reading a call back.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use parloir_contract::{CallId, TenantId};
use parloir_store::Kms;
use parloir_store::keys::KeyError;
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;

use crate::chunk::{Bad, Chain, Header};
use crate::key::{CallKeys, WrappedKey, WrappedKeys};
use crate::record::{self, RecordBody, RecordingStored};
use crate::recording::Sealed;
use crate::segment::{self, Found, FrameKind, Location, Log, Segment};
use crate::{ReadError, Record, RecordingBlock};

/// A frame, or what is in place of one, with where it is.
pub(crate) struct Place<'a> {
    pub(crate) file: &'a Path,
    pub(crate) location: Location,
    pub(crate) found: Found<'a>,
}

/// Goes through a tenant's log from a location on (its beginning for the default), until told to stop.
/// Returns how many segments and bytes there were.
pub(crate) fn scan(
    data: &Path,
    log: Log,
    tenant: &TenantId,
    from: Location,
    mut each: impl FnMut(Place<'_>) -> ControlFlow<()>,
) -> std::io::Result<(u64, u64)> {
    let folder = log.folder(data, tenant);
    let (mut segments, mut bytes) = (0, 0);
    let mut expected = from.segment.max(1);
    for number in segment::numbers(&folder)?.into_iter().filter(|number| *number >= from.segment) {
        let file = segment::path(&folder, number);
        let bad = |what| Place {
            file: &file,
            location: Location { segment: number, offset: 0 },
            found: Found::Bad { offset: 0, end: 0, what },
        };
        if number != expected && each(bad("the segment before it is missing")).is_break() {
            break;
        }
        expected = number.saturating_add(1);
        let start = if number == from.segment { from.offset } else { 0 };
        let segment = Segment::read(&folder, log, tenant, number, start)?;
        segments += 1;
        bytes += std::fs::metadata(&file)?.len();
        if let Some(what) = segment.wrong_head()
            && each(bad(what)).is_break()
        {
            break;
        }
        for found in segment.frames() {
            let offset = match found {
                Found::Frame { offset, .. } | Found::Bad { offset, .. } => offset,
            };
            let location = Location { segment: number, offset };
            if each(Place { file: &file, location, found }).is_break() {
                return Ok((segments, bytes));
            }
        }
    }
    Ok((segments, bytes))
}

/// Runs something that blocks on a thread of its own.
pub(crate) async fn on_own_thread<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> std::io::Result<T> {
    let (done, wait) = oneshot::channel();
    std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        let _nobody_waits = done.send(work());
    })?;
    wait.await.map_err(|_| std::io::Error::other("a thread of the journal stopped"))
}

/// A chunk as it was found.
pub(crate) struct CollectedChunk {
    file: PathBuf,
    location: Location,
    pub(crate) payload: Vec<u8>,
    /// Whether it says that something of it was erased.
    some_erased: bool,
}

/// One call's frames.
pub(crate) struct Collected {
    pub(crate) keys: WrappedKeys,
    pub(crate) chunks: Vec<CollectedChunk>,
    damage: Option<(PathBuf, u64, &'static str)>,
}

pub(crate) fn collect(
    data: &Path,
    tenant: &TenantId,
    call: CallId,
    from: Location,
) -> std::io::Result<Collected> {
    let mut collected = Collected { keys: WrappedKeys::default(), chunks: Vec::new(), damage: None };
    scan(data, Log::Journal, tenant, from, |place| {
        match place.found {
            Found::Bad { offset, what, .. } => {
                collected.damage.get_or_insert((place.file.to_owned(), offset, what));
            }
            Found::Frame { kind: FrameKind::Key, payload, .. } => {
                if let Some(key) = WrappedKey::parse(payload).filter(|key| key.call == call) {
                    collected.keys.insert(key);
                }
            }
            Found::Frame { kind: kind @ (FrameKind::Chunk | FrameKind::ErasedChunk), payload, .. } => {
                if let Ok((header, _, _)) = Header::parse(payload)
                    && header.call == call
                {
                    collected.chunks.push(CollectedChunk {
                        file: place.file.to_owned(),
                        location: place.location,
                        payload: payload.to_vec(),
                        some_erased: kind == FrameKind::ErasedChunk,
                    });
                    if header.ends {
                        return ControlFlow::Break(());
                    }
                }
            }
            Found::Frame { kind: FrameKind::Recording | FrameKind::ErasedRecording, .. } => {}
        }
        ControlFlow::Continue(())
    })?;
    Ok(collected)
}

/// The records of a call, in order, from the files alone (no store, no running server). Give where the
/// call begins, as [`CallEntry::first`](crate::CallEntry::first) says, to find it quickly. A call that lasts
/// is read as far as it is on disk. What was erased is not there.
pub async fn read_call(
    data: impl Into<PathBuf>,
    kms: &dyn Kms,
    tenant: &TenantId,
    call: CallId,
    from: Option<Location>,
) -> Result<Vec<Record>, ReadError> {
    Ok(open_call(data.into(), kms, tenant, call, from).await?.0)
}

async fn open_call(
    data: PathBuf,
    kms: &dyn Kms,
    tenant: &TenantId,
    call: CallId,
    from: Option<Location>,
) -> Result<(Vec<Record>, CallKeys), ReadError> {
    let name = tenant.clone();
    let collected =
        on_own_thread("journal-read", move || collect(&data, &name, call, from.unwrap_or_default()))
            .await??;
    let no_such_call = || ReadError::NoSuchCall { tenant: tenant.clone(), call };
    if collected.chunks.is_empty() {
        return Err(collected
            .damage
            .map_or_else(no_such_call, |(file, offset, what)| damaged(&file, offset, what)));
    }
    let keys = match collected.keys.open(kms, tenant, call).await {
        Err(KeyError::Erased { .. }) => return Err(ReadError::Erased { tenant: tenant.clone(), call }),
        keys => keys?.ok_or_else(no_such_call)?,
    };
    let tenant = tenant.clone();
    on_own_thread("journal-read", move || {
        let records = decode(&collected, &keys, &tenant)?;
        Ok((records, keys))
    })
    .await?
}

fn damaged(file: &Path, offset: u64, what: &str) -> ReadError {
    ReadError::Damaged { file: file.display().to_string(), offset, what: what.to_owned() }
}

fn decode(collected: &Collected, keys: &CallKeys, tenant: &TenantId) -> Result<Vec<Record>, ReadError> {
    let mut chain = Chain::default();
    let mut records = Vec::new();
    for CollectedChunk { file, location, payload, some_erased } in &collected.chunks {
        let bad = |Bad(what): Bad| damaged(file, location.offset, what);
        let (header, trace, content) = Header::parse(payload).map_err(bad)?;
        follows(&header, &chain).map_err(bad)?;
        let erased = header.check(trace, content, *some_erased).map_err(bad)?;
        if erased.trace {
            return Err(ReadError::Erased { tenant: tenant.clone(), call: header.call });
        }
        chain = header.chain_after();
        for (raw, seq) in
            header.open(tenant, keys, trace, content).map_err(bad)?.into_iter().zip(header.first..)
        {
            let record = record::decode(&raw.trace, raw.content.as_deref())?;
            if record.seq != seq {
                return Err(bad(Bad("a record is not in its place")));
            }
            records.push(record);
        }
    }
    Ok(records)
}

/// Whether a chunk is the next of its chain.
pub(crate) fn follows(header: &Header, chain: &Chain) -> Result<(), Bad> {
    if header.number != chain.next {
        return Err(Bad("a chunk of the call is missing, repeated or out of order"));
    }
    if header.before != chain.before {
        return Err(Bad("the chunk does not follow the one before it"));
    }
    if header.first != chain.seq {
        return Err(Bad("records are missing between two chunks"));
    }
    Ok(())
}

/// The recording of a call, in order, from the files alone. Empty where there is none, or where it was erased.
pub async fn read_recording(
    data: impl Into<PathBuf>,
    kms: &dyn Kms,
    tenant: &TenantId,
    call: CallId,
    from: Option<Location>,
) -> Result<Vec<RecordingBlock>, ReadError> {
    let data = data.into();
    let (records, keys) = open_call(data.clone(), kms, tenant, call, from).await?;
    let stored: Vec<_> = records
        .into_iter()
        .filter_map(|record| {
            let RecordBody::RecordingStored(stored) = record.body else { return None };
            Some(stored)
        })
        .collect();
    let tenant = tenant.clone();
    on_own_thread("journal-read", move || blocks(&data, &tenant, &keys, &stored)).await?
}

fn blocks(
    data: &Path,
    tenant: &TenantId,
    keys: &CallKeys,
    stored: &[RecordingStored],
) -> Result<Vec<RecordingBlock>, ReadError> {
    let Some(key) = &keys.recording else { return Ok(Vec::new()) };
    let folder = Log::Recordings.folder(data, tenant);
    let mut missing: HashMap<[u8; 32], usize> =
        stored.iter().enumerate().map(|(place, stored)| (stored.sha256, place)).collect();
    let mut found: Vec<Option<RecordingBlock>> = vec![None; stored.len()];
    let mut keep = |payload: &[u8], missing: &mut HashMap<[u8; 32], usize>| {
        let hash: [u8; 32] = Sha256::digest(payload).into();
        if let Some(place) = missing.remove(&hash)
            && let Some(slot) = found.get_mut(place)
        {
            *slot = Sealed::parse(payload).and_then(|sealed| sealed.open(key, tenant));
        }
    };
    // Where each was written; and where segments were rewritten since, wherever they are now.
    for stored in stored {
        if let Ok(Some(payload)) = segment::frame_at(&folder, stored.location) {
            keep(&payload, &mut missing);
        }
    }
    if !missing.is_empty() {
        scan(data, Log::Recordings, tenant, Location::default(), |place| {
            if let Found::Frame { payload, .. } = place.found {
                keep(payload, &mut missing);
            }
            if missing.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
    }
    let gone = |stored: &RecordingStored| {
        let file = segment::path(&folder, stored.location.segment);
        damaged(&file, stored.location.offset, "a block of the recording is missing")
    };
    let mut blocks = found
        .into_iter()
        .zip(stored)
        .map(|(block, stored)| block.ok_or_else(|| gone(stored)))
        .collect::<Result<Vec<_>, _>>()?;
    blocks.sort_by_key(|block| block.second);
    Ok(blocks)
}
