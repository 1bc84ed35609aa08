//! Asks the standard library for the system, and reads all of its own memory by addresses it made up: there is no system,
//! and nobody else's words are in it.

use parloir_agent::{Agent, Call, Description, Outcome, log};

struct Reader;

impl Agent for Reader {
    fn describe() -> Description {
        Description::new("unsafe-reader", "0.1.0").speaking(["fr-FR"])
    }

    fn answer(_call: Call) -> Outcome {
        match system().or_else(|| read_everything()) {
            Some(how) => Outcome::Failed(format!("ESCAPED by {how}")),
            None => Outcome::Done,
        }
    }
}

/// What of the system there is.
fn system() -> Option<&'static str> {
    let attempts: [(&'static str, fn() -> bool); 6] = [
        ("a file", || std::fs::read("/etc/passwd").is_ok()),
        ("a folder", || std::fs::read_dir("/").is_ok()),
        ("the environment", || std::env::var("HOME").is_ok()),
        ("a socket", || std::net::TcpStream::connect(("169.254.169.254", 80)).is_ok()),
        ("a program", || std::process::Command::new("id").output().is_ok()),
        ("a thread", || std::thread::Builder::new().spawn(|| ()).is_ok()),
    ];
    attempts.into_iter().find(|(_, attempt)| attempt()).map(|(what, _)| what)
}

/// Looks for another agent's words at every address there is.
fn read_everything() -> Option<&'static str> {
    // Letter by letter, so that the word is not in this memory.
    let mixed = [b'C' ^ 1, b'A' ^ 1, b'N' ^ 1, b'A' ^ 1, b'R' ^ 1, b'Y' ^ 1];
    let pages = core::arch::wasm32::memory_size::<0>();
    let mut found = 0_u32;
    for at in 1..pages * 65_536 - mixed.len() {
        // SAFETY: every address below the memory's size can be read; what is read is bytes, which have no invalid value.
        let matches = (0..mixed.len()).all(
            |i| unsafe { core::ptr::with_exposed_provenance::<u8>(at + i).read_volatile() } == mixed[i] ^ 1,
        );
        found += u32::from(matches);
    }
    log::write(log::Level::Info, &format!("{pages} pages, {found} found"));
    (found > 0).then_some("reading")
}

parloir_agent::export!(Reader);
