//! Tenants beside each other: what is one's is nobody else's, and what is wrong with one, or takes long, holds up no other.

use std::sync::Arc;
use std::time::Duration;

use crate::api::{LINE, NUMBER};
use crate::house::House;
use parloir_contract::TenantId;
use parloir_store::{Applied, Batch, Table};
use serde_json::{Value, json};
use tokio::sync::Notify;

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
