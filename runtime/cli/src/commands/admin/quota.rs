//! `parloir quota`: what a tenant's calls may use.

use clap::{Args, Subcommand};
use parloir_contract::TenantId;
use parloir_journal::Cost;
use serde_json::{Value, json};

use super::{ApiArgs, Client, pair, put, table};
use crate::{Failure, Outcome};

#[derive(Args)]
pub(crate) struct Quota {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Show what a tenant's calls may use, and what of it is used.
    #[command(after_help = "Example:\n  parloir quota show cabinet")]
    Show(Show),
    /// Change what a tenant's calls may use, from the next call on. Only whoever runs the installation can.
    #[command(
        after_help = "Examples:\n  parloir quota set cabinet concurrent-calls=20 call-seconds=900\n  parloir quota set cabinet --model-tokens-a-month 5000000 --at-cap degrade\n  parloir quota set cabinet --model-tokens-a-month none"
    )]
    Set(Box<Set>),
}

#[derive(Args)]
struct Show {
    /// Which. Default: your key's own.
    tenant: Option<TenantId>,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Args)]
struct Set {
    /// Which.
    tenant: TenantId,
    /// As in [tenant.quota]: concurrent-calls=20. What is left out stays as it is.
    #[arg(value_name = "NAME=NUMBER", value_parser = pair)]
    quota: Vec<(String, String)>,
    /// Tokens read and written by models in a month.
    #[arg(long, value_name = "NUMBER|none", value_parser = most)]
    model_tokens_a_month: Option<String>,
    /// Seconds of callers' speech transcribed in a month.
    #[arg(long, value_name = "NUMBER|none", value_parser = most)]
    transcribed_seconds_a_month: Option<String>,
    /// Characters spoken in a month.
    #[arg(long, value_name = "NUMBER|none", value_parser = most)]
    speech_characters_a_month: Option<String>,
    /// Bytes to connectors and back in a month.
    #[arg(long, value_name = "NUMBER|none", value_parser = most)]
    egress_bytes_a_month: Option<String>,
    /// The agents' CPU seconds in a month.
    #[arg(long, value_name = "NUMBER|none", value_parser = most)]
    cpu_seconds_a_month: Option<String>,
    /// What providers may cost in a month, as far as they have prices, in units of any one currency.
    #[arg(long, value_name = "NUMBER|none", value_parser = most)]
    cost_a_month: Option<String>,
    /// Bytes on disk of the tenant's log and recordings: from there on nothing more is recorded, and from a quarter more no call is
    /// answered.
    #[arg(long, value_name = "NUMBER|none", value_parser = most)]
    kept_bytes: Option<String>,
    /// What becomes of calls when a limit of the month is reached: no agent answers, or agents answer without a model, or without
    /// connectors.
    #[arg(long, value_parser = ["reject", "degrade"])]
    at_cap: Option<String>,
    #[command(flatten)]
    api: ApiArgs,
}

/// A limit that may be left out: a number, or none.
fn most(text: &str) -> Result<String, String> {
    match text == "none" || text.parse::<u64>().is_ok() {
        true => Ok(text.to_owned()),
        false => Err("write a number, or none for no limit".to_owned()),
    }
}

impl Quota {
    pub(crate) async fn run(self) -> Outcome {
        match self.what {
            What::Show(show) => show.run().await,
            What::Set(set) => set.run().await,
        }
    }
}

/// The quota of a tenant's record.
fn quota_of(item: &Value) -> Value {
    item.pointer("/spec/tenant/quota").cloned().unwrap_or_default()
}

/// Prints the quota of a tenant's record.
fn print(as_json: bool, item: &Value) {
    let quota = quota_of(item);
    if as_json {
        println!("{quota}");
        return;
    }
    let fields = quota.as_object().into_iter().flatten();
    let rows: Vec<[String; 2]> = fields.map(|(name, value)| [name.clone(), shown(value)]).collect();
    table(["QUOTA", "AT MOST"], &rows);
}

/// A limit, or what is used of it: of costs, those in each currency.
fn shown(value: &Value) -> String {
    let Value::Array(costs) = value else {
        return value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    };
    if costs.is_empty() {
        return "nothing that has a price".to_owned();
    }
    let costs = costs.iter().filter_map(|cost| serde_json::from_value::<Cost>(cost.clone()).ok());
    costs.map(|cost| cost.to_string()).collect::<Vec<_>>().join(", ")
}

/// Each limit with what is used of it, where that is counted over all calls; and what is counted and has no limit.
fn with_usage(quota: &Value, usage: &Value) -> Vec<[String; 3]> {
    let used = |name: &str| usage.get(name).map(shown).unwrap_or_default();
    let limited = quota.as_object().into_iter().flatten();
    let limited = limited.map(|(name, most)| [name.clone(), shown(most), used(name)]);
    let counted = usage.as_object().into_iter().flatten();
    let unlimited =
        counted.filter(|(name, _)| name.as_str() != "month" && quota.get(name.as_str()).is_none());
    let unlimited = unlimited.map(|(name, used)| [name.clone(), "no limit".to_owned(), shown(used)]);
    limited.chain(unlimited).collect()
}

impl Show {
    async fn run(self) -> Outcome {
        let client = Client::new(&self.api)?;
        let tenant = client.tenant(self.tenant.as_ref()).await?;
        let mut quota = quota_of(&client.get(&format!("/v1/tenants/{tenant}")).await?.body);
        let usage = client.get(&format!("/v1/tenants/{tenant}/usage")).await?.body;
        if !self.api.json {
            table(["QUOTA", "AT MOST", "USED"], &with_usage(&quota, &usage));
            return Ok(());
        }
        if let Value::Object(fields) = &mut quota {
            fields.insert("used".to_owned(), usage);
        }
        println!("{quota}");
        Ok(())
    }
}

impl Set {
    /// What changes, as `name=value` options have it.
    fn changes(&self) -> Result<Vec<(String, String)>, Failure> {
        let options = [
            ("model-tokens-a-month", &self.model_tokens_a_month),
            ("transcribed-seconds-a-month", &self.transcribed_seconds_a_month),
            ("speech-characters-a-month", &self.speech_characters_a_month),
            ("egress-bytes-a-month", &self.egress_bytes_a_month),
            ("cpu-seconds-a-month", &self.cpu_seconds_a_month),
            ("cost-a-month", &self.cost_a_month),
            ("kept-bytes", &self.kept_bytes),
            ("at-cap", &self.at_cap),
        ];
        let mut changes = self.quota.clone();
        changes
            .extend(options.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))));
        match changes.is_empty() {
            true => Err(Failure::bad_input(&"say what changes, such as concurrent-calls=20")),
            false => Ok(changes),
        }
    }

    async fn run(self) -> Outcome {
        let changes = self.changes()?;
        let client = Client::new(&self.api)?;
        let path = format!("/v1/tenants/{}", self.tenant);
        let read = client.get(&path).await?;
        let known = read.body.pointer("/spec/tenant").filter(|tenant| tenant.is_object());
        let mut tenant = known.cloned().unwrap_or_else(|| json!({}));
        put(&mut tenant, "quota", changes)?;
        print(self.api.json, &client.put(&path, Some(&read), &tenant).await?);
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

    fn changed(options: &[&str]) -> Result<Value, Failure> {
        let mut all = vec!["set", "cabinet"];
        all.extend(options);
        let mut tenant = json!({ "quota": { "model-tokens-a-month": 5, "host-calls": 7 } });
        put(&mut tenant, "quota", Options::parse_from(all).set.changes()?)?;
        Ok(tenant)
    }

    #[test]
    fn what_is_used_stands_beside_its_limit_and_where_there_is_none_too() {
        let quota = json!({ "cost-a-month": 200, "host-calls": 7, "kept-bytes": 9 });
        let costs = json!([{ "currency": "EUR", "micros": 1_500_000 }]);
        let usage =
            json!({ "month": "2026-11", "cost-a-month": costs, "kept-bytes": 4, "stored-bytes-in-all": 3 });
        let rows = with_usage(&quota, &usage);
        assert_eq!(rows.len(), 4, "{rows:?}");
        for row in [
            ["cost-a-month", "200", "1.500000 EUR"],
            ["host-calls", "7", ""],
            ["kept-bytes", "9", "4"],
            ["stored-bytes-in-all", "no limit", "3"],
        ] {
            assert!(rows.contains(&row.map(str::to_owned)), "{row:?} in {rows:?}");
        }
    }

    #[test]
    fn a_limit_of_the_month_is_given_and_taken_away() {
        let given = changed(&["host-calls=9", "--cost-a-month", "200", "--at-cap", "degrade"]).unwrap();
        let expected = json!({
            "model-tokens-a-month": 5, "host-calls": 9, "cost-a-month": 200, "at-cap": "degrade",
        });
        assert_eq!(given["quota"], expected);
        let taken = changed(&["--model-tokens-a-month", "none"]).unwrap();
        let tenant: parloir_admin::resource::Tenant = serde_json::from_value(taken).unwrap();
        assert_eq!((tenant.quota.model_tokens_a_month, tenant.quota.host_calls), (None, 7));
        let given = changed(&[
            "stored-bytes-in-all=4",
            "--egress-bytes-a-month",
            "1",
            "--cpu-seconds-a-month",
            "2",
            "--kept-bytes",
            "3",
        ]);
        let given = given.unwrap();
        let quota = serde_json::from_value::<parloir_admin::resource::Tenant>(given).unwrap().quota;
        let limits = (quota.egress_bytes_a_month, quota.cpu_seconds_a_month, quota.kept_bytes);
        assert_eq!((limits, quota.stored_bytes_in_all), ((Some(1), Some(2), Some(3)), 4));
        assert!(changed(&[]).is_err(), "nothing changes");
        assert!(Options::try_parse_from(["set", "cabinet", "--cost-a-month", "much"]).is_err());
    }
}
