//! What the directory holds, as the API shows it and as it rests: one type for both, so that a field is never forgotten in one.
//! Fields bear the names they have in `parloir.toml`.

mod agents;
mod audit;
mod calls;
mod lines;
mod people;
mod persons;
mod used;

use std::fmt;

use jiff::Timestamp;
use parloir_contract::{Capability, TenantId};
use parloir_journal::BlockedTo as Becomes;
use parloir_tenancy::config::{CalendarConfig, LineConfig, TenantConfig};
use parloir_tenancy::quota::Quota;
use parloir_tenancy::retention::Retention;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

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
    Case, CaseEnd, CaseStep, CloseCase, EraseCase, Erasure, ExtendCase, Found, LookUp, MAX_CASE_WHY, MAX_PERSON_CALLS, NewCase,
    Progress, Right,
};
pub use used::{Cost, Ledger, LedgerMonth, LedgerProvider, ProviderRole, Usage};
pub(crate) use used::{MONTH, is_month};

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
}

impl Aside {
    /// The `what` of a tenant of whom nothing is answered as it says.
    pub const WHOLE: &'static str = "tenant";

    /// How the `what` of transfers begins that the installation does not dial: the line answers all the same.
    pub const TRANSFERS: &'static str = "transfers of ";

    /// Whether it stays so until somebody writes something else, however often it is tried.
    pub fn needs_somebody(&self) -> bool {
        self.what.starts_with(Self::TRANSFERS)
    }

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
    fn a_name_is_no_path_and_no_separator() {
        for good in ["cabinet", "cabinet-2.1", "cabinet.name", "_A"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", ".", "..", ".hidden", "a/b", "a\\b", "a b", "é", "a\0", &"a".repeat(65)] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }
}
