//! Components that did not load: they are not compiled again with every change of their tenant, until their file is another.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use parloir_sandbox::LoadError;

/// Components remembered, at most: where there are more, all are forgotten, and tried once more.
const MOST: usize = 1_000;

/// Which file it is, and of what state: another one where anything of it was written since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    inode: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// That of a file; `None` where there is none.
    pub(crate) async fn of(path: &Path) -> Option<Self> {
        let file = tokio::fs::metadata(path).await.ok()?;
        Some(Self {
            inode: (file.dev(), file.ino()),
            size: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        })
    }
}

/// What did not load, and why.
#[derive(Debug, Default)]
pub(crate) struct Unloadable(Mutex<HashMap<PathBuf, (Stamp, String)>>);

impl Unloadable {
    /// Why a file did not load, where it is still the same.
    pub(crate) fn known(&self, path: &Path, stamp: Stamp) -> Option<String> {
        let known = self.0.lock();
        known.get(path).filter(|(of, _)| *of == stamp).map(|(_, problem)| problem.clone())
    }

    /// Remembers a file that did not load, where it will not load the next time either.
    pub(crate) fn remember(&self, path: &Path, stamp: Stamp, error: &LoadError, problem: &str) {
        match error {
            // The machine's failure, or the agent's own, which may have had too little time.
            LoadError::Engine(_) | LoadError::NotCompiled(_) | LoadError::Describe(_) => return,
            LoadError::TooLarge { .. }
            | LoadError::TooComplex(_)
            | LoadError::NotAComponent(_)
            | LoadError::Compile(_)
            | LoadError::World(_)
            | LoadError::Description(_) => {}
        }
        let mut known = self.0.lock();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(path.to_owned(), (stamp, problem.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use parloir_providers::Registry;
    use parloir_sandbox::Settings;
    use parloir_tenancy::config::TenantConfig;

    use super::*;
    use crate::{Config, Folders, Installation};

    fn tenant(id: &str, agent: &Path) -> TenantConfig {
        let text = format!("id = {id:?}\n[[line]]\nnumber = \"+33199000001\"\nagent = {agent:?}\n");
        toml::from_str(&text).unwrap()
    }

    #[tokio::test]
    async fn a_component_that_did_not_load_is_told_so_until_it_is_another_and_holds_up_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let config: Config = toml::from_str(
            "[server]\nlisten = \"127.0.0.1:0\"\n[[carrier]]\nkind = \"twilio\"\nauth-token = { env = \"UNUSED\" }\n",
        )
        .unwrap();
        let folders = Folders::beside(folder.path().join("data"));
        let nobody = Registry::builder().build();
        let settings = Settings::default();
        let installation =
            Installation::open(&config, &folders, Path::new(""), Some(nobody), settings).await.unwrap();
        let (path, other) = (folder.path().join("broken.wasm"), folder.path().join("other.wasm"));
        std::fs::write(&path, b"no component").unwrap();
        let cabinet = tenant("cabinet", &path);
        let first = installation.prepare(&cabinet).await.unwrap_err();
        let stamp = Stamp::of(&path).await.unwrap();
        assert_eq!(installation.unloadable.known(&path, stamp).as_ref(), Some(&first));
        // It is told from memory.
        installation.unloadable.0.lock().get_mut(&path).unwrap().1 = "as remembered".into();
        assert_eq!(installation.prepare(&cabinet).await.unwrap_err(), "as remembered");
        std::fs::write(&path, b"no component either").unwrap();
        assert!(installation.prepare(&cabinet).await.unwrap_err().contains("which does not load"));

        // What takes long is done before anybody else has to wait.
        std::fs::write(&other, b"nor this").unwrap();
        let held = installation.moving_in.lock().await;
        let mut taking = std::pin::pin!(installation.take_in(vec![tenant("other", &other)]));
        let stamp = Stamp::of(&other).await.unwrap();
        while installation.unloadable.known(&other, stamp).is_none() {
            tokio::select! {
                biased;
                _ = &mut taking => panic!("somebody else holds the house"),
                () = tokio::time::sleep(std::time::Duration::from_millis(5)) => {}
            }
        }
        drop(held);
        let left_out = taking.await;
        assert!(left_out.iter().any(|(_, aside)| aside.what == "line +33199000001"), "{left_out:?}");
        installation.storage.close().await;
    }
}
