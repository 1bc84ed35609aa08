//! How much a tenant's log and recordings have on disk, told without looking.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod cabinet;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use cabinet::{begin, id, tenant};
use parloir_journal::{CallEnded, Erasure, Journal, Purposes, RecordingBlock};
use parloir_store::disk::OsDisk;
use parloir_store::{Keyring, Volatile};

/// What the segments of a tenant's logs have, in bytes.
fn on_disk(data: &Path) -> u64 {
    let folders = ["journal", "recordings"].map(|log| data.join(log).join("cabinet"));
    let files = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap()).map(Result::unwrap);
    let segments = files.filter(|file| file.path().extension().is_some_and(|kind| kind == "seg"));
    segments.map(|file| file.metadata().unwrap().len()).sum()
}

async fn call(journal: &Journal, number: u8) {
    let call = begin(journal, number, "+33612345678").await;
    for second in 0..3 {
        call.recording(RecordingBlock { second, bytes: vec![number; 8_000] }).unwrap();
    }
    call.close(CallEnded::default()).await.unwrap();
}

#[tokio::test]
async fn what_is_kept_is_counted_as_it_is_written_and_added_up_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let kms = Arc::new(Keyring::open(folder.path().join("keys")).unwrap());
    let store = Arc::new(Volatile::default());
    // Segments of a few calls, so that new ones are begun.
    let open = async || {
        Journal::open_sized(Arc::new(OsDisk), &data, kms.clone(), store.clone(), 64 << 10).await.unwrap()
    };
    let journal = open().await;
    assert_eq!(journal.kept(&tenant()), 0);
    for number in 1..=6 {
        call(&journal, number).await;
        assert_eq!(journal.kept(&tenant()), on_disk(&data), "{number}");
    }
    assert!(
        on_disk(&data) > 6 * 3 * 8_000 && fs::read_dir(data.join("recordings/cabinet")).unwrap().count() > 1
    );
    assert_eq!(journal.kept(&"other".parse().unwrap()), 0);
    let live = begin(&journal, 7, "+33612345678").await;
    live.flush().await.unwrap();
    assert_eq!(live.kept(), on_disk(&data));
    journal.shutdown().await;
    drop((live, journal));

    // With the end of the call that was cut off.
    let journal = open().await;
    assert_eq!(journal.kept(&tenant()), on_disk(&data));
    call(&journal, 8).await;
    assert_eq!(journal.kept(&tenant()), on_disk(&data));
    journal.shutdown().await;
}

/// What is noted of zeros in the segments of a tenant's logs, in bytes.
fn zeros(data: &Path) -> u64 {
    let notes =
        ["journal", "recordings"].map(|log| fs::read_to_string(data.join(log).join("cabinet/blanked")));
    let notes: String = notes.into_iter().map(Result::unwrap_or_default).collect();
    notes.lines().map(|line| line.split_once(' ').unwrap().1.parse::<u64>().unwrap()).sum()
}

#[tokio::test]
async fn what_is_erased_is_kept_no_more_and_a_start_counts_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let kms = Arc::new(Keyring::open(folder.path().join("keys")).unwrap());
    let store = Arc::new(Volatile::default());
    let open = async || {
        Journal::open_sized(Arc::new(OsDisk), &data, kms.clone(), store.clone(), 64 << 10).await.unwrap()
    };
    let mut journal = open().await;
    for number in 1..=6 {
        call(&journal, number).await;
    }
    let sound = Purposes { recording: true, ..Purposes::default() };
    let mut gone = 0;
    for (calls, purposes, least) in
        [(vec![1], sound, 3 * 8_000), (vec![1, 2], Purposes::ALL, 3 * 8_000), (vec![1, 2], Purposes::ALL, 0)]
    {
        let (before, there) = (journal.kept(&tenant()), on_disk(&data));
        let calls = calls.into_iter().map(id).collect();
        journal.erase(&tenant(), Erasure { calls, purposes, ..Erasure::default() }).await.unwrap();
        // What is told of it is written, and nothing is shorter than it was.
        let told = on_disk(&data) - there;
        let now = zeros(&data);
        assert!(now - gone >= least, "{gone} {now}");
        assert_eq!(journal.kept(&tenant()), before + told - (now - gone));
        gone = now;
        assert_eq!(journal.kept(&tenant()), on_disk(&data) - gone);
        journal.shutdown().await;
        drop(journal);
        journal = open().await;
        assert_eq!(journal.kept(&tenant()), on_disk(&data) - gone);
    }
    call(&journal, 7).await;
    assert_eq!(journal.kept(&tenant()), on_disk(&data) - gone);
    journal.shutdown().await;
    drop(journal);
    // Data that came from a back-up has no note of it.
    for log in ["journal", "recordings"] {
        fs::remove_file(data.join(log).join("cabinet/blanked")).unwrap();
    }
    let journal = open().await;
    assert_eq!((journal.kept(&tenant()), zeros(&data)), (on_disk(&data) - gone, gone));
    journal.shutdown().await;
}
