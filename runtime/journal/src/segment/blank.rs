//! A segment with frames blanked: everything that stays is where it was.

use std::path::Path;

use parloir_contract::TenantId;

use super::{FRAME_HEAD, Found, FrameKind, GROUP_HEAD, Group, Log, Segment, checksum, group_head, head};

/// A segment's bytes with some of its frames changed, and how many; `None` where none is. `change` is given each frame and
/// says of what kind it is to be, with which payload of the same length.
pub(crate) fn blanked(
    folder: &Path,
    (log, tenant, number): (Log, &TenantId, u32),
    mut change: impl FnMut(FrameKind, &[u8]) -> Option<(FrameKind, Vec<u8>)>,
) -> std::io::Result<Option<(Vec<u8>, u64)>> {
    let segment = Segment::read(folder, log, tenant, number, 0)?;
    if !segment.head_is_right {
        // Damage, which is to be seen; and where it begins, nobody can say.
        tracing::error!(%tenant, number, log = log.name(), "a segment is damaged, and nothing in it is blanked; run `parloir verify`");
        return Ok(None);
    }
    let mut changed = 0;
    let mut bytes = segment.bytes.clone();
    for found in segment.frames() {
        let Found::Frame { offset, kind, payload } = found else { continue };
        let Some((kind, anew)) = change(kind, payload).filter(|(_, anew)| anew.len() == payload.len()) else {
            continue;
        };
        let at = (offset - segment.base) as usize;
        let crc = checksum(kind.byte(), &anew).to_le_bytes();
        let parts: [(usize, &[u8]); 3] = [(4, &[kind.byte()]), (9, &crc), (FRAME_HEAD, &anew)];
        for (place, part) in parts {
            if let Some(there) = bytes.get_mut(at + place..at + place + part.len()) {
                there.copy_from_slice(part);
            }
        }
        changed += 1;
    }
    if changed == 0 {
        return Ok(None);
    }
    for (at, length) in segment.groups() {
        let begin = at + GROUP_HEAD;
        let (Some(old), Some(frames)) = (bytes.get(at..begin), bytes.get(begin..begin + length)) else {
            continue;
        };
        // The count is as it was: segment 4 ‖ place 8 ‖ frames 4.
        let count = old.get(FRAME_HEAD + 12..).and_then(|rest| rest.first_chunk::<4>());
        let count = count.map_or(0, |count| u32::from_le_bytes(*count));
        let anew = group_head(number, segment.base + at as u64, count, frames);
        if let Some(there) = bytes.get_mut(at..begin) {
            there.copy_from_slice(&anew);
        }
    }
    let mut whole = head(log, tenant, number);
    whole.append(&mut bytes);
    Ok(Some((whole, changed)))
}

impl Segment {
    /// The groups that are whole: where each begins, and how long its frames are.
    fn groups(&self) -> Vec<(usize, usize)> {
        let frames = self.frames();
        let (mut at, mut groups) = (0, Vec::new());
        while at < self.bytes.len() {
            match frames.group_at(at) {
                Some(Group { begin, length: Some(length) }) => {
                    groups.push((at, length));
                    at = begin + length;
                }
                Some(Group { length: None, .. }) | None => {
                    let whole = |at| frames.group_at(at).is_some_and(|group| group.length.is_some());
                    let Some(next) = frames.next_mark(at + 1, whole) else { break };
                    at = next;
                }
            }
        }
        groups
    }

    /// Where the last whole group ends: what comes after was never acknowledged.
    pub(super) fn whole(&self) -> u64 {
        let end = self.groups().last().map_or(0, |(at, length)| at + GROUP_HEAD + length);
        self.base + end as u64
    }
}
