//! A call that is live or just over: its stream, its transfers, and whether its caller was let go on purpose.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use parloir_call::TransferOutcome;
use parloir_tenancy::Line;
use parloir_transport::Leg;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

/// How long the carrier may be kept waiting for how a call ended: an agent has 10 s for its report
/// once the caller is gone, and a carrier gives up after 15 s.
pub(super) const DECIDED_WITHIN: Duration = Duration::from_secs(13);
/// How long the carrier may take to ask what comes next, once the stream of a caller who is turned away is left.
const ASKED_WITHIN: Duration = Duration::from_secs(5);

/// How a stream stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamState {
    /// Sound is open.
    Open,
    /// The call hung up.
    HungUp,
    /// Anything else: it was lost, refused, fell silent, or the caller was handed over.
    Left,
}

/// A call that is live or just over, as the carrier's webhooks see it.
pub(crate) struct Live {
    /// The line that rang, as it was then: whatever becomes of the line, the call goes on by it.
    pub(super) line: Arc<Line>,
    transfer: Mutex<Transfer>,
    /// The stream the caller is on, or was last.
    stream: Mutex<watch::Receiver<StreamState>>,
    /// Whether the caller was let go on purpose, once the call is over.
    pub(super) dismissed: watch::Sender<Option<bool>>,
    /// Whether the caller waited for a place, and there was none in time.
    turned_away: AtomicBool,
    /// Whether the carrier has asked what comes next.
    asked: watch::Sender<bool>,
}

/// Where a transfer stands.
#[derive(Default)]
struct Transfer {
    to: Option<String>,
    /// Told that the carrier has asked where to.
    asked: Option<oneshot::Sender<()>>,
    /// The same, for whoever looks when it is over.
    told: Arc<AtomicBool>,
    outcome: Option<oneshot::Sender<TransferOutcome>>,
    back: Option<Back>,
}

/// The caller comes back on a new stream that knows this word.
struct Back {
    word: String,
    leg: oneshot::Sender<Leg>,
}

/// What whoever transfers a caller waits for.
pub(crate) struct Transferring {
    /// The carrier has asked where to.
    pub(crate) asked: oneshot::Receiver<()>,
    /// Whether the carrier was told where to: it dials then.
    pub(crate) told: Arc<AtomicBool>,
    /// What became of the caller. Closed when nobody will know any more.
    pub(crate) outcome: oneshot::Receiver<TransferOutcome>,
}

impl Live {
    pub(crate) fn new(line: Arc<Line>, stream: watch::Receiver<StreamState>) -> Self {
        Self {
            line,
            transfer: Mutex::default(),
            stream: Mutex::new(stream),
            dismissed: watch::Sender::new(None),
            turned_away: AtomicBool::new(false),
            asked: watch::Sender::new(false),
        }
    }

    /// The caller waited, and there is no place: before the stream is left.
    pub(crate) fn turn_away(&self) {
        self.turned_away.store(true, Ordering::Release);
    }

    /// Whether a caller who is still on the line has waited for nothing.
    pub(crate) fn is_turned_away(&self) -> bool {
        self.turned_away.load(Ordering::Acquire)
    }

    /// The carrier asks what comes next.
    pub(crate) fn carrier_asks(&self) {
        self.asked.send_replace(true);
    }

    /// Waits until the carrier has asked what comes next, but not for long.
    pub(crate) async fn until_asked(&self) {
        let mut asked = self.asked.subscribe();
        let wait = async { drop(asked.wait_for(|asked| *asked).await) };
        // A carrier that has lost its caller asks nothing.
        let _in_time = timeout(ASKED_WITHIN, wait).await;
    }

    /// The line that rang, as it was then.
    pub(crate) fn line(&self) -> &Arc<Line> {
        &self.line
    }

    /// A transfer begins, in place of any other.
    pub(crate) fn expect_transfer(&self, to: &str) -> Transferring {
        let (asked_sender, asked) = oneshot::channel();
        let (sender, outcome) = oneshot::channel();
        let told = Arc::<AtomicBool>::default();
        *self.transfer.lock() = Transfer {
            to: Some(to.to_owned()),
            asked: Some(asked_sender),
            told: Arc::clone(&told),
            outcome: Some(sender),
            back: None,
        };
        Transferring { asked, told, outcome }
    }

    /// The carrier asks where the caller goes: to this number, if somebody waits for a transfer.
    pub(crate) fn ask(&self) -> Option<String> {
        let mut transfer = self.transfer.lock();
        if transfer.outcome.as_ref().is_none_or(oneshot::Sender::is_closed) {
            return None;
        }
        transfer.told.store(true, Ordering::Release);
        if let Some(asked) = transfer.asked.take() {
            let _ = asked.send(());
        }
        transfer.to.clone()
    }

    /// Ends the transfer, once: who gets the outcome has to tell it.
    pub(crate) fn settle(&self) -> Option<oneshot::Sender<TransferOutcome>> {
        let mut transfer = self.transfer.lock();
        let outcome = transfer.outcome.take()?;
        *transfer = Transfer::default();
        Some(outcome)
    }

    /// The caller will be back on a new stream that knows this word.
    pub(crate) fn expect_back(&self, word: String) -> oneshot::Receiver<Leg> {
        let (sender, leg) = oneshot::channel();
        self.transfer.lock().back = Some(Back { word, leg: sender });
        leg
    }

    /// Whoever waits for the caller's new stream, if it knows the word. From now on it is the
    /// caller's stream.
    pub(crate) fn take_back(
        &self,
        word: &str,
        stream: watch::Receiver<StreamState>,
    ) -> Option<oneshot::Sender<Leg>> {
        let back = self.transfer.lock().back.take_if(|back| back.word == word)?;
        *self.stream.lock() = stream;
        Some(back.leg)
    }

    /// The caller is let go on purpose, though the agent may still have its report to file.
    pub(crate) fn dismiss(&self) {
        self.dismissed.send_replace(Some(true));
    }

    /// Whether a caller who is still on the line was let go on purpose: the call hung up, and meant
    /// to. Waits for the call's end, but not for long.
    pub(crate) async fn let_go(&self) -> bool {
        let mut stream = self.stream.lock().clone();
        let mut dismissed = self.dismissed.subscribe();
        let meant = async {
            let hung_up = match stream.wait_for(|state| *state != StreamState::Open).await {
                Ok(state) => *state == StreamState::HungUp,
                Err(_) => false,
            };
            hung_up && dismissed.wait_for(Option::is_some).await.is_ok_and(|known| *known == Some(true))
        };
        timeout(DECIDED_WITHIN, meant).await.unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use parloir_contract::Transferred;

    use super::super::tests::{NUMBER, line};
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_is_turned_away_is_waited_for_until_the_carrier_has_asked_and_no_longer() {
        let (_sender, receiver) = watch::channel(StreamState::Left);
        let live = Arc::new(Live::new(line(NUMBER, "default"), receiver));
        let asking = live.clone();
        let asked = async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            asking.carrier_asks();
        };
        let since = tokio::time::Instant::now();
        tokio::join!(live.until_asked(), asked);
        assert_eq!(since.elapsed().as_secs(), 2);
        live.until_asked().await;
        assert_eq!(since.elapsed().as_secs(), 2, "it has asked");
        let (_sender, receiver) = watch::channel(StreamState::Left);
        let silent = Live::new(line(NUMBER, "default"), receiver);
        silent.until_asked().await;
        assert_eq!(since.elapsed().as_secs(), 2 + ASKED_WITHIN.as_secs());
    }

    #[test]
    fn a_caller_comes_back_only_with_the_word() {
        let (_sender, receiver) = watch::channel(StreamState::Left);
        let live = Live::new(line(NUMBER, "default"), receiver.clone());
        let _leg = live.expect_back("a word".into());
        assert!(live.take_back("1", receiver.clone()).is_none());
        assert!(live.take_back("a word", receiver.clone()).is_some());
        assert!(live.take_back("a word", receiver).is_none());
    }

    #[test]
    fn nobody_is_sent_to_a_transfer_that_is_settled_or_forgotten() {
        let (_sender, receiver) = watch::channel(StreamState::Left);
        let live = Live::new(line(NUMBER, "default"), receiver);
        let mut transferring = live.expect_transfer("+33199000002");
        assert_eq!(live.ask().as_deref(), Some("+33199000002"));
        assert_eq!(live.ask().as_deref(), Some("+33199000002"), "a carrier may ask twice");
        assert_eq!(transferring.asked.try_recv(), Ok(()));
        let outcome = live.settle().unwrap();
        assert!(live.settle().is_none() && live.ask().is_none());
        let _ = outcome.send(TransferOutcome { transferred: Transferred::Busy, leg: None });
        assert!(transferring.outcome.try_recv().is_ok());
        drop(live.expect_transfer("+33199000002"));
        assert_eq!(live.ask(), None);
    }
}
