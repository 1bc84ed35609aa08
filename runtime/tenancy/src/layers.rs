//! The tenant's rules as layers of the door: what must hold for every host call, whoever answers it
//! in the end.
//!
//! Each is a `tower::Service` around the next, and knows nothing of what is innermost: the live call
//! hangs them before its reactor, a rehearsal before its conversation file.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use parloir_contract::{Capability, HostCall, HostReturn, Import, Refusal};
use tower::Service;

use crate::Line;
use crate::minimise::minimise;
use crate::permission::permit_call;
use crate::quota::Used;

/// What every layer returns: the answer, or the innermost service's word that the call is over.
pub type Answer<E> = Pin<Box<dyn Future<Output = Result<HostReturn, E>> + Send>>;

fn now<E: Send + 'static>(answer: HostReturn) -> Answer<E> {
    Box::pin(std::future::ready(Ok(answer)))
}

/// Refuses what the agent did not declare or its line does not grant.
pub struct Permitted<S> {
    inner: S,
    line: Arc<Line>,
    declared: Arc<[Capability]>,
}

impl<S> Permitted<S> {
    /// `declared` is what the agent says it needs; the line says what it grants.
    pub fn new(inner: S, line: Arc<Line>, declared: Arc<[Capability]>) -> Self {
        Self { inner, line, declared }
    }
}

impl<E, S> Service<HostCall> for Permitted<S>
where
    E: Send + 'static,
    S: Service<HostCall, Response = HostReturn, Error = E, Future = Answer<E>>,
{
    type Response = HostReturn;
    type Error = E;
    type Future = Answer<E>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, call: HostCall) -> Answer<E> {
        let import = call.import();
        match permit_call(&call, &self.declared, &self.line.config) {
            Ok(()) => self.inner.call(call),
            Err(refusal) => now(import.refused(refusal)),
        }
    }
}

/// Charges the call's ledger, and refuses past its quota. What has no way to be refused in the contract, such as the clock, must not
/// be answered with something else: whoever asks it past the quota is answered no more. A note past it is dropped.
pub struct Charged<S> {
    inner: S,
    line: Arc<Line>,
    used: Arc<Mutex<Used>>,
}

impl<S> Charged<S> {
    /// `used` is the call's ledger, which others charge too.
    pub fn new(inner: S, line: Arc<Line>, used: Arc<Mutex<Used>>) -> Self {
        Self { inner, line, used }
    }
}

impl<E, S> Service<HostCall> for Charged<S>
where
    E: From<Refusal> + Send + 'static,
    S: Service<HostCall, Response = HostReturn, Error = E, Future = Answer<E>>,
{
    type Response = HostReturn;
    type Error = E;
    type Future = Answer<E>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, call: HostCall) -> Answer<E> {
        let import = call.import();
        let charged = self.used.lock().charge(&call, &self.line.tenant.quota);
        match charged {
            Ok(()) if import == Import::SendRequest => {
                let (answer, used) = (self.inner.call(call), self.used.clone());
                Box::pin(async move {
                    let answer = answer.await?;
                    used.lock().answered(&answer);
                    Ok(answer)
                })
            }
            Ok(()) => self.inner.call(call),
            Err(refusal) => {
                let answer = import.refused(refusal.clone());
                // A note is answered with nothing, which says nothing false: an agent that gives up may still leave one.
                if answer.refusal().is_some() || import == Import::Log {
                    return now(answer);
                }
                Box::pin(std::future::ready(Err(E::from(refusal))))
            }
        }
    }
}

/// Takes out what the line keeps from language models.
pub struct Minimised<S> {
    inner: S,
    line: Arc<Line>,
}

impl<S> Minimised<S> {
    /// The line says what.
    pub fn new(inner: S, line: Arc<Line>) -> Self {
        Self { inner, line }
    }
}

impl<E, S> Service<HostCall> for Minimised<S>
where
    E: Send + 'static,
    S: Service<HostCall, Response = HostReturn, Error = E, Future = Answer<E>>,
{
    type Response = HostReturn;
    type Error = E;
    type Future = Answer<E>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut call: HostCall) -> Answer<E> {
        let replaced = minimise(&mut call, &self.line.config.minimise);
        if replaced > 0 {
            tracing::debug!(replaced, "personal data kept from the model");
        }
        self.inner.call(call)
    }
}

/// Hangs the tenant's layers before what answers: `permission → quota → minimisation → inner`.
pub fn hang<S>(
    inner: S,
    line: &Arc<Line>,
    declared: Arc<[Capability]>,
    used: Arc<Mutex<Used>>,
) -> Permitted<Charged<Minimised<S>>> {
    let minimised = Minimised::new(inner, line.clone());
    Permitted::new(Charged::new(minimised, line.clone(), used), line.clone(), declared)
}

#[cfg(test)]
mod tests {
    use parloir_contract::{LogLevel, LogLine, Question, Say, SayOptions};
    use tower::ServiceExt;

    use super::*;
    use crate::House;

    fn line(more: &str) -> Arc<Line> {
        let text =
            format!("id = \"cabinet\"\n{more}\n[[line]]\nnumber = \"+33123456789\"\nagent = \"a.wasm\"");
        let house = House::new(vec![toml::from_str(&text).unwrap()]).unwrap();
        house.line(&"+33123456789".parse().unwrap()).unwrap().clone()
    }

    #[tokio::test]
    async fn what_is_refused_never_reaches_what_answers() {
        let reached = Arc::new(Mutex::new(Vec::new()));
        let seen = reached.clone();
        let inner = tower::service_fn(move |call: HostCall| -> Answer<Refusal> {
            seen.lock().push(call.import());
            now(call.import().refused(Refusal::Unavailable("reached".into())))
        });
        let declared: Arc<[Capability]> = Arc::new([Capability::Model]);
        let used = Arc::new(Mutex::new(Used::default()));
        let line = line("[quota]\nhost-calls = 2");
        let mut door = hang(inner, &line, declared, used.clone());
        let say = || HostCall::Say(Say { text: "Bonjour".into(), options: SayOptions::default() });
        let mut ask = async |call| door.ready().await.unwrap().call(call).await.unwrap();
        let undeclared = ask(HostCall::FindAppointments("+33612345678".into())).await;
        assert!(matches!(undeclared.refusal(), Some(Refusal::NotPermitted(_))), "{undeclared:?}");
        for _ in 0..2 {
            assert_eq!(ask(say()).await.refusal(), Some(&Refusal::Unavailable("reached".into())));
        }
        assert!(matches!(ask(say()).await.refusal(), Some(Refusal::OverQuota(_))));
        assert_eq!(reached.lock().len(), 2);
        assert_eq!(used.lock().host_calls, 2);
    }

    #[tokio::test]
    async fn past_the_quota_what_cannot_be_refused_is_answered_with_nothing_false() {
        let inner = tower::service_fn(|call: HostCall| -> Answer<Refusal> {
            now(call.import().refused(Refusal::Unavailable("reached".into())))
        });
        let used = Arc::new(Mutex::new(Used::default()));
        let all: Arc<[Capability]> = Capability::ALL.into();
        let line = line("[quota]\nhost-calls = 1");
        let mut door = hang(inner, &line, all, used.clone());
        let mut ask = async |call| door.ready().await.unwrap().call(call).await;
        assert!(ask(HostCall::Now).await.is_ok());
        for call in [
            HostCall::Now,
            HostCall::Weekday,
            HostCall::Elapsed,
            HostCall::RandomBytes(8),
            HostCall::ModelAvailable,
            HostCall::Understanding(Question::IsNoise("bruit".into())),
        ] {
            let stopped = ask(call.clone()).await;
            assert!(
                matches!(&stopped, Err(Refusal::OverQuota(why)) if why.contains("`host-calls`")),
                "{call:?}"
            );
        }
        let say = HostCall::Say(Say { text: "Bonjour".into(), options: SayOptions::default() });
        let refused = ask(say).await.unwrap();
        assert!(matches!(refused.refusal(), Some(Refusal::OverQuota(_))), "{refused:?}");
        // A note is dropped: it is nothing false.
        let note = HostCall::Log(LogLine { level: LogLevel::Error, message: "giving up".into() });
        assert_eq!(ask(note).await, Ok(HostReturn::Log(())));
        // Whoever has asked too much may still end the call.
        assert_eq!(ask(HostCall::HangUp).await, Ok(HostReturn::HangUp(())));
        assert_eq!(used.lock().host_calls, 1);
    }
}
