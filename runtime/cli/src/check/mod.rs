//! What `parloir check` finds in an agent before it is deployed.
//!
//! [`component`] reads what was built, [`source`] what was written; both give [`Finding`]s, each with a
//! place and a remedy. A finding is an error where a call would go wrong, a warning where it might.

pub(crate) mod component;
pub(crate) mod source;

use std::collections::BTreeSet;

use parloir_contract::Capability;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// Calls go wrong.
    Error,
    /// Calls may go wrong, or go worse than they could.
    Warning,
}

/// Something to look at.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Finding {
    /// How bad it is.
    pub(crate) severity: Severity,
    /// A file, and its line where one is known.
    pub(crate) place: String,
    /// What is so.
    pub(crate) what: String,
    /// What to do.
    pub(crate) remedy: String,
}

impl Finding {
    fn error(place: &str, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { severity: Severity::Error, place: place.to_owned(), what: what.into(), remedy: remedy.into() }
    }

    fn warning(place: &str, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(place, what, remedy) }
    }
}

/// The functions an agent calls, as `calendar.free`; a whole interface where no more is known:
/// `calendar`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Used(pub(crate) BTreeSet<String>);

impl Used {
    fn interface(&self, name: &str) -> bool {
        self.0.iter().any(|used| used.split('.').next() == Some(name))
    }

    fn function(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    fn needs(&self, capability: Capability) -> bool {
        match capability {
            Capability::Transfer => self.function("call.transfer"),
            Capability::Model | Capability::Calendar | Capability::Memory | Capability::Documents => {
                self.interface(capability.name())
            }
        }
    }
}

/// Holds what an agent calls against what it declares. `place` says where a capability is first
/// mentioned.
pub(crate) fn capabilities(
    used: &Used,
    declared: &[Capability],
    component: &str,
    place: impl Fn(Capability) -> Option<String>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for capability in Capability::ALL {
        let name = capability.name();
        let (needs, declares) = (used.needs(capability), declared.contains(&capability));
        let place = || place(capability).unwrap_or_else(|| component.to_owned());
        if needs && !declares {
            findings.push(Finding::error(
                &place(),
                format!("the agent uses `{name}` and does not declare it: each such call is refused"),
                format!("add \"{name}\" to the capabilities of its description"),
            ));
        }
        if declares && !needs {
            findings.push(Finding::warning(
                component,
                format!("the agent declares `{name}` and never uses it"),
                format!("take \"{name}\" out of its capabilities: what is not granted cannot be misused"),
            ));
        }
    }
    if !used.function("call.transfer") {
        findings.push(Finding::warning(
            component,
            "no path leads to a human: the agent never calls `transfer`",
            "put the caller through when asked to, and when nothing is understood: `transfer(\"\")` takes the line's fallback number",
        ));
    }
    if !used.interface("report") {
        findings.push(Finding::warning(
            component,
            "nothing is reported: the tenant will not know what the call was about",
            "set `report.status` first of all, and the other fields as the call goes",
        ));
    }
    if !used.function("call.consent") {
        findings.push(Finding::warning(
            component,
            "the caller is never asked about recording: on a line with `recording = \"ask\"` nothing is kept",
            "ask, and tell the host with `consent`",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(names: &[&str]) -> Used {
        Used(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn what_is_used_is_declared_and_the_reverse() {
        let used = used(&["calendar.free", "call.transfer", "call.consent", "report.set"]);
        let found = capabilities(&used, &[Capability::Transfer, Capability::Memory], "a.wasm", |_| None);
        let said: Vec<_> = found.iter().map(|f| (f.severity, f.what.as_str())).collect();
        assert_eq!(
            said,
            [
                (
                    Severity::Error,
                    "the agent uses `calendar` and does not declare it: each such call is refused"
                ),
                (Severity::Warning, "the agent declares `memory` and never uses it"),
            ]
        );
    }

    #[test]
    fn an_agent_that_keeps_callers_from_humans_is_told() {
        let found = capabilities(&used(&["call.say"]), &[], "a.wasm", |_| None);
        assert!(found.iter().any(|f| f.what.contains("no path leads to a human")));
        assert!(found.iter().any(|f| f.what.contains("nothing is reported")));
        assert!(found.iter().any(|f| f.what.contains("never asked about recording")));
    }
}
