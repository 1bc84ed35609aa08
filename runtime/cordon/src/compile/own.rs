//! What only the C library says or does for a process itself.

use std::io;

/// Closes all that the process was born with but its standard input, output and error: what whoever started the server left open
/// in it goes along to whatever that starts. To be called before anything is opened.
///
/// # Errors
/// Where the kernel cannot (before 5.9).
pub fn close_inherited() -> io::Result<()> {
    let (first, last, flags): (libc::c_long, libc::c_long, libc::c_long) = (3, i32::MAX.into(), 0);
    #[allow(unsafe_code, reason = "nothing else closes files that nobody here opened")]
    // SAFETY: nobody in this process owns a file yet, as its caller promises by when it calls; numbers that are no open files are
    // passed over.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) };
    if closed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// KiB of memory that this process had in use at a time, at most; 0 where nobody says.
pub(super) fn peak() -> u64 {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    #[allow(unsafe_code, reason = "a confined process reads no /proc, and the kernel says it nowhere else")]
    // SAFETY: the kernel writes one `rusage` where it is told, for which there is room; all zeros are one, too.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init()
    };
    u64::try_from(usage.ru_maxrss).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_says_what_memory_this_process_had() {
        assert!(peak() > 1_000, "a program has more than a megabyte");
    }
}
