//! Several tenants' logs: what becomes of one is not what becomes of another, until nothing can be written any more.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use parloir_contract::{CallId, TenantId};
use parloir_journal::{
    AppendError, CallEnded, CallJournal, CallStarted, Ending, Journal, Note, RecordBody, RecordingBlock,
    Scope,
};
use parloir_store::disk::interposed::{Interposer, Step, Then, interposed};
use parloir_store::{Embedded, Keyring};

/// How long something may take that waits for nothing: a test that hangs fails instead.
const HANGS: Duration = Duration::from_secs(60);

/// What the disk does to whom. A tenant's files are below a folder that has its name.
#[derive(Debug, Default)]
struct Odd {
    /// For them nothing becomes durable while they are here.
    held: Mutex<Vec<String>>,
    let_go: Condvar,
    /// For them nothing becomes durable at all.
    broken: Mutex<Vec<String>>,
    /// Whoever writes for them breaks down.
    panics: Mutex<Vec<String>>,
    /// What became durable, in its order.
    synced: Mutex<Vec<PathBuf>>,
}

impl Odd {
    fn hold(&self, tenants: &[TenantId]) {
        *self.held.lock() = tenants.iter().map(ToString::to_string).collect();
    }

    fn let_go(&self) {
        self.held.lock().clear();
        self.let_go.notify_all();
    }
}

impl Interposer for Odd {
    fn before(&self, step: Step<'_>) -> io::Result<Then> {
        let Step::Sync(file) = step else { return Ok(Then::Do) };
        let is_of =
            |tenants: &[String]| file.iter().any(|part| tenants.iter().any(|tenant| part == tenant.as_str()));
        assert!(!is_of(&self.panics.lock()), "this disk panics");
        let mut held = self.held.lock();
        while is_of(&held) {
            self.let_go.wait(&mut held);
        }
        drop(held);
        if is_of(&self.broken.lock()) {
            return Err(io::Error::other("the disk is gone"));
        }
        Ok(Then::Do)
    }

    fn after(&self, step: Step<'_>) {
        if let Step::Sync(file) = step {
            self.synced.lock().push(file.to_owned());
        }
    }
}

struct House {
    folder: tempfile::TempDir,
    disk: Arc<Odd>,
    kms: Arc<Keyring>,
    store: Arc<Embedded>,
    journal: Journal,
}

impl House {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let kms = Arc::new(Keyring::open(folder.path().join("keys")).unwrap());
        Self::open_in(folder, kms).await
    }

    async fn open_in(folder: tempfile::TempDir, kms: Arc<Keyring>) -> Self {
        let (disk, data) = (Arc::new(Odd::default()), folder.path().join("data"));
        let store = Arc::new(Embedded::open(data.join("store")).await.unwrap());
        let journal = Journal::open_on(interposed(&disk), data, kms.clone(), store.clone()).await;
        Self { folder, disk, kms, store, journal: journal.unwrap() }
    }

    async fn reopen(self) -> Self {
        let Self { folder, disk: _, kms, store, journal } = self;
        journal.shutdown().await;
        drop(journal);
        Arc::into_inner(store).unwrap().close().await;
        Self::open_in(folder, kms).await
    }

    /// A call of which something is durable.
    async fn call(&self, tenant: &TenantId, number: u8) -> CallJournal {
        let call = self.journal.open_call(tenant, id(number), CallStarted::default()).await.unwrap();
        call.append_durable(note("begun")).await.unwrap();
        call
    }

    /// Returns once a tenant's log is longer than that.
    async fn grows(&self, log: &str, tenant: &TenantId, than: u64) {
        while self.written(log, tenant) <= than {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Bytes of a tenant's log.
    fn written(&self, log: &str, tenant: &TenantId) -> u64 {
        let folder = self.folder.path().join("data").join(log).join(tenant.as_str());
        let Ok(files) = fs::read_dir(folder) else { return 0 };
        files.map(|file| file.unwrap().metadata().unwrap().len()).sum()
    }
}

fn tenant(name: &str) -> TenantId {
    name.parse().unwrap()
}

fn id(number: u8) -> CallId {
    CallId::from_bytes([number; 16])
}

fn note(text: &str) -> RecordBody {
    RecordBody::Note(Note { text: text.to_owned() })
}

async fn soon<T>(what: &str, of: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(HANGS, of).await;
    done.unwrap_or_else(|_| panic!("{what} hangs"))
}

#[tokio::test]
async fn nobody_waits_for_another_tenants_disk() {
    let house = House::open().await;
    let (slow, quick) = (tenant("slow"), tenant("quick"));
    let (of_slow, of_quick) = (house.call(&slow, 1).await, house.call(&quick, 2).await);
    house.disk.hold(std::slice::from_ref(&slow));
    let waits = tokio::spawn(async move {
        of_slow.append_durable(note("slow")).await.unwrap();
        of_slow
    });
    for number in 0..50 {
        let text = format!("quick {number}");
        soon("a record", of_quick.append_durable(note(&text))).await.unwrap();
    }
    let another = soon("a call's beginning", house.call(&quick, 3)).await;
    soon("a call's end", another.close(CallEnded::default())).await.unwrap();

    // What nobody waits for is written, too: a record within a second or so, and sound sooner.
    for log in ["journal", "recordings"] {
        let before = house.written(log, &quick);
        match log {
            "journal" => drop(of_quick.append(note("waits for nobody")).unwrap()),
            _ => of_quick.recording(RecordingBlock { second: 0, bytes: vec![7; 1_000] }).unwrap(),
        }
        soon("what nobody waits for", house.grows(log, &quick, before)).await;
    }
    // And of a tenant who begins only now, of whom nobody has asked anything.
    let new = tenant("new");
    let of_new = house.journal.open_call(&new, id(4), CallStarted::default()).await.unwrap();
    soon("what nobody waits for", house.grows("journal", &new, 0)).await;
    drop(of_new);
    assert!(!waits.is_finished(), "what is not durable was said to be");
    house.disk.let_go();
    drop(soon("the slow one", waits).await.unwrap());
    drop(of_quick);
    assert!(house.reopen().await.journal.verify(Scope::All).await.unwrap().is_sound());
}

#[tokio::test]
async fn recordings_are_durable_before_the_records_that_name_them() {
    let house = House::open().await;
    let tenants = [tenant("one"), tenant("two")];
    let mut calls = Vec::new();
    for (number, tenant) in (1..).zip(&tenants) {
        calls.push(house.call(tenant, number).await);
    }
    house.disk.synced.lock().clear();
    for (call, tenant) in calls.iter().zip(&tenants) {
        for second in 0..3 {
            call.recording(RecordingBlock { second, bytes: vec![7; 1_000] }).unwrap();
        }
        soon("a flush", call.flush()).await.unwrap();
        let synced = std::mem::take(&mut *house.disk.synced.lock());
        let first = |log: &str| {
            let folder = format!("{log}/{tenant}");
            let is_it = |path: &PathBuf| path.parent().is_some_and(|parent| parent.ends_with(&folder));
            synced.iter().position(is_it).unwrap_or_else(|| panic!("no {log} of {tenant} in {synced:?}"))
        };
        assert!(first("recordings") < first("journal"), "{synced:?}");
    }
    drop(calls);
    assert!(house.reopen().await.journal.verify(Scope::All).await.unwrap().is_sound());
}

#[tokio::test]
async fn a_second_that_is_handed_over_beside_the_end_is_written_before_it() {
    let house = House::open().await;
    let tenant = tenant("cabinet");
    for number in 1..=40 {
        let call = house.call(&tenant, number).await;
        let sound = {
            let call = call.clone();
            tokio::task::spawn_blocking(move || {
                let mut given = 0;
                let block = |second| RecordingBlock { second, bytes: vec![7; 4_000] };
                while given < 50 && call.recording(block(given)).is_ok() {
                    given += 1;
                    std::thread::yield_now();
                }
                given
            })
        };
        soon("a flush", call.flush()).await.unwrap();
        soon("an end", call.close(CallEnded::default())).await.unwrap();
        let given = sound.await.unwrap();
        let records = house.journal.records(&tenant, id(number)).await.unwrap();
        let stored = records.iter().filter(|record| matches!(record.body, RecordBody::RecordingStored(_)));
        assert_eq!(stored.count(), usize::try_from(given).unwrap(), "call {number}");
    }
}

#[tokio::test]
async fn more_tenants_than_threads_wait_for_one_another_and_all_come_to_their_turn() {
    let house = House::open().await;
    let tenants: Vec<TenantId> = (0..40).map(|number| tenant(&format!("t{number}"))).collect();
    let mut calls = Vec::new();
    for (number, tenant) in (0_u8..).zip(&tenants) {
        calls.push(house.call(tenant, number).await);
    }
    house.disk.hold(&tenants);
    let mut waits = Vec::new();
    for call in &calls {
        let call = call.clone();
        waits.push(tokio::spawn(async move {
            for number in 0..20 {
                call.append_durable(note(&format!("{number}"))).await.unwrap();
            }
        }));
    }
    tokio::task::yield_now().await;
    house.disk.let_go();
    for wait in waits {
        soon("a tenant", wait).await.unwrap();
    }
    // Half of them end by themselves.
    for call in calls.iter().step_by(2) {
        soon("an end", call.close(CallEnded { outcome: Ending::Done, ..CallEnded::default() }))
            .await
            .unwrap();
    }
    for call in calls.iter().skip(1).step_by(2) {
        call.append(note("not waited for")).unwrap();
    }
    let house = house.reopen().await;
    drop(calls);
    for (number, tenant) in (0_u8..).zip(&tenants) {
        let records = house.journal.records(tenant, id(number)).await.unwrap();
        let is_even = number % 2 == 0;
        let ending = if is_even { Ending::Done } else { Ending::Interrupted };
        let last = records.last().unwrap();
        assert_eq!(last.body.ending(), Some(ending), "{tenant}: {last:?}");
        assert_eq!(records.len(), if is_even { 23 } else { 24 }, "{tenant}");
    }
    assert!(house.journal.verify(Scope::All).await.unwrap().is_sound());
}

/// What was durable stays so, whoever waited is told, and nothing more is taken.
async fn all_are_told(house: House, [failing, other]: [&CallJournal; 2], why: &str) {
    let error = soon("who fails", failing.append_durable(note("lost"))).await.unwrap_err();
    assert!(matches!(&error, AppendError::Failed(told) if told.contains(why)), "{error}");
    let error = soon("another", async {
        loop {
            if let Err(error) = other.append_durable(note("after")).await {
                break error;
            }
        }
    })
    .await;
    assert!(matches!(&error, AppendError::Failed(told) if told.contains(why)), "{error}");
    assert!(other.append(note("after")).is_err());
    assert!(soon("an end", failing.close(CallEnded::default())).await.is_err());
    let begun = house.journal.open_call(other.tenant(), id(9), CallStarted::default());
    assert!(soon("a beginning", begun).await.is_err());
    soon("the end of it", house.journal.shutdown()).await;
}

#[tokio::test]
async fn when_one_tenants_disk_fails_everybody_is_told() {
    let house = House::open().await;
    let (broken, other) = (house.call(&tenant("broken"), 1).await, house.call(&tenant("other"), 2).await);
    house.disk.broken.lock().push("broken".to_owned());
    all_are_told(house, [&broken, &other], "the disk is gone").await;
}

#[tokio::test]
async fn when_a_thread_that_writes_breaks_down_everybody_is_told() {
    let house = House::open().await;
    let (panics, other) = (house.call(&tenant("panics"), 1).await, house.call(&tenant("other"), 2).await);
    house.disk.panics.lock().push("panics".to_owned());
    all_are_told(house, [&panics, &other], "a thread that writes broke down").await;
}
