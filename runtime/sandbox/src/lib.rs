//! The room where agents run.
//!
//! An agent is a WebAssembly component of the world `parloir:agent/agent`. Each call gets a fresh
//! instance in a store of its own; everything it can ask leaves through one [`Door`] as a
//! [`HostCall`](parloir_contract::HostCall) and comes back as a
//! [`HostReturn`](parloir_contract::HostReturn). Nothing else is linked: an agent has no files, no
//! sockets, no clock, no environment.
//!
//! What may never be here: sound, telephony, a journal, a tenant's data. Those stand behind the
//! door.
//!
//! - [`Settings`]: every engine setting with its default, its cost and the threat it answers.
//! - [`Sandbox`]: the process's one engine; it compiles, caches and loads agents.
//! - [`Agent`]: a loaded version, ready to be instantiated in microseconds.
//! - [`Compiling`]: where what the cache does not have is compiled; [`precompile`] is what is done there.
//! - [`Elsewhere`]: who has an agent's calls answered in another process.
//! - [`Failure`]: why an agent did not come to its own end.
//! - [`encode`]: core module to component, in process.
//! - [`check_shape`]: how much work a component makes for the compiler, before any of it is done.
//! - [`surface`]: what a component imports and exports.
//!
//! ```
//! use parloir_sandbox::{Sandbox, Settings};
//!
//! # fn main() -> Result<(), parloir_sandbox::LoadError> {
//! let sandbox = Sandbox::new(Settings::default(), None)?;
//! let refused = sandbox.compile(b"not wasm");
//! assert!(refused.err().is_some_and(|e| e.to_string().contains("not a WebAssembly component")));
//! # Ok(())
//! # }
//! ```

mod agent;
mod artifact;
mod bindings;
mod carried;
mod compile;
mod convert;
mod declared;
mod door;
mod encode;
mod engine;
mod failure;
mod host;
mod lanes;
mod limits;
mod metering;
mod nested;
mod passed;
mod ration;
mod reputation;
mod settings;
mod shape;
mod size;
mod surface;
mod understanding;
mod unfolded;

pub use agent::{Agent, Answered, Answering, Elsewhere};
pub use artifact::{ArtifactCache, Bound, SealKey};
pub use compile::{Compiler, Compiling, precompile};
pub use door::{Door, DoorClosed, refusing_door};
pub use encode::{EncodeError, encode};
pub use engine::{Compiled, LoadError, Sandbox};
pub use failure::{Failure, FailureKind};
pub use host::caller_had_a_turn;
pub use metering::{Served, charged};
pub use settings::{Budget, Settings, Shape};
pub use shape::check as check_shape;
pub use surface::{Surface, surface};
