//! What a journal's kinds are called, for a person.

use parloir_contract::{Field, HostCall, HostReturn, Outcome, Transferred};
use parloir_journal::{FailureKind, HostStatus, ProviderStatus};

use crate::terminal::plain;

/// What failed.
pub(super) const fn failed(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::AgentTrap => "agent",
        FailureKind::AgentBudget => "agent's time",
        FailureKind::AgentMemory => "agent's memory",
        FailureKind::AgentStart => "agent's start",
        FailureKind::Provider => "provider",
        FailureKind::Transport => "carrier",
        FailureKind::Host => "host",
        FailureKind::Journal => "journal",
    }
}

/// How a request to a provider went, where it did not go well.
pub(super) const fn provider(status: ProviderStatus) -> Option<&'static str> {
    match status {
        ProviderStatus::Ok => None,
        ProviderStatus::TimedOut => Some("took too long"),
        ProviderStatus::Unreachable => Some("could not be reached"),
        ProviderStatus::Refused => Some("refused"),
        ProviderStatus::Failed => Some("failed"),
        ProviderStatus::Malformed => Some("answered what makes no sense"),
        ProviderStatus::Cancelled => Some("given up: the rest was not wanted"),
    }
}

/// How a host call went.
pub(super) const fn host(status: HostStatus) -> &'static str {
    match status {
        HostStatus::Ok => "done",
        HostStatus::NotPermitted => "not permitted",
        HostStatus::OverQuota => "over quota",
        HostStatus::Unavailable => "unavailable",
        HostStatus::Invalid => "invalid",
        HostStatus::Failed => "failed",
        HostStatus::Cancelled => "cut off",
    }
}

/// What became of a transfer.
pub(super) const fn transferred(how: Transferred) -> &'static str {
    match how {
        Transferred::Answered => "answered",
        Transferred::Busy => "busy",
        Transferred::NoAnswer => "no answer",
        Transferred::CallerGone => "the caller was gone",
    }
}

/// What an agent asked of its stores, and of the line: whom it concerns, and words.
pub(super) fn asked(call: &HostCall, answer: &HostReturn) -> Option<(&'static str, String)> {
    Some(match (call, answer) {
        (HostCall::HangUp, _) => ("call", "the agent hangs up".to_owned()),
        (HostCall::PauseRecording, _) => ("call", "the agent pauses the recording".to_owned()),
        (HostCall::ResumeRecording, _) => ("call", "the agent resumes the recording".to_owned()),
        (HostCall::FindAppointments(_), HostReturn::FindAppointments(Ok(found))) => {
            let found: Vec<String> =
                found.iter().map(|made| format!("{} [{}]", made.slot.start, made.reference)).collect();
            ("calendar", format!("found: {}", or_nothing(&found)))
        }
        (HostCall::CancelAppointment(reference), HostReturn::CancelAppointment(Ok(true))) => {
            ("calendar", format!("cancelled [{reference}]"))
        }
        (HostCall::CancelAppointment(reference), HostReturn::CancelAppointment(Ok(false))) => {
            ("calendar", format!("there is no [{reference}] to cancel"))
        }
        (HostCall::GetMemory(key), HostReturn::GetMemory(Ok(value))) => {
            let held = value.as_ref().map_or_else(|| "nothing".to_owned(), |v| format!("{} bytes", v.len()));
            ("memory", format!("{key}: {held}"))
        }
        (HostCall::SetMemory(set), HostReturn::SetMemory(Ok(()))) => {
            ("memory", format!("{} set to {} bytes", set.key, set.value.len()))
        }
        (HostCall::CompareAndSet(set), HostReturn::CompareAndSet(Ok(done))) => {
            let words = if *done { "set to" } else { "is not as expected, and not set to" };
            ("memory", format!("{} {words} {} bytes", set.key, set.value.len()))
        }
        (HostCall::DeleteMemory(key), HostReturn::DeleteMemory(Ok(()))) => {
            ("memory", format!("{key} deleted"))
        }
        (HostCall::ListDocuments, HostReturn::ListDocuments(Ok(names))) => ("documents", or_nothing(names)),
        (HostCall::ReadDocument(name), HostReturn::ReadDocument(Ok(text))) => {
            ("documents", format!("{name} read, {} characters", text.chars().count()))
        }
        (HostCall::SearchDocuments(search), HostReturn::SearchDocuments(Ok(found))) => {
            let names: Vec<String> = found.iter().map(|passage| passage.document.clone()).collect();
            ("documents", format!("searched for {:?}: {}", search.query, or_nothing(&names)))
        }
        (HostCall::ListConnectors, HostReturn::ListConnectors(names)) => ("connector", or_nothing(names)),
        (HostCall::SendRequest(request), HostReturn::SendRequest(Ok(answer))) => {
            let (method, path) = (request.method.name(), &request.path);
            let bytes = answer.body.len();
            (
                "connector",
                format!("{} asked to {method} {path:?}: {}, {bytes} bytes", request.connector, answer.status),
            )
        }
        // Told elsewhere, or answered by something else.
        (
            HostCall::Say(_)
            | HostCall::Play(_)
            | HostCall::Listen(_)
            | HostCall::Ask(_)
            | HostCall::Transfer(_)
            | HostCall::Consent(_)
            | HostCall::ModelAvailable
            | HostCall::Chat(_)
            | HostCall::Reply(_)
            | HostCall::FreeSlots(_)
            | HostCall::Book(_)
            | HostCall::FindAppointments(_)
            | HostCall::MoveAppointment(_)
            | HostCall::CancelAppointment(_)
            | HostCall::GetMemory(_)
            | HostCall::SetMemory(_)
            | HostCall::CompareAndSet(_)
            | HostCall::DeleteMemory(_)
            | HostCall::ListDocuments
            | HostCall::ReadDocument(_)
            | HostCall::SearchDocuments(_)
            | HostCall::SetReport(_)
            | HostCall::Now
            | HostCall::Weekday
            | HostCall::Elapsed
            | HostCall::RandomBytes(_)
            | HostCall::Log(_)
            | HostCall::ListConnectors
            | HostCall::SendRequest(_)
            | HostCall::Understanding(_),
            _,
        ) => return None,
    })
}

/// A field of a report in words.
pub(crate) fn field(field: &Field) -> String {
    let words = match field {
        Field::Contact(contact) => match &contact.phone {
            Some(phone) => format!("contact: {} {phone}", contact.name),
            None => format!("contact: {}", contact.name),
        },
        Field::Need(need) => format!("need: {need}"),
        Field::Appointment(a) => format!("appointment: {} [{}]", a.slot.start, a.reference),
        Field::Status(status) => format!("status: {}", status.word()),
        Field::Summary(summary) => format!("summary: {summary}"),
        Field::Other(name, value) => format!("{name}: {value}"),
    };
    plain(&words)
}

/// Why an agent's outcome failed, in words, for whoever prints a summary.
pub(crate) fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done => "done".to_owned(),
        Outcome::Transferred => "transferred".to_owned(),
        Outcome::CallBack => "call back".to_owned(),
        Outcome::Abandoned => "abandoned".to_owned(),
        Outcome::Failed(why) => format!("failed: {}", plain(why)),
    }
}

fn or_nothing(all: &[String]) -> String {
    if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
}

#[cfg(test)]
mod tests {
    use parloir_contract::{ConnectorAnswer, ConnectorRequest, Method};

    use super::*;

    #[test]
    fn an_agent_s_own_doings_are_told_in_words() {
        let told = |call, answer| asked(&call, &answer).unwrap().1;
        assert_eq!(told(HostCall::HangUp, HostReturn::HangUp(())), "the agent hangs up");
        let cancelled = HostReturn::CancelAppointment(Ok(false));
        assert_eq!(told(HostCall::CancelAppointment("A7".into()), cancelled), "there is no [A7] to cancel");
        let held = HostReturn::GetMemory(Ok(None));
        assert_eq!(told(HostCall::GetMemory("visits".into()), held), "visits: nothing");
        let request = ConnectorRequest {
            connector: "crm".into(),
            method: Method::Get,
            path: "customers/42".into(),
            query: Vec::new(),
            body: None,
        };
        let found = HostReturn::SendRequest(Ok(ConnectorAnswer { status: 200, body: "{}".into() }));
        let words = "crm asked to get \"customers/42\": 200, 2 bytes";
        assert_eq!(told(HostCall::SendRequest(request), found), words);
        assert_eq!(provider(ProviderStatus::Ok), None);
    }
}
