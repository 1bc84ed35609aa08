//! Where the hashes and entries of a log rest as static files (C2SP tlog-tiles).
//!
//! A tile of level *L* holds up to 256 hashes of subtrees of 256^*L* leaves; a bundle holds the entries themselves,
//! each with its length before it in two bytes, big-endian.

use std::collections::HashMap;
use std::fmt;

use crate::prove::Hashes;
use crate::tree::{self, Hash};

/// Hashes or entries of a whole tile.
pub const WIDTH: u64 = 256;
/// The longest entry, in bytes.
pub const MAX_ENTRY: usize = 65_535;

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Hashes of this level, from 0 to 7.
    Hashes(u8),
    /// Entries.
    Entries,
}

/// A tile's name. As text it is its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tile {
    /// What it holds.
    pub kind: Kind,
    /// Its place in its level.
    pub index: u64,
    /// How many it holds, from 1 to 256.
    pub width: u16,
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Hashes(level) => write!(f, "tile/{level}/")?,
            Kind::Entries => f.write_str("tile/entries/")?,
        }
        let mut above = self.index / 1_000;
        let mut groups = Vec::new();
        while above > 0 {
            groups.push(above % 1_000);
            above /= 1_000;
        }
        for group in groups.into_iter().rev() {
            write!(f, "x{group:03}/")?;
        }
        write!(f, "{:03}", self.index % 1_000)?;
        if u64::from(self.width) < WIDTH { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

impl Tile {
    /// Reads a path as it is written; `None` for any other.
    pub fn parse(path: &str) -> Option<Self> {
        let (kind, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let kind = match kind {
            "entries" => Kind::Entries,
            level => Kind::Hashes(level.parse().ok().filter(|level| *level < 8)?),
        };
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => (index, width.parse().ok()?),
            None => (rest, 256),
        };
        let mut number = 0_u64;
        for group in index.split('/') {
            let digits: u64 = group.strip_prefix('x').unwrap_or(group).parse().ok()?;
            number = number.checked_mul(1_000)?.checked_add(digits)?;
        }
        let tile = Self { kind, index: number, width };
        // One tile has one path.
        ((1..=256).contains(&width) && tile.to_string() == path).then_some(tile)
    }

    /// The tiles that a tree of `size` leaves has and the tree of `before` leaves had not: what to write when the
    /// log grows. Level by level, each level's entries before it.
    pub fn new_between(before: u64, size: u64) -> Vec<Self> {
        let mut tiles = Vec::new();
        for level in 0..8_u8 {
            let (before, size) = (before >> (8 * level), size >> (8 * level));
            if size == before {
                break;
            }
            for index in before / WIDTH..size.div_ceil(WIDTH) {
                let width = (size - index * WIDTH).min(WIDTH) as u16;
                if level == 0 {
                    tiles.push(Self { kind: Kind::Entries, index, width });
                }
                tiles.push(Self { kind: Kind::Hashes(level), index, width });
            }
        }
        tiles
    }
}

/// The hashes of a tile file; `None` where it does not hold so many.
pub fn read_hashes(bytes: &[u8], width: u16) -> Option<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    (rest.is_empty() && hashes.len() == usize::from(width)).then(|| hashes.to_vec())
}

/// The entries of a bundle; `None` where it does not hold so many.
pub fn read_entries(bytes: &[u8], width: u16) -> Option<Vec<&[u8]>> {
    let (mut rest, mut entries) = (bytes, Vec::new());
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let (entry, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        entries.push(entry);
        rest = after;
    }
    (rest.is_empty() && entries.len() == usize::from(width)).then_some(entries)
}

/// Appends an entry to a bundle; `None` where it is too long.
pub fn write_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Option<()> {
    bundle.extend_from_slice(&u16::try_from(entry.len()).ok()?.to_be_bytes());
    bundle.extend_from_slice(entry);
    Some(())
}

/// Why a hash could not be read from tiles.
#[derive(Debug, thiserror::Error)]
pub enum TileError<E> {
    /// It could not be had.
    #[error("{tile}: {error}")]
    Fetch {
        /// Which.
        tile: Tile,
        /// Why.
        error: E,
    },
    /// It does not hold what its path says.
    #[error("{0} has another length than its path says")]
    Length(Tile),
}

/// The hashes of a log of `size` leaves, out of its tiles. `fetch` gives the bytes of the file at a tile's path.
pub struct Tiles<F> {
    size: u64,
    fetch: F,
    read: HashMap<Tile, Vec<Hash>>,
}

impl<E, F: FnMut(Tile) -> Result<Vec<u8>, E>> Tiles<F> {
    /// Tiles are read once, when they are first needed.
    pub fn new(size: u64, fetch: F) -> Self {
        Self { size, fetch, read: HashMap::new() }
    }

    /// Reads a tile of hashes.
    pub fn tile(&mut self, level: u8, index: u64) -> Result<&[Hash], TileError<E>> {
        let hashes = self.size >> (8 * level);
        let width = hashes.saturating_sub(index.saturating_mul(WIDTH)).clamp(1, WIDTH) as u16;
        let tile = Tile { kind: Kind::Hashes(level), index, width };
        if !self.read.contains_key(&tile) {
            let bytes = (self.fetch)(tile).map_err(|error| TileError::Fetch { tile, error })?;
            let hashes = read_hashes(&bytes, width).ok_or(TileError::Length(tile))?;
            // One walk needs two tiles of each level.
            if self.read.len() >= 1_024 {
                self.read.clear();
            }
            self.read.insert(tile, hashes);
        }
        self.read.get(&tile).map(Vec::as_slice).ok_or(TileError::Length(tile))
    }
}

impl<E, F: FnMut(Tile) -> Result<Vec<u8>, E>> Hashes for Tiles<F> {
    type Error = TileError<E>;

    fn hash(&mut self, level: u32, place: u64) -> Result<Hash, Self::Error> {
        let (row, within) = ((level / 8) as u8, level % 8);
        let first = place << within;
        let index = first / WIDTH;
        let begin = (first % WIDTH) as usize;
        let hashes = self.tile(row, index)?;
        let short = TileError::Length(Tile { kind: Kind::Hashes(row), index, width: hashes.len() as u16 });
        Ok(tree::root(hashes.get(begin..begin + (1 << within)).ok_or(short)?))
    }
}
