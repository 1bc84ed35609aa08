//! How fast an agent may ask. A rehearsal has no such layer: in it time stands still while an agent computes.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use parloir_contract::{HostCall, HostReturn, Refusal};
use parloir_sandbox::DoorClosed;
use parloir_tenancy::pace::Pace;
use tower::Service;

use super::Answer;
use crate::shared::Shared;

/// Refuses what comes faster than the tenant's quota allows.
pub(super) struct Limited<S> {
    inner: S,
    shared: Arc<Shared>,
    pace: Pace,
}

impl<S> Limited<S> {
    pub(super) fn new(inner: S, shared: Arc<Shared>) -> Self {
        let pace = Pace::new(shared.line.tenant.quota.host_calls_a_second, Instant::now());
        Self { inner, shared, pace }
    }

    /// Why a host call is refused; `None` for one that is not.
    fn refuses(&mut self, call: &HostCall) -> Option<String> {
        // Whoever hangs up asks nothing after it.
        if matches!(call, HostCall::HangUp) || self.pace.take(Instant::now()) {
            return None;
        }
        let most = self.shared.line.tenant.quota.host_calls_a_second;
        Some(format!(
            "the agent asks more than its {most} host calls a second: ask less often, or raise `host-calls-a-second` of \
             the tenant's quota"
        ))
    }
}

impl<S> Service<HostCall> for Limited<S>
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
        let Some(why) = self.refuses(&call) else { return self.inner.call(call) };
        // A clock or a note cannot be answered with a refusal: it is in the journal all the same.
        self.shared.note_refused(&why);
        Box::pin(std::future::ready(Ok(call.import().refused(Refusal::OverQuota(why)))))
    }
}
