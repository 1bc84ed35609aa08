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
    #[command(
        after_help = "What the user is called is printed on standard output, and nothing else is.\n\nExamples:\n  parloir user add --name 'Paul Martin' --role admin\n  parloir key add --name desk --user \"$(parloir user add --name 'Paul Martin' --role admin)\" > desk.key"
    )]
    Add(Add),
    /// List users.
    #[command(after_help = "Example:\n  parloir user list --tenant cabinet")]
    List(Whose),
    /// Change a user's name or role, or by what they log in.
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
    known: Known,
    #[command(flatten)]
    whose: Whose,
}

/// By what the issuer of log-ins knows them.
#[derive(Args)]
struct Known {
    /// They log in by this e-mail address, where the issuer says that it is verified.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "oidc_subject")]
    oidc_email: Option<String>,
    /// They log in as this subject (`sub`) of the issuer.
    #[arg(long, value_name = "SUBJECT")]
    oidc_subject: Option<String>,
}

impl Known {
    fn identity(self) -> Option<resource::Identity> {
        let Self { oidc_email, oidc_subject } = self;
        oidc_email.map(resource::Identity::Email).or(oidc_subject.map(resource::Identity::Subject))
    }
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
    known: Known,
    /// They do not log in any more.
    #[arg(long, conflicts_with_all = ["oidc_email", "oidc_subject"])]
    no_oidc: bool,
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

/// A user in words, as what was done to them.
fn said(done: &str, item: &Value) -> String {
    let [id, name, role] = ["/id", "/spec/name", "/spec/role"].map(|field| plain(text(item, field)));
    format!("{} {id}: {name}, {role}", styled(GOOD, done))
}

impl Add {
    async fn run(self) -> Outcome {
        let Self { name, role, known, whose } = self;
        let (client, path) = whose.open().await?;
        let user = resource::User { name, role, oidc: known.identity() };
        let item = client.post(&format!("{path}/users"), &user).await?;
        if whose.api.json {
            println!("{item}");
            return Ok(());
        }
        // What the next command names them by stands alone.
        anstream::eprintln!("{}", said("added", &item));
        println!("{}", text(&item, "/id"));
        Ok(())
    }
}

async fn list(whose: Whose) -> Outcome {
    let row = |item: &Value| {
        let known = ["/spec/oidc/email", "/spec/oidc/subject"].map(|field| text(item, field)).concat();
        let [id, role, name] = ["/id", "/spec/role", "/spec/name"].map(|field| text(item, field).to_owned());
        [id, role, name, known]
    };
    whose.list("users", ["USER", "ROLE", "NAME", "LOGS IN AS"], row).await
}

impl Set {
    async fn run(self) -> Outcome {
        let Self { user, name, role, known, no_oidc, whose } = self;
        let (client, path) = whose.open().await?;
        let path = format!("{path}/users/{user}");
        let read = client.get_to_change(&path).await?;
        let before = || serde_json::from_value(read.body.pointer("/spec/oidc").cloned().unwrap_or_default());
        let oidc = match known.identity() {
            Some(identity) => Some(identity),
            None if no_oidc => None,
            None => before()?,
        };
        let known = resource::User {
            oidc,
            name: name.unwrap_or_else(|| text(&read.body, "/spec/name").to_owned()),
            role: match role {
                Some(role) => role,
                None => serde_json::from_value(read.body.pointer("/spec/role").cloned().unwrap_or_default())?,
            },
        };
        let item = client.put(&path, Some(&read), &known).await?;
        if whose.api.json {
            println!("{item}");
        } else {
            anstream::println!("{}", said("changed", &item));
        }
        Ok(())
    }
}
