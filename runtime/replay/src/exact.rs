//! The same agent on the same answers: every request must be the recorded one.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use parloir_contract::{HostCall, HostReturn, Import, Outcome};
use parloir_journal::Seq;
use parloir_sandbox::{Agent, Budget, Door, DoorClosed, Failure, FailureKind};

use crate::recorded::{Recorded, RecordedEnd, Step};

/// CPU time that a re-run may take: a machine that is busy must not make an agent fail that did not.
pub(crate) const BUDGET: Budget =
    Budget { turn_cpu: Duration::from_secs(10), call_cpu: Duration::from_secs(60), memory: 32 << 20 };

/// The first request that is not the recorded one.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Which request of the call, from 1.
    pub step: usize,
    /// The recorded request's record.
    pub seq: Option<Seq>,
    /// What was recorded; `None` where the recorded agent asked nothing more.
    pub recorded: Option<HostCall>,
    /// What was asked now; `None` where the agent asked nothing more.
    pub asked: Option<HostCall>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "request {}", self.step)?;
        if let Some(seq) = self.seq {
            write!(f, " (record {seq})")?;
        }
        f.write_str(": recorded ")?;
        shown(f, self.recorded.as_ref())?;
        f.write_str(", now ")?;
        shown(f, self.asked.as_ref())
    }
}

fn shown(f: &mut fmt::Formatter<'_>, call: Option<&HostCall>) -> fmt::Result {
    match call {
        Some(call) => write!(f, "{} {call:?}", call.import().name()),
        None => f.write_str("nothing more"),
    }
}

/// How an exact re-run went.
#[derive(Debug, Clone)]
pub struct Exact {
    /// Requests that were byte for byte the recorded ones.
    pub equal: usize,
    /// The first that was not.
    pub difference: Option<Difference>,
    /// How the agent's part ended now; `None` where the recording stops it.
    pub ended: Option<Result<Outcome, Failure>>,
    /// CPU time of the agent.
    pub cpu: Duration,
}

impl Exact {
    /// Whether nothing was otherwise.
    pub const fn is_equal(&self) -> bool {
        self.difference.is_none()
    }
}

/// What the door has seen.
#[derive(Default)]
struct Seen {
    equal: usize,
    difference: Option<Difference>,
    /// The recorded agent was stopped at this request.
    stopped: bool,
}

/// Runs the recorded agent once more. Give the very component: [`Agent::sha256`] is [`Recorded::component_sha256`].
///
/// # Errors
/// When the sandbox itself fails.
pub async fn exact(agent: &Agent, recorded: &Recorded) -> Result<Exact, Failure> {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let steps: Arc<[Step]> = recorded.steps.as_slice().into();
    let door = {
        let (seen, steps) = (seen.clone(), steps.clone());
        Door::new(tower::service_fn(move |call| std::future::ready(answer(&steps, &mut seen.lock(), call))))
    };
    let answered = agent
        .answer(recorded.info.clone(), door, BUDGET)
        .await
        .map_err(|error| Failure { kind: FailureKind::Host, reason: error.to_string() })?;
    let Seen { equal, mut difference, stopped } = std::mem::take(&mut *seen.lock());
    if difference.is_none() && !stopped {
        let failed = !matches!(answered.outcome, Ok(ref o) if !matches!(o, Outcome::Failed(_)));
        let should_fail = matches!(recorded.end, RecordedEnd::Failed(_));
        let next = steps.get(equal);
        // A call that was cut off says nothing of what the agent did next; any other ends where it ended.
        let ends_otherwise = failed != should_fail && recorded.end != RecordedEnd::Stopped;
        if next.is_some() || ends_otherwise {
            difference = Some(Difference {
                step: equal + 1,
                seq: next.map(|step| step.seq),
                recorded: next.and_then(|step| step.asked.clone()),
                asked: None,
            });
        }
    }
    let ended = (!stopped).then_some(answered.outcome);
    Ok(Exact { equal, difference, ended, cpu: answered.cpu })
}

fn answer(steps: &[Step], seen: &mut Seen, call: HostCall) -> Result<HostReturn, DoorClosed> {
    let step = steps.get(seen.equal);
    let same = step.is_some_and(|step| {
        step.asked.as_ref().map_or_else(|| step.import == call.import(), |asked| equal(asked, &call))
    });
    let Some(step) = step.filter(|_| same) else {
        let (number, asked) = (seen.equal + 1, Some(call));
        let recorded = step.and_then(|step| step.asked.clone());
        let seq = step.map(|step| step.seq);
        seen.difference.get_or_insert(Difference { step: number, seq, recorded, asked });
        return Err(DoorClosed("the recorded call went otherwise".into()));
    };
    seen.equal += 1;
    match &step.answered {
        Some(answer) => Ok(answer.clone()),
        None => {
            seen.stopped = true;
            Err(DoorClosed("the recorded call was stopped here".into()))
        }
    }
}

/// Whether two requests are the same, byte for byte as the journal writes them.
pub(crate) fn equal(a: &HostCall, b: &HostCall) -> bool {
    if a.import() != b.import() {
        return false;
    }
    match (rmp_serde::to_vec(a), rmp_serde::to_vec(b)) {
        (Ok(a), Ok(b)) => a == b,
        (Ok(_) | Err(_), Ok(_) | Err(_)) => false,
    }
}

/// Whether an import waits for the caller.
pub(crate) const fn is_turn(import: Import) -> bool {
    matches!(import, Import::Listen | Import::Ask)
}
