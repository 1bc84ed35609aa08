//! Data that came back from a back-up, where nobody has said that there is none newer.
//!
//! Erasing destroys what opened all calls of a month, and wraps anew what opens those that the data has. Data that came back
//! lacks the calls since its back-up: an erasure in it would take their keys too, and newer data that is found later would open
//! nothing of that month. So none is carried out until the operator has said that there is no newer data, by removing the
//! note that rests beside this one.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use parloir_store::disk::{OsDisk, Readers, write_whole};

use crate::JournalError;

/// What the note is called, in the data folder.
const CAME_BACK: &str = "came-back";

fn path(data: &Path) -> PathBuf {
    data.join(CAME_BACK)
}

/// Notes beside data that it came back from a back-up of this moment, and that there may be newer. Durable when it returns;
/// blocks.
pub fn note_came_back(data: &Path, of: &str) -> io::Result<()> {
    write_whole(&OsDisk, &path(data), format!("{of}\n").as_bytes(), Readers::Owner)
}

/// Refuses to erase calls of data that came back, as long as there may be newer.
pub(crate) fn refuse(data: &Path) -> Result<(), JournalError> {
    let path = path(data);
    match fs::read_to_string(&path) {
        Ok(of) => Err(JournalError::CameBack { of: of.trim().to_owned(), note: path.display().to_string() }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
    }
}
