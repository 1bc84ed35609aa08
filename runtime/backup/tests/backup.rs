//! Back-ups as an operator makes and needs them, and as somebody would read them who has every file and every key that is left.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

#[path = "../../journal/tests/thief/mod.rs"]
mod thief;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use parloir_backup::{
    BackUpError, Draft, Identities, Of, Recipient, RestoreError, Restored, Restoring, Snapshot, restore,
};
use parloir_contract::{CallId, CallInfo, Direction, HostCall, Import, LocalTime, Say, SayOptions, TenantId};
use parloir_journal::{
    BlockedTo, CallEnded, CallJournal, CallStarted, Ending, Erasure, HostCallStarted, Journal, JournalError,
    Named, NextLogKey, Numbers, Purposes, Record, RecordBody, RecordingBlock, Right, Scope, pseudonym,
    published_keys, read_call, read_recording, rights,
};
use parloir_store::keys::{KeyError, LogKey, Rows, Secret};
use parloir_store::{Batch, Embedded, Gone, Keyring, Kms, Memo, RowKey, Store, Table, TenantStore};
use tempfile::TempDir;
use thief::{Thief, contains, copy};

fn tenant() -> TenantId {
    "cabinet".parse().unwrap()
}

fn id(number: u8) -> CallId {
    CallId::from_bytes([number; 16])
}

/// What can be known of a call: its sound, what was said, and who rang.
fn canaries(number: u8) -> [String; 3] {
    [
        format!("canary of the sound {number:03}"),
        format!("canary of what was said {number:03}"),
        format!("+33612345{number:03}"),
    ]
}

struct Place {
    folder: TempDir,
    identity: Identities,
    recipient: Recipient,
}

struct Running {
    journal: Journal,
    store: Arc<Embedded>,
    kms: Arc<Keyring>,
    data: PathBuf,
}

impl Place {
    fn new() -> Self {
        let (text, recipient) = Identities::generate();
        let identity = Identities::parse(&text).unwrap();
        Self { folder: tempfile::tempdir().unwrap(), identity, recipient }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn keys(&self) -> PathBuf {
        self.at("keys")
    }

    async fn start_in(&self, data: PathBuf, keys: PathBuf) -> Running {
        let kms = Arc::new(Keyring::open(keys).unwrap());
        let store = Arc::new(Embedded::open(data.join("store")).await.unwrap());
        let journal = Journal::open(&data, kms.clone(), store.clone()).await.unwrap();
        Running { journal, store, kms, data }
    }

    async fn start(&self, data: &str) -> Running {
        self.start_in(self.at(data), self.keys()).await
    }

    fn restoring(&self, file: &str, data: &str) -> Restoring {
        let restoring = Restoring::new(self.at(file), self.identity.clone(), self.at(data), self.keys());
        Restoring { newest: true, ..restoring }
    }

    async fn restore(&self, file: &str, data: &str) -> Result<Restored, RestoreError> {
        restore(self.restoring(file, data)).await
    }

    async fn save(&self, snapshot: Snapshot, file: &str) {
        let (file, recipients) = (self.at(file), [self.recipient.clone()]);
        let work = move || {
            let mut draft = Draft::begin(&file, &recipients, false)?;
            snapshot.write(&mut draft)?;
            draft.finish()
        };
        tokio::task::spawn_blocking(work).await.unwrap().unwrap();
    }

    /// Seals bytes as a back-up is sealed.
    fn seal(&self, bytes: &[u8], file: &str) {
        let mut draft = Draft::begin(&self.at(file), std::slice::from_ref(&self.recipient), true).unwrap();
        draft.write_all(bytes).unwrap();
        draft.finish().unwrap();
    }

    /// The bytes that are sealed in a back-up.
    fn opened(&self, file: &str, identity: &str) -> Vec<u8> {
        let identity: age::x25519::Identity = identity.parse().unwrap();
        let file = std::io::BufReader::new(fs::File::open(self.at(file)).unwrap());
        let decryptor = age::Decryptor::new_buffered(file).unwrap();
        let identities = std::iter::once(&identity as &dyn age::Identity);
        let mut bytes = Vec::new();
        decryptor.decrypt(identities).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    }
}

impl Running {
    async fn begin(&self, number: u8) -> CallJournal {
        let [_, _, caller] = canaries(number);
        let info = CallInfo {
            id: id(number).to_string(),
            direction: Direction::Inbound,
            line: "+33123456789".into(),
            caller: Some(caller),
            language: "fr-FR".into(),
            started_at: LocalTime { year: 2026, month: 11, day: 2, hour: 9, minute: 30 },
            settings: vec![],
        };
        let started = CallStarted { info: Some(info), ..CallStarted::default() };
        self.journal.open_call(&tenant(), id(number), started).await.unwrap()
    }

    async fn call(&self, number: u8) {
        let call = self.begin(number).await;
        say(&call, number).await;
        call.close(CallEnded::default()).await.unwrap();
    }

    async fn rows(&self) -> TenantStore {
        TenantStore::open(self.store.clone() as Arc<dyn Store>, &*self.kms, tenant()).await.unwrap()
    }

    async fn row(&self, key: &str) -> Option<Vec<u8>> {
        self.rows().await.get(Table::Memory, key).await.unwrap()
    }

    /// The calls that whoever has the number of a call may have placed, newest first.
    async fn calls_of(&self, number: u8) -> Vec<CallId> {
        let [_, _, caller] = canaries(number);
        let found = self.journal.calls_of(&tenant(), &caller, callers).await.unwrap();
        assert!(found.unread.is_empty(), "{:?}", found.unread);
        found.calls.iter().map(|call| call.entry.call).collect()
    }

    async fn log_key_since(&self) -> u64 {
        self.journal.log_key_since(&tenant()).await.unwrap().unwrap()
    }

    async fn snapshot(&self) -> Snapshot {
        Snapshot::of_data(&self.journal, &*self.store, &self.data).await.unwrap()
    }

    async fn stop(self) {
        self.journal.shutdown().await;
        drop(self.journal);
        while Arc::strong_count(&self.store) > 1 {
            tokio::task::yield_now().await;
        }
        Arc::into_inner(self.store).unwrap().close().await;
    }
}

/// Who rang in a call, from its records.
fn callers(records: Vec<Record>) -> Numbers {
    let caller = records.into_iter().find_map(|record| match record.body {
        RecordBody::CallStarted(started) => started.info?.caller,
        _ => None,
    });
    Numbers { callers: caller.into_iter().collect(), ..Numbers::default() }
}

async fn say(call: &CallJournal, number: u8) {
    let [sound, said, _] = canaries(number);
    let arguments = HostCall::Say(Say { text: said, options: SayOptions::default() });
    let started = HostCallStarted { import: Import::Say, arguments: Some(arguments) };
    call.append_durable(RecordBody::HostCallStarted(started)).await.unwrap();
    for second in 0..2 {
        call.recording(RecordingBlock { second, bytes: sound.repeat(600).into_bytes() }).unwrap();
    }
    call.flush().await.unwrap();
}

/// Whether a call can be read, with its content and its sound.
async fn is_whole(data: &Path, keys: &Path, number: u8) -> bool {
    let kms = Keyring::open(keys).unwrap();
    let Ok(records) = read_call(data, &kms, &tenant(), id(number), None).await else { return false };
    let text = format!("{records:?}");
    let [sound, said, caller] = canaries(number);
    let blocks = read_recording(data, &kms, &tenant(), id(number), None).await.unwrap();
    [said, caller].iter().all(|canary| text.contains(canary))
        && blocks.len() == 2
        && blocks.iter().all(|block| block.bytes.starts_with(sound.as_bytes()))
}

/// Every file below a folder, with its bytes.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.insert(path.clone(), fs::read(&path).unwrap_or_default());
        }
    }
    all
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_back_up_of_live_calls_comes_back_and_what_was_erased_since_is_nowhere_in_it() {
    let (text, recipient) = Identities::generate();
    let place = Place { recipient, identity: Identities::parse(&text).unwrap(), ..Place::new() };
    let running = place.start("data").await;
    for number in 1..=3 {
        running.call(number).await;
    }
    let put = Batch::new().put(Table::Memory, "+33612345002", "canary of a row 002").put(
        Table::Memory,
        "other",
        "stays",
    );
    running.rows().await.apply(put).await.unwrap();
    let live = running.begin(4).await;
    say(&live, 4).await;
    let snapshot = running.snapshot().await;
    let part = snapshot.manifest().tenants[0].clone();
    // The index may not know yet of the call that was begun just now.
    assert!(part.tenant == tenant() && (3..=4).contains(&part.calls) && part.rows == 2, "{part:?}");
    assert!(part.size > 0 && snapshot.bytes() > part.bytes);
    // It is as it is at that moment, whatever happens until it is written.
    live.close(CallEnded::default()).await.unwrap();
    running.call(5).await;
    place.save(snapshot, "backup.age").await;
    for canary in (1..=4).flat_map(canaries) {
        assert!(!contains(place.folder.path(), canary.as_bytes()), "{canary} in clear");
    }

    let found = running.rows().await.entry(Table::Memory, "+33612345002").await.unwrap().unwrap();
    let rows = vec![Rows::At(found.row)];
    let (calls, purposes) = (vec![id(2)], Purposes::ALL);
    let erasure = Erasure { calls, purposes, rows, ..Erasure::default() };
    running.journal.erase(&tenant(), erasure).await.unwrap();
    running.stop().await;

    // Somebody who opens the back-up itself and has every key that is left.
    let bytes = place.opened("backup.age", text.lines().nth(1).unwrap());
    tar::Archive::new(bytes.as_slice()).unpack(place.at("stolen")).unwrap();
    let thief = Thief::read(&place.keys(), &place.at("stolen"), &tenant());
    for canary in canaries(2) {
        assert!(!thief.finds(&canary), "{canary}");
    }
    for canary in [canaries(1), canaries(3), canaries(4)].concat() {
        assert!(thief.finds(&canary), "{canary}: otherwise the search would find nothing in any case");
    }

    let (keys, before) = (files(&place.keys()), files(&place.at("data")));
    let checked = restore(Restoring { check: true, ..place.restoring("backup.age", "data") }).await.unwrap();
    assert_eq!((checked.report.erased, checked.report.interrupted, checked.rows), (1, 1, 1));
    assert_eq!(files(&place.at("data")), before, "only to be checked");
    let restored = place.restore("backup.age", "back").await.unwrap();
    assert_eq!((restored.report.erased, restored.report.interrupted, restored.rows), (1, 1, 1));
    assert_eq!(files(&place.keys()), keys, "keys are looked at, and stay as they are");
    assert_eq!(names(place.folder.path()), ["back", "backup.age", "data", "keys", "stolen"]);

    let back = place.at("back");
    let thief = Thief::read(&place.keys(), &back, &tenant());
    for canary in canaries(2).into_iter().chain(["canary of a row 002".into()]) {
        assert!(!thief.finds(&canary) && !contains(&back, canary.as_bytes()), "{canary}");
    }
    let running = place.start("back").await;
    for number in [1, 3, 4] {
        assert!(is_whole(&back, &place.keys(), number).await, "{number}");
    }
    assert!(!is_whole(&back, &place.keys(), 2).await && !is_whole(&back, &place.keys(), 5).await);
    let cut = running.journal.call(&tenant(), id(4)).await.unwrap().unwrap();
    assert_eq!(cut.outcome, Some(Ending::Interrupted));
    assert_eq!(running.row("other").await.unwrap(), b"stays");
    assert_eq!(running.row("+33612345002").await, None);
    // And it goes on from there.
    running.call(6).await;
    running.journal.publish().await;
    let report = running.journal.verify(Scope::All).await.unwrap();
    assert!(report.is_sound() && report.signed == report.chunks, "{:#?}", report.problems);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_restricted_blocked_or_held_since_a_back_up_stays_so_when_it_comes_back() {
    let place = Place::new();
    let running = place.start("data").await;
    running.call(1).await;
    place.save(running.snapshot().await, "backup.age").await;
    let number = canaries(1)[2].clone();
    let who = pseudonym(&*running.kms, &tenant(), &number).await.unwrap();
    let named = || Named { number: Some(number.clone()), why: Some("her letter".into()) };
    running.journal.restrict(&tenant(), who, named(), false).await.unwrap().unwrap();
    running.journal.block(&tenant(), who, named(), Some(BlockedTo::Human)).await.unwrap().unwrap();
    let days = ("2026-11-22".to_owned(), "2026-12-22".to_owned());
    let case = running.journal.open_case(&tenant(), Right::Object, days, named()).await.unwrap();
    running.journal.hold(&tenant(), id(1), "a lawsuit".into()).await.unwrap();
    let asked = rights(&*running.kms, &tenant()).await.unwrap();
    running.stop().await;

    let restored = place.restore("backup.age", "back").await.unwrap();
    assert!(restored.unknown.is_empty(), "the keys are the newest there are");
    let running = place.start("back").await;
    let known = rights(&*running.kms, &tenant()).await.unwrap();
    assert_eq!(known, asked);
    assert_eq!((known.restricted[0].who, known.blocked[0].who), (who, who));
    assert_eq!((known.blocked[0].to, known.case(case.case)), (BlockedTo::Human, Some(&case)));
    let erase = async |calls: Vec<CallId>| {
        let erasure = Erasure { calls, purposes: Purposes::CONTENTS, ..Erasure::default() };
        running.journal.erase(&tenant(), erasure).await
    };
    let held = erase(vec![id(1)]).await;
    assert!(matches!(held, Err(JournalError::NotErasable { .. })), "{held:?}");
    // What the log lacks since is in nobody's way.
    assert_eq!(erase(known.naming.clone()).await.unwrap().calls, 0);
    assert!(running.journal.release(&tenant(), id(1), "it is over".into()).await.unwrap());
    assert_eq!(erase(vec![id(1)]).await.unwrap().calls, 1);
    assert!(running.journal.restrict(&tenant(), who, named(), true).await.unwrap().is_some());
    let report = running.journal.verify(Scope::All).await.unwrap();
    assert!(report.is_sound(), "{:#?}", report.problems);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_are_older_than_the_log_are_told_of_with_what_has_to_be_done_again() {
    let place = Place::new();
    let running = place.start("data").await;
    running.call(1).await;
    // The log has its first key.
    running.journal.publish().await;
    copy(&place.keys(), &place.at("old-keys"));
    let number = canaries(1)[2].clone();
    let who = pseudonym(&*running.kms, &tenant(), &number).await.unwrap();
    let named = || Named { number: Some(number.clone()), why: None };
    let restricted = running.journal.restrict(&tenant(), who, named(), false).await.unwrap().unwrap();
    let blocked =
        running.journal.block(&tenant(), who, named(), Some(BlockedTo::Refuse)).await.unwrap().unwrap();
    running.journal.rotate_log_key(&tenant()).await.unwrap();
    place.save(running.snapshot().await, "backup.age").await;
    running.stop().await;
    let restoring = Restoring { keys: place.at("old-keys"), ..place.restoring("backup.age", "back") };
    let restored = restore(restoring).await.unwrap();
    assert_eq!(restored.unknown, [(tenant(), restricted), (tenant(), blocked)]);
    assert_eq!(restored.lacking, [tenant()], "the log's next key is not among them");
    let restored = place.restore("backup.age", "back-2").await.unwrap();
    assert!(restored.unknown.is_empty() && restored.lacking.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_goes_on_with_keys_that_were_backed_up_before_its_key_was_rotated() {
    let place = Place::new();
    let running = place.start("data").await;
    running.call(1).await;
    running.journal.publish().await;
    running.log_key_since().await;
    let next = async || running.journal.next_log_key(&tenant()).await.unwrap();
    assert_eq!((next().await, next().await), (NextLogKey::Made, NextLogKey::Made));
    let held = running.journal.hold_keys().await;
    place.save(Snapshot::of_keys(&place.keys()).unwrap(), "keys.age").await;
    held.backed_up().await.unwrap();
    assert_eq!(next().await, NextLogKey::BackedUp);
    running.journal.rotate_log_key(&tenant()).await.unwrap();
    assert_eq!(next().await, NextLogKey::Made, "the one after it is in none");
    running.call(2).await;
    place.save(running.snapshot().await, "data.age").await;
    running.stop().await;
    fs::rename(place.keys(), place.at("lost")).unwrap();
    fs::rename(place.at("data"), place.at("lost-too")).unwrap();

    place.restore("keys.age", "data").await.unwrap();
    let restored = place.restore("data.age", "data").await.unwrap();
    assert!(restored.lacking.is_empty() && restored.report.is_sound(), "{:#?}", restored.report.problems);
    let running = place.start("data").await;
    running.call(3).await;
    running.journal.rotate_log_key(&tenant()).await.unwrap();
    assert_eq!(published_keys(&running.data, &tenant()).await.unwrap().len(), 3);
    let report = running.journal.verify(Scope::All).await.unwrap();
    assert!(report.is_sound() && report.signed == report.chunks, "{:#?}", report.problems);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_of_an_erasure_that_was_cut_off_does_not_come_back_as_it_was_before() {
    let place = Place::new();
    let running = place.start("data").await;
    running.call(1).await;
    let put = async |running: &Running, value: &str| {
        let batch = Batch::new().put(Table::Memory, "last", value).put(Table::Memory, "other", "stays");
        running.rows().await.apply(batch).await.unwrap();
    };
    put(&running, "canary of a row as it was").await;
    place.save(running.snapshot().await, "backup.age").await;
    put(&running, "canary of a row as it is").await;
    let row = running.rows().await.entry(Table::Memory, "last").await.unwrap().unwrap().row;
    running.stop().await;
    // Of the row as it is now.
    let erasure = Erasure { rows: vec![Rows::At(row)], purposes: Purposes::CONTENTS, ..Erasure::default() };
    cut_off(&place, erasure).await;

    place.restore("backup.age", "back").await.unwrap();
    let running = place.start("back").await;
    assert_eq!(running.row("last").await, None);
    assert_eq!(running.row("other").await.unwrap(), b"stays");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_file_of_any_kind_is_refused_with_its_reason_and_leaves_nothing() {
    let place = Place::new();
    let running = place.start("data").await;
    running.call(1).await;
    place.save(running.snapshot().await, "whole.age").await;
    running.stop().await;
    let whole = fs::read(place.at("whole.age")).unwrap();
    let there = names(place.folder.path());
    let refused = async |bytes: &[u8]| {
        fs::write(place.at("whole.age"), bytes).unwrap();
        let refused = place.restore("whole.age", "back").await.unwrap_err();
        assert_eq!(names(place.folder.path()), there, "{refused}");
        refused
    };
    for place in (0..24).map(|part| whole.len() * part / 24).chain([whole.len() - 1]) {
        let error = refused(&whole[..place]).await;
        let cut = matches!(
            error,
            RestoreError::Cut(_) | RestoreError::Damaged { .. } | RestoreError::NotOurs { .. }
        );
        assert!(cut, "{place}: {error}");
        let mut flipped = whole.clone();
        flipped[place] ^= 1;
        let error = refused(&flipped).await;
        let damaged = matches!(
            error,
            RestoreError::Damaged { .. } | RestoreError::WrongIdentity(_) | RestoreError::NotOurs { .. }
        );
        assert!(damaged, "{place}: {error}");
    }
    let mut longer = whole.clone();
    longer.push(0);
    let error = refused(&longer).await;
    assert!(matches!(error, RestoreError::Damaged { .. }), "{error}");
    let error = refused(b"a letter to somebody").await;
    assert!(matches!(error, RestoreError::NotOurs { .. }), "{error}");

    // What is sealed well and is something else.
    let sealed = async |bytes: &[u8]| {
        place.seal(bytes, "whole.age");
        let refused = place.restore("whole.age", "back").await.unwrap_err();
        assert_eq!(names(place.folder.path()), there, "{refused}");
        refused
    };
    let error = sealed(&[b'x'; 3_000]).await;
    assert!(matches!(error, RestoreError::NotOurs { .. }), "{error}");
    let manifest = |text: &str| {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_size(text.len() as u64);
        tar.append_data(&mut header, "manifest.json", text.as_bytes()).unwrap();
        tar.into_inner().unwrap()
    };
    let newer = r#"{ "format": "parloir-backup", "version": 9, "program": "7.0.0", "new": [] }"#;
    let error = sealed(&manifest(newer)).await;
    assert!(matches!(&error, RestoreError::Newer { .. }) && error.to_string().contains("7.0.0"), "{error}");
    let error = sealed(&manifest("{}")).await;
    assert!(matches!(error, RestoreError::NotOurs { .. }), "{error}");

    fs::write(place.at("whole.age"), &whole).unwrap();
    let (other, _) = Identities::generate();
    let identities = Identities::parse(&other).unwrap();
    let wrong = restore(Restoring { identities, ..place.restoring("whole.age", "back") }).await;
    assert!(matches!(wrong, Err(RestoreError::WrongIdentity(_))));
    let full = place.restore("whole.age", "data").await;
    assert!(matches!(full, Err(RestoreError::NotEmpty(..))));
    assert_eq!(names(place.folder.path()), there);
    fs::create_dir(place.at("back")).unwrap();
    place.restore("whole.age", "back").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_keys_or_none_are_told_before_anything_is_written() {
    let place = Place::new();
    let running = place.start("data").await;
    running.call(1).await;
    place.save(running.snapshot().await, "backup.age").await;
    running.stop().await;
    let with = async |keys: &str| {
        let restoring = Restoring { keys: place.at(keys), ..place.restoring("backup.age", "back") };
        let refused = restore(restoring).await.unwrap_err();
        assert!(!place.at("back").exists());
        refused
    };
    let error = with("nothing").await;
    assert!(matches!(error, RestoreError::NoKeys(_)), "{error}");
    assert!(!place.at("nothing").exists());
    fs::create_dir(place.at("empty")).unwrap();
    let error = with("empty").await;
    assert!(matches!(error, RestoreError::KeysMissing { .. }), "{error}");
    assert!(names(&place.at("empty")).is_empty(), "no key is made");
    // One of before the log's first key.
    copy(&place.keys(), &place.at("early"));
    fs::remove_file(place.at("early/cabinet/log-00000001.key")).unwrap();
    let before = names(&place.at("early/cabinet"));
    let error = with("early").await;
    assert!(matches!(error, RestoreError::Copy(_)), "{error}");
    assert_eq!(names(&place.at("early/cabinet")), before, "no key of a log is made");
    // Another installation's.
    let other = place.start_in(place.at("other"), place.at("other.keys")).await;
    other.call(1).await;
    other.stop().await;
    let error = with("other.keys").await;
    assert!(matches!(error, RestoreError::Copy(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_a_back_up_of_their_own_and_bring_the_data_back_with_it() {
    let place = Place::new();
    let running = place.start("data").await;
    running.call(1).await;
    place.save(running.snapshot().await, "data.age").await;
    let socket = UnixListener::bind(place.keys().join("control.sock")).unwrap();
    fs::write(place.keys().join("cabinet/draft-00ff"), b"a key that was never used").unwrap();
    fs::write(place.keys().join("cabinet/Strange.key"), b"of a kind that nobody knows").unwrap();
    fs::write(place.keys().join("carrier.token"), b"a carrier's").unwrap();
    {
        let _held = running.journal.hold_keys().await;
        let keys = Snapshot::of_keys(&place.keys()).unwrap();
        assert_eq!(keys.manifest().of, Of::Keys);
        assert_eq!(
            keys.left_out(),
            ["cabinet/Strange.key", "carrier.token"],
            "what is none of its keys is told"
        );
        place.save(keys, "keys.age").await;
    }
    drop(socket);
    running.stop().await;
    fs::rename(place.keys(), place.at("lost")).unwrap();
    fs::rename(place.at("data"), place.at("lost-too")).unwrap();

    let checked = restore(Restoring { check: true, ..place.restoring("keys.age", "data") }).await.unwrap();
    assert_eq!(checked.manifest.of, Of::Keys);
    assert!(!place.keys().exists());
    place.restore("keys.age", "data").await.unwrap();
    let back: Vec<_> = names(&place.keys().join("cabinet"));
    let is_key = |name: &String| !name.starts_with("draft") && name != "Strange.key";
    let lost: Vec<_> = names(&place.at("lost/cabinet")).into_iter().filter(is_key).collect();
    assert_eq!(back, lost);
    assert_eq!(names(&place.keys()), ["cabinet"]);
    place.restore("data.age", "data").await.unwrap();
    assert!(is_whole(&place.at("data"), &place.keys(), 1).await);
    let full = place.restore("keys.age", "data").await;
    assert!(matches!(full, Err(RestoreError::NotEmpty(..))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_back_knows_who_is_in_which_call_and_since_when_its_logs_key_signs() {
    let place = Place::new();
    let running = place.start("data").await;
    for number in 1..=2 {
        running.call(number).await;
    }
    running.journal.publish().await;
    let first = running.log_key_since().await;
    assert_eq!((running.calls_of(1).await, running.calls_of(2).await), (vec![id(1)], vec![id(2)]));
    place.save(running.snapshot().await, "data.age").await;
    // Since then: the log's next two keys, so that the one that signed the data is gone; and the content of a call goes, and
    // with it who is known to be in it.
    for _ in 0..2 {
        running.journal.rotate_log_key(&tenant()).await.unwrap();
    }
    let since = running.log_key_since().await;
    assert!(since > first);
    let erasure = Erasure { calls: vec![id(1)], purposes: Purposes::CONTENTS, ..Erasure::default() };
    assert_eq!(running.journal.erase(&tenant(), erasure).await.unwrap().calls, 1);
    assert_eq!((running.calls_of(1).await, running.calls_of(2).await), (vec![], vec![id(2)]));
    {
        let _held = running.journal.hold_keys().await;
        place.save(Snapshot::of_keys(&place.keys()).unwrap(), "keys.age").await;
    }
    running.stop().await;
    fs::rename(place.keys(), place.at("lost")).unwrap();
    fs::rename(place.at("data"), place.at("lost-too")).unwrap();

    place.restore("keys.age", "data").await.unwrap();
    place.restore("data.age", "data").await.unwrap();
    let running = place.start("data").await;
    // Of the key that is noted, though the data that came back is older than its publication.
    assert_eq!(running.log_key_since().await, since);
    assert_eq!((running.calls_of(1).await, running.calls_of(2).await), (vec![], vec![id(2)]));
    running.call(3).await;
    running.journal.publish().await;
    assert_eq!((running.calls_of(3).await, running.log_key_since().await), (vec![id(3)], since));
    // The clock goes on: the next key is made and announced.
    running.journal.rotate_log_key(&tenant()).await.unwrap();
    assert!(running.log_key_since().await > since);
    assert_eq!(published_keys(&running.data, &tenant()).await.unwrap().len(), 4);
    let report = running.journal.verify(Scope::All).await.unwrap();
    assert!(report.is_sound() && report.signed == report.chunks, "{:#?}", report.problems);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_that_was_cut_off_destroys_no_key_while_a_back_up_is_only_tried() {
    let place = Place::new();
    let running = place.start("data").await;
    for number in 1..=2 {
        running.call(number).await;
    }
    place.save(running.snapshot().await, "backup.age").await;
    // A call that the back-up does not know, of the same epoch.
    running.call(3).await;
    running.stop().await;
    let erasure = Erasure { calls: vec![id(2)], purposes: Purposes::ALL, ..Erasure::default() };
    cut_off(&place, erasure).await;

    let before = files(&place.keys());
    let restored = place.restore("backup.age", "back").await.unwrap();
    assert_eq!((restored.report.erased, restored.report.problems.len()), (1, 0));
    assert_eq!(files(&place.keys()), before);
    assert!(is_whole(&place.at("data"), &place.keys(), 3).await, "no key of a newer call is lost");
    // The first that opens it for good finishes it.
    let running = place.start("back").await;
    assert!(is_whole(&place.at("back"), &place.keys(), 1).await);
    assert!(!is_whole(&place.at("back"), &place.keys(), 2).await);
    assert_eq!(running.journal.call(&tenant(), id(2)).await.unwrap(), None, "nor is it listed");
    let report = running.journal.verify(Scope::All).await.unwrap();
    assert!(report.is_sound() && report.erased == 1, "{:#?}", report.problems);
    assert_eq!(Keyring::open(place.keys()).unwrap().recall(&tenant(), Memo::Erasing).await.unwrap(), None);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_that_may_not_be_the_newest_takes_no_keys_of_newer_data() {
    let place = Place::new();
    let running = place.start("data").await;
    running.call(1).await;
    place.save(running.snapshot().await, "backup.age").await;
    // Of the same month, and not in the back-up.
    running.call(2).await;
    running.stop().await;
    let restoring = Restoring { newest: false, ..place.restoring("backup.age", "back") };
    restore(restoring).await.unwrap();
    let running = place.start("back").await;
    let erase = async || {
        let erasure = Erasure { calls: vec![id(1)], purposes: Purposes::CONTENTS, ..Erasure::default() };
        running.journal.erase(&tenant(), erasure).await
    };
    let refused = erase().await;
    let Err(JournalError::CameBack { note, .. }) = refused else { panic!("{refused:?}") };
    assert!(is_whole(&place.at("data"), &place.keys(), 2).await, "a newer call's key is there");
    assert!(is_whole(&place.at("back"), &place.keys(), 1).await);
    fs::remove_file(note).unwrap();
    assert_eq!(erase().await.unwrap().calls, 1);
    assert!(!is_whole(&place.at("back"), &place.keys(), 1).await);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_that_is_finished_on_older_data_leaves_newer_data_unreadable_too() {
    let place = Place::new();
    let running = place.start("data").await;
    running.call(1).await;
    place.save(running.snapshot().await, "backup.age").await;
    running.call(2).await;
    running.stop().await;
    let erasure = Erasure { calls: vec![id(2)], purposes: Purposes::ALL, ..Erasure::default() };
    cut_off(&place, erasure).await;
    assert!(Thief::read(&place.keys(), &place.at("data"), &tenant()).finds(&canaries(2)[1]));
    place.restore("backup.age", "back").await.unwrap();
    let running = place.start("back").await;
    assert!(is_whole(&place.at("back"), &place.keys(), 1).await);
    running.stop().await;
    let thief = Thief::read(&place.keys(), &place.at("data"), &tenant());
    for canary in canaries(2) {
        assert!(!thief.finds(&canary), "{canary}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_that_was_cut_off_waits_until_it_is_said_that_there_is_no_newer_data() {
    let place = Place::new();
    let running = place.start("data").await;
    for number in 1..=2 {
        running.call(number).await;
    }
    place.save(running.snapshot().await, "backup.age").await;
    running.call(3).await;
    running.stop().await;
    let erasure = Erasure { calls: vec![id(2)], purposes: Purposes::ALL, ..Erasure::default() };
    cut_off(&place, erasure).await;
    let restoring = Restoring { newest: false, ..place.restoring("backup.age", "back") };
    restore(restoring).await.unwrap();
    let waits = async || {
        let noted = Keyring::open(place.keys()).unwrap().recall(&tenant(), Memo::Erasing).await;
        noted.unwrap().is_some()
    };
    for _start in 0..2 {
        place.start("back").await.stop().await;
        assert!(waits().await);
        assert!(is_whole(&place.at("data"), &place.keys(), 3).await, "no key of a newer call is lost");
    }
    fs::remove_file(place.at("back/came-back")).unwrap();
    let running = place.start("back").await;
    assert!(!waits().await);
    assert!(is_whole(&place.at("back"), &place.keys(), 1).await);
    assert_eq!(running.journal.call(&tenant(), id(2)).await.unwrap(), None, "nor is it listed");
    let report = running.journal.verify(Scope::All).await.unwrap();
    assert!(report.is_sound() && report.erased == 1, "{:#?}", report.problems);
    running.stop().await;
}

/// Notes an erasure beside the keys as one that was cut off right after that. It is begun on copies: the keys stay whole.
async fn cut_off(place: &Place, erasure: Erasure) {
    copy(&place.at("data"), &place.at("data-2"));
    copy(&place.keys(), &place.at("keys-2"));
    let kms = Arc::new(Stopping(Keyring::open(place.at("keys-2")).unwrap()));
    let store = Arc::new(Embedded::open(place.at("data-2/store")).await.unwrap());
    let journal = Journal::open(place.at("data-2"), kms.clone(), store).await.unwrap();
    let stopped = journal.erase(&tenant(), erasure).await;
    assert!(matches!(stopped, Err(JournalError::Key(_) | JournalError::Store(_))), "{stopped:?}");
    journal.shutdown().await;
    let note = kms.recall(&tenant(), Memo::Erasing).await.unwrap();
    assert!(note.is_some());
    Keyring::open(place.keys()).unwrap().remember(&tenant(), Memo::Erasing, note).await.unwrap();
}

/// Keys with which no erasure comes further than its note.
struct Stopping(Keyring);

#[async_trait]
impl Kms for Stopping {
    async fn wrap(&self, tenant: &TenantId, context: &[u8], secret: &Secret) -> Result<Vec<u8>, KeyError> {
        self.0.wrap(tenant, context, secret).await
    }

    async fn unwrap(&self, tenant: &TenantId, context: &[u8], wrapped: &[u8]) -> Result<Secret, KeyError> {
        self.0.unwrap(tenant, context, wrapped).await
    }

    async fn row_key(&self, tenant: &TenantId) -> Result<RowKey, KeyError> {
        self.0.row_key(tenant).await
    }

    fn epoch(&self, wrapped: &[u8]) -> Option<u32> {
        self.0.epoch(wrapped)
    }

    async fn close_epoch(&self, _tenant: &TenantId, _epoch: u32) -> Result<(), KeyError> {
        Err(KeyError::Io("it was killed".into()))
    }

    async fn erase_rows(&self, _tenant: &TenantId, _rows: &[Gone]) -> Result<(), KeyError> {
        Err(KeyError::Io("it was killed".into()))
    }

    async fn recall(&self, tenant: &TenantId, memo: Memo) -> Result<Option<Vec<u8>>, KeyError> {
        self.0.recall(tenant, memo).await
    }

    async fn remember(&self, tenant: &TenantId, memo: Memo, what: Option<Vec<u8>>) -> Result<(), KeyError> {
        self.0.remember(tenant, memo, what).await
    }

    async fn log_keys(&self, tenant: &TenantId) -> Result<Vec<LogKey>, KeyError> {
        self.0.log_keys(tenant).await
    }

    async fn sign_log(
        &self,
        tenant: &TenantId,
        generation: u32,
        message: &[u8],
    ) -> Result<[u8; 64], KeyError> {
        self.0.sign_log(tenant, generation, message).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_restore_left_that_was_killed_goes_with_the_next_and_no_other_folder_does() {
    let place = Place::new();
    let running = place.start("data").await;
    running.call(1).await;
    place.save(running.snapshot().await, "backup.age").await;
    running.stop().await;
    for name in ["back.restoring-dead", "back.restoring-live", "back.restoring-mine"] {
        fs::create_dir(place.at(name)).unwrap();
        fs::write(place.at(name).join("00000001.key"), b"a key").unwrap();
    }
    fs::write(place.at("back.restoring-dead/restoring.lock"), b"").unwrap();
    let live = fs::File::create(place.at("back.restoring-live/restoring.lock")).unwrap();
    live.lock().unwrap();
    place.restore("backup.age", "back").await.unwrap();
    let there = ["back", "back.restoring-live", "back.restoring-mine", "backup.age", "data", "keys"];
    assert_eq!(names(place.folder.path()), there);
    assert!(!names(&place.at("back")).contains(&"restoring.lock".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_written_leaves_nothing_of_its_name() {
    let place = Place::new();
    let running = place.start("data").await;
    running.call(1).await;
    let snapshot = running.snapshot().await;
    let refused = snapshot.write(Full(1_000)).unwrap_err();
    assert!(matches!(refused, BackUpError::Io { .. }), "{refused}");
    let (file, snapshot) = (place.at("backup.age"), running.snapshot().await);
    let mut draft = Draft::begin(&file, std::slice::from_ref(&place.recipient), false).unwrap();
    snapshot.write(&mut draft).unwrap();
    drop(draft);
    assert_eq!(names(place.folder.path()), ["data", "keys"]);
    running.stop().await;
}

/// A disk that is full after so many bytes.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(std::io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
