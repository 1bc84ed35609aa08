//! The API as whoever administers an installation uses it, and as whoever should not.

use crate::house::House;
use parloir_journal::Ending;
use serde_json::{Value, json};

pub const LINE: &str = "/v1/tenants/cabinet/lines/+33199005678";
pub const NUMBER: &str = "+33199005678";
const NUMBERS: &str = "/v1/tenants/cabinet/numbers/";

#[tokio::test]
async fn from_an_owner_to_a_line_that_answers_and_back() {
    let house = House::open().await;
    let admin = house.tenant_with_admin("cabinet").await;
    house.give("cabinet", NUMBER).await;
    let body = json!({ "agent": "front-desk", "language": "fr-FR", "fallback-number": "+33199009999" });
    let put = house.ask(("PUT", LINE), &admin, &[], Some(body.clone())).await.is(201);
    assert_eq!(put.body["spec"]["recording"], "ask");
    let line = house.site.tenant("cabinet").lines[0].clone();
    assert!(line.agent.ends_with("cabinet/agents/front-desk.wasm"), "{line:?}");
    let setting = json!({ "value": "cabinet du Parc" });
    let name = format!("{LINE}/settings/cabinet.name");
    house.ask(("PUT", &name), &admin, &[], Some(setting)).await.is(201);
    assert_eq!(house.site.tenant("cabinet").lines[0].settings["cabinet.name"], "cabinet du Parc");
    let calendar = json!({ "open": { "monday": ["09:00-12:00"] } });
    house.ask(("PUT", "/v1/tenants/cabinet/calendar"), &admin, &[], Some(calendar)).await.is(201);
    assert!(house.site.tenant("cabinet").calendar.is_some());

    // It is all there after a restart.
    let house = house.again().await;
    assert_eq!(house.get(LINE, &admin).await.is(200).etag(), put.etag());
    house.directory.take_in_all().await.unwrap();
    let taken = house.site.tenant("cabinet");
    assert_eq!((taken.lines.len(), taken.lines[0].settings.len()), (1, 1));

    house.ask(("DELETE", LINE), &admin, &[], None).await.is(204);
    house.get(LINE, &admin).await.is(404).names("line");
    assert!(house.site.tenant("cabinet").lines.is_empty());
    // With its settings: a line of the same number begins anew.
    house.ask(("PUT", LINE), &admin, &[], Some(body)).await.is(201);
    let settings = house.get(&format!("{LINE}/settings"), &admin).await.is(200);
    assert_eq!(settings.body["items"], json!([]));
}

#[tokio::test]
async fn nobodys_change_is_lost() {
    let house = House::open().await;
    let admin = house.tenant_with_admin("cabinet").await;
    house.give("cabinet", NUMBER).await;
    let body = |agent: &str| Some(json!({ "agent": agent }));
    let etag = house.ask(("PUT", LINE), &admin, &[], body("one")).await.is(201).etag();
    house.ask(("PUT", LINE), &admin, &[], body("two")).await.is(428).names("if-match");
    house
        .ask(("PUT", LINE), &admin, &[("if-none-match", "*")], body("two"))
        .await
        .is(412)
        .names("if-none-match");
    let two =
        house.ask(("PUT", LINE), &admin, &[("if-match", etag.as_str())], body("two")).await.is(200).etag();
    house
        .ask(("PUT", LINE), &admin, &[("if-match", etag.as_str())], body("three"))
        .await
        .is(412)
        .names("if-match");
    house.ask(("DELETE", LINE), &admin, &[("if-match", etag.as_str())], None).await.is(412);
    let unchanged = house.ask(("GET", LINE), &admin, &[("if-none-match", two.as_str())], None).await.is(304);
    assert_eq!(unchanged.body, Value::Null);
    // Of two at the same time one is made, and the other is told.
    let headers = [("if-match", two.as_str())];
    let (one, other) = tokio::join!(
        house.ask(("PUT", LINE), &admin, &headers, body("three")),
        house.ask(("PUT", LINE), &admin, &headers, body("four")),
    );
    let mut both = [one.status, other.status];
    both.sort_unstable();
    assert!(both[0] == 200 && [409, 412].contains(&both[1]), "{both:?}");
}

#[tokio::test]
async fn a_post_that_is_repeated_is_carried_out_once() {
    let house = House::open().await;
    let tenant = json!({ "id": "cabinet", "owner": "Anne Durand" });
    let headers = [("idempotency-key", "8c1f")];
    let post = ("POST", "/v1/tenants");
    let first = house.ask(post, &house.owner, &headers, Some(tenant.clone())).await.is(201);
    assert!(first.body["secret"].is_string());
    let again = house.ask(post, &house.owner, &headers, Some(tenant.clone())).await.is(201);
    assert_eq!(again.text("owner"), first.text("owner"));
    assert_eq!(again.body["secret"], Value::Null, "told once");
    house.post("/v1/tenants", &house.owner, tenant).await.is(409).names("id");
    let other = json!({ "id": "other", "owner": "Anne Durand" });
    house.ask(post, &house.owner, &headers, Some(other)).await.is(422).names("idempotency-key");
    // Beside each other, too.
    let users = ("POST", "/v1/tenants/cabinet/users");
    let user = || Some(json!({ "name": "Paul Martin", "role": "agent" }));
    let owner = first.text("secret");
    let headers = [("idempotency-key", "one")];
    let (one, other) =
        tokio::join!(house.ask(users, &owner, &headers, user()), house.ask(users, &owner, &headers, user()));
    assert_eq!(one.is(201).text("id"), other.is(201).text("id"));
    let all = house.get("/v1/tenants/cabinet/users", &owner).await.is(200);
    assert_eq!(all.body["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_is_wrong_is_named_with_what_to_do() {
    let house = House::open().await;
    let admin = house.tenant_with_admin("cabinet").await;
    house.give("cabinet", NUMBER).await;
    let owner = house.owner.clone();
    let put = ("PUT", LINE);
    let table = [
        (put, &admin, json!({ "agent": "a", "colour": 1 }), 422, "colour"),
        (put, &admin, json!({}), 422, "body"),
        (put, &admin, json!({ "agent": "../secrets" }), 422, "agent"),
        (put, &admin, json!({ "agent": "missing" }), 422, "agent"),
        (put, &admin, json!({ "agent": "a", "time-zone": "Paris" }), 422, "time-zone"),
        (put, &admin, json!({ "agent": "a", "transfer-to": ["0892"] }), 422, "transfer-to"),
        (put, &admin, json!({ "agent": "a", "fallback-number": "0199" }), 422, "fallback-number"),
        (put, &admin, json!({ "agent": "a", "fallback-number": "+33899123456" }), 422, "fallback-number"),
        (put, &admin, json!({ "agent": "a", "transfer-to": ["+33", "+33892"] }), 422, "transfer-to"),
        (("PUT", "/v1/tenants/cabinet/lines/0199"), &admin, json!({ "agent": "a" }), 422, "line"),
        (("POST", "/v1/tenants"), &owner, json!({ "id": "A", "owner": "x" }), 422, "id"),
        (("POST", "/v1/tenants"), &owner, json!({ "id": "a", "owner": " " }), 422, "owner"),
        (("POST", "/v1/tenants"), &owner, json!({ "id": "installation", "owner": "x" }), 422, "id"),
        (("POST", "/v1/tenants"), &owner, json!({ "id": "filed", "owner": "x" }), 409, "id"),
        (
            ("POST", "/v1/tenants"),
            &owner,
            json!({ "id": "a", "owner": "x", "tenant": { "quota": { "host-calls": 0 } } }),
            422,
            "host-calls",
        ),
        (
            ("POST", "/v1/tenants/installation/users"),
            &owner,
            json!({ "name": "x", "role": "agent" }),
            422,
            "role",
        ),
        (
            ("POST", "/v1/tenants/installation/keys"),
            &owner,
            json!({ "user": "0".repeat(32), "name": "x" }),
            422,
            "user",
        ),
    ];
    for (what, key, body, status, field) in table {
        let reply = house.ask(what, key, &[], Some(body.clone())).await;
        assert_eq!(reply.status, status, "{what:?} {body}: {reply:?}");
        reply.names(field);
    }
    let premium = json!({ "agent": "a", "fallback-number": "+33899123456" });
    let refused = house.ask(put, &admin, &[], Some(premium)).await.is(422);
    let remedy = refused.text("remedy");
    let who_and_where =
        "have whoever runs the installation add its prefix to `allow` of [outbound] `transfers`";
    assert!(remedy.ends_with(who_and_where), "{remedy}");
    house.ask(put, &admin, &[], None).await.is(415).names("content-type");
    house.ask(put, &admin, &[], Some(json!(["a"]))).await.is(422).names("body");
    house.get("/v1/tenants?limit=0", &owner).await.is(422).names("limit");
    house.get("/v1/tenants?colour=1", &owner).await.is(400).names("limit");
    house.get("/v1/tenants", "").await.is(401).names("authorization");
    house.get("/v1/tenants", "parloir_x").await.is(401).names("authorization");
    house.get("/v1/nothing", &owner).await.is(404);
    house.ask(("PATCH", "/v1/tenants"), &owner, &[], None).await.is(405);
    let large = json!({ "agent": "a", "language": "x".repeat(parloir_admin::MAX_BODY) });
    house.ask(put, &admin, &[], Some(large)).await.is(413).names("body");
}

#[tokio::test]
async fn a_number_is_one_tenants_and_an_operator_alone_gives_it() {
    let house = House::open().await;
    let cabinet = house.tenant_with_admin("cabinet").await;
    let other = house.tenant_with_admin("other").await;
    let operator = house.operator().await;
    let body = || Some(json!({ "agent": "a" }));
    let (own, theirs) = (NUMBERS.to_owned() + NUMBER, NUMBERS.replace("cabinet", "other") + NUMBER);
    // Nobody takes a number, whether it is another's or nobody's.
    let refused = house.ask(("PUT", LINE), &cabinet, &[], body()).await.is(409);
    assert!(refused.text("remedy").contains("parloir number give +33199005678"), "{refused:?}");
    refused.names("line");
    for key in [&cabinet, &house.owner] {
        house.ask(("PUT", &own), key, &[], None).await.is(403);
    }
    house.ask(("PUT", &own), &operator, &[], None).await.is(201);
    house.ask(("PUT", &own), &operator, &[], None).await.is(200);
    house.ask(("PUT", LINE), &cabinet, &[], body()).await.is(201);
    let others_line = LINE.replace("cabinet", "other");
    let of_another = house.ask(("PUT", &others_line), &other, &[], body()).await.is(409);
    let of_nobody = others_line.replace("5678", "5679");
    let of_nobody = house.ask(("PUT", &of_nobody), &other, &[], body()).await.is(409);
    let told = of_another.text("detail").replace("5678", "5679");
    assert_eq!(told, of_nobody.text("detail"), "whose it is, is not told");
    // It is given to one, those of the operator's file included, and taken back once no line answers it.
    house.ask(("PUT", &theirs), &operator, &[], None).await.is(409).names("line");
    let filed = "/v1/tenants/other/numbers/+33199000007";
    house.ask(("PUT", filed), &operator, &[], None).await.is(409).names("line");
    house.ask(("DELETE", &own), &operator, &[], None).await.is(409).names("line");
    house.ask(("DELETE", &theirs), &operator, &[], None).await.is(404).names("line");
    house.ask(("DELETE", LINE), &cabinet, &[], None).await.is(204);
    let listed = house.get("/v1/tenants/cabinet/numbers", &cabinet).await.is(200);
    assert_eq!(listed.body["items"][0]["id"], NUMBER, "it stays the tenant's when its line is gone");
    house.ask(("DELETE", &own), &cabinet, &[], None).await.is(403);
    house.ask(("DELETE", &own), &operator, &[], None).await.is(204);
    house.ask(("PUT", &theirs), &operator, &[], None).await.is(201);
    house.ask(("PUT", &others_line), &other, &[], body()).await.is(201);
    house.ask(("PUT", LINE), &cabinet, &[], body()).await.is(409).names("line");
    let told = house.told("cabinet").await;
    assert!(
        told.iter().any(|(what, _)| what.subject == "tenant cabinet: number +33199005678 taken back"),
        "{told:?}"
    );
}

#[tokio::test]
async fn what_is_too_large_to_be_kept_is_a_mistake_of_whoever_asked() {
    let house = House::open().await;
    let admin = house.tenant_with_admin("cabinet").await;
    house.give("cabinet", NUMBER).await;
    let body = json!({ "agent": "a", "transfer-to": vec!["+33123456789"; 400] });
    house.ask(("PUT", LINE), &admin, &[], Some(body)).await.is(422).names("body");
    house.get(LINE, &admin).await.is(404);
}

#[tokio::test]
async fn lists_go_on_where_they_left_off() {
    let house = House::open().await;
    for id in ["a", "b", "g", "h"] {
        house.tenant(id).await;
    }
    let (mut seen, mut path) = (Vec::new(), "/v1/tenants?limit=2".to_owned());
    loop {
        let page = house.get(&path, &house.owner).await.is(200);
        seen.extend(page.body["items"].as_array().unwrap().iter().map(|item| item["id"].clone()));
        match page.body["next"].as_str() {
            Some(next) => path = format!("/v1/tenants?limit=2&after={next}"),
            None => break,
        }
    }
    // With the one of the operator's file, in its place.
    assert_eq!(json!(seen), json!(["a", "b", "filed", "g", "h"]));
    let owner = house.tenant("users").await;
    for _ in 0..5 {
        house.user("users", &owner, "agent").await;
    }
    let first = house.get("/v1/tenants/users/users?limit=4", &owner).await.is(200);
    let next = first.text("next");
    let rest = house.get(&format!("/v1/tenants/users/users?limit=4&after={next}"), &owner).await.is(200);
    assert_eq!(
        (first.body["items"].as_array().unwrap().len(), rest.body["items"].as_array().unwrap().len()),
        (4, 2)
    );
    assert_eq!(rest.body["next"], Value::Null);
}

#[tokio::test]
async fn every_change_is_in_the_log_of_whose_it_is_with_who_made_it() {
    let house = House::open().await;
    let admin = house.tenant_with_admin("cabinet").await;
    house.give("cabinet", NUMBER).await;
    let me = house.get("/v1/me", &admin).await;
    let put = house.ask(("PUT", LINE), &admin, &[], Some(json!({ "agent": "front-desk" }))).await.is(201);
    let before = house.told("cabinet").await.len();
    house.ask(("PUT", LINE), &admin, &[("if-match", "\"0\"")], Some(json!({ "agent": "b" }))).await.is(412);
    house.get(LINE, &admin).await.is(200);
    let told = house.told("cabinet").await;
    assert_eq!(told.len(), before, "what was not done, and what was only looked at, is not told");
    let (line, ended) = &told[0];
    assert_eq!(
        (line.action.as_str(), line.role.as_str(), *ended),
        ("lines:write", "admin", Some(Ending::Done))
    );
    assert_eq!((line.user.clone(), line.key.clone()), (me.text("user"), me.text("key")));
    assert!(line.subject.contains("+33199005678") && line.glass.is_none(), "{line:?}");
    // The row bears the name of its record.
    let calls = house.journal.calls(&"cabinet".parse().unwrap(), None, 1).await.unwrap();
    assert_eq!(put.etag(), format!("\"{}\"", calls.calls[0].call));
    let house_told = house.told("installation").await;
    assert!(
        house_told.iter().any(|(what, _)| what.subject.starts_with("tenant cabinet: made")),
        "{house_told:?}"
    );
    // Nobody's name is in a log.
    assert!(!format!("{told:?}{house_told:?}").contains("Durand"));
}

#[tokio::test]
async fn what_cannot_be_told_in_the_log_is_not_done() {
    let house = House::open().await;
    let admin = house.tenant_with_admin("cabinet").await;
    house.give("cabinet", NUMBER).await;
    let one = house.ask(("PUT", LINE), &admin, &[], Some(json!({ "agent": "one" }))).await.is(201).etag();
    house.journal.shutdown().await;
    let headers = [("if-match", one.as_str())];
    let refused = house.ask(("PUT", LINE), &admin, &headers, Some(json!({ "agent": "two" }))).await.is(500);
    assert!(refused.body["remedy"].is_string(), "{refused:?}");
    let line = house.get(LINE, &admin).await.is(200);
    assert_eq!((line.etag(), line.body["spec"]["agent"].as_str()), (one, Some("one")));
    assert_eq!(house.site.tenant("cabinet").lines.len(), 1);
}

#[tokio::test]
async fn a_tenant_sees_the_providers_that_what_its_callers_say_goes_to() {
    let house = House::open().await;
    let owner = house.tenant("cabinet").await;
    let path = "/v1/tenants/cabinet/providers";
    let (_, supervisor) = house.user("cabinet", &owner, "supervisor").await;
    let (_, agent) = house.user("cabinet", &owner, "agent").await;
    for key in [&owner, &supervisor, &house.operator().await] {
        let all = house.get(path, key).await.is(200).body["items"].clone();
        assert_eq!((all[0]["id"].as_str(), all[1]["id"].as_str()), (Some("whisper"), Some("main-model")));
        let expected = json!({
            "role": "language-model", "kind": "openai-chat", "model": "large-1", "host": "api.example.com",
            "languages": ["fr"], "region": "EU", "legal-mechanism": "processor agreement",
            "trains-on-data": true, "retention-days": 30,
        });
        assert_eq!(all[1]["spec"], expected);
    }
    house.get(path, &agent).await.is(403).names("authorization");
    house.tenant("other").await;
    house.get("/v1/tenants/other/providers", &owner).await.is(404);
    let page = house.get(&format!("{path}?limit=1"), &owner).await.is(200);
    let rest = format!("{path}?limit=1&after={}", page.text("next"));
    let rest = house.get(&rest, &owner).await.is(200);
    assert_eq!(
        (rest.body["items"][0]["id"].as_str(), &rest.body["next"]),
        (Some("main-model"), &Value::Null)
    );
}
