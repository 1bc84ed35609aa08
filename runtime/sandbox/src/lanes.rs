//! The executors on which agents run, apart from the media loop's.
//!
//! Nearly every agent computes for less than a millisecond between two of its caller's turns. Whoever
//! computes for longer than that, and than it has in its turns before, would make those wait, and the media loop for a slice of the
//! kernel's: so it goes on in lanes of the kernel's idle class, whose threads give way at once to everybody else's. There are two, so
//! that who will soon be done does not wait behind those that spin. What it asks of the host it asks
//! in a lane between, because a thread of the idle class must hold nothing that others wait for: there too its memory grows,
//! and there it is dropped, ended or stopped, since both take the kernel's and the allocator's locks. It comes back when it
//! next waits for its caller. The agents of a tenant of which one computed without end begin in those lanes for a while, and come
//! back once that is over ([`Reputation`]); while others' agents are at work they have a ration ([`Ration`]). What a spinning agent takes is
//! thus what nobody else wants, nothing of the first core where there are several, and little of the others.

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
use crate::ration::Ration;
use crate::reputation::Reputation;
use crate::settings::Settings;

/// Niceness of the lane in which those that compute long ask: the last that still gets its share where nobody has enough.
const LAST: i32 = 19;

/// CPU time of one turn after which an agent counts as one that computes without end, in times of what it takes to compute long:
/// half of what a turn may take unless somebody said otherwise.
const WITHOUT_END: u32 = 10;

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
    /// What agents of noisy tenants compute in those two.
    ration: Ration,
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
        let cores = sched_getaffinity(None).map_or(1, |cores| cores.count());
        let each = u32::try_from(settings.threads.max(1)).unwrap_or(u32::MAX);
        Ok(Self {
            prompt: start("agents", nice)?,
            patient,
            compiling,
            asking: start("agents-asking", Priority::Last)?,
            long: start("agents-long", Priority::Idle)?,
            brief: start("agents-brief", Priority::Idle)?,
            ration: Ration::new(settings, cores.saturating_sub(1)),
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
        let _at_work = self.ration.begins(reputation.at_work());
        let done = |out| {
            if meter.has_exceeded() {
                reputation.is_seen_computing();
            }
            Some(out)
        };
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
                    Stopped::Done(out) => return done(out),
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
                } else if stays {
                    tokio::select! {
                        biased;
                        () = stop.cancelled() => {
                            self.asking.part_with(work).await;
                            return None;
                        }
                        waited = self.ration.slice(reputation.at_work(), meter.turn()) => {
                            // It would take more than it has.
                            if waited && meter.turn() > after {
                                reputation.is_seen_computing();
                            }
                        }
                    }
                    let (before, lane) =
                        (meter.used(), if meter.turn() <= after { &self.brief } else { &self.long });
                    let stopped = lane.run(work, meter, |_: &Meter| true, stop).await?;
                    self.ration.took(meter.used().saturating_sub(before));
                    stopped
                } else if meter.turn() <= after {
                    let over = move |meter: &Meter| meter.waits_for_host() || meter.turn() > after;
                    self.brief.run(work, meter, over, stop).await?
                } else {
                    let (seen, without_end) = (reputation.clone(), after.saturating_mul(WITHOUT_END));
                    // From then on it has a ration.
                    let over = move |meter: &Meter| {
                        let goes_on_for_ever = meter.turn() > without_end;
                        if goes_on_for_ever {
                            seen.is_seen_computing();
                        }
                        goes_on_for_ever || meter.waits_for_host()
                    };
                    self.long.run(work, meter, over, stop).await?
                };
                match stopped {
                    Stopped::Done(out) => return done(out),
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
mod tests;
