//! A tenant's cordon, as whoever answers its calls has it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::{Duration, Instant};

use parloir_contract::CallInfo;
use parloir_sandbox::{Agent, Answering, Budget, Door, Elsewhere, Sandbox, Settings};
use tokio::sync::{Mutex, OwnedMutexGuard, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::launch::Launch;
use crate::relay::Relay;
use crate::session::{Call, Session};
use crate::spent::Spent;

/// How much nicer its agents are than those of this process.
const NICER: i32 = 5;
/// The nicest there is.
const LAST: i32 = 19;
/// The longest that it is waited for where it fell just now; a caller who would wait longer hears the host.
const WAITS: Duration = Duration::from_secs(2);
/// A process that lived so long fell by chance.
const STEADY: Duration = Duration::from_secs(60);
/// The longest until it is started again, in seconds.
const LONGEST: u64 = 60;

/// What holds for processes of agents.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Whether calls are answered in a confined process, or not at all.
    pub required: bool,
    /// Bytes of memory that each may take. One that takes more is ended.
    pub memory: u64,
    /// Places, of all tenants' together: each takes one from its start to its end.
    pub places: Arc<Semaphore>,
}

/// Has a tenant's agents answer in a process of their own, which is started with the first call, again where it fell, and ended
/// where nobody rings for ten minutes. Cheap to clone.
#[derive(Clone)]
pub struct Cordon(Arc<Place>);

impl Cordon {
    /// A tenant's.
    pub fn new(whose: impl Into<String>, launch: Arc<dyn Launch>, rules: Rules) -> Self {
        Self(Arc::new(Place { whose: whose.into(), launch, rules, now: Arc::default() }))
    }

    /// Whether a call that begins now would find its process there, or a place for it.
    pub fn has_place(&self) -> bool {
        // While it is started it has one.
        let Ok(now) = self.0.now.try_lock() else { return true };
        let lives = now.session.as_ref().is_some_and(|session| session.end().is_none());
        lives || self.0.rules.places.available_permits() > 0
    }
}

impl Elsewhere for Cordon {
    fn answer(&self, agent: &Agent, info: CallInfo, door: Door, budget: Budget) -> Answering {
        let (stop, cpu) = (CancellationToken::new(), Arc::new(AtomicU64::new(0)));
        let (place, agent) = (self.0.clone(), agent.clone());
        let executor = agent.sandbox().executor().clone();
        let spent = Spent::new(budget, cpu.clone());
        let begun = Arc::new(AtomicBool::new(false));
        let relay = Relay { place, agent, info, budget, stop: stop.clone(), begun: begun.clone(), spent };
        Answering::told(executor.spawn(relay.run(door)), stop, cpu, begun)
    }
}

/// Where a tenant's process is, now and after it fell.
pub(crate) struct Place {
    whose: String,
    launch: Arc<dyn Launch>,
    rules: Rules,
    now: Arc<Mutex<Now>>,
}

/// What becomes of it, for who has it in hand.
#[derive(Default)]
pub(crate) struct Now {
    session: Option<Arc<Session>>,
    /// One after another.
    falls: u32,
    not_before: Option<Instant>,
}

impl Place {
    /// Waits until nobody else has it in hand, such as one whose call has it started. Who gives up waiting leaves nothing behind.
    pub(crate) async fn in_turn(&self) -> OwnedMutexGuard<Now> {
        self.now.clone().lock_owned().await
    }

    /// Begins a call in the process that there is, or in another.
    ///
    /// # Errors
    /// A sentence, where there is none.
    pub(crate) async fn call(
        &self,
        mut now: OwnedMutexGuard<Now>,
        sandbox: &Sandbox,
    ) -> Result<Call, String> {
        if let Some(session) = now.session.clone() {
            // Before it has to be ended, with the calls that it answers.
            if session.is_full() {
                return Err("its process has three quarters of the memory that `cordon-memory-mib` in [server] allows: raise it, or lower the tenant's `concurrent-calls` or `memory-mib`".to_owned());
            }
            if let Some(call) = session.call() {
                return Ok(call);
            }
            // It is being ended, if it has not ended yet: what is still in it has its end first.
            session.over().await;
            if let Some(end) = session.end().filter(|end| end.fell) {
                let lived = end.at.saturating_duration_since(session.began());
                let falls = if lived >= STEADY { 1 } else { now.falls.saturating_add(1) };
                let not_before = end.at + again_after(falls);
                (now.falls, now.not_before) = (falls, Some(not_before));
            }
            now.session = None;
        }
        if let Some(not_before) = now.not_before {
            let wait = not_before.saturating_duration_since(Instant::now());
            if wait > WAITS {
                let (falls, seconds) = (now.falls, wait.as_secs().saturating_add(1));
                return Err(format!("it fell {falls} times, and is started again in {seconds} s"));
            }
            tokio::time::sleep(wait).await;
        }
        let Ok(place) = self.rules.places.clone().try_acquire_owned() else {
            return Err("as many processes of agents run as `cordon-processes` in [server] allows: raise it, or put fewer tenants behind a cordon".to_owned());
        };
        let settings = settings(sandbox.settings());
        let opened = Session::open(self.launch.clone(), settings, &self.rules, self.whose.clone(), place);
        match opened.await {
            Ok(session) => {
                let call = session.call().ok_or_else(|| "its process ended at once".to_owned());
                now.session = Some(session);
                call
            }
            Err(why) => {
                now.falls = now.falls.saturating_add(1);
                now.not_before = Some(Instant::now() + again_after(now.falls));
                tracing::error!(tenant = %self.whose, %why, "a tenant's cordon does not start: its callers hear the fallback");
                Err(why)
            }
        }
    }
}

/// The niceness behind a cordon, where agents have these settings before it.
pub fn nice(here: &Settings) -> i32 {
    here.nice.saturating_add(NICER).min(LAST)
}

/// By which settings agents run there: the same limits, after everybody else, who are at work before it.
fn settings(here: &Settings) -> Settings {
    Settings { nice: nice(here), beside_others: true, ..here.clone() }
}

/// How long after so many falls it is started again: at once after the first, then after 1, 2, 4 s, up to a minute.
fn again_after(falls: u32) -> Duration {
    match falls.checked_sub(2) {
        None => Duration::ZERO,
        Some(more) => Duration::from_secs(2_u64.saturating_pow(more).min(LONGEST)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_falls_again_and_again_is_waited_for_longer_and_not_for_ever() {
        let seconds = |falls| again_after(falls).as_secs();
        assert_eq!([0, 1, 2, 3, 4, 7, 8, 9, u32::MAX].map(seconds), [0, 0, 1, 2, 4, 32, 60, 60, 60]);
    }

    #[test]
    fn behind_a_cordon_agents_run_by_the_same_limits_and_come_last() {
        let here = Settings { memory: 1 << 20, nice: 5, ..Settings::default() };
        assert_eq!(settings(&here), Settings { nice: 10, beside_others: true, ..here.clone() });
        assert_eq!(settings(&Settings { nice: 19, ..here }).nice, 19);
    }
}
