//! The journal as the other rooms use it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use parloir_contract::{
    CallId, CallInfo, Direction, Heard, HostCall, HostReturn, Import, LocalTime, Say, SayOptions, TenantId,
};
use parloir_journal::{
    Administered, AppendError, CallEnded, CallJournal, CallStarted, Content, ContentOf, Ending,
    HostCallEnded, HostCallStarted, HostStatus, Journal, JournalError, MAX_RECORD, Note, ProviderRole,
    ProviderStarted, ReadError, Record, RecordBody, RecordingBlock, Scope, Wasi, WasiStream, read_call,
    verify,
};
use parloir_store::{Embedded, Keyring, Kms};
use tempfile::TempDir;

use crate::thief::{contains, copy};

struct Place {
    folder: TempDir,
    kms: Arc<dyn Kms>,
}

struct Running {
    journal: Journal,
    store: Arc<Embedded>,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let kms = Arc::new(Keyring::open(folder.path().join("keys")).unwrap());
        Self { folder, kms }
    }

    async fn start(&self) -> Running {
        self.start_in(&self.folder.path().join("data")).await
    }

    async fn start_in(&self, data: &Path) -> Running {
        let store = Arc::new(Embedded::open(data.join("store")).await.unwrap());
        let journal = Journal::open(data, self.kms.clone(), store.clone()).await.unwrap();
        Running { journal, store }
    }
}

impl Running {
    async fn stop(self) {
        self.journal.shutdown().await;
        drop(self.journal);
        Arc::into_inner(self.store).unwrap().close().await;
    }
}

fn tenant() -> TenantId {
    "cabinet".parse().unwrap()
}

fn id(number: u8) -> CallId {
    CallId::from_bytes([number; 16])
}

fn started() -> CallStarted {
    let info = CallInfo {
        id: id(1).to_string(),
        direction: Direction::Inbound,
        line: "+33123456789".into(),
        caller: Some("+33612345678".into()),
        language: "fr-FR".into(),
        started_at: LocalTime { year: 2026, month: 3, day: 2, hour: 9, minute: 30 },
        settings: vec![],
    };
    CallStarted {
        line: "+33123456789".into(),
        agent_name: "cabinet".into(),
        info: Some(info),
        ..CallStarted::default()
    }
}

fn say(text: &str) -> RecordBody {
    let arguments = HostCall::Say(Say { text: text.into(), options: SayOptions::default() });
    RecordBody::HostCallStarted(HostCallStarted { import: Import::Say, arguments: Some(arguments) })
}

fn note(text: impl Into<String>) -> RecordBody {
    RecordBody::Note(Note { text: text.into() })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_folder_of_another_version_is_refused_and_says_what_to_do() {
    let place = Place::new();
    let running = place.start().await;
    let journal = running.journal.open_call(&tenant(), id(1), CallStarted::default()).await.unwrap();
    journal.close(CallEnded::default()).await.unwrap();
    running.stop().await;
    let data = place.folder.path().join("data");
    let segment = data.join("journal/cabinet/00000001.seg");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[7] = b'3';
    fs::write(&segment, &bytes).unwrap();
    let store = Arc::new(Embedded::open(data.join("store")).await.unwrap());
    let refused = Journal::open(&data, place.kms.clone(), store.clone()).await.unwrap_err();
    assert!(matches!(refused, JournalError::OtherVersion(_)), "{refused:?}");
    let said = refused.to_string();
    for words in ["in version 3 of", "nothing was changed", "Keep the program that wrote it"] {
        assert!(said.contains(words), "{said}");
    }
    assert_eq!(fs::read(&segment).unwrap(), bytes);
    let report = verify(&data, place.kms.clone(), Some(store), Scope::All).await.unwrap();
    assert!(report.problems.iter().any(|problem| problem.what.contains("another version")), "{report:?}");
}

#[tokio::test]
async fn a_call_reads_back_whole_and_in_order() {
    let place = Place::new();
    let running = place.start().await;
    let call = running.journal.open_call(&tenant(), id(1), started()).await.unwrap();
    let mut expected = vec![RecordBody::CallStarted(started())];
    // More than one chunk of 256.
    for number in 0..600_u32 {
        let body = if number % 3 == 0 { say(&format!("phrase {number}")) } else { note(number.to_string()) };
        assert_eq!(call.append(body.clone()).unwrap(), u64::from(number) + 1);
        expected.push(body);
    }
    let ended = CallEnded { outcome: Ending::CallBack, reason: Some("busy".into()), ..CallEnded::default() };
    call.close(ended.clone()).await.unwrap();
    expected.push(RecordBody::CallEnded(ended));

    let records = running.journal.records(&tenant(), id(1)).await.unwrap();
    let bodies: Vec<_> = records.iter().map(|record| record.body.clone()).collect();
    assert_eq!(bodies, expected);
    assert!(records.iter().map(|record| record.seq).eq(0..602));
    assert!(records.is_sorted_by_key(|record| record.at));

    assert_eq!(call.append(note("too late")), Err(AppendError::Closed));
    let again = running.journal.open_call(&tenant(), id(1), started()).await;
    assert!(matches!(again, Err(JournalError::AlreadyOpen { .. })));
    let report = running.journal.verify(Scope::All).await.unwrap();
    assert!(report.is_sound() && report.unclosed.is_empty(), "{:#?}", report.problems);
    assert_eq!(report.records, 602);
    running.stop().await;
}

#[tokio::test]
async fn what_is_durable_is_on_disk_when_it_returns() {
    let place = Place::new();
    let running = place.start().await;
    let call = running.journal.open_call(&tenant(), id(1), started()).await.unwrap();
    let start = ProviderStarted {
        attempt: 1,
        role: ProviderRole::LanguageModel,
        provider: "local".into(),
        model: "m".into(),
        region: "local".into(),
        bytes_sent: 10,
        characters_sent: 10,
        purpose: None,
    };
    let seq = call.append_durable(RecordBody::ProviderStarted(start.clone())).await.unwrap();
    // What a crash now would leave.
    let crashed = place.folder.path().join("crashed");
    copy(&place.folder.path().join("data"), &crashed);
    let records = read_call(&crashed, &*place.kms, &tenant(), id(1), None).await.unwrap();
    assert_eq!(records[seq as usize].body, RecordBody::ProviderStarted(start));
    drop(call);
    running.stop().await;
}

#[tokio::test]
async fn a_second_at_most_passes_until_a_record_is_on_disk() {
    let place = Place::new();
    let running = place.start().await;
    let call = running.journal.open_call(&tenant(), id(1), started()).await.unwrap();
    call.append(note("waits for nobody")).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    let data = place.folder.path().join("data");
    assert_eq!(read_call(&data, &*place.kms, &tenant(), id(1), None).await.unwrap().len(), 2);
    drop(call);
    running.stop().await;
}

#[tokio::test]
async fn calls_that_a_crash_cut_off_are_closed_as_interrupted_and_the_log_is_sound() {
    let place = Place::new();
    let running = place.start().await;
    let mut calls = Vec::new();
    for number in 1..=3 {
        let call = running.journal.open_call(&tenant(), id(number), started()).await.unwrap();
        call.append_durable(note("before the crash")).await.unwrap();
        calls.push(call);
    }
    calls[0].close(CallEnded::default()).await.unwrap();
    let crashed = place.folder.path().join("crashed");
    copy(&place.folder.path().join("data"), &crashed);
    running.stop().await;

    for _ in 0..2 {
        // Once is enough: a second start finds nothing to do.
        let after = place.start_in(&crashed).await;
        let page = after.journal.calls(&tenant(), None, 10).await.unwrap();
        let outcomes: Vec<_> = page.calls.iter().map(|call| (call.call, call.outcome)).collect();
        assert_eq!(
            outcomes,
            [
                (id(3), Some(Ending::Interrupted)),
                (id(2), Some(Ending::Interrupted)),
                (id(1), Some(Ending::Done))
            ]
        );
        let records = after.journal.records(&tenant(), id(2)).await.unwrap();
        assert_eq!(records.len(), 3);
        assert!(matches!(records[2].body, RecordBody::CallInterrupted(_)));
        let report = after.journal.verify(Scope::All).await.unwrap();
        assert!(report.is_sound() && report.unclosed.is_empty(), "{:#?}", report.problems);
        assert_eq!(report.interrupted, 2);
        after.stop().await;
    }
}

#[tokio::test]
async fn a_call_that_is_dropped_or_stopped_is_closed_as_interrupted() {
    let place = Place::new();
    let running = place.start().await;
    let dropped = running.journal.open_call(&tenant(), id(1), started()).await.unwrap();
    let stopped = running.journal.open_call(&tenant(), id(2), started()).await.unwrap();
    stopped.append(note("nobody waited for this")).unwrap();
    drop(dropped.clone());
    dropped.append(note("a clone is still there")).unwrap();
    drop(dropped);
    running.journal.shutdown().await;
    assert!(matches!(stopped.append(note("too late")), Err(AppendError::Closed | AppendError::Failed(_))));
    assert!(stopped.append_durable(note("too late")).await.is_err());
    assert!(running.journal.open_call(&tenant(), id(3), started()).await.is_err());
    drop(stopped);
    running.stop().await;

    let running = place.start().await;
    for (number, count) in [(1, 3), (2, 3)] {
        let records = running.journal.records(&tenant(), id(number)).await.unwrap();
        assert_eq!(records.len(), count);
        assert!(matches!(records.last().unwrap().body, RecordBody::CallInterrupted(_)));
    }
    assert!(running.journal.verify(Scope::All).await.unwrap().is_sound());
    running.stop().await;
}

#[tokio::test]
async fn a_lost_index_is_rebuilt_from_the_log() {
    let place = Place::new();
    let running = place.start().await;
    for number in 1..=70 {
        let call = running.journal.open_call(&tenant(), id(number), started()).await.unwrap();
        let outcome = if number % 2 == 0 { Ending::Done } else { Ending::Abandoned };
        call.close(CallEnded { outcome, ..CallEnded::default() }).await.unwrap();
    }
    let before = running.journal.calls(&tenant(), None, 100).await.unwrap();
    running.stop().await;
    fs::remove_dir_all(place.folder.path().join("data/store")).unwrap();

    let running = place.start().await;
    let after = running.journal.calls(&tenant(), None, 100).await.unwrap();
    let shape = |page: &parloir_journal::CallPage| -> Vec<_> {
        let shape = |call: &parloir_journal::CallEntry| (call.call, call.outcome, call.records, call.first);
        let mut calls: Vec<_> = page.calls.iter().map(shape).collect();
        calls.sort_by_key(|call| call.0);
        calls
    };
    assert_eq!(shape(&after), shape(&before));
    assert!(running.journal.verify(Scope::All).await.unwrap().is_sound());
    running.stop().await;
}

#[tokio::test]
async fn calls_are_listed_newest_first_in_pages_and_found_by_the_operator_alone() {
    let place = Place::new();
    let running = place.start().await;
    for number in 1..=5 {
        running.journal.open_call(&tenant(), id(number), started()).await.unwrap().flush().await.unwrap();
    }
    let other: TenantId = "other".parse().unwrap();
    let call = running.journal.open_call(&other, id(9), started()).await.unwrap();
    call.close(CallEnded::default()).await.unwrap();
    // The five were dropped at once: their ends are on the way to the index.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;

    let (mut listed, mut from) = (Vec::new(), None);
    loop {
        let page = running.journal.calls(&tenant(), from.as_ref(), 2).await.unwrap();
        assert!(page.calls.len() <= 2);
        listed.extend(page.calls.iter().map(|call| call.call));
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    assert_eq!(listed, [5, 4, 3, 2, 1].map(id));
    assert!(running.journal.call(&tenant(), id(9)).await.unwrap().is_none());
    let foreign = running.journal.records(&tenant(), id(9)).await;
    assert!(matches!(foreign, Err(JournalError::Read(ReadError::NoSuchCall { .. }))));
    assert_eq!(running.journal.find(id(9)).await.unwrap().unwrap().0, other);
    assert!(running.journal.find(id(10)).await.unwrap().is_none());
    drop(call);
    running.stop().await;
}

#[tokio::test]
async fn nothing_that_was_said_rests_in_clear_and_what_was_held_back_comes_later() {
    let place = Place::new();
    let running = place.start().await;
    let call = running.journal.open_call(&tenant(), id(1), started()).await.unwrap();
    // The gate is pending: the trace goes out without content, which is appended on consent.
    let body = RecordBody::HostCallStarted(HostCallStarted { import: Import::Say, arguments: None });
    let seq = call.append(body).unwrap();
    let heard = Heard { text: "canary-heard".into(), whole: true, played: 900 };
    let answer = HostReturn::Say(Ok(heard));
    let status = HostStatus::Ok;
    let ended = HostCallEnded {
        started: seq,
        status,
        latency_us: 900_000,
        delivered: true,
        result: Some(answer),
        refused: None,
    };
    call.append(RecordBody::HostCallEnded(ended)).unwrap();
    let said = HostCall::Say(Say { text: "canary-said".into(), options: SayOptions::default() });
    let held = ContentOf { of: seq, content: Some(Content::Arguments(said.clone())) };
    call.append(RecordBody::Content(held)).unwrap();
    let text = Some("canary-printed".into());
    call.append(RecordBody::Wasi(Wasi { stream: WasiStream::Out, bytes: 14, text })).unwrap();
    let canary = b"canary-of-the-sound".repeat(20);
    call.recording(RecordingBlock { second: 0, bytes: canary }).unwrap();
    call.close(CallEnded { reason: Some("canary-why".into()), ..CallEnded::default() }).await.unwrap();

    let mut records = running.journal.records(&tenant(), id(1)).await.unwrap();
    Record::merge_held(&mut records);
    let RecordBody::HostCallStarted(body) = &records[seq as usize].body else { unreachable!() };
    assert_eq!(body.arguments, Some(said));
    drop(call);
    running.stop().await;
    for needle in [&b"canary"[..], b"+33612345678"] {
        assert!(!contains(place.folder.path(), needle), "{}", String::from_utf8_lossy(needle));
    }
}

#[tokio::test]
async fn a_recording_reads_back_in_order_and_a_missing_block_is_told() {
    let place = Place::new();
    let running = place.start().await;
    let call = running.journal.open_call(&tenant(), id(1), started()).await.unwrap();
    let block = |second: u32| RecordingBlock { second, bytes: vec![second as u8; 16_000] };
    for second in 0..30 {
        call.recording(block(second)).unwrap();
    }
    let too_large = call.recording(RecordingBlock { second: 30, bytes: vec![0; 70_000] });
    assert!(matches!(too_large, Err(AppendError::TooLarge { .. })));
    call.close(CallEnded::default()).await.unwrap();
    let blocks = running.journal.recording(&tenant(), id(1)).await.unwrap();
    assert_eq!(blocks, (0..30).map(block).collect::<Vec<_>>());
    assert_eq!(running.journal.verify(Scope::All).await.unwrap().blocks, 30);

    let file = place.folder.path().join("data/recordings/cabinet/00000001.seg");
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
    let error = running.journal.recording(&tenant(), id(1)).await.unwrap_err();
    assert!(error.to_string().contains("a block of the recording is missing"), "{error}");
    drop(call);
    running.stop().await;
}

#[tokio::test]
async fn a_record_too_large_is_refused_and_the_call_goes_on() {
    let place = Place::new();
    let running = place.start().await;
    let call = running.journal.open_call(&tenant(), id(1), started()).await.unwrap();
    let error = call.append(say(&"x".repeat(MAX_RECORD))).unwrap_err();
    assert!(error.to_string().contains("without its content"), "{error}");
    assert_eq!(call.append(note("goes on")).unwrap(), 1);
    let large = say(&"x".repeat(MAX_RECORD - 200));
    call.append(large.clone()).unwrap();
    call.close(CallEnded::default()).await.unwrap();
    assert_eq!(running.journal.records(&tenant(), id(1)).await.unwrap()[2].body, large);
    drop(call);
    running.stop().await;
}

#[tokio::test]
async fn a_second_program_and_a_wrong_keys_folder_are_told_so() {
    let place = Place::new();
    let running = place.start().await;
    let data = place.folder.path().join("data");
    let second = Journal::open(&data, place.kms.clone(), running.store.clone()).await.unwrap_err();
    assert!(second.to_string().contains("in use"), "{second}");
    let call = running.journal.open_call(&tenant(), id(1), started()).await.unwrap();
    call.close(CallEnded::default()).await.unwrap();
    drop(call);
    running.stop().await;

    let other = Arc::new(Keyring::open(place.folder.path().join("other")).unwrap());
    let store = Arc::new(Embedded::open(data.join("store")).await.unwrap());
    let error = Journal::open(&data, other, store).await.unwrap_err();
    assert!(error.to_string().contains("keys folder"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_calls_at_once_lose_nothing() {
    let place = Place::new();
    let running = place.start().await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 1..=50_u8 {
        let journal = running.journal.clone();
        let whose: TenantId = format!("tenant-{}", number % 3).parse().unwrap();
        tasks.spawn(async move {
            let call: CallJournal = journal.open_call(&whose, id(number), started()).await.unwrap();
            for step in 0..300_u32 {
                if step % 50 == 0 {
                    call.append_durable(note(step.to_string())).await.unwrap();
                } else {
                    call.append(note(step.to_string())).unwrap();
                }
            }
            call.close(CallEnded::default()).await.unwrap();
            let records = journal.records(&whose, id(number)).await.unwrap();
            assert_eq!(records.len(), 302);
            assert!(records.iter().map(|record| record.seq).eq(0..302));
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let report = running.journal.verify(Scope::All).await.unwrap();
    assert!(report.is_sound(), "{:#?}", report.problems);
    assert_eq!((report.tenants, report.calls, report.records), (3, 50, 50 * 302));
    running.stop().await;
}

#[tokio::test]
async fn when_the_disk_fails_everybody_is_told_and_nothing_is_acknowledged() {
    let place = Place::new();
    let running = place.start().await;
    // A file stands where the tenant's folder should be.
    fs::write(place.folder.path().join("data/journal/cabinet"), b"in the way").unwrap();
    let call = running.journal.open_call(&tenant(), id(1), started()).await.unwrap();
    let error = call.append_durable(note("lost")).await.unwrap_err();
    assert!(error.to_string().contains("the journal stopped"), "{error}");
    assert!(matches!(call.append(note("after")), Err(AppendError::Failed(_))));
    assert!(call.flush().await.is_err());
    assert!(call.close(CallEnded::default()).await.is_err());
    assert!(running.journal.open_call(&tenant(), id(2), started()).await.is_err());
}

#[tokio::test]
async fn administration_is_told_before_it_is_done_and_how_it_went_after() {
    let place = Place::new();
    let running = place.start().await;
    let what = Administered {
        key: "4f1c".into(),
        user: "9b20".into(),
        role: "operator".into(),
        action: "lines:write".into(),
        subject: "line +33123456789".into(),
        glass: Some("e241".into()),
        why: Some("the line does not answer".into()),
    };
    let begun = running.journal.administer(&tenant(), what.clone()).await.unwrap();
    let done = begun.id();
    begun.end(true).await.unwrap();
    let refused = running.journal.administer(&tenant(), what.clone()).await.unwrap();
    let refused_call = refused.id();
    refused.end(false).await.unwrap();
    // Cut off before anybody knew how it went.
    let cut_off = running.journal.administer(&tenant(), what.clone()).await.unwrap().id();
    running.stop().await;
    let running = place.start().await;
    let expected = [(done, Ending::Done), (refused_call, Ending::Failed), (cut_off, Ending::Interrupted)];
    for (call, ending) in expected {
        let records = running.journal.records(&tenant(), call).await.unwrap();
        assert_eq!(records[1].body, RecordBody::Administered(what.clone()));
        assert_eq!(records.last().unwrap().body.ending(), Some(ending));
    }
    running.stop().await;
}
