//! Changes in the tenant's own words.

use crate::Table;

/// The most operations and conditions of one batch.
pub const MAX_BATCH: usize = 256;

/// One step of a batch.
#[derive(Debug, Clone)]
pub(crate) enum Operation {
    Put { table: Table, key: Vec<u8>, value: Vec<u8> },
    Delete { table: Table, key: Vec<u8> },
}

/// One condition of a batch.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    pub(crate) table: Table,
    pub(crate) key: Vec<u8>,
    pub(crate) expected: Option<Vec<u8>>,
}

/// Changes that are applied together, if every expectation holds at that moment. Up to
/// [`MAX_BATCH`] of both.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    pub(crate) conditions: Vec<Condition>,
    pub(crate) operations: Vec<Operation>,
}

impl Batch {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keep this value, in place of any other.
    #[must_use]
    pub fn put(mut self, table: Table, key: impl AsRef<[u8]>, value: impl Into<Vec<u8>>) -> Self {
        self.operations.push(Operation::Put { table, key: key.as_ref().to_vec(), value: value.into() });
        self
    }

    /// Keep nothing.
    #[must_use]
    pub fn delete(mut self, table: Table, key: impl AsRef<[u8]>) -> Self {
        self.operations.push(Operation::Delete { table, key: key.as_ref().to_vec() });
        self
    }

    /// Whether it changes what agents keep, which is counted.
    pub(crate) fn is_counted(&self) -> bool {
        self.operations.iter().any(|operation| match operation {
            Operation::Put { table, .. } | Operation::Delete { table, .. } => table.is_kept_by_agents(),
        })
    }

    /// Only if this very value is kept there.
    #[must_use]
    pub fn expect_value(self, table: Table, key: impl AsRef<[u8]>, value: impl Into<Vec<u8>>) -> Self {
        self.expect_same(table, key, Some(value.into()))
    }

    /// Only if nothing is kept there.
    #[must_use]
    pub fn expect_absent(self, table: Table, key: impl AsRef<[u8]>) -> Self {
        self.expect_same(table, key, None)
    }

    /// Only if what is kept there is still what was read: this value, or nothing where there was none.
    #[must_use]
    pub fn expect_same(mut self, table: Table, key: impl AsRef<[u8]>, read: Option<Vec<u8>>) -> Self {
        self.conditions.push(Condition { table, key: key.as_ref().to_vec(), expected: read });
        self
    }
}

/// How a batch went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// Everything is kept, durably.
    Done,
    /// Nothing changed: this expectation does not hold.
    ConditionFailed {
        /// The table of the first key that is not as expected.
        table: Table,
        /// That key.
        key: Vec<u8>,
    },
}
