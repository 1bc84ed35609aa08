//! A recorded call, once more: nobody rings, nothing leaves, and the agent cannot tell.
//!
//! An agent sees nothing of a call but what its imports answer, and the journal holds every answer. So a call
//! can be answered again from its records alone:
//!
//! - [`exact`]: the same agent. Every request must be, byte for byte, the one that was recorded; the first that is not is
//!   named. That shows that the records are what the agent did, and that the agent is what did it.
//! - [`fork`]: another agent, or another version. As long as it asks what was recorded it is answered as recorded;
//!   from its first other request on, the [`Tape`] finds what fits best: the caller goes on saying what the
//!   caller said.
//! - [`compare`]: what two such runs said, booked, reported and handed over differently.
//! - [`as_test`]: the call as a conversation test, with a [`Disguise`] over what is somebody's.
//!
//! What may never be here: a socket, a provider, the store of a tenant, or a write into the journal that is
//! being read. What a re-run books, remembers and transfers happens nowhere.
//!
//! ```
//! use parloir_replay::{NotReplayable, Recorded};
//!
//! // A call whose caller refused to be recorded leaves its technical trace alone.
//! assert!(matches!(Recorded::new(Vec::new()), Err(NotReplayable::NoStart)));
//! ```
#![forbid(unsafe_code)]

mod as_test;
mod compare;
mod disguise;
mod effect;
mod exact;
mod fork;
mod recorded;
mod tape;

pub use as_test::{AsTest, as_test};
pub use compare::{Comparison, Line, Mark, compare};
pub use disguise::Disguise;
pub use effect::{Aspect, Effect, effects};
pub use exact::{Difference, Exact, exact};
pub use fork::{Ran, Taken, fork};
pub use recorded::{NotReplayable, Recorded, RecordedEnd, Step};
pub use tape::{Source, Tape};
