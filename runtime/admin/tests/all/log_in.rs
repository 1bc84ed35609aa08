//! Log-ins, as whoever an issuer vouches for uses them, and as whoever it does not.

use std::sync::Arc;
use std::task::Poll;

use crate::calls::{id, ids, state};
use crate::house::{House, Reply};
use async_trait::async_trait;
use axum::body::Body;
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::stream;
use jiff::Timestamp;
use parloir_admin::oidc::{Issuer, LogIns, Oidc};
use parloir_admin::resource::{CallState, MAX_KEYS};
use parloir_admin::router_with;
use parloir_contract::CallId;
use parloir_store::{Applied, Batch, Table};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tower::ServiceExt;

const ISSUER: &str = "https://id.example.com";

/// An issuer that signs by this key.
struct Signs(Ed25519KeyPair);

impl Signs {
    fn of(seed: u8) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap())
    }

    /// A token for somebody with a verified address.
    fn token(&self, subject: &str, email: &str) -> String {
        let now = Timestamp::now().as_second();
        let claims = json!({
            "iss": ISSUER, "aud": "parloir", "sub": subject, "exp": now + 300, "email": email, "email_verified": true,
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&json!({ "alg": "EdDSA", "kid": "1" })), part(&claims));
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(self.0.sign(message.as_bytes())))
    }
}

#[async_trait]
impl Issuer for Signs {
    async fn keys(&self) -> Result<Vec<u8>, String> {
        let x = URL_SAFE_NO_PAD.encode(self.0.public_key());
        Ok(json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "1", "x": x }] })
            .to_string()
            .into_bytes())
    }
}

async fn house() -> House {
    let mut house = House::open().await;
    let oidc = Oidc { issuer: ISSUER.into(), client_id: "parloir".into(), audience: "parloir".into() };
    let log_ins = LogIns::new(oidc, Arc::new(Signs::of(1)));
    house.router = router_with(house.directory.clone(), Some(Arc::new(log_ins)));
    house
}

async fn log_in(house: &House, tenant: Option<&str>, token: String) -> Reply {
    house.post("/v1/log-in", "", json!({ "tenant": tenant, "id-token": token })).await
}

#[tokio::test]
async fn whoever_the_issuer_vouches_for_gets_a_key_that_is_theirs_and_gives_it_back() {
    let house = house().await;
    let with = house.get("/v1/log-in", "").await.is(200);
    assert_eq!((with.text("issuer"), with.text("client-id")), (ISSUER.into(), "parloir".into()));
    let owner = house.tenant("cabinet").await;
    let user =
        json!({ "name": "Paul Martin", "role": "supervisor", "oidc": { "email": "paul@example.com" } });
    let user = house.post("/v1/tenants/cabinet/users", &owner, user).await.is(201).text("id");
    let token = Signs::of(1).token("17", "Paul@Example.com");

    let made = log_in(&house, Some("cabinet"), token.clone()).await.is(201);
    let key = made.text("secret");
    assert_eq!(
        (made.body["key"]["name"].as_str(), made.body["key"]["user"].as_str()),
        (Some("log-in"), Some(&*user))
    );
    let ends: Timestamp = made.body["key"]["expires"].as_str().unwrap().parse().unwrap();
    let hours = ends.duration_since(Timestamp::now()).as_hours();
    assert!((11..=12).contains(&hours), "{hours}");
    let me = house.get("/v1/me", &key).await.is(200);
    assert_eq!(
        (me.text("tenant"), me.text("role"), me.text("user")),
        ("cabinet".into(), "supervisor".into(), user.clone())
    );
    house.get("/v1/tenants/cabinet/lines", &key).await.is(200);
    house.get("/v1/tenants/cabinet/users", &key).await.is(403);
    let told = house.told("cabinet").await;
    assert!(told[0].0.subject.contains("users: denied, ") && told[0].0.user == user, "{told:?}");
    assert!(told[1].0.subject.starts_with("log-in: key ") && told[1].0.user == user, "{told:?}");

    // Ten at one time: the oldest gives way.
    for _ in 0..9 {
        log_in(&house, Some("cabinet"), token.clone()).await.is(201);
    }
    house.get("/v1/me", &key).await.is(200);
    let last = log_in(&house, Some("cabinet"), token).await.is(201).text("secret");
    house.get("/v1/me", &key).await.is(401);

    house.ask(("DELETE", "/v1/me"), &last, &[], None).await.is(204);
    house.get("/v1/me", &last).await.is(401);
    // A key that somebody made is not given back by whoever bears it.
    house.ask(("DELETE", "/v1/me"), &owner, &[], None).await.is(409).names("authorization");
    let named = json!({ "user": user, "name": "log-in" });
    house.post("/v1/tenants/cabinet/keys", &owner, named).await.is(422).names("name");
}

#[tokio::test]
async fn nobody_else_gets_one() {
    let house = house().await;
    let owner = house.tenant("cabinet").await;
    house.tenant("other").await;
    let users = "/v1/tenants/cabinet/users";
    let known = |identity: Value| json!({ "name": "Paul Martin", "role": "admin", "oidc": identity });
    let made = house.post(users, &owner, known(json!({ "subject": "17" }))).await.is(201);
    let (mine, another) = (Signs::of(1), Signs::of(2));
    let refused = [
        (Some("cabinet"), mine.token("18", "paul@example.com"), "known by"),
        (Some("cabinet"), mine.token("18", "paul@example.com"), "paul@example.com, subject 18"),
        // Of another tenant, of none, and of the installation.
        (Some("other"), mine.token("17", ""), "known by"),
        (Some("nobody"), mine.token("17", ""), "known by"),
        (None, mine.token("17", ""), "known by"),
        (Some("cabinet"), another.token("17", ""), "not signed by its issuer"),
        (Some("cabinet"), "no token".into(), "no ID token"),
    ];
    for (tenant, token, said) in refused {
        let reply = log_in(&house, tenant, token).await.is(401);
        reply.names("id-token");
        assert!(reply.text("detail").contains(said), "{said}: {reply:?}");
    }
    // One identity is one user's, however its address is written.
    house.post(users, &owner, known(json!({ "subject": "17" }))).await.is(409).names("oidc");
    house.post(users, &owner, known(json!({ "email": "paul@example.com" }))).await.is(201);
    house.post(users, &owner, known(json!({ "email": "PAUL@example.com" }))).await.is(409).names("oidc");
    for bad in [json!({ "email": "paul" }), json!({ "subject": "" }), json!({ "email": "a@b\u{7}" })] {
        assert_eq!(house.post(users, &owner, known(bad.clone())).await.status, 422, "{bad}");
    }
    // A key for some things only makes nobody log in, who would get one for more.
    let me = house.get("/v1/me", &owner).await.is(200).text("user");
    let scoped = json!({ "user": me, "name": "people", "scopes": ["users:write", "users:read"] });
    let scoped = house.post("/v1/tenants/cabinet/keys", &owner, scoped).await.is(201).text("secret");
    house.post(users, &scoped, known(json!({ "subject": "99" }))).await.is(403).names("oidc");
    house.post(users, &scoped, json!({ "name": "Bea", "role": "admin" })).await.is(201);
    // Whoever is changed to log in no more does not, and a log-in before opens nothing any more.
    let key = log_in(&house, Some("cabinet"), mine.token("17", "")).await.is(201).text("secret");
    house.get("/v1/me", &key).await.is(200);
    let path = format!("{users}/{}", made.text("id"));
    let changed = json!({ "name": "Paul Martin", "role": "admin" });
    house.ask(("PUT", &path), &owner, &[("if-match", made.etag().as_str())], Some(changed)).await.is(200);
    log_in(&house, Some("cabinet"), mine.token("17", "")).await.is(401);
    house.get("/v1/me", &key).await.is(401);
}

#[tokio::test]
async fn no_admin_says_by_what_another_admin_logs_in_and_an_owner_does() {
    let house = house().await;
    let owner = house.tenant("cabinet").await;
    let (own, admin) = house.user("cabinet", &owner, "admin").await;
    let users = "/v1/tenants/cabinet/users";
    let person = |role: &str, oidc: &Value| json!({ "name": "Paul Martin", "role": role, "oidc": oidc });
    let set = async |user: &str, by: &str, body: Value| {
        let path = format!("{users}/{user}");
        let before = house.get(&path, by).await.is(200).etag();
        house.ask(("PUT", &path), by, &[("if-match", before.as_str())], Some(body)).await
    };
    let (address, none) = (json!({ "email": "admin@example.com" }), Value::Null);
    let token = || Signs::of(1).token("7", "admin@example.com");

    let refused = house.post(users, &admin, person("admin", &address)).await.is(403);
    assert!(refused.text("remedy").contains("ask an owner"), "{refused:?}");
    refused.names("oidc");
    // Nor of somebody who is less, and raised then: neither with what they were known by before, nor by it afterwards, nor by a key.
    let less = house.post(users, &admin, person("supervisor", &address)).await.is(201).text("id");
    let key = log_in(&house, Some("cabinet"), token()).await.is(201).text("secret");
    set(&less, &admin, person("admin", &address)).await.is(403).names("oidc");
    set(&less, &admin, person("admin", &json!({ "subject": "7" }))).await.is(403).names("oidc");
    house.get("/v1/me", &key).await.is(200);
    set(&less, &admin, person("admin", &none)).await.is(200);
    house.get("/v1/me", &key).await.is(401);
    log_in(&house, Some("cabinet"), token()).await.is(401);
    set(&less, &admin, person("admin", &address)).await.is(403).names("user");
    set(&less, &admin, person("supervisor", &address)).await.is(403).names("user");
    let theirs = json!({ "user": less, "name": "for a test" });
    house.post("/v1/tenants/cabinet/keys", &admin, theirs).await.is(403).names("user");
    // Nor of somebody who was removed, and is made again.
    let again = house.post(users, &admin, person("agent", &address)).await.is(201).text("id");
    house.ask(("DELETE", &format!("{users}/{again}")), &admin, &[], None).await.is(204);
    house.post(users, &admin, person("admin", &address)).await.is(403).names("oidc");

    // Of themselves they do, and an owner of anybody.
    set(&own, &admin, person("admin", &json!({ "subject": "1" }))).await.is(200);
    set(&less, &owner, person("admin", &address)).await.is(200);
    let key = log_in(&house, Some("cabinet"), token()).await.is(201).text("secret");
    assert_eq!(house.get("/v1/me", &key).await.is(200).text("role"), "admin");
}

#[tokio::test]
async fn nobody_is_kept_from_logging_in_by_one_who_is_less_and_known_by_the_same_otherwise() {
    let house = house().await;
    let owner = house.tenant("cabinet").await;
    let (_, admin) = house.user("cabinet", &owner, "admin").await;
    let users = "/v1/tenants/cabinet/users";
    let anne = json!({ "name": "Anne", "role": "owner", "oidc": { "email": "anne@example.com" } });
    let anne = house.post(users, &owner, anne).await.is(201).text("id");
    let less = |role: &str| json!({ "name": "nobody", "role": role, "oidc": { "subject": "17" } });
    house.post(users, &admin, less("agent")).await.is(201);
    let made = log_in(&house, Some("cabinet"), Signs::of(1).token("17", "anne@example.com")).await.is(201);
    assert_eq!(made.body["key"]["user"], anne);
    // Which of two who are the same is meant, nobody knows.
    let paul = json!({ "name": "Paul", "role": "agent", "oidc": { "email": "paul@example.com" } });
    house.post(users, &admin, paul).await.is(201);
    log_in(&house, Some("cabinet"), Signs::of(1).token("17", "paul@example.com")).await.is(401);
}

#[tokio::test]
async fn who_logs_in_again_and_again_is_told_to_wait() {
    let house = house().await;
    let owner = house.tenant("cabinet").await;
    let user = json!({ "name": "Paul Martin", "role": "agent", "oidc": { "subject": "17" } });
    house.post("/v1/tenants/cabinet/users", &owner, user).await.is(201);
    let mut made = 0;
    let refused = loop {
        let reply = log_in(&house, Some("cabinet"), Signs::of(1).token("17", "")).await;
        if reply.status != 201 {
            break reply.is(429);
        }
        made += 1;
        assert!(made < 1_000, "nobody was told to wait");
    };
    assert!(made >= 60 && refused.headers.contains_key("retry-after"), "{made}: {refused:?}");
}

#[tokio::test]
async fn a_log_in_that_is_under_way_while_its_user_is_changed_or_removed_leaves_no_key() {
    let house = house().await;
    let owner = house.tenant("cabinet").await;
    let users = "/v1/tenants/cabinet/users";
    let nobodys = json!({ "name": "Paul Martin", "role": "supervisor" });
    for round in 0..24 {
        let subject = format!("round {round}");
        let user =
            json!({ "name": "Paul Martin", "role": "supervisor", "oidc": { "subject": subject.as_str() } });
        let user = house.post(users, &owner, user).await.is(201);
        let (id, path, etag) = (user.text("id"), format!("{users}/{}", user.text("id")), user.etag());
        let tag = [("if-match", etag.as_str())];
        // Known by something else, or gone: in turn.
        let (method, body) = if round % 2 == 0 { ("PUT", Some(nobodys.clone())) } else { ("DELETE", None) };
        let token = Signs::of(1).token(&subject, "");
        let (changed, logged_in) = tokio::join!(
            house.ask((method, &path), &owner, &tag, body),
            log_in(&house, Some("cabinet"), token)
        );
        assert!(changed.status < 300, "{changed:?}");
        if logged_in.status == 201 {
            house.get("/v1/me", &logged_in.text("secret")).await.is(401);
        }
        let keys = house.get("/v1/tenants/cabinet/keys?limit=100", &owner).await.is(200);
        let keys = keys.body["items"].as_array().unwrap();
        assert!(!keys.iter().any(|key| key["spec"]["user"] == id.as_str()), "round {round}: {keys:?}");
    }
}

#[tokio::test]
async fn one_identity_is_one_users_also_where_two_are_made_at_one_time() {
    let house = house().await;
    let owner = house.tenant("cabinet").await;
    for round in 0..12 {
        let subject = format!("round {round}");
        let user = json!({ "name": "Paul Martin", "role": "agent", "oidc": { "subject": subject } });
        let make = || house.post("/v1/tenants/cabinet/users", &owner, user.clone());
        let (one, other) = tokio::join!(make(), make());
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409], "{one:?} {other:?}");
    }
}

#[tokio::test]
async fn a_supervisor_who_logs_in_sees_the_calls_of_their_teams_alone() {
    const LINE: &str = "+33199005678";
    let house = house().await;
    let owner = house.tenant("cabinet").await;
    let (_, admin) = house.user("cabinet", &owner, "admin").await;
    house.give("cabinet", LINE).await;
    let line = format!("/v1/tenants/cabinet/lines/{LINE}");
    house.ask(("PUT", &line), &admin, &[], Some(json!({ "agent": "front-desk" }))).await.is(201);
    let user = json!({ "name": "Luc Petit", "role": "supervisor", "oidc": { "subject": "17" } });
    let user = house.post("/v1/tenants/cabinet/users", &owner, user).await.is(201).text("id");
    for (number, line) in [(1, LINE), (2, "+33199001234")] {
        let call = CallState { line: line.into(), ..state(&[], false) };
        house.site.calls.kept.lock().push((
            "cabinet".parse().unwrap(),
            CallId::from_bytes([number; 16]),
            call,
        ));
    }
    let key = log_in(&house, Some("cabinet"), Signs::of(1).token("17", "")).await.is(201).text("secret");
    let calls = "/v1/tenants/cabinet/calls";
    assert_eq!(ids(&house.get(calls, &key).await.is(200).body), [id(1), id(2)]);
    let team = json!({ "lines": [LINE], "users": [user] });
    house.ask(("PUT", "/v1/tenants/cabinet/teams/parc"), &admin, &[], Some(team)).await.is(201);
    assert_eq!(ids(&house.get(calls, &key).await.is(200).body), [id(1)]);
    house.get(&format!("{calls}/{}", id(2)), &key).await.is(404).names("call");
}

#[tokio::test]
async fn a_user_who_is_asked_for_twice_at_one_time_by_one_request_is_made_once_and_told_twice() {
    let house = house().await;
    let owner = house.tenant("cabinet").await;
    for round in 0..12 {
        let (subject, name) = (format!("round {round}"), format!("round-{round}"));
        let user = json!({ "name": "Paul Martin", "role": "agent", "oidc": { "subject": subject } });
        let named = [("idempotency-key", name.as_str())];
        let make = || house.ask(("POST", "/v1/tenants/cabinet/users"), &owner, &named, Some(user.clone()));
        let (one, other) = tokio::join!(make(), make());
        assert_eq!((one.status, other.status), (201, 201), "{one:?} {other:?}");
        assert_eq!((one.text("id"), one.etag()), (other.text("id"), other.etag()));
    }
}

/// A POST whose body never comes, which says when it is waited for.
fn slow(path: &str, key: &str, waited_for: &Arc<Semaphore>) -> Request<Body> {
    let (waited_for, mut said) = (waited_for.clone(), false);
    let body = stream::poll_fn(move |_| {
        if !said {
            said = true;
            waited_for.add_permits(1);
        }
        Poll::<Option<Result<Vec<u8>, std::io::Error>>>::Pending
    });
    let request = Request::builder().method("POST").uri(path).header("content-type", "application/json");
    let request = request.header("authorization", format!("Bearer {key}"));
    request.body(Body::from_stream(body)).unwrap()
}

#[tokio::test]
async fn those_who_send_slowly_take_nobodys_place() {
    let house = house().await;
    let owner = house.tenant("cabinet").await;
    let (mut asking, waited_for) = (JoinSet::new(), Arc::new(Semaphore::new(0)));
    let ask = |asking: &mut JoinSet<u16>, request: Request<Body>| {
        let router = house.router.clone();
        asking.spawn(async move { router.oneshot(request).await.unwrap().status().as_u16() });
    };
    // Of strangers there is room for 16, which is nobody else's.
    for _ in 0..16 {
        ask(&mut asking, slow("/v1/log-in", "", &waited_for));
    }
    waited_for.acquire_many(16).await.unwrap().forget();
    ask(&mut asking, slow("/v1/log-in", "", &waited_for));
    assert_eq!(asking.join_next().await.unwrap().unwrap(), 429);
    // Of those who bear a key, none takes a place before all of it is here.
    for _ in 0..300 {
        ask(&mut asking, slow("/v1/tenants", &house.owner, &waited_for));
    }
    waited_for.acquire_many(256).await.unwrap().forget();
    let me = Request::builder().uri("/v1/me").header("authorization", format!("Bearer {owner}"));
    ask(&mut asking, me.body(Body::empty()).unwrap());
    assert_eq!(asking.join_next().await.unwrap().unwrap(), 200);
}

#[tokio::test]
async fn where_nobody_logs_in_nothing_is_read() {
    let (house, waited_for) = (House::open().await, Arc::new(Semaphore::new(0)));
    let answer = house.router.clone().oneshot(slow("/v1/log-in", "", &waited_for)).await.unwrap();
    assert_eq!((answer.status().as_u16(), waited_for.available_permits()), (404, 0));
}

#[tokio::test]
async fn a_key_that_a_log_in_made_beside_a_change_of_its_identity_opens_nothing() {
    let house = house().await;
    let owner = house.tenant("cabinet").await;
    let user = json!({ "name": "Paul Martin", "role": "supervisor", "oidc": { "subject": "17" } });
    let user = house.post("/v1/tenants/cabinet/users", &owner, user).await.is(201).text("id");
    let key = log_in(&house, Some("cabinet"), Signs::of(1).token("17", "")).await.is(201).text("secret");
    house.get("/v1/me", &key).await.is(200);
    // As another program over the same storage would have it that knew nothing of the log-in, and took no key.
    for (oidc, status) in
        [(json!({ "subject": "18" }), 401), (json!({ "subject": "17" }), 200), (Value::Null, 401)]
    {
        let is = json!({ "name": "Paul Martin", "role": "supervisor", "oidc": oidc });
        let row = json!({ "change": "0", "at": "2026-03-14T09:26:53Z", "is": is }).to_string();
        let batch = Batch::new().put(Table::Users, format!("user/{user}"), row);
        assert_eq!(house.rows("cabinet").await.apply(batch).await.unwrap(), Applied::Done);
        house.get("/v1/me", &key).await.is(status);
    }
}

#[tokio::test]
async fn whoever_logs_in_again_reads_no_more_for_it() {
    let house = house().await;
    let owner = house.tenant("cabinet").await;
    let user = json!({ "name": "Paul Martin", "role": "supervisor", "oidc": { "subject": "17" } });
    house.post("/v1/tenants/cabinet/users", &owner, user).await.is(201);
    let key =
        async || log_in(&house, Some("cabinet"), Signs::of(1).token("17", "")).await.is(201).text("secret");
    let blocked = "/v1/tenants/cabinet/blocked";
    let (mut last, mut read) = (key().await, 0);
    house.post(blocked, &last, json!({ "number": "+33639981234" })).await.is(201);
    // A new log-in for every twenty readings: each key of itself would read on.
    let refused = loop {
        let reply = house.get(blocked, &last).await;
        if reply.status != 200 {
            break reply.is(429);
        }
        read += 1;
        assert!(read < 1_000, "nobody was told to wait");
        if read % 20 == 0 {
            last = key().await;
        }
    };
    assert!(read >= 60 && refused.text("detail").contains("a user reads 60 times"), "{read}: {refused:?}");
    // What is put right is read as well, and counted with the rest.
    let cases = "/v1/tenants/cabinet/cases";
    let case = json!({ "number": "06 39 98 12 34", "right": "rectify" });
    let case = house.post(cases, &last, case).await.is(201).text("id");
    let (rectify, right) = (
        format!("{cases}/{case}/rectify"),
        json!({ "call": "09".repeat(16), "field": "contact.name", "to": "Anne Durand" }),
    );
    loop {
        let reply = house.post(&rectify, &last, right.clone()).await;
        if reply.status != 201 {
            reply.is(429);
            break;
        }
        read += 1;
        assert!(read < 1_000, "nobody was told to wait");
        if read % 20 == 0 {
            last = key().await;
        }
    }
}

#[tokio::test]
async fn an_owner_who_logs_in_revokes_the_last_key_that_was_made_for_them() {
    let house = house().await;
    let owner = house.tenant("cabinet").await;
    let me = house.get("/v1/me", &owner).await.is(200);
    let key = format!("/v1/tenants/cabinet/keys/{}", me.text("key"));
    house.ask(("DELETE", &key), &owner, &[], None).await.is(409).names("key");
    let path = format!("/v1/tenants/cabinet/users/{}", me.text("user"));
    let etag = house.get(&path, &owner).await.is(200).etag();
    let known = json!({ "name": "Anne Durand", "role": "owner", "oidc": { "subject": "17" } });
    house.ask(("PUT", &path), &owner, &[("if-match", etag.as_str())], Some(known)).await.is(200);
    house.ask(("DELETE", &key), &owner, &[], None).await.is(204);
    log_in(&house, Some("cabinet"), Signs::of(1).token("17", "")).await.is(201);
}

#[tokio::test]
async fn whoever_has_as_many_keys_as_there_may_be_logs_in_in_place_of_an_older_log_in_and_of_nothing_else() {
    let house = house().await;
    let owner = house.tenant("cabinet").await;
    let user = json!({ "name": "Paul Martin", "role": "agent", "oidc": { "subject": "17" } });
    let user = house.post("/v1/tenants/cabinet/users", &owner, user).await.is(201).text("id");
    let key = json!({ "user": user, "name": "for a test" });
    for _ in 1..MAX_KEYS {
        house.post("/v1/tenants/cabinet/keys", &owner, key.clone()).await.is(201);
    }
    let token = || Signs::of(1).token("17", "");
    let first = log_in(&house, Some("cabinet"), token()).await.is(201).text("secret");
    let next = log_in(&house, Some("cabinet"), token()).await.is(201).text("secret");
    house.get("/v1/me", &first).await.is(401);
    // Where log-ins made none of them, none gives way.
    house.ask(("DELETE", "/v1/me"), &next, &[], None).await.is(204);
    house.post("/v1/tenants/cabinet/keys", &owner, key).await.is(201);
    let refused = log_in(&house, Some("cabinet"), token()).await.is(409);
    assert!(refused.text("detail").contains("keys of this user"), "{refused:?}");
}

/// Says by what the owner of the cabinet logs in.
async fn owner_logs_in(house: &House, (user, by): (&str, &str), oidc: Value) -> Reply {
    let path = format!("/v1/tenants/cabinet/users/{user}");
    let etag = house.get(&path, by).await.is(200).etag();
    let body = json!({ "name": "Anne Durand", "role": "owner", "oidc": oidc });
    house.ask(("PUT", &path), by, &[("if-match", etag.as_str())], Some(body)).await
}

#[tokio::test]
async fn an_owner_logs_in_for_as_long_as_no_key_lets_one_in() {
    let house = house().await;
    let owner = house.tenant("cabinet").await;
    let me = house.get("/v1/me", &owner).await.is(200);
    let (user, known) = (me.text("user"), json!({ "subject": "17" }));
    let token = || Signs::of(1).token("17", "");
    owner_logs_in(&house, (&user, &owner), known.clone()).await.is(200);
    owner_logs_in(&house, (&user, &owner), Value::Null).await.is(200);
    owner_logs_in(&house, (&user, &owner), known).await.is(200);
    let key = log_in(&house, Some("cabinet"), token()).await.is(201).text("secret");
    let first = format!("/v1/tenants/cabinet/keys/{}", me.text("key"));
    house.ask(("DELETE", &first), &owner, &[], None).await.is(204);
    let refused = owner_logs_in(&house, (&user, &key), Value::Null).await.is(409);
    assert!(refused.text("remedy").contains(&format!("parloir key add --user {user}")), "{refused:?}");
    refused.names("oidc");
    log_in(&house, Some("cabinet"), token()).await.is(201);
    // Another owner with a key is as good.
    house.user("cabinet", &key, "owner").await;
    owner_logs_in(&house, (&user, &key), Value::Null).await.is(200);
    log_in(&house, Some("cabinet"), token()).await.is(401);
}

#[tokio::test]
async fn what_a_log_in_made_is_no_key_to_be_left_with() {
    let mut house = house().await;
    let owner = house.tenant("cabinet").await;
    let me = house.get("/v1/me", &owner).await.is(200);
    owner_logs_in(&house, (&me.text("user"), &owner), json!({ "subject": "17" })).await.is(200);
    let made = log_in(&house, Some("cabinet"), Signs::of(1).token("17", "")).await.is(201).text("id");
    // From then on nobody logs in.
    house.router = router_with(house.directory.clone(), None);
    let keys = "/v1/tenants/cabinet/keys";
    house
        .ask(("DELETE", &format!("{keys}/{}", me.text("key"))), &owner, &[], None)
        .await
        .is(409)
        .names("key");
    house.ask(("DELETE", &format!("{keys}/{made}")), &owner, &[], None).await.is(204);
}
