//! What a call has used of CPU time: its agent, as its side tells, and the host for it, as where the agent answers in the host's
//! own process: there it asks within its own time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parloir_sandbox::{Budget, Failure, FailureKind};

/// How far beyond its budget a call's CPU time is believed.
const BEYOND: Duration = Duration::from_secs(1);

/// In nanoseconds.
pub(crate) struct Spent {
    budget: Budget,
    /// By the agent.
    told: u64,
    /// By the host.
    served: Arc<AtomicU64>,
    /// By both, when the caller had their last turn.
    turn_began: u64,
    /// By both, for whoever asks.
    cpu: Arc<AtomicU64>,
}

impl Spent {
    pub(crate) fn new(budget: Budget, cpu: Arc<AtomicU64>) -> Self {
        Self { budget, told: 0, served: Arc::default(), turn_began: 0, cpu }
    }

    /// Its side tells of the agent's time, which took the host so long to read. What is told is believed within what it may be: it
    /// never goes back, and ends a little beyond where the sandbox ends a call.
    pub(crate) fn told(&mut self, cpu: Duration, read: Duration) {
        let most = self.budget.call_cpu.saturating_add(BEYOND);
        self.told = self.told.max(nanoseconds(cpu.min(most)));
        self.served.fetch_add(nanoseconds(read), Ordering::Relaxed);
        self.total();
    }

    /// Where the host's time is added.
    pub(crate) fn served(&self) -> Arc<AtomicU64> {
        self.served.clone()
    }

    /// The caller had a turn.
    pub(crate) fn new_turn(&mut self) {
        self.turn_began = self.total();
    }

    /// Since the caller's last turn.
    pub(crate) fn turn(&self) -> Duration {
        Duration::from_nanos(self.total().saturating_sub(self.turn_began))
    }

    /// In the whole call.
    pub(crate) fn call(&self) -> Duration {
        Duration::from_nanos(self.total())
    }

    /// Why the agent is answered no more, where that is more than it may be.
    pub(crate) fn exceeded(&self) -> Option<Failure> {
        let Budget { turn_cpu, call_cpu, .. } = self.budget;
        let failure =
            |kind, why: String| Some(Failure::new(kind, format!("the agent, and the host for it, {why}")));
        if self.call() > call_cpu {
            failure(FailureKind::CallCpu, format!("computed for more than {call_cpu:?} in one call"))
        } else if self.turn() > turn_cpu {
            let why = format!("computed for more than {turn_cpu:?} without listening to the caller");
            failure(FailureKind::TurnCpu, why)
        } else {
            None
        }
    }

    fn total(&self) -> u64 {
        let total = self.told.saturating_add(self.served.load(Ordering::Relaxed));
        self.cpu.fetch_max(total, Ordering::Relaxed);
        total
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(number: u64) -> Duration {
        Duration::from_millis(number)
    }

    #[test]
    fn what_an_agent_computes_and_the_host_for_it_is_held_to_its_turn_and_to_its_call() {
        let cpu = Arc::new(AtomicU64::new(0));
        let budget = Budget { turn_cpu: ms(100), call_cpu: ms(250), ..Budget::default() };
        let mut spent = Spent::new(budget, cpu.clone());
        let kind = |spent: &Spent| spent.exceeded().map(|failure| failure.kind);
        spent.told(ms(40), ms(1));
        spent.served().fetch_add(nanoseconds(ms(50)), Ordering::Relaxed);
        assert_eq!((spent.turn(), kind(&spent)), (ms(91), None));
        spent.served().fetch_add(nanoseconds(ms(10)), Ordering::Relaxed);
        assert_eq!(kind(&spent), Some(FailureKind::TurnCpu));
        spent.new_turn();
        assert_eq!((spent.turn(), kind(&spent)), (ms(0), None));
        // It does not go back.
        spent.told(ms(30), ms(0));
        assert_eq!(spent.call(), ms(101));
        spent.told(ms(190), ms(0));
        assert_eq!(kind(&spent), Some(FailureKind::CallCpu));
        // A year is not believed.
        spent.told(Duration::from_secs(365 * 24 * 3_600), ms(0));
        assert_eq!(spent.call(), ms(250 + 1_000 + 61));
        assert_eq!(cpu.load(Ordering::Relaxed), nanoseconds(spent.call()));
    }
}
