//! Files of notes, to which notes are only ever added.
//!
//! ```text
//! note LENGTH TIME
//! …the note, of so many bytes…
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use parloir_proof::note::{MAX_NOTE, Note};

pub(super) fn put(bytes: &mut Vec<u8>, note: &Note, time: u64) {
    let note = note.to_string();
    bytes.extend_from_slice(format!("note {} {time}\n{note}", note.len()).as_bytes());
}

/// Adds bytes to a file, which is made if need be. They are durable when this returns.
pub(super) fn add(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let is_new = !path.exists();
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let length = file.metadata()?.len();
    if let Err(error) = file.write_all(bytes).and_then(|()| file.sync_data()) {
        // Half a note would stand before whatever is added next.
        let _cut_at_the_next_start = file.set_len(length);
        return Err(error);
    }
    match path.parent() {
        Some(folder) if is_new => File::open(folder)?.sync_all(),
        Some(_) | None => Ok(()),
    }
}

pub(super) fn append(path: &Path, note: &Note, time: u64) -> io::Result<()> {
    let mut bytes = Vec::new();
    put(&mut bytes, note, time);
    add(path, &bytes)
}

/// The notes of a file; none where there is none. One that a crash left torn at its end was never answered for: it
/// is cut off.
pub(super) fn open(path: &Path) -> io::Result<Vec<Note>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let (mut notes, mut rest) = (Vec::new(), bytes.as_slice());
    while !rest.is_empty() {
        match next(rest) {
            Next::Note(note, after) => {
                notes.push(note);
                rest = after;
            }
            Next::Torn if !holds_note(rest) => {
                let whole = (bytes.len() - rest.len()) as u64;
                tracing::warn!(file = %path.display(), bytes = rest.len(), "a note that was cut off was removed");
                let file = OpenOptions::new().write(true).open(path)?;
                file.set_len(whole)?;
                file.sync_data()?;
                break;
            }
            // Nothing comes after what a crash tore: what it says of its length is damaged.
            Next::Torn | Next::Wrong => {
                let at = bytes.len() - rest.len();
                let what = format!("{} is damaged at byte {at}: put it back from a back-up", path.display());
                return Err(io::Error::new(ErrorKind::InvalidData, what));
            }
        }
    }
    Ok(notes)
}

enum Next<'a> {
    Note(Note, &'a [u8]),
    /// Nothing whole follows.
    Torn,
    Wrong,
}

fn next(bytes: &[u8]) -> Next<'_> {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return Next::Torn };
    let (line, rest) = bytes.split_at(end + 1);
    let line = std::str::from_utf8(line).ok().and_then(|line| line.strip_prefix("note "));
    let length = line.and_then(|line| line.split(' ').next()?.parse::<usize>().ok());
    let Some(length) = length.filter(|length| *length <= MAX_NOTE) else {
        // What a power cut leaves of a file's end may be zeros.
        return if bytes.iter().all(|byte| *byte == 0) { Next::Torn } else { Next::Wrong };
    };
    let Some((note, after)) = rest.split_at_checked(length) else { return Next::Torn };
    match std::str::from_utf8(note).ok().and_then(|note| note.parse().ok()) {
        Some(note) => Next::Note(note, after),
        None if after.is_empty() => Next::Torn,
        None => Next::Wrong,
    }
}

/// Whether a whole note begins anywhere behind the beginning of these bytes.
fn holds_note(bytes: &[u8]) -> bool {
    const BEGIN: &[u8] = b"note ";
    let begins = bytes.windows(BEGIN.len()).enumerate().skip(1).filter(|(_, window)| *window == BEGIN);
    begins
        .map(|(at, _)| at)
        .any(|at| bytes.get(at..).is_some_and(|rest| matches!(next(rest), Next::Note(..))))
}

#[cfg(test)]
mod tests {
    use parloir_proof::note::PrivateKey;

    use super::*;

    #[test]
    fn a_note_torn_anywhere_is_cut_off_and_damage_before_the_end_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes");
        assert!(open(&path).unwrap().is_empty());
        let key = PrivateKey::new("a.log", &[1; 32]).unwrap();
        let notes: Vec<_> = ["one\n", "two\n", "six\n"]
            .map(|text| Note { text: text.into(), signatures: vec![key.sign(text)] })
            .into();
        let mut ends = Vec::new();
        for note in &notes {
            append(&path, note, 1).unwrap();
            ends.push(fs::metadata(&path).unwrap().len() as usize);
        }
        let good = fs::read(&path).unwrap();
        for length in 0..good.len() {
            fs::write(&path, &good[..length]).unwrap();
            let whole = ends.iter().filter(|end| **end <= length).count();
            assert_eq!(open(&path).unwrap(), notes[..whole], "{length}");
            append(&path, &notes[2], 2).unwrap();
            assert_eq!(open(&path).unwrap().len(), whole + 1);
        }
        let mut bad = good.clone();
        bad[2] ^= 1;
        fs::write(&path, bad).unwrap();
        assert!(open(&path).unwrap_err().to_string().contains("byte 0"));
    }

    #[test]
    fn a_damaged_length_cuts_none_of_the_notes_behind_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes");
        let key = PrivateKey::new("a.log", &[1; 32]).unwrap();
        let mut ends = vec![0];
        for text in ["one\n", "two\n", "six\n"] {
            append(&path, &Note { text: text.into(), signatures: vec![key.sign(text)] }, 1).unwrap();
            ends.push(fs::metadata(&path).unwrap().len() as usize);
        }
        let good = fs::read(&path).unwrap();
        for begin in [ends[0], ends[1]] {
            let digits = good[begin + 5..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            for at in begin + 5..begin + 5 + digits {
                for digit in b'0'..=b'9' {
                    let mut bad = good.clone();
                    bad[at] = digit;
                    fs::write(&path, &bad).unwrap();
                    if bad == good {
                        assert_eq!(open(&path).unwrap().len(), 3);
                        continue;
                    }
                    let said = open(&path).unwrap_err().to_string();
                    assert!(said.contains(&format!("byte {begin}")), "{said}");
                    assert_eq!(fs::read(&path).unwrap(), bad, "nothing is cut");
                }
            }
        }
    }
}
