//! How many bytes each tenant's log and recordings have on disk: added up as the journal is opened, and counted with what is written
//! from then on, so that nobody who rings waits for a disk. What is erased is overwritten where it is, and stays as long as it was.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;

use parking_lot::Mutex;
use parloir_contract::TenantId;

use crate::segment::{self, Log};

/// Bytes of segments, by tenant.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<HashMap<TenantId, u64>>);

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

    /// Adds up what is there.
    pub(crate) fn add_up(&self, data: &Path) -> io::Result<()> {
        let mut all: HashMap<TenantId, u64> = HashMap::new();
        for log in [Log::Journal, Log::Recordings] {
            for tenant in segment::tenants(data, log)? {
                let (folder, mut bytes) = (log.folder(data, &tenant), 0);
                for number in segment::numbers(&folder)? {
                    bytes += fs::metadata(segment::path(&folder, number))?.len();
                }
                *all.entry(tenant).or_default() += bytes;
            }
        }
        *self.0.lock() = all;
        Ok(())
    }
}
