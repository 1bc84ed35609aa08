//! Back-ups of an installation: one sealed file, taken while calls are live, and what comes back from it.
//!
//! - [`Snapshot::of_data`]: all that is durable of a data folder: the journal's and the recordings' segments, the signed
//!   log, the tenants' rows as they rest sealed, and the agents that answered. The journal's index is not in it: the journal makes
//!   that anew.
//! - [`Snapshot::of_keys`]: the keys folder, in a file of its own. Without it the other opens nothing; so a back-up of the data may be
//!   kept for long, and what was erased since stays erased in it. A back-up of the keys is different: whoever has an old one can undo
//!   every erasure since.
//! - [`Draft`]: where it is written: encrypted to recipients ([age](https://age-encryption.org/v1)), under another name until it is
//!   whole and durable.
//! - [`restore`]: out of such a file, a data folder that was checked: every tenant's tree is the one that was signed and that the
//!   manifest names, erasures that came after are done again, and the whole of the journal verifies.
//!
//! What may never be here: a key and what it opens in one file, a value in clear, a path out of a back-up that is used as it is
//! written there, or anything that needs more memory for more data.
//!
//! ```
//! use std::sync::Arc;
//! use parloir_backup::{Draft, Identities, Restoring, Snapshot, restore};
//! use parloir_journal::{CallEnded, CallStarted, Journal};
//! use parloir_store::{Embedded, Keyring, Store};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let (data, keys) = (folder.path().join("data"), folder.path().join("keys"));
//! let store: Arc<dyn Store> = Arc::new(Embedded::open(data.join("store")).await?);
//! let journal = Journal::open(&data, Arc::new(Keyring::open(&keys)?), store.clone()).await?;
//! let call = parloir_contract::CallId::from_bytes(*b"a random call id");
//! journal.open_call(&"cabinet".parse()?, call, CallStarted::default()).await?.close(CallEnded::default()).await?;
//!
//! let (identity, recipient) = Identities::generate();
//! let file = folder.path().join("today.age");
//! let snapshot = Snapshot::of_data(&journal, &*store, &data).await?;
//! let written = tokio::task::spawn_blocking({
//!     let file = file.clone();
//!     move || {
//!         let mut draft = Draft::begin(&file, &[recipient], false)?;
//!         snapshot.write(&mut draft)?;
//!         draft.finish()
//!     }
//! });
//! written.await??;
//!
//! let back = folder.path().join("back");
//! let identities = Identities::parse(&identity)?;
//! let restored = restore(Restoring::new(file, identities, back.clone(), keys)).await?;
//! assert!(restored.report.is_sound() && back.join("journal/cabinet").is_dir());
//! assert_eq!(restored.manifest.tenants[0].calls, 1);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod error;
mod looking;
mod manifest;
mod restore;
mod rows;
mod seal;
mod take;
mod unpack;

pub use error::{BackUpError, RestoreError};
pub use manifest::{Manifest, ManifestError, Of, TenantPart, VERSION};
pub use restore::{Restored, Restoring, restore};
pub use rows::{RowError, read_row};
pub use seal::{Draft, Identities, Recipient};
pub use take::Snapshot;
pub use unpack::{Member, Progress};
