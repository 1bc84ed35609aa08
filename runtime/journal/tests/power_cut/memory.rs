//! A store in memory: the index is rebuilt from the segments at every start.

use std::collections::BTreeMap;

use async_trait::async_trait;
use parking_lot::Mutex;
use parloir_store::{Address, Store, StoreError, StoredBatch, StoredCondition, StoredOperation};

#[derive(Default)]
pub(crate) struct Memory(Mutex<BTreeMap<Address, Vec<u8>>>);

#[async_trait]
impl Store for Memory {
    async fn get(&self, address: &Address) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.lock().get(address).cloned())
    }

    async fn scan(
        &self,
        prefix: &Address,
        after: Option<&Address>,
        limit: usize,
    ) -> Result<Vec<(Address, Vec<u8>)>, StoreError> {
        let entries = self.0.lock();
        let within = entries
            .iter()
            .filter(|(address, _)| address.as_bytes().starts_with(prefix.as_bytes()))
            .filter(|(address, _)| after.is_none_or(|after| *address > after));
        Ok(within.take(limit).map(|(address, value)| (address.clone(), value.clone())).collect())
    }

    async fn apply(&self, batch: StoredBatch) -> Result<Option<usize>, StoreError> {
        let mut entries = self.0.lock();
        let holds = |condition: &StoredCondition| match condition {
            StoredCondition::Equals(address, value) => entries.get(address) == Some(value),
            StoredCondition::Absent(address) => !entries.contains_key(address),
        };
        if let Some(place) = batch.conditions.iter().position(|condition| !holds(condition)) {
            return Ok(Some(place));
        }
        for operation in batch.operations {
            match operation {
                StoredOperation::Put(address, value) => entries.insert(address, value),
                StoredOperation::Delete(address) => entries.remove(&address),
            };
        }
        Ok(None)
    }
}
