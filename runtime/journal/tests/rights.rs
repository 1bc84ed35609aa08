//! Cases and what follows from them, in the log and beside the keys.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::sync::Arc;

use parloir_contract::{CallId, TenantId};
use parloir_journal::{
    BlockedTo, CallEnded, CallStarted, CaseStep, Erasure, Journal, JournalError, Named, Purposes, RecordBody,
    Right, Scope, Step, pseudonym, rights,
};
use parloir_store::{Embedded, Keyring};

fn named(number: &str) -> Named {
    Named { number: Some(number.into()), why: Some("canary of a word".into()) }
}

#[tokio::test]
async fn what_was_asked_for_is_kept_whatever_is_not_and_only_who_asked_can_be_erased() {
    let folder = tempfile::tempdir().unwrap();
    let (data, keys) = (folder.path().join("data"), folder.path().join("keys"));
    let tenant: TenantId = "cabinet".parse().unwrap();
    let kms = Arc::new(Keyring::open(&keys).unwrap());
    let store = Arc::new(Embedded::open(data.join("store")).await.unwrap());
    let journal = Journal::open(&data, kms.clone(), store.clone()).await.unwrap();
    // A tenant that keeps nothing of its callers' words keeps what they asked for.
    journal.keep_nothing_of(tenant.clone(), Purposes::CONTENTS);
    let days = ("2026-03-14".to_owned(), "2026-04-14".to_owned());
    let case = journal.open_case(&tenant, Right::Object, days, named("+33639980001")).await.unwrap().case;
    let who = pseudonym(&*kms, &tenant, "+33639980001").await.unwrap();
    assert_ne!(who, pseudonym(&*kms, &"other".parse().unwrap(), "+33639980001").await.unwrap());
    let to = Some(BlockedTo::Refuse);
    let block = journal.block(&tenant, who, named("+33639980001"), to).await.unwrap().unwrap();
    assert_eq!(journal.block(&tenant, who, named("+33639980001"), to).await.unwrap(), None);
    let step = Step { step: CaseStep::Blocked, record: Some(block), extended: None, why: None };
    journal.step_case(&tenant, case, step.clone()).await.unwrap();

    let text = format!("{:?}", journal.records(&tenant, case).await.unwrap());
    assert!(text.contains("+33639980001") && text.contains("canary of a word"), "{text}");
    let erase = async |purposes| {
        let erasure = Erasure { calls: vec![case, block], purposes, ..Erasure::default() };
        journal.erase(&tenant, erasure).await
    };
    let refused = erase(Purposes::ALL).await;
    assert!(matches!(refused, Err(JournalError::NotErasable { .. })), "{refused:?}");
    let report = erase(Purposes::CONTENTS).await.unwrap();
    let records = journal.records(&tenant, case).await.unwrap();
    let told = records.iter().find_map(|record| match &record.body {
        RecordBody::Case(case) => Some((case.step, case.right, case.due.as_str(), case.named.clone())),
        _ => None,
    });
    assert_eq!(told, Some((CaseStep::Opened, Right::Object, "2026-04-14", None)));
    let erasure =
        Erasure { calls: vec![report.record.unwrap()], purposes: Purposes::CONTENTS, ..Erasure::default() };
    let refused = journal.erase(&tenant, erasure).await;
    assert!(matches!(refused, Err(JournalError::NotErasable { .. })), "{refused:?}");

    // What is beside the keys is there after a restart, and a closed case takes no more steps.
    journal.shutdown().await;
    drop(journal);
    let journal = loop {
        match Journal::open(&data, kms.clone(), store.clone()).await {
            Ok(journal) => break journal,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    let all = rights(&*kms, &tenant).await.unwrap();
    assert_eq!((all.blocked[0].who, all.cases[0].records.len(), all.naming.len()), (who, 2, 3));
    let done = Step { step: CaseStep::Done, record: None, extended: None, why: Some("told".into()) };
    assert!(journal.step_case(&tenant, case, done.clone()).await.unwrap().closed.is_some());
    let closed = journal.step_case(&tenant, case, done).await;
    assert!(matches!(closed, Err(JournalError::CaseClosed { .. })), "{closed:?}");
    let nobody = journal.step_case(&tenant, CallId::from_bytes([1; 16]), step).await;
    assert!(matches!(nobody, Err(JournalError::NoSuchCase { .. })), "{nobody:?}");
    assert!(journal.verify(Scope::All).await.unwrap().is_sound());
    journal.shutdown().await;
}

#[tokio::test]
async fn an_amendment_goes_with_its_call() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let tenant: TenantId = "cabinet".parse().unwrap();
    let kms = Arc::new(Keyring::open(folder.path().join("keys")).unwrap());
    let store = Arc::new(Embedded::open(data.join("store")).await.unwrap());
    let journal = Journal::open(&data, kms.clone(), store).await.unwrap();
    let mut amended = Vec::new();
    for number in 1..=2 {
        let call = CallId::from_bytes([number; 16]);
        let open = journal.open_call(&tenant, call, CallStarted::default()).await.unwrap();
        open.close(CallEnded::default()).await.unwrap();
        let amendment =
            parloir_journal::Amendment { field: "contact.name".into(), to: format!("canary {number}") };
        amended.push((call, journal.amend(&tenant, call, amendment, 0).await.unwrap()));
    }
    let reads = async |place: usize| {
        let records = journal.records(&tenant, amended[place].1).await;
        records.is_ok_and(|records| format!("{records:?}").contains("canary"))
    };
    for (place, purposes) in [(0, Purposes::CONTENTS), (1, Purposes::ALL)] {
        assert!(reads(place).await);
        let erasure = Erasure { calls: vec![amended[place].0], purposes, ..Erasure::default() };
        assert_eq!(journal.erase(&tenant, erasure).await.unwrap().calls, 2);
        assert!(!reads(place).await);
    }
    assert!(journal.verify(Scope::All).await.unwrap().is_sound());
    journal.shutdown().await;
}
