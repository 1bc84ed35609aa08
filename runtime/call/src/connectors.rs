//! Requests to the tenant's own services: as the journal must know them, and through whom they are sent.

use std::sync::Arc;

use async_trait::async_trait;
use parloir_contract::{CallId, ConnectorAnswer, ConnectorRequest, Refusal, TraceParent, sendable};
use parloir_journal::{ProviderRole, ProviderStarted, ProviderStatus, Seq};

use crate::attempt::Attempt;
use crate::shared::Shared;

/// A tenant's connectors, as they are now: a change applies to the next request.
pub trait Connectors: Send + Sync {
    /// Makes a request ready: whatever keeps it from being sent is told here, and nothing has left yet.
    ///
    /// # Errors
    /// Why it is not sent, and what to do. No secret is in it.
    fn ready(&self, request: ConnectorRequest) -> Result<Ready, Refusal>;
}

/// A request that can be sent.
pub struct Ready {
    /// Its service's host: to whom it goes.
    pub host: String,
    /// Where that processes what it gets.
    pub region: String,
    /// Bytes that leave.
    pub bytes: u64,
    /// The request itself.
    pub transmission: Box<dyn Transmission>,
}

/// A request on its way.
#[async_trait]
pub trait Transmission: Send {
    /// Sends it, under a key that is the same when it is sent again, and as a step of this trace.
    async fn send(self: Box<Self>, idempotency_key: &str, step: Option<TraceParent>) -> Sent;
}

/// How a request went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// What the agent is told.
    pub answer: Result<ConnectorAnswer, Refusal>,
    /// What the journal is told.
    pub status: ProviderStatus,
    /// The service's HTTP status; 0 where it did not answer.
    pub code: u16,
    /// Bytes that left, or may have.
    pub bytes_sent: u64,
    /// Bytes of its answer that were read.
    pub bytes_received: u64,
}

/// For a tenant without connectors.
pub struct NoConnectors;

impl Connectors for NoConnectors {
    fn ready(&self, _request: ConnectorRequest) -> Result<Ready, Refusal> {
        Err(Refusal::Unavailable("the tenant has no connectors: add a [[tenant.connector]]".into()))
    }
}

/// Sends a request and waits for its answer. Its start is durable before its first byte leaves.
pub(crate) async fn send(
    shared: &Arc<Shared>,
    request: ConnectorRequest,
) -> Result<ConnectorAnswer, Refusal> {
    sendable(&request)?;
    if !shared.gate().may_transcribe() {
        let remedy = "nothing is sent to a connector during a pause: call `resume-recording` first";
        return Err(Refusal::NotPermitted(remedy.into()));
    }
    let name = request.connector.clone();
    let Ready { host, region, bytes, transmission } = shared.connectors.ready(request)?;
    let purpose = shared.purpose();
    let asked = ProviderStarted {
        attempt: 1,
        role: ProviderRole::Connector,
        provider: host,
        model: name,
        region,
        bytes_sent: bytes,
        characters_sent: 0,
        purpose,
    };
    let begun = Attempt::start(shared, asked, true).await;
    let mut attempt = begun.map_err(|e| Refusal::Unavailable(e.to_string()))?;
    let key = idempotency_key(shared.id, purpose.unwrap_or_else(|| attempt.seq()));
    let step = attempt.step();
    let Sent { answer, status, code, bytes_sent, bytes_received } = transmission.send(&key, step).await;
    if bytes_received > 0 {
        attempt.received(bytes_received);
    }
    // What an agent is not given of an answer has come all the same.
    if answer.is_err() {
        let mut used = shared.used.lock();
        used.egress_bytes = used.egress_bytes.saturating_add(bytes_received);
    }
    attempt.over(status, code, bytes_sent);
    answer
}

/// The key under which a service knows a request again: which of the call's records asks for it.
fn idempotency_key(call: CallId, asks: Seq) -> String {
    format!("{call}-{asks}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_known_again_by_its_call_and_its_record() {
        let call: CallId = "0123456789abcdef0123456789abcdef".parse().unwrap();
        assert_eq!(idempotency_key(call, 7), "0123456789abcdef0123456789abcdef-7");
        let request = || ConnectorRequest {
            connector: "crm".into(),
            method: parloir_contract::Method::Get,
            path: String::new(),
            query: Vec::new(),
            body: None,
        };
        let refused = NoConnectors.ready(request()).err().unwrap().to_string();
        assert!(refused.contains("[[tenant.connector]]"), "{refused}");
    }
}
