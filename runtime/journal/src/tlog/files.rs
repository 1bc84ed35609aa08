//! A tenant's log as static files, in the layout of C2SP tlog-tiles, so that any web server can serve them.
//!
//! ```text
//! <data>/log/<tenant>/checkpoint            the newest, signed
//!                     checkpoint.cosigned   the newest that witnesses cosigned
//!                     tile/0/000 …          hashes; tile/entries/000 … chunk headers
//!                     keys/00000001         the log's first key; 00000002 …: notes that name the next
//!                     position              how far the segments are covered: a hint, not part of the log
//! ```

use std::collections::HashSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use parloir_contract::TenantId;
use parloir_proof::checkpoint::Checkpoint;
use parloir_proof::keys;
use parloir_proof::note::{Note, PublicKey};
use parloir_proof::tile::{self, Kind, Tile, WIDTH};
use parloir_store::disk::{Disk, OsDisk, Readers, settle, write_whole};

use crate::segment::Location;

pub(super) const CHECKPOINT: &str = "checkpoint";
pub(super) const COSIGNED: &str = "checkpoint.cosigned";
const POSITION: &str = "position";

/// Folders whose names are known to be durable, at most.
const MAX_SETTLED: usize = 256;

/// The folder of a tenant's log.
pub(crate) struct Files {
    pub(crate) folder: PathBuf,
    disk: Arc<dyn Disk>,
    /// Folders whose names this program has made durable itself.
    settled: Mutex<HashSet<PathBuf>>,
}

/// The tenants that have a log, signed or not.
pub(crate) fn tenants(data: &Path) -> io::Result<Vec<TenantId>> {
    crate::segment::tenants_in(&data.join("log"))
}

/// The bytes of a tile in a copy of a log, out of a wider form of it where the log has grown since.
pub fn read_tile(folder: &Path, tile: Tile) -> io::Result<Vec<u8>> {
    Files { folder: folder.to_owned(), disk: Arc::new(OsDisk), settled: Mutex::default() }.tile(tile)
}

/// Whether the copy of a log has files of this path, below its folder.
pub(crate) fn is_file(path: &str) -> bool {
    let key = path.strip_prefix("keys/").and_then(|number| number.parse::<u32>().ok());
    path == CHECKPOINT
        || path == COSIGNED
        || key.is_some_and(|generation| generation > 0 && Files::key_path(generation) == path)
        || Tile::parse(path).is_some()
}

/// Whether this is the path of a log's newest checkpoint.
pub(crate) fn is_newest(path: &str) -> bool {
    path == CHECKPOINT
}

/// The checkpoint that is in a file of this path; `None` where there is none in it.
pub(crate) fn checkpoint_of(path: &str, bytes: &[u8]) -> io::Result<Option<Checkpoint>> {
    if path != CHECKPOINT && path != COSIGNED {
        return Ok(None);
    }
    let wrong = |what: &dyn std::fmt::Display| malformed(Path::new(path), what);
    let text = std::str::from_utf8(bytes).map_err(|error| wrong(&error))?;
    let note: Note = text.parse().map_err(|error| wrong(&error))?;
    note.text.parse().map(Some).map_err(|error| wrong(&error))
}

fn malformed(path: &Path, what: impl std::fmt::Display) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("{}: {what}", path.display()))
}

impl Files {
    /// For reading, and for what is written beside a running journal.
    pub(crate) fn new(data: &Path, tenant: &TenantId) -> Self {
        Self::on(Arc::new(OsDisk), data, tenant)
    }

    pub(crate) fn on(disk: Arc<dyn Disk>, data: &Path, tenant: &TenantId) -> Self {
        Self { folder: data.join("log").join(tenant.as_str()), disk, settled: Mutex::default() }
    }

    /// Makes what a program that was killed may have left half done durable, before anything is built on it.
    pub(super) fn settle(&self) -> io::Result<()> {
        for folder in [self.folder.clone(), self.folder.join("keys")] {
            if folder.is_dir() {
                self.settle_folder(&folder)?;
            }
        }
        Ok(())
    }

    /// Makes the names of a folder and of those above it durable, up to the data folder's own.
    fn settle_folder(&self, folder: &Path) -> io::Result<()> {
        if self.settled.lock().contains(folder) {
            return Ok(());
        }
        let below = folder.strip_prefix(&self.folder).map_or(0, |below| below.components().count());
        settle(&*self.disk, folder, below + 3)?;
        let mut settled = self.settled.lock();
        if settled.len() >= MAX_SETTLED {
            settled.clear();
        }
        settled.insert(folder.to_owned());
        Ok(())
    }

    /// Whether anything was ever published here.
    pub(crate) fn was_begun(&self) -> bool {
        [&Self::key_path(1), COSIGNED, POSITION, "tile"].iter().any(|path| self.folder.join(path).exists())
    }

    pub(super) fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.folder.join(path)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes a file whole and durably: a reader finds what was there before, or all of this.
    pub(super) fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.folder.join(path);
        let parent = path.parent().unwrap_or(&self.folder);
        self.disk.make_folder(parent, Readers::Anyone)?;
        self.settle_folder(parent)?;
        write_whole(&*self.disk, &path, bytes, Readers::Anyone)
    }

    /// A signed note.
    pub(crate) fn note(&self, path: &str) -> io::Result<Option<Note>> {
        let Some(bytes) = self.read(path)? else { return Ok(None) };
        let wrong = |what: &dyn std::fmt::Display| malformed(&self.folder.join(path), what);
        let text = String::from_utf8(bytes).map_err(|error| wrong(&error))?;
        text.parse().map(Some).map_err(|error| wrong(&error))
    }

    /// A tile's bytes; where it is wider by now, as many of them as are asked for.
    pub(crate) fn tile(&self, tile: Tile) -> io::Result<Vec<u8>> {
        if let Some(bytes) = self.read(&tile.to_string())? {
            return Ok(bytes);
        }
        let whole = Tile { width: WIDTH as u16, ..tile };
        let missing = || malformed(&self.folder.join(tile.to_string()), "the tile is missing");
        let mut bytes = self.read(&whole.to_string())?.ok_or_else(missing)?;
        let length = match tile.kind {
            Kind::Hashes(_) => usize::from(tile.width) * 32,
            Kind::Entries => {
                let entries = tile::read_entries(&bytes, whole.width).ok_or_else(missing)?;
                entries.iter().take(usize::from(tile.width)).map(|entry| entry.len() + 2).sum()
            }
        };
        bytes.truncate(length);
        Ok(bytes)
    }

    /// Writes a tile. A whole one takes the place of its narrower forms.
    pub(super) fn write_tile(&self, tile: Tile, bytes: &[u8]) -> io::Result<()> {
        let path = tile.to_string();
        // A tile of this width never changes, except where it was damaged.
        if self.read(&path)?.as_deref() == Some(bytes) {
            // Written by a program that was killed before its name was durable, perhaps.
            let path = self.folder.join(&path);
            return self.settle_folder(path.parent().unwrap_or(&self.folder));
        }
        self.write(&path, bytes)?;
        if u64::from(tile.width) == WIDTH {
            let narrower = self.folder.join(format!("{path}.p"));
            self.settled.lock().remove(&narrower);
            self.disk.remove_folder(&narrower)?;
        }
        Ok(())
    }

    fn key_path(generation: u32) -> String {
        format!("keys/{generation:08}")
    }

    /// The log's notes as they are, by path: its newest checkpoints and its keys.
    pub(crate) fn notes(&self) -> io::Result<Vec<(String, Vec<u8>)>> {
        let mut notes = Vec::new();
        // The cosigned one first: it is never of a larger tree than the newest.
        for path in [COSIGNED, CHECKPOINT] {
            notes.extend(self.read(path)?.map(|bytes| (path.to_owned(), bytes)));
        }
        for generation in 1.. {
            let path = Self::key_path(generation);
            let Some(bytes) = self.read(&path)? else { break };
            notes.push((path, bytes));
        }
        Ok(notes)
    }

    /// The log's keys as they were published: the first, and the notes after it.
    pub(crate) fn keys(&self) -> io::Result<Option<(PublicKey, Vec<Note>)>> {
        let first = Self::key_path(1);
        let Some(bytes) = self.read(&first)? else { return Ok(None) };
        let wrong = |what: &dyn std::fmt::Display| malformed(&self.folder.join(&first), what);
        let text = String::from_utf8(bytes).map_err(|error| wrong(&error))?;
        let key = text.trim_end().parse().map_err(|error| wrong(&error))?;
        let mut notes = Vec::new();
        while let Some(note) = self.note(&Self::key_path(notes.len() as u32 + 2))? {
            notes.push(note);
        }
        Ok(Some((key, notes)))
    }

    /// The log's keys, each found to be named by the one before.
    pub(crate) fn chain(&self) -> io::Result<Vec<PublicKey>> {
        let Some((first, notes)) = self.keys()? else { return Ok(Vec::new()) };
        keys::follow(&first, &notes).map_err(|error| malformed(&self.folder.join("keys"), error))
    }

    pub(super) fn write_first_key(&self, key: &PublicKey) -> io::Result<()> {
        self.write(&Self::key_path(1), format!("{key}\n").as_bytes())
    }

    pub(super) fn write_next_key(&self, generation: u32, note: &Note) -> io::Result<()> {
        self.write(&Self::key_path(generation), note.to_string().as_bytes())
    }

    /// How many leaves the segments give up to some chunk, and where that chunk is.
    pub(super) fn position(&self) -> Option<(u64, Location)> {
        let text = String::from_utf8(self.read(POSITION).ok()??).ok()?;
        let mut parts = text.split_whitespace();
        let size = parts.next()?.parse().ok()?;
        let location = Location { segment: parts.next()?.parse().ok()?, offset: parts.next()?.parse().ok()? };
        Some((size, location))
    }

    pub(super) fn write_position(&self, size: u64, last: Location) -> io::Result<()> {
        self.write(POSITION, format!("{size} {} {}\n", last.segment, last.offset).as_bytes())
    }
}
