//! The executors on which agents run, apart from the media loop's.
//!
//! Nearly every agent computes for less than a millisecond between two of its caller's turns. Whoever
//! computes for longer would make those wait for the end of its tick, so it goes on in a lane of its
//! own: threads of the kernel's idle class, which give way at once to everybody else's. What it asks of the host it asks
//! in a third lane, because a thread of the idle class must hold nothing that others wait for. It comes back when it next
//! waits for its caller. What a spinning agent takes is thus what nobody else wants.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id, thread_schedule_policy,
};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::engine::LoadError;
use crate::metering::Meter;
use crate::settings::Settings;

/// Niceness of the lane in which those that compute long ask: the last that still gets its share where nobody has enough.
const LAST: i32 = 19;

/// The agents' executors.
pub(crate) struct Lanes {
    prompt: Lane,
    /// Of those that compute long: for what they ask, and for what they compute.
    asking: Lane,
    long: Lane,
    /// CPU time of one turn after which an agent changes lanes.
    after: Duration,
}

impl Lanes {
    pub(crate) fn new(settings: &Settings) -> Result<Self, LoadError> {
        let nice = Priority::Nice(settings.nice.clamp(0, LAST));
        Ok(Self {
            prompt: Lane::start("agents", settings.threads, nice)?,
            asking: Lane::start("agents-asking", settings.threads, Priority::Nice(LAST))?,
            long: Lane::start("agents-long", settings.threads, Priority::Idle)?,
            after: settings.long,
        })
    }

    /// Where agents begin.
    pub(crate) fn prompt(&self) -> &Handle {
        &self.prompt.handle
    }

    /// For the host's own work that may take long, such as compiling.
    pub(crate) fn patient(&self) -> &Handle {
        &self.asking.handle
    }

    /// Runs an agent's work to its end, in whichever lane it belongs at each moment. Begins on the
    /// executor that polls this. `None` where it was stopped: it is then gone, whichever lane it was in.
    pub(crate) async fn run<F>(
        &self,
        work: F,
        meter: &Arc<Meter>,
        stop: &CancellationToken,
    ) -> Option<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send,
    {
        let after = self.after;
        let mut work = Box::pin(work);
        loop {
            let computes_long = |meter: &Meter| meter.turn() > after && !meter.waits_for_caller();
            let stint = Stint { work: Some(work), meter: meter.clone(), over: computes_long };
            match stop.run_until_cancelled(stint).await? {
                Stopped::Done(out) => return Some(out),
                Stopped::Over(rest) => work = rest,
            }
            meter.set_long(true);
            while !meter.waits_for_caller() {
                let stopped = if meter.waits_for_host() {
                    let answered = |meter: &Meter| !meter.waits_for_host() || meter.waits_for_caller();
                    self.asking.run(work, meter, answered, stop).await?
                } else {
                    self.long.run(work, meter, Meter::waits_for_host, stop).await?
                };
                match stopped {
                    Stopped::Done(out) => return Some(out),
                    Stopped::Over(rest) => work = rest,
                }
            }
            meter.set_long(false);
        }
    }
}

/// How a stint in one lane ended.
enum Stopped<F: Future> {
    Done(F::Output),
    /// The work belongs in the other lane.
    Over(Pin<Box<F>>),
}

/// An agent's work in one lane, until it ends or its pause is one at which to change lanes.
struct Stint<F: Future, O> {
    work: Option<Pin<Box<F>>>,
    meter: Arc<Meter>,
    over: O,
}

impl<F: Future, O: Fn(&Meter) -> bool + Unpin> Future for Stint<F, O> {
    type Output = Stopped<F>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(mut work) = self.work.take() else { return Poll::Pending };
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
    /// When nobody else wants the core; who wakes up takes it from them at once.
    Idle,
}

impl Priority {
    /// Absolute, because a thread may have been begun by another.
    fn take(self) {
        let taken = match self {
            Self::Nice(nice) => {
                rustix::process::setpriority_process(None, nice).map_err(|error| error.to_string())
            }
            Self::Idle => {
                let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
                let set = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle);
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

/// Threads of one priority.
struct Lane {
    runtime: Option<Runtime>,
    handle: Handle,
}

impl Lane {
    fn start(name: &'static str, threads: usize, priority: Priority) -> Result<Self, LoadError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads.max(1))
            .thread_name(name)
            .enable_all()
            .on_thread_start(move || priority.take())
            .build()
            .map_err(|e| LoadError::Engine(format!("the agents' threads did not start: {e}")))?;
        let handle = runtime.handle().clone();
        Ok(Self { runtime: Some(runtime), handle })
    }

    /// One stint of an agent's work in this lane, begun from another. `None` where it was stopped.
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
        let stint = Stint { work: Some(work), meter: meter.clone(), over };
        let mut there = AbortOnDropHandle::new(self.handle.spawn(stint));
        let ended = match stop.run_until_cancelled(&mut there).await {
            Some(ended) => ended,
            None => {
                there.abort();
                // Only then is everything that it held given back.
                there.await
            }
        };
        match ended {
            Ok(stopped) => Some(stopped),
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => None,
        }
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
    use super::*;
    use crate::metering::Metered;

    fn thread() -> String {
        std::thread::current().name().unwrap().to_owned()
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
            .spawn(async move { there.run(metered, &meter, &CancellationToken::new()).await.unwrap() })
            .await
            .unwrap();
        let lanes = ["agents", "agents-long", "agents-asking", "agents-long", "agents", "agents"];
        assert_eq!(seen, lanes);
    }

    #[tokio::test]
    async fn who_is_stopped_is_gone_when_its_run_ends() {
        let settings = Settings { long: Duration::ZERO, ..Settings::default() };
        let lanes = Arc::new(Lanes::new(&settings).unwrap());
        let meter = Arc::new(Meter::default());
        let alive = Arc::new(());
        let (held, there, charged) = (alive.clone(), lanes.clone(), meter.clone());
        let work = Metered::new(
            async move {
                let _held = held;
                loop {
                    compute(Duration::from_millis(1)).await;
                }
            },
            meter.clone(),
        );
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = lanes.prompt().spawn(async move { there.run(work, &charged, &stopped).await.is_none() });
        while meter.used() < Duration::from_millis(5) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        stop.cancel();
        assert!(task.await.unwrap());
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}
