//! `parloir retention`: how long a tenant's calls are kept, within what the installation says.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::{Whose, pair, put, table, text};
use crate::Outcome;

#[derive(Args)]
pub(crate) struct Retention {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Show how long calls are kept, who says so, and how long they may be at most.
    #[command(after_help = "Example:\n  parloir retention show --tenant cabinet")]
    Show(Whose),
    /// Have a tenant's calls kept shorter than the installation keeps them. What is kept already goes at the next sweep.
    #[command(
        after_help = "recording is the sound, content what was said, trace which provider was asked when; what is left out stays as it is.\nNothing is kept longer than an operator says: parloir tenant set TENANT --retention.\n\nExamples:\n  parloir retention set recording='1 month' content='6 months'\n  parloir retention set recording=none"
    )]
    Set(Set),
}

#[derive(Args)]
struct Set {
    /// As in [tenant.retention]: recording='1 month'; none for what the installation says.
    #[arg(value_name = "NAME=PERIOD", value_parser = pair, required = true)]
    clocks: Vec<(String, String)>,
    #[command(flatten)]
    whose: Whose,
}

impl Retention {
    pub(crate) async fn run(self) -> Outcome {
        match self.what {
            What::Show(whose) => show(whose).await,
            What::Set(set) => set.run().await,
        }
    }
}

/// What there is, as it is listed.
fn print(as_json: bool, item: &Value) {
    if as_json {
        println!("{item}");
        return;
    }
    let period = |path: &str| match text(item, path) {
        "" => "until it is erased".to_owned(),
        period => period.to_owned(),
    };
    let row = |name: &str| {
        let said_by = text(item, &format!("/spec/kept/{name}/said-by")).to_owned();
        let (kept, most) = (format!("/spec/kept/{name}/period"), format!("/spec/most/{name}"));
        [name.to_owned(), period(&kept), said_by, period(&most)]
    };
    table(["WHAT", "KEPT", "SAID BY", "AT MOST"], &["recording", "content", "trace"].map(row));
}

async fn show(whose: Whose) -> Outcome {
    let (client, path) = whose.open().await?;
    print(whose.api.json, &client.get(&format!("{path}/retention")).await?.body);
    Ok(())
}

impl Set {
    async fn run(self) -> Outcome {
        let (client, path) = self.whose.open().await?;
        let path = format!("{path}/retention");
        let before = client.get_to_change(&path).await?;
        let mut spec = before.body.get("spec").cloned().unwrap_or_default();
        put(&mut spec, "own", self.clocks)?;
        let own = spec.get("own").cloned().unwrap_or_default();
        let item = client.put(&path, Some(&before), &own).await?;
        print(self.whose.api.json, &item);
        Ok(())
    }
}
