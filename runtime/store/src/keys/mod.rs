//! Keys: who holds them, and what is done with them.
//!
//! Every tenant has an *epoch key*. It never leaves its [`Kms`]: that derives the keys of the
//! tenant's storage from it, and wraps under it the random keys of the tenant's calls. Without the epoch
//! key nothing of the tenant's can be read, wherever copies of the data are. It also signs the tenant's log. [`Keyring`] keeps
//! keys as files, in a directory apart from the data and apart from its backups.

mod cipher;
mod keyring;

pub use cipher::{Cipher, KeyedHash, NONCE, Secret, TAG};
pub use keyring::Keyring;

use async_trait::async_trait;
use parloir_contract::TenantId;

/// Why a key could not be had.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KeyError {
    /// There is no such epoch key.
    #[error(
        "the keys folder has no key of tenant {tenant}, epoch {epoch}: use the keys folder that belongs to this data folder (an erased key is gone for good)"
    )]
    Missing {
        /// Whose.
        tenant: TenantId,
        /// Which.
        epoch: u32,
    },
    /// There is no such key of the tenant's log.
    #[error(
        "the keys folder has no key {generation} of tenant {tenant}'s log: use the keys folder that belongs to this data folder"
    )]
    MissingLog {
        /// Whose.
        tenant: TenantId,
        /// Which.
        generation: u32,
    },
    /// The present key of the tenant's log is another than the one that was published.
    #[error(
        "the present key of tenant {tenant}'s log is not the one that was published last: publish it first (a `parloir serve` does when it starts), then make the next"
    )]
    NotPublished {
        /// Whose.
        tenant: TenantId,
    },
    /// These keys are not for a journal.
    #[error("whoever holds these keys signs no logs: use a keys folder")]
    SignsNoLogs,
    /// A wrapped key that this tenant's epoch key does not open.
    #[error(
        "a key of tenant {tenant} does not open: it is damaged, or it belongs to another tenant, call or keys folder"
    )]
    Refused {
        /// Whose it should be.
        tenant: TenantId,
    },
    /// A key file that is not as it was written.
    #[error("the key file {file} is damaged ({what}): restore the keys folder from its own backup")]
    Damaged {
        /// Its path.
        file: String,
        /// What is wrong.
        what: &'static str,
    },
    /// A key file that others can read.
    #[error("the key file {file} can be read by others: run chmod 600 on it, and consider its key known")]
    Exposed {
        /// Its path.
        file: String,
    },
    /// The keys folder cannot be used.
    #[error("the keys folder cannot be used ({0}): check that it exists, is writable and is not full")]
    Io(String),
    /// The operating system gave no randomness.
    #[error("the operating system gives no randomness ({0}): no key can be made")]
    NoRandomness(String),
}

impl From<std::io::Error> for KeyError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error.to_string())
    }
}

/// Who holds the tenants' epoch keys.
///
/// `context` says what a wrapped key is for (a call, for example). It is bound, not kept: a key opens
/// with the tenant and the context it was wrapped with.
#[async_trait]
pub trait Kms: Send + Sync + 'static {
    /// A key for one purpose of a tenant's own, always the same within an epoch. The tenant's epoch key
    /// is made, durably, on first use.
    async fn derive(&self, tenant: &TenantId, purpose: &str) -> Result<Secret, KeyError>;

    /// Wraps a key under the tenant's epoch key, which is made, durably, on first use. At most
    /// [`MAX_WRAPPED`] bytes.
    async fn wrap(&self, tenant: &TenantId, context: &[u8], secret: &Secret) -> Result<Vec<u8>, KeyError>;

    /// Opens a key that [`Kms::wrap`] wrapped for this tenant and context.
    async fn unwrap(&self, tenant: &TenantId, context: &[u8], wrapped: &[u8]) -> Result<Secret, KeyError>;

    /// The keys that sign the tenant's log, oldest first: the present one is the last. The first is made,
    /// durably, on first use. Ed25519, so that a key service or a security module can hold them. Who keeps
    /// no journal leaves this and the next two as they are.
    async fn log_keys(&self, _tenant: &TenantId) -> Result<Vec<LogKey>, KeyError> {
        Err(KeyError::SignsNoLogs)
    }

    /// Signs with one of [`Kms::log_keys`].
    async fn sign_log(
        &self,
        _tenant: &TenantId,
        _generation: u32,
        _message: &[u8],
    ) -> Result<[u8; 64], KeyError> {
        Err(KeyError::SignsNoLogs)
    }

    /// Makes the next key of the tenant's log, durably. The one before it stays, to hand over; those before
    /// that are destroyed. `published` is the public side of the present key, as the log's readers have it: where
    /// the present key is another, nothing is made and nothing destroyed ([`KeyError::NotPublished`]), for only what
    /// is published can hand over.
    async fn rotate_log(&self, _tenant: &TenantId, _published: &[u8; 32]) -> Result<LogKey, KeyError> {
        Err(KeyError::SignsNoLogs)
    }
}

/// A key that signs a tenant's log, its public side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogKey {
    /// Which of the log's keys, from 1.
    pub generation: u32,
    /// The public key.
    pub public: [u8; 32],
}

/// The longest wrapped key, in bytes.
pub const MAX_WRAPPED: usize = 1_024;
