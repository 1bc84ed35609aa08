//! What a caller means, and how to say things back, in French and English.
//!
//! In a component every function asks the host, which knows the words of both languages: an agent
//! carries none of them, and its journal says what was understood. In a native test the same words
//! answer directly. Everything is pure: the same text at the same moment always means the same;
//! what cannot be understood is `None`, never a guess.
//!
//! ```
//! use parloir_agent::understanding::{Language, Moment, say, when, yes_no};
//!
//! assert_eq!(yes_no("Bah oui, bien sûr.", Language::French), Some(true));
//! let now = Moment::new(2026, 11, 21, 18, 0);
//! let wish = when("mardi à 15h30", Language::French, now).unwrap_or_default();
//! assert_eq!(wish.at, Some(15 * 60 + 30));
//! assert_eq!(say::moment(Moment::new(2026, 11, 24, 15, 30), Language::French), "mardi 24 novembre à 15 heures 30");
//! ```

mod contract;
#[cfg(any(target_arch = "wasm32", test))]
mod convert;
#[cfg(target_arch = "wasm32")]
mod imported;
pub mod say;

#[cfg(target_arch = "wasm32")]
use imported as words;
#[cfg(not(target_arch = "wasm32"))]
use parloir_understanding as words;

pub use parloir_understanding::{
    Choice, Date, Intent, Language, Moment, Name, Quantity, Relative, Weekday, When,
};

/// Whether the caller says yes; `None` for neither, for both, and for "I do not know".
pub fn yes_no(text: &str, language: Language) -> Option<bool> {
    words::yes_no(text, language)
}

/// The digits dictated, in order, after a `+` where one was said; empty when there are none. Keys
/// read as themselves.
pub fn digits(text: &str, language: Language) -> String {
    words::dictated(text, language)
}

/// The first whole number said, up to 999,999,999: "quinze mille", "15 000" and "15k" are 15000.
pub fn number(text: &str, language: Language) -> Option<u32> {
    words::number(text, language)
}

/// How much the caller says: one figure, a range, or one end of it.
pub fn amount(text: &str, language: Language) -> Option<Quantity> {
    words::amount(text, language)
}

/// Which days and times the caller wishes, relative to `now`. [`When`] has what an agent does with
/// it: `then` puts a newer wish over it, `around` widens it, `fits` tests a moment.
pub fn when(text: &str, language: Language, now: Moment) -> Option<When> {
    words::when(text, language, now)
}

/// The telephone number dictated or keyed, as E.164. A national number belongs to the country of
/// `home`, such as the line's own number.
pub fn phone(text: &str, language: Language, home: &str) -> Option<String> {
    words::phone(text, language, home)
}

/// The caller's name, said or spelled.
pub fn name(text: &str, language: Language) -> Option<Name> {
    words::name(text, language)
}

/// Which of `options`, given as they were spoken, the caller takes.
pub fn choose(text: &str, language: Language, options: &[impl AsRef<str>]) -> Choice {
    words::choose(text, language, options)
}

/// Which of the moments on offer the caller takes.
pub fn choose_moment(text: &str, language: Language, offers: &[Moment], now: Moment) -> Choice {
    words::choice(text, language, offers, now)
}

/// Everything the caller is after, most pressing first.
pub fn intents(text: &str, language: Language) -> Vec<Intent> {
    words::intents(text, language)
}

/// Whether the caller wants something earlier, later, or on another day than was offered.
pub fn relative_wish(text: &str, language: Language) -> Option<Relative> {
    words::relative(text, language)
}

/// Whether a text is no speech at all: empty, a stage direction, an invented subtitle, a loop.
pub fn is_noise(text: &str) -> bool {
    words::is_noise(text)
}

/// A text with each sentence once, where a recogniser wrote one over and over.
pub fn once(text: &str) -> String {
    words::once(text)
}

/// The language of a text, judged by its small words; `None` when too few tell.
pub fn language_of(text: &str) -> Option<Language> {
    #[cfg(target_arch = "wasm32")]
    return words::language_of(text);
    #[cfg(not(target_arch = "wasm32"))]
    Language::of(text)
}
