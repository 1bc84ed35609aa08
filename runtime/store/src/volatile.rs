//! A backend in memory: for a world that ends with its conversation, and for tests. Nothing of it is durable.

use std::collections::BTreeMap;
use std::ops::Bound;

use async_trait::async_trait;
use parking_lot::Mutex;

use crate::{Address, Each, Store, StoreError, StoredBatch, StoredCondition, StoredOperation, Table};

/// Values by address, gone when it is dropped.
#[derive(Debug, Default)]
pub struct Volatile {
    values: Mutex<BTreeMap<Address, Vec<u8>>>,
}

#[async_trait]
impl Store for Volatile {
    async fn get(&self, address: &Address) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.values.lock().get(address).cloned())
    }

    async fn scan(
        &self,
        prefix: &Address,
        after: Option<&Address>,
        limit: usize,
    ) -> Result<Vec<(Address, Vec<u8>)>, StoreError> {
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            Some(_) | None => Bound::Included(prefix),
        };
        let values = self.values.lock();
        let found = values
            .range((from, Bound::Unbounded))
            .take_while(|(address, _)| address.as_bytes().starts_with(prefix.as_bytes()))
            .take(limit);
        Ok(found.map(|(address, value)| (address.clone(), value.clone())).collect())
    }

    async fn apply(&self, batch: StoredBatch) -> Result<Option<usize>, StoreError> {
        let mut values = self.values.lock();
        let fails = batch.conditions.iter().position(|condition| match condition {
            StoredCondition::Equals(address, value) => values.get(address) != Some(value),
            StoredCondition::Absent(address) => values.contains_key(address),
        });
        if fails.is_none() {
            for operation in batch.operations {
                match operation {
                    StoredOperation::Put(address, value) => drop(values.insert(address, value)),
                    StoredOperation::Delete(address) => drop(values.remove(&address)),
                }
            }
        }
        Ok(fails)
    }

    async fn everything(&self, wanted: fn(Table) -> bool, mut each: Each) -> Result<(), StoreError> {
        let values = self.values.lock();
        let mut wanted = values.iter().filter(|(address, _)| address.table().is_none_or(wanted));
        wanted.try_for_each(|(address, value)| each(address, value))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn it_does_what_every_store_does_while_it_lives() {
        crate::conformance::check(Arc::new(Volatile::default())).await.unwrap();
    }
}
