//! Erasure, as somebody would try to undo it who has every file: the data, its back-ups and the keys that are left.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::cabinet::{begin, close, close_store, id, in_all, on_disk, tenant, zeros};
use crate::thief::{Thief, contains, copy};
use parloir_contract::{CallId, Heard, HostCall, HostReturn, Import, Say, SayOptions};
use parloir_journal::{
    CallEnded, CallJournal, Erasure, HostCallEnded, HostCallStarted, HostStatus, Journal, JournalError,
    Note as Remark, Purposes, ReadError, RecordBody, RecordingBlock, Redaction, Requested, Scope,
    check_since, erasures, list_calls, prove, read_call, read_recording,
};
use parloir_proof::Trust;
use parloir_store::disk::interposed::{Interposer, Step, Then, interposed};
use parloir_store::disk::{Disk, OsDisk};
use parloir_store::keys::Rows;
use parloir_store::{Batch, Embedded, Keyring, Kms, Memo, Store, Table, TenantStore};
use tempfile::TempDir;

/// What can be known of a call: its sound, what was said and asked, and who rang.
fn canaries(number: u8) -> [String; 4] {
    [
        format!("canary of the sound {number:03}"),
        format!("canary of what was heard {number:03}"),
        format!("canary of an argument {number:03}"),
        format!("+33612345{number:03}"),
    ]
}

/// What is not content: the technical trace.
fn trace_canary(number: u8) -> String {
    format!("canary of the trace {number:03}")
}

struct Place {
    folder: TempDir,
    disk: Arc<dyn Disk>,
}

struct Running {
    journal: Journal,
    store: Arc<Embedded>,
    kms: Arc<Keyring>,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), disk: Arc::new(OsDisk) }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn keys(&self) -> PathBuf {
        self.folder.path().join("keys")
    }

    fn kms(&self) -> Arc<Keyring> {
        Arc::new(Keyring::open_on(Arc::clone(&self.disk), self.keys()).unwrap())
    }

    async fn try_start(&self) -> Result<Running, JournalError> {
        let kms = Arc::new(Keyring::open_on(Arc::clone(&self.disk), self.keys())?);
        let store = Arc::new(Embedded::open(self.data().join("store")).await.unwrap());
        match Journal::open_on(Arc::clone(&self.disk), self.data(), kms.clone(), store.clone()).await {
            Ok(journal) => Ok(Running { journal, store, kms }),
            Err(error) => {
                close_store(store).await;
                Err(error)
            }
        }
    }

    async fn start(&self) -> Running {
        self.try_start().await.unwrap()
    }

    /// Everything that somebody can read who has all files, and data from elsewhere.
    fn stolen(&self, data: &Path) -> Thief {
        Thief::read(&self.keys(), data, &tenant())
    }

    fn search(&self, canary: &str) -> bool {
        contains(&self.data(), canary.as_bytes()) || contains(&self.keys(), canary.as_bytes())
    }
}

impl Running {
    async fn begin(&self, number: u8) -> CallJournal {
        let [_, _, _, caller] = canaries(number);
        begin(&self.journal, number, &caller).await
    }

    async fn call(&self, number: u8) {
        let call = self.begin(number).await;
        go_on(&call, number).await;
    }

    async fn erase(
        &self,
        numbers: &[u8],
        purposes: Purposes,
    ) -> Result<parloir_journal::ErasureReport, JournalError> {
        let calls = numbers.iter().map(|number| id(*number)).collect();
        let reason = Some("she asked for it".to_owned());
        self.journal.erase(&tenant(), Erasure { calls, purposes, reason, ..Erasure::default() }).await
    }

    async fn stop(self) {
        close(self.journal, self.store).await;
    }
}

/// The rest of a call, to its end.
async fn go_on(call: &CallJournal, number: u8) {
    let [sound, heard, argument, _] = canaries(number);
    let arguments = HostCall::Say(Say { text: argument, options: SayOptions::default() });
    let started = HostCallStarted { import: Import::Say, arguments: Some(arguments) };
    let asked = call.append(RecordBody::HostCallStarted(started)).unwrap();
    let result = HostReturn::Say(Ok(Heard { text: heard, whole: true, played: 900 }));
    call.append(RecordBody::HostCallEnded(HostCallEnded {
        started: asked,
        status: HostStatus::Ok,
        latency_us: 1,
        delivered: true,
        result: Some(result),
        refused: None,
    }))
    .unwrap();
    call.append_durable(RecordBody::Note(Remark { text: trace_canary(number) })).await.unwrap();
    for second in 0..2 {
        call.recording(RecordingBlock { second, bytes: sound.repeat(600).into_bytes() }).unwrap();
    }
    call.close(CallEnded::default()).await.unwrap();
}

/// Whether a call can be read, with its content and its sound.
async fn is_whole(place: &Place, number: u8) -> bool {
    let kms = Keyring::open(place.keys()).unwrap();
    let Ok(records) = read_call(place.data(), &kms, &tenant(), id(number), None).await else { return false };
    let text = format!("{records:?}");
    let [sound, heard, argument, caller] = canaries(number);
    let said = [heard, argument, caller].iter().all(|canary| text.contains(canary));
    let blocks = read_recording(place.data(), &kms, &tenant(), id(number), None).await.unwrap();
    said && blocks.len() == 2 && blocks.iter().all(|block| block.bytes.starts_with(sound.as_bytes()))
}

async fn sound(running: &Running, erased: u64) {
    let report = running.journal.verify(Scope::All).await.unwrap();
    assert!(report.is_sound(), "{:#?}", report.problems);
    assert_eq!(report.erased, erased);
    running.journal.publish().await;
    let report = running.journal.verify(Scope::All).await.unwrap();
    assert_eq!(report.signed, report.chunks, "{:#?}", report.problems);
}

#[tokio::test]
async fn an_erased_call_is_nowhere_its_neighbours_are_and_the_log_still_proves_all_of_them() {
    let place = Place::new();
    let running = place.start().await;
    for number in 1..=3 {
        running.call(number).await;
    }
    running.journal.publish().await;
    let kept = running.journal.checkpoint(&tenant()).await.unwrap().unwrap();
    let kms = place.kms();
    let prove = async |call: CallId| {
        prove(place.data(), &*kms, &tenant(), call, Redaction::default(), None, vec![]).await
    };
    let before = prove(id(2)).await.unwrap();
    // Otherwise the search would find nothing in any case.
    let thief = place.stolen(&place.data());
    for canary in (1..=3).flat_map(canaries) {
        assert!(thief.finds(&canary), "{canary}");
        assert!(!place.search(&canary), "{canary} in clear");
    }

    let report = running.erase(&[2], Purposes::CONTENTS).await.unwrap();
    assert_eq!((report.calls, report.blocks, report.epochs), (1, 2, 1), "{report:?}");
    // Three keys of each of two others and of the record's own call, and the trace's of the one that was erased.
    assert_eq!(report.survivors, 2 * 3 + 3 + 1);
    let thief = place.stolen(&place.data());
    for canary in canaries(2) {
        assert!(!thief.finds(&canary), "{canary}");
        assert!(!place.search(&canary), "{canary}");
    }
    for canary in [canaries(1), canaries(3)].concat() {
        assert!(thief.finds(&canary), "{canary}");
    }
    assert!(thief.finds(&trace_canary(2)), "the trace was not asked for");
    assert!(is_whole(&place, 1).await && !is_whole(&place, 2).await && is_whole(&place, 3).await);
    sound(&running, 1).await;

    // What others hold stays true: a proof of before, and a checkpoint that was kept.
    assert!(before.verify(&Trust::default()).unwrap().complete);
    check_since(place.data(), kept).await.unwrap();
    let after = prove(id(2)).await.unwrap().verify(&Trust::default()).unwrap();
    assert!(after.complete);
    let withheld = after.records.iter().filter_map(|line| line.record.as_ref()).filter(|said| said.withheld);
    assert!(withheld.count() >= 3);
    // The erasure itself is provable.
    let proof = prove(report.record.unwrap()).await.unwrap().verify(&Trust::default()).unwrap();
    let proof = format!("{:?}", proof.records);
    assert!(proof.contains("Erased") && proof.contains(&id(2).to_string()), "{proof}");
    assert!(proof.contains("she asked for it") && proof.contains("Content"), "{proof}");
    let notes = erasures(&*place.kms(), &tenant()).await.unwrap();
    assert_eq!(notes.len(), 1);
    assert_eq!((notes[0].calls.as_slice(), notes[0].purposes), ([id(2)].as_slice(), Purposes::CONTENTS));

    // Once is enough; then the rest of it goes too.
    assert_eq!(running.erase(&[2], Purposes::CONTENTS).await.unwrap().calls, 0);
    assert_eq!(running.erase(&[2], Purposes::ALL).await.unwrap().calls, 1);
    let thief = place.stolen(&place.data());
    assert!(!thief.finds(&trace_canary(2)));
    assert!(thief.finds(&trace_canary(1)));
    let gone = running.journal.records(&tenant(), id(2)).await;
    assert!(matches!(gone, Err(JournalError::Read(ReadError::NoSuchCall { .. }))), "{gone:?}");
    let gone = read_call(place.data(), &*place.kms(), &tenant(), id(2), None).await;
    assert!(matches!(gone, Err(ReadError::Erased { .. })), "{gone:?}");
    sound(&running, 1).await;
    running.stop().await;

    let running = place.start().await;
    sound(&running, 1).await;
    let listed = list_calls(place.data(), &*place.kms(), &tenant(), 100).await.unwrap();
    let in_index = running.journal.calls(&tenant(), None, 100).await.unwrap().calls;
    for calls in [listed, in_index] {
        let calls: Vec<_> =
            calls.into_iter().filter(|entry| entry.transport != "erasure").map(|e| e.call).collect();
        assert_eq!(calls, [id(3), id(1)]);
    }
    running.stop().await;
}

#[tokio::test]
async fn what_a_back_up_of_before_brings_back_is_unreadable_and_is_erased_again() {
    let place = Place::new();
    let running = place.start().await;
    for number in 1..=3 {
        running.call(number).await;
    }
    running.stop().await;
    let backup = place.folder.path().join("backup");
    copy(&place.data(), &backup);
    let running = place.start().await;
    running.call(4).await;
    running.erase(&[1, 3], Purposes::ALL).await.unwrap();
    running.erase(&[4], Purposes::CONTENTS).await.unwrap();
    running.stop().await;

    // The back-up itself, with the keys as they are now.
    let thief = place.stolen(&backup);
    for canary in [canaries(1), canaries(3)].concat().into_iter().chain([trace_canary(1), trace_canary(3)]) {
        assert!(!thief.finds(&canary), "{canary}");
    }
    for canary in canaries(2) {
        assert!(thief.finds(&canary), "{canary}: a neighbour is lost");
    }
    fs::remove_dir_all(place.data()).unwrap();
    copy(&backup, &place.data());
    let running = place.start().await;
    sound(&running, 2).await;
    assert!(is_whole(&place, 2).await);
    // In one go, however many erasures there were.
    assert_eq!(segments(&place.data()), segments(&backup) + 1);
    let listed = running.journal.calls(&tenant(), None, 10).await.unwrap().calls;
    let listed: Vec<_> = listed.iter().filter(|entry| entry.transport != "erasure").map(|e| e.call).collect();
    assert_eq!(listed, [id(2)], "the index is made anew from the log");
    let again = fs::read(place.data().join("journal/cabinet/00000001.seg")).unwrap();
    assert_ne!(again, fs::read(backup.join("journal/cabinet/00000001.seg")).unwrap(), "it is blanked again");
    running.call(5).await;
    running.stop().await;
    let running = place.start().await;
    sound(&running, 2).await;
    assert!(is_whole(&place, 5).await);
    running.stop().await;
}

fn segments(data: &Path) -> usize {
    let files = fs::read_dir(data.join("journal/cabinet")).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "seg")).count()
}

#[tokio::test]
async fn the_key_of_the_rows_does_not_grow_with_the_traces_that_are_erased() {
    let place = Place::new();
    let running = place.start().await;
    for number in 1..=6 {
        running.call(number).await;
    }
    let room = || {
        let files = fs::read_dir(place.keys().join("cabinet")).unwrap().map(|entry| entry.unwrap());
        let rows: Vec<_> =
            files.filter(|file| file.file_name().to_string_lossy().starts_with("store-")).collect();
        assert_eq!(rows.len(), 1);
        rows[0].metadata().unwrap().len()
    };
    let before = room();
    // As a back-up has what is known of the first call.
    let rows = TenantStore::open(running.store.clone(), &*running.kms, tenant()).await.unwrap();
    let row = rows.entry(Table::Calls, id(1).as_bytes()).await.unwrap().unwrap().row;
    let sealed = running.store.get(&row.address).await.unwrap().unwrap();
    for number in 1..=4 {
        running.erase(&[number], Purposes::ALL).await.unwrap();
    }
    assert_eq!(room(), before);
    let operation = parloir_store::StoredOperation::Put(row.address.clone(), sealed);
    let batch = parloir_store::StoredBatch { operations: vec![operation], ..Default::default() };
    running.store.apply(batch).await.unwrap();
    assert_eq!(rows.get(Table::Calls, id(1).as_bytes()).await.unwrap(), None);
    sound(&running, 4).await;
    drop(rows);
    running.stop().await;
    let running = place.start().await;
    sound(&running, 4).await;
    assert!(is_whole(&place, 5).await && is_whole(&place, 6).await);
    running.stop().await;
}

#[tokio::test]
async fn calls_that_last_go_on_as_if_nothing_were_erased_and_are_not_erased_themselves() {
    let place = Place::new();
    let running = place.start().await;
    running.call(1).await;
    // One that has written, and one that has not, both with keys of the epoch that is about to go.
    let (written, fresh) = (running.begin(2).await, running.begin(3).await);
    written.flush().await.unwrap();
    let lasting = running.erase(&[2], Purposes::CONTENTS).await;
    assert!(matches!(lasting, Err(JournalError::NotErasable { .. })), "{lasting:?}");
    running.erase(&[1], Purposes::ALL).await.unwrap();
    go_on(&written, 2).await;
    go_on(&fresh, 3).await;
    drop((written, fresh));
    running.call(4).await;
    for number in 2..=4 {
        assert!(is_whole(&place, number).await, "{number}");
    }
    let record = running.journal.calls(&tenant(), None, 10).await.unwrap().calls;
    let record = record.iter().find(|entry| entry.transport == "erasure").unwrap().call;
    let erasure = Erasure { calls: vec![record], purposes: Purposes::ALL, ..Erasure::default() };
    let refused = running.journal.erase(&tenant(), erasure).await;
    assert!(refused.unwrap_err().to_string().contains("the journal's own record"));
    running.stop().await;
    let running = place.start().await;
    sound(&running, 1).await;
    for number in 2..=4 {
        assert!(is_whole(&place, number).await, "{number}");
    }
    running.stop().await;
}

#[tokio::test]
async fn rows_go_with_their_calls_from_freed_space_and_back_ups_too() {
    let place = Place::new();
    let running = place.start().await;
    running.call(1).await;
    let rows = TenantStore::open(running.store.clone(), &*running.kms, tenant()).await.unwrap();
    let put = async |key: &str, value: &str| {
        rows.apply(Batch::new().put(Table::Memory, key, value)).await.unwrap();
    };
    put("+33612345001", "canary of a row").await;
    put("other", "stays").await;
    let row = rows.entry(Table::Memory, "+33612345001").await.unwrap().unwrap().row;
    let address = row.address.clone();
    let sealed = running.store.get(&address).await.unwrap().unwrap();
    let erasure = Erasure {
        calls: vec![id(1)],
        purposes: Purposes::CONTENTS,
        rows: vec![Rows::At(row)],
        requested: Requested::Caller,
        reason: None,
    };
    assert_eq!(running.journal.erase(&tenant(), erasure).await.unwrap().rows, 1);
    assert_eq!(rows.get(Table::Memory, "+33612345001").await.unwrap(), None);
    assert_eq!(running.store.get(&address).await.unwrap(), None);
    // As a back-up would bring it back.
    let restore = async || {
        let operation = parloir_store::StoredOperation::Put(address.clone(), sealed.clone());
        let batch = parloir_store::StoredBatch { operations: vec![operation], ..Default::default() };
        running.store.apply(batch).await.unwrap();
    };
    restore().await;
    for kms in [running.kms.clone(), place.kms()] {
        let rows = TenantStore::open(running.store.clone(), &*kms, tenant()).await.unwrap();
        assert_eq!(rows.get(Table::Memory, "+33612345001").await.unwrap(), None);
        let page = rows.scan(Table::Memory, "", None, 10).await.unwrap();
        assert_eq!(page.entries.len(), 1);
        assert_eq!(page.entries[0].value, b"stays");
    }
    // Its place can be used again, also where the back-up's bytes are in it.
    let anew =
        Batch::new().expect_absent(Table::Memory, "+33612345001").put(Table::Memory, "+33612345001", "new");
    assert_eq!(rows.apply(anew).await.unwrap(), parloir_store::Applied::Done);
    assert_eq!(rows.get(Table::Memory, "+33612345001").await.unwrap().unwrap(), b"new");
    let erasure = Erasure { rows: vec![Rows::Of(Table::Memory)], ..Erasure::default() };
    assert_eq!(running.journal.erase(&tenant(), erasure).await.unwrap().rows, 2);
    assert!(rows.scan(Table::Memory, "", None, 10).await.unwrap().entries.is_empty());
    drop(rows);
    running.stop().await;
}

#[tokio::test]
async fn what_is_kept_for_no_time_can_be_read_by_nobody_once_the_call_is_over() {
    let place = Place::new();
    let running = place.start().await;
    running.journal.keep_nothing_of(tenant(), Purposes::ALL);
    running.call(1).await;
    running.journal.keep_nothing_of(tenant(), Purposes { recording: true, ..Purposes::default() });
    running.call(2).await;
    let thief = place.stolen(&place.data());
    let [sound_1, heard_1, argument_1, caller_1] = canaries(1);
    let [sound_2, heard_2, argument_2, caller_2] = canaries(2);
    for canary in [sound_1, heard_1, argument_1, caller_1, sound_2] {
        assert!(!thief.finds(&canary), "{canary}");
    }
    for canary in [heard_2, argument_2, caller_2, trace_canary(1), trace_canary(2)] {
        assert!(thief.finds(&canary), "{canary}");
    }
    let records = running.journal.records(&tenant(), id(1)).await.unwrap();
    assert!(matches!(&records[1].body, RecordBody::Unkept(unkept) if unkept.purposes.len() == 2));
    // It is known without reading it, so that it is not erased once more.
    let unkept = async |call| running.journal.call(&tenant(), call).await.unwrap().unwrap().unkept;
    assert_eq!(unkept(id(1)).await, Purposes::CONTENTS);
    assert_eq!(unkept(id(2)).await, Purposes { recording: true, ..Purposes::default() });
    assert!(running.journal.recording(&tenant(), id(2)).await.unwrap().is_empty());
    sound(&running, 0).await;
    running.stop().await;
}

/// A disk that does not do what it is told of some files, or nothing at all after so many steps.
#[derive(Debug)]
struct Odd {
    steps: AtomicUsize,
    /// Steps that it does.
    until: usize,
    /// Begins of names of files that are never overwritten or removed.
    keeps: Option<&'static str>,
}

impl Odd {
    fn disk(until: usize, keeps: Option<&'static str>) -> Arc<dyn Disk> {
        interposed(&Arc::new(Self { steps: AtomicUsize::new(0), until, keeps }))
    }

    fn keeps(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        self.keeps.is_some_and(|kept| name.starts_with(kept))
    }
}

impl Interposer for Odd {
    fn before(&self, step: Step<'_>) -> io::Result<Then> {
        let then = match step {
            // Never refused, and not counted.
            Step::MakeFolder(_) | Step::Append(_) | Step::RemoveFolder(_) => return Ok(Then::Do),
            Step::Create(_) | Step::Rename(..) | Step::Link(..) | Step::Write(..) | Step::Cut(..) => Then::Do,
            Step::Remove(file) | Step::Overwrite(file) if self.keeps(file) => Then::Pretend,
            Step::Remove(_) | Step::Overwrite(_) => Then::Do,
            // Who is killed leaves what was written, synced or not: only a power cut does not.
            Step::Sync(_) | Step::SyncFolder(_) => Then::Pretend,
        };
        if self.steps.fetch_add(1, Ordering::Relaxed) < self.until {
            Ok(then)
        } else {
            Err(io::Error::other("the power went"))
        }
    }
}

#[tokio::test]
async fn these_tests_find_out_when_an_epochs_key_is_not_destroyed() {
    let mut place = Place::new();
    place.disk = Odd::disk(usize::MAX, Some("epoch-"));
    let running = place.start().await;
    running.call(1).await;
    running.call(2).await;
    running.stop().await;
    let backup = place.folder.path().join("backup");
    copy(&place.data(), &backup);
    let running = place.start().await;
    running.erase(&[1], Purposes::ALL).await.unwrap();
    running.stop().await;
    let thief = place.stolen(&backup);
    assert!(canaries(1).iter().all(|canary| thief.finds(canary)));
}

/// The program is killed at every step of an erasure: after the next start the call is there whole, or nowhere, and all others are
/// as they were.
#[tokio::test]
async fn an_erasure_that_is_cut_off_anywhere_is_finished_by_the_next_start_or_was_never_begun() {
    let first = Place::new();
    let running = first.start().await;
    for number in 1..=3 {
        running.call(number).await;
    }
    // So that the second has a book to begin with.
    running.erase(&[3], Purposes::ALL).await.unwrap();
    running.stop().await;
    let (mut never_begun, mut finished) = (0, 0);
    let (before, mut after) = (zeros(&first.data()), None);
    for until in 0.. {
        let mut place = Place::new();
        copy(&first.data(), &place.data());
        copy(&first.keys(), &place.keys());
        place.disk = Odd::disk(until, None);
        let Ok(running) = place.try_start().await else {
            place.disk = Arc::new(OsDisk);
            let running = place.start().await;
            assert!(is_whole(&place, 1).await && is_whole(&place, 2).await);
            running.stop().await;
            continue;
        };
        let done = running.erase(&[1], Purposes::ALL).await;
        let kms = Keyring::open(place.keys()).unwrap();
        let noted = kms.recall(&tenant(), Memo::Erasing).await.unwrap().is_some();
        let began = noted || erasures(&kms, &tenant()).await.unwrap().len() == 2;
        running.stop().await;
        assert!(is_whole(&place, 2).await, "{until}: a neighbour is lost while it is not finished");

        place.disk = Arc::new(OsDisk);
        let running = place.start().await;
        sound(&running, if began { 2 } else { 1 }).await;
        let blank = zeros(&place.data());
        let kept = running.journal.kept(&tenant());
        assert_eq!(kept, on_disk(&place.data()) - in_all(&blank), "{until}");
        // The same whatever it was cut off at.
        let expected = if began { &*after.get_or_insert_with(|| blank.clone()) } else { &before };
        assert_eq!(&blank, expected, "{until}");
        running.stop().await;
        assert!(is_whole(&place, 2).await, "{until}: a neighbour is lost");
        let thief = place.stolen(&place.data());
        if began {
            finished += 1;
            for canary in canaries(1).into_iter().chain([trace_canary(1)]) {
                assert!(!thief.finds(&canary) && !place.search(&canary), "{until}: {canary}");
            }
            let keys: Vec<_> =
                fs::read_dir(place.keys().join("cabinet")).unwrap().map(|e| e.unwrap().file_name()).collect();
            let left = |name: &std::ffi::OsString| {
                let name = name.to_string_lossy();
                name.starts_with("draft") || name.ends_with(".part") || name == "erasing"
            };
            assert!(!keys.iter().any(left), "{until}: {keys:?}");
        } else {
            never_begun += 1;
            assert!(is_whole(&place, 1).await, "{until}: neither there nor erased");
        }
        if done.is_ok() {
            break;
        }
    }
    println!("cut off at {finished} steps after it was noted, {never_begun} before");
    assert!(finished > 30 && never_begun > 1, "{finished} {never_begun}");
}
