//! How fast recorded calls are run again and compared, and how fast a journal is verified.
//!
//! `cargo bench -p parloir-e2e --bench replay` prints, for a thousand improvised calls of the cabinet's agent, exact
//! re-runs beside the calls' own length, the comparison of two agents over all of them, and the verification of the
//! whole journal, beside reading its bytes alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(missing_docs, clippy::print_stdout, reason = "a benchmark")]

#[path = "../tests/house/mod.rs"]
mod house;
#[path = "../tests/improvised/mod.rs"]
mod improvised;

use std::path::Path;
use std::time::{Duration, Instant};

use improvised::Place;
use parloir_journal::{Scope, read_call, verify};
use parloir_replay::{Recorded, compare, exact, fork};
use parloir_sandbox::{Sandbox, Settings};

const CALLS: u64 = 1_000;

fn bytes(folder: &Path) -> u64 {
    let mut sum = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        sum += if path.is_dir() { bytes(&path) } else { std::fs::read(&path).unwrap().len() as u64 };
    }
    sum
}

#[tokio::main]
async fn main() {
    let sandbox = Sandbox::new(Settings::default(), None).unwrap();
    let cabinet = sandbox.load(std::fs::read(house::component("agents/cabinet")).unwrap()).await.unwrap();
    let other =
        sandbox.load(std::fs::read(house::component("agents/qualification/rust")).unwrap()).await.unwrap();
    let began = Instant::now();
    let (place, calls) = Place::with_calls(&cabinet, CALLS).await;
    let Place { data, keys, tenant, .. } = &place;
    let requests: usize = calls.iter().map(|(_, asked)| asked).sum();
    println!("{CALLS} calls improvised and journaled in {:.1?}: {requests} requests", began.elapsed());

    let mut read = Vec::new();
    let began = Instant::now();
    for (call, _) in &calls {
        read.push(Recorded::new(read_call(data, &**keys, tenant, *call, None).await.unwrap()).unwrap());
    }
    println!("read back: {:.2?}", began.elapsed());

    let began = Instant::now();
    for recorded in &read {
        assert!(exact(&cabinet, recorded).await.unwrap().is_equal());
    }
    let took = began.elapsed();
    // What such a call lasts: its speech at 60 ms a character, and 2.5 s a turn.
    let lasted: Duration = read.iter().map(improvised::lasted).sum();
    println!(
        "exact: {took:.2?} for {:.0} minutes of call, {:.0} times real time",
        lasted.as_secs_f64() / 60.0,
        lasted.as_secs_f64() / took.as_secs_f64()
    );

    let began = Instant::now();
    let mut same = 0;
    for recorded in &read {
        let (first, second) = tokio::join!(fork(&cabinet, recorded), fork(&other, recorded));
        same += usize::from(compare(&first.unwrap(), &second.unwrap()).is_same());
    }
    println!("diff of two agents over {CALLS} calls: {:.2?}; {same} the same", began.elapsed());

    let began = Instant::now();
    let total = bytes(&data.join("journal"));
    let floor = began.elapsed();
    let began = Instant::now();
    let report = verify(data, keys.clone(), None, Scope::All).await.unwrap();
    let took = began.elapsed();
    assert!(report.is_sound());
    println!(
        "verify: {} records in {took:.2?}, {:.0} a second; reading the same {total} bytes: {floor:.2?}",
        report.records,
        report.records as f64 / took.as_secs_f64()
    );
}
