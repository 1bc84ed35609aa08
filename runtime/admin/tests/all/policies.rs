//! What a tenant's admin says of how its calls are kept, within what the installation says.

use std::fmt::{Debug, Write};
use std::sync::Arc;

use crate::house::House;
use parking_lot::Mutex;
use parloir_store::{Batch, Table};
use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use axum::body::Body;
use axum::http::Request;
use parloir_journal::Ending;
use tokio::sync::Notify;
use tower::ServiceExt;

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

const WEBHOOKS: &str = "/v1/tenants/cabinet/webhooks";
const WEBHOOK: &str = "/v1/tenants/cabinet/webhooks/crm";
const SIGNING: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn webhook() -> Value {
    json!({ "url": "https://hooks.example.com/calls?key=theirs", "events": ["call.ended"] })
}

#[tokio::test]
async fn a_webhook_is_told_by_a_secret_that_is_shown_once_and_the_one_before_signs_for_a_day_more() {
    let house = House::open().await;
    let admin = house.tenant_with_admin("cabinet").await;
    let made = house.ask(("PUT", WEBHOOK), &admin, &[], Some(webhook())).await.is(201);
    assert_eq!(made.body["spec"]["signed-by"], "nothing");
    let problems = house.get("/v1/tenants/cabinet/problems", &admin).await.is(200);
    let problem = problems.body["items"][0]["spec"]["problem"].as_str().unwrap().to_owned();
    assert!(problem.contains("parloir webhook secret crm"), "{problem}");
    assert!(house.site.receiver("cabinet", "crm").unwrap().secrets.is_empty());

    let secret = format!("{WEBHOOK}/secret");
    let once = [("idempotency-key", "first")];
    let first = house.ask(("POST", &secret), &admin, &once, None).await.is(201).text("secret");
    assert!(first.starts_with("whsec_"), "{first}");
    let again = house.ask(("POST", &secret), &admin, &once, None).await.is(201);
    assert_eq!(again.body["secret"], Value::Null, "it is told once");
    let second = house.ask(("POST", &secret), &admin, &[], None).await.is(201);
    assert!(second.body["previous-until"].is_string());
    let signing = house.site.receiver("cabinet", "crm").unwrap().secrets;
    let told: Vec<_> = signing.iter().map(|(secret, until)| (secret.reveal(), until.is_some())).collect();
    assert_eq!(told, [(second.text("secret").as_str(), false), (first.as_str(), true)]);
    // Where that answer was lost, another is made, and the one that the receiver knows signs all the same.
    let third = house.ask(("POST", &secret), &admin, &[], None).await.is(201).text("secret");
    let signing = house.site.receiver("cabinet", "crm").unwrap().secrets;
    let told: Vec<_> = signing.iter().map(|(secret, _)| secret.reveal()).collect();
    assert_eq!(told, [third.as_str(), second.text("secret").as_str(), first.as_str()]);

    // It stays so where the program is started again, and nobody is shown what signs.
    let house = house.again().await;
    house.directory.take_in_all().await.unwrap();
    assert_eq!(house.site.receiver("cabinet", "crm").unwrap().secrets.len(), 3);
    let listed = house.get(WEBHOOKS, &admin).await.is(200);
    assert_eq!(listed.body["items"][0]["spec"]["signed-by"], "made");
    assert!(!format!("{listed:?}{:?}", house.told("cabinet").await).contains("whsec_"));
    house.ask(("DELETE", WEBHOOK), &admin, &[], None).await.is(204);
    assert!(house.site.receiver("cabinet", "crm").is_none());
    house.get(WEBHOOK, &admin).await.is(404).names("name");
}

#[tokio::test]
async fn a_webhook_is_signed_by_a_secret_of_the_tenants_that_stays_while_it_signs() {
    let house = House::open().await;
    let admin = house.tenant_with_admin("cabinet").await;
    let named = |secret: &str| {
        let mut webhook = webhook();
        webhook["secret"] = json!(secret);
        Some(webhook)
    };
    house.ask(("PUT", WEBHOOK), &admin, &[], named("signing")).await.is(422).names("secret");
    for (name, value) in [("signing", SIGNING), ("token", "no-signing-secret")] {
        let path = format!("/v1/tenants/cabinet/secrets/{name}");
        house.ask(("PUT", &path), &admin, &[], Some(json!({ "value": value }))).await.is(201);
    }
    house.ask(("PUT", WEBHOOK), &admin, &[], named("token")).await.is(422).names("secret");
    house.ask(("PUT", WEBHOOK), &admin, &[], named("signing")).await.is(201);
    assert_eq!(house.site.receiver("cabinet", "crm").unwrap().secrets[0].0.reveal(), SIGNING);
    let secrets = house.get("/v1/tenants/cabinet/secrets", &admin).await.is(200);
    assert_eq!(secrets.body["items"][0]["spec"]["used-by"], json!(["webhook crm"]));
    let signing = "/v1/tenants/cabinet/secrets/signing";
    house.ask(("DELETE", signing), &admin, &[], None).await.is(409).names("name");
    // Where another is made, the tenant's may go, and signs for a while all the same.
    house.ask(("POST", &format!("{WEBHOOK}/secret")), &admin, &[], None).await.is(201);
    house.ask(("DELETE", signing), &admin, &[], None).await.is(204);
    let signs = house.site.receiver("cabinet", "crm").unwrap().secrets;
    assert!(signs.len() == 2 && signs[1].0.reveal() == SIGNING);
}

#[tokio::test]
async fn webhooks_are_so_many_and_lead_where_connectors_may() {
    let house = House::open().await;
    let admin = house.tenant_with_admin("cabinet").await;
    let plain = json!({ "url": "http://hooks.example.com/", "events": ["call.ended"] });
    house.ask(("PUT", WEBHOOK), &admin, &[], Some(plain)).await.is(422).names("url");
    let silent = json!({ "url": "https://hooks.example.com/", "events": [] });
    house.ask(("PUT", WEBHOOK), &admin, &[], Some(silent)).await.is(422).names("events");
    for number in 0..parloir_admin::resource::MAX_WEBHOOKS {
        let path = format!("{WEBHOOKS}/{number}");
        house.ask(("PUT", &path), &admin, &[], Some(webhook())).await.is(201);
    }
    house.ask(("PUT", WEBHOOK), &admin, &[], Some(webhook())).await.is(409);
}

/// What was logged as an error, a line each.
#[derive(Clone, Default)]
struct Errors(Arc<Mutex<Vec<String>>>);

struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }
}

impl Subscriber for Errors {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut words = Words(String::new());
        event.record(&mut words);
        self.0.lock().push(words.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn a_webhook_whose_secret_is_made_next_raises_no_alarm_and_one_that_stays_without_does_at_a_start() {
    let errors = Errors::default();
    let _until_the_end = tracing::subscriber::set_default(errors.clone());
    let alarms = || errors.0.lock().iter().filter(|line| line.contains("webhook crm")).count();
    let house = House::open().await;
    let admin = house.tenant_with_admin("cabinet").await;
    house.ask(("PUT", WEBHOOK), &admin, &[], Some(webhook())).await.is(201);
    assert_eq!(alarms(), 0, "{:?}", errors.0.lock());
    let problems = house.get("/v1/tenants/cabinet/problems", &admin).await.is(200);
    assert_eq!(problems.body["items"][0]["spec"]["what"], "webhook crm");
    let house = house.again().await;
    house.directory.take_in_all().await.unwrap();
    assert_eq!(alarms(), 1, "{:?}", errors.0.lock());
    house.ask(("POST", &format!("{WEBHOOK}/secret")), &admin, &[], None).await.is(201);
    assert_eq!(alarms(), 1, "{:?}", errors.0.lock());
}

#[tokio::test]
async fn a_webhook_is_tested_one_at_a_time_and_the_log_says_whether_it_arrived() {
    let house = House::open().await;
    let owner = house.tenant("cabinet").await;
    let (_, admin) = house.user("cabinet", &owner, "admin").await;
    let (_, supervisor) = house.user("cabinet", &owner, "supervisor").await;
    let test = format!("{WEBHOOK}/test");
    house.post(&test, &admin, json!({})).await.is(404).names("name");
    house.ask(("PUT", WEBHOOK), &admin, &[], Some(webhook())).await.is(201);
    let unsigned = house.post(&test, &admin, json!({})).await.is(409);
    assert!(unsigned.text("remedy").contains("parloir webhook secret crm"), "{unsigned:?}");
    house.ask(("POST", &format!("{WEBHOOK}/secret")), &admin, &[], None).await.is(201);
    for key in [&supervisor, &owner, &house.operator().await] {
        house.post(&test, key, json!({})).await.is(403);
    }
    let went = house.post(&test, &admin, json!({})).await.is(201);
    assert_eq!(
        went.body,
        json!({ "id": "crm", "message": "msg_1_webhook-test", "arrived": true, "status": 204, "took-ms": 7, "problem": null })
    );
    assert_eq!(went.headers["location"], WEBHOOK);

    // While one waits for its answer the tenant's next is told to wait.
    let (let_go, key, router) = (Arc::new(Notify::new()), admin.clone(), house.router.clone());
    *house.site.testing.lock() = Some(Arc::clone(&let_go));
    let waits = Request::post(&test).header("authorization", format!("Bearer {key}"));
    let waits = tokio::spawn(router.oneshot(waits.body(Body::empty()).unwrap()));
    while house.site.testing.lock().is_some() {
        tokio::task::yield_now().await;
    }
    house.post(&test, &admin, json!({})).await.is(429);
    let_go.notify_one();
    assert_eq!(waits.await.unwrap().unwrap().status(), 201);

    let etag = house.get(WEBHOOK, &admin).await.is(200).etag();
    let elsewhere = json!({ "url": "https://nobody.example.com/", "events": ["call.ended"] });
    house.ask(("PUT", WEBHOOK), &admin, &[("if-match", etag.as_str())], Some(elsewhere)).await.is(200);
    let went = house.post(&test, &admin, json!({})).await.is(201);
    assert_eq!((&went.body["arrived"], &went.body["status"]), (&json!(false), &json!(null)));
    let told = house.told("cabinet").await;
    let tests = told.into_iter().filter(|(told, _)| told.subject == "webhook crm: a test is sent");
    let mut ended: Vec<_> = tests.map(|(_, ended)| ended).collect();
    ended.sort_by_key(|ended| *ended == Some(Ending::Done));
    assert_eq!(ended, [Ending::Failed, Ending::Failed, Ending::Done, Ending::Done].map(Some));
}
