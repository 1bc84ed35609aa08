//! A tenant's connectors: services that agents send requests to by a name, with credentials that they never see.

use std::collections::HashSet;

use parloir_contract::{Method, has_hidden};
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

impl From<Method> for Allowed {
    fn from(method: Method) -> Self {
        match method {
            Method::Get => Self::Get,
            Method::Post => Self::Post,
            Method::Put => Self::Put,
            Method::Patch => Self::Patch,
            Method::Delete => Self::Delete,
        }
    }
}

/// A connector of the operator's file: `[[tenant.connector]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NamedConnector {
    /// What agents call it: 1 to 64 letters, digits, `.`, `-` and `_`.
    pub name: String,
    /// What it says.
    #[serde(flatten)]
    pub connector: Connector,
}

/// Headers that the host itself writes, or that a request is read by: none of them holds a credential.
const OF_THE_HOST: [&str; 16] = [
    "accept",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "idempotency-key",
    "keep-alive",
    "te",
    "traceparent",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
];

/// Whether a text can be the name of a connector or of a secret: 1 to 64 letters, digits, `.`, `-` and `_`, not beginning with
/// a dot.
pub fn is_name(text: &str) -> bool {
    let of_a_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    (1..=64).contains(&text.len()) && !text.starts_with('.') && text.bytes().all(of_a_name)
}

/// Whether these can be one tenant's, each by itself and all together.
///
/// # Errors
/// What is wrong, and what to write.
pub fn validate(connectors: &[NamedConnector]) -> Result<(), String> {
    if connectors.len() > MAX_CONNECTORS {
        return Err(format!("has {} connectors and may have {MAX_CONNECTORS}", connectors.len()));
    }
    let mut names = HashSet::new();
    for NamedConnector { name, connector } in connectors {
        if !is_name(name) {
            return Err(format!(
                "a connector is named {name:?}: write 1 to 64 letters, digits, `.`, `-` and `_`"
            ));
        }
        if !names.insert(name) {
            return Err(format!("two connectors are named {name:?}: rename one of them"));
        }
        connector.validate().map_err(|problem| format!("connector {name}: {problem}"))?;
    }
    Ok(())
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

impl Connector {
    /// Whether requests can be sent so, as far as that is not a matter of its address.
    ///
    /// # Errors
    /// What is wrong, and what to write.
    pub fn validate(&self) -> Result<(), String> {
        if self.methods.is_empty() {
            return Err("`methods` allows nothing: write at least [\"get\"], or leave it out".into());
        }
        if !(100..=MOST_WAIT_MS).contains(&self.wait_ms) {
            return Err(format!("`wait-ms` is from 100 to {MOST_WAIT_MS}"));
        }
        if !(1..=MOST_ANSWER_BYTES).contains(&self.answer_bytes) {
            return Err(format!("`answer-bytes` is from 1 to {MOST_ANSWER_BYTES}"));
        }
        if self.region.chars().count() > 200 || has_hidden(&self.region) {
            return Err("`region` is a word of at most 200 characters, such as \"EU\"".into());
        }
        self.credential.as_ref().map_or(Ok(()), Credential::validate)
    }
}

impl Credential {
    /// What stands before the secret.
    pub fn before(&self) -> &str {
        let usual = if self.header.eq_ignore_ascii_case("authorization") { "Bearer " } else { "" };
        self.before.as_deref().unwrap_or(usual)
    }

    fn validate(&self) -> Result<(), String> {
        // RFC 9110 §5.6.2, without what nobody names a header with.
        let of_a_header = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let header = &self.header;
        if !(1..=64).contains(&header.len()) || !header.bytes().all(of_a_header) {
            return Err("`header` is the name of a header, such as \"x-api-key\"".into());
        }
        if OF_THE_HOST.contains(&header.to_ascii_lowercase().as_str()) {
            return Err(format!("`header` is {header:?}, which the host writes itself: name another"));
        }
        let before = self.before();
        if before.len() > 64 || !before.bytes().all(|b| b == b' ' || b.is_ascii_graphic()) {
            return Err("`before` is at most 64 visible characters of ASCII, such as \"Token \"".into());
        }
        if !is_name(&self.secret) {
            return Err(
                "`secret` is the name of a secret, not the secret: 1 to 64 letters, digits, `.`, `-` and `_`"
                    .into(),
            );
        }
        Ok(())
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn connector(more: &str) -> NamedConnector {
        toml::from_str(&format!("name = \"crm\"\nurl = \"https://crm.example.com/\"\n{more}")).unwrap()
    }

    #[test]
    fn what_is_left_out_is_as_documented() {
        let NamedConnector { name, connector } = connector("");
        assert_eq!((name.as_str(), connector.methods.as_slice()), ("crm", [Allowed::Get].as_slice()));
        assert_eq!((connector.wait_ms, connector.answer_bytes, connector.credential), (5_000, 65_536, None));
        let credential = |more: &str| {
            let more = format!("credential = {{ secret = \"key\"{more} }}");
            self::connector(&more).connector.credential.unwrap().before().to_owned()
        };
        assert_eq!(credential(""), "Bearer ");
        assert_eq!(credential(", header = \"Authorization\", before = \"Token \""), "Token ");
        assert_eq!(credential(", header = \"x-api-key\""), "");
    }

    #[test]
    fn what_no_request_can_be_sent_by_says_what_to_write() {
        let table = [
            ("methods = []", "at least [\"get\"]"),
            ("wait-ms = 99", "from 100 to 10000"),
            ("answer-bytes = 262145", "from 1 to 262144"),
            ("region = \"a\\u0007\"", "such as \"EU\""),
            ("region = \"a\\u202e\"", "such as \"EU\""),
            ("credential = { secret = \"a key\" }", "the name of a secret"),
            ("credential = { secret = \"key\", header = \"x key\" }", "such as \"x-api-key\""),
            ("credential = { secret = \"key\", header = \"Host\" }", "the host writes itself"),
            ("credential = { secret = \"key\", before = \"a\\r\\nb\" }", "visible characters"),
        ];
        for (more, said) in table {
            let problem = validate(&[connector(more)]).unwrap_err();
            assert!(problem.starts_with("connector crm: ") && problem.contains(said), "{problem}");
        }
        let twice = validate(&[connector(""), connector("")]).unwrap_err();
        assert!(twice.contains("rename one of them"), "{twice}");
        let unnamed = NamedConnector { name: "https://crm.example.com/".into(), ..connector("") };
        assert!(validate(&[unnamed]).is_err());
        let many: Vec<_> =
            (0..33).map(|n| NamedConnector { name: format!("crm-{n}"), ..connector("") }).collect();
        assert!(validate(&many).unwrap_err().contains("may have 32"));
    }
}
