//! What of a run somebody outside would notice.

use std::fmt;

use parloir_contract::{Booked, Field, HostCall, HostReturn, Outcome};
use parloir_sandbox::Failure;

use crate::fork::Taken;

/// Which side of a call an effect is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aspect {
    /// What the caller hears.
    Said,
    /// What the model is asked.
    Model,
    /// Appointments.
    Booked,
    /// The report that is filed.
    Reported,
    /// Handing over, hanging up.
    HandedOver,
    /// What is kept: consent, the recording, the tenant's memory.
    Kept,
    /// How it ended.
    Ended,
    /// What the tenant's own services are asked.
    Sent,
}

impl Aspect {
    /// Every aspect there is.
    pub const ALL: [Self; 8] = [
        Self::Said,
        Self::Model,
        Self::Booked,
        Self::Reported,
        Self::HandedOver,
        Self::Kept,
        Self::Ended,
        Self::Sent,
    ];

    /// As a person reads it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Said => "said",
            Self::Model => "model",
            Self::Booked => "booked",
            Self::Reported => "reported",
            Self::HandedOver => "handed over",
            Self::Kept => "kept",
            Self::Ended => "ended",
            Self::Sent => "sent",
        }
    }
}

/// One effect, in words.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub struct Effect {
    /// On which side.
    pub aspect: Aspect,
    /// What.
    pub words: String,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

/// What a run did, in order; then the report as it would be filed, and how the run ended. Readings of the clock, of words and
/// of documents are no effects.
pub fn effects(taken: &[Taken], ended: &Result<Outcome, Failure>) -> Vec<Effect> {
    let mut effects: Vec<Effect> = taken.iter().filter_map(effect).collect();
    let mut report: Vec<&Field> = Vec::new();
    for taken in taken {
        if let HostCall::SetReport(field) = &taken.asked
            && let HostReturn::SetReport(Ok(())) = taken.answered
        {
            match report.iter_mut().find(|old| same_field(old, field)) {
                Some(old) => *old = field,
                None => report.push(field),
            }
        }
    }
    effects
        .extend(report.into_iter().map(|field| Effect { aspect: Aspect::Reported, words: reported(field) }));
    let words = match ended {
        Ok(Outcome::Failed(why)) => format!("gives up: {why}"),
        Ok(outcome) => format!("ends: {outcome:?}").to_lowercase(),
        // Where in its code an agent fails differs between builds; that it does is what counts.
        Err(failure) => format!("fails: {}", failure.kind.name()),
    };
    effects.push(Effect { aspect: Aspect::Ended, words });
    effects
}

fn effect(taken: &Taken) -> Option<Effect> {
    let one = |aspect, words: String| Some(Effect { aspect, words });
    match (&taken.asked, &taken.answered) {
        (HostCall::Say(say), _) => one(Aspect::Said, say.text.clone()),
        (HostCall::Ask(ask), _) => one(Aspect::Said, ask.question.clone()),
        (HostCall::Play(play), _) => one(Aspect::Said, format!("(plays {})", play.sound)),
        (HostCall::Reply(_), HostReturn::Reply(Ok(answer))) => {
            one(Aspect::Said, answer.generated.text.clone())
        }
        (HostCall::Chat(chat), _) => one(Aspect::Model, last_message(&chat.messages)),
        (HostCall::Book(book), answer) => {
            let went = match answer {
                HostReturn::Book(Ok(Booked::Confirmed(_))) => "",
                HostReturn::Book(Ok(Booked::Taken)) => " (taken)",
                _ => " (refused)",
            };
            one(
                Aspect::Booked,
                format!("books {} for {} ({}){went}", book.slot, book.contact.name, book.motive),
            )
        }
        (HostCall::MoveAppointment(moved), _) => {
            one(Aspect::Booked, format!("moves {} to {}", moved.reference, moved.slot))
        }
        (HostCall::CancelAppointment(reference), _) => one(Aspect::Booked, format!("cancels {reference}")),
        (HostCall::Transfer(transfer), _) => {
            let to = if transfer.to.is_empty() { "the fallback number" } else { &transfer.to };
            one(Aspect::HandedOver, format!("hands over to {to}"))
        }
        (HostCall::HangUp, _) => one(Aspect::HandedOver, "hangs up".into()),
        (HostCall::Consent(granted), _) => {
            one(Aspect::Kept, format!("consent {}", if *granted { "given" } else { "refused" }))
        }
        (HostCall::PauseRecording, _) => one(Aspect::Kept, "pauses the recording".into()),
        (HostCall::ResumeRecording, _) => one(Aspect::Kept, "resumes the recording".into()),
        (HostCall::SetMemory(set), _) => one(Aspect::Kept, format!("remembers {}", set.key)),
        (HostCall::CompareAndSet(set), _) => one(Aspect::Kept, format!("remembers {}", set.key)),
        (HostCall::SendRequest(request), _) => {
            let body = request.body.as_ref().map(|body| format!(" with {body}")).unwrap_or_default();
            let (name, method, path) = (&request.connector, request.method.name(), &request.path);
            // As it would stand in an address, but for what is escaped there.
            let pairs: Vec<String> =
                request.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let query = if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) };
            one(Aspect::Sent, format!("asks {name} to {method} {path}{query}{body}"))
        }
        (HostCall::DeleteMemory(key), _) => one(Aspect::Kept, format!("forgets {key}")),
        _ => None,
    }
}

fn last_message(messages: &[parloir_contract::Message]) -> String {
    use parloir_contract::Message;
    match messages.last() {
        Some(Message::System(text) | Message::User(text) | Message::Assistant { text, .. }) => text.clone(),
        Some(Message::Tool { content, .. }) => content.clone(),
        None => String::new(),
    }
}

fn same_field(a: &Field, b: &Field) -> bool {
    match (a, b) {
        (Field::Other(a, _), Field::Other(b, _)) => a == b,
        _ => std::mem::discriminant(a) == std::mem::discriminant(b),
    }
}

fn reported(field: &Field) -> String {
    match field {
        Field::Contact(contact) => {
            format!("contact: {} {}", contact.name, contact.phone.as_deref().unwrap_or(""))
                .trim_end()
                .to_owned()
        }
        Field::Need(need) => format!("need: {need}"),
        Field::Appointment(made) => format!("appointment: {} for {}", made.slot.start, made.contact.name),
        Field::Status(status) => format!("status: {}", status.word()),
        Field::Summary(summary) => format!("summary: {summary}"),
        Field::Other(name, value) => format!("{name}: {value}"),
    }
}

#[cfg(test)]
mod tests {
    use parloir_contract::{ConnectorRequest, Method, Refusal};

    use super::*;
    use crate::Source;

    #[test]
    fn what_is_sent_is_shown_with_its_query() {
        let sent = |query: &[(&str, &str)]| {
            let pairs = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let request = ConnectorRequest {
                connector: "crm".into(),
                method: Method::Get,
                path: "customers".into(),
                query: pairs.collect(),
                body: None,
            };
            let answered = HostReturn::SendRequest(Err(Refusal::Unavailable("gone".into())));
            let taken = Taken { asked: HostCall::SendRequest(request), answered, source: Source::Supplied };
            effect(&taken).unwrap().words
        };
        assert!(sent(&[("phone", "1"), ("full", "yes")]).ends_with(" customers?phone=1&full=yes"));
        assert!(sent(&[]).ends_with(" customers"));
    }
}
