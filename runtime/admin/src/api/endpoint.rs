//! Every route there is: the router, the matrix of roles, and the OpenAPI document are made of this one table.

use axum::routing::MethodFilter;

use crate::role::Action;

/// A method of HTTP that the API has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Makes something new, whose name the installation chooses.
    Post,
    /// Makes or replaces what the path names.
    Put,
    /// Removes what the path names.
    Delete,
}

impl Method {
    /// As HTTP writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }

    pub(crate) const fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Put => MethodFilter::PUT,
            Self::Delete => MethodFilter::DELETE,
        }
    }
}

/// In whose rooms a route does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In nobody's: it needs no key.
    Nobodys,
    /// In those of whoever asks.
    Own,
    /// In the installation's.
    Installation,
    /// In those of the tenant that the path names.
    Tenant,
}

macro_rules! endpoints {
    ($($(#[doc = $doc:literal])+ $name:ident = $method:ident $path:literal $place:ident $action:ident;)+) => {
        /// A route: a method and a path.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Endpoint {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Endpoint {
            /// Every route there is. The router is made of these and of nothing else.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Its method.
            pub const fn method(self) -> Method {
                match self {
                    $(Self::$name => Method::$method,)+
                }
            }

            /// Its path, with parameters in braces.
            pub const fn path(self) -> &'static str {
                match self {
                    $(Self::$name => $path,)+
                }
            }

            /// In whose rooms it does something.
            pub const fn place(self) -> Place {
                match self {
                    $(Self::$name => Place::$place,)+
                }
            }

            /// What somebody must be allowed to do.
            pub const fn action(self) -> Action {
                match self {
                    $(Self::$name => Action::$action,)+
                }
            }

            /// What it does, in a sentence.
            pub const fn summary(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),+),)+
                }
            }

            /// Its name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }
        }
    };
}

endpoints! {
    /// This document.
    Document = Get "/v1/openapi.json" Nobodys ReadSelf;
    /// With which issuer one logs in, if with any.
    GetLogIn = Get "/v1/log-in" Nobodys ReadSelf;
    /// Logs in with an ID token: makes a key of 12 hours, which is told once.
    LogIn = Post "/v1/log-in" Nobodys ReadSelf;
    /// Who asks: user, role, key.
    Me = Get "/v1/me" Own ReadSelf;
    /// Gives back the key that asks, which a log-in made.
    LogOut = Delete "/v1/me" Own ReadSelf;
    /// The installation's tenants, those of the operator's file too.
    ListTenants = Get "/v1/tenants" Installation ReadTenants;
    /// Makes a tenant, with an owner and their first key.
    CreateTenant = Post "/v1/tenants" Installation WriteTenants;
    /// A tenant's record.
    GetTenant = Get "/v1/tenants/{tenant}" Tenant ReadTenant;
    /// Replaces a tenant's record.
    PutTenant = Put "/v1/tenants/{tenant}" Tenant WriteTenant;
    /// Since when and why a tenant is suspended, where it is.
    GetSuspension = Get "/v1/tenants/{tenant}/suspension" Tenant ReadTenant;
    /// Suspends a tenant: from the next call on no agent answers, and its keys open nothing. Live calls go on.
    SuspendTenant = Put "/v1/tenants/{tenant}/suspension" Tenant SuspendTenant;
    /// Resumes a tenant that is suspended.
    ResumeTenant = Delete "/v1/tenants/{tenant}/suspension" Tenant SuspendTenant;
    /// When a tenant's agents answer in a process of their own, and who says so.
    GetCordon = Get "/v1/tenants/{tenant}/cordon" Tenant ReadTenant;
    /// Says when a tenant's agents answer in a process of their own, from the next call on.
    PutCordon = Put "/v1/tenants/{tenant}/cordon" Tenant CordonTenant;
    /// Leaves it to the operator's file again.
    DeleteCordon = Delete "/v1/tenants/{tenant}/cordon" Tenant CordonTenant;
    /// Brings a tenant of the operator's file into the directory, with its lines.
    ImportTenant = Post "/v1/tenants/{tenant}/import" Tenant ImportTenant;
    /// What of a tenant's is set aside, because it cannot be read or calls cannot be answered so.
    ListProblems = Get "/v1/tenants/{tenant}/problems" Tenant ReadProblems;
    /// What a tenant's calls used, and what that cost, month by month: sums, and nothing of any one call.
    GetLedger = Get "/v1/tenants/{tenant}/ledger" Tenant ReadLedger;
    /// What of a tenant's quota is used: of the month, of what agents remember, and of the disk.
    GetUsage = Get "/v1/tenants/{tenant}/usage" Tenant ReadTenant;
    /// The providers that what a tenant's callers say goes to: where, on what ground, and for how long they keep it.
    ListProviders = Get "/v1/tenants/{tenant}/providers" Tenant ReadProviders;
    /// The numbers that a tenant was given.
    ListNumbers = Get "/v1/tenants/{tenant}/numbers" Tenant ReadNumbers;
    /// Gives a tenant a number: its lines can be made of no other.
    GiveNumber = Put "/v1/tenants/{tenant}/numbers/{line}" Tenant WriteNumbers;
    /// Takes a number back, once no line answers it.
    TakeNumber = Delete "/v1/tenants/{tenant}/numbers/{line}" Tenant WriteNumbers;
    /// A tenant's users, or the installation's.
    ListUsers = Get "/v1/tenants/{tenant}/users" Tenant ReadUsers;
    /// Makes a user.
    CreateUser = Post "/v1/tenants/{tenant}/users" Tenant WriteUsers;
    /// A user.
    GetUser = Get "/v1/tenants/{tenant}/users/{user}" Tenant ReadUsers;
    /// Replaces a user's name and role.
    PutUser = Put "/v1/tenants/{tenant}/users/{user}" Tenant WriteUsers;
    /// Removes a user, and revokes their keys.
    DeleteUser = Delete "/v1/tenants/{tenant}/users/{user}" Tenant WriteUsers;
    /// Keys, without their secrets.
    ListKeys = Get "/v1/tenants/{tenant}/keys" Tenant ReadKeys;
    /// Makes a key, which is told once.
    CreateKey = Post "/v1/tenants/{tenant}/keys" Tenant WriteKeys;
    /// A key, without its secret.
    GetKey = Get "/v1/tenants/{tenant}/keys/{key}" Tenant ReadKeys;
    /// Revokes a key.
    DeleteKey = Delete "/v1/tenants/{tenant}/keys/{key}" Tenant WriteKeys;
    /// A tenant's lines.
    ListLines = Get "/v1/tenants/{tenant}/lines" Tenant ReadLines;
    /// A line.
    GetLine = Get "/v1/tenants/{tenant}/lines/{line}" Tenant ReadLines;
    /// Makes or replaces a line of a number that the tenant was given. It answers from the next call on.
    PutLine = Put "/v1/tenants/{tenant}/lines/{line}" Tenant WriteLines;
    /// Removes a line, with its settings. Its number stays the tenant's, and live calls go on.
    DeleteLine = Delete "/v1/tenants/{tenant}/lines/{line}" Tenant WriteLines;
    /// A line's settings: words for its agent.
    ListSettings = Get "/v1/tenants/{tenant}/lines/{line}/settings" Tenant ReadLines;
    /// Makes or replaces a setting.
    PutSetting = Put "/v1/tenants/{tenant}/lines/{line}/settings/{name}" Tenant WriteLines;
    /// Removes a setting.
    DeleteSetting = Delete "/v1/tenants/{tenant}/lines/{line}/settings/{name}" Tenant WriteLines;
    /// When appointments can be made.
    GetCalendar = Get "/v1/tenants/{tenant}/calendar" Tenant ReadCalendar;
    /// Says when appointments can be made.
    PutCalendar = Put "/v1/tenants/{tenant}/calendar" Tenant WriteCalendar;
    /// Takes the calendar away: agents have none.
    DeleteCalendar = Delete "/v1/tenants/{tenant}/calendar" Tenant WriteCalendar;
    /// Glass that was broken, the newest too: by whom, why, until when.
    ListGlass = Get "/v1/tenants/{tenant}/break-glass" Tenant ReadGlass;
    /// Breaks the glass of a tenant, for a time: told in the tenant's own log, as is all that is done through it.
    BreakGlass = Post "/v1/tenants/{tenant}/break-glass" Tenant BreakGlass;
    /// The names of a tenant's secrets, and which connectors send them. What they are is told to nobody.
    ListSecrets = Get "/v1/tenants/{tenant}/secrets" Tenant ReadSecrets;
    /// Keeps a secret, or another in its place. It is sent from the next call on.
    PutSecret = Put "/v1/tenants/{tenant}/secrets/{name}" Tenant WriteSecrets;
    /// Removes a secret that no connector sends.
    DeleteSecret = Delete "/v1/tenants/{tenant}/secrets/{name}" Tenant WriteSecrets;
    /// A tenant's connectors: services that its agents have requests sent to, by a name.
    ListConnectors = Get "/v1/tenants/{tenant}/connectors" Tenant ReadConnectors;
    /// A connector.
    GetConnector = Get "/v1/tenants/{tenant}/connectors/{name}" Tenant ReadConnectors;
    /// Makes or replaces a connector, from the next call on.
    PutConnector = Put "/v1/tenants/{tenant}/connectors/{name}" Tenant WriteConnectors;
    /// Removes a connector.
    DeleteConnector = Delete "/v1/tenants/{tenant}/connectors/{name}" Tenant WriteConnectors;
    /// The callers that no agent answers. That somebody looked is told in the tenant's log.
    ListBlocked = Get "/v1/tenants/{tenant}/blocked" Tenant ReadBlocked;
    /// Has no agent answer a caller any more, from their next call on.
    BlockNumber = Post "/v1/tenants/{tenant}/blocked" Tenant WriteBlocked;
    /// Has a caller answered again.
    UnblockNumber = Delete "/v1/tenants/{tenant}/blocked/{blocked}" Tenant WriteBlocked;
    /// A tenant's documents: what its agents may read, where their lines grant it.
    ListDocuments = Get "/v1/tenants/{tenant}/documents" Tenant ReadDocuments;
    /// A document's text.
    GetDocument = Get "/v1/tenants/{tenant}/documents/{document}" Tenant ReadDocuments;
    /// Keeps a document, or another in its place. A call goes on with the documents that there were when its agent first asked for one.
    PutDocument = Put "/v1/tenants/{tenant}/documents/{document}" Tenant WriteDocuments;
    /// Removes a document.
    DeleteDocument = Delete "/v1/tenants/{tenant}/documents/{document}" Tenant WriteDocuments;
    /// A tenant's sounds: announcements and the like, which its agents may play by their names.
    ListSounds = Get "/v1/tenants/{tenant}/sounds" Tenant ReadSounds;
    /// A sound, as it was uploaded.
    GetSound = Get "/v1/tenants/{tenant}/sounds/{sound}" Tenant ReadSounds;
    /// Keeps a sound, or another in its place: a WAV of 16-bit PCM, µ-law or A-law, of at most 2 MiB. A call goes on with a sound as it was when its agent first played it.
    PutSound = Put "/v1/tenants/{tenant}/sounds/{sound}" Tenant WriteSounds;
    /// Removes a sound.
    DeleteSound = Delete "/v1/tenants/{tenant}/sounds/{sound}" Tenant WriteSounds;
    /// Agents whose versions are kept here: which version answers, and which is tried.
    ListAgents = Get "/v1/tenants/{tenant}/agents" Tenant ReadAgents;
    /// An agent.
    GetAgent = Get "/v1/tenants/{tenant}/agents/{agent}" Tenant ReadAgents;
    /// Removes an agent that no line names, with all its versions.
    DeleteAgent = Delete "/v1/tenants/{tenant}/agents/{agent}" Tenant WriteAgents;
    /// Takes back the canary, or where there is none goes back to the version before.
    RollBackAgent = Post "/v1/tenants/{tenant}/agents/{agent}/roll-back" Tenant PromoteAgents;
    /// An agent's versions, each with its figures.
    ListVersions = Get "/v1/tenants/{tenant}/agents/{agent}/versions" Tenant ReadAgents;
    /// Uploads a component: it is compiled and checked, and answers nobody yet.
    PushVersion = Post "/v1/tenants/{tenant}/agents/{agent}/versions" Tenant WriteAgents;
    /// A version, with its figures and what it may do more and less than the live one.
    GetVersion = Get "/v1/tenants/{tenant}/agents/{agent}/versions/{version}" Tenant ReadAgents;
    /// Removes a version that answers no calls.
    DeleteVersion = Delete "/v1/tenants/{tenant}/agents/{agent}/versions/{version}" Tenant WriteAgents;
    /// Approves of all that a version may do.
    ApproveVersion = Post "/v1/tenants/{tenant}/agents/{agent}/versions/{version}/approve" Tenant ApproveAgents;
    /// Tries a version on a share of the calls, in place of any other canary. One that fails too often is taken back.
    StartCanary = Post "/v1/tenants/{tenant}/agents/{agent}/versions/{version}/canary" Tenant PromoteAgents;
    /// Has a version answer from the next call on. Live calls keep theirs.
    PromoteVersion = Post "/v1/tenants/{tenant}/agents/{agent}/versions/{version}/promote" Tenant PromoteAgents;
    /// Keys that may sign agents.
    ListAgentKeys = Get "/v1/tenants/{tenant}/agent-keys" Tenant ReadAgents;
    /// Trusts a key to sign agents.
    TrustAgentKey = Post "/v1/tenants/{tenant}/agent-keys" Tenant WriteAgentKeys;
    /// Trusts a key no more. What it signed before stays.
    DistrustAgentKey = Delete "/v1/tenants/{tenant}/agent-keys/{key}" Tenant WriteAgentKeys;
    /// What is asked of agents that are uploaded.
    GetAgentPolicy = Get "/v1/tenants/{tenant}/agent-policy" Tenant ReadAgents;
    /// Says what is asked of agents that are uploaded.
    PutAgentPolicy = Put "/v1/tenants/{tenant}/agent-policy" Tenant WriteAgentKeys;
    /// Who answers the numbers that a tenant's callers are handed to.
    ListContacts = Get "/v1/tenants/{tenant}/contacts" Tenant ReadContacts;
    /// A contact.
    GetContact = Get "/v1/tenants/{tenant}/contacts/{line}" Tenant ReadContacts;
    /// Says who answers a number: as agents, they see the calls that were handed to it.
    PutContact = Put "/v1/tenants/{tenant}/contacts/{line}" Tenant WriteContacts;
    /// Removes a contact.
    DeleteContact = Delete "/v1/tenants/{tenant}/contacts/{line}" Tenant WriteContacts;
    /// A tenant's teams: lines, and the supervisors who see their calls.
    ListTeams = Get "/v1/tenants/{tenant}/teams" Tenant ReadTeams;
    /// A team.
    GetTeam = Get "/v1/tenants/{tenant}/teams/{name}" Tenant ReadTeams;
    /// Makes or replaces a team. Where there is one, a supervisor sees the calls of their own teams and no others.
    PutTeam = Put "/v1/tenants/{tenant}/teams/{name}" Tenant WriteTeams;
    /// Removes a team. Where it was the last, supervisors see all calls.
    DeleteTeam = Delete "/v1/tenants/{tenant}/teams/{name}" Tenant WriteTeams;
    /// A tenant's calls, newest first; to an agent, those that were handed to them; to a supervisor, those of their teams, where there are teams. A page may be short while there are more.
    ListCalls = Get "/v1/tenants/{tenant}/calls" Tenant ReadCalls;
    /// A call, and what happened in it. That somebody read it is told in the tenant's log.
    GetCall = Get "/v1/tenants/{tenant}/calls/{call}" Tenant ReadCalls;
    /// The sound of a call, the caller left and the agent right. That somebody heard it is told in the tenant's log.
    GetRecording = Get "/v1/tenants/{tenant}/calls/{call}/recording" Tenant ReadRecordings;
    /// A proof file of a call, that anybody can check. With all that was said, that is told in the tenant's log.
    GetProof = Get "/v1/tenants/{tenant}/calls/{call}/proof" Tenant ExportCalls;
    /// What supervisors think of a call.
    ListReviews = Get "/v1/tenants/{tenant}/calls/{call}/reviews" Tenant ReviewCalls;
    /// A review, by the user who wrote it.
    GetReview = Get "/v1/tenants/{tenant}/calls/{call}/reviews/{user}" Tenant ReviewCalls;
    /// Writes or replaces one's own review.
    PutReview = Put "/v1/tenants/{tenant}/calls/{call}/reviews/{user}" Tenant ReviewCalls;
    /// Removes a review: its writer, or an admin.
    DeleteReview = Delete "/v1/tenants/{tenant}/calls/{call}/reviews/{user}" Tenant ReviewCalls;
    /// What persons asked a tenant for: each a case with its term, without numbers and words.
    ListCases = Get "/v1/tenants/{tenant}/cases" Tenant ReadCases;
    /// Opens a case: somebody asks for what is theirs. Its term is one month from the day it was received.
    OpenCase = Post "/v1/tenants/{tenant}/cases" Tenant WriteCases;
    /// A case, and what was done in it.
    GetCase = Get "/v1/tenants/{tenant}/cases/{case}" Tenant ReadCases;
    /// Extends a case's term, by two months in all at most.
    ExtendCase = Post "/v1/tenants/{tenant}/cases/{case}/extend" Tenant WriteCases;
    /// Closes a case: what was asked for was done, or is refused.
    CloseCase = Post "/v1/tenants/{tenant}/cases/{case}/close" Tenant WriteCases;
    /// Looks up what is known of the person of a case. That somebody reads it is told in the tenant's log.
    LookUpPerson = Post "/v1/tenants/{tenant}/cases/{case}/access" Tenant ExportPersons;
    /// How far that is, and what was found.
    GetPerson = Get "/v1/tenants/{tenant}/cases/{case}/access" Tenant ExportPersons;
    /// A file of what is handed to the person, for whoever looked it up. The last one is noted as an export in the case.
    GetPersonFile = Get "/v1/tenants/{tenant}/cases/{case}/access/files/{name}" Tenant ExportPersons;
    /// Erases the person of a case: their calls and what names them, for good. Held calls stay. Or tells what that would be.
    ErasePerson = Post "/v1/tenants/{tenant}/cases/{case}/erasure" Tenant ErasePersons;
    /// How far that is, and what was erased.
    GetErasure = Get "/v1/tenants/{tenant}/cases/{case}/erasure" Tenant ErasePersons;
    /// Puts right what was recorded of the person of a case in a call: beside what was recorded, and in the appointments made there. That somebody reads it is told in the tenant's log.
    RectifyPerson = Post "/v1/tenants/{tenant}/cases/{case}/rectify" Tenant RectifyPersons;
    /// Has the calls of the person of a case kept and not used, by agents neither; or used again.
    RestrictPerson = Post "/v1/tenants/{tenant}/cases/{case}/restrict" Tenant RestrictPersons;
    /// What was done in a tenant, or in the installation: by whom, to what, when; newest first. A page may be short while there are more.
    ListAudit = Get "/v1/tenants/{tenant}/audit" Tenant ReadAudit;
    /// Removes a tenant whose calls are erased and whose lines are gone, with its users, keys, secrets, numbers and agents. Its log stays.
    DeleteTenant = Delete "/v1/tenants/{tenant}" Tenant RemoveTenant;
    /// How long a tenant's calls are kept, and whether the installation says so or the tenant itself.
    GetRetention = Get "/v1/tenants/{tenant}/retention" Tenant ReadTenant;
    /// Has a tenant's calls kept shorter than the installation keeps them, never longer. What is kept already goes at the next sweep.
    PutRetention = Put "/v1/tenants/{tenant}/retention" Tenant WriteRetention;
    /// Who is told of a tenant's calls when they are over, beside those of the operator's file. What signs is told to nobody.
    ListWebhooks = Get "/v1/tenants/{tenant}/webhooks" Tenant ReadWebhooks;
    /// A webhook.
    GetWebhook = Get "/v1/tenants/{tenant}/webhooks/{name}" Tenant ReadWebhooks;
    /// Makes or replaces a webhook, from the next call on. Where it names another secret, the one before signs for a day more.
    PutWebhook = Put "/v1/tenants/{tenant}/webhooks/{name}" Tenant WriteWebhooks;
    /// Makes the secret that signs what a webhook is told, which is told once. The one before signs for a day more.
    MakeWebhookSecret = Post "/v1/tenants/{tenant}/webhooks/{name}/secret" Tenant WriteWebhooks;
    /// Removes a webhook. What waits for it is not sent.
    DeleteWebhook = Delete "/v1/tenants/{tenant}/webhooks/{name}" Tenant WriteWebhooks;
    /// Who read, heard or exported a tenant's calls, newest first; to a supervisor, those of their teams, where there are teams. A page may be short while there are more.
    ListAccesses = Get "/v1/tenants/{tenant}/accesses" Tenant ReadAccesses;
    /// Who read, heard or exported a call, newest first. A page may be short while there are more.
    ListCallAccesses = Get "/v1/tenants/{tenant}/calls/{call}/accesses" Tenant ReadAccesses;
    /// Sends one signed message of the type `webhook.test` to where a webhook listens, once, and tells what was answered.
    TestWebhook = Post "/v1/tenants/{tenant}/webhooks/{name}/test" Tenant WriteWebhooks;
}

impl Endpoint {
    /// Whether its answer is kept for a request that bears an idempotency key. A log-in makes another key each time, and a test
    /// sends another message; a number that is blocked already stays so, whoever asks again.
    pub(crate) const fn is_repeatable(self) -> bool {
        // What takes long goes on as it is, and a case is as its ETag says.
        matches!(self.method(), Method::Post)
            && !matches!(
                self,
                Self::LogIn | Self::BlockNumber | Self::LookUpPerson | Self::ErasePerson | Self::TestWebhook
            )
            && !self.changes_case()
    }

    /// Whether it takes a step in a case: whoever asks may say as which they know it.
    pub(crate) const fn changes_case(self) -> bool {
        matches!(self, Self::ExtendCase | Self::CloseCase | Self::RectifyPerson | Self::RestrictPerson)
    }

    /// Whether its body is read only when it is known that it may come.
    pub(crate) const fn is_upload(self) -> bool {
        matches!(self, Self::PushVersion | Self::PutDocument | Self::PutSound)
    }

    /// Whether it changes an agent that is there, or what may become of it: whoever asks may say as which they know it.
    pub(crate) const fn changes_agent(self) -> bool {
        matches!(self, Self::ApproveVersion | Self::StartCanary | Self::PromoteVersion | Self::RollBackAgent)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_route_is_there_once_and_acts_where_its_path_says() {
        let mut seen = HashSet::new();
        for endpoint in Endpoint::ALL {
            assert!(seen.insert((endpoint.method().name(), endpoint.path())), "{}", endpoint.name());
            let named = endpoint.path().contains("{tenant}");
            assert_eq!(named, endpoint.place() == Place::Tenant, "{}", endpoint.name());
        }
    }
}
