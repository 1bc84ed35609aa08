//! What a tenant's own people do for persons by the administration: the cases, the search and the export of the commands, on the
//! storage that serves.

use async_trait::async_trait;
use parloir_admin::resource::{
    Case, CaseStep, CloseCase, EraseCase, ExtendCase, Item, MAX_PERSON_CALLS, NewCase, Rectification,
    RectifyCase, RestrictCase,
};
use parloir_admin::{CaseList, Erased, Looked, PersonError, PersonFile, PersonFiles, Reading};
use parloir_contract::{CallId, Refusal, TenantId};
use parloir_journal::{
    CaseStep as Step, ContentRead, JournalError, Purpose, Record, RecordBody, erased, erasures,
};
use parloir_persons::{Concern, Number};

use super::cases::Known;
use super::own::{Own, PersonCall, cases_json, references, rows_json};
use super::rectify::ANOTHER_CALLS;
use super::{CaseError, RightsDone, RightsError, RightsRequest, today};
use crate::call_files::at;
use crate::call_places::Places;
use crate::erasure::not_done;
use crate::{EraseError, EraseRequest, Left, Storage, Whose};

/// The rows of an answer.
const ROWS: &str = "rows.json";
/// The cases of an answer.
const CASES: &str = "cases.json";

fn failed(error: impl std::fmt::Display) -> PersonError {
    PersonError::Failed(error.to_string())
}

fn is_closed() -> PersonError {
    PersonError::Refused("the case is closed; open another for what is asked now".into())
}

impl From<RightsError> for PersonError {
    fn from(error: RightsError) -> Self {
        let sentence = error.to_string();
        match error {
            RightsError::Case(CaseError::Other { what: "person", .. }) => {
                Self::Refused("the case is of another person; open one for this number".into())
            }
            RightsError::Case(CaseError::Other { what: ANOTHER_CALLS, .. }) => {
                Self::Refused("the case is of another person than the call; open one for theirs".into())
            }
            RightsError::Case(CaseError::NoSuch(_) | CaseError::Other { .. })
            | RightsError::Journal(JournalError::NoSuchCase { .. }) => Self::NoSuchCase,
            RightsError::Journal(JournalError::CaseClosed { .. }) => is_closed(),
            RightsError::Journal(JournalError::TooManyCases { most, .. }) => Self::Refused(format!(
                "{most} cases are open already, and no more may be; close those that are answered, and open this one then, with the day on which it was received"
            )),
            RightsError::Journal(JournalError::TooManySteps { most, .. }) => Self::Refused(format!(
                "the case has {most} steps already, and no more may be; close it, and open another for what is still to be done"
            )),
            RightsError::NoDay(_) => Self::Invalid { field: "received", sentence },
            RightsError::NoNumber(_) | RightsError::Unknown(EraseError::NoNumber(_)) => {
                Self::Invalid { field: "number", sentence }
            }
            RightsError::TooLong => Self::Invalid { field: "why", sentence },
            RightsError::Extended { .. } => Self::Refused(format!("{sentence}; answer the person")),
            RightsError::Late { .. } => Self::Refused(sentence),
            RightsError::Unknown(EraseError::NoSuchCall(_)) => no_call(),
            RightsError::Journal(JournalError::NothingLeft { .. }) => nothing_left(),
            RightsError::Several { recorded, standing, .. } => {
                let (recorded, standing) = (recorded.join(", "), standing.join(", "));
                let sentence = format!(
                    "several values are recorded there ({recorded}), and these appointments of the call stand: {standing}; name one of them, or write none for the report alone"
                );
                Self::Invalid { field: "appointment", sentence }
            }
            RightsError::NoAppointment(_) => {
                let sentence = "that is no standing appointment that was made in this call and still says what was recorded there; leave it out to be told which there are, or write none for the report alone";
                Self::Invalid { field: "appointment", sentence: sentence.into() }
            }
            RightsError::NoField { known, .. } => {
                let sentence =
                    format!("the call has nothing to put right there; what it has: {}", known.join(", "));
                Self::Invalid { field: "field", sentence }
            }
            RightsError::NoStatus { .. }
            | RightsError::Nothing
            | RightsError::Calendar(Refusal::Invalid(_)) => Self::Invalid { field: "to", sentence },
            RightsError::Unknown(_)
            | RightsError::Calendar(_)
            | RightsError::Journal(_)
            | RightsError::Store(_) => Self::Failed(sentence),
        }
    }
}

impl From<EraseError> for PersonError {
    fn from(error: EraseError) -> Self {
        match error {
            EraseError::Case(error) => RightsError::Case(error).into(),
            EraseError::NoNumber(error) => RightsError::NoNumber(error).into(),
            EraseError::TooLong => Self::Invalid { field: "reason", sentence: error.to_string() },
            EraseError::NoSuchCall(_)
            | EraseError::NoSuchTenant(_)
            | EraseError::Journal(_)
            | EraseError::Store(_) => failed(error),
        }
    }
}

fn no_call() -> PersonError {
    let sentence = "the tenant has no such call, or nothing is left of it; list them with parloir calls";
    PersonError::Invalid { field: "call", sentence: sentence.into() }
}

fn nothing_left() -> PersonError {
    let sentence = "what was said in the call was erased; there is nothing left of it to put right";
    PersonError::Invalid { field: "call", sentence: sentence.into() }
}

/// The call of a file of an answer, and which of its files that is.
fn parsed(name: &str) -> Option<(CallId, &str)> {
    let (call, kind) = name.split_once('.')?;
    Some((call.parse().ok()?, kind))
}

impl Storage {
    /// A case of this tenant's, open or closed.
    async fn case_here(&self, tenant: &TenantId, case: CallId) -> Result<Known, PersonError> {
        // No other tenant's log is looked into for it.
        if self.journal.rights(tenant).await.map_err(failed)?.case(case).is_none() {
            return Err(PersonError::NoSuchCase);
        }
        let known = self.find_case(case).await.map_err(failed)?;
        known.filter(|known| known.tenant == *tenant).ok_or(PersonError::NoSuchCase)
    }

    /// Of whom a case is that is open.
    async fn person_of(&self, tenant: &TenantId, case: CallId) -> Result<Number, PersonError> {
        let Known { note, number, .. } = self.case_here(tenant, case).await?;
        if note.closed.is_some() {
            return Err(is_closed());
        }
        number.ok_or_else(|| {
            PersonError::Refused("of whom the case is was erased; open another for what is asked now".into())
        })
    }

    /// A call of a person's, as it is now.
    async fn call_of(
        &self,
        own: &Own,
        tenant: &TenantId,
        person: &Number,
        call: CallId,
    ) -> Result<PersonCall, PersonError> {
        let gone = || PersonError::NotThere("the call is not there any more; look again".into());
        let entry = self.journal.call(tenant, call).await.map_err(failed)?.ok_or_else(gone)?;
        let sent = self.journal.deliveries(tenant, call).await.map_err(failed)?;
        let deliveries: Vec<_> = sent.into_iter().map(|(held_in, first)| (call, held_in, first)).collect();
        let mut unread = Vec::new();
        let told = own.person_call((tenant, person), (call, entry.first), &deliveries, &mut unread).await;
        match (told.map_err(failed)?, unread.into_iter().next()) {
            (Some(told), _) => Ok(told),
            (None, Some(Left { why, .. })) => Err(failed(why)),
            (None, None) => Err(gone()),
        }
    }
}

#[async_trait]
impl PersonFiles for Storage {
    async fn cases(
        &self,
        tenant: &TenantId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<CaseList, PersonError> {
        let all = self.journal.rights(tenant).await.map_err(failed)?;
        let places = Places::of_cases(&self.keys().row_key(tenant).await.map_err(failed)?);
        let from = match after {
            Some(after) => {
                let (before, case) = places.read(after).ok_or(PersonError::NoSuchPlace)?;
                let at = usize::try_from(before).map_err(|_| PersonError::NoSuchPlace)?;
                // Where what was put back has others there, nobody knows where the page before ended.
                let is_there = all.cases.get(at).is_some_and(|note| note.case == case);
                if is_there { at.saturating_add(1) } else { return Err(PersonError::NoSuchPlace) }
            }
            None => 0,
        };
        let to = from.saturating_add(limit).min(all.cases.len());
        let page = all.cases.get(from..to).unwrap_or_default();
        let next = match page.last().filter(|_| to < all.cases.len()) {
            Some(last) => Some(places.sealed(to.saturating_sub(1) as u64, last.case).map_err(failed)?),
            None => None,
        };
        let today = today();
        Ok(CaseList { cases: page.iter().map(|note| Case::of(note, today)).collect(), next })
    }

    async fn case(&self, tenant: &TenantId, case: CallId) -> Result<Item<Case>, PersonError> {
        let Known { note, .. } = self.case_here(tenant, case).await?;
        let mut steps = Vec::new();
        for call in &note.records {
            for Record { at: when, body, .. } in self.own(tenant, *call).await.map_err(failed)? {
                if let RecordBody::Case(taken) = body {
                    let record = taken.record.map(|record| record.to_string());
                    steps.push(CaseStep { at: at(when), step: taken.step.word().to_owned(), record });
                }
            }
        }
        let mut item = Case::of(&note, today());
        item.spec.steps = Some(steps);
        Ok(item)
    }

    async fn open_case(&self, tenant: &TenantId, case: &NewCase) -> Result<CallId, PersonError> {
        let NewCase { number, right, received, why } = case.clone();
        let right = right.into();
        let request = RightsRequest::Open { tenant: tenant.clone(), number, right, received, why };
        let RightsDone::Case(note) = self.rights(&request).await? else {
            return Err(failed("no case was opened"));
        };
        Ok(note.case)
    }

    async fn extend_case(
        &self,
        tenant: &TenantId,
        case: CallId,
        extend: &ExtendCase,
    ) -> Result<(), PersonError> {
        self.case_here(tenant, case).await?;
        let ExtendCase { months, why } = extend.clone();
        self.rights(&RightsRequest::Extend { case, months, why }).await?;
        Ok(())
    }

    async fn close_case(
        &self,
        tenant: &TenantId,
        case: CallId,
        close: &CloseCase,
    ) -> Result<(), PersonError> {
        self.case_here(tenant, case).await?;
        let CloseCase { done, why } = close.clone();
        self.rights(&RightsRequest::Close { case, done, why }).await?;
        Ok(())
    }

    async fn fits(&self, tenant: &TenantId, case: CallId, number: Option<&str>) -> Result<(), PersonError> {
        let number = match number {
            Some(number) => {
                self.case_here(tenant, case).await?;
                number.to_owned()
            }
            None => self.person_of(tenant, case).await?.to_string(),
        };
        self.rights(&RightsRequest::Fits { case, tenant: tenant.clone(), number }).await?;
        Ok(())
    }

    async fn look(&self, tenant: &TenantId, case: CallId, reading: Reading) -> Result<Looked, PersonError> {
        let person = self.person_of(tenant, case).await?;
        let own = Own::of(self);
        let asked = RightsRequest::Calls { tenant: tenant.clone(), number: person.to_string() };
        let RightsDone::Calls { calls, deliveries, mut unread } = self.rights(&asked).await? else {
            return Err(failed("no calls were looked for"));
        };
        let mut found: Vec<PersonCall> = Vec::new();
        for place in calls {
            let told = own.person_call((tenant, &person), place, &deliveries, &mut unread).await;
            if let Some(mut told) = told.map_err(failed)? {
                if found.len() >= MAX_PERSON_CALLS {
                    return Err(PersonError::Refused(format!(
                        "the person is in more than {MAX_PERSON_CALLS} calls; have whoever runs the installation export them: parloir person"
                    )));
                }
                // What was said is read again for its file: it is not kept in memory meanwhile.
                told.file.said.clear();
                told.file.report.clear();
                told.file.transmissions.clear();
                told.file.amended.clear();
                found.push(told);
            }
        }
        let cases = own.cases_of(tenant, &person).await.map_err(failed)?;
        let (references, left) = references(tenant, &found);
        let mut missing: Vec<String> = left.into_iter().collect();
        let rows = match self.kept_rows(tenant, &person, &references).await {
            Ok(rows) => rows.len(),
            Err(error) => {
                tracing::error!(%tenant, %case, %error, "what is kept of a person beside calls could not be read");
                missing.push("what is kept beside calls could not be read".to_owned());
                0
            }
        };
        if !unread.is_empty() {
            missing.insert(0, format!("{} call(s) could not be read", unread.len()));
        }
        let Reading { who, why } = reading;
        let steps = cases.iter().flat_map(|case| case.records.iter().copied());
        let calls: Vec<CallId> = found.iter().map(|told| told.file.call).chain(steps).collect();
        let purposes = vec![Purpose::Content, Purpose::Recording];
        let read = ContentRead { who, command: "person".to_owned(), calls, purposes, why };
        self.journal.note_access(tenant, read).await.map_err(failed)?;
        let gone = erased(&erasures(self.keys(), tenant).await.map_err(failed)?);
        let mut files = Vec::new();
        for file in found.iter().map(|told| &told.file) {
            files.push(format!("{}.json", file.call));
            let is_heard = gone.get(&file.call).is_none_or(|gone| !gone.recording);
            if file.concern == Concern::Caller && file.recorded_seconds > 0 && is_heard {
                files.push(format!("{}.wav", file.call));
            }
            files.push(format!("{}.vcon.json", file.call));
        }
        files.extend((rows > 0).then(|| ROWS.to_owned()));
        files.extend((!cases.is_empty()).then(|| CASES.to_owned()));
        Ok(Looked { calls: found.len(), rows, cases: cases.len(), files, references, missing })
    }

    async fn file(
        &self,
        tenant: &TenantId,
        case: CallId,
        name: &str,
        references: &[String],
    ) -> Result<PersonFile, PersonError> {
        let person = self.person_of(tenant, case).await?;
        let own = Own::of(self);
        if name == ROWS {
            let rows = self.kept_rows(tenant, &person, references).await?;
            return rows_json(&rows.iter().collect::<Vec<_>>()).map(PersonFile::from).map_err(failed);
        }
        if name == CASES {
            let cases = own.cases_of(tenant, &person).await.map_err(failed)?;
            let cases: Vec<_> = cases.into_iter().map(|case| (tenant, case)).collect();
            return cases_json(&cases).map(PersonFile::from).map_err(failed);
        }
        let no_file = || PersonError::NotThere("the answer has no such file; look again".into());
        let (call, kind) = parsed(name).ok_or_else(no_file)?;
        let told = self.call_of(&own, tenant, &person, call).await?;
        match kind {
            "json" => told.json().map(PersonFile::from).map_err(failed),
            "wav" => {
                let (length, parts) = own.wav_in_parts(&told).await.map_err(failed)?.ok_or_else(|| {
                    PersonError::NotThere("its recording is not there any more; look again".into())
                })?;
                Ok(PersonFile { length, parts })
            }
            "vcon.json" => {
                let wav = match own.wav(&told).await {
                    Ok(wav) => wav,
                    Err(error) => {
                        tracing::error!(%tenant, %call, error, "the recording of a person's call could not be read");
                        None
                    }
                };
                let made = tokio::task::spawn_blocking(move || told.vcon(wav.as_deref())).await;
                made.map_err(failed)?.map(PersonFile::from).map_err(failed)
            }
            _ => Err(no_file()),
        }
    }

    async fn erase_person(
        &self,
        tenant: &TenantId,
        case: CallId,
        erase: &EraseCase,
        reading: Reading,
    ) -> Result<Erased, PersonError> {
        let Known { note, number, .. } = self.case_here(tenant, case).await?;
        let EraseCase { number: given, trace, dry_run, reason } = erase.clone();
        let number = given.or_else(|| number.map(|number| number.to_string())).ok_or_else(|| {
            PersonError::Refused("of whom the case is was erased from it; give the number".into())
        })?;
        let whose = Whose::Caller { number, tenant: Some(tenant.clone()) };
        let request = EraseRequest { whose, trace, reason, dry_run, case: Some(case) };
        let done = self.erase(&request).await?.into_iter().next();
        let Some(erased) = &done else { return Err(failed("nothing was looked for")) };
        if dry_run {
            // Calls were read to find out which are the number's; of those that were found before it failed, too.
            let all = [&erased.calls, &erased.lasting, &erased.held];
            let calls: Vec<CallId> = all.into_iter().flatten().copied().collect();
            if erased.failed.is_none() || !calls.is_empty() {
                let (purposes, Reading { who, why }) = (vec![Purpose::Content], reading);
                let read = ContentRead { who, command: "erase".to_owned(), calls, purposes, why };
                self.journal.note_access(tenant, read).await.map_err(failed)?;
            }
        } else if note.closed.is_none() {
            let record = erased.report.as_ref().and_then(|report| report.record);
            let (step, why) = (Step::Erased, not_done(done.as_ref()));
            let noted = self.rights(&RightsRequest::Note { case, step, record, why }).await;
            if let Err(error) = noted {
                // It is gone all the same.
                tracing::error!(%tenant, %case, %error, "an erasure could not be noted in its case; its own record is in the log");
            }
        }
        let unread = erased.unread.iter().map(|left| left.call).collect();
        Ok(Erased {
            dry_run,
            calls: erased.calls.clone(),
            lasting: erased.lasting.clone(),
            held: erased.held.clone(),
            rows: erased.rows,
            records: erased.records,
            unread,
            left: erased.failed.clone(),
            record: erased.report.as_ref().and_then(|report| report.record),
        })
    }

    async fn rectify(
        &self,
        tenant: &TenantId,
        case: CallId,
        call: CallId,
        rectify: &RectifyCase,
        reading: Reading,
    ) -> Result<Rectification, PersonError> {
        let _open = self.person_of(tenant, case).await?;
        // No other tenant's call is looked into for it.
        self.journal.call(tenant, call).await.map_err(failed)?.ok_or_else(no_call)?;
        // Who is in it cannot be told any more: it is not another person's for that.
        let gone = erased(&erasures(self.keys(), tenant).await.map_err(failed)?);
        if gone.get(&call).is_some_and(|gone| gone.content) {
            return Err(nothing_left());
        }
        // What is recorded is told, whatever comes of it.
        let Reading { who, why } = reading;
        let (calls, purposes) = (vec![call], vec![Purpose::Content]);
        let read = ContentRead { who, command: "rectify".to_owned(), calls, purposes, why };
        self.journal.note_access(tenant, read).await.map_err(failed)?;
        let RectifyCase { call: _, field, to, appointment, why: _ } = rectify.clone();
        let asked = RightsRequest::Rectify { call, field: field.clone(), to, appointment, case: Some(case) };
        let done = self.rights(&asked).await.map_err(|error| match error {
            // What a field should say, and not whose the case is.
            RightsError::NoNumber(error) => PersonError::Invalid { field: "to", sentence: error.to_string() },
            error => error.into(),
        })?;
        let RightsDone::Rectified { record, recorded, appointments, left } = done else {
            return Err(failed("nothing was put right"));
        };
        let left = left.into_iter().map(|(reference, _)| reference).collect();
        let (call, record) = (call.to_string(), record.to_string());
        Ok(Rectification { call, field, recorded, appointments, left, record })
    }

    async fn restrict(
        &self,
        tenant: &TenantId,
        case: CallId,
        restrict: &RestrictCase,
    ) -> Result<(), PersonError> {
        let person = self.person_of(tenant, case).await?;
        let RestrictCase { number, release, why } = restrict.clone();
        let (tenant, number) = (tenant.clone(), number.unwrap_or_else(|| person.to_string()));
        self.rights(&RightsRequest::Restrict { tenant, number, why, release, case: Some(case) }).await?;
        Ok(())
    }

    async fn exported(&self, tenant: &TenantId, case: CallId, missing: &[String]) -> Result<(), PersonError> {
        self.case_here(tenant, case).await?;
        let why = (!missing.is_empty()).then(|| format!("in part: {}", missing.join("; ")));
        let (step, record) = (Step::Exported, None);
        self.rights(&RightsRequest::Note { case, step, record, why }).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_an_answer_is_of_a_call_and_of_a_kind() {
        let id = "0af3".repeat(8);
        let call: CallId = id.parse().unwrap();
        for kind in ["json", "wav", "vcon.json"] {
            assert_eq!(parsed(&format!("{id}.{kind}")), Some((call, kind)));
        }
        for none in ["", ".json", "rows.json", id.as_str(), "../key"] {
            assert_eq!(parsed(none), None, "{none}");
        }
    }
}
