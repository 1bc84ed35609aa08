//! Webhooks: a tenant's receivers are told of its calls when they are over, signed as Standard Webhooks says.
//!
//! Before a call is answered, a row for each message that it will have is durable; the message is due when the call is over,
//! however it ends, and if the program was killed, at the next start. It is sent until the receiver takes it, or has not for
//! about a day. A receiver may get a message twice, always with the same `webhook-id`, and messages in any order. Each time is in
//! the tenant's log before it leaves. Every receiver has a queue and a task of its own: one that does not answer holds up no
//! other, and no call. What is on its way at one time is bounded over all tenants ([`places`]); the rest waits where it is.
//!
//! Receivers of the operator's file are there from a start on; those that tenants describe themselves are in [`own`].

mod message;
mod outbox;
mod own;
mod places;
mod test;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use parloir_connect::{Destination, Names, Outbound, OutboundError, SigningSecret, TRIES, wait_after};
use parloir_contract::{CallId, LineId, SpanId, TenantId, TraceId, TraceParent};
use parloir_journal::{
    CallEntry, JournalError, ProviderEnded, ProviderRole, ProviderStarted, ProviderStatus, ProviderUsage,
    ReadError,
};
use parloir_store::{Batch, TenantStore};
use parloir_tenancy::Hidden as _;
use parloir_tenancy::minimise::Category;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use self::outbox::{Message, Outbox, ROWS, State};
use self::own::Own;
use self::places::Places;
use crate::config::{Config, WebhookEvent};
use crate::outbound::Clients;
use crate::serve::{House, ServeError};

/// How long a receiver may take for one answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// Bytes of an answer that are read, so that its connection can be used again; what they say is of no interest.
const MAX_ANSWER: usize = 16 << 10;
/// Messages that one receiver is sent at a time.
const TOGETHER: usize = 4;
/// The longest sleep: the clock may be set meanwhile.
const LONGEST: Duration = Duration::from_secs(60);
/// The receiver wants no more of it (RFC 9110 §15.5.11).
const GONE: u16 = 410;

/// A receiver.
struct Hook {
    tenant: TenantId,
    /// What it is told, and how: its tenant may say otherwise.
    says: RwLock<Arc<Says>>,
    outbox: Outbox,
    /// Whether what waited for it is known, and is sent.
    begun: AtomicBool,
    /// It is none any more.
    gone: CancellationToken,
}

/// What a receiver is told, and how.
struct Says {
    to: Destination,
    /// The present one first, each with until when it signs, in milliseconds since 1970-01-01 UTC.
    secrets: Vec<(SigningSecret, Option<u64>)>,
    events: Vec<WebhookEvent>,
    region: String,
}

impl Says {
    /// What signs at this time.
    fn signing(&self, now: u64) -> impl Iterator<Item = &SigningSecret> {
        let all = self.secrets.iter().filter(move |(_, until)| until.is_none_or(|until| until > now));
        all.map(|(secret, _)| secret)
    }
}

/// The receivers of an installation.
pub(crate) struct Webhooks {
    /// Made where there are receivers, or may be.
    clients: Option<Clients>,
    /// One for each tenant that has a receiver.
    of_tenants: Mutex<HashMap<TenantId, Outbound>>,
    /// Those of the operator's file.
    hooks: HashMap<TenantId, Vec<Arc<Hook>>>,
    /// Those that tenants describe themselves.
    own: Own,
    /// What may be on its way at one time.
    places: Places,
}

/// Messages of a call that lasts. Dropped, however the call ended, they are due.
#[derive(Default)]
pub(crate) struct Promised(Vec<(Arc<Hook>, Message, State)>);

impl Drop for Promised {
    fn drop(&mut self) {
        let due = now();
        for (hook, message, state) in self.0.drain(..) {
            hook.outbox.wait(message, State { due, ..state });
        }
    }
}

/// What becomes of a message after a try.
enum After {
    /// Nothing more: it arrived, or there is nothing to tell.
    Done,
    /// It did not arrive.
    Failed,
    /// It will never arrive, and that was told.
    GivenUp,
}

impl Webhooks {
    /// Those of a configuration; their secrets are read here. Where names lead, these say.
    pub(crate) fn new(config: &Config, names: &Arc<dyn Names>) -> Result<Self, ServeError> {
        let mut hooks: HashMap<TenantId, Vec<Arc<Hook>>> = HashMap::new();
        for configured in &config.webhooks {
            let tenant = configured.tenant.clone();
            let wrong = |problem: String| ServeError::Webhook {
                tenant: tenant.to_string(),
                host: configured.url.host().to_owned(),
                problem,
            };
            let mut secrets = Vec::new();
            for (name, secret) in ["secret", "previous-secret"].into_iter().zip(configured.secrets()) {
                let secret = secret.resolve().map_err(wrong)?;
                let secret = secret.reveal().parse::<SigningSecret>();
                secrets.push((secret.map_err(|error| wrong(format!("`{name}`: {error}")))?, None));
            }
            let mut events = configured.events.clone();
            events.sort_unstable();
            events.dedup();
            let (to, region) = (configured.url.clone(), configured.region.clone());
            let outbox = Outbox::new(to.reveal());
            let hook = Hook::new(tenant.clone(), Says { to, secrets, events, region }, outbox);
            hooks.entry(tenant).or_default().push(Arc::new(hook));
        }
        let (of_tenants, own, places) = (Mutex::default(), Own::default(), Places::default());
        if hooks.is_empty() && config.admin.is_none() {
            return Ok(Self { clients: None, of_tenants, hooks, own, places });
        }
        let clients = Clients::new(config, names).map_err(|problem| ServeError::Webhook {
            tenant: hooks.keys().next().map(TenantId::to_string).unwrap_or_default(),
            host: "the client".to_owned(),
            problem,
        })?;
        Ok(Self { clients: Some(clients), of_tenants, hooks, own, places })
    }

    /// By what a tenant's receivers are reached.
    fn client(&self, tenant: &TenantId) -> Option<Outbound> {
        let clients = self.clients.as_ref()?;
        let mut all = self.of_tenants.lock();
        Some(all.entry(tenant.clone()).or_insert_with(|| clients.of(tenant)).clone())
    }

    /// Keeps durably that a call's receivers are to be told of it. Where that fails the call is answered all the same.
    pub(crate) async fn expect(
        &self,
        store: &TenantStore,
        call: CallId,
        carrier: Option<TraceParent>,
    ) -> Promised {
        let trace = carrier.map_or_else(|| TraceId::of(call), |carrier| carrier.trace);
        let state = State { tries: 0, due: now(), trace: TraceParent { trace, span: SpanId::of(call, 0) } };
        let (mut promised, mut batch) = (Vec::new(), Batch::new());
        let own = self.own.of(store.tenant());
        for hook in self.hooks.get(store.tenant()).into_iter().flatten().chain(&own) {
            let says = hook.says();
            if says.signing(now()).next().is_none() {
                continue;
            }
            if !hook.outbox.reserve(says.events.len()) {
                tracing::error!(tenant = %hook.tenant, host = says.to.host(), %call, "too much waits for a webhook: it is not told of this call");
                continue;
            }
            for event in &says.events {
                let message = Message { call, event: *event };
                batch = hook.outbox.put(batch, message, state);
                promised.push((Arc::clone(hook), message, state));
            }
        }
        if promised.is_empty() {
            return Promised::default();
        }
        if let Err(error) = store.apply(batch).await {
            tracing::error!(tenant = %store.tenant(), %call, %error, "webhooks are not told of this call: storage refused to keep that they should be");
            promised.iter().for_each(|(hook, ..)| hook.outbox.release(1));
            return Promised::default();
        }
        Promised(promised)
    }

    /// Takes in what earlier runs left, and starts to send, until the tasks are aborted. To be awaited before any call is
    /// answered.
    pub(crate) async fn start(house: &Arc<House>) -> Vec<JoinHandle<()>> {
        house.webhooks.forget_others(house).await;
        let described = house.described().await;
        let mut tasks = Vec::new();
        for hook in house.webhooks.hooks.values().flatten() {
            let says = hook.says();
            let (tenant, host) = (&hook.tenant, says.to.host());
            let store = match house.installation.rooms(tenant) {
                Some(rooms) => Some(rooms.store),
                // It is answered once its agents are compiled.
                None if described.contains(tenant) => house.installation.storage.rows(tenant).await.ok(),
                None => None,
            };
            match store {
                Some(store) => match hook.outbox.load(&store).await {
                    Ok(0) => {}
                    Ok(waiting) => tracing::info!(%tenant, host, waiting, "webhooks are still to be sent"),
                    Err(error) => {
                        tracing::error!(%tenant, host, %error, "what waits for a webhook is not sent before the next start");
                    }
                },
                None => tracing::warn!(%tenant, host, "a [[webhook]] is of a tenant that is not here"),
            }
            tasks.push(tokio::spawn(send(Arc::clone(hook), Arc::clone(house))));
        }
        let mut sending = JoinSet::new();
        Own::begin(house, &mut sending).await;
        tasks.push(tokio::spawn(Own::look_after(Arc::clone(house), sending)));
        tasks
    }

    /// What waits for receivers that the configuration does not name any more is not sent, ever.
    async fn forget_others(&self, house: &House) {
        let storage = &house.installation.storage;
        for tenant in storage.journal.tenants().await.unwrap_or_default() {
            let known: Vec<&Outbox> =
                self.hooks.get(&tenant).into_iter().flatten().map(|hook| &hook.outbox).collect();
            let gone = match storage.rows(&tenant).await {
                Ok(store) => Outbox::forget_others(&store, ROWS, &known).await,
                Err(error) => Err(error),
            };
            match gone {
                Ok(0) => {}
                Ok(gone) => {
                    tracing::warn!(%tenant, gone, "webhooks that waited for receivers who are not in parloir.toml are forgotten");
                }
                Err(error) => {
                    tracing::error!(%tenant, %error, "what waits for webhooks could not be looked through")
                }
            }
        }
    }
}

/// Sends what is due to one receiver.
async fn send(hook: Arc<Hook>, house: Arc<House>) {
    let mut running = JoinSet::new();
    loop {
        while running.len() < TOGETHER
            && !hook.gone.is_cancelled()
            && let Some((message, state)) = hook.outbox.take_due(now())
        {
            running.spawn(hand_over(Arc::clone(&hook), Arc::clone(&house), message, state));
        }
        let free = running.len() < TOGETHER;
        let next = hook.outbox.next_due().filter(|_| free);
        let next = next.map(|due| Duration::from_millis(due.saturating_sub(now())).min(LONGEST));
        tokio::select! {
            Some(done) = running.join_next(), if !running.is_empty() => {
                if let Err(error) = done {
                    tracing::error!(tenant = %hook.tenant, %error, "a webhook is not sent before the next start");
                }
            }
            () = hook.outbox.news() => {}
            () = pause(next) => {}
            () = hook.gone.cancelled() => break,
        }
    }
    // What is on its way has its end in the log.
    while running.join_next().await.is_some() {}
}

async fn pause(next: Option<Duration>) {
    match next {
        Some(next) => tokio::time::sleep(next).await,
        None => std::future::pending().await,
    }
}

/// One try of one message, once there is a place for it, and what follows from it.
async fn hand_over(hook: Arc<Hook>, house: Arc<House>, message: Message, state: State) {
    let store = match house.installation.rooms(&hook.tenant) {
        Some(rooms) => rooms.store,
        // It is not answered yet, as where its agents are still compiled.
        None => match house.installation.storage.rows(&hook.tenant).await {
            Ok(store) => store,
            Err(_) => return,
        },
    };
    let place = tokio::select! {
        // A tenant that left has no share of the places any more, and is given none.
        biased;
        // Nobody would be told.
        () = hook.gone.cancelled() => {
            hook.outbox.forget(&store, message).await;
            return;
        }
        place = house.webhooks.places.take(&hook.tenant) => place,
    };
    let says = hook.says();
    let (tenant, host, call) = (&hook.tenant, says.to.host(), message.call);
    let told = hook.tell(&house, message, state).await;
    drop(place);
    let after = match told {
        Ok(after) => after,
        Err(error) => {
            tracing::error!(%tenant, host, %call, %error, "a webhook could not be sent; it is tried again");
            After::Failed
        }
    };
    // Nobody would send it, and what waited for this one may have been looked for already.
    let after = if hook.gone.is_cancelled() { After::Done } else { after };
    let tries = state.tries.saturating_add(1);
    let [spread, ..] = *call.as_bytes();
    match (after, wait_after(tries, spread)) {
        (After::Done | After::GivenUp, _) => hook.outbox.forget(&store, message).await,
        (After::Failed, Some(wait)) => {
            let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            let state = State { tries, due: now().saturating_add(wait), ..state };
            hook.outbox.put_back(&store, message, state).await;
        }
        (After::Failed, None) => {
            tracing::error!(%tenant, host, %call, tries, "a webhook is given up");
            hook.outbox.forget(&store, message).await;
        }
    }
}

impl Hook {
    async fn tell(&self, house: &House, message: Message, state: State) -> Result<After, JournalError> {
        let Some(client) = house.webhooks.client(&self.tenant) else { return Ok(After::Done) };
        let journal = &house.installation.storage.journal;
        let Some(entry) = journal.call(&self.tenant, message.call).await? else { return Ok(After::Done) };
        if entry.outcome.is_none() {
            // Its end could not be written; the next start writes it.
            return Ok(After::Failed);
        }
        let Some(body) = self.body(house, message.event, &entry).await? else { return Ok(After::Done) };
        let id = format!("msg_{}_{}", message.call, message.event.name().replace('.', "-"));
        let says = self.says();
        let seconds = now() / 1_000;
        // A receiver takes it where any of them is by a secret that it knows.
        let signatures: Vec<_> = says.signing(now()).map(|secret| secret.sign(&id, seconds, &body)).collect();
        if signatures.is_empty() {
            // Until somebody has another made.
            return Ok(After::Failed);
        }
        let Some(headers) = headers(&id, seconds, &signatures, state.trace) else { return Ok(After::Done) };
        let attempt = state.tries.saturating_add(1);
        let bytes_sent = body.len() as u64;
        let started = ProviderStarted {
            attempt,
            role: ProviderRole::Webhook,
            provider: says.to.host().to_owned(),
            model: message.event.name().to_owned(),
            region: says.region.clone(),
            bytes_sent,
            characters_sent: 0,
            purpose: None,
        };
        let delivery = journal.deliver(&self.tenant, message.call, started).await?;
        let began = Instant::now();
        let answer = client.post(&says.to, headers, Bytes::from(body), PATIENCE).await;
        let (status, code, sent, received) = match answer {
            Ok(answer) => {
                let code = answer.status();
                let body = answer.body(MAX_ANSWER).await;
                let received = body.map_or_else(|broken| broken.came, |body| body.len() as u64);
                (judged(code), code, bytes_sent, received)
            }
            Err(error) => {
                tracing::warn!(tenant = %self.tenant, host = says.to.host(), %error, "a webhook was not reached");
                let (status, sent) = match error {
                    OutboundError::Refused(_) => (ProviderStatus::Refused, 0),
                    // It may have left, all of it.
                    OutboundError::TimedOut => (ProviderStatus::TimedOut, bytes_sent),
                    OutboundError::Unreachable(_) => (ProviderStatus::Unreachable, bytes_sent),
                    OutboundError::TooLong { .. } => (ProviderStatus::Malformed, bytes_sent),
                };
                (status, 0, sent, 0)
            }
        };
        let after = if status == ProviderStatus::Ok {
            After::Done
        } else if code == GONE || attempt >= TRIES {
            After::GivenUp
        } else {
            After::Failed
        };
        let remark = matches!(after, After::GivenUp)
            .then(|| format!("given up after {attempt} tries: it is not sent again"));
        let ended = ProviderEnded {
            started: 0,
            status,
            code,
            latency_ms: u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX),
            first_ms: None,
            bytes_sent: sent,
            bytes_received: received,
            usage: ProviderUsage::default(),
        };
        if let Err(error) = delivery.end(matches!(after, After::Done), ended, remark).await {
            // It has left, and the log says so: whether it arrived decides whether it leaves again.
            tracing::error!(tenant = %self.tenant, %error, "how a webhook went is not in the log");
        }
        Ok(after)
    }

    /// What is to be sent; `None` where there is nothing to tell, or nothing that may be told.
    async fn body(
        &self,
        house: &House,
        event: WebhookEvent,
        entry: &CallEntry,
    ) -> Result<Option<Vec<u8>>, JournalError> {
        let storage = &house.installation.storage;
        let mut records = match storage.journal.records(&self.tenant, entry.call).await {
            Ok(records) => records,
            Err(JournalError::Read(ReadError::Erased { .. } | ReadError::NoSuchCall { .. })) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        // What is kept and not used is not handed over.
        let restricted = storage.restrictions(&self.tenant).await?;
        if restricted.as_ref().is_some_and(|restricted| restricted.of_call(&records).is_some()) {
            return Ok(None);
        }
        // A line that is gone keeps everything to itself.
        let all = [Category::CardNumbers, Category::PhoneNumbers, Category::EmailAddresses];
        let line = entry.line.parse::<LineId>().ok();
        let line = line.and_then(|number| house.installation.house().line(&number).cloned());
        let line = line.filter(|line| line.tenant.id == self.tenant);
        let minimise = line.as_ref().map_or(all.as_slice(), |line| line.config.minimise.as_slice());
        let body = message::body(event, entry, &mut records, minimise);
        // A report may name somebody else than who rang.
        let hidden = |body: &Vec<u8>| {
            event == WebhookEvent::ReportFiled
                && restricted.as_ref().is_some_and(|restricted| restricted.hides("", body))
        };
        Ok(body.filter(|body| !hidden(body)))
    }
}

fn headers(id: &str, seconds: u64, signatures: &[String], trace: TraceParent) -> Option<HeaderMap> {
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-signature", signatures.join(" ")),
        ("traceparent", trace.to_string()),
    ];
    headers
        .into_iter()
        .map(|(name, value)| Some((HeaderName::from_static(name), HeaderValue::from_str(&value).ok()?)))
        .collect()
}

/// What a status says of a delivery.
const fn judged(code: u16) -> ProviderStatus {
    match code {
        200..=299 => ProviderStatus::Ok,
        300..=499 => ProviderStatus::Refused,
        _ => ProviderStatus::Failed,
    }
}

/// Milliseconds since 1970-01-01 UTC.
fn now() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or_default()
}
