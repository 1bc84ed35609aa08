//! Where an installation rests, as commands are told it.

use std::path::PathBuf;

use clap::Args;
use parloir_server::Folders;

use crate::failure::Failure;

/// Where an installation rests.
#[derive(Args, Clone)]
pub(crate) struct DataArgs {
    /// The data folder: journal, store, compiled agents.
    #[arg(long, value_name = "DIR", default_value = "parloir-data", env = "PARLOIR_DATA")]
    pub(crate) data: PathBuf,
    /// The keys folder: apart from the data, and never in the same backup. Default: DIR.keys
    #[arg(long, value_name = "DIR", env = "PARLOIR_KEYS")]
    pub(crate) keys: Option<PathBuf>,
}

impl DataArgs {
    pub(crate) fn folders(&self) -> Folders {
        let mut folders = Folders::beside(&self.data);
        if let Some(keys) = &self.keys {
            folders.keys.clone_from(keys);
        }
        folders
    }

    /// The folders, where there is an installation to read.
    pub(crate) fn existing(&self) -> Result<Folders, Failure> {
        let folders = self.folders();
        for (what, folder) in [("data", &folders.data), ("keys", &folders.keys)] {
            if !folder.is_dir() {
                return Err(Failure::new(format!(
                    "there is no {what} folder {}: name it with --{what}, or run `parloir demo` first",
                    folder.display()
                )));
            }
        }
        Ok(folders)
    }
}
