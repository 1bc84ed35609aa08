//! The key that a log-in made: in a file that its owner alone reads, with where it opens, so that it is sent nowhere else.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Failure;

/// A key of a log-in.
#[derive(Serialize, Deserialize)]
pub(crate) struct Kept {
    /// Where it opens: the origin of the administration.
    pub(crate) api: String,
    /// The key.
    pub(crate) key: String,
    /// When it ends.
    pub(crate) until: String,
}

/// Where it is kept: `PARLOIR_LOG_IN`, or `parloir/log-in` in `XDG_STATE_HOME`, or in `~/.local/state`.
fn file() -> Result<PathBuf, Failure> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("PARLOIR_LOG_IN")
        .or_else(|| set("XDG_STATE_HOME").map(|state| state.join("parloir/log-in")))
        .or_else(|| set("HOME").map(|home| home.join(".local/state/parloir/log-in")))
        .ok_or_else(|| {
            Failure::new(
                "there is no place for the key of a log-in: name a file in PARLOIR_LOG_IN, or set HOME",
            )
        })
}

fn wrong(file: &Path, error: &io::Error) -> Failure {
    Failure::new(format!("{}: {error}; name another in PARLOIR_LOG_IN", file.display()))
}

/// Makes the folder that a file is in.
fn in_its_folder(file: &Path) -> io::Result<()> {
    match file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => fs::create_dir_all(folder),
        None => Ok(()),
    }
}

impl Kept {
    /// The key for this place, if one is kept.
    pub(crate) fn find(api: &str) -> Option<Self> {
        Self::any().filter(|kept| kept.api == api)
    }

    /// The key that is kept, for whatever place.
    pub(crate) fn any() -> Option<Self> {
        serde_json::from_slice(&fs::read(file().ok()?).ok()?).ok()
    }

    /// That it can be kept: to be asked before a key is made.
    pub(crate) fn can_be_kept() -> Result<(), Failure> {
        let file = file()?;
        let tried = in_its_folder(&file).and_then(|()| {
            let there = file.exists();
            fs::OpenOptions::new().append(true).create(true).open(&file)?;
            if there { Ok(()) } else { fs::remove_file(&file) }
        });
        tried.map_err(|error| wrong(&file, &error))
    }

    /// Keeps it in place of any other, and says where.
    pub(crate) fn keep(&self) -> Result<PathBuf, Failure> {
        let file = file()?;
        let bytes = serde_json::to_vec(self)?;
        let kept = in_its_folder(&file).and_then(|()| crate::private::write(&file, &bytes));
        kept.map_err(|error| wrong(&file, &error))?;
        Ok(file)
    }

    /// Keeps it no longer.
    pub(crate) fn forget() -> Result<(), Failure> {
        let file = file()?;
        fs::remove_file(&file)
            .map_err(|error| Failure::new(format!("{}: {error}; remove it yourself", file.display())))
    }
}
