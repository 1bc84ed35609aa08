//! `parloir team`: which lines' calls which supervisors see.

use clap::{Args, Subcommand};
use parloir_admin::resource;
use parloir_contract::{InvalidId, LineId};
use serde_json::Value;

use super::{Client, Whose, table, text, texts};
use crate::terminal::{DIM, GOOD, counted, styled};
use crate::{Failure, Outcome};

#[derive(Args)]
pub(crate) struct Team {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Make a team, or change one: what is left out stays as it is.
    #[command(
        after_help = "With a tenant's first team, supervisors see the calls of their own teams alone: whoever is in none sees no call.\n\nExample:\n  parloir team set parc --line +33199005678 --line +33199005679 --user 4f1c…e2"
    )]
    Set(Set),
    /// List the teams.
    #[command(after_help = "Example:\n  parloir team list --tenant cabinet")]
    List(Whose),
    /// Show a team: a line or a user a row.
    #[command(after_help = "Example:\n  parloir team show parc")]
    Show(One),
    /// Remove a team: its supervisors see its lines' calls no more, unless another of theirs has the line.
    #[command(
        after_help = "With a tenant's last team removed, supervisors see all its calls again.\n\nExample:\n  parloir team remove parc"
    )]
    Remove(One),
}

#[derive(Args)]
struct Set {
    /// What it is called: letters, digits, dots, hyphens and underscores.
    name: String,
    /// A line whose calls it looks after, in place of those there were. `--line none` alone takes all away. Any number of times.
    #[arg(long, value_name = "NUMBER", value_parser = number_or_none)]
    line: Vec<Option<LineId>>,
    /// A user who is in it, as `parloir user list` names them, in place of those there were. `--user none` alone takes all away. Any
    /// number of times.
    #[arg(long, value_name = "USER")]
    user: Vec<String>,
    #[command(flatten)]
    whose: Whose,
}

#[derive(Args)]
struct One {
    /// Which.
    name: String,
    #[command(flatten)]
    whose: Whose,
}

/// A line's number, or `none`.
fn number_or_none(text: &str) -> Result<Option<LineId>, String> {
    if text == "none" {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|error: InvalidId| error.to_string())
}

impl Team {
    pub(crate) async fn run(self) -> Outcome {
        match self.what {
            What::Set(set) => set.run().await,
            What::List(whose) => list(whose).await,
            What::Show(one) => one.show().await,
            What::Remove(one) => one.remove().await,
        }
    }
}

impl Set {
    /// What the team says with these options.
    fn apply(&self, mut team: resource::Team) -> resource::Team {
        if !self.line.is_empty() {
            team.lines = self.line.iter().flatten().cloned().collect();
        }
        if !self.user.is_empty() {
            team.users = self.user.iter().filter(|user| *user != "none").cloned().collect();
        }
        team
    }

    async fn run(self) -> Outcome {
        let (client, path) = self.whose.open().await?;
        let teams = format!("{path}/teams");
        let read = client.find(&teams, &self.name).await?;
        let before = match &read {
            Some(read) => serde_json::from_value(read.body.pointer("/spec").cloned().unwrap_or_default())?,
            None => resource::Team::default(),
        };
        let team = self.apply(before);
        let item = client.put(&format!("{teams}/{}", self.name), read.as_ref(), &team).await?;
        if self.whose.api.json {
            println!("{item}");
            return Ok(());
        }
        let done = if read.is_some() { "changed" } else { "added" };
        let (lines, users) =
            (counted(team.lines.len() as u64, "line"), counted(team.users.len() as u64, "user"));
        anstream::println!("{} {}: {lines}, {users}", styled(GOOD, done), self.name);
        if read.is_none() && count(&client, &teams).await? == 1 {
            note("it is the first team: a supervisor who is in none sees no call from now on");
        }
        Ok(())
    }
}

/// How many teams there are.
async fn count(client: &Client, teams: &str) -> Result<usize, Failure> {
    Ok(client.list(teams).await?.len())
}

fn note(words: &str) {
    anstream::println!("{}", styled(DIM, words));
}

async fn list(whose: Whose) -> Outcome {
    let row = |item: &Value| {
        let [lines, users] = ["/spec/lines", "/spec/users"].map(|field| texts(item, field).join(" "));
        [text(item, "/id").to_owned(), lines, users]
    };
    whose.list("teams", ["TEAM", "LINES", "USERS"], row).await
}

impl One {
    async fn show(self) -> Outcome {
        let Self { name, whose } = self;
        let (client, path) = whose.open().await?;
        let item = client.get(&format!("{path}/teams/{name}")).await?.body;
        if whose.api.json {
            println!("{item}");
            return Ok(());
        }
        let rows = |what: &str, field: &str| {
            let which = texts(&item, field).into_iter();
            which.map(|which| [what.to_owned(), which.to_owned()]).collect::<Vec<_>>()
        };
        let rows = [rows("line", "/spec/lines"), rows("user", "/spec/users")].concat();
        table(["WHAT", "WHICH"], &rows);
        Ok(())
    }

    async fn remove(self) -> Outcome {
        let Self { name, whose } = self;
        let (client, path) = whose.open().await?;
        let teams = format!("{path}/teams");
        client.delete(&format!("{teams}/{name}")).await?;
        if whose.api.json {
            return Ok(());
        }
        anstream::println!("{} {name}", styled(GOOD, "removed"));
        if count(&client, &teams).await? == 0 {
            note("no team is left: supervisors see all of the tenant's calls from now on");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Options {
        #[command(flatten)]
        set: Set,
    }

    fn set(options: &[&str]) -> Set {
        let mut all = vec!["set", "parc"];
        all.extend(options);
        Options::parse_from(all).set
    }

    #[test]
    fn what_is_left_out_of_a_team_stays_and_none_takes_all_away() {
        let [parc, gare]: [LineId; 2] = ["+33199005678", "+33199001234"].map(|line| line.parse().unwrap());
        let before = resource::Team { lines: vec![parc.clone()], users: vec!["anne".into()] };
        assert_eq!(set(&[]).apply(before.clone()), before);
        let lines = set(&["--line", gare.as_str(), "--line", parc.as_str()]).apply(before.clone());
        assert_eq!(lines, resource::Team { lines: vec![gare, parc], ..before.clone() });
        let nobody = set(&["--user", "none"]).apply(before.clone());
        assert_eq!(nobody, resource::Team { users: Vec::new(), ..before.clone() });
        assert!(set(&["--line", "none"]).apply(before).lines.is_empty());
        assert!(Options::try_parse_from(["set", "parc", "--line", "0612"]).is_err());
    }
}
