//! What a tenant's storage holds of a person beside calls: appointments that stand, what agents remember, reports.
//!
//! It is handed to whoever asks what is known of them: what is somebody else's, and only names them, is told and not shown.

use std::collections::HashSet;

use parloir_contract::{Appointment, TenantId};
use parloir_persons::Number;
use parloir_store::{StoreError, Table, TenantStore};
use parloir_tenancy::calendar::Kept;
use serde::{Deserialize, Serialize};

use crate::Storage;
use crate::rights::RightsError;

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
        let store = self.rows(tenant).await?;
        let references: HashSet<&str> = references.iter().map(String::as_str).collect();
        let named = |text: &str| person.is_in(text);
        let appointments = look(&store, Table::Appointments, |reference, value| {
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
        let memories = look(&store, Table::Memory, |key, value| match (named(&key), named(&value)) {
            (true, _) => Some(KeptRow::Memory { key, value }),
            (false, true) => Some(KeptRow::mention("memory", key)),
            (false, false) => None,
        });
        rows.extend(memories.await?);
        let reports = look(&store, Table::Reports, |key, value| {
            (named(&key) || named(&value)).then(|| KeptRow::mention("report", key))
        });
        rows.extend(reports.await?);
        Ok(rows)
    }
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
