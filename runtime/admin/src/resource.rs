//! What the directory holds, as the API shows it and as it rests: one type for both, so that a field is never forgotten in one.
//! Fields bear the names they have in `parloir.toml`.

mod agents;
mod calls;

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use parloir_contract::{Capability, LineId, TenantId};
use parloir_journal::BlockedTo as Becomes;
use parloir_tenancy::config::{CalendarConfig, LineConfig, RecordingPolicy, TenantConfig};
use parloir_tenancy::minimise::Category;
use parloir_tenancy::quota::Quota;
use parloir_tenancy::retention::Retention;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

pub use agents::{
    Agent, AgentKey, AgentPolicy, Canary, MAX_AGENT_BYTES, MAX_AGENT_KEYS, MAX_AGENTS, MAX_ROLL_BACK_WHY,
    MAX_VERSIONS, RollBack, StartCanary, Unsigned, Version, VersionState,
};
pub(crate) use agents::{Ceased, KeptVersion, is_version, short};
pub use calls::{
    CallEnd, CallFile, CallState, Contact, MAX_CONTACT_USERS, MAX_CONTACTS, MAX_REVIEW_NOTE, MAX_REVIEWS,
    Review,
};

use crate::home::Home;
use crate::role::{Action, Role};

/// Lines of one tenant, and numbers that it is given.
pub const MAX_LINES: usize = 1_000;
/// Settings of one line.
pub const MAX_SETTINGS: usize = 100;
/// Users of one tenant, or of the installation.
pub const MAX_USERS: usize = 1_000;
/// Keys of one user that log-ins made: the oldest gives way.
pub const MAX_LOG_INS: usize = 10;
/// The life of such a key, in hours.
pub const LOG_IN_HOURS: i64 = 12;
/// What such a key is called.
pub const LOG_IN: &str = "log-in";
/// Keys of one user.
pub const MAX_KEYS: usize = 50;
/// The longest name of a user or a key, in characters.
pub const MAX_NAME: usize = 120;
/// The longest setting, in bytes.
pub const MAX_SETTING: usize = 3_000;
/// The longest life of a key, in days.
pub const MAX_KEY_DAYS: i64 = 366;
/// The life of a key whose `expires` was left out, in days.
pub const KEY_DAYS: i64 = 90;
/// The longest time that a broken glass stays open, in minutes.
pub const MAX_GLASS_MINUTES: u16 = 240;
/// Numbers that are blocked of one tenant by the API.
pub const MAX_BLOCKED: usize = 1_000;
/// The longest reason why one is, in characters.
pub const MAX_WHY_BLOCKED: usize = 2_000;

/// Something that is kept, with what tells this state of it from every other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Item<T> {
    /// What it is called in the path: a tenant's `id`, a line's number, a name, or 32 hexadecimal digits.
    pub id: String,
    /// The record of its last change in the tenant's log, and its `ETag`. Empty for what the operator's file says.
    pub etag: String,
    /// When that was, as in `2026-03-14T09:26:53Z`.
    #[schemars(with = "Option<String>")]
    pub changed: Option<Timestamp>,
    /// What it says.
    pub spec: T,
}

/// Some of many, in a fixed order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Page<T> {
    /// These.
    pub items: Vec<Item<T>>,
    /// The `after` of the next page; `null` when there is no more.
    pub next: Option<String>,
}

/// Where a tenant is described.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// In the operator's file, which alone changes it. `parloir tenant import` brings it into the directory.
    File,
    /// In the directory.
    Directory,
}

/// A tenant's record: what the installation grants it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Tenant {
    /// What its calls may use.
    pub quota: Quota,
    /// How long its calls are kept.
    pub retention: Retention,
}

/// A tenant's record, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct TenantState {
    /// Where it is described.
    pub source: Source,
    /// What the installation grants it; `null` where its record cannot be read.
    pub tenant: Option<Tenant>,
    /// How much of what is its own is set aside: `GET /v1/tenants/{tenant}/problems` lists it.
    pub problems: usize,
}

/// Something of a tenant's that calls are answered without, until it is put right.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Aside {
    /// What: `tenant` for all of it, `calendar`, a line, a setting of a line, a secret, a connector, or `agents`, which fail so often
    /// that they answer in a process of their own. To an operator who broke no
    /// glass, of numbers only their last two digits.
    pub what: String,
    /// Why, and what to do.
    pub problem: String,
}

impl Aside {
    /// The `what` of a tenant of whom nothing is answered as it says.
    pub const WHOLE: &'static str = "tenant";

    /// This of it.
    pub fn of(what: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { what: what.into(), problem: problem.into() }
    }

    /// All of it.
    pub fn whole(problem: impl Into<String>) -> Self {
        Self::of(Self::WHOLE, problem)
    }
}

/// A number that the installation gave a tenant: it is this tenant's alone, until it is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Number {
    /// The user of the installation who gave it.
    pub by: String,
}

/// A tenant to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NewTenant {
    /// 1 to 40 characters of `a-z`, `0-9` and `-`, not beginning with `-`.
    #[schemars(schema_with = "tenant_id")]
    pub id: TenantId,
    /// The name of its first user, its owner.
    #[schemars(length(min = 1, max = 120))]
    pub owner: String,
    /// What the installation grants it.
    #[serde(default)]
    pub tenant: Tenant,
}

/// A tenant of the operator's file to be brought into the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ImportTenant {
    /// The name of its owner, who is made where the tenant has no user yet.
    #[schemars(length(min = 1, max = 120))]
    pub owner: String,
}

/// A tenant that was made or imported, with its owner's first key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct TenantMade {
    /// Which.
    pub id: String,
    /// Its owner: a user.
    pub owner: Option<String>,
    /// The owner's key, told this once. `null` where the answer is told again, or where there were users already.
    pub secret: Option<String>,
}

/// Somebody who may use the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct User {
    /// Whoever reads the list knows them by it: 1 to 120 characters.
    #[schemars(length(min = 1, max = 120))]
    pub name: String,
    /// What they are. `operator` in the installation alone, `agent`, `supervisor` and `admin` in tenants alone.
    pub role: Role,
    /// By what the issuer of `[admin.oidc]` knows them, so that they log in with it. Left out: they do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oidc: Option<Identity>,
}

impl User {
    /// Somebody who does not log in.
    pub fn of(name: impl Into<String>, role: Role) -> Self {
        Self { name: name.into(), role, oidc: None }
    }
}

/// By what an OpenID Connect issuer knows somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Identity {
    /// Its `sub`, which is theirs for ever: 1 to 255 characters.
    Subject(String),
    /// An address that it says is verified: 3 to 254 characters. Large and small letters are not told apart.
    Email(String),
}

impl Identity {
    /// Whether the issuer would say the same of both.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Subject(own), Self::Subject(other)) => own == other,
            (Self::Email(own), Self::Email(other)) => own.eq_ignore_ascii_case(other),
            (Self::Subject(_), Self::Email(_)) | (Self::Email(_), Self::Subject(_)) => false,
        }
    }
}

/// Somebody who logs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LogIn {
    /// The ID token that the issuer gave for this installation's client.
    #[schemars(length(min = 1, max = 32768))]
    pub id_token: String,
    /// Where they are a user: a tenant. Left out: the installation.
    #[serde(default)]
    #[schemars(schema_with = "optional_tenant_id")]
    pub tenant: Option<TenantId>,
}

/// With what one logs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct LogInWith {
    /// The OpenID Connect issuer.
    pub issuer: String,
    /// What this installation is called there.
    pub client_id: String,
}

/// A key to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NewKey {
    /// Whose: a user's `id`. It never allows more than they may do.
    #[schemars(schema_with = "id")]
    pub user: String,
    /// What it is for: 1 to 120 characters.
    #[schemars(length(min = 1, max = 120))]
    pub name: String,
    /// All that it may be used for. Left out: whatever its user may do.
    #[serde(default)]
    pub scopes: Option<Vec<Action>>,
    /// When it ends, as in `2026-03-14T09:26:53Z`, within 366 days. Left out: in 90 days.
    #[serde(default)]
    #[schemars(schema_with = "optional_time")]
    pub expires: Option<Timestamp>,
}

/// A key, as it is listed: not the key itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Key {
    /// Whose.
    pub user: String,
    /// What it is for.
    pub name: String,
    /// All that it may be used for; `null` for whatever its user may do.
    pub scopes: Option<Vec<Action>>,
    /// When it ends.
    #[schemars(with = "String")]
    pub expires: Timestamp,
}

/// A key that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct KeyMade {
    /// What it is called in the path.
    pub id: String,
    /// What is listed of it.
    pub key: Key,
    /// The key itself, told this once. `null` where the answer is told again.
    pub secret: Option<String>,
}

/// A key as it rests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptKey {
    pub(crate) key: Key,
    /// See [`ApiKey::hash`](crate::secret::ApiKey::hash).
    pub(crate) hash: [u8; 32],
}

/// A line: the number callers ring, and who answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Line {
    /// The agent that answers: `NAME` for the component `NAME.wasm` among the tenant's agents.
    #[schemars(schema_with = "agent")]
    pub agent: String,
    /// BCP 47. Default `fr-FR`.
    #[serde(default = "french")]
    pub language: String,
    /// IANA name. Default `Europe/Paris`.
    #[serde(default = "paris")]
    pub time_zone: String,
    /// Whether sound and words are kept. Default `ask`.
    #[serde(default)]
    pub recording: RecordingPolicy,
    /// What the agent may do of what it declares. Default: everything but `model`.
    #[serde(default = "usual_capabilities")]
    #[schemars(schema_with = "capabilities")]
    pub capabilities: Vec<Capability>,
    /// Where callers go when the agent fails, asks for a human, or is over quota.
    #[serde(default)]
    #[schemars(schema_with = "optional_number")]
    pub fallback_number: Option<LineId>,
    /// What a caller hears when the agent fails, by language (`fr`, `en`).
    #[serde(default)]
    pub fallback_sentence: BTreeMap<String, String>,
    /// What a caller hears when there is no place for the call, by language (`fr`, `en`).
    #[serde(default)]
    pub busy_sentence: BTreeMap<String, String>,
    /// What a caller hears who has to wait for a place, by language (`fr`, `en`).
    #[serde(default)]
    pub queue_sentence: BTreeMap<String, String>,
    /// Prefixes of the numbers an agent may transfer to, besides the fallback number.
    #[serde(default)]
    pub transfer_to: Vec<String>,
    /// What must not reach a language model. Default: card numbers.
    #[serde(default = "usual_minimisation")]
    pub minimise: Vec<Category>,
    /// The carrier that brings its calls: the name of a `[[carrier]]` of the operator's file. Default `default`.
    #[serde(default = "default_carrier")]
    pub carrier: String,
    /// The connectors that its agent may send requests to, by name. Default: none.
    #[serde(default)]
    #[schemars(length(max = 32))]
    pub connectors: Vec<String>,
}

fn french() -> String {
    "fr-FR".into()
}
fn paris() -> String {
    "Europe/Paris".into()
}
fn default_carrier() -> String {
    "default".into()
}
fn usual_capabilities() -> Vec<Capability> {
    vec![
        Capability::Calendar,
        Capability::Memory,
        Capability::Documents,
        Capability::Transfer,
        Capability::Connectors,
    ]
}
fn usual_minimisation() -> Vec<Category> {
    vec![Category::CardNumbers]
}

impl Line {
    /// A line as usual, answered by this agent.
    pub fn of(agent: impl Into<String>) -> Self {
        Self {
            agent: agent.into(),
            language: french(),
            time_zone: paris(),
            recording: RecordingPolicy::default(),
            capabilities: usual_capabilities(),
            fallback_number: None,
            fallback_sentence: BTreeMap::new(),
            busy_sentence: BTreeMap::new(),
            queue_sentence: BTreeMap::new(),
            transfer_to: Vec::new(),
            minimise: usual_minimisation(),
            carrier: default_carrier(),
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
            capabilities: config.capabilities.clone(),
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

    /// The line for calls: its component and its sounds are in the tenant's own folder.
    pub(crate) fn config(
        self,
        number: LineId,
        settings: BTreeMap<String, String>,
        home: &Home,
    ) -> LineConfig {
        LineConfig {
            number,
            agent: home.agent(&self.agent),
            language: self.language,
            time_zone: self.time_zone,
            recording: self.recording,
            capabilities: self.capabilities,
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

/// When appointments can be made.
pub type Calendar = CalendarConfig;

/// A service that agents have requests sent to, by its name.
pub type Connector = parloir_tenancy::connector::Connector;

/// A secret to be kept. It is told to nobody again; `Debug` does not show it.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NewSecret {
    /// What it is: 8 to 2,000 printable ASCII characters, without a space at its ends.
    #[schemars(schema_with = "secret")]
    pub value: String,
}

impl fmt::Debug for NewSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewSecret(hidden)")
    }
}

/// A secret, as it is listed: not what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Secret {
    /// The connectors that send it.
    pub used_by: Vec<String>,
}

/// What becomes of the calls of a blocked number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BlockedTo {
    /// They are not answered.
    #[default]
    Refuse,
    /// The line's fallback number answers.
    Human,
}

impl From<Becomes> for BlockedTo {
    fn from(to: Becomes) -> Self {
        match to {
            Becomes::Refuse => Self::Refuse,
            Becomes::Human => Self::Human,
        }
    }
}

impl From<BlockedTo> for Becomes {
    fn from(to: BlockedTo) -> Self {
        match to {
            BlockedTo::Refuse => Self::Refuse,
            BlockedTo::Human => Self::Human,
        }
    }
}

/// A caller to be blocked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct BlockNumber {
    /// Their number, as `+33639981234`, or `06 39 98 12 34` in France.
    #[schemars(length(min = 1, max = 40))]
    pub number: String,
    /// What becomes of its calls. Default `refuse`.
    #[serde(default)]
    pub to: BlockedTo,
    /// Why, for the record in the log, where it is sealed: 1 to 2,000 characters.
    #[serde(default)]
    #[schemars(length(min = 1, max = 2_000))]
    pub why: Option<String>,
}

/// A blocked number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Blocked {
    /// Which; `null` where it was erased: it is blocked all the same.
    pub number: Option<String>,
    /// What becomes of its calls.
    pub to: BlockedTo,
    /// Why, where somebody said so.
    pub why: Option<String>,
}

/// Glass to be broken: an operator has to look at, or put right, what is a tenant's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct BreakGlass {
    /// Why, for the tenant to read: 1 to 500 characters.
    #[schemars(length(min = 1, max = 500))]
    pub why: String,
    /// For how long, 1 to 240. Default 60.
    #[serde(default = "an_hour")]
    #[schemars(range(min = 1, max = 240))]
    pub minutes: u16,
}

fn an_hour() -> u16 {
    60
}

/// Glass that was broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Glass {
    /// By which user of the installation.
    pub user: String,
    /// Why.
    pub why: String,
    /// Until when it is open.
    #[schemars(with = "String")]
    pub until: Timestamp,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Myself {
    /// The tenant, or `installation`.
    pub tenant: String,
    /// The user.
    pub user: String,
    /// Their role.
    pub role: Role,
    /// The key that was used.
    pub key: String,
    /// All that it may be used for; `null` for whatever its user may do.
    pub scopes: Option<Vec<Action>>,
    /// When it ends.
    #[schemars(with = "String")]
    pub expires: Timestamp,
}

/// Whether a text can be the name of an agent, a setting, a secret or a connector: 1 to 64 letters, digits, `.`, `-` and `_`, not
/// beginning with a dot. No path, and no separator of storage keys, is made of those.
pub(crate) fn is_name(text: &str) -> bool {
    let of_a_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    (1..=64).contains(&text.len()) && !text.starts_with('.') && text.bytes().all(of_a_name)
}

/// A tenant as the house has it.
pub(crate) fn tenant_config(
    id: TenantId,
    tenant: Tenant,
    calendar: Option<Calendar>,
    lines: Vec<LineConfig>,
    home: &Home,
) -> TenantConfig {
    TenantConfig {
        id,
        lines,
        calendar,
        documents: home.documents(),
        quota: tenant.quota,
        retention: tenant.retention,
        connectors: Vec::new(),
    }
}

pub(crate) fn tenant_id(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,39}$" })
}

pub(crate) fn id(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[0-9a-f]{32}$" })
}

fn ids(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": { "type": "string", "pattern": "^[0-9a-f]{32}$" }, "uniqueItems": true, "maxItems": 50 })
}

fn optional_tenant_id(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "pattern": "^[a-z0-9][a-z0-9-]{0,39}$" })
}

fn agent(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$" })
}

fn secret(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[!-~][ -~]{6,1998}[!-~]$" })
}

fn optional_time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "format": "date-time" })
}

fn optional_number(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "pattern": "^\\+[0-9]{3,15}$" })
}

fn capabilities(_: &mut SchemaGenerator) -> Schema {
    let names = Capability::ALL.map(Capability::name);
    json_schema!({ "type": "array", "items": { "type": "string", "enum": names } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_path_and_no_separator() {
        for good in ["cabinet", "cabinet-2.1", "cabinet.name", "_A"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", ".", "..", ".hidden", "a/b", "a\\b", "a b", "é", "a\0", &"a".repeat(65)] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }

    #[tokio::test]
    async fn what_a_line_leaves_out_is_what_the_file_leaves_out() {
        let line: Line = serde_json::from_str(r#"{"agent": "cabinet"}"#).unwrap();
        assert_eq!(line, Line::of("cabinet"));
        let home = Home::of(std::path::Path::new("home")).await;
        let config = line.config("+33199005678".parse().unwrap(), BTreeMap::new(), &home);
        let toml = "number = \"+33199005678\"\nagent = \"home/agents/cabinet.wasm\"";
        assert_eq!(config, toml::from_str::<LineConfig>(toml).unwrap());
        assert_eq!(Line::of_config(&config), Some(Line::of("cabinet")));
    }
}
