//! The index of calls, in the store: what a list of calls shows, and where each begins in the log.
//!
//! It holds no content, and nothing that is not in the log too: it is rebuilt from there when it is missing or
//! behind. Hashes of a call's numbers, where somebody was looked for, go with the content they were in.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;
use parloir_contract::{CallId, Direction, TenantId};
use parloir_store::{Applied, Batch, Cursor, Kms, MAX_BATCH, Store, StoreError, Table, TenantStore};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::call::Waiter;
use crate::numbers::{Hashed, hashed};
use crate::record::{CallStarted, Ending, RecordBody};
use crate::rights::{AMENDMENT, is_of_journal, names_somebody};
use crate::segment::Location;
use crate::{AppendError, JournalError, Purposes};

/// Tenants whose storage is kept open.
const MAX_TENANTS: usize = 10_000;
/// Characters of a text that an index entry keeps.
const MAX_TEXT: usize = 120;
/// Entries written at once when the index is rebuilt.
pub(crate) const REBUILD_BATCH: usize = 60;
/// Events that the index takes in at once.
const MAX_GROUP: usize = 512;
const CHECKPOINT: &[u8] = b"checkpoint";
/// Comes before a call that is in the log, and could not be indexed.
const UNINDEXED: &[u8] = b"unindexed ";

/// What is known of a call without reading it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallEntry {
    /// The call.
    pub call: CallId,
    /// The line's number.
    pub line: String,
    /// Who rang whom.
    pub direction: Direction,
    /// How it arrived.
    pub transport: String,
    /// The agent's name.
    pub agent_name: String,
    /// The agent's version.
    pub agent_version: String,
    /// The line's first language, BCP 47.
    pub language: String,
    /// Nanoseconds since 1970-01-01 UTC.
    pub started_at: u64,
    /// Nanoseconds since 1970-01-01 UTC; `None` while it lasts.
    pub ended_at: Option<u64>,
    /// `None` while it lasts.
    pub outcome: Option<Ending>,
    /// How many records it has; while it lasts, how many it had when it was last indexed.
    pub records: u64,
    /// In how many chunks.
    pub chunks: u32,
    /// Where it begins in the tenant's log.
    pub first: Location,
    /// Hashes of the numbers in it; `None` where nobody was looked for since it is in this index. It goes with the content.
    #[serde(default)]
    pub(crate) numbers: Option<Hashed>,
    /// Seconds of it that were recorded, erased since or not; `None` where that was not counted: it was cut off, or this index
    /// was made from the log.
    #[serde(default)]
    pub recorded: Option<u32>,
    /// What of it was kept for 0 days, so that there never was a key; nothing where this index has it from before that was noted here.
    #[serde(default)]
    pub unkept: Purposes,
}

impl CallEntry {
    pub(crate) fn new(call: CallId, started: &CallStarted, started_at: u64) -> Self {
        let short = |text: &str| text.chars().take(MAX_TEXT).collect();
        Self {
            call,
            line: short(&started.line),
            direction: started.direction,
            transport: short(&started.transport),
            agent_name: short(&started.agent_name),
            agent_version: short(&started.agent_version),
            language: short(&started.language),
            started_at,
            ended_at: None,
            outcome: None,
            records: 0,
            chunks: 0,
            first: Location::default(),
            numbers: None,
            recorded: None,
            unkept: Purposes::default(),
        }
    }

    /// The same, with what its second record says is kept for 0 days, where it says so.
    pub(crate) fn with_unkept(self, second: Option<&RecordBody>) -> Self {
        match second {
            Some(RecordBody::Unkept(told)) => {
                Self { unkept: told.purposes.iter().copied().collect(), ..self }
            }
            Some(_) | None => self,
        }
    }

    /// Whether it says of anybody that they are in the call.
    pub(crate) fn has_numbers(&self) -> bool {
        self.numbers.as_ref().is_some_and(Hashed::says_something)
    }

    /// Whether whoever is called this, a [`pseudonym`](crate::pseudonym), may have rung; `None` where nobody was looked for in it
    /// yet, and only the call itself tells.
    pub fn may_be_from(&self, who: &[u8; 32]) -> Option<bool> {
        self.numbers.as_ref().map(|numbers| numbers.may_have_rung(hashed(who)))
    }

    /// Whether nobody rang: it holds what the journal says of other calls.
    pub fn is_of_journal(&self) -> bool {
        is_of_journal(&self.transport)
    }

    /// Whether it is the journal's own, and holds somebody's number and the operator's words of them.
    pub(crate) fn names_somebody(&self) -> bool {
        names_somebody(&self.transport)
    }

    /// Whether it is the journal's own, and what it says of another call goes with that one.
    pub(crate) fn is_amendment(&self) -> bool {
        self.transport == AMENDMENT
    }

    /// Newest first.
    fn time_key(&self) -> Vec<u8> {
        time_key(self.started_at, self.call)
    }
}

fn time_key(started_at: u64, call: CallId) -> Vec<u8> {
    let mut key = (u64::MAX - started_at).to_be_bytes().to_vec();
    key.extend_from_slice(call.as_bytes());
    key
}

/// Where a list of calls goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallCursor(Cursor);

/// Some calls of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallPage {
    /// Newest first.
    pub calls: Vec<CallEntry>,
    /// Give it to the next request; `None` when there are no more.
    pub next: Option<CallCursor>,
}

/// What the index is told, in the order of the log.
pub(crate) enum IndexEvent {
    Opened { tenant: TenantId, entry: CallEntry, upto: Location },
    Closed { tenant: TenantId, entry: CallEntry, upto: Location, waiter: Option<Waiter> },
}

impl IndexEvent {
    /// Tells who waits that it was not done.
    pub(crate) fn refuse(self, why: &str) {
        match self {
            Self::Opened { .. } => {}
            Self::Closed { waiter, .. } => {
                if let Some(waiter) = waiter {
                    let _nobody_waits = waiter.send(Err(AppendError::Failed(why.to_owned())));
                }
            }
        }
    }
}

/// The index. Clones are the same.
#[derive(Clone)]
pub(crate) struct Index {
    store: Arc<dyn Store>,
    kms: Arc<dyn Kms>,
    tenants: Arc<Mutex<HashMap<TenantId, TenantStore>>>,
}

impl Index {
    pub(crate) fn new(store: Arc<dyn Store>, kms: Arc<dyn Kms>) -> Self {
        Self { store, kms, tenants: Arc::default() }
    }

    pub(crate) async fn tenant(&self, tenant: &TenantId) -> Result<TenantStore, StoreError> {
        if let Some(store) = self.tenants.lock().get(tenant) {
            return Ok(store.clone());
        }
        let store = TenantStore::open(Arc::clone(&self.store), &*self.kms, tenant.clone()).await?;
        let mut tenants = self.tenants.lock();
        if tenants.len() >= MAX_TENANTS {
            tenants.clear();
        }
        tenants.insert(tenant.clone(), store.clone());
        Ok(store)
    }

    /// Takes entries in, and how far the log has been followed.
    pub(crate) async fn put(
        &self,
        tenant: &TenantId,
        entries: &[CallEntry],
        upto: Option<Location>,
    ) -> Result<(), StoreError> {
        let store = self.tenant(tenant).await?;
        let mut batch = Batch::new();
        for entry in entries {
            let call = entry.call.as_bytes();
            batch = batch.put(Table::Calls, call, encode(entry)?).put(
                Table::CallsByTime,
                entry.time_key(),
                Vec::new(),
            );
            batch = match entry.outcome {
                None => batch.put(Table::OpenCalls, call, encode(&entry.first)?),
                Some(_) => batch.delete(Table::OpenCalls, call),
            };
        }
        if let Some(upto) = upto {
            batch = batch.put(Table::Journal, CHECKPOINT, encode(&upto)?);
        }
        match store.apply(batch).await? {
            Applied::Done | Applied::ConditionFailed { .. } => Ok(()),
        }
    }

    /// Takes calls out, or where their traces stay the numbers in them: what was known of that cannot be read any more, in
    /// back-ups neither. Everything else is sealed anew; `upto` is the life of the table of calls in which they were.
    pub(crate) async fn forget(
        &self,
        tenant: &TenantId,
        calls: &HashSet<CallId>,
        upto: u32,
        traces: bool,
    ) -> Result<(), StoreError> {
        match traces {
            true => self.unlist(tenant, calls).await?,
            false => self.forget_numbers(tenant, calls).await?,
        }
        let call = |key: &[u8]| <[u8; 16]>::try_from(key).ok().map(CallId::from_bytes);
        let stays = |key: &[u8]| !traces || call(key).is_none_or(|call| !calls.contains(&call));
        self.tenant(tenant).await?.renew(&*self.kms, Table::Calls, upto, stays).await.map(|_| ())
    }

    /// Keeps no numbers of these calls any more: they have none that can be read.
    async fn forget_numbers(&self, tenant: &TenantId, calls: &HashSet<CallId>) -> Result<(), StoreError> {
        let mut without = Vec::new();
        for call in calls {
            if let Some(entry) = self.get(tenant, *call).await?.filter(CallEntry::has_numbers) {
                without.push(CallEntry { numbers: Some(Hashed::default()), ..entry });
            }
        }
        self.put_all(tenant, &without, None).await
    }

    /// Deletes what says that calls were, and when: it is in keys, which are in clear.
    pub(crate) async fn unlist(&self, tenant: &TenantId, calls: &HashSet<CallId>) -> Result<(), StoreError> {
        if calls.is_empty() {
            return Ok(());
        }
        let store = self.tenant(tenant).await?;
        let mut from = None;
        loop {
            // Two rows for each.
            let page = store.scan(Table::CallsByTime, "", from.as_ref(), MAX_BATCH / 2).await?;
            let (mut batch, mut any) = (Batch::new(), false);
            for entry in &page.entries {
                let call = entry.key.last_chunk::<16>();
                if let Some(call) = call.filter(|call| calls.contains(&CallId::from_bytes(**call))) {
                    batch = batch.delete(Table::CallsByTime, &entry.key).delete(Table::OpenCalls, call);
                    any = true;
                }
            }
            if any {
                store.apply(batch).await?;
            }
            match page.next {
                Some(next) => from = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// How far the log has been followed.
    pub(crate) async fn checkpoint(&self, tenant: &TenantId) -> Result<Option<Location>, StoreError> {
        let stored = self.tenant(tenant).await?.get(Table::Journal, CHECKPOINT).await?;
        stored.map(|stored| decode(&stored)).transpose()
    }

    /// Notes calls that are in the log and cannot be indexed, and where they begin.
    pub(crate) async fn put_unindexed(
        &self,
        tenant: &TenantId,
        calls: &[(CallId, Location)],
    ) -> Result<(), StoreError> {
        let store = self.tenant(tenant).await?;
        for calls in calls.chunks(MAX_BATCH) {
            let mut batch = Batch::new();
            for (call, first) in calls {
                let key = [UNINDEXED, call.as_bytes().as_slice()].concat();
                batch = batch.put(Table::Journal, key, encode(first)?);
            }
            store.apply(batch).await?;
        }
        Ok(())
    }

    /// The calls that could not be indexed at some start, and where they begin.
    pub(crate) async fn unindexed(&self, tenant: &TenantId) -> Result<Vec<(CallId, Location)>, StoreError> {
        let store = self.tenant(tenant).await?;
        let (mut found, mut from) = (Vec::new(), None);
        loop {
            let page = store.scan(Table::Journal, UNINDEXED, from.as_ref(), 1_000).await?;
            for entry in page.entries {
                if let Some(call) = entry.key.last_chunk::<16>() {
                    found.push((CallId::from_bytes(*call), decode(&entry.value)?));
                }
            }
            match page.next {
                Some(next) => from = Some(next),
                None => return Ok(found),
            }
        }
    }

    /// The calls without an end, and where they begin.
    pub(crate) async fn open_calls(&self, tenant: &TenantId) -> Result<Vec<Location>, StoreError> {
        let store = self.tenant(tenant).await?;
        let (mut found, mut from) = (Vec::new(), None);
        loop {
            let page = store.scan(Table::OpenCalls, "", from.as_ref(), 1_000).await?;
            for entry in page.entries {
                found.push(decode(&entry.value)?);
            }
            match page.next {
                Some(next) => from = Some(next),
                None => return Ok(found),
            }
        }
    }

    pub(crate) async fn get(&self, tenant: &TenantId, call: CallId) -> Result<Option<CallEntry>, StoreError> {
        let stored = self.tenant(tenant).await?.get(Table::Calls, call.as_bytes()).await?;
        stored.map(|stored| decode(&stored)).transpose()
    }

    pub(crate) async fn list(
        &self,
        tenant: &TenantId,
        from: Option<&CallCursor>,
        limit: usize,
    ) -> Result<CallPage, StoreError> {
        let store = self.tenant(tenant).await?;
        let page = store.scan(Table::CallsByTime, "", from.map(|from| &from.0), limit).await?;
        let mut calls = Vec::with_capacity(page.entries.len());
        for entry in page.entries {
            let call = entry.key.last_chunk::<16>().ok_or(StoreError::Damaged { what: "a call's time" })?;
            calls.extend(self.get(tenant, CallId::from_bytes(*call)).await?);
        }
        Ok(CallPage { calls, next: page.next.map(CallCursor) })
    }

    /// Where the list goes on after a call that began then, whether that is still in it or not.
    pub(crate) async fn after(
        &self,
        tenant: &TenantId,
        started_at: u64,
        call: CallId,
    ) -> Result<CallCursor, StoreError> {
        let key = time_key(started_at, call);
        Ok(CallCursor(self.tenant(tenant).await?.cursor(Table::CallsByTime, key)?))
    }

    /// Follows the log until nobody writes it any more.
    pub(crate) fn run(
        &self,
        mut events: mpsc::Receiver<IndexEvent>,
        closed: impl Fn(&TenantId, CallId),
    ) -> Result<(), JournalError> {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        // A tenant whose index missed something is not followed any further: it is caught up at the next start.
        let mut behind: HashMap<TenantId, ()> = HashMap::new();
        let mut group = Vec::with_capacity(MAX_GROUP);
        while let Some(event) = events.blocking_recv() {
            // What came meanwhile is written in one go: a commit costs as much for sixty entries as for one.
            group.push(event);
            while group.len() < MAX_GROUP
                && let Ok(event) = events.try_recv()
            {
                group.push(event);
            }
            let mut tenants: Vec<(TenantId, Following)> = Vec::new();
            for event in group.drain(..) {
                let (tenant, entry, upto, waiter) = match event {
                    IndexEvent::Opened { tenant, entry, upto } => (tenant, entry, upto, None),
                    IndexEvent::Closed { tenant, entry, upto, waiter } => (tenant, entry, upto, waiter),
                };
                let place = tenants.iter().position(|(known, _)| *known == tenant);
                match place.and_then(|place| tenants.get_mut(place)) {
                    Some((_, following)) => following.add(entry, upto, waiter),
                    None => {
                        let mut following = Following { entries: Vec::new(), upto, waiters: Vec::new() };
                        following.add(entry, upto, waiter);
                        tenants.push((tenant, following));
                    }
                }
            }
            for (tenant, following) in tenants {
                let upto = (!behind.contains_key(&tenant)).then_some(following.upto);
                let told = match runtime.block_on(self.put_all(&tenant, &following.entries, upto)) {
                    Ok(()) => Ok(()),
                    Err(error) => {
                        tracing::error!(%error, %tenant, "the index of calls is behind; the next start catches up");
                        behind.insert(tenant.clone(), ());
                        Err(AppendError::Failed(format!(
                            "the call is on disk, but not in the index: {error}"
                        )))
                    }
                };
                for entry in following.entries.iter().filter(|entry| entry.ended_at.is_some()) {
                    closed(&tenant, entry.call);
                }
                for waiter in following.waiters {
                    let _nobody_waits = waiter.send(told.clone());
                }
            }
        }
        Ok(())
    }

    /// Takes any number of entries in; how far the log was followed comes with the last of them.
    async fn put_all(
        &self,
        tenant: &TenantId,
        entries: &[CallEntry],
        upto: Option<Location>,
    ) -> Result<(), StoreError> {
        let mut groups = entries.chunks(REBUILD_BATCH).peekable();
        while let Some(group) = groups.next() {
            self.put(tenant, group, upto.filter(|_| groups.peek().is_none())).await?;
        }
        Ok(())
    }
}

/// What one tenant's index is told at once.
struct Following {
    entries: Vec<CallEntry>,
    upto: Location,
    waiters: Vec<Waiter>,
}

impl Following {
    fn add(&mut self, entry: CallEntry, upto: Location, waiter: Option<Waiter>) {
        self.upto = upto;
        self.waiters.extend(waiter);
        // A call that opened and closed meanwhile is written once, as it is now.
        match self.entries.iter_mut().find(|known| known.call == entry.call) {
            Some(known) => *known = entry,
            None => self.entries.push(entry),
        }
    }
}

fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    rmp_serde::to_vec(value).map_err(|error| StoreError::Io(error.to_string()))
}

fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, StoreError> {
    rmp_serde::from_slice(bytes).map_err(|_| StoreError::Damaged { what: "an entry of the index of calls" })
}
