//! Turns: of each tenant one at a time does a thing, and waits for no other tenant.

use std::collections::HashMap;
use std::sync::Arc;

use parloir_contract::TenantId;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// One lock a tenant.
#[derive(Default)]
pub(crate) struct Turns(Mutex<HashMap<TenantId, Arc<Mutex<()>>>>);

impl Turns {
    /// A tenant's turn, once whoever has it is done. Dropping it ends it.
    pub(crate) async fn of(&self, tenant: &TenantId) -> OwnedMutexGuard<()> {
        let own = Arc::clone(self.0.lock().await.entry(tenant.clone()).or_default());
        own.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_tenant_waits_for_itself_alone() {
        let (turns, [one, other]) = (Turns::default(), ["one", "other"].map(|id| id.parse().unwrap()));
        let turn = turns.of(&one).await;
        assert!(turns.of(&one).now_or_never().is_none());
        assert!(turns.of(&other).now_or_never().is_some());
        drop(turn);
        assert!(turns.of(&one).now_or_never().is_some());
    }
}
