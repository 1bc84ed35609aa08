//! Cases, each with its term and its steps.
//!
//! A term is one month from the day of receipt, by the calendar (GDPR, article 12(3)); where that month has no such day, its
//! last one. It is counted in UTC, and no day off makes it longer.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use parloir_contract::{CallId, TenantId};
use parloir_journal::{CaseNote, CaseStep, JournalError, Step};
use parloir_persons::Number;

use super::{RightsDone, RightsError, words};
use crate::Storage;

/// Months of a term.
const TERM: i32 = 1;
/// Months by which it may be extended at most.
pub(super) const EXTENSION: u8 = 2;

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
pub(super) fn due(received: Date, extended: u8) -> Option<Date> {
    received.checked_add((TERM + i32::from(extended)).months()).ok()
}

/// Today, in UTC.
pub fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}

pub(super) fn day(text: &str) -> Result<Date, RightsError> {
    let no_day = || RightsError::NoDay(text.chars().take(40).collect());
    let day: Date = text.parse().map_err(|_| no_day())?;
    if day > today() { Err(no_day()) } else { Ok(day) }
}

/// A case, whose it is, and of whom, where that can still be read.
pub(crate) struct Known {
    pub(crate) tenant: TenantId,
    pub(crate) note: CaseNote,
    pub(super) number: Option<Number>,
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

impl Storage {
    pub(super) async fn step(
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

    /// A case that is open and may have another step, of this tenant and, as far as that can still be read, of this person.
    pub(super) async fn case_of(
        &self,
        case: CallId,
        tenant: &TenantId,
        person: Option<&Number>,
    ) -> Result<Known, RightsError> {
        let known = self.case(case).await?;
        known.is_of(Some(tenant), person)?;
        // Before anything is done in it that is to be a step of it.
        known.note.has_room()?;
        Ok(known)
    }

    /// A case that is open.
    pub(super) async fn case(&self, case: CallId) -> Result<Known, RightsError> {
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
}
