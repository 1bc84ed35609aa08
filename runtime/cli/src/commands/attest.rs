//! `parloir attest`: the attack agents and the neighbour's figure on this machine, as a signed report; and whether one is true.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use parloir_attest::{
    About, Broken, END_OF_TURN, MAX_REPORT, Measured, Part, Plan, Progress, Report, Signed, Stage, check,
    come_last, machine, measure_neighbour, program, rehearse_corpus, run_corpus, sign, signing_key,
    stand_for_the_attackers, stand_for_the_neighbour,
};
use parloir_measure::{Floor, serve_floor};
use parloir_proof::note::{MAX_NOTE, PublicKey};
use parloir_store::disk::{OsDisk, Readers, write_whole};
use tokio::process::Command;
use tokio::sync::oneshot;

use crate::commands::serve::stopped;
use crate::terminal::{self, DIM, GOOD, TITLE, shown, styled};
use crate::{DataArgs, Failure, Outcome};

/// The attackers' lines at once.
const ATTACKERS: u32 = 20;
/// The time over which the neighbour's calls are placed.
const SPREAD: Duration = Duration::from_secs(10);
/// How long the floor's replies are.
const REPLY: Duration = Duration::from_secs(2);
/// How long a measurement may take to end its processes once it is stopped.
const LET_GO: Duration = Duration::from_secs(3);

#[derive(Args)]
pub(crate) struct Attest {
    /// The two files to write: NAME.txt, the signed page, and NAME.json, every attack. Default: attest- and the time.
    #[arg(long, value_name = "NAME", conflicts_with = "check")]
    to: Option<PathBuf>,
    /// The attacks alone: the neighbour's figure is not measured.
    #[arg(long, conflicts_with = "check")]
    quick: bool,
    /// The neighbour's calls at once, while 20 lines of another tenant attack.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=300))]
    calls: u32,
    /// How often it is measured: the floor, the neighbour alone, and beside the attackers, one after the other.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    rounds: u32,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(5..=600))]
    seconds: u64,
    /// Check a report that is there: its page, with its JSON file beside it. Nothing is run.
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
    /// The key by which the operator is known who signed it.
    #[arg(long, value_name = "KEY", requires = "check")]
    key: Option<PublicKey>,
    #[command(flatten)]
    data: DataArgs,
    /// Print the report's JSON instead of its page.
    #[arg(long)]
    json: bool,
    /// What this process is, where another one began it.
    #[arg(long, hide = true, requires = "within")]
    part: Option<Part>,
    /// Where.
    #[arg(long, hide = true)]
    within: Option<PathBuf>,
    #[arg(skip)]
    stage: Option<Box<Stage>>,
}

impl Attest {
    /// Gives up what the server does not need, where this process is to be one, and the others' turn, where it attacks: to be
    /// called before the executor is there.
    pub(crate) fn confine(&mut self) -> Outcome {
        match (self.part, &self.within) {
            (Some(Part::Corpus | Part::Neighbour), Some(folder)) => {
                self.stage = Some(Box::new(Stage::set(folder)?));
            }
            (Some(Part::Attackers), _) => come_last()?,
            (Some(Part::Corpus | Part::Neighbour | Part::Floor) | None, _) => {}
        }
        Ok(())
    }

    pub(crate) async fn run(mut self) -> Outcome {
        match (self.part, self.stage.take()) {
            (Some(Part::Corpus), Some(stage)) => {
                return rehearse_corpus(*stage).await.map_err(Failure::from);
            }
            (Some(Part::Neighbour), Some(stage)) => {
                return stand_for_the_neighbour(*stage).await.map_err(Failure::from);
            }
            (Some(Part::Floor), _) => {
                let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
                let floor = Floor { listen, end_of_turn: END_OF_TURN, reply: REPLY };
                return serve_floor(floor).await.map_err(Failure::from);
            }
            (Some(Part::Attackers), _) => return stand_for_the_attackers().await.map_err(Failure::from),
            (Some(Part::Corpus | Part::Neighbour) | None, _) => {}
        }
        match &self.check {
            Some(file) => self.checked(file),
            None => self.attest().await,
        }
    }

    async fn attest(&self) -> Outcome {
        let made = jiff::Timestamp::now();
        let name = match &self.to {
            Some(name) => name.clone(),
            None => format!("attest-{}", made.strftime("%Y%m%dT%H%M%SZ")).into(),
        };
        let [page_file, json_file] = [".txt", ".json"].map(|end| beside(&name, end));
        for file in [&page_file, &json_file] {
            if file.exists() {
                return Err(Failure::bad_input(&format!(
                    "{} is there already: name another with --to",
                    file.display()
                )));
            }
        }
        let (key, public) = signing_key(&self.data.folders().keys)?;
        let about = About {
            key: public.to_string(),
            made: made.to_string(),
            program: program(env!("CARGO_PKG_VERSION"))?,
            machine: machine(),
        };
        let began = Instant::now();
        let mut report = Report::of(about);
        let place = tempfile::Builder::new().prefix("parloir-attest-").tempdir()?;
        let own_file = std::env::current_exe()?;
        corpus(&own_file, &mut report, place.path()).await?;
        if !self.quick {
            report.measured = Some(self.neighbour(own_file, place.path()).await?);
        }
        report.took_s = began.elapsed().as_secs();
        let Signed { json, page } = sign(&report, &key);
        for (file, bytes) in [(&json_file, json.as_slice()), (&page_file, page.as_bytes())] {
            write_whole(&OsDisk, file, bytes, Readers::Anyone)
                .map_err(|error| Failure::new(format!("{}: {error}", file.display())))?;
        }
        if self.json {
            print!("{}", String::from_utf8_lossy(&json));
        } else {
            show(&page);
            let (page, json) = (page_file.display(), json_file.display());
            anstream::println!("{} {page} and {json}", styled(GOOD, "written"));
            anstream::println!(
                "  {}",
                styled(DIM, "publish the key once; whoever has it and both files can check them:")
            );
            anstream::println!(
                "  {}",
                styled(TITLE, &format!("parloir attest --check {page} --key '{public}'"))
            );
        }
        held(&report)
    }

    /// Measures what the neighbour's callers notice, in a thread of their own.
    async fn neighbour(&self, own_file: PathBuf, place: &Path) -> Result<Measured, Failure> {
        let folder = empty(place, "neighbour")?;
        let plan = Plan {
            calls: self.calls,
            attackers: ATTACKERS,
            rounds: self.rounds,
            measured: Duration::from_secs(self.seconds),
            spread: SPREAD,
        };
        let bar = terminal::bar(plan.runs(), "measurements");
        bar.tick();
        let step = {
            let bar = bar.clone();
            move || bar.inc(1)
        };
        let (stop, stopping) = oneshot::channel::<()>();
        let (done, mut result) = oneshot::channel();
        let measure = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let measured = match runtime {
                Ok(runtime) => runtime.block_on(async {
                    let within = folder.clone();
                    let process = move |part: Part| command(&own_file, part, &within);
                    tokio::select! {
                        measured = measure_neighbour(plan, process, folder, step) => measured,
                        _ = stopping => Err(Broken("it was stopped".into())),
                    }
                }),
                Err(error) => Err(Broken(format!("the callers' executor: {error}"))),
            };
            // Nobody waits for it any more where it was stopped.
            let _ = done.send(measured);
        };
        std::thread::Builder::new().name("callers".into()).spawn(measure)?;
        let measured = tokio::select! {
            measured = &mut result => measured,
            () = stopped() => {
                drop(stop);
                let _ended = tokio::time::timeout(LET_GO, result).await;
                return Err(interrupted());
            }
        };
        bar.finish_and_clear();
        Ok(measured??)
    }

    fn checked(&self, file: &Path) -> Outcome {
        let name = named(file);
        let page = bounded(&beside(&name, ".txt"), MAX_NOTE)?;
        let json = bounded(&beside(&name, ".json"), MAX_REPORT)?;
        let untrue = |why: &dyn std::fmt::Display| {
            Failure::otherwise(format!("{} attests nothing: {why}", file.display()))
        };
        let page = String::from_utf8(page).map_err(|error| untrue(&error))?;
        let report = check(&page, &json, self.key.as_ref()).map_err(|error| untrue(&error))?;
        if self.json {
            print!("{}", String::from_utf8_lossy(&json));
            return held(&report);
        }
        show(&page);
        anstream::println!("{} page and JSON file are as they were signed", styled(GOOD, "unaltered"));
        if self.key.is_none() {
            let remark = "by the key that the report itself names: compare it with the one that its operator published, or give that \
                          with --key";
            anstream::println!("  {}", styled(DIM, remark));
        }
        held(&report)
    }
}

/// Whether what a report says is good.
fn held(report: &Report) -> Outcome {
    match report.problems().as_slice() {
        [] => Ok(()),
        problems => Err(Failure::otherwise(format!("not held: {}", problems.join("; ")))),
    }
}

fn interrupted() -> Failure {
    Failure::new("stopped: nothing was written")
}

/// A page, line by line, with nothing that a terminal obeys.
fn show(page: &str) {
    for line in page.lines() {
        anstream::println!("{}", shown(line));
    }
}

/// A file's name with something after it.
fn beside(name: &Path, end: &str) -> PathBuf {
    let mut name = name.to_owned().into_os_string();
    name.push(end);
    name.into()
}

/// The name of a report, by itself or by one of its two files. It may have dots.
fn named(file: &Path) -> PathBuf {
    match file.extension().and_then(|end| end.to_str()) {
        Some("txt" | "json") => file.with_extension(""),
        Some(_) | None => file.to_owned(),
    }
}

/// A new folder below a place.
fn empty(place: &Path, name: &str) -> Result<PathBuf, Failure> {
    let folder = place.join(name);
    std::fs::create_dir(&folder).map_err(|error| Failure::new(format!("{}: {error}", folder.display())))?;
    Ok(folder)
}

/// Has a process of this program run the corpus.
async fn corpus(own_file: &Path, report: &mut Report, place: &Path) -> Outcome {
    let folder = empty(place, "corpus")?;
    let process = command(own_file, Part::Corpus, &folder);
    let bar = terminal::bar(0, "attacks");
    let progress = |far: Progress| {
        bar.set_length(far.of);
        bar.set_position(far.done);
    };
    let ran = tokio::select! {
        ran = run_corpus(process, folder, progress) => ran,
        () = stopped() => return Err(interrupted()),
    };
    bar.finish_and_clear();
    let ran = ran?;
    report.confined = ran.confined;
    report.trials = ran.trials;
    report.fell = ran.fell;
    report.house = ran.house;
    Ok(())
}

/// The same program, as a part of what is run.
fn command(own_file: &Path, part: Part, within: &Path) -> Command {
    let mut command = Command::new(own_file);
    command.args(["attest", "--part", part.name(), "--within"]).arg(within);
    if std::env::var_os("PARLOIR_LOG").is_none() {
        // An attack that is refused is no news; a program that falls says so itself.
        command.env("PARLOIR_LOG", "off");
    }
    command
}

/// A file, unless it is too long to be a report.
fn bounded(file: &Path, most: usize) -> Result<Vec<u8>, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", file.display()));
    let length = std::fs::metadata(file).map_err(|error| wrong(&error))?.len();
    if length > most as u64 {
        return Err(wrong(&"it is too long for a report"));
    }
    std::fs::read(file).map_err(|error| wrong(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_whose_name_has_dots_is_found_by_its_name_and_by_its_files() {
        for file in ["out/desk-1.2", "out/desk-1.2.txt", "out/desk-1.2.json"] {
            let found = [".txt", ".json"].map(|end| beside(&named(Path::new(file)), end));
            assert_eq!(
                found,
                [PathBuf::from("out/desk-1.2.txt"), PathBuf::from("out/desk-1.2.json")],
                "{file}"
            );
        }
    }
}
