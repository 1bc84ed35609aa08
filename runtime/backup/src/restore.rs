//! What comes back from a back-up, checked before it is there.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufReader, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parloir_contract::{CallId, TenantId};
use parloir_journal::{Journal, JournalError, Scope, VerifyReport, check_copy, note_came_back};
use parloir_store::{
    Address, Each, Embedded, Keyring, Kms, Store, StoredBatch, StoredOperation, TenantStore,
};
use tempfile::TempDir;

use crate::looking::Looking;
use crate::manifest::hex;
use crate::unpack::{Progress, remove_rows, unpack};
use crate::{Identities, Manifest, Of, RestoreError, RowError, read_row, seal};

/// The file that whoever fills a folder holds locked in it: what has one that is free was left by a program that was killed.
const LOCK: &str = "restoring.lock";
/// Rows that are put at once.
const ROWS: usize = 500;
/// Milliseconds that a journal's threads have to end.
const LET_GO: u32 = 10_000;
/// Problems that an error tells.
const TOLD: usize = 5;

/// What is to come back.
#[derive(Debug, Clone)]
pub struct Restoring {
    /// The back-up.
    pub file: PathBuf,
    /// What opens it.
    pub identities: Identities,
    /// The data folder, which must be new or empty.
    pub data: PathBuf,
    /// The keys folder. Of a back-up of keys, it must be new or empty; of one of data it must be there.
    pub keys: PathBuf,
    /// Only look whether it would come back: the folders stay as they are.
    pub check: bool,
    /// There is no newer data. Otherwise no call of what comes back is erased until that is said: see [`note_came_back`].
    pub newest: bool,
    /// How far it is.
    pub progress: Progress,
}

impl Restoring {
    /// All of a back-up, into these folders.
    pub fn new(file: PathBuf, identities: Identities, data: PathBuf, keys: PathBuf) -> Self {
        Self { file, identities, data, keys, check: false, newest: false, progress: Progress::default() }
    }
}

/// What came back.
#[derive(Debug)]
pub struct Restored {
    /// What the back-up says of itself.
    pub manifest: Manifest,
    /// What was checked of the journal; of a back-up of keys nothing can be.
    pub report: VerifyReport,
    /// Rows of tenants' storage that are there: those that were erased since are not.
    pub rows: u64,
    /// What the log tells of and the keys know nothing of, as [`Journal::unknown_to_keys`] lists it: erasures and what persons asked
    /// for after the keys were backed up. It has to be done again.
    pub unknown: Vec<(TenantId, CallId)>,
    /// Rows that are not there, for they were sealed under keys that came after those there are: newer keys open them.
    pub rows_lost: u64,
    /// Whose log announced a key that was lost, as [`Journal::lacks_log_key`] finds it: it can announce no next one.
    pub lacking: Vec<TenantId>,
}

/// What was looked at of data that came back.
#[derive(Default)]
struct Checked {
    report: VerifyReport,
    rows: u64,
    rows_lost: u64,
    unknown: Vec<(TenantId, CallId)>,
    lacking: Vec<TenantId>,
}

/// A folder that is filled, and the lock that says so.
struct Begun {
    folder: TempDir,
    lock: File,
}

/// Restores a back-up, or sees whether that could be done. It is unpacked into a new folder beside the one that is wanted,
/// checked there, and takes its name when all is well; otherwise nothing of it is left. No key is changed, and none made but the
/// month's where this month has none yet: a journal that is older
/// than an erasure is blanked again, and what is still to be destroyed is when the folder is first opened.
pub async fn restore(restoring: Restoring) -> Result<Restored, RestoreError> {
    let handle = tokio::runtime::Handle::current();
    let of = restoring.clone();
    let unpacked = tokio::task::spawn_blocking(move || {
        let reader = BufReader::new(seal::open(&of.file, &of.identities)?);
        let mut place = None;
        let manifest = unpack(&of.file, reader, &of.progress, |manifest| {
            let begun = match manifest.of {
                Of::Data => {
                    handle.block_on(has_keys(&of, manifest))?;
                    beside(&of.data, "data", of.check)?
                }
                Of::Keys => beside(&of.keys, "keys", of.check)?,
            };
            let path = begun.folder.path().to_owned();
            place = Some(begun);
            Ok(path)
        })?;
        Ok::<_, RestoreError>((manifest, place))
    });
    let unpacked = unpacked.await.map_err(|error| RestoreError::io("the program")(error.into()))?;
    let (manifest, place) = unpacked?;
    let Some(place) = place else { return Err(RestoreError::Stopped) };
    let Checked { report, rows, rows_lost, unknown, lacking } = match manifest.of {
        Of::Data => checked(&restoring, &manifest, place.folder.path()).await?,
        Of::Keys => Checked::default(),
    };
    restoring.progress.check()?;
    if !restoring.check {
        let target = match manifest.of {
            Of::Data => restoring.data.clone(),
            Of::Keys => restoring.keys.clone(),
        };
        let mode = match manifest.of {
            Of::Data => 0o755,
            Of::Keys => 0o700,
        };
        let of = (manifest.of == Of::Data && !restoring.newest).then(|| manifest.made_at.to_string());
        let settled = tokio::task::spawn_blocking(move || {
            if let Some(of) = of {
                note_came_back(place.folder.path(), &of).map_err(RestoreError::io(target.display()))?;
            }
            settle(place, &target, mode)
        });
        settled.await.map_err(|error| RestoreError::io("the program")(error.into()))??;
    }
    Ok(Restored { manifest, report, rows, rows_lost, unknown, lacking })
}

/// Whether the keys folder has keys of every tenant that has something sealed. Makes none.
async fn has_keys(of: &Restoring, manifest: &Manifest) -> Result<(), RestoreError> {
    if !of.keys.is_dir() {
        return Err(RestoreError::NoKeys(of.keys.clone()));
    }
    let kms = Keyring::open(&of.keys)?;
    for part in manifest.tenants.iter().filter(|part| part.bytes > 0 || part.rows > 0) {
        if !kms.knows(&part.tenant).await? {
            return Err(RestoreError::KeysMissing { keys: of.keys.clone(), tenant: part.tenant.clone() });
        }
    }
    Ok(())
}

/// A new folder beside one that is to be, on the same disk.
fn beside(target: &Path, option: &'static str, check: bool) -> Result<Begun, RestoreError> {
    if !check {
        match fs::read_dir(target).map(|mut entries| entries.next().is_none()) {
            Ok(true) => {}
            Ok(false) => return Err(RestoreError::NotEmpty(target.to_owned(), option)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(RestoreError::io(target.display())(error)),
        }
    }
    let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(RestoreError::io(parent.display()))?;
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let prefix = format!("{name}.restoring-");
    let begun = remove_left(parent, &prefix).and_then(|()| {
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir_in(parent)?;
        let lock = File::create_new(folder.path().join(LOCK))?;
        lock.lock()?;
        Ok(Begun { folder, lock })
    });
    begun.map_err(RestoreError::io(parent.display()))
}

/// Removes what restores left that were killed: all the keys of an installation may be in it.
fn remove_left(parent: &Path, prefix: &str) -> std::io::Result<()> {
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        let is_of_restore = entry.file_name().to_string_lossy().starts_with(prefix);
        if !is_of_restore || !entry.file_type()?.is_dir() {
            continue;
        }
        // What has no such file is being begun, or is somebody else's.
        if File::open(entry.path().join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok()) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// Opens what came back, with keys that are only looked at, and checks all of it.
async fn checked(of: &Restoring, manifest: &Manifest, folder: &Path) -> Result<Checked, RestoreError> {
    let kms: Arc<dyn Kms> = Arc::new(Looking::at(Arc::new(Keyring::open(&of.keys)?)));
    for part in manifest.tenants.iter().filter(|part| part.files > 0) {
        of.progress.check()?;
        let (size, root) = check_copy(folder, &*kms, &part.tenant).await?;
        if (size, hex(&root)) != (part.size, part.root.clone()) {
            return Err(RestoreError::Differs {
                file: of.file.clone(),
                what: format!(
                    "a tree of {size} chunks of tenant {}, root {}, where it says {}, root {}",
                    part.tenant,
                    hex(&root),
                    part.size,
                    part.root
                ),
            });
        }
    }
    let store = Arc::new(Embedded::open(folder.join("store")).await?);
    let opened = open(of, manifest, folder, &kms, &store).await;
    // The journal's threads let go of it in their own time.
    for _ in 0..LET_GO {
        if Arc::strong_count(&store) == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let Some(store) = Arc::into_inner(store) else {
        // What is open is not moved.
        let error = std::io::Error::other("what checked it does not let go of it");
        return opened.and(Err(RestoreError::io(folder.display())(error)));
    };
    store.close().await;
    opened
}

async fn open(
    of: &Restoring,
    manifest: &Manifest,
    folder: &Path,
    kms: &Arc<dyn Kms>,
    store: &Arc<Embedded>,
) -> Result<Checked, RestoreError> {
    put_rows(of, manifest, folder, store).await?;
    let journal =
        Journal::open_unsigned(folder, Arc::clone(kms), Arc::clone(store) as Arc<dyn Store>).await?;
    let looked = look(&journal, manifest).await;
    journal.shutdown().await;
    drop(journal);
    let checked = looked?;
    let rows_lost = drop_erased(manifest, kms, store).await?;
    let rows = rows(store).await?;
    let report = &checked.report;
    if !report.is_sound() {
        let mut told: Vec<String> = report.problems.iter().take(TOLD).map(ToString::to_string).collect();
        let more = report.problems.len().saturating_sub(TOLD) as u64 + report.more_problems;
        if more > 0 {
            told.push(format!("and {more} more"));
        }
        return Err(RestoreError::Unsound(told.join("; ")));
    }
    Ok(Checked { rows, rows_lost, ..checked })
}

/// Verifies the journal, and finds what it tells of that the keys know nothing of.
async fn look(journal: &Journal, manifest: &Manifest) -> Result<Checked, JournalError> {
    let (mut unknown, mut lacking) = (Vec::new(), Vec::new());
    for part in manifest.tenants.iter().filter(|part| part.files > 0) {
        let calls = journal.unknown_to_keys(&part.tenant).await?;
        unknown.extend(calls.into_iter().map(|call| (part.tenant.clone(), call)));
        if journal.lacks_log_key(&part.tenant).await? {
            lacking.push(part.tenant.clone());
        }
    }
    let report = journal.verify(Scope::All).await?;
    Ok(Checked { report, unknown, lacking, ..Checked::default() })
}

/// Takes out of the tenants' storage what was erased since: nothing opens it any more. How many rows went because the keys are
/// older than they are.
async fn drop_erased(
    manifest: &Manifest,
    kms: &Arc<dyn Kms>,
    store: &Arc<Embedded>,
) -> Result<u64, RestoreError> {
    let mut lost = 0;
    for part in manifest.tenants.iter().filter(|part| part.rows > 0) {
        let store = Arc::clone(store) as Arc<dyn Store>;
        let rows = TenantStore::open(store, &**kms, part.tenant.clone()).await?;
        lost += rows.drop_erased().await?.later;
    }
    Ok(lost)
}

/// How many rows there are, without the journal's index.
async fn rows(store: &Embedded) -> Result<u64, RestoreError> {
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    let each: Each = Box::new(move |address, _| {
        if address.table().is_some() {
            counted.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    });
    store.everything(|table| !table.is_index(), each).await?;
    Ok(count.load(Ordering::Relaxed))
}

/// Puts the rows of the tenants into their storage, sealed as they are.
async fn put_rows(
    of: &Restoring,
    manifest: &Manifest,
    folder: &Path,
    store: &Embedded,
) -> Result<(), RestoreError> {
    let differs = |what: String| RestoreError::Differs { file: of.file.clone(), what };
    let path = folder.join("rows");
    let file = File::open(&path).map_err(|_| differs("it has no rows, not even none".into()))?;
    let mut from = BufReader::new(file);
    let mut counted = HashMap::new();
    loop {
        of.progress.check()?;
        let read = tokio::task::spawn_blocking(move || {
            let page = page(&mut from);
            (page, from)
        });
        let read = read.await.map_err(|error| RestoreError::io("the program")(error.into()))?;
        from = read.1;
        let page = read.0.map_err(|error| differs(error.to_string()))?;
        if page.is_empty() {
            break;
        }
        for (address, _) in &page {
            *counted.entry(address.tenant()).or_insert(0_u64) += 1;
        }
        let operations = page.into_iter().map(|(address, value)| StoredOperation::Put(address, value));
        store.apply(StoredBatch { operations: operations.collect(), ..StoredBatch::default() }).await?;
    }
    for part in &manifest.tenants {
        let came = counted.remove(&Some(part.tenant.clone())).unwrap_or_default();
        if came != part.rows {
            let (tenant, rows) = (&part.tenant, part.rows);
            return Err(differs(format!("{came} row(s) of tenant {tenant}, where {rows} were to be")));
        }
    }
    if !counted.is_empty() {
        return Err(differs("rows of tenants that are not in its list".into()));
    }
    remove_rows(folder).map_err(RestoreError::io(path.display()))
}

/// The next rows; none at the end.
fn page(from: &mut BufReader<File>) -> Result<Vec<(Address, Vec<u8>)>, RowError> {
    let mut page = Vec::with_capacity(ROWS);
    while page.len() < ROWS
        && let Some(row) = read_row(from)?
    {
        page.push(row);
    }
    Ok(page)
}

/// Makes all of it durable, and gives it its name. Blocks.
fn settle(place: Begun, target: &Path, mode: u32) -> Result<(), RestoreError> {
    let Begun { folder: place, lock } = place;
    let done = || -> std::io::Result<()> {
        let mode = fs::metadata(target).map_or(mode, |there| there.permissions().mode());
        fs::set_permissions(place.path(), fs::Permissions::from_mode(mode))?;
        sync(place.path())?;
        // An empty folder makes room.
        fs::rename(place.path(), target)?;
        fs::remove_file(target.join(LOCK))?;
        let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
    };
    done().map_err(RestoreError::io(target.display()))?;
    drop(lock);
    // There is nothing of its name any more.
    let _moved = place.keep();
    Ok(())
}

/// Makes a folder and all in it durable.
fn sync(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync(&entry.path())?;
        } else if entry.file_type()?.is_file() {
            File::open(entry.path())?.sync_all()?;
        }
    }
    File::open(folder)?.sync_all()
}
