//! When the kernel serves those who ring: who measures before the server, so that a frame that comes late is the server's; who
//! attacks after everybody, since on an operator's installation attackers call from elsewhere.

use rustix::process::{getpriority_process, setpriority_process};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::broken::Broken;

/// Niceness asked for by those who measure.
pub(crate) const FIRST: i32 = -10;
/// Niceness of those who attack.
const LAST: i32 = 19;

/// Has this thread, and all that it starts, served as far before others as is permitted, and says at which niceness. On Linux
/// that belongs to a thread.
pub(crate) fn come_first() -> i32 {
    // Without the right to it, perhaps some of it is permitted, and perhaps nothing.
    let _taken = (FIRST..0).find(|nice| setpriority_process(None, *nice).is_ok());
    getpriority_process(None).unwrap_or_default()
}

/// Has this thread, and all that it starts, served after others, and on the last core where there are several: what calls from
/// elsewhere would take nothing of the server's. To be called while there is one thread.
///
/// # Errors
/// Where the kernel refuses it.
pub fn come_last() -> Result<(), Broken> {
    if let Ok(cores) = sched_getaffinity(None)
        && let Some(last) = (0..CpuSet::MAX_CPU).rev().find(|core| cores.is_set(*core))
    {
        let mut one = CpuSet::new();
        one.set(last);
        // Where it is not permitted, they are served last all the same.
        let _kept = sched_setaffinity(None, &one);
    }
    setpriority_process(None, LAST).map_err(|error| Broken::because("the attackers' priority", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_first_does_so_as_far_as_is_permitted_and_who_comes_last_does() {
        // A thread of its own, which nobody gets after this.
        let taken = std::thread::spawn(|| {
            let before = getpriority_process(None).unwrap();
            let first = come_first();
            assert_eq!(getpriority_process(None), Ok(first));
            assert!(first == before || (FIRST..0).contains(&first), "{before} to {first}");
            come_last().unwrap();
            getpriority_process(None)
        });
        assert_eq!(taken.join().unwrap(), Ok(LAST));
    }
}
