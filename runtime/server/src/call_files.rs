//! What the administration tells of calls, from the journal that serves: lists by its index, and what is read of one, which is in
//! the log before it is shown.
//!
//! Whom a caller was handed to is noted beside the call, as a keyed hash: whoever knows a number finds its calls, and nobody reads
//! out of it a number that the caller said. It goes with what was said; so do reviews, sealed.

mod accesses;

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use jiff::Timestamp;
use parloir_admin::resource::{Access, CallState, Page};
use parloir_admin::{CallError, CallFiles, CallList, Listed, Reach, Reading, Sound, reviews_of};
use parloir_contract::{CallId, LineId, TenantId};
use parloir_journal::{
    Amendment, AmendmentNote, CallEntry, CallPage, ContentRead, ErasureNote, Gate, Journal, JournalError,
    ProveError, Purpose, Purposes, ReadError, Record, RecordBody, Redaction, erased, erasures, holds, prove,
};
use parloir_media::{RecordingBlock, SampleRate, wav_parts};
use parloir_proof::Trust;
use parloir_store::{Batch, RowKey, Rows, StoreError, Table, TenantStore};
use serde_json::{Value, json};

use crate::call_places::Places;
use crate::{Restrictions, Storage};

/// Calls of the index that are looked at in one go.
const PAGE: usize = 200;
/// The same for one list: many of them may be the journal's own.
const MOST: usize = 2_000;

/// Something that was put right of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AmendedLine {
    /// When, in nanoseconds since 1970-01-01 UTC.
    pub at: u64,
    /// The call that holds the record of it.
    pub record: CallId,
    /// In how many appointments that stand it was put right too.
    pub appointments: u32,
    /// What; `None` where it was erased.
    pub amendment: Option<Amendment>,
}

/// An erasure, for programs.
#[must_use]
pub fn erasure_json(note: &ErasureNote) -> Value {
    json!({
        "at": note.at, "record": note.record.to_string(), "requested": format!("{:?}", note.requested).to_lowercase(),
        "purposes": note.purposes.iter().map(|purpose| purpose.name()).collect::<Vec<_>>(),
    })
}

/// What happened in a call, for programs, an object for each line: what was erased of it, its records, what was put right since.
#[must_use]
pub fn told(erased: &[ErasureNote], records: &[Record], amended: &[AmendedLine]) -> Vec<Value> {
    let erased = erased.iter().map(|note| json!({ "erased": erasure_json(note) }));
    let records =
        records.iter().map(|record| json!({ "seq": record.seq, "at": record.at, "body": record.body }));
    let amended = amended.iter().map(|amended| {
        let (field, to) = amended.amendment.as_ref().map(|one| (&one.field, &one.to)).unzip();
        json!({ "amended": {
            "at": amended.at, "field": field, "to": to,
            "appointments": amended.appointments, "record": amended.record.to_string(),
        }})
    });
    erased.chain(records).chain(amended).collect()
}

/// The calls that are read where one is shown: itself, and those that hold why something of it was erased and what was put right.
#[must_use]
pub fn shown_with(call: CallId, erased: &[ErasureNote], amended: &[AmendedLine]) -> Vec<CallId> {
    let mut calls = vec![call];
    calls.extend(erased.iter().map(|note| note.record));
    calls.extend(amended.iter().map(|amended| amended.record));
    calls.dedup();
    calls
}

fn failed(error: impl std::fmt::Display) -> CallError {
    CallError::Failed(error.to_string())
}

/// A time of the journal, of so many nanoseconds since 1970-01-01 UTC.
pub(crate) fn at(nanos: u64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(nanos)).unwrap_or_default()
}

/// Where it is noted whom the caller of a call was handed to, in [`Table::Reports`].
fn handed_row(call: CallId) -> String {
    format!("handed/{call}")
}

/// The call that a row of [`Table::Reports`] rests beside, by its key: whom its caller was handed to, or a review.
pub(crate) fn beside(key: &[u8]) -> Option<CallId> {
    std::str::from_utf8(key).ok()?.split('/').nth(1)?.parse().ok()
}

/// What has to be known of a tenant to tell how its calls are.
struct Known {
    gone: HashMap<CallId, Purposes>,
    held: HashSet<CallId>,
    restricted: Option<Restrictions>,
    /// Contacts' numbers, and what they are noted as.
    contacts: Vec<(String, [u8; 32])>,
    key: RowKey,
    store: TenantStore,
}

impl Known {
    async fn of(storage: &Storage, tenant: &TenantId, contacts: &[LineId]) -> Result<Self, CallError> {
        let gone = erased(&erasures(storage.keys(), tenant).await.map_err(failed)?);
        let held = holds(storage.keys(), tenant).await.map_err(failed)?;
        let held = held.into_iter().map(|hold| hold.call).collect();
        let restricted = storage.restrictions(tenant).await.map_err(failed)?;
        let key = storage.keys().row_key(tenant).await.map_err(failed)?;
        let noted = |number: &LineId| (number.to_string(), key.pseudonym(number.as_str().as_bytes()));
        let contacts = contacts.iter().map(noted).collect();
        let store = storage.rows(tenant).await.map_err(failed)?;
        Ok(Self { gone, held, restricted, contacts, key, store })
    }

    async fn state(&self, entry: &CallEntry) -> Result<CallState, CallError> {
        let gone = self.gone.get(&entry.call).copied().unwrap_or_default();
        let noted = self.store.get(Table::Reports, handed_row(entry.call)).await.map_err(failed)?;
        let noted: Vec<[u8; 32]> = match noted {
            Some(noted) => serde_json::from_slice(&noted).map_err(failed)?,
            None => Vec::new(),
        };
        let handed_to = self.contacts.iter().filter(|(_, hash)| noted.contains(hash));
        // How much of it is recorded is known when it is over.
        let recorded = entry.ended_at.and(entry.recorded).map(|seconds| seconds > 0);
        Ok(CallState {
            line: entry.line.clone(),
            arrived: entry.transport.clone(),
            agent: entry.agent_name.clone(),
            version: entry.agent_version.clone(),
            began: at(entry.started_at),
            ended: entry.ended_at.map(at),
            seconds: entry.ended_at.map(|ended| ended.saturating_sub(entry.started_at) / 1_000_000_000),
            outcome: entry.outcome.map(Into::into),
            handed_to: handed_to.map(|(number, _)| number.clone()).collect(),
            recording: if gone.recording { Some(false) } else { recorded },
            held: self.held.contains(&entry.call),
            // What has to be read for that is read of those alone that are told: `Known::is_restricted`.
            restricted: None,
            erased: gone.iter().map(|purpose| purpose.name().to_owned()).collect(),
        })
    }

    /// Whether a call's caller is restricted; `None` where that cannot be read. Where nobody is restricted, no call is read.
    async fn is_restricted(&self, journal: &Journal, entry: &CallEntry) -> Option<bool> {
        let Some(restricted) = &self.restricted else { return Some(false) };
        if !restricted.may_be_of(entry) {
            return Some(false);
        }
        match journal.records(self.store.tenant(), entry.call).await {
            Ok(records) => Some(restricted.of_call(&records).is_some()),
            Err(JournalError::Read(ReadError::Erased { .. })) => Some(false),
            Err(error) => {
                let (tenant, call) = (self.store.tenant(), entry.call);
                tracing::warn!(%tenant, %call, %error, "whether a call's caller is restricted could not be read");
                None
            }
        }
    }
}

#[async_trait]
impl CallFiles for Storage {
    async fn list(
        &self,
        tenant: &TenantId,
        after: Option<&str>,
        limit: usize,
        contacts: &[LineId],
        reach: &Reach,
    ) -> Result<CallList, CallError> {
        self.calls_in(tenant, after, limit, contacts, reach, MOST).await
    }

    async fn accesses(
        &self,
        tenant: &TenantId,
        after: Option<&str>,
        limit: usize,
        of: Option<CallId>,
        reach: &Reach,
    ) -> Result<Page<Access>, CallError> {
        self.accesses_in(tenant, after, limit, of, reach).await
    }

    async fn state(
        &self,
        tenant: &TenantId,
        call: CallId,
        contacts: &[LineId],
    ) -> Result<CallState, CallError> {
        // First, so that where it cannot be read nobody learns by that whether there is such a call.
        let known = Known::of(self, tenant, contacts).await?;
        let entry = self.journal.call(tenant, call).await.map_err(failed)?;
        let entry = entry.filter(|entry| !entry.is_of_journal()).ok_or(CallError::NoSuchCall)?;
        let restricted = known.is_restricted(&self.journal, &entry).await;
        Ok(CallState { restricted, ..known.state(&entry).await? })
    }

    async fn amendment_left(&self, tenant: &TenantId) -> Result<Option<(CallId, bool)>, CallError> {
        let gone = erased(&erasures(self.keys(), tenant).await.map_err(failed)?);
        let held = holds(self.keys(), tenant).await.map_err(failed)?;
        let mut left = None;
        for AmendmentNote { record, .. } in &self.journal.rights(tenant).await.map_err(failed)?.amendments {
            // One that was cut off is nowhere.
            if gone.get(record).is_some_and(|gone| gone.content)
                || self.journal.call(tenant, *record).await.map_err(failed)?.is_none()
            {
                continue;
            }
            if held.iter().any(|hold| hold.call == *record) {
                return Ok(Some((*record, true)));
            }
            left = Some((*record, false));
        }
        Ok(left)
    }

    async fn usable(&self, tenant: &TenantId, call: CallId) -> Result<(), CallError> {
        // Where nobody is restricted, no call need be read.
        match self.restrictions(tenant).await.map_err(failed)? {
            Some(_) => self.readable(tenant, call).await.map(drop),
            None => Ok(()),
        }
    }

    async fn file(&self, tenant: &TenantId, call: CallId, reading: Reading) -> Result<Vec<Value>, CallError> {
        let erased = self.erasures_of(tenant, call).await?;
        let records = self.readable(tenant, call).await?;
        let amended = self.amendments_of(tenant, call).await.map_err(failed)?;
        let calls = shown_with(call, &erased, &amended);
        self.note_reading(tenant, "show", calls, Purpose::Content, reading).await?;
        tokio::task::spawn_blocking(move || told(&erased, &records, &amended)).await.map_err(failed)
    }

    async fn recording(&self, tenant: &TenantId, call: CallId, reading: Reading) -> Result<Sound, CallError> {
        let records = self.readable(tenant, call).await?;
        let blocks = match self.journal.recording(tenant, call).await {
            Ok(blocks) => blocks,
            Err(JournalError::Read(ReadError::Erased { .. })) => Vec::new(),
            Err(error) => return Err(failed(error)),
        };
        if blocks.is_empty() {
            let erased = self.erasures_of(tenant, call).await?;
            return Err(CallError::NotThere(why_no_recording(&erased, &records)));
        }
        self.note_reading(tenant, "recording", vec![call], Purpose::Recording, reading).await?;
        let blocks = blocks.into_iter();
        let blocks = blocks.map(|block| RecordingBlock { second: block.second, bytes: block.bytes.into() });
        let (length, parts) = wav_parts(blocks.collect(), SampleRate::TELEPHONE).map_err(failed)?;
        Ok(Sound { length, parts: Box::new(parts) })
    }

    async fn proof(
        &self,
        tenant: &TenantId,
        call: CallId,
        redacted: bool,
        reading: Reading,
    ) -> Result<Vec<u8>, CallError> {
        if !redacted {
            self.readable(tenant, call).await?;
            self.note_reading(tenant, "prove", vec![call], Purpose::Content, reading).await?;
        }
        // One that is just over is proven, too.
        self.journal.publish().await;
        let redaction = Redaction { contents: redacted, ..Redaction::default() };
        let proof = prove(self.data_folder(), self.keys(), tenant, call, redaction, None, Vec::new()).await;
        let proof = proof.map_err(not_proven)?;
        // What is handed over is checked as whoever gets it will.
        let checked = tokio::task::spawn_blocking(move || {
            proof.verify(&Trust::default()).map_err(failed)?;
            serde_json::to_vec(&proof).map_err(failed)
        });
        checked.await.map_err(failed)?
    }
}

fn not_proven(error: ProveError) -> CallError {
    match error {
        ProveError::Read(ReadError::NoSuchCall { .. }) => CallError::NoSuchCall,
        ProveError::Read(ReadError::Erased { .. }) => {
            CallError::NotThere("the call was erased, its trace too; prove the record of its erasure".into())
        }
        ProveError::NotCovered(call) => CallError::Withheld(format!(
            "call {call} is in no signed checkpoint yet; ask again in a few seconds"
        )),
        error @ (ProveError::Read(_)
        | ProveError::Twice { .. }
        | ProveError::Log { .. }
        | ProveError::Since(_)) => failed(error),
    }
}

/// Why a call has no sound, and what to do.
fn why_no_recording(erased: &[ErasureNote], records: &[Record]) -> String {
    if let Some(note) = erased.iter().find(|note| note.purposes.has(Purpose::Recording)) {
        let when = at(note.at).strftime("%Y-%m-%d %H:%M");
        return format!("the recording was erased on {when} UTC; read what is left of the call");
    }
    let any = |wanted: fn(&RecordBody) -> bool| records.iter().any(|record| wanted(&record.body));
    if any(|body| matches!(body, RecordBody::Unkept(unkept) if unkept.purposes.contains(&Purpose::Recording)))
    {
        return "this tenant keeps recordings for 0 days; have whoever runs the installation change that for later calls"
            .into();
    }
    if any(|body| matches!(body, RecordBody::Gate(Gate::Refused))) {
        return "the caller refused to be recorded; read the report of the call".into();
    }
    "this call has no recording, as its line keeps none; have an admin change that for later calls".into()
}

impl Storage {
    async fn erasures_of(&self, tenant: &TenantId, call: CallId) -> Result<Vec<ErasureNote>, CallError> {
        let mut notes = erasures(self.keys(), tenant).await.map_err(failed)?;
        notes.retain(|note| note.calls.contains(&call));
        Ok(notes)
    }

    /// The records of a call whose caller is not restricted; none where all of them were erased.
    async fn readable(&self, tenant: &TenantId, call: CallId) -> Result<Vec<Record>, CallError> {
        let records = match self.journal.records(tenant, call).await {
            Ok(records) => records,
            Err(JournalError::Read(ReadError::Erased { .. })) => Vec::new(),
            Err(JournalError::Read(ReadError::NoSuchCall { .. })) => return Err(CallError::NoSuchCall),
            Err(error) => return Err(failed(error)),
        };
        let restricted = self.restrictions(tenant).await.map_err(failed)?;
        match restricted.and_then(|restricted| restricted.of_call(&records)) {
            None => Ok(records),
            Some(restriction) => {
                let since = at(restriction.at).strftime("%Y-%m-%d %H:%M");
                Err(CallError::Withheld(format!(
                    "call {call} is restricted since {since} UTC, and so kept and not used; release them in a case of theirs, once it may be used: parloir restrict --release"
                )))
            }
        }
    }

    /// What was put right of a call, the first first.
    async fn amendments_of(&self, tenant: &TenantId, call: CallId) -> Result<Vec<AmendedLine>, JournalError> {
        let (rights, mut lines) = (self.journal.rights(tenant).await?, Vec::new());
        for note in rights.amendments.iter().filter(|note| note.call == call) {
            let records = match self.journal.records(tenant, note.record).await {
                Ok(records) => records,
                Err(JournalError::Read(ReadError::Erased { .. } | ReadError::NoSuchCall { .. })) => continue,
                Err(error) => return Err(error),
            };
            for record in records {
                if let RecordBody::Amended(amended) = record.body {
                    let (appointments, amendment) = (amended.appointments, amended.amendment);
                    lines.push(AmendedLine { at: note.at, record: note.record, appointments, amendment });
                }
            }
        }
        Ok(lines)
    }

    /// Tells the log that something of calls is about to be shown: whoever cannot have it told is shown nothing.
    async fn note_reading(
        &self,
        tenant: &TenantId,
        command: &str,
        calls: Vec<CallId>,
        purpose: Purpose,
        Reading { who, why }: Reading,
    ) -> Result<(), CallError> {
        let read = ContentRead { who, command: command.to_owned(), calls, purposes: vec![purpose], why };
        self.journal.note_access(tenant, read).await.map(drop).map_err(failed)
    }

    /// See [`CallFiles::list`]: up to `limit` calls, of `most` of the index. There is a next page where another call was found that is
    /// within reach, or where that many were looked at and none was: of others it says nothing.
    async fn calls_in(
        &self,
        tenant: &TenantId,
        after: Option<&str>,
        limit: usize,
        contacts: &[LineId],
        reach: &Reach,
        most: usize,
    ) -> Result<CallList, CallError> {
        let known = Known::of(self, tenant, contacts).await?;
        let places = Places::of(&known.key, reach);
        let mut from = match after {
            Some(after) => {
                let (began, call) = places.read(after).ok_or(CallError::NoSuchPlace)?;
                Some(self.journal.after(tenant, began, call).await.map_err(failed)?)
            }
            None => None,
        };
        let (mut list, mut looked_at) = (CallList::default(), 0_usize);
        loop {
            let page = self.journal.calls(tenant, from.as_ref(), PAGE).await.map_err(failed)?;
            let CallPage { calls, next } = page;
            let mut calls = calls.into_iter();
            while let Some(entry) = calls.next() {
                looked_at += 1;
                if !entry.is_of_journal() && reach.may_cover(&entry.line) {
                    let mut state = known.state(&entry).await?;
                    if reach.covers(&state) {
                        if list.calls.len() >= limit {
                            list.next = list.calls.last().map(|last| last.place.clone());
                            return Ok(list);
                        }
                        state.restricted = known.is_restricted(&self.journal, &entry).await;
                        let place = places.shown(entry.started_at, entry.call).map_err(failed)?;
                        list.calls.push(Listed { place, call: entry.call, state });
                    }
                }
                if looked_at >= most {
                    if calls.len() > 0 || next.is_some() {
                        list.next = Some(places.sealed(entry.started_at, entry.call).map_err(failed)?);
                    }
                    return Ok(list);
                }
            }
            match next {
                Some(next) => from = Some(next),
                None => return Ok(list),
            }
        }
    }

    /// Notes whom the caller of a call was handed to, and who answered.
    pub(crate) async fn note_handed(
        &self,
        tenant: &TenantId,
        call: CallId,
        to: &[String],
    ) -> Result<(), StoreError> {
        if to.is_empty() {
            return Ok(());
        }
        let key = self.keys().row_key(tenant).await?;
        let noted: Vec<[u8; 32]> = to.iter().map(|number| key.pseudonym(number.as_bytes())).collect();
        let noted = serde_json::to_vec(&noted).map_err(|error| StoreError::Io(error.to_string()))?;
        let batch = Batch::new().put(Table::Reports, handed_row(call), noted);
        self.rows(tenant).await?.apply(batch).await.map(drop)
    }

    /// The rows that are erased with what was said in calls: whom their callers were handed to, and their reviews.
    pub(crate) async fn rows_with(
        &self,
        tenant: &TenantId,
        calls: &[CallId],
    ) -> Result<Vec<Rows>, StoreError> {
        let (store, mut rows) = (self.rows(tenant).await?, Vec::new());
        for call in calls {
            let handed = store.entry(Table::Reports, handed_row(*call)).await?;
            rows.extend(handed.map(|entry| Rows::At(entry.row)));
            let (below, mut from) = (reviews_of(*call), None);
            loop {
                let page = store.scan(Table::Reports, &below, from.as_ref(), PAGE).await?;
                rows.extend(page.entries.into_iter().map(|entry| Rows::At(entry.row)));
                match page.next {
                    Some(next) => from = Some(next),
                    None => break,
                }
            }
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests;
