//! Checkpoints: a log's size and root as a note's text (C2SP tlog-checkpoint), and how one is handed to a witness
//! (C2SP tlog-witness).

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::note::{Note, NoteError};
use crate::tree::Hash;

/// What a log says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// How many leaves it has.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
    /// Further lines, which mean nothing here.
    pub extensions: Vec<String>,
}

/// A decimal number without leading zeros or signs.
fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// A hash as one line of base64.
pub fn hash_line(line: &str) -> Option<Hash> {
    STANDARD.decode(line).ok()?.try_into().ok()
}

impl FromStr for Checkpoint {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let malformed = NoteError::Malformed("its text is no checkpoint: origin, size and root, a line each");
        let lines = text.strip_suffix('\n').ok_or(malformed.clone())?;
        let mut lines = lines.split('\n');
        let origin = lines.next().filter(|origin| !origin.is_empty()).ok_or(malformed.clone())?;
        let size = lines.next().and_then(decimal).ok_or(malformed.clone())?;
        let root = lines.next().and_then(hash_line).ok_or(malformed.clone())?;
        let extensions: Vec<_> = lines.map(str::to_owned).collect();
        if extensions.iter().any(String::is_empty) {
            return Err(malformed);
        }
        Ok(Self { origin: origin.to_owned(), size, root, extensions })
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, STANDARD.encode(self.root))?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// What is posted to a witness's `add-checkpoint`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The size the witness is thought to know.
    pub old_size: u64,
    /// That the new tree begins with the old.
    pub proof: Vec<Hash>,
    /// The new checkpoint, signed.
    pub note: Note,
}

impl FromStr for Submission {
    type Err = NoteError;

    fn from_str(body: &str) -> Result<Self, NoteError> {
        let malformed =
            NoteError::Malformed("a submission is \"old SIZE\", a proof, an empty line and a checkpoint");
        let (head, note) = body.split_once("\n\n").ok_or(malformed.clone())?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(decimal);
        let proof: Option<Vec<_>> = lines.map(hash_line).collect();
        let (Some(old_size), Some(proof)) = (old, proof) else { return Err(malformed) };
        if proof.len() > 63 {
            return Err(NoteError::Malformed("a proof has at most 63 lines"));
        }
        Ok(Self { old_size, proof, note: note.parse()? })
    }
}

impl fmt::Display for Submission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old_size)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{}", STANDARD.encode(hash)))?;
        write!(f, "\n{}", self.note)
    }
}
