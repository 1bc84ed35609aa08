//! `parloir key`: keys to the API.

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use parloir_admin::resource::NewKey;
use parloir_admin::role::Action;
use serde_json::Value;

use super::{Whose, moment, text};
use crate::Outcome;
use crate::terminal::{DIM, GOOD, styled};

#[derive(Args)]
pub(crate) struct Key {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Make a key for a user; it is printed this once.
    #[command(
        after_help = "The key is printed on standard output, and nothing else is.\n\nExamples:\n  parloir key add --user 4f1c…e2 --name 'front desk' --scope lines:read --days 30 > key\n  parloir key add --user 4f1c…e2 --name 'builds agents' --scope agents:read --scope agents:write > build-machine.key"
    )]
    Add(Add),
    /// List keys, without their secrets.
    #[command(after_help = "Example:\n  parloir key list")]
    List(Whose),
    /// Revoke a key.
    #[command(after_help = "Example:\n  parloir key revoke 9b20…41")]
    Revoke(Revoke),
}

#[derive(Args)]
struct Add {
    /// Whose, as `parloir user list` lists them.
    #[arg(long)]
    user: String,
    /// What it is for.
    #[arg(long)]
    name: String,
    /// All that it may be used for, such as lines:read. Any number of times. Default: whatever its user may do.
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<Action>,
    /// For how many days.
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=366))]
    days: u16,
    #[command(flatten)]
    whose: Whose,
}

#[derive(Args)]
struct Revoke {
    /// The key, as `parloir key list` lists it.
    key: String,
    #[command(flatten)]
    whose: Whose,
}

impl Key {
    pub(crate) async fn run(self) -> Outcome {
        match self.what {
            What::Add(add) => add.run().await,
            What::List(whose) => list(whose).await,
            What::Revoke(Revoke { key, whose }) => whose.remove("keys", &key, "revoked").await,
        }
    }
}

impl Add {
    async fn run(self) -> Outcome {
        let Self { user, name, scope, days, whose } = self;
        let (client, path) = whose.open().await?;
        let life = SignedDuration::from_hours(i64::from(days) * 24);
        // A minute less, for clocks that differ.
        let expires = Some(Timestamp::now().checked_add(life - SignedDuration::from_mins(1))?);
        let scopes = (!scope.is_empty()).then_some(scope);
        let new = NewKey { user, name, scopes, expires };
        let made = client.post(&format!("{path}/keys"), &new).await?;
        if whose.api.json {
            println!("{made}");
            return Ok(());
        }
        let (id, until) = (text(&made, "/id"), moment(&made, "/key/expires"));
        anstream::eprintln!("{} {id}, until {until}", styled(GOOD, "made"));
        anstream::eprintln!("{}", styled(DIM, "the key, shown this once:"));
        println!("{}", text(&made, "/secret"));
        Ok(())
    }
}

async fn list(whose: Whose) -> Outcome {
    let scopes = |item: &Value| match item.pointer("/spec/scopes").and_then(Value::as_array) {
        Some(scopes) => scopes.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        None => "whatever its user may do".to_owned(),
    };
    let row = |item: &Value| {
        let [id, user, name] = ["/id", "/spec/user", "/spec/name"].map(|field| text(item, field).to_owned());
        [id, user, name, moment(item, "/spec/expires"), scopes(item)]
    };
    whose.list("keys", ["KEY", "USER", "NAME", "UNTIL", "FOR"], row).await
}
