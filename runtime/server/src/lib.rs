//! The installation: what is opened once, where carriers reach it, and the calls that are live.
//!
//! - [`Config`]: the operator's file.
//! - [`Installation`]: keys, store, journal, sandbox, providers and agents, opened.
//! - [`confine()`]: what the process gives up before it opens anything.
//! - [`stand_in_cordon`]: the process in which a tenant's agents answer that the file puts behind a cordon.
//! - [`stand_in_compiler`]: the process in which a component is compiled that strangers wrote.
//! - [`serve`]: the HTTP endpoints. A carrier's webhook is answered with where to stream; its
//!   WebSocket becomes a leg; the leg becomes a call.
//! - [`Storage::snapshot`]: a back-up, which [`hand_over_back_up`] has an installation give that serves.
//! - [`Storage::erase`]: what is somebody's becomes unreadable; [`hand_over_erasure`] has an installation do it that serves.
//! - Webhooks: a tenant's receivers are told of its calls when they are over, by `parloir-connect`.
//! - Connectors: services that agents send requests to by a name, by `parloir-connect`.
//! - Its administration, where the file has `[admin]`: the directory and the API of `parloir-admin`, on this installation.
//! - [`TlsConfig`]: TLS of what listens, with certificates that are read anew where they are renewed.
//! - Agents' versions, which that directory keeps: which one answers a call, and what its calls came to.
//! - [`Storage::rights`]: what persons ask for; [`hand_over_rights`] likewise.
//!
//! What may never be here: what a call does (that is `parloir-call`), or a protocol's frames (that
//! is `parloir-transport`).
#![forbid(unsafe_code)]

mod admin;
mod admin_threads;
mod back_up;
mod call_files;
mod call_places;
mod calls;
mod checked_sound;
mod circles;
mod compiling;
mod config;
mod confine;
mod connections;
mod connectors;
mod control;
mod cordons;
mod erasure;
mod hosts;
mod installation;
mod ledger;
mod media;
mod oidc;
mod open_files;
mod outbound;
mod places;
mod recall;
mod rights;
mod rotate;
mod routes;
mod rows;
mod serve;
mod suspended;
mod sweep;
mod switchboard;
mod telemetry;
mod tls;
mod turned_away;
mod unloadable;
mod versions;
mod waiting;
mod webhooks;
mod whole;
mod witnesses;

pub use back_up::Incoming;
pub use call_files::{AmendedLine, erasure_json, shown_with, told};
pub use calls::Finished;
pub use compiling::{AgentsConfig, COMPILER, compiled_apart, stand_in_compiler};
pub use config::{
    AdminConfig, CarrierConfig, CarrierKind, Config, ConfigError, JournalConfig, OidcConfig, SecretConfig,
    ServerConfig, WebhookConfig, WebhookEvent, WitnessConfig,
};
pub use confine::{Confine, ConfineError, Confined, confine};
pub use control::{
    ControlError, hand_over_accesses, hand_over_back_up, hand_over_erasure, hand_over_hold, hand_over_ledger,
    hand_over_rights, hand_over_sweep, serves,
};
pub use cordons::{CORDON, CordonConfig, CordonPolicy, stand_in_cordon};
pub use erasure::{
    AccessRequest, EraseError, EraseRequest, HoldRequest, Left, TenantErasure, Whose, not_done,
};
pub use installation::{Folders, Installation, OpenError, Storage, kept_agents};
pub use ledger::{LedgerError, LedgerRequest, Ledgers, MonthLedger, MonthSum, ProviderMonth};
pub use open_files::raise_open_files;
pub use outbound::{Opened, OpenedTo, OutboundConfig};
pub use parloir_call::{Before, Clock, Rehearsing};
pub use parloir_connect::{Names, SystemNames};
pub use rights::{
    CaseError, CaseLine, Own, PersonCall, Restrictions, RightsDone, RightsError, RightsRequest, case_json,
    cases_json, named, overdue, references, rows_json, today,
};
pub use rows::{KeptRow, rows_at_rest};
pub use serve::{Running, ServeError, serve, serve_with, undelayed};
pub use sweep::Swept;
pub use telemetry::TelemetryConfig;
pub use tls::{CertificatePair, Looked, PairError, TlsConfig, Validity};
