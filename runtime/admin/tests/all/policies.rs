//! What a tenant's admin says of how its calls are kept, within what the installation says.

use crate::house::House;
use parloir_store::{Batch, Table};
use serde_json::{Value, json};

const CABINET: &str = "/v1/tenants/cabinet";
const RETENTION: &str = "/v1/tenants/cabinet/retention";

/// A tenant whose calls are kept for so long at most, and its admin's key.
async fn bounded(house: &House, retention: Value) -> String {
    let tenant = json!({ "retention": retention });
    let body = json!({ "id": "cabinet", "owner": "Anne Durand", "tenant": tenant });
    let owner = house.post("/v1/tenants", &house.owner, body).await.is(201).text("secret");
    house.user("cabinet", &owner, "admin").await.1
}

/// How long what is said in calls is kept, as whoever answers them was told last, and as whoever sweeps reads it.
async fn content(house: &House) -> [Option<String>; 2] {
    let granted = parloir_admin::granted(&house.rooms()).await.unwrap();
    let swept = granted.into_iter().find(|(id, _)| id.as_str() == "cabinet").unwrap().1.unwrap();
    let answered = house.site.tenant("cabinet").retention.content;
    [answered, swept.retention.content].map(|period| period.map(|period| period.to_string()))
}

#[tokio::test]
async fn an_admin_has_calls_kept_shorter_and_never_longer_than_the_operator_says() {
    let house = House::open().await;
    let most = json!({ "recording": "6 months", "content": "1 year", "trace": "5 years" });
    let admin = bounded(&house, most.clone()).await;
    let read = house.get(RETENTION, &admin).await.is(200);
    assert_eq!(read.body["spec"]["most"], most);
    assert_eq!(read.body["spec"]["own"], json!({ "recording": null, "content": null, "trace": null }));
    assert_eq!(read.body["spec"]["kept"]["content"], json!({ "period": "1 year", "said-by": "operator" }));

    let own = json!({ "recording": "1 month", "content": "3 months" });
    house.ask(("PUT", RETENTION), &admin, &[], Some(own.clone())).await.is(428).names("if-match");
    let etag = read.etag();
    let put = house
        .ask(("PUT", RETENTION), &admin, &[("if-match", etag.as_str())], Some(own.clone()))
        .await
        .is(200);
    assert_eq!(put.body["spec"]["kept"]["content"], json!({ "period": "3 months", "said-by": "tenant" }));
    assert_eq!(put.body["spec"]["kept"]["trace"], json!({ "period": "5 years", "said-by": "operator" }));
    house.ask(("PUT", RETENTION), &admin, &[("if-match", etag.as_str())], Some(own)).await.is(412);
    assert_eq!(content(&house).await, [Some("3 months".into()), Some("3 months".into())]);
    let etag = put.etag();
    house.ask(("GET", RETENTION), &admin, &[("if-none-match", etag.as_str())], None).await.is(304);

    let longer = json!({ "content": "2 years" });
    let refused =
        house.ask(("PUT", RETENTION), &admin, &[("if-match", etag.as_str())], Some(longer)).await.is(422);
    let (detail, remedy) = (refused.text("detail"), refused.text("remedy"));
    assert!(detail.contains("1 year at most") && remedy.contains("operator"), "{refused:?}");
    assert_eq!(refused.text("field"), "content");
    let told = house.told("cabinet").await;
    let change = told.iter().find(|(what, _)| what.action == "retention:write").unwrap();
    assert!(change.0.subject.contains("content 3 months"), "{change:?}");

    // It stays so where the program is started again, and the operator's word holds where it is shorter since.
    let house = house.again().await;
    house.directory.take_in_all().await.unwrap();
    assert_eq!(content(&house).await, [Some("3 months".into()), Some("3 months".into())]);
    let record = house.get(CABINET, &house.owner).await.is(200).etag();
    let less = json!({ "retention": { "recording": "20 days", "content": "20 days" } });
    house.ask(("PUT", CABINET), &house.owner, &[("if-match", record.as_str())], Some(less)).await.is(200);
    assert_eq!(content(&house).await, [Some("20 days".into()), Some("20 days".into())]);
    // What was read before says another bound.
    let own = json!({ "content": "10 days", "recording": "10 days" });
    house.ask(("PUT", RETENTION), &admin, &[("if-match", etag.as_str())], Some(own)).await.is(412);
    let read = house.get(RETENTION, &admin).await.is(200);
    assert_eq!(read.body["spec"]["kept"]["content"], json!({ "period": "20 days", "said-by": "operator" }));
    // And all as the operator says again.
    let etag = read.etag();
    house.ask(("PUT", RETENTION), &admin, &[("if-match", etag.as_str())], Some(json!({}))).await.is(200);
    assert_eq!(content(&house).await, [Some("20 days".into()), Some("20 days".into())]);
}

#[tokio::test]
async fn nobody_but_an_admin_of_the_tenant_shortens_its_clocks_and_a_filed_tenant_is_changed_in_its_file() {
    let house = House::open().await;
    let owner = house.tenant("cabinet").await;
    let (_, supervisor) = house.user("cabinet", &owner, "supervisor").await;
    let operator = house.operator().await;
    let glass = json!({ "why": "the line does not answer", "minutes": 30 });
    house.post("/v1/tenants/cabinet/break-glass", &operator, glass).await.is(201);
    for key in [&owner, &supervisor, &operator, &house.owner] {
        house.ask(("PUT", RETENTION), key, &[], Some(json!({}))).await.is(403);
    }
    house.get(RETENTION, &owner).await.is(200);
    let filed = house.get("/v1/tenants/filed/retention", &operator).await.is(200);
    assert_eq!(filed.body["spec"]["source"], "file");
}

#[tokio::test]
async fn where_a_tenants_own_word_cannot_be_read_nothing_goes_sooner_than_the_operator_says() {
    let house = House::open().await;
    let admin = bounded(&house, json!({ "recording": "1 year", "content": "1 year" })).await;
    let torn = Batch::new().put(Table::Settings, "retention", "torn");
    house.rows("cabinet").await.apply(torn).await.unwrap();
    house.directory.take_in_all().await.unwrap();
    assert_eq!(content(&house).await, [Some("1 year".into()), Some("1 year".into())]);
    let problems = house.get("/v1/tenants/cabinet/problems", &admin).await.is(200);
    assert_eq!(problems.body["items"][0]["spec"]["what"], "retention");
    let etag = house.get(RETENTION, &admin).await.is(200).etag();
    let own = json!({ "recording": "1 day", "content": "1 day" });
    house.ask(("PUT", RETENTION), &admin, &[("if-match", etag.as_str())], Some(own)).await.is(200);
    assert_eq!(content(&house).await, [Some("1 day".into()), Some("1 day".into())]);
    let problems = house.get("/v1/tenants/cabinet/problems", &admin).await.is(200);
    assert_eq!(problems.body["items"], json!([]));
}
