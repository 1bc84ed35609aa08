//! How a tenant leaves. In one batch of the installation's rows its record goes, and a row that says that it left is there: from
//! then on there is no such tenant to anybody. Then its numbers go back, and its rows are erased with their keys, as the journal
//! erases; what is cut off is done by [`Directory::end_leavings`], at the next start and every hour. Its log stays, and so does that
//! row: nobody is ever given its name, and what is left of its calls goes when it would have gone.

use parloir_contract::TenantId;
use parloir_journal::{Erasure, Purposes, Requested};
use parloir_store::{Batch, MAX_PAGE, Rows, Table, TenantStore};

use super::agents::VERSIONS;
use super::rows::{self, There};
use super::{Batches, Directory, DirectoryError, Told, cordon_row, kept, suspended_row};
use crate::resource::{KeptVersion, Tenant};

/// What the keys of tenants that left begin with, in the installation's [`Table::Settings`]: each has the record that it had.
const LEFT: &str = "left/";

/// Where it is noted that a tenant left.
fn left_row(id: &TenantId) -> String {
    format!("{LEFT}{id}")
}

/// The tenants that left, each with the record that it had, where that can be read.
pub(super) async fn left(
    installation: &TenantStore,
) -> Result<Vec<(TenantId, Option<Tenant>)>, DirectoryError> {
    let rows = rows::all_there::<Tenant>(installation, Table::Settings, LEFT).await?;
    let named = |(id, there): (String, There<Tenant>)| {
        let id = id.parse::<TenantId>().ok()?;
        Some((id, there.row.ok().map(|row| row.is)))
    };
    Ok(rows.into_iter().filter_map(named).collect())
}

impl Directory {
    /// Whether a tenant of this name left.
    pub(crate) async fn is_gone(&self, id: &TenantId) -> Result<bool, DirectoryError> {
        Ok(self.installation.get(Table::Settings, left_row(id)).await?.is_some())
    }

    /// Has a tenant leave whose record rests as `before`. When it returns, there is no such tenant; where its rows could not be
    /// erased to the end, the program's own log says so, and it is tried again.
    pub(crate) async fn leave(
        &self,
        id: &TenantId,
        told: Told,
        before: Vec<u8>,
        tenant: &Tenant,
    ) -> Result<(), DirectoryError> {
        {
            // Who takes it in meanwhile has done so before, or finds nobody.
            let _one_at_a_time = self.taking_in_one.of(id).await;
            // Its own rows go, and what is left of its calls goes when they said.
            let (tenant, _unread) = kept::shortened(&self.store(id).await?, tenant.clone()).await?;
            let left = self.commit(id, told, |stamp| {
                let installation = Batch::new()
                    .expect_value(Table::Tenant, id.as_str(), before)
                    .delete(Table::Tenant, id.as_str())
                    .delete(Table::Settings, suspended_row(id))
                    .delete(Table::Settings, cordon_row(id))
                    .put(Table::Settings, left_row(id), stamp.bytes(&tenant)?);
                Ok((Batches { installation, tenant: None }, ()))
            });
            left.await?;
            self.tell_late_lines(id).await;
            self.behind().remove(id);
            self.aside.write().await.remove(id);
            self.move_out(id).await;
            self.premises.suspend(id, false);
            self.premises.cordon(id, None);
        }
        if let Err(error) = self.clear(id).await {
            tracing::error!(tenant = %id, %error, "a tenant left, and something of it is still here; it is tried again");
        }
        Ok(())
    }

    /// Tells of lines that somebody wrote while the tenant left: they go with it.
    async fn tell_late_lines(&self, id: &TenantId) {
        let lines = match self.store(id).await {
            Ok(store) => rows::count(&store, Table::Lines, "").await,
            Err(error) => Err(error),
        };
        match lines {
            Ok(0) => {}
            Ok(lines) => {
                tracing::error!(tenant = %id, lines, "a tenant left while lines of it were written: they go with it");
            }
            Err(error) => {
                tracing::error!(tenant = %id, %error, "a tenant left, and whether lines of it were written meanwhile cannot be read");
            }
        }
    }

    /// Ends what was cut off when tenants left.
    pub(crate) async fn end_leavings(&self) -> Result<(), DirectoryError> {
        for (id, _) in left(&self.installation).await? {
            self.move_out(&id).await;
            if let Err(error) = self.clear(&id).await {
                tracing::warn!(tenant = %id, %error, "a tenant left, and something of it is still here; it is tried again");
            }
        }
        Ok(())
    }

    /// Nothing of it is answered any more, and its folder is gone.
    async fn move_out(&self, id: &TenantId) {
        if let Err(problem) = self.premises.leave(id).await {
            tracing::error!(tenant = %id, problem, "a tenant left, and its folder is still there; it is tried again");
        }
    }

    /// Gives its numbers back and erases its rows, but for the index of its log, and for what its calls used: as long as their trace
    /// is there, that is summed up from it again.
    async fn clear(&self, id: &TenantId) -> Result<(), DirectoryError> {
        self.give_back_numbers(id).await?;
        let store = self.store(id).await?;
        let mut erased = Vec::new();
        for table in Table::ALL.into_iter().filter(|table| !table.is_index() && *table != Table::Usage) {
            // What cannot be read is erased, too.
            if !matches!(rows::count(&store, table, "").await, Ok(0)) {
                erased.push(Rows::Of(table));
            }
        }
        if erased.is_empty() {
            return Ok(());
        }
        let versions = rows::all_there::<KeptVersion>(&store, Table::Agents, VERSIONS).await;
        let (purposes, requested) = (Purposes::CONTENTS, Requested::Tenant);
        let erasure = Erasure { purposes, rows: erased, requested, ..Erasure::default() };
        self.rooms.journal.erase(id, erasure).await?;
        for (at, _) in versions.unwrap_or_default() {
            if let Some((_, version)) = at.rsplit_once('/') {
                self.premises.forget_agent(version).await;
            }
        }
        Ok(())
    }

    async fn give_back_numbers(&self, id: &TenantId) -> Result<(), DirectoryError> {
        let mut from = None;
        loop {
            let page = self.installation.scan(Table::Lines, "", from.as_ref(), MAX_PAGE).await?;
            for entry in page.entries {
                if entry.value != id.as_str().as_bytes() {
                    continue;
                }
                let batch = Batch::new().expect_value(Table::Lines, &entry.key, entry.value);
                let _another_s_by_now =
                    self.installation.apply(batch.delete(Table::Lines, &entry.key)).await?;
            }
            match page.next {
                Some(next) => from = Some(next),
                None => return Ok(()),
            }
        }
    }
}
