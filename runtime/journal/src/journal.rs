//! The journal of an installation.

use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::sync::Arc;

use parloir_contract::{CallId, TenantId};
use parloir_proof::checkpoint::Submission;
use parloir_proof::note::{Note, PublicKey};
use parloir_store::disk::{Disk, OsDisk, Readers, settle};
use parloir_store::{Kms, Store};
use tokio::sync::{mpsc, oneshot};

use crate::call::now;
use crate::erase::Eraser;
use crate::index::{CallCursor, CallEntry, CallPage, Index};
use crate::key::Purposes;
use crate::queue::Shared;
use crate::read::on_own_thread;
use crate::record::{CallStarted, Record};
use crate::rights::is_of_journal;
use crate::segment::{self, Log, MAX_SEGMENT};
use crate::tlog::{self, Durable, Refused, Running};
use crate::verify::{Scope, VerifyReport};
use crate::writer::Writers;
use crate::{CallJournal, JournalError, Observer, ReadError, RecordingBlock, key, read, recovery, verify};

/// Events that may wait for the index; the writer waits when there are more.
const MAX_EVENTS: usize = 4_096;

/// The least bytes of a segment: the keys of a call stand in two of them at most.
const MIN_SEGMENT: u64 = 4 << 10;

/// The journal of an installation. Clones are the same journal; when the last is dropped, what waits is
/// written and the journal ends.
#[derive(Clone)]
pub struct Journal {
    inner: Arc<Inner>,
}

struct Inner {
    eraser: Eraser,
    /// What is kept for 0 days, by tenant.
    unkept: parking_lot::RwLock<HashMap<TenantId, Purposes>>,
    data: PathBuf,
    disk: Arc<dyn Disk>,
    kms: Arc<dyn Kms>,
    store: Arc<dyn Store>,
    index: Index,
    shared: Arc<Shared>,
    durable: Arc<Durable>,
    ended: tokio::sync::Mutex<Option<oneshot::Receiver<()>>>,
    naming: tokio::sync::Mutex<()>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.stop();
    }
}

impl Journal {
    /// Opens the journal of a data folder, which is made if need be. Before it returns, torn ends are cut,
    /// calls that a crash cut off are closed as interrupted, the index is caught up, and erasures that a crash cut off are
    /// finished.
    pub async fn open(
        data: impl Into<PathBuf>,
        kms: Arc<dyn Kms>,
        store: Arc<dyn Store>,
    ) -> Result<Self, JournalError> {
        Self::open_on(Arc::new(OsDisk), data, kms, store).await
    }

    /// [`Journal::open`] for a copy that is only to be looked at, or not yet to be used: what has to be written to it is, and
    /// none of that is signed. Two signed trees of one log that are not the beginning of one another are a fork.
    pub async fn open_unsigned(
        data: impl Into<PathBuf>,
        kms: Arc<dyn Kms>,
        store: Arc<dyn Store>,
    ) -> Result<Self, JournalError> {
        Self::open_with((Arc::new(OsDisk), data.into()), kms, store, MAX_SEGMENT, false).await
    }

    /// [`Journal::open`] on a disk of one's own: for whoever wants to watch, or to break, what is written.
    pub async fn open_on(
        disk: Arc<dyn Disk>,
        data: impl Into<PathBuf>,
        kms: Arc<dyn Kms>,
        store: Arc<dyn Store>,
    ) -> Result<Self, JournalError> {
        Self::open_sized(disk, data, kms, store, MAX_SEGMENT).await
    }

    /// [`Journal::open_on`] with segments of so many bytes (32 MiB otherwise, 4 KiB at least): what is larger is followed by a
    /// new one.
    pub async fn open_sized(
        disk: Arc<dyn Disk>,
        data: impl Into<PathBuf>,
        kms: Arc<dyn Kms>,
        store: Arc<dyn Store>,
        segment: u64,
    ) -> Result<Self, JournalError> {
        Self::open_with((disk, data.into()), kms, store, segment.max(MIN_SEGMENT), true).await
    }

    async fn open_with(
        (disk, data): (Arc<dyn Disk>, PathBuf),
        kms: Arc<dyn Kms>,
        store: Arc<dyn Store>,
        segment: u64,
        signs: bool,
    ) -> Result<Self, JournalError> {
        let shared = Arc::new(Shared::default());
        let index = Index::new(Arc::clone(&store), Arc::clone(&kms));
        let (opened, wait) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let durable = Arc::new(Durable::default());
        let place = ((Arc::clone(&disk), data.clone()), segment);
        let thread = (place, Arc::clone(&kms), index.clone(), Arc::clone(&shared), Arc::clone(&durable));
        std::thread::Builder::new().name("journal-writer".into()).spawn(move || {
            let (place, kms, index, shared, durable) = thread;
            match begin(place, &kms, &index, shared, (durable, signs)) {
                Ok((writer, log, indexer, lock)) => {
                    if opened.send(Ok(())).is_ok() {
                        writer.run();
                    }
                    // All is signed, and the index has all there was before the folder is free again.
                    log.into_iter().for_each(Running::end);
                    let _stopped_already = indexer.join();
                    drop(lock);
                }
                Err(error) => {
                    let _nobody_waits = opened.send(Err(error));
                }
            }
            drop((kms, index));
            let _nobody_waits = end.send(());
        })?;
        wait.await.map_err(|_| JournalError::Io("its thread stopped while opening".into()))??;
        let ended = tokio::sync::Mutex::new(Some(ended));
        let eraser = Eraser {
            data: data.clone(),
            disk: Arc::clone(&disk),
            kms: Arc::clone(&kms),
            index: index.clone(),
            one: tokio::sync::Mutex::default(),
            rotating: tokio::sync::Mutex::default(),
            opening: tokio::sync::RwLock::default(),
            looks: !signs,
            epochs: Arc::default(),
            rights: tokio::sync::RwLock::default(),
        };
        let unkept = parking_lot::RwLock::default();
        let naming = tokio::sync::Mutex::default();
        let inner = Inner { eraser, unkept, data, disk, kms, store, index, shared, durable, ended, naming };
        let journal = Self { inner: Arc::new(inner) };
        if let Err(error) = journal.resume_erasures().await {
            journal.shutdown().await;
            return Err(error);
        }
        Ok(journal)
    }

    pub(crate) fn eraser(&self) -> &Eraser {
        &self.inner.eraser
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.inner.shared
    }

    /// Keeps something of a tenant's calls for 0 days, from the next call on: its key is never written, so that it can be read
    /// by nobody once the call is over, and the log says so. The trace is always kept: it is what a log is of.
    pub fn keep_nothing_of(&self, tenant: TenantId, purposes: Purposes) {
        let purposes = Purposes { trace: false, ..purposes };
        self.inner.unkept.write().insert(tenant, purposes);
    }

    /// Has every record of the calls that begin from now on seen by an observer, without its content; not the journal's own
    /// short calls. There is one: a second is given back.
    pub fn observe(&self, observer: Arc<dyn Observer>) -> Result<(), Arc<dyn Observer>> {
        self.inner.shared.observer.set(observer)
    }

    /// Begins the journal of a call, with [`RecordBody::CallStarted`](crate::RecordBody::CallStarted). The call's keys are made here.
    /// Fails where there is a call of this identifier, where a key cannot be had, or where the journal stopped.
    pub async fn open_call(
        &self,
        tenant: &TenantId,
        call: CallId,
        started: CallStarted,
    ) -> Result<CallJournal, JournalError> {
        let inner = &self.inner;
        let already = || JournalError::AlreadyOpen { tenant: tenant.clone(), call };
        // First: whoever looks into the index before could miss a call that ends meanwhile.
        let Some(mut named) = inner.shared.name(tenant, call) else { return Err(already()) };
        if inner.index.get(tenant, call).await?.is_some() {
            return Err(already());
        }
        // What the journal itself has to say is kept whatever the tenant keeps of its callers.
        let unkept = match is_of_journal(&started.transport) {
            true => Purposes::default(),
            false => inner.unkept.read().get(tenant).copied().unwrap_or_default(),
        };
        // No epoch is closed until the writer knows of the keys that were wrapped in it.
        let _opening = inner.eraser.opening.read().await;
        let keys = key::make(&*inner.kms, tenant, call, unkept).await?;
        let at = now();
        let entry = CallEntry { unkept, ..CallEntry::new(call, &started, at) };
        let journal = CallJournal::new(tenant.clone(), call, keys, Arc::clone(&inner.shared));
        journal.begin(at, started, unkept)?;
        inner.shared.opened(Arc::clone(journal.shared()), entry)?;
        named.keep();
        Ok(journal)
    }

    /// How many bytes a tenant's log and recordings keep on disk, as far as they are written and not erased: told from memory.
    pub fn kept(&self, tenant: &TenantId) -> u64 {
        self.inner.shared.kept.of(tenant)
    }

    /// Held while a name that no call has is looked for, until a call has it: two who look at once would find the same.
    pub(crate) fn naming(&self) -> &tokio::sync::Mutex<()> {
        &self.inner.naming
    }

    /// Up to `limit` calls of a tenant (at most 1,000), newest first, those that last included. Fails where the index cannot be
    /// read.
    pub async fn calls(
        &self,
        tenant: &TenantId,
        from: Option<&CallCursor>,
        limit: usize,
    ) -> Result<CallPage, JournalError> {
        Ok(self.inner.index.list(tenant, from, limit).await?)
    }

    /// Where [`Journal::calls`] goes on after a call that began then (nanoseconds since 1970-01-01 UTC), whether that is still
    /// there or not: for whoever cannot hold on to a cursor.
    pub async fn after(
        &self,
        tenant: &TenantId,
        started_at: u64,
        call: CallId,
    ) -> Result<CallCursor, JournalError> {
        Ok(self.inner.index.after(tenant, started_at, call).await?)
    }

    /// What is known of a call. `None` where there is no such call; fails where the index cannot be read.
    pub async fn call(&self, tenant: &TenantId, call: CallId) -> Result<Option<CallEntry>, JournalError> {
        Ok(self.inner.index.get(tenant, call).await?)
    }

    /// Whose call this is. For the operator: it looks at every tenant. `None` where it is nobody's; fails where a folder or an
    /// index cannot be read.
    pub async fn find(&self, call: CallId) -> Result<Option<(TenantId, CallEntry)>, JournalError> {
        for tenant in self.tenants().await? {
            if let Some(entry) = self.inner.index.get(&tenant, call).await? {
                return Ok(Some((tenant, entry)));
            }
        }
        Ok(None)
    }

    /// The tenants that have had calls. For the operator. Fails where the data folder cannot be read.
    pub async fn tenants(&self) -> Result<Vec<TenantId>, JournalError> {
        let data = self.inner.data.clone();
        Ok(on_own_thread("journal-read", move || segment::tenants(&data, Log::Journal)).await??)
    }

    /// The records of a call, in order, with their content where its key is there. A call that lasts is read as
    /// far as it is on disk.
    pub async fn records(&self, tenant: &TenantId, call: CallId) -> Result<Vec<Record>, JournalError> {
        let first = self.first(tenant, call).await?;
        Ok(read::read_call(&self.inner.data, &*self.inner.kms, tenant, call, first).await?)
    }

    /// The recording of a call, in order; empty where there is none.
    pub async fn recording(
        &self,
        tenant: &TenantId,
        call: CallId,
    ) -> Result<Vec<RecordingBlock>, JournalError> {
        let first = self.first(tenant, call).await?;
        Ok(read::read_recording(&self.inner.data, &*self.inner.kms, tenant, call, first).await?)
    }

    async fn first(
        &self,
        tenant: &TenantId,
        call: CallId,
    ) -> Result<Option<segment::Location>, JournalError> {
        let no_such_call = || ReadError::NoSuchCall { tenant: tenant.clone(), call };
        let entry = self.inner.index.get(tenant, call).await?.ok_or_else(no_such_call)?;
        Ok(Some(entry.first))
    }

    /// Checks the log on disk against itself and against the index. What is wrong with the log is in the report; fails where
    /// there is none, as the files or keys cannot be read.
    pub async fn verify(&self, scope: Scope) -> Result<VerifyReport, JournalError> {
        let Inner { data, kms, store, .. } = &*self.inner;
        verify::verify(data.clone(), Arc::clone(kms), Some(Arc::clone(store)), scope).await
    }

    /// Returns when all that is on disk now is in a signed checkpoint of its tenant's log, or could not be signed.
    /// Otherwise that happens every few seconds.
    pub async fn publish(&self) {
        let _nobody_signs_any_more = self.inner.durable.publish().await;
    }

    /// The newest signed checkpoint of a tenant's log. `None` where nothing is signed yet; fails where the files cannot be read.
    pub async fn checkpoint(&self, tenant: &TenantId) -> Result<Option<Note>, JournalError> {
        let files = tlog::Files::new(&self.inner.data, tenant);
        Ok(on_own_thread("journal-read", move || tlog::checkpoints(&files)).await??.0)
    }

    /// What to hand to a witness that knows the first `old_size` chunks of a tenant's log. `None` where no checkpoint
    /// covers as many.
    pub async fn submission(
        &self,
        tenant: &TenantId,
        old_size: u64,
    ) -> Result<Option<Submission>, JournalError> {
        let (data, tenant) = (self.inner.data.clone(), tenant.clone());
        on_own_thread("journal-read", move || tlog::submission(&data, &tenant, old_size))
            .await?
            .map_err(|Refused(why)| JournalError::Io(why))
    }

    /// The notes by which the keys of a tenant's log follow one another, the first first. Fails where the files cannot be read.
    pub async fn rotations(&self, tenant: &TenantId) -> Result<Vec<Note>, JournalError> {
        let files = tlog::Files::new(&self.inner.data, tenant);
        let keys = on_own_thread("journal-read", move || files.keys()).await??;
        Ok(keys.map(|(_, notes)| notes).unwrap_or_default())
    }

    /// Puts what witnesses wrote under the checkpoint it is for. Lines of other keys than these are left away.
    /// Returns how many witnesses stand under it now.
    pub async fn cosign(
        &self,
        tenant: &TenantId,
        note: Note,
        witnesses: Vec<PublicKey>,
    ) -> Result<usize, JournalError> {
        let (data, tenant) = (self.inner.data.clone(), tenant.clone());
        let (durable, disk) = (Arc::clone(&self.inner.durable), Arc::clone(&self.inner.disk));
        let files = tlog::Files::on(disk, &data, &tenant);
        let done = on_own_thread("journal-read", move || durable.cosign(&files, &note, &witnesses)).await?;
        Ok(done?)
    }

    /// Makes the next key of a tenant's log, and publishes that it follows the one before. Refused where the log signs
    /// nothing, or where the present key is not published: the next key could not be handed over to, and another
    /// after it would end the chain of keys for good.
    pub async fn rotate_log_key(&self, tenant: &TenantId) -> Result<(), JournalError> {
        let _one_at_a_time = self.eraser().rotating.lock().await;
        let published = self.signer(tenant).await?;
        // Before any key of before goes: how it handed over is known beside the keys.
        self.key_since(tenant).await?;
        self.inner.kms.rotate_log(tenant, &published).await?;
        self.signer(tenant).await?;
        if let Err(error) = self.key_since(tenant).await {
            tracing::warn!(%tenant, %error, "since when the log's next key signs is not noted yet");
        }
        Ok(())
    }

    /// The present key of a tenant's log, where all of its keys are published and it signs.
    async fn signer(&self, tenant: &TenantId) -> Result<[u8; 32], JournalError> {
        let Inner { data, kms, durable, .. } = &*self.inner;
        durable.look_again(tenant);
        self.publish().await;
        let no = |why: &str| JournalError::SignsNothing { tenant: tenant.clone(), why: why.to_owned() };
        if let Some(why) = durable.unsigned(tenant) {
            return Err(no(&why));
        }
        let published = tlog::published_keys(data, tenant).await?;
        let present = kms.log_keys(tenant).await?;
        match (published.last(), present.last()) {
            (Some(published), Some(present)) if published.bytes() == present.public => Ok(present.public),
            (Some(_), _) => Err(no("its present key is not published")),
            (None, _) => Err(no("it has no published key: it begins with the tenant's first call")),
        }
    }

    /// Closes calls that last as interrupted, writes what waits, and frees the folder.
    pub async fn shutdown(&self) {
        self.inner.shared.stop();
        if let Some(ended) = self.inner.ended.lock().await.take() {
            let _ended_already = ended.await;
        }
    }
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Journal({})", self.inner.data.display())
    }
}

type Begun = (Writers, Option<Running>, std::thread::JoinHandle<()>, File);

/// Makes everything ready, on the writer's thread.
fn begin(
    ((disk, data), segment): ((Arc<dyn Disk>, PathBuf), u64),
    kms: &Arc<dyn Kms>,
    index: &Index,
    shared: Arc<Shared>,
    (durable, signs): (Arc<Durable>, bool),
) -> Result<Begun, JournalError> {
    let folder = data.join(Log::Journal.name());
    disk.make_folder(&folder, Readers::Anyone)?;
    settle(&*disk, &folder, 2)?;
    let lock = File::options().create(true).truncate(false).write(true).open(data.join("journal.lock"))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(JournalError::InUse(data.display().to_string()));
        }
        Err(TryLockError::Error(error)) => return Err(error.into()),
    }
    segment::refuse_others(&data)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut tails = runtime.block_on(recovery::recover((&disk, segment), &data, &**kms, index))?;
    // No call waits for a copy that is only looked at.
    shared.kept.add_up(&*disk, &data, !signs)?;
    for tail in tails.values_mut() {
        // What was written until now is in there.
        let _added_up = tail.grown();
    }
    let (events, waiting) = mpsc::channel(MAX_EVENTS);
    let (index, calls) = (index.clone(), Arc::clone(&shared));
    let indexer = std::thread::Builder::new().name("journal-index".into()).spawn(move || {
        if let Err(error) = index.run(waiting, |tenant, call| calls.unname(tenant, call)) {
            tracing::error!(%error, "the index of calls stopped; the next start catches up");
        }
    })?;
    // A log whose journal is gone altogether has to be told so, too.
    for tenant in tlog::tenants(&data)? {
        durable.reached(&tenant, segment::Location::default());
    }
    for ((tenant, log), tail) in &tails {
        if *log == Log::Journal {
            durable.reached(tenant, tail.end());
        }
    }
    let place = (disk, data);
    let log = match signs {
        true => Some(Running::start(place.clone(), Arc::clone(kms), Arc::clone(&durable))?),
        false => {
            durable.end();
            None
        }
    };
    Ok((Writers::new(shared, (place, segment), tails, events, durable)?, log, indexer, lock))
}
