//! How much a tenant's log and recordings have on disk, told without looking.

use std::fs;
use std::sync::Arc;

use crate::cabinet::{begin, id, in_all, on_disk, tenant, zeros};
use parloir_journal::{CallEnded, Erasure, Journal, Purposes, RecordingBlock};
use parloir_store::disk::OsDisk;
use parloir_store::{Keyring, Volatile};

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
        let now = in_all(&zeros(&data));
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
    let noted = zeros(&data);
    let forget = || {
        for log in ["journal", "recordings"] {
            fs::remove_file(data.join(log).join("cabinet/blanked")).unwrap();
        }
    };
    // Data that comes from a back-up has no note of it, and is looked at first.
    forget();
    let copy = Journal::open_unsigned(&data, kms.clone(), store.clone()).await.unwrap();
    assert_eq!((copy.kept(&tenant()), zeros(&data)), (on_disk(&data) - gone, noted.clone()));
    copy.shutdown().await;
    drop(copy);
    // Nor has what an earlier version erased: no start waits for its being counted, and what is erased next has all of it counted,
    // those segments included that it has nothing to do in.
    forget();
    let journal = open().await;
    assert_eq!((journal.kept(&tenant()), zeros(&data).len()), (on_disk(&data), 0));
    let erasure = Erasure { calls: vec![id(7)], purposes: Purposes::ALL, ..Erasure::default() };
    journal.erase(&tenant(), erasure).await.unwrap();
    let now = zeros(&data);
    assert!(
        noted.iter().all(|noted| now.contains(noted)) && in_all(&now) >= gone + 3 * 8_000,
        "{noted:?} {now:?}"
    );
    assert_eq!(journal.kept(&tenant()), on_disk(&data) - in_all(&now));
    journal.shutdown().await;
}
