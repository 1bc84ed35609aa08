//! Rectification: what a call's field should say is recorded beside what was recorded, and put right in the appointments that
//! were made in it.

use std::collections::HashSet;

use parloir_contract::{CallId, Status, TenantId};
use parloir_journal::{Amendment, CaseStep, JournalError, RecordBody};
use parloir_persons::{CallFile, Number};
use parloir_tenancy::calendar::{Correction, Kept};

use super::{CaseError, RightsDone, RightsError, WORDS};
use crate::{EraseError, Storage};

/// What is another, where a case is not of who is in the call.
pub(super) const ANOTHER_CALLS: &str = "person than this call";
/// What names no appointment of a call.
const NO_APPOINTMENT: &str = "none";

/// Refuses what no field of a call may be put right to.
fn may_say(field: &str, to: &str) -> Result<(), RightsError> {
    if to.is_empty() {
        return Err(RightsError::Nothing);
    }
    if to.chars().count() > WORDS {
        return Err(RightsError::TooLong);
    }
    if field == "status" && !Status::ALL.iter().any(|status| status.word() == to) {
        return Err(RightsError::NoStatus { said: to.chars().take(40).collect() });
    }
    Ok(())
}

/// What a field of a call was put right to, and the record of it.
struct Before {
    record: CallId,
    to: String,
    /// In how many appointments, as the record says.
    appointments: u32,
}

impl Storage {
    pub(super) async fn rectify(
        &self,
        call: CallId,
        (field, to): (&str, &str),
        appointment: Option<&str>,
        case: Option<CallId>,
    ) -> Result<RightsDone, RightsError> {
        may_say(field, to)?;
        let (tenant, _) = self.journal.find(call).await?.ok_or(EraseError::NoSuchCall(call))?;
        let records = self.journal.records(&tenant, call).await?;
        if let Some(case) = case {
            let person = self.case_of(case, &tenant, None).await?.number;
            let theirs = person.is_some_and(|person| CallFile::of(call, records.clone(), &person).is_some());
            if !theirs {
                return Err(CaseError::Other { case, what: ANOTHER_CALLS }.into());
            }
        }
        let file = CallFile::whole(call, records).ok_or(EraseError::NoSuchCall(call))?;
        let recorded = recorded(&file, field)?;
        let (to, correction) = match field {
            "contact.name" => (to.to_owned(), Some(Correction::Name(to.to_owned()))),
            "contact.phone" => {
                let number = to.parse::<Number>()?.to_string();
                (number.clone(), Some(Correction::Phone(number)))
            }
            "motive" => (to.to_owned(), Some(Correction::Motive(to.to_owned()))),
            _ => (to.to_owned(), None),
        };
        let kept = Kept::new(self.rows(&tenant).await?);
        let before = self.amended(&tenant, call, field).await?;
        let made = match &correction {
            Some(correction) => {
                correction.check()?;
                made(&kept, &file, &before, correction, &to).await?
            }
            None => Made::default(),
        };
        let meant = match &correction {
            Some(_) => {
                let standing = made.standing.iter().map(|(reference, _)| reference.clone()).collect();
                meant(standing, appointment, (field, recorded.as_slice()))?
            }
            None => Vec::new(),
        };
        // Those that will say it, with those that were put right so before.
        let say = made.standing.iter().filter(|(reference, says)| *says || meant.contains(reference)).count();
        let appointments = u32::try_from(say).unwrap_or(u32::MAX);
        // It may be that the last record told of one that nobody can look at any more.
        let told_of = appointments.saturating_add(made.elsewhere);
        // In the log first: nothing is changed that nobody can account for. What was said there last, of as many, is not said again.
        let record = match before.last() {
            Some(last) if last.to == to && last.appointments >= told_of => last.record,
            Some(_) | None => {
                let amendment = Amendment { field: field.to_owned(), to };
                self.journal.amend(&tenant, call, amendment, appointments).await?
            }
        };
        let (mut appointments, mut left) = (0_u32, Vec::new());
        for reference in meant {
            let Some(correction) = &correction else { break };
            match kept.correct(&reference, correction).await {
                Ok(true) => appointments = appointments.saturating_add(1),
                // It was cancelled meanwhile.
                Ok(false) => {}
                Err(refusal) => left.push((reference, refusal.to_string())),
            }
        }
        if let Some(case) = case {
            let references: Vec<&str> = left.iter().map(|(reference, _)| reference.as_str()).collect();
            let why = (!left.is_empty())
                .then(|| format!("in part: but not in appointment {}", references.join(", ")));
            self.step(&tenant, case, CaseStep::Rectified, Some(record), None, why.as_ref()).await?;
        }
        Ok(RightsDone::Rectified { record, recorded, appointments, left })
    }

    /// What a field of a call was put right to before, the first first, each with its record.
    async fn amended(
        &self,
        tenant: &TenantId,
        call: CallId,
        field: &str,
    ) -> Result<Vec<Before>, JournalError> {
        let mut before = Vec::new();
        let all = self.journal.rights(tenant).await?;
        for note in all.amendments.iter().filter(|note| note.call == call) {
            for record in self.own(tenant, note.record).await? {
                if let RecordBody::Amended(amended) = record.body {
                    let (record, appointments) = (note.record, amended.appointments);
                    let of_field = amended.amendment.filter(|one| one.field == field);
                    before.extend(of_field.map(|one| Before { record, to: one.to, appointments }));
                }
            }
        }
        Ok(before)
    }
}

/// What is recorded of a call under a field.
fn recorded(file: &CallFile, field: &str) -> Result<Vec<String>, RightsError> {
    let fields = file.fields();
    let of_field = fields.iter().filter(|(name, _)| name == field);
    let recorded: Vec<String> = of_field.map(|(_, value)| value.clone()).collect();
    if !recorded.is_empty() {
        return Ok(recorded);
    }
    let mut known: Vec<String> = Vec::new();
    for (name, _) in fields {
        if !known.contains(&name) {
            known.push(name);
        }
    }
    if known.is_empty() {
        known.push("nothing: it was not kept, or was erased".into());
    }
    Err(RightsError::NoField { field: field.to_owned(), known })
}

/// The appointments that were made in a call.
#[derive(Default)]
struct Made {
    /// Those that stand, and say what was recorded there, or what that was put right to before; and whether that is what they
    /// should say now.
    standing: Vec<(String, bool)>,
    /// How many do not stand any more, or say what came from somewhere else.
    elsewhere: u32,
}

async fn made(
    kept: &Kept,
    file: &CallFile,
    before: &[Before],
    correction: &Correction,
    to: &str,
) -> Result<Made, RightsError> {
    let mut standing: Vec<(String, bool)> = Vec::new();
    let mut elsewhere: HashSet<&str> = HashSet::new();
    for made in file.booked() {
        let recorded = correction.before(made);
        let present = kept.get(&made.reference).await?;
        let says = present.as_ref().map(|present| correction.before(present));
        let ours = says.is_some_and(|says| says == recorded || before.iter().any(|before| before.to == says));
        if !ours {
            elsewhere.insert(&made.reference);
        } else if !standing.iter().any(|(reference, _)| *reference == made.reference) {
            standing.push((made.reference.clone(), says == Some(to) && recorded != to));
        }
    }
    // One that was recorded twice is ours where either says so.
    elsewhere.retain(|reference| !standing.iter().any(|(ours, _)| ours == reference));
    Ok(Made { standing, elsewhere: u32::try_from(elsewhere.len()).unwrap_or(u32::MAX) })
}

/// Which of the appointments that stand are to be put right.
fn meant(
    standing: Vec<String>,
    appointment: Option<&str>,
    (field, recorded): (&str, &[String]),
) -> Result<Vec<String>, RightsError> {
    match appointment {
        Some(NO_APPOINTMENT) => Ok(Vec::new()),
        Some(reference) if standing.iter().any(|one| one == reference) => Ok(vec![reference.to_owned()]),
        Some(reference) => Err(RightsError::NoAppointment(reference.chars().take(40).collect())),
        None if recorded.len() > 1 && !standing.is_empty() => {
            Err(RightsError::Several { field: field.to_owned(), recorded: recorded.to_vec(), standing })
        }
        None => Ok(standing),
    }
}
