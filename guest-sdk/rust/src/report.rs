//! What the tenant reads after the call. Set as the call goes: a call cut short still files what
//! was known, and a field set again replaces the one before.

use crate::Refusal;
pub use crate::bindings::parloir::agent::report::{Field, Status};
use crate::calendar::{Appointment, Contact};
use crate::host::with;

/// Sets any field.
///
/// # Errors
/// `Invalid` for a text over 2000 characters or more than 64 fields.
pub fn set(field: &Field) -> Result<(), Refusal> {
    with(|host| host.report(field))
}

/// Who called.
///
/// # Errors
/// As [`set`].
pub fn contact(contact: Contact) -> Result<(), Refusal> {
    set(&Field::Contact(contact))
}

/// What for.
///
/// # Errors
/// As [`set`].
pub fn need(text: &str) -> Result<(), Refusal> {
    set(&Field::Need(text.to_owned()))
}

/// The appointment that stands.
///
/// # Errors
/// As [`set`].
pub fn appointment(appointment: Appointment) -> Result<(), Refusal> {
    set(&Field::Appointment(appointment))
}

/// How it went.
///
/// # Errors
/// As [`set`].
pub fn status(status: Status) -> Result<(), Refusal> {
    set(&Field::Status(status))
}

/// The call in a sentence or two.
///
/// # Errors
/// As [`set`].
pub fn summary(text: &str) -> Result<(), Refusal> {
    set(&Field::Summary(text.to_owned()))
}

/// A field of the tenant's own.
///
/// # Errors
/// As [`set`].
pub fn other(name: &str, value: &str) -> Result<(), Refusal> {
    set(&Field::Other((name.to_owned(), value.to_owned())))
}
