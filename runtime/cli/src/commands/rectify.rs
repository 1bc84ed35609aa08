//! `parloir rectify`: what was recorded wrongly is put right, and stays beside it.

use clap::Args;
use parloir_admin::resource::{Rectification, RectifyCase};
use parloir_contract::{CallId, TenantId};
use parloir_journal::Purpose;
use parloir_server::{RightsDone, RightsRequest};

use crate::access::{Read, WhyArgs};
use crate::commands::admin::{AskedArgs, Client};
use crate::commands::case_by_api;
use crate::commands::recording::tenant_of;
use crate::commands::rights::{ask, other_version};
use crate::terminal::{DIM, GOOD, plain, styled};
use crate::{DataArgs, Failure, Outcome};

#[derive(Args)]
pub(crate) struct Rectify {
    /// The call, as `parloir calls` lists it.
    call: CallId,
    /// What is wrong: contact.name, contact.phone, motive, need, summary, status, or a field of the report's own.
    #[arg(long)]
    field: String,
    /// What it should say.
    #[arg(long, value_name = "TEXT")]
    to: String,
    /// Which appointment of the call alone, by its reference, or `none`. To be given where the call has several values there.
    #[arg(long, value_name = "REFERENCE")]
    appointment: Option<String>,
    /// The case in which the person asks for it. An installation that is asked puts nothing right without one.
    #[arg(long, value_name = "CASE")]
    case: Option<CallId>,
    /// Whose call it is, where an installation is asked. Default: your key's own tenant.
    #[arg(long)]
    tenant: Option<TenantId>,
    #[command(flatten)]
    why: WhyArgs,
    #[command(flatten)]
    asked: AskedArgs,
    #[command(flatten)]
    data: DataArgs,
    /// Print a JSON object.
    #[arg(long)]
    json: bool,
}

impl Rectify {
    pub(crate) async fn run(self) -> Outcome {
        if let Some(client) = self.asked.client()? {
            return self.by_api(&client).await;
        }
        if self.tenant.is_some() {
            let message = "--tenant says whose call an installation is asked for: name it with --api";
            return Err(Failure::bad_input(&message));
        }
        let folders = self.asked.folders(&self.data)?;
        let Self { call, field, to, appointment, case, .. } = self;
        // What is recorded is told, whatever comes of it.
        let tenant = tenant_of(&folders, call).await?;
        let read = Read { command: "rectify", purposes: &[Purpose::Content], why: &self.why };
        read.note_of(&folders, &tenant, &[call]).await?;
        let request =
            RightsRequest::Rectify { call, field: field.clone(), to: to.clone(), appointment, case };
        let RightsDone::Rectified { record, recorded, appointments, left } = ask(&folders, &request).await?
        else {
            return Err(other_version());
        };
        if self.json {
            println!(
                "{}",
                serde_json::json!({
                    "call": call.to_string(), "field": field, "to": to, "recorded": recorded,
                    "appointments": appointments, "record": record.to_string(),
                    "left": left.iter().map(|(reference, _)| reference).collect::<Vec<_>>(),
                })
            );
            return in_part(&left);
        }
        tell((&field, &to), call, &recorded, appointments);
        anstream::println!("  the log's record of it: {record}");
        in_part(&left)
    }

    /// The same by the API of an installation: of a person, in a case.
    async fn by_api(self, client: &Client) -> Outcome {
        let Some(case) = self.case else {
            let message = "an installation that is asked puts something right in a case: name it with --case (`parloir case open` opens one)";
            return Err(Failure::bad_input(&message));
        };
        let (call, to) = (self.call, self.to);
        let asked = RectifyCase {
            call: call.to_string(),
            field: self.field,
            to: to.clone(),
            appointment: self.appointment,
            why: self.why.why,
        };
        let item = case_by_api::rectify(client, (self.tenant.as_ref(), case), &asked).await?;
        let done: Rectification = serde_json::from_value(item.get("spec").cloned().unwrap_or_default())?;
        if self.json {
            println!("{item}");
        } else {
            tell((&done.field, &to), call, &done.recorded, done.appointments);
            anstream::println!("  the log's record of it: {}", plain(&done.record));
        }
        if done.left.is_empty() {
            return Ok(());
        }
        let left = plain(&done.left.join(", "));
        Err(Failure::otherwise(format!(
            "it is recorded, and not put right in appointment {left}, which stands: run the same command again"
        )))
    }
}

/// Tells what was put right: the words of agents and callers obey no terminal.
fn tell((field, to): (&str, &str), call: CallId, recorded: &[String], appointments: u32) {
    let (field, to) = (plain(field), plain(to));
    anstream::println!("{} {field} of {call}: {to}", styled(GOOD, "amended"));
    anstream::println!("  {}", styled(DIM, &self::recorded(recorded)));
    if appointments > 0 {
        anstream::println!("  and in {appointments} appointment(s) that stand");
    }
}

/// What was recorded of what is put right: words of agents and callers.
pub(crate) fn recorded(words: &[String]) -> String {
    format!("recorded: {}", plain(&words.join(", ")))
}

/// Where the calendar did not take it: what is done, and what is not.
fn in_part(left: &[(String, String)]) -> Outcome {
    let Some((_, why)) = left.first() else { return Ok(()) };
    let references: Vec<&str> = left.iter().map(|(reference, _)| reference.as_str()).collect();
    Err(Failure::otherwise(format!(
        "it is recorded, and not put right in appointment {}, which stands ({why}): run the same command again",
        references.join(", ")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_agent_recorded_moves_no_cursor_and_begins_no_line() {
        let words = ["Durand\u{1b}[2J".to_owned(), "\u{202e}dnaruD\namended contact.phone".to_owned()];
        let told = recorded(&words);
        assert!(!told.contains(['\u{1b}', '\u{202e}', '\n']) && told.contains("Durand"), "{told:?}");
    }
}
