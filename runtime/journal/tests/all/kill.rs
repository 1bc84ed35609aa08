//! A program killed at any moment: everything it was told is on disk is there afterwards.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use parloir_contract::{CallId, TenantId};
use parloir_journal::{CallStarted, Journal, Note, RecordBody, Scope};
use parloir_store::{Embedded, Keyring};

const CHILD: &str = "PARLOIR_JOURNAL_KILL_CHILD";
const ROUNDS: u64 = 12;
const CALLS: u64 = 6;

fn tenant(call: u64) -> TenantId {
    format!("tenant-{}", call % 2).parse().unwrap()
}

async fn open(folder: &Path) -> (Journal, Arc<Embedded>, Arc<Keyring>) {
    let kms = Arc::new(Keyring::open(folder.join("keys")).unwrap());
    let store = Arc::new(Embedded::open(folder.join("data/store")).await.unwrap());
    let journal = Journal::open(folder.join("data"), kms.clone(), store.clone()).await.unwrap();
    (journal, store, kms)
}

fn note(text: String) -> RecordBody {
    RecordBody::Note(Note { text })
}

/// What the killed program does: it writes in several calls, and prints what it was told is durable.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_that_is_killed() {
    let Ok(folder) = std::env::var(CHILD) else { return };
    let round: u64 = std::env::var("PARLOIR_JOURNAL_KILL_ROUND").unwrap().parse().unwrap();
    let (journal, _store, _kms) = open(Path::new(&folder)).await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..CALLS {
        let journal = journal.clone();
        tasks.spawn(async move {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&round.to_le_bytes());
            id[8..].copy_from_slice(&number.to_le_bytes());
            let id = CallId::from_bytes(id);
            let call = journal.open_call(&tenant(number), id, CallStarted::default()).await.unwrap();
            for step in 0_u64.. {
                for _ in 0..step % 7 {
                    call.append(note("between".into())).unwrap();
                }
                let seq = call.append_durable(note(format!("step {step}"))).await.unwrap();
                let mut out = std::io::stdout().lock();
                writeln!(out, "\nACK {number} {id} {seq} {step}").unwrap();
                out.flush().unwrap();
            }
        });
    }
    tasks.join_all().await;
}

#[tokio::test]
async fn everything_acknowledged_survives_a_kill_at_any_moment() {
    if std::env::var(CHILD).is_ok() {
        return;
    }
    let seed = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    println!("seed {seed}");
    let mut random = seed | 1;
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged: HashMap<(u64, CallId), Vec<(u64, u64)>> = HashMap::new();
    for round in 0..ROUNDS {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::the_program_that_is_killed", "--nocapture", "--test-threads", "1"])
            .env(CHILD, folder.path())
            .env("PARLOIR_JOURNAL_KILL_ROUND", round.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut take = |line: String| {
            let words: Vec<_> = line.split(' ').collect();
            if let ["ACK", number, id, seq, step] = words.as_slice() {
                let name = (number.parse().unwrap(), id.parse().unwrap());
                let told = (seq.parse().unwrap(), step.parse().unwrap());
                acknowledged.entry(name).or_default().push(told);
                return true;
            }
            false
        };
        // From the first acknowledgement on, whenever chance wants it.
        while !take(lines.next().unwrap().unwrap()) {}
        tokio::time::sleep(Duration::from_micros(random % 60_000)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines.map_while(Result::ok) {
            take(line);
        }

        let (journal, store, _kms) = open(folder.path()).await;
        for ((number, id), told) in &acknowledged {
            let records = journal.records(&tenant(*number), *id).await.unwrap();
            for (seq, step) in told {
                let expected = note(format!("step {step}"));
                assert_eq!(records[*seq as usize].body, expected, "seed {seed}, round {round}, call {id}");
            }
            assert!(matches!(records.last().unwrap().body, RecordBody::CallInterrupted(_)));
        }
        // And the log that was signed before the kill goes on, with everything in it.
        journal.publish().await;
        let report = journal.verify(Scope::All).await.unwrap();
        assert_eq!(report.signed, report.chunks, "seed {seed}, round {round}");
        assert!(report.is_sound() && report.unclosed.is_empty(), "seed {seed}: {:#?}", report.problems);
        journal.shutdown().await;
        drop(journal);
        Arc::into_inner(store).unwrap().close().await;
    }
    let told: usize = acknowledged.values().map(Vec::len).sum();
    println!("{told} acknowledged records in {} calls, all there", acknowledged.len());
    assert!(told > 100);
}
