//! Agents in OCI registries: pushed from where they are built, pulled where they answer, and named by what they are.
//!
//! - [`Reference`]: where an agent is, by a tag, which its owner may move, or by a [`Digest`], which names one content for good.
//! - [`manifest`]: the Wasm OCI Artifact layout: one layer of `application/wasm`, a
//!   config of `application/vnd.wasm.config.v0+json`. That layout has room for no second layer; an agent's signature is an
//!   annotation of the manifest.
//! - [`push()`] and [`pull()`]: the distribution protocol, as far as an agent needs it.
//!
//! What may never be here: bytes that were not held to their digest, an answer that is read without a bound, a password in a
//! URL, an error or a log line, or a plain connection to another machine that nobody asked for.
//!
//! ```
//! use parloir_registry::Reference;
//!
//! let agent: Reference = "registry.example.com/desks/front-desk:1.2.0".parse()?;
//! assert_eq!(agent.registry(), "registry.example.com");
//! assert!("front-desk:1.2.0".parse::<Reference>().is_err());
//! # Ok::<(), parloir_registry::NotAReference>(())
//! ```
#![forbid(unsafe_code)]

mod challenge;
mod client;
mod credentials;
pub mod manifest;
mod reference;
mod session;

pub use challenge::Challenge;
pub use client::{Access, Pulled, RegistryError, pull, push};
pub use credentials::{Credentials, NotCredentials};
pub use reference::{Digest, NotAReference, Reference, Version};

/// The longest component, in bytes.
pub const COMPONENT_BYTES: usize = 64 << 20;
/// The longest signature, in bytes.
pub const SIGNATURE_BYTES: usize = 16 << 10;
