//! A tenant's folder: its components are in `agents`, its documents in `documents`, its sounds in `sounds`.

use std::path::{Path, PathBuf};

/// What the files of versions begin with.
pub(crate) const VERSION: &str = "sha256-";

/// What is in a tenant's folder, as it is now.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    agents: PathBuf,
    sounds: Option<PathBuf>,
    documents: Option<PathBuf>,
}

impl Home {
    /// Looks what there is.
    pub(crate) async fn of(folder: &Path) -> Self {
        Self {
            agents: folder.join("agents"),
            sounds: there(folder.join("sounds")).await,
            documents: there(folder.join("documents")).await,
        }
    }

    /// The component of an agent, whether it is there or not.
    pub(crate) fn agent(&self, name: &str) -> PathBuf {
        self.agents.join(format!("{name}.wasm"))
    }

    /// The component of a version, which is called by its SHA-256.
    pub(crate) fn version(&self, sha256: &str) -> PathBuf {
        self.agents.join(format!("{VERSION}{sha256}.wasm"))
    }

    /// The folder of components.
    pub(crate) fn agents(&self) -> &Path {
        &self.agents
    }

    /// The folder of sounds; `None` where there is none.
    pub(crate) fn sounds(&self) -> Option<PathBuf> {
        self.sounds.clone()
    }

    /// The folder of documents; `None` where there is none.
    pub(crate) fn documents(&self) -> Option<PathBuf> {
        self.documents.clone()
    }
}

/// A folder, where there is one.
async fn there(folder: PathBuf) -> Option<PathBuf> {
    let found = tokio::fs::metadata(&folder).await;
    found.is_ok_and(|found| found.is_dir()).then_some(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_folders_that_are_there_are_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("documents")).unwrap();
        std::fs::write(folder.path().join("sounds"), "no folder").unwrap();
        let home = Home::of(folder.path()).await;
        assert_eq!(home.documents(), Some(folder.path().join("documents")));
        assert_eq!(home.sounds(), None);
        assert_eq!(home.agent("desk"), folder.path().join("agents/desk.wasm"));
    }
}
