//! A tenant leaves: when it may, what goes with it, what stays, and what is ended that was cut off.

use crate::calls::state;
use crate::house::House;
use parloir_admin::tidy;
use parloir_contract::CallId;
use parloir_store::{Batch, Table};
use serde_json::json;

const CABINET: &str = "/v1/tenants/cabinet";
const NUMBER: &str = "+33199005678";

/// How many rows a tenant has, but for the index of its log.
async fn rows(house: &House) -> usize {
    let (store, mut count) = (house.rows("cabinet").await, 0);
    for table in Table::ALL.into_iter().filter(|table| !table.is_index()) {
        count += store.scan(table, "", None, 1_000).await.unwrap().entries.len();
    }
    count
}

#[tokio::test]
async fn a_tenant_leaves_when_nobody_answers_for_it_and_nothing_that_was_said_is_left() {
    let house = House::open().await;
    let owner = house.tenant("cabinet").await;
    house.tenant("other").await;
    let (_, admin) = house.user("cabinet", &owner, "admin").await;
    let operator = house.operator().await;
    house.give("cabinet", NUMBER).await;
    let line = format!("{CABINET}/lines/{NUMBER}");
    house.ask(("PUT", &line), &admin, &[], Some(json!({ "agent": "front-desk" }))).await.is(201);
    let secret = format!("{CABINET}/secrets/crm-token");
    house.ask(("PUT", &secret), &admin, &[], Some(json!({ "value": "nobody reads this" }))).await.is(201);
    let text = [("content-type", "text/plain")];
    house.put_bytes(&format!("{CABINET}/documents/hours.txt"), &admin, &text, b"9 to 12").await.is(201);
    let wav = [("content-type", "audio/wav")];
    house.put_bytes(&format!("{CABINET}/sounds/hello.wav"), &admin, &wav, b"RIFF and more").await.is(201);
    for key in [&admin, &owner, &house.owner] {
        house.ask(("DELETE", CABINET), key, &[], None).await.is(403);
    }
    let refused = house.ask(("DELETE", CABINET), &operator, &[], None).await.is(409);
    assert!(refused.text("remedy").contains("parloir line remove"), "{refused:?}");
    house.ask(("DELETE", &line), &admin, &[], None).await.is(204);

    let call = ("cabinet".parse().unwrap(), CallId::from_bytes([1; 16]), state(&[], false));
    house.site.calls.kept.lock().push(call);
    let refused = house.ask(("DELETE", CABINET), &operator, &[], None).await.is(409);
    assert!(refused.text("detail").contains("lasts"), "{refused:?}");
    house.site.calls.kept.lock()[0].2.ended = Some("2026-03-14T09:27:53Z".parse().unwrap());
    let refused = house.ask(("DELETE", CABINET), &operator, &[], None).await.is(409);
    assert!(refused.text("remedy").contains("parloir erase --tenant cabinet"), "{refused:?}");
    house.site.calls.kept.lock()[0].2.held = true;
    let refused = house.ask(("DELETE", CABINET), &operator, &[], None).await.is(409);
    assert!(refused.text("remedy").contains("--release"), "{refused:?}");
    house.site.calls.kept.lock()[0].2.erased = vec!["content".into(), "recording".into()];
    // Whatever is left of it.
    let refused = house.ask(("DELETE", CABINET), &operator, &[], None).await.is(409);
    assert!(refused.text("remedy").contains("--release"), "{refused:?}");
    house.site.calls.kept.lock()[0].2.held = false;
    // And what was put right of it.
    for (is_held, remedy) in [(true, "--release"), (false, "parloir erase --tenant cabinet")] {
        *house.site.calls.amended.lock() = Some((CallId::from_bytes([2; 16]), is_held));
        let refused = house.ask(("DELETE", CABINET), &operator, &[], None).await.is(409);
        assert!(refused.text("remedy").contains(remedy), "{refused:?}");
    }
    *house.site.calls.amended.lock() = None;

    assert!(rows(&house).await > 3);
    house.ask(("DELETE", CABINET), &operator, &[], None).await.is(204);
    assert_eq!(rows(&house).await, 0);
    house.get("/v1/me", &owner).await.is(401);
    house.get(CABINET, &operator).await.is(404).names("tenant");
    house.ask(("DELETE", CABINET), &operator, &[], None).await.is(404);
    // Its number is anybody's, its name nobody's, and what was done is in its log.
    house.give("other", NUMBER).await;
    let again = json!({ "id": "cabinet", "owner": "Luc Petit" });
    house.post("/v1/tenants", &house.owner, again).await.is(409).names("id");
    let told = house.told("cabinet").await;
    assert!(told.iter().any(|(what, _)| what.subject == "tenant cabinet: removed"), "{told:?}");
    // And in the installation's, where whoever runs it reads what was done to one that is gone.
    let audit = house.get("/v1/tenants/installation/audit", &operator).await.is(200);
    let items = audit.body["items"].as_array().unwrap();
    for subject in ["tenant cabinet: removed", "tenant cabinet: number +33199005678 given"] {
        let item = items.iter().find(|item| item["spec"]["subject"] == subject);
        let item = item.unwrap_or_else(|| panic!("{subject} in {audit:?}"));
        assert_eq!((&item["spec"]["outcome"], &item["spec"]["role"]), (&json!("done"), &json!("operator")));
    }
}

#[tokio::test]
async fn what_was_cut_off_when_a_tenant_left_is_ended_later() {
    let house = House::open().await;
    house.tenant("cabinet").await;
    let operator = house.operator().await;
    house.ask(("DELETE", CABINET), &operator, &[], None).await.is(204);
    // As if it had not come so far, or somebody had still been writing.
    let stray = Batch::new().put(Table::Users, "user/1", "somebody").put(Table::Settings, "calendar", "{}");
    house.rows("cabinet").await.apply(stray).await.unwrap();
    let held = Batch::new().put(Table::Lines, NUMBER, "cabinet");
    house.rows("installation").await.apply(held).await.unwrap();
    let house = house.again().await;
    tidy(&house.directory).await.unwrap();
    assert_eq!(rows(&house).await, 0);
    house.tenant("other").await;
    house.give("other", NUMBER).await;
}
