//! Finding every chunk of a call in a copy of the log.
//!
//! A proof shows that chunks are in the log. That there are no others of the same call, a second story told
//! under one name, only the whole log shows; its entries are files that anybody can copy and keep.

use std::collections::HashSet;

use crate::Proof;
use crate::checkpoint::Checkpoint;
use crate::chunk::Header;
use crate::note::Note;
use crate::tile::{self, Kind, Tile, WIDTH};
use crate::tree::{self, Hash, node};

/// Why a copy of a log says nothing.
#[derive(Debug, thiserror::Error)]
pub enum SearchError<E> {
    /// A file could not be had.
    #[error("{tile}: {error}")]
    Fetch {
        /// Which.
        tile: Tile,
        /// Why.
        error: E,
    },
    /// A file does not hold what its path says.
    #[error("{0} is damaged: copy it again from where the log is served")]
    Damaged(Tile),
    /// The entries are not those of the checkpoint.
    #[error("the copy of the log is another than the one that was signed")]
    Other,
}

/// The places of a call's chunks among the first `size` entries of the log, which must have this root.
/// `fetch` gives the bytes of the file at a tile's path, or of a wider form of it.
pub fn places<E>(
    call: &[u8; 16],
    size: u64,
    root: &Hash,
    mut fetch: impl FnMut(Tile) -> Result<Vec<u8>, E>,
) -> Result<Vec<u64>, SearchError<E>> {
    let (mut places, mut whole) = (Vec::new(), Whole::default());
    for index in 0..size.div_ceil(WIDTH) {
        let width = (size - index * WIDTH).min(WIDTH) as u16;
        let tile = Tile { kind: Kind::Entries, index, width };
        let bytes = fetch(tile).map_err(|error| SearchError::Fetch { tile, error })?;
        let entries = tile::read_entries(&bytes, width).ok_or(SearchError::Damaged(tile))?;
        for (entry, place) in entries.into_iter().zip(index * WIDTH..) {
            whole.push(tree::leaf(&[entry]));
            if Header::parse(entry).is_ok_and(|(header, _)| header.call == *call) {
                places.push(place);
            }
        }
    }
    if whole.root() == *root { Ok(places) } else { Err(SearchError::Other) }
}

impl Proof {
    /// The places of chunks that are of this call too, in a copy of the log as it was signed, and not in this file: a
    /// second chain under the same name, or chunks that were left out. For a file that was verified. `fetch` as for
    /// [`places`].
    pub fn others<E>(
        &self,
        fetch: impl FnMut(Tile) -> Result<Vec<u8>, E>,
    ) -> Result<Vec<u64>, SearchError<E>> {
        let note: Note = self.checkpoint.parse().map_err(|_| SearchError::Other)?;
        let checkpoint: Checkpoint = note.text.parse().map_err(|_| SearchError::Other)?;
        let header = self.chunks.first().and_then(|chunk| Header::parse(&chunk.header.0).ok());
        let (header, _) = header.ok_or(SearchError::Other)?;
        let known: HashSet<u64> = self.chunks.iter().map(|chunk| chunk.index).collect();
        let mut found = places(&header.call, checkpoint.size, &checkpoint.root, fetch)?;
        found.retain(|place| !known.contains(place));
        Ok(found)
    }
}

/// A tree of which only the roots of its whole parts are in memory, the largest first.
#[derive(Default)]
struct Whole {
    leaves: u64,
    parts: Vec<Hash>,
}

impl Whole {
    fn push(&mut self, mut hash: Hash) {
        // As many parts become one as the number of leaves ends in ones.
        for _ in 0..self.leaves.trailing_ones() {
            if let Some(left) = self.parts.pop() {
                hash = node(&left, &hash);
            }
        }
        self.parts.push(hash);
        self.leaves += 1;
    }

    fn root(&self) -> Hash {
        let mut parts = self.parts.iter().rev();
        let Some(right) = parts.next() else { return tree::root(&[]) };
        parts.fold(*right, |right, left| node(left, &right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_of_whole_parts_is_the_trees() {
        let (mut whole, mut leaves) = (Whole::default(), Vec::new());
        for number in 0..300_u32 {
            assert_eq!(whole.root(), tree::root(&leaves), "{number}");
            let leaf = tree::leaf(&[&number.to_le_bytes()]);
            whole.push(leaf);
            leaves.push(leaf);
        }
    }
}
