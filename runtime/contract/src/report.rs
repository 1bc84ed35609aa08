//! The report a tenant reads after the call, and passages of documents.

use serde::{Deserialize, Serialize};

use crate::{Appointment, Contact};

/// How the caller's business stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The caller got what the call was for.
    Resolved,
    /// An appointment stands.
    Booked,
    /// Somebody has to ring back.
    CallBack,
    /// A human took over.
    HandedOver,
    /// The caller left before the end.
    Abandoned,
    /// Not for this line.
    OutOfScope,
}

/// One field of the report. Set again, it replaces the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Field {
    /// Who called.
    Contact(Contact),
    /// What for.
    Need(String),
    /// The appointment that stands.
    Appointment(Appointment),
    /// How the business stands.
    Status(Status),
    /// A summary for a person.
    Summary(String),
    /// A field of the tenant's own: name and value.
    Other(String, String),
}

/// A paragraph of a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Passage {
    /// The document's name.
    pub document: String,
    /// The paragraph.
    pub text: String,
    /// Higher fits better, within one search.
    pub score: f32,
}
