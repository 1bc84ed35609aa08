//! `parloir verify`: is the journal complete and unaltered? Or, with a file: is what it says of a call true?

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use parloir_contract::TenantId;
use parloir_journal::{Scope, VerifyReport, verify};
use parloir_proof::note::PublicKey;
use parloir_proof::proof::{Line, MAX_FILE};
use parloir_proof::{Proof, Trust, Verified};
use parloir_store::{Keyring, Kms};

use crate::terminal::{BAD, DIM, GOOD, TITLE, styled};
use crate::{DataArgs, Failure, Outcome};

#[derive(Args)]
pub(crate) struct Verify {
    /// A proof file, as `parloir prove` writes it. Nothing else is looked at then: no data, no keys.
    file: Option<PathBuf>,
    /// One of the log's keys, as the operator published it: the proof must be of this log.
    #[arg(long, value_name = "KEY", requires = "file")]
    key: Option<PublicKey>,
    /// A witness's key: it must have cosigned. May be repeated.
    #[arg(long, value_name = "KEY", requires = "file")]
    witness: Vec<PublicKey>,
    #[command(flatten)]
    data: DataArgs,
    /// Only this tenant's.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// Print a JSON object instead of a report.
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub(crate) async fn run(self) -> Outcome {
        if let Some(file) = &self.file {
            let trust = Trust { log: self.key, witnesses: self.witness };
            return proof_file(file, &trust, self.json);
        }
        let folders = self.data.existing()?;
        let kms: Arc<dyn Kms> = Arc::new(Keyring::open(&folders.keys)?);
        let scope = self.tenant.map_or(Scope::All, Scope::Tenant);
        let report = verify(folders.data, kms, None, scope).await?;
        if self.json {
            println!("{}", json(&report));
        } else {
            print(&report);
        }
        if report.is_sound() {
            Ok(())
        } else {
            Err(Failure { message: "the journal is not sound".into(), code: 3 })
        }
    }
}

/// Checks a proof file.
fn proof_file(file: &Path, trust: &Trust, json: bool) -> Outcome {
    let wrong = |error: std::io::Error| Failure::new(format!("{}: {error}", file.display()));
    if std::fs::metadata(file).map_err(wrong)?.len() > MAX_FILE as u64 {
        return Err(Failure::new(format!("{} is too large for a proof file", file.display())));
    }
    let bytes = std::fs::read(file).map_err(wrong)?;
    match Proof::parse(&bytes).and_then(|proof| proof.verify(trust)) {
        Ok(verified) => {
            if json {
                let mut value = serde_json::to_value(&verified)?;
                if let Some(object) = value.as_object_mut() {
                    object.insert("sound".into(), true.into());
                }
                println!("{value}");
            } else {
                show(&verified);
            }
            Ok(())
        }
        Err(error) => {
            if json {
                println!("{}", serde_json::json!({ "sound": false, "problem": error.to_string() }));
            }
            Err(Failure { message: format!("{} proves nothing: {error}", file.display()), code: 3 })
        }
    }
}

fn show(verified: &Verified) {
    let Verified { origin, size, root, call, chunks, records, .. } = verified;
    let whole = if verified.complete { "the whole call" } else { "a part of the call" };
    anstream::println!(
        "{}: {whole} {call}, {} records in {chunks} sealed chunks of log {origin}",
        styled(GOOD, "proven"),
        records.len()
    );
    anstream::println!("  checkpoint of {size} chunks, root {root}");
    if let Some(since) = verified.since {
        anstream::println!("  nothing of the first {since} chunks was changed since the older checkpoint");
    }
    if verified.key_known {
        anstream::println!("  signed by the log whose key you gave");
    } else {
        anstream::println!(
            "  {} signed by a key that the file itself names: compare it with the one that was published, or give that with --key\n    {}",
            styled(BAD, "!"),
            verified.key
        );
    }
    for witness in &verified.witnesses {
        let by = if witness.key_known { "whose key you gave" } else { "whose key the file itself names" };
        anstream::println!(
            "  cosigned by {} ({by}) at {}",
            witness.name,
            moment(i128::from(witness.time) * 1_000_000_000)
        );
    }
    if verified.witnesses.is_empty() {
        anstream::println!(
            "  no witness cosigned it: it is the operator's word alone that no other log was shown to others"
        );
    }
    for line in records {
        anstream::println!("{}", said(line));
    }
}

/// Nanoseconds since 1970 as civil time.
fn moment(nanoseconds: i128) -> String {
    jiff::Timestamp::from_nanosecond(nanoseconds).map_or_else(|_| "?".to_owned(), |time| format!("{time:.3}"))
}

fn said(line: &Line) -> String {
    let Some(said) = &line.record else {
        return format!("{:>5} {}", line.seq, styled(DIM, "not shown"));
    };
    let content = match &said.content {
        Some(content) => format!("  {}", printable(&content.to_string())),
        None if said.withheld => format!("  {}", styled(DIM, "(content not shown)")),
        None => String::new(),
    };
    let (time, kind) = (moment(i128::from(said.at)), styled(TITLE, &printable(&said.kind)));
    format!("{:>5} {time} {kind} {}{content}", line.seq, styled(DIM, &printable(&said.fields.to_string())))
}

/// What somebody else wrote, without the characters that would command a terminal.
fn printable(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_unicode().collect() } else { vec![c] }).collect()
}

/// The report for a person.
pub(crate) fn print(report: &VerifyReport) {
    let VerifyReport { tenants, calls, chunks, records, blocks, interrupted, .. } = report;
    let verdict = if report.is_sound() { styled(GOOD, "sound") } else { styled(BAD, "not sound") };
    anstream::println!(
        "{verdict}: {tenants} tenant(s), {calls} call(s), {records} records in {chunks} sealed chunks, {blocks} seconds of recording"
    );
    if report.signed < *chunks {
        anstream::println!("  {} chunk(s) are not in a signed checkpoint yet", chunks - report.signed);
    }
    if *interrupted > 0 {
        anstream::println!("  {interrupted} call(s) were cut off and closed as interrupted");
    }
    if !report.unclosed.is_empty() {
        anstream::println!("  {} call(s) last, or were cut off and not yet closed", report.unclosed.len());
    }
    for problem in &report.problems {
        anstream::println!("  {} {problem}", styled(BAD, "✗"));
    }
    if report.more_problems > 0 {
        anstream::println!("  and {} more", report.more_problems);
    }
}

fn json(report: &VerifyReport) -> serde_json::Value {
    serde_json::json!({
        "sound": report.is_sound(),
        "tenants": report.tenants,
        "calls": report.calls,
        "chunks": report.chunks,
        "signed_chunks": report.signed,
        "records": report.records,
        "recorded_seconds": report.blocks,
        "interrupted": report.interrupted,
        "unclosed": report.unclosed.len(),
        "problems": report.problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}
