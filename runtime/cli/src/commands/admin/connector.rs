//! `parloir connector`: services that agents have requests sent to, by a name.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Whose, text, texts};
use crate::Outcome;
use crate::terminal::{GOOD, plain, styled};

#[derive(Args)]
pub(crate) struct Connector {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Add a connector, or put this in the place of the one of its name, from the next call on.
    #[command(
        after_help = "Agents name the connector; they see neither its address nor its secret.\n\nExamples:\n  parloir connector add crm --url https://crm.example.com/api/ --secret crm-token\n  parloir connector add stock --url https://stock.example.com/v2/ --method get --method post --secret stock-key --header x-api-key"
    )]
    Add(Box<Add>),
    /// List the connectors.
    #[command(after_help = "Example:\n  parloir connector list --tenant cabinet")]
    List(Whose),
    /// Remove a connector.
    #[command(after_help = "Example:\n  parloir connector remove crm")]
    Remove(Remove),
}

#[derive(Args)]
struct Add {
    /// What agents call it.
    name: String,
    /// Below which address requests go, such as https://crm.example.com/api/.
    #[arg(long)]
    url: String,
    /// What agents may do there. Any number of times. Default: get.
    #[arg(long, value_parser = ["get", "post", "put", "patch", "delete"])]
    method: Vec<String>,
    /// The secret that the host adds to each request, as `parloir secret list` lists it. Default: none.
    #[arg(long, value_name = "NAME")]
    secret: Option<String>,
    /// The header that it is added in. Default: authorization.
    #[arg(long, value_name = "NAME", requires = "secret")]
    header: Option<String>,
    /// What stands before it there. Default: "Bearer " in authorization, nothing in others.
    #[arg(long, value_name = "WORDS", requires = "secret")]
    before: Option<String>,
    /// Where what is sent is processed, for whoever asks to whom their data went.
    #[arg(long)]
    region: Option<String>,
    /// How long an answer may take, 100 to 10000. Default: 5000.
    #[arg(long, value_name = "MILLISECONDS")]
    wait_ms: Option<u32>,
    /// The longest answer, 1 to 262144. Default: 65536.
    #[arg(long, value_name = "BYTES")]
    answer_bytes: Option<u32>,
    #[command(flatten)]
    whose: Whose,
}

#[derive(Args)]
struct Remove {
    /// Which.
    name: String,
    #[command(flatten)]
    whose: Whose,
}

impl Connector {
    pub(crate) async fn run(self) -> Outcome {
        match self.what {
            What::Add(add) => add.run().await,
            What::List(whose) => list(whose).await,
            What::Remove(Remove { name, whose }) => whose.remove("connectors", &name, "removed").await,
        }
    }
}

impl Add {
    /// What the connector says; what is left out is as usual.
    fn spec(&self) -> Value {
        let Self { url, method, secret, header, before, region, wait_ms, answer_bytes, .. } = self;
        let methods = (!method.is_empty()).then(|| json!(method));
        let credential = secret.as_ref().map(|secret| {
            let header = header.as_ref().map(|header| ("header", json!(header)));
            let before = before.as_ref().map(|before| ("before", json!(before)));
            object([Some(("secret", json!(secret))), header, before])
        });
        object([
            Some(("url", json!(url))),
            methods.map(|methods| ("methods", methods)),
            credential.map(|credential| ("credential", credential)),
            region.as_ref().map(|region| ("region", json!(region))),
            wait_ms.map(|wait| ("wait-ms", json!(wait))),
            answer_bytes.map(|bytes| ("answer-bytes", json!(bytes))),
        ])
    }

    async fn run(self) -> Outcome {
        let (client, path) = self.whose.open().await?;
        let connectors = format!("{path}/connectors");
        let before = client.find(&connectors, &self.name).await?;
        let path = format!("{connectors}/{}", self.name);
        let item = client.put(&path, before.as_ref(), &self.spec()).await?;
        if self.whose.api.json {
            println!("{item}");
        } else {
            let done = if before.is_some() { "changed" } else { "added" };
            anstream::println!("{} {}: {}", styled(GOOD, done), self.name, plain(text(&item, "/spec/url")));
        }
        Ok(())
    }
}

/// An object of the fields that are there.
fn object<const N: usize>(fields: [Option<(&str, Value)>; N]) -> Value {
    fields.into_iter().flatten().map(|(name, value)| (name.to_owned(), value)).collect()
}

async fn list(whose: Whose) -> Outcome {
    let row = |item: &Value| {
        let [id, url, secret, region] = ["/id", "/spec/url", "/spec/credential/secret", "/spec/region"]
            .map(|field| text(item, field).to_owned());
        [id, url, texts(item, "/spec/methods").join(" "), secret, region]
    };
    whose.list("connectors", ["CONNECTOR", "BELOW", "METHODS", "SECRET", "REGION"], row).await
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use parloir_admin::resource;

    use super::*;

    #[derive(Parser)]
    struct Options {
        #[command(flatten)]
        add: Add,
    }

    fn spec(options: &[&str]) -> Value {
        let mut all = vec!["add", "crm", "--url", "https://crm.example.com/api/"];
        all.extend(options);
        Options::parse_from(all).add.spec()
    }

    #[test]
    fn what_is_given_is_what_the_administration_reads() {
        assert_eq!(spec(&[]), json!({ "url": "https://crm.example.com/api/" }));
        let all = spec(&[
            "--method",
            "get",
            "--method",
            "post",
            "--secret",
            "crm-token",
            "--header",
            "x-api-key",
            "--before",
            "Key ",
            "--region",
            "EU",
            "--wait-ms",
            "2000",
            "--answer-bytes",
            "4096",
        ]);
        let connector: resource::Connector = serde_json::from_value(all.clone()).unwrap();
        assert_eq!(serde_json::to_value(connector).unwrap(), all);
        let lonely = ["add", "crm", "--url", "https://crm.example.com/", "--header", "x-api-key"];
        assert!(Options::try_parse_from(lonely).is_err(), "a header of no secret");
    }
}
