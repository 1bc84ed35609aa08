//! How many messages are on their way at one time, of all tenants together: each holds its body, a connection and an open record.
//!
//! One that waits for a place waits where it did: its row stays, nothing is noted of it as a try, and after a stop it is there at the
//! next start. Each tenant has one place's turn that no more than one of its own waits for, so that many receivers of one that
//! answer slowly keep no other tenant from being told; what it has besides it shares with everybody.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use parloir_contract::TenantId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Messages on their way at one time.
const MOST: usize = 64;
/// Those among them that are their tenant's first.
const FIRST: usize = MOST / 2;
/// Those of one tenant among them.
const OF_A_TENANT: usize = 8;

/// What of the places a tenant has.
struct Share {
    first: Arc<Semaphore>,
    more: Arc<Semaphore>,
}

/// The places of an installation.
pub(super) struct Places {
    first: Arc<Semaphore>,
    more: Arc<Semaphore>,
    shares: Mutex<HashMap<TenantId, Arc<Share>>>,
}

/// A place, left when it is dropped.
pub(super) struct Place {
    _of_the_tenant: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Default for Places {
    fn default() -> Self {
        let [first, more] = [FIRST, MOST - FIRST].map(|places| Arc::new(Semaphore::new(places)));
        Self { first, more, shares: Mutex::default() }
    }
}

/// A place of a tenant's, once it has one left and there is one: `None` never, as no semaphore is closed.
async fn place(tenants: &Arc<Semaphore>, all: &Arc<Semaphore>) -> Option<Place> {
    let of_the_tenant = Arc::clone(tenants).acquire_owned().await.ok()?;
    let of_all = Arc::clone(all).acquire_owned().await.ok()?;
    Some(Place { _of_the_tenant: of_the_tenant, _of_all: of_all })
}

impl Places {
    fn share(&self, tenant: &TenantId) -> Arc<Share> {
        let mut all = self.shares.lock();
        let share = all.entry(tenant.clone()).or_insert_with(|| {
            let [first, more] = [1, OF_A_TENANT - 1].map(|places| Arc::new(Semaphore::new(places)));
            Arc::new(Share { first, more })
        });
        Arc::clone(share)
    }

    /// A place for a message of a tenant's, once it is its turn.
    pub(super) async fn take(&self, tenant: &TenantId) -> Option<Place> {
        let share = self.share(tenant);
        tokio::select! {
            biased;
            place = place(&share.first, &self.first) => place,
            place = place(&share.more, &self.more) => place,
        }
    }

    /// Forgets a tenant that left.
    pub(super) fn leave(&self, tenant: &TenantId) {
        self.shares.lock().remove(tenant);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn tenant(number: usize) -> TenantId {
        format!("t{number}").parse().unwrap()
    }

    /// As many places as a tenant is given at once.
    fn all_of(places: &Places, tenant: &TenantId) -> Vec<Place> {
        std::iter::from_fn(|| places.take(tenant).now_or_never().flatten()).take(10 * MOST).collect()
    }

    #[test]
    fn a_tenant_has_so_many_places_and_another_once_it_left_one() {
        let (places, one) = (Places::default(), tenant(0));
        let mut taken = all_of(&places, &one);
        assert_eq!(taken.len(), OF_A_TENANT);
        let mut waits = Box::pin(places.take(&one));
        assert!(waits.as_mut().now_or_never().is_none());
        taken.pop();
        assert!(waits.now_or_never().flatten().is_some());
    }

    #[test]
    fn of_all_tenants_together_there_are_so_many_and_one_that_has_none_waits_for_no_greedy_one() {
        let places = Places::default();
        let mut taken = Vec::new();
        // Few tenants take all that they may.
        for number in 0..8 {
            taken.push(all_of(&places, &tenant(number)));
        }
        assert_eq!(taken.iter().map(Vec::len).sum::<usize>(), 8 + (MOST - FIRST));
        // Everybody else has a first one all the same, for as long as there are any.
        for number in 8..FIRST {
            taken.push(all_of(&places, &tenant(number)));
            assert_eq!(taken.last().map(Vec::len), Some(1), "{number}");
        }
        assert_eq!(taken.iter().map(Vec::len).sum::<usize>(), MOST);
        let last = tenant(FIRST);
        let mut waits = Box::pin(places.take(&last));
        assert!(waits.as_mut().now_or_never().is_none(), "there are no more");
        taken.pop();
        assert!(waits.now_or_never().flatten().is_some());
    }

    #[test]
    fn whoever_waits_no_more_leaves_its_turn_to_the_next() {
        let places = Places::default();
        let mut taken = all_of(&places, &tenant(0));
        let (one, other) = (tenant(0), tenant(0));
        let mut gives_up = Box::pin(places.take(&one));
        let mut waits = Box::pin(places.take(&other));
        assert!(gives_up.as_mut().now_or_never().is_none() && waits.as_mut().now_or_never().is_none());
        drop(gives_up);
        taken.pop();
        assert!(waits.now_or_never().flatten().is_some());
    }
}
