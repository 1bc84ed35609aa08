//! How long a tenant's calls are kept: as the installation says in the tenant's record, or shorter, as a row of the tenant's own
//! says. Whoever changes the record changes no such row, and the other way round.

use parloir_store::{Table, TenantStore};
use parloir_tenancy::retention::Retention;

use super::DirectoryError;
use super::rows::{self, There};
use crate::resource::Tenant;

/// Under which key of [`Table::Settings`] it rests what a tenant says itself.
pub(crate) const RETENTION: &str = "retention";

/// What a tenant says itself; `None` where it never did.
pub(crate) async fn own(store: &TenantStore) -> Result<Option<There<Retention>>, DirectoryError> {
    rows::there(store, Table::Settings, RETENTION).await
}

/// A tenant's record with its clocks as they run; and what is wrong with what it says itself, where that cannot be read: then
/// nothing goes sooner than the installation says.
pub(crate) async fn shortened(
    store: &TenantStore,
    record: Tenant,
) -> Result<(Tenant, Option<String>), DirectoryError> {
    let Some(own) = own(store).await? else { return Ok((record, None)) };
    match own.row {
        Ok(row) => {
            let retention = record.retention.shortened_by(&row.is).retention();
            Ok((Tenant { retention, ..record }, None))
        }
        Err(why) => Ok((record, Some(why))),
    }
}
