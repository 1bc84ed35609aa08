//! What the directory holds, as the API shows it and as it rests: one type for both, so that a field is never forgotten in one.
//! Fields bear the names they have in `parloir.toml`.

mod accesses;
mod agents;
mod audit;
mod calls;
mod lines;
mod people;
mod persons;
mod providers;
mod retention;
mod teams;
mod used;
mod webhooks;

use std::fmt;

use jiff::Timestamp;
use parloir_contract::{Capability, TenantId};
use parloir_journal::BlockedTo as Becomes;
use parloir_tenancy::config::{CalendarConfig, LineConfig, TenantConfig};
use parloir_tenancy::quota::Quota;
use parloir_tenancy::retention::Retention;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

pub use accesses::{Access, MAX_ACCESS_CALLS};
pub use agents::{
    Agent, AgentKey, AgentPolicy, Canary, MAX_AGENT_BYTES, MAX_AGENT_KEYS, MAX_AGENTS, MAX_ROLL_BACK_WHY,
    MAX_VERSIONS, RollBack, SelfApproval, StartCanary, Unsigned, Version, VersionState,
};
pub(crate) use agents::{Ceased, KeptVersion, is_version, short};
pub use audit::{AuditEntry, AuditOutcome};
pub use calls::{
    CallEnd, CallFile, CallState, Contact, MAX_CONTACT_USERS, MAX_CONTACTS, MAX_REVIEW_NOTE, MAX_REVIEWS,
    Review,
};
pub use lines::{Line, MAX_LINES, MAX_SETTING, MAX_SETTINGS, Setting};
pub(crate) use people::KeptKey;
pub use people::{
    Identity, KEY_DAYS, Key, KeyMade, LOG_IN, LOG_IN_HOURS, LogIn, LogInWith, MAX_KEY_DAYS, MAX_KEYS,
    MAX_LOG_INS, MAX_USERS, Myself, NewKey, User,
};
pub use persons::{
    Case, CaseStatus, CaseStep, CloseCase, EraseCase, Erasure, ExtendCase, Found, LookUp, MAX_CASE_WHY,
    MAX_PERSON_CALLS, NewCase, Progress, Rectification, RectifyCase, RestrictCase, Right,
};
pub use providers::Provider;
pub use retention::RetentionState;
pub use teams::{MAX_TEAM_LINES, MAX_TEAM_USERS, MAX_TEAMS, Team};
pub use used::{Cost, Ledger, LedgerMonth, LedgerProvider, ProviderRole, Usage};
pub(crate) use used::{MONTH, is_month};
pub use webhooks::{
    MAX_WEBHOOKS, PREVIOUS_HOURS, SignedBy, WEBHOOK_TEST, Webhook, WebhookEvent, WebhookSecret, WebhookState,
    WebhookTested,
};

use crate::home::Home;

/// The longest name of a user or a key, in characters.
pub const MAX_NAME: usize = 120;
/// The longest time that a broken glass stays open, in minutes.
pub const MAX_GLASS_MINUTES: u16 = 240;
/// The longest reason why a tenant is suspended, in characters.
pub const MAX_SUSPENDED_WHY: usize = 500;
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
    /// Since when and why no agent answers its calls, and its keys open nothing; `null` where they do.
    pub suspended: Option<Suspension>,
}

/// A tenant to be suspended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Suspend {
    /// Why, for the tenant to read: 1 to 500 characters.
    #[schemars(length(min = 1, max = 500))]
    pub why: String,
}

/// Why no agent answers a tenant's calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Suspension {
    /// Why.
    pub why: String,
    /// By which user of the installation.
    pub by: String,
    /// Since when.
    #[schemars(with = "String")]
    pub since: Timestamp,
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
    /// How much of the tenant it is.
    #[serde(default)]
    pub kind: AsideKind,
}

/// How much of a tenant is set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AsideKind {
    /// All of it: nothing is answered as it says.
    Whole,
    /// A part of it: calls are answered without that.
    #[default]
    Part,
    /// The transfers of a line, which the installation does not dial: the line answers all the same.
    Transfers,
}

impl Aside {
    /// Whether it stays so until somebody writes something else, however often it is tried.
    pub fn needs_somebody(&self) -> bool {
        match self.kind {
            AsideKind::Whole | AsideKind::Part => false,
            AsideKind::Transfers => true,
        }
    }

    /// This of it.
    pub fn of(what: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { what: what.into(), problem: problem.into(), kind: AsideKind::Part }
    }

    /// All of it.
    pub fn whole(problem: impl Into<String>) -> Self {
        Self { kind: AsideKind::Whole, ..Self::of("tenant", problem) }
    }

    /// The transfers of a line of this number.
    pub fn transfers(number: impl fmt::Display, problem: impl Into<String>) -> Self {
        Self { kind: AsideKind::Transfers, ..Self::of(format!("transfers of line {number}"), problem) }
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

/// When appointments can be made.
pub type Calendar = CalendarConfig;

/// A service that agents have requests sent to, by its name.
pub type Connector = parloir_tenancy::connector::Connector;

/// When a tenant's agents answer in a process of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CordonPolicy {
    /// They answer in the server's.
    #[default]
    Never,
    /// They do, in every call.
    Always,
    /// They do from the fifth call within ten minutes whose agent failed (trapped, or used up its time or its memory), until none
    /// has for an hour.
    WhenNoisy,
}

impl CordonPolicy {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Always => "always",
            Self::WhenNoisy => "when-noisy",
        }
    }
}

/// What an operator says of a tenant's agents, in place of what the operator's file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Cordon {
    /// When they answer in a process of their own.
    pub policy: CordonPolicy,
}

/// When a tenant's agents answer in a process of their own, and who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CordonState {
    /// When.
    pub policy: CordonPolicy,
    /// `directory` where it was said of this tenant here, `file` where the operator's file says it.
    pub source: Source,
}

/// A document that a tenant's agents may read, as it is listed: its text is at its own path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Document {
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// A sound that a tenant's agents may play, as it is listed: the WAV is at its own path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Sound {
    /// Its length as a file.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
    /// How long it is heard, in milliseconds.
    pub milliseconds: u64,
    /// Its rate, in samples a second.
    pub rate: u32,
}

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
    /// The connectors that send it, and the webhooks that it signs, as in `webhook calls`.
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
    /// What they are called, where whoever asks may read who there is, or is it themselves; left out otherwise, and of who is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Why.
    pub why: String,
    /// Until when it is open.
    #[schemars(with = "String")]
    pub until: Timestamp,
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

fn secret(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[!-~][ -~]{6,1998}[!-~]$" })
}

fn capabilities(_: &mut SchemaGenerator) -> Schema {
    let names = Capability::ALL.map(Capability::name);
    json_schema!({ "type": "array", "items": { "type": "string", "enum": names } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_aside_is_told_apart_by_its_kind_and_not_by_what_it_is_called() {
        let line = Aside::transfers("+33199000001", "it is not dialled: write another");
        assert!(line.needs_somebody() && line.what == "transfers of line +33199000001");
        for other in [Aside::whole("nobody answers"), Aside::of("transfers of the night", "it is not there")]
        {
            assert!(!other.needs_somebody(), "{other:?}");
        }
        let written = serde_json::to_value(&line).unwrap();
        assert_eq!(written["kind"], "transfers");
        assert_eq!(serde_json::from_value::<Aside>(written).unwrap(), line);
        // As an earlier version writes it.
        let earlier = serde_json::json!({ "what": "calendar", "problem": "it is never open" });
        assert_eq!(
            serde_json::from_value::<Aside>(earlier).unwrap(),
            Aside::of("calendar", "it is never open")
        );
    }

    #[test]
    fn a_name_is_no_path_and_no_separator() {
        for good in ["cabinet", "cabinet-2.1", "cabinet.name", "_A"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", ".", "..", ".hidden", "a/b", "a\\b", "a b", "é", "a\0", &"a".repeat(65)] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }
}
