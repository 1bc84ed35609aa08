//! How often somebody reads what was said in calls, so that whoever finds a key does not have all of a tenant's at once; and how often
//! they change something, so that nobody fills a log whose every record stays.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::endpoint::Method;
use super::problem::{Kind, Problem};
use crate::directory::Principal;
use crate::role::is_installation;

/// Readings and log-ins of a user in a minute.
const A_MINUTE: u32 = 60;
/// Changes of a user at one time: what a script asks that sets up a tenant of a thousand lines, with their numbers and settings, and
/// as much again.
const CHANGES: u32 = 6_000;
/// Changes of all users of a tenant together.
const CHANGES_OF_A_TENANT: u32 = 4 * CHANGES;
/// How long it takes until one of them may do so once more: a second, as every 429 says.
const EVERY: Duration = Duration::from_secs(1);
/// The same of a tenant.
const EVERY_OF_A_TENANT: Duration = Duration::from_millis(250);
/// Those of whom it is known that they did so lately; more of them wait.
const MOST: usize = 4_096;

/// Who has done something lately.
pub(super) struct Rate {
    /// How often whoever has rested may do it.
    at_once: u32,
    /// How long it takes until one may do it once more.
    every: Duration,
    /// What is told to whoever has done it so often.
    told: String,
    /// When each may do it as often as one that has not done it.
    rested: Mutex<HashMap<String, Instant>>,
}

impl Rate {
    fn of(at_once: u32, every: Duration, told: String) -> Self {
        Self { at_once, every, told, rested: Mutex::default() }
    }

    /// Of users who read, by whatever keys: who logs in has another each time.
    pub(super) fn of_readings() -> Self {
        let told = "times in a minute what was said or who is blocked, and this one has";
        Self::of(A_MINUTE, EVERY, format!("a user reads {A_MINUTE} {told}"))
    }

    /// Of users who log in: each time is a record, and a key.
    pub(super) fn of_log_ins() -> Self {
        let told = "times at once and then once a second, and this one has";
        Self::of(A_MINUTE, EVERY, format!("a user logs in {A_MINUTE} {told}"))
    }

    fn rested(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.rested.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one time of somebody, who may wait for it.
    pub(super) fn take(&self, who: &str, now: Instant) -> Result<(), Problem> {
        let mut all = self.rested();
        if all.len() >= MOST {
            all.retain(|_, rested| *rested > now);
        }
        let rested = all.get(who).copied().unwrap_or(now).max(now);
        if rested.duration_since(now) > self.every * self.at_once.saturating_sub(1) {
            let remedy = "wait as Retry-After says, and ask more slowly";
            return Err(Problem::new(Kind::Busy, self.told.as_str(), remedy));
        }
        if all.len() >= MOST && !all.contains_key(who) {
            let detail = format!("{MOST} others have asked lately, and no more are counted");
            return Err(Problem::new(Kind::Busy, detail, "wait as Retry-After says, and ask again"));
        }
        all.insert(who.to_owned(), rested + self.every);
        Ok(())
    }
}

/// How often something is changed: by each user, whatever keys they have (who logs in has another each time), and by all of a tenant's
/// together. Whoever runs the installation is not counted with the tenant that they do something for.
pub(super) struct Changes {
    of_user: Rate,
    of_tenant: Rate,
}

impl Default for Changes {
    fn default() -> Self {
        let and_then = "things at once and then one a second";
        let user = format!("a user changes {CHANGES} {and_then}, and this one has");
        let and_then = "things at once and then four a second";
        let tenant =
            format!("all users of a tenant together change {CHANGES_OF_A_TENANT} {and_then}, and these have");
        Self {
            of_user: Rate::of(CHANGES, EVERY, user),
            of_tenant: Rate::of(CHANGES_OF_A_TENANT, EVERY_OF_A_TENANT, tenant),
        }
    }
}

impl Changes {
    /// Counts a request that changes something. What is removed was made before, and counted then: a tenant whose users have
    /// changed much takes keys from them all the same.
    pub(super) fn take(&self, by: &Principal, method: Method, now: Instant) -> Result<(), Problem> {
        // What a user waits for is not their tenant's.
        self.of_user.take(&by.key.user, now)?;
        if is_installation(&by.realm) || method == Method::Delete {
            return Ok(());
        }
        self.of_tenant.take(by.realm.as_str(), now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::{Key, User};
    use crate::role::Role;

    #[test]
    fn a_user_reads_so_often_in_a_minute_and_keeps_nobody_else_from_it() {
        let (rate, now) = (Rate::of_readings(), Instant::now());
        for _ in 0..A_MINUTE {
            assert!(rate.take("a", now).is_ok());
        }
        let refused = rate.take("a", now).unwrap_err();
        assert!(refused.status == 429 && refused.detail.contains("this one has"), "{refused:?}");
        assert!(rate.take("b", now).is_ok());
        assert!(rate.take("a", now + EVERY).is_ok() && rate.take("a", now + EVERY).is_err());
    }

    #[test]
    fn those_who_have_rested_are_forgotten_before_another_is_known() {
        let (rate, now) = (Rate::of_readings(), Instant::now());
        for user in 0..MOST {
            assert!(rate.take(&user.to_string(), now).is_ok());
        }
        let refused = rate.take("another", now).unwrap_err();
        assert!(refused.status == 429 && refused.detail.contains("others have asked"), "{refused:?}");
        assert!(rate.take("another", now + EVERY).is_ok());
        assert_eq!(rate.rested().len(), 1);
    }

    fn principal(realm: &str, user: &str) -> Principal {
        let key =
            Key { user: user.into(), name: "for a test".into(), scopes: None, expires: jiff::Timestamp::MAX };
        let user = User::of("Anne", Role::Admin);
        Principal { realm: realm.parse().unwrap(), key_id: String::new(), key, user }
    }

    #[test]
    fn a_user_changes_so_much_and_all_of_a_tenant_so_much_together_and_what_is_removed_is_the_users_alone() {
        let (changes, now) = (Changes::default(), Instant::now());
        let take = |by: &Principal, method, times| {
            (0..times).filter(|_| changes.take(by, method, now).is_ok()).count()
        };
        let users: Vec<_> = (0..5).map(|user| principal("a", &format!("user {user}"))).collect();
        let mut taken = Vec::new();
        for user in &users[..4] {
            taken.push(take(user, Method::Put, CHANGES as usize + 100));
        }
        assert_eq!(taken, [CHANGES as usize; 4]);
        let refused = changes.take(&users[0], Method::Delete, now).unwrap_err();
        assert!(refused.status == 429 && refused.detail.contains("this one has"), "{refused:?}");
        let refused = changes.take(&users[4], Method::Post, now).unwrap_err();
        assert!(refused.status == 429 && refused.detail.contains("these have"), "{refused:?}");
        // What is found to be another's is taken from them still, and no other tenant waits, nor whoever runs the installation.
        assert_eq!(take(&users[4], Method::Delete, 10), 10);
        assert_eq!(take(&principal("b", "user 5"), Method::Put, 10), 10);
        assert_eq!(take(&principal("installation", "user 6"), Method::Put, CHANGES as usize), 6_000);
        assert!(changes.take(&users[0], Method::Delete, now + EVERY).is_ok());
    }
}
