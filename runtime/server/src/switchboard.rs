//! Transfers on a carrier that asks, once the stream is over, where the caller goes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use parking_lot::Mutex;
use parloir_call::{Switchboard, TransferOutcome};
use parloir_contract::{LineId, Refusal, Transferred};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::calls::{Live, Transferring};
use crate::circles::Counted;
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
    transferring: Mutex<Option<(Transferring, Option<Counted>)>>,
    /// The numbers at which somebody answered the caller: a call has a few transfers and no more.
    handed_to: Mutex<Vec<String>>,
    /// Where hand-overs to lines of the installation are counted, from which of them, and of whom.
    counted: Option<(Arc<House>, LineId, Option<String>)>,
    /// The hand-over that was admitted and has not begun.
    admitted: Mutex<Option<Counted>>,
}

impl Drop for AskedSwitchboard {
    /// The call is over. What was only announced by then was never dialled.
    fn drop(&mut self) {
        if let Some(counted) = self.admitted.get_mut().take() {
            counted.give_back();
        }
    }
}

impl AskedSwitchboard {
    pub(crate) fn new(live: Arc<Live>) -> Self {
        Self {
            live,
            transferring: Mutex::new(None),
            handed_to: Mutex::default(),
            counted: None,
            admitted: Mutex::new(None),
        }
    }

    /// The same, where the hand-overs of this caller from this line to lines of the installation are counted there.
    pub(crate) fn counting(mut self, house: Arc<House>, from: LineId, caller: Option<String>) -> Self {
        self.counted = Some((house, from, caller));
        self
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
        let counted = self.admitted.lock().take();
        *self.transferring.lock() = Some((self.live.expect_transfer(to), counted));
    }

    fn let_go(&self) {
        self.live.dismiss();
    }

    async fn transfer(&self, to: &str) -> TransferOutcome {
        let Some((transferring, counted)) = self.transferring.lock().take() else { return gone() };
        let told = Arc::clone(&transferring.told);
        let outcome = self.becomes(transferring).await;
        // Nobody tells the carrier any more. One that was told may have dialled, whatever it says became of that.
        if let Some(counted) = counted.filter(|_| !told.load(Ordering::Acquire)) {
            counted.give_back();
        }
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
        // One that was admitted before and has not begun may begin still: it stays counted.
        self.admitted.lock().take();
        match house.installation.house().line(&number) {
            Some(_) => {
                let counted = house.circles.hand_over(from, number, caller.as_deref(), Instant::now())?;
                *self.admitted.lock() = counted;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl AskedSwitchboard {
    /// Waits for what becomes of the caller.
    async fn becomes(&self, transferring: Transferring) -> TransferOutcome {
        let Transferring { asked, mut outcome, .. } = transferring;
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
    use crate::circles::Circles;

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

    #[tokio::test(start_paused = true)]
    async fn a_hand_over_counts_no_more_where_the_carrier_was_never_told_where_to() {
        let circles = Arc::<Circles>::default();
        let admit = |switchboard: &AskedSwitchboard| {
            let [from, to]: [LineId; 2] = ["+33199000001", TO].map(|number| number.parse().unwrap());
            *switchboard.admitted.lock() = circles.hand_over(&from, to, None, Instant::now()).unwrap();
        };
        // The carrier asks too late, or the caller leaves first.
        let (live, asks_late) = switchboard();
        admit(&asks_late);
        asks_late.expect(TO);
        assert_eq!((transferred(&asks_late).await.0, circles.counted()), (Transferred::CallerGone, 0));
        admit(&asks_late);
        asks_late.expect(TO);
        let _ = live.settle().unwrap().send(outcome(Transferred::CallerGone));
        assert_eq!((transferred(&asks_late).await.0, circles.counted()), (Transferred::CallerGone, 0));
        // It dialled, and nobody was there; or the caller left while it rang.
        for (counted, became) in [(1, Transferred::Busy), (2, Transferred::CallerGone)] {
            let (live, dialled) = switchboard();
            admit(&dialled);
            dialled.expect(TO);
            assert!(live.ask().is_some());
            let _ = live.settle().unwrap().send(outcome(became));
            assert_eq!((transferred(&dialled).await.0, circles.counted()), (became, counted));
            drop(dialled);
            assert_eq!(circles.counted(), counted);
        }
        // The caller hung up while the hand-over was announced.
        let (_live, announced) = switchboard();
        admit(&announced);
        assert_eq!(circles.counted(), 3);
        drop(announced);
        assert_eq!(circles.counted(), 2);
    }
}
