//! Cases and what follows from them, in the log and beside the keys.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use parloir_contract::{CallId, TenantId};
use parloir_journal::{
    AMENDMENT, Amendment, BLOCK, BlockedTo, CASE, CallEnded, CallStarted, CaseStep, Erasure, Journal,
    JournalError, Named, Purposes, RESTRICTION, RecordBody, Right, Scope, Step, pseudonym, rights,
};
use parloir_store::keys::{Gone, KeyError, LogKey, Secret, Wrapped};
use parloir_store::{Embedded, Keyring, Kms, Memo, RowKey, Rows, Table, Volatile};

const HERS: &str = "+33639980001";

/// Keys of which the n-th note of what persons asked for fails, as if the program were killed there.
struct CutOff {
    ring: Keyring,
    left: Mutex<u32>,
    read: AtomicU32,
    /// Whether there is no room for what an erasure leaves of keys.
    full: AtomicBool,
}

impl CutOff {
    fn of(ring: Keyring) -> Self {
        Self { ring, left: Mutex::new(u32::MAX), read: AtomicU32::new(0), full: AtomicBool::new(false) }
    }

    fn at(&self, nth: u32) {
        *self.left.lock().unwrap() = nth;
    }

    fn room(&self) -> Result<(), KeyError> {
        match self.full.load(Ordering::Relaxed) {
            true => {
                Err(KeyError::TooLarge { file: "keys/cabinet/store-00000002.key".into(), length: 2, max: 1 })
            }
            false => Ok(()),
        }
    }
}

#[async_trait]
impl Kms for CutOff {
    async fn wrap(&self, tenant: &TenantId, context: &[u8], secret: &Secret) -> Result<Vec<u8>, KeyError> {
        self.ring.wrap(tenant, context, secret).await
    }

    async fn unwrap(&self, tenant: &TenantId, context: &[u8], wrapped: &[u8]) -> Result<Secret, KeyError> {
        self.ring.unwrap(tenant, context, wrapped).await
    }

    async fn row_key(&self, tenant: &TenantId) -> Result<RowKey, KeyError> {
        self.ring.row_key(tenant).await
    }

    fn epoch(&self, wrapped: &[u8]) -> Option<u32> {
        self.ring.epoch(wrapped)
    }

    async fn close_epoch(&self, tenant: &TenantId, epoch: u32) -> Result<(), KeyError> {
        self.ring.close_epoch(tenant, epoch).await
    }

    async fn destroy_epoch(
        &self,
        tenant: &TenantId,
        epoch: u32,
        survivors: Vec<Wrapped>,
    ) -> Result<u64, KeyError> {
        self.ring.destroy_epoch(tenant, epoch, survivors).await
    }

    async fn erase_rows(&self, tenant: &TenantId, rows: &[Gone]) -> Result<(), KeyError> {
        self.room()?;
        self.ring.erase_rows(tenant, rows).await
    }

    async fn check_erasure(&self, _tenant: &TenantId, _rows: &[Gone], _noted: usize) -> Result<(), KeyError> {
        self.room()
    }

    async fn renew_rows(&self, tenant: &TenantId, table: Table, upto: u32) -> Result<(), KeyError> {
        self.ring.renew_rows(tenant, table, upto).await
    }

    async fn recall(&self, tenant: &TenantId, memo: Memo) -> Result<Option<Vec<u8>>, KeyError> {
        if memo == Memo::Rights {
            self.read.fetch_add(1, Ordering::Relaxed);
        }
        self.ring.recall(tenant, memo).await
    }

    async fn remember(&self, tenant: &TenantId, memo: Memo, what: Option<Vec<u8>>) -> Result<(), KeyError> {
        if memo == Memo::Rights {
            let mut left = self.left.lock().unwrap();
            *left = left.saturating_sub(1);
            if *left == 0 {
                *left = u32::MAX;
                return Err(io::Error::other("it was killed").into());
            }
        }
        self.ring.remember(tenant, memo, what).await
    }

    async fn log_keys(&self, tenant: &TenantId) -> Result<Vec<LogKey>, KeyError> {
        self.ring.log_keys(tenant).await
    }

    async fn sign_log(
        &self,
        tenant: &TenantId,
        generation: u32,
        message: &[u8],
    ) -> Result<[u8; 64], KeyError> {
        self.ring.sign_log(tenant, generation, message).await
    }

    async fn rotate_log(&self, tenant: &TenantId, published: &[u8; 32]) -> Result<LogKey, KeyError> {
        self.ring.rotate_log(tenant, published).await
    }
}

async fn open(data: &Path, kms: Arc<dyn Kms>) -> Journal {
    let store = Arc::new(Embedded::open(data.join("store")).await.unwrap());
    Journal::open(data, kms, store).await.unwrap()
}

/// A call that is over.
async fn call(journal: &Journal, tenant: &TenantId, number: u8) -> CallId {
    let call = CallId::from_bytes([number; 16]);
    let open = journal.open_call(tenant, call, CallStarted::default()).await.unwrap();
    open.close(CallEnded::default()).await.unwrap();
    call
}

fn days() -> (String, String) {
    ("2026-03-14".to_owned(), "2026-04-14".to_owned())
}

fn amendment() -> Amendment {
    Amendment { field: "contact.name".into(), to: "canary of a name".into() }
}

fn step(step: CaseStep, why: Option<String>) -> Step {
    Step { step, record: None, extended: None, why }
}

fn named(number: &str) -> Named {
    Named { number: Some(number.into()), why: Some("canary of a word".into()) }
}

#[tokio::test]
async fn what_was_asked_for_is_kept_whatever_is_not_and_only_who_asked_can_be_erased() {
    let folder = tempfile::tempdir().unwrap();
    let (data, keys) = (folder.path().join("data"), folder.path().join("keys"));
    let tenant: TenantId = "cabinet".parse().unwrap();
    let kms = Arc::new(Keyring::open(&keys).unwrap());
    let store = Arc::new(Embedded::open(data.join("store")).await.unwrap());
    let journal = Journal::open(&data, kms.clone(), store.clone()).await.unwrap();
    // A tenant that keeps nothing of its callers' words keeps what they asked for.
    journal.keep_nothing_of(tenant.clone(), Purposes::CONTENTS);
    let days = ("2026-03-14".to_owned(), "2026-04-14".to_owned());
    let case = journal.open_case(&tenant, Right::Object, days, named("+33639980001")).await.unwrap().case;
    let who = pseudonym(&*kms, &tenant, "+33639980001").await.unwrap();
    assert_ne!(who, pseudonym(&*kms, &"other".parse().unwrap(), "+33639980001").await.unwrap());
    let to = Some(BlockedTo::Refuse);
    let block = journal.block(&tenant, who, named("+33639980001"), to).await.unwrap().unwrap();
    assert_eq!(journal.block(&tenant, who, named("+33639980001"), to).await.unwrap(), None);
    let step = Step { step: CaseStep::Blocked, record: Some(block), extended: None, why: None };
    journal.step_case(&tenant, case, step.clone()).await.unwrap();

    let text = format!("{:?}", journal.records(&tenant, case).await.unwrap());
    assert!(text.contains("+33639980001") && text.contains("canary of a word"), "{text}");
    let erase = async |purposes| {
        let erasure = Erasure { calls: vec![case, block], purposes, ..Erasure::default() };
        journal.erase(&tenant, erasure).await
    };
    let refused = erase(Purposes::ALL).await;
    assert!(matches!(refused, Err(JournalError::NotErasable { .. })), "{refused:?}");
    let report = erase(Purposes::CONTENTS).await.unwrap();
    let records = journal.records(&tenant, case).await.unwrap();
    let told = records.iter().find_map(|record| match &record.body {
        RecordBody::Case(case) => Some((case.step, case.right, case.due.as_str(), case.named.clone())),
        _ => None,
    });
    assert_eq!(told, Some((CaseStep::Opened, Right::Object, "2026-04-14", None)));
    let erasure =
        Erasure { calls: vec![report.record.unwrap()], purposes: Purposes::CONTENTS, ..Erasure::default() };
    let refused = journal.erase(&tenant, erasure).await;
    assert!(matches!(refused, Err(JournalError::NotErasable { .. })), "{refused:?}");

    // What is beside the keys is there after a restart, and a closed case takes no more steps.
    journal.shutdown().await;
    drop(journal);
    let journal = loop {
        match Journal::open(&data, kms.clone(), store.clone()).await {
            Ok(journal) => break journal,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    let all = rights(&*kms, &tenant).await.unwrap();
    assert_eq!((all.blocked[0].who, all.cases[0].records.len(), all.naming.len()), (who, 2, 1));
    assert_eq!(all.whose, [(all.naming[0], who)], "what was erased names nobody, and is looked for no more");
    let unknown = journal.unknown_to_keys(&tenant).await.unwrap();
    assert!(unknown.is_empty(), "it is noted that it was erased: {unknown:?}");
    let done = Step { step: CaseStep::Done, record: None, extended: None, why: Some("told".into()) };
    assert!(journal.step_case(&tenant, case, done.clone()).await.unwrap().closed.is_some());
    let closed = journal.step_case(&tenant, case, done).await;
    assert!(matches!(closed, Err(JournalError::CaseClosed { .. })), "{closed:?}");
    let nobody = journal.step_case(&tenant, CallId::from_bytes([1; 16]), step).await;
    assert!(matches!(nobody, Err(JournalError::NoSuchCase { .. })), "{nobody:?}");
    let report = journal.verify(Scope::All).await.unwrap();
    assert!(report.is_sound(), "{:#?}", report.problems);
    assert_eq!((report.erased, report.erased_own), (2, 2), "the case and the block, and nobody's call");
    journal.shutdown().await;
}

#[tokio::test]
async fn an_amendment_goes_with_its_call() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let tenant: TenantId = "cabinet".parse().unwrap();
    let kms = Arc::new(Keyring::open(folder.path().join("keys")).unwrap());
    let store = Arc::new(Embedded::open(data.join("store")).await.unwrap());
    let journal = Journal::open(&data, kms.clone(), store).await.unwrap();
    let mut amended = Vec::new();
    for number in 1..=2 {
        let call = CallId::from_bytes([number; 16]);
        let open = journal.open_call(&tenant, call, CallStarted::default()).await.unwrap();
        open.close(CallEnded::default()).await.unwrap();
        let amendment =
            parloir_journal::Amendment { field: "contact.name".into(), to: format!("canary {number}") };
        amended.push((call, journal.amend(&tenant, call, amendment, 0).await.unwrap()));
    }
    let reads = async |place: usize| {
        let records = journal.records(&tenant, amended[place].1).await;
        records.is_ok_and(|records| format!("{records:?}").contains("canary"))
    };
    for (place, purposes) in [(0, Purposes::CONTENTS), (1, Purposes::ALL)] {
        assert!(reads(place).await);
        let erasure = Erasure { calls: vec![amended[place].0], purposes, ..Erasure::default() };
        assert_eq!(journal.erase(&tenant, erasure).await.unwrap().calls, 2);
        assert!(!reads(place).await);
    }
    // That the second was put right is forgotten with its last trace.
    let noted = rights(&*kms, &tenant).await.unwrap().amendments;
    assert_eq!(noted.iter().map(|note| note.call).collect::<Vec<_>>(), [amended[0].0]);
    assert!(journal.verify(Scope::All).await.unwrap().is_sound());
    journal.shutdown().await;
}

#[tokio::test]
async fn an_erasure_for_which_the_keys_have_no_room_is_refused_before_it_is_noted() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let tenant: TenantId = "cabinet".parse().unwrap();
    let kms = Arc::new(CutOff::of(Keyring::open(folder.path().join("keys")).unwrap()));
    let store = Arc::new(Volatile::default());
    let open = async || Journal::open(&data, kms.clone(), store.clone()).await.unwrap();
    let journal = open().await;
    let hers = call(&journal, &tenant, 1).await;
    kms.full.store(true, Ordering::Relaxed);
    let rows = vec![Rows::Of(Table::Memory)];
    let erasure = Erasure { calls: vec![hers], purposes: Purposes::ALL, rows, ..Erasure::default() };
    let refused = journal.erase(&tenant, erasure.clone()).await;
    assert!(matches!(refused, Err(JournalError::Key(KeyError::TooLarge { .. }))), "{refused:?}");
    assert!(kms.recall(&tenant, Memo::Erasing).await.unwrap().is_none(), "nothing waits to be finished");
    assert!(!journal.records(&tenant, hers).await.unwrap().is_empty());
    journal.shutdown().await;
    drop(journal);
    // Nor does it keep the journal from being opened.
    let journal = open().await;
    assert!(!journal.records(&tenant, hers).await.unwrap().is_empty());
    kms.full.store(false, Ordering::Relaxed);
    assert_eq!(journal.erase(&tenant, erasure).await.unwrap().calls, 1);
    assert!(journal.records(&tenant, hers).await.is_err());
    journal.shutdown().await;
}

#[tokio::test]
async fn what_was_asked_for_is_read_once_and_again_where_it_could_not_be_noted() {
    let folder = tempfile::tempdir().unwrap();
    let tenant: TenantId = "cabinet".parse().unwrap();
    let ring = Keyring::open(folder.path().join("keys")).unwrap();
    let kms = Arc::new(CutOff::of(ring));
    let journal = open(&folder.path().join("data"), kms.clone()).await;
    let who = pseudonym(&*kms, &tenant, HERS).await.unwrap();
    let blocked = async || journal.rights(&tenant).await.unwrap().blocked.len();
    for there in 0..2 {
        assert_eq!((blocked().await, blocked().await), (there, there));
        journal.block(&tenant, who, named(HERS), Some(BlockedTo::Refuse)).await.unwrap();
    }
    assert_eq!((blocked().await, kms.read.load(Ordering::Relaxed)), (1, 1));
    kms.at(1);
    assert!(journal.block(&tenant, who, named(HERS), Some(BlockedTo::Human)).await.is_err());
    let known = journal.rights(&tenant).await.unwrap();
    assert_eq!((known.blocked[0].to, kms.read.load(Ordering::Relaxed)), (BlockedTo::Refuse, 2));
    assert_eq!(*known, rights(&*kms, &tenant).await.unwrap());
    journal.shutdown().await;
}

#[tokio::test]
async fn wherever_a_step_is_cut_off_what_names_somebody_is_known_and_can_be_erased() {
    let folder = tempfile::tempdir().unwrap();
    let tenant: TenantId = "cabinet".parse().unwrap();
    let ring = Keyring::open(folder.path().join("keys")).unwrap();
    let kms = Arc::new(CutOff::of(ring));
    let journal = open(&folder.path().join("data"), kms.clone()).await;
    let rang = call(&journal, &tenant, 1).await;
    let who = pseudonym(&*kms, &tenant, HERS).await.unwrap();
    let to = Some(BlockedTo::Refuse);
    for nth in 1..=2 {
        kms.at(u32::MAX);
        let case = journal.open_case(&tenant, Right::Object, days(), named(HERS)).await.unwrap().case;
        journal.restrict(&tenant, who, named(HERS), false).await.unwrap();
        journal.block(&tenant, who, named(HERS), to).await.unwrap();
        kms.at(nth);
        assert!(journal.open_case(&tenant, Right::Object, days(), named(HERS)).await.is_err());
        kms.at(nth);
        let done = step(CaseStep::Done, Some("canary of a word".into()));
        assert!(journal.step_case(&tenant, case, done).await.is_err());
        kms.at(nth);
        let _amended_or_not = journal.amend(&tenant, rang, amendment(), 0).await;
        kms.at(nth);
        assert!(journal.restrict(&tenant, who, named(HERS), true).await.is_err());
        kms.at(nth);
        assert!(journal.block(&tenant, who, named(HERS), None).await.is_err());
        let all = rights(&*kms, &tenant).await.unwrap();
        assert_eq!((all.restricted.len(), all.blocked.len()), (1, 1), "it stays until it is told");
    }
    kms.at(u32::MAX);
    let all = rights(&*kms, &tenant).await.unwrap();
    let amendments = all.amendments.iter().map(|amendment| amendment.record);
    let known: HashSet<CallId> = all.naming.iter().copied().chain(amendments).collect();
    let entries = journal.calls(&tenant, None, 1_000).await.unwrap().calls;
    let own = entries
        .iter()
        .filter(|entry| [CASE, RESTRICTION, BLOCK, AMENDMENT].contains(&entry.transport.as_str()));
    for entry in own {
        assert!(known.contains(&entry.call), "{entry:?}");
    }
    for calls in [all.naming, vec![rang]] {
        let erasure = Erasure { calls, purposes: Purposes::CONTENTS, ..Erasure::default() };
        journal.erase(&tenant, erasure).await.unwrap();
    }
    for entry in entries {
        let text = format!("{:?}", journal.records(&tenant, entry.call).await.unwrap());
        assert!(!text.contains(HERS) && !text.contains("canary"), "{text}");
    }
    journal.shutdown().await;
}

#[tokio::test]
async fn data_older_than_the_keys_is_erased_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let tenant: TenantId = "cabinet".parse().unwrap();
    let kms = Arc::new(Keyring::open(folder.path().join("keys")).unwrap());
    let newer = open(&folder.path().join("newer"), kms.clone()).await;
    let rang = call(&newer, &tenant, 1).await;
    let who = pseudonym(&*kms, &tenant, HERS).await.unwrap();
    newer.restrict(&tenant, who, named(HERS), false).await.unwrap();
    newer.block(&tenant, who, named(HERS), Some(BlockedTo::Human)).await.unwrap();
    newer.open_case(&tenant, Right::Erase, days(), named(HERS)).await.unwrap();
    newer.amend(&tenant, rang, amendment(), 0).await.unwrap();
    newer.shutdown().await;

    let older = open(&folder.path().join("older"), kms.clone()).await;
    assert_eq!(call(&older, &tenant, 1).await, rang);
    let mut calls = rights(&*kms, &tenant).await.unwrap().naming;
    assert_eq!(calls.len(), 3);
    calls.push(rang);
    let erasure = Erasure { calls, purposes: Purposes::CONTENTS, ..Erasure::default() };
    assert_eq!(older.erase(&tenant, erasure).await.unwrap().calls, 1);
    // They are looked for once more where that data comes back; of whom they were is not left beside the keys.
    let whose = async || {
        let all = rights(&*kms, &tenant).await.unwrap();
        (all.naming.len(), all.whose.len())
    };
    assert_eq!(whose().await, (3, 3));
    older.forget_whose(&tenant, Some([7; 32])).await.unwrap();
    assert_eq!(whose().await, (3, 3));
    older.forget_whose(&tenant, Some(who)).await.unwrap();
    assert_eq!(whose().await, (3, 0));
    // What nobody ever knew of is no such thing.
    let erasure = Erasure {
        calls: vec![CallId::from_bytes([9; 16])],
        purposes: Purposes::CONTENTS,
        ..Erasure::default()
    };
    assert!(matches!(older.erase(&tenant, erasure).await, Err(JournalError::Read(_))));
    older.shutdown().await;
}

#[tokio::test]
async fn what_was_erased_is_not_put_right() {
    let folder = tempfile::tempdir().unwrap();
    let tenant: TenantId = "cabinet".parse().unwrap();
    let kms = Arc::new(Keyring::open(folder.path().join("keys")).unwrap());
    let journal = open(&folder.path().join("data"), kms.clone()).await;
    let rang = call(&journal, &tenant, 1).await;
    let erasure = Erasure { calls: vec![rang], purposes: Purposes::CONTENTS, ..Erasure::default() };
    journal.erase(&tenant, erasure).await.unwrap();
    let refused = journal.amend(&tenant, rang, amendment(), 0).await;
    assert!(matches!(refused, Err(JournalError::NothingLeft { .. })), "{refused:?}");
    assert!(rights(&*kms, &tenant).await.unwrap().amendments.is_empty());
    journal.shutdown().await;
}

#[tokio::test]
async fn who_is_restricted_meanwhile_is_left_out_and_who_is_erased_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let tenant: TenantId = "cabinet".parse().unwrap();
    let kms = Arc::new(Keyring::open(folder.path().join("keys")).unwrap());
    let journal = open(&folder.path().join("data"), kms.clone()).await;
    let rang = call(&journal, &tenant, 1).await;
    let who = pseudonym(&*kms, &tenant, HERS).await.unwrap();
    journal.restrict(&tenant, who, named(HERS), false).await.unwrap();
    let sweep = || Erasure { calls: vec![rang], purposes: Purposes::CONTENTS, ..Erasure::default() };
    // It was chosen when nobody was restricted.
    assert_eq!(journal.erase_unless_restricted(&tenant, sweep(), &[]).await.unwrap(), None);
    let known = rights(&*kms, &tenant).await.unwrap().restricted;
    let report = journal.erase_unless_restricted(&tenant, sweep(), &known).await.unwrap().unwrap();
    assert_eq!(report.calls, 1);

    assert!(journal.forget_restriction(&tenant, who).await.unwrap());
    assert!(!journal.forget_restriction(&tenant, who).await.unwrap());
    assert!(rights(&*kms, &tenant).await.unwrap().restricted.is_empty());
    journal.shutdown().await;
}
