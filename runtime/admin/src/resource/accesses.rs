//! Who read what was said in a tenant's calls, as the API tells of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most calls that one reading names.
pub const MAX_ACCESS_CALLS: usize = 100;

/// That somebody read, heard or exported what was said in calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Access {
    /// The user who did, of the tenant's or of the installation's; of whoever was at the machine itself, their name there.
    pub user: String,
    /// In which role; `machine` of whoever was at the machine itself.
    pub role: String,
    /// By which key; empty where there was none.
    pub key: String,
    /// By what, such as `show`, `recording` or `prove`; empty where the record of it cannot be read.
    pub command: String,
    /// What of the calls: `content`, `recording`, `trace`.
    pub purposes: Vec<String>,
    /// Of which calls, as far as they are whoever asks's to see: the first 100. None where calls were searched and none was found.
    pub calls: Vec<String>,
    /// How many they were.
    pub count: u64,
    /// Why, in their words; `null` where they did not say so, or where calls are among them that are not for whoever asks.
    pub why: Option<String>,
}
