//! Ciphertexts that are blanked in the segments.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use parloir_contract::{CallId, TenantId};
use parloir_store::disk::{Disk, Readers, write_sparse};

use super::Eraser;
use crate::kept::{Blanked, Kept, blank_bytes};
use crate::key::Purposes;
use crate::queue::Rolled;
use crate::read::on_own_thread;
use crate::recording::{self, Sealed};
use crate::segment::{self, FrameKind, Log};
use crate::{Journal, JournalError, chunk};

impl Journal {
    /// Step 4, from a segment of the journal on. Returns how many chunks and blocks there were.
    pub(super) async fn blank(
        &self,
        tenant: &TenantId,
        gone: &HashMap<CallId, Purposes>,
        from: u32,
        rolled: &Rolled,
    ) -> Result<(u64, u64), JournalError> {
        let Eraser { data, disk, .. } = self.eraser();
        let gone = gone.clone();
        let all = gone.values().fold(Purposes::default(), |all, purposes| all.or(*purposes));
        let (data, disk, tenant) = (data.clone(), Arc::clone(disk), tenant.clone());
        let (journal, recordings) = (rolled.journal, rolled.recordings);
        let kept = self.shared().kept.clone();
        let work = move || {
            let chunk = |kind, payload: &[u8]| match kind {
                FrameKind::Chunk | FrameKind::ErasedChunk => {
                    let (header, ..) = chunk::Header::parse(payload).ok()?;
                    let purposes = gone.get(&header.call)?;
                    Some((FrameKind::ErasedChunk, chunk::blank(payload, *purposes)?))
                }
                FrameKind::Key | FrameKind::Recording | FrameKind::ErasedRecording => None,
            };
            let block = |kind, payload: &[u8]| match kind {
                FrameKind::Recording => {
                    let sealed = Sealed::parse(payload)?;
                    gone.get(&sealed.call).filter(|purposes| purposes.recording)?;
                    Some((FrameKind::ErasedRecording, recording::blank(payload)))
                }
                FrameKind::Key | FrameKind::Chunk | FrameKind::ErasedChunk | FrameKind::ErasedRecording => {
                    None
                }
            };
            let place = (&*disk, data.as_path(), &tenant);
            let chunks = match all.trace || all.content {
                true => rewrite(place, &kept, Log::Journal, from..journal, chunk)?,
                false => 0,
            };
            let blocks = match all.recording {
                true => rewrite(place, &kept, Log::Recordings, 0..recordings, block)?,
                false => 0,
            };
            Ok::<_, JournalError>((chunks, blocks))
        };
        on_own_thread("journal-erase", work).await?
    }
}

/// Writes segments anew, with frames changed, each whole and durably in place of the one before. Those that are read meanwhile
/// are read to their end as they were. What is zeros from then on is noted, and kept no more. Returns how many frames were changed.
fn rewrite(
    (disk, data, tenant): (&dyn Disk, &Path, &TenantId),
    kept: &Kept,
    log: Log,
    numbers: std::ops::Range<u32>,
    change: impl Fn(FrameKind, &[u8]) -> Option<(FrameKind, Vec<u8>)>,
) -> Result<u64, JournalError> {
    let folder = log.folder(data, tenant);
    let (there, noted) = (segment::numbers(&folder)?, Blanked::read(&folder)?);
    let counted = match &noted {
        Some(noted) => Some(noted.clone()),
        // Erasures that noted nothing of it, as an earlier version's.
        None => Blanked::counted(data, log, tenant)?,
    };
    let (mut changed, mut after) = (0, counted.unwrap_or_default());
    for number in there.iter().copied().filter(|number| numbers.contains(number)) {
        let mut zeros = 0;
        let counted = |kind: FrameKind, payload: &[u8]| {
            let anew = change(kind, payload);
            zeros += match &anew {
                Some((kind, anew)) => blank_bytes(*kind, anew),
                None => blank_bytes(kind, payload),
            };
            anew
        };
        if let Some((bytes, frames)) = segment::blanked(&folder, (log, tenant, number), counted)? {
            write_sparse(disk, &segment::path(&folder, number), &bytes, Readers::Owner)?;
            changed += frames;
        }
        after.raise(number, zeros);
    }
    if !there.is_empty() && noted.as_ref() != Some(&after) {
        after.write(disk, &folder)?;
        kept.shrink(tenant, after.more_than(&noted.unwrap_or_default()));
    }
    Ok(changed)
}
