//! What a witness thinks of a checkpoint: pure, so that every answer can be tested.

use parloir_proof::checkpoint::{Checkpoint, Submission};
use parloir_proof::note::{Note, NoteError, PublicKey};
use parloir_proof::tree::{self, Unproven};

/// Why a checkpoint is not cosigned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The request is not written as the standard says.
    #[error("the request cannot be read: {0}")]
    Malformed(NoteError),
    /// The log is not one this witness looks after.
    #[error("log {0} is not known here: name its key when the witness is started")]
    Unknown(String),
    /// The log did not sign it.
    #[error("the checkpoint is not signed by the log's key: {0}")]
    Unsigned(NoteError),
    /// The old size is larger than the new.
    #[error("the old size is larger than the checkpoint's")]
    Backwards,
    /// The sender thinks of another tree than the one cosigned last.
    #[error("the last checkpoint that was cosigned has {known} leaves")]
    Stale {
        /// How many leaves the last has.
        known: u64,
        /// How many this one has: fewer is what a log that was rolled back hands over.
        size: u64,
    },
    /// Two trees of one size, both signed.
    #[error("the log signed two different trees of {size} leaves: it was forked")]
    Forked {
        /// Of how many leaves.
        size: u64,
    },
    /// The new tree does not begin with the one that was cosigned last.
    #[error("the log's new tree of {size} leaves is not shown to begin with the {known} that were cosigned")]
    Inconsistent {
        /// How many leaves the last has.
        known: u64,
        /// How many this one has.
        size: u64,
    },
    /// An alarm about this log was raised before.
    #[error("there is an alarm about this log: nothing of it is cosigned until a person has looked at it")]
    Alarmed,
}

impl Refusal {
    /// Whether somebody has to look at the log.
    pub fn is_alarm(&self) -> bool {
        match self {
            Self::Forked { .. } | Self::Inconsistent { .. } => true,
            Self::Stale { known, size } => size < known,
            Self::Malformed(_) | Self::Unknown(_) | Self::Unsigned(_) | Self::Backwards | Self::Alarmed => {
                false
            }
        }
    }

    /// Whether the log itself is convicted: both its signatures are there to show.
    pub fn is_proof(&self) -> bool {
        matches!(self, Self::Forked { .. })
    }

    /// The HTTP status of C2SP tlog-witness.
    pub fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) | Self::Backwards => 400,
            Self::Unsigned(_) => 403,
            Self::Unknown(_) => 404,
            Self::Stale { .. } | Self::Forked { .. } | Self::Alarmed => 409,
            Self::Inconsistent { .. } => 422,
        }
    }
}

/// Which log a checkpoint says it is of.
pub fn origin(note: &Note) -> Result<Checkpoint, Refusal> {
    note.text.parse().map_err(Refusal::Malformed)
}

/// Whether this checkpoint may be cosigned after the one that was cosigned last.
pub fn judge(
    submission: &Submission,
    keys: &[PublicKey],
    known: Option<&Checkpoint>,
) -> Result<Checkpoint, Refusal> {
    let checkpoint = origin(&submission.note)?;
    let keys: Vec<_> = keys.iter().filter(|key| key.name() == checkpoint.origin).cloned().collect();
    if keys.is_empty() {
        return Err(Refusal::Unknown(checkpoint.origin));
    }
    submission.note.signed_by(&keys).map_err(Refusal::Unsigned)?;
    let size = checkpoint.size;
    if submission.old_size > size {
        return Err(Refusal::Backwards);
    }
    let (known, root) = known.map_or_else(|| (0, tree::root(&[])), |known| (known.size, known.root));
    // Before the sender's own idea is looked at: two signatures over one size convict the log.
    if size == known && root != checkpoint.root {
        return Err(Refusal::Forked { size });
    }
    if submission.old_size != known {
        return Err(Refusal::Stale { known, size });
    }
    tree::check_consistency((known, &root), (size, &checkpoint.root), &submission.proof)
        .map_err(|Unproven| Refusal::Inconsistent { known, size })?;
    Ok(checkpoint)
}

#[cfg(test)]
mod tests {
    use parloir_proof::note::{KeyKind, PrivateKey};
    use parloir_proof::prove;
    use parloir_proof::tree::Hash;

    use super::*;

    const ORIGIN: &str = "voice.example.com/cabinet";

    fn key() -> PrivateKey {
        PrivateKey::new(ORIGIN, &[1; 32]).unwrap()
    }

    fn leaves(count: u8, fork: u8) -> Vec<Hash> {
        (0..count).map(|n| tree::leaf(&[&[n, if n >= 5 { fork } else { 0 }]])).collect()
    }

    fn checkpoint(leaves: &[Hash]) -> Checkpoint {
        let (origin, size) = (ORIGIN.to_owned(), leaves.len() as u64);
        Checkpoint { origin, size, root: tree::root(leaves), extensions: vec![] }
    }

    fn submission(old_size: u64, leaves: &[Hash]) -> Submission {
        let text = checkpoint(leaves).to_string();
        let note = Note { signatures: vec![key().sign(&text)], text };
        let Ok(proof) =
            prove::consistency(&mut &*leaves, old_size.min(leaves.len() as u64), leaves.len() as u64);
        Submission { old_size, proof: proof.unwrap(), note }
    }

    fn judged(submission: &Submission, known: Option<&[Hash]>) -> Result<u64, Refusal> {
        let keys = [key().public(KeyKind::Log)];
        let known = known.map(checkpoint);
        judge(submission, &keys, known.as_ref()).map(|checkpoint| checkpoint.size)
    }

    #[test]
    fn a_log_that_only_grows_is_cosigned_again_and_again() {
        assert_eq!(judged(&submission(0, &leaves(7, 0)), None), Ok(7));
        assert_eq!(judged(&submission(7, &leaves(20, 0)), Some(&leaves(7, 0))), Ok(20));
        assert_eq!(judged(&submission(20, &leaves(20, 0)), Some(&leaves(20, 0))), Ok(20));
    }

    #[test]
    fn whoever_does_not_know_the_last_size_is_told_it() {
        let stale = judged(&submission(0, &leaves(20, 0)), Some(&leaves(7, 0))).unwrap_err();
        assert_eq!(stale, Refusal::Stale { known: 7, size: 20 });
        assert!(!stale.is_alarm());
        assert_eq!(stale.status(), 409);
    }

    #[test]
    fn a_log_that_was_rolled_back_raises_the_alarm() {
        let shorter = judged(&submission(5, &leaves(6, 0)), Some(&leaves(7, 0))).unwrap_err();
        assert_eq!(shorter, Refusal::Stale { known: 7, size: 6 });
        assert!(shorter.is_alarm());
        // Grown past it since, with other chunks.
        let other = judged(&submission(7, &leaves(9, 1)), Some(&leaves(7, 0))).unwrap_err();
        assert_eq!((other.status(), other.is_alarm()), (422, true));
    }

    #[test]
    fn a_forked_log_is_convicted_by_its_own_signatures() {
        for old_size in [0, 6, 7] {
            let forked = judged(&submission(old_size, &leaves(7, 1)), Some(&leaves(7, 0))).unwrap_err();
            assert_eq!(forked, Refusal::Forked { size: 7 });
            assert!(forked.is_proof() && forked.is_alarm());
        }
    }

    #[test]
    fn strangers_and_forgers_get_nothing_and_raise_no_alarm() {
        let mut forged = submission(0, &leaves(7, 0));
        let text = forged.note.text.clone();
        forged.note.signatures = vec![PrivateKey::new(ORIGIN, &[2; 32]).unwrap().sign(&text)];
        let unsigned = judged(&forged, None).unwrap_err();
        assert_eq!((unsigned.status(), unsigned.is_alarm()), (403, false));
        let unknown = judge(&submission(0, &leaves(7, 0)), &[], None).unwrap_err();
        assert_eq!((unknown.status(), unknown.is_alarm()), (404, false));
        let backwards = judged(&submission(9, &leaves(7, 0)), None).unwrap_err();
        assert_eq!(backwards, Refusal::Backwards);
    }
}
