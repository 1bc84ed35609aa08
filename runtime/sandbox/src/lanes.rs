//! The executors on which agents run, apart from the media loop's.
//!
//! Nearly every agent computes for less than a millisecond between two of its caller's turns. Whoever
//! computes for longer than that, and than it has in its turns before, would make those wait, and the media loop for a slice of the
//! kernel's: so it goes on in lanes of the kernel's idle class, whose threads give way at once to everybody else's. There are two, so
//! that who will soon be done does not wait behind those that spin. What it asks of the host it asks
//! in a lane between, because a thread of the idle class must hold nothing that others wait for: there too its memory grows,
//! and there it is dropped, ended or stopped, since both take the kernel's and the allocator's locks. It comes back when it
//! next waits for its caller. The agents of a tenant of which one computed without end begin in those lanes for a while, and come
//! back once that is over ([`Reputation`]). What a spinning agent takes is thus what nobody else wants, and nothing of the first core where
//! there are several.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id, thread_schedule_policy,
};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Semaphore;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tokio_util::task::AbortOnDropHandle;

use crate::engine::LoadError;
use crate::metering::Meter;
use crate::reputation::Reputation;
use crate::settings::Settings;

/// Niceness of the lane in which those that compute long ask: the last that still gets its share where nobody has enough.
const LAST: i32 = 19;

/// CPU time of one turn after which an agent counts as one that computes without end, in times of what it takes to compute long.
const WITHOUT_END: u32 = 4;

/// The agents' executors.
pub(crate) struct Lanes {
    prompt: Lane,
    /// Of those that compute long: for what they ask, and for what they compute.
    asking: Lane,
    long: Lane,
    /// Of what the host does for agents that may take long. However little the kernel gives its threads, they keep a core for a
    /// slice, whoever wakes up: they leave the first one alone.
    patient: Lane,
    /// Of compiling, which no caller's agent has done. Its threads may run on every core.
    compiling: Lane,
    /// Of those that have computed for longer than nearly all do, and not yet for long: of the idle class too, and not behind
    /// those that spin.
    brief: Lane,
    /// CPU time of one turn after which an agent leaves the prompt lane, where none of its turns took longer.
    soon: Duration,
    /// CPU time of one turn after which an agent computes long.
    after: Duration,
    /// One for each thread that has begun, at its priority.
    begun: Arc<Semaphore>,
    /// How many of them there are.
    threads: u32,
}

impl Lanes {
    pub(crate) fn new(settings: &Settings) -> Result<Self, LoadError> {
        let nice = Priority::Nice(settings.nice.clamp(0, LAST));
        let begun = Arc::new(Semaphore::new(0));
        let start = |name, priority| Lane::start(name, settings.threads, priority, &begun);
        let patient = Lane::start("agents-host", 1, Priority::Last, &begun)?;
        let compiling = Lane::start("agents-compile", 1, Priority::Nice(LAST), &begun)?;
        let each = u32::try_from(settings.threads.max(1)).unwrap_or(u32::MAX);
        Ok(Self {
            prompt: start("agents", nice)?,
            patient,
            compiling,
            asking: start("agents-asking", Priority::Last)?,
            long: start("agents-long", Priority::Idle)?,
            brief: start("agents-brief", Priority::Idle)?,
            threads: each.saturating_mul(4).saturating_add(2),
            soon: (settings.tick / 2).min(settings.long),
            after: settings.long,
            begun,
        })
    }

    /// Waits until every thread has its priority.
    pub(crate) async fn begun(&self) {
        // It is never closed.
        let _all = self.begun.acquire_many(self.threads).await;
    }

    /// Where an agent of such a tenant begins, and whether that is aside from the others.
    pub(crate) fn beginning(&self, reputation: &Reputation) -> (&Handle, bool) {
        if reputation.is_noisy() { (&self.asking.handle, true) } else { (&self.prompt.handle, false) }
    }

    /// Where agents begin.
    pub(crate) fn prompt(&self) -> &Handle {
        &self.prompt.handle
    }

    /// For compiling, and for looking up what was compiled.
    pub(crate) fn compiling(&self) -> &Handle {
        &self.compiling.handle
    }

    /// For what the host does because an agent asks for it, and what may take long, such as reading and searching.
    pub(crate) fn patient(&self) -> &Handle {
        &self.patient.handle
    }

    /// Runs an agent's work to its end, in whichever lane it belongs at each moment. Begins on the
    /// executor that polls this, which [`Self::beginning`] told, and whether that is aside. `None` where it was stopped: it is then
    /// gone, whichever lane it was in.
    ///
    /// The work itself leaves the idle class before it drops what it held ([`Meter::leave_computing`]), and says when it is
    /// instantiated ([`Meter::goes_on`]).
    pub(crate) async fn run<F>(
        &self,
        work: F,
        meter: &Arc<Meter>,
        (reputation, aside): (&Arc<Reputation>, bool),
        stop: &CancellationToken,
    ) -> Option<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send,
    {
        let (soon, after) = (self.soon, self.after);
        let mut work = Box::pin(work);
        let stays_aside = || reputation.is_noisy();
        if stays_aside() {
            // Its instance is made where memory grows.
            meter.asks(false);
        }
        loop {
            if !stays_aside() {
                // An interpreter whose turns take longer than `soon` is not a spinning agent: it goes by its own.
                let computes_long = move |meter: &Meter| {
                    meter.turn() > soon.max(meter.habit()).min(after) && !meter.waits_for_caller()
                };
                // Whoever began aside is polled there, and goes to the others.
                let stopped = if aside {
                    self.prompt.run(work, meter, computes_long, stop).await?
                } else {
                    Stint::new(work, meter, computes_long, stop).await
                };
                match stopped {
                    Stopped::Done(out) => return Some(out),
                    Stopped::Over(rest) => work = rest,
                }
                if stop.is_cancelled() {
                    return None;
                }
            }
            meter.set_long(true);
            loop {
                let stays = stays_aside();
                if !stays && meter.waits_for_caller() {
                    break;
                }
                let stopped = if meter.waits_for_host() {
                    let answered =
                        move |meter: &Meter| !meter.waits_for_host() || !stays && meter.waits_for_caller();
                    self.asking.run(work, meter, answered, stop).await?
                } else if meter.turn() <= after {
                    let over = move |meter: &Meter| meter.waits_for_host() || meter.turn() > after;
                    self.brief.run(work, meter, over, stop).await?
                } else {
                    let (seen, without_end) = (reputation.clone(), after.saturating_mul(WITHOUT_END));
                    let over = move |meter: &Meter| {
                        if meter.turn() > without_end {
                            seen.is_seen_computing();
                        }
                        meter.waits_for_host()
                    };
                    self.long.run(work, meter, over, stop).await?
                };
                match stopped {
                    Stopped::Done(out) => return Some(out),
                    Stopped::Over(rest) => work = rest,
                }
                if stop.is_cancelled() {
                    self.asking.part_with(work).await;
                    return None;
                }
            }
            meter.set_long(false);
        }
    }
}

/// How a stint in one lane ended.
enum Stopped<F: Future> {
    Done(F::Output),
    /// The work belongs in the other lane, or is to be stopped.
    Over(Pin<Box<F>>),
}

/// An agent's work in one lane, until it ends, its pause is one at which to change lanes, or it is stopped. It is handed
/// back, not dropped: that belongs elsewhere than on a thread of the idle class.
struct Stint<F: Future, O> {
    work: Option<Pin<Box<F>>>,
    meter: Arc<Meter>,
    over: O,
    stopped: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl<F: Future, O> Stint<F, O> {
    fn new(work: Pin<Box<F>>, meter: &Arc<Meter>, over: O, stop: &CancellationToken) -> Self {
        let stopped = Box::pin(stop.clone().cancelled_owned());
        Self { work: Some(work), meter: meter.clone(), over, stopped }
    }
}

impl<F: Future, O: Fn(&Meter) -> bool + Unpin> Future for Stint<F, O> {
    type Output = Stopped<F>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(mut work) = self.work.take() else { return Poll::Pending };
        if self.stopped.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Stopped::Over(work));
        }
        if let Poll::Ready(out) = work.as_mut().poll(cx) {
            return Poll::Ready(Stopped::Done(out));
        }
        if (self.over)(&self.meter) {
            // The next stint polls it at once, so that a waker left here is not missed.
            return Poll::Ready(Stopped::Over(work));
        }
        self.work = Some(work);
        Poll::Pending
    }
}

/// When the kernel serves a lane's threads. On Linux that belongs to a thread.
#[derive(Debug, Clone, Copy)]
enum Priority {
    /// After the media loop's, by so much.
    Nice(i32),
    /// As the last that still get their share, and not on every core.
    Last,
    /// When nobody else wants the core; who wakes up takes it from them at once.
    Idle,
}

impl Priority {
    /// Absolute, because a thread may have been begun by another: `cores` are those that there are for all lanes.
    fn take(self, cores: Option<CpuSet>) {
        let taken = match self {
            Self::Nice(nice) => {
                rustix::process::setpriority_process(None, nice).map_err(|error| error.to_string())
            }
            Self::Last => {
                leave_a_core(cores);
                rustix::process::setpriority_process(None, LAST).map_err(|error| error.to_string())
            }
            Self::Idle => {
                let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
                let set = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle);
                leave_a_core(cores);
                // Within its class a thread may keep the niceness of the one that began it.
                set.or_else(|error| if thread_schedule_policy() == Ok(idle) { Ok(()) } else { Err(error) })
                    .map_err(|error| error.to_string())
            }
        };
        if let Err(error) = taken {
            tracing::warn!(error, wanted = ?self, "agents run at normal priority");
        }
    }
}

/// Keeps the calling thread off the first of these cores, where there is another. A core on which somebody spins
/// is slower to answer than one that rests, even where who spins gives way at once: so frames have one on which nobody does.
fn leave_a_core(cores: Option<CpuSet>) {
    let Some(mut cores) = cores else { return };
    let first = (0..CpuSet::MAX_CPU).find(|core| cores.is_set(*core));
    let Some(first) = first.filter(|_| cores.count() > 1) else { return };
    cores.unset(first);
    // A process that may not say so any more runs where it ran.
    if let Err(error) = sched_setaffinity(None, &cores) {
        tracing::debug!(%error, "agents that compute long run on every core");
    }
}

/// Threads of one priority.
struct Lane {
    runtime: Option<Runtime>,
    handle: Handle,
}

impl Lane {
    fn start(
        name: &'static str,
        threads: usize,
        priority: Priority,
        begun: &Arc<Semaphore>,
    ) -> Result<Self, LoadError> {
        let begun = begun.clone();
        // A thread that another lane's began has that one's cores, of which the first is left alone already.
        let cores = sched_getaffinity(None).ok();
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads.max(1))
            .thread_name(name)
            .enable_all()
            .on_thread_start(move || {
                priority.take(cores);
                begun.add_permits(1);
            })
            .build()
            .map_err(|e| LoadError::Engine(format!("the agents' threads did not start: {e}")))?;
        let handle = runtime.handle().clone();
        Ok(Self { runtime: Some(runtime), handle })
    }

    /// One stint of an agent's work in this lane, begun from another. `None` where the lane is closing.
    async fn run<F, O>(
        &self,
        work: Pin<Box<F>>,
        meter: &Arc<Meter>,
        over: O,
        stop: &CancellationToken,
    ) -> Option<Stopped<F>>
    where
        F: Future + Send + 'static,
        F::Output: Send,
        O: Fn(&Meter) -> bool + Unpin + Send + 'static,
    {
        let stint = Stint::new(work, meter, over, stop);
        match AbortOnDropHandle::new(self.handle.spawn(stint)).await {
            Ok(stopped) => Some(stopped),
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => None,
        }
    }

    /// Drops on this lane's threads. When it returns, everything that was held is given back.
    async fn part_with<T: Send + 'static>(&self, held: T) {
        let _ = self.handle.spawn(async move { drop(held) }).await;
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        // A runtime may be dropped inside another one's task only in the background.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering};

    use wasmtime::ResourceLimiterAsync;

    use super::*;
    use crate::limits::Limits;
    use crate::metering::Metered;

    fn thread() -> String {
        std::thread::current().name().unwrap().to_owned()
    }

    fn quiet() -> Arc<Reputation> {
        Arc::default()
    }

    /// Computes for so long of its own CPU time, pausing as an interrupted agent does.
    async fn compute(time: Duration) {
        let began = std::time::Instant::now();
        while began.elapsed() < time {
            std::hint::black_box((0..10_000).sum::<u64>());
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn who_computes_long_changes_lanes_until_it_waits_for_its_caller() {
        let settings = Settings { long: Duration::from_millis(3), ..Settings::default() };
        let lanes = Arc::new(Lanes::new(&settings).unwrap());
        let meter = Arc::new(Meter::default());
        let charged = meter.clone();
        let work = async move {
            let mut seen = vec![thread()];
            while thread() != "agents-long" {
                compute(Duration::from_millis(1)).await;
            }
            seen.push(thread());
            for caller in [false, true] {
                charged.asks(caller);
                tokio::task::yield_now().await;
                seen.push(thread());
                charged.is_answered();
                if caller {
                    charged.new_turn();
                }
                tokio::task::yield_now().await;
                seen.push(thread());
            }
            seen
        };
        let (there, metered) = (lanes.clone(), Metered::new(work, meter.clone()));
        let seen = lanes
            .prompt()
            .spawn(async move {
                there.run(metered, &meter, (&quiet(), false), &CancellationToken::new()).await.unwrap()
            })
            .await
            .unwrap();
        let lanes = ["agents", "agents-long", "agents-asking", "agents-long", "agents", "agents"];
        assert_eq!(seen, lanes);
    }

    #[tokio::test]
    async fn who_computes_longer_than_ever_gives_way_and_then_computes_long_and_a_habit_is_no_such_thing() {
        // Little more than is needed: a machine that is busy serves the idle class last.
        let settings = Settings { long: Duration::from_millis(8), ..Settings::default() };
        let lanes = Arc::new(Lanes::new(&settings).unwrap());
        let meter = Arc::new(Meter::default());
        let charged = meter.clone();
        let work = async move {
            let mut seen = vec![thread()];
            // Wall time: of CPU it is no more.
            let compute_and_see = async |seen: &mut Vec<String>, time: Duration| {
                let began = std::time::Instant::now();
                while began.elapsed() < time {
                    compute(Duration::from_micros(500)).await;
                    if seen.last() != Some(&thread()) {
                        seen.push(thread());
                    }
                }
            };
            let turn = async |seen: &mut Vec<String>| {
                charged.asks(true);
                tokio::task::yield_now().await;
                charged.is_answered();
                charged.new_turn();
                seen.push("turn".to_owned());
            };
            while seen.last().unwrap() != "agents-brief" {
                compute_and_see(&mut seen, Duration::from_millis(1)).await;
            }
            turn(&mut seen).await;
            // As long as the longest turn but a little.
            compute_and_see(&mut seen, charged.habit() / 2).await;
            while seen.last().unwrap() != "agents-long" {
                compute_and_see(&mut seen, Duration::from_millis(1)).await;
            }
            seen
        };
        let (there, metered) = (lanes.clone(), Metered::new(work, meter.clone()));
        let seen = lanes
            .prompt()
            .spawn(async move {
                there.run(metered, &meter, (&quiet(), false), &CancellationToken::new()).await.unwrap()
            })
            .await
            .unwrap();
        assert_eq!(seen, ["agents", "agents-brief", "turn", "agents", "agents-brief", "agents-long"]);
    }

    #[tokio::test]
    async fn whose_tenant_computed_without_end_begins_aside_and_stays_there_while_it_waits_for_its_caller() {
        let settings = Settings { long: Duration::from_millis(3), ..Settings::default() };
        let lanes = Arc::new(Lanes::new(&settings).unwrap());
        let reputation = quiet();
        assert!(!lanes.beginning(&reputation).1);

        // One of its agents spins.
        let meter = Arc::new(Meter::default());
        let (there, of_it, seen) = (lanes.clone(), reputation.clone(), reputation.clone());
        let work = async move {
            while !seen.is_noisy() {
                compute(Duration::from_millis(1)).await;
            }
        };
        let work = Metered::new(work, meter.clone());
        let run = async move { there.run(work, &meter, (&of_it, false), &CancellationToken::new()).await };
        lanes.prompt().spawn(run).await.unwrap().unwrap();

        // Another does as nearly all do.
        let meter = Arc::new(Meter::default());
        let charged = meter.clone();
        let work = async move {
            let mut seen = vec![thread()];
            charged.goes_on().await;
            seen.push(thread());
            charged.asks(true);
            charged.change_lanes().await;
            seen.push(thread());
            charged.is_answered();
            charged.new_turn();
            charged.change_lanes().await;
            seen.push(thread());
            seen
        };
        let work = Metered::new(work, meter.clone());
        let there = lanes.clone();
        let (begins, aside) = lanes.beginning(&reputation);
        assert!(aside);
        let of_it = reputation.clone();
        let run = async move { there.run(work, &meter, (&of_it, aside), &CancellationToken::new()).await };
        let seen = begins.spawn(run).await.unwrap().unwrap();
        assert_eq!(seen, ["agents-asking", "agents-brief", "agents-asking", "agents-brief"]);
    }

    #[tokio::test]
    async fn who_began_aside_is_among_the_others_once_its_tenant_is_not_noisy_any_more() {
        let lanes = Arc::new(Lanes::new(&Settings::default()).unwrap());
        let meter = Arc::new(Meter::default());
        let work = Metered::new(async { thread() }, meter.clone());
        let there = lanes.clone();
        let run = async move {
            there.run(work, &meter, (&quiet(), true), &CancellationToken::new()).await.unwrap()
        };
        assert_eq!(lanes.asking.handle.spawn(run).await.unwrap(), "agents");
    }

    #[tokio::test]
    async fn what_the_host_does_off_the_executors_for_an_agent_is_served_last_whoever_begins_it() {
        let lanes = Lanes::new(&Settings::default()).unwrap();
        let niceness = || rustix::process::getpriority_process(None);
        assert_eq!(lanes.patient().spawn_blocking(niceness).await.unwrap(), Ok(LAST));
        let patient = lanes.patient().clone();
        let begun = lanes.prompt().spawn(async move { patient.spawn_blocking(niceness).await.unwrap() });
        assert_eq!(begun.await.unwrap(), Ok(LAST));
        // Where there are several cores, one is left to those who wait for less, except by whoever compiles.
        let cores = || sched_getaffinity(None).unwrap();
        let (all, left) = (cores(), lanes.patient().spawn_blocking(cores).await.unwrap());
        assert_eq!(left.count(), (all.count() - 1).max(1));
        assert_eq!(lanes.compiling().spawn_blocking(cores).await.unwrap(), all);
        // One, and no second one where the thread is begun by one that has left it already.
        let others = Lanes::new(&Settings::default()).unwrap();
        let patient = others.patient().clone();
        let begun = others.asking.handle.spawn(async move { patient.spawn_blocking(cores).await.unwrap() });
        assert_eq!(begun.await.unwrap(), left);
    }

    /// Notes the kernel's class of the thread that drops it.
    struct Held(Arc<Mutex<Option<ThreadSchedulePolicy>>>);

    impl Drop for Held {
        fn drop(&mut self) {
            *self.0.lock().unwrap() = Some(thread_schedule_policy().unwrap());
        }
    }

    fn idle() -> ThreadSchedulePolicy {
        ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle)
    }

    #[tokio::test]
    async fn who_is_stopped_while_computing_long_is_gone_and_was_not_dropped_in_the_idle_class() {
        let settings = Settings { long: Duration::ZERO, ..Settings::default() };
        let lanes = Arc::new(Lanes::new(&settings).unwrap());
        let meter = Arc::new(Meter::default());
        let dropped = Arc::new(Mutex::new(None));
        let (held, there, charged) = (Held(dropped.clone()), lanes.clone(), meter.clone());
        let long = Arc::new(AtomicBool::new(false));
        let reached = long.clone();
        let work = Metered::new(
            async move {
                let _held = held;
                loop {
                    compute(Duration::from_millis(1)).await;
                    reached.store(thread_schedule_policy() == Ok(idle()), Ordering::Relaxed);
                }
            },
            meter.clone(),
        );
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = lanes
            .prompt()
            .spawn(async move { there.run(work, &charged, (&quiet(), false), &stopped).await.is_none() });
        while !long.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        stop.cancel();
        assert!(task.await.unwrap());
        let dropped = dropped.lock().unwrap().unwrap();
        assert_ne!(dropped, idle());
    }

    #[tokio::test]
    async fn who_ends_after_computing_long_leaves_the_idle_class_before_its_memory_is_given_back() {
        let settings = Settings { long: Duration::ZERO, ..Settings::default() };
        let lanes = Arc::new(Lanes::new(&settings).unwrap());
        let meter = Arc::new(Meter::default());
        let dropped = Arc::new(Mutex::new(None));
        let (held, there, charged, leaving) =
            (Held(dropped.clone()), lanes.clone(), meter.clone(), meter.clone());
        let work = Metered::new(
            async move {
                while thread_schedule_policy() != Ok(idle()) {
                    compute(Duration::from_millis(1)).await;
                }
                leaving.leave_computing().await;
                drop(held);
                thread()
            },
            meter.clone(),
        );
        let task = lanes.prompt().spawn(async move {
            there.run(work, &charged, (&quiet(), false), &CancellationToken::new()).await.unwrap()
        });
        assert_eq!(task.await.unwrap(), "agents-asking");
        let dropped = dropped.lock().unwrap().unwrap();
        assert_ne!(dropped, idle());
    }

    #[tokio::test]
    async fn memory_grows_outside_the_idle_class_and_the_next_interruption_leads_back() {
        let settings = Settings { long: Duration::ZERO, ..Settings::default() };
        let lanes = Arc::new(Lanes::new(&settings).unwrap());
        let meter = Arc::new(Meter::default());
        let (there, charged, computing) = (lanes.clone(), meter.clone(), meter.clone());
        let work = Metered::new(
            async move {
                let mut limits = Limits::new(1 << 20, 10, computing.clone());
                let mut seen = Vec::new();
                for what in [Growing::Memory, Growing::Table] {
                    while thread() != "agents-long" {
                        compute(Duration::from_millis(1)).await;
                    }
                    let grows = match what {
                        Growing::Memory => limits.memory_growing(0, 1 << 16, None).await,
                        Growing::Table => limits.table_growing(0, 1, None).await,
                    };
                    assert!(grows.unwrap());
                    seen.push(thread());
                    // What the interruption of its computing does.
                    computing.is_answered();
                }
                seen
            },
            meter.clone(),
        );
        let task = lanes.prompt().spawn(async move {
            there.run(work, &charged, (&quiet(), false), &CancellationToken::new()).await.unwrap()
        });
        assert_eq!(task.await.unwrap(), ["agents-asking", "agents-asking"]);
    }

    enum Growing {
        Memory,
        Table,
    }
}
