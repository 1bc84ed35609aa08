//! The virtual clock: only speech, silence and injected latencies move it.

use jiff::ToSpan;
use jiff::civil::DateTime;
use parloir_contract::LocalTime;
use parloir_media::TurnOptions;
use parloir_tenancy::calendar::to_local;

/// How fast agent and caller speak, in characters a second: an unhurried voice in French or English.
pub const CHARACTERS_PER_SECOND: u32 = 15;

/// How long a text takes to say, in milliseconds.
pub fn speech_ms(text: &str) -> u32 {
    let characters = u32::try_from(text.trim().chars().count()).unwrap_or(u32::MAX / 1_000);
    characters.saturating_mul(1_000) / CHARACTERS_PER_SECOND
}

/// The pause that ends a turn of keys which neither their number nor a key has ended: the line's own.
pub(crate) fn after_keys_ms() -> u32 {
    TurnOptions::default().inter_digit_ms
}

/// Time since the call was answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    began: DateTime,
    ms: u64,
}

impl Clock {
    pub(crate) const fn new(began: DateTime) -> Self {
        Self { began, ms: 0 }
    }

    /// Milliseconds since the call was answered.
    pub(crate) const fn ms(self) -> u64 {
        self.ms
    }

    pub(crate) fn pass(&mut self, ms: u64) {
        self.ms = self.ms.saturating_add(ms);
    }

    /// To a moment of the call: later, or back to where a sentence was cut.
    pub(crate) const fn set(&mut self, ms: u64) {
        self.ms = ms;
    }

    pub(crate) fn now(self) -> DateTime {
        let ms = i64::try_from(self.ms).unwrap_or(i64::MAX);
        self.began.checked_add(ms.milliseconds()).unwrap_or(self.began)
    }

    /// Civil time, to the minute.
    pub(crate) fn local(self) -> LocalTime {
        to_local(self.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speech_takes_a_second_for_fifteen_characters() {
        assert_eq!(speech_ms("quinze signes !"), 1_000);
        assert_eq!(speech_ms("  "), 0);
    }

    #[test]
    fn the_civil_time_follows_the_call() {
        let mut clock = Clock::new(jiff::civil::date(2026, 12, 31).at(23, 59, 0, 0));
        clock.pass(61_000);
        assert_eq!(clock.local(), LocalTime { year: 2027, month: 1, day: 1, hour: 0, minute: 0 });
    }
}
