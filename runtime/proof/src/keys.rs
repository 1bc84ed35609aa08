//! How a log's key gives way to the next: a note that names the next key, signed by the one before.
//!
//! ```text
//! ORIGIN
//! next key
//! NAME+ID+KEY
//!
//! — ORIGIN signature of the key before
//! ```
//!
//! Its second line keeps it from ever being taken for a checkpoint.

use crate::note::{KeyKind, Note, NoteError, PrivateKey, PublicKey};

const NEXT: &str = "next key";

/// What the key before signs to make `next` the key of the log.
pub fn rotation_text(next: &PublicKey) -> String {
    format!("{}\n{NEXT}\n{next}\n", next.name())
}

/// The note that makes `next` the key of the log after `before`.
pub fn rotation(before: &PrivateKey, next: &PublicKey) -> Note {
    let text = rotation_text(next);
    let signatures = vec![before.sign(&text)];
    Note { text, signatures }
}

/// The key that a note makes the next. That the one before it signed the note is not looked at.
pub fn next_key(note: &Note) -> Result<PublicKey, NoteError> {
    let wrong = NoteError::Malformed("it does not name the log's next key");
    let lines: Vec<_> = note.text.split('\n').collect();
    let [origin, NEXT, next, ""] = lines.as_slice() else { return Err(wrong) };
    let next: PublicKey = next.parse()?;
    if *origin == next.name() && next.kind() == KeyKind::Log { Ok(next) } else { Err(wrong) }
}

/// All keys of a log, the first and those that notes name one after the other.
pub fn follow(first: &PublicKey, notes: &[Note]) -> Result<Vec<PublicKey>, NoteError> {
    let wrong = NoteError::Malformed("it does not name the log's next key");
    let mut keys = vec![first.clone()];
    for note in notes {
        let before = keys.last().ok_or(wrong.clone())?;
        note.signed_by(std::slice::from_ref(before))?;
        let next = next_key(note)?;
        if next.name() != first.name() {
            return Err(wrong);
        }
        keys.push(next);
    }
    Ok(keys)
}
