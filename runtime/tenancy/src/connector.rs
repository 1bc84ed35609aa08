//! A tenant's connectors: services that agents send requests to by a name, with credentials that they never see.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Connectors of one tenant.
pub const MAX_CONNECTORS: usize = 32;
/// Secrets of one tenant.
pub const MAX_SECRETS: usize = 64;
/// The longest secret, in bytes.
pub const MAX_SECRET: usize = 2_000;
/// The longest answer that a connector may be given, in bytes.
pub const MOST_ANSWER_BYTES: u32 = 262_144;
/// The longest wait that a connector may be given, in milliseconds.
pub const MOST_WAIT_MS: u32 = 10_000;

/// A method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Allowed {
    /// `GET`.
    Get,
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
    /// `PATCH`.
    Patch,
    /// `DELETE`.
    Delete,
}

/// What a connector says: the same in `[[tenant.connector]]`, beside its `name`, and in the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Connector {
    /// Below which address requests go, such as `https://crm.example.com/api/`. By `http://` only to networks that the operator
    /// allows.
    #[schemars(length(min = 1, max = 2_000))]
    pub url: String,
    /// What agents may do there. Default `["get"]`.
    #[serde(default = "reading")]
    pub methods: Vec<Allowed>,
    /// What the host adds to each request, so that the service knows it. Default: nothing.
    #[serde(default)]
    pub credential: Option<Credential>,
    /// Where what is sent is processed, for whoever asks to whom their data went. Default: not said.
    #[serde(default)]
    #[schemars(length(max = 200))]
    pub region: String,
    /// How long an answer may take, 100 to 10,000. Default 5,000.
    #[serde(default = "five_seconds")]
    #[schemars(range(min = 100, max = 10_000))]
    pub wait_ms: u32,
    /// The longest answer, 1 to 262,144. Default 65,536.
    #[serde(default = "a_page")]
    #[schemars(range(min = 1, max = 262_144))]
    pub answer_bytes: u32,
}

/// A header that the host adds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Credential {
    /// Its name. Default `authorization`.
    #[serde(default = "authorization")]
    #[schemars(length(min = 1, max = 64))]
    pub header: String,
    /// What stands before the secret in it. Default `"Bearer "` for `authorization`, nothing for others.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub before: Option<String>,
    /// The name of the tenant's secret.
    #[schemars(length(min = 1, max = 64))]
    pub secret: String,
}

fn reading() -> Vec<Allowed> {
    vec![Allowed::Get]
}
const fn five_seconds() -> u32 {
    5_000
}
const fn a_page() -> u32 {
    65_536
}
fn authorization() -> String {
    "authorization".into()
}
