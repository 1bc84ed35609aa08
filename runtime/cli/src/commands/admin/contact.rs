//! `parloir contact`: who answers the numbers that callers are handed to.

use clap::{Args, Subcommand};
use parloir_contract::LineId;
use serde_json::{Value, json};

use super::{Whose, text, texts};
use crate::Outcome;
use crate::terminal::{GOOD, styled};

#[derive(Args)]
pub(crate) struct Contact {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Say who answers a number, in place of whoever it was before.
    #[command(
        after_help = "Example:\n  parloir contact set +33199009999 --name 'the front desk' --user 4f1c…e2"
    )]
    Set(Set),
    /// List who answers which number.
    #[command(after_help = "Example:\n  parloir contact list --json")]
    List(Whose),
    /// Remove a contact: whoever answers there sees its calls no more.
    #[command(after_help = "Example:\n  parloir contact remove +33199009999")]
    Remove(Remove),
}

#[derive(Args)]
struct Set {
    /// The number, as lines and agents name it: +33199009999.
    number: LineId,
    /// What it is called.
    #[arg(long)]
    name: String,
    /// A user who answers it, as `parloir user list` names them. May be repeated.
    #[arg(long, value_name = "USER")]
    user: Vec<String>,
    #[command(flatten)]
    whose: Whose,
}

#[derive(Args)]
struct Remove {
    /// Which number.
    number: LineId,
    #[command(flatten)]
    whose: Whose,
}

impl Contact {
    pub(crate) async fn run(self) -> Outcome {
        match self.what {
            What::Set(set) => set.run().await,
            What::List(whose) => list(whose).await,
            What::Remove(Remove { number, whose }) => {
                whose.remove("contacts", number.as_str(), "removed").await
            }
        }
    }
}

impl Set {
    async fn run(self) -> Outcome {
        let (client, path) = self.whose.open().await?;
        let contacts = format!("{path}/contacts");
        let before = client.find(&contacts, self.number.as_str()).await?;
        let contact = json!({ "name": self.name, "users": self.user });
        let item = client.put(&format!("{contacts}/{}", self.number), before.as_ref(), &contact).await?;
        if self.whose.api.json {
            println!("{item}");
        } else {
            let done = if before.is_some() { "changed" } else { "added" };
            anstream::println!("{} {}", styled(GOOD, done), self.number);
        }
        Ok(())
    }
}

async fn list(whose: Whose) -> Outcome {
    let row = |item: &Value| {
        let users = texts(item, "/spec/users").join(" ");
        [text(item, "/id").to_owned(), text(item, "/spec/name").to_owned(), users]
    };
    whose.list("contacts", ["NUMBER", "NAME", "USERS"], row).await
}
