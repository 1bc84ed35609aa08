//! The tree of a table: whoever holds a node of it holds all leaves below, and no others.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::Secret;

/// Levels of a tree: every leaf is 64 steps from the root.
pub(super) const DEPTH: u8 = 64;

/// What is erased: a leaf, or all leaves below a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Below {
    first: u64,
    depth: u8,
}

impl Below {
    pub(super) const fn new(place: u64, depth: u8) -> Self {
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
    pub(super) nodes: BTreeMap<u64, (u8, Secret)>,
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
    pub(super) fn whole(root: Secret) -> Self {
        Self { nodes: BTreeMap::from([(0, (0, root))]) }
    }

    /// The node that is held at or above a place.
    fn above(&self, place: u64) -> Option<(Below, &Secret)> {
        let (first, (depth, secret)) = self.nodes.range(..=place).next_back()?;
        let node = Below { first: *first, depth: *depth };
        (place <= node.last()).then_some((node, secret))
    }

    /// A leaf's secret; `None` where it was taken out.
    pub(super) fn leaf(&self, place: u64) -> Option<Secret> {
        let (node, secret) = self.above(place)?;
        let mut secret = secret.clone();
        for level in node.depth..DEPTH {
            secret = child(&secret, right(place, level));
        }
        Some(secret)
    }

    /// Takes out all leaves below a node. Whether any was there.
    pub(super) fn take(&mut self, out: Below) -> bool {
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
}

/// Which child of a node at this level leads to a place.
const fn right(place: u64, level: u8) -> bool {
    place >> (63 - level) & 1 == 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
