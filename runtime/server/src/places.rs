//! Places among the live calls, and the callers who wait for one.
//!
//! A place that gets free is given away in the same moment, to a caller who waits if there is one: whoever rings afterwards does
//! not overtake them. Who waits is counted by itself: of a tenant up to `queue-length`, in all up to as many as there are places,
//! and beyond that, up to twice as many, of tenants of whom fewer wait than is their share.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use parloir_contract::TenantId;
use parloir_tenancy::admission::{Full, Standing, admit, next};
use parloir_tenancy::quota::WhenFull;
use parloir_tenancy::{House, Tenant};
use tokio::sync::oneshot;

/// A place among the live calls. Dropping it frees it.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    tenant: TenantId,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.leave(&self.tenant);
    }
}

/// What a caller has who is not turned away.
#[derive(Debug)]
pub(crate) enum Admitted {
    /// A place.
    Now(Place),
    /// One later, or none.
    Waits(Ticket),
}

/// A caller who waits. Dropping it leaves the queue.
#[derive(Debug)]
pub(crate) struct Ticket {
    places: Arc<Places>,
    tenant: TenantId,
    number: u64,
    place: oneshot::Receiver<Place>,
    since: Instant,
}

impl Ticket {
    /// The place, once there is one; `None` if there never will be. Cancel-safe; not to be asked again afterwards.
    pub(crate) async fn place(&mut self) -> Option<Place> {
        (&mut self.place).await.ok()
    }

    /// How many of the tenant's callers have been waiting for longer.
    pub(crate) fn ahead(&self) -> usize {
        let state = self.places.state.lock();
        let queue = state.tenants.get(&self.tenant).map(|tenant| &tenant.queue);
        queue
            .and_then(|queue| queue.iter().position(|waiter| waiter.number == self.number))
            .unwrap_or_default()
    }

    /// Leaves the queue before this is dropped: whoever has it still counts among those who wait, and gets no place.
    pub(crate) fn leave(&mut self) {
        self.place.close();
        // One that was given in this very moment goes on to somebody else.
        drop(self.place.try_recv());
        let mut state = self.places.state.lock();
        if let Some(tenant) = state.tenants.get_mut(&self.tenant) {
            tenant.queue.retain(|waiter| waiter.number != self.number);
        }
    }

    /// How long it has been waiting.
    pub(crate) fn waited(&self) -> Duration {
        self.since.elapsed()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.places.state.lock();
        state.tickets = state.tickets.saturating_sub(1);
        if let Some(tenant) = state.tenants.get_mut(&self.tenant) {
            tenant.queue.retain(|waiter| waiter.number != self.number);
        }
    }
}

#[derive(Debug)]
struct Waiter {
    /// Rises with each that begins to wait.
    number: u64,
    place: oneshot::Sender<Place>,
}

#[derive(Debug, Default)]
struct OfTenant {
    calls: u32,
    /// Its quota of calls and its weight, as they were told last.
    most: u32,
    weight: u32,
    queue: VecDeque<Waiter>,
}

#[derive(Debug, Default)]
struct State {
    taken: u32,
    /// Callers who wait, and those who have just ended waiting and of whom that is not written yet.
    tickets: u32,
    /// All tenants' weights in sum, as they were told last.
    weights: u64,
    last: u64,
    tenants: HashMap<TenantId, OfTenant>,
}

impl State {
    fn standing(&self, tenant: &OfTenant) -> Standing {
        let OfTenant { calls, most, weight, .. } = *tenant;
        Standing { calls, most, weight, weights: self.weights }
    }

    fn take(&mut self, tenant: &TenantId) {
        self.taken = self.taken.saturating_add(1);
        if let Some(tenant) = self.tenants.get_mut(tenant) {
            tenant.calls = tenant.calls.saturating_add(1);
        }
    }

    /// Takes a place for whoever is next of those that wait.
    fn give(&mut self, places: u32) -> Option<(TenantId, Waiter)> {
        if self.tickets == 0 {
            return None;
        }
        let first = |(id, tenant): (&TenantId, &OfTenant)| {
            let waiter = tenant.queue.front()?;
            Some((id.clone(), (self.standing(tenant), waiter.number)))
        };
        let (tenants, standings): (Vec<_>, Vec<_>) = self.tenants.iter().filter_map(first).unzip();
        let id = tenants.into_iter().nth(next(places, self.taken, &standings)?)?;
        let waiter = self.tenants.get_mut(&id)?.queue.pop_front()?;
        self.take(&id);
        Some((id, waiter))
    }
}

/// All places of an installation.
#[derive(Debug)]
pub(crate) struct Places {
    most: u32,
    state: Mutex<State>,
}

impl Places {
    pub(crate) fn new(most: u32) -> Arc<Self> {
        Arc::new(Self { most, state: Mutex::default() })
    }

    /// A place for one more call of this tenant, or one in the queue where the tenant's callers wait; or why there is none.
    /// `weights` are all tenants' in sum.
    pub(crate) fn enter(self: &Arc<Self>, tenant: &Tenant, weights: u64) -> Result<Admitted, Full> {
        let mut state = self.state.lock();
        state.weights = weights;
        let known = state.tenants.entry(tenant.id.clone()).or_default();
        (known.most, known.weight) = (tenant.quota.concurrent_calls, tenant.quota.weight);
        // A quota that was raised lets those in first who wait.
        let given = self.give_all(&mut state);
        let entered = self.enter_now(&mut state, tenant);
        drop(state);
        self.hand_over(given);
        entered
    }

    fn enter_now(self: &Arc<Self>, state: &mut State, tenant: &Tenant) -> Result<Admitted, Full> {
        let (id, quota) = (&tenant.id, &tenant.quota);
        let standing = state.tenants.get(id).map(|known| state.standing(known));
        let standing = standing.unwrap_or(Standing {
            calls: 0,
            most: quota.concurrent_calls,
            weight: quota.weight,
            weights: state.weights,
        });
        let full = match admit(self.most, state.taken, standing) {
            Ok(()) => {
                state.take(id);
                return Ok(Admitted::Now(Place { places: self.clone(), tenant: id.clone() }));
            }
            Err(full) => full,
        };
        match quota.when_full {
            WhenFull::Reject => return Err(full),
            WhenFull::Queue => {}
        }
        let waiting = state.tenants.get(id).map_or(0, |known| known.queue.len());
        let waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
        if waiting >= quota.queue_length {
            return Err(Full::Queue(waiting));
        }
        // Places × weight ÷ weights, and one at least: those who wait of one tenant leave room for another's.
        let share = u64::from(self.most) * u64::from(quota.weight) / state.weights.max(1);
        let has_its_share = u64::from(waiting) >= share.max(1);
        let most = if has_its_share { self.most } else { self.most.saturating_mul(2) };
        if state.tickets >= most {
            return Err(Full::Waiting(state.tickets));
        }
        state.last += 1;
        let (sender, receiver) = oneshot::channel();
        let number = state.last;
        let queue = &mut state.tenants.entry(id.clone()).or_default().queue;
        queue.push_back(Waiter { number, place: sender });
        state.tickets += 1;
        Ok(Admitted::Waits(Ticket {
            places: self.clone(),
            tenant: id.clone(),
            number,
            place: receiver,
            since: Instant::now(),
        }))
    }

    /// Some tenants are otherwise than before, in a house that is asked for once nobody else can say so: whoever waits is let in
    /// by that.
    pub(crate) fn told(self: &Arc<Self>, house: impl FnOnce() -> Arc<House>, changed: &HashSet<TenantId>) {
        let mut state = self.state.lock();
        let house = house();
        state.weights = house.tenants().iter().map(|tenant| u64::from(tenant.quota.weight)).sum();
        for tenant in house.tenants().iter().filter(|tenant| changed.contains(&tenant.id)) {
            if let Some(known) = state.tenants.get_mut(&tenant.id) {
                (known.most, known.weight) = (tenant.quota.concurrent_calls, tenant.quota.weight);
            }
        }
        let given = self.give_all(&mut state);
        drop(state);
        self.hand_over(given);
    }

    /// How many calls have a place.
    pub(crate) fn taken(&self) -> u32 {
        self.state.lock().taken
    }

    /// Whether anybody has a place or waits for one.
    pub(crate) fn is_busy(&self) -> bool {
        let state = self.state.lock();
        state.taken > 0 || state.tickets > 0
    }

    fn leave(self: &Arc<Self>, tenant: &TenantId) {
        let mut state = self.state.lock();
        state.taken = state.taken.saturating_sub(1);
        if let Some(tenant) = state.tenants.get_mut(tenant) {
            tenant.calls = tenant.calls.saturating_sub(1);
        }
        let given = self.give_all(&mut state);
        drop(state);
        self.hand_over(given);
    }

    fn give_all(&self, state: &mut State) -> Vec<(TenantId, Waiter)> {
        std::iter::from_fn(|| state.give(self.most)).collect()
    }

    /// Where nobody waits any more after all, the place is free again as it is dropped. Not while anything is locked.
    fn hand_over(self: &Arc<Self>, given: Vec<(TenantId, Waiter)>) {
        for (tenant, waiter) in given {
            drop(waiter.place.send(Place { places: self.clone(), tenant }));
        }
    }
}

#[cfg(test)]
mod tests {
    use parloir_tenancy::quota::Quota;

    use super::*;

    fn tenant(id: &str, concurrent_calls: u32, weight: u32) -> Tenant {
        let quota = Quota {
            concurrent_calls,
            weight,
            when_full: WhenFull::Queue,
            queue_length: 3,
            ..Quota::default()
        };
        Tenant { id: id.parse().unwrap(), hours: None, documents: None, quota, retention: Default::default() }
    }

    fn now(places: &Arc<Places>, tenant: &Tenant, weights: u64) -> Place {
        match places.enter(tenant, weights).unwrap() {
            Admitted::Now(place) => place,
            Admitted::Waits(_) => panic!("there was no place"),
        }
    }

    fn later(places: &Arc<Places>, tenant: &Tenant, weights: u64) -> Ticket {
        match places.enter(tenant, weights).unwrap() {
            Admitted::Waits(ticket) => ticket,
            Admitted::Now(_) => panic!("there was a place"),
        }
    }

    fn given(ticket: &mut Ticket) -> Option<Place> {
        ticket.place.try_recv().ok()
    }

    #[test]
    fn who_rang_first_is_first_and_who_rings_later_does_not_overtake() {
        let (places, tenant) = (Places::new(10), tenant("cabinet", 1, 1));
        let place = now(&places, &tenant, 1);
        let (mut first, mut second) = (later(&places, &tenant, 1), later(&places, &tenant, 1));
        assert_eq!((first.ahead(), second.ahead()), (0, 1));
        assert!(given(&mut first).is_none());
        drop(place);
        let mut third = later(&places, &tenant, 1);
        let place = given(&mut first).unwrap();
        assert!(given(&mut second).is_none() && given(&mut third).is_none());
        assert_eq!((second.ahead(), third.ahead(), places.taken()), (0, 1, 1));
        drop((first, place));
        assert!(given(&mut third).is_none() && given(&mut second).is_some());
    }

    #[test]
    fn who_hangs_up_is_out_of_the_queue_at_once_and_a_place_they_were_given_goes_on() {
        let (places, tenant) = (Places::new(10), tenant("cabinet", 1, 1));
        let place = now(&places, &tenant, 1);
        let (first, second) = (later(&places, &tenant, 1), later(&places, &tenant, 1));
        let mut third = later(&places, &tenant, 1);
        drop(second);
        assert_eq!(third.ahead(), 1);
        // The first is given the place, and gone before they have it.
        drop(place);
        drop(first);
        let place = given(&mut third).unwrap();
        drop((third, place));
        assert!(!places.is_busy());
        assert_eq!(places.state.lock().tenants.values().map(|tenant| tenant.calls).sum::<u32>(), 0);
    }

    #[test]
    fn who_has_left_the_queue_keeps_the_house_busy_and_nobody_from_a_place() {
        let (places, tenant) = (Places::new(10), tenant("cabinet", 1, 1));
        let place = now(&places, &tenant, 1);
        let (mut first, mut second) = (later(&places, &tenant, 1), later(&places, &tenant, 1));
        let mut third = later(&places, &tenant, 1);
        first.leave();
        assert_eq!(second.ahead(), 0);
        drop(place);
        // The second was given it before they left.
        second.leave();
        let place = given(&mut third).unwrap();
        drop((third, place));
        assert!(places.is_busy() && places.taken() == 0);
        drop((first, second));
        assert!(!places.is_busy());
    }

    #[test]
    fn no_more_wait_than_may_and_in_all_no_more_than_there_are_places_but_of_who_is_below_their_share() {
        let (places, one) = (Places::new(4), tenant("one", 1, 1));
        let _place = now(&places, &one, 2);
        let _waiting: Vec<_> = (0..3).map(|_| later(&places, &one, 2)).collect();
        assert_eq!(places.enter(&one, 2).unwrap_err(), Full::Queue(3));
        let other = tenant("other", 1, 1);
        let _place = now(&places, &other, 2);
        let (last, _more) = (later(&places, &other, 2), later(&places, &other, 2));
        assert_eq!(places.enter(&other, 2).unwrap_err(), Full::Waiting(5));
        drop(last);
        assert!(places.enter(&other, 2).is_ok());
        let quota = Quota { when_full: WhenFull::Reject, ..other.quota.clone() };
        let rejects = Tenant { quota, ..tenant("other", 1, 1) };
        assert_eq!(places.enter(&rejects, 2).unwrap_err(), Full::Quota(1));
    }

    #[test]
    fn one_tenant_that_waits_keeps_no_other_from_waiting_and_there_is_an_end_to_it() {
        let places = Places::new(3);
        let tenants: Vec<_> = (0..6).map(|n| tenant(&format!("tenant-{n}"), 1, 1)).collect();
        let [first, second, third, others @ ..] = tenants.as_slice() else { panic!("six") };
        let _live = [first, second, third].map(|tenant| now(&places, tenant, 6));
        let mut waiting: Vec<_> = (0..3).map(|_| later(&places, first, 6)).collect();
        for tenant in [second, third].into_iter().chain(others.first()) {
            waiting.push(later(&places, tenant, 6));
            assert!(matches!(places.enter(tenant, 6), Err(Full::Waiting(_))));
        }
        assert_eq!(waiting.len(), 6);
        assert_eq!(places.enter(&others[1], 6).unwrap_err(), Full::Waiting(6));
    }

    #[test]
    fn a_place_goes_to_the_tenant_that_has_fewest_for_its_weight() {
        let (places, one, other) = (Places::new(4), tenant("one", 9, 1), tenant("other", 9, 1));
        let mut held: Vec<_> = (0..3).map(|_| now(&places, &one, 2)).collect();
        held.push(now(&places, &other, 2));
        let (mut of_one, mut of_other) = (later(&places, &one, 2), later(&places, &other, 2));
        drop(held.swap_remove(0));
        assert!(given(&mut of_one).is_none() && given(&mut of_other).is_some());
        drop(held);
        assert!(given(&mut of_one).is_some());
    }

    #[test]
    fn a_quota_that_is_raised_lets_those_in_who_wait() {
        let (places, tenant) = (Places::new(10), tenant("cabinet", 1, 1));
        let _place = now(&places, &tenant, 1);
        let mut first = later(&places, &tenant, 1);
        let quota = Quota { concurrent_calls: 2, ..tenant.quota.clone() };
        let raised = Tenant { quota, ..self::tenant("cabinet", 1, 1) };
        let mut second = later(&places, &raised, 1);
        // Whoever drops a place hands it on: this one is held meanwhile.
        let place = given(&mut first);
        assert!(place.is_some() && given(&mut second).is_none());
    }

    #[test]
    fn a_quota_that_is_raised_while_nobody_rings_lets_those_in_who_wait() {
        let (places, tenant) = (Places::new(10), tenant("cabinet", 1, 1));
        let _place = now(&places, &tenant, 1);
        let (mut first, mut second) = (later(&places, &tenant, 1), later(&places, &tenant, 1));
        let raised = "id = \"cabinet\"\n[quota]\nconcurrent-calls = 2\nwhen-full = \"queue\"";
        let house = Arc::new(House::new(vec![toml::from_str(raised).unwrap()]).unwrap());
        places.told(|| house, &[tenant.id.clone()].into());
        let place = given(&mut first);
        assert!(place.is_some() && given(&mut second).is_none());
    }
}
