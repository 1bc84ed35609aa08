//! The tenant's documents, read-only.

pub use crate::bindings::parloir::agent::documents::Passage;
use crate::host::with;
use crate::{Host, Refusal};

/// Their names.
///
/// # Errors
/// `NotPermitted` without the capability.
pub fn list() -> Result<Vec<String>, Refusal> {
    with(Host::list_documents)
}

/// A whole document, up to 256 KiB of text.
///
/// # Errors
/// As [`list`]; `Unavailable` when there is none of that name.
pub fn read(name: &str) -> Result<String, Refusal> {
    with(|host| host.read_document(name))
}

/// The paragraphs that fit the words best, at most `limit` (1 to 20).
///
/// # Errors
/// As [`list`].
pub fn search(query: &str, limit: u8) -> Result<Vec<Passage>, Refusal> {
    with(|host| host.search_documents(query, limit))
}
