//! Tenants' connectors: services that agents send requests to by a name, with credentials that they never see.
//!
//! What is configured and the secrets it names rest apart, each in a place that is put in as a whole: whoever has a tenant's place
//! in hand, as every live call has, sends the next request by what is there then. Secrets are in memory alone, and in nothing
//! that is told: they go into one header, and are taken out of answers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method as HttpMethod};
use bytes::Bytes;
use parking_lot::RwLock;
use parloir_call::{Ready, Sent, Transmission};
use parloir_connect::{BrokenOff, Destination, HeldSecret, Names, Outbound, OutboundError};
use parloir_contract::{ConnectorAnswer, ConnectorRequest, Method, Refusal, TenantId, TraceParent};
use parloir_journal::ProviderStatus;
use parloir_tenancy::connector::{Allowed, Connector, MAX_SECRET, NamedConnector};
use parloir_tenancy::secret::{self, LEAST_SECRET};
use serde::de::IgnoredAny;

use crate::config::Config;
use crate::outbound::Clients;

/// Who changes a connector, as an agent is told of it.
const WHO: &str =
    "an admin of the tenant (parloir connector add), or the operator where parloir.toml describes the tenant";

/// A tenant's secrets, by their names.
pub(crate) type Secrets = HashMap<String, Arc<HeldSecret>>;

/// The connectors of an installation.
pub(crate) struct Connectors {
    /// They are there where there may be a connector.
    clients: Option<Clients>,
    places: RwLock<HashMap<TenantId, Arc<Place>>>,
    /// The secrets of the operator's file.
    filed: HashMap<TenantId, Secrets>,
}

/// One tenant's.
pub(crate) struct Place {
    tenant: TenantId,
    client: Option<Outbound>,
    known: ArcSwap<HashMap<String, Arc<Known>>>,
    secrets: ArcSwap<Secrets>,
}

/// A connector that requests can be sent by.
struct Known {
    to: Destination,
    /// The header of its credential.
    header: Option<HeaderName>,
    said: Connector,
}

impl Known {
    fn read(said: &Connector) -> Result<Self, String> {
        said.validate()?;
        let to = Destination::parse(&said.url).map_err(|wrong| format!("`url`: {wrong}"))?;
        if to.has_query() {
            return Err("`url` has a part after ?: take it out, agents say it with each request".into());
        }
        let header = said.credential.as_ref().map(|credential| credential.header.parse::<HeaderName>());
        let header = header.transpose().map_err(|_| "`header` is no name of a header".to_owned())?;
        Ok(Self { to, header, said: said.clone() })
    }
}

/// Whether requests can be sent by a connector.
///
/// # Errors
/// What is wrong, and what to write.
pub(crate) fn check(connector: &NamedConnector) -> Result<(), String> {
    Known::read(&connector.connector)
        .map(drop)
        .map_err(|problem| format!("connector {}: {problem}", connector.name))
}

impl Connectors {
    /// Those of a configuration; secrets are read here. Where names lead, these say.
    ///
    /// # Errors
    /// Which connector or secret is wrong, and what to do.
    pub(crate) fn new(config: &Config, names: &Arc<dyn Names>) -> Result<Self, String> {
        let configured = config.tenants.iter().any(|tenant| !tenant.connectors.is_empty());
        let clients = if configured || config.admin.is_some() {
            Some(Clients::new(config, names).map_err(|problem| format!("connectors: {problem}"))?)
        } else {
            None
        };
        let mut all = Self { clients, places: RwLock::default(), filed: HashMap::new() };
        for tenant in &config.tenants {
            tenant
                .connectors
                .iter()
                .try_for_each(check)
                .map_err(|problem| format!("tenant {}: {problem}", tenant.id))?;
            all.of(&tenant.id).put_in(&tenant.connectors);
        }
        for secret in &config.secrets {
            let wrong =
                |problem: String| format!("the [[secret]] {} of {}: {problem}", secret.name, secret.tenant);
            let value = secret.value.resolve().map_err(wrong)?;
            let length = value.reveal().len();
            if !(LEAST_SECRET..=MAX_SECRET).contains(&length) {
                // A shorter one would be taken out of answers that do not know it.
                let problem =
                    format!("it has {length} characters; make it one of {LEAST_SECRET} to {MAX_SECRET}");
                return Err(wrong(problem));
            }
            let held = Arc::new(HeldSecret::new(value.reveal().to_owned()));
            all.filed.entry(secret.tenant.clone()).or_default().insert(secret.name.clone(), held);
        }
        for (tenant, secrets) in &all.filed {
            all.of(tenant).entrust(secrets.clone());
        }
        Ok(all)
    }

    /// A tenant's secrets as the directory has them, from the next request on, beside those of the operator's file: of two of one
    /// name the directory's goes before.
    pub(crate) fn entrust(&self, tenant: &TenantId, secrets: &secret::Secrets) {
        let mut all = self.filed.get(tenant).cloned().unwrap_or_default();
        let held = |secret: &secret::Secret| Arc::new(HeldSecret::new(secret.reveal().to_owned()));
        all.extend(secrets.iter().map(|(name, secret)| (name.clone(), held(secret))));
        self.of(tenant).entrust(all);
    }

    /// A tenant's place, empty where nothing is known of the tenant.
    pub(crate) fn of(&self, tenant: &TenantId) -> Arc<Place> {
        if let Some(place) = self.places.read().get(tenant) {
            return Arc::clone(place);
        }
        let mut places = self.places.write();
        let place = places.entry(tenant.clone()).or_insert_with(|| {
            Arc::new(Place {
                tenant: tenant.clone(),
                client: self.clients.as_ref().map(|clients| clients.of(tenant)),
                known: ArcSwap::default(),
                secrets: ArcSwap::default(),
            })
        });
        Arc::clone(place)
    }
}

impl Place {
    /// These connectors from the next request on, in place of all there were. One that [`check`] refuses is left out.
    pub(crate) fn put_in(&self, connectors: &[NamedConnector]) {
        let read = |named: &NamedConnector| match Known::read(&named.connector) {
            Ok(known) => Some((named.name.clone(), Arc::new(known))),
            Err(problem) => {
                tracing::error!(tenant = %self.tenant, connector = named.name, problem, "a connector is left out");
                None
            }
        };
        self.known.store(Arc::new(connectors.iter().filter_map(read).collect()));
    }

    /// Whether there is a secret of this name.
    pub(crate) fn holds(&self, name: &str) -> bool {
        self.secrets.load().contains_key(name)
    }

    /// These secrets from the next request on, in place of all there were.
    pub(crate) fn entrust(&self, secrets: Secrets) {
        self.secrets.store(Arc::new(secrets));
    }
}

impl parloir_call::Connectors for Place {
    fn ready(&self, request: ConnectorRequest) -> Result<Ready, Refusal> {
        let ConnectorRequest { connector, method, path, query, body } = request;
        let unavailable = |what: String| Err(Refusal::Unavailable(what));
        let found = self.known.load().get(&connector).map(Arc::clone);
        let (Some(known), Some(client)) = (found, self.client.clone()) else {
            return unavailable(format!(
                "there is no connector {connector:?}: it is added by {WHO}, or taken out of `connectors` of this line"
            ));
        };
        if !known.said.methods.contains(&Allowed::from(method)) {
            let method = method.name();
            return Err(Refusal::NotPermitted(format!(
                "the connector {connector:?} grants no {method}: \"{method}\" is added to its `methods` by {WHO}"
            )));
        }
        let to = known.to.below(&path, &query).map_err(|wrong| Refusal::Invalid(wrong.to_string()))?;
        if body.as_deref().is_some_and(|body| serde_json::from_str::<IgnoredAny>(body).is_err()) {
            return Err(Refusal::Invalid("the body is no JSON: write one value".into()));
        }
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let mut secret = None;
        if let (Some(credential), Some(header)) = (&known.said.credential, &known.header) {
            let name = &credential.secret;
            let Some(held) = self.secrets.load().get(name).map(Arc::clone) else {
                return unavailable(format!(
                    "the secret {name:?} of the connector {connector:?} is not there: it is kept by an admin of the tenant (parloir secret set), or the operator where parloir.toml describes the tenant"
                ));
            };
            let Some(value) = held.header(credential.before()) else {
                return unavailable(format!(
                    "the secret {name:?} of the connector {connector:?} cannot stand in a header: an admin of the tenant keeps one line of visible characters (parloir secret set), or the operator does where parloir.toml describes the tenant"
                ));
            };
            headers.insert(header.clone(), value);
            secret = Some(held);
        }
        let bytes = (to.reveal().len() + body.as_ref().map_or(0, String::len)) as u64;
        let host = to.host().to_owned();
        let region = known.said.region.clone();
        let tenant = self.tenant.clone();
        let body = body.map(Bytes::from);
        let outgoing = Outgoing {
            tenant,
            connector,
            client,
            method: http(method),
            to,
            headers,
            body,
            bytes,
            known,
            secret,
        };
        Ok(Ready { host, region, bytes, transmission: Box::new(outgoing) })
    }
}

/// A request that is about to leave.
struct Outgoing {
    tenant: TenantId,
    connector: String,
    client: Outbound,
    method: HttpMethod,
    to: Destination,
    headers: HeaderMap,
    body: Option<Bytes>,
    bytes: u64,
    known: Arc<Known>,
    secret: Option<Arc<HeldSecret>>,
}

#[async_trait]
impl Transmission for Outgoing {
    async fn send(self: Box<Self>, idempotency_key: &str, step: Option<TraceParent>) -> Sent {
        let Self { tenant, connector, client, method, to, mut headers, body, bytes, known, secret } = *self;
        let said = [
            ("idempotency-key", Some(idempotency_key.to_owned())),
            ("traceparent", step.map(|step| step.to_string())),
        ];
        for (name, value) in said {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        let wait = Duration::from_millis(known.said.wait_ms.into());
        let most = usize::try_from(known.said.answer_bytes).unwrap_or(usize::MAX);
        let (answered, error, came) = match client.send(method, &to, headers, body, wait).await {
            Ok(answer) => {
                let status = answer.status();
                match answer.body(most).await {
                    Ok(body) => return heard(status, body, bytes, secret.as_deref()),
                    Err(BrokenOff { why, came }) => (status, why, came),
                }
            }
            Err(error) => (0, error, 0),
        };
        tracing::warn!(%tenant, connector, %error, "a connector gave no answer");
        let (status, bytes_sent, bytes_received) = match error {
            OutboundError::Refused(_) => (ProviderStatus::Refused, 0, came),
            // It may have left, all of it.
            OutboundError::TimedOut => (ProviderStatus::TimedOut, bytes, came),
            OutboundError::Unreachable(_) => (ProviderStatus::Unreachable, bytes, came),
            OutboundError::TooLong { .. } => (ProviderStatus::Malformed, bytes, came),
        };
        let answer = Err(no_answer(&connector, &error));
        Sent { answer, status, code: answered, bytes_sent, bytes_received }
    }
}

/// What an agent is told where there is no answer. Where names lead to is the operator's to know: that is in the log alone.
fn no_answer(connector: &str, error: &OutboundError) -> Refusal {
    match error {
        OutboundError::Refused(_) => Refusal::Unavailable(format!(
            "the connector {connector:?} leads where nothing may be sent: have the operator look into the log, and at `allow-private` of [outbound]"
        )),
        OutboundError::TimedOut => Refusal::Unavailable(format!(
            "the connector {connector:?} did not answer in time: try again later, or have its `wait-ms` raised by {WHO}"
        )),
        OutboundError::Unreachable(_) => Refusal::Unavailable(format!(
            "the connector {connector:?} could not be reached: try again later; the operator's log says why"
        )),
        OutboundError::TooLong { most } => Refusal::Invalid(format!(
            "the connector {connector:?} answered more than {most} bytes: ask for less, or have its `answer-bytes` raised by {WHO}"
        )),
    }
}

/// A whole answer, without the secret.
fn heard(code: u16, body: Vec<u8>, bytes_sent: u64, secret: Option<&HeldSecret>) -> Sent {
    let bytes_received = body.len() as u64;
    let (status, answer) = match String::from_utf8(body) {
        Ok(body) => {
            let body = match secret {
                Some(secret) => secret.redact(body),
                None => body,
            };
            (ProviderStatus::Ok, Ok(ConnectorAnswer { status: code, body }))
        }
        Err(_) => {
            let why = format!("the service answered {code} with what is no UTF-8: ask it for text");
            (ProviderStatus::Malformed, Err(Refusal::Invalid(why)))
        }
    };
    Sent { answer, status, code, bytes_sent, bytes_received }
}

const fn http(method: Method) -> HttpMethod {
    match method {
        Method::Get => HttpMethod::GET,
        Method::Post => HttpMethod::POST,
        Method::Put => HttpMethod::PUT,
        Method::Patch => HttpMethod::PATCH,
        Method::Delete => HttpMethod::DELETE,
    }
}

#[cfg(test)]
mod tests;
