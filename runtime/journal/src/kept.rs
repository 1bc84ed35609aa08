//! How many bytes each tenant's log and recordings keep on disk: added up as the journal is opened, and counted with what is written
//! and erased from then on, so that nobody who rings waits for a disk.
//!
//! What is erased is overwritten with zeros where it is, and a segment is as long as it was: those zeros are not counted. How many
//! each segment has is noted beside the segments of its log, so that no start reads them. Where that note is missing, as in data of
//! before there were such notes, they are counted as kept until something is erased in that log the next time, which counts them; in
//! a copy that comes from a back-up, while it is looked at and nobody waits for it.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use parloir_contract::TenantId;
use parloir_store::disk::{Disk, Readers, write_whole};

use crate::erase::marked;
use crate::segment::{self, Found, FrameKind, Log, Segment};
use crate::{JournalError, chunk, recording};

/// What a log's folder notes of the zeros in its segments.
const BLANKED: &str = "blanked";

/// Bytes of segments, by tenant. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kept(Arc<Mutex<HashMap<TenantId, u64>>>);

impl Kept {
    /// What a tenant has.
    pub(crate) fn of(&self, tenant: &TenantId) -> u64 {
        self.0.lock().get(tenant).copied().unwrap_or_default()
    }

    /// So much was written for a tenant.
    pub(crate) fn grow(&self, tenant: &TenantId, bytes: u64) {
        if bytes == 0 {
            return;
        }
        let mut kept = self.0.lock();
        match kept.get_mut(tenant) {
            Some(kept) => *kept = kept.saturating_add(bytes),
            None => {
                kept.insert(tenant.clone(), bytes);
            }
        }
    }

    /// So much of a tenant's was erased.
    pub(crate) fn shrink(&self, tenant: &TenantId, bytes: u64) {
        if let Some(kept) = self.0.lock().get_mut(tenant) {
            *kept = kept.saturating_sub(bytes);
        }
    }

    /// Adds up what is there. `counts`: what is noted nowhere of zeros is counted, and noted.
    pub(crate) fn add_up(&self, disk: &dyn Disk, data: &Path, counts: bool) -> Result<(), JournalError> {
        let mut all: HashMap<TenantId, u64> = HashMap::new();
        for log in [Log::Journal, Log::Recordings] {
            for tenant in segment::tenants(data, log)? {
                let (folder, mut bytes) = (log.folder(data, &tenant), 0);
                let blanked = match Blanked::read(&folder)? {
                    None if counts => Blanked::counted(data, log, &tenant)?
                        .map(|counted| counted.write(disk, &folder).map(|()| counted))
                        .transpose()?,
                    noted => noted,
                };
                let blanked = blanked.unwrap_or_default();
                for number in segment::numbers(&folder)? {
                    let length = fs::metadata(segment::path(&folder, number))?.len();
                    bytes += length.saturating_sub(blanked.of(number));
                }
                *all.entry(tenant).or_default() += bytes;
            }
        }
        *self.0.lock() = all;
        Ok(())
    }
}

/// How many bytes of a frame are zeros in place of what was erased.
pub(crate) fn blank_bytes(kind: FrameKind, payload: &[u8]) -> u64 {
    match kind {
        FrameKind::ErasedChunk => chunk::blank_bytes(payload),
        FrameKind::ErasedRecording => recording::blank_bytes(payload),
        FrameKind::Key | FrameKind::Chunk | FrameKind::Recording => 0,
    }
}

/// How many bytes in each segment of a log are zeros in place of what was erased.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Blanked(BTreeMap<u32, u64>);

impl Blanked {
    /// A line for each segment; `None` where it is no such note.
    fn parse(text: &str) -> Option<Self> {
        let mut segments = BTreeMap::new();
        for line in text.lines() {
            let (number, bytes) = line.split_once(' ')?;
            segments.insert(number.parse().ok()?, bytes.parse().ok()?);
        }
        Some(Self(segments))
    }

    fn text(&self) -> String {
        self.0.iter().fold(String::new(), |mut text, (number, bytes)| {
            let _a_string_takes_all = writeln!(text, "{number} {bytes}");
            text
        })
    }

    /// What is noted in a log's folder; `None` where nothing is, or nothing that can be read.
    pub(crate) fn read(folder: &Path) -> io::Result<Option<Self>> {
        match fs::read(folder.join(BLANKED)) {
            Ok(bytes) => Ok(std::str::from_utf8(&bytes).ok().and_then(Self::parse)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Notes it, durably.
    pub(crate) fn write(&self, disk: &dyn Disk, folder: &Path) -> io::Result<()> {
        write_whole(disk, &folder.join(BLANKED), self.text().as_bytes(), Readers::Owner)
    }

    /// How many there are in each segment of a log, all of which are read; `None` where nothing was erased. What cannot be read is
    /// kept.
    pub(crate) fn counted(data: &Path, log: Log, tenant: &TenantId) -> Result<Option<Self>, JournalError> {
        if marked(data, tenant)?.is_none() {
            return Ok(None);
        }
        let (folder, mut counted) = (log.folder(data, tenant), Self::default());
        for number in segment::numbers(&folder)? {
            let segment = match Segment::read(&folder, log, tenant, number, 0) {
                Ok(segment) => segment,
                Err(error) => {
                    tracing::warn!(%tenant, number, log = log.name(), %error, "what was erased in a segment could not be counted");
                    continue;
                }
            };
            let frames = segment.frames().map(|found| match found {
                Found::Frame { kind, payload, .. } => blank_bytes(kind, payload),
                Found::Bad { .. } => 0,
            });
            counted.raise(number, frames.sum());
        }
        Ok(Some(counted))
    }

    fn of(&self, number: u32) -> u64 {
        self.0.get(&number).copied().unwrap_or_default()
    }

    /// So many were found in a segment. What was erased does not come back: where some of it cannot be read any more, it was more.
    pub(crate) fn raise(&mut self, number: u32, bytes: u64) {
        if bytes > self.of(number) {
            self.0.insert(number, bytes);
        }
    }

    /// How many more these are than those.
    pub(crate) fn more_than(&self, before: &Self) -> u64 {
        self.0.iter().map(|(number, bytes)| bytes.saturating_sub(before.of(*number))).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_of_zeros_is_read_back_and_nothing_else_is_taken_for_it() {
        let mut noted = Blanked::default();
        for (number, bytes) in [(3, 700), (1, 12), (3, 5), (2, 0)] {
            noted.raise(number, bytes);
        }
        assert_eq!(noted.text(), "1 12\n3 700\n");
        assert_eq!(Blanked::parse(&noted.text()).unwrap(), noted);
        assert_eq!(Blanked::parse("").unwrap(), Blanked::default());
        for other in ["1", "1 x\n", "x 1\n", "1 2 3\n", "\n", "-1 2\n"] {
            assert_eq!(Blanked::parse(other), None, "{other:?}");
        }
        let mut more = noted.clone();
        more.raise(3, 800);
        more.raise(9, 1);
        assert_eq!((more.more_than(&noted), noted.more_than(&more)), (101, 0));
    }
}
