//! What waits to be sent to one receiver: rows in the tenant's storage, and the same in memory, by when it is due.
//!
//! A row names a call and what is to be told of it, and holds nothing of it: what is sent is read from the journal when it is
//! sent, so that an erasure leaves nothing here.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use parloir_contract::{CallId, TraceParent};
use parloir_store::{Batch, MAX_BATCH, StoreError, Table, TenantStore};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::Notify;

use crate::config::WebhookEvent;

/// What may wait for one receiver: a day of calls, where it is away for a day.
const MOST: usize = 10_000;
/// Rows read in one go.
const PAGE: usize = 500;
/// What all rows of receivers of the operator's file begin with.
pub(super) const ROWS: &str = "webhook/";
/// What those of receivers begin with that tenants describe themselves.
pub(super) const OWN_ROWS: &str = "webhook-own/";

/// What is to be told, of which call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Message {
    pub(super) call: CallId,
    pub(super) event: WebhookEvent,
}

/// How a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    /// Times that it was tried.
    pub(super) tries: u32,
    /// When it is tried next, in milliseconds since 1970-01-01 UTC.
    pub(super) due: u64,
    /// The step of a trace that it belongs to.
    pub(super) trace: TraceParent,
}

/// A state as it rests.
#[derive(Serialize, Deserialize)]
struct Row {
    tries: u32,
    due: u64,
    trace: String,
}

#[derive(Default)]
struct Queue {
    waiting: BTreeMap<(u64, Message), State>,
    /// Rows there are or will be: those that wait, those that are being sent, and those of calls that last.
    rows: usize,
}

/// What waits to be sent to one receiver.
pub(super) struct Outbox {
    /// What its rows begin with.
    prefix: String,
    queue: Mutex<Queue>,
    news: Notify,
}

impl Outbox {
    /// That of a receiver, by its address: another address is another receiver.
    pub(super) fn new(url: &str) -> Self {
        let hash = Sha256::digest(url.as_bytes());
        let name: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Self { prefix: format!("{ROWS}{name}/"), queue: Mutex::default(), news: Notify::new() }
    }

    /// That of a receiver that its tenant describes, by what it is called for that: its address may change.
    pub(super) fn own(id: &str) -> Self {
        Self { prefix: format!("{OWN_ROWS}{id}/"), queue: Mutex::default(), news: Notify::new() }
    }

    fn key(&self, message: Message) -> String {
        format!("{}{}/{}", self.prefix, message.call, message.event.name())
    }

    fn message(&self, key: &[u8]) -> Option<Message> {
        let (call, event) = std::str::from_utf8(key).ok()?.strip_prefix(&self.prefix)?.split_once('/')?;
        let event = WebhookEvent::ALL.into_iter().find(|known| known.name() == event)?;
        Some(Message { call: call.parse().ok()?, event })
    }

    /// Whether there is room for so many more, which is taken then.
    pub(super) fn reserve(&self, rows: usize) -> bool {
        let mut queue = self.queue.lock();
        let fits = queue.rows.saturating_add(rows) <= MOST;
        if fits {
            queue.rows = queue.rows.saturating_add(rows);
        }
        fits
    }

    /// Gives room back.
    pub(super) fn release(&self, rows: usize) {
        let mut queue = self.queue.lock();
        queue.rows = queue.rows.saturating_sub(rows);
    }

    /// Adds the row of a message.
    pub(super) fn put(&self, batch: Batch, message: Message, state: State) -> Batch {
        let row = Row { tries: state.tries, due: state.due, trace: state.trace.to_string() };
        // A struct of numbers and a text has no way not to be JSON.
        let row = serde_json::to_vec(&row).unwrap_or_default();
        batch.put(Table::Settings, self.key(message), row)
    }

    /// Has a message wait, whose row there is, until it is due.
    pub(super) fn wait(&self, message: Message, state: State) {
        self.queue.lock().waiting.insert((state.due, message), state);
        self.news.notify_one();
    }

    /// The first message that is due by `now`, which waits no more.
    pub(super) fn take_due(&self, now: u64) -> Option<(Message, State)> {
        let mut queue = self.queue.lock();
        let first = queue.waiting.first_entry().filter(|first| first.key().0 <= now)?;
        let ((_, message), state) = first.remove_entry();
        Some((message, state))
    }

    /// When the first message is due.
    pub(super) fn next_due(&self) -> Option<u64> {
        self.queue.lock().waiting.first_key_value().map(|((due, _), _)| *due)
    }

    /// Returns when there may be another first message.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    /// Takes in what an earlier run left. No call is answered meanwhile.
    pub(super) async fn load(&self, store: &TenantStore) -> Result<usize, StoreError> {
        let (mut from, mut loaded) = (None, 0);
        loop {
            let page = store.scan(Table::Settings, &self.prefix, from.as_ref(), PAGE).await?;
            for entry in page.entries {
                let message = self.message(&entry.key);
                let row = serde_json::from_slice::<Row>(&entry.value).ok();
                let state = row.and_then(|row| {
                    let trace = TraceParent::parse(&row.trace)?;
                    Some(State { tries: row.tries, due: row.due, trace })
                });
                let Some((message, state)) = message.zip(state) else {
                    tracing::error!(tenant = %store.tenant(), "what waits to be sent cannot be read, and is left alone");
                    continue;
                };
                self.queue.lock().rows += 1;
                self.wait(message, state);
                loaded += 1;
            }
            match page.next {
                Some(next) => from = Some(next),
                None => return Ok(loaded),
            }
        }
    }

    /// Forgets what waits, in these rows, for receivers that are none of these: nobody would send it, and nobody else's erasure
    /// finds it.
    pub(super) async fn forget_others(
        store: &TenantStore,
        rows: &str,
        known: &[&Self],
    ) -> Result<usize, StoreError> {
        let (mut from, mut gone) = (None, 0);
        loop {
            let page = store.scan(Table::Settings, rows, from.as_ref(), MAX_BATCH).await?;
            let is_known = |key: &[u8]| known.iter().any(|outbox| key.starts_with(outbox.prefix.as_bytes()));
            let others: Vec<_> = page.entries.iter().filter(|entry| !is_known(&entry.key)).collect();
            if !others.is_empty() {
                let batch = others
                    .iter()
                    .fold(Batch::new(), |batch, entry| batch.delete(Table::Settings, &entry.key));
                store.apply(batch).await?;
                gone += others.len();
            }
            match page.next {
                Some(next) => from = Some(next),
                None => return Ok(gone),
            }
        }
    }

    /// Has a message wait again, as it stands now.
    pub(super) async fn put_back(&self, store: &TenantStore, message: Message, state: State) {
        if let Err(error) = store.apply(self.put(Batch::new(), message, state)).await {
            tracing::error!(call = %message.call, %error, "how often a webhook was tried is known until the next start alone");
        }
        self.wait(message, state);
    }

    /// Forgets a message that was taken.
    pub(super) async fn forget(&self, store: &TenantStore, message: Message) {
        match store.apply(Batch::new().delete(Table::Settings, self.key(message))).await {
            Ok(_) => self.release(1),
            Err(error) => {
                tracing::error!(call = %message.call, %error, "a webhook that is done with is sent again after the next start");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parloir_contract::{SpanId, TraceId};
    use parloir_store::{Keyring, Volatile};

    use super::*;

    fn message(number: u8) -> Message {
        Message { call: CallId::from_bytes([number; 16]), event: WebhookEvent::CallEnded }
    }

    fn state(due: u64) -> State {
        let call = CallId::from_bytes([9; 16]);
        State { tries: 3, due, trace: TraceParent { trace: TraceId::of(call), span: SpanId::of(call, 0) } }
    }

    async fn store(folder: &std::path::Path) -> TenantStore {
        let keyring = Keyring::open(folder).unwrap();
        TenantStore::open(Arc::new(Volatile::default()), &keyring, "test".parse().unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn what_waits_is_there_again_after_a_start_and_only_for_its_receiver() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path()).await;
        let before = Outbox::new("https://one.example.com/");
        for number in [1, 2] {
            let batch = before.put(Batch::new(), message(number), state(u64::from(number)));
            store.apply(batch).await.unwrap();
        }
        let after = Outbox::new("https://one.example.com/");
        assert_eq!(after.load(&store).await.unwrap(), 2);
        assert_eq!(Outbox::new("https://two.example.com/").load(&store).await.unwrap(), 0);
        assert_eq!(after.take_due(1), Some((message(1), state(1))));
        after.forget(&store, message(1)).await;
        assert_eq!(Outbox::new("https://one.example.com/").load(&store).await.unwrap(), 1);
    }

    #[test]
    fn the_first_that_is_due_is_taken_once_and_nothing_before_it_is_due() {
        let outbox = Outbox::new("https://one.example.com/");
        outbox.wait(message(1), state(20));
        outbox.wait(message(2), state(10));
        assert_eq!((outbox.next_due(), outbox.take_due(9)), (Some(10), None));
        assert_eq!(outbox.take_due(30).map(|(message, _)| message), Some(message(2)));
        assert_eq!(outbox.take_due(30).map(|(message, _)| message), Some(message(1)));
        assert_eq!((outbox.next_due(), outbox.take_due(30)), (None, None));
    }

    #[test]
    fn there_is_room_for_so_many_and_no_more() {
        let outbox = Outbox::new("https://one.example.com/");
        assert!(outbox.reserve(MOST - 1) && !outbox.reserve(2) && outbox.reserve(1) && !outbox.reserve(1));
        outbox.release(1);
        assert!(outbox.reserve(1));
    }
}
