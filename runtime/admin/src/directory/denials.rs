//! Who was denied to read a call: in the log, so often of a key, and then counted, so that nobody fills a disk by asking.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use parloir_contract::TenantId;

use super::{By, Directory, DirectoryError, Told};
use crate::role::Action;

/// Denials of a key that are told one by one, where it was denied nothing lately.
const AT_ONCE: u32 = 10;
/// How long it takes until one more is.
const EVERY: Duration = Duration::from_secs(60);
/// Keys that are known to have been denied something lately.
const MOST: usize = 4_096;

/// A key that was denied something of a tenant's.
struct Denied {
    /// When as many are told of it as of one that was denied nothing.
    rested: Instant,
    /// Those that were not told.
    left_out: u64,
    /// Whose key, and what they asked for last.
    by: By,
    action: Action,
}

impl Denied {
    /// Those that were not told before, where one may be told now.
    fn told(&mut self, now: Instant) -> Option<u64> {
        let rested = self.rested.max(now);
        if rested.duration_since(now) > EVERY * (AT_ONCE - 1) {
            return None;
        }
        self.rested = rested + EVERY;
        Some(std::mem::take(&mut self.left_out))
    }
}

#[derive(Default)]
struct Known {
    /// By whose log it is told in, and by key.
    keys: HashMap<(TenantId, String), Denied>,
    /// Denials of keys for which there was no room.
    beyond: u64,
}

/// What was denied lately.
#[derive(Default)]
pub(super) struct Denials(Mutex<Known>);

impl Denials {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a denial. Where it is to be told: how many before it were not.
    fn take(&self, whose: &TenantId, told: &Told, now: Instant) -> Option<u64> {
        let mut known = self.known();
        let key = (whose.clone(), told.by.key.clone());
        if known.keys.len() >= MOST {
            known.keys.retain(|_, denied| denied.rested > now || denied.left_out > 0);
        }
        if known.keys.len() >= MOST && !known.keys.contains_key(&key) {
            known.beyond = known.beyond.saturating_add(1);
            return None;
        }
        let (by, action) = (told.by.clone(), told.action);
        let new = Denied { rested: now, left_out: 0, by, action };
        let denied = known.keys.entry(key).or_insert(new);
        denied.action = told.action;
        let before = denied.told(now);
        if before.is_none() {
            denied.left_out = denied.left_out.saturating_add(1);
        }
        before
    }

    /// What was left out and may be told now, with how many that is, by whose log it is told in; and how many were of keys for
    /// which there was no room.
    fn left_out(&self, now: Instant) -> (Vec<(TenantId, By, Action, u64)>, u64) {
        let mut known = self.known();
        let mut all = Vec::new();
        for ((whose, _), denied) in &mut known.keys {
            if denied.left_out > 0
                && let Some(left_out) = denied.told(now)
            {
                all.push((whose.clone(), denied.by.clone(), denied.action, left_out));
            }
        }
        known.keys.retain(|_, denied| denied.rested > now || denied.left_out > 0);
        (all, std::mem::take(&mut known.beyond))
    }
}

impl Directory {
    /// Tells that somebody was denied something of calls; that of a key which is denied much is counted.
    pub(crate) async fn denied(&self, whose: &TenantId, mut told: Told) {
        let Some(before) = self.denials.take(whose, &told, Instant::now()) else { return };
        if before > 0 {
            told.subject = format!("{}; {before} of this key's before are counted here alone", told.subject);
        }
        self.tell_denied(whose, told).await;
    }

    /// Tells how many denials were counted and not told.
    pub(crate) async fn tell_denials_left_out(&self) {
        let (all, beyond) = self.denials.left_out(Instant::now());
        for (whose, by, action, left_out) in all {
            let subject = format!("calls: denied, {left_out} times of this key that are counted here alone");
            self.tell_denied(&whose, Told { by, action, subject, why: None }).await;
        }
        if beyond > 0 {
            tracing::warn!(
                beyond,
                "calls were denied to more keys than are known at one time: no log has these"
            );
        }
    }

    /// It stays denied where it cannot be told.
    async fn tell_denied(&self, whose: &TenantId, told: Told) {
        if let Err(error) = self.tell_failed(whose, told).await {
            tracing::error!(tenant = %whose, %error, "that a call was denied is not in the log");
        }
    }

    async fn tell_failed(&self, whose: &TenantId, told: Told) -> Result<(), DirectoryError> {
        Ok(self.rooms.journal.administer(whose, told.into()).await?.end(false).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(key: &str) -> Told {
        let by = By { key: key.into(), ..By::machine() };
        Told { by, action: Action::ReadCalls, subject: "calls: denied".into(), why: None }
    }

    #[test]
    fn so_many_denials_of_a_key_are_told_and_the_others_counted() {
        let (denials, now) = (Denials::default(), Instant::now());
        let [a, b]: [TenantId; 2] = ["a", "b"].map(|name| name.parse().unwrap());
        for _ in 0..AT_ONCE {
            assert_eq!(denials.take(&a, &told("one"), now), Some(0));
        }
        for _ in 0..1_000 {
            assert_eq!(denials.take(&a, &told("one"), now), None);
        }
        assert_eq!(denials.take(&a, &told("another"), now), Some(0));
        assert_eq!(denials.take(&b, &told("one"), now), Some(0));
        assert!(denials.left_out(now).0.is_empty(), "it waits for its turn");
        assert_eq!(denials.take(&a, &told("one"), now + EVERY), Some(1_000));
        assert_eq!(denials.take(&a, &told("one"), now + EVERY), None);
        let (left_out, beyond) = denials.left_out(now + EVERY * 2);
        let [(whose, by, Action::ReadCalls, 1)] = left_out.as_slice() else { panic!("{}", left_out.len()) };
        assert_eq!((whose, by.key.as_str(), beyond), (&a, "one", 0));
        assert!(denials.left_out(now + EVERY * 3).0.is_empty(), "it is told once");
    }

    #[test]
    fn no_more_keys_are_known_than_there_is_room_for_and_those_that_rested_are_forgotten() {
        let (denials, now) = (Denials::default(), Instant::now());
        let tenant: TenantId = "a".parse().unwrap();
        for key in 0..MOST {
            assert_eq!(denials.take(&tenant, &told(&key.to_string()), now), Some(0));
        }
        assert_eq!(denials.take(&tenant, &told("another"), now), None);
        assert_eq!(denials.left_out(now).1, 1);
        assert_eq!(denials.take(&tenant, &told("another"), now + EVERY), Some(0));
        assert_eq!(denials.known().keys.len(), 1);
    }
}
