//! The file of a back-up: encrypted to whoever may open it, and under another name until it is whole.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use age::secrecy::ExposeSecret;
use age::stream::{StreamReader, StreamWriter};
use age::{DecryptError, Decryptor, Encryptor};
use zeroize::Zeroizing;

use crate::{BackUpError, RestoreError};

/// The longest file of identities, in bytes.
const MAX_IDENTITIES: u64 = 1 << 20;
/// What is read and written at once, in bytes.
const BUFFER: usize = 256 << 10;

/// Whom a back-up is for: the public side of an identity, `age1…`.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient(age::x25519::Recipient);

impl std::fmt::Debug for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Recipient({self})")
    }
}

impl FromStr for Recipient {
    type Err = BackUpError;

    fn from_str(text: &str) -> Result<Self, BackUpError> {
        let recipient = text.trim().parse().map_err(|_| BackUpError::Recipient(text.trim().to_owned()))?;
        Ok(Self(recipient))
    }
}

impl std::fmt::Display for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.0, f)
    }
}

/// What opens back-ups.
#[derive(Clone)]
pub struct Identities(Vec<age::x25519::Identity>);

impl std::fmt::Debug for Identities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identities({})", self.0.len())
    }
}

impl Identities {
    /// A new identity, as a file of identities has it, and whom to make back-ups for so that it opens them.
    pub fn generate() -> (Zeroizing<String>, Recipient) {
        let identity = age::x25519::Identity::generate();
        let recipient = Recipient(identity.to_public());
        let secret = identity.to_string();
        let text = format!("# recipient: {recipient}\n{}\n", secret.expose_secret());
        (Zeroizing::new(text), recipient)
    }

    /// Reads identities as `age-keygen` writes them: one a line, and comments.
    pub fn parse(text: &str) -> Result<Self, RestoreError> {
        Self::named(text, "the text")
    }

    /// Reads a file of identities.
    pub fn read(path: &Path) -> Result<Self, RestoreError> {
        let mut text = Zeroizing::new(String::new());
        let read = File::open(path).and_then(|file| file.take(MAX_IDENTITIES).read_to_string(&mut text));
        read.map_err(RestoreError::io(path.display()))?;
        Self::named(&text, &path.display().to_string())
    }

    fn named(text: &str, name: &str) -> Result<Self, RestoreError> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let identities: Result<Vec<_>, _> = lines.map(str::parse::<age::x25519::Identity>).collect();
        match identities {
            Ok(identities) if !identities.is_empty() => Ok(Self(identities)),
            Ok(_) | Err(_) => Err(RestoreError::NoIdentity(name.to_owned())),
        }
    }
}

/// A back-up's file while it is written. It has its name when [`Draft::finish`] has returned, and not before; dropped
/// earlier, nothing is left of it.
pub struct Draft {
    path: PathBuf,
    draft: PathBuf,
    replace: bool,
    writer: Option<StreamWriter<BufWriter<File>>>,
}

impl Draft {
    /// Begins a file that these can open, readable by its owner alone. One that is there already is replaced only where that
    /// is said, and one that is being written never. Blocks.
    pub fn begin(path: &Path, recipients: &[Recipient], replace: bool) -> Result<Self, BackUpError> {
        if !replace && path.exists() {
            return Err(BackUpError::Exists(path.to_owned()));
        }
        if recipients.is_empty() {
            return Err(BackUpError::NoRecipient);
        }
        let recipients = recipients.iter().map(|recipient| &recipient.0 as &dyn age::Recipient);
        let sealed = Encryptor::with_recipients(recipients).map_err(|e| BackUpError::Seal(e.to_string()))?;
        let mut draft = path.to_owned().into_os_string();
        draft.push(".part");
        let draft = PathBuf::from(draft);
        clear(&draft, path)?;
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft);
        let file = file.map_err(BackUpError::io(draft.display()))?;
        // Held until it has its name; where the disk knows no locks, `finish` sees whose the draft is.
        let _free_or_unknown = file.try_lock();
        let mut begun = Self { path: path.to_owned(), draft, replace, writer: None };
        let writer = sealed.wrap_output(BufWriter::with_capacity(BUFFER, file));
        begun.writer = Some(writer.map_err(BackUpError::io(begun.draft.display()))?);
        Ok(begun)
    }

    /// Seals it, makes it durable, and gives it its name. Returns its length in bytes. Blocks.
    pub fn finish(mut self) -> Result<u64, BackUpError> {
        let Some(writer) = self.writer.take() else { return Err(BackUpError::Seal("it is closed".into())) };
        let named = || -> io::Result<u64> {
            let file = writer.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.sync_all()?;
            let (ours, there) = (file.metadata()?, fs::metadata(&self.draft)?);
            if (ours.dev(), ours.ino()) != (there.dev(), there.ino()) {
                return Err(io::Error::other("another back-up was begun in its place"));
            }
            name(&self.draft, &self.path, self.replace)?;
            Ok(ours.len())
        };
        let length = named().map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists if !self.replace => BackUpError::Exists(self.path.clone()),
            _ => BackUpError::io(self.path.display())(error),
        })?;
        // Whoever begins the next has a draft of this name: it is not removed with this one.
        self.draft = PathBuf::new();
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let settled = File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all());
        settled.map_err(BackUpError::io(self.path.display()))?;
        Ok(length)
    }
}

/// Gives a draft its name. What came there while it was written is replaced only where that was said.
fn name(draft: &Path, path: &Path, replace: bool) -> io::Result<()> {
    if replace {
        return fs::rename(draft, path);
    }
    match fs::hard_link(draft, path) {
        Ok(()) => fs::remove_file(draft),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        // A disk that knows no second names.
        Err(_) if path.exists() => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(draft, path),
    }
}

/// Removes a draft that a crash left; one that somebody writes stays.
fn clear(draft: &Path, path: &Path) -> Result<(), BackUpError> {
    let left = match File::open(draft) {
        Ok(left) => left,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(BackUpError::io(draft.display())(error)),
    };
    match left.try_lock() {
        Err(TryLockError::WouldBlock) => Err(BackUpError::Busy(path.to_owned())),
        Ok(()) | Err(TryLockError::Error(_)) => {
            fs::remove_file(draft).map_err(BackUpError::io(draft.display()))
        }
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.as_mut().ok_or(io::ErrorKind::NotConnected)?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.as_mut().ok_or(io::ErrorKind::NotConnected)?.flush()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After `finish` it has its name, and no other.
        let _gone_already = fs::remove_file(&self.draft);
    }
}

/// What is in a back-up's file. Blocks.
pub(crate) fn open(
    path: &Path,
    identities: &Identities,
) -> Result<StreamReader<BufReader<File>>, RestoreError> {
    let file = File::open(path).map_err(RestoreError::io(path.display()))?;
    let not_ours = |what: &str| RestoreError::NotOurs { file: path.to_owned(), what: what.to_owned() };
    let damaged = |what: String| RestoreError::Damaged { file: path.to_owned(), what };
    let said = |error: DecryptError| match error {
        DecryptError::NoMatchingKeys => RestoreError::WrongIdentity(path.to_owned()),
        DecryptError::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            RestoreError::Cut(path.to_owned())
        }
        DecryptError::Io(error) => RestoreError::io(path.display())(error),
        DecryptError::InvalidHeader | DecryptError::UnknownFormat => {
            not_ours("it does not begin as a file that age encrypted")
        }
        DecryptError::InvalidMac => damaged("its first lines were changed".into()),
        other => damaged(other.to_string()),
    };
    let decryptor = Decryptor::new_buffered(BufReader::with_capacity(BUFFER, file)).map_err(said)?;
    decryptor.decrypt(identities.0.iter().map(|identity| identity as &dyn age::Identity)).map_err(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finished_leaves_nothing_and_what_is_there_is_not_replaced_unasked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.age");
        let (text, recipient) = Identities::generate();
        let recipients = [recipient.to_string().parse::<Recipient>().unwrap()];
        let mut draft = Draft::begin(&path, &recipients, false).unwrap();
        draft.write_all(b"half").unwrap();
        drop(draft);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let mut draft = Draft::begin(&path, &recipients, false).unwrap();
        draft.write_all(b"whole").unwrap();
        assert!(!path.exists());
        // Whoever begins another meanwhile takes nothing of it.
        assert!(matches!(Draft::begin(&path, &recipients, true), Err(BackUpError::Busy(_))));
        let length = draft.finish().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), length);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(matches!(Draft::begin(&path, &recipients, false), Err(BackUpError::Exists(_))));
        // Nor is what came there while another was written.
        let late = folder.path().join("late.age");
        let draft = Draft::begin(&late, &recipients, false).unwrap();
        fs::write(&late, b"somebody's").unwrap();
        assert!(matches!(draft.finish(), Err(BackUpError::Exists(_))));
        assert_eq!(fs::read(&late).unwrap(), b"somebody's");
        fs::remove_file(&late).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(matches!(Draft::begin(&path, &[], true), Err(BackUpError::NoRecipient)));
        // What a crash left is in nobody's way.
        fs::write(folder.path().join("b.age.part"), b"cut off").unwrap();
        drop(Draft::begin(&path, &recipients, true).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let mut read = Vec::new();
        open(&path, &Identities::parse(&text).unwrap()).unwrap().read_to_end(&mut read).unwrap();
        assert_eq!(read, b"whole");
        let (other, _) = Identities::generate();
        let wrong = open(&path, &Identities::parse(&other).unwrap()).err().unwrap();
        assert!(matches!(wrong, RestoreError::WrongIdentity(_)), "{wrong}");
        for text in ["", "# nothing", "AGE-SECRET-KEY-1NO", &format!("{}x", *text)] {
            assert!(matches!(Identities::parse(text), Err(RestoreError::NoIdentity(_))));
        }
        assert!("age1nobody".parse::<Recipient>().is_err());
    }
}
