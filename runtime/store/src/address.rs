//! Addresses: tenant, table, key, in that order, so that no prefix reaches two tenants.

use parloir_contract::TenantId;

use crate::{StoreError, Table};

/// The longest key, in bytes.
pub const MAX_KEY: usize = 512;

/// Ends the tenant in an address. A [`TenantId`] cannot contain it.
const SEPARATOR: u8 = 0;

/// Where a value rests: tenant ‖ 0 ‖ table byte ‖ key.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address(Vec<u8>);

impl Address {
    /// The address of a key of up to [`MAX_KEY`] bytes. With an empty key, the prefix of the whole
    /// table. Fails for a longer key.
    pub fn new(tenant: &TenantId, table: Table, key: &[u8]) -> Result<Self, StoreError> {
        if key.len() > MAX_KEY {
            return Err(StoreError::KeyLength { length: key.len(), max: MAX_KEY });
        }
        let tenant = tenant.as_str().as_bytes();
        let mut bytes = Vec::with_capacity(tenant.len() + 2 + key.len());
        bytes.extend_from_slice(tenant);
        bytes.push(SEPARATOR);
        bytes.push(table.byte());
        bytes.extend_from_slice(key);
        Ok(Self(bytes))
    }

    /// An address as a backend kept it.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, StoreError> {
        let separator = bytes.iter().position(|byte| *byte == SEPARATOR);
        match separator {
            Some(at) if at > 0 && bytes.len() > at + 1 => Ok(Self(bytes)),
            Some(_) | None => Err(StoreError::Damaged { what: "an address without a tenant" }),
        }
    }

    /// The whole address.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whose it is; `None` where a backend's bytes name nobody that can be.
    pub fn tenant(&self) -> Option<TenantId> {
        let name = self.0.split(|byte| *byte == SEPARATOR).next()?;
        std::str::from_utf8(name).ok()?.parse().ok()
    }

    /// In which table; `None` for one that this program does not know.
    pub fn table(&self) -> Option<Table> {
        Table::from_byte(self.table_byte())
    }

    /// The byte of its table.
    pub(crate) fn table_byte(&self) -> u8 {
        let at = self.0.iter().position(|byte| *byte == SEPARATOR);
        at.and_then(|at| self.0.get(at + 1)).copied().unwrap_or_default()
    }

    /// The smallest bytes that come after every address of its tenant in its table.
    pub(crate) fn after_table(&self) -> Vec<u8> {
        let at = self.0.iter().position(|byte| *byte == SEPARATOR).unwrap_or_default();
        let mut bytes = self.0.get(..at).unwrap_or_default().to_vec();
        match self.table_byte().checked_add(1) {
            Some(next) => bytes.extend([SEPARATOR, next]),
            // No table comes after it, but other tenants do.
            None => bytes.push(SEPARATOR + 1),
        }
        bytes
    }

    /// The key, without tenant and table.
    pub fn key(&self) -> &[u8] {
        let at = self.0.iter().position(|byte| *byte == SEPARATOR).map_or(self.0.len(), |at| at + 2);
        self.0.get(at..).unwrap_or_default()
    }
}

impl std::fmt::Debug for Address {
    /// Tenant and table only: a key may name a person.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tenant = self.0.split(|byte| *byte == SEPARATOR).next().unwrap_or_default();
        let table = self.0.get(tenant.len() + 1).copied().unwrap_or_default();
        write!(f, "Address({}, table {table}, …)", String::from_utf8_lossy(tenant))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_tenants_prefix_reaches_another_tenant() {
        let tenants = ["a", "ab", "a-", "a0", "b"].map(|t| t.parse::<TenantId>().unwrap());
        for one in &tenants {
            let prefix = Address::new(one, Table::Memory, b"").unwrap();
            for other in tenants.iter().filter(|other| *other != one) {
                let address = Address::new(other, Table::Memory, b"key").unwrap();
                assert!(!address.as_bytes().starts_with(prefix.as_bytes()), "{one} reaches {other}");
            }
        }
    }

    #[test]
    fn an_address_reads_back_and_keeps_its_key_out_of_logs() {
        let address = Address::new(&"cabinet".parse().unwrap(), Table::Memory, b"\0+33612345678").unwrap();
        let again = Address::from_bytes(address.as_bytes().to_vec()).unwrap();
        assert_eq!(again, address);
        assert_eq!(again.key(), b"\0+33612345678");
        assert_eq!(again.tenant(), Some("cabinet".parse().unwrap()));
        assert_eq!(again.table(), Some(Table::Memory));
        assert!(!format!("{again:?}").contains("336"));
        let after = again.after_table();
        assert!(again.as_bytes() < after.as_slice() && after.starts_with(b"cabinet\0"));
        let last = Address::from_bytes(b"cabinet\0\xff\xff".to_vec()).unwrap().after_table();
        assert!(last.as_slice() > b"cabinet\0\xff\xff\xff".as_slice());
        assert!(last.as_slice() < b"cabinet-2\0".as_slice());
        assert!(Address::from_bytes(b"no separator".to_vec()).is_err());
        assert!(Address::new(&"cabinet".parse().unwrap(), Table::Memory, &[0; MAX_KEY + 1]).is_err());
    }
}
