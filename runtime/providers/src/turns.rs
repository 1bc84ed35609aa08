//! Places on this machine for which calls take turns, tenant after tenant.
//!
//! First come, first served would have one tenant's callers wait behind a hundred of another's. So those who wait are in a queue of
//! their tenant's, and each tenant is served one at a time, in turn. Where all may not wait, those of the tenant with most are sent away.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use parloir_contract::TenantId;
use tokio::sync::oneshot;

/// Whose it is; `None` is nobody's in particular: the host's own.
type Whose = Option<TenantId>;

/// So many places, for which so many may wait.
#[derive(Clone)]
pub(crate) struct Turns(Arc<Mutex<State>>);

/// A place. The next one has it when this is dropped.
pub(crate) struct Turn(Turns);

/// More wait than may: a tenant that has more waiting than others is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooMany;

struct State {
    free: usize,
    most: usize,
    /// Who is next first. None of the queues is empty.
    waiting: VecDeque<(Whose, VecDeque<oneshot::Sender<Turn>>)>,
}

impl State {
    /// Forgets those who wait no more, and says how many do.
    fn count(&mut self) -> usize {
        for (_, queue) in &mut self.waiting {
            queue.retain(|sender| !sender.is_closed());
        }
        self.waiting.retain(|(_, queue)| !queue.is_empty());
        self.waiting.iter().map(|(_, queue)| queue.len()).sum()
    }

    /// Sends away the last of the tenant with most waiting, if that has more than this one would have.
    fn make_room(&mut self, whose: &Whose) -> Result<(), TooMany> {
        let own = self.waiting.iter().find(|(tenant, _)| tenant == whose).map_or(0, |(_, queue)| queue.len());
        let longest = self.waiting.iter_mut().max_by_key(|(_, queue)| queue.len());
        let (_, queue) = longest.filter(|(_, queue)| queue.len() > own + 1).ok_or(TooMany)?;
        queue.pop_back();
        Ok(())
    }

    /// Who is next; its tenant is last from then on.
    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        let (whose, mut queue) = self.waiting.pop_front()?;
        let next = queue.pop_front();
        if !queue.is_empty() {
            self.waiting.push_back((whose, queue));
        }
        next
    }
}

impl Turns {
    /// So many places, for which so many may wait.
    pub(crate) fn of(places: usize, most: usize) -> Self {
        Self(Arc::new(Mutex::new(State { free: places, most, waiting: VecDeque::new() })))
    }

    /// Waits for a place. Whoever stops waiting gives theirs up.
    pub(crate) async fn take(&self, whose: Whose) -> Result<Turn, TooMany> {
        let place = {
            let mut state = self.0.lock();
            if let Some(free) = state.free.checked_sub(1) {
                state.free = free;
                return Ok(Turn(self.clone()));
            }
            if state.count() >= state.most {
                state.make_room(&whose)?;
            }
            let (sender, place) = oneshot::channel();
            match state.waiting.iter_mut().find(|(tenant, _)| *tenant == whose) {
                Some((_, queue)) => queue.push_back(sender),
                None => state.waiting.push_back((whose, VecDeque::from([sender]))),
            }
            place
        };
        place.await.map_err(|_| TooMany)
    }

    /// Places that nobody has.
    #[cfg(test)]
    pub(crate) fn free(&self) -> usize {
        self.0.lock().free
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.0.lock().count()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let next = {
            let mut state = self.0.0.lock();
            let next = state.next();
            if next.is_none() {
                state.free += 1;
            }
            next
        };
        // Where nobody waits there any more, the place comes back and is dropped again.
        if let Some(next) = next {
            let _given = next.send(Self(self.0.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str) -> Whose {
        Some(name.parse().unwrap())
    }

    /// Begins to wait, and says who it is once it has its place.
    fn wait(
        turns: &Turns,
        name: &'static str,
        told: &Arc<Mutex<Vec<&'static str>>>,
    ) -> tokio::task::JoinHandle<bool> {
        let (turns, told) = (turns.clone(), told.clone());
        let whose = tenant(name);
        tokio::spawn(async move {
            let place = turns.take(whose).await;
            told.lock().push(name);
            place.is_ok()
        })
    }

    #[tokio::test]
    async fn tenants_take_turns_however_many_of_one_wait() {
        let (turns, told) = (Turns::of(1, 10), Arc::default());
        let place = turns.take(tenant("noisy")).await.unwrap();
        let mut tasks = Vec::new();
        for name in ["noisy", "noisy", "noisy", "quiet", "other"] {
            tasks.push(wait(&turns, name, &told));
            tokio::task::yield_now().await;
        }
        assert_eq!(turns.waiting(), 5);
        drop(place);
        for task in tasks {
            assert!(task.await.unwrap());
        }
        assert_eq!(*told.lock(), ["noisy", "quiet", "other", "noisy", "noisy"]);
        assert_eq!(turns.waiting(), 0);
        // The place is free again, and it is one.
        let _place = turns.take(None).await.unwrap();
        assert_eq!(turns.free(), 0);
    }

    #[tokio::test]
    async fn where_all_wait_who_may_those_of_the_tenant_with_most_are_sent_away() {
        let (turns, told) = (Turns::of(1, 3), Arc::default());
        let place = turns.take(None).await.unwrap();
        let noisy: Vec<_> = (0..3).map(|_| wait(&turns, "noisy", &told)).collect();
        tokio::task::yield_now().await;
        assert!(matches!(turns.take(tenant("noisy")).await, Err(TooMany)));
        let quiet = wait(&turns, "quiet", &told);
        tokio::task::yield_now().await;
        // Who has as many as the other would have does not make it leave.
        let more = wait(&turns, "quiet", &told);
        assert!(!more.await.unwrap());
        drop(place);
        assert!(quiet.await.unwrap());
        let mut served = Vec::new();
        for task in noisy {
            served.push(task.await.unwrap());
        }
        assert_eq!(served, [true, true, false]);
    }

    #[tokio::test]
    async fn who_waits_no_more_keeps_nobody_waiting() {
        let (turns, told) = (Turns::of(1, 2), Arc::default());
        let place = turns.take(None).await.unwrap();
        for _ in 0..2 {
            let gone = wait(&turns, "noisy", &told);
            tokio::task::yield_now().await;
            gone.abort();
            assert!(gone.await.is_err());
        }
        assert_eq!(turns.waiting(), 0);
        let (one, other) = (wait(&turns, "noisy", &told), wait(&turns, "quiet", &told));
        tokio::task::yield_now().await;
        one.abort();
        assert!(one.await.is_err());
        drop(place);
        assert!(other.await.unwrap());
        assert_eq!(turns.free(), 1);
    }
}
