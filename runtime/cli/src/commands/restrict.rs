//! `parloir restrict`: a person's calls are kept, and not used.

use clap::Args;
use parloir_contract::{CallId, TenantId};
use parloir_persons::Number;
use parloir_server::{RightsDone, RightsRequest};

use crate::commands::rights::{ask, other_version};
use crate::terminal::{DIM, GOOD, styled};
use crate::{DataArgs, Outcome};

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
    /// The case in which the person asks for it.
    #[arg(long, value_name = "CASE")]
    case: Option<CallId>,
    #[command(flatten)]
    data: DataArgs,
    /// Print a JSON object.
    #[arg(long)]
    json: bool,
}

impl Restrict {
    pub(crate) async fn run(self) -> Outcome {
        let folders = self.data.existing()?;
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
