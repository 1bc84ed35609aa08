//! Who watches a journal while it is written.

use parloir_contract::{CallId, TenantId};

use crate::record::{RecordBody, Seq};

/// Sees the technical trace of every record of a call as it is appended. What is *content* was taken out before: an observer
/// cannot pass on what it never had. The short calls in which the journal notes erasures, holds, what persons asked for and
/// who read what are shown to nobody.
pub trait Observer: Send + Sync {
    /// A record was appended, at so many nanoseconds since 1970-01-01 UTC. Called while the call waits: it must cost a
    /// microsecond at most, and may neither block nor panic.
    fn appended(&self, tenant: &TenantId, call: CallId, seq: Seq, at: u64, trace: &RecordBody);
}
