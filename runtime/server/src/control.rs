//! The operator's commands to an installation that serves: a socket in the keys folder, which the owner alone can enter.
//!
//! One request and one answer for each connection, each a line of JSON; after the answer that it comes, a back-up. Who connects
//! and says nothing, or does not read, keeps nobody else waiting. What a command needs the one writer of the journal
//! for is handed over here; everything else it does on the files.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream as Probe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parloir_backup::Of;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::back_up::{Incoming, give};
use crate::erasure::{AccessRequest, EraseRequest, HoldRequest, TenantErasure};
use crate::ledger::{LedgerRequest, Ledgers};
use crate::rights::{RightsDone, RightsRequest};
use crate::serve::House;
use crate::sweep::{Swept, sweep_all};

/// The longest request, in bytes: one for reads names a hundred thousand calls.
const MAX_REQUEST: u64 = 8 << 20;
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
    BackUp { of: Of },
    Read(Vec<AccessRequest>),
    Ledger(LedgerRequest),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Answer {
    Erased(Vec<TenantErasure>),
    Held(bool),
    Rights(RightsDone),
    Swept(Vec<Swept>),
    Ledger(Ledgers),
    /// What follows is a back-up of about so many bytes.
    BackUp {
        bytes: u64,
        /// What is beside the keys and not in it.
        #[serde(default)]
        left_out: Vec<String>,
    },
    /// It may be read: that is in the log.
    Noted,
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

/// Has it note that content is read. `None` where none serves; fails where it refuses or does not answer.
pub async fn hand_over_accesses(keys: &Path, reads: &[AccessRequest]) -> Result<Option<()>, ControlError> {
    match ask(keys, &Request::Read(reads.to_vec())).await? {
        Some(Answer::Noted) => Ok(Some(())),
        other => refused(other),
    }
}

/// Whether an installation serves with these keys.
pub fn serves(keys: &Path) -> bool {
    Probe::connect(socket(keys)).is_ok()
}

/// Has it hold a call, or release it. `None` where none serves; fails where it refuses or does not answer.
pub async fn hand_over_hold(keys: &Path, request: &HoldRequest) -> Result<Option<bool>, ControlError> {
    match ask(keys, &Request::Hold(request.clone())).await? {
        Some(Answer::Held(changed)) => Ok(Some(changed)),
        other => refused(other),
    }
}

/// Has it do what a person asks for. `None` where none serves; fails where it refuses or does not answer.
pub async fn hand_over_rights(
    keys: &Path,
    request: &RightsRequest,
) -> Result<Option<RightsDone>, ControlError> {
    match ask(keys, &Request::Rights(request.clone())).await? {
        Some(Answer::Rights(done)) => Ok(Some(done)),
        other => refused(other),
    }
}

/// Has it erase what has been kept long enough, as its own configuration says. `None` where none serves; fails where it refuses
/// or does not answer.
pub async fn hand_over_sweep(keys: &Path, dry_run: bool) -> Result<Option<Vec<Swept>>, ControlError> {
    match ask(keys, &Request::Sweep { dry_run }).await? {
        Some(Answer::Swept(all)) => Ok(Some(all)),
        other => refused(other),
    }
}

/// Has it tell what its tenants' calls used. `None` where none serves; fails where it refuses or does not answer.
pub async fn hand_over_ledger(keys: &Path, request: &LedgerRequest) -> Result<Option<Ledgers>, ControlError> {
    match ask(keys, &Request::Ledger(request.clone())).await? {
        Some(Answer::Ledger(ledgers)) => Ok(Some(ledgers)),
        other => refused(other),
    }
}

fn refused<T>(answer: Option<Answer>) -> Result<Option<T>, ControlError> {
    match answer {
        None => Ok(None),
        Some(Answer::Failed(why)) => Err(ControlError::Refused(why)),
        Some(
            Answer::Erased(_)
            | Answer::Held(_)
            | Answer::Rights(_)
            | Answer::Swept(_)
            | Answer::Ledger(_)
            | Answer::BackUp { .. }
            | Answer::Noted,
        ) => Err(ControlError::Refused("it answered something else: is it of another version?".into())),
    }
}

/// Has it give a back-up, while it serves. Blocks. `None` where none serves; fails where it refuses or does not answer.
pub fn hand_over_back_up(keys: &Path, of: Of) -> Result<Option<Incoming>, ControlError> {
    let Ok(mut stream) = Probe::connect(socket(keys)) else { return Ok(None) };
    let mut line = serde_json::to_vec(&Request::BackUp { of }).map_err(io::Error::from)?;
    line.push(b'\n');
    std::io::Write::write_all(&mut stream, &line)?;
    let mut from = std::io::BufReader::new(stream);
    let mut answer = Vec::new();
    std::io::BufRead::read_until(&mut std::io::Read::take(&mut from, MAX_REQUEST), b'\n', &mut answer)?;
    match serde_json::from_slice(&answer).map_err(io::Error::from)? {
        Answer::BackUp { bytes, left_out } => Ok(Some(Incoming::new((bytes, left_out), from))),
        other => refused(Some(other)),
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
    let one_back_up = Arc::new(Semaphore::new(1));
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
        let (house, one_back_up) = (Arc::clone(&house), Arc::clone(&one_back_up));
        tokio::spawn(async move {
            if let Err(error) = answer(stream, &house, &one_back_up).await {
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

async fn answer(mut stream: UnixStream, house: &House, one_back_up: &Semaphore) -> io::Result<()> {
    let peer = stream.peer_cred()?.uid();
    let line = request(&mut stream).await?;
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
        Ok(Request::Read(reads)) if !reads.iter().all(|read| read.is_of(peer)) => {
            Answer::Failed("it is noted who reads, and that is whoever runs the command".into())
        }
        Ok(Request::Read(reads)) => {
            storage.note_accesses(&reads).await.map_or_else(failed, |()| Answer::Noted)
        }
        Ok(Request::Ledger(request)) => {
            let entries = house.installation.providers.entries();
            let failed = |error: crate::LedgerError| Answer::Failed(error.to_string());
            storage.ledgers(&request, Some(&entries)).await.map_or_else(failed, Answer::Ledger)
        }
        Ok(Request::BackUp { of }) => match one_back_up.try_acquire() {
            Ok(_only) => return back_up(stream, house, of).await,
            Err(_) => Answer::Failed("another back-up is being made: wait until that one is done".into()),
        },
        Err(error) => Answer::Failed(format!(
            "this installation does not know the command ({error}): is it of another version?"
        )),
    };
    tell(stream, &line_of(&answer)?).await
}

fn line_of(answer: &Answer) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    Ok(line)
}

/// Writes an answer, to whoever reads it in time.
async fn tell(mut to: impl tokio::io::AsyncWrite + Unpin, line: &[u8]) -> io::Result<()> {
    timeout(ANSWERING, to.write_all(line)).await?
}

/// Gives a back-up, on a thread of its own once it is known what is in it.
async fn back_up(stream: UnixStream, house: &House, of: Of) -> io::Result<()> {
    let stream = stream.into_std()?;
    stream.set_nonblocking(false)?;
    // Who asked and does not read holds nothing back for long.
    stream.set_write_timeout(Some(ANSWERING))?;
    let (snapshot, held) = match house.installation.storage.snapshot(of).await {
        // No key changes until they are copied.
        Ok((snapshot, held)) => (Ok(snapshot), held),
        Err(error) => (Err(error.to_string()), None),
    };
    let given = tokio::task::spawn_blocking(move || {
        let mut stream = stream;
        let answer = match &snapshot {
            Ok(snapshot) => {
                Answer::BackUp { bytes: snapshot.bytes(), left_out: snapshot.left_out().to_vec() }
            }
            Err(why) => Answer::Failed(why.clone()),
        };
        std::io::Write::write_all(&mut stream, &line_of(&answer)?)?;
        match snapshot {
            Ok(snapshot) => give(stream, snapshot),
            Err(_) => Ok(false),
        }
    });
    let is_kept = given.await??;
    match held {
        Some(held) if is_kept => held.backed_up().await.map_err(io::Error::other),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use parloir_journal::{ContentRead, Reader};

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

    #[test]
    fn who_reads_is_named_and_not_as_somebody_else() {
        let read = |who| AccessRequest {
            tenant: "cabinet".parse().unwrap(),
            read: ContentRead {
                who,
                command: "show".into(),
                calls: vec![],
                purposes: vec![],
                why: Some("a complaint".into()),
            },
        };
        let user = |uid| read(Reader::User { name: "operator".into(), uid });
        assert!(user(1_000).is_of(1_000));
        assert!(!user(0).is_of(1_000));
        let line = serde_json::to_string(&Request::Read(vec![user(7)])).unwrap();
        let Ok(Request::Read(again)) = serde_json::from_str(&line) else { panic!("{line}") };
        assert_eq!(again, [user(7)]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_is_not_waited_for() {
        let (silent, ours) = UnixStream::pair().unwrap();
        let error = request(ours).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(silent);
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_read_is_not_waited_for() {
        let (ours, deaf) = tokio::io::duplex(16);
        let error = tell(ours, &[b'x'; 1_000]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(deaf);
    }
}
