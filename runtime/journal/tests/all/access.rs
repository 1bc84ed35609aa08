//! Who read what is in the log as anything else is, and stays there.

use std::sync::Arc;

use parloir_contract::{CallId, TenantId};
use parloir_journal::{
    ACCESS, CallEnded, CallStarted, ContentRead, Erasure, Journal, JournalError, Purpose, Purposes, Reader,
    RecordBody, Scope, list_calls_where,
};
use parloir_store::{Embedded, Keyring};

fn numbered(number: u32) -> CallId {
    let mut id = [7; 16];
    id[..4].copy_from_slice(&number.to_le_bytes());
    CallId::from_bytes(id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_read_what_and_why_is_in_the_log_and_cannot_be_erased() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let kms = Arc::new(Keyring::open(folder.path().join("keys")).unwrap());
    let store = Arc::new(Embedded::open(data.join("store")).await.unwrap());
    let journal = Journal::open(&data, kms.clone(), store).await.unwrap();
    let tenant: TenantId = "cabinet".parse().unwrap();
    // Also where nothing is kept of what is said.
    journal.keep_nothing_of(tenant.clone(), Purposes::CONTENTS);
    let call = numbered(1);
    let open = journal.open_call(&tenant, call, CallStarted::default()).await.unwrap();
    open.close(CallEnded::default()).await.unwrap();

    let read = ContentRead {
        who: Reader::User { name: "operator".into(), uid: 1_000 },
        command: "show".into(),
        calls: vec![call],
        purposes: vec![Purpose::Content],
        why: Some("a complaint".into()),
    };
    let entry = journal.note_access(&tenant, read.clone()).await.unwrap();
    let records = journal.records(&tenant, entry).await.unwrap();
    assert!(records.iter().any(|record| record.body == RecordBody::ContentRead(read.clone())), "{records:?}");
    let known = journal.call(&tenant, entry).await.unwrap().unwrap();
    assert!(known.is_of_journal() && known.transport == ACCESS);
    for purposes in [Purposes::ALL, Purposes::CONTENTS] {
        let erasure = Erasure { calls: vec![entry], purposes, ..Erasure::default() };
        let refused = journal.erase(&tenant, erasure).await;
        assert!(matches!(refused, Err(JournalError::NotErasable { .. })), "{refused:?}");
    }

    // A search through more calls than one record names; and one that found none.
    let many = ContentRead { calls: (0..25_000).map(numbered).collect(), ..read.clone() };
    let none = ContentRead { calls: Vec::new(), ..read };
    for read in [many, none] {
        let entry = journal.note_access(&tenant, read.clone()).await.unwrap();
        let records = journal.records(&tenant, entry).await.unwrap();
        let told: Vec<_> = records
            .into_iter()
            .filter_map(|record| match record.body {
                RecordBody::ContentRead(read) => Some(read),
                _ => None,
            })
            .collect();
        assert_eq!(told.len(), read.calls.len().div_ceil(10_000).max(1));
        assert_eq!(told.into_iter().flat_map(|read| read.calls).collect::<Vec<_>>(), read.calls);
    }
    let places = journal.accesses(&tenant).await.unwrap();
    assert_eq!(places.len(), 3, "the call that somebody placed is not among them");
    assert_eq!(places[2].0, entry);
    let calls = list_calls_where(&data, &*kms, &tenant, 1, |entry| entry.transport != ACCESS).await.unwrap();
    assert_eq!(calls.iter().map(|entry| entry.call).collect::<Vec<_>>(), [call]);
    let report = journal.verify(Scope::All).await.unwrap();
    assert!(report.is_sound(), "{:#?}", report.problems);
    journal.shutdown().await;
}
