//! Who watches a journal sees every record of it, and nothing that was said.

use std::sync::{Arc, Mutex};

use parloir_contract::{CallId, HostCall, Import, Say, SayOptions, TenantId};
use parloir_journal::{
    CallEnded, CallStarted, ContentRead, Failure, FailureKind, HostCallStarted, Journal, Observer, Purpose,
    Reader, Record, RecordBody, Seq,
};
use parloir_store::{Embedded, Keyring};

type Seen = (TenantId, CallId, Record);

#[derive(Default)]
struct Watching(Mutex<Vec<Seen>>);

impl Observer for Watching {
    fn appended(&self, tenant: &TenantId, call: CallId, seq: Seq, at: u64, trace: &RecordBody) {
        let record = Record { seq, at, body: trace.clone() };
        self.0.lock().unwrap().push((tenant.clone(), call, record));
    }
}

#[tokio::test]
async fn an_observer_sees_each_record_as_it_is_without_its_content() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let keyring = Arc::new(Keyring::open(folder.path().join("keys")).unwrap());
    let store = Arc::new(Embedded::open(data.join("store")).await.unwrap());
    let journal = Journal::open(&data, keyring, store).await.unwrap();
    let (tenant, id): (TenantId, _) = ("cabinet".parse().unwrap(), CallId::from_bytes([7; 16]));

    let before =
        journal.open_call(&tenant, CallId::from_bytes([6; 16]), CallStarted::default()).await.unwrap();
    let watching = Arc::new(Watching::default());
    assert!(journal.observe(watching.clone()).is_ok());
    assert!(journal.observe(watching.clone()).is_err(), "there is one");
    before.close(CallEnded::default()).await.unwrap();
    assert!(watching.0.lock().unwrap().is_empty(), "a call that had begun is nobody's");

    let call = journal.open_call(&tenant, id, CallStarted::default()).await.unwrap();
    let said = HostCall::Say(Say { text: "canary".into(), options: SayOptions::default() });
    let started = HostCallStarted { import: Import::Say, arguments: Some(said) };
    call.append(RecordBody::HostCallStarted(started)).unwrap();
    let failure = Failure { kind: FailureKind::Host, reason: "why".into(), detail: Some("canary".into()) };
    call.append_durable(RecordBody::Failure(failure)).await.unwrap();
    call.close(CallEnded { reason: Some("canary".into()), ..CallEnded::default() }).await.unwrap();
    // What the journal notes of a call, in a short call of its own, is no call.
    assert!(journal.hold(&tenant, id, "canary".into()).await.unwrap());
    let read = ContentRead {
        who: Reader::User { name: "canary".into(), uid: 1_000 },
        command: "show".into(),
        calls: vec![id],
        purposes: vec![Purpose::Content],
        why: Some("canary".into()),
    };
    journal.note_access(&tenant, read).await.unwrap();

    let mut kept = journal.records(&tenant, id).await.unwrap();
    assert_eq!(kept.iter_mut().filter_map(|record| record.body.take_content()).count(), 3);
    let seen = std::mem::take(&mut *watching.0.lock().unwrap());
    assert!(seen.iter().all(|(of, call, _)| *of == tenant && *call == id));
    let seen: Vec<_> = seen.into_iter().map(|(_, _, record)| record).collect();
    assert_eq!(seen, kept);
    assert!(!format!("{seen:?}").contains("canary"));
}
