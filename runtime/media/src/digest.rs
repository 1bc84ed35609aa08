//! One SHA-256 per second of media and direction: what the journal keeps instead of a record per
//! frame.

use sha2::{Digest as _, Sha256};

/// Whose sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The caller: left in a recording.
    Caller,
    /// The agent: right in a recording.
    Agent,
}

/// The digest of one second, as sent or received on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaDigest {
    /// Whose sound.
    pub side: Side,
    /// Seconds since the call was answered.
    pub second: u32,
    /// How many bytes of payload the second had.
    pub bytes: u32,
    /// SHA-256 of those bytes, in order.
    pub sha256: [u8; 32],
}

/// Digests one direction. A second without media has no digest.
#[derive(Debug, Clone)]
pub struct SecondDigest {
    side: Side,
    second: u32,
    bytes: u32,
    hash: Sha256,
}

impl SecondDigest {
    /// Nothing digested yet.
    #[must_use]
    pub fn new(side: Side) -> Self {
        Self { side, second: 0, bytes: 0, hash: Sha256::new() }
    }

    /// Adds payload that passed `at` milliseconds after the answer; returns the digest of the
    /// second before when this begins a new one.
    pub fn push(&mut self, at: u64, payload: &[u8]) -> Option<MediaDigest> {
        let second = u32::try_from(at / 1_000).unwrap_or(u32::MAX);
        let done = if second > self.second { self.finish() } else { None };
        self.second = self.second.max(second);
        self.hash.update(payload);
        self.bytes = self.bytes.saturating_add(u32::try_from(payload.len()).unwrap_or(u32::MAX));
        done
    }

    /// Ends the stream, or the current second: its digest, or `None` when it had no media.
    pub fn finish(&mut self) -> Option<MediaDigest> {
        if self.bytes == 0 {
            return None;
        }
        let bytes = std::mem::take(&mut self.bytes);
        Some(MediaDigest {
            side: self.side,
            second: self.second,
            bytes,
            sha256: self.hash.finalize_reset().into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_has_the_digest_of_its_own_bytes() {
        let mut digest = SecondDigest::new(Side::Caller);
        for frame in 0..50u64 {
            assert_eq!(digest.push(frame * 20, &[frame as u8; 160]), None);
        }
        let first = digest.push(1_000, &[9; 160]).unwrap();
        let whole: Vec<u8> = (0..50u8).flat_map(|n| [n; 160]).collect();
        assert_eq!((first.second, first.bytes), (0, 8_000));
        assert_eq!(first.sha256, <[u8; 32]>::from(Sha256::digest(&whole)));
        let second = digest.finish().unwrap();
        assert_eq!((second.second, second.bytes), (1, 160));
        assert_eq!(digest.finish(), None);
    }

    #[test]
    fn a_second_without_media_has_none() {
        let mut digest = SecondDigest::new(Side::Agent);
        digest.push(0, &[1]);
        assert_eq!(digest.push(5_000, &[2]).unwrap().second, 0);
        assert_eq!(digest.finish().unwrap().second, 5);
    }
}
