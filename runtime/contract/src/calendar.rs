//! Appointments.

use serde::{Deserialize, Serialize};

use crate::LocalTime;

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it all")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// Which slots are wanted. What is absent does not constrain.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Wanted {
    /// Not before this instant; now when `None`.
    pub from: Option<LocalTime>,
    /// Before this instant; the calendar's horizon when `None`.
    pub until: Option<LocalTime>,
    /// Only these days; empty for any.
    pub weekdays: Vec<Weekday>,
    /// Not before this time of day, in minutes after midnight.
    pub earliest: Option<u16>,
    /// Begins before this time of day, in minutes after midnight.
    pub latest: Option<u16>,
    /// At most so many, soonest first; 1 to 50.
    pub limit: u8,
}

/// A bookable time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// Names it to `book` and `move`.
    pub id: String,
    /// When it begins.
    pub start: LocalTime,
    /// How long it is, in minutes.
    pub minutes: u16,
}

/// Whom an appointment is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// The name.
    pub name: String,
    /// E.164.
    pub phone: Option<String>,
}

/// A booked slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appointment {
    /// Six letters and digits, to be read aloud.
    pub reference: String,
    /// When.
    pub slot: Slot,
    /// Whom for.
    pub contact: Contact,
    /// What for.
    pub motive: String,
}

/// How a booking went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Booked {
    /// It stands.
    Confirmed(Appointment),
    /// Somebody was quicker.
    Taken,
}
