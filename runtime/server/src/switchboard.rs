//! Transfers on a carrier that asks, once the stream is over, where the caller goes.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use parloir_call::{Switchboard, TransferOutcome};
use parloir_contract::Transferred;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::calls::Live;

/// How long the carrier may take to ask: it asks at once, unless the caller has hung up.
const ASKED_WITHIN: Duration = Duration::from_secs(15);
/// How long the destination rings, in seconds.
pub(crate) const RINGS: u16 = 25;
/// A carrier that has not reported a busy line or a missed call by now has connected the two.
const REPORTED_WITHIN: Duration = Duration::from_secs(RINGS as u64 + 15);

/// The switchboard of one call.
pub(crate) struct AskedSwitchboard {
    live: Arc<Live>,
    outcome: Mutex<Option<oneshot::Receiver<TransferOutcome>>>,
}

impl AskedSwitchboard {
    pub(crate) fn new(live: Arc<Live>) -> Self {
        Self { live, outcome: Mutex::new(None) }
    }
}

#[async_trait]
impl Switchboard for AskedSwitchboard {
    fn expect(&self, to: &str) {
        *self.outcome.lock() = Some(self.live.expect_transfer(to));
    }

    async fn transfer(&self, _to: &str) -> TransferOutcome {
        let gone = || TransferOutcome { transferred: Transferred::CallerGone, leg: None };
        let Some(outcome) = self.outcome.lock().take() else { return gone() };
        if timeout(ASKED_WITHIN, self.live.asked.notified()).await.is_err() {
            return gone();
        }
        match timeout(REPORTED_WITHIN, outcome).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => gone(),
            Err(_) => {
                drop(self.live.settle());
                TransferOutcome { transferred: Transferred::Answered, leg: None }
            }
        }
    }

    fn can_transfer(&self) -> bool {
        true
    }
}
