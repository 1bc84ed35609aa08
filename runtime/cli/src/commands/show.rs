//! `parloir show`: what happened in a call, line by line.

mod host_call;
pub(crate) mod ledger;
mod timeline;
mod understanding;
mod words;

use clap::Args;
use parloir_contract::CallId;
use parloir_journal::{ACCESS, Amendment, Purpose, ReadError, Record, RecordBody, holds, read_call};
use parloir_persons::CallFile;
use parloir_server::{AmendedLine, shown_with, told};
use parloir_store::Keyring;
use serde_json::Value;

pub(crate) use self::timeline::timeline;
pub(crate) use self::words::{field, outcome};
use crate::access::{Read, WhyArgs};
use crate::commands::admin::{Client, OneAskedArgs, lines_of_json, text};
use crate::commands::calls::time;
use crate::commands::erase;
use crate::commands::recording::tenant_of;
use crate::commands::rights::{self, Own};
use crate::terminal::{BAD, DIM, TITLE, plain, styled};
use crate::{DataArgs, Failure, Outcome};

#[derive(Args)]
pub(crate) struct Show {
    /// The call, as `parloir calls` lists it.
    call: CallId,
    #[command(flatten)]
    why: WhyArgs,
    #[command(flatten)]
    asked: OneAskedArgs,
    #[command(flatten)]
    data: DataArgs,
    /// Also show what is usually left out: clock readings, digests of sound, every provider's start.
    #[arg(long)]
    all: bool,
    /// Print every record as one JSON object a line.
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(crate) async fn run(self) -> Outcome {
        if let Some((client, path)) = self.asked.open(self.call).await? {
            return self.ask(&client, &path).await;
        }
        let folders = self.asked.folders(&self.data)?;
        let tenant = tenant_of(&folders, self.call).await?;
        rights::unrestricted(&folders, &tenant, self.call).await?;
        let keyring = Keyring::open(&folders.keys)?;
        let amended = Own::open(&folders)?.amendments(&tenant, self.call).await?;
        let erased = erase::erased(&folders, &tenant, self.call).await?;
        let records = match read_call(&folders.data, &keyring, &tenant, self.call, None).await {
            // What is said of its erasure is all there is to show.
            Err(ReadError::Erased { .. }) if !erased.is_empty() => Vec::new(),
            records => records?,
        };
        let first = records.first().map(|record| &record.body);
        let is_access =
            matches!(first, Some(RecordBody::CallStarted(started)) if started.transport == ACCESS);
        // Whoever reads who read is noted nowhere: there would be no end of it.
        if !is_access {
            let read = Read { command: "show", purposes: &[Purpose::Content], why: &self.why };
            let calls = shown_with(self.call, &erased, &amended);
            read.note_of(&folders, &tenant, &calls).await?;
        }
        if self.json {
            for line in told(&erased, &records, &amended) {
                println!("{line}");
            }
            return Ok(());
        }
        if let Some(hold) = holds(&keyring, &tenant).await?.into_iter().find(|hold| hold.call == self.call) {
            anstream::println!("{} since {} UTC: nothing erases it", styled(TITLE, "held"), time(hold.at));
        }
        for note in &erased {
            let reason = erase::reason(&folders, &tenant, note).await;
            anstream::println!("{}", erase::words(note, reason.as_deref()));
        }
        self.tell(records, &amended);
        Ok(())
    }

    /// Has the installation read it.
    async fn ask(&self, client: &Client, path: &str) -> Outcome {
        let read = client.read(path, self.why.why.as_deref()).await?;
        let lines = read.get("lines").and_then(Value::as_array).ok_or_else(rights::other_version)?;
        if self.json {
            lines_of_json(lines);
            return Ok(());
        }
        if read.pointer("/call/held").and_then(Value::as_bool) == Some(true) {
            anstream::println!("{}: nothing erases it", styled(TITLE, "held"));
        }
        let (mut records, mut amended) = (Vec::new(), Vec::new());
        for line in lines {
            if let Some(erased) = line.get("erased") {
                let at = erased.get("at").and_then(Value::as_u64).unwrap_or_default();
                let purposes = erased.get("purposes").and_then(Value::as_array).into_iter().flatten();
                let purposes: Vec<&str> = purposes.filter_map(Value::as_str).collect();
                let record = styled(DIM, &format!("[{}]", plain(text(erased, "/record"))));
                let purposes = plain(&purposes.join(", "));
                anstream::println!("{} on {} UTC: its {purposes} {record}", styled(BAD, "erased"), time(at));
            } else if let Some(line) = line.get("amended") {
                amended.push(amended_line(line).ok_or_else(rights::other_version)?);
            } else {
                records.push(record(line)?);
            }
        }
        self.tell(records, &amended);
        Ok(())
    }

    /// What happened, line by line, and what was put right since.
    fn tell(&self, mut records: Vec<Record>, amended: &[AmendedLine]) {
        Record::merge_held(&mut records);
        timeline(&records, self.all);
        let fields = CallFile::whole(self.call, records).map(|file| file.fields()).unwrap_or_default();
        for (number, one) in amended.iter().enumerate() {
            let field = one.amendment.as_ref().map(|amendment| &amendment.field);
            let mut later = amended.iter().skip(number + 1).filter_map(|later| later.amendment.as_ref());
            let replaced = later.any(|later| Some(&later.field) == field);
            tell_amended(one, &fields, replaced);
        }
    }
}

/// A record as an installation tells it.
fn record(line: &Value) -> Result<Record, Failure> {
    let number = |name: &str| line.get(name).and_then(Value::as_u64).ok_or_else(rights::other_version);
    let body = line.get("body").cloned().unwrap_or_default();
    let body = serde_json::from_value::<RecordBody>(body).map_err(|_| rights::other_version())?;
    Ok(Record { seq: number("seq")?, at: number("at")?, body })
}

/// Something that was put right, as an installation tells it.
fn amended_line(line: &Value) -> Option<AmendedLine> {
    let number = |name: &str| line.get(name).and_then(Value::as_u64);
    let word = |name: &str| line.get(name).and_then(Value::as_str).map(str::to_owned);
    let amendment = word("field").zip(word("to")).map(|(field, to)| Amendment { field, to });
    let appointments = number("appointments").and_then(|count| u32::try_from(count).ok())?;
    Some(AmendedLine { at: number("at")?, record: word("record")?.parse().ok()?, appointments, amendment })
}

/// Something that was put right since, beside what was recorded; `replaced` where it was put right again after that.
fn tell_amended(amended: &AmendedLine, fields: &[(String, String)], replaced: bool) {
    let Some(amendment) = &amended.amendment else { return };
    let of_field = fields.iter().filter(|(name, _)| *name == amendment.field);
    let recorded: Vec<&str> = of_field.map(|(_, value)| value.as_str()).collect();
    let standing = match amended.appointments {
        0 => String::new(),
        some => format!(", and in {some} appointment(s)"),
    };
    let again = if replaced { ", and put right again since" } else { "" };
    let recorded = format!("(recorded: {}{standing}{again}) [{}]", recorded.join(", "), amended.record);
    anstream::println!(
        "{} on {} UTC: {}: {} {}",
        styled(TITLE, "amended"),
        time(amended.at),
        amendment.field,
        plain(&amendment.to),
        styled(DIM, &plain(&recorded))
    );
}
