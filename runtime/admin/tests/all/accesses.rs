//! Who read calls, by the API: to whom that is told, and of whose calls.

use crate::calls::{id, ids, state};
use crate::house::House;
use parloir_admin::resource::{Access, CallState};
use parloir_contract::CallId;
use serde_json::json;

const ACCESSES: &str = "/v1/tenants/cabinet/accesses";
const PARC: &str = "+33199005678";
const GARE: &str = "+33199001234";

/// A reading of these calls.
fn access(command: &str, calls: &[u8]) -> Access {
    Access {
        user: "0".repeat(32),
        role: "supervisor".into(),
        key: "1".repeat(32),
        command: command.into(),
        purposes: vec!["content".into()],
        calls: calls.iter().copied().map(id).collect(),
        count: calls.len() as u64,
        why: Some("a complaint".into()),
    }
}

/// A tenant with a call on each of two lines, read by several; and its owner's key.
async fn house() -> (House, String) {
    let house = House::open().await;
    let owner = house.tenant("cabinet").await;
    for (number, line) in [(0, PARC), (1, GARE)] {
        let call = CallState { line: line.into(), ..state(&[], true) };
        let kept = ("cabinet".parse().unwrap(), CallId::from_bytes([number; 16]), call);
        house.site.calls.kept.lock().push(kept);
    }
    let read = [access("show", &[0]), access("recording", &[1]), access("prove", &[0, 1])];
    house.site.calls.accesses.lock().extend(read);
    (house, owner)
}

/// By what was read what somebody is shown, and which calls.
async fn shown(house: &House, path: &str, key: &str) -> Vec<(String, usize)> {
    let page = house.get(path, key).await.is(200).body;
    let of = |item: &serde_json::Value| {
        let calls = item["spec"]["calls"].as_array().unwrap().len();
        (item["spec"]["command"].as_str().unwrap().to_owned(), calls)
    };
    page["items"].as_array().unwrap().iter().map(of).collect()
}

#[tokio::test]
async fn an_admin_is_told_who_read_the_tenants_calls_and_whoever_has_no_calls_is_not() {
    let (house, owner) = house().await;
    let (_, admin) = house.user("cabinet", &owner, "admin").await;
    let all = [("show", 1), ("recording", 1), ("prove", 2)].map(|(by, calls)| (by.to_owned(), calls));
    assert_eq!(shown(&house, ACCESSES, &admin).await, all);
    let of_one = format!("/v1/tenants/cabinet/calls/{}/accesses", id(1));
    let [_, recording, prove] = all;
    assert_eq!(shown(&house, &of_one, &admin).await, [recording, prove]);
    let first = house.get(&format!("{ACCESSES}?limit=2"), &admin).await.is(200);
    assert_eq!(first.body["items"][0]["spec"]["why"], "a complaint");
    let next = format!("{ACCESSES}?limit=2&after={}", first.text("next"));
    let second = house.get(&next, &admin).await.is(200);
    assert_eq!((ids(&first.body).len(), ids(&second.body).len()), (2, 1));
    assert!(second.body["next"].is_null());
    house.get(&format!("{ACCESSES}?after=nowhere"), &admin).await.is(422).names("after");
    let nowhere = format!("/v1/tenants/cabinet/calls/{}/accesses", "f".repeat(32));
    house.get(&nowhere, &admin).await.is(404).names("call");
    // Reading it leaves no record.
    let before = house.told("cabinet").await.len();
    house.get(ACCESSES, &admin).await.is(200);
    assert_eq!(house.told("cabinet").await.len(), before);

    let (_, agent) = house.user("cabinet", &owner, "agent").await;
    let (_, operator) = house.user("installation", &house.owner, "operator").await;
    let why = json!({ "why": "the line does not answer", "minutes": 30 });
    house.post("/v1/tenants/cabinet/break-glass", &operator, why).await.is(201);
    for key in [&owner, &agent, &operator, &house.owner] {
        house.get(ACCESSES, key).await.is(403);
        house.get(&of_one, key).await.is(403);
    }
}

#[tokio::test]
async fn a_supervisor_of_a_team_is_told_who_read_its_calls_and_of_no_other() {
    let (house, owner) = house().await;
    let (_, admin) = house.user("cabinet", &owner, "admin").await;
    let (anne, parc) = house.user("cabinet", &owner, "supervisor").await;
    let (_, unassigned) = house.user("cabinet", &owner, "supervisor").await;
    assert_eq!(shown(&house, ACCESSES, &parc).await.len(), 3, "of a tenant without a team");
    house.give("cabinet", PARC).await;
    let line = format!("/v1/tenants/cabinet/lines/{PARC}");
    house.ask(("PUT", &line), &admin, &[], Some(json!({ "agent": "front-desk" }))).await.is(201);
    let team = json!({ "lines": [PARC], "users": [anne] });
    house.ask(("PUT", "/v1/tenants/cabinet/teams/parc"), &admin, &[], Some(team)).await.is(201);
    let theirs = [("show", 1), ("prove", 1)].map(|(by, calls)| (by.to_owned(), calls));
    assert_eq!(shown(&house, ACCESSES, &parc).await, theirs);
    assert!(shown(&house, ACCESSES, &unassigned).await.is_empty());
    for (key, call) in [(&parc, id(1)), (&unassigned, id(0))] {
        let path = format!("/v1/tenants/cabinet/calls/{call}/accesses");
        house.get(&path, key).await.is(404).names("call");
    }
}
