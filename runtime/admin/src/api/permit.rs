//! Who may do what in whose rooms, as their role and their key say, and what is told of who may not.

use std::collections::HashMap;

use parloir_contract::{CallId, TenantId};

use super::Api;
use super::endpoint::{Endpoint, Place};
use super::problem::{Kind, Problem};
use crate::directory::{By, Principal, Told};
use crate::role::{Action, Verdict, decide, is_installation};

/// In whose rooms the route does something, as its path says. That there is such a tenant is not known yet.
pub(super) fn realm(
    api: &Api,
    endpoint: Endpoint,
    principal: &Principal,
    params: &HashMap<String, String>,
) -> Result<TenantId, Problem> {
    match endpoint.place() {
        Place::Nobodys | Place::Own => Ok(principal.realm.clone()),
        Place::Installation => Ok(api.directory.installation().tenant().clone()),
        Place::Tenant => {
            let named = params.get("tenant").map(String::as_str).unwrap_or_default();
            named.parse().map_err(|_| Problem::not_found("tenant").of("tenant"))
        }
    }
}

/// What is told of a tenant that is not there, or is none of theirs who ask.
pub(super) fn hidden() -> Problem {
    Problem::not_found("tenant").of("tenant")
}

/// The same for whoever is a tenant's: they have one, and no list of them.
fn not_theirs() -> Problem {
    let remedy = "name your own tenant, or none: your key's own is meant then";
    Problem::new(Kind::NotFound, "there is no such tenant", remedy).of("tenant")
}

/// By what somebody may do something in a realm: their role and their key both say so.
pub(super) fn permitted(principal: &Principal, action: Action, realm: &TenantId) -> Result<Verdict, Problem> {
    let verdict = decide(principal.user.role, &principal.realm, action, realm);
    match verdict {
        Verdict::Hidden => return Err(not_theirs()),
        Verdict::Forbidden => return Err(forbidden(principal, action, realm)),
        Verdict::Own | Verdict::Above | Verdict::Glass => {}
    }
    match &principal.key.scopes {
        // Whose a key is, every key says.
        Some(scopes) if action != Action::ReadSelf && !scopes.contains(&action) => {
            let detail = format!("the key is for {}, and this needs {action}", scopes_text(scopes));
            let remedy = format!("use a key with the scope {action}: parloir key add --scope {action}");
            Err(Problem::new(Kind::Forbidden, detail, remedy).of("authorization"))
        }
        Some(_) | None => Ok(verdict),
    }
}

/// Tells that somebody was denied something, and why: in the log of whose it is, or in their own where that is not theirs to know
/// of, whether there is such a tenant or not.
pub(super) async fn denied(
    api: &Api,
    endpoint: Endpoint,
    (principal, glass): (&Principal, Option<String>),
    realm: &TenantId,
    params: &HashMap<String, String>,
    problem: Problem,
) -> Problem {
    if ![403, 404, 429].contains(&problem.status) {
        return problem;
    }
    let action = endpoint.action();
    let call = params.get("call").and_then(|call| call.parse::<CallId>().ok());
    let what = match call {
        Some(call) => format!("call {call}"),
        None if action.is_of_calls() => "calls".to_owned(),
        None => format!("{} {}", endpoint.method().name(), endpoint.path()),
    };
    let is_there = problem.status != 404 && matches!(api.directory.source(realm).await, Ok(Some(_)));
    let (whose, of) = match is_there || *realm == principal.realm {
        true => (realm, String::new()),
        false => (&principal.realm, format!(" of {realm}")),
    };
    let subject = format!("{what}{of}: denied, {}", problem.detail);
    api.directory.denied(whose, Told { by: By::of(principal, glass), action, subject, why: None }).await;
    problem
}

fn scopes_text(scopes: &[Action]) -> String {
    if scopes.is_empty() {
        return "nothing".into();
    }
    scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(", ")
}

fn forbidden(principal: &Principal, action: Action, realm: &TenantId) -> Problem {
    let (role, rule) = (principal.user.role, action.rule());
    // Where somebody of the installation names no tenant, the installation itself is meant, which has few of a tenant's rooms.
    let none_named = principal.realm == *realm && is_installation(realm);
    let is_a_tenants = none_named && !action.is_of_the_installation();
    let detail = match is_a_tenants {
        true => format!("{action} is of a tenant, and none is named"),
        false => format!("{role} in {} may not do {action} in {realm}", principal.realm),
    };
    let able = if principal.realm == *realm { rule.own } else { rule.above };
    let able = able.iter().filter(|role| !none_named || (!is_a_tenants && role.exists_in(realm)));
    let able: Vec<_> = able.map(|role| role.name()).collect();
    let remedy = match able.as_slice() {
        [] if none_named => "name the tenant that is meant: --tenant TENANT, or TENANT alone after `parloir tenant` and `parloir quota`"
            .to_owned(),
        able if none_named && (rule.glass || !rule.above.is_empty()) => {
            let able = able.join(" or ");
            format!(
                "name the tenant that is meant (--tenant TENANT, or TENANT alone after `parloir tenant` and `parloir \
                 quota`), or ask somebody who is {able} there"
            )
        }
        [] if rule.glass => {
            format!("have an operator of the installation do it, who breaks the glass of {realm} before")
        }
        [] if principal.realm == *realm && !rule.above.is_empty() => {
            let above: Vec<_> = rule.above.iter().map(|role| role.name()).collect();
            format!("ask whoever runs the installation: its {} may", above.join(" or "))
        }
        [] => {
            let own = rule.own.iter().filter(|role| role.exists_in(realm));
            let own: Vec<_> = own.map(|role| role.name()).collect();
            format!("ask somebody of {realm} who is {} there", own.join(" or "))
        }
        able => format!("ask somebody who is {} there", able.join(" or ")),
    };
    Problem::new(Kind::Forbidden, detail, remedy).of(if is_a_tenants { "tenant" } else { "authorization" })
}
