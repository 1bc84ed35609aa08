//! Opening a folder, whatever state it was left in.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::StoreError;

/// What sled may keep in memory, in bytes.
const CACHE: u64 = 128 << 20;

/// What had to be done to open a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovery {
    /// Nothing.
    None,
    /// sled's snapshot was damaged; everything was read from its log instead. Nothing is lost.
    WithoutSnapshot {
        /// Where the folder as it was found was copied to.
        copy: PathBuf,
    },
    /// Nothing could be read. The storage is empty: the journal rebuilds its index from its own
    /// files; the rest has to come from a backup.
    StartedEmpty {
        /// Where the folder as it was found was copied to.
        copy: PathBuf,
    },
}

/// An open folder.
pub(super) struct Open {
    pub(super) db: sled::Db,
    /// The database file, for our own `fdatasync`.
    pub(super) file: File,
    pub(super) recovery: Recovery,
    /// Held as long as the folder is in use.
    pub(super) lock: File,
}

/// Why sled did not open.
enum Failure {
    /// What it found is damaged.
    Damaged(String),
    /// It could not look.
    Other(StoreError),
}

pub(super) fn open(folder: &Path) -> Result<Open, StoreError> {
    let inner = folder.join("sled");
    fs::create_dir_all(&inner)?;
    let lock = File::options().create(true).truncate(false).write(true).open(folder.join("lock"))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(StoreError::InUse(folder.display().to_string()));
        }
        Err(TryLockError::Error(error)) => return Err(error.into()),
    }
    let (db, recovery) = recover(folder, &inner)?;
    let file = File::open(inner.join("db"))?;
    file.sync_all()?;
    for folder in [inner.as_path(), folder] {
        File::open(folder)?.sync_all()?;
    }
    if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        File::open(parent)?.sync_all()?;
    }
    Ok(Open { db, file, recovery, lock })
}

fn recover(folder: &Path, inner: &Path) -> Result<(sled::Db, Recovery), StoreError> {
    let what = match sled_open(inner) {
        Ok(db) => return Ok((db, Recovery::None)),
        Err(Failure::Other(error)) => return Err(error),
        Err(Failure::Damaged(what)) => what,
    };
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let copy = folder.join(format!("damaged-{seconds}"));
    copy_folder(inner, &copy)?;
    tracing::error!(%what, copy = %copy.display(), "the storage does not open; it was copied as it is");

    for entry in fs::read_dir(inner)? {
        let path = entry?.path();
        let is_snapshot = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("snap."));
        if is_snapshot {
            fs::remove_file(path)?;
        }
    }
    match sled_open(inner) {
        Ok(db) => {
            tracing::warn!("the storage opened without its snapshot; nothing is lost");
            return Ok((db, Recovery::WithoutSnapshot { copy }));
        }
        Err(Failure::Other(error)) => return Err(error),
        Err(Failure::Damaged(what)) => {
            tracing::error!(%what, "the storage does not open without its snapshot either; it starts empty");
        }
    }
    fs::remove_dir_all(inner)?;
    fs::create_dir_all(inner)?;
    match sled_open(inner) {
        Ok(db) => Ok((db, Recovery::StartedEmpty { copy })),
        Err(Failure::Other(error)) => Err(error),
        Err(Failure::Damaged(what)) => Err(StoreError::Io(what)),
    }
}

/// Opens, and waits a little for an earlier handle of this very program to let go of the file: our own
/// lock says that no other program has the folder, and a held file is not a damaged one.
fn sled_open(inner: &Path) -> Result<sled::Db, Failure> {
    let mut tries = 0;
    loop {
        match try_open(inner) {
            Err(Failure::Damaged(what)) if what.contains("acquire lock") && tries < 100 => tries += 1,
            Err(Failure::Damaged(what)) if what.contains("acquire lock") => {
                return Err(Failure::Other(StoreError::Io(format!(
                    "{what}: stop whatever else holds this file"
                ))));
            }
            opened => return opened,
        }
        #[allow(clippy::disallowed_methods, reason = "the writer's own thread, not an executor's")]
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

fn try_open(inner: &Path) -> Result<sled::Db, Failure> {
    // The writer flushes; a thread of sled's own would only do so a second time.
    let config = sled::Config::new().path(inner).cache_capacity(CACHE).flush_every_ms(None);
    // sled asserts some of what it reads.
    match catch_unwind(AssertUnwindSafe(|| config.open())) {
        Ok(Ok(db)) => Ok(db),
        Ok(Err(error)) => Err(match error {
            sled::Error::Io(error)
                if matches!(
                    error.kind(),
                    ErrorKind::PermissionDenied | ErrorKind::StorageFull | ErrorKind::ReadOnlyFilesystem
                ) =>
            {
                Failure::Other(error.into())
            }
            damaged => Failure::Damaged(damaged.to_string()),
        }),
        Err(_) => Err(Failure::Damaged("sled stopped while reading".into())),
    }
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
            File::open(&target)?.sync_all()?;
        }
    }
    File::open(to)?.sync_all()?;
    Ok(())
}
