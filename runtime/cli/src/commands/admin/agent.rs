//! `parloir agent`: agents' versions, from the component that was built to the calls that it answers.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use parloir_admin::resource::{RollBack, StartCanary};
use parloir_contract::TenantId;
use serde::Serialize;
use serde_json::{Value, json};

use super::client::Reply;
use super::signing::{Distrust, Key, Keys, Policy, Sign, Trust, signature_of};
use super::{ApiArgs, Client, lines_of_json, moment, table, text, texts};
use crate::terminal::{DIM, GOOD, plain, styled};
use crate::{Failure, Outcome};

#[derive(Args)]
pub(crate) struct Agent {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Make a key that signs agents: a secret file, and its public side, printed.
    #[command(after_help = "Example:\n  parloir agent key build.key > build.pub")]
    Key(Key),
    /// Sign a component: the signature is written beside it.
    #[command(after_help = "Example:\n  parloir agent sign cabinet.wasm --key build.key")]
    Sign(Sign),
    /// Trust a key to sign the tenant's agents. Only an admin can.
    #[command(after_help = "Example:\n  parloir agent trust \"$(cat build.pub)\" --name 'the build machine'")]
    Trust(Trust),
    /// Trust a key no more: what it signed before stays.
    #[command(after_help = "Example:\n  parloir agent distrust 5f0c2a…e1")]
    Distrust(Distrust),
    /// List the keys that may sign agents.
    #[command(after_help = "Example:\n  parloir agent keys")]
    Keys(Keys),
    /// Show, or say, whether agents are taken that nobody signed, and who approves of versions.
    #[command(
        after_help = "Examples:\n  parloir agent policy --unsigned allow\n  parloir agent policy --self-approval allow"
    )]
    Policy(Policy),
    /// Upload a component as a version of an agent: it is checked, and answers nobody yet.
    #[command(
        after_help = "A version is called by the SHA-256 of its component; its first digits will do.\nOne that declares to need more than the live version waits until an admin approves of it.\n\nExample:\n  parloir agent push cabinet cabinet.wasm --sign build.key"
    )]
    Push(Push),
    /// List agents, and which of their versions answer.
    #[command(after_help = "Example:\n  parloir agent list --json")]
    List(List),
    /// Show an agent's versions with their figures, or one of them whole.
    #[command(after_help = "Examples:\n  parloir agent show cabinet\n  parloir agent show cabinet 1a2b3c")]
    Show(Show),
    /// Approve of what a version may do more than the live one. Only an admin can, who did not push it.
    #[command(
        after_help = "Where one person is all there is, they approve of their own versions once they said so: parloir agent policy --self-approval allow\n\nExample:\n  parloir agent approve cabinet 1a2b3c"
    )]
    Approve(One),
    /// Have a version answer a share of the calls.
    #[command(
        after_help = "After 5 calls it is taken back by itself where it fails in more than a fifth of its last 50, and more than twice as often as the live version: it traps, uses up its time, or leaves its caller to the host.\n\nExample:\n  parloir agent canary cabinet 1a2b3c --percent 10"
    )]
    Canary(TryIt),
    /// Have a version answer from the next call on. Live calls keep theirs.
    #[command(after_help = "Example:\n  parloir agent promote cabinet 1a2b3c")]
    Promote(One),
    /// Take back the canary, or where there is none go back to the version before.
    #[command(after_help = "Example:\n  parloir agent roll-back cabinet --why 'callers complain'")]
    RollBack(Back),
    /// Remove a version that answers no calls, or an agent that no line names with all its versions.
    #[command(
        after_help = "Examples:\n  parloir agent remove cabinet 1a2b3c\n  parloir agent remove cabinet"
    )]
    Remove(Show),
}

/// Whose.
#[derive(Args)]
pub(super) struct Whose {
    /// The tenant. Default: your key's own.
    #[arg(long)]
    tenant: Option<TenantId>,
    #[command(flatten)]
    pub(super) api: ApiArgs,
}

impl Whose {
    /// Somebody to ask, and where what is the tenant's is.
    pub(super) async fn client(&self) -> Result<(Client, String), Failure> {
        let client = Client::new(&self.api)?;
        let tenant = client.tenant(self.tenant.as_ref()).await?;
        Ok((client, format!("/v1/tenants/{tenant}")))
    }
}

#[derive(Args)]
struct Push {
    /// The agent, as lines name it.
    name: String,
    /// The component that `parloir build` made.
    file: PathBuf,
    /// Sign it with this key: the file that `parloir agent key` wrote.
    #[arg(long, value_name = "KEYFILE")]
    sign: Option<PathBuf>,
    /// The signature that `parloir agent sign` wrote, where it was signed elsewhere.
    #[arg(long, value_name = "FILE", conflicts_with = "sign")]
    signature: Option<PathBuf>,
    #[command(flatten)]
    whose: Whose,
}

#[derive(Args)]
struct List {
    #[command(flatten)]
    whose: Whose,
}

#[derive(Args)]
struct Show {
    /// The agent.
    name: String,
    /// A version: the first digits of what it is called.
    #[arg(id = "of", value_name = "VERSION")]
    version: Option<String>,
    #[command(flatten)]
    whose: Whose,
}

#[derive(Args)]
struct One {
    /// The agent.
    name: String,
    /// The version: the first digits of what it is called.
    #[arg(id = "of", value_name = "VERSION")]
    version: String,
    #[command(flatten)]
    whose: Whose,
}

#[derive(Args)]
struct TryIt {
    #[command(flatten)]
    one: One,
    /// Its share of the calls, 1 to 99.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=99))]
    percent: u8,
}

#[derive(Args)]
struct Back {
    /// The agent.
    name: String,
    /// Why: it is in the tenant's log, and beside the version.
    #[arg(long)]
    why: String,
    #[command(flatten)]
    whose: Whose,
}

impl Agent {
    pub(crate) async fn run(self) -> Outcome {
        match self.what {
            What::Key(key) => key.run(),
            What::Sign(sign) => sign.run(),
            What::Trust(trust) => trust.run().await,
            What::Distrust(distrust) => distrust.run().await,
            What::Keys(keys) => keys.run().await,
            What::Policy(policy) => policy.run().await,
            What::Push(push) => push.run().await,
            What::List(list) => list.run().await,
            What::Show(show) => show.run().await,
            What::Approve(one) => one.approve().await,
            What::Canary(it) => it.run().await,
            What::Promote(one) => one.promote().await,
            What::RollBack(back) => back.run().await,
            What::Remove(show) => show.remove().await,
        }
    }
}

/// What a version is called, as far as people need it.
fn short(version: &str) -> &str {
    version.get(..12).unwrap_or(version)
}

/// A number in an answer.
fn number(value: &Value, path: &str) -> u64 {
    value.pointer(path).and_then(Value::as_u64).unwrap_or_default()
}

/// The versions of an agent, the newest first.
async fn versions(client: &Client, agent: &str) -> Result<Vec<Value>, Failure> {
    let mut all = client.list(&format!("{agent}/versions")).await?;
    all.sort_by(|one, other| text(other, "/spec/uploaded").cmp(text(one, "/spec/uploaded")));
    Ok(all)
}

/// The version that begins so.
async fn version(client: &Client, agent: &str, begins: &str) -> Result<Value, Failure> {
    let all = versions(client, agent).await?;
    let mut found = all.into_iter().filter(|version| text(version, "/id").starts_with(begins));
    match (found.next(), found.next()) {
        (Some(version), None) => Ok(version),
        (Some(_), Some(_)) => Err(Failure::bad_input(&format!(
            "several versions begin with {begins}: write more of its digits"
        ))),
        (None, _) => Err(Failure::bad_input(&format!(
            "no version begins with {begins}: list them with `parloir agent show {agent}`"
        ))),
    }
}

/// How calls of a version ended, in a few words.
fn figures(version: &Value) -> [String; 2] {
    let [calls, traps, fallbacks, budgets] = ["calls", "traps", "fallbacks", "budgets"]
        .map(|field| number(version, &format!("/spec/figures/{field}")));
    let failed = traps.saturating_add(fallbacks).saturating_add(budgets);
    let percent = (failed.saturating_mul(1_000) / calls.max(1)) as f64 / 10.0;
    [calls.to_string(), format!("{failed} ({percent:.1} %)")]
}

/// Where a version stands.
fn state(version: &Value) -> String {
    match text(version, "/spec/state") {
        "canary" => format!("canary, {} %", number(version, "/spec/percent")),
        "rolled-back" => format!("rolled back: {}", text(version, "/spec/why")),
        "waiting" => "waiting for approval".to_owned(),
        other => other.to_owned(),
    }
}

impl Push {
    async fn run(self) -> Outcome {
        let component = crate::agent::read(&self.file)?;
        let signature = signature_of(&component, self.sign.as_deref(), self.signature.as_deref())?;
        let (client, tenant) = self.whose.client().await?;
        let path = format!("{tenant}/agents/{}/versions", self.name);
        let header = signature.map(|signature| signature.header());
        let item = client.upload(&path, component, header.as_deref()).await?;
        if self.whose.api.json {
            println!("{item}");
            return Ok(());
        }
        let (version, says) = (plain(short(text(&item, "/id"))), plain(text(&item, "/spec/version")));
        let state = plain(&state(&item));
        anstream::println!("{} {} {says} as {version}: {state}", styled(GOOD, "pushed"), self.name);
        let next = match text(&item, "/spec/state") {
            "waiting" => {
                let adds = plain(&texts(&item, "/spec/adds").join(", "));
                anstream::println!("it may do more than what answers now: {adds}");
                "approve"
            }
            _ => "promote",
        };
        anstream::println!("{}", styled(DIM, &format!("next: parloir agent {next} {} {version}", self.name)));
        Ok(())
    }
}

impl List {
    async fn run(self) -> Outcome {
        let (client, tenant) = self.whose.client().await?;
        let all = client.list(&format!("{tenant}/agents")).await?;
        if self.whose.api.json {
            lines_of_json(&all);
            return Ok(());
        }
        let row = |item: &Value| {
            let canary = match text(item, "/spec/canary/version") {
                "" => String::new(),
                version => format!("{}, {} %", short(version), number(item, "/spec/canary/percent")),
            };
            let [live, before] =
                ["/spec/live", "/spec/before"].map(|field| short(text(item, field)).to_owned());
            [text(item, "/id").to_owned(), live, canary, before]
        };
        table(["AGENT", "LIVE", "CANARY", "BEFORE"], &all.iter().map(row).collect::<Vec<_>>());
        Ok(())
    }
}

impl Show {
    async fn run(self) -> Outcome {
        let (client, tenant) = self.whose.client().await?;
        let agent = format!("{tenant}/agents/{}", self.name);
        let Some(begins) = &self.version else { return self.all(&versions(&client, &agent).await?) };
        let version = version(&client, &agent, begins).await?;
        if self.whose.api.json {
            println!("{version}");
            return Ok(());
        }
        let mut rows = vec![["version".to_owned(), text(&version, "/id").to_owned()]];
        for (field, path) in [
            ("calls itself", "/spec/name"),
            ("its version", "/spec/version"),
            ("signed by", "/spec/signed-by"),
            ("uploaded by", "/spec/uploaded-by"),
            ("approved by", "/spec/approved-by"),
        ] {
            rows.push([field.to_owned(), text(&version, path).to_owned()]);
        }
        rows.push(["uploaded".to_owned(), moment(&version, "/spec/uploaded")]);
        rows.push(["state".to_owned(), state(&version)]);
        for (field, path) in [
            ("languages", "/spec/languages"),
            ("needs", "/spec/capabilities"),
            ("more than live", "/spec/adds"),
            ("less than live", "/spec/drops"),
        ] {
            rows.push([field.to_owned(), texts(&version, path).join(", ")]);
        }
        rows.push(["bytes".to_owned(), number(&version, "/spec/bytes").to_string()]);
        for field in ["calls", "traps", "fallbacks", "budgets", "seconds"] {
            rows.push([field.to_owned(), number(&version, &format!("/spec/figures/{field}")).to_string()]);
        }
        table(["FIELD", "VALUE"], &rows);
        Ok(())
    }

    fn all(&self, all: &[Value]) -> Outcome {
        if self.whose.api.json {
            lines_of_json(all);
            return Ok(());
        }
        let row = |item: &Value| {
            let [calls, failed] = figures(item);
            let (id, says) = (short(text(item, "/id")).to_owned(), text(item, "/spec/version").to_owned());
            [id, says, state(item), calls, failed, texts(item, "/spec/capabilities").join(", ")]
        };
        let rows: Vec<_> = all.iter().map(row).collect();
        table(["VERSION", "SAYS", "STATE", "CALLS", "FAILED", "NEEDS"], &rows);
        Ok(())
    }

    async fn remove(self) -> Outcome {
        let (client, tenant) = self.whose.client().await?;
        let agent = format!("{tenant}/agents/{}", self.name);
        let path = match &self.version {
            Some(begins) => {
                let version = version(&client, &agent, begins).await?;
                format!("{agent}/versions/{}", text(&version, "/id"))
            }
            None => agent,
        };
        client.delete(&path).await?;
        if !self.whose.api.json {
            let version = self.version.unwrap_or_default();
            anstream::println!("{} {} {version}", styled(GOOD, "removed"), self.name);
        }
        Ok(())
    }
}

/// A version of an agent that is about to be changed.
struct Place {
    client: Client,
    /// The agent, as it was before the version was looked up.
    agent: Reply,
    path: String,
    id: String,
}

impl Place {
    /// Has something done with it, unless the agent is another by now.
    async fn post(&self, what: &str, body: &impl Serialize) -> Result<Value, Failure> {
        self.client.post_to(&format!("{}/{what}", self.path), &self.agent, body).await
    }
}

impl One {
    /// Somebody to ask, and where the version is.
    async fn place(&self) -> Result<Place, Failure> {
        let (client, tenant) = self.whose.client().await?;
        let place = format!("{tenant}/agents/{}", self.name);
        let agent = client.get(&place).await?;
        let version = version(&client, &place, &self.version).await?;
        let id = text(&version, "/id").to_owned();
        Ok(Place { client, agent, path: format!("{place}/versions/{id}"), id })
    }

    /// Prints what was done with it.
    fn done(&self, item: &Value, id: &str, what: &str, then: &str) {
        if self.whose.api.json {
            println!("{item}");
        } else {
            anstream::println!("{} {} {}{then}", styled(GOOD, what), self.name, plain(short(id)));
        }
    }

    async fn approve(self) -> Outcome {
        let place = self.place().await?;
        let item = place.post("approve", &json!({})).await?;
        self.done(&item, &place.id, "approved", "");
        Ok(())
    }

    async fn promote(self) -> Outcome {
        let place = self.place().await?;
        let item = place.post("promote", &json!({})).await?;
        self.done(&item, &place.id, "promoted", ": it answers from the next call on");
        Ok(())
    }
}

impl TryIt {
    async fn run(self) -> Outcome {
        let Self { one, percent } = self;
        let place = one.place().await?;
        let item = place.post("canary", &StartCanary { percent }).await?;
        one.done(&item, &place.id, "trying", &format!(": it answers {percent} % of the calls"));
        Ok(())
    }
}

impl Back {
    async fn run(self) -> Outcome {
        let (client, tenant) = self.whose.client().await?;
        let path = format!("{tenant}/agents/{}", self.name);
        // What is meant is what is there now: the installation may take the canary back at the same time.
        let before = client.get(&path).await?;
        let version = ["/spec/canary/version", "/spec/live"].map(|field| text(&before.body, field));
        let version = version.into_iter().find(|version| !version.is_empty()).map(str::to_owned);
        let back = RollBack { why: self.why, version };
        let item = client.post_to(&format!("{path}/roll-back"), &before, &back).await?;
        if self.whose.api.json {
            println!("{item}");
            return Ok(());
        }
        let live = plain(short(text(&item, "/spec/live")));
        anstream::println!(
            "{} {}: {live} answers from the next call on",
            styled(GOOD, "rolled back"),
            self.name
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_version_stands_and_how_it_fares_is_told_in_a_few_words() {
        let figures_of = json!({ "calls": 8, "traps": 1, "fallbacks": 0, "budgets": 1 });
        let item = json!({ "spec": { "state": "canary", "percent": 10, "figures": figures_of } });
        assert_eq!(state(&item), "canary, 10 %");
        assert_eq!(figures(&item), ["8", "2 (25.0 %)"]);
        let item = json!({ "spec": { "state": "rolled-back", "why": "it traps" } });
        assert_eq!(state(&item), "rolled back: it traps");
        assert_eq!(figures(&item), ["0", "0 (0.0 %)"]);
    }
}
