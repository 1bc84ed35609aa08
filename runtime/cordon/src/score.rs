//! Whom the kernel ends first where memory is short, the machine's or a container's: a process of agents, before whoever started it.
//!
//! A process has a score for that, `oom_score_adj`. It may raise its own, and what it starts begins with it. A confined server opens
//! no such file any more, and neither does what it starts: so it opens its own beforehand, and has the highest score itself while it
//! starts a process of agents, which is a few milliseconds. It may come back to the one that it was given.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;

use parking_lot::Mutex;

const FILE: &str = "/proc/self/oom_score_adj";
/// Who has it is ended before all who have not; of several, whoever has most memory.
const FIRST: &[u8] = b"1000";

/// This process's own score, for as long as it lives.
#[derive(Debug)]
pub struct OwnScore(Mutex<File>);

impl OwnScore {
    /// To be called while the process may open it.
    ///
    /// # Errors
    /// Where it may not.
    pub fn open() -> io::Result<Self> {
        let file = File::options().read(true).write(true).open(FILE)?;
        Ok(Self(Mutex::new(file)))
    }

    /// Has what is started meanwhile begin with the highest. Where that cannot be had it is started all the same.
    pub(crate) fn lend<T>(&self, start: impl FnOnce() -> T) -> T {
        let file = self.0.lock();
        let own = read(&file).and_then(|own| file.write_all_at(FIRST, 0).map(|()| own));
        let started = start();
        if let Err(error) = own.and_then(|own| file.write_all_at(&own, 0)) {
            tracing::warn!(%error, "the score by which the kernel chooses whom to end where memory is short: {FILE}");
        }
        started
    }
}

fn read(file: &File) -> io::Result<Vec<u8>> {
    let mut score = [0; 16];
    let length = file.read_at(&mut score, 0)?;
    Ok(score.get(..length).unwrap_or_default().to_vec())
}

/// Has this process, and what it will start, be ended before those that started it.
///
/// # Errors
/// Where it may not say so.
pub fn end_first() -> io::Result<()> {
    fs::write(FILE, FIRST)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn what_is_started_ends_before_who_starts_it() {
        let own = || fs::read_to_string(FILE).unwrap();
        let (score, before) = (OwnScore::open().unwrap(), own());
        let scored = || Command::new("cat").arg(FILE).output().unwrap().stdout;
        assert_eq!(score.lend(scored), b"1000\n");
        assert_eq!(own(), before);
        assert_eq!(scored(), before.as_bytes(), "what is started otherwise");
    }
}
