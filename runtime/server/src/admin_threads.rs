//! The threads of the administration. Its requests are carried out behind the calls: no call waits for a thread that answers one,
//! and the kernel serves the calls' threads before these.

use std::io;

use rustix::process::{getpriority_process, setpriority_process};
use tokio::runtime::{Builder, Handle, Runtime};

/// After the media loop's and the agents' threads, by so much.
const LATER: i32 = 10;
/// The last niceness there is.
const LAST: i32 = 19;
/// Threads that answer.
const ANSWERING: usize = 2;
/// Threads that wait for files, and that sign and compile: more of those wait for one.
const WAITING: usize = 32;

/// Threads of their own, until this is dropped.
pub(crate) struct AdminThreads(Option<Runtime>);

impl AdminThreads {
    /// Starts them.
    pub(crate) fn start() -> io::Result<Self> {
        // Counted from where the calls are: the whole program may be served late, and a thread begins as the one that begins it.
        let nice = getpriority_process(None).unwrap_or_default().saturating_add(LATER).min(LAST);
        let runtime = Builder::new_multi_thread()
            .worker_threads(ANSWERING)
            .max_blocking_threads(WAITING)
            .thread_name("administration")
            .enable_all()
            .on_thread_start(move || behind(nice))
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
fn behind(nice: i32) {
    if let Err(error) = setpriority_process(None, nice) {
        tracing::warn!(%error, "a thread of the administration is served as the calls' are");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_the_administration_does_is_served_after_the_calls() {
        let of_calls = getpriority_process(None).unwrap();
        let threads = AdminThreads::start().unwrap();
        let there = threads.handle().unwrap();
        let niceness = || getpriority_process(None).unwrap();
        let answering = there.spawn(async move { niceness() }).await.unwrap();
        let waiting = there.spawn_blocking(niceness).await.unwrap();
        let expected = (of_calls + LATER).min(LAST);
        assert_eq!((answering, waiting), (expected, expected));
    }
}
