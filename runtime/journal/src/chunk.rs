//! Chunks: some records of one call, sealed together and chained to the chunk before.
//!
//! ```text
//! header, in clear (190 bytes)
//!   magic 4 ‖ version 1 ‖ flags 1 ‖ call 16 ‖ chunk number 4 ‖ first seq 8 ‖ last seq 8
//!   ‖ SHA-256 of the header of the chunk before 32 ‖ Merkle root of the records 32 ‖ nonce 12
//!   ‖ trace length 4 ‖ trace SHA-256 32 ‖ content length 4 ‖ content SHA-256 32
//! trace    lz4, then AES-256-GCM under the call's trace key
//! content  lz4, then AES-256-GCM under the call's content key; absent where no record has any
//! ```
//!
//! Numbers are little-endian. What comes before the trace's length is bound to both texts. A chunk is
//! named by the hash of its header, which names the ciphertexts by their hashes: the chain holds
//! even where a ciphertext is gone. A leaf of the Merkle tree is an HMAC under a key of the trace, over the
//! record and an HMAC of its content under a key of the content: without the keys neither says anything.

use parloir_contract::{CallId, TenantId};
use parloir_store::keys::{Cipher, KeyError, NONCE, TAG};
use sha2::{Digest, Sha256};

use crate::key::{CallKeys, ContentKey, TraceKey};
use crate::merkle::{self, Hash};

/// The most records of one chunk.
pub(crate) const MAX_RECORDS: usize = 256;
/// The most bytes of one chunk before compression.
pub(crate) const MAX_PLAIN: usize = 32 << 20;
/// Bytes of a header.
pub(crate) const HEADER: usize = BOUND + 2 * (4 + 32);

const MAGIC: &[u8; 4] = b"PLCK";
const VERSION: u8 = 1;
const ENDS: u8 = 1;
const BOUND: usize = 4 + 1 + 1 + 16 + 4 + 8 + 8 + 32 + 32 + NONCE;

/// What is known of a chunk without a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    /// Whether it is the last of its call.
    pub(crate) ends: bool,
    pub(crate) call: CallId,
    pub(crate) number: u32,
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) before: Hash,
    root: Hash,
    nonce: [u8; NONCE],
    trace: (u32, Hash),
    content: (u32, Hash),
}

/// Where a call's chain stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Chain {
    /// The next chunk's number.
    pub(crate) next: u32,
    /// The hash of the header of the chunk before; zeros for none.
    pub(crate) before: Hash,
    /// The next record's place in the call.
    pub(crate) seq: u64,
}

/// A record as it is inside a chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Raw {
    pub(crate) trace: Vec<u8>,
    pub(crate) content: Option<Vec<u8>>,
}

/// Ends a record in a buffer of records that wait to be sealed.
pub(crate) fn end_waiting(buffer: &mut [u8], start: usize, content_start: usize) -> Option<()> {
    // The caller left 8 bytes at `start`, wrote the trace after them and the content at `content_start`.
    let trace = u32::try_from(content_start.checked_sub(start + 8)?).ok()?;
    let content = u32::try_from(buffer.len().checked_sub(content_start)?).ok()?;
    let lengths = buffer.get_mut(start..start + 8)?;
    let (to_trace, to_content) = lengths.split_at_mut(4);
    to_trace.copy_from_slice(&trace.to_le_bytes());
    to_content.copy_from_slice(&content.to_le_bytes());
    Some(())
}

/// The records of such a buffer.
pub(crate) struct Waiting<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for Waiting<'a> {
    /// The trace, and the content (empty for none).
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (trace, rest) = self.0.split_first_chunk::<4>()?;
        let (content, rest) = rest.split_first_chunk::<4>()?;
        let (trace, rest) = rest.split_at_checked(u32::from_le_bytes(*trace) as usize)?;
        let (content, rest) = rest.split_at_checked(u32::from_le_bytes(*content) as usize)?;
        self.0 = rest;
        Some((trace, content))
    }
}

/// Seals records as the next chunk of a call. Returns the chunk and moves the chain on.
pub(crate) fn seal(
    tenant: &TenantId,
    call: CallId,
    keys: (&TraceKey, Option<&ContentKey>),
    chain: &mut Chain,
    records: &[(&[u8], &[u8])],
    ends: bool,
) -> Result<Vec<u8>, KeyError> {
    let (trace_key, content_key) = keys;
    let mut leaves = Vec::with_capacity(records.len());
    let mut trace = Vec::new();
    let mut content = Vec::new();
    for (record, said) in records {
        put(&mut trace, record);
        let commitment = match content_key {
            Some(key) if !said.is_empty() => {
                put(&mut content, said);
                Some(key.commit.of(&[said]))
            }
            Some(_) | None => None,
        };
        leaves.push(leaf(trace_key, record, commitment.as_ref()));
        trace.push(u8::from(commitment.is_some()));
        trace.extend_from_slice(commitment.as_ref().map_or(&[], |commitment| commitment.as_slice()));
    }
    let mut header = Header {
        ends,
        call,
        number: chain.next,
        first: chain.seq,
        last: (chain.seq + records.len() as u64).saturating_sub(1),
        before: chain.before,
        root: merkle::root(&leaves),
        nonce: Cipher::nonce()?,
        trace: (0, [0; 32]),
        content: (0, [0; 32]),
    };
    let bound = header.binding(tenant);
    // The two texts have keys of their own, so they may share the nonce.
    let trace = close(&trace_key.cipher, &header.nonce, &bound, &trace);
    header.trace = named(&trace);
    let content = match content_key {
        Some(key) if !content.is_empty() => close(&key.cipher, &header.nonce, &bound, &content),
        Some(_) | None => Vec::new(),
    };
    header.content = named(&content);
    let mut payload = header.bytes();
    *chain = header.chain_after();
    payload.reserve(trace.len() + content.len());
    payload.extend_from_slice(&trace);
    payload.extend_from_slice(&content);
    Ok(payload)
}

fn put(into: &mut Vec<u8>, record: &[u8]) {
    into.extend_from_slice(&(record.len() as u32).to_le_bytes());
    into.extend_from_slice(record);
}

fn leaf(key: &TraceKey, record: &[u8], commitment: Option<&Hash>) -> Hash {
    match commitment {
        Some(commitment) => key.leaf.of(&[&[1], commitment, record]),
        None => key.leaf.of(&[&[0], record]),
    }
}

fn close(cipher: &Cipher, nonce: &[u8; NONCE], bound: &[u8], text: &[u8]) -> Vec<u8> {
    let mut text = lz4_flex::block::compress_prepend_size(text);
    cipher.seal_in_place(nonce, bound, &mut text);
    text
}

fn named(text: &[u8]) -> (u32, Hash) {
    (text.len() as u32, Sha256::digest(text).into())
}

/// Why a chunk does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bad(pub(crate) &'static str);

impl Header {
    fn bound_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER);
        bytes.extend_from_slice(MAGIC);
        bytes.push(VERSION);
        bytes.push(if self.ends { ENDS } else { 0 });
        bytes.extend_from_slice(self.call.as_bytes());
        bytes.extend_from_slice(&self.number.to_le_bytes());
        bytes.extend_from_slice(&self.first.to_le_bytes());
        bytes.extend_from_slice(&self.last.to_le_bytes());
        bytes.extend_from_slice(&self.before);
        bytes.extend_from_slice(&self.root);
        bytes.extend_from_slice(&self.nonce);
        bytes
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.bound_bytes();
        for (length, hash) in [&self.trace, &self.content] {
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(hash);
        }
        bytes
    }

    fn binding(&self, tenant: &TenantId) -> Vec<u8> {
        let mut bound = b"parloir chunk\0".to_vec();
        bound.extend_from_slice(tenant.as_str().as_bytes());
        bound.push(0);
        bound.append(&mut self.bound_bytes());
        bound
    }

    /// Whether any of its records has content.
    pub(crate) fn has_content(&self) -> bool {
        self.content.0 > 0
    }

    /// Where the chain stands after this chunk.
    pub(crate) fn chain_after(&self) -> Chain {
        Chain {
            next: self.number.saturating_add(1),
            before: Sha256::digest(self.bytes()).into(),
            seq: self.last.saturating_add(1),
        }
    }

    /// Reads a chunk's header and finds its two ciphertexts.
    pub(crate) fn parse(payload: &[u8]) -> Result<(Self, &[u8], &[u8]), Bad> {
        let short = Bad("the chunk is cut short");
        let mut rest = payload;
        if take::<4>(&mut rest).ok_or(short)? != *MAGIC {
            return Err(Bad("it is no chunk"));
        }
        if take::<1>(&mut rest).ok_or(short)? != [VERSION] {
            return Err(Bad("the chunk is of a version this program does not know: use a newer program"));
        }
        let ends = match take::<1>(&mut rest).ok_or(short)? {
            [0] => false,
            [ENDS] => true,
            _ => return Err(Bad("the chunk has flags this program does not know: use a newer program")),
        };
        let header = Self {
            ends,
            call: CallId::from_bytes(take(&mut rest).ok_or(short)?),
            number: u32::from_le_bytes(take(&mut rest).ok_or(short)?),
            first: u64::from_le_bytes(take(&mut rest).ok_or(short)?),
            last: u64::from_le_bytes(take(&mut rest).ok_or(short)?),
            before: take(&mut rest).ok_or(short)?,
            root: take(&mut rest).ok_or(short)?,
            nonce: take(&mut rest).ok_or(short)?,
            trace: (u32::from_le_bytes(take(&mut rest).ok_or(short)?), take(&mut rest).ok_or(short)?),
            content: (u32::from_le_bytes(take(&mut rest).ok_or(short)?), take(&mut rest).ok_or(short)?),
        };
        let (trace, content) = rest.split_at_checked(header.trace.0 as usize).ok_or(short)?;
        if content.len() != header.content.0 as usize {
            return Err(Bad("the chunk has another length than its header says"));
        }
        Ok((header, trace, content))
    }

    /// Checks all that can be checked without a key: that the ciphertexts are those the header names.
    pub(crate) fn check(&self, trace: &[u8], content: &[u8]) -> Result<(), Bad> {
        if named(trace) != self.trace || named(content) != self.content {
            return Err(Bad("a ciphertext is not the one the header names"));
        }
        Ok(())
    }

    /// Opens a chunk and checks every commitment in it. Without the content's key the records come
    /// without content.
    pub(crate) fn open(
        &self,
        tenant: &TenantId,
        keys: &CallKeys,
        trace: &[u8],
        content: &[u8],
    ) -> Result<Vec<Raw>, Bad> {
        let bound = self.binding(tenant);
        let trace = reveal(&keys.trace.cipher, &self.nonce, &bound, trace)
            .ok_or(Bad("the trace does not open with the call's key"))?;
        let content = match &keys.content {
            Some(key) if !content.is_empty() => Some((
                key,
                reveal(&key.cipher, &self.nonce, &bound, content)
                    .ok_or(Bad("the content does not open with the call's key"))?,
            )),
            Some(_) | None => None,
        };
        let mut said = content.as_ref().map(|(key, bytes)| (*key, bytes.as_slice()));
        let mut rest = trace.as_slice();
        let (mut records, mut leaves) = (Vec::new(), Vec::new());
        while !rest.is_empty() {
            let cut = Bad("a record is cut short");
            let record = take_long(&mut rest).ok_or(cut)?;
            let commitment = match take::<1>(&mut rest).ok_or(cut)? {
                [0] => None,
                [1] => Some(take::<32>(&mut rest).ok_or(cut)?),
                _ => return Err(Bad("a record has a mark this program does not know")),
            };
            leaves.push(leaf(&keys.trace, record, commitment.as_ref()));
            let content = match (&commitment, &mut said) {
                (Some(commitment), Some((key, bytes))) => {
                    let content = take_long(bytes).ok_or(Bad("a record's content is missing"))?;
                    if key.commit.of(&[content]) != *commitment {
                        return Err(Bad("a record's content is not the one it commits to"));
                    }
                    Some(content.to_vec())
                }
                (Some(_), None) if keys.content.is_some() => {
                    return Err(Bad("a record's content is missing"));
                }
                (None, _) | (Some(_), None) => None,
            };
            records.push(Raw { trace: record.to_vec(), content });
        }
        if said.is_some_and(|(_, rest)| !rest.is_empty()) {
            return Err(Bad("there is content of no record"));
        }
        if merkle::root(&leaves) != self.root {
            return Err(Bad("the records are not those the header's root names"));
        }
        let count = self.last.checked_sub(self.first).and_then(|span| span.checked_add(1));
        if count != Some(records.len() as u64) {
            return Err(Bad("the chunk has another number of records than its header says"));
        }
        Ok(records)
    }
}

fn reveal(cipher: &Cipher, nonce: &[u8; NONCE], bound: &[u8], text: &[u8]) -> Option<Vec<u8>> {
    let mut text = text.to_vec();
    if text.len() < TAG || !cipher.open_in_place(nonce, bound, &mut text) {
        return None;
    }
    let size = u32::from_le_bytes(*text.first_chunk::<4>()?) as usize;
    if size > MAX_PLAIN {
        return None;
    }
    lz4_flex::block::decompress_size_prepended(&text).ok()
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(*head)
}

fn take_long<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = u32::from_le_bytes(take(rest)?) as usize;
    let (head, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(head)
}

#[cfg(test)]
mod tests {
    use parloir_store::Keyring;

    use super::*;
    use crate::key;

    fn waiting(records: &[(&[u8], &[u8])]) -> Vec<u8> {
        let mut buffer = Vec::new();
        for (trace, content) in records {
            let start = buffer.len();
            buffer.extend_from_slice(&[0; 8]);
            buffer.extend_from_slice(trace);
            let content_start = buffer.len();
            buffer.extend_from_slice(content);
            end_waiting(&mut buffer, start, content_start).unwrap();
        }
        buffer
    }

    #[test]
    fn waiting_records_come_out_as_they_went_in() {
        let records: [(&[u8], &[u8]); 4] = [(b"a", b""), (b"", b"b"), (b"", b""), (b"cc", b"dd")];
        let buffer = waiting(&records);
        assert!(Waiting(&buffer).eq(records));
        for cut in 0..buffer.len() {
            assert!(Waiting(&buffer[..cut]).count() < records.len());
        }
    }

    #[tokio::test]
    async fn without_the_contents_key_the_trace_still_opens_and_still_proves_itself() {
        let folder = tempfile::tempdir().unwrap();
        let kms = Keyring::open(folder.path()).unwrap();
        let (tenant, call) = ("cabinet".parse().unwrap(), CallId::from_bytes([7; 16]));
        let (mut keys, _) = key::make(&kms, &tenant, call).await.unwrap();
        let mut chain = Chain::default();
        let records: [(&[u8], &[u8]); 3] = [(b"asked", b"said"), (b"noted", b""), (b"answered", b"heard")];
        let both = (&keys.trace, keys.content.as_ref());
        let payload = seal(&tenant, call, both, &mut chain, &records, false).unwrap();
        assert_eq!((chain.next, chain.seq), (1, 3));

        let (header, trace, content) = Header::parse(&payload).unwrap();
        header.check(trace, content).unwrap();
        let opened = header.open(&tenant, &keys, trace, content).unwrap();
        let contents: Vec<_> = opened.iter().map(|raw| raw.content.as_deref()).collect();
        assert_eq!(contents, [Some(&b"said"[..]), None, Some(b"heard")]);

        keys.content = None;
        let opened = header.open(&tenant, &keys, trace, content).unwrap();
        assert!(opened.iter().all(|raw| raw.content.is_none()));
        assert_eq!(opened[2].trace, b"answered");
        // Another tenant's, or another call's, it never is.
        assert!(header.open(&"other".parse().unwrap(), &keys, trace, content).is_err());
    }
}
