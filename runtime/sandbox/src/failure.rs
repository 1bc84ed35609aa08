//! Why an agent did not come to its own end.

use crate::door::DoorClosed;
use crate::limits::MemoryExceeded;
use crate::metering::CpuExceeded;

/// What kind of failure it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The agent's code trapped: a panic, an out-of-bounds access, unreachable code.
    Trap,
    /// It computed longer than one turn allows.
    TurnCpu,
    /// It computed longer than one call allows.
    CallCpu,
    /// It asked for more memory than it may have.
    Memory,
    /// It recursed deeper than its stack.
    Stack,
    /// The host closed the door on it.
    Stopped,
    /// The host could not start or run it; nothing the agent did.
    Host,
}

impl FailureKind {
    /// Its name in the journal.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trap => "trap",
            Self::TurnCpu => "turn-cpu",
            Self::CallCpu => "call-cpu",
            Self::Memory => "memory",
            Self::Stack => "stack",
            Self::Stopped => "stopped",
            Self::Host => "host",
        }
    }
}

/// An agent's failure, for the journal: never spoken to the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {reason}", .kind.name())]
pub struct Failure {
    /// What kind.
    pub kind: FailureKind,
    /// The reason, with the agent's own backtrace where there is one.
    pub reason: String,
}

impl Failure {
    /// Sorts an error of the engine into its kind. `memory_refused` says whether the memory limit
    /// was met during the call: most languages abort when an allocation fails, which alone would
    /// look like a trap.
    pub(crate) fn from_engine(error: &wasmtime::Error, memory_refused: bool) -> Self {
        let kind = if let Some(cpu) = error.downcast_ref::<CpuExceeded>() {
            match cpu {
                CpuExceeded::Turn(_) => FailureKind::TurnCpu,
                CpuExceeded::Call(_) => FailureKind::CallCpu,
            }
        } else if error.downcast_ref::<DoorClosed>().is_some() {
            FailureKind::Stopped
        } else if memory_refused || error.downcast_ref::<MemoryExceeded>().is_some() {
            FailureKind::Memory
        } else if let Some(trap) = error.downcast_ref::<wasmtime::Trap>() {
            if *trap == wasmtime::Trap::StackOverflow { FailureKind::Stack } else { FailureKind::Trap }
        } else {
            FailureKind::Trap
        };
        let reason: String = format!("{error:#}").chars().take(2_000).collect();
        Self { kind, reason }
    }

    /// Whoever had it answer stopped it.
    pub(crate) fn stopped() -> Self {
        Self { kind: FailureKind::Stopped, reason: "the agent was stopped".into() }
    }

    pub(crate) fn host(reason: impl std::fmt::Display) -> Self {
        Self { kind: FailureKind::Host, reason: reason.to_string() }
    }
}
