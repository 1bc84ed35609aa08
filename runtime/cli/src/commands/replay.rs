//! `parloir replay`: a recorded call once more.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use parloir_contract::CallId;
use parloir_journal::read_call;
use parloir_replay::{Comparison, Exact, Mark, Ran, Recorded, RecordedEnd, Source, compare, exact, fork};
use parloir_sandbox::{Agent, Sandbox, Settings};
use parloir_server::{Folders, kept_agents};
use parloir_store::Keyring;

use crate::commands::recording::tenant_of;
use crate::commands::rights::unrestricted;
use crate::terminal::{BAD, DIM, GOOD, TITLE, shown, styled};
use crate::{DataArgs, Failure, Outcome, agent};

#[derive(Args)]
pub(crate) struct Replay {
    /// The call, as `parloir calls` lists it.
    call: CallId,
    /// Another agent: its folder, which is built first, or its component. Default: the one that answered.
    #[arg(long, value_name = "AGENT")]
    agent: Option<PathBuf>,
    #[command(flatten)]
    data: DataArgs,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl Replay {
    pub(crate) async fn run(self) -> Outcome {
        let folders = self.data.existing()?;
        let recorded = recorded(&folders, self.call).await?;
        let agent = match &self.agent {
            Some(other) => agent::load(other).await?,
            None => kept(&folders, &recorded).await?,
        };
        let began = Instant::now();
        if *agent.sha256() == recorded.component_sha256 {
            let exact = exact(&agent, &recorded).await?;
            return self.exactly(&recorded, &exact, began.elapsed());
        }
        let ran = fork(&agent, &recorded).await?;
        self.forked(&recorded, &ran, began.elapsed())
    }

    fn exactly(&self, recorded: &Recorded, exact: &Exact, took: Duration) -> Outcome {
        let total = recorded.steps.len();
        if self.json {
            println!(
                "{}",
                serde_json::json!({
                    "call": self.call.to_string(), "exact": exact.is_equal(), "requests": total, "equal": exact.equal,
                    "difference": exact.difference.as_ref().map(ToString::to_string),
                    "withheld": recorded.end == RecordedEnd::Withheld,
                    "lasted_ms": recorded.lasted_ms, "took_us": micros(took),
                })
            );
        } else if exact.is_equal() {
            anstream::println!(
                "{} all {total} requests are byte for byte as recorded {}",
                styled(GOOD, "exact"),
                styled(DIM, &pace(recorded, took))
            );
            if recorded.end == RecordedEnd::Withheld {
                anstream::println!(
                    "{}",
                    styled(DIM, "what was said after them was not kept: the recording was paused")
                );
            }
        }
        match &exact.difference {
            None => Ok(()),
            Some(difference) => Err(Failure::otherwise(format!(
                "the agent did not do what the journal says, from {difference}\n  {} requests before it are as recorded",
                exact.equal
            ))),
        }
    }

    fn forked(&self, recorded: &Recorded, ran: &Ran, took: Duration) -> Outcome {
        let comparison = compare(&Ran::recorded(recorded), ran);
        if self.json {
            println!(
                "{}",
                serde_json::json!({
                    "call": self.call.to_string(), "same": comparison.is_same(), "lines": comparison.lines,
                    "departed": ran.departed.as_ref().map(ToString::to_string),
                    "lasted_ms": recorded.lasted_ms, "took_us": micros(took),
                })
            );
        } else {
            let supplied = ran.taken.iter().filter(|taken| taken.source == Source::Supplied).count();
            anstream::println!(
                "{} {}",
                styled(TITLE, "− as recorded   + this agent"),
                styled(DIM, &pace(recorded, took))
            );
            table(&comparison);
            if let Some(departed) = &ran.departed {
                let step = departed.step;
                let what = format!(
                    "it asks otherwise from request {step} on; {supplied} answers are not of the recording"
                );
                anstream::println!("{}", styled(DIM, &what));
            }
        }
        if comparison.is_same() {
            return Ok(());
        }
        Err(Failure::otherwise("this agent goes another way than was recorded"))
    }
}

/// A call of the data folder, as its agent lived it.
pub(crate) async fn recorded(folders: &Folders, call: CallId) -> Result<Recorded, Failure> {
    let tenant = tenant_of(folders, call).await?;
    unrestricted(folders, &tenant, call).await?;
    let keyring = Keyring::open(&folders.keys)?;
    let records = read_call(&folders.data, &keyring, &tenant, call, None).await?;
    Ok(Recorded::new(records)?)
}

/// The very component that answered.
pub(crate) async fn kept(folders: &Folders, recorded: &Recorded) -> Result<Agent, Failure> {
    let sandbox = Sandbox::new(Settings::default(), Some(kept_agents(folders)?))?;
    if let Some(agent) = sandbox.kept(recorded.component_sha256).await? {
        return Ok(agent);
    }
    let (name, version) = &recorded.agent;
    let sha: String = recorded.component_sha256.iter().map(|b| format!("{b:02x}")).collect();
    Err(Failure::new(format!(
        "the data folder no longer has the agent that answered ({name} {version}, SHA-256 {sha}): give its component with --agent"
    )))
}

/// Prints what two runs did, aligned.
pub(crate) fn table(comparison: &Comparison) {
    for line in &comparison.lines {
        let aspect = styled(DIM, &format!("{:11}", line.effect.aspect.name()));
        let effect = shown(&line.effect.to_string());
        match line.mark {
            Mark::Both => anstream::println!("  {aspect} {effect}"),
            Mark::First => anstream::println!("{} {aspect} {effect}", styled(BAD, "−")),
            Mark::Second => anstream::println!("{} {aspect} {effect}", styled(GOOD, "+")),
        }
    }
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}

/// How much faster than life.
fn pace(recorded: &Recorded, took: Duration) -> String {
    let took_us = micros(took).max(1);
    let times = recorded.lasted_ms.saturating_mul(1_000) / took_us;
    let seconds = recorded.lasted_ms / 1_000;
    format!("({}:{:02} of call in {:.1?}, {times} times real time)", seconds / 60, seconds % 60, took)
}
