//! What a person asks for, from the request to the log.

use std::sync::Arc;

use parloir_contract::{
    Book, Booked, CallInfo, Contact, Direction, Field, HostCall, HostReturn, Import, LocalTime, SetMemory,
};
use parloir_journal::{
    CallEnded, CallStarted, HostCallEnded, HostCallStarted, HostStatus, ReportFiled, Scope,
};
use parloir_tenancy::calendar::Hours;
use parloir_tenancy::retention::Retention;
use parloir_tenancy::{Calendar, Memory};

use super::*;
use crate::{EraseRequest, Folders, Whose};

const HERS: &str = "+33639980001";
const HIS: &str = "+33639980002";

fn tenant() -> TenantId {
    "cabinet".parse().unwrap()
}

struct Place {
    storage: Storage,
    calendar: Calendar,
    memory: Memory,
    _folder: tempfile::TempDir,
}

impl Place {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::open(&Folders::beside(folder.path().join("data"))).await.unwrap();
        let store = storage.rows(&tenant()).await.unwrap();
        let text = "notice-minutes = 60\nopen = { tuesday = [\"09:00-10:30\"] }";
        let hours = Arc::new(Hours::new(&toml::from_str(text).unwrap()).unwrap());
        let (calendar, memory) = (Calendar::new(hours, store.clone()), Memory::new(store));
        Self { storage, calendar, memory, _folder: folder }
    }

    /// A call that booked an appointment and reported on it.
    async fn call(&self, number: u8, caller: &str, slot: &str) -> CallId {
        let contact = Contact { name: "Anne Durant".into(), phone: Some(caller.into()) };
        let book = Book { slot: slot.into(), contact: contact.clone(), motive: "contrôle".into() };
        let now = "2026-11-23T08:00".parse().unwrap();
        let Booked::Confirmed(made) = self.calendar.book(book.clone(), now).await.unwrap() else { panic!() };
        let id = CallId::from_bytes([number; 16]);
        let info = CallInfo {
            id: id.to_string(),
            direction: Direction::Inbound,
            line: "+33199000001".into(),
            caller: Some(caller.into()),
            language: "fr-FR".into(),
            started_at: LocalTime { year: 2026, month: 11, day: 2, hour: 9, minute: 30 },
            settings: vec![],
        };
        let started = CallStarted { info: Some(info), ..CallStarted::default() };
        let open = self.storage.journal.open_call(&tenant(), id, started).await.unwrap();
        let arguments = Some(HostCall::Book(book));
        let asked = RecordBody::HostCallStarted(HostCallStarted { import: Import::Book, arguments });
        let started = open.append(asked).unwrap();
        open.append(RecordBody::HostCallEnded(HostCallEnded {
            started,
            status: HostStatus::Ok,
            latency_us: 1,
            delivered: true,
            result: Some(HostReturn::Book(Ok(Booked::Confirmed(made)))),
        }))
        .unwrap();
        let fields = Some(vec![Field::Contact(contact), Field::Summary("Elle va bien.".into())]);
        open.append(RecordBody::Report(ReportFiled { count: 2, fields })).unwrap();
        open.close(CallEnded::default()).await.unwrap();
        id
    }

    async fn ask(&self, request: RightsRequest) -> Result<RightsDone, RightsError> {
        self.storage.rights(&request).await
    }

    async fn open_case(&self, number: &str, right: Right, received: Option<&str>) -> CaseNote {
        let (number, received) = (number.to_owned(), received.map(str::to_owned));
        let why = Some("her letter".into());
        let opened = self.ask(RightsRequest::Open { tenant: tenant(), number, right, received, why }).await;
        let RightsDone::Case(case) = opened.unwrap() else { panic!() };
        case
    }

    async fn changed(&self, request: RightsRequest) -> bool {
        let RightsDone::Changed(changed) = self.ask(request).await.unwrap() else { panic!() };
        changed
    }

    /// Closes, and says whether a text is in any record of the journal.
    async fn finds(&self, text: &str) -> bool {
        let mut from = None;
        loop {
            let page = self.storage.journal.calls(&tenant(), from.as_ref(), 100).await.unwrap();
            for entry in page.calls {
                let records = self.storage.journal.records(&tenant(), entry.call).await;
                if format!("{records:?}").contains(text) {
                    return true;
                }
            }
            match page.next {
                Some(next) => from = Some(next),
                None => return false,
            }
        }
    }
}

fn restrict(number: &str, release: bool, case: Option<CallId>) -> RightsRequest {
    RightsRequest::Restrict { tenant: tenant(), number: number.into(), why: None, release, case }
}

fn block(to: Option<BlockedTo>, case: Option<CallId>) -> RightsRequest {
    RightsRequest::Block { tenant: tenant(), number: HERS.into(), to, why: None, case }
}

#[test]
fn a_term_is_a_month_by_the_calendar_and_two_more_at_most() {
    let date = |text: &str| text.parse::<Date>().unwrap();
    for (received, extended, last) in [
        ("2026-03-14", 0, "2026-04-14"),
        ("2026-01-31", 0, "2026-02-28"),
        ("2028-01-30", 0, "2028-02-29"),
        ("2026-12-31", 0, "2027-01-31"),
        ("2026-01-31", 1, "2026-03-31"),
        ("2026-11-30", 2, "2027-02-28"),
    ] {
        assert_eq!(due(date(received), extended), Some(date(last)), "{received}");
    }
    assert_eq!(due(Date::MAX, 0), None);
    for wrong in ["", "14/03/2026", "2026-02-30", "9999-01-01"] {
        assert!(matches!(day(wrong), Err(RightsError::NoDay(_))), "{wrong}");
    }
}

#[tokio::test]
async fn a_case_has_a_term_and_steps_and_an_end_and_the_log_has_all_of_it() {
    let place = Place::open().await;
    let unknown = RightsRequest::Open {
        tenant: tenant(),
        number: HERS.into(),
        right: Right::Access,
        received: None,
        why: None,
    };
    assert!(matches!(place.ask(unknown).await, Err(RightsError::Unknown(EraseError::NoSuchTenant(_)))));
    place.call(1, HERS, "2026-11-24T09:00").await;
    let case = place.open_case("06 39 98 00 01", Right::Access, Some("2026-01-31")).await;
    assert_eq!((case.due.as_str(), case.closed), ("2026-02-28", None));
    let id = case.case;
    let extend = |months| RightsRequest::Extend { case: id, months, why: "many calls".into() };
    let RightsDone::Case(longer) = place.ask(extend(1)).await.unwrap() else { panic!() };
    assert_eq!((longer.due.as_str(), longer.extended), ("2026-03-31", 1));
    assert!(matches!(place.ask(extend(2)).await, Err(RightsError::Extended { extended: 1 })));
    place.ask(RightsRequest::Note { case: id, step: CaseStep::Exported, record: None }).await.unwrap();
    let close = RightsRequest::Close { case: id, done: true, why: "by post".into() };
    let RightsDone::Case(closed) = place.ask(close.clone()).await.unwrap() else { panic!() };
    assert!(closed.closed.is_some_and(|(_, done)| done) && closed.records.len() == 4, "{closed:?}");
    let again = place.ask(close).await;
    assert!(matches!(again, Err(RightsError::Journal(JournalError::CaseClosed { .. }))), "{again:?}");
    let steps: Vec<CaseStep> = {
        let mut steps = Vec::new();
        for call in &closed.records {
            for record in place.storage.journal.records(&tenant(), *call).await.unwrap() {
                if let RecordBody::Case(case) = record.body {
                    assert_eq!((case.case, case.received.as_str()), (id, "2026-01-31"));
                    steps.push(case.step);
                }
            }
        }
        steps
    };
    assert_eq!(steps, [CaseStep::Opened, CaseStep::Extended, CaseStep::Exported, CaseStep::Done]);
    let nobody = CallId::from_bytes([9; 16]);
    let unknown = place.ask(RightsRequest::Close { case: nobody, done: true, why: String::new() }).await;
    assert!(matches!(unknown, Err(RightsError::NoSuchCase(_))), "{unknown:?}");
    assert!(place.storage.journal.verify(Scope::All).await.unwrap().is_sound());
    place.storage.close().await;
}

#[tokio::test]
async fn what_is_put_right_stands_beside_what_was_recorded_and_in_the_calendar() {
    let place = Place::open().await;
    let call = place.call(1, HERS, "2026-11-24T09:00").await;
    let case = place.open_case(HERS, Right::Rectify, None).await.case;
    let his = place.open_case(HIS, Right::Rectify, None).await.case;
    let rectify = |field: &str, to: &str, case| RightsRequest::Rectify {
        call,
        field: field.into(),
        to: to.into(),
        case: Some(case),
    };
    let wrong = place.ask(rectify("contact.name", "Anne Durand", his)).await;
    assert!(matches!(wrong, Err(RightsError::OtherCase { .. })), "{wrong:?}");
    let wrong = place.ask(rectify("shoe size", "38", case)).await.unwrap_err().to_string();
    assert!(wrong.contains("contact.name, contact.phone") && wrong.contains("summary"), "{wrong}");

    let done = place.ask(rectify("contact.name", "Anne Durand", case)).await.unwrap();
    let RightsDone::Rectified { recorded, appointments, record } = done else { panic!() };
    assert_eq!((recorded.as_slice(), appointments), (["Anne Durant".to_owned()].as_slice(), 1));
    let now = "2026-11-23T08:00".parse().unwrap();
    assert_eq!(place.calendar.find(HERS, now).await.unwrap()[0].contact.name, "Anne Durand");
    place.ask(rectify("contact.phone", "06 39 98 00 03", case)).await.unwrap();
    assert_eq!(place.calendar.find("+33639980003", now).await.unwrap().len(), 1);
    place.ask(rectify("summary", "Elle va mieux.", case)).await.unwrap();

    let kept = format!("{:?}", place.storage.journal.records(&tenant(), call).await.unwrap());
    assert!(kept.contains("Anne Durant") && !kept.contains("Anne Durand"), "{kept}");
    let told = place.storage.journal.records(&tenant(), record).await.unwrap();
    assert!(format!("{told:?}").contains("Anne Durand"));
    let all = rights(place.storage.keys(), &tenant()).await.unwrap();
    assert_eq!((all.amendments.len(), all.case(case).unwrap().records.len()), (3, 4));
    assert!(place.storage.journal.verify(Scope::All).await.unwrap().is_sound());
    place.storage.close().await;
}

#[tokio::test]
async fn who_is_restricted_is_kept_and_not_used() {
    let place = Place::open().await;
    let (hers, his) =
        (place.call(1, HERS, "2026-11-24T09:00").await, place.call(2, HIS, "2026-11-24T09:30").await);
    for (key, value) in [("caller:+33639980001", "vip"), ("last", "rang: 06 39 98 00 01"), ("count", "7")] {
        place.memory.set(SetMemory { key: key.into(), value: value.into() }).await.unwrap();
    }
    let case = place.open_case(HERS, Right::Restrict, None).await.case;
    assert!(Restrictions::of(place.storage.keys(), &tenant()).await.unwrap().is_none());
    assert!(place.changed(restrict(HERS, false, Some(case))).await);
    assert!(!place.changed(restrict(HERS, false, None)).await, "she is already");

    let restricted = Restrictions::of(place.storage.keys(), &tenant()).await.unwrap().unwrap();
    let records = place.storage.journal.records(&tenant(), hers).await.unwrap();
    assert!(restricted.of_call(&records).is_some());
    let records = place.storage.journal.records(&tenant(), his).await.unwrap();
    assert!(restricted.of_call(&records).is_none());
    let memory = place.memory.clone().hiding(Some(Arc::new(restricted)));
    assert_eq!(memory.get("caller:+33639980001").await, Ok(None));
    assert_eq!(memory.get("last").await, Ok(None));
    assert_eq!(memory.get("count").await, Ok(Some(b"7".to_vec())));

    let retention: Retention = toml::from_str("content = \"1 day\"").unwrap();
    let later = Timestamp::now() + 240.hours();
    let swept = place.storage.sweep(&tenant(), &retention, later, false).await.unwrap();
    assert_eq!((swept.held, swept.due[0].1.as_slice()), (vec![hers], [his].as_slice()));
    assert!(place.changed(restrict(HERS, true, Some(case))).await);
    let swept = place.storage.sweep(&tenant(), &retention, later, true).await.unwrap();
    assert_eq!((swept.held.len(), swept.due[0].1.as_slice()), (0, [hers].as_slice()));
    place.storage.close().await;
}

#[tokio::test]
async fn a_blocked_number_is_known_again_and_nothing_spells_it() {
    let place = Place::open().await;
    place.call(1, HIS, "2026-11-24T09:00").await;
    let of = async |caller: Option<&str>| place.storage.blocked(&tenant(), caller).await.unwrap();
    assert_eq!(of(Some(HERS)).await, None);
    assert!(place.changed(block(Some(BlockedTo::Refuse), None)).await);
    assert_eq!(
        (of(Some(HERS)).await, of(Some(HIS)).await, of(None).await),
        (Some(BlockedTo::Refuse), None, None)
    );
    assert!(place.changed(block(Some(BlockedTo::Human), None)).await);
    assert!(!place.changed(block(Some(BlockedTo::Human), None)).await);
    assert_eq!(of(Some(HERS)).await, Some(BlockedTo::Human));
    let note = place.storage.keys().recall(&tenant(), parloir_store::Memo::Rights).await.unwrap().unwrap();
    assert!(!String::from_utf8_lossy(&note).contains("639980001"));

    // It outlasts an erasure, which takes the number out of the log.
    let whose = Whose::Caller { number: HERS.into(), tenant: Some(tenant()) };
    let request = EraseRequest { whose, trace: false, reason: None, dry_run: false };
    assert!(place.finds(HERS).await);
    let done = place.storage.erase(&request).await.unwrap();
    assert_eq!((done[0].calls.len(), done[0].records), (0, 2), "{done:?}");
    assert!(!place.finds(HERS).await);
    assert_eq!(of(Some(HERS)).await, Some(BlockedTo::Human));
    assert!(place.changed(block(None, None)).await);
    assert!(!place.changed(block(None, None)).await);
    assert_eq!(of(Some(HERS)).await, None);
    assert!(place.storage.journal.verify(Scope::All).await.unwrap().is_sound());
    place.storage.close().await;
}

#[tokio::test]
async fn all_of_a_person_is_found_and_an_erasure_leaves_the_case_and_no_number() {
    for trace in [false, true] {
        let place = Place::open().await;
        let hers = place.call(1, HERS, "2026-11-24T09:00").await;
        place.call(2, HIS, "2026-11-24T09:30").await;
        let memory = SetMemory { key: "last".into(), value: "rang: 06 39 98 00 01".into() };
        place.memory.set(memory).await.unwrap();
        let case = place.open_case(HERS, Right::Erase, None).await.case;
        let extend = RightsRequest::Extend { case, months: 1, why: "canary of a word".into() };
        place.ask(extend).await.unwrap();
        let to = "canary of an amendment".to_owned();
        let field = "summary".to_owned();
        place.ask(RightsRequest::Rectify { call: hers, field, to, case: Some(case) }).await.unwrap();
        place.changed(restrict(HERS, false, Some(case))).await;

        let rows = async |references: Vec<String>| {
            let request = RightsRequest::Rows { tenant: tenant(), number: HERS.into(), references };
            let RightsDone::Rows(rows) = place.ask(request).await.unwrap() else { panic!() };
            rows
        };
        let found = rows(vec![]).await;
        assert!(
            matches!(&found[0], KeptRow::Appointment(made) if made.contact.phone.as_deref() == Some(HERS))
        );
        assert!(matches!(&found[1], KeptRow::Memory { key, .. } if key == "last"), "{found:?}");
        let now = "2026-11-23T08:00".parse().unwrap();
        let reference = place.calendar.find(HIS, now).await.unwrap()[0].reference.clone();
        assert_eq!(rows(vec![reference]).await.len(), 3, "what her calls made is hers by its reference");

        let whose = Whose::Caller { number: HERS.into(), tenant: None };
        let request = EraseRequest { whose, trace, reason: None, dry_run: false };
        let done = place.storage.erase(&request).await.unwrap();
        assert_eq!((done[0].calls.as_slice(), done[0].records), ([hers].as_slice(), 5), "{done:?}");
        for canary in [HERS, "canary of a word", "canary of an amendment", "her letter"] {
            assert!(!place.finds(canary).await, "{canary}, trace {trace}");
        }
        assert!(rows(vec![]).await.is_empty());
        let close = RightsRequest::Close { case, done: true, why: "all of it".into() };
        let RightsDone::Case(closed) = place.ask(close).await.unwrap() else { panic!() };
        let first = place.storage.journal.records(&tenant(), case).await.unwrap();
        let RecordBody::Case(opened) = &first[1].body else { panic!("{first:?}") };
        assert_eq!((opened.right, opened.named.as_ref()), (Right::Erase, None), "that she asked stays");
        assert!(closed.closed.is_some());
        assert!(place.storage.journal.verify(Scope::All).await.unwrap().is_sound());
        // Nothing is left to be erased of her.
        let again = place.storage.erase(&request).await.unwrap();
        assert_eq!((again[0].calls.len(), again[0].records, again[0].report), (0, 0, None));
        place.storage.close().await;
    }
}
