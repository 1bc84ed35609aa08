//! Tenants that are suspended: told from memory, for nobody who rings waits for a disk.

use std::collections::HashSet;

use parking_lot::RwLock;
use parloir_contract::TenantId;

/// Whose next calls no agent answers.
#[derive(Debug, Default)]
pub(crate) struct Suspended(RwLock<HashSet<TenantId>>);

impl Suspended {
    /// From now on a tenant is suspended, or is not.
    pub(crate) fn set(&self, tenant: &TenantId, suspended: bool) {
        let mut all = self.0.write();
        if suspended {
            all.insert(tenant.clone());
        } else {
            all.remove(tenant);
        }
    }

    /// Whether a tenant is.
    pub(crate) fn has(&self, tenant: &TenantId) -> bool {
        self.0.read().contains(tenant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_suspended_alone_and_until_it_is_resumed() {
        let (all, [one, other]) = (Suspended::default(), ["one", "other"].map(|id| id.parse().unwrap()));
        all.set(&one, true);
        assert!(all.has(&one) && !all.has(&other));
        all.set(&one, false);
        assert!(!all.has(&one));
    }
}
