//! The built programs, end to end: against real peers, as they are typed, and by whoever would do harm.
//!
//! One program, since linking forty would take longer than most of them run; `cargo nextest` runs each test in a process of
//! its own. A file is one subject: `cargo nextest run -p parloir-e2e -E 'test(/^versions::/)'` runs one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    unreachable_pub,
    reason = "tests"
)]

mod administered;
mod administration;
mod api_contract;
mod attest;
mod back_up;
mod broken_agents;
mod browser;
mod calls_by_role;
mod canaries;
mod closing;
mod compiled;
mod confined;
mod connectors;
mod conversation;
mod cordon;
mod counted_provider;
mod developing;
mod documents;
mod erased;
mod erased_tenant;
mod failing_agents;
mod figures;
mod house;
mod idle_class;
mod improvised;
mod killed_administration;
mod killed_server;
mod languages;
mod log_in;
mod one_moment;
mod own_policies;
mod page;
mod pages;
mod person;
mod persons_by_api;
mod proof_page;
mod quotas;
mod reasons;
mod refused_carriers;
mod refused_recording;
mod registry;
mod rehearsals;
mod replay;
mod resumed;
mod rights;
mod seeded_replay;
mod served;
mod sounds;
mod spoken;
mod spoken_qualification;
mod suspended;
mod telemetry;
mod tls;
mod transfers;
mod versions;
mod webhooks;
mod webhooks_together;
