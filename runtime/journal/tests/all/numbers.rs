//! Which calls somebody is in: each call is read once, and what is kept of it goes with its content.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::cabinet::{begin, id, tenant};
use parloir_contract::CallId;
use parloir_journal::{
    CallEnded, Erasure, Journal, Note as Remark, Numbers, Purposes, Record, RecordBody, Scope,
};
use parloir_store::{Keyring, Store, StoredBatch, StoredOperation, Table, TenantStore, Volatile};

const HERS: &str = "+33612345678";
const HIS: &str = "+33687654321";

async fn open(folder: &Path, kms: &Arc<Keyring>, store: &Arc<Volatile>) -> Journal {
    Journal::open(folder.join("data"), kms.clone(), store.clone()).await.unwrap()
}

/// The calls that somebody may have placed, newest first. Counts the calls that are read for it.
async fn calls_of(journal: &Journal, number: &str, read: &Arc<AtomicUsize>) -> Vec<CallId> {
    let read = Arc::clone(read);
    let numbers = move |records: Vec<Record>| {
        read.fetch_add(1, Ordering::SeqCst);
        let caller = records.iter().find_map(|record| match &record.body {
            RecordBody::CallStarted(started) => started.info.as_ref()?.caller.clone(),
            _ => None,
        });
        Numbers { callers: caller.into_iter().collect(), ..Numbers::default() }
    };
    let found = journal.calls_of(&tenant(), number, numbers).await.unwrap();
    assert!(found.unread.is_empty(), "{:?}", found.unread);
    assert!(found.calls.iter().all(|call| call.rang));
    found.calls.iter().map(|call| call.entry.call).collect()
}

#[tokio::test]
async fn a_call_is_read_once_and_what_is_kept_of_it_goes_with_its_content_from_back_ups_too() {
    let folder = tempfile::tempdir().unwrap();
    let kms = Arc::new(Keyring::open(folder.path().join("keys")).unwrap());
    let store = Arc::new(Volatile::default());
    let journal = open(folder.path(), &kms, &store).await;
    for (number, caller) in [(1, HERS), (2, HIS), (3, HERS)] {
        begin(&journal, number, caller).await.close(CallEnded::default()).await.unwrap();
    }
    let read = Arc::new(AtomicUsize::new(0));
    assert_eq!(calls_of(&journal, HERS, &read).await, [id(3), id(1)]);
    assert_eq!(calls_of(&journal, HIS, &read).await, [id(2)]);
    assert!(calls_of(&journal, "+33600000000", &read).await.is_empty());
    assert_eq!(read.load(Ordering::SeqCst), 3, "each once");

    // As a back-up has what is known of the first call.
    let rows = TenantStore::open(store.clone(), &*kms, tenant()).await.unwrap();
    let entry = rows.entry(Table::Calls, id(1).as_bytes()).await.unwrap().unwrap();
    let sealed = store.get(&entry.row.address).await.unwrap().unwrap();
    let erasure = Erasure { calls: vec![id(1)], purposes: Purposes::CONTENTS, ..Erasure::default() };
    assert_eq!(journal.erase(&tenant(), erasure).await.unwrap().calls, 1);
    assert_eq!(calls_of(&journal, HERS, &read).await, [id(3)]);
    assert_eq!(calls_of(&journal, HIS, &read).await, [id(2)]);
    assert_eq!(read.load(Ordering::SeqCst), 4, "the erasure's own record is new");

    let present = store.get(&entry.row.address).await.unwrap().unwrap();
    for (bytes, opens) in [(sealed, false), (present, true)] {
        let operation = StoredOperation::Put(entry.row.address.clone(), bytes);
        let batch = StoredBatch { operations: vec![operation], ..StoredBatch::default() };
        store.apply(batch).await.unwrap();
        let known = rows.get(Table::Calls, id(1).as_bytes()).await.unwrap();
        assert_eq!(known.is_some(), opens);
    }
    let report = journal.verify(Scope::All).await.unwrap();
    assert!(report.is_sound(), "{:?}", report.problems);
    journal.shutdown().await;

    // An index that is made anew learns them again.
    let journal = open(folder.path(), &kms, &Arc::new(Volatile::default())).await;
    let read = Arc::new(AtomicUsize::new(0));
    assert_eq!(calls_of(&journal, HERS, &read).await, [id(3)]);
    assert_eq!(calls_of(&journal, HIS, &read).await, [id(2)]);
    assert_eq!(read.load(Ordering::SeqCst), 4);
    journal.shutdown().await;
}

#[tokio::test]
async fn a_call_that_cannot_be_read_is_named_though_the_index_does_not_know_it() {
    let folder = tempfile::tempdir().unwrap();
    let kms = Arc::new(Keyring::open(folder.path().join("keys")).unwrap());
    let journal = open(folder.path(), &kms, &Arc::new(Volatile::default())).await;
    for (number, caller) in [(9, HERS), (8, HIS)] {
        begin(&journal, number, caller).await.close(CallEnded::default()).await.unwrap();
    }
    journal.shutdown().await;
    // A byte of the first call's chunk: its name is in its three keys before.
    let segment = folder.path().join("data/journal/cabinet/00000001.seg");
    let mut bytes = std::fs::read(&segment).unwrap();
    let named = bytes.windows(16).enumerate().filter(|(_, window)| *window == [9; 16]);
    let at = named.map(|(at, _)| at).nth(3).unwrap();
    bytes[at + 100] ^= 1;
    std::fs::write(&segment, bytes).unwrap();

    let journal = open(folder.path(), &kms, &Arc::new(Volatile::default())).await;
    assert!(journal.call(&tenant(), id(9)).await.unwrap().is_none());
    for number in [HERS, HIS] {
        let nobody = |_: Vec<Record>| Numbers::default();
        let found = journal.calls_of(&tenant(), number, nobody).await.unwrap();
        assert!(found.calls.is_empty(), "{:?}", found.calls);
        let unread: Vec<CallId> = found.unread.iter().map(|(entry, _)| entry.call).collect();
        assert_eq!(unread, [id(9)]);
    }
    journal.shutdown().await;
}

#[tokio::test]
async fn a_call_that_lasts_is_found_and_is_read_again_when_it_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let kms = Arc::new(Keyring::open(folder.path().join("keys")).unwrap());
    let journal = open(folder.path(), &kms, &Arc::new(Volatile::default())).await;
    let call = begin(&journal, 1, HERS).await;
    call.append_durable(RecordBody::Note(Remark { text: "it goes on".into() })).await.unwrap();
    while journal.call(&tenant(), id(1)).await.unwrap().is_none() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let read = Arc::new(AtomicUsize::new(0));
    for times in 1..=2 {
        assert_eq!(calls_of(&journal, HERS, &read).await, [id(1)]);
        assert_eq!(read.load(Ordering::SeqCst), times);
    }
    call.close(CallEnded::default()).await.unwrap();
    for _ in 0..2 {
        assert_eq!(calls_of(&journal, HERS, &read).await, [id(1)]);
        assert_eq!(read.load(Ordering::SeqCst), 3);
    }
    journal.shutdown().await;
}
