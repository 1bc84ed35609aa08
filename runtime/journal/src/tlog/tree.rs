//! The growing tree: only its right edge is in memory.

use std::io;

use parloir_proof::tile::{self, Kind, Tile, WIDTH};
use parloir_proof::tree::{self, Hash};

use super::files::Files;

/// Levels of tiles of a log that holds 2^64 leaves.
const LEVELS: usize = 8;

/// The tiles at the right edge of the tree that are not whole yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Edge {
    pub(super) size: u64,
    levels: [Vec<Hash>; LEVELS],
    entries: Vec<u8>,
}

impl Edge {
    /// The edge of the tree of `size` leaves, out of its files.
    pub(super) fn load(files: &Files, size: u64) -> io::Result<Self> {
        let mut edge = Self { size, ..Self::default() };
        let wrong = |tile: Tile| io::Error::new(io::ErrorKind::InvalidData, format!("{tile} is damaged"));
        for (level, hashes) in (0_u8..).zip(&mut edge.levels) {
            let count = size.checked_shr(8 * u32::from(level)).unwrap_or(0);
            let width = (count % WIDTH) as u16;
            if width > 0 {
                let tile = Tile { kind: Kind::Hashes(level), index: count / WIDTH, width };
                *hashes = tile::read_hashes(&files.tile(tile)?, width).ok_or_else(|| wrong(tile))?;
                if level == 0 {
                    let tile = Tile { kind: Kind::Entries, ..tile };
                    edge.entries = files.tile(tile)?;
                    let entries = tile::read_entries(&edge.entries, width).ok_or_else(|| wrong(tile))?;
                    if !entries.iter().map(|entry| tree::leaf(&[entry])).eq(hashes.iter().copied()) {
                        return Err(wrong(tile));
                    }
                }
            }
        }
        Ok(edge)
    }

    /// Takes a leaf in, and writes the tiles that are whole with it, where there are files to write to.
    pub(super) fn push(&mut self, files: Option<&Files>, entry: &[u8]) -> io::Result<()> {
        tile::write_entry(&mut self.entries, entry).ok_or(io::ErrorKind::InvalidData)?;
        self.size += 1;
        let mut up = Some(tree::leaf(&[entry]));
        for (level, hashes) in (0_u8..).zip(&mut self.levels) {
            let Some(hash) = up.take() else { break };
            hashes.push(hash);
            if hashes.len() as u64 == WIDTH {
                let index = (self.size >> (8 * (u32::from(level) + 1))) - 1;
                let width = WIDTH as u16;
                if level == 0 {
                    if let Some(files) = files {
                        files.write_tile(Tile { kind: Kind::Entries, index, width }, &self.entries)?;
                    }
                    self.entries.clear();
                }
                if let Some(files) = files {
                    files.write_tile(Tile { kind: Kind::Hashes(level), index, width }, &hashes.concat())?;
                }
                up = Some(tree::root(hashes));
                hashes.clear();
            }
        }
        Ok(())
    }

    /// Writes the tiles that are not whole, as they are now.
    pub(super) fn write(&self, files: &Files) -> io::Result<()> {
        for (level, hashes) in (0_u8..).zip(&self.levels).filter(|(_, hashes)| !hashes.is_empty()) {
            let index = self.size >> (8 * (u32::from(level) + 1)).min(63);
            let width = hashes.len() as u16;
            if level == 0 {
                files.write_tile(Tile { kind: Kind::Entries, index, width }, &self.entries)?;
            }
            files.write_tile(Tile { kind: Kind::Hashes(level), index, width }, &hashes.concat())?;
        }
        Ok(())
    }

    /// The root of the whole tree.
    pub(super) fn root(&self) -> Hash {
        let mut right: Option<Hash> = None;
        for hashes in &self.levels {
            // What is right of a level's whole subtrees is smaller than any of them: it stands as one more.
            let all: Vec<Hash> = hashes.iter().copied().chain(right).collect();
            right = if all.is_empty() { None } else { Some(tree::root(&all)) };
        }
        right.unwrap_or_else(|| tree::root(&[]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edge_has_the_trees_root_and_comes_back_from_its_files_at_every_size() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::new(folder.path(), &"cabinet".parse().unwrap());
        let (mut edge, mut leaves) = (Edge::default(), Vec::new());
        assert_eq!(edge.root(), tree::root(&[]));
        for number in 0..700_u64 {
            edge.push(Some(&files), &number.to_be_bytes()).unwrap();
            leaves.push(tree::leaf(&[&number.to_be_bytes()]));
            assert_eq!(edge.root(), tree::root(&leaves), "{number}");
            if number % 7 == 0 || number % 256 > 253 {
                edge.write(&files).unwrap();
                assert_eq!(Edge::load(&files, edge.size).unwrap(), edge, "{number}");
            }
        }
        // An older size is still there where tiles became whole since.
        let older = Edge::load(&files, 255).unwrap();
        assert_eq!(older.root(), tree::root(&leaves[..255]));
    }
}
