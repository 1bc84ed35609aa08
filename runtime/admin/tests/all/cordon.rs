//! Whether a tenant's agents answer in a process of their own: an operator says so, whoever answers calls hears of it, and a start
//! does not forget it.

use crate::house::House;
use parloir_admin::resource::CordonPolicy;
use parloir_contract::TenantId;
use parloir_store::{Batch, Table};
use serde_json::json;

const CORDON: &str = "/v1/tenants/cabinet/cordon";

#[tokio::test]
async fn an_operator_moves_a_tenants_agents_and_leaves_them_to_the_file_again() {
    let house = House::open().await;
    let owner = house.tenant("cabinet").await;
    let operator = house.operator().await;
    let cabinet: TenantId = "cabinet".parse().unwrap();
    let read = house.get(CORDON, &owner).await.is(200);
    assert_eq!(read.body["spec"], json!({ "policy": "never", "source": "file" }));
    let always = || Some(json!({ "policy": "always" }));
    for key in [&owner, &house.owner] {
        house.ask(("PUT", CORDON), key, &[], always()).await.is(403);
    }
    let wrong = Some(json!({ "policy": "sometimes" }));
    house.ask(("PUT", CORDON), &operator, &[], wrong).await.is(422).names("policy");
    let put = house.ask(("PUT", CORDON), &operator, &[], always()).await.is(201);
    assert_eq!(put.body["spec"], json!({ "policy": "always", "source": "directory" }));
    house.ask(("PUT", CORDON), &operator, &[], always()).await.is(428).names("if-match");
    assert_eq!(house.site.cordons.lock().get(&cabinet), Some(&CordonPolicy::Always));
    for whose in ["cabinet", "installation"] {
        let told = house.told(whose).await;
        let from_to = "tenant cabinet: cordon from never to always";
        assert!(told.iter().any(|(what, _)| what.subject == from_to), "{whose}: {told:?}");
    }

    // Whoever answers calls is told again at a start.
    house.site.cordons.lock().clear();
    house.directory.take_in_all().await.unwrap();
    assert_eq!(house.site.cordons.lock().get(&cabinet), Some(&CordonPolicy::Always));

    let etag = house.get(CORDON, &owner).await.is(200).etag();
    let noisy = Some(json!({ "policy": "when-noisy" }));
    house.ask(("PUT", CORDON), &operator, &[("if-match", &*etag)], noisy).await.is(200);
    house.ask(("DELETE", CORDON), &operator, &[("if-match", &*etag)], None).await.is(412);
    house.ask(("DELETE", CORDON), &operator, &[], None).await.is(204);
    assert_eq!(house.site.cordons.lock().get(&cabinet), None);
    house.ask(("DELETE", CORDON), &operator, &[], None).await.is(404);

    // Whose row is torn stays apart, is told so, and can be written anew.
    let torn = Batch::new().put(Table::Settings, "cordon/cabinet", "torn");
    house.rows("installation").await.apply(torn).await.unwrap();
    house.directory.take_in_all().await.unwrap();
    assert_eq!(house.site.cordons.lock().get(&cabinet), Some(&CordonPolicy::Always));
    let read = house.get(CORDON, &operator).await.is(200);
    assert_eq!(read.body["spec"], json!({ "policy": "always", "source": "directory" }));
    let never = Some(json!({ "policy": "never" }));
    house.ask(("PUT", CORDON), &operator, &[("if-none-match", "*")], never).await.is(200);
    assert_eq!(house.site.cordons.lock().get(&cabinet), Some(&CordonPolicy::Never));
}
