//! A tenant's folder of keys: what its files are called and how they are written, read and destroyed.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use parloir_contract::TenantId;
use zeroize::Zeroize;

use super::rows::{self, Kept};
use super::{Gone, KeyError, RowKey, Secret};
use crate::disk::{Disk, Readers, destroy, settle, write_whole};

const KEY_VERSION: u8 = 1;
/// The largest file of keys that is read, in bytes.
pub(super) const MAX_FILE: u64 = 1 << 30;
/// How often the key of the rows is looked for again because another was put in its place meanwhile.
const MAX_TRIES: usize = 16;
/// The number of a tenant's first key of rows.
const FIRST_ROWS: u32 = 1;

/// What a key file is for.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Epoch,
    Log,
    /// The log's next key, made ahead.
    NextLog,
    /// The key of the key book of an epoch.
    Book(u32),
}

impl Kind {
    const fn magic(self) -> &'static [u8; 15] {
        match self {
            Self::Epoch => b"parloir-epoch-k",
            Self::Log | Self::NextLog => b"parloir-log-key",
            Self::Book(_) => b"parloir-book-ke",
        }
    }

    fn prefix(self) -> String {
        match self {
            Self::Epoch => "epoch-".to_owned(),
            Self::Log => "log-".to_owned(),
            Self::NextLog => "log-next-".to_owned(),
            Self::Book(epoch) => format!("book-{epoch:08}-"),
        }
    }

    fn missing(self, tenant: &TenantId, number: u32) -> KeyError {
        let tenant = tenant.clone();
        match self {
            Self::Epoch => KeyError::Missing { tenant, epoch: number },
            Self::Book(epoch) => KeyError::Missing { tenant, epoch },
            Self::Log | Self::NextLog => KeyError::MissingLog { tenant, generation: number },
        }
    }
}

/// A tenant's folder of keys.
pub(super) struct Place {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) folder: PathBuf,
    pub(super) tenant: TenantId,
    /// Held by whoever has a draft, or clears them.
    pub(super) drafts: Arc<Mutex<()>>,
    /// The largest file of keys that is written, in bytes.
    pub(super) most: u64,
}

impl Place {
    pub(super) fn path(&self, kind: Kind, number: u32) -> PathBuf {
        self.folder.join(format!("{}{number:08}.key", kind.prefix()))
    }

    /// The numbers of the keys of a kind that are in the folder, in order.
    pub(super) fn numbers(&self, kind: Kind) -> Result<Vec<u32>, KeyError> {
        self.numbered(&kind.prefix(), ".key")
    }

    /// The numbers of the files whose names begin and end so, in order.
    pub(super) fn numbered(&self, prefix: &str, suffix: &str) -> Result<Vec<u32>, KeyError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let mut numbers = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            let digits = name.to_str().and_then(|name| name.strip_prefix(prefix)?.strip_suffix(suffix));
            numbers.extend(digits.and_then(|digits| digits.parse::<u32>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Whether there is any key.
    pub(super) fn has_keys(&self) -> Result<bool, KeyError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        for entry in entries {
            if entry?.path().extension().is_some_and(|extension| extension == "key") {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A whole file; `None` where there is none.
    pub(super) fn file(&self, path: &std::path::Path) -> Result<Option<Vec<u8>>, KeyError> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let metadata = file.metadata()?;
        if metadata.mode() & 0o077 != 0 {
            return Err(KeyError::Exposed { file: path.display().to_string() });
        }
        // In one go: a buffer that grew would leave copies of what is in it.
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len().min(MAX_FILE)).unwrap_or(0) + 1);
        file.take(MAX_FILE).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// Refuses what could not be read back.
    pub(super) fn fits(&self, path: &std::path::Path, length: u64) -> Result<(), KeyError> {
        if length > self.most {
            return Err(KeyError::TooLarge { file: path.display().to_string(), length, max: self.most });
        }
        Ok(())
    }

    pub(super) fn read(&self, kind: Kind, number: u32) -> Result<Secret, KeyError> {
        let path = self.path(kind, number);
        let mut bytes = self.file(&path)?.ok_or_else(|| kind.missing(&self.tenant, number))?;
        let damaged = |what| KeyError::Damaged { file: path.display().to_string(), what };
        let rest = bytes.strip_prefix(kind.magic().as_slice()).ok_or_else(|| damaged("it is no key file"))?;
        let (version, rest) = rest.split_first().ok_or_else(|| damaged("it is cut short"))?;
        if *version != KEY_VERSION {
            return Err(damaged("it is of a version this program does not know"));
        }
        let (key, crc) = rest.split_first_chunk::<32>().ok_or_else(|| damaged("it is cut short"))?;
        if crc != crc32fast::hash(key).to_le_bytes() {
            return Err(damaged("its checksum differs"));
        }
        let secret = Secret::from_bytes(*key);
        bytes.zeroize();
        Ok(secret)
    }

    /// Makes a key, durably. Where somebody else does so at the same moment, theirs stands.
    pub(super) fn make(&self, kind: Kind, number: u32) -> Result<Secret, KeyError> {
        self.make_folder()?;
        let secret = Secret::random()?;
        let mut bytes = kind.magic().to_vec();
        bytes.push(KEY_VERSION);
        bytes.extend_from_slice(secret.expose());
        bytes.extend_from_slice(&crc32fast::hash(secret.expose()).to_le_bytes());
        self.put(&self.path(kind, number), &mut bytes)?;
        self.read(kind, number)
    }

    pub(super) fn make_folder(&self) -> Result<(), KeyError> {
        self.disk.make_folder(&self.folder, Readers::Owner)?;
        settle(&*self.disk, &self.folder, 1)?;
        Ok(())
    }

    /// Writes a file of secrets under a name of its own until it is whole and durable; then it takes the real one, unless
    /// that is taken.
    fn put(&self, path: &std::path::Path, bytes: &mut Vec<u8>) -> Result<(), KeyError> {
        if let Err(error) = self.fits(path, bytes.len() as u64) {
            bytes.zeroize();
            return Err(error);
        }
        let _one_draft = self.drafts.lock();
        let mut unique = [0; 8];
        getrandom::fill(&mut unique).map_err(|error| KeyError::NoRandomness(error.to_string()))?;
        let draft = self.folder.join(format!("draft-{:016x}", u64::from_le_bytes(unique)));
        let written = (|| {
            let mut file = self.disk.create(&draft, Readers::Owner)?;
            file.write(bytes)?;
            file.sync()?;
            match self.disk.link(&draft, path) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
                Ok(()) | Err(_) => Ok(()),
            }
        })();
        bytes.zeroize();
        let removed = self.disk.remove(&draft);
        written?;
        removed?;
        self.disk.sync_folder(&self.folder)?;
        Ok(())
    }

    /// Destroys what a crash left of keys that were never used: a draft may be a second name of a key that is in use, so
    /// it is not overwritten where it is.
    pub(super) fn clear_drafts(&self) -> Result<(), KeyError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let _no_draft = self.drafts.lock();
        let mut any = false;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let is_draft =
                name.to_str().is_some_and(|name| name.starts_with("draft-") || name.ends_with(".part"));
            if is_draft {
                any = true;
                if entry.metadata()?.nlink() == 1 {
                    self.disk.overwrite(&entry.path())?;
                }
                self.disk.remove(&entry.path())?;
            }
        }
        if any {
            self.disk.sync_folder(&self.folder)?;
        }
        Ok(())
    }

    pub(super) fn destroy(&self, kind: Kind, number: u32) -> Result<(), KeyError> {
        Ok(destroy(&*self.disk, &self.path(kind, number))?)
    }

    /// Gives a log's next key that was made ahead the name of one that signs, durably. Whether there was one.
    pub(super) fn promote(&self, generation: u32) -> Result<bool, KeyError> {
        let ahead = self.path(Kind::NextLog, generation);
        if !ahead.exists() {
            return Ok(false);
        }
        // One that is damaged signs nothing.
        self.read(Kind::NextLog, generation)?;
        self.disk.rename(&ahead, &self.path(Kind::Log, generation))?;
        self.disk.sync_folder(&self.folder)?;
        Ok(true)
    }

    fn rows_path(&self, number: u32) -> PathBuf {
        self.folder.join(format!("store-{number:08}.key"))
    }

    /// The key of the tenant's rows, made if need be. One that it replaced, and a crash left, is left alone: only who has the
    /// journal knows that it is of no use any more.
    pub(super) fn rows(&self) -> Result<Kept, KeyError> {
        for _ in 0..MAX_TRIES {
            let Some(present) = self.numbered("store-", ".key")?.pop() else {
                self.make_folder()?;
                self.put(&self.rows_path(FIRST_ROWS), &mut Kept::random()?.bytes())?;
                continue;
            };
            let path = self.rows_path(present);
            // Another may have taken its place meanwhile.
            let Some(mut bytes) = self.file(&path)? else { continue };
            let damaged = |what| KeyError::Damaged { file: path.display().to_string(), what };
            let kept = Kept::parse(&bytes).map_err(damaged);
            rows::forget(&mut bytes);
            return kept;
        }
        Err(KeyError::Io(format!("the key of the rows of {} is replaced all the time", self.tenant)))
    }

    /// Puts another key of the tenant's rows in place of the present one, where there is another, and destroys all but the
    /// last. Whatever fails, `key` is what the next start will read. Only for who has the journal.
    pub(super) fn replace_rows(&self, key: &RowKey, kept: Option<Kept>) -> Result<(), KeyError> {
        // A draft of an earlier one would still open what is taken out now.
        self.clear_drafts()?;
        let mut numbers = self.numbered("store-", ".key")?;
        if let Some(kept) = kept {
            let next = numbers.last().map_or(FIRST_ROWS, |last| last.saturating_add(1));
            let path = self.rows_path(next);
            let put = self.put(&path, &mut kept.bytes());
            if path.exists() {
                key.become_(kept);
            }
            put?;
        } else {
            numbers.pop();
        }
        for old in numbers {
            destroy(&*self.disk, &self.rows_path(old))?;
        }
        Ok(())
    }

    /// Refuses to have these rows taken out of the key of the tenant's rows where what is left of it could not be read back.
    pub(super) fn rows_fit(&self, key: &RowKey, gone: &[Gone]) -> Result<(), KeyError> {
        // Of most erasures there is no need to work out what is left.
        if key.most_without(gone) <= self.most {
            return Ok(());
        }
        let next = self.numbered("store-", ".key")?.pop().map_or(FIRST_ROWS, |last| last.saturating_add(1));
        self.fits(&self.rows_path(next), key.length_without(gone)?)
    }

    /// Writes a file whole and durably, in place of any of its name.
    pub(super) fn write(&self, path: &std::path::Path, bytes: &[u8]) -> Result<(), KeyError> {
        self.fits(path, bytes.len() as u64)?;
        self.make_folder()?;
        let _one_draft = self.drafts.lock();
        Ok(write_whole(&*self.disk, path, bytes, Readers::Owner)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_read_back_is_not_written() {
        let path = std::path::Path::new("keys/cabinet/erased");
        let place = Place {
            disk: Arc::new(crate::disk::OsDisk),
            folder: "keys/cabinet".into(),
            tenant: "cabinet".parse().unwrap(),
            drafts: Arc::default(),
            most: MAX_FILE,
        };
        assert!(place.fits(path, MAX_FILE).is_ok());
        let error = place.fits(path, MAX_FILE + 1).unwrap_err();
        assert!(error.to_string().contains("nothing was changed"), "{error}");
    }
}
