//! One door: a host call is a value.

use serde::{Deserialize, Serialize};

use crate::{
    Answer, Appointment, Around, Booked, CallerName, Capability, Chat, Choice, Choose, ChooseMoment,
    ConnectorAnswer, ConnectorRequest, Contact, Field, Fits, Heard, Intent, ListenOptions, LocalTime,
    Passage, Quantity, ReadPhone, ReadWhen, Refine, Refusal, Relative, Reply, SayList, SayLocalTime,
    SayMoment, SayNumber, SayOptions, SayPhone, Slot, SpokenAnswer, Transferred, Turn, Utterance, Wanted,
    Wish,
};

/// Speak a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Say {
    /// What to say.
    pub text: String,
    /// How.
    pub options: SayOptions,
}

/// Play a sound file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Play {
    /// Its name among the tenant's sounds, or in the line's sounds folder.
    pub sound: String,
    /// How.
    pub options: SayOptions,
}

/// Say, and listen from the first syllable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// What to say.
    pub question: String,
    /// How to say it.
    pub say: SayOptions,
    /// How to listen.
    pub listen: ListenOptions,
}

/// Hand the caller over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// The destination; empty for the line's fallback number.
    pub to: String,
    /// What to say first.
    pub announce: Option<String>,
}

/// Book a slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    /// [`Slot::id`].
    pub slot: String,
    /// Whom for.
    pub contact: Contact,
    /// What for.
    pub motive: String,
}

/// Move an appointment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// [`Appointment::reference`].
    pub reference: String,
    /// [`Slot::id`].
    pub slot: String,
}

/// Store a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetMemory {
    /// Up to 256 bytes.
    pub key: String,
    /// Up to 3 KiB.
    #[serde(with = "serde_bytes")]
    pub value: Vec<u8>,
}

/// Store a value if the present one is as expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompareAndSet {
    /// Up to 256 bytes.
    pub key: String,
    /// The present value; `None` for none.
    #[serde(with = "serde_bytes")]
    pub expected: Option<Vec<u8>>,
    /// Up to 3 KiB.
    #[serde(with = "serde_bytes")]
    pub value: Vec<u8>,
}

/// Look for passages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchDocuments {
    /// The words.
    pub query: String,
    /// How many passages at most, 1 to 20.
    pub limit: u8,
}

/// How loud a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names say it all")]
pub enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

impl LogLevel {
    /// Its name in `wit/`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// A note of the agent for its developer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// How loud.
    pub level: LogLevel,
    /// The note.
    pub message: String,
}

/// Declares the door: for each import its name in `wit/`, what it is asked with, what it is
/// answered with, and the capability it needs; then the functions of `understanding`, which are one kind of
/// call: they need nothing, refuse nothing, and answer the same wherever they are asked.
macro_rules! door {
    (
        host { $($(#[$doc:meta])* $variant:ident $(($ask:ty))? => $answer:ty, $name:literal, $capability:expr;)* }
        understanding { $($(#[$read:meta])* $reading:ident($question:ty) => $meaning:ty, $function:literal;)* }
    ) => {
        /// Everything an agent can ask of the host: one variant per WIT import.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        pub enum HostCall {
            $($(#[$doc])* $variant $(($ask))?,)*
            /// What words mean, or how they are said.
            Understanding(Question),
        }

        /// What the host answered, variant by variant.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        pub enum HostReturn {
            $($(#[$doc])* $variant($answer),)*
            /// What words mean, or how they are said.
            Understanding(Understood),
        }

        /// Which import a call or an answer belongs to.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Import {
            $($(#[$doc])* $variant,)*
            /// A function of `understanding`.
            Understanding(Reading),
        }

        /// What is asked of `understanding`.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        pub enum Question { $($(#[$read])* $reading($question),)* }

        /// What `understanding` answers.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        pub enum Understood { $($(#[$read])* $reading($meaning),)* }

        /// Which function of `understanding`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Reading { $($(#[$read])* $reading,)* }

        impl Import {
            /// Every import there is.
            pub const ALL: &[Self] =
                &[$(Self::$variant,)* $(Self::Understanding(Reading::$reading),)*];

            /// `interface.function`, as in `wit/`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Understanding(reading) => reading.name(),
                }
            }

            /// What an agent must declare, and its line grant, to be answered.
            pub const fn capability(self) -> Option<Capability> {
                match self {
                    $(Self::$variant => $capability,)*
                    Self::Understanding(_) => None,
                }
            }
        }

        impl HostCall {
            /// The import this call came through.
            pub const fn import(&self) -> Import {
                match self {
                    $(door!(@pattern $variant $(($ask))?) => Import::$variant,)*
                    Self::Understanding(question) => Import::Understanding(question.reading()),
                }
            }
        }

        impl HostReturn {
            /// The import this answers.
            pub const fn import(&self) -> Import {
                match self {
                    $(Self::$variant(_) => Import::$variant,)*
                    Self::Understanding(meaning) => Import::Understanding(meaning.reading()),
                }
            }
        }

        impl Reading {
            /// `interface.function`, as in `wit/`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$reading => $function,)* }
            }

            /// The answer of who understands nothing.
            pub fn nothing(self) -> Understood {
                match self { $(Self::$reading => Understood::$reading(Default::default()),)* }
            }
        }

        impl Question {
            /// Which function it asks.
            pub const fn reading(&self) -> Reading {
                match self { $(Self::$reading(_) => Reading::$reading,)* }
            }
        }

        impl Understood {
            /// Which function it answers.
            pub const fn reading(&self) -> Reading {
                match self { $(Self::$reading(_) => Reading::$reading,)* }
            }
        }
    };
    (@pattern $variant:ident ($ask:ty)) => { Self::$variant(_) };
    (@pattern $variant:ident) => { Self::$variant };
}

door! {
    host {
        /// Speak.
        Say(Say) => Result<Heard, Refusal>, "call.say", None;
        /// Play a sound.
        Play(Play) => Result<Heard, Refusal>, "call.play", None;
        /// Wait for the caller's turn.
        Listen(ListenOptions) => Result<Turn, Refusal>, "call.listen", None;
        /// Speak and wait for the caller's turn.
        Ask(Ask) => Result<(Heard, Turn), Refusal>, "call.ask", None;
        /// Hand the caller over.
        Transfer(Transfer) => Result<Transferred, Refusal>, "call.transfer", Some(Capability::Transfer);
        /// State the caller's answer about recording.
        Consent(bool) => Result<(), Refusal>, "call.consent", None;
        /// Close the consent gate for a while.
        PauseRecording => Result<(), Refusal>, "call.pause-recording", None;
        /// Open again what was paused.
        ResumeRecording => Result<(), Refusal>, "call.resume-recording", None;
        /// End the call.
        HangUp => (), "call.hang-up", None;
        /// Is there a model?
        ModelAvailable => bool, "model.available", None;
        /// Ask the model.
        Chat(Chat) => Result<Answer, Refusal>, "model.chat", Some(Capability::Model);
        /// Ask the model and speak its answer.
        Reply(Reply) => Result<SpokenAnswer, Refusal>, "model.reply", Some(Capability::Model);
        /// Free slots.
        FreeSlots(Wanted) => Result<Vec<Slot>, Refusal>, "calendar.free", Some(Capability::Calendar);
        /// Book a slot.
        Book(Book) => Result<Booked, Refusal>, "calendar.book", Some(Capability::Calendar);
        /// Appointments under a number.
        FindAppointments(String) => Result<Vec<Appointment>, Refusal>, "calendar.find", Some(Capability::Calendar);
        /// Move an appointment.
        MoveAppointment(Move) => Result<Booked, Refusal>, "calendar.move", Some(Capability::Calendar);
        /// Cancel an appointment.
        CancelAppointment(String) => Result<bool, Refusal>, "calendar.cancel", Some(Capability::Calendar);
        /// Read a value.
        GetMemory(String) => Result<Option<serde_bytes::ByteBuf>, Refusal>, "memory.get", Some(Capability::Memory);
        /// Store a value.
        SetMemory(SetMemory) => Result<(), Refusal>, "memory.set", Some(Capability::Memory);
        /// Store a value conditionally.
        CompareAndSet(CompareAndSet) => Result<bool, Refusal>, "memory.compare-and-set", Some(Capability::Memory);
        /// Delete a value.
        DeleteMemory(String) => Result<(), Refusal>, "memory.delete", Some(Capability::Memory);
        /// Names of the documents.
        ListDocuments => Result<Vec<String>, Refusal>, "documents.list", Some(Capability::Documents);
        /// A whole document.
        ReadDocument(String) => Result<String, Refusal>, "documents.read", Some(Capability::Documents);
        /// Passages that fit.
        SearchDocuments(SearchDocuments) => Result<Vec<Passage>, Refusal>, "documents.search", Some(Capability::Documents);
        /// Set a field of the report.
        SetReport(Field) => Result<(), Refusal>, "report.set", None;
        /// The civil time.
        Now => LocalTime, "clock.now", None;
        /// The day of the week, 1 for Monday.
        Weekday => u8, "clock.weekday", None;
        /// Milliseconds since the call was answered.
        Elapsed => u32, "clock.elapsed", None;
        /// Random bytes.
        RandomBytes(u32) => serde_bytes::ByteBuf, "random.bytes", None;
        /// A note for the developer.
        Log(LogLine) => (), "log.write", None;
        /// Names of the connectors that are granted.
        ListConnectors => Vec<String>, "connectors.list", Some(Capability::Connectors);
        /// Send a request to a connector.
        SendRequest(ConnectorRequest) => Result<ConnectorAnswer, Refusal>, "connectors.send", Some(Capability::Connectors);
    }
    understanding {
        /// Does the caller say yes?
        YesNo(Utterance) => Option<bool>, "understanding.yes-no";
        /// The digits dictated.
        Digits(Utterance) => String, "understanding.digits";
        /// The first whole number said.
        Number(Utterance) => Option<u32>, "understanding.number";
        /// How much is said.
        Amount(Utterance) => Option<Quantity>, "understanding.amount";
        /// Which days and times are wished.
        When(ReadWhen) => Option<Wish>, "understanding.when";
        /// A newer wish over an older one.
        Refine(Refine) => Wish, "understanding.refine";
        /// A wish for a very time, widened.
        Around(Around) => Wish, "understanding.around";
        /// Does a moment suit?
        Fits(Fits) => bool, "understanding.fits";
        /// The telephone number dictated.
        Phone(ReadPhone) => Option<String>, "understanding.phone";
        /// The caller's name.
        Name(Utterance) => Option<CallerName>, "understanding.name";
        /// Which option is taken.
        Choose(Choose) => Choice, "understanding.choose";
        /// Which moment is taken.
        ChooseMoment(ChooseMoment) => Choice, "understanding.choose-moment";
        /// What the caller is after.
        Intents(Utterance) => Vec<Intent>, "understanding.intents";
        /// Earlier, later, another day?
        RelativeWish(Utterance) => Option<Relative>, "understanding.relative-wish";
        /// Is it no speech at all?
        IsNoise(String) => bool, "understanding.is-noise";
        /// A text without its repetitions.
        Once(String) => String, "understanding.once";
        /// The language of a text.
        LanguageOf(String) => Option<String>, "understanding.language-of";
        /// A day in words.
        SayDate(SayLocalTime) => String, "understanding.say-date";
        /// A time of day in words.
        SayTime(SayLocalTime) => String, "understanding.say-time";
        /// A day and a time in words.
        SayMoment(SayMoment) => String, "understanding.say-moment";
        /// A number in letters.
        SayNumber(SayNumber) => String, "understanding.say-number";
        /// A telephone number in groups.
        SayPhone(SayPhone) => String, "understanding.say-phone";
        /// Letters one by one.
        SaySpelled(String) => String, "understanding.say-spelled";
        /// A list as it is said.
        SayList(SayList) => String, "understanding.say-list";
    }
}

impl HostReturn {
    /// The refusal, where the host refused.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Say(r) | Self::Play(r) => r.as_ref().err(),
            Self::Listen(r) => r.as_ref().err(),
            Self::Ask(r) => r.as_ref().err(),
            Self::Transfer(r) => r.as_ref().err(),
            Self::Consent(r)
            | Self::PauseRecording(r)
            | Self::ResumeRecording(r)
            | Self::SetMemory(r)
            | Self::DeleteMemory(r)
            | Self::SetReport(r) => r.as_ref().err(),
            Self::Chat(r) => r.as_ref().err(),
            Self::Reply(r) => r.as_ref().err(),
            Self::FreeSlots(r) => r.as_ref().err(),
            Self::Book(r) | Self::MoveAppointment(r) => r.as_ref().err(),
            Self::FindAppointments(r) => r.as_ref().err(),
            Self::CancelAppointment(r) | Self::CompareAndSet(r) => r.as_ref().err(),
            Self::GetMemory(r) => r.as_ref().err(),
            Self::ListDocuments(r) => r.as_ref().err(),
            Self::ReadDocument(r) => r.as_ref().err(),
            Self::SearchDocuments(r) => r.as_ref().err(),
            Self::SendRequest(r) => r.as_ref().err(),
            Self::HangUp(())
            | Self::ModelAvailable(_)
            | Self::Now(_)
            | Self::Weekday(_)
            | Self::Elapsed(_)
            | Self::RandomBytes(_)
            | Self::Log(())
            | Self::ListConnectors(_)
            | Self::Understanding(_) => None,
        }
    }
}

impl Import {
    /// The answer to a call of this import that was refused. The imports that cannot refuse in the
    /// contract answer with their neutral value.
    pub fn refused(self, refusal: Refusal) -> HostReturn {
        match self {
            Self::Say => HostReturn::Say(Err(refusal)),
            Self::Play => HostReturn::Play(Err(refusal)),
            Self::Listen => HostReturn::Listen(Err(refusal)),
            Self::Ask => HostReturn::Ask(Err(refusal)),
            Self::Transfer => HostReturn::Transfer(Err(refusal)),
            Self::Consent => HostReturn::Consent(Err(refusal)),
            Self::PauseRecording => HostReturn::PauseRecording(Err(refusal)),
            Self::ResumeRecording => HostReturn::ResumeRecording(Err(refusal)),
            Self::HangUp => HostReturn::HangUp(()),
            Self::ModelAvailable => HostReturn::ModelAvailable(false),
            Self::Chat => HostReturn::Chat(Err(refusal)),
            Self::Reply => HostReturn::Reply(Err(refusal)),
            Self::FreeSlots => HostReturn::FreeSlots(Err(refusal)),
            Self::Book => HostReturn::Book(Err(refusal)),
            Self::FindAppointments => HostReturn::FindAppointments(Err(refusal)),
            Self::MoveAppointment => HostReturn::MoveAppointment(Err(refusal)),
            Self::CancelAppointment => HostReturn::CancelAppointment(Err(refusal)),
            Self::GetMemory => HostReturn::GetMemory(Err(refusal)),
            Self::SetMemory => HostReturn::SetMemory(Err(refusal)),
            Self::CompareAndSet => HostReturn::CompareAndSet(Err(refusal)),
            Self::DeleteMemory => HostReturn::DeleteMemory(Err(refusal)),
            Self::ListDocuments => HostReturn::ListDocuments(Err(refusal)),
            Self::ReadDocument => HostReturn::ReadDocument(Err(refusal)),
            Self::SearchDocuments => HostReturn::SearchDocuments(Err(refusal)),
            Self::SetReport => HostReturn::SetReport(Err(refusal)),
            Self::Now => HostReturn::Now(LocalTime { year: 1970, month: 1, day: 1, hour: 0, minute: 0 }),
            Self::Weekday => HostReturn::Weekday(4),
            Self::Elapsed => HostReturn::Elapsed(0),
            Self::RandomBytes => HostReturn::RandomBytes(serde_bytes::ByteBuf::new()),
            Self::Log => HostReturn::Log(()),
            Self::ListConnectors => HostReturn::ListConnectors(Vec::new()),
            Self::SendRequest => HostReturn::SendRequest(Err(refusal)),
            Self::Understanding(reading) => HostReturn::Understanding(reading.nothing()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_import_has_a_name_of_its_own() {
        let mut names: Vec<_> = Import::ALL.iter().map(|i| i.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Import::ALL.len());
    }

    #[test]
    fn a_refused_import_answers_as_itself() {
        for import in Import::ALL {
            assert_eq!(import.refused(Refusal::Invalid("x".into())).import(), *import);
        }
    }

    #[test]
    fn calls_read_back_from_compact_messagepack() {
        let calls = [
            HostCall::Say(Say { text: "Bonjour".into(), options: SayOptions::default() }),
            HostCall::Listen(ListenOptions { finish_on: Some('#'), ..ListenOptions::default() }),
            HostCall::HangUp,
            HostCall::CompareAndSet(CompareAndSet { key: "k".into(), expected: None, value: vec![0, 255] }),
            HostCall::RandomBytes(8),
            HostCall::ListConnectors,
            HostCall::SendRequest(ConnectorRequest {
                connector: "crm".into(),
                method: crate::Method::Patch,
                path: "customers/42".into(),
                query: vec![("a".into(), "b".into())],
                body: Some("{}".into()),
            }),
            HostCall::Understanding(Question::When(ReadWhen {
                text: "jeudi".into(),
                language: "fr-FR".into(),
                now: NOW,
            })),
            HostCall::Understanding(Question::ChooseMoment(ChooseMoment {
                text: "le premier".into(),
                language: "fr-FR".into(),
                offers: vec![NOW],
                now: NOW,
            })),
            HostCall::Understanding(Question::IsNoise("♪".into())),
        ];
        for call in calls {
            let bytes = rmp_serde::to_vec(&call).unwrap();
            assert_eq!(rmp_serde::from_slice::<HostCall>(&bytes).unwrap(), call);
        }
    }

    const NOW: LocalTime = LocalTime { year: 2026, month: 11, day: 21, hour: 18, minute: 0 };

    #[test]
    fn what_was_understood_reads_back_from_compact_messagepack() {
        let wish = Wish {
            from: Some(NOW),
            weekdays: vec![crate::Weekday::Thursday],
            at: Some(930),
            ..Wish::default()
        };
        let answers = [
            Understood::YesNo(None),
            Understood::YesNo(Some(false)),
            Understood::Amount(Some(Quantity { most: Some(800), currency: Some("EUR".into()), least: None })),
            Understood::ChooseMoment(Choice::Rather(wish.clone())),
            Understood::When(Some(wish)),
            Understood::Intents(vec![Intent::Human, Intent::Goodbye]),
            Understood::LanguageOf(Some("en-GB".into())),
        ];
        for answer in answers {
            let bytes = rmp_serde::to_vec(&answer).unwrap();
            assert_eq!(rmp_serde::from_slice::<Understood>(&bytes).unwrap(), answer);
        }
    }
}
