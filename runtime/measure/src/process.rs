//! What a process costs, read from `/proc`.

use std::time::Duration;

use serde::Serialize;

use crate::Failure;

/// What of a process is in memory, in KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Resident {
    /// Its own alone: heap, stacks, code that it compiled or read.
    pub anon_kib: u64,
    /// Of files: the program itself.
    pub file_kib: u64,
    /// Of files that are in memory alone: the first state of agents' memories.
    pub shared_kib: u64,
}

impl Resident {
    /// All of it.
    pub fn kib(&self) -> u64 {
        self.anon_kib + self.file_kib + self.shared_kib
    }
}

/// What of a process is in memory now.
///
/// # Errors
/// Where there is no such process.
pub fn resident(pid: u32) -> Result<Resident, Failure> {
    let status = Process::new(pid).read("status")?;
    let of =
        |name: &str| kib_of(&status, name).ok_or_else(|| Failure::Plain(format!("process {pid} has ended")));
    Ok(Resident { anon_kib: of("RssAnon:")?, file_kib: of("RssFile:")?, shared_kib: of("RssShmem:")? })
}

/// A line of `/proc/PID/status` that counts KiB.
fn kib_of(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

/// A process of this machine.
pub(crate) struct Process {
    pid: u32,
}

impl Process {
    pub(crate) fn new(pid: u32) -> Self {
        Self { pid }
    }

    fn read(&self, file: &str) -> Result<String, Failure> {
        let path = format!("/proc/{}/{file}", self.pid);
        std::fs::read_to_string(&path).map_err(|error| Failure::Io {
            what: format!("{path} (is process {} running?)", self.pid),
            error,
        })
    }

    /// CPU time so far, user and system, all threads.
    pub(crate) fn cpu(&self) -> Result<Duration, Failure> {
        let stat = self.read("stat")?;
        cpu_of(&stat).ok_or_else(|| Failure::Plain(format!("/proc/{}/stat cannot be read", self.pid)))
    }

    /// Resident memory.
    pub(crate) fn memory_kib(&self) -> Result<u64, Failure> {
        let status = self.read("status")?;
        kib_of(&status, "VmRSS:").ok_or_else(|| Failure::Plain(format!("process {} has ended", self.pid)))
    }
}

/// proc(5): after the name in parentheses, `utime` and `stime` are the 12th and 13th fields, in ticks of 10 ms.
fn cpu_of(stat: &str) -> Option<Duration> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((user + system) * 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194304 100 0 0 0 150 50 0 0 20 0 1 0 100 1000 10";
        assert_eq!(cpu_of(stat), Some(Duration::from_secs(2)));
    }

    #[test]
    fn this_process_can_be_read() {
        let own = Process::new(std::process::id());
        assert!(own.memory_kib().unwrap() > 100 && own.cpu().is_ok());
        assert!(Process::new(u32::MAX).cpu().is_err());
        let parts = resident(std::process::id()).unwrap();
        assert!(parts.anon_kib > 0 && parts.file_kib > 0 && parts.kib() >= parts.anon_kib + parts.file_kib);
        assert!(resident(u32::MAX).is_err());
    }
}
