//! What the neighbour's callers notice: many calls of one tenant, alone and beside the lines of another that attack without end.
//!
//! Callers and attackers have threads of their own, and the server a process: so the callers are in time, which they measure of
//! themselves, too.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use parloir_measure::{Figures, FloorChild, Load, Target, measure};
use parloir_transport::client::Carrier;
use parloir_transport::signature::AuthToken;
use sha2::{Digest, Sha256};
use tokio::process::Command;
use tokio::sync::oneshot;

use crate::agent::{Attack, attacks};
use crate::broken::Broken;
use crate::measured::{Measured, RUNS};
use crate::ring;
use crate::rooms::{AT_LENGTH, TOKEN, number};
use crate::stage::{Part, Process};

/// The quiet that ends a turn in which anything may be said.
pub const END_OF_TURN: Duration = Duration::from_millis(700);
/// The callers' number; the last digits are each call's own.
const CALLERS: &str = "+33600000000";
/// The longest that the server may take to open: it compiles every agent.
const OPENS: Duration = Duration::from_secs(600);
/// How long attackers are at it before the callers ring, and how long after them the house has for itself.
const SETTLE: Duration = Duration::from_secs(5);

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// The neighbour's calls at once.
    pub calls: u32,
    /// The attackers' lines at once.
    pub attackers: u32,
    /// How often all of it is run.
    pub rounds: u32,
    /// The time that all calls of a run are measured.
    pub measured: Duration,
    /// The time over which they are placed.
    pub spread: Duration,
}

impl Plan {
    /// How many runs it takes.
    pub fn runs(&self) -> u64 {
        u64::from(self.rounds) * 3
    }
}

/// Measures it, with processes that `command` gives for a part, in an empty folder. `step` is called after each run. To be
/// called on an executor of one thread, which has nothing else to do: the callers' lateness is its own.
///
/// # Errors
/// Where a process does not start, or ends by itself.
pub async fn measure_neighbour(
    plan: Plan,
    command: impl Fn(Part) -> Command,
    folder: PathBuf,
    mut step: impl FnMut(),
) -> Result<Measured, Broken> {
    let failed = |error: &dyn std::fmt::Display| Broken::because("the measurement", error);
    let mut floor = FloorChild::start(command(Part::Floor)).await.map_err(|error| failed(&error))?;
    let mut server = Process::start(command(Part::Neighbour), &folder)?;
    let opened = tokio::time::timeout(OPENS, server.opened()).await;
    let public = opened.map_err(|_| failed(&"the server did not open within ten minutes"))??;
    let pid = server.id().ok_or_else(|| failed(&"the server ended"))?;
    let load = Load {
        calls: plan.calls,
        spread: plan.spread,
        measured: plan.measured,
        end_of_turn: END_OF_TURN,
        ..Load::default()
    };
    let [on_floor, alone, beside] = RUNS;
    let corpus = Arc::new(Corpus::new()?);
    let mut rounds: Vec<Vec<Figures>> = Vec::new();
    for _ in 0..plan.rounds {
        let target = Target::Stream { url: floor.url.clone(), via: None, auth_token: None };
        let mut round = vec![measure(on_floor, target, &[], floor.pid, &load).await.map_err(|e| failed(&e))?];
        step();
        round.push(measure(alone, line(&public)?, &[], pid, &load).await.map_err(|e| failed(&e))?);
        step();
        let attackers = Attackers::begin(&public, plan.attackers, corpus.clone())?;
        tokio::time::sleep(SETTLE).await;
        let run = measure(beside, line(&public)?, &[], pid, &load).await;
        drop(attackers);
        round.push(run.map_err(|error| failed(&error))?);
        step();
        rounds.push(round);
        tokio::time::sleep(SETTLE).await;
    }
    floor.stop().await;
    server.end().await;
    Measured::of(plan.calls, plan.attackers, corpus.rung.load(Ordering::Relaxed), &rounds)
}

/// The neighbour's line.
fn line(public: &str) -> Result<Target, Broken> {
    let carrier = Carrier::new(Some(AuthToken::new(TOKEN)), None, Duration::from_secs(20));
    let carrier = carrier.map_err(|error| Broken::because("the neighbour's callers", error))?;
    let url = format!("{public}/twilio/voice");
    Ok(Target::Webhook { url, carrier, to: AT_LENGTH.to_owned(), from: CALLERS.to_owned() })
}

/// Those who ring mallory's lines, one after the other and so many at a time, in a thread of their own until this is dropped.
struct Attackers {
    _until_dropped: oneshot::Sender<()>,
}

impl Attackers {
    fn begin(public: &str, at_once: u32, corpus: Arc<Corpus>) -> Result<Self, Broken> {
        let failed = |error: std::io::Error| Broken::because("the attackers", error);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let public = public.to_owned();
        let attack = move || {
            let callers = (0..at_once).map(|_| attack_without_end(&public, &corpus));
            runtime.block_on(async {
                tokio::select! {
                    _ = join_all(callers) => {}
                    _ = stopped => {}
                }
            });
        };
        std::thread::Builder::new().name("attackers".into()).spawn(attack).map_err(failed)?;
        Ok(Self { _until_dropped: stop })
    }
}

/// What attackers ring: every line, again and again, those of one kind not one after the other.
struct Corpus {
    lines: Vec<(Attack, String)>,
    next: AtomicUsize,
    rung: AtomicU64,
}

impl Corpus {
    fn new() -> Result<Self, Broken> {
        let attacks = attacks()?.into_iter().filter(|attack| !attack.is_unloadable());
        let mut lines: Vec<(Attack, String)> =
            attacks.enumerate().map(|(place, attack)| (attack, number(place))).collect();
        // An order that is always the same and has nothing to do with kinds.
        lines.sort_by_cached_key(|(attack, _)| {
            let digest: [u8; 32] = Sha256::digest(attack.name.as_bytes()).into();
            digest
        });
        Ok(Self { lines, next: AtomicUsize::new(0), rung: AtomicU64::new(0) })
    }

    /// The line that no other attacker has taken yet.
    fn next(&self) -> Option<&(Attack, String)> {
        let place = self.next.fetch_add(1, Ordering::Relaxed).checked_rem(self.lines.len())?;
        self.lines.get(place)
    }
}

/// Rings one line after the other.
async fn attack_without_end(public: &str, corpus: &Corpus) {
    while let Some((attack, line)) = corpus.next() {
        match ring::ring(public, attack, line).await {
            Ok(_) => {
                corpus.rung.fetch_add(1, Ordering::Relaxed);
            }
            // Whoever is turned away rings again.
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}
