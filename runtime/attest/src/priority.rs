//! When the kernel serves those who ring: who measures before the server, so that a frame that comes late is the server's; who
//! attacks after everybody, since on an operator's installation attackers call from elsewhere.

use rustix::process::{getpriority_process, setpriority_process};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id, thread_schedule_policy,
};

use crate::broken::Broken;

/// Niceness asked for by those who measure.
pub(crate) const FIRST: i32 = -10;
/// The kernel's class of those who attack: whoever else wakes up takes the core from them at once. Of the usual class, the last
/// niceness would keep it for a slice, which callers elsewhere do not.
const LAST: ThreadSchedulePolicy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);

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
    let set = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, LAST);
    // Within the class a thread may keep the niceness of whoever began it.
    set.or_else(|error| if thread_schedule_policy() == Ok(LAST) { Ok(()) } else { Err(error) })
        .map_err(|error| Broken::because("the attackers' priority", error))
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
            thread_schedule_policy()
        });
        assert_eq!(taken.join().unwrap(), Ok(LAST));
    }
}
