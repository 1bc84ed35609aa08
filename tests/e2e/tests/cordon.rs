//! A tenant behind a cordon: its calls are answered by a process of its own, and where that is killed its callers hear the line's
//! sentence and are handed over, the other tenant's notice nothing, and the next call is answered again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod house;

use std::process::Command;
use std::time::Duration;

use house::{CALLER, Canned, FALLBACK, LINE, TOKEN, failures};
use parloir_journal::{Record, RecordBody};
use parloir_server::{Folders, Storage};
use parloir_transport::client::{CarrierCall, CarrierEvent, DialOptions};
use parloir_transport::conversation::{self, Action, Conversation, Report, Seen, Step};
use parloir_transport::signature::AuthToken;
use parloir_transport::webhook::DialStatus;
use tokio::sync::watch;

const OTHER: &str = "+33199000003";

const TENANTS: &str = r#"
[[cordon]]
tenant = "test"
policy = "always"
[[tenant]]
id = "test"
[[tenant.line]]
number = "+33199000001"
agent = {agent}
recording = "always"
fallback-number = "+33199000002"
[tenant.line.settings]
trial = "echo"
[[tenant]]
id = "other"
[[tenant.line]]
number = "+33199000003"
agent = {agent}
recording = "always"
fallback-number = "+33199000004"
[tenant.line.settings]
trial = "echo"
"#;

/// Rings a line, and counts how often its agent has spoken.
async fn ring(webhook: String, line: &'static str, steps: Vec<Step>, spoken: watch::Sender<u32>) -> Report {
    let options = DialOptions {
        auth_token: Some(AuthToken::new(TOKEN)),
        from: Some(CALLER.to_owned()),
        transfer_answer: DialStatus::Completed,
        ..DialOptions::to(line)
    };
    let call = CarrierCall::dial(&webhook, options).await.unwrap();
    let conversation = Conversation {
        reply_patience: Duration::from_secs(20),
        linger: Duration::from_secs(8),
        total: Duration::from_secs(60),
        steps,
    };
    conversation::run(call, &conversation, |seen| {
        if let Seen::Heard(CarrierEvent::AgentStoppedSpeaking { .. }) = seen {
            spoken.send_modify(|times| *times += 1);
        }
    })
    .await
}

fn keys(keys: &str) -> Step {
    Step::new(Action::Keys(keys.to_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_of_agents_that_is_killed_takes_its_own_calls_with_it_and_nobody_elses() {
    let folder = tempfile::tempdir().unwrap();
    let (server, webhook) = Canned::start(folder.path(), TENANTS);
    let silence = |seconds: u64| Step::new(Action::Silence(Duration::from_secs(seconds)));
    let (spoken, mut heard) = watch::channel(0);
    let (other_spoken, mut other_heard) = watch::channel(0);
    let falls = tokio::spawn(ring(webhook.clone(), LINE, vec![keys("42#"), silence(20)], spoken));
    let steps = vec![keys("42#"), silence(6), keys("43#"), Step::new(Action::HangUp)];
    let other = tokio::spawn(ring(webhook.clone(), OTHER, steps, other_spoken));
    // Both have greeted, and said back what was pressed.
    for heard in [&mut heard, &mut other_heard] {
        let twice = heard.wait_for(|times| *times >= 2);
        let _spoke = tokio::time::timeout(Duration::from_secs(40), twice).await.unwrap().unwrap();
    }
    let cordons = server.cordons();
    let [first] = cordons.as_slice() else { panic!("one tenant has a process of its own: {cordons:?}") };
    assert!(Command::new("kill").args(["-9", &first.to_string()]).status().unwrap().success());

    let falls = falls.await.unwrap();
    assert_eq!(falls.transfers, [(FALLBACK.to_owned(), DialStatus::Completed)]);
    let other = other.await.unwrap();
    assert_eq!((other.taken, other.unanswered), (4, 0), "the other tenant's call goes on");
    assert!(other.transfers.is_empty(), "{:?}", other.transfers);

    let again = ring(webhook, LINE, vec![keys("44#"), Step::new(Action::HangUp)], watch::channel(0).0).await;
    assert_eq!((again.taken, again.unanswered), (2, 0), "the next call is answered");
    let second = server.cordons();
    assert!(second.len() == 1 && second != cordons, "{second:?} after {cordons:?}");
    drop(server);

    let storage = Storage::open(&Folders::beside(folder.path().join("data"))).await.unwrap();
    let tenant = "test".parse().unwrap();
    let (mut told, mut calls_noted) = (Vec::new(), 0);
    for call in storage.journal.calls(&tenant, None, 100).await.unwrap().calls {
        let records = storage.journal.records(&tenant, call.call).await.unwrap();
        let noted = |record: &Record| matches!(&record.body, RecordBody::Note(note) if note.text.contains("process of its own"));
        calls_noted += usize::from(records.iter().any(noted));
        told.extend(failures(&records));
    }
    assert!(calls_noted > 0, "where its agent answers is in a call's journal");
    let [why] = told.as_slice() else { panic!("{told:?}") };
    assert!(why.starts_with("AgentTrap") && why.contains("the tenant's cordon fell"), "{why}");
    assert!(why.contains("SIGKILL") || why.contains("signal: 9"), "{why}");
    storage.close().await;
}
