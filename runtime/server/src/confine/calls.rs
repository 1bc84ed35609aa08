//! Calls to the kernel that a voice server never makes: refused with EPERM, in every thread.
//!
//! A list of what is refused, and not of what may be done: the executor, the allocator, wasmtime and the C library make a few
//! hundred different ones, another few with each release, and one that is missing would drop a caller. What is refused here is
//! what turns a foothold into a machine: other processes, other users, mounts, name spaces, modules, and the parts of the kernel in
//! which its faults were found (bpf, perf, io_uring, userfaultfd, key rings).

use std::collections::BTreeMap;

use libc::{c_int, c_long};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter_all_threads,
};

/// On every machine.
const NEVER: &[c_long] = &[
    // Other processes' memory, files and threads.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    // Another user, or more rights.
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setfsuid,
    libc::SYS_setfsgid,
    libc::SYS_setgroups,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_mknodat,
    // Another view of the file system.
    libc::SYS_chroot,
    libc::SYS_pivot_root,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_unshare,
    libc::SYS_setns,
    // The machine.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_syslog,
    libc::SYS_vhangup,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_adjtimex,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    // Large parts of the kernel that nothing here asks for.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_lookup_dcookie,
    libc::SYS_nfsservctl,
    libc::SYS_personality,
];

/// Where the machine has them besides.
#[cfg(target_arch = "x86_64")]
const NEVER_HERE: &[c_long] = &[
    libc::SYS_chown,
    libc::SYS_lchown,
    libc::SYS_mknod,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_uselib,
];
#[cfg(not(target_arch = "x86_64"))]
const NEVER_HERE: &[c_long] = &[];

/// To a process of agents, and to one that compiles: a server starts its own program, and its embedded voice. Which programs those
/// are is a matter of files.
const PROGRAMS: &[c_long] = &[libc::SYS_execve, libc::SYS_execveat];

/// The same calls by their second numbers: x86-64 kernels may also answer the x32 interface, whose numbers have this bit.
#[cfg(target_arch = "x86_64")]
const X32: c_long = 0x4000_0000;
/// Those that have a number of their own there (ptrace, kexec_load, process_vm_readv, process_vm_writev), and `clone` and
/// `clone3`, whose flags are looked at above: nothing here makes them by these numbers.
#[cfg(target_arch = "x86_64")]
const NEVER_X32: &[c_long] =
    &[X32 + 521, X32 + 528, X32 + 539, X32 + 540, X32 + libc::SYS_clone, X32 + libc::SYS_clone3];
/// `execve` and `execveat`.
#[cfg(target_arch = "x86_64")]
const PROGRAMS_X32: &[c_long] = &[X32 + 520, X32 + 545];

/// The flag that makes a user name space, in which one is root and may ask the kernel for all that root may.
const NEW_USER: u64 = libc::CLONE_NEWUSER as u64;

/// `fchmodat2`, of the same number everywhere.
const FCHMODAT2: c_long = 452;

/// To a process of agents besides: sockets but the one that it was born with, other processes, memory and queues shared with them,
/// and what is done to files by name that Landlock does not look at.
const NEVER_AGENTS: &[c_long] = &[
    // What it has of capabilities it has given up by then; the server that started it keeps no more than it uses, and may give
    // those up.
    libc::SYS_capset,
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    // What they are sent to is where a filter cannot look; what needs no address is written, or sent without one.
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_send_signal,
    libc::SYS_setpgid,
    libc::SYS_setsid,
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_semget,
    libc::SYS_msgget,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
    libc::SYS_msgsnd,
    libc::SYS_msgrcv,
    libc::SYS_semop,
    libc::SYS_semctl,
    libc::SYS_shmctl,
    libc::SYS_inotify_init1,
    libc::SYS_truncate,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    FCHMODAT2,
    // How much of the machine others have.
    libc::SYS_sched_setattr,
    libc::SYS_sched_setaffinity,
    libc::SYS_ioprio_set,
    libc::SYS_utimensat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
];

/// Where the machine has them besides.
#[cfg(target_arch = "x86_64")]
const NEVER_AGENTS_HERE: &[c_long] = &[
    libc::SYS_fork,
    libc::SYS_vfork,
    libc::SYS_inotify_init,
    libc::SYS_chmod,
    libc::SYS_utime,
    libc::SYS_utimes,
    libc::SYS_futimesat,
];
#[cfg(not(target_arch = "x86_64"))]
const NEVER_AGENTS_HERE: &[c_long] = &[];

/// To a process of agents besides, from when all its threads run: another, and a say in when its own run, or others'.
const NEVER_MORE: &[c_long] =
    &[libc::SYS_clone, libc::SYS_setpriority, libc::SYS_sched_setscheduler, libc::SYS_sched_setparam];

/// The flag of memory that is shared: what is put away of it counts as nobody's. Everything here maps its own.
const SHARED: u64 = libc::MAP_SHARED as u64;

/// What is refused.
fn refused(runs_programs: bool) -> Vec<c_long> {
    let mut numbers = [NEVER, NEVER_HERE].concat();
    if !runs_programs {
        numbers.extend(PROGRAMS);
    }
    #[cfg(target_arch = "x86_64")]
    {
        let second: Vec<c_long> = numbers.iter().map(|number| number | X32).collect();
        numbers.extend(second);
        numbers.extend(NEVER_X32);
        if !runs_programs {
            numbers.extend(PROGRAMS_X32);
        }
    }
    numbers
}

/// Refuses them from now on, in this thread, in all others, and in what they start.
pub(super) fn deny() -> Result<(), String> {
    let filters = filters().map_err(|error| format!("seccomp: {error}"))?;
    for filter in filters {
        apply_filter_all_threads(&filter).map_err(|error| format!("seccomp: {error}"))?;
    }
    Ok(())
}

/// Commands of `fcntl` and `ioctl` that say who is signalled, and how.
const F_SETOWN: u64 = 8;
const F_SETSIG: u64 = 10;
const F_SETOWN_EX: u64 = 15;
const FIOSETOWN: u64 = 0x8901;
const SIOCSPGRP: u64 = 0x8902;

/// The flag of a thread: what is begun without it is a process.
const THREAD: u64 = libc::CLONE_THREAD as u64;

/// Refuses a process of agents what it never needs, beyond what the server that started it gave up.
pub(super) fn deny_to_agents() -> Result<(), String> {
    let filters = filters_for_agents(std::process::id()).map_err(|error| format!("seccomp: {error}"))?;
    for filter in filters {
        apply_filter_all_threads(&filter).map_err(|error| format!("seccomp: {error}"))?;
    }
    Ok(())
}

/// Refuses a process of agents what it needs no more once all its threads run. In all of them, or in none.
pub(super) fn deny_more_to_agents() -> Result<(), String> {
    let filter = filter_of_more().map_err(|error| format!("seccomp: {error}"))?;
    apply_filter_all_threads(&filter).map_err(|error| format!("seccomp: {error}"))
}

fn filter_of_more() -> Result<BpfProgram, BackendError> {
    let mut rules: BTreeMap<c_long, Vec<SeccompRule>> =
        NEVER_MORE.iter().map(|number| (*number, Vec::new())).collect();
    #[cfg(target_arch = "x86_64")]
    rules.extend(NEVER_MORE.iter().chain(&[libc::SYS_mmap]).map(|number| (number | X32, Vec::new())));
    let shared = SeccompCondition::new(3, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(SHARED), SHARED)?;
    rules.insert(libc::SYS_mmap, vec![SeccompRule::new(vec![shared])?]);
    program(rules, libc::EPERM)
}

/// As [`filters`], for the process of this number.
fn filters_for_agents(own: u32) -> Result<[BpfProgram; 2], BackendError> {
    let numbers = [NEVER_AGENTS, NEVER_AGENTS_HERE].concat();
    let mut rules: BTreeMap<c_long, Vec<SeccompRule>> = refused(false)
        .into_iter()
        .chain(numbers.iter().copied())
        .map(|number| (number, Vec::new()))
        .collect();
    #[cfg(target_arch = "x86_64")]
    {
        // What is looked at below, nothing here does by these numbers.
        let more =
            [libc::SYS_tgkill, libc::SYS_prlimit64, libc::SYS_fcntl, libc::SYS_socketpair, libc::SYS_sendto];
        rules.extend(numbers.iter().chain(&more).map(|number| (number | X32, Vec::new())));
        // `ioctl`, `sendmsg`, `rt_sigqueueinfo`, `rt_tgsigqueueinfo` and `sendmmsg` have numbers of their own there.
        rules.extend([514, 518, 524, 536, 538].map(|number| (X32 + number, Vec::new())));
    }
    let first =
        |length, operator, value| SeccompRule::new(vec![SeccompCondition::new(0, length, operator, value)?]);
    let new_user = first(SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(NEW_USER), NEW_USER)?;
    let no_thread = first(SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(THREAD), 0)?;
    rules.insert(libc::SYS_clone, vec![new_user, no_thread]);
    // A signal to itself, which is how it aborts, and its own limits.
    let others = first(SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, own.into())?;
    rules.insert(libc::SYS_tgkill, vec![others]);
    let others = first(SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, 0)?;
    rules.insert(libc::SYS_prlimit64, vec![others]);
    // Whom the kernel tells, by a signal of one's choice, that a file can be read.
    let second = |values: &[u64]| -> Result<Vec<SeccompRule>, BackendError> {
        let one = |value: &u64| {
            SeccompRule::new(vec![SeccompCondition::new(
                1,
                SeccompCmpArgLen::Dword,
                SeccompCmpOp::Eq,
                *value,
            )?])
        };
        values.iter().map(one).collect()
    };
    rules.insert(libc::SYS_fcntl, second(&[F_SETOWN, F_SETSIG, F_SETOWN_EX])?);
    rules.insert(libc::SYS_ioctl, second(&[FIOSETOWN, SIOCSPGRP])?);
    // Whose sockets need no connection are not made, and nobody is written to by name.
    let datagrams = |kind: u64| {
        let kind = SeccompCondition::new(1, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(0xf), kind)?;
        SeccompRule::new(vec![kind])
    };
    rules.insert(libc::SYS_socketpair, [2, 3, 5].into_iter().map(datagrams).collect::<Result<_, _>>()?);
    let named = SeccompCondition::new(4, SeccompCmpArgLen::Qword, SeccompCmpOp::Ne, 0)?;
    rules.insert(libc::SYS_sendto, vec![SeccompRule::new(vec![named])?]);
    let absent = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    Ok([program(rules, libc::EPERM)?, program(absent, libc::ENOSYS)?])
}

/// The kernel asks both, and the stricter answer holds.
fn filters() -> Result<[BpfProgram; 2], BackendError> {
    let mut rules: BTreeMap<c_long, Vec<SeccompRule>> =
        refused(true).into_iter().map(|number| (number, Vec::new())).collect();
    let new_user =
        SeccompCondition::new(0, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(NEW_USER), NEW_USER)?;
    rules.insert(libc::SYS_clone, vec![SeccompRule::new(vec![new_user])?]);
    // `clone3` has its flags where a filter cannot look. The C library takes `clone` where there is none.
    let absent = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    Ok([program(rules, libc::EPERM)?, program(absent, libc::ENOSYS)?])
}

fn program(rules: BTreeMap<c_long, Vec<SeccompRule>>, answer: c_int) -> Result<BpfProgram, BackendError> {
    let arch: TargetArch = std::env::consts::ARCH.try_into()?;
    let answer = SeccompAction::Errno(answer.unsigned_abs());
    SeccompFilter::new(rules, SeccompAction::Allow, answer, arch)?.try_into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel, which runs a filter step by step, would answer a call of this number with these flags as its fourth argument.
    fn answer(filter: &BpfProgram, number: c_long, flags: c_int) -> u32 {
        let (mut at, mut word) = (0_usize, 0_u32);
        loop {
            let step = &filter[at];
            at += 1;
            match step.code {
                0x20 => {
                    word = match step.k {
                        0 => u32::try_from(number).unwrap(),
                        // The machine, which is the one that is asked for next.
                        4 => filter[at].k,
                        40 => u32::try_from(flags).unwrap(),
                        _ => 0,
                    }
                }
                0x54 => word &= step.k,
                0x05 => at += usize::try_from(step.k).unwrap(),
                0x15 => at += usize::from(if word == step.k { step.jt } else { step.jf }),
                0x25 => at += usize::from(if word > step.k { step.jt } else { step.jf }),
                0x35 => at += usize::from(if word >= step.k { step.jt } else { step.jf }),
                0x06 => return step.k,
                code => panic!("a step that no filter here has: {code:#x}"),
            }
        }
    }

    #[test]
    fn a_process_of_agents_maps_memory_of_its_own_and_none_that_is_shared() {
        let filter = filter_of_more().unwrap();
        let (allowed, refused) = (libc::SECCOMP_RET_ALLOW, libc::SECCOMP_RET_ERRNO | 1);
        let (own, shared) = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
        assert_eq!(answer(&filter, libc::SYS_mmap, own), allowed);
        assert_eq!(answer(&filter, libc::SYS_mmap, libc::MAP_PRIVATE), allowed);
        assert_eq!(answer(&filter, libc::SYS_mmap, shared), refused);
        // As a file is mapped where the kernel holds its flags to be known.
        assert_eq!(answer(&filter, libc::SYS_mmap, 3), refused);
        assert_eq!(answer(&filter, libc::SYS_clone, 0), refused);
        assert_eq!(answer(&filter, libc::SYS_read, 0), allowed);
        #[cfg(target_arch = "x86_64")]
        assert_eq!(answer(&filter, X32 | libc::SYS_mmap, own), refused);
    }
}
