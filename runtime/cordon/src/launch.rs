//! How the process of the agents is started.

use std::io;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::score::OwnScore;
use crate::weight::{Weighs, weight};

/// How long a process whose socket is closed may take to end by itself.
const ENDS: Duration = Duration::from_millis(200);
/// This very program, also where a newer one took its place meanwhile: both sides speak alike.
pub(crate) const ITSELF: &str = "/proc/self/exe";

/// Starts the process of a tenant's agents.
pub trait Launch: Send + Sync {
    /// Starts it. Blocking; called within a runtime of tokio.
    ///
    /// # Errors
    /// Where it does not start.
    fn launch(&self) -> io::Result<Launched>;
}

/// A process that was started.
pub struct Launched {
    /// What it says.
    pub reads: Box<dyn AsyncRead + Send + Unpin>,
    /// What it is told.
    pub writes: Box<dyn AsyncWrite + Send + Unpin>,
    /// Ends it, where it has not ended, and says how it did.
    pub ended: BoxFuture<'static, String>,
    /// What memory it has.
    pub weighs: Weighs,
}

/// This program once more, with one argument: a socket is its standard input, and it has no other file, no environment and no
/// terminal.
#[derive(Debug, Clone)]
pub struct Program {
    argument: &'static str,
    score: Option<Arc<OwnScore>>,
}

impl Program {
    /// The program that takes this argument for its part.
    pub fn new(argument: &'static str) -> Self {
        Self { argument, score: None }
    }

    /// It begins with the highest score, where this process could open its own.
    #[must_use]
    pub fn ending_first(self, score: Option<Arc<OwnScore>>) -> Self {
        Self { score, ..self }
    }
}

impl Launch for Program {
    fn launch(&self) -> io::Result<Launched> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let (reads, writes) = UnixStream::from_std(ours)?.into_split();
        let mut program = Command::new(ITSELF);
        program
            .arg(self.argument)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            // What it says there would be an agent's word in the operator's log.
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let child = match &self.score {
            Some(score) => score.lend(|| program.spawn())?,
            None => program.spawn()?,
        };
        let process = child.id();
        Ok(Launched {
            reads: Box::new(reads),
            writes: Box::new(writes),
            ended: Box::pin(end(child)),
            weighs: Arc::new(move || weight(process?)),
        })
    }
}

async fn end(mut child: Child) -> String {
    let by_itself = timeout(ENDS, child.wait()).await;
    let status = match by_itself {
        Ok(status) => status,
        Err(_) => {
            // Where it has ended meanwhile there is nobody to kill.
            let _ended_already = child.start_kill();
            child.wait().await
        }
    };
    match status {
        Ok(status) => status.to_string(),
        Err(error) => format!("how it ended is not known: {error}"),
    }
}
