//! What waits to be written, tenant by tenant, and which thread writes for whom.
//!
//! A tenant's logs are written by one thread at a time, those of several tenants by several: nobody waits for the disk, or for
//! what has to be sealed, on account of what another tenant had written. What a tenant's writing needs lies on its [`Desk`],
//! which a thread takes, and puts back. Of those who ask, the first to ask comes first; of one who asks for much, a part is
//! written, and the rest when it is their turn again.
//!
//! Of the threads that have nothing to do one watches the time; the others sleep until somebody asks. Where all have something to
//! do, whoever comes for more looks at the time first.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use parloir_contract::{CallId, TenantId};
use tokio::sync::oneshot;

use crate::AppendError;
use crate::call::CallShared;
use crate::index::CallEntry;
use crate::kept::Kept;
use crate::key::WrappedKey;
use crate::observe::Observer;
use crate::segment::{Log, Tail};
use crate::tails::{Name, Tails};
use crate::writer::Live;

/// How often calls are looked at that nobody waits for.
const TICK: Duration = Duration::from_millis(100);
/// A record waits no longer than this, and a tick.
const PATIENCE: Duration = Duration::from_millis(850);
/// Files kept open.
const MAX_OPEN: usize = 512;

/// Asks for new segments of a tenant's logs.
pub(crate) type Roll = oneshot::Sender<Rolled>;

/// What nothing is appended to any more.
pub(crate) struct Rolled {
    /// The segment of the journal that is written now: those before it are as they will be.
    pub(crate) journal: u32,
    /// The same of the recordings; 0 where there are none.
    pub(crate) recordings: u32,
    /// The keys of the calls that last, which may not be in a segment yet.
    pub(crate) live: Vec<WrappedKey>,
}

/// What writing a tenant's logs needs.
pub(crate) struct Desk {
    pub(crate) tenant: TenantId,
    /// Its calls that have not ended.
    pub(crate) live: HashMap<CallId, Live>,
    /// The ends of its logs that are open; none lies here while nobody writes.
    pub(crate) tails: HashMap<Log, Tail>,
    /// When its calls were last looked at that nobody waits for.
    ticked: Instant,
}

impl Desk {
    fn new(tenant: TenantId) -> Self {
        Self { tenant, live: HashMap::new(), tails: HashMap::new(), ticked: Instant::now() }
    }

    /// Those of its calls in which something has waited for long.
    fn aged(&mut self, now: Instant) -> Vec<Arc<CallShared>> {
        self.ticked = now;
        let aged = self.live.values().filter(|live| {
            let mut buffer = live.shared.buffer.lock();
            let old = buffer.since.is_some_and(|since| now.duration_since(since) >= PATIENCE);
            let asks = !buffer.queued && (old || !buffer.blocks.is_empty());
            buffer.queued |= asks;
            asks
        });
        aged.map(|live| Arc::clone(&live.shared)).collect()
    }
}

/// What a thread is to do.
pub(crate) struct Work {
    pub(crate) desk: Desk,
    pub(crate) ready: Vec<Arc<CallShared>>,
    pub(crate) rolls: Vec<Roll>,
}

/// A tenant's place.
struct Place {
    /// None while a thread has it.
    desk: Option<Desk>,
    /// Calls for which somebody waits, or in which something has waited for long.
    ready: Vec<Arc<CallShared>>,
    opened: Vec<(Arc<CallShared>, CallEntry)>,
    rolls: Vec<Roll>,
    /// Whether it is among those who ask.
    asks: bool,
    /// When its next group may begin. What comes when nothing is going on does not wait.
    next: Instant,
}

impl Place {
    fn new(tenant: &TenantId) -> Self {
        let desk = Some(Desk::new(tenant.clone()));
        let (ready, opened, rolls) = (Vec::new(), Vec::new(), Vec::new());
        Self { desk, ready, opened, rolls, asks: false, next: Instant::now() }
    }

    /// When a thread may take its desk; `None` while one has it.
    fn due(&self) -> Option<Instant> {
        self.desk.is_some().then_some(self.next)
    }

    /// Its desk, with the calls that were opened since.
    fn take_desk(&mut self) -> Option<Desk> {
        let mut desk = self.desk.take()?;
        for (shared, entry) in self.opened.drain(..) {
            desk.live.insert(shared.call, Live::new(shared, entry));
        }
        Some(desk)
    }

    fn is_empty(&self) -> bool {
        let has_calls = self.desk.as_ref().is_none_or(|desk| !desk.live.is_empty());
        !has_calls && self.ready.is_empty() && self.opened.is_empty() && self.rolls.is_empty()
    }
}

#[derive(Default)]
struct Queue {
    places: HashMap<TenantId, Place>,
    /// Tenants of which something is to be written, in the order in which they asked.
    asking: VecDeque<TenantId>,
    /// The ends of logs that are open and that nobody writes.
    tails: Tails,
    /// Whether a thread watches the time.
    watched: bool,
    /// Until when it waits; without end while nobody has a call.
    until: Option<Instant>,
    ticked: Option<Instant>,
    stop: bool,
    failed: Option<String>,
}

impl Queue {
    fn place(&mut self, tenant: &TenantId) -> &mut Place {
        self.places.entry(tenant.clone()).or_insert_with(|| Place::new(tenant))
    }

    /// A tenant asks, unless it does already.
    fn ask(&mut self, tenant: &TenantId) {
        let place = self.place(tenant);
        if !std::mem::replace(&mut place.asks, true) {
            self.asking.push_back(tenant.clone());
        }
    }

    /// What the first of those is to have written whose turn it may be.
    fn take(&mut self, now: Instant) -> Option<Work> {
        let is_due = |tenant: &TenantId| {
            let due = self.places.get(tenant).and_then(Place::due);
            due.is_some_and(|due| due <= now)
        };
        let tenant = self.asking.iter().position(is_due).and_then(|place| self.asking.remove(place))?;
        self.take_of(&tenant)
    }

    /// What this tenant is to have written; `None` while a thread writes it.
    fn take_of(&mut self, tenant: &TenantId) -> Option<Work> {
        let place = self.places.get_mut(tenant)?;
        let mut desk = place.take_desk()?;
        place.asks = false;
        for log in [Log::Journal, Log::Recordings] {
            if let Some(tail) = self.tails.take(&(tenant.clone(), log)) {
                desk.tails.insert(log, tail);
            }
        }
        Some(Work { desk, ready: std::mem::take(&mut place.ready), rolls: std::mem::take(&mut place.rolls) })
    }

    /// When there is something to do next.
    fn due(&self) -> Option<Instant> {
        let asked = self.asking.iter().filter_map(|tenant| self.places.get(tenant)?.due()).min();
        let tick = self.ticked.filter(|_| !self.places.is_empty()).map(|ticked| ticked + TICK);
        [asked, tick].into_iter().flatten().min()
    }
}

/// What the calls and the threads that write share.
#[derive(Default)]
pub(crate) struct Shared {
    queue: Mutex<Queue>,
    /// The thread that watches the time.
    watch: Condvar,
    /// The others that have nothing to do.
    spare: Condvar,
    /// The calls that are not closed, or not in the index yet as closed: their names are nobody else's.
    pub(crate) open: Mutex<HashSet<(TenantId, CallId)>>,
    /// What is on disk of each tenant's logs.
    pub(crate) kept: Kept,
    /// Who is told of what is appended.
    pub(crate) observer: OnceLock<Arc<dyn Observer>>,
}

/// A name that was taken for a call. Dropped before [`Named::keep`], it is free again.
pub(crate) struct Named<'a> {
    shared: &'a Shared,
    name: Option<(TenantId, CallId)>,
}

impl Named<'_> {
    /// The call has begun: its name is free when the index has its end.
    pub(crate) fn keep(&mut self) {
        self.name = None;
    }
}

impl Drop for Named<'_> {
    fn drop(&mut self) {
        if let Some(name) = self.name.take() {
            self.shared.open.lock().remove(&name);
        }
    }
}

impl Shared {
    /// Takes a name for a call; `None` where it is another's.
    pub(crate) fn name(&self, tenant: &TenantId, call: CallId) -> Option<Named<'_>> {
        let name = (tenant.clone(), call);
        let is_free = self.open.lock().insert(name.clone());
        // Not made where it is another's: dropped, it would free that one.
        is_free.then(|| Named { shared: self, name: Some(name) })
    }

    /// The index has the end of a call.
    pub(crate) fn unname(&self, tenant: &TenantId, call: CallId) {
        self.open.lock().remove(&(tenant.clone(), call));
    }

    /// Begins new segments of a tenant's logs.
    pub(crate) async fn roll(&self, tenant: &TenantId) -> Result<Rolled, AppendError> {
        let (done, wait) = oneshot::channel();
        {
            let mut queue = self.queue.lock();
            if let Some(why) = &queue.failed {
                return Err(AppendError::Failed(why.clone()));
            }
            queue.place(tenant).rolls.push(done);
            queue.ask(tenant);
        }
        self.wake();
        wait.await.map_err(|_| self.stopped())
    }

    /// Has it written what waits in this call, or says why nothing is written any more.
    pub(crate) fn ready(&self, call: Arc<CallShared>) -> Result<(), String> {
        let tenant = call.tenant.clone();
        {
            let mut queue = self.queue.lock();
            if let Some(why) = &queue.failed {
                return Err(why.clone());
            }
            queue.place(&tenant).ready.push(call);
            queue.ask(&tenant);
        }
        self.wake();
        Ok(())
    }

    /// Has these written when it is their tenant's turn again, before what was made ready since. For whoever has the tenant's
    /// desk.
    pub(crate) fn later(&self, tenant: &TenantId, calls: Vec<Arc<CallShared>>) {
        if calls.is_empty() {
            return;
        }
        let mut queue = self.queue.lock();
        let Some(why) = queue.failed.clone() else {
            let place = queue.place(tenant);
            let since = std::mem::replace(&mut place.ready, calls);
            place.ready.extend(since);
            queue.ask(tenant);
            return;
        };
        drop(queue);
        calls.iter().for_each(|call| call.refuse(&why));
    }

    /// Tells of a new call.
    pub(crate) fn opened(&self, call: Arc<CallShared>, entry: CallEntry) -> Result<(), AppendError> {
        let is_unwatched = {
            let mut queue = self.queue.lock();
            if let Some(why) = &queue.failed {
                return Err(AppendError::Failed(why.clone()));
            }
            let tenant = call.tenant.clone();
            queue.place(&tenant).opened.push((call, entry));
            !queue.watched || queue.until.is_none()
        };
        if is_unwatched {
            // The time has to be watched for it, whatever the thread does that did so before.
            self.wake();
        }
        Ok(())
    }

    /// Asks that what waits is written and nothing more.
    pub(crate) fn stop(&self) {
        self.queue.lock().stop = true;
        self.wake_all();
    }

    /// Whether nothing is written any more.
    pub(crate) fn has_failed(&self) -> bool {
        self.queue.lock().failed.is_some()
    }

    /// Why nobody answers.
    pub(crate) fn stopped(&self) -> AppendError {
        let why = self.queue.lock().failed.clone();
        AppendError::Failed(why.unwrap_or_else(|| "it was shut down".into()))
    }

    /// Why nothing is written any more; nothing where it is.
    pub(crate) fn why_failed(&self) -> String {
        self.queue.lock().failed.clone().unwrap_or_default()
    }

    /// Has whoever watches the time look, or who has nothing to do.
    fn wake(&self) {
        if !self.watch.notify_one() {
            self.spare.notify_one();
        }
    }

    fn wake_all(&self) {
        self.watch.notify_all();
        self.spare.notify_all();
    }

    /// The ends of logs as they are found at the beginning.
    pub(crate) fn begin(&self, tails: HashMap<Name, Tail>) {
        self.queue.lock().tails = Tails::new(tails);
    }

    /// What there is to be written next, once there is something; `None` once no more is to be written.
    pub(crate) fn next(&self) -> Option<Work> {
        let mut queue = self.queue.lock();
        loop {
            if queue.stop || queue.failed.is_some() {
                return None;
            }
            let now = Instant::now();
            let ticked = *queue.ticked.get_or_insert(now);
            // First, for there may always be something else to do.
            if now >= ticked + TICK {
                queue.ticked = Some(now);
                drop(queue);
                self.tick(now);
                queue = self.queue.lock();
                // However long that took, something is written before it is done again.
                queue.ticked = Some(Instant::now());
                continue;
            }
            if let Some(work) = queue.take(now) {
                // Somebody has to watch the time for the others, and who does has to know of those who ask by now.
                if queue.watched {
                    if !queue.asking.is_empty() {
                        self.watch.notify_one();
                    }
                } else if queue.places.len() > 1 {
                    self.spare.notify_one();
                }
                return Some(work);
            }
            let due = queue.due();
            if queue.watched {
                let is_sooner = |due| queue.until.is_none_or(|until| due < until);
                if due.is_some_and(is_sooner) {
                    self.watch.notify_one();
                }
                self.spare.wait(&mut queue);
                continue;
            }
            (queue.watched, queue.until) = (true, due);
            match due {
                Some(due) => {
                    let _either_way_it_looks_again = self.watch.wait_until(&mut queue, due);
                }
                None => self.watch.wait(&mut queue),
            }
            queue.watched = false;
        }
    }

    /// Looks at the calls that nobody waits for, one tenant after another. Whoever appends to one holds its buffer and asks for
    /// the queue: so this does not hold the queue and ask for a buffer.
    fn tick(&self, now: Instant) {
        let tenants: Vec<TenantId> = self.queue.lock().places.keys().cloned().collect();
        for tenant in tenants {
            let desk = self.queue.lock().places.get_mut(&tenant).and_then(Place::take_desk);
            let Some(mut desk) = desk else { continue };
            let aged = desk.aged(now);
            let mut queue = self.queue.lock();
            match queue.failed.clone() {
                None => queue.put_back(desk, aged),
                Some(why) => {
                    drop(queue);
                    desk.live.into_values().for_each(|live| live.shared.refuse(&why));
                }
            }
        }
    }

    /// Puts a desk back, whose next group may begin then. Calls that are handed back are those of a journal that failed.
    pub(crate) fn put_back(&self, mut desk: Desk, next: Instant) -> Vec<Live> {
        // A tick may have come while a thread had it.
        let now = Instant::now();
        let aged = if now >= desk.ticked + TICK { desk.aged(now) } else { Vec::new() };
        let mut queue = self.queue.lock();
        if queue.failed.is_some() {
            return desk.live.into_values().collect();
        }
        for (log, tail) in desk.tails.drain() {
            queue.tails.put((desk.tenant.clone(), log), tail);
        }
        let closed = queue.tails.close_beyond(MAX_OPEN);
        queue.place(&desk.tenant).next = next;
        queue.put_back(desk, aged);
        drop(queue);
        drop(closed);
        Vec::new()
    }

    /// The last that there is to write: what waits in any call, and an end for those that have none. To be called when no
    /// thread writes any more.
    pub(crate) fn last(&self) -> Vec<Work> {
        let mut queue = self.queue.lock();
        let tenants: Vec<TenantId> = queue.places.keys().cloned().collect();
        let mut last: Vec<Work> = tenants.iter().filter_map(|tenant| queue.take_of(tenant)).collect();
        queue.asking.clear();
        drop(queue);
        for Work { desk, ready, rolls: _ } in &mut last {
            // Some of them ended before, and somebody waits for them.
            ready.retain(|call| !desk.live.contains_key(&call.call));
            ready.extend(desk.live.values().map(|live| Arc::clone(&live.shared)));
        }
        last
    }

    /// Nothing is written any more: everybody is told, but those whose desks a thread has, who are told when it puts them back.
    pub(crate) fn refuse_all(&self, why: &str) {
        let mut queue = self.queue.lock();
        queue.failed.get_or_insert_with(|| why.to_owned());
        let places: Vec<Place> = queue.places.drain().map(|(_, place)| place).collect();
        queue.asking.clear();
        drop(queue);
        self.wake_all();
        for mut place in places {
            // Who waits for new segments learns it from this.
            place.rolls.clear();
            let mut calls = std::mem::take(&mut place.ready);
            calls.extend(place.opened.drain(..).map(|(call, _)| call));
            calls.extend(
                place.desk.into_iter().flat_map(|desk| desk.live.into_values()).map(|live| live.shared),
            );
            calls.iter().for_each(|call| call.refuse(why));
        }
    }
}

impl Queue {
    /// Puts a desk where it was taken from, and has these calls of it written.
    fn put_back(&mut self, desk: Desk, aged: Vec<Arc<CallShared>>) {
        let tenant = desk.tenant.clone();
        let place = self.place(&tenant);
        place.desk = Some(desk);
        if !aged.is_empty() {
            place.ready.extend(aged);
            self.ask(&tenant);
        } else if place.is_empty() {
            self.places.remove(&tenant);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
