//! A call as the journal has it, seen from its agent.

use parloir_contract::{CallInfo, HostCall, HostReturn, Import};
use parloir_journal::{AgentEnd, Ending, FailureKind, HostCallEnded, HostStatus, Record, RecordBody, Seq};

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
    /// When, in nanoseconds since 1970-01-01 UTC.
    pub answered_at: Option<u64>,
}

/// How the agent's part in the call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordedEnd {
    /// It came to its own end.
    Own(Ending),
    /// It failed, or gave up.
    Failed(FailureKind),
    /// The host stopped it, wherever it was; or the call was cut off.
    Stopped,
    /// The records go on, but what was said from there on was not kept: a pause of the recording.
    Withheld,
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
    /// Memory that it could take, in bytes.
    pub memory: usize,
    /// What it asked, in order, up to the first answer that was not kept.
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
                        answered_at: None,
                    });
                }
                RecordBody::HostCallEnded(ended) => {
                    if answered(&mut steps, at, ended) == Kept::No {
                        end = RecordedEnd::Withheld;
                        break;
                    }
                }
                RecordBody::CallEnded(ended) => end = ended.agent.into(),
                RecordBody::CallStarted(_)
                | RecordBody::Failure(_)
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
                | RecordBody::Unkept(_)
                | RecordBody::Erased(_)
                | RecordBody::Held(_)
                | RecordBody::ContentRead(_)
                | RecordBody::Case(_)
                | RecordBody::Amended(_)
                | RecordBody::Restricted(_)
                | RecordBody::Blocked(_)
                | RecordBody::Administered(_)
                | RecordBody::CallInterrupted(_) => {}
            }
        }
        Ok(Self {
            info,
            component_sha256: started.component_sha256,
            agent: (started.agent_name, started.agent_version),
            memory: usize::try_from(started.agent_memory).unwrap_or(usize::MAX),
            steps,
            end,
            lasted_ms: last.saturating_sub(first) / 1_000_000,
        })
    }
}

impl From<AgentEnd> for RecordedEnd {
    fn from(end: AgentEnd) -> Self {
        match end {
            AgentEnd::Own(ending) => Self::Own(ending),
            AgentEnd::Failed(
                kind @ (FailureKind::AgentTrap | FailureKind::AgentBudget | FailureKind::AgentMemory),
            ) => Self::Failed(kind),
            // What failed on the host's side does not fail again.
            AgentEnd::Failed(
                FailureKind::AgentStart
                | FailureKind::Provider
                | FailureKind::Transport
                | FailureKind::Host
                | FailureKind::Journal,
            )
            | AgentEnd::Stopped => Self::Stopped,
        }
    }
}

/// Whether what the agent was answered was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    Yes,
    No,
}

/// Puts an answer to its request. The agent asks one thing at a time: it is the last but for what a stop cut off.
/// A request whose answer was not kept goes with it.
fn answered(steps: &mut Vec<Step>, at: u64, ended: HostCallEnded) -> Kept {
    let Some(place) = steps.iter().rposition(|step| step.seq == ended.started) else { return Kept::Yes };
    let Some(step) = steps.get_mut(place).filter(|_| ended.delivered) else { return Kept::Yes };
    let kept = step.asked.is_some() || ended.status == HostStatus::OverQuota;
    match ended.result {
        Some(result) if kept => {
            step.answered = Some(result);
            step.answered_at = Some(at);
            Kept::Yes
        }
        Some(_) | None => {
            steps.truncate(place);
            Kept::No
        }
    }
}
