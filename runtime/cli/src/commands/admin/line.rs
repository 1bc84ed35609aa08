//! `parloir line`: the numbers callers ring, and who answers.

use clap::{Args, Subcommand, ValueEnum};
use parloir_admin::resource;
use parloir_contract::{Capability, LineId};
use parloir_tenancy::config::RecordingPolicy;
use parloir_tenancy::minimise::Category;
use serde_json::Value;

use super::{Whose, pair, table, text};
use crate::terminal::{GOOD, plain, styled};
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
        after_help = "The agent is one whose version was promoted (parloir agent promote), or a file NAME.wasm in the tenant's folder of agents: DATA/tenants/TENANT/agents.\n\nExamples:\n  parloir line set +33199005678 --agent cabinet --fallback-number +33199009999 --setting 'cabinet.name=cabinet du Parc'\n  parloir line set +33199005678 --sentence 'busy.fr=Toutes nos lignes sont prises.' --minimise card-numbers --minimise phone-numbers\n  parloir line set +33199005678 --no-fallback --no-transfer --capabilities approved"
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

/// What an agent may do, where no capability is named.
#[derive(Clone, Copy, ValueEnum)]
enum Granted {
    /// All that somebody approved of the version that answers; of a file, nothing.
    Approved,
    /// Nothing.
    #[value(name = "none")]
    Nothing,
}

/// What is kept from language models.
#[derive(Clone, Copy, ValueEnum)]
enum Minimised {
    /// Payment card numbers.
    CardNumbers,
    /// Telephone numbers.
    PhoneNumbers,
    /// E-mail addresses.
    EmailAddresses,
}

impl From<Minimised> for Category {
    fn from(minimised: Minimised) -> Self {
        match minimised {
            Minimised::CardNumbers => Self::CardNumbers,
            Minimised::PhoneNumbers => Self::PhoneNumbers,
            Minimised::EmailAddresses => Self::EmailAddresses,
        }
    }
}

/// When a caller hears one of the line's own sentences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    /// The agent failed.
    Fallback,
    /// There is no place for the call.
    Busy,
    /// They wait for a place.
    Queue,
}

/// A sentence of the line's own, in a language; without words it is taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sentence {
    heard: Heard,
    language: String,
    words: String,
}

/// `fallback.fr=…`, as an option has it.
fn sentence(text: &str) -> Result<Sentence, String> {
    let unknown = || {
        "write it as NAME.LANGUAGE=TEXT, where NAME is fallback, busy or queue, as in busy.fr=…".to_owned()
    };
    let (name, words) = pair(text)?;
    let (name, language) = name.split_once('.').ok_or_else(unknown)?;
    let heard = match name {
        "fallback" => Heard::Fallback,
        "busy" => Heard::Busy,
        "queue" => Heard::Queue,
        _ => return Err(unknown()),
    };
    if language.is_empty() {
        return Err(unknown());
    }
    Ok(Sentence { heard, language: language.to_owned(), words })
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
    /// What the agent may do where no capability is named, in place of those there were.
    #[arg(long, conflicts_with = "capability")]
    capabilities: Option<Granted>,
    /// Where callers go when the agent fails, asks for a human, or is over quota.
    #[arg(long, value_name = "NUMBER")]
    fallback_number: Option<LineId>,
    /// Takes the fallback number away.
    #[arg(long, conflicts_with = "fallback_number")]
    no_fallback: bool,
    /// A prefix of the numbers that an agent may transfer to, in place of those there were. Any number of times.
    #[arg(long, value_name = "PREFIX")]
    transfer_to: Vec<String>,
    /// Takes away all prefixes: the agent transfers to the fallback number alone.
    #[arg(long, conflicts_with = "transfer_to")]
    no_transfer: bool,
    /// A sentence of the line's own in a language, in place of the installation's: fallback (the agent failed), busy (there is no
    /// place for the call) or queue (the caller waits for one). An empty text takes it away. Any number of times.
    #[arg(long, value_name = "NAME.LANGUAGE=TEXT", value_parser = sentence)]
    sentence: Vec<Sentence>,
    /// What must not reach a language model, in place of what there was. Any number of times.
    #[arg(long, value_name = "CATEGORY")]
    minimise: Vec<Minimised>,
    /// Keeps nothing from language models.
    #[arg(long, conflicts_with = "minimise")]
    no_minimise: bool,
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
        match self.capabilities {
            Some(Granted::Approved) => line.capabilities = None,
            Some(Granted::Nothing) => line.capabilities = Some(Vec::new()),
            None => {}
        }
        if self.no_fallback || self.fallback_number.is_some() {
            line.fallback_number.clone_from(&self.fallback_number);
        }
        if self.no_transfer || !self.transfer_to.is_empty() {
            line.transfer_to.clone_from(&self.transfer_to);
        }
        for Sentence { heard, language, words } in &self.sentence {
            let sentences = match heard {
                Heard::Fallback => &mut line.fallback_sentence,
                Heard::Busy => &mut line.busy_sentence,
                Heard::Queue => &mut line.queue_sentence,
            };
            match words.is_empty() {
                true => sentences.remove(language),
                false => sentences.insert(language.clone(), words.clone()),
            };
        }
        if self.no_minimise || !self.minimise.is_empty() {
            line.minimise = self.minimise.iter().copied().map(Category::from).collect();
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
        let agent = plain(text(&item, "/spec/agent"));
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

    #[test]
    fn what_was_said_of_a_line_is_taken_away_again() {
        let usual = resource::Line::of("cabinet");
        let said = set(&[
            "--fallback-number",
            "+33199009999",
            "--transfer-to",
            "+331",
            "--capability",
            "memory",
            "--sentence",
            "busy.fr=Toutes nos lignes sont prises = patientez.",
            "--sentence",
            "fallback.en=We call you back.",
            "--sentence",
            "queue.fr=Un instant.",
            "--minimise",
            "phone-numbers",
            "--minimise",
            "email-addresses",
        ]);
        let said = said.apply(Some(usual.clone())).ok().unwrap();
        assert_eq!(said.fallback_number.as_ref().map(LineId::as_str), Some("+33199009999"));
        assert_eq!(said.capabilities, Some(vec![Capability::Memory]));
        assert_eq!(said.busy_sentence["fr"], "Toutes nos lignes sont prises = patientez.");
        assert_eq!(said.fallback_sentence["en"], "We call you back.");
        assert_eq!(said.queue_sentence["fr"], "Un instant.");
        assert_eq!(said.minimise, [Category::PhoneNumbers, Category::EmailAddresses]);
        assert_eq!(set(&[]).apply(Some(said.clone())).ok(), Some(said.clone()));
        let taken = [
            "--no-fallback",
            "--no-transfer",
            "--capabilities",
            "approved",
            "--sentence",
            "busy.fr=",
            "--sentence",
            "fallback.en=",
            "--sentence",
            "queue.fr=",
            "--minimise",
            "card-numbers",
        ];
        assert_eq!(set(&taken).apply(Some(said)).ok(), Some(usual.clone()));
        let nothing = set(&["--capabilities", "none", "--no-minimise"]).apply(Some(usual)).ok().unwrap();
        assert_eq!((nothing.capabilities, nothing.minimise), (Some(Vec::new()), Vec::new()));
    }

    #[test]
    fn what_cannot_be_meant_is_told() {
        for wrong in [
            ["--no-fallback", "--fallback-number=+33199009999"],
            ["--no-transfer", "--transfer-to=+331"],
            ["--no-minimise", "--minimise=card-numbers"],
            ["--capabilities=approved", "--capability=memory"],
            ["--language=fr-FR", "--sentence=busy=Occupé."],
            ["--language=fr-FR", "--sentence=goodbye.fr=Au revoir."],
            ["--language=fr-FR", "--sentence=busy.fr"],
        ] {
            let all = ["set", "+33199005678"].into_iter().chain(wrong);
            assert!(Options::try_parse_from(all).is_err(), "{wrong:?}");
        }
    }
}
