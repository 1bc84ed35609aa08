//! Processes beside the test: they end with it, and it waits for what they do.

use std::net::{TcpListener, TcpStream};
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::process::Child;
use std::time::{Duration, Instant};

use super::root;

/// A process that ends with the test.
pub struct Process(pub Child);

impl Deref for Process {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl DerefMut for Process {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // `Child::kill` is SIGKILL.
        let _ended_already = self.0.kill();
        let _ended_already = self.0.wait();
    }
}

/// Whether a process runs: one that has ended and that nobody asked for does not.
pub fn runs(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// Waits on the test's own thread until it is so, for a minute at most: for what another process does.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}: never");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// A port of this machine on which nobody listens.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Waits until somebody listens on a port of this machine.
pub fn until_listening(port: u16) {
    until(&format!("somebody listens on port {port}"), || TcpStream::connect(("127.0.0.1", port)).is_ok());
}

/// Where `.ci/peers` put what others wrote.
pub fn peers() -> PathBuf {
    std::env::var_os("PARLOIR_PEERS").map_or_else(|| root().join("target/peers"), PathBuf::from)
}
