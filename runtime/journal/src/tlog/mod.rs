//! The transparency log: per tenant, an RFC 6962 tree over the headers of sealed chunks.
//!
//! A thread of its own reads what the writer has made durable back from the segments, appends it to the tree, and every
//! few seconds signs a checkpoint where the tree grew. So a checkpoint never covers a chunk that is not on disk,
//! and a start after a crash does what every moment does. Before it signs anything after a start, it finds the
//! tree that was signed last in the segments again; where that is not there, whole and the same, it refuses
//! to sign: the log was rolled back or altered, and a second signature would help to hide it. Where only the disk or the
//! keys did not do it, it is tried again, after longer and longer.

mod files;
mod known;
mod tenant;
mod tree;
mod unsigned;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use parloir_contract::TenantId;
use parloir_proof::checkpoint::Checkpoint;
use parloir_proof::note::{Note, PublicKey};
use parloir_store::Kms;
use parloir_store::disk::Disk;
use tokio::sync::oneshot;

use crate::JournalError;
use crate::segment::Location;
pub use files::read_tile;
pub(crate) use files::{Files, checkpoint_of, is_file, is_newest, tenants};
pub use known::published_keys;
pub(crate) use known::{GONE, checkpoints, signed, submission};
use tenant::TenantLog;
use unsigned::{Following, Unsigned, Waiting};

/// A checkpoint is signed this often at most.
const PERIOD: Duration = Duration::from_secs(2);

/// What the writer tells the log's thread: how far each tenant's segments are durable.
#[derive(Default)]
pub(crate) struct Durable {
    state: Mutex<State>,
    wake: Condvar,
    /// Held by whoever changes a checkpoint's file.
    files: Mutex<()>,
    /// The logs that are not signed, and why.
    unsigned: Mutex<HashMap<TenantId, String>>,
}

/// What is to be signed, who waits for it, and whether it is the last time.
type Taken = (HashMap<TenantId, Location>, Vec<oneshot::Sender<()>>, bool);

/// Where a log's files are, and who signs.
struct Signer<'a> {
    disk: &'a Arc<dyn Disk>,
    data: &'a Path,
    kms: &'a dyn Kms,
    runtime: &'a tokio::runtime::Runtime,
}

#[derive(Default)]
struct State {
    upto: HashMap<TenantId, Location>,
    asked: Vec<oneshot::Sender<()>>,
    stop: bool,
    /// Nobody reads this any more.
    ended: bool,
}

impl Durable {
    /// What is before `upto` is on disk.
    pub(crate) fn reached(&self, tenant: &TenantId, upto: Location) {
        let mut state = self.state.lock();
        if let Some(known) = state.upto.get_mut(tenant) {
            *known = upto;
        } else if !state.ended {
            state.upto.insert(tenant.clone(), upto);
            self.wake.notify_one();
        }
    }

    /// Goes through a tenant's log even if nothing was written: its keys may have changed.
    pub(crate) fn look_again(&self, tenant: &TenantId) {
        self.state.lock().upto.entry(tenant.clone()).or_default();
    }

    /// Why nothing of a tenant's log is signed, for the moment or any more; `None` where it is.
    pub(crate) fn unsigned(&self, tenant: &TenantId) -> Option<String> {
        self.unsigned.lock().get(tenant).cloned()
    }

    /// Told when all that is durable now is in a checkpoint, or could not be signed.
    pub(crate) fn publish(&self) -> oneshot::Receiver<()> {
        let (done, wait) = oneshot::channel();
        let mut state = self.state.lock();
        if !state.ended {
            state.asked.push(done);
            self.wake.notify_one();
        }
        wait
    }

    /// Nobody signs, and nobody waits for it.
    pub(crate) fn end(&self) {
        let mut state = self.state.lock();
        state.ended = true;
        state.asked.clear();
        state.upto.clear();
    }

    pub(crate) fn stop(&self) {
        self.state.lock().stop = true;
        self.wake.notify_one();
    }

    /// Signs what becomes durable until it is stopped.
    pub(crate) fn run(&self, disk: &Arc<dyn Disk>, data: &Path, kms: &dyn Kms) -> Result<(), JournalError> {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let signer = Signer { disk, data, kms, runtime: &runtime };
        let mut logs: HashMap<TenantId, Following> = HashMap::new();
        let mut next = Instant::now();
        loop {
            let waiting = logs.values().filter_map(Following::waiting);
            let (mut upto, asked, stop) = self.wait(next, waiting.map(|log| log.again).min());
            let now = Instant::now();
            next = now + PERIOD;
            // Whoever asks, and the last chance there is, comes before any time to wait.
            let all = stop || !asked.is_empty();
            let due = |log: &Waiting| all || log.again <= now;
            for (tenant, log) in &logs {
                if log.waiting().is_some_and(due) {
                    upto.entry(tenant.clone()).or_default();
                }
            }
            for (tenant, upto) in upto {
                let log = match logs.remove(&tenant) {
                    Some(Following::Refused) => Following::Refused,
                    Some(Following::Waiting(log)) if !due(&log) => {
                        Following::Waiting(Waiting { upto: log.upto.max(upto), ..log })
                    }
                    known => self.sign(&signer, &tenant, known, upto),
                };
                logs.insert(tenant, log);
            }
            for done in asked {
                let _nobody_waits = done.send(());
            }
            if stop {
                return Ok(());
            }
        }
    }

    /// Waits until there is something to sign and the last time is long enough ago, or one is to be tried again.
    fn wait(&self, next: Instant, again: Option<Instant>) -> Taken {
        let mut state = self.state.lock();
        while !state.stop && state.asked.is_empty() {
            let at =
                if state.upto.is_empty() { again } else { Some(again.map_or(next, |again| again.min(next))) };
            match at {
                Some(at) if Instant::now() >= at => break,
                Some(at) => {
                    self.wake.wait_until(&mut state, at);
                }
                None => self.wake.wait(&mut state),
            }
        }
        (std::mem::take(&mut state.upto), std::mem::take(&mut state.asked), state.stop)
    }

    /// Takes in what is durable of one log, and signs it.
    fn sign(
        &self,
        signer: &Signer<'_>,
        tenant: &TenantId,
        known: Option<Following>,
        upto: Location,
    ) -> Following {
        let (open, published, upto, last) = match known {
            Some(Following::Refused) => return Following::Refused,
            Some(Following::Open(log)) => {
                let (published, upto) = (log.published, log.next.max(upto));
                (Some(log), published, upto, None)
            }
            Some(Following::Waiting(log)) => (None, log.published, log.upto.max(upto), Some(log.wait)),
            None => (None, 0, upto, None),
        };
        let signed = || -> Result<Box<TenantLog>, Unsigned> {
            let mut log = match open {
                Some(log) => log,
                None => Box::new(TenantLog::open(signer, tenant)?),
            };
            if log.published < published {
                return Err(Unsigned::Refused(format!(
                    "a checkpoint of {published} chunks was signed, the newest there is has {}: it was put back. Keep the files as they are, and look at who can write there",
                    log.published
                )));
            }
            log.follow(upto)?;
            let _one_writer = self.files.lock();
            log.publish(signer.kms, signer.runtime)?;
            Ok(log)
        };
        match signed() {
            Ok(log) => {
                if self.unsigned.lock().remove(tenant).is_some() {
                    tracing::info!(%tenant, "checkpoints of this log are signed again");
                }
                Following::Open(log)
            }
            Err(Unsigned::Passing(why)) => {
                // What was half done is read from the files again.
                let waiting = Waiting::longer(upto, published, last, Instant::now());
                let seconds = waiting.wait.as_secs();
                tracing::warn!(%tenant, %why, seconds, "no checkpoint of this log could be signed; it is tried again");
                self.unsigned.lock().insert(tenant.clone(), why);
                Following::Waiting(waiting)
            }
            Err(Unsigned::Refused(why)) => {
                tracing::error!(%tenant, %why, "no checkpoint of this log is signed any more; run `parloir verify`");
                self.unsigned.lock().insert(tenant.clone(), why);
                Following::Refused
            }
        }
    }

    /// Puts witnesses' lines under the checkpoint they are for, where they are of these keys. Returns how many
    /// there are under it now.
    pub(crate) fn cosign(
        &self,
        files: &Files,
        note: &Note,
        witnesses: &[PublicKey],
    ) -> std::io::Result<usize> {
        // A line counts by its signature, never by the name it gives itself; one for each witness, or
        // somebody's answers would fill the note.
        let signed = |key: &PublicKey, line: &parloir_proof::note::Signature| {
            key.check(&note.text, line).is_some_and(|checked| checked.is_ok())
        };
        let _one_writer = self.files.lock();
        let mut here = Vec::new();
        for path in [files::CHECKPOINT, files::COSIGNED] {
            if let Some(there) = files.note(path)?.filter(|there| there.text == note.text) {
                here.extend(there.signatures);
            }
        }
        let log = files.chain()?;
        let own = here.iter().chain(&note.signatures).filter(|line| log.iter().any(|key| signed(key, line)));
        let mut lines: Vec<_> = Vec::new();
        for line in own {
            if !lines.contains(line) {
                lines.push(line.clone());
            }
        }
        let mut count = 0;
        for witness in witnesses {
            // The newest first: it is what was just brought.
            if let Some(line) = note.signatures.iter().chain(&here).find(|line| signed(witness, line)) {
                lines.push(line.clone());
                count += 1;
            }
        }
        let whole = Note { text: note.text.clone(), signatures: lines };
        if count > 0 {
            let bytes = whole.to_string();
            // One witness may be slower than the log is growing: what others cosigned since stays.
            let size = |note: &Note| note.text.parse().map_or(0, |checkpoint: Checkpoint| checkpoint.size);
            if files.note(files::COSIGNED)?.is_none_or(|there| size(&there) <= size(&whole)) {
                files.write(files::COSIGNED, bytes.as_bytes())?;
            }
            if files.note(files::CHECKPOINT)?.is_some_and(|newest| newest.text == note.text) {
                files.write(files::CHECKPOINT, bytes.as_bytes())?;
            }
        }
        Ok(count)
    }
}

/// What is signed, or was, and is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) String);

impl<E: std::fmt::Display> From<E> for Refused {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// Keeps the thread's work and its end together.
pub(crate) struct Running {
    pub(crate) durable: Arc<Durable>,
    pub(crate) thread: std::thread::JoinHandle<()>,
}

impl Running {
    pub(crate) fn start(
        (disk, data): (Arc<dyn Disk>, PathBuf),
        kms: Arc<dyn Kms>,
        durable: Arc<Durable>,
    ) -> std::io::Result<Self> {
        let of_thread = Arc::clone(&durable);
        let thread = std::thread::Builder::new().name("journal-log".into()).spawn(move || {
            if let Err(error) = of_thread.run(&disk, &data, &*kms) {
                tracing::error!(%error, "checkpoints are not signed any more: restart");
            }
            of_thread.end();
        })?;
        Ok(Self { durable, thread })
    }

    /// Signs what is left, and ends.
    pub(crate) fn end(self) {
        self.durable.stop();
        let _stopped_already = self.thread.join();
    }
}
