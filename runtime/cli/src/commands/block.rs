//! `parloir block`: a number that no agent answers.

use clap::{Args, ValueEnum};
use parloir_admin::resource;
use parloir_contract::{CallId, TenantId};
use parloir_journal::BlockedTo;
use parloir_persons::Number;
use parloir_server::{RightsDone, RightsRequest};
use serde_json::Value;

use crate::commands::admin::{AskedArgs, Client, lines_of_json, table, text};
use crate::commands::rights::{ask, other_version};
use crate::terminal::{BAD, DIM, GOOD, styled};
use crate::{DataArgs, Failure, Outcome};

/// What becomes of the number's calls.
#[derive(Clone, Copy, Default, ValueEnum)]
enum To {
    /// They are not answered: the caller hears that the line is busy.
    #[default]
    Refuse,
    /// The line's fallback number answers. On a line without one, the caller hears its sentence and is let go.
    Human,
}

#[derive(Args)]
pub(crate) struct Block {
    #[command(flatten)]
    asked: AskedArgs,
    /// The telephone number: +33639981234, or 06 39 98 12 34 in France. What is kept of it to know it again is a keyed hash.
    #[arg(long, required_unless_present = "list")]
    number: Option<Number>,
    /// Of which tenant. Where an installation is asked, your key's own if this is left out.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// List the numbers that are blocked, of an installation that is asked (--api): that you looked is in the tenant's log.
    #[arg(long, conflicts_with_all = ["number", "to", "release", "why", "case"])]
    list: bool,
    /// What becomes of its calls.
    #[arg(long, default_value = "refuse")]
    to: To,
    /// Have it answered again.
    #[arg(long, conflicts_with = "to")]
    release: bool,
    /// Why, for the record in the log. It is sealed.
    #[arg(long, value_name = "WORDS")]
    why: Option<String>,
    /// The case in which the person asks for it.
    #[arg(long, value_name = "CASE")]
    case: Option<CallId>,
    #[command(flatten)]
    data: DataArgs,
    /// Print a JSON object.
    #[arg(long)]
    json: bool,
}

impl Block {
    pub(crate) async fn run(self) -> Outcome {
        if let Some(client) = self.asked.client()? {
            return self.by_api(&client).await;
        }
        let folders = self.asked.folders(&self.data)?;
        let to = self.to();
        let Self { number, tenant, why, case, json, .. } = self;
        let Some(number) = number else {
            return Err(Failure::bad_input(
                &"--list is asked of an installation: name it with --api, or your key with --key-file",
            ));
        };
        let Some(tenant) = tenant else {
            return Err(Failure::bad_input(&"say of which tenant: --tenant TENANT"));
        };
        let text = number.to_string();
        let request = RightsRequest::Block { tenant, number: text, to, why, case };
        let RightsDone::Changed(changed) = ask(&folders, &request).await? else {
            return Err(other_version());
        };
        told(&number, to, changed, json);
        Ok(())
    }

    /// What becomes of the number's calls; `None` where it is answered again.
    fn to(&self) -> Option<BlockedTo> {
        match self.to {
            _ if self.release => None,
            To::Refuse => Some(BlockedTo::Refuse),
            To::Human => Some(BlockedTo::Human),
        }
    }

    /// The same by the API of an installation.
    async fn by_api(self, client: &Client) -> Outcome {
        if self.case.is_some() {
            let message = "--case is kept beside the calls: name their folder with --data";
            return Err(Failure::bad_input(&message));
        }
        let tenant = client.tenant(self.tenant.as_ref()).await?;
        let path = format!("/v1/tenants/{tenant}/blocked");
        let all = client.list(&path).await?;
        let to = self.to();
        let Self { number, why, json, .. } = self;
        let Some(number) = number else {
            print_list(&all, json);
            return Ok(());
        };
        let blocked = of_number(&all, &number);
        let changed = match to {
            // Whatever else was said of it stays in the log.
            Some(to) if blocked.is_some_and(|item| text(item, "/spec/to") == word(to)) => false,
            Some(to) => {
                let body = resource::BlockNumber {
                    number: number.to_string(),
                    to: resource::BlockedTo::from(to),
                    why,
                };
                client.post(&path, &body).await?;
                true
            }
            None => match blocked {
                Some(item) => {
                    client.delete(&format!("{path}/{}", text(item, "/id"))).await?;
                    true
                }
                None if all.iter().any(|item| text(item, "/spec/number").is_empty()) => {
                    let message = "no number in the list is this one, and of some the record was erased: where the calls rest, \
                                   `parloir block --release --data FOLDER` knows it all the same";
                    return Err(Failure::otherwise(message));
                }
                None => false,
            },
        };
        told(&number, to, changed, json);
        Ok(())
    }
}

/// What the API calls that.
const fn word(to: BlockedTo) -> &'static str {
    match to {
        BlockedTo::Refuse => "refuse",
        BlockedTo::Human => "human",
    }
}

/// A number in the list of those that are blocked. One whose record was erased is in no list any more.
fn of_number<'a>(all: &'a [Value], number: &Number) -> Option<&'a Value> {
    let number = number.to_string();
    all.iter().find(|item| text(item, "/spec/number") == number)
}

fn print_list(all: &[Value], as_json: bool) {
    if as_json {
        lines_of_json(all);
        return;
    }
    let row = |item: &Value| {
        let number = match text(item, "/spec/number") {
            "" => "erased",
            number => number,
        };
        let since: String = text(item, "/changed").chars().take(19).collect();
        let [to, why] = ["/spec/to", "/spec/why"].map(|field| text(item, field).to_owned());
        [number.to_owned(), to, since, why]
    };
    table(["NUMBER", "ITS CALLS", "SINCE", "WHY"], &all.iter().map(row).collect::<Vec<_>>());
}

/// Says what was done.
fn told(number: &Number, to: Option<BlockedTo>, changed: bool, as_json: bool) {
    if as_json {
        println!("{}", serde_json::json!({ "blocked": to.is_some(), "changed": changed }));
        return;
    }
    match (to, changed) {
        (Some(BlockedTo::Refuse), true) => anstream::println!(
            "{} {number}: its next call is not answered; the list of blocked numbers outlasts an erasure",
            styled(GOOD, "blocked")
        ),
        (Some(BlockedTo::Human), true) => {
            anstream::println!(
                "{} {number}: its next call goes to the line's fallback number; the list of blocked numbers outlasts an erasure",
                styled(GOOD, "blocked")
            );
            anstream::println!(
                "  {} a line without `fallback-number` has nobody to hand it to: its sentence is said, and the call ends",
                styled(BAD, "!")
            );
        }
        (None, true) => anstream::println!("{} {number}", styled(GOOD, "answered again")),
        (Some(_), false) => anstream::println!("{}", styled(DIM, "it is blocked already")),
        (None, false) => anstream::println!("{}", styled(DIM, "it was not blocked")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_is_found_in_the_list_however_it_is_written_and_one_that_was_erased_is_not() {
        let item =
            |id: &str, number: Value| json!({ "id": id, "spec": { "number": number, "to": "refuse" } });
        let all = [item("0", Value::Null), item("1", "+33639981234".into())];
        let written: Number = "06 39 98 12 34".parse().unwrap();
        assert_eq!(of_number(&all, &written).map(|item| text(item, "/id")), Some("1"));
        assert_eq!(of_number(&all, &"+33639981235".parse().unwrap()), None);
    }

    #[test]
    fn what_becomes_of_calls_has_the_word_that_the_api_has_for_it() {
        for to in [BlockedTo::Refuse, BlockedTo::Human] {
            assert_eq!(serde_json::to_value(resource::BlockedTo::from(to)).unwrap(), word(to));
        }
    }
}
