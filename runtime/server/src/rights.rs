//! What persons ask for: cases with their terms, and what is done about them. Rectify by amendment, restrict, block.
//!
//! A term is one month from the day of receipt, by the calendar (GDPR, article 12(3)); where that month has no such day, its
//! last one. It is counted in UTC, and no day off makes it longer.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use parloir_contract::{CallId, Refusal, TenantId};
use parloir_journal::{
    Amendment, BlockedTo, CaseNote, CaseStep, Content, ContentOf, JournalError, Named, ReadError, Record,
    RecordBody, Restriction, Right, Step, pseudonym, rights,
};
use parloir_persons::{CallFile, NotANumber, Number};
use parloir_store::{Kms, RowKey, StoreError};
use parloir_tenancy::Hidden;
use parloir_tenancy::calendar::{Correction, Kept};
use serde::{Deserialize, Serialize};

use crate::rows::KeptRow;
use crate::{EraseError, Storage};

/// Months of a term.
const TERM: i32 = 1;
/// Months by which it may be extended at most.
const EXTENSION: u8 = 2;
/// Characters of the operator's words, and of what a field should say.
const WORDS: usize = 2_000;

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
    },
    /// Puts a field of a call right, and the appointments of that call that stand.
    Rectify {
        /// Which call.
        call: CallId,
        /// Which field: one of [`CallFile::fields`].
        field: String,
        /// What it should say.
        to: String,
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
    },
    /// Whether anything changed.
    Changed(bool),
    /// What there is.
    Rows(Vec<KeptRow>),
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum RightsError {
    /// There is no such tenant or call.
    #[error(transparent)]
    Unknown(#[from] EraseError),
    /// There is no such case.
    #[error("there is no case {0} here: `parloir case list` lists those there are")]
    NoSuchCase(CallId),
    /// It is of another tenant, or another person.
    #[error("case {case} is of another {what}: look at it with `parloir case show {case}`")]
    OtherCase {
        /// Which.
        case: CallId,
        /// What is another.
        what: &'static str,
    },
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
    /// The call has no such field.
    #[error("this call has nothing to put right under {field:?}; it has {}", .known.join(", "))]
    NoField {
        /// Which.
        field: String,
        /// Those there are, or that there is nothing.
        known: Vec<String>,
    },
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

/// A case, whose it is, and of whom, where that can still be read.
struct Known {
    tenant: TenantId,
    note: CaseNote,
    number: Option<String>,
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
            RightsRequest::Note { case, step, record } => {
                let Known { tenant, .. } = self.case(*case).await?;
                self.step(&tenant, *case, *step, *record, None, None).await
            }
            RightsRequest::Rectify { call, field, to, case } => {
                self.rectify(*call, field, to.trim(), *case).await
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
        let blocked = rights(self.keys(), tenant).await?.blocked;
        if blocked.is_empty() {
            return Ok(None);
        }
        let who = pseudonym(self.keys(), tenant, &number.to_string()).await?;
        Ok(blocked.iter().find(|block| block.who == who).map(|block| block.to))
    }

    /// The calls of the journal's own that name a person, or a tenant's all: steps of cases, restrictions and blocks.
    pub(crate) async fn naming(
        &self,
        tenant: &TenantId,
        person: Option<&Number>,
    ) -> Result<Vec<CallId>, JournalError> {
        let all = rights(self.keys(), tenant).await?;
        let Some(person) = person else { return Ok(all.naming) };
        let (mut naming, mut cases) = (Vec::new(), Vec::new());
        for call in &all.naming {
            let named = self.named_in(tenant, *call).await?;
            if named.and_then(|named| named.number).is_some_and(|number| person.is_in(&number)) {
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
        Ok(naming)
    }

    async fn rectify(
        &self,
        call: CallId,
        field: &str,
        to: &str,
        case: Option<CallId>,
    ) -> Result<RightsDone, RightsError> {
        words(Some(&to.to_owned()))?;
        let (tenant, _) = self.journal.find(call).await?.ok_or(EraseError::NoSuchCall(call))?;
        let records = self.journal.records(&tenant, call).await?;
        if let Some(case) = case {
            let person = self.case_of(case, &tenant).await?.number;
            let person = person.and_then(|number| number.parse::<Number>().ok());
            let theirs = person.is_some_and(|person| CallFile::of(call, records.clone(), &person).is_some());
            if !theirs {
                return Err(RightsError::OtherCase { case, what: "person than this call" });
            }
        }
        let file = CallFile::whole(call, records).ok_or(EraseError::NoSuchCall(call))?;
        let fields = file.fields();
        let of_field = fields.iter().filter(|(name, _)| name == field);
        let recorded: Vec<String> = of_field.map(|(_, value)| value.clone()).collect();
        if recorded.is_empty() {
            let mut known: Vec<String> = fields.into_iter().map(|(name, _)| name).collect();
            known.dedup();
            if known.is_empty() {
                known.push("nothing: it was not kept, or was erased".into());
            }
            return Err(RightsError::NoField { field: field.to_owned(), known });
        }
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
        let mut standing = Vec::new();
        if correction.is_some() {
            for made in &file.appointments {
                if kept.get(&made.reference).await?.is_some() && !standing.contains(&made.reference) {
                    standing.push(made.reference.clone());
                }
            }
        }
        let appointments = u32::try_from(standing.len()).unwrap_or(u32::MAX);
        let amendment = Amendment { field: field.to_owned(), to };
        // In the log first: nothing is changed that nobody can account for.
        let record = self.journal.amend(&tenant, call, amendment, appointments).await?;
        if let Some(correction) = correction {
            for reference in &standing {
                kept.correct(reference, &correction).await?;
            }
        }
        if let Some(case) = case {
            self.step(&tenant, case, CaseStep::Rectified, Some(record), None, None).await?;
        }
        Ok(RightsDone::Rectified { record, recorded, appointments })
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
            let known = self.case_of(case, tenant).await?.number;
            if known.is_some_and(|known| !number.is_in(&known)) {
                return Err(RightsError::OtherCase { case, what: "person" });
            }
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

    /// A case that is open, of this tenant.
    async fn case_of(&self, case: CallId, tenant: &TenantId) -> Result<Known, RightsError> {
        let known = self.case(case).await?;
        if known.tenant != *tenant {
            return Err(RightsError::OtherCase { case, what: "tenant" });
        }
        Ok(known)
    }

    /// A case that is open.
    async fn case(&self, case: CallId) -> Result<Known, RightsError> {
        for tenant in self.journal.tenants().await? {
            let Some(note) = rights(self.keys(), &tenant).await?.case(case).cloned() else { continue };
            if note.closed.is_some() {
                return Err(JournalError::CaseClosed { case }.into());
            }
            let number = self.named_in(&tenant, case).await?.and_then(|named| named.number);
            return Ok(Known { tenant, note, number });
        }
        Err(RightsError::NoSuchCase(case))
    }

    /// Whom a call of the journal's own names, where that can still be read.
    async fn named_in(&self, tenant: &TenantId, call: CallId) -> Result<Option<Named>, JournalError> {
        match self.journal.records(tenant, call).await {
            Ok(records) => Ok(records.into_iter().find_map(|record| named(record.body))),
            // Data that was put back may be older than what rests beside the keys.
            Err(JournalError::Read(ReadError::NoSuchCall { .. } | ReadError::Erased { .. })) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Whom a record of the journal's own names.
pub fn named(body: RecordBody) -> Option<Named> {
    match body {
        RecordBody::Case(case) => case.named,
        RecordBody::Restricted(restricted) => restricted.named,
        RecordBody::Blocked(blocked) => blocked.named,
        _ => None,
    }
}

/// Who rang, where this record says so, held back or not.
pub(crate) fn caller_in(record: &Record) -> Option<&str> {
    match &record.body {
        RecordBody::CallStarted(started) => started.info.as_ref().and_then(|info| info.caller.as_deref()),
        RecordBody::Content(ContentOf { content: Some(Content::Info(info)), .. }) => info.caller.as_deref(),
        _ => None,
    }
}

/// Whose calls of a tenant are kept and not used. From the keys folder alone.
#[derive(Debug)]
pub struct Restrictions {
    who: Vec<Restriction>,
    key: RowKey,
}

impl Restrictions {
    /// Those of a tenant; `None` where there is none.
    pub async fn of(kms: &dyn Kms, tenant: &TenantId) -> Result<Option<Self>, JournalError> {
        let who = rights(kms, tenant).await?.restricted;
        if who.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self { who, key: kms.row_key(tenant).await? }))
    }

    /// Under which a call is; `None` where it may be used. From its records, or the first of them.
    #[must_use]
    pub fn of_call(&self, records: &[Record]) -> Option<Restriction> {
        let caller = records.iter().find_map(caller_in)?.parse::<Number>().ok()?;
        self.of_number(&caller)
    }

    fn of_number(&self, number: &Number) -> Option<Restriction> {
        let who = self.key.pseudonym(number.to_string().as_bytes());
        self.who.iter().find(|known| known.who == who).copied()
    }
}

impl Hidden for Restrictions {
    fn hides(&self, key: &str, value: &[u8]) -> bool {
        let names = |text: &str| Number::all_in(text).iter().any(|number| self.of_number(number).is_some());
        names(key) || names(&String::from_utf8_lossy(value))
    }
}

#[cfg(test)]
mod tests;
