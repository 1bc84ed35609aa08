//! The key of a tenant's rows, out of which single rows can be taken for good.
//!
//! Every row is sealed under a key of its own: a leaf of a binary tree of [`DEPTH`] levels whose root is random and
//! whose nodes each give their two children by a hash (the tree of Goldreich, Goldwasser and Micali, 1986). Whoever
//! holds a node holds all leaves below it and no others. To erase a row, the nodes above its leaf are
//! replaced by those beside that path, and forgotten: no copy of the row, in freed space or in a back-up however
//! old, opens any more, and every other row of every back-up still does. Nothing has to be sealed anew.
//!
//! Every table has a tree of its own. To erase a table is to forget its tree and to begin another: what was taken out of
//! the first one leaf by leaf takes no room any more. A row's place in its table's tree is how often its address was erased
//! before ‖ a keyed hash of its address. What is written at an erased address afterwards is sealed under the next
//! leaf that is there. Which tree and which leaf a value is sealed under is its [`Life`], which rests beside it.

mod at_rest;
mod tree;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use parking_lot::RwLock;
use zeroize::Zeroize;

use self::tree::{Below, DEPTH, Tree};
use super::{Cipher, KeyError, KeyedHash, NONCE, Secret};
use crate::{Address, Table};

/// Levels that say how often an address was erased. The others are a hash: among ten million rows of a table the chance that
/// any two share a leaf is one in a hundred.
const LIVES: u8 = 12;
/// The last life of an address.
const LAST: u16 = (1 << LIVES) - 1;

/// What hides keys of what calls left.
fn by_addresses(hide: &Secret) -> Secret {
    hide.derive("store addresses")
}

/// What hides keys of the directory, but in a folder that was begun when one secret hid all.
fn by_places(places: &Secret) -> Secret {
    places.derive("store addresses of the directory")
}

/// What is kept of a tenant's rows.
#[derive(Clone)]
pub(super) struct Kept {
    /// Where rows are in their trees. It never changes.
    places: Secret,
    /// How keys are hidden that name a person, but those of the directory. Another when every row is erased that has such a key.
    hide: Secret,
    /// How keys of the directory are hidden: its rows outlast every erasure of what calls left. It never changes.
    directory: Secret,
    /// By the byte of a table, and how often that was erased before. Of a table there are two while its rows are sealed anew.
    trees: BTreeMap<(u8, u32), Tree>,
}

impl Kept {
    /// With secrets from somewhere, for the purposes that it is asked for.
    fn from<E>(mut secret: impl FnMut(&str) -> Result<Secret, E>) -> Result<Self, E> {
        let mut trees = BTreeMap::new();
        for table in Table::ALL {
            let root = secret(&format!("parloir rows: table {}", table.byte()))?;
            trees.insert((table.byte(), 0), Tree::whole(root));
        }
        let (places, hide) = (secret("parloir rows: places")?, secret("parloir rows: addresses")?);
        let directory = by_places(&places);
        Ok(Self { places, hide, directory, trees })
    }

    pub(super) fn random() -> Result<Self, KeyError> {
        Self::from(|_| Secret::random())
    }

    /// How often a table was erased.
    fn life(&self, table: u8) -> Option<u32> {
        self.trees.range((table, 0)..=(table, u32::MAX)).next_back().map(|((_, life), _)| *life)
    }

    /// Begins the life of a table that comes after this one. Whether that was to be done.
    fn begin(&mut self, table: Table, upto: u32) -> Result<bool, KeyError> {
        if self.life(table.byte()).is_some_and(|life| life > upto) {
            return Ok(false);
        }
        let next = upto.checked_add(1).ok_or(KeyError::Worn)?;
        self.trees.insert((table.byte(), next), Tree::whole(Secret::random()?));
        Ok(true)
    }

    /// Ends the lives of a table up to this one. Whether any was there.
    fn end(&mut self, table: Table, upto: u32) -> Result<bool, KeyError> {
        self.begin(table, upto)?;
        let byte = table.byte();
        let ended: Vec<_> = self.trees.range((byte, 0)..=(byte, upto)).map(|(life, _)| *life).collect();
        for life in &ended {
            self.trees.remove(life);
        }
        Ok(!ended.is_empty())
    }
}

/// What single rows of a tenant are sealed under. Clones are the same key: what is taken out of one is out of all.
#[derive(Clone)]
pub struct RowKey {
    inner: Arc<Inner>,
}

struct Inner {
    places: KeyedHash,
    /// How persons are called where their numbers may not be written down.
    names: KeyedHash,
    /// How keys of the directory are hidden.
    directory: KeyedHash,
    kept: RwLock<Held>,
    /// Held by whoever seals a row until it is kept; and by whoever erases rows, alone.
    writing: tokio::sync::RwLock<()>,
    /// Held by whoever changes how many bytes are remembered, alone.
    counting: tokio::sync::Mutex<()>,
}

struct Held {
    kept: Kept,
    hide: KeyedHash,
}

impl Held {
    fn new(kept: Kept) -> Self {
        let hide = KeyedHash::new(&by_addresses(&kept.hide));
        Self { kept, hide }
    }
}

/// When a value was sealed: after so many erasures of its table, and so many of its address since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// Erasures of its table.
    pub table: u32,
    /// Erasures of its address since.
    pub own: u16,
}

/// A row as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Where it rests.
    pub address: Address,
    /// When it was sealed.
    pub life: Life,
    /// What tells this value from every other that was ever kept there.
    pub nonce: [u8; NONCE],
}

/// Which rows are to be erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rows {
    /// A row as it was found, and every value it had before. What is written there afterwards stays.
    At(Row),
    /// Every row a table ever had.
    Of(Table),
}

/// Which rows are erased, however often that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gone {
    /// As [`Rows::At`].
    At(Row),
    /// Every row that a table had until it was erased so often.
    Of {
        /// Which table.
        table: Table,
        /// The last of its lives that ends.
        upto: u32,
    },
}

impl RowKey {
    /// From a secret that is used for nothing else. What is taken out of it is forgotten with it.
    pub fn new(secret: &Secret) -> Self {
        let Ok(kept) = Kept::from(|purpose| Ok::<_, Infallible>(secret.derive(purpose)));
        Self::of(kept)
    }

    pub(super) fn of(kept: Kept) -> Self {
        let places = KeyedHash::new(&kept.places.derive("store places"));
        let names = KeyedHash::new(&kept.places.derive("store pseudonyms"));
        let directory = KeyedHash::new(&kept.directory);
        let (kept, writing) = (RwLock::new(Held::new(kept)), tokio::sync::RwLock::default());
        let counting = tokio::sync::Mutex::default();
        Self { inner: Arc::new(Inner { places, names, directory, kept, writing, counting }) }
    }

    /// What a key of a table is hidden as that may name a person.
    pub(crate) fn hide(&self, table: Table, key: &[u8]) -> [u8; 32] {
        let byte = [table.byte()];
        let parts: [&[u8]; 2] = [&byte, key];
        if table.is_directory() {
            self.inner.directory.of(&parts)
        } else {
            self.inner.kept.read().hide.of(&parts)
        }
    }

    /// See [`Inner::writing`].
    pub(crate) fn writing(&self) -> &tokio::sync::RwLock<()> {
        &self.inner.writing
    }

    /// See [`Inner::counting`]. It is taken before [`RowKey::writing`].
    pub(crate) fn counting(&self) -> &tokio::sync::Mutex<()> {
        &self.inner.counting
    }

    /// A name for what may not be written down, such as a telephone number: always the same for this tenant, and only whoever
    /// holds this key can tell what it stands for, by trying. No erasure changes it.
    #[must_use]
    pub fn pseudonym(&self, of: &[u8]) -> [u8; 32] {
        self.inner.names.of(&[of])
    }

    /// How often a table was erased.
    pub(crate) fn life(&self, table: Table) -> u32 {
        self.inner.kept.read().kept.life(table.byte()).unwrap_or(0)
    }

    fn place(&self, address: &Address, own: u16) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.inner.places.of(&[address.as_bytes()]);
        let hash = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        u64::from(own) << (DEPTH - LIVES) | hash >> LIVES
    }

    /// What the next value at an address is sealed under.
    pub(crate) fn present(&self, address: &Address) -> Result<(Life, Cipher), KeyError> {
        self.first(address, |_| 0)
    }

    /// What a value at an address is sealed under that is to outlast those of this life.
    pub(crate) fn after(&self, address: &Address, life: Life) -> Result<(Life, Cipher), KeyError> {
        self.first(address, |table| if table == life.table { life.own.saturating_add(1) } else { 0 })
    }

    /// The first leaf that is there, from a life on that may depend on its table's.
    fn first(&self, address: &Address, from: impl Fn(u32) -> u16) -> Result<(Life, Cipher), KeyError> {
        let held = self.inner.kept.read();
        let byte = address.table_byte();
        let table = held.kept.life(byte).ok_or(KeyError::Worn)?;
        let tree = held.kept.trees.get(&(byte, table)).ok_or(KeyError::Worn)?;
        for own in from(table)..=LAST {
            if let Some(secret) = tree.leaf(self.place(address, own)) {
                return Ok((Life { table, own }, Cipher::new(&secret)));
            }
        }
        Err(KeyError::Worn)
    }

    /// What a value of this life was sealed under; `None` where that was erased since.
    pub(crate) fn past(&self, address: &Address, life: Life) -> Option<Cipher> {
        if life.own > LAST {
            return None;
        }
        let held = self.inner.kept.read();
        let tree = held.kept.trees.get(&(address.table_byte(), life.table))?;
        tree.leaf(self.place(address, life.own)).map(|secret| Cipher::new(&secret))
    }

    /// What is left without these rows; `None` where none of them is there any more.
    pub(super) fn without(&self, gone: &[Gone]) -> Result<Option<Kept>, KeyError> {
        let mut kept = self.inner.kept.read().kept.clone();
        let (mut changed, mut ended) = (false, Vec::new());
        for gone in gone {
            match gone {
                Gone::At(Row { address, life, .. }) => {
                    let tree = kept.trees.get_mut(&(address.table_byte(), life.table));
                    if let Some(tree) = tree.filter(|_| life.own <= LAST) {
                        changed |= tree.take(Below::new(self.place(address, life.own), DEPTH));
                    }
                }
                Gone::Of { table, upto } => {
                    if kept.end(*table, *upto)? {
                        ended.push(*table);
                    }
                }
            }
        }
        let hidden = Table::ALL.into_iter().filter(|table| table.keys_are_private());
        let mut hidden = hidden.filter(|table| !table.is_directory());
        if hidden.all(|table| ended.contains(&table)) {
            // No row is left that has such a key: what they were cannot be found out by trying any more.
            kept.hide = Secret::random()?;
        }
        Ok((changed || !ended.is_empty()).then_some(kept))
    }

    /// How many bytes there are at most of what is left without these rows, and with another life of a table beside.
    pub(super) fn most_without(&self, gone: &[Gone]) -> u64 {
        let single = gone.iter().filter(|gone| matches!(gone, Gone::At(_))).count() as u64;
        let length = self.inner.kept.read().kept.length();
        length
            .saturating_add(at_rest::LIFE)
            .saturating_add(single.saturating_mul(u64::from(DEPTH) * at_rest::NODE as u64))
    }

    /// How many there are of it.
    pub(super) fn length_without(&self, gone: &[Gone]) -> Result<u64, KeyError> {
        let length = match self.without(gone)? {
            Some(kept) => kept.length(),
            None => self.inner.kept.read().kept.length(),
        };
        Ok(length.saturating_add(at_rest::LIFE))
    }

    /// With another life of a table beside those up to this one; `None` where there is one already.
    pub(super) fn beginning(&self, table: Table, upto: u32) -> Result<Option<Kept>, KeyError> {
        let mut kept = self.inner.kept.read().kept.clone();
        Ok(kept.begin(table, upto)?.then_some(kept))
    }

    /// Forgets what is not in there.
    pub(super) fn become_(&self, kept: Kept) {
        *self.inner.kept.write() = Held::new(kept);
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
    use super::at_rest::NODE;
    use super::*;

    pub(super) fn address(key: &str) -> Address {
        Address::new(&"cabinet".parse().unwrap(), Table::Memory, key.as_bytes()).unwrap()
    }

    pub(super) fn erase(key: &RowKey, gone: Gone) {
        if let Some(kept) = key.without(&[gone]).unwrap() {
            key.become_(kept);
        }
    }

    pub(super) fn row(key: &str, table: u32, own: u16) -> Gone {
        Gone::At(Row { address: address(key), life: Life { table, own }, nonce: [0; NONCE] })
    }

    #[test]
    fn an_erased_row_is_gone_its_neighbours_are_not_and_its_address_lives_on() {
        let key = RowKey::of(Kept::random().unwrap());
        let sealed = |at: &str| {
            let (life, cipher) = key.present(&address(at)).unwrap();
            (life, cipher.seal(b"", at.as_bytes().to_vec()).unwrap())
        };
        let opens = |at: &str, (life, sealed): &(Life, Vec<u8>)| {
            key.past(&address(at), *life).and_then(|cipher| cipher.open(b"", sealed))
        };
        let (one, two) = (sealed("one"), sealed("two"));
        erase(&key, row("one", 0, 0));
        assert_eq!(opens("one", &one), None);
        assert_eq!(opens("two", &two), Some(b"two".to_vec()));
        let again = sealed("one");
        assert_eq!((one.0.own, again.0.own), (0, 1));
        // Twice is once: what was written since stays.
        erase(&key, row("one", 0, 0));
        assert_eq!(opens("one", &again), Some(b"one".to_vec()));
        erase(&key, row("one", 0, 1));
        assert_eq!(opens("one", &again), None);
        assert_eq!(sealed("one").0.own, 2);
        // A whole table, whatever lives its rows are in, and nothing that comes after it.
        let third = sealed("one");
        let table = Gone::Of { table: Table::Memory, upto: 0 };
        erase(&key, table.clone());
        assert_eq!((opens("one", &third), opens("two", &two)), (None, None));
        let fresh = sealed("two");
        erase(&key, table);
        erase(&key, row("two", 0, 0));
        assert_eq!(opens("two", &fresh), Some(b"two".to_vec()));
        assert_eq!(fresh.0, Life { table: 1, own: 0 });
        let elsewhere = Address::new(&"cabinet".parse().unwrap(), Table::Slots, b"one").unwrap();
        assert_eq!(key.present(&elsewhere).unwrap().0, Life { table: 0, own: 0 });
        assert!(key.past(&address("two"), Life { table: 1, own: u16::MAX }).is_none());
    }

    #[test]
    fn a_table_that_was_erased_takes_no_more_room_than_a_new_one() {
        let key = RowKey::of(Kept::random().unwrap());
        let bytes = || key.inner.kept.read().kept.bytes().len();
        let empty = bytes();
        for number in 0..50 {
            erase(&key, row(&number.to_string(), 0, 0));
        }
        assert!(bytes() > empty + 1_000 * NODE);
        assert_eq!(key.inner.kept.read().kept.length(), bytes() as u64);
        erase(&key, Gone::Of { table: Table::Memory, upto: 0 });
        assert_eq!(bytes(), empty);
    }

    #[test]
    fn two_lives_of_a_table_stand_side_by_side_until_the_first_ends() {
        let key = RowKey::of(Kept::random().unwrap());
        let (old, cipher) = key.present(&address("one")).unwrap();
        let sealed = cipher.seal(b"", b"x".to_vec()).unwrap();
        key.become_(key.beginning(Table::Memory, 0).unwrap().unwrap());
        assert!(key.beginning(Table::Memory, 0).unwrap().is_none(), "once is enough");
        let (new, _) = key.present(&address("one")).unwrap();
        assert_eq!((old.table, new.table), (0, 1));
        assert!(key.past(&address("one"), old).unwrap().open(b"", &sealed).is_some());
        erase(&key, Gone::Of { table: Table::Memory, upto: 0 });
        assert!(key.past(&address("one"), old).is_none() && key.past(&address("one"), new).is_some());
    }

    #[test]
    fn who_was_hidden_cannot_be_tried_once_all_such_rows_are_erased_and_not_before() {
        let key = RowKey::of(Kept::random().unwrap());
        let hidden = || key.hide(Table::Memory, b"+33612345678");
        let (before, user) = (hidden(), key.hide(Table::Users, b"user/1"));
        let private =
            Table::ALL.into_iter().filter(|table| table.keys_are_private() && !table.is_directory());
        let private: Vec<_> = private.collect();
        erase(&key, Gone::Of { table: private[0], upto: 0 });
        assert_eq!(hidden(), before);
        let all: Vec<_> = private.iter().map(|table| Gone::Of { table: *table, upto: 1 }).collect();
        key.become_(key.without(&all).unwrap().unwrap());
        let after = hidden();
        assert_ne!(after, before);
        assert_eq!(key.hide(Table::Users, b"user/1"), user, "who administers is found as before");
        assert!(key.without(&all).unwrap().is_none() && hidden() == after, "twice is once");
        let rests = key.inner.kept.read().kept.bytes();
        assert_eq!(RowKey::of(Kept::parse(&rests).unwrap()).hide(Table::Memory, b"+33612345678"), after);
    }

    #[test]
    fn rows_by_the_hundred_thousand_each_have_a_leaf_of_their_own() {
        let key = RowKey::new(&Secret::from_bytes([7; 32]));
        let places: std::collections::HashSet<u64> =
            (0..100_000).map(|number| key.place(&address(&format!("row {number}")), 0)).collect();
        assert_eq!(places.len(), 100_000);
        let bits = places.iter().fold(0_u64, |bits, place| bits | place);
        assert_eq!(
            bits.count_ones(),
            u32::from(DEPTH - LIVES),
            "all that is left beside the lives is the hash"
        );
    }
}
