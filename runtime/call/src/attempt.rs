//! One attempt at a provider, as the journal must know it.
//!
//! The start record is durable before the first byte leaves the machine, so that a crash never
//! hides a transmission. A provider on this machine transmits nothing: its start record takes the
//! ordinary way and costs the caller no wait.

use std::sync::Arc;
use std::time::Instant;

use parloir_contract::{SpanId, TraceParent};
use parloir_journal::{
    ProviderEnded, ProviderRole, ProviderStarted, ProviderStatus, ProviderUsage, RecordBody, Seq,
};
use parloir_providers::{ErrorKind, ProviderEntry, ProviderError, Role};
use parloir_sandbox::DoorClosed;

use crate::shared::Shared;

/// What leaves the machine with a request, as far as is known at its start.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sent {
    pub(crate) bytes: u64,
    pub(crate) characters: u64,
}

/// An attempt that has begun. Dropped before its end, it is journaled as cancelled, with what was
/// sent until then. However it ends, it is in the call's ledger.
pub(crate) struct Attempt {
    shared: Arc<Shared>,
    asked: ProviderStarted,
    /// What it counts as where it is given up.
    counted: ProviderUsage,
    started: Seq,
    began: Instant,
    first_ms: Option<u32>,
    sent: u64,
    received: u64,
    ended: bool,
}

impl Attempt {
    /// Journals the start. `purpose` is the host call that asks for it; none where the host does.
    pub(crate) async fn begin(
        shared: &Arc<Shared>,
        entry: &ProviderEntry,
        number: u32,
        sent: Sent,
        purpose: Option<Seq>,
    ) -> Result<Self, DoorClosed> {
        let asked = ProviderStarted {
            attempt: number,
            role: match entry.role {
                Role::SpeechToText => ProviderRole::SpeechToText,
                Role::TextToSpeech => ProviderRole::TextToSpeech,
                Role::LanguageModel => ProviderRole::LanguageModel,
            },
            provider: entry.name.clone(),
            model: entry.model_name().to_owned(),
            region: entry.region.clone(),
            bytes_sent: sent.bytes,
            characters_sent: sent.characters,
            purpose,
        };
        Self::start(shared, asked, entry.kind.is_remote()).await
    }

    /// Journals a start as it is; durably, where what is asked `leaves` the machine.
    pub(crate) async fn start(
        shared: &Arc<Shared>,
        asked: ProviderStarted,
        leaves: bool,
    ) -> Result<Self, DoorClosed> {
        let began = Instant::now();
        let started = shared.append(RecordBody::ProviderStarted(asked.clone()))?;
        // From here on an attempt that is given up has its end, though nothing may have left yet.
        let attempt = Self {
            shared: shared.clone(),
            sent: asked.bytes_sent,
            asked,
            counted: ProviderUsage::default(),
            started,
            began,
            first_ms: None,
            received: 0,
            ended: false,
        };
        if leaves {
            let durable = shared.journal.flush().await;
            durable.map_err(|e| DoorClosed(format!("the journal refused a record: {e}")))?;
        }
        Ok(attempt)
    }

    /// The record of its start.
    pub(crate) fn seq(&self) -> Seq {
        self.started
    }

    /// The attempt as a step of the call's trace, where there is one.
    pub(crate) fn step(&self) -> Option<TraceParent> {
        let span = SpanId::of(self.shared.id, self.started);
        self.shared.trace.map(|trace| TraceParent { trace, span })
    }

    /// More of the answer came.
    pub(crate) fn received(&mut self, bytes: u64) {
        let began = self.began;
        self.first_ms.get_or_insert_with(|| millis(began));
        self.received = self.received.saturating_add(bytes);
    }

    /// What has come so far, in bytes.
    pub(crate) fn so_far(&self) -> u64 {
        self.received
    }

    /// More was sent than was known at the start.
    pub(crate) fn sent(&mut self, bytes: u64) {
        self.sent = self.sent.saturating_add(bytes);
    }

    /// From here on it counts as this, though nobody waits for its end.
    pub(crate) fn counts(&mut self, usage: ProviderUsage) {
        self.counted = usage;
    }

    /// Since the request, in milliseconds.
    pub(crate) fn elapsed_ms(&self) -> u32 {
        millis(self.began)
    }

    /// Journals the end of a request that was answered.
    pub(crate) fn end(mut self, usage: ProviderUsage) {
        self.journal_end(ProviderStatus::Ok, 0, usage);
    }

    /// Journals the end of a request whose answer nobody wanted any more.
    pub(crate) fn cancelled(mut self, usage: ProviderUsage) {
        self.journal_end(ProviderStatus::Cancelled, 0, usage);
    }

    /// Journals the end of a request of which that is known.
    pub(crate) fn over(mut self, status: ProviderStatus, code: u16, sent: u64) {
        self.sent = sent;
        self.journal_end(status, code, ProviderUsage::default());
    }

    /// Journals the end of a request that failed.
    pub(crate) fn failed(mut self, error: &ProviderError, usage: ProviderUsage) {
        self.journal_end(failed(error), error.code.unwrap_or(0), usage);
    }

    fn journal_end(&mut self, status: ProviderStatus, code: u16, usage: ProviderUsage) {
        self.ended = true;
        let ended = ProviderEnded {
            started: self.started,
            status,
            code,
            latency_ms: millis(self.began),
            first_ms: self.first_ms,
            bytes_sent: self.sent,
            bytes_received: self.received,
            usage,
        };
        self.shared.meter.lock().add(&self.asked, &ended);
        self.shared.count_in_month();
        if let Err(error) = self.shared.append(RecordBody::ProviderEnded(ended)) {
            tracing::warn!(call = %self.shared.id, %error, "the end of a provider's answer was not journaled");
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.ended {
            self.journal_end(ProviderStatus::Cancelled, 0, self.counted);
        }
    }
}

/// A provider's failure, for its record.
fn failed(error: &ProviderError) -> ProviderStatus {
    match error.kind {
        ErrorKind::Connect => ProviderStatus::Unreachable,
        ErrorKind::TimedOut => ProviderStatus::TimedOut,
        ErrorKind::Unauthorized | ErrorKind::RateLimited | ErrorKind::Refused => ProviderStatus::Refused,
        ErrorKind::Malformed => ProviderStatus::Malformed,
        ErrorKind::Unavailable
        | ErrorKind::Disconnected
        | ErrorKind::TooLarge
        | ErrorKind::Busy
        | ErrorKind::NotInstalled
        | ErrorKind::Internal => ProviderStatus::Failed,
    }
}

fn millis(since: Instant) -> u32 {
    u32::try_from(since.elapsed().as_millis()).unwrap_or(u32::MAX)
}
