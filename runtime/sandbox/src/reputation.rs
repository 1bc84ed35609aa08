//! Which tenants' agents compute without end, as was seen lately.
//!
//! An agent begins among those that answer soon, and leaves them when it computes for longer. By then it has kept one of their
//! threads for some milliseconds: nothing where it happens now and then, and much where a tenant's every call does so. A tenant of
//! which that was seen begins elsewhere for a while: what its agents take is then what nobody else wants, from their first
//! instruction on.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use parloir_contract::TenantId;

/// How long a tenant's agents begin elsewhere after one of them computed without end.
const REMEMBERED: Duration = Duration::from_secs(30);
/// Tenants that are remembered before those are forgotten of which there is nothing to remember.
const KNOWN: usize = 1_024;

/// What was seen of one tenant's agents.
#[derive(Debug)]
pub(crate) struct Reputation {
    known_since: Instant,
    /// Milliseconds after that until which it counts as noisy.
    noisy_until: AtomicU64,
    /// How many of them are at work.
    at_work: Arc<AtomicUsize>,
}

impl Default for Reputation {
    fn default() -> Self {
        Self { known_since: Instant::now(), noisy_until: AtomicU64::new(0), at_work: Arc::default() }
    }
}

impl Reputation {
    fn at(&self, after: Duration) -> u64 {
        u64::try_from((self.known_since.elapsed() + after).as_millis()).unwrap_or(u64::MAX)
    }

    /// One of its agents computes without end.
    pub(crate) fn is_seen_computing(&self) {
        self.noisy_until.store(self.at(REMEMBERED), Ordering::Relaxed);
    }

    /// How many of them are at work.
    pub(crate) fn at_work(&self) -> &Arc<AtomicUsize> {
        &self.at_work
    }

    /// Whether one of them did so lately.
    pub(crate) fn is_noisy(&self) -> bool {
        self.at(Duration::ZERO) < self.noisy_until.load(Ordering::Relaxed)
    }
}

/// Those of all tenants. Holds few more than [`KNOWN`] of whom there is nothing to remember.
#[derive(Debug, Default)]
pub(crate) struct Reputations(Mutex<HashMap<TenantId, Arc<Reputation>>>);

impl Reputations {
    /// That of a tenant.
    pub(crate) fn of(&self, tenant: &TenantId) -> Arc<Reputation> {
        let mut known = self.0.lock();
        if known.len() >= KNOWN && !known.contains_key(tenant) {
            // Whose agent is at work is held by it.
            known.retain(|_, reputation| Arc::strong_count(reputation) > 1 || reputation.is_noisy());
        }
        known.entry(tenant.clone()).or_default().clone()
    }
}

#[cfg(test)]
impl Reputation {
    /// Until when it is noisy, in milliseconds after it became known.
    pub(crate) fn noisy_until(&self) -> u64 {
        self.noisy_until.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(number: usize) -> TenantId {
        format!("tenant-{number}").parse().unwrap()
    }

    #[test]
    fn what_is_seen_of_one_tenant_is_said_of_no_other_and_outlives_the_call() {
        let all = Reputations::default();
        all.of(&tenant(1)).is_seen_computing();
        assert!(all.of(&tenant(1)).is_noisy());
        assert!(!all.of(&tenant(2)).is_noisy());
    }

    #[test]
    fn who_was_quiet_is_forgotten_and_who_was_not_or_is_at_work_is_remembered() {
        let all = Reputations::default();
        let at_work = all.of(&tenant(0));
        all.of(&tenant(1)).is_seen_computing();
        for number in 2..=KNOWN {
            all.of(&tenant(number));
        }
        let known = all.0.lock();
        assert_eq!(known.len(), 3);
        assert!(known.contains_key(&tenant(0)) && known.contains_key(&tenant(1)));
        assert!(!at_work.is_noisy());
    }
}
