//! What the journal costs a call, how fast it becomes durable, and how fast it is verified, run again and compared.
//!
//! `cargo bench -p parloir-e2e --bench journal` prints one table: each figure, a floor that was measured in the same run, what
//! the one is of the other, and what the project holds itself to. The floors are:
//!
//! - *durable*: a bare file, to which the very bytes that the journal wrote are appended in the same pieces, each with its
//!   `fdatasync`. The records are those of host calls that a real agent made: words that differ from call to call, as live
//!   calls', for one sentence again and again would be compressed to nothing;
//! - *added to a host call*: the same clock around a call that is not journaled;
//! - *waited for alone*: one record's bytes appended to a bare file, with `fdatasync`;
//! - *verify*: reading the same bytes;
//! - *proof*: the chunk's header and the hashes of its path in the tree, as they are;
//! - *replay*: an instance made and dropped for each call;
//! - *diff*: reading the calls, and running each again exactly, twice.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(missing_docs, clippy::print_stdout, reason = "a benchmark")]

#[path = "../tests/all/house/mod.rs"]
#[allow(dead_code, unused_imports, unreachable_pub, reason = "of the tests, which use all of it")]
mod house;
#[path = "../tests/all/improvised/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "of the tests, which use all of it")]
mod improvised;

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use improvised::Place;
use parloir_contract::{CallId, Heard, HostCall, HostReturn, Import, Say, SayOptions, TenantId};
use parloir_journal::{
    CallEnded, CallJournal, CallStarted, HostCallEnded, HostCallStarted, HostStatus, Journal, RecordBody,
    Redaction, Scope, list_calls, prove, read_call, verify,
};
use parloir_replay::{Recorded, compare, exact, fork};
use parloir_sandbox::{Agent, Sandbox, Settings};
use parloir_store::disk::interposed::{Interposer, Step, interposed};
use parloir_store::{Embedded, Keyring};
use tokio::task::JoinSet;

/// Calls that live at once.
const LIVE: u64 = 200;
/// How often they all write their records.
const ROUNDS: u64 = 3;
/// Records of each in a round: the last of every 25 is waited for. In all rounds there are a million and some.
const RECORDS: u64 = 1_700;
const WAIT_EVERY: u64 = 25;
/// Host calls of each live call that are timed, and how far they are apart.
const TIMED: usize = 100;
const APART: Duration = Duration::from_millis(50);
/// Records that are waited for one by one.
const ALONE: usize = 300;
/// Recorded calls that are run again.
const CALLS: u64 = 1_000;

/// How many bytes of the segments were made durable at once.
#[derive(Debug, Default)]
struct Noted {
    /// By their segments: what was written and is not synced yet.
    waiting: Mutex<HashMap<PathBuf, usize>>,
    pieces: Mutex<Vec<usize>>,
}

impl Noted {
    /// What was noted since the last time.
    fn take(&self) -> Vec<usize> {
        std::mem::take(&mut self.pieces.lock().unwrap())
    }
}

impl Interposer for Noted {
    fn after(&self, step: Step<'_>) {
        let is_segment = |path: &Path| path.extension().is_some_and(|extension| extension == "seg");
        match step {
            Step::Create(path) | Step::Append(path) if is_segment(path) => {
                self.waiting.lock().unwrap().insert(path.to_owned(), 0);
            }
            Step::Write(path, bytes) if is_segment(path) => {
                if let Some(waiting) = self.waiting.lock().unwrap().get_mut(path) {
                    *waiting += bytes.len();
                }
            }
            Step::Sync(path) if is_segment(path) => {
                let waiting = self.waiting.lock().unwrap().get_mut(path).map(std::mem::take);
                self.pieces.lock().unwrap().extend(waiting);
            }
            _ => {}
        }
    }
}

/// A line of the table.
struct Row {
    what: String,
    journal: f64,
    floor: f64,
    /// What the project holds itself to.
    held_to: &'static str,
}

impl Row {
    fn new(what: impl Into<String>, journal: f64, floor: f64, held_to: &'static str) -> Self {
        Self { what: what.into(), journal, floor, held_to }
    }
}

fn show(rows: &[Row]) {
    println!("{:<52}{:>14}{:>14}{:>10}   held to", "", "journal", "floor", "ratio");
    for Row { what, journal, floor, held_to } in rows {
        let digits = if *journal < 1_000.0 { 2 } else { 0 };
        println!("{what:<52}{journal:>14.digits$}{floor:>14.digits$}{:>10.2}   {held_to}", journal / floor);
    }
}

fn micros(sorted: &[Duration], permille: usize) -> f64 {
    sorted[(sorted.len() - 1) * permille / 1_000].as_secs_f64() * 1e6
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A host call as a cabinet's agent makes it: its start, and its end.
fn host_call() -> (HostCallStarted, HostCallEnded) {
    let text = "Je vous propose mardi douze mars à dix heures trente, est-ce que cela vous convient ?";
    let arguments = HostCall::Say(Say { text: text.into(), options: SayOptions::default() });
    let result = HostReturn::Say(Ok(Heard { text: text.into(), whole: true, played: 5_100 }));
    let started = HostCallStarted { import: Import::Say, arguments: Some(arguments) };
    let status = HostStatus::Ok;
    let (latency_us, result, refused) = (5_100_000, Some(result), None);
    let ended = HostCallEnded { started: 0, status, latency_us, delivered: true, result, refused };
    (started, ended)
}

/// What calls of a real agent left of their host calls, call by call.
type Bodies = Arc<[Vec<RecordBody>]>;

/// The host calls of these recorded calls: starts and ends.
async fn bodies(place: &Place, calls: usize) -> Bodies {
    let Place { data, keys, tenant, .. } = place;
    let entries = list_calls(data, &**keys, tenant, calls).await.unwrap();
    let mut bodies = Vec::new();
    for entry in &entries {
        let records = read_call(data, &**keys, tenant, entry.call, Some(entry.first)).await.unwrap();
        let of_host_calls = records
            .into_iter()
            .map(|record| record.body)
            .filter(|body| matches!(body, RecordBody::HostCallStarted(_) | RecordBody::HostCallEnded(_)));
        bodies.push(of_host_calls.collect());
    }
    assert_eq!(bodies.len(), calls);
    bodies.into()
}

/// What a live call writes: the host calls of recorded ones, from one of them on.
fn written(bodies: &Bodies, from: usize) -> impl Iterator<Item = &RecordBody> {
    bodies.iter().cycle().skip(from % bodies.len()).flatten()
}

/// The live call of this number, from 1.
fn id(number: u64) -> CallId {
    let mut id = [7; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    CallId::from_bytes(id)
}

/// A journal that is written by live calls.
struct Live {
    folder: tempfile::TempDir,
    disk: Arc<Noted>,
    keys: Arc<Keyring>,
    journal: Journal,
    tenant: TenantId,
    opened: u64,
}

impl Live {
    async fn begin() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let disk = Arc::new(Noted::default());
        let keys = Arc::new(Keyring::open(folder.path().join("keys")).unwrap());
        let data = folder.path().join("data");
        let store = Arc::new(Embedded::open(data.join("store")).await.unwrap());
        let journal = Journal::open_on(interposed(&disk), data, keys.clone(), store).await.unwrap();
        let tenant = "cabinet".parse().unwrap();
        Self { folder, disk, keys, journal, tenant, opened: 0 }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    async fn call(&mut self) -> CallJournal {
        self.opened += 1;
        self.journal.open_call(&self.tenant, id(self.opened), CallStarted::default()).await.unwrap()
    }

    async fn calls(&mut self) -> Vec<CallJournal> {
        let mut calls = Vec::new();
        for _ in 0..LIVE {
            calls.push(self.call().await);
        }
        calls
    }

    /// All calls write their records. Returns how long it takes until all are durable, and a bare file for the same bytes.
    async fn round(&mut self, bodies: &Bodies) -> (Duration, Duration) {
        let calls = self.calls().await;
        self.disk.take();
        let began = Instant::now();
        let mut tasks = JoinSet::new();
        for (place, call) in calls.iter().cloned().enumerate() {
            let bodies = Arc::clone(bodies);
            // Each is in the middle of other calls than the others.
            let from = place * bodies.len() / LIVE as usize;
            tasks.spawn(async move {
                for (number, body) in (1..=RECORDS).zip(written(&bodies, from)) {
                    if number.is_multiple_of(WAIT_EVERY) {
                        call.append_durable(body.clone()).await.unwrap();
                    } else {
                        call.append(body.clone()).unwrap();
                    }
                }
            });
        }
        tasks.join_all().await;
        let took = began.elapsed();
        let pieces = self.disk.take();
        let written: Vec<u8> = segments(&self.data()).concat();
        let same = &written[written.len() - pieces.iter().sum::<usize>()..];
        let floor = bare(self.folder.path(), same, &pieces);
        for call in calls {
            call.close(CallEnded::default()).await.unwrap();
        }
        (took, floor)
    }
}

/// The bytes of all segments of the journal, in order.
fn segments(data: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(data.join("journal/cabinet"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "seg"))
        .collect();
    paths.sort();
    paths.into_iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Appends these bytes to a bare file, in these pieces, each with its `fdatasync`.
fn bare(folder: &Path, bytes: &[u8], pieces: &[usize]) -> Duration {
    let path = folder.join("bare");
    let mut file = File::create(&path).unwrap();
    let mut rest = bytes;
    let began = Instant::now();
    for piece in pieces {
        let (now, later) = rest.split_at(*piece);
        file.write_all(now).unwrap();
        file.sync_data().unwrap();
        rest = later;
    }
    let took = began.elapsed();
    std::fs::remove_file(path).unwrap();
    took
}

/// How long the two records of a host call keep a live call, while all live calls make host calls; with nothing in the place of
/// a call, what the clock says of it. In order of length.
async fn host_calls(calls: Vec<Option<CallJournal>>) -> Vec<Duration> {
    let mut tasks = JoinSet::new();
    let offset = APART / u32::try_from(calls.len()).unwrap();
    for (place, call) in (0_u32..).zip(calls) {
        tasks.spawn(async move {
            let mut times = Vec::with_capacity(TIMED);
            tokio::time::sleep(offset * place).await;
            let mut tick = tokio::time::interval(APART);
            for _ in 0..TIMED {
                tick.tick().await;
                let (started, mut ended) = host_call();
                let began = Instant::now();
                if let Some(call) = &call {
                    ended.started = call.append(RecordBody::HostCallStarted(started)).unwrap();
                    call.append(RecordBody::HostCallEnded(ended)).unwrap();
                } else {
                    std::hint::black_box((started, ended));
                }
                times.push(began.elapsed());
            }
            times
        });
    }
    let mut times = tasks.join_all().await.concat();
    times.sort_unstable();
    times
}

/// Records that are waited for one by one, and as many bytes of a bare file.
async fn alone(live: &mut Live) -> (Vec<Duration>, Vec<Duration>) {
    let call = live.call().await;
    live.disk.take();
    let mut times = Vec::with_capacity(ALONE);
    for _ in 0..ALONE {
        let began = Instant::now();
        call.append_durable(RecordBody::HostCallStarted(host_call().0)).await.unwrap();
        times.push(began.elapsed());
    }
    let mut floor = Vec::with_capacity(ALONE);
    let pieces = live.disk.take();
    let bytes = vec![0xa5; pieces.iter().copied().max().unwrap()];
    let path = live.folder.path().join("bare");
    let mut file = File::create(&path).unwrap();
    for piece in pieces {
        let began = Instant::now();
        file.write_all(&bytes[..piece]).unwrap();
        file.sync_data().unwrap();
        floor.push(began.elapsed());
    }
    std::fs::remove_file(path).unwrap();
    times.sort_unstable();
    floor.sort_unstable();
    (times, floor)
}

/// What it costs live calls, how fast it is durable, and how fast all of that is verified and proven.
async fn live_calls(bodies: &Bodies) -> Vec<Row> {
    let mut live = Live::begin().await;
    let mut rows = Vec::new();
    let records = LIVE * RECORDS;
    let (mut journal, mut floors) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (took, floor) = live.round(bodies).await;
        journal.push(records as f64 / took.as_secs_f64());
        floors.push(records as f64 / floor.as_secs_f64());
    }
    let what = format!("records of {LIVE} calls durable, a second");
    rows.push(Row::new(what, median(journal), median(floors), "100,000 at least, ratio 0.50 at least"));

    let (times, floor) = alone(&mut live).await;
    rows.push(Row::new("a record waited for alone, p50, µs", micros(&times, 500), micros(&floor, 500), ""));

    let nobody = host_calls((0..LIVE).map(|_| None).collect()).await;
    let calls = live.calls().await;
    let times = host_calls(calls.into_iter().map(Some).collect()).await;
    for (name, permille, held_to) in [("p50", 500, ""), ("p99", 990, "20 at most")] {
        let what = format!("added to a host call, {name}, µs");
        rows.push(Row::new(what, micros(&times, permille), micros(&nobody, permille), held_to));
    }
    live.journal.publish().await;
    live.journal.shutdown().await;
    let data = live.data();
    let began = Instant::now();
    let bytes: usize = segments(&data).iter().map(Vec::len).sum();
    let floor = began.elapsed();
    let began = Instant::now();
    let report = verify(&data, live.keys.clone(), None, Scope::All).await.unwrap();
    let took = began.elapsed();
    assert!(report.is_sound(), "{report:?}");
    assert!(report.records >= 1_000_000 && report.signed == report.chunks, "{report:?}");
    // In proportion, where there are more than a million.
    let million = 1e6 / report.records as f64;
    let what = format!("verify, for 1,000,000 of {} records, s", report.records);
    rows.push(Row::new(what, took.as_secs_f64() * million, floor.as_secs_f64() * million, "10 at most"));
    println!("{bytes} bytes of journal, {} chunks; in {}", report.chunks, live.folder.path().display());

    // One of those with the most chunks, and the newest.
    let (mut most, mut least) = (0, 0);
    for number in [1, live.opened] {
        let (call, redaction) = (id(number), Redaction::default());
        let proof = prove(&data, &*live.keys, &live.tenant, call, redaction, None, Vec::new());
        for mut chunk in proof.await.unwrap().chunks {
            // What is proven is not the proof.
            chunk.records.clear();
            most = most.max(serde_json::to_vec(&chunk).unwrap().len());
            least = least.max(chunk.header.0.len() + 32 * chunk.inclusion.0.len());
        }
    }
    let held_to = "2,048 at most";
    rows.push(Row::new("proof of a chunk, bytes, at most", most as f64, least as f64, held_to));
    rows
}

/// How fast calls are run again and compared.
async fn recorded_calls(place: &Place, calls: usize, (cabinet, other): (&Agent, &Agent)) -> Vec<Row> {
    let Place { data, keys, tenant, .. } = place;
    let began = Instant::now();
    let entries = list_calls(data, &**keys, tenant, calls).await.unwrap();
    let mut read = Vec::new();
    for entry in &entries {
        let records = read_call(data, &**keys, tenant, entry.call, Some(entry.first)).await.unwrap();
        read.push(Recorded::new(records).unwrap());
    }
    let reading = began.elapsed();
    assert_eq!(read.len(), calls);

    let began = Instant::now();
    for _ in &read {
        cabinet.instantiate_once().await.unwrap();
    }
    let instances = began.elapsed();
    let began = Instant::now();
    for recorded in &read {
        assert!(exact(cabinet, recorded).await.unwrap().is_equal());
    }
    let again = began.elapsed();
    // What such a call lasts: its speech at 60 ms a character, and 2.5 s a turn.
    let lasted: Duration = read.iter().map(would_have_lasted).sum();
    let times = |took: Duration| lasted.as_secs_f64() / took.as_secs_f64();

    let began = Instant::now();
    let entries = list_calls(data, &**keys, tenant, calls).await.unwrap();
    let mut same = 0;
    for entry in &entries {
        let records = read_call(data, &**keys, tenant, entry.call, Some(entry.first)).await.unwrap();
        let recorded = Recorded::new(records).unwrap();
        let (first, second) = tokio::join!(fork(cabinet, &recorded), fork(other, &recorded));
        same += usize::from(compare(&first.unwrap(), &second.unwrap()).is_same());
    }
    let compared = began.elapsed();
    println!(
        "{:.0} minutes of call; of the two agents {same} calls are the same",
        lasted.as_secs_f64() / 60.0
    );
    let floor = (reading + 2 * again).as_secs_f64();
    let diff = format!("diff of {CALLS} calls, s");
    vec![
        Row::new("replay, times real time", times(again), times(instances), "1,000 at least"),
        Row::new(diff, compared.as_secs_f64(), floor, "60 at most"),
    ]
}

#[tokio::main]
async fn main() {
    let sandbox = Sandbox::new(Settings::default(), None).unwrap();
    let load =
        async |folder: &str| sandbox.load(std::fs::read(house::component(folder)).unwrap()).await.unwrap();
    let (cabinet, other) = (load("agents/cabinet").await, load("agents/qualification/rust").await);
    let began = Instant::now();
    let (place, calls) = Place::with_calls(&cabinet, CALLS).await;
    let requests: usize = calls.iter().map(|(_, asked)| asked).sum();
    println!("{CALLS} calls improvised and journaled in {:.1?}: {requests} requests", began.elapsed());

    let mut rows = live_calls(&bodies(&place, calls.len()).await).await;
    rows.extend(recorded_calls(&place, calls.len(), (&cabinet, &other)).await);
    show(&rows);
}

/// How long the call of these requests would have been: its speech at 60 ms a character, and 2.5 s for each turn.
fn would_have_lasted(recorded: &Recorded) -> Duration {
    let spoken = recorded.steps.iter().map(|step| match (&step.asked, &step.answered) {
        (_, Some(HostReturn::Say(Ok(heard)))) => u64::from(heard.played),
        (_, Some(HostReturn::Ask(Ok((heard, _))))) => u64::from(heard.played) + 2_500,
        (Some(HostCall::Listen(_)), _) => 2_500,
        _ => 0,
    });
    Duration::from_millis(spoken.sum())
}
