//! A thousand calls that go every way an agent has, journaled, read back, and run again.

use std::collections::BTreeSet;

use crate::house;
use crate::improvised;
use crate::improvised::Place;
use parloir_contract::{CallId, HostCall};
use parloir_journal::read_call;
use parloir_replay::{Recorded, exact};
use parloir_sandbox::{Agent, Sandbox, Settings};

const CALLS: u64 = 1_000;

/// The sockets that this process holds.
fn sockets() -> BTreeSet<String> {
    std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .map(|target| target.display().to_string())
        .filter(|target| target.starts_with("socket:"))
        .collect()
}

async fn recorded(Place { data, keys, tenant, .. }: &Place, call: CallId) -> Recorded {
    Recorded::new(read_call(data, &**keys, tenant, call, None).await.unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_calls_run_again_without_a_byte_or_a_socket_more() {
    let sandbox = Sandbox::new(Settings::default(), None).unwrap();
    let agent: Agent =
        sandbox.load(std::fs::read(house::component("agents/cabinet")).unwrap()).await.unwrap();
    let (place, calls) = Place::with_calls(&agent, CALLS).await;

    let before = sockets();
    let mut requests = 0;
    for &(call, asked) in &calls {
        let again = exact(&agent, &recorded(&place, call).await).await.unwrap();
        assert_eq!((again.difference, again.equal), (None, asked), "call {call}");
        requests += asked;
    }
    assert_eq!(sockets(), before, "a re-run opens none");
    assert!(requests > 20_000, "{requests}: these calls are too short to show anything");

    // A change planted in any one of them is named at its very step.
    let mut chance = improvised::Chance::new(77);
    for &(call, asked) in calls.iter().step_by(10) {
        let mut changed = recorded(&place, call).await;
        let at = usize::try_from(chance.below(asked as u64)).unwrap();
        changed.steps[at].asked = match changed.steps[at].asked.clone().unwrap() {
            HostCall::Say(mut say) => {
                say.text.push(' ');
                Some(HostCall::Say(say))
            }
            HostCall::HangUp => Some(HostCall::Now),
            _ => Some(HostCall::HangUp),
        };
        let named = exact(&agent, &changed).await.unwrap().difference.unwrap();
        assert_eq!((named.step, named.seq), (at + 1, Some(changed.steps[at].seq)), "call {call}");
    }
}
