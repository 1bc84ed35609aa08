//! What an operator's own instruments see of calls: traces, metrics and logs by OpenTelemetry.
//!
//! The journal already knows everything that happens in a call, and when. [`Telemetry`] watches it being written
//! ([`Observer`](parloir_journal::Observer)) and turns the *technical trace* of its records into
//!
//! - **spans**: a call; in it its turns, the agent's host calls (of one call, the first 2,000), and the requests to providers,
//!   each below the host call it served. Requests to providers are described by the conventions for generative AI, in the
//!   version of [`SCHEMA_URL`];
//! - **metrics**: how long all of that took, tokens, calls that last. What can have any number of values (a
//!   tenant, a number, a call) is never on their labels;
//! - **log records**: how each call ended, and what failed in it, with tenant and call.
//!
//! The trace of a call is the carrier's, where its request brought one, and follows from the call's identifier
//! otherwise ([`TraceId::of`](parloir_contract::TraceId::of)). Identifiers of spans follow from call and record
//! ([`SpanId::of`](parloir_contract::SpanId::of)), so that a request to a provider can carry its own before anything
//! was exported.
//!
//! What may never be here: content, for the journal takes it out before this room sees a record; a text that anybody
//! wrote during a call, for every text that is exported comes from the configuration, from an agent's description, or from a
//! list in this room; and anything that a call would wait for. What a collector does not take in time is lost; that it is away,
//! or that more came at once than could be turned into signals, a line in the log says now and then.
//!
//! ```
//! use parloir_telemetry::{Options, Telemetry};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let options = Options { endpoint: "http://127.0.0.1:4318".parse()?, headers: Vec::new() };
//! let telemetry = Telemetry::start(options)?;
//! let _to_be_given_to_a_journal = telemetry.observer();
//! telemetry.shutdown().await;
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod calls;
mod export;
mod names;
mod post;
mod signal;
mod watch;

pub use export::{Options, TelemetryError};
pub use names::SCHEMA_URL;
pub use watch::Telemetry;
