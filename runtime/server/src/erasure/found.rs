//! Whose things are whose: what of a tenant's calls and rows is a call's, a caller's, or the tenant's.

use std::collections::{HashMap, HashSet};

use parloir_contract::{CallId, TenantId};
use parloir_journal::{
    AmendmentNote, CallEntry, CallOf, Hold, Journal, JournalError, Purposes, ReadError, Record, Requested,
    erased, erasures, holds,
};
use parloir_persons::{Number, caller_in, numbers};
use parloir_store::{Address, Entry, Rows, StoreError, Table, TenantStore};

use super::{EraseError, EraseRequest, Left, PORTION, Whose};
use crate::Storage;
use crate::call_files::beside;
use crate::rights::{CaseError, Known};

/// Calls, or rows, looked at in one go.
pub(super) const PAGE: usize = 500;
/// Tables in which rows may name a caller.
const NAMING: [Table; 4] = [Table::Appointments, Table::AppointmentsByPhone, Table::Memory, Table::Reports];

/// What is somebody's with one tenant.
pub(super) struct Found {
    pub(super) calls: Vec<CallId>,
    /// Of these among them the trace stays: something that was put right of them is held, and is found by that once it is released.
    pub(super) traced: Vec<CallId>,
    pub(super) lasting: Vec<CallId>,
    pub(super) held: Vec<CallId>,
    /// Those of the held that their calls left behind: nobody knows whose they are.
    pub(super) behind: Vec<CallId>,
    pub(super) unread: Vec<Left>,
    pub(super) rows: Vec<Rows>,
    pub(super) records: Vec<CallId>,
    /// The caller's.
    pub(super) number: Option<Number>,
    pub(super) failed: Option<String>,
    pub(super) requested: Requested,
    /// All that were held when this was looked for.
    pub(super) holds: HashSet<CallId>,
    /// What is to go of each call, and what of which went before.
    purposes: Purposes,
    gone: HashMap<CallId, Purposes>,
    /// The amendments that are held and say something still, by the calls they are of.
    held_amendments: HashMap<CallId, Vec<CallId>>,
}

impl Found {
    async fn new(
        storage: &Storage,
        tenant: &TenantId,
        requested: Requested,
        request: &EraseRequest,
    ) -> Result<Self, EraseError> {
        let holds: HashSet<CallId> =
            holds(storage.keys(), tenant).await?.into_iter().map(|hold| hold.call).collect();
        let (purposes, gone) = (request.purposes(), storage.gone(tenant, &holds).await?);
        let mut found = Self { holds, purposes, gone, ..Self::nothing(requested) };
        for AmendmentNote { call, record, .. } in &storage.journal.rights(tenant).await?.amendments {
            if found.holds.contains(record) && found.says(record) {
                found.held_amendments.entry(*call).or_default().push(*record);
            }
        }
        Ok(found)
    }

    fn nothing(requested: Requested) -> Self {
        Self {
            calls: Vec::new(),
            traced: Vec::new(),
            lasting: Vec::new(),
            held: Vec::new(),
            behind: Vec::new(),
            unread: Vec::new(),
            rows: Vec::new(),
            records: Vec::new(),
            number: None,
            failed: None,
            requested,
            holds: HashSet::new(),
            purposes: Purposes::default(),
            gone: HashMap::new(),
            held_amendments: HashMap::new(),
        }
    }

    /// Whether something of a call is left that is to go.
    fn says(&self, call: &CallId) -> bool {
        let before = self.gone.get(call).copied().unwrap_or_default();
        !self.purposes.without(before).is_empty()
    }

    /// Adds a call of which something is left to be erased.
    fn add(&mut self, entry: &CallEntry) {
        let is_held = self.holds.contains(&entry.call);
        let mut goes = self.purposes;
        if !is_held && let Some(amendments) = self.held_amendments.get(&entry.call) {
            self.held.extend(amendments);
            goes.trace = false;
        }
        let before = self.gone.get(&entry.call).copied().unwrap_or_default();
        if goes.without(before).is_empty() {
            return;
        }
        match entry.outcome {
            _ if is_held => self.held.push(entry.call),
            Some(_) => {
                if goes != self.purposes {
                    self.traced.push(entry.call);
                }
                self.calls.push(entry.call);
            }
            None => self.lasting.push(entry.call),
        }
    }

    /// Adds an amendment that its call left behind, where something of it is left to be erased.
    fn add_left_behind(&mut self, amendment: CallId) {
        if !self.says(&amendment) {
            return;
        }
        match self.holds.contains(&amendment) {
            true => {
                self.held.push(amendment);
                self.behind.push(amendment);
            }
            false => self.calls.push(amendment),
        }
    }
}

impl Storage {
    /// What is asked for, tenant by tenant.
    pub(super) async fn found(&self, request: &EraseRequest) -> Result<Vec<(TenantId, Found)>, EraseError> {
        let case = match request.case {
            Some(case) => Some(self.find_case(case).await?.ok_or(CaseError::NoSuch(case))?),
            None => None,
        };
        match &request.whose {
            Whose::Call(call) => {
                let (tenant, entry) = self.journal.find(*call).await?.ok_or(EraseError::NoSuchCall(*call))?;
                let mut found = Found::new(self, &tenant, Requested::Calls, request).await?;
                found.add(&entry);
                if !found.holds.contains(call) && found.lasting.is_empty() {
                    found.rows = self.rows_with(&tenant, &[*call]).await?;
                }
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
                    let found = self.found_of_caller(&number, &tenant, of_case, request).await;
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
                let mut found = Found::new(self, &tenant, Requested::Tenant, request).await?;
                calls(&self.journal, &tenant).await?.iter().for_each(|entry| found.add(entry));
                // Of the journal's own index goes what belongs to erased calls; who administers the tenant, and how it is
                // answered, is not of its calls.
                let tables =
                    Table::ALL.into_iter().filter(|table| !table.is_index() && !table.is_directory());
                let staying: Vec<CallId> = found.held.iter().chain(&found.lasting).copied().collect();
                found.rows = tables
                    .filter(|table| staying.is_empty() || *table != Table::Reports)
                    .map(Rows::Of)
                    .collect();
                if !staying.is_empty() {
                    found.rows.extend(self.reports_but(&tenant, &staying).await?);
                }
                self.add_records(&tenant, None, None, &mut found).await?;
                Ok(vec![(tenant, found)])
            }
        }
    }

    /// What is asked for with one tenant, once more.
    pub(super) async fn found_again(
        &self,
        tenant: &TenantId,
        request: &EraseRequest,
    ) -> Result<Found, EraseError> {
        match &request.whose {
            Whose::Caller { number, .. } => {
                let case = match request.case {
                    Some(case) => self.find_case(case).await?.filter(|case| case.tenant == *tenant),
                    None => None,
                };
                let number = number.parse::<Number>()?;
                self.found_of_caller(&number, tenant, case.as_ref(), request).await
            }
            Whose::Call(_) | Whose::Tenant(_) => {
                let found = self.found(request).await?.pop();
                found.map(|(_, found)| found).ok_or_else(|| EraseError::NoSuchTenant(tenant.clone()))
            }
        }
    }

    /// The rows of the table of reports, but those of calls that are left as they are.
    async fn reports_but(&self, tenant: &TenantId, calls: &[CallId]) -> Result<Vec<Rows>, StoreError> {
        let (theirs, mut others) = (addresses(self.rows_with(tenant, calls).await?), Vec::new());
        each(&self.rows(tenant).await?, Table::Reports, |Entry { row, .. }| {
            if !theirs.contains(&row.address) {
                others.push(Rows::At(row));
            }
        })
        .await?;
        Ok(others)
    }

    async fn found_of_caller(
        &self,
        number: &Number,
        tenant: &TenantId,
        case: Option<&Known>,
        request: &EraseRequest,
    ) -> Result<Found, EraseError> {
        let mut found = Found::new(self, tenant, Requested::Caller, request).await?;
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
        let (rows, held) = self.rows_naming(tenant, number).await?;
        found.rows = rows;
        stay(&mut found.held, held);
        let with_calls = self.rows_with(tenant, &found.calls).await?.into_iter();
        // One that names the number is there already.
        let with_calls: Vec<Rows> = with_calls.filter(|row| !found.rows.contains(row)).collect();
        found.rows.extend(with_calls);
        self.add_records(tenant, Some(number), case, &mut found).await?;
        found.number = Some(number.clone());
        Ok(found)
    }

    /// Adds the calls of the journal's own that name somebody, and those of a case, but those of which that is gone already, or
    /// that were cut off before they were in the log. And those that could not be read and may be among them. Amendments that
    /// calls left behind are due with whatever is erased next: nobody can tell any more whose those calls were.
    async fn add_records(
        &self,
        tenant: &TenantId,
        person: Option<&Number>,
        case: Option<&Known>,
        found: &mut Found,
    ) -> Result<(), EraseError> {
        let gone = erased(&erasures(self.keys(), tenant).await?);
        let (mut calls, mut unread) = self.naming(tenant, person).await?;
        calls.extend(case.into_iter().flat_map(|case| &case.note.records));
        let mut seen = HashSet::new();
        for call in calls {
            let new = seen.insert(call) && !gone.contains_key(&call);
            if new && self.journal.call(tenant, call).await?.is_some() {
                match found.holds.contains(&call) {
                    true => found.held.push(call),
                    false => found.records.push(call),
                }
            }
        }
        // A step of their case is theirs, whatever it says.
        unread.retain(|left| !seen.contains(&left.call) && !gone.contains_key(&left.call));
        found.unread.extend(unread);
        for amendment in self.left_behind(tenant).await? {
            found.add_left_behind(amendment);
        }
        Ok(())
    }

    /// The amendments that calls left behind of which the trace is gone too: they were held when those went, and as no list has
    /// those calls any more, by them they are not found.
    pub(crate) async fn left_behind(&self, tenant: &TenantId) -> Result<Vec<CallId>, JournalError> {
        let gone = erased(&erasures(self.keys(), tenant).await?);
        let without_trace = |call: &CallId| gone.get(call).is_some_and(|gone| gone.trace);
        let mut left = Vec::new();
        for AmendmentNote { call, record, .. } in &self.journal.rights(tenant).await?.amendments {
            let is_left = without_trace(call) && !without_trace(record);
            // One that was cut off is nowhere.
            if is_left && self.journal.call(tenant, *record).await?.is_some() {
                left.push(*record);
            }
        }
        Ok(left)
    }

    /// The rows that name a number, as they are now, but those that are beside calls that are held; and those calls.
    pub(super) async fn rows_naming(
        &self,
        tenant: &TenantId,
        number: &Number,
    ) -> Result<(Vec<Rows>, Vec<CallId>), EraseError> {
        let mut rows = rows_of(number, &self.rows(tenant).await?).await?;
        let mut held = Vec::new();
        for Hold { call, .. } in holds(self.keys(), tenant).await? {
            // Whatever was written there since they were looked for.
            let beside = addresses(self.rows_with(tenant, &[call]).await?);
            let before = rows.len();
            rows.retain(|rows| match rows {
                Rows::At(row) => !beside.contains(&row.address),
                Rows::Of(_) => true,
            });
            if rows.len() < before {
                held.push(call);
            }
        }
        Ok((rows, held))
    }

    /// The rows that rest beside calls of which what was said is gone, so many as are erased at once: they were being written when
    /// that went. And the calls among those that are held, with which theirs stay.
    pub(crate) async fn rows_behind(
        &self,
        tenant: &TenantId,
        held: &HashSet<CallId>,
    ) -> Result<(Vec<Rows>, Vec<CallId>), EraseError> {
        let gone = erased(&erasures(self.keys(), tenant).await?);
        let (mut rows, mut staying) = (Vec::new(), Vec::new());
        if gone.is_empty() {
            return Ok((rows, staying));
        }
        each(&self.rows(tenant).await?, Table::Reports, |Entry { key, row, .. }| {
            let went = |call: &CallId| gone.get(call).is_some_and(|gone| gone.content || gone.trace);
            match beside(&key).filter(went) {
                Some(call) if held.contains(&call) => stay(&mut staying, vec![call]),
                Some(_) if rows.len() < PORTION => rows.push(Rows::At(row)),
                Some(_) | None => {}
            }
        })
        .await?;
        Ok((rows, staying))
    }

    /// What is gone of which calls. Of one with an amendment that was held when it went, and is not any more, no more than of the
    /// amendment: it is to go once more, and takes that with it.
    pub(crate) async fn gone(
        &self,
        tenant: &TenantId,
        held: &HashSet<CallId>,
    ) -> Result<HashMap<CallId, Purposes>, JournalError> {
        let noted = erased(&erasures(self.keys(), tenant).await?);
        let mut gone = noted.clone();
        for AmendmentNote { call, record, .. } in &self.journal.rights(tenant).await?.amendments {
            let of_record = noted.get(record).copied().unwrap_or_default();
            let Some(of_call) = gone.get_mut(call).filter(|_| !held.contains(record)) else { continue };
            let left = of_call.without(of_record);
            // One that was cut off is nowhere.
            if (left.content || left.trace) && self.journal.call(tenant, *record).await?.is_some() {
                of_call.content &= of_record.content;
                of_call.trace &= of_record.trace;
            }
        }
        Ok(gone)
    }
}

/// Where these single rows rest.
fn addresses(rows: Vec<Rows>) -> HashSet<Address> {
    let address = |rows: Rows| match rows {
        Rows::At(row) => Some(row.address),
        Rows::Of(_) => None,
    };
    rows.into_iter().filter_map(address).collect()
}

/// Adds calls that are held, and of which something is left for that.
pub(crate) fn stay(held: &mut Vec<CallId>, calls: Vec<CallId>) {
    for call in calls {
        if !held.contains(&call) {
            held.push(call);
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
pub(super) async fn rows_of(number: &Number, store: &TenantStore) -> Result<Vec<Rows>, StoreError> {
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

/// How many rows these are, as they are now.
pub(super) async fn count(rows: &[Rows], store: &TenantStore) -> Result<usize, StoreError> {
    let mut count = 0;
    for rows in rows {
        match rows {
            Rows::At(_) => count += 1,
            Rows::Of(table) => each(store, *table, |_| count += 1).await?,
        }
    }
    Ok(count)
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
