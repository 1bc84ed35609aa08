//! What the author of a telephone agent imports.
//!
//! An agent is a plain sequential program: it says, listens, asks, decides, and returns how the
//! call ended. There is no event loop to keep and nothing to await: the host parks the agent while
//! the caller thinks. Whatever can go wrong outside the agent (a hang-up, a provider's failure, a
//! refusal) is a value; only a bug of the agent's own traps, and then the panic's text and place
//! reach the call's journal before the host takes over.
//!
//! ```
//! use parloir_agent::{Agent, Call, Description, Expecting, Outcome, Refusal, Turn, ask, say};
//!
//! struct Greeter;
//!
//! impl Agent for Greeter {
//!     fn describe() -> Description {
//!         Description::new("greeter", "0.1.0").speaking(["en-GB"])
//!     }
//!
//!     fn answer(call: Call) -> Outcome {
//!         greet(&call).into()
//!     }
//! }
//!
//! fn greet(call: &Call) -> Result<Outcome, Refusal> {
//!     let name = call.setting("name").unwrap_or("the office");
//!     let reply = ask(&format!("Good morning, this is {name}. Shall somebody ring you back?"))
//!         .expecting(Expecting::YesNo)
//!         .listen()?;
//!     match reply.turn {
//!         Turn::Speech(speech) if speech.text.contains("yes") => {
//!             say("Thank you. Goodbye.")?;
//!             Ok(Outcome::CallBack)
//!         }
//!         Turn::Speech(_) | Turn::Digits(_) | Turn::Silence => Ok(Outcome::Done),
//!         Turn::HungUp => Ok(Outcome::Abandoned),
//!     }
//! }
//!
//! parloir_agent::export!(Greeter);
//! # fn main() {}
//! ```
//!
//! Built for `wasm32-unknown-unknown` the functions are the host's. Built for the developer's own
//! machine they go to the [`Host`] that a test installs with [`host::run`]: a conversation is
//! tested like any other function.
//!
//! What may never be here: an opinion about what an agent says, a clock, a file, a socket. An agent
//! has what the contract imports, and nothing else.

#[cfg(feature = "understanding")]
mod again;
mod agent;
#[doc(hidden)]
pub mod bindings;
mod conversation;
pub mod host;
mod refusal;

pub mod calendar;
pub mod clock;
pub mod connectors;
pub mod documents;
pub mod log;
pub mod memory;
pub mod model;
pub mod random;
pub mod report;
#[cfg(feature = "understanding")]
pub mod understanding;

#[cfg(feature = "understanding")]
pub use again::{Answered, AskUntil, Said};
#[doc(hidden)]
pub use agent::prepare;
pub use agent::{Agent, Call, Capability};
pub use bindings::parloir::agent::call::{
    BargeIn, CallInfo, Direction, Expecting, Heard, ListenOptions, SayOptions, Speech, Transferred, Turn,
};
pub use bindings::parloir::agent::types::{LocalTime, Refusal};
pub use bindings::{Description, Outcome};
pub use conversation::{
    Listening, Question, Reply, Sentence, ask, consent, hang_up, listen, pause_recording, play,
    resume_recording, say, sentence, transfer,
};
pub use host::Host;
