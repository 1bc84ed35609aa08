//! The retention clocks: what has been kept long enough is erased, tenant by tenant, with a record of it in the log.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use parloir_contract::{CallId, TenantId};
use parloir_journal::{
    Erasure, ErasureReport, JournalError, Purposes, ReadError, Requested, erased, erasures, holds,
};
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
    /// And these, but they could not be erased now: their caller may be restricted, and could not be read.
    pub left: Vec<Left>,
    /// What was done, one for each of `due`; none where it was only to be told.
    pub reports: Vec<ErasureReport>,
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
        let mut swept = Swept {
            tenant: tenant.clone(),
            due: Vec::new(),
            held: Vec::new(),
            left: Vec::new(),
            reports: Vec::new(),
        };
        if *retention == Retention::default() {
            return Ok(swept);
        }
        let gone = erased(&erasures(self.keys(), tenant).await?);
        let held: HashSet<CallId> =
            holds(self.keys(), tenant).await?.into_iter().map(|hold| hold.call).collect();
        let mut restricted = Restrictions::of(self.keys(), tenant).await?;
        for entry in calls(&self.journal, tenant).await? {
            let ended = entry.ended_at.and_then(|at| Timestamp::from_nanosecond(i128::from(at)).ok());
            let Some(ended) = ended else { continue };
            let due = Kept::from(retention.due(ended, now)).0;
            // What was kept for 0 days was never there to be erased; with the trace its ciphertext goes too.
            let due = if due.trace { due } else { due.without(unkept(retention)) };
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
        if !dry_run {
            for (purposes, mut calls) in std::mem::take(&mut swept.due) {
                let report = loop {
                    let requested = Requested::Retention;
                    let erasure = Erasure { calls: calls.clone(), purposes, requested, ..Erasure::default() };
                    let known = restricted.as_ref().map_or(&[][..], Restrictions::all);
                    if let Some(report) = self.journal.erase_unless_restricted(tenant, erasure, known).await?
                    {
                        break report;
                    }
                    // Somebody was restricted meanwhile: what is theirs stays.
                    restricted = Restrictions::of(self.keys(), tenant).await?;
                    for call in std::mem::take(&mut calls) {
                        if !self.keeps_back(restricted.as_ref(), call, &mut swept).await {
                            calls.push(call);
                        }
                    }
                };
                swept.reports.push(report);
                swept.due.push((purposes, calls));
            }
        }
        Ok(swept)
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
}

/// Sweeps every tenant of a house.
pub(crate) async fn sweep_all(house: &House, dry_run: bool) -> Result<Vec<Swept>, EraseError> {
    let mut all = Vec::new();
    for tenant in house.installation.house.tenants() {
        let storage = &house.installation.storage;
        all.push(storage.sweep(&tenant.id, &tenant.retention, Timestamp::now(), dry_run).await?);
    }
    Ok(all)
}

/// Sweeps for as long as the house is open.
pub(crate) async fn run(house: Arc<House>) {
    loop {
        match sweep_all(&house, false).await {
            Ok(all) => {
                for Swept { tenant, due, held, .. } in all.iter().filter(|swept| !swept.due.is_empty()) {
                    let calls: usize = due.iter().map(|(_, calls)| calls.len()).sum();
                    tracing::info!(%tenant, calls, held = held.len(), "the time of some calls had come: they were erased");
                }
            }
            Err(error) => {
                tracing::error!(%error, "what was kept long enough could not be erased; it is tried again")
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
    use jiff::ToSpan;
    use parloir_contract::{HostCall, Import, Say, SayOptions};
    use parloir_journal::{CallEnded, CallStarted, HostCallStarted, RecordBody, Scope};

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
}
