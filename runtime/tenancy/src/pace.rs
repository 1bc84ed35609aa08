//! How fast a call may ask: a second's host calls at once, and then as many as time brings back.

use std::time::{Duration, Instant};

/// What a full bucket holds: the host calls of a second, each for its part of it.
const FULL: Duration = Duration::from_secs(1);

/// A token bucket of host calls.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// What a host call costs.
    each: Duration,
    /// What is left.
    credit: Duration,
    /// When it was filled last.
    at: Instant,
}

impl Pace {
    /// A full bucket of so many host calls a second.
    pub fn new(a_second: u32, now: Instant) -> Self {
        Self { each: FULL / a_second.max(1), credit: FULL, at: now }
    }

    /// Takes a host call out of it. Returns whether there was one.
    pub fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at);
        self.at = self.at.max(now);
        self.credit = self.credit.saturating_add(passed).min(FULL);
        match self.credit.checked_sub(self.each) {
            Some(left) => {
                self.credit = left;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_of_host_calls_may_come_at_once_and_then_as_many_as_time_brings() {
        let begin = Instant::now();
        let mut pace = Pace::new(100, begin);
        let mut taken = |at| (0..1_000).filter(|_| pace.take(at)).count();
        assert_eq!(taken(begin), 100);
        assert_eq!(taken(begin), 0);
        assert_eq!(taken(begin + Duration::from_millis(250)), 25);
        // What is not taken for an hour is no more than a second's.
        assert_eq!(taken(begin + Duration::from_secs(3_600)), 100);
        // A clock that was read earlier brings nothing back, and takes nothing away.
        assert_eq!(taken(begin), 0);
        assert_eq!(taken(begin + Duration::from_secs(3_601)), 100);
    }

    #[test]
    fn refusals_cost_nothing() {
        let begin = Instant::now();
        let mut pace = Pace::new(2, begin);
        let taken: Vec<bool> = (0..=5).map(|ms| pace.take(begin + Duration::from_millis(ms * 100))).collect();
        assert_eq!(taken, [true, true, false, false, false, true]);
    }
}
