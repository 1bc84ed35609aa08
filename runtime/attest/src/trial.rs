//! The corpus, run: what is loaded and must not be, and what is rung and must get nothing.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use parloir_contract::seen_and_hidden;
use parloir_sandbox::Sandbox;
use serde::{Deserialize, Serialize};

use crate::agent::{Attack, Ends};
use crate::bombs::{Bomb, bombs, enormous};
use crate::broken::Broken;
use crate::house::{House, Seen};
use crate::judge::{denied, happened, judged, neighbours_call};
use crate::ring::Rung;

/// Attackers at a time.
pub const AT_ONCE: usize = 8;
/// The longest that anything may keep the compiler, perhaps unoptimised and on a busy machine.
const LONGEST: Duration = Duration::from_secs(60);
/// Characters of the reason for which something is not loaded: it may quote the file, and not much of it.
const REASON: usize = 5_000;
/// Characters of what happened that a report tells.
const SHORT: usize = 200;
/// What the neighbour is asked in each call.
const QUESTIONS: usize = 3;

/// How one attack went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Trial {
    /// Which attack.
    pub name: String,
    /// What it tries, and what must happen, as whoever wrote it says.
    pub tries: String,
    /// What must become of it.
    pub must: String,
    /// What happened.
    pub happened: String,
    /// How long its caller was on the line, in milliseconds; 0 where it has none, being loaded and no more.
    #[serde(default)]
    pub took_ms: u32,
    /// The refusals that the journal holds of it, each kind once: `memory.get not-permitted`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denied: Vec<String>,
    /// What was not as it must be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl Trial {
    /// Whether it went as it must.
    pub const fn held(&self) -> bool {
        self.problem.is_none()
    }
}

/// What the neighbour's callers went through meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NeighbourHeard {
    /// Calls.
    pub calls: usize,
    /// Of those, in how many every question was heard whole and answered.
    pub whole: usize,
    /// The slowest reply without an attack, in milliseconds.
    pub alone_ms: u32,
    /// The slowest of all, in milliseconds.
    pub slowest_ms: u32,
}

/// What becomes of an attack, as it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment<'a> {
    /// It is tried from now on.
    Began(&'a str),
    /// It was tried.
    Ended(&'a str),
}

/// Who is told of it.
pub type Tell<'a> = &'a (dyn Fn(Moment<'_>) + Sync);

/// Every attack that somebody could ring, rung.
pub struct Tried {
    /// How each went.
    pub trials: Vec<Trial>,
    /// What the neighbour's callers noticed.
    pub neighbour: NeighbourHeard,
    /// What the journal holds, by the line that rang.
    pub calls: HashMap<String, Vec<Seen>>,
}

/// A line of a reason: its first, and no more of it than a report takes.
pub(crate) fn short(reason: &str) -> String {
    let line = reason.lines().next().unwrap_or_default();
    let plain = seen_and_hidden(line).map(|(c, hidden)| if hidden { ' ' } else { c });
    plain.take(SHORT).collect()
}

/// Rings every attack that has a line in the house, some at a time, while the neighbour's caller is on another one.
///
/// # Errors
/// Where the neighbour cannot be rung without any attack, or the journal cannot be read.
pub async fn ring_all(house: &House, attacks: &[Attack], tell: Tell<'_>) -> Result<Tried, Broken> {
    house.ring_neighbour().await?;
    let over = AtomicBool::new(false);
    let attackers = async {
        let loadable = attacks.iter().filter(|attack| !attack.is_unloadable());
        let all: Vec<(&Attack, Duration, Result<Rung, Broken>)> = stream::iter(loadable)
            .map(|attack| rung(house, attack, tell))
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        over.store(true, Ordering::SeqCst);
        all
    };
    let neighbour = async {
        let (mut calls, mut lost) = (1, 0);
        while !over.load(Ordering::SeqCst) {
            match house.ring_neighbour().await {
                Ok(_) => calls += 1,
                Err(_) => {
                    lost += 1;
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
        (calls, lost)
    };
    let (all, (neighbours, lost)) = tokio::join!(attackers, neighbour);
    let answered = all.iter().filter(|(_, _, rung)| rung.is_ok()).count();
    let calls = house.journaled(answered + neighbours).await?;
    let mut trials: Vec<Trial> =
        all.iter().map(|(attack, took, rung)| trial(attack, *took, rung.as_ref(), &calls)).collect();
    trials.sort_by(|one, other| one.name.cmp(&other.name));
    let heard = calls.get(house.neighbours_line()).map(Vec::as_slice).unwrap_or_default();
    let mut neighbour = NeighbourHeard { calls: neighbours + lost, ..NeighbourHeard::default() };
    for (place, call) in heard.iter().enumerate() {
        let (answered, slowest) = neighbours_call(&call.records);
        neighbour.whole += usize::from(answered == QUESTIONS);
        neighbour.slowest_ms = neighbour.slowest_ms.max(slowest);
        if place == 0 {
            neighbour.alone_ms = slowest;
        }
    }
    Ok(Tried { trials, neighbour, calls })
}

/// Rings one attack's line, and says how long that took.
async fn rung<'a>(
    house: &House,
    attack: &'a Attack,
    tell: Tell<'_>,
) -> (&'a Attack, Duration, Result<Rung, Broken>) {
    tell(Moment::Began(&attack.name));
    let began = Instant::now();
    let rung = house.ring(attack).await;
    let took = began.elapsed();
    tell(Moment::Ended(&attack.name));
    (attack, took, rung)
}

fn trial(
    attack: &Attack,
    took: Duration,
    rung: Result<&Rung, &Broken>,
    calls: &HashMap<String, Vec<Seen>>,
) -> Trial {
    let mut trial = untold(&attack.name, &attack.sentence, attack.ends.must());
    trial.took_ms = u32::try_from(took.as_millis()).unwrap_or(u32::MAX);
    match rung {
        Err(broken) => trial.problem = Some(format!("nobody answered: {broken}")),
        Ok(rung) => match calls.get(&rung.number).map(Vec::as_slice).unwrap_or_default() {
            [Seen { id: _, records }] => {
                trial.happened = happened(records);
                trial.denied = denied(records);
                trial.problem = judged(attack, rung, records).err();
            }
            other => trial.problem = Some(format!("{} calls were journaled", other.len())),
        },
    }
    trial
}

fn untold(name: &str, tries: &str, must: &str) -> Trial {
    Trial {
        name: name.to_owned(),
        tries: tries.to_owned(),
        must: must.to_owned(),
        happened: String::new(),
        took_ms: 0,
        denied: Vec::new(),
        problem: None,
    }
}

/// Loads every attack that asks for what no agent may have: each is refused, with a reason.
///
/// # Errors
/// Where one cannot be written.
pub async fn load_all(sandbox: &Sandbox, attacks: &[Attack], tell: Tell<'_>) -> Result<Vec<Trial>, Broken> {
    let mut trials = Vec::new();
    for attack in attacks {
        let Ends::Unloadable(words) = &attack.ends else { continue };
        let words = |reason: &str| words.iter().any(|word| reason.contains(word.as_str()));
        let trial = untold(&attack.name, &attack.sentence, attack.ends.must());
        trials.push(loaded(sandbox, trial, attack.wasm()?, false, &words, tell).await);
    }
    Ok(trials)
}

/// Loads every file that is cut short, bent or swollen, and those that would keep the compiler busy.
///
/// # Errors
/// Where one cannot be written.
pub async fn load_bombs(sandbox: &Sandbox, largest: usize, tell: Tell<'_>) -> Result<Vec<Trial>, Broken> {
    let mut trials = Vec::new();
    for Bomb { name, sentence, said, may_load, bytes } in bombs()?.into_iter().chain([enormous(largest)?]) {
        let must = if may_load { "it loads or it does not, and the host goes on" } else { "it is refused" };
        let trial = untold(&format!("bombs/{name}"), sentence, must);
        trials
            .push(loaded(sandbox, trial, bytes, may_load, &|reason: &str| reason.contains(said), tell).await);
    }
    Ok(trials)
}

async fn loaded(
    sandbox: &Sandbox,
    mut trial: Trial,
    file: Vec<u8>,
    may_load: bool,
    said: &(dyn Fn(&str) -> bool + Sync),
    tell: Tell<'_>,
) -> Trial {
    tell(Moment::Began(&trial.name));
    let done = tokio::time::timeout(LONGEST, sandbox.load(file)).await;
    let (happened, problem) = match done.map(|loaded| loaded.err().map(|wrong| wrong.to_string())) {
        Err(_) => ("kept the compiler busy".to_owned(), Some("no answer within a minute".to_owned())),
        Ok(None) if may_load => ("was loaded, and harms nobody".to_owned(), None),
        Ok(None) => ("was loaded".to_owned(), Some("was loaded".to_owned())),
        Ok(Some(reason)) => {
            let length = reason.chars().count();
            let problem = match length {
                REASON.. => Some(format!("a reason of {length} characters")),
                _ if may_load || said(&reason.to_lowercase()) => None,
                _ => Some(format!("refused otherwise: {}", short(&reason))),
            };
            (format!("refused: {}", short(&reason)), problem)
        }
    };
    trial.happened = happened;
    trial.problem = problem;
    tell(Moment::Ended(&trial.name));
    trial
}
