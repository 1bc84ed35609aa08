//! A tenant's storage that lives as long as one conversation, in memory: nothing of it is durable and
//! its keys are no secret. What an agent sees of it is the tenancy's own calendar and memory.

use std::sync::Arc;

use async_trait::async_trait;
use parloir_contract::TenantId;
use parloir_store::keys::{KeyError, Secret};
use parloir_store::{Kms, RowKey, StoreError, TenantStore, Volatile};

/// Keys that everybody knows.
struct OpenKeys;

#[async_trait]
impl Kms for OpenKeys {
    async fn wrap(&self, _tenant: &TenantId, _context: &[u8], secret: &Secret) -> Result<Vec<u8>, KeyError> {
        Ok(secret.expose().to_vec())
    }

    async fn unwrap(&self, tenant: &TenantId, _context: &[u8], wrapped: &[u8]) -> Result<Secret, KeyError> {
        let bytes = wrapped.try_into().map_err(|_| KeyError::Refused { tenant: tenant.clone() })?;
        Ok(Secret::from_bytes(bytes))
    }

    async fn row_key(&self, _tenant: &TenantId) -> Result<RowKey, KeyError> {
        Ok(RowKey::new(&Secret::from_bytes([0; 32])))
    }
}

/// A tenant's store, empty.
pub(crate) async fn open(tenant: TenantId) -> Result<TenantStore, StoreError> {
    TenantStore::open(Arc::new(Volatile::default()), &OpenKeys, tenant).await
}
