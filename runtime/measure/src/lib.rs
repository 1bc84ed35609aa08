//! Many callers at once against a voice server: what they notice, and what they cost it.
//!
//! Callers speak the carriers' protocol, one task a call, each on absolute 20 ms deadlines. The server is measured from outside,
//! by `/proc`, and the callers measure themselves: figures of a run whose own frames were late say so. [`serve_floor`] is a
//! server that does nothing but the protocol, so that figures have a measure of the same machine at the same hour.
//!
//! Requests to an API go out at a rate, whether answers keep up or not ([`at_a_rate`]), beside a floor of their own.
//!
//! `parloir-load` is this as a command; `parloir attest` measures with it what a tenant notices of another one.
//!
//! What may never be here: anything of the server that is measured, but for the protocol that both sides speak.
//!
//! ```
//! use std::time::Duration;
//! use parloir_measure::{Load, generated_speech};
//!
//! let load = Load { calls: 20, measured: Duration::from_secs(10), ..Load::default() };
//! assert!(load.speech == generated_speech());
//! ```
#![forbid(unsafe_code)]

mod caller;
mod figures;
mod floor;
mod process;
mod requests;
mod run;
mod speech;

pub use caller::Target;
pub use figures::{Figures, medians, round_by_round, side_by_side};
pub use floor::{Floor, FloorChild, serve_floor};
pub use process::{Resident, resident};
pub use requests::{
    Outcome, Rate, Request, RequestFigures, at_a_rate, requests_side_by_side, serve_request_floor,
};
pub use run::{Load, measure};
pub use speech::{generate as generated_speech, read as read_speech};

/// What stops a run.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// What the text says.
    #[error("{0}")]
    Plain(String),
    /// The system refused something.
    #[error("{what}: {error}")]
    Io {
        /// What.
        what: String,
        /// Why.
        error: std::io::Error,
    },
}
