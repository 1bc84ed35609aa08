//! `parloir check`: what is wrong with an agent before callers find out.

use std::path::{Path, PathBuf};

use clap::Args;
use parloir_contract::Capability;
use parloir_sandbox::{EncodeError, Sandbox, Settings, encode};
use parloir_tenancy::permission::granting;

use crate::check::component::{Engine, Read};
use crate::check::cost::{self, Promise};
use crate::check::source::Source;
use crate::check::{Finding, Rule, Severity, Used, callers, capabilities, component};
use crate::terminal::{BAD, DIM, GOOD, TITLE, barred, shown, styled};
use crate::toolchain::{self, Language, Options, cache};
use crate::{Failure, Outcome, agent, terminal};

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
    /// Print what is looked for, and do nothing else.
    #[arg(long)]
    rules: bool,
}

impl Check {
    pub(crate) async fn run(self) -> Outcome {
        if self.rules {
            for rule in Rule::ALL {
                anstream::println!("{:16} {}", rule.name(), rule.looks_for());
            }
            return Ok(());
        }
        let (file, written) = if self.agent.is_dir() {
            let (folder, quiet) = (self.agent.clone(), self.json);
            let bad = |error| Failure::bad_input(&error);
            let language = Language::of(&folder).map_err(bad)?;
            let source = Source::read(&folder, language).map_err(bad)?;
            let options = Options { quiet, ..Options::default() };
            let built = tokio::task::spawn_blocking(move || toolchain::build_with(&folder, options))
                .await?
                .map_err(bad)?;
            (built.component, Some((source, language)))
        } else {
            (self.agent.clone(), None)
        };
        // As the person would name it from here.
        let here = std::env::current_dir().unwrap_or_default();
        let file = file.strip_prefix(&here).unwrap_or(&file).to_owned();
        let place = file.display().to_string();
        let mut wasm = agent::read(&file)?;
        // Before anything is made of it: it may be anybody's.
        let read = match component::too_complex(&wasm, &place) {
            Some(read) => read,
            None => {
                let no = |error: &EncodeError| {
                    Failure::bad_input(&format!("{place}: {}", barred(&error.to_string())))
                };
                wasm = encode(&wasm).map_err(|error| no(&error))?;
                component::read(&wasm, &place)
            }
        };
        let (source, language) =
            written.map_or((None, None), |(source, language)| (Some(source), Some(language)));
        let used = used(source.as_ref(), &read);
        let promise = Promise::of(language, read.engine);
        let unjudged = read.engine.filter(|_| used.is_none());
        let mut findings = read.findings;
        if let Some(source) = &source {
            findings.extend(source.long_sentences());
        }
        let mut facts = Vec::new();
        if findings.iter().all(|finding| finding.severity == Severity::Warning) {
            let bar = (!self.json).then(|| terminal::spinner("compiling for this machine"));
            // It may be anybody's: it is compiled as a server would.
            let sandbox = Sandbox::compiling(Settings::default(), cache::compiled(), agent::apart())?;
            let loaded = sandbox.load(wasm).await;
            if let Some(bar) = bar {
                bar.finish_and_clear();
            }
            match loaded {
                Ok(agent) => {
                    let mention =
                        |capability| source.as_ref().and_then(|source| source.mention(capability));
                    let described = source.as_ref().and_then(Source::description);
                    let described = described.as_deref().unwrap_or(&place);
                    if let Some(used) = &used {
                        findings.extend(capabilities(used, agent.capabilities(), language, described, mention));
                    }
                    let written = |words: &str| source.as_ref().and_then(|source| source.written(words));
                    let met = callers::ring(&agent, &place, transfers(used.as_ref(), &agent), written).await;
                    // A sentence that was found where it is written is not told again.
                    let long = findings.iter().any(|finding| finding.rule == Rule::LongSentence);
                    findings.extend(met.into_iter().filter(|f| !(long && f.rule == Rule::LongSentence)));
                    let cost = cost::measure(&agent).await?;
                    facts.extend(cost.facts());
                    findings.extend(cost.judge(&promise, &place));
                    let description = agent.description();
                    facts.insert(0, format!("{} {}", description.name, description.version));
                    if !agent.capabilities().is_empty() {
                        facts.push(format!("its line grants {}", granting(agent.capabilities())));
                    }
                }
                Err(error) => findings.push(Finding::error(
                    Rule::DoesNotLoad,
                    &source.as_ref().and_then(Source::description).unwrap_or_else(|| place.clone()),
                    error.to_string(),
                    "see what `describe` does: a name, a version, languages such as \"fr-FR\", and capabilities are all it gives, and it asks nothing of the host",
                )),
            }
        }
        self.tell(&place, &facts, &findings, unjudged)
    }

    fn tell(&self, place: &str, facts: &[String], findings: &[Finding], unjudged: Option<Engine>) -> Outcome {
        let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        if self.json {
            let not_judged: &[Rule] = if unjudged.is_some() { &Rule::BY_SOURCE } else { &[] };
            let value = serde_json::json!({
                "component": place, "facts": facts, "findings": findings, "not_judged": not_judged,
            });
            println!("{value}");
        } else {
            for finding in findings {
                let (style, name) = match finding.severity {
                    Severity::Error => (BAD, "error"),
                    Severity::Warning => (TITLE, "warning"),
                };
                let rule = styled(DIM, &format!("[{}]", finding.rule.name()));
                // What a component asks for, and is named, is for whoever made it to say: a terminal obeys none of it.
                let (place, what) = (shown(&finding.place), barred(&finding.what));
                anstream::println!("{} {place}: {what} {rule}", styled(style, name));
                for line in finding.course.iter().flat_map(|happened| happened.lines()) {
                    anstream::println!("    {}", styled(DIM, &shown(line)));
                }
                anstream::println!("  {} {}", styled(DIM, "remedy:"), finding.remedy);
            }
            if findings.is_empty() {
                anstream::println!(
                    "{} {place} ({})",
                    styled(GOOD, "nothing to say against"),
                    facts.join(", ")
                );
            }
            if let Some(engine) = unjudged {
                let names: Vec<&str> = Rule::BY_SOURCE.iter().map(|rule| rule.name()).collect();
                anstream::println!(
                    "{} {place} holds {}'s engine, which imports the whole contract: what the agent itself uses of it, and all that it may say, cannot be read from the component",
                    styled(TITLE, "not judged:"),
                    engine.name()
                );
                anstream::println!("  {} {}", styled(DIM, "rules: "), names.join(", "));
                anstream::println!("  {} check the agent's folder instead", styled(DIM, "remedy:"));
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
/// error. Takes the milliseconds of reading the sources and of three rehearsed calls.
pub(crate) async fn breaks_calls(
    wasm: Vec<u8>,
    agent: &parloir_sandbox::Agent,
    folder: &Path,
    language: Language,
    built: &Path,
) -> Result<Vec<Finding>, Failure> {
    let place = built.display().to_string();
    let (root, component) = (folder.to_owned(), place.clone());
    let read = tokio::task::spawn_blocking(move || {
        Ok::<_, Failure>((Source::read(&root, language)?, component::read(&wasm, &component)))
    });
    let (source, read) = read.await??;
    let used = used(Some(&source), &read);
    let mut findings = read.findings;
    let mention = |capability| source.mention(capability);
    if let Some(used) = &used {
        findings.extend(capabilities(used, agent.capabilities(), Some(language), &place, mention));
    }
    let transfers = transfers(used.as_ref(), agent);
    findings.extend(callers::ring(agent, &place, transfers, |words| source.written(words)).await);
    findings.retain(|finding| finding.severity == Severity::Error);
    Ok(findings)
}

/// What the agent calls: by its files where there are any, by its component where that says so. `None` where
/// an engine is all that is to be seen.
fn used(source: Option<&Source>, read: &Read) -> Option<Used> {
    let by_component = || read.engine.is_none().then(|| read.used.clone());
    source.and_then(Source::used).or_else(by_component)
}

/// Whether the agent puts callers through; by its own word where its calls are not to be seen. One that never declared
/// it is refused, and told of that alone.
fn transfers(used: Option<&Used>, agent: &parloir_sandbox::Agent) -> bool {
    agent.capabilities().contains(&Capability::Transfer) && used.is_none_or(Used::transfers)
}
