//! What memory a process has, as the kernel tells it, and that it is no more than it may be.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

/// How often it is looked at.
const WEIGH: Duration = Duration::from_millis(250);

/// Bytes of memory that a process has; `None` where nobody knows. May block for as long as the kernel takes to say so.
pub type Weighs = Arc<dyn Fn() -> Option<u64> + Send + Sync>;

/// What a process has of memory: that which is there, that which was put away, and the tables by which it is found.
pub(crate) fn weight(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    weight_in(&status)
}

fn weight_in(status: &str) -> Option<u64> {
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    let beside = ["VmSwap:", "VmPTE:"].into_iter().filter_map(kib).fold(0, u64::saturating_add);
    Some(kib("VmRSS:")?.saturating_add(beside).saturating_mul(1 << 10))
}

/// Looks at its memory, until it has more than it may. Until then `heavy` is whether it has three quarters of that.
pub(crate) async fn outweigh(weighs: Weighs, most: u64, whose: &str, heavy: &AtomicBool) -> String {
    let mut ticks = interval(WEIGH);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Whether it was known once, or is said not to be.
    let mut settled = false;
    loop {
        ticks.tick().await;
        let weighs = weighs.clone();
        let weight = tokio::task::spawn_blocking(move || weighs()).await;
        match weight {
            Ok(Some(weight)) if weight > most => {
                return format!(
                    "it took {} MiB of memory and may take {}: see `cordon-memory-mib` in [server]",
                    weight >> 20,
                    most >> 20
                );
            }
            Ok(Some(weight)) => {
                settled = true;
                heavy.store(weight > most / 4 * 3, Ordering::Relaxed);
            }
            // It has just ended, or is told of already.
            Ok(None) if settled => {}
            Ok(None) => {
                settled = true;
                tracing::warn!(tenant = %whose, "what memory a tenant's cordon takes is not known, and not bounded until /proc says it");
            }
            // The executor ends, and the process with it.
            Err(_) => return pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_has_of_memory_is_what_the_kernel_says() {
        let status = "Name:\tparloir\nVmPeak:\t9000000000 kB\nVmRSS:\t    1000 kB\nVmPTE:\t      20 kB\nVmSwap:\t       3 kB\n";
        assert_eq!(weight_in(status), Some(1_023 << 10));
        assert_eq!(weight_in("Name:\tparloir\nVmRSS:\t    1000 kB\n"), Some(1_000 << 10));
        // It has ended, and is not yet forgotten.
        assert_eq!(weight_in("Name:\tparloir\nState:\tZ (zombie)\n"), None);
        assert!(weight(std::process::id()).unwrap() > 1 << 20);
        assert_eq!(weight(u32::MAX), None);
    }

    #[tokio::test]
    async fn whose_memory_was_once_not_known_is_looked_at_again() {
        let (looks, heavy) = (std::sync::atomic::AtomicU32::new(0), AtomicBool::new(false));
        let weighs = move || (looks.fetch_add(1, Ordering::Relaxed) > 0).then_some(3_u64 << 20);
        let why = outweigh(Arc::new(weighs), 2 << 20, "test", &heavy).await;
        assert!(why.starts_with("it took 3 MiB"), "{why}");
    }
}
