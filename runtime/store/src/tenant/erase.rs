//! Erasing rows: their keys first, then their bytes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::MAX_TRIES;
use crate::keys::{Gone, Kms, Life, Row, Rows};
use crate::{
    Address, MAX_BATCH, StoreError, StoredBatch, StoredCondition, StoredOperation, Table, TenantStore,
    envelope,
};

/// How long an erasure waits its turn, all pauses together, where another program keeps changing what is remembered.
const PATIENCE: Duration = Duration::from_secs(60);
/// The first pause, and the longest: each is twice the one before.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

/// How long to pause once the count moved so often before it was written: not at all at first.
fn pause(moved: usize) -> Duration {
    let (first, longest) = PAUSES;
    match moved.checked_sub(MAX_TRIES) {
        None => Duration::ZERO,
        Some(before) => first.saturating_mul(1 << before.min(16)).min(longest),
    }
}

/// A row as it rests, and what it becomes: nothing for `None`.
struct Change {
    address: Address,
    before: Vec<u8>,
    after: Option<Vec<u8>>,
}

/// Rows that were put back from a back-up, and that nothing opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dropped {
    /// How many were erased.
    pub erased: u64,
    /// How many were sealed under keys that came after those there are: newer keys would open them.
    pub later: u64,
}

impl TenantStore {
    /// What these rows are, as they are now: it may be erased any number of times.
    pub fn gone(&self, rows: &[Rows]) -> Vec<Gone> {
        let gone = |rows: &Rows| match rows {
            Rows::At(row) => Gone::At(row.clone()),
            Rows::Of(table) => Gone::Of { table: *table, upto: self.life(*table) },
        };
        rows.iter().map(gone).collect()
    }

    /// How often a table was erased.
    pub fn life(&self, table: Table) -> u32 {
        self.key.life(table)
    }

    /// Erases rows: their keys are destroyed first, then their bytes are deleted. Every value that they ever had is
    /// unreadable then, in freed space and in every back-up too. What is written at their addresses afterwards is as new, and so
    /// is what was written at the address of a single row since it was found. Doing it again finishes what was cut
    /// off, and takes nothing more. Returns how many rows there were. Fails where a key is not destroyed or a row not deleted: do
    /// it again.
    pub async fn erase(&self, kms: &dyn Kms, gone: &[Gone]) -> Result<u64, StoreError> {
        {
            let _nobody_writes = self.key.writing().write().await;
            for gone in gone {
                self.spare(gone).await?;
            }
            kms.erase_rows(&self.tenant, gone).await?;
        }
        let mut found = 0;
        for gone in gone {
            match gone {
                Gone::At(row) => {
                    let stored = self.store.get(&row.address).await?;
                    let gone = stored.map(|stored| (row.address.clone(), stored)).into_iter().collect();
                    found += self.delete_erased(gone, |life| life == row.life).await?;
                }
                Gone::Of { table, upto } => {
                    let below = Address::new(&self.tenant, *table, b"")?;
                    let mut after: Option<Address> = None;
                    loop {
                        let page = self.store.scan(&below, after.as_ref(), MAX_BATCH / 2).await?;
                        let Some((last, _)) = page.last() else { break };
                        after = Some(last.clone());
                        found += self.delete_erased(page, |life| life.table <= *upto).await?;
                    }
                }
            }
        }
        Ok(found)
    }

    /// Deletes rows that are to be erased, where they were put back from a back-up and nothing was written since: whatever is at an
    /// address of the life that ends is from before the erasure, another value than the one that was found or not. Their keys stay,
    /// for whoever erases them. Returns how many rows there were.
    pub async fn forget(&self, gone: &[Gone]) -> Result<u64, StoreError> {
        let mut found = 0;
        for gone in gone {
            match gone {
                Gone::At(row) => {
                    let stored = self.store.get(&row.address).await?;
                    let of_life =
                        |stored: &Vec<u8>| envelope::sealing(stored).is_ok_and(|(life, _)| life == row.life);
                    if let Some(before) = stored.filter(of_life) {
                        found += 1;
                        self.change(vec![Change { address: row.address.clone(), before, after: None }])
                            .await?;
                    }
                }
                Gone::Of { table, upto } => {
                    found += self
                        .delete_where(*table, |_, stored| {
                            envelope::sealing(stored).is_ok_and(|(life, _)| life.table <= *upto)
                        })
                        .await?;
                }
            }
        }
        Ok(found)
    }

    /// Deletes what was put back from a back-up and nothing opens: what was erased, and, where the keys are older than the rows, what
    /// was written since a table was erased. What cannot be read for another reason stays as it is.
    pub async fn drop_erased(&self) -> Result<Dropped, StoreError> {
        let (mut dropped, later) = (0, AtomicU64::new(0));
        for table in Table::ALL {
            let life = self.life(table);
            let goes = |address: &Address, stored: &[u8]| match envelope::open(&self.key, address, stored) {
                Ok(Some(_)) => false,
                Ok(None) => {
                    let is_later = envelope::sealing(stored).is_ok_and(|(sealed, _)| sealed.table > life);
                    later.fetch_add(u64::from(is_later), Ordering::Relaxed);
                    true
                }
                Err(error) => {
                    tracing::error!(tenant = %self.tenant, ?table, %error, "a row cannot be read");
                    false
                }
            };
            dropped += self.delete_where(table, goes).await?;
        }
        let later = later.into_inner();
        Ok(Dropped { erased: dropped.saturating_sub(later), later })
    }

    /// Deletes the rows of a table that are so. How many there were.
    async fn delete_where(
        &self,
        table: Table,
        goes: impl Fn(&Address, &[u8]) -> bool + Send + Sync,
    ) -> Result<u64, StoreError> {
        let below = Address::new(&self.tenant, table, b"")?;
        let (mut found, mut after) = (0, None::<Address>);
        loop {
            let page = self.store.scan(&below, after.as_ref(), MAX_BATCH / 2).await?;
            let Some((last, _)) = page.last() else { return Ok(found) };
            after = Some(last.clone());
            let mut changes = Vec::new();
            for (address, before) in page {
                if goes(&address, &before) {
                    changes.push(Change { address, before, after: None });
                }
            }
            found += changes.len() as u64;
            self.change(changes).await?;
        }
    }

    /// Erases what a table had up to a life of it, all but the rows whose keys stay: those are sealed anew, page by page, and
    /// then what opened all of them is destroyed. Unlike single rows, what is erased so takes no room for ever. What
    /// is written meanwhile stays. Doing it again finishes what was cut off. Returns how many rows went.
    ///
    /// A row that cannot be read goes too, one that a later version of this program wrote among them: it is for tables that can be
    /// made again from something else, as the index of calls is from the log.
    pub async fn renew(
        &self,
        kms: &dyn Kms,
        table: Table,
        upto: u32,
        stays: impl Fn(&[u8]) -> bool + Send + Sync,
    ) -> Result<u64, StoreError> {
        {
            let _nobody_writes = self.key.writing().write().await;
            kms.renew_rows(&self.tenant, table, upto).await?;
        }
        let below = Address::new(&self.tenant, table, b"")?;
        let (mut gone, mut after) = (0, None::<Address>);
        loop {
            let page = self.store.scan(&below, after.as_ref(), MAX_BATCH / 2).await?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            let mut changes = Vec::with_capacity(page.len());
            for (address, before) in page {
                let sealed = envelope::sealing(&before).map(|(life, _)| life.table);
                if sealed.is_ok_and(|life| life > upto) {
                    continue;
                }
                let anew = match envelope::open(&self.key, &address, &before) {
                    Ok(Some((private, value))) => {
                        let key = if table.keys_are_private() { private.as_slice() } else { address.key() };
                        let anew = || envelope::seal(&self.key, &address, &private, &value);
                        stays(key).then(anew).transpose()?
                    }
                    Ok(None) => None,
                    Err(error) => {
                        tracing::error!(tenant = %self.tenant, ?table, %error, "a row that cannot be read is deleted");
                        None
                    }
                };
                gone += u64::from(anew.is_none());
                changes.push(Change { address, before, after: anew });
            }
            self.change(changes).await?;
        }
        kms.erase_rows(&self.tenant, &[Gone::Of { table, upto }]).await?;
        Ok(gone)
    }

    /// Seals anew what was written at an address since the row was found there that is erased: under a leaf that stays.
    async fn spare(&self, gone: &Gone) -> Result<(), StoreError> {
        let Gone::At(row) = gone else { return Ok(()) };
        for _ in 0..MAX_TRIES {
            if self.spared(row).await? {
                return Ok(());
            }
        }
        Err(StoreError::Contended)
    }

    /// The same, where nobody else writes there at the time. Whether nobody did.
    async fn spared(&self, row: &Row) -> Result<bool, StoreError> {
        let Some(before) = self.store.get(&row.address).await? else { return Ok(true) };
        // What cannot be read now is no worse off without its key.
        let Ok((life, nonce)) = envelope::sealing(&before) else { return Ok(true) };
        if life != row.life || nonce == row.nonce {
            return Ok(true);
        }
        let Ok(Some((private, value))) = envelope::open(&self.key, &row.address, &before) else {
            return Ok(true);
        };
        let next = self.key.after(&row.address, life)?;
        let anew = envelope::seal_under(next, &row.address, &private, &value)?;
        let batch = StoredBatch {
            conditions: vec![StoredCondition::Equals(row.address.clone(), before)],
            operations: vec![StoredOperation::Put(row.address.clone(), anew)],
        };
        Ok(self.store.apply(batch).await?.is_none())
    }

    /// Deletes those of these rows that do not open any more, and the damaged ones of a life that ended, or of which nobody can
    /// say any more of what life they are: what they were is erased, and damage keeps nothing of it. How many there were.
    async fn delete_erased(
        &self,
        rows: Vec<(Address, Vec<u8>)>,
        ended: impl Fn(Life) -> bool + Send + Sync,
    ) -> Result<u64, StoreError> {
        let mut gone = Vec::new();
        for (address, before) in rows {
            let goes = match envelope::open(&self.key, &address, &before) {
                Ok(opened) => opened.is_none(),
                Err(error) => {
                    let goes = envelope::sealing(&before).map_or(true, |(life, _)| ended(life));
                    tracing::error!(tenant = %self.tenant, %error, deleted = goes, "a row among those that are erased cannot be read");
                    goes
                }
            };
            if goes {
                gone.push(Change { address, before, after: None });
            }
        }
        let count = gone.len() as u64;
        self.change(gone).await?;
        Ok(count)
    }

    /// Changes rows that are still as they were found; the others stay as they are.
    async fn change(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        let batch = |changes: &[Change]| StoredBatch {
            conditions: changes
                .iter()
                .map(|change| StoredCondition::Equals(change.address.clone(), change.before.clone()))
                .collect(),
            operations: changes
                .iter()
                .map(|change| match &change.after {
                    Some(after) => StoredOperation::Put(change.address.clone(), after.clone()),
                    None => StoredOperation::Delete(change.address.clone()),
                })
                .collect(),
        };
        if changes.is_empty() {
            return Ok(());
        }
        if !self.apply_counted(&batch(&changes)).await? {
            // Somebody wrote at one of them meanwhile: that stays.
            for change in &changes {
                let _written_anew = self.apply_counted(&batch(std::slice::from_ref(change))).await?;
            }
        }
        Ok(())
    }

    /// Applies changes with what they change of the count. Whether what they expect was so: where the count alone moved, it is counted
    /// again. Whoever moves it is another program: for that one it waits, as long as [`PATIENCE`] says, and keeps nobody of this one
    /// from what they remember meanwhile.
    async fn apply_counted(&self, changes: &StoredBatch) -> Result<bool, StoreError> {
        let own = changes.conditions.len();
        let (mut moved, mut waited) = (0, Duration::ZERO);
        loop {
            {
                let _nobody_else_counts = self.key.counting().lock().await;
                // The count is sealed here.
                let _nothing_is_erased = self.key.writing().read().await;
                let mut counted = changes.clone();
                self.count(&mut counted, 0, None).await?;
                match self.store.apply(counted).await? {
                    None => return Ok(true),
                    Some(failed) if failed < own => return Ok(false),
                    Some(_) => moved += 1,
                }
            }
            let pause = pause(moved);
            if pause.is_zero() {
                continue;
            }
            let seconds = PATIENCE.as_secs();
            if waited >= PATIENCE {
                return Err(StoreError::NoTurn { seconds });
            }
            if waited.is_zero() {
                tracing::warn!(tenant = %self.tenant, seconds, "another program keeps changing how much is remembered: an erasure waits its turn, for so many seconds at most");
            }
            tokio::time::sleep(pause).await;
            waited += pause;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_their_turn_pauses_longer_each_time_and_comes_to_an_end() {
        assert_eq!([0, 1, MAX_TRIES - 1].map(pause), [Duration::ZERO; 3]);
        let pauses =
            [0, 1, 5, 6, 1_000, usize::MAX - MAX_TRIES].map(|more| pause(MAX_TRIES + more).as_millis());
        assert_eq!(pauses, [10, 20, 320, 500, 500, 500]);
    }
}
