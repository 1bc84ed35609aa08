//! What is erased of a call's, a caller's and a tenant's, on a journal and a store.

#[path = "../../../journal/tests/all/cabinet.rs"]
mod cabinet;

use std::sync::Arc;

use cabinet::{begin, id, tenant};
use parloir_admin::reviews_of;
use parloir_contract::{Book, Booked, Contact, SetMemory};
use parloir_journal::{Amendment, CallEnded, Right, erasures};
use parloir_store::{Address, Batch, Row, Rows, StoredBatch, StoredOperation, Table, TenantStore};
use parloir_tenancy::calendar::Hours;
use parloir_tenancy::{Calendar, Memory};

use super::found::{PAGE, rows_of};
use super::*;
use crate::{Folders, RightsDone, RightsRequest};

const HERS: &str = "+33612345678";
const HIS: &str = "+33687654321";

async fn call(storage: &Storage, number: u8, caller: &str) -> CallId {
    begin(&storage.journal, number, caller).await.close(CallEnded::default()).await.unwrap();
    id(number)
}

async fn book(calendar: &Calendar, slot: &str, phone: &str) -> bool {
    let contact = Contact { name: "Anne".into(), phone: Some(phone.into()) };
    let book = Book { slot: slot.into(), contact, motive: "contrôle".into() };
    let booked = calendar.book(book, "2026-11-23T08:00".parse().unwrap()).await.unwrap();
    matches!(booked, Booked::Confirmed(_))
}

fn caller(number: &str) -> Whose {
    Whose::Caller { number: number.into(), tenant: None }
}

fn request(whose: Whose, dry_run: bool) -> EraseRequest {
    EraseRequest { whose, trace: false, reason: None, dry_run, case: None }
}

/// Puts something of a call right: the call that holds it.
async fn amend(storage: &Storage, call: CallId) -> CallId {
    let amendment = Amendment { field: "contact.name".into(), to: "canary".into() };
    storage.journal.amend(&tenant(), call, amendment, 0).await.unwrap()
}

/// Opens a case for whoever has this number.
async fn open_case(storage: &Storage, number: &str, right: Right) -> CallId {
    let (number, received, why) = (number.to_owned(), None, None);
    let open = RightsRequest::Open { tenant: tenant(), number, right, received, why };
    let RightsDone::Case(case) = storage.rights(&open).await.unwrap() else { panic!() };
    case.case
}

async fn restrict(storage: &Storage, number: &str) {
    let (number, why, release, case) = (number.to_owned(), None, false, None);
    let restrict = RightsRequest::Restrict { tenant: tenant(), number, why, release, case };
    storage.rights(&restrict).await.unwrap();
}

#[tokio::test]
async fn a_call_that_cannot_be_read_is_named_and_keeps_nothing_else_from_being_erased() {
    let (folder, storage) = Storage::in_a_folder().await;
    let mut hers = Vec::new();
    for number in [1, 9, 3] {
        hers.push(call(&storage, number, HERS).await);
    }
    // A byte of what was sealed of the second, whose name is in its three keys before.
    let file = folder.path().join("data/journal/cabinet/00000001.seg");
    let mut bytes = std::fs::read(&file).unwrap();
    let named = bytes.windows(16).enumerate().filter(|(_, window)| *window == [9; 16]);
    let at = named.map(|(at, _)| at).nth(3).unwrap();
    bytes[at + 100] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    assert!(storage.journal.records(&tenant(), hers[1]).await.is_err());

    let whose = caller(HERS);
    let done = storage.erase(&request(whose, false)).await.unwrap();
    let mut erased = done[0].calls.clone();
    erased.sort();
    assert_eq!((erased, done[0].report.unwrap().calls), (vec![hers[0], hers[2]], 2));
    assert_eq!((done[0].unread.len(), done[0].unread[0].call), (1, hers[1]));
    assert!(done[0].unread[0].why.contains("parloir verify"), "{:?}", done[0].unread);
    for call in [hers[0], hers[2]] {
        let text = format!("{:?}", storage.journal.records(&tenant(), call).await.unwrap());
        assert!(!text.contains(HERS), "{text}");
    }
    storage.close().await;
}

#[tokio::test]
async fn a_request_of_the_callers_that_cannot_be_read_is_told_and_anothers_is_not_looked_at() {
    let (_folder, storage) = Storage::in_a_folder().await;
    let hers = call(&storage, 1, HERS).await;
    let his = open_case(&storage, HIS, Right::Access).await;
    let next = call(&storage, 3, HIS).await;
    let whose = caller(HERS);
    let would = storage.erase(&request(whose.clone(), true)).await.unwrap();
    assert_eq!((would[0].calls.as_slice(), would[0].unread.len()), ([hers].as_slice(), 0));
    storage.damage(&tenant(), his, next).await;
    let would = storage.erase(&request(whose, true)).await.unwrap();
    assert_eq!((would[0].calls.as_slice(), would[0].unread.len()), ([hers].as_slice(), 0));
    let whose = caller(HIS);
    let would = storage.erase(&request(whose, true)).await.unwrap();
    assert_eq!(would[0].calls, [next]);
    assert_eq!((would[0].unread.len(), would[0].unread[0].call), (1, his));
    storage.close().await;
}

#[tokio::test]
async fn a_callers_rows_are_found_on_every_page_and_go_though_they_are_written_meanwhile() {
    let (_folder, storage) = Storage::in_a_folder().await;
    call(&storage, 1, HERS).await;
    let store = storage.rows(&tenant()).await.unwrap();
    let memory = Memory::new(store.clone());
    for number in 0..PAGE + 20 {
        let value = if number % 100 == 0 { HERS } else { "nobody" };
        memory.set(SetMemory { key: format!("key {number}"), value: value.into() }).await.unwrap();
    }
    let rows = rows_of(&HERS.parse().unwrap(), &store).await.unwrap();
    assert_eq!(rows.len(), 6);
    // One still names her, though it is another row than the one that was found; and one is somebody else's now.
    for (key, value) in [("key 0", HERS), ("key 100", HIS)] {
        memory.set(SetMemory { key: key.into(), value: value.into() }).await.unwrap();
    }
    let erasure = Erasure { rows, purposes: Purposes::CONTENTS, ..Erasure::default() };
    assert_eq!(storage.journal.erase(&tenant(), erasure).await.unwrap().rows, 4);
    assert_eq!(memory.get("key 0").await.unwrap().unwrap(), HERS.as_bytes());
    assert_eq!(memory.get("key 100").await.unwrap().unwrap(), HIS.as_bytes());
    let whose = caller(HERS);
    assert_eq!(storage.erase(&request(whose, false)).await.unwrap()[0].rows, 1);
    assert!(rows_of(&HERS.parse().unwrap(), &store).await.unwrap().is_empty());
    assert_eq!(memory.get("key 100").await.unwrap().unwrap(), HIS.as_bytes());
    storage.close().await;
}

#[tokio::test]
async fn a_callers_calls_bookings_and_memories_go_and_nobody_elses() {
    let (_folder, storage) = Storage::in_a_folder().await;
    let (hers, his) = (call(&storage, 1, HERS).await, call(&storage, 2, HIS).await);
    let store = storage.rows(&tenant()).await.unwrap();
    let text = "notice-minutes = 60\nopen = { tuesday = [\"09:00-10:30\"] }";
    let hours = Arc::new(Hours::new(&toml::from_str(text).unwrap()).unwrap());
    let (calendar, memory) = (Calendar::new(hours, store.clone()), Memory::new(store.clone()));
    assert!(
        book(&calendar, "2026-11-24T09:00", HERS).await && book(&calendar, "2026-11-24T09:30", HIS).await
    );
    for (key, value) in [("caller:+33612345678", "vip"), ("last", "rang: 0612345678"), ("count", "7")] {
        memory.set(SetMemory { key: key.into(), value: value.into() }).await.unwrap();
    }

    let whose = caller(HERS);
    let would = storage.erase(&request(whose.clone(), true)).await.unwrap();
    assert_eq!((would[0].calls.as_slice(), would[0].rows, would[0].report), ([hers].as_slice(), 5, None));
    assert!(!storage.journal.records(&tenant(), hers).await.unwrap().is_empty());
    let done = storage.erase(&request(whose.clone(), false)).await.unwrap();
    let report = done[0].report.unwrap();
    assert_eq!((report.calls, report.rows), (1, 5), "{report:?}");

    let now = "2026-11-23T08:00".parse().unwrap();
    assert!(calendar.find(HERS, now).await.unwrap().is_empty());
    assert_eq!(calendar.find(HIS, now).await.unwrap().len(), 1);
    assert_eq!(memory.get("caller:+33612345678").await.unwrap(), None);
    assert_eq!(memory.get("last").await.unwrap(), None);
    assert_eq!(memory.get("count").await.unwrap().unwrap(), b"7");
    assert!(book(&calendar, "2026-11-24T09:00", HIS).await, "her slot is free again");
    let text = format!("{:?}", storage.journal.records(&tenant(), hers).await.unwrap());
    assert!(!text.contains(HERS), "{text}");
    let text = format!("{:?}", storage.journal.records(&tenant(), his).await.unwrap());
    assert!(text.contains(HIS), "{text}");
    let told = erasures(storage.keys(), &tenant()).await.unwrap();
    assert_eq!(told[0].requested, Requested::Caller);
    let long = EraseRequest { reason: Some("w".repeat(2_001)), ..request(whose.clone(), false) };
    assert!(matches!(storage.erase(&long).await, Err(EraseError::TooLong)));
    let long = HoldRequest { tenant: tenant(), call: his, why: "w".repeat(2_001), release: false };
    assert!(matches!(storage.hold(&long).await, Err(EraseError::TooLong)));
    // Nothing is left to be found.
    let again = storage.erase(&request(whose, false)).await.unwrap();
    assert_eq!((again[0].calls.len(), again[0].rows, again[0].report), (0, 0, None));

    let count = async || store.entry(Table::Memory, "count").await.unwrap().unwrap().row.address;
    let before = count().await;
    let all = EraseRequest { trace: true, ..request(Whose::Tenant(tenant()), false) };
    let done = storage.erase(&all).await.unwrap();
    assert_eq!(done[0].report.unwrap().calls, 2);
    assert!(calendar.find(HIS, now).await.unwrap().is_empty());
    assert_eq!(memory.get("count").await.unwrap(), None);
    let report = storage.journal.verify(parloir_journal::Scope::All).await.unwrap();
    assert!(report.is_sound() && report.erased == 2, "{:#?}", report.problems);
    // Nor does what is in a back-up say any more who was there.
    memory.set(SetMemory { key: "count".into(), value: "8".into() }).await.unwrap();
    assert_ne!(count().await, before);
    let unknown = storage.erase(&request(Whose::Call(his), false)).await;
    assert!(matches!(unknown, Err(EraseError::NoSuchCall(_))));
    storage.close().await;
}

#[tokio::test]
async fn of_a_tenant_goes_what_its_calls_left_and_who_administers_it_and_how_it_answers_stays() {
    let (folder, storage) = Storage::in_a_folder().await;
    let calls = [call(&storage, 1, HERS).await, call(&storage, 2, HIS).await];
    let held = HoldRequest { tenant: tenant(), call: calls[0], why: "a file".into(), release: false };
    assert!(storage.hold(&held).await.unwrap());
    let store = storage.rows(&tenant()).await.unwrap();
    let directory = [
        (Table::Users, "user/4f1c"),
        (Table::Users, "key/9b20"),
        (Table::Lines, "+33123456789"),
        (Table::Agents, "agent/cabinet"),
        (Table::Settings, "contact/+33199009999"),
    ];
    let left = [(Table::Memory, "last"), (Table::Memory, "first"), (Table::Slots, "2026-11-24T09:00")];
    for (table, key) in directory.into_iter().chain(left) {
        store.apply(parloir_store::Batch::new().put(table, key, "kept")).await.unwrap();
    }
    // Of what was noted beside calls, that of the held one stays.
    let beside = calls.map(|call| [format!("handed/{call}"), format!("{}anne", reviews_of(call))]);
    for key in beside.iter().flatten() {
        store.apply(parloir_store::Batch::new().put(Table::Reports, key, "kept")).await.unwrap();
    }
    let whose = Whose::Tenant(tenant());
    let would = storage.erase(&request(whose.clone(), true)).await.unwrap();
    assert_eq!((would[0].calls.as_slice(), would[0].held.as_slice()), (&calls[1..], &calls[..1]));
    let rows = would[0].rows;
    assert!(rows >= left.len());
    let done = storage.erase(&request(whose.clone(), false)).await.unwrap();
    let report = done[0].report.unwrap();
    assert_eq!((report.calls, report.rows), (1, rows as u64), "what was told before is what was done");
    for (table, key) in left {
        assert_eq!(store.get(table, key).await.unwrap(), None, "{table:?}");
    }
    let there = async |store: &TenantStore| {
        for (table, key) in directory {
            assert_eq!(
                store.get(table, key).await.unwrap().as_deref(),
                Some(b"kept".as_slice()),
                "{table:?}"
            );
        }
    };
    there(&store).await;
    for (keys, stay) in beside.iter().zip([true, false]) {
        for key in keys {
            assert_eq!(store.get(Table::Reports, key).await.unwrap().is_some(), stay, "{key}");
        }
    }
    // What is erased already is promised to nobody again.
    let again = storage.erase(&request(whose, true)).await.unwrap();
    assert_eq!((again[0].calls.len(), again[0].rows), (0, 0));
    storage.close().await;
    drop((store, storage));
    let storage = Storage::open_again(&Folders::beside(folder.path().join("data"))).await;
    there(&storage.rows(&tenant()).await.unwrap()).await;
    // Released, all of it goes.
    let released = HoldRequest { release: true, ..held };
    assert!(storage.hold(&released).await.unwrap());
    storage.erase(&request(Whose::Tenant(tenant()), false)).await.unwrap();
    let store = storage.rows(&tenant()).await.unwrap();
    for key in beside.iter().flatten() {
        assert_eq!(store.get(Table::Reports, key).await.unwrap(), None, "{key}");
    }
    drop(store);
    storage.close().await;
}

async fn hold(storage: &Storage, call: CallId, release: bool) {
    let hold = HoldRequest { tenant: tenant(), call, why: "a file".into(), release };
    assert!(storage.hold(&hold).await.unwrap());
}

/// What the log says of a call, with what was said in it where that is there still.
async fn told_of(storage: &Storage, call: CallId) -> String {
    format!("{:?}", storage.journal.records(&tenant(), call).await.unwrap())
}

#[tokio::test]
async fn a_review_beside_a_held_call_stays_though_it_names_the_caller() {
    let (_folder, storage) = Storage::in_a_folder().await;
    let (hers, his) = (call(&storage, 1, HERS).await, call(&storage, 2, HIS).await);
    restrict(&storage, HERS).await;
    hold(&storage, his, false).await;
    let store = storage.rows(&tenant()).await.unwrap();
    let reviews = [hers, his].map(|call| format!("{}anne", reviews_of(call)));
    for key in &reviews {
        store.apply(Batch::new().put(Table::Reports, key, format!("of {HERS}"))).await.unwrap();
    }
    let there = async |key: &String| store.get(Table::Reports, key).await.unwrap().is_some();
    let whose = caller(HERS);
    let would = storage.erase(&request(whose.clone(), true)).await.unwrap();
    assert_eq!((would[0].rows, would[0].held.as_slice()), (1, [his].as_slice()));
    let done = storage.erase(&request(whose.clone(), false)).await.unwrap();
    assert_eq!((done[0].calls.as_slice(), done[0].held.as_slice()), ([hers].as_slice(), [his].as_slice()));
    assert_eq!((done[0].rows, &done[0].failed), (1, &None));
    assert_eq!((there(&reviews[0]).await, there(&reviews[1]).await), (false, true));
    let restricted = async || storage.journal.rights(&tenant()).await.unwrap().restricted.len();
    assert_eq!(restricted().await, 1, "something of hers is left to be kept and not used");
    hold(&storage, his, true).await;
    let done = storage.erase(&request(whose, false)).await.unwrap();
    assert_eq!((done[0].rows, done[0].held.len()), (1, 0));
    assert_eq!((there(&reviews[1]).await, restricted().await), (false, 0));
    assert!(told_of(&storage, his).await.contains(HIS));
    drop(store);
    storage.close().await;
}

#[tokio::test]
async fn what_is_held_between_the_search_and_the_erasure_stays_with_what_is_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::open(&Folders::beside(folder.path().join("data"))).await.unwrap();
    let (hers, his) = (call(&storage, 1, HERS).await, call(&storage, 2, HIS).await);
    let store = storage.rows(&tenant()).await.unwrap();
    let review = format!("{}anne", reviews_of(his));
    store.apply(Batch::new().put(Table::Reports, &review, format!("of {HERS}"))).await.unwrap();
    let there = async || store.get(Table::Reports, &review).await.unwrap().is_some();
    let asked = request(Whose::Caller { number: HERS.into(), tenant: None }, false);
    // What is held meanwhile is one of hers, or one that has a row of hers beside it.
    for held in [hers, his] {
        let (_, mut found) = storage.found(&asked).await.unwrap().remove(0);
        assert_eq!((found.calls.as_slice(), found.rows.len()), ([hers].as_slice(), 1));
        hold(&storage, held, false).await;
        let mut erased = nothing_of(None);
        erased.calls = std::mem::take(&mut found.calls);
        let error = storage.erase_found(&tenant(), &asked, found, &mut erased).await.unwrap_err();
        let said = error.to_string();
        assert!(said.contains(&held.to_string()) && said.contains("Erase once more"), "{said}");
        assert_eq!(erased.report, None);
        assert!(told_of(&storage, hers).await.contains(HERS) && there().await);
        hold(&storage, held, true).await;
    }
    // Asked once more, all goes but what is held.
    hold(&storage, his, false).await;
    let done = storage.erase(&asked).await.unwrap();
    assert_eq!((done[0].calls.as_slice(), done[0].held.as_slice()), ([hers].as_slice(), [his].as_slice()));
    assert!(!told_of(&storage, hers).await.contains(HERS) && there().await);
    drop(store);
    storage.close().await;
}

#[tokio::test]
async fn what_is_refused_for_a_call_held_meanwhile_is_looked_for_anew_and_the_case_says_what_is_left() {
    let (_folder, storage) = Storage::in_a_folder().await;
    let hers = [call(&storage, 1, HERS).await, call(&storage, 2, HERS).await];
    let case = open_case(&storage, HERS, Right::Erase).await;
    let asked = EraseRequest { case: Some(case), ..request(caller(HERS), false) };
    let (tenant, found) = storage.found(&asked).await.unwrap().remove(0);
    assert_eq!(found.calls.len(), 2);
    hold(&storage, hers[0], false).await;
    let erased = storage.erase_of(&tenant, &asked, found).await.unwrap();
    assert_eq!((erased.calls.as_slice(), erased.held.as_slice()), (&hers[1..], &hers[..1]));
    assert_eq!((&erased.failed, erased.report.is_some()), (&None, true));
    assert!(told_of(&storage, hers[0]).await.contains(HERS));
    assert!(!told_of(&storage, hers[1]).await.contains(HERS));
    let left = not_done(Some(&erased)).unwrap();
    assert!(left.contains("1 are held") && left.contains("erase once more"), "{left}");
    // Released, it goes with the next, and nothing is left to be said.
    hold(&storage, hers[0], true).await;
    let done = storage.erase(&asked).await.unwrap();
    assert_eq!((done[0].calls.as_slice(), not_done(done.first())), (&hers[..1], None));
    assert!(!told_of(&storage, hers[0]).await.contains(HERS));
    storage.close().await;
}

#[tokio::test]
async fn a_record_of_a_case_that_is_held_stays_and_keeps_nothing_else() {
    let (_folder, storage) = Storage::in_a_folder().await;
    let hers = call(&storage, 1, HERS).await;
    let case = open_case(&storage, HERS, Right::Erase).await;
    hold(&storage, case, false).await;
    let whose = caller(HERS);
    let done = storage.erase(&request(whose.clone(), false)).await.unwrap();
    assert_eq!((&done[0].failed, done[0].report.unwrap().calls, done[0].records), (&None, 1, 0));
    assert_eq!(done[0].held, [case]);
    assert!(!told_of(&storage, hers).await.contains(HERS));
    assert!(told_of(&storage, case).await.contains(HERS));
    let all = EraseRequest { trace: true, ..request(Whose::Tenant(tenant()), false) };
    let done = storage.erase(&all).await.unwrap();
    assert_eq!((done[0].report.unwrap().calls, done[0].held.as_slice()), (1, [case].as_slice()));
    assert!(told_of(&storage, case).await.contains(HERS));
    hold(&storage, case, true).await;
    let done = storage.erase(&request(whose, false)).await.unwrap();
    assert_eq!((done[0].records, done[0].held.len()), (1, 0));
    assert!(!told_of(&storage, case).await.contains(HERS));
    storage.close().await;
}

#[tokio::test]
async fn the_trace_of_a_call_stays_with_its_held_amendment_and_both_go_once_that_is_released() {
    let (_folder, storage) = Storage::in_a_folder().await;
    let hers = call(&storage, 1, HERS).await;
    let amended = amend(&storage, hers).await;
    hold(&storage, amended, false).await;
    let all = EraseRequest { trace: true, ..request(Whose::Tenant(tenant()), false) };
    let left = async || parloir_admin::CallFiles::amendment_left(&storage, &tenant()).await.unwrap();
    for calls in [vec![hers], Vec::new()] {
        let done = storage.erase(&all).await.unwrap();
        assert_eq!((&done[0].calls, done[0].failed.as_ref()), (&calls, None));
        assert!(done[0].held.contains(&amended));
        assert!(!told_of(&storage, hers).await.contains(HERS));
        assert!(storage.journal.call(&tenant(), hers).await.unwrap().is_some(), "its trace stays");
        assert!(told_of(&storage, amended).await.contains("canary"));
        assert_eq!(left().await, Some((amended, true)));
    }
    hold(&storage, amended, true).await;
    assert_eq!(left().await, Some((amended, false)));
    let done = storage.erase(&all).await.unwrap();
    assert_eq!((done[0].calls.as_slice(), done[0].held.len()), ([hers].as_slice(), 0));
    for call in [hers, amended] {
        assert!(storage.journal.call(&tenant(), call).await.unwrap().is_none());
        assert!(storage.journal.records(&tenant(), call).await.is_err());
    }
    assert_eq!(left().await, None);
    storage.close().await;
}

#[tokio::test]
async fn a_held_amendment_stays_when_its_call_goes_and_goes_once_it_is_released() {
    let (_folder, storage) = Storage::in_a_folder().await;
    let hers = call(&storage, 1, HERS).await;
    let amended = amend(&storage, hers).await;
    hold(&storage, amended, false).await;
    for calls in [vec![hers], Vec::new()] {
        let done = storage.erase(&request(Whose::Call(hers), false)).await.unwrap();
        assert_eq!((&done[0].calls, done[0].held.as_slice()), (&calls, [amended].as_slice()));
        assert!(!told_of(&storage, hers).await.contains(HERS));
        assert!(told_of(&storage, amended).await.contains("canary"));
    }
    hold(&storage, amended, true).await;
    let done = storage.erase(&request(Whose::Call(hers), false)).await.unwrap();
    assert_eq!((done[0].report.unwrap().calls, done[0].held.len()), (1, 0));
    assert!(!told_of(&storage, amended).await.contains("canary"));
    let again = storage.erase(&request(Whose::Call(hers), true)).await.unwrap();
    assert!(again[0].calls.is_empty() && again[0].held.is_empty(), "{again:?}");
    storage.close().await;
}

#[tokio::test]
async fn an_amendment_that_its_call_left_behind_is_found_with_its_tenants_and_with_any_callers_things() {
    let (_folder, storage) = Storage::in_a_folder().await;
    let left = async || parloir_admin::CallFiles::amendment_left(&storage, &tenant()).await.unwrap();
    let of_caller = caller(HERS);
    for (number, whose) in [(1, of_caller), (2, Whose::Tenant(tenant()))] {
        let hers = call(&storage, number, HERS).await;
        let amended = amend(&storage, hers).await;
        // As one that was held after it was looked for: the call goes, and its trace.
        hold(&storage, amended, false).await;
        let erasure = Erasure { calls: vec![hers], purposes: Purposes::ALL, ..Erasure::default() };
        storage.journal.erase(&tenant(), erasure).await.unwrap();
        assert!(storage.journal.call(&tenant(), hers).await.unwrap().is_none());
        let all = EraseRequest { trace: true, ..request(whose, false) };
        let done = storage.erase(&all).await.unwrap();
        assert_eq!((done[0].calls.len(), done[0].held.as_slice()), (0, [amended].as_slice()));
        assert!(told_of(&storage, amended).await.contains("canary"));
        assert_eq!(left().await, Some((amended, true)));
        hold(&storage, amended, true).await;
        // First what it says, then that it was.
        let done = storage.erase(&EraseRequest { trace: false, ..all.clone() }).await.unwrap();
        assert_eq!((done[0].calls.as_slice(), &done[0].failed), ([amended].as_slice(), &None));
        assert!(!told_of(&storage, amended).await.contains("canary"));
        let again = storage.erase(&EraseRequest { trace: false, ..all.clone() }).await.unwrap();
        assert!(again[0].calls.is_empty() && again[0].held.is_empty(), "{again:?}");
        let done = storage.erase(&all).await.unwrap();
        assert_eq!((done[0].calls.as_slice(), &done[0].failed), ([amended].as_slice(), &None));
        assert!(storage.journal.records(&tenant(), amended).await.is_err());
        assert_eq!(left().await, None);
    }
    storage.close().await;
}

#[tokio::test]
async fn an_amendment_of_a_call_whose_trace_is_there_goes_with_nobody_elses_things() {
    let (_folder, storage) = Storage::in_a_folder().await;
    let (hers, his) = (call(&storage, 1, HERS).await, call(&storage, 2, HIS).await);
    let amended = amend(&storage, his).await;
    let of_caller = caller(HERS);
    let all = EraseRequest { trace: true, ..request(of_caller, false) };
    let done = storage.erase(&all).await.unwrap();
    assert_eq!((done[0].calls.as_slice(), done[0].held.len()), ([hers].as_slice(), 0));
    assert!(told_of(&storage, amended).await.contains("canary"));
    // Nor where what was said in his call is gone: by its trace this is found, and it goes with his things.
    hold(&storage, amended, false).await;
    storage.erase(&request(Whose::Call(his), false)).await.unwrap();
    hold(&storage, amended, true).await;
    let next = call(&storage, 3, HERS).await;
    let done = storage.erase(&all).await.unwrap();
    assert_eq!((done[0].calls.as_slice(), done[0].held.len()), ([next].as_slice(), 0));
    assert!(told_of(&storage, amended).await.contains("canary"));
    storage.close().await;
}

#[tokio::test]
async fn a_held_amendment_that_is_nobodys_any_more_leaves_no_hash_of_the_number_of_whoever_is_erased() {
    let (_folder, storage) = Storage::in_a_folder().await;
    let his = call(&storage, 1, HIS).await;
    let amended = amend(&storage, his).await;
    hold(&storage, amended, false).await;
    let erasure = Erasure { calls: vec![his], purposes: Purposes::ALL, ..Erasure::default() };
    storage.journal.erase(&tenant(), erasure).await.unwrap();
    let hers = call(&storage, 2, HERS).await;
    restrict(&storage, HERS).await;
    let left = async || {
        let rights = storage.journal.rights(&tenant()).await.unwrap();
        (rights.restricted.len(), rights.whose.len())
    };
    let of_caller = caller(HERS);
    let all = EraseRequest { trace: true, ..request(of_caller, false) };
    // What is held of hers keeps it.
    hold(&storage, hers, false).await;
    let done = storage.erase(&all).await.unwrap();
    assert!(done[0].held.contains(&hers) && done[0].held.contains(&amended), "{done:?}");
    assert_eq!(left().await.0, 1);
    hold(&storage, hers, true).await;
    let done = storage.erase(&all).await.unwrap();
    assert_eq!(
        (done[0].calls.as_slice(), done[0].held.as_slice()),
        ([hers].as_slice(), [amended].as_slice())
    );
    assert_eq!(left().await, (0, 0));
    assert!(told_of(&storage, amended).await.contains("canary"));
    storage.close().await;
}

#[tokio::test]
async fn rows_that_cannot_be_counted_are_said_to_be_so() {
    let (_folder, storage) = Storage::in_a_folder().await;
    call(&storage, 1, HERS).await;
    let rows = storage.rows(&tenant()).await.unwrap();
    rows.apply(Batch::new().put(Table::Memory, "last", "kept")).await.unwrap();
    let address = rows.entry(Table::Memory, "last").await.unwrap().unwrap().row.address;
    let damaged = StoredOperation::Put(address, b"damaged".to_vec());
    let batch = StoredBatch { operations: vec![damaged], ..StoredBatch::default() };
    assert!(storage.directory_rooms().store.apply(batch).await.unwrap().is_none());
    let would = storage.erase(&request(Whose::Tenant(tenant()), true)).await.unwrap();
    let failed = would[0].failed.as_deref().unwrap();
    assert!(failed.contains("rows could not be counted"), "{failed}");
    drop(rows);
    storage.close().await;
}

#[tokio::test]
async fn of_very_many_single_rows_a_part_is_erased_at_a_time() {
    let (_folder, storage) = Storage::in_a_folder().await;
    call(&storage, 1, HERS).await;
    let rows = storage.rows(&tenant()).await.unwrap();
    rows.apply(Batch::new().put(Table::Reports, "handed/nobody", "kept")).await.unwrap();
    let row = rows.entry(Table::Reports, "handed/nobody").await.unwrap().unwrap().row;
    let request = request(Whose::Tenant(tenant()), false);
    let (tenant, mut found) = storage.found(&request).await.unwrap().pop().unwrap();
    let at = |number: usize| Address::new(&tenant, Table::Reports, number.to_string().as_bytes()).unwrap();
    found.rows = (1..PORTION).map(|number| Rows::At(Row { address: at(number), ..row.clone() })).collect();
    found.rows.extend([Rows::Of(Table::Memory), Rows::At(row)]);
    let mut erased = nothing_of(None);
    storage.erase_found(&tenant, &request, found, &mut erased).await.unwrap();
    let records = erasures(storage.keys(), &tenant).await.unwrap();
    assert_eq!((records.len(), erased.report.unwrap().rows), (2, 1), "{records:?}");
    assert_eq!(rows.get(Table::Reports, "handed/nobody").await.unwrap(), None);
    drop(rows);
    storage.close().await;
}

fn nothing_of(report: Option<ErasureReport>) -> TenantErasure {
    TenantErasure {
        tenant: tenant(),
        calls: Vec::new(),
        lasting: Vec::new(),
        held: Vec::new(),
        rows: 0,
        records: 0,
        unread: Vec::new(),
        failed: None,
        report,
    }
}

#[test]
fn an_erasure_that_fails_on_the_way_is_told_beside_what_was_done() {
    let caller = caller(HERS);
    let call = Whose::Call(CallId::from_bytes([1; 16]));
    let report = Some(ErasureReport::default());
    let table = [
        (&call, None, false),
        (&call, report, true),
        (&Whose::Tenant(tenant()), None, false),
        (&Whose::Tenant(tenant()), report, true),
        (&caller, None, true),
        (&caller, report, true),
    ];
    for (whose, report, is_told) in table {
        let mut erased = nothing_of(report);
        let done = told(EraseError::TooLong, whose, &mut erased);
        assert_eq!((done.is_ok(), erased.failed.is_some()), (is_told, is_told), "{whose:?}, {report:?}");
        if is_told {
            let (left, part) = (not_done(Some(&erased)).unwrap(), report.map_or("not at all", |_| "in part"));
            assert!(left.starts_with(part) && left.contains("erase once more"), "{left}");
        }
    }
}
