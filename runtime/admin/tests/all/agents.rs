//! Agents' versions over the API: uploaded and checked, signed, approved, tried, promoted, taken back, removed.

use std::sync::Arc;

use crate::house::{House, Reply, sha256};
use parloir_contract::Capability;
use parloir_store::{Applied, Batch, Table};
use parloir_tenancy::signature::SigningFile;
use parloir_tenancy::versions::CallOutcome;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::Notify;

const AGENT: &str = "/v1/tenants/cabinet/agents/desk";
const VERSIONS: &str = "/v1/tenants/cabinet/agents/desk/versions";
const WASM: (&str, &str) = ("content-type", "application/wasm");

/// A house with a tenant that takes unsigned agents, and its admin's key.
async fn house() -> (House, String) {
    let (house, _, admin) = owned().await;
    (house, admin)
}

/// The same, with its owner's key before its admin's.
async fn owned() -> (House, String, String) {
    let house = House::open().await;
    let owner = house.tenant("cabinet").await;
    let (_, admin) = house.user("cabinet", &owner, "admin").await;
    let policy = json!({ "unsigned": "allow" });
    house.ask(("PUT", "/v1/tenants/cabinet/agent-policy"), &admin, &[], Some(policy)).await.is(201);
    (house, owner, admin)
}

/// Uploads a version, and returns where it is.
async fn push(house: &House, admin: &str, component: &str) -> String {
    let pushed = house.push(VERSIONS, admin, &[WASM], component).await.is(201);
    assert_eq!(pushed.text("id"), sha256(component.as_bytes()));
    format!("{VERSIONS}/{}", sha256(component.as_bytes()))
}

async fn state(house: &House, admin: &str, version: &str) -> Value {
    house.get(version, admin).await.is(200).body["spec"].clone()
}

async fn post(house: &House, admin: &str, path: &str, body: Value) -> Reply {
    house.post(path, admin, body).await
}

/// What of the installation answers: the live version, and the canary.
fn answering(house: &House) -> Vec<(String, Option<(String, u8)>)> {
    let deployed = house.site.deployed.lock();
    let canary = |canary: &Option<(parloir_admin::Component, u8)>| {
        canary.as_ref().map(|(component, percent)| (component.digest.clone(), *percent))
    };
    deployed.iter().map(|agent| (agent.live.digest.clone(), canary(&agent.canary))).collect()
}

/// The tenant's components, once what was refused is gone: that goes beside the answer.
async fn files(house: &House) -> Vec<String> {
    let folder = house.folder.path().join("tenants/cabinet/agents");
    let mut names = Vec::new();
    for _ in 0..1_000 {
        let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
        names = entries.map(|name| name.into_string().unwrap()).collect();
        if !names.iter().any(|name: &String| name.starts_with("upload-")) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    names.sort();
    names
}

#[tokio::test]
async fn a_build_machines_key_pushes_versions_and_puts_none_before_callers() {
    let (house, owner, admin) = owned().await;
    let (user, _) = house.user("cabinet", &owner, "admin").await;
    let scopes = json!({ "user": user, "name": "builds", "scopes": ["agents:read", "agents:write"] });
    let machine = house.post("/v1/tenants/cabinet/keys", &owner, scopes).await.is(201).text("secret");
    let version = push(&house, &machine, "1").await;
    let table = [
        (format!("{version}/approve"), Value::Null, "agents:approve"),
        (format!("{version}/promote"), Value::Null, "agents:promote"),
        (format!("{version}/canary"), json!({ "percent": 10 }), "agents:promote"),
        (format!("{AGENT}/roll-back"), json!({ "why": "callers complain" }), "agents:promote"),
    ];
    for (path, body, needed) in table {
        let refused = post(&house, &machine, &path, body).await.is(403);
        assert!(refused.text("remedy").contains(needed), "{path}: {refused:?}");
    }
    assert!(answering(&house).is_empty());
    post(&house, &admin, &format!("{version}/promote"), Value::Null).await.is(201);
    assert_eq!(answering(&house), [(sha256(b"1"), None)]);

    // It takes none from them either: what is rolled back to stays, and what answers nobody goes.
    let (second, third) = (push(&house, &machine, "2").await, push(&house, &machine, "3").await);
    post(&house, &admin, &format!("{second}/promote"), Value::Null).await.is(201);
    let refused = house.ask(("DELETE", &version), &machine, &[], None).await.is(403);
    assert!(refused.text("remedy").contains("agents:promote"), "{refused:?}");
    assert!(refused.text("detail").contains("is rolled back to"), "{refused:?}");
    house.ask(("DELETE", &third), &machine, &[], None).await.is(204);
    let back = json!({ "why": "callers complain" });
    post(&house, &admin, &format!("{AGENT}/roll-back"), back).await.is(201);
    assert_eq!(answering(&house), [(sha256(b"1"), None)]);
}

#[tokio::test]
async fn a_version_that_may_do_more_waits_for_a_person_and_answers_once_it_is_promoted() {
    let (house, owner, admin) = owned().await;
    let first = push(&house, &admin, "1 memory").await;
    let spec = state(&house, &admin, &first).await;
    assert_eq!(
        (&spec["state"], &spec["adds"], &spec["version"]),
        (&json!("waiting"), &json!(["memory"]), &json!("1"))
    );
    post(&house, &admin, &format!("{first}/promote"), Value::Null).await.is(409).names("version");
    assert!(answering(&house).is_empty());
    let (_, another) = house.user("cabinet", &owner, "admin").await;
    post(&house, &another, &format!("{first}/approve"), Value::Null).await.is(201);
    assert_eq!(state(&house, &admin, &first).await["state"], "ready");
    let promoted = post(&house, &admin, &format!("{first}/promote"), Value::Null).await.is(201);
    assert_eq!(promoted.body["spec"]["live"], sha256(b"1 memory"));
    assert_eq!(answering(&house), [(sha256(b"1 memory"), None)]);
    assert_eq!(files(&house).await, [format!("sha256-{}.wasm", sha256(b"1 memory"))]);

    // One that may do no more needs nobody; one that may is told apart.
    let second = push(&house, &admin, "2 memory").await;
    assert_eq!(state(&house, &admin, &second).await["state"], "ready");
    let third = push(&house, &admin, "3 model").await;
    let spec = state(&house, &admin, &third).await;
    assert_eq!(
        (&spec["state"], &spec["adds"], &spec["drops"]),
        (&json!("waiting"), &json!(["model"]), &json!(["memory"]))
    );
    post(&house, &admin, &format!("{third}/canary"), json!({ "percent": 5 })).await.is(409).names("version");
    post(&house, &admin, &format!("{second}/promote"), Value::Null).await.is(201);
    assert_eq!(state(&house, &admin, &first).await["state"], "retired");
    let told = house.told("cabinet").await;
    let approved = told.iter().find(|(what, _)| what.action == "agents:approve").unwrap();
    assert!(
        approved.0.subject.contains("may do more: memory") && approved.0.subject.contains("uploaded"),
        "{approved:?}"
    );

    // And back.
    post(&house, &admin, &format!("{AGENT}/roll-back"), json!({ "why": "" })).await.is(422).names("why");
    // Whoever means a canary that is gone meanwhile takes nothing else back.
    let meant = json!({ "why": "callers complain", "version": sha256(b"3 model") });
    post(&house, &admin, &format!("{AGENT}/roll-back"), meant).await.is(409).names("version");
    assert_eq!(answering(&house), [(sha256(b"2 memory"), None)]);
    let meant = json!({ "why": "callers complain", "version": sha256(b"2 memory") });
    post(&house, &admin, &format!("{AGENT}/roll-back"), meant).await.is(201);
    assert_eq!(answering(&house), [(sha256(b"1 memory"), None)]);
    let spec = state(&house, &admin, &second).await;
    assert_eq!((&spec["state"], &spec["why"]), (&json!("rolled-back"), &json!("callers complain")));
    post(&house, &admin, &format!("{AGENT}/roll-back"), json!({ "why": "again" }))
        .await
        .is(409)
        .names("agent");
}

#[tokio::test]
async fn whoever_uploaded_a_version_has_somebody_else_approve_of_it() {
    let (house, owner, admin) = owned().await;
    let first = format!("{}/approve", push(&house, &admin, "1 memory").await);
    let refused = post(&house, &admin, &first, Value::Null).await.is(403);
    for way in ["parloir user add --role admin", "parloir agent policy --self-approval allow"] {
        assert!(refused.text("remedy").contains(way), "{refused:?}");
    }
    refused.names("authorization");
    // Another key of theirs is theirs.
    let user = house.get("/v1/me", &admin).await.is(200).text("user");
    let key = json!({ "user": user, "name": "for approving", "scopes": ["agents:approve"] });
    let key = house.post("/v1/tenants/cabinet/keys", &admin, key).await.is(201).text("secret");
    post(&house, &key, &first, Value::Null).await.is(403).names("authorization");
    // Nor is there anybody to ask in a build machine, whose key is for something else.
    let machine = json!({ "name": "builds", "role": "admin" });
    let machine = house.post("/v1/tenants/cabinet/users", &owner, machine).await.is(201).text("id");
    let key = json!({ "user": machine, "name": "builds", "scopes": ["agents:write"] });
    house.post("/v1/tenants/cabinet/keys", &owner, key).await.is(201);
    let refused = post(&house, &admin, &first, Value::Null).await.is(403);
    assert!(refused.text("remedy").starts_with("have another admin made"), "{refused:?}");
    // Somebody else is, and is named.
    house.user("cabinet", &admin, "supervisor").await;
    let (other, another) = house.user("cabinet", &owner, "admin").await;
    // To whom nobody but an owner makes a key: who had one would be two.
    let key = json!({ "user": other, "name": "for approving" });
    let refused = house.post("/v1/tenants/cabinet/keys", &admin, key).await.is(403);
    assert!(refused.text("remedy").contains("ask an owner"), "{refused:?}");
    // Nor is another admin made less, known by another's identity, or removed, to be made again: by an owner alone.
    let users = "/v1/tenants/cabinet/users";
    let set = async |user: &str, by: &str, role: &str, oidc: Value| {
        let path = format!("{users}/{user}");
        let before = house.get(&path, by).await.is(200).etag();
        let body = json!({ "name": format!("the {role}"), "role": role, "oidc": oidc });
        house.ask(("PUT", &path), by, &[("if-match", before.as_str())], Some(body)).await
    };
    set(&other, &admin, "supervisor", Value::Null).await.is(403).names("user");
    set(&other, &admin, "admin", json!({ "subject": "17" })).await.is(403).names("user");
    house.ask(("DELETE", &format!("{users}/{other}")), &admin, &[], None).await.is(403).names("user");
    set(&user, &admin, "admin", Value::Null).await.is(200);
    // Nor does an admin whom an admin raises keep a key that was made while they were less.
    let (raised, key) = house.user("cabinet", &admin, "supervisor").await;
    house.get("/v1/me", &key).await.is(200);
    set(&raised, &admin, "admin", Value::Null).await.is(200);
    house.get("/v1/me", &key).await.is(401);
    house.ask(("DELETE", &format!("{users}/{raised}")), &owner, &[], None).await.is(204);
    let refused = post(&house, &admin, &first, Value::Null).await.is(403);
    assert!(refused.text("remedy").starts_with("ask the admin: parloir agent approve desk"), "{refused:?}");
    post(&house, &another, &first, Value::Null).await.is(201);
    let version = first.trim_end_matches("/approve");
    assert_eq!(state(&house, &admin, version).await["approved-by"], other);

    // A tenant of one person says that one is enough, until it says otherwise.
    let policy = async |policy: Value| {
        let path = "/v1/tenants/cabinet/agent-policy";
        let before = house.get(path, &admin).await.is(200).etag();
        house.ask(("PUT", path), &admin, &[("if-match", before.as_str())], Some(policy)).await.is(200);
    };
    let allow = json!({ "unsigned": "allow", "self-approval": "allow" });
    let path = "/v1/tenants/cabinet/agent-policy";
    let before = house.get(path, &admin).await.is(200).etag();
    let headers = [("if-match", before.as_str())];
    let refused = house.ask(("PUT", path), &admin, &headers, Some(allow.clone())).await.is(403);
    assert!(refused.text("remedy").starts_with("ask the admin"), "{refused:?}");
    refused.names("self-approval");
    let path = format!("/v1/tenants/cabinet/users/{other}");
    house.ask(("DELETE", &path), &owner, &[], None).await.is(204);
    policy(allow).await;
    let told = house.told("cabinet").await;
    assert!(told.iter().any(|(what, _)| what.subject.ends_with("also who uploaded it")), "{told:?}");
    let second = push(&house, &admin, "2 model").await;
    post(&house, &admin, &format!("{second}/approve"), Value::Null).await.is(201);
    assert_eq!(state(&house, &admin, &second).await["approved-by"], user);
    policy(json!({ "unsigned": "allow" })).await;
    let third = push(&house, &admin, "3 calendar").await;
    post(&house, &admin, &format!("{third}/approve"), Value::Null).await.is(403).names("authorization");
}

#[tokio::test]
async fn of_two_who_change_an_agent_at_once_the_second_hears_of_the_first() {
    let (house, admin) = house().await;
    let (one, two, three) =
        (push(&house, &admin, "1").await, push(&house, &admin, "2").await, push(&house, &admin, "3").await);
    post(&house, &admin, &format!("{one}/promote"), Value::Null).await.is(201);
    let seen = house.get(AGENT, &admin).await.is(200).etag();
    let as_seen = async |path: &str, seen: &str, body: Value| {
        house.ask(("POST", path), &admin, &[("if-match", seen)], Some(body)).await
    };
    let first = as_seen(&format!("{two}/promote"), &seen, Value::Null).await.is(201);
    for (path, body) in [
        (format!("{three}/promote"), Value::Null),
        (format!("{three}/canary"), json!({ "percent": 10 })),
        (format!("{three}/approve"), Value::Null),
        (format!("{AGENT}/roll-back"), json!({ "why": "callers complain" })),
    ] {
        as_seen(&path, &seen, body).await.is(412).names("if-match");
    }
    assert_eq!(answering(&house), [(sha256(b"2"), None)]);
    assert_eq!(state(&house, &admin, &three).await["approved-by"], Value::Null);
    // Whoever looked again, and whoever does not say what they saw, is heard.
    as_seen(&format!("{three}/canary"), &first.etag(), json!({ "percent": 10 })).await.is(201);
    assert_eq!(answering(&house), [(sha256(b"2"), Some((sha256(b"3"), 10)))]);
    post(&house, &admin, &format!("{three}/promote"), Value::Null).await.is(201);
}

#[tokio::test]
async fn what_is_refused_leaves_nothing_and_says_why() {
    let (house, admin) = house().await;
    house.push(VERSIONS, &admin, &[], "1 memory").await.is(415).names("content-type");
    let refused = house.push(VERSIONS, &admin, &[WASM], "1 flying").await.is(422);
    assert!(refused.text("detail").contains("no capability"), "{refused:?}");
    refused.names("body");
    house.push(VERSIONS, &admin, &[WASM], &"x".repeat(2_000)).await.is(413).names("body");
    house.push("/v1/tenants/cabinet/agents/.x/versions", &admin, &[WASM], "1").await.is(422).names("agent");
    house.get(AGENT, &admin).await.is(404);
    assert_eq!(files(&house).await, Vec::<String>::new());
    // The same again is the same.
    let one = push(&house, &admin, "1 memory").await;
    let again = house.push(VERSIONS, &admin, &[WASM], "1 memory").await.is(201);
    assert_eq!(again.text("id"), sha256(b"1 memory"));
    let all = house.get(VERSIONS, &admin).await.is(200);
    assert_eq!(all.body["items"].as_array().unwrap().len(), 1);
    house.ask(("DELETE", &one), &admin, &[("if-match", "\"0\"")], None).await.is(412).names("if-match");
    house.ask(("DELETE", &one), &admin, &[], None).await.is(204);
    assert_eq!(files(&house).await, Vec::<String>::new());
    assert_eq!(house.site.forgotten.lock().as_slice(), [sha256(b"1 memory")]);
}

#[tokio::test]
async fn an_upload_that_is_repeated_is_carried_out_once() {
    let (house, admin) = house().await;
    let same = [WASM, ("idempotency-key", "8c1f")];
    let first = house.push(VERSIONS, &admin, &same, "1").await.is(201);
    let version = format!("{VERSIONS}/{}", sha256(b"1"));
    house.ask(("DELETE", &version), &admin, &[], None).await.is(204);
    let again = house.push(VERSIONS, &admin, &same, "1").await.is(201);
    assert_eq!((again.etag(), &again.body), (first.etag(), &first.body));
    house.get(&version, &admin).await.is(404);
    // One key is one component's, of one agent.
    house.push(VERSIONS, &admin, &same, "2").await.is(422).names("idempotency-key");
    let other = "/v1/tenants/cabinet/agents/other/versions";
    house.push(other, &admin, &same, "1").await.is(422).names("idempotency-key");
    let long = "k".repeat(65);
    house
        .push(VERSIONS, &admin, &[WASM, ("idempotency-key", long.as_str())], "2")
        .await
        .is(422)
        .names("idempotency-key");
    assert!(files(&house).await.is_empty());
    // What was refused is none's.
    let next = [WASM, ("idempotency-key", "9d20")];
    house.push(VERSIONS, &admin, &next, "1 flying").await.is(422).names("body");
    house.push(VERSIONS, &admin, &next, "2").await.is(201);
}

#[tokio::test]
async fn nothing_stays_of_what_was_compiled_and_could_not_be_kept() {
    let (house, admin) = house().await;
    push(&house, &admin, "1").await;
    // What is in the way of its file.
    let file = format!("tenants/cabinet/agents/sha256-{}.wasm", sha256(b"2"));
    std::fs::create_dir_all(house.folder.path().join(file).join("in the way")).unwrap();
    house.push(VERSIONS, &admin, &[WASM], "2").await.is(500);
    assert_eq!(house.site.forgotten.lock().as_slice(), [sha256(b"2")]);
}

#[tokio::test]
async fn an_agent_is_taken_from_keys_that_its_tenant_trusts() {
    let house = House::open().await;
    let admin = house.tenant_with_admin("cabinet").await;
    let refused = house.push(VERSIONS, &admin, &[WASM], "1").await.is(422);
    assert!(refused.text("remedy").contains("parloir agent policy"), "{refused:?}");
    refused.names("parloir-agent-signature");
    let (key, stranger) = (SigningFile::new(&[1; 32]), SigningFile::new(&[2; 32]));
    let keys = "/v1/tenants/cabinet/agent-keys";
    let trusted = json!({ "name": "the build machine", "public": key.public().to_string() });
    let trusted = house.post(keys, &admin, trusted).await.is(201);
    assert_eq!(trusted.text("id"), key.public().name().to_string());
    house.post(keys, &admin, json!({ "name": "x", "public": "AAAA" })).await.is(422).names("public");

    let sign = |key: &SigningFile, text: &str| key.sign(&Sha256::digest(text.as_bytes()).into()).header();
    for wrong in [sign(&stranger, "1"), sign(&key, "2"), "no signature".to_owned()] {
        let headers = [WASM, ("parloir-agent-signature", wrong.as_str())];
        house.push(VERSIONS, &admin, &headers, "1").await.is(422).names("parloir-agent-signature");
    }
    let signature = sign(&key, "1");
    let headers = [WASM, ("parloir-agent-signature", signature.as_str())];
    let pushed = house.push(VERSIONS, &admin, &headers, "1").await.is(201);
    assert_eq!(pushed.body["spec"]["signed-by"], trusted.body["id"]);
    assert_eq!(pushed.body["spec"]["state"], "ready", "it asks for nothing");

    let path = format!("{keys}/{}", trusted.text("id"));
    house.ask(("DELETE", &path), &admin, &[], None).await.is(204);
    let signature = sign(&key, "3");
    let headers = [WASM, ("parloir-agent-signature", signature.as_str())];
    house.push(VERSIONS, &admin, &headers, "3").await.is(422).names("parloir-agent-signature");
}

#[tokio::test]
async fn what_is_under_way_is_not_taken_from_whoever_is_trusted_no_more() {
    let (house, admin) = house().await;
    let policy = json!({ "unsigned": "refuse" });
    let before = house.get("/v1/tenants/cabinet/agent-policy", &admin).await.etag();
    let [reached, let_go] = [(); 2].map(|()| Arc::new(Notify::new()));
    *house.site.checking.lock() = Some([reached.clone(), let_go.clone()]);
    let changes = async {
        reached.notified().await;
        let headers = [("if-match", before.as_str())];
        let path = "/v1/tenants/cabinet/agent-policy";
        house.ask(("PUT", path), &admin, &headers, Some(policy)).await.is(200);
        let_go.notify_one();
    };
    let (pushed, ()) = tokio::join!(house.push(VERSIONS, &admin, &[WASM], "1"), changes);
    pushed.is(409);
    house.get(AGENT, &admin).await.is(404);
    assert_eq!(house.site.forgotten.lock().as_slice(), [sha256(b"1")]);
}

#[tokio::test]
async fn a_component_whose_file_is_gone_is_there_again_once_it_is_pushed_again() {
    let (house, admin) = house().await;
    push(&house, &admin, "1").await;
    let name = format!("sha256-{}.wasm", sha256(b"1"));
    std::fs::remove_file(house.folder.path().join("tenants/cabinet/agents").join(&name)).unwrap();
    push(&house, &admin, "1").await;
    assert_eq!(files(&house).await, [name]);
}

#[tokio::test]
async fn a_canary_that_fails_is_taken_back_by_the_installation_and_one_that_does_not_stays() {
    let (house, admin) = house().await;
    let (one, two) = (push(&house, &admin, "1").await, push(&house, &admin, "2").await);
    let (live, trial) = (sha256(b"1"), sha256(b"2"));
    let canary = format!("{two}/canary");
    post(&house, &admin, &canary, json!({ "percent": 10 })).await.is(409).names("version");
    post(&house, &admin, &format!("{one}/promote"), Value::Null).await.is(201);
    post(&house, &admin, &canary, json!({ "percent": 100 })).await.is(422).names("percent");
    post(&house, &admin, &canary, json!({ "percent": 10 })).await.is(201);
    assert_eq!(answering(&house), [(live.clone(), Some((trial.clone(), 10)))]);
    assert_eq!(state(&house, &admin, &two).await["percent"], 10);
    house.ask(("DELETE", &two), &admin, &[], None).await.is(409).names("version");

    let tenant = "cabinet".parse().unwrap();
    let ended = async |version: &str, outcome| {
        house.directory.call_ended(&tenant, ("desk", version), (outcome, 30)).await.unwrap()
    };
    for _ in 0..10 {
        assert_eq!(ended(&live, CallOutcome::Ok).await, None);
        assert_eq!(ended(&trial, CallOutcome::Ok).await, None);
    }
    assert_eq!(ended(&live, CallOutcome::Trap).await, None, "the live version is not judged");
    let mut back = None;
    for _ in 0..10 {
        back = ended(&trial, CallOutcome::Trap).await;
        if back.is_some() {
            break;
        }
    }
    let why = back.unwrap();
    assert!(why.contains("calls"), "{why}");
    assert_eq!(answering(&house), [(live.clone(), None)]);
    let spec = state(&house, &admin, &two).await;
    assert_eq!((&spec["state"], &spec["why"]), (&json!("rolled-back"), &json!(why)));
    assert_eq!(spec["figures"]["calls"].as_u64().unwrap(), 10 + spec["figures"]["traps"].as_u64().unwrap());
    let told = house.told("cabinet").await;
    let by_itself = told.iter().find(|(what, _)| what.role == "installation").unwrap();
    assert_eq!(
        (by_itself.0.action.as_str(), by_itself.0.why.as_deref()),
        ("agents:promote", Some(why.as_str()))
    );

    // Its next trial begins anew, and outlasts a restart.
    post(&house, &admin, &canary, json!({ "percent": 50 })).await.is(201);
    for version in [&one, &two] {
        assert_eq!(state(&house, &admin, version).await["figures"]["recent"], json!([]));
    }
    let house = house.again().await;
    house.directory.take_in_all().await.unwrap();
    assert_eq!(answering(&house), [(live, Some((trial, 50)))]);
}

#[tokio::test]
async fn what_takes_no_effect_is_said_and_tried_again() {
    let (house, admin) = house().await;
    let (one, two) = (push(&house, &admin, "1").await, push(&house, &admin, "2").await);
    let (live, trial) = (sha256(b"1"), sha256(b"2"));
    house.site.broken.lock().push(live.clone());
    let told = post(&house, &admin, &format!("{one}/promote"), Value::Null).await.is(500);
    assert!(told.text("detail").contains("it does not load"), "{told:?}");
    house.site.broken.lock().clear();
    post(&house, &admin, &format!("{two}/canary"), json!({ "percent": 10 })).await.is(201);
    assert_eq!(answering(&house), [(live.clone(), Some((trial.clone(), 10)))]);

    // The tenant's own record cannot be read: its canary is taken back all the same, and the rest once it can.
    let installation = house.rows("installation").await;
    let record = installation.get(Table::Tenant, "cabinet").await.unwrap().unwrap();
    let write = async |bytes: Vec<u8>| {
        let batch = Batch::new().put(Table::Tenant, "cabinet", bytes);
        assert_eq!(installation.apply(batch).await.unwrap(), Applied::Done);
    };
    write(b"torn".to_vec()).await;
    let tenant = "cabinet".parse().unwrap();
    let mut last = Ok(None);
    for _ in 0..5 {
        last = house.directory.call_ended(&tenant, ("desk", &trial), (CallOutcome::Trap, 30)).await;
    }
    assert!(last.is_err(), "{last:?}");
    assert_eq!(answering(&house), [(live.clone(), None)]);
    write(record).await;
    let before = house.site.taken_in.lock().len();
    for _ in 0..2 {
        house.directory.call_ended(&tenant, ("desk", &live), (CallOutcome::Ok, 30)).await.unwrap();
        assert_eq!(house.site.taken_in.lock().len(), before + 1, "once");
    }
}

#[tokio::test]
async fn what_did_not_load_is_tried_again_without_anybody_asking() {
    let (house, admin) = house().await;
    let one = push(&house, &admin, "1").await;
    post(&house, &admin, &format!("{one}/promote"), Value::Null).await.is(201);
    let problems =
        async || house.get("/v1/tenants/cabinet/problems", &admin).await.is(200).body["items"].clone();
    house.site.broken.lock().push(sha256(b"1"));
    house.directory.take_in_all().await.unwrap();
    assert_eq!(problems().await[0]["spec"]["what"], "agent desk");
    // The machine can do it now.
    house.site.broken.lock().clear();
    let before = house.site.taken_in.lock().len();
    house.directory.take_in_aside().await;
    assert_eq!(problems().await, json!([]));
    assert_eq!(answering(&house), [(sha256(b"1"), None)]);
    // Once: of nobody is anything set aside any more.
    house.directory.take_in_aside().await;
    assert_eq!(house.site.taken_in.lock().len(), before + 1);
}

#[tokio::test]
async fn what_waits_for_somebody_is_not_tried_again() {
    let (house, admin) = house().await;
    let one = push(&house, &admin, "1").await;
    post(&house, &admin, &format!("{one}/promote"), Value::Null).await.is(201);
    house.site.undialled.lock().push("+33199000001".into());
    house.directory.take_in_all().await.unwrap();
    let before = house.site.taken_in.lock().len();
    house.directory.take_in_aside().await;
    assert_eq!(house.site.taken_in.lock().len(), before, "nothing else would come of it");
    // Beside something that the machine may do now, all is.
    house.site.broken.lock().push(sha256(b"1"));
    house.directory.take_in_all().await.unwrap();
    let before = house.site.taken_in.lock().len();
    house.directory.take_in_aside().await;
    assert_eq!(house.site.taken_in.lock().len(), before + 1);
}

#[tokio::test]
async fn an_agent_whose_row_cannot_be_read_stays_as_it_is() {
    let (house, admin) = house().await;
    let one = push(&house, &admin, "1").await;
    post(&house, &admin, &format!("{one}/promote"), Value::Null).await.is(201);
    let version = format!("version/desk/{}", sha256(b"1"));
    let file = house.folder.path().join("tenants/cabinet/agents/desk.wasm");
    for row in [version.as_str(), "agent/desk"] {
        let torn = Batch::new().put(Table::Agents, row, b"torn".as_slice());
        assert_eq!(house.rows("cabinet").await.apply(torn).await.unwrap(), Applied::Done);
        house.directory.take_in(&"cabinet".parse().unwrap()).await.unwrap();
        assert!(answering(&house).is_empty());
        assert_eq!(house.site.unread.lock().as_slice(), std::slice::from_ref(&file));
    }
}

#[tokio::test]
async fn a_line_that_names_nothing_grants_what_was_approved_and_nothing_to_a_file() {
    let (house, admin) = house().await;
    house.give("cabinet", "+33199005678").await;
    let line = "/v1/tenants/cabinet/lines/+33199005678";
    let put = house.ask(("PUT", line), &admin, &[], Some(json!({ "agent": "desk" }))).await.is(201);
    assert_eq!(put.body["spec"]["capabilities"], Value::Null);
    let granted = || house.site.tenant("cabinet").lines[0].capabilities.clone();
    assert!(granted().is_empty(), "nobody approved of a file");
    let one = push(&house, &admin, "1").await;
    assert!(granted().is_empty(), "it answers nobody yet");
    post(&house, &admin, &format!("{one}/promote"), Value::Null).await.is(201);
    assert_eq!(granted(), Capability::ALL, "whatever a version declares was approved");
    let (seen, named) = (put.etag(), json!({ "agent": "desk", "capabilities": ["memory"] }));
    house.ask(("PUT", line), &admin, &[("if-match", seen.as_str())], Some(named)).await.is(200);
    assert_eq!(granted(), [Capability::Memory]);
}

#[tokio::test]
async fn an_agent_goes_with_all_its_versions_once_no_line_names_it() {
    let (house, admin) = house().await;
    let one = push(&house, &admin, "1").await;
    push(&house, &admin, "2").await;
    let other = "/v1/tenants/cabinet/agents/other/versions";
    house.push(other, &admin, &[WASM], "2").await.is(201);
    post(&house, &admin, &format!("{one}/promote"), Value::Null).await.is(201);
    house.give("cabinet", "+33199005678").await;
    let line = "/v1/tenants/cabinet/lines/+33199005678";
    house.ask(("PUT", line), &admin, &[], Some(json!({ "agent": "desk" }))).await.is(201);
    house.ask(("DELETE", AGENT), &admin, &[], None).await.is(409).names("agent");
    house.ask(("DELETE", line), &admin, &[], None).await.is(204);
    house.ask(("DELETE", AGENT), &admin, &[], None).await.is(204);
    house.get(&one, &admin).await.is(404).names("agent");
    assert_eq!(files(&house).await, [format!("sha256-{}.wasm", sha256(b"2"))], "the other agent has it too");
    assert!(answering(&house).is_empty());
}

#[tokio::test]
async fn of_many_versions_the_oldest_goes_that_nobody_needs() {
    let (house, admin) = house().await;
    let first = push(&house, &admin, "0").await;
    post(&house, &admin, &format!("{first}/promote"), Value::Null).await.is(201);
    for number in 1..=50 {
        push(&house, &admin, &number.to_string()).await;
    }
    let all = house.get(&format!("{VERSIONS}?limit=200"), &admin).await.is(200);
    assert_eq!(all.body["items"].as_array().unwrap().len(), 50);
    house.get(&first, &admin).await.is(200);
    house.get(&format!("{VERSIONS}/{}", sha256(b"1")), &admin).await.is(404).names("version");
    assert_eq!(files(&house).await.len(), 50);
}

#[tokio::test]
async fn whose_component_could_not_be_compiled_is_told_that_it_is_the_installations_doing() {
    let (house, admin) = house().await;
    let failed = house.push(VERSIONS, &admin, &[WASM], "unfinished").await.is(500);
    assert!(failed.text("detail").contains("its process was ended"), "{failed:?}");
    assert!(failed.text("remedy").contains("tell the operator"), "{failed:?}");
    let refused = house.push(VERSIONS, &admin, &[WASM], "1 no-such-thing").await.is(422);
    assert!(refused.text("remedy").contains("parloir check"), "{refused:?}");
    assert!(files(&house).await.is_empty());
}
