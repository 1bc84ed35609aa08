//! Checking a log offline: that nothing in it was changed, removed, moved or cut off.
//!
//! Framing and checksums, the chain of every call, both ciphertexts of every chunk, every record's commitments,
//! sequence numbers, the recordings against the records that name them, and the index against the log. What cannot be
//! read any more because it was erased has to have a record of that erasure in the log. What a
//! log alone cannot show is that whole calls or the ends of calls were cut off its end: the index shows
//! that, and without an index such calls are reported as not closed.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parloir_contract::{CallId, TenantId};
use parloir_proof::tree::{self, Hash};
use parloir_store::keys::KeyError;
use parloir_store::{Kms, Store};
use sha2::{Digest, Sha256};
use tokio::runtime::Runtime;

use crate::JournalError;
use crate::chunk::{Bad, Chain, Header};
use crate::index::Index;
use crate::key::{CallKeys, Purposes, WrappedKey, WrappedKeys};
use crate::read::{Place, follows, on_own_thread, scan};
use crate::record::{self, Erased, RecordBody, Unkept};
use crate::recording::Sealed;
use crate::rights::is_of_journal;
use crate::segment::{self, Found, FrameKind, Location, Log};
use crate::tlog::{self, Files};

/// The most problems a report lists; more are counted.
const MAX_PROBLEMS: usize = 1_000;

/// What is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Every tenant.
    All,
    /// One tenant.
    Tenant(TenantId),
}

/// What kind of thing is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// A segment is missing, or is not of this log.
    Segment,
    /// Bytes that are no frame, or whose checksum differs.
    Frame,
    /// A call's key is missing or does not open.
    Key,
    /// Something was made unreadable, and the log has no record of an erasure.
    Erasure,
    /// A chunk that was changed.
    Chunk,
    /// A chunk that is missing, repeated or out of order.
    Chain,
    /// A record that cannot be read or is not in its place.
    Record,
    /// A block of recording that is missing or was changed.
    Recording,
    /// Log and index differ: one of them was cut off or rolled back.
    Index,
    /// The journal is not the one that was signed: it was altered, cut off or rolled back, or what was signed was.
    Signed,
}

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What kind of thing.
    pub kind: ProblemKind,
    /// Whose log.
    pub tenant: TenantId,
    /// In which file; the log's folder where it is no single file.
    pub file: PathBuf,
    /// At which byte of it.
    pub offset: u64,
    /// Of which call, where that is known.
    pub call: Option<CallId>,
    /// In which chunk of the call, where that is known.
    pub chunk: Option<u32>,
    /// In words.
    pub what: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at byte {}: {}", self.file.display(), self.offset, self.what)?;
        if let Some(call) = self.call {
            write!(f, " (call {call}")?;
            if let Some(chunk) = self.chunk {
                write!(f, ", chunk {chunk}")?;
            }
            write!(f, ")")?;
        }
        Ok(())
    }
}

/// What was checked, and what was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VerifyReport {
    /// Tenants.
    pub tenants: u64,
    /// Segment files, of records and of recordings.
    pub segments: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Calls, the journal's own included.
    pub calls: u64,
    /// The journal's own among them, in which nobody rang: what the administration did, who read what, erasures and the like.
    pub own: u64,
    /// Those of them whose last record is [`RecordBody::CallInterrupted`].
    pub interrupted: u64,
    /// Those of which something was erased, as the log says.
    pub erased: u64,
    /// The journal's own among those, such as a case of the person whose calls they were; one of which not even the trace is left
    /// cannot be told from a call.
    pub erased_own: u64,
    /// Calls without an end: they last, or their end is not there any more.
    pub unclosed: Vec<(TenantId, CallId)>,
    /// Chunks.
    pub chunks: u64,
    /// Records.
    pub records: u64,
    /// Those of the chunks that a signed checkpoint covers.
    pub signed: u64,
    /// Blocks of recording.
    pub blocks: u64,
    /// What is wrong, up to the first 1,000.
    pub problems: Vec<Problem>,
    /// How many more there are.
    pub more_problems: u64,
}

impl VerifyReport {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Checks the logs in a data folder. With the store, the index is checked too. The folder may be in use: calls
/// that last are then reported as not closed, and a frame that is being written as torn.
pub async fn verify(
    data: impl Into<PathBuf>,
    kms: Arc<dyn Kms>,
    store: Option<Arc<dyn Store>>,
    scope: Scope,
) -> Result<VerifyReport, JournalError> {
    let data = data.into();
    on_own_thread("journal-verify", move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let index = store.map(|store| Index::new(store, Arc::clone(&kms)));
        let tenants = match scope {
            Scope::All => {
                // A tenant may have lost any of them.
                let mut tenants = tlog::tenants(&data)?;
                for log in [Log::Journal, Log::Recordings] {
                    tenants.extend(segment::tenants(&data, log)?);
                }
                tenants.sort();
                tenants.dedup();
                tenants
            }
            Scope::Tenant(tenant) => vec![tenant],
        };
        let mut report = VerifyReport::default();
        for tenant in tenants {
            report.tenants += 1;
            let check = Check {
                data: &data,
                kms: &*kms,
                runtime: &runtime,
                tenant: &tenant,
                report: &mut report,
                calls: HashMap::new(),
                leaves: Vec::new(),
                erased: HashMap::new(),
            };
            check.run(index.as_ref())?;
        }
        Ok(report)
    })
    .await?
}

/// A call as it is found.
#[derive(Default)]
struct Seen {
    wrapped: WrappedKeys,
    keys: Option<CallKeys>,
    chain: Chain,
    chunks: u32,
    ended: bool,
    /// It is the journal's own: nobody rang.
    own: bool,
    first: Location,
    /// The blocks its records name: by hash, the second.
    blocks: HashMap<[u8; 32], u32>,
    /// What was blanked, or has lost its key to an erasure.
    lost: Purposes,
    /// What has no key in the log, or one of an epoch that the keys folder knows nothing of.
    keyless: Purposes,
    /// What was kept for 0 days.
    unkept: Purposes,
}

struct Check<'a> {
    data: &'a Path,
    kms: &'a dyn Kms,
    runtime: &'a Runtime,
    tenant: &'a TenantId,
    report: &'a mut VerifyReport,
    calls: HashMap<CallId, Seen>,
    /// The leaves of the transparency log, as the segments give them.
    leaves: Vec<Hash>,
    /// What was erased of calls, as the records of erasures say.
    erased: HashMap<CallId, Purposes>,
}

/// Where a problem is.
struct At<'a> {
    file: &'a Path,
    offset: u64,
    call: Option<CallId>,
    chunk: Option<u32>,
}

impl Check<'_> {
    fn run(mut self, index: Option<&Index>) -> Result<(), JournalError> {
        let (data, tenant) = (self.data, self.tenant);
        // Before the segments, which may grow meanwhile.
        let checkpoints = tlog::checkpoints(&Files::new(data, tenant));
        let (segments, bytes) = scan(data, Log::Journal, tenant, Location::default(), |place| {
            self.frame(place);
            ControlFlow::Continue(())
        })?;
        self.report.segments += segments;
        self.report.bytes += bytes;
        self.recordings()?;
        self.erasures();
        self.ends();
        self.signed(checkpoints);
        if let Some(index) = index {
            self.index(index)?;
        }
        Ok(())
    }

    fn problem(&mut self, kind: ProblemKind, at: &At<'_>, what: impl Into<String>) {
        if self.report.problems.len() >= MAX_PROBLEMS {
            self.report.more_problems += 1;
            return;
        }
        self.report.problems.push(Problem {
            kind,
            tenant: self.tenant.clone(),
            file: at.file.to_owned(),
            offset: at.offset,
            call: at.call,
            chunk: at.chunk,
            what: what.into(),
        });
    }

    fn frame(&mut self, place: Place<'_>) {
        let mut at = At { file: place.file, offset: place.location.offset, call: None, chunk: None };
        match place.found {
            Found::Bad { offset: 0, what, .. } => self.problem(ProblemKind::Segment, &at, what),
            Found::Bad { what, .. } => self.problem(ProblemKind::Frame, &at, what),
            Found::Frame { kind: FrameKind::Key, payload, .. } => match WrappedKey::parse(payload) {
                Some(key) => {
                    let first = place.location;
                    let seen =
                        self.calls.entry(key.call).or_insert_with(|| Seen { first, ..Seen::default() });
                    seen.wrapped.insert(key);
                }
                None => {
                    self.problem(ProblemKind::Key, &at, "a key is of a version this program does not know")
                }
            },
            Found::Frame { kind: kind @ (FrameKind::Chunk | FrameKind::ErasedChunk), payload, .. } => {
                match Header::parse(payload) {
                    Ok((header, trace, content)) => {
                        self.leaves.push(tree::leaf(&[&header.bytes()]));
                        (at.call, at.chunk) = (Some(header.call), Some(header.number));
                        self.chunk(&header, (trace, content), kind == FrameKind::ErasedChunk, &at);
                    }
                    Err(Bad(what)) => self.problem(ProblemKind::Chunk, &at, what),
                }
            }
            Found::Frame { kind: FrameKind::Recording | FrameKind::ErasedRecording, .. } => {
                self.problem(ProblemKind::Frame, &at, "a recording is in the log of records");
            }
        }
    }

    fn chunk(&mut self, header: &Header, (trace, content): (&[u8], &[u8]), some_erased: bool, at: &At<'_>) {
        self.report.chunks += 1;
        let mut seen = self.calls.remove(&header.call).unwrap_or_default();
        if header.number == 0 && seen.chunks > 0 {
            let what = "a second chain of this call begins here: one name for two stories";
            self.problem(ProblemKind::Chain, at, what);
        } else if seen.ended {
            self.problem(ProblemKind::Chain, at, "a chunk comes after the end of its call");
        }
        if let Err(Bad(what)) = follows(header, &seen.chain) {
            self.problem(ProblemKind::Chain, at, what);
        }
        seen.chain = header.chain_after();
        seen.chunks += 1;
        seen.ended |= header.ends;
        match header.check(trace, content, some_erased) {
            Err(Bad(what)) => self.problem(ProblemKind::Chunk, at, what),
            Ok(erased) => {
                seen.lost = seen.lost.or(erased);
                if erased.trace {
                    self.report.records += header.records().unwrap_or(0);
                } else {
                    self.open(&mut seen, header, trace, content, at);
                }
            }
        }
        self.calls.insert(header.call, seen);
    }

    fn open(&mut self, seen: &mut Seen, header: &Header, trace: &[u8], content: &[u8], at: &At<'_>) {
        if seen.keys.is_none() {
            match self.runtime.block_on(seen.wrapped.open(self.kms, self.tenant, header.call)) {
                Ok(Some(keys)) => {
                    seen.keyless = seen.wrapped.missing().or(keys.unknown);
                    seen.keys = Some(keys);
                }
                Err(KeyError::Erased { .. }) => {
                    seen.lost.trace = true;
                    self.report.records += header.records().unwrap_or(0);
                    return;
                }
                Ok(None) => return self.problem(ProblemKind::Key, at, "the call's key is not in the log"),
                Err(error) => return self.problem(ProblemKind::Key, at, error.to_string()),
            }
        }
        let Some(keys) = &seen.keys else { return };
        seen.lost.content |= keys.erased.content && header.has_content();
        let raw = match header.open(self.tenant, keys, trace, content) {
            Ok(raw) => raw,
            Err(Bad(what)) => return self.problem(ProblemKind::Chunk, at, what),
        };
        for (raw, seq) in raw.into_iter().zip(header.first..) {
            self.report.records += 1;
            match record::decode(&raw.trace, raw.content.as_deref()) {
                Ok(record) if record.seq != seq => {
                    self.problem(ProblemKind::Record, at, format!("record {seq} is not in its place"));
                }
                Ok(record) => {
                    self.report.interrupted +=
                        u64::from(matches!(record.body, RecordBody::CallInterrupted(_)));
                    if let RecordBody::CallStarted(started) = record.body {
                        seen.own |= is_of_journal(&started.transport);
                    } else if let RecordBody::RecordingStored(stored) = record.body {
                        seen.blocks.insert(stored.sha256, stored.second);
                    } else if let RecordBody::Unkept(Unkept { purposes }) = record.body {
                        seen.unkept = purposes.into_iter().collect();
                    } else if let RecordBody::Erased(Erased { calls, purposes, .. }) = record.body {
                        let purposes: Purposes = purposes.into_iter().collect();
                        for call in calls {
                            let erased = self.erased.entry(call).or_default();
                            *erased = erased.or(purposes);
                        }
                    }
                }
                Err(error) => self.problem(ProblemKind::Record, at, error.to_string()),
            }
        }
        if seen.ended {
            // A key is needed again for a recording only.
            seen.keys = seen.keys.take().filter(|_| !seen.blocks.is_empty());
        }
    }

    fn recordings(&mut self) -> Result<(), JournalError> {
        let (data, tenant) = (self.data, self.tenant);
        let (segments, bytes) = scan(data, Log::Recordings, tenant, Location::default(), |place| {
            let mut at = At { file: place.file, offset: place.location.offset, call: None, chunk: None };
            match place.found {
                Found::Bad { offset: 0, what, .. } => self.problem(ProblemKind::Segment, &at, what),
                Found::Bad { what, .. } => self.problem(ProblemKind::Frame, &at, what),
                Found::Frame {
                    kind: kind @ (FrameKind::Recording | FrameKind::ErasedRecording),
                    payload,
                    ..
                } => {
                    self.report.blocks += 1;
                    match Sealed::parse(payload) {
                        Some(sealed) => {
                            at.call = Some(sealed.call);
                            match (kind == FrameKind::ErasedRecording, sealed.is_blank()) {
                                (true, true) => self.blank_block(&sealed, &at),
                                (true, false) => {
                                    let what = "something is in the place of a block that was erased";
                                    self.problem(ProblemKind::Recording, &at, what);
                                }
                                (false, _) => self.block(&sealed, payload, &at),
                            }
                        }
                        None => {
                            let what = "a block is of a version this program does not know";
                            self.problem(ProblemKind::Recording, &at, what);
                        }
                    }
                }
                Found::Frame { kind: FrameKind::Key | FrameKind::Chunk | FrameKind::ErasedChunk, .. } => {
                    self.problem(ProblemKind::Frame, &at, "a record is in the log of recordings");
                }
            }
            ControlFlow::Continue(())
        })?;
        self.report.segments += segments;
        self.report.bytes += bytes;
        Ok(())
    }

    fn block(&mut self, sealed: &Sealed<'_>, payload: &[u8], at: &At<'_>) {
        let hash: [u8; 32] = Sha256::digest(payload).into();
        let Some(seen) = self.calls.get_mut(&sealed.call) else {
            return self.problem(ProblemKind::Recording, at, "a block is of a call that is not in the log");
        };
        // A block that no record names was written just before a crash.
        if seen.blocks.remove(&hash).is_none() {
            return;
        }
        let Some(keys) = &seen.keys else { return };
        match &keys.recording {
            Some(key) if sealed.open(key, self.tenant).is_none() => {
                self.problem(ProblemKind::Recording, at, "a block does not open with the call's key");
            }
            Some(_) => {}
            None => seen.lost.recording |= keys.erased.recording,
        }
    }

    /// A block whose sound was erased: of which second it was is all there is to go by.
    fn blank_block(&mut self, sealed: &Sealed<'_>, at: &At<'_>) {
        let Some(seen) = self.calls.get_mut(&sealed.call) else {
            return self.problem(ProblemKind::Recording, at, "a block is of a call that is not in the log");
        };
        seen.lost.recording = true;
        let named = seen.blocks.iter().find(|(_, second)| **second == sealed.second).map(|(hash, _)| *hash);
        if let Some(hash) = named {
            seen.blocks.remove(&hash);
        }
    }

    /// Nothing may be unreadable without a word in the log.
    fn erasures(&mut self) {
        let folder = Log::Journal.folder(self.data, self.tenant);
        let mut silent = Vec::new();
        for (call, seen) in &self.calls {
            let erased = self.erased.get(call).copied().unwrap_or_default();
            let without = seen.lost.without(erased);
            if !without.is_empty() {
                let what =
                    format!("its {without} cannot be read any more, and the log has no record of an erasure");
                silent.push((*call, ProblemKind::Erasure, what));
            } else if !seen.lost.is_empty() {
                self.report.erased += 1;
                self.report.erased_own += u64::from(seen.own);
            }
            let keyless = seen.keyless.without(erased.or(seen.unkept));
            if !keyless.is_empty() {
                silent.push((*call, ProblemKind::Key, format!("the key of its {keyless} is not in the log")));
            }
        }
        silent.sort_unstable_by_key(|(call, ..)| *call);
        for (call, kind, what) in silent {
            let at = At { file: &folder, offset: 0, call: Some(call), chunk: None };
            self.problem(kind, &at, what);
        }
    }

    /// What the calls themselves still lack at the end of the log.
    fn ends(&mut self) {
        let folder = Log::Recordings.folder(self.data, self.tenant);
        let mut calls: Vec<_> = self.calls.iter_mut().collect();
        calls.sort_by_key(|(_, seen)| seen.first);
        let mut missing = Vec::new();
        for (call, seen) in calls {
            if seen.chunks == 0 {
                // Its first chunk was torn: the call had acknowledged nothing yet.
                continue;
            }
            self.report.calls += 1;
            self.report.own += u64::from(seen.own);
            if !seen.ended {
                self.report.unclosed.push((self.tenant.clone(), *call));
            }
            missing.extend(seen.blocks.drain().map(|(_, second)| (*call, second)));
        }
        missing.sort_unstable();
        for (call, second) in missing {
            let at = At { file: &folder, offset: 0, call: Some(call), chunk: None };
            self.problem(
                ProblemKind::Recording,
                &at,
                format!("second {second} of the recording is missing or was changed"),
            );
        }
    }

    fn index(&mut self, index: &Index) -> Result<(), JournalError> {
        let folder = Log::Journal.folder(self.data, self.tenant);
        let at = |call| At { file: &folder, offset: 0, call: Some(call), chunk: None };
        let mut from = None;
        loop {
            let page = self.runtime.block_on(index.list(self.tenant, from.as_ref(), 1_000))?;
            for entry in page.calls {
                let what = match self.calls.remove(&entry.call).filter(|seen| seen.chunks > 0) {
                    None => "the call is in the index, but not in the log".to_owned(),
                    // An open call goes on while it is looked at.
                    Some(_) if entry.outcome.is_none() => continue,
                    Some(seen) if !seen.ended => {
                        "the index knows the call's end, the log does not".to_owned()
                    }
                    Some(seen) if (seen.chunks, seen.chain.seq) != (entry.chunks, entry.records) => format!(
                        "the index knows {} records in {} chunks, the log {} in {}",
                        entry.records, entry.chunks, seen.chain.seq, seen.chunks
                    ),
                    Some(_) => continue,
                };
                self.problem(ProblemKind::Index, &at(entry.call), what);
            }
            match page.next {
                Some(next) => from = Some(next),
                None => break,
            }
        }
        // What was erased altogether is not in the index either.
        let known = |seen: &Seen| seen.ended && !seen.lost.trace;
        let unknown: Vec<_> =
            self.calls.iter().filter(|(_, seen)| known(seen)).map(|(call, _)| *call).collect();
        for call in unknown {
            self.problem(ProblemKind::Index, &at(call), "the call is in the log, but not in the index");
        }
        Ok(())
    }
}

mod signed;
#[cfg(test)]
mod tests;
