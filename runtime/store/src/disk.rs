//! How files that must survive a power cut are written: every change of the journal's segments, of the signed log and
//! of the keys goes through a [`Disk`].
//!
//! One that writes down what it is told, in order, lets a test rebuild every state that a power cut may leave:
//! what was not synced may be there, in part, or not at all. Reading is no part of it.

pub mod interposed;

use std::fmt::Debug;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Who may read a file or a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Its owner alone: keys, and whatever holds contents, sealed or not.
    Owner,
    /// Whoever the system lets: what is meant to be served.
    Anyone,
}

/// What a file system keeps whole: it makes room for all of it, or for none.
const PAGE: usize = 4_096;
const ZEROS: [u8; PAGE] = [0; PAGE];

/// A file that is being written.
pub trait DiskFile: Debug + Send {
    /// Appends bytes.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Appends so many zeros: where the file system can, they take no room.
    fn skip(&mut self, length: u64) -> io::Result<()> {
        let mut left = length;
        while left > 0 {
            let part = left.min(PAGE as u64);
            self.write(ZEROS.get(..part as usize).unwrap_or_default())?;
            left -= part;
        }
        Ok(())
    }
    /// Returns when all that was written, and the file's length, is durable.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the file off at a length in bytes.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

/// Where files are written. What is done in a folder (a file made, renamed, removed) is durable after
/// [`Disk::sync_folder`] on it, and not before.
pub trait Disk: Debug + Send + Sync + 'static {
    /// Makes a folder and those above it, where they are missing.
    fn make_folder(&self, folder: &Path, readers: Readers) -> io::Result<()>;
    /// Makes a file; one that is there already is an error.
    fn create(&self, file: &Path, readers: Readers) -> io::Result<Box<dyn DiskFile>>;
    /// Opens a file at its end.
    fn append(&self, file: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Gives a file another name, in place of whatever has that.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Gives a file a second name; an error where there is one of that name.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file. That there is none is no error.
    fn remove(&self, file: &Path) -> io::Result<()>;
    /// Overwrites every byte of a file with zeros, durably; its name and its length stay. That there is none is no error.
    fn overwrite(&self, file: &Path) -> io::Result<()>;
    /// Removes a folder with all in it. That there is none is no error.
    fn remove_folder(&self, folder: &Path) -> io::Result<()>;
    /// Makes what was done in a folder durable.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
}

/// The operating system's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OsDisk;

impl DiskFile for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn skip(&mut self, length: u64) -> io::Result<()> {
        // What is appended next comes after it.
        self.set_len(self.metadata()?.len().saturating_add(length))
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

fn missing_is_well(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

impl Disk for OsDisk {
    fn make_folder(&self, folder: &Path, readers: Readers) -> io::Result<()> {
        let mode = match readers {
            Readers::Owner => 0o700,
            Readers::Anyone => 0o755,
        };
        DirBuilder::new().recursive(true).mode(mode).create(folder)
    }

    fn create(&self, file: &Path, readers: Readers) -> io::Result<Box<dyn DiskFile>> {
        let mode = match readers {
            Readers::Owner => 0o600,
            Readers::Anyone => 0o644,
        };
        Ok(Box::new(OpenOptions::new().append(true).create_new(true).mode(mode).open(file)?))
    }

    fn append(&self, file: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(OpenOptions::new().append(true).open(file)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn remove(&self, file: &Path) -> io::Result<()> {
        missing_is_well(fs::remove_file(file))
    }

    fn overwrite(&self, file: &Path) -> io::Result<()> {
        let mut open = match OpenOptions::new().write(true).open(file) {
            Ok(open) => open,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let length = open.metadata()?.len();
        io::copy(&mut io::repeat(0).take(length), &mut open)?;
        open.sync_all()
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        missing_is_well(fs::remove_dir_all(folder))
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        // A path of one name has an empty parent, which is the present folder.
        File::open(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })?.sync_all()
    }
}

/// Writes a file whole and durably: a reader, and a start after a power cut, finds what was there before or all of this.
/// Its folder must be there.
pub fn write_whole(disk: &dyn Disk, path: &Path, bytes: &[u8], readers: Readers) -> io::Result<()> {
    write_as_draft(disk, path, readers, |file| file.write(bytes))
}

/// [`write_whole`] of what has many zeros in a row: where the file system can, those take no room.
pub fn write_sparse(disk: &dyn Disk, path: &Path, bytes: &[u8], readers: Readers) -> io::Result<()> {
    let is_blank = |page: &[u8]| page.len() == PAGE && *page == ZEROS;
    let pages: Vec<&[u8]> = bytes.chunks(PAGE).collect();
    write_as_draft(disk, path, readers, |file| {
        pages.chunk_by(|one, next| is_blank(one) == is_blank(next)).try_for_each(|run| {
            match run.first().is_some_and(|page| is_blank(page)) {
                true => file.skip((run.len() * PAGE) as u64),
                false => file.write(&run.concat()),
            }
        })
    })
}

fn write_as_draft(
    disk: &dyn Disk,
    path: &Path,
    readers: Readers,
    write: impl FnOnce(&mut dyn DiskFile) -> io::Result<()>,
) -> io::Result<()> {
    let draft = draft_of(path);
    // One that a crash left.
    disk.remove(&draft)?;
    let mut file = disk.create(&draft, readers)?;
    write(&mut *file)?;
    file.sync()?;
    disk.rename(&draft, path)?;
    disk.sync_folder(path.parent().unwrap_or(Path::new("")))
}

/// Overwrites a file, and removes it, durably. A start after a power cut finds it as it was, or nothing of its name: it is
/// renamed to `….part` first, and what a crash left under that name goes too. That there is none is no error.
pub fn destroy(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    let doomed = draft_of(path);
    let folder = path.parent().unwrap_or(Path::new(""));
    if doomed.exists() {
        disk.overwrite(&doomed)?;
    } else if !path.exists() {
        return Ok(());
    }
    if path.exists() {
        disk.rename(path, &doomed)?;
        // Nothing of its name may be found half overwritten.
        disk.sync_folder(folder)?;
        disk.overwrite(&doomed)?;
    }
    disk.remove(&doomed)?;
    disk.sync_folder(folder)
}

/// What a file is called while it is not whole.
fn draft_of(path: &Path) -> PathBuf {
    let mut draft = path.to_owned().into_os_string();
    draft.push(".part");
    draft.into()
}

/// Makes a folder, and its name in those above it, up to so many of them, durable. A folder that is there may have been
/// made by a program that was killed before it said so to the disk.
pub fn settle(disk: &dyn Disk, folder: &Path, above: usize) -> io::Result<()> {
    disk.sync_folder(folder)?;
    folder.ancestors().skip(1).take(above).try_for_each(|above| match disk.sync_folder(above) {
        // Somebody else's folder: what is in it was not made here.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(()),
        done => done,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    /// A file of which a hole is written as zeros.
    #[derive(Debug)]
    struct Plain(Vec<u8>);

    impl DiskFile for Plain {
        fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
            self.0.extend_from_slice(bytes);
            Ok(())
        }

        fn sync(&mut self) -> io::Result<()> {
            Ok(())
        }

        fn cut(&mut self, length: u64) -> io::Result<()> {
            self.0.truncate(length as usize);
            Ok(())
        }
    }

    #[test]
    fn what_has_zeros_in_a_row_is_read_as_it_was_written_and_takes_no_more_room() {
        let folder = tempfile::tempdir().unwrap();
        let mut bytes = vec![7_u8; 5_000];
        bytes.extend([0; 300_000]);
        bytes.extend([9; 10]);
        for length in [0, 1, PAGE, 5_000, 5_001, 2 * PAGE, 3 * PAGE + 1, 305_000, bytes.len()] {
            let bytes = &bytes[..length];
            let [whole, sparse] = ["whole", "sparse"].map(|name| folder.path().join(name));
            write_whole(&OsDisk, &whole, bytes, Readers::Owner).unwrap();
            write_sparse(&OsDisk, &sparse, bytes, Readers::Owner).unwrap();
            assert!(fs::read(&sparse).unwrap() == bytes, "{length}");
            let room = |path: &Path| fs::metadata(path).unwrap().blocks();
            // Of a few pages a file system may make room for more than there is.
            if length > 300_000 {
                assert!(room(&sparse) < room(&whole), "{length}");
            }
        }
        let mut plain = Plain(vec![1]);
        plain.skip(PAGE as u64 + 3).unwrap();
        assert_eq!((plain.0.len(), plain.0.iter().filter(|byte| **byte == 0).count()), (PAGE + 4, PAGE + 3));
    }
}
