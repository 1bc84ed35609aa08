//! An installation administered from nothing by its own commands: a tenant, its people, a line that answers at once and after a
//! restart, and a tenant of the operator's file that is brought in.

use std::path::Path;
use std::time::Duration;

use crate::administered::{MADE, done, options, ring, run, start, user, write_file};
use crate::house;
use crate::house::{FALLBACK, LINE, component};
use parloir_contract::Outcome;
use parloir_sandbox::Settings;
use parloir_server::{Config, Folders, Installation, Running, ServeError, serve};
use parloir_transport::client::{CarrierCall, CarrierEvent, DialOptions, EndReason};
use parloir_transport::webhook::DialStatus;
use serde_json::Value;

/// A tenant of the operator's file, with one line.
fn tenant(agent: &Path) -> String {
    format!(
        r#"
        [[tenant]]
        id = "test"
        [[tenant.line]]
        number = "{LINE}"
        agent = {agent:?}
        recording = "always"
        capabilities = ["memory", "transfer", "connectors"]
        settings = {{ trial = "echo" }}
        "#
    )
}

/// Rings a line whose agent hands its callers over to a number that is busy. While that rings, `meanwhile` is done. The caller comes
/// back to the agent all the same, and it lets them go.
async fn handed_over(running: &Running, line: &str, meanwhile: impl FnOnce()) {
    let mut watch = running.finished();
    let webhook = format!("{}/twilio/voice", running.public);
    let options =
        DialOptions { transfer_answer: DialStatus::Busy, ring: Duration::from_secs(5), ..options(line) };
    let mut call = CarrierCall::dial(&webhook, options).await.unwrap();
    let (mut events, mut meanwhile) = (Vec::new(), Some(meanwhile));
    while let Some(event) = call.next_event().await {
        if matches!(event, CarrierEvent::Transfer { .. })
            && let Some(meanwhile) = meanwhile.take()
        {
            meanwhile();
        }
        events.push(event);
    }
    assert!(meanwhile.is_none(), "nobody was handed over: {events:?}");
    let back = events.iter().rposition(|event| matches!(event, CarrierEvent::StreamOpened { .. })).unwrap();
    let streams = events.iter().filter(|event| matches!(event, CarrierEvent::StreamOpened { .. })).count();
    assert_eq!(streams, 2, "{events:?}");
    let spoken =
        events[back..].iter().any(|event| matches!(event, CarrierEvent::AgentStartedSpeaking { .. }));
    assert!(spoken, "nobody spoke to the caller who came back: {events:?}");
    assert_eq!(events.last(), Some(&CarrierEvent::Ended(EndReason::AgentHungUp)));
    let finished = tokio::time::timeout(Duration::from_secs(40), watch.recv()).await.unwrap().unwrap();
    assert_eq!(finished.summary.outcome, Outcome::CallBack);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_is_administered_from_nothing_by_its_own_commands() {
    let folder = tempfile::tempdir().unwrap();
    let agent = component("tests/agents/trial");
    write_file(folder.path(), &tenant(&agent));
    let running = start(folder.path()).await;
    let (api, owner) = (running.admin.unwrap(), running.owner_key.clone().unwrap());

    // Whoever runs it.
    let add = ["user", "add", "--name", "night shift", "--role", "operator"];
    let (code, operator, told) = run(api, &owner, &add);
    assert!(code == Some(0) && told.ends_with(&format!("added {operator}: night shift, operator")), "{told}");
    let operator = done(api, &owner, &["key", "add", "--user", &operator, "--name", "night shift"]);

    // A tenant, its owner, an admin with a key.
    let theirs = done(api, &owner, &["tenant", "add", "cabinet", "--owner", "Anne Durand"]);
    let user: Value = serde_json::from_str(&done(
        api,
        &theirs,
        &["user", "add", "--name", "Paul Martin", "--role", "admin", "--json"],
    ))
    .unwrap();
    let user = user["id"].as_str().unwrap();
    let admin = done(api, &theirs, &["key", "add", "--user", user, "--name", "desk"]);
    let (code, _, told) = run(api, &theirs, &["line", "list"]);
    assert_eq!(code, Some(1), "an owner has no data of calls, and no lines");
    assert!(told.contains("ask somebody who is supervisor or admin there"), "{told}");

    // A line: its number has to be given, by whoever runs the installation, and its agent has to be there.
    let give = ["number", "give", MADE, "--tenant", "cabinet"];
    let (code, _, told) = run(api, &admin, &["line", "set", MADE, "--agent", "trial"]);
    assert!(code == Some(1) && told.contains("parloir number give"), "{told}");
    let (code, _, told) = run(api, &admin, &give);
    assert!(
        code == Some(1) && told.contains("ask whoever runs the installation: its operator may"),
        "{told}"
    );
    done(api, &operator, &give);
    let set = ["line", "set", MADE, "--agent", "trial", "--recording", "always", "--setting", "trial=echo"];
    let (code, _, told) = run(api, &admin, &set);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("have the operator put it into the tenant's folder of agents"), "{told}");
    let agents = folder.path().join("data/tenants/cabinet/agents");
    std::fs::copy(&agent, agents.join("trial.wasm")).unwrap();
    done(api, &admin, &set);
    assert_eq!(ring(&running, MADE).await, "cabinet", "from the next call on");

    // A line that is changed, or removed, leaves its live calls alone.
    let hands_over = [
        ["line", "set", MADE, "--setting", "trial=hand-over", "--fallback-number", FALLBACK].as_slice(),
        // Of an agent that is a file nobody approved.
        &["--capability", "transfer"],
    ]
    .concat();
    done(api, &admin, &hands_over);
    handed_over(&running, MADE, || {
        done(api, &admin, &["line", "set", MADE, "--setting", "trial=leave"]);
    })
    .await;
    done(api, &admin, &hands_over);
    handed_over(&running, MADE, || {
        done(api, &admin, &["line", "remove", MADE]);
    })
    .await;
    done(api, &admin, &set);

    // What is there is listed, for people and for programs.
    let listed = done(api, &admin, &["line", "list"]);
    assert!(listed.starts_with("LINE") && listed.contains(MADE), "{listed}");
    let line: Value = serde_json::from_str(&done(api, &admin, &["line", "list", "--json"])).unwrap();
    assert_eq!(line["spec"]["agent"], "trial");
    let tenants = done(api, &owner, &["tenant", "list"]);
    assert!(tenants.contains("cabinet") && tenants.contains("test"), "{tenants}");
    let (code, _, told) = run(api, &operator, &["line", "list"]);
    assert!(code == Some(1) && told.contains("--tenant"), "{told}");
    // Where nobody reads on, as before `head`, that is no fault.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut calls = std::process::Command::new(house::parloir());
    let calls = calls.args(["calls", "--json", "--data"]).arg(folder.path().join("data"));
    let cut = calls.stdout(writer).output().unwrap();
    assert_eq!((cut.status.code(), String::from_utf8_lossy(&cut.stderr).as_ref()), (Some(141), ""));

    // A service that agents reach by a name, with a secret that nobody is shown.
    let token = folder.path().join("crm.token");
    std::fs::write(&token, "hunter2-of-the-crm\n").unwrap();
    done(api, &admin, &["secret", "set", "crm-token", "--from", token.to_str().unwrap()]);
    let crm = ["connector", "add", "crm", "--secret", "crm-token", "--url"];
    done(api, &admin, &[crm.as_slice(), &["https://crm.example.com/api/"]].concat());
    let listed =
        done(api, &admin, &["secret", "list"]) + &done(api, &admin, &["connector", "list", "--json"]);
    assert!(listed.contains("crm-token") && !listed.contains("hunter2"), "{listed}");
    let (code, _, told) = run(api, &admin, &["secret", "remove", "crm-token"]);
    assert!(code == Some(1) && told.contains("sent by the connectors crm"), "{told}");
    let (code, _, told) = run(api, &admin, &[crm.as_slice(), &["https://127.0.0.1/"]].concat());
    assert!(code == Some(2) && told.contains("a loopback address"), "{told}");

    // Who did that is told to them, and to nobody who runs the installation; what is the installation's own, to those.
    let told = done(api, &admin, &["audit"]);
    assert!(told.contains("connectors:write") && told.contains("secrets:write"), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
    let newest = done(api, &admin, &["audit", "--limit", "1", "--json"]);
    let newest: serde_json::Value = serde_json::from_str(&newest).unwrap();
    assert_eq!(newest["spec"]["outcome"], "done", "{newest}");
    let (code, _, told) = run(api, &operator, &["audit", "--tenant", "cabinet"]);
    assert!(
        code == Some(1) && told.contains("ask somebody of cabinet who is admin or owner there"),
        "{told}"
    );
    assert!(done(api, &operator, &["audit"]).contains("users:write"));

    // The tenant of the file is brought in, through broken glass, and answers as before.
    let import = ["tenant", "import", "test", "--owner", "Luc Petit"];
    for (key, remedy) in [(&owner, "have an operator"), (&operator, "parloir tenant break-glass test")] {
        let (code, _, told) = run(api, key, &import);
        assert!(code == Some(1) && told.contains(remedy), "{told}");
    }
    done(api, &operator, &["tenant", "break-glass", "test", "--why", "it moves into the directory"]);
    let broken = done(api, &operator, &["tenant", "break-glass", "test"]);
    assert!(broken.starts_with("BROKEN") && broken.contains("it moves into the directory"), "{broken}");
    done(api, &operator, &import);
    assert_eq!(ring(&running, LINE).await, "test");

    // All of it outlasts a restart, without the tenant's table in the file.
    running.until(std::future::ready(())).await;
    let file = folder.path().join("parloir.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let (kept, _) = text.split_once("[[tenant]]").unwrap();
    std::fs::write(&file, kept).unwrap();
    let running = start(folder.path()).await;
    assert_eq!(running.owner_key, None, "the key is told once");
    assert_eq!(ring(&running, MADE).await, "cabinet");
    assert_eq!(ring(&running, LINE).await, "test");

    // What is wrong with one tenant keeps no other from being answered, and is told.
    running.until(std::future::ready(())).await;
    std::fs::remove_file(agents.join("trial.wasm")).unwrap();
    let running = start(folder.path()).await;
    assert_eq!(ring(&running, LINE).await, "test");
    let api = running.admin.unwrap();
    let problems = done(api, &admin, &["tenant", "problems"]);
    assert!(problems.contains(&format!("line {MADE}")) && problems.contains("trial.wasm"), "{problems}");
    // Whoever runs the installation and names no tenant is told of all of them, or to name one.
    let all = done(api, &operator, &["tenant", "problems"]);
    assert!(all.starts_with("TENANT") && all.contains("\ncabinet ") && !all.contains(MADE), "{all}");
    for list in
        [["number", "list"], ["team", "list"], ["contact", "list"], ["quota", "show"], ["retention", "show"]]
    {
        for key in [&owner, &operator] {
            let (code, _, told) = run(api, key, &list);
            assert!(code == Some(1) && told.contains("--tenant TENANT"), "{list:?}: {told}");
        }
    }
    std::fs::copy(&agent, agents.join("trial.wasm")).unwrap();
    done(api, &admin, &["line", "set", MADE, "--agent", "trial"]);
    assert_eq!(ring(&running, MADE).await, "cabinet", "it is put right");
    assert_eq!(done(api, &admin, &["tenant", "problems"]), "none");
    done(api, &admin, &["line", "remove", MADE]);
    let left = done(api, &admin, &["line", "list"]);
    assert!(!left.contains(MADE), "{left}");

    // A tenant leaves when nothing that was said in its calls is left, and takes what is its own along.
    let (code, _, told) = run(api, &operator, &["tenant", "remove", "cabinet"]);
    assert!(code == Some(2) && told.contains("--yes"), "{told}");
    let remove = ["tenant", "remove", "cabinet", "--yes"];
    let (code, _, told) = run(api, &operator, &remove);
    assert!(code == Some(1) && told.contains("parloir erase --tenant cabinet"), "{told}");
    let data = folder.path().join("data");
    done(api, "", &["erase", "--tenant", "cabinet", "--yes", "--data", data.to_str().unwrap()]);
    let (code, _, told) = run(api, &admin, &remove);
    assert!(code == Some(1) && told.contains("tenant:remove"), "{told}");
    done(api, &operator, &remove);
    let (code, _, told) = run(api, &admin, &["line", "list"]);
    assert!(code == Some(1) && told.contains("unknown, revoked or over"), "{told}");
    let tenants = done(api, &operator, &["tenant", "list"]);
    assert!(tenants.contains("test") && !tenants.contains("cabinet"), "{tenants}");
    assert!(!data.join("tenants/cabinet").exists());
    let (code, _, told) = run(api, &operator, &["tenant", "add", "cabinet", "--owner", "x"]);
    assert!(code == Some(1) && told.contains("choose another name"), "{told}");
    assert_eq!(ring(&running, LINE).await, "test");
    running.until(std::future::ready(())).await;
}

/// Rings a line and says nothing: what the caller's side saw, how the call ended, and whether somebody let the caller go on purpose.
async fn rung(running: &Running, line: &str) -> (Vec<CarrierEvent>, Outcome, bool) {
    let mut watch = running.finished();
    let webhook = format!("{}/twilio/voice", running.public);
    let mut call = CarrierCall::dial(&webhook, options(line)).await.unwrap();
    let mut events = Vec::new();
    while let Some(event) = call.next_event().await {
        events.push(event);
    }
    let finished = tokio::time::timeout(Duration::from_secs(40), watch.recv()).await.unwrap().unwrap();
    (events, finished.summary.outcome, finished.summary.dismissed)
}

/// The numbers that a caller was handed over to.
fn handed_to(events: &[CarrierEvent]) -> Vec<&str> {
    let mut numbers = Vec::new();
    for event in events {
        if let CarrierEvent::Transfer { number, .. } = event {
            numbers.push(number.as_str());
        }
    }
    numbers
}

/// Special-rate: a tenant's help desk, which the operator may allow.
const SPECIAL: &str = "+33825123456";

#[tokio::test(flavor = "multi_thread")]
async fn a_special_rate_number_is_dialled_while_the_operator_allows_it_and_no_line_is_lost_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    write_file(folder.path(), "[outbound]\ntransfers = { allow = [\"+33825\"] }\n");
    let running = start(folder.path()).await;
    let (api, owner) = (running.admin.unwrap(), running.owner_key.clone().unwrap());
    let operator = user(api, &owner, "operator");
    let theirs = done(api, &owner, &["tenant", "add", "cabinet", "--owner", "Anne Durand"]);
    let admin = user(api, &theirs, "admin");
    done(api, &operator, &["number", "give", MADE, "--tenant", "cabinet"]);
    let agents = folder.path().join("data/tenants/cabinet/agents");
    std::fs::copy(component("tests/agents/trial"), agents.join("trial.wasm")).unwrap();
    let set =
        ["line", "set", MADE, "--agent", "trial", "--setting", "trial=hand-over", "--capability", "transfer"];
    let to = |number| [set.as_slice(), &["--fallback-number", number]].concat();
    let (code, _, told) = run(api, &admin, &to("+33899123456"));
    assert!(code == Some(2) && told.contains("`fallback-number` is +33899123456"), "{told}");
    assert!(
        told.contains("have whoever runs the installation add its prefix to `allow` of [outbound]"),
        "{told}"
    );
    done(api, &admin, &to(SPECIAL));
    let (events, outcome, _) = rung(&running, MADE).await;
    assert_eq!((handed_to(&events), outcome), (vec![SPECIAL], Outcome::Transferred), "{events:?}");

    // It is not allowed any more: the program starts, the line answers, and its caller hears that nobody is there.
    running.until(std::future::ready(())).await;
    write_file(folder.path(), "");
    let running = start(folder.path()).await;
    let api = running.admin.unwrap();
    let problems = done(api, &admin, &["tenant", "problems"]);
    assert!(
        problems.contains(&format!("transfers of line {MADE}")) && problems.contains(SPECIAL),
        "{problems}"
    );
    let (events, outcome, dismissed) = rung(&running, MADE).await;
    assert!(handed_to(&events).is_empty(), "{events:?}");
    let spoken = |event: &CarrierEvent| matches!(event, CarrierEvent::AgentStartedSpeaking { .. });
    assert!(events.iter().any(spoken) && dismissed, "{events:?}");
    let Outcome::Failed(why) = &outcome else { panic!("{outcome:?}") };
    assert!(why.contains("special-rate numbers of France") && why.contains("`allow` of [outbound]"), "{why}");
    let (code, _, told) = run(api, &admin, &to(SPECIAL));
    assert!(code == Some(2) && told.contains("`fallback-number`"), "{told}");
    done(api, &admin, &to(FALLBACK));
    assert_eq!(done(api, &admin, &["tenant", "problems"]), "none");
    assert_eq!(handed_to(&rung(&running, MADE).await.0), [FALLBACK]);
    running.until(std::future::ready(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_fails_makes_no_key_that_nobody_is_told() {
    let kept = tempfile::tempdir().unwrap();
    let folder = kept.path();
    write_file(folder, "");
    let file = folder.join("parloir.toml");
    let free = std::fs::read_to_string(&file).unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("[admin]\nlisten = \"{}\"", taken.local_addr().unwrap());
    std::fs::write(&file, free.replace("[admin]\nlisten = \"127.0.0.1:0\"", &listen)).unwrap();
    let config = Config::read(&file).unwrap();
    let providers = parloir_e2e::canned("Bonjour, je voudrais un rendez-vous.", &[]).unwrap();
    let folders = Folders::beside(folder.join("data"));
    let opened =
        Installation::open(&config, &folders, Path::new(""), Some(providers), Settings::default()).await;
    assert!(matches!(serve(&config, opened.unwrap()).await, Err(ServeError::Listen { .. })));
    std::fs::write(&file, free).unwrap();
    let running = start(folder).await;
    assert!(running.owner_key.is_some(), "the first key is made by the start that tells it");
    running.until(std::future::ready(())).await;
}
