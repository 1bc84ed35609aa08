//! Components that did not load: they are not compiled again with every change of their tenant, until their file is another.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use parloir_sandbox::LoadError;

/// Components remembered, at most: where there are more, all are forgotten, and tried once more.
const MOST: usize = 1_000;
/// How long one is remembered that could not be compiled for no fault of its own: as long as others of its lines ask for it.
const A_WHILE: Duration = Duration::from_secs(60);

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

/// A file that did not load.
#[derive(Debug)]
struct Known {
    stamp: Stamp,
    problem: String,
    /// Until when that is believed, where it is not for good.
    until: Option<Instant>,
}

/// What did not load, and why.
#[derive(Debug, Default)]
pub(crate) struct Unloadable(Mutex<HashMap<PathBuf, Known>>);

impl Unloadable {
    /// Why a file did not load, where it is still the same.
    pub(crate) fn known(&self, path: &Path, stamp: Stamp) -> Option<String> {
        let known = self.0.lock();
        let known = known.get(path)?;
        let holds = known.stamp == stamp && known.until.is_none_or(|until| Instant::now() < until);
        holds.then(|| known.problem.clone())
    }

    /// Remembers a file that did not load, where it will not load the next time either; and for a while one that nobody compiled,
    /// for which each who asks would wait as long again.
    pub(crate) fn remember(&self, path: &Path, stamp: Stamp, error: &LoadError, problem: &str) {
        let until = match error {
            // The machine's failure, or the agent's own, which may have had too little time.
            LoadError::Engine(_) | LoadError::Describe(_) => return,
            LoadError::NotCompiled(_) => Instant::now().checked_add(A_WHILE),
            LoadError::TooLarge { .. }
            | LoadError::TooComplex(_)
            | LoadError::NotAComponent(_)
            | LoadError::Compile(_)
            | LoadError::World(_)
            | LoadError::Description(_) => None,
        };
        let problem = match until {
            // It says to try again: whoever does is told from here for as long.
            Some(_) => format!("{problem} (not before a minute from when it was found)"),
            None => problem.to_owned(),
        };
        let mut known = self.0.lock();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(path.to_owned(), Known { stamp, problem, until });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use parloir_admin::{Component, Deployed};
    use parloir_providers::Registry;
    use parloir_sandbox::{Compiler, Compiling, Settings};
    use parloir_tenancy::config::TenantConfig;
    use sha2::{Digest, Sha256};
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::{Config, Folders, Installation};

    fn tenant(id: &str, agent: &Path) -> TenantConfig {
        let text = format!("id = {id:?}\n[[line]]\nnumber = \"+33199000001\"\nagent = {agent:?}\n");
        toml::from_str(&text).unwrap()
    }

    fn config() -> Config {
        toml::from_str(
            "[server]\nlisten = \"127.0.0.1:0\"\n[[carrier]]\nkind = \"twilio\"\nauth-token = { env = \"UNUSED\" }\n",
        )
        .unwrap()
    }

    /// Compiles nothing, and counts how often it was to.
    #[derive(Default)]
    struct Busy(AtomicUsize);

    impl Compiler for Busy {
        fn compile(
            &self,
            _component: &[u8],
            _settings: &Settings,
            _nobody_waits: &CancellationToken,
        ) -> Result<Vec<u8>, LoadError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Err(LoadError::NotCompiled("the machine had no time for it".into()))
        }
    }

    #[tokio::test]
    async fn what_the_machine_did_not_compile_is_tried_once_for_all_who_ask_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::beside(folder.path().join("data"));
        let (busy, nobody) = (Arc::new(Busy::default()), Registry::builder().build());
        let compiling = (Settings::default(), Compiling::Apart(busy.clone()));
        let (config, silent) = (config(), |_: &Path| {});
        let opened =
            Installation::open_telling(&config, &folders, Path::new(""), Some(nobody), compiling, &silent);
        let installation = opened.await.unwrap();
        let path = folder.path().join("agent.wasm");
        std::fs::write(&path, b"\0asm\x0d\0\x01\0").unwrap();
        let mut cabinet = tenant("cabinet", &path);
        let first = cabinet.lines[0].clone();
        for number in ["+33199000002", "+33199000003"] {
            let mut line = first.clone();
            line.number = number.parse().unwrap();
            cabinet.lines.push(line);
        }
        let left_out = installation.take_in(vec![cabinet.clone()]).await;
        assert_eq!(left_out.len(), 3, "{left_out:?}");
        assert_eq!(busy.0.load(Ordering::Relaxed), 1);
        // A version of the directory's, of which the cache is not asked once more: it has what the file has.
        let version = folder.path().join("version.wasm");
        std::fs::write(&version, b"\0asm\x0d\0\x01\0").unwrap();
        let digest = Sha256::digest(b"\0asm\x0d\0\x01\0").iter().map(|byte| format!("{byte:02x}")).collect();
        let live = Component { digest, file: version, capabilities: Vec::new() };
        let deployed = Deployed { agent: "front".into(), line_names: path.clone(), live, canary: None };
        for from_memory in [false, true] {
            let aside = installation.deploy(folder.path(), vec![deployed.clone()], Vec::new()).await;
            assert_eq!(aside.len(), 1, "{aside:?}");
            let told = format!("{aside:?}");
            assert!(told.contains("the machine had no time for it"), "{told}");
            assert_eq!(told.contains("not before a minute"), from_memory, "{told}");
            assert_eq!(busy.0.load(Ordering::Relaxed), 2);
        }
        // After a while it is tried again.
        let long_ago = Instant::now().checked_sub(Duration::from_millis(1)).unwrap();
        installation.unloadable.0.lock().get_mut(&deployed.live.file).unwrap().until = Some(long_ago);
        installation.deploy(folder.path(), vec![deployed], Vec::new()).await;
        assert_eq!(busy.0.load(Ordering::Relaxed), 3);
        installation.storage.close().await;
    }

    #[tokio::test]
    async fn a_component_that_did_not_load_is_told_so_until_it_is_another_and_holds_up_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let config = config();
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
        installation.unloadable.0.lock().get_mut(&path).unwrap().problem = "as remembered".into();
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
