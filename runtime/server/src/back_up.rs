//! A back-up on its way from an installation that serves to the command that asked for it: in parts, each with its length before
//! it, and at the end a part of no length with what became of it. What breaks off earlier has no end.

use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use parloir_backup::Snapshot;

/// The largest part, in bytes.
const PART: usize = 256 << 10;
/// The longest last word, in bytes.
const LAST_WORD: u64 = 64 << 10;
/// What whoever asked for it says when it is whole and on disk.
const KEPT: &[u8] = b"kept";
/// How long that may take.
const KEEPING: Duration = Duration::from_secs(60);

/// A back-up that an installation gives.
#[derive(Debug)]
pub struct Incoming {
    /// About how many bytes it has.
    pub bytes: u64,
    /// What is beside the keys and not in it, as of [`Snapshot::left_out`].
    pub left_out: Vec<String>,
    from: BufReader<UnixStream>,
}

impl Incoming {
    pub(crate) fn new((bytes, left_out): (u64, Vec<String>), from: BufReader<UnixStream>) -> Self {
        Self { bytes, left_out, from }
    }

    /// Writes all of it. Whatever this does not return of with success is not whole. Blocks.
    pub fn copy_to(&mut self, into: &mut dyn Write) -> io::Result<()> {
        let mut part = vec![0; PART];
        loop {
            let mut length = [0; 4];
            self.from.read_exact(&mut length)?;
            let length = u32::from_be_bytes(length) as usize;
            if length == 0 {
                break;
            }
            let too_long =
                || io::Error::new(ErrorKind::InvalidData, "it gives something else than a back-up");
            let part = part.get_mut(..length).ok_or_else(too_long)?;
            self.from.read_exact(part)?;
            into.write_all(part)?;
        }
        let mut last = String::new();
        self.from.by_ref().take(LAST_WORD).read_to_string(&mut last)?;
        if last == "done" { Ok(()) } else { Err(io::Error::other(last)) }
    }

    /// Tells the installation that what was copied is whole and on disk.
    pub fn kept(self) -> io::Result<()> {
        self.from.into_inner().write_all(KEPT)
    }
}

/// Gives a back-up to whoever is at the other end. Whether it is whole and on disk there. Blocks.
pub(crate) fn give(stream: UnixStream, snapshot: Snapshot) -> io::Result<bool> {
    let mut parts = Parts { stream, part: Vec::with_capacity(PART) };
    let written = snapshot.write(&mut parts);
    parts.send()?;
    let last = match &written {
        Ok(()) => "done".to_owned(),
        Err(error) => error.to_string(),
    };
    parts.stream.write_all(&0_u32.to_be_bytes())?;
    parts.stream.write_all(last.as_bytes())?;
    written.map_err(io::Error::other)?;
    parts.stream.shutdown(Shutdown::Write)?;
    parts.stream.set_read_timeout(Some(KEEPING))?;
    Ok(is_kept(&mut parts.stream))
}

/// What whoever broke off or says nothing has is no back-up.
fn is_kept(from: &mut impl Read) -> bool {
    let mut word = Vec::new();
    from.take(KEPT.len() as u64).read_to_end(&mut word).is_ok() && word == KEPT
}

struct Parts {
    stream: UnixStream,
    part: Vec<u8>,
}

impl Parts {
    fn send(&mut self) -> io::Result<()> {
        if !self.part.is_empty() {
            self.stream.write_all(&(self.part.len() as u32).to_be_bytes())?;
            self.stream.write_all(&self.part)?;
            self.part.clear();
        }
        Ok(())
    }
}

impl Write for Parts {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.part.len() >= PART {
            self.send()?;
        }
        let taken = bytes.len().min(PART - self.part.len());
        self.part.extend_from_slice(bytes.get(..taken).unwrap_or_default());
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()?;
        self.stream.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_breaks_off_or_ends_badly_is_not_taken_for_whole() {
        let sent = |bytes: &[u8]| {
            let (mut to, from) = UnixStream::pair().unwrap();
            to.write_all(bytes).unwrap();
            drop(to);
            let mut into = Vec::new();
            let copied = Incoming::new((0, vec![]), BufReader::new(from)).copy_to(&mut into);
            copied.map(|()| into)
        };
        let part = b"\0\0\0\x03abc".as_slice();
        assert_eq!(sent(&[part, part, b"\0\0\0\0done"].concat()).unwrap(), b"abcabc");
        for broken in [b"".as_slice(), part, &part[..5], b"\0\0\0\0", b"\0\0\0\0don", b"\xff\0\0\0"] {
            assert!(sent(broken).is_err(), "{broken:?}");
        }
        let told = sent(&[part, b"\0\0\0\0the disk is full"].concat()).unwrap_err();
        assert_eq!(told.to_string(), "the disk is full");
    }

    #[test]
    fn what_was_copied_counts_when_it_is_said_to_be_on_disk() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        Incoming::new((0, vec![]), BufReader::new(ours)).kept().unwrap();
        assert!(is_kept(&mut theirs));
        for word in [b"".as_slice(), b"kep", b"gone"] {
            assert!(!is_kept(&mut &*word), "{word:?}");
        }
    }
}
