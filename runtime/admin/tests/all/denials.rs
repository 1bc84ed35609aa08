//! Whoever is denied something by the API is in the log, with the reason: in that of whose it is, where they may know that it is there,
//! and otherwise in their own.

use crate::house::House;
use parloir_journal::{Administered, Ending};
use serde_json::json;

const LINES: &str = "/v1/tenants/cabinet/lines";
const USERS: &str = "/v1/tenants/cabinet/users";
const SECRETS: &str = "/v1/tenants/cabinet/secrets";

/// What a log tells of denials, the newest first.
async fn denied(house: &House, tenant: &str) -> Vec<Administered> {
    let told = house.told(tenant).await;
    let denied = told.into_iter().filter(|(what, _)| what.subject.contains(": denied, "));
    denied
        .map(|(what, ended)| {
            assert_eq!(ended, Some(Ending::Failed), "{what:?}");
            what
        })
        .collect()
}

#[tokio::test]
async fn a_role_that_does_not_allow_it_and_a_key_that_is_for_something_else_are_in_the_log() {
    let house = House::open().await;
    let owner = house.tenant("cabinet").await;
    let (user, agent) = house.user("cabinet", &owner, "agent").await;
    let (admin_user, admin) = house.user("cabinet", &owner, "admin").await;
    house.get(SECRETS, &agent).await.is(403);
    let told = denied(&house, "cabinet").await;
    let [what] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(
        (what.user.as_str(), what.role.as_str(), what.action.as_str()),
        (user.as_str(), "agent", "secrets:read")
    );
    assert_eq!(
        what.subject,
        "GET /v1/tenants/{tenant}/secrets: denied, agent in cabinet may not do secrets:read in cabinet"
    );

    let body = json!({ "user": admin_user, "name": "reads lines", "scopes": ["lines:read"] });
    let scoped = house.post("/v1/tenants/cabinet/keys", &owner, body).await.is(201).text("secret");
    house.get(USERS, &scoped).await.is(403);
    let told = denied(&house, "cabinet").await;
    assert!(told[0].subject.ends_with("the key is for lines:read, and this needs users:read"), "{told:?}");

    // What a role allows, and not to make of everybody what one likes.
    house.post(USERS, &admin, json!({ "name": "Paul", "role": "owner" })).await.is(403).names("role");
    let told = denied(&house, "cabinet").await;
    assert!(told.len() == 3 && told[0].action == "users:write", "{told:?}");
    assert!(told[0].subject.contains("admin cannot make, change or remove owner"), "{told:?}");
    assert!(!format!("{told:?}").contains("Paul"));

    // A mistake is none, and whoever has no key is nobody.
    house.get("/v1/tenants/cabinet/users/nobody", &owner).await.is(404);
    house.get(USERS, "").await.is(401);
    assert_eq!(denied(&house, "cabinet").await.len(), 3);
}

#[tokio::test]
async fn whoever_reaches_for_another_tenant_is_in_their_own_log_and_who_runs_the_installation_in_the_tenants()
{
    let house = House::open().await;
    let stranger = house.tenant("other").await;
    house.tenant("cabinet").await;
    for (path, tenant) in [(USERS, "cabinet"), (SECRETS, "cabinet"), ("/v1/tenants/nobody/lines", "nobody")] {
        house.get(path, &stranger).await.is(404);
        let told = denied(&house, "other").await;
        let of = format!(" of {tenant}: denied, there is no such tenant");
        assert!(told[0].subject.ends_with(&of) && told[0].role == "owner", "{told:?}");
    }
    assert_eq!(denied(&house, "other").await.len(), 3);
    assert!(denied(&house, "cabinet").await.is_empty());

    // Its glass is whole.
    let operator = house.operator().await;
    house.get(LINES, &operator).await.is(403);
    house.get("/v1/tenants/cabinet/keys", &operator).await.is(403);
    let told = denied(&house, "cabinet").await;
    let actions: Vec<_> = told.iter().map(|what| what.action.as_str()).collect();
    assert_eq!(actions, ["keys:read", "lines:read"]);
    assert!(told.iter().all(|what| what.role == "operator" && what.glass.is_none()), "{told:?}");
    assert!(told[1].subject.ends_with("what is cabinet's is not the installation's"), "{told:?}");
}

#[tokio::test]
async fn nobody_fills_a_log_by_asking() {
    let house = House::open().await;
    let owner = house.tenant("cabinet").await;
    let (_, agent) = house.user("cabinet", &owner, "agent").await;
    for _ in 0..100 {
        house.get(USERS, &agent).await.is(403);
    }
    let told = denied(&house, "cabinet").await.len();
    assert!((10..50).contains(&told), "{told}");
    house.directory.tell_what_was_denied().await;
    let last = denied(&house, "cabinet").await;
    let counted = last.iter().any(|what| {
        what.subject.starts_with("users:read: denied, ")
            && what.subject.ends_with("times of this key that are counted here alone")
    });
    assert!(counted && last.len() == told + 1, "{last:?}");
}

#[tokio::test]
async fn who_changes_without_pause_is_told_to_wait_whatever_keys_they_have_and_keeps_nobody_else_from_it() {
    let house = House::open().await;
    let owner = house.tenant("cabinet").await;
    let (user, admin) = house.user("cabinet", &owner, "admin").await;
    let other = json!({ "user": user, "name": "another" });
    let other = house.post("/v1/tenants/cabinet/keys", &owner, other).await.is(201).text("secret");
    // What is wrong is counted as what is right, and leaves no record here.
    let mut asked = 0;
    let refused = loop {
        let key = if asked % 2 == 0 { &admin } else { &other };
        let reply = house.post(USERS, key, json!({})).await;
        if reply.status == 429 {
            break reply;
        }
        reply.is(422);
        asked += 1;
        assert!(asked < 9_000, "nobody was told to wait");
    };
    assert!(asked >= 6_000 && refused.headers.contains_key("retry-after"), "{asked}: {refused:?}");
    house.get(USERS, &admin).await.is(200);
    house.post(USERS, &owner, json!({ "name": "Paul", "role": "agent" })).await.is(201);
    let told = denied(&house, "cabinet").await;
    assert!(told.len() == 1 && told[0].user == user, "{told:?}");
    assert!(told[0].subject.contains(": denied, a user changes 6000 things"), "{told:?}");
}
