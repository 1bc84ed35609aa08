//! Versions of an agent: uploaded and checked, shown, approved, removed.

use jiff::Timestamp;
use parloir_contract::Capability;
use parloir_store::{Batch, Table};
use parloir_tenancy::signature::Signature;
use parloir_tenancy::versions::CapabilityDiff;

use super::answer::{Answer, room};
use super::asked::{Asked, SIGNATURE};
use super::problem::{Kind, Problem};
use super::{Api, permitted, repeat, signers, upload};
use crate::directory::agents::{
    AGENT_POLICY, AGENTS, VERSIONS, agent_row, figures, figures_row, version_row, versions_of,
};
use crate::directory::rows::{self, Kept, Row};
use crate::directory::{Batches, DirectoryError, KEYS, USERS};
use crate::home::Home;
use crate::premises::Unchecked;
use crate::resource::{
    Agent, AgentPolicy, Item, KeptKey, KeptVersion, MAX_AGENT_BYTES, MAX_AGENTS, MAX_VERSIONS, Page,
    SelfApproval, User, Version, VersionState, short,
};
use crate::role::{Action, Role};

/// Users who are named to whoever may not approve themselves.
const MAX_NAMED: usize = 3;

/// An agent as its row says, and what its live version declares.
pub(super) struct Shelf {
    pub(super) name: String,
    pub(super) agent: Kept<Agent>,
    pub(super) live: Vec<Capability>,
}

impl Shelf {
    /// The agent that the path names.
    pub(super) async fn of(asked: &Asked) -> Result<Self, Problem> {
        let name = asked.agent()?.to_owned();
        let agent = rows::get::<Agent>(&asked.store, Table::Agents, &agent_row(&name)).await?;
        let agent = agent.ok_or_else(|| Problem::not_found("agent").of("agent"))?;
        let live = match &agent.row.is.live {
            Some(live) => kept(asked, &name, live).await?,
            None => None,
        };
        let live = live.map(|live| live.row.is.capabilities).unwrap_or_default();
        Ok(Self { name, agent, live })
    }

    /// The version that the path names.
    pub(super) async fn version(&self, asked: &Asked) -> Result<(String, Kept<KeptVersion>), Problem> {
        let id = asked.version()?;
        let found = kept(asked, &self.name, id).await?;
        Ok((id.to_owned(), found.ok_or_else(|| Problem::not_found("version").of("version"))?))
    }

    /// A version for the API.
    async fn show(&self, asked: &Asked, id: &str, row: Row<KeptVersion>) -> Result<Item<Version>, Problem> {
        let figures = figures(&asked.store, &self.name, id).await?;
        let Row { change, at, is } = row;
        let is = is.shown(id, &self.agent.row.is, &self.live, figures);
        Ok(Row { change, at, is }.item(id))
    }

    /// What is answered where the agent's row is as it was.
    pub(super) fn unchanged(self, asked: &Asked) -> Result<Answer, Problem> {
        let Self { name, agent, .. } = self;
        let (etag, location) = (agent.row.change.clone(), place(asked, &name));
        Ok(Answer::made(&agent.row.item(name), &etag, location)?)
    }
}

/// Where an agent is, in the API.
pub(super) fn place(asked: &Asked, agent: &str) -> String {
    format!("/v1/tenants/{}/agents/{agent}", asked.realm)
}

/// A version that there is.
pub(super) async fn kept(
    asked: &Asked,
    agent: &str,
    version: &str,
) -> Result<Option<Kept<KeptVersion>>, DirectoryError> {
    rows::get::<KeptVersion>(&asked.store, Table::Agents, &version_row(agent, version)).await
}

/// Capabilities in words.
pub(super) fn names(capabilities: &[Capability]) -> String {
    capabilities.iter().map(|capability| capability.name()).collect::<Vec<_>>().join(", ")
}

pub(super) async fn list(asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let shelf = Shelf::of(asked).await?;
    let (after, limit) = asked.paging()?;
    let prefix = versions_of(&shelf.name);
    let page = rows::page::<KeptVersion>(&asked.store, Table::Agents, &prefix, after.as_deref(), limit);
    let (found, next) = page.await?;
    let mut items = Vec::with_capacity(found.len());
    for (id, kept) in found {
        items.push(shelf.show(asked, &id, kept.row).await?);
    }
    Ok(Answer::ok(&Page { items, next })?)
}

pub(super) async fn get(asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let shelf = Shelf::of(asked).await?;
    let (id, kept) = shelf.version(asked).await?;
    // Where it stands and its figures change without its row: whoever asks gets them each time.
    Ok(Answer::ok(&shelf.show(asked, &id, kept.row).await?)?)
}

pub(super) async fn push(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let mut tried = None;
    let pushed = take_in(api, asked, &mut tried).await;
    if pushed.is_err() {
        // It was compiled, and no row names it.
        if let Some(id) = tried {
            api.directory.premises().forget_agent(&id).await;
        }
        upload::discard(api, asked).await;
    }
    pushed
}

/// Takes in what is uploaded. `tried` is it while something is kept of it that no row names yet.
async fn take_in(api: &Api, asked: &Asked, tried: &mut Option<String>) -> Result<Answer, Problem> {
    asked.described_here()?;
    let name = asked.agent()?.to_owned();
    if !asked.media_type().eq_ignore_ascii_case("application/wasm") {
        let remedy = "send the component itself, with content-type: application/wasm";
        let problem = Problem::new(Kind::NotWasm, "the body is not said to be WebAssembly", remedy);
        return Err(problem.of("content-type"));
    }
    asked.idempotency_key()?;
    let signature = asked.signature()?;
    let vouched = signers::signer(asked, signature.as_ref()).await?;
    let _turn = api.uploads.begin(&asked.realm)?;
    let there = rows::get::<Agent>(&asked.store, Table::Agents, &agent_row(&name)).await?;
    if there.is_none() {
        // Before it is read in vain.
        room(rows::count(&asked.store, Table::Agents, AGENTS).await?, MAX_AGENTS, "agents")?;
    }
    let arrived = upload::receive(api, asked).await?;
    let came = arrived.sha256;
    if let Some(again) = repeat::told_before_with(api, asked, &came).await? {
        return Ok(again);
    }
    let admitted = api.room.acquire().await.ok();
    if let (Some(key), Some(signature)) = (&vouched.key, &signature) {
        key.check(signature, &arrived.sha256).map_err(|error| {
            let remedy = "sign the very file that is uploaded";
            Problem::new(Kind::Invalid, error.to_string(), remedy).of(SIGNATURE)
        })?;
    }
    let (id, bytes) = (arrived.digest(), arrived.bytes);
    let all = rows::all::<KeptVersion>(&asked.store, Table::Agents, VERSIONS).await?;
    let prefix = format!("{name}/");
    let own: Vec<(&str, &Kept<KeptVersion>)> =
        all.iter().filter_map(|(at, kept)| Some((at.strip_prefix(&prefix)?, kept))).collect();
    if own.iter().any(|(known, _)| *known == id) {
        return shelved_before(api, asked, (&name, &id), arrived).await;
    }
    let taken = all.iter().fold(bytes, |sum, (_, kept)| sum.saturating_add(kept.row.is.bytes));
    if taken > MAX_AGENT_BYTES {
        let detail =
            format!("with it the components would have {taken} bytes, and no more than {MAX_AGENT_BYTES}");
        let remedy = "remove versions that nobody needs first: parloir agent remove";
        return Err(Problem::new(Kind::Conflict, detail, remedy));
    }
    // Whoever waits to be compiled, or is, takes nobody's place meanwhile.
    drop(admitted);
    let checked = {
        let _place = api.uploads.check().await;
        api.directory.premises().check_agent(arrived.path()).await.map_err(|unchecked| match unchecked {
            Unchecked::Refused(sentence) => {
                let remedy =
                    "build it again as the detail says, and try it before: parloir check, parloir test";
                Problem::new(Kind::Invalid, sentence, remedy).of("body")
            }
            Unchecked::NotDone(sentence) => {
                Problem::new(Kind::Failed, sentence, "push it again later, and tell the operator")
            }
        })?
    };
    *tried = Some(id.clone());
    let _room = api.room.acquire().await.ok();
    if checked.digest != id {
        let remedy = "upload the component that `parloir build` made of it";
        return Err(Problem::new(Kind::Invalid, "it is a module, and no component", remedy).of("body"));
    }
    let agent = there.as_ref().map(|there| there.row.is.clone()).unwrap_or_default();
    let oldest = oldest(&own, &agent);
    let home = Home::of(&api.directory.premises().home(&asked.realm)).await;
    // From here on to where its row stands, nobody removes the file as one that no version names, and no other agent is made.
    let shelving = api.directory.shelving.of(&asked.realm).await;
    if there.is_none() {
        let agents = rows::count(&asked.store, Table::Agents, AGENTS).await?;
        room(agents, MAX_AGENTS, "agents")?;
    }
    arrived.keep(home.version(&id)).await?;
    let live = agent.live.as_deref().and_then(|live| own.iter().find(|(known, _)| *known == live));
    let live = live.map(|(_, kept)| kept.row.is.capabilities.clone()).unwrap_or_default();
    let version = KeptVersion {
        name: checked.description.name,
        version: checked.description.version,
        languages: checked.description.languages,
        capabilities: checked.capabilities,
        bytes,
        signed_by: signature.as_ref().map(|signature| signature.key().to_string()),
        uploaded_by: asked.principal.key.user.clone(),
        uploaded: Timestamp::now(),
        approved_by: None,
        ceased: None,
    };
    let told = asked.told(uploaded(&name, &id, &version, signature.as_ref(), &live));
    let dropped = match &oldest {
        Some((oldest, _)) => {
            let unused = figures(&asked.store, &name, oldest).await?.calls == 0;
            Some((oldest.clone(), unused))
        }
        None => None,
    };
    let answer = repeat::once_with(api, asked, &came, told, |stamp| {
        let batch = match there {
            Some(there) => Batch::new().expect_value(Table::Agents, agent_row(&name), there.bytes),
            None => Batch::new().expect_absent(Table::Agents, agent_row(&name)).put(
                Table::Agents,
                agent_row(&name),
                stamp.bytes(&agent)?,
            ),
        };
        let row = version_row(&name, &id);
        let batch = vouched.still(batch).expect_absent(Table::Agents, &row);
        let batch = batch.put(Table::Agents, &row, stamp.bytes(&version)?);
        let batch = match oldest {
            Some((oldest, bytes)) => batch
                .expect_value(Table::Agents, version_row(&name, &oldest), bytes)
                .delete(Table::Agents, version_row(&name, &oldest))
                .delete(Table::Agents, figures_row(&name, &oldest)),
            None => batch,
        };
        let location = format!("{}/versions/{id}", place(asked, &name));
        let shown = version.shown(&id, &agent, &live, Default::default());
        let answer = Answer::made(&stamp.item(&id, shown), &stamp.change, location)?;
        Ok((Batches::of(&asked.store, batch), answer))
    });
    let answer = answer.await?;
    *tried = None;
    if let Some(dropped) = dropped {
        remove_components(api, asked, vec![dropped]).await;
    }
    drop(shelving);
    Ok(answer)
}

/// A component that was uploaded before is as it was. Where its file is gone, or another, this is it again.
async fn shelved_before(
    api: &Api,
    asked: &Asked,
    (name, id): (&str, &str),
    arrived: upload::Arrived,
) -> Result<Answer, Problem> {
    let _shelving = api.directory.shelving.of(&asked.realm).await;
    let kept = kept(asked, name, id).await?.ok_or(DirectoryError::Changed)?;
    let file = Home::of(&api.directory.premises().home(&asked.realm)).await.version(id);
    arrived.keep(file).await?;
    let (change, shelf) = (kept.row.change.clone(), Shelf::of(asked).await?);
    let item = shelf.show(asked, id, kept.row).await?;
    let location = format!("{}/versions/{id}", place(asked, name));
    Ok(Answer::made(&item, &change, location)?)
}

/// The oldest version that goes with one more, where there are as many as there may be.
fn oldest(own: &[(&str, &Kept<KeptVersion>)], agent: &Agent) -> Option<(String, Vec<u8>)> {
    if own.len() < MAX_VERSIONS {
        return None;
    }
    let canary = agent.canary.as_ref().map(|canary| &canary.version);
    let needed = [agent.live.as_ref(), agent.before.as_ref(), canary];
    let goes = own.iter().filter(|(id, _)| !needed.iter().flatten().any(|needed| *needed == id));
    let goes = goes.min_by_key(|(_, kept)| kept.row.is.uploaded);
    goes.map(|(id, kept)| ((*id).to_owned(), kept.bytes.clone()))
}

/// What is told in the log of a version that was uploaded.
fn uploaded(
    name: &str,
    id: &str,
    version: &KeptVersion,
    signature: Option<&Signature>,
    live: &[Capability],
) -> String {
    let signed = match signature {
        Some(signature) => format!("signed with key {}", signature.key()),
        None => "unsigned".to_owned(),
    };
    let diff = CapabilityDiff::between(live, &version.capabilities);
    let more = if diff.grows() { format!("; may do more: {}", names(&diff.adds)) } else { String::new() };
    format!("agent {name} version {}: uploaded, {signed}{more}", short(id))
}

/// The names of some others than whoever asks whose role lets them approve of versions; but for those whose keys are all for
/// something else, as a build machine's are.
pub(super) async fn other_approvers(asked: &Asked) -> Result<Vec<String>, Problem> {
    let user = &asked.principal.key.user;
    let users = rows::all::<User>(&asked.store, Table::Users, USERS).await?;
    let (keys, now) = (rows::all::<KeptKey>(&asked.store, Table::Users, KEYS).await?, Timestamp::now());
    let may = |role: &Role| Action::ApproveAgents.rule().own.contains(role);
    let is_able = |id: &str, user: &User| {
        let all = keys.iter().map(|(_, kept)| &kept.row.is.key);
        let mut own = all.filter(|key| key.user == id && key.expires > now).peekable();
        let is_for_it = |scopes: &Vec<Action>| scopes.contains(&Action::ApproveAgents);
        user.oidc.is_some()
            || own.peek().is_none()
            || own.any(|key| key.scopes.as_ref().is_none_or(is_for_it))
    };
    let others = users.into_iter().filter(|(id, kept)| {
        let other = &kept.row.is;
        id != user && may(&other.role) && is_able(id, other)
    });
    Ok(others.take(MAX_NAMED).map(|(_, kept)| kept.row.is.name).collect())
}

/// That a version is approved by somebody else than who uploaded it, by whatever key. Where the tenant lets them do so themselves,
/// the row that says so, as it is now.
async fn second_person(
    asked: &Asked,
    (name, id): (&str, &str),
    version: &KeptVersion,
) -> Result<Option<Vec<u8>>, Problem> {
    let user = &asked.principal.key.user;
    if version.uploaded_by != *user {
        return Ok(None);
    }
    let policy = rows::get::<AgentPolicy>(&asked.store, Table::Settings, AGENT_POLICY).await?;
    if let Some(policy) = policy.filter(|policy| policy.row.is.self_approval == SelfApproval::Allow) {
        return Ok(Some(policy.bytes));
    }
    let others = other_approvers(asked).await?;
    let short = short(id);
    let detail = format!("you uploaded version {short} of {name}, and somebody else has to approve of it");
    let remedy = match others.as_slice() {
        [] => "have another admin made who does (parloir user add --role admin), to whom an owner gives a key or a log-in, or, where one person does it all, say so: parloir agent policy --self-approval allow".to_owned(),
        others => format!("ask {}: parloir agent approve {name} {short}", others.join(" or ")),
    };
    Err(Problem::new(Kind::Forbidden, detail, remedy).of("authorization"))
}

pub(super) async fn approve(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let shelf = Shelf::of(asked).await?;
    // What a version may do more than the live one is another thing once another is live.
    asked.may_change(&shelf.agent.row.change)?;
    let (id, before) = shelf.version(asked).await?;
    if before.row.is.approved_by.is_some() {
        return shelf.unchanged(asked);
    }
    let lets_them = second_person(asked, (&shelf.name, &id), &before.row.is).await?;
    let diff = CapabilityDiff::between(&shelf.live, &before.row.is.capabilities);
    let more = if diff.grows() { names(&diff.adds) } else { "nothing".to_owned() };
    let by = &before.row.is.uploaded_by;
    let told = asked.told(format!(
        "agent {} version {}: approved, which user {by} uploaded; may do more: {more}",
        shelf.name,
        short(&id)
    ));
    repeat::once(api, asked, told, |stamp| {
        let row = version_row(&shelf.name, &id);
        let approved_by = Some(asked.principal.key.user.clone());
        let version = KeptVersion { approved_by, ..before.row.is };
        // What is approved of is what it adds to this very live version.
        let batch = Batch::new()
            .expect_value(Table::Agents, agent_row(&shelf.name), shelf.agent.bytes)
            .expect_value(Table::Agents, &row, before.bytes)
            .put(Table::Agents, &row, stamp.bytes(&version)?);
        let batch = match lets_them {
            Some(policy) => batch.expect_value(Table::Settings, AGENT_POLICY, policy),
            None => batch,
        };
        let (etag, location) = (shelf.agent.row.change.clone(), place(asked, &shelf.name));
        let answer = Answer::made(&shelf.agent.row.item(shelf.name), &etag, location)?;
        Ok((Batches::of(&asked.store, batch), answer))
    })
    .await
}

pub(super) async fn delete(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let shelf = Shelf::of(asked).await?;
    let (id, before) = shelf.version(asked).await?;
    asked.may_delete(&before.row.change)?;
    match before.row.is.state(&id, &shelf.agent.row.is, &shelf.live) {
        VersionState::Live | VersionState::Canary => {
            let detail = format!("version {} of {} answers calls", short(&id), shelf.name);
            let remedy =
                "promote another or take it back first: parloir agent promote, parloir agent roll-back";
            return Err(Problem::new(Kind::Conflict, detail, remedy).of("version"));
        }
        VersionState::Waiting | VersionState::Ready | VersionState::RolledBack | VersionState::Retired => {}
    }
    if shelf.agent.row.is.before.as_ref() == Some(&id) {
        // Who removes what is rolled back to says which versions answer.
        permitted(&asked.principal, Action::PromoteAgents, &asked.realm).map_err(|problem| {
            let why = format!("version {} is what {} is rolled back to", short(&id), shelf.name);
            Problem { detail: format!("{why}: {}", problem.detail), ..problem }
        })?;
    }
    let _shelving = api.directory.shelving.of(&asked.realm).await;
    let counting = api.directory.counting.of(&asked.realm).await;
    let unused = figures(&asked.store, &shelf.name, &id).await?.calls == 0;
    let told = asked.told(format!("agent {} version {}: removed", shelf.name, short(&id)));
    let (name, agent) = (&shelf.name, &shelf.agent);
    let gone = api.directory.commit(&asked.realm, told, |stamp| {
        let row = version_row(name, &id);
        let batch = Batch::new()
            .expect_value(Table::Agents, &row, before.bytes)
            .expect_value(Table::Agents, agent_row(name), agent.bytes.clone())
            .delete(Table::Agents, &row)
            .delete(Table::Agents, figures_row(name, &id));
        let batch = if agent.row.is.before.as_ref() == Some(&id) {
            let agent = Agent { before: None, ..agent.row.is.clone() };
            batch.put(Table::Agents, agent_row(name), stamp.bytes(&agent)?)
        } else {
            batch
        };
        Ok((Batches::of(&asked.store, batch), ()))
    });
    gone.await?;
    drop(counting);
    remove_components(api, asked, vec![(id, unused)]).await;
    Ok(Answer::gone())
}

/// Removes the components of versions that are gone, unless another agent of the tenant has the same; each with whether it
/// answered nobody. What cannot be removed now goes when what was kept long enough does: the versions are gone either way. To be
/// called by whoever is [shelving](crate::directory::Directory::shelving).
pub(super) async fn remove_components(api: &Api, asked: &Asked, gone: Vec<(String, bool)>) {
    let left = match rows::all_there::<KeptVersion>(&asked.store, Table::Agents, VERSIONS).await {
        Ok(left) => left,
        Err(error) => {
            tracing::warn!(tenant = %asked.realm, %error, "the components of versions that are gone are not removed yet");
            return;
        }
    };
    let premises = api.directory.premises();
    let home = Home::of(&premises.home(&asked.realm)).await;
    for (id, unused) in gone {
        if left.iter().any(|(at, _)| at.ends_with(&format!("/{id}"))) {
            continue;
        }
        if let Err(error) = tokio::fs::remove_file(home.version(&id)).await {
            tracing::warn!(tenant = %asked.realm, version = short(&id), %error, "a component is not removed yet");
        }
        if unused {
            premises.forget_agent(&id).await;
        }
    }
}
