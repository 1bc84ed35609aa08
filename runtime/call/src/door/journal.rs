//! Journals every call and every answer. Nothing an agent asks or learns goes by without a record.
//!
//! The journal is the one thing here that an agent makes larger whatever it is refused: its number of calls is limited,
//! and so is what they and their answers come to. One that writes faster than the disk takes it waits for the disk.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Instant;

use parloir_contract::{HostCall, HostReturn, Import, Refusal};
use parloir_journal::{HostCallEnded, HostCallStarted, HostStatus, RecordBody, Seq};
use parloir_sandbox::DoorClosed;
use parloir_tenancy::permission::permit_call;
use tower::Service;

use super::Answer;
use crate::shared::Shared;

/// The journal layer: outermost.
pub(super) struct Journaled<S> {
    inner: S,
    shared: Arc<Shared>,
}

/// Calls past the quota that are still answered, with a refusal: enough for an agent to notice and
/// say goodbye. One that goes on asking is stopped, or its refusals would fill the disk.
const REFUSALS: u32 = 100;

/// Bytes of journal that one host call of the quota is worth. Most take a tenth of it; a question to a model, or a document
/// that is read, takes ten times as much.
const BYTES_PER_CALL: u64 = 4 << 10;
/// What every call may have journaled, however few its host calls.
const BYTES: u64 = 1 << 20;
/// What of one call may wait for the disk before its agent does: far less than the journal has room for, so that there is
/// always room for the host's own records.
const WAITING_BYTES: u64 = 1 << 20;

impl<S> Journaled<S> {
    pub(super) fn new(inner: S, shared: Arc<Shared>) -> Self {
        Self { inner, shared }
    }
}

impl<S> Service<HostCall> for Journaled<S>
where
    S: Service<HostCall, Response = HostReturn, Error = DoorClosed, Future = Answer>,
{
    type Response = HostReturn;
    type Error = DoorClosed;
    type Future = Answer;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), DoorClosed>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, call: HostCall) -> Answer {
        let shared = self.shared.clone();
        let import = call.import();
        let limit = shared.line.tenant.quota.host_calls;
        let asked = shared.asked.fetch_add(1, Ordering::Relaxed);
        if asked >= limit.saturating_add(REFUSALS) {
            let why = format!("the agent went on asking past the {limit} host calls of its quota");
            return closed(&shared, why);
        }
        let began = Instant::now();
        let arguments = (asked < limit).then(|| call.clone());
        let most = BYTES.max(u64::from(limit) * BYTES_PER_CALL);
        let bytes = Weight::of(|weight| {
            arguments.as_ref().map_or(Ok(()), |arguments| rmp_serde::encode::write(weight, arguments))
        });
        if shared.written.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) > most {
            let why = format!(
                "the agent had more than {} MiB journaled, which is what the {limit} host calls of its quota are worth",
                most >> 20
            );
            return closed(&shared, why);
        }
        shared.waiting.fetch_add(bytes, Ordering::Relaxed);
        let started = match shared.keep(RecordBody::HostCallStarted(HostCallStarted { import, arguments })) {
            Ok(seq) => seq,
            Err(closed) => return Box::pin(std::future::ready(Err(closed))),
        };
        *shared.serving.lock() = Some((started, began));
        // What has no way to be refused is answered with nothing, or not at all: the journal says so all the same.
        let spent = call != HostCall::HangUp && shared.used.lock().host_calls >= limit;
        let dropped = (spent && import == Import::Log).then(|| {
            Refusal::OverQuota(format!(
                "the call has used its {limit} host calls, and the note was dropped: raise `host-calls` of the tenant's quota"
            ))
        });
        let unsaid = permit_call(&call, &shared.declared, &shared.line.config).err().or(dropped);
        let mut unanswered = Unanswered { shared, started, began, answered: false, refused: None };
        let answer = self.inner.call(call);
        Box::pin(async move {
            let value = match answer.await {
                Ok(value) => value,
                Err(closed) => {
                    if spent {
                        unanswered.shared.exceeded.store(true, Ordering::Relaxed);
                        unanswered.stopped_for(Refusal::OverQuota(closed.0.clone()));
                    }
                    return Err(closed);
                }
            };
            unanswered.answered = true;
            let refusal = value.refusal().or(unsaid.as_ref());
            let status = refusal.map_or(HostStatus::Ok, HostStatus::refused);
            let (result, refused) = (Some(value.clone()), refusal.map(Refusal::reason));
            let latency_us = micros(began);
            let bytes = Weight::of(|weight| rmp_serde::encode::write(weight, &(&value, &refused)));
            let ended = HostCallEnded { started, status, latency_us, delivered: true, result, refused };
            let shared = &unanswered.shared;
            shared.keep(RecordBody::HostCallEnded(ended))?;
            if let Some(Refusal::OverQuota(why)) = value.refusal().or(unsaid.as_ref()) {
                shared.note_refused(why);
            }
            shared.written.fetch_add(bytes, Ordering::Relaxed);
            if shared.waiting.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) > WAITING_BYTES {
                shared.waiting.store(0, Ordering::Relaxed);
                let durable = shared.journal.flush().await;
                durable.map_err(|e| DoorClosed(format!("the journal refused a record: {e}")))?;
            }
            Ok(value)
        })
    }
}

/// The agent asked for more than its quota: it is answered no more, and its call's journal says why.
fn closed(shared: &Shared, why: String) -> Answer {
    shared.exceeded.store(true, Ordering::Relaxed);
    Box::pin(std::future::ready(Err(DoorClosed(why))))
}

/// A host call under way. An agent that is stopped takes its question with it: the record of its
/// start must not stay without an end.
struct Unanswered {
    shared: Arc<Shared>,
    started: Seq,
    began: Instant,
    answered: bool,
    /// Why the agent is answered no more, where it was stopped for what it asked.
    refused: Option<Refusal>,
}

impl Unanswered {
    fn stopped_for(&mut self, refusal: Refusal) {
        self.refused = Some(refusal);
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        *self.shared.serving.lock() = None;
        if !self.answered {
            let refused = self.refused.as_ref();
            let ended = HostCallEnded {
                started: self.started,
                status: refused.map_or(HostStatus::Cancelled, HostStatus::refused),
                latency_us: micros(self.began),
                delivered: false,
                result: None,
                refused: refused.map(Refusal::reason),
            };
            if let Err(error) = self.shared.append(RecordBody::HostCallEnded(ended)) {
                tracing::debug!(call = %self.shared.id, %error, "the end of a host call was not journaled");
            }
        }
    }
}

/// Counts what would be written.
struct Weight(u64);

impl Weight {
    /// The bytes that this encodes.
    fn of(encode: impl FnOnce(&mut Self) -> Result<(), rmp_serde::encode::Error>) -> u64 {
        let mut weight = Self(0);
        // What cannot be encoded is told of where it is appended.
        let _told_there = encode(&mut weight);
        weight.0
    }
}

impl std::io::Write for Weight {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use parloir_contract::{Say, SayOptions};

    use super::*;

    #[test]
    fn what_is_charged_is_what_the_journal_is_given() {
        for length in [0, 100, 100_000] {
            let call = HostCall::Say(Say { text: "é".repeat(length), options: SayOptions::default() });
            let charged = Weight::of(|weight| rmp_serde::encode::write(weight, &call));
            assert_eq!(charged, rmp_serde::to_vec(&call).unwrap().len() as u64);
        }
    }
}
