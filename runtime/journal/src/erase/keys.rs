//! The keys that go, and those that were wrapped beside them and stay.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;

use parloir_contract::{CallId, TenantId};

use super::{Eraser, ErasureNote, Intent};
use crate::key::{Purposes, WrappedKey};
use crate::queue::Rolled;
use crate::read::on_own_thread;
use crate::segment::{self, Found, FrameKind, Log, Segment};
use crate::{Journal, JournalError};

/// Segments of which it is remembered in which epochs their keys were wrapped.
const MAX_KNOWN: usize = 100_000;

/// Whether a key is to go.
fn goes(calls: &HashSet<CallId>, purposes: Purposes, key: &WrappedKey) -> bool {
    calls.contains(&key.call) && purposes.has(key.purpose)
}

impl Journal {
    /// Step 3. Returns how many epochs there were, and how many keys survive.
    pub(super) async fn keys(
        &self,
        tenant: &TenantId,
        intent: &Intent,
    ) -> Result<(Rolled, u64, u64), JournalError> {
        let Eraser { kms, opening, .. } = self.eraser();
        let (calls, purposes): (HashSet<CallId>, _) =
            (intent.note.calls.iter().copied().collect(), intent.note.purposes);
        let mut epochs = self.epochs(tenant, &intent.note, &intent.keys).await?;
        epochs.extend(intent.epochs.iter().copied());
        {
            // Whoever wrapped a key in one of these has told the writer of the call; whoever comes now wraps in another.
            let _nobody_opens_a_call = opening.write().await;
            for epoch in &epochs {
                kms.close_epoch(tenant, *epoch).await?;
            }
        }
        let rolled = self.shared().roll(tenant).await?;
        let there = match epochs.is_empty() {
            true => Vec::new(),
            false => self.wrapped_keys(tenant, None, Some((epochs.clone(), rolled.journal))).await?,
        };
        let mut survivors = 0;
        for epoch in &epochs {
            let of_epoch = there.iter().chain(&rolled.live);
            let stay = of_epoch
                .filter(|key| kms.epoch(&key.wrapped) == Some(*epoch) && !goes(&calls, purposes, key));
            survivors +=
                kms.destroy_epoch(tenant, *epoch, stay.map(WrappedKey::with_context).collect()).await?;
        }
        Ok((rolled, epochs.len() as u64, survivors))
    }

    /// The epochs in which the keys were wrapped that are to go, as far as those are in these segments.
    pub(super) async fn epochs(
        &self,
        tenant: &TenantId,
        note: &ErasureNote,
        segments: &BTreeSet<u32>,
    ) -> Result<BTreeSet<u32>, JournalError> {
        let there = self.wrapped_keys(tenant, Some(segments.clone()), None).await?;
        let calls: HashSet<CallId> = note.calls.iter().copied().collect();
        let gone = there.iter().filter(|key| goes(&calls, note.purposes, key));
        Ok(gone.filter_map(|key| self.eraser().kms.epoch(&key.wrapped)).collect())
    }

    /// The wrapped keys in some segments of a tenant's journal: in these, or in all. Of epochs that are given, in those only that
    /// hold any of them; which do is remembered of the segments before one that is given, which are as they will be.
    async fn wrapped_keys(
        &self,
        tenant: &TenantId,
        segments: Option<BTreeSet<u32>>,
        epochs: Option<(BTreeSet<u32>, u32)>,
    ) -> Result<Vec<WrappedKey>, JournalError> {
        let Eraser { data, kms, epochs: known, .. } = self.eraser();
        let folder = Log::Journal.folder(data, tenant);
        let (tenant, kms, known) = (tenant.clone(), Arc::clone(kms), Arc::clone(known));
        let work = move || {
            let mut keys = Vec::new();
            for number in segment::numbers(&folder)? {
                let name = (tenant.clone(), number);
                let elsewhere = segments.as_ref().is_some_and(|segments| !segments.contains(&number));
                let without = epochs.as_ref().is_some_and(|(wanted, _)| {
                    known.lock().get(&name).is_some_and(|there| there.is_disjoint(wanted))
                });
                if elsewhere || without {
                    continue;
                }
                let there = keys_in(&folder, &tenant, number)?;
                if epochs.as_ref().is_some_and(|(_, end)| number < *end) {
                    let of = there.iter().filter_map(|key| kms.epoch(&key.wrapped)).collect();
                    let mut known = known.lock();
                    if known.len() >= MAX_KNOWN {
                        known.clear();
                    }
                    known.insert(name, of);
                }
                keys.extend(there);
            }
            Ok::<_, std::io::Error>(keys)
        };
        Ok(on_own_thread("journal-erase", work).await??)
    }
}

/// The wrapped keys in a segment of a tenant's journal.
fn keys_in(folder: &Path, tenant: &TenantId, number: u32) -> std::io::Result<Vec<WrappedKey>> {
    let segment = Segment::read(folder, Log::Journal, tenant, number, 0)?;
    let keys = segment.frames().filter_map(|found| match found {
        Found::Frame { kind: FrameKind::Key, payload, .. } => WrappedKey::parse(payload),
        Found::Frame { .. } | Found::Bad { .. } => None,
    });
    Ok(keys.collect())
}
