//! `parloir line`: the numbers callers ring, and who answers.

use clap::{Args, Subcommand, ValueEnum};
use parloir_admin::resource;
use parloir_contract::{Capability, LineId};
use parloir_tenancy::config::RecordingPolicy;
use serde_json::Value;

use super::{Whose, pair, table, text};
use crate::terminal::{GOOD, styled};
use crate::{Failure, Outcome};

#[derive(Args)]
pub(crate) struct Line {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Make a line, or change one: what is left out stays as it is.
    #[command(
        after_help = "The agent is one whose version was promoted (parloir agent promote), or a file NAME.wasm in the tenant's folder of agents: DATA/tenants/TENANT/agents.\n\nExample:\n  parloir line set +33199005678 --agent cabinet --fallback-number +33199009999 --setting 'cabinet.name=cabinet du Parc'"
    )]
    Set(Box<Set>),
    /// List the lines.
    #[command(after_help = "Example:\n  parloir line list --tenant cabinet")]
    List(Whose),
    /// Show a line and its settings.
    #[command(after_help = "Example:\n  parloir line show +33199005678")]
    Show(One),
    /// Remove a line, with its settings.
    #[command(after_help = "Example:\n  parloir line remove +33199005678")]
    Remove(One),
}

/// Whether sound and words are kept.
#[derive(Clone, Copy, ValueEnum)]
enum Recording {
    /// Nothing is kept until the caller agrees.
    Ask,
    /// Everything is kept: only where the law and the callers' contract allow it.
    Always,
    /// Nothing is ever kept.
    Never,
}

impl From<Recording> for RecordingPolicy {
    fn from(recording: Recording) -> Self {
        match recording {
            Recording::Ask => Self::Ask,
            Recording::Always => Self::Always,
            Recording::Never => Self::Never,
        }
    }
}

#[derive(Args)]
struct Set {
    /// The number callers ring: +33199005678.
    line: LineId,
    /// The agent that answers: the name of its component, without .wasm.
    #[arg(long)]
    agent: Option<String>,
    /// BCP 47, such as fr-FR.
    #[arg(long)]
    language: Option<String>,
    /// IANA name, such as Europe/Paris.
    #[arg(long)]
    time_zone: Option<String>,
    /// Whether sound and words are kept.
    #[arg(long)]
    recording: Option<Recording>,
    /// What the agent may do of what it declares, in place of what it might: of an agent with versions without a word all that was
    /// approved, of a file nothing. Any number of times.
    #[arg(long, value_name = "CAPABILITY")]
    capability: Vec<Capability>,
    /// Where callers go when the agent fails, asks for a human, or is over quota.
    #[arg(long, value_name = "NUMBER")]
    fallback_number: Option<LineId>,
    /// A prefix of the numbers that an agent may transfer to, in place of those there were. Any number of times.
    #[arg(long, value_name = "PREFIX")]
    transfer_to: Vec<String>,
    /// A connector that its agent may send requests to, in place of those there were. An empty one alone takes all away. Any number
    /// of times.
    #[arg(long, value_name = "NAME")]
    connector: Vec<String>,
    /// The carrier that brings its calls: the name of a [[carrier]].
    #[arg(long)]
    carrier: Option<String>,
    /// A word for the agent: whatever it documents. An empty value takes it away. Any number of times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    setting: Vec<(String, String)>,
    #[command(flatten)]
    whose: Whose,
}

#[derive(Args)]
struct One {
    /// The number.
    line: LineId,
    #[command(flatten)]
    whose: Whose,
}

impl Line {
    pub(crate) async fn run(self) -> Outcome {
        match self.what {
            What::Set(set) => set.run().await,
            What::List(whose) => list(whose).await,
            What::Show(one) => one.show().await,
            What::Remove(One { line, whose }) => whose.remove("lines", line.as_str(), "removed").await,
        }
    }
}

impl Set {
    /// What the line says with these options.
    fn apply(&self, before: Option<resource::Line>) -> Result<resource::Line, Failure> {
        let mut line = match (before, &self.agent) {
            (Some(line), _) => line,
            (None, Some(agent)) => resource::Line::of(agent.as_str()),
            (None, None) => {
                let line = &self.line;
                return Err(Failure::bad_input(&format!(
                    "there is no line {line} yet: say who answers with --agent"
                )));
            }
        };
        if let Some(agent) = &self.agent {
            line.agent.clone_from(agent);
        }
        if let Some(language) = &self.language {
            line.language.clone_from(language);
        }
        if let Some(zone) = &self.time_zone {
            line.time_zone.clone_from(zone);
        }
        if let Some(recording) = self.recording {
            line.recording = recording.into();
        }
        if !self.capability.is_empty() {
            line.capabilities = Some(self.capability.clone());
        }
        if let Some(number) = &self.fallback_number {
            line.fallback_number = Some(number.clone());
        }
        if !self.transfer_to.is_empty() {
            line.transfer_to.clone_from(&self.transfer_to);
        }
        if !self.connector.is_empty() {
            line.connectors = self.connector.iter().filter(|name| !name.is_empty()).cloned().collect();
        }
        if let Some(carrier) = &self.carrier {
            line.carrier.clone_from(carrier);
        }
        Ok(line)
    }

    async fn run(self) -> Outcome {
        let (client, path) = self.whose.open().await?;
        let lines = format!("{path}/lines");
        let path = format!("{lines}/{}", self.line);
        let read = client.find(&lines, self.line.as_str()).await?;
        let before = match &read {
            Some(read) => {
                Some(serde_json::from_value(read.body.pointer("/spec").cloned().unwrap_or_default())?)
            }
            None => None,
        };
        let item = client.put(&path, read.as_ref(), &self.apply(before)?).await?;
        let settings = format!("{path}/settings");
        for (name, value) in &self.setting {
            let path = format!("{settings}/{name}");
            if value.is_empty() {
                client.delete(&path).await?;
                continue;
            }
            let read = client.find(&settings, name).await?;
            client.put(&path, read.as_ref(), &resource::Setting { value: value.clone() }).await?;
        }
        if self.whose.api.json {
            println!("{item}");
            return Ok(());
        }
        let agent = text(&item, "/spec/agent");
        anstream::println!(
            "{} {}: {agent} answers from the next call on",
            styled(GOOD, "changed"),
            self.line
        );
        Ok(())
    }
}

async fn list(whose: Whose) -> Outcome {
    let fields = ["/id", "/spec/agent", "/spec/language", "/spec/recording", "/spec/fallback-number"];
    let row = |item: &Value| fields.map(|field| text(item, field).to_owned());
    whose.list("lines", ["LINE", "AGENT", "LANGUAGE", "RECORDING", "FALLBACK"], row).await
}

impl One {
    async fn show(self) -> Outcome {
        let Self { line, whose } = self;
        let (client, path) = whose.open().await?;
        let path = format!("{path}/lines/{line}");
        let item = client.get(&path).await?.body;
        let settings = client.list(&format!("{path}/settings")).await?;
        if whose.api.json {
            println!("{}", serde_json::json!({ "line": item, "settings": settings }));
            return Ok(());
        }
        let fields = item.pointer("/spec").and_then(Value::as_object);
        let mut rows: Vec<[String; 2]> = fields
            .into_iter()
            .flatten()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| {
                [name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)]
            })
            .collect();
        rows.extend(settings.iter().map(|setting| {
            [format!("setting {}", text(setting, "/id")), text(setting, "/spec/value").to_owned()]
        }));
        table(["FIELD", "VALUE"], &rows);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Options {
        #[command(flatten)]
        set: Set,
    }

    fn set(options: &[&str]) -> Set {
        let mut all = vec!["set", "+33199005678"];
        all.extend(options);
        Options::parse_from(all).set
    }

    #[test]
    fn what_is_left_out_stays_as_it_is() {
        let before = resource::Line { transfer_to: vec!["+331".into()], ..resource::Line::of("cabinet") };
        let after = set(&["--language", "en-GB"]).apply(Some(before.clone())).ok().unwrap();
        assert_eq!(after, resource::Line { language: "en-GB".into(), ..before });
        assert!(set(&[]).apply(None).is_err());
        let granting = resource::Line { connectors: vec!["crm".into()], ..resource::Line::of("cabinet") };
        assert_eq!(set(&[]).apply(Some(granting.clone())).ok(), Some(granting.clone()));
        let taken = set(&["--connector", ""]).apply(Some(granting)).ok().unwrap();
        assert_eq!(taken, resource::Line::of("cabinet"));
        assert_eq!(set(&["--agent", "a"]).apply(None).ok(), Some(resource::Line::of("a")));
    }
}
