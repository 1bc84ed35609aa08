//! Why an agent did not come to its own end.

use serde::{Deserialize, Serialize};

use crate::door::DoorClosed;
use crate::limits::MemoryExceeded;
use crate::metering::CpuExceeded;

/// Characters of a reason and of a stack; the rest is cut.
const CHARACTERS: usize = 2_000;
/// How the engine begins a stack.
const STACK: &str = "error while executing at wasm backtrace:";

/// What kind of failure it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The process in which it answered ended by another call's doing.
    Neighbour,
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
            Self::Neighbour => "neighbour",
        }
    }
}

/// An agent's failure, for the journal: never spoken to the caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{}: {reason}", .kind.name())]
pub struct Failure {
    /// What kind.
    pub kind: FailureKind,
    /// The reason, in a line.
    pub reason: String,
    /// Where in the component, function by function, innermost first; empty where nobody knows.
    pub stack: String,
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
        // The stack stands among the causes: it is told apart, and cuts none of them off.
        let causes: Vec<String> =
            error.chain().map(ToString::to_string).filter(|cause| !cause.starts_with(STACK)).collect();
        let reason = causes.join(": ").replace("wasm trap: ", "");
        let stack = error.downcast_ref::<wasmtime::WasmBacktrace>().map(ToString::to_string);
        let stack = stack.as_deref().map_or("", |stack| stack.trim_start_matches(STACK).trim_matches('\n'));
        let cut = |text: &str| text.chars().take(CHARACTERS).collect();
        Self { kind, reason: cut(&reason), stack: cut(stack) }
    }

    /// The stack below whatever is told of the failure; nothing where there is none.
    pub(crate) fn below(&self) -> String {
        if self.stack.is_empty() { String::new() } else { format!("\n{}", self.stack) }
    }

    /// A failure that leaves no stack.
    pub fn new(kind: FailureKind, reason: impl std::fmt::Display) -> Self {
        Self { kind, reason: reason.to_string(), stack: String::new() }
    }

    /// Whoever had it answer stopped it.
    pub(crate) fn stopped() -> Self {
        Self::new(FailureKind::Stopped, "the agent was stopped")
    }

    pub(crate) fn host(reason: impl std::fmt::Display) -> Self {
        Self::new(FailureKind::Host, reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traps(wat: &str) -> Failure {
        let engine = wasmtime::Engine::default();
        let module = wasmtime::Module::new(&engine, wat::parse_str(wat).unwrap()).unwrap();
        let mut store = wasmtime::Store::new(&engine, ());
        let instance = wasmtime::Instance::new(&mut store, &module, &[]).unwrap();
        let run = instance.get_typed_func::<(), ()>(&mut store, "run").unwrap();
        Failure::from_engine(&run.call(&mut store, ()).unwrap_err(), false)
    }

    #[test]
    fn a_trap_is_told_in_a_line_and_its_stack_apart() {
        let failure = traps("(module (func $deep unreachable) (func (export \"run\") call $deep))");
        assert_eq!(failure.to_string(), "trap: wasm `unreachable` instruction executed");
        assert!(
            failure.stack.contains("deep") && !failure.stack.contains("error while"),
            "{}",
            failure.stack
        );
        let fault = traps("(module (memory 1) (func (export \"run\") (drop (i32.load (i32.const -8)))))");
        assert!(fault.reason.contains("out of bounds memory access"), "{}", fault.reason);
        assert!(!fault.reason.contains('\n'), "{}", fault.reason);
    }

    #[test]
    fn what_the_host_says_is_told_as_it_says_it() {
        let failure = Failure::from_engine(&DoorClosed("it is late".into()).into(), false);
        assert_eq!(failure.kind, FailureKind::Stopped);
        assert_eq!(failure.reason, "the host stopped the agent: it is late");
    }
}
