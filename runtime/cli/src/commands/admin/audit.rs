//! `parloir audit`: who did what in a tenant, or in the installation.

use clap::Args;
use serde_json::Value;

use super::{Whose, by_whom, lines_of_json, moment, table, text};
use crate::Outcome;

#[derive(Args)]
pub(crate) struct Audit {
    /// At most so many, the newest.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,
    #[command(flatten)]
    whose: Whose,
}

impl Audit {
    pub(crate) async fn run(self) -> Outcome {
        let (client, path) = self.whose.open().await?;
        let all = client.first_of(&format!("{path}/audit"), usize::from(self.limit)).await?;
        if self.whose.api.json {
            lines_of_json(&all);
        } else {
            let headings = ["AT", "USER", "ROLE", "DID", "TO", "OUTCOME", "WHY"];
            table(headings, &all.iter().map(row).collect::<Vec<_>>());
        }
        Ok(())
    }
}

fn row(entry: &Value) -> [String; 7] {
    let spec = |path: &str| text(entry, path).to_owned();
    let role = match text(entry, "/spec/glass") {
        "" => spec("/spec/role"),
        _ => format!("{}, through broken glass", text(entry, "/spec/role")),
    };
    let outcome = spec("/spec/outcome").replace('-', " ");
    [
        moment(entry, "/changed"),
        by_whom(entry),
        role,
        spec("/spec/action"),
        spec("/spec/subject"),
        outcome,
        spec("/spec/why"),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whoever_did_it_and_whether_it_was_done_stand_in_its_row() {
        let entry = |user: &str, glass: Value| {
            json!({ "id": "4f1c", "changed": "2026-11-23T02:59:25.606Z", "spec": {
                "user": user, "role": "operator", "action": "lines:write", "subject": "line +33199005678",
                "outcome": "not-done", "glass": glass, "why": null,
            }})
        };
        let [at, user, role, did, to, outcome, why] = row(&entry("anne", Value::Null));
        assert_eq!([at, user, role], ["2026-11-23T02:59:25Z", "anne", "operator"].map(str::to_owned));
        assert_eq!(
            [did, to, outcome, why],
            ["lines:write", "line +33199005678", "not done", ""].map(str::to_owned)
        );
        let mut named = entry("4f1c", Value::Null);
        named["spec"]["name"] = "Anne Durand".into();
        assert_eq!(row(&named)[1], "Anne Durand");
        let [_, user, role, ..] = row(&entry("", "9b20".into()));
        assert_eq!([user, role], ["-", "operator, through broken glass"].map(str::to_owned));
    }
}
