//! A tenant's storage that lives as long as one conversation, in memory: nothing of it is durable and
//! its keys are no secret. What an agent sees of it is the tenancy's own calendar and memory.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use parloir_contract::TenantId;
use parloir_store::keys::{KeyError, LogKey, Secret};
use parloir_store::{
    Address, Kms, Store, StoreError, StoredBatch, StoredCondition, StoredOperation, TenantStore,
};

/// Values by address.
#[derive(Debug, Default)]
struct Volatile {
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
}

/// Keys that everybody knows.
struct OpenKeys;

#[async_trait]
impl Kms for OpenKeys {
    async fn derive(&self, _tenant: &TenantId, purpose: &str) -> Result<Secret, KeyError> {
        Ok(Secret::from_bytes([0; 32]).derive(purpose))
    }

    async fn wrap(&self, _tenant: &TenantId, _context: &[u8], secret: &Secret) -> Result<Vec<u8>, KeyError> {
        Ok(secret.expose().to_vec())
    }

    async fn unwrap(&self, tenant: &TenantId, _context: &[u8], wrapped: &[u8]) -> Result<Secret, KeyError> {
        let bytes = wrapped.try_into().map_err(|_| KeyError::Refused { tenant: tenant.clone() })?;
        Ok(Secret::from_bytes(bytes))
    }

    async fn log_keys(&self, _tenant: &TenantId) -> Result<Vec<LogKey>, KeyError> {
        Err(no_log())
    }

    async fn sign_log(&self, _tenant: &TenantId, _key: u32, _message: &[u8]) -> Result<[u8; 64], KeyError> {
        Err(no_log())
    }

    async fn rotate_log(&self, _tenant: &TenantId, _published: &[u8; 32]) -> Result<LogKey, KeyError> {
        Err(no_log())
    }
}

/// A rehearsal keeps no journal, and has nothing to sign.
fn no_log() -> KeyError {
    KeyError::Io("a rehearsal keeps no log".to_owned())
}

/// A tenant's store, empty.
pub(crate) async fn open(tenant: TenantId) -> Result<TenantStore, StoreError> {
    TenantStore::open(Arc::new(Volatile::default()), &OpenKeys, tenant).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_does_what_every_store_does_while_it_lives() {
        parloir_store::conformance::check(Arc::new(Volatile::default())).await.unwrap();
    }
}
