//! Who may use the API: users, the keys that they have, and how they log in.

use jiff::Timestamp;
use parloir_contract::TenantId;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::role::{Action, Role};

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
/// The longest life of a key, in days.
pub const MAX_KEY_DAYS: i64 = 366;
/// The life of a key whose `expires` was left out, in days.
pub const KEY_DAYS: i64 = 90;

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
    #[schemars(schema_with = "super::id")]
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
    /// By what its user was known when they logged in, where a log-in made it: it opens nothing once they are known otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) known_by: Option<Identity>,
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

fn optional_tenant_id(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "pattern": "^[a-z0-9][a-z0-9-]{0,39}$" })
}

fn optional_time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "format": "date-time" })
}
