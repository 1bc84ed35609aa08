//! The one thread that writes.
//!
//! It takes what waits in the calls' buffers, has it sealed in chunks, appends the chunks to their tenants' logs, makes the
//! logs durable (one `fdatasync` for all that was taken of a log, and several tenants at a time), and then answers those who
//! wait. Recordings are made durable before the records that name them.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use parloir_contract::{CallId, TenantId};
use parloir_store::disk::Disk;
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, oneshot};

use crate::call::{CallShared, State, Waiter, now};
use crate::chunk::Chain;
use crate::commits::{Commit, Committers};
use crate::index::{CallEntry, IndexEvent};
use crate::key::WrappedKey;
use crate::observe::Observer;
use crate::record::{CallInterrupted, Ending, RecordBody, RecordingStored};
use crate::recording;
use crate::sealing::{self, Sealed, Sealers, Unsealed};
use crate::segment::{FrameKind, Location, Log, Tail};
use crate::tails::{Name, Tails, Taken as TakenTail};
use crate::tlog::Durable;
use crate::{AppendError, JournalError};

/// Groups begin at least this far apart.
const GROUP_LEAST: Duration = Duration::from_millis(1);
/// Groups need begin no further apart than this.
const GROUP_MOST: Duration = Duration::from_millis(2);
/// How often calls are looked at that nobody waits for.
const TICK: Duration = Duration::from_millis(100);
/// A record waits no longer than this, and a tick.
const PATIENCE: Duration = Duration::from_millis(850);
/// Files kept open.
const MAX_OPEN: usize = 512;
/// What a call's buffer keeps of its room when it is empty, in bytes.
const KEPT_ROOM: usize = 16 << 10;

/// What the calls and the writer share.
#[derive(Default)]
pub(crate) struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    /// The calls that are not closed, or not in the index yet as closed: their names are nobody else's.
    pub(crate) open: Mutex<HashSet<(TenantId, CallId)>>,
    /// Who is told of what is appended.
    pub(crate) observer: OnceLock<Arc<dyn Observer>>,
}

#[derive(Default)]
struct Queue {
    ready: Vec<Arc<CallShared>>,
    opened: Vec<(Arc<CallShared>, CallEntry)>,
    rolls: Vec<Roll>,
    stop: bool,
    failed: Option<String>,
}

/// Asks for new segments of a tenant's logs.
pub(crate) struct Roll {
    tenant: TenantId,
    done: oneshot::Sender<Rolled>,
}

/// What nothing is appended to any more.
pub(crate) struct Rolled {
    /// The segment of the journal that is written now: those before it are as they will be.
    pub(crate) journal: u32,
    /// The same of the recordings; 0 where there are none.
    pub(crate) recordings: u32,
    /// The keys of the calls that last, which may not be in a segment yet.
    pub(crate) live: Vec<WrappedKey>,
}

/// A name that was taken for a call. Dropped before [`Named::keep`], it is free again.
pub(crate) struct Named<'a> {
    shared: &'a Shared,
    name: Option<(TenantId, CallId)>,
}

impl Named<'_> {
    /// The call has begun: its name is free when the index has its end.
    pub(crate) fn keep(&mut self) {
        self.name = None;
    }
}

impl Drop for Named<'_> {
    fn drop(&mut self) {
        if let Some(name) = self.name.take() {
            self.shared.open.lock().remove(&name);
        }
    }
}

impl Shared {
    /// Takes a name for a call; `None` where it is another's.
    pub(crate) fn name(&self, tenant: &TenantId, call: CallId) -> Option<Named<'_>> {
        let name = (tenant.clone(), call);
        let is_free = self.open.lock().insert(name.clone());
        // Not made where it is another's: dropped, it would free that one.
        is_free.then(|| Named { shared: self, name: Some(name) })
    }

    /// The index has the end of a call.
    pub(crate) fn unname(&self, tenant: &TenantId, call: CallId) {
        self.open.lock().remove(&(tenant.clone(), call));
    }

    /// Begins new segments of a tenant's logs.
    pub(crate) async fn roll(&self, tenant: &TenantId) -> Result<Rolled, AppendError> {
        let (done, wait) = oneshot::channel();
        {
            let mut queue = self.queue.lock();
            if let Some(why) = &queue.failed {
                return Err(AppendError::Failed(why.clone()));
            }
            queue.rolls.push(Roll { tenant: tenant.clone(), done });
        }
        self.wake.notify_one();
        wait.await.map_err(|_| self.stopped())
    }

    /// Tells the writer that somebody waits for this call.
    pub(crate) fn ready(&self, call: Arc<CallShared>) {
        self.queue.lock().ready.push(call);
        self.wake.notify_one();
    }

    /// Tells the writer of a new call.
    pub(crate) fn opened(&self, call: Arc<CallShared>, entry: CallEntry) -> Result<(), AppendError> {
        let mut queue = self.queue.lock();
        match &queue.failed {
            Some(why) => Err(AppendError::Failed(why.clone())),
            None => {
                queue.opened.push((call, entry));
                self.wake.notify_one();
                Ok(())
            }
        }
    }

    /// Asks the writer to write what waits and end.
    pub(crate) fn stop(&self) {
        self.queue.lock().stop = true;
        self.wake.notify_one();
    }

    /// Why nobody answers.
    pub(crate) fn stopped(&self) -> AppendError {
        let why = self.queue.lock().failed.clone();
        AppendError::Failed(why.unwrap_or_else(|| "it was shut down".into()))
    }
}

/// A call as the writer sees it.
struct Live {
    shared: Arc<CallShared>,
    chain: Chain,
    entry: CallEntry,
}

/// A call of a pass.
struct Taken {
    live: Live,
    /// Whether this is its last.
    ends: bool,
}

/// Work taken from the queue.
struct Work {
    ready: Vec<Arc<CallShared>>,
    rolls: Vec<Roll>,
    stop: bool,
}

/// What is to be said when a group is durable.
#[derive(Default)]
struct Promises {
    waiters: HashMap<TenantId, Vec<Waiter>>,
    events: Vec<IndexEvent>,
    closing: Vec<(CallId, Waiter)>,
}

/// How long after a group of this length began the next one may: of short ones nobody waits long for the next, and of long ones
/// each takes more with it.
fn spacing(took: Duration) -> Duration {
    took.saturating_mul(2).clamp(GROUP_LEAST, GROUP_MOST)
}

impl Promises {
    fn wait(&mut self, tenant: &TenantId, waiters: &mut Vec<Waiter>) {
        if !waiters.is_empty() {
            self.waiters.entry(tenant.clone()).or_default().append(waiters);
        }
    }
}

pub(crate) struct Writer {
    shared: Arc<Shared>,
    disk: Arc<dyn Disk>,
    data: PathBuf,
    tails: Tails,
    live: HashMap<(TenantId, CallId), Live>,
    /// Bytes after which a segment is followed by a new one.
    segment: u64,
    index: mpsc::Sender<IndexEvent>,
    committers: Committers,
    sealers: Sealers,
    ticked: Instant,
    /// When the next group may begin. What comes when nothing is going on does not wait.
    next: Instant,
}

impl Writer {
    /// # Errors
    /// Where the threads that seal cannot be had.
    pub(crate) fn new(
        shared: Arc<Shared>,
        ((disk, data), segment): ((Arc<dyn Disk>, PathBuf), u64),
        tails: HashMap<(TenantId, Log), Tail>,
        index: mpsc::Sender<IndexEvent>,
        durable: Arc<Durable>,
    ) -> std::io::Result<Self> {
        let (live, tails, sealers) = (HashMap::new(), Tails::new(tails), Sealers::start()?);
        let (ticked, next) = (Instant::now(), Instant::now());
        let committers = Committers::new(durable);
        Ok(Self { shared, disk, data, tails, live, segment, index, committers, sealers, ticked, next })
    }

    /// Writes until it is asked to stop, or the disk fails.
    pub(crate) fn run(mut self) {
        loop {
            let mut work = self.wait();
            if work.stop {
                work.ready = self.interrupt_all();
            }
            let last = work.stop;
            let mut promises = Promises::default();
            let written = self.group(work.ready, &mut promises);
            let rolled = written.and_then(|()| work.rolls.into_iter().try_for_each(|roll| self.roll(roll)));
            if let Err(error) = rolled {
                self.fail(&error.to_string(), promises);
                return;
            }
            if last {
                self.refuse_all("it was shut down");
                return;
            }
        }
    }

    /// Waits until there is something to do and the last group is long enough ago.
    fn wait(&mut self) -> Work {
        let mut work = {
            let mut queue = self.shared.queue.lock();
            loop {
                let now = Instant::now();
                let tick = self.ticked + TICK;
                let group = self.next;
                let idle = self.live.is_empty() && queue.opened.is_empty();
                let asked = queue.stop || !queue.rolls.is_empty();
                if asked || (!queue.ready.is_empty() && now >= group) || (!idle && now >= tick) {
                    break;
                }
                if !queue.ready.is_empty() {
                    self.shared.wake.wait_until(&mut queue, group);
                } else if idle {
                    self.shared.wake.wait(&mut queue);
                } else {
                    self.shared.wake.wait_until(&mut queue, tick);
                }
            }
            for (shared, entry) in queue.opened.drain(..) {
                let name = (shared.tenant.clone(), shared.call);
                self.live.insert(name, Live { shared, chain: Chain::default(), entry });
            }
            let (ready, rolls) = (std::mem::take(&mut queue.ready), std::mem::take(&mut queue.rolls));
            Work { ready, rolls, stop: queue.stop }
        };
        let now = Instant::now();
        if now >= self.ticked + TICK {
            self.ticked = now;
            let aged = self.live.values().filter(|live| {
                let buffer = live.shared.buffer.lock();
                let old = buffer.since.is_some_and(|since| now.duration_since(since) >= PATIENCE);
                !buffer.queued && (old || !buffer.blocks.is_empty())
            });
            work.ready.extend(aged.map(|live| Arc::clone(&live.shared)));
        }
        work
    }

    /// Begins new segments of a tenant's logs.
    fn roll(&mut self, roll: Roll) -> Result<(), JournalError> {
        let Roll { tenant, done } = roll;
        self.commit_journal(&tenant)?;
        let journal = self.tail(&tenant, Log::Journal)?.roll()?;
        let recordings = if Log::Recordings.folder(&self.data, &tenant).is_dir() {
            self.tail(&tenant, Log::Recordings)?.roll()?
        } else {
            0
        };
        let of_tenant = self.live.iter().filter(|((owner, _), _)| *owner == tenant);
        let live = of_tenant.flat_map(|(_, live)| live.shared.wrapped.clone()).collect();
        let _nobody_waits = done.send(Rolled { journal, recordings, live });
        Ok(())
    }

    /// Every live call, with its end.
    fn interrupt_all(&mut self) -> Vec<Arc<CallShared>> {
        let mut calls = Vec::with_capacity(self.live.len());
        for live in self.live.values() {
            let mut buffer = live.shared.buffer.lock();
            if buffer.state == State::Open {
                let reason = "the program was stopped".to_owned();
                buffer.state = State::Closing;
                buffer.ending = Some(RecordBody::CallInterrupted(CallInterrupted { reason }));
            }
            calls.push(Arc::clone(&live.shared));
        }
        calls
    }

    /// Seals and writes what waits in these calls.
    fn group(&mut self, calls: Vec<Arc<CallShared>>, promises: &mut Promises) -> Result<(), JournalError> {
        if calls.is_empty() {
            return Ok(());
        }
        let begun = Instant::now();
        let mut taken = Vec::with_capacity(calls.len());
        let passed = self.pass(calls, &mut taken, promises);
        for Taken { live, .. } in taken {
            if live.entry.ended_at.is_none() {
                self.live.insert((live.shared.tenant.clone(), live.shared.call), live);
            }
        }
        passed?;
        let commits = self.commits(promises);
        for Commit { logs, .. } in self.committers.carry_out(commits)? {
            for (name, tail) in logs {
                self.tails.put_back(name, tail);
            }
        }
        // Whose waited for what was durable already.
        for waiter in std::mem::take(&mut promises.waiters).into_values().flatten() {
            let _nobody_waits = waiter.send(Ok(()));
        }
        for mut event in promises.events.drain(..) {
            if let IndexEvent::Closed { entry, waiter, .. } = &mut event
                && let Some(place) = promises.closing.iter().position(|(call, _)| *call == entry.call)
            {
                *waiter = Some(promises.closing.swap_remove(place).1);
            }
            if let Err(lost) = self.index.blocking_send(event) {
                // The index can be rebuilt; those who wait must not be told that it stands.
                tracing::error!("the journal's index stopped; it will be rebuilt at the next start");
                lost.0.refuse("its index stopped");
            }
        }
        self.tails.close_beyond(MAX_OPEN);
        self.next = begun + spacing(begun.elapsed());
        Ok(())
    }

    /// What is pending of each tenant, with those who wait for it.
    fn commits(&mut self, promises: &mut Promises) -> Vec<Commit> {
        let mut of: HashMap<TenantId, Vec<(Name, TakenTail)>> = HashMap::new();
        for (name, tail) in self.tails.take_out(Tail::is_pending) {
            of.entry(name.0.clone()).or_default().push((name, tail));
        }
        let with_waiters = of.into_iter().map(|(tenant, mut logs)| {
            logs.sort_by_key(|((_, log), _)| *log == Log::Journal);
            let waiters = promises.waiters.remove(&tenant).unwrap_or_default();
            Commit { tenant, logs, waiters }
        });
        with_waiters.collect()
    }

    /// Seals and appends what waits in these calls, which are taken out of those that live for as long.
    fn pass(
        &mut self,
        calls: Vec<Arc<CallShared>>,
        taken: &mut Vec<Taken>,
        promises: &mut Promises,
    ) -> Result<(), JournalError> {
        let mut unsealed = Vec::with_capacity(calls.len());
        for call in calls {
            let name = (call.tenant.clone(), call.call);
            let Some(live) = self.live.remove(&name) else {
                if taken.iter().any(|taken| Arc::ptr_eq(&taken.live.shared, &call)) {
                    // A second time in one pass: what came since is for the next.
                    self.shared.ready(call);
                } else {
                    // It ended in an earlier group.
                    promises.wait(&call.tenant, &mut call.buffer.lock().waiters);
                }
                continue;
            };
            taken.push(Taken { live, ends: false });
            if let Some(Taken { live, ends }) = taken.last_mut() {
                let (bytes, last) = self.take(&call, live, promises)?;
                *ends = last;
                unsealed.push(Unsealed { call, chain: live.chain, bytes, ends: last });
            }
        }
        let sealed = self.sealers.seal(unsealed);
        if sealed.len() != taken.len() {
            return Err(std::io::Error::other("a thread that seals broke down").into());
        }
        for (Taken { live, ends }, sealed) in taken.iter_mut().zip(sealed) {
            self.append_sealed(live, sealed?, *ends, promises)?;
        }
        Ok(())
    }

    /// Takes what waits in one call: its records, and whether they are its last.
    fn take(
        &mut self,
        call: &Arc<CallShared>,
        live: &mut Live,
        promises: &mut Promises,
    ) -> Result<(Vec<u8>, bool), JournalError> {
        self.before_blocks(call, live, promises)?;
        let stored = self.blocks(call)?;
        let seconds = u32::try_from(stored.len()).unwrap_or(u32::MAX);
        live.entry.recorded = Some(live.entry.recorded.unwrap_or(0).saturating_add(seconds));
        let (bytes, closed, ends) = {
            let mut buffer = call.buffer.lock();
            for stored in stored {
                buffer.push(RecordBody::RecordingStored(stored))?;
            }
            let ends = buffer.ending.is_some();
            if let Some(ending) = buffer.ending.take() {
                live.entry.outcome = Some(ending.ending().unwrap_or(Ending::Interrupted));
                if let Err(error) = buffer.push(ending) {
                    // Only the content can be too large: the trace of an end is short.
                    tracing::warn!(%error, "a call's end was written without its reason");
                    let reason = error.to_string();
                    buffer.push(RecordBody::CallInterrupted(CallInterrupted { reason }))?;
                }
                buffer.state = State::Closed;
            }
            buffer.queued = false;
            buffer.since = None;
            buffer.count = 0;
            promises.wait(&call.tenant, &mut buffer.waiters);
            (std::mem::take(&mut buffer.bytes), buffer.closed.take(), ends)
        };
        call.taken.notify_waiters();
        // Those who wait for the end are told by the index, or by whatever fails before.
        promises.closing.extend(closed.map(|closed| (call.call, closed)));
        Ok((bytes, ends))
    }

    /// Makes a call's beginning durable before its first block of recording: otherwise a power cut could leave a block of
    /// a call that nothing is known of.
    fn before_blocks(
        &mut self,
        call: &Arc<CallShared>,
        live: &mut Live,
        promises: &mut Promises,
    ) -> Result<(), JournalError> {
        let bytes = {
            let mut buffer = call.buffer.lock();
            if live.chain.next > 0 || buffer.blocks.is_empty() {
                return Ok(());
            }
            buffer.count = 0;
            std::mem::take(&mut buffer.bytes)
        };
        let (call, chain) = (Arc::clone(call), live.chain);
        let sealed = sealing::seal(Unsealed { call, chain, bytes, ends: false })?;
        self.append_sealed(live, sealed, false, promises)?;
        self.commit_journal(&live.shared.tenant)
    }

    /// Makes what waits of a tenant's journal durable in the middle of a pass. Records name blocks of recordings, of other
    /// calls too: those are durable first.
    fn commit_journal(&mut self, tenant: &TenantId) -> Result<(), JournalError> {
        if let Some(recordings) = self.tails.get_open(&(tenant.clone(), Log::Recordings)) {
            recordings.commit()?;
        }
        self.tail(tenant, Log::Journal)?.commit()?;
        Ok(())
    }

    /// Seals and appends the blocks of recording that wait.
    fn blocks(&mut self, call: &Arc<CallShared>) -> Result<Vec<RecordingStored>, JournalError> {
        let blocks = std::mem::take(&mut call.buffer.lock().blocks);
        let mut stored = Vec::with_capacity(blocks.len());
        let Some(key) = &call.keys.recording else { return Ok(stored) };
        for block in blocks {
            let second = block.second;
            let payload = recording::seal(key, &call.tenant, call.call, block)?;
            let sha256 = Sha256::digest(&payload).into();
            let location =
                self.tail(&call.tenant, Log::Recordings)?.append(FrameKind::Recording, &payload)?;
            stored.push(RecordingStored { second, sha256, location });
        }
        Ok(stored)
    }

    /// Appends chunks of one call.
    fn append_sealed(
        &mut self,
        live: &mut Live,
        sealed: Sealed,
        ends: bool,
        promises: &mut Promises,
    ) -> Result<(), JournalError> {
        let call = Arc::clone(&live.shared);
        let mut first = live.chain.next == 0;
        live.chain = sealed.chain;
        let mut chunks = sealed.chunks.into_iter().peekable();
        while let Some((payload, records)) = chunks.next() {
            live.entry.records += records as u64;
            live.entry.chunks += 1;
            let begins = std::mem::take(&mut first);
            if begins {
                for (place, key) in call.wrapped.iter().enumerate() {
                    let location = self.append(&call.tenant, FrameKind::Key, &key.payload())?;
                    if place == 0 {
                        live.entry.first = location;
                    }
                }
            }
            self.append(&call.tenant, FrameKind::Chunk, &payload)?;
            let last = ends && chunks.peek().is_none();
            if begins && !last {
                let (tenant, upto) = (call.tenant.clone(), self.tail(&call.tenant, Log::Journal)?.end());
                promises.events.push(IndexEvent::Opened { tenant, entry: live.entry.clone(), upto });
            }
        }
        if ends {
            live.entry.ended_at = Some(now());
            let upto = self.tail(&call.tenant, Log::Journal)?.end();
            let (tenant, entry) = (call.tenant.clone(), live.entry.clone());
            promises.events.push(IndexEvent::Closed { tenant, entry, upto, waiter: None });
        } else if sealed.buffer.capacity() <= KEPT_ROOM {
            let mut buffer = call.buffer.lock();
            if buffer.bytes.capacity() == 0 {
                buffer.bytes = sealed.buffer;
            }
        }
        Ok(())
    }

    /// Appends to a tenant's journal. A segment that is full is ended first, and what waits in it made durable.
    fn append(
        &mut self,
        tenant: &TenantId,
        kind: FrameKind,
        payload: &[u8],
    ) -> Result<Location, JournalError> {
        if self.tail(tenant, Log::Journal)?.is_full() {
            self.commit_journal(tenant)?;
        }
        Ok(self.tail(tenant, Log::Journal)?.append(kind, payload)?)
    }

    fn tail(&mut self, tenant: &TenantId, log: Log) -> Result<&mut Tail, JournalError> {
        let (disk, data, segment) = (&self.disk, &self.data, self.segment);
        Ok(self.tails.get((tenant.clone(), log), |(tenant, log)| {
            let mut tail = Tail::open(disk, data, *log, tenant)?;
            tail.limit(segment);
            Ok(tail)
        })?)
    }

    /// Nothing can be written any more: everybody is told.
    fn fail(&mut self, why: &str, promises: Promises) {
        tracing::error!(why, "the journal cannot be written any more; restart when the disk is well");
        self.refuse_all(why);
        let waiters = promises.waiters.into_values().flatten();
        for waiter in waiters.chain(promises.closing.into_iter().map(|(_, w)| w)) {
            let _nobody_waits = waiter.send(Err(AppendError::Failed(why.to_owned())));
        }
    }

    fn refuse_all(&mut self, why: &str) {
        let mut queue = self.shared.queue.lock();
        queue.failed = Some(why.to_owned());
        // Who waits for one learns it from this.
        queue.rolls.clear();
        let mut calls: Vec<_> = queue.ready.drain(..).collect();
        calls.extend(queue.opened.drain(..).map(|(call, _)| call));
        drop(queue);
        calls.extend(self.live.drain().map(|(_, live)| live.shared));
        for call in calls {
            let mut buffer = call.buffer.lock();
            if buffer.state != State::Closed {
                buffer.state = State::Failed(why.to_owned());
            }
            for waiter in buffer.waiters.drain(..).collect::<Vec<_>>().into_iter().chain(buffer.closed.take())
            {
                let _nobody_waits = waiter.send(Err(AppendError::Failed(why.to_owned())));
            }
            drop(buffer);
            call.taken.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_follows_a_short_one_sooner_than_a_long_one() {
        let table = [(0, 1_000), (300, 1_000), (700, 1_400), (1_000, 2_000), (30_000, 2_000)];
        for (took, after) in table {
            assert_eq!(spacing(Duration::from_micros(took)), Duration::from_micros(after), "{took} us");
        }
    }
}
