//! Agents' versions: where they rest, which of them answer, and what their calls come to.

use std::path::PathBuf;

use parloir_contract::TenantId;
use parloir_store::{Applied, Batch, Table, TenantStore};
use parloir_tenancy::versions::{CallOutcome, Figures, take_back};

use super::rows::{self, Row};
use super::{Batches, By, Directory, DirectoryError, Told};
use crate::home::Home;
use crate::premises::{Component, Deployed};
use crate::resource::{Agent, Aside, Ceased, KeptVersion, is_name, is_version, short};
use crate::role::Action;

/// What the keys of agents begin with, in [`Table::Agents`].
pub(crate) const AGENTS: &str = "agent/";
/// What the keys of versions begin with, there: an agent's name and the version's follow.
pub(crate) const VERSIONS: &str = "version/";
/// What the keys of figures begin with, there: as those of versions.
const FIGURES: &str = "figures/";
/// What the keys of the keys that may sign agents begin with, in [`Table::Settings`].
pub(crate) const AGENT_KEYS: &str = "agent-key/";
/// Under which key of [`Table::Settings`] it rests what a tenant asks of agents.
pub(crate) const AGENT_POLICY: &str = "agent-policy";

/// Where an agent rests.
pub(crate) fn agent_row(agent: &str) -> String {
    format!("{AGENTS}{agent}")
}

/// What the keys of an agent's versions begin with.
pub(crate) fn versions_of(agent: &str) -> String {
    format!("{VERSIONS}{agent}/")
}

/// Where a version rests.
pub(crate) fn version_row(agent: &str, version: &str) -> String {
    format!("{VERSIONS}{agent}/{version}")
}

/// Where a version's figures rest.
pub(crate) fn figures_row(agent: &str, version: &str) -> String {
    format!("{FIGURES}{agent}/{version}")
}

/// What the calls of a version came to. They are no change of the directory, and no record tells them: what cannot be read begins
/// anew.
pub(crate) async fn figures(
    store: &TenantStore,
    agent: &str,
    version: &str,
) -> Result<Figures, DirectoryError> {
    let found = store.get(Table::Agents, figures_row(agent, version)).await?;
    Ok(found.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
}

/// Whether versions of an agent answer: of all that these declare, somebody approved.
pub(crate) async fn is_promoted(store: &TenantStore, agent: &str) -> Result<bool, DirectoryError> {
    let there = rows::there::<Agent>(store, Table::Agents, &agent_row(agent)).await?;
    // Of one whose row cannot be read nobody knows.
    Ok(there.and_then(|there| there.row.ok()).is_some_and(|row| row.is.live.is_some()))
}

/// Figures as they rest.
pub(crate) fn figures_bytes(figures: &Figures) -> Result<Vec<u8>, DirectoryError> {
    serde_json::to_vec(figures).map_err(|error| DirectoryError::Damaged(error.to_string()))
}

/// Which versions of a tenant's agents answer, as its rows say.
#[derive(Default)]
struct Answering {
    deployed: Vec<Deployed>,
    /// The files of agents of which that cannot be read.
    unread: Vec<PathBuf>,
    aside: Vec<Aside>,
}

/// A version's component, or what is wrong with its row.
async fn component(
    store: &TenantStore,
    home: &Home,
    agent: &str,
    version: String,
) -> Result<Result<Component, String>, DirectoryError> {
    let remedy = "promote another with `parloir agent promote`";
    if !is_version(&version) {
        return Ok(Err(format!("its row names no version: {remedy}")));
    }
    let there = rows::there::<KeptVersion>(store, Table::Agents, &version_row(agent, &version)).await?;
    let short = short(&version);
    Ok(match there.map(|there| there.row) {
        Some(Ok(row)) => {
            let file = home.version(&version);
            Ok(Component { digest: version, file, capabilities: row.is.capabilities })
        }
        Some(Err(why)) => Err(format!("the row of its version {short} cannot be read ({why}): {remedy}")),
        None => Err(format!("its version {short} is not there: {remedy}")),
    })
}

impl Directory {
    /// Has the installation answer a tenant's calls by the versions that its rows name. What cannot be answered so is given back.
    pub(super) async fn deploy(&self, id: &TenantId) -> Vec<Aside> {
        match self.answering(id).await {
            Ok(Answering { deployed, unread, mut aside }) => {
                aside.extend(self.premises.deploy(id, deployed, unread).await);
                aside
            }
            Err(error) => {
                vec![Aside::of("agents", format!("their rows cannot be read ({error}): see to its data"))]
            }
        }
    }

    async fn answering(&self, id: &TenantId) -> Result<Answering, DirectoryError> {
        let store = self.store(id).await?;
        let home = Home::of(&self.premises.home(id)).await;
        let mut all = Answering::default();
        for (name, there) in rows::all_there::<Agent>(&store, Table::Agents, AGENTS).await? {
            let what = format!("agent {name}");
            if !is_name(&name) {
                all.aside.push(Aside::of(what, "its row has no agent's name: remove it"));
                continue;
            }
            let Row { is: Agent { live, canary, .. }, .. } = match there.row {
                Ok(row) => row,
                Err(why) => {
                    let remedy = "remove it with `parloir agent remove`, and push it again";
                    all.aside.push(Aside::of(what, format!("its row cannot be read ({why}): {remedy}")));
                    all.unread.push(home.agent(&name));
                    continue;
                }
            };
            let Some(live) = live else { continue };
            let live = match component(&store, &home, &name, live).await? {
                Ok(live) => live,
                Err(problem) => {
                    all.aside.push(Aside::of(what, problem));
                    all.unread.push(home.agent(&name));
                    continue;
                }
            };
            let canary = match canary {
                Some(canary) => match component(&store, &home, &name, canary.version).await? {
                    Ok(component) => Some((component, canary.percent)),
                    Err(problem) => {
                        all.aside.push(Aside::of(what, problem));
                        None
                    }
                },
                None => None,
            };
            all.deployed.push(Deployed { line_names: home.agent(&name), agent: name, live, canary });
        }
        Ok(all)
    }

    /// A call is over that a version answered: it counts, for so many seconds. Where it was the canary's, and the canary fails too
    /// often, it is taken back; then this is why.
    ///
    /// # Errors
    /// Where storage does not answer: then it was not counted, or the canary is not taken back yet.
    pub async fn call_ended(
        &self,
        tenant: &TenantId,
        (agent, version): (&str, &str),
        (outcome, seconds): (CallOutcome, u64),
    ) -> Result<Option<String>, DirectoryError> {
        self.take_in_again(tenant).await;
        let store = self.store(tenant).await?;
        let counting = self.counting.of(tenant).await;
        let row = version_row(agent, version);
        let kept = rows::get::<KeptVersion>(&store, Table::Agents, &row).await?;
        let Some(kept) = kept else { return Ok(None) };
        let mut own = figures(&store, agent, version).await?;
        own.count(outcome, seconds);
        let batch = Batch::new().put(Table::Agents, figures_row(agent, version), figures_bytes(&own)?);
        let Applied::Done = store.apply(batch).await? else { return Err(DirectoryError::Changed) };
        let now = rows::get::<Agent>(&store, Table::Agents, &agent_row(agent)).await?;
        let Some(now) = now else { return Ok(None) };
        if now.row.is.canary.as_ref().is_none_or(|canary| canary.version != version) {
            return Ok(None);
        }
        let others = match &now.row.is.live {
            Some(live) => figures(&store, agent, live).await?,
            None => Figures::default(),
        };
        let Some(why) = take_back(&own, &others) else { return Ok(None) };
        let told = Told {
            by: By::installation(),
            action: Action::PromoteAgents,
            subject: format!("agent {agent} version {}: rolled back, the canary", short(version)),
            why: Some(why.clone()),
        };
        let after = Agent { canary: None, ..now.row.is };
        let ceased = KeptVersion { ceased: Some(Ceased::RolledBack(why.clone())), ..kept.row.is };
        let done = self
            .commit(tenant, told, |stamp| {
                let batch = Batch::new()
                    .expect_value(Table::Agents, agent_row(agent), now.bytes)
                    .expect_value(Table::Agents, &row, kept.bytes)
                    .put(Table::Agents, agent_row(agent), stamp.bytes(&after)?)
                    .put(Table::Agents, &row, stamp.bytes(&ceased)?);
                Ok((Batches::of(&store, batch), ()))
            })
            .await;
        drop(counting);
        match done {
            Ok(()) => {}
            // Somebody did something else with it at this moment.
            Err(DirectoryError::Changed) => return Ok(None),
            Err(error) => return Err(error),
        }
        tracing::warn!(%tenant, agent, version = short(version), %why, "a canary failed too often, and was rolled back");
        self.take_in(tenant).await?;
        Ok(Some(why))
    }
}
