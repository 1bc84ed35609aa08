//! Attack agents, tried.
//!
//! They are below `agents/`, and what runs them is `parloir-attest`, for an operator can run them too. What is tested:
//!
//! - `tests/corpus.rs`: every attack, on a telephone line, while anne's caller is on the other.
//! - `tests/unloadable.rs`: what is never answered by, because it is no agent, or because it would cost too much to be one.
//! - `tests/guards.rs`: each guard in place and taken away. Taken away, the attack that it is against succeeds: so the
//!   attacks do what they say, and the checks would see it. Nothing in the product takes a guard away: the tests put
//!   settings and layers together otherwise ([`stage`]).
//! - `tests/bombs.rs`: the same of what keeps a compiler from being kept busy.
//! - `tests/operators.rs`: the same of what an operator's file says, in the real server.
//! - `tests/words.rs`: what a terminal is shown of an agent's words, and what it would obey if it were shown them as they are.
//! - `tests/connectors.rs`: a request that may be made, from the agent to the service and into the journal.
//! - `tests/languages.rs`: attacks where the language matters, in C, Python and Rust.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::path::{Path, PathBuf};

pub mod shown;
pub mod stage;

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
