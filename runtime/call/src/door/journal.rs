//! Journals every call and every answer. Nothing an agent asks or learns goes by without a record.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Instant;

use parloir_contract::{HostCall, HostReturn};
use parloir_journal::{HostCallEnded, HostCallStarted, HostStatus, RecordBody, Seq};
use parloir_sandbox::DoorClosed;
use tower::Service;

use super::Answer;
use crate::shared::{Shared, status};

/// The journal layer: outermost.
pub(super) struct Journaled<S> {
    inner: S,
    shared: Arc<Shared>,
}

/// Calls past the quota that are still answered, with a refusal: enough for an agent to notice and
/// say goodbye. One that goes on asking is stopped, or its refusals would fill the disk.
const REFUSALS: u32 = 100;

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
            return Box::pin(std::future::ready(Err(DoorClosed(why))));
        }
        let began = Instant::now();
        let arguments = (asked < limit).then(|| call.clone());
        let started = match shared.keep(RecordBody::HostCallStarted(HostCallStarted { import, arguments })) {
            Ok(seq) => seq,
            Err(closed) => return Box::pin(std::future::ready(Err(closed))),
        };
        *shared.serving.lock() = Some(started);
        let mut unanswered = Unanswered { shared, started, began, answered: false };
        let answer = self.inner.call(call);
        Box::pin(async move {
            let value = answer.await?;
            unanswered.answered = true;
            let (status, result) = (status(&value), Some(value.clone()));
            let latency_us = micros(began);
            let ended = HostCallEnded { started, status, latency_us, delivered: true, result };
            unanswered.shared.keep(RecordBody::HostCallEnded(ended))?;
            Ok(value)
        })
    }
}

/// A host call under way. An agent that is stopped takes its question with it: the record of its
/// start must not stay without an end.
struct Unanswered {
    shared: Arc<Shared>,
    started: Seq,
    began: Instant,
    answered: bool,
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        *self.shared.serving.lock() = None;
        if !self.answered {
            let ended = HostCallEnded {
                started: self.started,
                status: HostStatus::Cancelled,
                latency_us: micros(self.began),
                delivered: false,
                result: None,
            };
            if let Err(error) = self.shared.append(RecordBody::HostCallEnded(ended)) {
                tracing::debug!(call = %self.shared.id, %error, "the end of a host call was not journaled");
            }
        }
    }
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}
