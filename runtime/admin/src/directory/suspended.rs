//! Tenants that are suspended. That rests beside the tenants' records, in the installation's own rows, so that a tenant of the
//! operator's file can be suspended too; whoever answers calls is told of it, and reads no row while somebody rings.

use parloir_contract::TenantId;
use parloir_store::Table;

use super::rows::{self, There};
use super::{Directory, DirectoryError};
use crate::resource::Suspension;

/// What the keys of suspensions begin with, in the installation's [`Table::Settings`].
const SUSPENDED: &str = "suspended/";

/// Where it is noted that a tenant is suspended.
pub(crate) fn suspended_row(id: &TenantId) -> String {
    format!("{SUSPENDED}{id}")
}

impl Directory {
    /// A tenant's suspension; `None` where it is not suspended. One that cannot be read is one all the same.
    pub(crate) async fn suspension(
        &self,
        id: &TenantId,
    ) -> Result<Option<There<Suspension>>, DirectoryError> {
        rows::there(&self.installation, Table::Settings, &suspended_row(id)).await
    }

    /// All suspensions, by their tenants.
    pub(crate) async fn suspensions(&self) -> Result<Vec<(String, There<Suspension>)>, DirectoryError> {
        rows::all_there(&self.installation, Table::Settings, SUSPENDED).await
    }

    /// Has a tenant's next calls answered, or not, as its row says now: of two who change it at once, the last one's row holds.
    pub(crate) async fn heed_suspension(&self, id: &TenantId) -> Result<(), DirectoryError> {
        let _one_at_a_time = self.suspending.of(id).await;
        let suspended = self.suspension(id).await?.is_some();
        self.premises.suspend(id, suspended);
        Ok(())
    }

    /// Tells whoever answers calls, at a start, who is suspended.
    pub(super) async fn heed_suspensions(&self) -> Result<(), DirectoryError> {
        for (id, _) in self.suspensions().await? {
            match id.parse::<TenantId>() {
                Ok(id) => self.premises.suspend(&id, true),
                Err(_) => tracing::error!("a row of the directory has no tenant's name, and is left out"),
            }
        }
        Ok(())
    }
}
