//! How fast an agent may ask, and what is left of its tenant's month. A rehearsal has no such layer: in it time stands still
//! while an agent computes, and providers cost nothing.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use parloir_contract::{HostCall, HostReturn, Refusal};
use parloir_sandbox::DoorClosed;
use parloir_tenancy::pace::Pace;
use tower::Service;

use super::Answer;
use crate::shared::Shared;

/// Refuses what comes faster than the tenant's quota allows, and what is used up in the month.
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

    fn check(&mut self, call: &HostCall) -> Result<(), Refusal> {
        let quota = &self.shared.line.tenant.quota;
        // Whoever hangs up or hands over asks nothing after it. And what has no way to be refused, such as the clock, must not be
        // answered with something else: how often that is asked, `host-calls` limits.
        if is_free(call) || self.pace.take(Instant::now()) {
            return self.shared.month.allow(call, quota);
        }
        let most = quota.host_calls_a_second;
        Err(Refusal::OverQuota(format!(
            "the agent asks more than its {most} host calls a second: ask less often, or raise `host-calls-a-second` of \
             the tenant's quota"
        )))
    }
}

/// Whether a host call is none that comes too fast.
const fn is_free(call: &HostCall) -> bool {
    matches!(
        call,
        HostCall::HangUp
            | HostCall::Transfer(_)
            | HostCall::ModelAvailable
            | HostCall::Now
            | HostCall::Weekday
            | HostCall::Elapsed
            | HostCall::RandomBytes(_)
            | HostCall::Log(_)
            | HostCall::ListConnectors
            | HostCall::Understanding(_)
    )
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
        let Err(refusal) = self.check(&call) else { return self.inner.call(call) };
        // Not every refusal reaches the agent as one: a model is just not there.
        if let Refusal::OverQuota(why) | Refusal::Unavailable(why) = &refusal {
            self.shared.note_refused(why);
        }
        Box::pin(std::future::ready(Ok(call.import().refused(refusal))))
    }
}
