//! Whose calls of a tenant are kept and not used: what agents do not find, and what nobody is shown.

use parloir_contract::TenantId;
use parloir_journal::{CallEntry, JournalError, Record, Restriction, rights};
use parloir_persons::{Number, caller};
use parloir_store::{Kms, RowKey};
use parloir_tenancy::Hidden;

use crate::Storage;

/// Numbers that are looked for in one value of a memory.
const NUMBERS: usize = 2_000;
/// Whose calls of a tenant are kept and not used.
#[derive(Debug)]
pub struct Restrictions {
    who: Vec<Restriction>,
    key: RowKey,
}

impl Restrictions {
    /// Those of a tenant; `None` where there is none. From the keys folder alone, for whoever does not have the journal.
    pub async fn of(kms: &dyn Kms, tenant: &TenantId) -> Result<Option<Self>, JournalError> {
        Self::those(kms, tenant, rights(kms, tenant).await?.restricted).await
    }

    async fn those(
        kms: &dyn Kms,
        tenant: &TenantId,
        who: Vec<Restriction>,
    ) -> Result<Option<Self>, JournalError> {
        if who.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self { who, key: kms.row_key(tenant).await? }))
    }

    /// All of them.
    pub(crate) fn all(&self) -> &[Restriction] {
        &self.who
    }

    /// Under which a call is; `None` where it may be used. From its records, or the first of them.
    #[must_use]
    pub fn of_call(&self, records: &[Record]) -> Option<Restriction> {
        self.of_number(&caller(records)?.parse::<Number>().ok()?)
    }

    /// Whether a call may be under one, by what the index knows of it: [`Restrictions::of_call`] tells.
    pub(crate) fn may_be_of(&self, entry: &CallEntry) -> bool {
        self.who.iter().any(|one| entry.may_be_from(&one.who).unwrap_or(true))
    }

    fn of_number(&self, number: &Number) -> Option<Restriction> {
        let who = self.key.pseudonym(number.to_string().as_bytes());
        self.who.iter().find(|known| known.who == who).copied()
    }
}

impl Hidden for Restrictions {
    fn hides(&self, key: &str, value: &[u8]) -> bool {
        // What has so many numbers that they cannot be looked through while somebody waits may name anybody.
        let names = |text: &str| {
            Number::all_in(text, NUMBERS)
                .is_none_or(|numbers| numbers.iter().any(|number| self.of_number(number).is_some()))
        };
        names(key) || names(&String::from_utf8_lossy(value))
    }
}

impl Storage {
    /// Whose calls of a tenant are kept and not used; `None` where there is nobody.
    pub(crate) async fn restrictions(&self, tenant: &TenantId) -> Result<Option<Restrictions>, JournalError> {
        let all = self.journal.rights(tenant).await?;
        Restrictions::those(self.keys(), tenant, all.restricted.clone()).await
    }
}
