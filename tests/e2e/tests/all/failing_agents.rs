//! When an agent fails, the caller hears the line's sentence and is handed to the fallback number;
//! never silence; and the journal says why.

use std::time::Duration;

use crate::house::{FALLBACK, House, Plan, failures};
use parloir_transport::client::CarrierEvent;
use parloir_transport::conversation::{Action, Step};
use parloir_transport::webhook::DialStatus;

/// Rings an agent that fails in some way, and returns why, as its journal says.
async fn fails(trial: &str) -> String {
    fails_on(trial, "always").await
}

async fn fails_on(trial: &str, recording: &str) -> String {
    let house = House::open(Plan { settings: &[("trial", trial)], recording, ..Plan::default() }).await;
    let mut watch = house.watch();
    let (report, events) = house.ring(vec![Step::new(Action::Silence(Duration::from_secs(20)))]).await;
    assert_eq!(report.transfers, [(FALLBACK.to_owned(), DialStatus::Completed)], "{trial}: {events:?}");
    let spoken = events.iter().filter(|e| matches!(e, CarrierEvent::AgentStartedSpeaking { .. })).count();
    assert!(spoken >= 1, "{trial}: the caller heard nothing");
    let (_, records) = house.ended(&mut watch).await;
    let failures = failures(&records);
    assert_eq!(failures.len(), 1, "{trial}: {failures:?}");
    house.close().await;
    failures[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_loop_is_stopped_by_its_own_cpu_time() {
    let why = fails("spin").await;
    assert!(why.starts_with("AgentBudget") && why.contains("without listening"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn deep_recursion_is_stopped() {
    let why = fails("recurse").await;
    assert!(why.starts_with("AgentTrap") && why.contains("stack"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_memory_hog_is_stopped() {
    let why = fails("hog").await;
    assert!(why.starts_with("AgentMemory"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_told() {
    let why = fails("panic").await;
    assert!(why.starts_with("AgentTrap") && why.contains("the trial asked for it"), "{why}");
    // Before anybody agreed to be kept: where, and not what.
    let why = fails_on("panic", "ask").await;
    assert!(why.contains("instruction executed, at src/lib.rs:"), "{why}");
    assert!(!why.contains("the trial asked for it"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_host_calls_is_stopped() {
    let why = fails("flood").await;
    assert!(why.starts_with("AgentBudget"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_gives_up_is_replaced() {
    let why = fails("give-up").await;
    assert!(why.contains("nothing to say"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_transfer_tells_the_agent_how_to_be_allowed() {
    let why = fails("forbidden").await;
    assert!(why.contains("transfer-to"), "{why}");
}
