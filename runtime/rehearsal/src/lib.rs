//! A conversation without a telephone: an agent before a conversation file, on a virtual clock.
//!
//! The same component that answers calls stands behind the same kind of door, with the tenancy's own
//! layers; innermost is not a live call but a [`Conversation`]: what the caller says, presses, leaves
//! unsaid and interrupts, what the agent must say, what goes wrong, and what must be so at the end. A
//! ten-minute call takes milliseconds, and goes the same way every time.
//!
//! - [`read`]: the file, strictly: every mistake with its place and its remedy; [`FORMAT`] is its
//!   reference.
//! - [`rehearse`], [`rehearse_all`]: conversations against an agent, and where they went otherwise.
//! - [`converse`]: the same service with somebody else as [`Caller`], such as a person at a terminal;
//!   [`recorded`] and [`write()`] make a conversation file of it.
//! - [`OnALine`]: the same before a real line: what concerns the caller the live call answers, and a
//!   [`Telephone`] does what the caller does.
//! - [`Staged`]: a call whose agent somebody else runs, which is lost and taken up again in its midst.
//! - [`Coverage`]: which answers of the host the agent has met.
//!
//! Without a line the clock is virtual: what is said takes its time at [`CHARACTERS_PER_SECOND`], silence takes as
//! long as it lasts, an answer of the host takes what the file injects, and nothing else takes any: the
//! agent's own computing does not.
//!
//! What may never be here: a socket, a provider's client, the real time in a decision, or a rule of
//! conversation that the live call does not have.
//!
//! ```
//! use parloir_rehearsal::read;
//!
//! let file = "
//! conversation: Says goodbye
//! steps:
//!   - agent: bonjour
//!   - caller: Au revoir
//! expct: {outcome: done}
//! ";
//! let problem = read("a.yaml".as_ref(), file.as_bytes()).unwrap_err().to_string();
//! assert_eq!(problem, "a.yaml:6:1: a conversation has no `expct`; did you mean `expect`?");
//! ```
#![forbid(unsafe_code)]

/// The conversation file's reference, in Markdown.
pub const FORMAT: &str = include_str!("format.md");

mod caller;
mod check;
mod clock;
mod coverage;
mod door;
mod event;
mod file;
mod line;
mod mismatch;
mod output;
mod place;
mod rehearse;
mod script;
mod stage;
mod staged;
mod told;
mod vault;
mod world;

pub use caller::{Act, Caller, Listening, Meanwhile, Utterance};
pub use check::Ended;
pub use clock::{CHARACTERS_PER_SECOND, speech_ms};
pub use coverage::{Coverage, Covered, kinds, kinds_of};
pub use event::{Event, Happened, at};
pub use file::{
    AppointmentRule, CalendarScene, ConnectorScene, Consent, Conversation, Documents, Does, Expect,
    FILE_BYTES, Failure, Injected, Meaning, ModelAnswer, OutcomeRule, ReportRules, Scene, StagedAnswer,
    Standing, Step, StepKind, TextPart, TextRule, When, Words, office_hours, read, write,
};
pub use line::{OnALine, Telephone, unfit};
pub use mismatch::Mismatch;
pub use output::{to_json, to_junit, told};
pub use place::{BadFile, Located, Place, Problem};
pub use rehearse::{Left, Rehearsed, converse, line_config, rehearse, rehearse_all};
pub use script::{Script, recorded};
pub use stage::Past;
pub use staged::{Staged, Storage};
pub use world::{Appointments, NoWorld};

#[cfg(test)]
mod tests;
