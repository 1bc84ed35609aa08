//! What agents that compute without end take together while other tenants' agents are at work.
//!
//! A core on which somebody computes answers later than one that rests, even where who computes gives way at once: who wakes up
//! there waits three times as long, and one in a hundred for a millisecond. The kernel's idle class keeps others from waiting for their
//! share, and not from that. So those of whom it was seen that they compute without end have a ration: of each core that they may use
//! a part, and the rest of the time it rests. Where nobody else's agent is at work there is nobody to hear them, and they have
//! whatever there is.
//!
//! Among them, whoever took least since its caller's last turn comes first: who will soon be done does not wait behind those that
//! spin, of whichever tenant they are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::settings::Settings;

/// CPU time that may be taken at once after a while in which less was: what heavy agents need for a turn now and then.
const BURST: Duration = Duration::from_secs(1);

/// The ration of all noisy tenants together.
pub(crate) struct Ration {
    /// CPU time that is given out at once: what an agent computes before it is interrupted.
    slice: Duration,
    /// Time that passes for each slice.
    period: Duration,
    /// Time that passes for [`BURST`].
    burst: Duration,
    /// Agents at work, of all tenants.
    all: Arc<AtomicUsize>,
    /// Who waits for a slice, one for each agent at most: the first for time to pass, the others until they are the first.
    waiting: Mutex<Waiting>,
    /// When all that was given out has been earned.
    earned: Mutex<Instant>,
}

/// Those who wait, in the order in which they are served: by the slices that they took in their turn, and by when they came.
#[derive(Default)]
struct Waiting {
    places: BTreeMap<(u128, u64), Arc<Notify>>,
    came: u64,
}

/// A place among those who wait, until this is dropped.
struct Place<'a> {
    waiting: &'a Mutex<Waiting>,
    at: (u128, u64),
    is_first: Arc<Notify>,
}

impl<'a> Place<'a> {
    fn take(waiting: &'a Mutex<Waiting>, slices: u128) -> Self {
        let is_first = Arc::<Notify>::default();
        let mut all = waiting.lock();
        let at = (slices, all.came);
        all.came = all.came.wrapping_add(1);
        all.places.insert(at, is_first.clone());
        Self { waiting, at, is_first }
    }

    fn is_first(&self) -> bool {
        self.waiting.lock().places.first_key_value().is_some_and(|(first, _)| *first == self.at)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut all = self.waiting.lock();
        all.places.remove(&self.at);
        if let Some((_, next)) = all.places.first_key_value() {
            next.notify_one();
        }
    }
}

/// An agent is at work until this is dropped: counted among all, and among those of its tenant.
pub(crate) struct AtWork([Arc<AtomicUsize>; 2]);

impl Drop for AtWork {
    fn drop(&mut self) {
        for count in &self.0 {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Ration {
    /// Of so many cores that those who compute long may use.
    pub(crate) fn new(settings: &Settings, cores: u32) -> Self {
        let percent = settings.noisy_percent.clamp(1, 100).saturating_mul(cores.max(1));
        let lasts = |cpu: Duration| cpu.saturating_mul(100) / percent;
        Self {
            slice: settings.tick,
            period: lasts(settings.tick),
            burst: lasts(BURST),
            // Whoever is elsewhere is never counted as done.
            all: Arc::new(AtomicUsize::new(usize::from(settings.beside_others))),
            waiting: Mutex::default(),
            earned: Mutex::new(Instant::now()),
        }
    }

    /// An agent begins, of a tenant with so many.
    pub(crate) fn begins(&self, tenants: &Arc<AtomicUsize>) -> AtWork {
        let counts = [self.all.clone(), tenants.clone()];
        for count in &counts {
            count.fetch_add(1, Ordering::Relaxed);
        }
        AtWork(counts)
    }

    /// Waits for CPU time of a slice, for an agent that took so much since its caller's last turn. At once where no other tenant's
    /// agent is at work. Says whether there was something to wait for.
    pub(crate) async fn slice(&self, tenants: &AtomicUsize, turn: Duration) -> bool {
        let slices = turn.as_nanos().checked_div(self.slice.as_nanos()).unwrap_or_default();
        let place = Place::take(&self.waiting, slices);
        let mut waited = false;
        while self.all.load(Ordering::Relaxed) > tenants.load(Ordering::Relaxed) {
            if !place.is_first() {
                waited = true;
                place.is_first.notified().await;
                continue;
            }
            let now = Instant::now();
            let at = {
                let mut earned = self.earned.lock();
                if earned.saturating_duration_since(now) <= self.burst {
                    *earned = (*earned).max(now) + self.period;
                    break;
                }
                earned.checked_sub(self.burst).unwrap_or(now)
            };
            waited = true;
            tokio::time::sleep_until(at).await;
        }
        waited
    }

    /// Somebody took so much of its slice, or more than that: it is charged what it took.
    pub(crate) fn took(&self, cpu: Duration) {
        let slices = |cpu: Duration| cpu.as_secs_f64() / self.slice.as_secs_f64().max(1e-9);
        let lasts = |cpu: Duration| self.period.mul_f64(slices(cpu).min(1_000_000.0));
        let mut earned = self.earned.lock();
        let more = *earned + lasts(cpu.saturating_sub(self.slice));
        *earned = more.checked_sub(lasts(self.slice.saturating_sub(cpu))).unwrap_or(more);
    }
}

#[cfg(test)]
impl Ration {
    /// Whether somebody waits for a slice.
    pub(crate) fn is_waited_for(&self) -> bool {
        !self.waiting.lock().places.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ration of 5 ms each 50, those of a noisy tenant, and a neighbour's.
    fn ration() -> (Ration, Arc<AtomicUsize>, Arc<AtomicUsize>) {
        let settings = Settings { noisy_percent: 10, ..Settings::default() };
        (Ration::new(&settings, 1), Arc::default(), Arc::default())
    }

    /// Time that so many slices take.
    async fn lasts(ration: &Ration, tenants: &AtomicUsize, slices: u32) -> Duration {
        let began = Instant::now();
        for _ in 0..slices {
            ration.slice(tenants, Duration::ZERO).await;
        }
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn beside_others_there_is_a_slice_a_period_once_what_was_saved_is_taken() {
        let (ration, noisy, neighbour) = ration();
        let _own = ration.begins(&noisy);
        let _other = ration.begins(&neighbour);
        // A second's worth, and the slice at hand.
        assert_eq!(lasts(&ration, &noisy, 201).await, Duration::ZERO);
        let period = Duration::from_millis(50);
        assert_eq!(lasts(&ration, &noisy, 20).await, period * 20);
        // What was saved meanwhile is a second's at most.
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        assert_eq!(lasts(&ration, &noisy, 202).await, period);
    }

    #[tokio::test(start_paused = true)]
    async fn where_no_other_tenants_agent_is_at_work_nobody_waits() {
        let (ration, noisy, neighbour) = ration();
        let _own = [ration.begins(&noisy), ration.begins(&noisy)];
        assert_eq!(lasts(&ration, &noisy, 1_000).await, Duration::ZERO);
        let other = ration.begins(&neighbour);
        assert_eq!(lasts(&ration, &noisy, 202).await, Duration::from_millis(50));
        drop(other);
        assert_eq!(lasts(&ration, &noisy, 1_000).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn who_took_more_or_less_than_a_slice_is_charged_that() {
        let (ration, noisy, neighbour) = ration();
        let _other = ration.begins(&neighbour);
        assert_eq!(lasts(&ration, &noisy, 201).await, Duration::ZERO);
        ration.took(Duration::from_millis(25));
        assert_eq!(lasts(&ration, &noisy, 1).await, Duration::from_millis(50 * 5));
        ration.took(Duration::from_millis(3));
        assert_eq!(lasts(&ration, &noisy, 1).await, Duration::from_millis(30));
        // Who asks the host again and again takes little of each.
        ration.took(Duration::ZERO);
        assert_eq!(lasts(&ration, &noisy, 1).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn who_took_least_in_its_turn_comes_first_whoever_has_waited_longer() {
        let (ration, noisy, neighbour) = ration();
        let _other = ration.begins(&neighbour);
        assert_eq!(lasts(&ration, &noisy, 201).await, Duration::ZERO);
        let served = Mutex::new(Vec::new());
        let waits = async |name: &'static str, turn: u64| {
            let waited = ration.slice(&noisy, Duration::from_millis(turn)).await;
            served.lock().push((name, waited));
        };
        let gives_up = tokio::time::timeout(Duration::from_millis(10), waits("gives up", 0));
        let comes_late = async {
            tokio::time::sleep(Duration::from_millis(70)).await;
            waits("comes late", 3).await;
        };
        // A place among those who wait is by slices of 5 ms, and by who came first.
        let (_, gave_up, ..) = tokio::join!(
            waits("spins", 400),
            gives_up,
            waits("answers", 21),
            waits("answers, too", 20),
            waits("answers soon", 5),
            comes_late,
        );
        assert!(gave_up.is_err());
        let expected = ["answers soon", "comes late", "answers", "answers, too", "spins"];
        assert_eq!(*served.lock(), expected.map(|name| (name, true)));
        assert!(!ration.is_waited_for());
        // There is something again, and nobody waits.
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!ration.slice(&noisy, Duration::from_millis(400)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn of_several_cores_there_is_more() {
        let settings = Settings { noisy_percent: 10, ..Settings::default() };
        let (ration, neighbour) = (Ration::new(&settings, 5), Arc::default());
        let _other = ration.begins(&neighbour);
        let none = AtomicUsize::new(0);
        assert_eq!(lasts(&ration, &none, 201).await, Duration::ZERO);
        assert_eq!(lasts(&ration, &none, 20).await, Duration::from_millis(10 * 20));
    }
}
