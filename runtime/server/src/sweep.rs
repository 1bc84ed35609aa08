//! The retention clocks: what has been kept long enough is erased, tenant by tenant, with a record of it in the log.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use parloir_admin::DirectoryError;
use parloir_contract::{CallId, TenantId};
use parloir_journal::{Erasure, ErasureReport, JournalError, Purposes, ReadError, Requested, holds};
use parloir_store::{Rows, StoreError};
use parloir_tenancy::retention::{Due, Retention};
use serde::{Deserialize, Serialize};

use crate::Storage;
use crate::erasure::{EraseError, Left, calls};
use crate::rights::Restrictions;
use crate::serve::House;

/// How often an installation that serves looks at its clocks.
const EVERY: Duration = Duration::from_secs(3_600);

/// What of one tenant was, or would be, erased because its time had come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swept {
    /// Whose.
    pub tenant: TenantId,
    /// What of which calls.
    pub due: Vec<(Purposes, Vec<CallId>)>,
    /// These would too, but they are held, or their caller is restricted.
    pub held: Vec<CallId>,
    /// And these, but they could not be erased now, or their caller may be restricted and could not be read.
    pub left: Vec<Left>,
    /// Why it was not done, or not to its end, with this tenant.
    pub failed: Option<String>,
    /// What was done, one for each of `due`, as far as it was; none where it was only to be told.
    pub reports: Vec<ErasureReport>,
}

impl Swept {
    fn nothing(tenant: &TenantId) -> Self {
        let tenant = tenant.clone();
        Self {
            tenant,
            due: Vec::new(),
            held: Vec::new(),
            left: Vec::new(),
            failed: None,
            reports: Vec::new(),
        }
    }
}

/// The call that cannot be erased, where only that one cannot.
fn of_call(error: &JournalError) -> Option<CallId> {
    if let JournalError::NotErasable { call, .. } | JournalError::Read(ReadError::NoSuchCall { call, .. }) =
        error
    {
        Some(*call)
    } else {
        None
    }
}

impl From<Due> for Kept {
    fn from(Due { recording, content, trace }: Due) -> Self {
        Self(Purposes { trace, content, recording })
    }
}

/// Purposes, as the journal has them.
struct Kept(Purposes);

/// What a tenant keeps for 0 days.
pub(crate) fn unkept(retention: &Retention) -> Purposes {
    Kept::from(retention.unkept()).0
}

impl Storage {
    /// Erases what of a tenant's calls has been kept long enough by `now`. What is cut off is finished when the journal is opened
    /// next, or by the next sweep.
    pub async fn sweep(
        &self,
        tenant: &TenantId,
        retention: &Retention,
        now: Timestamp,
        dry_run: bool,
    ) -> Result<Swept, EraseError> {
        let mut swept = Swept::nothing(tenant);
        if *retention == Retention::default() {
            return Ok(swept);
        }
        let held: HashSet<CallId> =
            holds(self.keys(), tenant).await?.into_iter().map(|hold| hold.call).collect();
        let gone = self.gone(tenant, &held).await?;
        let restricted = self.restrictions(tenant).await?;
        let amended = self.held_amendments(tenant, &held).await?;
        for entry in calls(&self.journal, tenant).await? {
            let ended = entry.ended_at.and_then(|at| Timestamp::from_nanosecond(i128::from(at)).ok());
            let Some(ended) = ended else { continue };
            let mut due = Kept::from(retention.due(ended, now)).0;
            if due.trace && amended.contains(&entry.call) {
                // By its trace what was put right of it is found once that is released.
                due.trace = false;
            }
            // Also what is kept for 0 days now: of a call of before its key may be there.
            let due = due.without(gone.get(&entry.call).copied().unwrap_or_default());
            if due.is_empty() {
                continue;
            }
            if held.contains(&entry.call) {
                swept.held.push(entry.call);
                continue;
            }
            if self.keeps_back(restricted.as_ref(), entry.call, &mut swept).await {
                continue;
            }
            match swept.due.iter_mut().find(|(purposes, _)| *purposes == due) {
                Some((_, calls)) => calls.push(entry.call),
                None => swept.due.push((due, vec![entry.call])),
            }
        }
        let mut behind = self.left_behind(tenant).await?;
        behind.retain(|amendment| match held.contains(amendment) {
            true => {
                swept.held.push(*amendment);
                false
            }
            false => true,
        });
        if !behind.is_empty() {
            // All of their calls went: so does all of them, whatever the clocks say.
            match swept.due.iter_mut().find(|(purposes, _)| *purposes == Purposes::ALL) {
                Some((_, calls)) => calls.extend(behind),
                None => swept.due.push((Purposes::ALL, behind)),
            }
        }
        if !dry_run {
            self.erase_due(&mut swept, restricted).await;
        }
        Ok(swept)
    }

    /// The calls of which something that was put right is held.
    async fn held_amendments(
        &self,
        tenant: &TenantId,
        held: &HashSet<CallId>,
    ) -> Result<HashSet<CallId>, JournalError> {
        let told = self.journal.rights(tenant).await?;
        let amendments = told.amendments.iter().filter(|note| held.contains(&note.record));
        Ok(amendments.map(|note| note.call).collect())
    }

    /// Whether a call is kept back, because its caller is restricted or may be: then it is noted.
    async fn keeps_back(&self, restricted: Option<&Restrictions>, call: CallId, swept: &mut Swept) -> bool {
        let Some(restricted) = restricted else { return false };
        match self.journal.records(&swept.tenant, call).await {
            Ok(records) if restricted.of_call(&records).is_some() => swept.held.push(call),
            Ok(_) | Err(JournalError::Read(ReadError::Erased { .. })) => return false,
            Err(error) => {
                let (tenant, why) = (&swept.tenant, error.to_string());
                tracing::error!(%tenant, %call, %error, "a call whose time had come is kept, for whose it is could not be read");
                swept.left.push(Left { call, why });
            }
        }
        true
    }

    /// The rows that are erased with this of calls.
    async fn goes_with(
        &self,
        tenant: &TenantId,
        calls: &[CallId],
        purposes: Purposes,
    ) -> Result<Vec<Rows>, StoreError> {
        if !purposes.content && !purposes.trace {
            return Ok(Vec::new());
        }
        self.rows_with(tenant, calls).await
    }

    /// Erases the reviews of erased calls that were being written while those were looked for.
    async fn erase_late(&self, swept: &mut Swept, calls: &[CallId], purposes: Purposes) {
        let rows = match self.goes_with(&swept.tenant, calls, purposes).await {
            Ok(rows) if rows.is_empty() => return,
            Ok(rows) => rows,
            Err(error) => {
                swept.failed = Some(error.to_string());
                return;
            }
        };
        let requested = Requested::Retention;
        let erasure = Erasure { purposes, rows, requested, ..Erasure::default() };
        match self.journal.erase(&swept.tenant, erasure).await {
            Ok(report) => swept.reports.push(report),
            Err(error) => swept.failed = Some(error.to_string()),
        }
    }

    async fn erase_due(&self, swept: &mut Swept, mut restricted: Option<Restrictions>) {
        let mut all = std::mem::take(&mut swept.due).into_iter();
        for (purposes, mut calls) in all.by_ref() {
            while !calls.is_empty() && swept.failed.is_none() {
                let requested = Requested::Retention;
                let rows = match self.goes_with(&swept.tenant, &calls, purposes).await {
                    Ok(rows) => rows,
                    Err(error) => {
                        swept.failed = Some(error.to_string());
                        break;
                    }
                };
                let erasure =
                    Erasure { calls: calls.clone(), purposes, rows, requested, ..Erasure::default() };
                let known = restricted.as_ref().map_or(&[][..], Restrictions::all);
                match self.journal.erase_unless_restricted(&swept.tenant, erasure, known).await {
                    Ok(Some(report)) => {
                        swept.reports.push(report);
                        self.erase_late(swept, &calls, purposes).await;
                        break;
                    }
                    // Somebody was restricted meanwhile: what is theirs stays.
                    Ok(None) => match self.restrictions(&swept.tenant).await {
                        Ok(now) => {
                            restricted = now;
                            for call in std::mem::take(&mut calls) {
                                if !self.keeps_back(restricted.as_ref(), call, swept).await {
                                    calls.push(call);
                                }
                            }
                        }
                        Err(error) => swept.failed = Some(error.to_string()),
                    },
                    Err(error) => match of_call(&error).filter(|call| calls.contains(call)) {
                        // The others' time has come all the same.
                        Some(call) => {
                            calls.retain(|other| *other != call);
                            swept.left.push(Left { call, why: error.to_string() });
                        }
                        None => swept.failed = Some(error.to_string()),
                    },
                }
            }
            if !calls.is_empty() {
                swept.due.push((purposes, calls));
            }
            if swept.failed.is_some() {
                break;
            }
        }
        swept.due.extend(all);
    }

    /// How long the calls of each tenant are kept: as these say, but for those whom the directory describes, for it goes before
    /// the operator's file. A tenant whose record there cannot be read is left out: nobody knows what it keeps.
    ///
    /// # Errors
    /// Where the directory cannot be read: then nothing may be swept, for nobody knows what its tenants keep.
    pub async fn retentions(
        &self,
        declared: Vec<(TenantId, Retention)>,
    ) -> Result<Vec<(TenantId, Retention)>, DirectoryError> {
        let mut all: BTreeMap<_, _> = declared.into_iter().collect();
        let granted = parloir_admin::granted(&self.directory_rooms()).await?;
        for (id, tenant) in granted {
            match tenant {
                Some(tenant) => {
                    all.insert(id, tenant.retention);
                }
                None => {
                    tracing::error!(tenant = %id, "nothing of a tenant is swept, for its record cannot be read: write it anew with `parloir tenant set`");
                    all.remove(&id);
                }
            }
        }
        Ok(all.into_iter().collect())
    }

    /// Sweeps tenant after tenant. What cannot be done with one keeps nothing from being done with the next.
    pub async fn sweep_all(
        &self,
        tenants: &[(TenantId, Retention)],
        now: Timestamp,
        dry_run: bool,
    ) -> Vec<Swept> {
        let mut all = Vec::with_capacity(tenants.len());
        for (tenant, retention) in tenants {
            all.push(
                self.sweep(tenant, retention, now, dry_run).await.unwrap_or_else(|error| Swept {
                    failed: Some(error.to_string()),
                    ..Swept::nothing(tenant)
                }),
            );
        }
        all
    }
}

/// Sweeps every tenant of a house.
pub(crate) async fn sweep_all(house: &House, dry_run: bool) -> Vec<Swept> {
    let tenants: Vec<_> = house
        .installation
        .house()
        .tenants()
        .iter()
        .map(|tenant| (tenant.id.clone(), tenant.retention))
        .collect();
    let storage = &house.installation.storage;
    // Those whose calls are not answered now are kept no longer for it.
    let tenants = match house.administered {
        true => match storage.retentions(tenants.clone()).await {
            Ok(all) => all,
            Err(error) => {
                let failed = |(id, _): &(TenantId, Retention)| Swept {
                    failed: Some(error.to_string()),
                    ..Swept::nothing(id)
                };
                return tenants.iter().map(failed).collect();
            }
        },
        false => tenants,
    };
    storage.sweep_all(&tenants, Timestamp::now(), dry_run).await
}

/// Sweeps for as long as the house is open.
pub(crate) async fn run(house: Arc<House>) {
    loop {
        for Swept { tenant, due, held, left, failed, reports } in sweep_all(&house, false).await {
            let (calls, held) = (reports.iter().map(|report| report.calls).sum::<u64>(), held.len());
            if !due.is_empty() {
                tracing::info!(%tenant, calls, held, "the time of some calls had come: they were erased");
            }
            for Left { call, why } in left {
                tracing::error!(%tenant, %call, why, "a call that was kept long enough could not be erased; it is tried again");
            }
            if let Some(why) = failed {
                tracing::error!(%tenant, why, "what was kept long enough could not be erased; it is tried again");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = house.closing.cancelled() => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use jiff::ToSpan;
    use parloir_contract::{HostCall, Import, Say, SayOptions};
    use parloir_journal::{Amendment, CallEnded, CallStarted, HostCallStarted, RecordBody, Scope};

    use super::*;
    use crate::Folders;

    fn id(number: u8) -> CallId {
        CallId::from_bytes([number; 16])
    }

    async fn call(storage: &Storage, tenant: &TenantId, number: u8) {
        let open = storage.journal.open_call(tenant, id(number), CallStarted::default()).await.unwrap();
        let text = format!("canary {number}");
        let arguments = Some(HostCall::Say(Say { text, options: SayOptions::default() }));
        open.append(RecordBody::HostCallStarted(HostCallStarted { import: Import::Say, arguments })).unwrap();
        open.close(CallEnded::default()).await.unwrap();
    }

    #[tokio::test]
    async fn where_somebody_is_restricted_a_call_that_cannot_be_read_stays_and_the_others_go() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::open(&Folders::beside(folder.path().join("data"))).await.unwrap();
        let tenant: TenantId = "cabinet".parse().unwrap();
        for number in 1..=3 {
            call(&storage, &tenant, number).await;
        }
        let restrict = crate::RightsRequest::Restrict {
            tenant: tenant.clone(),
            number: "+33639980001".into(),
            why: None,
            release: false,
            case: None,
        };
        storage.rights(&restrict).await.unwrap();
        // The first call's frames, up to where the second's begin.
        let place = async |number| storage.journal.call(&tenant, id(number)).await.unwrap().unwrap().first;
        let (from, to) = (place(1).await, place(2).await);
        assert_eq!(from.segment, to.segment);
        let segment = folder.path().join(format!("data/journal/cabinet/{:08}.seg", from.segment));
        let mut bytes = std::fs::read(&segment).unwrap();
        bytes[from.offset as usize..to.offset as usize].iter_mut().for_each(|byte| *byte ^= 0xff);
        std::fs::write(&segment, bytes).unwrap();
        assert!(storage.journal.records(&tenant, id(1)).await.is_err());

        let retention: Retention = toml::from_str("content = \"1 day\"").unwrap();
        let later = Timestamp::now() + 72.hours();
        let swept = storage.sweep(&tenant, &retention, later, true).await.unwrap();
        assert_eq!((swept.held.len(), swept.left.len(), swept.left[0].call), (0, 1, id(1)));
        assert_eq!(swept.due[0].1.len(), 2);
        storage.close().await;
    }

    #[tokio::test]
    async fn a_held_amendment_stops_no_sweep_and_goes_with_the_next_once_it_is_released() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::open(&Folders::beside(folder.path().join("data"))).await.unwrap();
        let tenant: TenantId = "cabinet".parse().unwrap();
        for number in 1..=2 {
            call(&storage, &tenant, number).await;
        }
        let amendment = Amendment { field: "contact.name".into(), to: "canary of a name".into() };
        let amended = storage.journal.amend(&tenant, id(1), amendment, 0).await.unwrap();
        let says = async || {
            let records = storage.journal.records(&tenant, amended).await.unwrap();
            format!("{records:?}").contains("canary of a name")
        };
        assert!(storage.journal.hold(&tenant, amended, "a lawsuit".into()).await.unwrap());
        let retention: Retention = toml::from_str("content = \"1 day\"").unwrap();
        let later = Timestamp::now() + 72.hours();
        for calls in [2, 0] {
            let swept = storage.sweep(&tenant, &retention, later, false).await.unwrap();
            assert_eq!((swept.failed, swept.left.len()), (None, 0));
            assert_eq!(swept.due.iter().map(|(_, calls)| calls.len()).sum::<usize>(), calls);
            assert!(!reads(&storage, &tenant, 1).await && !reads(&storage, &tenant, 2).await);
            assert!(says().await, "it is held");
        }
        assert!(storage.journal.release(&tenant, amended, "settled".into()).await.unwrap());
        let swept = storage.sweep(&tenant, &retention, later, false).await.unwrap();
        assert_eq!((swept.failed, swept.reports[0].calls), (None, 1));
        assert!(!says().await);
        assert!(storage.sweep(&tenant, &retention, later, true).await.unwrap().due.is_empty());
        storage.close().await;
    }

    #[tokio::test]
    async fn a_trace_whose_time_has_come_stays_while_an_amendment_is_held_that_is_found_by_it() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::open(&Folders::beside(folder.path().join("data"))).await.unwrap();
        let tenant: TenantId = "cabinet".parse().unwrap();
        call(&storage, &tenant, 1).await;
        let amendment = Amendment { field: "contact.name".into(), to: "canary of a name".into() };
        let amended = storage.journal.amend(&tenant, id(1), amendment, 0).await.unwrap();
        assert!(storage.journal.hold(&tenant, amended, "a lawsuit".into()).await.unwrap());
        let retention: Retention = toml::from_str("content = \"1 day\"\ntrace = \"2 days\"").unwrap();
        let later = Timestamp::now() + 72.hours();
        let there = async |call| storage.journal.call(&tenant, call).await.unwrap().is_some();
        let swept = storage.sweep(&tenant, &retention, later, false).await.unwrap();
        assert_eq!((swept.failed, swept.reports[0].calls), (None, 1));
        assert!(!reads(&storage, &tenant, 1).await && there(id(1)).await && there(amended).await);
        assert!(storage.journal.release(&tenant, amended, "settled".into()).await.unwrap());
        let swept = storage.sweep(&tenant, &retention, later, false).await.unwrap();
        assert_eq!((swept.failed, swept.left.len()), (None, 0));
        assert!(!there(id(1)).await && !there(amended).await);
        assert!(storage.journal.records(&tenant, amended).await.is_err());
        storage.close().await;
    }

    #[tokio::test]
    async fn an_amendment_that_its_call_left_behind_goes_with_the_next_sweep_once_it_is_released() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::open(&Folders::beside(folder.path().join("data"))).await.unwrap();
        let tenant: TenantId = "cabinet".parse().unwrap();
        call(&storage, &tenant, 1).await;
        let amendment = Amendment { field: "contact.name".into(), to: "canary of a name".into() };
        let amended = storage.journal.amend(&tenant, id(1), amendment, 0).await.unwrap();
        // As one that was held after it was looked for: the call goes, and its trace.
        assert!(storage.journal.hold(&tenant, amended, "a lawsuit".into()).await.unwrap());
        let erasure = Erasure { calls: vec![id(1)], purposes: Purposes::ALL, ..Erasure::default() };
        assert_eq!(storage.journal.erase(&tenant, erasure).await.unwrap().calls, 1);
        let there = async |call| storage.journal.call(&tenant, call).await.unwrap().is_some();
        assert_eq!((there(id(1)).await, there(amended).await), (false, true));
        let retention: Retention = toml::from_str("content = \"1 day\"").unwrap();
        let swept = storage.sweep(&tenant, &retention, Timestamp::now(), false).await.unwrap();
        assert_eq!((swept.failed, swept.due.len(), swept.held.as_slice()), (None, 0, [amended].as_slice()));
        assert!(storage.journal.release(&tenant, amended, "settled".into()).await.unwrap());
        let swept = storage.sweep(&tenant, &retention, Timestamp::now(), false).await.unwrap();
        assert_eq!((swept.failed, swept.left.len(), swept.reports[0].calls), (None, 0, 1));
        assert!(!there(amended).await && storage.journal.records(&tenant, amended).await.is_err());
        let swept = storage.sweep(&tenant, &retention, Timestamp::now(), true).await.unwrap();
        assert!(swept.due.is_empty() && swept.held.is_empty(), "{swept:?}");
        storage.close().await;
    }

    #[tokio::test]
    async fn where_there_is_no_directory_the_file_says_what_is_kept_and_none_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::beside(folder.path().join("data"));
        let storage = Storage::open(&folders).await.unwrap();
        let declared: Vec<(TenantId, Retention)> = vec![("cabinet".parse().unwrap(), Retention::default())];
        assert_eq!(storage.retentions(declared.clone()).await.unwrap(), declared);
        assert!(!folders.keys.join("installation").exists());
        storage.close().await;
    }

    async fn reads(storage: &Storage, tenant: &TenantId, number: u8) -> bool {
        let records = storage.journal.records(tenant, id(number)).await;
        records.is_ok_and(|records| format!("{records:?}").contains(&format!("canary {number}")))
    }

    #[tokio::test]
    async fn what_was_kept_long_enough_goes_purpose_by_purpose_and_what_is_held_stays() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::open(&Folders::beside(folder.path().join("data"))).await.unwrap();
        let tenant: TenantId = "cabinet".parse().unwrap();
        for number in 1..=3 {
            call(&storage, &tenant, number).await;
        }
        assert!(storage.journal.hold(&tenant, id(2), "a lawsuit".into()).await.unwrap());
        assert!(!storage.journal.hold(&tenant, id(2), "a lawsuit".into()).await.unwrap());
        let retention: Retention =
            toml::from_str("recording = \"1 day\"\ncontent = \"2 days\"\ntrace = \"1 month\"").unwrap();
        let sweep = async |days: i64, dry_run| {
            let now = Timestamp::now() + (24 * days).hours();
            storage.sweep(&tenant, &retention, now, dry_run).await.unwrap()
        };
        assert!(sweep(0, false).await.due.is_empty());
        let would = sweep(3, true).await;
        assert_eq!((would.due.len(), would.due[0].1.len(), would.reports.len()), (1, 2, 0));
        assert!(reads(&storage, &tenant, 1).await);

        let swept = sweep(3, false).await;
        assert_eq!((swept.held.as_slice(), swept.reports[0].calls), ([id(2)].as_slice(), 2));
        let left = [reads(&storage, &tenant, 1).await, reads(&storage, &tenant, 2).await];
        assert_eq!(left, [false, true]);
        assert!(storage.journal.records(&tenant, id(1)).await.is_ok(), "the trace is not due");
        assert!(sweep(3, false).await.due.is_empty(), "once is enough");
        // Nor does anybody else erase it.
        let erasure = Erasure { calls: vec![id(2)], purposes: Purposes::ALL, ..Erasure::default() };
        let refused = storage.journal.erase(&tenant, erasure).await;
        assert!(matches!(refused, Err(JournalError::NotErasable { .. })), "{refused:?}");

        assert!(storage.journal.release(&tenant, id(2), "it was settled".into()).await.unwrap());
        let swept = sweep(40, false).await;
        let erased: usize = swept.due.iter().map(|(_, calls)| calls.len()).sum();
        assert_eq!(erased, 3, "{swept:?}");
        for number in 1..=3 {
            assert!(storage.journal.records(&tenant, id(number)).await.is_err());
        }
        let report = storage.journal.verify(Scope::All).await.unwrap();
        assert!(report.is_sound() && report.erased == 3, "{:#?}", report.problems);
        storage.close().await;
    }

    #[tokio::test]
    async fn what_cannot_be_erased_of_one_keeps_nothing_from_being_erased_of_another() {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::beside(folder.path().join("data"));
        let storage = Storage::open(&folders).await.unwrap();
        let tenants: Vec<TenantId> = ["one", "two"].map(|name| name.parse().unwrap()).to_vec();
        for tenant in &tenants {
            call(&storage, tenant, 1).await;
        }
        // A note that is damaged.
        std::fs::write(folders.keys.join("one/erased"), b"no note").unwrap();
        let owner = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(folders.keys.join("one/erased"), owner).unwrap();
        let retention = Retention { trace: Some("1 day".parse().unwrap()), ..Retention::default() };
        let tenants: Vec<_> = tenants.into_iter().map(|tenant| (tenant, retention)).collect();
        let swept = storage.sweep_all(&tenants, Timestamp::now() + 48.hours(), false).await;
        assert!(swept[0].failed.as_ref().unwrap().contains("a note of an erasure"), "{swept:?}");
        assert_eq!((swept[1].failed.as_ref(), swept[1].reports[0].calls), (None, 1));
        assert!(storage.journal.records(&tenants[1].0, id(1)).await.is_err());
        storage.close().await;
    }

    #[tokio::test]
    async fn a_call_that_cannot_be_erased_is_named_and_the_others_go() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::open(&Folders::beside(folder.path().join("data"))).await.unwrap();
        let tenant: TenantId = "cabinet".parse().unwrap();
        for number in 1..=3 {
            call(&storage, &tenant, number).await;
        }
        // As one that was held after it was found.
        assert!(storage.journal.hold(&tenant, id(2), "a lawsuit".into()).await.unwrap());
        let mut swept =
            Swept { due: vec![(Purposes::CONTENTS, (1..=3).map(id).collect())], ..Swept::nothing(&tenant) };
        storage.erase_due(&mut swept, None).await;
        assert_eq!((swept.left.len(), swept.left[0].call, swept.failed), (1, id(2), None));
        assert_eq!((swept.reports.len(), swept.reports[0].calls), (1, 2));
        assert!(reads(&storage, &tenant, 2).await && !reads(&storage, &tenant, 3).await);
        storage.close().await;
    }
}
