//! Transfers on a carrier that asks, once the stream is over, where the caller goes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use parking_lot::Mutex;
use parloir_call::{Switchboard, TransferOutcome};
use parloir_contract::{LineId, Refusal, Transferred};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::calls::{Live, Transferring};
use crate::serve::House;

/// How long the carrier may take to ask: it asks at once, unless the caller has hung up.
const ASKED_WITHIN: Duration = Duration::from_secs(15);
/// How long the destination rings, in seconds.
pub(crate) const RINGS: u16 = 25;
/// A carrier that has not reported a busy line or a missed call by now has connected the two.
const REPORTED_WITHIN: Duration = Duration::from_secs(RINGS as u64 + 15);

/// The switchboard of one call.
pub(crate) struct AskedSwitchboard {
    live: Arc<Live>,
    transferring: Mutex<Option<Transferring>>,
    /// The numbers at which somebody answered the caller: a call has a few transfers and no more.
    handed_to: Mutex<Vec<String>>,
    /// Where hand-overs to lines of the installation are counted, from which of them, and of whom.
    counted: Option<(Arc<House>, LineId, Option<String>)>,
}

impl AskedSwitchboard {
    pub(crate) fn new(live: Arc<Live>) -> Self {
        Self { live, transferring: Mutex::new(None), handed_to: Mutex::default(), counted: None }
    }

    /// The same, where the hand-overs of this caller from this line to lines of the installation are counted there.
    pub(crate) fn counting(self, house: Arc<House>, from: LineId, caller: Option<String>) -> Self {
        Self { counted: Some((house, from, caller)), ..self }
    }

    /// The numbers at which somebody answered the caller.
    pub(crate) fn handed_to(&self) -> Vec<String> {
        self.handed_to.lock().clone()
    }
}

fn gone() -> TransferOutcome {
    TransferOutcome { transferred: Transferred::CallerGone, leg: None }
}

impl AskedSwitchboard {
    /// Nothing was heard in time: the carrier must not act on it any more. Unless the outcome is
    /// on its way just now, as while the caller comes back.
    async fn give_up(
        &self,
        outcome: oneshot::Receiver<TransferOutcome>,
        transferred: Transferred,
    ) -> TransferOutcome {
        match self.live.settle() {
            Some(_) => TransferOutcome { transferred, leg: None },
            None => outcome.await.unwrap_or_else(|_| gone()),
        }
    }
}

#[async_trait]
impl Switchboard for AskedSwitchboard {
    fn expect(&self, to: &str) {
        *self.transferring.lock() = Some(self.live.expect_transfer(to));
    }

    fn let_go(&self) {
        self.live.dismiss();
    }

    async fn transfer(&self, to: &str) -> TransferOutcome {
        let outcome = self.becomes().await;
        if outcome.transferred == Transferred::Answered {
            self.handed_to.lock().push(to.to_owned());
        }
        outcome
    }

    fn can_transfer(&self) -> bool {
        true
    }

    fn admits(&self, to: &str) -> Result<(), Refusal> {
        let (Some((house, from, caller)), Ok(number)) = (&self.counted, to.parse::<LineId>()) else {
            return Ok(());
        };
        match house.installation.house().line(&number) {
            Some(_) => house.circles.hand_over(from, number, caller.as_deref(), Instant::now()),
            None => Ok(()),
        }
    }
}

impl AskedSwitchboard {
    /// Waits for what becomes of the caller.
    async fn becomes(&self) -> TransferOutcome {
        let Some(transferring) = self.transferring.lock().take() else { return gone() };
        let Transferring { asked, mut outcome } = transferring;
        tokio::select! {
            biased;
            outcome = &mut outcome => return outcome.unwrap_or_else(|_| gone()),
            asked = timeout(ASKED_WITHIN, asked) => if asked.is_err() {
                return self.give_up(outcome, Transferred::CallerGone).await;
            },
        }
        match timeout(REPORTED_WITHIN, &mut outcome).await {
            Ok(outcome) => outcome.unwrap_or_else(|_| gone()),
            Err(_) => self.give_up(outcome, Transferred::Answered).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;
    use tokio::time::sleep;

    use super::*;
    use crate::calls::StreamState;
    use crate::calls::tests::line;

    const TO: &str = "+33199000002";

    fn switchboard() -> (Arc<Live>, Arc<AskedSwitchboard>) {
        let live = Arc::new(Live::new(line("+33199000001", "default"), watch::channel(StreamState::Left).1));
        (live.clone(), Arc::new(AskedSwitchboard::new(live)))
    }

    fn outcome(transferred: Transferred) -> TransferOutcome {
        TransferOutcome { transferred, leg: None }
    }

    async fn transferred(switchboard: &AskedSwitchboard) -> (Transferred, Duration) {
        let since = tokio::time::Instant::now();
        (switchboard.transfer(TO).await.transferred, since.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_who_leaves_at_the_hand_over_is_gone_at_once() {
        let (live, switchboard) = switchboard();
        switchboard.expect(TO);
        let _ = live.settle().unwrap().send(outcome(Transferred::CallerGone));
        assert_eq!(transferred(&switchboard).await, (Transferred::CallerGone, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn a_carrier_that_asks_too_late_is_sent_nowhere() {
        let (live, switchboard) = switchboard();
        switchboard.expect(TO);
        assert_eq!(transferred(&switchboard).await, (Transferred::CallerGone, ASKED_WITHIN));
        assert_eq!(live.ask(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_carrier_that_asks_twice_does_not_answer_the_next_transfer() {
        let (live, switchboard) = switchboard();
        switchboard.expect(TO);
        assert!(live.ask().is_some() && live.ask().is_some());
        let _ = live.settle().unwrap().send(outcome(Transferred::Busy));
        assert_eq!(transferred(&switchboard).await.0, Transferred::Busy);
        switchboard.expect(TO);
        assert_eq!(transferred(&switchboard).await, (Transferred::CallerGone, ASKED_WITHIN));
        assert!(switchboard.handed_to().is_empty(), "nobody answered");
    }

    #[tokio::test(start_paused = true)]
    async fn a_carrier_that_reports_nothing_has_connected_the_two() {
        let (live, switchboard) = switchboard();
        switchboard.expect(TO);
        assert!(live.ask().is_some());
        assert_eq!(transferred(&switchboard).await, (Transferred::Answered, REPORTED_WITHIN));
        assert_eq!(switchboard.handed_to(), [TO]);
        assert!(live.settle().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_who_is_coming_back_is_waited_for() {
        let (live, switchboard) = switchboard();
        switchboard.expect(TO);
        assert!(live.ask().is_some());
        let reported = tokio::spawn(async move {
            sleep(REPORTED_WITHIN - Duration::from_secs(5)).await;
            let waiting = live.settle().unwrap();
            sleep(Duration::from_secs(10)).await;
            let _ = waiting.send(outcome(Transferred::Busy));
        });
        let late = REPORTED_WITHIN + Duration::from_secs(5);
        assert_eq!(transferred(&switchboard).await, (Transferred::Busy, late));
        reported.await.unwrap();
    }
}
