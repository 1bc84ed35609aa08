//! A tenant's webhooks: who is told of its calls, of what, and by what they know who tells them.

use jiff::Timestamp;
use parloir_contract::has_hidden;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::is_name;

/// Webhooks of one tenant that it describes itself, and as many of the operator's file.
pub const MAX_WEBHOOKS: usize = 16;
/// For how long what signed before signs beside the present secret, in hours.
pub const PREVIOUS_HOURS: i64 = 24;
/// The type of the message that is sent where a webhook is tested: its `data` holds the webhook's name, and nothing of any call.
pub const WEBHOOK_TEST: &str = "webhook.test";
/// The longest region, in characters.
const MAX_REGION: usize = 200;

/// What a receiver is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum WebhookEvent {
    /// A call is over: when, how, on which line. Nothing that was said, and nobody's number.
    #[serde(rename = "call.ended")]
    CallEnded,
    /// A call is over and its agent filed a report: who rang, and the report.
    #[serde(rename = "report.filed")]
    ReportFiled,
}

impl WebhookEvent {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::CallEnded, Self::ReportFiled];

    /// As it is written, and told.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CallEnded => "call.ended",
            Self::ReportFiled => "report.filed",
        }
    }
}

/// A receiver that is told of a tenant's calls when they are over, signed as Standard Webhooks says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Webhook {
    /// Where it listens, such as `https://hooks.example.com/calls`. By `http://` only in networks that the operator allows.
    #[schemars(length(min = 1, max = 2_000))]
    pub url: String,
    /// What it is told: `call.ended`, `report.filed`, or both.
    #[schemars(schema_with = "events")]
    pub events: Vec<WebhookEvent>,
    /// Where what it is told is processed, for whoever asks to whom their data went. Default: not said.
    #[serde(default)]
    #[schemars(length(max = 200))]
    pub region: String,
    /// The tenant's secret that signs, by its name: `whsec_…`, as Standard Webhooks writes it. Left out: one that the installation
    /// makes, with `POST …/webhooks/{name}/secret`.
    #[serde(default)]
    #[schemars(schema_with = "optional_name")]
    pub secret: Option<String>,
}

impl Webhook {
    /// Whether it can be told so, as far as that is not a matter of its address or of its secret.
    ///
    /// # Errors
    /// What is wrong, and what to write.
    pub(crate) fn validate(&self) -> Result<(), String> {
        let mut events = self.events.clone();
        events.sort_unstable();
        events.dedup();
        if events.is_empty() || events.len() != self.events.len() {
            return Err(
                "`events` is empty or names one twice: write call.ended, report.filed, or both".into()
            );
        }
        if self.region.chars().count() > MAX_REGION || has_hidden(&self.region) {
            return Err("`region` is no such word: write at most 200 characters, such as \"EU\"".into());
        }
        match &self.secret {
            Some(secret) if !is_name(secret) => {
                Err("`secret` is no name of a secret: write one that there is, see `parloir secret list`"
                    .into())
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// What signs what a receiver is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SignedBy {
    /// Nothing yet, so that nothing is sent: a secret is still to be made.
    Nothing,
    /// The tenant's secret that it names.
    Secret,
    /// One that the installation made, and told once.
    Made,
}

/// A receiver, as it is listed: not what signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct WebhookState {
    /// What it says.
    pub webhook: Webhook,
    /// What signs what it is told.
    pub signed_by: SignedBy,
    /// Until when the secret before that one signs, too; `null` where none does.
    #[schemars(with = "Option<String>")]
    pub previous_until: Option<Timestamp>,
}

/// A secret that was made for a receiver to check signatures with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct WebhookSecret {
    /// Of which webhook.
    pub id: String,
    /// The secret itself, told this once. `null` where the answer is told again.
    pub secret: Option<String>,
    /// Until when the secret before that one signs, too; `null` where none does.
    #[schemars(with = "Option<String>")]
    pub previous_until: Option<Timestamp>,
}

/// How a test of a webhook went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct WebhookTested {
    /// Of which webhook.
    pub id: String,
    /// The `webhook-id` of the message, whose type is `webhook.test`.
    pub message: String,
    /// Whether the receiver took it: it answered 2xx.
    pub arrived: bool,
    /// The status that it answered; `null` where nobody answered.
    pub status: Option<u16>,
    /// How long that took, in milliseconds.
    pub took_ms: u32,
    /// Why it was not taken, and what to do; `null` where it was.
    pub problem: Option<String>,
}

fn events(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "items": { "type": "string", "enum": WebhookEvent::ALL.map(WebhookEvent::name) },
        "minItems": 1,
        "maxItems": WebhookEvent::ALL.len(),
        "uniqueItems": true
    })
}

fn optional_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "pattern": "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tells_nothing_or_the_same_twice_is_refused() {
        let webhook = |text: &str| serde_json::from_str::<Webhook>(text).unwrap().validate();
        let url = r#""url": "https://hooks.example.com/calls""#;
        assert_eq!(webhook(&format!(r#"{{{url}, "events": ["call.ended", "report.filed"]}}"#)), Ok(()));
        for (rest, field) in [
            (r#""events": []"#, "`events`"),
            (r#""events": ["call.ended", "call.ended"]"#, "`events`"),
            (r#""events": ["call.ended"], "secret": "../crm""#, "`secret`"),
            (r#""events": ["call.ended"], "region": "a\u001b[2J""#, "`region`"),
        ] {
            let told = webhook(&format!("{{{url}, {rest}}}")).unwrap_err();
            assert!(told.starts_with(field), "{told}");
        }
    }
}
