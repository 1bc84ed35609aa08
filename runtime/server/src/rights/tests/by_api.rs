//! What a tenant's own people do for persons by the administration, on the storage that serves.

use parloir_admin::resource::{RectifyCase, RestrictCase};
use parloir_admin::{CaseList, PersonError, PersonFiles, Reading};
use parloir_journal::Reader;

use super::*;

#[tokio::test]
async fn a_list_of_cases_is_read_page_by_page_and_nobody_makes_a_place_of_their_own() {
    let place = Place::open().await;
    place.call(1, HERS, "2026-11-24T09:00").await;
    let mut opened = Vec::new();
    for number in [HERS, HIS, HERS, HIS, HERS] {
        opened.push(place.open_case(number, Right::Access, None).await.case.to_string());
    }
    let persons: &dyn PersonFiles = &place.storage;
    let (mut listed, mut after, mut pages) = (Vec::new(), None::<String>, 0);
    loop {
        let CaseList { cases, next } = persons.cases(&tenant(), after.as_deref(), 2).await.unwrap();
        assert!(cases.iter().all(|case| case.spec.steps.is_none()));
        listed.extend(cases.into_iter().map(|case| case.id));
        pages += 1;
        match next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!((listed.as_slice(), pages), (opened.as_slice(), 3));
    // What is opened meanwhile is on a later page.
    let last = place.open_case(HIS, Right::Erase, None).await.case.to_string();
    let rest = persons.cases(&tenant(), after.as_deref(), 2).await.unwrap();
    let rest: Vec<_> = rest.cases.into_iter().map(|case| case.id).collect();
    assert_eq!(rest, [opened[4].clone(), last]);
    let after = after.unwrap();
    assert!(opened.iter().all(|case| !after.contains(case)), "{after}");
    for nowhere in ["2", "", opened[1].as_str(), &after[2..]] {
        let refused = persons.cases(&tenant(), Some(nowhere), 2).await;
        assert_eq!(refused, Err(PersonError::NoSuchPlace), "{nowhere}");
    }
    let other: TenantId = "other".parse().unwrap();
    assert_eq!(persons.cases(&other, Some(&after), 2).await, Err(PersonError::NoSuchPlace));
}

/// The sentence of a value that is refused, which is of this field.
fn refused<T: std::fmt::Debug>(done: Result<T, PersonError>, of: &str) -> String {
    match done.unwrap_err() {
        PersonError::Invalid { field, sentence } if field == of => sentence,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_put_right_for_a_person_is_as_by_the_command_and_who_read_it_is_noted() {
    let place = Place::open().await;
    let hers = place.call(1, HERS, "2026-11-24T09:00").await;
    let his = place.call(2, HIS, "2026-11-24T09:30").await;
    let case = place.open_case(HERS, Right::Rectify, None).await.case;
    let persons: &dyn PersonFiles = &place.storage;
    let rectify = async |call: CallId, field: &str, to: &str| {
        let who = Reader::Key { user: "anne".into(), role: "admin".into(), key: "hers".into() };
        let reading = Reading { who, why: Some("her letter".into()) };
        let (field, to) = (field.to_owned(), to.to_owned());
        let asked = RectifyCase { call: call.to_string(), field, to, appointment: None, why: None };
        persons.rectify(&tenant(), case, call, &asked, reading).await
    };
    let done = rectify(hers, "contact.name", "Anne Durand").await.unwrap();
    assert_eq!((done.recorded.as_slice(), done.appointments), (["Anne Durant".to_owned()].as_slice(), 1));
    assert!(place.finds("Anne Durand").await);
    let accesses = async || place.storage.journal.accesses(&tenant()).await.unwrap().len();
    assert_eq!(accesses().await, 1);
    let steps = persons.case(&tenant(), case).await.unwrap().spec.steps.unwrap();
    assert_eq!(steps.last().unwrap().step, "rectified");
    assert_eq!(steps.last().unwrap().record.as_deref(), Some(done.record.as_str()));

    assert!(refused(rectify(hers, "colour", "blue").await, "field").contains("contact.name"));
    refused(rectify(hers, "contact.phone", "six").await, "to");
    refused(rectify(hers, "status", "very well").await, "to");
    let before = accesses().await;
    refused(rectify(CallId::from_bytes([9; 16]), "contact.name", "Anne").await, "call");
    let gone = place.call(3, HERS, "2026-11-24T10:00").await;
    for trace in [false, true] {
        let whose = Whose::Call(gone);
        let request = EraseRequest { whose, trace, reason: None, dry_run: false, case: None };
        place.storage.erase(&request).await.unwrap();
        refused(rectify(gone, "contact.name", "Anne").await, "call");
    }
    assert_eq!(accesses().await, before, "nothing was read of what is not there");
    let another = rectify(his, "contact.name", "Anne").await;
    assert!(matches!(another, Err(PersonError::Refused(_))), "{another:?}");
    let close = RightsRequest::Close { case, done: true, why: "done".into() };
    place.ask(close).await.unwrap();
    let closed = rectify(hers, "contact.name", "Anne").await;
    assert!(matches!(closed, Err(PersonError::Refused(_))), "{closed:?}");
}

#[tokio::test]
async fn the_person_of_a_case_is_restricted_and_released_and_nobody_else() {
    let place = Place::open().await;
    place.call(1, HERS, "2026-11-24T09:00").await;
    let case = place.open_case(HERS, Right::Restrict, None).await.case;
    let persons: &dyn PersonFiles = &place.storage;
    let restricted = async || place.storage.journal.rights(&tenant()).await.unwrap().restricted.len();
    let of_him = RestrictCase { number: Some(HIS.into()), ..RestrictCase::default() };
    let refused = persons.restrict(&tenant(), case, &of_him).await;
    assert!(matches!(refused, Err(PersonError::Refused(_))), "{refused:?}");
    let other: TenantId = "other".parse().unwrap();
    let elsewhere = persons.restrict(&other, case, &RestrictCase::default()).await;
    assert_eq!(elsewhere, Err(PersonError::NoSuchCase));
    assert_eq!(restricted().await, 0);
    for (release, left) in [(false, 1), (false, 1), (true, 0)] {
        let asked = RestrictCase { release, ..RestrictCase::default() };
        persons.restrict(&tenant(), case, &asked).await.unwrap();
        assert_eq!(restricted().await, left, "{release}");
    }
    let steps = persons.case(&tenant(), case).await.unwrap().spec.steps.unwrap();
    let steps: Vec<_> = steps.iter().map(|step| step.step.as_str()).collect();
    assert_eq!(steps, ["opened", "restricted", "released"], "what changed nothing is no step");
}

#[tokio::test]
async fn what_was_put_right_is_read_once_for_an_answer_and_anew_for_the_next() {
    let place = Place::open().await;
    let hers = place.call(1, HERS, "2026-11-24T09:00").await;
    let right = |to: &str| RightsRequest::Rectify {
        call: hers,
        field: "contact.name".into(),
        to: to.into(),
        appointment: None,
        case: None,
    };
    place.ask(right("Anne Durand")).await.unwrap();
    let first = Own::of(&place.storage);
    let count = async |own: &Own| own.amendments(&tenant(), hers).await.unwrap().len();
    assert_eq!(count(&first).await, 1);
    place.ask(right("Anne Durand-Petit")).await.unwrap();
    assert_eq!((count(&first).await, count(&Own::of(&place.storage)).await), (1, 2));
}
