//! The server in a process of its own, confined like any other: the operator's is not touched, and where an attack ended it,
//! whoever watches it says so.
//!
//! The process tells what it does in lines of JSON on its standard output, and ends when its standard input does.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::str::FromStr;
use std::time::Duration;

use parloir_sandbox::{Sandbox, Settings};
use parloir_server::{Confined, confine};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};

use crate::agent::{Attack, attacks};
use crate::broken::Broken;
use crate::house::House;
use crate::machine::peak_kib;
use crate::report::{Capabilities, Confinement, Whole};
use crate::rooms::Rooms;
use crate::service::strayed;
use crate::trial::{Moment, Trial, load_all, load_bombs, ring_all};

/// The most that a process tells, in bytes.
const MOST_TOLD: u64 = 64 << 20;
/// The longest that the corpus may take.
const LONGEST: Duration = Duration::from_secs(3_600);
/// The longest that a process may take to end once it is asked to.
const ENDS: Duration = Duration::from_secs(60);
/// Problems of a journal that are told.
const PROBLEMS: usize = 100;

/// What a process of this program is, when it is none that a person began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The server against which the corpus is run, with its callers.
    Corpus,
    /// The server alone, which others ring.
    Neighbour,
    /// A server that does nothing but the protocol.
    Floor,
    /// Those who ring the attackers' lines.
    Attackers,
}

impl Part {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Corpus => "corpus",
            Self::Neighbour => "neighbour",
            Self::Floor => "floor",
            Self::Attackers => "attackers",
        }
    }
}

impl FromStr for Part {
    type Err = Broken;

    fn from_str(name: &str) -> Result<Self, Broken> {
        let all = [Self::Corpus, Self::Neighbour, Self::Floor, Self::Attackers];
        let found = all.into_iter().find(|part| part.name() == name);
        found.ok_or_else(|| Broken(format!("there is no part {name:?}")))
    }
}

/// What a process tells of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Told {
    Confined(Confinement),
    Steps(u64),
    Step,
    Open(String),
    Began(String),
    Ended(String),
    Trial(Trial),
    Whole(Whole),
    Rang(Rang),
    Broken(String),
}

/// How far attackers got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Rang {
    /// How many attacks they rang.
    pub(crate) rung: u64,
    /// Which attack of the corpus comes next: those that were turned away and cut off had their turn, too.
    pub(crate) next: u64,
}

/// Writes a line. Whoever began this process reads it, or is gone, and then nobody has to be told.
pub(crate) fn tell(told: &Told) {
    if let Ok(mut line) = serde_json::to_vec(told) {
        line.push(b'\n');
        let mut out = std::io::stdout().lock();
        let _nobody_reads = out.write_all(&line).and_then(|()| out.flush());
    }
}

/// A process that is about to be the server: furnished, and confined.
#[derive(Debug)]
pub struct Stage {
    rooms: Rooms,
    confined: Confinement,
}

impl Stage {
    /// Furnishes an empty folder and confines this thread, and all that it starts, as `parloir serve` does. To be called while
    /// there is one thread.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn set(folder: &Path) -> Result<Self, Broken> {
        let rooms = Rooms::furnish(folder, &attacks()?)?;
        // Neither is there: speech is canned, and the file is written nowhere.
        let (file, model) = (folder.join("parloir.toml"), folder.join("speech"));
        let confined = confine(rooms.config(), &file, &rooms.folders(), &model);
        let confined = confined.map_err(|error| Broken::because("confining the server", error))?;
        let confined = confined.map(|Confined { files, capabilities, kept, calls }| {
            let capabilities = Some(Capabilities { given_up: capabilities, kept });
            Confinement { files, calls, capabilities }
        });
        let confined = confined.unwrap_or_default();
        Ok(Self { rooms, confined })
    }
}

/// Waits until whoever began this process lets it go, or is gone.
pub(crate) async fn let_go() {
    let wait = || {
        let (mut input, mut nothing) = (std::io::stdin().lock(), [0_u8; 64]);
        while input.read(&mut nothing).is_ok_and(|length| length > 0) {}
    };
    // A thread that cannot be waited for is as good as one that has ended.
    let _ended = tokio::task::spawn_blocking(wait).await;
}

async fn open(stage: Stage, more: u64) -> Result<House, Broken> {
    tell(&Told::Confined(stage.confined));
    let agents = u64::try_from(stage.rooms.attacks().len()).unwrap_or(u64::MAX);
    tell(&Told::Steps(agents.saturating_add(more)));
    House::open_in(stage.rooms, &|_| tell(&Told::Step)).await
}

/// In the process of [`Part::Neighbour`]: serves until it is let go.
///
/// # Errors
/// Where the house does not open.
pub async fn stand_for_the_neighbour(stage: Stage) -> Result<(), Broken> {
    let opened = tokio::select! {
        opened = open(stage, 0) => opened,
        () = let_go() => return Ok(()),
    };
    let mut house = opened.inspect_err(|broken| tell(&Told::Broken(broken.0.clone())))?;
    tell(&Told::Open(house.public()?.to_owned()));
    let_go().await;
    house.close().await.map(drop)
}

/// In the process of [`Part::Corpus`]: runs all of it, and tells.
///
/// # Errors
/// Where the house does not open, or cannot be looked into afterwards.
pub async fn rehearse_corpus(stage: Stage) -> Result<(), Broken> {
    let done = tokio::select! {
        done = corpus(stage) => done,
        () = let_go() => return Ok(()),
    };
    done.inspect_err(|broken| tell(&Told::Broken(broken.0.clone())))
}

async fn corpus(stage: Stage) -> Result<(), Broken> {
    let attacks = attacks()?;
    let bombs = crate::bombs::bombs()?.len() + 1;
    let mut house = open(stage, u64::try_from(attacks.len() + bombs).unwrap_or(u64::MAX)).await?;
    let seen = |moment: Moment<'_>| {
        tell(&match moment {
            Moment::Began(name) => Told::Began(name.to_owned()),
            Moment::Ended(name) => Told::Ended(name.to_owned()),
        });
    };
    let settings = Settings { instances: 8, ..Settings::default() };
    let largest = settings.component_bytes;
    let sandbox = Sandbox::new(settings, None);
    let sandbox = sandbox.map_err(|error| Broken::because("a sandbox", error))?;
    let mut trials = load_all(&sandbox, &attacks, &seen).await?;
    trials.extend(load_bombs(&sandbox, largest, &seen).await?);
    let rung: Vec<Attack> = attacks.into_iter().filter(|attack| !attack.is_unloadable()).collect();
    let tried = ring_all(&house, &rung, &seen).await?;
    trials.extend(tried.trials);
    let entrusted = house.is_entrusted().await?;
    let (chats, cards) = {
        let told = house.told.lock();
        (told.len(), told.iter().filter(|chat| format!("{chat:?}").contains("4111 1111")).count())
    };
    let strayed = strayed(&house.asked.lock());
    let disk_bytes = house.disk();
    let mut journal = house.close().await?;
    journal.truncate(PROBLEMS);
    for trial in trials {
        tell(&Told::Trial(trial));
    }
    let neighbour = tried.neighbour;
    tell(&Told::Whole(Whole {
        neighbour,
        entrusted,
        chats,
        cards,
        strayed,
        peak_kib: peak_kib(),
        disk_bytes,
        journal,
    }));
    Ok(())
}

/// What running the corpus came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// What the server gave up.
    pub confined: Confinement,
    /// Each attack.
    pub trials: Vec<Trial>,
    /// Attacks under way when the process ended by itself.
    pub fell: Vec<String>,
    /// The house when all was over; none where the process ended by itself.
    pub house: Option<Whole>,
}

/// A process of this program, and what it tells.
pub(crate) struct Process {
    child: Child,
    told: BufReader<tokio::io::Take<ChildStdout>>,
    line: String,
}

impl Process {
    /// Starts it in this folder, which must be empty. It ends when this is dropped.
    pub(crate) fn start(mut command: Command, folder: &Path) -> Result<Self, Broken> {
        let failed = |why: &dyn std::fmt::Display| Broken::because("the server's process", why);
        let command = command.current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn().map_err(|error| failed(&error))?;
        let output = child.stdout.take().ok_or_else(|| failed(&"it has no output"))?;
        Ok(Self { child, told: BufReader::new(output.take(MOST_TOLD)), line: String::new() })
    }

    /// What it tells next; nothing where it has ended.
    async fn next(&mut self) -> Result<Option<Told>, Broken> {
        self.line.clear();
        let read = self.told.read_line(&mut self.line).await;
        match read.map_err(|error| Broken::because("the server's process", error))? {
            0 => Ok(None),
            // One that was cut off in the middle of a line has told nothing by it.
            _ => Ok(serde_json::from_str(&self.line).ok()),
        }
    }

    /// Waits until it serves, and says where.
    pub(crate) async fn opened(&mut self) -> Result<String, Broken> {
        loop {
            match self.next().await? {
                Some(Told::Open(public)) => return Ok(public),
                Some(Told::Broken(why)) => return Err(Broken(why)),
                Some(
                    Told::Confined(_)
                    | Told::Steps(_)
                    | Told::Step
                    | Told::Began(_)
                    | Told::Ended(_)
                    | Told::Trial(_)
                    | Told::Whole(_)
                    | Told::Rang(_),
                ) => {}
                None => return Err(Broken("the server's process ended before it served".into())),
            }
        }
    }

    /// Its number; none where it has ended.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Has it read this.
    pub(crate) async fn write(&mut self, line: &[u8]) -> Result<(), Broken> {
        let failed = |why: &dyn std::fmt::Display| Broken::because("a process of this program", why);
        let input = self.child.stdin.as_mut().ok_or_else(|| failed(&"it has no input"))?;
        input.write_all(line).await.map_err(|error| failed(&error))?;
        input.flush().await.map_err(|error| failed(&error))
    }

    /// Lets it go, and waits until it has told how many attacks it rang, and which comes next.
    pub(crate) async fn rang(mut self) -> Result<Rang, Broken> {
        drop(self.child.stdin.take());
        let told = tokio::time::timeout(ENDS, self.next()).await;
        let told = told.map_err(|_| Broken("the attackers did not end within a minute".into()))??;
        match told {
            Some(Told::Rang(rang)) => {
                self.end().await;
                Ok(rang)
            }
            Some(Told::Broken(why)) => Err(Broken(why)),
            Some(
                Told::Confined(_)
                | Told::Steps(_)
                | Told::Step
                | Told::Open(_)
                | Told::Began(_)
                | Told::Ended(_)
                | Told::Trial(_)
                | Told::Whole(_),
            )
            | None => Err(Broken("the attackers' process ended by itself".into())),
        }
    }

    /// Lets it go, and waits until it has ended.
    pub(crate) async fn end(mut self) {
        drop(self.child.stdin.take());
        // Otherwise it is killed when this is dropped.
        let _in_time = tokio::time::timeout(ENDS, self.child.wait()).await;
    }
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// What is done.
    pub done: u64,
    /// Of how much.
    pub of: u64,
}

/// Runs the corpus in a process that `command` starts, in an empty folder. It tells how far it is.
///
/// # Errors
/// Where the process does not start, says that it cannot do it, or takes longer than an hour.
pub async fn run_corpus(
    command: Command,
    folder: PathBuf,
    mut progress: impl FnMut(Progress),
) -> Result<Outcome, Broken> {
    let mut process = Process::start(command, &folder)?;
    let (mut outcome, mut under_way) = (Outcome::default(), BTreeSet::new());
    let mut far = Progress::default();
    let listen = async {
        while let Some(told) = process.next().await? {
            match told {
                Told::Confined(confined) => outcome.confined = confined,
                Told::Steps(of) => far.of = of,
                Told::Step => far.done += 1,
                Told::Began(name) => {
                    under_way.insert(name);
                }
                Told::Ended(name) => {
                    under_way.remove(&name);
                    far.done += 1;
                }
                Told::Trial(trial) => outcome.trials.push(trial),
                Told::Whole(whole) => {
                    outcome.house = Some(whole);
                    break;
                }
                Told::Broken(why) => return Err(Broken(why)),
                Told::Open(_) | Told::Rang(_) => {}
            }
            progress(far);
        }
        Ok::<(), Broken>(())
    };
    let in_time = tokio::time::timeout(LONGEST, listen).await;
    in_time.map_err(|_| Broken("the corpus was not through within an hour".into()))??;
    if outcome.house.is_none() {
        outcome.fell = under_way.into_iter().take(PROBLEMS).collect();
    }
    process.end().await;
    Ok(outcome)
}
