//! What a tenant's own people do for persons by the administration, on the storage that serves.

use parloir_admin::{CaseList, PersonError, PersonFiles};

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
