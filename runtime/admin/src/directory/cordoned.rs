//! Whose agents answer in a process of their own, as an operator says by the API: beside the tenants' records, in the installation's
//! own rows, so that a tenant of the operator's file can be moved too. It goes before what that file says.

use parloir_contract::TenantId;
use parloir_store::Table;

use super::rows::{self, There};
use super::{Directory, DirectoryError};
use crate::resource::{Cordon, CordonPolicy};

/// What the keys of these begin with, in the installation's [`Table::Settings`].
const CORDONS: &str = "cordon/";

/// Where it is noted when a tenant's agents answer in a process of their own.
pub(crate) fn cordon_row(id: &TenantId) -> String {
    format!("{CORDONS}{id}")
}

/// What a row says. Of whom it cannot be read stays apart until it is written anew.
fn policy(there: &There<Cordon>) -> CordonPolicy {
    there.row.as_ref().map_or(CordonPolicy::Always, |row| row.is.policy)
}

impl Directory {
    /// What was said of a tenant's agents; `None` where the operator's file says it.
    pub(crate) async fn cordon(&self, id: &TenantId) -> Result<Option<There<Cordon>>, DirectoryError> {
        rows::there(&self.installation, Table::Settings, &cordon_row(id)).await
    }

    /// Has a tenant's next calls answered as its row says now: of two who change it at once, the last one's row holds.
    pub(crate) async fn heed_cordon(&self, id: &TenantId) -> Result<(), DirectoryError> {
        let _one_at_a_time = self.suspending.of(id).await;
        let said = self.cordon(id).await?;
        self.premises.cordon(id, said.as_ref().map(policy));
        Ok(())
    }

    /// Tells whoever answers calls, at a start, what was said.
    pub(super) async fn heed_cordons(&self) -> Result<(), DirectoryError> {
        for (id, there) in rows::all_there::<Cordon>(&self.installation, Table::Settings, CORDONS).await? {
            match id.parse::<TenantId>() {
                Ok(id) => self.premises.cordon(&id, Some(policy(&there))),
                Err(_) => tracing::error!("a row of the directory has no tenant's name, and is left out"),
            }
        }
        Ok(())
    }
}
