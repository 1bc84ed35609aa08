//! Attack agents against the runtime, and what keeps them. One program of all, since each would be linked with the whole runtime;
//! a file is one subject: `cargo nextest run -p parloir-hostile -E 'test(/^corpus::/)'` runs one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod bombs;
mod connectors;
mod cordon;
mod corpus;
mod every_guard;
mod guards;
mod languages;
mod operators;
mod unloadable;
mod words;
