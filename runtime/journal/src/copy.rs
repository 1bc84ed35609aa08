//! Copies of a journal: what a back-up holds of it, and whether what came back is what was signed.
//!
//! A copy is taken while calls are live. It holds whole segments that nothing is appended to any more, the newest
//! checkpoint with the tiles of its tree, and how many erasures all of that has been through. What an erasure blanks meanwhile
//! is in it as it was or blanked: its keys are gone either way, and the journal that opens the copy blanks it again.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use parloir_contract::TenantId;
use parloir_proof::checkpoint::Checkpoint;
use parloir_proof::note::{Note, PublicKey};
use parloir_proof::tile::Tile;
use parloir_proof::tree::{self, Hash};
use parloir_store::Kms;

use crate::chunk::Header;
use crate::erase::MARKER;
use crate::log_key::continued;
use crate::read::{on_own_thread, scan};
use crate::segment::{self, Found, FrameKind, Location, Log};
use crate::tlog::{self, Files, Refused, signed};
use crate::{Journal, JournalError};

/// What a copy holds of one tenant's journal.
#[derive(Debug)]
pub struct JournalCopy {
    /// Whose.
    pub tenant: TenantId,
    /// How many chunks its newest checkpoint covers; 0 where nothing was signed yet.
    pub size: u64,
    /// The root of their tree.
    pub root: Hash,
    /// Its files.
    pub files: Vec<CopiedFile>,
}

/// A file of a copy.
#[derive(Debug)]
pub struct CopiedFile {
    /// Where it rests below a data folder: parts with `/` between them.
    pub path: String,
    /// Its length in bytes, where that is known before it is read: it is of segments, which are nearly all of it.
    pub bytes: Option<u64>,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Bytes(Vec<u8>),
    Segment(PathBuf),
    Tile(PathBuf, Tile),
}

impl CopiedFile {
    fn of(path: String, bytes: Vec<u8>) -> Self {
        Self { path, bytes: None, source: Source::Bytes(bytes) }
    }

    /// Its length, and what is in it. Blocks.
    pub fn open(self) -> io::Result<(u64, Box<dyn Read + Send>)> {
        let bytes = match self.source {
            Source::Segment(path) => {
                let file = File::open(path)?;
                // An erasure puts another of the same length in its place.
                let length = file.metadata()?.len();
                return Ok((length, Box::new(file)));
            }
            Source::Bytes(bytes) => bytes,
            // A narrow tile may have become part of a wider one since.
            Source::Tile(folder, tile) => tlog::read_tile(&folder, tile)?,
        };
        Ok((bytes.len() as u64, Box::new(io::Cursor::new(bytes))))
    }
}

/// Whose file this is of a copy; `None` where no copy holds a file of this path.
pub fn of_copy(path: &str) -> Option<TenantId> {
    let (kind, rest) = path.split_once('/')?;
    let (tenant, name) = rest.split_once('/')?;
    let is_segment = || {
        let number = name.strip_suffix(".seg").and_then(|digits| digits.parse::<u32>().ok());
        number.is_some_and(|number| number > 0 && segment::name(number) == name)
    };
    let known = match kind {
        "journal" => name == MARKER || is_segment(),
        "recordings" => is_segment(),
        "log" => tlog::is_file(name),
        _ => false,
    };
    if known { tenant.parse().ok() } else { None }
}

/// Why a copy is not the journal that it was made of.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// Its log is not the one that was signed.
    #[error("the log of tenant {tenant} is not the one that was signed: {why}")]
    Altered {
        /// Whose.
        tenant: TenantId,
        /// Why.
        why: String,
    },
    /// Its keys are others'.
    #[error(
        "the keys folder signs another log than the one of tenant {tenant} that is here: give the keys folder that belongs to it with --keys"
    )]
    OtherKeys {
        /// Whose.
        tenant: TenantId,
    },
    /// It cannot be looked at.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl Journal {
    /// What a copy holds of one tenant's journal: all that is durable now. Begins new segments, so that those before are as they
    /// will be.
    pub async fn copy(&self, tenant: &TenantId) -> Result<JournalCopy, JournalError> {
        let data = self.eraser().data.clone();
        // First: what is erased from here on is erased again in what comes back.
        let mark = {
            let path = Log::Journal.folder(&data, tenant).join(MARKER);
            on_own_thread("journal-copy", move || if_there(fs::read(path))).await??
        };
        self.publish().await;
        let (signed, rolled) = {
            let files = Files::new(&data, tenant);
            // Before the segments: no checkpoint covers more than they have.
            let notes = on_own_thread("journal-copy", move || files.notes()).await??;
            (notes, self.shared().roll(tenant).await?)
        };
        let tenant = tenant.clone();
        let work = move || {
            let files = Files::new(&data, &tenant);
            let (mut size, mut root, mut tiles) = (0, tree::root(&[]), 0);
            let mut copied = Vec::new();
            copied.extend(mark.map(|mark| CopiedFile::of(format!("journal/{tenant}/{MARKER}"), mark)));
            for (name, bytes) in signed {
                if let Some(checkpoint) = tlog::checkpoint_of(&name, &bytes)? {
                    tiles = checkpoint.size.max(tiles);
                    if tlog::is_newest(&name) {
                        (size, root) = (checkpoint.size, checkpoint.root);
                    }
                }
                copied.push(CopiedFile::of(format!("log/{tenant}/{name}"), bytes));
            }
            copied.extend(Tile::new_between(0, tiles).into_iter().map(|tile| CopiedFile {
                path: format!("log/{tenant}/{tile}"),
                bytes: None,
                source: Source::Tile(files.folder.clone(), tile),
            }));
            for (log, present) in [(Log::Journal, rolled.journal), (Log::Recordings, rolled.recordings)] {
                let folder = log.folder(&data, &tenant);
                for number in segment::numbers(&folder)?.into_iter().filter(|number| *number < present) {
                    let path = segment::path(&folder, number);
                    let bytes = Some(fs::metadata(&path)?.len());
                    let name = format!("{}/{tenant}/{}", log.name(), segment::name(number));
                    copied.push(CopiedFile { path: name, bytes, source: Source::Segment(path) });
                }
            }
            Ok::<_, io::Error>(JournalCopy { tenant, size, root, files: copied })
        };
        Ok(on_own_thread("journal-copy", work).await??)
    }
}

fn if_there<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Checks the journal of a tenant that came back: its newest checkpoint is signed by the log's keys, of which the keys
/// folder has one, or notes how they go on to one, and the segments give the very tree that was signed. Returns its size and
/// its root. Makes no key that is not there.
pub async fn check_copy(
    data: impl Into<PathBuf>,
    kms: &dyn Kms,
    tenant: &TenantId,
) -> Result<(u64, Hash), CopyError> {
    let (data, of) = (data.into(), tenant.clone());
    let place = data.clone();
    let ours = on_own_thread("journal-copy", move || segment::refuse_others(&place)).await;
    ours.map_err(JournalError::from)??;
    let altered = |why: String| CopyError::Altered { tenant: tenant.clone(), why };
    let work = move || look(&data, &of);
    let (chain, size, root) = on_own_thread("journal-copy", work)
        .await
        .map_err(JournalError::from)?
        .map_err(|Refused(why)| altered(why))?;
    if !chain.is_empty() {
        if !kms.knows(tenant).await.map_err(JournalError::from)? {
            return Err(CopyError::OtherKeys { tenant: tenant.clone() });
        }
        let known = kms.log_keys(tenant).await.map_err(JournalError::from)?;
        let published = known.iter().any(|key| chain.iter().any(|other| other.bytes() == key.public));
        // The data may be from before all keys that are left; then it is noted beside them how it goes on.
        if !published && continued(kms, tenant, &chain).await?.is_none() {
            return Err(CopyError::OtherKeys { tenant: tenant.clone() });
        }
    }
    Ok((size, root))
}

/// The log's keys, and the tree that is signed and there.
fn look(data: &Path, tenant: &TenantId) -> Result<(Vec<PublicKey>, u64, Hash), Refused> {
    let files = Files::new(data, tenant);
    let chain = files.chain()?;
    let newest: Option<Note> = tlog::checkpoints(&files)?.0;
    let Some(newest) = newest else {
        return match chain.is_empty() {
            true => Ok((chain, 0, tree::root(&[]))),
            false => Err(Refused("its newest checkpoint is gone".into())),
        };
    };
    let Checkpoint { size, root, .. } = signed(&newest, &chain)?;
    let mut found = Growing::default();
    let mut bad = None;
    scan(data, Log::Journal, tenant, Location::default(), |place| {
        match place.found {
            Found::Frame { kind: FrameKind::Chunk | FrameKind::ErasedChunk, payload, .. } => {
                match Header::parse(payload) {
                    Ok((header, ..)) => found.push(tree::leaf(&[&header.bytes()])),
                    Err(_) => bad = bad.or(Some(place.location)),
                }
            }
            Found::Bad { .. } => bad = bad.or(Some(place.location)),
            Found::Frame {
                kind: FrameKind::Key | FrameKind::Recording | FrameKind::ErasedRecording, ..
            } => {}
        }
        if found.size == size { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    if let Some(Location { segment, offset }) = bad {
        return Err(Refused(format!("segment {segment} is damaged at byte {offset}")));
    }
    if found.size < size {
        return Err(Refused(format!("{size} chunks were signed, {} are there", found.size)));
    }
    // A signed tree of nothing has nothing to be found.
    if size > 0 && found.root() != root {
        return Err(Refused(format!("the {size} chunks that are there are not those that were signed")));
    }
    Ok((chain, size, root))
}

/// A tree that grows leaf by leaf: of what is whole, the roots alone are kept.
#[derive(Default)]
struct Growing {
    size: u64,
    /// Of ever smaller subtrees.
    roots: Vec<Hash>,
}

impl Growing {
    fn push(&mut self, leaf: Hash) {
        self.size += 1;
        let mut hash = leaf;
        for _ in 0..self.size.trailing_zeros() {
            let Some(left) = self.roots.pop() else { break };
            hash = tree::node(&left, &hash);
        }
        self.roots.push(hash);
    }

    fn root(&self) -> Hash {
        let joined = self.roots.iter().rev().copied().reduce(|right, left| tree::node(&left, &right));
        joined.unwrap_or_else(|| tree::root(&[]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_that_grows_has_the_root_of_all_its_leaves_at_every_size() {
        let (mut growing, mut leaves) = (Growing::default(), Vec::new());
        assert_eq!(growing.root(), tree::root(&[]));
        for number in 0..300_u16 {
            leaves.push(tree::leaf(&[&number.to_be_bytes()]));
            growing.push(tree::leaf(&[&number.to_be_bytes()]));
            assert_eq!(growing.root(), tree::root(&leaves), "{number}");
        }
    }

    #[test]
    fn a_copy_has_files_of_its_own_kinds_and_no_path_leads_out_of_it() {
        let own = [
            "journal/cabinet/00000001.seg",
            "journal/cabinet/erased",
            "recordings/cabinet/00012345.seg",
            "log/cabinet/checkpoint",
            "log/cabinet/checkpoint.cosigned",
            "log/cabinet/keys/00000001",
            "log/cabinet/tile/0/000.p/7",
            "log/cabinet/tile/entries/x001/234",
        ];
        for path in own {
            assert_eq!(of_copy(path), Some("cabinet".parse().unwrap()), "{path}");
        }
        let others = [
            "",
            "journal",
            "journal/cabinet",
            "journal/cabinet/",
            "/journal/cabinet/00000001.seg",
            "journal/../00000001.seg",
            "journal/Cabinet/00000001.seg",
            "journal/cabinet/../00000001.seg",
            "journal/cabinet/1.seg",
            "journal/cabinet/00000000.seg",
            "journal/cabinet/00000001.seg/x",
            "journal/cabinet/00000001.torn-1",
            "recordings/cabinet/erased",
            "log/cabinet/position",
            "log/cabinet/keys/1",
            "log/cabinet/keys/../../x",
            "log/cabinet/tile/9/000",
            "log/cabinet/tile/0/../000",
            "store/cabinet/db",
        ];
        for path in others {
            assert_eq!(of_copy(path), None, "{path}");
        }
    }
}
