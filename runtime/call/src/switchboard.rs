//! Handing a caller over: what only the transport can do.

use async_trait::async_trait;
use parloir_contract::{Refusal, Transferred};
use parloir_transport::Leg;

/// How a transfer went, and the caller's leg where the caller came back.
pub struct TransferOutcome {
    /// What the agent is told.
    pub transferred: Transferred,
    /// The caller's new leg, where the destination did not answer and the caller is back.
    pub leg: Option<Leg>,
}

/// Transfers the caller of one call.
#[async_trait]
pub trait Switchboard: Send + Sync {
    /// The caller is about to be handed to this number: the carrier will ask where to.
    fn expect(&self, to: &str);

    /// Waits for what becomes of the caller. The old leg has ended, or is ending.
    async fn transfer(&self, to: &str) -> TransferOutcome;

    /// The caller is let go on purpose: whoever asks where they go next need not wait for the call's end.
    fn let_go(&self);

    /// Whether this transport can transfer at all.
    fn can_transfer(&self) -> bool;

    /// Counts that the caller is about to be handed to this number, which the line lists.
    ///
    /// # Errors
    /// Why they are not, all the same.
    fn admits(&self, _to: &str) -> Result<(), Refusal> {
        Ok(())
    }
}

/// For a leg that cannot transfer: the agent is told so.
pub struct NoTransfers;

#[async_trait]
impl Switchboard for NoTransfers {
    fn expect(&self, _to: &str) {}

    fn let_go(&self) {}

    async fn transfer(&self, _to: &str) -> TransferOutcome {
        TransferOutcome { transferred: Transferred::NoAnswer, leg: None }
    }

    fn can_transfer(&self) -> bool {
        false
    }
}
