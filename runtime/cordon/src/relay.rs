//! One call whose agent answers behind a cordon: what it asks is carried to its door, and what the door answers back.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use parloir_contract::{CallInfo, HostReturn};
use parloir_sandbox::{Agent, Answered, Budget, Door, DoorClosed, Failure, FailureKind};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceExt};

use crate::frame::FrameError;
use crate::message::Down;
use crate::outside::Place;
use crate::session::{Call, Event};

/// How much longer than its CPU time of a turn an agent may take without a word: it has the core to itself for a part only.
const PATIENCE: u32 = 60;
/// And at least so long.
const LEAST: Duration = Duration::from_secs(30);
/// How far beyond its budget a call's CPU time is believed.
const BEYOND: Duration = Duration::from_secs(1);
/// How long an agent that is stopped may take to be gone: an interruption of its computing is milliseconds away.
const STOPS: Duration = Duration::from_secs(5);
/// Longer than a process that is doomed takes to end.
const DOOMED: Duration = Duration::from_secs(3_600);

type Asking = BoxFuture<'static, Result<HostReturn, DoorClosed>>;

/// One call.
pub(crate) struct Relay {
    pub(crate) place: Arc<Place>,
    pub(crate) agent: Agent,
    pub(crate) info: CallInfo,
    pub(crate) budget: Budget,
    pub(crate) stop: CancellationToken,
    pub(crate) cpu: Arc<AtomicU64>,
}

impl Relay {
    /// Carries until the agent's part is over.
    pub(crate) async fn run(self, mut door: Door) -> Answered {
        let began = tokio::select! {
            began = self.begin() => began,
            () = self.stop.cancelled() => Err(stopped()),
        };
        let mut call = match began {
            Ok(call) => call,
            Err(failure) => return self.ended(Err(failure)),
        };
        let patience = self.budget.turn_cpu.saturating_mul(PATIENCE).max(LEAST);
        let mut until = Instant::now() + patience;
        let mut asking: Option<Asking> = None;
        // Why it was stopped.
        let mut stopping: Option<Failure> = None;
        // Its door does not open any more: it can ask nothing.
        let mut closed = false;
        loop {
            tokio::select! {
                biased;
                event = call.events.recv() => match event {
                    Some(Event::Asked { cpu, asked }) => {
                        self.used(cpu);
                        if closed {
                            call.session.doom("an agent asked at a closed door", call.number);
                        } else if stopping.is_some() {
                            // It asked before it heard of it.
                        } else if asking.is_some() {
                            call.session.doom("an agent asked twice at once", call.number);
                        } else {
                            let ask: Asking = match door.ready().await {
                                Ok(door) => door.call(*asked),
                                Err(closed) => Box::pin(std::future::ready(Err(closed))),
                            };
                            asking = Some(ask);
                        }
                    }
                    Some(Event::Ended(Answered { outcome, cpu })) => {
                        self.used(cpu);
                        return self.ended(match (stopping, outcome) {
                            (Some(failure), Err(_)) => Err(failure),
                            (_, outcome) => outcome,
                        });
                    }
                    // The session has the other end for as long as the call has this one.
                    None => return self.ended(Err(fell(&call))),
                },
                () = call.session.over() => return self.ended(Err(stopping.unwrap_or_else(|| fell(&call)))),
                answer = answered(&mut asking), if asking.is_some() => {
                    asking = None;
                    closed = answer.is_err();
                    until = Instant::now() + if closed { STOPS } else { patience };
                    answer_in(&call, answer).await;
                }
                () = self.stop.cancelled(), if stopping.is_none() => {
                    asking = None;
                    stopping = Some(stopped());
                    until = Instant::now() + STOPS;
                    stop_in(&call).await;
                }
                () = sleep_until(until), if asking.is_none() => {
                    if stopping.is_none() {
                        let why = format!("the agent gave no sign of itself for {} s", patience.as_secs());
                        stopping = Some(Failure::new(FailureKind::TurnCpu, why));
                        until = Instant::now() + STOPS;
                        stop_in(&call).await;
                    } else {
                        call.session.doom("it did not stop an agent", call.number);
                        until = Instant::now() + DOOMED;
                    }
                }
            }
        }
    }

    /// Has the call begin there.
    async fn begin(&self) -> Result<Call, Failure> {
        let host = |why: String| Failure::new(FailureKind::Host, format!("the tenant's cordon: {why}"));
        let (place, sandbox) = (self.place.clone(), self.agent.sandbox().clone());
        // To its end, whatever becomes of this call: whoever rings next finds the process begun.
        let placed = tokio::spawn(async move { place.call(&sandbox).await });
        let call = placed.await.map_err(|error| host(error.to_string()))?.map_err(host)?;
        let begun = self.begin_in(&call).await;
        match begun {
            Ok(()) => Ok(call),
            Err(why) if !call.session.is_ending() => Err(host(why)),
            // It fell meanwhile, and that is why.
            Err(_) => {
                call.session.over().await;
                Err(fell(&call))
            }
        }
    }

    async fn begin_in(&self, call: &Call) -> Result<(), String> {
        let (number, session, agent) = (call.number, call.session.clone(), self.agent.clone());
        // To its end, whatever becomes of this call.
        let loading = tokio::spawn(async move { session.load(number, &agent).await });
        loading.await.map_err(|error| error.to_string())??;
        let (sha256, info) = (*self.agent.sha256(), self.info.clone());
        let start = Down::Start { call: number, sha256, info, budget: self.budget };
        call.session.send(&start).await.map_err(|error| error.to_string())
    }

    fn used(&self, cpu: Duration) {
        // What is told is believed within what it may be: it never goes back, and ends a little beyond where the sandbox ends a call.
        let most = self.budget.call_cpu.saturating_add(BEYOND);
        let nanoseconds = u64::try_from(cpu.min(most).as_nanos()).unwrap_or(u64::MAX);
        self.cpu.fetch_max(nanoseconds, Ordering::Relaxed);
    }

    fn ended(&self, outcome: Result<parloir_contract::Outcome, Failure>) -> Answered {
        Answered { outcome, cpu: Duration::from_nanos(self.cpu.load(Ordering::Relaxed)) }
    }
}

async fn answered(asking: &mut Option<Asking>) -> Result<HostReturn, DoorClosed> {
    match asking {
        Some(asking) => asking.await,
        None => pending().await,
    }
}

/// Tells the agent what its door answered. Where nobody is there, the session says so.
async fn answer_in(call: &Call, answer: Result<HostReturn, DoorClosed>) {
    let number = call.number;
    let down = match answer {
        Ok(answer) => Down::Answer { call: number, answer },
        Err(DoorClosed(why)) => Down::Close { call: number, why },
    };
    if let Err(error @ (FrameError::TooLong { .. } | FrameError::Unreadable(_))) =
        call.session.send(&down).await
    {
        let why = format!("the answer does not reach the agent: {error}");
        let _nobody_there = call.session.send(&Down::Close { call: number, why }).await;
    }
}

async fn stop_in(call: &Call) {
    // Where nobody is there, the session says so.
    let _nobody_there = call.session.send(&Down::Stop { call: call.number }).await;
}

fn stopped() -> Failure {
    Failure::new(FailureKind::Stopped, "the agent was stopped")
}

/// The process is gone, whatever took it down: a call's own agent, or another's.
fn fell(call: &Call) -> Failure {
    let fell = |why: &str| format!("the tenant's cordon fell: {why}");
    match call.session.end() {
        Some(end) if !end.culprits.contains(&call.number) => {
            Failure::new(FailureKind::Neighbour, fell(&end.why))
        }
        Some(end) => Failure::new(FailureKind::Trap, fell(&end.why)),
        None => Failure::new(FailureKind::Trap, fell("it is gone")),
    }
}
