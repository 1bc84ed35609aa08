//! How late a paced sender was: a histogram of fixed size.

use std::time::Duration;

const BUCKETS: usize = 1000;
const BUCKET_US: u128 = 100;

/// Delays in steps of 0.1 ms up to 100 ms; what is longer counts as the longest seen.
#[derive(Debug, Clone)]
pub struct Lateness {
    buckets: Vec<u32>,
    over: u32,
    count: u64,
    max: Duration,
}

impl Default for Lateness {
    fn default() -> Self {
        Self { buckets: vec![0; BUCKETS], over: 0, count: 0, max: Duration::ZERO }
    }
}

impl Lateness {
    /// Counts one delay.
    pub fn add(&mut self, delay: Duration) {
        self.count += 1;
        self.max = self.max.max(delay);
        let place = usize::try_from(delay.as_micros() / BUCKET_US).unwrap_or(usize::MAX);
        match self.buckets.get_mut(place) {
            Some(bucket) => *bucket = bucket.saturating_add(1),
            None => self.over = self.over.saturating_add(1),
        }
    }

    /// Adds what another counted.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.max = self.max.max(other.max);
        self.over = self.over.saturating_add(other.over);
        for (bucket, more) in self.buckets.iter_mut().zip(&other.buckets) {
            *bucket = bucket.saturating_add(*more);
        }
    }

    /// How many delays were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The longest.
    pub fn max(&self) -> Duration {
        self.max
    }

    /// The delay that so many of a thousand do not exceed (`990` for p99), rounded up to 0.1 ms.
    pub fn permille(&self, permille: u64) -> Duration {
        let wanted = (self.count * permille).div_ceil(1000);
        let mut seen = 0;
        for (place, bucket) in self.buckets.iter().enumerate() {
            seen += u64::from(*bucket);
            if seen >= wanted && seen > 0 {
                let micros = u64::try_from((place as u128 + 1) * BUCKET_US).unwrap_or(u64::MAX);
                return Duration::from_micros(micros).min(self.max);
            }
        }
        self.max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_a_hundred_delays() {
        let mut lateness = Lateness::default();
        assert_eq!(lateness.permille(990), Duration::ZERO);
        (1..=100).for_each(|ms| lateness.add(Duration::from_millis(ms)));
        assert_eq!(lateness.permille(500), Duration::from_micros(50_100));
        assert_eq!(lateness.permille(990), Duration::from_micros(99_100));
        assert_eq!(lateness.max(), Duration::from_millis(100));
        let mut both = lateness.clone();
        both.merge(&lateness);
        assert_eq!((both.count(), both.permille(500)), (200, lateness.permille(500)));
    }
}
