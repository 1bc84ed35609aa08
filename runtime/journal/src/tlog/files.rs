//! A tenant's log as static files, in the layout of C2SP tlog-tiles, so that any web server can serve them.
//!
//! ```text
//! <data>/log/<tenant>/checkpoint            the newest, signed
//!                     checkpoint.cosigned   the newest that witnesses cosigned
//!                     tile/0/000 …          hashes; tile/entries/000 … chunk headers
//!                     keys/00000001         the log's first key; 00000002 …: notes that name the next
//!                     position              how far the segments are covered: a hint, not part of the log
//! ```

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use parloir_contract::TenantId;
use parloir_proof::keys;
use parloir_proof::note::{Note, PublicKey};
use parloir_proof::tile::{self, Kind, Tile, WIDTH};

use crate::segment::Location;

pub(super) const CHECKPOINT: &str = "checkpoint";
pub(super) const COSIGNED: &str = "checkpoint.cosigned";
const POSITION: &str = "position";

/// The folder of a tenant's log.
pub(crate) struct Files {
    pub(crate) folder: PathBuf,
}

fn malformed(path: &Path, what: impl std::fmt::Display) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("{}: {what}", path.display()))
}

impl Files {
    pub(crate) fn new(data: &Path, tenant: &TenantId) -> Self {
        Self { folder: data.join("log").join(tenant.as_str()) }
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
        if !parent.is_dir() {
            fs::create_dir_all(parent)?;
            for above in parent.ancestors().skip(1).take(5).filter(|p| !p.as_os_str().is_empty()) {
                File::open(above)?.sync_all()?;
            }
        }
        let mut draft = path.clone().into_os_string();
        draft.push(".part");
        let mut file = File::create(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&draft, &path)?;
        File::open(parent)?.sync_all()
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
            return Ok(());
        }
        self.write(&path, bytes)?;
        if u64::from(tile.width) == WIDTH {
            match fs::remove_dir_all(self.folder.join(format!("{path}.p"))) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    fn key_path(generation: u32) -> String {
        format!("keys/{generation:08}")
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
