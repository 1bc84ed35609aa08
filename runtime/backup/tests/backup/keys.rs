//! Keys that are older or newer than what they open, others, or none.

use super::*;

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
