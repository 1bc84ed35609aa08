//! `parloir check`: what is wrong with an agent before callers find out.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use parloir_contract::Capability;
use parloir_sandbox::{Sandbox, Settings, encode};

use crate::check::source::Source;
use crate::check::{Finding, Severity, capabilities, component};
use crate::terminal::{BAD, DIM, GOOD, TITLE, styled};
use crate::toolchain::{self, Language, Options, cache};
use crate::{Failure, Outcome, terminal};

/// A caller does not hear the agent begin later than this.
const SLOWEST_START: Duration = Duration::from_millis(4);
/// Starts that are measured; the middle one counts.
const STARTS: usize = 9;

#[derive(Args)]
pub(crate) struct Check {
    /// The agent's folder, which is built first, or a component.
    #[arg(default_value = ".")]
    agent: PathBuf,
    /// Fail on warnings too.
    #[arg(long)]
    strict: bool,
    /// Print a JSON object instead of sentences.
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(crate) async fn run(self) -> Outcome {
        let (file, source) = if self.agent.is_dir() {
            let (folder, quiet) = (self.agent.clone(), self.json);
            let language = Language::of(&folder)?;
            let source = Source::read(&folder, language)?;
            let options = Options { quiet, ..Options::default() };
            let built =
                tokio::task::spawn_blocking(move || toolchain::build_with(&folder, options)).await??;
            (built.component, Some(source))
        } else {
            (self.agent.clone(), None)
        };
        let place = file.display().to_string();
        let unreadable = |error| {
            let remedy = "give an agent's folder, or a component that `parloir build` made";
            Failure { message: format!("{place}: {error}; {remedy}"), code: 2 }
        };
        // A file too large to be an agent is not read.
        let size = std::fs::metadata(&file).map_err(unreadable)?.len();
        let most = Settings::default().component_bytes as u64;
        if size > most {
            let message = format!("{place} has {size} bytes, and an agent has at most {most}: strip it");
            return Err(Failure { message, code: 2 });
        }
        let wasm = encode(&std::fs::read(&file).map_err(unreadable)?)
            .map_err(|error| Failure { message: format!("{place}: {error}"), code: 2 })?;
        let read = component::read(&wasm, &place);
        let used = source.as_ref().and_then(Source::used).unwrap_or(read.used);
        let mut findings = read.findings;
        if let Some(source) = &source {
            findings.extend(source.long_sentences());
        }
        let mut facts = Vec::new();
        if findings.iter().all(|finding| finding.severity == Severity::Warning) {
            let bar = (!self.json).then(|| terminal::spinner("compiling for this machine"));
            let loaded = Sandbox::new(Settings::default(), cache::compiled())?.load(wasm).await;
            if let Some(bar) = bar {
                bar.finish_and_clear();
            }
            match loaded {
                Ok(agent) => {
                    let mention =
                        |capability| source.as_ref().and_then(|source| source.place(words(capability)));
                    findings.extend(capabilities(&used, agent.capabilities(), &place, mention));
                    let start = start(&agent).await?;
                    facts.push(format!("starts in {} µs", start.as_micros()));
                    if start > SLOWEST_START {
                        findings.push(Finding {
                            severity: Severity::Warning,
                            place: place.clone(),
                            what: format!("the agent takes {} ms to start", start.as_millis()),
                            remedy: "do less before the first call: what stands at the top level runs when the component is built".to_owned(),
                        });
                    }
                    let description = agent.description();
                    facts.insert(0, format!("{} {}", description.name, description.version));
                }
                Err(error) => findings.push(Finding {
                    severity: Severity::Error,
                    place: place.clone(),
                    what: error.to_string(),
                    remedy: "build it again with this parloir and its SDK".to_owned(),
                }),
            }
        }
        self.tell(&place, &facts, &findings)
    }

    fn tell(&self, place: &str, facts: &[String], findings: &[Finding]) -> Outcome {
        let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        if self.json {
            let value = serde_json::json!({ "component": place, "facts": facts, "findings": findings });
            println!("{value}");
        } else {
            for finding in findings {
                let (style, name) = match finding.severity {
                    Severity::Error => (BAD, "error"),
                    Severity::Warning => (TITLE, "warning"),
                };
                anstream::println!("{} {}: {}", styled(style, name), finding.place, finding.what);
                anstream::println!("  {} {}", styled(DIM, "remedy:"), finding.remedy);
            }
            if findings.is_empty() {
                anstream::println!(
                    "{} {place} ({})",
                    styled(GOOD, "nothing to say against"),
                    facts.join(", ")
                );
            }
        }
        if errors > 0 || (self.strict && warnings > 0) {
            let many =
                |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
            let message = format!("{place}: {}, {}", many(errors, "error"), many(warnings, "warning"));
            return Err(Failure { message, code: 3 });
        }
        Ok(())
    }
}

/// What would break the calls of an agent that was built in this folder: what `parloir check` calls an
/// error. Blocking, for the milliseconds it takes to read the sources.
pub(crate) fn breaks_calls(
    wasm: &[u8],
    agent: &parloir_sandbox::Agent,
    folder: &Path,
    language: Language,
    built: &Path,
) -> Result<Vec<Finding>, Failure> {
    let place = built.display().to_string();
    let source = Source::read(folder, language)?;
    let read = component::read(wasm, &place);
    let used = source.used().unwrap_or(read.used);
    let mut findings = read.findings;
    let mention = |capability| source.place(words(capability));
    findings.extend(capabilities(&used, agent.capabilities(), &place, mention));
    findings.retain(|finding| finding.severity == Severity::Error);
    Ok(findings)
}

/// How a capability is written where it is used, in one language or another.
const fn words(capability: Capability) -> &'static [&'static str] {
    match capability {
        Capability::Model => &["model::", "model.", "parloir_model_"],
        Capability::Calendar => &["calendar::", "calendar.", "parloir_free", "parloir_book"],
        Capability::Memory => &["memory::", "memory.", "parloir_memory_"],
        Capability::Documents => &["documents::", "documents.", "parloir_documents_"],
        Capability::Transfer => &["transfer(", "parloir_transfer(", "Transfer("],
    }
}

/// How long the agent takes from nothing to its first instruction.
async fn start(agent: &parloir_sandbox::Agent) -> Result<Duration, Failure> {
    let mut taken = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        let began = Instant::now();
        agent.instantiate_once().await?;
        taken.push(began.elapsed());
    }
    taken.sort();
    Ok(taken.get(STARTS / 2).copied().unwrap_or_default())
}
