//! One call whose agent answers behind a cordon: what it asks is carried to its door, and what the door answers back.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use parloir_contract::{CallInfo, HostCall, HostReturn, Outcome};
use parloir_sandbox::{
    Agent, Answered, Budget, Door, DoorClosed, Failure, FailureKind, Served, caller_had_a_turn,
};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tower::{Service, ServiceExt};

use crate::calls::Event;
use crate::frame::FrameError;
use crate::message::Down;
use crate::outside::Place;
use crate::session::Call;
use crate::spent::Spent;

/// How much longer than its CPU time of a turn an agent may take without a word: it has the core to itself for a part only.
const PATIENCE: u32 = 60;
/// And at least so long.
const LEAST: Duration = Duration::from_secs(30);
/// How long an agent that is stopped may take to be gone: an interruption of its computing is milliseconds away.
const STOPS: Duration = Duration::from_secs(5);
/// Longer than a process that is doomed takes to end.
const DOOMED: Duration = Duration::from_secs(3_600);

/// What a door answered, and the door.
type Asked = (Door, Result<HostReturn, DoorClosed>);

/// What an agent asks, under way.
enum Asking {
    Here(BoxFuture<'static, Asked>),
    /// On the executor of those that compute long.
    Apart(AbortOnDropHandle<Asked>),
}

/// One call.
pub(crate) struct Relay {
    pub(crate) place: Arc<Place>,
    pub(crate) agent: Agent,
    pub(crate) info: CallInfo,
    pub(crate) budget: Budget,
    pub(crate) stop: CancellationToken,
    /// Whether the agent was told to begin.
    pub(crate) begun: Arc<AtomicBool>,
    pub(crate) spent: Spent,
}

impl Relay {
    /// Carries until the agent's part is over.
    pub(crate) async fn run(mut self, door: Door) -> Answered {
        let began = tokio::select! {
            began = self.begin() => began,
            () = self.stop.cancelled() => Err(stopped()),
        };
        let mut call = match began {
            Ok(call) => call,
            Err(failure) => return self.ended(Err(failure)),
        };
        let mut asking = None;
        let outcome = self.carry(&mut call, door, &mut asking).await;
        give_up(asking).await;
        self.ended(outcome)
    }

    async fn carry(
        &mut self,
        call: &mut Call,
        door: Door,
        asking: &mut Option<Asking>,
    ) -> Result<Outcome, Failure> {
        // It is with what is asked.
        let mut door = Some(door);
        let patience = self.budget.turn_cpu.saturating_mul(PATIENCE).max(LEAST);
        let mut until = Instant::now() + patience;
        // Why it was stopped.
        let mut stopping: Option<Failure> = None;
        // Its door does not open any more: it can ask nothing.
        let mut closed = false;
        loop {
            tokio::select! {
                biased;
                event = call.events.recv() => match event {
                    Some(Event::Asked { cpu, asked, read }) => {
                        self.spent.told(cpu, read);
                        if closed {
                            call.session.breaks("an agent asked at a closed door", call.number);
                        } else if stopping.is_some() {
                            // It asked before it heard of it.
                        } else if let Some(failure) = self.spent.exceeded() {
                            stopping = Some(failure);
                            until = Instant::now() + STOPS;
                            stop_in(call).await;
                        } else if let Some(door) = door.take() {
                            *asking = Some(self.ask(door, *asked));
                        } else {
                            call.session.breaks("an agent asked twice at once", call.number);
                        }
                    }
                    Some(Event::Ended(Answered { outcome, cpu })) => {
                        self.spent.told(cpu, Duration::ZERO);
                        return match (stopping, outcome) {
                            (Some(failure), Err(_)) => Err(failure),
                            (_, outcome) => outcome,
                        };
                    }
                    // The session has the other end for as long as the call has this one.
                    None => return Err(fell(call)),
                },
                () = call.session.over() => return Err(stopping.unwrap_or_else(|| fell(call))),
                (back, answer) = answered(asking), if asking.is_some() => {
                    (*asking, door) = (None, back);
                    closed = answer.is_err();
                    if answer.as_ref().is_ok_and(caller_had_a_turn) {
                        self.spent.new_turn();
                    }
                    until = Instant::now() + if closed { STOPS } else { patience };
                    answer_in(call, answer).await;
                }
                () = self.stop.cancelled(), if stopping.is_none() => {
                    give_up(asking.take()).await;
                    stopping = Some(stopped());
                    until = Instant::now() + STOPS;
                    stop_in(call).await;
                }
                () = sleep_until(until), if asking.is_none() => {
                    if stopping.is_none() {
                        let why = format!("the agent gave no sign of itself for {} s", patience.as_secs());
                        stopping = Some(Failure::new(FailureKind::TurnCpu, why));
                        until = Instant::now() + STOPS;
                        stop_in(call).await;
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
        let now = place.in_turn().await;
        // To its end, whatever becomes of this call: whoever rings next finds the process begun.
        let placed = tokio::spawn(async move { place.call(now, &sandbox).await });
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
        call.session.send(&start).await.map_err(|error| error.to_string())?;
        self.begun.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Asks at the door, in the call's own time; where it has used much of it in this turn, after everybody else.
    fn ask(&self, mut door: Door, asked: HostCall) -> Asking {
        let asking = async move {
            let answer = match door.ready().await {
                Ok(open) => open.call(asked).await,
                Err(closed) => Err(closed),
            };
            (door, answer)
        };
        let (served, sandbox) = (Served::new(asking, self.spent.served()), self.agent.sandbox());
        if self.spent.turn() > sandbox.settings().long {
            Asking::Apart(AbortOnDropHandle::new(sandbox.patient().spawn(served)))
        } else {
            Asking::Here(Box::pin(served))
        }
    }

    fn ended(&self, outcome: Result<Outcome, Failure>) -> Answered {
        Answered { outcome, cpu: self.spent.call() }
    }
}

async fn answered(asking: &mut Option<Asking>) -> (Option<Door>, Result<HostReturn, DoorClosed>) {
    let apart = match asking {
        None => pending().await,
        Some(Asking::Here(asking)) => Ok(asking.await),
        Some(Asking::Apart(asking)) => asking.await,
    };
    match apart {
        Ok((door, answer)) => (Some(door), answer),
        // As where it had been asked here.
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => (None, Err(DoorClosed("the host is closing".into()))),
    }
}

/// Asks no more. When it returns, what was asked is gone, and has left its record.
async fn give_up(asking: Option<Asking>) {
    match asking {
        Some(Asking::Apart(asking)) => {
            asking.abort();
            // It was cut off, or is answered, and nobody waits for it.
            let _cut_off = asking.await;
        }
        Some(Asking::Here(_)) | None => {}
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
