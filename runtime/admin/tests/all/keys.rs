//! Keys: who may revoke whose, and how many there are.

use crate::house::House;
use parloir_admin::resource::MAX_KEYS;
use serde_json::json;

const KEYS: &str = "/v1/tenants/cabinet/keys";

/// The path of the one key of a user.
async fn path_of(house: &House, by: &str, user: &str) -> String {
    let listed = house.get(&format!("{KEYS}?limit=200"), by).await.is(200);
    let mut theirs = listed.body["items"].as_array().unwrap().iter();
    let key = theirs.find(|key| key["spec"]["user"] == user).unwrap();
    format!("{KEYS}/{}", key["id"].as_str().unwrap())
}

#[tokio::test]
async fn an_admin_revokes_no_key_of_another_admin_and_their_own_and_those_of_who_is_less() {
    let house = House::open().await;
    let owner = house.tenant("cabinet").await;
    let (one, by_one) = house.user("cabinet", &owner, "admin").await;
    let (other, by_other) = house.user("cabinet", &owner, "admin").await;
    let (less, _) = house.user("cabinet", &by_one, "supervisor").await;
    let others = path_of(&house, &owner, &other).await;
    let refused = house.ask(("DELETE", &others), &by_one, &[], None).await.is(403);
    assert!(refused.text("remedy").contains("ask an owner"), "{refused:?}");
    refused.names("key");
    house.get("/v1/me", &by_other).await.is(200);
    let told = house.told("cabinet").await;
    assert!(told[0].0.subject.contains("denied") && told[0].0.user == one, "{told:?}");
    let lesser = path_of(&house, &owner, &less).await;
    house.ask(("DELETE", &lesser), &by_one, &[], None).await.is(204);
    let own = path_of(&house, &owner, &one).await;
    house.ask(("DELETE", &own), &by_one, &[], None).await.is(204);
    house.get("/v1/me", &by_one).await.is(401);
    house.ask(("DELETE", &others), &owner, &[], None).await.is(204);
    house.get("/v1/me", &by_other).await.is(401);
}

#[tokio::test]
async fn the_last_key_of_the_last_owner_stays_until_there_is_another_that_is_for_as_much() {
    let house = House::open().await;
    let owner = house.tenant("cabinet").await;
    let me = house.get("/v1/me", &owner).await.is(200);
    let (user, last) = (me.text("user"), format!("{KEYS}/{}", me.text("key")));
    let revoke = async |path: &str, by: &str| house.ask(("DELETE", path), by, &[], None).await;
    let refused = revoke(&last, &owner).await.is(409);
    assert!(refused.text("remedy").contains(&format!("parloir key add --user {user}")), "{refused:?}");
    refused.names("key");
    // One that is for less is none in its place, nor is that of somebody who is no owner.
    let less = json!({ "user": user, "name": "keys", "scopes": ["keys:write", "keys:read"] });
    let less = house.post(KEYS, &owner, less).await.is(201);
    house.user("cabinet", &owner, "admin").await;
    revoke(&last, &owner).await.is(409);
    revoke(&format!("{KEYS}/{}", less.text("id")), &owner).await.is(204);
    // Of two that are revoked at one time, each in place of the other, one stays.
    let next = json!({ "user": user, "name": "the next one" });
    let next = house.post(KEYS, &owner, next).await.is(201);
    let (path, key) = (format!("{KEYS}/{}", next.text("id")), next.text("secret"));
    let (one, other) = tokio::join!(revoke(&last, &key), revoke(&path, &owner));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses[0], 204, "{one:?} {other:?}");
    assert!([401, 409].contains(&statuses[1]), "{one:?} {other:?}");
    let opens = [&owner, &key].map(|key| house.get("/v1/me", key));
    let [one, other] = opens;
    let opens = [one.await.status, other.await.status];
    assert!(opens.contains(&200) && opens.contains(&401), "{opens:?}");
    // Another owner's does as well, and one who has none is nobody to leave it to.
    let left = if opens[0] == 200 { (&owner, &last) } else { (&key, &path) };
    revoke(left.1, left.0).await.is(409);
    let (users, luc) = ("/v1/tenants/cabinet/users", json!({ "name": "Luc Petit", "role": "owner" }));
    let luc = house.post(users, left.0, luc).await.is(201).text("id");
    revoke(left.1, left.0).await.is(409);
    let refused = revoke(&format!("{users}/{user}"), left.0).await.is(409);
    assert!(refused.text("remedy").contains(&format!("parloir key add --user {luc}")), "{refused:?}");
    refused.names("role");
    house.user("cabinet", left.0, "owner").await;
    revoke(left.1, left.0).await.is(204);
}

#[tokio::test]
async fn the_last_key_that_there_may_be_is_made_and_told_again_and_no_other() {
    let house = House::open().await;
    let owner = house.tenant("cabinet").await;
    let user = json!({ "name": "builds", "role": "supervisor" });
    let user = house.post("/v1/tenants/cabinet/users", &owner, user).await.is(201).text("id");
    let key = json!({ "user": user, "name": "builds" });
    for _ in 1..MAX_KEYS {
        house.post(KEYS, &owner, key.clone()).await.is(201);
    }
    // As long as it may be, and one longer.
    let (name, longer) = ("k".repeat(64), "k".repeat(65));
    let named = [("idempotency-key", name.as_str())];
    let longer = [("idempotency-key", longer.as_str())];
    house.ask(("POST", KEYS), &owner, &longer, Some(key.clone())).await.is(422).names("idempotency-key");
    let make = || house.ask(("POST", KEYS), &owner, &named, Some(key.clone()));
    let (one, other) = tokio::join!(make(), make());
    assert_eq!((one.status, other.status), (201, 201), "{one:?} {other:?}");
    assert_eq!(one.text("id"), other.text("id"));
    assert_eq!(make().await.is(201).text("id"), one.text("id"));
    let refused = house.post(KEYS, &owner, key.clone()).await.is(409);
    assert!(refused.text("detail").contains(&format!("no more than {MAX_KEYS}")), "{refused:?}");
}
