//! Keys that are only looked at: a journal that came back is checked with them, and they stay as they are.
//!
//! None is made either, but the month's first where there is none of this month yet: what a start has to tell of the journal that
//! comes back is sealed under it, as of any start.
//!
//! Opening a journal does erasures again that a back-up is older than, and finishes one that was cut off. On data that may turn
//! out to be the wrong back-up that must destroy nothing: what is destroyed here is only said to be, and the first program that opens
//! the journal for good does it.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use parloir_contract::TenantId;
use parloir_store::keys::{KeyError, LogKey, Secret, Wrapped};
use parloir_store::{Gone, Kms, Memo, RowKey, Table};

/// Somebody's keys, of which none is destroyed.
pub(crate) struct Looking {
    keys: Arc<dyn Kms>,
    /// What was remembered, since.
    memos: Mutex<Memos>,
}

/// What is remembered; `None` for what was destroyed.
type Memos = HashMap<(TenantId, Memo), Option<Vec<u8>>>;

impl Looking {
    pub(crate) fn at(keys: Arc<dyn Kms>) -> Self {
        Self { keys, memos: Mutex::default() }
    }
}

#[async_trait]
impl Kms for Looking {
    async fn wrap(&self, tenant: &TenantId, context: &[u8], secret: &Secret) -> Result<Vec<u8>, KeyError> {
        self.keys.wrap(tenant, context, secret).await
    }

    async fn unwrap(&self, tenant: &TenantId, context: &[u8], wrapped: &[u8]) -> Result<Secret, KeyError> {
        self.keys.unwrap(tenant, context, wrapped).await
    }

    async fn knows(&self, tenant: &TenantId) -> Result<bool, KeyError> {
        self.keys.knows(tenant).await
    }

    async fn row_key(&self, tenant: &TenantId) -> Result<RowKey, KeyError> {
        self.keys.row_key(tenant).await
    }

    fn epoch(&self, wrapped: &[u8]) -> Option<u32> {
        self.keys.epoch(wrapped)
    }

    async fn close_epoch(&self, _tenant: &TenantId, _epoch: u32) -> Result<(), KeyError> {
        Ok(())
    }

    async fn destroy_epoch(
        &self,
        _tenant: &TenantId,
        _epoch: u32,
        survivors: Vec<Wrapped>,
    ) -> Result<u64, KeyError> {
        Ok(survivors.len() as u64)
    }

    async fn erase_rows(&self, _tenant: &TenantId, _rows: &[Gone]) -> Result<(), KeyError> {
        Ok(())
    }

    async fn renew_rows(&self, _tenant: &TenantId, _table: Table, _upto: u32) -> Result<(), KeyError> {
        Ok(())
    }

    async fn recall(&self, tenant: &TenantId, memo: Memo) -> Result<Option<Vec<u8>>, KeyError> {
        let since = self.memos.lock().get(&(tenant.clone(), memo)).cloned();
        match since {
            Some(since) => Ok(since),
            None => self.keys.recall(tenant, memo).await,
        }
    }

    async fn remember(&self, tenant: &TenantId, memo: Memo, what: Option<Vec<u8>>) -> Result<(), KeyError> {
        self.memos.lock().insert((tenant.clone(), memo), what);
        Ok(())
    }

    async fn log_keys(&self, tenant: &TenantId) -> Result<Vec<LogKey>, KeyError> {
        match self.knows_log(tenant).await? {
            true => self.keys.log_keys(tenant).await,
            // A first one would be made.
            false => Ok(Vec::new()),
        }
    }

    async fn next_log(&self, tenant: &TenantId) -> Result<Option<LogKey>, KeyError> {
        self.keys.next_log(tenant).await
    }

    async fn knows_log(&self, tenant: &TenantId) -> Result<bool, KeyError> {
        self.keys.knows_log(tenant).await
    }

    async fn sign_log(
        &self,
        tenant: &TenantId,
        _generation: u32,
        _message: &[u8],
    ) -> Result<[u8; 64], KeyError> {
        // Two signed trees of one log would be a fork.
        Err(KeyError::Io(format!("the log of tenant {tenant} is only looked at")))
    }

    async fn rotate_log(&self, tenant: &TenantId, _published: &[u8; 32]) -> Result<LogKey, KeyError> {
        Err(KeyError::Io(format!("the log of tenant {tenant} is only looked at")))
    }
}
