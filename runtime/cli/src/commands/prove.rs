//! `parloir prove`: what a call left, as a file that anybody can check without trusting whoever made it.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use parloir_contract::CallId;
use parloir_journal::{ErasureNote, Purpose, Redaction, Seq, prove};
use parloir_proof::Trust;
use parloir_proof::note::{Note, PublicKey};
use parloir_proof::proof::Proof;
use parloir_store::Keyring;
use serde_json::Value;

use crate::access::{Read, WhyArgs};
use crate::commands::admin::{Client, OneAskedArgs};
use crate::commands::erase;
use crate::commands::recording::tenant_of;
use crate::terminal::{GOOD, plain, styled};
use crate::{DataArgs, Failure, Outcome};

#[derive(Args)]
pub(crate) struct Prove {
    /// The call, as `parloir calls` lists it.
    call: CallId,
    #[command(flatten)]
    why: WhyArgs,
    #[command(flatten)]
    asked: OneAskedArgs,
    #[command(flatten)]
    data: DataArgs,
    /// Leave out: `contents` (all that was said, asked and answered), a record by its number (`12`, `3-9`), or
    /// the content of one (`content:12`). `parloir show CALL --json` gives the numbers. May be repeated. An installation that is asked
    /// by --api leaves out `contents` or nothing: the others, --since and --witness need the data folder.
    #[arg(long, value_name = "WHAT")]
    redact: Vec<Redact>,
    /// An older checkpoint of the log: prove that nothing it covered was changed since.
    #[arg(long, value_name = "FILE")]
    since: Option<PathBuf>,
    /// The key of a witness whose cosignature to carry. May be repeated.
    #[arg(long, value_name = "KEY")]
    witness: Vec<PublicKey>,
    /// The file to write. Default: CALL.proof.json
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print a JSON object instead of a sentence.
    #[arg(long)]
    json: bool,
}

/// What to leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Redact {
    Contents,
    Records(Seq, Seq),
    ContentsOf(Seq, Seq),
}

impl FromStr for Redact {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "contents" {
            return Ok(Self::Contents);
        }
        let (contents, numbers) = match text.strip_prefix("content:") {
            Some(numbers) => (true, numbers),
            None => (false, text),
        };
        let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
        match (first.parse(), last.parse()) {
            (Ok(first), Ok(last)) if first <= last && last - first < 1_000_000 => {
                Ok(if contents { Self::ContentsOf(first, last) } else { Self::Records(first, last) })
            }
            _ => Err("write contents, a record's number (12), some (3-9), or content:12"),
        }
    }
}

fn redaction(wanted: &[Redact]) -> Redaction {
    let mut redaction = Redaction::default();
    for redact in wanted {
        match *redact {
            Redact::Contents => redaction.contents = true,
            Redact::Records(first, last) => redaction.records.extend(first..=last),
            Redact::ContentsOf(first, last) => redaction.contents_of.extend(first..=last),
        }
    }
    redaction
}

/// What was erased of the call.
enum Gone {
    /// As it is noted beside the keys.
    Noted(Vec<ErasureNote>),
    /// As an installation says it.
    Said(Vec<String>),
    /// An installation that does not say it.
    Unknown,
}

impl Gone {
    fn said(purposes: Option<&str>) -> Self {
        let Some(purposes) = purposes else { return Self::Unknown };
        Self::Said(purposes.split(',').filter(|one| !one.is_empty()).map(plain).collect())
    }

    /// For programs.
    fn json(&self) -> Value {
        match self {
            Self::Noted(notes) => notes.iter().map(erase::json).collect(),
            Self::Said(purposes) if purposes.is_empty() => Value::Array(Vec::new()),
            Self::Said(purposes) => serde_json::json!([{ "purposes": purposes }]),
            Self::Unknown => Value::Null,
        }
    }

    fn tell(&self) {
        match self {
            Self::Noted(notes) => {
                for note in notes {
                    anstream::println!(
                        "  {}: what was erased is not in it; `parloir prove {}` proves the erasure",
                        erase::words(note, None),
                        note.record
                    );
                }
            }
            Self::Said(purposes) if !purposes.is_empty() => {
                anstream::println!("  its {} was erased, and is not in it", purposes.join(" and "));
            }
            Self::Said(_) | Self::Unknown => {}
        }
    }
}

impl Prove {
    pub(crate) async fn run(self) -> Outcome {
        if let Some((client, path)) = self.asked.open(self.call).await? {
            return self.ask(&client, &path).await;
        }
        let folders = self.asked.folders(&self.data)?;
        let tenant = tenant_of(&folders, self.call).await?;
        let keyring = Keyring::open(&folders.keys)?;
        let since = match &self.since {
            Some(file) => {
                let text = std::fs::read_to_string(file)
                    .map_err(|error| Failure::new(format!("{}: {error}", file.display())))?;
                Some(
                    text.parse::<Note>()
                        .map_err(|error| Failure::new(format!("{}: {error}", file.display())))?,
                )
            }
            None => None,
        };
        let redaction = redaction(&self.redact);
        if !redaction.contents {
            let read = Read { command: "prove", purposes: &[Purpose::Content], why: &self.why };
            read.note_of(&folders, &tenant, &[self.call]).await?;
        }
        let erased = erase::erased(&folders, &tenant, self.call).await?;
        let proof =
            prove(folders.data, &keyring, &tenant, self.call, redaction, since, self.witness.clone()).await?;
        let bytes = serde_json::to_vec(&proof)?;
        self.hand_over(&proof, &bytes, &Gone::Noted(erased))
    }

    /// Has the installation make it.
    async fn ask(self, client: &Client, path: &str) -> Outcome {
        let plain = self.redact.iter().all(|redact| *redact == Redact::Contents);
        if !plain || self.since.is_some() || !self.witness.is_empty() {
            return Err(Failure::bad_input(
                &"an installation that is asked leaves out `contents` or nothing: --redact of records, --since and --witness need --data",
            ));
        }
        let why = self.why.why.as_deref().map(|why| ("why", why));
        let redact = self.redact.first().map(|_| ("redact", "contents"));
        let query: Vec<_> = why.into_iter().chain(redact).collect();
        let mut bytes = Vec::new();
        let (_, erased) = client.download(&format!("{path}/proof"), &query, &mut bytes).await?;
        let proof = Proof::parse(&bytes)?;
        self.hand_over(&proof, &bytes, &Gone::said(erased.as_deref()))
    }

    /// Writes it, and says how it is checked.
    fn hand_over(self, proof: &Proof, bytes: &[u8], erased: &Gone) -> Outcome {
        // What is handed over is checked as whoever gets it will.
        let verified = proof.verify(&Trust::default())?;
        let output = self.output.unwrap_or_else(|| format!("{}.proof.json", self.call).into());
        let temporary = output.with_extension("part");
        crate::private::write(&temporary, bytes)
            .and_then(|()| std::fs::rename(&temporary, &output))
            .map_err(|e| Failure::new(format!("{}: {e}; name another place with -o", output.display())))?;
        let shown = verified.records.iter().filter(|line| line.record.is_some()).count();
        let of_those = verified.records.iter().filter_map(|line| line.record.as_ref());
        let withheld = of_those.filter(|said| said.withheld).count();
        if self.json {
            let erased = erased.json();
            println!(
                "{}",
                serde_json::json!({
                    "file": output, "bytes": bytes.len(), "records": verified.records.len(), "shown": shown,
                    "without_content": withheld, "erased": erased, "complete": verified.complete, "key": verified.key, "witnesses": verified.witnesses.len(),
                })
            );
            return Ok(());
        }
        let left_out = match withheld {
            0 => String::new(),
            some => format!(", {some} of them without what was said in them, which was left out or erased"),
        };
        anstream::println!(
            "{} {} ({} KiB): {shown} of {} records shown{left_out}{}, {} witness(es)",
            styled(GOOD, "written"),
            output.display(),
            bytes.len().div_ceil(1_024),
            verified.records.len(),
            if verified.complete { "" } else { " (the call is not closed yet)" },
            verified.witnesses.len(),
        );
        erased.tell();
        anstream::println!(
            "  whoever gets it runs: parloir verify {} --key '{}'\n  give them the key by another way than the file",
            output.display(),
            verified.key
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_erased_is_told_as_an_installation_says_it() {
        assert_eq!(Gone::said(None).json(), Value::Null);
        assert_eq!(Gone::said(Some("")).json(), serde_json::json!([]));
        let gone = Gone::said(Some("content,recording")).json();
        assert_eq!(gone, serde_json::json!([{ "purposes": ["content", "recording"] }]));
    }

    #[test]
    fn what_to_leave_out_is_read_as_it_is_written() {
        let wanted = ["contents", "12", "3-5", "content:7"].map(|text| text.parse().unwrap());
        let redaction = redaction(&wanted);
        assert!(redaction.contents);
        assert_eq!(redaction.records, [12, 3, 4, 5].into());
        assert_eq!(redaction.contents_of, [7].into());
        for wrong in ["", "content", "5-3", "x", "content:", "-1", "0-99999999"] {
            assert!(wrong.parse::<Redact>().is_err(), "{wrong}");
        }
    }
}
