//! Attack agents, tried.
//!
//! They are below `agents/`, and what runs them is `parloir-attest`, for an operator can run them too. What was tried by hand, and
//! what stopped each, is told in `README.md`. What is tested:
//!
//! - `tests/all/corpus.rs`: every attack, on a telephone line, while anne's caller is on the other.
//! - `tests/all/unloadable.rs`: what is never answered by, because it is no agent, or because it would cost too much to be one.
//! - `tests/all/guards.rs`: each guard in place and taken away. Taken away, the attack that it is against succeeds: so the
//!   attacks do what they say, and the checks would see it. Nothing in the product takes a guard away: the tests put
//!   settings and layers together otherwise ([`stage`]).
//! - `tests/all/bombs.rs`: the same of what keeps a compiler from being kept busy.
//! - `tests/all/every_guard.rs`: that no guard can be added for which no test takes it away.
//! - `tests/all/cordon.rs`: the same of what a process of agents may do to the server that keeps it.
//! - `tests/all/operators.rs`: the same of what an operator's file says, in the real server.
//! - `tests/all/words.rs`: what a terminal is shown of an agent's words, and what it would obey if it were shown them as they are.
//! - `tests/all/connectors.rs`: a request that may be made, from the agent to the service and into the journal.
//! - `tests/all/languages.rs`: attacks where the language matters, in C, Go, Python, Rust and TypeScript.
//!
//! What has neither a setting nor a layer is not taken away. The corpus tries it all the same, and most of it fails where it is not
//! there:
//!
//! - What is not in the engine that is built: WASI, threads, later proposals (`reach/*`).
//! - Rules without a number: what an agent may call itself and which languages it may name (`words/*`), which sounds a line has
//!   (`tenants/sounds`), and consent that is not taken back (`probes/recording`).
//! - Numbers that are the same for everybody: bytes of chance (`bounds/random`), transfers of a call
//!   (`transfers/again-and-again`), messages to a model and what is booked (`bounds/refused`), what a call's journal may come to
//!   (`flood/journal-by-refusals`), and the length of a reason (`values/long-reason`).
//! - What nobody could see missing in one call: a stack that is cleared after a call, for no code of an agent reads what it did not
//!   write; numbers that are none, where the machine has one kind alone; what makes agents wait for each other, which the measurement
//!   of a neighbour sees; and a part of a component that instantiates another which it is handed, which its own test tries.
//!
//! A process of agents behind a cordon is not believed, by numbers of its own: `tests/all/cordon.rs` tries them in their place.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::path::{Path, PathBuf};

pub mod shown;
pub mod stage;

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
