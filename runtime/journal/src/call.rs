//! A live call's journal: what the call itself does, which is little.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use parking_lot::Mutex;
use parloir_contract::{CallId, TenantId};
use tokio::sync::{Notify, oneshot};

use crate::key::{CallKeys, Purposes, WrappedKey};
use crate::observe::Observer;
use crate::queue::Shared;
use crate::record::{self, CallEnded, CallInterrupted, CallStarted, RecordBody, Seq, Unkept};
use crate::recording::{MAX_BLOCK, RecordingBlock};
use crate::rights::is_of_journal;
use crate::{AppendError, JournalError, chunk};

/// What of one call may wait for the disk, in bytes.
pub const MAX_BUFFER: usize = 8 << 20;
/// The largest record with its content, in bytes.
pub const MAX_RECORD: usize = 4 << 20;

/// Seconds of recording of one call that may wait for the disk.
const MAX_BLOCKS: usize = 60;
/// What wakes the writer before the second is over.
const WAKE_BYTES: usize = 256 << 10;

/// Told when what waits is durable.
pub(crate) type Waiter = oneshot::Sender<Result<(), AppendError>>;

/// How a call stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    /// Its end waits to be written.
    Closing,
    /// Its end was given to the log.
    Closed,
    /// The journal stopped.
    Failed(String),
}

/// What a call's journal was given, in bytes, before it is compressed and sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Weight {
    /// Of records, with their content.
    pub records: u64,
    /// Of recording.
    pub recording: u64,
}

/// What of a call waits for the writer.
pub(crate) struct Buffer {
    pub(crate) state: State,
    pub(crate) next: Seq,
    /// Records, as [`chunk::Waiting`] reads them.
    pub(crate) bytes: Vec<u8>,
    pub(crate) count: usize,
    /// When the first of them was appended.
    pub(crate) since: Option<Instant>,
    pub(crate) blocks: VecDeque<RecordingBlock>,
    pub(crate) waiters: Vec<Waiter>,
    /// The last record, held back until all blocks have theirs.
    pub(crate) ending: Option<RecordBody>,
    /// Told when the call's end is durable and in the index.
    pub(crate) closed: Option<oneshot::Sender<Result<(), AppendError>>>,
    /// Whether the writer has been told.
    pub(crate) queued: bool,
    /// Bytes of all records and blocks that were appended.
    weight: Weight,
    /// Who is told of each record, and whose and which call this is.
    watch: Option<(Arc<dyn Observer>, TenantId, CallId)>,
}

/// What a call and the writer share.
pub(crate) struct CallShared {
    pub(crate) tenant: TenantId,
    pub(crate) call: CallId,
    pub(crate) keys: CallKeys,
    pub(crate) wrapped: Vec<WrappedKey>,
    pub(crate) buffer: Mutex<Buffer>,
    /// Told when the writer has taken what waited.
    pub(crate) taken: Notify,
    journal: Arc<Shared>,
}

/// A live call's journal. Clones append to the same call; when the last is dropped before
/// [`CallJournal::close`], the call is closed as interrupted.
#[derive(Clone)]
pub struct CallJournal {
    handle: Arc<Handle>,
}

struct Handle {
    shared: Arc<CallShared>,
}

impl CallJournal {
    pub(crate) fn new(
        tenant: TenantId,
        call: CallId,
        (keys, wrapped): (CallKeys, Vec<WrappedKey>),
        journal: Arc<Shared>,
    ) -> Self {
        let watch = journal.observer.get().map(|observer| (observer.clone(), tenant.clone(), call));
        let buffer = Mutex::new(Buffer {
            state: State::Open,
            next: 0,
            bytes: Vec::new(),
            count: 0,
            since: None,
            blocks: VecDeque::new(),
            waiters: Vec::new(),
            ending: None,
            closed: None,
            queued: false,
            weight: Weight::default(),
            watch,
        });
        let taken = Notify::new();
        let shared = Arc::new(CallShared { tenant, call, keys, wrapped, buffer, taken, journal });
        Self { handle: Arc::new(Handle { shared }) }
    }

    /// Appends the first records, with the time that the index has too.
    pub(crate) fn begin(&self, at: u64, started: CallStarted, unkept: Purposes) -> Result<(), AppendError> {
        let mut buffer = self.handle.shared.buffer.lock();
        if is_of_journal(&started.transport) {
            buffer.watch = None;
        }
        buffer.push_at(at, RecordBody::CallStarted(started))?;
        if !unkept.is_empty() {
            buffer.push_at(at, RecordBody::Unkept(Unkept { purposes: unkept.iter().collect() }))?;
        }
        Ok(())
    }

    pub(crate) fn shared(&self) -> &Arc<CallShared> {
        &self.handle.shared
    }

    /// The call.
    pub fn id(&self) -> CallId {
        self.handle.shared.call
    }

    /// Whose it is.
    pub fn tenant(&self) -> &TenantId {
        &self.handle.shared.tenant
    }

    /// What was appended so far.
    pub fn weight(&self) -> Weight {
        self.handle.shared.buffer.lock().weight
    }

    /// How many bytes the log and the recordings of all its tenant's calls have on disk: told from memory.
    pub fn kept(&self) -> u64 {
        self.handle.shared.journal.kept.of(self.tenant())
    }

    /// Appends a record, in about a microsecond. It is on disk within about a second, or when anything
    /// appended later is durable. An error means that it is not in the journal.
    pub fn append(&self, body: RecordBody) -> Result<Seq, AppendError> {
        self.handle.shared.append(body, None)
    }

    /// Appends a record and returns when it, and everything before it, is on disk. Where the call's memory
    /// is full it waits for the disk instead of failing.
    pub async fn append_durable(&self, body: RecordBody) -> Result<Seq, AppendError> {
        let shared = &self.handle.shared;
        let mut body = Some(body);
        loop {
            let room = shared.taken.notified();
            tokio::pin!(room);
            // From here on a notification is not missed.
            room.as_mut().enable();
            if shared.has_room()? {
                let Some(body) = body.take() else { return Err(AppendError::Closed) };
                let (waiter, durable) = oneshot::channel();
                let seq = shared.append(body, Some(waiter))?;
                durable.await.unwrap_or_else(|_| Err(shared.journal.stopped()))?;
                return Ok(seq);
            }
            room.await;
        }
    }

    /// Returns when everything appended so far is on disk. Fails where the journal stopped: then nobody knows what of it is.
    pub async fn flush(&self) -> Result<(), AppendError> {
        let shared = &self.handle.shared;
        let (waiter, durable) = oneshot::channel();
        {
            let mut buffer = shared.buffer.lock();
            shared.refuse_failed(&buffer)?;
            buffer.waiters.push(waiter);
            shared.wake(&mut buffer);
        }
        durable.await.unwrap_or_else(|_| Err(shared.journal.stopped()))
    }

    /// Hands over one second of recording. It is on disk within about a second. Hand over only what there is
    /// consent for.
    pub fn recording(&self, block: RecordingBlock) -> Result<(), AppendError> {
        if block.bytes.len() > MAX_BLOCK {
            return Err(AppendError::TooLarge { length: block.bytes.len(), max: MAX_BLOCK });
        }
        let mut buffer = self.handle.shared.buffer.lock();
        self.handle.shared.refuse_closed(&buffer)?;
        if buffer.blocks.len() >= MAX_BLOCKS {
            let buffered = buffer.blocks.iter().map(|block| block.bytes.len()).sum();
            return Err(AppendError::Full { buffered });
        }
        buffer.weight.recording = buffer.weight.recording.saturating_add(block.bytes.len() as u64);
        buffer.blocks.push_back(block);
        Ok(())
    }

    /// Ends the call. Returns when all of it is on disk and in the index. Other clones can append nothing
    /// any more. Fails where it was closed before, or the journal stopped.
    pub async fn close(&self, ended: CallEnded) -> Result<(), JournalError> {
        let shared = &self.handle.shared;
        let (closed, done) = oneshot::channel();
        {
            let mut buffer = shared.buffer.lock();
            shared.refuse_closed(&buffer)?;
            buffer.closed = Some(closed);
            shared.end(&mut buffer, RecordBody::CallEnded(ended));
        }
        done.await.unwrap_or_else(|_| Err(shared.journal.stopped()))?;
        Ok(())
    }
}

impl std::fmt::Debug for CallJournal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CallJournal({}, {})", self.tenant(), self.id())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let mut buffer = self.shared.buffer.lock();
        if buffer.state == State::Open {
            let reason = "the call was dropped before its end".to_owned();
            self.shared.end(&mut buffer, RecordBody::CallInterrupted(CallInterrupted { reason }));
        }
    }
}

impl CallShared {
    fn append(self: &Arc<Self>, body: RecordBody, waiter: Option<Waiter>) -> Result<Seq, AppendError> {
        let mut buffer = self.buffer.lock();
        self.refuse_closed(&buffer)?;
        if buffer.bytes.len() >= MAX_BUFFER {
            return Err(AppendError::Full { buffered: buffer.bytes.len() });
        }
        let seq = buffer.push(body)?;
        let urgent = waiter.is_some();
        buffer.waiters.extend(waiter);
        if urgent || buffer.count >= chunk::MAX_RECORDS || buffer.bytes.len() >= WAKE_BYTES {
            self.wake(&mut buffer);
        }
        Ok(seq)
    }

    /// Ends the call with this record, which is written after all that waits.
    pub(crate) fn end(self: &Arc<Self>, buffer: &mut Buffer, ending: RecordBody) {
        buffer.state = State::Closing;
        buffer.ending = Some(ending);
        self.wake(buffer);
    }

    /// Nothing of it is written any more: whoever waits is told why, and whoever appends.
    pub(crate) fn refuse(&self, why: &str) {
        self.buffer.lock().refuse(why);
        self.taken.notify_waiters();
    }

    /// Bytes that wait in it.
    pub(crate) fn waiting(&self) -> usize {
        let buffer = self.buffer.lock();
        buffer.blocks.iter().fold(buffer.bytes.len(), |bytes, block| bytes.saturating_add(block.bytes.len()))
    }

    fn has_room(&self) -> Result<bool, AppendError> {
        let buffer = self.buffer.lock();
        self.refuse_closed(&buffer)?;
        Ok(buffer.bytes.len() < MAX_BUFFER)
    }

    fn refuse_closed(&self, buffer: &Buffer) -> Result<(), AppendError> {
        match &buffer.state {
            State::Open => Ok(()),
            State::Closing | State::Closed => Err(AppendError::Closed),
            State::Failed(why) => Err(AppendError::Failed(why.clone())),
        }
    }

    fn refuse_failed(&self, buffer: &Buffer) -> Result<(), AppendError> {
        match &buffer.state {
            State::Open | State::Closing => Ok(()),
            State::Closed => Err(AppendError::Closed),
            State::Failed(why) => Err(AppendError::Failed(why.clone())),
        }
    }

    fn wake(self: &Arc<Self>, buffer: &mut Buffer) {
        if !buffer.queued {
            buffer.queued = true;
            if let Err(why) = self.journal.ready(Arc::clone(self)) {
                buffer.refuse(&why);
                self.taken.notify_waiters();
            }
        }
    }
}

impl Buffer {
    fn refuse(&mut self, why: &str) {
        if self.state != State::Closed {
            self.state = State::Failed(why.to_owned());
        }
        let closed = self.closed.take();
        for waiter in std::mem::take(&mut self.waiters).into_iter().chain(closed) {
            let _nobody_waits = waiter.send(Err(AppendError::Failed(why.to_owned())));
        }
    }

    /// Encodes a record to the end of what waits, whatever waits already.
    pub(crate) fn push(&mut self, body: RecordBody) -> Result<Seq, AppendError> {
        self.push_at(now(), body)
    }

    fn push_at(&mut self, at: u64, mut body: RecordBody) -> Result<Seq, AppendError> {
        let start = self.bytes.len();
        let content = body.take_content();
        let encoded = self.encode(start, at, &body, content.as_ref());
        let length = self.bytes.len() - start;
        let refused = match encoded {
            Err(error) => Some(AppendError::Failed(format!("a record cannot be encoded: {error}"))),
            Ok(()) if length > MAX_RECORD => Some(AppendError::TooLarge { length, max: MAX_RECORD }),
            Ok(()) => None,
        };
        if let Some(refused) = refused {
            self.bytes.truncate(start);
            return Err(refused);
        }
        let seq = self.next;
        self.next += 1;
        self.count += 1;
        self.weight.records = self.weight.records.saturating_add(length as u64);
        self.since.get_or_insert_with(Instant::now);
        if let Some((observer, tenant, call)) = &self.watch {
            observer.appended(tenant, *call, seq, at, &body);
        }
        Ok(seq)
    }

    fn encode(
        &mut self,
        start: usize,
        at: u64,
        body: &RecordBody,
        content: Option<&record::Content>,
    ) -> Result<(), rmp_serde::encode::Error> {
        self.bytes.extend_from_slice(&[0; 8]);
        record::encode(&mut self.bytes, self.next, at, body)?;
        let content_start = self.bytes.len();
        if let Some(content) = content {
            record::encode_content(&mut self.bytes, content)?;
        }
        let too_long = || rmp_serde::encode::Error::UnknownLength;
        chunk::end_waiting(&mut self.bytes, start, content_start).ok_or_else(too_long)
    }
}

/// Nanoseconds since 1970-01-01 UTC.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use parloir_store::Keyring;

    use super::*;
    use crate::key::{self, Purposes};
    use crate::record::Note;

    fn note() -> RecordBody {
        RecordBody::Note(Note { text: "x".repeat(10_000) })
    }

    /// A call of a journal whose disk does not answer.
    async fn stuck() -> (CallJournal, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let kms = Keyring::open(folder.path()).unwrap();
        let (tenant, id) = ("cabinet".parse().unwrap(), CallId::from_bytes([7; 16]));
        let keys = key::make(&kms, &tenant, id, Purposes::default()).await.unwrap();
        (CallJournal::new(tenant, id, keys, Arc::default()), folder)
    }

    #[tokio::test]
    async fn a_call_whose_disk_does_not_answer_is_told_so_and_its_memory_is_bounded() {
        let (call, _folder) = stuck().await;
        let mut appended = 0_u64;
        let error = loop {
            match call.append(note()) {
                Ok(seq) => assert_eq!(seq, appended),
                Err(error) => break error,
            }
            appended += 1;
        };
        assert!(matches!(error, AppendError::Full { .. }), "{error}");
        assert!(call.shared().buffer.lock().bytes.len() < MAX_BUFFER + 20_000);
        assert_eq!(call.append(note()), Err(error), "and it stays so");
    }

    #[tokio::test]
    async fn a_durable_append_waits_for_room_and_goes_on_when_there_is_some() {
        let (call, _folder) = stuck().await;
        while call.append(note()).is_ok() {}
        let waiting = tokio::spawn({
            let call = call.clone();
            async move { call.append_durable(note()).await }
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!waiting.is_finished());
        // What the writer does.
        let shared = call.shared();
        shared.buffer.lock().bytes.clear();
        shared.taken.notify_waiters();
        while shared.buffer.lock().waiters.is_empty() {
            tokio::task::yield_now().await;
        }
        for waiter in shared.buffer.lock().waiters.drain(..) {
            waiter.send(Ok(())).unwrap();
        }
        assert!(waiting.await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn of_a_recording_a_minute_waits_at_most() {
        let (call, _folder) = stuck().await;
        for second in 0..60 {
            call.recording(RecordingBlock { second, bytes: vec![0; 16_000] }).unwrap();
        }
        let more = call.recording(RecordingBlock { second: 60, bytes: vec![0; 16_000] });
        assert!(matches!(more, Err(AppendError::Full { .. })));
    }
}
