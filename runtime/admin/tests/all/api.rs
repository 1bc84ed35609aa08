//! The API as whoever administers an installation uses it, and as whoever should not.

use std::sync::Arc;
use std::time::Duration;

use crate::house::House;
use parloir_contract::TenantId;
use parloir_journal::Ending;
use parloir_store::{Applied, Batch, Table};
use serde_json::{Value, json};
use tokio::sync::Notify;

const LINE: &str = "/v1/tenants/cabinet/lines/+33199005678";
const NUMBER: &str = "+33199005678";
const NUMBERS: &str = "/v1/tenants/cabinet/numbers/";

#[tokio::test]
async fn the_owners_key_is_told_once_and_another_replaces_one_that_was_lost() {
    let house = House::open().await;
    let me = house.get("/v1/me", &house.owner).await.is(200);
    assert_eq!((me.text("tenant"), me.text("role")), ("installation".into(), "owner".into()));
    assert_eq!(house.directory.set_up(false).await.unwrap(), None, "told once");
    let another = house.directory.set_up(true).await.unwrap().unwrap();
    assert_ne!(another, house.owner);
    assert_eq!(house.get("/v1/me", &another).await.is(200).text("user"), me.text("user"));
    let told = house.told("installation").await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().all(|(what, end)| what.role == "set-up" && *end == Some(Ending::Done)), "{told:?}");
}

#[tokio::test]
async fn no_secret_of_a_key_rests_anywhere() {
    let house = House::open().await;
    let secret = house.owner.rsplit('_').next().unwrap().to_owned();
    let house = house.again().await;
    let files = house.bytes();
    for (path, bytes) in &files {
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{}", path.display());
    }
    assert!(files.len() > 3);
}

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
async fn a_key_does_no_more_than_its_scopes_and_dies_with_its_user() {
    let house = House::open().await;
    let owner = house.tenant("cabinet").await;
    let (user, _) = house.user("cabinet", &owner, "admin").await;
    let keys = "/v1/tenants/cabinet/keys";
    let body = json!({ "user": user, "name": "reads lines", "scopes": ["lines:read"] });
    let made = house.post(keys, &owner, body).await.is(201);
    let (id, key) = (made.text("id"), made.text("secret"));
    house.get("/v1/tenants/cabinet/lines", &key).await.is(200);
    assert_eq!(house.get("/v1/me", &key).await.is(200).text("user"), user, "whose it is, it may say");
    let refused = house.ask(("PUT", LINE), &key, &[], Some(json!({ "agent": "a" }))).await.is(403);
    assert!(refused.text("remedy").contains("lines:write"), "{refused:?}");
    house.get(keys, &key).await.is(403);
    // A key that may make keys makes none that is for more than itself.
    let body = json!({ "user": user, "name": "makes keys", "scopes": ["keys:write", "lines:read"] });
    let maker = house.post(keys, &owner, body).await.is(201).text("secret");
    let more = json!({ "user": user, "name": "x", "scopes": ["lines:write"] });
    house.post(keys, &maker, more).await.is(403).names("scopes");
    house.post(keys, &maker, json!({ "user": user, "name": "x" })).await.is(403).names("scopes");
    let less = json!({ "user": user, "name": "x", "scopes": ["lines:read"] });
    house.post(keys, &maker, less).await.is(201);
    let listed = house.get(keys, &owner).await.is(200);
    assert!(!listed.body.to_string().contains("hash") && !listed.body.to_string().contains(&key));
    // A secret that differs in one digit, and a key of another tenant's under this one's name.
    let last = if key.ends_with('0') { "1" } else { "0" };
    let forged = format!("{}{last}", &key[..key.len() - 1]);
    house.get("/v1/me", &forged).await.is(401);
    house.tenant("other").await;
    house.get("/v1/me", &key.replace("_cabinet_", "_other_")).await.is(401);
    house.ask(("DELETE", &format!("{keys}/{id}")), &owner, &[], None).await.is(204);
    house.get("/v1/me", &key).await.is(401);
    let (user, key) = house.user("cabinet", &owner, "supervisor").await;
    house.get("/v1/me", &key).await.is(200);
    house.ask(("DELETE", &format!("/v1/tenants/cabinet/users/{user}")), &owner, &[], None).await.is(204);
    house.get("/v1/me", &key).await.is(401);
    assert_eq!(house.get(&format!("{keys}/{id}"), &owner).await.status, 404);
}

#[tokio::test]
async fn an_admin_makes_no_owner_and_an_owner_always_stays() {
    let house = House::open().await;
    let owner = house.tenant("cabinet").await;
    let (_, admin) = house.user("cabinet", &owner, "admin").await;
    let users = "/v1/tenants/cabinet/users";
    house.post(users, &admin, json!({ "name": "x", "role": "owner" })).await.is(403).names("role");
    let me = house.get("/v1/me", &owner).await.is(200).text("user");
    let path = format!("{users}/{me}");
    house.ask(("DELETE", &path), &admin, &[], None).await.is(403);
    let key = json!({ "user": me, "name": "x" });
    house.post("/v1/tenants/cabinet/keys", &admin, key).await.is(403).names("user");
    house.ask(("DELETE", &path), &owner, &[], None).await.is(409).names("role");
    let etag = house.get(&path, &owner).await.is(200).etag();
    let less = Some(json!({ "name": "Anne Durand", "role": "admin" }));
    house
        .ask(("PUT", &path), &owner, &[("if-match", etag.as_str())], less.clone())
        .await
        .is(409)
        .names("role");
    house.user("cabinet", &owner, "owner").await;
    house.ask(("PUT", &path), &owner, &[("if-match", etag.as_str())], less).await.is(200);
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
async fn what_is_wrong_with_one_tenant_keeps_nobody_else_from_being_answered() {
    let house = House::open().await;
    let admin = house.tenant_with_admin("cabinet").await;
    let (torn, gone) = (LINE.replace("5678", "5679"), LINE.replace("5678", "5680"));
    for number in ["+33199005678", "+33199005679", "+33199005680"] {
        house.give("cabinet", number).await;
    }
    for (path, agent) in [(LINE, "front-desk"), (torn.as_str(), "front-desk"), (gone.as_str(), "away")] {
        house.ask(("PUT", path), &admin, &[], Some(json!({ "agent": agent }))).await.is(201);
    }
    house.tenant("damaged").await;
    house.tenant("other").await;
    // A line of a version that nobody reads any more, a record that is none, and a component that is gone.
    let line = br#"{"change": "0", "at": "2026-03-14T09:26:53Z", "is": {"agent": 1}}"#;
    let torn_row = Batch::new().put(Table::Lines, "+33199005679", line.as_slice());
    assert_eq!(house.rows("cabinet").await.apply(torn_row).await.unwrap(), Applied::Done);
    let no_record = Batch::new().put(Table::Tenant, "damaged", b"torn".as_slice());
    assert_eq!(house.rows("installation").await.apply(no_record).await.unwrap(), Applied::Done);
    house.site.gone.lock().push("away.wasm".into());
    house.directory.take_in_all().await.unwrap();
    house.site.tenant("other");
    let taken: Vec<_> =
        house.site.tenant("cabinet").lines.iter().map(|line| line.number.to_string()).collect();
    assert_eq!(taken, [NUMBER]);

    // Whoever is concerned is told.
    let problems = house.get("/v1/tenants/cabinet/problems", &admin).await.is(200);
    let whats: Vec<_> =
        problems.body["items"].as_array().unwrap().iter().map(|item| item["spec"]["what"].clone()).collect();
    assert_eq!(json!(whats), json!(["line +33199005679", "line +33199005680"]));
    let page = house.get("/v1/tenants/cabinet/problems?limit=1", &admin).await.is(200);
    let rest = format!("/v1/tenants/cabinet/problems?limit=1&after={}", page.text("next"));
    assert_eq!(house.get(&rest, &admin).await.is(200).body["next"], Value::Null);
    let listed = house.get("/v1/tenants", &house.owner).await.is(200);
    let of = |id: &str| {
        let items = listed.body["items"].as_array().unwrap().iter();
        items.clone().find(|item| item["id"] == id).unwrap()["spec"].clone()
    };
    assert_eq!((of("cabinet")["problems"].clone(), of("other")["problems"].clone()), (json!(2), json!(0)));
    assert_eq!((of("damaged")["problems"].clone(), of("damaged")["tenant"].clone()), (json!(1), Value::Null));
    let granted = parloir_admin::granted(&house.rooms()).await.unwrap();
    let unknown: Vec<_> =
        granted.iter().filter(|(_, tenant)| tenant.is_none()).map(|(id, _)| id.as_str()).collect();
    assert_eq!(unknown, ["damaged"], "nobody knows how long its calls are kept");

    // And can put it right: what cannot be read is written anew, or removed, and keeps nothing else from being changed.
    let calendar = json!({ "open": { "monday": ["09:00-12:00"] } });
    house.ask(("PUT", "/v1/tenants/cabinet/calendar"), &admin, &[], Some(calendar)).await.is(201);
    house.get(&torn, &admin).await.is(409).names("line");
    let anew = Some(json!({ "agent": "front-desk" }));
    house.ask(("PUT", &torn), &admin, &[("if-none-match", "*")], anew).await.is(200);
    house.ask(("DELETE", &gone), &admin, &[], None).await.is(204);
    assert_eq!(house.get("/v1/tenants/cabinet/problems", &admin).await.is(200).body["items"], json!([]));
    // So is what the installation answers otherwise by itself.
    house.site.noisy.lock().push("cabinet".parse().unwrap());
    let problems = house.get("/v1/tenants/cabinet/problems", &admin).await.is(200);
    assert_eq!(problems.body["items"][0]["spec"]["what"], "agents");
    let etag = house.get("/v1/tenants/damaged", &house.owner).await.is(200).etag();
    let headers = [("if-match", etag.as_str())];
    house.ask(("PUT", "/v1/tenants/damaged"), &house.owner, &headers, Some(json!({}))).await.is(200);
    assert_eq!(house.site.tenant("damaged").lines.len(), 0);
}

#[tokio::test]
async fn a_change_that_takes_long_holds_up_no_other_tenants() {
    let house = House::open().await;
    house.tenant("slow").await;
    house.tenant("quick").await;
    let let_go = Arc::new(Notify::new());
    *house.site.held.lock() = Some(("slow".into(), Arc::clone(&let_go)));
    let [slow, quick] = ["slow", "quick"].map(|id| id.parse::<TenantId>().unwrap());
    let mut taking = std::pin::pin!(house.directory.take_in(&slow));
    let others = tokio::time::timeout(Duration::from_secs(30), house.directory.take_in(&quick));
    tokio::select! {
        biased;
        _ = &mut taking => panic!("nobody has let it go"),
        taken = others => taken.expect("it waits for the other").unwrap(),
    }
    let_go.notify_one();
    taking.await.unwrap();
}

#[tokio::test]
async fn at_a_start_nobody_waits_for_another_whose_agents_take_long() {
    let house = House::open().await;
    house.tenant("slow").await;
    house.tenant("quick").await;
    house.site.taken_in.lock().clear();
    let let_go = Arc::new(Notify::new());
    *house.site.loading.lock() = Some(("slow".into(), Arc::clone(&let_go)));
    let taken = |id: &str| house.site.taken_in.lock().iter().filter(|one| one.id.as_str() == id).count();
    let quick: TenantId = "quick".parse().unwrap();
    let mut all = std::pin::pin!(house.directory.take_in_all());
    let waited = async {
        while taken("quick") == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // Nor does whoever changes something of theirs.
        house.directory.take_in(&quick).await.unwrap();
    };
    tokio::select! {
        biased;
        _ = &mut all => panic!("nobody has let it go"),
        waited = tokio::time::timeout(Duration::from_secs(30), waited) => waited.expect("it waits for the other"),
    }
    assert_eq!((taken("quick"), taken("slow")), (2, 0));
    let_go.notify_one();
    all.await.unwrap();
    assert_eq!(taken("slow"), 1);
}

#[tokio::test]
async fn whoever_makes_a_tenant_comes_into_nothing_that_another_of_its_name_left() {
    let house = House::open().await;
    let left = Batch::new().put(Table::Memory, "+33639980001", b"vip".as_slice());
    assert_eq!(house.rows("gone").await.apply(left).await.unwrap(), Applied::Done);
    let body = json!({ "id": "gone", "owner": "Anne Durand" });
    house.post("/v1/tenants", &house.owner, body).await.is(409).names("id");
    // What was only begun, and holds nothing, can be done again.
    house.rows("begun").await;
    house.tenant("begun").await;
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
async fn a_tenant_of_the_operators_file_is_changed_there_until_it_is_imported() {
    let house = House::open().await;
    let record = house.get("/v1/tenants/filed", &house.owner).await.is(200);
    assert_eq!(record.body["spec"]["source"], "file");
    let import = json!({ "owner": "Anne Durand" });
    let path = "/v1/tenants/filed/import";
    // It hands out a key to what is the tenant's: only through glass that is broken, which the tenant reads.
    house.post(path, &house.owner, import.clone()).await.is(403);
    let operator = house.operator().await;
    let refused = house.post(path, &operator, import.clone()).await.is(403);
    assert!(refused.text("remedy").contains("break-glass"), "{refused:?}");
    let told = house.told("filed").await;
    let denied = |what: &str| what.starts_with("POST /v1/tenants/{tenant}/import: denied, ");
    assert!(told.len() == 2 && told.iter().all(|(what, _)| denied(&what.subject)), "{told:?}");
    assert!(house.site.brought.lock().is_empty());
    let why = json!({ "why": "it moves into the directory" });
    let glass = house.post("/v1/tenants/filed/break-glass", &operator, why).await.is(201).text("id");
    let owner = house.post(path, &operator, import.clone()).await.is(201).text("secret");
    let told = house.told("filed").await;
    let imported = told.iter().find(|(what, _)| what.action == "tenant:import").unwrap();
    assert_eq!(imported.0.glass.as_deref(), Some(glass.as_str()));
    assert!(imported.0.subject.contains("a key of its owner's"), "{imported:?}");
    let read = house.get("/v1/tenants/filed/break-glass", &owner).await.is(200);
    assert_eq!(read.body["items"][0]["spec"]["why"], "it moves into the directory");
    assert_eq!(house.site.brought.lock().len(), 1);
    let taken = house.site.tenant("filed");
    assert!(taken.calendar.is_some());
    assert_eq!(taken.lines[0].settings["cabinet.name"], "cabinet du Parc");
    assert!(taken.lines[0].agent.ends_with("filed/agents/front-desk.wasm"));
    assert_eq!((taken.connectors[0].name.as_str(), taken.lines[0].connectors.len()), ("crm", 1));
    house.post(path, &operator, import).await.is(409).names("tenant");
    let numbers = house.get("/v1/tenants/filed/numbers", &owner).await.is(200);
    assert_eq!(numbers.body["items"][0]["id"], "+33199000007");
    let (_, admin) = house.user("filed", &owner, "admin").await;
    let lines = house.get("/v1/tenants/filed/lines", &admin).await.is(200);
    assert_eq!(lines.body["items"][0]["id"], "+33199000007");
    let connectors = house.get("/v1/tenants/filed/connectors", &admin).await.is(200);
    assert_eq!(connectors.body["items"][0]["spec"]["url"], "https://crm.example.com/api/");
    let record = house.get("/v1/tenants/filed", &owner).await.is(200);
    assert_eq!(record.body["spec"]["source"], "directory");
}

#[tokio::test]
async fn what_is_granted_is_known_to_whoever_answers_no_calls() {
    let house = House::open().await;
    let tenant = json!({ "retention": { "recording": "6 months", "content": "1 year" } });
    let body = json!({ "id": "cabinet", "owner": "Anne Durand", "tenant": tenant });
    house.post("/v1/tenants", &house.owner, body).await.is(201);
    let granted = parloir_admin::granted(&house.rooms()).await.unwrap();
    let [(id, tenant)] = granted.as_slice() else { panic!("{granted:?}") };
    let content = tenant.as_ref().and_then(|tenant| tenant.retention.content);
    assert_eq!((id.as_str(), content), ("cabinet", Some("1 year".parse().unwrap())));
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
