//! The call's trace, on its way into requests.

use parloir_contract::TraceParent;

tokio::task_local! {
    static CARRIED: TraceParent;
}

/// Does what `asking` does, and has the requests it makes carry a step of the call's trace as their `traceparent`. Providers
/// whose entry says otherwise are not told.
pub async fn traced<F: Future>(step: Option<TraceParent>, asking: F) -> F::Output {
    match step {
        Some(step) => CARRIED.scope(step, asking).await,
        None => asking.await,
    }
}

/// What the request that is made now is to carry.
pub(crate) fn carried() -> Option<TraceParent> {
    CARRIED.try_with(|step| *step).ok()
}
