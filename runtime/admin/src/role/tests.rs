use super::*;

fn realm(name: &str) -> TenantId {
    name.parse().unwrap()
}

#[test]
fn nobody_reaches_another_tenant_and_an_agent_only_themselves_and_calls() {
    let (own, other, house) = (realm("cabinet"), realm("other"), realm(INSTALLATION));
    for action in Action::ALL {
        for role in Role::ALL.into_iter().filter(|role| role.exists_in(&own)) {
            assert_eq!(decide(role, &own, action, &other), Verdict::Hidden, "{role} {action}");
            assert_eq!(decide(role, &own, action, &house), Verdict::Forbidden, "{role} {action}");
        }
        let agent = decide(Role::Agent, &own, action, &own);
        let theirs = [Action::ReadSelf, Action::ReadCalls].contains(&action);
        let expected = if theirs { Verdict::Own } else { Verdict::Forbidden };
        assert_eq!(agent, expected, "{action}");
    }
}

#[test]
fn who_runs_the_house_and_names_no_tenant_has_what_is_its_own_and_no_empty_list_of_a_tenants() {
    let house = realm(INSTALLATION);
    for action in Action::ALL {
        for role in [Role::Owner, Role::Operator] {
            let own = decide(role, &house, action, &house) == Verdict::Own;
            assert!(!own || action.is_of_the_installation(), "{role} {action}");
        }
    }
    for action in [Action::ReadUsers, Action::ReadKeys, Action::ReadAudit, Action::ReadTenants] {
        assert_eq!(decide(Role::Owner, &house, action, &house), Verdict::Own, "{action}");
    }
    for action in [Action::ReadTeams, Action::ReadContacts, Action::ReadNumbers, Action::ReadTenant] {
        assert_eq!(decide(Role::Owner, &house, action, &house), Verdict::Forbidden, "{action}");
    }
}

#[test]
fn what_is_done_from_above_is_what_whoever_runs_the_house_changes_of_a_tenant() {
    let from_above: Vec<_> = Action::ALL.into_iter().filter(|action| action.is_done_from_above()).collect();
    let expected = [
        Action::WriteTenant,
        Action::SuspendTenant,
        Action::CordonTenant,
        Action::ImportTenant,
        Action::WriteNumbers,
        Action::BreakGlass,
        Action::RemoveTenant,
    ];
    assert_eq!(from_above, expected);
}

#[test]
fn through_broken_glass_nothing_is_made_that_outlasts_it() {
    for action in [
        Action::WriteUsers,
        Action::WriteKeys,
        Action::BreakGlass,
        Action::WriteTenant,
        Action::WriteNumbers,
        Action::WriteSecrets,
        Action::WriteConnectors,
        Action::ApproveAgents,
        Action::WriteAgentKeys,
        Action::ReviewCalls,
        Action::WriteContacts,
        Action::WriteTeams,
        Action::WriteRetention,
        Action::WriteWebhooks,
        Action::ReadCases,
        Action::WriteCases,
        Action::ExportPersons,
        Action::ErasePersons,
        Action::ReadAccesses,
        Action::RectifyPersons,
        Action::RestrictPersons,
    ] {
        assert!(!action.rule().glass, "{action}");
    }
    let tenant = realm("cabinet");
    for action in Action::ALL {
        let owner = decide(Role::Owner, &realm(INSTALLATION), action, &tenant);
        assert_ne!(owner, Verdict::Glass, "the installation's owner breaks no glass: {action}");
    }
}

#[test]
fn a_number_is_given_by_an_operator_alone_and_a_tenant_is_brought_in_only_through_broken_glass() {
    let (tenant, house) = (realm("cabinet"), realm(INSTALLATION));
    for role in Role::ALL {
        let of = if role.exists_in(&tenant) && role != Role::Owner { &tenant } else { &house };
        let gives = decide(role, of, Action::WriteNumbers, &tenant) == Verdict::Above;
        assert_eq!(gives, role == Role::Operator, "{role}");
        let imports = decide(role, of, Action::ImportTenant, &tenant);
        let expected = if role == Role::Operator { Verdict::Glass } else { Verdict::Forbidden };
        assert_eq!(imports, expected, "{role}");
    }
    assert_eq!(decide(Role::Owner, &tenant, Action::WriteNumbers, &tenant), Verdict::Forbidden);
    assert_eq!(decide(Role::Owner, &tenant, Action::ImportTenant, &tenant), Verdict::Forbidden);
}

#[test]
fn who_pays_for_a_tenant_has_nothing_of_its_calls_and_whoever_runs_the_house_breaks_its_glass() {
    let (tenant, house) = (realm("cabinet"), realm(INSTALLATION));
    for action in [Action::ReadCalls, Action::ReadRecordings, Action::ExportCalls] {
        assert_eq!(decide(Role::Owner, &tenant, action, &tenant), Verdict::Forbidden, "{action}");
        assert_eq!(decide(Role::Owner, &house, action, &tenant), Verdict::Forbidden, "{action}");
        assert_eq!(decide(Role::Operator, &house, action, &tenant), Verdict::Glass, "{action}");
    }
}

#[test]
fn nobody_makes_more_of_anybody_than_they_are() {
    assert!(Role::Owner.may_appoint(Role::Owner) && Role::Owner.may_appoint(Role::Operator));
    assert!(Role::Admin.may_appoint(Role::Supervisor) && !Role::Admin.may_appoint(Role::Owner));
    for role in [Role::Agent, Role::Supervisor, Role::Operator] {
        assert!(Role::ALL.into_iter().all(|other| !role.may_appoint(other)), "{role}");
    }
}

#[test]
fn names_are_those_that_serde_writes() {
    for action in Action::ALL {
        assert_eq!(serde_json::to_value(action).unwrap(), action.name());
        assert_eq!(action.name().parse::<Action>(), Ok(action));
    }
    for role in Role::ALL {
        assert_eq!(serde_json::to_value(role).unwrap(), role.name());
        assert_eq!(role.name().parse::<Role>(), Ok(role));
    }
}
