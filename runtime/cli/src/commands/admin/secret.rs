//! `parloir secret`: what a tenant's connectors send, and nobody is shown.

use std::fs::File;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use parloir_admin::resource::NewSecret;
use serde_json::Value;

use super::{Whose, moment, text, texts};
use crate::terminal::{GOOD, styled};
use crate::{Failure, Outcome};

/// Bytes that are read where a secret should be: more than any has.
const MAX_READ: u64 = 8 * 1024;

#[derive(Args)]
pub(crate) struct Secret {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Keep a secret, or another in its place: connectors send it from the next call on. Nobody is shown it again.
    #[command(
        after_help = "The secret is read from a file, or from standard input; the end of its line is not of it.\n\nExamples:\n  parloir secret set crm-token --from crm.token\n  parloir secret set crm-token < crm.token"
    )]
    Set(Set),
    /// List the names of secrets, and the connectors that send them.
    #[command(after_help = "Example:\n  parloir secret list")]
    List(Whose),
    /// Remove a secret that no connector sends.
    #[command(after_help = "Example:\n  parloir secret remove crm-token")]
    Remove(Remove),
}

#[derive(Args)]
struct Set {
    /// What connectors call it.
    name: String,
    /// The file that it is in. Default: standard input.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
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

impl Secret {
    pub(crate) async fn run(self) -> Outcome {
        match self.what {
            What::Set(set) => set.run().await,
            What::List(whose) => list(whose).await,
            What::Remove(Remove { name, whose }) => whose.remove("secrets", &name, "removed").await,
        }
    }
}

/// The secret in a file, or on standard input, without the end of its line.
fn read(from: Option<&Path>) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let (place, read) = match from {
        Some(file) => {
            let read = File::open(file).and_then(|file| file.take(MAX_READ).read_to_end(&mut bytes));
            (file.display().to_string(), read)
        }
        None if std::io::stdin().is_terminal() => {
            return Err(Failure::bad_input(
                &"what is typed here stays to be seen: name the secret's file with --from, or send it to standard input",
            ));
        }
        None => ("standard input".to_owned(), std::io::stdin().lock().take(MAX_READ).read_to_end(&mut bytes)),
    };
    read.map_err(|error| Failure::bad_input(&format!("{place}: {error}")))?;
    let text = String::from_utf8(bytes).map_err(|_| {
        Failure::bad_input(&format!("{place} holds no secret: one line of ASCII is expected"))
    })?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

impl Set {
    async fn run(self) -> Outcome {
        let value = read(self.from.as_deref())?;
        let (client, path) = self.whose.open().await?;
        let secrets = format!("{path}/secrets");
        let before = client.find(&secrets, &self.name).await?;
        let path = format!("{secrets}/{}", self.name);
        let item = client.put(&path, before.as_ref(), &NewSecret { value }).await?;
        if self.whose.api.json {
            println!("{item}");
        } else {
            let done = if before.is_some() { "changed" } else { "kept" };
            anstream::println!("{} {}", styled(GOOD, done), self.name);
        }
        Ok(())
    }
}

async fn list(whose: Whose) -> Outcome {
    let row = |item: &Value| {
        let users = texts(item, "/spec/used-by").join(", ");
        [text(item, "/id").to_owned(), moment(item, "/changed"), users]
    };
    whose.list("secrets", ["SECRET", "CHANGED", "USED BY"], row).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_what_is_in_the_file_without_the_end_of_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        for (written, expected) in [("hunter2\n", "hunter2"), ("hunter2\r\n", "hunter2"), (" a b", " a b")] {
            std::fs::write(&file, written).unwrap();
            assert_eq!(read(Some(&file)).ok().as_deref(), Some(expected));
        }
        std::fs::write(&file, [0xff]).unwrap();
        assert!(read(Some(&file)).is_err() && read(Some(&folder.path().join("missing"))).is_err());
    }
}
