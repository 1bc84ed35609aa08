//! Agents whose versions are kept here: what one may do, who vouched for it, and what its calls came to.

use jiff::Timestamp;
use parloir_contract::Capability;
use parloir_tenancy::versions::{CapabilityDiff, Figures};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Agents of one tenant that are kept here.
pub const MAX_AGENTS: usize = 100;
/// Versions of one agent: with one more, the oldest of those that neither answer nor did so last goes.
pub const MAX_VERSIONS: usize = 50;
/// Bytes of all components of one tenant.
pub const MAX_AGENT_BYTES: u64 = 4 << 30;
/// Keys that one tenant trusts to sign agents.
pub const MAX_AGENT_KEYS: usize = 50;
/// The longest reason for taking a version back, in characters.
pub const MAX_ROLL_BACK_WHY: usize = 200;

/// An agent: which of its versions answer calls. Lines name it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Agent {
    /// The version that answers; `null` where none was promoted yet.
    pub live: Option<String>,
    /// The version that did so before it, to go back to.
    pub before: Option<String>,
    /// The version that answers a share of the calls, where one is tried.
    pub canary: Option<Canary>,
}

/// A version that is tried on a share of an agent's calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Canary {
    /// Which.
    pub version: String,
    /// Its share of the calls, in percent.
    pub percent: u8,
}

/// A version to be tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct StartCanary {
    /// Its share of the calls, 1 to 99.
    #[schemars(range(min = 1, max = 99))]
    pub percent: u8,
}

/// Why the canary, or where there is none the live version, is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RollBack {
    /// 1 to 200 characters.
    #[schemars(length(min = 1, max = 200))]
    pub why: String,
    /// The version that is meant; where it is another one's turn meanwhile, nothing is done.
    #[serde(default)]
    pub version: Option<String>,
}

/// Where a version stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VersionState {
    /// It may do more than the live version: a person has to approve it.
    Waiting,
    /// It may be tried, and promoted.
    Ready,
    /// It answers.
    Live,
    /// It answers a share of the calls.
    Canary,
    /// It was taken back.
    RolledBack,
    /// Another took its place.
    Retired,
}

/// A version of an agent. It is called by the SHA-256 of its component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Version {
    /// What the agent calls itself.
    pub name: String,
    /// What it calls its version.
    pub version: String,
    /// The languages it speaks, best first.
    pub languages: Vec<String>,
    /// What it declares to need.
    #[schemars(schema_with = "super::capabilities")]
    pub capabilities: Vec<Capability>,
    /// The size of its component.
    pub bytes: u64,
    /// The key that it is signed with; `null` where it is not signed.
    pub signed_by: Option<String>,
    /// The user who uploaded it.
    pub uploaded_by: String,
    /// When.
    #[schemars(with = "String")]
    pub uploaded: Timestamp,
    /// The user who approved of what it may do.
    pub approved_by: Option<String>,
    /// Where it stands.
    pub state: VersionState,
    /// Its share of the calls, where it is a canary.
    pub percent: Option<u8>,
    /// Why it was taken back, where it was.
    pub why: Option<String>,
    /// What it may do that the live version does not.
    #[schemars(schema_with = "super::capabilities")]
    pub adds: Vec<Capability>,
    /// What the live version may do that it does not.
    #[schemars(schema_with = "super::capabilities")]
    pub drops: Vec<Capability>,
    /// What its calls came to.
    pub figures: Figures,
}

/// How a version ceased to answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Ceased {
    /// It was taken back, and why.
    RolledBack(String),
    /// Another took its place.
    Retired,
}

/// A version as it rests. Where it stands is told by its agent's row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct KeptVersion {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) languages: Vec<String>,
    pub(crate) capabilities: Vec<Capability>,
    pub(crate) bytes: u64,
    pub(crate) signed_by: Option<String>,
    pub(crate) uploaded_by: String,
    pub(crate) uploaded: Timestamp,
    pub(crate) approved_by: Option<String>,
    pub(crate) ceased: Option<Ceased>,
}

impl KeptVersion {
    /// Whether it may answer calls in place of a version that declares these.
    pub(crate) fn may_answer(&self, live: &[Capability]) -> bool {
        self.approved_by.is_some() || !CapabilityDiff::between(live, &self.capabilities).grows()
    }

    /// Where it stands, as its agent's row says; `live` is what the live version declares.
    pub(crate) fn state(&self, id: &str, agent: &Agent, live: &[Capability]) -> VersionState {
        if agent.live.as_deref() == Some(id) {
            return VersionState::Live;
        }
        if agent.canary.as_ref().is_some_and(|canary| canary.version == id) {
            return VersionState::Canary;
        }
        match &self.ceased {
            Some(Ceased::RolledBack(_)) => VersionState::RolledBack,
            Some(Ceased::Retired) => VersionState::Retired,
            None if self.may_answer(live) => VersionState::Ready,
            None => VersionState::Waiting,
        }
    }

    /// The version for the API.
    pub(crate) fn shown(self, id: &str, agent: &Agent, live: &[Capability], figures: Figures) -> Version {
        let state = self.state(id, agent, live);
        let CapabilityDiff { adds, drops } = CapabilityDiff::between(live, &self.capabilities);
        let canary = agent.canary.as_ref().filter(|canary| canary.version == id);
        let why = match self.ceased {
            Some(Ceased::RolledBack(why)) if state == VersionState::RolledBack => Some(why),
            Some(Ceased::RolledBack(_) | Ceased::Retired) | None => None,
        };
        Version {
            name: self.name,
            version: self.version,
            languages: self.languages,
            capabilities: self.capabilities,
            bytes: self.bytes,
            signed_by: self.signed_by,
            uploaded_by: self.uploaded_by,
            uploaded: self.uploaded,
            approved_by: self.approved_by,
            state,
            percent: canary.map(|canary| canary.percent),
            why,
            adds,
            drops,
            figures,
        }
    }
}

/// A key that a tenant trusts to sign its agents: the public side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AgentKey {
    /// Whose it is, or what it is for: 1 to 120 characters.
    #[schemars(length(min = 1, max = 120))]
    pub name: String,
    /// As `parloir agent key` prints it: 44 characters of Base64.
    #[schemars(length(min = 44, max = 44))]
    pub public: String,
}

/// What becomes of an agent that nobody signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unsigned {
    /// It is not taken.
    #[default]
    Refuse,
    /// It is taken.
    Allow,
}

/// Whether whoever uploaded a version may approve of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SelfApproval {
    /// Somebody else has to.
    #[default]
    Refuse,
    /// They may.
    Allow,
}

/// What a tenant asks of agents that are uploaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct AgentPolicy {
    /// What becomes of one that nobody signed. Default `refuse`.
    pub unsigned: Unsigned,
    /// Whether whoever uploaded a version may approve of what it may do more. Default `refuse`; for a tenant of one person `allow`.
    pub self_approval: SelfApproval,
}

/// How a version is called: the SHA-256 of its component.
pub(crate) fn is_version(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// A version's name as far as people need it.
pub(crate) fn short(version: &str) -> &str {
    version.get(..12).unwrap_or(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(capabilities: &[Capability]) -> KeptVersion {
        KeptVersion {
            name: "desk".into(),
            version: "1".into(),
            languages: vec!["fr-FR".into()],
            capabilities: capabilities.to_vec(),
            bytes: 1,
            signed_by: None,
            uploaded_by: "4f1c".into(),
            uploaded: Timestamp::UNIX_EPOCH,
            approved_by: None,
            ceased: None,
        }
    }

    #[test]
    fn where_a_version_stands_follows_from_what_it_may_do_and_who_answers() {
        use Capability::{Memory, Model};
        let (one, two) = ("1".repeat(64), "2".repeat(64));
        let agent = Agent { live: Some(one.clone()), ..Agent::default() };
        assert_eq!(version(&[Memory]).state(&one, &agent, &[Memory]), VersionState::Live);
        assert_eq!(version(&[]).state(&two, &agent, &[Memory]), VersionState::Ready);
        let more = version(&[Memory, Model]);
        assert_eq!(more.state(&two, &agent, &[Memory]), VersionState::Waiting);
        let approved = KeptVersion { approved_by: Some("9b20".into()), ..more.clone() };
        assert_eq!(approved.state(&two, &agent, &[Memory]), VersionState::Ready);
        let canary = Agent { canary: Some(Canary { version: two.clone(), percent: 5 }), ..agent.clone() };
        let shown = approved.shown(&two, &canary, &[Memory], Figures::default());
        assert_eq!((shown.state, shown.percent, shown.adds), (VersionState::Canary, Some(5), vec![Model]));
        let back = KeptVersion { ceased: Some(Ceased::RolledBack("it traps".into())), ..more };
        let shown = back.shown(&two, &agent, &[Memory], Figures::default());
        assert_eq!((shown.state, shown.why.as_deref()), (VersionState::RolledBack, Some("it traps")));
    }

    #[test]
    fn a_row_of_a_version_fits_whatever_the_agent_says_of_itself() {
        let largest = KeptVersion {
            name: "\u{10348}".repeat(20),
            version: "\u{10348}".repeat(10),
            languages: vec!["a".repeat(35); 32],
            signed_by: Some("a".repeat(32)),
            uploaded_by: "a".repeat(32),
            approved_by: Some("a".repeat(32)),
            ceased: Some(Ceased::RolledBack("\u{10348}".repeat(MAX_ROLL_BACK_WHY))),
            ..version(&Capability::ALL)
        };
        let bytes = serde_json::to_vec(&largest).unwrap().len();
        assert!(bytes + 200 < parloir_store::MAX_VALUE, "{bytes}");
    }
}
