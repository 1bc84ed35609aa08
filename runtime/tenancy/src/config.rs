//! The tenants' part of the operator's file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use parloir_contract::{Capability, LineId, TenantId, Weekday};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Languages in which a line has one of its sentences.
pub const MAX_LANGUAGES: usize = 16;
/// The longest of a line's sentences, in characters.
pub const MAX_SENTENCE: usize = 500;

/// A tenant, as the operator writes it: `[[tenant]]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TenantConfig {
    /// 1 to 40 characters of `a-z`, `0-9` and `-`.
    pub id: TenantId,
    /// Its lines: `[[tenant.line]]`.
    #[serde(default, rename = "line")]
    pub lines: Vec<LineConfig>,
    /// When appointments can be made; without it agents have no calendar.
    #[serde(default)]
    pub calendar: Option<CalendarConfig>,
    /// The folder of documents its agents may read.
    #[serde(default)]
    pub documents: Option<PathBuf>,
    /// What its calls may use.
    #[serde(default)]
    pub quota: crate::quota::Quota,
    /// How long its calls are kept: `[tenant.retention]`. Default: until they are erased.
    #[serde(default)]
    pub retention: crate::retention::Retention,
    /// Services that its agents send requests to: `[[tenant.connector]]`.
    #[serde(default, rename = "connector")]
    pub connectors: Vec<crate::connector::NamedConnector>,
}

/// A line: the number callers ring, and who answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LineConfig {
    /// E.164.
    pub number: LineId,
    /// The agent's component.
    pub agent: PathBuf,
    /// BCP 47. Default `fr-FR`.
    #[serde(default = "usual::language")]
    pub language: String,
    /// IANA name. Default `Europe/Paris`.
    #[serde(default = "usual::time_zone")]
    pub time_zone: String,
    /// Whether sound and words are kept. Default `ask`.
    #[serde(default)]
    pub recording: RecordingPolicy,
    /// What the agent may do of what it declares. Default: nothing of it.
    #[serde(default)]
    pub capabilities: Vec<Capability>,
    /// Where callers go when the agent fails, asks for a human, or is over quota.
    #[serde(default)]
    pub fallback_number: Option<LineId>,
    /// What a caller hears when the agent fails, by language ("fr", "en"): in at most 16, each of at most 500 characters, as those below.
    #[serde(default)]
    pub fallback_sentence: BTreeMap<String, String>,
    /// What a caller hears when there is no place for the call, by language ("fr", "en").
    #[serde(default)]
    pub busy_sentence: BTreeMap<String, String>,
    /// What a caller hears who has to wait for a place, by language ("fr", "en").
    #[serde(default)]
    pub queue_sentence: BTreeMap<String, String>,
    /// Prefixes of the numbers an agent may transfer to, besides the fallback number. Of both, what the installation
    /// [does not dial](crate::destinations) is left out.
    #[serde(default)]
    pub transfer_to: Vec<String>,
    /// What must not reach a language model.
    #[serde(default = "usual::minimise")]
    pub minimise: Vec<crate::minimise::Category>,
    /// The folder of sound files `play` may name.
    #[serde(default)]
    pub sounds: Option<PathBuf>,
    /// The carrier that brings its calls: the name of a `[[carrier]]`. Default `default`.
    #[serde(default = "usual::carrier")]
    pub carrier: String,
    /// Words for the agent: whatever it documents.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    /// The connectors that its agent may send requests to, by name. Default: none.
    #[serde(default)]
    pub connectors: Vec<String>,
}

/// What a line has where nobody says otherwise, wherever it is described.
pub mod usual {
    use crate::minimise::Category;

    /// Its language: `fr-FR`.
    pub fn language() -> String {
        "fr-FR".into()
    }

    /// Its time zone: `Europe/Paris`.
    pub fn time_zone() -> String {
        "Europe/Paris".into()
    }

    /// The carrier that brings its calls: `default`.
    pub fn carrier() -> String {
        "default".into()
    }

    /// What must not reach a language model: card numbers.
    pub fn minimise() -> Vec<Category> {
        vec![Category::CardNumbers]
    }
}

/// Whether sound and words of a line's calls are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RecordingPolicy {
    /// Nothing is kept until the caller agrees.
    #[default]
    Ask,
    /// Everything is kept: only where the law and the callers' contract allow it.
    Always,
    /// Nothing is ever kept.
    Never,
}

/// When appointments can be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CalendarConfig {
    /// 5 to 480. Default 30.
    #[serde(default = "half_hour")]
    pub slot_minutes: u16,
    /// How many days ahead can be booked, 1 to 366. Default 60.
    #[serde(default = "two_months")]
    pub horizon_days: u16,
    /// How long before its start a slot can still be booked, in minutes. Default 120.
    #[serde(default = "two_hours")]
    pub notice_minutes: u32,
    /// For each day of the week, ranges such as "09:00-12:30".
    #[schemars(with = "BTreeMap<String, Vec<String>>")]
    pub open: BTreeMap<Weekday, Vec<String>>,
    /// Days without appointments, such as "2026-12-25".
    #[serde(default)]
    pub closed: Vec<String>,
}

fn half_hour() -> u16 {
    30
}
fn two_months() -> u16 {
    60
}
fn two_hours() -> u32 {
    120
}
