//! What a person asks for, from the request to the log.

use std::sync::Arc;

use jiff::{Timestamp, ToSpan};
use parloir_admin::{CallFiles, Reach};
use parloir_contract::{
    Book, Booked, CallInfo, Contact, Direction, Field, HostCall, HostReturn, Import, LocalTime, SetMemory,
};
use parloir_journal::{
    CallEnded, CallStarted, HostCallEnded, HostCallStarted, HostStatus, ReportFiled, Scope, rights,
};
use parloir_store::{Batch, Table};
use parloir_tenancy::calendar::{Correction, Hours, Kept};
use parloir_tenancy::retention::Retention;
use parloir_tenancy::{Calendar, Hidden, Memory};

use super::*;
use crate::{EraseRequest, Whose};

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
        let (folder, storage) = Storage::in_a_folder().await;
        let store = storage.rows(&tenant()).await.unwrap();
        let text = "notice-minutes = 60\nopen = { tuesday = [\"09:00-10:30\"] }";
        let hours = Arc::new(Hours::new(&toml::from_str(text).unwrap()).unwrap());
        let (calendar, memory) = (Calendar::new(hours, store.clone()), Memory::new(store));
        Self { storage, calendar, memory, _folder: folder }
    }

    /// A call that booked an appointment and reported on it.
    async fn call(&self, number: u8, caller: &str, slot: &str) -> CallId {
        self.call_for(number, caller, &[(slot, "Anne Durant")]).await
    }

    /// A call that booked appointments for these names, and reported on the first.
    async fn call_for(&self, number: u8, caller: &str, booked: &[(&str, &str)]) -> CallId {
        let contact = |name: &str| Contact { name: name.into(), phone: Some(caller.into()) };
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
        for (slot, name) in booked {
            let book = Book { slot: (*slot).into(), contact: contact(name), motive: "contrôle".into() };
            let now = "2026-11-23T08:00".parse().unwrap();
            let Booked::Confirmed(made) = self.calendar.book(book.clone(), now).await.unwrap() else {
                panic!()
            };
            let arguments = Some(HostCall::Book(book));
            let asked = RecordBody::HostCallStarted(HostCallStarted { import: Import::Book, arguments });
            let started = open.append(asked).unwrap();
            open.append(RecordBody::HostCallEnded(HostCallEnded {
                started,
                status: HostStatus::Ok,
                latency_us: 1,
                delivered: true,
                result: Some(HostReturn::Book(Ok(Booked::Confirmed(made)))),
                refused: None,
            }))
            .unwrap();
        }
        let fields = Some(vec![Field::Contact(contact(booked[0].1)), Field::Summary("Elle va bien.".into())]);
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
    let received = today();
    let last = |extended| due(received, extended).unwrap().to_string();
    let case = place.open_case("06 39 98 00 01", Right::Access, None).await;
    assert_eq!((case.due, case.closed), (last(0), None));
    let id = case.case;
    let extend = |case, months| RightsRequest::Extend { case, months, why: "many calls".into() };
    let RightsDone::Case(longer) = place.ask(extend(id, 1)).await.unwrap() else { panic!() };
    assert_eq!((longer.due, longer.extended), (last(1), 1));
    assert!(matches!(place.ask(extend(id, 2)).await, Err(RightsError::Extended { extended: 1 })));
    let long_ago = received.checked_sub(40.days()).unwrap().to_string();
    let late = place.open_case(HERS, Right::Access, Some(&long_ago)).await.case;
    assert!(matches!(place.ask(extend(late, 1)).await, Err(RightsError::Late { .. })));
    let why = Some("in part: 1 call(s) could not be read".to_owned());
    place.ask(RightsRequest::Note { case: id, step: CaseStep::Exported, record: None, why }).await.unwrap();
    assert!(place.finds("in part").await);
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
                    assert_eq!((case.case, case.received), (id, received.to_string()));
                    steps.push(case.step);
                }
            }
        }
        steps
    };
    assert_eq!(steps, [CaseStep::Opened, CaseStep::Extended, CaseStep::Exported, CaseStep::Done]);
    let nobody = CallId::from_bytes([9; 16]);
    let unknown = place.ask(RightsRequest::Close { case: nobody, done: true, why: String::new() }).await;
    assert!(matches!(unknown, Err(RightsError::Case(CaseError::NoSuch(_)))), "{unknown:?}");
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
        appointment: None,
        case: Some(case),
    };
    let wrong = place.ask(rectify("contact.name", "Anne Durand", his)).await;
    assert!(matches!(wrong, Err(RightsError::Case(CaseError::Other { .. }))), "{wrong:?}");
    for (number, fits) in [(HERS, true), (HIS, false)] {
        let request = RightsRequest::Fits { case, tenant: tenant(), number: number.into() };
        assert_eq!(place.ask(request).await.is_ok(), fits, "{number}");
    }
    // What the calendar would refuse is not told to the log either.
    let wrong = place.ask(rectify("contact.name", &"n".repeat(121), case)).await;
    assert!(matches!(wrong, Err(RightsError::Calendar(Refusal::Invalid(_)))), "{wrong:?}");
    assert!(rights(place.storage.keys(), &tenant()).await.unwrap().amendments.is_empty());
    let wrong = place.ask(rectify("status", "splendid", case)).await.unwrap_err().to_string();
    assert!(wrong.contains("resolved, booked, call_back"), "{wrong}");
    for field in ["status", "summary", "need"] {
        assert!(matches!(place.ask(rectify(field, " ", case)).await, Err(RightsError::Nothing)), "{field}");
    }
    let wrong = place.ask(rectify("shoe size", "38", case)).await.unwrap_err().to_string();
    assert!(wrong.contains("contact.name, contact.phone") && wrong.contains("summary"), "{wrong}");

    let done = place.ask(rectify("contact.name", "Anne Durand", case)).await.unwrap();
    let RightsDone::Rectified { recorded, appointments, record, left } = done else { panic!() };
    assert_eq!((recorded.as_slice(), appointments), (["Anne Durant".to_owned()].as_slice(), 1));
    assert!(left.is_empty(), "{left:?}");
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
async fn only_what_still_says_what_was_recorded_is_put_right_in_the_calendar() {
    let place = Place::open().await;
    let rectify = |call, appointment: Option<&str>, to: &str| RightsRequest::Rectify {
        call,
        field: "contact.name".into(),
        to: to.into(),
        appointment: appointment.map(str::to_owned),
        case: None,
    };
    let put_right = async |request| {
        let RightsDone::Rectified { appointments, .. } = place.ask(request).await.unwrap() else { panic!() };
        appointments
    };
    let names = async |number: &str| {
        let found = place.calendar.find(number, "2026-11-23T08:00".parse().unwrap()).await.unwrap();
        found.into_iter().map(|made| (made.contact.name, made.reference)).collect::<Vec<_>>()
    };
    // Somebody else wrote something else there since.
    let call = place.call(1, HERS, "2026-11-24T09:00").await;
    let reference = names(HERS).await.remove(0).1;
    let kept = Kept::new(place.storage.rows(&tenant()).await.unwrap());
    kept.correct(&reference, &Correction::Name("Anne Martin".into())).await.unwrap();
    assert_eq!(put_right(rectify(call, None, "Anne Durand")).await, 0);
    assert_eq!(names(HERS).await[0].0, "Anne Martin");

    // A call for two: whose name it is has to be said.
    let booked = [("2026-11-24T09:30", "Anne Durant"), ("2026-11-24T10:00", "Paul Durant")];
    let call = place.call_for(2, HIS, &booked).await;
    let of_two: [(String, String); 2] = names(HIS).await.try_into().unwrap();
    let [(_, hers), (_, his)] = of_two;
    let several = place.ask(rectify(call, None, "Anne Durand")).await;
    assert!(matches!(several, Err(RightsError::Several { .. })), "{several:?}");
    let said = several.unwrap_err().to_string();
    assert!(said.contains(&hers) && said.contains(&his) && said.contains("Paul Durant"), "{said}");
    let none = place.ask(rectify(call, Some(&reference), "Anne Durand")).await;
    assert!(matches!(none, Err(RightsError::NoAppointment(_))), "{none:?}");
    assert_eq!(put_right(rectify(call, Some("none"), "Anne Durand")).await, 0);
    assert_eq!(put_right(rectify(call, Some(&hers), "Anne Durand")).await, 1);
    // What was put right before can be put right again.
    assert_eq!(put_right(rectify(call, Some(&hers), "Anne Durang")).await, 1);
    let now = names(HIS).await;
    assert_eq!((now[0].0.as_str(), now[1].0.as_str()), ("Anne Durang", "Paul Durant"));
    place.storage.close().await;
}

#[tokio::test]
async fn every_appointment_that_is_put_right_is_in_the_log_though_others_were_put_right_to_the_same() {
    let place = Place::open().await;
    let wrong = ["Anne Durent", "Anne Durans", "Anne Duran"];
    let slots = ["2026-11-24T09:00", "2026-11-24T09:30", "2026-11-24T10:00"];
    let booked: Vec<(&str, &str)> = slots.into_iter().zip(wrong).collect();
    let call = place.call_for(1, HERS, &booked).await;
    let now = "2026-11-23T08:00".parse().unwrap();
    let found = place.calendar.find(HERS, now).await.unwrap();
    let of = |name: &str| found.iter().find(|made| made.contact.name == name).unwrap().reference.clone();
    let put_right = async |name: &str| {
        let (field, to, appointment) = ("contact.name".into(), "Anne Durand".into(), Some(of(name)));
        let request = RightsRequest::Rectify { call, field, to, appointment, case: None };
        let RightsDone::Rectified { record, appointments, .. } = place.ask(request).await.unwrap() else {
            panic!()
        };
        let told = place.storage.journal.records(&tenant(), record).await.unwrap();
        let told = told.into_iter().find_map(|record| {
            let RecordBody::Amended(amended) = record.body else { return None };
            Some(amended.appointments)
        });
        let all = rights(place.storage.keys(), &tenant()).await.unwrap().amendments.len();
        (appointments, told.unwrap(), all)
    };
    // How many are changed, of how many the record tells, and how many records there are.
    assert_eq!(put_right(wrong[0]).await, (1, 1, 1));
    assert_eq!(put_right(wrong[1]).await, (1, 2, 2));
    // Again the same: nothing is said twice.
    assert_eq!(put_right(wrong[1]).await.2, 2);
    // One that nobody can look at any more does not stand for another.
    assert!(place.calendar.cancel(&of(wrong[0])).await.unwrap());
    assert_eq!(put_right(wrong[2]).await, (1, 2, 3));
    let names = place.calendar.find(HERS, now).await.unwrap();
    assert!(names.len() == 2 && names.iter().all(|made| made.contact.name == "Anne Durand"), "{names:?}");
    assert!(place.storage.journal.verify(Scope::All).await.unwrap().is_sound());
    place.storage.close().await;
}

#[tokio::test]
async fn what_the_calendar_did_not_take_is_told_and_asking_again_makes_up_for_it() {
    let place = Place::open().await;
    let booked = [("2026-11-24T09:30", "Anne Durant"), ("2026-11-24T10:00", "Anne Durant")];
    let call = place.call_for(1, HERS, &booked).await;
    let case = place.open_case(HERS, Right::Rectify, None).await.case;
    let rectify = || RightsRequest::Rectify {
        call,
        field: "contact.phone".into(),
        to: HIS.into(),
        appointment: None,
        case: Some(case),
    };
    // The list of his appointments cannot be read.
    let store = place.storage.rows(&tenant()).await.unwrap();
    let damaged = Batch::new().put(Table::AppointmentsByPhone, HIS, [0xc1]);
    store.apply(damaged).await.unwrap();
    let done = place.ask(rectify()).await.unwrap();
    let RightsDone::Rectified { appointments, record, left, .. } = done else { panic!() };
    assert_eq!((appointments, left.len()), (0, 2), "{left:?}");
    assert!(left[0].1.contains("failed"), "{left:?}");
    assert!(place.finds("in part: but not in appointment").await);

    store.apply(Batch::new().delete(Table::AppointmentsByPhone, HIS)).await.unwrap();
    let done = place.ask(rectify()).await.unwrap();
    let RightsDone::Rectified { appointments, record: again, left, .. } = done else { panic!() };
    assert_eq!((appointments, left.len(), again), (2, 0, record));
    let now = "2026-11-23T08:00".parse().unwrap();
    assert_eq!(place.calendar.find(HIS, now).await.unwrap().len(), 2);
    assert_eq!(rights(place.storage.keys(), &tenant()).await.unwrap().amendments.len(), 1);
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
    let restricted: Arc<dyn Hidden> = Arc::new(restricted);
    let (now, calendar) = ("2026-11-23T08:00".parse().unwrap(), &place.calendar);
    let hiding = calendar.clone().hiding(Some(Arc::clone(&restricted)));
    assert_eq!(
        (hiding.find(HERS, now).await.unwrap().len(), hiding.find(HIS, now).await.unwrap().len()),
        (0, 1)
    );
    assert_eq!(calendar.find(HERS, now).await.unwrap().len(), 1);
    let memory = place.memory.clone().hiding(Some(restricted));
    assert_eq!(memory.get("caller:+33639980001").await, Ok(None));
    assert_eq!(memory.get("last").await, Ok(None));
    assert_eq!(memory.get("count").await, Ok(Some(b"7".to_vec())));

    // Lists say so, whether somebody was looked for in the calls before or not.
    for _ in 0..2 {
        let listed = place.storage.list(&tenant(), None, 10, &[], &Reach::All).await.unwrap();
        let listed: Vec<_> = listed.calls.into_iter().map(|one| (one.call, one.state.restricted)).collect();
        assert_eq!(listed, [(his, Some(false)), (hers, Some(true))]);
        let calls = RightsRequest::Calls { tenant: tenant(), number: HERS.into() };
        place.ask(calls).await.unwrap();
    }
    assert_eq!(place.storage.state(&tenant(), hers, &[]).await.unwrap().restricted, Some(true));

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
async fn nobody_stays_restricted_with_a_tenant_of_whom_nothing_is_left() {
    let place = Place::open().await;
    place.call(1, HERS, "2026-11-24T09:00").await;
    for number in [HERS, HIS] {
        assert!(place.changed(restrict(number, false, None)).await);
    }
    let whose = Whose::Tenant(tenant());
    let request = EraseRequest { whose, trace: true, reason: None, dry_run: false, case: None };
    place.storage.erase(&request).await.unwrap();
    assert!(rights(place.storage.keys(), &tenant()).await.unwrap().restricted.is_empty());
    assert!(place.storage.journal.verify(Scope::All).await.unwrap().is_sound());
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
    let request = EraseRequest { whose, trace: false, reason: None, dry_run: false, case: None };
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
        for (key, value) in [("last", "rang: 06 39 98 00 01, after Paul"), (HERS, "vip")] {
            place.memory.set(SetMemory { key: key.into(), value: value.into() }).await.unwrap();
        }
        let case = place.open_case(HERS, Right::Erase, None).await.case;
        let extend = RightsRequest::Extend { case, months: 1, why: "canary of a word".into() };
        place.ask(extend).await.unwrap();
        let to = "canary of an amendment".to_owned();
        let field = "summary".to_owned();
        let rectify = RightsRequest::Rectify { call: hers, field, to, appointment: None, case: Some(case) };
        place.ask(rectify).await.unwrap();
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
        let remembered = KeptRow::Memory { key: HERS.into(), value: "vip".into() };
        // What only names her is told, and what else it says is not shown.
        let named = KeptRow::Mention { of: "memory".into(), key: Some("last".into()) };
        assert!(found.len() == 3 && found.contains(&remembered) && found.contains(&named), "{found:?}");
        let now = "2026-11-23T08:00".parse().unwrap();
        let reference = place.calendar.find(HIS, now).await.unwrap()[0].reference.clone();
        let found = rows(vec![reference.clone()]).await;
        assert!(found.contains(&KeptRow::Mention { of: "appointment".into(), key: Some(reference) }));
        assert!(found.len() == 4 && !format!("{found:?}").contains(HIS), "{found:?}");

        let whose = Whose::Caller { number: HERS.into(), tenant: None };
        let request = EraseRequest { whose, trace, reason: None, dry_run: false, case: None };
        let done = place.storage.erase(&request).await.unwrap();
        assert_eq!((done[0].calls.as_slice(), done[0].records), ([hers].as_slice(), 5), "{done:?}");
        let noted = rights(place.storage.keys(), &tenant()).await.unwrap();
        assert!(
            noted.restricted.is_empty() && noted.naming.is_empty() && noted.whose.is_empty(),
            "{noted:?}"
        );
        for canary in [HERS, "canary of a word", "canary of an amendment", "her letter"] {
            assert!(!place.finds(canary).await, "{canary}, trace {trace}");
        }
        assert!(rows(vec![]).await.is_empty());
        let close = RightsRequest::Close { case, done: true, why: "canary of an end".into() };
        let RightsDone::Case(closed) = place.ask(close).await.unwrap() else { panic!() };
        let first = place.storage.journal.records(&tenant(), case).await.unwrap();
        let RecordBody::Case(opened) = &first[1].body else { panic!("{first:?}") };
        assert_eq!((opened.right, opened.named.as_ref()), (Right::Erase, None), "that she asked stays");
        assert!(closed.closed.is_some());
        assert!(place.storage.journal.verify(Scope::All).await.unwrap().is_sound());
        // Nothing is left to be erased of her, but what was written in her case since.
        let again = place.storage.erase(&request).await.unwrap();
        assert_eq!((again[0].calls.len(), again[0].records, again[0].report), (0, 0, None));
        assert!(place.finds("canary of an end").await);
        let his = place.open_case(HIS, Right::Erase, None).await.case;
        let wrong = place.storage.erase(&EraseRequest { case: Some(his), ..request.clone() }).await;
        assert!(matches!(wrong, Err(EraseError::Case(CaseError::Other { .. }))), "{wrong:?}");
        let done = place.storage.erase(&EraseRequest { case: Some(case), ..request }).await.unwrap();
        assert_eq!((done[0].calls.len(), done[0].records), (0, 1), "{done:?}");
        assert!(!place.finds("canary of an end").await);
        place.storage.close().await;
    }
}

#[tokio::test]
async fn a_tenants_own_people_look_up_hand_over_and_erase_and_another_tenant_has_no_such_case() {
    use parloir_admin::resource::{EraseCase, NewCase, Right as Asked};
    use parloir_admin::{PersonError, PersonFile, PersonFiles, Reading};

    let place = Place::open().await;
    let call = place.call(1, HERS, "2026-11-24T09:00").await;
    let held = place.call(2, HERS, "2026-11-24T09:30").await;
    place.storage.journal.hold(&tenant(), held, "a lawsuit".into()).await.unwrap();
    let persons: &dyn PersonFiles = &place.storage;
    let new = NewCase { number: HERS.into(), right: Asked::Access, received: None, why: None };
    let case = persons.open_case(&tenant(), &new).await.unwrap();
    let other: TenantId = "other".parse().unwrap();
    assert_eq!(persons.case(&other, case).await, Err(PersonError::NoSuchCase));
    assert_eq!(persons.fits(&other, case, None).await, Err(PersonError::NoSuchCase));
    assert!(matches!(persons.fits(&tenant(), case, Some(HIS)).await, Err(PersonError::Refused(_))));

    let who = parloir_journal::Reader::Key { user: "anne".into(), role: "admin".into(), key: "hers".into() };
    let reading = Reading { who, why: None };
    let looked = persons.look(&tenant(), case, reading.clone()).await.unwrap();
    assert_eq!((looked.calls, looked.cases, looked.missing.len()), (2, 1, 0), "{looked:?}");
    for name in [format!("{call}.json"), "rows.json".into(), "cases.json".into()] {
        assert!(looked.files.contains(&name), "{looked:?}");
    }
    for file in &looked.files {
        let PersonFile { length, parts } =
            persons.file(&tenant(), case, file, &looked.references).await.unwrap();
        let taken: usize = parts.map(|part| part.len()).sum();
        assert!(length > 0 && taken as u64 == length, "{file}");
    }
    persons.exported(&tenant(), case, &[]).await.unwrap();
    let erased = persons.erase_person(&tenant(), case, &EraseCase::default(), reading).await.unwrap();
    assert_eq!((erased.calls, erased.held), (vec![call], vec![held]));
    let steps = persons.case(&tenant(), case).await.unwrap().spec.steps.unwrap();
    let steps: Vec<_> = steps.iter().map(|step| step.step.as_str()).collect();
    assert_eq!(steps, ["opened", "exported", "erased"]);
    let accesses = place.storage.journal.accesses(&tenant()).await.unwrap();
    assert_eq!(accesses.len(), 1, "who looked is noted, once");
}

mod by_api;
