//! The entry of the log: a chunk's header. It says nothing of what is in the chunk, and commits to all of it.
//!
//! ```text
//! magic 4 ‖ version 1 ‖ flags 1 ‖ call 16 ‖ chunk number 4 ‖ first record 8 ‖ last record 8
//! ‖ hash of the call's chunk before 32 ‖ root of the records 32 ‖ nonce 12
//! ‖ trace length 4 ‖ trace SHA-256 32 ‖ content length 4 ‖ content SHA-256 32
//! ```
//!
//! Numbers are little-endian. Trace and content are ciphertexts, which rest with the operator. The root is
//! that of an RFC 6962 tree over the records: see [`salt`](crate::salt) for its leaves.

use crate::tree::{Hash, sha256};

/// Bytes of a header.
pub const HEADER: usize = BOUND + 2 * (4 + 32);
/// Bytes of it that both ciphertexts are bound to.
pub const BOUND: usize = 4 + 1 + 1 + 16 + 4 + 8 + 8 + 32 + 32 + 12;

const MAGIC: &[u8; 4] = b"PLCK";
const VERSION: u8 = 2;
const ENDS: u8 = 1;

/// Why bytes are no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Too few bytes.
    #[error("the chunk is cut short")]
    Short,
    /// Something else.
    #[error("it is no chunk")]
    Other,
    /// Another program's.
    #[error("the chunk is of a version this program does not know: use the program that wrote it")]
    Version,
}

/// A chunk's header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Whether it is the last chunk of its call.
    pub ends: bool,
    /// The call: 16 random bytes.
    pub call: [u8; 16],
    /// The chunk's place in its call, from 0.
    pub number: u32,
    /// Its first record's place in the call.
    pub first: u64,
    /// Its last record's place in the call.
    pub last: u64,
    /// The hash of the header of the call's chunk before; zeros for none.
    pub before: Hash,
    /// The root over its records.
    pub root: Hash,
    /// The nonce of both ciphertexts, whose keys differ.
    pub nonce: [u8; 12],
    /// The trace's ciphertext: its length in bytes and its hash.
    pub trace: (u32, Hash),
    /// The content's; of length 0 where there is none.
    pub content: (u32, Hash),
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], HeaderError> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or(HeaderError::Short)?;
    *rest = tail;
    Ok(*head)
}

impl Header {
    /// Its bytes up to the ciphertexts' lengths.
    pub fn bound_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER);
        bytes.extend_from_slice(MAGIC);
        bytes.push(VERSION);
        bytes.push(if self.ends { ENDS } else { 0 });
        bytes.extend_from_slice(&self.call);
        bytes.extend_from_slice(&self.number.to_le_bytes());
        bytes.extend_from_slice(&self.first.to_le_bytes());
        bytes.extend_from_slice(&self.last.to_le_bytes());
        bytes.extend_from_slice(&self.before);
        bytes.extend_from_slice(&self.root);
        bytes.extend_from_slice(&self.nonce);
        bytes
    }

    /// Its bytes: the entry of the log.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.bound_bytes();
        for (length, hash) in [&self.trace, &self.content] {
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(hash);
        }
        bytes
    }

    /// What the call's next chunk names it by.
    pub fn hash(&self) -> Hash {
        sha256(&[&self.bytes()])
    }

    /// How many records it has; `None` where its numbers make no sense.
    pub fn records(&self) -> Option<u64> {
        self.last.checked_sub(self.first)?.checked_add(1)
    }

    /// Reads a header, and gives what comes after it.
    pub fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), HeaderError> {
        let mut rest = bytes;
        if take::<4>(&mut rest)? != *MAGIC {
            return Err(HeaderError::Other);
        }
        let [version, flags] = take(&mut rest)?;
        if version != VERSION || flags & !ENDS != 0 {
            return Err(HeaderError::Version);
        }
        let header = Self {
            ends: flags == ENDS,
            call: take(&mut rest)?,
            number: u32::from_le_bytes(take(&mut rest)?),
            first: u64::from_le_bytes(take(&mut rest)?),
            last: u64::from_le_bytes(take(&mut rest)?),
            before: take(&mut rest)?,
            root: take(&mut rest)?,
            nonce: take(&mut rest)?,
            trace: (u32::from_le_bytes(take(&mut rest)?), take(&mut rest)?),
            content: (u32::from_le_bytes(take(&mut rest)?), take(&mut rest)?),
        };
        Ok((header, rest))
    }
}
