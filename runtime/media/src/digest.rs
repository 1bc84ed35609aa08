//! One keyed digest per second of media and direction: what the journal keeps instead of a record per
//! frame.
//!
//! Keyed, because an agent's sound is the same for the same words: whoever holds a bare hash can
//! confirm a guess of what was said, after a refusal or an erasure too. The key is content, and goes
//! with it.

use hmac::{HmacReset, KeyInit as _, Mac as _};
use sha2::Sha256;

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
    /// HMAC-SHA256 of those bytes, in order, under the key of the call.
    pub sha256: [u8; 32],
}

/// Digests one direction. A second without media has no digest.
#[derive(Debug, Clone)]
pub struct SecondDigest {
    side: Side,
    second: u32,
    bytes: u32,
    hash: HmacReset<Sha256>,
}

impl SecondDigest {
    /// Nothing digested yet. The key is random, of this call alone, and kept with its content.
    #[must_use]
    pub fn keyed(side: Side, key: &[u8; 32]) -> Self {
        // A key shorter than a block is filled up with zeros (RFC 2104 §2).
        let mut block = [0; 64];
        for (slot, byte) in block.iter_mut().zip(key) {
            *slot = *byte;
        }
        Self { side, second: 0, bytes: 0, hash: HmacReset::new((&block).into()) }
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
            sha256: self.hash.finalize_reset().into_bytes().into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    #[test]
    fn each_second_has_the_digest_of_its_own_bytes() {
        let mut digest = SecondDigest::keyed(Side::Caller, &KEY);
        for frame in 0..50u64 {
            assert_eq!(digest.push(frame * 20, &[frame as u8; 160]), None);
        }
        let first = digest.push(1_000, &[9; 160]).unwrap();
        let whole: Vec<u8> = (0..50u8).flat_map(|n| [n; 160]).collect();
        assert_eq!((first.second, first.bytes), (0, 8_000));
        assert_eq!(first.sha256, hmac(&KEY, &whole));
        let second = digest.finish().unwrap();
        assert_eq!((second.second, second.bytes), (1, 160));
        assert_eq!(second.sha256, hmac(&KEY, &[9; 160]));
        assert_eq!(digest.finish(), None);
    }

    #[test]
    fn a_second_without_media_has_none() {
        let mut digest = SecondDigest::keyed(Side::Agent, &KEY);
        digest.push(0, &[1]);
        assert_eq!(digest.push(5_000, &[2]).unwrap().second, 0);
        assert_eq!(digest.finish().unwrap().second, 5);
    }

    #[test]
    fn the_same_sound_of_two_calls_has_two_digests() {
        let of = |key: &[u8; 32]| {
            let mut digest = SecondDigest::keyed(Side::Agent, key);
            digest.push(0, &[0x55; 160]);
            digest.finish().unwrap().sha256
        };
        assert_eq!(of(&KEY), of(&KEY));
        let mut almost = KEY;
        almost[31] ^= 1;
        assert_ne!(of(&KEY), of(&almost));
        assert_ne!(of(&KEY), <[u8; 32]>::from(<Sha256 as sha2::Digest>::digest([0x55; 160])));
    }

    #[test]
    fn a_digest_is_what_rfc_4231_says() {
        // Test case 3 of §4.4 with its key of 20 bytes filled up, which HMAC takes for the same key.
        let mut key = [0; 32];
        key[..20].fill(0xaa);
        let mut digest = SecondDigest::keyed(Side::Caller, &key);
        digest.push(0, &[0xdd; 50]);
        let hex: String = digest.finish().unwrap().sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    }

    fn hmac(key: &[u8], of: &[u8]) -> [u8; 32] {
        HmacReset::<Sha256>::new_from_slice(key).unwrap().chain_update(of).finalize().into_bytes().into()
    }
}
