//! What is told of calls, and by what: lists, states, reading and sound, on a journal and a store.

use parloir_journal::{CallEnded, CallStarted, Reader};

use super::*;
use crate::{EraseRequest, Folders, Whose};

const DESK: &str = "+33199009999";

fn id(number: u8) -> CallId {
    CallId::from_bytes([number; 16])
}

async fn opened(folder: &tempfile::TempDir) -> (Storage, TenantId) {
    let storage = Storage::open(&Folders::beside(folder.path().join("data"))).await.unwrap();
    let tenant: TenantId = "cabinet".parse().unwrap();
    for number in 1..=3 {
        let started = CallStarted { transport: "twilio".into(), ..CallStarted::default() };
        let open = storage.journal.open_call(&tenant, id(number), started).await.unwrap();
        open.close(CallEnded::default()).await.unwrap();
    }
    (storage, tenant)
}

#[tokio::test]
async fn whom_a_caller_was_handed_to_is_found_by_the_number_alone_and_goes_with_what_was_said() {
    let folder = tempfile::tempdir().unwrap();
    let (storage, tenant) = opened(&folder).await;
    storage.note_handed(&tenant, id(1), &[DESK.to_owned()]).await.unwrap();
    let rows = storage.rows(&tenant).await.unwrap();
    let noted = rows.get(Table::Reports, handed_row(id(1))).await.unwrap().unwrap();
    let noted: Vec<[u8; 32]> = serde_json::from_slice(&noted).unwrap();
    let [hash] = noted.as_slice() else { panic!("{noted:?}") };
    assert!(!hash.windows(9).any(|bytes| bytes == b"199009999"), "the number is not there");
    let [desk, other]: [LineId; 2] = [DESK, "+33199008888"].map(|number| number.parse().unwrap());
    let state = storage.state(&tenant, id(1), &[desk.clone(), other.clone()]).await.unwrap();
    assert_eq!((state.handed_to.as_slice(), state.recording), ([DESK.to_owned()].as_slice(), Some(false)));
    assert!(storage.state(&tenant, id(1), &[other]).await.unwrap().handed_to.is_empty());
    assert!(storage.state(&tenant, id(2), std::slice::from_ref(&desk)).await.unwrap().handed_to.is_empty());

    let review = Batch::new().put(Table::Reports, format!("{}anne", reviews_of(id(1))), "patient");
    rows.apply(review).await.unwrap();
    assert_eq!(storage.rows_with(&tenant, &[id(1), id(2)]).await.unwrap().len(), 2);
    let (whose, dry_run) = (Whose::Call(id(1)), false);
    let erased = EraseRequest { whose, trace: false, reason: None, dry_run, case: None };
    assert_eq!(storage.erase(&erased).await.unwrap()[0].report.unwrap().rows, 2);
    assert!(storage.rows_with(&tenant, &[id(1)]).await.unwrap().is_empty());
    let state = storage.state(&tenant, id(1), &[desk]).await.unwrap();
    assert_eq!(
        (state.handed_to.len(), state.erased.as_slice()),
        (0, ["content", "recording"].map(str::to_owned).as_slice())
    );
    storage.close().await;
}

#[tokio::test]
async fn whoever_reads_a_call_is_noted_with_what_was_put_right_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let (storage, tenant) = opened(&folder).await;
    let to = |name: &str| Amendment { field: "contact.name".into(), to: name.into() };
    let first = storage.journal.amend(&tenant, id(1), to("Mme Durand"), 0).await.unwrap();
    let second = storage.journal.amend(&tenant, id(1), to("Mme Dupont"), 0).await.unwrap();
    storage.journal.amend(&tenant, id(2), to("M. Blanc"), 0).await.unwrap();
    let who = Reader::Key { user: "anne".into(), role: "supervisor".into(), key: "a key of hers".into() };
    let lines = storage.file(&tenant, id(1), Reading { who, why: None }).await.unwrap();
    assert_eq!(lines.iter().filter(|line| line.get("amended").is_some()).count(), 2, "{lines:?}");
    let mut read = Vec::new();
    for (entry, _) in storage.journal.accesses(&tenant).await.unwrap() {
        for record in storage.journal.records(&tenant, entry).await.unwrap() {
            if let RecordBody::ContentRead(content) = record.body {
                read.push(content.calls);
            }
        }
    }
    assert_eq!(read, [vec![id(1), first, second]]);
    storage.close().await;
}

#[tokio::test]
async fn a_list_is_the_newest_first_goes_on_where_it_ended_and_leaves_out_the_journals_own() {
    let folder = tempfile::tempdir().unwrap();
    let (storage, tenant) = opened(&folder).await;
    storage.journal.hold(&tenant, id(2), "a lawsuit".into()).await.unwrap();
    let first = storage.list(&tenant, None, 2, &[], &Reach::All).await.unwrap();
    let calls = |list: &CallList| list.calls.iter().map(|one| (one.call, one.state.held)).collect::<Vec<_>>();
    assert_eq!(calls(&first), [(id(3), false), (id(2), true)]);
    let second = storage.list(&tenant, first.next.as_deref(), 2, &[], &Reach::All).await.unwrap();
    assert_eq!((calls(&second), second.next), (vec![(id(1), false)], None));
    for nowhere in ["", "1", "-", "x-y"] {
        let listed = storage.list(&tenant, Some(nowhere), 2, &[], &Reach::All).await;
        assert_eq!(listed, Err(CallError::NoSuchPlace));
    }
    assert_eq!(storage.state(&tenant, id(9), &[]).await, Err(CallError::NoSuchCall));
    storage.close().await;
}

#[tokio::test]
async fn a_list_of_some_lines_calls_says_nothing_of_other_lines() {
    const OWN: &str = "+33199005678";
    let folder = tempfile::tempdir().unwrap();
    let (storage, tenant) = opened(&folder).await;
    for number in 4..=9 {
        let line = if number % 4 == 0 { OWN } else { "+33199001234" };
        let started = CallStarted { transport: "twilio".into(), line: line.into(), ..CallStarted::default() };
        let open = storage.journal.open_call(&tenant, id(number), started).await.unwrap();
        open.close(CallEnded::default()).await.unwrap();
    }
    let reach = Reach::Rang(vec![OWN.parse().unwrap()]);
    let ids = |list: &CallList| list.calls.iter().map(|one| one.call).collect::<Vec<_>>();
    let all = storage.list(&tenant, None, 2, &[], &reach).await.unwrap();
    assert_eq!((ids(&all), &all.next), (vec![id(8), id(4)], &None), "older ones are of others");
    assert!(all.calls.iter().all(|one| one.state.line == OWN));
    let first = storage.list(&tenant, None, 1, &[], &reach).await.unwrap();
    assert_eq!(ids(&first), [id(8)]);
    assert_eq!(first.next.as_deref(), first.calls.first().map(|one| one.place.as_str()));
    let second = storage.list(&tenant, first.next.as_deref(), 1, &[], &reach).await.unwrap();
    assert_eq!((ids(&second), second.next), (vec![id(4)], None));

    // Where a page ends between calls of others, its place tells nobody which they are; and nothing is left out or there twice.
    let (mut seen, mut after) = (Vec::new(), None::<String>);
    loop {
        let page = storage.calls_in(&tenant, after.as_deref(), 2, &[], &reach, 3).await.unwrap();
        seen.extend(ids(&page));
        let Some(next) = page.next else { break };
        assert!((1..=9).all(|number| !next.contains(&id(number).to_string())), "{next}");
        after = Some(next);
    }
    assert_eq!(seen, [id(8), id(4)]);
    // No place is made of a time, and none is taken from whoever sees others.
    let everything = storage.list(&tenant, None, 1, &[], &Reach::All).await.unwrap();
    let other = Reach::Rang(vec!["+33199001234".parse().unwrap()]);
    let theirs = storage.list(&tenant, None, 1, &[], &other).await.unwrap();
    for place in [everything.next.as_deref().unwrap(), theirs.next.as_deref().unwrap()] {
        let listed = storage.list(&tenant, Some(place), 1, &[], &reach).await;
        assert_eq!(listed, Err(CallError::NoSuchPlace), "{place}");
    }
    let nobody = storage.list(&tenant, None, 2, &[], &Reach::Rang(Vec::new())).await.unwrap();
    assert_eq!(nobody, CallList::default());
    storage.close().await;
}

#[tokio::test]
async fn who_read_a_call_is_told_to_whoever_may_know_of_it_and_nothing_of_other_lines() {
    const OWN: &str = "+33199005678";
    let folder = tempfile::tempdir().unwrap();
    let (storage, tenant) = opened(&folder).await;
    for (number, line) in [(4, OWN), (5, "+33199001234")] {
        let started = CallStarted { transport: "twilio".into(), line: line.into(), ..CallStarted::default() };
        let open = storage.journal.open_call(&tenant, id(number), started).await.unwrap();
        open.close(CallEnded::default()).await.unwrap();
    }
    let by = |user: &str| Reader::Key { user: user.into(), role: "admin".into(), key: "hers".into() };
    for (user, calls) in
        [("anne", vec![id(4)]), ("luc", vec![id(5)]), ("zoe", vec![id(4), id(5)]), ("none", vec![])]
    {
        let reading = Reading { who: by(user), why: Some("a complaint".into()) };
        storage.note_reading(&tenant, "show", calls, Purpose::Content, reading).await.unwrap();
    }
    let told = |page: &Page<Access>| {
        page.items.iter().map(|item| (item.spec.user.clone(), item.spec.count)).collect::<Vec<_>>()
    };
    let expected = |told: &[(&str, u64)]| {
        told.iter().map(|(user, count)| ((*user).to_owned(), *count)).collect::<Vec<_>>()
    };
    let all = storage.accesses(&tenant, None, 50, None, &Reach::All).await.unwrap();
    assert_eq!(told(&all), expected(&[("none", 0), ("zoe", 2), ("luc", 1), ("anne", 1)]));
    assert_eq!(all.next, None);
    let zoe = &all.items[1].spec;
    assert_eq!(zoe.why.as_deref(), Some("a complaint"));
    assert_eq!((zoe.command.as_str(), zoe.purposes.as_slice()), ("show", ["content".to_owned()].as_slice()));
    assert_eq!(zoe.calls, [id(4), id(5)].map(|call| call.to_string()));
    let of_one = storage.accesses(&tenant, None, 50, Some(id(5)), &Reach::All).await.unwrap();
    assert_eq!(told(&of_one), expected(&[("zoe", 2), ("luc", 1)]));

    // Whoever sees one line's calls: no reading of another's, not which those were, and no words that may be of them.
    let reach = Reach::Rang(vec![OWN.parse().unwrap()]);
    let theirs = storage.accesses(&tenant, None, 50, None, &reach).await.unwrap();
    assert_eq!(told(&theirs), expected(&[("zoe", 1), ("anne", 1)]));
    let whys: Vec<_> = theirs.items.iter().map(|item| item.spec.why.as_deref()).collect();
    assert_eq!(whys, [None, Some("a complaint")]);
    assert!(!format!("{theirs:?}").contains(&id(5).to_string()), "{theirs:?}");

    // Page by page nothing is left out or there twice, and a place says nothing.
    let (mut seen, mut after) = (Vec::new(), None::<String>);
    loop {
        let page = storage.accesses(&tenant, after.as_deref(), 1, None, &reach).await.unwrap();
        seen.extend(told(&page));
        let Some(next) = page.next else { break };
        assert!(!next.contains('-'), "{next}");
        after = Some(next);
    }
    assert_eq!(seen, told(&theirs));
    let refused = storage.accesses(&tenant, Some("1-x"), 1, None, &reach).await;
    assert_eq!(refused, Err(CallError::NoSuchPlace));
    storage.close().await;
}

#[tokio::test]
async fn calls_that_are_read_again_and_again_are_looked_up_once_for_a_page() {
    const OWN: &str = "+33199005678";
    let folder = tempfile::tempdir().unwrap();
    let (storage, tenant) = opened(&folder).await;
    let started = CallStarted { transport: "twilio".into(), line: OWN.into(), ..CallStarted::default() };
    let open = storage.journal.open_call(&tenant, id(4), started).await.unwrap();
    open.close(CallEnded::default()).await.unwrap();
    // Of all but one nobody knows anything any more.
    let gone = (0..3_000_u32).map(|number| {
        let mut bytes = [0xaa; 16];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        CallId::from_bytes(bytes)
    });
    let calls: Vec<CallId> = gone.chain([id(4)]).collect();
    for user in ["anne", "luc", "zoe"] {
        let who = Reader::Key { user: user.into(), role: "admin".into(), key: "hers".into() };
        let reading = Reading { who, why: None };
        storage.note_reading(&tenant, "search", calls.clone(), Purpose::Content, reading).await.unwrap();
    }
    let reach = Reach::Rang(vec![OWN.parse().unwrap()]);
    let page = storage.accesses(&tenant, None, 50, None, &reach).await.unwrap();
    let told: Vec<_> = page.items.iter().map(|item| (item.spec.user.as_str(), item.spec.count)).collect();
    assert_eq!(told, [("zoe", 1), ("luc", 1), ("anne", 1)]);
    assert_eq!(page.next, None);
    storage.close().await;
}
