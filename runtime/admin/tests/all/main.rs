//! The administration as it is asked from outside. One program of all, since each would be linked with the whole runtime; a file is
//! one subject: `cargo nextest run -p parloir-admin -E 'test(/^matrix::/)'` runs one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "tests"
)]

mod accesses;
mod agents;
mod api;
mod attacks;
mod audit;
mod bearers;
mod calls;
mod cordon;
mod denials;
mod documents;
mod entrusted;
mod house;
mod keys;
mod leaving;
mod log_in;
mod matrix;
mod openapi;
mod owner;
mod persons;
mod policies;
mod sounds;
mod teams;
mod tenants;
