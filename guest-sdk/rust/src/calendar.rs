//! The tenant's appointments. Two callers never get one slot.

use crate::Refusal;
pub use crate::bindings::parloir::agent::calendar::{Appointment, Booked, Contact, Slot, Wanted, Weekday};
use crate::host::with;

/// Any slot from now on, the two soonest.
impl Default for Wanted {
    fn default() -> Self {
        Self { from: None, until: None, weekdays: Vec::new(), earliest: None, latest: None, limit: 2 }
    }
}

/// The free slots that are wanted, soonest first.
///
/// # Errors
/// `Unavailable` when the line has no calendar; `NotPermitted` without the capability.
pub fn free(wanted: &Wanted) -> Result<Vec<Slot>, Refusal> {
    with(|host| host.free(wanted))
}

/// Books a slot; [`Booked::Taken`] when somebody was quicker.
///
/// # Errors
/// As [`free`].
pub fn book(slot: &str, contact: &Contact, motive: &str) -> Result<Booked, Refusal> {
    with(|host| host.book(slot, contact, motive))
}

/// The coming appointments under a telephone number, E.164.
///
/// # Errors
/// As [`free`].
pub fn find(phone: &str) -> Result<Vec<Appointment>, Refusal> {
    with(|host| host.find(phone))
}

/// Moves an appointment: either it has the new slot or it keeps the old one.
///
/// # Errors
/// As [`free`].
pub fn reschedule(reference: &str, slot: &str) -> Result<Booked, Refusal> {
    with(|host| host.move_appointment(reference, slot))
}

/// Cancels an appointment; `false` when there is none of that reference.
///
/// # Errors
/// As [`free`].
pub fn cancel(reference: &str) -> Result<bool, Refusal> {
    with(|host| host.cancel(reference))
}
