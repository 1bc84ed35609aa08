//! `parloir sound`: what a tenant's agents may play.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::document::{Received, read};
use super::{Whose, moment, table, text};
use crate::terminal::{GOOD, styled};
use crate::{Failure, Outcome};

#[derive(Args)]
pub(crate) struct Sound {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// List the sounds that agents may play.
    #[command(after_help = "Example:\n  parloir sound list")]
    List(Whose),
    /// Keep a sound, or another in its place: from the next call on, agents play it by its name.
    #[command(
        after_help = "A sound is a WAV of 16-bit PCM, µ-law or A-law, of at most 2 MiB: at 8,000 Hz two minutes, in µ-law four. A tenant keeps 200 of them.\n\nExamples:\n  parloir sound add welcome.wav recorded/welcome.wav\n  sox music.mp3 -r 8000 -c 1 -e mu-law music.wav && parloir sound add music.wav music.wav"
    )]
    Add(Add),
    /// Tell what a sound is, or write it to a file.
    #[command(
        after_help = "Examples:\n  parloir sound show welcome.wav\n  parloir sound show welcome.wav -o welcome.wav"
    )]
    Show(Show),
    /// Remove a sound: a call that has played it goes on with it.
    #[command(after_help = "Example:\n  parloir sound remove welcome.wav")]
    Remove(Remove),
}

#[derive(Args)]
struct Add {
    /// What agents call it.
    name: String,
    /// The WAV.
    file: PathBuf,
    #[command(flatten)]
    whose: Whose,
}

#[derive(Args)]
struct Show {
    /// Which.
    name: String,
    /// Write the WAV to this file.
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

impl Sound {
    pub(crate) async fn run(self) -> Outcome {
        match self.what {
            What::List(whose) => whose.list("sounds", HEADINGS, row).await,
            What::Add(add) => add.run().await,
            What::Show(show) => show.run().await,
            What::Remove(Remove { name, whose }) => whose.remove("sounds", &name, "removed").await,
        }
    }
}

const HEADINGS: [&str; 6] = ["SOUND", "SECONDS", "HZ", "BYTES", "SHA-256", "CHANGED"];

/// A sound in a list.
fn row(item: &Value) -> [String; 6] {
    let number = |path: &str| item.pointer(path).and_then(Value::as_u64).unwrap_or_default();
    let milliseconds = number("/spec/milliseconds");
    let seconds = format!("{}.{}", milliseconds / 1_000, milliseconds % 1_000 / 100);
    let sha256 = text(item, "/spec/sha256");
    [
        text(item, "/id").to_owned(),
        seconds,
        number("/spec/rate").to_string(),
        number("/spec/bytes").to_string(),
        sha256.get(..12).unwrap_or(sha256).to_owned(),
        moment(item, "/changed"),
    ]
}

impl Add {
    async fn run(self) -> Outcome {
        let bytes = read(&self.file)?;
        let (client, path) = self.whose.open().await?;
        let sounds = format!("{path}/sounds");
        let before = client.find(&sounds, &self.name).await?;
        let path = format!("{sounds}/{}", self.name);
        let item = client.put_file(&path, before.as_ref(), "audio/wav", bytes).await?;
        if self.whose.api.json {
            println!("{item}");
        } else {
            let done = if before.is_some() { "changed" } else { "kept" };
            anstream::println!("{} {}", styled(GOOD, done), self.name);
        }
        Ok(())
    }
}

impl Show {
    async fn run(self) -> Outcome {
        let (client, path) = self.whose.open().await?;
        let sounds = format!("{path}/sounds");
        if let Some(file) = &self.output {
            let mut received = Received::default();
            client.download(&format!("{sounds}/{}", self.name), &[], &mut received).await?;
            let Received(wav) = received;
            std::fs::write(file, &wav)
                .map_err(|error| Failure::new(format!("{}: {error}", file.display())))?;
            if !self.whose.api.json {
                anstream::println!("{} {}", styled(GOOD, "written"), file.display());
            }
            return Ok(());
        }
        let Some(found) = client.find(&sounds, &self.name).await? else {
            return Err(Failure::new(format!(
                "there is no sound {}: list what there is with parloir sound list",
                self.name
            )));
        };
        if self.whose.api.json {
            println!("{}", found.body);
        } else {
            table(HEADINGS, &[row(&found.body)]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_sound_is_told_by_how_long_it_is_heard() {
        let spec =
            json!({ "bytes": 19_244, "sha256": "0a".repeat(32), "milliseconds": 2_400, "rate": 8_000 });
        let item = json!({ "id": "hello.wav", "changed": "2026-11-23T02:59:25.6Z", "spec": spec });
        let told = ["hello.wav", "2.4", "8000", "19244", "0a0a0a0a0a0a", "2026-11-23T02:59:25Z"];
        assert_eq!(row(&item), told);
        assert_eq!(row(&json!({ "id": "a.wav" }))[..2], ["a.wav", "0.0"]);
    }
}
