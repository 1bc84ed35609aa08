//! The signed log of a tenant, as whoever is outside sees it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{fmt, io};

use parloir_contract::{CallId, HostCall, Import, Say, SayOptions, TenantId};
use parloir_journal::{
    CallEnded, CallStarted, Content, ContentOf, DigestKey, HostCallStarted, Journal, JournalError,
    Note as Remark, ProblemKind, ProveError, RecordBody, Redaction, Scope, SinceError, VerifyReport,
    check_since, prove, read_tile, verify,
};
use parloir_proof::checkpoint::Checkpoint;
use parloir_proof::note::{KeyKind, Note, PrivateKey, PublicKey};
use parloir_proof::{Proof, ProofError, Trust, search, tree};
use parloir_store::disk::{Disk, DiskFile, OsDisk, Readers};
use parloir_store::{Embedded, Keyring, Kms};
use tempfile::TempDir;

struct Place {
    folder: TempDir,
}

struct Running {
    journal: Journal,
    store: Arc<Embedded>,
}

fn tenant() -> TenantId {
    "cabinet".parse().unwrap()
}

fn id(number: u8) -> CallId {
    CallId::from_bytes([number; 16])
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log(&self) -> PathBuf {
        self.data().join("log/cabinet")
    }

    fn kms(&self) -> Arc<Keyring> {
        Arc::new(Keyring::open(self.folder.path().join("keys")).unwrap())
    }

    async fn start(&self) -> Running {
        self.start_on(Arc::new(OsDisk)).await
    }

    async fn start_on(&self, disk: Arc<dyn Disk>) -> Running {
        let store = Arc::new(Embedded::open(self.data().join("store")).await.unwrap());
        let journal = Journal::open_on(disk, self.data(), self.kms(), store.clone()).await.unwrap();
        Running { journal, store }
    }

    async fn verify(&self) -> VerifyReport {
        verify(self.data(), self.kms(), None, Scope::All).await.unwrap()
    }

    /// What is signed, as a file: no state of the program is asked.
    fn checkpoint(&self) -> Checkpoint {
        let note: Note = fs::read_to_string(self.log().join("checkpoint")).unwrap().parse().unwrap();
        note.text.parse().unwrap()
    }

    fn key(&self) -> PublicKey {
        fs::read_to_string(self.log().join("keys/00000001")).unwrap().trim().parse().unwrap()
    }

    async fn calls(&self, numbers: std::ops::Range<u8>) {
        let running = self.start().await;
        for number in numbers {
            running.call(number, 3).await;
        }
        running.stop().await;
    }

    async fn prove(
        &self,
        number: u8,
        redaction: Redaction,
        since: Option<Note>,
    ) -> Result<Proof, ProveError> {
        prove(self.data(), &*self.kms(), &tenant(), id(number), redaction, since, vec![]).await
    }
}

impl Running {
    async fn call(&self, number: u8, durable: usize) {
        let call = self.journal.open_call(&tenant(), id(number), CallStarted::default()).await.unwrap();
        for step in 0..durable {
            let text = format!("Bonjour {number} {step}");
            let arguments = HostCall::Say(Say { text, options: SayOptions::default() });
            let started = HostCallStarted { import: Import::Say, arguments: Some(arguments) };
            call.append_durable(RecordBody::HostCallStarted(started)).await.unwrap();
            call.append(RecordBody::Note(Remark { text: "noted".into() })).unwrap();
        }
        call.close(CallEnded::default()).await.unwrap();
    }

    async fn stop(self) {
        self.journal.shutdown().await;
        drop(self.journal);
        Arc::into_inner(self.store).unwrap().close().await;
    }
}

fn trust(key: PublicKey) -> Trust {
    Trust { log: Some(key), witnesses: vec![] }
}

fn has_signed_problem(report: &VerifyReport) -> bool {
    report.problems.iter().any(|problem| problem.kind == ProblemKind::Signed)
}

#[tokio::test]
async fn every_chunk_is_in_a_signed_checkpoint_and_its_tiles_can_be_served() {
    let place = Place::new();
    place.calls(0..30).await;
    let report = place.verify().await;
    assert!(report.is_sound(), "{:?}", report.problems);
    assert_eq!((report.signed, place.checkpoint().size), (report.chunks, report.chunks));
    let entries = place.log().join(format!("tile/entries/000.p/{}", report.chunks));
    assert!(entries.is_file(), "{}", entries.display());
    // Signed on its way, too: not only at the end.
    let running = place.start().await;
    running.call(200, 2).await;
    running.journal.publish().await;
    assert!(place.checkpoint().size > report.chunks);
    let note = running.journal.checkpoint(&tenant()).await.unwrap().unwrap();
    note.signed_by(&[place.key()]).unwrap();
    running.stop().await;
}

#[tokio::test]
async fn a_call_is_proven_to_whoever_has_the_key_redacted_or_whole() {
    let place = Place::new();
    place.calls(0..4).await;
    let old: Note = fs::read_to_string(place.log().join("checkpoint")).unwrap().parse().unwrap();
    place.calls(4..8).await;

    let whole = place.prove(2, Redaction::default(), Some(old)).await.unwrap();
    let written = serde_json::to_vec(&whole).unwrap();
    let verified = Proof::parse(&written).unwrap().verify(&trust(place.key())).unwrap();
    assert!(verified.complete && verified.key_known && verified.since.is_some());
    assert_eq!(verified.records.len(), 8);
    assert!(String::from_utf8_lossy(&serde_json::to_vec(&verified).unwrap()).contains("Bonjour 2 1"));

    let no_contents = Redaction { contents: true, ..Redaction::default() };
    let verified = place.prove(2, no_contents, None).await.unwrap().verify(&trust(place.key())).unwrap();
    let said: Vec<_> = verified.records.iter().map(|line| line.record.as_ref().unwrap()).collect();
    assert!(said.iter().all(|said| said.content.is_none()));
    assert_eq!(said.iter().filter(|said| said.withheld).count(), 3);

    let some = Redaction { records: [1, 4].into(), ..Redaction::default() };
    let verified = place.prove(2, some, None).await.unwrap().verify(&trust(place.key())).unwrap();
    assert!(verified.complete);
    let hidden: Vec<_> = verified.records.iter().filter(|l| l.record.is_none()).map(|l| l.seq).collect();
    assert_eq!(hidden, [1, 4]);
}

#[tokio::test]
async fn what_was_held_back_is_redacted_with_the_record_it_belongs_to() {
    let place = Place::new();
    let running = place.start().await;
    let call = running.journal.open_call(&tenant(), id(1), CallStarted::default()).await.unwrap();
    let started = HostCallStarted { import: Import::Say, arguments: None };
    let of = call.append(RecordBody::HostCallStarted(started)).unwrap();
    let say = Say { text: "CANARI".into(), options: SayOptions::default() };
    let content = Some(Content::Arguments(HostCall::Say(say)));
    call.append(RecordBody::Content(ContentOf { of, content })).unwrap();
    // The digests of the sound would confirm a guess at the sentence.
    call.append(RecordBody::DigestKey(DigestKey { key: Some(*b"CANARI of the digests of a sound") }))
        .unwrap();
    call.close(CallEnded::default()).await.unwrap();
    running.stop().await;
    let found = |proof: &Proof| {
        let records = proof.chunks.iter().flat_map(|chunk| &chunk.records).flatten();
        records.filter_map(|record| record.content.as_ref()).any(|c| c.0.windows(6).any(|w| w == b"CANARI"))
    };
    assert!(found(&place.prove(1, Redaction::default(), None).await.unwrap()));
    for redaction in [
        Redaction { contents_of: [of].into(), ..Redaction::default() },
        Redaction { records: [of].into(), ..Redaction::default() },
    ] {
        let proof = place.prove(1, redaction, None).await.unwrap();
        proof.verify(&trust(place.key())).unwrap();
        assert!(!found(&proof));
    }
}

#[tokio::test]
async fn a_journal_that_was_rolled_back_is_found_and_nothing_more_is_signed() {
    let place = Place::new();
    place.calls(0..3).await;
    copy(&place.data().join("journal"), &place.folder.path().join("journal-then"));
    place.calls(3..6).await;
    let signed = place.checkpoint();
    // Somebody puts the older journal back, and its index with it.
    fs::remove_dir_all(place.data().join("journal")).unwrap();
    copy(&place.folder.path().join("journal-then"), &place.data().join("journal"));
    fs::remove_dir_all(place.data().join("store")).unwrap();

    let report = place.verify().await;
    assert!(has_signed_problem(&report), "{:?}", report.problems);
    place.calls(6..12).await;
    assert_eq!(place.checkpoint(), signed, "not one signature more");
    assert!(has_signed_problem(&place.verify().await));
}

#[tokio::test]
async fn a_journal_that_was_replaced_by_one_of_its_own_length_is_found() {
    let (place, other) = (Place::new(), Place::new());
    place.calls(0..3).await;
    copy(&place.folder.path().join("keys"), &other.folder.path().join("keys"));
    other.calls(0..3).await;
    let signed = place.checkpoint();
    fs::remove_dir_all(place.data().join("journal")).unwrap();
    copy(&other.data().join("journal"), &place.data().join("journal"));
    fs::remove_dir_all(place.data().join("store")).unwrap();
    let report = place.verify().await;
    assert!(has_signed_problem(&report), "{:?}", report.problems);
    place.calls(3..5).await;
    assert_eq!(place.checkpoint(), signed);
}

#[tokio::test]
async fn lost_or_damaged_files_of_the_log_are_made_anew_and_the_tree_stays_the_same() {
    let place = Place::new();
    place.calls(0..5).await;
    let before = place.checkpoint();
    fs::remove_file(place.log().join("position")).unwrap();
    place.calls(5..6).await;
    let position = fs::read_to_string(place.log().join("position")).unwrap();
    fs::write(place.log().join("position"), position.replace(char::is_numeric, "7")).unwrap();
    fs::remove_dir_all(place.log().join("tile/0")).unwrap();
    assert!(has_signed_problem(&place.verify().await));
    place.calls(6..7).await;
    let report = place.verify().await;
    assert!(report.is_sound(), "{:?}", report.problems);
    assert!(place.checkpoint().size > before.size);
    assert_eq!(report.signed, report.chunks);
}

#[tokio::test]
async fn every_byte_of_the_signed_files_that_is_changed_is_found() {
    let place = Place::new();
    place.calls(0..2).await;
    let size = place.checkpoint().size;
    let files = ["checkpoint".to_owned(), "keys/00000001".into()]
        .into_iter()
        .chain([format!("tile/0/000.p/{size}"), format!("tile/entries/000.p/{size}")]);
    for file in files {
        let path = place.log().join(&file);
        let good = fs::read(&path).unwrap();
        for at in (0..good.len()).step_by(if good.len() > 400 { 7 } else { 1 }) {
            let mut bad = good.clone();
            bad[at] ^= 0x11;
            fs::write(&path, bad).unwrap();
            assert!(has_signed_problem(&place.verify().await), "byte {at} of {file}");
        }
        fs::write(&path, good).unwrap();
    }
    assert!(place.verify().await.is_sound());
}

#[tokio::test]
async fn a_rotated_key_signs_and_the_first_still_knows_the_log() {
    let place = Place::new();
    place.calls(0..2).await;
    let first = place.key();
    let running = place.start().await;
    running.journal.rotate_log_key(&tenant()).await.unwrap();
    running.call(5, 2).await;
    running.journal.rotate_log_key(&tenant()).await.unwrap();
    running.call(6, 2).await;
    running.stop().await;
    assert_eq!(place.kms().log_keys(&tenant()).await.unwrap().len(), 2);
    let proof = place.prove(6, Redaction::default(), None).await.unwrap();
    assert_eq!(proof.rotations.len(), 2);
    assert!(proof.verify(&trust(first)).unwrap().key_known);
    assert!(place.verify().await.is_sound());
}

#[tokio::test]
async fn cosignatures_of_known_witnesses_come_under_the_checkpoint_and_into_proofs() {
    let place = Place::new();
    place.calls(0..3).await;
    let running = place.start().await;
    let submission = running.journal.submission(&tenant(), 2).await.unwrap().unwrap();
    let checkpoint: Checkpoint = submission.note.text.parse().unwrap();
    let beginning = running.journal.submission(&tenant(), 0).await.unwrap().unwrap();
    assert!(beginning.proof.is_empty());
    // What a witness does, with what it knew.
    assert!(!submission.proof.is_empty());
    assert!(
        tree::check_consistency((2, &[0; 32]), (checkpoint.size, &checkpoint.root), &submission.proof)
            .is_err()
    );

    let witness = PrivateKey::new("witness.example.org", &[9; 32]).unwrap();
    let stranger = PrivateKey::new("stranger.example.org", &[8; 32]).unwrap();
    let mut note = submission.note;
    note.signatures.push(witness.cosign(&note.text, 1_700_000_000));
    note.signatures.push(stranger.cosign(&note.text, 1_700_000_000));
    let known = vec![witness.public(KeyKind::Witness)];
    assert_eq!(running.journal.cosign(&tenant(), note, known.clone()).await.unwrap(), 1);
    running.stop().await;
    let redaction = Redaction::default();
    let proof =
        prove(place.data(), &*place.kms(), &tenant(), id(1), redaction, None, known.clone()).await.unwrap();
    let trust = Trust { log: Some(place.key()), witnesses: known };
    let verified = proof.verify(&trust).unwrap();
    assert_eq!(verified.witnesses.len(), 1);
    assert_eq!(verified.witnesses[0].time, 1_700_000_000);
    assert!(place.verify().await.is_sound());
}

/// Puts a witness's line under the newest checkpoint.
async fn cosigned(place: &Place) {
    let running = place.start().await;
    let mut note = running.journal.submission(&tenant(), 0).await.unwrap().unwrap().note;
    let witness = PrivateKey::new("witness.example.org", &[9; 32]).unwrap();
    note.signatures.push(witness.cosign(&note.text, 1_700_000_000));
    let known = vec![witness.public(KeyKind::Witness)];
    assert_eq!(running.journal.cosign(&tenant(), note, known).await.unwrap(), 1);
    running.stop().await;
}

/// What the log says when somebody asks it for another key: why it signs nothing.
async fn why_nothing_is_signed(place: &Place) -> String {
    let running = place.start().await;
    let why = match running.journal.rotate_log_key(&tenant()).await {
        Err(JournalError::SignsNothing { why, .. }) => why,
        other => panic!("{other:?}"),
    };
    running.stop().await;
    why
}

#[tokio::test]
async fn a_journal_rolled_back_with_its_checkpoint_is_found_by_the_one_that_was_cosigned() {
    let place = Place::new();
    place.calls(0..3).await;
    copy(&place.data().join("journal"), &place.folder.path().join("then/journal"));
    copy(&place.log(), &place.folder.path().join("then/log"));
    place.calls(3..6).await;
    cosigned(&place).await;
    let kept = fs::read(place.log().join("checkpoint.cosigned")).unwrap();
    for (then, now) in [("then/journal", place.data().join("journal")), ("then/log", place.log())] {
        fs::remove_dir_all(&now).unwrap();
        copy(&place.folder.path().join(then), &now);
    }
    fs::write(place.log().join("checkpoint.cosigned"), kept).unwrap();
    fs::remove_dir_all(place.data().join("store")).unwrap();
    let signed = place.checkpoint();
    place.calls(6..12).await;
    assert_eq!(place.checkpoint(), signed, "not one signature more");
    // Its tiles are older than what was cosigned: it is all read again, and is another by now.
    assert!(why_nothing_is_signed(&place).await.contains("are others now"));
    assert!(has_signed_problem(&place.verify().await));
}

#[tokio::test]
async fn an_older_checkpoint_beside_a_whole_journal_is_caught_up_and_two_that_differ_are_not() {
    let place = Place::new();
    place.calls(0..3).await;
    let older = fs::read(place.log().join("checkpoint")).unwrap();
    place.calls(3..6).await;
    cosigned(&place).await;
    let newest = place.checkpoint();
    fs::write(place.log().join("checkpoint"), older).unwrap();
    place.calls(6..7).await;
    assert!(place.checkpoint().size > newest.size);
    assert!(place.verify().await.is_sound());

    // Signed with the log's own key, of another tree.
    let other = Place::new();
    copy(&place.folder.path().join("keys"), &other.folder.path().join("keys"));
    other.calls(0..6).await;
    fs::copy(other.log().join("checkpoint"), place.log().join("checkpoint.cosigned")).unwrap();
    let signed = place.checkpoint();
    place.calls(7..8).await;
    assert_eq!(place.checkpoint(), signed);
    assert!(why_nothing_is_signed(&place).await.contains("forked"));
}

#[tokio::test]
async fn a_checkpoint_that_is_gone_is_told_and_no_other_takes_its_place() {
    let place = Place::new();
    place.calls(0..3).await;
    let checkpoint = fs::read(place.log().join("checkpoint")).unwrap();
    fs::remove_file(place.log().join("checkpoint")).unwrap();
    let report = place.verify().await;
    assert!(report.problems.iter().any(|problem| problem.what.contains("put back")), "{:?}", report.problems);
    place.calls(3..4).await;
    assert!(!place.log().join("checkpoint").exists());
    assert!(why_nothing_is_signed(&place).await.contains("put back"));
    // And the remedy is one.
    fs::write(place.log().join("checkpoint"), checkpoint).unwrap();
    place.calls(4..5).await;
    let report = place.verify().await;
    assert!(report.is_sound() && report.signed == report.chunks, "{:?}", report.problems);
    // The published keys count as much.
    fs::remove_dir_all(place.log().join("keys")).unwrap();
    assert!(has_signed_problem(&place.verify().await));
    assert!(why_nothing_is_signed(&place).await.contains("keys is gone"));
}

#[tokio::test]
async fn a_shorter_journal_is_refused_at_once_and_so_is_one_that_is_gone() {
    let place = Place::new();
    place.calls(0..3).await;
    copy(&place.data().join("journal"), &place.folder.path().join("then"));
    place.calls(3..6).await;
    fs::remove_dir_all(place.data().join("journal")).unwrap();
    copy(&place.folder.path().join("then"), &place.data().join("journal"));
    fs::remove_dir_all(place.data().join("store")).unwrap();
    assert!(why_nothing_is_signed(&place).await.contains("rolled back"), "before a single call");
    fs::remove_dir_all(place.data().join("journal")).unwrap();
    assert!(has_signed_problem(&place.verify().await));
    assert!(why_nothing_is_signed(&place).await.contains("rolled back"));
}

#[tokio::test]
async fn a_start_cut_off_before_the_first_key_was_published_goes_on() {
    let place = Place::new();
    place.calls(0..2).await;
    // As a power cut leaves it: a checkpoint of nothing, and no key yet.
    let text = Checkpoint { size: 0, root: tree::root(&[]), ..place.checkpoint() }.to_string();
    let nothing = Note { signatures: vec![PrivateKey::new("x", &[1; 32]).unwrap().sign(&text)], text };
    fs::remove_dir_all(place.log()).unwrap();
    fs::create_dir_all(place.log()).unwrap();
    fs::write(place.log().join("checkpoint"), nothing.to_string()).unwrap();
    let report = place.verify().await;
    assert!(report.is_sound() && report.signed == 0, "{:?}", report.problems);
    place.calls(2..3).await;
    let report = place.verify().await;
    assert!(report.is_sound() && report.signed == report.chunks, "{:?}", report.problems);
}

#[tokio::test]
async fn damage_in_the_middle_of_the_journal_is_told_with_its_place_and_the_remedy() {
    let place = Place::new();
    place.calls(0..4).await;
    fs::remove_dir_all(place.log()).unwrap();
    let file = place.data().join("journal/cabinet/00000001.seg");
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
    let why = why_nothing_is_signed(&place).await;
    assert!(why.contains("00000001.seg") && why.contains("at byte") && why.contains("back-up"), "{why}");
}

/// A disk on which there is no more room for signed logs, for a while.
#[derive(Default)]
struct Full(AtomicBool);

impl fmt::Debug for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Full")
    }
}

impl Disk for Full {
    fn make_folder(&self, folder: &Path, readers: Readers) -> io::Result<()> {
        OsDisk.make_folder(folder, readers)
    }
    fn create(&self, file: &Path, readers: Readers) -> io::Result<Box<dyn DiskFile>> {
        if self.0.load(Ordering::Relaxed) && file.components().any(|part| part.as_os_str() == "log") {
            return Err(io::ErrorKind::StorageFull.into());
        }
        OsDisk.create(file, readers)
    }
    fn append(&self, file: &Path) -> io::Result<Box<dyn DiskFile>> {
        OsDisk.append(file)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        OsDisk.rename(from, to)
    }
    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        OsDisk.link(from, to)
    }
    fn remove(&self, file: &Path) -> io::Result<()> {
        OsDisk.remove(file)
    }
    fn overwrite(&self, file: &Path) -> io::Result<()> {
        OsDisk.overwrite(file)
    }
    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        OsDisk.remove_folder(folder)
    }
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        OsDisk.sync_folder(folder)
    }
}

#[tokio::test]
async fn a_log_that_could_not_be_signed_for_want_of_room_is_signed_once_there_is_some() {
    let place = Place::new();
    let disk = Arc::new(Full::default());
    let running = place.start_on(disk.clone()).await;
    running.call(0, 3).await;
    running.journal.publish().await;
    let signed = place.checkpoint().size;
    disk.0.store(true, Ordering::Relaxed);
    running.call(1, 3).await;
    running.journal.publish().await;
    assert_eq!(place.checkpoint().size, signed);
    let refused = running.journal.rotate_log_key(&tenant()).await;
    let Err(JournalError::SignsNothing { why, .. }) = refused else { panic!("{refused:?}") };
    assert!(!why.is_empty());
    // Nobody asks, and nothing else is written.
    disk.0.store(false, Ordering::Relaxed);
    let begun = Instant::now();
    while place.checkpoint().size == signed {
        assert!(begun.elapsed() < Duration::from_secs(30), "it is never tried again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    running.call(2, 3).await;
    running.journal.publish().await;
    running.journal.rotate_log_key(&tenant()).await.unwrap();
    running.stop().await;
    let report = place.verify().await;
    assert!(report.is_sound(), "{:?}", report.problems);
    assert_eq!(report.signed, report.chunks);
}

#[tokio::test]
async fn tiles_are_made_anew_only_where_all_that_was_signed_is_found_again() {
    let place = Place::new();
    let other = Place::new();
    other.calls(9..10).await;
    copy(&other.folder.path().join("keys"), &place.folder.path().join("keys"));
    for place in [&place, &other] {
        let running = place.start().await;
        // Longer than a whole tile.
        running.call(1, 300).await;
        running.stop().await;
    }
    // Another journal under the same keys, and a tile that is damaged.
    fs::remove_dir_all(place.data().join("journal")).unwrap();
    copy(&other.data().join("journal"), &place.data().join("journal"));
    fs::remove_dir_all(place.data().join("store")).unwrap();
    let edge = place.log().join(format!("tile/0/001.p/{}", place.checkpoint().size - 256));
    let mut damaged = fs::read(&edge).unwrap();
    damaged[5] ^= 1;
    fs::write(&edge, &damaged).unwrap();
    let whole =
        || ["entries", "0"].map(|kind| fs::read(place.log().join("tile").join(kind).join("000")).unwrap());
    let kept = whole();
    let why = why_nothing_is_signed(&place).await;
    assert!(why.contains("are others now"), "{why}");
    assert!(whole() == kept, "what was signed is still there to be compared");
}

#[tokio::test]
async fn the_keys_of_a_log_that_signs_nothing_are_never_rotated_away() {
    let place = Place::new();
    place.calls(0..3).await;
    let running = place.start().await;
    running.journal.rotate_log_key(&tenant()).await.unwrap();
    running.stop().await;
    let keys = place.kms().log_keys(&tenant()).await.unwrap();
    let good = fs::read(place.log().join("checkpoint")).unwrap();
    fs::write(place.log().join("checkpoint"), b"nonsense").unwrap();
    for _ in 0..3 {
        why_nothing_is_signed(&place).await;
    }
    assert_eq!(place.kms().log_keys(&tenant()).await.unwrap(), keys);
    fs::write(place.log().join("checkpoint"), good).unwrap();
    let running = place.start().await;
    running.journal.rotate_log_key(&tenant()).await.unwrap();
    running.stop().await;
    assert!(place.verify().await.is_sound());
    // A log that has not begun has nothing to hand over from.
    let nobody = "nobody".parse().unwrap();
    let running = place.start().await;
    let refused = running.journal.rotate_log_key(&nobody).await;
    assert!(matches!(refused, Err(JournalError::SignsNothing { .. })), "{refused:?}");
    running.stop().await;
}

#[tokio::test]
async fn a_rotation_keeps_what_witnesses_said_of_the_same_tree() {
    let place = Place::new();
    place.calls(0..2).await;
    cosigned(&place).await;
    let running = place.start().await;
    running.journal.rotate_log_key(&tenant()).await.unwrap();
    let note = running.journal.checkpoint(&tenant()).await.unwrap().unwrap();
    assert!(note.signatures.iter().any(|line| line.name() == "witness.example.org"));
    assert_eq!(note.signatures.len(), 3);
    running.stop().await;
}

#[tokio::test]
async fn a_checkpoint_that_was_kept_shows_whether_the_log_goes_on_from_it() {
    let place = Place::new();
    place.calls(0..3).await;
    let read = |place: &Place| -> Note {
        fs::read_to_string(place.log().join("checkpoint")).unwrap().parse().unwrap()
    };
    let kept = read(&place);
    place.calls(3..9).await;
    let since = check_since(place.data(), kept.clone()).await.unwrap();
    assert_eq!((since.tenant, since.size), (tenant(), place.checkpoint().size));
    // A file that leads from there is held against it; one that leads from elsewhere is not enough.
    let proof = place.prove(5, Redaction::default(), Some(kept.clone())).await.unwrap();
    let verified = proof.verify_since(&trust(place.key()), &kept).unwrap();
    assert_eq!(verified.since, Some(since.kept));
    assert_eq!(verified.places.len(), verified.chunks);
    let without = place.prove(5, Redaction::default(), None).await.unwrap();
    assert!(matches!(without.verify_since(&trust(place.key()), &kept), Err(ProofError::NotSince { .. })));
    without.verify_since(&trust(place.key()), &read(&place)).unwrap();

    // The same keys, another journal: rewritten, and rolled back.
    let other = Place::new();
    copy(&place.folder.path().join("keys"), &other.folder.path().join("keys"));
    other.calls(0..9).await;
    let rewritten = check_since(other.data(), kept.clone()).await;
    assert!(matches!(rewritten, Err(SinceError::Rewritten { .. })), "{rewritten:?}");
    let forged = other.prove(5, Redaction::default(), Some(read(&other))).await.unwrap();
    let newest = read(&place);
    assert_eq!(forged.verify_since(&trust(place.key()), &newest), Err(ProofError::Inconsistent));
    let shorter = Place::new();
    copy(&place.folder.path().join("keys"), &shorter.folder.path().join("keys"));
    shorter.calls(0..1).await;
    let back = check_since(shorter.data(), kept.clone()).await;
    assert!(matches!(back, Err(SinceError::RolledBack { .. })), "{back:?}");
    let stranger = Place::new();
    stranger.calls(0..1).await;
    assert!(matches!(check_since(stranger.data(), kept).await, Err(SinceError::Stranger(_))));
}

#[tokio::test]
async fn a_second_chain_under_a_calls_name_is_found_in_the_log() {
    let place = Place::new();
    place.calls(0..3).await;
    let proof = place.prove(1, Redaction::default(), None).await.unwrap();
    let tile = |tile| read_tile(&place.log(), tile);
    assert!(proof.others(tile).unwrap().is_empty(), "there is one story");
    // Its index lost, the operator's program takes the same name again.
    fs::remove_dir_all(place.data().join("store")).unwrap();
    let copied = fs::read(place.data().join("journal/cabinet/00000001.seg")).unwrap();
    let away = place.folder.path().join("away");
    fs::rename(place.data().join("journal"), &away).unwrap();
    let log_away = place.folder.path().join("log-away");
    fs::rename(place.data().join("log"), &log_away).unwrap();
    place.calls(1..2).await;
    // Both segments, one after another, in one journal.
    let second = fs::read(place.data().join("journal/cabinet/00000001.seg")).unwrap();
    let head = 8 + 1 + 4 + 1 + "cabinet".len() + 4;
    let both = two_stories(&copied, &second, head);
    fs::write(place.data().join("journal/cabinet/00000001.seg"), both).unwrap();
    fs::remove_dir_all(place.data().join("log")).unwrap();
    fs::remove_dir_all(place.data().join("store")).unwrap();
    place.calls(7..8).await;

    let report = place.verify().await;
    assert!(report.problems.iter().any(|p| p.what.contains("second chain")), "{:?}", report.problems);
    let twice = place.prove(1, Redaction::default(), None).await;
    assert!(matches!(twice, Err(ProveError::Twice { .. })), "{twice:?}");
    // Whoever holds a proof of the one story finds the other in a copy of the log that has both.
    let others = place.prove(2, Redaction::default(), None).await.unwrap();
    assert!(others.others(|tile| read_tile(&place.log(), tile)).unwrap().is_empty());
    let entries =
        fs::read(place.log().join(format!("tile/entries/000.p/{}", place.checkpoint().size))).unwrap();
    let size = place.checkpoint().size;
    let places =
        search::places(id(1).as_bytes(), size, &place.checkpoint().root, |_| Ok::<_, ()>(entries.clone()));
    assert!(places.unwrap().len() > proof.chunks.len());
}

/// The frames of two segments in groups of one segment.
fn two_stories(first: &[u8], second: &[u8], head: usize) -> Vec<u8> {
    let mut bytes = first[..head].to_vec();
    for segment in [first, second] {
        let mut rest = &segment[head..];
        while !rest.is_empty() {
            let length = 13 + u32::from_le_bytes(rest[5..9].try_into().unwrap()) as usize;
            let (frame, after) = rest.split_at(length);
            if frame[4] != 4 {
                let mut payload = 1_u32.to_le_bytes().to_vec();
                payload.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
                payload.extend_from_slice(&1_u32.to_le_bytes());
                payload.extend_from_slice(&(frame.len() as u64).to_le_bytes());
                payload.extend_from_slice(&crc32fast::hash(frame).to_le_bytes());
                let mut crc = crc32fast::Hasher::new();
                crc.update(&[4]);
                crc.update(&(payload.len() as u32).to_le_bytes());
                crc.update(&payload);
                bytes.extend_from_slice(&frame[..4]);
                bytes.push(4);
                bytes.extend_from_slice(&(payload.len() as u32).to_le_bytes());
                bytes.extend_from_slice(&crc.finalize().to_le_bytes());
                bytes.extend_from_slice(&payload);
                bytes.extend_from_slice(frame);
            }
            rest = after;
        }
    }
    bytes
}
