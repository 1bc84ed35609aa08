//! What a tenant's owner and whoever runs the installation see of its use, and how a tenant is suspended.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod house;

use house::House;

#[tokio::test]
async fn who_pays_reads_the_months_and_who_looks_after_calls_does_not() {
    let house = House::open().await;
    let owner = house.tenant("cabinet").await;
    let path = "/v1/tenants/cabinet/ledger";
    let all = house.get(path, &owner).await.is(200).body;
    assert_eq!(all["months"].as_array().unwrap().len(), 2, "{all}");
    let one = house.get(&format!("{path}?month=2026-11"), &house.operator().await).await.is(200).body;
    assert_eq!(one["months"].as_array().unwrap().len(), 1, "{one}");
    assert_eq!((&one["months"][0]["month"], &one["months"][0]["calls"]), (&"2026-11".into(), &3.into()));
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
    house.get("/v1/tenants/installation/usage", &house.owner).await.is(404);
}
