//! What happened in a call: sealed records, recordings, reading and verification.
//!
//! A live call holds a [`CallJournal`] and appends [`RecordBody`]s; that costs it about a microsecond, because
//! everything else (compression, sealing, the disk) is done by threads of its own, each for one tenant at a time. What must be on disk before
//! something else happens is appended durably: the start of every provider call is, before its first
//! byte leaves. Records are sealed in chunks under keys of the call's own; the chunks of a call form a hash
//! chain, and [`verify`] finds any that was changed, removed, swapped or cut off.
//!
//! *Trace*, *content* and *recording* are apart on disk. The trace says what was asked of whom, when, how it
//! went, and why not where it was refused; the content is what was said; the recording is the sound. Each has a key of its own per call, so that each can be
//! destroyed without the others ([`Journal::erase`]), and a call whose consent gate is closed writes trace alone. A reader
//! gets all of it together again.
//!
//! What is done about calls (erased, held, put right) and about persons (their requests, restrictions, blocked numbers) is told in
//! short calls of the journal's own; what has to be known of it without reading the log is noted beside the keys ([`rights()`]).
//!
//! The headers of a tenant's chunks are the leaves of a transparency log, whose root is signed every few seconds: a
//! journal that was rolled back or rewritten, chain and all, no longer has the root that was signed. [`prove`] makes
//! a proof of a call that others check with `parloir_proof` alone.
//!
//! Beside calls it notes, in short calls of its own, what was done about them: erasures, holds, what persons asked for, and who
//! read what ([`Journal::note_access`]), and what of them was handed to their tenant ([`Journal::deliver`]). [`Journal::calls_of`] finds the calls in which somebody may be, [`Journal::copy`] is what a
//! back-up holds, and an [`Observer`] sees the trace of what is appended.
//!
//! What may never be here: content in a log line or in the index, a record that is lost without an error,
//! a file operation on the caller's executor, or anything that knows what a record means to a call.
//!
//! ```
//! use std::sync::Arc;
//! use parloir_contract::{CallId, HostCall, Import, Say, SayOptions};
//! use parloir_journal::{CallEnded, CallStarted, Ending, HostCallStarted, Journal, RecordBody, Scope, verify};
//! use parloir_store::{Embedded, Keyring};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let data = folder.path().join("data");
//! let keyring = Arc::new(Keyring::open(folder.path().join("keys"))?);
//! let store = Arc::new(Embedded::open(data.join("store")).await?);
//! let journal = Journal::open(&data, keyring.clone(), store).await?;
//!
//! let (tenant, id) = ("cabinet".parse()?, CallId::from_bytes(*b"a random call id"));
//! let call = journal.open_call(&tenant, id, CallStarted::default()).await?;
//! let arguments = HostCall::Say(Say { text: "Bonjour".into(), options: SayOptions::default() });
//! call.append(RecordBody::HostCallStarted(HostCallStarted {
//!     import: Import::Say,
//!     arguments: Some(arguments),
//! }))?;
//! call.close(CallEnded { outcome: Ending::Done, ..CallEnded::default() }).await?;
//!
//! assert_eq!(journal.records(&tenant, id).await?.len(), 3);
//! assert!(journal.verify(Scope::All).await?.is_sound());
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod access;
mod administration;
mod call;
mod came_back;
mod chunk;
mod copy;
mod delivery;
mod erase;
mod error;
mod hold;
mod index;
mod journal;
mod kept;
mod key;
mod list;
mod log_key;
mod memo;
mod numbers;
mod observe;
mod older;
mod own;
mod pad;
mod prove;
mod queue;
mod read;
mod record;
mod recording;
mod recovery;
mod rights;
mod sealing;
mod segment;
mod since;
mod tails;
mod tlog;
mod verify;
mod writer;

pub use access::ACCESS;
pub use administration::{ADMINISTRATION, Administration};
pub use call::{CallJournal, MAX_BUFFER, MAX_RECORD, Weight};
pub use came_back::note_came_back;
pub use copy::{CopiedFile, CopyError, JournalCopy, check_copy, of_copy};
pub use delivery::{Delivery, WEBHOOK};
pub use erase::{ERASURE, Erasure, ErasureNote, ErasureReport, erased, erasures};
pub use error::{AppendError, JournalError, ReadError};
pub use hold::{HOLD, Hold, holds};
pub use index::{CallCursor, CallEntry, CallPage};
pub use journal::Journal;
pub use key::{Purpose, Purposes};
pub use list::{list_calls, list_calls_where, list_places, list_tenants};
pub use log_key::{KeysHeld, NextLogKey};
pub use numbers::{CallOf, CallsOf, MAX_NUMBERS, Numbers};
pub use observe::Observer;
pub use own::QUEUE;
pub use prove::{ProveError, Redaction, prove};
pub use read::{read_call, read_recording};
pub use record::{
    Administered, AgentEnd, Amended, Amendment, AudioDirection, Blocked, BlockedTo, CallEnded,
    CallInterrupted, CallStarted, Case, CaseStep, Content, ContentOf, ContentRead, Cost, DigestKey, Ending,
    Erased, Failure, FailureKind, Gate, Held, HostCallEnded, HostCallStarted, HostStatus, KeyPressed, Ledger,
    MediaDigest, Named, Note, ProviderEnded, ProviderRole, ProviderStarted, ProviderStatus, ProviderUsage,
    ProviderUsed, RECORD_VERSION, Reader, Record, RecordBody, RecordError, RecordingStored, ReportFiled,
    Requested, Restricted, Right, Seq, TurnMeasured, Unkept, Wasi, WasiStream,
};
pub use recording::{MAX_BLOCK, RecordingBlock};
pub use rights::{
    AMENDMENT, AmendmentNote, BLOCK, Block, CASE, CaseNote, MAX_OPEN_CASES, MAX_STEPS, RESTRICTION,
    Restriction, Rights, Step, pseudonym, rights,
};
pub use segment::{Location, OtherVersion};
pub use since::{Since, SinceError, check_since};
pub use tlog::{published_keys, read_tile};
pub use verify::{Problem, ProblemKind, Scope, VerifyReport, verify};
