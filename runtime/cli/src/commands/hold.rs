//! `parloir hold`: a call that may not be erased until it is released.

use clap::Args;
use parloir_contract::CallId;
use parloir_server::{HoldRequest, hand_over_hold};

use crate::commands::recording::tenant_of;
use crate::terminal::{DIM, GOOD, styled};
use crate::{DataArgs, Outcome, access};

#[derive(Args)]
pub(crate) struct Hold {
    /// The call, as `parloir calls` lists it.
    call: CallId,
    /// Why, for the record in the log. It is sealed; name nobody all the same.
    #[arg(long, value_name = "WORDS")]
    why: String,
    /// Release it: from now on it may be erased, and its retention clocks count.
    #[arg(long)]
    release: bool,
    #[command(flatten)]
    data: DataArgs,
    /// Print a JSON object instead of a sentence.
    #[arg(long)]
    json: bool,
}

impl Hold {
    pub(crate) async fn run(self) -> Outcome {
        let folders = self.data.existing()?;
        let tenant = tenant_of(&folders, self.call).await?;
        let request = HoldRequest { tenant, call: self.call, why: self.why, release: self.release };
        let changed = match hand_over_hold(&folders.keys, &request).await? {
            Some(changed) => changed,
            None => {
                let storage = access::storage(&folders).await?;
                let changed = storage.hold(&request).await;
                storage.close().await;
                changed?
            }
        };
        if self.json {
            let held = !self.release;
            println!(
                "{}",
                serde_json::json!({ "call": self.call.to_string(), "held": held, "changed": changed })
            );
            return Ok(());
        }
        let call = self.call;
        match (self.release, changed) {
            (false, true) => {
                anstream::println!("{} {call}: nothing erases it until it is released", styled(GOOD, "held"))
            }
            (true, true) => anstream::println!("{} {call}", styled(GOOD, "released")),
            (false, false) => anstream::println!("{}", styled(DIM, "it is held already")),
            (true, false) => anstream::println!("{}", styled(DIM, "it was not held")),
        }
        Ok(())
    }
}
