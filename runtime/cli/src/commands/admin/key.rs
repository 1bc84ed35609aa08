//! `parloir key`: keys to the API.

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use parloir_admin::resource::NewKey;
use parloir_admin::role::Action;
use parloir_contract::TenantId;
use serde_json::Value;

use super::{ApiArgs, Client, lines_of_json, table, text};
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
        after_help = "The key is printed on standard output, and nothing else is.\n\nExample:\n  parloir key add --user 4f1c…e2 --name 'front desk' --scope lines:read --days 30 > key"
    )]
    Add(Add),
    /// List keys, without their secrets.
    #[command(after_help = "Example:\n  parloir key list")]
    List(List),
    /// Revoke a key.
    #[command(after_help = "Example:\n  parloir key revoke 9b20…41")]
    Revoke(Revoke),
}

/// Whose.
#[derive(Args)]
struct Whose {
    /// The tenant, or `installation`. Default: your key's own.
    #[arg(long)]
    tenant: Option<TenantId>,
    #[command(flatten)]
    api: ApiArgs,
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
struct List {
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
            What::List(list) => list.run().await,
            What::Revoke(revoke) => revoke.run().await,
        }
    }
}

impl Add {
    async fn run(self) -> Outcome {
        let Self { user, name, scope, days, whose: Whose { tenant, api } } = self;
        let client = Client::new(&api)?;
        let tenant = client.tenant(tenant.as_ref()).await?;
        let life = SignedDuration::from_hours(i64::from(days) * 24);
        // A minute less, for clocks that differ.
        let expires = Some(Timestamp::now().checked_add(life - SignedDuration::from_mins(1))?);
        let scopes = (!scope.is_empty()).then_some(scope);
        let new = NewKey { user, name, scopes, expires };
        let made = client.post(&format!("/v1/tenants/{tenant}/keys"), &new).await?;
        if api.json {
            println!("{made}");
            return Ok(());
        }
        let (id, until) = (text(&made, "/id"), text(&made, "/key/expires"));
        anstream::eprintln!("{} {id}, until {until}", styled(GOOD, "made"));
        anstream::eprintln!("{}", styled(DIM, "the key, shown this once:"));
        println!("{}", text(&made, "/secret"));
        Ok(())
    }
}

impl List {
    async fn run(self) -> Outcome {
        let Whose { tenant, api } = self.whose;
        let client = Client::new(&api)?;
        let tenant = client.tenant(tenant.as_ref()).await?;
        let all = client.list(&format!("/v1/tenants/{tenant}/keys")).await?;
        if api.json {
            lines_of_json(&all);
            return Ok(());
        }
        let scopes = |item: &Value| match item.pointer("/spec/scopes").and_then(Value::as_array) {
            Some(scopes) => scopes.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
            None => "whatever its user may do".to_owned(),
        };
        let row = |item: &Value| {
            let [id, user, name, expires] = ["/id", "/spec/user", "/spec/name", "/spec/expires"]
                .map(|field| text(item, field).to_owned());
            [id, user, name, expires, scopes(item)]
        };
        table(["KEY", "USER", "NAME", "UNTIL", "FOR"], &all.iter().map(row).collect::<Vec<_>>());
        Ok(())
    }
}

impl Revoke {
    async fn run(self) -> Outcome {
        let Self { key, whose: Whose { tenant, api } } = self;
        let client = Client::new(&api)?;
        let tenant = client.tenant(tenant.as_ref()).await?;
        client.delete(&format!("/v1/tenants/{tenant}/keys/{key}")).await?;
        if !api.json {
            anstream::println!("{} {key}", styled(GOOD, "revoked"));
        }
        Ok(())
    }
}
