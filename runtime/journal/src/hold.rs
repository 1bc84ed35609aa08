//! Legal hold: a call that may not be erased, whoever asks and whatever clock runs out, until it is released.
//!
//! Which calls are held is noted beside the keys, where no back-up of the data changes it; that they are, and why, is in
//! the log, in a short call of its own.

use parloir_contract::{CallId, TenantId};
use parloir_store::{Kms, Memo};
use serde::{Deserialize, Serialize};

use crate::call::now;
use crate::own::random;
use crate::record::{Held, RecordBody};
use crate::{Journal, JournalError, ReadError, memo};

/// What the calls are called that hold the records of holds: their transport, and their agent.
pub const HOLD: &str = "hold";

/// A call that is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Which.
    pub call: CallId,
    /// Since when, in nanoseconds since 1970-01-01 UTC.
    pub at: u64,
}

/// The calls of a tenant that are held. From the keys folder alone. Fails where what is noted of them cannot be read.
pub async fn holds(kms: &dyn Kms, tenant: &TenantId) -> Result<Vec<Hold>, JournalError> {
    let Some(bytes) = kms.recall(tenant, Memo::Held).await? else { return Ok(Vec::new()) };
    memo::open(&bytes, "the note of which calls are held")
}

impl Journal {
    /// Holds a call: it is not erased until it is released. `why` is sealed in the log. Returns whether it was not held before.
    pub async fn hold(&self, tenant: &TenantId, call: CallId, why: String) -> Result<bool, JournalError> {
        let _no_erasure = self.eraser().one.lock().await;
        if self.call(tenant, call).await?.is_none() {
            return Err(ReadError::NoSuchCall { tenant: tenant.clone(), call }.into());
        }
        let kms = &*self.eraser().kms;
        let mut all = holds(kms, tenant).await?;
        if all.iter().any(|hold| hold.call == call) {
            return Ok(false);
        }
        // It is safe first, and told then.
        all.push(Hold { call, at: now() });
        self.note_holds(tenant, &all).await?;
        self.tell_hold(tenant, Held { call, released: false, why: Some(why) }).await?;
        Ok(true)
    }

    /// Releases a call that is held. Returns whether it was. Fails, and it stays held, where that cannot be told in the log or
    /// noted.
    pub async fn release(&self, tenant: &TenantId, call: CallId, why: String) -> Result<bool, JournalError> {
        let _no_erasure = self.eraser().one.lock().await;
        let mut all = holds(&*self.eraser().kms, tenant).await?;
        if !all.iter().any(|hold| hold.call == call) {
            return Ok(false);
        }
        all.retain(|hold| hold.call != call);
        self.tell_hold(tenant, Held { call, released: true, why: Some(why) }).await?;
        self.note_holds(tenant, &all).await?;
        Ok(true)
    }

    async fn note_holds(&self, tenant: &TenantId, holds: &[Hold]) -> Result<(), JournalError> {
        Ok(self.eraser().kms.remember(tenant, Memo::Held, Some(memo::seal(holds)?)).await?)
    }

    async fn tell_hold(&self, tenant: &TenantId, held: Held) -> Result<(), JournalError> {
        self.tell(tenant, random()?, HOLD, vec![RecordBody::Held(held)]).await
    }
}
