//! What a call pays for a record, and how fast records become durable.
//!
//! The second is measured beside a bare file to which the same bytes are appended, with one `fdatasync` for as
//! many records as the journal makes durable at once.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use parloir_contract::{CallId, HostCall, Import, Say, SayOptions, TenantId};
use parloir_journal::{CallJournal, CallStarted, HostCallStarted, Journal, RecordBody};
use parloir_store::{Embedded, Keyring};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Calls that live at once.
const CALLS: u64 = 200;
/// Records of each: the last of every 25 is waited for.
const RECORDS: u64 = 500;
const WAIT_EVERY: u64 = 25;

fn tenant() -> TenantId {
    "cabinet".parse().unwrap()
}

/// A host call as a cabinet's agent makes it.
fn body() -> RecordBody {
    let text = "Je vous propose mardi douze mars à dix heures trente, est-ce que cela vous convient ?";
    let arguments = HostCall::Say(Say { text: text.into(), options: SayOptions::default() });
    RecordBody::HostCallStarted(HostCallStarted { import: Import::Say, arguments: Some(arguments) })
}

async fn open(folder: &Path) -> Journal {
    let kms = Arc::new(Keyring::open(folder.join("keys")).unwrap());
    let store = Arc::new(Embedded::open(folder.join("data/store")).await.unwrap());
    Journal::open(folder.join("data"), kms, store).await.unwrap()
}

async fn open_call(journal: &Journal) -> CallJournal {
    let mut id = [0; 16];
    getrandom::fill(&mut id).unwrap();
    journal.open_call(&tenant(), CallId::from_bytes(id), CallStarted::default()).await.unwrap()
}

fn percentile(sorted: &[Duration], part: f64) -> Duration {
    let place = (sorted.len() as f64 * part) as usize;
    sorted.get(place.min(sorted.len() - 1)).copied().unwrap_or_default()
}

fn append(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let journal = runtime.block_on(open(folder.path()));
    let call = runtime.block_on(open_call(&journal));

    // Spread as a call's records are: the writer keeps up.
    let mut times: Vec<_> = (0..50_000)
        .map(|step| {
            if step % 500 == 0 {
                runtime.block_on(call.flush()).unwrap();
            }
            let body = body();
            let begin = Instant::now();
            call.append(body).unwrap();
            begin.elapsed()
        })
        .collect();
    times.sort_unstable();
    println!(
        "append: p50 {:?}, p99 {:?}, p99.9 {:?}, of {}",
        percentile(&times, 0.5),
        percentile(&times, 0.99),
        percentile(&times, 0.999),
        times.len()
    );
    let mut times: Vec<_> = (0..300)
        .map(|_| {
            let begin = Instant::now();
            runtime.block_on(call.append_durable(body())).unwrap();
            begin.elapsed()
        })
        .collect();
    times.sort_unstable();
    println!("append_durable, alone: p50 {:?}, p99 {:?}", percentile(&times, 0.5), percentile(&times, 0.99));

    criterion.bench_function("append", |bencher| {
        bencher.iter_custom(|count| {
            let mut spent = Duration::ZERO;
            for step in 0..count {
                if step % 500 == 0 {
                    runtime.block_on(call.flush()).unwrap();
                }
                let body = body();
                let begin = Instant::now();
                call.append(body).unwrap();
                spent += begin.elapsed();
            }
            spent
        });
    });
    drop(call);
    runtime.block_on(journal.shutdown());
}

/// All calls write their records; returns when all are durable.
async fn calls(journal: &Journal) -> Duration {
    let mut all = Vec::new();
    for _ in 0..CALLS {
        all.push(open_call(journal).await);
    }
    let begin = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for call in &all {
        let call = call.clone();
        tasks.spawn(async move {
            for step in 1..=RECORDS {
                if step % WAIT_EVERY == 0 {
                    call.append_durable(body()).await.unwrap();
                } else {
                    call.append(body()).unwrap();
                }
            }
        });
    }
    tasks.join_all().await;
    begin.elapsed()
}

fn log_bytes(folder: &Path) -> u64 {
    let segments = fs::read_dir(folder.join("data/journal/cabinet")).unwrap();
    segments.map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

/// Appends so many bytes to a bare file, with so many `fdatasync`s.
fn bare(folder: &TempDir, bytes: u64, syncs: u64) -> Duration {
    let path = folder.path().join("bare");
    let mut file = File::create(&path).unwrap();
    let piece = vec![0xa5; usize::try_from(bytes / syncs).unwrap()];
    let begin = Instant::now();
    for _ in 0..syncs {
        file.write_all(&piece).unwrap();
        file.sync_data().unwrap();
    }
    let spent = begin.elapsed();
    fs::remove_file(path).unwrap();
    spent
}

fn durable(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let journal = runtime.block_on(open(folder.path()));
    let records = CALLS * RECORDS;
    // The journal makes durable what all calls wait for at once.
    let syncs = RECORDS / WAIT_EVERY;

    let spent = runtime.block_on(calls(&journal));
    let bytes = log_bytes(folder.path());
    let floor = bare(&folder, bytes, syncs);
    println!(
        "{records} records of {CALLS} calls durable in {spent:?}: {:.0} a second, {bytes} bytes; \
         a bare file, the same bytes and {syncs} fdatasyncs: {floor:?}; {:.0} % of it",
        records as f64 / spent.as_secs_f64(),
        100.0 * floor.as_secs_f64() / spent.as_secs_f64()
    );

    let mut group = criterion.benchmark_group("durable");
    group.sample_size(10).throughput(Throughput::Elements(records));
    group.bench_function("journal", |bencher| {
        bencher.iter_custom(|count| (0..count).map(|_| runtime.block_on(calls(&journal))).sum());
    });
    group.bench_function("bare file", |bencher| {
        bencher.iter_custom(|count| (0..count).map(|_| bare(&folder, bytes, syncs)).sum());
    });
    group.finish();
    runtime.block_on(journal.shutdown());
}

criterion_group!(benches, append, durable);
criterion_main!(benches);
