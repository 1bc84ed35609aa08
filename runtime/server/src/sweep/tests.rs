//! What is due goes, and what is held, restricted or not due stays.

use std::os::unix::fs::PermissionsExt;

use jiff::ToSpan;
use parloir_admin::reviews_of;
use parloir_contract::{HostCall, Import, Say, SayOptions};
use parloir_journal::{Amendment, CallEnded, CallStarted, HostCallStarted, RecordBody, Scope};
use parloir_store::{Batch, Table};

use super::*;
use crate::Folders;

fn id(number: u8) -> CallId {
    CallId::from_bytes([number; 16])
}

async fn call(storage: &Storage, tenant: &TenantId, number: u8) {
    let open = storage.journal.open_call(tenant, id(number), CallStarted::default()).await.unwrap();
    let text = format!("canary {number}");
    let arguments = Some(HostCall::Say(Say { text, options: SayOptions::default() }));
    open.append(RecordBody::HostCallStarted(HostCallStarted { import: Import::Say, arguments })).unwrap();
    open.close(CallEnded::default()).await.unwrap();
}

/// A storage in a folder of its own, with a tenant's calls: the first, and so on.
async fn with_calls(calls: u8) -> (tempfile::TempDir, Storage, TenantId) {
    let (folder, storage) = Storage::in_a_folder().await;
    let tenant: TenantId = "cabinet".parse().unwrap();
    for number in 1..=calls {
        call(&storage, &tenant, number).await;
    }
    (folder, storage, tenant)
}

/// Puts something of a call right: the call that holds it.
async fn amend(storage: &Storage, tenant: &TenantId, number: u8) -> CallId {
    let amendment = Amendment { field: "contact.name".into(), to: "canary of a name".into() };
    storage.journal.amend(tenant, id(number), amendment, 0).await.unwrap()
}

#[tokio::test]
async fn where_somebody_is_restricted_a_call_that_cannot_be_read_stays_and_the_others_go() {
    let (_folder, storage, tenant) = with_calls(3).await;
    let restrict = crate::RightsRequest::Restrict {
        tenant: tenant.clone(),
        number: "+33639980001".into(),
        why: None,
        release: false,
        case: None,
    };
    storage.rights(&restrict).await.unwrap();
    storage.damage(&tenant, id(1), id(2)).await;
    assert!(storage.journal.records(&tenant, id(1)).await.is_err());

    let retention: Retention = toml::from_str("content = \"1 day\"").unwrap();
    let later = Timestamp::now() + 72.hours();
    let swept = storage.sweep(&tenant, &retention, later, true).await.unwrap();
    assert_eq!((swept.held.len(), swept.left.len(), swept.left[0].call), (0, 1, id(1)));
    assert_eq!(swept.due[0].1.len(), 2);
    storage.close().await;
}

#[tokio::test]
async fn a_held_amendment_stops_no_sweep_and_goes_with_the_next_once_it_is_released() {
    let (_folder, storage, tenant) = with_calls(2).await;
    let amended = amend(&storage, &tenant, 1).await;
    let says = async || {
        let records = storage.journal.records(&tenant, amended).await.unwrap();
        format!("{records:?}").contains("canary of a name")
    };
    assert!(storage.journal.hold(&tenant, amended, "a lawsuit".into()).await.unwrap());
    let retention: Retention = toml::from_str("content = \"1 day\"").unwrap();
    let later = Timestamp::now() + 72.hours();
    for calls in [2, 0] {
        let swept = storage.sweep(&tenant, &retention, later, false).await.unwrap();
        assert_eq!((swept.failed, swept.left.len()), (None, 0));
        assert_eq!(swept.due.iter().map(|(_, calls)| calls.len()).sum::<usize>(), calls);
        assert!(!reads(&storage, &tenant, 1).await && !reads(&storage, &tenant, 2).await);
        assert!(says().await, "it is held");
    }
    assert!(storage.journal.release(&tenant, amended, "settled".into()).await.unwrap());
    let swept = storage.sweep(&tenant, &retention, later, false).await.unwrap();
    assert_eq!((swept.failed, swept.reports[0].calls), (None, 1));
    assert!(!says().await);
    assert!(storage.sweep(&tenant, &retention, later, true).await.unwrap().due.is_empty());
    storage.close().await;
}

#[tokio::test]
async fn a_trace_whose_time_has_come_stays_while_an_amendment_is_held_that_is_found_by_it() {
    let (_folder, storage, tenant) = with_calls(1).await;
    let amended = amend(&storage, &tenant, 1).await;
    assert!(storage.journal.hold(&tenant, amended, "a lawsuit".into()).await.unwrap());
    let retention: Retention = toml::from_str("content = \"1 day\"\ntrace = \"2 days\"").unwrap();
    let later = Timestamp::now() + 72.hours();
    let there = async |call| storage.journal.call(&tenant, call).await.unwrap().is_some();
    let swept = storage.sweep(&tenant, &retention, later, false).await.unwrap();
    assert_eq!((swept.failed, swept.reports[0].calls), (None, 1));
    assert!(!reads(&storage, &tenant, 1).await && there(id(1)).await && there(amended).await);
    assert!(storage.journal.release(&tenant, amended, "settled".into()).await.unwrap());
    let swept = storage.sweep(&tenant, &retention, later, false).await.unwrap();
    assert_eq!((swept.failed, swept.left.len()), (None, 0));
    assert!(!there(id(1)).await && !there(amended).await);
    assert!(storage.journal.records(&tenant, amended).await.is_err());
    storage.close().await;
}

#[tokio::test]
async fn an_amendment_that_its_call_left_behind_goes_with_the_next_sweep_once_it_is_released() {
    let (_folder, storage, tenant) = with_calls(1).await;
    let amended = amend(&storage, &tenant, 1).await;
    // As one that was held after it was looked for: the call goes, and its trace.
    assert!(storage.journal.hold(&tenant, amended, "a lawsuit".into()).await.unwrap());
    let erasure = Erasure { calls: vec![id(1)], purposes: Purposes::ALL, ..Erasure::default() };
    assert_eq!(storage.journal.erase(&tenant, erasure).await.unwrap().calls, 1);
    let there = async |call| storage.journal.call(&tenant, call).await.unwrap().is_some();
    assert_eq!((there(id(1)).await, there(amended).await), (false, true));
    let retention: Retention = toml::from_str("content = \"1 day\"").unwrap();
    let swept = storage.sweep(&tenant, &retention, Timestamp::now(), false).await.unwrap();
    assert_eq!((swept.failed, swept.due.len(), swept.held.as_slice()), (None, 0, [amended].as_slice()));
    assert!(storage.journal.release(&tenant, amended, "settled".into()).await.unwrap());
    let swept = storage.sweep(&tenant, &retention, Timestamp::now(), false).await.unwrap();
    assert_eq!((swept.failed, swept.left.len(), swept.reports[0].calls), (None, 0, 1));
    assert!(!there(amended).await && storage.journal.records(&tenant, amended).await.is_err());
    let swept = storage.sweep(&tenant, &retention, Timestamp::now(), true).await.unwrap();
    assert!(swept.due.is_empty() && swept.held.is_empty(), "{swept:?}");
    storage.close().await;
}

#[tokio::test]
async fn where_there_is_no_directory_the_file_says_what_is_kept_and_none_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let folders = Folders::beside(folder.path().join("data"));
    let storage = Storage::open(&folders).await.unwrap();
    let declared: Vec<(TenantId, Retention)> = vec![("cabinet".parse().unwrap(), Retention::default())];
    assert_eq!(storage.retentions(declared.clone()).await.unwrap(), declared);
    assert!(!folders.keys.join("installation").exists());
    storage.close().await;
}

async fn reads(storage: &Storage, tenant: &TenantId, number: u8) -> bool {
    let records = storage.journal.records(tenant, id(number)).await;
    records.is_ok_and(|records| format!("{records:?}").contains(&format!("canary {number}")))
}

#[tokio::test]
async fn what_was_kept_long_enough_goes_purpose_by_purpose_and_what_is_held_stays() {
    let (_folder, storage, tenant) = with_calls(3).await;
    assert!(storage.journal.hold(&tenant, id(2), "a lawsuit".into()).await.unwrap());
    assert!(!storage.journal.hold(&tenant, id(2), "a lawsuit".into()).await.unwrap());
    let retention: Retention =
        toml::from_str("recording = \"1 day\"\ncontent = \"2 days\"\ntrace = \"1 month\"").unwrap();
    let sweep = async |days: i64, dry_run| {
        let now = Timestamp::now() + (24 * days).hours();
        storage.sweep(&tenant, &retention, now, dry_run).await.unwrap()
    };
    assert!(sweep(0, false).await.due.is_empty());
    let would = sweep(3, true).await;
    assert_eq!((would.due.len(), would.due[0].1.len(), would.reports.len()), (1, 2, 0));
    assert!(reads(&storage, &tenant, 1).await);

    let swept = sweep(3, false).await;
    assert_eq!((swept.held.as_slice(), swept.reports[0].calls), ([id(2)].as_slice(), 2));
    let left = [reads(&storage, &tenant, 1).await, reads(&storage, &tenant, 2).await];
    assert_eq!(left, [false, true]);
    assert!(storage.journal.records(&tenant, id(1)).await.is_ok(), "the trace is not due");
    assert!(sweep(3, false).await.due.is_empty(), "once is enough");
    // Nor does anybody else erase it.
    let erasure = Erasure { calls: vec![id(2)], purposes: Purposes::ALL, ..Erasure::default() };
    let refused = storage.journal.erase(&tenant, erasure).await;
    assert!(matches!(refused, Err(JournalError::NotErasable { .. })), "{refused:?}");

    assert!(storage.journal.release(&tenant, id(2), "it was settled".into()).await.unwrap());
    let swept = sweep(40, false).await;
    let erased: usize = swept.due.iter().map(|(_, calls)| calls.len()).sum();
    assert_eq!(erased, 3, "{swept:?}");
    for number in 1..=3 {
        assert!(storage.journal.records(&tenant, id(number)).await.is_err());
    }
    let report = storage.journal.verify(Scope::All).await.unwrap();
    assert!(report.is_sound() && report.erased == 3, "{:#?}", report.problems);
    storage.close().await;
}

#[tokio::test]
async fn of_what_is_kept_for_0_days_now_the_calls_of_before_go_and_what_never_had_a_key_is_not_erased_once_more()
 {
    let (_folder, storage, tenant) = with_calls(1).await;
    let retention: Retention = toml::from_str("recording = \"0 days\"\ncontent = \"0 days\"").unwrap();
    storage.journal.keep_nothing_of(tenant.clone(), unkept(&retention));
    for number in 2..=3 {
        call(&storage, &tenant, number).await;
    }
    // What was put right of one goes all the same, and that can be erased once.
    let amended = amend(&storage, &tenant, 3).await;
    let swept = storage.sweep(&tenant, &retention, Timestamp::now(), false).await.unwrap();
    assert_eq!((swept.failed.as_ref(), swept.left.len()), (None, 0));
    let due: HashSet<CallId> = swept.due.iter().flat_map(|(_, calls)| calls.clone()).collect();
    assert!(due.contains(&id(1)) && !due.contains(&id(2)), "{swept:?}");
    assert!(!reads(&storage, &tenant, 1).await);
    let records = storage.journal.records(&tenant, amended).await;
    assert!(!format!("{records:?}").contains("canary of a name"));
    let again = storage.sweep(&tenant, &retention, Timestamp::now(), true).await.unwrap();
    assert!(again.due.is_empty(), "{again:?}");
    storage.close().await;
}

#[tokio::test]
async fn what_cannot_be_erased_of_one_keeps_nothing_from_being_erased_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let folders = Folders::beside(folder.path().join("data"));
    let storage = Storage::open(&folders).await.unwrap();
    let tenants: Vec<TenantId> = ["one", "two"].map(|name| name.parse().unwrap()).to_vec();
    for tenant in &tenants {
        call(&storage, tenant, 1).await;
    }
    // A note that is damaged.
    std::fs::write(folders.keys.join("one/erased"), b"no note").unwrap();
    let owner = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(folders.keys.join("one/erased"), owner).unwrap();
    let retention = Retention { trace: Some("1 day".parse().unwrap()), ..Retention::default() };
    let tenants: Vec<_> = tenants.into_iter().map(|tenant| (tenant, retention)).collect();
    let swept = storage.sweep_all(&tenants, Timestamp::now() + 48.hours(), false).await;
    assert!(swept[0].failed.as_ref().unwrap().contains("a note of an erasure"), "{swept:?}");
    assert_eq!((swept[1].failed.as_ref(), swept[1].reports[0].calls), (None, 1));
    assert!(storage.journal.records(&tenants[1].0, id(1)).await.is_err());
    storage.close().await;
}

#[tokio::test]
async fn a_call_that_cannot_be_erased_is_named_and_the_others_go() {
    let (_folder, storage, tenant) = with_calls(3).await;
    // As one that was held after it was found.
    assert!(storage.journal.hold(&tenant, id(2), "a lawsuit".into()).await.unwrap());
    let mut swept =
        Swept { due: vec![(Purposes::CONTENTS, (1..=3).map(id).collect())], ..Swept::nothing(&tenant) };
    storage.erase_due(&mut swept, None).await;
    assert_eq!((swept.left.len(), swept.left[0].call, swept.failed), (1, id(2), None));
    assert_eq!((swept.reports.len(), swept.reports[0].calls), (1, 2));
    assert!(reads(&storage, &tenant, 2).await && !reads(&storage, &tenant, 3).await);
    storage.close().await;
}

#[tokio::test]
async fn what_was_being_written_beside_a_call_that_went_goes_late_and_not_while_that_is_held() {
    let (_folder, storage, tenant) = with_calls(3).await;
    let store = storage.rows(&tenant).await.unwrap();
    let calls = vec![id(1), id(2)];
    let erasure = Erasure { calls, purposes: Purposes::CONTENTS, ..Erasure::default() };
    assert_eq!(storage.journal.erase(&tenant, erasure).await.unwrap().calls, 2);
    // As reviews that were being written meanwhile; what was said in the third call is there.
    let reviews: Vec<_> = (1..=3).map(|number| format!("{}anne", reviews_of(id(number)))).collect();
    for key in &reviews {
        store.apply(Batch::new().put(Table::Reports, key, "kept")).await.unwrap();
    }
    let left = async || {
        let mut left = Vec::new();
        for key in &reviews {
            left.push(store.get(Table::Reports, key).await.unwrap().is_some());
        }
        left
    };
    // One is held once they were looked for: nothing goes that may be beside it.
    let held = HashSet::new();
    let (rows, staying) = storage.rows_behind(&tenant, &held).await.unwrap();
    assert_eq!((rows.len(), staying.len()), (2, 0));
    assert!(storage.journal.hold(&tenant, id(1), "a lawsuit".into()).await.unwrap());
    let mut swept = Swept::nothing(&tenant);
    let refused = storage.erase_late(&mut swept, rows, &held).await.unwrap_err().to_string();
    assert!(refused.contains(&id(1).to_string()), "{refused}");
    assert_eq!((swept.reports.len(), left().await), (0, vec![true, true, true]));

    let retention: Retention = toml::from_str("content = \"1 year\"").unwrap();
    let sweep = async || storage.sweep(&tenant, &retention, Timestamp::now(), false).await.unwrap();
    let swept = sweep().await;
    assert_eq!((swept.failed, swept.held.as_slice()), (None, [id(1)].as_slice()));
    assert_eq!((swept.reports[0].rows, left().await), (1, vec![true, false, true]));
    assert!(storage.journal.release(&tenant, id(1), "settled".into()).await.unwrap());
    let swept = sweep().await;
    assert_eq!((swept.failed, swept.held.len(), swept.reports[0].rows), (None, 0, 1));
    assert_eq!(left().await, [false, false, true]);
    assert!(sweep().await.reports.is_empty(), "once is enough");
    drop(store);
    storage.close().await;
}
