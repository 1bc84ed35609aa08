//! Why the host did not do what an agent asked.

use serde::{Deserialize, Serialize};

/// A refusal: nothing happened. The text says how to be allowed, or what to change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// Neither the agent's manifest nor the line's policy grants it.
    #[error("not permitted: {0}")]
    NotPermitted(String),
    /// A quota of the call or of the tenant is used up.
    #[error("over quota: {0}")]
    OverQuota(String),
    /// What was asked for is not there, or its provider failed.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// The arguments are out of range.
    #[error("invalid: {0}")]
    Invalid(String),
}
