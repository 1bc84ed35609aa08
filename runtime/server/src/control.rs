//! The operator's commands to an installation that serves: a socket in the keys folder, which the owner alone can enter.
//!
//! One request and one answer for each connection, each a line of JSON. What a command needs the one writer of the journal
//! for is handed over here; everything else it does on the files.

use std::io;
use std::os::unix::net::UnixStream as Probe;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::erasure::{EraseRequest, HoldRequest, TenantErasure};
use crate::rights::{RightsDone, RightsRequest};
use crate::serve::House;
use crate::sweep::{Swept, sweep_all};

/// The longest request, in bytes.
const MAX_REQUEST: u64 = 64 << 10;
/// The longest answer, in bytes: a tenant may have had many calls.
const MAX_ANSWER: u64 = 256 << 20;

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

/// Listens for commands. The socket of a program that was killed is taken over: whoever serves has the folder to itself.
pub(crate) fn listen(keys: &Path) -> io::Result<UnixListener> {
    let path = socket(keys);
    if path.exists() && Probe::connect(&path).is_err() {
        std::fs::remove_file(&path)?;
    }
    UnixListener::bind(path)
}

/// Takes the socket away.
pub(crate) fn end(keys: &Path) {
    let _gone_already = std::fs::remove_file(socket(keys));
}

/// Does what is asked, one after another.
pub(crate) async fn run(listener: UnixListener, house: Arc<House>) {
    loop {
        let connected = tokio::select! {
            connected = listener.accept() => connected,
            () = house.closing.cancelled() => return,
        };
        let answered = match connected {
            Ok((stream, _)) => answer(stream, &house).await,
            Err(error) => Err(error),
        };
        if let Err(error) = answered {
            tracing::warn!(%error, "a command to this installation was not answered");
        }
    }
}

async fn answer(stream: UnixStream, house: &House) -> io::Result<()> {
    let (from, mut to) = stream.into_split();
    let mut line = Vec::new();
    BufReader::new(from).take(MAX_REQUEST).read_until(b'\n', &mut line).await?;
    let storage = &house.installation.storage;
    let failed = |error: crate::EraseError| Answer::Failed(error.to_string());
    let answer = match serde_json::from_slice(&line) {
        Ok(Request::Erase(request)) => storage.erase(&request).await.map_or_else(failed, Answer::Erased),
        Ok(Request::Hold(request)) => storage.hold(&request).await.map_or_else(failed, Answer::Held),
        Ok(Request::Rights(request)) => {
            let failed = |error: crate::RightsError| Answer::Failed(error.to_string());
            storage.rights(&request).await.map_or_else(failed, Answer::Rights)
        }
        Ok(Request::Sweep { dry_run }) => sweep_all(house, dry_run).await.map_or_else(failed, Answer::Swept),
        Err(error) => Answer::Failed(format!(
            "this installation does not know the command ({error}): is it of another version?"
        )),
    };
    let mut line = serde_json::to_vec(&answer)?;
    line.push(b'\n');
    to.write_all(&line).await
}
