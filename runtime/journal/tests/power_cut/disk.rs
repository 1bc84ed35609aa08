//! A disk that writes down what it is told, and what a power cut may leave of it.
//!
//! What was synced is there afterwards. Of everything else any part may be: an entry of a folder without the one before it, a
//! file's length without its bytes, any of its 512-byte sectors, and sectors that are themselves torn.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use parloir_store::disk::{Disk, DiskFile, OsDisk, Readers};

const SECTOR: usize = 512;

/// What the disk was told, or what somebody else was.
#[derive(Debug, Clone)]
pub(crate) enum Step<T> {
    Folder(PathBuf),
    Create(PathBuf),
    Write(PathBuf, Vec<u8>),
    Cut(PathBuf, u64),
    Sync(PathBuf),
    Rename(PathBuf, PathBuf),
    Link(PathBuf, PathBuf),
    Remove(PathBuf),
    /// Zeros over all of it, synced.
    Overwrite(PathBuf),
    SyncFolder(PathBuf),
    /// A promise, or what may come of one.
    Said(T),
}

impl<T: std::fmt::Debug> std::fmt::Display for Step<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Write(path, bytes) => write!(f, "Write({path:?}, {} bytes)", bytes.len()),
            other => write!(f, "{other:?}"),
        }
    }
}

/// Which of its promises the disk keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeps {
    All,
    /// A file's sync does nothing.
    NoFile,
    /// A segment's sync does nothing.
    NoSegment,
    /// A folder's sync does nothing.
    NoFolder,
}

/// The operating system's disk, with a trace of all that it was told below a folder.
#[derive(Debug)]
pub(crate) struct Traced<T> {
    root: PathBuf,
    keeps: Keeps,
    steps: Arc<Mutex<Vec<Step<T>>>>,
}

impl<T> Clone for Traced<T> {
    fn clone(&self) -> Self {
        Self { root: self.root.clone(), keeps: self.keeps, steps: Arc::clone(&self.steps) }
    }
}

#[derive(Debug)]
struct TracedFile<T> {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    disk: Traced<T>,
}

impl<T> Traced<T> {
    pub(crate) fn new(root: &Path, keeps: Keeps) -> Self {
        Self { root: root.to_owned(), keeps, steps: Arc::default() }
    }

    pub(crate) fn say(&self, what: T) {
        self.steps.lock().push(Step::Said(what));
    }

    /// How many steps there are so far.
    pub(crate) fn count(&self) -> usize {
        self.steps.lock().len()
    }

    pub(crate) fn steps(self) -> Vec<Step<T>> {
        std::mem::take(&mut self.steps.lock())
    }

    fn note(&self, path: &Path, step: impl FnOnce(PathBuf) -> Step<T>) {
        // What is above is the tester's own.
        if let Ok(path) = path.strip_prefix(&self.root) {
            self.steps.lock().push(step(path.to_owned()));
        }
    }

    fn below(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.root).unwrap().to_owned()
    }
}

impl<T: std::fmt::Debug + Send + Sync + 'static> DiskFile for TracedFile<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.disk.note(&self.path, |path| Step::Write(path, bytes.to_vec()));
        self.file.write(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        let lies = match self.disk.keeps {
            Keeps::NoFile => true,
            Keeps::NoSegment => self.path.extension().is_some_and(|extension| extension == "seg"),
            Keeps::All | Keeps::NoFolder => false,
        };
        if !lies {
            self.disk.note(&self.path, Step::Sync);
        }
        Ok(())
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.disk.note(&self.path, |path| Step::Cut(path, length));
        self.file.cut(length)
    }
}

impl<T: std::fmt::Debug + Send + Sync + 'static> Disk for Traced<T> {
    fn make_folder(&self, folder: &Path, readers: Readers) -> io::Result<()> {
        let mut missing: Vec<_> = folder.ancestors().take_while(|folder| !folder.is_dir()).collect();
        missing.reverse();
        for folder in missing {
            self.note(folder, Step::Folder);
        }
        OsDisk.make_folder(folder, readers)
    }

    fn create(&self, file: &Path, readers: Readers) -> io::Result<Box<dyn DiskFile>> {
        let made = OsDisk.create(file, readers)?;
        self.note(file, Step::Create);
        Ok(Box::new(TracedFile { file: made, path: file.to_owned(), disk: self.clone() }))
    }

    fn append(&self, file: &Path) -> io::Result<Box<dyn DiskFile>> {
        let (path, disk) = (file.to_owned(), self.clone());
        Ok(Box::new(TracedFile { file: OsDisk.append(file)?, path, disk }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.note(from, |from| Step::Rename(from, self.below(to)));
        OsDisk.rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        OsDisk.link(from, to)?;
        self.note(from, |from| Step::Link(from, self.below(to)));
        Ok(())
    }

    fn remove(&self, file: &Path) -> io::Result<()> {
        self.note(file, Step::Remove);
        OsDisk.remove(file)
    }

    fn overwrite(&self, file: &Path) -> io::Result<()> {
        if file.is_file() {
            self.note(file, Step::Overwrite);
            self.note(file, Step::Sync);
        }
        OsDisk.overwrite(file)
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        self.note(folder, Step::Remove);
        OsDisk.remove_folder(folder)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        if self.keeps != Keeps::NoFolder {
            self.note(folder, Step::SyncFolder);
        }
        Ok(())
    }
}

/// A small generator: the same states for the same seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// What becomes of what was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The power failed: nothing of it is there.
    Nothing,
    /// The program was killed: all of it is.
    All,
    /// Some of it, as this seed says.
    Some(u64),
}

/// A file or a folder, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    File(usize),
    Folder(usize),
}

#[derive(Debug, Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Cut(usize),
}

#[derive(Debug, Clone, Default)]
struct Content {
    synced: Vec<u8>,
    now: Vec<u8>,
    changes: Vec<Change>,
}

type Entries = BTreeMap<OsString, Entry>;

#[derive(Debug, Clone, Default)]
struct Folder {
    synced: Entries,
    now: Entries,
    /// Each is carried out whole or not at all.
    changes: Vec<Vec<(OsString, Option<Entry>)>>,
}

/// The disk as the operating system sees it, and as it is.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    files: Vec<Content>,
    folders: Vec<Folder>,
}

/// What is on a disk: folders and files by their paths.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Tree {
    pub(crate) folders: Vec<PathBuf>,
    pub(crate) files: Vec<(PathBuf, Vec<u8>)>,
}

fn split(path: &Path) -> (PathBuf, OsString) {
    (path.parent().unwrap().to_owned(), path.file_name().unwrap().to_owned())
}

impl Model {
    pub(crate) fn new() -> Self {
        Self { files: Vec::new(), folders: vec![Folder::default()] }
    }

    /// A disk with this on it, all of it synced.
    pub(crate) fn of(tree: &Tree) -> Self {
        let mut model = Self::new();
        // A folder comes before what is in it.
        for folder in &tree.folders {
            model.apply::<()>(&Step::Folder(folder.clone()));
        }
        for (path, bytes) in &tree.files {
            model.apply::<()>(&Step::Create(path.clone()));
            model.apply::<()>(&Step::Write(path.clone(), bytes.clone()));
        }
        for file in &mut model.files {
            file.synced.clone_from(&file.now);
            file.changes.clear();
        }
        for folder in &mut model.folders {
            folder.synced.clone_from(&folder.now);
            folder.changes.clear();
        }
        model
    }

    fn entry(&self, path: &Path) -> Option<Entry> {
        let mut entry = Entry::Folder(0);
        for name in path {
            let Entry::Folder(folder) = entry else { return None };
            entry = *self.folders[folder].now.get(name)?;
        }
        Some(entry)
    }

    fn folder(&mut self, path: &Path) -> &mut Folder {
        let Some(Entry::Folder(folder)) = self.entry(path) else { panic!("no folder {}", path.display()) };
        &mut self.folders[folder]
    }

    fn file(&mut self, path: &Path) -> &mut Content {
        let Some(Entry::File(file)) = self.entry(path) else { panic!("no file {}", path.display()) };
        &mut self.files[file]
    }

    fn change(&mut self, folder: &Path, changes: Vec<(OsString, Option<Entry>)>) {
        let folder = self.folder(folder);
        for (name, entry) in &changes {
            match entry {
                Some(entry) => folder.now.insert(name.clone(), *entry),
                None => folder.now.remove(name),
            };
        }
        folder.changes.push(changes);
    }

    pub(crate) fn apply<T>(&mut self, step: &Step<T>) {
        match step {
            Step::Folder(path) => {
                self.folders.push(Folder::default());
                let (folder, name) = split(path);
                let new = Entry::Folder(self.folders.len() - 1);
                self.change(&folder, vec![(name, Some(new))]);
            }
            Step::Create(path) => {
                self.files.push(Content::default());
                let (folder, name) = split(path);
                let new = Entry::File(self.files.len() - 1);
                self.change(&folder, vec![(name, Some(new))]);
            }
            Step::Write(path, bytes) => {
                let file = self.file(path);
                file.changes.push(Change::Write(file.now.len(), bytes.clone()));
                file.now.extend_from_slice(bytes);
            }
            Step::Cut(path, length) => {
                let file = self.file(path);
                file.changes.push(Change::Cut(*length as usize));
                file.now.truncate(*length as usize);
            }
            Step::Sync(path) => {
                let file = self.file(path);
                file.synced = file.now.clone();
                file.changes.clear();
            }
            Step::Rename(from, to) => {
                let entry = self.entry(from);
                let ((folder, from), (other, to)) = (split(from), split(to));
                assert_eq!(folder, other, "only within a folder is this one step");
                self.change(&folder, vec![(from, None), (to, entry)]);
            }
            Step::Link(from, to) => {
                let entry = self.entry(from);
                let (folder, name) = split(to);
                self.change(&folder, vec![(name, entry)]);
            }
            Step::Remove(path) => {
                if self.entry(path).is_some() {
                    let (folder, name) = split(path);
                    self.change(&folder, vec![(name, None)]);
                }
            }
            Step::Overwrite(path) => {
                let file = self.file(path);
                let zeros = vec![0; file.now.len()];
                file.changes.push(Change::Write(0, zeros.clone()));
                file.now = zeros;
            }
            Step::SyncFolder(path) => {
                let folder = self.folder(path);
                folder.synced = folder.now.clone();
                folder.changes.clear();
            }
            Step::Said(_) => {}
        }
    }

    /// Whether anything was not synced.
    pub(crate) fn is_pending(&self) -> bool {
        self.files.iter().any(|file| !file.changes.is_empty())
            || self.folders.iter().any(|folder| !folder.changes.is_empty())
    }

    /// What is there after the end.
    pub(crate) fn after(&self, fate: Fate) -> Tree {
        let seed = match fate {
            Fate::Some(seed) => seed,
            Fate::Nothing | Fate::All => 0,
        };
        let mut random = Random(seed);
        // Sometimes nearly all of it is there, sometimes nearly nothing.
        let likely = [1, 4, 8, 12, 15][random.below(5) as usize];
        let mut tree = Tree::default();
        self.gather(0, Path::new(""), fate, likely, &mut random, &mut tree);
        tree
    }

    fn gather(
        &self,
        folder: usize,
        path: &Path,
        fate: Fate,
        likely: u64,
        random: &mut Random,
        tree: &mut Tree,
    ) {
        let folder = &self.folders[folder];
        let mut entries = folder.synced.clone();
        for changes in &folder.changes {
            let there = match fate {
                Fate::Nothing => false,
                Fate::All => true,
                Fate::Some(_) => random.below(16) < likely,
            };
            for (name, entry) in changes.iter().filter(|_| there) {
                match entry {
                    Some(entry) => entries.insert(name.clone(), *entry),
                    None => entries.remove(name),
                };
            }
        }
        for (name, entry) in entries {
            let path = path.join(name);
            match entry {
                Entry::Folder(number) => {
                    tree.folders.push(path.clone());
                    self.gather(number, &path, fate, likely, random, tree);
                }
                Entry::File(number) => {
                    let bytes = self.files[number].after(fate, likely, random);
                    tree.files.push((path, bytes));
                }
            }
        }
    }
}

impl Content {
    fn after(&self, fate: Fate, likely: u64, random: &mut Random) -> Vec<u8> {
        match fate {
            Fate::Nothing => return self.synced.clone(),
            Fate::All => return self.now.clone(),
            Fate::Some(_) => {}
        }
        let mut bytes = self.synced.clone();
        for change in &self.changes {
            match change {
                Change::Cut(length) => {
                    if random.below(16) < likely {
                        bytes.truncate(*length);
                    }
                }
                Change::Write(at, written) => {
                    let mut begin = *at;
                    while begin < at + written.len() {
                        let end = ((begin / SECTOR + 1) * SECTOR).min(at + written.len());
                        let sector = &written[begin - at..end - at];
                        if random.below(16) < likely {
                            // Now and then a part of the sector alone.
                            let torn = random.below(8) == 0;
                            let length =
                                if torn { random.below(sector.len() as u64) as usize } else { sector.len() };
                            if bytes.len() < begin + length {
                                bytes.resize(begin + length, 0);
                            }
                            bytes[begin..begin + length].copy_from_slice(&sector[..length]);
                        } else if random.below(16) == 0 {
                            // What was there before belonged to somebody else.
                            if bytes.len() < end {
                                bytes.resize(end, 0);
                            }
                            bytes[begin..end].fill_with(|| random.next() as u8);
                        }
                        begin = end;
                    }
                }
            }
        }
        // The length may have come first.
        if random.below(4) == 0 && bytes.len() < self.now.len() {
            bytes.resize(self.now.len(), 0);
        }
        bytes
    }
}

impl Tree {
    pub(crate) fn write(&self, root: &Path) {
        use std::io::Write;
        use std::os::unix::fs::OpenOptionsExt;
        for folder in &self.folders {
            std::fs::create_dir(root.join(folder)).unwrap();
        }
        for (path, bytes) in &self.files {
            let mut options = std::fs::OpenOptions::new();
            let mut file = options.write(true).create_new(true).mode(0o600).open(root.join(path)).unwrap();
            file.write_all(bytes).unwrap();
        }
    }
}
