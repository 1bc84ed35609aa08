//! The same agent on the same answers: every request must be the recorded one.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use parloir_contract::{HostCall, HostReturn, Import, Outcome};
use parloir_journal::{Ending, FailureKind as Why, Seq};
use parloir_sandbox::{Agent, Budget, Door, DoorClosed, Failure, FailureKind};

use crate::recorded::{Recorded, RecordedEnd, Step};

/// What a re-run may take: the recorded call's memory, and far more CPU time, because a machine that is busy must not
/// make an agent fail that did not.
pub(crate) fn budget(recorded: &Recorded) -> Budget {
    Budget { turn_cpu: Duration::from_secs(10), call_cpu: Duration::from_secs(60), memory: recorded.memory }
}

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
    /// How it ended then and now, where that is all that differs.
    pub ended: Option<(RecordedEnd, Result<Outcome, Failure>)>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((then, now)) = &self.ended {
            return write!(f, "its end: recorded {then:?}, now {now:?}");
        }
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
    let open_ended = open_ended(recorded.end);
    let door = {
        let (seen, steps) = (seen.clone(), steps.clone());
        Door::new(tower::service_fn(move |call| {
            std::future::ready(answer(&steps, open_ended, &mut seen.lock(), call))
        }))
    };
    let answered = agent
        .answer(recorded.info.clone(), door, budget(recorded))
        .await
        .map_err(|error| Failure::new(FailureKind::Host, error))?;
    let Seen { equal, mut difference, stopped } = std::mem::take(&mut *seen.lock());
    if difference.is_none() && !stopped {
        let next = steps.get(equal);
        if next.is_some() || !ends_so(recorded.end, &answered.outcome) {
            difference = Some(Difference {
                step: equal + 1,
                seq: next.map(|step| step.seq),
                recorded: next.and_then(|step| step.asked.clone()),
                asked: None,
                ended: next.is_none().then(|| (recorded.end, answered.outcome.clone())),
            });
        }
    }
    let ended = (!stopped).then_some(answered.outcome);
    Ok(Exact { equal, difference, ended, cpu: answered.cpu })
}

/// Whether the recorded agent may have asked more than the records tell. Whoever computed too long then has more time now.
const fn open_ended(end: RecordedEnd) -> bool {
    match end {
        RecordedEnd::Stopped | RecordedEnd::Withheld | RecordedEnd::Failed(Why::AgentBudget) => true,
        RecordedEnd::Own(_) | RecordedEnd::Failed(_) => false,
    }
}

/// Whether the agent ends as it did. Of a call that was cut off nobody knows.
fn ends_so(recorded: RecordedEnd, now: &Result<Outcome, Failure>) -> bool {
    let ends_so = match (recorded, now) {
        (RecordedEnd::Own(ending), Ok(outcome)) => ending == Ending::from(outcome),
        (RecordedEnd::Failed(why), Ok(outcome)) => {
            why == Why::AgentTrap && matches!(outcome, Outcome::Failed(_))
        }
        (RecordedEnd::Failed(why), Err(failure)) => why == why_failed(failure.kind),
        (RecordedEnd::Own(_), Err(_)) | (RecordedEnd::Stopped | RecordedEnd::Withheld, _) => false,
    };
    ends_so || open_ended(recorded)
}

/// A failure in the journal's words. The door of a re-run closes where the recorded one did: past the quota.
pub(crate) const fn why_failed(kind: FailureKind) -> Why {
    match kind {
        FailureKind::Trap | FailureKind::Stack => Why::AgentTrap,
        FailureKind::TurnCpu | FailureKind::CallCpu | FailureKind::Stopped => Why::AgentBudget,
        FailureKind::Memory => Why::AgentMemory,
        FailureKind::Host => Why::AgentStart,
        FailureKind::Neighbour => Why::Host,
    }
}

fn answer(
    steps: &[Step],
    open_ended: bool,
    seen: &mut Seen,
    call: HostCall,
) -> Result<HostReturn, DoorClosed> {
    let step = steps.get(seen.equal);
    if step.is_none() && open_ended {
        seen.stopped = true;
        return Err(DoorClosed("the recorded call was stopped here".into()));
    }
    let same = step.is_some_and(|step| {
        step.asked.as_ref().map_or_else(|| step.import == call.import(), |asked| equal(asked, &call))
    });
    let Some(step) = step.filter(|_| same) else {
        let (number, asked) = (seen.equal + 1, Some(call));
        let recorded = step.and_then(|step| step.asked.clone());
        let seq = step.map(|step| step.seq);
        seen.difference.get_or_insert(Difference { step: number, seq, recorded, asked, ended: None });
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
