//! `parloir provider`: whom words and sound of a tenant's callers go to, and on what ground.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::{Whose, text};
use crate::Outcome;

#[derive(Args)]
pub(crate) struct Provider {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// List the providers that calls go through, within a role in the order in which they are tried.
    #[command(
        after_help = "As the operator's file has them; a tenant's own services are listed by `parloir connector list`.\n\nExamples:\n  parloir provider list\n  parloir provider list --api https://voice.example.com:8081 --json"
    )]
    List(Whose),
}

impl Provider {
    pub(crate) async fn run(self) -> Outcome {
        match self.what {
            What::List(whose) => {
                let headings = ["PROVIDER", "ROLE", "MODEL", "REGION", "GROUND", "TRAINS", "KEEPS"];
                whose.list("providers", headings, row).await
            }
        }
    }
}

fn row(item: &Value) -> [String; 7] {
    let [name, role, model, region, ground] =
        ["/id", "/spec/role", "/spec/model", "/spec/region", "/spec/legal-mechanism"]
            .map(|field| text(item, field).to_owned());
    let trains = match item.pointer("/spec/trains-on-data").and_then(Value::as_bool) {
        Some(true) => "yes",
        Some(false) => "no",
        None => "",
    };
    let keeps = match item.pointer("/spec/retention-days").and_then(Value::as_u64) {
        Some(0) => "nothing".to_owned(),
        Some(1) => "1 day".to_owned(),
        Some(days) => format!("{days} days"),
        None => String::new(),
    };
    [name, role, model, region, ground, trains.to_owned(), keeps]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_provider_is_told_with_what_it_does_with_what_it_is_sent() {
        let item = json!({ "id": "main-model", "spec": {
            "role": "language-model", "model": "large-1", "region": "EU",
            "legal-mechanism": "processor agreement", "trains-on-data": false, "retention-days": 30,
        } });
        let told = ["main-model", "language-model", "large-1", "EU", "processor agreement", "no", "30 days"];
        assert_eq!(row(&item), told);
        let item = json!({ "id": "a", "spec": { "trains-on-data": true, "retention-days": 0 } });
        assert_eq!(row(&item)[5..], ["yes", "nothing"]);
    }
}
