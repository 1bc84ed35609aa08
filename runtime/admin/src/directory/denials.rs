//! Who was denied something: in the log, so often of a key, and then counted, so that nobody fills a disk by asking.

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
/// Keys of which one log knows that they were denied something lately.
const MOST: usize = 64;

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

/// What is told in one log.
#[derive(Default)]
struct Known {
    keys: HashMap<String, Denied>,
    /// Denials of keys for which there was no room, and what was asked for last by one of them.
    beyond: Option<(u64, Action)>,
}

impl Known {
    /// Keys that rested are as if they had never been denied anything.
    fn forget(&mut self, now: Instant) {
        self.keys.retain(|_, denied| denied.rested > now || denied.left_out > 0);
    }
}

/// What was left out of a log: of one key, or of those for which there was no room.
struct LeftOut {
    by: Option<By>,
    action: Action,
    times: u64,
}

/// What was denied lately, by whose log it is told in: nobody's many keys take the room of another's.
#[derive(Default)]
pub(super) struct Denials(Mutex<HashMap<TenantId, Known>>);

impl Denials {
    fn known(&self) -> MutexGuard<'_, HashMap<TenantId, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a denial. Where it is to be told: how many before it were not.
    fn take(&self, whose: &TenantId, told: &Told, now: Instant) -> Option<u64> {
        let mut all = self.known();
        let known = all.entry(whose.clone()).or_default();
        if !known.keys.contains_key(&told.by.key) {
            if known.keys.len() >= MOST {
                known.forget(now);
            }
            if known.keys.len() >= MOST {
                let before = known.beyond.map_or(0, |(times, _)| times);
                known.beyond = Some((before.saturating_add(1), told.action));
                return None;
            }
        }
        let (by, action) = (told.by.clone(), told.action);
        let new = Denied { rested: now, left_out: 0, by, action };
        let denied = known.keys.entry(told.by.key.clone()).or_insert(new);
        denied.action = told.action;
        let before = denied.told(now);
        if before.is_none() {
            denied.left_out = denied.left_out.saturating_add(1);
        }
        before
    }

    /// What was left out and may be told now, by whose log it is told in.
    fn left_out(&self, now: Instant) -> Vec<(TenantId, LeftOut)> {
        let (mut all, mut left_out) = (self.known(), Vec::new());
        for (whose, known) in &mut *all {
            for denied in known.keys.values_mut().filter(|denied| denied.left_out > 0) {
                if let Some(times) = denied.told(now) {
                    let (by, action) = (Some(denied.by.clone()), denied.action);
                    left_out.push((whose.clone(), LeftOut { by, action, times }));
                }
            }
            if let Some((times, action)) = known.beyond.take() {
                left_out.push((whose.clone(), LeftOut { by: None, action, times }));
            }
            known.forget(now);
        }
        all.retain(|_, known| !known.keys.is_empty());
        left_out
    }

    /// All that was left out, told lately or not.
    fn end(&self) -> Vec<(TenantId, LeftOut)> {
        for denied in self.known().values_mut().flat_map(|known| known.keys.values_mut()) {
            denied.rested = denied.rested.min(Instant::now());
        }
        self.left_out(Instant::now())
    }
}

impl Directory {
    /// Tells that somebody was denied something; that of a key which is denied much is counted.
    pub(crate) async fn denied(&self, whose: &TenantId, mut told: Told) {
        let Some(before) = self.denials.take(whose, &told, Instant::now()) else { return };
        if before > 0 {
            told.subject = format!("{}; {before} of this key's before are counted here alone", told.subject);
        }
        self.tell_denied(whose, told).await;
    }

    /// Tells how many denials were counted and not told.
    pub(crate) async fn tell_denials_left_out(&self) {
        self.tell_all(self.denials.left_out(Instant::now())).await;
    }

    /// The same, of all that is counted: to be called once, when no request is under way any more.
    pub async fn tell_what_was_denied(&self) {
        self.tell_all(self.denials.end()).await;
    }

    async fn tell_all(&self, left_out: Vec<(TenantId, LeftOut)>) {
        for (whose, LeftOut { by, action, times }) in left_out {
            let of =
                if by.is_some() { "of this key" } else { "of keys beyond those that are told one by one" };
            let what = if action.is_of_calls() { "calls" } else { action.name() };
            let subject = format!("{what}: denied, {times} times {of} that are counted here alone");
            let by = by.unwrap_or_else(By::installation);
            self.tell_denied(&whose, Told { by, action, subject, why: None }).await;
        }
    }

    /// It stays denied where it cannot be told.
    async fn tell_denied(&self, whose: &TenantId, told: Told) {
        if let Err(error) = self.tell_failed(whose, told).await {
            tracing::error!(tenant = %whose, %error, "that something was denied is not in the log");
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
        assert!(denials.left_out(now).is_empty(), "it waits for its turn");
        assert_eq!(denials.take(&a, &told("one"), now + EVERY), Some(1_000));
        assert_eq!(denials.take(&a, &told("one"), now + EVERY), None);
        let left_out = denials.left_out(now + EVERY * 2);
        let [(whose, LeftOut { by: Some(by), action: Action::ReadCalls, times: 1 })] = left_out.as_slice()
        else {
            panic!("{}", left_out.len())
        };
        assert_eq!((whose, by.key.as_str()), (&a, "one"));
        assert!(denials.left_out(now + EVERY * 3).is_empty(), "it is told once");
    }

    #[test]
    fn no_more_keys_are_known_of_a_log_than_there_is_room_for_and_those_that_rested_are_forgotten() {
        let (denials, now) = (Denials::default(), Instant::now());
        let [tenant, other]: [TenantId; 2] = ["a", "b"].map(|name| name.parse().unwrap());
        for key in 0..MOST {
            assert_eq!(denials.take(&tenant, &told(&key.to_string()), now), Some(0));
        }
        assert_eq!(denials.take(&tenant, &told("another"), now), None);
        assert_eq!(denials.take(&other, &told("another"), now), Some(0), "it has room of its own");
        let left_out = denials.left_out(now);
        let [(whose, LeftOut { by: None, times: 1, .. })] = left_out.as_slice() else {
            panic!("{}", left_out.len())
        };
        assert_eq!(whose, &tenant);
        assert_eq!(denials.take(&tenant, &told("another"), now + EVERY), Some(0));
        assert_eq!(denials.known()[&tenant].keys.len(), 1);
        assert!(denials.left_out(now + EVERY * 2).is_empty());
        assert!(denials.known().is_empty());
    }

    #[test]
    fn at_the_end_all_is_told_that_was_counted() {
        let (denials, now) = (Denials::default(), Instant::now());
        let tenant: TenantId = "a".parse().unwrap();
        for _ in 0..AT_ONCE + 3 {
            denials.take(&tenant, &told("one"), now);
        }
        assert!(denials.left_out(now).is_empty(), "it waits for its turn");
        let left_out = denials.end();
        let [(_, LeftOut { by: Some(_), times: 3, .. })] = left_out.as_slice() else {
            panic!("{}", left_out.len())
        };
        assert!(denials.end().is_empty());
    }
}
