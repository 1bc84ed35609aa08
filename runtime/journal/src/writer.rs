//! Writes for one tenant at a time: seals what waits in its calls in chunks, appends them to its logs, makes these durable (one
//! `fdatasync` for all that was taken of a log), and then answers those who wait. Recordings are made durable before the
//! records that name them.
//!
//! Whose turn it is, and which of the threads writes for whom, [`crate::queue`] says.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use parloir_contract::CallId;
use parloir_store::disk::Disk;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::call::{CallShared, MAX_BUFFER, State, Waiter, now};
use crate::chunk::Chain;
use crate::index::{CallEntry, IndexEvent};
use crate::queue::{Desk, Rolled, Shared, Work};
use crate::record::{CallInterrupted, Ending, RecordBody, RecordingStored};
use crate::recording;
use crate::sealing::{self, Sealed, Sealers, Unsealed};
use crate::segment::{FrameKind, Location, Log, Tail};
use crate::tails::Name;
use crate::tlog::Durable;
use crate::{AppendError, JournalError};

/// A tenant's groups begin at least this far apart.
const GROUP_LEAST: Duration = Duration::from_millis(1);
/// A tenant's groups need begin no further apart than this.
const GROUP_MOST: Duration = Duration::from_millis(2);
/// Bytes after which a group takes no more calls: others wait for the thread.
const GROUP_BYTES: usize = MAX_BUFFER;
/// What a call's buffer keeps of its room when it is empty, in bytes.
const KEPT_ROOM: usize = 16 << 10;
/// The threads that write, each for another tenant: most of their time they wait for the disk.
const THREADS: usize = 8;

/// A call as whoever writes sees it.
pub(crate) struct Live {
    pub(crate) shared: Arc<CallShared>,
    chain: Chain,
    entry: CallEntry,
}

impl Live {
    pub(crate) fn new(shared: Arc<CallShared>, entry: CallEntry) -> Self {
        Self { shared, chain: Chain::default(), entry }
    }

    /// Ends it, unless it ends already.
    fn interrupt(&self) {
        let mut buffer = self.shared.buffer.lock();
        if buffer.state == State::Open {
            let reason = "the program was stopped".to_owned();
            buffer.state = State::Closing;
            buffer.ending = Some(RecordBody::CallInterrupted(CallInterrupted { reason }));
        }
    }
}

/// A call of a pass.
struct Taken {
    live: Live,
    /// Whether this is its last.
    ends: bool,
}

/// What is to be said when a group is durable.
#[derive(Default)]
struct Promises {
    waiters: Vec<Waiter>,
    events: Vec<IndexEvent>,
    closing: Vec<(CallId, Waiter)>,
}

impl Promises {
    /// What was taken is not durable, and will not be.
    fn refuse(self, why: &str) {
        for waiter in self.waiters.into_iter().chain(self.closing.into_iter().map(|(_, waiter)| waiter)) {
            let _nobody_waits = waiter.send(Err(AppendError::Failed(why.to_owned())));
        }
    }
}

/// How long after a group of this length began the next one may: of short ones nobody waits long for the next, and of long ones
/// each takes more with it.
fn spacing(took: Duration) -> Duration {
    took.saturating_mul(2).clamp(GROUP_LEAST, GROUP_MOST)
}

/// Takes out of these calls those that come after the one with which what waits in them is so many bytes.
fn beyond(ready: &mut Vec<Arc<CallShared>>, most: usize) -> Vec<Arc<CallShared>> {
    let mut bytes = 0_usize;
    let fits = ready.iter().take_while(|call| {
        let fits = bytes < most;
        bytes = bytes.saturating_add(call.waiting());
        fits
    });
    let fits = fits.count();
    ready.split_off(fits)
}

/// One of those that are left; held for no longer than taking it.
fn next_of(left: &Mutex<Vec<Work>>) -> Option<Work> {
    left.lock().pop()
}

/// The threads that write, and what they have in common.
pub(crate) struct Writers {
    shared: Arc<Shared>,
    disk: Arc<dyn Disk>,
    data: PathBuf,
    /// Bytes after which a segment is followed by a new one.
    segment: u64,
    index: mpsc::Sender<IndexEvent>,
    durable: Arc<Durable>,
    sealers: Sealers,
}

impl Writers {
    /// # Errors
    /// Where the threads that seal cannot be had.
    pub(crate) fn new(
        shared: Arc<Shared>,
        ((disk, data), segment): ((Arc<dyn Disk>, PathBuf), u64),
        tails: HashMap<Name, Tail>,
        index: mpsc::Sender<IndexEvent>,
        durable: Arc<Durable>,
    ) -> std::io::Result<Self> {
        shared.begin(tails);
        Ok(Self { shared, disk, data, segment, index, durable, sealers: Sealers::start()? })
    }

    /// Writes until it is asked to stop, or the disk fails.
    pub(crate) fn run(self) {
        thread::scope(|scope| {
            let mut others = Vec::new();
            for _ in 1..THREADS {
                let other = thread::Builder::new().name("journal-writer".into());
                match other.spawn_scoped(scope, || self.work()) {
                    Ok(other) => others.push(other),
                    Err(error) => {
                        tracing::warn!(%error, "fewer tenants' logs are written at one time: no more threads can be had");
                        break;
                    }
                }
            }
            self.work();
            for other in others {
                // What breaks down while it writes is told there.
                let _broke_down = other.join();
            }
        });
        if self.shared.has_failed() {
            return;
        }
        let last = Mutex::new(self.shared.last());
        let write_last = || {
            while let Some(work) = next_of(&last) {
                work.desk.live.values().for_each(Live::interrupt);
                self.write(work, usize::MAX);
            }
        };
        thread::scope(|scope| {
            for _ in 1..THREADS {
                // Where there are no more threads, this one does it.
                let _one_more = thread::Builder::new().spawn_scoped(scope, write_last);
            }
            write_last();
        });
        self.shared.refuse_all("it was shut down");
    }

    fn work(&self) {
        while let Some(work) = self.shared.next() {
            self.write(work, GROUP_BYTES);
        }
    }

    /// Writes what waits of one tenant, up to the call with which it is so many bytes, and puts its desk back.
    fn write(&self, work: Work, most: usize) {
        let Work { desk, mut ready, mut rolls } = work;
        let begun = Instant::now();
        self.shared.later(&desk.tenant, beyond(&mut ready, most));
        let (mut writer, mut promises) = (Writer { all: self, desk }, Promises::default());
        let calls = ready.clone();
        // Where it breaks down nothing is written any more, of whatever state it was in.
        let written = panic::catch_unwind(AssertUnwindSafe(|| -> Result<(), JournalError> {
            writer.group(ready, &mut promises)?;
            while !rolls.is_empty() {
                let rolled = writer.roll()?;
                if let Some(done) = rolls.pop() {
                    let _nobody_waits = done.send(rolled);
                }
            }
            Ok(())
        }));
        let why = match written {
            Ok(written) => written.err().map(|error| error.to_string()),
            Err(_) => Some("a thread that writes broke down".to_owned()),
        };
        if let Some(why) = &why {
            tracing::error!(why, "the journal cannot be written any more; restart when the disk is well");
            self.shared.refuse_all(why);
            // Whoever hears of it finds that nothing more is taken.
            calls.iter().for_each(|call| call.refuse(why));
            promises.refuse(why);
        }
        // Who still waits for new segments learns from this that there are none, and why by then.
        drop(rolls);
        let left = self.shared.put_back(writer.desk, begun + spacing(begun.elapsed()));
        for live in left {
            live.shared.refuse(&self.shared.why_failed());
        }
    }
}

/// One tenant's.
struct Writer<'a> {
    all: &'a Writers,
    desk: Desk,
}

impl Writer<'_> {
    /// Begins new segments of the tenant's logs.
    fn roll(&mut self) -> Result<Rolled, JournalError> {
        self.commit()?;
        let journal = self.tail(Log::Journal)?.roll()?;
        let recordings = if Log::Recordings.folder(&self.all.data, &self.desk.tenant).is_dir() {
            self.tail(Log::Recordings)?.roll()?
        } else {
            0
        };
        self.count();
        let live = self.desk.live.values().flat_map(|live| live.shared.wrapped.clone()).collect();
        Ok(Rolled { journal, recordings, live })
    }

    /// Seals and writes what waits in these calls.
    fn group(&mut self, calls: Vec<Arc<CallShared>>, promises: &mut Promises) -> Result<(), JournalError> {
        if calls.is_empty() {
            return Ok(());
        }
        let mut taken = Vec::with_capacity(calls.len());
        let passed = self.pass(calls, &mut taken, promises);
        for Taken { live, .. } in taken {
            if live.entry.ended_at.is_none() {
                self.desk.live.insert(live.shared.call, live);
            }
        }
        passed?;
        self.commit()?;
        for waiter in promises.waiters.drain(..) {
            let _nobody_waits = waiter.send(Ok(()));
        }
        for mut event in promises.events.drain(..) {
            if let IndexEvent::Closed { entry, waiter, .. } = &mut event
                && let Some(place) = promises.closing.iter().position(|(call, _)| *call == entry.call)
            {
                *waiter = Some(promises.closing.swap_remove(place).1);
            }
            if let Err(lost) = self.all.index.blocking_send(event) {
                // The index can be rebuilt; those who wait must not be told that it stands.
                tracing::error!("the journal's index stopped; it will be rebuilt at the next start");
                lost.0.refuse("its index stopped");
            }
        }
        Ok(())
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
            let Some(live) = self.desk.live.remove(&call.call) else {
                if taken.iter().any(|taken| Arc::ptr_eq(&taken.live.shared, &call)) {
                    // A second time in one pass: what came since is for the next.
                    let again = self.all.shared.ready(call.clone());
                    again.unwrap_or_else(|why| call.refuse(&why));
                } else {
                    // It ended in an earlier group.
                    promises.waiters.append(&mut call.buffer.lock().waiters);
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
        let sealed = self.all.sealers.seal(unsealed);
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
        let mut stored = Vec::new();
        // What is handed over meanwhile comes before an end that is, and before what is said to be durable.
        let mut buffer = loop {
            self.before_blocks(call, live, promises)?;
            if live.chain.next > 0 {
                stored.extend(self.blocks(call)?);
            }
            let buffer = call.buffer.lock();
            if buffer.blocks.is_empty() {
                break buffer;
            }
        };
        let seconds = u32::try_from(stored.len()).unwrap_or(u32::MAX);
        live.entry.recorded = Some(live.entry.recorded.unwrap_or(0).saturating_add(seconds));
        let (bytes, closed, ends) = {
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
            promises.waiters.append(&mut buffer.waiters);
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
        self.commit()
    }

    /// Makes durable what was appended. Records name blocks of recordings, of other calls too: those are durable first.
    fn commit(&mut self) -> Result<(), JournalError> {
        if let Some(recordings) = self.desk.tails.get_mut(&Log::Recordings) {
            recordings.commit()?;
        }
        if let Some(journal) = self.desk.tails.get_mut(&Log::Journal).filter(|tail| tail.is_pending()) {
            journal.commit()?;
            self.all.durable.reached(&self.desk.tenant, journal.end());
        }
        self.count();
        Ok(())
    }

    /// Counts what the logs have grown by: before anybody hears that it is written.
    fn count(&mut self) {
        let grown: u64 = self.desk.tails.values_mut().map(Tail::grown).sum();
        self.all.shared.kept.grow(&self.desk.tenant, grown);
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
            let location = self.tail(Log::Recordings)?.append(FrameKind::Recording, &payload)?;
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
                    let location = self.append(FrameKind::Key, &key.payload())?;
                    if place == 0 {
                        live.entry.first = location;
                    }
                }
            }
            self.append(FrameKind::Chunk, &payload)?;
            let last = ends && chunks.peek().is_none();
            if begins && !last {
                let (tenant, upto) = (call.tenant.clone(), self.tail(Log::Journal)?.end());
                promises.events.push(IndexEvent::Opened { tenant, entry: live.entry.clone(), upto });
            }
        }
        if ends {
            live.entry.ended_at = Some(now());
            let upto = self.tail(Log::Journal)?.end();
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

    /// Appends to the tenant's journal. A segment that is full is ended first, and what waits in it made durable.
    fn append(&mut self, kind: FrameKind, payload: &[u8]) -> Result<Location, JournalError> {
        if self.tail(Log::Journal)?.is_full() {
            self.commit()?;
        }
        Ok(self.tail(Log::Journal)?.append(kind, payload)?)
    }

    /// The end of one of its logs, which is opened if need be.
    fn tail(&mut self, log: Log) -> Result<&mut Tail, JournalError> {
        Ok(match self.desk.tails.entry(log) {
            Entry::Occupied(tail) => tail.into_mut(),
            Entry::Vacant(place) => {
                let mut tail = Tail::open(&self.all.disk, &self.all.data, log, &self.desk.tenant)?;
                tail.limit(self.all.segment);
                place.insert(tail)
            }
        })
    }
}

#[cfg(test)]
mod tests;
