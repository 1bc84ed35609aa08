//! Key books: what is left of an epoch whose key was destroyed.
//!
//! `<keys>/<tenant>/book-202611001-00000001.book`: magic ‖ version ‖ how many 4 ‖ entries in order ‖ CRC-32. An entry is the hash of
//! a wrapped key's context 32 ‖ length 2 ‖ the key, wrapped under the book's own key. The book rests with the keys and not with the
//! data: it is always the newest, also beside data that a back-up brought back.

use sha2::{Digest, Sha256};

const MAGIC: &[u8; 15] = b"parloir-book-of";
const VERSION: u8 = 1;

/// What is left of an epoch, by context, in order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Book {
    entries: Vec<([u8; 32], Vec<u8>)>,
}

fn name(context: &[u8]) -> [u8; 32] {
    Sha256::digest(context).into()
}

impl Book {
    /// Of contexts with their keys, wrapped anew. Of one context twice, the first stands.
    pub(super) fn new(keys: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Self {
        let mut entries: Vec<_> =
            keys.into_iter().map(|(context, wrapped)| (name(&context), wrapped)).collect();
        entries.sort_by_key(|(name, _)| *name);
        entries.dedup_by_key(|(name, _)| *name);
        Self { entries }
    }

    pub(super) fn get(&self, context: &[u8]) -> Option<&[u8]> {
        let place = self.entries.binary_search_by_key(&name(context), |(name, _)| *name).ok()?;
        self.entries.get(place).map(|(_, wrapped)| wrapped.as_slice())
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.push(VERSION);
        bytes.extend_from_slice(&(self.entries.len() as u32).to_le_bytes());
        for (name, wrapped) in &self.entries {
            bytes.extend_from_slice(name);
            bytes.extend_from_slice(&(wrapped.len() as u16).to_le_bytes());
            bytes.extend_from_slice(wrapped);
        }
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    /// Reads a book; in words, why it is none.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        let cut = "it is cut short";
        let (kept, crc) = bytes.split_last_chunk::<4>().ok_or(cut)?;
        if crc32fast::hash(kept) != u32::from_le_bytes(*crc) {
            return Err("its checksum differs");
        }
        let rest = kept.strip_prefix(MAGIC.as_slice()).ok_or("it is no key book")?;
        let (version, rest) = rest.split_first().ok_or(cut)?;
        if *version != VERSION {
            return Err("it is of a version this program does not know");
        }
        let (count, mut rest) = rest.split_first_chunk::<4>().ok_or(cut)?;
        let mut entries = Vec::new();
        for _ in 0..u32::from_le_bytes(*count) {
            let (name, after) = rest.split_first_chunk::<32>().ok_or(cut)?;
            let (length, after) = after.split_first_chunk::<2>().ok_or(cut)?;
            let (wrapped, after) =
                after.split_at_checked(usize::from(u16::from_le_bytes(*length))).ok_or(cut)?;
            entries.push((*name, wrapped.to_vec()));
            rest = after;
        }
        let in_order = entries.is_sorted_by(|(one, _), (next, _)| one < next);
        if !rest.is_empty() || !in_order {
            return Err("its entries are not in order");
        }
        Ok(Self { entries })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_book_comes_back_and_no_flipped_bit_goes_unseen() {
        let keys = [b"one".as_slice(), b"two", b"six"].map(|context| (context.to_vec(), context.repeat(9)));
        let book = Book::new(keys);
        let bytes = book.bytes();
        assert_eq!(Book::parse(&bytes).unwrap(), book);
        assert_eq!(book.get(b"two"), Some(b"two".repeat(9).as_slice()));
        assert_eq!(book.get(b"ten"), None);
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            assert!(Book::parse(&bad).is_err(), "{at}");
            assert!(Book::parse(&bytes[..at]).is_err(), "{at}");
        }
    }
}
