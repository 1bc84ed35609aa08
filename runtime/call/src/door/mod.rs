//! The layers of the door, outermost first:
//!
//! ```text
//! journal → permission → quota → minimisation → the live call
//! ```
//!
//! Each is a `tower::Service` around the next. The journal is outermost, so that a refused call is
//! journaled like an answered one; minimisation is innermost, so that what it takes out never
//! reaches a provider, while the journal still holds what the agent asked.

mod journal;
mod minimise;
mod permission;
mod quota;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use parloir_contract::{HostCall, HostReturn};
use parloir_sandbox::{Door, DoorClosed};
use tower::Service;

use crate::live::LiveCall;
use crate::shared::Shared;

/// What every layer returns.
pub(crate) type Answer = Pin<Box<dyn Future<Output = Result<HostReturn, DoorClosed>> + Send>>;

/// Hangs the door of one call.
pub(crate) fn hang(shared: &Arc<Shared>, live: LiveCall) -> Door {
    let minimised = minimise::Minimised::new(live, shared.clone());
    let charged = quota::Charged::new(minimised, shared.clone());
    let permitted = permission::Permitted::new(charged, shared.clone());
    Door::new(journal::Journaled::new(permitted, shared.clone()))
}

/// What a layer needs of the next one.
pub(crate) trait Inner:
    Service<HostCall, Response = HostReturn, Error = DoorClosed, Future = Answer>
{
}
impl<S> Inner for S where S: Service<HostCall, Response = HostReturn, Error = DoorClosed, Future = Answer> {}

/// A layer that decides on the call and then passes it on: only `call` differs between layers.
macro_rules! layer {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub(super) struct $name<S> {
            inner: S,
            shared: std::sync::Arc<crate::shared::Shared>,
        }

        impl<S> $name<S> {
            pub(super) fn new(inner: S, shared: std::sync::Arc<crate::shared::Shared>) -> Self {
                Self { inner, shared }
            }
        }

        impl<S: super::Inner> tower::Service<parloir_contract::HostCall> for $name<S> {
            type Response = parloir_contract::HostReturn;
            type Error = parloir_sandbox::DoorClosed;
            type Future = super::Answer;

            fn poll_ready(
                &mut self,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Result<(), Self::Error>> {
                self.inner.poll_ready(cx)
            }

            fn call(&mut self, call: parloir_contract::HostCall) -> super::Answer {
                self.pass(call)
            }
        }
    };
}
use layer;

/// An answer that is known at once.
fn now(answer: HostReturn) -> Answer {
    Box::pin(std::future::ready(Ok(answer)))
}
