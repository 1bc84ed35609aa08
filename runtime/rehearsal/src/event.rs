//! What happened in a rehearsal, moment by moment.

use parloir_contract::LogLevel;
use serde::Serialize;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// Milliseconds since the call was answered, on the virtual clock.
    pub at_ms: u64,
    /// What.
    #[serde(flatten)]
    pub what: Happened,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Happened {
    /// The agent spoke.
    Agent {
        /// What it said.
        text: String,
        /// What the caller heard of it.
        heard: String,
        /// Whether that was all.
        whole: bool,
        /// How long was heard, in milliseconds.
        played_ms: u32,
    },
    /// The caller spoke.
    Caller {
        /// What was understood.
        text: String,
        /// With sound: what was said, where something else was understood.
        #[serde(skip_serializing_if = "Option::is_none")]
        said: Option<String>,
        /// How surely, from 0 to 1.
        #[serde(serialize_with = "in_hundredths")]
        confidence: f32,
        /// In which language.
        language: String,
        /// Whether the caller came into the agent's sentence.
        over_agent: bool,
    },
    /// The caller pressed keys.
    Keys {
        /// Which.
        keys: String,
        /// Whether the caller came into the agent's sentence.
        over_agent: bool,
    },
    /// The caller did something that a line would not have brought to the agent.
    Lost {
        /// What.
        what: String,
        /// Why not.
        why: String,
    },
    /// Nothing was said or pressed for so long.
    Silence {
        /// Milliseconds.
        ms: u64,
    },
    /// The caller hung up.
    HungUp,
    /// The agent noted something for its developer.
    Noted {
        /// How loud.
        #[serde(serialize_with = "by_name")]
        level: LogLevel,
        /// The note.
        text: String,
    },
    /// The agent asked something of the host that is no speaking and no listening.
    Host {
        /// The import, as `wit/` names it.
        import: &'static str,
        /// What it was answered with.
        answer: String,
        /// Whether the conversation file answered instead of the host.
        injected: bool,
    },
}

/// A moment of a call as people write it: `1:05`.
pub fn at(ms: u64) -> String {
    let seconds = ms / 1_000;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn by_name<S: serde::Serializer>(level: &LogLevel, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(level.name())
}

/// A share as people wrote it: 0.9, and not its nearest binary fraction.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn in_hundredths<S: serde::Serializer>(share: &f32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((f64::from(*share) * 100.0).round() / 100.0)
}
