use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use wasmtime::ResourceLimiterAsync;

use super::*;
use crate::limits::Limits;
use crate::metering::Metered;
use crate::settings::Budget;

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
    let run =
        async move { there.run(work, &meter, (&quiet(), true), &CancellationToken::new()).await.unwrap() };
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

#[tokio::test]
async fn who_has_a_ration_does_not_compute_before_it_has_a_slice_and_is_stopped_meanwhile() {
    let lanes = Arc::new(Lanes::new(&Settings::default()).unwrap());
    let (noisy, neighbour) = (quiet(), quiet());
    noisy.is_seen_computing();
    // Another tenant's agent is at work, and what was taken is far from earned.
    let at_work = lanes.ration.begins(neighbour.at_work());
    lanes.ration.took(Duration::from_secs(3_600));
    let meter = Arc::new(Meter::default());
    let (charged, computes) = (meter.clone(), Arc::new(AtomicBool::new(false)));
    let computed = computes.clone();
    let work = Metered::new(
        async move {
            charged.goes_on().await;
            computed.store(true, Ordering::Relaxed);
        },
        meter.clone(),
    );
    let stop = CancellationToken::new();
    let (there, stopped) = (lanes.clone(), stop.clone());
    let (begins, aside) = lanes.beginning(&noisy);
    let run = async move { there.run(work, &meter, (&noisy, aside), &stopped).await.is_none() };
    let task = begins.spawn(run);
    while !lanes.ration.is_waited_for() && !computes.load(Ordering::Relaxed) {
        tokio::task::yield_now().await;
    }
    stop.cancel();
    assert!(task.await.unwrap());
    assert!(!computes.load(Ordering::Relaxed));
    drop(at_work);
}

/// Runs an agent of a tenant, and says how it ended.
async fn run_for<T: Send + 'static>(
    (lanes, reputation): (&Arc<Lanes>, &Arc<Reputation>),
    meter: Arc<Meter>,
    work: impl Future<Output = T> + Send + 'static,
) -> T {
    let work = Metered::new(work, meter.clone());
    let (there, of_it) = (lanes.clone(), reputation.clone());
    let (begins, aside) = lanes.beginning(reputation);
    let run = async move { there.run(work, &meter, (&of_it, aside), &CancellationToken::new()).await };
    begins.spawn(run).await.unwrap().unwrap()
}

#[tokio::test]
async fn whose_agent_used_up_its_budget_computed_without_end_however_little_that_is() {
    let lanes = Arc::new(Lanes::new(&Settings::default()).unwrap());
    for (turn_cpu, exceeds) in [(Duration::from_secs(60), false), (Duration::from_micros(1), true)] {
        let (reputation, meter) = (quiet(), Arc::new(Meter::default()));
        let charged = meter.clone();
        let work = async move {
            compute(Duration::from_millis(1)).await;
            charged.check(&Budget { turn_cpu, ..Budget::default() }).is_err()
        };
        assert_eq!(run_for((&lanes, &reputation), meter, work).await, exceeds);
        assert_eq!(reputation.is_noisy(), exceeds);
    }
}

#[tokio::test]
async fn a_tenant_stays_noisy_while_its_agents_want_more_than_there_is() {
    let settings = Settings { long: Duration::ZERO, ..Settings::default() };
    let lanes = Arc::new(Lanes::new(&settings).unwrap());
    let (noisy, neighbour) = (quiet(), quiet());
    let _at_work = lanes.ration.begins(neighbour.at_work());
    // All that was saved up is taken, and what is earned in a second.
    let cores = sched_getaffinity(None).unwrap().count().saturating_sub(1).max(1);
    let more = Duration::from_secs(1) * settings.noisy_percent * cores / 100;
    for (taken, wants_more) in [(Duration::ZERO, false), (Duration::from_secs(1) + more, true)] {
        noisy.is_seen_computing();
        let (until, meter) = (noisy.noisy_until(), Arc::new(Meter::default()));
        lanes.ration.took(settings.tick + taken);
        let charged = meter.clone();
        let work = async move {
            charged.goes_on().await;
            compute(Duration::from_millis(3)).await;
            charged.asks(false);
            charged.change_lanes().await;
            charged.goes_on().await;
        };
        run_for((&lanes, &noisy), meter, work).await;
        assert_eq!(noisy.noisy_until() > until, wants_more, "{taken:?}");
    }
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
