//! Secrets, connectors and blocked numbers, as whoever administers a tenant uses them, and as whoever should not.

use std::time::Duration;

use crate::house::{self, House};
use axum::body::{Body, Bytes};
use axum::http::Request;
use futures_util::stream;
use parloir_journal::RecordBody;
use parloir_store::{Applied, Batch, Table};
use serde_json::{Value, json};
use tower::ServiceExt;

const SECRETS: &str = "/v1/tenants/cabinet/secrets";
const SECRET: &str = "/v1/tenants/cabinet/secrets/crm-token";
const CONNECTOR: &str = "/v1/tenants/cabinet/connectors/crm";
const BLOCKED: &str = "/v1/tenants/cabinet/blocked";
const PROBLEMS: &str = "/v1/tenants/cabinet/problems";
const HIDDEN: &str = "hunter2-\"quoted\"";

fn connector() -> Value {
    json!({ "url": "https://crm.example.com/api/", "credential": { "secret": "crm-token" } })
}

/// Keeps the secret and makes the connector that sends it.
async fn with_connector(house: &House, admin: &str) {
    house.ask(("PUT", SECRET), admin, &[], Some(json!({ "value": HIDDEN }))).await.is(201);
    house.ask(("PUT", CONNECTOR), admin, &[], Some(connector())).await.is(201);
}

#[tokio::test]
async fn a_secret_reaches_whoever_answers_calls_and_nobody_else() {
    let house = House::open().await;
    let admin = house.tenant_with_admin("cabinet").await;
    with_connector(&house, &admin).await;
    assert_eq!(house.site.secrets("cabinet")["crm-token"].reveal(), HIDDEN);
    let connector = house.site.tenant("cabinet").connectors[0].clone();
    assert_eq!(
        (connector.name.as_str(), connector.connector.credential.unwrap().secret.as_str()),
        ("crm", "crm-token")
    );
    // Another in its place, from the next call on.
    let etag = house.get(SECRETS, &admin).await.is(200).body["items"][0]["etag"].clone();
    let headers = [("if-match", etag.as_str().unwrap())];
    house
        .ask(("PUT", SECRET), &admin, &[], Some(json!({ "value": "hunter3-again" })))
        .await
        .is(428)
        .names("if-match");
    house.ask(("PUT", SECRET), &admin, &headers, Some(json!({ "value": "hunter3-again" }))).await.is(200);
    assert_eq!(house.site.secrets("cabinet")["crm-token"].reveal(), "hunter3-again");

    // And after a restart.
    let house = house.again().await;
    house.directory.take_in_all().await.unwrap();
    assert_eq!(house.site.secrets("cabinet")["crm-token"].reveal(), "hunter3-again");
    let listed = house.get(SECRETS, &admin).await.is(200);
    assert_eq!(listed.body["items"][0]["id"], "crm-token");
    assert_eq!(listed.body["items"][0]["spec"], json!({ "used-by": ["crm"] }));
    let told = format!("{:?}", house.told("cabinet").await);
    assert!(told.contains("secret crm-token: changed") && !told.contains("hunter"), "{told}");
    assert!(!format!("{listed:?}{:?}", house.site.secrets("cabinet")).contains("hunter"));
    let house = house.again().await;
    for (path, bytes) in house.bytes() {
        let shown = bytes.windows(6).any(|window| window == b"hunter");
        assert!(!shown, "{}", path.display());
    }
}

#[tokio::test]
async fn a_secret_that_a_connector_sends_is_not_removed_and_one_that_is_missing_is_told() {
    let house = House::open().await;
    let admin = house.tenant_with_admin("cabinet").await;
    // The connector first: it is kept, and calls are answered without it.
    house.ask(("PUT", CONNECTOR), &admin, &[], Some(connector())).await.is(201);
    assert!(house.site.tenant("cabinet").connectors.is_empty());
    let problems = house.get(PROBLEMS, &admin).await.is(200);
    assert_eq!(problems.body["items"][0]["spec"]["what"], "connector crm");
    let problem = problems.body["items"][0]["spec"]["problem"].as_str().unwrap();
    assert!(problem.contains("parloir secret set crm-token"), "{problem}");
    house.ask(("PUT", SECRET), &admin, &[], Some(json!({ "value": HIDDEN }))).await.is(201);
    assert_eq!(house.get(PROBLEMS, &admin).await.is(200).body["items"], json!([]));
    assert_eq!(house.site.tenant("cabinet").connectors.len(), 1);

    let refused = house.ask(("DELETE", SECRET), &admin, &[], None).await.is(409);
    refused.names("name");
    assert!(refused.text("detail").contains("connectors crm"), "{refused:?}");
    house.ask(("DELETE", CONNECTOR), &admin, &[], None).await.is(204);
    house.get(CONNECTOR, &admin).await.is(404).names("name");
    house.ask(("DELETE", SECRET), &admin, &[], None).await.is(204);
    house.ask(("DELETE", SECRET), &admin, &[], None).await.is(404).names("name");
    assert!(house.site.tenant("cabinet").connectors.is_empty() && house.site.secrets("cabinet").is_empty());
}

#[tokio::test]
async fn a_line_grants_connectors_that_there_are_and_they_stay_while_it_does() {
    let house = House::open().await;
    let admin = house.tenant_with_admin("cabinet").await;
    house.give("cabinet", "+33199005678").await;
    let line = "/v1/tenants/cabinet/lines/+33199005678";
    let granting = |names: &[&str]| Some(json!({ "agent": "front-desk", "connectors": names }));
    for stranger in ["crm", "../crm"] {
        house.ask(("PUT", line), &admin, &[], granting(&[stranger])).await.is(422).names("connectors");
    }
    with_connector(&house, &admin).await;
    let etag = house.ask(("PUT", line), &admin, &[], granting(&["crm"])).await.is(201).etag();
    assert_eq!(house.site.tenant("cabinet").lines[0].connectors, ["crm"]);
    let refused = house.ask(("DELETE", CONNECTOR), &admin, &[], None).await.is(409);
    refused.names("name");
    assert!(refused.text("detail").contains("+33199005678"), "{refused:?}");
    house.ask(("PUT", line), &admin, &[("if-match", etag.as_str())], granting(&[])).await.is(200);
    house.ask(("DELETE", CONNECTOR), &admin, &[], None).await.is(204);
}

#[tokio::test]
async fn what_is_no_secret_is_told_without_a_word_of_it() {
    let house = House::open().await;
    let admin = house.tenant_with_admin("cabinet").await;
    for bad in [
        json!({ "value": "" }),
        json!({ "value": "hunter2" }),
        json!({ "value": "hunter2\r\nx-admin: 1" }),
        json!({ "value": "hunter2é" }),
        json!({ "value": "hunter2".repeat(300) }),
        json!({ "value": ["hunter2"] }),
        json!({ "hunter2": "x" }),
        json!("hunter2"),
    ] {
        let refused = house.ask(("PUT", SECRET), &admin, &[], Some(bad)).await.is(422);
        refused.names("value");
        assert!(!refused.body.to_string().contains("hunter2"), "{refused:?}");
    }
    house.ask(("PUT", SECRET), &admin, &[], None).await.is(415).names("content-type");
    let spaced = SECRET.replace("crm-token", "crm%20token");
    house.ask(("PUT", &spaced), &admin, &[], Some(json!({ "value": "x" }))).await.is(422).names("name");
    assert_eq!(house.get(SECRETS, &admin).await.is(200).body["items"], json!([]));
}

#[tokio::test]
async fn a_connector_that_cannot_be_meant_is_named_by_its_field() {
    let house = House::open().await;
    let admin = house.tenant_with_admin("cabinet").await;
    let with = |field: &str, value: Value| {
        let mut connector = connector();
        connector[field] = value;
        connector
    };
    let table = [
        (with("url", json!("crm.example.com")), "url"),
        (with("methods", json!([])), "methods"),
        (with("methods", json!(["get", "get"])), "methods"),
        (with("methods", json!(["trace"])), "methods[0]"),
        (with("region", json!("x".repeat(201))), "region"),
        (with("wait-ms", json!(99)), "wait-ms"),
        (with("wait-ms", json!(10_001)), "wait-ms"),
        (with("answer-bytes", json!(0)), "answer-bytes"),
        (with("answer-bytes", json!(262_145)), "answer-bytes"),
        (with("credential", json!({ "secret": "a", "header": "a b" })), "credential.header"),
        (with("credential", json!({ "secret": "a", "header": "Host" })), "credential.header"),
        (with("credential", json!({ "secret": "a", "header": "content-length" })), "credential.header"),
        (with("credential", json!({ "secret": "a", "before": "a\nb" })), "credential.before"),
        (with("credential", json!({ "secret": "../a" })), "credential.secret"),
    ];
    for (body, field) in table {
        let reply = house.ask(("PUT", CONNECTOR), &admin, &[], Some(body.clone())).await;
        assert_eq!(reply.status, 422, "{body}: {reply:?}");
        reply.names(field);
    }
    house.get(CONNECTOR, &admin).await.is(404);
}

#[tokio::test]
async fn through_broken_glass_nobody_turns_a_connector_elsewhere() {
    let house = House::open().await;
    let admin = house.tenant_with_admin("cabinet").await;
    with_connector(&house, &admin).await;
    let operator = house.operator().await;
    let why = json!({ "why": "the calendar of theirs does not answer" });
    house.post("/v1/tenants/cabinet/break-glass", &operator, why).await.is(201);
    house.get(CONNECTOR, &operator).await.is(200);
    let elsewhere = json!({ "url": "https://elsewhere.example.com/" });
    for (what, body) in [
        (("PUT", CONNECTOR), Some(elsewhere)),
        (("DELETE", CONNECTOR), None),
        (("PUT", SECRET), Some(json!({ "value": "x" }))),
        (("DELETE", SECRET), None),
    ] {
        house.ask(what, &operator, &[], body).await.is(403);
    }
    assert_eq!(house.site.tenant("cabinet").connectors[0].connector.url, "https://crm.example.com/api/");
}

#[tokio::test]
async fn a_row_of_a_secret_or_a_connector_that_is_torn_keeps_nothing_else_back() {
    let house = House::open().await;
    let admin = house.tenant_with_admin("cabinet").await;
    with_connector(&house, &admin).await;
    let torn = br#"{"change": "0", "at": "2026-03-14T09:26:53Z", "is": "hunter2*"}"#;
    let batch = Batch::new().put(Table::Settings, "secret/torn", torn.as_slice()).put(
        Table::Settings,
        "connector/torn",
        torn.as_slice(),
    );
    assert_eq!(house.rows("cabinet").await.apply(batch).await.unwrap(), Applied::Done);
    house.directory.take_in_all().await.unwrap();
    let problems = house.get(PROBLEMS, &admin).await.is(200);
    let whats: Vec<_> =
        problems.body["items"].as_array().unwrap().iter().map(|item| item["spec"]["what"].clone()).collect();
    assert_eq!(json!(whats), json!(["connector torn", "secret torn"]));
    assert!(!problems.body.to_string().contains("hunter2"), "{problems:?}");
    let (tenant, secrets) = (house.site.tenant("cabinet"), house.site.secrets("cabinet"));
    assert_eq!((tenant.connectors.len(), secrets.len()), (1, 1));
    for path in [CONNECTOR.replace("crm", "torn"), SECRET.replace("crm-token", "torn")] {
        house.ask(("DELETE", &path), &admin, &[], None).await.is(204);
    }
    assert_eq!(house.get(PROBLEMS, &admin).await.is(200).body["items"], json!([]));
}

#[tokio::test]
async fn whoever_reads_blocked_numbers_without_pause_is_told_to_wait() {
    let house = House::open().await;
    let owner = house.tenant("cabinet").await;
    let (_, supervisor) = house.user("cabinet", &owner, "supervisor").await;
    // A list of nobody shows nobody, and is no record.
    let before = house.told("cabinet").await.len();
    for _ in 0..100 {
        house.get(BLOCKED, &supervisor).await.is(200);
    }
    assert_eq!(house.told("cabinet").await.len(), before);
    house.post(BLOCKED, &supervisor, json!({ "number": "+33639981234" })).await.is(201);
    let mut refused = None;
    for _ in 0..2_000 {
        let reply = house.get(BLOCKED, &supervisor).await;
        if reply.status != 200 {
            refused = Some(reply);
            break;
        }
    }
    let refused = refused.unwrap().is(429);
    assert!(refused.text("detail").contains("times in a minute"), "{refused:?}");
    // Nobody else waits for it.
    let (_, another) = house.user("cabinet", &owner, "supervisor").await;
    house.get(BLOCKED, &another).await.is(200);
}

#[tokio::test]
async fn a_caller_is_blocked_by_the_journal_that_calls_are_answered_by_and_answered_again() {
    let house = House::open().await;
    let owner = house.tenant("cabinet").await;
    let (_, supervisor) = house.user("cabinet", &owner, "supervisor").await;
    house.get(BLOCKED, &owner).await.is(403);
    let body = json!({ "number": "06 39 98 12 34", "to": "human", "why": "wants nobody's machine" });
    let blocked = house.post(BLOCKED, &supervisor, body).await.is(201);
    let (id, etag) = (blocked.text("id"), blocked.etag());
    assert_eq!(blocked.headers["location"], format!("{BLOCKED}/{id}"));
    assert!(!id.contains("39981234"));
    let known = || async { house.journal.rights(&"cabinet".parse().unwrap()).await.unwrap().blocked.clone() };
    assert_eq!(known().await.len(), 1);

    // However it is written, it is the same caller; and it can become another thing.
    // It comes to the same however often it is done: no key is asked for, and none is read.
    let (body, key) = (json!({ "number": "+33639981234" }), [("idempotency-key", "no key")]);
    let again = house.ask(("POST", BLOCKED), &supervisor, &key, Some(body)).await.is(201);
    assert_eq!((again.text("id"), again.body["spec"]["to"].clone()), (id.clone(), json!("refuse")));
    assert_eq!(known().await.len(), 1);
    house.post(BLOCKED, &supervisor, json!({ "number": "no number" })).await.is(422).names("number");
    house
        .post(BLOCKED, &supervisor, json!({ "number": "+33639981234", "why": " " }))
        .await
        .is(422)
        .names("why");

    let before = house.told("cabinet").await.len();
    let listed = house.get(BLOCKED, &supervisor).await.is(200);
    assert_eq!(listed.body["items"][0]["spec"]["number"], "+33639981234");
    let told = house.told("cabinet").await;
    assert_eq!(told.len(), before + 1, "who looked is told");
    assert!(!format!("{told:?}").contains("39981234"), "{told:?}");
    let operator = house.operator().await;
    house.get(BLOCKED, &operator).await.is(403);

    let path = format!("{BLOCKED}/{id}");
    house.ask(("DELETE", &path), &supervisor, &[("if-match", etag.as_str())], None).await.is(412);
    house.ask(("DELETE", &path), &supervisor, &[], None).await.is(204);
    house.ask(("DELETE", &path), &supervisor, &[], None).await.is(404).names("blocked");
    assert!(known().await.is_empty());
    // Its end names whom it concerns, so that an erasure finds it.
    let page = house.journal.calls(&"cabinet".parse().unwrap(), None, 100).await.unwrap();
    let mut named = Vec::new();
    for call in page.calls.iter().filter(|call| call.transport == "block") {
        for record in house.journal.records(&"cabinet".parse().unwrap(), call.call).await.unwrap() {
            if let RecordBody::Blocked(blocked) = record.body {
                named.push((blocked.released, blocked.named.and_then(|named| named.number)));
            }
        }
    }
    let number = || Some("+33639981234".to_owned());
    assert_eq!(named, [(true, number()), (false, number()), (false, number())], "newest first");
}

#[tokio::test]
async fn of_a_problem_an_operator_sees_no_number_until_they_break_the_glass() {
    let house = House::open().await;
    let admin = house.tenant_with_admin("cabinet").await;
    house.give("cabinet", "+33199005678").await;
    let line = "/v1/tenants/cabinet/lines/+33199005678";
    house.ask(("PUT", line), &admin, &[], Some(json!({ "agent": "away" }))).await.is(201);
    house.site.gone.lock().push("away.wasm".into());
    house.directory.take_in_all().await.unwrap();
    let what = |reply: house::Reply| reply.is(200).body["items"][0]["spec"]["what"].clone();
    assert_eq!(what(house.get(PROBLEMS, &admin).await), "line +33199005678");
    let operator = house.operator().await;
    for key in [&operator, &house.owner] {
        assert_eq!(what(house.get(PROBLEMS, key).await), "line +*********78");
    }
    let why = json!({ "why": "a line does not answer" });
    let glass = house.post("/v1/tenants/cabinet/break-glass", &operator, why).await.is(201).text("id");
    assert_eq!(what(house.get(PROBLEMS, &operator).await), "line +33199005678");
    let told = house.told("cabinet").await;
    let looked = told.iter().find(|(what, _)| what.action == "problems:read").unwrap();
    assert_eq!(looked.0.glass.as_deref(), Some(glass.as_str()));
}

#[tokio::test]
async fn a_tenant_whose_requests_never_end_keeps_no_other_tenant_waiting() {
    let house = House::open().await;
    let (slow, other) = (house.tenant_with_admin("slow").await, house.tenant_with_admin("other").await);
    let mut requests = Vec::new();
    // More than there is room for: whoever asks meanwhile may have had a place of theirs.
    for _ in 0..100 {
        let request = Request::builder()
            .method("PUT")
            .uri("/v1/tenants/slow/calendar")
            .header("authorization", format!("Bearer {slow}"))
            .body(Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>()));
        requests.push(tokio::spawn(house.router.clone().oneshot(request.unwrap())));
    }
    // Once they are all there, one more is told to come again.
    let mut refused = house.get("/v1/me", &slow).await;
    for _ in 0..500 {
        if refused.status != 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
        refused = house.get("/v1/me", &slow).await;
    }
    assert_eq!((refused.status, refused.headers["retry-after"].to_str().unwrap()), (429, "1"), "{refused:?}");
    assert!(refused.text("remedy").contains("fewer"), "{refused:?}");
    house.get("/v1/me", &other).await.is(200);
    house.get("/v1/me", &house.owner).await.is(200);
    requests.iter().for_each(tokio::task::JoinHandle::abort);
}
