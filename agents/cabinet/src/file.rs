//! The report, written as the call goes.

use parloir_agent::calendar::{Appointment, Contact};
use parloir_agent::report::{self, Field, Status};
use parloir_agent::understanding::{Language, Moment, say};

use crate::need::Need;

/// What is known so far.
pub(crate) struct File {
    language: Language,
    contact: Option<Contact>,
    need: String,
    settled: bool,
    /// What was done, in sentences.
    done: Vec<String>,
}

impl File {
    pub(crate) fn new(language: Language) -> Self {
        // A call cut short files this.
        set(&Field::Status(Status::Abandoned));
        Self { language, contact: None, need: String::new(), settled: false, done: Vec::new() }
    }

    /// Whether the caller got something that stands.
    pub(crate) const fn settled(&self) -> bool {
        self.settled
    }

    pub(crate) const fn contact(&self) -> Option<&Contact> {
        self.contact.as_ref()
    }

    pub(crate) fn consent(&mut self, granted: bool) {
        let (name, value) = match (self.language, granted) {
            (Language::French, true) => ("enregistrement", "accepté"),
            (Language::French, false) => ("enregistrement", "refusé"),
            (Language::English, true) => ("recording", "accepted"),
            (Language::English, false) => ("recording", "refused"),
        };
        set(&Field::Other((name.to_owned(), value.to_owned())));
    }

    pub(crate) fn need(&mut self, need: &Need) {
        let french = self.language == Language::French;
        let text = match need {
            Need::Appointment { motive: Some(motive), .. } if french => format!("Rendez-vous : {motive}"),
            Need::Appointment { motive: Some(motive), .. } => format!("Appointment: {motive}"),
            Need::Appointment { motive: None, .. } if french => "Rendez-vous".to_owned(),
            Need::Appointment { motive: None, .. } => "Appointment".to_owned(),
            Need::Cancel if french => "Annuler un rendez-vous".to_owned(),
            Need::Cancel => "Cancel an appointment".to_owned(),
            Need::Move { .. } if french => "Déplacer un rendez-vous".to_owned(),
            Need::Move { .. } => "Move an appointment".to_owned(),
            Need::Recall if french => "Retrouver un rendez-vous".to_owned(),
            Need::Recall => "Find an appointment".to_owned(),
        };
        set(&Field::Need(text.clone()));
        self.need = text;
        self.summarise();
    }

    pub(crate) fn who(&mut self, contact: &Contact) {
        set(&Field::Contact(contact.clone()));
        self.contact = Some(contact.clone());
        self.summarise();
    }

    /// Something the tenant should look at.
    pub(crate) fn doubt(&mut self, what: &str) {
        let name = if self.language == Language::French { "à vérifier" } else { "to check" };
        set(&Field::Other((name.to_owned(), what.to_owned())));
    }

    pub(crate) fn booked(&mut self, appointment: &Appointment, moved: bool) {
        set(&Field::Appointment(appointment.clone()));
        let at = say::moment(Moment::from(appointment.slot.start), self.language);
        let reference = &appointment.reference;
        self.done.push(match (self.language, moved) {
            (Language::French, false) => format!("Rendez-vous pris : {at}, référence {reference}."),
            (Language::French, true) => format!("Rendez-vous déplacé : {at}, référence {reference}."),
            (Language::English, false) => format!("Appointment made: {at}, reference {reference}."),
            (Language::English, true) => format!("Appointment moved: {at}, reference {reference}."),
        });
        self.settle(Status::Booked);
    }

    pub(crate) fn cancelled(&mut self, appointment: &Appointment) {
        let at = say::moment(Moment::from(appointment.slot.start), self.language);
        self.done.push(match self.language {
            Language::French => format!("Rendez-vous annulé : {at}."),
            Language::English => format!("Appointment cancelled: {at}."),
        });
        self.settle(Status::Resolved);
    }

    pub(crate) fn answered(&mut self, what: &str) {
        self.done.push(what.to_owned());
        if !self.settled {
            self.settle(Status::Resolved);
        }
    }

    fn settle(&mut self, status: Status) {
        self.settled = true;
        self.status(status);
        self.summarise();
    }

    pub(crate) fn status(&mut self, status: Status) {
        set(&Field::Status(status));
    }

    /// A sentence for the summary.
    pub(crate) fn note(&mut self, text: &str) {
        self.done.push(text.to_owned());
        self.summarise();
    }

    fn summarise(&self) {
        let mut summary = String::new();
        if !self.need.is_empty() {
            summary.push_str(&self.need);
            summary.push('.');
        }
        if let Some(contact) = &self.contact {
            summary.push(' ');
            summary.push_str(&contact.name);
            summary.push('.');
        }
        for sentence in &self.done {
            summary.push(' ');
            summary.push_str(sentence);
        }
        set(&Field::Summary(summary.trim().chars().take(1500).collect()));
    }
}

/// A report that the host will not file is no reason to fail a caller.
fn set(field: &Field) {
    if let Err(refusal) = report::set(field) {
        parloir_agent::warn!("report: {}", refusal.reason());
    }
}
