//! `parloir-load deploy`: from the upload of a component that nobody compiled before to the first word of a call that it answers.
//! A call that the version before answers is the floor.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use parloir_measure::Failure;
use parloir_transport::client::{CarrierCall, CarrierEvent, DialOptions, random_sid};
use parloir_transport::signature::AuthToken;
use reqwest::Client;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde::Serialize;
use serde_json::Value;
use tokio::time::{Instant, timeout};

use crate::api::{bearer, client, done};
use crate::component;
use crate::print;

/// A call in which nobody speaks is not waited for any longer.
const SILENCE: Duration = Duration::from_secs(20);
/// Compiling a large component takes this long.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Args, Clone)]
pub(crate) struct DeployArgs {
    /// Where the administration is, as `parloir serve` says it.
    #[arg(long, env = "PARLOIR_API")]
    api: String,
    /// A key of an admin of the tenant, which takes agents that nobody signed, and whose admin approves of their own (`parloir agent
    /// policy --unsigned allow --self-approval allow`).
    #[arg(long, env = "PARLOIR_KEY", hide_env_values = true)]
    key: String,
    /// The component. Each version of it is another by a section that nothing reads.
    #[arg(long, default_value = "agents/cabinet/target/cabinet.component.wasm")]
    component: PathBuf,
    /// What the agent is called in the tenant: the line names it.
    #[arg(long)]
    agent: String,
    /// The line that the agent answers. It has to speak first, so the line's `recording` is not `ask`.
    #[arg(long, value_name = "NUMBER")]
    line: String,
    /// The voice webhook.
    #[arg(long)]
    url: String,
    /// Signs the webhook and the upgrade.
    #[arg(long, env = "PARLOIR_LOAD_AUTH_TOKEN", hide_env_values = true)]
    auth_token: Option<String>,
    /// The caller's number.
    #[arg(long, default_value = "+33600000000")]
    from: String,
    /// How often it is deployed, after once that does not count. The versions stay; the oldest give way.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Seconds that all of it may take.
    #[arg(long, default_value_t = 1.0)]
    within_s: f64,
    /// One line of JSON instead of a table.
    #[arg(long)]
    json: bool,
}

/// The parts of a deploy, in seconds.
#[derive(Debug, Clone, Copy, Serialize)]
struct Parts {
    /// A call that the version before answered: from ringing to its first word.
    floor_s: f64,
    /// Uploaded, compiled and checked.
    push_s: f64,
    /// Approved, where it had to be.
    approve_s: f64,
    /// Promoted.
    promote_s: f64,
    /// From ringing to the first word.
    call_s: f64,
    /// All of it, without the floor.
    total_s: f64,
}

/// Measures, prints, and says whether all of it was within what is allowed.
pub(crate) async fn run(args: &DeployArgs) -> Result<bool, Failure> {
    let http = client(PATIENCE)?;
    let key = bearer(args.key.trim())?;
    let api = args.api.trim_end_matches('/');
    let me = done("the key", http.get(format!("{api}/v1/me")).header(AUTHORIZATION, key.clone())).await?;
    let me: Value = serde_json::from_slice(&me.body).unwrap_or_default();
    let tenant = me.get("tenant").and_then(Value::as_str).unwrap_or_default();
    let place = format!("{api}/v1/tenants/{tenant}/agents/{}/versions", args.agent);
    let component = component::read(&args.component)?;
    let deploys = Deploys { http, key, place, component, args };
    // Connections are opened, and there is a version before.
    deploys.once().await?;
    let mut rounds = Vec::new();
    for _ in 0..args.rounds {
        let floor_s = deploys.ring().await?.as_secs_f64();
        rounds.push(Parts { floor_s, ..deploys.once().await? });
    }
    let held = rounds.iter().all(|round| round.total_s <= args.within_s);
    if args.json {
        print(&format!("{}\n", serde_json::json!({ "rounds": rounds, "held": held })))?;
        return Ok(held);
    }
    type Row = (&'static str, fn(&Parts) -> f64);
    let rows: [Row; 6] = [
        ("floor: a call without a deploy", |parts| parts.floor_s),
        ("upload, compile and check", |parts| parts.push_s),
        ("approve", |parts| parts.approve_s),
        ("promote", |parts| parts.promote_s),
        ("ring, to the first word", |parts| parts.call_s),
        ("all of it", |parts| parts.total_s),
    ];
    let mut text = format!("{:<32}{:>12}{:>12}\n", "seconds", "median", "longest");
    for (label, of) in rows {
        let mut times: Vec<f64> = rounds.iter().map(of).collect();
        times.sort_by(f64::total_cmp);
        let median = times.get(times.len().saturating_sub(1) / 2).copied().unwrap_or_default();
        let longest = times.last().copied().unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{label:<32}{median:>12.3}{longest:>12.3}");
    }
    let verdict = if held { "held" } else { "NOT HELD" };
    let _ = writeln!(text, "\nAt most {} s, each time: {verdict}", args.within_s);
    print(&text)?;
    Ok(held)
}

struct Deploys<'a> {
    http: Client,
    key: HeaderValue,
    place: String,
    component: Vec<u8>,
    args: &'a DeployArgs,
}

impl Deploys<'_> {
    /// Deploys a version that nobody has seen, and rings it.
    async fn once(&self) -> Result<Parts, Failure> {
        let component = component::marked(&self.component, &random_sid("MK"));
        let begin = Instant::now();
        let push = self.http.post(&self.place).header(CONTENT_TYPE, "application/wasm").body(component);
        let pushed = done("the upload", push.header(AUTHORIZATION, self.key.clone())).await?;
        let push_s = begin.elapsed().as_secs_f64();
        let pushed: Value = serde_json::from_slice(&pushed.body).unwrap_or_default();
        let version = pushed.get("id").and_then(Value::as_str).unwrap_or_default();
        let waits = pushed.pointer("/spec/state").and_then(Value::as_str) == Some("waiting");
        if waits {
            self.have(version, "approve").await?;
        }
        let approve_s = begin.elapsed().as_secs_f64() - push_s;
        self.have(version, "promote").await?;
        let promote_s = begin.elapsed().as_secs_f64() - push_s - approve_s;
        let call_s = self.ring().await?.as_secs_f64();
        let total_s = push_s + approve_s + promote_s + call_s;
        Ok(Parts { floor_s: 0.0, push_s, approve_s, promote_s, call_s, total_s })
    }

    async fn have(&self, version: &str, what: &str) -> Result<(), Failure> {
        let request = self.http.post(format!("{}/{version}/{what}", self.place));
        done(what, request.header(AUTHORIZATION, self.key.clone())).await.map(drop)
    }

    /// Rings the line: how long until a word is heard.
    async fn ring(&self) -> Result<Duration, Failure> {
        let failed = |why: String| Failure::Plain(format!("the call: {why}"));
        let options = DialOptions {
            auth_token: self.args.auth_token.clone().map(AuthToken::new),
            from: Some(self.args.from.clone()),
            ..DialOptions::to(self.args.line.clone())
        };
        let begin = Instant::now();
        let call = CarrierCall::dial(&self.args.url, options).await;
        let mut call = call.map_err(|error| failed(error.to_string()))?;
        let word = async {
            while let Some(event) = call.next_event().await {
                if let CarrierEvent::AgentStartedSpeaking { .. } = event {
                    return Ok(begin.elapsed());
                }
                if let CarrierEvent::Ended(reason) = event {
                    return Err(format!("it ended before anybody spoke: {reason:?}"));
                }
            }
            Err("it ended before anybody spoke".to_owned())
        };
        let heard = match timeout(SILENCE, word).await {
            Ok(heard) => heard,
            Err(_) => Err(format!("nobody spoke for {} s", SILENCE.as_secs())),
        };
        // It may have ended by itself.
        let _ = timeout(Duration::from_secs(5), call.finish()).await;
        heard.map_err(failed)
    }
}
