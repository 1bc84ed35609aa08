//! What is told of what is set aside: each thing once.

use parloir_contract::TenantId;

use crate::resource::Aside;

/// How something that is set aside is told to whoever runs the installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum News {
    /// Something is wrong with it.
    Wrong,
    /// It was made just now, and what it lacks comes next: among the tenant's problems it is until then.
    Awaits,
}

/// Tells whoever runs the installation what of a tenant is set aside and was not before.
pub(super) fn tell(tenant: &TenantId, known: &[Aside], aside: &[Aside], awaited: Option<&str>) {
    for (news, Aside { what, problem, .. }) in news(known, aside, awaited) {
        match news {
            News::Wrong => {
                tracing::error!(%tenant, what, problem, "something of a tenant's is set aside: calls are answered without it");
            }
            News::Awaits => {
                tracing::info!(%tenant, what, problem, "something of a tenant's was made that is not whole yet");
            }
        }
    }
}

/// What of this is told now: none of what was known before, whatever else changed.
fn news<'a>(known: &[Aside], aside: &'a [Aside], awaited: Option<&str>) -> Vec<(News, &'a Aside)> {
    let new = aside.iter().filter(|one| !known.contains(one));
    let told = |one: &'a Aside| match awaited == Some(one.what.as_str()) {
        true => (News::Awaits, one),
        false => (News::Wrong, one),
    };
    new.map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unsigned(webhook: &str) -> Aside {
        Aside::of(format!("webhook {webhook}"), "nothing signs what it is told".to_owned())
    }

    #[test]
    fn webhooks_that_await_their_secrets_are_no_alarm_and_stay_told_once() {
        let [one, other] = [unsigned("crm"), unsigned("desk")];
        let first = [one.clone()];
        assert_eq!(news(&[], &first, Some("webhook crm")), [(News::Awaits, &one)]);
        // Another is made before the secret of the first: neither is wrong.
        let both = [one.clone(), other.clone()];
        assert_eq!(news(&first, &both, Some("webhook desk")), [(News::Awaits, &other)]);
        // Something else changes; and once its secret is made it is no news that the other has none.
        assert!(news(&both, &both, None).is_empty());
        assert!(news(&both, std::slice::from_ref(&other), None).is_empty());
        // After a start nobody is about to make one.
        assert_eq!(news(&[], &first, None), [(News::Wrong, &one)]);
        // A secret that went after it was there is an alarm, for one that is put right is known no more.
        assert_eq!(news(&first, &both, None), [(News::Wrong, &other)]);
    }
}
