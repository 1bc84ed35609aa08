//! What an admin of one tenant tries against another: nothing of the other's is in an answer, nothing of it changes, and no answer
//! is a failure of the server's.

use crate::house::{House, Reply};
use futures_util::future::join_all;
use parloir_admin::resource::{MAX_CONTACTS, MAX_USERS};
use parloir_store::{Batch, Table};
use serde_json::{Value, json};

/// Ways to write the other tenant where one's own stands.
const SPELLINGS: [&str; 17] = [
    "anne",
    "ANNE",
    "%61nne",
    "anne%00",
    "anne%20",
    "anne%2f",
    "anne;a",
    "mallory/../anne",
    "mallory/%2e%2e/anne",
    "mallory%2f..%2fanne",
    "./anne",
    "*",
    "mallory,anne",
    "installation",
    "..",
    "%2e%2e",
    "/anne",
];
/// What there is of a tenant.
const LISTS: [&str; 10] = [
    "lines",
    "numbers",
    "users",
    "keys",
    "secrets",
    "connectors",
    "calendar",
    "blocked",
    "agents",
    "problems",
];
/// Nobody else may read it.
const CANARY: &str = "canary";

/// That an answer holds nothing of the other's, and is no failure of the server's.
fn holds_nothing(reply: &Reply, what: &str) {
    assert!(reply.status < 500, "{what}: {reply:?}");
    let text = reply.body.to_string();
    assert!(!text.contains(CANARY), "{what}: {reply:?}");
}

/// That it is refused, with nothing of the other's.
fn is_refused(reply: &Reply, what: &str) {
    holds_nothing(reply, what);
    assert!((400..500).contains(&reply.status), "{what}: {reply:?}");
}

/// Two tenants; what the one keeps has the canary in it. The keys of both admins, hers first.
async fn tenants(house: &House) -> (String, String) {
    let (anne, mallory) = (house.tenant_with_admin("anne").await, house.tenant("mallory").await);
    let (_, mallory) = house.user("mallory", &mallory, "admin").await;
    house.give("anne", "+33199005675").await;
    house.give("mallory", "+33199005676").await;
    let user = json!({ "name": CANARY, "role": "agent" });
    house.post("/v1/tenants/anne/users", &anne, user).await.is(201);
    let secret = json!({ "value": format!("{CANARY} of anne") });
    house.ask(("PUT", "/v1/tenants/anne/secrets/canary"), &anne, &[], Some(secret)).await.is(201);
    let connector = json!({ "url": "https://canary.example.com/", "credential": { "secret": "canary" } });
    house.ask(("PUT", "/v1/tenants/anne/connectors/crm"), &anne, &[], Some(connector)).await.is(201);
    let line = json!({ "agent": "canary" });
    house.ask(("PUT", "/v1/tenants/anne/lines/+33199005675"), &anne, &[], Some(line)).await.is(201);
    (anne, mallory)
}

#[tokio::test]
async fn no_spelling_of_another_tenant_is_a_way_to_what_is_theirs() {
    let house = House::open().await;
    let (anne, mallory) = tenants(&house).await;
    for spelling in SPELLINGS {
        for list in LISTS {
            let path = format!("/v1/tenants/{spelling}/{list}");
            is_refused(&house.get(&path, &mallory).await, &path);
        }
    }
    let [users, keys] = ["users", "keys"].map(|list| format!("/v1/tenants/anne/{list}"));
    for list in [users, keys] {
        let theirs = house.get(&list, &anne).await.is(200);
        for item in theirs.body["items"].as_array().unwrap() {
            // Their identifiers name nothing in one's own rooms.
            let own = format!("{}/{}", list.replace("anne", "mallory"), item["id"].as_str().unwrap());
            for method in ["GET", "DELETE"] {
                let reply = house.ask((method, &own), &mallory, &[], None).await;
                is_refused(&reply, &own);
            }
        }
    }
    house.get("/v1/tenants/anne/connectors/crm", &anne).await.is(200);
}

#[tokio::test]
async fn no_cursor_and_no_header_leads_out_of_the_own_rooms() {
    let house = House::open().await;
    let (_, mallory) = tenants(&house).await;
    let longest = "a".repeat(128);
    for after in ["crm", "anne/", "users/", "..", "0000", "%00", "%01", "%F4%8F%BF%BF", longest.as_str()] {
        for list in ["users", "keys", "connectors", "secrets", "lines", "numbers"] {
            let path = format!("/v1/tenants/mallory/{list}?after={after}&limit=200");
            holds_nothing(&house.get(&path, &mallory).await, &path);
        }
    }
    for header in [
        ("x-http-method-override", "DELETE"),
        ("x-original-url", "/v1/tenants/anne/users"),
        ("x-rewrite-url", "/v1/tenants/anne/users"),
        ("x-forwarded-prefix", "/v1/tenants/anne"),
        ("x-tenant", "anne"),
        ("host", "anne"),
    ] {
        let reply = house.ask(("GET", "/v1/tenants/mallory/users"), &mallory, &[header], None).await;
        holds_nothing(&reply, header.0);
    }
}

#[tokio::test]
async fn no_key_is_put_together_of_others_and_none_makes_one_that_is_for_more() {
    let house = House::open().await;
    let (anne, mallory) = tenants(&house).await;
    let parts = |key: &str| key.split('_').map(str::to_owned).collect::<Vec<_>>();
    let (theirs, own) = (parts(&anne), parts(&mallory));
    let (id, secret) = (theirs[2].as_str(), theirs[3].as_str());
    for forged in [
        format!("parloir_anne_{}_{}", own[2], own[3]),
        format!("parloir_anne_{id}_{}", own[3]),
        format!("parloir_anne_{id}_"),
        format!("parloir_anne_{id}_{}", "0".repeat(64)),
        format!("parloir_anne_{id}_{}", &secret[..32]),
        format!("parloir_mallory_{id}_{secret}"),
        format!("parloir_installation_{}_{}", own[2], own[3]),
        format!("parloir_../anne_{id}_{secret}"),
        format!("parloir__{id}_{secret}"),
        format!("{anne}0"),
        mallory.to_uppercase(),
    ] {
        let reply = house.get("/v1/tenants/anne/users", &forged).await;
        is_refused(&reply, &forged);
    }
    let users = house.get("/v1/tenants/mallory/users", &mallory).await.is(200);
    let of = |role: &str| {
        let all = users.body["items"].as_array().unwrap().iter();
        let mut of_role = all.filter(|item| item["spec"]["role"] == role);
        of_role.next().unwrap()["id"].as_str().unwrap().to_owned()
    };
    let (owner, admin) = (of("owner"), of("admin"));
    let keys = "/v1/tenants/mallory/keys";
    is_refused(&house.post(keys, &mallory, json!({ "user": owner, "name": "x" })).await, "an owner's key");
    for role in ["owner", "operator", "root"] {
        let user = json!({ "name": "x", "role": role });
        is_refused(&house.post("/v1/tenants/mallory/users", &mallory, user).await, role);
    }
    let narrow = json!({ "user": admin, "name": "narrow", "scopes": ["keys:write", "self:read"] });
    let narrow = house.post(keys, &mallory, narrow).await.is(201).text("secret");
    for scopes in [Value::Null, json!(["keys:write", "users:write"]), json!(["lines:write"]), json!(["*"])] {
        let wide = json!({ "user": admin, "name": "wide", "scopes": scopes });
        is_refused(&house.post(keys, &narrow, wide).await, &scopes.to_string());
    }
}

#[tokio::test]
async fn an_answer_that_is_kept_is_given_to_nobody_else_and_a_line_names_no_path() {
    let house = House::open().await;
    let (anne, mallory) = tenants(&house).await;
    let users = house.get("/v1/tenants/anne/users", &anne).await.is(200);
    let mut all = users.body["items"].as_array().unwrap().iter();
    let admin = all.find(|item| item["spec"]["role"] == "admin").unwrap()["id"].clone();
    let key = json!({ "user": admin, "name": "once" });
    let (keys, same) = ("/v1/tenants/anne/keys", [("idempotency-key", "same")]);
    house.ask(("POST", keys), &anne, &same, Some(key.clone())).await.is(201);
    for path in [keys, "/v1/tenants/mallory/keys"] {
        let reply = house.ask(("POST", path), &mallory, &same, Some(key.clone())).await;
        is_refused(&reply, path);
    }
    for line in ["+33199005675", "%2B33199005675", "+33199005675;x", "0199005675", "+33199005677"] {
        let path = format!("/v1/tenants/mallory/lines/{line}");
        let reply = house.ask(("PUT", &path), &mallory, &[], Some(json!({ "agent": "x" }))).await;
        is_refused(&reply, &path);
    }
    for line in [
        json!({ "agent": "../../anne/agents/desk" }),
        json!({ "agent": "/etc/passwd" }),
        json!({ "agent": "." }),
        json!({ "agent": "anne/desk" }),
        json!({ "agent": "x\0" }),
        json!({ "agent": "x", "sounds": "/etc" }),
        json!({ "agent": "x", "documents": "/etc" }),
        json!({ "agent": "x", "transfer-to": [""] }),
        json!({ "agent": "x", "transfer-to": ["+"] }),
        json!({ "agent": "x", "fallback-number": "sip:a@b" }),
        json!({ "agent": "x", "time-zone": "../../../etc/passwd" }),
        json!({ "agent": "x", "connectors": ["crm"] }),
        json!({ "agent": "x", "number": "+33199005675" }),
        json!({ "agent": "x", "tenant": "anne" }),
    ] {
        let path = "/v1/tenants/mallory/lines/+33199005676";
        let reply = house.ask(("PUT", path), &mallory, &[], Some(line.clone())).await;
        is_refused(&reply, &line.to_string());
    }
}

#[tokio::test]
async fn many_that_ask_at_one_time_make_no_more_than_there_may_be() {
    let house = House::open().await;
    let admin = house.tenant_with_admin("anne").await;
    let rows = house.rows("anne").await;
    // All but one of them; of users there are an owner and an admin already.
    let there =
        [(Table::Settings, "contact/+331990", MAX_CONTACTS - 1), (Table::Users, "user/", MAX_USERS - 3)];
    for (table, prefix, count) in there {
        let all: Vec<usize> = (0..count).collect();
        for some in all.chunks(100) {
            let batch = some
                .iter()
                .fold(Batch::new(), |batch, at| batch.put(table, format!("{prefix}{at:05}"), "{}"));
            rows.apply(batch).await.unwrap();
        }
    }
    let contact = |at: usize| {
        let (house, admin) = (&house, &admin);
        async move {
            let path = format!("/v1/tenants/anne/contacts/+331991{at:05}");
            house.ask(("PUT", &path), admin, &[], Some(json!({ "name": "the desk", "users": [] }))).await
        }
    };
    let user = |at: usize| {
        let body = json!({ "name": format!("user {at}"), "role": "agent" });
        house.post("/v1/tenants/anne/users", &admin, body)
    };
    for made in [join_all((0..16).map(contact)).await, join_all((0..16).map(user)).await] {
        let statuses: Vec<_> = made.iter().map(|reply| reply.status).collect();
        assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
        assert!(made.iter().all(|reply| [201, 409].contains(&reply.status)), "{statuses:?}");
    }
}

/// What is answered to a request with headers as they are.
async fn ask_with(house: &House, what: (&str, &str), headers: &[(&str, &str)], body: &str) -> (u16, Value) {
    let reply = house.send(what, headers, body.to_owned()).await;
    (reply.status, reply.body)
}

#[tokio::test]
async fn a_header_that_says_two_things_is_obeyed_in_neither() {
    let house = House::open().await;
    let (anne, mallory) = tenants(&house).await;
    let (anne, mallory) = (format!("Bearer {anne}"), format!("Bearer {mallory}"));
    let users = "/v1/tenants/anne/users";
    // Whoever stands before the API may look at the other.
    for (one, two) in [(&anne, &mallory), (&mallory, &anne), (&anne, &anne)] {
        let keys = [("authorization", one.as_str()), ("authorization", two.as_str())];
        let (status, body) = ask_with(&house, ("GET", users), &keys, "").await;
        assert_eq!((status, &body["field"]), (401, &json!("authorization")), "{body}");
    }
    let is_json = ("content-type", "application/json");
    let own = ("authorization", anne.as_str());
    let agent = r#"{ "name": "Paul", "role": "agent" }"#;
    let headers = [own, is_json, ("idempotency-key", "one"), ("idempotency-key", "two")];
    let (status, body) = ask_with(&house, ("POST", users), &headers, agent).await;
    assert_eq!((status, &body["field"]), (400, &json!("idempotency-key")), "{body}");
    let headers = [own, is_json, ("content-type", "text/plain")];
    let (status, body) = ask_with(&house, ("POST", users), &headers, agent).await;
    assert_eq!((status, &body["field"]), (415, &json!("content-type")), "{body}");
    let line = "/v1/tenants/anne/lines/+33199005675";
    let read = house.get(line, anne.trim_start_matches("Bearer ")).await.is(200).etag();
    for name in ["if-match", "if-none-match"] {
        let headers = [own, is_json, (name, "\"another\""), (name, read.as_str())];
        let (status, body) = ask_with(&house, ("PUT", line), &headers, r#"{ "agent": "other" }"#).await;
        assert_eq!((status, &body["field"]), (400, &json!(name)), "{body}");
    }
}

#[tokio::test]
async fn a_body_that_says_two_things_or_what_no_number_is_is_not_taken() {
    let house = House::open().await;
    let (anne, _) = tenants(&house).await;
    let key = format!("Bearer {anne}");
    let headers = [("authorization", key.as_str()), ("content-type", "application/json")];
    let users = ("POST", "/v1/tenants/anne/users");
    let connector = ("PUT", "/v1/tenants/anne/connectors/new");
    let line = ("PUT", "/v1/tenants/anne/lines/+33199005675");
    for (what, body) in [
        (users, r#"{ "name": "Paul", "role": "agent", "role": "admin" }"#),
        (users, r#"{ "name": "Paul", "role": "agent", "r\u006fle": "admin" }"#),
        (users, r#"{ "name": "Paul", "role": "agent", "Role": "admin" }"#),
        (users, r#"{ "name": "Paul", "role": "agent", "__proto__": { "role": "admin" } }"#),
        (users, r#"{ "name": "Paul", "role": "agent", "oidc": { "email": "a@b", "subject": "1" } }"#),
        (users, r#"{ "name": "Paul", "role": "agent", "oidc": { "email": "a@b", "email": "c@d" } }"#),
        (users, r#"{ "name": "Paul", "role": "agent" } { }"#),
        (users, r#"[ "Paul", "agent", null ]"#),
        (users, r#"{ "name": NaN, "role": "agent" }"#),
        (users, r#"{ "name": "a\ud800", "role": "agent" }"#),
        (connector, r#"{ "url": "https://a.example.com/", "url": "https://b.example.com/" }"#),
        (connector, r#"{ "url": "https://a.example.com/", "timeout-ms": NaN }"#),
        (connector, r#"{ "url": "https://a.example.com/", "timeout-ms": 1e999 }"#),
        (line, r#"{ "agent": "canary", "fallback-sentence": { "fr": "un", "fr": "deux" } }"#),
        (line, r#"{ "agent": "canary", "agent": "other" }"#),
    ] {
        let (status, said) = ask_with(&house, what, &headers, body).await;
        assert!([400, 422].contains(&status), "{body}: {status} {said}");
    }
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    for body in [deep.clone(), format!(r#"{{ "name": {deep}, "role": "agent" }}"#)] {
        let (status, said) = ask_with(&house, users, &headers, &body).await;
        assert!([400, 422].contains(&status), "{status} {said}");
    }
    // A number is one, or it is not: nothing is cut off of it.
    let canary = format!("/v1/tenants/anne/agents/desk/versions/{}/canary", "0".repeat(64));
    let percent = async |percent: &str| {
        let body = format!(r#"{{ "percent": {percent} }}"#);
        ask_with(&house, ("POST", &canary), &headers, &body).await
    };
    assert_eq!(percent("10").await.0, 404, "there is no such agent");
    for number in ["266", "-1", "1e1", "10.0", "18446744073709551626", "1e999", "NaN", "Infinity", "\"10\""] {
        let (status, said) = percent(number).await;
        assert!([400, 422].contains(&status), "{number}: {status} {said}");
    }
    for query in
        ["limit=1&limit=200", "limit=1e1", "limit=NaN", "limit=-1", "limit=18446744073709551617", "a=b"]
    {
        let path = format!("/v1/tenants/anne/users?{query}");
        is_refused(&house.get(&path, &anne).await, &path);
    }
}
