//! What the installation's administration does, told before it is done: who, in which role, to what.
//!
//! A change is begun here, made where it belongs, and ended here. What is cut off in between is in the log as a call that was
//! interrupted; whether it was made says the row that it changed, which bears the name of that call.

use parloir_contract::{CallId, TenantId};

use crate::own::random;
use crate::record::{Administered, CallEnded, CallStarted, Ending, RecordBody};
use crate::{CallJournal, Journal, JournalError};

/// What the calls are called that hold the records of administration: their transport, and their agent.
pub const ADMINISTRATION: &str = "administration";

/// Something that is about to be done. Dropped before [`Administration::end`], it is in the log as interrupted.
#[derive(Debug)]
pub struct Administration(CallJournal);

impl Journal {
    /// Tells, durably, what is about to be done. In the log of whose it is done to.
    ///
    /// # Errors
    /// Where it is not in the log: then it must not be done.
    pub async fn administer(
        &self,
        tenant: &TenantId,
        what: Administered,
    ) -> Result<Administration, JournalError> {
        let (transport, agent_name) = (ADMINISTRATION.into(), ADMINISTRATION.into());
        let started = CallStarted { transport, agent_name, ..CallStarted::default() };
        let open = self.open_call(tenant, random()?, started).await?;
        open.append_durable(RecordBody::Administered(what)).await?;
        Ok(Administration(open))
    }
}

impl Administration {
    /// The call that holds its record: its name.
    pub fn id(&self) -> CallId {
        self.0.id()
    }

    /// Tells whether it was done.
    ///
    /// # Errors
    /// Where that is not in the log: it is there as interrupted.
    pub async fn end(self, done: bool) -> Result<(), JournalError> {
        let outcome = if done { Ending::Done } else { Ending::Failed };
        self.0.close(CallEnded { outcome, ..CallEnded::default() }).await
    }
}
