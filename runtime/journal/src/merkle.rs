//! The Merkle tree of RFC 6962 §2.1 over a chunk's records.

use sha2::{Digest, Sha256};

/// A hash of SHA-256.
pub(crate) type Hash = [u8; 32];

/// The root over leaf values, in order. Of none: the hash of nothing.
pub(crate) fn root(leaves: &[Hash]) -> Hash {
    let mut level: Vec<Hash> = leaves.iter().map(|value| leaf(value)).collect();
    // Hashing neighbours level by level, an odd last one carried up, gives the same tree as splitting at the
    // largest power of two.
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => node(left, right),
                [carried, ..] => *carried,
                [] => [0; 32],
            })
            .collect();
    }
    level.first().copied().unwrap_or_else(|| Sha256::digest([]).into())
}

fn leaf(value: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(value).finalize().into()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6962 §2.1, word by word.
    fn by_the_book(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Sha256::digest([]).into(),
            [one] => leaf(one),
            _ => {
                let mut split = 1;
                while split * 2 < leaves.len() {
                    split *= 2;
                }
                node(&by_the_book(&leaves[..split]), &by_the_book(&leaves[split..]))
            }
        }
    }

    #[test]
    fn the_root_is_that_of_the_standard() {
        let leaves: Vec<Hash> = (0..300_u32).map(|n| Sha256::digest(n.to_le_bytes()).into()).collect();
        for count in 0..leaves.len() {
            assert_eq!(root(&leaves[..count]), by_the_book(&leaves[..count]), "{count} leaves");
        }
    }
}
