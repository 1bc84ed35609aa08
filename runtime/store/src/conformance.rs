//! What every backend must do, as a suite that any of them is run through.
//!
//! [`check`] on an empty store; [`leave`] and, after a restart, [`find_again`] for durability. A
//! failure names the sentence that does not hold.
//!
//! ```no_run
//! # async fn test(store: std::sync::Arc<dyn parloir_store::Store>) {
//! parloir_store::conformance::check(store).await.unwrap();
//! # }
//! ```

use std::sync::Arc;

use parloir_contract::TenantId;

use crate::{
    Address, Each, MAX_KEY, MAX_STORED, Store, StoreError, StoredBatch, StoredCondition, StoredOperation,
    Table,
};

/// What a backend did not do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// This sentence does not hold.
    #[error("it does not hold that {0}")]
    Broken(&'static str),
    /// It answered with an error.
    #[error("while checking that {0}: {1}")]
    Error(&'static str, StoreError),
}

fn holds(sentence: &'static str, truth: bool) -> Result<(), Failure> {
    if truth { Ok(()) } else { Err(Failure::Broken(sentence)) }
}

fn tenant(name: &str) -> Result<TenantId, Failure> {
    name.parse().map_err(|_| Failure::Broken("the suite's tenants are valid"))
}

fn address(tenant: &TenantId, key: &[u8]) -> Result<Address, Failure> {
    Address::new(tenant, Table::Memory, key).map_err(|error| Failure::Error("an address is made", error))
}

fn put(address: &Address, value: impl Into<Vec<u8>>) -> StoredBatch {
    StoredBatch {
        operations: vec![StoredOperation::Put(address.clone(), value.into())],
        ..StoredBatch::default()
    }
}

async fn apply(store: &dyn Store, what: &'static str, batch: StoredBatch) -> Result<Option<usize>, Failure> {
    store.apply(batch).await.map_err(|error| Failure::Error(what, error))
}

async fn get(store: &dyn Store, what: &'static str, address: &Address) -> Result<Option<Vec<u8>>, Failure> {
    store.get(address).await.map_err(|error| Failure::Error(what, error))
}

/// Runs an empty backend through everything but restarts.
pub async fn check(store: Arc<dyn Store>) -> Result<(), Failure> {
    values(&*store).await?;
    batches(&*store).await?;
    scans(&*store).await?;
    everything(&*store).await?;
    races(store).await
}

async fn values(store: &dyn Store) -> Result<(), Failure> {
    let here = address(&tenant("values")?, b"k")?;
    holds("a key that was never set has no value", get(store, "a key reads", &here).await?.is_none())?;
    apply(store, "a value is kept", put(&here, "one")).await?;
    apply(store, "a value is kept", put(&here, "two")).await?;
    let what = "the later value stands";
    holds(what, get(store, what, &here).await?.as_deref() == Some(b"two"))?;
    let delete =
        StoredBatch { operations: vec![StoredOperation::Delete(here.clone())], ..StoredBatch::default() };
    apply(store, "a value is deleted", delete.clone()).await?;
    holds("a deleted key has no value", get(store, "a key reads", &here).await?.is_none())?;
    apply(store, "deleting what is not there does nothing", delete).await?;

    let odd = address(&tenant("values")?, &[0xff; MAX_KEY])?;
    let largest: Vec<u8> = (0..MAX_STORED).map(|byte| (byte % 251) as u8).collect();
    apply(store, "the largest value is kept", put(&odd, largest.clone())).await?;
    let what = "the largest value under the longest key reads back";
    holds(what, get(store, what, &odd).await? == Some(largest))?;
    apply(store, "an empty value is kept", put(&odd, "")).await?;
    let what = "an empty value is a value";
    holds(what, get(store, what, &odd).await? == Some(Vec::new()))
}

async fn batches(store: &dyn Store) -> Result<(), Failure> {
    let tenant = tenant("batches")?;
    let (one, two) = (address(&tenant, b"1")?, address(&tenant, b"2")?);
    let both = vec![
        StoredOperation::Put(one.clone(), b"a".to_vec()),
        StoredOperation::Put(two.clone(), b"b".to_vec()),
    ];

    let conditions = vec![StoredCondition::Absent(one.clone()), StoredCondition::Absent(two.clone())];
    let batch = StoredBatch { conditions, operations: both.clone() };
    let what = "a batch whose conditions hold is applied";
    holds(what, apply(store, what, batch.clone()).await?.is_none())?;
    holds(what, get(store, what, &one).await?.as_deref() == Some(b"a"))?;
    let what = "a condition of absence fails where there is a value, and the answer names it";
    holds(what, apply(store, what, batch).await? == Some(0))?;

    let conditions = vec![
        StoredCondition::Equals(one.clone(), b"a".to_vec()),
        StoredCondition::Equals(two.clone(), b"other".to_vec()),
    ];
    let operations =
        vec![StoredOperation::Delete(one.clone()), StoredOperation::Put(two.clone(), b"c".to_vec())];
    let what = "where one condition fails nothing is changed";
    holds(what, apply(store, what, StoredBatch { conditions, operations }).await? == Some(1))?;
    holds(what, get(store, what, &one).await?.as_deref() == Some(b"a"))?;
    holds(what, get(store, what, &two).await?.as_deref() == Some(b"b"))?;

    let conditions = vec![StoredCondition::Equals(address(&tenant, b"3")?, Vec::new())];
    let what = "no value is not an empty value";
    holds(what, apply(store, what, StoredBatch { conditions, operations: both }).await? == Some(0))?;

    let operations =
        vec![StoredOperation::Put(one.clone(), b"x".to_vec()), StoredOperation::Delete(one.clone())];
    let what = "of two operations on one key the later stands";
    apply(store, what, StoredBatch { operations, ..StoredBatch::default() }).await?;
    holds(what, get(store, what, &one).await?.is_none())
}

async fn scans(store: &dyn Store) -> Result<(), Failure> {
    let (mine, theirs) = (tenant("scan")?, tenant("scan-0")?);
    let mut operations = Vec::new();
    for number in 0..100_u8 {
        let group = if number % 2 == 0 { b'e' } else { b'o' };
        operations.push(StoredOperation::Put(address(&mine, &[group, number])?, vec![number]));
        operations.push(StoredOperation::Put(address(&theirs, &[group, number])?, vec![0]));
    }
    apply(store, "many values are kept", StoredBatch { operations, ..StoredBatch::default() }).await?;

    let prefix = address(&mine, b"o")?;
    let (mut found, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let what = "a prefix is scanned in pages";
        let page =
            store.scan(&prefix, after.as_ref(), 7).await.map_err(|error| Failure::Error(what, error))?;
        holds("a page is within its limit", page.len() <= 7)?;
        pages += 1;
        after = page.last().map(|(address, _)| address.clone());
        if page.is_empty() || pages > 20 {
            break;
        }
        found.extend(page);
    }
    holds("a scan ends", pages <= 20)?;
    let in_order = found.windows(2).all(|pair| matches!(pair, [(a, _), (b, _)] if a < b));
    holds("a scan is in the order of the keys and repeats none", in_order)?;
    let values: Vec<u8> = found.iter().flat_map(|(_, value)| value.clone()).collect();
    let odd: Vec<u8> = (0..100).filter(|number| number % 2 == 1).collect();
    holds("a scan finds every key of its prefix and tenant, and no other", values == odd)
}

async fn everything(store: &dyn Store) -> Result<(), Failure> {
    let what = "all there is is given";
    let found = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let into = Arc::clone(&found);
    let each: Each = Box::new(move |address, value| {
        into.lock().push((address.clone(), value.to_vec()));
        Ok(())
    });
    store.everything(|_| true, each).await.map_err(|error| Failure::Error(what, error))?;
    let found = std::mem::take(&mut *found.lock());
    let in_order = found.windows(2).all(|pair| matches!(pair, [(a, _), (b, _)] if a < b));
    holds("what is given is in the order of the addresses and repeats none", in_order)?;
    for tenant in ["values", "scan", "scan-0"].map(tenant) {
        let prefix = address(&tenant?, b"")?;
        let of_tenant = found.iter().filter(|(address, _)| address.as_bytes().starts_with(prefix.as_bytes()));
        let scanned = store.scan(&prefix, None, 1_000).await.map_err(|error| Failure::Error(what, error))?;
        holds("what is given is what a scan finds", !scanned.is_empty() && of_tenant.eq(&scanned))?;
    }
    let each: Each = Box::new(|_, _| Err(std::io::Error::other("no more")));
    holds("it ends where it is not taken", store.everything(|_| true, each).await.is_err())?;
    let each: Each = Box::new(|_, _| Err(std::io::Error::other("of a table that is not wanted")));
    holds("what is not wanted is not given", store.everything(|_| false, each).await.is_ok())
}

async fn races(store: Arc<dyn Store>) -> Result<(), Failure> {
    let slot = address(&tenant("races")?, b"slot")?;
    let mut tasks = tokio::task::JoinSet::new();
    for caller in 0..50_u8 {
        let (store, slot) = (Arc::clone(&store), slot.clone());
        tasks.spawn(async move {
            let conditions = vec![StoredCondition::Absent(slot.clone())];
            let operations = vec![StoredOperation::Put(slot.clone(), vec![caller])];
            let applied = store.apply(StoredBatch { conditions, operations }).await;
            (caller, applied)
        });
    }
    let mut winners = Vec::new();
    while let Some(Ok((caller, applied))) = tasks.join_next().await {
        let what = "callers race for a key";
        if applied.map_err(|error| Failure::Error(what, error))?.is_none() {
            winners.push(caller);
        }
    }
    holds("of many who want one key absent, one gets it", winners.len() == 1)?;
    let what = "what stands is what the winner wrote";
    holds(what, get(&*store, what, &slot).await? == Some(winners))
}

/// Leaves values to be found after a restart.
pub async fn leave(store: &dyn Store) -> Result<(), Failure> {
    for number in 0..200_u8 {
        let here = address(&tenant("restart")?, &[number])?;
        apply(store, "a value is kept", put(&here, vec![number; 1_000])).await?;
    }
    let gone = address(&tenant("restart")?, &[7])?;
    let delete = StoredBatch { operations: vec![StoredOperation::Delete(gone)], ..StoredBatch::default() };
    apply(store, "a value is deleted", delete).await.map(|_| ())
}

/// Finds what [`leave`] left, in a backend that was stopped and started since.
pub async fn find_again(store: &dyn Store) -> Result<(), Failure> {
    for number in 0..200_u8 {
        let here = address(&tenant("restart")?, &[number])?;
        let expected = (number != 7).then(|| vec![number; 1_000]);
        let what = "what was acknowledged before a restart is there after it";
        holds(what, get(store, what, &here).await? == expected)?;
    }
    Ok(())
}
