//! `parloir number`: whose each number is.

use clap::{Args, Subcommand};
use parloir_contract::{LineId, TenantId};
use serde_json::{Value, json};

use super::{ApiArgs, Client, Whose, moment, text};
use crate::Outcome;
use crate::terminal::{GOOD, styled};

#[derive(Args)]
pub(crate) struct Number {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Give a tenant a number, for a line of its own. Only an operator of the installation can.
    #[command(after_help = "Example:\n  parloir number give +33199005678 --tenant cabinet")]
    Give(Give),
    /// List the numbers that a tenant was given.
    #[command(after_help = "Example:\n  parloir number list --tenant cabinet")]
    List(Whose),
    /// Take a number back, once no line answers it. Only an operator of the installation can.
    #[command(after_help = "Example:\n  parloir number take +33199005678 --tenant cabinet")]
    Take(Give),
}

#[derive(Args)]
struct Give {
    /// The number callers ring: +33199005678.
    number: LineId,
    /// The tenant.
    #[arg(long)]
    tenant: TenantId,
    #[command(flatten)]
    api: ApiArgs,
}

impl Number {
    pub(crate) async fn run(self) -> Outcome {
        match self.what {
            What::Give(give) => give.give().await,
            What::List(whose) => list(whose).await,
            What::Take(take) => take.take().await,
        }
    }
}

impl Give {
    fn path(&self) -> String {
        format!("/v1/tenants/{}/numbers/{}", self.tenant, self.number)
    }

    async fn give(self) -> Outcome {
        let item = Client::new(&self.api)?.put(&self.path(), None, &json!({})).await?;
        if self.api.json {
            println!("{item}");
        } else {
            anstream::println!("{} {} to {}", styled(GOOD, "gave"), self.number, self.tenant);
        }
        Ok(())
    }

    async fn take(self) -> Outcome {
        Client::new(&self.api)?.delete(&self.path()).await?;
        if !self.api.json {
            anstream::println!("{} {} from {}", styled(GOOD, "took"), self.number, self.tenant);
        }
        Ok(())
    }
}

async fn list(whose: Whose) -> Outcome {
    let row = |item: &Value| {
        [text(item, "/id").to_owned(), moment(item, "/changed"), text(item, "/spec/by").to_owned()]
    };
    whose.list("numbers", ["NUMBER", "SINCE", "GIVEN BY"], row).await
}
