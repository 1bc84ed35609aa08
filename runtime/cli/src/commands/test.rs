//! `parloir test`: an agent's conversations, rehearsed.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use parloir_contract::{Import, LogLevel};
use parloir_rehearsal::{
    Conversation, Coverage, Event, FILE_BYTES, FORMAT, Happened, Rehearsed, at, read, rehearse_all, to_json,
    to_junit,
};

use crate::commands::fetch::ModelArgs;
use crate::terminal::{AGENT, BAD, CALLER, DIM, GOOD, TITLE, shown, styled};
use crate::{Failure, Outcome, agent, audio, loopback};

/// Events shown before the place where a conversation went otherwise.
const SHOWN: usize = 12;

#[derive(Args)]
pub(crate) struct Test {
    /// The agent's folder, which is built first, or a component. Default: this folder.
    #[arg(value_name = "AGENT")]
    agent: Option<PathBuf>,
    /// Conversation files. Default: conversations/*.yaml in the agent's folder.
    #[arg(value_name = "FILES")]
    files: Vec<PathBuf>,
    /// Only the conversations whose name holds this.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Show every conversation, not only those that went otherwise.
    #[arg(long)]
    show: bool,
    /// Ring a real line and speak: the conversations that say `audio: yes`, or those that --only names.
    #[arg(long)]
    audio: bool,
    #[command(flatten)]
    models: ModelArgs,
    /// Print a JSON object instead of sentences.
    #[arg(long)]
    json: bool,
    /// Print the conversation file's reference, and do nothing else.
    #[arg(long)]
    format: bool,
    /// Write JUnit's XML for a build server.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

impl Test {
    pub(crate) async fn run(self) -> Outcome {
        if self.format {
            let _ = write!(std::io::stdout(), "{FORMAT}");
            return Ok(());
        }
        let (agent, files) = places(self.agent.clone(), self.files.clone());
        let files = if files.is_empty() { conversations_of(&agent)? } else { files };
        // Files first: a slip of the pen is told before anything is built.
        let mut conversations = read_all(&files)?;
        if let Some(only) = &self.only {
            conversations.retain(|one| one.name.contains(only.as_str()));
            if conversations.is_empty() {
                return Err(Failure::bad_input(&format!("no conversation's name holds {only:?}")));
            }
        }
        if self.audio && self.only.is_none() {
            conversations.retain(|one| one.scene.audio);
            if conversations.is_empty() {
                return Err(Failure::bad_input(
                    &"no conversation is marked for sound: write `audio: yes` into those that are fit for it, or name one with --only",
                ));
            }
        }
        let loaded = agent::load(&agent).await?;
        let imports = loaded.imports();
        let began = Instant::now();
        let rehearsed = match self.audio {
            true => self.ring(&loaded, &conversations).await?,
            false => rehearse_all(&loaded, &conversations, |_| {})
                .await
                .map_err(|(at, error)| Failure::bad_input(&format!("{at}: {error}")))?,
        };
        let took = began.elapsed();
        let mut coverage = Coverage::default();
        rehearsed.iter().for_each(|one| coverage.add(&one.left.coverage));
        let description = loaded.description();
        if let Some(file) = &self.junit {
            tokio::fs::write(file, to_junit(&description.name, &rehearsed)).await.map_err(|error| {
                Failure::bad_input(&format!("{}: {error}; name another file with --junit", file.display()))
            })?;
        }
        if self.json {
            // Whoever reads may have read enough.
            let _ = writeln!(std::io::stdout(), "{}", to_json(&rehearsed, &coverage, &imports));
        } else {
            let agent = format!("{} {}", description.name, description.version);
            print(&agent, &rehearsed, self.show);
            covered(&coverage, &imports);
            total(&rehearsed, took);
        }
        let failed = rehearsed.iter().filter(|one| !one.passed()).count();
        if failed == 0 {
            return Ok(());
        }
        Err(Failure::new(format!("{failed} of {} conversations went otherwise", rehearsed.len())))
    }
}

impl Test {
    /// The same conversations with sound, in real time.
    async fn ring(
        &self,
        agent: &parloir_sandbox::Agent,
        conversations: &[Conversation],
    ) -> Result<Vec<Rehearsed>, Failure> {
        let providers = loopback::embedded(&self.models.models).await?;
        let bar = ProgressBar::new(conversations.len() as u64);
        if let Ok(style) =
            ProgressStyle::with_template("{spinner} on the line: {pos} of {len} over, {elapsed}")
        {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        let rung = audio::ring_all(agent, conversations, &providers, |_| bar.inc(1)).await;
        bar.finish_and_clear();
        Ok(rung)
    }
}

/// The agent and the files: where the first word is a conversation file, the agent is this folder.
fn places(agent: Option<PathBuf>, files: Vec<PathBuf>) -> (PathBuf, Vec<PathBuf>) {
    match agent {
        None => (".".into(), files),
        Some(first) if is_yaml(&first) => (".".into(), std::iter::once(first).chain(files).collect()),
        Some(agent) => (agent, files),
    }
}

pub(crate) fn is_yaml(path: &Path) -> bool {
    path.extension().and_then(OsStr::to_str).is_some_and(|end| matches!(end, "yaml" | "yml"))
}

/// `conversations/*.yaml` beside the agent, in the order of their names.
pub(crate) fn conversations_of(agent: &Path) -> Result<Vec<PathBuf>, Failure> {
    let beside = if agent.is_dir() { agent } else { agent.parent().unwrap_or(Path::new(".")) };
    let folder = beside.join("conversations");
    let entries = std::fs::read_dir(&folder).map_err(|error| {
        Failure::bad_input(&format!(
            "{}: {error}; name an agent's folder that has conversations, or conversation files after it",
            folder.display()
        ))
    })?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| is_yaml(path))
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(Failure::bad_input(&format!(
            "{} holds no conversation: write NAME.yaml there, or begin with `parloir talk --save`",
            folder.display()
        )));
    }
    Ok(files)
}

pub(crate) fn read_all(files: &[PathBuf]) -> Result<Vec<Conversation>, Failure> {
    let (mut all, mut wrong) = (Vec::new(), Vec::new());
    for file in files {
        match bytes(file).map(|bytes| read(file, &bytes)) {
            Ok(Ok(conversations)) => all.extend(conversations),
            Ok(Err(bad)) => wrong.push(bad.to_string()),
            Err(error) => wrong.push(format!("{}: {error}", file.display())),
        }
    }
    if wrong.is_empty() { Ok(all) } else { Err(Failure::bad_input(&wrong.join("\n"))) }
}

/// A file, up to a byte more than it may have.
pub(crate) fn bytes(file: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    std::fs::File::open(file)?.take(FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn print(agent: &str, rehearsed: &[Rehearsed], show: bool) {
    anstream::println!("{}", styled(TITLE, agent));
    let width = rehearsed.iter().map(|one| one.name.chars().count()).max().unwrap_or(0).min(70);
    for one in rehearsed {
        let (mark, style) = if one.passed() { ("✓", GOOD) } else { ("✗", BAD) };
        let name = format!("{:width$}", one.name);
        let lasted = styled(DIM, &at(one.left.lasted_ms));
        anstream::println!("  {} {name}  {lasted}", styled(style, mark));
        if one.passed() {
            if show {
                told(&one.left.events);
            }
        } else {
            otherwise(one, show);
        }
    }
}

/// A conversation that went otherwise: what led there, what should have been, what was.
pub(crate) fn otherwise(one: &Rehearsed, whole: bool) {
    let events = &one.left.events;
    let first = one.mismatches.first().map_or(u64::MAX, |mismatch| mismatch.at_ms);
    let until = events.iter().take_while(|event| event.at_ms <= first).count();
    let from = if whole { 0 } else { until.saturating_sub(SHOWN) };
    if from > 0 {
        anstream::println!("      {}", styled(DIM, &format!("… {from} before; --show shows all")));
    }
    let until = if whole { events.len() } else { until };
    told(events.get(from..until).unwrap_or_default());
    for mismatch in &one.mismatches {
        if let Some(place) = &mismatch.at {
            anstream::println!("      {}", styled(TITLE, &place.to_string()));
        }
        anstream::println!("      {} {}", styled(GOOD, "- expected"), mismatch.expected);
        anstream::println!("      {} {}", styled(BAD, "+"), mismatch.found);
        if let Some(remedy) = &mismatch.remedy {
            anstream::println!("      {}", styled(DIM, &format!("  {remedy}")));
        }
    }
}

fn told(events: &[Event]) {
    for event in events {
        tell(event);
    }
}

/// One event, for a person to read.
pub(crate) fn tell(event: &Event) {
    let time = styled(DIM, &format!("{:>5}", at(event.at_ms)));
    let line = match &event.what {
        Happened::Agent { text, whole: true, .. } => format!("{} {text}", styled(AGENT, "agent ")),
        Happened::Agent { heard, .. } => format!("{} {heard} —", styled(AGENT, "agent ")),
        Happened::Caller { text, said, over_agent, .. } => {
            let dash = if *over_agent { "— " } else { "" };
            let said = said.as_ref().map_or_else(String::new, |said| format!("  (said: {said})"));
            format!("{} {dash}{text}{}", styled(CALLER, "caller"), styled(DIM, &said))
        }
        Happened::Keys { keys, .. } => format!("{} presses {keys}", styled(CALLER, "caller")),
        Happened::Lost { what, why } => {
            format!("{} {}", styled(CALLER, "caller"), styled(DIM, &format!("{what} (lost: {why})")))
        }
        Happened::Silence { ms } => {
            let seconds = Duration::from_millis(*ms).as_secs_f32();
            styled(DIM, &format!("       silent for {seconds:.1} s"))
        }
        Happened::HungUp => format!("{} hangs up", styled(CALLER, "caller")),
        Happened::Noted { level, text } => noted(*level, text),
        Happened::Host { import, answer, injected } => {
            let by = if *injected { " (by the file)" } else { "" };
            styled(DIM, &format!("       {import}: {answer}{by}"))
        }
    };
    anstream::println!("      {time}  {}", shown(&line));
}

/// What the agent noted for its developer, each of its lines below the other.
pub(crate) fn noted(level: LogLevel, text: &str) -> String {
    let style = match level {
        LogLevel::Debug | LogLevel::Info => DIM,
        LogLevel::Warn => TITLE,
        LogLevel::Error => BAD,
    };
    let text = text.trim_end().replace('\n', "\n                    ");
    format!("{} {}", styled(style, &format!("log    {}:", level.name())), styled(DIM, &text))
}

fn covered(coverage: &Coverage, imports: &[Import]) {
    let (met, of) = coverage.share(imports);
    let percent = (met * 100).checked_div(of).unwrap_or(100);
    anstream::println!(
        "\n{} {percent} % ({met} of {of} kinds of answers of the host)",
        styled(TITLE, "Coverage")
    );
    let (met, unasked): (Vec<_>, Vec<_>) =
        coverage.of(imports).into_iter().partition(|covered| !covered.seen.is_empty());
    for covered in met {
        let seen: Vec<String> = covered.seen.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
        let missing = if covered.missing.is_empty() {
            String::new()
        } else {
            styled(BAD, &format!("  never: {}", covered.missing.join(", ")))
        };
        anstream::println!("  {:24} {}{missing}", covered.import, styled(DIM, &seen.join(", ")));
    }
    // An engine's component imports the whole contract.
    if !unasked.is_empty() {
        let names: Vec<&str> = unasked.iter().map(|covered| covered.import).collect();
        anstream::println!("  {:24} {}", "never asked", styled(DIM, &names.join(", ")));
    }
}

fn total(rehearsed: &[Rehearsed], took: Duration) {
    let passed = rehearsed.iter().filter(|one| one.passed()).count();
    let virtual_ms: u64 = rehearsed.iter().map(|one| one.left.lasted_ms).sum();
    let style = if passed == rehearsed.len() { GOOD } else { BAD };
    anstream::println!(
        "\n{} {}",
        styled(style, &format!("{passed} of {} passed", rehearsed.len())),
        styled(DIM, &format!("{} of conversation in {:.2} s", at(virtual_ms), took.as_secs_f64()))
    );
}
