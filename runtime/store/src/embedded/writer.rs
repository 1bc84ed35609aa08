//! The one thread that writes.

use std::collections::HashMap;
use std::fs::File;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::{Address, StoreError, StoredBatch, StoredCondition, StoredOperation};

/// Groups begin at least this far apart. A batch that comes when nothing is going on does not wait.
pub(super) const GROUP: Duration = Duration::from_millis(2);
/// The most batches of one group.
pub(super) const MAX_GROUP: usize = 1_000;

/// A batch that waits.
pub(super) struct Request {
    pub(super) batch: StoredBatch,
    pub(super) answer: oneshot::Sender<Result<Option<usize>, StoreError>>,
    /// Its place in the queue, free again when it is answered.
    pub(super) _room: OwnedSemaphorePermit,
}

/// What the group changes, so far: `None` for deleted.
type Changes = HashMap<Address, Option<Vec<u8>>>;

/// Writes until nobody can ask any more, or the disk fails.
pub(super) fn run(db: &sled::Db, file: &File, requests: &Receiver<Request>) {
    let mut begun: Option<Instant> = None;
    while let Ok(first) = requests.recv() {
        let begin = begun.map_or_else(Instant::now, |begun| begun + GROUP);
        let group = gather(first, requests, begin);
        begun = Some(Instant::now());
        if let Err(error) = commit(db, file, group) {
            tracing::error!(%error, "the storage cannot be written any more; restart when the disk is well");
            return;
        }
    }
}

/// What is waiting, and what comes until `begin`.
fn gather(first: Request, requests: &Receiver<Request>, begin: Instant) -> Vec<Request> {
    let mut group = vec![first];
    while group.len() < MAX_GROUP {
        match requests.recv_timeout(begin.saturating_duration_since(Instant::now())) {
            Ok(request) => group.push(request),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
        }
    }
    group
}

/// Judges and carries out a group, makes it durable, and only then answers.
fn commit(db: &sled::Db, file: &File, group: Vec<Request>) -> Result<(), StoreError> {
    let mut changes = Changes::new();
    let mut answers = Vec::with_capacity(group.len());
    for request in group {
        let Request { batch, answer, _room: room } = request;
        let verdict = judge(db, &changes, &batch.conditions);
        if let Ok(None) = verdict {
            for operation in batch.operations {
                match operation {
                    StoredOperation::Put(address, value) => changes.insert(address, Some(value)),
                    StoredOperation::Delete(address) => changes.insert(address, None),
                };
            }
        }
        answers.push((answer, verdict, room));
    }
    let durable = if changes.is_empty() { Ok(()) } else { write(db, file, changes) };
    for (answer, verdict, _room) in answers {
        let verdict = match &durable {
            Ok(()) => verdict,
            Err(error) => Err(error.clone()),
        };
        let _nobody_waits = answer.send(verdict);
    }
    durable
}

/// The place of the first condition that does not hold.
fn judge(
    db: &sled::Db,
    changes: &Changes,
    conditions: &[StoredCondition],
) -> Result<Option<usize>, StoreError> {
    let equals = |address: &Address, expected: Option<&[u8]>| -> Result<bool, StoreError> {
        if let Some(changed) = changes.get(address) {
            return Ok(changed.as_deref() == expected);
        }
        Ok(db.get(address.as_bytes())?.as_deref() == expected)
    };
    for (place, condition) in conditions.iter().enumerate() {
        let holds = match condition {
            StoredCondition::Equals(address, value) => equals(address, Some(value))?,
            StoredCondition::Absent(address) => equals(address, None)?,
        };
        if !holds {
            return Ok(Some(place));
        }
    }
    Ok(None)
}

fn write(db: &sled::Db, file: &File, changes: Changes) -> Result<(), StoreError> {
    let mut batch = sled::Batch::default();
    for (address, value) in changes {
        match value {
            Some(value) => batch.insert(address.as_bytes(), value),
            None => batch.remove(address.as_bytes()),
        }
    }
    db.apply_batch(batch)?;
    db.flush()?;
    rustix::fs::fdatasync(file).map_err(std::io::Error::from)?;
    Ok(())
}
