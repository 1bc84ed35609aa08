//! Where an installation rests, and what rests there, opened: keys, store, journal.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parloir_backup::{BackUpError, Of, Snapshot};
use parloir_contract::TenantId;
use parloir_journal::{Journal, JournalError, KeysHeld};
use parloir_store::{Embedded, Kms, Store, StoreError, TenantStore};
use parloir_tenancy::month::Months;

use super::OpenError;
use crate::ledger::Adding;

/// Where an installation rests.
#[derive(Debug, Clone)]
pub struct Folders {
    /// Journal, store, compiled agents.
    pub data: PathBuf,
    /// Keys: apart from the data, and never in the same backup.
    pub keys: PathBuf,
}

impl Folders {
    /// The data folder, and the keys beside it: `DIR` and `DIR.keys`.
    pub fn beside(data: impl Into<PathBuf>) -> Self {
        let data = data.into();
        let mut keys = data.clone().into_os_string();
        keys.push(".keys");
        Self { data, keys: keys.into() }
    }

    /// The store's own, in the data folder.
    pub(crate) fn store(&self) -> PathBuf {
        self.data.join("store")
    }
}

/// What rests on disk, opened.
pub struct Storage {
    /// The journal.
    pub journal: Journal,
    store: Arc<dyn Store>,
    kms: Arc<dyn Kms>,
    data: PathBuf,
    keys: PathBuf,
    /// Held while a call is added to its tenant's month.
    pub(crate) adding: Adding,
    /// What tenants' calls have used in the month, in memory.
    pub(crate) months: Months,
}

impl Storage {
    /// Opens, or creates, an installation's folders. Fails where another program has them open, or they cannot be read or made.
    pub async fn open(folders: &Folders) -> Result<Self, OpenError> {
        let kms = parloir_store::Keyring::open(&folders.keys).map_err(|e| OpenError::storage(&e, false))?;
        let kms: Arc<dyn Kms> = Arc::new(kms);
        let in_use = |e: StoreError| OpenError::storage(&e, matches!(e, StoreError::InUse(_)));
        let store = Embedded::open(folders.store()).await.map_err(in_use)?;
        let store: Arc<dyn Store> = Arc::new(store);
        let in_use = |e: JournalError| OpenError::storage(&e, matches!(e, JournalError::InUse(_)));
        let journal = Journal::open(&folders.data, kms.clone(), store.clone()).await.map_err(in_use)?;
        let (data, keys) = (folders.data.clone(), folders.keys.clone());
        let (adding, months) = (Adding::default(), Months::default());
        Ok(Self { journal, store, kms, data, keys, adding, months })
    }

    /// Seals what is open. Calls that are still live are closed as interrupted.
    pub async fn close(&self) {
        self.journal.shutdown().await;
    }

    /// The store of one tenant. Fails where its key can be neither read nor made.
    pub async fn tenant(&self, tenant: &TenantId) -> Result<TenantStore, OpenError> {
        self.rows(tenant).await.map_err(|e| OpenError::Storage(e.to_string()))
    }

    pub(crate) async fn rows(&self, tenant: &TenantId) -> Result<TenantStore, StoreError> {
        TenantStore::open(self.store.clone(), self.kms.as_ref(), tenant.clone()).await
    }

    /// What a back-up holds, of the data or of the keys, as it is now; and what has to be held until it is written: where keys are
    /// copied, none of them changes meanwhile.
    pub async fn snapshot(&self, of: Of) -> Result<(Snapshot, Option<KeysHeld<'_>>), BackUpError> {
        match of {
            Of::Data => Ok((Snapshot::of_data(&self.journal, &*self.store, &self.data).await?, None)),
            Of::Keys => {
                let held = self.journal.hold_keys().await;
                let keys = self.keys.clone();
                let taken = tokio::task::spawn_blocking(move || Snapshot::of_keys(&keys)).await;
                let taken = taken.map_err(|error| BackUpError::Seal(error.to_string()))??;
                Ok((taken, Some(held)))
            }
        }
    }

    pub(crate) fn keys(&self) -> &dyn Kms {
        &*self.kms
    }

    /// The keys folder.
    pub(crate) fn keys_folder(&self) -> &Path {
        &self.keys
    }

    /// The data folder.
    pub(crate) fn data_folder(&self) -> &Path {
        &self.data
    }

    /// The rooms of the directory: the same storage, keys and journal.
    pub(crate) fn directory_rooms(&self) -> parloir_admin::Rooms {
        let (store, kms, journal) = (self.store.clone(), self.kms.clone(), self.journal.clone());
        parloir_admin::Rooms { store, kms, journal }
    }
}

#[cfg(test)]
impl Storage {
    /// A new one in a folder of its own: `data` in it, and the keys beside that.
    pub(crate) async fn in_a_folder() -> (tempfile::TempDir, Self) {
        let folder = tempfile::tempdir().unwrap();
        let storage = Self::open(&Folders::beside(folder.path().join("data"))).await.unwrap();
        (folder, storage)
    }

    /// What was just closed: its database's threads may still be at their end.
    pub(crate) async fn open_again(folders: &Folders) -> Self {
        for _ in 0..1_000 {
            match Self::open(folders).await {
                Err(OpenError::InUse(_)) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
                opened => return opened.unwrap(),
            }
        }
        panic!("it is in use for ever");
    }

    /// Damages what rests of a call in its tenant's log, up to where the next call's begins.
    pub(crate) async fn damage(
        &self,
        tenant: &TenantId,
        call: parloir_contract::CallId,
        next: parloir_contract::CallId,
    ) {
        let place = async |call| self.journal.call(tenant, call).await.unwrap().unwrap().first;
        let (from, to) = (place(call).await, place(next).await);
        assert_eq!(from.segment, to.segment);
        let log = self.data.join("journal").join(tenant.as_str());
        let segment = log.join(format!("{:08}.seg", from.segment));
        let mut bytes = std::fs::read(&segment).unwrap();
        bytes[from.offset as usize..to.offset as usize].iter_mut().for_each(|byte| *byte ^= 0xff);
        std::fs::write(&segment, bytes).unwrap();
    }
}
