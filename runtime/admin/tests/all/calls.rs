//! Calls, contacts and reviews by the API: who is shown what, and what is in the log of it.

use crate::house::House;
use axum::body::Body;
use axum::http::Request;
use parloir_admin::resource::{CallEnd, CallState};
use parloir_contract::CallId;
use parloir_journal::{Ending, Reader};
use serde_json::json;
use tower::ServiceExt;

const DESK: &str = "+33199009999";
const CALLS: &str = "/v1/tenants/cabinet/calls";

pub fn state(handed_to: &[&str], recording: bool) -> CallState {
    CallState {
        line: "+33199005678".into(),
        arrived: "twilio".into(),
        agent: "desk".into(),
        version: "1.0.0".into(),
        began: "2026-03-14T09:26:53Z".parse().unwrap(),
        ended: None,
        seconds: None,
        outcome: Some(CallEnd::Done),
        handed_to: handed_to.iter().map(|number| (*number).to_owned()).collect(),
        recording: Some(recording),
        held: false,
        restricted: Some(false),
        erased: Vec::new(),
    }
}

/// A tenant with so many calls, of which every third was handed to the desk; and its owner's key.
async fn house(calls: u8) -> (House, String) {
    let house = House::open().await;
    let owner = house.tenant("cabinet").await;
    let kept = (0..calls).map(|number| {
        let handed_to: &[&str] = if number % 3 == 0 { &[DESK] } else { &[] };
        let tenant = "cabinet".parse().unwrap();
        (tenant, CallId::from_bytes([number; 16]), state(handed_to, number % 2 == 0))
    });
    house.site.calls.kept.lock().extend(kept);
    (house, owner)
}

pub fn ids(page: &serde_json::Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

pub fn id(number: u8) -> String {
    CallId::from_bytes([number; 16]).to_string()
}

#[tokio::test]
async fn an_agent_knows_of_the_calls_that_were_handed_to_them_whatever_they_ask() {
    let (house, owner) = house(9).await;
    let (_, admin) = house.user("cabinet", &owner, "admin").await;
    let (user, agent) = house.user("cabinet", &owner, "agent").await;
    assert!(ids(&house.get(CALLS, &agent).await.is(200).body).is_empty());
    let contact = json!({ "name": "the front desk", "users": [user] });
    let path = format!("/v1/tenants/cabinet/contacts/{DESK}");
    house.ask(("PUT", &path), &agent, &[], Some(contact.clone())).await.is(403);
    house.ask(("PUT", &path), &admin, &[], Some(contact)).await.is(201);
    let first = house.get(&format!("{CALLS}?limit=2"), &agent).await.is(200);
    assert_eq!(ids(&first.body), [id(0), id(3)]);
    let next = first.text("next");
    let second = house.get(&format!("{CALLS}?limit=2&after={next}"), &agent).await.is(200);
    assert_eq!(ids(&second.body), [id(6)]);
    assert!(second.body["next"].is_null());
    let all = house.get(&format!("{CALLS}?limit=9"), &admin).await.is(200);
    assert_eq!((ids(&all.body).len(), all.body["next"].is_null()), (9, true));

    house.get(&format!("{CALLS}/{}?why=she%20rang%20again", id(3)), &agent).await.is(200);
    house.get(&format!("{CALLS}/{}", id(4)), &agent).await.is(404).names("call");
    house.get(&format!("{CALLS}/{}/recording", id(3)), &agent).await.is(403);
    let read = house.site.calls.read.lock().clone();
    let [(call, reading)] = read.as_slice() else { panic!("{read:?}") };
    assert_eq!((call.to_string(), reading.why.as_deref()), (id(3), Some("she rang again")));
    assert!(matches!(&reading.who, Reader::Key { user: who, role, .. } if *who == user && role == "agent"));

    // What is taken from them is not theirs any more.
    house.ask(("DELETE", &path), &admin, &[], None).await.is(204);
    assert!(ids(&house.get(CALLS, &agent).await.is(200).body).is_empty());
    house.get(&format!("{CALLS}/{}", id(3)), &agent).await.is(404);
}

#[tokio::test]
async fn whoever_is_denied_a_call_is_in_the_log_so_often_and_in_nobody_elses() {
    let (house, owner) = house(3).await;
    let (user, agent) = house.user("cabinet", &owner, "agent").await;
    let operator = house.operator().await;
    let stranger = house.tenant("other").await;
    let denied = async |tenant: &str| {
        let mut told = house.told(tenant).await;
        told.retain(|(what, _)| what.subject.contains("denied"));
        told
    };
    house.get(&format!("{CALLS}/{}", id(1)), &agent).await.is(404);
    let told = denied("cabinet").await;
    let [(what, Some(Ending::Failed))] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(
        (what.user.as_str(), what.role.as_str(), what.action.as_str()),
        (user.as_str(), "agent", "calls:read")
    );
    assert!(what.subject.starts_with(&format!("call {}: denied", id(1))), "{what:?}");
    house.get(&format!("{CALLS}/{}/recording", id(1)), &agent).await.is(403);
    house.get(CALLS, &owner).await.is(403);
    house.get(CALLS, &operator).await.is(403);
    let told = denied("cabinet").await;
    let of = |role: &str, action: &str| {
        told.iter().any(|(what, _)| what.role == role && what.action == action && what.why.is_none())
    };
    assert!(of("agent", "recordings:read") && of("owner", "calls:read") && of("operator", "calls:read"));
    assert_eq!(told.len(), 4, "{told:?}");

    house.get(CALLS, &stranger).await.is(404);
    house.get("/v1/tenants/nobody/calls", &stranger).await.is(404);
    assert_eq!(denied("cabinet").await.len(), 4);
    let theirs = denied("other").await;
    assert!(theirs.len() == 2 && theirs[1].0.subject.starts_with("calls of cabinet: denied"), "{theirs:?}");

    for _ in 0..100 {
        house.get(&format!("{CALLS}/{}", id(1)), &agent).await.is(404);
    }
    let told = denied("cabinet").await.len();
    assert!((12..50).contains(&told), "{told}");
    // What was counted alone is told when nothing asks any more.
    house.directory.tell_what_was_denied().await;
    let last = denied("cabinet").await;
    let counted = |subject: &str| subject.ends_with("times of this key that are counted here alone");
    assert!(last.len() == told + 1 && last.iter().any(|(what, _)| counted(&what.subject)), "{last:?}");
}

#[tokio::test]
async fn a_supervisor_hears_and_exports_and_an_owner_has_nothing_of_calls() {
    let (house, owner) = house(2).await;
    let (_, supervisor) = house.user("cabinet", &owner, "supervisor").await;
    for path in [CALLS.to_owned(), format!("{CALLS}/{}", id(0)), format!("{CALLS}/{}/recording", id(0))] {
        house.get(&path, &owner).await.is(403);
    }
    let heard = house.get(&format!("{CALLS}/{}/recording", id(0)), &supervisor).await.is(200);
    for (name, value) in
        [("content-type", "audio/wav"), ("content-length", "8"), ("cache-control", "no-store")]
    {
        assert_eq!(heard.headers[name], value);
    }
    let silent = house.get(&format!("{CALLS}/{}/recording", id(1)), &supervisor).await.is(404);
    assert_eq!(silent.text("remedy"), "listen to another");
    let proof = house.get(&format!("{CALLS}/{}/proof?redact=contents", id(0)), &supervisor).await.is(200);
    assert_eq!(proof.body["redacted"], true);
    assert_eq!(proof.headers["parloir-erased"], "", "nothing of it was erased");
    house.get(&format!("{CALLS}/{}/proof?redact=all", id(0)), &supervisor).await.is(422).names("redact");
    house.get(&format!("{CALLS}/{}?redact=contents", id(0)), &supervisor).await.is(400).names("redact");
    house.get(&format!("{CALLS}/{}", "f".repeat(32)), &supervisor).await.is(404).names("call");
    house.get(&format!("{CALLS}?after=nowhere"), &supervisor).await.is(422).names("after");
}

#[tokio::test]
async fn a_review_is_its_writers_and_of_a_contact_only_users_answer() {
    let (house, owner) = house(1).await;
    let (user, supervisor) = house.user("cabinet", &owner, "supervisor").await;
    let (other, admin) = house.user("cabinet", &owner, "admin").await;
    let reviews = format!("{CALLS}/{}/reviews", id(0));
    let (own, theirs) = (format!("{reviews}/{user}"), format!("{reviews}/{other}"));
    let good = json!({ "score": 4, "note": "patient" });
    house.ask(("PUT", &theirs), &supervisor, &[], Some(good.clone())).await.is(403).names("user");
    house.ask(("PUT", &own), &supervisor, &[], Some(json!({ "score": 6 }))).await.is(422).names("score");
    let made = house.ask(("PUT", &own), &supervisor, &[], Some(good.clone())).await.is(201);
    house.ask(("PUT", &own), &supervisor, &[], Some(good)).await.is(428);
    let changed = [("if-match", made.etag())];
    let changed: Vec<_> = changed.iter().map(|(name, tag)| (*name, tag.as_str())).collect();
    house.ask(("PUT", &own), &supervisor, &changed, Some(json!({ "score": 5 }))).await.is(200);
    let listed = house.get(&reviews, &admin).await.is(200);
    assert_eq!(listed.body["items"][0]["spec"], json!({ "score": 5, "note": null }));
    house.get(&reviews, &owner).await.is(403);
    house.ask(("DELETE", &own), &admin, &[], None).await.is(204);
    house.get(&own, &supervisor).await.is(404).names("user");

    let contact = format!("/v1/tenants/cabinet/contacts/{DESK}");
    let stranger = json!({ "name": "the front desk", "users": [user, "0".repeat(32)] });
    house.ask(("PUT", &contact), &admin, &[], Some(stranger)).await.is(422).names("users[1]");
    let twice = json!({ "name": "the front desk", "users": [user, user] });
    house.ask(("PUT", &contact), &admin, &[], Some(twice)).await.is(422).names("users");
    let once = json!({ "name": "the front desk", "users": [user] });
    house.ask(("PUT", &contact), &admin, &[], Some(once)).await.is(201);
    let listed = house.get("/v1/tenants/cabinet/contacts", &owner).await.is(200);
    assert_eq!(ids(&listed.body), [DESK]);
    // Who is removed answers no number any more, and what is left of the contact is written back as it is read.
    house.ask(("DELETE", &format!("/v1/tenants/cabinet/users/{user}")), &owner, &[], None).await.is(204);
    let left = house.get(&contact, &admin).await.is(200);
    assert_eq!(left.body["spec"], json!({ "name": "the front desk", "users": [] }));
    let tag = left.etag();
    house
        .ask(("PUT", &contact), &admin, &[("if-match", tag.as_str())], Some(left.body["spec"].clone()))
        .await
        .is(200);
}

#[tokio::test]
async fn nothing_is_reviewed_whose_caller_is_restricted_or_whose_words_are_not_kept() {
    let (house, owner) = house(1).await;
    let (user, supervisor) = house.user("cabinet", &owner, "supervisor").await;
    let (own, good) = (format!("{CALLS}/{}/reviews/{user}", id(0)), json!({ "score": 4 }));
    house.ask(("PUT", &own), &supervisor, &[], Some(good.clone())).await.is(201);
    house.site.calls.restricted.lock().push(CallId::from_bytes([0; 16]));
    house.get(&own, &supervisor).await.is(409);
    house.get(&format!("{CALLS}/{}/reviews", id(0)), &supervisor).await.is(409);
    house.ask(("PUT", &own), &supervisor, &[], Some(good.clone())).await.is(409);
    house.ask(("DELETE", &own), &supervisor, &[], None).await.is(409);
    house.site.calls.restricted.lock().clear();
    house.get(&own, &supervisor).await.is(200);

    let tenant = json!({ "retention": { "recording": "0 days", "content": "0 days" } });
    let body = json!({ "id": "quiet", "owner": "Anne Durand", "tenant": tenant });
    let owner = house.post("/v1/tenants", &house.owner, body).await.is(201).text("secret");
    let (user, supervisor) = house.user("quiet", &owner, "supervisor").await;
    let call = ("quiet".parse().unwrap(), CallId::from_bytes([1; 16]), state(&[], false));
    house.site.calls.kept.lock().push(call);
    let own = format!("/v1/tenants/quiet/calls/{}/reviews/{user}", id(1));
    let refused = house.ask(("PUT", &own), &supervisor, &[], Some(good)).await.is(409);
    assert!(refused.text("detail").contains("0 days"), "{}", refused.body);
}

#[tokio::test]
async fn while_a_call_is_held_no_review_of_it_goes_or_becomes_another() {
    let (house, owner) = house(1).await;
    let (user, supervisor) = house.user("cabinet", &owner, "supervisor").await;
    let (other, admin) = house.user("cabinet", &owner, "admin").await;
    let reviews = format!("{CALLS}/{}/reviews", id(0));
    let (own, theirs) = (format!("{reviews}/{user}"), format!("{reviews}/{other}"));
    let made = house.ask(("PUT", &own), &supervisor, &[], Some(json!({ "score": 1 }))).await.is(201);
    house.site.calls.kept.lock()[0].2.held = true;
    let refused = house.ask(("DELETE", &own), &supervisor, &[], None).await.is(409);
    assert!(refused.text("remedy").contains("--release"), "{refused:?}");
    house.ask(("DELETE", &own), &admin, &[], None).await.is(409).names("call");
    let tag = made.etag();
    let same = [("if-match", tag.as_str())];
    house.ask(("PUT", &own), &supervisor, &same, Some(json!({ "score": 5 }))).await.is(409).names("call");
    house.ask(("PUT", &theirs), &admin, &[], Some(json!({ "score": 2 }))).await.is(201);
    assert_eq!(house.get(&own, &supervisor).await.is(200).body["spec"]["score"], 1);
    house.site.calls.kept.lock()[0].2.held = false;
    house.ask(("DELETE", &own), &supervisor, &[], None).await.is(204);
}

#[tokio::test]
async fn tenants_that_take_what_they_read_slowly_leave_places_to_those_that_read_nothing() {
    let house = House::open().await;
    let mut keys = Vec::new();
    for tenant in ["one", "two", "three", "four", "five"] {
        let owner = house.tenant(tenant).await;
        keys.push((tenant, house.user(tenant, &owner, "supervisor").await.1));
        let call = (tenant.parse().unwrap(), CallId::from_bytes([0; 16]), state(&[], true));
        house.site.calls.kept.lock().push(call);
    }
    let (last, key) = keys.pop().unwrap();
    // Nothing of these bodies is taken.
    let mut open = Vec::new();
    for (tenant, key) in &keys {
        for _ in 0..4 {
            let request = Request::builder().uri(format!("/v1/tenants/{tenant}/calls/{}/recording", id(0)));
            let request = request.header("authorization", format!("Bearer {key}"));
            let reply = house.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            if reply.status() == 200 {
                open.push(reply);
            }
        }
    }
    assert_eq!(open.len(), 12, "eight of anybody's, and one of each that has none besides");
    house.get(&format!("/v1/tenants/{last}/calls"), &key).await.is(200);
    house.get(&format!("/v1/tenants/{last}/calls/{}/recording", id(0)), &key).await.is(200);
}

#[tokio::test]
async fn a_user_reads_so_many_calls_in_a_minute_and_another_all_the_same() {
    let (house, owner) = house(1).await;
    let (_, supervisor) = house.user("cabinet", &owner, "supervisor").await;
    let (_, admin) = house.user("cabinet", &owner, "admin").await;
    let call = format!("{CALLS}/{}", id(0));
    // A reading comes back every second, however long these take.
    let mut read = 0;
    let refused = loop {
        let reply = house.get(&call, &supervisor).await;
        if reply.status != 200 {
            break reply;
        }
        read += 1;
        assert!(read < 10_000, "nobody is refused");
    };
    assert!(read >= 60 && refused.status == 429, "{read} {}", refused.body);
    assert!(refused.headers.contains_key("retry-after"));
    house.get(&call, &admin).await.is(200);
}
