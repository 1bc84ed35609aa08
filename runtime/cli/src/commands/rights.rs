//! What the commands about persons' rights share: who does it, and what the keys folder and the log say.

use parloir_contract::{CallId, TenantId};
use parloir_journal::{
    Amendment, CaseNote, CaseStep, Named, ReadError, Record, RecordBody, Restriction, Right, list_tenants,
    read_call, rights,
};
use parloir_persons::Number;
use parloir_server::{Folders, Restrictions, RightsDone, RightsRequest, Storage, hand_over_rights, named};
use parloir_store::Keyring;

use crate::commands::calls::time;
use crate::{Failure, terminal};

/// Does what a person asks for, or has the installation do it that serves these folders.
pub(crate) async fn ask(folders: &Folders, request: &RightsRequest) -> Result<RightsDone, Failure> {
    let spinner = terminal::spinner("looking and writing");
    let done = async {
        if let Some(done) = hand_over_rights(&folders.keys, request).await? {
            return Ok::<_, Failure>(done);
        }
        let storage = Storage::open(folders).await?;
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
    number: Option<&Number>,
    tenant: Option<&TenantId>,
    id: CallId,
) -> Result<(), Failure> {
    let (of, note) = case(folders, id).await?;
    let other = |what: &str| {
        Failure::bad_input(&format!(
            "case {id} is of another {what}: look at it with `parloir case show {id}`"
        ))
    };
    if note.closed.is_some() {
        return Err(Failure::bad_input(&format!("case {id} is closed: open another for what is asked now")));
    }
    if tenant.is_some_and(|tenant| *tenant != of) {
        return Err(other("tenant"));
    }
    let person = steps(folders, &of, &note).await?.into_iter().find_map(|step| step.named?.number);
    if let (Some(person), Some(number)) = (person, number)
        && !number.is_in(&person)
    {
        return Err(other("person"));
    }
    Ok(())
}

/// Notes in a case what was done.
pub(crate) async fn note(
    folders: &Folders,
    case: CallId,
    step: CaseStep,
    record: Option<CallId>,
) -> Result<(), Failure> {
    ask(folders, &RightsRequest::Note { case, step, record }).await.map(drop)
}

/// A step of a case.
pub(crate) struct CaseLine {
    pub(crate) at: u64,
    pub(crate) step: CaseStep,
    pub(crate) due: String,
    pub(crate) record: Option<CallId>,
    pub(crate) named: Option<Named>,
}

/// The steps of a case, as far as they are in this log.
pub(crate) async fn steps(
    folders: &Folders,
    tenant: &TenantId,
    case: &CaseNote,
) -> Result<Vec<CaseLine>, Failure> {
    let mut lines = Vec::new();
    for call in &case.records {
        for Record { at, body, .. } in own(folders, tenant, *call).await? {
            if let RecordBody::Case(case) = body {
                let (step, due, record, named) = (case.step, case.due, case.record, case.named);
                lines.push(CaseLine { at, step, due, record, named });
            }
        }
    }
    Ok(lines)
}

/// The records of a call of the journal's own; none where they are not in this log.
async fn own(folders: &Folders, tenant: &TenantId, call: CallId) -> Result<Vec<Record>, Failure> {
    let keyring = Keyring::open(&folders.keys)?;
    match read_call(&folders.data, &keyring, tenant, call, None).await {
        Ok(records) => Ok(records),
        Err(ReadError::NoSuchCall { .. } | ReadError::Erased { .. }) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// Something that was put right of a call.
pub(crate) struct AmendedLine {
    pub(crate) at: u64,
    pub(crate) record: CallId,
    pub(crate) appointments: u32,
    /// `None` where it was erased.
    pub(crate) amendment: Option<Amendment>,
}

/// What was put right of a call, the first first.
pub(crate) async fn amendments(
    folders: &Folders,
    tenant: &TenantId,
    call: CallId,
) -> Result<Vec<AmendedLine>, Failure> {
    let keyring = Keyring::open(&folders.keys)?;
    let mut lines = Vec::new();
    for note in rights(&keyring, tenant).await?.amendments.iter().filter(|note| note.call == call) {
        for record in own(folders, tenant, note.record).await? {
            if let RecordBody::Amended(amended) = record.body {
                let (record, appointments, amendment) =
                    (note.record, amended.appointments, amended.amendment);
                lines.push(AmendedLine { at: note.at, record, appointments, amendment });
            }
        }
    }
    Ok(lines)
}

/// Refuses a call whose caller is restricted: it is kept, and not used.
pub(crate) async fn unrestricted(folders: &Folders, tenant: &TenantId, call: CallId) -> Result<(), Failure> {
    let keyring = Keyring::open(&folders.keys)?;
    let Some(restricted) = Restrictions::of(&keyring, tenant).await? else { return Ok(()) };
    let records = own(folders, tenant, call).await?;
    match restricted.of_call(&records) {
        None => Ok(()),
        Some(restriction) => Err(Failure::new(why(folders, tenant, call, &restriction).await)),
    }
}

/// Why a call may not be used, and how it may be again.
pub(crate) async fn why(
    folders: &Folders,
    tenant: &TenantId,
    call: CallId,
    restriction: &Restriction,
) -> String {
    let records = own(folders, tenant, restriction.record).await.unwrap_or_default();
    let reason = records.into_iter().find_map(|record| named(record.body)?.why);
    let reason = reason.map(|why| format!(" ({why})")).unwrap_or_default();
    format!(
        "call {call} is restricted since {} UTC{reason}: it is kept, and not used. `parloir restrict --tenant {tenant} --number NUMBER --release` lifts it; the person themselves is answered with `parloir person`",
        time(restriction.at)
    )
}

/// A right in a word.
pub(crate) fn right(right: Right) -> &'static str {
    match right {
        Right::Access => "access",
        Right::Rectify => "rectify",
        Right::Restrict => "restrict",
        Right::Object => "object",
        Right::Erase => "erase",
        Right::Portability => "portability",
    }
}

/// A step in words.
pub(crate) fn step(step: CaseStep) -> &'static str {
    match step {
        CaseStep::Opened => "opened",
        CaseStep::Extended => "extended",
        CaseStep::Exported => "exported",
        CaseStep::Rectified => "rectified",
        CaseStep::Restricted => "restricted",
        CaseStep::Released => "released",
        CaseStep::Blocked => "blocked",
        CaseStep::Unblocked => "unblocked",
        CaseStep::Erased => "erased",
        CaseStep::Done => "done",
        CaseStep::Refused => "refused",
    }
}
