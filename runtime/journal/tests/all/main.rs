//! The journal as the other rooms use it, and as whoever breaks in, cuts it off or doubts it finds it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod access;
mod cabinet;
mod erase;
mod journal;
mod kept;
mod kill;
mod numbers;
mod observe;
mod rights;
mod signed;
mod tenants;
mod thief;
