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

/// How long a process whose socket is closed may take to end by itself.
const ENDS: Duration = Duration::from_millis(200);
/// This very program, also where a newer one took its place meanwhile: both sides speak alike.
const ITSELF: &str = "/proc/self/exe";

/// Starts the process of a tenant's agents.
pub trait Launch: Send + Sync {
    /// Starts it. Blocking; called within a runtime of tokio.
    ///
    /// # Errors
    /// Where it does not start.
    fn launch(&self) -> io::Result<Launched>;
}

/// Bytes of memory that a process has; `None` where nobody knows. May block for as long as the kernel takes to say so.
pub type Weighs = Arc<dyn Fn() -> Option<u64> + Send + Sync>;

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
}

impl Program {
    /// The program that takes this argument for its part.
    pub fn new(argument: &'static str) -> Self {
        Self { argument }
    }
}

impl Launch for Program {
    fn launch(&self) -> io::Result<Launched> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let (reads, writes) = UnixStream::from_std(ours)?.into_split();
        let child = Command::new(ITSELF)
            .arg(self.argument)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            // What it says there would be an agent's word in the operator's log.
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let process = child.id();
        Ok(Launched {
            reads: Box::new(reads),
            writes: Box::new(writes),
            ended: Box::pin(end(child)),
            weighs: Arc::new(move || weight(process?)),
        })
    }
}

/// What a process has of memory: that which is there, that which was put away, and the tables by which it is found.
fn weight(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    weight_in(&status)
}

fn weight_in(status: &str) -> Option<u64> {
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    let beside = ["VmSwap:", "VmPTE:"].into_iter().filter_map(kib).fold(0, u64::saturating_add);
    Some(kib("VmRSS:")?.saturating_add(beside).saturating_mul(1 << 10))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_has_of_memory_is_what_the_kernel_says() {
        let status = "Name:\tparloir\nVmPeak:\t9000000000 kB\nVmRSS:\t    1000 kB\nVmPTE:\t      20 kB\nVmSwap:\t       3 kB\n";
        assert_eq!(weight_in(status), Some(1_023 << 10));
        assert_eq!(weight_in("Name:\tparloir\nVmRSS:\t    1000 kB\n"), Some(1_000 << 10));
        // It has ended, and is not yet forgotten.
        assert_eq!(weight_in("Name:\tparloir\nState:\tZ (zombie)\n"), None);
        assert!(weight(std::process::id()).unwrap() > 1 << 20);
        assert_eq!(weight(u32::MAX), None);
    }
}
