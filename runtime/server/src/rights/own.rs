//! The records of the journal's own calls, and what they and a tenant's calls say of a person, from the files: for commands beside
//! an installation that serves, and for its administration.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use parloir_admin::resource::{Case, Item};
use parloir_contract::{CallId, TenantId};
use parloir_journal::{
    CaseNote, CaseStep, JournalError, Location, Named, ReadError, Record, RecordBody, Rights, list_places,
    read_call, read_recording, rights,
};
use parloir_media::{RecordingBlock, SampleRate, wav_parts};
use parloir_persons::{CallFile, Concern, Number, vcon};
use parloir_store::{Keyring, Kms, StoreError};
use serde::Serialize;
use tokio::sync::Mutex;

use super::today;
use crate::{AmendedLine, Folders, KeptRow, Left, Storage};

/// References that are looked up in one tenant's storage: what one request to an installation that serves has place for.
const REFERENCES: usize = 5_000;

/// A step of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseLine {
    /// When, in nanoseconds since 1970-01-01 UTC.
    pub at: u64,
    /// What.
    pub step: CaseStep,
    /// The last day of the term since then.
    pub due: String,
    /// The call that holds the record of what was done.
    pub record: Option<CallId>,
    /// Of whom it is, and why: content.
    pub named: Option<Named>,
}

/// A call of a person's as it is told and exported: of which tenant, and what is known.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PersonCall {
    /// Whose call it is.
    pub tenant: TenantId,
    /// What is known of it.
    #[serde(flatten)]
    pub file: CallFile,
}

impl PersonCall {
    /// Its file of an export.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn json(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec_pretty(self)
    }

    /// The same as a vCon, with its sound where there is any.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn vcon(&self, wav: Option<&[u8]>) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec_pretty(&vcon(&self.file, wav))
    }
}

/// The rows of an export.
///
/// # Errors
/// Where they cannot be written.
pub fn rows_json(rows: &[&KeptRow]) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec_pretty(rows)
}

/// The cases of an export.
///
/// # Errors
/// Where they cannot be written.
pub fn cases_json(cases: &[(&TenantId, CaseNote)]) -> Result<Vec<u8>, serde_json::Error> {
    let cases: Vec<_> = cases.iter().map(|(tenant, case)| case_json(tenant, case)).collect();
    serde_json::to_vec_pretty(&cases)
}

/// Whether a case's term is over before it is closed.
#[must_use]
pub fn overdue(case: &CaseNote) -> bool {
    Case::of(case, today()).spec.overdue
}

/// A case for programs: no number, no words.
#[must_use]
pub fn case_json(tenant: &TenantId, case: &CaseNote) -> serde_json::Value {
    let Item { id, etag: _, changed, spec } = Case::of(case, today());
    let Case { right, received, due, extended, state, overdue, steps: _ } = spec;
    serde_json::json!({
        "case": id, "tenant": tenant.as_str(), "right": right, "received": received, "due": due,
        "extended_months": extended, "state": state, "overdue": overdue,
        "closed": changed.map(|at| at.strftime("%Y-%m-%d %H:%M:%S").to_string()),
    })
}

/// The references of the appointments of a person's calls with a tenant, to be looked up; and why not all of them, where they are
/// too many. One that was only found in a call, or made in another's, may be anybody's.
pub fn references<'a>(
    tenant: &TenantId,
    found: impl IntoIterator<Item = &'a PersonCall>,
) -> (Vec<String>, Option<String>) {
    let theirs = |told: &&PersonCall| told.tenant == *tenant && told.file.concern == Concern::Caller;
    let booked = found.into_iter().filter(theirs).flat_map(|told| told.file.booked());
    let mut references: Vec<String> = booked.map(|made| made.reference.clone()).collect();
    references.sort();
    references.dedup();
    if references.len() <= REFERENCES {
        return (references, None);
    }
    let more = references.len() - REFERENCES;
    references.truncate(REFERENCES);
    let missing = format!(
        "{more} appointment(s) of their calls with {tenant} were not looked up: {REFERENCES} are at once"
    );
    (references, Some(missing))
}

/// The bytes of a WAV, in parts of about a second.
type WavParts = Box<dyn Iterator<Item = Vec<u8>> + Send>;

/// Where the calls of a tenant begin.
type Places = HashMap<CallId, Location>;

/// The records of the journal's own calls, from the files: where calls begin is looked for once for each tenant, and what persons
/// asked of it is read once.
pub struct Own {
    data: PathBuf,
    keys: Arc<dyn Kms>,
    places: Mutex<HashMap<TenantId, Places>>,
    asked: Mutex<HashMap<TenantId, Arc<Rights>>>,
}

impl Own {
    /// Those of these folders.
    ///
    /// # Errors
    /// Where the keys cannot be read.
    pub fn open(folders: &Folders) -> Result<Self, StoreError> {
        let keys = Keyring::open(&folders.keys).map_err(StoreError::from)?;
        let (data, keys) = (folders.data.clone(), Arc::new(keys));
        Ok(Self { data, keys, places: Mutex::default(), asked: Mutex::default() })
    }

    /// Those of an installation that serves.
    pub(crate) fn of(storage: &Storage) -> Self {
        let (data, keys) = (storage.data_folder().to_owned(), storage.directory_rooms().kms);
        Self { data, keys, places: Mutex::default(), asked: Mutex::default() }
    }

    /// The keys.
    #[must_use]
    pub fn keys(&self) -> &dyn Kms {
        &*self.keys
    }

    async fn place(&self, tenant: &TenantId, call: CallId) -> Result<Option<Location>, ReadError> {
        let mut all = self.places.lock().await;
        if let Some(places) = all.get(tenant) {
            return Ok(places.get(&call).copied());
        }
        let places: Places = list_places(&self.data, tenant).await?.into_iter().collect();
        let place = places.get(&call).copied();
        all.insert(tenant.clone(), places);
        Ok(place)
    }

    /// What persons asked of a tenant when it was first asked for here.
    async fn asked(&self, tenant: &TenantId) -> Result<Arc<Rights>, JournalError> {
        let mut all = self.asked.lock().await;
        if let Some(asked) = all.get(tenant) {
            return Ok(Arc::clone(asked));
        }
        let asked = Arc::new(rights(self.keys(), tenant).await?);
        all.insert(tenant.clone(), Arc::clone(&asked));
        Ok(asked)
    }

    /// The records of a call; none where they are not in this log, or were erased.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub async fn records(&self, tenant: &TenantId, call: CallId) -> Result<Vec<Record>, ReadError> {
        let place = self.place(tenant, call).await?;
        if place.is_none() {
            return Ok(Vec::new());
        }
        match read_call(&self.data, self.keys(), tenant, call, place).await {
            Err(ReadError::NoSuchCall { .. } | ReadError::Erased { .. }) => Ok(Vec::new()),
            records => records,
        }
    }

    /// The steps of a case, as far as they are in this log.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub async fn steps(&self, tenant: &TenantId, case: &CaseNote) -> Result<Vec<CaseLine>, ReadError> {
        let mut lines = Vec::new();
        for call in &case.records {
            for Record { at, body, .. } in self.records(tenant, *call).await? {
                if let RecordBody::Case(case) = body {
                    let (step, due, record, named) = (case.step, case.due, case.record, case.named);
                    lines.push(CaseLine { at, step, due, record, named });
                }
            }
        }
        Ok(lines)
    }

    /// What was put right of a call, the first first.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub async fn amendments(
        &self,
        tenant: &TenantId,
        call: CallId,
    ) -> Result<Vec<AmendedLine>, JournalError> {
        let mut lines = Vec::new();
        for note in self.asked(tenant).await?.amendments.iter().filter(|note| note.call == call) {
            for record in self.records(tenant, note.record).await? {
                if let RecordBody::Amended(amended) = record.body {
                    let (record, appointments, amendment) =
                        (note.record, amended.appointments, amended.amendment);
                    lines.push(AmendedLine { at: note.at, record, appointments, amendment });
                }
            }
        }
        Ok(lines)
    }

    /// A call as it concerns a person, with what was put right of it and what was handed over when it was over; `None` where it
    /// does not, or was erased. What of it could not be read is added to `unread`.
    ///
    /// # Errors
    /// Where what was put right cannot be read.
    pub async fn person_call(
        &self,
        (tenant, person): (&TenantId, &Number),
        (call, first): (CallId, Location),
        deliveries: &[(CallId, CallId, Location)],
        unread: &mut Vec<Left>,
    ) -> Result<Option<PersonCall>, JournalError> {
        let records = match read_call(&self.data, self.keys(), tenant, call, Some(first)).await {
            Ok(records) => records,
            // Nothing is known of it any more.
            Err(ReadError::Erased { .. }) => return Ok(None),
            Err(error) => {
                unread.push(Left { call, why: error.to_string() });
                return Ok(None);
            }
        };
        let Some(mut file) = CallFile::of(call, records, person) else { return Ok(None) };
        for amended in self.amendments(tenant, call).await? {
            let Some(amendment) = amended.amendment else { continue };
            if file.concern == Concern::Caller || person.is_in(&amendment.to) {
                file.amend(amended.at, amended.record, amendment.field, amendment.to);
            }
        }
        for (_, held_in, first) in deliveries.iter().filter(|(of, ..)| *of == call) {
            match read_call(&self.data, self.keys(), tenant, *held_in, Some(*first)).await {
                Ok(records) => file.add_delivery(*held_in, records),
                Err(ReadError::Erased { .. }) => {}
                Err(error) => unread.push(Left { call: *held_in, why: error.to_string() }),
            }
        }
        Ok(Some(PersonCall { tenant: tenant.clone(), file }))
    }

    /// The cases in which a person asked for something before.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub async fn cases_of(&self, tenant: &TenantId, person: &Number) -> Result<Vec<CaseNote>, JournalError> {
        let mut asked = Vec::new();
        for note in &self.asked(tenant).await?.cases {
            let steps = self.steps(tenant, note).await?;
            let number = steps.into_iter().find_map(|step| step.named?.number);
            if number.is_some_and(|number| person.is_in(&number)) {
                asked.push(note.clone());
            }
        }
        Ok(asked)
    }

    /// The sound of a call as a WAV, for an export; `None` where there is none, or it is somebody else's.
    ///
    /// # Errors
    /// Why it could not be read, in words.
    pub async fn wav(&self, told: &PersonCall) -> Result<Option<Vec<u8>>, String> {
        let Some((length, parts)) = self.wav_in_parts(told).await? else { return Ok(None) };
        let made = tokio::task::spawn_blocking(move || {
            let mut wav = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
            parts.for_each(|part| wav.extend_from_slice(&part));
            wav
        });
        made.await.map(Some).map_err(|error| error.to_string())
    }

    /// The same, made as it is taken: its length, and its parts.
    pub(super) async fn wav_in_parts(&self, told: &PersonCall) -> Result<Option<(u64, WavParts)>, String> {
        // The sound is its caller's.
        if told.file.concern == Concern::Named {
            return Ok(None);
        }
        let (data, call) = (&self.data, told.file.call);
        let sealed = read_recording(data, self.keys(), &told.tenant, call, None).await;
        let sealed = sealed.map_err(|error| error.to_string())?;
        if sealed.is_empty() {
            return Ok(None);
        }
        let blocks = sealed.into_iter().map(|b| RecordingBlock { second: b.second, bytes: b.bytes.into() });
        let made = wav_parts(blocks.collect(), SampleRate::TELEPHONE).map_err(|error| error.to_string())?;
        let (length, parts): (u64, WavParts) = (made.0, Box::new(made.1));
        Ok(Some((length, parts)))
    }
}
