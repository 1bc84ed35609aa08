//! What the neighbour's callers notice: many calls of one tenant, alone and beside the lines of another that attack without end.
//!
//! The callers have a thread of their own, which is served first where that is permitted; the server and the attackers have each a
//! process: so the callers are in time, which they measure of themselves, too.

use std::path::PathBuf;
use std::time::Duration;

use parloir_measure::{Figures, FloorChild, Load, Target, measure};
use parloir_transport::client::Carrier;
use parloir_transport::signature::AuthToken;
use tokio::process::Command;

use crate::attackers::Attackers;
use crate::broken::Broken;
use crate::measured::{Measured, RUNS};
use crate::priority::come_first;
use crate::rooms::{AT_LENGTH, TOKEN};
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
        u64::from(self.rounds) * 4
    }
}

/// Measures it, with processes that `command` gives for a part, in an empty folder. `step` is called after each run. To be
/// called on an executor of one thread, which has nothing else to do: the callers' lateness is its own, and its priority is theirs.
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
    // Not before: what is measured would have begun with the callers' priority.
    let callers_niceness = Some(come_first());
    let load = Load {
        calls: plan.calls,
        spread: plan.spread,
        measured: plan.measured,
        end_of_turn: END_OF_TURN,
        ..Load::default()
    };
    let [on_floor, alone, beside, floor_beside] = RUNS;
    let (mut attacks, mut next) = (0_u64, 0);
    let mut rounds: Vec<Vec<Figures>> = Vec::new();
    for _ in 0..plan.rounds {
        let on = |floor: &FloorChild| Target::Stream { url: floor.url.clone(), via: None, auth_token: None };
        let on_its_own = measure(on_floor, on(&floor), &[], floor.pid, &load).await;
        let mut round = vec![on_its_own.map_err(|error| failed(&error))?];
        step();
        round.push(measure(alone, line(&public)?, &[], pid, &load).await.map_err(|e| failed(&e))?);
        step();
        let lines = (plan.attackers, next);
        let attackers = Attackers::begin(command(Part::Attackers), &folder, &public, lines).await?;
        tokio::time::sleep(SETTLE).await;
        let run = measure(beside, line(&public)?, &[], pid, &load).await;
        step();
        let machine = measure(floor_beside, on(&floor), &[], floor.pid, &load).await;
        let rang = attackers.end().await?;
        (attacks, next) = (attacks.saturating_add(rang.rung), rang.next);
        round.push(run.map_err(|error| failed(&error))?);
        round.push(machine.map_err(|error| failed(&error))?);
        step();
        rounds.push(round);
        tokio::time::sleep(SETTLE).await;
    }
    floor.stop().await;
    server.end().await;
    let measured = Measured::of(plan.calls, plan.attackers, attacks, &rounds)?;
    Ok(Measured { callers_niceness, ..measured })
}

/// The neighbour's line.
fn line(public: &str) -> Result<Target, Broken> {
    let carrier = Carrier::new(Some(AuthToken::new(TOKEN)), None, Duration::from_secs(20));
    let carrier = carrier.map_err(|error| Broken::because("the neighbour's callers", error))?;
    let url = format!("{public}/twilio/voice");
    Ok(Target::Webhook { url, carrier, to: AT_LENGTH.to_owned(), from: CALLERS.to_owned() })
}
