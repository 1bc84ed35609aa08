//! What takes longer than a request: one at a time for each tenant, a few at a time for all of them, each known by its case for an
//! hour. It is in memory alone: what was cut off is asked for again, and what was done is in the log.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use parloir_contract::{CallId, TenantId};
use tokio::sync::Semaphore;

use super::problem::{Kind, Problem};
use crate::persons::PersonError;

/// Those that go on at one time.
const MOST: usize = 4;
/// Those of a tenant that are known: the one that ended first goes before another begins.
const OF_A_TENANT: usize = 16;
/// The same of all tenants together: one that found much is a megabyte.
const OF_ALL: usize = 256;
/// For how long one that ended is known, since something of it was taken last.
const KEPT: SignedDuration = SignedDuration::from_hours(1);

/// How far one is.
#[derive(Debug, Clone)]
pub(super) enum Stage<T> {
    /// It goes on.
    Running,
    /// It is done.
    Done(T),
    /// It could not be done.
    Failed(PersonError),
}

/// One of them.
#[derive(Debug, Clone)]
pub(super) struct Job<T> {
    /// The user who asked for it.
    pub(super) by: String,
    pub(super) began: Timestamp,
    pub(super) ended: Option<Timestamp>,
    /// When something of it was taken: what takes longer than it is known is taken to its end.
    taken: Option<Timestamp>,
    pub(super) stage: Stage<T>,
}

impl<T> Job<T> {
    /// What tells this state of it from every other.
    pub(super) fn etag(&self) -> String {
        let ended = self.ended.map_or(0, Timestamp::as_nanosecond);
        format!("{:x}-{ended:x}", self.began.as_nanosecond())
    }

    fn is_over(&self, now: Timestamp) -> bool {
        let last = self.taken.or(self.ended);
        last.is_some_and(|last| last.checked_add(KEPT).is_ok_and(|until| until <= now))
    }
}

/// Those that are known, each by whose case it is of.
type Known<T> = HashMap<(TenantId, CallId), Job<T>>;

/// All of one kind.
pub(super) struct Jobs<T> {
    room: Arc<Semaphore>,
    all: Mutex<Known<T>>,
}

impl<T: Clone + Send + 'static> Jobs<T> {
    /// None yet.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { room: Arc::new(Semaphore::new(MOST)), all: Mutex::default() })
    }

    fn all(&self) -> MutexGuard<'_, Known<T>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins one for a case; where one goes on already, that is left as it is, or whoever asks is told to wait where the two may
    /// not be the same. It goes on where whoever asked is gone.
    pub(super) fn begin(
        self: &Arc<Self>,
        tenant: &TenantId,
        case: CallId,
        by: &str,
        joins: bool,
        doing: impl Future<Output = Result<T, PersonError>> + Send + 'static,
    ) -> Result<(), Problem> {
        let (key, now) = ((tenant.clone(), case), Timestamp::now());
        let is_running = |job: &Job<T>| matches!(job.stage, Stage::Running);
        let mut all = self.all();
        all.retain(|_, job| !job.is_over(now));
        if joins && all.get(&key).is_some_and(is_running) {
            return Ok(());
        }
        if all.iter().any(|((whose, _), job)| whose == tenant && is_running(job)) {
            let detail = "a case of this tenant is being worked on";
            return Err(Problem::new(Kind::Busy, detail, "wait until it is done, and ask again"));
        }
        let Ok(place) = Arc::clone(&self.room).try_acquire_owned() else {
            let detail = "as many cases are being worked on as there is room for";
            return Err(Problem::new(Kind::Busy, detail, "wait as Retry-After says, and ask again"));
        };
        if !all.contains_key(&key) {
            make_room(&mut all, OF_A_TENANT, |whose| whose == tenant);
            make_room(&mut all, OF_ALL, |_| true);
        }
        let job = Job { by: by.to_owned(), began: now, ended: None, taken: None, stage: Stage::Running };
        all.insert(key.clone(), job);
        drop(all);
        let jobs = Arc::clone(self);
        tokio::spawn(async move {
            // In a task of its own, so that one that fails is not for ever said to go on.
            let done = tokio::spawn(doing).await;
            let stage = match done {
                Ok(Ok(done)) => Stage::Done(done),
                Ok(Err(error)) => Stage::Failed(error),
                Err(error) => Stage::Failed(PersonError::Failed(error.to_string())),
            };
            if let Stage::Failed(PersonError::Failed(why)) = &stage {
                tracing::error!(why, tenant = %key.0, case = %key.1, "what was asked for in a case could not be done");
            }
            if let Some(job) = jobs.all().get_mut(&key) {
                (job.stage, job.ended) = (stage, Some(Timestamp::now()));
            }
            drop(place);
        });
        Ok(())
    }

    /// The one of a case, where it is known.
    pub(super) fn get(&self, tenant: &TenantId, case: CallId) -> Option<Job<T>> {
        let now = Timestamp::now();
        self.all().get(&(tenant.clone(), case)).filter(|job| !job.is_over(now)).cloned()
    }

    /// Changes what is known of the one that began then, where that is done and is known still: another in its place stays as it is.
    pub(super) fn change<A>(
        &self,
        tenant: &TenantId,
        case: CallId,
        began: Timestamp,
        how: impl FnOnce(&mut T) -> A,
    ) -> Option<A> {
        let mut all = self.all();
        let job = all.get_mut(&(tenant.clone(), case)).filter(|job| job.began == began)?;
        match &mut job.stage {
            Stage::Done(done) => {
                job.taken = Some(Timestamp::now());
                Some(how(done))
            }
            Stage::Running | Stage::Failed(_) => None,
        }
    }
}

/// Forgets the one that ended first, where there are as many of those that count as may be known. What goes on is never forgotten.
fn make_room<T>(all: &mut Known<T>, most: usize, counts: impl Fn(&TenantId) -> bool) {
    let those = all.iter().filter(|((whose, _), _)| counts(whose));
    let those: Vec<_> = those.map(|(key, job)| (job.ended, key.clone())).collect();
    if those.len() < most {
        return;
    }
    let first = those.into_iter().filter(|(ended, _)| ended.is_some()).min_by_key(|(ended, _)| *ended);
    if let Some((_, first)) = first {
        all.remove(&first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(number: u8) -> CallId {
        CallId::from_bytes([number; 16])
    }

    async fn ended(jobs: &Jobs<u8>, tenant: &TenantId, of: CallId) -> Job<u8> {
        loop {
            match jobs.get(tenant, of) {
                Some(job) if job.ended.is_some() => return job,
                Some(_) | None => tokio::task::yield_now().await,
            }
        }
    }

    #[tokio::test]
    async fn a_tenant_has_one_that_goes_on_and_the_others_have_theirs() {
        let (jobs, [a, b]) = (Jobs::<u8>::new(), ["a", "b"].map(|id| id.parse::<TenantId>().unwrap()));
        let (go, waits) = tokio::sync::oneshot::channel::<()>();
        let first = async move {
            let _told = waits.await;
            Ok(1)
        };
        jobs.begin(&a, case(1), "anne", true, first).unwrap();
        jobs.begin(&a, case(1), "luc", true, async { Ok(9) }).unwrap();
        let other = jobs.begin(&a, case(1), "luc", false, async { Ok(9) }).unwrap_err();
        assert_eq!(other.status, 429, "what may be something else is not taken for it");
        let busy = jobs.begin(&a, case(2), "luc", true, async { Ok(2) }).unwrap_err();
        assert_eq!(busy.status, 429);
        jobs.begin(&b, case(2), "marie", true, async { Err(PersonError::Refused("no".into())) }).unwrap();
        assert!(matches!(ended(&jobs, &b, case(2)).await.stage, Stage::Failed(PersonError::Refused(_))));
        let running = jobs.get(&a, case(1)).unwrap();
        assert!(!running.is_over(running.began + 2 * KEPT), "what goes on is known for as long as it does");
        assert!(running.by == "anne" && matches!(running.stage, Stage::Running));
        assert!(jobs.get(&b, case(1)).is_none(), "a case of one tenant is nothing to another");
        go.send(()).unwrap();
        let done = ended(&jobs, &a, case(1)).await;
        assert!(matches!(done.stage, Stage::Done(1)) && done.etag() != running.etag());
        assert_eq!(jobs.change(&a, case(1), done.began, |done| std::mem::replace(done, 7)), Some(1));
        let taken = jobs.get(&a, case(1)).unwrap();
        assert!(matches!(taken.stage, Stage::Done(7)) && taken.etag() == done.etag());
        let hour = done.ended.unwrap() + KEPT;
        assert!(done.is_over(hour) && !taken.is_over(hour) && taken.is_over(taken.taken.unwrap() + KEPT));
        jobs.begin(&a, case(1), "luc", true, async { Ok(2) }).unwrap();
        ended(&jobs, &a, case(1)).await;
        let late = jobs.change(&a, case(1), done.began, |done| std::mem::replace(done, 9));
        assert_eq!(late, None, "what is changed of one is not changed of the next");
        jobs.begin(&a, case(2), "luc", true, async { Ok(2) }).unwrap();
    }

    #[tokio::test]
    async fn of_all_tenants_together_no_more_are_known_and_none_is_forgotten_that_goes_on() {
        let (jobs, of) = (Jobs::<u8>::new(), |at: usize| format!("t{at}").parse::<TenantId>().unwrap());
        let (_go, waits) = tokio::sync::oneshot::channel::<()>();
        let held = async move {
            let _told = waits.await;
            Ok(1)
        };
        jobs.begin(&of(0), case(0), "anne", true, held).unwrap();
        for at in 1..=OF_ALL {
            jobs.begin(&of(at), case(0), "anne", true, async { Ok(2) }).unwrap();
            ended(&jobs, &of(at), case(0)).await;
            // Its place is left once it is known to be over.
            while jobs.room.available_permits() < MOST - 1 {
                tokio::task::yield_now().await;
            }
        }
        assert_eq!(jobs.all().len(), OF_ALL);
        assert!(jobs.get(&of(0), case(0)).is_some() && jobs.get(&of(1), case(0)).is_none());
    }

    #[tokio::test]
    async fn of_many_that_ended_the_last_are_known_and_one_that_broke_is_not_said_to_go_on() {
        let (jobs, a) = (Jobs::<u8>::new(), "a".parse::<TenantId>().unwrap());
        let broken = async { Ok("no number".parse::<u8>().unwrap()) };
        jobs.begin(&a, case(0), "anne", true, broken).unwrap();
        assert!(matches!(ended(&jobs, &a, case(0)).await.stage, Stage::Failed(PersonError::Failed(_))));
        for number in 1..=OF_A_TENANT as u8 {
            jobs.begin(&a, case(number), "anne", true, async move { Ok(number) }).unwrap();
            ended(&jobs, &a, case(number)).await;
        }
        assert!(jobs.get(&a, case(0)).is_none() && jobs.get(&a, case(1)).is_some());
    }
}
