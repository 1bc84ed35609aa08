//! What the two sides say to each other.

use std::time::Duration;

use parloir_contract::{CallInfo, HostCall, HostReturn, Outcome};
use parloir_sandbox::{Budget, Failure, FailureKind, Settings};
use serde::{Deserialize, Serialize};

use crate::frame::{FrameError, MOST_VALUES, read, values};

/// Bytes of a message to the agents at most: what the host answers is bounded where it is answered.
pub(crate) const MOST_DOWN: usize = 16 << 20;
/// Bytes of compiled code in one message: between two of them, answers of calls that are live go on.
pub(crate) const PART: usize = 256 << 10;
/// Bytes of compiled code at most.
pub(crate) const MOST_ARTIFACT: u64 = 1 << 30;
/// Bytes around what a host call carries: names, numbers, lengths.
const AROUND: usize = 64 << 10;
/// Bytes of a question about words at most. The sandbox cuts texts and lists before they are asked.
const QUESTION: usize = 64 << 10;
/// Characters that the sandbox lets through of a note, a reason and a stack.
const CHARACTERS: usize = 2_000;

/// To the agents.
#[allow(clippy::large_enum_variant, reason = "there is one at a time, and it is taken apart at once")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Down {
    /// The first: by which settings they run.
    Begin(Settings),
    /// An agent's compiled code follows, in parts.
    Load {
        /// Of its component.
        sha256: [u8; 32],
        /// Its component's bytes.
        size: u64,
        /// Its code's bytes.
        bytes: u64,
    },
    /// The next bytes of it.
    Part(serde_bytes::ByteBuf),
    /// No more calls begin with an agent.
    Forget {
        /// Of its component.
        sha256: [u8; 32],
    },
    /// A call begins.
    Start {
        /// Its number on this socket.
        call: u64,
        /// Who answers: one that was loaded.
        sha256: [u8; 32],
        /// What is known of it.
        info: CallInfo,
        /// What it may use.
        budget: Budget,
    },
    /// What the host answers what the call asked.
    Answer {
        /// Which call.
        call: u64,
        /// What.
        answer: HostReturn,
    },
    /// The host will answer this call no more.
    Close {
        /// Which call.
        call: u64,
        /// Why.
        why: String,
    },
    /// The call is to be stopped.
    Stop {
        /// Which.
        call: u64,
    },
    /// Say that you live.
    Ping(u64),
}

/// From the agents.
#[allow(clippy::large_enum_variant, reason = "there is one at a time, and it is taken apart at once")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Up {
    /// The sandbox is there.
    Ready {
        /// Whether the process reaches no file, and makes no call to the kernel that it does not need.
        confined: bool,
    },
    /// It is not, and why.
    NotReady(String),
    /// An agent is loaded, or why it is not.
    Loaded {
        /// Of its component.
        sha256: [u8; 32],
        /// Nothing where it is loaded.
        problem: Option<String>,
    },
    /// An agent asks.
    Asked {
        /// In which call.
        call: u64,
        /// CPU time that it has used so far.
        cpu: Duration,
        /// What.
        asked: HostCall,
    },
    /// An agent's part in a call is over.
    Ended {
        /// In which call.
        call: u64,
        /// CPU time that it used.
        cpu: Duration,
        /// Its own judgement, or why it has none.
        outcome: Result<Outcome, Failure>,
    },
    /// It lives.
    Pong(u64),
}

/// Bytes of a message from the agents at most.
pub(crate) fn most_up(settings: &Settings) -> usize {
    settings.host_call_bytes.saturating_add(AROUND)
}

/// What the agents' side says, where it is something that a sandbox of these settings could have let out.
///
/// # Errors
/// Where it is not: nobody on the other side can be believed any more.
pub fn read_up(message: &[u8], settings: &Settings) -> Result<Up, FrameError> {
    let most = most_up(settings);
    if message.len() > most {
        return Err(FrameError::TooLong { length: message.len(), most });
    }
    let count = values(message).ok_or_else(|| FrameError::Unreadable("it is no MessagePack".into()))?;
    if count > MOST_VALUES {
        return Err(FrameError::TooMany);
    }
    let up: Up = read(message)?;
    let within = |text: &str| text.chars().nth(CHARACTERS).is_none();
    let unheard = match &up {
        Up::Asked { asked: HostCall::Log(line), .. } if !within(&line.message) => {
            "a note that is longer than any"
        }
        Up::Asked { asked: HostCall::Understanding(_), .. } if message.len() > QUESTION => {
            "a question that is longer than any"
        }
        Up::Ended { outcome: Ok(Outcome::Failed(why)), .. } if !within(why) => {
            "a reason that is longer than any"
        }
        Up::Ended { outcome: Err(failure), .. } if !within(&failure.reason) || !within(&failure.stack) => {
            "a failure that is longer than any"
        }
        Up::Ended { outcome: Err(Failure { kind: FailureKind::Neighbour, .. }), .. } => {
            "a failure that is not its to tell"
        }
        Up::NotReady(why) | Up::Loaded { problem: Some(why), .. } if !within(why) => {
            "a reason that is longer than any"
        }
        Up::Ready { .. }
        | Up::NotReady(_)
        | Up::Loaded { .. }
        | Up::Asked { .. }
        | Up::Ended { .. }
        | Up::Pong(_) => return Ok(up),
    };
    Err(FrameError::Unheard(unheard))
}

/// A reason, no longer than the other side believes.
pub(crate) fn cut(text: &str) -> String {
    text.chars().take(CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use parloir_contract::{LogLevel, LogLine, Question, Utterance};

    use super::*;

    fn said(up: &Up) -> Result<Up, FrameError> {
        read_up(&rmp_serde::to_vec(up).unwrap(), &Settings::default())
    }

    fn asked(asked: HostCall) -> Up {
        Up::Asked { call: 7, cpu: Duration::from_micros(1_500), asked }
    }

    #[test]
    fn what_a_sandbox_lets_out_is_read_as_it_was_said() {
        let failure = Failure::new(FailureKind::TurnCpu, "é".repeat(2_000));
        for up in [
            Up::Ready { confined: true },
            Up::NotReady("no memory".into()),
            Up::Loaded { sha256: [200; 32], problem: None },
            asked(HostCall::Elapsed),
            asked(HostCall::SetMemory(parloir_contract::SetMemory {
                key: "k".into(),
                value: vec![9; 100_000],
            })),
            asked(HostCall::Log(LogLine { level: LogLevel::Warn, message: "é".repeat(2_000) })),
            Up::Ended { call: 7, cpu: Duration::ZERO, outcome: Ok(Outcome::Done) },
            Up::Ended { call: 7, cpu: Duration::MAX, outcome: Err(failure) },
            Up::Pong(u64::MAX),
        ] {
            assert_eq!(said(&up).as_ref(), Ok(&up));
        }
    }

    #[test]
    fn what_no_sandbox_lets_out_is_not_believed() {
        let long = "x".repeat(2_001);
        let question = Utterance { text: "x".repeat(70_000), language: "fr".into() };
        for up in [
            asked(HostCall::Log(LogLine { level: LogLevel::Warn, message: long.clone() })),
            asked(HostCall::Understanding(Question::YesNo(question))),
            Up::Ended { call: 1, cpu: Duration::ZERO, outcome: Ok(Outcome::Failed(long.clone())) },
            Up::Ended { call: 1, cpu: Duration::ZERO, outcome: Err(Failure::new(FailureKind::Trap, &long)) },
            Up::Ended {
                call: 1,
                cpu: Duration::ZERO,
                outcome: Err(Failure::new(FailureKind::Neighbour, "x")),
            },
            Up::NotReady(long.clone()),
            Up::Loaded { sha256: [0; 32], problem: Some(long) },
        ] {
            assert!(matches!(said(&up), Err(FrameError::Unheard(_))), "{up:?}");
        }
        let long = asked(HostCall::GetMemory("x".repeat(2 << 20)));
        assert!(matches!(said(&long), Err(FrameError::TooLong { .. })));
        // A list of more than anybody asks, in few bytes.
        let mut many = vec![0xdd];
        many.extend(u32::try_from(MOST_VALUES).unwrap().to_be_bytes());
        many.resize(5 + MOST_VALUES, 0xc0);
        assert_eq!(read_up(&many, &Settings::default()), Err(FrameError::TooMany));
    }
}
