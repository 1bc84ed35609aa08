//! How a record is committed to so that it can be shown, or not, one by one.
//!
//! The leaf of a record is `salt ‖ 0 ‖ record`, or `salt ‖ 1 ‖ commitment ‖ record` where it has content, whose
//! commitment is the hash of `other salt ‖ content`. Without the salt a hash confirms no guess, not even of
//! « oui »; so a record that is not shown stays hidden, and erasing the key that the salts come from hides
//! all of them.
//!
//! The salts of a chunk come from one seed, halved along the tree's own shape: a seed over one leaf is its
//! salt, and a seed over more gives its left part `SHA-256(seed ‖ 0)` and its right part `SHA-256(seed ‖ 1)`. Who
//! shows a whole chunk shows one seed; who leaves out one record of 256 shows eight.

use crate::tree::{self, Hash, node, sha256, split};

/// The hash of a record's leaf.
pub fn leaf(salt: &Hash, record: &[u8], content: Option<&Hash>) -> Hash {
    match content {
        Some(commitment) => tree::leaf(&[salt, &[1], commitment, record]),
        None => tree::leaf(&[salt, &[0], record]),
    }
}

/// What a record commits to its content by.
pub fn commitment(salt: &Hash, content: &[u8]) -> Hash {
    sha256(&[salt, content])
}

/// The salts of as many leaves.
pub fn salts(seed: &Hash, leaves: usize) -> Vec<Hash> {
    let mut salts = Vec::with_capacity(leaves);
    grow(*seed, leaves, &mut salts);
    salts
}

fn grow(seed: Hash, leaves: usize, salts: &mut Vec<Hash>) {
    match leaves {
        0 => {}
        1 => salts.push(seed),
        _ => {
            let left = split(leaves as u64) as usize;
            grow(sha256(&[&seed, &[0]]), left, salts);
            grow(sha256(&[&seed, &[1]]), leaves - left, salts);
        }
    }
}

/// What is to become known of a salt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// It is needed.
    Shown,
    /// It must stay hidden.
    Hidden,
    /// Nothing hangs on it: a record without content.
    Either,
}

impl From<bool> for Want {
    fn from(shown: bool) -> Self {
        if shown { Self::Shown } else { Self::Hidden }
    }
}

/// The seeds that give the salts that are needed, and none that must stay hidden.
pub fn seeds(seed: &Hash, wanted: &[Want]) -> Vec<Hash> {
    let mut given = Vec::new();
    give(*seed, wanted, &mut given);
    given
}

fn give(seed: Hash, wanted: &[Want], given: &mut Vec<Hash>) {
    if !wanted.contains(&Want::Shown) {
        return;
    }
    if !wanted.contains(&Want::Hidden) {
        return given.push(seed);
    }
    let (left, right) = wanted.split_at(split(wanted.len() as u64) as usize);
    give(sha256(&[&seed, &[0]]), left, given);
    give(sha256(&[&seed, &[1]]), right, given);
}

/// The salts out of [`seeds`], as far as they are known. `None` where the seeds are too few or too many.
pub fn shown_salts(seeds: &[Hash], wanted: &[Want]) -> Option<Vec<Option<Hash>>> {
    let (mut seeds, mut salts) = (seeds.iter(), Vec::with_capacity(wanted.len()));
    receive(&mut seeds, wanted, &mut salts)?;
    seeds.next().is_none().then_some(salts)
}

fn receive(
    seeds: &mut std::slice::Iter<'_, Hash>,
    wanted: &[Want],
    salts: &mut Vec<Option<Hash>>,
) -> Option<()> {
    if !wanted.contains(&Want::Shown) {
        salts.extend(wanted.iter().map(|_| None));
    } else if wanted.contains(&Want::Hidden) {
        let (left, right) = wanted.split_at(split(wanted.len() as u64) as usize);
        receive(seeds, left, salts)?;
        receive(seeds, right, salts)?;
    } else {
        salts.extend(self::salts(seeds.next()?, wanted.len()).into_iter().map(Some));
    }
    Some(())
}

/// The hashes that stand for the leaves that are not shown, each over as many as possible.
pub fn hidden(leaves: &[Hash], shown: &[bool]) -> Vec<Hash> {
    let mut hashes = Vec::new();
    hide(leaves, shown, &mut hashes);
    hashes
}

fn hide(leaves: &[Hash], shown: &[bool], hashes: &mut Vec<Hash>) {
    if !shown.contains(&true) {
        hashes.push(tree::root(leaves));
    } else if shown.contains(&false) {
        let middle = split(shown.len() as u64) as usize;
        let ((left, right), (shown_left, shown_right)) = (leaves.split_at(middle), shown.split_at(middle));
        hide(left, shown_left, hashes);
        hide(right, shown_right, hashes);
    }
}

/// The root over leaves some of which are [`hidden`]. `None` where their hashes are too few or too many.
pub fn root(leaves: &[Option<Hash>], hidden: &[Hash]) -> Option<Hash> {
    let mut hidden = hidden.iter();
    let root = join(leaves, &mut hidden)?;
    hidden.next().is_none().then_some(root)
}

fn join(leaves: &[Option<Hash>], hidden: &mut std::slice::Iter<'_, Hash>) -> Option<Hash> {
    match leaves {
        [Some(leaf)] => Some(*leaf),
        _ if leaves.iter().all(Option::is_none) => hidden.next().copied(),
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len() as u64) as usize);
            let left = join(left, hidden)?;
            Some(node(&left, &join(right, hidden)?))
        }
    }
}
