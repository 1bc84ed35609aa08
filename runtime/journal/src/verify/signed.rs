//! The journal against what was signed of it.

use std::io;

use parloir_proof::checkpoint::Checkpoint;
use parloir_proof::note::Note;
use parloir_proof::tile::{Kind, Tile};
use parloir_proof::tree::{self, Hash};
use parloir_store::keys::LogKey;

use super::{At, Check, ProblemKind};
use crate::log_key::continued;
use crate::tlog::{Files, GONE, Refused, checkpoints as checkpoints_of, signed};

impl Check<'_> {
    /// Checks the checkpoints, and the tiles that the newest covers, against the chunks that are there.
    pub(super) fn signed(&mut self, checkpoints: io::Result<(Option<Note>, Option<Note>)>) {
        let files = Files::new(self.data, self.tenant);
        let at = At { file: &files.folder, offset: 0, call: None, chunk: None };
        let (newest, cosigned) = match checkpoints {
            Ok(checkpoints) => checkpoints,
            Err(error) => return self.problem(ProblemKind::Signed, &at, error.to_string()),
        };
        if newest.is_none() {
            // Nothing was signed yet: what was begun a moment ago, also since the checkpoints were read; or every trace of a log
            // removed.
            if !files.was_begun() || checkpoints_of(&files).is_ok_and(|(newest, _)| newest.is_some()) {
                return;
            }
            let path = files.folder.join("checkpoint");
            let at = At { file: &path, ..at };
            self.problem(ProblemKind::Signed, &at, format!("the newest checkpoint {GONE}"));
        }
        let chain = match files.chain() {
            Ok(chain) => chain,
            Err(error) => return self.problem(ProblemKind::Signed, &at, error.to_string()),
        };
        let of_nothing = |note: &Note| note.text.parse().is_ok_and(|c: Checkpoint| c.size == 0);
        if chain.is_empty() && cosigned.is_none() && newest.as_ref().is_none_or(of_nothing) {
            // A start that was cut off before the first key was published.
            return;
        }
        match self.runtime.block_on(self.kms.log_keys(self.tenant)) {
            Ok(known) => {
                // A key that follows those that were published is to be published yet.
                let published = |key: &LogKey| chain.iter().any(|c| c.bytes() == key.public);
                let follows = |key: &LogKey| key.generation as usize > chain.len();
                let noted = || self.runtime.block_on(continued(self.kms, self.tenant, &chain));
                let ours = known.iter().any(published) || noted().is_ok_and(|noted| noted.is_some());
                if !ours || !known.iter().all(|key| published(key) || follows(key)) {
                    let what = "the keys that the log was published with are not those of the keys folder";
                    self.problem(ProblemKind::Signed, &at, what);
                }
            }
            Err(error) => self.problem(ProblemKind::Signed, &at, error.to_string()),
        }
        let mut largest = 0;
        for note in [newest, cosigned].into_iter().flatten() {
            match signed(&note, &chain) {
                Ok(checkpoint) => {
                    let size = checkpoint.size;
                    let what = match usize::try_from(size).ok().and_then(|size| self.leaves.get(..size)) {
                        None => Some(format!(
                            "{size} chunks were signed, {} are there: the journal was rolled back or cut off",
                            self.leaves.len()
                        )),
                        Some(leaves) if tree::root(leaves) != checkpoint.root => Some(format!(
                            "the {size} chunks that were signed are not those that are there: the journal was altered"
                        )),
                        Some(_) => None,
                    };
                    match what {
                        Some(what) => self.problem(ProblemKind::Signed, &at, what),
                        None => largest = largest.max(size),
                    }
                }
                Err(Refused(why)) => self.problem(ProblemKind::Signed, &at, why),
            }
        }
        self.report.signed += largest;
        self.tiles(&files, largest, &at);
    }

    fn tiles(&mut self, files: &Files, size: u64, at: &At<'_>) {
        let mut level_hashes: Vec<Hash> =
            self.leaves.iter().copied().take(usize::try_from(size).unwrap_or(usize::MAX)).collect();
        let mut level = 0;
        for tile in Tile::new_between(0, size) {
            if let Kind::Hashes(next) = tile.kind
                && next > level
            {
                level_hashes = level_hashes.as_chunks::<256>().0.iter().map(|row| tree::root(row)).collect();
                level = next;
            }
            let begin = usize::try_from(tile.index * 256).unwrap_or(usize::MAX);
            let row =
                level_hashes.get(begin..begin.saturating_add(usize::from(tile.width))).unwrap_or_default();
            let right = files.tile(tile).is_ok_and(|bytes| match tile.kind {
                Kind::Hashes(_) => bytes == row.concat(),
                Kind::Entries => {
                    parloir_proof::tile::read_entries(&bytes, tile.width).is_some_and(|entries| {
                        entries.iter().map(|entry| tree::leaf(&[entry])).eq(row.iter().copied())
                    })
                }
            });
            if !right {
                self.problem(ProblemKind::Signed, at, format!("{tile} is missing or was changed"));
            }
        }
    }
}
