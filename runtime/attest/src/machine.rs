//! What is attested of: this program, and this machine.

use std::fs::File;
use std::io::Read;

use sha2::{Digest, Sha256};

use crate::broken::Broken;
use crate::report::{Machine, Program};
use crate::sign::hex;

/// What the kernel says in a file; nothing where it has none.
fn said(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// The value of a line `name: value`.
fn value(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    Some(line?.trim_start_matches([' ', '\t', ':']).trim().to_owned())
}

/// This machine.
pub fn machine() -> Machine {
    let kernel =
        format!("{} {}", said("/proc/sys/kernel/ostype").trim(), said("/proc/sys/kernel/osrelease").trim());
    let memory = value(&said("/proc/meminfo"), "MemTotal").unwrap_or_default();
    let kib: u64 = memory.trim_end_matches(" kB").parse().unwrap_or_default();
    Machine {
        kernel,
        cpu: value(&said("/proc/cpuinfo"), "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        memory_mib: kib >> 10,
    }
}

/// This program, of this version. Reads its file whole.
///
/// # Errors
/// Where its file cannot be read.
pub fn program(version: &str) -> Result<Program, Broken> {
    let unread = |error: std::io::Error| Broken::because("the program's own file", error);
    let mut file = std::env::current_exe().and_then(File::open).map_err(unread)?;
    let (mut digest, mut piece) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        let length = file.read(&mut piece).map_err(unread)?;
        if length == 0 {
            break;
        }
        digest.update(piece.get(..length).unwrap_or_default());
    }
    let sha256: [u8; 32] = digest.finalize().into();
    Ok(Program {
        version: version.to_owned(),
        sha256: hex(&sha256),
        optimised: !cfg!(debug_assertions),
        engine: format!("wasmtime {}", env!("PARLOIR_WASMTIME")),
    })
}

/// The most memory that this process had, in KiB.
pub(crate) fn peak_kib() -> u64 {
    let peak = value(&said("/proc/self/status"), "VmHWM").unwrap_or_default();
    peak.trim_end_matches(" kB").parse().unwrap_or_default()
}
