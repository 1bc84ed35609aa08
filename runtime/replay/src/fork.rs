//! Another agent, or another version, in a call that was recorded.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use parloir_contract::{HostCall, HostReturn, Outcome};
use parloir_journal::{Ending, FailureKind as Why};
use parloir_sandbox::{Agent, Door, DoorClosed, Failure, FailureKind};

use crate::exact::{Difference, budget};
use crate::recorded::{Recorded, RecordedEnd};
use crate::tape::{Source, Tape};

/// Requests of one re-run, at most: a version that asks for ever is stopped.
const REQUESTS: usize = 100_000;

/// One request, and what it was answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    /// What was asked.
    pub asked: HostCall,
    /// What was answered.
    pub answered: HostReturn,
    /// Where the answer came from.
    pub source: Source,
}

/// A re-run.
#[derive(Debug, Clone)]
pub struct Ran {
    /// What the agent asked, in order.
    pub taken: Vec<Taken>,
    /// Where it first asked something else than was recorded.
    pub departed: Option<Difference>,
    /// How its part ended.
    pub ended: Result<Outcome, Failure>,
    /// CPU time of the agent.
    pub cpu: Duration,
}

struct State {
    tape: Tape,
    taken: Vec<Taken>,
}

/// Has any agent answer a recorded call. Nothing it does has an effect: bookings, memory, transfers and the
/// report are answered, and happen nowhere.
///
/// # Errors
/// When the sandbox itself fails.
pub async fn fork(agent: &Agent, recorded: &Recorded) -> Result<Ran, Failure> {
    let state = Arc::new(Mutex::new(State { tape: Tape::new(recorded), taken: Vec::new() }));
    let door = {
        let state = state.clone();
        Door::new(tower::service_fn(move |call: HostCall| {
            std::future::ready(answer(&mut state.lock(), call))
        }))
    };
    let answered = agent
        .answer(recorded.info.clone(), door, budget(recorded))
        .await
        .map_err(|error| Failure::new(FailureKind::Host, error))?;
    let mut state = state.lock();
    let departed = state.tape.departed();
    Ok(Ran { taken: std::mem::take(&mut state.taken), departed, ended: answered.outcome, cpu: answered.cpu })
}

fn answer(state: &mut State, call: HostCall) -> Result<HostReturn, DoorClosed> {
    if state.taken.len() >= REQUESTS {
        return Err(DoorClosed(format!("a re-run has at most {REQUESTS} requests")));
    }
    let (answered, source) = state.tape.answer(&call);
    state.taken.push(Taken { asked: call, answered: answered.clone(), source });
    Ok(answered)
}

impl Ran {
    /// The recorded call itself, as if it had been run: what to compare a re-run with.
    pub fn recorded(recorded: &Recorded) -> Self {
        let taken = recorded
            .steps
            .iter()
            .filter_map(|step| {
                Some(Taken {
                    asked: step.asked.clone()?,
                    answered: step.answered.clone()?,
                    source: Source::Recorded(step.seq),
                })
            })
            .collect();
        let stopped = |reason: &str| Failure::new(FailureKind::Stopped, reason);
        let ended = match recorded.end {
            RecordedEnd::Own(Ending::Done) => Ok(Outcome::Done),
            RecordedEnd::Own(Ending::Transferred) => Ok(Outcome::Transferred),
            RecordedEnd::Own(Ending::CallBack) => Ok(Outcome::CallBack),
            RecordedEnd::Own(Ending::Abandoned) => Ok(Outcome::Abandoned),
            RecordedEnd::Own(Ending::Failed) => Err(stopped("the call failed")),
            RecordedEnd::Own(Ending::Interrupted | Ending::Refused)
            | RecordedEnd::Stopped
            | RecordedEnd::Withheld => Err(stopped("the call was cut off")),
            RecordedEnd::Failed(Why::AgentMemory) => {
                Err(Failure::new(FailureKind::Memory, "the agent took too much memory"))
            }
            RecordedEnd::Failed(Why::AgentBudget) => {
                Err(Failure::new(FailureKind::TurnCpu, "the agent computed too long"))
            }
            RecordedEnd::Failed(_) => Err(Failure::new(FailureKind::Trap, "the agent failed")),
        };
        Self { taken, departed: None, ended, cpu: Duration::ZERO }
    }
}
