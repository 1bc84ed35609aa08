//! Teams by the API: whose calls a supervisor is shown, by every route there is, and what is in the log of it.

use crate::calls::{id, ids, state};
use crate::house::{House, Reply};
use parloir_admin::resource::CallState;
use parloir_contract::CallId;
use parloir_store::{Batch, Table};
use serde_json::{Value, json};

const CALLS: &str = "/v1/tenants/cabinet/calls";
const TEAMS: &str = "/v1/tenants/cabinet/teams";
const PARC: &str = "+33199005678";
const GARE: &str = "+33199001234";

/// A tenant with two lines, and six calls that rang the one and the other in turn; its owner's key, and an admin's.
async fn house() -> (House, String, String) {
    let house = House::open().await;
    let owner = house.tenant("cabinet").await;
    let (_, admin) = house.user("cabinet", &owner, "admin").await;
    for line in [PARC, GARE] {
        house.give("cabinet", line).await;
        let path = format!("/v1/tenants/cabinet/lines/{line}");
        house.ask(("PUT", &path), &admin, &[], Some(json!({ "agent": "front-desk" }))).await.is(201);
    }
    let kept = (0..6).map(|number| {
        let line = if number % 2 == 0 { PARC } else { GARE };
        let call = CallState { line: line.into(), ..state(&[], true) };
        ("cabinet".parse().unwrap(), CallId::from_bytes([number; 16]), call)
    });
    house.site.calls.kept.lock().extend(kept);
    (house, owner, admin)
}

async fn put(house: &House, key: &str, name: &str, lines: &[&str], users: &[&str]) -> Reply {
    let team = json!({ "lines": lines, "users": users });
    house.ask(("PUT", &format!("{TEAMS}/{name}")), key, &[], Some(team)).await
}

/// The calls that somebody is shown.
async fn shown(house: &House, key: &str) -> Vec<String> {
    ids(&house.get(CALLS, key).await.is(200).body)
}

/// What was told last in the tenant's log.
async fn last_told(house: &House) -> String {
    house.told("cabinet").await[0].0.subject.clone()
}

#[tokio::test]
async fn supervisors_of_two_teams_know_nothing_of_each_others_calls_whatever_they_ask() {
    let (house, owner, admin) = house().await;
    let (anne, parc) = house.user("cabinet", &owner, "supervisor").await;
    let (luc, gare) = house.user("cabinet", &owner, "supervisor").await;
    let (_, unassigned) = house.user("cabinet", &owner, "supervisor").await;
    for key in [&parc, &gare, &unassigned, &admin] {
        assert_eq!(shown(&house, key).await.len(), 6, "of a tenant without a team they see all");
    }
    put(&house, &admin, "parc", &[PARC], &[&anne]).await.is(201);
    assert!(
        last_told(&house)
            .await
            .ends_with("; the first: from now on supervisors see their teams' calls alone")
    );
    assert!(shown(&house, &gare).await.is_empty(), "they are in no team yet");
    put(&house, &admin, "gare", &[GARE], &[&luc]).await.is(201);
    assert_eq!(last_told(&house).await, "team gare: 1 line, 1 user");

    assert_eq!(shown(&house, &parc).await, [id(0), id(2), id(4)]);
    assert_eq!(shown(&house, &gare).await, [id(1), id(3), id(5)]);
    assert!(shown(&house, &unassigned).await.is_empty());
    assert_eq!(shown(&house, &admin).await.len(), 6);
    let first = house.get(&format!("{CALLS}?limit=2"), &parc).await.is(200);
    assert_eq!(ids(&first.body), [id(0), id(2)]);
    let next = format!("{CALLS}?limit=2&after={}", first.text("next"));
    let second = house.get(&next, &parc).await.is(200);
    assert_eq!((ids(&second.body), &second.body["next"]), (vec![id(4)], &Value::Null));
    // Nothing that is asked for makes a line another's.
    house.get(&format!("{CALLS}?line=%2B33199001234"), &parc).await.is(400);

    // One of the other team's is as one that is not there: in each route that a call has, whoever asks.
    let routes = |call: &str| {
        let call = format!("{CALLS}/{call}");
        let (review, score) = (format!("{call}/reviews/{anne}"), json!({ "score": 4 }));
        [
            ("GET", call.clone(), None),
            ("GET", format!("{call}/recording"), None),
            ("GET", format!("{call}/proof"), None),
            ("GET", format!("{call}/proof?redact=contents"), None),
            ("GET", format!("{call}/reviews"), None),
            ("GET", format!("{call}/accesses"), None),
            ("GET", review.clone(), None),
            ("PUT", review.clone(), Some(score)),
            ("DELETE", review, None),
        ]
    };
    for key in [&parc, &unassigned] {
        for ((method, theirs, body), (_, nowhere, _)) in
            routes(&id(1)).into_iter().zip(routes(&"f".repeat(32)))
        {
            let refused = house.ask((method, &theirs), key, &[], body.clone()).await.is(404);
            refused.names("call");
            let none = house.ask((method, &nowhere), key, &[], body).await.is(404);
            assert_eq!(refused.body, none.body, "{method} {theirs}");
        }
    }
    assert!(house.site.calls.read.lock().is_empty());
    let told = house.told("cabinet").await;
    let denied = format!("call {}: denied, it rang no line of a team of theirs", id(1));
    let by_anne = told.iter().filter(|(what, _)| what.subject == denied && what.user == anne).count();
    assert!(by_anne > 1, "{told:?}");

    // What is theirs they are shown, with their own review of it.
    for (method, path, body) in routes(&id(2)).into_iter().filter(|(_, path, _)| !path.contains("reviews")) {
        house.ask((method, &path), &parc, &[], body).await.is(200);
    }
    let review = format!("{CALLS}/{}/reviews/{anne}", id(2));
    house.ask(("PUT", &review), &parc, &[], Some(json!({ "score": 4 }))).await.is(201);
    house.get(&review, &gare).await.is(404).names("call");
    house.get(&review, &admin).await.is(200);

    // A team that is gone shows nothing; the last one that goes shows supervisors all.
    house.ask(("DELETE", &format!("{TEAMS}/gare")), &admin, &[], None).await.is(204);
    assert_eq!(last_told(&house).await, "team gare: removed");
    assert!(shown(&house, &gare).await.is_empty());
    house.ask(("DELETE", &format!("{TEAMS}/parc")), &admin, &[], None).await.is(204);
    assert_eq!(
        last_told(&house).await,
        "team parc: removed, the last: from now on supervisors see all calls"
    );
    assert_eq!(shown(&house, &gare).await.len(), 6);
}

#[tokio::test]
async fn a_team_is_made_of_its_tenants_lines_and_users_and_by_its_admins_alone() {
    let (house, owner, admin) = house().await;
    let (user, supervisor) = house.user("cabinet", &owner, "supervisor").await;
    let (_, agent) = house.user("cabinet", &owner, "agent").await;
    house.tenant("other").await;
    house.give("cabinet", "+33199007777").await;
    let stranger = "0".repeat(32);
    // A number is no line before somebody answers it, and another tenant's user is none of theirs.
    put(&house, &admin, "parc", &[PARC, "+33199007777"], &[]).await.is(422).names("lines[1]");
    put(&house, &admin, "parc", &["+33199000007"], &[]).await.is(422).names("lines[0]");
    put(&house, &admin, "parc", &[PARC, PARC], &[]).await.is(422).names("lines");
    put(&house, &admin, "parc", &["0612"], &[]).await.is(422).names("lines[0]");
    put(&house, &admin, "parc", &[], &[&user, &stranger]).await.is(422).names("users[1]");
    put(&house, &admin, "parc", &[], &[&user, &user]).await.is(422).names("users");
    put(&house, &admin, ".parc", &[PARC], &[&user]).await.is(422).names("name");
    let many: Vec<String> = (0..81).map(|at| format!("+331990{at:05}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    put(&house, &admin, "parc", &many, &[]).await.is(422).names("lines");
    house.get(&format!("{TEAMS}/parc"), &admin).await.is(404).names("name");

    for key in [&supervisor, &agent, &owner] {
        put(&house, key, "parc", &[PARC], &[&user]).await.is(403);
    }
    let made = put(&house, &admin, "parc", &[PARC], &[&user]).await.is(201);
    put(&house, &admin, "parc", &[GARE], &[&user]).await.is(428);
    let team = || Some(json!({ "lines": [GARE, PARC], "users": [user] }));
    let path = format!("{TEAMS}/parc");
    house.ask(("PUT", &path), &admin, &[("if-match", "\"another\"")], team()).await.is(412);
    let changed =
        house.ask(("PUT", &path), &admin, &[("if-match", made.etag().as_str())], team()).await.is(200);
    put(&house, &admin, "accueil", &[], &[]).await.is(201);
    for key in [&supervisor, &owner] {
        let read = house.get(&path, key).await.is(200);
        assert_eq!((read.etag(), &read.body["spec"]), (changed.etag(), &team().unwrap()));
        let first = house.get(&format!("{TEAMS}?limit=1"), key).await.is(200);
        assert_eq!((ids(&first.body), first.text("next")), (vec!["accueil".to_owned()], "accueil".into()));
        house.ask(("DELETE", &path), key, &[], None).await.is(403);
    }
    house.get(TEAMS, &agent).await.is(403);
    house.get("/v1/tenants/other/teams", &admin).await.is(404);
    let same = changed.etag();
    house.ask(("GET", &path), &admin, &[("if-none-match", same.as_str())], None).await.is(304);
    house.ask(("DELETE", &path), &admin, &[("if-match", made.etag().as_str())], None).await.is(412);
    house.ask(("DELETE", &path), &admin, &[("if-match", changed.etag().as_str())], None).await.is(204);
    house.ask(("DELETE", &path), &admin, &[], None).await.is(404).names("name");
}

#[tokio::test]
async fn a_line_or_a_user_that_goes_is_in_no_team_any_more_and_comes_back_into_none() {
    let (house, owner, admin) = house().await;
    let (anne, key) = house.user("cabinet", &owner, "supervisor").await;
    let (luc, _) = house.user("cabinet", &owner, "supervisor").await;
    put(&house, &admin, "parc", &[PARC, GARE], &[&luc, &anne]).await.is(201);
    put(&house, &admin, "gare", &[GARE], &[&luc]).await.is(201);
    let before = house.get(&format!("{TEAMS}/parc"), &admin).await.is(200).etag();
    assert_eq!(shown(&house, &key).await.len(), 6);

    let line = format!("/v1/tenants/cabinet/lines/{GARE}");
    house.ask(("DELETE", &line), &admin, &[], None).await.is(204);
    assert_eq!(last_told(&house).await, format!("line {GARE}: removed, out of 2 teams too"));
    let user = format!("/v1/tenants/cabinet/users/{luc}");
    house.ask(("DELETE", &user), &admin, &[], None).await.is(204);
    assert_eq!(last_told(&house).await, format!("user {luc}: removed, supervisor, out of 2 teams too"));
    let parc = house.get(&format!("{TEAMS}/parc"), &admin).await.is(200);
    assert_eq!(parc.body["spec"], json!({ "lines": [PARC], "users": [anne] }));
    assert_ne!(parc.etag(), before, "whoever read it before changes nothing by it");
    let gare = house.get(&format!("{TEAMS}/gare"), &admin).await.is(200);
    assert_eq!(gare.body["spec"], json!({ "lines": [], "users": [] }));

    // The calls stay those of the line that rang, and a line of the same number is no team's.
    assert_eq!(shown(&house, &key).await, [id(0), id(2), id(4)]);
    assert_eq!(shown(&house, &admin).await.len(), 6);
    house.ask(("PUT", &line), &admin, &[], Some(json!({ "agent": "front-desk" }))).await.is(201);
    assert_eq!(shown(&house, &key).await.len(), 3);
    house.ask(("DELETE", &format!("{TEAMS}/parc")), &admin, &[], None).await.is(204);
    assert!(shown(&house, &key).await.is_empty(), "a team of nothing is one");
    house.ask(("DELETE", &line), &admin, &[], None).await.is(204);
    assert_eq!(last_told(&house).await, format!("line {GARE}: removed"));
}

#[tokio::test]
async fn a_team_that_cannot_be_read_opens_no_call_to_anybody() {
    let (house, owner, admin) = house().await;
    let (_, supervisor) = house.user("cabinet", &owner, "supervisor").await;
    let torn = Batch::new().put(Table::Settings, "team/parc", b"torn".to_vec());
    house.rows("cabinet").await.apply(torn).await.unwrap();
    assert!(shown(&house, &supervisor).await.is_empty());
    house.get(&format!("{CALLS}/{}", id(0)), &supervisor).await.is(404).names("call");
    assert_eq!(shown(&house, &admin).await.len(), 6);
    house.ask(("DELETE", &format!("{TEAMS}/parc")), &admin, &[], None).await.is(204);
    assert_eq!(shown(&house, &supervisor).await.len(), 6);
}
