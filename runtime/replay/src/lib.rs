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
//! - [`resume`]: the same agent in a call that was cut off: its instance is rebuilt from the journal, and goes on as the
//!   live call would have, with a [`Host`] that answers from the last record on.
//! - [`as_test`]: the call as a conversation test, with a [`Disguise`] over what is somebody's.
//!
//! What may never be here: a socket, a provider, the store of a tenant, or a write into the journal that is
//! being read. What a re-run books, remembers and transfers happens nowhere.
//!
//! What becomes today of a call whose host is lost: the caller's sound stops with the process; the program that starts again
//! closes the call as interrupted, and a caller who is still on the line when the carrier asks it is sent to the line's
//! fallback. There is nobody to go on with, so that the rest is rehearsed: in `parloir replay CALL --go-on` somebody at a
//! terminal takes the caller's place. To survive a lost node, a live [`Host`] that gets the caller's sound back is missing,
//! and a journal that is written on from its last record; the agent is not.
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
mod resume;
mod tape;
mod unfinished;

pub use as_test::{AsTest, as_test};
pub use compare::{Comparison, Line, Mark, compare};
pub use disguise::Disguise;
pub use effect::{Aspect, Effect, effects};
pub use exact::{Difference, Exact, exact};
pub use fork::{Ran, Taken, fork};
pub use recorded::{NotReplayable, Recorded, RecordedEnd, Step};
pub use resume::{Host, NotResumed, Resumed, resume};
pub use tape::{Source, Tape};
pub use unfinished::{NotUnfinished, Unfinished};
