//! The layers of the door, outermost first:
//!
//! ```text
//! journal → limits → permission → quota → minimisation → the live call
//! ```
//!
//! Each is a `tower::Service` around the next. The journal is outermost, so that a refused call is
//! journaled like an answered one; minimisation is innermost, so that what it takes out never
//! reaches a provider, while the journal still holds what the agent asked. Permission, quota and
//! minimisation are the tenancy's rules, and live with them: a rehearsal hangs the very same. The limits are of
//! live calls alone.

mod journal;
mod limits;

use std::sync::Arc;

use parloir_sandbox::{Door, DoorClosed};
use parloir_tenancy::layers;

use crate::live::LiveCall;
use crate::rehearsing::Before;
use crate::shared::Shared;

/// What every layer returns.
pub(crate) type Answer = layers::Answer<DoorClosed>;

/// Hangs the door of one call; `before` stands right before the live call.
pub(crate) fn hang(shared: &Arc<Shared>, live: LiveCall, before: Option<&Before>) -> Door {
    let (line, declared, used) = (&shared.line, shared.declared.clone(), shared.used.clone());
    match before {
        None => {
            let permitted = layers::hang(live, line, declared, used);
            let limited = limits::Limited::new(permitted, shared.clone());
            Door::new(journal::Journaled::new(limited, shared.clone()))
        }
        Some(before) => {
            let permitted = layers::hang(before(shared.id, Door::new(live)), line, declared, used);
            Door::new(journal::Journaled::new(permitted, shared.clone()))
        }
    }
}
