//! What the program carries of this repository: the contract, the SDKs, the templates.

use std::path::Path;

use super::{BuildError, put};

/// Paths with `/`, and contents. `wit/…`, `guest-sdk/…` and `templates/…`.
#[allow(clippy::large_include_file, reason = "sources: some hundred kilobytes")]
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/vendored.rs"));

/// The files under a folder, by their path below it.
pub(crate) fn under(folder: &str) -> impl Iterator<Item = (&'static str, &'static [u8])> {
    FILES.iter().filter_map(move |(path, bytes)| {
        let rest = path.strip_prefix(folder)?.strip_prefix('/')?;
        Some((rest, *bytes))
    })
}

/// Writes the files under a folder below `to`.
pub(crate) fn write(folder: &str, to: &Path) -> Result<(), BuildError> {
    under(folder).try_for_each(|(path, bytes)| put(&to.join(path), bytes))
}

/// The contract in `folder/wit`, for tools that read it from disk: that of this program, whatever
/// copy a project has.
pub(super) fn contract(folder: &Path) -> Result<std::path::PathBuf, BuildError> {
    let wit = folder.join("wit");
    if let Err(error) = std::fs::remove_dir_all(&wit)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(BuildError::Write(wit, error));
    }
    write("wit", &wit)?;
    Ok(wit)
}
