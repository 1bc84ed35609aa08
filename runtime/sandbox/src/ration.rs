//! What agents that compute without end take together while other tenants' agents are at work.
//!
//! A core on which somebody computes answers later than one that rests, even where who computes gives way at once: who wakes up
//! there waits three times as long, and one in a hundred for a millisecond. The kernel's idle class keeps others from waiting for their
//! share, and not from that. So those of whom it was seen that they compute without end have a ration: of each core that they may use
//! a part, and the rest of the time it rests. Where nobody else's agent is at work there is nobody to hear them, and they have
//! whatever there is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Semaphore;
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
    /// Who asked first waits for the next slice; the others wait for that one.
    order: Semaphore,
    /// When all that was given out has been earned.
    earned: Mutex<Instant>,
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
            order: Semaphore::new(1),
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

    /// Waits for CPU time of a slice, first come, first served. At once where no other tenant's agent is at work.
    pub(crate) async fn slice(&self, tenants: &AtomicUsize) {
        // It is never closed.
        let _first = self.order.acquire().await;
        while self.all.load(Ordering::Relaxed) > tenants.load(Ordering::Relaxed) {
            let now = Instant::now();
            let at = {
                let mut earned = self.earned.lock();
                if earned.saturating_duration_since(now) <= self.burst {
                    *earned = (*earned).max(now) + self.period;
                    return;
                }
                earned.checked_sub(self.burst).unwrap_or(now)
            };
            tokio::time::sleep_until(at).await;
        }
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
        self.order.available_permits() == 0
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
            ration.slice(tenants).await;
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
    async fn of_several_cores_there_is_more() {
        let settings = Settings { noisy_percent: 10, ..Settings::default() };
        let (ration, neighbour) = (Ration::new(&settings, 5), Arc::default());
        let _other = ration.begins(&neighbour);
        let none = AtomicUsize::new(0);
        assert_eq!(lasts(&ration, &none, 201).await, Duration::ZERO);
        assert_eq!(lasts(&ration, &none, 20).await, Duration::from_millis(10 * 20));
    }
}
