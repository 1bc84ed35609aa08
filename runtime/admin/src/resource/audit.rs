//! The audit log as the API tells of it: what the administration did, by whom, and whether it was done.

use parloir_journal::Ending;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether something was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuditOutcome {
    /// It is being done.
    UnderWay,
    /// It was done.
    Done,
    /// It was not: denied, or something else was changed first.
    NotDone,
    /// It was cut off: what it was done to says whether it was.
    Interrupted,
}

impl From<Option<Ending>> for AuditOutcome {
    fn from(ending: Option<Ending>) -> Self {
        match ending {
            None => Self::UnderWay,
            Some(Ending::Done) => Self::Done,
            Some(Ending::Interrupted) => Self::Interrupted,
            Some(
                Ending::Failed | Ending::Transferred | Ending::CallBack | Ending::Abandoned | Ending::Refused,
            ) => Self::NotDone,
        }
    }
}

/// Something that the administration did, or was asked to do. Names of things, never what was said in a call, and no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct AuditEntry {
    /// The user who did it; empty where the installation did it by itself, or whoever has the machine.
    pub user: String,
    /// What that user is called, where whoever asks may read who there is, or is it themselves; left out otherwise, and of who is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// In which role; `set-up` of whoever started the program, `installation` of the installation by itself.
    pub role: String,
    /// By which key; empty where there was none.
    pub key: String,
    /// What they had to be allowed to do, such as `lines:write`.
    pub action: String,
    /// To what, such as `line +33123456789`; why it cannot be read where that is so, and then nothing else is known of it.
    pub subject: String,
    /// Whether it was done.
    pub outcome: AuditOutcome,
    /// The glass it was done through, where it was done by whoever has no part in this tenant.
    pub glass: Option<String>,
    /// Why, in their words, where they said so.
    pub why: Option<String>,
}
