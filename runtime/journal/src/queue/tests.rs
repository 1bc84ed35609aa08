//! Whose turn it is.

use parloir_store::Keyring;

use super::*;
use crate::call::CallJournal;
use crate::key::{self, Purposes};
use crate::record::CallStarted;
use crate::recording::RecordingBlock;

/// A call that has begun, and that nobody has written anything of.
pub(crate) async fn call(shared: &Arc<Shared>, tenant: &str, number: u8) -> CallJournal {
    let folder = tempfile::tempdir().unwrap();
    let kms = Keyring::open(folder.path()).unwrap();
    let (tenant, id): (TenantId, _) = (tenant.parse().unwrap(), CallId::from_bytes([number; 16]));
    let keys = key::make(&kms, &tenant, id, Purposes::default()).await.unwrap();
    let call = CallJournal::new(tenant, id, keys, Arc::clone(shared));
    let entry = CallEntry::new(id, &CallStarted::default(), 0);
    shared.opened(Arc::clone(call.shared()), entry).unwrap();
    call
}

#[tokio::test]
async fn calls_that_nobody_waits_for_are_looked_at_though_somebody_else_always_asks() {
    let shared = Arc::new(Shared::default());
    let (stuck, busy) = (call(&shared, "stuck", 1).await, call(&shared, "busy", 2).await);
    let quiet = call(&shared, "quiet", 3).await;
    shared.ready(Arc::clone(stuck.shared())).unwrap();
    // A thread has it, and comes back with it no more.
    let _writes = shared.next().unwrap();
    quiet.recording(RecordingBlock { second: 0, bytes: vec![7; 1_000] }).unwrap();
    shared.ready(Arc::clone(busy.shared())).unwrap();
    let begun = Instant::now();
    shared.queue.lock().ticked = Some(begun.checked_sub(TICK).unwrap());
    let mut turns = Vec::new();
    for _ in 0..2 {
        let Work { desk, .. } = shared.next().unwrap();
        turns.push(desk.tenant.to_string());
        assert!(shared.put_back(desk, Instant::now()).is_empty());
        shared.ready(Arc::clone(busy.shared())).unwrap();
    }
    assert_eq!(turns, ["busy", "quiet"], "who asked first comes first");
    assert!(shared.queue.lock().ticked.unwrap() >= begun, "they are looked at once");
}

#[tokio::test]
async fn the_rest_of_what_a_tenant_asks_for_comes_after_others_and_before_what_it_asks_for_since() {
    let shared = Arc::new(Shared::default());
    let mut calls = Vec::new();
    for number in 1..=3 {
        calls.push(call(&shared, "much", number).await);
    }
    let other = call(&shared, "other", 4).await;
    for call in &calls[..2] {
        shared.ready(Arc::clone(call.shared())).unwrap();
    }
    let Work { desk, mut ready, .. } = shared.next().unwrap();
    shared.ready(Arc::clone(other.shared())).unwrap();
    shared.ready(Arc::clone(calls[2].shared())).unwrap();
    shared.later(&desk.tenant, ready.split_off(1));
    assert!(shared.put_back(desk, Instant::now()).is_empty());
    let mut turns = Vec::new();
    for _ in 0..2 {
        let Work { desk, ready, .. } = shared.next().unwrap();
        turns.push((desk.tenant.to_string(), ready.iter().map(|call| call.call).collect::<Vec<_>>()));
    }
    let ids: Vec<CallId> = calls.iter().map(CallJournal::id).collect();
    assert_eq!(turns[0], ("other".to_owned(), vec![other.id()]));
    assert_eq!(turns[1], ("much".to_owned(), ids[1..].to_vec()));

    // Nothing is written any more: whoever waits for the rest is told.
    shared.refuse_all("the disk is gone");
    shared.later(calls[1].tenant(), vec![Arc::clone(calls[1].shared())]);
    let error = calls[1].flush().await.unwrap_err();
    assert!(error.to_string().contains("the disk is gone"), "{error}");
}
