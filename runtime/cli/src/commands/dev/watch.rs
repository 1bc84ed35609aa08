//! What an author has saved: events of the file system say when to look, the files' content says what
//! changed. So a file that is saved as it was changes nothing, and neither does what a build writes
//! twice.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::Failure;

/// An editor saves in several steps: so long after the last of them.
const SETTLED: Duration = Duration::from_millis(120);
/// And no longer than this after the first.
const AT_MOST: Duration = Duration::from_secs(2);
/// Folders and files that are watched.
const MOST_FILES: usize = 10_000;
/// Of a larger file only the size counts.
const MOST_BYTES: u64 = 16 << 20;

/// What tools write beside what authors do.
const WRITTEN_BY_TOOLS: &[&str] = &[
    "target",
    // A server that was tried in the agent's own folder.
    "parloir-data",
    "parloir-data.keys",
    "models",
    "node_modules",
    "__pycache__",
    "Cargo.lock",
    "package-lock.json",
    "go.sum",
    "uv.lock",
    "poetry.lock",
];

/// Whether nobody who writes an agent has anything there: what tools write, hidden files, and what
/// editors leave while they save.
fn ignored(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    WRITTEN_BY_TOOLS.contains(&name.as_ref())
        || name.starts_with('.')
        || name.starts_with('#')
        || name.ends_with('~')
        || [".part", ".swp", ".swx", ".tmp", ".log"].iter().any(|end| name.ends_with(end))
        // Vim asks by it whether it may write.
        || name == "4913"
}

/// What a folder holds, as its author sees it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Snapshot {
    folders: BTreeSet<PathBuf>,
    files: BTreeMap<PathBuf, u64>,
}

impl Snapshot {
    /// Reads a folder. Blocking.
    pub(crate) fn take(root: &Path) -> Result<Self, Failure> {
        let mut taken = Self::default();
        let own = own_output();
        let mut waiting = vec![root.to_owned()];
        while let Some(folder) = waiting.pop() {
            // A link leads to a folder once, and never in a circle.
            let Ok(real) = folder.canonicalize() else { continue };
            if taken.folders.contains(&real) {
                continue;
            }
            // A folder of packages that a tool made.
            if folder != root && folder.join("pyvenv.cfg").is_file() {
                continue;
            }
            let entries = match std::fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) if folder == root => {
                    return Err(Failure::bad_input(&format!("{}: {error}", root.display())));
                }
                // Gone since it was seen, or not for us to read.
                Err(_) => continue,
            };
            taken.folders.insert(real);
            for entry in entries.flatten().filter(|entry| !ignored(&entry.file_name())) {
                let path = entry.path();
                let Ok(about) = std::fs::metadata(&path) else { continue };
                if about.is_dir() {
                    waiting.push(path);
                } else if about.is_file() && !own.contains(&(about.dev(), about.ino())) {
                    taken.files.insert(path.clone(), content(&path, about.len()));
                }
            }
            if taken.folders.len() + taken.files.len() > MOST_FILES {
                return Err(Failure::bad_input(&format!(
                    "{} holds more than {MOST_FILES} files, and an agent has fewer: name the agent's own folder",
                    root.display()
                )));
            }
        }
        Ok(taken)
    }

    /// The files that are not as they were before, those that are gone included.
    pub(crate) fn changed_since(&self, before: &Self) -> Vec<PathBuf> {
        let of_now = self.files.iter().filter(|(path, content)| before.files.get(*path) != Some(content));
        let gone = before.files.keys().filter(|path| !self.files.contains_key(*path));
        of_now.map(|(path, _)| path).chain(gone).cloned().collect()
    }
}

/// The files that this program itself writes to, where its output is kept in one: what it says of a change
/// is none.
fn own_output() -> Vec<(u64, u64)> {
    let (out, err) = (std::io::stdout(), std::io::stderr());
    [out.as_fd(), err.as_fd()]
        .into_iter()
        .filter_map(|output| std::fs::File::from(output.try_clone_to_owned().ok()?).metadata().ok())
        .map(|about| (about.dev(), about.ino()))
        .collect()
}

fn content(path: &Path, length: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    length.hash(&mut hasher);
    if length <= MOST_BYTES {
        std::fs::read(path).unwrap_or_default().hash(&mut hasher);
    }
    hasher.finish()
}

/// Rings when something happens in the folders that are watched.
pub(crate) struct Bell {
    watcher: RecommendedWatcher,
    watched: BTreeSet<PathBuf>,
    rung: Arc<Notify>,
}

impl Bell {
    /// A bell for no folder yet.
    pub(crate) fn new() -> Result<Self, Failure> {
        let rung = Arc::new(Notify::new());
        let ring = rung.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let touched = match &event {
                Ok(event) => {
                    let read_only = matches!(event.kind, EventKind::Access(_));
                    let all_ignored = !event.paths.is_empty()
                        && event.paths.iter().all(|p| p.file_name().is_some_and(ignored));
                    !read_only && !all_ignored
                }
                // Something was missed: look.
                Err(_) => true,
            };
            if touched {
                ring.notify_one();
            }
        });
        Ok(Self { watcher: watcher.map_err(unwatched)?, watched: BTreeSet::new(), rung })
    }

    /// Watches the folders of a snapshot, each for itself: what tools write is never watched. Says whether one is
    /// watched that was not before.
    pub(crate) fn watch(&mut self, snapshot: &Snapshot) -> Result<bool, Failure> {
        let gone: Vec<PathBuf> = self.watched.difference(&snapshot.folders).cloned().collect();
        for folder in gone {
            // A folder that is gone is watched no more by itself.
            let _ = self.watcher.unwatch(&folder);
            self.watched.remove(&folder);
        }
        let mut any = false;
        for folder in &snapshot.folders {
            if self.watched.contains(folder) {
                continue;
            }
            match self.watcher.watch(folder, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.watched.insert(folder.clone());
                    any = true;
                }
                // Gone again since the snapshot was taken.
                Err(_) if !folder.is_dir() => {}
                Err(error) => return Err(unwatched(error)),
            }
        }
        Ok(any)
    }

    /// Waits until something has happened and nothing more does.
    pub(crate) async fn settled(&self) {
        self.rung.notified().await;
        let first = Instant::now();
        while first.elapsed() < AT_MOST && timeout(SETTLED, self.rung.notified()).await.is_ok() {}
    }
}

fn unwatched(error: notify::Error) -> Failure {
    Failure::new(format!(
        "the agent's folder cannot be watched: {error}; where it is a matter of limits, raise fs.inotify.max_user_watches"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(changed: &[PathBuf]) -> Vec<String> {
        changed.iter().filter_map(|p| p.file_name()).map(|n| n.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn only_what_an_author_wrote_counts_and_only_when_it_is_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("agent.c", "int a;");
        write("conversations/one.yaml", "a: b");
        let before = Snapshot::take(folder.path()).unwrap();
        write("agent.c", "int a;");
        write("target/c/agent.wasm", "x");
        write("node_modules/y/index.js", "x");
        write(".git/index", "x");
        write("agent.c~", "x");
        write("Cargo.lock", "x");
        let same = Snapshot::take(folder.path()).unwrap();
        assert_eq!(same, before);
        write("agent.c", "int b;");
        write("src/new.c", "int c;");
        std::fs::remove_file(folder.path().join("conversations/one.yaml")).unwrap();
        let after = Snapshot::take(folder.path()).unwrap();
        assert_eq!(names(&after.changed_since(&before)), ["agent.c", "new.c", "one.yaml"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_back_is_followed_once() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("agent.c"), "").unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("again")).unwrap();
        assert_eq!(Snapshot::take(folder.path()).unwrap().files.len(), 1);
    }

    #[tokio::test]
    async fn the_bell_rings_for_a_file_that_is_saved_in_a_new_folder_too() {
        let folder = tempfile::tempdir().unwrap();
        let mut bell = Bell::new().unwrap();
        bell.watch(&Snapshot::take(folder.path()).unwrap()).unwrap();
        let rings = async |bell: &Bell| timeout(Duration::from_secs(10), bell.settled()).await.is_ok();
        std::fs::create_dir(folder.path().join("src")).unwrap();
        assert!(rings(&bell).await);
        bell.watch(&Snapshot::take(folder.path()).unwrap()).unwrap();
        std::fs::write(folder.path().join("src/agent.c"), "int a;").unwrap();
        assert!(rings(&bell).await);
    }
}
