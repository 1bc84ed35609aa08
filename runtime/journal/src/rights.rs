//! What persons ask for, and what follows from it: cases with their terms, amendments, restrictions, blocked numbers.
//!
//! Each step is in the log, in a short call of its own, so that it can be proven; a number and the operator's words are its
//! content, and are erased as any other. What has to be known without reading the log rests beside the keys, where no
//! back-up of the data changes it, and names nobody: a case is there by its dates, a person by a keyed hash of their number.
//! Whoever has the journal open keeps it in memory too ([`Journal::rights`]): nobody else writes it meanwhile.
//!
//! The name of a step's call is noted there before the step is in the log: whatever is cut off, an erasure finds it. What it
//! finds there alone was cut off, or is newer than data that was put back.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parloir_contract::{CallId, TenantId};
use parloir_store::{Kms, Memo};
use serde::{Deserialize, Serialize};
use tokio::sync::RwLock;

use crate::call::now;
use crate::erase::Eraser;
use crate::key::Purposes;
use crate::own::random;
use crate::record::{
    Amended, Amendment, Blocked, BlockedTo, Case, CaseStep, Named, RecordBody, Restricted, Right,
};
use crate::{
    ACCESS, ADMINISTRATION, ERASURE, Erasure, ErasureReport, HOLD, Journal, JournalError, ReadError, WEBHOOK,
    erased, erasures, memo,
};

/// What the calls are called that hold the steps of cases: their transport, and their agent.
pub const CASE: &str = "case";
/// The same of amendments.
pub const AMENDMENT: &str = "amendment";
/// The same of restrictions.
pub const RESTRICTION: &str = "restriction";
/// The same of blocked numbers.
pub const BLOCK: &str = "block";

/// Open cases of one tenant: all of what is noted of them is written anew with each step of one.
pub const MAX_OPEN_CASES: usize = 1_000;

/// Steps of one case, the one that closes it not counted: each is noted as those of all others are.
pub const MAX_STEPS: usize = 200;

/// Whether a call of this transport is the journal's own.
pub(crate) fn is_of_journal(transport: &str) -> bool {
    [ERASURE, HOLD, AMENDMENT, ACCESS, ADMINISTRATION, WEBHOOK].contains(&transport)
        || names_somebody(transport)
}

/// Whether it is, and its content is somebody's number and the operator's words of them.
pub(crate) fn names_somebody(transport: &str) -> bool {
    [CASE, RESTRICTION, BLOCK].contains(&transport)
}

/// A case as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseNote {
    /// Which: the call that holds its first step.
    pub case: CallId,
    /// What was asked for.
    pub right: Right,
    /// On which day it was received, as in `2026-03-14`.
    pub received: String,
    /// The last day of its term, written as that.
    pub due: String,
    /// By how many months the term was extended.
    pub extended: u8,
    /// When it was closed, in nanoseconds since 1970-01-01 UTC, and whether what was asked for was done.
    pub closed: Option<(u64, bool)>,
    /// The calls that hold its steps, the first first; the last may have been cut off, and not be in the log.
    pub records: Vec<CallId>,
}

impl CaseNote {
    /// Refuses what would be a step more than a case may have.
    ///
    /// # Errors
    /// [`JournalError::TooManySteps`].
    pub fn has_room(&self) -> Result<(), JournalError> {
        if self.records.len() >= MAX_STEPS {
            return Err(JournalError::TooManySteps { case: self.case, most: MAX_STEPS });
        }
        Ok(())
    }
}

/// An amendment of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmendmentNote {
    /// Of which call.
    pub call: CallId,
    /// The call that holds it; it may have been cut off, and not be in the log.
    pub record: CallId,
    /// Since when, in nanoseconds since 1970-01-01 UTC.
    pub at: u64,
}

/// A person whose calls are kept and not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restriction {
    /// Their number: see [`pseudonym`].
    pub who: [u8; 32],
    /// The call that holds its record.
    pub record: CallId,
    /// Since when, in nanoseconds since 1970-01-01 UTC.
    pub at: u64,
}

/// A number that no agent answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// The number: see [`pseudonym`].
    pub who: [u8; 32],
    /// What becomes of its calls.
    pub to: BlockedTo,
    /// The call that holds its record.
    pub record: CallId,
    /// Since when, in nanoseconds since 1970-01-01 UTC.
    pub at: u64,
}

/// What persons asked of a tenant, and what follows from it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rights {
    /// Every case, the first first.
    pub cases: Vec<CaseNote>,
    /// Every amendment, the first first.
    pub amendments: Vec<AmendmentNote>,
    /// Who is restricted now.
    pub restricted: Vec<Restriction>,
    /// Which numbers are blocked now.
    pub blocked: Vec<Block>,
    /// Every call whose record names somebody: steps of cases, restrictions, blocks, and their ends. One that was cut off
    /// may not be in the log; one that was erased names nobody, and is here no more.
    pub naming: Vec<CallId>,
    /// Whom they name, as far as that is known: see [`pseudonym`]. Of the others it is in their record alone.
    #[serde(default)]
    pub whose: Vec<(CallId, [u8; 32])>,
}

/// What persons asked of each tenant, in memory.
pub(crate) type Known = RwLock<HashMap<TenantId, Arc<Rights>>>;

impl Rights {
    /// Whether another case may be opened.
    fn has_room(&self) -> bool {
        self.cases.iter().filter(|case| case.closed.is_none()).count() < MAX_OPEN_CASES
    }

    /// A case.
    pub fn case(&self, case: CallId) -> Option<&CaseNote> {
        self.cases.iter().find(|known| known.case == case)
    }

    /// Whom the record of a call names, where that is known.
    fn whom(&self, call: CallId) -> Option<[u8; 32]> {
        self.whose.iter().find(|(known, _)| *known == call).map(|(_, who)| *who)
    }

    /// The record of a call will name somebody.
    fn name(&mut self, call: CallId, who: Option<[u8; 32]>) {
        self.naming.push(call);
        self.whose.extend(who.map(|who| (call, who)));
    }

    /// The calls that hold the amendments of these calls.
    pub(crate) fn amendments_of(&self, calls: &[CallId]) -> Vec<CallId> {
        let calls: HashSet<&CallId> = calls.iter().collect();
        let of_calls = self.amendments.iter().filter(|amendment| calls.contains(&amendment.call));
        of_calls.map(|amendment| amendment.record).collect()
    }

    /// Whether one of these steps, or amendments, is in a call of this name, if it is anywhere.
    pub(crate) fn holds(&self, call: CallId) -> bool {
        self.naming.contains(&call) || self.amendments.iter().any(|amendment| amendment.record == call)
    }
}

/// What persons asked of a tenant. From the keys folder alone. Fails where what is noted of them cannot be read.
pub async fn rights(kms: &dyn Kms, tenant: &TenantId) -> Result<Rights, JournalError> {
    let Some(bytes) = kms.recall(tenant, Memo::Rights).await? else { return Ok(Rights::default()) };
    memo::open(&bytes, "the note of what persons asked for")
}

/// What a number, in E.164 form, is called where it may not be written down: a hash under a key of the tenant's.
pub async fn pseudonym(kms: &dyn Kms, tenant: &TenantId, number: &str) -> Result<[u8; 32], JournalError> {
    Ok(kms.row_key(tenant).await?.pseudonym(number.as_bytes()))
}

/// What happens in a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What.
    pub step: CaseStep,
    /// The call that holds the record of what was done.
    pub record: Option<CallId>,
    /// The new last day of its term, and by how many months that is later, where the term is extended.
    pub extended: Option<(String, u8)>,
    /// Why, in the operator's words: they are sealed.
    pub why: Option<String>,
}

impl Journal {
    /// Opens a case. `received` and `due` are days, as in `2026-03-14`; who asked, and why, is sealed. Refused where
    /// [`MAX_OPEN_CASES`] are open.
    pub async fn open_case(
        &self,
        tenant: &TenantId,
        right: Right,
        (received, due): (String, String),
        named: Named,
    ) -> Result<CaseNote, JournalError> {
        let _one_at_a_time = self.eraser().one.lock().await;
        let mut all = self.noted(tenant).await?;
        if !all.has_room() {
            return Err(JournalError::TooManyCases { tenant: tenant.clone(), most: MAX_OPEN_CASES });
        }
        let who = match &named.number {
            Some(number) => Some(pseudonym(&*self.eraser().kms, tenant, number).await?),
            None => None,
        };
        let case = random()?;
        all.name(case, who);
        self.note(tenant, &all).await?;
        let record = RecordBody::Case(Case {
            case,
            step: CaseStep::Opened,
            right,
            received: received.clone(),
            due: due.clone(),
            record: None,
            named: Some(named),
        });
        // What is listed can be shown: it is told first.
        self.tell(tenant, case, CASE, vec![record]).await?;
        let note = CaseNote { case, right, received, due, extended: 0, closed: None, records: vec![case] };
        all.cases.push(note.clone());
        self.note(tenant, &all).await?;
        Ok(note)
    }

    /// Takes a step in a case. Refused where it is closed, and where it has [`MAX_STEPS`], but for the step that closes it.
    pub async fn step_case(
        &self,
        tenant: &TenantId,
        case: CallId,
        step: Step,
    ) -> Result<CaseNote, JournalError> {
        let Step { step, record, extended, why } = step;
        let _one_at_a_time = self.eraser().one.lock().await;
        let mut all = self.noted(tenant).await?;
        let no_such_case = || JournalError::NoSuchCase { tenant: tenant.clone(), case };
        let note = all.cases.iter_mut().find(|known| known.case == case).ok_or_else(no_such_case)?;
        if note.closed.is_some() {
            return Err(JournalError::CaseClosed { case });
        }
        if !matches!(step, CaseStep::Done | CaseStep::Refused) {
            note.has_room()?;
        }
        let told = random()?;
        note.records.push(told);
        let mut stepped = note.clone();
        // It is of whom the case is.
        let who = all.whom(case);
        all.name(told, who);
        self.note(tenant, &all).await?;
        if let Some((due, months)) = extended {
            stepped.due = due;
            stepped.extended = stepped.extended.saturating_add(months);
        }
        match step {
            CaseStep::Done => stepped.closed = Some((now(), true)),
            CaseStep::Refused => stepped.closed = Some((now(), false)),
            CaseStep::Opened
            | CaseStep::Extended
            | CaseStep::Exported
            | CaseStep::Rectified
            | CaseStep::Restricted
            | CaseStep::Released
            | CaseStep::Blocked
            | CaseStep::Unblocked
            | CaseStep::Erased => {}
        }
        let (right, received, due) = (stepped.right, stepped.received.clone(), stepped.due.clone());
        let named = why.map(|why| Named { number: None, why: Some(why) });
        let step = Case { case, step, right, received, due, record, named };
        self.tell(tenant, told, CASE, vec![RecordBody::Case(step)]).await?;
        if let Some(note) = all.cases.iter_mut().find(|known| known.case == case) {
            note.clone_from(&stepped);
        }
        self.note(tenant, &all).await?;
        Ok(stepped)
    }

    /// Puts something of a call right: what was recorded stays as it is, and this is shown beside it. Returns the call that
    /// holds it. Refused where what was said in it was erased.
    pub async fn amend(
        &self,
        tenant: &TenantId,
        call: CallId,
        amendment: Amendment,
        appointments: u32,
    ) -> Result<CallId, JournalError> {
        let _one_at_a_time = self.eraser().one.lock().await;
        let kms = &*self.eraser().kms;
        // Nothing is said of what is being erased: that it was cut off does not bring it back.
        self.finish(tenant).await?;
        if self.call(tenant, call).await?.is_none() {
            return Err(ReadError::NoSuchCall { tenant: tenant.clone(), call }.into());
        }
        if erased(&erasures(kms, tenant).await?).get(&call).is_some_and(|gone| gone.content) {
            return Err(JournalError::NothingLeft { tenant: tenant.clone(), call });
        }
        let mut all = self.noted(tenant).await?;
        let record = random()?;
        all.amendments.push(AmendmentNote { call, record, at: now() });
        self.note(tenant, &all).await?;
        let amended = Amended { call, appointments, amendment: Some(amendment) };
        self.tell(tenant, record, AMENDMENT, vec![RecordBody::Amended(amended)]).await?;
        Ok(record)
    }

    /// Restricts a person, or releases them. `who` is the [`pseudonym`] of the number in `named`. Returns the call that holds
    /// the record of it; `None` where it was so already.
    pub async fn restrict(
        &self,
        tenant: &TenantId,
        who: [u8; 32],
        named: Named,
        released: bool,
    ) -> Result<Option<CallId>, JournalError> {
        let _one_at_a_time = self.eraser().one.lock().await;
        let mut all = self.noted(tenant).await?;
        if all.restricted.iter().any(|known| known.who == who) != released {
            return Ok(None);
        }
        let record = random()?;
        all.name(record, Some(who));
        // Whatever is cut off, nothing is used that should not be: restricted before it is told, released after.
        if !released {
            all.restricted.push(Restriction { who, record, at: now() });
        }
        self.note(tenant, &all).await?;
        let told = RecordBody::Restricted(Restricted { released, named: Some(named) });
        self.tell(tenant, record, RESTRICTION, vec![told]).await?;
        if released {
            all.restricted.retain(|known| known.who != who);
            self.note(tenant, &all).await?;
        }
        Ok(Some(record))
    }

    /// Forgets that a person was restricted, for nothing is left of theirs to be kept and not used. `who` is the [`pseudonym`] of
    /// their number, which goes too; what the log says of it names nobody. Returns whether they were.
    pub async fn forget_restriction(&self, tenant: &TenantId, who: [u8; 32]) -> Result<bool, JournalError> {
        let _one_at_a_time = self.eraser().one.lock().await;
        let mut all = self.noted(tenant).await?;
        if !all.restricted.iter().any(|known| known.who == who) {
            return Ok(false);
        }
        let told = RecordBody::Restricted(Restricted { released: true, named: None });
        self.tell(tenant, random()?, RESTRICTION, vec![told]).await?;
        all.restricted.retain(|known| known.who != who);
        self.note(tenant, &all).await?;
        Ok(true)
    }

    /// [`Journal::erase`] for what was chosen when these were all who were restricted. `None` where somebody else is by now:
    /// then nothing was erased, and what is theirs has to be left out.
    pub async fn erase_unless_restricted(
        &self,
        tenant: &TenantId,
        erasure: Erasure,
        known: &[Restriction],
    ) -> Result<Option<ErasureReport>, JournalError> {
        let _one_at_a_time = self.eraser().one.lock().await;
        let all = self.rights(tenant).await?;
        if all.restricted.iter().any(|one| !known.iter().any(|known| known.who == one.who)) {
            return Ok(None);
        }
        self.erase_alone(tenant, erasure).await.map(Some)
    }

    /// Blocks a number, `None` for not any more. `who` is the [`pseudonym`] of the number in `named`. Returns the call that
    /// holds the record of it; `None` where it was so already.
    pub async fn block(
        &self,
        tenant: &TenantId,
        who: [u8; 32],
        named: Named,
        to: Option<BlockedTo>,
    ) -> Result<Option<CallId>, JournalError> {
        let _one_at_a_time = self.eraser().one.lock().await;
        let mut all = self.noted(tenant).await?;
        let before = all.blocked.iter().find(|known| known.who == who).map(|known| known.to);
        if before == to {
            return Ok(None);
        }
        let record = random()?;
        all.name(record, Some(who));
        // As a restriction: blocked before it is told, answered again after.
        if let Some(to) = to {
            all.blocked.retain(|known| known.who != who);
            all.blocked.push(Block { who, to, record, at: now() });
        }
        self.note(tenant, &all).await?;
        let (released, to) = (to.is_none(), to.or(before).unwrap_or_default());
        let told = RecordBody::Blocked(Blocked { to, released, named: Some(named) });
        self.tell(tenant, record, BLOCK, vec![told]).await?;
        if released {
            all.blocked.retain(|known| known.who != who);
            self.note(tenant, &all).await?;
        }
        Ok(Some(record))
    }

    /// Forgets of whom the records are of which nothing is in the log to be erased, of one person's or of all of them: not even a
    /// hash of their number is left for these.
    pub async fn forget_whose(&self, tenant: &TenantId, who: Option<[u8; 32]>) -> Result<(), JournalError> {
        let _one_at_a_time = self.eraser().one.lock().await;
        let mut all = self.noted(tenant).await?;
        let before = all.whose.len();
        all.whose.retain(|(_, known)| who.is_some_and(|who| *known != who));
        if all.whose.len() == before { Ok(()) } else { self.note(tenant, &all).await }
    }

    /// Lets go of what was erased, as notes say: of a record that names nobody any more, and of an amendment of which there is
    /// no trace.
    pub(crate) async fn let_go(
        &self,
        tenant: &TenantId,
        gone: &HashMap<CallId, Purposes>,
    ) -> Result<(), JournalError> {
        let mut all = self.noted(tenant).await?;
        let before = (all.naming.len(), all.amendments.len());
        let stays = |call: &CallId| gone.get(call).is_none_or(|gone| !gone.content);
        all.naming.retain(stays);
        all.whose.retain(|(call, _)| stays(call));
        all.amendments.retain(|note| gone.get(&note.record).is_none_or(|gone| !(gone.content && gone.trace)));
        if before == (all.naming.len(), all.amendments.len()) {
            return Ok(());
        }
        self.note(tenant, &all).await
    }

    /// [`rights()`], read from the keys folder once, and known from then on.
    pub async fn rights(&self, tenant: &TenantId) -> Result<Arc<Rights>, JournalError> {
        let Eraser { kms, rights: known, .. } = self.eraser();
        if let Some(all) = known.read().await.get(tenant) {
            return Ok(Arc::clone(all));
        }
        // Nobody notes anything between its being read and its being known.
        let mut known = known.write().await;
        if let Some(all) = known.get(tenant) {
            return Ok(Arc::clone(all));
        }
        let all = Arc::new(rights(&**kms, tenant).await?);
        known.insert(tenant.clone(), Arc::clone(&all));
        Ok(all)
    }

    /// The same, for whoever changes it.
    async fn noted(&self, tenant: &TenantId) -> Result<Rights, JournalError> {
        Ok(Arc::unwrap_or_clone(self.rights(tenant).await?))
    }

    async fn note(&self, tenant: &TenantId, all: &Rights) -> Result<(), JournalError> {
        let Eraser { kms, rights: known, .. } = self.eraser();
        let mut known = known.write().await;
        // Where it fails, nobody knows which of the two is there: it is read again.
        known.remove(tenant);
        kms.remember(tenant, Memo::Rights, Some(memo::seal(all)?)).await?;
        known.insert(tenant.clone(), Arc::new(all.clone()));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
