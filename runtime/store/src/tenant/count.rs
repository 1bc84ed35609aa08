//! How many bytes a tenant's agents keep, in memory and in the calendar: a row that changes together with what it counts, so that neither a crash nor an
//! erasure leaves it other than the rows.
//!
//! A row counts as it rests: its key, and its sealed value. In a store that has no such row yet, or where it cannot be read, what
//! is there is added up with the next change.

use std::collections::BTreeMap;

use super::MAX_PAGE;
use crate::{
    Address, StoreError, StoredBatch, StoredCondition, StoredOperation, Table, TenantStore, envelope,
};

/// Where the count rests in [`Table::Usage`].
const COUNT: &[u8] = b"kept by agents";
/// Where it rested as long as appointments were not counted: it goes as soon as all is added up.
const OLDER: &[u8] = b"remembered";

/// What is kept.
struct Counted {
    bytes: u64,
    /// That the count is still as it was read.
    condition: StoredCondition,
    /// Whether it was added up, for it was not kept.
    anew: bool,
}

/// Bytes that a row takes.
fn weight(address: &Address, stored: &[u8]) -> u64 {
    (address.key().len() + stored.len()) as u64
}

impl TenantStore {
    /// How many bytes all rows take that agents keep ([`Table::is_kept_by_agents`]): their keys and their values, sealed. Fails where
    /// the backend does.
    pub async fn remembered(&self) -> Result<u64, StoreError> {
        let _nobody_else_counts = self.key.counting().lock().await;
        Ok(self.counted().await?.bytes)
    }

    /// Adds to a batch what those of its operations change of the count that are this tenant's: all from the `first` on. Whoever
    /// asks holds [`RowKey::counting`](crate::RowKey::counting) until it is applied.
    ///
    /// # Errors
    /// [`StoreError::Full`] where there would be more than before and more than `most`.
    pub(super) async fn count(
        &self,
        batch: &mut StoredBatch,
        first: usize,
        most: Option<u64>,
    ) -> Result<(), StoreError> {
        // Of two operations on one address the later stands.
        let mut becomes = BTreeMap::new();
        for operation in batch.operations.iter().skip(first) {
            let (address, bytes) = match operation {
                StoredOperation::Put(address, stored) => (address, weight(address, stored)),
                StoredOperation::Delete(address) => (address, 0),
            };
            if address.table().is_some_and(Table::is_kept_by_agents) {
                becomes.insert(address.clone(), bytes);
            }
        }
        if becomes.is_empty() {
            return Ok(());
        }
        let (mut before, mut after) = (0_u64, 0_u64);
        for (address, bytes) in becomes {
            after += bytes;
            let expected = batch.conditions.iter().find_map(|condition| match condition {
                StoredCondition::Equals(at, stored) => (*at == address).then(|| weight(at, stored)),
                StoredCondition::Absent(at) => (*at == address).then_some(0),
            });
            if let Some(bytes) = expected {
                before += bytes;
            } else if let Some(stored) = self.store.get(&address).await? {
                before += weight(&address, &stored);
                batch.conditions.push(StoredCondition::Equals(address, stored));
            } else {
                batch.conditions.push(StoredCondition::Absent(address));
            }
        }
        let Counted { bytes: counted, condition, anew } = self.counted().await?;
        let bytes = counted.saturating_sub(before).saturating_add(after);
        if let Some(most) = most.filter(|most| after > before && bytes > *most) {
            if anew {
                if counted > most {
                    tracing::warn!(tenant = %self.tenant, counted, most, "a tenant's agents keep more than they may: until some of it is deleted, nothing is added");
                }
                // What is refused keeps no count: all would be added up again the next time. One that is there meanwhile is as good.
                let operations = self.recount(&condition, counted, anew)?;
                let _kept = self.store.apply(StoredBatch { conditions: vec![condition], operations }).await?;
            }
            return Err(StoreError::Full { most });
        }
        batch.operations.extend(self.recount(&condition, bytes, anew)?);
        batch.conditions.push(condition);
        Ok(())
    }

    /// Keeps another count where this one was, whether it was kept there or added up anew.
    fn recount(
        &self,
        condition: &StoredCondition,
        bytes: u64,
        anew: bool,
    ) -> Result<Vec<StoredOperation>, StoreError> {
        let (StoredCondition::Equals(address, _) | StoredCondition::Absent(address)) = condition;
        let mut operations = Vec::new();
        if anew || bytes == 0 {
            operations.push(StoredOperation::Delete(self.address(Table::Usage, OLDER)?));
        }
        // Of a tenant of whom everything is erased nothing is left, the count neither.
        operations.push(if bytes == 0 {
            StoredOperation::Delete(address.clone())
        } else {
            let sealed = envelope::seal(&self.key, address, b"", &bytes.to_be_bytes())?;
            StoredOperation::Put(address.clone(), sealed)
        });
        Ok(operations)
    }

    /// The count, and that it is still so.
    async fn counted(&self) -> Result<Counted, StoreError> {
        let address = self.address(Table::Usage, COUNT)?;
        let Some(stored) = self.store.get(&address).await? else {
            let condition = StoredCondition::Absent(address);
            return Ok(Counted { bytes: self.added_up().await?, condition, anew: true });
        };
        let kept = match envelope::open(&self.key, &address, &stored) {
            Ok(kept) => kept.and_then(|(_, value)| <[u8; 8]>::try_from(value).ok()),
            Err(error) => {
                tracing::error!(tenant = %self.tenant, %error, "how many bytes agents keep cannot be read: they are added up");
                None
            }
        };
        let bytes = match kept {
            Some(bytes) => u64::from_be_bytes(bytes),
            None => self.added_up().await?,
        };
        Ok(Counted { bytes, condition: StoredCondition::Equals(address, stored), anew: kept.is_none() })
    }

    /// What all rows take.
    async fn added_up(&self) -> Result<u64, StoreError> {
        let mut bytes = 0;
        for table in Table::ALL.into_iter().filter(|table| table.is_kept_by_agents()) {
            let below = Address::new(&self.tenant, table, b"")?;
            let mut after = None::<Address>;
            loop {
                let page = self.store.scan(&below, after.as_ref(), MAX_PAGE).await?;
                let Some((last, _)) = page.last() else { break };
                after = Some(last.clone());
                bytes += page.iter().map(|(address, stored)| weight(address, stored)).sum::<u64>();
            }
        }
        Ok(bytes)
    }
}
