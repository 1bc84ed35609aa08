//! The calls that are expected, live, or just over.
//!
//! Every count is bounded: expected calls wait a minute for their stream, live calls are admitted
//! up to the installation's and the tenant's number, and of finished ones the last few are
//! remembered so that the carrier's last question gets the right answer.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use parloir_call::{Summary, TransferOutcome};
use parloir_contract::{CallId, TenantId};
use parloir_tenancy::Line;
use parloir_transport::Leg;
use tokio::sync::{Notify, broadcast, oneshot};

/// How long an announced call may take to open its stream.
const EXPECTED_FOR: Duration = Duration::from_secs(60);
/// Finished calls remembered.
const REMEMBERED: usize = 1_000;

/// A call that ended, for whoever watches.
#[derive(Debug, Clone)]
pub struct Finished {
    /// Whose it was.
    pub tenant: TenantId,
    /// What it came to.
    pub summary: Summary,
}

/// A call the carrier has announced.
pub(crate) struct Expected {
    pub(crate) id: CallId,
    pub(crate) line: Arc<Line>,
    pub(crate) caller: Option<String>,
    pub(crate) place: Place,
    since: Instant,
}

/// A live call, as the carrier's webhooks see it.
#[derive(Default)]
pub(crate) struct Live {
    transfer: Mutex<Transfer>,
    /// The carrier has asked where to.
    pub(crate) asked: Notify,
}

/// Where a transfer stands.
#[derive(Default)]
pub(crate) struct Transfer {
    to: Option<String>,
    outcome: Option<oneshot::Sender<TransferOutcome>>,
    /// The caller comes back on a new stream.
    back: Option<oneshot::Sender<Leg>>,
}

impl Live {
    /// A transfer begins: its outcome arrives on the returned channel.
    pub(crate) fn expect_transfer(&self, to: &str) -> oneshot::Receiver<TransferOutcome> {
        let (sender, outcome) = oneshot::channel();
        *self.transfer.lock() = Transfer { to: Some(to.to_owned()), outcome: Some(sender), back: None };
        outcome
    }

    /// Where the caller goes.
    pub(crate) fn destination(&self) -> Option<String> {
        self.transfer.lock().to.clone()
    }

    /// What became of the transfer, once.
    pub(crate) fn settle(&self) -> Option<oneshot::Sender<TransferOutcome>> {
        let mut transfer = self.transfer.lock();
        transfer.to = None;
        transfer.outcome.take()
    }

    /// The caller will be back on a new stream.
    pub(crate) fn expect_back(&self) -> oneshot::Receiver<Leg> {
        let (sender, leg) = oneshot::channel();
        self.transfer.lock().back = Some(sender);
        leg
    }

    /// Whoever waits for the caller's new stream.
    pub(crate) fn take_back(&self) -> Option<oneshot::Sender<Leg>> {
        self.transfer.lock().back.take()
    }
}

/// A place among the live calls. Dropping it frees it.
pub(crate) struct Place {
    calls: Arc<Calls>,
    tenant: TenantId,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.calls.counts.lock();
        counts.all = counts.all.saturating_sub(1);
        if let Some(count) = counts.tenants.get_mut(&self.tenant) {
            *count = count.saturating_sub(1);
        }
    }
}

#[derive(Default)]
struct Counts {
    all: u32,
    tenants: HashMap<TenantId, u32>,
}

/// Every call of the installation, by the carrier's name for it.
pub(crate) struct Calls {
    most: u32,
    counts: Mutex<Counts>,
    expected: Mutex<HashMap<String, Expected>>,
    live: Mutex<HashMap<String, Arc<Live>>>,
    over: Mutex<VecDeque<String>>,
    finished: broadcast::Sender<Finished>,
}

impl Calls {
    pub(crate) fn new(most: u32) -> Arc<Self> {
        Arc::new(Self {
            most,
            counts: Mutex::default(),
            expected: Mutex::default(),
            live: Mutex::default(),
            over: Mutex::default(),
            finished: broadcast::channel(64).0,
        })
    }

    /// A place for one more call of this tenant, if there is one.
    pub(crate) fn admit(self: &Arc<Self>, tenant: &TenantId, most_of_tenant: u32) -> Option<Place> {
        self.forget_stale();
        let mut counts = self.counts.lock();
        if counts.all >= self.most {
            return None;
        }
        let count = counts.tenants.entry(tenant.clone()).or_default();
        if *count >= most_of_tenant {
            return None;
        }
        *count += 1;
        counts.all += 1;
        Some(Place { calls: self.clone(), tenant: tenant.clone() })
    }

    /// The carrier announced a call. A second announcement of the same call replaces the first.
    pub(crate) fn expect(
        &self,
        call_sid: String,
        id: CallId,
        line: Arc<Line>,
        caller: Option<String>,
        place: Place,
    ) {
        let expected = Expected { id, line, caller, place, since: Instant::now() };
        let replaced = self.expected.lock().insert(call_sid, expected);
        drop(replaced);
    }

    /// The stream of an announced call opened.
    pub(crate) fn take_expected(&self, call_sid: &str, id: &str) -> Option<Expected> {
        let mut expected = self.expected.lock();
        expected.get(call_sid).filter(|e| e.id.to_string() == id)?;
        expected.remove(call_sid)
    }

    pub(crate) fn begin(&self, call_sid: &str) -> Arc<Live> {
        let live = Arc::new(Live::default());
        self.live.lock().insert(call_sid.to_owned(), live.clone());
        live
    }

    pub(crate) fn live(&self, call_sid: &str) -> Option<Arc<Live>> {
        self.live.lock().get(call_sid).cloned()
    }

    pub(crate) fn end(&self, call_sid: &str, finished: Finished) {
        self.live.lock().remove(call_sid);
        let mut over = self.over.lock();
        if over.len() == REMEMBERED {
            over.pop_front();
        }
        over.push_back(call_sid.to_owned());
        drop(over);
        // Nobody has to watch.
        let _ = self.finished.send(finished);
    }

    /// The call was not answered after all: its caller goes to the fallback.
    pub(crate) fn abandon(&self, call_sid: &str) {
        self.live.lock().remove(call_sid);
    }

    /// Whether this call came to its end here.
    pub(crate) fn is_over(&self, call_sid: &str) -> bool {
        self.over.lock().iter().any(|known| known == call_sid)
    }

    /// How many calls are live or expected.
    pub(crate) fn count(&self) -> u32 {
        self.counts.lock().all
    }

    pub(crate) fn watch(&self) -> broadcast::Receiver<Finished> {
        self.finished.subscribe()
    }

    fn forget_stale(&self) {
        let stale: Vec<Expected> = self
            .expected
            .lock()
            .extract_if(|_, e| e.since.elapsed() > EXPECTED_FOR)
            .map(|(_, e)| e)
            .collect();
        // Their places are freed here, outside of the lock.
        drop(stale);
    }
}
