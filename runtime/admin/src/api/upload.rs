//! Components as they arrive: written to a file as they come, so that none is in memory that waits for another.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::http::header;
use futures_util::StreamExt;
use parloir_contract::TenantId;
use parloir_store::{Table, TenantStore};
use sha2::{Digest, Sha256};
use tokio::fs::OpenOptions;
use tokio::io::AsyncWriteExt;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::Api;
use super::asked::Asked;
use super::problem::{Kind, Problem};
use crate::directory::agents::VERSIONS;
use crate::directory::{Directory, DirectoryError, rows};
use crate::home::{Home, VERSION};
use crate::resource::KeptVersion;
use crate::secret::random_id;

/// How long a component may take to arrive.
const UPLOADING: Duration = Duration::from_secs(300);
/// How long one that is refused may go on arriving, and one that is small may take.
const DISCARDING: Duration = Duration::from_secs(30);
/// Components that are compiled at one time.
const CHECKING: usize = 2;
/// How long a file stays that no version names.
const ABANDONED: Duration = Duration::from_secs(3_600);
/// What the name of a file begins with that is still arriving, and how it ends.
const ARRIVING: (&str, &str) = ("upload-", ".part");

/// What is uploaded at this moment: of each tenant one.
pub(super) struct Uploads {
    tenants: Arc<Mutex<HashSet<TenantId>>>,
    checking: Semaphore,
}

impl Default for Uploads {
    fn default() -> Self {
        Self { tenants: Arc::default(), checking: Semaphore::new(CHECKING) }
    }
}

/// A tenant's turn to upload. Dropping it ends it.
pub(super) struct Turn {
    tenants: Arc<Mutex<HashSet<TenantId>>>,
    tenant: TenantId,
}

impl Uploads {
    /// A tenant's turn, where none of its uploads is under way.
    pub(super) fn begin(&self, tenant: &TenantId) -> Result<Turn, Problem> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if tenants.insert(tenant.clone()) {
            return Ok(Turn { tenants: self.tenants.clone(), tenant: tenant.clone() });
        }
        let detail = format!("another upload of {tenant} is under way");
        Err(Problem::new(Kind::Conflict, detail, "wait until it is done, and send this one again"))
    }

    /// A place among the components that are compiled now.
    pub(super) async fn check(&self) -> Option<SemaphorePermit<'_>> {
        self.checking.acquire().await.ok()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.tenant);
    }
}

/// A component that arrived, in a file that goes with it unless it is kept.
pub(super) struct Arrived {
    path: PathBuf,
    kept: bool,
    pub(super) bytes: u64,
    pub(super) sha256: [u8; 32],
}

impl Arrived {
    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Its SHA-256 in hexadecimal digits.
    pub(super) fn digest(&self) -> String {
        self.sha256.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Gives it its name, durably.
    pub(super) async fn keep(mut self, file: PathBuf) -> Result<(), Problem> {
        let from = self.path.clone();
        let named = tokio::task::spawn_blocking(move || {
            std::fs::rename(&from, &file)?;
            match file.parent() {
                Some(folder) => std::fs::File::open(folder)?.sync_all(),
                None => Ok(()),
            }
        });
        named.await.map_err(io::Error::other).flatten().map_err(|error| failed(&error))?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Arrived {
    fn drop(&mut self) {
        if !self.kept {
            let path = std::mem::take(&mut self.path);
            // One that cannot be removed now goes when what was kept long enough does.
            drop(tokio::task::spawn_blocking(move || std::fs::remove_file(path)));
        }
    }
}

fn failed(error: &io::Error) -> Problem {
    tracing::error!(%error, "a component that is uploaded cannot be kept");
    Problem::new(
        Kind::Failed,
        "the installation could not keep the component; its own log says why",
        "try again later, and tell the operator",
    )
}

fn too_large(most: u64) -> Problem {
    let detail = format!("the component has more than {most} bytes");
    let remedy = "upload what `parloir build` made, without debug information or data";
    Problem::new(Kind::TooLarge, detail, remedy).of("body")
}

/// Takes in what is uploaded, whole.
pub(super) async fn receive(api: &Api, asked: &Asked) -> Result<Arrived, Problem> {
    let most = api.directory.premises().largest_agent();
    let said = asked.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if said.and_then(|said| said.parse::<u64>().ok()).is_some_and(|said| said > most) {
        return Err(too_large(most));
    }
    let body = asked.upload.lock().await.take().unwrap_or_default();
    let home = Home::of(&api.directory.premises().home(&asked.realm)).await;
    tokio::fs::create_dir_all(home.agents()).await.map_err(|error| failed(&error))?;
    let (begins, ends) = ARRIVING;
    let name = random_id().map_err(DirectoryError::from)?;
    let path = home.agents().join(format!("{begins}{name}{ends}"));
    let arrived = Arrived { path, kept: false, bytes: 0, sha256: [0; 32] };
    match timeout(UPLOADING, write(arrived, body, most)).await {
        Ok(written) => written,
        Err(_) => {
            let remedy = format!("send it within {} seconds", UPLOADING.as_secs());
            Err(Problem::new(Kind::Malformed, "the component did not arrive", remedy).of("body"))
        }
    }
}

/// What is uploaded, whole, in memory: what is small, of at most so many bytes. `remedy` is what to do with more.
pub(super) async fn whole(asked: &Asked, most: u64, remedy: &str) -> Result<Vec<u8>, Problem> {
    let too_large = || {
        let detail = format!("the body has more than {most} bytes");
        Problem::new(Kind::TooLarge, detail, remedy).of("body")
    };
    let said = asked.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if said.and_then(|said| said.parse::<u64>().ok()).is_some_and(|said| said > most) {
        return Err(too_large());
    }
    let body = asked.upload.lock().await.take().unwrap_or_default();
    let (mut whole, mut parts) = (Vec::<u8>::new(), body.into_data_stream());
    let reading = async {
        while let Some(part) = parts.next().await {
            let part = part.map_err(|error| {
                let detail = format!("the body cannot be read: {error}");
                Problem::new(Kind::Malformed, detail, "send it again, whole").of("body")
            })?;
            if (whole.len() as u64).saturating_add(part.len() as u64) > most {
                return Err(too_large());
            }
            whole.extend_from_slice(&part);
        }
        Ok(())
    };
    match timeout(DISCARDING, reading).await {
        Ok(read) => read?,
        Err(_) => {
            let remedy = format!("send it within {} seconds", DISCARDING.as_secs());
            return Err(Problem::new(Kind::Malformed, "the body did not arrive", remedy).of("body"));
        }
    }
    Ok(whole)
}

/// Reads what is uploaded and not taken, for a while: whoever is still sending hears why only when they are done.
pub(super) async fn discard(api: &Api, asked: &Asked) {
    let Some(body) = asked.upload.lock().await.take() else { return };
    let most = api.directory.premises().largest_agent();
    let (mut parts, mut bytes) = (body.into_data_stream(), 0_u64);
    let read = async {
        while let Some(Ok(part)) = parts.next().await {
            bytes = bytes.saturating_add(part.len() as u64);
            if bytes > most {
                return;
            }
        }
    };
    // One that takes longer hears of it as the connection ends.
    let _in_time = timeout(DISCARDING, read).await;
}

async fn write(mut arrived: Arrived, body: Body, most: u64) -> Result<Arrived, Problem> {
    let file = OpenOptions::new().write(true).create_new(true).open(arrived.path()).await;
    let mut file = file.map_err(|error| failed(&error))?;
    let (mut hash, mut parts) = (Sha256::new(), body.into_data_stream());
    while let Some(part) = parts.next().await {
        let part = part.map_err(|error| {
            let detail = format!("the component cannot be read: {error}");
            Problem::new(Kind::Malformed, detail, "send it again, whole").of("body")
        })?;
        arrived.bytes = arrived.bytes.saturating_add(part.len() as u64);
        if arrived.bytes > most {
            return Err(too_large(most));
        }
        hash.update(&part);
        file.write_all(&part).await.map_err(|error| failed(&error))?;
    }
    file.flush().await.map_err(|error| failed(&error))?;
    file.sync_all().await.map_err(|error| failed(&error))?;
    arrived.sha256 = hash.finalize().into();
    Ok(arrived)
}

/// Removes components that did not arrive whole, and those that no version names: what a crash left. Returns how many.
pub(super) async fn tidy(directory: &Directory, store: &TenantStore) -> Result<usize, DirectoryError> {
    let home = Home::of(&directory.premises().home(store.tenant())).await;
    let versions = rows::all_there::<KeptVersion>(store, Table::Agents, VERSIONS).await?;
    let known = versions.iter().filter_map(|(at, _)| at.rsplit_once('/'));
    let known: HashSet<String> = known.map(|(_, id)| id.to_owned()).collect();
    let folder = home.agents().to_owned();
    let swept = tokio::task::spawn_blocking(move || sweep(&folder, &known)).await;
    match swept.map_err(io::Error::other).flatten() {
        Ok(gone) => Ok(gone),
        Err(error) => {
            tracing::warn!(tenant = %store.tenant(), %error, "components that nobody needs are still there; it is tried again");
            Ok(0)
        }
    }
}

fn sweep(folder: &Path, known: &HashSet<String>) -> io::Result<usize> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut gone = 0;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let between = |begins: &str, ends: &str| {
            name.strip_prefix(begins).and_then(|name| name.strip_suffix(ends)).map(str::to_owned)
        };
        let (begins, ends) = ARRIVING;
        let abandoned = match between(VERSION, ".wasm") {
            Some(id) => !known.contains(&id),
            None => between(begins, ends).is_some(),
        };
        let age = entry.metadata()?.modified()?.elapsed().unwrap_or_default();
        if abandoned && age > ABANDONED {
            std::fs::remove_file(entry.path())?;
            gone += 1;
        }
    }
    Ok(gone)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn what_no_version_names_goes_and_what_somebody_put_there_stays() {
        let folder = tempfile::tempdir().unwrap();
        let [kept, gone] = ["1", "2"].map(|digit| digit.repeat(64));
        let names = [
            format!("sha256-{kept}.wasm"),
            format!("sha256-{gone}.wasm"),
            "upload-4f1c.part".to_owned(),
            "desk.wasm".to_owned(),
            "desk.wasm.part".to_owned(),
        ];
        let there = || names.each_ref().map(|name| folder.path().join(name).exists());
        let long_ago = SystemTime::now() - 2 * ABANDONED;
        for name in &names {
            File::create(folder.path().join(name)).unwrap();
        }
        let known = HashSet::from([kept]);
        assert_eq!(sweep(folder.path(), &known).unwrap(), 0, "it may be arriving");
        for name in &names {
            File::options()
                .append(true)
                .open(folder.path().join(name))
                .unwrap()
                .set_modified(long_ago)
                .unwrap();
        }
        assert_eq!(sweep(folder.path(), &known).unwrap(), 2);
        assert_eq!(there(), [true, false, false, true, true]);
        assert_eq!(sweep(&folder.path().join("nowhere"), &known).unwrap(), 0);
    }

    #[test]
    fn a_tenant_uploads_one_at_a_time() {
        let (uploads, [one, other]) = (Uploads::default(), ["one", "other"].map(|id| id.parse().unwrap()));
        let turn = uploads.begin(&one).ok().unwrap();
        assert!(uploads.begin(&one).is_err() && uploads.begin(&other).is_ok());
        drop(turn);
        assert!(uploads.begin(&one).is_ok());
    }
}
