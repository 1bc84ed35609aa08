//! An agent is charged its own CPU time, not wall time: on a busy machine a slow neighbour must not
//! use up somebody else's budget.
//!
//! The agent's future is wrapped in [`Metered`], which reads the thread's CPU clock around every
//! poll; the epoch interruption inside a long poll reads it again through the same [`Meter`].

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::settings::Budget;

/// The agent computed too long.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum CpuExceeded {
    #[error("the agent computed for more than {0:?} without listening to the caller")]
    Turn(Duration),
    #[error("the agent computed for more than {0:?} in one call")]
    Call(Duration),
}

fn thread_cpu() -> u64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

/// Does something on this thread, and says how much of its CPU time that took: for what the host does for an agent elsewhere than
/// where it is metered.
pub fn charged<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let began = thread_cpu();
    let done = work();
    (done, Duration::from_nanos(thread_cpu().saturating_sub(began)))
}

/// CPU nanoseconds of one agent. Only the thread that polls the agent writes; relaxed order is
/// enough because a task's polls are already ordered by its executor.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    /// Charged by finished polls.
    charged: AtomicU64,
    /// Thread CPU clock when the present poll began.
    poll_began: AtomicU64,
    /// `used()` when the present turn began.
    turn_began: AtomicU64,
    /// The longest of the turns that are over.
    habit: AtomicU64,
    /// Whether the agent waits for the host.
    asking: AtomicBool,
    /// Whether it waits for its caller to speak or press keys.
    listening: AtomicBool,
    /// Whether it computes among those that compute long.
    long: AtomicBool,
    /// Whether its budget was used up.
    exceeded: AtomicBool,
    /// How many agents compute at this moment, in the whole sandbox.
    computing: Arc<AtomicU64>,
}

impl Meter {
    /// A meter of one agent among those counted in `computing`.
    pub(crate) fn new(computing: Arc<AtomicU64>) -> Self {
        Self { computing, ..Self::default() }
    }

    /// CPU time used so far. Only meaningful on the thread that is polling the agent.
    fn used_now(&self) -> u64 {
        let poll = thread_cpu().saturating_sub(self.poll_began.load(Ordering::Relaxed));
        self.charged.load(Ordering::Relaxed) + poll
    }

    /// CPU time of the finished polls.
    pub(crate) fn used(&self) -> Duration {
        Duration::from_nanos(self.charged.load(Ordering::Relaxed))
    }

    /// CPU time of the finished polls since the caller's last turn.
    pub(crate) fn turn(&self) -> Duration {
        let began = self.turn_began.load(Ordering::Relaxed);
        Duration::from_nanos(self.charged.load(Ordering::Relaxed).saturating_sub(began))
    }

    /// The agent begins to wait for the host, and perhaps for its caller.
    pub(crate) fn asks(&self, caller: bool) {
        self.asking.store(true, Ordering::Relaxed);
        self.listening.store(caller, Ordering::Relaxed);
    }

    /// The agent has its answer.
    pub(crate) fn is_answered(&self) {
        self.asking.store(false, Ordering::Relaxed);
        self.listening.store(false, Ordering::Relaxed);
    }

    /// Whether the agent waits for the host.
    pub(crate) fn waits_for_host(&self) -> bool {
        self.asking.load(Ordering::Relaxed)
    }

    /// Whether the agent waits for its caller.
    pub(crate) fn waits_for_caller(&self) -> bool {
        self.listening.load(Ordering::Relaxed)
    }

    /// The agent goes on among those that compute long, or no longer.
    pub(crate) fn set_long(&self, now: bool) {
        self.long.store(now, Ordering::Relaxed);
    }

    /// Whether the agent is among those that compute long: it pauses before and after whatever it asks, to change lanes.
    pub(crate) fn is_long(&self) -> bool {
        self.long.load(Ordering::Relaxed)
    }

    /// Who computes long pauses, so that the lane changes to the one where what was begun belongs.
    pub(crate) async fn change_lanes(&self) {
        if self.is_long() {
            tokio::task::yield_now().await;
        }
    }

    /// What it left the idle class for, or began elsewhere for, is done: who computes long goes back to computing.
    pub(crate) async fn goes_on(&self) {
        self.is_answered();
        self.change_lanes().await;
    }

    /// Who computes long goes on where the kernel serves everybody, for what takes locks that others wait for: growing
    /// memory, and giving it back. [`Self::is_answered`] and the next pause end it.
    pub(crate) async fn leave_computing(&self) {
        if self.is_long() {
            self.asks(false);
            self.change_lanes().await;
        }
    }

    /// The caller had a turn: the agent's next computation is a new one.
    pub(crate) fn new_turn(&self) {
        let now = self.used_now();
        let began = self.turn_began.swap(now, Ordering::Relaxed);
        self.habit.fetch_max(now.saturating_sub(began), Ordering::Relaxed);
    }

    /// CPU time of the longest of its turns that are over, its start among them.
    pub(crate) fn habit(&self) -> Duration {
        Duration::from_nanos(self.habit.load(Ordering::Relaxed))
    }

    /// Whether the budget still holds. Called from inside a poll.
    pub(crate) fn check(&self, budget: &Budget) -> Result<(), CpuExceeded> {
        let used = self.used_now();
        let turn = used.saturating_sub(self.turn_began.load(Ordering::Relaxed));
        let exceeded = if Duration::from_nanos(used) > budget.call_cpu {
            CpuExceeded::Call(budget.call_cpu)
        } else if Duration::from_nanos(turn) > budget.turn_cpu {
            CpuExceeded::Turn(budget.turn_cpu)
        } else {
            return Ok(());
        };
        self.exceeded.store(true, Ordering::Relaxed);
        Err(exceeded)
    }

    /// Whether it was stopped because its budget was used up.
    pub(crate) fn has_exceeded(&self) -> bool {
        self.exceeded.load(Ordering::Relaxed)
    }
}

/// A future whose polls are charged to a [`Meter`].
pub(crate) struct Metered<F> {
    inner: Pin<Box<F>>,
    meter: Arc<Meter>,
}

impl<F: Future> Metered<F> {
    pub(crate) fn new(inner: F, meter: Arc<Meter>) -> Self {
        Self { inner: Box::pin(inner), meter }
    }
}

/// Work of the host's own for an agent that answers elsewhere: its CPU time is added to a number of nanoseconds.
pub struct Served<F> {
    inner: Pin<Box<F>>,
    cpu: Arc<AtomicU64>,
}

impl<F: Future> Served<F> {
    /// The work, and where its time is added.
    pub fn new(inner: F, cpu: Arc<AtomicU64>) -> Self {
        Self { inner: Box::pin(inner), cpu }
    }
}

impl<F: Future> Future for Served<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let began = thread_cpu();
        let out = self.inner.as_mut().poll(cx);
        self.cpu.fetch_add(thread_cpu().saturating_sub(began), Ordering::Relaxed);
        out
    }
}

/// Counts an agent for as long as it computes, a panic included.
struct Computing(Arc<AtomicU64>);

impl Computing {
    fn begin(computing: &Arc<AtomicU64>) -> Self {
        computing.fetch_add(1, Ordering::Relaxed);
        Self(computing.clone())
    }
}

impl Drop for Computing {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<F: Future> Future for Metered<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let began = thread_cpu();
        self.meter.poll_began.store(began, Ordering::Relaxed);
        let _computing = Computing::begin(&self.meter.computing);
        let out = self.inner.as_mut().poll(cx);
        let spent = thread_cpu().saturating_sub(began);
        self.meter.charged.fetch_add(spent, Ordering::Relaxed);
        out
    }
}
