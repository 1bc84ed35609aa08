//! What was erased since a back-up, or was being erased when it was made.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_of_an_erasure_that_was_cut_off_does_not_come_back_as_it_was_before() {
    let place = Place::new();
    let running = place.start("data").await;
    running.call(1).await;
    let put = async |running: &Running, value: &str| {
        let batch = Batch::new().put(Table::Memory, "last", value).put(Table::Memory, "other", "stays");
        running.rows().await.apply(batch).await.unwrap();
    };
    put(&running, "canary of a row as it was").await;
    place.save(running.snapshot().await, "backup.age").await;
    put(&running, "canary of a row as it is").await;
    let row = running.rows().await.entry(Table::Memory, "last").await.unwrap().unwrap().row;
    running.stop().await;
    // Of the row as it is now.
    let erasure = Erasure { rows: vec![Rows::At(row)], purposes: Purposes::CONTENTS, ..Erasure::default() };
    cut_off(&place, erasure).await;

    place.restore("backup.age", "back").await.unwrap();
    let running = place.start("back").await;
    assert_eq!(running.row("last").await, None);
    assert_eq!(running.row("other").await.unwrap(), b"stays");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_that_was_cut_off_destroys_no_key_while_a_back_up_is_only_tried() {
    let place = Place::new();
    let running = place.start("data").await;
    for number in 1..=2 {
        running.call(number).await;
    }
    place.save(running.snapshot().await, "backup.age").await;
    // A call that the back-up does not know, of the same epoch.
    running.call(3).await;
    running.stop().await;
    let erasure = Erasure { calls: vec![id(2)], purposes: Purposes::ALL, ..Erasure::default() };
    cut_off(&place, erasure).await;

    let before = files(&place.keys());
    let restored = place.restore("backup.age", "back").await.unwrap();
    assert_eq!((restored.report.erased, restored.report.problems.len()), (1, 0));
    assert_eq!(files(&place.keys()), before);
    assert!(is_whole(&place.at("data"), &place.keys(), 3).await, "no key of a newer call is lost");
    // The first that opens it for good finishes it.
    let running = place.start("back").await;
    assert!(is_whole(&place.at("back"), &place.keys(), 1).await);
    assert!(!is_whole(&place.at("back"), &place.keys(), 2).await);
    assert_eq!(running.journal.call(&tenant(), id(2)).await.unwrap(), None, "nor is it listed");
    let report = running.journal.verify(Scope::All).await.unwrap();
    assert!(report.is_sound() && report.erased == 1, "{:#?}", report.problems);
    assert_eq!(Keyring::open(place.keys()).unwrap().recall(&tenant(), Memo::Erasing).await.unwrap(), None);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_that_is_finished_on_older_data_leaves_newer_data_unreadable_too() {
    let place = Place::new();
    let running = place.start("data").await;
    running.call(1).await;
    place.save(running.snapshot().await, "backup.age").await;
    running.call(2).await;
    running.stop().await;
    let erasure = Erasure { calls: vec![id(2)], purposes: Purposes::ALL, ..Erasure::default() };
    cut_off(&place, erasure).await;
    assert!(Thief::read(&place.keys(), &place.at("data"), &tenant()).finds(&canaries(2)[1]));
    place.restore("backup.age", "back").await.unwrap();
    let running = place.start("back").await;
    assert!(is_whole(&place.at("back"), &place.keys(), 1).await);
    running.stop().await;
    let thief = Thief::read(&place.keys(), &place.at("data"), &tenant());
    for canary in canaries(2) {
        assert!(!thief.finds(&canary), "{canary}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_that_was_cut_off_waits_until_it_is_said_that_there_is_no_newer_data() {
    let place = Place::new();
    let running = place.start("data").await;
    for number in 1..=2 {
        running.call(number).await;
    }
    place.save(running.snapshot().await, "backup.age").await;
    running.call(3).await;
    running.stop().await;
    let erasure = Erasure { calls: vec![id(2)], purposes: Purposes::ALL, ..Erasure::default() };
    cut_off(&place, erasure).await;
    let restoring = Restoring { newest: false, ..place.restoring("backup.age", "back") };
    restore(restoring).await.unwrap();
    let waits = async || {
        let noted = Keyring::open(place.keys()).unwrap().recall(&tenant(), Memo::Erasing).await;
        noted.unwrap().is_some()
    };
    for _start in 0..2 {
        place.start("back").await.stop().await;
        assert!(waits().await);
        assert!(is_whole(&place.at("data"), &place.keys(), 3).await, "no key of a newer call is lost");
    }
    fs::remove_file(place.at("back/came-back")).unwrap();
    let running = place.start("back").await;
    assert!(!waits().await);
    assert!(is_whole(&place.at("back"), &place.keys(), 1).await);
    assert_eq!(running.journal.call(&tenant(), id(2)).await.unwrap(), None, "nor is it listed");
    let report = running.journal.verify(Scope::All).await.unwrap();
    assert!(report.is_sound() && report.erased == 1, "{:#?}", report.problems);
    running.stop().await;
}

/// Notes an erasure beside the keys as one that was cut off right after that. It is begun on copies: the keys stay whole.
async fn cut_off(place: &Place, erasure: Erasure) {
    copy(&place.at("data"), &place.at("data-2"));
    copy(&place.keys(), &place.at("keys-2"));
    let kms = Arc::new(Stopping(Keyring::open(place.at("keys-2")).unwrap()));
    let store = Arc::new(Embedded::open(place.at("data-2/store")).await.unwrap());
    let journal = Journal::open(place.at("data-2"), kms.clone(), store).await.unwrap();
    let stopped = journal.erase(&tenant(), erasure).await;
    assert!(matches!(stopped, Err(JournalError::Key(_) | JournalError::Store(_))), "{stopped:?}");
    journal.shutdown().await;
    let note = kms.recall(&tenant(), Memo::Erasing).await.unwrap();
    assert!(note.is_some());
    Keyring::open(place.keys()).unwrap().remember(&tenant(), Memo::Erasing, note).await.unwrap();
}

/// Keys with which no erasure comes further than its note.
struct Stopping(Keyring);

#[async_trait]
impl Kms for Stopping {
    async fn wrap(&self, tenant: &TenantId, context: &[u8], secret: &Secret) -> Result<Vec<u8>, KeyError> {
        self.0.wrap(tenant, context, secret).await
    }

    async fn unwrap(&self, tenant: &TenantId, context: &[u8], wrapped: &[u8]) -> Result<Secret, KeyError> {
        self.0.unwrap(tenant, context, wrapped).await
    }

    async fn row_key(&self, tenant: &TenantId) -> Result<RowKey, KeyError> {
        self.0.row_key(tenant).await
    }

    fn epoch(&self, wrapped: &[u8]) -> Option<u32> {
        self.0.epoch(wrapped)
    }

    async fn close_epoch(&self, _tenant: &TenantId, _epoch: u32) -> Result<(), KeyError> {
        Err(KeyError::Io("it was killed".into()))
    }

    async fn erase_rows(&self, _tenant: &TenantId, _rows: &[Gone]) -> Result<(), KeyError> {
        Err(KeyError::Io("it was killed".into()))
    }

    async fn recall(&self, tenant: &TenantId, memo: Memo) -> Result<Option<Vec<u8>>, KeyError> {
        self.0.recall(tenant, memo).await
    }

    async fn remember(&self, tenant: &TenantId, memo: Memo, what: Option<Vec<u8>>) -> Result<(), KeyError> {
        self.0.remember(tenant, memo, what).await
    }

    async fn log_keys(&self, tenant: &TenantId) -> Result<Vec<LogKey>, KeyError> {
        self.0.log_keys(tenant).await
    }

    async fn sign_log(
        &self,
        tenant: &TenantId,
        generation: u32,
        message: &[u8],
    ) -> Result<[u8; 64], KeyError> {
        self.0.sign_log(tenant, generation, message).await
    }
}
