//! What a provider's failure says: its kind, whose fault it is, and whether trying again helps.

use std::fmt;
use std::time::Duration;

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// No connection could be made.
    Connect,
    /// No answer, or no further part of one, within the time allowed.
    TimedOut,
    /// The key is missing, wrong or not permitted.
    Unauthorized,
    /// Too many requests, or the account is exhausted.
    RateLimited,
    /// The provider understood the request and will not serve it.
    Refused,
    /// The provider says that it is in trouble.
    Unavailable,
    /// The provider's answer is not what its protocol promises.
    Malformed,
    /// The answer stopped before its end.
    Disconnected,
    /// The answer, or what we were asked to send, exceeds our bound.
    TooLarge,
    /// Our own queue for this provider is full.
    Busy,
    /// Something that has to be installed or configured here is not.
    NotInstalled,
    /// Something here failed that should not have.
    Internal,
}

impl ErrorKind {
    /// Its name in journals and measurements.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::TimedOut => "timed-out",
            Self::Unauthorized => "unauthorized",
            Self::RateLimited => "rate-limited",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
            Self::Malformed => "malformed",
            Self::Disconnected => "disconnected",
            Self::TooLarge => "too-large",
            Self::Busy => "busy",
            Self::NotInstalled => "not-installed",
            Self::Internal => "internal",
        }
    }
}

/// Whose side failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The provider, or the way to it.
    Upstream,
    /// This process or its configuration.
    Ours,
}

impl Side {
    /// Its name in journals and measurements.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Ours => "ours",
        }
    }
}

/// Why a provider did not do what it was asked.
///
/// `Display` holds no word of the conversation and no part of a key: it may be logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderError {
    /// What went wrong.
    pub kind: ErrorKind,
    /// Whose side failed.
    pub side: Side,
    /// Whether the same request to the *same* provider may succeed. Another provider of the role may
    /// succeed in any case.
    pub retry_helps: bool,
    /// The status the provider answered with (HTTP), where it answered.
    pub code: Option<u16>,
    /// How long the provider asked us to wait.
    pub retry_after: Option<Duration>,
    /// What happened and what to do about it.
    pub message: String,
}

impl ProviderError {
    /// The provider's failure; a retry helps where the kind is a passing one.
    pub fn upstream(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::new(kind, Side::Upstream, message)
    }

    /// Our failure; a retry helps where the kind is a passing one.
    pub fn ours(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::new(kind, Side::Ours, message)
    }

    fn new(kind: ErrorKind, side: Side, message: impl Into<String>) -> Self {
        let retry_helps = match kind {
            ErrorKind::Connect
            | ErrorKind::TimedOut
            | ErrorKind::RateLimited
            | ErrorKind::Unavailable
            | ErrorKind::Malformed
            | ErrorKind::Disconnected
            | ErrorKind::Busy => true,
            ErrorKind::Unauthorized
            | ErrorKind::Refused
            | ErrorKind::TooLarge
            | ErrorKind::NotInstalled
            | ErrorKind::Internal => false,
        };
        Self { kind, side, retry_helps, code: None, retry_after: None, message: message.into() }
    }

    /// The same, with the status the provider answered with.
    #[must_use]
    pub fn with_code(mut self, code: u16) -> Self {
        self.code = Some(code);
        self
    }

    /// The same, with how long the provider asked us to wait.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }
}

impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.kind.name(), self.side.name(), self.message)?;
        if let Some(wait) = self.retry_after {
            write!(f, "; the provider asks to wait {} s", wait.as_secs_f32().ceil())?;
        }
        Ok(())
    }
}

impl std::error::Error for ProviderError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_whose_fault_it_is_and_how_long_to_wait() {
        let error = ProviderError::upstream(ErrorKind::RateLimited, "too many requests")
            .with_retry_after(Some(Duration::from_millis(1_500)));
        assert_eq!(
            error.to_string(),
            "rate-limited (upstream): too many requests; the provider asks to wait 2 s"
        );
        assert!(error.retry_helps);
    }

    #[test]
    fn a_wrong_key_is_not_worth_trying_again() {
        assert!(!ProviderError::ours(ErrorKind::Unauthorized, "no key").retry_helps);
    }
}
