use std::fs;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use parloir_contract::TenantId;

use crate::disk::interposed::{Interposer, Step, Then, interposed};
use crate::disk::{Disk, OsDisk};
use crate::keys::{Gone, Rows};
use crate::{
    Address, Applied, Batch, Dropped, Each, Keyring, Store, StoreError, StoredBatch, StoredOperation, Table,
    TenantStore, Volatile,
};

struct House {
    folder: tempfile::TempDir,
    store: Arc<Volatile>,
    ring: Keyring,
    rows: TenantStore,
}

fn tenant() -> TenantId {
    "cabinet".parse().unwrap()
}

impl House {
    async fn on(disk: Arc<dyn Disk>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Volatile::default());
        let ring = Keyring::open_on(disk, folder.path()).unwrap();
        let rows = TenantStore::open(store.clone(), &ring, tenant()).await.unwrap();
        Self { folder, store, ring, rows }
    }

    async fn new() -> Self {
        Self::on(Arc::new(OsDisk)).await
    }

    async fn put(&self, table: Table, key: &str, value: &str) {
        let applied = self.rows.apply(Batch::new().put(table, key, value)).await.unwrap();
        assert_eq!(applied, Applied::Done);
    }

    async fn get(&self, table: Table, key: &str) -> Option<String> {
        self.rows.get(table, key).await.unwrap().map(|value| String::from_utf8(value).unwrap())
    }

    /// A row as it is now: what erases it, and its bytes, as a back-up has them.
    async fn found(&self, table: Table, key: &str) -> (Vec<Gone>, StoredOperation) {
        let row = self.rows.entry(table, key).await.unwrap().unwrap().row;
        let bytes = self.store.get(&row.address).await.unwrap().unwrap();
        let back_up = StoredOperation::Put(row.address.clone(), bytes);
        (self.rows.gone(&[Rows::At(row)]), back_up)
    }

    async fn restore(&self, back_up: StoredOperation) {
        let batch = StoredBatch { operations: vec![back_up], ..StoredBatch::default() };
        self.store.apply(batch).await.unwrap();
    }

    /// As a program finds it that is started now.
    async fn again(&self) -> TenantStore {
        let ring = Keyring::open(self.folder.path()).unwrap();
        TenantStore::open(self.store.clone(), &ring, tenant()).await.unwrap()
    }

    fn keys(&self) -> Vec<(String, u64)> {
        let entries = fs::read_dir(self.folder.path().join("cabinet")).unwrap().map(Result::unwrap);
        entries
            .map(|entry| (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().len()))
            .collect()
    }
}

#[tokio::test]
async fn an_erasure_that_is_done_again_takes_nothing_that_was_written_since() {
    let house = House::new().await;
    house.put(Table::Memory, "last", "hers").await;
    let (gone, back_up) = house.found(Table::Memory, "last").await;
    assert_eq!(house.rows.erase(&house.ring, &gone).await.unwrap(), 1);
    house.put(Table::Memory, "last", "his").await;
    assert_eq!(house.rows.erase(&house.ring, &gone).await.unwrap(), 0);
    assert_eq!(house.get(Table::Memory, "last").await.as_deref(), Some("his"));
    let table = house.rows.gone(&[Rows::Of(Table::Memory)]);
    assert_eq!(house.rows.erase(&house.ring, &table).await.unwrap(), 1);
    house.put(Table::Memory, "last", "another's").await;
    for gone in [&table, &gone] {
        assert_eq!(house.rows.erase(&house.ring, gone).await.unwrap(), 0);
    }
    assert_eq!(house.get(Table::Memory, "last").await.as_deref(), Some("another's"));
    assert_eq!(house.again().await.get(Table::Memory, "last").await.unwrap().unwrap(), b"another's");
    house.restore(back_up).await;
    assert_eq!(house.again().await.get(Table::Memory, "last").await.unwrap(), None);
}

#[tokio::test]
async fn damage_in_what_is_erased_whole_keeps_nothing_of_it_and_what_was_written_since_stays() {
    let house = House::new().await;
    for key in ["sound", "without a version", "of the life that ends", "alone"] {
        house.put(Table::Memory, key, "kept").await;
    }
    let damage = async |key: &str, at: usize| {
        let (_, StoredOperation::Put(address, mut bytes)) = house.found(Table::Memory, key).await else {
            panic!("a back-up puts")
        };
        *bytes.get_mut(at).unwrap() ^= 0xff;
        house.restore(StoredOperation::Put(address.clone(), bytes)).await;
        address
    };
    // A single one that was damaged since it was found: its last byte.
    let (alone, back_up) = house.found(Table::Memory, "alone").await;
    let StoredOperation::Put(_, bytes) = &back_up else { panic!("a back-up puts") };
    let address = damage("alone", bytes.len() - 1).await;
    assert_eq!(house.rows.erase(&house.ring, &alone).await.unwrap(), 1);
    assert_eq!(house.store.get(&address).await.unwrap(), None);

    let gone = [damage("without a version", 0).await, damage("of the life that ends", 30).await];
    let table = house.rows.gone(&[Rows::Of(Table::Memory)]);
    assert_eq!(house.rows.erase(&house.ring, &table).await.unwrap(), 3);
    for address in &gone {
        assert_eq!(house.store.get(address).await.unwrap(), None);
    }
    house.put(Table::Memory, "since", "kept").await;
    let since = damage("since", 30).await;
    assert_eq!(house.rows.erase(&house.ring, &table).await.unwrap(), 0);
    assert!(house.store.get(&since).await.unwrap().is_some(), "damage that is to be seen");
    assert_eq!(house.rows.remembered().await.unwrap(), rest(&house).await);
}

#[tokio::test]
async fn what_a_back_up_brings_back_of_what_was_erased_is_taken_out_and_nothing_else() {
    let house = House::new().await;
    for key in ["hers", "his"] {
        house.put(Table::Memory, key, key).await;
    }
    let (gone, back_up) = house.found(Table::Memory, "hers").await;
    let Gone::At(row) = gone[0].clone() else { panic!("{gone:?}") };
    // To be erased as it was found: whatever a copy has at its address is from before.
    house.put(Table::Memory, "hers", "as it was at another time").await;
    assert_eq!(house.rows.forget(&gone).await.unwrap(), 1);
    assert_eq!(house.get(Table::Memory, "hers").await, None);
    house.restore(back_up.clone()).await;
    assert_eq!(house.get(Table::Memory, "hers").await.as_deref(), Some("hers"), "its key is there still");
    assert_eq!(house.rows.drop_erased().await.unwrap(), Dropped::default());

    assert_eq!(house.rows.erase(&house.ring, &gone).await.unwrap(), 1);
    house.restore(back_up).await;
    assert_eq!(house.rows.drop_erased().await.unwrap(), Dropped { erased: 1, later: 0 });
    assert_eq!(house.store.get(&row.address).await.unwrap(), None);
    assert_eq!(house.get(Table::Memory, "his").await.as_deref(), Some("his"));

    let (_, back_up) = house.found(Table::Memory, "his").await;
    let table = house.rows.gone(&[Rows::Of(Table::Memory)]);
    assert_eq!(house.rows.erase(&house.ring, &table).await.unwrap(), 1);
    house.put(Table::Memory, "theirs", "theirs").await;
    house.restore(back_up).await;
    assert_eq!(house.rows.forget(&table).await.unwrap(), 1);
    assert_eq!(house.rows.drop_erased().await.unwrap(), Dropped::default());
    assert_eq!(house.get(Table::Memory, "theirs").await.as_deref(), Some("theirs"));
}

#[tokio::test]
async fn what_keys_that_are_older_cannot_open_is_told_apart_from_what_was_erased() {
    let house = House::new().await;
    house.put(Table::Memory, "hers", "hers").await;
    let (_, back_up) = house.found(Table::Memory, "hers").await;
    let old = tempfile::tempdir().unwrap();
    fs::create_dir(old.path().join("cabinet")).unwrap();
    for (name, _) in house.keys() {
        let name = Path::new("cabinet").join(name);
        fs::copy(house.folder.path().join(&name), old.path().join(&name)).unwrap();
    }
    let table = house.rows.gone(&[Rows::Of(Table::Memory)]);
    assert_eq!(house.rows.erase(&house.ring, &table).await.unwrap(), 1);
    house.put(Table::Memory, "theirs", "theirs").await;
    house.restore(back_up).await;

    let ring = Keyring::open(old.path()).unwrap();
    let rows = TenantStore::open(house.store.clone(), &ring, tenant()).await.unwrap();
    assert_eq!(rows.drop_erased().await.unwrap(), Dropped { erased: 0, later: 1 });
    assert_eq!(rows.get(Table::Memory, "hers").await.unwrap().unwrap(), b"hers");
    assert_eq!(rows.get(Table::Memory, "theirs").await.unwrap(), None);
}

#[tokio::test]
async fn who_took_a_slot_after_it_was_found_keeps_it_and_what_was_found_is_gone() {
    let house = House::new().await;
    house.put(Table::Slots, "tuesday", "hers").await;
    let (gone, back_up) = house.found(Table::Slots, "tuesday").await;
    house.put(Table::Slots, "tuesday", "his").await;
    assert_eq!(house.rows.erase(&house.ring, &gone).await.unwrap(), 0);
    for rows in [&house.rows, &house.again().await] {
        assert_eq!(rows.get(Table::Slots, "tuesday").await.unwrap().unwrap(), b"his");
    }
    assert_eq!(house.rows.erase(&house.ring, &gone).await.unwrap(), 0);
    assert_eq!(house.get(Table::Slots, "tuesday").await.as_deref(), Some("his"));
    house.restore(back_up).await;
    assert_eq!(house.get(Table::Slots, "tuesday").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_acknowledged_while_rows_are_erased_is_there() {
    let house = Arc::new(House::new().await);
    for round in 0..40 {
        house.put(Table::Memory, "last", "hers").await;
        let (gone, _) = house.found(Table::Memory, "last").await;
        let writes = tokio::spawn({
            let house = house.clone();
            async move { house.put(Table::Memory, "last", &format!("his {round}")).await }
        });
        house.rows.erase(&house.ring, &gone).await.unwrap();
        writes.await.unwrap();
        assert_eq!(house.get(Table::Memory, "last").await, Some(format!("his {round}")));
    }
}

#[tokio::test]
async fn a_table_is_renewed_without_what_goes_and_takes_no_more_room() {
    let house = House::new().await;
    let name = |number: i32| format!("call {number:03}");
    for number in 0..300 {
        house.put(Table::Calls, &name(number), "entry").await;
    }
    let (_, back_up) = house.found(Table::Calls, &name(7)).await;
    let room = |house: &House| house.keys().iter().map(|(_, length)| length).sum::<u64>();
    let before = room(&house);
    for round in 0..3 {
        let upto = house.rows.life(Table::Calls);
        let goes = |key: &[u8]| key.ends_with(b"7") && round == 0;
        for gone in [if round == 0 { 30 } else { 0 }, 0] {
            let stays = |key: &[u8]| !goes(key);
            assert_eq!(house.rows.renew(&house.ring, Table::Calls, upto, stays).await.unwrap(), gone);
        }
    }
    assert_eq!((room(&house), house.keys().len()), (before, 1), "{:?}", house.keys());
    house.restore(back_up).await;
    for rows in [&house.rows, &house.again().await] {
        for number in [6, 7, 8] {
            let there = rows.get(Table::Calls, name(number)).await.unwrap().is_some();
            assert_eq!(there, number != 7, "{number}");
        }
    }
}

/// A disk that destroys nothing, and says so.
#[derive(Debug)]
struct Keeps;

impl Interposer for Keeps {
    fn before(&self, step: Step<'_>) -> std::io::Result<Then> {
        if matches!(step, Step::Overwrite(_)) {
            return Err(std::io::Error::other("the disk is tired"));
        }
        Ok(Then::Do)
    }
}

#[tokio::test]
async fn where_an_old_key_cannot_be_destroyed_what_is_written_next_is_read_by_the_next_start() {
    let house = House::on(interposed(&Arc::new(Keeps))).await;
    house.put(Table::Memory, "last", "hers").await;
    let (gone, _) = house.found(Table::Memory, "last").await;
    assert!(house.rows.erase(&house.ring, &gone).await.is_err());
    house.put(Table::Memory, "last", "his").await;
    let again = house.again().await;
    assert_eq!(again.get(Table::Memory, "last").await.unwrap().unwrap(), b"his");
    // Who only reads destroys nothing; who has the journal finishes what was begun.
    assert!(house.keys().len() > 1);
    let ring = Keyring::open(house.folder.path()).unwrap();
    let rows = TenantStore::open(house.store.clone(), &ring, tenant()).await.unwrap();
    rows.erase(&ring, &gone).await.unwrap();
    assert_eq!(house.keys().len(), 1, "{:?}", house.keys());
    assert_eq!(rows.get(Table::Memory, "last").await.unwrap().unwrap(), b"his");
}

#[tokio::test]
async fn two_tenants_are_changed_together_or_not_at_all() {
    let house = House::new().await;
    let other: TenantId = "other".parse().unwrap();
    let other = TenantStore::open(house.store.clone(), &house.ring, other).await.unwrap();
    let claim = || Batch::new().expect_absent(Table::Lines, "+331").put(Table::Lines, "+331", "cabinet");
    let line = |text: &str| Batch::new().put(Table::Lines, "+331", text);
    assert_eq!(house.rows.apply_with(line("first"), &other, claim()).await.unwrap(), Applied::Done);
    assert_eq!(house.get(Table::Lines, "+331").await.unwrap(), "first");
    assert_eq!(other.get(Table::Lines, "+331").await.unwrap().unwrap(), b"cabinet");
    // Each is sealed under its own key: what the other expects does not hold, and neither is written.
    let failed = house.rows.apply_with(line("second"), &other, claim()).await.unwrap();
    assert_eq!(failed, Applied::ConditionFailed { table: Table::Lines, key: b"+331".to_vec() });
    assert_eq!(house.get(Table::Lines, "+331").await.unwrap(), "first");
    let itself = house.rows.apply_with(line("third"), &house.rows.clone(), Batch::new()).await;
    assert!(matches!(itself, Err(StoreError::Apart)), "{itself:?}");
}

#[tokio::test]
async fn a_scan_goes_on_after_a_key_that_is_named() {
    let house = House::new().await;
    for key in ["a", "b", "c"] {
        house.put(Table::Lines, key, key).await;
    }
    let after = house.rows.cursor(Table::Lines, "a").unwrap();
    let page = house.rows.scan(Table::Lines, "", Some(&after), 10).await.unwrap();
    let keys: Vec<_> = page.entries.iter().map(|entry| entry.key.as_slice()).collect();
    assert_eq!(keys, [b"b", b"c"]);
}

/// What the rows of memory and of the calendar take as they rest.
async fn rest(house: &House) -> u64 {
    let mut bytes = 0;
    for table in [Table::Memory, Table::Slots, Table::Appointments, Table::AppointmentsByPhone] {
        let below = crate::Address::new(&tenant(), table, b"").unwrap();
        let rows = house.store.scan(&below, None, 1_000).await.unwrap();
        bytes +=
            rows.iter().map(|(address, stored)| (address.key().len() + stored.len()) as u64).sum::<u64>();
    }
    bytes
}

#[tokio::test]
async fn what_is_remembered_is_counted_as_it_is_written_deleted_and_erased() {
    let house = House::new().await;
    let agrees = async || assert_eq!(house.rows.remembered().await.unwrap(), rest(&house).await);
    assert_eq!(house.rows.remembered().await.unwrap(), 0);
    for (key, value) in [("hers", "a"), ("his", "bb"), ("hers", "longer than before"), ("theirs", "")] {
        house.put(Table::Memory, key, value).await;
        agrees().await;
    }
    let before = house.rows.remembered().await.unwrap();
    house.put(Table::Reports, "tuesday", "is not what agents keep").await;
    assert_eq!(house.rows.remembered().await.unwrap(), before);
    for table in [Table::Slots, Table::Appointments, Table::AppointmentsByPhone] {
        let before = house.rows.remembered().await.unwrap();
        house.put(table, "tuesday", "hers").await;
        assert!(house.rows.remembered().await.unwrap() > before, "{table:?}");
        agrees().await;
        house.rows.apply(Batch::new().delete(table, "tuesday")).await.unwrap();
        assert_eq!(house.rows.remembered().await.unwrap(), before, "{table:?}");
    }
    // Of two operations on one key the later stands.
    let twice = Batch::new().put(Table::Memory, "twice", "once").put(Table::Memory, "twice", "and again");
    house.rows.apply(twice).await.unwrap();
    agrees().await;
    let refused = Batch::new().expect_absent(Table::Memory, "his").put(Table::Memory, "his", "more of it");
    assert!(matches!(house.rows.apply(refused).await.unwrap(), Applied::ConditionFailed { .. }));
    agrees().await;
    house.rows.apply(Batch::new().delete(Table::Memory, "his")).await.unwrap();
    house.rows.apply(Batch::new().delete(Table::Memory, "nobody's")).await.unwrap();
    agrees().await;
    let (gone, _) = house.found(Table::Memory, "hers").await;
    assert_eq!(house.rows.erase(&house.ring, &gone).await.unwrap(), 1);
    agrees().await;
    assert_eq!(house.again().await.remembered().await.unwrap(), rest(&house).await);
    let table = house.rows.gone(&[Rows::Of(Table::Usage), Rows::Of(Table::Memory)]);
    house.rows.erase(&house.ring, &table).await.unwrap();
    assert_eq!((house.rows.remembered().await.unwrap(), rest(&house).await), (0, 0));
    let left = house.rows.scan(Table::Usage, "", None, 10).await.unwrap();
    assert!(left.entries.is_empty(), "of what is erased nothing is left");
}

#[tokio::test]
async fn no_more_is_remembered_than_may_be_and_less_always() {
    let house = House::new().await;
    house.put(Table::Memory, "one", "0123456789").await;
    let most = house.rows.remembered().await.unwrap();
    let put = |key: &str, value: &str| Batch::new().put(Table::Memory, key, value);
    for over in [put("two", ""), put("one", "0123456789a")] {
        let refused = house.rows.apply_within(over, most).await;
        assert!(matches!(refused, Err(StoreError::Full { most: told }) if told == most), "{refused:?}");
    }
    assert_eq!(house.get(Table::Memory, "one").await.as_deref(), Some("0123456789"));
    assert_eq!(house.get(Table::Memory, "two").await, None);
    // As much, and less, though the limit was lowered since.
    assert_eq!(house.rows.apply_within(put("one", "abcdefghij"), 1).await.unwrap(), Applied::Done);
    assert_eq!(house.rows.apply_within(put("one", "a"), 1).await.unwrap(), Applied::Done);
    let instead = put("two", "").delete(Table::Memory, "one");
    assert_eq!(house.rows.apply_within(instead, most).await.unwrap(), Applied::Done);
    assert_eq!(house.rows.remembered().await.unwrap(), rest(&house).await);
}

#[tokio::test]
async fn a_store_from_before_is_added_up_with_the_first_change() {
    let house = House::new().await;
    for number in 0..3 {
        house.put(Table::Memory, &format!("key {number}"), "kept").await;
    }
    let forget = |value: Option<&str>| match value {
        Some(value) => Batch::new().put(Table::Usage, "kept by agents", value),
        None => Batch::new().delete(Table::Usage, "kept by agents"),
    };
    // Where there is none, and where it is none.
    for value in [None, Some("no number")] {
        house.rows.apply(forget(value)).await.unwrap();
        assert_eq!(house.rows.remembered().await.unwrap(), rest(&house).await);
        house.rows.apply(forget(value)).await.unwrap();
        house.put(Table::Memory, "another", value.unwrap_or_default()).await;
        assert_eq!(house.rows.remembered().await.unwrap(), rest(&house).await);
        assert!(house.rows.get(Table::Usage, "kept by agents").await.unwrap().unwrap().len() == 8);
    }
}

#[tokio::test]
async fn the_count_of_a_version_that_counted_memory_alone_is_not_taken_and_goes() {
    let house = House::new().await;
    house.put(Table::Slots, "tuesday", "ABCDEF").await;
    house.rows.apply(Batch::new().delete(Table::Usage, "kept by agents")).await.unwrap();
    house.put(Table::Usage, "remembered", "12345678").await;
    assert_eq!(house.rows.remembered().await.unwrap(), rest(&house).await);
    house.put(Table::Memory, "one", "more").await;
    assert_eq!(house.rows.remembered().await.unwrap(), rest(&house).await);
    assert_eq!(house.get(Table::Usage, "remembered").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_many_write_at_once_is_counted() {
    let house = Arc::new(House::new().await);
    let writers: Vec<_> = (0..100)
        .map(|number: u32| {
            let house = Arc::clone(&house);
            tokio::spawn(async move {
                house.put(Table::Memory, &format!("key {}", number % 30), &"x".repeat(number as usize)).await;
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(house.rows.remembered().await.unwrap(), rest(&house).await);
}

#[tokio::test]
async fn what_is_refused_is_added_up_once() {
    let house = House::new().await;
    house.put(Table::Memory, "one", "0123456789").await;
    let refused = async || {
        let more = Batch::new().put(Table::Memory, "two", "more");
        assert!(matches!(house.rows.apply_within(more, 1).await, Err(StoreError::Full { most: 1 })));
        house.found(Table::Usage, "kept by agents").await.1
    };
    for value in [None, Some("no number")] {
        let before = match value {
            Some(value) => Batch::new().put(Table::Usage, "kept by agents", value),
            None => Batch::new().delete(Table::Usage, "kept by agents"),
        };
        house.rows.apply(before).await.unwrap();
        let kept = refused().await;
        assert_eq!(house.rows.get(Table::Usage, "kept by agents").await.unwrap().unwrap().len(), 8);
        assert_eq!(house.rows.remembered().await.unwrap(), rest(&house).await);
        assert_eq!(refused().await, kept, "the count that is kept is taken");
    }
}

/// A backend in which others write before batches are applied: one operation before each, for as long as there are some.
struct Meddled {
    within: Arc<Volatile>,
    before: Mutex<Vec<StoredOperation>>,
}

#[async_trait]
impl Store for Meddled {
    async fn get(&self, address: &Address) -> Result<Option<Vec<u8>>, StoreError> {
        self.within.get(address).await
    }

    async fn scan(
        &self,
        prefix: &Address,
        after: Option<&Address>,
        limit: usize,
    ) -> Result<Vec<(Address, Vec<u8>)>, StoreError> {
        self.within.scan(prefix, after, limit).await
    }

    async fn apply(&self, batch: StoredBatch) -> Result<Option<usize>, StoreError> {
        let before = self.before.lock().pop();
        if let Some(operation) = before {
            self.within.apply(StoredBatch { operations: vec![operation], ..StoredBatch::default() }).await?;
        }
        self.within.apply(batch).await
    }

    async fn everything(&self, wanted: fn(Table) -> bool, each: Each) -> Result<(), StoreError> {
        self.within.everything(wanted, each).await
    }
}

#[tokio::test]
async fn what_is_erased_goes_though_the_count_moves_again_and_again() {
    let house = House::new().await;
    house.put(Table::Memory, "hers", "kept").await;
    house.put(Table::Memory, "his", "kept").await;
    let (_, count) = house.found(Table::Usage, "kept by agents").await;
    let StoredOperation::Put(address, _) = &count else { panic!("a back-up puts") };
    let gone_meanwhile = StoredOperation::Delete(address.clone());
    let before = Mutex::new(vec![count, gone_meanwhile]);
    let meddled = Arc::new(Meddled { within: house.store.clone(), before });
    let rows = TenantStore::open(meddled.clone(), &house.ring, tenant()).await.unwrap();
    let address = rows.entry(Table::Memory, "hers").await.unwrap().unwrap().row.address;
    let (gone, _) = house.found(Table::Memory, "hers").await;
    assert_eq!(rows.erase(&house.ring, &gone).await.unwrap(), 1);
    assert!(meddled.before.lock().is_empty());
    assert_eq!(house.store.get(&address).await.unwrap(), None, "its bytes went");
    assert_eq!(rows.remembered().await.unwrap(), rest(&house).await);
}

#[tokio::test]
async fn an_erasure_waits_its_turn_where_the_count_moves_more_often_than_it_is_tried_at_once() {
    let house = House::new().await;
    house.put(Table::Memory, "hers", "kept").await;
    house.put(Table::Memory, "his", "kept").await;
    let (_, count) = house.found(Table::Usage, "kept by agents").await;
    let StoredOperation::Put(address, bytes) = count else { panic!("a back-up puts") };
    // The last goes first: the count is gone, there again, gone, and so on, once before each try.
    let moves = super::MAX_TRIES + 2;
    let moved = |at: usize| match at % 2 {
        0 => StoredOperation::Put(address.clone(), bytes.clone()),
        _ => StoredOperation::Delete(address.clone()),
    };
    let meddled = Arc::new(Meddled {
        within: house.store.clone(),
        before: Mutex::new((0..moves).map(moved).collect()),
    });
    let rows = TenantStore::open(meddled.clone(), &house.ring, tenant()).await.unwrap();
    let (gone, _) = house.found(Table::Memory, "hers").await;
    assert_eq!(rows.erase(&house.ring, &gone).await.unwrap(), 1);
    assert!(meddled.before.lock().is_empty());
    assert_eq!(house.get(Table::Memory, "hers").await, None);
    assert_eq!(house.get(Table::Memory, "his").await.as_deref(), Some("kept"));
    assert_eq!(rows.remembered().await.unwrap(), rest(&house).await);
}
