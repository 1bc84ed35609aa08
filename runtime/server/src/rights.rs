//! What persons ask for: cases with their terms, and what is done about them. Rectify by amendment, restrict, block.
//!
//! A term is one month from the day of receipt, by the calendar (GDPR, article 12(3)); where that month has no such day, its
//! last one. It is counted in UTC, and no day off makes it longer.

use std::collections::{HashMap, HashSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use parloir_contract::{CallId, Refusal, Status, TenantId};
use parloir_journal::{
    Amendment, BlockedTo, CallEntry, CaseNote, CaseStep, JournalError, Location, Named, ReadError, Record,
    RecordBody, Restriction, Right, Step, pseudonym, rights,
};
use parloir_persons::{CallFile, NotANumber, Number, caller, numbers};
use parloir_store::{Kms, RowKey, StoreError};
use parloir_tenancy::Hidden;
use parloir_tenancy::calendar::{Correction, Kept};
use serde::{Deserialize, Serialize};

use crate::rows::KeptRow;
use crate::{EraseError, Left, Storage};

/// Months of a term.
const TERM: i32 = 1;
/// Months by which it may be extended at most.
const EXTENSION: u8 = 2;
/// Characters of the operator's words, and of what a field should say.
pub(crate) const WORDS: usize = 2_000;
/// Numbers that are looked for in one value of a memory.
const NUMBERS: usize = 2_000;
/// What names no appointment of a call.
const NO_APPOINTMENT: &str = "none";

/// A request about a person's rights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RightsRequest {
    /// Opens a case.
    Open {
        /// Of which tenant they ask it.
        tenant: TenantId,
        /// Their number, as people write it.
        number: String,
        /// What they ask for.
        right: Right,
        /// On which day it was received, as in `2026-03-14`; today for `None`.
        received: Option<String>,
        /// In the operator's words.
        why: Option<String>,
    },
    /// Extends a case's term.
    Extend {
        /// Which.
        case: CallId,
        /// By how many months.
        months: u8,
        /// Why.
        why: String,
    },
    /// Closes a case.
    Close {
        /// Which.
        case: CallId,
        /// Whether what was asked for was done.
        done: bool,
        /// Why, or how.
        why: String,
    },
    /// Notes in a case what was done elsewhere.
    Note {
        /// Which.
        case: CallId,
        /// What.
        step: CaseStep,
        /// The call that holds the record of it.
        record: Option<CallId>,
        /// What of it was not done, where it was done in part; or why.
        why: Option<String>,
    },
    /// Looks, before something is done in a case, whether it is open, of this tenant, and of this person.
    Fits {
        /// Which.
        case: CallId,
        /// Of which tenant.
        tenant: TenantId,
        /// Their number, as people write it.
        number: String,
    },
    /// Puts a field of a call right, and the appointments that were made in it, stand, and still say what was recorded.
    Rectify {
        /// Which call.
        call: CallId,
        /// Which field: one of [`CallFile::fields`].
        field: String,
        /// What it should say.
        to: String,
        /// Which appointment alone, by its reference, or `none`: to be given where several values are recorded.
        appointment: Option<String>,
        /// In which case.
        case: Option<CallId>,
    },
    /// Restricts a person, or releases them.
    Restrict {
        /// Of which tenant.
        tenant: TenantId,
        /// Their number, as people write it.
        number: String,
        /// Why.
        why: Option<String>,
        /// Whether they are released.
        release: bool,
        /// In which case.
        case: Option<CallId>,
    },
    /// Blocks a number, or does not any more.
    Block {
        /// Of which tenant.
        tenant: TenantId,
        /// Which, as people write it.
        number: String,
        /// What becomes of its calls; `None` for not any more.
        to: Option<BlockedTo>,
        /// Why.
        why: Option<String>,
        /// In which case.
        case: Option<CallId>,
    },
    /// Finds the calls in which a person may be.
    Calls {
        /// Of which tenant.
        tenant: TenantId,
        /// Their number, as people write it.
        number: String,
    },
    /// Finds the entries of who read what.
    Accesses {
        /// Of which tenant.
        tenant: TenantId,
    },
    /// Finds what the tenant's storage holds of a person beside calls.
    Rows {
        /// Of which tenant.
        tenant: TenantId,
        /// Their number, as people write it.
        number: String,
        /// References of the appointments of their calls, which may name no number.
        references: Vec<String>,
    },
}

/// What was done about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RightsDone {
    /// How the case stands.
    Case(CaseNote),
    /// It was put right.
    Rectified {
        /// The call that holds the record of it.
        record: CallId,
        /// What was recorded.
        recorded: Vec<String>,
        /// In how many standing appointments it was put right too.
        appointments: u32,
        /// In which it was not, though the record says it of them, and why: the same, asked for once more, makes up for it.
        #[serde(default)]
        left: Vec<(String, String)>,
    },
    /// Whether anything changed.
    Changed(bool),
    /// Calls to look at.
    Calls {
        /// Where they begin, newest first.
        calls: Vec<(CallId, Location)>,
        /// These could not be read: nobody knows whether the person is in them.
        unread: Vec<Left>,
    },
    /// What there is.
    Rows(Vec<KeptRow>),
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum RightsError {
    /// There is no such tenant or call.
    #[error(transparent)]
    Unknown(#[from] EraseError),
    /// The case is none to do this in.
    #[error(transparent)]
    Case(#[from] CaseError),
    /// It is no day, or a day to come.
    #[error(
        "{0:?} is no day on which a request can have been received: write it as in 2026-03-14, today or before"
    )]
    NoDay(String),
    /// The term was extended as far as it may be.
    #[error(
        "a term may be extended by {EXTENSION} months in all (GDPR, article 12(3)), and this one was by {extended} already"
    )]
    Extended {
        /// By how many months.
        extended: u8,
    },
    /// The term is over.
    #[error(
        "the term of this case ended on {due}: it can be extended no more (GDPR, article 12(3)). Answer the person now"
    )]
    Late {
        /// Its last day.
        due: String,
    },
    /// It is not known which appointment is meant.
    #[error(
        "several values are recorded under {field:?} ({}): say which is meant with `--appointment REFERENCE`, or `--appointment none` for the report alone. Standing appointments that were made in this call: {}", .recorded.join(", "), .standing.join(", ")
    )]
    Several {
        /// Under which field.
        field: String,
        /// What is recorded there.
        recorded: Vec<String>,
        /// The references of those that stand.
        standing: Vec<String>,
    },
    /// The appointment cannot be put right here.
    #[error(
        "{0:?} is no standing appointment that was made in this call and still says what was recorded there: `parloir person NUMBER` lists what stands"
    )]
    NoAppointment(String),
    /// The call has no such field.
    #[error("this call has nothing to put right under {field:?}; it has {}", .known.join(", "))]
    NoField {
        /// Which.
        field: String,
        /// Those there are, or that there is nothing.
        known: Vec<String>,
    },
    /// It is no status.
    #[error("{said:?} is no status: write one of {}", statuses())]
    NoStatus {
        /// What was given.
        said: String,
    },
    /// Nothing is to stand there.
    #[error("say what it should be: what is left empty puts nothing right")]
    Nothing,
    /// Words that are too long.
    #[error("write at most {WORDS} characters")]
    TooLong,
    /// It is no number.
    #[error(transparent)]
    NoNumber(#[from] NotANumber),
    /// The calendar did not take it.
    #[error("{0}")]
    Calendar(#[from] Refusal),
    /// The journal did not do it.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The storage did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why nothing is done in a case.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// There is no such case.
    #[error("there is no case {0} here: `parloir case list` lists those there are")]
    NoSuch(CallId),
    /// It is of another tenant, or another person.
    #[error("case {case} is of another {what}: look at it with `parloir case show {case}`")]
    Other {
        /// Which.
        case: CallId,
        /// What is another.
        what: &'static str,
    },
}

/// The last day of a term that was extended by so many months; `None` where no calendar goes so far.
fn due(received: Date, extended: u8) -> Option<Date> {
    received.checked_add((TERM + i32::from(extended)).months()).ok()
}

/// Today, in UTC.
pub fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}

fn day(text: &str) -> Result<Date, RightsError> {
    let no_day = || RightsError::NoDay(text.chars().take(40).collect());
    let day: Date = text.parse().map_err(|_| no_day())?;
    if day > today() { Err(no_day()) } else { Ok(day) }
}

fn words(words: Option<&String>) -> Result<(), RightsError> {
    let long = words.is_some_and(|words| words.chars().count() > WORDS);
    if long { Err(RightsError::TooLong) } else { Ok(()) }
}

fn statuses() -> String {
    Status::ALL.map(Status::word).join(", ")
}

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

/// A case, whose it is, and of whom, where that can still be read.
pub(crate) struct Known {
    pub(crate) tenant: TenantId,
    pub(crate) note: CaseNote,
    number: Option<Number>,
}

impl Known {
    /// Refuses what is done for another tenant, or for another person as far as that can still be read.
    pub(crate) fn is_of(&self, tenant: Option<&TenantId>, person: Option<&Number>) -> Result<(), CaseError> {
        let other = |what| Err(CaseError::Other { case: self.note.case, what });
        match (&self.number, person) {
            _ if tenant.is_some_and(|tenant| *tenant != self.tenant) => other("tenant"),
            (Some(number), Some(person)) if number != person => other("person"),
            (Some(_) | None, _) => Ok(()),
        }
    }
}

/// What a field of a call was put right to, and the record of it.
struct Before {
    record: CallId,
    to: String,
    /// In how many appointments, as the record says.
    appointments: u32,
}

impl Storage {
    /// Does what is asked about a person's rights.
    pub async fn rights(&self, request: &RightsRequest) -> Result<RightsDone, RightsError> {
        match request {
            RightsRequest::Open { tenant, number, right, received, why } => {
                let (tenant, number) = (self.known(tenant).await?, number.parse::<Number>()?);
                words(why.as_ref())?;
                let received = received.as_deref().map_or_else(|| Ok(today()), day)?;
                let due = due(received, 0).ok_or_else(|| RightsError::NoDay(received.to_string()))?;
                let named = Named { number: Some(number.to_string()), why: why.clone() };
                let days = (received.to_string(), due.to_string());
                Ok(RightsDone::Case(self.journal.open_case(&tenant, *right, days, named).await?))
            }
            RightsRequest::Extend { case, months, why } => {
                let Known { tenant, note, .. } = self.case(*case).await?;
                if note.due.parse::<Date>().is_ok_and(|due| due < today()) {
                    return Err(RightsError::Late { due: note.due });
                }
                let extended = note.extended.saturating_add(*months);
                if *months == 0 || extended > EXTENSION {
                    return Err(RightsError::Extended { extended: note.extended });
                }
                let received = day(&note.received)?;
                let due = due(received, extended).ok_or_else(|| RightsError::NoDay(note.received.clone()))?;
                let extended = Some((due.to_string(), *months));
                self.step(&tenant, *case, CaseStep::Extended, None, extended, Some(why)).await
            }
            RightsRequest::Close { case, done, why } => {
                let Known { tenant, .. } = self.case(*case).await?;
                let step = if *done { CaseStep::Done } else { CaseStep::Refused };
                self.step(&tenant, *case, step, None, None, Some(why)).await
            }
            RightsRequest::Note { case, step, record, why } => {
                let Known { tenant, .. } = self.case(*case).await?;
                self.step(&tenant, *case, *step, *record, None, why.as_ref()).await
            }
            RightsRequest::Fits { case, tenant, number } => {
                let known = self.case_of(*case, tenant, Some(&number.parse::<Number>()?)).await?;
                Ok(RightsDone::Case(known.note))
            }
            RightsRequest::Rectify { call, field, to, appointment, case } => {
                self.rectify(*call, (field.as_str(), to.trim()), appointment.as_deref(), *case).await
            }
            RightsRequest::Restrict { tenant, number, why, release, case } => {
                let (tenant, number) = (self.known(tenant).await?, number.parse::<Number>()?);
                let named = self.named(&tenant, &number, why, *case).await?;
                let who = pseudonym(self.keys(), &tenant, &number.to_string()).await?;
                let record = self.journal.restrict(&tenant, who, named, *release).await?;
                let step = if *release { CaseStep::Released } else { CaseStep::Restricted };
                self.changed(&tenant, *case, step, record).await
            }
            RightsRequest::Block { tenant, number, to, why, case } => {
                let (tenant, number) = (self.known(tenant).await?, number.parse::<Number>()?);
                let named = self.named(&tenant, &number, why, *case).await?;
                let who = pseudonym(self.keys(), &tenant, &number.to_string()).await?;
                let record = self.journal.block(&tenant, who, named, *to).await?;
                let step = if to.is_none() { CaseStep::Unblocked } else { CaseStep::Blocked };
                self.changed(&tenant, *case, step, record).await
            }
            RightsRequest::Calls { tenant, number } => {
                let (tenant, number) = (self.known(tenant).await?, number.parse::<Number>()?);
                let may_be = self.journal.calls_of(&tenant, &number.to_string(), numbers).await?;
                let calls = may_be.calls.into_iter().map(|call| (call.call(), call.entry.first)).collect();
                let left = |(entry, why): (CallEntry, String)| Left { call: entry.call, why };
                Ok(RightsDone::Calls { calls, unread: may_be.unread.into_iter().map(left).collect() })
            }
            RightsRequest::Accesses { tenant } => {
                let calls = self.journal.accesses(&self.known(tenant).await?).await?;
                Ok(RightsDone::Calls { calls, unread: Vec::new() })
            }
            RightsRequest::Rows { tenant, number, references } => {
                let (tenant, number) = (self.known(tenant).await?, number.parse::<Number>()?);
                Ok(RightsDone::Rows(self.kept_rows(&tenant, &number, references).await?))
            }
        }
    }

    /// Whether a caller's number is blocked, and what becomes of its calls.
    pub(crate) async fn blocked(
        &self,
        tenant: &TenantId,
        caller: Option<&str>,
    ) -> Result<Option<BlockedTo>, JournalError> {
        let Some(number) = caller.and_then(|caller| caller.parse::<Number>().ok()) else { return Ok(None) };
        let all = self.journal.rights(tenant).await?;
        if all.blocked.is_empty() {
            return Ok(None);
        }
        let who = pseudonym(self.keys(), tenant, &number.to_string()).await?;
        Ok(all.blocked.iter().find(|block| block.who == who).map(|block| block.to))
    }

    /// Whose calls of a tenant are kept and not used; `None` where there is nobody.
    pub(crate) async fn restrictions(&self, tenant: &TenantId) -> Result<Option<Restrictions>, JournalError> {
        let all = self.journal.rights(tenant).await?;
        Restrictions::those(self.keys(), tenant, all.restricted.clone()).await
    }

    /// The calls of the journal's own that name a person, or a tenant's all: steps of cases, restrictions and blocks. And those
    /// that could not be read: nobody's erasure stops at them, and they name that person or may. What is known to be another's
    /// is not looked at.
    pub(crate) async fn naming(
        &self,
        tenant: &TenantId,
        person: Option<&Number>,
    ) -> Result<(Vec<CallId>, Vec<Left>), JournalError> {
        let all = self.journal.rights(tenant).await?;
        let Some(person) = person else { return Ok((all.naming.clone(), Vec::new())) };
        let who = pseudonym(self.keys(), tenant, &person.to_string()).await?;
        let whose: HashMap<CallId, [u8; 32]> = all.whose.iter().copied().collect();
        let (mut naming, mut cases, mut unread) = (Vec::new(), Vec::new(), Vec::new());
        for call in &all.naming {
            let known = whose.get(call).map(|known| *known == who);
            if known == Some(false) {
                continue;
            }
            let named = match self.named_in(tenant, *call).await {
                Ok(named) => named,
                Err(error) => {
                    unread.push(Left { call: *call, why: error.to_string() });
                    continue;
                }
            };
            let says = named.and_then(|named| named.number).is_some_and(|number| person.is_in(&number));
            if known == Some(true) || says {
                naming.push(*call);
                cases.extend(all.case(*call));
            }
        }
        // The words of the later steps are of the same person.
        for call in cases.iter().flat_map(|case| &case.records) {
            if !naming.contains(call) {
                naming.push(*call);
            }
        }
        Ok((naming, unread))
    }

    async fn rectify(
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
                return Err(CaseError::Other { case, what: "person than this call" }.into());
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

    /// What the record of a restriction or a block says, where its case is of this person.
    async fn named(
        &self,
        tenant: &TenantId,
        number: &Number,
        why: &Option<String>,
        case: Option<CallId>,
    ) -> Result<Named, RightsError> {
        words(why.as_ref())?;
        if let Some(case) = case {
            self.case_of(case, tenant, Some(number)).await?;
        }
        Ok(Named { number: Some(number.to_string()), why: why.clone() })
    }

    async fn changed(
        &self,
        tenant: &TenantId,
        case: Option<CallId>,
        step: CaseStep,
        record: Option<CallId>,
    ) -> Result<RightsDone, RightsError> {
        if let (Some(case), Some(_)) = (case, record) {
            self.step(tenant, case, step, record, None, None).await?;
        }
        Ok(RightsDone::Changed(record.is_some()))
    }

    async fn step(
        &self,
        tenant: &TenantId,
        case: CallId,
        step: CaseStep,
        record: Option<CallId>,
        extended: Option<(String, u8)>,
        why: Option<&String>,
    ) -> Result<RightsDone, RightsError> {
        words(why)?;
        let step = Step { step, record, extended, why: why.cloned() };
        Ok(RightsDone::Case(self.journal.step_case(tenant, case, step).await?))
    }

    /// A case that is open, of this tenant and, as far as that can still be read, of this person.
    async fn case_of(
        &self,
        case: CallId,
        tenant: &TenantId,
        person: Option<&Number>,
    ) -> Result<Known, RightsError> {
        let known = self.case(case).await?;
        known.is_of(Some(tenant), person)?;
        Ok(known)
    }

    /// A case that is open.
    async fn case(&self, case: CallId) -> Result<Known, RightsError> {
        let known = self.find_case(case).await?.ok_or(CaseError::NoSuch(case))?;
        if known.note.closed.is_some() {
            return Err(JournalError::CaseClosed { case }.into());
        }
        Ok(known)
    }

    /// A case, open or closed.
    pub(crate) async fn find_case(&self, case: CallId) -> Result<Option<Known>, JournalError> {
        for tenant in self.journal.tenants().await? {
            let Some(note) = self.journal.rights(&tenant).await?.case(case).cloned() else { continue };
            let number = self.named_in(&tenant, case).await?.and_then(|named| named.number);
            let number = number.and_then(|number| number.parse().ok());
            return Ok(Some(Known { tenant, note, number }));
        }
        Ok(None)
    }

    /// Whom a call of the journal's own names, where that can still be read.
    async fn named_in(&self, tenant: &TenantId, call: CallId) -> Result<Option<Named>, JournalError> {
        Ok(self.own(tenant, call).await?.into_iter().find_map(|record| named(record.body)))
    }

    /// The records of a call of the journal's own; none where they were erased, or the data is older than the keys.
    async fn own(&self, tenant: &TenantId, call: CallId) -> Result<Vec<Record>, JournalError> {
        match self.journal.records(tenant, call).await {
            Err(JournalError::Read(ReadError::NoSuchCall { .. } | ReadError::Erased { .. })) => {
                Ok(Vec::new())
            }
            records => records,
        }
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

/// Whom a record of the journal's own names.
pub fn named(body: RecordBody) -> Option<Named> {
    match body {
        RecordBody::Case(case) => case.named,
        RecordBody::Restricted(restricted) => restricted.named,
        RecordBody::Blocked(blocked) => blocked.named,
        RecordBody::CallStarted(_)
        | RecordBody::HostCallStarted(_)
        | RecordBody::HostCallEnded(_)
        | RecordBody::ProviderStarted(_)
        | RecordBody::ProviderEnded(_)
        | RecordBody::TurnMeasured(_)
        | RecordBody::MediaDigest(_)
        | RecordBody::RecordingStored(_)
        | RecordBody::Key(_)
        | RecordBody::Gate(_)
        | RecordBody::Content(_)
        | RecordBody::Failure(_)
        | RecordBody::Note(_)
        | RecordBody::Wasi(_)
        | RecordBody::Report(_)
        | RecordBody::DigestKey(_)
        | RecordBody::Ledger(_)
        | RecordBody::Unkept(_)
        | RecordBody::Erased(_)
        | RecordBody::Held(_)
        | RecordBody::ContentRead(_)
        | RecordBody::Amended(_)
        | RecordBody::Administered(_)
        | RecordBody::CallInterrupted(_)
        | RecordBody::CallEnded(_) => None,
    }
}

/// Whose calls of a tenant are kept and not used.
#[derive(Debug)]
pub struct Restrictions {
    who: Vec<Restriction>,
    key: RowKey,
}

impl Restrictions {
    /// Those of a tenant; `None` where there is none. From the keys folder alone, for whoever does not have the journal.
    pub async fn of(kms: &dyn Kms, tenant: &TenantId) -> Result<Option<Self>, JournalError> {
        Self::those(kms, tenant, rights(kms, tenant).await?.restricted).await
    }

    async fn those(
        kms: &dyn Kms,
        tenant: &TenantId,
        who: Vec<Restriction>,
    ) -> Result<Option<Self>, JournalError> {
        if who.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self { who, key: kms.row_key(tenant).await? }))
    }

    /// All of them.
    pub(crate) fn all(&self) -> &[Restriction] {
        &self.who
    }

    /// Under which a call is; `None` where it may be used. From its records, or the first of them.
    #[must_use]
    pub fn of_call(&self, records: &[Record]) -> Option<Restriction> {
        self.of_number(&caller(records)?.parse::<Number>().ok()?)
    }

    fn of_number(&self, number: &Number) -> Option<Restriction> {
        let who = self.key.pseudonym(number.to_string().as_bytes());
        self.who.iter().find(|known| known.who == who).copied()
    }
}

impl Hidden for Restrictions {
    fn hides(&self, key: &str, value: &[u8]) -> bool {
        // What has so many numbers that they cannot be looked through while somebody waits may name anybody.
        let names = |text: &str| {
            Number::all_in(text, NUMBERS)
                .is_none_or(|numbers| numbers.iter().any(|number| self.of_number(number).is_some()))
        };
        names(key) || names(&String::from_utf8_lossy(value))
    }
}

#[cfg(test)]
mod tests;
