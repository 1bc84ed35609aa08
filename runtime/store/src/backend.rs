//! What a backend does: keeps opaque bytes under addresses.

use async_trait::async_trait;

use crate::{Address, StoreError, Table};

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredOperation {
    /// Keep this value, in place of any other.
    Put(Address, Vec<u8>),
    /// Keep nothing.
    Delete(Address),
}

/// What must hold for a batch to be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredCondition {
    /// These very bytes are kept there.
    Equals(Address, Vec<u8>),
    /// Nothing is kept there.
    Absent(Address),
}

/// Changes that are applied together, if every condition holds at that moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoredBatch {
    /// What must hold before any of the operations.
    pub conditions: Vec<StoredCondition>,
    /// What changes, in order: of two operations on one address the later stands.
    pub operations: Vec<StoredOperation>,
}

/// What [`Store::everything`] gives addresses and values to.
pub type Each = Box<dyn FnMut(&Address, &[u8]) -> std::io::Result<()> + Send>;

/// A backend. It sees addresses and sealed values only, and says nothing before it is durable.
///
/// Calls may come from any number of tasks. Batches are applied one after another: conditions are
/// judged and operations carried out with nothing in between.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// What is kept at an address.
    async fn get(&self, address: &Address) -> Result<Option<Vec<u8>>, StoreError>;

    /// Up to `limit` addresses that begin with `prefix` and come after `after`, in the order of their
    /// bytes, with their values.
    async fn scan(
        &self,
        prefix: &Address,
        after: Option<&Address>,
        limit: usize,
    ) -> Result<Vec<(Address, Vec<u8>)>, StoreError>;

    /// Applies all of a batch, or nothing where a condition does not hold: then the answer is that
    /// condition's place in [`StoredBatch::conditions`]. A batch that is answered with `None` is durable;
    /// so is whatever made a condition fail.
    async fn apply(&self, batch: StoredBatch) -> Result<Option<usize>, StoreError>;

    /// Gives every address of the wanted tables with its value, in the order of the addresses' bytes, as all of it is at one moment,
    /// whatever is applied until this returns. Batches may wait for `each`, which must be quick; where it fails, so does this.
    async fn everything(&self, wanted: fn(Table) -> bool, each: Each) -> Result<(), StoreError>;
}
