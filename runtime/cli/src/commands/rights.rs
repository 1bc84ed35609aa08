//! What the commands about persons' rights share: who does it, and what the keys folder and the log say.

use parloir_contract::{CallId, TenantId};
use parloir_journal::{CaseNote, CaseStep, Restriction, list_tenants, rights};
use parloir_persons::Number;
pub(crate) use parloir_server::Own;
use parloir_server::{Folders, Restrictions, RightsDone, RightsRequest, hand_over_rights};
use parloir_store::Keyring;

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
    let Some(restricted) = Restrictions::of(own.keys(), tenant).await? else { return Ok(()) };
    match restricted.of_call(&own.records(tenant, call).await?) {
        None => Ok(()),
        Some(restriction) => Err(Failure::new(self::restricted(tenant, call, &restriction))),
    }
}
