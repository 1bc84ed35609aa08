//! Segment files: append-only frames with a checksum, in files of a bounded size.
//!
//! `<data>/journal/<tenant>/00000001.seg` (and `recordings` in place of `journal`):
//!
//! ```text
//! head   magic 8 ‖ log 1 ‖ number 4 ‖ tenant length 1 ‖ tenant ‖ CRC-32 4
//! group  a frame of kind 4, then the frames it counts. Its payload:
//!        segment 4 ‖ its own place in it 8 ‖ frames 4 ‖ bytes of them 8 ‖ CRC-32 of them 4
//! frame  mark 4 ‖ kind 1 ‖ length 4 ‖ CRC-32 of kind, length and payload 4 ‖ payload
//! ```
//!
//! A group is what became durable at once. One group at a time is on its way to the disk, and the disk may write its
//! sectors in any order: after a power cut its end may be there and its middle not. So a group counts whole or not
//! at all ([`Segment::whole`]), and what is not whole at the end of a log was never acknowledged. What is not whole
//! *before* a whole group was: that is damage, and it stays to be seen.
//!
//! A frame whose content was erased is of another kind, and of the same length at the same place ([`blanked`]).

mod blank;
mod tail;
#[cfg(test)]
mod tests;
mod version;

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use parloir_contract::TenantId;
use serde::{Deserialize, Serialize};

pub(crate) use blank::blanked;
pub(crate) use tail::Tail;
pub use version::OtherVersion;
pub(crate) use version::refuse_others;

/// A segment of this size is followed by a new one.
pub(crate) const MAX_SEGMENT: u64 = 32 << 20;
/// The largest payload of a frame.
const MAX_FRAME: usize = 64 << 20;

/// Ends in the version of what is in a segment, which is [`RECORD_VERSION`](crate::RECORD_VERSION).
const MAGIC: &[u8; 8] = b"PARLSEG7";
const MARK: &[u8; 4] = b"\xf5PF\n";
const FRAME_HEAD: usize = 4 + 1 + 4 + 4;
/// The kind of frame that a group begins with.
const GROUP: u8 = 4;
/// Bytes of that frame.
const GROUP_HEAD: usize = FRAME_HEAD + 4 + 8 + 4 + 8 + 4;

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
    /// A chunk with zeros in place of what was erased.
    ErasedChunk,
    /// A block of recording with zeros in place of the sound.
    ErasedRecording,
}

impl FrameKind {
    const fn byte(self) -> u8 {
        match self {
            Self::Key => 1,
            Self::Chunk => 2,
            Self::Recording => 3,
            // 4 is a group.
            Self::ErasedChunk => 5,
            Self::ErasedRecording => 6,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        [Self::Key, Self::Chunk, Self::Recording, Self::ErasedChunk, Self::ErasedRecording]
            .into_iter()
            .find(|kind| kind.byte() == byte)
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
    tenants_in(&data.join(log.name()))
}

/// The tenants that have a folder in this one.
pub(crate) fn tenants_in(folder: &Path) -> io::Result<Vec<TenantId>> {
    let mut tenants = Vec::new();
    let entries = match fs::read_dir(folder) {
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
    folder.join(name(number))
}

/// What a segment's file is called.
pub(crate) fn name(number: u32) -> String {
    format!("{number:08}.seg")
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

/// Puts a frame's head before its payload.
fn put_frame(into: &mut Vec<u8>, kind: u8, payload: &[u8]) {
    into.reserve(FRAME_HEAD + payload.len());
    into.extend_from_slice(MARK);
    into.push(kind);
    into.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    into.extend_from_slice(&checksum(kind, payload).to_le_bytes());
    into.extend_from_slice(payload);
}

/// The frame that a group of these frames begins with, at a place of a segment.
pub(crate) fn group_head(number: u32, at: u64, count: u32, frames: &[u8]) -> Vec<u8> {
    let mut payload = number.to_le_bytes().to_vec();
    payload.extend_from_slice(&at.to_le_bytes());
    payload.extend_from_slice(&count.to_le_bytes());
    payload.extend_from_slice(&(frames.len() as u64).to_le_bytes());
    payload.extend_from_slice(&crc32fast::hash(frames).to_le_bytes());
    let mut head = Vec::with_capacity(GROUP_HEAD);
    put_frame(&mut head, GROUP, &payload);
    head
}

/// A segment's bytes, from some frame on.
pub(crate) struct Segment {
    bytes: Vec<u8>,
    base: u64,
    number: u32,
    /// Whether its head is that of this log, tenant and number. `true` where it was not read.
    pub(crate) head_is_right: bool,
    /// Whether it names another version of this program.
    is_of_another: bool,
    from_head: bool,
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
            let (head_is_right, is_of_another) = (true, false);
            return Ok(Self { bytes, base: from, number, head_is_right, is_of_another, from_head: false });
        }
        let head = head(log, tenant, number);
        file.read_to_end(&mut bytes)?;
        let head_is_right = bytes.starts_with(&head);
        let is_of_another = version::other(&bytes).is_some();
        let base = head.len().min(bytes.len());
        bytes.drain(..base);
        Ok(Self { bytes, base: base as u64, number, head_is_right, is_of_another, from_head: true })
    }

    /// What is wrong with its head, if anything is.
    pub(crate) fn wrong_head(&self) -> Option<&'static str> {
        match (self.head_is_right, self.is_of_another) {
            (true, _) => None,
            (false, false) => Some("the segment's head is not that of this log"),
            (false, true) => {
                Some("the segment was written by another version of this program: use that one to read it")
            }
        }
    }

    /// Everything in it, in order. Read from a frame in the middle of a group, the rest of that group is taken as
    /// it is.
    pub(crate) fn frames(&self) -> Frames<'_> {
        let place = if self.from_head { Place::Between } else { Place::Unknown };
        Frames { bytes: &self.bytes, base: self.base, number: self.number, at: 0, place }
    }
}

/// A group that begins somewhere.
struct Group {
    /// Where its first frame begins.
    begin: usize,
    /// How long its frames are; `None` where they are not all there as they were written.
    length: Option<usize>,
}

/// Where in a segment one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Where only a group may begin.
    Between,
    /// In a group that ends there.
    Inside(usize),
    /// In the middle of something: frames are taken as they come, up to the next group.
    Unknown,
}

/// See [`Segment::frames`].
pub(crate) struct Frames<'a> {
    bytes: &'a [u8],
    base: u64,
    number: u32,
    at: usize,
    place: Place,
}

impl<'a> Frames<'a> {
    /// A frame of any kind.
    fn raw_at(&self, at: usize) -> Result<(u8, &'a [u8]), &'static str> {
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
        Ok((*kind, payload))
    }

    fn frame_at(&self, at: usize) -> Result<(FrameKind, &'a [u8]), &'static str> {
        let (kind, payload) = self.raw_at(at)?;
        let kind = FrameKind::from_byte(kind).ok_or("a frame is of a kind this program does not know")?;
        Ok((kind, payload))
    }

    /// The group that begins there, if one does.
    fn group_at(&self, at: usize) -> Option<Group> {
        // The kind first: a checksum over every frame that is none would take its time.
        if self.bytes.get(at + MARK.len()) != Some(&GROUP) {
            return None;
        }
        let (_, mut rest) = self.raw_at(at).ok()?;
        let number = u32::from_le_bytes(take(&mut rest)?);
        let place = u64::from_le_bytes(take(&mut rest)?);
        let count = u32::from_le_bytes(take(&mut rest)?);
        let length = usize::try_from(u64::from_le_bytes(take(&mut rest)?)).ok()?;
        let crc = u32::from_le_bytes(take(&mut rest)?);
        // Another file's bytes, as a disk may leave them in a hole, are no group of this one.
        if !rest.is_empty() || number != self.number || place != self.base + at as u64 {
            return None;
        }
        let begin = at + GROUP_HEAD;
        let frames = self.bytes.get(begin..).and_then(|rest| rest.get(..length));
        let whole = frames.is_some_and(|frames| crc32fast::hash(frames) == crc && counts(frames, count));
        Some(Group { begin, length: whole.then_some(length) })
    }

    /// The next place from `from` on where a frame may begin and that is wanted.
    fn next_mark(&self, from: usize, wanted: impl Fn(usize) -> bool) -> Option<usize> {
        let rest = self.bytes.get(from..)?;
        let marks = rest.windows(MARK.len()).enumerate().filter(|(_, window)| window == MARK);
        marks.map(|(place, _)| from + place).find(|place| wanted(*place))
    }
}

/// Whether these bytes are so many frames, going by their lengths.
fn counts(frames: &[u8], count: u32) -> bool {
    let (mut rest, mut counted) = (frames, 0_u32);
    while !rest.is_empty() {
        let length = rest.get(5..9).and_then(|length| length.first_chunk::<4>());
        let length = length.map_or(usize::MAX, |length| u32::from_le_bytes(*length) as usize);
        let Some(after) = rest.get(FRAME_HEAD.saturating_add(length)..) else { return false };
        (rest, counted) = (after, counted.saturating_add(1));
    }
    counted == count
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(*head)
}

impl<'a> Iterator for Frames<'a> {
    type Item = Found<'a>;

    fn next(&mut self) -> Option<Found<'a>> {
        loop {
            if self.place == Place::Inside(self.at) {
                self.place = Place::Between;
            }
            let at = self.at;
            if at >= self.bytes.len() {
                return None;
            }
            let offset = self.base + at as u64;
            match (self.group_at(at), self.place) {
                (Some(Group { begin, length: Some(length) }), Place::Between | Place::Unknown) => {
                    (self.at, self.place) = (begin, Place::Inside(begin + length));
                    continue;
                }
                (Some(Group { begin, .. }), _) => {
                    // What of it is there may still be read.
                    (self.at, self.place) = (begin, Place::Unknown);
                    let what = "a group of frames is not whole";
                    return Some(Found::Bad { offset, end: self.base + begin as u64, what });
                }
                (None, Place::Between) if self.frame_at(at).is_ok() => {
                    self.place = Place::Unknown;
                    let what = "the head of a group of frames is missing";
                    return Some(Found::Bad { offset, end: offset, what });
                }
                (None, Place::Between | Place::Inside(_) | Place::Unknown) => {}
            }
            return match self.frame_at(at) {
                Ok((kind, payload)) => {
                    self.at = at + FRAME_HEAD + payload.len();
                    Some(Found::Frame { offset, kind, payload })
                }
                Err(what) => {
                    // The next whole frame or group, or the end.
                    let next = self.next_mark(at + 1, |place| {
                        self.frame_at(place).is_ok() || self.group_at(place).is_some()
                    });
                    self.at = next.unwrap_or(self.bytes.len());
                    self.place = Place::Unknown;
                    Some(Found::Bad { offset, end: self.base + self.at as u64, what })
                }
            };
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
    let (base, number) = (location.offset, location.segment);
    let frames = Frames { bytes: &bytes, base, number, at: 0, place: Place::Unknown };
    Ok(frames.frame_at(0).ok().map(|(_, payload)| payload.to_vec()))
}
