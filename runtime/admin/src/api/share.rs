//! How many requests of one tenant are carried out at one time: whoever sends many, or sends them slowly, keeps no other tenant
//! from its own administration.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use parloir_contract::TenantId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::{Kind, Problem};

/// What of the room for requests each tenant has.
pub(super) struct Shares {
    most: usize,
    /// No entry where there is none: no more of them than requests.
    taken: Mutex<HashMap<TenantId, usize>>,
}

/// A request's place in its tenant's share, which it leaves when it is dropped.
pub(super) struct Share {
    shares: Arc<Shares>,
    tenant: TenantId,
    first: bool,
}

impl Share {
    /// Whether the tenant had no other when it was taken.
    pub(super) const fn is_first(&self) -> bool {
        self.first
    }
}

impl Shares {
    /// Shares of so many requests each.
    pub(super) fn of(most: usize) -> Arc<Self> {
        Arc::new(Self { most, taken: Mutex::default() })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<TenantId, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a request of a tenant whose key fitted.
    pub(super) fn take(self: &Arc<Self>, tenant: &TenantId) -> Result<Share, Problem> {
        let mut all = self.taken();
        let taken = all.entry(tenant.clone()).or_default();
        if *taken >= self.most {
            let detail = format!("{} requests of {tenant} are being carried out", self.most);
            return Err(Problem::new(
                Kind::Busy,
                detail,
                "wait as Retry-After says, and send fewer at one time",
            ));
        }
        let first = *taken == 0;
        *taken += 1;
        Ok(Share { shares: Arc::clone(self), tenant: tenant.clone(), first })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut all = self.shares.taken();
        if let Some(taken) = all.get_mut(&self.tenant) {
            *taken = taken.saturating_sub(1);
            if *taken == 0 {
                all.remove(&self.tenant);
            }
        }
    }
}

/// Places that all tenants have together, each for what is in memory meanwhile. Half of them are for those tenants that have none
/// besides: few that read slowly keep nobody else from reading.
pub(super) struct Places {
    first: Arc<Semaphore>,
    more: Arc<Semaphore>,
}

impl Places {
    /// So many places.
    pub(super) fn of(all: usize) -> Self {
        let [first, more] = [all / 2, all - all / 2].map(|places| Arc::new(Semaphore::new(places)));
        Self { first, more }
    }

    /// A place for whoever has this share; `None` where there is none for them.
    pub(super) fn take(&self, share: &Share) -> Option<OwnedSemaphorePermit> {
        let first = if share.is_first() { Arc::clone(&self.first).try_acquire_owned().ok() } else { None };
        first.or_else(|| Arc::clone(&self.more).try_acquire_owned().ok())
    }

    /// Whichever place is free first, for whoever has one at a time and may wait for it.
    pub(super) async fn wait(&self) -> Option<OwnedSemaphorePermit> {
        tokio::select! {
            place = Arc::clone(&self.first).acquire_owned() => place.ok(),
            place = Arc::clone(&self.more).acquire_owned() => place.ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn half_of_the_places_are_for_tenants_that_have_none_besides() {
        let (shares, places) = (Shares::of(8), Places::of(4));
        let share = |name: &str| shares.take(&name.parse::<TenantId>().unwrap()).ok().unwrap();
        let slow: Vec<_> = (0..4).map(|_| share("slow")).collect();
        let taken: Vec<_> = slow.iter().filter_map(|share| places.take(share)).collect();
        assert_eq!(taken.len(), 3, "one that is its first, and two of the others");
        let (one, other) = (share("one"), share("other"));
        let place = places.take(&one);
        assert!(place.is_some() && places.take(&other).is_none());
        drop(place);
        // Who waits has whichever there is.
        let waited = places.wait().await;
        assert!(waited.is_some() && places.take(&other).is_none());
        drop(taken);
        assert!(places.take(&other).is_some());
    }

    #[test]
    fn a_tenant_has_its_share_and_takes_nobody_elses() {
        let shares = Shares::of(2);
        let tenant = |name: &str| name.parse::<TenantId>().unwrap();
        let (one, two) = (shares.take(&tenant("a")).ok().unwrap(), shares.take(&tenant("a")).ok().unwrap());
        assert!(one.is_first() && !two.is_first());
        let problem = shares.take(&tenant("a")).err().unwrap();
        assert_eq!(problem.status, 429);
        let other = shares.take(&tenant("b")).ok().unwrap();
        drop(one);
        assert!(shares.take(&tenant("a")).is_ok(), "a place that was left is another's");
        drop((two, other));
        assert!(shares.taken().is_empty());
    }
}
