//! Beside the calls: a queue, and a thread that turns records into signals.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use parloir_contract::{CallId, TenantId, TraceId, TraceParent};
use parloir_journal::{Observer, RecordBody, Seq};

use crate::calls::{Calls, Seen};
use crate::export::{Export, Options, TelemetryError, scope};

/// Records that may wait to be turned into signals. What comes when there are so many is lost.
const QUEUE: usize = 16_384;
/// How many of them host calls may make: an agent that asks in a loop leaves room for what others begin and end.
const HOST_CALLS: usize = QUEUE / 4 * 3;
/// How often the log is told of records that were lost.
const QUIET: Duration = Duration::from_secs(60);

/// What the thread is told.
enum Told {
    Expect(CallId, TraceParent),
    Seen(Box<Seen>),
    Stop,
}

/// Telemetry that is being sent. Clones are the same.
#[derive(Clone)]
pub struct Telemetry {
    watch: Arc<Watch>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

struct Watch {
    queue: SyncSender<Told>,
    /// What waits in the queue.
    waiting: Arc<AtomicUsize>,
    /// Where as many wait, no host call is put behind them.
    host_calls: usize,
    lost: Arc<AtomicU64>,
    /// Calls that last: counted here, where none is lost.
    active: Arc<AtomicI64>,
}

impl Telemetry {
    /// Begins. Nothing is connected before there is something to send. Must be called on a tokio executor, which does the
    /// sending.
    pub fn start(options: Options) -> Result<Self, TelemetryError> {
        let export = Export::new(&options)?;
        let (queue, told) = sync_channel(QUEUE);
        let lost = Arc::new(AtomicU64::new(0));
        let (waiting, active) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&export.active));
        let watch = Arc::new(Watch {
            queue,
            waiting: Arc::clone(&waiting),
            host_calls: HOST_CALLS,
            lost: Arc::clone(&lost),
            active,
        });
        let thread = std::thread::Builder::new()
            .name("telemetry".into())
            .spawn(move || run(&export, &told, &waiting, &lost))
            .map_err(|error| TelemetryError(error.to_string()))?;
        Ok(Self { watch, thread: Arc::new(Mutex::new(Some(thread))) })
    }

    /// What a journal shows its records.
    pub fn observer(&self) -> Arc<dyn Observer> {
        self.watch.clone()
    }

    /// A call is about to begin. Returns its trace: that of the carrier's request, where it brought one.
    pub fn expect(&self, call: CallId, carrier: Option<TraceParent>) -> TraceId {
        let Some(carrier) = carrier else { return TraceId::of(call) };
        match self.watch.tell(Told::Expect(call, carrier)) {
            true => carrier.trace,
            false => TraceId::of(call),
        }
    }

    /// Sends what waits, and ends. Returns after a few seconds at most.
    pub async fn shutdown(&self) {
        let (watch, thread) = (Arc::clone(&self.watch), self.thread.lock().take());
        let Some(thread) = thread else { return };
        let ended = tokio::task::spawn_blocking(move || {
            // The thread takes what is in the queue, so that there is room at once.
            watch.waiting.fetch_add(1, Ordering::Relaxed);
            let _gone_already = watch.queue.send(Told::Stop);
            thread.join().is_ok()
        });
        if !ended.await.unwrap_or(false) {
            tracing::warn!("the last of the telemetry was not sent");
        }
    }
}

impl std::fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Telemetry")
    }
}

impl Watch {
    /// Puts something in the queue, if there is room.
    fn tell(&self, told: Told) -> bool {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let taken = self.queue.try_send(told).is_ok();
        if !taken {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        taken
    }
}

impl Observer for Watch {
    fn appended(&self, tenant: &TenantId, call: CallId, seq: Seq, at: u64, trace: &RecordBody) {
        match trace {
            RecordBody::CallStarted(_) => {
                self.active.fetch_add(1, Ordering::Relaxed);
            }
            RecordBody::CallEnded(_) | RecordBody::CallInterrupted(_) => {
                self.active.fetch_sub(1, Ordering::Relaxed);
            }
            RecordBody::HostCallStarted(_) | RecordBody::HostCallEnded(_) => {
                if self.waiting.load(Ordering::Relaxed) >= self.host_calls {
                    self.lost.fetch_add(1, Ordering::Relaxed);
                    return;
                }
            }
            RecordBody::ProviderStarted(_)
            | RecordBody::ProviderEnded(_)
            | RecordBody::TurnMeasured(_)
            | RecordBody::Failure(_) => {}
            RecordBody::MediaDigest(_)
            | RecordBody::RecordingStored(_)
            | RecordBody::Key(_)
            | RecordBody::Gate(_)
            | RecordBody::Content(_)
            | RecordBody::Note(_)
            | RecordBody::Wasi(_)
            | RecordBody::Report(_)
            | RecordBody::DigestKey(_)
            | RecordBody::Ledger(_)
            | RecordBody::Unkept(_)
            | RecordBody::Erased(_)
            | RecordBody::Held(_)
            | RecordBody::ContentRead(_)
            | RecordBody::Case(_)
            | RecordBody::Amended(_)
            | RecordBody::Restricted(_)
            | RecordBody::Blocked(_)
            | RecordBody::Administered(_) => return,
        }
        let seen = Seen { tenant: tenant.clone(), call, seq, at, body: trace.clone() };
        if !self.tell(Told::Seen(Box::new(seen))) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn run(export: &Export, told: &Receiver<Told>, waiting: &AtomicUsize, lost: &AtomicU64) {
    let mut calls = Calls::new(scope());
    let mut signals = Vec::new();
    let mut last: Option<Instant> = None;
    while let Ok(told) = told.recv() {
        waiting.fetch_sub(1, Ordering::Relaxed);
        match told {
            Told::Expect(call, carrier) => calls.expect(call, carrier),
            Told::Seen(seen) => calls.see(*seen, &mut signals),
            Told::Stop => break,
        }
        for signal in signals.drain(..) {
            export.send(signal);
        }
        if lost.load(Ordering::Relaxed) > 0 && last.is_none_or(|last| last.elapsed() >= QUIET) {
            last = Some(Instant::now());
            let lost = lost.swap(0, Ordering::Relaxed);
            tracing::warn!(lost, "records were not turned into telemetry: too many came at once");
        }
    }
    export.shutdown();
}

#[cfg(test)]
mod tests {
    use parloir_contract::Import;
    use parloir_journal::{CallEnded, CallStarted, HostCallStarted, Note, TurnMeasured};

    use super::*;

    const CARRIER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_there_is_no_room_for_is_counted_host_calls_before_the_rest_and_nobody_waits_for_it() {
        let (queue, told) = sync_channel(4);
        let (lost, active) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicI64::new(0)));
        let watch = Arc::new(Watch {
            queue,
            waiting: Arc::default(),
            host_calls: 2,
            lost: Arc::clone(&lost),
            active: Arc::clone(&active),
        });
        let telemetry = Telemetry { watch: Arc::clone(&watch), thread: Arc::default() };
        let (tenant, call): (TenantId, _) = ("cabinet".parse().unwrap(), CallId::from_bytes([7; 16]));
        let carrier = TraceParent::parse(CARRIER);
        let count = || (lost.load(Ordering::Relaxed), active.load(Ordering::Relaxed));

        assert_eq!(telemetry.expect(call, carrier), carrier.unwrap().trace);
        let asked = HostCallStarted { import: Import::Say, arguments: None };
        let bodies = [
            RecordBody::CallStarted(CallStarted::default()),
            // Two wait: no place for these.
            RecordBody::HostCallStarted(asked.clone()),
            RecordBody::HostCallStarted(asked),
            // It is no part of any signal, and takes no room.
            RecordBody::Note(Note { text: "a remark".into() }),
            RecordBody::TurnMeasured(TurnMeasured::default()),
        ];
        for (seq, body) in (0..).zip(&bodies) {
            watch.appended(&tenant, call, seq, 0, body);
        }
        assert_eq!(count(), (2, 1));
        watch.appended(&tenant, call, 5, 0, &RecordBody::CallEnded(CallEnded::default()));
        assert_eq!(count(), (2, 0));
        watch.appended(&tenant, call, 6, 0, &RecordBody::TurnMeasured(TurnMeasured::default()));
        assert_eq!(count(), (3, 0));
        assert_eq!(telemetry.expect(call, carrier), TraceId::of(call), "it says what will be exported");

        assert!(matches!(told.try_recv(), Ok(Told::Expect(..))));
        for expected in [0, 4, 5] {
            assert!(matches!(told.try_recv(), Ok(Told::Seen(seen)) if seen.seq == expected), "{expected}");
        }
        assert!(told.try_recv().is_err());
    }
}
