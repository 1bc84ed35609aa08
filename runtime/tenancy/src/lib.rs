//! Who lives in the house: tenants, their lines, what their agents may do, and their calendars.
//!
//! - [`config`]: the operator's file, read strictly: an unknown or contradictory field is an error
//!   that names its remedy.
//! - [`House`]: the validated result. A line's number leads to its tenant; there is no other way
//!   from the outside to a tenant.
//! - [`admission`], [`destinations`], [`month`], [`pace`], [`permission`], [`quota`], [`minimise`], [`retention`], [`versions`]: decisions as functions from values to values, and
//!   [`layers`]: the same as layers of the door.
//! - [`Calendar`], [`Memory`], [`Documents`], [`Library`], [`Sounds`]: what an agent may ask of its own tenant, and of no
//!   other: each holds one tenant's store or folder.
//! - [`signature`]: who vouches for a component.
//!
//! What may never be here: what a sound is made of, sockets, WebAssembly, or a way to name another tenant.
//!
//! ```
//! use parloir_tenancy::{House, config::TenantConfig};
//!
//! let tenant: TenantConfig = toml::from_str(r#"
//!     id = "cabinet"
//!     [[line]]
//!     number = "+33123456789"
//!     agent = "agents/cabinet.wasm"
//! "#).unwrap();
//! let house = House::new(vec![tenant]).unwrap();
//! assert!(house.line(&"+33123456789".parse().unwrap()).is_some());
//! ```
#![forbid(unsafe_code)]

pub mod admission;
pub mod calendar;
pub mod config;
pub mod connector;
pub mod destinations;
pub mod documents;
mod house;
pub mod layers;
pub mod library;
mod memory;
pub mod minimise;
pub mod month;
pub mod pace;
pub mod permission;
pub mod quota;
pub mod retention;
pub mod secret;
pub mod signature;
pub mod sounds;
#[cfg(test)]
mod testing;
pub mod versions;

pub use calendar::Calendar;
pub use documents::Documents;
pub use house::{House, HouseError, INSTALLATION, Line, Tenant};
pub use library::Library;
pub use memory::{Hidden, Memory};
pub use sounds::Sounds;
