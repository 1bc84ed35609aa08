//! Providers: whom what callers say goes to. The operator's file names them, and the register of processing shows them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ProviderRole;

/// A provider that calls go through, as the operator's file describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Provider {
    /// What it does.
    pub role: ProviderRole,
    /// Which client speaks to it: `openai-chat`, or `whisper` for one on this machine.
    pub kind: String,
    /// Its model, as the provider names it.
    pub model: String,
    /// The host that it is asked at; `null` for one on this machine.
    pub host: Option<String>,
    /// The languages that it serves; empty for all.
    pub languages: Vec<String>,
    /// Where words are processed.
    pub region: String,
    /// On what ground they may be sent there.
    pub legal_mechanism: String,
    /// Whether it trains on what it is sent.
    pub trains_on_data: bool,
    /// For how many days it keeps what it is sent.
    pub retention_days: u32,
}
