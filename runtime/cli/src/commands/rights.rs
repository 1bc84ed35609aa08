//! What the commands about persons' rights share: who does it, and what the keys folder and the log say.

use std::collections::HashMap;
use std::path::PathBuf;

use parloir_contract::{CallId, TenantId};
use parloir_journal::{
    CaseNote, CaseStep, Location, Named, ReadError, Record, RecordBody, Restriction, list_places,
    list_tenants, read_call, rights,
};
use parloir_persons::Number;
use parloir_server::{AmendedLine, Folders, Restrictions, RightsDone, RightsRequest, hand_over_rights};
use parloir_store::Keyring;
use tokio::sync::Mutex;

use crate::commands::calls::time;
use crate::{Failure, access, terminal};

/// Does what a person asks for, or has the installation do it that serves these folders.
pub(crate) async fn ask(folders: &Folders, request: &RightsRequest) -> Result<RightsDone, Failure> {
    let spinner = terminal::spinner("looking and writing");
    let done = async {
        if let Some(done) = hand_over_rights(&folders.keys, request).await? {
            return Ok::<_, Failure>(done);
        }
        let storage = access::storage(folders).await?;
        let done = storage.rights(request).await;
        storage.close().await;
        Ok(done?)
    };
    let done = done.await;
    spinner.finish_and_clear();
    done
}

/// What answered something else than was asked.
pub(crate) fn other_version() -> Failure {
    Failure::new("the `parloir serve` of this folder answered something else: is it of another version?")
}

/// A case, and whose it is.
pub(crate) async fn case(folders: &Folders, case: CallId) -> Result<(TenantId, CaseNote), Failure> {
    let keyring = Keyring::open(&folders.keys)?;
    for tenant in list_tenants(&folders.data).await? {
        if let Some(note) = rights(&keyring, &tenant).await?.case(case) {
            return Ok((tenant, note.clone()));
        }
    }
    Err(Failure::new(format!("there is no case {case} here: `parloir case list` lists those there are")))
}

/// Looks, before something is done for a case, whether it is there, open, of this tenant and of this person.
pub(crate) async fn fits(
    folders: &Folders,
    number: &Number,
    tenant: &TenantId,
    case: CallId,
) -> Result<(), Failure> {
    let (tenant, number) = (tenant.clone(), number.to_string());
    ask(folders, &RightsRequest::Fits { case, tenant, number }).await.map(drop)
}

/// Notes in a case what was done, and what of it was not.
pub(crate) async fn note(
    folders: &Folders,
    case: CallId,
    step: CaseStep,
    record: Option<CallId>,
    why: Option<String>,
) -> Result<(), Failure> {
    ask(folders, &RightsRequest::Note { case, step, record, why }).await.map(drop)
}

/// A step of a case.
pub(crate) struct CaseLine {
    pub(crate) at: u64,
    pub(crate) step: CaseStep,
    pub(crate) due: String,
    pub(crate) record: Option<CallId>,
    pub(crate) named: Option<Named>,
}

/// Where the calls of a tenant begin.
type Places = HashMap<CallId, Location>;

/// The records of the journal's own calls, from the files: where calls begin is looked for once for each tenant.
pub(crate) struct Own {
    data: PathBuf,
    keyring: Keyring,
    places: Mutex<HashMap<TenantId, Places>>,
}

impl Own {
    pub(crate) fn open(folders: &Folders) -> Result<Self, Failure> {
        let keyring = Keyring::open(&folders.keys)?;
        Ok(Self { data: folders.data.clone(), keyring, places: Mutex::default() })
    }

    async fn place(&self, tenant: &TenantId, call: CallId) -> Result<Option<Location>, Failure> {
        let mut all = self.places.lock().await;
        if let Some(places) = all.get(tenant) {
            return Ok(places.get(&call).copied());
        }
        let places: Places = list_places(&self.data, tenant).await?.into_iter().collect();
        let place = places.get(&call).copied();
        all.insert(tenant.clone(), places);
        Ok(place)
    }

    /// The records of a call; none where they are not in this log, or were erased.
    async fn records(&self, tenant: &TenantId, call: CallId) -> Result<Vec<Record>, Failure> {
        let place = self.place(tenant, call).await?;
        if place.is_none() {
            return Ok(Vec::new());
        }
        match read_call(&self.data, &self.keyring, tenant, call, place).await {
            Ok(records) => Ok(records),
            Err(ReadError::NoSuchCall { .. } | ReadError::Erased { .. }) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// The steps of a case, as far as they are in this log.
    pub(crate) async fn steps(&self, tenant: &TenantId, case: &CaseNote) -> Result<Vec<CaseLine>, Failure> {
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
    pub(crate) async fn amendments(
        &self,
        tenant: &TenantId,
        call: CallId,
    ) -> Result<Vec<AmendedLine>, Failure> {
        let mut lines = Vec::new();
        for note in rights(&self.keyring, tenant).await?.amendments.iter().filter(|note| note.call == call) {
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
}

/// That a call may not be used, and how it may be again. Why is sealed in the restriction's record: whoever reads that is noted.
pub(crate) fn restricted(tenant: &TenantId, call: CallId, restriction: &Restriction) -> String {
    format!(
        "call {call} is restricted since {} UTC: it is kept, and not used. `parloir show {}` says why, `parloir restrict --tenant {tenant} --number NUMBER --release` lifts it; the person themselves is answered with `parloir person`",
        time(restriction.at),
        restriction.record
    )
}

/// Refuses a call whose caller is restricted: it is kept, and not used.
pub(crate) async fn unrestricted(folders: &Folders, tenant: &TenantId, call: CallId) -> Result<(), Failure> {
    let own = Own::open(folders)?;
    let Some(restricted) = Restrictions::of(&own.keyring, tenant).await? else { return Ok(()) };
    match restricted.of_call(&own.records(tenant, call).await?) {
        None => Ok(()),
        Some(restriction) => Err(Failure::new(self::restricted(tenant, call, &restriction))),
    }
}
