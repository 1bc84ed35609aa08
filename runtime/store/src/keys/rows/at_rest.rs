//! The file a tenant's rows' key rests in. It is written as the latest version, and the two before that are read.

use std::collections::BTreeMap;

use super::tree::{DEPTH, Tree};
use super::{Kept, Secret, by_addresses, by_places};
use crate::Table;

const MAGIC: &[u8; 15] = b"parloir-store-k";
/// A table more, or one less, is another version, and so is another way to hide keys.
const VERSION: u8 = 4;
/// What hid the keys of the directory as it hid those of what calls left.
const ONE_HIDES_ALL: u8 = 2;
/// What hid the keys of the directory by the secret of places.
const PLACES_HIDE_THE_DIRECTORY: u8 = 3;
/// Bytes of a node: where it begins, how deep it is, its secret.
pub(super) const NODE: usize = 8 + 1 + 32;
/// Bytes of a tree before its nodes: its table, its life, how many nodes.
const TREE: usize = 1 + 4 + 4;
/// Bytes of the life of a table of which nothing was erased.
pub(super) const LIFE: u64 = (TREE + NODE) as u64;

impl Tree {
    /// Reads nodes back; in words, why they are none.
    fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        let cut = "it is cut short";
        let mut tree = Self::default();
        for node in bytes.chunks(NODE) {
            let (first, node) = node.split_first_chunk::<8>().ok_or(cut)?;
            let (depth, secret) = node.split_first().ok_or(cut)?;
            let secret = secret.first_chunk::<32>().ok_or(cut)?;
            if *depth > DEPTH {
                return Err("a node is deeper than the tree");
            }
            tree.nodes.insert(u64::from_le_bytes(*first), (*depth, Secret::from_bytes(*secret)));
        }
        Ok(tree)
    }
}

impl Kept {
    /// As it rests: magic ‖ version ‖ secret of places 32 ‖ secret of addresses 32 ‖ secret of the directory's addresses 32 ‖ how many
    /// trees 4 ‖ trees ‖ CRC-32. A tree: table 1 ‖ its life 4 ‖ how many nodes 4 ‖ nodes.
    pub(in crate::keys) fn bytes(&self) -> Vec<u8> {
        let nodes: usize = self.trees.values().map(|tree| tree.nodes.len()).sum();
        let mut bytes = Vec::with_capacity(128 + self.trees.len() * 9 + nodes * NODE);
        bytes.extend_from_slice(MAGIC);
        bytes.push(VERSION);
        bytes.extend_from_slice(self.places.expose());
        bytes.extend_from_slice(self.hide.expose());
        bytes.extend_from_slice(self.directory.expose());
        bytes.extend_from_slice(&(self.trees.len() as u32).to_le_bytes());
        for ((table, life), tree) in &self.trees {
            bytes.push(*table);
            bytes.extend_from_slice(&life.to_le_bytes());
            bytes.extend_from_slice(&(tree.nodes.len() as u32).to_le_bytes());
            for (first, (depth, secret)) in &tree.nodes {
                bytes.extend_from_slice(&first.to_le_bytes());
                bytes.push(*depth);
                bytes.extend_from_slice(secret.expose());
            }
        }
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    /// How many bytes these are.
    pub(super) fn length(&self) -> u64 {
        let nodes: usize = self.trees.values().map(|tree| tree.nodes.len()).sum();
        (MAGIC.len() + 1 + 3 * 32 + 4 + self.trees.len() * TREE + nodes * NODE + 4) as u64
    }

    /// Reads them back; in words, why they are none.
    pub(in crate::keys) fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        let cut = "it is cut short";
        let (kept, crc) = bytes.split_last_chunk::<4>().ok_or(cut)?;
        if crc32fast::hash(kept) != u32::from_le_bytes(*crc) {
            return Err("its checksum differs");
        }
        let rest = kept.strip_prefix(MAGIC.as_slice()).ok_or("it is no key of rows")?;
        let (version, rest) = rest.split_first().ok_or(cut)?;
        let (places, rest) = rest.split_first_chunk::<32>().ok_or(cut)?;
        let (hide, rest) = rest.split_first_chunk::<32>().ok_or(cut)?;
        let (places, hide) = (Secret::from_bytes(*places), Secret::from_bytes(*hide));
        let (directory, rest) = match *version {
            VERSION => {
                let (directory, rest) = rest.split_first_chunk::<32>().ok_or(cut)?;
                (Secret::from_bytes(*directory), rest)
            }
            PLACES_HIDE_THE_DIRECTORY => (by_places(&places), rest),
            // The rows of users are found as they were hidden. What hides callers from then on is another after the first erasure
            // of all their rows; this stays.
            ONE_HIDES_ALL => (by_addresses(&hide), rest),
            ..ONE_HIDES_ALL => {
                return Err("an older version of this program wrote it, which alone reads it: use that one");
            }
            _ => return Err("a later version of this program wrote it: use that one"),
        };
        let (count, mut rest) = rest.split_first_chunk::<4>().ok_or(cut)?;
        let mut trees = BTreeMap::new();
        for _ in 0..u32::from_le_bytes(*count) {
            let (table, after) = rest.split_first().ok_or(cut)?;
            let (life, after) = after.split_first_chunk::<4>().ok_or(cut)?;
            let (nodes, after) = after.split_first_chunk::<4>().ok_or(cut)?;
            let length = (u32::from_le_bytes(*nodes) as usize).checked_mul(NODE).ok_or(cut)?;
            let (nodes, after) = after.split_at_checked(length).ok_or(cut)?;
            Table::from_byte(*table).ok_or("it is of a table this program does not know")?;
            trees.insert((*table, u32::from_le_bytes(*life)), Tree::parse(nodes)?);
            rest = after;
        }
        let kept = Self { places, hide, directory, trees };
        if !rest.is_empty() {
            return Err("it has another number of nodes than it says");
        }
        if Table::ALL.iter().any(|table| kept.life(table.byte()).is_none()) {
            return Err("it has nothing of one of the tables");
        }
        Ok(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{address, erase, row};
    use super::super::{Gone, KeyedHash, Life, RowKey};
    use super::*;

    /// A file as versions 2 and 3 wrote it, which had no secret of the directory.
    fn of_version(version: u8, kept: &Kept) -> Vec<u8> {
        let mut bytes = kept.bytes();
        bytes.truncate(bytes.len() - 4);
        bytes[MAGIC.len()] = version;
        bytes.drain(MAGIC.len() + 65..MAGIC.len() + 97);
        let crc = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&crc.to_le_bytes());
        bytes
    }

    fn parsed(bytes: &[u8]) -> RowKey {
        RowKey::of(Kept::parse(bytes).unwrap())
    }

    #[test]
    fn a_folder_of_an_earlier_version_opens_its_users_are_found_and_its_callers_can_be_forgotten() {
        let (user, caller) = (b"user/1".as_slice(), b"+33612345678".as_slice());
        let written = Kept::random().unwrap();
        let by = |secret: &Secret, purpose: &str, table: Table, key: &[u8]| {
            KeyedHash::new(&secret.derive(purpose)).of(&[&[table.byte()], key])
        };
        for (version, users) in [
            (2, by(&written.hide, "store addresses", Table::Users, user)),
            (3, by(&written.places, "store addresses of the directory", Table::Users, user)),
        ] {
            let key = parsed(&of_version(version, &written));
            let before = by(&written.hide, "store addresses", Table::Memory, caller);
            assert_eq!((key.hide(Table::Users, user), key.hide(Table::Memory, caller)), (users, before));
            let (life, cipher) = RowKey::of(written.clone()).present(&address("one")).unwrap();
            let sealed = cipher.seal(b"", b"x".to_vec()).unwrap();
            assert!(key.past(&address("one"), life).unwrap().open(b"", &sealed).is_some());

            let callers = Table::ALL.into_iter().filter(|table| !table.is_directory());
            let callers: Vec<_> = callers.map(|table| Gone::Of { table, upto: 0 }).collect();
            key.become_(key.without(&callers).unwrap().unwrap());
            let again = parsed(&key.inner.kept.read().kept.bytes());
            for key in [key, again] {
                assert_eq!(key.hide(Table::Users, user), users, "{version}");
                assert_ne!(key.hide(Table::Memory, caller), before, "{version}");
                assert!(key.past(&address("one"), life).is_none(), "{version}");
            }
        }
        for version in [0, 1, VERSION + 1] {
            assert!(Kept::parse(&of_version(version, &written)).is_err(), "{version}");
        }
    }

    #[test]
    fn what_rests_comes_back_and_no_flipped_bit_goes_unseen() {
        let key = RowKey::of(Kept::random().unwrap());
        erase(&key, row("one", 0, 0));
        let bytes = key.inner.kept.read().kept.bytes();
        let again = RowKey::of(Kept::parse(&bytes).unwrap());
        let (life, cipher) = again.present(&address("two")).unwrap();
        let sealed = cipher.seal(b"", b"x".to_vec()).unwrap();
        assert!(key.past(&address("two"), life).unwrap().open(b"", &sealed).is_some());
        assert!(again.past(&address("one"), Life { table: 0, own: 0 }).is_none());
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            assert!(Kept::parse(&bad).is_err(), "{at}");
            assert!(Kept::parse(&bytes[..at]).is_err(), "{at}");
        }
    }
}
