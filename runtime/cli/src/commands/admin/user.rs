//! `parloir user`: who may administer a tenant, or the installation.

use clap::{Args, Subcommand};
use parloir_admin::resource;
use parloir_admin::role::Role;
use serde_json::Value;

use super::{Whose, text};
use crate::Outcome;
use crate::terminal::{GOOD, plain, styled};

#[derive(Args)]
pub(crate) struct User {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Add a user; a key for them is made with `parloir key add`.
    #[command(after_help = "Example:\n  parloir user add --name 'Paul Martin' --role admin")]
    Add(Add),
    /// List users.
    #[command(after_help = "Example:\n  parloir user list --tenant cabinet")]
    List(Whose),
    /// Change a user's name or role.
    #[command(after_help = "Example:\n  parloir user set 4f1c…e2 --role supervisor")]
    Set(Set),
    /// Remove a user, and revoke their keys.
    #[command(after_help = "Example:\n  parloir user remove 4f1c…e2")]
    Remove(Remove),
}

#[derive(Args)]
struct Add {
    /// Whoever reads the list knows them by it.
    #[arg(long)]
    name: String,
    /// agent, supervisor, admin or owner of a tenant; owner or operator of the installation.
    #[arg(long)]
    role: Role,
    #[command(flatten)]
    whose: Whose,
}

#[derive(Args)]
struct Set {
    /// The user, as `parloir user list` lists them.
    user: String,
    /// Another name.
    #[arg(long)]
    name: Option<String>,
    /// Another role.
    #[arg(long)]
    role: Option<Role>,
    #[command(flatten)]
    whose: Whose,
}

#[derive(Args)]
struct Remove {
    /// The user, as `parloir user list` lists them.
    user: String,
    #[command(flatten)]
    whose: Whose,
}

impl User {
    pub(crate) async fn run(self) -> Outcome {
        match self.what {
            What::Add(add) => add.run().await,
            What::List(whose) => list(whose).await,
            What::Set(set) => set.run().await,
            What::Remove(Remove { user, whose }) => whose.remove("users", &user, "removed").await,
        }
    }
}

fn print(json: bool, done: &str, item: &Value) {
    if json {
        println!("{item}");
        return;
    }
    let (id, name, role) = (text(item, "/id"), plain(text(item, "/spec/name")), text(item, "/spec/role"));
    anstream::println!("{} {id}: {name}, {role}", styled(GOOD, done));
}

impl Add {
    async fn run(self) -> Outcome {
        let Self { name, role, whose } = self;
        let (client, path) = whose.open().await?;
        let user = resource::User { name, role };
        print(whose.api.json, "added", &client.post(&format!("{path}/users"), &user).await?);
        Ok(())
    }
}

async fn list(whose: Whose) -> Outcome {
    let row = |item: &Value| ["/id", "/spec/role", "/spec/name"].map(|field| text(item, field).to_owned());
    whose.list("users", ["USER", "ROLE", "NAME"], row).await
}

impl Set {
    async fn run(self) -> Outcome {
        let Self { user, name, role, whose } = self;
        let (client, path) = whose.open().await?;
        let path = format!("{path}/users/{user}");
        let read = client.get(&path).await?;
        let known = resource::User {
            name: name.unwrap_or_else(|| text(&read.body, "/spec/name").to_owned()),
            role: match role {
                Some(role) => role,
                None => serde_json::from_value(read.body.pointer("/spec/role").cloned().unwrap_or_default())?,
            },
        };
        print(whose.api.json, "changed", &client.put(&path, Some(&read), &known).await?);
        Ok(())
    }
}
