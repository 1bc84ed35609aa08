//! The administration of an installation: who lives there, who may change it, and the API to do so.
//!
//! - [`Directory`]: tenants, users, keys, lines, settings, connectors and secrets, in the tenants' own sealed storage. A change is
//!   told in the log of the tenant that it is made to, then made in one batch: a crash leaves the old state or the new one.
//! - [`role`]: the matrix of roles and actions, fixed at compile time, default deny. [`decide`](role::decide) is a function.
//! - [`router`]: the API on HTTP. Router, matrix and OpenAPI [`document`] are made of one table, [`Endpoint`]; what is wrong
//!   is told as RFC 9457 says, with the field and what to do.
//! - [`Directory::set_up`]: the first start, which makes an owner and tells their key once.
//! - [`oidc`]: log-in with an OpenID Connect issuer, which gives a key for some hours.
//! - Calls: who may know of which ([`Reach`]), and what of them they are shown; [`CallFiles`] reads them.
//! - Cases: what persons ask a tenant for, which its own people answer; [`PersonFiles`] looks it up.
//! - [`Premises`]: what the directory needs of the installation: whether calls could be answered so, and that they are.
//!
//! Agents have versions here: uploaded, checked, signed, approved where they may do more, tried on a share of the calls, promoted,
//! and taken back. A line names an agent; of one that has no version here, a file in the tenant's folder answers.
//!
//! The operator's file and the directory live side by side. What the file says of carriers, providers and where to listen stays
//! in the file. A tenant is described in one of the two: in the file, and then nothing of it but its users and keys can be
//! changed here; or in the directory. `import` brings a tenant from the file into the directory in one step; from then on the
//! directory goes before the file, whose `[[tenant]]` can be removed whenever it suits.
//!
//! What may never be here: what was said in a call, a way into a tenant's rows that does not pass the matrix, a key in clear at
//! rest, an answer or a record that holds a tenant's secret, or a change that is not in the log.
//!
//! ```
//! use parloir_admin::role::{Action, Role, Verdict, decide};
//!
//! let (cabinet, other) = ("cabinet".parse().unwrap(), "other".parse().unwrap());
//! assert_eq!(decide(Role::Admin, &cabinet, Action::WriteLines, &cabinet), Verdict::Own);
//! assert_eq!(decide(Role::Owner, &cabinet, Action::WriteLines, &cabinet), Verdict::Forbidden);
//! assert_eq!(decide(Role::Admin, &cabinet, Action::WriteLines, &other), Verdict::Hidden);
//! let house = "installation".parse().unwrap();
//! assert_eq!(decide(Role::Operator, &house, Action::WriteLines, &cabinet), Verdict::Glass);
//! ```
#![forbid(unsafe_code)]

mod api;
mod calls;
mod directory;
mod home;
pub mod oidc;
mod persons;
mod place;
mod premises;
mod reach;
pub mod resource;
pub mod role;
mod sealed;
mod secret;

pub use api::{
    Endpoint, MAX_BODY, Method, PROBLEM_JSON, Place, Problem, document, router, router_with, tidy,
};
pub use calls::{CallError, CallFiles, CallList, ERASED, Listed, Reading, Sound};
pub use directory::{
    Directory, DirectoryError, Lapse, Rooms, TOLD_BEFORE_DAYS, described, granted, reviews_of, suspended,
};
pub use persons::{CaseList, Erased, Looked, PersonError, PersonFile, PersonFiles};
pub use place::SealedPlaces;
pub use premises::{Checked, CheckedSound, Component, Deployed, Premises, Receiver, Unchecked};
pub use reach::Reach;
pub use secret::{ApiKey, NoRandomness, NotAKey, PREFIX};
