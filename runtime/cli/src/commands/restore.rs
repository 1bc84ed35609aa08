//! `parloir restore`: a data folder, or a keys folder, out of its back-up.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use parloir_backup::{Identities, Of, RestoreError, Restored, Restoring, restore};
use parloir_contract::TenantId;
use parloir_journal::{CopyError, JournalError};
use parloir_server::serves;

use crate::commands::verify;
use crate::terminal::{BAD, DIM, GOOD, bytes_bar, styled};
use crate::{DataArgs, Failure, Outcome};

/// How often the bar is drawn.
const OFTEN: Duration = Duration::from_millis(100);

#[derive(Args)]
pub(crate) struct Restore {
    /// The back-up, as `parloir backup` wrote it: of data, or of keys.
    file: PathBuf,
    /// What opens it, as `parloir backup --new-identity` or age-keygen wrote it.
    #[arg(long, value_name = "FILE")]
    identity: PathBuf,
    /// Only look whether it would come back, all of it, in a folder that is gone then.
    #[arg(long)]
    check: bool,
    /// There is no newer data anywhere: erasures in what comes back may take the keys of calls that it lacks. Without it nothing of
    /// a call is erased until you say so, by removing the file that then rests in the data folder.
    #[arg(long, conflicts_with = "check")]
    newest: bool,
    #[command(flatten)]
    data: DataArgs,
    /// Print a JSON object instead of a report.
    #[arg(long)]
    json: bool,
}

impl Restore {
    pub(crate) async fn run(self) -> Outcome {
        let folders = self.data.folders();
        if !self.check && serves(&folders.keys) {
            return Err(Failure::bad_input(&format!(
                "a `parloir serve` uses the keys folder {}, which belongs to one data folder: stop it first, or look with --check",
                folders.keys.display()
            )));
        }
        let identities = Identities::read(&self.identity).map_err(failure)?;
        let mut restoring = Restoring::new(self.file.clone(), identities, folders.data, folders.keys);
        (restoring.check, restoring.newest) = (self.check, self.newest);
        let progress = restoring.progress.clone();
        let bar = bytes_bar(std::fs::metadata(&self.file).map_or(0, |file| file.len()), "reading");
        let mut done = std::pin::pin!(restore(restoring.clone()));
        let restored = loop {
            tokio::select! {
                restored = &mut done => break restored,
                _ = tokio::signal::ctrl_c() => progress.stop(),
                () = tokio::time::sleep(OFTEN) => bar.set_position(progress.done()),
            }
        };
        bar.finish_and_clear();
        self.tell(&restored.map_err(failure)?, &restoring);
        Ok(())
    }

    fn tell(&self, restored: &Restored, restoring: &Restoring) {
        let Restored { manifest, report, rows, rows_lost, unknown, lacking } = restored;
        let (of, folder) = match manifest.of {
            Of::Data => ("data", &restoring.data),
            Of::Keys => ("keys", &restoring.keys),
        };
        if self.json {
            println!(
                "{}",
                serde_json::json!({
                    "of": of, "made_at": manifest.made_at, "restored": !self.check, "rows": rows,
                    "tenants": manifest.tenants, "agents": manifest.others, "journal": verify::json(report),
                    "unknown_to_keys": unknown.iter().map(|(_, call)| call.to_string()).collect::<Vec<_>>(),
                    "rows_lost": rows_lost,
                    "log_keys_lost": lacking.iter().map(TenantId::as_str).collect::<Vec<_>>(),
                })
            );
            return;
        }
        let word = if self.check { "it comes back" } else { "restored" };
        let place = if self.check { String::new() } else { format!(" to {}", folder.display()) };
        anstream::println!(
            "{}{place}: the {of} of {} UTC",
            styled(GOOD, word),
            manifest.made_at.strftime("%F %T")
        );
        match manifest.of {
            Of::Data => {
                verify::print(report);
                for part in &manifest.tenants {
                    let root: String = part.root.chars().take(16).collect();
                    anstream::println!(
                        "  {}: the log's {} signed chunks are there, root {root}…",
                        part.tenant,
                        part.size
                    );
                }
                anstream::println!("  {rows} row(s) of the tenants' storage");
                if *rows_lost > 0 {
                    let what = "row(s) were sealed under newer keys than these, and are not there. With newer keys, restore this back-up again";
                    anstream::println!("  {} {rows_lost} {what}", styled(BAD, "!"));
                }
                if !unknown.is_empty() {
                    let what = "the keys are older than this log: what these calls tell of was done with keys that are lost. Look at each with `parloir show`, and do it again";
                    anstream::println!("  {} {what}", styled(BAD, "!"));
                }
                for (tenant, call) in unknown {
                    anstream::println!("    {call} of {tenant}");
                }
                for tenant in lacking {
                    let what = "the keys are older than the log's newest key, which is lost: the one before signs on, and the log can announce no next. Newer keys, if there are any, put that right";
                    anstream::println!("  {} {tenant}: {what}", styled(BAD, "!"));
                }
                if !self.check && !self.newest {
                    let what = "where this is the newest data there is, remove the file `came-back` in it: until then nothing of a call is erased, and no clock is kept";
                    anstream::println!("  {} {what}", styled(BAD, "!"));
                }
                if !self.check {
                    let what = "what the log lacks since that moment is lost: a witness who saw it raises its alarm, and is right to";
                    anstream::println!("  {}", styled(DIM, what));
                }
            }
            Of::Keys => {
                let what = "whatever was erased after that moment can be read again with these keys, in any copy of the data of before";
                anstream::println!("  {} tenant(s); {what}", manifest.tenants.len());
            }
        }
    }
}

/// What was given cannot be used, what came is not what was sealed, or the disk failed.
fn failure(error: RestoreError) -> Failure {
    match &error {
        RestoreError::NoIdentity(_)
        | RestoreError::WrongIdentity(_)
        | RestoreError::NotOurs { .. }
        | RestoreError::Newer { .. }
        | RestoreError::NotEmpty(..)
        | RestoreError::NoKeys(_)
        | RestoreError::KeysMissing { .. }
        | RestoreError::Copy(CopyError::Journal(JournalError::OtherVersion(_))) => Failure::bad_input(&error),
        RestoreError::Cut(_)
        | RestoreError::Damaged { .. }
        | RestoreError::Stranger { .. }
        | RestoreError::Differs { .. }
        | RestoreError::Copy(_)
        | RestoreError::Unsound(_) => Failure::otherwise(error),
        RestoreError::Journal(_)
        | RestoreError::Store(_)
        | RestoreError::Keys(_)
        | RestoreError::Io { .. }
        | RestoreError::Stopped => Failure::new(error),
    }
}
