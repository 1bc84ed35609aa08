//! The one thread that writes.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::copy::{Copying, Whole};
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

/// What the writer is asked for.
pub(super) enum Work {
    Batch(Request),
    Whole(Whole),
}

/// What the group changes, so far: `None` for deleted.
type Changes = HashMap<Address, Option<Vec<u8>>>;

/// Writes until nobody can ask any more, or the disk fails.
pub(super) fn run(db: &sled::Db, file: &File, requests: &Receiver<Work>) {
    let mut begun: Option<Instant> = None;
    let (mut copying, mut waiting) = (None::<Copying>, VecDeque::new());
    loop {
        let first = match &copying {
            // Nobody waits for a batch while a copy goes on, and the copy for nobody.
            Some(_) => requests.try_recv().ok(),
            None => match requests.recv() {
                Ok(work) => Some(work),
                Err(_) => return,
            },
        };
        if let Some(first) = first {
            let begin = begun.map_or_else(Instant::now, |begun| begun + GROUP);
            let (group, whole) = gather(first, requests, begin);
            begun = Some(Instant::now());
            if let Err(error) = commit(db, file, group, copying.as_mut()) {
                tracing::error!(%error, "the storage cannot be written any more; restart when the disk is well");
                return;
            }
            waiting.extend(whole);
        }
        copying = match copying.take().or_else(|| waiting.pop_front().map(Copying::new)) {
            Some(mut copy) => match copy.step(db) {
                Ok(false) => Some(copy),
                done => {
                    copy.end(done.map(drop));
                    waiting.pop_front().map(Copying::new)
                }
            },
            None => None,
        };
    }
}

/// What is waiting, and what comes until `begin`; with a wish for all there is, where that comes next.
fn gather(first: Work, requests: &Receiver<Work>, begin: Instant) -> (Vec<Request>, Option<Whole>) {
    let (mut group, mut next) = (Vec::new(), Some(first));
    while let Some(work) = next.take() {
        match work {
            Work::Batch(request) => group.push(request),
            Work::Whole(whole) => return (group, Some(whole)),
        }
        if group.len() < MAX_GROUP {
            next = requests.recv_timeout(begin.saturating_duration_since(Instant::now())).ok();
        }
    }
    (group, None)
}

/// Judges and carries out a group, makes it durable, and only then answers. A copy that is under way has what it changes as it was.
fn commit(
    db: &sled::Db,
    file: &File,
    group: Vec<Request>,
    copying: Option<&mut Copying>,
) -> Result<(), StoreError> {
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
    let kept = copying.map_or(Ok(()), |copying| copying.keep(db, changes.keys()));
    let durable = kept.and_then(|()| if changes.is_empty() { Ok(()) } else { write(db, file, changes) });
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
