//! Segment files: append-only frames with a checksum, in files of a bounded size.
//!
//! `<data>/journal/<tenant>/00000001.seg` (and `recordings` in place of `journal`):
//!
//! ```text
//! head   magic 8 ‖ log 1 ‖ number 4 ‖ tenant length 1 ‖ tenant ‖ CRC-32 4
//! frame  mark 4 ‖ kind 1 ‖ length 4 ‖ CRC-32 of kind, length and payload 4 ‖ payload
//! ```

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use parloir_contract::TenantId;
use serde::{Deserialize, Serialize};

/// A segment of this size is followed by a new one.
pub(crate) const MAX_SEGMENT: u64 = 32 << 20;
/// The largest payload of a frame.
const MAX_FRAME: usize = 64 << 20;

const MAGIC: &[u8; 8] = b"PARLSEG1";
const MARK: &[u8; 4] = b"\xf5PF\n";
const FRAME_HEAD: usize = 4 + 1 + 4 + 4;

/// A place in a tenant's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Location {
    /// The segment's number, from 1.
    pub segment: u32,
    /// Bytes from its beginning.
    pub offset: u64,
}

/// Which log of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Log {
    Journal,
    Recordings,
}

impl Log {
    const fn byte(self) -> u8 {
        match self {
            Self::Journal => 1,
            Self::Recordings => 2,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Journal => "journal",
            Self::Recordings => "recordings",
        }
    }

    pub(crate) fn folder(self, data: &Path, tenant: &TenantId) -> PathBuf {
        data.join(self.name()).join(tenant.as_str())
    }
}

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameKind {
    Key,
    Chunk,
    Recording,
}

impl FrameKind {
    const fn byte(self) -> u8 {
        match self {
            Self::Key => 1,
            Self::Chunk => 2,
            Self::Recording => 3,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        [Self::Key, Self::Chunk, Self::Recording].into_iter().find(|kind| kind.byte() == byte)
    }
}

/// What is found in a segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// A whole frame.
    Frame { offset: u64, kind: FrameKind, payload: &'a [u8] },
    /// Bytes that are none, up to `end`.
    Bad { offset: u64, end: u64, what: &'static str },
}

/// The tenants that have a log.
pub(crate) fn tenants(data: &Path, log: Log) -> io::Result<Vec<TenantId>> {
    let mut tenants = Vec::new();
    let entries = match fs::read_dir(data.join(log.name())) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(tenants),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            tenants.extend(entry.file_name().to_str().and_then(|name| name.parse().ok()));
        }
    }
    tenants.sort();
    Ok(tenants)
}

/// The numbers of a log's segments, in order.
pub(crate) fn numbers(folder: &Path) -> io::Result<Vec<u32>> {
    let mut numbers = Vec::new();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(numbers),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let name = entry?.file_name();
        numbers.extend(name.to_str().and_then(|name| name.strip_suffix(".seg")?.parse::<u32>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

pub(crate) fn path(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("{number:08}.seg"))
}

fn head(log: Log, tenant: &TenantId, number: u32) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.push(log.byte());
    bytes.extend_from_slice(&number.to_le_bytes());
    // A tenant has at most 40 bytes.
    bytes.push(tenant.as_str().len() as u8);
    bytes.extend_from_slice(tenant.as_str().as_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

fn checksum(kind: u8, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[kind]);
    hasher.update(&(payload.len() as u32).to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

/// A segment's bytes, from some frame on.
pub(crate) struct Segment {
    bytes: Vec<u8>,
    base: u64,
    /// Whether its head is that of this log, tenant and number. `true` where it was not read.
    pub(crate) head_is_right: bool,
}

impl Segment {
    /// Reads a segment from its beginning (`from` 0), or from the frame at `from`.
    pub(crate) fn read(
        folder: &Path,
        log: Log,
        tenant: &TenantId,
        number: u32,
        from: u64,
    ) -> io::Result<Self> {
        let mut file = File::open(path(folder, number))?;
        let mut bytes = Vec::new();
        if from > 0 {
            file.seek(SeekFrom::Start(from))?;
            file.read_to_end(&mut bytes)?;
            return Ok(Self { bytes, base: from, head_is_right: true });
        }
        let head = head(log, tenant, number);
        file.read_to_end(&mut bytes)?;
        let head_is_right = bytes.starts_with(&head);
        let base = head.len().min(bytes.len());
        bytes.drain(..base);
        Ok(Self { bytes, base: base as u64, head_is_right })
    }

    /// Everything in it, in order.
    pub(crate) fn frames(&self) -> Frames<'_> {
        Frames { bytes: &self.bytes, base: self.base, at: 0 }
    }
}

/// See [`Segment::frames`].
pub(crate) struct Frames<'a> {
    bytes: &'a [u8],
    base: u64,
    at: usize,
}

impl<'a> Frames<'a> {
    fn frame_at(&self, at: usize) -> Result<(FrameKind, &'a [u8]), &'static str> {
        let cut = "a frame is cut short";
        let rest = self.bytes.get(at..).ok_or(cut)?;
        let (mark, rest) = rest.split_first_chunk::<4>().ok_or(cut)?;
        if mark != MARK {
            return Err("there is no frame");
        }
        let (kind, rest) = rest.split_first().ok_or(cut)?;
        let (length, rest) = rest.split_first_chunk::<4>().ok_or(cut)?;
        let (crc, rest) = rest.split_first_chunk::<4>().ok_or(cut)?;
        let length = u32::from_le_bytes(*length) as usize;
        if length > MAX_FRAME {
            return Err("a frame has an impossible length");
        }
        let payload = rest.get(..length).ok_or(cut)?;
        if checksum(*kind, payload) != u32::from_le_bytes(*crc) {
            return Err("a frame's checksum differs");
        }
        let kind = FrameKind::from_byte(*kind).ok_or("a frame is of a kind this program does not know")?;
        Ok((kind, payload))
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Found<'a>;

    fn next(&mut self) -> Option<Found<'a>> {
        let at = self.at;
        if at >= self.bytes.len() {
            return None;
        }
        let offset = self.base + at as u64;
        match self.frame_at(at) {
            Ok((kind, payload)) => {
                self.at = at + FRAME_HEAD + payload.len();
                Some(Found::Frame { offset, kind, payload })
            }
            Err(what) => {
                // The next whole frame, or the end.
                let rest = self.bytes.get(at + 1..).unwrap_or_default();
                let next = rest
                    .windows(MARK.len())
                    .enumerate()
                    .filter(|(_, window)| window == MARK)
                    .map(|(place, _)| at + 1 + place)
                    .find(|place| self.frame_at(*place).is_ok());
                self.at = next.unwrap_or(self.bytes.len());
                Some(Found::Bad { offset, end: self.base + self.at as u64, what })
            }
        }
    }
}

/// The payload of the frame that begins at a location; `None` where there is no whole frame.
pub(crate) fn frame_at(folder: &Path, location: Location) -> io::Result<Option<Vec<u8>>> {
    let mut file = File::open(path(folder, location.segment))?;
    file.seek(SeekFrom::Start(location.offset))?;
    let mut bytes = Vec::new();
    (&mut file).take(FRAME_HEAD as u64).read_to_end(&mut bytes)?;
    let length = bytes.get(5..9).and_then(|length| length.first_chunk::<4>());
    let Some(length) = length.map(|length| u32::from_le_bytes(*length) as usize) else { return Ok(None) };
    if length > MAX_FRAME {
        return Ok(None);
    }
    file.take(length as u64).read_to_end(&mut bytes)?;
    let frames = Frames { bytes: &bytes, base: location.offset, at: 0 };
    Ok(frames.frame_at(0).ok().map(|(_, payload)| payload.to_vec()))
}

/// The end of a log, where frames are appended.
pub(crate) struct Tail {
    folder: PathBuf,
    log: Log,
    tenant: TenantId,
    number: u32,
    file: File,
    /// Bytes on disk.
    written: u64,
    /// Frames that are not on disk yet.
    pending: Vec<u8>,
    max_segment: u64,
}

impl Tail {
    /// The end of a log, which is begun if need be. A torn frame at the end, as a crash leaves it, is cut
    /// off; its bytes are kept in a file beside the segment.
    pub(crate) fn open(data: &Path, log: Log, tenant: &TenantId) -> io::Result<Self> {
        let folder = log.folder(data, tenant);
        if !folder.is_dir() {
            fs::create_dir_all(&folder)?;
            for parent in folder.ancestors().skip(1).take(3).filter(|p| !p.as_os_str().is_empty()) {
                File::open(parent)?.sync_all()?;
            }
        }
        let Some(number) = numbers(&folder)?.last().copied() else {
            return Self::begin(folder, log, tenant.clone(), 1);
        };
        let segment = Segment::read(&folder, log, tenant, number, 0)?;
        let path = path(&folder, number);
        if !segment.head_is_right && segment.bytes.is_empty() {
            // The crash came before the segment had its head: nothing was in it.
            tracing::warn!(file = %path.display(), "a segment without a head was begun anew");
            fs::remove_file(&path)?;
            return Self::begin(folder, log, tenant.clone(), number);
        }
        let torn = segment.frames().last().and_then(|found| match found {
            Found::Bad { offset, end, what } => Some((offset, end, what)),
            Found::Frame { .. } => None,
        });
        let file = File::options().read(true).append(true).open(&path)?;
        if let Some((offset, end, what)) = torn {
            keep_torn(&path, &file, offset)?;
            file.set_len(offset)?;
            file.sync_all()?;
            tracing::warn!(
                file = %path.display(), offset, bytes = end - offset, what,
                "the log ended in a torn frame, which was cut off; its bytes are kept beside it"
            );
        }
        let written = file.metadata()?.len();
        let tenant = tenant.clone();
        Ok(Self { folder, log, tenant, number, file, written, pending: Vec::new(), max_segment: MAX_SEGMENT })
    }

    fn begin(folder: PathBuf, log: Log, tenant: TenantId, number: u32) -> io::Result<Self> {
        let head = head(log, &tenant, number);
        let mut file = File::options().append(true).create_new(true).open(path(&folder, number))?;
        file.write_all(&head)?;
        file.sync_all()?;
        File::open(&folder)?.sync_all()?;
        let (written, pending) = (head.len() as u64, Vec::new());
        Ok(Self { folder, log, tenant, number, file, written, pending, max_segment: MAX_SEGMENT })
    }

    /// Makes segments small, for tests of rotation.
    #[cfg(test)]
    pub(crate) fn limit(&mut self, bytes: u64) {
        self.max_segment = bytes;
    }

    /// Appends a frame, in memory. Returns where it begins.
    pub(crate) fn append(&mut self, kind: FrameKind, payload: &[u8]) -> io::Result<Location> {
        if payload.len() > MAX_FRAME {
            return Err(io::Error::new(ErrorKind::InvalidInput, "a frame is too large"));
        }
        if self.written + self.pending.len() as u64 > self.max_segment {
            self.commit()?;
            *self = Self {
                max_segment: self.max_segment,
                ..Self::begin(self.folder.clone(), self.log, self.tenant.clone(), self.number + 1)?
            };
        }
        let location = self.end();
        self.pending.reserve(FRAME_HEAD + payload.len());
        self.pending.extend_from_slice(MARK);
        self.pending.push(kind.byte());
        self.pending.extend_from_slice(&(payload.len() as u32).to_le_bytes());
        self.pending.extend_from_slice(&checksum(kind.byte(), payload).to_le_bytes());
        self.pending.extend_from_slice(payload);
        Ok(location)
    }

    /// Where the next frame begins.
    pub(crate) fn end(&self) -> Location {
        Location { segment: self.number, offset: self.written + self.pending.len() as u64 }
    }

    /// Whether something waits for [`Tail::commit`].
    pub(crate) fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Makes everything appended durable.
    pub(crate) fn commit(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.file.write_all(&self.pending)?;
        rustix::fs::fdatasync(&self.file)?;
        self.written += self.pending.len() as u64;
        self.pending.clear();
        self.pending.shrink_to(1 << 20);
        Ok(())
    }
}

/// Keeps what is cut off: it was never acknowledged, but whoever looks into a crash wants to see it.
fn keep_torn(path: &Path, mut file: &File, offset: u64) -> io::Result<()> {
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut torn = Vec::new();
    file.seek(SeekFrom::Start(offset))?;
    file.read_to_end(&mut torn)?;
    let mut kept = File::create(path.with_extension(format!("torn-{seconds}")))?;
    kept.write_all(&torn)?;
    kept.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant() -> TenantId {
        "cabinet".parse().unwrap()
    }

    fn payloads(data: &Path) -> Vec<Vec<u8>> {
        let folder = Log::Journal.folder(data, &tenant());
        let mut all = Vec::new();
        for number in numbers(&folder).unwrap() {
            let segment = Segment::read(&folder, Log::Journal, &tenant(), number, 0).unwrap();
            assert!(segment.head_is_right);
            for found in segment.frames() {
                let Found::Frame { payload, .. } = found else { panic!("{found:?}") };
                all.push(payload.to_vec());
            }
        }
        all
    }

    #[test]
    fn frames_read_back_across_segments_and_restarts() {
        let data = tempfile::tempdir().unwrap();
        let mut expected = Vec::new();
        for round in 0..3_u8 {
            let mut tail = Tail::open(data.path(), Log::Journal, &tenant()).unwrap();
            tail.limit(500);
            for number in 0..20 {
                let payload = vec![number; usize::from(number) * 10 + usize::from(round)];
                tail.append(FrameKind::Chunk, &payload).unwrap();
                expected.push(payload);
            }
            tail.commit().unwrap();
        }
        assert_eq!(payloads(data.path()), expected);
        assert!(numbers(&Log::Journal.folder(data.path(), &tenant())).unwrap().len() > 5);
    }

    #[test]
    fn a_frame_torn_anywhere_is_cut_off_and_kept_aside() {
        let data = tempfile::tempdir().unwrap();
        let mut tail = Tail::open(data.path(), Log::Journal, &tenant()).unwrap();
        tail.append(FrameKind::Chunk, b"whole").unwrap();
        tail.commit().unwrap();
        let whole = tail.written;
        tail.append(FrameKind::Chunk, b"will be torn").unwrap();
        tail.commit().unwrap();
        let path = path(&Log::Journal.folder(data.path(), &tenant()), 1);
        let bytes = fs::read(&path).unwrap();
        for length in whole as usize..bytes.len() {
            fs::write(&path, &bytes[..length]).unwrap();
            let mut tail = Tail::open(data.path(), Log::Journal, &tenant()).unwrap();
            assert_eq!(tail.written, whole);
            tail.append(FrameKind::Chunk, b"next").unwrap();
            tail.commit().unwrap();
            assert_eq!(payloads(data.path()), [b"whole".to_vec(), b"next".to_vec()]);
        }
    }

    #[test]
    fn damage_in_the_middle_is_stepped_over_and_never_cut_off() {
        let data = tempfile::tempdir().unwrap();
        let mut tail = Tail::open(data.path(), Log::Journal, &tenant()).unwrap();
        let places: Vec<_> =
            (0..3_u8).map(|n| tail.append(FrameKind::Chunk, &[n; 40]).unwrap().offset).collect();
        tail.commit().unwrap();
        let folder = Log::Journal.folder(data.path(), &tenant());
        let mut bytes = fs::read(path(&folder, 1)).unwrap();
        bytes[places[1] as usize + 20] ^= 1;
        fs::write(path(&folder, 1), &bytes).unwrap();
        drop(Tail::open(data.path(), Log::Journal, &tenant()).unwrap());
        assert_eq!(fs::read(path(&folder, 1)).unwrap(), bytes);
        let segment = Segment::read(&folder, Log::Journal, &tenant(), 1, 0).unwrap();
        let found: Vec<_> = segment.frames().collect();
        assert!(matches!(found[0], Found::Frame { payload: [0, ..], .. }));
        assert!(
            matches!(found[1], Found::Bad { offset, end, .. } if offset == places[1] && end == places[2])
        );
        assert!(matches!(found[2], Found::Frame { payload: [2, ..], .. }));
    }
}
