//! What the records of the journal's own calls hold: what was done about calls and persons, who did it, and why.

use parloir_contract::CallId;
use serde::{Deserialize, Serialize};

use crate::key::Purpose;

/// Who asked for an erasure, or what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Requested {
    /// These calls.
    #[default]
    Calls,
    /// All of a caller.
    Caller,
    /// All of a tenant.
    Tenant,
    /// Their time had come.
    Retention,
}

/// See [`RecordBody::Erased`](super::RecordBody::Erased).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// Of which calls.
    pub calls: Vec<CallId>,
    /// What of them.
    pub purposes: Vec<Purpose>,
    /// What asked for it.
    pub requested: Requested,
    /// How many rows of the tenant's storage, or tables, with them.
    pub rows: u32,
    /// *Content*: why, in the operator's words.
    pub reason: Option<String>,
}

/// See [`RecordBody::Held`](super::RecordBody::Held).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Which call.
    pub call: CallId,
    /// Whether it is held no more.
    pub released: bool,
    /// *Content*: why, in the operator's words.
    pub why: Option<String>,
}

/// Who read something.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Reader {
    /// A user of the operating system, at the machine itself.
    User {
        /// The user's name there.
        name: String,
        /// The user's number there.
        uid: u32,
    },
    /// Somebody by the administration's API.
    Key {
        /// A user of the tenant's, or of the installation's.
        user: String,
        /// In which role.
        role: String,
        /// By which key.
        key: String,
    },
}

impl std::fmt::Display for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::User { name, uid } => write!(f, "{name} (user {uid})"),
            Self::Key { user, role, key } => write!(f, "{role} {user} (key {key})"),
        }
    }
}

/// See [`RecordBody::ContentRead`](super::RecordBody::ContentRead).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentRead {
    /// Who.
    pub who: Reader,
    /// With which command.
    pub command: String,
    /// Of which calls; of none where calls were searched and none was found.
    pub calls: Vec<CallId>,
    /// What of them.
    pub purposes: Vec<Purpose>,
    /// *Content*: why, in the reader's words.
    pub why: Option<String>,
}

/// What a person may ask for (GDPR, articles 15 to 21).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Right {
    /// What is known of them, and to whom it went (15).
    Access,
    /// That what is wrong is put right (16).
    Rectify,
    /// That it is kept and not used (18).
    Restrict,
    /// That they are dealt with no more (21).
    Object,
    /// That it is erased (17).
    Erase,
    /// What they gave, for another program to read (20).
    Portability,
}

impl Right {
    /// As people write it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Rectify => "rectify",
            Self::Restrict => "restrict",
            Self::Object => "object",
            Self::Erase => "erase",
            Self::Portability => "portability",
        }
    }
}

/// What happened in a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CaseStep {
    /// The request came in.
    Opened,
    /// The term was extended.
    Extended,
    /// What is known was exported.
    Exported,
    /// Something was put right.
    Rectified,
    /// What is known is not used any more.
    Restricted,
    /// It is used again.
    Released,
    /// Their number is blocked.
    Blocked,
    /// It is not blocked any more.
    Unblocked,
    /// It was erased.
    Erased,
    /// What was asked for was done. The last step.
    Done,
    /// It was refused. The last step.
    Refused,
}

impl CaseStep {
    /// In a word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Extended => "extended",
            Self::Exported => "exported",
            Self::Rectified => "rectified",
            Self::Restricted => "restricted",
            Self::Released => "released",
            Self::Blocked => "blocked",
            Self::Unblocked => "unblocked",
            Self::Erased => "erased",
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }
}

/// Of whom a record of the journal's own is, and why.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Named {
    /// The person's number, in E.164 form.
    pub number: Option<String>,
    /// Why, in the operator's words.
    pub why: Option<String>,
}

/// See [`RecordBody::Case`](super::RecordBody::Case). Each says how the case stands with this step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Which: the call that holds its first step.
    pub case: CallId,
    /// What happened.
    pub step: CaseStep,
    /// What was asked for.
    pub right: Right,
    /// On which day it was received, as in `2026-03-14`.
    pub received: String,
    /// The last day of its term.
    pub due: String,
    /// The call that holds the record of what was done in this step.
    pub record: Option<CallId>,
    /// *Content*: who asked, in the first step, and the operator's words.
    pub named: Option<Named>,
}

/// What is put right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amendment {
    /// Which field of the call: `contact.name`, `contact.phone`, `motive`, or a field of its report.
    pub field: String,
    /// What it should say.
    pub to: String,
}

/// See [`RecordBody::Amended`](super::RecordBody::Amended).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amended {
    /// Of which call. What was recorded there stays as it is.
    pub call: CallId,
    /// How many standing appointments of that call it is put right in too.
    pub appointments: u32,
    /// *Content*: what is put right.
    pub amendment: Option<Amendment>,
}

/// See [`RecordBody::Restricted`](super::RecordBody::Restricted).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restricted {
    /// Whether it may be used again.
    pub released: bool,
    /// *Content*: whose calls, and why.
    pub named: Option<Named>,
}

/// What becomes of a caller whose number is blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum BlockedTo {
    /// The call is not answered.
    #[default]
    Refuse,
    /// The line's fallback number answers.
    Human,
}

/// See [`RecordBody::Blocked`](super::RecordBody::Blocked).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocked {
    /// What becomes of its calls.
    pub to: BlockedTo,
    /// Whether it is blocked no more.
    pub released: bool,
    /// *Content*: which number, and why.
    pub named: Option<Named>,
}

/// See [`RecordBody::Administered`](super::RecordBody::Administered). Names of things, never of people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Administered {
    /// By which key; empty where it was done on the machine itself.
    pub key: String,
    /// Whose key that is.
    pub user: String,
    /// In which role.
    pub role: String,
    /// What they had to be allowed to do, such as `lines:write`.
    pub action: String,
    /// To what, such as `line +33123456789`.
    pub subject: String,
    /// The break-glass it was done through, where it was done by whoever has no part in this tenant.
    pub glass: Option<String>,
    /// *Content*: why, in the operator's words.
    pub why: Option<String>,
}
