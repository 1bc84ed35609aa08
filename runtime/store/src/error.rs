//! What can go wrong with storage, and what to do about it.

use crate::keys::KeyError;

/// Why storage did not answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// A key is empty or too long.
    #[error("a key has 1 to {max} bytes, this one has {length}: shorten it")]
    KeyLength {
        /// Its length in bytes.
        length: usize,
        /// The longest there is.
        max: usize,
    },
    /// A value is too large.
    #[error("a value has at most {max} bytes, this one has {length}: split it over several keys")]
    ValueTooLarge {
        /// Its length in bytes.
        length: usize,
        /// The largest there is.
        max: usize,
    },
    /// A batch is too large.
    #[error("a batch has at most {max} operations and conditions, this one has {length}: split it")]
    BatchTooLarge {
        /// How many it has.
        length: usize,
        /// How many it may have.
        max: usize,
    },
    /// What a tenant's agents keep would be more than it may be.
    #[error("what agents keep may take {most} bytes in all: delete what is not needed any more")]
    Full {
        /// How many bytes it may take.
        most: u64,
    },
    /// Bytes that are not what was written.
    #[error("a stored value is damaged ({what}): restore the data folder from a backup")]
    Damaged {
        /// Which check failed.
        what: &'static str,
    },
    /// A value of a format this version does not know.
    #[error(
        "a stored value has format version {found}, this program knows {known}: use the program that wrote it"
    )]
    Version {
        /// The version found.
        found: u8,
        /// The version known.
        known: u8,
    },
    /// A value that the tenant's present key does not open.
    #[error(
        "a stored value does not open with the tenant's key: check that the keys folder belongs to this data folder, and that nobody moved values between tenants or keys"
    )]
    WrongKey,
    /// Two writers kept changing the same keys.
    #[error("other writers kept changing the same keys: try again")]
    Contended,
    /// Another program kept changing how much is remembered while an erasure waited its turn.
    #[error(
        "another program kept changing how much this tenant's agents remember, and the erasure waited its turn for {seconds} s: erase again, or start the installation anew, which finishes it"
    )]
    NoTurn {
        /// For how long it waited.
        seconds: u64,
    },
    /// Two batches that cannot be applied together.
    #[error(
        "two batches are applied together where they are of two tenants in one backend: apply them apart"
    )]
    Apart,
    /// A key could not be had.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Another program has the folder open.
    #[error("{0} is in use by another program: stop that one first")]
    InUse(String),
    /// The disk failed, or the folder cannot be used.
    #[error("the data folder cannot be used ({0}): check the disk's space and state, then restart")]
    Io(String),
    /// The storage has been shut down, or its writer stopped after an error of the disk.
    #[error("storage is closed ({0}): restart the program")]
    Closed(String),
}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error.to_string())
    }
}

impl From<sled::Error> for StoreError {
    fn from(error: sled::Error) -> Self {
        Self::Io(error.to_string())
    }
}
