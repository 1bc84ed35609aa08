//! When a delivery that failed is tried again.

use std::time::Duration;

/// Between the tries, in seconds: about a day in all, and quickly at first, for a receiver that was only started again.
const WAITS: [u64; 9] = [2, 10, 60, 300, 1_800, 7_200, 14_400, 28_800, 28_800];

/// How often a delivery is tried, the first time included.
pub const TRIES: u32 = 10;

/// How long to wait after so many tries that failed; `None` where there is none left. `spread` takes up to a tenth more, so
/// that what failed together does not come again together.
///
/// ```
/// use std::time::Duration;
/// use parloir_connect::{TRIES, wait_after};
///
/// assert_eq!(wait_after(1, 0), Some(Duration::from_secs(2)));
/// assert_eq!(wait_after(TRIES, 0), None);
/// ```
#[must_use]
pub fn wait_after(tries: u32, spread: u8) -> Option<Duration> {
    let place = usize::try_from(tries.checked_sub(1)?).ok()?;
    let wait = Duration::from_secs(*WAITS.get(place)?);
    Some(wait.saturating_add(wait.saturating_mul(spread.into()) / 2_560))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_tried_for_about_a_day_and_never_sooner_than_the_time_before() {
        let waits: Vec<Duration> = (1..).map_while(|tries| wait_after(tries, 0)).collect();
        assert_eq!(waits.len() + 1, usize::try_from(TRIES).unwrap());
        assert!(waits.is_sorted());
        let hours =
            |spread| (1..).map_while(|tries| wait_after(tries, spread)).sum::<Duration>().as_secs() / 3_600;
        assert_eq!((hours(0), hours(u8::MAX)), (22, 24));
        assert_eq!(wait_after(0, 0), None);
    }
}
