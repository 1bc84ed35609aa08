//! Of which version a data folder is. Another program's is left as it is: it is read by that program.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::{Log, MAGIC, numbers, path, tenants};
use crate::JournalError;

/// A data folder that another version of this program wrote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} was written in version {found} of the journal's format, and this program reads version {} alone: nothing was changed. Keep the program that wrote it to read it (`parloir calls`, `parloir show` and `parloir verify` of that program), and give this one a data folder of its own", .file.display(), crate::RECORD_VERSION
)]
pub struct OtherVersion {
    /// One of its segments.
    pub file: PathBuf,
    /// The version it names.
    pub found: u8,
}

impl From<OtherVersion> for io::Error {
    fn from(other: OtherVersion) -> Self {
        Self::new(ErrorKind::InvalidData, other)
    }
}

/// The version that a segment begins with, where it is another than this program's.
pub(super) fn other(begin: &[u8]) -> Option<u8> {
    let (ours, name) = MAGIC.split_last()?;
    let (found, rest) = begin.get(..MAGIC.len())?.split_last()?;
    (rest == name && found != ours && found.is_ascii_digit()).then(|| found - b'0')
}

/// Says of a segment that it is of another version.
pub(super) fn other_at(file: &Path) -> io::Result<Option<OtherVersion>> {
    let mut begin = Vec::new();
    File::open(file)?.take(MAGIC.len() as u64).read_to_end(&mut begin)?;
    Ok(other(&begin).map(|found| OtherVersion { file: file.to_owned(), found }))
}

/// Refuses a data folder of another version before anything in it is touched, going by where each log begins and ends.
pub(crate) fn refuse_others(data: &Path) -> Result<(), JournalError> {
    for log in [Log::Journal, Log::Recordings] {
        for tenant in tenants(data, log)? {
            let folder = log.folder(data, &tenant);
            let numbers = numbers(&folder)?;
            for number in numbers.first().into_iter().chain(numbers.last()) {
                if let Some(other) = other_at(&path(&folder, *number))? {
                    return Err(other.into());
                }
            }
        }
    }
    Ok(())
}
