//! Taking a back-up: what is in it, at one moment, and then its bytes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use parloir_contract::TenantId;
use parloir_journal::{CopiedFile, Journal, JournalCopy};
use parloir_store::{Each, Store, Table};

use crate::BackUpError;
use crate::manifest::{Manifest, Of, TenantPart, hex};
use crate::rows::write_row;
use crate::unpack::Member;

/// What a back-up holds, known before the first of its bytes is written.
pub struct Snapshot {
    manifest: Manifest,
    files: Vec<Part>,
    left_out: Vec<String>,
}

/// Names of files that are left out that are told.
const MAX_LEFT_OUT: usize = 100;

/// A file of a back-up.
struct Part {
    path: String,
    source: Source,
}

enum Source {
    Bytes(Vec<u8>),
    Journal(CopiedFile),
    Path(PathBuf),
    /// One that has no name.
    Open(File),
}

/// The rows of every tenant, and how many calls the index had.
#[derive(Default)]
struct Counts {
    rows: BTreeMap<TenantId, u64>,
    calls: BTreeMap<TenantId, u64>,
}

impl Snapshot {
    /// All that is durable of a data folder now. Calls go on meanwhile; what they do from here on is not in it, but for what is
    /// written to rows while the journals are looked at, so that no booking is missing that a journal tells of.
    pub async fn of_data(journal: &Journal, store: &dyn Store, data: &Path) -> Result<Self, BackUpError> {
        let mut journals = Vec::new();
        for tenant in journal.tenants().await? {
            journals.push(journal.copy(&tenant).await?);
        }
        let (rows, counts) = rows(store, data).await?;
        let folder = data.join("artifacts");
        let agents = tokio::task::spawn_blocking(move || agents(&folder));
        let agents = agents.await.map_err(|e| BackUpError::Seal(e.to_string()))?;
        let agents = agents.map_err(BackUpError::io(data.join("artifacts").display()))?;
        let others = agents.len() as u64;
        let tenants = parts(&journals, &counts);
        let mut files = vec![Part { path: "rows".into(), source: Source::Open(rows) }];
        files.extend(journals.into_iter().flat_map(|copy| copy.files).map(|mut file| {
            let path = std::mem::take(&mut file.path);
            Part { path, source: Source::Journal(file) }
        }));
        files.extend(agents);
        Ok(Self { manifest: Manifest::new(Of::Data, tenants, others), files, left_out: Vec::new() })
    }

    /// The keys folder. Nothing may change in it: hold it with [`Journal::hold_keys`] until it is written. Blocks.
    pub fn of_keys(keys: &Path) -> Result<Self, BackUpError> {
        let listed = key_files(keys).map_err(BackUpError::io(keys.display()))?;
        let mut tenants: BTreeMap<TenantId, u64> = BTreeMap::new();
        let (mut others, mut files, mut left_out) = (0, Vec::new(), Vec::new());
        for (path, source) in listed {
            match Member::parse(&path) {
                Some(Member::TenantKey(tenant)) => *tenants.entry(tenant).or_default() += 1,
                Some(Member::Key) => others += 1,
                Some(Member::Manifest | Member::Rows | Member::Journal(_) | Member::Agent) | None => {
                    if !is_draft(&source) && left_out.len() < MAX_LEFT_OUT {
                        left_out.push(path.strip_prefix("keys/").unwrap_or(&path).to_owned());
                    }
                    continue;
                }
            }
            files.push(Part { path, source: Source::Path(source) });
        }
        let part = |(tenant, files)| TenantPart {
            tenant,
            calls: 0,
            files,
            bytes: 0,
            rows: 0,
            size: 0,
            root: String::new(),
        };
        let tenants = tenants.into_iter().map(part).collect();
        Ok(Self { manifest: Manifest::new(Of::Keys, tenants, others), files, left_out })
    }

    /// What it says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What is in the keys folder and not in here, at most 100 of them: no keys of a kind that this program knows.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// About how many bytes it has.
    pub fn bytes(&self) -> u64 {
        let length = |part: &Part| match &part.source {
            Source::Bytes(bytes) => bytes.len() as u64,
            Source::Journal(file) => file.bytes.unwrap_or(1_024),
            Source::Path(path) => fs::metadata(path).map_or(0, |metadata| metadata.len()),
            Source::Open(file) => file.metadata().map_or(0, |metadata| metadata.len()),
        };
        self.files.iter().map(|part| length(part).next_multiple_of(512) + 512).sum()
    }

    /// Writes all of it. Blocks, and needs no more memory for more data.
    pub fn write(self, into: impl Write) -> Result<(), BackUpError> {
        let mut tar = tar::Builder::new(into);
        let manifest = Part { path: "manifest.json".into(), source: Source::Bytes(self.manifest.bytes()) };
        for part in std::iter::once(manifest).chain(self.files) {
            let path = part.path.clone();
            append(&mut tar, part).map_err(BackUpError::io(path))?;
        }
        let mut into = tar.into_inner().map_err(BackUpError::io("the back-up"))?;
        into.flush().map_err(BackUpError::io("the back-up"))
    }
}

fn append(tar: &mut tar::Builder<impl Write>, part: Part) -> io::Result<()> {
    let opened: (u64, Box<dyn Read>) = match part.source {
        Source::Bytes(bytes) => (bytes.len() as u64, Box::new(io::Cursor::new(bytes))),
        Source::Journal(file) => {
            let (length, reader) = file.open()?;
            (length, reader)
        }
        Source::Path(path) => {
            let file = File::open(path)?;
            (file.metadata()?.len(), Box::new(file))
        }
        Source::Open(file) => (file.metadata()?.len(), Box::new(file)),
    };
    let (length, reader) = opened;
    let mut header = tar::Header::new_ustar();
    header.set_path(&part.path)?;
    header.set_size(length);
    header.set_mode(0o600);
    header.set_mtime(0);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_cksum();
    tar.append(&header, Exactly { reader: reader.take(length), left: length })
}

/// So many bytes, or an error.
struct Exactly<R> {
    reader: R,
    left: u64,
}

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(into)?;
        self.left = self.left.saturating_sub(read as u64);
        if read == 0 && !into.is_empty() && self.left > 0 {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "the file was cut while it was copied"));
        }
        Ok(read)
    }
}

/// What the manifest says of each tenant that has anything.
fn parts(journals: &[JournalCopy], counts: &Counts) -> Vec<TenantPart> {
    let mut parts = BTreeMap::new();
    for copy in journals {
        let part = TenantPart {
            tenant: copy.tenant.clone(),
            calls: counts.calls.get(&copy.tenant).copied().unwrap_or_default(),
            files: copy.files.len() as u64,
            bytes: copy.files.iter().filter_map(|file| file.bytes).sum(),
            rows: 0,
            size: copy.size,
            root: hex(&copy.root),
        };
        parts.insert(copy.tenant.clone(), part);
    }
    for (tenant, rows) in &counts.rows {
        // One may have rows and no call yet.
        let part = parts.entry(tenant.clone()).or_insert_with(|| TenantPart {
            tenant: tenant.clone(),
            calls: 0,
            files: 0,
            bytes: 0,
            rows: 0,
            size: 0,
            root: String::new(),
        });
        part.rows = *rows;
    }
    parts.into_values().collect()
}

/// Every row but the index's, as all of them are at one moment, in a file that has no name.
async fn rows(store: &dyn Store, data: &Path) -> Result<(File, Counts), BackUpError> {
    let failed = |error| BackUpError::io(data.display())(error);
    let data_folder = data.to_owned();
    let begun = tokio::task::spawn_blocking(move || tempfile::tempfile_in(data_folder)).await;
    let file = begun.map_err(|e| BackUpError::Seal(e.to_string()))?.map_err(failed)?;
    let gathered = Arc::new(Mutex::new(Some((BufWriter::new(file), Counts::default()))));
    let into = Arc::clone(&gathered);
    let each: Each = Box::new(move |address, value| {
        let (Some(tenant), Some(table)) = (address.tenant(), address.table()) else { return Ok(()) };
        if let Some((file, counts)) = into.lock().as_mut() {
            if table == Table::CallsByTime {
                *counts.calls.entry(tenant).or_default() += 1;
            } else {
                write_row(file, address, value)?;
                *counts.rows.entry(tenant).or_default() += 1;
            }
        }
        Ok(())
    });
    // Of the journal's index it is only counted how many calls there are.
    store.everything(|table| !table.is_index() || table == Table::CallsByTime, each).await?;
    let taken = gathered.lock().take();
    let (file, counts) = taken.ok_or_else(|| BackUpError::Seal("its rows went astray".into()))?;
    let mut file = file.into_inner().map_err(|error| failed(error.into_error()))?;
    file.rewind().map_err(failed)?;
    Ok((file, counts))
}

/// The components of the agents that answered.
fn agents(folder: &Path) -> io::Result<Vec<Part>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut agents = Vec::new();
    for entry in entries {
        let entry = entry?;
        let path = format!("artifacts/{}", entry.file_name().to_string_lossy());
        if Member::parse(&path) == Some(Member::Agent) {
            agents.push(Part { path, source: Source::Path(entry.path()) });
        }
    }
    agents.sort_by(|one, next| one.path.cmp(&next.path));
    Ok(agents)
}

/// Whether a file of a keys folder is one that was never used: a crash left it.
fn is_draft(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("draft-") || name.ends_with(".part")
}

/// The files of a keys folder and of the folders in it, in order.
fn key_files(keys: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(keys)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_file() {
            files.push((format!("keys/{name}"), entry.path()));
        } else if entry.file_type()?.is_dir() {
            for key in fs::read_dir(entry.path())? {
                let key = key?;
                if key.file_type()?.is_file() {
                    files.push((format!("keys/{name}/{}", key.file_name().to_string_lossy()), key.path()));
                }
            }
        }
    }
    files.sort();
    Ok(files)
}
