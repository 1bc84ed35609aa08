//! A store in a folder that goes away with the test.

use std::sync::Arc;

use parloir_store::{Embedded, Keyring, TenantStore};

/// The embedded store and its keys, apart from each other.
pub(crate) struct Rooms {
    backend: Arc<Embedded>,
    keyring: Keyring,
    _folder: tempfile::TempDir,
}

impl Rooms {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let backend = Arc::new(Embedded::open(folder.path().join("data")).await.unwrap());
        let keyring = Keyring::open(folder.path().join("keys")).unwrap();
        Self { backend, keyring, _folder: folder }
    }

    /// One tenant's part of it.
    pub(crate) async fn store(&self, tenant: &str) -> TenantStore {
        TenantStore::open(self.backend.clone(), &self.keyring, tenant.parse().unwrap()).await.unwrap()
    }
}
