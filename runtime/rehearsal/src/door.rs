//! The rehearsal's door: the tenancy's own layers before the stage, and outermost one that watches.

use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use parloir_contract::{Capability, HostCall, HostReturn, Import};
use parloir_sandbox::{Door, DoorClosed};
use parloir_tenancy::quota::Used;
use parloir_tenancy::{Line, layers};
use tower::Service;

use crate::caller::Caller;
use crate::coverage::{Coverage, kinds_of};
use crate::event::Happened;
use crate::stage::Stage;

type Answer = layers::Answer<DoorClosed>;

/// A stage that the door and the rehearsal share.
pub(crate) type Shared<C> = Arc<tokio::sync::Mutex<Stage<C>>>;

/// Calls past the quota that are still answered, with a refusal.
const REFUSALS: u32 = 100;

/// What a call has asked before its door is hung: nothing, unless another host had it first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Before {
    /// Requests of its agent.
    pub(crate) asked: u32,
    /// What of its quota it has used: the door charges it.
    pub(crate) used: Arc<Mutex<Used>>,
}

/// Hangs the door: `watch → permission → quota → minimisation → the stage`.
pub(crate) fn hang<C: Caller>(
    stage: &Shared<C>,
    line: &Arc<Line>,
    declared: Arc<[Capability]>,
    coverage: Arc<Mutex<Coverage>>,
    Before { asked, used }: Before,
) -> Door {
    let inner = layers::hang(Innermost(stage.clone()), line, declared, used);
    let limit = line.tenant.quota.host_calls.saturating_add(REFUSALS);
    Door::new(Watched { inner, stage: stage.clone(), coverage, asked, limit })
}

/// The stage as a service.
struct Innermost<C>(Shared<C>);

impl<C: Caller> Service<HostCall> for Innermost<C> {
    type Response = HostReturn;
    type Error = DoorClosed;
    type Future = Answer;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), DoorClosed>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: HostCall) -> Answer {
        let stage = self.0.clone();
        Box::pin(async move { stage.lock().await.answer(call).await })
    }
}

/// Notes what was asked and how it was answered, refusals by the layers included.
struct Watched<S, C> {
    inner: S,
    stage: Shared<C>,
    coverage: Arc<Mutex<Coverage>>,
    asked: u32,
    limit: u32,
}

impl<C, S> Service<HostCall> for Watched<S, C>
where
    C: Caller,
    S: Service<HostCall, Response = HostReturn, Error = DoorClosed, Future = Answer>,
{
    type Response = HostReturn;
    type Error = DoorClosed;
    type Future = Answer;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), DoorClosed>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, call: HostCall) -> Answer {
        self.asked += 1;
        if self.asked > self.limit {
            let why = "the agent went on asking past the host calls of its quota";
            return Box::pin(std::future::ready(Err(DoorClosed(why.into()))));
        }
        let import = call.import();
        self.coverage.lock().note_call(&call);
        let (stage, coverage) = (self.stage.clone(), self.coverage.clone());
        let answer = self.inner.call(call);
        Box::pin(async move {
            let answer = answer.await?;
            coverage.lock().note(&answer);
            if is_told(import) || answer.refusal().is_some() {
                let mut stage = stage.lock().await;
                let injected = std::mem::take(&mut stage.injected);
                let answer = match answer.refusal() {
                    Some(refusal) => refusal.to_string(),
                    None => kinds_of(&answer).join(", "),
                };
                stage.happened(Happened::Host { import: import.name(), answer, injected });
            }
            Ok(answer)
        })
    }
}

/// Whether a transcript tells of it: speaking and listening tell of themselves, and clocks, randomness,
/// notes and reports are no events of a conversation.
pub(crate) const fn is_told(import: Import) -> bool {
    match import {
        Import::Transfer
        | Import::Consent
        | Import::PauseRecording
        | Import::ResumeRecording
        | Import::HangUp
        | Import::Chat
        | Import::FreeSlots
        | Import::Book
        | Import::FindAppointments
        | Import::MoveAppointment
        | Import::CancelAppointment
        | Import::GetMemory
        | Import::SetMemory
        | Import::CompareAndSet
        | Import::DeleteMemory
        | Import::ListDocuments
        | Import::ReadDocument
        | Import::SearchDocuments
        | Import::SendRequest => true,
        Import::Say
        | Import::Play
        | Import::Listen
        | Import::Ask
        | Import::ModelAvailable
        | Import::Reply
        | Import::SetReport
        | Import::Now
        | Import::Weekday
        | Import::Elapsed
        | Import::RandomBytes
        | Import::Log
        | Import::ListConnectors
        | Import::Understanding(_) => false,
    }
}
