//! What the host did not do, and why.

use crate::{Outcome, Refusal};

impl Refusal {
    /// Why, in the host's words: how to be allowed, or what to change.
    pub fn reason(&self) -> &str {
        match self {
            Self::NotPermitted(text)
            | Self::OverQuota(text)
            | Self::Unavailable(text)
            | Self::Invalid(text) => text,
        }
    }
}

/// What was refused and not dealt with ends the agent's part: the host looks after the caller.
impl<E: std::fmt::Display> From<Result<Outcome, E>> for Outcome {
    fn from(result: Result<Outcome, E>) -> Self {
        result.unwrap_or_else(|refusal| Self::Failed(refusal.to_string()))
    }
}
