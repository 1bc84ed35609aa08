//! Where a compiler finds the SDK: the copy of the project, or this program's own.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{BuildError, put, vendored};

/// `parloir/guest-sdk/…` of the project where `parloir new` put one; else this program's, written below
/// `work`. Two builds at once do not disturb each other: what is there already is left alone.
pub(super) fn place(project: &Path, sdk: &str, work: &Path) -> Result<PathBuf, BuildError> {
    let own = project.join("parloir").join(sdk);
    if own.is_dir() {
        return Ok(own);
    }
    let place = work.join("sdk");
    let mut wanted = BTreeSet::new();
    for (path, bytes) in vendored::under(sdk) {
        let file = place.join(path);
        if std::fs::read(&file).ok().as_deref() != Some(bytes) {
            put(&file, bytes)?;
        }
        wanted.insert(file);
    }
    // Of an older program.
    for file in files(&place)? {
        if !wanted.contains(&file) && file.extension().is_none_or(|e| e != "part") {
            std::fs::remove_file(&file).map_err(|e| BuildError::Write(file.clone(), e))?;
        }
    }
    Ok(place)
}

/// Every file below a folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>, BuildError> {
    let read = |e| BuildError::Read(folder.to_owned(), e);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(read)? {
        let entry = entry.map_err(read)?;
        if entry.file_type().map_err(read)?.is_dir() {
            found.extend(files(&entry.path())?);
        } else {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// A file of this build alone, gone when the build is.
pub(super) struct Passing(pub(super) PathBuf);

impl Passing {
    /// `agent.1234.wasm` below `work`, which is made if need be.
    pub(super) fn new(work: &Path, name: &str, extension: &str) -> Result<Self, BuildError> {
        std::fs::create_dir_all(work).map_err(|e| BuildError::Write(work.to_owned(), e))?;
        Ok(Self(work.join(format!("{name}.{}.{extension}", std::process::id()))))
    }

    /// What the compiler wrote.
    pub(super) fn read(&self) -> Result<Vec<u8>, BuildError> {
        std::fs::read(&self.0).map_err(|e| BuildError::Read(self.0.clone(), e))
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        // What is left of it helps nobody.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_s_own_copy_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path().join("target/c");
        assert_eq!(place(folder.path(), "guest-sdk/c", &work).unwrap(), work.join("sdk"));
        assert!(work.join("sdk/include/parloir.h").is_file());
        let own = folder.path().join("parloir/guest-sdk/c");
        std::fs::create_dir_all(&own).unwrap();
        assert_eq!(place(folder.path(), "guest-sdk/c", &work).unwrap(), own);
    }

    #[test]
    fn what_an_older_program_left_goes() {
        let folder = tempfile::tempdir().unwrap();
        let old = folder.path().join("sdk/src/old.c");
        std::fs::create_dir_all(old.parent().unwrap()).unwrap();
        std::fs::write(&old, "int x = ;").unwrap();
        place(folder.path(), "guest-sdk/c", folder.path()).unwrap();
        assert!(!old.exists());
    }
}
