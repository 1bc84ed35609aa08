//! A tenant that is suspended by a command, and what its owner and whoever runs the installation read of its use.

use crate::administered::{MADE, cabinet, done, json, options, put_trial, ring, run, start, user};
use crate::house;
use crate::house::{CALLER, FALLBACK, say};
use parloir_server::Running;
use parloir_transport::client::{CarrierCall, CarrierEvent};
use parloir_transport::conversation::{self, Action, Seen, Step};

async fn dial(running: &Running) -> CarrierCall {
    CarrierCall::dial(&format!("{}/twilio/voice", running.public), options(MADE)).await.unwrap()
}

/// An installation with a line of a tenant's: the keys of its operator, of the tenant's owner and of its admin.
async fn opened(folder: &std::path::Path) -> (Running, [String; 3]) {
    let (running, api, [_, operator, owner]) = cabinet(folder).await;
    let admin = user(api, &owner, "admin");
    done(api, &operator, &["number", "give", MADE, "--tenant", "cabinet"]);
    put_trial(folder, "cabinet");
    let set =
        ["line", "set", MADE, "--agent", "trial", "--setting", "trial=echo", "--fallback-number", FALLBACK];
    done(api, &admin, &set);
    (running, [operator, owner, admin])
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_caller_of_a_suspended_tenant_goes_to_the_fallback_number_and_the_live_call_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (running, [operator, owner, admin]) = opened(folder.path()).await;
    let api = running.admin.unwrap();
    let mut live = dial(&running).await;
    loop {
        let event = live.next_event().await.expect("the call lasts");
        if matches!(event, CarrierEvent::StreamOpened { .. }) {
            break;
        }
    }
    done(api, &operator, &["tenant", "suspend", "cabinet", "--why", "the bill of October is not paid"]);

    let (mut next, mut events) = (dial(&running).await, Vec::new());
    while let Some(event) = next.next_event().await {
        events.push(event);
    }
    let said = |event: &CarrierEvent| matches!(event, CarrierEvent::CarrierSaid { text } if !text.is_empty());
    assert!(events.iter().any(said), "nobody is left in silence: {events:?}");
    let handed =
        |event: &CarrierEvent| matches!(event, CarrierEvent::Transfer { number, .. } if number == FALLBACK);
    assert!(events.iter().any(handed), "{events:?}");
    assert!(!events.iter().any(|event| matches!(event, CarrierEvent::StreamOpened { .. })), "{events:?}");

    // The call that was live speaks on with its agent.
    let steps = vec![Step::new(say("fr_bonjour_rdv")), Step::new(Action::HangUp)];
    let conversation = house::conversation_of(steps);
    let mut spoken = false;
    conversation::run(live, &conversation, |seen| {
        spoken |= matches!(seen, Seen::Heard(CarrierEvent::AgentStartedSpeaking { .. }));
    })
    .await;
    assert!(spoken, "the agent of the live call fell silent");

    let (code, _, told) = run(api, &owner, &["user", "list"]);
    assert!(code == Some(1) && told.contains("the bill of October is not paid"), "{told}");
    assert!(told.contains("parloir tenant resume cabinet"), "{told}");
    let shown = done(api, &operator, &["tenant", "show", "cabinet"]);
    assert!(shown.contains("the bill of October is not paid"), "{shown}");

    // It stays so where the program is started again, until it is resumed.
    running.until(std::future::ready(())).await;
    let running = start(folder.path()).await;
    let api = running.admin.unwrap();
    let mut again = dial(&running).await;
    let mut events = Vec::new();
    while let Some(event) = again.next_event().await {
        events.push(event);
    }
    assert!(events.iter().any(handed), "{events:?}");
    done(api, &operator, &["tenant", "resume", "cabinet"]);
    assert_eq!(ring(&running, MADE).await, "cabinet");
    done(api, &owner, &["user", "list"]);
    // Where those callers went is told, though no carrier says whether somebody answered there.
    let listed = done(api, &admin, &["calls"]);
    assert!(listed.contains("its line's fallback number"), "{listed}");
    // What the operator did to the tenant is in the installation's own log as well.
    let audit = done(api, &operator, &["audit"]);
    for part in ["tenant cabinet: suspended", "tenant cabinet: resumed", "the bill of October is not paid"] {
        assert!(audit.contains(part), "{part}: {audit}");
    }
    running.until(std::future::ready(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_reads_the_month_by_a_command_and_an_admin_blocks_a_number_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let (running, [operator, owner, admin]) = opened(folder.path()).await;
    let api = running.admin.unwrap();
    assert_eq!(ring(&running, MADE).await, "cabinet");

    let month = json(api, &owner, &["ledger"]);
    assert_eq!(month["tenant"], "cabinet", "{month}");
    assert_eq!(month["used"]["calls"], 1, "{month}");
    assert_eq!(json(api, &operator, &["ledger", "--tenant", "cabinet"]), month);
    assert_eq!(done(api, &owner, &["ledger", "--month", "1999-01"]), "no call is over yet");
    let shown = done(api, &owner, &["quota", "show"]);
    assert!(shown.starts_with("QUOTA") && shown.contains("USED") && shown.contains("kept-bytes"), "{shown}");
    let quota = json(api, &owner, &["quota", "show"]);
    assert!(quota["used"]["kept-bytes"].as_u64().is_some_and(|kept| kept > 0), "{quota}");

    assert_eq!(done(api, &admin, &["block", "--list"]), "none");
    done(api, &admin, &["block", "--number", CALLER, "--why", "rings all night"]);
    assert_eq!(json(api, &admin, &["block", "--number", CALLER])["changed"], false);
    let listed = done(api, &admin, &["block", "--list"]);
    assert!(listed.contains(CALLER) && listed.contains("rings all night"), "{listed}");
    let (code, _, told) = run(api, &owner, &["block", "--list"]);
    assert!(code == Some(1) && told.contains("supervisor or admin"), "{told}");
    assert_eq!(json(api, &admin, &["block", "--number", CALLER, "--release"])["changed"], true);
    assert_eq!(done(api, &admin, &["block", "--list"]), "none");
    running.until(std::future::ready(())).await;
}
