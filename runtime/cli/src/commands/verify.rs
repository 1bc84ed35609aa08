//! `parloir verify`: is the journal complete and unaltered?

use std::sync::Arc;

use clap::Args;
use parloir_contract::TenantId;
use parloir_journal::{Scope, VerifyReport, verify};
use parloir_store::{Keyring, Kms};

use crate::terminal::{BAD, GOOD, styled};
use crate::{DataArgs, Failure, Outcome};

#[derive(Args)]
pub(crate) struct Verify {
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

/// The report for a person.
pub(crate) fn print(report: &VerifyReport) {
    let VerifyReport { tenants, calls, chunks, records, blocks, interrupted, .. } = report;
    let verdict = if report.is_sound() { styled(GOOD, "sound") } else { styled(BAD, "not sound") };
    anstream::println!(
        "{verdict}: {tenants} tenant(s), {calls} call(s), {records} records in {chunks} sealed chunks, {blocks} seconds of recording"
    );
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
        "records": report.records,
        "recorded_seconds": report.blocks,
        "interrupted": report.interrupted,
        "unclosed": report.unclosed.len(),
        "problems": report.problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}
