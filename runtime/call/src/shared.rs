//! What the door's layers, the live call and the reactor share of one call.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Instant;

use jiff::Zoned;
use parking_lot::Mutex;
use parloir_contract::{CallId, Capability, LogLevel, LogLine, Refusal, Report, TraceId};
use parloir_journal::{CallJournal, Content, ContentOf, Gate as GateState, Note, RecordBody, Seq};
use parloir_media::Gate;
use parloir_providers::Registry;
use parloir_sandbox::DoorClosed;
use parloir_tenancy::month::{OfCall, Sums};
use parloir_tenancy::quota::Used;
use parloir_tenancy::sounds::Wav;
use parloir_tenancy::{Calendar, Documents, Library, Line, Memory, Sounds};
use tokio::sync::OnceCell;
use tokio_util::task::TaskTracker;

use crate::connectors::Connectors;
use crate::ledger::{Meter, sums};
use crate::rehearsing::Clock;

/// Hand-overs that one call's agent may ask for: somebody's telephone rings at each.
const TRANSFERS: u32 = 10;
/// Quotas of which a call's journal tells that they refused something.
const QUOTAS: usize = 24;
/// Bytes of content kept in memory while nobody has answered the question about recording.
const HELD_BYTES: usize = 256 << 10;

/// One call, shared.
pub(crate) struct Shared {
    pub(crate) id: CallId,
    /// The trace that requests to providers belong to, where the installation has telemetry.
    pub(crate) trace: Option<TraceId>,
    pub(crate) line: Arc<Line>,
    pub(crate) declared: Arc<[Capability]>,
    pub(crate) journal: CallJournal,
    pub(crate) providers: Registry,
    pub(crate) calendar: Option<Calendar>,
    pub(crate) memory: Memory,
    pub(crate) library: Library,
    /// Its documents, as they were when the agent first asked for one.
    pub(crate) documents: OnceCell<Option<Documents>>,
    pub(crate) sounds: Sounds,
    /// Those that were played, each as it was when the agent first asked for it.
    pub(crate) played: Mutex<HashMap<String, Arc<Wav>>>,
    pub(crate) connectors: Arc<dyn Connectors>,
    pub(crate) used: Arc<Mutex<Used>>,
    /// What providers were asked for.
    pub(crate) meter: Mutex<Meter>,
    /// The call in its tenant's month.
    pub(crate) month: Arc<OfCall>,
    /// What quotas refused, as it was noted: each once.
    pub(crate) refused: Mutex<Vec<String>>,
    /// Bytes that the agent had stored.
    pub(crate) stored: AtomicU64,
    /// Host calls asked, refused ones included.
    pub(crate) asked: AtomicU32,
    /// Whether the door was closed on the agent because it asked for more than its quota.
    pub(crate) exceeded: AtomicBool,
    /// Bytes of host calls and their answers that the journal was given.
    pub(crate) written: AtomicU64,
    /// Of these, those that may still wait for the disk.
    pub(crate) waiting: AtomicU64,
    /// Hand-overs asked for that were permitted.
    pub(crate) transfers: AtomicU32,
    /// Microseconds of CPU time that the host's threads worked for the agent, on its documents and sounds.
    pub(crate) served_us: AtomicU64,
    /// The error that the agent noted last, and which of its host calls that was.
    pub(crate) noted: Mutex<Option<(u32, String)>>,
    /// The host call the agent waits for, and since when. An agent is sequential: there is one at most.
    pub(crate) serving: Mutex<Option<(Seq, Instant)>>,
    /// What asks providers: the call's end waits until each has journaled its own.
    pub(crate) tasks: TaskTracker,
    pub(crate) report: Mutex<Report>,
    pub(crate) privacy: Mutex<Privacy>,
    pub(crate) answered: Instant,
    /// What the call takes for now: the machine's clock, but in a rehearsal.
    pub(crate) clock: Clock,
}

/// The consent gate, and what waits behind it.
pub(crate) struct Privacy {
    pub(crate) gate: Gate,
    held: VecDeque<(Seq, Content, usize)>,
    held_bytes: usize,
}

impl Privacy {
    pub(crate) fn new(gate: Gate) -> Self {
        Self { gate, held: VecDeque::new(), held_bytes: 0 }
    }

    /// Keeps a record's content in memory until the caller has answered. The newest is worth most,
    /// for it holds the answer itself: where there is too much, the oldest goes.
    pub(crate) fn hold(&mut self, of: Seq, content: Content) {
        if !self.gate.may_hold() || self.gate.may_write() {
            return;
        }
        let bytes = rmp_serde::to_vec(&content).map_or(HELD_BYTES, |bytes| bytes.len());
        self.held.push_back((of, content, bytes));
        self.held_bytes += bytes;
        while self.held_bytes > HELD_BYTES
            && let Some((_, _, bytes)) = self.held.pop_front()
        {
            self.held_bytes -= bytes;
        }
    }

    /// What was held, oldest first.
    fn settle(&mut self) -> VecDeque<(Seq, Content, usize)> {
        self.held_bytes = 0;
        std::mem::take(&mut self.held)
    }
}

impl Shared {
    /// Appends a record with its content as the gate stands: written, held in memory until the
    /// caller has answered, or left out for good.
    pub(crate) fn keep(&self, mut body: RecordBody) -> Result<Seq, DoorClosed> {
        let mut privacy = self.privacy.lock();
        if privacy.gate.may_write() {
            return self.append(body);
        }
        let content = body.take_content();
        let seq = self.append(body)?;
        if let Some(content) = content {
            privacy.hold(seq, content);
        }
        Ok(seq)
    }

    /// Appends a record as it is. A journal that cannot take it stops the agent: what
    /// cannot be recorded is not done.
    pub(crate) fn append(&self, body: RecordBody) -> Result<Seq, DoorClosed> {
        self.journal
            .append(body)
            .map_err(|error| DoorClosed(format!("the journal refused a record: {error}")))
    }

    /// Moves the gate, and settles what was held: written when it opened, dropped when it closed.
    pub(crate) fn move_gate(
        &self,
        change: impl FnOnce(Gate) -> Result<Gate, Refusal>,
    ) -> Result<(), Refusal> {
        let mut privacy = self.privacy.lock();
        let gate = change(privacy.gate)?;
        if gate == privacy.gate {
            return Ok(());
        }
        privacy.gate = gate;
        let failed = |e: DoorClosed| Refusal::Unavailable(e.to_string());
        self.append(RecordBody::Gate(gate_state(gate))).map_err(failed)?;
        match gate {
            Gate::Open => {
                for (of, content, _) in privacy.settle() {
                    let record = RecordBody::Content(ContentOf { of, content: Some(content) });
                    self.append(record).map_err(failed)?;
                }
            }
            Gate::Closed | Gate::Pending | Gate::Paused(_) => {
                if gate.is_refused() {
                    drop(privacy.settle());
                }
            }
        }
        Ok(())
    }

    /// Tells the tenant's month what providers and connectors were asked for until now.
    pub(crate) fn count_in_month(&self) {
        let (egress_bytes, (providers, _costs)) = {
            let meter = self.meter.lock();
            (meter.egress(), meter.priced(&self.providers.entries()))
        };
        self.month.has_used(Sums { egress_bytes, ..sums(&providers) });
    }

    /// Notes that a quota refused something, and how it is raised: once for each quota. The host's own words hold no content, so
    /// that whoever reads the trace alone sees it.
    pub(crate) fn note_refused(&self, why: &str) {
        let mut refused = self.refused.lock();
        if refused.len() >= QUOTAS || refused.iter().any(|known| known == why) {
            return;
        }
        refused.push(why.to_owned());
        if let Err(error) = self.append(RecordBody::Note(Note { text: why.to_owned() })) {
            tracing::debug!(call = %self.id, %error, "that a quota refused something was not journaled");
        }
    }

    /// The host call that what is done now serves, if the agent waits for one.
    pub(crate) fn purpose(&self) -> Option<Seq> {
        self.serving.lock().map(|(started, _)| started)
    }

    /// The agent noted something, with the host call that is served now.
    pub(crate) fn noted(&self, line: LogLine) {
        if line.level == LogLevel::Error {
            *self.noted.lock() = Some((self.asked.load(Ordering::Relaxed), line.message));
        }
    }

    /// The error that the agent noted, if it has asked nothing since: what it says of its own death.
    pub(crate) fn last_words(&self) -> Option<String> {
        let asked = self.asked.load(Ordering::Relaxed);
        self.noted.lock().as_ref().filter(|(at, _)| *at == asked).map(|(_, words)| words.clone())
    }

    /// Counts a hand-over, or refuses one too many.
    pub(crate) fn may_transfer(&self) -> Result<(), Refusal> {
        if self.transfers.fetch_add(1, Ordering::Relaxed) < TRANSFERS {
            return Ok(());
        }
        Err(Refusal::OverQuota(format!(
            "the call has used its {TRANSFERS} transfers: let somebody ring back"
        )))
    }

    /// The gate as it stands.
    pub(crate) fn gate(&self) -> Gate {
        self.privacy.lock().gate
    }

    /// Civil time in the line's zone.
    pub(crate) fn now(&self) -> Zoned {
        (self.clock)().to_zoned(self.line.zone.clone())
    }

    /// Milliseconds since the call was answered.
    pub(crate) fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.answered.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// The gate's state, for its record.
pub(crate) fn gate_state(gate: Gate) -> GateState {
    match gate {
        Gate::Pending => GateState::Pending,
        Gate::Open => GateState::Open,
        Gate::Paused(_) => GateState::Paused,
        Gate::Closed => GateState::Refused,
    }
}
