//! The only clock there is. It moves at host calls, and the journal holds every reading.

use std::time::Duration;

use crate::host::with;
use crate::{Host, LocalTime};

/// Civil time in the line's time zone, to the minute.
pub fn now() -> LocalTime {
    with(Host::now)
}

/// The day of the week: 1 for Monday to 7 for Sunday.
pub fn weekday() -> u8 {
    with(Host::weekday)
}

/// Since the call was answered.
pub fn elapsed() -> Duration {
    Duration::from_millis(u64::from(with(Host::elapsed)))
}
