//! When has the caller finished? Pure functions from what is known about a pause to *wait* or
//! *end*.

use parloir_contract::Expecting;

/// A pause in the caller's speech, as an [`EndOfTurn`] sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause<'a> {
    /// Milliseconds from the first to the last voice of the utterance.
    pub speech_ms: u32,
    /// Milliseconds since the last voice.
    pub silence_ms: u32,
    /// What kind of answer is due.
    pub expecting: Expecting,
    /// What a streaming transcriber has understood so far, where there is one.
    pub partial: Option<&'a str>,
}

/// Whether the turn is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The caller may go on.
    Wait,
    /// The turn is over.
    End,
}

/// An end-of-turn strategy.
///
/// Asked at every frame of a pause: it must be cheap, and for a given pause it must answer
/// [`Decision::End`] at the latest at [`longest_ms`](Self::longest_ms).
pub trait EndOfTurn: Send + Sync + std::fmt::Debug {
    /// Decides.
    fn decide(&self, pause: &Pause<'_>) -> Decision;

    /// The configured delay for an answer of this kind: what a latency figure subtracts.
    fn delay_ms(&self, expecting: Expecting) -> u32;

    /// The longest pause it ever waits through for an answer of this kind.
    fn longest_ms(&self, expecting: Expecting) -> u32;
}

/// A silence time-out per kind of answer, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SilenceTimeout {
    /// [`Expecting::Anything`].
    pub anything: u32,
    /// [`Expecting::YesNo`]: a "oui" is complete.
    pub yes_no: u32,
    /// [`Expecting::Digits`]: people pause between groups.
    pub digits: u32,
    /// [`Expecting::Name`]: and between the letters of a spelled name.
    pub name: u32,
    /// [`Expecting::Date`].
    pub date: u32,
    /// [`Expecting::Address`].
    pub address: u32,
}

impl Default for SilenceTimeout {
    /// 700, 400, 1500, 1400, 900, 1500.
    fn default() -> Self {
        Self { anything: 700, yes_no: 400, digits: 1_500, name: 1_400, date: 900, address: 1_500 }
    }
}

impl SilenceTimeout {
    /// The same delay for every kind of answer; for tests and benchmarks.
    #[must_use]
    pub const fn every(millis: u32) -> Self {
        Self { anything: millis, yes_no: millis, digits: millis, name: millis, date: millis, address: millis }
    }
}

impl EndOfTurn for SilenceTimeout {
    fn decide(&self, pause: &Pause<'_>) -> Decision {
        end_after(self.delay_ms(pause.expecting), pause.silence_ms)
    }

    fn delay_ms(&self, expecting: Expecting) -> u32 {
        match expecting {
            Expecting::Anything => self.anything,
            Expecting::YesNo => self.yes_no,
            Expecting::Digits => self.digits,
            Expecting::Name => self.name,
            Expecting::Date => self.date,
            Expecting::Address => self.address,
        }
    }

    fn longest_ms(&self, expecting: Expecting) -> u32 {
        self.delay_ms(expecting)
    }
}

/// A silence time-out that reads along where a streaming transcriber gives it something to read.
///
/// After a finished sentence it waits three fifths of the delay (never under 300 ms); after a
/// number, a hesitation, a comma or a word that wants another ("et", "à", "the") it waits one and a
/// half times the delay, at least 1.2 s. Without text it is the time-out alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadingTimeout {
    /// The delays it shortens and lengthens.
    pub silence: SilenceTimeout,
}

impl EndOfTurn for ReadingTimeout {
    fn decide(&self, pause: &Pause<'_>) -> Decision {
        let delay = self.silence.delay_ms(pause.expecting);
        let delay = match pause.partial.map_or(Reads::Unclear, reads) {
            Reads::Finished => (delay * 3 / 5).max(300).min(delay),
            Reads::Unclear => delay,
            Reads::Unfinished => self.longest_ms(pause.expecting),
        };
        end_after(delay, pause.silence_ms)
    }

    fn delay_ms(&self, expecting: Expecting) -> u32 {
        self.silence.delay_ms(expecting)
    }

    fn longest_ms(&self, expecting: Expecting) -> u32 {
        let delay = self.silence.delay_ms(expecting);
        (delay.saturating_mul(3) / 2).max(1_200)
    }
}

const fn end_after(delay: u32, silence: u32) -> Decision {
    if silence >= delay { Decision::End } else { Decision::Wait }
}

enum Reads {
    Finished,
    Unclear,
    Unfinished,
}

/// Words after which nobody stops, in French and English.
const WANTS_MORE: &[&str] = &[
    "euh", "et", "ou", "mais", "donc", "alors", "le", "la", "les", "un", "une", "de", "du", "des", "à", "au",
    "aux", "pour", "avec", "que", "qui", "c'est", "uh", "um", "and", "or", "but", "so", "the", "a", "an",
    "of", "to", "at", "for", "with", "on", "in", "my", "is",
];

/// Number words: more of a dictated number may follow.
const NUMBERS: &[&str] = &[
    "zéro",
    "deux",
    "trois",
    "quatre",
    "cinq",
    "six",
    "sept",
    "huit",
    "neuf",
    "dix",
    "onze",
    "douze",
    "treize",
    "quatorze",
    "quinze",
    "seize",
    "vingt",
    "trente",
    "quarante",
    "cinquante",
    "soixante",
    "zero",
    "oh",
    "one",
    "two",
    "three",
    "four",
    "five",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "twenty",
    "thirty",
    "forty",
    "fifty",
    "sixty",
    "seventy",
    "eighty",
    "ninety",
    "double",
    "arobase",
    "dot",
    "point",
];

fn reads(text: &str) -> Reads {
    let text = text.trim_end();
    let Some(last) = text.chars().next_back() else { return Reads::Unclear };
    if matches!(last, ',' | '…' | '-') || text.ends_with("...") {
        return Reads::Unfinished;
    }
    let word = text.split_whitespace().next_back().unwrap_or_default();
    let word = word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let number = word.chars().next_back().is_some_and(|c| c.is_ascii_digit())
        || word.split('-').next_back().is_some_and(|part| NUMBERS.contains(&part));
    if number || WANTS_MORE.contains(&word.as_str()) {
        return Reads::Unfinished;
    }
    if matches!(last, '.' | '!' | '?') { Reads::Finished } else { Reads::Unclear }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: [Expecting; 6] = [
        Expecting::Anything,
        Expecting::YesNo,
        Expecting::Digits,
        Expecting::Name,
        Expecting::Date,
        Expecting::Address,
    ];

    /// The silence at which a strategy ends the turn.
    fn ends_at(strategy: &dyn EndOfTurn, expecting: Expecting, partial: Option<&str>) -> u32 {
        (0..10_000)
            .step_by(20)
            .find(|silence_ms| {
                let pause = Pause { speech_ms: 800, silence_ms: *silence_ms, expecting, partial };
                strategy.decide(&pause) == Decision::End
            })
            .expect("every strategy ends")
    }

    #[test]
    fn a_yes_ends_early_and_a_dictated_number_late() {
        let strategy = SilenceTimeout::default();
        let ends = EVERY.map(|expecting| ends_at(&strategy, expecting, None));
        assert_eq!(ends, [700, 400, 1_500, 1_400, 900, 1_500]);
        assert_eq!(ends, EVERY.map(|expecting| strategy.delay_ms(expecting)));
    }

    #[test]
    fn a_reader_hears_what_is_unfinished() {
        let strategy = ReadingTimeout::default();
        for (partial, ends) in [
            (None, 700),
            (Some(""), 700),
            (Some("je voudrais un rendez-vous"), 700),
            (Some("Je voudrais un rendez-vous."), 420),
            (Some("zéro six"), 1_200),
            (Some("My number is 06 12"), 1_200),
            (Some("soixante-dix-huit."), 1_200),
            (Some("Je voudrais euh"), 1_200),
            (Some("mardi et"), 1_200),
            (Some("Alors,"), 1_200),
            (Some("Attendez..."), 1_200),
        ] {
            assert_eq!(ends_at(&strategy, Expecting::Anything, partial), ends, "{partial:?}");
        }
    }

    #[test]
    fn no_strategy_waits_longer_than_it_says() {
        for strategy in [&SilenceTimeout::default() as &dyn EndOfTurn, &ReadingTimeout::default()] {
            for expecting in EVERY {
                for partial in [None, Some("zéro six"), Some("Oui."), Some("le")] {
                    assert!(
                        ends_at(strategy, expecting, partial)
                            <= strategy.longest_ms(expecting).next_multiple_of(20)
                    );
                }
            }
        }
    }
}
