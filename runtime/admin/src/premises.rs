//! What the directory needs of the installation that it describes: the other side is `parloir-server`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use parloir_contract::{Capability, Description, TenantId};
use parloir_tenancy::config::TenantConfig;
use parloir_tenancy::secret::{Secret, Secrets};

use crate::calls::CallFiles;
use crate::persons::PersonFiles;
use crate::resource::{Aside, CordonPolicy, Ledger, Provider, Usage, WebhookEvent, WebhookTested};

/// A component that was compiled, and said what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The SHA-256 of the component as it answers calls, in hexadecimal digits.
    pub digest: String,
    /// What it says of itself.
    pub description: Description,
    /// What it declares to need.
    pub capabilities: Vec<Capability>,
}

/// Why nothing is known of a component: a sentence that says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unchecked {
    /// It is no agent.
    Refused(String),
    /// It could not be looked at to its end, which is not its doing.
    NotDone(String),
}

/// A sound that could be played, and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckedSound {
    /// Samples a second.
    pub rate: u32,
    /// How long it is heard.
    pub milliseconds: u64,
}

/// A component that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// Its SHA-256, in hexadecimal digits.
    pub digest: String,
    /// Where it is.
    pub file: PathBuf,
    /// What it declared when it was taken: what was approved of is no more.
    pub capabilities: Vec<Capability>,
}

/// Which versions of an agent answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    /// Its name.
    pub agent: String,
    /// The file that its lines name, which need not be there.
    pub line_names: PathBuf,
    /// The version that answers.
    pub live: Component,
    /// The one that answers a share of the calls, in percent.
    pub canary: Option<(Component, u8)>,
}

/// Who is told of a tenant's calls, as the tenant says.
#[derive(Clone)]
pub struct Receiver {
    /// What its messages wait under.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// Where it listens. There may be a secret of the receiver's in it.
    pub url: String,
    /// What it is told.
    pub events: Vec<WebhookEvent>,
    /// Where what it is told is processed.
    pub region: String,
    /// What signs, the present one first, each with until when; where nothing does, nothing is sent.
    pub secrets: Vec<(Secret, Option<Timestamp>)>,
}

/// The installation, as far as the directory reaches into it. Errors are sentences that say what to do.
#[async_trait]
pub trait Premises: Send + Sync + 'static {
    /// The tenants that the operator's file declares, in no particular order.
    fn declared(&self) -> &[TenantConfig];

    /// A tenant's folder: its components are in `agents`, its documents in `documents`, its sounds in `sounds`.
    fn home(&self, tenant: &TenantId) -> PathBuf;

    /// Whether calls could be answered so: what would only go wrong at a call goes wrong here. Changes nothing that is answered.
    async fn prepare(&self, tenant: &TenantConfig) -> Result<(), String>;

    /// Answers these tenants' lines so, from the next call on, in place of all that was known of those tenants. What cannot be
    /// answered so is left out by itself and given back with whose it is: it keeps nothing else from being answered. A tenant that
    /// is [left out whole](crate::resource::AsideKind::Whole) is answered as before.
    async fn take_in(&self, tenants: Vec<TenantConfig>) -> Vec<(TenantId, Aside)>;

    /// For what a tenant's calls are answered otherwise than it says for the time being, such as agents that fail and fail: it is
    /// told with what is left out.
    fn trouble(&self, tenant: &TenantId) -> Option<Aside>;

    /// Has a tenant's connectors send these secrets, from the next request on, in place of those it was given before. They are
    /// handed over before the tenant is taken in.
    fn entrust(&self, tenant: &TenantId, secrets: Secrets);

    /// Has these told of a tenant's calls, from the next call on, in place of those that were before; but where not all of them could
    /// be read, those that are not named here are told as before. What waits for one that is gone is not sent.
    fn tell(&self, tenant: &TenantId, receivers: Vec<Receiver>, all_read: bool);

    /// Sends one message of the type [`WEBHOOK_TEST`](crate::resource::WEBHOOK_TEST) to a receiver that was handed over with
    /// [`Premises::tell`], by what its messages wait under and its name, and says what it answered.
    async fn test_webhook(&self, tenant: &TenantId, id: &str, name: &str) -> Result<WebhookTested, String>;

    /// Whether a tenant's calls may be told to whoever listens at this address, as far as that can be said before a name is looked
    /// up.
    fn receives(&self, tenant: &TenantId, url: &str) -> Result<(), String>;

    /// Whether a secret signs as Standard Webhooks says.
    fn signs(&self, secret: &Secret) -> bool;

    /// Whether a tenant's requests may be sent below this address, as far as that can be said before a name is looked up.
    fn reaches(&self, tenant: &TenantId, url: &str) -> Result<(), String>;

    /// A caller's number in E.164 form, from how people write it.
    fn caller(&self, number: &str) -> Result<String, String>;

    /// The largest component there may be, in bytes.
    fn largest_agent(&self) -> u64;

    /// Compiles a component and has it say what it is. Nothing that is answered changes, and of one that is refused nothing stays.
    async fn check_agent(&self, component: &Path) -> Result<Checked, Unchecked>;

    /// Reads a sound as it would be played, off the executors. The error says what is wrong with it.
    async fn check_sound(&self, wav: Arc<Vec<u8>>) -> Result<CheckedSound, String>;

    /// Answers a tenant's calls by these versions from the next call on: calls that are live keep theirs. What is not named here is
    /// answered by its file; but for `unread`, the files of agents of which it cannot be read which versions answer: those are
    /// answered as before, and by no file in their place. A version that does not load leaves what there was answering, and is
    /// given back.
    async fn deploy(&self, tenant: &TenantId, agents: Vec<Deployed>, unread: Vec<PathBuf>) -> Vec<Aside>;

    /// Answers nothing of a tenant's any more and removes its folder, with all in it: the tenant left. Doing it again finishes what
    /// was cut off.
    async fn leave(&self, tenant: &TenantId) -> Result<(), String>;

    /// Keeps nothing of a version that answered nobody and is removed.
    async fn forget_agent(&self, digest: &str);

    /// What a tenant's calls used, of all months or of one, as in `2026-11`.
    async fn ledger(&self, tenant: &TenantId, month: Option<&str>) -> Result<Ledger, String>;

    /// What of a tenant's quota for all its calls is used now.
    async fn usage(&self, tenant: &TenantId) -> Result<Usage, String>;

    /// The providers that calls go through, each by its name, within a role in the order in which they are tried.
    fn providers(&self) -> Vec<(String, Provider)>;

    /// From now on no agent answers a tenant's next calls, or agents do again: its callers hear the line's sentence and go to the
    /// fallback number. Calls that are live go on.
    fn suspend(&self, tenant: &TenantId, suspended: bool);

    /// When a tenant's agents answer in a process of their own, from the next call on; `None` where the operator's file says it.
    fn cordon(&self, tenant: &TenantId, policy: Option<CordonPolicy>);

    /// When they do now, whoever says it.
    fn cordon_of(&self, tenant: &TenantId) -> CordonPolicy;

    /// What is told of tenants' calls.
    fn calls(&self) -> &dyn CallFiles;

    /// What is done for persons who ask tenants for what is theirs.
    fn persons(&self) -> &dyn PersonFiles;

    /// Copies a tenant's components, documents and sounds from where the operator's file has them into its folder, durably.
    /// Doing it again finishes what was cut off.
    async fn bring_home(&self, tenant: &TenantConfig) -> Result<(), String>;
}
