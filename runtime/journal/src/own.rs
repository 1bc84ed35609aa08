//! The short calls of the journal's own, which say what was done about others; and what a caller is called who waits for one.

use parloir_contract::{CallId, TenantId};
use parloir_store::keys::KeyError;

use crate::record::{CallEnded, CallStarted, RecordBody};
use crate::{Journal, JournalError};

/// The transport of the records of a caller who waits for a place: somebody rang, and no agent has answered yet. Where one does,
/// that is a call of its own.
pub const QUEUE: &str = "queue";

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
