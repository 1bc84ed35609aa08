//! What a caller means by what a recogniser wrote, and how to say things back: French and English,
//! one set of functions for both.
//!
//! A recogniser writes "15h30", "15 heures 30" or "quinze heures trente" for the same sound, drops
//! accents, invents subtitles in silence and spells names with or without commas. Everything here
//! is made for that: words are compared without accents or case, numbers in figures or in letters
//! are the same number, and what cannot be understood is `None`, never a guess.
//!
//! ```
//! use parloir_understanding::{Date, Language, Moment, Weekday, say, when, yes_no};
//!
//! let french = Language::French;
//! assert_eq!(yes_no("Bah oui, bien sûr.", french), Some(true));
//! assert_eq!(yes_no("Non, je préfère ne pas.", french), Some(false));
//!
//! let now = Moment::new(2026, 11, 21, 18, 0);
//! let wanted = when("plutôt jeudi après-midi, après quinze heures", french, now).unwrap_or_default();
//! assert_eq!((wanted.weekdays, wanted.earliest), (vec![Weekday::Thursday], Some(15 * 60)));
//!
//! assert_eq!(say::moment(Moment::new(2026, 11, 24, 15, 30), french), "mardi 24 novembre à 15 heures 30");
//! ```
//!
//! What may never be here: input or output, a clock, randomness, a sentence of any particular
//! agent. Time enters as an argument, so that the same words at the same moment always mean the
//! same. Any text is answered without a panic, and only its first 2000 characters are read.
#![forbid(unsafe_code)]

mod choice;
mod civil;
mod intent;
mod language;
mod name;
mod noise;
mod number;
mod phone;
mod quantity;
pub mod say;
mod when;
mod words;
mod yes_no;

pub use choice::{Choice, choice, choose};
pub use civil::{Date, Moment, Weekday};
pub use intent::{Intent, Relative, intents, relative};
pub use language::Language;
pub use name::{Name, name};
pub use noise::{is_noise, once};
pub use phone::{dictated, e164, phone};
pub use quantity::{Quantity, amount, number};
pub use when::{When, when};
pub use yes_no::yes_no;
