//! The threads of the administration. Its requests are carried out behind the calls: no call waits for a thread that answers one,
//! and the kernel serves the calls' threads before these.

use std::io;

use tokio::runtime::{Builder, Handle, Runtime};

/// After the media loop's and the agents' threads, by so much.
const NICE: i32 = 10;
/// Threads that answer.
const ANSWERING: usize = 2;
/// Threads that wait for files, and that sign and compile: more of those wait for one.
const WAITING: usize = 32;

/// Threads of their own, until this is dropped.
pub(crate) struct AdminThreads(Option<Runtime>);

impl AdminThreads {
    /// Starts them.
    pub(crate) fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(ANSWERING)
            .max_blocking_threads(WAITING)
            .thread_name("administration")
            .enable_all()
            .on_thread_start(behind)
            .build()?;
        Ok(Self(Some(runtime)))
    }

    /// What tasks are begun with on them; `None` once they end.
    pub(crate) fn handle(&self) -> Option<&Handle> {
        self.0.as_ref().map(Runtime::handle)
    }
}

impl Drop for AdminThreads {
    fn drop(&mut self) {
        // Waits for nothing: whoever drops this may be a task.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Has the kernel serve the calling thread behind those of the calls. On Linux that belongs to a thread.
fn behind() {
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::warn!(%error, "the administration answers at the calls' own priority");
    }
}
