//! The Merkle tree of RFC 6962, and proofs in it as RFC 9162 §2.1.3 and §2.1.4 check them.

use sha2::{Digest, Sha256};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// A proof that proves something else, or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the proof does not lead to the root it is for")]
pub struct Unproven;

/// SHA-256 of these parts, one after another.
pub fn sha256(parts: &[&[u8]]) -> Hash {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// The hash of a leaf with this data, given in parts.
pub fn leaf(data: &[&[u8]]) -> Hash {
    let mut hash = Sha256::new_with_prefix([0]);
    for part in data {
        hash.update(part);
    }
    hash.finalize().into()
}

/// The hash of a node over two others.
pub fn node(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[1], left, right])
}

/// The root over leaf hashes, in order; of none, the hash of nothing.
pub fn root(leaves: &[Hash]) -> Hash {
    let mut level = leaves.to_vec();
    // Neighbours level by level, an odd last one carried up: the tree that splits at the largest power of two.
    while level.len() > 1 {
        let above = level.chunks(2).map(|pair| match pair {
            [left, right] => node(left, right),
            [carried, ..] => *carried,
            [] => [0; 32],
        });
        level = above.collect();
    }
    level.first().copied().unwrap_or_else(|| sha256(&[]))
}

/// Where a tree of so many leaves splits: the largest power of two below. For two leaves and more.
pub(crate) fn split(leaves: u64) -> u64 {
    1 << (leaves.saturating_sub(1).max(1).ilog2())
}

/// Whether the leaf at `index` of a tree of `size` leaves with this root has this hash. An error where the proof does not say so.
pub fn check_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    root: &Hash,
    proof: &[Hash],
) -> Result<(), Unproven> {
    if index >= size {
        return Err(Unproven);
    }
    let (mut place, mut last, mut hash) = (index, size - 1, *leaf);
    for other in proof {
        if last == 0 {
            return Err(Unproven);
        }
        if place & 1 == 1 || place == last {
            hash = node(other, &hash);
            let up = if place & 1 == 1 { 0 } else { place.trailing_zeros().min(63) };
            (place, last) = (place >> up, last >> up);
        } else {
            hash = node(&hash, other);
        }
        (place, last) = (place >> 1, last >> 1);
    }
    if last == 0 && hash == *root { Ok(()) } else { Err(Unproven) }
}

/// Whether the tree of `size` leaves begins with the leaves of the tree of `old_size`. An error where the proof does not say so.
pub fn check_consistency(
    (old_size, old_root): (u64, &Hash),
    (size, root): (u64, &Hash),
    proof: &[Hash],
) -> Result<(), Unproven> {
    if old_size == 0 || old_size == size {
        let same = if old_size == size { old_root == root } else { *old_root == sha256(&[]) };
        return if same && proof.is_empty() { Ok(()) } else { Err(Unproven) };
    }
    if old_size > size {
        return Err(Unproven);
    }
    let whole = old_size.is_power_of_two().then_some(old_root);
    let mut hashes = whole.into_iter().chain(proof);
    let begin = hashes.next().ok_or(Unproven)?;
    let up = (old_size - 1).trailing_ones().min(63);
    let (mut place, mut last) = ((old_size - 1) >> up, (size - 1) >> up);
    let (mut old, mut new) = (*begin, *begin);
    for other in hashes {
        if last == 0 {
            return Err(Unproven);
        }
        if place & 1 == 1 || place == last {
            old = node(other, &old);
            new = node(other, &new);
            let up = if place & 1 == 1 { 0 } else { place.trailing_zeros().min(63) };
            (place, last) = (place >> up, last >> up);
        } else {
            new = node(&new, other);
        }
        (place, last) = (place >> 1, last >> 1);
    }
    if last == 0 && old == *old_root && new == *root { Ok(()) } else { Err(Unproven) }
}
