//! What a witness thinks of a checkpoint: pure, so that every answer can be tested.

use parloir_proof::checkpoint::{Checkpoint, Submission};
use parloir_proof::keys;
use parloir_proof::note::{Note, NoteError, PublicKey};
use parloir_proof::tree::{self, Hash, Unproven};

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
    /// Two next keys, both named by the same one.
    #[error("the log's key {signer} names two next keys: it was forked, or the key is in other hands")]
    KeysForked {
        /// The key that signed both notes.
        signer: String,
    },
    /// The note cannot stand beside those that are known.
    #[error("the next key is not taken: {0}")]
    Key(&'static str),
    /// An alarm about this log was raised before.
    #[error("there is an alarm about this log: nothing of it is cosigned until a person has looked at it")]
    Alarmed,
}

impl Refusal {
    /// Whether somebody has to look at the log.
    pub fn is_alarm(&self) -> bool {
        match self {
            Self::Forked { .. } | Self::Inconsistent { .. } | Self::KeysForked { .. } => true,
            Self::Stale { known, size } => size < known,
            Self::Malformed(_)
            | Self::Unknown(_)
            | Self::Unsigned(_)
            | Self::Backwards
            | Self::Key(_)
            | Self::Alarmed => false,
        }
    }

    /// Whether the checkpoint it is about was signed by the log all the same: it is to be remembered.
    pub fn is_signed(&self) -> bool {
        match self {
            Self::Backwards | Self::Stale { .. } | Self::Forked { .. } | Self::Inconsistent { .. } => true,
            Self::Malformed(_)
            | Self::Unknown(_)
            | Self::Unsigned(_)
            | Self::KeysForked { .. }
            | Self::Key(_)
            | Self::Alarmed => false,
        }
    }

    /// Whether the log itself is convicted: both its signatures are there to show.
    pub fn is_proof(&self) -> bool {
        matches!(self, Self::Forked { .. } | Self::KeysForked { .. })
    }

    /// The HTTP status of C2SP tlog-witness.
    pub fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) | Self::Backwards | Self::Key(_) => 400,
            Self::Unsigned(_) => 403,
            Self::Unknown(_) => 404,
            Self::Stale { .. } | Self::Forked { .. } | Self::KeysForked { .. } | Self::Alarmed => 409,
            Self::Inconsistent { .. } => 422,
        }
    }
}

/// Which log a checkpoint says it is of.
pub fn origin(note: &Note) -> Result<Checkpoint, Refusal> {
    note.text.parse().map_err(Refusal::Malformed)
}

/// A note that one of the log's keys signed to name the next, with both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// Who signed it.
    pub before: PublicKey,
    /// Whom it names.
    pub next: PublicKey,
}

/// Whether a note that names a log's next key may stand beside those that are known. `None` where it is known already.
pub fn rotation(
    note: &Note,
    configured: &[PublicKey],
    known: &[Rotation],
) -> Result<Option<Rotation>, Refusal> {
    let next = keys::next_key(note).map_err(Refusal::Malformed)?;
    let all: Vec<_> = all_keys(configured, known).filter(|key| key.name() == next.name()).cloned().collect();
    if all.is_empty() {
        return Err(Refusal::Unknown(next.name().to_owned()));
    }
    let signed = note.signed_by(&all).map_err(Refusal::Unsigned)?;
    let Some((before, _)) = signed.first() else { return Err(Refusal::Unsigned(NoteError::Unsigned)) };
    if let Some(there) = known.iter().find(|there| there.before == **before) {
        return if there.next == next {
            Ok(None)
        } else {
            Err(Refusal::KeysForked { signer: before.to_string() })
        };
    }
    let new = Rotation { before: (*before).clone(), next };
    let back = followers(&new.next, known).any(|key| key == &new.before) || new.next == new.before;
    if back { Err(Refusal::Key("it leads back to a key before it")) } else { Ok(Some(new)) }
}

fn all_keys<'k>(configured: &'k [PublicKey], known: &'k [Rotation]) -> impl Iterator<Item = &'k PublicKey> {
    configured.iter().chain(known.iter().map(|rotation| &rotation.next))
}

/// The keys after one, one after the other.
fn followers<'k>(key: &PublicKey, known: &'k [Rotation]) -> impl Iterator<Item = &'k PublicKey> {
    let next = |key: &PublicKey| known.iter().find(|rotation| rotation.before == *key).map(|r| &r.next);
    // A chain of notes is no longer than there are notes.
    std::iter::successors(next(key), move |key| next(key)).take(known.len())
}

/// The keys whose signature counts: those that were given and those that notes name, but none any more of which a later
/// one has signed a checkpoint that was cosigned.
pub fn accepted(configured: &[PublicKey], known: &[Rotation], last: Option<&Note>) -> Vec<PublicKey> {
    let signed_last =
        |key: &PublicKey| last.is_some_and(|note| note.signatures.iter().any(|line| key.made(line)));
    let mut keys: Vec<PublicKey> = Vec::new();
    for key in all_keys(configured, known) {
        if !keys.contains(key) && !followers(key, known).any(signed_last) {
            keys.push(key.clone());
        }
    }
    keys
}

/// Whether this checkpoint may be cosigned after the one that was cosigned last. `seen` is the root of a tree of the
/// same size that the log signed before, cosigned or not.
pub fn judge(
    submission: &Submission,
    keys: &[PublicKey],
    known: Option<&Checkpoint>,
    seen: Option<&Hash>,
) -> Result<Checkpoint, Refusal> {
    let checkpoint = origin(&submission.note)?;
    let keys: Vec<_> = keys.iter().filter(|key| key.name() == checkpoint.origin).cloned().collect();
    if keys.is_empty() {
        return Err(Refusal::Unknown(checkpoint.origin));
    }
    submission.note.signed_by(&keys).map_err(Refusal::Unsigned)?;
    let size = checkpoint.size;
    let (known, root) = known.map_or_else(|| (0, tree::root(&[])), |known| (known.size, known.root));
    // Before the sender's own idea is looked at: two signatures over one size convict the log.
    if seen.is_some_and(|seen| *seen != checkpoint.root) || (size == known && root != checkpoint.root) {
        return Err(Refusal::Forked { size });
    }
    if submission.old_size > size {
        return Err(Refusal::Backwards);
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
        judge(submission, &keys, known.as_ref(), None).map(|checkpoint| checkpoint.size)
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
    fn a_fork_at_any_size_that_was_ever_seen_convicts() {
        let (keys, last) = ([key().public(KeyKind::Log)], checkpoint(&leaves(20, 0)));
        // Smaller than what was cosigned last, and larger than anything that was.
        for size in [8, 30] {
            let seen = tree::root(&leaves(size, 0));
            let other = submission(20.min(size.into()), &leaves(size, 1));
            let forked = judge(&other, &keys, Some(&last), Some(&seen)).unwrap_err();
            assert_eq!(forked, Refusal::Forked { size: size.into() });
        }
    }

    #[test]
    fn a_key_counts_until_one_after_it_has_signed() {
        let secrets: Vec<_> = (1..=4).map(|n| PrivateKey::new(ORIGIN, &[n; 32]).unwrap()).collect();
        let public: Vec<_> = secrets.iter().map(|key| key.public(KeyKind::Log)).collect();
        let handed = |from: usize, to: usize| keys::rotation(&secrets[from], &public[to]);
        let configured = &public[..1];
        let first = rotation(&handed(0, 1), configured, &[]).unwrap().unwrap();
        let known = [first];
        assert_eq!(rotation(&handed(0, 1), configured, &known), Ok(None), "told twice");
        assert_eq!(accepted(configured, &known, None), &public[..2]);
        let text = checkpoint(&leaves(7, 0)).to_string();
        let signed = |by: &[usize]| {
            let signatures = by.iter().map(|key| secrets[*key].sign(&text)).collect();
            Note { text: text.clone(), signatures }
        };
        assert_eq!(accepted(configured, &known, Some(&signed(&[0]))), &public[..2]);
        // Both signed, as a log does that has just changed its key: the one before is not needed any more.
        assert_eq!(accepted(configured, &known, Some(&signed(&[1, 0]))), &public[1..2]);

        let forked = rotation(&handed(0, 2), configured, &known).unwrap_err();
        assert!(forked.is_alarm() && forked.is_proof(), "{forked}");
        let second = rotation(&handed(1, 2), configured, &known).unwrap().unwrap();
        let known = [known[0].clone(), second];
        assert_eq!(accepted(configured, &known, Some(&signed(&[2, 1]))), &public[2..3]);
        assert!(matches!(rotation(&handed(2, 0), configured, &known), Err(Refusal::Key(_))));
        assert!(matches!(rotation(&handed(3, 0), configured, &known), Err(Refusal::Unsigned(_))));
        assert!(matches!(rotation(&handed(0, 1), &[], &[]), Err(Refusal::Unknown(_))));
    }

    #[test]
    fn strangers_and_forgers_get_nothing_and_raise_no_alarm() {
        let mut forged = submission(0, &leaves(7, 0));
        let text = forged.note.text.clone();
        forged.note.signatures = vec![PrivateKey::new(ORIGIN, &[2; 32]).unwrap().sign(&text)];
        let unsigned = judged(&forged, None).unwrap_err();
        assert_eq!((unsigned.status(), unsigned.is_alarm()), (403, false));
        let unknown = judge(&submission(0, &leaves(7, 0)), &[], None, None).unwrap_err();
        assert_eq!((unknown.status(), unknown.is_alarm()), (404, false));
        let mut backwards = submission(7, &leaves(7, 0));
        backwards.old_size = 9;
        assert_eq!(judged(&backwards, None).unwrap_err(), Refusal::Backwards);
    }
}
