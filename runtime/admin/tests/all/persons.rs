//! What persons ask a tenant for, by the API: its own people answer, each case is one tenant's, and a number is nowhere but in a body.

use std::sync::Arc;

use crate::house::{House, Reply};
use parloir_journal::Reader;
use serde_json::json;
use tokio::sync::Notify;

const CASES: &str = "/v1/tenants/cabinet/cases";
const HERS: &str = "06 39 98 12 34";

async fn opened(house: &House, key: &str) -> String {
    let case = json!({ "number": HERS, "right": "access", "why": "her letter" });
    house.post(CASES, key, case).await.is(201).text("id")
}

/// What was looked up, once that is over.
async fn looked(house: &House, path: &str, key: &str) -> Reply {
    loop {
        let reply = house.get(path, key).await.is(200);
        if reply.body["spec"]["state"] != "running" {
            return reply;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_person_is_answered_by_the_tenants_own_people_and_what_was_handed_over_is_noted() {
    let house = House::open().await;
    let admin = house.tenant_with_admin("cabinet").await;
    let case = opened(&house, &admin).await;
    let path = format!("{CASES}/{case}");
    let access = format!("{path}/access");
    house.get(&access, &admin).await.is(404).names("case");
    let begun = house.post(&access, &admin, json!({ "number": HERS, "why": "her letter" })).await.is(201);
    assert_eq!(begun.headers["location"], access.as_str());
    let found = looked(&house, &access, &admin).await;
    assert_eq!(
        (found.body["spec"]["state"].clone(), found.body["spec"]["files"].clone()),
        (json!("done"), json!(["rows.json", "cases.json"]))
    );
    let etag = found.etag();
    house.ask(("GET", &access), &admin, &[("if-none-match", &etag)], None).await.is(304);
    house.get(&format!("{access}/files/other.json"), &admin).await.is(404).names("name");

    let steps = async || house.get(&path, &admin).await.is(200).body["spec"]["steps"].clone();
    let rows = house.get(&format!("{access}/files/rows.json"), &admin).await.is(200);
    assert_eq!(rows.text("rows.json"), "+33639981234", "in E.164 form, however it was written");
    assert_eq!(steps().await.as_array().unwrap().len(), 1, "a part of it is no answer");
    for _ in 0..2 {
        house.get(&format!("{access}/files/cases.json"), &admin).await.is(200);
    }
    assert_eq!(steps().await[1]["step"], "exported");
    assert_eq!(steps().await.as_array().unwrap().len(), 2, "once");
    let read = house.site.persons.read.lock().clone();
    let [(_, reading)] = read.as_slice() else { panic!("{read:?}") };
    assert!(matches!(&reading.who, Reader::Key { role, .. } if role == "admin"), "{reading:?}");
    assert_eq!(reading.why.as_deref(), Some("her letter"));

    // Nothing that is told names her.
    for (told, _) in house.told("cabinet").await {
        assert!(!format!("{told:?}").contains("39981234"), "{told:?}");
    }
    let closed =
        house.post(&format!("{path}/close"), &admin, json!({ "done": true, "why": "by post" })).await;
    assert_eq!(closed.is(201).body["spec"]["state"], "done");
    house.post(&access, &admin, json!({})).await.is(409).names("case");
    house.post(&format!("{path}/extend"), &admin, json!({ "months": 1, "why": "many" })).await.is(409);
}

#[tokio::test]
async fn what_one_looked_up_is_theirs_to_take_away_and_a_case_is_its_tenants() {
    let house = House::open().await;
    let owner = house.tenant("cabinet").await;
    let (_, admin) = house.user("cabinet", &owner, "admin").await;
    let (_, supervisor) = house.user("cabinet", &owner, "supervisor").await;
    let other = house.tenant_with_admin("other").await;
    let case = opened(&house, &supervisor).await;
    let access = format!("{CASES}/{case}/access");
    house.post(&access, &supervisor, json!({})).await.is(201);
    looked(&house, &access, &admin).await;
    house.get(&format!("{access}/files/rows.json"), &admin).await.is(403).names("case");
    house.get(&format!("{access}/files/rows.json"), &supervisor).await.is(200);
    // Whatever another tenant asks, in its own rooms or in these: there is no such case.
    for tenant in ["cabinet", "other"] {
        let path = format!("/v1/tenants/{tenant}/cases/{case}");
        house.get(&path, &other).await.is(404);
        house.get(&format!("{path}/access"), &other).await.is(404);
        house.get(&format!("{path}/access/files/rows.json"), &other).await.is(404);
        house.post(&format!("{path}/access"), &other, json!({})).await.is(404);
        house.post(&format!("{path}/close"), &other, json!({ "done": true, "why": "x" })).await.is(404);
    }
    assert_eq!(house.get("/v1/tenants/other/cases", &other).await.is(200).body["items"], json!([]));
    // Who pays, and who runs the house, through broken glass too.
    let operator = house.operator().await;
    let glass = json!({ "why": "a person asks", "minutes": 60 });
    house.post("/v1/tenants/cabinet/break-glass", &operator, glass).await.is(201);
    for key in [&owner, &operator, &house.owner] {
        house.get(CASES, key).await.is(403);
        house.post(&access, key, json!({})).await.is(403);
    }
}

#[tokio::test]
async fn a_person_is_erased_by_an_admin_and_nobody_else_once_they_looked_what_that_would_be() {
    let house = House::open().await;
    let owner = house.tenant("cabinet").await;
    let (_, admin) = house.user("cabinet", &owner, "admin").await;
    let (_, supervisor) = house.user("cabinet", &owner, "supervisor").await;
    let case = opened(&house, &supervisor).await;
    let erasure = format!("{CASES}/{case}/erasure");
    let other = house.tenant_with_admin("other").await;
    for key in [&supervisor, &owner, &house.operator().await] {
        house.post(&erasure, key, json!({})).await.is(403);
    }
    house.post(&format!("/v1/tenants/other/cases/{case}/erasure"), &other, json!({})).await.is(404);
    house.get(&erasure, &admin).await.is(404).names("case");
    house.post(&erasure, &admin, json!({ "number": "six" })).await.is(422).names("number");
    house.post(&erasure, &admin, json!({ "dry-run": true, "reason": "her letter" })).await.is(201);
    let would = looked(&house, &erasure, &admin).await;
    assert_eq!(
        (&would.body["spec"]["state"], &would.body["spec"]["dry-run"]),
        (&json!("done"), &json!(true))
    );
    assert_eq!(house.site.persons.read.lock().len(), 1);
    house.post(&erasure, &admin, json!({ "reason": "her letter" })).await.is(201);
    let done = looked(&house, &erasure, &admin).await;
    assert_eq!(done.body["spec"]["dry-run"], false, "{done:?}");
    assert_eq!(done.body["spec"]["calls"], json!(["09".repeat(16)]), "{done:?}");
    let told = house.told("cabinet").await;
    let of_erasures = told.iter().filter(|(told, _)| told.action == "persons:erase");
    let subjects: Vec<_> = of_erasures.map(|(told, _)| told.subject.as_str()).collect();
    assert!(subjects.iter().any(|subject| subject.ends_with("its person erased")), "{subjects:?}");
}

#[tokio::test]
async fn bad_numbers_and_days_name_their_field_and_a_repeated_request_opens_one_case() {
    let house = House::open().await;
    let admin = house.tenant_with_admin("cabinet").await;
    let bad = json!({ "number": "six", "right": "access" });
    house.post(CASES, &admin, bad).await.is(422).names("number");
    let no_right = json!({ "number": HERS, "right": "everything" });
    house.post(CASES, &admin, no_right).await.is(422).names("right");
    house
        .post(CASES, &admin, json!({ "number": HERS, "right": "erase", "why": "" }))
        .await
        .is(422)
        .names("why");
    let body = json!({ "number": HERS, "right": "erase" });
    let repeated = [("idempotency-key", "her-letter")];
    let first = house.ask(("POST", CASES), &admin, &repeated, Some(body.clone())).await.is(201);
    let again = house.ask(("POST", CASES), &admin, &repeated, Some(body)).await.is(201);
    assert_eq!((first.text("id"), first.etag()), (again.text("id"), again.etag()));
    assert_eq!(house.get(CASES, &admin).await.is(200).body["items"].as_array().unwrap().len(), 1);
    let path = format!("{CASES}/{}", first.text("id"));
    let extend = Some(json!({ "months": 1, "why": "many calls" }));
    let changed = [("if-match", "\"another\"")];
    house.ask(("POST", &format!("{path}/extend")), &admin, &changed, extend.clone()).await.is(412);
    let known = first.etag();
    house.ask(("POST", &format!("{path}/extend")), &admin, &[("if-match", &known)], extend).await.is(201);
    house
        .post(&format!("{path}/extend"), &admin, json!({ "months": 3, "why": "x" }))
        .await
        .is(422)
        .names("months");
    house
        .post(&format!("{path}/access"), &admin, json!({ "number": "01 99 00 00 01" }))
        .await
        .is(409)
        .names("case");
}

#[tokio::test]
async fn a_tenant_looks_one_person_up_at_a_time_and_keeps_no_other_from_it() {
    let house = House::open().await;
    let admin = house.tenant_with_admin("cabinet").await;
    let other = house.tenant_with_admin("other").await;
    let (first, second) = (opened(&house, &admin).await, opened(&house, &admin).await);
    let go = Arc::new(Notify::new());
    *house.site.persons.held.lock() = Some(go.clone());
    let access = |case: &str| format!("{CASES}/{case}/access");
    house.post(&access(&first), &admin, json!({})).await.is(201);
    let running = house.get(&access(&first), &admin).await.is(200);
    assert_eq!(running.body["spec"]["state"], "running");
    house.get(&format!("{}/files/rows.json", access(&first)), &admin).await.is(409).names("case");
    house.post(&access(&first), &admin, json!({})).await.is(201);
    house.post(&access(&second), &admin, json!({})).await.is(429);
    let theirs = json!({ "number": HERS, "right": "access" });
    let theirs = house.post("/v1/tenants/other/cases", &other, theirs).await.is(201).text("id");
    let path = format!("/v1/tenants/other/cases/{theirs}/access");
    // The search that waits is the first one's: it has taken what holds it.
    while house.site.persons.held.lock().is_some() {
        tokio::task::yield_now().await;
    }
    house.post(&path, &other, json!({})).await.is(201);
    assert_eq!(looked(&house, &path, &other).await.body["spec"]["state"], "done");
    go.notify_one();
    assert_eq!(looked(&house, &access(&first), &admin).await.body["spec"]["state"], "done");
    house.post(&access(&second), &admin, json!({})).await.is(201);
    let read = house.site.persons.read.lock();
    let of_the_first = read.iter().filter(|(case, _)| case.to_string() == first).count();
    assert_eq!(of_the_first, 1, "one that goes on is not begun again");
}

#[tokio::test]
async fn a_supervisor_who_sees_some_calls_alone_does_nothing_for_persons_and_is_told_who_does() {
    let house = House::open().await;
    let owner = house.tenant("cabinet").await;
    let (_, admin) = house.user("cabinet", &owner, "admin").await;
    let (user, supervisor) = house.user("cabinet", &owner, "supervisor").await;
    let case = opened(&house, &supervisor).await;
    let path = format!("{CASES}/{case}");
    let access = format!("{path}/access");
    house.post(&access, &supervisor, json!({})).await.is(201);
    looked(&house, &access, &supervisor).await;

    // From the first team on they see its calls alone; what they looked up before is in that hour no more theirs.
    let team = json!({ "lines": [], "users": [user] });
    let parc = "/v1/tenants/cabinet/teams/parc";
    house.ask(("PUT", parc), &admin, &[], Some(team)).await.is(201);
    let routes = [
        ("GET", CASES.to_owned(), None),
        ("GET", path.clone(), None),
        ("POST", format!("{path}/extend"), Some(json!({ "months": 1, "why": "many calls" }))),
        ("POST", format!("{path}/close"), Some(json!({ "done": true, "why": "by post" }))),
        ("POST", access.clone(), Some(json!({}))),
        ("GET", access.clone(), None),
        ("GET", format!("{access}/files/rows.json"), None),
        ("POST", format!("{path}/erasure"), Some(json!({}))),
        ("GET", format!("{path}/erasure"), None),
        ("POST", format!("{path}/rectify"), Some(json!({}))),
        ("POST", format!("{path}/restrict"), Some(json!({}))),
    ];
    for (method, route, body) in routes {
        let refused = house.ask((method, &route), &supervisor, &[], body).await.is(403);
        refused.names("authorization");
        assert!(refused.text("remedy").contains("admin"), "{method} {route}: {refused:?}");
    }
    assert_eq!(house.site.persons.read.lock().len(), 1);
    assert_eq!(house.get(&path, &admin).await.is(200).body["spec"]["steps"].as_array().unwrap().len(), 1);
    let told = house.told("cabinet").await;
    let denied = "GET /v1/tenants/{tenant}/cases/{case}/access/files/{name}: denied, they see some";
    assert!(told.iter().any(|(what, _)| what.subject.starts_with(denied) && what.user == user), "{told:?}");

    // Whoever is asked by a person says so all the same.
    let another = format!("{CASES}/{}", opened(&house, &supervisor).await);
    house.get(&another, &supervisor).await.is(403);
    house.get(&another, &admin).await.is(200);

    // An admin sees all calls, and a supervisor does where there is no team.
    looked(&house, &access, &admin).await;
    house.ask(("DELETE", parc), &admin, &[], None).await.is(204);
    house.get(&format!("{access}/files/rows.json"), &supervisor).await.is(200);
}

#[tokio::test]
async fn a_person_is_put_right_and_restricted_in_their_case_as_it_is_known() {
    let house = House::open().await;
    let owner = house.tenant("cabinet").await;
    let (_, admin) = house.user("cabinet", &owner, "admin").await;
    let (_, supervisor) = house.user("cabinet", &owner, "supervisor").await;
    let other = house.tenant_with_admin("other").await;
    let case = opened(&house, &supervisor).await;
    let path = format!("{CASES}/{case}");
    let [rectify, restrict] = ["rectify", "restrict"].map(|what| format!("{path}/{what}"));
    let right = |call: &str| json!({ "call": call, "field": "contact.name", "to": "Anne Durand", "why": "her letter" });
    let call = "09".repeat(16);
    for key in [&owner, &house.owner, &house.operator().await] {
        house.post(&rectify, key, right(&call)).await.is(403);
        house.post(&restrict, key, json!({})).await.is(403);
    }
    for tenant in ["cabinet", "other"] {
        let path = format!("/v1/tenants/{tenant}/cases/{case}");
        house.post(&format!("{path}/rectify"), &other, right(&call)).await.is(404);
        house.post(&format!("{path}/restrict"), &other, json!({})).await.is(404);
    }
    house.post(&rectify, &admin, right("six")).await.is(422).names("call");
    house.post(&rectify, &admin, right(&"08".repeat(16))).await.is(422).names("call");
    let empty = json!({ "call": call, "field": "contact.name", "to": " " });
    house.post(&rectify, &admin, empty).await.is(422).names("to");
    assert!(house.site.persons.read.lock().is_empty());

    let known = house.get(&path, &admin).await.is(200).etag();
    let as_known = [("if-match", known.as_str())];
    let done = house.ask(("POST", &rectify), &supervisor, &as_known, Some(right(&call))).await.is(201);
    assert_eq!(done.body["spec"]["recorded"], json!(["Anne Durant"]));
    assert_eq!(done.headers["location"], path.as_str());
    let read = house.site.persons.read.lock().clone();
    assert!(matches!(&read[..], [(_, reading)] if reading.why.as_deref() == Some("her letter")), "{read:?}");
    // It is another by now.
    house.ask(("POST", &restrict), &admin, &as_known, Some(json!({}))).await.is(412).names("if-match");
    let known = done.etag();
    let as_known = [("if-match", known.as_str())];
    let restricted = json!({ "number": HERS, "why": "her letter" });
    house.ask(("POST", &restrict), &supervisor, &as_known, Some(restricted)).await.is(201);
    house.post(&restrict, &admin, json!({ "number": "01 99 00 00 01" })).await.is(409).names("case");
    let released = house.post(&restrict, &admin, json!({ "release": true })).await.is(201);
    let steps = released.body["spec"]["steps"].as_array().unwrap();
    let steps: Vec<_> = steps.iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["opened", "rectified", "restricted", "released"]);
    let told = house.told("cabinet").await;
    for (action, subject) in [
        ("persons:rectify", format!("case {case}: call {call} put right")),
        ("persons:restrict", format!("case {case}: its person restricted")),
        ("persons:restrict", format!("case {case}: its person released")),
    ] {
        let is_told = told.iter().any(|(told, _)| told.action == action && told.subject == subject);
        assert!(is_told, "{subject}: {told:?}");
    }
    for (told, _) in told {
        assert!(!format!("{told:?}").contains("39981234"), "{told:?}");
    }
}

#[tokio::test]
async fn a_list_of_cases_goes_on_where_the_page_before_ended_and_nowhere_else() {
    let house = House::open().await;
    let admin = house.tenant_with_admin("cabinet").await;
    let mut all = Vec::new();
    for _ in 0..3 {
        all.push(opened(&house, &admin).await);
    }
    let first = house.get(&format!("{CASES}?limit=2"), &admin).await.is(200);
    let next = first.text("next");
    let rest = house.get(&format!("{CASES}?limit=2&after={next}"), &admin).await.is(200);
    let listed = [&first, &rest].map(|page| page.body["items"].as_array().unwrap().clone()).concat();
    let listed: Vec<_> = listed.iter().map(|item| item["id"].as_str().unwrap()).collect();
    assert_eq!(listed, all);
    assert_eq!(rest.body["next"], json!(null));
    house.get(&format!("{CASES}?after=nowhere"), &admin).await.is(422).names("after");
}
