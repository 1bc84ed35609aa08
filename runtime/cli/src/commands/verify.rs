//! `parloir verify`: is the journal complete and unaltered? Or, with a file: is what it says of a call true?

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use parloir_contract::TenantId;
use parloir_journal::{Scope, Since, VerifyReport, check_since, read_tile, verify};
use parloir_proof::note::{MAX_NOTE, Note, PublicKey};
use parloir_proof::proof::{Cosigned, Line, MAX_FILE};
use parloir_proof::{Proof, Trust, Verified};
use parloir_store::{Keyring, Kms};

use crate::terminal::{BAD, DIM, GOOD, TITLE, counted, plain, styled};
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
    /// A checkpoint of the log that you kept (`log/TENANT/checkpoint`): nothing it covered may have been changed
    /// since. A proof file must lead from there: ask for one made with `parloir prove --since`.
    #[arg(long, value_name = "FILE")]
    since: Option<PathBuf>,
    /// A copy of the log (its folder `log/TENANT`): there may be no other chunks of the call than the file's.
    #[arg(long, value_name = "DIR", requires = "file")]
    log: Option<PathBuf>,
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
            let since = self.since.as_deref().map(kept).transpose()?;
            return proof_file(file, &trust, since.as_ref(), self.log.as_deref(), self.json);
        }
        let since = self.since.as_deref().map(kept).transpose()?;
        let folders = self.data.existing()?;
        let kms: Arc<dyn Kms> = Arc::new(Keyring::open(&folders.keys)?);
        let scope = self.tenant.map_or(Scope::All, Scope::Tenant);
        let report = verify(folders.data.clone(), kms, None, scope).await?;
        let since = match since {
            Some(kept) => Some(check_since(folders.data, kept).await),
            None => None,
        };
        if self.json {
            let mut value = json(&report);
            if let (Some(object), Some(since)) = (value.as_object_mut(), &since) {
                let said = match since {
                    Ok(since) => serde_json::json!({ "kept": since.kept, "size": since.size }),
                    Err(error) => serde_json::json!({ "problem": error.to_string() }),
                };
                object.insert("since".into(), said);
            }
            println!("{value}");
        } else {
            print(&report);
            if let Some(Ok(Since { tenant, kept, size })) = &since {
                anstream::println!(
                    "  the log of {tenant} goes on from your checkpoint: its {kept} chunks are the first of {size}, unchanged"
                );
            }
        }
        if let Some(Err(error)) = since {
            return Err(Failure { message: error.to_string(), code: 3 });
        }
        if report.is_sound() {
            Ok(())
        } else {
            Err(Failure { message: "the journal is not sound".into(), code: 3 })
        }
    }
}

/// A checkpoint that somebody kept.
fn kept(file: &Path) -> Result<Note, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", file.display()));
    let length = std::fs::metadata(file).map_err(|error| wrong(&error))?.len();
    if length > MAX_NOTE as u64 {
        return Err(wrong(&"it is too long for a checkpoint"));
    }
    let text = std::fs::read_to_string(file).map_err(|error| wrong(&error))?;
    text.parse().map_err(|error| wrong(&error))
}

/// Checks a proof file, and that a copy of the log has nothing else of the call.
fn proof_file(file: &Path, trust: &Trust, since: Option<&Note>, log: Option<&Path>, json: bool) -> Outcome {
    let wrong = |error: std::io::Error| Failure::new(format!("{}: {error}", file.display()));
    if std::fs::metadata(file).map_err(wrong)?.len() > MAX_FILE as u64 {
        return Err(Failure::new(format!("{} is too large for a proof file", file.display())));
    }
    let bytes = std::fs::read(file).map_err(wrong)?;
    let checked = Proof::parse(&bytes).map_err(|error| error.to_string()).and_then(|proof| {
        let verified = match since {
            Some(kept) => proof.verify_since(trust, kept),
            None => proof.verify(trust),
        };
        let verified = verified.map_err(|error| error.to_string())?;
        if let Some(log) = log {
            let others = proof.others(|tile| read_tile(log, tile));
            let others = others.map_err(|error| format!("{}: {error}", log.display()))?;
            if !others.is_empty() {
                return Err(format!(
                    "the log has more chunks of this call, at {}: a second story under its name, or a part that was left out",
                    listed(&others)
                ));
            }
        }
        Ok(verified)
    });
    match checked {
        Ok(verified) => {
            if json {
                let mut value = serde_json::to_value(&verified)?;
                if let Some(object) = value.as_object_mut() {
                    object.insert("sound".into(), true.into());
                }
                println!("{value}");
            } else {
                show(&verified);
                if log.is_some() {
                    anstream::println!("  your copy of the log has no other chunks of this call");
                }
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

/// Places, as far as a line holds them.
fn listed(places: &[u64]) -> String {
    const MOST: usize = 12;
    let mut list: Vec<_> = places.iter().take(MOST).map(u64::to_string).collect();
    if places.len() > MOST {
        list.push(format!("and {} more", places.len() - MOST));
    }
    list.join(", ")
}

fn show(verified: &Verified) {
    let Verified { origin, size, root, call, chunks, records, .. } = verified;
    let whole = if verified.complete { "the whole call" } else { "a part of the call" };
    let (origin, call) = (plain(origin), plain(call));
    anstream::println!(
        "{}: {whole} {call}, {} records in {chunks} sealed chunks of log {origin}",
        styled(GOOD, "proven"),
        records.len()
    );
    anstream::println!("  checkpoint of {size} chunks, root {root}");
    anstream::println!("  the call's are at {} (from 0)", listed(&verified.places));
    if let Some(since) = verified.since {
        anstream::println!("  nothing of the first {since} chunks was changed since the older checkpoint");
    }
    if verified.key_known {
        anstream::println!("  signed by the log whose key you gave");
    } else {
        anstream::println!(
            "  {} signed by a key that the file itself names: compare it with the one that was published, or give that with --key\n    {}",
            styled(BAD, "!"),
            plain(&verified.key)
        );
    }
    for witness in &verified.witnesses {
        anstream::println!("{}", cosigned(witness));
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

fn cosigned(witness: &Cosigned) -> String {
    let by = if witness.key_known { "whose key you gave" } else { "whose key the file itself names" };
    let at = moment(i128::from(witness.time) * 1_000_000_000);
    format!("  cosigned by {} ({by}) at {at}", plain(&witness.name))
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
        Some(content) => format!("  {}", plain(&content.to_string())),
        None if said.withheld => format!("  {}", styled(DIM, "(content not shown)")),
        None => String::new(),
    };
    let (time, kind) = (moment(i128::from(said.at)), styled(TITLE, &plain(&said.kind)));
    format!("{:>5} {time} {kind} {}{content}", line.seq, styled(DIM, &plain(&said.fields.to_string())))
}

/// What was looked at, counted: the journal's own calls, in which nobody rang, are none to whoever reads this.
fn checked(report: &VerifyReport) -> String {
    let VerifyReport { tenants, calls, own, chunks, records, blocks, .. } = report;
    let rang = counted(calls.saturating_sub(*own), "call");
    let (tenants, records) = (counted(*tenants, "tenant"), counted(*records, "record"));
    let (chunks, seconds) = (counted(*chunks, "sealed chunk"), counted(*blocks, "second"));
    let own = if *own == 0 { String::new() } else { format!(" and {}", entries(*own)) };
    format!("{tenants}, {rang}{own}, {records} in {chunks}, {seconds} of recording")
}

/// The journal's own calls, counted.
fn entries(own: u64) -> String {
    let entries = if own == 1 { "entry" } else { "entries" };
    format!("{own} {entries} of its own log")
}

/// Of what something was erased, counted in the same way; `None` where nothing was. A person's calls go with their cases, and
/// those with what was put right.
fn erased(report: &VerifyReport) -> Option<String> {
    let VerifyReport { erased, erased_own: own, .. } = report;
    let rang = erased.saturating_sub(*own);
    let what = match (rang, *own) {
        (0, 0) => return None,
        (0, own) => entries(own),
        (rang, 0) => counted(rang, "call"),
        (rang, own) => format!("{} and {}", counted(rang, "call"), entries(own)),
    };
    let were = if *erased == 1 { "was" } else { "were" };
    Some(format!("{what} {were} erased, in part or whole, as the log says"))
}

/// The report for a person.
pub(crate) fn print(report: &VerifyReport) {
    let VerifyReport { chunks, interrupted, .. } = report;
    let verdict = if report.is_sound() { styled(GOOD, "sound") } else { styled(BAD, "not sound") };
    anstream::println!("{verdict}: {}", checked(report));
    if report.signed < *chunks {
        anstream::println!("  {} chunk(s) are not in a signed checkpoint yet", chunks - report.signed);
    }
    if let Some(erased) = erased(report) {
        anstream::println!("  {erased}");
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

pub(crate) fn json(report: &VerifyReport) -> serde_json::Value {
    serde_json::json!({
        "sound": report.is_sound(),
        "tenants": report.tenants,
        "calls": report.calls.saturating_sub(report.own),
        "own_entries": report.own,
        "chunks": report.chunks,
        "signed_chunks": report.signed,
        "records": report.records,
        "recorded_seconds": report.blocks,
        "interrupted": report.interrupted,
        "erased": report.erased.saturating_sub(report.erased_own),
        "erased_own_entries": report.erased_own,
        "unclosed": report.unclosed.len(),
        "problems": report.problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_journal_says_of_itself_is_no_call() {
        let report = VerifyReport { tenants: 2, calls: 58, own: 57, chunks: 61, ..VerifyReport::default() };
        let report = VerifyReport { records: 240, blocks: 1, ..report };
        assert_eq!(
            checked(&report),
            "2 tenants, 1 call and 57 entries of its own log, 240 records in 61 sealed chunks, 1 second of recording"
        );
        let told = json(&report);
        assert!(told["calls"] == 1 && told["own_entries"] == 57, "{told}");
        let plain = VerifyReport { tenants: 1, calls: 1, records: 9, chunks: 1, ..VerifyReport::default() };
        assert_eq!(checked(&plain), "1 tenant, 1 call, 9 records in 1 sealed chunk, 0 seconds of recording");
    }

    #[test]
    fn what_was_erased_is_counted_as_what_there_is() {
        let told = |erased: u64, erased_own: u64| {
            let report = VerifyReport { erased, erased_own, ..VerifyReport::default() };
            let counts = json(&report);
            assert_eq!(
                (counts["erased"].as_u64(), counts["erased_own_entries"].as_u64()),
                (Some(erased - erased_own), Some(erased_own))
            );
            super::erased(&report)
        };
        let says = |what: &str| Some(format!("{what} erased, in part or whole, as the log says"));
        assert_eq!(told(0, 0), None);
        assert_eq!(told(4, 3), says("1 call and 3 entries of its own log were"));
        assert_eq!(told(2, 0), says("2 calls were"));
        assert_eq!(told(1, 0), says("1 call was"));
        assert_eq!(told(1, 1), says("1 entry of its own log was"));
    }

    #[test]
    fn what_a_proof_file_says_turns_no_words_around() {
        let (name, key) = ("ssentiw\u{202e}".to_owned(), String::new());
        let told = cosigned(&Cosigned { name, key, time: 0, key_known: false });
        assert!(told.contains("ssentiw\\u{202e} (whose key the file itself names)"), "{told}");
        assert!(!parloir_contract::has_hidden(&told), "{told}");
    }
}
