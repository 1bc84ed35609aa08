//! Rows: a value, and the record of its last change.

use jiff::Timestamp;
use parloir_store::{Table, TenantStore};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::DirectoryError;
use crate::resource::Item;

/// What rests under a key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row<T> {
    /// The record of its last change, in the log of whose it is: told before the row was changed.
    pub(crate) change: String,
    /// When that was.
    pub(crate) at: Timestamp,
    /// What it says.
    pub(crate) is: T,
}

/// A row with its very bytes, for a change that expects it as it was read.
#[derive(Debug, Clone)]
pub(crate) struct Kept<T> {
    pub(crate) row: Row<T>,
    pub(crate) bytes: Vec<u8>,
}

impl<T> Row<T> {
    /// The row for the API.
    pub(crate) fn item(self, id: impl Into<String>) -> Item<T> {
        Item { id: id.into(), etag: self.change, changed: Some(self.at), spec: self.is }
    }
}

/// The change that rows are written in.
#[derive(Debug, Clone)]
pub(crate) struct Stamp {
    pub(crate) change: String,
    pub(crate) at: Timestamp,
}

impl Stamp {
    /// A value as it rests after this change.
    pub(crate) fn bytes<T: Serialize>(&self, is: &T) -> Result<Vec<u8>, DirectoryError> {
        let row = Row { change: self.change.clone(), at: self.at, is };
        serde_json::to_vec(&row).map_err(|error| DirectoryError::Damaged(error.to_string()))
    }

    /// The same for the API.
    pub(crate) fn item<T>(&self, id: impl Into<String>, spec: T) -> Item<T> {
        Item { id: id.into(), etag: self.change.clone(), changed: Some(self.at), spec }
    }
}

fn read<T: DeserializeOwned>(bytes: Vec<u8>) -> Result<Kept<T>, DirectoryError> {
    let row = serde_json::from_slice(&bytes).map_err(|error| DirectoryError::Damaged(error.to_string()))?;
    Ok(Kept { row, bytes })
}

/// What is kept under a key.
pub(crate) async fn get<T: DeserializeOwned>(
    store: &TenantStore,
    table: Table,
    key: &str,
) -> Result<Option<Kept<T>>, DirectoryError> {
    store.get(table, key).await?.map(read).transpose()
}

/// Up to so many rows whose keys begin with a prefix, after one of them, each under the rest of its key; and whether there are more.
pub(crate) async fn page<T: DeserializeOwned>(
    store: &TenantStore,
    table: Table,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<(Vec<(String, Kept<T>)>, bool), DirectoryError> {
    let mut found = Vec::new();
    let mut from = after.map(|after| store.cursor(table, format!("{prefix}{after}"))).transpose()?;
    loop {
        let page = store.scan(table, prefix, from.as_ref(), limit.saturating_add(1)).await?;
        for entry in page.entries {
            if found.len() == limit {
                return Ok((found, true));
            }
            let key = String::from_utf8_lossy(&entry.key);
            let key = key.strip_prefix(prefix).unwrap_or_default().to_owned();
            found.push((key, read(entry.value)?));
        }
        match page.next {
            Some(next) => from = Some(next),
            None => return Ok((found, false)),
        }
    }
}

/// All rows whose keys begin with a prefix.
pub(crate) async fn all<T: DeserializeOwned>(
    store: &TenantStore,
    table: Table,
    prefix: &str,
) -> Result<Vec<(String, Kept<T>)>, DirectoryError> {
    let (found, _) = page(store, table, prefix, None, usize::MAX).await?;
    Ok(found)
}

/// How many rows there are whose keys begin with a prefix.
pub(crate) async fn count(store: &TenantStore, table: Table, prefix: &str) -> Result<usize, DirectoryError> {
    let (mut count, mut from) = (0, None);
    loop {
        let page = store.scan(table, prefix, from.as_ref(), parloir_store::MAX_PAGE).await?;
        count += page.entries.len();
        match page.next {
            Some(next) => from = Some(next),
            None => return Ok(count),
        }
    }
}
