//! Seals what waits in calls: on the thread that writes alone where it is little, on others beside it where it is much.
//!
//! Sealing a record (hashes, compression, cipher) takes longer than writing it. The chunks of one call form a chain and are
//! sealed one after another; calls have nothing to do with one another.

use std::collections::VecDeque;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::{Condvar, Mutex};
use parloir_store::keys::KeyError;
use rustix::process::{getpriority_process, setpriority_process};

use crate::call::CallShared;
use crate::chunk::{self, Chain, MAX_RECORDS};

/// The most bytes of one chunk before compression, short of one record.
const CHUNK_BYTES: usize = 1 << 20;
/// What is sealed by whoever writes alone, in bytes before compression: others take longer to wake up.
const LITTLE: usize = 64 << 10;
/// What one thread takes at once, in bytes before compression: enough that taking it costs nothing.
const PORTION: usize = 32 << 10;
/// The most threads beside those that write.
const MOST_HELPERS: usize = 3;
/// Niceness of the threads that seal what is much: whoever has much journaled, such as an agent that floods it, must not take the
/// cores on which frames are sent. As the sandbox has it for agents. Who writes is served with the calls, which wait for it.
const NICENESS: i32 = 5;

/// Has this thread served after those on which calls are.
fn come_after_calls() {
    // Where the whole program is served later than that, so is this.
    let is_later = getpriority_process(None).is_ok_and(|niceness| niceness >= NICENESS);
    if !is_later && let Err(error) = setpriority_process(None, NICENESS) {
        tracing::warn!(%error, "what is journaled is sealed at normal priority");
    }
}

/// What waits in a call.
pub(crate) struct Unsealed {
    pub(crate) call: Arc<CallShared>,
    pub(crate) chain: Chain,
    /// Records, as [`chunk::Waiting`] reads them.
    pub(crate) bytes: Vec<u8>,
    /// Whether the last of them is the call's last.
    pub(crate) ends: bool,
}

/// The same, sealed.
pub(crate) struct Sealed {
    /// Where the chain stands after it.
    pub(crate) chain: Chain,
    /// Chunks, each with the number of its records.
    pub(crate) chunks: Vec<(Vec<u8>, usize)>,
    /// The buffer, empty, to be filled again.
    pub(crate) buffer: Vec<u8>,
}

/// Seals what waits in a call, on this thread.
pub(crate) fn seal(unsealed: Unsealed) -> Result<Sealed, KeyError> {
    let Unsealed { call, mut chain, bytes: mut buffer, ends } = unsealed;
    let mut chunks = Vec::new();
    let mut waiting = chunk::Waiting(&buffer).peekable();
    while waiting.peek().is_some() {
        let (mut records, mut size) = (Vec::new(), 0);
        while records.len() < MAX_RECORDS
            && size < CHUNK_BYTES
            && let Some(record) = waiting.next()
        {
            size += record.0.len() + record.1.len();
            records.push(record);
        }
        let last = ends && waiting.peek().is_none();
        let keys = (&call.keys.trace, call.keys.content.as_ref());
        let payload = chunk::seal(&call.tenant, call.call, keys, &mut chain, &records, last)?;
        chunks.push((payload, records.len()));
    }
    buffer.clear();
    Ok(Sealed { chain, chunks, buffer })
}

/// The same where much is sealed: the kernel would keep the core for this thread for a slice, and a frame that is due has it now.
fn seal_and_yield(unsealed: Unsealed) -> Result<Sealed, KeyError> {
    let sealed = seal(unsealed);
    thread::yield_now();
    sealed
}

/// Some calls of a pass: the place of the first, and what waits in them.
type Portion = (usize, Vec<Unsealed>);

#[derive(Default)]
struct Table {
    portions: VecDeque<Portion>,
    sealed: Vec<(usize, Vec<Result<Sealed, KeyError>>)>,
    /// Portions that are not sealed yet.
    left: usize,
    stop: bool,
}

#[derive(Default)]
struct Room {
    table: Mutex<Table>,
    /// There is something on the table.
    laid: Condvar,
    /// All of it is sealed.
    done: Condvar,
}

/// Says at its end that a portion is done with: however it ends, nobody waits for it for ever.
struct Finished<'a>(&'a Room);

impl Drop for Finished<'_> {
    fn drop(&mut self) {
        let mut table = self.0.table.lock();
        table.left = table.left.saturating_sub(1);
        if table.left == 0 {
            self.0.done.notify_one();
        }
    }
}

impl Room {
    /// Seals a portion and puts it back.
    fn seal(&self, (place, calls): Portion) {
        let _finished = Finished(self);
        let sealed = calls.into_iter().map(seal_and_yield).collect();
        self.table.lock().sealed.push((place, sealed));
    }

    fn help(&self) {
        loop {
            let portion = {
                let mut table = self.table.lock();
                loop {
                    if table.stop {
                        return;
                    }
                    if let Some(portion) = table.portions.pop_front() {
                        break portion;
                    }
                    self.laid.wait(&mut table);
                }
            };
            self.seal(portion);
        }
    }
}

/// The threads that seal.
pub(crate) struct Sealers {
    /// Held by the one who has them seal.
    taken: Mutex<()>,
    room: Arc<Room>,
    helpers: Vec<JoinHandle<()>>,
}

impl Sealers {
    /// As many as there are cores beside that of whoever writes, and three at most.
    pub(crate) fn start() -> io::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self::with_helpers(cores.saturating_sub(1).min(MOST_HELPERS))
    }

    fn with_helpers(count: usize) -> io::Result<Self> {
        let mut sealers =
            Self { taken: Mutex::default(), room: Arc::default(), helpers: Vec::with_capacity(count) };
        for _ in 0..count {
            let room = Arc::clone(&sealers.room);
            let helper = thread::Builder::new().name("journal-sealer".into());
            let help = move || {
                come_after_calls();
                room.help();
            };
            sealers.helpers.push(helper.spawn(help)?);
        }
        Ok(sealers)
    }

    /// Seals what waits in calls, in their order. Fewer come back where a thread of these broke down. Who finds them taken seals
    /// alone, and does not wait for what is another's.
    pub(crate) fn seal(&self, calls: Vec<Unsealed>) -> Vec<Result<Sealed, KeyError>> {
        let bytes: usize = calls.iter().map(|call| call.bytes.len()).sum();
        if bytes < LITTLE {
            return calls.into_iter().map(seal).collect();
        }
        let taken = (!self.helpers.is_empty()).then(|| self.taken.try_lock()).flatten();
        let Some(_taken) = taken else { return calls.into_iter().map(seal_and_yield).collect() };
        let portions = portions(calls);
        {
            let mut table = self.room.table.lock();
            table.left = portions.len();
            table.portions = portions;
        }
        self.room.laid.notify_all();
        loop {
            let Some(portion) = self.room.table.lock().portions.pop_front() else { break };
            // Where it breaks down fewer come back; what others have in hand is waited for, or the next would get it.
            let _broke_down = panic::catch_unwind(AssertUnwindSafe(|| self.room.seal(portion)));
        }
        let mut table = self.room.table.lock();
        while table.left > 0 {
            self.room.done.wait(&mut table);
        }
        let mut sealed = std::mem::take(&mut table.sealed);
        drop(table);
        sealed.sort_unstable_by_key(|(place, _)| *place);
        sealed.into_iter().flat_map(|(_, sealed)| sealed).collect()
    }
}

impl Drop for Sealers {
    fn drop(&mut self) {
        self.room.table.lock().stop = true;
        self.room.laid.notify_all();
        for helper in self.helpers.drain(..) {
            let _panicked = helper.join();
        }
    }
}

fn portions(calls: Vec<Unsealed>) -> VecDeque<Portion> {
    let mut portions: VecDeque<Portion> = VecDeque::new();
    let mut size = PORTION;
    for (place, call) in calls.into_iter().enumerate() {
        if size >= PORTION {
            portions.push_back((place, Vec::new()));
            size = 0;
        }
        size += call.bytes.len();
        if let Some((_, portion)) = portions.back_mut() {
            portion.push(call);
        }
    }
    portions
}

#[cfg(test)]
mod tests {
    use parloir_contract::CallId;
    use parloir_store::Keyring;

    use super::*;
    use crate::call::CallJournal;
    use crate::chunk::Header;
    use crate::key::{self, Purposes};
    use crate::record::{Note, RecordBody};

    /// Calls of different lengths: the number of a call's records is its place, and one.
    async fn waiting(count: usize) -> (Vec<Unsealed>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let kms = Keyring::open(folder.path()).unwrap();
        let tenant = "cabinet".parse().unwrap();
        let mut calls = Vec::new();
        for place in 0..count {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&place.to_le_bytes());
            let id = CallId::from_bytes(id);
            let keys = key::make(&kms, &tenant, id, Purposes::default()).await.unwrap();
            let call = CallJournal::new(tenant.clone(), id, keys, Arc::default());
            for record in 0..=place {
                call.append(RecordBody::Note(Note { text: format!("{place} {record}") })).unwrap();
            }
            let call = Arc::clone(call.shared());
            let bytes = std::mem::take(&mut call.buffer.lock().bytes);
            calls.push(Unsealed { call, chain: Chain::default(), bytes, ends: false });
        }
        (calls, folder)
    }

    #[test]
    fn who_seals_is_served_after_calls_unless_all_are_served_later_still() {
        let niceness = || getpriority_process(None).unwrap();
        let before = niceness();
        let after = thread::spawn(move || {
            come_after_calls();
            niceness()
        });
        assert_eq!(after.join().unwrap(), before.max(NICENESS));
    }

    #[tokio::test]
    async fn what_comes_back_is_in_order_whoever_sealed_it() {
        const CALLS: usize = 100;
        for helpers in [0, 1, 3] {
            let sealers = Sealers::with_helpers(helpers).unwrap();
            let (calls, _folder) = waiting(CALLS).await;
            assert!(calls.iter().map(|call| call.bytes.len()).sum::<usize>() > LITTLE);
            let shared: Vec<_> = calls.iter().map(|call| Arc::clone(&call.call)).collect();
            let sealed = sealers.seal(calls);
            assert_eq!(sealed.len(), CALLS);
            for (place, (call, sealed)) in shared.iter().zip(sealed).enumerate() {
                let sealed = sealed.unwrap();
                let [(chunk, records)] = &sealed.chunks[..] else { panic!("{place}") };
                let (header, trace, content) = Header::parse(chunk).unwrap();
                assert_eq!((header.call, *records), (call.call, place + 1));
                assert_eq!(header.open(&call.tenant, &call.keys, trace, content).unwrap().len(), place + 1);
                assert_eq!((sealed.chain, sealed.buffer.len()), (header.chain_after(), 0));
                assert!(sealed.buffer.capacity() > 0);
            }
        }
    }
}
