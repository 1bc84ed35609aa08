//! Keys and whoever bears them: told once, kept by nobody, for no more than their scopes, and gone with their user.

use crate::api::LINE;
use crate::house::House;
use parloir_journal::Ending;
use serde_json::json;

#[tokio::test]
async fn the_owners_key_is_told_once_and_another_replaces_one_that_was_lost() {
    let house = House::open().await;
    let me = house.get("/v1/me", &house.owner).await.is(200);
    assert_eq!((me.text("tenant"), me.text("role")), ("installation".into(), "owner".into()));
    assert_eq!(house.directory.set_up(false).await.unwrap(), None, "told once");
    let another = house.directory.set_up(true).await.unwrap().unwrap();
    assert_ne!(another, house.owner);
    assert_eq!(house.get("/v1/me", &another).await.is(200).text("user"), me.text("user"));
    let told = house.told("installation").await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().all(|(what, end)| what.role == "set-up" && *end == Some(Ending::Done)), "{told:?}");
}

#[tokio::test]
async fn no_secret_of_a_key_rests_anywhere() {
    let house = House::open().await;
    let secret = house.owner.rsplit('_').next().unwrap().to_owned();
    let house = house.again().await;
    let files = house.bytes();
    for (path, bytes) in &files {
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{}", path.display());
    }
    assert!(files.len() > 3);
}

#[tokio::test]
async fn a_key_does_no_more_than_its_scopes_and_dies_with_its_user() {
    let house = House::open().await;
    let owner = house.tenant("cabinet").await;
    let (user, _) = house.user("cabinet", &owner, "admin").await;
    let keys = "/v1/tenants/cabinet/keys";
    let body = json!({ "user": user, "name": "reads lines", "scopes": ["lines:read"] });
    let made = house.post(keys, &owner, body).await.is(201);
    let (id, key) = (made.text("id"), made.text("secret"));
    house.get("/v1/tenants/cabinet/lines", &key).await.is(200);
    assert_eq!(house.get("/v1/me", &key).await.is(200).text("user"), user, "whose it is, it may say");
    let refused = house.ask(("PUT", LINE), &key, &[], Some(json!({ "agent": "a" }))).await.is(403);
    assert!(refused.text("remedy").contains("lines:write"), "{refused:?}");
    house.get(keys, &key).await.is(403);
    // A key that may make keys makes none that is for more than itself.
    let body = json!({ "user": user, "name": "makes keys", "scopes": ["keys:write", "lines:read"] });
    let maker = house.post(keys, &owner, body).await.is(201).text("secret");
    let more = json!({ "user": user, "name": "x", "scopes": ["lines:write"] });
    house.post(keys, &maker, more).await.is(403).names("scopes");
    house.post(keys, &maker, json!({ "user": user, "name": "x" })).await.is(403).names("scopes");
    let less = json!({ "user": user, "name": "x", "scopes": ["lines:read"] });
    house.post(keys, &maker, less).await.is(201);
    let listed = house.get(keys, &owner).await.is(200);
    assert!(!listed.body.to_string().contains("hash") && !listed.body.to_string().contains(&key));
    // A secret that differs in one digit, and a key of another tenant's under this one's name.
    let last = if key.ends_with('0') { "1" } else { "0" };
    let forged = format!("{}{last}", &key[..key.len() - 1]);
    house.get("/v1/me", &forged).await.is(401);
    house.tenant("other").await;
    house.get("/v1/me", &key.replace("_cabinet_", "_other_")).await.is(401);
    house.ask(("DELETE", &format!("{keys}/{id}")), &owner, &[], None).await.is(204);
    house.get("/v1/me", &key).await.is(401);
    let (user, key) = house.user("cabinet", &owner, "supervisor").await;
    house.get("/v1/me", &key).await.is(200);
    house.ask(("DELETE", &format!("/v1/tenants/cabinet/users/{user}")), &owner, &[], None).await.is(204);
    house.get("/v1/me", &key).await.is(401);
    assert_eq!(house.get(&format!("{keys}/{id}"), &owner).await.status, 404);
}

#[tokio::test]
async fn an_admin_makes_no_owner_and_an_owner_always_stays() {
    let house = House::open().await;
    let owner = house.tenant("cabinet").await;
    let (_, admin) = house.user("cabinet", &owner, "admin").await;
    let users = "/v1/tenants/cabinet/users";
    house.post(users, &admin, json!({ "name": "x", "role": "owner" })).await.is(403).names("role");
    let me = house.get("/v1/me", &owner).await.is(200).text("user");
    let path = format!("{users}/{me}");
    house.ask(("DELETE", &path), &admin, &[], None).await.is(403);
    let key = json!({ "user": me, "name": "x" });
    house.post("/v1/tenants/cabinet/keys", &admin, key).await.is(403).names("user");
    house.ask(("DELETE", &path), &owner, &[], None).await.is(409).names("role");
    let etag = house.get(&path, &owner).await.is(200).etag();
    let less = Some(json!({ "name": "Anne Durand", "role": "admin" }));
    house
        .ask(("PUT", &path), &owner, &[("if-match", etag.as_str())], less.clone())
        .await
        .is(409)
        .names("role");
    house.user("cabinet", &owner, "owner").await;
    house.ask(("PUT", &path), &owner, &[("if-match", etag.as_str())], less).await.is(200);
}
