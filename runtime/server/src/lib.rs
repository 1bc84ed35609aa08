//! The installation: what is opened once, where carriers reach it, and the calls that are live.
//!
//! - [`Config`]: the operator's file.
//! - [`Installation`]: keys, store, journal, sandbox, providers and agents, opened.
//! - [`serve`]: the HTTP endpoints. A carrier's webhook is answered with where to stream; its
//!   WebSocket becomes a leg; the leg becomes a call.
//!
//! What may never be here: what a call does (that is `parloir-call`), or a protocol's frames (that
//! is `parloir-transport`).
#![forbid(unsafe_code)]

mod calls;
mod config;
mod installation;
mod media;
mod routes;
mod serve;
mod switchboard;
mod witnesses;

pub use calls::Finished;
pub use config::{
    CarrierConfig, CarrierKind, Config, ConfigError, JournalConfig, ServerConfig, WitnessConfig,
};
pub use installation::{Folders, Installation, OpenError, Storage, kept_agents};
pub use parloir_call::{Before, Clock, Rehearsing};
pub use serve::{Running, ServeError, serve};
