//! What the installation grants its tenants, read from its rows by whoever has them: the server looks at it before it opens a
//! directory, and where there is none.

use parloir_contract::TenantId;
use parloir_store::{StoreError, Table, TenantStore};

use super::{DirectoryError, Rooms, kept, leaving, own, rows};
use crate::resource::Tenant;

/// What the installation grants the tenants that are described in the directory of these rooms, and granted those that left: for
/// whoever looks after calls that nobody answers now. Clocks that a tenant shortened itself run as it says. `None` of a tenant
/// whose record cannot be read. Makes nothing where there is no directory.
///
/// # Errors
/// Where it cannot be read.
pub async fn granted(rooms: &Rooms) -> Result<Vec<(TenantId, Option<Tenant>)>, DirectoryError> {
    let mut granted = Vec::new();
    let (here, left) = records(rooms).await?;
    for (id, record) in here {
        let record = match record {
            Some(record) => Some(own_clocks(rooms, &id, record).await),
            None => None,
        };
        granted.push((id, record));
    }
    // With the clocks that ran when they left.
    granted.extend(left);
    Ok(granted)
}

/// Tenants with their records; `None` where one cannot be read.
type Records = Vec<(TenantId, Option<Tenant>)>;

/// The records of the tenants that are described in these rooms, and of those that left.
async fn records(rooms: &Rooms) -> Result<(Records, Records), DirectoryError> {
    let own = own()?;
    if !rooms.kms.knows(&own).await.map_err(StoreError::from)? {
        return Ok((Vec::new(), Vec::new()));
    }
    let installation = TenantStore::open(rooms.store.clone(), &*rooms.kms, own).await?;
    let mut here = Vec::new();
    for (id, there) in rows::all_there::<Tenant>(&installation, Table::Tenant, "").await? {
        if let Ok(id) = id.parse() {
            here.push((id, there.row.ok().map(|row| row.is)));
        }
    }
    Ok((here, leaving::left(&installation).await?))
}

/// A tenant's record with the clocks that it shortened itself; those of the installation where its rows do not answer, for whatever they
/// say, nothing is kept longer than that.
async fn own_clocks(rooms: &Rooms, id: &TenantId, record: Tenant) -> Tenant {
    let shortened = match TenantStore::open(rooms.store.clone(), &*rooms.kms, id.clone()).await {
        Ok(store) => kept::shortened(&store, record.clone()).await,
        Err(error) => Err(error.into()),
    };
    match shortened {
        Ok((record, unread)) => {
            if let Some(why) = unread {
                tracing::error!(tenant = %id, why, "how long a tenant keeps its calls cannot be read, and is as the installation says: write it anew with `parloir retention set`");
            }
            record
        }
        Err(error) => {
            tracing::error!(tenant = %id, %error, "how long a tenant keeps its calls could not be read, and is as the installation says until it can be");
            record
        }
    }
}

/// The tenants that are described in the directory of these rooms, whether their records can be read or not, and those that left:
/// nobody else is answered under their names. Makes nothing where there is no directory.
///
/// # Errors
/// Where it cannot be read.
pub async fn described(rooms: &Rooms) -> Result<Vec<TenantId>, DirectoryError> {
    let (here, left) = records(rooms).await?;
    Ok(here.into_iter().chain(left).map(|(id, _)| id).collect())
}
