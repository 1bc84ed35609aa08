//! Several tenants' logs made durable at the same time: of what is written together, nobody waits for the disk as often as there
//! are others.
//!
//! A log is durable once its disk says so, which takes as long for ten bytes as for ten thousand: one after the other, the last
//! of a hundred tenants would wait a hundred times as long as the first. The smallest go first. The next group begins when all
//! of this one are durable.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::{Condvar, Mutex};
use parloir_contract::TenantId;

use crate::AppendError;
use crate::call::Waiter;
use crate::segment::Log;
use crate::tails::{Name, Taken};
use crate::tlog::Durable;

/// Threads that wait for the disk, beside the writer's own.
const MOST_HELPERS: usize = 7;

/// What waits in one tenant's logs, and who waits for it.
pub(crate) struct Commit {
    pub(crate) tenant: TenantId,
    /// Recordings before the journal, whose records name them.
    pub(crate) logs: Vec<(Name, Taken)>,
    pub(crate) waiters: Vec<Waiter>,
}

impl Commit {
    /// Bytes that wait.
    fn bytes(&self) -> usize {
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

#[derive(Default)]
struct Table {
    waiting: VecDeque<Commit>,
    tried: Vec<(Commit, io::Result<()>)>,
    /// Commits that are not tried yet.
    left: usize,
    stop: bool,
}

#[derive(Default)]
struct Room {
    table: Mutex<Table>,
    /// There is something on the table.
    laid: Condvar,
    /// All of it was tried.
    done: Condvar,
}

/// Says at its end that a commit was tried: however it ends, nobody waits for it for ever.
struct Finished<'a>(&'a Room);

impl Drop for Finished<'_> {
    fn drop(&mut self) {
        let mut table = self.0.table.lock();
        table.left = table.left.saturating_sub(1);
        if table.left == 0 {
            self.0.done.notify_one();
        }
    }
}

impl Room {
    fn carry_out(&self, mut commit: Commit, durable: &Durable) {
        let _finished = Finished(self);
        let outcome = commit.carry_out(durable);
        self.table.lock().tried.push((commit, outcome));
    }

    fn help(&self, durable: &Durable) {
        loop {
            let commit = {
                let mut table = self.table.lock();
                loop {
                    if table.stop {
                        return;
                    }
                    if let Some(commit) = table.waiting.pop_front() {
                        break commit;
                    }
                    self.laid.wait(&mut table);
                }
            };
            self.carry_out(commit, durable);
        }
    }
}

/// The threads that do this.
pub(crate) struct Committers {
    durable: Arc<Durable>,
    room: Arc<Room>,
    helpers: Vec<JoinHandle<()>>,
}

impl Committers {
    /// Without a thread: those that are needed are begun when they are.
    pub(crate) fn new(durable: Arc<Durable>) -> Self {
        Self { durable, room: Arc::default(), helpers: Vec::new() }
    }

    /// Carries them out, and gives them back.
    ///
    /// # Errors
    /// Where one of them is not durable: what could not be made so is not given back.
    pub(crate) fn carry_out(&mut self, mut commits: Vec<Commit>) -> io::Result<Vec<Commit>> {
        let count = commits.len();
        commits.sort_by_cached_key(Commit::bytes);
        self.have_helpers(count.saturating_sub(1).min(MOST_HELPERS));
        {
            let mut table = self.room.table.lock();
            table.left = count;
            table.waiting = commits.into();
        }
        for _ in 1..count {
            self.room.laid.notify_one();
        }
        loop {
            let Some(commit) = self.room.table.lock().waiting.pop_front() else { break };
            self.room.carry_out(commit, &self.durable);
        }
        let mut table = self.room.table.lock();
        while table.left > 0 {
            self.room.done.wait(&mut table);
        }
        let tried = std::mem::take(&mut table.tried);
        drop(table);
        if tried.len() != count {
            return Err(io::Error::other("a thread that writes broke down"));
        }
        tried.into_iter().map(|(commit, outcome)| outcome.map(|()| commit)).collect()
    }

    /// Where no more threads can be had, those that there are do the work, and the writer's.
    fn have_helpers(&mut self, count: usize) {
        while self.helpers.len() < count {
            let (room, durable) = (Arc::clone(&self.room), Arc::clone(&self.durable));
            let helper = thread::Builder::new().name("journal-disk".into());
            match helper.spawn(move || room.help(&durable)) {
                Ok(helper) => self.helpers.push(helper),
                Err(error) => {
                    tracing::warn!(%error, "fewer logs are made durable at one time: no more threads can be had");
                    return;
                }
            }
        }
    }
}

impl Drop for Committers {
    fn drop(&mut self) {
        self.room.table.lock().stop = true;
        self.room.laid.notify_all();
        for helper in self.helpers.drain(..) {
            let _panicked = helper.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::path::Path;
    use std::sync::atomic::Ordering;

    use parloir_store::disk::Disk;
    use tokio::sync::oneshot::{self, Receiver};

    use super::*;
    use crate::segment::tests::Watched;
    use crate::segment::{FrameKind, Tail};
    use crate::tails::Tails;

    type Told = HashMap<String, Receiver<Result<(), AppendError>>>;

    /// More tenants than there are threads, each with something in both of its logs; the last is named `broken`.
    fn waiting(disk: &Arc<dyn Disk>, data: &Path) -> (Vec<Commit>, Told) {
        let (mut commits, mut told) = (Vec::new(), Told::new());
        for number in 0..12 {
            let name = if number == 11 { "broken".to_owned() } else { format!("t{number}") };
            let tenant: TenantId = name.parse().unwrap();
            let open = [Log::Recordings, Log::Journal].map(|log| {
                let mut tail = Tail::open(disk, data, log, &tenant).unwrap();
                tail.append(FrameKind::Chunk, &vec![number; 100 * usize::from(12 - number)]).unwrap();
                ((tenant.clone(), log), tail)
            });
            let mut logs = Tails::new(HashMap::from(open)).take_out(Tail::is_pending);
            logs.sort_by_key(|((_, log), _)| *log == Log::Journal);
            let (waiter, wait) = oneshot::channel();
            told.insert(name, wait);
            commits.push(Commit { tenant, logs, waiters: vec![waiter] });
        }
        (commits, told)
    }

    #[test]
    fn each_tenant_is_told_of_its_own_logs_and_recordings_are_durable_before_what_names_them() {
        let data = tempfile::tempdir().unwrap();
        let watched = Watched::default();
        let disk: Arc<dyn Disk> = Arc::new(watched.clone());
        let mut committers = Committers::new(Arc::default());
        let (commits, mut told) = waiting(&disk, data.path());
        watched.0.lock().clear();
        let carried_out = committers.carry_out(commits).unwrap();
        assert_eq!((carried_out.len(), committers.helpers.len()), (12, MOST_HELPERS));
        assert!(carried_out.iter().flat_map(|commit| &commit.logs).all(|(_, log)| !log.tail().is_pending()));
        assert!(told.values_mut().all(|told| told.try_recv() == Ok(Ok(()))));
        let synced = watched.0.lock().clone();
        assert_eq!(synced.len(), 24, "{synced:?}");
        for commit in &carried_out {
            let place = |log: Log| {
                let folder = log.folder(data.path(), &commit.tenant);
                synced.iter().position(|path| path.starts_with(&folder)).unwrap()
            };
            assert!(place(Log::Recordings) < place(Log::Journal), "{synced:?}");
        }
        drop(carried_out);

        let (commits, told) = waiting(&disk, data.path());
        watched.1.store(true, Ordering::Relaxed);
        let failed = committers.carry_out(commits).map(|commits| commits.len()).unwrap_err();
        assert!(failed.to_string().contains("the disk is gone"), "{failed}");
        for (name, mut told) in told {
            let told = told.try_recv().unwrap();
            match name.as_str() {
                "broken" => assert!(told.unwrap_err().to_string().contains("the disk is gone")),
                _ => assert_eq!(told, Ok(()), "{name}"),
            }
        }
        assert_eq!(committers.carry_out(Vec::new()).unwrap().len(), 0);
    }
}
