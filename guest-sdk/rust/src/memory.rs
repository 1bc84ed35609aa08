//! What one call leaves for the next: the tenant's key-value storage, sealed under its key.
//!
//! Keys up to 256 bytes, values up to 3 KiB.

use crate::Refusal;
use crate::host::with;

/// The value under a key, if there is one.
///
/// # Errors
/// `NotPermitted` without the capability; `Invalid` for a key too long.
pub fn get(key: &str) -> Result<Option<Vec<u8>>, Refusal> {
    with(|host| host.get(key))
}

/// Stores a value, durable on return.
///
/// # Errors
/// As [`get`], and `OverQuota` past the tenant's bytes.
pub fn set(key: &str, value: &[u8]) -> Result<(), Refusal> {
    with(|host| host.set(key, value))
}

/// Stores a value if the present one is `expected` (`None` for none yet), and says whether it did.
///
/// # Errors
/// As [`set`].
pub fn compare_and_set(key: &str, expected: Option<&[u8]>, value: &[u8]) -> Result<bool, Refusal> {
    with(|host| host.compare_and_set(key, expected, value))
}

/// Forgets a key; no error when there is none.
///
/// # Errors
/// As [`get`].
pub fn delete(key: &str) -> Result<(), Refusal> {
    with(|host| host.delete(key))
}
