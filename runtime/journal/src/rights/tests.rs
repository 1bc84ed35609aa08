//! How many cases a tenant has open.

use std::path::Path;

use parloir_store::{Embedded, Keyring};

use super::*;

async fn open(folder: &Path) -> Journal {
    let kms = Arc::new(Keyring::open(folder.join("keys")).unwrap());
    let store = Arc::new(Embedded::open(folder.join("data/store")).await.unwrap());
    Journal::open(folder.join("data"), kms, store).await.unwrap()
}

fn days() -> (String, String) {
    ("2026-03-14".into(), "2026-04-14".into())
}

/// A case by its number, closed or not.
fn noted(number: usize, closed: bool) -> CaseNote {
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    let (case, (received, due)) = (CallId::from_bytes(bytes), days());
    let closed = closed.then_some((1, true));
    CaseNote { case, right: Right::Access, received, due, extended: 0, closed, records: vec![case] }
}

#[tokio::test]
async fn a_tenant_has_so_many_open_cases_and_another_once_one_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, tenant) = (open(folder.path()).await, "cabinet".parse::<TenantId>().unwrap());
    let named = || Named { number: Some("+33639980001".into()), why: None };
    let another = || journal.open_case(&tenant, Right::Erase, days(), named());
    let first = another().await.unwrap().case;
    let mut all = Rights::clone(&*journal.rights(&tenant).await.unwrap());
    all.cases.extend((2..MAX_OPEN_CASES).map(|number| noted(number, false)));
    // Those that are closed count for nothing.
    all.cases.extend((0..500).map(|number| noted(MAX_OPEN_CASES + number, true)));
    journal.note(&tenant, &all).await.unwrap();
    let last = another().await.unwrap().case;
    let refused = another().await.unwrap_err();
    let JournalError::TooManyCases { most, .. } = &refused else { panic!("{refused}") };
    assert_eq!(*most, MAX_OPEN_CASES);
    assert!(refused.to_string().contains("parloir case close"), "{refused}");
    // Another tenant's are its own, and nothing of what was refused is noted.
    let other = "other".parse::<TenantId>().unwrap();
    journal.open_case(&other, Right::Erase, days(), named()).await.unwrap();
    let known = journal.rights(&tenant).await.unwrap();
    assert_eq!(
        (known.cases.len(), known.naming.as_slice()),
        (MAX_OPEN_CASES + 500, [first, last].as_slice())
    );
    let step = Step { step: CaseStep::Done, record: None, extended: None, why: None };
    journal.step_case(&tenant, last, step).await.unwrap();
    another().await.unwrap();
    journal.shutdown().await;
}

#[tokio::test]
async fn a_case_has_so_many_steps_and_is_closed_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, tenant) = (open(folder.path()).await, "cabinet".parse::<TenantId>().unwrap());
    let named = Named { number: Some("+33639980001".into()), why: None };
    let case = journal.open_case(&tenant, Right::Access, days(), named).await.unwrap().case;
    let mut all = Rights::clone(&*journal.rights(&tenant).await.unwrap());
    all.cases[0].records = vec![case; MAX_STEPS - 1];
    journal.note(&tenant, &all).await.unwrap();
    let step = |step| {
        let step = Step { step, record: None, extended: None, why: None };
        journal.step_case(&tenant, case, step)
    };
    assert_eq!(step(CaseStep::Exported).await.unwrap().records.len(), MAX_STEPS);
    let refused = step(CaseStep::Exported).await.unwrap_err();
    assert!(
        matches!(&refused, JournalError::TooManySteps { most: MAX_STEPS, .. })
            && refused.to_string().contains("parloir case close"),
        "{refused}"
    );
    assert!(step(CaseStep::Done).await.unwrap().closed.is_some());
    journal.shutdown().await;
}
