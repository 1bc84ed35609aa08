//! What keeps a log from being signed: a journal that is another by now, files that are lost or damaged, a disk without room.

use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parloir_journal::JournalError;
use parloir_proof::checkpoint::Checkpoint;
use parloir_proof::note::{Note, PrivateKey};
use parloir_proof::tree;
use parloir_store::disk::interposed::{Interposer, Step, Then, interposed};

use super::{Place, cosigned, has_signed_problem, tenant, why_nothing_is_signed};
use crate::thief::copy;

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
#[derive(Debug, Default)]
struct Full(AtomicBool);

impl Interposer for Full {
    fn before(&self, step: Step<'_>) -> io::Result<Then> {
        match step {
            Step::Create(file)
                if self.0.load(Ordering::Relaxed)
                    && file.components().any(|part| part.as_os_str() == "log") =>
            {
                Err(io::ErrorKind::StorageFull.into())
            }
            _ => Ok(Then::Do),
        }
    }
}

#[tokio::test]
async fn a_log_that_could_not_be_signed_for_want_of_room_is_signed_once_there_is_some() {
    let place = Place::new();
    let disk = Arc::new(Full::default());
    let running = place.start_on(interposed(&disk)).await;
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
