//! The key of a tenant's rows, out of which single rows can be taken for good.
//!
//! Every row is sealed under a key of its own: a leaf of a binary tree of [`DEPTH`] levels whose root is random and
//! whose nodes each give their two children by a hash (the tree of Goldreich, Goldwasser and Micali, 1986). Whoever
//! holds a node holds all leaves below it and no others. To erase a row, the nodes above its leaf are
//! replaced by those beside that path, and forgotten: no copy of the row, in freed space or in a back-up however
//! old, opens any more, and every other row of every back-up still does. Nothing has to be sealed anew.
//!
//! A row's place in the tree is how often its address was erased before ‖ its table ‖ a keyed hash of its address.
//! What is written at an erased address afterwards is sealed under the next leaf that is there.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::RwLock;
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

use super::{Cipher, KeyError, KeyedHash, Secret};
use crate::{Address, Table};

/// Levels of the tree: every leaf is 64 steps from the root.
const DEPTH: u8 = 64;
/// Levels that say how often an address was erased, and those that say so and the table.
const LIVES: u8 = 16;
const TABLES: u8 = LIVES + 8;

const MAGIC: &[u8; 15] = b"parloir-store-k";
const VERSION: u8 = 1;
/// Bytes of a node: where it begins, how deep it is, its secret.
const NODE: usize = 8 + 1 + 32;

/// What is erased: a leaf, or all leaves below a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Below {
    first: u64,
    depth: u8,
}

impl Below {
    const fn new(place: u64, depth: u8) -> Self {
        Self { first: place & !Self::rest(depth), depth }
    }

    /// The bits below a depth.
    const fn rest(depth: u8) -> u64 {
        match u64::MAX.checked_shr(depth as u32) {
            Some(rest) => rest,
            None => 0,
        }
    }

    const fn last(self) -> u64 {
        self.first | Self::rest(self.depth)
    }
}

/// The nodes that are held: no two of them one above the other.
#[derive(Clone, Default)]
pub(super) struct Tree {
    /// By the first place below.
    nodes: BTreeMap<u64, (u8, Secret)>,
}

/// A child of a node.
fn child(node: &Secret, right: bool) -> Secret {
    let mut hash = Sha256::new();
    hash.update(b"parloir row tree");
    hash.update(node.expose());
    hash.update([u8::from(right)]);
    Secret::from_bytes(hash.finalize().into())
}

impl Tree {
    fn whole(root: Secret) -> Self {
        Self { nodes: BTreeMap::from([(0, (0, root))]) }
    }

    /// The node that is held at or above a place.
    fn above(&self, place: u64) -> Option<(Below, &Secret)> {
        let (first, (depth, secret)) = self.nodes.range(..=place).next_back()?;
        let node = Below { first: *first, depth: *depth };
        (place <= node.last()).then_some((node, secret))
    }

    /// A leaf's secret; `None` where it was taken out.
    fn leaf(&self, place: u64) -> Option<Secret> {
        let (node, secret) = self.above(place)?;
        let mut secret = secret.clone();
        for level in node.depth..DEPTH {
            secret = child(&secret, right(place, level));
        }
        Some(secret)
    }

    /// Takes out all leaves below a node. Whether any was there.
    fn take(&mut self, out: Below) -> bool {
        if let Some((node, secret)) = self.above(out.first).filter(|(node, _)| node.depth < out.depth) {
            let mut secret = secret.clone();
            self.nodes.remove(&node.first);
            for level in node.depth..out.depth {
                let side = right(out.first, level);
                let beside = (out.first ^ (1 << (63 - level))) & !Below::rest(level + 1);
                self.nodes.insert(beside, (level + 1, child(&secret, !side)));
                secret = child(&secret, side);
            }
            return true;
        }
        let below: Vec<u64> = self.nodes.range(out.first..=out.last()).map(|(first, _)| *first).collect();
        for first in &below {
            self.nodes.remove(first);
        }
        !below.is_empty()
    }

    /// Whether nothing below a node was ever taken out.
    fn is_whole(&self, below: Below) -> bool {
        self.above(below.first).is_some_and(|(node, _)| node.depth <= below.depth)
    }
}

/// Which child of a node at this level leads to a place.
const fn right(place: u64, level: u8) -> bool {
    place >> (63 - level) & 1 == 1
}

/// What is kept of a tenant's rows.
pub(super) struct Kept {
    /// What never changes: how keys are hidden and where rows are in the tree.
    root: Secret,
    tree: Tree,
}

impl Kept {
    pub(super) fn random() -> Result<Self, KeyError> {
        Ok(Self { root: Secret::random()?, tree: Tree::whole(Secret::random()?) })
    }

    /// As it rests: magic ‖ version ‖ root 32 ‖ how many nodes 4 ‖ nodes ‖ CRC-32.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64 + self.tree.nodes.len() * NODE);
        bytes.extend_from_slice(MAGIC);
        bytes.push(VERSION);
        bytes.extend_from_slice(self.root.expose());
        bytes.extend_from_slice(&(self.tree.nodes.len() as u32).to_le_bytes());
        for (first, (depth, secret)) in &self.tree.nodes {
            bytes.extend_from_slice(&first.to_le_bytes());
            bytes.push(*depth);
            bytes.extend_from_slice(secret.expose());
        }
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    /// Reads them back; in words, why they are none.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        let cut = "it is cut short";
        let (kept, crc) = bytes.split_last_chunk::<4>().ok_or(cut)?;
        if crc32fast::hash(kept) != u32::from_le_bytes(*crc) {
            return Err("its checksum differs");
        }
        let rest = kept.strip_prefix(MAGIC.as_slice()).ok_or("it is no key of rows")?;
        let (version, rest) = rest.split_first().ok_or(cut)?;
        if *version != VERSION {
            return Err("it is of a version this program does not know");
        }
        let (root, rest) = rest.split_first_chunk::<32>().ok_or(cut)?;
        let (count, rest) = rest.split_first_chunk::<4>().ok_or(cut)?;
        let (nodes, left) = rest.as_chunks::<NODE>();
        if nodes.len() != u32::from_le_bytes(*count) as usize || !left.is_empty() {
            return Err("it has another number of nodes than it says");
        }
        let mut tree = Tree::default();
        for node in nodes {
            let (first, node) = node.split_first_chunk::<8>().ok_or(cut)?;
            let (depth, secret) = node.split_first().ok_or(cut)?;
            let secret = secret.first_chunk::<32>().ok_or(cut)?;
            if *depth > DEPTH {
                return Err("a node is deeper than the tree");
            }
            tree.nodes.insert(u64::from_le_bytes(*first), (*depth, Secret::from_bytes(*secret)));
        }
        Ok(Self { root: Secret::from_bytes(*root), tree })
    }
}

/// What single rows of a tenant are sealed under. Clones are the same key: what is taken out of one is out of all.
#[derive(Clone)]
pub struct RowKey {
    inner: Arc<Inner>,
}

struct Inner {
    root: Secret,
    hide: KeyedHash,
    places: KeyedHash,
    tree: RwLock<Tree>,
}

/// Which rows are erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rows {
    /// The row at an address, and every value it ever had.
    At(Address),
    /// Every row a table ever had.
    Of(Table),
}

impl RowKey {
    /// From a secret that is used for nothing else. What is taken out of it is forgotten with it.
    pub fn new(secret: &Secret) -> Self {
        Self::of(Kept {
            root: secret.derive("parloir rows: root"),
            tree: Tree::whole(secret.derive("parloir rows: tree")),
        })
    }

    pub(super) fn of(kept: Kept) -> Self {
        let hide = KeyedHash::new(&kept.root.derive("store addresses"));
        let places = KeyedHash::new(&kept.root.derive("store places"));
        Self { inner: Arc::new(Inner { root: kept.root, hide, places, tree: RwLock::new(kept.tree) }) }
    }

    /// What hides keys that name a person.
    pub(crate) fn hide(&self) -> &KeyedHash {
        &self.inner.hide
    }

    /// A name for what may not be written down, such as a telephone number: always the same for this tenant, and only whoever
    /// holds this key can tell what it stands for, by trying. No erasure changes it.
    #[must_use]
    pub fn pseudonym(&self, of: &[u8]) -> [u8; 32] {
        // No table has the byte 0: no address is ever made of it.
        self.inner.hide.of(&[&[0], of])
    }

    fn place(&self, address: &Address, life: u16) -> u64 {
        let [a, b, c, d, e, ..] = self.inner.places.of(&[address.as_bytes()]);
        let hash = u64::from_be_bytes([0, 0, 0, a, b, c, d, e]);
        u64::from(life) << 48 | u64::from(address.table_byte()) << 40 | hash
    }

    /// What the next value at an address is sealed under, and how often the address was erased before.
    pub(crate) fn present(&self, address: &Address) -> Result<(u16, Cipher), KeyError> {
        let tree = self.inner.tree.read();
        for life in 0..=u16::MAX {
            if let Some(secret) = tree.leaf(self.place(address, life)) {
                return Ok((life, Cipher::new(&secret)));
            }
        }
        Err(KeyError::Worn)
    }

    /// What a value was sealed under when its address had been erased so often; `None` where that was erased since.
    pub(crate) fn past(&self, address: &Address, life: u16) -> Option<Cipher> {
        self.inner.tree.read().leaf(self.place(address, life)).map(|secret| Cipher::new(&secret))
    }

    /// What is left without these rows.
    pub(super) fn without(&self, rows: &[Rows]) -> Kept {
        let mut tree = self.inner.tree.read().clone();
        for rows in rows {
            match rows {
                Rows::At(address) => {
                    // The life it is in: those before are out already.
                    for life in 0..=u16::MAX {
                        if tree.take(Below::new(self.place(address, life), DEPTH)) {
                            break;
                        }
                    }
                }
                Rows::Of(table) => {
                    for life in 0..=u16::MAX {
                        let place = u64::from(life) << 48 | u64::from(table.byte()) << 40;
                        let below = Below::new(place, TABLES);
                        let untouched = tree.is_whole(below);
                        tree.take(below);
                        // Nothing can be in a later life than the first that no erasure has touched.
                        if untouched {
                            break;
                        }
                    }
                }
            }
        }
        Kept { root: self.inner.root.clone(), tree }
    }

    /// Forgets what is not in there.
    pub(super) fn become_(&self, kept: Kept) {
        *self.inner.tree.write() = kept.tree;
    }
}

impl std::fmt::Debug for RowKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RowKey(…)")
    }
}

/// Overwrites what a key rested in.
pub(super) fn forget(bytes: &mut Vec<u8>) {
    bytes.zeroize();
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn address(key: &str) -> Address {
        Address::new(&"cabinet".parse().unwrap(), Table::Memory, key.as_bytes()).unwrap()
    }

    fn erase(key: &RowKey, rows: Rows) {
        key.become_(key.without(&[rows]));
    }

    #[test]
    fn an_erased_row_is_gone_its_neighbours_are_not_and_its_address_lives_on() {
        let key = RowKey::of(Kept::random().unwrap());
        let sealed = |at: &str| {
            let (life, cipher) = key.present(&address(at)).unwrap();
            (life, cipher.seal(b"", at.as_bytes().to_vec()).unwrap())
        };
        let opens = |at: &str, (life, sealed): &(u16, Vec<u8>)| {
            key.past(&address(at), *life).and_then(|cipher| cipher.open(b"", sealed))
        };
        let (one, two) = (sealed("one"), sealed("two"));
        erase(&key, Rows::At(address("one")));
        assert_eq!(opens("one", &one), None);
        assert_eq!(opens("two", &two), Some(b"two".to_vec()));
        let again = sealed("one");
        assert_eq!((one.0, again.0), (0, 1));
        assert_eq!(opens("one", &again), Some(b"one".to_vec()));
        erase(&key, Rows::At(address("one")));
        assert_eq!(opens("one", &again), None);
        assert_eq!(sealed("one").0, 2);
        // A whole table, whatever lives its rows are in.
        let third = sealed("one");
        erase(&key, Rows::Of(Table::Memory));
        assert_eq!((opens("one", &third), opens("two", &two)), (None, None));
        let fresh = sealed("two");
        assert_eq!(opens("two", &fresh), Some(b"two".to_vec()));
        let elsewhere = Address::new(&"cabinet".parse().unwrap(), Table::Slots, b"one").unwrap();
        assert_eq!(key.present(&elsewhere).unwrap().0, 0);
    }

    #[test]
    fn what_rests_comes_back_and_no_flipped_bit_goes_unseen() {
        let key = RowKey::of(Kept::random().unwrap());
        erase(&key, Rows::At(address("one")));
        let kept = key.without(&[]);
        let bytes = kept.bytes();
        let again = RowKey::of(Kept::parse(&bytes).unwrap());
        let (life, cipher) = again.present(&address("two")).unwrap();
        let sealed = cipher.seal(b"", b"x".to_vec()).unwrap();
        assert!(key.past(&address("two"), life).unwrap().open(b"", &sealed).is_some());
        assert!(again.past(&address("one"), 0).is_none());
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            assert!(Kept::parse(&bad).is_err(), "{at}");
            assert!(Kept::parse(&bytes[..at]).is_err(), "{at}");
        }
    }

    proptest! {
        #[test]
        fn every_leaf_is_what_it_was_until_it_is_taken_out(
            out in prop::collection::vec((any::<u64>(), 1..=64_u8), 0..20),
            near in prop::collection::vec((any::<prop::sample::Index>(), 0..64_u32), 1..20),
        ) {
            let whole = Tree::whole(Secret::from_bytes([7; 32]));
            let mut tree = whole.clone();
            for (place, depth) in &out {
                tree.take(Below::new(*place, *depth));
                prop_assert!(!tree.take(Below::new(*place, *depth)), "twice is once");
            }
            for (which, bit) in near {
                // Leaves that are a bit away from what was taken out.
                let place = out.get(which.index(out.len().max(1))).map_or(0, |(place, _)| *place) ^ (1 << bit);
                let gone = out.iter().any(|(first, depth)| {
                    let below = Below::new(*first, *depth);
                    (below.first..=below.last()).contains(&place)
                });
                let (now, was) = (tree.leaf(place), whole.leaf(place).unwrap());
                prop_assert_eq!(now.map(|secret| *secret.expose()), (!gone).then_some(*was.expose()));
            }
        }
    }
}
