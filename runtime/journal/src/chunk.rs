//! Chunks: some records of one call, sealed together and chained to the chunk before.
//!
//! ```text
//! header   in clear: see `parloir_proof::chunk`
//! trace    lz4, filled up to a size class, then AES-256-GCM under the call's trace key
//! content  the same under the call's content key; absent where no record has any
//! ```
//!
//! What comes before the trace's length in the header is bound to both texts. A chunk is named by the hash of its
//! header, which names the ciphertexts by their hashes: the chain holds even where a ciphertext is gone. The
//! header's root is over the records, salted from the trace's key, and commits to their contents, salted from the
//! content's key (`parloir_proof::salt`): without the keys it says nothing.

use std::ops::Deref;

use parloir_contract::{CallId, TenantId};
use parloir_proof::chunk::HeaderError;
use parloir_proof::tree::{self, Hash, sha256};
use parloir_proof::{chunk, salt};
use parloir_store::keys::{Cipher, KeyError, NONCE, TAG};

use crate::key::{CallKeys, ContentKey, Purposes, TraceKey};
use crate::pad;

/// The most records of one chunk.
pub(crate) const MAX_RECORDS: usize = 256;
/// The most bytes of one chunk before compression.
pub(crate) const MAX_PLAIN: usize = 8 << 20;

/// What is known of a chunk without a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) call: CallId,
    clear: chunk::Header,
}

impl Deref for Header {
    type Target = chunk::Header;

    fn deref(&self) -> &chunk::Header {
        &self.clear
    }
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
    /// What it commits to its content by, where it has any.
    pub(crate) commitment: Option<Hash>,
    /// `None` also where the content's key is not there.
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
    let number = chain.next;
    let salts = trace_key.salts(number, records.len());
    let has_content = records.iter().any(|(_, said)| !said.is_empty());
    let content_key = content_key.filter(|_| has_content);
    let content_salts = content_key.map(|key| key.salts(number, records.len())).unwrap_or_default();
    let mut content_salts = content_salts.iter();
    let mut leaves = Vec::with_capacity(records.len());
    let mut trace = Vec::new();
    let mut content = Vec::new();
    for ((record, said), salt) in records.iter().zip(&salts) {
        put(&mut trace, record);
        let commitment = match content_salts.next() {
            Some(salt) if !said.is_empty() => {
                put(&mut content, said);
                Some(salt::commitment(salt, said))
            }
            Some(_) | None => None,
        };
        leaves.push(salt::leaf(salt, record, commitment.as_ref()));
        trace.push(u8::from(commitment.is_some()));
        trace.extend_from_slice(commitment.as_ref().map_or(&[], |commitment| commitment.as_slice()));
    }
    let clear = chunk::Header {
        ends,
        call: *call.as_bytes(),
        number,
        first: chain.seq,
        last: (chain.seq + records.len() as u64).saturating_sub(1),
        before: chain.before,
        root: tree::root(&leaves),
        nonce: Cipher::nonce()?,
        trace: (0, [0; 32]),
        content: (0, [0; 32]),
    };
    let mut header = Header { call, clear };
    let bound = header.binding(tenant);
    // The two texts have keys of their own, so they may share the nonce.
    let trace = close(&trace_key.cipher, &header.nonce, &bound, &trace);
    header.clear.trace = named(&trace);
    let content = match content_key {
        Some(key) if !content.is_empty() => close(&key.cipher, &header.nonce, &bound, &content),
        Some(_) | None => Vec::new(),
    };
    header.clear.content = named(&content);
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

fn close(cipher: &Cipher, nonce: &[u8; NONCE], bound: &[u8], text: &[u8]) -> Vec<u8> {
    let mut text = pad::pad(&lz4_flex::block::compress_prepend_size(text));
    cipher.seal_in_place(nonce, bound, &mut text);
    text
}

fn named(text: &[u8]) -> (u32, Hash) {
    (text.len() as u32, sha256(&[text]))
}

/// Why a chunk does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bad(pub(crate) &'static str);

impl Header {
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
        Chain { next: self.number.saturating_add(1), before: self.hash(), seq: self.last.saturating_add(1) }
    }

    /// Reads a chunk's header and finds its two ciphertexts.
    pub(crate) fn parse(payload: &[u8]) -> Result<(Self, &[u8], &[u8]), Bad> {
        let short = Bad("the chunk is cut short");
        let (clear, rest) = chunk::Header::parse(payload).map_err(|error| match error {
            HeaderError::Short => short,
            HeaderError::Other => Bad("it is no chunk"),
            HeaderError::Version => {
                Bad("the chunk is of a version this program does not know: use the program that wrote it")
            }
        })?;
        let (trace, content) = rest.split_at_checked(clear.trace.0 as usize).ok_or(short)?;
        if content.len() != clear.content.0 as usize {
            return Err(Bad("the chunk has another length than its header says"));
        }
        Ok((Self { call: CallId::from_bytes(clear.call), clear }, trace, content))
    }

    /// Checks all that can be checked without a key: that the ciphertexts are those the header names, or, in a chunk
    /// of which something was erased, zeros in their place. Returns what was erased.
    pub(crate) fn check(&self, trace: &[u8], content: &[u8], some_erased: bool) -> Result<Purposes, Bad> {
        let mut erased = Purposes::default();
        let parts = [(trace, self.trace, &mut erased.trace), (content, self.content, &mut erased.content)];
        for (text, name, erased) in parts {
            if some_erased && is_blank(text) {
                *erased = true;
            } else if named(text) != name {
                return Err(Bad("a ciphertext is not the one the header names"));
            }
        }
        Ok(erased)
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
        if is_blank(trace) {
            return Err(Bad("the trace was erased"));
        }
        let trace = reveal(&keys.trace.cipher, &self.nonce, &bound, trace)
            .ok_or(Bad("the trace does not open with the call's key"))?;
        let content_key = keys.content.as_ref().filter(|_| !is_blank(content));
        let content = match content_key {
            Some(key) if !content.is_empty() => Some((
                key,
                reveal(&key.cipher, &self.nonce, &bound, content)
                    .ok_or(Bad("the content does not open with the call's key"))?,
            )),
            Some(_) | None => None,
        };
        let mut said = content.as_ref().map(|(key, bytes)| (*key, bytes.as_slice()));
        let mut rest = trace.as_slice();
        let count = self.records().and_then(|count| usize::try_from(count).ok());
        let count =
            count.filter(|count| *count <= MAX_RECORDS).ok_or(Bad("the chunk has too many records"))?;
        let salts = keys.trace.salts(self.number, count);
        let content_salts = said.map(|(key, _)| key.salts(self.number, count)).unwrap_or_default();
        let mut content_salts = content_salts.iter();
        let (mut records, mut leaves) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for salt in &salts {
            let cut = Bad("a record is cut short");
            let record = take_long(&mut rest).ok_or(cut)?;
            let commitment = match take::<1>(&mut rest).ok_or(cut)? {
                [0] => None,
                [1] => Some(take::<32>(&mut rest).ok_or(cut)?),
                _ => return Err(Bad("a record has a mark this program does not know")),
            };
            leaves.push(salt::leaf(salt, record, commitment.as_ref()));
            let content_salt = content_salts.next();
            let content = match (&commitment, &mut said) {
                (Some(commitment), Some((_, bytes))) => {
                    let content = take_long(bytes).ok_or(Bad("a record's content is missing"))?;
                    if content_salt.map(|salt| salt::commitment(salt, content)) != Some(*commitment) {
                        return Err(Bad("a record's content is not the one it commits to"));
                    }
                    Some(content.to_vec())
                }
                (Some(_), None) if content_key.is_some() => {
                    return Err(Bad("a record's content is missing"));
                }
                (None, _) | (Some(_), None) => None,
            };
            records.push(Raw { trace: record.to_vec(), commitment, content });
        }
        if !rest.is_empty() {
            return Err(Bad("the chunk has more records than its header says"));
        }
        if said.is_some_and(|(_, rest)| !rest.is_empty()) {
            return Err(Bad("there is content of no record"));
        }
        if tree::root(&leaves) != self.root {
            return Err(Bad("the records are not those the header's root names"));
        }
        Ok(records)
    }
}

/// What is in the place of an erased ciphertext.
fn is_blank(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| *byte == 0)
}

/// A chunk with zeros in place of what is erased; `None` where nothing is left to be erased. Its header, and so its place
/// in chain and log, stays.
pub(crate) fn blank(payload: &[u8], purposes: Purposes) -> Option<Vec<u8>> {
    let (_, trace, content) = Header::parse(payload).ok()?;
    let trace_end = payload.len() - content.len();
    let mut blanked = payload.to_vec();
    let parts =
        [(purposes.trace, trace_end - trace.len()..trace_end), (purposes.content, trace_end..payload.len())];
    for (_, part) in parts.into_iter().filter(|(erased, _)| *erased) {
        blanked.get_mut(part)?.fill(0);
    }
    (blanked != payload).then_some(blanked)
}

/// How many bytes of a chunk are zeros in place of what was erased.
pub(crate) fn blank_bytes(payload: &[u8]) -> u64 {
    let Ok((_, trace, content)) = Header::parse(payload) else { return 0 };
    [trace, content].into_iter().filter(|text| is_blank(text)).map(|text| text.len() as u64).sum()
}

fn reveal(cipher: &Cipher, nonce: &[u8; NONCE], bound: &[u8], text: &[u8]) -> Option<Vec<u8>> {
    let mut text = text.to_vec();
    if text.len() < TAG || !cipher.open_in_place(nonce, bound, &mut text) {
        return None;
    }
    let text = pad::unpad(&text)?;
    // Before any room is made.
    let size = u32::from_le_bytes(*text.first_chunk::<4>()?) as usize;
    if size > MAX_PLAIN {
        return None;
    }
    lz4_flex::block::decompress_size_prepended(text).ok()
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
    async fn what_was_said_is_not_known_by_its_length() {
        let folder = tempfile::tempdir().unwrap();
        let kms = Keyring::open(folder.path()).unwrap();
        let (tenant, call) = ("cabinet".parse().unwrap(), CallId::from_bytes([7; 16]));
        let (keys, _) = key::make(&kms, &tenant, call, Purposes::default()).await.unwrap();
        let lengths = |said: &[u8]| {
            let both = (&keys.trace, keys.content.as_ref());
            let payload =
                seal(&tenant, call, both, &mut Chain::default(), &[(b"asked", said)], false).unwrap();
            let (header, _, _) = Header::parse(&payload).unwrap();
            (header.trace.0, header.content.0)
        };
        let long: Vec<u8> = (0..100_u8).collect();
        assert_eq!(lengths(b"oui"), lengths(b"non merci, rappelez-moi demain"));
        assert_eq!(lengths(b"oui"), lengths(&long));
    }

    #[tokio::test]
    async fn without_the_contents_key_the_trace_still_opens_and_still_proves_itself() {
        let folder = tempfile::tempdir().unwrap();
        let kms = Keyring::open(folder.path()).unwrap();
        let (tenant, call) = ("cabinet".parse().unwrap(), CallId::from_bytes([7; 16]));
        let (mut keys, _) = key::make(&kms, &tenant, call, Purposes::default()).await.unwrap();
        let mut chain = Chain::default();
        let records: [(&[u8], &[u8]); 3] = [(b"asked", b"said"), (b"noted", b""), (b"answered", b"heard")];
        let both = (&keys.trace, keys.content.as_ref());
        let payload = seal(&tenant, call, both, &mut chain, &records, false).unwrap();
        assert_eq!((chain.next, chain.seq), (1, 3));

        let (header, trace, content) = Header::parse(&payload).unwrap();
        assert!(header.check(trace, content, true).unwrap().is_empty());
        let opened = header.open(&tenant, &keys, trace, content).unwrap();
        let contents: Vec<_> = opened.iter().map(|raw| raw.content.as_deref()).collect();
        assert_eq!(contents, [Some(&b"said"[..]), None, Some(b"heard")]);

        keys.content = None;
        let opened = header.open(&tenant, &keys, trace, content).unwrap();
        assert!(opened.iter().all(|raw| raw.content.is_none()));
        assert_eq!(opened[2].trace, b"answered");

        // Blanked, it is the same with the key there; and nobody takes zeros for a chunk that says it is whole.
        let (keys, _) = {
            keys.content = key::make(&kms, &tenant, call, Purposes::default()).await.unwrap().0.content;
            (keys, ())
        };
        let blanked = blank(&payload, Purposes::CONTENTS).unwrap();
        assert_eq!(blanked.len(), payload.len());
        assert_eq!(blank(&blanked, Purposes::CONTENTS), None);
        let (same, trace, content) = Header::parse(&blanked).unwrap();
        assert_eq!(same, header);
        assert!(same.check(trace, content, false).is_err());
        assert_eq!(
            same.check(trace, content, true).unwrap(),
            Purposes { content: true, ..Purposes::default() }
        );
        let opened = same.open(&tenant, &keys, trace, content).unwrap();
        assert!(opened.iter().all(|raw| raw.content.is_none()));
        let blanked = blank(&payload, Purposes::ALL).unwrap();
        let (same, trace, content) = Header::parse(&blanked).unwrap();
        assert!(same.check(trace, content, true).unwrap().trace);
        assert!(same.open(&tenant, &keys, trace, content).is_err());
        // Another tenant's, or another call's, it never is.
        assert!(header.open(&"other".parse().unwrap(), &keys, trace, content).is_err());
    }
}
