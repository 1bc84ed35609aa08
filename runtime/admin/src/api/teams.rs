//! Teams: lines, and who looks after their calls. Where a tenant has a team, a supervisor sees the calls of their own teams alone.

use parloir_contract::LineId;
use parloir_store::{Batch, Table};

use super::answer::{Answer, room};
use super::asked::{Asked, counted};
use super::problem::{Kind, Problem};
use super::{Api, contacts};
use crate::directory::rows::{self, Kept, There};
use crate::directory::{Batches, DirectoryError, Stamp, TEAMS};
use crate::resource::{Line, MAX_TEAM_LINES, MAX_TEAM_USERS, MAX_TEAMS, Source, Team};

fn row(name: &str) -> String {
    format!("{TEAMS}{name}")
}

/// Every team of a tenant. One that cannot be read is there all the same, with nobody in it: or whoever is in no other would see
/// all calls where it was the last.
pub(super) async fn all(asked: &Asked) -> Result<Vec<Team>, Problem> {
    let rows = rows::all_there::<Team>(&asked.store, Table::Settings, TEAMS).await?;
    Ok(rows.into_iter().map(|(_, there)| there.row.map(|row| row.is).unwrap_or_default()).collect())
}

pub(super) async fn list(asked: &Asked) -> Result<Answer, Problem> {
    let (after, limit) = asked.paging()?;
    let page = rows::page::<Team>(&asked.store, Table::Settings, TEAMS, after.as_deref(), limit).await?;
    Ok(Answer::page(page)?)
}

pub(super) async fn get(asked: &Asked) -> Result<Answer, Problem> {
    let name = asked.name()?;
    let found = rows::get::<Team>(&asked.store, Table::Settings, &row(name)).await?;
    let kept = found.ok_or_else(|| Problem::not_found("team").of("name"))?;
    Answer::read(asked, &kept.row.item(name))
}

pub(super) async fn put(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let name = asked.name()?;
    let team: Team = asked.json()?;
    let _teaming = api.directory.teaming.of(&asked.realm).await;
    fits(api, asked, &team).await?;
    let before = rows::there::<Team>(&asked.store, Table::Settings, &row(name)).await?;
    asked.may_put(before.as_ref().and_then(There::tag))?;
    let (new, first, batch) = match before {
        Some(before) => (false, false, Batch::new().expect_value(Table::Settings, row(name), before.bytes)),
        None => {
            let there = rows::count(&asked.store, Table::Settings, TEAMS).await?;
            room(there, MAX_TEAMS, "teams")?;
            (true, there == 0, Batch::new().expect_absent(Table::Settings, row(name)))
        }
    };
    let means = if first { "; the first: from now on supervisors see their teams' calls alone" } else { "" };
    let (lines, users) = (counted(team.lines.len(), "line"), counted(team.users.len(), "user"));
    let told = asked.told(format!("team {name}: {lines}, {users}{means}"));
    let answer = api.directory.commit(&asked.realm, told, |stamp| {
        let batch = batch.put(Table::Settings, row(name), stamp.bytes(&team)?);
        let answer = Answer::written(&stamp.item(name, team), new)?;
        Ok((Batches::of(&asked.store, batch), answer))
    });
    Ok(answer.await?)
}

/// That these are lines and users of the tenant, each named once.
async fn fits(api: &Api, asked: &Asked, team: &Team) -> Result<(), Problem> {
    let Team { lines, users } = team;
    for (field, count, most) in
        [("lines", lines.len(), MAX_TEAM_LINES), ("users", users.len(), MAX_TEAM_USERS)]
    {
        if count > most {
            let detail = format!("`{field}` names {count}, and no more than {most} are in a team");
            return Err(Problem::new(Kind::Invalid, detail, "name fewer, or make two teams").of(field));
        }
    }
    for (at, line) in lines.iter().enumerate() {
        if lines.iter().take(at).any(|before| before == line) {
            let detail = format!("`lines` names {line} twice");
            return Err(Problem::new(Kind::Invalid, detail, "name each once").of("lines"));
        }
        if !is_line(api, asked, line).await? {
            let detail = format!("{line} is no line of {}", asked.realm);
            let remedy = format!(
                "make it first, or write one that there is: parloir line list --tenant {}",
                asked.realm
            );
            return Err(Problem::new(Kind::Invalid, detail, remedy).of(format!("lines[{at}]")));
        }
    }
    contacts::are_users(asked, users).await
}

/// Whether a tenant has a line of this number, wherever it is described.
async fn is_line(api: &Api, asked: &Asked, number: &LineId) -> Result<bool, Problem> {
    match asked.source {
        Some(Source::Directory) => {
            let line = rows::there::<Line>(&asked.store, Table::Lines, number.as_str()).await?;
            Ok(line.is_some())
        }
        Some(Source::File) | None => {
            let declared = api.directory.declared(&asked.realm);
            Ok(declared.is_some_and(|tenant| tenant.lines.iter().any(|line| line.number == *number)))
        }
    }
}

pub(super) async fn delete(api: &Api, asked: &Asked) -> Result<Answer, Problem> {
    let name = asked.name()?;
    let _teaming = api.directory.teaming.of(&asked.realm).await;
    let before = rows::there::<Team>(&asked.store, Table::Settings, &row(name)).await?;
    let before = before.ok_or_else(|| Problem::not_found("team").of("name"))?;
    asked.may_delete(&before.change)?;
    let is_last = rows::count(&asked.store, Table::Settings, TEAMS).await? == 1;
    let batch = Batch::new().expect_value(Table::Settings, row(name), before.bytes);
    let batch = batch.delete(Table::Settings, row(name));
    let means = if is_last { ", the last: from now on supervisors see all calls" } else { "" };
    let told = asked.told(format!("team {name}: removed{means}"));
    let gone = api.directory.commit(&asked.realm, told, |_| Ok((Batches::of(&asked.store, batch), ())));
    gone.await?;
    Ok(Answer::gone())
}

/// A team that names what goes, as it is without that.
pub(super) struct Shortened {
    name: String,
    bytes: Vec<u8>,
    team: Team,
}

/// Teams as they are after `strike` took out of them what goes: those that named it.
fn shortened(rows: Vec<(String, Kept<Team>)>, strike: impl Fn(&mut Team)) -> Vec<Shortened> {
    let shorten = |(name, kept): (String, Kept<Team>)| {
        let mut team = kept.row.is.clone();
        strike(&mut team);
        (team != kept.row.is).then_some(Shortened { name, bytes: kept.bytes, team })
    };
    rows.into_iter().filter_map(shorten).collect()
}

/// The teams that name a line, without it. They stay so while `teaming` is held.
pub(super) async fn without_line(asked: &Asked, number: &LineId) -> Result<Vec<Shortened>, Problem> {
    let rows = rows::all::<Team>(&asked.store, Table::Settings, TEAMS).await?;
    Ok(shortened(rows, |team| team.lines.retain(|line| line != number)))
}

/// The teams that name a user, without them. They stay so while `teaming` is held.
pub(super) async fn without_user(asked: &Asked, id: &str) -> Result<Vec<Shortened>, Problem> {
    let rows = rows::all::<Team>(&asked.store, Table::Settings, TEAMS).await?;
    Ok(shortened(rows, |team| team.users.retain(|user| user != id)))
}

/// What is said in the log of teams that become shorter.
pub(super) fn told(teams: &[Shortened]) -> String {
    match teams.len() {
        0 => String::new(),
        1 => ", out of a team too".to_owned(),
        count => format!(", out of {count} teams too"),
    }
}

/// A batch in which these become shorter, too.
pub(super) fn shorten(batch: Batch, teams: &[Shortened], stamp: &Stamp) -> Result<Batch, DirectoryError> {
    teams.iter().try_fold(batch, |batch, Shortened { name, bytes, team }| {
        let batch = batch.expect_value(Table::Settings, row(name), bytes.clone());
        Ok(batch.put(Table::Settings, row(name), stamp.bytes(team)?))
    })
}
