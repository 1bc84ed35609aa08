//! Lines: the numbers that callers ring, who answers them, and the words that are for whoever does.

use std::collections::BTreeMap;

use parloir_contract::{Capability, LineId};
use parloir_tenancy::config::{LineConfig, MAX_LANGUAGES, MAX_SENTENCE, RecordingPolicy, usual};
use parloir_tenancy::minimise::Category;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::is_name;
use crate::home::Home;

/// Lines of one tenant, and numbers that it is given.
pub const MAX_LINES: usize = 1_000;
/// Settings of one line.
pub const MAX_SETTINGS: usize = 100;
/// The longest setting, in bytes.
pub const MAX_SETTING: usize = 3_000;

/// A line: the number callers ring, and who answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Line {
    /// The agent that answers: `NAME` for the component `NAME.wasm` among the tenant's agents.
    #[schemars(schema_with = "agent")]
    pub agent: String,
    /// BCP 47. Default `fr-FR`.
    #[serde(default = "usual::language")]
    pub language: String,
    /// IANA name. Default `Europe/Paris`.
    #[serde(default = "usual::time_zone")]
    pub time_zone: String,
    /// Whether sound and words are kept. Default `ask`.
    #[serde(default)]
    pub recording: RecordingPolicy,
    /// What the agent may do of what it declares. Left out: all that somebody approved of the version that answers; of an agent
    /// without versions, nothing.
    #[serde(default)]
    #[schemars(schema_with = "optional_capabilities")]
    pub capabilities: Option<Vec<Capability>>,
    /// Where callers go when the agent fails, asks for a human, or is over quota.
    #[serde(default)]
    #[schemars(schema_with = "optional_number")]
    pub fallback_number: Option<LineId>,
    /// What a caller hears when the agent fails, by language (`fr`, `en`).
    #[serde(default)]
    #[schemars(schema_with = "sentences")]
    pub fallback_sentence: BTreeMap<String, String>,
    /// What a caller hears when there is no place for the call, by language (`fr`, `en`).
    #[serde(default)]
    #[schemars(schema_with = "sentences")]
    pub busy_sentence: BTreeMap<String, String>,
    /// What a caller hears who has to wait for a place, by language (`fr`, `en`).
    #[serde(default)]
    #[schemars(schema_with = "sentences")]
    pub queue_sentence: BTreeMap<String, String>,
    /// Prefixes of the numbers an agent may transfer to, besides the fallback number.
    #[serde(default)]
    pub transfer_to: Vec<String>,
    /// What must not reach a language model. Default: card numbers.
    #[serde(default = "usual::minimise")]
    pub minimise: Vec<Category>,
    /// The carrier that brings its calls: the name of a `[[carrier]]` of the operator's file. Default `default`.
    #[serde(default = "usual::carrier")]
    pub carrier: String,
    /// The connectors that its agent may send requests to, by name. Default: none.
    #[serde(default)]
    #[schemars(length(max = 32))]
    pub connectors: Vec<String>,
}

impl Line {
    /// A line as usual, answered by this agent.
    pub fn of(agent: impl Into<String>) -> Self {
        Self {
            agent: agent.into(),
            language: usual::language(),
            time_zone: usual::time_zone(),
            recording: RecordingPolicy::default(),
            capabilities: None,
            fallback_number: None,
            fallback_sentence: BTreeMap::new(),
            busy_sentence: BTreeMap::new(),
            queue_sentence: BTreeMap::new(),
            transfer_to: Vec::new(),
            minimise: usual::minimise(),
            carrier: usual::carrier(),
            connectors: Vec::new(),
        }
    }

    /// What the operator's file says of a line; its agent's name is that of its component.
    pub(crate) fn of_config(config: &LineConfig) -> Option<Self> {
        let agent = config.agent.file_stem()?.to_str()?.to_owned();
        let component = config.agent.extension().is_some_and(|end| end == "wasm");
        if !component || !is_name(&agent) {
            return None;
        }
        Some(Self {
            agent,
            language: config.language.clone(),
            time_zone: config.time_zone.clone(),
            recording: config.recording,
            capabilities: Some(config.capabilities.clone()),
            fallback_number: config.fallback_number.clone(),
            fallback_sentence: config.fallback_sentence.clone(),
            busy_sentence: config.busy_sentence.clone(),
            queue_sentence: config.queue_sentence.clone(),
            transfer_to: config.transfer_to.clone(),
            minimise: config.minimise.clone(),
            carrier: config.carrier.clone(),
            connectors: config.connectors.clone(),
        })
    }

    /// The line for calls: its component and its sounds are in the tenant's own folder. `approved` says whether versions answer it, so
    /// that somebody approved of all that its agent declares.
    pub(crate) fn config(
        self,
        number: LineId,
        settings: BTreeMap<String, String>,
        home: &Home,
        approved: bool,
    ) -> LineConfig {
        let capabilities = match self.capabilities {
            Some(named) => named,
            None if approved => Capability::ALL.to_vec(),
            None => Vec::new(),
        };
        LineConfig {
            number,
            agent: home.agent(&self.agent),
            language: self.language,
            time_zone: self.time_zone,
            recording: self.recording,
            capabilities,
            fallback_number: self.fallback_number,
            fallback_sentence: self.fallback_sentence,
            busy_sentence: self.busy_sentence,
            queue_sentence: self.queue_sentence,
            transfer_to: self.transfer_to,
            minimise: self.minimise,
            sounds: home.sounds(),
            carrier: self.carrier,
            settings,
            connectors: self.connectors,
        }
    }
}

/// A setting of a line: a word for its agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Setting {
    /// Whatever the agent documents: at most 3,000 bytes.
    #[schemars(length(max = 3_000))]
    pub value: String,
}

fn agent(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$" })
}

fn optional_capabilities(_: &mut SchemaGenerator) -> Schema {
    let names = Capability::ALL.map(Capability::name);
    json_schema!({ "type": ["array", "null"], "items": { "type": "string", "enum": names } })
}

fn sentences(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": MAX_LANGUAGES,
        "additionalProperties": { "type": "string", "maxLength": MAX_SENTENCE }
    })
}

fn optional_number(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "pattern": "^\\+[0-9]{3,15}$" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_line_leaves_out_is_what_the_file_leaves_out() {
        let line: Line = serde_json::from_str(r#"{"agent": "cabinet"}"#).unwrap();
        assert_eq!(line, Line::of("cabinet"));
        let home = Home::of(std::path::Path::new("home")).await;
        let config = |line: &Line, approved| {
            line.clone().config("+33199005678".parse().unwrap(), BTreeMap::new(), &home, approved)
        };
        // An approval is the grant, and what a line names goes before it.
        assert_eq!(config(&line, true).capabilities, Capability::ALL);
        let named = Line { capabilities: Some(vec![Capability::Memory]), ..line.clone() };
        assert_eq!(config(&named, true), config(&named, false));
        assert_eq!(config(&named, true).capabilities, [Capability::Memory]);
        let config = config(&line, false);
        let toml = "number = \"+33199005678\"\nagent = \"home/agents/cabinet.wasm\"";
        assert_eq!(config, toml::from_str::<LineConfig>(toml).unwrap());
        let nothing = Line { capabilities: Some(Vec::new()), ..Line::of("cabinet") };
        assert_eq!(Line::of_config(&config), Some(nothing), "of the file nothing is approved of");
    }
}
