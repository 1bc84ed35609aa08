//! What can go wrong with the directory.

use parloir_journal::JournalError;
use parloir_store::StoreError;

use crate::secret::NoRandomness;

/// Why the directory did not answer, or did not change.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// Somebody else changed the same thing first. Nothing was changed.
    #[error("it was changed meanwhile: read it again, and repeat the change")]
    Changed,
    /// Storage did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It could not be told in the log, so that it was not done.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A row that is not what was written.
    #[error("a row of the directory cannot be read ({0}): use the program that wrote it, or a newer one")]
    Damaged(String),
    /// There is no randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// It is kept, and the installation does not answer calls by it yet.
    #[error("it is kept, and calls are not answered by it yet: {0}")]
    NotTakenIn(String),
}
