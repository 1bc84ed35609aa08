//! The report a tenant reads after the call, and passages of documents.

use serde::{Deserialize, Serialize};

use crate::{Appointment, Contact, Refusal};

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

impl Status {
    /// All there are.
    pub const ALL: [Self; 6] =
        [Self::Resolved, Self::Booked, Self::CallBack, Self::HandedOver, Self::Abandoned, Self::OutOfScope];

    /// As people and conversation files write it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Resolved => "resolved",
            Self::Booked => "booked",
            Self::CallBack => "call_back",
            Self::HandedOver => "handed_over",
            Self::Abandoned => "abandoned",
            Self::OutOfScope => "out_of_scope",
        }
    }
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

/// Fields of one report, at most.
const FIELDS: usize = 64;
/// Characters of one text, at most.
const CHARACTERS: usize = 2_000;

/// What of a report is filed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// The caller agreed: all of it.
    Everything,
    /// The caller refused: what a booking itself needs (who and when, without the caller's words
    /// for it), and how the business stands.
    Booking,
    /// Nobody answered the question: how the business stands, and nothing else.
    Status,
}

/// The report of a call: set field by field, filed at the end whatever happened. The fields set so far, in the order in which they were first set.
#[derive(Debug, Clone, Default)]
pub struct Report {
    fields: Vec<Field>,
}

impl Report {
    /// Sets a field; one set before is replaced.
    pub fn set(&mut self, field: Field) -> Result<(), Refusal> {
        if texts(&field).into_iter().any(|t| t.chars().count() > CHARACTERS) {
            return Err(Refusal::Invalid(format!(
                "a text of the report has at most {CHARACTERS} characters"
            )));
        }
        if let Some(place) = self.fields.iter_mut().find(|f| same_place(f, &field)) {
            *place = field;
            return Ok(());
        }
        if self.fields.len() == FIELDS {
            return Err(Refusal::Invalid(format!("a report has at most {FIELDS} fields")));
        }
        self.fields.push(field);
        Ok(())
    }

    /// What is filed, by what the caller's answer about recording allows.
    pub fn filed(&self, kept: Kept) -> Vec<Field> {
        let booked = match kept {
            Kept::Everything => return self.fields.clone(),
            Kept::Booking => self.fields.iter().any(|f| matches!(f, Field::Appointment(_))),
            Kept::Status => false,
        };
        let filed = |field: &Field| match field {
            Field::Status(status) => Some(Field::Status(*status)),
            Field::Contact(contact) => booked.then(|| Field::Contact(contact.clone())),
            Field::Appointment(appointment) => booked
                .then(|| Field::Appointment(Appointment { motive: String::new(), ..appointment.clone() })),
            Field::Need(_) | Field::Summary(_) | Field::Other(_, _) => None,
        };
        self.fields.iter().filter_map(filed).collect()
    }
}

fn same_place(a: &Field, b: &Field) -> bool {
    match (a, b) {
        (Field::Other(a, _), Field::Other(b, _)) => a == b,
        _ => std::mem::discriminant(a) == std::mem::discriminant(b),
    }
}

fn texts(field: &Field) -> Vec<&str> {
    match field {
        Field::Contact(contact) => vec![contact.name.as_str(), contact.phone.as_deref().unwrap_or_default()],
        Field::Need(text) | Field::Summary(text) => vec![text.as_str()],
        Field::Appointment(appointment) => {
            vec![appointment.motive.as_str(), appointment.contact.name.as_str()]
        }
        Field::Status(_) => Vec::new(),
        Field::Other(name, value) => vec![name.as_str(), value.as_str()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_set_again_replaces_the_one_before() {
        let mut report = Report::default();
        report.set(Field::Status(Status::Abandoned)).unwrap();
        report.set(Field::Other("a".into(), "1".into())).unwrap();
        report.set(Field::Other("b".into(), "2".into())).unwrap();
        report.set(Field::Other("a".into(), "3".into())).unwrap();
        report.set(Field::Status(Status::Booked)).unwrap();
        let expected = [
            Field::Status(Status::Booked),
            Field::Other("a".into(), "3".into()),
            Field::Other("b".into(), "2".into()),
        ];
        assert_eq!(report.filed(Kept::Everything), expected);
        assert_eq!(report.filed(Kept::Booking), [Field::Status(Status::Booked)]);
    }

    #[test]
    fn every_status_has_a_word_of_its_own() {
        let words: std::collections::HashSet<&str> = Status::ALL.map(Status::word).into();
        assert_eq!(words.len(), Status::ALL.len());
    }

    #[test]
    fn a_report_is_bounded() {
        let mut report = Report::default();
        assert!(report.set(Field::Need("x".repeat(2_001))).is_err());
        for n in 0..64 {
            report.set(Field::Other(n.to_string(), String::new())).unwrap();
        }
        assert!(report.set(Field::Need("x".into())).is_err());
        assert!(report.set(Field::Other("3".into(), "again".into())).is_ok());
    }
}
