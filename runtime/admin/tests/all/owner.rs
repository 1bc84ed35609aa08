//! What a tenant's owner and whoever runs the installation see of its use, and how a tenant is suspended.

use crate::house::House;
use jiff::{SignedDuration, Timestamp};
use parloir_admin::Lapse;
use parloir_admin::resource::MAX_KEYS;
use parloir_contract::TenantId;
use serde_json::json;

#[tokio::test]
async fn who_pays_reads_the_months_and_who_looks_after_calls_does_not() {
    let house = House::open().await;
    let owner = house.tenant("cabinet").await;
    let path = "/v1/tenants/cabinet/ledger";
    let all = house.get(path, &owner).await.is(200).body;
    assert_eq!(all["months"].as_array().unwrap().len(), 2, "{all}");
    let one = house.get(&format!("{path}?month=2026-11"), &house.operator().await).await.is(200).body;
    assert_eq!(one["months"].as_array().unwrap().len(), 1, "{one}");
    assert_eq!(one["months"][0]["month"], "2026-11", "{one}");
    assert_eq!(one["months"][0]["calls"], 3, "{one}");
    for role in ["agent", "supervisor"] {
        let (_, key) = house.user("cabinet", &owner, role).await;
        house.get(path, &key).await.is(403);
    }
    for (query, status) in [("month=2026-13", 422), ("month=november", 422), ("year=2026", 400)] {
        house.get(&format!("{path}?{query}"), &owner).await.is(status).names("month");
    }
    let other = house.tenant("other").await;
    house.get(path, &other).await.is(404).names("tenant");
}

#[tokio::test]
async fn what_is_used_stands_beside_the_quota_and_changes_no_tag_of_it() {
    let house = House::open().await;
    let owner = house.tenant("cabinet").await;
    let (record, usage) = ("/v1/tenants/cabinet", "/v1/tenants/cabinet/usage");
    let before = house.get(record, &owner).await.is(200).etag();
    for used in 0..2 {
        let reply = house.get(usage, &owner).await.is(200);
        assert_eq!(reply.body["model-tokens-a-month"], used, "{reply:?}");
        assert_eq!(reply.body["month"], "2026-11");
        assert!(reply.headers.get("etag").is_none(), "{reply:?}");
    }
    assert_eq!(house.get(record, &owner).await.is(200).etag(), before);
    let (_, supervisor) = house.user("cabinet", &owner, "supervisor").await;
    house.get(usage, &supervisor).await.is(403);
    house.get("/v1/tenants/filed/usage", &house.owner).await.is(200);
    house.get("/v1/tenants/installation/usage", &house.owner).await.is(403);
    house.get("/v1/tenants/installation/ledger", &house.owner).await.is(403);
}

/// What was done to what, in a log.
async fn subjects(house: &House, of: &str) -> Vec<String> {
    house.told(of).await.into_iter().map(|(what, _)| what.subject).collect()
}

#[tokio::test]
async fn what_whoever_runs_the_house_changes_of_a_tenant_is_in_its_own_log_too_from_what_to_what() {
    let house = House::open().await;
    let owner = house.tenant("cabinet").await;
    let record = "/v1/tenants/cabinet";
    let etag = house.get(record, &house.owner).await.is(200).etag();
    let body = json!({ "quota": { "concurrent-calls": 7 } });
    house.ask(("PUT", record), &house.owner, &[("if-match", &*etag)], Some(body)).await.is(200);
    let operator = house.operator().await;
    let why = json!({ "why": "the line does not answer", "minutes": 30 });
    house.post("/v1/tenants/cabinet/break-glass", &operator, why).await.is(201);
    // What is done through it is the tenant's to read, and no other operator's.
    house.get("/v1/tenants/cabinet/lines", &operator).await.is(200);
    let above = subjects(&house, "installation").await;
    let theirs = subjects(&house, "cabinet").await;
    let changed = "tenant cabinet: quota concurrent-calls from 100 to 7";
    for told in [&above, &theirs] {
        assert!(told.iter().any(|subject| subject == changed), "{told:?}");
        let broken = |subject: &String| subject.starts_with("tenant cabinet: break-glass ");
        assert!(told.iter().any(broken), "{told:?}");
    }
    assert!(!above.iter().any(|subject| subject.contains("/lines")), "{above:?}");
    // What a tenant's own people do is in its log alone.
    house.user("cabinet", &owner, "admin").await;
    assert_eq!(house.told("installation").await.len(), above.len());
}

#[tokio::test]
async fn who_runs_the_house_and_names_no_tenant_is_told_to_name_one() {
    let house = House::open().await;
    house.tenant("cabinet").await;
    let operator = house.operator().await;
    for what in ["numbers", "teams", "contacts", "problems", "retention", "usage", "ledger", "break-glass"] {
        for key in [&house.owner, &operator] {
            let refused = house.get(&format!("/v1/tenants/installation/{what}"), key).await.is(403);
            refused.names("tenant");
            let (detail, remedy) = (refused.text("detail"), refused.text("remedy"));
            assert!(detail.ends_with("is of a tenant, and none is named"), "{what}: {refused:?}");
            assert!(remedy.starts_with("name the tenant that is meant: --tenant TENANT"), "{what}: {remedy}");
        }
    }
    let record = house.get("/v1/tenants/installation", &house.owner).await.is(403);
    assert!(record.text("remedy").contains("--tenant"), "{record:?}");
    // What the installation has itself is there without a tenant.
    house.get("/v1/tenants/installation/users", &house.owner).await.is(200);
    house.get("/v1/tenants/installation/providers", &operator).await.is(200);
}

#[tokio::test]
async fn a_suspended_tenant_has_no_calls_answered_and_no_key_taken_until_an_operator_resumes_it() {
    let house = House::open().await;
    let (owner, operator) = (house.tenant("cabinet").await, house.operator().await);
    let other = house.tenant("other").await;
    let (record, path) = ("/v1/tenants/cabinet", "/v1/tenants/cabinet/suspension");
    let before = house.get(record, &operator).await.is(200);
    assert_eq!(before.body["spec"]["suspended"], json!(null));
    house.get(path, &operator).await.is(404);

    let put = |key: String, headers: Vec<(&'static str, String)>, why: &'static str| {
        let house = &house;
        async move {
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            house.ask(("PUT", path), &key, &headers, Some(json!({ "why": why }))).await
        }
    };
    put(owner.clone(), Vec::new(), "me").await.is(403);
    put(house.owner.clone(), Vec::new(), "the owner of the house runs no shift").await.is(403);
    put(operator.clone(), Vec::new(), "").await.is(422).names("why");
    let done = put(operator.clone(), Vec::new(), "the bill of October is not paid").await.is(201);
    assert_eq!(house.site.suspended.lock().iter().map(|id| id.as_str()).collect::<Vec<_>>(), ["cabinet"]);

    // Its people are told why and by whom it is lifted, another's are not concerned, and whoever runs the installation works on.
    for asked in [record, "/v1/me"] {
        let refused = house.get(asked, &owner).await.is(403);
        assert_eq!(refused.body["type"], "urn:parloir:problem:suspended", "{refused:?}");
        assert!(refused.text("detail").ends_with("the bill of October is not paid"), "{refused:?}");
        assert!(refused.text("remedy").contains("parloir tenant resume cabinet"), "{refused:?}");
    }
    house.get("/v1/me", &other).await.is(200);
    let suspended = house.get(record, &operator).await.is(200);
    assert_eq!(suspended.body["spec"]["suspended"]["why"], "the bill of October is not paid");
    assert_ne!(suspended.etag(), before.etag(), "whoever has the record from before has another");
    let listed = house.get("/v1/tenants", &operator).await.is(200).body;
    assert_eq!(listed["items"][0]["spec"]["suspended"]["why"], "the bill of October is not paid");
    // Its record is changed as before, by the tag that it has now.
    let quota = json!({ "quota": { "concurrent-calls": 3 } });
    let tag = suspended.etag();
    house
        .ask(("PUT", record), &operator, &[("if-match", before.etag().as_str())], Some(quota.clone()))
        .await
        .is(412);
    let changed =
        house.ask(("PUT", record), &operator, &[("if-match", tag.as_str())], Some(quota)).await.is(200);
    assert_eq!(changed.body["spec"]["suspended"]["why"], "the bill of October is not paid");

    // Another reason replaces the first one where that is named, and not when it began.
    put(operator.clone(), Vec::new(), "nor that of November").await.is(428);
    let named = vec![("if-match", done.etag())];
    let again = put(operator.clone(), named, "nor that of November").await.is(200);
    assert_eq!(again.body["spec"]["since"], done.body["spec"]["since"]);

    // The log of the tenant says who did it, and what was refused since without the reason.
    let told = house.told("cabinet").await;
    let suspending = told.iter().find(|(what, _)| what.action == "tenant:suspend").unwrap();
    assert_eq!(suspending.0.subject, "tenant cabinet: suspended");
    assert!(told.iter().any(|(what, _)| what.subject.contains("denied, cabinet is suspended")), "{told:?}");
    assert!(told.iter().all(|(what, _)| !what.subject.contains("October")), "{told:?}");

    // It outlasts a restart.
    let house = house.again().await;
    house.directory.take_in_all().await.unwrap();
    assert_eq!(house.site.suspended.lock().len(), 1);
    house.get("/v1/me", &owner).await.is(403);
    house.ask(("DELETE", path), &owner, &[], None).await.is(403);
    house.ask(("DELETE", path), &operator, &[], None).await.is(204);
    assert!(house.site.suspended.lock().is_empty());
    house.get("/v1/me", &owner).await.is(200);
    house.ask(("DELETE", path), &operator, &[], None).await.is(404);
}

#[tokio::test]
async fn a_tenant_of_the_operators_file_is_suspended_too() {
    let house = House::open().await;
    let (operator, path) = (house.operator().await, "/v1/tenants/filed/suspension");
    house.ask(("PUT", path), &operator, &[], Some(json!({ "why": "it rings without end" }))).await.is(201);
    let record = house.get("/v1/tenants/filed", &operator).await.is(200).body;
    assert_eq!(record["spec"]["suspended"]["why"], "it rings without end");
    assert_eq!(house.site.suspended.lock().len(), 1);
}

#[tokio::test]
async fn owners_whose_keys_lapse_are_told_of_and_another_key_is_made_on_the_machine_and_told_in_the_log() {
    let house = House::open().await;
    let lapsed = house.tenant("cabinet").await;
    assert!(house.directory.lapsing(false).await.unwrap().is_empty(), "first keys last a year");

    let me = house.get("/v1/me", &lapsed).await.is(200);
    let soon = Timestamp::now().checked_add(SignedDuration::from_hours(10 * 24)).unwrap();
    let next = json!({ "user": me.text("user"), "name": "next", "expires": soon });
    let next = house.post("/v1/tenants/cabinet/keys", &lapsed, next).await.is(201).text("secret");
    let first = format!("/v1/tenants/cabinet/keys/{}", me.text("key"));
    house.ask(("DELETE", &first), &next, &[], None).await.is(204);
    let cabinet: TenantId = "cabinet".parse().unwrap();
    let told = house.directory.lapsing(false).await.unwrap();
    assert_eq!(told, [Lapse { realm: cabinet.clone(), at: soon }]);

    let another = house.directory.new_owner_key(&cabinet).await.unwrap().unwrap();
    let me_again = house.get("/v1/me", &another).await.is(200);
    assert_eq!(
        (me_again.text("tenant"), me_again.text("role"), me_again.text("user")),
        ("cabinet".into(), "owner".into(), me.text("user"))
    );
    assert!(house.directory.lapsing(false).await.unwrap().is_empty());
    let told = house.told("cabinet").await;
    let made = told.iter().find(|(what, _)| what.role == "set-up").unwrap();
    assert_eq!(made.0.subject, format!("another key of owner {}", me.text("user")));

    let nobody = "nobody".parse().unwrap();
    assert_eq!(house.directory.new_owner_key(&nobody).await.unwrap(), None);
    let house_key = house.directory.new_owner_key(&"installation".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(house.get("/v1/me", &house_key).await.is(200).text("role"), "owner");
}

#[tokio::test]
async fn another_key_of_an_owner_who_has_as_many_as_there_may_be_is_in_place_of_the_one_that_lapses_first() {
    let house = House::open().await;
    let first = house.tenant("cabinet").await;
    let cabinet: TenantId = "cabinet".parse().unwrap();
    let keys = async |key: &str| {
        let listed = house.get("/v1/tenants/cabinet/keys?limit=200", key).await.is(200);
        listed.body["items"].as_array().unwrap().len()
    };
    let mut newest = first.clone();
    for _ in 1..MAX_KEYS {
        newest = house.directory.new_owner_key(&cabinet).await.unwrap().unwrap();
    }
    assert_eq!(keys(&first).await, MAX_KEYS);
    let another = house.directory.new_owner_key(&cabinet).await.unwrap().unwrap();
    assert_eq!(keys(&another).await, MAX_KEYS);
    house.get("/v1/me", &first).await.is(401);
    house.get("/v1/me", &newest).await.is(200);
    let told = house.told("cabinet").await;
    assert!(told[0].0.subject.ends_with(", in place of 1 that lapse first"), "{told:?}");
}
