//! One tenant's storage: everything sealed, nothing else in reach.

use std::sync::Arc;

use parloir_contract::TenantId;

use crate::batch::{Condition, Operation};
use crate::keys::{Kms, RowKey, Rows};
use crate::{
    Address, Applied, Batch, MAX_BATCH, MAX_KEY, Store, StoreError, StoredBatch, StoredCondition,
    StoredOperation, Table, envelope,
};

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
    /// A tenant's storage in a backend. The tenant's key is made on first use.
    pub async fn open(store: Arc<dyn Store>, kms: &dyn Kms, tenant: TenantId) -> Result<Self, StoreError> {
        let key = kms.row_key(&tenant).await?;
        Ok(Self { store, tenant, key })
    }

    /// Whose it is.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// What is kept under a key of 1 to [`MAX_KEY`] bytes.
    pub async fn get(&self, table: Table, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>, StoreError> {
        let address = self.address(table, key.as_ref())?;
        let stored = self.store.get(&address).await?;
        let Some(stored) = stored else { return Ok(None) };
        Ok(envelope::open(&self.key, &address, &stored)?.map(|(_, value)| value))
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
                entries.push(Entry { key, value });
            }
        }
        Ok(Page { entries, next })
    }

    /// Applies all of a batch, or nothing where an expectation does not hold. Either answer is
    /// durable when it is given. Of two batches that expect the same key absent, one is applied.
    pub async fn apply(&self, batch: Batch) -> Result<Applied, StoreError> {
        let length = batch.conditions.len() + batch.operations.len();
        if length > MAX_BATCH {
            return Err(StoreError::BatchTooLarge { length, max: MAX_BATCH });
        }
        let operations =
            batch.operations.iter().map(|operation| self.stored(operation)).collect::<Result<Vec<_>, _>>()?;
        // A value's bytes differ each time it is sealed: an expectation is judged on the value here, and
        // handed to the backend as "these very bytes". If they change in between, it is judged again.
        for _ in 0..MAX_TRIES {
            let mut conditions = Vec::with_capacity(batch.conditions.len());
            for condition in &batch.conditions {
                match self.judge(condition).await? {
                    Some(stored) => conditions.push(stored),
                    None => {
                        let (table, key) = (condition.table, condition.key.clone());
                        return Ok(Applied::ConditionFailed { table, key });
                    }
                }
            }
            let stored = StoredBatch { conditions, operations: operations.clone() };
            if self.store.apply(stored).await?.is_none() {
                return Ok(Applied::Done);
            }
        }
        Err(StoreError::Contended)
    }

    /// Where a key of 1 to [`MAX_KEY`] bytes rests: what a row is named by to be erased.
    pub fn address_of(&self, table: Table, key: impl AsRef<[u8]>) -> Result<Address, StoreError> {
        self.address(table, key.as_ref())
    }

    /// Erases rows: their keys are destroyed first, then their bytes are deleted. Every value that they ever had is
    /// unreadable then, in freed space and in every back-up too. What is written at their addresses afterwards is as new.
    /// Doing it again finishes what was cut off. Returns how many rows there were.
    pub async fn erase(&self, kms: &dyn Kms, rows: &[Rows]) -> Result<u64, StoreError> {
        kms.erase_rows(&self.tenant, rows).await?;
        let mut found = 0;
        for rows in rows {
            match rows {
                Rows::At(address) => {
                    let stored = self.store.get(address).await?;
                    let gone = stored.map(|stored| (address.clone(), stored)).into_iter().collect();
                    found += self.delete_erased(gone).await?;
                }
                Rows::Of(table) => {
                    let below = Address::new(&self.tenant, *table, b"")?;
                    let mut after: Option<Address> = None;
                    loop {
                        let page = self.store.scan(&below, after.as_ref(), MAX_BATCH / 2).await?;
                        let Some((last, _)) = page.last() else { break };
                        after = Some(last.clone());
                        found += self.delete_erased(page).await?;
                    }
                }
            }
        }
        Ok(found)
    }

    /// Deletes those of these rows that do not open any more. How many there were.
    async fn delete_erased(&self, rows: Vec<(Address, Vec<u8>)>) -> Result<u64, StoreError> {
        let mut gone = Vec::new();
        for (address, stored) in rows {
            if envelope::open(&self.key, &address, &stored)?.is_none() {
                gone.push((address, stored));
            }
        }
        let count = gone.len() as u64;
        let delete = |rows: &[(Address, Vec<u8>)]| StoredBatch {
            conditions: rows
                .iter()
                .map(|(at, value)| StoredCondition::Equals(at.clone(), value.clone()))
                .collect(),
            operations: rows.iter().map(|(at, _)| StoredOperation::Delete(at.clone())).collect(),
        };
        if count > 0 && self.store.apply(delete(&gone)).await?.is_some() {
            // Somebody wrote at one of them meanwhile: that stays, the others go.
            for row in &gone {
                let _written_anew = self.store.apply(delete(std::slice::from_ref(row))).await?;
            }
        }
        Ok(count)
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
        Address::new(&self.tenant, table, &self.key.hide().of(&[&[table.byte()], key]))
    }
}

impl std::fmt::Debug for TenantStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TenantStore({})", self.tenant)
    }
}
