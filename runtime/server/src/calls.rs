//! The calls that are expected, live, or just over.
//!
//! Every count is bounded: expected calls wait a minute for their stream, live calls are admitted
//! up to the installation's and the tenant's number (`places.rs`), and of finished ones the last few are
//! remembered so that the carrier's last question gets the right answer.

mod live;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use parloir_call::Summary;
use parloir_contract::{CallId, LineId, TenantId, TraceParent};
use parloir_tenancy::admission::Full;
use parloir_tenancy::{House, Line, Tenant};
use tokio::sync::{broadcast, watch};

pub(crate) use self::live::{Live, StreamState, Transferring};
use crate::places::{Admitted, Places};

/// How long an announced call may take to open its stream.
const EXPECTED_FOR: Duration = Duration::from_secs(60);
/// Finished calls remembered.
const REMEMBERED: usize = 1_000;

/// A call as its carrier names it. The line is part of the name: the carrier of one line cannot
/// speak for the calls of another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct CallName {
    line: LineId,
    sid: String,
}

impl CallName {
    pub(crate) fn new(line: &LineId, sid: &str) -> Self {
        Self { line: line.clone(), sid: sid.to_owned() }
    }
}

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
    /// The carrier's trace, where its request brought one.
    pub(crate) carrier: Option<TraceParent>,
    pub(crate) admitted: Admitted,
    since: Instant,
}

/// A live call's entry. Dropping it, however the call ended, makes it a call that is over.
pub(crate) struct Entry {
    calls: Arc<Calls>,
    name: CallName,
    /// What the webhooks see.
    pub(crate) live: Arc<Live>,
}

impl Entry {
    /// The call came to its end.
    pub(crate) fn end(self, finished: Finished) {
        self.live.dismissed.send_replace(Some(finished.summary.dismissed));
        let calls = self.calls.clone();
        drop(self);
        // Nobody has to watch.
        let _ = calls.finished.send(finished);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.live.dismissed.send_if_modified(|known| {
            let unknown = known.is_none();
            known.get_or_insert(false);
            unknown
        });
        drop(self.live.settle());
        // Among those that are over first: it is known at every moment.
        let mut over = self.calls.over.lock();
        if over.len() == REMEMBERED {
            over.pop_front();
        }
        over.push_back((self.name.clone(), self.live.clone()));
        drop(over);
        let mut live = self.calls.live.lock();
        if live.get(&self.name).is_some_and(|known| Arc::ptr_eq(known, &self.live)) {
            live.remove(&self.name);
        }
    }
}

/// Every call of the installation, by the carrier's name for it.
pub(crate) struct Calls {
    places: Arc<Places>,
    expected: Mutex<HashMap<CallName, Expected>>,
    live: Mutex<HashMap<CallName, Arc<Live>>>,
    over: Mutex<VecDeque<(CallName, Arc<Live>)>>,
    finished: broadcast::Sender<Finished>,
}

impl Calls {
    pub(crate) fn new(most: u32) -> Arc<Self> {
        Arc::new(Self {
            places: Places::new(most),
            expected: Mutex::default(),
            live: Mutex::default(),
            over: Mutex::default(),
            finished: broadcast::channel(64).0,
        })
    }

    /// A place for one more call of this tenant, at once or later, or why there is none. `weights` are all tenants' in sum.
    pub(crate) fn admit(&self, tenant: &Tenant, weights: u64) -> Result<Admitted, Full> {
        self.forget_stale();
        self.places.enter(tenant, weights)
    }

    /// These tenants are otherwise than before, in the house as it is now.
    pub(crate) fn told(&self, house: impl FnOnce() -> Arc<House>, changed: &HashSet<TenantId>) {
        self.places.told(house, changed);
    }

    /// The carrier announced a call. A second announcement of the same call replaces the first.
    pub(crate) fn expect(
        &self,
        name: CallName,
        (id, carrier): (CallId, Option<TraceParent>),
        line: Arc<Line>,
        caller: Option<String>,
        admitted: Admitted,
    ) {
        let expected = Expected { id, line, caller, carrier, admitted, since: Instant::now() };
        let replaced = self.expected.lock().insert(name, expected);
        drop(replaced);
    }

    /// The stream of an announced call opened, by the carrier that announced it.
    pub(crate) fn take_expected(&self, name: &CallName, id: &str, carrier: &str) -> Option<Expected> {
        let mut expected = self.expected.lock();
        expected.get(name).filter(|e| e.id.to_string() == id && e.line.config.carrier == carrier)?;
        expected.remove(name)
    }

    /// A call is answered on this stream.
    pub(crate) fn begin(
        self: &Arc<Self>,
        name: CallName,
        line: Arc<Line>,
        stream: watch::Receiver<StreamState>,
    ) -> Entry {
        let live = Arc::new(Live::new(line, stream));
        self.live.lock().insert(name.clone(), live.clone());
        Entry { calls: self.clone(), name, live }
    }

    /// A call that is live.
    pub(crate) fn live(&self, name: &CallName) -> Option<Arc<Live>> {
        self.live.lock().get(name).cloned()
    }

    /// A call that is live, or came to its end here not long ago.
    pub(crate) fn known(&self, name: &CallName) -> Option<Arc<Live>> {
        self.live(name).or_else(|| {
            let over = self.over.lock();
            over.iter().rev().find(|(known, _)| known == name).map(|(_, live)| live.clone())
        })
    }

    /// The line that a call rang, as it was then. `None` for a call that nobody here knows.
    pub(crate) fn line(&self, name: &CallName) -> Option<Arc<Line>> {
        let expected = self.expected.lock().get(name).map(|expected| expected.line.clone());
        expected.or_else(|| self.known(name).map(|live| live.line.clone()))
    }

    /// The lines of a number as its expected and live calls rang them, one of each carrier.
    pub(crate) fn lines(&self, number: &LineId) -> Vec<Arc<Line>> {
        let mut lines: Vec<Arc<Line>> = Vec::new();
        let mut keep = |line: &Arc<Line>| {
            if !lines.iter().any(|known| known.config.carrier == line.config.carrier) {
                lines.push(line.clone());
            }
        };
        let expected = self.expected.lock();
        expected.iter().filter(|(name, _)| name.line == *number).for_each(|(_, call)| keep(&call.line));
        drop(expected);
        let live = self.live.lock();
        live.iter().filter(|(name, _)| name.line == *number).for_each(|(_, call)| keep(&call.line));
        drop(live);
        lines
    }

    /// How many calls are live or expected, of those that have a place.
    pub(crate) fn count(&self) -> u32 {
        self.places.taken()
    }

    /// Whether any call is live or expected, or waits.
    pub(crate) fn is_busy(&self) -> bool {
        self.places.is_busy()
    }

    pub(crate) fn watch(&self) -> broadcast::Receiver<Finished> {
        self.finished.subscribe()
    }

    /// Frees the places of announced calls whose stream never opened.
    pub(crate) fn forget_stale(&self) {
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

#[cfg(test)]
pub(crate) mod tests {
    use parloir_contract::Outcome;

    use super::live::DECIDED_WITHIN;
    use super::*;

    pub(super) const NUMBER: &str = "+33199000001";

    /// A line of a number, which a carrier brings the calls of.
    pub(crate) fn line(number: &str, carrier: &str) -> Arc<Line> {
        let text = format!(
            "id = \"cabinet\"\n[[line]]\nnumber = {number:?}\nagent = \"agent.wasm\"\ncarrier = {carrier:?}\n"
        );
        let house = parloir_tenancy::House::new(vec![toml::from_str(&text).unwrap()]).unwrap();
        house.line(&number.parse().unwrap()).unwrap().clone()
    }

    fn name(line: &str, sid: &str) -> CallName {
        CallName { line: line.parse().unwrap(), sid: sid.to_owned() }
    }

    fn finished(dismissed: bool) -> Finished {
        let id = CallId::from_bytes([1; 16]);
        let (lasted, used, ledger) = (Duration::from_secs(1), Default::default(), Default::default());
        let agent = parloir_journal::AgentEnd::default();
        let summary =
            Summary { id, outcome: Outcome::Done, agent, lasted, used, ledger, dismissed, overstayed: false };
        Finished { tenant: "test".parse().unwrap(), summary }
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_call_that_hung_up_and_meant_to_has_let_its_caller_go() {
        let table = [
            (StreamState::HungUp, Some(true), true),
            (StreamState::HungUp, Some(false), false),
            (StreamState::HungUp, None, false),
            (StreamState::Left, Some(true), false),
            (StreamState::Open, Some(true), false),
        ];
        for (stream, dismissed, let_go) in table {
            let calls = Calls::new(1);
            let (_sender, receiver) = watch::channel(stream);
            let entry = calls.begin(name("+33199000001", "CA1"), line(NUMBER, "default"), receiver);
            let live = entry.live.clone();
            match dismissed {
                Some(dismissed) => entry.end(finished(dismissed)),
                // As when its task panics.
                None => drop(entry),
            }
            assert!(calls.live(&name("+33199000001", "CA1")).is_none());
            assert!(calls.known(&name("+33199000001", "CA1")).is_some_and(|l| Arc::ptr_eq(&l, &live)));
            assert_eq!(live.let_go().await, let_go, "{stream:?} {dismissed:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_carrier_waits_for_the_agents_report_and_no_longer() {
        let calls = Calls::new(1);
        let (_sender, receiver) = watch::channel(StreamState::HungUp);
        let entry = calls.begin(name("+33199000001", "CA1"), line(NUMBER, "default"), receiver);
        let live = entry.live.clone();
        let asking = tokio::spawn({
            let live = live.clone();
            async move { live.let_go().await }
        });
        tokio::time::sleep(Duration::from_secs(9)).await;
        entry.end(finished(true));
        assert!(asking.await.unwrap());

        let (_sender, receiver) = watch::channel(StreamState::HungUp);
        let endless = calls.begin(name("+33199000001", "CA2"), line(NUMBER, "default"), receiver);
        let since = tokio::time::Instant::now();
        assert!(!endless.live.let_go().await);
        assert_eq!(since.elapsed(), DECIDED_WITHIN);
    }

    #[test]
    fn one_line_knows_nothing_of_another_lines_call() {
        let calls = Calls::new(1);
        let (_sender, receiver) = watch::channel(StreamState::Open);
        let _entry = calls.begin(name("+33199000001", "CA1"), line(NUMBER, "default"), receiver);
        assert!(calls.live(&name("+33199000002", "CA1")).is_none());
        assert!(calls.known(&name("+33199000002", "CA1")).is_none());
    }

    #[test]
    fn a_call_goes_on_by_the_line_that_rang_whatever_becomes_of_it() {
        let (calls, number): (_, LineId) = (Calls::new(4), NUMBER.parse().unwrap());
        let (before, since) = (line(NUMBER, "one"), line(NUMBER, "other"));
        let place = || calls.admit(&before.tenant, 1).unwrap();
        let id = CallId::from_bytes([7; 16]);
        calls.expect(name(NUMBER, "CA1"), (id, None), before.clone(), None, place());
        calls.expect(name(NUMBER, "CA2"), (id, None), since.clone(), None, place());
        assert!(calls.line(&name(NUMBER, "CA1")).is_some_and(|line| Arc::ptr_eq(&line, &before)));
        assert_eq!(calls.lines(&number).len(), 2);
        // Its stream is of the carrier that announced it, and no other.
        assert!(calls.take_expected(&name(NUMBER, "CA1"), &id.to_string(), "other").is_none());
        let expected = calls.take_expected(&name(NUMBER, "CA1"), &id.to_string(), "one").unwrap();
        let (_sender, receiver) = watch::channel(StreamState::Open);
        let entry = calls.begin(name(NUMBER, "CA1"), expected.line, receiver);
        assert!(calls.line(&name(NUMBER, "CA1")).is_some_and(|line| Arc::ptr_eq(&line, &before)));
        assert!(calls.lines(&number).iter().any(|line| Arc::ptr_eq(line, &before)));
        drop(entry);
        assert!(calls.line(&name(NUMBER, "CA1")).is_some_and(|line| Arc::ptr_eq(&line, &before)));
        assert!(calls.line(&name(NUMBER, "CA3")).is_none());
        assert!(calls.line(&name("+33199000002", "CA1")).is_none());
    }

    #[test]
    fn a_second_stream_of_the_same_call_outlives_the_first() {
        let calls = Calls::new(1);
        let (_sender, receiver) = watch::channel(StreamState::Open);
        let first = calls.begin(name("+33199000001", "CA1"), line(NUMBER, "default"), receiver.clone());
        let second = calls.begin(name("+33199000001", "CA1"), line(NUMBER, "default"), receiver);
        drop(first);
        let live = calls.live(&name("+33199000001", "CA1"));
        assert!(live.is_some_and(|live| Arc::ptr_eq(&live, &second.live)));
    }
}
