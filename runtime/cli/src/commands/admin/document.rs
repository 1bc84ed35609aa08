//! `parloir document`: what a tenant's agents may read.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::Value;

use super::{Whose, moment, text};
use crate::terminal::{GOOD, plain, styled};
use crate::{Failure, Outcome};

/// Bytes that are read of a file, or taken from an installation: more than any document or sound has.
const MAX_READ: u64 = 4 << 20;

#[derive(Args)]
pub(crate) struct Document {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// List the documents that agents may read.
    #[command(after_help = "Example:\n  parloir document list")]
    List(Whose),
    /// Keep a document, or another in its place: from the next call on, agents read it where their line grants `documents`.
    #[command(
        after_help = "A document is UTF-8 text of at most 256 KiB, and its name ends in .txt or .md; all of a tenant have 8 MiB.\n\nExamples:\n  parloir document put tarifs.md tarifs.md\n  parloir document put hours.txt notes/opening-hours.txt"
    )]
    Put(Put),
    /// Print a document, or write it to a file.
    #[command(
        after_help = "Examples:\n  parloir document get tarifs.md\n  parloir document get tarifs.md -o tarifs.md"
    )]
    Get(Get),
    /// Remove a document: a call that reads it goes on with what it opened.
    #[command(after_help = "Example:\n  parloir document remove tarifs.md")]
    Remove(Remove),
}

#[derive(Args)]
struct Put {
    /// What agents call it.
    name: String,
    /// The file that its text is in.
    file: PathBuf,
    #[command(flatten)]
    whose: Whose,
}

#[derive(Args)]
struct Get {
    /// Which.
    name: String,
    /// The file to write. Default: standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
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

impl Document {
    pub(crate) async fn run(self) -> Outcome {
        match self.what {
            What::List(whose) => list(whose).await,
            What::Put(put) => put.run().await,
            What::Get(get) => get.run().await,
            What::Remove(Remove { name, whose }) => whose.remove("documents", &name, "removed").await,
        }
    }
}

/// What is in a file, as far as a document or a sound may be long.
pub(super) fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = File::open(file).and_then(|opened| opened.take(MAX_READ).read_to_end(&mut bytes));
    read.map_err(|error| Failure::bad_input(&format!("{}: {error}", file.display())))?;
    Ok(bytes)
}

/// What an installation sends for a document or a sound, as far as one may be long.
#[derive(Default)]
pub(super) struct Received(pub(super) Vec<u8>);

impl Write for Received {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        if (self.0.len() as u64).saturating_add(part.len() as u64) > MAX_READ {
            let detail =
                "the installation sends more than a document has, or a sound: is it an administration?";
            return Err(io::Error::other(detail));
        }
        self.0.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Put {
    async fn run(self) -> Outcome {
        let bytes = read(&self.file)?;
        let (client, path) = self.whose.open().await?;
        let documents = format!("{path}/documents");
        let before = client.find(&documents, &self.name).await?;
        let path = format!("{documents}/{}", self.name);
        let item = client.put_file(&path, before.as_ref(), "text/plain; charset=utf-8", bytes).await?;
        if self.whose.api.json {
            println!("{item}");
        } else {
            let done = if before.is_some() { "changed" } else { "kept" };
            anstream::println!("{} {}", styled(GOOD, done), self.name);
        }
        Ok(())
    }
}

impl Get {
    async fn run(self) -> Outcome {
        let (client, path) = self.whose.open().await?;
        let mut received = Received::default();
        client.download(&format!("{path}/documents/{}", self.name), &[], &mut received).await?;
        let Received(text) = received;
        match &self.output {
            Some(file) => {
                std::fs::write(file, &text)
                    .map_err(|error| Failure::new(format!("{}: {error}", file.display())))?;
                if !self.whose.api.json {
                    anstream::println!("{} {}", styled(GOOD, "written"), file.display());
                }
            }
            None if self.whose.api.json => {
                println!("{}", Value::from(String::from_utf8_lossy(&text).into_owned()));
            }
            // What others wrote obeys no terminal; a file or a program gets it as it is.
            None if std::io::stdout().is_terminal() => {
                String::from_utf8_lossy(&text).lines().for_each(|line| anstream::println!("{}", plain(line)));
            }
            None => std::io::stdout().write_all(&text)?,
        }
        Ok(())
    }
}

async fn list(whose: Whose) -> Outcome {
    let row = |item: &Value| {
        let bytes = item.pointer("/spec/bytes").and_then(Value::as_u64).unwrap_or_default();
        let sha256 = text(item, "/spec/sha256");
        let short = sha256.get(..12).unwrap_or(sha256).to_owned();
        [text(item, "/id").to_owned(), bytes.to_string(), short, moment(item, "/changed")]
    };
    whose.list("documents", ["DOCUMENT", "BYTES", "SHA-256", "CHANGED"], row).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_file_no_more_is_read_than_tells_that_it_is_too_long() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tarifs.md");
        std::fs::write(&file, vec![b'a'; usize::try_from(MAX_READ).unwrap() + 5]).unwrap();
        assert_eq!(read(&file).ok().map(|bytes| bytes.len() as u64), Some(MAX_READ));
        assert!(read(&folder.path().join("missing")).is_err());
    }

    #[test]
    fn of_what_an_installation_sends_no_more_is_taken_than_a_document_may_have() {
        let (part, mut received) = (vec![b'a'; 64 << 10], Received::default());
        for _ in 0..MAX_READ / (64 << 10) {
            received.write_all(&part).unwrap();
        }
        assert!(received.write_all(b"a").unwrap_err().to_string().contains("more than a document has"));
        assert_eq!(received.0.len() as u64, MAX_READ);
    }
}
