//! Erasing what is somebody's: which calls and which rows that are, and then the journal's own erasure of them.
//!
//! A caller's are the calls that came from the number, and the rows that name it: appointments with their slots, and what
//! agents remember under it or of it. A call's are its own alone: an appointment made in it still stands. A tenant's are all that
//! calls left: who administers it, its lines and its agents stay.

use parloir_contract::{CallId, TenantId};
use parloir_journal::{
    ContentRead, Erasure, ErasureReport, JournalError, Purposes, Reader, Requested, Restriction, pseudonym,
};
use parloir_persons::NotANumber;
use parloir_store::StoreError;
use serde::{Deserialize, Serialize};

use crate::Storage;
use crate::rights::{CaseError, WORDS};

mod found;

use found::{Found, count};
pub(crate) use found::{calls, stay};

/// How often rows are looked for again that were written while those were erased that name a caller.
const MAX_ROUNDS: usize = 8;

/// How often at most what is somebody's is looked for, where calls are held each time before it is erased.
const MAX_SEARCHES: usize = 3;

/// Single rows erased at once: while their keys are taken out, nobody writes a row of the tenant's.
const PORTION: usize = 5_000;

/// Whose things are to be erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Whose {
    /// A call's.
    Call(CallId),
    /// A caller's.
    Caller {
        /// The number, as people write it.
        number: String,
        /// With this tenant only; with every tenant for `None`.
        tenant: Option<TenantId>,
    },
    /// A tenant's.
    Tenant(TenantId),
}

/// A request to erase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EraseRequest {
    /// Whose things.
    pub whose: Whose,
    /// Whether the technical trace goes too, and not sound and words alone.
    pub trace: bool,
    /// Why, in the operator's words.
    pub reason: Option<String>,
    /// Only tell what it would be.
    pub dry_run: bool,
    /// The case in which a caller asks for it, closed or not: all that was written in it goes too, though it names nobody any
    /// more.
    #[serde(default)]
    pub case: Option<CallId>,
}

impl EraseRequest {
    /// What of a call goes.
    pub(crate) const fn purposes(&self) -> Purposes {
        if self.trace { Purposes::ALL } else { Purposes::CONTENTS }
    }
}

/// What is, or would be, erased of one tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantErasure {
    /// Whose.
    pub tenant: TenantId,
    /// These calls.
    pub calls: Vec<CallId>,
    /// These would too, but they last: they are left as they are.
    pub lasting: Vec<CallId>,
    /// And these, but they are held.
    pub held: Vec<CallId>,
    /// So many rows that name the caller, or that the tenant's calls left.
    pub rows: usize,
    /// So many records of their requests: what names somebody in them goes, and that they were stays.
    pub records: usize,
    /// These could not be read: nobody knows whether they are the caller's, and they are left as they are.
    pub unread: Vec<Left>,
    /// Why it was not done, or not to its end, with this tenant.
    pub failed: Option<String>,
    /// What was done; `None` where it was only to be told.
    pub report: Option<ErasureReport>,
}

impl TenantErasure {
    /// Whether nothing stays that is known to be theirs: of these of the held nobody knows whose they are.
    fn nothing_stays(&self, behind: &[CallId]) -> bool {
        let none_held = self.held.iter().all(|call| behind.contains(call));
        self.lasting.is_empty() && none_held && self.unread.is_empty()
    }
}

/// A call that is left as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// Which.
    pub call: CallId,
    /// Why.
    pub why: String,
}

/// A request to hold a call, or to release it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldRequest {
    /// Whose call.
    pub tenant: TenantId,
    /// Which.
    pub call: CallId,
    /// Why, in the operator's words.
    pub why: String,
    /// Whether it is released.
    pub release: bool,
}

/// A wish to read content of a tenant's calls, which is noted before it is granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessRequest {
    /// Whose calls.
    pub tenant: TenantId,
    /// What is read, by whom, and why.
    pub read: ContentRead,
}

impl AccessRequest {
    /// Whether it is this user of the machine who reads: nobody is named as another.
    pub(crate) fn is_of(&self, uid: u32) -> bool {
        match &self.read.who {
            Reader::User { uid: who, .. } => *who == uid,
            // Whoever has a key asks the API.
            Reader::Key { .. } => false,
        }
    }
}

/// Why nothing was erased.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// There is no such call.
    #[error("there is no call {0} here that is not erased already: `parloir calls` lists them")]
    NoSuchCall(CallId),
    /// There is no such tenant.
    #[error("tenant {0} has had no call here: look at how it is written, and at the data folder")]
    NoSuchTenant(TenantId),
    /// It is no number.
    #[error(transparent)]
    NoNumber(#[from] NotANumber),
    /// The case is none to erase something in.
    #[error(transparent)]
    Case(#[from] CaseError),
    /// Words that are too long.
    #[error("write at most {WORDS} characters: nothing was done")]
    TooLong,
    /// The journal did not do it.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The storage did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Refuses words of the operator's that are too long.
fn bounded(words: &str) -> Result<(), EraseError> {
    if words.chars().count() > WORDS { Err(EraseError::TooLong) } else { Ok(()) }
}

impl Storage {
    /// Erases what is asked for, tenant by tenant. When it returns, none of it can be read any more. What is cut off is
    /// finished when the journal is opened next. What cannot be done of a caller's does not keep the rest of it from being
    /// erased: see [`TenantErasure::unread`] and [`TenantErasure::failed`].
    pub async fn erase(&self, request: &EraseRequest) -> Result<Vec<TenantErasure>, EraseError> {
        request.reason.as_deref().map_or(Ok(()), bounded)?;
        let mut done = Vec::new();
        for (tenant, found) in self.found(request).await? {
            done.push(self.erase_of(&tenant, request, found).await?);
        }
        Ok(done)
    }

    /// Erases what was found of a tenant's. Where a call was held since it was looked for, and so nothing was erased, it is looked
    /// for anew: then that one is left as it is, and the rest goes.
    async fn erase_of(
        &self,
        tenant: &TenantId,
        request: &EraseRequest,
        mut found: Found,
    ) -> Result<TenantErasure, EraseError> {
        let mut searches = 1;
        loop {
            let mut erased = self.would_erase(tenant, request, &mut found).await?;
            if request.dry_run {
                return Ok(erased);
            }
            let done = self.erase_found(tenant, request, found, &mut erased).await;
            let Err(mut error) = done else { return Ok(erased) };
            let refused = matches!(error, EraseError::Journal(JournalError::NotErasable { .. }));
            if refused && erased.report.is_none() && searches < MAX_SEARCHES {
                searches += 1;
                match self.found_again(tenant, request).await {
                    Ok(again) => {
                        found = again;
                        continue;
                    }
                    Err(unknown) => error = unknown,
                }
            }
            told(error, &request.whose, &mut erased)?;
            return Ok(erased);
        }
    }

    /// What is to be erased of what was found: it is taken out of that, but for its rows and records.
    async fn would_erase(
        &self,
        tenant: &TenantId,
        request: &EraseRequest,
        found: &mut Found,
    ) -> Result<TenantErasure, EraseError> {
        let (rows, uncounted) = match found.rows.as_slice() {
            [] => (0, None),
            rows => match count(rows, &self.rows(tenant).await?).await {
                Ok(count) => (count, None),
                // What cannot be counted goes all the same.
                Err(error) => {
                    tracing::error!(%tenant, %error, "the rows that are to be erased could not be counted");
                    (rows.len(), Some(format!("rows could not be counted: {error}")))
                }
            },
        };
        Ok(TenantErasure {
            tenant: tenant.clone(),
            calls: std::mem::take(&mut found.calls),
            lasting: std::mem::take(&mut found.lasting),
            held: std::mem::take(&mut found.held),
            rows,
            records: found.records.len(),
            unread: std::mem::take(&mut found.unread),
            failed: found.failed.take().or(uncounted.filter(|_| request.dry_run)),
            report: None,
        })
    }

    async fn erase_found(
        &self,
        tenant: &TenantId,
        request: &EraseRequest,
        Found { rows, mut records, traced, behind, number, requested, holds, .. }: Found,
        erased: &mut TenantErasure,
    ) -> Result<(), EraseError> {
        let purposes = request.purposes();
        // Whatever is held since is looked for once more, and left as it is.
        let erase = |erasure: Erasure| self.journal.erase_unless_held(tenant, erasure, &holds);
        let nothing = erased.calls.is_empty() && rows.is_empty() && records.is_empty();
        if !nothing {
            let (mut calls, reason) = (erased.calls.clone(), request.reason.clone());
            if !purposes.trace {
                calls.extend(&records);
            }
            calls.retain(|call| !traced.contains(call));
            let mut portions = rows.chunks(PORTION);
            let rows = portions.next().unwrap_or_default().to_vec();
            let erasure = Erasure { calls, purposes, rows, requested, reason };
            erased.report = Some(erase(erasure).await?);
            for portion in portions {
                let (rows, reason) = (portion.to_vec(), request.reason.clone());
                let erasure = Erasure { purposes, rows, requested, reason, ..Erasure::default() };
                let report = erase(erasure).await?;
                erased.report = erased.report.map(|before| with(before, &report));
            }
            // A review that was being written while these were looked for.
            let late = self.rows_with(tenant, &erased.calls).await?;
            if !late.is_empty() {
                erased.rows += late.len();
                let reason = request.reason.clone();
                let erasure = Erasure { purposes, rows: late, requested, reason, ..Erasure::default() };
                let report = erase(erasure).await?;
                erased.report = erased.report.map(|before| with(before, &report));
            }
        }
        records.extend(traced);
        if purposes.trace && !records.is_empty() {
            // Of some calls the trace stays; and that somebody asked for something is to be shown for as long as the log is.
            let (purposes, reason) = (Purposes::CONTENTS, request.reason.clone());
            let erasure = Erasure { calls: records, purposes, requested, reason, ..Erasure::default() };
            let report = erase(erasure).await?;
            erased.report = erased.report.map(|before| with(before, &report));
        }
        let Some(number) = number else {
            if requested == Requested::Tenant && erased.nothing_stays(&behind) {
                for Restriction { who, .. } in &self.journal.rights(tenant).await?.restricted {
                    self.journal.forget_restriction(tenant, *who).await?;
                }
                self.journal.forget_whose(tenant, None).await?;
            }
            return Ok(());
        };
        // A row that was written since it was found is spared: it may be another's now, or still name this one.
        let rounds = if nothing { 0 } else { MAX_ROUNDS };
        let mut written_meanwhile = rounds > 0;
        for _ in 0..rounds {
            let (rows, held) = self.rows_naming(tenant, &number).await?;
            stay(&mut erased.held, held);
            if rows.is_empty() {
                written_meanwhile = false;
                break;
            }
            erased.rows += rows.len();
            let reason = request.reason.clone();
            let erasure = Erasure { purposes, rows, requested, reason, ..Erasure::default() };
            let report = erase(erasure).await?;
            erased.report = erased.report.map(|before| with(before, &report));
        }
        if written_meanwhile {
            let why = "rows that name the caller were written for as long as it lasted: erase once more";
            erased.failed = Some(why.to_owned());
        } else if erased.nothing_stays(&behind) {
            // What is not there need not be kept from anybody, and a hash of the number is not left for it.
            let who = pseudonym(self.keys(), tenant, &number.to_string()).await?;
            self.journal.forget_restriction(tenant, who).await?;
            self.journal.forget_whose(tenant, Some(who)).await?;
        }
        Ok(())
    }

    /// Holds a call, or releases it. Returns whether that changed anything. Fails where there is no such call, where the words
    /// are too long, and where it could not be noted.
    pub async fn hold(&self, request: &HoldRequest) -> Result<bool, EraseError> {
        let HoldRequest { tenant, call, why, release } = request;
        bounded(why)?;
        Ok(match release {
            true => self.journal.release(tenant, *call, why.clone()).await?,
            false => self.journal.hold(tenant, *call, why.clone()).await?,
        })
    }

    /// Notes that content is read, durably: of all of these tenants, or of none where one is not known here.
    pub async fn note_accesses(&self, requests: &[AccessRequest]) -> Result<(), EraseError> {
        for AccessRequest { tenant, .. } in requests {
            self.known(tenant).await?;
        }
        for AccessRequest { tenant, read } in requests {
            self.journal.note_access(tenant, read.clone()).await?;
        }
        Ok(())
    }

    pub(crate) async fn known(&self, tenant: &TenantId) -> Result<TenantId, EraseError> {
        let known = self.journal.tenants().await?.contains(tenant);
        if known { Ok(tenant.clone()) } else { Err(EraseError::NoSuchTenant(tenant.clone())) }
    }
}

/// What becomes of an erasure that failed: it is told beside what was done, where anything was; and of a caller's things always,
/// for another tenant's may be erased still.
fn told(error: EraseError, whose: &Whose, erased: &mut TenantErasure) -> Result<(), EraseError> {
    match whose {
        Whose::Call(_) | Whose::Tenant(_) if erased.report.is_none() => Err(error),
        Whose::Call(_) | Whose::Tenant(_) | Whose::Caller { .. } => {
            erased.failed = Some(error.to_string());
            Ok(())
        }
    }
}

/// What of an erasure was not done; `None` where all of it was.
#[must_use]
pub fn not_done(done: Option<&TenantErasure>) -> Option<String> {
    let (lasting, held) = done.map_or((0, 0), |done| (done.lasting.len(), done.held.len()));
    let unread = done.map_or(0, |done| done.unread.len());
    let has_failed = done.is_some_and(|done| done.failed.is_some());
    if lasting + held + unread > 0 {
        let failed = if has_failed { "; and it failed on the way" } else { "" };
        return Some(format!(
            "in part: {lasting} call(s) last, {held} are held, and {unread} could not be read{failed}; erase once more when that is over, for nobody else does"
        ));
    }
    if has_failed {
        let part = if done.is_some_and(|done| done.report.is_some()) { "in part" } else { "not at all" };
        return Some(format!("{part}: it failed on the way; erase once more"));
    }
    done.and_then(|done| done.report).is_none().then(|| "nothing was found".to_owned())
}

/// Both in one.
fn with(report: ErasureReport, other: &ErasureReport) -> ErasureReport {
    ErasureReport {
        calls: report.calls + other.calls,
        chunks: report.chunks + other.chunks,
        blocks: report.blocks + other.blocks,
        rows: report.rows + other.rows,
        epochs: report.epochs + other.epochs,
        survivors: report.survivors.max(other.survivors),
        record: report.record.or(other.record),
    }
}

#[cfg(test)]
mod tests;
