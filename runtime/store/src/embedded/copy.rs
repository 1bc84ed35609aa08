//! A copy of all there is at one moment, while batches are applied: a few rows between two groups, and of what a group is about to
//! change before it was copied, what was there.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::{Address, Each, StoreError, Table};

/// How long batches wait for rows that are copied.
const STEP: Duration = Duration::from_millis(5);
/// What may be kept of what was changed meanwhile, in bytes. Where it is more, batches wait until the copy is done.
const MAX_KEPT: usize = 64 << 20;
/// What a kept row costs beside its bytes.
const ROW: usize = 128;

/// A wish for all there is, of some tables.
pub(super) struct Whole {
    pub(super) wanted: fn(Table) -> bool,
    pub(super) each: Each,
    pub(super) answer: oneshot::Sender<Result<(), StoreError>>,
}

/// A copy that is under way.
pub(super) struct Copying {
    whole: Whole,
    /// The smallest address that was not come to.
    from: Vec<u8>,
    /// What was there, from that address on, of what was changed since: `None` for nothing.
    kept: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    bytes: usize,
}

impl Copying {
    /// Of what there is now.
    pub(super) fn new(whole: Whole) -> Self {
        Self { whole, from: Vec::new(), kept: BTreeMap::new(), bytes: 0 }
    }

    fn wants(&self, address: &Address) -> bool {
        // What this program does not know is not its own to leave out.
        address.table().is_none_or(self.whole.wanted)
    }

    /// Keeps what is there of what is about to be changed.
    pub(super) fn keep<'a>(
        &mut self,
        db: &sled::Db,
        changed: impl Iterator<Item = &'a Address>,
    ) -> Result<(), StoreError> {
        for address in changed {
            let key = address.as_bytes();
            if key < self.from.as_slice() || self.kept.contains_key(key) || !self.wants(address) {
                continue;
            }
            let there = db.get(key)?.map(|value| value.to_vec());
            self.bytes = self.bytes.saturating_add(ROW + key.len() + there.as_ref().map_or(0, Vec::len));
            self.kept.insert(key.to_vec(), there);
        }
        Ok(())
    }

    /// Copies for a moment. Whether all of it is copied now.
    pub(super) fn step(&mut self, db: &sled::Db) -> Result<bool, StoreError> {
        let until = (self.bytes < MAX_KEPT).then(|| Instant::now() + STEP);
        'range: loop {
            for entry in db.range(self.from.clone()..) {
                let (key, value) = entry?;
                // What was there before it, and is gone.
                while let Some(gone) = self.kept.first_entry().filter(|kept| kept.key().as_slice() < &*key) {
                    let (key, value) = gone.remove_entry();
                    self.give(key, value.as_deref())?;
                }
                let address = Address::from_bytes(key.to_vec())?;
                if !self.wants(&address) {
                    self.from = address.after_table();
                    continue 'range;
                }
                let value = match self.kept.remove(&*key) {
                    Some(was) => was,
                    None => Some(value.to_vec()),
                };
                self.give(key.to_vec(), value.as_deref())?;
                self.from = key.to_vec();
                self.from.push(0);
                if until.is_some_and(|until| Instant::now() >= until) {
                    return Ok(false);
                }
            }
            break;
        }
        while let Some((key, value)) = self.kept.pop_first() {
            self.give(key, value.as_deref())?;
        }
        Ok(true)
    }

    fn give(&mut self, key: Vec<u8>, value: Option<&[u8]>) -> Result<(), StoreError> {
        if let Some(value) = value {
            (self.whole.each)(&Address::from_bytes(key)?, value)?;
        }
        Ok(())
    }

    /// Tells whoever waits for it.
    pub(super) fn end(self, done: Result<(), StoreError>) {
        let _nobody_waits = self.whole.answer.send(done);
    }
}
