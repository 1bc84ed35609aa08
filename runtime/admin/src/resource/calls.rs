//! Calls as the API tells of them, the contacts of numbers that callers are handed to, and reviews.

use jiff::Timestamp;
use parloir_journal::Ending;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ids;

/// Contacts of one tenant.
pub const MAX_CONTACTS: usize = 200;
/// Users of one contact.
pub const MAX_CONTACT_USERS: usize = 50;
/// Reviews of one call.
pub const MAX_REVIEWS: usize = 50;
/// The longest note of a review, in characters.
pub const MAX_REVIEW_NOTE: usize = 500;

/// Who answers a number that callers are handed to: a line's fallback number, or one that agents transfer to. In the role of an
/// agent, they see the calls that were handed to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Contact {
    /// What it is called: 1 to 120 characters.
    #[schemars(length(min = 1, max = 120))]
    pub name: String,
    /// The users who answer it: at most 50 of the tenant's.
    #[serde(default)]
    #[schemars(schema_with = "ids")]
    pub users: Vec<String>,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CallEnd {
    /// The conversation came to its end.
    Done,
    /// A human has the caller.
    Transferred,
    /// Somebody has to ring back.
    CallBack,
    /// The caller left.
    Abandoned,
    /// The agent gave up or failed.
    Failed,
    /// The call was cut off.
    Interrupted,
    /// No agent answered: the number is blocked, or there was no place.
    Refused,
}

impl From<Ending> for CallEnd {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Done => Self::Done,
            Ending::Transferred => Self::Transferred,
            Ending::CallBack => Self::CallBack,
            Ending::Abandoned => Self::Abandoned,
            Ending::Failed => Self::Failed,
            Ending::Interrupted => Self::Interrupted,
            Ending::Refused => Self::Refused,
        }
    }
}

/// What is known of a call without reading it: nothing that was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CallState {
    /// The line that rang.
    pub line: String,
    /// How it arrived, such as `twilio`; `queue` of a caller who waited for a place.
    pub arrived: String,
    /// The agent; empty where none answered.
    pub agent: String,
    /// The agent's version.
    pub version: String,
    /// When it began.
    #[schemars(with = "String")]
    pub began: Timestamp,
    /// When it ended; `null` while it lasts.
    #[schemars(with = "Option<String>")]
    pub ended: Option<Timestamp>,
    /// How long that was, in seconds.
    pub seconds: Option<u64>,
    /// How it ended; `null` while it lasts.
    pub outcome: Option<CallEnd>,
    /// The numbers of contacts whom the caller was handed to, and who answered.
    pub handed_to: Vec<String>,
    /// Whether there is a recording; `null` where that is known to whoever reads it alone.
    pub recording: Option<bool>,
    /// Whether it is held, so that nothing erases it.
    pub held: bool,
    /// Whether its caller is restricted (GDPR, article 18), so that it is kept and not used: nobody is shown it. `null` where that
    /// could not be read.
    pub restricted: Option<bool>,
    /// What of it was erased: `content`, `recording`.
    pub erased: Vec<String>,
}

/// A call, and what happened in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CallFile {
    /// Which.
    pub id: String,
    /// What is known of it without reading it.
    pub call: CallState,
    /// What happened, as `parloir show --json` prints it: what was erased, each record, what was put right since.
    pub lines: Vec<Value>,
}

/// What a supervisor thinks of how a call went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Review {
    /// From 1, bad, to 5, good.
    #[schemars(range(min = 1, max = 5))]
    pub score: u8,
    /// In words: 1 to 500 characters. It is sealed, and goes with what was said in the call.
    #[serde(default)]
    #[schemars(length(min = 1, max = 500))]
    pub note: Option<String>,
}
