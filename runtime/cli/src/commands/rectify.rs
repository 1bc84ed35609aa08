//! `parloir rectify`: what was recorded wrongly is put right, and stays beside it.

use clap::Args;
use parloir_contract::CallId;
use parloir_server::{RightsDone, RightsRequest};

use crate::commands::rights::{ask, other_version};
use crate::terminal::{DIM, GOOD, styled};
use crate::{DataArgs, Outcome};

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
    /// The case in which the person asks for it.
    #[arg(long, value_name = "CASE")]
    case: Option<CallId>,
    #[command(flatten)]
    data: DataArgs,
    /// Print a JSON object.
    #[arg(long)]
    json: bool,
}

impl Rectify {
    pub(crate) async fn run(self) -> Outcome {
        let folders = self.data.existing()?;
        let Self { call, field, to, appointment, case, .. } = self;
        let request =
            RightsRequest::Rectify { call, field: field.clone(), to: to.clone(), appointment, case };
        let RightsDone::Rectified { record, recorded, appointments } = ask(&folders, &request).await? else {
            return Err(other_version());
        };
        if self.json {
            println!(
                "{}",
                serde_json::json!({
                    "call": call.to_string(), "field": field, "to": to, "recorded": recorded,
                    "appointments": appointments, "record": record.to_string(),
                })
            );
            return Ok(());
        }
        anstream::println!("{} {field} of {call}: {to}", styled(GOOD, "amended"));
        anstream::println!("  {}", styled(DIM, &format!("recorded: {}", recorded.join(", "))));
        if appointments > 0 {
            anstream::println!("  and in {appointments} appointment(s) that stand");
        }
        anstream::println!("  the log's record of it: {record}");
        Ok(())
    }
}
