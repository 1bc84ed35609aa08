//! `parloir replay`: a recorded call once more.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use parloir_contract::{CallId, TenantId};
use parloir_journal::{Purpose, Record, Seq, read_call};
use parloir_rehearsal::Scene;
use parloir_replay::{
    Comparison, Exact, Mark, NotUnfinished, Ran, Recorded, RecordedEnd, Source, Unfinished, compare, exact,
    fork,
};
use parloir_sandbox::{Agent, Sandbox, Settings};
use parloir_server::{Config, Folders, kept_agents, serves};
use parloir_store::Keyring;

use crate::access::{Read, WhyArgs};
use crate::commands::go_on;
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
    /// Go on where the call was cut off: you are the caller, in the terminal.
    #[arg(long, conflicts_with = "json")]
    go_on: bool,
    /// With --go-on: go on after this record, counted from 0, whatever became of the call. Default, and at most: the last
    #[arg(long, value_name = "RECORD", requires = "go_on")]
    up_to: Option<Seq>,
    /// With --go-on: the operator's file, for what the call's line grants and its tenant's quota. Default: all that there is,
    /// and the usual quota
    #[arg(long, value_name = "FILE", requires = "go_on")]
    config: Option<PathBuf>,
    #[command(flatten)]
    why: WhyArgs,
    #[command(flatten)]
    data: DataArgs,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl Replay {
    pub(crate) async fn run(self) -> Outcome {
        let folders = self.data.existing()?;
        if self.go_on {
            return self.goes_on(&folders).await;
        }
        let recorded = recorded(&folders, self.call, "replay", &self.why).await?;
        let agent = match &self.agent {
            Some(other) => agent::load_into(&agent::sandbox_apart()?, other).await?,
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

    async fn goes_on(&self, folders: &Folders) -> Outcome {
        let (tenant, records) = records(folders, self.call, "replay", &self.why).await?;
        let live = is_open(&records) && serves(&folders.keys);
        let unfinished = match self.up_to {
            Some(record) => Unfinished::up_to(records, record),
            None => Unfinished::new(records),
        };
        let unfinished = unfinished.map_err(|error| match error {
            NotUnfinished::Over { seq } => {
                Failure::bad_input(&format!("{error}, such as --up-to {}", seq.saturating_sub(1)))
            }
            NotUnfinished::Withheld => Failure::bad_input(&format!(
                "{error}: `parloir show {} --json` numbers them, and --up-to takes one",
                self.call
            )),
            NotUnfinished::NotReplayable(error) => Failure::bad_input(&error),
        })?;
        let agent = match &self.agent {
            Some(component) => agent::load_into(&agent::sandbox_apart()?, component).await?,
            None => kept(folders, &unfinished.recorded).await?,
        };
        let (scene, on_no_line) = self.scene(&tenant, &unfinished)?;
        let under_way = "`parloir serve` has this call, and it goes on there: this rehearses beside it what its journal has so far";
        let known: Vec<&str> = live.then_some(under_way).into_iter().chain(on_no_line).collect();
        go_on::talk(&agent, &unfinished, &scene, &known).await
    }

    /// The world in which the call goes on, and what of the real one is missing there.
    fn scene(&self, tenant: &TenantId, call: &Unfinished) -> Result<(Scene, Option<&'static str>), Failure> {
        let Some(file) = &self.config else {
            let missing = "what its line grants and its tenant's quota are not known here: --config parloir.toml gives them";
            return Ok((call.scene(), Some(missing)));
        };
        let config = Config::read(file).map_err(|error| Failure::bad_input(&error))?;
        let number = call.recorded.info.line.as_str();
        let known = config.tenants.iter().find(|known| known.id == *tenant);
        let line = known.and_then(|known| {
            let line = known.lines.iter().find(|line| line.number.as_str() == number)?;
            Some((line, &known.quota))
        });
        let (line, quota) = line.ok_or_else(|| {
            Failure::bad_input(&format!(
                "{} has no line {number} of {tenant}: name the file that has it, or leave --config out",
                file.display()
            ))
        })?;
        Ok((call.scene_on(line, quota), None))
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
pub(crate) async fn recorded(
    folders: &Folders,
    call: CallId,
    command: &'static str,
    why: &WhyArgs,
) -> Result<Recorded, Failure> {
    let (_, records) = records(folders, call, command, why).await?;
    Ok(Recorded::new(records)?)
}

/// All records of a call that is there to be used, and whose it is. That they are read is noted first.
async fn records(
    folders: &Folders,
    call: CallId,
    command: &'static str,
    why: &WhyArgs,
) -> Result<(TenantId, Vec<Record>), Failure> {
    let tenant = tenant_of(folders, call).await?;
    unrestricted(folders, &tenant, call).await?;
    Read { command, purposes: &[Purpose::Content], why }.note_of(folders, &tenant, &[call]).await?;
    let keyring = Keyring::open(&folders.keys)?;
    let records = read_call(&folders.data, &keyring, &tenant, call, None).await?;
    Ok((tenant, records))
}

/// Whether nothing has closed a call: neither its end, nor a restart after a program that stopped in it.
fn is_open(records: &[Record]) -> bool {
    !records.iter().any(|record| record.body.ending().is_some())
}

/// The very component that answered. It is a tenant's, and the keys are open here: it is not compiled in this process.
pub(crate) async fn kept(folders: &Folders, recorded: &Recorded) -> Result<Agent, Failure> {
    let sandbox = Sandbox::compiling(Settings::default(), Some(kept_agents(folders)?), agent::apart())?;
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

#[cfg(test)]
mod tests {
    use parloir_journal::{CallEnded, CallInterrupted, CallStarted, RecordBody};

    use super::*;

    #[test]
    fn a_call_is_open_until_its_end_or_a_restart_closes_it() {
        let of = |bodies: Vec<RecordBody>| -> Vec<Record> {
            (0..).zip(bodies).map(|(seq, body)| Record { seq, at: seq, body }).collect()
        };
        let began = RecordBody::CallStarted(CallStarted::default());
        assert!(is_open(&of(vec![began.clone()])));
        let reason = "the program stopped during the call".to_owned();
        for end in [
            RecordBody::CallEnded(CallEnded::default()),
            RecordBody::CallInterrupted(CallInterrupted { reason }),
        ] {
            assert!(!is_open(&of(vec![began.clone(), end])));
        }
    }
}
