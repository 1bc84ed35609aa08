//! The end of a log, where frames are appended.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use parloir_contract::TenantId;
use parloir_store::disk::{Disk, DiskFile, Readers, settle};

use super::{
    FrameKind, GROUP_HEAD, Location, Log, MAX_FRAME, MAX_SEGMENT, Segment, group_head, head, numbers, path,
    put_frame, version,
};

/// Folders above a log's own whose names must be durable: `journal`, the data folder, and the one it is in.
const ABOVE: usize = 3;

/// The end of a log, where frames are appended.
pub(crate) struct Tail {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    log: Log,
    tenant: TenantId,
    number: u32,
    file: Box<dyn DiskFile>,
    /// Bytes on disk.
    written: u64,
    /// The next group: room for its head, and frames that are not on disk yet. Empty for none.
    pending: Vec<u8>,
    /// How many frames.
    count: u32,
    max_segment: u64,
    /// Bytes that were written since somebody asked.
    grown: u64,
}

impl Tail {
    /// The end of a log, which is begun if need be. A torn group at the end, as a crash leaves it, is cut off; its
    /// bytes are kept in a file beside the segment. When this returns, all that is there is durable: a program
    /// that was killed may have written what it never synced, and nothing of that may be signed or built upon.
    pub(crate) fn open(disk: &Arc<dyn Disk>, data: &Path, log: Log, tenant: &TenantId) -> io::Result<Self> {
        let folder = log.folder(data, tenant);
        disk.make_folder(&folder, Readers::Anyone)?;
        let Some(number) = numbers(&folder)?.last().copied() else {
            let tail = Self::begin(Arc::clone(disk), folder.clone(), log, tenant.clone(), 1)?;
            settle(&**disk, &folder, ABOVE)?;
            return Ok(tail);
        };
        let segment = Segment::read(&folder, log, tenant, number, 0)?;
        let path = path(&folder, number);
        if !segment.head_is_right
            && let Some(other) = version::other_at(&path)?
        {
            return Err(other.into());
        }
        if !segment.head_is_right && segment.bytes.is_empty() {
            // The crash came before the segment had its head: nothing was in it.
            tracing::warn!(file = %path.display(), "a segment without a head was begun anew");
            disk.remove(&path)?;
            let tail = Self::begin(Arc::clone(disk), folder.clone(), log, tenant.clone(), number)?;
            settle(&**disk, &folder, ABOVE)?;
            return Ok(tail);
        }
        let mut file = disk.append(&path)?;
        let (written, length) = (segment.whole(), segment.base + segment.bytes.len() as u64);
        if written < length {
            let kept = keep_torn(&**disk, &path, written)?;
            file.cut(written)?;
            tracing::warn!(
                file = %path.display(), offset = written, bytes = length - written, kept = %kept.display(),
                "the log ended in a group of frames that was not whole, which was never acknowledged: it was cut off and kept beside it"
            );
        }
        file.sync()?;
        settle(&**disk, &folder, ABOVE)?;
        let (disk, tenant, pending) = (Arc::clone(disk), tenant.clone(), Vec::new());
        let (count, max_segment, grown) = (0, MAX_SEGMENT, 0);
        Ok(Self { disk, folder, log, tenant, number, file, written, pending, count, max_segment, grown })
    }

    fn begin(
        disk: Arc<dyn Disk>,
        folder: PathBuf,
        log: Log,
        tenant: TenantId,
        number: u32,
    ) -> io::Result<Self> {
        let head = head(log, &tenant, number);
        let mut file = disk.create(&path(&folder, number), Readers::Owner)?;
        file.write(&head)?;
        file.sync()?;
        disk.sync_folder(&folder)?;
        let (written, pending) = (head.len() as u64, Vec::new());
        let (count, max_segment, grown) = (0, MAX_SEGMENT, written);
        Ok(Self { disk, folder, log, tenant, number, file, written, pending, count, max_segment, grown })
    }

    /// Another size after which a segment is followed by a new one.
    pub(crate) fn limit(&mut self, bytes: u64) {
        self.max_segment = bytes;
    }

    /// Appends a frame to the next group, in memory. Returns where it begins.
    pub(crate) fn append(&mut self, kind: FrameKind, payload: &[u8]) -> io::Result<Location> {
        if payload.len() > MAX_FRAME {
            return Err(io::Error::new(ErrorKind::InvalidInput, "a frame is too large"));
        }
        if self.is_full() {
            self.commit()?;
            let (disk, folder, tenant) = (Arc::clone(&self.disk), self.folder.clone(), self.tenant.clone());
            let next = Self::begin(disk, folder, self.log, tenant, self.number + 1)?;
            *self = Self { max_segment: self.max_segment, grown: self.grown + next.grown, ..next };
        }
        if self.pending.is_empty() {
            self.pending.resize(GROUP_HEAD, 0);
        }
        let location = self.end();
        put_frame(&mut self.pending, kind.byte(), payload);
        self.count += 1;
        Ok(location)
    }

    /// Makes everything appended durable, and begins a new segment where there is anything in this one: nothing is appended
    /// to those before it any more. Returns the number of the present one.
    pub(crate) fn roll(&mut self) -> io::Result<u32> {
        self.commit()?;
        if self.written > head(self.log, &self.tenant, self.number).len() as u64 {
            let (disk, folder, tenant) = (Arc::clone(&self.disk), self.folder.clone(), self.tenant.clone());
            let next = Self::begin(disk, folder, self.log, tenant, self.number + 1)?;
            *self = Self { max_segment: self.max_segment, grown: self.grown + next.grown, ..next };
        }
        Ok(self.number)
    }

    /// Where the next frame begins, or the group that it begins.
    pub(crate) fn end(&self) -> Location {
        Location { segment: self.number, offset: self.written + self.pending.len() as u64 }
    }

    /// Whether the next [`Tail::append`] begins a new segment, and makes durable what is pending.
    pub(crate) fn is_full(&self) -> bool {
        self.written + self.pending.len() as u64 > self.max_segment
    }

    /// Whether something waits for [`Tail::commit`].
    pub(crate) fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// How many bytes the log has grown by since this was asked before, or since it was opened.
    pub(crate) fn grown(&mut self) -> u64 {
        std::mem::take(&mut self.grown)
    }

    /// Makes everything appended durable, as one group.
    pub(crate) fn commit(&mut self) -> io::Result<()> {
        let Some((room, frames)) = self.pending.split_at_mut_checked(GROUP_HEAD) else { return Ok(()) };
        room.copy_from_slice(&group_head(self.number, self.written, self.count, frames));
        self.file.write(&self.pending)?;
        self.file.sync()?;
        self.written += self.pending.len() as u64;
        self.grown += self.pending.len() as u64;
        self.pending.clear();
        self.pending.shrink_to(1 << 20);
        self.count = 0;
        Ok(())
    }
}

/// Keeps what is cut off: it was never acknowledged, but whoever looks into a crash wants to see it.
fn keep_torn(disk: &dyn Disk, path: &Path, offset: u64) -> io::Result<PathBuf> {
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut torn = Vec::new();
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    file.read_to_end(&mut torn)?;
    for attempt in 0_u32.. {
        let kept = path.with_extension(format!("torn-{seconds}-{attempt}"));
        match disk.create(&kept, Readers::Owner) {
            // Another start within the second.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(mut file) => {
                file.write(&torn)?;
                file.sync()?;
                return Ok(kept);
            }
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}
