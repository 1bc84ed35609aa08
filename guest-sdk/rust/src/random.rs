//! The only randomness there is, journaled so that a call can be run again.

use crate::host::with;

/// So many random bytes, at most 4096.
pub fn bytes(count: u32) -> Vec<u8> {
    with(|host| host.random_bytes(count))
}
