//! What a tenant's storage holds of a person beside calls: appointments that stand, what agents remember, reports.

use parloir_contract::{Appointment, TenantId};
use parloir_persons::Number;
use parloir_store::Table;
use parloir_tenancy::calendar::Kept;
use serde::{Deserialize, Serialize};

use crate::Storage;
use crate::erasure::all;
use crate::rights::RightsError;

/// A row of the tenant's storage that names a person, or is an appointment of theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "row", rename_all = "kebab-case")]
pub enum KeptRow {
    /// An appointment as it stands now.
    Appointment(Appointment),
    /// What an agent remembers.
    Memory {
        /// Under which key.
        key: String,
        /// What; bytes that are no text are replaced.
        value: String,
    },
    /// A report.
    Report {
        /// Of which call.
        key: String,
        /// What; bytes that are no text are replaced.
        value: String,
    },
}

impl Storage {
    /// The rows that name a number, and the appointments of these references.
    pub(crate) async fn kept_rows(
        &self,
        tenant: &TenantId,
        person: &Number,
        references: &[String],
    ) -> Result<Vec<KeptRow>, RightsError> {
        let store = self.rows(tenant).await?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let named = |bytes: &[u8]| person.is_in(&String::from_utf8_lossy(bytes));
        let mut rows = Vec::new();
        let kept = Kept::new(store.clone());
        for (key, value) in all(&store, Table::Appointments).await? {
            let reference = text(&key);
            if (named(&value) || references.contains(&reference))
                && let Some(appointment) = kept.get(&reference).await?
            {
                rows.push(KeptRow::Appointment(appointment));
            }
        }
        for (key, value) in all(&store, Table::Memory).await? {
            if named(&key) || named(&value) {
                rows.push(KeptRow::Memory { key: text(&key), value: text(&value) });
            }
        }
        for (key, value) in all(&store, Table::Reports).await? {
            if named(&key) || named(&value) {
                rows.push(KeptRow::Report { key: text(&key), value: text(&value) });
            }
        }
        Ok(rows)
    }
}
