//! The contract between the host and its agents, as Rust values.
//!
//! Everything an agent asks of the host is a [`HostCall`]; everything the host answers is a
//! [`HostReturn`]. Both are plain data: they go through the door's layers, into the journal, and
//! back out of it at replay. The WIT package under `wit/` is the same contract in the agents'
//! words; `parloir-sandbox` converts between the two by exhaustive matches, so that neither can
//! grow without the other.
//!
//! What may never be here: input or output, a clock, a lock, or anything a particular room knows.
//!
//! ```
//! use parloir_contract::{HostCall, Import, Say, SayOptions};
//!
//! let call = HostCall::Say(Say { text: "Bonjour".into(), options: SayOptions::default() });
//! assert_eq!(call.import(), Import::Say);
//! assert_eq!(call.import().name(), "call.say");
//! ```
#![forbid(unsafe_code)]

mod agent;
mod calendar;
mod characters;
mod connector;
mod conversation;
mod host_call;
mod id;
mod model;
mod refusal;
mod report;
mod time;
mod trace;
mod understanding;

pub use agent::{CallInfo, Capability, Description, Direction, Outcome};
pub use calendar::{Appointment, Booked, Contact, Slot, Wanted, Weekday};
pub use characters::{
    has_hidden, hides_or_turns, is_path_name, is_plain_name, parts_a_path, seen_and_hidden,
};
pub use connector::{ConnectorAnswer, ConnectorRequest, Method, sendable};
pub use conversation::{
    BargeIn, Expecting, Heard, ListenOptions, SayOptions, Speech, TAG_CHARACTERS, Transferred, Turn,
    listenable, sayable, speakable,
};
pub use host_call::{
    Ask, Book, CompareAndSet, HostCall, HostReturn, Import, LogLevel, LogLine, Move, Play, Question, Reading,
    Say, SearchDocuments, SetMemory, Transfer, Understood,
};
pub use id::{CallId, InvalidId, LineId, TenantId};
pub use model::{Answer, Chat, ChatOptions, Finish, Message, Reply, SpokenAnswer, Tool, ToolCall, Usage};
pub use refusal::Refusal;
pub use report::{Field, Kept, Passage, Report, Status};
pub use time::LocalTime;
pub use trace::{SpanId, TraceId, TraceParent};
pub use understanding::{
    Around, CallerName, Choice, Choose, ChooseMoment, Conjunction, Fits, Intent, Quantity, ReadPhone,
    ReadWhen, Refine, Relative, SayList, SayLocalTime, SayMoment, SayNumber, SayPhone, Utterance, Wish,
};
