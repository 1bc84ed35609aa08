//! How many requests of one tenant are carried out at one time: whoever sends many, or sends them slowly, keeps no other tenant
//! from its own administration.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use parloir_contract::TenantId;

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

#[cfg(test)]
mod tests {
    use super::*;

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
