//! One tenant's log: how its tree follows the segments, finds what was signed in them again, and is signed.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use parloir_contract::TenantId;
use parloir_proof::checkpoint::Checkpoint;
use parloir_proof::chunk::HEADER;
use parloir_proof::note::{KeyKind, MAX_SIGNATURES, Note, PublicKey};
use parloir_proof::tile::{self, Kind, Tile, WIDTH};
use parloir_proof::tree::{Hash, leaf, root as tree_root, sha256};
use parloir_proof::{keys, record::hex};
use parloir_store::Kms;

use super::known::{kept, signed_before};
use super::tree::Edge;
use super::unsigned::Unsigned;
use super::{Files, Refused, Signer, files};
use crate::log_key::continued;
use crate::read::scan;
use crate::segment::{Found, FrameKind, Location, Log};

/// What has to be found in the segments again, because it is signed.
enum Signed {
    /// Leaf by leaf as the tiles have it.
    Compare(u64),
    /// The tiles are damaged: they are made anew, and their roots at these sizes, of which the last is the largest, must
    /// be these.
    Rebuild(Vec<(u64, Hash)>),
}

impl Signed {
    fn size(&self) -> u64 {
        match self {
            Self::Compare(size) => *size,
            Self::Rebuild(marks) => marks.last().map_or(0, |(size, _)| *size),
        }
    }
}

/// One tenant's log, as far as it is read and signed.
pub(super) struct TenantLog {
    data: PathBuf,
    tenant: TenantId,
    files: Files,
    origin: String,
    edge: Edge,
    /// The place of the next leaf that is read from the segments.
    index: u64,
    signed: Signed,
    pub(super) published: u64,
    /// The newest key that signed.
    signer: Option<[u8; 32]>,
    /// A row of leaves of the tiles, with its place.
    row: (u64, Vec<Hash>),
    /// Where the chunk of the last leaf is.
    last: Location,
    /// How far the segments are read.
    pub(super) next: Location,
    /// Whether all that is signed was found in the segments.
    found: bool,
    /// Whether tiles are written, and not only compared with what was signed.
    writes: bool,
}

impl TenantLog {
    pub(super) fn open(signer: &Signer<'_>, tenant: &TenantId) -> Result<Self, Unsigned> {
        let Signer { disk, data, kms, runtime } = *signer;
        let files = Files::on(Arc::clone(disk), data, tenant);
        files.settle()?;
        let log_keys = runtime.block_on(kms.log_keys(tenant))?;
        let chain = files.chain()?;
        let (newest, marks) = signed_before(&files, &chain)?;
        let made =
            |key: &&PublicKey| newest.iter().flat_map(|note| &note.signatures).any(|line| key.made(line));
        let signer = chain.iter().rev().find(made).map(PublicKey::bytes);
        let origin = match chain.first() {
            Some(key) => key.name().to_owned(),
            None => {
                let first = log_keys.first().map(|key| key.public).unwrap_or_default();
                let [a, b, c, d, ..] = sha256(&[&first]);
                format!("parloir-{}/{tenant}", hex(&[a, b, c, d]))
            }
        };
        let published = newest.map_or(Ok(0), |note| note.text.parse().map(|c: Checkpoint| c.size))?;
        let (edge, signed) = match kept(&files, &marks)? {
            Some(edge) => (edge, Signed::Compare(marks.last().map_or(0, |(size, _)| *size))),
            None => {
                tracing::warn!(%tenant, "the log's tiles are damaged: they are made anew");
                (Edge::default(), Signed::Rebuild(marks))
            }
        };
        let (index, next) = match (&signed, files.position()) {
            (Signed::Compare(size), Some((known, at))) if (1..=*size).contains(&known) => (known - 1, at),
            (Signed::Compare(_) | Signed::Rebuild(..), _) => (0, Location::default()),
        };
        let (data, tenant) = (data.to_owned(), tenant.clone());
        let (row, found, writes) = ((0, Vec::new()), false, true);
        Ok(Self {
            data,
            tenant,
            files,
            origin,
            edge,
            index,
            signed,
            published,
            signer,
            row,
            last: next,
            next,
            found,
            writes,
        })
    }

    /// Takes in all chunks before `upto`.
    pub(super) fn follow(&mut self, upto: Location) -> Result<(), Unsigned> {
        if self.found && upto <= self.next {
            return Ok(());
        }
        if !self.found && matches!(self.signed, Signed::Rebuild(_)) {
            // Nothing is written before all that was signed is found: the damaged tiles may be what shows the difference.
            self.writes = false;
            let checked = self.read(upto).and_then(|()| self.has_all());
            (self.writes, self.edge) = (true, Edge::default());
            (self.index, self.next) = (0, Location::default());
            checked?;
        }
        let hinted = self.next != Location::default();
        let read = self.read(upto);
        let size = self.signed.size();
        let again = if !self.found && hinted && self.index < size {
            // Where to begin was a hint, which may be wrong: from the beginning, then.
            (self.index, self.next, self.row) = (0, Location::default(), (0, Vec::new()));
            self.read(upto)
        } else {
            read
        };
        again?;
        self.has_all()?;
        self.found = true;
        self.next = upto.max(self.next);
        Ok(())
    }

    /// Whether as many chunks were found as were signed.
    fn has_all(&self) -> Result<(), Unsigned> {
        let (size, found) = (self.signed.size(), self.index);
        if found >= size {
            return Ok(());
        }
        Err(Unsigned::Refused(format!(
            "a tree of {size} chunks was signed, the journal has {found}: it was rolled back or cut off. Put the journal's folder back from a back-up that has them"
        )))
    }

    fn read(&mut self, upto: Location) -> Result<(), Unsigned> {
        let (data, tenant, from) = (self.data.clone(), self.tenant.clone(), self.next);
        if upto <= from {
            return Ok(());
        }
        let mut failed = None;
        scan(&data, Log::Journal, &tenant, from, |place| {
            if place.location >= upto {
                return ControlFlow::Break(());
            }
            let taken = match place.found {
                // What was erased of a chunk is not in its header, which is the leaf.
                Found::Frame { kind: FrameKind::Chunk | FrameKind::ErasedChunk, payload, .. } => {
                    self.leaf(payload, place.location)
                }
                Found::Frame {
                    kind: FrameKind::Key | FrameKind::Recording | FrameKind::ErasedRecording,
                    ..
                } => Ok(()),
                Found::Bad { what, .. } => Err(Unsigned::Refused(format!(
                    "{} is damaged at byte {} ({what}): put this file back from a back-up",
                    place.file.display(),
                    place.location.offset
                ))),
            };
            match taken {
                Ok(()) => ControlFlow::Continue(()),
                Err(why) => {
                    failed = Some(why);
                    ControlFlow::Break(())
                }
            }
        })?;
        failed.map_or(Ok(()), Err)
    }

    fn leaf(&mut self, payload: &[u8], at: Location) -> Result<(), Unsigned> {
        let entry = payload.get(..HEADER).ok_or(Refused("a chunk is cut short".into()))?;
        let changed = |index| Refused(format!("chunk {index} of the log is not the one that was signed"));
        match &self.signed {
            Signed::Compare(size) if self.index < *size => {
                if self.signed_leaf(*size)? != leaf(&[entry]) {
                    return Err(changed(self.index).into());
                }
            }
            Signed::Compare(_) | Signed::Rebuild(..) => {
                self.edge.push(self.writes.then_some(&self.files), entry)?;
                let size = self.edge.size;
                if let Signed::Rebuild(marks) = &self.signed
                    && marks.iter().any(|(marked, root)| *marked == size && self.edge.root() != *root)
                {
                    return Err(Unsigned::Refused(format!(
                        "the {size} chunks that were signed are others now"
                    )));
                }
            }
        }
        self.index += 1;
        self.last = at;
        Ok(())
    }

    /// The next leaf as the tiles have it.
    fn signed_leaf(&mut self, size: u64) -> Result<Hash, Unsigned> {
        let index = self.index / WIDTH;
        if self.row.0 != index || self.row.1.is_empty() {
            let width = (size - index * WIDTH).min(WIDTH) as u16;
            let tile = Tile { kind: Kind::Hashes(0), index, width };
            let damaged = || Refused(format!("{tile} is damaged"));
            self.row = (index, tile::read_hashes(&self.files.tile(tile)?, width).ok_or_else(damaged)?);
        }
        let missing = || Refused("a tile is too short".into());
        Ok(self.row.1.get((self.index % WIDTH) as usize).copied().ok_or_else(missing)?)
    }

    /// Signs the tree, where it is larger than what was signed, or signed by a key that is not the present one.
    pub(super) fn publish(
        &mut self,
        kms: &dyn Kms,
        runtime: &tokio::runtime::Runtime,
    ) -> Result<(), Unsigned> {
        if self.edge.size == 0 && !self.files.was_begun() {
            // There is nothing to sign, and no key to publish yet.
            return Ok(());
        }
        let keys = self.keys(kms, runtime)?;
        let present = keys.last().map(|(_, key)| key.bytes());
        if self.edge.size == self.published && (self.published == 0 || self.signer == present) {
            return Ok(());
        }
        self.edge.write(&self.files)?;
        let (origin, size, root) = (self.origin.clone(), self.edge.size, self.edge.root());
        let text = Checkpoint { origin, size, root, extensions: Vec::new() }.to_string();
        let mut note = Note { text, signatures: Vec::new() };
        // The present key first; the one before it for those who do not know the present one yet.
        for (generation, key) in keys.iter().rev().take(2) {
            let signature =
                runtime.block_on(kms.sign_log(&self.tenant, *generation, note.text.as_bytes()))?;
            note.signatures.push(key.line(&signature));
        }
        // Where only the key is another, witnesses have cosigned this very text: their word stays.
        let before = self.files.note(files::CHECKPOINT)?.filter(|before| before.text == note.text);
        let chain = self.files.chain()?;
        let others = before.into_iter().flat_map(|before| before.signatures);
        let room = MAX_SIGNATURES - note.signatures.len();
        note.signatures.extend(others.filter(|line| !chain.iter().any(|key| key.made(line))).take(room));
        self.files.write(files::CHECKPOINT, note.to_string().as_bytes())?;
        self.files.write_position(size, self.last)?;
        (self.published, self.signer) = (size, present);
        Ok(())
    }

    /// The keys that sign, published with what hands over from each to the next.
    fn keys(
        &self,
        kms: &dyn Kms,
        runtime: &tokio::runtime::Runtime,
    ) -> Result<Vec<(u32, PublicKey)>, Unsigned> {
        let mut known = self.files.chain()?;
        let mut all: Vec<(u32, PublicKey)> = Vec::new();
        let mut present = runtime.block_on(kms.log_keys(&self.tenant))?;
        // Keys of before a rotation may have come back: they have what was published since, made ahead.
        if let (Some(published), Some(last)) = (known.last(), present.last().copied())
            && let Some(next) = runtime.block_on(kms.next_log(&self.tenant))?
            && next.generation as usize == known.len()
            && next.public == published.bytes()
        {
            runtime.block_on(kms.rotate_log(&self.tenant, &last.public))?;
            present = runtime.block_on(kms.log_keys(&self.tenant))?;
        }
        if !known.is_empty() && present.first().is_some_and(|key| key.generation as usize > known.len()) {
            self.put_back(kms, runtime, &mut known)?;
        }
        for key in present {
            let public = PublicKey::new(&self.origin, KeyKind::Log, &key.public)
                .ok_or(Refused(format!("{} cannot name a key", self.origin)))?;
            match (known.get((key.generation as usize).saturating_sub(1)), all.last()) {
                (Some(published), _) if *published == public => {}
                (None, _) if known.is_empty() => {
                    // A checkpoint of nothing comes first: from the first key on there is one, so that whoever
                    // finds a key and no checkpoint knows that it was removed.
                    let (origin, root) = (self.origin.clone(), tree_root(&[]));
                    let text = Checkpoint { origin, size: 0, root, extensions: Vec::new() }.to_string();
                    let signature =
                        runtime.block_on(kms.sign_log(&self.tenant, key.generation, text.as_bytes()))?;
                    let note = Note { text, signatures: vec![public.line(&signature)] };
                    self.files.write(files::CHECKPOINT, note.to_string().as_bytes())?;
                    self.files.write_first_key(&public)?;
                    known.push(public.clone());
                }
                (None, Some((before, signer))) if known.len() + 1 == key.generation as usize => {
                    let text = keys::rotation_text(&public);
                    let line = runtime.block_on(kms.sign_log(&self.tenant, *before, text.as_bytes()))?;
                    let note = Note { signatures: vec![signer.line(&line)], text };
                    self.files.write_next_key(key.generation, &note)?;
                    known.push(public.clone());
                }
                (Some(_), _) | (None, _) => {
                    return Err(Unsigned::Refused(
                        "the keys folder has other keys of the log than were published: use the folder that belongs here".into(),
                    ));
                }
            }
            all.push((key.generation, public));
        }
        Ok(all)
    }

    /// Publishes again how keys handed over that are gone: data that was put back may be from before that.
    fn put_back(
        &self,
        kms: &dyn Kms,
        runtime: &tokio::runtime::Runtime,
        known: &mut Vec<PublicKey>,
    ) -> Result<(), Unsigned> {
        let noted = runtime.block_on(continued(kms, &self.tenant, known));
        let Some((all, notes)) = noted.map_err(|error| Unsigned::Passing(error.to_string()))? else {
            return Ok(());
        };
        for (generation, note) in (2_u32..).zip(&notes).skip(known.len().saturating_sub(1)) {
            self.files.write_next_key(generation, note)?;
        }
        *known = all;
        Ok(())
    }
}
