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
use crate::erasure::{EraseError, Left, calls, stay};
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
    /// What was done, one for each of `due`, as far as it was, and one for what was left beside calls that went before; none where
    /// it was only to be told.
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
        let held = self.held(tenant).await?;
        let gone = self.gone(tenant, &held).await?;
        let restricted = self.restrictions(tenant).await?;
        let told = self.journal.rights(tenant).await?;
        let put_right: HashSet<CallId> = told.amendments.iter().map(|note| note.call).collect();
        let held_amendments = told.amendments.iter().filter(|note| held.contains(&note.record));
        let amended: HashSet<CallId> = held_amendments.map(|note| note.call).collect();
        for entry in calls(&self.journal, tenant).await? {
            let ended = entry.ended_at.and_then(|at| Timestamp::from_nanosecond(i128::from(at)).ok());
            let Some(ended) = ended else { continue };
            let mut due = Kept::from(retention.due(ended, now)).0;
            if due.trace && amended.contains(&entry.call) {
                // By its trace what was put right of it is found once that is released.
                due.trace = false;
            }
            // What was kept for 0 days when it began was never there to be erased; with the trace its ciphertext goes too, and with an
            // erasure what was put right of it.
            let was_there = due.trace || put_right.contains(&entry.call);
            let due = if was_there { due } else { due.without(entry.unkept) };
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
            if swept.failed.is_none()
                && let Err(error) = self.sweep_behind(&mut swept).await
            {
                swept.failed = Some(error.to_string());
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

    /// Erases what rests beside calls that went: reviews that were being written while those were looked for, and what was beside
    /// one that was held meanwhile. What is beside a call that is held now stays.
    async fn sweep_behind(&self, swept: &mut Swept) -> Result<(), EraseError> {
        let held = self.held(&swept.tenant).await?;
        let (rows, staying) = self.rows_behind(&swept.tenant, &held).await?;
        stay(&mut swept.held, staying);
        self.erase_late(swept, rows, &held).await
    }

    /// Erases rows that were found when these were all that were held. Where another is held by now it may be beside that, so it
    /// stays, and the next sweep looks for it once more.
    async fn erase_late(
        &self,
        swept: &mut Swept,
        rows: Vec<Rows>,
        held: &HashSet<CallId>,
    ) -> Result<(), EraseError> {
        if rows.is_empty() {
            return Ok(());
        }
        let (purposes, requested) = (Purposes::CONTENTS, Requested::Retention);
        let erasure = Erasure { purposes, rows, requested, ..Erasure::default() };
        swept.reports.push(self.journal.erase_unless_held(&swept.tenant, erasure, held).await?);
        Ok(())
    }

    /// The calls of a tenant that are held.
    async fn held(&self, tenant: &TenantId) -> Result<HashSet<CallId>, JournalError> {
        Ok(holds(self.keys(), tenant).await?.into_iter().map(|hold| hold.call).collect())
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
mod tests;
