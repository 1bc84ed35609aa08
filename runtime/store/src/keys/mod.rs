//! Keys: who holds them, and what is done with them.
//!
//! A tenant has an *epoch key* for every month. It never leaves its [`Kms`]: that wraps under it the random keys of the
//! month's calls. To erase some of them for good, wherever copies of the data are, the others are wrapped anew and the
//! epoch key is destroyed. The tenant's rows have a key of another kind, out of which single rows can be taken
//! ([`RowKey`]). A third kind signs the tenant's log. [`Keyring`] keeps keys as files, in a directory apart from the data
//! and apart from its backups.

mod book;
mod cipher;
mod keyring;
mod place;
mod rows;

pub use cipher::{Cipher, KeyedHash, NONCE, Secret, TAG};
pub use keyring::Keyring;
pub use rows::{Gone, Life, Row, RowKey, Rows};

use async_trait::async_trait;
use parloir_contract::TenantId;

use crate::Table;

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
    /// What it opens was erased.
    #[error("a key of tenant {tenant} was erased: what it opened cannot be read any more")]
    Erased {
        /// Whose.
        tenant: TenantId,
    },
    /// An address was erased more often than there are keys for it.
    #[error("something was erased 4,096 times over and can be kept under this name no more: use another")]
    Worn,
    /// A file would be larger than what is read back.
    #[error(
        "{file} would have {length} bytes, and no more than {max} can be read back: nothing was changed. Erase less at once; where single rows of a tenant were erased so often, `parloir erase --tenant` begins anew"
    )]
    TooLarge {
        /// Its path.
        file: String,
        /// The bytes it would have.
        length: u64,
        /// The most it may have.
        max: u64,
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
    #[error("whoever holds these keys keeps no journal: use a keys folder")]
    NoJournal,
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

/// A key as it was wrapped, and what it was wrapped for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrapped {
    /// What it is for.
    pub context: Vec<u8>,
    /// What [`Kms::wrap`] gave.
    pub wrapped: Vec<u8>,
}

/// What the journal keeps beside a tenant's keys, because it must not go with the data, and must not come back with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Memo {
    /// The erasure that is under way.
    Erasing,
    /// What was erased: what is put back from a back-up is erased again.
    Erased,
    /// What may not be erased.
    Held,
    /// What persons asked for, and what follows from it: cases and their terms, who is restricted, whose number is blocked.
    Rights,
    /// Since when the present key of the log signs, and how each was handed over to.
    LogKey,
}

/// Who holds the tenants' keys: [`Keyring`], a key service, or a security module. What is done with epoch keys is what
/// those can do (make a key, wrap, unwrap, destroy a key); a key book is data of theirs that goes with no back-up.
///
/// `context` says what a wrapped key is for (a call, for example). It is bound, not kept: a key opens
/// with the tenant and the context it was wrapped with. Who keeps no journal leaves all but `wrap`, `unwrap` and `row_key` as they are.
#[async_trait]
pub trait Kms: Send + Sync + 'static {
    /// Wraps a key under the tenant's present epoch key, which is made, durably, on the month's first use. At most
    /// [`MAX_WRAPPED`] bytes.
    async fn wrap(&self, tenant: &TenantId, context: &[u8], secret: &Secret) -> Result<Vec<u8>, KeyError>;

    /// Opens a key that [`Kms::wrap`] wrapped for this tenant and context. [`KeyError::Erased`] where it did not survive
    /// its epoch.
    async fn unwrap(&self, tenant: &TenantId, context: &[u8], wrapped: &[u8]) -> Result<Secret, KeyError>;

    /// Whether there are keys of this tenant. Makes none, unlike what asks for one.
    async fn knows(&self, _tenant: &TenantId) -> Result<bool, KeyError> {
        Err(KeyError::NoJournal)
    }

    /// The key of the tenant's rows, made, durably, on first use.
    async fn row_key(&self, tenant: &TenantId) -> Result<RowKey, KeyError>;

    /// The epoch in which a key was wrapped; `None` where it is no wrapped key.
    fn epoch(&self, _wrapped: &[u8]) -> Option<u32> {
        None
    }

    /// Wraps nothing in an epoch any more: if it is the present one, the next begins, durably.
    async fn close_epoch(&self, _tenant: &TenantId, _epoch: u32) -> Result<(), KeyError> {
        Err(KeyError::NoJournal)
    }

    /// Destroys what opens the keys of a closed epoch, all but these; they open as before. Returns how many those are. Those
    /// that were erased before stay erased. What was cut off is finished by doing it again.
    async fn destroy_epoch(
        &self,
        _tenant: &TenantId,
        _epoch: u32,
        _survivors: Vec<Wrapped>,
    ) -> Result<u64, KeyError> {
        Err(KeyError::NoJournal)
    }

    /// Destroys what opens these rows, durably, and no others. Doing it again finishes what was cut off, and takes nothing
    /// more. See [`TenantStore::erase`](crate::TenantStore::erase).
    async fn erase_rows(&self, _tenant: &TenantId, _rows: &[Gone]) -> Result<(), KeyError> {
        Err(KeyError::NoJournal)
    }

    /// Refuses an erasure that could not be brought to its end, before anything of it is noted: of these rows, after which what is
    /// noted of erasures has so many bytes. Whoever keeps that where there is always room refuses none.
    async fn check_erasure(&self, _tenant: &TenantId, _rows: &[Gone], _noted: usize) -> Result<(), KeyError> {
        Ok(())
    }

    /// Begins another key of a table, durably, beside those of its lives up to this one: what is written from now on is sealed
    /// under it. Nothing is done where there is one. See [`TenantStore::renew`](crate::TenantStore::renew).
    async fn renew_rows(&self, _tenant: &TenantId, _table: Table, _upto: u32) -> Result<(), KeyError> {
        Err(KeyError::NoJournal)
    }

    /// What [`Kms::remember`] kept.
    async fn recall(&self, _tenant: &TenantId, _memo: Memo) -> Result<Option<Vec<u8>>, KeyError> {
        Err(KeyError::NoJournal)
    }

    /// Keeps something beside the tenant's keys, whole and durably, in place of what was there; destroys that for `None`.
    async fn remember(
        &self,
        _tenant: &TenantId,
        _memo: Memo,
        _what: Option<Vec<u8>>,
    ) -> Result<(), KeyError> {
        Err(KeyError::NoJournal)
    }

    /// The keys that sign the tenant's log, oldest first: the present one is the last. The first is made,
    /// durably, on first use. Ed25519, so that a key service or a security module can hold them.
    async fn log_keys(&self, _tenant: &TenantId) -> Result<Vec<LogKey>, KeyError> {
        Err(KeyError::NoJournal)
    }

    /// Whether there is any of [`Kms::log_keys`]. Makes none, unlike that.
    async fn knows_log(&self, _tenant: &TenantId) -> Result<bool, KeyError> {
        Err(KeyError::NoJournal)
    }

    /// Signs with one of [`Kms::log_keys`].
    async fn sign_log(
        &self,
        _tenant: &TenantId,
        _generation: u32,
        _message: &[u8],
    ) -> Result<[u8; 64], KeyError> {
        Err(KeyError::NoJournal)
    }

    /// Makes the next key of the tenant's log ahead, durably, unless that was done: it signs nothing until [`Kms::rotate_log`] takes
    /// it, so that a back-up of the keys has it before anything is signed with it. Whoever cannot do that, or has no need of
    /// it, does nothing.
    async fn prepare_log(&self, _tenant: &TenantId) -> Result<(), KeyError> {
        Ok(())
    }

    /// The key that was made ahead; `None` where there is none.
    async fn next_log(&self, _tenant: &TenantId) -> Result<Option<LogKey>, KeyError> {
        Ok(None)
    }

    /// Makes the next key of the tenant's log, durably, or takes the one that was made ahead. The one before it stays, to hand over; those before
    /// that are destroyed. `published` is the public side of the present key, as the log's readers have it: where
    /// the present key is another, nothing is made and nothing destroyed ([`KeyError::NotPublished`]), for only what
    /// is published can hand over.
    async fn rotate_log(&self, _tenant: &TenantId, _published: &[u8; 32]) -> Result<LogKey, KeyError> {
        Err(KeyError::NoJournal)
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
