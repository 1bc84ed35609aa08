//! Erasure: what becomes unreadable wherever copies of it are, while the log still verifies.
//!
//! What a disk or a back-up holds cannot be taken back; its keys can. An erasure is carried out in steps, each of which may
//! be done twice:
//!
//! 1. a note of what is to be erased is made beside the keys, durably: from here on the erasure will be done, if need be
//!    by the next start;
//! 2. the log gets a record of it ([`RecordBody::Erased`]), in a short call of its own;
//! 3. the epochs in which the keys were wrapped are closed, the keys that are to survive are wrapped anew, and what opened all
//!    of them is destroyed;
//! 4. ciphertexts are blanked in the segments: lengths, places and headers stay, and with them chain, index and log;
//! 5. rows of the tenant's storage lose their keys, and are deleted;
//! 6. it is noted beside the keys that this was erased, and the note of step 1 is destroyed.
//!
//! What is put back from a back-up of before is erased again at the next start: its keys are gone already, and step 6's note
//! says what to blank.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parloir_contract::{CallId, TenantId};
use parloir_store::disk::{Disk, Readers, write_whole};
use parloir_store::keys::{KeyError, Rows};
use parloir_store::{Address, Kms, Memo, Table};
use serde::{Deserialize, Serialize};
use tokio::sync::RwLock;

use crate::call::now;
use crate::index::Index;
use crate::key::{Purposes, WrappedKey};
use crate::read::{on_own_thread, scan};
use crate::record::{Ending, Erased, RecordBody, Requested};
use crate::recording::Sealed;
use crate::segment::{self, Found, FrameKind, Location, Log};
use crate::writer::Rolled;
use crate::{Journal, JournalError, ReadError, chunk, holds, memo, recording, rights};

/// What the calls are called that hold the records of erasures: their transport, and their agent.
pub const ERASURE: &str = "erasure";
/// Calls that one record of an erasure names.
const CALLS_OF_RECORD: usize = 10_000;
const MARKER: &str = "erased";

/// What is to be erased.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Erasure {
    /// Of which calls. Of each, no more than there still is.
    pub calls: Vec<CallId>,
    /// What of them.
    pub purposes: Purposes,
    /// Rows of the tenant's storage, with them.
    pub rows: Vec<Rows>,
    /// What asked for it.
    pub requested: Requested,
    /// Why, in the operator's words: it is sealed as content is.
    pub reason: Option<String>,
}

/// What was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ErasureReport {
    /// Calls.
    pub calls: u64,
    /// Chunks of records that were blanked.
    pub chunks: u64,
    /// Seconds of recording that were blanked.
    pub blocks: u64,
    /// Rows of the tenant's storage that were deleted.
    pub rows: u64,
    /// Epoch keys, or those of their books, that were destroyed.
    pub epochs: u64,
    /// Keys of other calls that were wrapped anew.
    pub survivors: u64,
    /// The call that holds the record of it in the log.
    pub record: Option<CallId>,
}

/// An erasure as it is noted beside the keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureNote {
    /// The call that holds its record, or the first of those that were begun.
    pub record: CallId,
    /// When it was asked for, in nanoseconds since 1970-01-01 UTC.
    pub at: u64,
    /// Of which calls.
    pub calls: Vec<CallId>,
    /// What of them.
    pub purposes: Purposes,
    /// What asked for it.
    pub requested: Requested,
}

/// An erasure that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Intent {
    note: ErasureNote,
    rows: Vec<StoredRows>,
    reason: Option<String>,
    /// Where the first of its calls begins.
    from: Location,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum StoredRows {
    At(Vec<u8>),
    Of(u8),
}

impl From<&Rows> for StoredRows {
    fn from(rows: &Rows) -> Self {
        match rows {
            Rows::At(address) => Self::At(address.as_bytes().to_vec()),
            Rows::Of(table) => Self::Of(table.byte()),
        }
    }
}

impl StoredRows {
    fn rows(&self) -> Option<Rows> {
        match self {
            Self::At(address) => Address::from_bytes(address.clone()).ok().map(Rows::At),
            Self::Of(byte) => Table::from_byte(*byte).map(Rows::Of),
        }
    }
}

fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, JournalError> {
    memo::seal(value)
}

fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, JournalError> {
    memo::open(bytes, "a note of an erasure")
}

/// The erasures of a tenant, the first first. From the keys folder alone.
pub async fn erasures(kms: &dyn Kms, tenant: &TenantId) -> Result<Vec<ErasureNote>, JournalError> {
    match kms.recall(tenant, Memo::Erased).await? {
        Some(bytes) => decode(&bytes),
        None => Ok(Vec::new()),
    }
}

/// What is gone of which calls, as notes say.
pub fn erased(notes: &[ErasureNote]) -> HashMap<CallId, Purposes> {
    let mut gone: HashMap<CallId, Purposes> = HashMap::new();
    for note in notes {
        for call in &note.calls {
            let of_call = gone.entry(*call).or_default();
            *of_call = of_call.or(note.purposes);
        }
    }
    gone
}

/// What an erasure is carried out with.
pub(crate) struct Eraser {
    pub(crate) data: PathBuf,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) kms: Arc<dyn Kms>,
    pub(crate) index: Index,
    /// One erasure at a time.
    pub(crate) one: tokio::sync::Mutex<()>,
    /// Held by whoever makes the keys of a call, until the writer knows the call; and by whoever closes an epoch, alone.
    pub(crate) opening: RwLock<()>,
}

impl Journal {
    /// Erases calls, and rows of the tenant's storage. When it returns, nothing of that can be read any more, here and in
    /// every back-up that holds no keys. What was erased already is left as it is. Where it is cut off, or fails, the next
    /// erasure of the tenant or the next start finishes it first.
    pub async fn erase(&self, tenant: &TenantId, erasure: Erasure) -> Result<ErasureReport, JournalError> {
        let _one_at_a_time = self.eraser().one.lock().await;
        self.erase_alone(tenant, erasure).await
    }

    /// [`Journal::erase`], for whoever has seen to it that nobody else erases.
    pub(crate) async fn erase_alone(
        &self,
        tenant: &TenantId,
        erasure: Erasure,
    ) -> Result<ErasureReport, JournalError> {
        self.finish(tenant).await?;
        let Some(intent) = self.intent(tenant, erasure).await? else { return Ok(ErasureReport::default()) };
        self.eraser().kms.remember(tenant, Memo::Erasing, Some(encode(&intent)?)).await?;
        self.carry_out(tenant, &intent).await
    }

    /// Finishes what a stop cut off, and erases again what was put back from a back-up.
    pub(crate) async fn resume_erasures(&self) -> Result<(), JournalError> {
        for tenant in self.tenants().await? {
            let _one_at_a_time = self.eraser().one.lock().await;
            self.finish(&tenant).await?;
        }
        Ok(())
    }

    /// Finishes what was cut off, for whoever has seen to it that nobody else erases.
    pub(crate) async fn finish(&self, tenant: &TenantId) -> Result<(), JournalError> {
        let Eraser { data, kms, .. } = self.eraser();
        if let Some(bytes) = kms.recall(tenant, Memo::Erasing).await? {
            tracing::warn!(%tenant, "an erasure that was cut off is finished");
            self.carry_out(tenant, &decode(&bytes)?).await?;
        } else {
            // What a crash left of one that was finished.
            kms.remember(tenant, Memo::Erasing, None).await?;
        }
        let notes = erasures(&**kms, tenant).await?;
        let done = marked(data, tenant)?;
        for (count, note) in (1..).zip(notes).skip(done) {
            tracing::warn!(%tenant, record = %note.record, "what was erased before is here again, from a back-up: it is erased again");
            let intent = Intent { note, rows: Vec::new(), reason: None, from: Location::default() };
            self.record(tenant, &intent).await?;
            let rolled = self.shared().roll(tenant).await?;
            self.blank(tenant, &intent, &rolled).await?;
            self.mark(tenant, count).await?;
        }
        Ok(())
    }

    /// What has to be done; `None` for nothing.
    async fn intent(&self, tenant: &TenantId, erasure: Erasure) -> Result<Option<Intent>, JournalError> {
        let Eraser { kms, index, .. } = self.eraser();
        let Erasure { calls, purposes, mut rows, requested, reason } = erasure;
        let mut gone = erased(&erasures(&**kms, tenant).await?);
        let held: HashSet<CallId> = holds(&**kms, tenant).await?.into_iter().map(|hold| hold.call).collect();
        let (mut wanted, mut from) = (Vec::new(), None::<Location>);
        let told = rights(&**kms, tenant).await?;
        let amendments = match purposes.content || purposes.trace {
            // What was put right of a call goes with it.
            true => told.amendments_of(&calls),
            false => Vec::new(),
        };
        for call in calls.into_iter().chain(amendments) {
            let not_now =
                |why: &str| JournalError::NotErasable { tenant: tenant.clone(), call, why: why.to_owned() };
            let before = gone.entry(call).or_default();
            if purposes.without(*before).is_empty() {
                continue;
            }
            *before = before.or(purposes);
            let lasts = || not_now("it lasts. Erase it when it is over");
            // The index is a little behind: it may not know yet of a call that was begun just now.
            if self.shared().open.lock().contains(&(tenant.clone(), call)) {
                return Err(lasts());
            }
            let entry = match index.get(tenant, call).await? {
                Some(entry) => entry,
                // It was cut off before it was in the log, or the data was put back from before: nothing of it is there.
                None if told.holds(call) => continue,
                None => return Err(ReadError::NoSuchCall { tenant: tenant.clone(), call }.into()),
            };
            if held.contains(&call) {
                return Err(not_now("it is held. `parloir hold CALL --release` releases it"));
            }
            if entry.outcome.is_none() {
                return Err(lasts());
            }
            let only_content = entry.names_somebody() && !purposes.trace;
            if entry.is_of_journal() && !entry.is_amendment() && !only_content {
                return Err(not_now(
                    "it is the journal's own record, and all there is to show for what it says",
                ));
            }
            from = Some(from.map_or(entry.first, |from| from.min(entry.first)));
            if purposes.trace {
                let own = index.rows(tenant, &entry).await?;
                rows.extend(own.into_iter().map(Rows::At));
            }
            wanted.push(call);
        }
        if wanted.is_empty() && rows.is_empty() {
            return Ok(None);
        }
        let mut record = [0; 16];
        getrandom::fill(&mut record).map_err(|error| KeyError::NoRandomness(error.to_string()))?;
        let (record, at) = (CallId::from_bytes(record), now());
        let note = ErasureNote { record, at, calls: wanted, purposes, requested };
        let rows = rows.iter().map(StoredRows::from).collect();
        Ok(Some(Intent { note, rows, reason, from: from.unwrap_or_default() }))
    }

    async fn carry_out(&self, tenant: &TenantId, intent: &Intent) -> Result<ErasureReport, JournalError> {
        let Eraser { kms, index, .. } = self.eraser();
        let record = self.record(tenant, intent).await?;
        let (rolled, epochs, survivors) = self.keys(tenant, intent).await?;
        let (chunks, blocks) = self.blank(tenant, intent, &rolled).await?;
        let rows: Vec<Rows> = intent.rows.iter().filter_map(StoredRows::rows).collect();
        let rows = match rows.as_slice() {
            [] => 0,
            rows => index.tenant(tenant).await?.erase(&**kms, rows).await?,
        };
        let mut notes = erasures(&**kms, tenant).await?;
        if !notes.iter().any(|note| note.record == intent.note.record) {
            notes.push(intent.note.clone());
            kms.remember(tenant, Memo::Erased, Some(encode(&notes)?)).await?;
        }
        self.mark(tenant, notes.len()).await?;
        kms.remember(tenant, Memo::Erasing, None).await?;
        let calls = intent.note.calls.len() as u64;
        tracing::info!(%tenant, calls, chunks, blocks, rows, epochs, survivors, "erased");
        Ok(ErasureReport { calls, chunks, blocks, rows, epochs, survivors, record: Some(record) })
    }

    /// Step 2. Its call may have been cut off before: then another of a name that follows from the first is made.
    async fn record(&self, tenant: &TenantId, intent: &Intent) -> Result<CallId, JournalError> {
        let Intent { note, rows, reason, .. } = intent;
        let mut id = *note.record.as_bytes();
        loop {
            let call = CallId::from_bytes(id);
            match self.eraser().index.get(tenant, call).await? {
                Some(entry) if entry.outcome == Some(Ending::Done) => return Ok(call),
                Some(_) => {
                    let [.., last] = &mut id;
                    *last = last.wrapping_add(1);
                }
                None => {
                    let said = |calls: &[CallId]| {
                        RecordBody::Erased(Erased {
                            calls: calls.to_vec(),
                            purposes: note.purposes.iter().collect(),
                            requested: note.requested,
                            rows: u32::try_from(rows.len()).unwrap_or(u32::MAX),
                            reason: reason.clone(),
                        })
                    };
                    let bodies = match note.calls.as_slice() {
                        [] => vec![said(&[])],
                        calls => calls.chunks(CALLS_OF_RECORD).map(said).collect(),
                    };
                    self.tell(tenant, call, ERASURE, bodies).await?;
                    return Ok(call);
                }
            }
        }
    }

    /// Step 3. Returns how many epochs there were, and how many keys survive.
    async fn keys(&self, tenant: &TenantId, intent: &Intent) -> Result<(Rolled, u64, u64), JournalError> {
        let Eraser { data, kms, opening, .. } = self.eraser();
        let calls: HashSet<CallId> = intent.note.calls.iter().copied().collect();
        let goes = |key: &WrappedKey| calls.contains(&key.call) && intent.note.purposes.has(key.purpose);
        let there = wrapped_keys(data, tenant, intent.from).await?;
        let epochs: BTreeSet<u32> =
            there.iter().filter(|key| goes(key)).filter_map(|key| kms.epoch(&key.wrapped)).collect();
        {
            // Whoever wrapped a key in one of these has told the writer of the call; whoever comes now wraps in another.
            let _nobody_opens_a_call = opening.write().await;
            for epoch in &epochs {
                kms.close_epoch(tenant, *epoch).await?;
            }
        }
        let rolled = self.shared().roll(tenant).await?;
        let there = match epochs.is_empty() {
            true => Vec::new(),
            false => wrapped_keys(data, tenant, Location::default()).await?,
        };
        let mut survivors = 0;
        for epoch in &epochs {
            let of_epoch = there.iter().chain(&rolled.live);
            let stay = of_epoch.filter(|key| kms.epoch(&key.wrapped) == Some(*epoch) && !goes(key));
            survivors +=
                kms.destroy_epoch(tenant, *epoch, stay.map(WrappedKey::with_context).collect()).await?;
        }
        Ok((rolled, epochs.len() as u64, survivors))
    }

    /// Step 4. Returns how many chunks and blocks there were.
    async fn blank(
        &self,
        tenant: &TenantId,
        intent: &Intent,
        rolled: &Rolled,
    ) -> Result<(u64, u64), JournalError> {
        let Eraser { data, disk, .. } = self.eraser();
        let calls: HashSet<CallId> = intent.note.calls.iter().copied().collect();
        let (purposes, from) = (intent.note.purposes, intent.from.segment);
        let (data, disk, tenant) = (data.clone(), Arc::clone(disk), tenant.clone());
        let (journal, recordings) = (rolled.journal, rolled.recordings);
        let work = move || {
            let chunk = |kind, payload: &[u8]| match kind {
                FrameKind::Chunk | FrameKind::ErasedChunk => {
                    chunk::Header::parse(payload).ok().filter(|(header, ..)| calls.contains(&header.call))?;
                    Some((FrameKind::ErasedChunk, chunk::blank(payload, purposes)?))
                }
                FrameKind::Key | FrameKind::Recording | FrameKind::ErasedRecording => None,
            };
            let block = |kind, payload: &[u8]| match kind {
                FrameKind::Recording => {
                    Sealed::parse(payload).filter(|sealed| calls.contains(&sealed.call))?;
                    Some((FrameKind::ErasedRecording, recording::blank(payload)))
                }
                FrameKind::Key | FrameKind::Chunk | FrameKind::ErasedChunk | FrameKind::ErasedRecording => {
                    None
                }
            };
            let place = (&*disk, data.as_path(), &tenant);
            let chunks = match purposes.trace || purposes.content {
                true => rewrite(place, Log::Journal, from..journal, chunk)?,
                false => 0,
            };
            let blocks = match purposes.recording {
                true => rewrite(place, Log::Recordings, 0..recordings, block)?,
                false => 0,
            };
            Ok::<_, std::io::Error>((chunks, blocks))
        };
        Ok(on_own_thread("journal-erase", work).await??)
    }

    /// Notes beside the data how many of the tenant's erasures it has been through.
    async fn mark(&self, tenant: &TenantId, count: usize) -> Result<(), JournalError> {
        let Eraser { data, disk, .. } = self.eraser();
        let (path, disk) = (Log::Journal.folder(data, tenant).join(MARKER), Arc::clone(disk));
        let write = move || write_whole(&*disk, &path, format!("{count}\n").as_bytes(), Readers::Owner);
        Ok(on_own_thread("journal-erase", write).await??)
    }
}

/// How many erasures the data has been through: what [`Journal::mark`] noted.
fn marked(data: &Path, tenant: &TenantId) -> Result<usize, JournalError> {
    match fs::read_to_string(Log::Journal.folder(data, tenant).join(MARKER)) {
        // Whatever else it says, doing it again does no harm.
        Ok(text) => Ok(text.trim().parse().unwrap_or(0)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error.into()),
    }
}

/// The wrapped keys that are in a tenant's journal from a place on.
async fn wrapped_keys(
    data: &Path,
    tenant: &TenantId,
    from: Location,
) -> Result<Vec<WrappedKey>, JournalError> {
    let (data, tenant) = (data.to_owned(), tenant.clone());
    let work = move || {
        let mut keys = Vec::new();
        scan(&data, Log::Journal, &tenant, from, |place| {
            if let Found::Frame { kind: FrameKind::Key, payload, .. } = place.found {
                keys.extend(WrappedKey::parse(payload));
            }
            ControlFlow::Continue(())
        })?;
        Ok::<_, std::io::Error>(keys)
    };
    Ok(on_own_thread("journal-erase", work).await??)
}

/// Writes segments anew, with frames changed, each whole and durably in place of the one before. Those that are read meanwhile
/// are read to their end as they were. Returns how many frames were changed.
fn rewrite(
    (disk, data, tenant): (&dyn Disk, &Path, &TenantId),
    log: Log,
    numbers: std::ops::Range<u32>,
    change: impl Fn(FrameKind, &[u8]) -> Option<(FrameKind, Vec<u8>)>,
) -> std::io::Result<u64> {
    let folder = log.folder(data, tenant);
    let mut changed = 0;
    for number in segment::numbers(&folder)?.into_iter().filter(|number| numbers.contains(number)) {
        if let Some((bytes, frames)) = segment::blanked(&folder, (log, tenant, number), &change)? {
            write_whole(disk, &segment::path(&folder, number), &bytes, Readers::Owner)?;
            changed += frames;
        }
    }
    Ok(changed)
}
