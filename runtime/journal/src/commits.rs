//! Tenants' logs made durable at the same time: no tenant waits for what another has written.
//!
//! A log is durable once its disk says so, which takes as long for ten bytes as for ten thousand: one after the other, the last
//! of a hundred tenants would wait a hundred times as long as the first.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use parking_lot::Mutex;
use parloir_contract::TenantId;

use crate::AppendError;
use crate::call::Waiter;
use crate::segment::Log;
use crate::tails::{Name, Taken};
use crate::tlog::Durable;

/// Logs that are made durable at one time, beside those of the tenant whom the writer looks after itself.
const AT_ONCE: usize = 7;

/// What waits in one tenant's logs, and who waits for it.
pub(crate) struct Commit {
    pub(crate) tenant: TenantId,
    /// Recordings before the journal, whose records name them.
    pub(crate) logs: Vec<(Name, Taken)>,
    pub(crate) waiters: Vec<Waiter>,
}

impl Commit {
    /// Bytes that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.logs.iter().map(|(_, taken)| taken.tail().waiting()).sum()
    }

    /// Makes them durable, and tells who waits what came of it.
    fn carry_out(&mut self, durable: &Durable) -> io::Result<()> {
        let done = self.make_durable(durable);
        for waiter in self.waiters.drain(..) {
            let told = done.as_ref().map_err(|error| AppendError::Failed(error.to_string()));
            let _nobody_waits = waiter.send(told.copied());
        }
        done
    }

    fn make_durable(&mut self, durable: &Durable) -> io::Result<()> {
        for ((_, log), taken) in &mut self.logs {
            let tail = taken.tail_mut();
            tail.commit()?;
            if *log == Log::Journal {
                durable.reached(&self.tenant, tail.end());
            }
        }
        Ok(())
    }
}

/// A commit that was tried, and whether it is durable.
type Tried = (Commit, io::Result<()>);
type Job = (Commit, Sender<Tried>);

/// The threads that do this.
pub(crate) struct Committers {
    durable: Arc<Durable>,
    jobs: Sender<Job>,
    waiting: Arc<Mutex<Receiver<Job>>>,
    threads: Vec<JoinHandle<()>>,
}

impl Committers {
    /// Without a thread: those that are needed are begun when they are.
    pub(crate) fn new(durable: Arc<Durable>) -> Self {
        let (jobs, waiting) = channel();
        Self { durable, jobs, waiting: Arc::new(Mutex::new(waiting)), threads: Vec::new() }
    }

    /// Carries them out, the smallest first, and gives back all that were.
    ///
    /// # Errors
    /// Where one of them is not durable; and then what is not given back is with it.
    pub(crate) fn carry_out(&mut self, mut commits: Vec<Commit>) -> io::Result<Vec<Commit>> {
        commits.sort_by_cached_key(Commit::bytes);
        let mut commits = commits.into_iter();
        let Some(mut first) = commits.next() else { return Ok(Vec::new()) };
        let (tried, done) = channel();
        let mut others = 0_usize;
        for commit in commits {
            others += 1;
            self.jobs.send((commit, tried.clone())).map_err(|_| broken_down())?;
        }
        drop(tried);
        while self.threads.len() < others.min(AT_ONCE) {
            self.begin()?;
        }
        first.carry_out(&self.durable)?;
        let mut carried_out = Vec::with_capacity(others + 1);
        carried_out.push(first);
        // Ends as soon as nobody has one in hand, also where a thread broke down with it.
        for (commit, outcome) in done {
            outcome?;
            carried_out.push(commit);
        }
        if carried_out.len() <= others {
            return Err(broken_down());
        }
        Ok(carried_out)
    }

    fn begin(&mut self) -> io::Result<()> {
        let (waiting, durable) = (Arc::clone(&self.waiting), Arc::clone(&self.durable));
        let thread = thread::Builder::new().name("journal-disk".into()).spawn(move || {
            loop {
                let job = waiting.lock().recv();
                let Ok((mut commit, tried)) = job else { return };
                let outcome = commit.carry_out(&durable);
                // Where another failed before, nobody asks any more.
                let _nobody_asks = tried.send((commit, outcome));
            }
        })?;
        self.threads.push(thread);
        Ok(())
    }
}

impl Drop for Committers {
    fn drop(&mut self) {
        // What they wait for is over once nobody can send.
        let (nobody, _) = channel();
        self.jobs = nobody;
        for thread in self.threads.drain(..) {
            let _panicked = thread.join();
        }
    }
}

fn broken_down() -> io::Error {
    io::Error::other("a thread that writes broke down")
}
