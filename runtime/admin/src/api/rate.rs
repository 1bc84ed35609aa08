//! How often somebody reads what was said in calls: whoever finds a key does not have all of a tenant's calls at once.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::problem::{Kind, Problem};

/// Readings of a key in a minute.
const A_MINUTE: u32 = 60;
/// How long it takes until a key may read once more.
const EVERY: Duration = Duration::from_secs(60 / A_MINUTE as u64);
/// Keys that are known to have read lately; more of them wait.
const MOST: usize = 4_096;

/// Who has read lately.
#[derive(Default)]
pub(super) struct Rate {
    /// When each key may read as often as one that has read nothing.
    rested: Mutex<HashMap<String, Instant>>,
}

impl Rate {
    fn rested(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.rested.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a reading of a key, which may wait for one: a second, as every 429 says.
    pub(super) fn take(&self, key: &str, now: Instant) -> Result<(), Problem> {
        let mut all = self.rested();
        if all.len() >= MOST {
            all.retain(|_, rested| *rested > now);
        }
        let rested = all.get(key).copied().unwrap_or(now).max(now);
        if rested.duration_since(now) > EVERY * (A_MINUTE - 1) {
            let detail = format!(
                "a key reads {A_MINUTE} times in a minute what was said or who is blocked, and this one has"
            );
            return Err(Problem::new(Kind::Busy, detail, "wait as Retry-After says, and read more slowly"));
        }
        if all.len() >= MOST && !all.contains_key(key) {
            let detail =
                format!("{MOST} other keys have read calls in the last minute, and no more are counted");
            return Err(Problem::new(Kind::Busy, detail, "wait as Retry-After says, and ask again"));
        }
        all.insert(key.to_owned(), rested + EVERY);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_so_often_in_a_minute_and_keeps_nobody_else_from_it() {
        let (rate, now) = (Rate::default(), Instant::now());
        for _ in 0..A_MINUTE {
            assert!(rate.take("a", now).is_ok());
        }
        let refused = rate.take("a", now).unwrap_err();
        assert!(refused.status == 429 && refused.detail.contains("this one has"), "{refused:?}");
        assert!(rate.take("b", now).is_ok());
        assert!(rate.take("a", now + EVERY).is_ok() && rate.take("a", now + EVERY).is_err());
    }

    #[test]
    fn keys_that_have_rested_are_forgotten_before_another_is_known() {
        let (rate, now) = (Rate::default(), Instant::now());
        for key in 0..MOST {
            assert!(rate.take(&key.to_string(), now).is_ok());
        }
        let refused = rate.take("another", now).unwrap_err();
        assert!(refused.status == 429 && refused.detail.contains("other keys"), "{refused:?}");
        assert!(rate.take("another", now + EVERY).is_ok());
        assert_eq!(rate.rested().len(), 1);
    }
}
