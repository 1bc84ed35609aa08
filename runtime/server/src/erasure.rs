//! Erasing what is somebody's: which calls and which rows that are, and then the journal's own erasure of them.
//!
//! A caller's are the calls that came from the number, and the rows that name it: appointments with their slots, and what
//! agents remember under it or of it. A call's are its own alone: an appointment made in it still stands. A tenant's are all.

use std::collections::HashSet;

use parloir_contract::{CallId, TenantId};
use parloir_journal::{
    CallEntry, CallOf, ContentRead, Erasure, ErasureReport, Journal, JournalError, Purposes, ReadError,
    Reader, Record, Requested, Restriction, erased, erasures, holds, pseudonym,
};
use parloir_persons::{NotANumber, Number, caller_in, numbers};
use parloir_store::{Entry, Rows, StoreError, Table, TenantStore};
use serde::{Deserialize, Serialize};

use crate::Storage;
use crate::rights::{CaseError, Known, WORDS};

/// Calls, or rows, looked at in one go.
const PAGE: usize = 500;
/// How often rows are looked for again that were written while those were erased that name a caller.
const MAX_ROUNDS: usize = 8;
/// Tables in which rows may name a caller.
const NAMING: [Table; 4] = [Table::Appointments, Table::AppointmentsByPhone, Table::Memory, Table::Reports];

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
    /// So many rows that name the caller, or tables.
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
        for (tenant, mut found) in self.found(request).await? {
            let mut erased = TenantErasure {
                tenant: tenant.clone(),
                calls: std::mem::take(&mut found.calls),
                lasting: std::mem::take(&mut found.lasting),
                held: std::mem::take(&mut found.held),
                rows: found.rows.len(),
                records: found.records.len(),
                unread: std::mem::take(&mut found.unread),
                failed: found.failed.take(),
                report: None,
            };
            if !request.dry_run {
                let result = self.erase_found(&tenant, request, found, &mut erased).await;
                match (result, &request.whose) {
                    (Ok(()), Whose::Call(_) | Whose::Caller { .. } | Whose::Tenant(_)) => {}
                    (Err(error), Whose::Caller { .. }) => erased.failed = Some(error.to_string()),
                    (Err(error), Whose::Call(_) | Whose::Tenant(_)) => return Err(error),
                }
            }
            done.push(erased);
        }
        Ok(done)
    }

    async fn erase_found(
        &self,
        tenant: &TenantId,
        request: &EraseRequest,
        Found { rows, records, number, requested, .. }: Found,
        erased: &mut TenantErasure,
    ) -> Result<(), EraseError> {
        let purposes = if request.trace { Purposes::ALL } else { Purposes::CONTENTS };
        let nothing = erased.calls.is_empty() && rows.is_empty() && records.is_empty();
        if !nothing {
            let (mut calls, reason) = (erased.calls.clone(), request.reason.clone());
            if !purposes.trace {
                calls.extend(&records);
            }
            let erasure = Erasure { calls, purposes, rows, requested, reason };
            erased.report = Some(self.journal.erase(tenant, erasure).await?);
            // A review that was being written while these were looked for.
            let late = self.rows_with(tenant, &erased.calls).await?;
            if !late.is_empty() {
                erased.rows += late.len();
                let reason = request.reason.clone();
                let erasure = Erasure { purposes, rows: late, requested, reason, ..Erasure::default() };
                let report = self.journal.erase(tenant, erasure).await?;
                erased.report = erased.report.map(|before| with(before, &report));
            }
        }
        if purposes.trace && !records.is_empty() {
            // That somebody asked for something is to be shown for as long as the log is.
            let (purposes, reason) = (Purposes::CONTENTS, request.reason.clone());
            let erasure = Erasure { calls: records, purposes, requested, reason, ..Erasure::default() };
            let report = self.journal.erase(tenant, erasure).await?;
            erased.report = erased.report.map(|before| with(before, &report));
        }
        let nothing_stays = erased.lasting.is_empty() && erased.held.is_empty() && erased.unread.is_empty();
        let Some(number) = number else {
            if requested == Requested::Tenant && nothing_stays {
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
            let rows = rows_of(&number, &self.rows(tenant).await?).await?;
            if rows.is_empty() {
                written_meanwhile = false;
                break;
            }
            erased.rows += rows.len();
            let reason = request.reason.clone();
            let erasure = Erasure { purposes, rows, requested, reason, ..Erasure::default() };
            let report = self.journal.erase(tenant, erasure).await?;
            erased.report = erased.report.map(|before| with(before, &report));
        }
        if written_meanwhile {
            let why = "rows that name the caller were written for as long as it lasted: erase once more";
            erased.failed = Some(why.to_owned());
        } else if nothing_stays {
            // What is not there need not be kept from anybody, and a hash of the number is not left for it.
            let who = pseudonym(self.keys(), tenant, &number.to_string()).await?;
            self.journal.forget_restriction(tenant, who).await?;
            self.journal.forget_whose(tenant, Some(who)).await?;
        }
        Ok(())
    }

    /// Holds a call, or releases it. Returns whether that changed anything.
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

    async fn found(&self, request: &EraseRequest) -> Result<Vec<(TenantId, Found)>, EraseError> {
        let case = match request.case {
            Some(case) => Some(self.find_case(case).await?.ok_or(CaseError::NoSuch(case))?),
            None => None,
        };
        match &request.whose {
            Whose::Call(call) => {
                let (tenant, entry) = self.journal.find(*call).await?.ok_or(EraseError::NoSuchCall(*call))?;
                let mut found = Found::new(self, &tenant, Requested::Calls).await?;
                found.add(&entry);
                found.rows = self.rows_with(&tenant, &found.calls).await?;
                Ok(vec![(tenant, found)])
            }
            Whose::Caller { number, tenant } => {
                let number = number.parse::<Number>()?;
                case.as_ref().map_or(Ok(()), |case| case.is_of(tenant.as_ref(), Some(&number)))?;
                let tenants = match tenant {
                    Some(tenant) => vec![self.known(tenant).await?],
                    None => self.journal.tenants().await?,
                };
                let mut all = Vec::new();
                for tenant in tenants {
                    let of_case = case.as_ref().filter(|case| case.tenant == tenant);
                    // What cannot be known of one tenant keeps nothing of another's.
                    let found = self.found_of_caller(&number, &tenant, of_case).await;
                    let found = found.unwrap_or_else(|error| {
                        let failed = Some(error.to_string());
                        Found { failed, ..Found::nothing(Requested::Caller) }
                    });
                    all.push((tenant, found));
                }
                Ok(all)
            }
            Whose::Tenant(tenant) => {
                let tenant = self.known(tenant).await?;
                case.as_ref().map_or(Ok(()), |case| case.is_of(Some(&tenant), None))?;
                let mut found = Found::new(self, &tenant, Requested::Tenant).await?;
                calls(&self.journal, &tenant).await?.iter().for_each(|entry| found.add(entry));
                // Of the journal's own index goes what belongs to erased calls.
                let tables = Table::ALL.into_iter().filter(|table| !table.is_index());
                found.rows = tables.map(Rows::Of).collect();
                (found.records, found.unread) = self.unerased(&tenant, None, None).await?;
                Ok(vec![(tenant, found)])
            }
        }
    }

    async fn found_of_caller(
        &self,
        number: &Number,
        tenant: &TenantId,
        case: Option<&Known>,
    ) -> Result<Found, EraseError> {
        let mut found = Found::new(self, tenant, Requested::Caller).await?;
        let may_be = self.journal.calls_of(tenant, &number.to_string(), numbers).await?;
        let may_have_rung = may_be.calls.into_iter().filter(|call| call.rang && !call.entry.is_of_journal());
        for CallOf { entry, .. } in may_have_rung {
            match self.journal.records(tenant, entry.call).await {
                Ok(records) if records.iter().any(|record| rang(number, record)) => found.add(&entry),
                // Another's; or erased since it was listed.
                Ok(_) | Err(JournalError::Read(ReadError::Erased { .. } | ReadError::NoSuchCall { .. })) => {}
                Err(error) => found.unread.push(Left { call: entry.call, why: error.to_string() }),
            }
        }
        let unread = may_be.unread.into_iter().filter(|(entry, _)| !entry.is_of_journal());
        found.unread.extend(unread.map(|(entry, why)| Left { call: entry.call, why }));
        found.rows = rows_of(number, &self.rows(tenant).await?).await?;
        let with_calls = self.rows_with(tenant, &found.calls).await?.into_iter();
        // One that names the number is there already.
        let with_calls: Vec<Rows> = with_calls.filter(|row| !found.rows.contains(row)).collect();
        found.rows.extend(with_calls);
        let (records, unread) = self.unerased(tenant, Some(number), case).await?;
        found.records = records;
        found.unread.extend(unread);
        found.number = Some(number.clone());
        Ok(found)
    }

    /// The calls of the journal's own that name somebody, and those of a case, but those of which that is gone already, or that
    /// were cut off before they were in the log. And those that could not be read and may be among them.
    async fn unerased(
        &self,
        tenant: &TenantId,
        person: Option<&Number>,
        case: Option<&Known>,
    ) -> Result<(Vec<CallId>, Vec<Left>), EraseError> {
        let gone = erased(&erasures(self.keys(), tenant).await?);
        let (mut calls, mut unread) = self.naming(tenant, person).await?;
        calls.extend(case.into_iter().flat_map(|case| &case.note.records));
        let (mut there, mut seen) = (Vec::new(), HashSet::new());
        for call in calls {
            let new = seen.insert(call) && !gone.contains_key(&call);
            if new && self.journal.call(tenant, call).await?.is_some() {
                there.push(call);
            }
        }
        // A step of their case is theirs, whatever it says.
        unread.retain(|left| !seen.contains(&left.call) && !gone.contains_key(&left.call));
        Ok((there, unread))
    }

    pub(crate) async fn known(&self, tenant: &TenantId) -> Result<TenantId, EraseError> {
        let known = self.journal.tenants().await?.contains(tenant);
        if known { Ok(tenant.clone()) } else { Err(EraseError::NoSuchTenant(tenant.clone())) }
    }
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

/// What is somebody's with one tenant.
struct Found {
    calls: Vec<CallId>,
    lasting: Vec<CallId>,
    held: Vec<CallId>,
    unread: Vec<Left>,
    rows: Vec<Rows>,
    records: Vec<CallId>,
    /// The caller's.
    number: Option<Number>,
    failed: Option<String>,
    requested: Requested,
    holds: HashSet<CallId>,
}

impl Found {
    async fn new(storage: &Storage, tenant: &TenantId, requested: Requested) -> Result<Self, EraseError> {
        let holds = holds(storage.keys(), tenant).await?.into_iter().map(|hold| hold.call).collect();
        Ok(Self { holds, ..Self::nothing(requested) })
    }

    fn nothing(requested: Requested) -> Self {
        Self {
            calls: Vec::new(),
            lasting: Vec::new(),
            held: Vec::new(),
            unread: Vec::new(),
            rows: Vec::new(),
            records: Vec::new(),
            number: None,
            failed: None,
            requested,
            holds: HashSet::new(),
        }
    }

    fn add(&mut self, entry: &CallEntry) {
        match entry.outcome {
            _ if self.holds.contains(&entry.call) => self.held.push(entry.call),
            Some(_) => self.calls.push(entry.call),
            None => self.lasting.push(entry.call),
        }
    }
}

/// Every call of a tenant, but those that hold records of erasures.
pub(crate) async fn calls(journal: &Journal, tenant: &TenantId) -> Result<Vec<CallEntry>, JournalError> {
    let (mut all, mut from) = (Vec::new(), None);
    loop {
        let page = journal.calls(tenant, from.as_ref(), PAGE).await?;
        all.extend(page.calls.into_iter().filter(|entry| !entry.is_of_journal()));
        match page.next {
            Some(next) => from = Some(next),
            None => return Ok(all),
        }
    }
}

/// Whether a record says that the call came from a number.
fn rang(number: &Number, record: &Record) -> bool {
    caller_in(record).and_then(|caller| caller.parse::<Number>().ok()).is_some_and(|caller| caller == *number)
}

/// The rows that name a number, as they are now, and the slots of the appointments among them, which are free again.
async fn rows_of(number: &Number, store: &TenantStore) -> Result<Vec<Rows>, StoreError> {
    let named_in = |bytes: &[u8]| number.is_in(&String::from_utf8_lossy(bytes));
    let (mut rows, mut references) = (Vec::new(), HashSet::new());
    for table in NAMING {
        each(store, table, |Entry { key, value, row }| {
            if named_in(&key) || named_in(&value) {
                rows.push(Rows::At(row));
                if table == Table::Appointments {
                    references.insert(key);
                }
            }
        })
        .await?;
    }
    if !references.is_empty() {
        each(store, Table::Slots, |Entry { value, row, .. }| {
            if references.contains(&value) {
                rows.push(Rows::At(row));
            }
        })
        .await?;
    }
    Ok(rows)
}

/// Looks at every row of a table, of which no more than a page is held at once.
async fn each(store: &TenantStore, table: Table, mut look: impl FnMut(Entry)) -> Result<(), StoreError> {
    let mut from = None;
    loop {
        let page = store.scan(table, "", from.as_ref(), PAGE).await?;
        page.entries.into_iter().for_each(&mut look);
        match page.next {
            Some(next) => from = Some(next),
            None => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parloir_contract::{Book, Booked, CallInfo, Contact, Direction, LocalTime, SetMemory};
    use parloir_journal::{CallEnded, CallStarted, Right};
    use parloir_tenancy::calendar::Hours;
    use parloir_tenancy::{Calendar, Memory};

    use super::*;
    use crate::{Folders, RightsDone, RightsRequest};

    const HERS: &str = "+33612345678";
    const HIS: &str = "+33687654321";

    fn tenant() -> TenantId {
        "cabinet".parse().unwrap()
    }

    async fn call(storage: &Storage, number: u8, caller: &str) -> CallId {
        let id = CallId::from_bytes([number; 16]);
        let info = CallInfo {
            id: id.to_string(),
            direction: Direction::Inbound,
            line: "+33123456789".into(),
            caller: Some(caller.into()),
            language: "fr-FR".into(),
            started_at: LocalTime { year: 2026, month: 11, day: 2, hour: 9, minute: 30 },
            settings: vec![],
        };
        let started = CallStarted { info: Some(info), ..CallStarted::default() };
        let open = storage.journal.open_call(&tenant(), id, started).await.unwrap();
        open.close(CallEnded::default()).await.unwrap();
        id
    }

    async fn book(calendar: &Calendar, slot: &str, phone: &str) -> bool {
        let contact = Contact { name: "Anne".into(), phone: Some(phone.into()) };
        let book = Book { slot: slot.into(), contact, motive: "contrôle".into() };
        let booked = calendar.book(book, "2026-11-23T08:00".parse().unwrap()).await.unwrap();
        matches!(booked, Booked::Confirmed(_))
    }

    fn request(whose: Whose, dry_run: bool) -> EraseRequest {
        EraseRequest { whose, trace: false, reason: None, dry_run, case: None }
    }

    #[tokio::test]
    async fn a_call_that_cannot_be_read_is_named_and_keeps_nothing_else_from_being_erased() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::open(&Folders::beside(folder.path().join("data"))).await.unwrap();
        let mut hers = Vec::new();
        for number in [1, 9, 3] {
            hers.push(call(&storage, number, HERS).await);
        }
        // A byte of what was sealed of the second, whose name is in its three keys before.
        let file = folder.path().join("data/journal/cabinet/00000001.seg");
        let mut bytes = std::fs::read(&file).unwrap();
        let named = bytes.windows(16).enumerate().filter(|(_, window)| *window == [9; 16]);
        let at = named.map(|(at, _)| at).nth(3).unwrap();
        bytes[at + 100] ^= 1;
        std::fs::write(&file, bytes).unwrap();
        assert!(storage.journal.records(&tenant(), hers[1]).await.is_err());

        let whose = Whose::Caller { number: HERS.into(), tenant: None };
        let done = storage.erase(&request(whose, false)).await.unwrap();
        let mut erased = done[0].calls.clone();
        erased.sort();
        assert_eq!((erased, done[0].report.unwrap().calls), (vec![hers[0], hers[2]], 2));
        assert_eq!((done[0].unread.len(), done[0].unread[0].call), (1, hers[1]));
        assert!(done[0].unread[0].why.contains("parloir verify"), "{:?}", done[0].unread);
        for call in [hers[0], hers[2]] {
            let text = format!("{:?}", storage.journal.records(&tenant(), call).await.unwrap());
            assert!(!text.contains(HERS), "{text}");
        }
        storage.close().await;
    }

    #[tokio::test]
    async fn a_request_of_the_callers_that_cannot_be_read_is_told_and_anothers_is_not_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::open(&Folders::beside(folder.path().join("data"))).await.unwrap();
        let hers = call(&storage, 1, HERS).await;
        let open = RightsRequest::Open {
            tenant: tenant(),
            number: HIS.into(),
            right: Right::Access,
            received: None,
            why: None,
        };
        let RightsDone::Case(his) = storage.rights(&open).await.unwrap() else { panic!() };
        let next = call(&storage, 3, HIS).await;
        let whose = Whose::Caller { number: HERS.into(), tenant: None };
        let would = storage.erase(&request(whose.clone(), true)).await.unwrap();
        assert_eq!((would[0].calls.as_slice(), would[0].unread.len()), ([hers].as_slice(), 0));
        // The case's frames, up to where the next call's begin.
        let place = async |call| storage.journal.call(&tenant(), call).await.unwrap().unwrap().first;
        let (from, to) = (place(his.case).await, place(next).await);
        assert_eq!(from.segment, to.segment);
        let file = folder.path().join(format!("data/journal/cabinet/{:08}.seg", from.segment));
        let mut bytes = std::fs::read(&file).unwrap();
        bytes[from.offset as usize..to.offset as usize].iter_mut().for_each(|byte| *byte ^= 0xff);
        std::fs::write(&file, bytes).unwrap();
        let would = storage.erase(&request(whose, true)).await.unwrap();
        assert_eq!((would[0].calls.as_slice(), would[0].unread.len()), ([hers].as_slice(), 0));
        let whose = Whose::Caller { number: HIS.into(), tenant: None };
        let would = storage.erase(&request(whose, true)).await.unwrap();
        assert_eq!(would[0].calls, [next]);
        assert_eq!((would[0].unread.len(), would[0].unread[0].call), (1, his.case));
        storage.close().await;
    }

    #[tokio::test]
    async fn a_callers_rows_are_found_on_every_page_and_go_though_they_are_written_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::open(&Folders::beside(folder.path().join("data"))).await.unwrap();
        call(&storage, 1, HERS).await;
        let store = storage.rows(&tenant()).await.unwrap();
        let memory = Memory::new(store.clone());
        for number in 0..PAGE + 20 {
            let value = if number % 100 == 0 { HERS } else { "nobody" };
            memory.set(SetMemory { key: format!("key {number}"), value: value.into() }).await.unwrap();
        }
        let rows = rows_of(&HERS.parse().unwrap(), &store).await.unwrap();
        assert_eq!(rows.len(), 6);
        // One still names her, though it is another row than the one that was found; and one is somebody else's now.
        for (key, value) in [("key 0", HERS), ("key 100", HIS)] {
            memory.set(SetMemory { key: key.into(), value: value.into() }).await.unwrap();
        }
        let erasure = Erasure { rows, purposes: Purposes::CONTENTS, ..Erasure::default() };
        assert_eq!(storage.journal.erase(&tenant(), erasure).await.unwrap().rows, 4);
        assert_eq!(memory.get("key 0").await.unwrap().unwrap(), HERS.as_bytes());
        assert_eq!(memory.get("key 100").await.unwrap().unwrap(), HIS.as_bytes());
        let whose = Whose::Caller { number: HERS.into(), tenant: None };
        assert_eq!(storage.erase(&request(whose, false)).await.unwrap()[0].rows, 1);
        assert!(rows_of(&HERS.parse().unwrap(), &store).await.unwrap().is_empty());
        assert_eq!(memory.get("key 100").await.unwrap().unwrap(), HIS.as_bytes());
        storage.close().await;
    }

    #[tokio::test]
    async fn a_callers_calls_bookings_and_memories_go_and_nobody_elses() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::open(&Folders::beside(folder.path().join("data"))).await.unwrap();
        let (hers, his) = (call(&storage, 1, HERS).await, call(&storage, 2, HIS).await);
        let store = storage.rows(&tenant()).await.unwrap();
        let text = "notice-minutes = 60\nopen = { tuesday = [\"09:00-10:30\"] }";
        let hours = Arc::new(Hours::new(&toml::from_str(text).unwrap()).unwrap());
        let (calendar, memory) = (Calendar::new(hours, store.clone()), Memory::new(store.clone()));
        assert!(
            book(&calendar, "2026-11-24T09:00", HERS).await && book(&calendar, "2026-11-24T09:30", HIS).await
        );
        for (key, value) in [("caller:+33612345678", "vip"), ("last", "rang: 0612345678"), ("count", "7")] {
            memory.set(SetMemory { key: key.into(), value: value.into() }).await.unwrap();
        }

        let whose = Whose::Caller { number: HERS.into(), tenant: None };
        let would = storage.erase(&request(whose.clone(), true)).await.unwrap();
        assert_eq!((would[0].calls.as_slice(), would[0].rows, would[0].report), ([hers].as_slice(), 5, None));
        assert!(!storage.journal.records(&tenant(), hers).await.unwrap().is_empty());
        let done = storage.erase(&request(whose.clone(), false)).await.unwrap();
        let report = done[0].report.unwrap();
        assert_eq!((report.calls, report.rows), (1, 5), "{report:?}");

        let now = "2026-11-23T08:00".parse().unwrap();
        assert!(calendar.find(HERS, now).await.unwrap().is_empty());
        assert_eq!(calendar.find(HIS, now).await.unwrap().len(), 1);
        assert_eq!(memory.get("caller:+33612345678").await.unwrap(), None);
        assert_eq!(memory.get("last").await.unwrap(), None);
        assert_eq!(memory.get("count").await.unwrap().unwrap(), b"7");
        assert!(book(&calendar, "2026-11-24T09:00", HIS).await, "her slot is free again");
        let text = format!("{:?}", storage.journal.records(&tenant(), hers).await.unwrap());
        assert!(!text.contains(HERS), "{text}");
        let text = format!("{:?}", storage.journal.records(&tenant(), his).await.unwrap());
        assert!(text.contains(HIS), "{text}");
        let told = erasures(storage.keys(), &tenant()).await.unwrap();
        assert_eq!(told[0].requested, Requested::Caller);
        let long = EraseRequest { reason: Some("w".repeat(2_001)), ..request(whose.clone(), false) };
        assert!(matches!(storage.erase(&long).await, Err(EraseError::TooLong)));
        let long = HoldRequest { tenant: tenant(), call: his, why: "w".repeat(2_001), release: false };
        assert!(matches!(storage.hold(&long).await, Err(EraseError::TooLong)));
        // Nothing is left to be found.
        let again = storage.erase(&request(whose, false)).await.unwrap();
        assert_eq!((again[0].calls.len(), again[0].rows, again[0].report), (0, 0, None));

        let count = async || store.entry(Table::Memory, "count").await.unwrap().unwrap().row.address;
        let before = count().await;
        let all = EraseRequest { trace: true, ..request(Whose::Tenant(tenant()), false) };
        let done = storage.erase(&all).await.unwrap();
        assert_eq!(done[0].report.unwrap().calls, 2);
        assert!(calendar.find(HIS, now).await.unwrap().is_empty());
        assert_eq!(memory.get("count").await.unwrap(), None);
        let report = storage.journal.verify(parloir_journal::Scope::All).await.unwrap();
        assert!(report.is_sound() && report.erased == 2, "{:#?}", report.problems);
        // Nor does what is in a back-up say any more who was there.
        memory.set(SetMemory { key: "count".into(), value: "8".into() }).await.unwrap();
        assert_ne!(count().await, before);
        let unknown = storage.erase(&request(Whose::Call(his), false)).await;
        assert!(matches!(unknown, Err(EraseError::NoSuchCall(_))));
        storage.close().await;
    }
}
