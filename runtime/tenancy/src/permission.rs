//! What an agent may do: what it declared, and its line grants. A refusal says how to grant.

use parloir_contract::{Capability, HostCall, Import, Refusal};

use crate::config::LineConfig;
use crate::versions::CapabilityDiff;

/// Who changes a line, as an agent is told of it.
const WHO: &str =
    "an admin of the tenant (parloir line set), or the operator where parloir.toml describes the line";

/// Whether a call of `import` may go on. Refused where it may not, with how to grant it.
pub fn permit(import: Import, declared: &[Capability], granted: &[Capability]) -> Result<(), Refusal> {
    let Some(needed) = import.capability() else { return Ok(()) };
    let (call, name) = (import.name(), needed.name());
    if !declared.contains(&needed) {
        return Err(Refusal::NotPermitted(format!(
            "{call} needs the capability `{name}`: add it to `capabilities` in the agent's description"
        )));
    }
    if !granted.contains(&needed) {
        return Err(Refusal::NotPermitted(format!(
            "{call} needs the capability `{name}`: it is added to `capabilities` of this line by {WHO}"
        )));
    }
    Ok(())
}

/// Whether a call may go on, on a line: its import, and what it names. Refused where it may not, with how to grant it.
pub fn permit_call(call: &HostCall, declared: &[Capability], line: &LineConfig) -> Result<(), Refusal> {
    permit(call.import(), declared, &line.capabilities)?;
    match call {
        HostCall::SendRequest(request) => permit_connector(&request.connector, &line.connectors),
        _ => Ok(()),
    }
}

/// How a line grants these, as whoever writes it does.
pub fn granting(capabilities: &[Capability]) -> String {
    let all = Capability::ALL.into_iter().filter(|capability| capabilities.contains(capability));
    let all: Vec<String> = all.map(|capability| format!("{:?}", capability.name())).collect();
    format!("capabilities = [{}]", all.join(", "))
}

/// Which capabilities of those that its agent declares a line does not grant, and what to write where it may; `None` where it
/// grants all of them.
pub fn not_granted(line: &LineConfig, declared: &[Capability]) -> Option<String> {
    let missing = CapabilityDiff::between(&line.capabilities, declared).adds;
    if missing.is_empty() {
        return None;
    }
    let all = [line.capabilities.as_slice(), missing.as_slice()].concat();
    let missing: Vec<&str> = missing.into_iter().map(Capability::name).collect();
    Some(format!(
        "line {} does not grant its agent {}, which that declares: where it may do so, write {}",
        line.number,
        missing.join(", "),
        granting(&all)
    ))
}

/// Whether a line grants a connector, by its list.
fn permit_connector(connector: &str, granted: &[String]) -> Result<(), Refusal> {
    if granted.iter().any(|name| name == connector) {
        return Ok(());
    }
    let short: String = connector.chars().take(64).collect();
    Err(Refusal::NotPermitted(format!(
        "this line does not grant the connector {short:?}: it is added to `connectors` of this line by {WHO}"
    )))
}

/// Where a transfer goes, if it may: the line's fallback number for an empty destination,
/// otherwise a number under one of the line's prefixes.
pub fn transfer_destination(
    to: &str,
    fallback: Option<&str>,
    prefixes: &[String],
) -> Result<String, Refusal> {
    if to.is_empty() {
        return fallback.map(str::to_owned).ok_or_else(|| {
            Refusal::Unavailable(format!(
                "the line has no fallback number: `fallback-number` of this line is set by {WHO}"
            ))
        });
    }
    let compact: String = to.chars().filter(|c| !c.is_whitespace() && *c != '.' && *c != '-').collect();
    let valid = compact
        .strip_prefix('+')
        .is_some_and(|d| (3..=15).contains(&d.len()) && d.bytes().all(|b| b.is_ascii_digit()));
    if !valid {
        return Err(Refusal::Invalid("write the destination in E.164 form, as in +33123456789".into()));
    }
    if fallback == Some(compact.as_str()) || prefixes.iter().any(|p| compact.starts_with(p.as_str())) {
        return Ok(compact);
    }
    Err(Refusal::NotPermitted(format!(
        "this destination is outside the line's list: its prefix is added to `transfer-to` by {WHO}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connector_is_granted_by_its_name() {
        let granted = ["crm".to_owned()];
        assert!(permit_connector("crm", &granted).is_ok());
        for other in ["CRM", "crm ", "cr", "", "crm\0", "https://crm.example.com/"] {
            let refused = permit_connector(other, &granted).unwrap_err().to_string();
            assert!(refused.contains("`connectors` of this line"), "{refused}");
        }
        let reason = permit_connector("+33612345678 of Anne's", &[]).unwrap_err().reason();
        assert!(reason.starts_with("this line does not grant the connector \"…\": "), "{reason}");
    }

    #[test]
    fn what_a_line_does_not_name_it_does_not_grant_and_is_told_what_to_write() {
        use Capability::{Calendar, Memory, Transfer};
        let line = |more: &str| -> LineConfig {
            toml::from_str(&format!("number = \"+33199005678\"\nagent = \"desk.wasm\"\n{more}")).unwrap()
        };
        assert!(line("").capabilities.is_empty());
        assert!(permit(Import::Book, &[Calendar], &line("").capabilities).is_err());
        let told = not_granted(&line(""), &[Transfer, Calendar]).unwrap();
        assert!(told.ends_with("write capabilities = [\"calendar\", \"transfer\"]"), "{told}");
        let some = line("capabilities = [\"memory\", \"calendar\"]");
        let told = not_granted(&some, &[Calendar, Transfer]).unwrap();
        assert!(told.contains("its agent transfer, which"), "{told}");
        assert!(told.ends_with("[\"calendar\", \"memory\", \"transfer\"]"), "{told}");
        assert_eq!(not_granted(&some, &[Memory]), None);
        assert_eq!(not_granted(&line(""), &[]), None);
    }

    #[test]
    fn a_capability_needs_both_the_agent_and_the_line() {
        let calendar = [Capability::Calendar];
        assert!(permit(Import::Book, &calendar, &calendar).is_ok());
        assert!(permit(Import::Say, &[], &[]).is_ok());
        let undeclared = permit(Import::Book, &[], &calendar).unwrap_err().to_string();
        assert!(undeclared.contains("agent's description"), "{undeclared}");
        let ungranted = permit(Import::Book, &calendar, &[]).unwrap_err().to_string();
        assert!(ungranted.contains("of this line"), "{ungranted}");
        assert!(ungranted.contains("an admin of the tenant (parloir line set)"), "{ungranted}");
    }

    #[test]
    fn a_transfer_stays_within_the_list() {
        let prefixes = ["+331".to_owned()];
        let go = |to| transfer_destination(to, Some("+33900000000"), &prefixes);
        assert_eq!(go(""), Ok("+33900000000".into()));
        assert_eq!(go("+33 1 23 45 67 89"), Ok("+33123456789".into()));
        assert!(matches!(go("+33892123456"), Err(Refusal::NotPermitted(_))));
        let refused = go("+33892123456").unwrap_err().to_string();
        assert!(refused.contains("an admin of the tenant (parloir line set)"), "{refused}");
        assert!(matches!(go("0123456789"), Err(Refusal::Invalid(_))));
        assert!(matches!(go("+331;ext=1"), Err(Refusal::Invalid(_))));
        assert!(matches!(transfer_destination("", None, &prefixes), Err(Refusal::Unavailable(_))));
    }
}
