//! How a command ends: done, or not, with what to do and its exit code.

/// A command that did not do what it was asked. The text says what to do.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) message: String,
    pub(crate) code: u8,
}

impl Failure {
    pub(crate) fn new(message: impl std::fmt::Display) -> Self {
        Self { message: message.to_string(), code: 1 }
    }

    /// It was done, and is not as it should be: in part, overdue, or what was compared is not the same.
    pub(crate) fn otherwise(message: impl std::fmt::Display) -> Self {
        Self { message: message.to_string(), code: 3 }
    }

    /// What was given cannot be used: nothing was done with it.
    pub(crate) fn bad_input(message: &dyn std::fmt::Display) -> Self {
        Self { message: message.to_string(), code: 2 }
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(error)
    }
}

/// How a command ends.
pub(crate) type Outcome = Result<(), Failure>;
