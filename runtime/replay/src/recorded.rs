//! A call as the journal has it, seen from its agent.

use parloir_contract::{CallInfo, HostCall, HostReturn, Import};
use parloir_journal::{Ending, FailureKind, HostCallEnded, HostStatus, Record, RecordBody, Seq};

/// Why a call cannot be run again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotReplayable {
    /// The records do not begin with the call's start.
    #[error("the records do not begin with the start of a call: give all records of one call, in order")]
    NoStart,
    /// What was said was not kept.
    #[error(
        "what was said in this call was not kept (record {seq}): its caller refused, its line never records, or it was erased. `parloir show` has its technical trace"
    )]
    NoContent {
        /// The first record without its content.
        seq: Seq,
    },
}

/// One request of the agent, and its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The record of its start.
    pub seq: Seq,
    /// When it was asked, in nanoseconds since 1970-01-01 UTC.
    pub at: u64,
    /// Which import.
    pub import: Import,
    /// What was asked; `None` for a request past the quota, of which only the import is kept.
    pub asked: Option<HostCall>,
    /// What the agent was answered; `None` where it was stopped before.
    pub answered: Option<HostReturn>,
}

/// How the agent's part in the call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordedEnd {
    /// It came to its own end.
    Own(Ending),
    /// It failed, or gave up.
    Failed(FailureKind),
    /// The host stopped it, or the call was cut off.
    Stopped,
}

/// A call, as its agent lived it.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// What the agent was told at the beginning.
    pub info: CallInfo,
    /// SHA-256 of the agent's component.
    pub component_sha256: [u8; 32],
    /// The agent's name and its own version.
    pub agent: (String, String),
    /// What it asked, in order.
    pub steps: Vec<Step>,
    /// How its part ended.
    pub end: RecordedEnd,
    /// How long the records span, in milliseconds.
    pub lasted_ms: u64,
}

impl Recorded {
    /// A call from all its records, in order. Content that was held back until there was consent is put in
    /// its place first.
    ///
    /// # Errors
    /// [`NotReplayable`], where something that the agent was told is not there.
    pub fn new(mut records: Vec<Record>) -> Result<Self, NotReplayable> {
        Record::merge_held(&mut records);
        let (first, last) = match (records.first(), records.last()) {
            (Some(first), Some(last)) => (first.at, last.at),
            _ => return Err(NotReplayable::NoStart),
        };
        let mut records = records.into_iter();
        let Some(Record { seq, body: RecordBody::CallStarted(started), .. }) = records.next() else {
            return Err(NotReplayable::NoStart);
        };
        let info = started.info.ok_or(NotReplayable::NoContent { seq })?;
        let mut steps: Vec<Step> = Vec::new();
        let mut end = RecordedEnd::Stopped;
        for Record { seq, at, body } in records {
            match body {
                RecordBody::HostCallStarted(started) => {
                    steps.push(Step {
                        seq,
                        at,
                        import: started.import,
                        asked: started.arguments,
                        answered: None,
                    });
                }
                RecordBody::HostCallEnded(ended) => answered(&mut steps, ended)?,
                RecordBody::Failure(failure) => match failure.kind {
                    FailureKind::AgentTrap | FailureKind::AgentBudget | FailureKind::AgentMemory => {
                        end = RecordedEnd::Failed(failure.kind);
                    }
                    FailureKind::AgentStart
                    | FailureKind::Provider
                    | FailureKind::Transport
                    | FailureKind::Host
                    | FailureKind::Journal => {}
                },
                RecordBody::CallEnded(ended) if end == RecordedEnd::Stopped => {
                    end = RecordedEnd::Own(ended.outcome);
                }
                RecordBody::CallEnded(_)
                | RecordBody::CallStarted(_)
                | RecordBody::ProviderStarted(_)
                | RecordBody::ProviderEnded(_)
                | RecordBody::TurnMeasured(_)
                | RecordBody::MediaDigest(_)
                | RecordBody::RecordingStored(_)
                | RecordBody::Key(_)
                | RecordBody::Gate(_)
                | RecordBody::Content(_)
                | RecordBody::Note(_)
                | RecordBody::Wasi(_)
                | RecordBody::Report(_)
                | RecordBody::DigestKey(_)
                | RecordBody::Ledger(_)
                | RecordBody::CallInterrupted(_) => {}
            }
        }
        // Whoever was stopped in the middle of a request did not come to an end, whatever the call did.
        if steps.last().is_some_and(|step| step.answered.is_none()) && matches!(end, RecordedEnd::Own(_)) {
            end = RecordedEnd::Stopped;
        }
        Ok(Self {
            info,
            component_sha256: started.component_sha256,
            agent: (started.agent_name, started.agent_version),
            steps,
            end,
            lasted_ms: last.saturating_sub(first) / 1_000_000,
        })
    }
}

/// Puts an answer to its request. The agent asks one thing at a time: it is the last but for what a stop cut off.
fn answered(steps: &mut [Step], ended: HostCallEnded) -> Result<(), NotReplayable> {
    let Some(step) = steps.iter_mut().rev().find(|step| step.seq == ended.started) else { return Ok(()) };
    if !ended.delivered {
        return Ok(());
    }
    let kept = step.asked.is_some() || ended.status == HostStatus::OverQuota;
    match ended.result {
        Some(result) if kept => step.answered = Some(result),
        Some(_) | None => return Err(NotReplayable::NoContent { seq: step.seq }),
    }
    Ok(())
}
