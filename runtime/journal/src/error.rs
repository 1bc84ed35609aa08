//! What can go wrong with the journal, and what to do about it.

use parloir_contract::{CallId, TenantId};
use parloir_store::StoreError;
use parloir_store::keys::KeyError;

use crate::{OtherVersion, RecordError};

/// Why a record was not taken. It has no sequence number, and the call must not go on as if it had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The disk does not keep up, and the call's memory for it is full.
    #[error(
        "the journal is full ({buffered} bytes of this call wait for the disk): end the call, and look at the disk"
    )]
    Full {
        /// What waits, in bytes.
        buffered: usize,
    },
    /// One record is too large.
    #[error("a record has at most {max} bytes, this one has {length}: append it without its content")]
    TooLarge {
        /// Its length in bytes.
        length: usize,
        /// The largest there is.
        max: usize,
    },
    /// The call was closed.
    #[error("the call is closed: nothing can be appended to it any more")]
    Closed,
    /// The journal cannot write any more.
    #[error("the journal stopped ({0}): check the disk's space and state, then restart")]
    Failed(String),
}

/// Why the journal did not do it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JournalError {
    /// The record was not taken.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// There is a call of this identifier.
    #[error("tenant {tenant} has a call {call} already: give every call a random identifier of its own")]
    AlreadyOpen {
        /// Whose.
        tenant: TenantId,
        /// Which.
        call: CallId,
    },
    /// A tenant's log signs nothing at present.
    #[error(
        "the log of tenant {tenant} signs nothing at present ({why}): put that right first; `parloir verify` says what is wrong. Its keys stay as they are until then"
    )]
    SignsNothing {
        /// Whose.
        tenant: TenantId,
        /// Why.
        why: String,
    },
    /// What cannot be erased now.
    #[error("call {call} of tenant {tenant} cannot be erased now: {why}")]
    NotErasable {
        /// Whose.
        tenant: TenantId,
        /// Which.
        call: CallId,
        /// Why, and what to do.
        why: String,
    },
    /// The data came back from a back-up, and there may be newer.
    #[error(
        "nothing is erased of calls yet: this data came back from a back-up of {of}, and an erasure takes the keys of the calls that it lacks of the same months. Where there is newer data, restore that; where this is the newest there is, remove {note} and erase again"
    )]
    CameBack {
        /// Of when.
        of: String,
        /// The file that says so.
        note: String,
    },
    /// There is no such case.
    #[error("tenant {tenant} has no case {case}: `parloir case list` lists those there are")]
    NoSuchCase {
        /// Whose.
        tenant: TenantId,
        /// Which.
        case: CallId,
    },
    /// The tenant has as many open cases as it may have.
    #[error(
        "tenant {tenant} has {most} open cases already, and no more: close those that are answered (`parloir case list --due` lists what is due first, `parloir case close` closes one), and open this one then. Until then write down the day it was received: its term runs from that"
    )]
    TooManyCases {
        /// Whose.
        tenant: TenantId,
        /// How many there may be.
        most: usize,
    },
    /// The case is closed.
    #[error("case {case} is closed: open another for what is asked now")]
    CaseClosed {
        /// Which.
        case: CallId,
    },
    /// The case has as many steps as one may have.
    #[error(
        "case {case} has {most} steps already, and no more: close it (`parloir case close`), and open another for what is still to be done"
    )]
    TooManySteps {
        /// Which.
        case: CallId,
        /// How many there may be.
        most: usize,
    },
    /// What was said in the call was erased.
    #[error(
        "what was said in call {call} of tenant {tenant} was erased: there is nothing left of it to put right"
    )]
    NothingLeft {
        /// Whose.
        tenant: TenantId,
        /// Which.
        call: CallId,
    },
    /// A key could not be had.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The index did not answer.
    #[error("the journal's index: {0}")]
    Store(#[from] StoreError),
    /// What was read is not what was written.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Another version of this program wrote the data folder.
    #[error(transparent)]
    OtherVersion(#[from] OtherVersion),
    /// Another program has the folder open.
    #[error("{0} is in use by another program: stop that one first")]
    InUse(String),
    /// The disk failed, or the folder cannot be used.
    #[error("the journal's folder cannot be used ({0}): check the disk's space and state, then restart")]
    Io(String),
}

impl From<std::io::Error> for JournalError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error.to_string())
    }
}

/// Why a call cannot be read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReadError {
    /// There is no such call.
    #[error("tenant {tenant} has no call {call}: `parloir calls` lists those there are")]
    NoSuchCall {
        /// Whose.
        tenant: TenantId,
        /// Which.
        call: CallId,
    },
    /// Its records were erased, all of them.
    #[error(
        "call {call} of tenant {tenant} was erased: nothing of it can be read any more, and the log still holds its place. `parloir show` says when and why"
    )]
    Erased {
        /// Whose.
        tenant: TenantId,
        /// Which.
        call: CallId,
    },
    /// Something in the log is not as it was written.
    #[error("{file} is damaged at byte {offset} ({what}): run `parloir verify`")]
    Damaged {
        /// The segment file.
        file: String,
        /// Where.
        offset: u64,
        /// What is wrong.
        what: String,
    },
    /// A record cannot be read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A key could not be had.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The file cannot be read.
    #[error("the journal cannot be read: {0}")]
    Io(String),
}

impl From<std::io::Error> for ReadError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error.to_string())
    }
}
