//! `parloir restrict`: a person's calls are kept, and not used.

use clap::Args;
use parloir_admin::resource::RestrictCase;
use parloir_contract::{CallId, TenantId};
use parloir_persons::Number;
use parloir_server::{RightsDone, RightsRequest};

use crate::commands::admin::AskedArgs;
use crate::commands::case_by_api;
use crate::commands::rights::{ask, other_version};
use crate::terminal::{DIM, GOOD, styled};
use crate::{DataArgs, Failure, Outcome};

#[derive(Args)]
pub(crate) struct Restrict {
    /// Their telephone number: +33639981234, or 06 39 98 12 34 in France.
    #[arg(long)]
    number: Number,
    /// Of which tenant.
    #[arg(long)]
    tenant: TenantId,
    /// Use them again.
    #[arg(long)]
    release: bool,
    /// Why, for the record in the log, and for whoever wants to use them. It is sealed.
    #[arg(long, value_name = "WORDS")]
    why: Option<String>,
    /// The case in which the person asks for it. An installation that is asked restricts nobody without one.
    #[arg(long, value_name = "CASE")]
    case: Option<CallId>,
    #[command(flatten)]
    asked: AskedArgs,
    #[command(flatten)]
    data: DataArgs,
    /// Print a JSON object.
    #[arg(long)]
    json: bool,
}

impl Restrict {
    pub(crate) async fn run(self) -> Outcome {
        if let Some(client) = self.asked.client()? {
            let Some(case) = self.case else {
                let message = "an installation that is asked restricts a person in a case: name it with --case (`parloir case open` opens one)";
                return Err(Failure::bad_input(&message));
            };
            let (number, release, why) = (Some(self.number.to_string()), self.release, self.why);
            let restrict = RestrictCase { number, release, why };
            return case_by_api::restrict(&client, (&self.tenant, case), &restrict, self.json).await;
        }
        let folders = self.asked.folders(&self.data)?;
        let Self { number, tenant, release, why, case, .. } = self;
        let text = number.to_string();
        let request = RightsRequest::Restrict { tenant, number: text, why, release, case };
        let RightsDone::Changed(changed) = ask(&folders, &request).await? else {
            return Err(other_version());
        };
        if self.json {
            println!("{}", serde_json::json!({ "restricted": !release, "changed": changed }));
            return Ok(());
        }
        match (release, changed) {
            (false, true) => anstream::println!(
                "{} {number}: their calls are kept and not used, what agents remember and their appointments by agents neither, until they are released",
                styled(GOOD, "restricted")
            ),
            (true, true) => anstream::println!("{} {number}", styled(GOOD, "released")),
            (false, false) => anstream::println!("{}", styled(DIM, "they are restricted already")),
            (true, false) => anstream::println!("{}", styled(DIM, "they were not restricted")),
        }
        Ok(())
    }
}
