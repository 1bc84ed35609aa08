//! What comes back, and as what.

use super::*;

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
    // The index may not know yet of the call that was begun just now. Beside the rows is how many bytes they take.
    assert!(part.tenant == tenant() && (3..=4).contains(&part.calls) && part.rows == 3, "{part:?}");
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
    assert_eq!((checked.report.erased, checked.report.interrupted, checked.rows), (1, 1, 2));
    assert_eq!(files(&place.at("data")), before, "only to be checked");
    let restored = place.restore("backup.age", "back").await.unwrap();
    assert_eq!((restored.report.erased, restored.report.interrupted, restored.rows), (1, 1, 2));
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
