//! Agents: which of their versions answer, which is tried, and the way back.

use parloir_store::{Batch, Table};
use parloir_tenancy::versions::CapabilityDiff;

use super::answer::Answer;
use super::asked::{Asked, counted, words};
use super::problem::{Kind, Problem};
use super::versions::{Shelf, kept, names, place, remove_components};
use super::{Api, repeat};
use crate::directory::agents::{
    AGENTS, agent_row, figures, figures_bytes, figures_row, version_row, versions_of,
};
use crate::directory::rows::{self, Kept};
use crate::directory::{Batches, DirectoryError, Stamp, Told};
use crate::resource::{
    Agent, Canary, Ceased, KeptVersion, Line, MAX_ROLL_BACK_WHY, RollBack, StartCanary, short,
};

pub(super) async fn list(asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let (after, limit) = asked.paging()?;
    let page = rows::page::<Agent>(&asked.store, Table::Agents, AGENTS, after.as_deref(), limit);
    Ok(Answer::page(page.await?)?)
}

pub(super) async fn get(asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let Shelf { name, agent, .. } = Shelf::of(asked).await?;
    Answer::read(asked, &agent.row.item(name))
}

/// That a version may answer calls.
fn may_answer(shelf: &Shelf, id: &str, version: &KeptVersion) -> Result<(), Problem> {
    if version.may_answer(&shelf.live) {
        return Ok(());
    }
    let more = CapabilityDiff::between(&shelf.live, &version.capabilities).adds;
    let detail = format!(
        "version {} of {} may do more than the one before ({}), and nobody approved of it",
        short(id),
        shelf.name,
        names(&more)
    );
    let remedy = format!("have an admin do so: parloir agent approve {} {}", shelf.name, short(id));
    Err(Problem::new(Kind::Conflict, detail, remedy).of("version"))
}

/// A version, and how it ceased to answer, if it did.
type Moved = (String, Kept<KeptVersion>, Option<Ceased>);

/// What changes of an agent: its own row, and how versions ceased to answer.
struct Change<'a> {
    agent: Agent,
    before: Kept<Agent>,
    versions: Vec<Moved>,
    name: &'a str,
}

impl Change<'_> {
    fn batch(self, asked: &Asked, stamp: &Stamp) -> Result<(Batch, Answer), DirectoryError> {
        let Self { agent, before, versions, name } = self;
        let row = agent_row(name);
        let mut batch = Batch::new().expect_value(Table::Agents, &row, before.bytes);
        batch = batch.put(Table::Agents, &row, stamp.bytes(&agent)?);
        for (id, kept, ceased) in versions {
            let row = version_row(name, &id);
            let version = KeptVersion { ceased, ..kept.row.is };
            batch = batch.expect_value(Table::Agents, &row, kept.bytes);
            batch = batch.put(Table::Agents, &row, stamp.bytes(&version)?);
        }
        let answer = Answer::made(&stamp.item(name, agent), &stamp.change, place(asked, name))?;
        Ok((batch, answer))
    }
}

pub(super) async fn canary(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let StartCanary { percent } = asked.json()?;
    if !(1..=99).contains(&percent) {
        let detail = format!("`percent` is {percent}");
        let remedy = "write 1 to 99; for all calls, promote it";
        return Err(Problem::new(Kind::Invalid, detail, remedy).of("percent"));
    }
    let shelf = Shelf::of(asked).await?;
    asked.may_change(&shelf.agent.row.change)?;
    let (id, version) = shelf.version(asked).await?;
    may_answer(&shelf, &id, &version.row.is)?;
    let now = &shelf.agent.row.is;
    let problem = match &now.live {
        None => Some("no version answers yet that it could be tried beside"),
        Some(live) if *live == id => Some("this version answers all calls already"),
        Some(_) => None,
    };
    if let Some(detail) = problem {
        let remedy = format!("promote one: parloir agent promote {} VERSION", shelf.name);
        return Err(Problem::new(Kind::Conflict, detail, remedy).of("version"));
    }
    let agent = Agent { canary: Some(Canary { version: id.clone(), percent }), ..now.clone() };
    if agent == *now {
        return shelf.unchanged(asked);
    }
    let anew = now.canary.as_ref().is_none_or(|canary| canary.version != id);
    // Its trial is judged by its own calls, and by those that the live version answers meanwhile.
    let counting = api.directory.counting.of(&asked.realm).await;
    let mut begun = Vec::new();
    for version in std::iter::once(&id).chain(&now.live).filter(|_| anew) {
        let mut figures = figures(&asked.store, &shelf.name, version).await?;
        figures.recent.clear();
        begun.push((figures_row(&shelf.name, version), figures_bytes(&figures)?));
    }
    let told = asked.told(format!(
        "agent {} version {}: answers {percent} % of the calls, as a canary",
        shelf.name,
        short(&id)
    ));
    let Shelf { name, agent: before, .. } = shelf;
    let answer = repeat::once(api, asked, told, |stamp| {
        let versions = vec![(id.clone(), version, None)];
        let change = Change { agent, before, versions, name: &name };
        let (mut batch, answer) = change.batch(asked, stamp)?;
        for (row, figures) in begun {
            batch = batch.put(Table::Agents, row, figures);
        }
        Ok((Batches::of(&asked.store, batch), answer))
    })
    .await?;
    drop(counting);
    take_effect(api, asked, &name).await?;
    Ok(answer)
}

pub(super) async fn promote(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let shelf = Shelf::of(asked).await?;
    asked.may_change(&shelf.agent.row.change)?;
    let (id, version) = shelf.version(asked).await?;
    let now = shelf.agent.row.is.clone();
    if now.live.as_ref() == Some(&id) {
        take_effect(api, asked, &shelf.name).await?;
        return shelf.unchanged(asked);
    }
    may_answer(&shelf, &id, &version.row.is)?;
    let mut versions = vec![(id.clone(), version, None)];
    if let Some(live) = &now.live
        && let Some(replaced) = kept(asked, &shelf.name, live).await?
    {
        versions.push((live.clone(), replaced, Some(Ceased::Retired)));
    }
    let told = asked.told(format!("agent {} version {}: promoted", shelf.name, short(&id)));
    let agent = Agent { live: Some(id), before: now.live, canary: None };
    change(api, asked, (shelf, agent, versions), told).await
}

pub(super) async fn roll_back(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let RollBack { why, version: meant } = asked.json()?;
    words(&why, MAX_ROLL_BACK_WHY, "why")?;
    let shelf = Shelf::of(asked).await?;
    asked.may_change(&shelf.agent.row.change)?;
    let now = shelf.agent.row.is.clone();
    let (back, agent) = match (now.canary, now.live, now.before) {
        (Some(canary), live, before) => (canary.version, Agent { live, before, canary: None }),
        (None, Some(live), Some(before)) => (live, Agent { live: Some(before), before: None, canary: None }),
        (None, None, _) | (None, Some(_), None) => {
            let detail = format!("there is no canary of {}, and no version before the live one", shelf.name);
            let remedy = "promote another version: parloir agent promote";
            return Err(Problem::new(Kind::Conflict, detail, remedy).of("agent"));
        }
    };
    if meant.is_some_and(|meant| meant != back) {
        let detail = format!("what would be taken back of {} is now version {}", shelf.name, short(&back));
        let remedy =
            format!("look again, and repeat it where that is meant: parloir agent show {}", shelf.name);
        return Err(Problem::new(Kind::Conflict, detail, remedy).of("version"));
    }
    let mut told = asked.told(format!("agent {} version {}: rolled back", shelf.name, short(&back)));
    told.why = Some(why.clone());
    let mut versions = Vec::new();
    if let Some(version) = kept(asked, &shelf.name, &back).await? {
        versions.push((back, version, Some(Ceased::RolledBack(why))));
    }
    if let Some(again) = agent.live.as_ref().filter(|live| shelf.agent.row.is.live.as_ref() != Some(*live)) {
        let version = kept(asked, &shelf.name, again).await?;
        let version = version.ok_or_else(|| Problem::not_found("version").of("version"))?;
        versions.push((again.clone(), version, None));
    }
    change(api, asked, (shelf, agent, versions), told).await
}

/// Changes who answers, from the next call on.
async fn change(
    api: &Api,
    asked: &Asked,
    (shelf, agent, versions): (Shelf, Agent, Vec<Moved>),
    told: Told,
) -> Result<Answer, Problem> {
    let Shelf { name, agent: before, .. } = shelf;
    let answer = repeat::once(api, asked, told, |stamp| {
        let (batch, answer) = Change { agent, before, versions, name: &name }.batch(asked, stamp)?;
        Ok((Batches::of(&asked.store, batch), answer))
    })
    .await?;
    take_effect(api, asked, &name).await?;
    Ok(answer)
}

/// Has calls answered as the rows of an agent say now. Where they are not, that is said in place of what was changed.
async fn take_effect(api: &Api, asked: &Asked, agent: &str) -> Result<(), Problem> {
    api.directory.take_in(&asked.realm).await?;
    let (what, aside) = (format!("agent {agent}"), api.directory.aside(&asked.realm).await);
    match aside.into_iter().find(|aside| aside.what == what) {
        Some(aside) => Err(DirectoryError::NotTakenIn(aside.problem).into()),
        None => Ok(()),
    }
}

pub(super) async fn delete(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    asked.described_here()?;
    let name = asked.agent()?.to_owned();
    let before = rows::there::<Agent>(&asked.store, Table::Agents, &agent_row(&name)).await?;
    let before = before.ok_or_else(|| Problem::not_found("agent").of("agent"))?;
    asked.may_delete(&before.change)?;
    let lines = rows::all::<Line>(&asked.store, Table::Lines, "").await?;
    if let Some((number, _)) = lines.iter().find(|(_, kept)| kept.row.is.agent == name) {
        let detail = format!("line {number} is answered by {name}");
        let remedy = "have another agent answer it first (parloir line set --agent), or remove the line";
        return Err(Problem::new(Kind::Conflict, detail, remedy).of("agent"));
    }
    let _shelving = api.directory.shelving.of(&asked.realm).await;
    let counting = api.directory.counting.of(&asked.realm).await;
    let prefix = versions_of(&name);
    let (mut batch, mut gone) = (Batch::new(), Vec::new());
    batch = batch.expect_value(Table::Agents, agent_row(&name), before.bytes);
    batch = batch.delete(Table::Agents, agent_row(&name));
    for (id, _) in rows::all_there::<KeptVersion>(&asked.store, Table::Agents, &prefix).await? {
        let unused = figures(&asked.store, &name, &id).await?.calls == 0;
        batch = batch.delete(Table::Agents, format!("{prefix}{id}"));
        batch = batch.delete(Table::Agents, figures_row(&name, &id));
        gone.push((id, unused));
    }
    let told = asked.told(format!("agent {name}: removed, with {}", counted(gone.len(), "version")));
    let done = api.directory.commit(&asked.realm, told, |_| Ok((Batches::of(&asked.store, batch), ())));
    done.await?;
    drop(counting);
    let taken_in = api.directory.take_in(&asked.realm).await;
    remove_components(api, asked, gone).await;
    taken_in?;
    Ok(Answer::gone())
}
