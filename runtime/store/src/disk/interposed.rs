//! The operating system's files with somebody between: what a test does to a disk, or finds out of it.
//!
//! An [`Interposer`] is asked before each step, and told of each that was done; all else stands here once. Nothing but tests
//! and benchmarks makes one.

use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Disk, DiskFile, OsDisk, Readers};

/// Something that a disk is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// [`Disk::make_folder`].
    MakeFolder(&'a Path),
    /// [`Disk::create`].
    Create(&'a Path),
    /// [`Disk::append`].
    Append(&'a Path),
    /// [`Disk::rename`], from and to.
    Rename(&'a Path, &'a Path),
    /// [`Disk::link`], from and to.
    Link(&'a Path, &'a Path),
    /// [`Disk::remove`].
    Remove(&'a Path),
    /// [`Disk::overwrite`].
    Overwrite(&'a Path),
    /// [`Disk::remove_folder`].
    RemoveFolder(&'a Path),
    /// [`Disk::sync_folder`].
    SyncFolder(&'a Path),
    /// [`DiskFile::write`] on this file.
    Write(&'a Path, &'a [u8]),
    /// [`DiskFile::sync`] on this file.
    Sync(&'a Path),
    /// [`DiskFile::cut`] on this file.
    Cut(&'a Path, u64),
}

/// What becomes of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// It is done.
    Do,
    /// It is said to be done, and is not. A file that is made or opened is so all the same: there would be nothing to give.
    Pretend,
}

/// Who stands between a program and the operating system's files.
pub trait Interposer: Debug + Send + Sync + 'static {
    /// Asked before each step; an error is the step's.
    fn before(&self, _step: Step<'_>) -> io::Result<Then> {
        Ok(Then::Do)
    }

    /// Told of each step that was done.
    fn after(&self, _step: Step<'_>) {}
}

/// The operating system's files, with somebody between.
pub fn interposed<T: Interposer>(between: &Arc<T>) -> Arc<dyn Disk> {
    Arc::new(Interposed { between: Arc::clone(between) })
}

#[derive(Debug)]
struct Interposed<T> {
    between: Arc<T>,
}

#[derive(Debug)]
struct InterposedFile<T> {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    between: Arc<T>,
}

fn through<T: Interposer>(
    between: &T,
    step: Step<'_>,
    work: impl FnOnce() -> io::Result<()>,
) -> io::Result<()> {
    match between.before(step)? {
        Then::Do => {
            work()?;
            between.after(step);
            Ok(())
        }
        Then::Pretend => Ok(()),
    }
}

impl<T: Interposer> Interposed<T> {
    fn open(
        &self,
        step: Step<'_>,
        path: &Path,
        work: impl FnOnce() -> io::Result<Box<dyn DiskFile>>,
    ) -> io::Result<Box<dyn DiskFile>> {
        self.between.before(step)?;
        let file = work()?;
        self.between.after(step);
        Ok(Box::new(InterposedFile { file, path: path.to_owned(), between: Arc::clone(&self.between) }))
    }
}

impl<T: Interposer> Disk for Interposed<T> {
    fn make_folder(&self, folder: &Path, readers: Readers) -> io::Result<()> {
        through(&*self.between, Step::MakeFolder(folder), || OsDisk.make_folder(folder, readers))
    }

    fn create(&self, file: &Path, readers: Readers) -> io::Result<Box<dyn DiskFile>> {
        self.open(Step::Create(file), file, || OsDisk.create(file, readers))
    }

    fn append(&self, file: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.open(Step::Append(file), file, || OsDisk.append(file))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        through(&*self.between, Step::Rename(from, to), || OsDisk.rename(from, to))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        through(&*self.between, Step::Link(from, to), || OsDisk.link(from, to))
    }

    fn remove(&self, file: &Path) -> io::Result<()> {
        through(&*self.between, Step::Remove(file), || OsDisk.remove(file))
    }

    fn overwrite(&self, file: &Path) -> io::Result<()> {
        through(&*self.between, Step::Overwrite(file), || OsDisk.overwrite(file))
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        through(&*self.between, Step::RemoveFolder(folder), || OsDisk.remove_folder(folder))
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        through(&*self.between, Step::SyncFolder(folder), || OsDisk.sync_folder(folder))
    }
}

impl<T: Interposer> DiskFile for InterposedFile<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Self { file, path, between } = self;
        through(&**between, Step::Write(path, bytes), || file.write(bytes))
    }

    fn sync(&mut self) -> io::Result<()> {
        let Self { file, path, between } = self;
        through(&**between, Step::Sync(path), || file.sync())
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        let Self { file, path, between } = self;
        through(&**between, Step::Cut(path, length), || file.cut(length))
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;

    /// Nothing becomes durable, and nothing is removed, on a disk that says it is.
    #[derive(Debug, Default)]
    struct Odd {
        done: Mutex<Vec<String>>,
    }

    impl Interposer for Odd {
        fn before(&self, step: Step<'_>) -> io::Result<Then> {
            if matches!(step, Step::Sync(_)) {
                return Err(io::Error::other("the disk is gone"));
            }
            Ok(if matches!(step, Step::Remove(_)) { Then::Pretend } else { Then::Do })
        }

        fn after(&self, step: Step<'_>) {
            let word = format!("{step:?}");
            self.done.lock().push(word.split('(').next().unwrap().to_owned());
        }
    }

    #[test]
    fn a_step_is_done_and_told_or_fails_or_is_only_said_to_be_done() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        let odd = Arc::new(Odd::default());
        let disk = interposed(&odd);
        let mut file = disk.create(&one, Readers::Owner).unwrap();
        file.write(b"written").unwrap();
        assert!(file.sync().is_err());
        disk.remove(&one).unwrap();
        disk.rename(&one, &two).unwrap();
        assert_eq!(std::fs::read(&two).unwrap(), b"written");
        assert_eq!(*odd.done.lock(), ["Create", "Write", "Rename"]);
    }
}
