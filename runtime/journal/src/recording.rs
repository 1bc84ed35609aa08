//! Recordings: one sealed block per second of sound, in segment files of their own.
//!
//! They are apart from the records because they are larger and may not live as long. Each block is
//! bound to its tenant, call and second, and the call's chain holds the hash of it
//! ([`RecordBody::RecordingStored`](crate::RecordBody::RecordingStored)), so that a block cannot be
//! changed, swapped or removed without notice.

use parloir_contract::{CallId, TenantId};
use parloir_store::keys::{Cipher, KeyError, NONCE};

use crate::pad;

/// The largest block, in bytes.
pub const MAX_BLOCK: usize = 64 << 10;

const VERSION: u8 = 2;

/// One second of sound as the call recorded it: bytes of 8 kHz µ-law, the caller left and the agent right,
/// interleaved (16,000 bytes; fewer for the last).
#[derive(Clone, PartialEq, Eq)]
pub struct RecordingBlock {
    /// Which second of the call, from 0.
    pub second: u32,
    /// The bytes, up to [`MAX_BLOCK`].
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for RecordingBlock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RecordingBlock(second {}, {} bytes)", self.second, self.bytes.len())
    }
}

/// A block's frame as it rests: version ‖ call ‖ second ‖ nonce ‖ ciphertext, of the bytes filled up to a size class.
pub(crate) struct Sealed<'a> {
    pub(crate) call: CallId,
    pub(crate) second: u32,
    nonce: &'a [u8; NONCE],
    text: &'a [u8],
}

fn binding(tenant: &TenantId, call: CallId, second: u32) -> Vec<u8> {
    let mut bound = b"parloir recording\0".to_vec();
    bound.extend_from_slice(tenant.as_str().as_bytes());
    bound.push(0);
    bound.extend_from_slice(call.as_bytes());
    bound.extend_from_slice(&second.to_le_bytes());
    bound
}

pub(crate) fn seal(
    cipher: &Cipher,
    tenant: &TenantId,
    call: CallId,
    block: RecordingBlock,
) -> Result<Vec<u8>, KeyError> {
    let sealed = cipher.seal(&binding(tenant, call, block.second), pad::pad(&block.bytes))?;
    let mut payload = Vec::with_capacity(1 + 16 + 4 + sealed.len());
    payload.push(VERSION);
    payload.extend_from_slice(call.as_bytes());
    payload.extend_from_slice(&block.second.to_le_bytes());
    payload.extend_from_slice(&sealed);
    Ok(payload)
}

/// A block's frame with zeros in place of its sound; of which call and second it was stays.
pub(crate) fn blank(payload: &[u8]) -> Vec<u8> {
    let mut blanked = payload.to_vec();
    blanked.iter_mut().skip(1 + 16 + 4).for_each(|byte| *byte = 0);
    blanked
}

/// How many bytes of a block's frame are zeros in place of its sound.
pub(crate) fn blank_bytes(payload: &[u8]) -> u64 {
    let blank = Sealed::parse(payload).filter(Sealed::is_blank);
    blank.map_or(0, |sealed| (sealed.nonce.len() + sealed.text.len()) as u64)
}

impl<'a> Sealed<'a> {
    /// Whether nothing but zeros is in place of the sound.
    pub(crate) fn is_blank(&self) -> bool {
        self.nonce.iter().chain(self.text).all(|byte| *byte == 0)
    }

    /// Reads a frame's payload; `None` where it is none of this version.
    pub(crate) fn parse(payload: &'a [u8]) -> Option<Self> {
        let (version, rest) = payload.split_first()?;
        let (call, rest) = rest.split_first_chunk::<16>()?;
        let (second, rest) = rest.split_first_chunk::<4>()?;
        let (nonce, text) = rest.split_first_chunk::<NONCE>()?;
        let (call, second) = (CallId::from_bytes(*call), u32::from_le_bytes(*second));
        (*version == VERSION).then_some(Self { call, second, nonce, text })
    }

    /// The block; `None` where it is not what was sealed.
    pub(crate) fn open(&self, cipher: &Cipher, tenant: &TenantId) -> Option<RecordingBlock> {
        let mut bytes = self.text.to_vec();
        let bound = binding(tenant, self.call, self.second);
        if !cipher.open_in_place(self.nonce, &bound, &mut bytes) {
            return None;
        }
        Some(RecordingBlock { second: self.second, bytes: pad::unpad(&bytes)?.to_vec() })
    }
}
