//! The operator's commands to an installation that serves: a socket in the keys folder, which the owner alone can enter.
//!
//! One request and one answer for each connection, each a line of JSON. Who connects and says nothing, or does not read, keeps
//! nobody else waiting. What a command needs the one writer of the journal
//! for is handed over here; everything else it does on the files.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream as Probe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::erasure::{EraseRequest, HoldRequest, TenantErasure};
use crate::rights::{RightsDone, RightsRequest};
use crate::serve::House;
use crate::sweep::{Swept, sweep_all};

/// The longest request, in bytes.
const MAX_REQUEST: u64 = 64 << 10;
/// The longest answer, in bytes: a tenant may have had many calls.
const MAX_ANSWER: u64 = 256 << 20;
/// Connections at once; more of them wait.
const MAX_CONNECTIONS: usize = 16;
/// How long a request may take to arrive.
const ASKING: Duration = Duration::from_secs(10);
/// How long an answer may take to be read.
const ANSWERING: Duration = Duration::from_secs(60);

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Request {
    Erase(EraseRequest),
    Hold(HoldRequest),
    Rights(RightsRequest),
    Sweep { dry_run: bool },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Answer {
    Erased(Vec<TenantErasure>),
    Held(bool),
    Rights(RightsDone),
    Swept(Vec<Swept>),
    Failed(String),
}

/// Why an installation that serves did not do it.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// It said so.
    #[error("{0}")]
    Refused(String),
    /// It did not answer.
    #[error("the `parloir serve` that has this data folder does not answer ({0}): stop it, and try again")]
    Silent(#[from] io::Error),
}

fn socket(keys: &Path) -> PathBuf {
    keys.join("control.sock")
}

/// Has the installation that serves these folders erase something. `None` where none serves.
pub async fn hand_over_erasure(
    keys: &Path,
    request: &EraseRequest,
) -> Result<Option<Vec<TenantErasure>>, ControlError> {
    match ask(keys, &Request::Erase(request.clone())).await? {
        Some(Answer::Erased(done)) => Ok(Some(done)),
        other => refused(other),
    }
}

/// Has it hold a call, or release it.
pub async fn hand_over_hold(keys: &Path, request: &HoldRequest) -> Result<Option<bool>, ControlError> {
    match ask(keys, &Request::Hold(request.clone())).await? {
        Some(Answer::Held(changed)) => Ok(Some(changed)),
        other => refused(other),
    }
}

/// Has it do what a person asks for.
pub async fn hand_over_rights(
    keys: &Path,
    request: &RightsRequest,
) -> Result<Option<RightsDone>, ControlError> {
    match ask(keys, &Request::Rights(request.clone())).await? {
        Some(Answer::Rights(done)) => Ok(Some(done)),
        other => refused(other),
    }
}

/// Has it erase what has been kept long enough, as its own configuration says.
pub async fn hand_over_sweep(keys: &Path, dry_run: bool) -> Result<Option<Vec<Swept>>, ControlError> {
    match ask(keys, &Request::Sweep { dry_run }).await? {
        Some(Answer::Swept(all)) => Ok(Some(all)),
        other => refused(other),
    }
}

fn refused<T>(answer: Option<Answer>) -> Result<Option<T>, ControlError> {
    match answer {
        None => Ok(None),
        Some(Answer::Failed(why)) => Err(ControlError::Refused(why)),
        Some(Answer::Erased(_) | Answer::Held(_) | Answer::Rights(_) | Answer::Swept(_)) => {
            Err(ControlError::Refused("it answered something else: is it of another version?".into()))
        }
    }
}

async fn ask(keys: &Path, request: &Request) -> io::Result<Option<Answer>> {
    let Ok(stream) = UnixStream::connect(socket(keys)).await else { return Ok(None) };
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    let (from, mut to) = stream.into_split();
    to.write_all(&line).await?;
    let mut answer = Vec::new();
    BufReader::new(from).take(MAX_ANSWER).read_until(b'\n', &mut answer).await?;
    Ok(Some(serde_json::from_slice(&answer)?))
}

/// Listens for commands, in a folder that the owner alone can enter, on a socket that the owner alone can write to. The socket
/// of a program that was killed is taken over: whoever serves has the folder to itself.
pub(crate) fn listen(keys: &Path) -> io::Result<UnixListener> {
    if std::fs::metadata(keys)?.mode() & 0o077 != 0 {
        let shown = keys.display();
        return Err(io::Error::other(format!("others can enter {shown}: run chmod 700 on it")));
    }
    let path = socket(keys);
    if path.exists() && Probe::connect(&path).is_err() {
        std::fs::remove_file(&path)?;
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Takes the socket away.
pub(crate) fn end(keys: &Path) {
    let _gone_already = std::fs::remove_file(socket(keys));
}

/// Does what is asked.
pub(crate) async fn run(listener: UnixListener, house: Arc<House>) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let next = async {
            let room = Arc::clone(&room).acquire_owned().await.map_err(io::Error::other)?;
            Ok::<_, io::Error>((listener.accept().await?.0, room))
        };
        let connected = tokio::select! {
            connected = next => connected,
            () = house.closing.cancelled() => return,
        };
        let (stream, room) = match connected {
            Ok(connected) => connected,
            Err(error) => {
                tracing::warn!(%error, "a command to this installation was not answered");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let house = Arc::clone(&house);
        tokio::spawn(async move {
            if let Err(error) = answer(stream, &house).await {
                tracing::warn!(%error, "a command to this installation was not answered");
            }
            drop(room);
        });
    }
}

/// The request that comes on a connection.
async fn request(from: impl tokio::io::AsyncRead + Unpin) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    let mut from = BufReader::new(from).take(MAX_REQUEST);
    timeout(ASKING, from.read_until(b'\n', &mut line)).await??;
    Ok(line)
}

async fn answer(stream: UnixStream, house: &House) -> io::Result<()> {
    let (from, mut to) = stream.into_split();
    let line = request(from).await?;
    let storage = &house.installation.storage;
    let failed = |error: crate::EraseError| Answer::Failed(error.to_string());
    let answer = match serde_json::from_slice(&line) {
        Ok(Request::Erase(request)) => storage.erase(&request).await.map_or_else(failed, Answer::Erased),
        Ok(Request::Hold(request)) => storage.hold(&request).await.map_or_else(failed, Answer::Held),
        Ok(Request::Rights(request)) => {
            let failed = |error: crate::RightsError| Answer::Failed(error.to_string());
            storage.rights(&request).await.map_or_else(failed, Answer::Rights)
        }
        Ok(Request::Sweep { dry_run }) => Answer::Swept(sweep_all(house, dry_run).await),
        Err(error) => Answer::Failed(format!(
            "this installation does not know the command ({error}): is it of another version?"
        )),
    };
    let mut line = serde_json::to_vec(&answer)?;
    line.push(b'\n');
    timeout(ANSWERING, to.write_all(&line)).await?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_socket_is_for_the_owner_alone_and_so_is_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o750)).unwrap();
        let refused = listen(folder.path()).unwrap_err();
        assert!(refused.to_string().contains("chmod 700"), "{refused}");
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
        let _listener = listen(folder.path()).unwrap();
        let mode = std::fs::metadata(socket(folder.path())).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_is_not_waited_for() {
        let (silent, ours) = UnixStream::pair().unwrap();
        let error = request(ours).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(silent);
    }
}
