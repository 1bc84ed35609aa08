//! The life of an agent by its own commands: pushed, signed, approved, promoted; a canary that traps on its calls is taken back
//! by itself while the live version answers, and live calls keep their version.

use std::time::{Duration, Instant};

use crate::administered;
use crate::administered::{done, json, named, run, start, user};
use crate::house;
use crate::house::{FALLBACK, LINE, component};
use futures_util::future::join_all;
use parloir_journal::{AgentEnd, RecordBody};
use parloir_server::{Finished, Running};
use parloir_transport::client::{CarrierCall, CarrierEvent, DialOptions};
use parloir_transport::conversation::{self, Action, Step};
use parloir_transport::webhook::DialStatus;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::broadcast::Receiver;

/// Calls that ring at one time while a canary is tried.
const TOGETHER: usize = 3;

fn options() -> DialOptions {
    DialOptions { transfer_answer: DialStatus::Completed, ..house::dial_options(LINE) }
}

fn webhook(running: &Running) -> String {
    format!("{}/twilio/voice", running.public)
}

/// The version that answered the next call that ends, in hexadecimal digits, and how its own part in the call ended.
async fn ended(running: &Running, watch: &mut Receiver<Finished>) -> (String, AgentEnd) {
    let finished = tokio::time::timeout(Duration::from_secs(60), watch.recv()).await.unwrap().unwrap();
    let journal = &running.installation().storage.journal;
    let records = journal.records(&finished.tenant, finished.summary.id).await.unwrap();
    let digest = records.iter().find_map(|record| match &record.body {
        RecordBody::CallStarted(started) => Some(hex(&started.component_sha256)),
        _ => None,
    });
    (digest.unwrap(), finished.summary.agent)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Rings, and waits until somebody speaks.
async fn held(running: &Running) -> CarrierCall {
    let mut call = CarrierCall::dial(&webhook(running), options()).await.unwrap();
    while let Some(event) = call.next_event().await {
        if matches!(event, CarrierEvent::AgentStartedSpeaking { .. }) {
            break;
        }
    }
    call
}

/// Rings so often at one time; each caller hangs up after a while. Returns which version answered each, and how.
async fn ring(running: &Running, calls: usize) -> Vec<(String, AgentEnd)> {
    let mut watch = running.finished();
    let conversation = house::conversation_of(vec![
        Step::new(Action::Silence(Duration::from_secs(1))),
        Step::new(Action::HangUp),
    ]);
    let calls = (0..calls).map(|_| async {
        let call = CarrierCall::dial(&webhook(running), options()).await.unwrap();
        conversation::run(call, &conversation, |_| {}).await
    });
    let mut answered = Vec::new();
    for _ in join_all(calls).await {
        answered.push(ended(running, &mut watch).await);
    }
    answered
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_traps_is_taken_back_by_itself_and_live_calls_keep_their_version() {
    let folder = tempfile::tempdir().unwrap();
    let (cabinet, trial) = (component("agents/cabinet"), component("tests/agents/trial"));
    let [one, two] = [&cabinet, &trial].map(|file| hex(&Sha256::digest(std::fs::read(file).unwrap())));
    let [cabinet, trial] = [&cabinet, &trial].map(|file| file.to_str().unwrap());
    let (running, api, [_, operator, theirs]) = administered::cabinet(folder.path()).await;
    let admin = user(api, &theirs, "admin");
    let (other, approver) = named(api, &theirs, "Luc Petit", "admin");
    done(api, &operator, &["number", "give", LINE, "--tenant", "cabinet"]);

    // Who nobody signed is not taken, nor is whoever a stranger signed.
    let push = ["agent", "push", "desk", cabinet];
    let (code, _, told) = run(api, &admin, &push);
    assert!(code == Some(2) && told.contains("is not signed"), "{told}");
    let key = folder.path().join("build.key");
    let key = key.to_str().unwrap();
    let public = done(api, &admin, &["agent", "key", key]);
    let signed = [push.as_slice(), &["--sign", key]].concat();
    let (code, _, told) = run(api, &admin, &signed);
    assert!(code == Some(2) && told.contains("not trusted"), "{told}");
    done(api, &admin, &["agent", "trust", &public, "--name", "the build machine"]);

    // Nor is a module, of which nothing stays.
    let (module, artifacts) = (folder.path().join("module.wasm"), folder.path().join("data/artifacts"));
    std::fs::write(&module, b"\0asm\x01\0\0\0").unwrap();
    let (code, _, told) =
        run(api, &admin, &["agent", "push", "desk", module.to_str().unwrap(), "--sign", key]);
    assert!(code == Some(2) && told.contains("no WebAssembly component"), "{told}");
    assert!(!artifacts.exists() || std::fs::read_dir(&artifacts).unwrap().next().is_none());

    // From a component to its first call.
    let began = Instant::now();
    let pushed = json(api, &admin, &signed);
    assert_eq!(
        (pushed["id"].as_str(), pushed["spec"]["state"].as_str()),
        (Some(one.as_str()), Some("waiting"))
    );
    let (code, _, told) = run(api, &admin, &["agent", "promote", "desk", &one]);
    assert!(code == Some(1) && told.contains("parloir agent approve desk"), "{told}");
    let approve = ["agent", "approve", "desk", &one[..8]];
    let (code, _, told) = run(api, &admin, &approve);
    assert!(code == Some(1) && told.contains("somebody else has to approve of it"), "{told}");
    done(api, &approver, &approve);
    done(api, &admin, &["agent", "promote", "desk", &one[..8]]);
    let set = ["line", "set", LINE, "--agent", "desk", "--fallback-number", FALLBACK];
    let panics = ["--setting", "trial=panic", "--setting", "greet=no"];
    done(api, &admin, &[set.as_slice(), &panics].concat());
    let first = held(&running).await;
    println!("from a component to the first words of its first call: {:.2?}", began.elapsed());
    let mut watch = running.finished();
    drop(first.finish().await);
    assert_eq!(ended(&running, &mut watch).await.0, one);

    // A canary that traps on every call. The other agent knows nothing of the settings that make it do so.
    done(api, &admin, &["agent", "sign", trial, "--key", key, "-o", &format!("{key}.sig")]);
    done(api, &admin, &["agent", "push", "desk", trial, "--signature", &format!("{key}.sig")]);
    // Where one person is all there is, they say so.
    let alone = ["agent", "policy", "--self-approval", "allow"];
    let (code, _, told) = run(api, &admin, &alone);
    assert!(code == Some(1) && told.contains("ask Luc Petit"), "{told}");
    done(api, &theirs, &["user", "remove", &other]);
    done(api, &admin, &alone);
    let policy = json(api, &admin, &["agent", "policy", "--unsigned", "refuse"]);
    assert_eq!(policy["spec"], serde_json::json!({ "unsigned": "refuse", "self-approval": "allow" }));
    done(api, &admin, &["agent", "approve", "desk", &two[..8]]);
    done(api, &admin, &["agent", "canary", "desk", &two[..8], "--percent", "90"]);
    let show = ["agent", "show", "desk", &two[..8]];
    let (mut version, mut trapped) = (Value::Null, 0);
    for _ in 0..20 {
        for (digest, end) in ring(&running, TOGETHER).await {
            assert!(digest == one || digest == two);
            trapped += usize::from(digest == two);
            assert_eq!(matches!(end, AgentEnd::Failed(_)), digest == two, "{end:?}");
        }
        version = json(api, &admin, &show);
        if version["spec"]["state"] != "canary" {
            break;
        }
    }
    assert_eq!(version["spec"]["state"], "rolled-back", "{version}");
    assert!(version["spec"]["why"].as_str().unwrap().contains("failed in"), "{version}");
    assert!(trapped >= 5 && version["spec"]["figures"]["traps"].as_u64().unwrap() >= 5, "{version}");
    // Its row says so a moment before calls go by it.
    ring(&running, 1).await;
    for (digest, end) in ring(&running, TOGETHER).await {
        assert!(digest == one && !matches!(end, AgentEnd::Failed(_)), "{end:?}");
    }

    // The call that began with the first version is still its own, whatever was tried and promoted meanwhile.
    let held = held(&running).await;
    done(api, &admin, &["agent", "promote", "desk", &two[..8]]);
    assert_eq!(ring(&running, 1).await[0].0, two, "from the next call on");
    let mut watch = running.finished();
    drop(held.finish().await);
    let (digest, end) = ended(&running, &mut watch).await;
    assert!(digest == one && !matches!(end, AgentEnd::Failed(_)), "{end:?}");

    // Back to the version before, which outlasts a restart; what is there is listed.
    done(api, &admin, &["agent", "roll-back", "desk", "--why", "it traps"]);
    let listed = done(api, &admin, &["agent", "list"]);
    assert!(listed.starts_with("AGENT") && listed.contains(&one[..12]), "{listed}");
    let shown = done(api, &admin, &["agent", "show", "desk"]);
    assert!(shown.contains("rolled back: it traps") && shown.contains("live"), "{shown}");
    running.until(std::future::ready(())).await;
    let running = start(folder.path()).await;
    assert_eq!(ring(&running, 1).await[0].0, one);
    assert_eq!(done(running.admin.unwrap(), &admin, &["tenant", "problems"]), "none");
    running.until(std::future::ready(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_first_version_does_not_load_no_file_answers_by_what_was_approved_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let (cabinet, trial) = (component("agents/cabinet"), component("tests/agents/trial"));
    let version = hex(&Sha256::digest(std::fs::read(&cabinet).unwrap()));
    let (running, api, [_, operator, theirs]) = administered::cabinet(folder.path()).await;
    let admin = user(api, &theirs, "admin");
    done(api, &operator, &["number", "give", LINE, "--tenant", "cabinet"]);
    let agents = folder.path().join("data/tenants/cabinet/agents");
    std::fs::create_dir_all(&agents).unwrap();
    std::fs::copy(&trial, agents.join("desk.wasm")).unwrap();
    done(api, &admin, &["line", "set", LINE, "--agent", "desk", "--fallback-number", FALLBACK]);
    let file_answers = || {
        let loaded = running.installation().agents();
        loaded.iter().any(|(path, _)| path.ends_with("cabinet/agents/desk.wasm"))
    };
    assert!(file_answers());

    done(api, &admin, &["agent", "policy", "--unsigned", "allow", "--self-approval", "allow"]);
    done(api, &admin, &["agent", "push", "desk", cabinet.to_str().unwrap()]);
    done(api, &admin, &["agent", "approve", "desk", &version[..8]]);
    // Its component is lost, and so is whatever was compiled of it.
    std::fs::remove_file(agents.join(format!("sha256-{version}.wasm"))).unwrap();
    std::fs::remove_dir_all(folder.path().join("data/artifacts")).unwrap();
    let (code, _, told) = run(api, &admin, &["agent", "promote", "desk", &version[..8]]);
    assert!(code != Some(0), "{told}");
    assert!(!file_answers());
    // Nor does it answer who repeats it that all is well.
    let (code, _, told) = run(api, &admin, &["agent", "promote", "desk", &version[..8]]);
    assert!(code != Some(0), "{told}");
    let problems = done(api, &admin, &["tenant", "problems"]);
    assert!(problems.contains("agent desk") && problems.contains(&format!("line {LINE}")), "{problems}");
    // Its callers are told so, and go where they do when an agent fails.
    let mut call = CarrierCall::dial(&webhook(&running), options()).await.unwrap();
    let (mut said, mut handed_to) = (false, Vec::new());
    while let Some(event) = call.next_event().await {
        match event {
            CarrierEvent::CarrierSaid { .. } => said = true,
            CarrierEvent::Transfer { number, .. } => handed_to.push(number),
            _ => {}
        }
    }
    assert!(said && handed_to == [FALLBACK], "{handed_to:?}");
    running.until(std::future::ready(())).await;
}
