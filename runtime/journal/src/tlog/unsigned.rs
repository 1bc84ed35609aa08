//! Why a log is not signed, and when it is tried again.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use parloir_proof::note::NoteError;
use parloir_store::keys::KeyError;

use super::{Refused, TenantLog};
use crate::segment::Location;

/// The longest that is waited until it is tried again.
const LONGEST: Duration = Duration::from_secs(5 * 60);

/// Why nothing could be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unsigned {
    /// The disk, or whoever holds the keys, did not do it now: another time they may.
    Passing(String),
    /// The log is not the one that was signed: a signature would help to hide it. Nothing is signed until somebody looked
    /// into it and started the program anew.
    Refused(String),
}

impl From<Refused> for Unsigned {
    fn from(Refused(why): Refused) -> Self {
        Self::Refused(why)
    }
}

impl From<io::Error> for Unsigned {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // What could be read and is not what was written.
            ErrorKind::InvalidData => Self::Refused(error.to_string()),
            _ => Self::Passing(error.to_string()),
        }
    }
}

impl From<KeyError> for Unsigned {
    fn from(error: KeyError) -> Self {
        Self::Passing(error.to_string())
    }
}

impl From<NoteError> for Unsigned {
    fn from(error: NoteError) -> Self {
        Self::Refused(error.to_string())
    }
}

/// What is known of a tenant's log.
pub(super) enum Following {
    Open(Box<TenantLog>),
    Waiting(Waiting),
    /// Nothing is signed any more.
    Refused,
}

impl Following {
    pub(super) fn waiting(&self) -> Option<&Waiting> {
        match self {
            Self::Waiting(waiting) => Some(waiting),
            Self::Open(_) | Self::Refused => None,
        }
    }
}

/// A log that could not be signed for the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Waiting {
    /// How far its segments are durable.
    pub(super) upto: Location,
    /// What is known to have been signed: no less may be found when it is opened anew.
    pub(super) published: u64,
    /// When it is tried again.
    pub(super) again: Instant,
    /// How long that is after the last time.
    pub(super) wait: Duration,
}

impl Waiting {
    /// After one more failure: twice as long as the last time, up to five minutes.
    pub(super) fn longer(upto: Location, published: u64, last: Option<Duration>, now: Instant) -> Self {
        let wait = last.map_or(super::PERIOD, |last| (last * 2).min(LONGEST));
        Self { upto, published, again: now + wait, wait }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_and_a_slow_key_service_pass_and_a_changed_log_does_not() {
        for passing in [
            Unsigned::from(io::Error::from(ErrorKind::StorageFull)),
            Unsigned::from(io::Error::from(ErrorKind::PermissionDenied)),
            Unsigned::from(KeyError::Io("it took too long".into())),
        ] {
            assert!(matches!(passing, Unsigned::Passing(_)), "{passing:?}");
        }
        for refused in [
            Unsigned::from(io::Error::new(ErrorKind::InvalidData, "a tile is damaged")),
            Unsigned::from(Refused("rolled back".into())),
        ] {
            assert!(matches!(refused, Unsigned::Refused(_)), "{refused:?}");
        }
    }

    #[test]
    fn each_wait_is_twice_the_last_and_none_is_longer_than_five_minutes() {
        let (now, mut last, mut waits) = (Instant::now(), None, Vec::new());
        for _ in 0..10 {
            let waiting = Waiting::longer(Location::default(), 7, last, now);
            assert_eq!(waiting.again, now + waiting.wait);
            waits.push(waiting.wait.as_secs());
            last = Some(waiting.wait);
        }
        assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    }
}
