//! A test of a receiver that its tenant describes: one message that tells of no call, signed as all are.

use std::time::Instant;

use bytes::Bytes;
use parloir_admin::resource::{WEBHOOK_TEST, WebhookTested};
use parloir_connect::OutboundError;
use parloir_contract::{CallId, SpanId, TenantId, TraceId, TraceParent};
use parloir_journal::ProviderStatus;
use serde_json::json;

use super::{MAX_ANSWER, PATIENCE, Webhooks, headers, judged, now};

/// The name of a message, and whom its trace is of: nothing that there is.
fn random() -> Result<CallId, String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| format!("the machine has no randomness: {error}"))?;
    Ok(CallId::from_bytes(bytes))
}

/// What a test says.
fn body(webhook: &str) -> Vec<u8> {
    let at = jiff::Timestamp::now().to_string();
    json!({ "type": WEBHOOK_TEST, "timestamp": at, "data": { "webhook": webhook } }).to_string().into_bytes()
}

/// Why a receiver was not reached, for whoever described it. Where its name leads inside the operator's networks is not theirs to know.
fn unreached(error: &OutboundError) -> &'static str {
    match error {
        OutboundError::Refused(_) => {
            "nothing was sent: its name has no address, or leads where no request of this tenant's goes, or is written with http://, which can be read on its way. Write its public https:// address, or have whoever runs the installation open its network (`allow-private` of [outbound])"
        }
        OutboundError::TimedOut => "it did not answer within 15 seconds: have it answer before it works",
        OutboundError::Unreachable(_) => {
            "nobody answers there, or the connection broke off: look at its address and its certificate"
        }
        OutboundError::TooLong { .. } => "its answer was too long: have it answer with a status alone",
    }
}

impl Webhooks {
    /// Sends a test to the receiver whose messages wait under this.
    ///
    /// # Errors
    /// Why nothing was sent, with what to do.
    pub(crate) async fn test(
        &self,
        tenant: &TenantId,
        id: &str,
        name: &str,
    ) -> Result<WebhookTested, String> {
        let not_yet =
            || format!("webhook {name} is not told of anything yet; look at parloir tenant problems");
        let hook = self.own.named(tenant, id).ok_or_else(not_yet)?;
        let client = self.client(tenant).ok_or_else(not_yet)?;
        let (says, of) = (hook.says(), random()?);
        let message = format!("msg_{of}_{}", WEBHOOK_TEST.replace('.', "-"));
        let body = body(name);
        let Ok(place) = tokio::time::timeout(PATIENCE, self.places.take(tenant)).await else {
            return Err(
                "as many messages are on their way as there is room for; test it again in a moment".into()
            );
        };
        let seconds = now() / 1_000;
        let signatures: Vec<_> =
            says.signing(now()).map(|secret| secret.sign(&message, seconds, &body)).collect();
        if signatures.is_empty() {
            return Err(format!(
                "nothing signs what it is told; have a secret made: parloir webhook secret {name}"
            ));
        }
        let trace = TraceParent { trace: TraceId::of(of), span: SpanId::of(of, 0) };
        let headers = headers(&message, seconds, &signatures, trace).ok_or_else(not_yet)?;
        let began = Instant::now();
        let answer = client.post(&says.to, headers, Bytes::from(body), PATIENCE).await;
        let (status, problem) = match answer {
            Ok(answer) => {
                let code = answer.status();
                // What it says is of no interest, and its connection can be used again.
                let _read = answer.body(MAX_ANSWER).await;
                let taken = judged(code) == ProviderStatus::Ok;
                let problem = (!taken).then(|| {
                    format!("it answered {code}, and takes a message by answering 2xx: look at its own log, and at the secret that it checks signatures with")
                });
                (Some(code), problem)
            }
            Err(error) => {
                tracing::warn!(%tenant, host = says.to.host(), %error, "a webhook that is tested was not reached");
                (None, Some(unreached(&error).to_owned()))
            }
        };
        drop(place);
        Ok(WebhookTested {
            id: name.to_owned(),
            message,
            arrived: problem.is_none(),
            status,
            took_ms: u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX),
            problem,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_names_its_webhook_and_no_call_and_says_nothing_of_where_a_name_leads() {
        let body: serde_json::Value = serde_json::from_slice(&body("crm")).unwrap();
        assert_eq!((&body["type"], &body["data"]), (&json!("webhook.test"), &json!({ "webhook": "crm" })));
        assert!(body["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
        let told = unreached(&OutboundError::Refused("10.1.2.3 is a private address".into()));
        assert!(!told.contains("10.1.2.3") && told.contains("allow-private"), "{told}");
    }
}
