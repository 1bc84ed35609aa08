//! A tenant and its calls, as tests begin them, and how a journal that ran beside a store is closed. The tests of back-ups have the
//! same.
#![allow(dead_code, reason = "each test file uses a part of it")]

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
