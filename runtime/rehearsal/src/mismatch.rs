//! Where a conversation was otherwise than its file has it.

use serde::Serialize;

use crate::place::Place;

/// One expectation that was not met.
#[derive(Debug, Clone, Serialize)]
pub struct Mismatch {
    /// Where it was written; `None` for what holds of every conversation.
    pub at: Option<Place>,
    /// When, in milliseconds of the virtual clock.
    pub at_ms: u64,
    /// What should have been.
    pub expected: String,
    /// What was.
    pub found: String,
    /// What to do about it, where that is known.
    pub remedy: Option<String>,
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(at) = &self.at {
            write!(f, "{at}: ")?;
        }
        write!(f, "expected {}; {}", self.expected, self.found)?;
        match &self.remedy {
            Some(remedy) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}
