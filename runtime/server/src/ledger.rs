//! What each tenant's calls of a month used, and what that cost: a sum in the tenant's own storage.
//!
//! A call is added once, with a mark that it was, in one step that is durable or did not happen. What a crash kept from being
//! added is found in the journal: every call that began since the tenant was last settled either has its mark or is added.

mod shown;
mod sum;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use parloir_call::{cut_off, ledger_sums};
use parloir_contract::{CallId, TenantId};
use parloir_journal::{CallEntry, Ending, JournalError, Ledger, ProviderUsed, QUEUE, ReadError, RecordBody};
use parloir_providers::ProviderEntry;
use parloir_store::{Applied, Batch, StoreError, Table, TenantStore};
use parloir_tenancy::month::Sums;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, OwnedMutexGuard};

pub use self::sum::{MonthLedger, MonthSum, ProviderMonth};
use crate::Storage;
use crate::serve::House;

/// How often an installation that serves looks for calls that are in no sum.
const EVERY: Duration = Duration::from_secs(3_600);
/// A tenant is settled up to so long before its newest call, in nanoseconds: one that began earlier may be in the index later.
const MARGIN: u64 = 3_600_000_000_000;
/// Calls looked at in one go.
const PAGE: usize = 500;
/// Marks taken away in one go.
const MARKS: usize = 200;
/// How often an addition is tried again.
const TRIES: usize = 8;
/// How often, an hour apart, a call is tried to be read before it is given up: a day.
const READ_TRIES: u64 = 24;
/// Tries that are less apart, in seconds, are one: rounds are an hour apart, and who asks for the months tries as well.
const APART: u64 = 3_000;

/// Comes before a month: `month/2026-11/`, and its providers' names after that.
const MONTH: &str = "month/";
/// Comes before the mark of a call: when it began, and which it is.
const CALL: &[u8] = b"call/";
/// Comes before how often a call could not be read, and when that was counted last: when it began, and which it is.
const UNREAD: &[u8] = b"unread/";
/// How many calls were given up, because they could not be read.
const UNREADABLE: &[u8] = b"unreadable";
/// Until when calls began that are all in a sum.
const SETTLED: &[u8] = b"settled";

/// Whose months are asked for, and which.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LedgerRequest {
    /// Only this tenant's.
    pub tenant: Option<TenantId>,
    /// Only this month, as in `2026-11`.
    pub month: Option<String>,
}

/// The months that were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ledgers {
    /// By tenant and month.
    pub months: Vec<MonthLedger>,
    /// Calls that ended and are in no month yet: they were cut off, and are priced by an installation that serves; or they
    /// cannot be read now.
    pub left: u64,
    /// Calls that are in no month for good, because they could not be read for a day.
    #[serde(default)]
    pub unreadable: u64,
}

/// Why a sum cannot be told, or not be added to.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The tenant's storage.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The journal.
    #[error("{0}")]
    Journal(#[from] JournalError),
    /// A row of the sum.
    #[error("a row of the month's sum cannot be read ({0}): was it written by another version? Use that one")]
    Row(#[from] serde_json::Error),
    /// Others kept changing it.
    #[error("a month's sum was changed again and again while a call was added: it is added within the hour")]
    Contended,
}

/// The month, in UTC, of a time in nanoseconds since 1970.
pub(crate) fn month(nanos: u64) -> String {
    Timestamp::from_nanosecond(i128::from(nanos)).unwrap_or_default().strftime("%Y-%m").to_string()
}

fn mark(began: u64, call: CallId) -> Vec<u8> {
    [CALL, &began.to_be_bytes(), call.as_bytes()].concat()
}

/// A row, and the batch with the expectation that it is still so.
async fn row<T: DeserializeOwned>(
    store: &TenantStore,
    key: &str,
    batch: Batch,
) -> Result<(Option<T>, Batch), LedgerError> {
    Ok(match store.get(Table::Usage, key).await? {
        Some(bytes) => (Some(serde_json::from_slice(&bytes)?), batch.expect_value(Table::Usage, key, bytes)),
        None => (None, batch.expect_absent(Table::Usage, key)),
    })
}

/// A row that is a number; 0 where it is missing.
async fn number(store: &TenantStore, key: &[u8]) -> Result<u64, LedgerError> {
    let found = store.get(Table::Usage, key).await?;
    Ok(found.and_then(|bytes| Some(u64::from_be_bytes(bytes.try_into().ok()?))).unwrap_or_default())
}

async fn settled(store: &TenantStore) -> Result<u64, LedgerError> {
    number(store, SETTLED).await
}

/// How often a call could not be read, and when that was counted last, in seconds since 1970.
async fn tried(store: &TenantStore, key: &[u8]) -> Result<(u64, Option<u64>), LedgerError> {
    let Some(row) = store.get(Table::Usage, key).await? else { return Ok((0, None)) };
    let number = |bytes: &[u8]| <[u8; 8]>::try_from(bytes).ok().map(u64::from_be_bytes);
    let read = row.split_at_checked(8).and_then(|(tries, last)| Some((number(tries)?, number(last))));
    Ok(read.unwrap_or_default())
}

/// Counts a try at a call that could not be read, at so many seconds since 1970. Returns whether it was the last: then the call
/// has its mark and is in no sum, so that it keeps no other call's mark any longer.
async fn give_up(store: &TenantStore, began: u64, call: CallId, now: u64) -> Result<bool, LedgerError> {
    let key = [UNREAD, &began.to_be_bytes(), call.as_bytes()].concat();
    let (tries, last) = tried(store, &key).await?;
    // Where the clock was set back, it is not known how long ago that was.
    if last.and_then(|last| now.checked_sub(last)).is_some_and(|since| since < APART) {
        return Ok(false);
    }
    let tries = tries.saturating_add(1);
    if tries < READ_TRIES {
        let row = [tries.to_be_bytes(), now.to_be_bytes()].concat();
        store.apply(Batch::new().put(Table::Usage, &key, row)).await?;
        return Ok(false);
    }
    let all = number(store, UNREADABLE).await?.saturating_add(1);
    let batch = Batch::new().delete(Table::Usage, &key).put(Table::Usage, mark(began, call), *b"0");
    store.apply(batch.put(Table::Usage, UNREADABLE, all.to_be_bytes())).await?;
    Ok(true)
}

/// Adds a call to its month, in one step with its mark. Returns whether it was not there yet.
async fn add(store: &TenantStore, began: u64, call: CallId, ledger: &Ledger) -> Result<bool, LedgerError> {
    add_with(store, (began, call), |sum| sum.add(ledger), &ledger.providers).await
}

/// The same of whatever changes a month's sum, and what providers were asked for in it.
async fn add_with(
    store: &TenantStore,
    (began, call): (u64, CallId),
    change: impl Fn(&mut MonthSum) + Send,
    providers: &[ProviderUsed],
) -> Result<bool, LedgerError> {
    if began < settled(store).await? {
        if store.get(Table::Usage, mark(began, call)).await?.is_none() {
            tracing::warn!(%call, "a call that began before its tenant's months were settled is in none: was the clock set back?");
        }
        return Ok(false);
    }
    let (mark, month) = (mark(began, call), format!("{MONTH}{}/", month(began)));
    for _ in 0..TRIES {
        let batch = Batch::new().expect_absent(Table::Usage, &mark).put(Table::Usage, &mark, *b"1");
        let (sum, mut batch) = row::<MonthSum>(store, &month, batch).await?;
        let mut sum = sum.unwrap_or_default();
        change(&mut sum);
        batch = batch.put(Table::Usage, &month, serde_json::to_vec(&sum)?);
        for used in providers {
            let key = format!("{month}{}", used.provider);
            let (sum, expecting) = row::<ProviderMonth>(store, &key, batch).await?;
            let mut sum = sum.unwrap_or_else(|| ProviderMonth::new(used));
            sum.add(used);
            batch = expecting.put(Table::Usage, &key, serde_json::to_vec(&sum)?);
        }
        match store.apply(batch).await? {
            Applied::Done => return Ok(true),
            Applied::ConditionFailed { key, .. } if key == mark => return Ok(false),
            Applied::ConditionFailed { .. } => {}
        }
    }
    Err(LedgerError::Contended)
}

/// Notes that all calls that began before are in a sum, and takes their marks away.
async fn settle_before(store: &TenantStore, before: u64) -> Result<(), LedgerError> {
    store.apply(Batch::new().put(Table::Usage, SETTLED, before.to_be_bytes())).await?;
    forget_before(store, CALL, before).await?;
    // Of calls that were read in the end.
    forget_before(store, UNREAD, before).await
}

/// Takes the rows of calls that began before away, of those that begin with `prefix`.
async fn forget_before(store: &TenantStore, prefix: &[u8], before: u64) -> Result<(), LedgerError> {
    let end = [prefix, &before.to_be_bytes()].concat();
    loop {
        let page = store.scan(Table::Usage, prefix, None, MARKS).await?;
        let old: Vec<_> = page.entries.into_iter().map(|entry| entry.key).filter(|key| *key < end).collect();
        if old.is_empty() {
            return Ok(());
        }
        let batch = old.iter().fold(Batch::new(), |batch, key| batch.delete(Table::Usage, key));
        store.apply(batch).await?;
    }
}

/// The months of a tenant, as they are now.
async fn months(store: &TenantStore, only: Option<&str>) -> Result<Vec<MonthLedger>, LedgerError> {
    let (mut months, mut from) = (Vec::<MonthLedger>::new(), None);
    let prefix = only.map_or_else(|| MONTH.to_owned(), |month| format!("{MONTH}{month}/"));
    loop {
        let page = store.scan(Table::Usage, &prefix, from.as_ref(), PAGE).await?;
        for entry in page.entries {
            let name = String::from_utf8_lossy(&entry.key);
            let Some((month, provider)) = name.strip_prefix(MONTH).and_then(|name| name.split_once('/'))
            else {
                continue;
            };
            // A month's own row comes before those of its providers.
            if provider.is_empty() {
                let used = serde_json::from_slice(&entry.value)?;
                let (tenant, month) = (store.tenant().clone(), month.to_owned());
                months.push(MonthLedger { tenant, month, used, providers: Vec::new() });
            } else if let Some(last) = months.last_mut().filter(|last| last.month == month) {
                last.providers.push(serde_json::from_slice(&entry.value)?);
            }
        }
        match page.next {
            Some(next) => from = Some(next),
            None => return Ok(months),
        }
    }
}

/// Whoever adds to a tenant's month holds this meanwhile: one lock for each tenant, so that none waits for another.
#[derive(Debug, Default)]
pub(crate) struct Adding(parking_lot::Mutex<HashMap<TenantId, Arc<Mutex<()>>>>);

impl Adding {
    async fn lock(&self, tenant: &TenantId) -> OwnedMutexGuard<()> {
        let of_tenant = Arc::clone(self.0.lock().entry(tenant.clone()).or_default());
        of_tenant.lock_owned().await
    }
}

impl Storage {
    /// Adds a call that is over to its tenant's month. What is there already is not added again.
    pub(crate) async fn add_to_month(
        &self,
        tenant: &TenantId,
        call: CallId,
        ledger: &Ledger,
    ) -> Result<(), LedgerError> {
        let Some(entry) = self.journal.call(tenant, call).await? else { return Ok(()) };
        let store = self.rows(tenant).await?;
        let _one_at_a_time = self.adding.lock(tenant).await;
        let added = add(&store, entry.started_at, call, ledger).await;
        // What could not be added is within the hour, and counts until then.
        let used = (!matches!(added, Ok(false))).then(|| ledger_sums(ledger));
        let began = Timestamp::from_nanosecond(i128::from(entry.started_at)).unwrap_or_default();
        self.months.of(tenant).end(Timestamp::now(), call, began, used.as_ref());
        added.map(drop)
    }

    /// Takes what a tenant's calls that are over have used in this month into memory, where its limits are told from.
    pub(crate) async fn recall_month(&self, tenant: &TenantId) -> Result<(), LedgerError> {
        let store = self.rows(tenant).await?;
        let now = Timestamp::now();
        let this = now.strftime("%Y-%m").to_string();
        let _nothing_is_added = self.adding.lock(tenant).await;
        let mut over = Sums::default();
        for month in months(&store, Some(&this)).await? {
            over.add(&month.used.sums());
            for provider in &month.providers {
                over.add(&provider.sums());
            }
        }
        self.months.of(tenant).recall(now, over);
        Ok(())
    }

    /// Adds what is missing of a tenant's calls that are over, those that were cut off by the prices of `entries`; without them
    /// these are left. Returns how many are left.
    pub(crate) async fn settle(
        &self,
        tenant: &TenantId,
        entries: Option<&[&ProviderEntry]>,
    ) -> Result<u64, LedgerError> {
        let store = self.rows(tenant).await?;
        let settled = settled(&store).await?;
        let (mut left, mut from) = (0, None);
        // When the newest call began, or the oldest of which nothing is in a sum yet.
        let mut upto: Option<u64> = None;
        'pages: loop {
            let page = self.journal.calls(tenant, from.as_ref(), PAGE).await?;
            for entry in page.calls {
                if entry.started_at < settled {
                    break 'pages;
                }
                upto.get_or_insert(entry.started_at);
                if entry.transport == QUEUE {
                    if !self.settle_wait(&store, &entry).await? {
                        upto = Some(entry.started_at);
                    }
                    continue;
                }
                // Of calls that no agent answered there is nothing to add.
                if entry.is_of_journal() || entry.agent_name.is_empty() {
                    continue;
                }
                let is_in = entry.outcome.is_some() && self.settle_call(&store, &entry, entries).await?;
                if !is_in {
                    left += u64::from(entry.outcome.is_some());
                    upto = Some(entry.started_at);
                }
            }
            match page.next {
                Some(next) => from = Some(next),
                None => break,
            }
        }
        // A call that began while the clock was ahead settles nothing that is still to come.
        let now = u64::try_from(Timestamp::now().as_nanosecond()).unwrap_or_default();
        let before = upto.unwrap_or_default().min(now).saturating_sub(MARGIN);
        if before > settled {
            let _nothing_is_added = self.adding.lock(tenant).await;
            settle_before(&store, before).await?;
        }
        Ok(left)
    }

    /// Adds a caller's wait, where it is over and that is missing. Returns whether it is over.
    async fn settle_wait(&self, store: &TenantStore, entry: &CallEntry) -> Result<bool, LedgerError> {
        let (call, began) = (entry.call, entry.started_at);
        let Some(ended) = entry.ended_at else { return Ok(false) };
        if store.get(Table::Usage, mark(began, call)).await?.is_some() {
            return Ok(true);
        }
        // The end of one that was cut off is when the program came back: how long they waited until it stopped nobody knows.
        let is_known = entry.outcome != Some(Ending::Interrupted);
        let ms = if is_known { ended.saturating_sub(began) / 1_000_000 } else { 0 };
        let _one_at_a_time = self.adding.lock(store.tenant()).await;
        add_with(store, (began, call), |sum| sum.add_wait(ms), &[]).await?;
        Ok(true)
    }

    /// Adds a call that is over, where that is missing. Returns whether there is nothing left to add.
    async fn settle_call(
        &self,
        store: &TenantStore,
        entry: &CallEntry,
        entries: Option<&[&ProviderEntry]>,
    ) -> Result<bool, LedgerError> {
        let (tenant, call, began) = (store.tenant(), entry.call, entry.started_at);
        let now = u64::try_from(Timestamp::now().as_second()).unwrap_or_default();
        if store.get(Table::Usage, mark(began, call)).await?.is_some() {
            return Ok(true);
        }
        let records = match self.journal.records(tenant, call).await {
            Ok(records) => records,
            // What was erased with its trace before it was added is not known any more.
            Err(JournalError::Read(ReadError::Erased { .. } | ReadError::NoSuchCall { .. })) => {
                return Ok(true);
            }
            Err(error) => return self.unread(store, entry, &error, entries.map(|_| now)).await,
        };
        let written = records.iter().find_map(|record| match &record.body {
            RecordBody::Ledger(ledger) => Some(ledger.clone()),
            _ => None,
        });
        let ledger = match (written, entries) {
            (Some(ledger), _) => ledger,
            (None, Some(entries)) => {
                let bytes = match self.journal.recording(tenant, call).await {
                    Ok(blocks) => blocks.iter().map(|block| block.bytes.len() as u64).sum(),
                    Err(JournalError::Read(ReadError::Erased { .. } | ReadError::NoSuchCall { .. })) => 0,
                    Err(error) => return self.unread(store, entry, &error, Some(now)).await,
                };
                cut_off(&records, bytes, entries)
            }
            (None, None) => return Ok(false),
        };
        let _one_at_a_time = self.adding.lock(tenant).await;
        if add(store, began, call, &ledger).await? {
            let began = Timestamp::from_nanosecond(i128::from(began)).unwrap_or_default();
            self.months.of(tenant).end(Timestamp::now(), call, began, Some(&ledger_sums(&ledger)));
        }
        Ok(true)
    }

    /// A call could not be read. Returns whether that is so for good; only tries that are `counted` say that, at so many
    /// seconds since 1970.
    async fn unread(
        &self,
        store: &TenantStore,
        entry: &CallEntry,
        error: &JournalError,
        counted: Option<u64>,
    ) -> Result<bool, LedgerError> {
        let (tenant, call) = (store.tenant(), entry.call);
        let _one_at_a_time = self.adding.lock(tenant).await;
        let is_given_up = match counted {
            Some(now) => give_up(store, entry.started_at, call, now).await?,
            None => false,
        };
        if is_given_up {
            tracing::error!(%tenant, %call, %error, "what a call used could not be read for a day: it is in no month and is not tried again; `parloir verify` says what is wrong with it");
        } else {
            tracing::error!(%tenant, %call, %error, "what a call used could not be read; it is tried again");
        }
        Ok(is_given_up)
    }

    /// What tenants' calls used, month by month. What is missing is added before; calls that were cut off are priced by
    /// `entries`, the providers of an installation that serves, and left where there are none.
    ///
    /// # Errors
    /// Where the journal or a tenant's storage cannot be read or written.
    pub async fn ledgers(
        &self,
        request: &LedgerRequest,
        entries: Option<&[&ProviderEntry]>,
    ) -> Result<Ledgers, LedgerError> {
        let mut tenants = self.journal.tenants().await?;
        if let Some(only) = &request.tenant {
            tenants.retain(|known| known == only);
        }
        let mut ledgers = Ledgers::default();
        for tenant in tenants {
            ledgers.left += self.settle(&tenant, entries).await?;
            let store = self.rows(&tenant).await?;
            ledgers.unreadable += number(&store, UNREADABLE).await?;
            ledgers.months.extend(months(&store, request.month.as_deref()).await?);
        }
        Ok(ledgers)
    }
}

/// Adds what is missing, as the program starts and then every hour, until the installation closes.
pub(crate) async fn run(house: Arc<House>) {
    loop {
        let installation = &house.installation;
        let tenants = installation.storage.journal.tenants().await.unwrap_or_else(|error| {
            tracing::error!(%error, "it is not known which tenants had calls: nothing is added to their months");
            Vec::new()
        });
        for tenant in tenants {
            let entries = installation.providers.entries();
            if let Err(error) = installation.storage.settle(&tenant, Some(&entries)).await {
                tracing::error!(%tenant, %error, "calls could not be added to their month; it is tried again");
            }
            if let Err(error) = installation.storage.recall_month(&tenant).await {
                tracing::error!(%tenant, %error, "what a month has come to could not be read; it is tried again");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = house.closing.cancelled() => return,
        }
    }
}

#[cfg(test)]
mod tests;
