//! The backend on sled: one folder, one program, nothing to install.
//!
//! sled answers before the disk has anything (its `flush` is a `sync_file_range`), so a batch counts as
//! applied after `apply_batch`, `flush` and our own `fdatasync` of the database file. One thread writes:
//! it takes what is waiting, at most every [`GROUP`] and at most [`MAX_GROUP`] batches at once, and
//! commits it together. Callers await the answer. A copy of all there is is made between groups, a few rows at a time.
//!
//! Reads: a point read is answered on the caller's thread, because sled answers it from its cache (a page
//! that was never read since the start costs one read of the file). Scans have a thread of their own.

mod copy;
mod open;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::{Address, Each, Store, StoreError, StoredBatch, Table};
use copy::Whole;
pub use open::Recovery;
use writer::{GROUP, MAX_GROUP, Request, Work};

/// Batches that may wait for the writer. More of them wait outside.
const MAX_WAITING: usize = 4 * MAX_GROUP;
/// Scans that may wait for their thread. More of them wait outside.
const MAX_SCANS: usize = 256;

/// The entries a scan found.
type Scanned = Result<Vec<(Address, Vec<u8>)>, StoreError>;

struct Scan {
    prefix: Address,
    after: Option<Address>,
    limit: usize,
    answer: oneshot::Sender<Scanned>,
}

/// Storage in a folder of its own. One program at a time.
pub struct Embedded {
    db: sled::Db,
    recovery: Recovery,
    writer: std::sync::mpsc::Sender<Work>,
    room: Arc<Semaphore>,
    scans: mpsc::Sender<Scan>,
    /// Ends when the last thread that uses the folder has.
    ended: tokio::sync::Mutex<Option<[oneshot::Receiver<()>; 2]>>,
}

impl Embedded {
    /// The storage in this folder, which is made if need be. See [`Embedded::recovery`] for what had to be
    /// done to open it.
    pub async fn open(folder: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let folder = folder.into();
        let (opened, wait) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let (writer, requests) = std::sync::mpsc::channel();
        std::thread::Builder::new().name("store-writer".into()).spawn(move || {
            match open::open(&folder) {
                Ok(open) => {
                    let (db, file) = (open.db.clone(), open.file);
                    if opened.send(Ok((open.db, open.recovery))).is_ok() {
                        writer::run(&db, &file, &requests);
                    }
                    drop(db);
                    drop(open.lock);
                }
                Err(error) => {
                    let _nobody_waits = opened.send(Err(error));
                }
            }
            let _nobody_waits = end.send(());
        })?;
        let stopped = |_| StoreError::Closed("its thread stopped while opening".into());
        let (db, recovery) = wait.await.map_err(stopped)??;
        let (scans, mut waiting) = mpsc::channel::<Scan>(MAX_SCANS);
        let tree = db.clone();
        let (scans_end, scans_ended) = oneshot::channel();
        std::thread::Builder::new().name("store-scans".into()).spawn(move || {
            while let Some(scan) = waiting.blocking_recv() {
                let found = find(&tree, &scan.prefix, scan.after.as_ref(), scan.limit);
                let _nobody_waits = scan.answer.send(found);
            }
            // sled holds its file until its last handle is gone.
            drop(tree);
            let _nobody_waits = scans_end.send(());
        })?;
        let room = Arc::new(Semaphore::new(MAX_WAITING));
        Ok(Self {
            db,
            recovery,
            writer,
            room,
            scans,
            ended: tokio::sync::Mutex::new(Some([scans_ended, ended])),
        })
    }

    /// What had to be done to open the folder.
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// Answers what is waiting, then closes the folder, so that it can be opened again.
    pub async fn close(self) {
        let Self { db, recovery: _, writer, room: _, scans, ended } = self;
        drop(writer);
        drop(scans);
        drop(db);
        for ended in ended.into_inner().into_iter().flatten() {
            let _already_ended = ended.await;
        }
    }
}

fn find(db: &sled::Db, prefix: &Address, after: Option<&Address>, limit: usize) -> Scanned {
    let start = after.map_or_else(
        || prefix.as_bytes().to_vec(),
        |after| {
            // The smallest address after it.
            let mut bytes = after.as_bytes().to_vec();
            bytes.push(0);
            bytes
        },
    );
    let start = start.max(prefix.as_bytes().to_vec());
    db.range(start..)
        .take_while(|entry| entry.as_ref().map_or(true, |(key, _)| key.starts_with(prefix.as_bytes())))
        .take(limit)
        .map(|entry| {
            let (key, value) = entry?;
            Ok((Address::from_bytes(key.to_vec())?, value.to_vec()))
        })
        .collect()
}

#[async_trait]
impl Store for Embedded {
    async fn get(&self, address: &Address) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.db.get(address.as_bytes())?.map(|value| value.to_vec()))
    }

    async fn scan(&self, prefix: &Address, after: Option<&Address>, limit: usize) -> Scanned {
        let closed = || StoreError::Closed("its scanning thread stopped".into());
        let (answer, found) = oneshot::channel();
        let scan = Scan { prefix: prefix.clone(), after: after.cloned(), limit, answer };
        self.scans.send(scan).await.map_err(|_| closed())?;
        found.await.map_err(|_| closed())?
    }

    async fn apply(&self, batch: StoredBatch) -> Result<Option<usize>, StoreError> {
        let closed = || StoreError::Closed("its writer stopped".into());
        let room = Arc::clone(&self.room).acquire_owned().await.map_err(|_| closed())?;
        let (answer, applied) = oneshot::channel();
        let request = Request { batch, answer, _room: room };
        self.writer.send(Work::Batch(request)).map_err(|_| closed())?;
        applied.await.map_err(|_| closed())?
    }

    async fn everything(&self, wanted: fn(Table) -> bool, each: Each) -> Result<(), StoreError> {
        let closed = || StoreError::Closed("its writer stopped".into());
        let (answer, given) = oneshot::channel();
        self.writer.send(Work::Whole(Whole { wanted, each, answer })).map_err(|_| closed())?;
        given.await.map_err(|_| closed())?
    }
}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Embedded({:?}, a group every {GROUP:?} at most)", self.recovery)
    }
}

#[cfg(test)]
mod tests {
    use parloir_contract::TenantId;

    use super::*;
    use crate::{Applied, Batch, Keyring, StoredOperation, TenantStore, conformance};

    fn tenant() -> TenantId {
        "cabinet".parse().unwrap()
    }

    fn address(table: Table, number: u32) -> Address {
        Address::new(&tenant(), table, &number.to_be_bytes()).unwrap()
    }

    fn batch(operations: Vec<StoredOperation>) -> StoredBatch {
        StoredBatch { operations, ..StoredBatch::default() }
    }

    #[tokio::test]
    async fn what_is_copied_is_as_it_was_at_one_moment_and_batches_do_not_wait_for_its_end() {
        const ROWS: u32 = 400;
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Embedded::open(folder.path()).await.unwrap());
        let put = |table, number, value: &str| StoredOperation::Put(address(table, number), value.into());
        let rows = (0..ROWS).map(|row| put(Table::Memory, row * 2, "as it was"));
        let index = (0..ROWS).map(|row| put(Table::Calls, row, "not wanted"));
        store.apply(batch(rows.chain(index).collect())).await.unwrap();

        let found = Arc::new(parking_lot::Mutex::new(Vec::new()));
        let (into, (began, begun)) = (Arc::clone(&found), std::sync::mpsc::channel());
        let each: Each = Box::new(move |address, value| {
            // A copy that takes a while.
            let until = std::time::Instant::now() + std::time::Duration::from_millis(2);
            while std::time::Instant::now() < until {
                std::hint::spin_loop();
            }
            let _told_once = began.send(());
            into.lock().push((address.clone(), value.to_vec()));
            Ok(())
        });
        let copied = Arc::clone(&store);
        let copying = tokio::spawn(async move { copied.everything(|table| !table.is_index(), each).await });
        tokio::task::spawn_blocking(move || begun.recv().unwrap()).await.unwrap();
        // Before and behind where it is: changed, gone, and new.
        for row in [ROWS - 1, ROWS - 2, 0, 1] {
            let changes = [
                put(Table::Memory, row * 2, "changed"),
                StoredOperation::Delete(address(Table::Memory, (row / 2) * 2)),
                put(Table::Memory, row * 2 + 1, "new"),
            ];
            store.apply(batch(changes.to_vec())).await.unwrap();
            store.apply(batch(vec![StoredOperation::Delete(address(Table::Memory, row * 2))])).await.unwrap();
        }
        assert!(!copying.is_finished(), "no batch waited for all of it");
        copying.await.unwrap().unwrap();
        let was = (0..ROWS).map(|row| (address(Table::Memory, row * 2), b"as it was".to_vec()));
        assert!(found.lock().iter().cloned().eq(was), "{} rows", found.lock().len());
    }

    #[tokio::test]
    async fn it_conforms() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Embedded::open(folder.path()).await.unwrap());
        conformance::check(store.clone()).await.unwrap();
        conformance::leave(&*store).await.unwrap();
        Arc::into_inner(store).unwrap().close().await;
        let store = Embedded::open(folder.path()).await.unwrap();
        assert_eq!(*store.recovery(), Recovery::None);
        conformance::find_again(&store).await.unwrap();
    }

    #[tokio::test]
    async fn a_second_program_is_told_that_the_folder_is_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let _first = Embedded::open(folder.path()).await.unwrap();
        let error = Embedded::open(folder.path()).await.unwrap_err();
        let told = error.to_string();
        assert!(told.ends_with("is in use by another program: stop that one first"), "{told}");
    }

    #[tokio::test]
    async fn a_damaged_snapshot_is_set_aside_and_nothing_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let store = Embedded::open(folder.path()).await.unwrap();
        conformance::leave(&store).await.unwrap();
        store.close().await;
        // Reopening writes a snapshot.
        Embedded::open(folder.path()).await.unwrap().close().await;
        let mut snapshots = 0;
        for entry in std::fs::read_dir(folder.path().join("sled")).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap().to_string_lossy().starts_with("snap.") {
                let mut bytes = std::fs::read(&path).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 0xff;
                std::fs::write(&path, bytes).unwrap();
                snapshots += 1;
            }
        }
        assert!(snapshots > 0);
        let store = Embedded::open(folder.path()).await.unwrap();
        let Recovery::WithoutSnapshot { copy } = store.recovery().clone() else {
            panic!("{:?}", store.recovery());
        };
        assert!(copy.join("db").is_file());
        conformance::find_again(&store).await.unwrap();
    }

    #[tokio::test]
    async fn a_folder_beyond_repair_is_copied_and_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let store = Embedded::open(folder.path()).await.unwrap();
        conformance::leave(&store).await.unwrap();
        store.close().await;
        std::fs::write(folder.path().join("sled/conf"), b"not a configuration of sled").unwrap();
        let store = Embedded::open(folder.path()).await.unwrap();
        let Recovery::StartedEmpty { copy } = store.recovery().clone() else {
            panic!("{:?}", store.recovery());
        };
        assert!(copy.join("db").is_file());
        conformance::check(Arc::new(store)).await.unwrap();
    }

    #[tokio::test]
    async fn nothing_of_a_tenants_rests_in_clear() {
        let folder = tempfile::tempdir().unwrap();
        let keys = tempfile::tempdir().unwrap();
        let keyring = Keyring::open(keys.path()).unwrap();
        let backend = Arc::new(Embedded::open(folder.path()).await.unwrap());
        let store = TenantStore::open(backend.clone(), &keyring, tenant()).await.unwrap();
        let batch = Batch::new().put(Table::Memory, "+33612345678", "canary-of-a-value");
        assert_eq!(store.apply(batch).await.unwrap(), Applied::Done);
        let page = store.scan(Table::Memory, "+336", None, 10).await.unwrap();
        assert_eq!(page.entries[0].key, b"+33612345678");
        drop(store);
        Arc::into_inner(backend).unwrap().close().await;
        let key = std::fs::read(keys.path().join("cabinet/store-00000001.key")).unwrap();
        for entry in std::fs::read_dir(folder.path().join("sled")).unwrap() {
            let path = entry.unwrap().path();
            let bytes = if path.is_file() { std::fs::read(&path).unwrap() } else { Vec::new() };
            for canary in [b"+33612345678".as_slice(), b"canary-of-a-value", &key[16..48]] {
                assert!(!bytes.windows(canary.len()).any(|w| w == canary), "in {}", path.display());
            }
        }
    }

    #[tokio::test]
    async fn tenants_with_the_same_keys_see_their_own_values_only() {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::open(folder.path().join("keys")).unwrap();
        let backend = Arc::new(Embedded::open(folder.path().join("data")).await.unwrap());
        let names = ["a", "ab", "b"];
        for name in names {
            let store = TenantStore::open(backend.clone(), &keyring, name.parse().unwrap()).await.unwrap();
            for table in Table::ALL {
                store.apply(Batch::new().put(table, "key", name)).await.unwrap();
            }
        }
        for name in names {
            let store = TenantStore::open(backend.clone(), &keyring, name.parse().unwrap()).await.unwrap();
            for table in Table::ALL {
                assert_eq!(store.get(table, "key").await.unwrap().unwrap(), name.as_bytes());
                let page = store.scan(table, "", None, 10).await.unwrap();
                // Beside what is used stands what the memory holds.
                assert_eq!(page.entries.len(), 1 + usize::from(table == Table::Usage));
            }
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn of_many_callers_one_gets_the_slot_and_counting_loses_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::open(folder.path().join("keys")).unwrap();
        let backend = Arc::new(Embedded::open(folder.path().join("data")).await.unwrap());
        let store = TenantStore::open(backend, &keyring, tenant()).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for caller in 0..32_u8 {
            let store = store.clone();
            tasks.spawn(async move {
                let book =
                    Batch::new().expect_absent(Table::Slots, "monday").put(Table::Slots, "monday", [caller]);
                let got = store.apply(book).await.unwrap() == Applied::Done;
                loop {
                    let now = store.get(Table::Usage, "calls").await.unwrap();
                    let next = now.as_ref().map_or(1, |now| now[0] + 1);
                    let expect = match now {
                        Some(now) => Batch::new().expect_value(Table::Usage, "calls", now),
                        None => Batch::new().expect_absent(Table::Usage, "calls"),
                    };
                    if store.apply(expect.put(Table::Usage, "calls", [next])).await.unwrap() == Applied::Done
                    {
                        return got;
                    }
                }
            });
        }
        let got = tasks.join_all().await.into_iter().filter(|got| *got).count();
        assert_eq!(got, 1);
        assert_eq!(store.get(Table::Usage, "calls").await.unwrap().unwrap(), [32]);
    }
}
