//! `parloir block`: a number that no agent answers.

use clap::{Args, ValueEnum};
use parloir_contract::{CallId, TenantId};
use parloir_journal::BlockedTo;
use parloir_persons::Number;
use parloir_server::{RightsDone, RightsRequest};

use crate::commands::rights::{ask, other_version};
use crate::terminal::{BAD, DIM, GOOD, styled};
use crate::{DataArgs, Outcome};

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
    /// The telephone number: +33639981234, or 06 39 98 12 34 in France. What is kept of it to know it again is a keyed hash.
    #[arg(long)]
    number: Number,
    /// Of which tenant.
    #[arg(long)]
    tenant: TenantId,
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
        let folders = self.data.existing()?;
        let Self { number, tenant, release, why, case, .. } = self;
        let to = match self.to {
            _ if release => None,
            To::Refuse => Some(BlockedTo::Refuse),
            To::Human => Some(BlockedTo::Human),
        };
        let text = number.to_string();
        let request = RightsRequest::Block { tenant, number: text, to, why, case };
        let RightsDone::Changed(changed) = ask(&folders, &request).await? else {
            return Err(other_version());
        };
        if self.json {
            println!("{}", serde_json::json!({ "blocked": !release, "changed": changed }));
            return Ok(());
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
        Ok(())
    }
}
