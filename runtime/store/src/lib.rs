//! Where things rest: tenant-scoped durable key-value storage, and the keyring.
//!
//! A [`Store`] is a backend: it keeps opaque bytes under addresses and applies batches whole or not
//! at all. A [`TenantStore`] is the only way the other rooms use one: it holds one tenant, seals
//! every value under that tenant's key (AES-256-GCM, bound to tenant, table and key), hides the
//! keys that name a person, and can address nothing of anybody else. [`Embedded`] is the backend on
//! sled, [`Volatile`] one in memory; every other backend passes the same [`conformance`] suite.
//!
//! Keys never rest beside the data: a [`Keyring`] lives in a directory of its own, behind the
//! [`Kms`] trait. What is deleted stays on a disk and in back-ups for long, so to erase is to destroy a key:
//! [`TenantStore::erase`] for rows, [`Kms::destroy_epoch`] for what is wrapped.
//!
//! What may never be here: a key or a value in clear on disk, an answer before the write is durable,
//! a file operation on the caller's executor beyond a point read of sled's cache, or anything that
//! knows what the values mean.
//!
//! ```
//! use std::sync::Arc;
//! use parloir_store::{Applied, Batch, Embedded, Keyring, Table, TenantStore};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let (data, keys) = (folder.path().join("data"), folder.path().join("keys"));
//! let keyring = Keyring::open(keys)?;
//! let backend = Arc::new(Embedded::open(data).await?);
//! let cabinet = TenantStore::open(backend, &keyring, "cabinet".parse()?).await?;
//!
//! // Two callers want one slot: one gets it.
//! let book = |who: &[u8]| {
//!     let slot = b"2026-03-14 10:30";
//!     Batch::new().expect_absent(Table::Slots, slot).put(Table::Slots, slot, who)
//! };
//! assert_eq!(cabinet.apply(book(b"first")).await?, Applied::Done);
//! assert!(matches!(cabinet.apply(book(b"second")).await?, Applied::ConditionFailed { .. }));
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod address;
mod backend;
mod batch;
pub mod conformance;
pub mod disk;
mod embedded;
mod envelope;
mod error;
pub mod keys;
mod table;
mod tenant;
mod volatile;

pub use address::{Address, MAX_KEY};
pub use backend::{Each, Store, StoredBatch, StoredCondition, StoredOperation};
pub use batch::{Applied, Batch, MAX_BATCH};
pub use embedded::{Embedded, Recovery};
pub use envelope::{MAX_STORED, MAX_VALUE};
pub use error::StoreError;
pub use keys::{Gone, Keyring, Kms, Life, Memo, Row, RowKey, Rows};
pub use table::Table;
pub use tenant::{Cursor, Dropped, Entry, MAX_PAGE, Page, TenantStore};
pub use volatile::Volatile;
