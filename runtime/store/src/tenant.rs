//! One tenant's storage: everything sealed, nothing else in reach.

mod count;
mod erase;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use parloir_contract::TenantId;

use crate::batch::{Condition, Operation};
use crate::keys::{Kms, Row, RowKey};
use crate::{
    Address, Applied, Batch, MAX_BATCH, MAX_KEY, Store, StoreError, StoredBatch, StoredCondition,
    StoredOperation, Table, envelope,
};

pub use erase::Dropped;

/// The most entries of one page.
pub const MAX_PAGE: usize = 1_000;

/// How often a conditional batch is tried again because a key was rewritten while it was judged.
const MAX_TRIES: usize = 64;

/// A key and its value.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key, in clear.
    pub key: Vec<u8>,
    /// The value, in clear.
    pub value: Vec<u8>,
    /// Where it rests, and what tells it from every other value there: what it is erased by.
    pub row: Row,
}

/// Where a scan goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(Address);

/// Some entries of a table.
#[derive(Clone, PartialEq, Eq)]
pub struct Page {
    /// In the order of their keys; in no particular order where the table's keys are private.
    pub entries: Vec<Entry>,
    /// Give it to the next scan; `None` when there is no more.
    pub next: Option<Cursor>,
}

/// One tenant's storage. It can address nothing of another tenant. Clones are the same storage.
#[derive(Clone)]
pub struct TenantStore {
    store: Arc<dyn Store>,
    tenant: TenantId,
    key: RowKey,
}

impl TenantStore {
    /// A tenant's storage in a backend. The tenant's key is made on first use. Fails where that can be neither read nor made.
    pub async fn open(store: Arc<dyn Store>, kms: &dyn Kms, tenant: TenantId) -> Result<Self, StoreError> {
        let key = kms.row_key(&tenant).await?;
        Ok(Self { store, tenant, key })
    }

    /// Whose it is.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// What is kept under a key of 1 to [`MAX_KEY`] bytes. Fails for a key of another length, for a value that is damaged or of
    /// an unknown format, and where the backend does.
    pub async fn get(&self, table: Table, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.entry(table, key).await?.map(|entry| entry.value))
    }

    /// The same, with what it is erased by. Fails as [`TenantStore::get`] does.
    pub async fn entry(&self, table: Table, key: impl AsRef<[u8]>) -> Result<Option<Entry>, StoreError> {
        let key = key.as_ref();
        let address = self.address(table, key)?;
        let Some(stored) = self.store.get(&address).await? else { return Ok(None) };
        let Some((_, value)) = envelope::open(&self.key, &address, &stored)? else { return Ok(None) };
        let (life, nonce) = envelope::sealing(&stored)?;
        Ok(Some(Entry { key: key.to_vec(), value, row: Row { address, life, nonce } }))
    }

    /// Up to `limit` entries (at most [`MAX_PAGE`]) whose keys begin with `prefix`, from where `from`
    /// left off.
    ///
    /// In a table of private keys the whole table is read, `limit` entries at a time, and a page
    /// holds those that fit: it may be short, even empty, while [`Page::next`] says there is more.
    pub async fn scan(
        &self,
        table: Table,
        prefix: impl AsRef<[u8]>,
        from: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let (prefix, limit) = (prefix.as_ref(), limit.clamp(1, MAX_PAGE));
        let hidden = table.keys_are_private();
        let below = Address::new(&self.tenant, table, if hidden { b"" } else { prefix })?;
        let after = from.map(|cursor| &cursor.0);
        let found = self.store.scan(&below, after, limit).await?;
        let next = found.last().filter(|_| found.len() == limit).map(|(last, _)| Cursor(last.clone()));
        let mut entries = Vec::with_capacity(found.len());
        for (address, stored) in found {
            let Some((private_key, value)) = envelope::open(&self.key, &address, &stored)? else { continue };
            let key = if hidden { private_key } else { address.key().to_vec() };
            if key.starts_with(prefix) {
                let (life, nonce) = envelope::sealing(&stored)?;
                entries.push(Entry { key, value, row: Row { address, life, nonce } });
            }
        }
        Ok(Page { entries, next })
    }

    /// The place of a key in its table, whether anything is kept there or not: a scan from it goes on with what comes after.
    /// Fails for a key that is empty or too long.
    pub fn cursor(&self, table: Table, key: impl AsRef<[u8]>) -> Result<Cursor, StoreError> {
        Ok(Cursor(self.address(table, key.as_ref())?))
    }

    /// Applies all of a batch, or nothing where an expectation does not hold. Either answer is
    /// durable when it is given. Of two batches that expect the same key absent, one is applied.
    pub async fn apply(&self, batch: Batch) -> Result<Applied, StoreError> {
        apply_together(&self.store, &[(self, &batch)], None).await
    }

    /// The same, where [`TenantStore::remembered`] is `most` at most when it is done, or no more than before.
    ///
    /// # Errors
    /// Those of [`TenantStore::apply`], and [`StoreError::Full`] where it would be more: then nothing changed.
    pub async fn apply_within(&self, batch: Batch, most: u64) -> Result<Applied, StoreError> {
        apply_together(&self.store, &[(self, &batch)], Some(most)).await
    }

    /// Applies a batch of this tenant's and one of another tenant's together: both, or nothing where an expectation of either
    /// does not hold. For what has to be known of the whole installation, such as whose a line is: whoever holds both tenants'
    /// storage may change both, and each value is sealed under the key of its own. Up to [`MAX_BATCH`] of both in all.
    ///
    /// # Errors
    /// Those of [`TenantStore::apply`], and [`StoreError::Apart`] where the two are one tenant, or rest in two backends.
    pub async fn apply_with(&self, batch: Batch, other: &Self, others: Batch) -> Result<Applied, StoreError> {
        if self.tenant == other.tenant || !Arc::ptr_eq(&self.store, &other.store) {
            return Err(StoreError::Apart);
        }
        // Always in the same order, so that two that hold the same two tenants' storage never wait for each other.
        let mut parts = [(self, &batch), (other, &others)];
        parts.sort_by(|(one, _), (two, _)| one.tenant.cmp(&two.tenant));
        apply_together(&self.store, &parts, None).await
    }

    /// The condition for the backend, or `None` where it does not hold now.
    async fn judge(&self, condition: &Condition) -> Result<Option<StoredCondition>, StoreError> {
        let address = self.address(condition.table, &condition.key)?;
        let stored = self.store.get(&address).await?;
        match (&condition.expected, stored) {
            (None, None) => Ok(Some(StoredCondition::Absent(address))),
            (expected, Some(stored)) => {
                // What was erased counts as absent, whatever bytes of it a back-up brought back.
                let value = envelope::open(&self.key, &address, &stored)?.map(|(_, value)| value);
                Ok((value == *expected).then_some(StoredCondition::Equals(address, stored)))
            }
            (Some(_), None) => Ok(None),
        }
    }

    fn stored(&self, operation: &Operation) -> Result<StoredOperation, StoreError> {
        match operation {
            Operation::Put { table, key, value } => {
                let address = self.address(*table, key)?;
                let private_key: &[u8] = if table.keys_are_private() { key } else { b"" };
                let sealed = envelope::seal(&self.key, &address, private_key, value)?;
                Ok(StoredOperation::Put(address, sealed))
            }
            Operation::Delete { table, key } => Ok(StoredOperation::Delete(self.address(*table, key)?)),
        }
    }

    fn address(&self, table: Table, key: &[u8]) -> Result<Address, StoreError> {
        if key.is_empty() || key.len() > MAX_KEY {
            return Err(StoreError::KeyLength { length: key.len(), max: MAX_KEY });
        }
        if !table.keys_are_private() {
            return Address::new(&self.tenant, table, key);
        }
        Address::new(&self.tenant, table, &self.key.hide(table, key))
    }
}

/// Applies batches of tenants that differ and rest in one backend, in the order in which all who hold several have them. `most` is
/// how many bytes each tenant's agents may keep.
async fn apply_together(
    store: &Arc<dyn Store>,
    parts: &[(&TenantStore, &Batch)],
    most: Option<u64>,
) -> Result<Applied, StoreError> {
    let length: usize = parts.iter().map(|(_, batch)| batch.conditions.len() + batch.operations.len()).sum();
    if length > MAX_BATCH {
        return Err(StoreError::BatchTooLarge { length, max: MAX_BATCH });
    }
    let mut nobody_else_counts = Vec::new();
    for (tenant, _) in parts.iter().filter(|(_, batch)| batch.is_counted()) {
        nobody_else_counts.push(tenant.key.counting().lock().await);
    }
    // A value's bytes differ each time it is sealed: an expectation is judged on the value here, and
    // handed to the backend as "these very bytes". If they change in between, it is judged again.
    for _ in 0..MAX_TRIES {
        // What is sealed here would be lost if its key were destroyed before it is kept.
        let mut nothing_is_erased = Vec::with_capacity(parts.len());
        for (tenant, _) in parts {
            nothing_is_erased.push(tenant.key.writing().read().await);
        }
        let mut stored = StoredBatch::default();
        for (tenant, batch) in parts {
            for condition in &batch.conditions {
                match tenant.judge(condition).await? {
                    Some(condition) => stored.conditions.push(condition),
                    None => {
                        let (table, key) = (condition.table, condition.key.clone());
                        return Ok(Applied::ConditionFailed { table, key });
                    }
                }
            }
            let first = stored.operations.len();
            for operation in &batch.operations {
                stored.operations.push(tenant.stored(operation)?);
            }
            tenant.count(&mut stored, first, most).await?;
        }
        let failed = store.apply(stored).await?;
        drop(nothing_is_erased);
        if failed.is_none() {
            return Ok(Applied::Done);
        }
    }
    Err(StoreError::Contended)
}

impl std::fmt::Debug for TenantStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TenantStore({})", self.tenant)
    }
}
