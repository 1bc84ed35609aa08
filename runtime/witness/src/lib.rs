//! A witness: a tiny separate process, meant to run at a client's or a third party's.
//!
//! A log can be signed and still be two-faced: one tree for the auditor, another for the client, or yesterday's put
//! back. A witness remembers the last tree it saw of each log, and cosigns the next only where that begins with the
//! last. It speaks C2SP tlog-witness (`POST /add-checkpoint`), so it can stand beside any other witness, and a log
//! may have several. When a log forks or rolls back it keeps the evidence, says so in its log and at `GET /alarms` (status 503), and
//! `parloir witness` ends with an exit code of its own. A log that signed two trees of one size is convicted by that, and
//! nothing of it is cosigned any more. A tree that merely does not follow may have been handed over by anybody, as an old
//! one: that suspicion ends when the log shows a tree that follows, which a log that was rolled back never can. The
//! evidence of both stays, and so does every checkpoint the log ever signed that came by, as far as there is room: a
//! fork is a fork at any size.
//!
//! When a log changes its key, the note by which the old key names the new is handed over (`POST /add-rotation`); the
//! old key counts no more from the first checkpoint on that the new one signed.
//!
//! What may never be here: anything of the runtime, a call's content (there is none in a checkpoint), an
//! answer that is given before what it promises is on disk.
#![forbid(unsafe_code)]

mod http;
pub mod judge;
mod keep;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use parloir_proof::checkpoint::{Checkpoint, Submission};
use parloir_proof::keys;
use parloir_proof::note::{KeyKind, Note, PrivateKey, PublicKey, Signature};

pub use http::router;
pub use judge::Refusal;
use judge::Rotation;
use keep::Keep;

/// A witness of some logs. Clones are the same witness.
#[derive(Clone)]
pub struct Witness {
    inner: Arc<Inner>,
}

struct Inner {
    key: PrivateKey,
    logs: Vec<PublicKey>,
    /// One submission at a time: what is known is read, judged and added to in one go.
    keep: Mutex<Keep>,
}

/// Why a checkpoint was not cosigned.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// It may not be.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The witness cannot remember it.
    #[error("the witness's folder cannot be used: {0}")]
    Io(#[from] io::Error),
}

impl Witness {
    /// Opens a witness's folder, which is made if need be, and its key with it. `logs` are the keys of the logs it
    /// looks after; a log may have several. Refused while another witness uses the folder. Blocks for a few file operations.
    pub fn open(folder: &Path, name: &str, logs: Vec<PublicKey>) -> io::Result<Self> {
        let keep = Keep::open(folder)?;
        let key = keep.key(name)?;
        Ok(Self { inner: Arc::new(Inner { key, logs, keep: Mutex::new(keep) }) })
    }

    /// Its public key, to be given to whoever checks.
    pub fn key(&self) -> PublicKey {
        self.inner.key.public(KeyKind::Witness)
    }

    /// Cosigns a checkpoint, or says why not. What it cosigned is on disk when this returns. Blocks.
    pub fn add(&self, body: &str) -> Result<Signature, WitnessError> {
        let submission: Submission = body.parse().map_err(Refusal::Malformed)?;
        let Checkpoint { origin, size, .. } = judge::origin(&submission.note)?;
        let configured = self.configured(&origin);
        if configured.is_empty() {
            // Nothing is read or kept for whoever makes up names.
            return Err(Refusal::Unknown(origin).into());
        }
        let mut keep = self.inner.keep.lock();
        let last = keep.cosigned(&origin)?;
        let keys = judge::accepted(&configured, &rotations(&keep, &origin, &configured)?, last.as_ref());
        let seen = keep.seen(&origin, size)?;
        let time = now()?;
        let known: Option<Checkpoint> = match &last {
            Some(note) => Some(note.text.parse().map_err(|error| io::Error::other(format!("{error}")))?),
            None => None,
        };
        let judged = judge::judge(&submission, &keys, known.as_ref(), seen.as_ref());
        let is_signed = judged.as_ref().map_or_else(Refusal::is_signed, |_| true);
        if is_signed {
            keep.remember(&judge::origin(&submission.note)?, &submission.note, time)?;
        }
        if judged.is_ok() && keep.is_alarmed(&origin) {
            return Err(Refusal::Alarmed.into());
        }
        match judged {
            Ok(checkpoint) => {
                let line = self.inner.key.cosign(&submission.note.text, time);
                keep.keep(&origin, &submission.note)?;
                keep.clear(&origin)?;
                tracing::info!(log = %origin, size = checkpoint.size, "cosigned");
                Ok(line)
            }
            Err(refusal) => {
                if refusal.is_alarm() {
                    let why = refusal.to_string();
                    let (log, proven) = (&origin, refusal.is_proof());
                    tracing::error!(%log, %why, proven, "ALARM: look at this log; the evidence is in the witness's folder");
                    // Of a fork, the other tree of that size; otherwise what was cosigned last.
                    let before = if proven { keep.note_of(&origin, size)?.or(last) } else { last };
                    let notes: Vec<_> = before.iter().chain([&submission.note]).collect();
                    keep.alarm(&origin, &why, proven, &notes, time)?;
                }
                Err(refusal.into())
            }
        }
    }

    /// Takes in that a log's key gives way to the next ([`parloir_proof::keys`]). From the first checkpoint on that the
    /// next has signed, the one before counts no more. Blocks.
    pub fn rotate(&self, body: &str) -> Result<(), WitnessError> {
        let note: Note = body.parse().map_err(Refusal::Malformed)?;
        let origin = keys::next_key(&note).map_err(Refusal::Malformed)?.name().to_owned();
        let configured = self.configured(&origin);
        let keep = self.inner.keep.lock();
        let (known, time) = (rotations(&keep, &origin, &configured)?, now()?);
        match judge::rotation(&note, &configured, &known) {
            Ok(None) => Ok(()),
            Ok(Some(rotation)) => {
                keep.rotate(&origin, &note, time)?;
                tracing::info!(log = %origin, next = %rotation.next, "the log's key changes");
                Ok(())
            }
            Err(refusal) => {
                if refusal.is_alarm() {
                    let why = refusal.to_string();
                    tracing::error!(log = %origin, %why, proven = true, "ALARM: look at this log; the evidence is in the witness's folder");
                    let there = keep.rotations(&origin)?;
                    let notes: Vec<_> = there.iter().chain([&note]).collect();
                    keep.alarm(&origin, &why, refusal.is_proof(), &notes, time)?;
                }
                Err(refusal.into())
            }
        }
    }

    /// The keys of a log that were given at the start.
    fn configured(&self, origin: &str) -> Vec<PublicKey> {
        self.inner.logs.iter().filter(|key| key.name() == origin).cloned().collect()
    }

    /// The alarms that nobody has dealt with, in words.
    pub fn alarms(&self) -> io::Result<Vec<String>> {
        self.inner.keep.lock().alarms()
    }
}

/// How the log's keys follow one another, as far as it is known.
fn rotations(keep: &Keep, origin: &str, configured: &[PublicKey]) -> io::Result<Vec<Rotation>> {
    let mut known = Vec::new();
    for note in keep.rotations(origin)? {
        // What was kept was judged then; a key that is not configured any more takes those after it along.
        if let Ok(Some(rotation)) = judge::rotation(&note, configured, &known) {
            known.push(rotation);
        }
    }
    Ok(known)
}

/// Seconds since 1970-01-01 UTC.
fn now() -> io::Result<u64> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Ok(since.map_err(io::Error::other)?.as_secs())
}

impl std::fmt::Debug for Witness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Witness({})", self.key())
    }
}

#[cfg(test)]
mod tests;
