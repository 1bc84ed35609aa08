//! A tenant and its calls, as tests begin them, and how a journal that ran beside a store is closed. The tests of back-ups have the
//! same.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use parloir_contract::{CallId, CallInfo, Direction, LocalTime, TenantId};
use parloir_journal::{CallJournal, CallStarted, Journal};
use parloir_store::Embedded;

pub(crate) fn tenant() -> TenantId {
    "cabinet".parse().unwrap()
}

pub(crate) fn id(number: u8) -> CallId {
    CallId::from_bytes([number; 16])
}

/// Begins a call that somebody placed.
pub(crate) async fn begin(journal: &Journal, number: u8, caller: &str) -> CallJournal {
    let info = CallInfo {
        id: id(number).to_string(),
        direction: Direction::Inbound,
        line: "+33123456789".into(),
        caller: Some(caller.into()),
        language: "fr-FR".into(),
        started_at: LocalTime { year: 2026, month: 11, day: 2, hour: 9, minute: 30 },
        settings: vec![],
    };
    let started = CallStarted { info: Some(info), ..CallStarted::default() };
    journal.open_call(&tenant(), id(number), started).await.unwrap()
}

/// What the segments of the tenant's logs have, in bytes.
pub(crate) fn on_disk(data: &Path) -> u64 {
    let folders = ["journal", "recordings"].map(|log| data.join(log).join("cabinet"));
    let files = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap()).map(Result::unwrap);
    let segments = files.filter(|file| file.path().extension().is_some_and(|kind| kind == "seg"));
    segments.map(|file| file.metadata().unwrap().len()).sum()
}

/// What is noted of zeros in the segments of the tenant's logs: the log, the segment's number, and bytes.
pub(crate) fn zeros(data: &Path) -> Vec<(&'static str, u32, u64)> {
    let mut zeros = Vec::new();
    for log in ["journal", "recordings"] {
        let note = fs::read_to_string(data.join(log).join("cabinet/blanked")).unwrap_or_default();
        zeros.extend(note.lines().map(|line| {
            let (number, bytes) = line.split_once(' ').unwrap();
            (log, number.parse().unwrap(), bytes.parse().unwrap())
        }));
    }
    zeros
}

/// How many these are.
pub(crate) fn in_all(zeros: &[(&'static str, u32, u64)]) -> u64 {
    zeros.iter().map(|(.., bytes)| bytes).sum()
}

/// Closes a journal, and then its store.
pub(crate) async fn close(journal: Journal, store: Arc<Embedded>) {
    journal.shutdown().await;
    drop(journal);
    close_store(store).await;
}

/// Closes a store of a journal that is gone: its threads let go of it in their own time.
pub(crate) async fn close_store(store: Arc<Embedded>) {
    while Arc::strong_count(&store) > 1 {
        tokio::task::yield_now().await;
    }
    Arc::into_inner(store).unwrap().close().await;
}
