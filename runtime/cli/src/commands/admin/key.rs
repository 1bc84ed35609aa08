//! `parloir key`: keys to the API.

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use parloir_admin::TOLD_BEFORE_DAYS;
use parloir_admin::resource::{LOG_IN, NewKey};
use parloir_admin::role::Action;
use serde_json::Value;

use super::{Whose, lines_of_json, moment, table, text};
use crate::Outcome;
use crate::terminal::{DIM, GOOD, TITLE, plain, styled};

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
    /// List keys, without their secrets, and which of them lapse soon.
    #[command(
        after_help = "An owner's next key is made before the last one lapses; afterwards whoever has the machine prints one: parloir serve --new-owner-key, or --new-owner-key=TENANT.\n\nExample:\n  parloir key list"
    )]
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
        let (id, until) = (plain(text(&made, "/id")), plain(&moment(&made, "/key/expires")));
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
    let (client, path) = whose.open().await?;
    let all = client.list(&format!("{path}/keys")).await?;
    if whose.api.json {
        lines_of_json(&all);
        return Ok(());
    }
    table(["KEY", "USER", "NAME", "UNTIL", "FOR"], &all.iter().map(row).collect::<Vec<_>>());
    let now = Timestamp::now();
    for warning in all.iter().filter_map(|item| lapses(item, now)) {
        anstream::eprintln!("{}", styled(TITLE, &plain(&warning)));
    }
    Ok(())
}

/// What is told of a key that lapses soon, or has. A log-in is made anew whenever it is needed.
fn lapses(item: &Value, now: Timestamp) -> Option<String> {
    let [id, user, name] = ["/id", "/spec/user", "/spec/name"].map(|field| text(item, field));
    let expires: Timestamp = text(item, "/spec/expires").parse().ok()?;
    let days = expires.duration_since(now).as_hours() / 24;
    if name == LOG_IN || days >= TOLD_BEFORE_DAYS {
        return None;
    }
    let what = match expires <= now {
        true => "has lapsed".to_owned(),
        false => format!("lapses in {days} days"),
    };
    Some(format!("key {id} ({name}) {what}: make the next with parloir key add --user {user} --days 366"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_that_lapses_soon_is_told_of_and_a_log_in_is_not() {
        let now: Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
        let told = |name: &str, expires: &str| {
            let spec = json!({ "user": "4f1c", "name": name, "expires": expires });
            lapses(&json!({ "id": "9b20", "spec": spec }), now)
        };
        assert_eq!(told("desk", "2026-12-01T00:00:00Z"), None);
        let soon = told("desk", "2026-11-13T12:00:00Z").unwrap();
        assert_eq!(
            soon,
            "key 9b20 (desk) lapses in 12 days: make the next with parloir key add --user 4f1c --days 366"
        );
        assert!(told("desk", "2026-10-30T00:00:00Z").unwrap().contains("has lapsed"));
        assert_eq!(told(LOG_IN, "2026-11-01T08:00:00Z"), None);
    }
}
