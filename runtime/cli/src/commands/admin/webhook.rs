//! `parloir webhook`: who is told of a tenant's calls when they are over.

use clap::{Args, Subcommand};
use parloir_admin::resource::WebhookEvent;
use serde_json::{Value, json};

use super::{Client, Whose, moment, text, texts};
use crate::terminal::{DIM, GOOD, TITLE, plain, styled};
use crate::{Failure, Outcome};

#[derive(Args)]
pub(crate) struct Webhook {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Have a receiver told of calls, or say otherwise of the one of its name, from the next call on.
    #[command(
        after_help = "What it is told is signed as Standard Webhooks says. Without --secret a secret is made, and printed this once.\nOf one that there is all is said anew: what is left out is taken away, but for a secret that was made.\n\nExamples:\n  parloir webhook set crm --url https://hooks.example.com/calls --event call.ended --event report.filed > crm.secret\n  parloir webhook set crm --url https://hooks.example.com/calls --event call.ended --secret crm-signing"
    )]
    Set(Set),
    /// List the receivers: what signs is shown to nobody.
    #[command(after_help = "Example:\n  parloir webhook list --tenant cabinet")]
    List(Whose),
    /// Make another secret for a receiver, which is printed this once. The one before signs for a day more.
    #[command(after_help = "Example:\n  parloir webhook secret crm > crm.secret")]
    Secret(Named),
    /// Send a receiver one signed message of the type webhook.test, and say what it answered.
    #[command(
        after_help = "Exit code 3 where it did not take it. It tells of no call, and is sent once.\n\nExample:\n  parloir webhook test crm"
    )]
    Test(Named),
    /// Remove a receiver: what waits for it is not sent.
    #[command(after_help = "Example:\n  parloir webhook remove crm")]
    Remove(Named),
}

#[derive(Args)]
struct Set {
    /// What it is called.
    name: String,
    /// Where it listens, such as https://hooks.example.com/calls.
    #[arg(long)]
    url: String,
    /// What it is told. Once or twice.
    #[arg(long, required = true, value_parser = WebhookEvent::ALL.map(WebhookEvent::name))]
    event: Vec<String>,
    /// The secret that signs, as `parloir secret list` lists it. Default: one that is made.
    #[arg(long, value_name = "NAME")]
    secret: Option<String>,
    /// Where what it is told is processed, for whoever asks to whom their data went.
    #[arg(long)]
    region: Option<String>,
    #[command(flatten)]
    whose: Whose,
}

#[derive(Args)]
struct Named {
    /// Which.
    name: String,
    #[command(flatten)]
    whose: Whose,
}

impl Webhook {
    pub(crate) async fn run(self) -> Outcome {
        match self.what {
            What::Set(set) => set.run().await,
            What::List(whose) => list(whose).await,
            What::Secret(Named { name, whose }) => {
                let (client, path) = whose.open().await?;
                let made = make_secret(&client, &format!("{path}/webhooks/{name}")).await?;
                if whose.api.json {
                    println!("{made}");
                } else {
                    tell_secret(&made);
                }
                Ok(())
            }
            What::Test(Named { name, whose }) => test(&name, &whose).await,
            What::Remove(Named { name, whose }) => whose.remove("webhooks", &name, "removed").await,
        }
    }
}

/// Has a secret made for a receiver.
async fn make_secret(client: &Client, webhook: &str) -> Result<Value, Failure> {
    client.post(&format!("{webhook}/secret"), &json!({})).await
}

/// Prints a secret that was made, on standard output, and what there is to know beside it.
fn tell_secret(made: &Value) {
    anstream::eprintln!("{}", styled(DIM, "the secret that it checks signatures with, shown this once:"));
    println!("{}", text(made, "/secret"));
    let until = plain(&moment(made, "/previous-until"));
    if !until.is_empty() {
        anstream::eprintln!("{}", styled(DIM, &format!("the one before signs, too, until {until}")));
    }
}

/// Has a receiver sent a test.
async fn test(name: &str, whose: &Whose) -> Outcome {
    let (client, path) = whose.open().await?;
    let went = client.post(&format!("{path}/webhooks/{name}/test"), &json!({})).await?;
    let number = |field: &str| went.get(field).and_then(Value::as_u64);
    if whose.api.json {
        println!("{went}");
    } else if let Some(status) = number("status") {
        let took = number("took-ms").unwrap_or_default();
        anstream::println!("{name} answered {} in {took} ms", styled(TITLE, &status.to_string()));
    }
    match went.get("arrived") {
        Some(Value::Bool(true)) => Ok(()),
        Some(_) | None => {
            let problem = plain(text(&went, "/problem"));
            Err(Failure::otherwise(format!("the test did not arrive at {name}: {problem}")))
        }
    }
}

impl Set {
    async fn run(self) -> Outcome {
        let (client, path) = self.whose.open().await?;
        let webhooks = format!("{path}/webhooks");
        let before = client.find(&webhooks, &self.name).await?;
        let mut spec = json!({ "url": self.url, "events": self.event });
        if let Value::Object(fields) = &mut spec {
            let said = [("secret", self.secret), ("region", self.region)];
            fields
                .extend(said.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?)))));
        }
        let webhook = format!("{webhooks}/{}", self.name);
        let item = client.put(&webhook, before.as_ref(), &spec).await?;
        let made = match text(&item, "/spec/signed-by") {
            "nothing" => Some(make_secret(&client, &webhook).await?),
            _ => None,
        };
        if self.whose.api.json {
            let secret = made.as_ref().map(|made| text(made, "/secret"));
            println!("{}", json!({ "id": item.get("id"), "spec": item.get("spec"), "secret": secret }));
            return Ok(());
        }
        let done = if before.is_some() { "changed" } else { "added" };
        anstream::eprintln!("{} {}", styled(GOOD, done), self.name);
        made.iter().for_each(tell_secret);
        Ok(())
    }
}

async fn list(whose: Whose) -> Outcome {
    let row = |item: &Value| {
        let events = texts(item, "/spec/webhook/events").join(" ");
        let signed_by = match text(item, "/spec/webhook/secret") {
            "" => text(item, "/spec/signed-by").to_owned(),
            secret => format!("secret {secret}"),
        };
        let [id, url, region] =
            ["/id", "/spec/webhook/url", "/spec/webhook/region"].map(|field| text(item, field).to_owned());
        [id, url, events, signed_by, moment(item, "/spec/previous-until"), region]
    };
    whose
        .list(
            "webhooks",
            ["WEBHOOK", "AT", "TOLD", "SIGNED BY", "BESIDE THE ONE BEFORE UNTIL", "REGION"],
            row,
        )
        .await
}
