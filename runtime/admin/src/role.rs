//! Who may do what: roles, actions, and the matrix of the two, fixed at compile time.
//!
//! Nothing is allowed that [`Action::rule`] does not name. The whole matrix, route by route, is `tests/matrix.txt`.

use std::fmt;
use std::str::FromStr;

use parloir_contract::TenantId;
use parloir_tenancy::INSTALLATION;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What somebody is: in a tenant, or in the installation itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Of a tenant: answers callers, and sees their own calls only.
    Agent,
    /// Of a tenant: looks after its teams' calls, or all where it has no team.
    Supervisor,
    /// Of a tenant: as a supervisor, and lines, agents and users.
    Admin,
    /// Of a tenant or of the installation: users and billing, and no data of calls.
    Owner,
    /// Of the installation: its tenants, and nothing of theirs except through break-glass.
    Operator,
}

impl Role {
    /// Every role there is.
    pub const ALL: [Self; 5] = [Self::Agent, Self::Supervisor, Self::Admin, Self::Owner, Self::Operator];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Supervisor => "supervisor",
            Self::Admin => "admin",
            Self::Owner => "owner",
            Self::Operator => "operator",
        }
    }

    /// Whether somebody can be this in a tenant, or in the installation.
    pub fn exists_in(self, realm: &TenantId) -> bool {
        match self {
            Self::Agent | Self::Supervisor | Self::Admin => !is_installation(realm),
            Self::Owner => true,
            Self::Operator => is_installation(realm),
        }
    }

    /// Whether whoever is this may make somebody that role, change or remove them, or hand them a key: nobody makes more of
    /// anybody than they are, but for owners, who appoint whom they like: one can make a key for a supervisor and read calls with
    /// that. `parloir accesses` shows the key then, and the log who made it.
    pub const fn may_appoint(self, role: Self) -> bool {
        match self {
            Self::Owner => true,
            Self::Admin => matches!(role, Self::Agent | Self::Supervisor | Self::Admin),
            Self::Agent | Self::Supervisor | Self::Operator => false,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let known = || Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|role| role.name() == text);
        found.ok_or_else(|| format!("there is no role {text:?}: write one of {}", known()))
    }
}

/// Whether this is the installation itself, and no tenant.
pub fn is_installation(realm: &TenantId) -> bool {
    realm.as_str() == INSTALLATION
}

/// What a route lets somebody do. Its name is what a key's scopes are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Action {
    /// Read who one is.
    #[serde(rename = "self:read")]
    ReadSelf,
    /// List the installation's tenants.
    #[serde(rename = "tenants:read")]
    ReadTenants,
    /// Make tenants.
    #[serde(rename = "tenants:write")]
    WriteTenants,
    /// Read a tenant's record: its quota, how long its calls are kept.
    #[serde(rename = "tenant:read")]
    ReadTenant,
    /// Change a tenant's record.
    #[serde(rename = "tenant:write")]
    WriteTenant,
    /// Suspend a tenant, and resume it.
    #[serde(rename = "tenant:suspend")]
    SuspendTenant,
    /// Say whether a tenant's agents answer in a process of their own.
    #[serde(rename = "tenant:cordon")]
    CordonTenant,
    /// Bring a tenant of the operator's file into the directory, with a key of its owner's.
    #[serde(rename = "tenant:import")]
    ImportTenant,
    /// Read what of a tenant's is set aside.
    #[serde(rename = "problems:read")]
    ReadProblems,
    /// Read which providers what callers say goes to.
    #[serde(rename = "providers:read")]
    ReadProviders,
    /// Read what a tenant's calls used, and what that cost: sums of months.
    #[serde(rename = "ledger:read")]
    ReadLedger,
    /// Read which numbers a tenant was given.
    #[serde(rename = "numbers:read")]
    ReadNumbers,
    /// Give a tenant a number, or take one back.
    #[serde(rename = "numbers:write")]
    WriteNumbers,
    /// Read who there is.
    #[serde(rename = "users:read")]
    ReadUsers,
    /// Add, change and remove users.
    #[serde(rename = "users:write")]
    WriteUsers,
    /// Read which keys there are.
    #[serde(rename = "keys:read")]
    ReadKeys,
    /// Make and revoke keys.
    #[serde(rename = "keys:write")]
    WriteKeys,
    /// Read lines and their settings.
    #[serde(rename = "lines:read")]
    ReadLines,
    /// Change lines and their settings.
    #[serde(rename = "lines:write")]
    WriteLines,
    /// Read when appointments can be made.
    #[serde(rename = "calendar:read")]
    ReadCalendar,
    /// Change when appointments can be made.
    #[serde(rename = "calendar:write")]
    WriteCalendar,
    /// Read which glass was broken, by whom and why.
    #[serde(rename = "break-glass:read")]
    ReadGlass,
    /// Break the glass of a tenant, for a time.
    #[serde(rename = "break-glass:write")]
    BreakGlass,
    /// Read which secrets there are: never what they are.
    #[serde(rename = "secrets:read")]
    ReadSecrets,
    /// Keep, change and remove secrets.
    #[serde(rename = "secrets:write")]
    WriteSecrets,
    /// Read where agents may have requests sent.
    #[serde(rename = "connectors:read")]
    ReadConnectors,
    /// Change where agents may have requests sent.
    #[serde(rename = "connectors:write")]
    WriteConnectors,
    /// Read which callers no agent answers.
    #[serde(rename = "blocked:read")]
    ReadBlocked,
    /// Change which callers no agent answers.
    #[serde(rename = "blocked:write")]
    WriteBlocked,
    /// Read what a tenant's agents may read.
    #[serde(rename = "documents:read")]
    ReadDocuments,
    /// Keep, change and remove what a tenant's agents may read.
    #[serde(rename = "documents:write")]
    WriteDocuments,
    /// List and hear what a tenant's agents may play.
    #[serde(rename = "sounds:read")]
    ReadSounds,
    /// Keep, change and remove what a tenant's agents may play.
    #[serde(rename = "sounds:write")]
    WriteSounds,
    /// Read agents, their versions, and the keys that may sign them.
    #[serde(rename = "agents:read")]
    ReadAgents,
    /// Upload versions of agents, and remove those that answer nobody.
    #[serde(rename = "agents:write")]
    WriteAgents,
    /// Say which versions of agents answer: try, promote and take them back.
    #[serde(rename = "agents:promote")]
    PromoteAgents,
    /// Approve of a version that may do more than the one before.
    #[serde(rename = "agents:approve")]
    ApproveAgents,
    /// Say which keys may sign agents, and whether unsigned ones are taken.
    #[serde(rename = "agent-keys:write")]
    WriteAgentKeys,
    /// List calls and read them: an agent those alone that were handed to them, a supervisor those of their teams where there are any.
    #[serde(rename = "calls:read")]
    ReadCalls,
    /// Hear calls.
    #[serde(rename = "recordings:read")]
    ReadRecordings,
    /// Take proofs of calls away.
    #[serde(rename = "calls:export")]
    ExportCalls,
    /// Read and write what supervisors think of calls.
    #[serde(rename = "calls:review")]
    ReviewCalls,
    /// Read who answers the numbers that callers are handed to.
    #[serde(rename = "contacts:read")]
    ReadContacts,
    /// Say who answers them, and so which calls are whose.
    #[serde(rename = "contacts:write")]
    WriteContacts,
    /// Read which lines' calls which supervisors see: the teams.
    #[serde(rename = "teams:read")]
    ReadTeams,
    /// Change that.
    #[serde(rename = "teams:write")]
    WriteTeams,
    /// Read who did what: the audit log.
    #[serde(rename = "audit:read")]
    ReadAudit,
    /// Have a tenant leave.
    #[serde(rename = "tenant:remove")]
    RemoveTenant,
    /// Have calls kept shorter than the installation keeps them.
    #[serde(rename = "retention:write")]
    WriteRetention,
    /// Read who is told of calls.
    #[serde(rename = "webhooks:read")]
    ReadWebhooks,
    /// Say who is told of calls.
    #[serde(rename = "webhooks:write")]
    WriteWebhooks,
    /// Read which cases there are: what persons ask for.
    #[serde(rename = "cases:read")]
    ReadCases,
    /// Open cases, extend and close them.
    #[serde(rename = "cases:write")]
    WriteCases,
    /// Look up what is known of a person, and take it away for them.
    #[serde(rename = "persons:export")]
    ExportPersons,
    /// Erase a person.
    #[serde(rename = "persons:erase")]
    ErasePersons,
    /// Read who read, heard and exported calls.
    #[serde(rename = "accesses:read")]
    ReadAccesses,
    /// Put right what was recorded of a person.
    #[serde(rename = "persons:rectify")]
    RectifyPersons,
    /// Have a person's calls kept and not used, or used again.
    #[serde(rename = "persons:restrict")]
    RestrictPersons,
}

/// Who may do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Roles of the realm itself that it is done in: the tenant, or the installation.
    pub own: &'static [Role],
    /// Roles of the installation, in every tenant.
    pub above: &'static [Role],
    /// Whether an operator may do it in a tenant whose glass they broke.
    pub glass: bool,
}

impl Action {
    /// Every action there is.
    pub const ALL: [Self; 58] = [
        Self::ReadSelf,
        Self::ReadTenants,
        Self::WriteTenants,
        Self::ReadTenant,
        Self::WriteTenant,
        Self::SuspendTenant,
        Self::CordonTenant,
        Self::ImportTenant,
        Self::ReadProblems,
        Self::ReadProviders,
        Self::ReadLedger,
        Self::ReadNumbers,
        Self::WriteNumbers,
        Self::ReadUsers,
        Self::WriteUsers,
        Self::ReadKeys,
        Self::WriteKeys,
        Self::ReadLines,
        Self::WriteLines,
        Self::ReadCalendar,
        Self::WriteCalendar,
        Self::ReadGlass,
        Self::BreakGlass,
        Self::ReadSecrets,
        Self::WriteSecrets,
        Self::ReadConnectors,
        Self::WriteConnectors,
        Self::ReadBlocked,
        Self::WriteBlocked,
        Self::ReadDocuments,
        Self::WriteDocuments,
        Self::ReadSounds,
        Self::WriteSounds,
        Self::ReadAgents,
        Self::WriteAgents,
        Self::PromoteAgents,
        Self::ApproveAgents,
        Self::WriteAgentKeys,
        Self::ReadCalls,
        Self::ReadRecordings,
        Self::ExportCalls,
        Self::ReviewCalls,
        Self::ReadContacts,
        Self::WriteContacts,
        Self::ReadTeams,
        Self::WriteTeams,
        Self::ReadAudit,
        Self::RemoveTenant,
        Self::WriteRetention,
        Self::ReadWebhooks,
        Self::WriteWebhooks,
        Self::ReadCases,
        Self::WriteCases,
        Self::ExportPersons,
        Self::ErasePersons,
        Self::ReadAccesses,
        Self::RectifyPersons,
        Self::RestrictPersons,
    ];

    /// Whether it is to read calls, or what is kept beside them.
    pub const fn is_of_calls(self) -> bool {
        matches!(self, Self::ReadCalls | Self::ReadRecordings | Self::ExportCalls | Self::ReviewCalls)
    }

    /// Whether it is done for a person, who may be in any of a tenant's calls.
    pub const fn is_of_persons(self) -> bool {
        matches!(
            self,
            Self::ReadCases
                | Self::WriteCases
                | Self::ExportPersons
                | Self::ErasePersons
                | Self::RectifyPersons
                | Self::RestrictPersons
        )
    }

    /// Whether nobody of a tenant does it, and so whoever runs the installation: to a tenant.
    pub const fn is_done_from_above(self) -> bool {
        self.rule().own.is_empty()
    }

    /// Whether the installation itself has something of it: of everything else a tenant has to be named.
    pub const fn is_of_the_installation(self) -> bool {
        matches!(
            self,
            Self::ReadSelf
                | Self::ReadTenants
                | Self::WriteTenants
                | Self::ReadProviders
                | Self::ReadUsers
                | Self::WriteUsers
                | Self::ReadKeys
                | Self::WriteKeys
                | Self::ReadAudit
        )
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReadSelf => "self:read",
            Self::ReadTenants => "tenants:read",
            Self::WriteTenants => "tenants:write",
            Self::ReadTenant => "tenant:read",
            Self::WriteTenant => "tenant:write",
            Self::SuspendTenant => "tenant:suspend",
            Self::CordonTenant => "tenant:cordon",
            Self::ImportTenant => "tenant:import",
            Self::ReadProblems => "problems:read",
            Self::ReadProviders => "providers:read",
            Self::ReadLedger => "ledger:read",
            Self::ReadNumbers => "numbers:read",
            Self::WriteNumbers => "numbers:write",
            Self::ReadUsers => "users:read",
            Self::WriteUsers => "users:write",
            Self::ReadKeys => "keys:read",
            Self::WriteKeys => "keys:write",
            Self::ReadLines => "lines:read",
            Self::WriteLines => "lines:write",
            Self::ReadCalendar => "calendar:read",
            Self::WriteCalendar => "calendar:write",
            Self::ReadGlass => "break-glass:read",
            Self::BreakGlass => "break-glass:write",
            Self::ReadSecrets => "secrets:read",
            Self::WriteSecrets => "secrets:write",
            Self::ReadConnectors => "connectors:read",
            Self::WriteConnectors => "connectors:write",
            Self::ReadBlocked => "blocked:read",
            Self::WriteBlocked => "blocked:write",
            Self::ReadDocuments => "documents:read",
            Self::WriteDocuments => "documents:write",
            Self::ReadSounds => "sounds:read",
            Self::WriteSounds => "sounds:write",
            Self::ReadAgents => "agents:read",
            Self::WriteAgents => "agents:write",
            Self::PromoteAgents => "agents:promote",
            Self::ApproveAgents => "agents:approve",
            Self::WriteAgentKeys => "agent-keys:write",
            Self::ReadCalls => "calls:read",
            Self::ReadRecordings => "recordings:read",
            Self::ExportCalls => "calls:export",
            Self::ReviewCalls => "calls:review",
            Self::ReadContacts => "contacts:read",
            Self::WriteContacts => "contacts:write",
            Self::ReadTeams => "teams:read",
            Self::WriteTeams => "teams:write",
            Self::ReadAudit => "audit:read",
            Self::RemoveTenant => "tenant:remove",
            Self::WriteRetention => "retention:write",
            Self::ReadWebhooks => "webhooks:read",
            Self::WriteWebhooks => "webhooks:write",
            Self::ReadCases => "cases:read",
            Self::WriteCases => "cases:write",
            Self::ExportPersons => "persons:export",
            Self::ErasePersons => "persons:erase",
            Self::ReadAccesses => "accesses:read",
            Self::RectifyPersons => "persons:rectify",
            Self::RestrictPersons => "persons:restrict",
        }
    }

    /// The matrix. Users and keys stay out of the reach of broken glass: what is made through it must not outlast it. But for one:
    /// who imports a tenant is handed its first owner's key, so that its glass has to be broken for it, and the tenant reads that.
    pub const fn rule(self) -> Rule {
        use Role::{Admin, Agent, Operator, Owner, Supervisor};
        const OF_THE_HOUSE: &[Role] = &[Owner, Operator];
        let (own, above, glass): (&'static [Role], &'static [Role], bool) = match self {
            Self::ReadSelf => (&Role::ALL, &[], false),
            // Made by the installation, in the installation: a tenant's owner is of another realm.
            Self::ReadTenants | Self::WriteTenants => (OF_THE_HOUSE, &[], false),
            Self::ReadTenant => (&[Admin, Owner], OF_THE_HOUSE, true),
            Self::WriteTenant => (&[], OF_THE_HOUSE, false),
            Self::ImportTenant => (&[], &[], true),
            Self::ReadProblems | Self::ReadNumbers => (&[Supervisor, Admin, Owner], OF_THE_HOUSE, false),
            // They are the operator's, who has no tenant to name.
            Self::ReadProviders => (&[Supervisor, Admin, Owner, Operator], OF_THE_HOUSE, false),
            // Who pays for calls, on either side, and reads none of them.
            Self::ReadLedger => (&[Admin, Owner], OF_THE_HOUSE, false),
            // Whose a number is says whoever runs the installation: a tenant that chose one would have another's callers.
            Self::WriteNumbers | Self::SuspendTenant | Self::CordonTenant => (&[], &[Operator], false),
            Self::ReadUsers => (&[Admin, Owner], &[], true),
            Self::WriteUsers | Self::ReadKeys | Self::WriteKeys => (&[Admin, Owner], &[], false),
            Self::ReadLines | Self::ReadCalendar => (&[Supervisor, Admin], &[], true),
            Self::WriteLines | Self::WriteCalendar => (&[Admin], &[], true),
            Self::ReadGlass => (&[Admin, Owner], OF_THE_HOUSE, false),
            Self::BreakGlass => (&[], &[Operator], false),
            Self::ReadSecrets => (&[Admin], &[], true),
            Self::ReadConnectors => (&[Supervisor, Admin], &[], true),
            // A connector that is turned elsewhere takes the tenant's secret along: nobody but the tenant turns it.
            Self::WriteSecrets | Self::WriteConnectors => (&[Admin], &[], false),
            Self::ReadBlocked | Self::WriteBlocked => (&[Supervisor, Admin], &[], true),
            Self::ReadDocuments | Self::ReadSounds => (&[Supervisor, Admin], &[], true),
            Self::WriteDocuments | Self::WriteSounds => (&[Admin], &[], true),
            Self::ReadAgents => (&[Supervisor, Admin], &[], true),
            // Apart, so that a key for whoever builds agents puts none before callers.
            Self::WriteAgents | Self::PromoteAgents => (&[Admin], &[], true),
            // What an agent may do, and whom it is taken from, outlasts any glass.
            Self::ApproveAgents | Self::WriteAgentKeys => (&[Admin], &[], false),
            // An agent's are those alone that were handed to them, a supervisor's those of their teams: `reach.rs`.
            Self::ReadCalls => (&[Agent, Supervisor, Admin], &[], true),
            Self::ReadRecordings | Self::ExportCalls => (&[Supervisor, Admin], &[], true),
            // Of the team's work, the team's own.
            Self::ReviewCalls => (&[Supervisor, Admin], &[], false),
            Self::ReadContacts | Self::ReadTeams => (&[Supervisor, Admin, Owner], &[], true),
            // Whose calls are whose outlasts any glass.
            Self::WriteContacts | Self::WriteTeams => (&[Admin], &[], false),
            // What was done through broken glass is for the tenant to read, and not for whoever broke it.
            Self::ReadAudit => (&[Admin, Owner, Operator], &[], false),
            Self::RemoveTenant => (&[], &[Operator], false),
            // What a clock erases stays erased, whatever glass is closed after it.
            Self::WriteRetention => (&[Admin], &[], false),
            // There may be a secret of the receiver's in its address.
            Self::ReadWebhooks => (&[Admin], &[], true),
            // Whoever is told of calls is told of them long after any glass is closed.
            Self::WriteWebhooks => (&[Admin], &[], false),
            // The tenant answers for its callers' data: nobody of the installation does it in its place, through no glass.
            Self::ReadCases
            | Self::WriteCases
            | Self::ExportPersons
            | Self::RectifyPersons
            | Self::RestrictPersons => (&[Supervisor, Admin], &[], false),
            Self::ErasePersons => (&[Admin], &[], false),
            // Who looked at whose calls, with why, is for those alone who may look themselves; nor for whoever broke the glass.
            Self::ReadAccesses => (&[Supervisor, Admin], &[], false),
        };
        Rule { own, above, glass }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Action {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let known = || Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|action| action.name() == text);
        found.ok_or_else(|| format!("there is no scope {text:?}: write one of {}", known()))
    }
}

/// By what somebody may do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// By a role of the realm itself.
    Own,
    /// By a role of the installation.
    Above,
    /// Only through broken glass.
    Glass,
    /// Not at all: their role does not allow it.
    Forbidden,
    /// Not at all, and not even whether there is such a tenant is theirs to know.
    Hidden,
}

/// Whether somebody of this role and realm may do something in a realm.
pub fn decide(role: Role, of: &TenantId, action: Action, realm: &TenantId) -> Verdict {
    let rule = action.rule();
    if of == realm {
        let is_theirs = !is_installation(realm) || action.is_of_the_installation();
        return if is_theirs && rule.own.contains(&role) { Verdict::Own } else { Verdict::Forbidden };
    }
    if !is_installation(of) {
        // What is the installation's own is known to be there, what is another tenant's is not.
        return if is_installation(realm) { Verdict::Forbidden } else { Verdict::Hidden };
    }
    match (rule.above.contains(&role), rule.glass && role == Role::Operator) {
        (true, _) => Verdict::Above,
        (false, true) => Verdict::Glass,
        (false, false) => Verdict::Forbidden,
    }
}

#[cfg(test)]
mod tests;
