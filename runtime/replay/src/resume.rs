//! The recorded agent, rebuilt from its journal, goes on where the journal ends.
//!
//! An instance cannot be carried from one host to another, and need not be: what it knows is what it was answered. So a
//! fresh one is answered as the journal says, request by request, and each must be byte for byte the recorded one; then it
//! stands where the lost one stood, its memory and all, and a live host answers. What that host must know of the
//! call (the clock, the gate, the report, the quota) is in the journal too: see [`Unfinished::past`].
//!
//! One request may have been started and not ended: whether the lost host did it nobody knows. [`Host::settle`] answers it,
//! by one rule per kind:
//!
//! | what was asked | it is |
//! |---|---|
//! | `book`, `move`, `cancel` | done, unless it stands already as asked: never twice |
//! | `memory.set`, `compare-and-set`, `delete` | done, unless the value is there, or gone, already: never twice |
//! | `report.set` | done: the report of the lost host was never filed, and a field set again replaces itself |
//! | `consent`, `pause-recording`, `resume-recording`, `hang-up` | done: to be done already is the same |
//! | `transfer` | done: whoever is still on the line was not handed over |
//! | `say`, `play`, `listen`, `ask`, `reply` | done again from its beginning: the caller hears it again, and says it again |
//! | `chat` | asked again: no answer of a model has reached anybody |
//! | `connectors.send` | asked again, of what stands for its service here: whether the service did it before is not known |
//! | `free`, `find`, `memory.get`, `documents`, `clock`, `random`, `log`, `understanding`, `available`, `connectors.list` | answered anew: it reads, or notes what the journal has |
//!
//! Whether something stands already is looked up in the storage that the lost host left. A host that is not given it (see
//! [`Staged::take_up`]) has one that is as the journal's answers say, in which an open request was never done.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use parloir_contract::{HostCall, HostReturn, Outcome, Refusal};
use parloir_journal::{
    AgentEnd, CallEnded, Ending, FailureKind as Why, HostCallEnded, HostCallStarted, HostStatus, Record,
    RecordBody, Seq,
};
use parloir_rehearsal::{Caller, Staged};
use parloir_sandbox::{Agent, Budget, Door, DoorClosed, Failure, FailureKind};

use crate::exact::{Difference, equal, why_failed};
use crate::recorded::Step;
use crate::unfinished::Unfinished;

/// Records of the rest of a call, at most: an agent that asks for ever is stopped.
const RECORDS: usize = 200_000;

/// Who answers once the journal has no more answers.
#[async_trait]
pub trait Host: Send + Sync + 'static {
    /// The call's clock: milliseconds since it was answered. Never before the call's last record.
    async fn elapsed_ms(&self) -> u64;

    /// Answers a request.
    async fn answer(&self, call: HostCall) -> Result<HostReturn, DoorClosed>;

    /// Answers the request that the journal has without an answer.
    async fn settle(&self, call: HostCall) -> Result<HostReturn, DoorClosed>;

    /// Why a request is refused that is asked next: also where its answer has no way to say so, as that of whether there is a model.
    /// A host that refuses nothing of that kind has no reason.
    async fn refuses(&self, _call: &HostCall) -> Option<Refusal> {
        None
    }
}

#[async_trait]
impl<C: Caller> Host for Staged<C> {
    async fn elapsed_ms(&self) -> u64 {
        self.now_ms().await
    }

    async fn answer(&self, call: HostCall) -> Result<HostReturn, DoorClosed> {
        self.ask(call).await
    }

    async fn settle(&self, call: HostCall) -> Result<HostReturn, DoorClosed> {
        self.ask_again(call).await
    }

    async fn refuses(&self, call: &HostCall) -> Option<Refusal> {
        Staged::refuses(self, call).await
    }
}

/// Why a call did not go on. Nothing was asked of its host.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NotResumed {
    /// It is another agent.
    #[error("this is not the agent that answered: give the component with SHA-256 {}", hex(.0))]
    OtherAgent([u8; 32]),
    /// The agent is not, or does not do, what the journal says.
    #[error("the agent did not do what the journal says: {0}")]
    Otherwise(Box<Difference>),
    /// The agent came to an end before its journal did.
    #[error("the agent ended before its journal, which goes on with {0}; it ended {1}")]
    Ended(Box<Difference>, String),
    /// The sandbox failed.
    #[error(transparent)]
    Sandbox(#[from] Failure),
}

fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A call that went on to its end.
#[derive(Debug, Clone)]
pub struct Resumed {
    /// Requests that the journal answered.
    pub rebuilt: usize,
    /// The records of the rest, numbered on from the journal's last; the end of the call is the last.
    pub records: Vec<Record>,
    /// How the agent's part ended.
    pub ended: Result<Outcome, Failure>,
    /// CPU time of the agent, from the beginning of the call.
    pub cpu: Duration,
}

/// Rebuilds the agent of a call that was cut off, and has it go on with this host. Nothing of the rest is written anywhere:
/// [`Resumed::records`] are for whoever keeps them.
///
/// # Errors
/// [`NotResumed`]: another agent, or one that asks otherwise than was recorded. The first such request is named, and
/// the host has been asked nothing.
pub async fn resume<H: Host>(
    agent: &Agent,
    call: &Unfinished,
    host: Arc<H>,
    budget: Budget,
) -> Result<Resumed, NotResumed> {
    let recorded = &call.recorded;
    if *agent.sha256() != recorded.component_sha256 {
        return Err(NotResumed::OtherAgent(recorded.component_sha256));
    }
    let rest = Arc::new(Rest {
        host,
        steps: recorded.steps.as_slice().into(),
        began: call.began,
        state: Mutex::new(State { taken: 0, difference: None, next: call.next, records: Vec::new() }),
    });
    let door = {
        let rest = rest.clone();
        Door::new(tower::service_fn(move |asked: HostCall| {
            let rest = rest.clone();
            async move { rest.answer(asked).await }
        }))
    };
    let answered = agent
        .answer(recorded.info.clone(), door, budget)
        .await
        .map_err(|error| Failure::new(FailureKind::Host, error))?;
    rest.as_journaled(&answered.outcome)?;
    let last_us = u64::try_from(answered.cpu.as_micros()).unwrap_or(u64::MAX);
    rest.end(&answered.outcome, last_us).await;
    let records = std::mem::take(&mut rest.state.lock().records);
    let rebuilt = recorded.steps.iter().filter(|step| step.answered.is_some()).count();
    Ok(Resumed { rebuilt, records, ended: answered.outcome, cpu: answered.cpu })
}

/// The door of a call that is taken up: the journal's answers, then the host's, which are journaled.
struct Rest<H> {
    host: Arc<H>,
    steps: Arc<[Step]>,
    began: u64,
    state: Mutex<State>,
}

struct State {
    /// Steps of the journal that the agent has taken.
    taken: usize,
    difference: Option<Box<Difference>>,
    next: Seq,
    records: Vec<Record>,
}

/// Who answers a request.
enum Answers {
    /// The journal.
    Journal(Box<HostReturn>),
    /// The host, for the one that the journal has as begun with this record, at this time.
    Settling(Seq, u64),
    /// The host.
    Host,
}

impl<H: Host> Rest<H> {
    async fn answer(&self, asked: HostCall) -> Result<HostReturn, DoorClosed> {
        match self.who(&asked)? {
            Answers::Journal(answer) => Ok(*answer),
            Answers::Settling(started, at) => {
                let unsaid = self.host.refuses(&asked).await;
                let answer = self.host.settle(asked).await;
                self.ended(started, at, answer, unsaid).await
            }
            Answers::Host => {
                let at = self.now().await;
                let body = HostCallStarted { import: asked.import(), arguments: Some(asked.clone()) };
                let started = self.append(at, RecordBody::HostCallStarted(body))?;
                let unsaid = self.host.refuses(&asked).await;
                let answer = self.host.answer(asked).await;
                self.ended(started, at, answer, unsaid).await
            }
        }
    }

    fn who(&self, asked: &HostCall) -> Result<Answers, DoorClosed> {
        let mut state = self.state.lock();
        let otherwise = || DoorClosed("the recorded call went otherwise".into());
        if state.difference.is_some() {
            return Err(otherwise());
        }
        let Some(step) = self.steps.get(state.taken) else { return Ok(Answers::Host) };
        let same =
            step.asked.as_ref().map_or_else(|| step.import == asked.import(), |then| equal(then, asked));
        if !same {
            let difference = difference(state.taken, step, Some(asked.clone()));
            state.difference = Some(Box::new(difference));
            return Err(otherwise());
        }
        state.taken += 1;
        Ok(match &step.answered {
            Some(answer) => Answers::Journal(Box::new(answer.clone())),
            None => Answers::Settling(step.seq, step.at),
        })
    }

    /// Journals how a request ended, and why it was refused, which its answer may not say: as a call that is live does.
    async fn ended(
        &self,
        started: Seq,
        since: u64,
        answer: Result<HostReturn, DoorClosed>,
        unsaid: Option<Refusal>,
    ) -> Result<HostReturn, DoorClosed> {
        let at = self.now().await;
        let result = answer.as_ref().ok().cloned();
        let refusal = result.as_ref().and_then(HostReturn::refusal).or(unsaid.as_ref());
        let status = match (refusal, &answer) {
            (Some(refusal), _) => HostStatus::refused(refusal),
            (None, Ok(_)) => HostStatus::Ok,
            (None, Err(DoorClosed(_))) => HostStatus::Cancelled,
        };
        let latency_us = at.saturating_sub(since) / 1_000;
        let delivered = result.is_some();
        let refused = refusal.map(Refusal::reason);
        let body = HostCallEnded { started, status, latency_us, delivered, result, refused };
        self.append(at, RecordBody::HostCallEnded(body))?;
        answer
    }

    /// Now, in nanoseconds since 1970-01-01 UTC.
    async fn now(&self) -> u64 {
        self.began.saturating_add(self.host.elapsed_ms().await.saturating_mul(1_000_000))
    }

    fn append(&self, at: u64, body: RecordBody) -> Result<Seq, DoorClosed> {
        let mut state = self.state.lock();
        if state.records.len() >= RECORDS {
            return Err(DoorClosed(format!("the rest of a call has at most {RECORDS} records")));
        }
        let seq = state.next;
        state.next = seq.saturating_add(1);
        state.records.push(Record { seq, at, body });
        Ok(seq)
    }

    /// Whether the agent did all that the journal says.
    fn as_journaled(&self, outcome: &Result<Outcome, Failure>) -> Result<(), NotResumed> {
        let mut state = self.state.lock();
        if let Some(difference) = state.difference.take() {
            return Err(NotResumed::Otherwise(difference));
        }
        let Some(step) = self.steps.get(state.taken) else { return Ok(()) };
        let difference = Box::new(difference(state.taken, step, None));
        let ended = match outcome {
            Ok(outcome) => format!("{outcome:?}"),
            Err(failure) => failure.to_string(),
        };
        Err(NotResumed::Ended(difference, ended))
    }

    /// Journals the call's end, whatever there is of it already.
    async fn end(&self, outcome: &Result<Outcome, Failure>, agent_cpu_us: u64) {
        let (agent, outcome, reason) = match outcome {
            Ok(Outcome::Failed(why)) => (AgentEnd::Failed(Why::AgentTrap), Ending::Failed, Some(why.clone())),
            Ok(outcome) => (AgentEnd::Own(Ending::from(outcome)), Ending::from(outcome), None),
            Err(failure) => (AgentEnd::Failed(why_failed(failure.kind)), Ending::Failed, None),
        };
        let duration_ms = self.host.elapsed_ms().await;
        let ended = CallEnded { outcome, agent, duration_ms, agent_cpu_us, reason, ..CallEnded::default() };
        let at = self.now().await;
        let mut state = self.state.lock();
        let seq = state.next;
        state.records.push(Record { seq, at, body: RecordBody::CallEnded(ended) });
    }
}

/// What was recorded at this step, and what was asked instead.
fn difference(taken: usize, step: &Step, asked: Option<HostCall>) -> Difference {
    let recorded = step.asked.clone();
    Difference { step: taken.saturating_add(1), seq: Some(step.seq), recorded, asked, ended: None }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// What a host that never waits does.
    fn now<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => done,
            Poll::Pending => panic!("nobody waits here"),
        }
    }

    /// Grants no model, and has no more host calls for a clock.
    struct Refusing;

    #[async_trait]
    impl Host for Refusing {
        async fn elapsed_ms(&self) -> u64 {
            7
        }

        async fn answer(&self, call: HostCall) -> Result<HostReturn, DoorClosed> {
            match call {
                HostCall::ModelAvailable => Ok(HostReturn::ModelAvailable(false)),
                HostCall::HangUp => Ok(HostReturn::HangUp(())),
                HostCall::PauseRecording => {
                    Ok(HostReturn::PauseRecording(Err(Refusal::Invalid("nothing is recorded".into()))))
                }
                _ => Err(DoorClosed("its 2 host calls".into())),
            }
        }

        async fn settle(&self, call: HostCall) -> Result<HostReturn, DoorClosed> {
            self.answer(call).await
        }

        async fn refuses(&self, call: &HostCall) -> Option<Refusal> {
            match call {
                HostCall::ModelAvailable => Some(Refusal::NotPermitted("no model is granted".into())),
                HostCall::Elapsed => Some(Refusal::OverQuota("its 2 host calls".into())),
                _ => None,
            }
        }
    }

    #[test]
    fn why_something_was_refused_is_journaled_also_where_its_answer_does_not_say_so() {
        let state = State { taken: 0, difference: None, next: 5, records: Vec::new() };
        let (steps, state) = (Arc::from(Vec::<Step>::new()), Mutex::new(state));
        let rest = Rest { host: Arc::new(Refusing), steps, began: 1, state };
        let asked = [HostCall::ModelAvailable, HostCall::PauseRecording, HostCall::HangUp, HostCall::Elapsed];
        let answered = asked.map(|asked| now(rest.answer(asked)).is_ok());
        assert_eq!(answered, [true, true, true, false]);
        let ended = std::mem::take(&mut rest.state.lock().records).into_iter();
        let ended = ended.filter_map(|record| match record.body {
            RecordBody::HostCallEnded(ended) => Some((ended.status, ended.refused, ended.delivered)),
            _ => None,
        });
        let why = |why: &str| Some(why.to_owned());
        let expected = [
            (HostStatus::NotPermitted, why("no model is granted"), true),
            (HostStatus::Invalid, why("nothing is recorded"), true),
            (HostStatus::Ok, None, true),
            (HostStatus::OverQuota, why("its 2 host calls"), false),
        ];
        assert_eq!(ended.collect::<Vec<_>>(), expected);
    }
}
