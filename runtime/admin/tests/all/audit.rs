//! The audit log: who is told who did what.

use crate::house::House;
use jiff::Timestamp;
use serde_json::{Value, json};

const AUDIT: &str = "/v1/tenants/cabinet/audit";

fn items(page: &Value) -> Vec<Value> {
    page["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn who_did_what_is_told_to_admins_and_owners_page_by_page_without_a_secret() {
    let house = House::open().await;
    let owner = house.tenant("cabinet").await;
    let (user, admin) = house.user("cabinet", &owner, "admin").await;
    house.give("cabinet", "+33199005678").await;
    let line = ("PUT", "/v1/tenants/cabinet/lines/+33199005678");
    house.ask(line, &admin, &[], Some(json!({ "agent": "front-desk" }))).await.is(201);
    let secret = ("PUT", "/v1/tenants/cabinet/secrets/crm-token");
    house.ask(secret, &admin, &[], Some(json!({ "value": "nobody reads this" }))).await.is(201);
    house.get("/v1/tenants/cabinet/calls", &owner).await.is(403);

    let all = house.get(&format!("{AUDIT}?limit=200"), &admin).await.is(200).body;
    assert!(all["next"].is_null() && !all.to_string().contains("nobody reads this"), "{all}");
    let told = items(&all);
    let of = |at: usize, field: &str| told[at]["spec"][field].as_str().unwrap().to_owned();
    assert_eq!([of(0, "action"), of(0, "outcome")], ["calls:read", "not-done"].map(str::to_owned));
    assert_eq!([of(1, "action"), of(1, "outcome")], ["secrets:write", "done"].map(str::to_owned));
    assert_eq!([of(1, "user"), of(1, "role")], [user, "admin".to_owned()]);
    assert_eq!(of(1, "name"), "the admin");
    assert!(of(2, "subject").contains("+33199005678") && of(2, "action") == "lines:write", "{all}");
    let times: Vec<Timestamp> =
        told.iter().map(|item| item["changed"].as_str().unwrap().parse().unwrap()).collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older), "{times:?}");

    // Reading it leaves no record, and pages are those of the whole.
    let (mut paged, mut after) = (Vec::new(), String::new());
    loop {
        let page = house.get(&format!("{AUDIT}?limit=2{after}"), &owner).await.is(200).body;
        paged.extend(items(&page));
        match page["next"].as_str() {
            Some(next) => {
                let last = items(&page).pop().unwrap()["id"].as_str().unwrap().to_owned();
                assert!(!next.contains(&last) && next.bytes().all(|byte| byte.is_ascii_hexdigit()), "{next}");
                after = format!("&after={next}");
            }
            None => break,
        }
    }
    assert_eq!(paged, told);
    // Nobody makes a place of their own, of a time and a record, nor takes another tenant's.
    let first = items(&all).pop().unwrap();
    let began = first["changed"].as_str().unwrap().parse::<Timestamp>().unwrap().as_nanosecond();
    let made = format!("{began}-{}", first["id"].as_str().unwrap());
    for after in ["nowhere", made.as_str()] {
        house.get(&format!("{AUDIT}?after={after}"), &admin).await.is(422).names("after");
    }
    let other = house.tenant("other").await;
    let theirs = AUDIT.replace("cabinet", "other");
    let next = house.get(&format!("{AUDIT}?limit=1"), &owner).await.is(200).text("next");
    house.get(&format!("{theirs}?after={next}"), &other).await.is(422).names("after");
}

#[tokio::test]
async fn an_operator_is_told_of_the_installation_and_of_no_tenant_also_through_broken_glass() {
    let house = House::open().await;
    let owner = house.tenant("cabinet").await;
    let other = house.tenant("other").await;
    let (_, supervisor) = house.user("cabinet", &owner, "supervisor").await;
    let (operator, key) = house.user("installation", &house.owner, "operator").await;
    let why = json!({ "why": "the line does not answer", "minutes": 30 });
    house.post("/v1/tenants/cabinet/break-glass", &key, why).await.is(201);
    for key in [&key, &supervisor, &house.owner] {
        house.get(AUDIT, key).await.is(403);
    }
    house.get(AUDIT, &other).await.is(404).names("tenant");
    let own = house.get("/v1/tenants/installation/audit", &key).await.is(200);
    assert!(items(&own.body).iter().any(|item| item["spec"]["action"] == "users:write"), "{own:?}");
    house.get("/v1/tenants/installation/audit", &owner).await.is(403);
    let theirs = items(&house.get(AUDIT, &owner).await.is(200).body);
    let broken = theirs.iter().find(|item| item["spec"]["action"] == "break-glass:write").unwrap();
    assert_eq!(broken["spec"]["user"], operator.as_str());
    assert_eq!(broken["spec"]["why"], "the line does not answer");
    // What somebody of the installation is called is told to those who may read who is there, and to themselves.
    assert!(broken["spec"].get("name").is_none(), "{broken}");
    let (_, another) = house.user("installation", &house.owner, "operator").await;
    for (reader, name) in [(&key, true), (&house.owner, true), (&another, false), (&owner, false)] {
        let glass = house.get("/v1/tenants/cabinet/break-glass", reader).await.is(200).body;
        let spec = &glass["items"][0]["spec"];
        assert_eq!(spec["user"], operator.as_str());
        assert_eq!(spec.get("name").is_some_and(|told| told == "the operator"), name, "{spec}");
    }
}
