//! What persons ask for, and what is done about it. Rectify by amendment, restrict, block.

use std::collections::HashMap;

use jiff::civil::Date;
use parloir_contract::{CallId, Refusal, Status, TenantId};
use parloir_journal::{
    BlockedTo, CallEntry, CaseNote, CaseStep, JournalError, Location, Named, ReadError, Record, RecordBody,
    Right, pseudonym,
};
use parloir_persons::{NotANumber, Number, numbers};
use parloir_store::StoreError;
use serde::{Deserialize, Serialize};

use crate::rows::KeptRow;
use crate::{EraseError, Left, Storage};

mod cases;
mod own;
mod persons;
mod rectify;
mod restrictions;

pub(crate) use cases::Known;
pub use cases::{CaseError, today};
use cases::{EXTENSION, day, due};
pub use own::{CaseLine, Own, PersonCall, case_json, cases_json, overdue, references, rows_json};
pub use restrictions::Restrictions;

/// Characters of the operator's words, and of what a field should say.
pub(crate) const WORDS: usize = 2_000;

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
        /// Which field: one of [`parloir_persons::CallFile::fields`].
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
        /// Of which of them something was handed over when they were over, the call that holds the record, and where it begins.
        #[serde(default)]
        deliveries: Vec<(CallId, CallId, Location)>,
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

fn words(words: Option<&String>) -> Result<(), RightsError> {
    let long = words.is_some_and(|words| words.chars().count() > WORDS);
    if long { Err(RightsError::TooLong) } else { Ok(()) }
}

fn statuses() -> String {
    Status::ALL.map(Status::word).join(", ")
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
                let calls: Vec<(CallId, Location)> =
                    may_be.calls.into_iter().map(|call| (call.call(), call.entry.first)).collect();
                let mut deliveries = Vec::new();
                for (call, _) in &calls {
                    let sent = self.journal.deliveries(&tenant, *call).await?;
                    deliveries.extend(sent.into_iter().map(|(held_in, first)| (*call, held_in, first)));
                }
                let left = |(entry, why): (CallEntry, String)| Left { call: entry.call, why };
                let unread = may_be.unread.into_iter().map(left).collect();
                Ok(RightsDone::Calls { calls, deliveries, unread })
            }
            RightsRequest::Accesses { tenant } => {
                let calls = self.journal.accesses(&self.known(tenant).await?).await?;
                Ok(RightsDone::Calls { calls, deliveries: Vec::new(), unread: Vec::new() })
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

#[cfg(test)]
mod tests;
