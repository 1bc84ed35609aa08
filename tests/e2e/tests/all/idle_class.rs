//! An agent that computes long does so in the kernel's idle class, and nothing of it is given back there: its memory is
//! unmapped under locks that the media loop waits for.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use parloir_contract::{CallInfo, Direction, HostCall, LocalTime, Refusal};
use parloir_sandbox::{Agent, Answering, Budget, Door, FailureKind, Sandbox, Settings};
use thread_priority::{NormalThreadSchedulePolicy, ThreadSchedulePolicy, thread_schedule_policy};

use crate::house;

/// What a store holds: notes the class of the thread that drops it.
struct Held(Arc<Mutex<Option<ThreadSchedulePolicy>>>);

impl Drop for Held {
    fn drop(&mut self) {
        *self.0.lock().unwrap() = Some(thread_schedule_policy().unwrap());
    }
}

/// An agent that computes without end, and where its store will have been dropped.
async fn spinning(turn_cpu: Duration) -> (Agent, Answering, Arc<Mutex<Option<ThreadSchedulePolicy>>>) {
    let settings = Settings { long: Duration::ZERO, ..Settings::default() };
    let sandbox = Sandbox::new(settings, None).unwrap();
    let agent: Agent =
        sandbox.load(std::fs::read(house::component("tests/agents/trial")).unwrap()).await.unwrap();
    let dropped = Arc::new(Mutex::new(None));
    let held = Held(dropped.clone());
    let door = Door::new(tower::service_fn(move |call: HostCall| {
        let _ = &held;
        async move { Ok(call.import().refused(Refusal::Unavailable("nobody listens".into()))) }
    }));
    let info = CallInfo {
        id: "0123456789abcdef0123456789abcdef".into(),
        direction: Direction::Outbound,
        line: "+33199005678".into(),
        caller: None,
        language: "fr-FR".into(),
        started_at: LocalTime { year: 2026, month: 11, day: 21, hour: 18, minute: 5 },
        settings: vec![("trial".into(), "spin".into()), ("greet".into(), "no".into())],
    };
    let answering = agent.answer(info, door, Budget { turn_cpu, ..Budget::default() });
    (agent, answering, dropped)
}

fn not_idle(dropped: &Mutex<Option<ThreadSchedulePolicy>>) {
    let policy = dropped.lock().unwrap().expect("it is gone when its end is told");
    assert_ne!(policy, ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_used_its_budget_up_is_dropped_outside_the_idle_class() {
    let (_agent, answering, dropped) = spinning(Duration::from_millis(200)).await;
    let answered = answering.await.unwrap();
    assert_eq!(answered.outcome.unwrap_err().kind, FailureKind::TurnCpu);
    not_idle(&dropped);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_aborted_while_it_computes_is_dropped_outside_the_idle_class() {
    let (_agent, answering, dropped) = spinning(Duration::from_secs(20)).await;
    while answering.cpu() < Duration::from_millis(100) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    answering.abort();
    let answered = answering.await.unwrap();
    assert_eq!(answered.outcome.unwrap_err().kind, FailureKind::Stopped);
    not_idle(&dropped);
}
