//! The last moment of the caller's sound, so that an utterance begins with its first syllable.

use crate::frame::SampleRate;

/// A ring of recent samples; allocated once.
#[derive(Debug, Clone)]
pub struct PreRoll {
    rate: SampleRate,
    ring: Box<[i16]>,
    next: usize,
    filled: usize,
}

impl PreRoll {
    /// Remembers up to `millis`; one second suits the turn taker's defaults. At most ten.
    #[must_use]
    pub fn new(rate: SampleRate, millis: u32) -> Self {
        let length = rate.samples_in(u64::from(millis.clamp(1, 10_000))).max(1);
        let ring = vec![0; usize::try_from(length).unwrap_or(1)].into_boxed_slice();
        Self { rate, ring, next: 0, filled: 0 }
    }

    /// Adds the newest samples.
    pub fn push(&mut self, samples: &[i16]) {
        let skip = samples.len().saturating_sub(self.ring.len());
        for sample in samples.iter().skip(skip) {
            if let Some(slot) = self.ring.get_mut(self.next) {
                *slot = *sample;
            }
            self.next = (self.next + 1) % self.ring.len();
        }
        self.filled = (self.filled + samples.len()).min(self.ring.len());
    }

    /// Appends the newest `millis` to `output`, oldest first, or all there is.
    pub fn take(&self, millis: u32, output: &mut Vec<i16>) {
        let wanted = usize::try_from(self.rate.samples_in(u64::from(millis))).unwrap_or(usize::MAX);
        let count = wanted.min(self.filled);
        let start = (self.next + self.ring.len() - count) % self.ring.len();
        output.extend(self.ring.iter().cycle().skip(start).take(count));
    }

    /// Forgets everything: the gate has closed.
    pub fn clear(&mut self) {
        self.ring.fill(0);
        self.filled = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_samples_come_back_in_order() {
        let mut ring = PreRoll::new(SampleRate::TELEPHONE, 10);
        let mut out = Vec::new();
        ring.push(&[1, 2, 3]);
        ring.take(10, &mut out);
        assert_eq!(out, [1, 2, 3]);
        ring.push(&(0..200).collect::<Vec<i16>>());
        out.clear();
        ring.take(1, &mut out);
        assert_eq!(out, (192..200).collect::<Vec<i16>>());
        out.clear();
        ring.take(1_000, &mut out);
        assert_eq!(out, (120..200).collect::<Vec<i16>>());
        ring.clear();
        out.clear();
        ring.take(10, &mut out);
        assert!(out.is_empty());
    }
}
