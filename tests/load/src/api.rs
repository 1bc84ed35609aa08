//! `parloir-load api`: requests to the administration at a rate while calls run, and the same to its floor.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clap::Args;
use parloir_measure::{
    Failure, Figures, FloorChild, Outcome, Rate, Request, RequestFigures, at_a_rate, requests_side_by_side,
    side_by_side,
};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderValue, IF_MATCH};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use crate::{LoadArgs, RunArgs, own_command, print, server_figures};

/// Settings of a line that are written in turn: none is written again before it was answered.
const SLOTS: usize = 24;
/// Requests of one key under way at most: fewer than the administration carries out of one tenant at a time.
const UNDER_WAY: usize = 56;

#[derive(Args, Clone)]
pub(crate) struct ApiArgs {
    /// Where the administration is, as `parloir serve` says it.
    #[arg(long, env = "PARLOIR_API")]
    api: String,
    /// Keys, with commas between them: one of an admin of each tenant over which the requests are spread, and one of the
    /// installation if its tenants are to be listed too.
    #[arg(long = "key", env = "PARLOIR_KEY", hide_env_values = true, value_delimiter = ',', required = true)]
    keys: Vec<String>,
    /// Requests a second. One in ten writes a setting of the tenant's first line; those are removed in the end.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    rate: u32,
    /// Seconds that are measured, after one that is not.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=300))]
    seconds: u32,
    /// What 99 of a hundred requests may take, in milliseconds.
    #[arg(long, default_value_t = 20.0)]
    within_ms: f64,
    /// The voice webhook that is called meanwhile; nobody calls when it is not given.
    #[arg(long, requires = "server_pid")]
    url: Option<String>,
    /// The server's process, whose cost of the calls is measured too.
    #[arg(long, requires = "url")]
    server_pid: Option<u32>,
    /// Calls at once.
    #[arg(long, default_value_t = 100)]
    calls: u32,
    /// Seconds over which the calls are placed.
    #[arg(long, default_value_t = 10)]
    spread: u64,
    /// Signs the webhook and the upgrade.
    #[arg(long, env = "PARLOIR_LOAD_AUTH_TOKEN", hide_env_values = true)]
    auth_token: Option<String>,
    /// The line to ring.
    #[arg(long, default_value = "+33100000000")]
    to: String,
    /// The callers' number; the call's index replaces its last digits.
    #[arg(long, default_value = "+33600000000")]
    from: String,
    /// The server's configured end-of-turn delay: a reply's latency begins with the frame that completes it.
    #[arg(long, default_value_t = 500)]
    end_of_turn_ms: u64,
    /// One line of JSON instead of a table.
    #[arg(long)]
    json: bool,
}

impl ApiArgs {
    /// The calls that are up while the requests are sent.
    fn calls(&self) -> Option<RunArgs> {
        Some(RunArgs {
            url: self.url.clone()?,
            server_pid: self.server_pid?,
            auth_token: self.auth_token.clone(),
            via: None,
            to: self.to.clone(),
            misbehaving: Vec::new(),
            from: self.from.clone(),
            load: LoadArgs {
                calls: self.calls,
                spread: self.spread,
                // The second before, and what it takes to begin and to end.
                duration: u64::from(self.seconds) + 3,
                end_of_turn_ms: self.end_of_turn_ms,
                speech: None,
                timeout: 10,
                reply_ms: 2000,
                json: self.json,
            },
        })
    }
}

/// Measures, prints, and says whether all was answered in time.
pub(crate) async fn run(args: &ApiArgs) -> Result<bool, Failure> {
    let http = client(Duration::from_secs(10))?;
    let api = args.api.trim_end_matches('/');
    let mut desks = Vec::new();
    for key in &args.keys {
        desks.push(Arc::new(Desk::open(&http, api, key.trim()).await?));
    }
    if desks.iter().all(|desk| desk.writes.is_none()) {
        let why = "none of the keys may write a setting of a line: give one of an admin of a tenant";
        return Err(Failure::Plain(why.into()));
    }
    let mix = Mix { http, desks };
    let measured = both(args, &mix).await;
    for desk in &mix.desks {
        desk.leave(&mix.http).await;
    }
    let ((floor, beside_floor), (api, beside_api)) = measured?;
    let in_time = api.p99_ms <= args.within_ms;
    let requests = [floor, api];
    let calls: Vec<Figures> = [beside_floor, beside_api].into_iter().flatten().collect();
    let good = requests.iter().all(RequestFigures::is_good) && calls.iter().all(Figures::is_good);
    if args.json {
        print(&format!("{}\n", json!({ "requests": requests, "calls": calls, "in-time": in_time })))?;
        return Ok(good && in_time);
    }
    print(&requests_side_by_side(&requests))?;
    if !calls.is_empty() {
        print(&format!("\nMeanwhile\n{}", side_by_side(&calls)))?;
    }
    let [_, api] = &requests;
    let held = if in_time { "held" } else { "NOT HELD" };
    print(&format!("\np99 at most {} ms: {held}, {:.2} ms\n", args.within_ms, api.p99_ms))?;
    Ok(good && in_time)
}

type Run = (RequestFigures, Option<Figures>);

/// The floor, then the administration, each beside as many calls.
async fn both(args: &ApiArgs, mix: &Mix) -> Result<(Run, Run), Failure> {
    let rate = Rate { per_second: args.rate, seconds: args.seconds };
    let mut command = own_command()?;
    command.arg("request-floor");
    let mut floor = FloorChild::start(command).await?;
    let bare = Mix { http: mix.http.clone(), desks: vec![Arc::new(Desk::of_floor(&floor.url))] };
    let first =
        beside_calls(args, "with floor", at_a_rate("floor", rate, |number| bare.request(number))).await;
    floor.stop().await;
    let first = first?;
    let second = beside_calls(args, "with api", at_a_rate("api", rate, |number| mix.request(number))).await?;
    Ok((first, second))
}

/// Sends the requests once all calls are up.
async fn beside_calls(
    args: &ApiArgs,
    name: &'static str,
    requests: impl Future<Output = Result<RequestFigures, Failure>>,
) -> Result<Run, Failure> {
    let Some(calls) = args.calls() else { return Ok((requests.await?, None)) };
    let spread = Duration::from_secs(args.spread) + Duration::from_millis(500);
    let requests = async {
        tokio::time::sleep(spread).await;
        requests.await
    };
    let (requests, calls) = tokio::try_join!(requests, server_figures(name, &calls, &[]))?;
    Ok((requests, Some(calls)))
}

/// A client of the administration.
pub(crate) fn client(patience: Duration) -> Result<Client, Failure> {
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().no_proxy().http1_only().timeout(patience).build();
    client.map_err(|error| Failure::Plain(error.to_string()))
}

/// How a key is sent.
pub(crate) fn bearer(key: &str) -> Result<HeaderValue, Failure> {
    let mut bearer = HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| {
        Failure::Plain("a key has characters that no key has: give it as it was shown".into())
    })?;
    bearer.set_sensitive(true);
    Ok(bearer)
}

/// An answer that was read to its end.
pub(crate) struct Reply {
    status: u16,
    etag: Option<HeaderValue>,
    pub(crate) body: Vec<u8>,
}

/// Sends a request and reads its answer to the end, so that its connection is the next one's.
async fn reply(request: RequestBuilder) -> Result<Reply, String> {
    let response = request.send().await.map_err(|error| error.to_string())?;
    let status = response.status().as_u16();
    let etag = response.headers().get(ETAG).cloned();
    let body = response.bytes().await.map_err(|error| error.to_string())?.to_vec();
    Ok(Reply { status, etag, body })
}

/// The same of a request that has to succeed, before anything is measured.
pub(crate) async fn done(what: &str, request: RequestBuilder) -> Result<Reply, Failure> {
    let failed = |why: String| Failure::Plain(format!("{what}: {why}"));
    let reply = reply(request).await.map_err(failed)?;
    if reply.status < 300 {
        return Ok(reply);
    }
    let problem: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let of = |field: &str| problem.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    Err(failed(format!("status {}: {}; {}", reply.status, of("detail"), of("remedy"))))
}

/// Where requests that bear one key go.
struct Desk {
    key: Option<HeaderValue>,
    reads: Vec<String>,
    writes: Option<Writes>,
    under_way: AtomicUsize,
}

/// Settings that are written, each with the ETag of what it replaces while nobody writes it.
struct Writes {
    place: String,
    free: Mutex<VecDeque<Slot>>,
}

type Slot = (String, HeaderValue);

fn slot_name(number: usize) -> String {
    format!("load-{number:02}")
}

impl Writes {
    fn free(&self) -> MutexGuard<'_, VecDeque<Slot>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    /// Looks up what a key may read and write.
    async fn open(http: &Client, api: &str, key: &str) -> Result<Self, Failure> {
        let bearer = bearer(key)?;
        let me = format!("{api}/v1/me");
        let (reads, under_way) = (vec![me.clone()], AtomicUsize::new(0));
        let mut desk = Self { key: Some(bearer), reads, writes: None, under_way };
        let myself = desk.list(http, &me).await?;
        let tenant = myself.get("tenant").and_then(Value::as_str).unwrap_or_default();
        if tenant == "installation" {
            desk.reads.push(format!("{api}/v1/tenants"));
            return Ok(desk);
        }
        let lines = format!("{api}/v1/tenants/{tenant}/lines");
        let listed = desk.list(http, &lines).await?;
        let Some(line) = listed.pointer("/items/0/id").and_then(Value::as_str) else {
            let why = format!("tenant {tenant} has no line: make one with `parloir line set`");
            return Err(Failure::Plain(why));
        };
        let line = format!("{lines}/{line}");
        let place = format!("{line}/settings");
        desk.reads.extend([lines, line, place.clone()]);
        let free = Mutex::new(desk.slots(http, &place).await?);
        desk.writes = Some(Writes { place, free });
        Ok(desk)
    }

    /// The same of the floor, which answers everything.
    fn of_floor(url: &str) -> Self {
        let slots = (0..SLOTS).map(|number| (slot_name(number), HeaderValue::from_static("\"1\"")));
        let writes = Writes { place: url.to_owned(), free: Mutex::new(slots.collect()) };
        let (reads, under_way) = (vec![url.to_owned()], AtomicUsize::new(0));
        Self { key: None, reads, writes: Some(writes), under_way }
    }

    fn signed(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.key {
            Some(key) => request.header(AUTHORIZATION, key.clone()),
            None => request,
        }
    }

    async fn list(&self, http: &Client, url: &str) -> Result<Value, Failure> {
        let reply = done(url, self.signed(http.get(url))).await?;
        serde_json::from_slice(&reply.body).map_err(|error| Failure::Plain(format!("{url}: {error}")))
    }

    /// The settings that are written: those that are there already, and new ones.
    async fn slots(&self, http: &Client, place: &str) -> Result<VecDeque<Slot>, Failure> {
        let listed = self.list(http, &format!("{place}?limit=200")).await?;
        let items = listed.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let mut slots = VecDeque::new();
        for name in (0..SLOTS).map(slot_name) {
            let there =
                items.iter().find(|item| item.get("id").and_then(Value::as_str) == Some(name.as_str()));
            let known = there.and_then(|item| item.get("etag")).and_then(Value::as_str);
            let known = known.and_then(|etag| HeaderValue::from_str(&format!("\"{etag}\"")).ok());
            let etag = match known {
                Some(etag) => Some(etag),
                None => {
                    let url = format!("{place}/{name}");
                    let request = http.put(&url).header(CONTENT_TYPE, "application/json");
                    done(&url, self.signed(request.body(r#"{"value":"0"}"#))).await?.etag
                }
            };
            let etag = etag.ok_or_else(|| Failure::Plain(format!("{place}/{name} was answered no ETag")))?;
            slots.push_back((name, etag));
        }
        Ok(slots)
    }

    fn has_room(&self) -> bool {
        self.under_way.load(Ordering::Relaxed) < UNDER_WAY
    }

    async fn read(&self, http: &Client, turn: usize) -> Result<u16, String> {
        let url = self.reads.get(turn % self.reads.len()).map(String::as_str).unwrap_or_default();
        Ok(reply(self.signed(http.get(url))).await?.status)
    }

    async fn write(&self, http: &Client, writes: &Writes, slot: Slot, turn: usize) -> Result<u16, String> {
        let (name, etag) = slot;
        let request = http.put(format!("{}/{name}", writes.place)).header(IF_MATCH, etag.clone());
        let request = request.header(CONTENT_TYPE, "application/json");
        let reply =
            reply(self.signed(request.body(json!({ "value": turn.to_string() }).to_string()))).await?;
        // In which state it is when that failed, nobody knows: it is written no more.
        if reply.status < 300 {
            writes.free().push_back((name, reply.etag.unwrap_or(etag)));
        }
        Ok(reply.status)
    }

    /// Removes what was written.
    async fn leave(&self, http: &Client) {
        let Some(writes) = &self.writes else { return };
        for name in (0..SLOTS).map(slot_name) {
            let removed = reply(self.signed(http.delete(format!("{}/{name}", writes.place)))).await;
            if removed.is_err() {
                return;
            }
        }
    }
}

/// Requests with several keys in turn, of which one in ten writes.
struct Mix {
    http: Client,
    desks: Vec<Arc<Desk>>,
}

impl Mix {
    fn request(&self, number: u64) -> Option<Request> {
        let number = usize::try_from(number).unwrap_or_default();
        let wrote = number % 10 == 9;
        let turn = if wrote { number / 10 } else { number };
        let count = self.desks.len();
        let in_turn = (0..count).filter_map(|step| self.desks.get((turn + step) % count));
        let mut ready = in_turn.filter(|desk| desk.has_room());
        let (desk, slot) = match wrote {
            false => (ready.next()?, None),
            true => ready.find_map(|desk| {
                let slot = desk.writes.as_ref()?.free().pop_front()?;
                Some((desk, Some(slot)))
            })?,
        };
        desk.under_way.fetch_add(1, Ordering::Relaxed);
        let (http, desk) = (self.http.clone(), Arc::clone(desk));
        Some(Box::pin(async move {
            let status = match (slot, &desk.writes) {
                (Some(slot), Some(writes)) => desk.write(&http, writes, slot, turn).await,
                (Some(_) | None, _) => desk.read(&http, turn / count).await,
            };
            desk.under_way.fetch_sub(1, Ordering::Relaxed);
            Outcome { wrote, status }
        }))
    }
}

/// Where the floor listens: a free port of this machine's own.
pub(crate) fn floor_address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}
