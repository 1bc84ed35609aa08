//! What is known of a log from its own files: which keys it had, and what was signed of it.

use std::path::{Path, PathBuf};

use parloir_contract::TenantId;
use parloir_proof::checkpoint::{Checkpoint, Submission};
use parloir_proof::note::{Note, PublicKey};
use parloir_proof::prove;
use parloir_proof::tile::Tiles;
use parloir_proof::tree::Hash;

use super::tree::Edge;
use super::unsigned::Unsigned;
use super::{Files, Refused, files};
use crate::JournalError;
use crate::read::on_own_thread;

/// Sizes of trees with their roots.
type Marks = Vec<(u64, Hash)>;

/// The newest checkpoint, and what was signed of the log, by size: the largest last. The newest that witnesses cosigned counts
/// as much as the newest: somebody may have put an older one in its place.
pub(super) fn signed_before(files: &Files, chain: &[PublicKey]) -> Result<(Option<Note>, Marks), Unsigned> {
    let (newest, cosigned) = checkpoints(files)?;
    let folder = files.folder.display();
    if chain.is_empty() {
        // A start that was cut off before the first key was published leaves a checkpoint of nothing.
        let nothing = newest.map_or(Ok(true), |note| note.text.parse().map(|c: Checkpoint| c.size == 0))?;
        return if nothing && cosigned.is_none() {
            Ok((None, Vec::new()))
        } else {
            Err(Unsigned::Refused(format!(
                "{folder}/keys is gone: put it back from a back-up, or from a copy of the log"
            )))
        };
    }
    if newest.is_none() {
        return Err(Unsigned::Refused(format!("{folder}/checkpoint {GONE}")));
    }
    let mut marks = Vec::new();
    for note in newest.iter().chain(&cosigned) {
        let Checkpoint { size, root, .. } = signed(note, chain)?;
        marks.push((size, root));
    }
    marks.sort_unstable();
    marks.dedup();
    match marks.as_slice() {
        [(one, _), (other, _)] if one == other => Err(Unsigned::Refused(format!(
            "{folder} has two checkpoints of {one} chunks that differ: the log was forked. Keep both files, and look at who has the keys"
        ))),
        _ => Ok((newest, marks)),
    }
}

/// Of a checkpoint's file.
pub(crate) const GONE: &str = "is gone: put back the newest there is, from a back-up, from checkpoint.cosigned beside it, or from a witness or a client who kept one";

/// The edge of the largest of these trees, where the tiles give their roots; `None` where the tiles are damaged.
pub(super) fn kept(files: &Files, marks: &[(u64, Hash)]) -> Result<Option<Edge>, Unsigned> {
    let Some((largest, root)) = marks.last() else { return Ok(Some(Edge::default())) };
    let Some(edge) = Edge::load(files, *largest).ok().filter(|edge| edge.root() == *root) else {
        return Ok(None);
    };
    for (size, root) in marks {
        let mut tiles = Tiles::new(*largest, |tile| files.tile(tile));
        match prove::root(&mut tiles, *size) {
            Ok(found) if found == *root => {}
            Ok(_) if *size < *largest => {
                return Err(Unsigned::Refused(format!(
                    "{} has checkpoints of {size} and of {largest} chunks, and the one is not the beginning of the other: the log was forked. Keep both files, and look at who has the keys",
                    files.folder.display()
                )));
            }
            Ok(_) | Err(_) => return Ok(None),
        }
    }
    Ok(Some(edge))
}

/// A checkpoint that one of the log's keys signed.
pub(crate) fn signed(note: &Note, keys: &[PublicKey]) -> Result<Checkpoint, Refused> {
    note.signed_by(keys)?;
    let checkpoint: Checkpoint = note.text.parse()?;
    if keys.iter().any(|key| key.name() != checkpoint.origin) {
        return Err(Refused("the checkpoint is of another log".into()));
    }
    Ok(checkpoint)
}

/// The keys of a tenant's log as they were published, the first first and the present one last; empty where nothing was
/// signed yet. From the files alone.
pub async fn published_keys(
    data: impl Into<PathBuf>,
    tenant: &TenantId,
) -> Result<Vec<PublicKey>, JournalError> {
    let files = Files::new(&data.into(), tenant);
    Ok(on_own_thread("journal-read", move || files.chain()).await??)
}

/// The newest checkpoint of a tenant's log, and the newest that witnesses cosigned.
pub(crate) fn checkpoints(files: &Files) -> std::io::Result<(Option<Note>, Option<Note>)> {
    Ok((files.note(files::CHECKPOINT)?, files.note(files::COSIGNED)?))
}

/// What to hand to a witness that knows the tree of `old_size` leaves. `None` where there is no checkpoint, or none larger.
pub(crate) fn submission(
    data: &Path,
    tenant: &TenantId,
    old_size: u64,
) -> Result<Option<Submission>, Refused> {
    let files = Files::new(data, tenant);
    let Some(note) = files.note(files::CHECKPOINT)? else { return Ok(None) };
    let size = note.text.parse::<Checkpoint>()?.size;
    if old_size > size {
        return Ok(None);
    }
    let mut tiles = Tiles::new(size, |tile| files.tile(tile));
    let proof = prove::consistency(&mut tiles, old_size, size)?;
    Ok(proof.map(|proof| Submission { old_size, proof, note }))
}
