//! What `parloir check` finds in an agent before it is deployed.
//!
//! [`component`] reads what was built, [`source`] what was written, [`callers`] ring it, and [`cost`] weighs
//! it; all give [`Finding`]s, each by a [`Rule`], with a place and a remedy. A finding is an error where a call would
//! go wrong, a warning where it might.

pub(crate) mod callers;
pub(crate) mod component;
pub(crate) mod cost;
mod lexer;
mod python;
mod rule;
pub(crate) mod source;

use std::collections::BTreeSet;

use parloir_contract::Capability;
use parloir_rehearsal::{Event, told};

use crate::toolchain::Language;

pub(crate) use rule::Rule;

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
    /// What it is about.
    pub(crate) rule: Rule,
    /// How bad it is.
    pub(crate) severity: Severity,
    /// A file, and its line where one is known.
    pub(crate) place: String,
    /// What is so.
    pub(crate) what: String,
    /// What to do.
    pub(crate) remedy: String,
    /// The end of the call in which it was met, one line for each thing that happened; empty where there was none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) course: Vec<String>,
}

/// So much of a call is shown below a finding.
const SHOWN: usize = 6;

impl Finding {
    /// Calls go wrong.
    pub(crate) fn error(rule: Rule, place: &str, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        let (place, what, remedy) = (place.to_owned(), what.into(), remedy.into());
        Self { rule, severity: Severity::Error, place, what, remedy, course: Vec::new() }
    }

    /// Calls go wrong: this one did.
    fn in_a_call(rule: Rule, place: &str, what: String, remedy: &str, events: &[Event]) -> Self {
        let last = events.get(events.len().saturating_sub(SHOWN)..).unwrap_or_default();
        Self { course: last.iter().map(told).collect(), ..Self::error(rule, place, what, remedy) }
    }

    /// Calls may go wrong.
    pub(crate) fn warning(
        rule: Rule,
        place: &str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { severity: Severity::Warning, ..Self::error(rule, place, what, remedy) }
    }

    /// Words that no caller listens to the end of.
    fn long(place: &str, characters: usize) -> Self {
        Self::warning(
            Rule::LongSentence,
            place,
            format!("{characters} characters in one breath: about {} seconds of speech", characters / 15),
            format!(
                "say it in sentences of at most {} characters, and let the caller answer between them",
                source::LONGEST_SAID
            ),
        )
    }
}

/// The functions an agent calls, as `calendar.free`; a whole interface where no more is known:
/// `calendar`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Used(pub(crate) BTreeSet<String>);

impl Used {
    /// Whether the agent can put a caller through at all.
    pub(crate) fn transfers(&self) -> bool {
        self.function("call.transfer")
    }

    fn interface(&self, name: &str) -> bool {
        self.0.iter().any(|used| used.split('.').next() == Some(name))
    }

    fn function(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    fn needs(&self, capability: Capability) -> bool {
        match capability {
            Capability::Transfer => self.function("call.transfer"),
            Capability::Model
            | Capability::Calendar
            | Capability::Memory
            | Capability::Documents
            | Capability::Connectors => self.interface(capability.name()),
        }
    }
}

/// How an agent declares a capability, in the words of its language; in the contract's where nobody knows it.
fn declaring(language: Option<Language>, capability: Capability) -> String {
    let name = capability.name();
    match language {
        None => format!("add \"{name}\" to the capabilities of its description"),
        Some(Language::Rust) => {
            format!("add it to its `Description`: .needing([Capability::{capability:?}])")
        }
        Some(Language::Typescript) => {
            format!("add \"{name}\" to the capabilities of `agent({{ … }})`: capabilities: [\"{name}\"]")
        }
        Some(Language::Python) => {
            format!("add \"{name}\" to the capabilities of `@agent`: capabilities=[\"{name}\"]")
        }
        Some(Language::C) => format!(
            "add it to `PARLOIR_AGENT`: .needs = PARLOIR_NEEDS_{}; several are joined by |",
            name.to_uppercase()
        ),
        Some(Language::Go) => {
            let name = match capability {
                Capability::Model => "Model",
                Capability::Calendar => "Calendar",
                Capability::Memory => "Memory",
                Capability::Documents => "Documents",
                Capability::Transfer => "Transfers",
                Capability::Connectors => "Connectors",
            };
            format!("add it to `parloir.Agent`: Needs: []parloir.Capability{{parloir.{name}}}")
        }
    }
}

/// Holds what an agent calls against what it declares. `described` is where the agent says who it is,
/// `place` where a capability is first mentioned; the remedy is in the words of its language.
pub(crate) fn capabilities(
    used: &Used,
    declared: &[Capability],
    language: Option<Language>,
    described: &str,
    place: impl Fn(Capability) -> Option<String>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for capability in Capability::ALL {
        let name = capability.name();
        let (needs, declares) = (used.needs(capability), declared.contains(&capability));
        let place = || place(capability).unwrap_or_else(|| described.to_owned());
        if needs && !declares {
            findings.push(Finding::error(
                Rule::Undeclared,
                &place(),
                format!("the agent uses `{name}` and does not declare it: each such call is refused"),
                declaring(language, capability),
            ));
        }
        if declares && !needs {
            findings.push(Finding::warning(
                Rule::Unused,
                described,
                format!("the agent declares `{name}` and never uses it"),
                format!("take \"{name}\" out of its capabilities: what is not granted cannot be misused"),
            ));
        }
    }
    if !used.function("call.transfer") {
        findings.push(Finding::warning(
            Rule::NoHuman,
            described,
            "no path leads to a human: the agent never calls `transfer`",
            "put the caller through when asked to, and when nothing is understood: `transfer(\"\")` takes the line's fallback number",
        ));
    }
    if !used.interface("report") {
        findings.push(Finding::warning(
            Rule::NoReport,
            described,
            "nothing is reported: the tenant will not know what the call was about",
            "set `report.status` first of all, and the other fields as the call goes",
        ));
    }
    if !used.function("call.consent") {
        findings.push(Finding::warning(
            Rule::NoConsent,
            described,
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
        let found =
            capabilities(&used, &[Capability::Transfer, Capability::Memory], None, "a.wasm", |_| None);
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
    fn the_remedy_is_in_the_words_of_the_language() {
        for (language, words) in [
            (None, "add \"transfer\" to the capabilities"),
            (Some(Language::Rust), ".needing([Capability::Transfer])"),
            (Some(Language::Typescript), "capabilities: [\"transfer\"]"),
            (Some(Language::Python), "capabilities=[\"transfer\"]"),
            (Some(Language::C), ".needs = PARLOIR_NEEDS_TRANSFER"),
            (Some(Language::Go), "Needs: []parloir.Capability{parloir.Transfers}"),
        ] {
            let found = capabilities(&used(&["call.transfer"]), &[], language, "a", |_| None);
            assert!(found[0].remedy.contains(words), "{language:?}: {found:?}");
            assert!(found.iter().all(|finding| finding.rule != Rule::NoHuman), "{found:?}");
        }
    }

    #[test]
    fn an_agent_that_keeps_callers_from_humans_is_told() {
        let found = capabilities(&used(&["call.say"]), &[], None, "a.wasm", |_| None);
        assert!(found.iter().any(|f| f.what.contains("no path leads to a human")));
        assert!(found.iter().any(|f| f.what.contains("nothing is reported")));
        assert!(found.iter().any(|f| f.what.contains("never asked about recording")));
    }
}
