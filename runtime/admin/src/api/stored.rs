//! What a tenant keeps for its agents beside what they remember: one bound for all of it.

use parloir_store::{Table, TenantStore};
use parloir_tenancy::{library, sounds};

use super::Api;
use super::asked::Asked;
use super::problem::{Kind, Problem};
use crate::directory::{DirectoryError, rows};
use crate::resource::{Document, Sound, Tenant};

/// Bytes of the documents, but for one of this name.
pub(super) async fn documents(store: &TenantStore, but: Option<&str>) -> Result<u64, DirectoryError> {
    let all = rows::all::<Document>(store, Table::Documents, library::RECORDS).await?;
    let others = all.iter().filter(|(name, _)| but != Some(name.as_str()));
    Ok(others.map(|(_, kept)| kept.row.is.bytes).fold(0, u64::saturating_add))
}

/// Bytes of the sounds, but for one of this name.
pub(super) async fn sounds(store: &TenantStore, but: Option<&str>) -> Result<u64, DirectoryError> {
    let all = rows::all::<Sound>(store, Table::Documents, sounds::RECORDS).await?;
    let others = all.iter().filter(|(name, _)| but != Some(name.as_str()));
    Ok(others.map(|(_, kept)| kept.row.is.bytes).fold(0, u64::saturating_add))
}

/// That there is room for so many bytes of documents and of sounds beside what agents remember.
pub(super) async fn within(api: &Api, asked: &Asked, [documents, sounds]: [u64; 2]) -> Result<(), Problem> {
    let record = rows::there::<Tenant>(api.directory.installation(), Table::Tenant, asked.realm.as_str());
    let record = record.await?.and_then(|there| there.row.ok());
    let most = record.map(|row| row.is.quota).unwrap_or_default().stored_bytes_in_all;
    let remembered = asked.store.remembered().await.map_err(DirectoryError::from)?;
    if documents.saturating_add(sounds).saturating_add(remembered) <= most {
        return Ok(());
    }
    let detail = format!(
        "with it the documents would have {documents} bytes and the sounds {sounds}, what agents remember has {remembered} with their appointments, and all together no more than {most}"
    );
    let remedy = "remove documents and sounds that nobody needs first: parloir document remove, parloir sound remove; or have whoever runs the installation raise `stored-bytes-in-all` of the quota";
    Err(Problem::new(Kind::Conflict, detail, remedy).of("body"))
}
