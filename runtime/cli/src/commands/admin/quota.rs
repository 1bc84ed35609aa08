//! `parloir quota`: what a tenant's calls may use.

use clap::{Args, Subcommand};
use parloir_contract::TenantId;
use serde_json::{Value, json};

use super::{ApiArgs, Client, pair, put, table};
use crate::Outcome;

#[derive(Args)]
pub(crate) struct Quota {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Show what a tenant's calls may use.
    #[command(after_help = "Example:\n  parloir quota show cabinet")]
    Show(Show),
    /// Change what a tenant's calls may use, from the next call on. Only whoever runs the installation can.
    #[command(after_help = "Example:\n  parloir quota set cabinet concurrent-calls=20 call-seconds=900")]
    Set(Set),
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
    #[arg(required = true, value_name = "NAME=NUMBER", value_parser = pair)]
    quota: Vec<(String, String)>,
    #[command(flatten)]
    api: ApiArgs,
}

impl Quota {
    pub(crate) async fn run(self) -> Outcome {
        match self.what {
            What::Show(show) => show.run().await,
            What::Set(set) => set.run().await,
        }
    }
}

/// Prints the quota of a tenant's record.
fn print(as_json: bool, item: &Value) {
    let quota = item.pointer("/spec/tenant/quota").cloned().unwrap_or_default();
    if as_json {
        println!("{quota}");
        return;
    }
    let fields = quota.as_object().into_iter().flatten();
    let most = |most: &Value| most.as_str().map_or_else(|| most.to_string(), str::to_owned);
    let rows: Vec<[String; 2]> = fields.map(|(name, value)| [name.clone(), most(value)]).collect();
    table(["QUOTA", "AT MOST"], &rows);
}

impl Show {
    async fn run(self) -> Outcome {
        let client = Client::new(&self.api)?;
        let tenant = client.tenant(self.tenant.as_ref()).await?;
        print(self.api.json, &client.get(&format!("/v1/tenants/{tenant}")).await?.body);
        Ok(())
    }
}

impl Set {
    async fn run(self) -> Outcome {
        let client = Client::new(&self.api)?;
        let path = format!("/v1/tenants/{}", self.tenant);
        let read = client.get(&path).await?;
        let known = read.body.pointer("/spec/tenant").filter(|tenant| tenant.is_object());
        let mut tenant = known.cloned().unwrap_or_else(|| json!({}));
        put(&mut tenant, "quota", self.quota)?;
        print(self.api.json, &client.put(&path, Some(&read), &tenant).await?);
        Ok(())
    }
}
