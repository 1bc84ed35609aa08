//! A tenant's key-value storage, as its agents see it.

use parloir_contract::{CompareAndSet, Refusal, SetMemory};
use parloir_store::{Applied, Batch, Table, TenantStore};

/// A key's length in bytes, at most.
const KEY_BYTES: usize = 256;
/// A value's length in bytes, at most.
const VALUE_BYTES: usize = 3 << 10;

/// One tenant's memory.
#[derive(Debug, Clone)]
pub struct Memory {
    store: TenantStore,
}

impl Memory {
    /// The memory of the tenant whose store this is.
    pub fn new(store: TenantStore) -> Self {
        Self { store }
    }

    /// The value under a key.
    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Refusal> {
        check_key(key)?;
        self.store.get(Table::Memory, key).await.map_err(|e| failed(&e))
    }

    /// Stores a value; durable on return.
    pub async fn set(&self, set: SetMemory) -> Result<(), Refusal> {
        let SetMemory { key, value } = set;
        check_key(&key)?;
        check_value(&value)?;
        self.store.apply(Batch::new().put(Table::Memory, &key, value)).await.map(drop).map_err(|e| failed(&e))
    }

    /// Stores a value if the present one is as expected; says whether it did.
    pub async fn compare_and_set(&self, request: CompareAndSet) -> Result<bool, Refusal> {
        let CompareAndSet { key, expected, value } = request;
        check_key(&key)?;
        check_value(&value)?;
        let batch = match expected {
            Some(expected) => Batch::new().expect_value(Table::Memory, &key, expected),
            None => Batch::new().expect_absent(Table::Memory, &key),
        };
        let applied =
            self.store.apply(batch.put(Table::Memory, &key, value)).await.map_err(|e| failed(&e))?;
        Ok(matches!(applied, Applied::Done))
    }

    /// Deletes a value; durable on return.
    pub async fn delete(&self, key: &str) -> Result<(), Refusal> {
        check_key(key)?;
        self.store.apply(Batch::new().delete(Table::Memory, key)).await.map(drop).map_err(|e| failed(&e))
    }
}

fn check_key(key: &str) -> Result<(), Refusal> {
    if key.is_empty() || key.len() > KEY_BYTES {
        return Err(Refusal::Invalid(format!("a key has 1 to {KEY_BYTES} bytes")));
    }
    Ok(())
}

fn check_value(value: &[u8]) -> Result<(), Refusal> {
    if value.len() > VALUE_BYTES {
        return Err(Refusal::Invalid(format!(
            "a value has at most {VALUE_BYTES} bytes: keep larger things elsewhere"
        )));
    }
    Ok(())
}

fn failed(error: &dyn std::fmt::Display) -> Refusal {
    tracing::error!(%error, "the tenant's memory could not be reached");
    Refusal::Unavailable("storage failed; the host's log says why".into())
}
