//! What a tenant's storage holds of a person beside calls: appointments that stand, what agents remember, reports.
//!
//! It is handed to whoever asks what is known of them: what is somebody else's, and only names them, is told and not shown.

use std::collections::HashSet;
use std::sync::Arc;

use parloir_contract::{Appointment, TenantId};
use parloir_persons::Number;
use parloir_store::{Embedded, Keyring, Store, StoreError, Table, TenantStore};
use parloir_tenancy::calendar::Kept;
use serde::{Deserialize, Serialize};

use crate::rights::RightsError;
use crate::{Folders, Storage};

/// Rows looked at in one go.
const PAGE: usize = 500;

/// A row of the tenant's storage that names a person, or is an appointment of theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "row", rename_all = "kebab-case")]
pub enum KeptRow {
    /// An appointment of theirs as it stands now: under their number, or without one and made in a call of theirs.
    Appointment(Appointment),
    /// What an agent remembers under their number.
    Memory {
        /// Under which key.
        key: String,
        /// What; bytes that are no text are replaced.
        value: String,
    },
    /// A row that names them, and is somebody else's or nobody's: what it says besides is not theirs to have.
    Mention {
        /// What it is: `appointment`, `memory` or `report`.
        of: String,
        /// Its key, for whoever looks at it; `None` where that may be somebody else's number.
        key: Option<String>,
    },
}

impl KeptRow {
    fn mention(of: &str, key: String) -> Self {
        let key = Number::all_in(&key, 0).is_some().then_some(key);
        Self::Mention { of: of.to_owned(), key }
    }
}

impl Storage {
    /// The rows that name a number, and the appointments of these references, which were made in calls from it.
    pub(crate) async fn kept_rows(
        &self,
        tenant: &TenantId,
        person: &Number,
        references: &[String],
    ) -> Result<Vec<KeptRow>, RightsError> {
        kept(&self.rows(tenant).await?, person, references).await
    }
}

/// The same where nobody serves, of several tenants, each with its references. The storage alone is opened, and once: of the
/// journal nothing is touched. No rows where there is no storage.
pub async fn rows_at_rest(
    folders: &Folders,
    person: &Number,
    tenants: &[(TenantId, Vec<String>)],
) -> Result<Vec<(TenantId, KeptRow)>, RightsError> {
    let folder = folders.store();
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let keys = Keyring::open(&folders.keys).map_err(StoreError::from)?;
    let backend = Arc::new(Embedded::open(folder).await?);
    let rows = at_rest(&backend, &keys, person, tenants).await;
    if let Some(backend) = Arc::into_inner(backend) {
        backend.close().await;
    }
    rows
}

async fn at_rest(
    backend: &Arc<Embedded>,
    keys: &Keyring,
    person: &Number,
    tenants: &[(TenantId, Vec<String>)],
) -> Result<Vec<(TenantId, KeptRow)>, RightsError> {
    let mut rows = Vec::new();
    for (tenant, references) in tenants {
        let backend: Arc<dyn Store> = backend.clone();
        let store = TenantStore::open(backend, keys, tenant.clone()).await?;
        let of_tenant = kept(&store, person, references).await?;
        rows.extend(of_tenant.into_iter().map(|row| (tenant.clone(), row)));
    }
    Ok(rows)
}

async fn kept(
    store: &TenantStore,
    person: &Number,
    references: &[String],
) -> Result<Vec<KeptRow>, RightsError> {
    let references: HashSet<&str> = references.iter().map(String::as_str).collect();
    let named = |text: &str| person.is_in(text);
    let appointments = look(store, Table::Appointments, |reference, value| {
        (named(&value) || references.contains(reference.as_str())).then_some(reference)
    });
    let kept = Kept::new(store.clone());
    let mut rows = Vec::new();
    for reference in appointments.await? {
        let Some(made) = kept.get(&reference).await? else { continue };
        let theirs = match made.contact.phone.as_deref() {
            Some(phone) => phone.parse::<Number>().is_ok_and(|phone| phone == *person),
            None => references.contains(reference.as_str()),
        };
        rows.push(match theirs {
            true => KeptRow::Appointment(made),
            false => KeptRow::mention("appointment", reference),
        });
    }
    let memories = look(store, Table::Memory, |key, value| match (named(&key), named(&value)) {
        (true, _) => Some(KeptRow::Memory { key, value }),
        (false, true) => Some(KeptRow::mention("memory", key)),
        (false, false) => None,
    });
    rows.extend(memories.await?);
    let reports = look(store, Table::Reports, |key, value| {
        (named(&key) || named(&value)).then(|| KeptRow::mention("report", key))
    });
    rows.extend(reports.await?);
    Ok(rows)
}

/// Looks at every row of a table, as text, page by page, and keeps what is made of them.
async fn look<T: Send>(
    store: &TenantStore,
    table: Table,
    keep: impl Fn(String, String) -> Option<T> + Send,
) -> Result<Vec<T>, StoreError> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (mut kept, mut from) = (Vec::new(), None);
    loop {
        let page = store.scan(table, "", from.as_ref(), PAGE).await?;
        kept.extend(page.entries.iter().filter_map(|entry| keep(text(&entry.key), text(&entry.value))));
        match page.next {
            Some(next) => from = Some(next),
            None => return Ok(kept),
        }
    }
}

#[cfg(test)]
mod tests {
    use parloir_contract::SetMemory;
    use parloir_tenancy::Memory;

    use super::*;

    #[tokio::test]
    async fn where_nobody_serves_rows_are_read_from_the_storage_alone_and_it_is_free_again() {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::beside(folder.path().join("data"));
        let (tenant, person): (TenantId, Number) =
            ("cabinet".parse().unwrap(), "+33639980001".parse().unwrap());
        let asked = [(tenant.clone(), Vec::new())];
        assert!(rows_at_rest(&folders, &person, &asked).await.unwrap().is_empty());
        assert!(!folders.data.exists(), "nothing is made by whoever only looks");

        let keys = Keyring::open(&folders.keys).unwrap();
        let backend = Arc::new(Embedded::open(folders.store()).await.unwrap());
        let store = TenantStore::open(backend.clone(), &keys, tenant.clone()).await.unwrap();
        let remembered = SetMemory { key: person.to_string(), value: "vip".into() };
        Memory::new(store).set(remembered).await.unwrap();
        let busy = rows_at_rest(&folders, &person, &asked).await.unwrap_err().to_string();
        assert!(busy.contains("in use by another program"), "{busy}");
        Arc::into_inner(backend).unwrap().close().await;

        let vip = KeptRow::Memory { key: person.to_string(), value: "vip".into() };
        for _again in 0..2 {
            let rows = rows_at_rest(&folders, &person, &asked).await.unwrap();
            assert_eq!(rows, [(tenant.clone(), vip.clone())]);
        }
        assert!(!folders.data.join("journal").exists());
    }
}
