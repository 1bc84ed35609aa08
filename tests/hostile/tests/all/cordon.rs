//! Agents behind a cordon, both sides of it in this process: they are asked, answered, stopped and blamed as they are without
//! one, and a side that is no sandbox's is not believed.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use parloir_attest::{Attack, attack};
use parloir_contract::{CallInfo, Direction, HostCall, HostReturn, LocalTime, Outcome};
use parloir_cordon::{Cordon, Launch, Launched, Rules, Up, stand};
use parloir_sandbox::{
    Agent, Answered, Answering, Budget, Door, DoorClosed, Elsewhere, FailureKind, Sandbox, Settings,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex, split};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::AbortHandle;

/// Asks for the time twice, and ends.
const ASKS: &str = ";; Asks for the time, twice: it has it.\n;; ends: done\n\
    (func $attack (param $info i32) (drop (call $clock.elapsed)) (drop (call $clock.elapsed)))";
/// Listens, and ends.
const LISTENS: &str = ";; Listens, and ends: it is done.\n;; ends: done\n\
    (func $attack (param $info i32) (call $listen (i32.const 5000)))";
/// Asks for 140,000 days of the week, which are a byte each for an agent.
const OVERFULL: &str = ";; Asks for so many days that no message holds them: it traps.\n;; ends: trap x\n\
    (func $attack (param $info i32) (call $pages (i32.const 8)) \
    (call $fill (i32.const 131072) (i32.const 4) (i32.const 140000)) \
    (i32.store (i32.const 4120) (i32.const 131072)) (i32.store (i32.const 4124) (i32.const 140000)) \
    (i32.store8 (i32.const 4136) (i32.const 10)) (call $calendar.free (i32.const 4096) (i32.const 512)))";

/// Asks for the time again and again.
const ASKS_ON: &str = ";; Asks for the time without end: it is stopped.\n;; ends: budget\n\
    (func $attack (param $info i32) (loop $again (drop (call $clock.elapsed)) (br $again)))";

async fn agent(text: &str) -> Agent {
    let wasm = Attack::written("cordon/written", text).unwrap().wasm().unwrap();
    sandbox().load(wasm).await.unwrap()
}

fn sandbox() -> Sandbox {
    Sandbox::new(Settings { instances: 4, ..Settings::default() }, None).unwrap()
}

fn info() -> CallInfo {
    CallInfo {
        id: "0".repeat(32),
        direction: Direction::Inbound,
        line: "+33199000001".into(),
        caller: None,
        language: "fr-FR".into(),
        started_at: LocalTime { year: 2026, month: 1, day: 1, hour: 0, minute: 0 },
        settings: Vec::new(),
    }
}

type Seen = Arc<Mutex<Vec<HostCall>>>;

/// Knows the time, has no patience with other questions, and lets listeners wait.
fn door(seen: &Seen) -> Door {
    let seen = seen.clone();
    Door::new(tower::service_fn(move |call: HostCall| {
        seen.lock().push(call.clone());
        async move {
            match call {
                HostCall::Elapsed => Ok(HostReturn::Elapsed(7)),
                HostCall::Listen(_) => std::future::pending().await,
                other => Err(DoorClosed(format!("{} is asked", other.import().name()))),
            }
        }
    }))
}

/// The agents' side as a task, how often it was begun, and what memory it is said to take.
#[derive(Default)]
struct Here {
    begun: Mutex<Vec<AbortHandle>>,
    weight: Arc<AtomicU64>,
    /// What it waits for before it is ready.
    held: Option<Arc<Notify>>,
}

impl Launch for Here {
    fn launch(&self) -> io::Result<Launched> {
        let (ours, theirs) = duplex(1 << 16);
        let (reads, writes) = split(theirs);
        let held = self.held.clone();
        let inside = tokio::spawn(async move {
            if let Some(held) = held {
                held.notified().await;
            }
            stand(|_| false, reads, writes).await
        });
        self.begun.lock().push(inside.abort_handle());
        let (reads, writes) = split(ours);
        let ended = async move { format!("{:?}", inside.await.map(|stood| stood.is_ok())) };
        let weight = self.weight.clone();
        Ok(Launched {
            reads: Box::new(reads),
            writes: Box::new(writes),
            ended: Box::pin(ended),
            weighs: Arc::new(move || Some(weight.load(Ordering::Relaxed))),
        })
    }
}

/// Four processes, of a gibibyte each.
fn rules() -> Rules {
    Rules { required: false, memory: 1 << 30, places: Arc::new(Semaphore::new(4)) }
}

fn cordon(launch: Arc<dyn Launch>) -> Arc<dyn Elsewhere> {
    Arc::new(Cordon::new("test", launch, rules()))
}

/// How an agent's call goes without a cordon, and with one.
async fn both(agent: &Agent, budget: Budget) -> [(Answered, Vec<HostCall>); 2] {
    let there = agent.clone().answering(cordon(Arc::<Here>::default()));
    let mut went = Vec::new();
    for agent in [agent, &there] {
        let seen = Seen::default();
        let answered = agent.answer(info(), door(&seen), budget).await.unwrap();
        let seen = seen.lock().clone();
        went.push((answered, seen));
    }
    went.try_into().unwrap()
}

fn kind(answered: &Answered) -> Option<FailureKind> {
    answered.outcome.as_ref().err().map(|failure| failure.kind)
}

/// A failure's kind and reason: where in the code it was is a number of the moment.
fn told(answered: &Answered) -> Option<(FailureKind, &str)> {
    answered.outcome.as_ref().err().map(|failure| (failure.kind, failure.reason.as_str()))
}

/// How an agent's call goes at a door that knows the time.
async fn rung(agent: &Agent) -> Answered {
    agent.answer(info(), door(&Seen::default()), Budget::default()).await.unwrap()
}

/// An agent's call once it has asked something.
async fn begun(agent: &Agent) -> Answering {
    let seen = Seen::default();
    let call = agent.answer(info(), door(&seen), Budget::default());
    while seen.lock().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    call
}

/// One whose agent listens behind a cordon.
struct Waits {
    launch: Arc<Here>,
    cordon: Arc<dyn Elsewhere>,
    call: Answering,
    /// On whose executor the host's side of the process is.
    _agent: Agent,
}

impl Waits {
    async fn begin() -> Self {
        let launch = Arc::new(Here::default());
        Self::behind(launch.clone(), cordon(launch)).await
    }

    async fn behind(launch: Arc<Here>, cordon: Arc<dyn Elsewhere>) -> Self {
        let agent = agent(LISTENS).await.answering(cordon.clone());
        Self { launch, cordon, call: begun(&agent).await, _agent: agent }
    }

    /// Another agent behind the same cordon.
    async fn beside(&self, text: &str) -> Agent {
        agent(text).await.answering(self.cordon.clone())
    }

    /// Its process is gone.
    fn falls(&self) {
        self.launch.begun.lock()[0].abort();
    }

    /// It comes to its end.
    async fn ended(&mut self) -> Answered {
        (&mut self.call).await.unwrap()
    }

    /// It is stopped, which it was not before, in the process in which it began.
    async fn was_still_there(&mut self) {
        self.call.abort();
        let stopped = self.ended().await;
        assert_eq!(kind(&stopped), Some(FailureKind::Stopped), "{stopped:?}");
        assert_eq!(self.launch.begun.lock().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_asks_and_ends_behind_a_cordon_as_without_one() {
    let [here, there] = both(&agent(ASKS).await, Budget::default()).await;
    assert_eq!(here.0.outcome, Ok(Outcome::Done));
    assert_eq!(there.0.outcome, here.0.outcome);
    assert_eq!(there.1, [HostCall::Elapsed, HostCall::Elapsed]);
    assert_eq!(there.1, here.1);
    assert!(there.0.cpu > Duration::ZERO);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_blamed_behind_a_cordon_as_without_one() {
    let spins = attack("spin/answer").unwrap().wasm().unwrap();
    let spins = sandbox().load(spins).await.unwrap();
    let traps = ";; Traps: it is trapped.\n;; ends: trap x\n(func $attack (param $info i32) (unreachable))";
    let refused = ";; Hangs up: the door is closed.\n;; ends: trap x\n\
        (func $attack (param $info i32) (call $call.hang-up))";
    let brief = Budget { turn_cpu: Duration::from_millis(50), ..Budget::default() };
    let table = [
        (spins, brief, FailureKind::TurnCpu),
        (agent(traps).await, Budget::default(), FailureKind::Trap),
        (agent(refused).await, Budget::default(), FailureKind::Stopped),
        (agent(ASKS).await, Budget { memory: 1 << 16, ..Budget::default() }, FailureKind::Memory),
    ];
    for (agent, budget, expected) in table {
        let [here, there] = both(&agent, budget).await;
        assert_eq!(kind(&here.0), Some(expected), "{:?}", here.0);
        assert_eq!(told(&there.0), told(&here.0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_host_does_for_an_agent_is_the_agents_behind_a_cordon_as_without_one() {
    let here = agent(ASKS_ON).await;
    let there = here.clone().answering(cordon(Arc::<Here>::default()));
    let budget = Budget { turn_cpu: Duration::from_millis(100), ..Budget::default() };
    for agent in [here, there] {
        let laborious = Door::new(tower::service_fn(|_: HostCall| async {
            let began = std::time::Instant::now();
            while began.elapsed() < Duration::from_millis(10) {
                std::hint::black_box((0..10_000).sum::<u64>());
            }
            Ok(HostReturn::Elapsed(7))
        }));
        let answered = agent.answer(info(), laborious, budget).await.unwrap();
        assert_eq!(kind(&answered), Some(FailureKind::TurnCpu), "{answered:?}");
        assert!(answered.cpu > budget.turn_cpu, "{answered:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_share_a_process_and_one_is_stopped_without_the_other() {
    let mut waits = Waits::begin().await;
    let other = rung(&waits.beside(ASKS).await).await;
    assert_eq!(other.outcome, Ok(Outcome::Done), "while the first waits");
    waits.was_still_there().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_message_holds_ends_the_call_that_asks_it_and_no_other() {
    let mut waits = Waits::begin().await;
    let overfull = waits.beside(OVERFULL).await;
    let unheard = Seen::default();
    let failure =
        overfull.answer(info(), door(&unheard), Budget::default()).await.unwrap().outcome.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Trap, "{failure}");
    assert!(failure.reason.contains("too much is asked of the host at once"), "{failure}");
    assert!(unheard.lock().is_empty());
    waits.was_still_there().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_a_process_that_falls_fail_and_the_next_begins_another() {
    let mut waits = Waits::begin().await;
    waits.falls();
    let fallen = waits.ended().await.outcome.unwrap_err();
    assert_eq!(fallen.kind, FailureKind::Trap);
    assert!(fallen.reason.starts_with("the tenant's cordon fell: "), "{fallen}");
    assert_eq!(rung(&waits.beside(ASKS).await).await.outcome, Ok(Outcome::Done));
    assert_eq!(waits.launch.begun.lock().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_one_caller_does_not_wait_for_is_the_next_ones() {
    let held = Arc::new(Notify::new());
    let launch = Arc::new(Here { held: Some(held.clone()), ..Here::default() });
    let asks = agent(ASKS).await.answering(cordon(launch.clone()));
    let leaves = asks.answer(info(), door(&Seen::default()), Budget::default());
    while launch.begun.lock().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    leaves.abort();
    assert_eq!(kind(&leaves.await.unwrap()), Some(FailureKind::Stopped));
    held.notify_one();
    assert_eq!(rung(&asks).await.outcome, Ok(Outcome::Done));
    assert_eq!(launch.begun.lock().len(), 1);
}

/// A door that the host's own code breaks.
async fn breaks(_: HostCall) -> Result<HostReturn, DoorClosed> {
    panic!("the door breaks")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_whose_door_breaks_is_stopped_and_takes_nobody_with_it() {
    let mut waits = Waits::begin().await;
    let asks = waits.beside(ASKS).await;
    let broken = asks.answer(info(), Door::new(tower::service_fn(breaks)), Budget::default());
    assert!(broken.await.unwrap_err().is_panic());
    assert_eq!(rung(&asks).await.outcome, Ok(Outcome::Done));
    waits.was_still_there().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_says_nothing_has_begun_all_the_same() {
    let spins = sandbox().load(attack("spin/answer").unwrap().wasm().unwrap()).await.unwrap();
    let (turn_cpu, call_cpu) = (Duration::from_secs(3_600), Duration::from_secs(3_600));
    let budget = Budget { turn_cpu, call_cpu, ..Budget::default() };
    let spins = spins.answering(cordon(Arc::<Here>::default()));
    let mute = spins.answer(info(), door(&Seen::default()), budget);
    while !mute.has_begun() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(mute.cpu(), Duration::ZERO, "nothing was told of its time");
    mute.abort();
    assert_eq!(kind(&mute.await.unwrap()), Some(FailureKind::Stopped));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_takes_more_memory_than_it_may_is_ended() {
    let mut waits = Waits::begin().await;
    waits.launch.weight.store(3 << 30, Ordering::Relaxed);
    let ended = waits.ended().await.outcome.unwrap_err();
    assert_eq!(ended.kind, FailureKind::Trap);
    assert!(ended.reason.contains("it took 3072 MiB of memory and may take 1024"), "{ended}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_rings_where_memory_runs_short_is_refused_and_who_is_there_stays() {
    let mut waits = Waits::begin().await;
    let asks = waits.beside(ASKS).await;
    waits.launch.weight.store(900 << 20, Ordering::Relaxed);
    let refused = loop {
        if let Err(refused) = rung(&asks).await.outcome {
            break refused;
        }
    };
    assert_eq!(refused.kind, FailureKind::Host);
    assert!(refused.reason.contains("`cordon-memory-mib` in [server]"), "{refused}");
    waits.was_still_there().await;
    assert_eq!(rung(&asks).await.outcome, Ok(Outcome::Done), "alone");
    assert_eq!(waits.launch.begun.lock().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_so_many_processes_and_no_more_and_the_next_waits_for_one_to_end() {
    let rules = Rules { places: Arc::new(Semaphore::new(1)), ..rules() };
    let launches = [Arc::new(Here::default()), Arc::new(Here::default())];
    let [first, second] =
        launches.each_ref().map(|launch| Arc::new(Cordon::new("test", launch.clone(), rules.clone())));
    assert!(first.has_place() && second.has_place());
    let mut waits = Waits::behind(launches[0].clone(), first.clone()).await;
    assert!(first.has_place() && !second.has_place());
    let asks = agent(ASKS).await.answering(second.clone());
    let refused = rung(&asks).await.outcome.unwrap_err();
    assert_eq!(refused.kind, FailureKind::Host);
    assert!(refused.reason.contains("`cordon-processes` in [server]"), "{refused}");
    waits.falls();
    let _fell = waits.ended().await;
    assert!(second.has_place());
    assert_eq!(rung(&asks).await.outcome, Ok(Outcome::Done));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_it_must_be_confined_and_is_not_nobody_answers_there() {
    let launch = Arc::new(Here::default());
    let cordon: Arc<dyn Elsewhere> =
        Arc::new(Cordon::new("test", launch, Rules { required: true, ..rules() }));
    let seen = Seen::default();
    let agent = agent(ASKS).await.answering(cordon);
    let answered = agent.answer(info(), door(&seen), Budget::default()).await.unwrap();
    let failure = answered.outcome.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Host);
    assert!(failure.reason.contains("cannot be confined"), "{failure}");
    assert!(seen.lock().is_empty());
}

/// An agents' side that says this, whatever it is told.
struct Liar(Vec<u8>);

impl Launch for Liar {
    fn launch(&self) -> io::Result<Launched> {
        let (ours, mut theirs) = duplex(1 << 16);
        let says = self.0.clone();
        let lies = tokio::spawn(async move {
            // Who does not believe it may be gone before it is through.
            let _gone = theirs.write_all(&says).await;
            let (mut reads, _writes) = split(theirs);
            // As long as anybody speaks with it.
            let _gone = tokio::io::copy(&mut reads, &mut tokio::io::sink()).await;
        });
        let (reads, writes) = split(ours);
        let ended = async move { format!("{:?}", lies.await.is_ok()) };
        Ok(Launched {
            reads: Box::new(reads),
            writes: Box::new(writes),
            ended: Box::pin(ended),
            weighs: Arc::new(|| None),
        })
    }
}

fn framed(up: &Up) -> Vec<u8> {
    let message = rmp_serde::to_vec(up).unwrap();
    let length = u32::try_from(message.len()).unwrap();
    [length.to_le_bytes().to_vec(), message].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_side_that_is_no_sandboxs_is_not_believed_and_opens_no_door() {
    let ready = framed(&Up::Ready { confined: true });
    let after_ready = |more: Vec<u8>| [ready.clone(), more].concat();
    let stranger = Up::Asked { call: 99, cpu: Duration::ZERO, asked: HostCall::Elapsed };
    let table = [
        b"nothing that is spoken here at all".to_vec(),
        framed(&Up::Pong(1)),
        framed(&Up::NotReady("no memory".into())),
        after_ready(framed(&Up::Ready { confined: true })),
        after_ready(framed(&stranger)),
        after_ready(framed(&Up::Pong(2))),
        after_ready(framed(&Up::Loaded { sha256: [0; 32], problem: None })),
        after_ready(u32::MAX.to_le_bytes().to_vec()),
        after_ready([5_u32.to_le_bytes().to_vec(), vec![0xdd, 0xff, 0xff, 0xff, 0xff]].concat()),
    ];
    for says in table {
        let seen = Seen::default();
        let agent = agent(ASKS).await.answering(cordon(Arc::new(Liar(says.clone()))));
        let answered = agent.answer(info(), door(&seen), Budget::default()).await.unwrap();
        let kind = kind(&answered);
        assert!(matches!(kind, Some(FailureKind::Host | FailureKind::Trap)), "{says:?}: {answered:?}");
        assert!(seen.lock().is_empty(), "{says:?}");
    }
}

/// An agents' side that says what it is told to besides, between two messages of its own.
#[derive(Default)]
struct Besides(Mutex<Option<mpsc::Sender<Vec<u8>>>>);

impl Launch for Besides {
    fn launch(&self) -> io::Result<Launched> {
        let ((ours, outer), (inner, theirs)) = (duplex(1 << 16), duplex(1 << 16));
        let (reads, writes) = split(theirs);
        tokio::spawn(stand(|_| false, reads, writes));
        let ((mut from_host, mut to_host), (mut from_agents, mut to_agents)) = (split(outer), split(inner));
        tokio::spawn(async move {
            let _gone = tokio::io::copy(&mut from_host, &mut to_agents).await;
            let _gone = to_agents.shutdown().await;
        });
        let (says, mut said) = mpsc::channel::<Vec<u8>>(16);
        *self.0.lock() = Some(says.clone());
        tokio::spawn(async move {
            while let Ok(length) = from_agents.read_u32_le().await {
                let mut frame = length.to_le_bytes().to_vec();
                frame.resize(4 + length as usize, 0);
                let read = from_agents.read_exact(&mut frame[4..]).await;
                if read.is_err() || says.send(frame).await.is_err() {
                    return;
                }
            }
        });
        tokio::spawn(async move {
            while let Some(frame) = said.recv().await {
                if to_host.write_all(&frame).await.is_err() {
                    return;
                }
            }
        });
        let (reads, writes) = split(ours);
        Ok(Launched {
            reads: Box::new(reads),
            writes: Box::new(writes),
            ended: Box::pin(async { "it was told to go".to_owned() }),
            weighs: Arc::new(|| None),
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_computes_where_a_process_falls_is_blamed_and_who_waits_beside_it_is_not() {
    let mut waits = Waits::begin().await;
    let spins = sandbox().load(attack("spin/answer").unwrap().wasm().unwrap()).await.unwrap();
    let spins = spins.answering(waits.cordon.clone());
    let (turn_cpu, call_cpu) = (Duration::from_secs(5), Duration::from_secs(5));
    let budget = Budget { turn_cpu, call_cpu, ..Budget::default() };
    let computing = spins.answer(info(), door(&Seen::default()), budget);
    while !computing.has_begun() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    waits.falls();
    let ended = [waits.ended().await, computing.await.unwrap()];
    assert_eq!(ended.each_ref().map(kind), [Some(FailureKind::Neighbour), Some(FailureKind::Trap)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_process_says_what_no_sandbox_says_all_its_calls_are_blamed_and_not_whom_it_names() {
    let besides = Arc::new(Besides::default());
    let listens = agent(LISTENS).await.answering(cordon(besides.clone()));
    let waiting = [begun(&listens).await, begun(&listens).await];
    // The second of them, which waits for its caller, asks again.
    let again = framed(&Up::Asked { call: 1, cpu: Duration::ZERO, asked: HostCall::Elapsed });
    let says = besides.0.lock().clone().unwrap();
    says.send(again).await.unwrap();
    let mut ended = Vec::new();
    for waiting in waiting {
        ended.push(waiting.await.unwrap());
    }
    assert_eq!(ended.iter().map(kind).collect::<Vec<_>>(), [Some(FailureKind::Trap); 2]);
    for ended in &ended {
        let (_, reason) = told(ended).unwrap();
        assert!(reason.contains("an agent asked twice at once"), "{reason}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_side_that_gives_no_sign_of_life_is_ended() {
    let mute = Arc::new(Liar(framed(&Up::Ready { confined: true })));
    let seen = Seen::default();
    let agent = agent(ASKS).await.answering(cordon(mute));
    let answered = agent.answer(info(), door(&seen), Budget::default()).await.unwrap();
    let failure = answered.outcome.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Trap, "it was its agent that was loaded");
    assert!(failure.reason.contains("no sign of life"), "{failure}");
    assert!(seen.lock().is_empty());
}

/// An agents' side that begins and reads nothing of what it is told.
struct Deaf;

impl Launch for Deaf {
    fn launch(&self) -> io::Result<Launched> {
        let (ours, mut theirs) = duplex(1 << 16);
        let deaf = tokio::spawn(async move {
            let _gone = theirs.write_all(&framed(&Up::Ready { confined: true })).await;
            std::future::pending::<()>().await;
        });
        let (reads, writes) = split(ours);
        let ended = async move {
            deaf.abort();
            format!("{:?}", deaf.await.is_ok())
        };
        Ok(Launched {
            reads: Box::new(reads),
            writes: Box::new(writes),
            ended: Box::pin(ended),
            weighs: Arc::new(|| None),
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_side_that_reads_nothing_is_ended_and_keeps_no_other_tenant_waiting() {
    let deaf = agent(ASKS).await.answering(cordon(Arc::new(Deaf)));
    let seen = Seen::default();
    let mut waits = deaf.answer(info(), door(&seen), Budget::default());
    let neighbour = agent(ASKS).await.answering(cordon(Arc::<Here>::default()));
    tokio::select! {
        biased;
        ended = &mut waits => panic!("it was ended before its time: {ended:?}"),
        beside = rung(&neighbour) => assert_eq!(beside.outcome, Ok(Outcome::Done)),
    }
    let failure = waits.await.unwrap().outcome.unwrap_err();
    assert!(failure.reason.contains("no sign of life"), "{failure}");
    assert!(seen.lock().is_empty());
}
