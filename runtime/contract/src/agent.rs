//! What an agent says of itself, what it is told of a call, and how a call ends.

use serde::{Deserialize, Serialize};

use crate::LocalTime;

/// Who rang whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    /// The caller rang the line.
    Inbound,
    /// The line rang the caller.
    Outbound,
}

/// What is known when a call is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallInfo {
    /// The call's identifier, 32 hexadecimal digits.
    pub id: String,
    /// Who rang whom.
    pub direction: Direction,
    /// The line's number, E.164.
    pub line: String,
    /// The caller's number, E.164; `None` when withheld.
    pub caller: Option<String>,
    /// The line's first language, BCP 47.
    pub language: String,
    /// When it was answered, in the line's time zone.
    pub started_at: LocalTime,
    /// The tenant's settings for this line.
    pub settings: Vec<(String, String)>,
}

/// Who an agent is and what it needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Its name.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// The languages it speaks, BCP 47, best first.
    pub languages: Vec<String>,
    /// The capabilities it needs, as [`Capability::name`] writes them.
    pub capabilities: Vec<String>,
}

/// An ability beyond the conversation itself. Denied unless declared by the agent and granted by
/// the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Asking the language model.
    Model,
    /// The tenant's appointments.
    Calendar,
    /// The tenant's key-value storage.
    Memory,
    /// The tenant's documents.
    Documents,
    /// Handing the caller over.
    Transfer,
    /// Requests to services of the tenant's own.
    Connectors,
}

impl Capability {
    /// Every capability there is.
    pub const ALL: [Self; 6] =
        [Self::Model, Self::Calendar, Self::Memory, Self::Documents, Self::Transfer, Self::Connectors];

    /// Its name in manifests and configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Calendar => "calendar",
            Self::Memory => "memory",
            Self::Documents => "documents",
            Self::Transfer => "transfer",
            Self::Connectors => "connectors",
        }
    }
}

impl std::str::FromStr for Capability {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|c| c.name() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            // It may be of any length: it comes from a component that nobody knows.
            let text: String = text.chars().take(40).collect();
            format!("there is no capability {text:?}: write one of {known}")
        })
    }
}

/// How a call ended, in the agent's judgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The conversation came to its end.
    Done,
    /// A human has the caller.
    Transferred,
    /// Somebody has to ring back.
    CallBack,
    /// The caller left.
    Abandoned,
    /// The agent gave up, and why.
    Failed(String),
}
