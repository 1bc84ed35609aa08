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
//! 5. rows of the tenant's storage lose their keys, and are deleted; and where a trace went, or content of which the index
//!    has numbers, the index of calls is sealed anew without it;
//! 6. it is noted beside the keys that this was erased, what is noted there of records that named somebody goes, and the note of
//!    step 1 is destroyed.
//!
//! What is put back from a back-up of before is erased again at the next start: its keys are gone already, and step 6's note
//! says what to blank.

mod blank;
mod keys;
mod mark;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use parloir_contract::{CallId, TenantId};
use parloir_store::disk::Disk;
use parloir_store::keys::{Gone, KeyError, Life, Row, Rows};
use parloir_store::{Address, Kms, Memo, Table};
use serde::{Deserialize, Serialize};
use tokio::sync::RwLock;

use crate::call::now;
use crate::index::Index;
use crate::key::Purposes;
use crate::record::{Ending, Erased, RecordBody, Requested};
use crate::segment::Location;
use crate::{Journal, JournalError, ReadError, came_back, holds, memo, rights};
pub(crate) use mark::{MARKER, marked};

/// What the calls are called that hold the records of erasures: their transport, and their agent.
pub const ERASURE: &str = "erasure";
/// Calls that one record of an erasure names.
const CALLS_OF_RECORD: usize = 10_000;

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
    /// The life of the index of calls that ends with it: a trace goes, and with it what is known of its call without reading; or
    /// the content of a call goes, and with it the numbers that were in it.
    index: Option<u32>,
    reason: Option<String>,
    /// Where the first of its calls begins.
    from: Location,
    /// The segments in which the keys of its calls are.
    keys: BTreeSet<u32>,
    /// The epochs in which those were wrapped: known also where the data that it is finished on is older than its calls.
    #[serde(default)]
    epochs: BTreeSet<u32>,
}

/// Rows as they were found when the erasure was noted: it is these that are erased, however often that is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum StoredRows {
    At { address: Vec<u8>, life: (u32, u16), nonce: [u8; 12] },
    Of { table: u8, upto: u32 },
}

impl From<&Gone> for StoredRows {
    fn from(gone: &Gone) -> Self {
        match gone {
            Gone::At(Row { address, life, nonce }) => {
                Self::At { address: address.as_bytes().to_vec(), life: (life.table, life.own), nonce: *nonce }
            }
            Gone::Of { table, upto } => Self::Of { table: table.byte(), upto: *upto },
        }
    }
}

impl StoredRows {
    fn gone(&self) -> Option<Gone> {
        match self {
            Self::At { address, life: (table, own), nonce } => {
                let address = Address::from_bytes(address.clone()).ok()?;
                Some(Gone::At(Row { address, life: Life { table: *table, own: *own }, nonce: *nonce }))
            }
            Self::Of { table, upto } => Table::from_byte(*table).map(|table| Gone::Of { table, upto: *upto }),
        }
    }
}

fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, JournalError> {
    memo::seal(value)
}

fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, JournalError> {
    memo::open(bytes, "a note of an erasure")
}

/// The erasures of a tenant, the first first. From the keys folder alone. Fails where what is noted of them cannot be read.
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

/// In which epochs the keys were wrapped that are in a finished segment.
type Epochs = HashMap<(TenantId, u32), BTreeSet<u32>>;

/// What an erasure is carried out with.
pub(crate) struct Eraser {
    pub(crate) data: PathBuf,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) kms: Arc<dyn Kms>,
    pub(crate) index: Index,
    /// One erasure at a time.
    pub(crate) one: tokio::sync::Mutex<()>,
    /// Held by whoever makes or rotates a log's key, or notes something of them; after `one`, by whoever holds both.
    pub(crate) rotating: tokio::sync::Mutex<()>,
    /// Held by whoever makes the keys of a call, until the writer knows the call; and by whoever closes an epoch, alone.
    pub(crate) opening: RwLock<()>,
    /// Whether this is a copy that is only looked at, whose keys are others' to destroy.
    pub(crate) looks: bool,
    /// Of segments that are as they will be: the epochs in which the keys in them were wrapped.
    pub(crate) epochs: Arc<Mutex<Epochs>>,
    /// What persons asked for, as it is beside the keys.
    pub(crate) rights: rights::Known,
}

impl Journal {
    /// Erases calls, and rows of the tenant's storage. When it returns, nothing of that can be read any more, here and in
    /// every back-up that holds no keys. What was erased already is left as it is. Where it is cut off, or fails, the next
    /// erasure of the tenant or the next start finishes it first.
    pub async fn erase(&self, tenant: &TenantId, erasure: Erasure) -> Result<ErasureReport, JournalError> {
        let _one_at_a_time = self.eraser().one.lock().await;
        self.erase_alone(tenant, erasure).await
    }

    /// The same for what was chosen when these were all that were held. Where another is held by now, nothing of it is erased:
    /// what was chosen may be that call, or rows that stay as they are beside it.
    ///
    /// # Errors
    /// As [`Journal::erase`]; and where another is held.
    pub async fn erase_unless_held(
        &self,
        tenant: &TenantId,
        erasure: Erasure,
        known: &HashSet<CallId>,
    ) -> Result<ErasureReport, JournalError> {
        // Nobody holds or releases a call meanwhile.
        let _one_at_a_time = self.eraser().one.lock().await;
        let all = holds(&*self.eraser().kms, tenant).await?;
        if let Some(hold) = all.into_iter().find(|hold| !known.contains(&hold.call)) {
            let why = "it was held while what is to be erased was looked for: nothing more was erased. Erase once more; what is held stays";
            return Err(JournalError::NotErasable {
                tenant: tenant.clone(),
                call: hold.call,
                why: why.to_owned(),
            });
        }
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
        self.check(tenant, &intent).await?;
        self.eraser().kms.remember(tenant, Memo::Erasing, Some(encode(&intent)?)).await?;
        self.carry_out(tenant, &intent).await
    }

    /// Refuses what could not be brought to its end, while nothing of it is noted: what is noted is done, and whatever keeps it
    /// from being done would keep the journal from being opened.
    async fn check(&self, tenant: &TenantId, intent: &Intent) -> Result<(), JournalError> {
        let Eraser { kms, looks, .. } = self.eraser();
        let mut notes = erasures(&**kms, tenant).await?;
        notes.push(intent.note.clone());
        let rows: Vec<Gone> = match *looks {
            // No key goes.
            true => Vec::new(),
            false => intent.rows.iter().filter_map(StoredRows::gone).collect(),
        };
        Ok(kms.check_erasure(tenant, &rows, encode(&notes)?.len()).await?)
    }

    /// Finishes what a stop cut off, and erases again what was put back from a back-up.
    pub(crate) async fn resume_erasures(&self) -> Result<(), JournalError> {
        for tenant in self.tenants().await? {
            let _one_at_a_time = self.eraser().one.lock().await;
            match self.finish_cut_off(&tenant).await {
                Err(error @ JournalError::CameBack { .. }) => {
                    tracing::error!(%tenant, %error, "an erasure that was cut off waits");
                }
                done => done?,
            }
            self.erase_again(&tenant).await?;
        }
        Ok(())
    }

    /// Finishes what was cut off, for whoever has seen to it that nobody else erases.
    pub(crate) async fn finish(&self, tenant: &TenantId) -> Result<(), JournalError> {
        self.finish_cut_off(tenant).await?;
        self.erase_again(tenant).await
    }

    async fn finish_cut_off(&self, tenant: &TenantId) -> Result<(), JournalError> {
        let Eraser { data, kms, .. } = self.eraser();
        let Some(bytes) = kms.recall(tenant, Memo::Erasing).await? else {
            // What a crash left of one that was finished.
            return Ok(kms.remember(tenant, Memo::Erasing, None).await?);
        };
        let intent: Intent = decode(&bytes)?;
        if !intent.note.calls.is_empty() {
            came_back::refuse(data)?;
        }
        tracing::warn!(%tenant, "an erasure that was cut off is finished");
        self.carry_out(tenant, &intent).await.map(drop)
    }

    /// Erases again what is here from a back-up. No key is needed for that, and none goes.
    async fn erase_again(&self, tenant: &TenantId) -> Result<(), JournalError> {
        let Eraser { data, kms, .. } = self.eraser();
        let (notes, marked) = (erasures(&**kms, tenant).await?, marked(data, tenant)?);
        if let Some(bytes) = kms.recall(tenant, Memo::Erasing).await? {
            // It waits, and this data was through it when it was only looked at: so it was through those before.
            let under_way: Intent = decode(&bytes)?;
            if marked.last == Some(under_way.note.record) {
                return Ok(());
            }
        }
        let missing = notes.get(marked.of(&notes)..).unwrap_or_default();
        if missing.is_empty() {
            return Ok(());
        }
        let count = missing.len();
        tracing::warn!(%tenant, count, "what was erased before is here again, from a back-up: it is erased again");
        for note in missing {
            self.record(tenant, note, 0, None).await?;
        }
        let rolled = self.shared().roll(tenant).await?;
        let gone = erased(missing);
        self.blank(tenant, &gone, 0, &rolled).await?;
        let traces = gone.iter().filter(|(_, purposes)| purposes.trace).map(|(call, _)| *call).collect();
        self.eraser().index.unlist(tenant, &traces).await?;
        self.mark(tenant, &notes).await
    }

    /// What has to be done; `None` for nothing.
    async fn intent(&self, tenant: &TenantId, erasure: Erasure) -> Result<Option<Intent>, JournalError> {
        let Eraser { data, kms, index, .. } = self.eraser();
        let Erasure { calls, purposes, rows, requested, reason } = erasure;
        let mut gone = erased(&erasures(&**kms, tenant).await?);
        let held: HashSet<CallId> = holds(&**kms, tenant).await?.into_iter().map(|hold| hold.call).collect();
        let (mut wanted, mut from, mut keys) = (Vec::new(), None::<Location>, BTreeSet::new());
        let mut has_numbers = false;
        let told = self.rights(tenant).await?;
        let mut amendments = match purposes.content || purposes.trace {
            // What was put right of a call goes with it.
            true => told.amendments_of(&calls),
            false => Vec::new(),
        };
        // But what is held stays, and keeps nothing else from going.
        amendments.retain(|amendment| !held.contains(amendment));
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
                return Err(not_now("it is held. `parloir hold CALL --why WORDS --release` releases it"));
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
            has_numbers |= entry.has_numbers();
            from = Some(from.map_or(entry.first, |from| from.min(entry.first)));
            // A call's keys stand together; a segment may end between them.
            keys.extend([entry.first.segment, entry.first.segment.saturating_add(1)]);
            wanted.push(call);
        }
        if wanted.is_empty() && rows.is_empty() {
            return Ok(None);
        }
        if !wanted.is_empty() {
            came_back::refuse(data)?;
        }
        let mut record = [0; 16];
        getrandom::fill(&mut record).map_err(|error| KeyError::NoRandomness(error.to_string()))?;
        let (record, at) = (CallId::from_bytes(record), now());
        let store = index.tenant(tenant).await?;
        let without_traces = purposes.trace && !wanted.is_empty();
        let note = ErasureNote { record, at, calls: wanted, purposes, requested };
        let epochs = self.epochs(tenant, &note, &keys).await?;
        let rows = store.gone(&rows).iter().map(StoredRows::from).collect();
        let without_numbers = purposes.content && has_numbers;
        let index = (without_traces || without_numbers).then(|| store.life(Table::Calls));
        Ok(Some(Intent { note, rows, index, reason, from: from.unwrap_or_default(), keys, epochs }))
    }

    async fn carry_out(&self, tenant: &TenantId, intent: &Intent) -> Result<ErasureReport, JournalError> {
        let Eraser { data, kms, index, looks, .. } = self.eraser();
        let Intent { note, rows, reason, .. } = intent;
        let record = self.record(tenant, note, rows.len(), reason.as_deref()).await?;
        let (rolled, epochs, survivors) = self.keys(tenant, intent).await?;
        let gone = erased(std::slice::from_ref(note));
        let (chunks, blocks) = self.blank(tenant, &gone, intent.from.segment, &rolled).await?;
        let rows: Vec<Gone> = rows.iter().filter_map(StoredRows::gone).collect();
        let rows = match rows.as_slice() {
            [] => 0,
            // What was written at an address since the row was found is not in a copy: all there is of it there is from before.
            rows if *looks => index.tenant(tenant).await?.forget(rows).await?,
            rows => index.tenant(tenant).await?.erase(&**kms, rows).await?,
        };
        if let Some(upto) = intent.index {
            // A copy that was looked at while this was under way has an index of its own, made from the log: all of that goes.
            let looked_at = marked(data, tenant)?.count > erasures(&**kms, tenant).await?.len();
            let life = index.tenant(tenant).await?.life(Table::Calls);
            let upto = if looked_at { upto.max(life) } else { upto };
            let calls = note.calls.iter().copied().collect();
            index.forget(tenant, &calls, upto, note.purposes.trace).await?;
        }
        let mut notes = erasures(&**kms, tenant).await?;
        if !notes.iter().any(|known| known.record == note.record) {
            notes.push(note.clone());
            kms.remember(tenant, Memo::Erased, Some(encode(&notes)?)).await?;
        }
        self.let_go(tenant, &erased(&notes)).await?;
        self.mark(tenant, &notes).await?;
        kms.remember(tenant, Memo::Erasing, None).await?;
        let calls = note.calls.len() as u64;
        tracing::info!(%tenant, calls, chunks, blocks, rows, epochs, survivors, "erased");
        Ok(ErasureReport { calls, chunks, blocks, rows, epochs, survivors, record: Some(record) })
    }

    /// Step 2. Its call may have been cut off before: then another of a name that follows from the first is made.
    async fn record(
        &self,
        tenant: &TenantId,
        note: &ErasureNote,
        rows: usize,
        reason: Option<&str>,
    ) -> Result<CallId, JournalError> {
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
                            rows: u32::try_from(rows).unwrap_or(u32::MAX),
                            reason: reason.map(ToOwned::to_owned),
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
}
