//! The matrix of roles, whole: every role, on every route, in every tenant, as the API answers it.

use crate::house::{House, Reply};
use parloir_admin::role::{Role, Verdict, decide};
use parloir_admin::{Endpoint, Place};
use parloir_contract::TenantId;
use serde_json::json;

fn realm(name: &str) -> TenantId {
    name.parse().unwrap()
}

/// In whose rooms a route acts for somebody, where its path names this tenant.
fn target(endpoint: Endpoint, of: &TenantId, named: &TenantId) -> TenantId {
    match endpoint.place() {
        Place::Nobodys | Place::Own => of.clone(),
        Place::Installation => realm("installation"),
        Place::Tenant => named.clone(),
    }
}

fn verdict(endpoint: Endpoint, role: Role, of: &TenantId, named: &TenantId) -> Verdict {
    match endpoint.place() {
        Place::Nobodys => Verdict::Own,
        Place::Own | Place::Installation | Place::Tenant => {
            decide(role, of, endpoint.action(), &target(endpoint, of, named))
        }
    }
}

fn written() -> String {
    let (cabinet, house) = (realm("cabinet"), realm("installation"));
    let mut text = String::from(
        "method path | scope | in their tenant: agent supervisor admin owner | in the installation: owner operator | of the installation in a tenant: owner operator\n",
    );
    for endpoint in Endpoint::ALL.iter().copied() {
        let cell = |role: Role, of: &TenantId, named: &TenantId| match verdict(endpoint, role, of, named) {
            Verdict::Own | Verdict::Above => "yes",
            Verdict::Glass => "glass",
            Verdict::Forbidden | Verdict::Hidden => "no",
        };
        let cells = |roles: &[Role], of: &TenantId, named: &TenantId| {
            roles.iter().map(|role| cell(*role, of, named)).collect::<Vec<_>>().join(" ")
        };
        let own = cells(&[Role::Agent, Role::Supervisor, Role::Admin, Role::Owner], &cabinet, &cabinet);
        let above = [Role::Owner, Role::Operator];
        let (inside, over) = (cells(&above, &house, &house), cells(&above, &house, &cabinet));
        let (method, path, scope) = (endpoint.method().name(), endpoint.path(), endpoint.action());
        text.push_str(&format!("{method} {path} | {scope} | {own} | {inside} | {over}\n"));
    }
    text
}

#[test]
fn the_matrix_is_the_one_that_was_agreed_on() {
    let agreed = include_str!("../matrix.txt");
    let now = written();
    for (now, agreed) in now.lines().zip(agreed.lines()) {
        assert_eq!(now, agreed, "a right has changed: say so in tests/matrix.txt if it is meant");
    }
    assert_eq!(now.lines().count(), agreed.lines().count(), "a route is not in tests/matrix.txt:\n{now}");
}

/// The path of a route with its parameters filled in.
fn path(endpoint: Endpoint, tenant: &TenantId) -> String {
    let id = "0".repeat(32);
    endpoint
        .path()
        .replace("{tenant}", tenant.as_str())
        .replace("{user}", &id)
        .replace("{key}", &id)
        .replace("{blocked}", &id)
        .replace("{call}", &id)
        .replace("{case}", &id)
        .replace("{line}", "+33199000001")
        .replace("{name}", "a")
        .replace("{document}", "a.txt")
        .replace("{sound}", "a.wav")
        .replace("{agent}", "a")
        .replace("{version}", &"0".repeat(64))
}

/// Whether an answer says that there is no such tenant.
fn hides(reply: &Reply) -> bool {
    reply.status == 404 && reply.body["field"] == "tenant"
}

/// Somebody who asks.
struct Person {
    role: Role,
    of: TenantId,
    key: String,
    /// Whether they broke the glass of the two tenants.
    opened: bool,
}

impl Person {
    /// Somebody new, whom somebody of theirs makes.
    async fn new(house: &House, by: &str, role: Role, of: &TenantId) -> Self {
        let (_, key) = house.user(of.as_str(), by, role.name()).await;
        Self { role, of: of.clone(), key, opened: false }
    }
}

/// Has everybody ask each route of each tenant, and holds what is answered against the matrix. Returns how often that was, and how
/// often of that through broken glass.
async fn hold(house: &House, people: &[Person]) -> (usize, usize) {
    let (own, above) = (realm("cabinet"), realm("installation"));
    let (mut held, mut through) = (0, 0);
    for Person { role, of, key, opened } in people {
        for endpoint in Endpoint::ALL.iter().copied() {
            for named in [&own, &realm("other"), &above, &realm("nobody")] {
                // Nobody is to be gone when the others ask: what was read before is another tenant than this.
                let read = [("if-match", "\"read-before\"")];
                let headers = if endpoint == Endpoint::DeleteTenant { &read[..] } else { &[] };
                let asked = (endpoint.method().name(), &*path(endpoint, named));
                let reply = house.ask(asked, key, headers, None).await;
                let at = format!("{role} of {of}, {opened}: {} in {named}: {reply:?}", endpoint.name());
                let allowed = || {
                    assert!(![401, 403].contains(&reply.status) && !hides(&reply), "{at}");
                    assert!(reply.status < 500, "{at}");
                };
                let unknown = endpoint.place() == Place::Tenant && named.as_str() == "nobody";
                match verdict(endpoint, *role, of, named) {
                    Verdict::Hidden => assert!(hides(&reply), "{at}"),
                    Verdict::Forbidden => assert_eq!(reply.status, 403, "{at}"),
                    Verdict::Own | Verdict::Above | Verdict::Glass if unknown => {
                        assert!(hides(&reply), "{at}")
                    }
                    Verdict::Glass if *opened => {
                        allowed();
                        through += 1;
                    }
                    Verdict::Glass => assert_eq!(reply.status, 403, "{at}"),
                    Verdict::Own | Verdict::Above => allowed(),
                }
                held += 1;
            }
        }
    }
    (held, through)
}

#[tokio::test]
async fn each_role_may_on_each_route_of_each_tenant_what_the_matrix_says_and_nothing_else() {
    let house = House::open().await;
    let cabinet_owner = house.tenant("cabinet").await;
    house.tenant("other").await;
    let (own, above) = (realm("cabinet"), realm("installation"));
    let owner = |of: &TenantId, key: &str| Person {
        role: Role::Owner,
        of: of.clone(),
        key: key.into(),
        opened: false,
    };
    let mut people = vec![owner(&own, &cabinet_owner)];
    for role in [Role::Agent, Role::Supervisor, Role::Admin] {
        people.push(Person::new(&house, &cabinet_owner, role, &own).await);
    }
    people.push(owner(&above, &house.owner));
    people.push(Person::new(&house, &house.owner, Role::Operator, &above).await);
    let cells = Endpoint::ALL.len() * 4;
    assert_eq!(hold(&house, &people).await, (people.len() * cells, 0));

    // The same once an operator broke the glass of both tenants: that opens all that the matrix says, to them, and nothing else.
    let mut opener = Person::new(&house, &house.owner, Role::Operator, &above).await;
    for tenant in ["cabinet", "other"] {
        let glass = json!({ "why": "the line does not answer", "minutes": 60 });
        let place = format!("/v1/tenants/{tenant}/break-glass");
        house.post(&place, &opener.key, glass).await.is(201);
    }
    opener.opened = true;
    people.push(opener);
    let of_glass = |endpoint: &&Endpoint| verdict(**endpoint, Role::Operator, &above, &own) == Verdict::Glass;
    let of_glass = Endpoint::ALL.iter().filter(of_glass).count();
    assert!(of_glass > 20, "{of_glass}");
    assert_eq!(hold(&house, &people).await, (people.len() * cells, 2 * of_glass));
}

#[tokio::test]
async fn without_a_key_nothing_is_answered_but_the_document_and_log_ins() {
    let house = House::open().await;
    for endpoint in Endpoint::ALL.iter().copied() {
        let reply =
            house.ask((endpoint.method().name(), &path(endpoint, &realm("filed"))), "", &[], None).await;
        let expected = match endpoint {
            Endpoint::Document => 200,
            // Here nobody logs in.
            Endpoint::GetLogIn | Endpoint::LogIn => 404,
            _ => 401,
        };
        assert_eq!(reply.status, expected, "{}", endpoint.name());
    }
}

#[tokio::test]
async fn broken_glass_opens_one_tenant_for_a_time_and_the_tenant_reads_all_of_it() {
    let house = House::open().await;
    let (cabinet, other) = (house.tenant("cabinet").await, house.tenant("other").await);
    let (user, operator) = house.user("installation", &house.owner, "operator").await;
    let lines = "/v1/tenants/cabinet/lines";
    let refused = house.get(lines, &operator).await.is(403);
    assert!(refused.text("remedy").contains("break-glass"), "{refused:?}");
    let why = json!({ "why": "the line does not answer", "minutes": 30 });
    let glass = house.post("/v1/tenants/cabinet/break-glass", &operator, why).await.is(201).text("id");
    house.give("cabinet", "+33199005678").await;
    house.get(lines, &operator).await.is(200);
    let body = json!({ "agent": "front-desk" });
    let line = format!("{lines}/+33199005678");
    house.ask(("PUT", &line), &operator, &[], Some(body)).await.is(201);
    // Not another tenant, and nothing that would outlast it.
    house.get("/v1/tenants/other/lines", &operator).await.is(403);
    let user_of_theirs = json!({ "name": "x", "role": "admin" });
    house.post("/v1/tenants/cabinet/users", &operator, user_of_theirs).await.is(403);
    // Not another operator.
    let (_, another) = house.user("installation", &house.owner, "operator").await;
    house.get(lines, &another).await.is(403);

    let listed = house.get("/v1/tenants/cabinet/break-glass", &cabinet).await.is(200);
    assert_eq!(listed.body["items"][0]["spec"]["user"], user);
    assert_eq!(listed.body["items"][0]["spec"]["why"], "the line does not answer");
    let told = house.told("cabinet").await;
    let through: Vec<_> =
        told.iter().filter(|(what, _)| what.glass.as_deref() == Some(glass.as_str())).collect();
    assert_eq!(through.len(), 2, "what was looked at, and what was changed: {told:?}");
    let broken = told.iter().find(|(what, _)| what.action == "break-glass:write").unwrap();
    assert_eq!(broken.0.why.as_deref(), Some("the line does not answer"));
    let theirs = house.told("other").await;
    let is_denial = |what: &str| what.starts_with("GET /v1/tenants/{tenant}/lines: denied, ");
    assert!(
        theirs.len() == 1 && is_denial(&theirs[0].0.subject),
        "what was tried there, and nothing else: {theirs:?}"
    );
    house.get("/v1/tenants/other/break-glass", &other).await.is(200);
}
