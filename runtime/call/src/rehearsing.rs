//! A real line with a rehearsal behind it.

use std::sync::Arc;

use jiff::Timestamp;
use parloir_contract::CallId;
use parloir_sandbox::Door;

/// What stands before the live call: takes its door and gives another.
pub type Before = Arc<dyn Fn(CallId, Door) -> Door + Send + Sync>;

/// What a call takes for now.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A rehearsal behind a real line: sound, turns, providers and journal are those of any call, and
/// somebody else may look on, or answer what concerns no caller. For tools of developers, such as
/// `parloir test --audio`; no line of an operator has one.
#[derive(Clone)]
pub struct Rehearsing {
    /// Stands between the tenant's rules and the live call. The journal stays outermost: what is
    /// answered here is journaled as any answer is.
    pub before: Before,
    /// What the call takes for now: a rehearsal has a date of its own.
    pub clock: Clock,
}

/// What a call takes for now where no rehearsal says otherwise.
pub(crate) fn clock(rehearsing: Option<&Rehearsing>) -> Clock {
    match rehearsing {
        Some(rehearsing) => rehearsing.clock.clone(),
        None => Arc::new(Timestamp::now),
    }
}
