//! What an agent costs before its first word, and what a host call costs it.
//!
//! `cargo bench -p parloir-e2e` prints, beside criterion's own figures, the percentiles that the
//! project holds itself to: instantiation p99, and a journaled host call as the agent sees it, with
//! an unjournaled one through a bare door as the floor; what both cost through a cordon, beside what they
//! cost without one; and for the qualification agent in each language what an instance costs in time and in
//! private memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(missing_docs, clippy::print_stdout, reason = "criterion's macros make public items")]

#[path = "../tests/all/house/mod.rs"]
#[allow(dead_code, unused_imports, unreachable_pub, reason = "of the tests, which use all of it")]
mod house;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group};
use house::{House, Plan, component};
use parloir_contract::{CallInfo, Direction, HostCall, HostReturn, LocalTime};
use parloir_cordon::{Cordon, Program, Rules};
use parloir_journal::RecordBody;
use parloir_sandbox::{Agent, Budget, Door, DoorClosed, Sandbox, Settings};
use parloir_server::{CORDON, stand_in_cordon};
use parloir_transport::conversation::{Action, Step};
use tokio::sync::Semaphore;

fn percentile(sorted: &[Duration], permille: usize) -> Duration {
    sorted[(sorted.len() - 1) * permille / 1_000]
}

async fn agent() -> Agent {
    let sandbox = Sandbox::new(Settings::default(), None).unwrap();
    sandbox.load(std::fs::read(component("tests/agents/trial")).unwrap()).await.unwrap()
}

fn instantiation(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let agent = runtime.block_on(agent());
    let mut took: Vec<Duration> = runtime.block_on(async {
        let mut took = Vec::new();
        for _ in 0..20_000 {
            took.push(agent.instantiate_once().await.unwrap());
        }
        took
    });
    took.sort_unstable();
    println!("instantiate: p50 {:?}, p99 {:?}, 20000 times", percentile(&took, 500), percentile(&took, 990));
    criterion.bench_function("instantiate and drop", |bench| {
        bench.to_async(&runtime).iter(|| async { agent.instantiate_once().await.unwrap() });
    });
}

/// 10,000 calls of `clock.elapsed` through a door that only answers.
async fn bare(agent: &Agent) -> Duration {
    let door = Door::new(tower::service_fn(|call: HostCall| async move {
        Ok(match call {
            HostCall::Elapsed => HostReturn::Elapsed(1),
            other => other.import().refused(parloir_contract::Refusal::Unavailable("bench".into())),
        })
    }));
    let answered = agent.answer(calls(), door, Budget::default()).await.unwrap();
    answered.outcome.unwrap();
    answered.cpu
}

/// A call in which the agent asks for the time 10,000 times.
fn calls() -> CallInfo {
    call(vec![("trial".into(), "calls".into()), ("greet".into(), "no".into())])
}

/// A call on a line with these settings.
fn call(settings: Vec<(String, String)>) -> CallInfo {
    CallInfo {
        id: "bench".into(),
        direction: Direction::Inbound,
        line: house::LINE.into(),
        caller: None,
        language: "fr-FR".into(),
        started_at: LocalTime { year: 2026, month: 1, day: 1, hour: 0, minute: 0 },
        settings,
    }
}

/// How long a call waits for its agent's first host call, at which it is stopped: for an instance, and for what carries it there.
async fn first_asked(agent: &Agent) -> Duration {
    let first = Arc::new(OnceLock::new());
    let (began, heard) = (Instant::now(), first.clone());
    let door = Door::new(tower::service_fn(move |_: HostCall| {
        let _first = heard.get_or_init(|| began.elapsed());
        async { Err::<HostReturn, _>(DoorClosed("that was all".into())) }
    }));
    agent.answer(calls(), door, Budget::default()).await.unwrap().outcome.unwrap_err();
    *first.get().unwrap()
}

/// As long as one of 10,000 host calls lasts at a bare door, from asked to answered.
async fn bare_lasted(agent: &Agent) -> Duration {
    let door =
        Door::new(tower::service_fn(|_: HostCall| async { Ok::<_, DoorClosed>(HostReturn::Elapsed(1)) }));
    let budget = Budget { turn_cpu: Duration::from_secs(5), ..Budget::default() };
    let began = Instant::now();
    agent.answer(calls(), door, budget).await.unwrap().outcome.unwrap();
    began.elapsed() / 10_000
}

/// Every call of the benchmark may come in one second.
const UNHURRIED: &str = "[tenant.quota]\nhost-calls-a-second = 1000000\nturn-cpu-ms = 5000";

/// As long as a call of nothing but host calls lasts, where the agent answers here or behind a cordon: the second of two, so that
/// the process is there.
async fn lasted(server: &str) -> Duration {
    let settings = [("trial", "calls"), ("greet", "no")];
    let house = House::open(Plan { settings: &settings, tenant: UNHURRIED, server, ..Plan::default() }).await;
    let mut watch = house.watch();
    let mut lasted = Duration::ZERO;
    for _ in 0..2 {
        house.ring(vec![Step::new(Action::Silence(Duration::from_secs(1)))]).await;
        let (finished, _) = house.ended(&mut watch).await;
        assert_eq!(finished.summary.outcome, parloir_contract::Outcome::Done);
        lasted = finished.summary.lasted;
    }
    house.close().await;
    lasted
}

/// The same 10,000 calls through the whole door of a live call, journal included.
async fn journaled() -> Duration {
    let settings = [("trial", "calls"), ("greet", "no")];
    let house = House::open(Plan { settings: &settings, tenant: UNHURRIED, ..Plan::default() }).await;
    let mut watch = house.watch();
    house.ring(vec![Step::new(Action::Silence(Duration::from_secs(1)))]).await;
    let (_, records) = house.ended(&mut watch).await;
    let cpu = records.iter().find_map(|r| match &r.body {
        RecordBody::CallEnded(ended) => Some(Duration::from_micros(ended.agent_cpu_us)),
        _ => None,
    });
    house.close().await;
    cpu.unwrap()
}

fn host_calls(_: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let agent = agent().await;
        let (mut floor, mut whole) = (Vec::new(), Vec::new());
        for _ in 0..9 {
            floor.push(bare(&agent).await / 10_000);
            whole.push(journaled().await / 10_000);
        }
        floor.sort_unstable();
        whole.sort_unstable();
        let (floor, whole) = (percentile(&floor, 500), percentile(&whole, 500));
        let ratio = whole.as_secs_f64() / floor.as_secs_f64();
        println!("host call, agent's side: journaled {whole:?}, bare door {floor:?}, ratio {ratio:.1} (medians of 9 runs of 10000)");
    });
}

fn cordons(_: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let row = |what: &str, here: Duration, there: Duration| {
            println!("{what:<52}{:>14}{:>18}", format!("{here:.1?}"), format!("{there:.1?}"));
        };
        println!("{:<52}{:>14}{:>18}", "", "without one", "through a cordon");
        let here = agent().await;
        let rules = Rules { required: false, memory: 2 << 30, places: Arc::new(Semaphore::new(1)) };
        let cordon = Arc::new(Cordon::new("bench", Arc::new(Program::new(CORDON)), rules));
        let there = here.clone().answering(cordon);
        // The process is there, and has the agent.
        first_asked(&there).await;
        let (mut first_here, mut first_there) = (Vec::new(), Vec::new());
        for _ in 0..2_000 {
            first_here.push(first_asked(&here).await);
            first_there.push(first_asked(&there).await);
        }
        first_here.sort_unstable();
        first_there.sort_unstable();
        for permille in [500, 990] {
            let what = format!("from a call to its first host call, p{}", permille / 10);
            row(&what, percentile(&first_here, permille), percentile(&first_there, permille));
        }
        let (mut bare_here, mut bare_there) = (Vec::new(), Vec::new());
        let (mut whole_here, mut whole_there) = (Vec::new(), Vec::new());
        for _ in 0..9 {
            bare_here.push(bare_lasted(&here).await);
            bare_there.push(bare_lasted(&there).await);
            whole_here.push(lasted("").await / 10_000);
            whole_there.push(lasted("cordon = \"always\"").await / 10_000);
        }
        for times in [&mut bare_here, &mut bare_there, &mut whole_here, &mut whole_there] {
            times.sort_unstable();
        }
        let median = |times: &[Duration]| percentile(times, 500);
        row("host call, asked to answered, bare door", median(&bare_here), median(&bare_there));
        row("host call, asked to answered, journaled", median(&whole_here), median(&whole_there));
        println!("(medians of 9 runs of 10000, of calls 2000)");
    });
}

/// What an instance may cost: its start, half of them at most, and its private memory in KiB. Go has no
/// such promise: its runtime is in every component.
const PROMISED: [(&str, Option<(Duration, u64)>); 5] = [
    ("rust", Some((Duration::from_micros(50), 64))),
    ("c", Some((Duration::from_micros(50), 64))),
    ("go", None),
    ("typescript", Some((Duration::from_micros(200), 256))),
    ("python", Some((Duration::from_millis(4), 1_024))),
];

/// The same agent in every language: its size, its start, and the private memory of a call that
/// waits for its first sentence to be played.
fn languages(_: &mut Criterion) {
    const CALLS: u64 = 64;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    for (language, promised) in PROMISED {
        let wasm = std::fs::read(component(&format!("agents/qualification/{language}"))).unwrap();
        let size = wasm.len() / 1024;
        runtime.block_on(async {
            let sandbox = Sandbox::new(Settings::default(), None).unwrap();
            let began = Instant::now();
            let agent = sandbox.load(wasm).await.unwrap();
            let compiled = began.elapsed();
            let mut took = Vec::new();
            for _ in 0..2_000 {
                took.push(agent.instantiate_once().await.unwrap());
            }
            took.sort_unstable();
            let before = private_kib();
            let mut calls = Vec::new();
            for _ in 0..CALLS {
                let door = Door::new(tower::service_fn(|call: HostCall| async move {
                    if matches!(call, HostCall::Say(_)) {
                        std::future::pending::<()>().await;
                    }
                    Ok(match call {
                        HostCall::SetReport(_) => HostReturn::SetReport(Ok(())),
                        other => other.import().refused(parloir_contract::Refusal::Unavailable("bench".into())),
                    })
                }));
                calls.push(agent.answer(call(vec![]), door, Budget::default()));
            }
            tokio::time::sleep(Duration::from_secs(2)).await;
            let private = private_kib().saturating_sub(before) / CALLS;
            println!(
                "{language}: {size} KiB, compiled in {compiled:?}, instantiate p50 {:?} p99 {:?}, {private} KiB private per waiting call",
                percentile(&took, 500),
                percentile(&took, 990),
            );
            if let Some((start, memory)) = promised {
                let kept = percentile(&took, 500) <= start && private <= memory;
                let word = if kept { "kept" } else { "NOT KEPT" };
                println!("  promised: start p50 at most {start:?}, at most {memory} KiB: {word}");
            }
            for call in calls {
                call.abort();
            }
        });
    }
}

/// Memory of this process that nobody shares, KiB.
fn private_kib() -> u64 {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let sum = rollup.lines().filter(|line| line.starts_with("Private_"));
    sum.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).sum()
}

criterion_group!(benches, instantiation, host_calls, cordons, languages);

fn main() {
    // The process of agents is this program once more.
    if std::env::args_os().nth(1).is_some_and(|word| word == CORDON) {
        stand_in_cordon().unwrap();
        return;
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}
