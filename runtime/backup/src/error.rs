//! What can go wrong with a back-up, and what to do about it.

use std::path::PathBuf;

use parloir_contract::TenantId;
use parloir_journal::{CopyError, JournalError};
use parloir_store::StoreError;
use parloir_store::keys::KeyError;

use crate::ManifestError;

/// Why there is no back-up.
#[derive(Debug, thiserror::Error)]
pub enum BackUpError {
    /// There is a file of this name.
    #[error("{0} is there already: name another file, or say --replace")]
    Exists(PathBuf),
    /// Another is being written to the same place.
    #[error("another back-up is being written to {0}: wait until that one is done, or name another file")]
    Busy(PathBuf),
    /// Nobody could open it.
    #[error(
        "nobody could open this back-up: name whom it is for with --recipient, as `parloir backup --new-identity FILE` prints it"
    )]
    NoRecipient,
    /// This names nobody.
    #[error(
        "{0:?} is no recipient: it begins with age1, as `parloir backup --new-identity FILE` or age-keygen prints it"
    )]
    Recipient(String),
    /// It cannot be sealed.
    #[error("the back-up cannot be sealed: {0}")]
    Seal(String),
    /// What is backed up cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The same of the tenants' rows.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file cannot be read or written.
    #[error(
        "{what}: {error}; nothing is left of this back-up. Check the space and the rights there, and begin again"
    )]
    Io {
        /// Which.
        what: String,
        /// Why.
        error: std::io::Error,
    },
}

impl BackUpError {
    pub(crate) fn io(what: impl std::fmt::Display) -> impl FnOnce(std::io::Error) -> Self {
        move |error| Self::Io { what: what.to_string(), error }
    }
}

/// Why nothing came back. Nothing is left of what was begun.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The identities open nothing.
    #[error(
        "{0} holds no identity: it has lines that begin with AGE-SECRET-KEY-1, and nothing else but # comments"
    )]
    NoIdentity(String),
    /// The identities are others'.
    #[error(
        "{0} does not open with these identities: give the one whose recipient it was made for with --identity; or its first lines were damaged: then take another copy of it"
    )]
    WrongIdentity(PathBuf),
    /// It is another file.
    #[error("{file} is no back-up of parloir: {what}. Look at which file it is")]
    NotOurs {
        /// Which.
        file: PathBuf,
        /// Why.
        what: String,
    },
    /// It was written by a later program.
    #[error("{file} cannot be read by this program: {error}. Restore it with that version, or a later one")]
    Newer {
        /// Which.
        file: PathBuf,
        /// Its version.
        error: ManifestError,
    },
    /// It ends before its end.
    #[error("{0} is cut off: its end is not there. Take another copy of it, or an older back-up")]
    Cut(PathBuf),
    /// It is not what was sealed.
    #[error("{file} is damaged or cut off ({what}): take another copy of it, or an older back-up")]
    Damaged {
        /// Which.
        file: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// It holds what no back-up holds.
    #[error(
        "{file} holds {member:?}, which no back-up holds ({what}): it was made by somebody else to do harm, or is damaged. Do not use it"
    )]
    Stranger {
        /// Which.
        file: PathBuf,
        /// What is in it.
        member: String,
        /// Why that is not taken.
        what: &'static str,
    },
    /// It does not hold what it says.
    #[error(
        "{file} does not hold what it says of itself ({what}): take another copy of it, or an older back-up"
    )]
    Differs {
        /// Which.
        file: PathBuf,
        /// What differs.
        what: String,
    },
    /// There is something in the way.
    #[error("{0} is not empty: name a new folder with --{1}; nothing that is there is overwritten")]
    NotEmpty(PathBuf, &'static str),
    /// There are no keys.
    #[error("there is no keys folder {0}: restore that first, from its own back-up, or name it with --keys")]
    NoKeys(PathBuf),
    /// There are no keys of a tenant.
    #[error(
        "the keys folder {keys} has no keys of tenant {tenant}: give the keys folder that belongs to this back-up with --keys, or restore it from its own back-up first"
    )]
    KeysMissing {
        /// Where.
        keys: PathBuf,
        /// Whose.
        tenant: TenantId,
    },
    /// What came back is not the journal that was signed.
    #[error("{0}")]
    Copy(#[from] CopyError),
    /// What came back does not verify.
    #[error(
        "what came back does not verify, and was not kept: {0}. Take an older back-up, or look at what `parloir verify` said of the original"
    )]
    Unsound(String),
    /// What came back does not open.
    #[error("what came back does not open: {0}")]
    Journal(#[from] JournalError),
    /// Its rows are not taken.
    #[error("the rows that came back are not taken: {0}")]
    Store(#[from] StoreError),
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// A file cannot be read or written.
    #[error("{what}: {error}; nothing was left there. Check the space and the rights, and begin again")]
    Io {
        /// Which.
        what: String,
        /// Why.
        error: std::io::Error,
    },
    /// It was told to stop.
    #[error("stopped: nothing was restored")]
    Stopped,
}

impl RestoreError {
    pub(crate) fn io(what: impl std::fmt::Display) -> impl FnOnce(std::io::Error) -> Self {
        move |error| Self::Io { what: what.to_string(), error }
    }
}
