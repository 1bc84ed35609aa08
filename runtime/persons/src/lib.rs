//! What a tenant's calls hold of one person: found by their number, told in order, and exported.
//!
//! A person who asks what is known of them gets every call they placed or were named in: what was said, what was
//! recorded, the report, appointments, and which provider was sent how much of it, where, and with what result. The
//! answer is made from the journal's records alone, so that it is the very thing that [`parloir_journal::verify`] vouches
//! for.
//!
//! - [`Number`]: a telephone number as people write it, and where it is found.
//! - [`CallFile`]: one call, as it concerns a person.
//! - [`numbers()`]: the numbers of a call, by which the journal's index rules out those that concern somebody else.
//! - [`vcon()`]: a call as a vCon, the IETF's container for conversations, with the consent attached.
//!
//! A number that was only spoken in words ("zéro six…") is not found by its digits; the reading of it that the agent
//! kept is.
//!
//! What may never be here: reading or writing a file, a key, or a decision about who may ask.
//!
//! ```
//! use parloir_persons::Number;
//!
//! let number: Number = "06 39 98 12 34".parse()?;
//! assert_eq!(number.to_string(), "+33639981234");
//! assert!(number.is_in("vous me joignez au 06.39.98.12.34 le soir"));
//! assert!(!number.is_in("le dossier 1063998123456"));
//! # Ok::<(), parloir_persons::NotANumber>(())
//! ```
#![forbid(unsafe_code)]

mod file;
mod number;
mod vcon;

pub use file::{CallFile, Concern, Correction, Said, Speaker, Transmission, caller, caller_in, numbers};
pub use number::{NotANumber, Number};
pub use vcon::vcon;
