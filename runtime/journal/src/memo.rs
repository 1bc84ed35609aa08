//! What the journal notes beside a tenant's keys, as it rests: magic ‖ version ‖ MessagePack ‖ CRC-32.

use serde::{Deserialize, Serialize};

use crate::JournalError;

const MAGIC: &[u8] = b"PMEM";
const VERSION: u8 = 1;

/// A note as it rests.
pub(crate) fn seal<T: Serialize + ?Sized>(note: &T) -> Result<Vec<u8>, JournalError> {
    let mut bytes = MAGIC.to_vec();
    bytes.push(VERSION);
    let body = rmp_serde::to_vec(note).map_err(|error| JournalError::Io(error.to_string()))?;
    bytes.extend_from_slice(&body);
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
    Ok(bytes)
}

/// Reads a note back; `what` it is, for whoever has to put it right.
pub(crate) fn open<'a, T: Deserialize<'a>>(bytes: &'a [u8], what: &str) -> Result<T, JournalError> {
    let damaged = |why: &str| {
        JournalError::Io(format!(
            "{what}, beside the keys, cannot be read ({why}): restore the keys folder from its own backup"
        ))
    };
    if !bytes.starts_with(MAGIC) {
        // Before there was this form, notes had none: nothing else is so old, or so damaged.
        return Err(JournalError::Io(format!(
            "{what}, beside the keys, is of no form that this program writes: an older version of it wrote that, which alone reads it, or it was damaged. Use the version that wrote this keys folder, or restore the folder from its own backup"
        )));
    }
    let (kept, crc) = bytes.split_last_chunk::<4>().ok_or_else(|| damaged("it is cut short"))?;
    if crc32fast::hash(kept) != u32::from_le_bytes(*crc) {
        return Err(damaged("its checksum differs"));
    }
    match kept.strip_prefix(MAGIC) {
        Some([VERSION, body @ ..]) => {
            rmp_serde::from_slice(body).map_err(|error| damaged(&error.to_string()))
        }
        Some(_) => Err(damaged("another version of this program wrote it: use that one")),
        None => Err(damaged("it is no such note")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_comes_back_and_no_flipped_bit_or_cut_or_other_version_goes_unseen() {
        let sealed = seal(&["anne", "paul"]).unwrap();
        assert_eq!(open::<Vec<String>>(&sealed, "a note").unwrap(), ["anne", "paul"]);
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(open::<Vec<String>>(&flipped, "a note").is_err(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(open::<Vec<String>>(&sealed[..length], "a note").is_err(), "{length} bytes");
        }
        let before = rmp_serde::to_vec(&["anne"]).unwrap();
        let wrong = open::<Vec<String>>(&before, "a note").unwrap_err().to_string();
        assert!(wrong.contains("an older version"), "{wrong}");
        let mut later = sealed[..sealed.len() - 4].to_vec();
        later[MAGIC.len()] = VERSION + 1;
        later.extend_from_slice(&crc32fast::hash(&later).to_le_bytes());
        let wrong = open::<Vec<String>>(&later, "a note").unwrap_err().to_string();
        assert!(wrong.contains("another version"), "{wrong}");
    }
}
