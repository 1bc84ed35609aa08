//! The other side of [`tree`](crate::tree): roots and proofs from the hashes a log keeps.

use crate::tree::{Hash, node, sha256, split};

/// Where hashes of whole subtrees come from.
pub trait Hashes {
    /// Why one could not be had.
    type Error;
    /// The root over the `2^level` leaves from `place · 2^level` on. Asked only for what is whole in the tree.
    fn hash(&mut self, level: u32, place: u64) -> Result<Hash, Self::Error>;
}

/// The root over the leaves `begin..end`; `begin` must be where a subtree of that size can begin.
fn range<H: Hashes>(hashes: &mut H, begin: u64, end: u64) -> Result<Hash, H::Error> {
    let leaves = end - begin;
    if leaves.is_power_of_two() {
        let level = leaves.trailing_zeros();
        return hashes.hash(level, begin >> level);
    }
    let middle = begin + split(leaves);
    let left = range(hashes, begin, middle)?;
    Ok(node(&left, &range(hashes, middle, end)?))
}

/// The root of the tree of the first `size` leaves.
pub fn root<H: Hashes>(hashes: &mut H, size: u64) -> Result<Hash, H::Error> {
    if size == 0 { Ok(sha256(&[])) } else { range(hashes, 0, size) }
}

/// The proof for [`check_inclusion`](crate::tree::check_inclusion); `None` where there is no such leaf.
pub fn inclusion<H: Hashes>(hashes: &mut H, index: u64, size: u64) -> Result<Option<Vec<Hash>>, H::Error> {
    if index >= size {
        return Ok(None);
    }
    let (mut begin, mut end, mut proof) = (0, size, Vec::new());
    while end - begin > 1 {
        let middle = begin + split(end - begin);
        if index < middle {
            proof.push(range(hashes, middle, end)?);
            end = middle;
        } else {
            proof.push(range(hashes, begin, middle)?);
            begin = middle;
        }
    }
    proof.reverse();
    Ok(Some(proof))
}

/// The proof for [`check_consistency`](crate::tree::check_consistency); `None` where the old tree is the larger.
pub fn consistency<H: Hashes>(
    hashes: &mut H,
    old_size: u64,
    size: u64,
) -> Result<Option<Vec<Hash>>, H::Error> {
    if old_size > size {
        return Ok(None);
    }
    if old_size == 0 || old_size == size {
        return Ok(Some(Vec::new()));
    }
    let (mut begin, mut end, mut proof) = (0, size, Vec::new());
    // Down to the subtree with which the old tree ends.
    while end != old_size {
        let middle = begin + split(end - begin);
        if old_size <= middle {
            proof.push(range(hashes, middle, end)?);
            end = middle;
        } else {
            proof.push(range(hashes, begin, middle)?);
            begin = middle;
        }
    }
    // The old tree's own root is known to whoever checks.
    if begin > 0 {
        proof.push(range(hashes, begin, end)?);
    }
    proof.reverse();
    Ok(Some(proof))
}

/// Leaf hashes in memory are hashes enough, for small trees and tests.
impl Hashes for &[Hash] {
    type Error = std::convert::Infallible;

    fn hash(&mut self, level: u32, place: u64) -> Result<Hash, Self::Error> {
        let begin = usize::try_from(place << level).unwrap_or(usize::MAX);
        let end = begin.saturating_add(1 << level);
        Ok(crate::tree::root(self.get(begin..end).unwrap_or_default()))
    }
}
