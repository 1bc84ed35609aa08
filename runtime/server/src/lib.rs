//! The installation: what is opened once, where carriers reach it, and the calls that are live.
//!
//! - [`Config`]: the operator's file.
//! - [`Installation`]: keys, store, journal, sandbox, providers and agents, opened.
//! - [`serve`]: the HTTP endpoints. A carrier's webhook is answered with where to stream; its
//!   WebSocket becomes a leg; the leg becomes a call.
//! - [`Storage::erase`]: what is somebody's becomes unreadable; [`hand_over_erasure`] has an installation do it that serves.
//! - [`Storage::rights`]: what persons ask for; [`hand_over_rights`] likewise.
//!
//! What may never be here: what a call does (that is `parloir-call`), or a protocol's frames (that
//! is `parloir-transport`).
#![forbid(unsafe_code)]

mod calls;
mod config;
mod control;
mod erasure;
mod installation;
mod media;
mod rights;
mod routes;
mod rows;
mod serve;
mod sweep;
mod switchboard;
mod witnesses;

pub use calls::Finished;
pub use config::{
    CarrierConfig, CarrierKind, Config, ConfigError, JournalConfig, ServerConfig, WitnessConfig,
};
pub use control::{ControlError, hand_over_erasure, hand_over_hold, hand_over_rights, hand_over_sweep};
pub use erasure::{EraseError, EraseRequest, HoldRequest, Left, TenantErasure, Whose};
pub use installation::{Folders, Installation, OpenError, Storage, kept_agents};
pub use parloir_call::{Before, Clock, Rehearsing};
pub use rights::{CaseError, Restrictions, RightsDone, RightsError, RightsRequest, named, today};
pub use rows::KeptRow;
pub use serve::{Running, ServeError, serve, undelayed};
pub use sweep::Swept;
