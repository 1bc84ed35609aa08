//! The short calls of the journal's own, which say what was done about others.

use parloir_contract::{CallId, TenantId};
use parloir_store::keys::KeyError;

use crate::record::{CallEnded, CallStarted, RecordBody};
use crate::{Journal, JournalError};

/// An identifier that nobody can guess.
pub(crate) fn random() -> Result<CallId, JournalError> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|error| KeyError::NoRandomness(error.to_string()))?;
    Ok(CallId::from_bytes(id))
}

impl Journal {
    /// Writes one, whole and durably. `what` it is called: its transport, and its agent.
    pub(crate) async fn tell(
        &self,
        tenant: &TenantId,
        id: CallId,
        what: &str,
        bodies: Vec<RecordBody>,
    ) -> Result<(), JournalError> {
        let started =
            CallStarted { transport: what.into(), agent_name: what.into(), ..CallStarted::default() };
        let open = self.open_call(tenant, id, started).await?;
        for body in bodies {
            open.append(body)?;
        }
        open.close(CallEnded::default()).await
    }
}
