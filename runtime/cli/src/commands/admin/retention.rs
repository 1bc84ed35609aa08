//! `parloir retention`: how long a tenant's calls are kept, within what the installation says.

use clap::{Args, Subcommand};
use parloir_tenancy::retention::Period;
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
    #[arg(value_name = "NAME=PERIOD", value_parser = clock, required = true)]
    clocks: Vec<(String, String)>,
    #[command(flatten)]
    whose: Whose,
}

/// What is kept for a while each, as the API names it.
const CLOCKS: [&str; 3] = ["recording", "content", "trace"];

/// For how long what is kept, as somebody writes it: `recording='1 month'`, or `none`.
pub(super) fn clock(written: &str) -> Result<(String, String), String> {
    let read = pair(written).ok().filter(|(name, period)| {
        CLOCKS.contains(&name.as_str()) && (period == "none" || period.parse::<Period>().is_ok())
    });
    read.ok_or_else(|| {
        "write recording=PERIOD, content=PERIOD or trace=PERIOD, and for PERIOD so many days, months or years, as in '90 days', \
         '6 months' or '1 year'; '0 days' keeps nothing, and none says nothing of it here"
            .to_owned()
    })
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
    table(["WHAT", "KEPT", "SAID BY", "AT MOST"], &CLOCKS.map(row));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_named_and_has_a_period_and_what_is_neither_hears_which_there_are() {
        let read = |name: &str, period: &str| Ok((name.to_owned(), period.to_owned()));
        assert_eq!(clock("recording=1 month"), read("recording", "1 month"));
        assert_eq!(clock("trace = 5 years"), read("trace", "5 years"));
        assert_eq!(clock("content=none"), read("content", "none"));
        for wrong in ["content=…", "content=90", "contents=1 year", "content", "content=6months", "=1 year"]
        {
            let told = clock(wrong).unwrap_err();
            for part in ["recording=PERIOD", "content=PERIOD", "trace=PERIOD", "'6 months'", "none"] {
                assert!(told.contains(part), "{wrong}: {told}");
            }
        }
    }
}
