//! Attack agents, and the house they try it in.
//!
//! Below `agents/` each attack is a file in WebAssembly text whose first line is the sentence of what it tries and what
//! must happen; the lines after it say the same for a machine ([`Attack`]). Where one attack has many spellings, the file
//! is a family: a line `each` lists them. What no text can write, such as a file cut short, is made in [`bombs`].
//!
//! [`House`] is the real server with two tenants: `anne`, whose caller must notice nothing and whose words nobody else may
//! see, and `mallory`, one line for each attack. What is tested:
//!
//! - `tests/corpus.rs`: every attack, on a telephone line, while anne's caller is on the other.
//! - `tests/unloadable.rs`: what is never answered by, because it is no agent, or because it would cost too much to be one.
//! - `tests/guards.rs`: each guard in place and taken away. Taken away, the attack that it is against succeeds: so the
//!   attacks do what they say, and the checks would see it. Nothing in the product takes a guard away: the tests put
//!   settings and layers together otherwise ([`stage`]).
//! - `tests/connectors.rs`: a request that may be made, from the agent to the service and into the journal.
//! - `tests/languages.rs`: attacks where the language matters, in C, Python and Rust.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod agent;
pub mod bombs;
mod contract;
mod house;
mod model;
mod service;
pub mod stage;

pub use agent::{Attack, Ends, Refused, attack, attacks};
pub use contract::{Piece, module};
pub use house::{FALLBACK, House, Rung, SECRETS, Seen, neighbour, root};
pub use model::{Obedient, Told};
pub use service::{Asked, CREDENTIAL};
