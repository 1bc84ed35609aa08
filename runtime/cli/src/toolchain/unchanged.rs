//! What a component was made of, so that what has not changed is not made again.
//!
//! A digest of contents, never of times: of everything that a tool could read, and of what it was told. It is
//! kept beside what the tool made, with the digest of that. Whatever cannot be seen through (a folder that is
//! too large, files that changed while the tool read them) is made again.
//!
//! Sources always count. What else lies in the folders (a token, a menu, notes) counts only where a source opens files
//! by itself: [`Reads`] says which is which.

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{BuildError, Job, put};

/// Files and bytes that are read for a digest.
const MOST_FILES: usize = 20_000;
const MOST_BYTES: u64 = 1 << 30;
/// In an agent's own folder, and no part of the agent: what calls leave, which is sealed, and what a line is like.
const NO_PART: [&str; 3] = ["parloir-data", "parloir-data.keys", "parloir.toml"];
/// There too, and no part but for sources, which may be imported by these names: what is built, and what the agent is held to.
const SOURCES_ALONE: [&str; 2] = ["target", "conversations"];
/// What a carrier's secret is named like. It is no part either.
const TOKEN: &str = "token";
/// What Python leaves beside its sources, made of them.
const LEFT: &str = "__pycache__";
/// How often a build looks whether another of the same folder has come to its end.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What of a folder a tool reads.
#[derive(Clone, Copy)]
pub(super) struct Reads {
    /// Whether it may read this file wherever it lies.
    pub(super) source: fn(&Path) -> bool,
    /// Whether these bytes of a source have it read files of any name.
    pub(super) opens: fn(&[u8]) -> bool,
}

/// What of a folder counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counts {
    /// All of it but what is no part of an agent: it is the agent's own.
    Own,
    /// All of it.
    All,
    /// Its sources.
    Sources,
}

/// What goes into a component.
#[derive(Clone)]
pub(super) struct Ingredients {
    contents: Sha256,
    /// When and where the files were written: equal before and after the tool ran, or it may have read others.
    written: Sha256,
    files: usize,
    bytes: u64,
    /// Something could not be seen through.
    opaque: bool,
    folders: BTreeSet<PathBuf>,
    /// Where the tool itself writes.
    left_out: Option<PathBuf>,
    /// A source opens files by itself.
    opens: bool,
    /// What no source is.
    others: Vec<PathBuf>,
}

/// Ingredients, weighed.
#[derive(PartialEq, Eq, Clone, Copy)]
pub(super) struct Weighed {
    contents: [u8; 32],
    written: [u8; 32],
}

impl Ingredients {
    /// None yet. `made_by` is all that the tool is told, and its version.
    pub(super) fn new(made_by: &[&str]) -> Self {
        let mut new = Self {
            contents: Sha256::new(),
            written: Sha256::new(),
            files: 0,
            bytes: 0,
            opaque: false,
            folders: BTreeSet::new(),
            left_out: None,
            opens: false,
            others: Vec::new(),
        };
        for told in made_by {
            new.add("told", told.as_bytes());
        }
        new
    }

    /// Adds something that has a name.
    pub(super) fn add(&mut self, name: &str, bytes: &[u8]) {
        self.add_named(name.as_bytes(), bytes);
    }

    fn add_named(&mut self, name: &[u8], bytes: &[u8]) {
        // With their lengths: no two lists of ingredients are the same bytes.
        for part in [name, bytes] {
            self.contents.update((part.len() as u64).to_le_bytes());
            self.contents.update(part);
        }
    }

    /// Leaves out the folder in which the tool itself writes.
    pub(super) fn leave_out(&mut self, work: &Path) {
        self.left_out = work.canonicalize().ok();
    }

    /// Adds what a tool may read of a folder, as deep as it goes; `own` where it is the agent's own.
    pub(super) fn add_folder(&mut self, folder: &Path, own: bool, reads: Reads) {
        self.add_what_counts(folder, if own { Counts::Own } else { Counts::All }, reads);
    }

    fn add_what_counts(&mut self, folder: &Path, counts: Counts, reads: Reads) {
        let Ok(folder) = folder.canonicalize() else {
            self.opaque = true;
            return;
        };
        if !self.folders.insert(folder.clone()) {
            return;
        }
        let Ok(entries) = std::fs::read_dir(&folder) else {
            self.opaque = true;
            return;
        };
        let names: Result<Vec<_>, _> = entries.map(|entry| entry.map(|entry| entry.file_name())).collect();
        let Ok(mut names) = names else {
            self.opaque = true;
            return;
        };
        names.sort();
        for name in names {
            let path = folder.join(&name);
            let token = path.extension().is_some_and(|ending| ending == TOKEN);
            let own = counts == Counts::Own;
            let no_part = own && (token || NO_PART.iter().any(|no_part| name == *no_part));
            if name == LEFT || no_part || self.left_out.as_ref() == Some(&path) {
                continue;
            }
            let (folder, source) = (path.is_dir(), (reads.source)(&path));
            if counts == Counts::Sources && !folder && !source {
                continue;
            }
            self.files += 1;
            if self.opaque || self.files > MOST_FILES {
                self.opaque = true;
                return;
            }
            // By another name it would be imported by another name.
            if path.is_symlink() {
                self.add_named(b"link", path.as_os_str().as_encoded_bytes());
            }
            // What a link leads to is what a tool would read.
            if folder {
                let alone =
                    counts == Counts::Sources || own && SOURCES_ALONE.iter().any(|alone| name == *alone);
                let counts = if alone { Counts::Sources } else { Counts::All };
                self.add_what_counts(&path, counts, reads);
            } else if source {
                let opens = self.add_file(&path).is_some_and(|bytes| (reads.opens)(&bytes));
                self.opens |= opens;
            } else {
                self.others.push(path);
            }
        }
    }

    /// Adds a file by its path, and gives what it holds.
    fn add_file(&mut self, path: &Path) -> Option<Vec<u8>> {
        let Ok(about) = std::fs::metadata(path) else {
            self.add_named(b"nothing", path.as_os_str().as_encoded_bytes());
            return None;
        };
        for number in [about.dev(), about.ino(), about.len()] {
            self.written.update(number.to_le_bytes());
        }
        for number in [about.mtime(), about.mtime_nsec(), about.ctime(), about.ctime_nsec()] {
            self.written.update(number.to_le_bytes());
        }
        self.bytes = self.bytes.saturating_add(about.len());
        // A socket, what nobody may read, or more than is worth reading.
        let readable = about.is_file() && !self.opaque && self.bytes <= MOST_BYTES;
        let Some(bytes) = readable.then(|| std::fs::read(path).ok()).flatten() else {
            self.opaque = true;
            return None;
        };
        self.add_named(path.as_os_str().as_encoded_bytes(), &bytes);
        Some(bytes)
    }

    /// `None` where something could not be seen through.
    pub(super) fn weighed(mut self) -> Option<Weighed> {
        if self.opens {
            for path in std::mem::take(&mut self.others) {
                self.add_file(&path);
            }
        }
        let Self { contents, written, opaque, .. } = self;
        (!opaque)
            .then(|| Weighed { contents: contents.finalize().into(), written: written.finalize().into() })
    }
}

/// What stands beside what a tool made.
#[derive(Serialize, Deserialize, PartialEq, Eq)]
struct Label {
    /// Of what it was made.
    of: String,
    /// What it is.
    made: String,
}

impl Label {
    fn new(weighed: &Weighed, made: &[u8]) -> Self {
        Self { of: hex(&weighed.contents), made: hex(&Sha256::digest(made).into()) }
    }
}

fn label(made: &Path) -> PathBuf {
    made.with_extension("made-of")
}

/// What a tool made of the very same before, if it is here and as the tool left it.
pub(super) fn kept(made: &Path, of: Option<&Weighed>) -> Option<Vec<u8>> {
    let written: Label = serde_json::from_slice(&std::fs::read(label(made)).ok()?).ok()?;
    let bytes = std::fs::read(made).ok()?;
    (written == Label::new(of?, &bytes)).then_some(bytes)
}

/// Keeps what a tool made of this, and of nothing else: `after` is the same weighed once more when the tool
/// had done.
pub(super) fn keep(
    made: &Path,
    bytes: &[u8],
    before: Option<&Weighed>,
    after: Option<&Weighed>,
) -> Result<(), BuildError> {
    let label = label(made);
    match before.filter(|before| Some(*before) == after) {
        Some(of) => {
            let text = serde_json::json!(Label::new(of, bytes)).to_string();
            put(&label, text.as_bytes())
        }
        None => match std::fs::remove_file(&label) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(BuildError::Write(label, error))
            }
            Ok(()) | Err(_) => Ok(()),
        },
    }
}

fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Waits until no other build works in this folder. It does until what is returned is dropped.
#[allow(clippy::disallowed_methods, reason = "a build runs on a thread of its own")]
pub(super) fn alone(job: &Job<'_>, work: &Path) -> Result<File, BuildError> {
    let path = work.join("lock");
    let failed = |error| BuildError::Write(path.clone(), error);
    std::fs::create_dir_all(work).map_err(failed)?;
    let file = File::create(&path).map_err(failed)?;
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {
                if !told && !job.quiet {
                    anstream::eprintln!("another build of this folder is under way…");
                }
                told = true;
                job.going_on()?;
                std::thread::sleep(LOOK_AGAIN);
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weighed(folder: &Path) -> Option<Weighed> {
        let reads = Reads {
            source: |path| path.extension().is_some_and(|ending| ending == "py"),
            opens: |bytes| bytes.starts_with(b"open"),
        };
        let mut ingredients = Ingredients::new(&["tool 1"]);
        ingredients.leave_out(&folder.join("target/python"));
        ingredients.add_folder(folder, true, reads);
        ingredients.weighed()
    }

    #[test]
    fn only_the_very_same_is_not_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("agent.py", "a = 1");
        write("own/__init__.py", "");
        write("target/python/x", "x");
        let made = folder.path().join("target/python/agent.wasm");
        let first = weighed(folder.path());
        std::fs::write(&made, "wasm").unwrap();
        keep(&made, b"wasm", first.as_ref(), weighed(folder.path()).as_ref()).unwrap();
        let unchanged = || kept(&made, weighed(folder.path()).as_ref());
        assert_eq!(unchanged(), Some(b"wasm".to_vec()));
        // What calls leave is no part, what the agent is held to, what lies about, nor when a file was written.
        for beside in [
            "parloir-data/calls",
            "conversations/first.yaml",
            "parloir.toml",
            "carrier.token",
            "notes.txt",
            ".env",
            "target/python/entry.py",
            "target/release/notes",
            "own/__pycache__/__init__.cpython-314.pyc",
        ] {
            write(beside, "x");
            assert!(unchanged().is_some(), "{beside}");
        }
        write("agent.py", "a = 1");
        assert!(unchanged().is_some());
        for (path, text) in [
            ("agent.py", "a = 2"),
            ("own/__init__.py", "import x"),
            ("new.py", ""),
            ("own/target/x.py", ""),
            // A package of the author's may be called that.
            ("target/__init__.py", ""),
            ("conversations/spoken/small.py", ""),
            // From here on the other files count.
            ("own/__init__.py", "open('../notes.txt')"),
        ] {
            let file = folder.path().join(path);
            let before = std::fs::read(&file).ok();
            write(path, text);
            assert_eq!(unchanged(), None, "{path}");
            match before {
                Some(before) => std::fs::write(&file, before).unwrap(),
                None => std::fs::remove_file(&file).unwrap(),
            }
        }
        std::fs::remove_dir(folder.path().join("own/target")).unwrap();
        assert!(unchanged().is_some());
        // A renamed file has the same contents, and is another agent.
        std::fs::rename(folder.path().join("agent.py"), folder.path().join("agent2.py")).unwrap();
        assert_eq!(unchanged(), None);
        std::fs::rename(folder.path().join("agent2.py"), folder.path().join("agent.py")).unwrap();
        assert!(unchanged().is_some());
        std::fs::write(&made, "wasn").unwrap();
        assert_eq!(unchanged(), None, "somebody altered what was made");
    }

    #[test]
    fn what_a_source_may_open_counts_where_one_opens_files() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| std::fs::write(folder.path().join(path), text).unwrap();
        let contents = || weighed(folder.path()).unwrap().contents;
        write("agent.py", "open('menu.txt')");
        write("menu.txt", "soup");
        let before = contents();
        write("carrier.token", "secret");
        assert!(contents() == before);
        write("menu.txt", "salad");
        assert!(contents() != before);
    }

    #[test]
    fn what_changed_while_the_tool_ran_is_not_kept_even_when_it_changed_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("agent.py");
        std::fs::write(&file, "a = 1").unwrap();
        let before = weighed(folder.path());
        std::fs::write(&file, "a = 2").unwrap();
        std::fs::remove_file(&file).unwrap();
        std::fs::write(&file, "a = 1").unwrap();
        let after = weighed(folder.path());
        assert!(before.unwrap().contents == after.unwrap().contents);
        let made = folder.path().join("target/agent.wasm");
        std::fs::create_dir_all(made.parent().unwrap()).unwrap();
        std::fs::write(&made, "wasm").unwrap();
        keep(&made, b"wasm", before.as_ref(), after.as_ref()).unwrap();
        assert_eq!(kept(&made, weighed(folder.path()).as_ref()), None);
    }

    #[test]
    fn what_cannot_be_seen_through_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("agent.py"), "").unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
        assert!(weighed(folder.path()).is_some(), "nobody opens it");
        std::fs::write(folder.path().join("agent.py"), "open(name)").unwrap();
        assert!(weighed(folder.path()).is_none());
        assert!(weighed(&folder.path().join("nowhere")).is_none());
    }

    #[test]
    fn a_link_in_a_circle_ends() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("agent.py"), "").unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("again")).unwrap();
        assert!(weighed(folder.path()).is_some());
    }
}
