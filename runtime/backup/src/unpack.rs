//! Out of a back-up's files into a folder: what no back-up holds is refused, whatever it is called and whatever it is.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parloir_contract::TenantId;
use parloir_journal::of_copy;

use crate::manifest::MAX_MANIFEST;
use crate::{Manifest, ManifestError, Of, RestoreError, TenantPart};

/// What is read at once, in bytes.
const BUFFER: usize = 64 << 10;
/// Bytes that may follow the last file.
const MAX_END: usize = 1 << 20;

/// A file that a back-up may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Member {
    /// What it says of itself.
    Manifest,
    /// The tenants' rows.
    Rows,
    /// Of a tenant's journal, recordings or log.
    Journal(TenantId),
    /// The component of an agent that answered.
    Agent,
    /// A key of a tenant.
    TenantKey(TenantId),
    /// A key that is no tenant's.
    Key,
}

impl Member {
    /// What a path in a back-up is; `None` for what no back-up holds. Nothing that leads out of a folder is anything.
    pub fn parse(path: &str) -> Option<Self> {
        match path {
            "manifest.json" => return Some(Self::Manifest),
            "rows" => return Some(Self::Rows),
            _ => {}
        }
        if let Some(name) = path.strip_prefix("artifacts/") {
            let hex = name.strip_suffix(".wasm")?;
            let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
            return (hex.len() == 64 && hex.bytes().all(is_hex)).then_some(Self::Agent);
        }
        let Some(key) = path.strip_prefix("keys/") else { return of_copy(path).map(Self::Journal) };
        let plain = |name: &str| {
            let alphabet = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
            name.len() <= 64 && name.bytes().all(alphabet) && !name.starts_with(['.', '-'])
        };
        match key.split_once('/') {
            None => (plain(key) && key.ends_with(".key")).then_some(Self::Key),
            Some((tenant, name)) => {
                // Keys, books, and the journal's notes, whose names are words; a draft's has digits.
                let known = name.ends_with(".key")
                    || name.ends_with(".book")
                    || (!name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase()));
                if plain(name) && known { tenant.parse().ok().map(Self::TenantKey) } else { None }
            }
        }
    }
}

/// How far a restore is, and how it is told to stop. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    done: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Progress {
    /// Bytes of the back-up that were read.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Ends it soon: nothing is left of what was begun.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub(crate) fn check(&self) -> Result<(), RestoreError> {
        if self.stop.load(Ordering::Relaxed) { Err(RestoreError::Stopped) } else { Ok(()) }
    }
}

/// What came of one tenant.
#[derive(Default)]
struct Came {
    files: u64,
    segments: u64,
}

/// Unpacks a back-up. `begin` is given what it says of itself, before anything else is read, and says into which folder.
/// Blocks.
pub(crate) fn unpack(
    file: &Path,
    reader: impl Read,
    progress: &Progress,
    begin: impl FnOnce(&Manifest) -> Result<PathBuf, RestoreError>,
) -> Result<Manifest, RestoreError> {
    let bad = |error: io::Error| bad(file, error);
    let stranger = |member: &str, what| RestoreError::Stranger {
        file: file.to_owned(),
        member: member.chars().take(200).collect(),
        what,
    };
    let mut archive = tar::Archive::new(reader);
    // Raw: no name of a file is put together out of several, and none is longer than a header.
    let mut entries = archive.entries().map_err(bad)?.raw(true);
    let not_ours = |what: &str| RestoreError::NotOurs { file: file.to_owned(), what: what.to_owned() };
    let first = entries.next().ok_or_else(|| not_ours("it is empty"))?;
    let manifest = manifest(file, first)?;
    let into = begin(&manifest)?;
    let mut came: HashMap<TenantId, Came> = HashMap::new();
    let mut others = 0;
    for entry in entries {
        progress.check()?;
        let mut entry = entry.map_err(bad)?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if entry.header().entry_type() != tar::EntryType::Regular {
            return Err(stranger(&path, "it is no file"));
        }
        let member = Member::parse(&path).ok_or_else(|| stranger(&path, "it has no name of a back-up's"))?;
        let (of, tenant) = match &member {
            Member::Manifest => return Err(stranger(&path, "it comes twice")),
            Member::Rows => (Of::Data, None),
            Member::Agent => (Of::Data, Some(None)),
            Member::Journal(tenant) => (Of::Data, Some(Some(tenant))),
            Member::Key => (Of::Keys, Some(None)),
            Member::TenantKey(tenant) => (Of::Keys, Some(Some(tenant))),
        };
        if of != manifest.of {
            return Err(stranger(&path, "keys and data are never in one back-up"));
        }
        let length = entry.header().entry_size().map_err(bad)?;
        match tenant {
            None => {}
            Some(None) => others += 1,
            Some(Some(tenant)) if manifest.part(tenant).is_some() => {
                let came = came.entry(tenant.clone()).or_default();
                came.files += 1;
                came.segments += if path.ends_with(".seg") { length } else { 0 };
            }
            Some(Some(_)) => return Err(stranger(&path, "its tenant is not in the list")),
        }
        let place = into.join(path.strip_prefix("keys/").unwrap_or(&path));
        let written = write(&mut entry, &place, of == Of::Keys, path.starts_with("log/"), progress);
        let written = written.map_err(|failed| match failed {
            Failed::Read(error) => bad(error),
            Failed::Written(error) if error.kind() == ErrorKind::AlreadyExists => {
                stranger(&path, "it comes twice")
            }
            Failed::Written(error) => RestoreError::io(place.display())(error),
            Failed::Stopped => RestoreError::Stopped,
        })?;
        if written != length {
            return Err(RestoreError::Cut(file.to_owned()));
        }
    }
    end(archive.into_inner()).map_err(|ended| match ended {
        Some(error) => bad(error),
        None => stranger("", "something follows its end"),
    })?;
    complete(file, &manifest, &came, others)?;
    Ok(manifest)
}

/// What is wrong where a back-up cannot be read.
fn bad(file: &Path, error: io::Error) -> RestoreError {
    match error.kind() {
        ErrorKind::UnexpectedEof => RestoreError::Cut(file.to_owned()),
        _ if error.raw_os_error().is_some() => RestoreError::io(file.display())(error),
        _ => RestoreError::Damaged { file: file.to_owned(), what: error.to_string() },
    }
}

fn manifest<R: Read>(file: &Path, first: io::Result<tar::Entry<'_, R>>) -> Result<Manifest, RestoreError> {
    let not_ours = |what: String| RestoreError::NotOurs { file: file.to_owned(), what };
    let first = match first {
        Ok(first) => first,
        // What was sealed is whole, and is something else.
        Err(error) if error.kind() == ErrorKind::Other && error.raw_os_error().is_none() => {
            return Err(not_ours("what was encrypted is something else".into()));
        }
        Err(error) => return Err(bad(file, error)),
    };
    if *first.path_bytes() != *b"manifest.json" {
        return Err(not_ours("it does not begin with what a back-up says of itself".into()));
    }
    let mut bytes = Vec::new();
    first.take(MAX_MANIFEST).read_to_end(&mut bytes).map_err(|error| bad(file, error))?;
    Manifest::parse(&bytes).map_err(|error| match error {
        ManifestError::NotOurs(what) => not_ours(what),
        newer @ ManifestError::Newer { .. } => RestoreError::Newer { file: file.to_owned(), error: newer },
    })
}

enum Failed {
    Read(io::Error),
    Written(io::Error),
    Stopped,
}

/// Writes a new file. Returns how many bytes there were.
fn write(
    from: &mut impl Read,
    to: &Path,
    is_key: bool,
    is_public: bool,
    progress: &Progress,
) -> Result<u64, Failed> {
    let folder = to.parent().unwrap_or(Path::new(""));
    let mode = if is_key { 0o700 } else { 0o755 };
    DirBuilder::new().recursive(true).mode(mode).create(folder).map_err(Failed::Written)?;
    let mode = if is_public { 0o644 } else { 0o600 };
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(to);
    let mut file: File = file.map_err(Failed::Written)?;
    let (mut buffer, mut written) = (vec![0; BUFFER], 0);
    loop {
        if progress.stop.load(Ordering::Relaxed) {
            return Err(Failed::Stopped);
        }
        let read = match from.read(&mut buffer) {
            Ok(0) => return Ok(written),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(Failed::Read(error)),
        };
        file.write_all(buffer.get(..read).unwrap_or_default()).map_err(Failed::Written)?;
        written += read as u64;
        progress.done.fetch_add(read as u64, Ordering::Relaxed);
    }
}

/// Reads what follows the last file: nothing but zeros, to the very end, which is sealed as an end.
fn end(mut reader: impl Read) -> Result<(), Option<io::Error>> {
    let (mut buffer, mut total) = (vec![0; BUFFER], 0);
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => {
                total += read;
                let rest = buffer.get(..read).unwrap_or_default();
                if total > MAX_END || rest.iter().any(|byte| *byte != 0) {
                    return Err(None);
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(Some(error)),
        }
    }
}

/// Whether all came that the manifest says.
fn complete(
    file: &Path,
    manifest: &Manifest,
    came: &HashMap<TenantId, Came>,
    others: u64,
) -> Result<(), RestoreError> {
    let differs = |what: String| RestoreError::Differs { file: file.to_owned(), what };
    for TenantPart { tenant, files, bytes, .. } in &manifest.tenants {
        let nothing = Came::default();
        let Came { files: came_files, segments } = came.get(tenant).unwrap_or(&nothing);
        if came_files != files || segments != bytes {
            return Err(differs(format!(
                "{came_files} file(s) and {segments} bytes of segments of tenant {tenant}, where {files} and {bytes} were to be"
            )));
        }
    }
    if others != manifest.others {
        return Err(differs(format!("{others} other file(s), where {} were to be", manifest.others)));
    }
    Ok(())
}

/// Removes the file of rows from what was unpacked: they are in the storage.
pub(crate) fn remove_rows(folder: &Path) -> io::Result<()> {
    fs::remove_file(folder.join("rows"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_members_name_is_one_of_few_and_leads_nowhere_else() {
        let hex = "0123456789abcdef".repeat(4);
        let tenant: TenantId = "cabinet".parse().unwrap();
        let own = [
            ("manifest.json".to_owned(), Member::Manifest),
            ("rows".into(), Member::Rows),
            (format!("artifacts/{hex}.wasm"), Member::Agent),
            ("journal/cabinet/00000001.seg".into(), Member::Journal(tenant.clone())),
            ("keys/artifacts.key".into(), Member::Key),
            ("keys/cabinet/epoch-202611001.key".into(), Member::TenantKey(tenant.clone())),
            ("keys/cabinet/erased".into(), Member::TenantKey(tenant.clone())),
            ("keys/cabinet/signing".into(), Member::TenantKey(tenant)),
        ];
        for (path, member) in own {
            assert_eq!(Member::parse(&path), Some(member), "{path}");
        }
        let others = [
            "../manifest.json",
            "/rows",
            "rows/",
            "artifacts/../../x.wasm",
            "artifacts/1.wasm",
            "keys/../data/x.key",
            "keys/cabinet/../x.key",
            "keys/cabinet/draft-0123",
            "keys/cabinet/.key",
            "keys/control.sock",
            "keys//x.key",
            "keys/cabinet/a/b.key",
            "",
        ];
        for path in others {
            assert_eq!(Member::parse(path), None, "{path}");
        }
    }

    /// A tar whose first file says what it says of itself.
    fn tar(manifest: &Manifest, more: impl FnOnce(&mut tar::Builder<Vec<u8>>)) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        put(&mut tar, "manifest.json", &manifest.bytes(), tar::EntryType::Regular);
        more(&mut tar);
        tar.into_inner().unwrap()
    }

    fn put(tar: &mut tar::Builder<Vec<u8>>, path: &str, bytes: &[u8], kind: tar::EntryType) {
        let mut header = tar::Header::new_ustar();
        // As somebody writes it who means harm: the crate's own functions refuse to.
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o777);
        if kind != tar::EntryType::Regular {
            header.as_mut_bytes()[157..157 + 11].copy_from_slice(b"/etc/passwd");
        }
        header.set_cksum();
        tar.append(&header, bytes).unwrap();
    }

    fn of_cabinet(files: u64, bytes: u64) -> Manifest {
        let part = TenantPart {
            tenant: "cabinet".parse().unwrap(),
            calls: 0,
            files,
            bytes,
            rows: 0,
            size: 0,
            root: String::new(),
        };
        Manifest::new(Of::Data, vec![part], 0)
    }

    #[test]
    fn a_back_up_made_to_do_harm_writes_nothing_outside_its_folder() {
        use tar::EntryType::{Directory, Fifo, GNULongName, Link, Regular, Symlink};
        let segment = "journal/cabinet/00000001.seg";
        let harmful: [(&str, tar::EntryType); 13] = [
            ("../outside", Regular),
            ("journal/cabinet/../../../outside", Regular),
            ("/tmp/outside", Regular),
            ("journal/stranger/00000001.seg", Regular),
            ("keys/cabinet/epoch-00000001.key", Regular),
            ("manifest.json", Regular),
            ("store/sled/db", Regular),
            (segment, Symlink),
            (segment, Link),
            (segment, Directory),
            (segment, Fifo),
            ("././@LongLink", GNULongName),
            ("rows\u{202e}", Regular),
        ];
        for (path, kind) in harmful {
            let folder = tempfile::tempdir().unwrap();
            let into = folder.path().join("into");
            let bytes = tar(&of_cabinet(1, 3), |tar| {
                put(tar, path, if kind == Regular { b"bad" } else { b"" }, kind);
            });
            let refused = unpack(Path::new("x.age"), bytes.as_slice(), &Progress::default(), |_| Ok(into));
            let refused = refused.unwrap_err();
            assert!(matches!(refused, RestoreError::Stranger { .. }), "{path}: {refused}");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{path}");
        }
        let folder = tempfile::tempdir().unwrap();
        let twice = tar(&of_cabinet(2, 6), |tar| {
            put(tar, segment, b"one", Regular);
            put(tar, segment, b"two", Regular);
        });
        let into = || Ok(folder.path().join("into"));
        let refused = unpack(Path::new("x.age"), twice.as_slice(), &Progress::default(), |_| into());
        assert!(matches!(refused, Err(RestoreError::Stranger { .. })));
    }

    #[test]
    fn what_is_missing_more_or_no_back_up_at_all_is_told_apart() {
        use tar::EntryType::Regular;
        let file = Path::new("x.age");
        let read = |bytes: &[u8]| {
            let folder = tempfile::tempdir().unwrap();
            unpack(file, bytes, &Progress::default(), |_| Ok(folder.path().join("into")))
        };
        let segment = "journal/cabinet/00000001.seg";
        let whole = tar(&of_cabinet(1, 3), |tar| put(tar, segment, b"all", Regular));
        assert_eq!(read(&whole).unwrap().tenants.len(), 1);
        let fewer = tar(&of_cabinet(2, 3), |tar| put(tar, segment, b"all", Regular));
        assert!(matches!(read(&fewer), Err(RestoreError::Differs { .. })));
        let other = tar(&of_cabinet(1, 4), |tar| put(tar, segment, b"all", Regular));
        assert!(matches!(read(&other), Err(RestoreError::Differs { .. })));
        let mut more = whole.clone();
        more.extend_from_slice(b"and more");
        assert!(matches!(read(&more), Err(RestoreError::Stranger { .. })));
        for other in [b"".as_slice(), &[7; 2_000], b"short"] {
            let refused = read(other).unwrap_err();
            assert!(matches!(refused, RestoreError::NotOurs { .. }), "{refused}");
        }
        let progress = Progress::default();
        progress.stop();
        let folder = tempfile::tempdir().unwrap();
        let stopped = unpack(file, whole.as_slice(), &progress, |_| Ok(folder.path().join("into")));
        assert!(matches!(stopped, Err(RestoreError::Stopped)));
    }
}
