//! A tenant's key-value storage, as its agents see it.

use std::sync::Arc;

use parloir_contract::{CompareAndSet, Refusal, SetMemory};
use parloir_store::{Applied, Batch, StoreError, Table, TenantStore};

/// A key's length in bytes, at most.
const KEY_BYTES: usize = 256;
/// A value's length in bytes, at most.
const VALUE_BYTES: usize = 3 << 10;

/// What of a tenant's memory and calendar is there for no agent, because somebody asked that it is kept and not used.
pub trait Hidden: std::fmt::Debug + Send + Sync {
    /// Whether this key, or the value under it, names such a person. Of an appointment, its contact stands for the key and its
    /// motive for the value.
    fn hides(&self, key: &str, value: &[u8]) -> bool;
}

/// One tenant's memory.
#[derive(Debug, Clone)]
pub struct Memory {
    store: TenantStore,
    hidden: Option<Arc<dyn Hidden>>,
    /// Bytes that all of the tenant's calls together may keep; `None` where nobody counts.
    most: Option<u64>,
}

impl Memory {
    /// The memory of the tenant whose store this is, without a bound of all its calls.
    pub fn new(store: TenantStore) -> Self {
        Self { store, hidden: None, most: None }
    }

    /// The same memory, in which what all of the tenant's calls keep takes so many bytes at most, its appointments among it, as it
    /// rests: keys and values, and the 73 bytes that seal each. What is there already stays, and may be changed for what takes no more.
    #[must_use]
    pub fn within(self, most: u64) -> Self {
        Self { most: Some(most), ..self }
    }

    /// The same memory without what is hidden: it is answered as if it were absent, and nothing is written in its place.
    #[must_use]
    pub fn hiding(self, hidden: Option<Arc<dyn Hidden>>) -> Self {
        Self { hidden, ..self }
    }

    /// The value under a key. Refused for a key that is empty or too long, and where the storage fails.
    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Refusal> {
        check_key(key)?;
        let found = self.store.get(Table::Memory, key).await.map_err(|e| failed(&e))?;
        Ok(found.filter(|value| !self.hidden.as_ref().is_some_and(|hidden| hidden.hides(key, value))))
    }

    /// Refuses to touch what is hidden: it is kept as it is.
    async fn refuse_hidden(&self, key: &str) -> Result<(), Refusal> {
        let Some(hidden) = &self.hidden else { return Ok(()) };
        let there = self.store.get(Table::Memory, key).await.map_err(|e| failed(&e))?;
        if there.is_some_and(|value| hidden.hides(key, &value)) {
            return Err(Refusal::NotPermitted(
                "what is kept under this key is restricted, as its person asked: use another key".into(),
            ));
        }
        Ok(())
    }

    /// Stores a value; durable on return. Refused for a key that is empty or too long, a value that is too long, what is
    /// restricted, past the quota of all, and where the storage fails.
    pub async fn set(&self, set: SetMemory) -> Result<(), Refusal> {
        let SetMemory { key, value } = set;
        check_key(&key)?;
        check_value(&value)?;
        self.refuse_hidden(&key).await?;
        self.keep(Batch::new().put(Table::Memory, &key, value)).await.map(drop)
    }

    /// Applies what stores a value, where there is room for it.
    async fn keep(&self, batch: Batch) -> Result<Applied, Refusal> {
        apply_within(&self.store, batch, self.most, failed).await
    }

    /// Stores a value if the present one is as expected; says whether it did. Refused as [`Memory::set`] is.
    pub async fn compare_and_set(&self, request: CompareAndSet) -> Result<bool, Refusal> {
        let CompareAndSet { key, expected, value } = request;
        check_key(&key)?;
        check_value(&value)?;
        self.refuse_hidden(&key).await?;
        let batch = Batch::new().expect_same(Table::Memory, &key, expected);
        let applied = self.keep(batch.put(Table::Memory, &key, value)).await?;
        Ok(matches!(applied, Applied::Done))
    }

    /// Deletes a value; durable on return. Refused for a key that is empty or too long, for what is restricted, and where the
    /// storage fails.
    pub async fn delete(&self, key: &str) -> Result<(), Refusal> {
        check_key(key)?;
        self.refuse_hidden(key).await?;
        self.store.apply(Batch::new().delete(Table::Memory, key)).await.map(drop).map_err(|e| failed(&e))
    }

    /// Stores a value whose storing was asked for before, of which nobody knows whether it was done, because the host was
    /// lost meanwhile. What is there is not written again.
    pub async fn settle_set(&self, set: SetMemory) -> Result<(), Refusal> {
        if self.get(&set.key).await?.as_ref() == Some(&set.value) {
            return Ok(());
        }
        self.set(set).await
    }

    /// The same of a conditional one: where the new value is there, it is taken to be this request's. Write a value that
    /// says whose it is, such as the call's number, where that must be certain.
    pub async fn settle_compare_and_set(&self, request: CompareAndSet) -> Result<bool, Refusal> {
        if self.get(&request.key).await?.as_ref() == Some(&request.value) {
            return Ok(true);
        }
        self.compare_and_set(request).await
    }

    /// The same of a deletion: what is absent stays so.
    pub async fn settle_delete(&self, key: &str) -> Result<(), Refusal> {
        match self.get(key).await? {
            Some(_) => self.delete(key).await,
            None => self.refuse_hidden(key).await,
        }
    }
}

/// Applies a batch where the tenant's calls then keep no more bytes than they may in all, if anybody counts: `failed` says what is told
/// of a store that did not do it.
pub(crate) async fn apply_within(
    store: &TenantStore,
    batch: Batch,
    most: Option<u64>,
    failed: fn(&dyn std::fmt::Display) -> Refusal,
) -> Result<Applied, Refusal> {
    let applied = match most {
        Some(most) => store.apply_within(batch, most).await,
        None => store.apply(batch).await,
    };
    applied.map_err(|error| match error {
        StoreError::Full { most } => full(most),
        error => failed(&error),
    })
}

/// What a call is told whose tenant's agents keep as many bytes as they may.
fn full(most: u64) -> Refusal {
    Refusal::OverQuota(format!(
        "what the tenant's agents remember and their appointments may take {most} bytes in all its calls: delete or cancel what is \
         not needed any more, or raise `stored-bytes-in-all` of the tenant's quota"
    ))
}

fn check_key(key: &str) -> Result<(), Refusal> {
    if key.is_empty() || key.len() > KEY_BYTES {
        return Err(Refusal::Invalid(format!("a key has 1 to {KEY_BYTES} bytes")));
    }
    Ok(())
}

fn check_value(value: &[u8]) -> Result<(), Refusal> {
    if value.len() > VALUE_BYTES {
        return Err(Refusal::Invalid(format!(
            "a value has at most {VALUE_BYTES} bytes: keep larger things elsewhere"
        )));
    }
    Ok(())
}

fn failed(error: &dyn std::fmt::Display) -> Refusal {
    tracing::error!(%error, "the tenant's memory could not be reached");
    Refusal::Unavailable("storage failed; the host's log says why".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Rooms;

    fn set(key: &str, value: &[u8]) -> SetMemory {
        SetMemory { key: key.into(), value: value.into() }
    }

    #[tokio::test]
    async fn what_one_call_leaves_the_next_one_finds() {
        let rooms = Rooms::new().await;
        let memory = Memory::new(rooms.store("cabinet").await);
        assert_eq!(memory.get("who").await, Ok(None));
        memory.set(set("who", b"first")).await.unwrap();
        memory.set(set("who", b"second")).await.unwrap();
        let next_call = Memory::new(rooms.store("cabinet").await);
        assert_eq!(next_call.get("who").await, Ok(Some(b"second".to_vec())));
        next_call.delete("who").await.unwrap();
        next_call.delete("who").await.unwrap();
        assert_eq!(memory.get("who").await, Ok(None));
    }

    #[tokio::test]
    async fn another_tenants_keys_do_not_exist_here() {
        let rooms = Rooms::new().await;
        let (ours, theirs) =
            (Memory::new(rooms.store("ours").await), Memory::new(rooms.store("theirs").await));
        theirs.set(set("who", b"secret")).await.unwrap();
        assert_eq!(ours.get("who").await, Ok(None));
        ours.delete("who").await.unwrap();
        assert_eq!(theirs.get("who").await, Ok(Some(b"secret".to_vec())));
    }

    #[tokio::test]
    async fn of_two_who_expect_the_same_one_is_obeyed() {
        let rooms = Rooms::new().await;
        let memory = Memory::new(rooms.store("cabinet").await);
        let request = |expected: Option<&[u8]>, value: &[u8]| CompareAndSet {
            key: "turn".into(),
            expected: expected.map(Into::into),
            value: value.into(),
        };
        let (one, other) = tokio::join!(
            memory.compare_and_set(request(None, b"1")),
            memory.compare_and_set(request(None, b"2")),
        );
        assert_eq!(u8::from(one.unwrap()) + u8::from(other.unwrap()), 1);
        assert_eq!(memory.compare_and_set(request(Some(b"0"), b"3")).await, Ok(false));
        let present = memory.get("turn").await.unwrap();
        assert_eq!(memory.compare_and_set(request(present.as_deref(), b"3")).await, Ok(true));
        assert_eq!(memory.get("turn").await, Ok(Some(b"3".to_vec())));
    }

    #[tokio::test]
    async fn what_is_hidden_is_absent_and_stays_as_it_is() {
        #[derive(Debug)]
        struct Anne;
        impl Hidden for Anne {
            fn hides(&self, key: &str, value: &[u8]) -> bool {
                key.contains("anne") || value.starts_with(b"anne")
            }
        }
        let rooms = Rooms::new().await;
        let whole = Memory::new(rooms.store("cabinet").await);
        for (key, value) in [("anne", b"vip".as_slice()), ("last", b"anne"), ("count", b"7")] {
            whole.set(set(key, value)).await.unwrap();
        }
        let memory = whole.clone().hiding(Some(Arc::new(Anne)));
        for key in ["anne", "last"] {
            assert_eq!(memory.get(key).await, Ok(None));
            let cas = CompareAndSet { key: key.into(), expected: None, value: b"x".as_slice().into() };
            for refused in [
                memory.set(set(key, b"x")).await,
                memory.delete(key).await,
                memory.compare_and_set(cas).await.map(drop),
            ] {
                assert!(matches!(refused, Err(Refusal::NotPermitted(_))), "{refused:?}");
            }
            assert!(whole.get(key).await.unwrap().is_some());
        }
        assert_eq!(memory.get("count").await, Ok(Some(b"7".to_vec())));
        memory.set(set("new", b"x")).await.unwrap();
    }

    #[tokio::test]
    async fn what_was_being_stored_when_the_host_was_lost_is_stored_once() {
        let rooms = Rooms::new().await;
        let memory = Memory::new(rooms.store("cabinet").await);
        let turn = |expected: Option<&[u8]>, value: &[u8]| CompareAndSet {
            key: "turn".into(),
            expected: expected.map(Into::into),
            value: value.into(),
        };
        for _ in 0..2 {
            memory.settle_set(set("who", b"anne")).await.unwrap();
            assert_eq!(memory.get("who").await, Ok(Some(b"anne".to_vec())));
            assert_eq!(memory.settle_compare_and_set(turn(None, b"1")).await, Ok(true));
        }
        assert_eq!(memory.settle_compare_and_set(turn(None, b"2")).await, Ok(false));
        assert_eq!(memory.settle_compare_and_set(turn(Some(b"1"), b"2")).await, Ok(true));
        for _ in 0..2 {
            memory.settle_delete("who").await.unwrap();
            assert_eq!(memory.get("who").await, Ok(None));
        }
        assert!(matches!(memory.settle_delete("").await, Err(Refusal::Invalid(_))));
    }

    #[tokio::test]
    async fn what_all_calls_keep_has_a_bound_and_what_is_deleted_gives_room_again() {
        let rooms = Rooms::new().await;
        let store = rooms.store("cabinet").await;
        let call = || Memory::new(store.clone()).within(4 << 10);
        let mut kept = 0;
        let refused = loop {
            assert!(kept < 4, "four calls kept 4 KiB in all");
            match call().set(set(&format!("call {kept}"), &[7; 1 << 10])).await {
                Ok(()) => kept += 1,
                Err(refused) => break refused,
            }
        };
        assert_eq!(kept, 3);
        let Refusal::OverQuota(why) = &refused else { panic!("{refused:?}") };
        assert!(why.contains("4096 bytes") && why.contains("raise `stored-bytes-in-all`"), "{why}");
        let new = CompareAndSet { key: "new".into(), expected: None, value: vec![7; 1 << 10] };
        assert!(matches!(call().compare_and_set(new.clone()).await, Err(Refusal::OverQuota(_))));
        // One that expects something else is told so, and stores nothing in any case.
        let stale = CompareAndSet { expected: Some(b"nothing".to_vec()), ..new.clone() };
        assert_eq!(call().compare_and_set(stale).await, Ok(false));
        // Nobody else is kept from anything.
        let other = Memory::new(rooms.store("other").await).within(4 << 10);
        other.set(set("call 0", &[7; 1 << 10])).await.unwrap();
        call().set(set("call 0", &[8; 1 << 10])).await.unwrap();
        call().delete("call 1").await.unwrap();
        assert_eq!(call().compare_and_set(new).await, Ok(true));
    }

    #[tokio::test]
    async fn keys_and_values_have_their_bounds() {
        let rooms = Rooms::new().await;
        let memory = Memory::new(rooms.store("cabinet").await);
        let (key, value) = ("k".repeat(KEY_BYTES), vec![7; VALUE_BYTES]);
        memory.set(set(&key, &value)).await.unwrap();
        assert_eq!(memory.get(&key).await, Ok(Some(value)));
        for refused in [
            memory.set(set(&"k".repeat(KEY_BYTES + 1), b"")).await,
            memory.set(set("", b"")).await,
            memory.set(set("k", &vec![7; VALUE_BYTES + 1])).await,
        ] {
            assert!(matches!(refused, Err(Refusal::Invalid(_))), "{refused:?}");
        }
    }
}
