//! How to say dates, times, numbers and references, so that a voice reads them well.

pub use parloir_understanding::say::{Conjunction, weekday};

#[cfg(target_arch = "wasm32")]
use super::imported::say as words;
use super::{Date, Language, Moment};
#[cfg(not(target_arch = "wasm32"))]
use parloir_understanding::say as words;

/// "mardi 24 novembre", "Tuesday the 24th of November".
pub fn date(date: Date, language: Language) -> String {
    words::date(date, language)
}

/// "15 heures 30", "midi"; "half past 3 in the afternoon", "noon".
pub fn time(at: Moment, language: Language) -> String {
    words::time(at, language)
}

/// "mardi 24 novembre à 15 heures 30".
pub fn moment(at: Moment, language: Language) -> String {
    words::moment(at, language)
}

/// As [`moment()`], and "aujourd'hui" or "demain, mardi 24 novembre" where it is so near.
pub fn moment_from(now: Moment, at: Moment, language: Language) -> String {
    words::moment_from(now, at, language)
}

/// "quinze mille", "fifteen thousand".
pub fn number(n: u32, language: Language) -> String {
    words::number(n, language)
}

/// An E.164 number as people of its country read it.
pub fn phone(number: &str, language: Language) -> String {
    words::phone(number, language)
}

/// A name or a reference, letter by letter: "A, 7, K, 2, P, 9".
pub fn spelled(text: &str) -> String {
    words::spelling(text)
}

/// "lundi, mardi ou jeudi", "Monday, Tuesday or Thursday".
pub fn list(items: &[impl AsRef<str>], conjunction: Conjunction, language: Language) -> String {
    words::list(items, conjunction, language)
}
