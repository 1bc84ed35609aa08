//! Between the contract's Rust values and what the WIT generates. Every match is exhaustive and
//! every record is taken apart field by field: neither side can grow without the other.

use parloir_contract as c;

use crate::bindings::{calendar, call, connectors, documents, log, model, report, types, understanding};
use crate::host::cut;

/// What an agent sent, as the host's value.
pub(crate) trait FromGuest {
    type Host;
    fn lift(self) -> Self::Host;
}

/// What the host answers, as the agent's value.
pub(crate) trait IntoGuest {
    type Guest;
    fn lower(self) -> Self::Guest;
}

macro_rules! as_is {
    ($($type:ty),*) => { $(
        impl FromGuest for $type { type Host = Self; fn lift(self) -> Self { self } }
        impl IntoGuest for $type { type Guest = Self; fn lower(self) -> Self { self } }
    )* };
}
as_is!(String, bool, u8, u16, u32, f32, ());

impl<T: FromGuest> FromGuest for Vec<T> {
    type Host = Vec<T::Host>;
    fn lift(self) -> Self::Host {
        self.into_iter().map(T::lift).collect()
    }
}
impl<T: IntoGuest> IntoGuest for Vec<T> {
    type Guest = Vec<T::Guest>;
    fn lower(self) -> Self::Guest {
        self.into_iter().map(T::lower).collect()
    }
}
impl<T: FromGuest> FromGuest for Option<T> {
    type Host = Option<T::Host>;
    fn lift(self) -> Self::Host {
        self.map(T::lift)
    }
}
impl<T: IntoGuest> IntoGuest for Option<T> {
    type Guest = Option<T::Guest>;
    fn lower(self) -> Self::Guest {
        self.map(T::lower)
    }
}
impl<T: IntoGuest> IntoGuest for Result<T, c::Refusal> {
    type Guest = Result<T::Guest, types::Refusal>;
    fn lower(self) -> Self::Guest {
        match self {
            Ok(value) => Ok(value.lower()),
            Err(refusal) => Err(refusal.lower()),
        }
    }
}
impl<A: IntoGuest, B: IntoGuest> IntoGuest for (A, B) {
    type Guest = (A::Guest, B::Guest);
    fn lower(self) -> Self::Guest {
        (self.0.lower(), self.1.lower())
    }
}
impl<A: FromGuest, B: FromGuest> FromGuest for (A, B) {
    type Host = (A::Host, B::Host);
    fn lift(self) -> Self::Host {
        (self.0.lift(), self.1.lift())
    }
}
impl IntoGuest for serde_bytes::ByteBuf {
    type Guest = Vec<u8>;
    fn lower(self) -> Vec<u8> {
        self.into_vec()
    }
}

/// Enumerations with the same variants on both sides.
macro_rules! same_enum {
    (from $guest:ty => $host:ty { $($variant:ident),* }) => {
        impl FromGuest for $guest {
            type Host = $host;
            fn lift(self) -> $host { match self { $(Self::$variant => <$host>::$variant,)* } }
        }
    };
    (into $host:ty => $guest:ty { $($variant:ident),* }) => {
        impl IntoGuest for $host {
            type Guest = $guest;
            fn lower(self) -> $guest { match self { $(Self::$variant => <$guest>::$variant,)* } }
        }
    };
}

/// Records with the same fields on both sides.
macro_rules! same_record {
    (from $guest:ty => $host:ty { $($field:ident),* }) => {
        impl FromGuest for $guest {
            type Host = $host;
            fn lift(self) -> Self::Host {
                let Self { $($field),* } = self;
                type Made = $host;
                Made { $($field: $field.lift()),* }
            }
        }
    };
    (into $host:ty => $guest:ty { $($field:ident),* }) => {
        impl IntoGuest for $host {
            type Guest = $guest;
            fn lower(self) -> Self::Guest {
                let Self { $($field),* } = self;
                type Made = $guest;
                Made { $($field: $field.lower()),* }
            }
        }
    };
}

as_is!(char, i32);

same_record!(from types::LocalTime => c::LocalTime { year, month, day, hour, minute });
same_record!(into c::LocalTime => types::LocalTime { year, month, day, hour, minute });

impl IntoGuest for c::Refusal {
    type Guest = types::Refusal;
    fn lower(self) -> types::Refusal {
        match self {
            Self::NotPermitted(why) => types::Refusal::NotPermitted(why),
            Self::OverQuota(why) => types::Refusal::OverQuota(why),
            Self::Unavailable(why) => types::Refusal::Unavailable(why),
            Self::Invalid(why) => types::Refusal::Invalid(why),
        }
    }
}

// The conversation.
same_enum!(from call::BargeIn => c::BargeIn { BySpeech, ByKeys, Never });
same_enum!(from call::Expecting => c::Expecting { Anything, YesNo, Digits, Name, Date, Address });
same_enum!(into c::Transferred => call::Transferred { Answered, Busy, NoAnswer, CallerGone });
same_enum!(into c::Direction => call::Direction { Inbound, Outbound });

/// A language as it is kept: with one character more than a tag may have, so that a longer one is refused and not taken for
/// another.
fn tag(language: Option<String>) -> Option<String> {
    language.map(|language| cut(language, c::TAG_CHARACTERS + 1))
}

impl FromGuest for call::SayOptions {
    type Host = c::SayOptions;
    fn lift(self) -> c::SayOptions {
        let Self { barge_in, language } = self;
        c::SayOptions { barge_in: barge_in.lift(), language: tag(language) }
    }
}

impl FromGuest for call::ListenOptions {
    type Host = c::ListenOptions;
    fn lift(self) -> c::ListenOptions {
        let Self { patience, expecting, max_digits, finish_on, language } = self;
        let (expecting, language) = (expecting.lift(), tag(language));
        c::ListenOptions { patience, expecting, max_digits, finish_on, language }
    }
}

same_record!(into c::Heard => call::Heard { text, whole, played });
same_record!(into c::Speech => call::Speech { text, confidence, language, over_agent });

impl IntoGuest for c::Turn {
    type Guest = call::Turn;
    fn lower(self) -> call::Turn {
        match self {
            Self::Speech(speech) => call::Turn::Speech(speech.lower()),
            Self::Digits(digits) => call::Turn::Digits(digits),
            Self::Silence => call::Turn::Silence,
            Self::HungUp => call::Turn::HungUp,
        }
    }
}

// The model.
same_record!(from model::Tool => c::Tool { name, description, parameters });
same_record!(from model::ToolCall => c::ToolCall { id, name, arguments });
same_record!(into c::ToolCall => model::ToolCall { id, name, arguments });
same_record!(from model::ChatOptions => c::ChatOptions { max_tokens, temperature, tools });
same_record!(into c::Usage => model::Usage { input_tokens, output_tokens });
same_enum!(into c::Finish => model::Finish { Complete, ToolCalls, Length, Interrupted, Filtered });
same_record!(into c::Answer => model::Answer { text, tool_calls, finish, usage, model });
same_record!(into c::SpokenAnswer => model::SpokenAnswer { heard, generated });

impl FromGuest for model::Message {
    type Host = c::Message;
    fn lift(self) -> c::Message {
        match self {
            Self::System(text) => c::Message::System(text),
            Self::User(text) => c::Message::User(text),
            Self::Assistant(model::AssistantMessage { text, tool_calls }) => {
                c::Message::Assistant { text, tool_calls: tool_calls.lift() }
            }
            Self::Tool(model::ToolResult { id, content }) => c::Message::Tool { id, content },
        }
    }
}

// The calendar.
same_enum!(from types::Weekday => c::Weekday { Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday });
same_record!(from calendar::Wanted => c::Wanted { from, until, weekdays, earliest, latest, limit });
same_record!(from calendar::Slot => c::Slot { id, start, minutes });
same_record!(into c::Slot => calendar::Slot { id, start, minutes });
same_record!(from calendar::Contact => c::Contact { name, phone });
same_record!(into c::Contact => calendar::Contact { name, phone });
same_record!(from calendar::Appointment => c::Appointment { reference, slot, contact, motive });
same_record!(into c::Appointment => calendar::Appointment { reference, slot, contact, motive });

impl IntoGuest for c::Booked {
    type Guest = calendar::Booked;
    fn lower(self) -> calendar::Booked {
        match self {
            Self::Confirmed(appointment) => calendar::Booked::Confirmed(appointment.lower()),
            Self::Taken => calendar::Booked::Taken,
        }
    }
}

// Documents, the report, the log.
same_record!(into c::Passage => documents::Passage { document, text, score });
same_enum!(from report::Status => c::Status { Resolved, Booked, CallBack, HandedOver, Abandoned, OutOfScope });
same_enum!(from log::Level => c::LogLevel { Debug, Info, Warn, Error });

impl FromGuest for report::Field {
    type Host = c::Field;
    fn lift(self) -> c::Field {
        match self {
            Self::Contact(contact) => c::Field::Contact(contact.lift()),
            Self::Need(text) => c::Field::Need(text),
            Self::Appointment(appointment) => c::Field::Appointment(appointment.lift()),
            Self::Status(status) => c::Field::Status(status.lift()),
            Self::Summary(text) => c::Field::Summary(text),
            Self::Other((name, value)) => c::Field::Other(name, value),
        }
    }
}

// Connectors.
same_enum!(from connectors::Method => c::Method { Get, Post, Put, Patch, Delete });
same_record!(from connectors::Request => c::ConnectorRequest { connector, method, path, query, body });
same_record!(into c::ConnectorAnswer => connectors::Answer { status, body });

// The understanding.
same_enum!(into c::Weekday => types::Weekday { Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday });
same_enum!(from understanding::Conjunction => c::Conjunction { And, Or });
same_enum!(into c::Intent => understanding::Intent {
    Emergency, Urgent, Human, Repeat, Wait, Cancel, Move, Recall, Appointment, Hours, Address, Price, OtherLanguage,
    CallBack, Wrong, Greeting, Thanks, Goodbye
});
same_enum!(into c::Relative => understanding::Relative { Earlier, Later, OtherDay });
same_record!(from understanding::Wish => c::Wish { from, until, weekdays, earliest, latest, at });
same_record!(into c::Wish => understanding::Wish { from, until, weekdays, earliest, latest, at });
same_record!(into c::Quantity => understanding::Quantity { least, most, currency });
same_record!(into c::CallerName => understanding::CallerName { text, spelled });

impl IntoGuest for c::Choice {
    type Guest = understanding::Choice;
    fn lower(self) -> understanding::Choice {
        match self {
            Self::Offer(place) => understanding::Choice::Offer(place),
            Self::Any => understanding::Choice::Any,
            Self::Neither => understanding::Choice::Neither,
            Self::Rather(wish) => understanding::Choice::Rather(wish.lower()),
            Self::Yes => understanding::Choice::Yes,
            Self::Unclear => understanding::Choice::Unclear,
        }
    }
}

/// What an agent is told of a call.
pub(crate) fn info_to_guest(info: &c::CallInfo) -> call::CallInfo {
    let c::CallInfo { id, direction, line, caller, language, started_at, settings } = info.clone();
    call::CallInfo {
        id,
        direction: direction.lower(),
        line,
        caller,
        language,
        started_at: started_at.lower(),
        settings,
    }
}

/// What an agent says of itself.
pub(crate) fn description_from_guest(description: crate::bindings::Description) -> c::Description {
    let crate::bindings::Description { name, version, languages, capabilities } = description;
    c::Description { name, version, languages, capabilities }
}

/// Characters of an agent's reason for giving up; the rest is cut before anybody keeps it.
const REASON_CHARACTERS: usize = 2_000;

/// How a call ended.
pub(crate) fn outcome_from_guest(outcome: crate::bindings::Outcome) -> c::Outcome {
    use crate::bindings::Outcome as Guest;
    match outcome {
        Guest::Done => c::Outcome::Done,
        Guest::Transferred => c::Outcome::Transferred,
        Guest::CallBack => c::Outcome::CallBack,
        Guest::Abandoned => c::Outcome::Abandoned,
        Guest::Failed(why) => c::Outcome::Failed(cut(why, REASON_CHARACTERS)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_language_no_more_is_kept_than_tells_that_it_is_too_long() {
        let lifted = |language: &str| {
            let language = Some(language.to_owned());
            call::SayOptions { barge_in: call::BargeIn::Never, language }.lift()
        };
        assert_eq!(lifted("fr-FR").language.as_deref(), Some("fr-FR"));
        let long = lifted(&"f".repeat(1 << 20));
        assert_eq!(long.language.as_ref().map(String::len), Some(c::TAG_CHARACTERS + 1));
        assert!(matches!(c::sayable(&long), Err(c::Refusal::Invalid(_))));
    }
}
