//! Rows: a value, and the record of its last change.

use jiff::Timestamp;
use parloir_store::{Table, TenantStore};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::error::Category;

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

/// What rests under a key, whether it can be read or not: what cannot be read can still be replaced or removed.
#[derive(Debug, Clone)]
pub(crate) struct There<T> {
    pub(crate) bytes: Vec<u8>,
    /// The record of its last change, as far as that can be read.
    pub(crate) change: String,
    /// The row, or what is wrong with it.
    pub(crate) row: Result<Row<T>, String>,
}

impl<T: DeserializeOwned> There<T> {
    fn of(bytes: Vec<u8>) -> Self {
        let row = parse::<T>(&bytes);
        let change = match &row {
            Ok(row) => row.change.clone(),
            Err(_) => parse::<IgnoredAny>(&bytes).map_or_else(|_| "unreadable".into(), |row| row.change),
        };
        Self { bytes, change, row }
    }
}

impl<T> There<T> {
    /// What whoever replaces it has to know it by; `None` where it cannot be read, so that nobody's words are lost with it.
    pub(crate) fn tag(&self) -> Option<&str> {
        self.row.is_ok().then_some(self.change.as_str())
    }
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

/// A row, or what is wrong with it: without a word of what it says, which may be somebody's secret.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<Row<T>, String> {
    serde_json::from_slice(bytes).map_err(|error| {
        let what = match error.classify() {
            Category::Io | Category::Syntax | Category::Eof => "it is no JSON",
            Category::Data => "it is of another shape",
        };
        format!("{what}, at its byte {}", error.column())
    })
}

fn read<T: DeserializeOwned>(bytes: Vec<u8>) -> Result<Kept<T>, DirectoryError> {
    let row = parse(&bytes).map_err(DirectoryError::Damaged)?;
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

/// What is kept under a key, whether it can be read or not.
pub(crate) async fn there<T: DeserializeOwned>(
    store: &TenantStore,
    table: Table,
    key: &str,
) -> Result<Option<There<T>>, DirectoryError> {
    Ok(store.get(table, key).await?.map(There::of))
}

/// Up to so many rows whose keys begin with a prefix, after one of them, each under the rest of its key; and, where
/// there are more, after which one they are. What cannot be read is left out, and the program's own log says so.
pub(crate) async fn page<T: DeserializeOwned>(
    store: &TenantStore,
    table: Table,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<(Vec<(String, Kept<T>)>, Option<String>), DirectoryError> {
    let (found, next) = page_there(store, table, prefix, after, limit).await?;
    let read = |(key, There { bytes, row, .. }): (String, There<T>)| match row {
        Ok(row) => Some((key, Kept { row, bytes })),
        Err(why) => {
            let tenant = store.tenant();
            tracing::error!(%tenant, ?table, why, "a row of the directory cannot be read, and is left out");
            None
        }
    };
    Ok((found.into_iter().filter_map(read).collect(), next))
}

/// As [`page`], with what cannot be read.
pub(crate) async fn page_there<T: DeserializeOwned>(
    store: &TenantStore,
    table: Table,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<(Vec<(String, There<T>)>, Option<String>), DirectoryError> {
    let mut found: Vec<(String, There<T>)> = Vec::new();
    let mut from = after.map(|after| store.cursor(table, format!("{prefix}{after}"))).transpose()?;
    loop {
        let page = store.scan(table, prefix, from.as_ref(), limit.saturating_add(1)).await?;
        for entry in page.entries {
            if found.len() == limit {
                let next = found.last().map(|(key, _)| key.clone());
                return Ok((found, next));
            }
            let key = String::from_utf8_lossy(&entry.key);
            let key = key.strip_prefix(prefix).unwrap_or_default().to_owned();
            found.push((key, There::of(entry.value)));
        }
        match page.next {
            Some(next) => from = Some(next),
            None => return Ok((found, None)),
        }
    }
}

/// All rows whose keys begin with a prefix, whether they can be read or not.
pub(crate) async fn all_there<T: DeserializeOwned>(
    store: &TenantStore,
    table: Table,
    prefix: &str,
) -> Result<Vec<(String, There<T>)>, DirectoryError> {
    let (found, _) = page_there(store, table, prefix, None, usize::MAX).await?;
    Ok(found)
}

/// All rows whose keys begin with a prefix, but for what cannot be read.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::Line;

    #[test]
    fn of_a_row_that_cannot_be_read_its_change_is_known_and_nothing_of_it_is_told() {
        let bytes = br#"{"change": "4f1c", "at": "2026-03-14T09:26:53Z", "is": {"agent": "a", "recording": "hunter2"}}"#;
        let there = There::<Line>::of(bytes.to_vec());
        assert_eq!((there.change.as_str(), there.bytes.as_slice()), ("4f1c", bytes.as_slice()));
        let why = there.row.unwrap_err();
        assert!(why.contains("another shape") && !why.contains("hunter2"), "{why}");
        let there = There::<Line>::of(b"torn".to_vec());
        assert_eq!(there.change, "unreadable");
        assert!(there.row.unwrap_err().contains("no JSON"));
    }
}
