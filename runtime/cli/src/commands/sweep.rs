//! `parloir sweep`: erases what has been kept long enough.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use parloir_server::{Config, Left, Swept, hand_over_sweep};

use crate::commands::erase;
use crate::terminal::{self, BAD, DIM, GOOD, styled};
use crate::{DataArgs, Failure, Outcome, access};

#[derive(Args)]
pub(crate) struct Sweep {
    /// The operator's file, whose `[tenant.retention]` says how long what is kept.
    #[arg(long, value_name = "FILE", default_value = "parloir.toml")]
    config: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    /// Say what would be erased, and erase nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object a line for each tenant.
    #[arg(long)]
    json: bool,
}

impl Sweep {
    pub(crate) async fn run(self) -> Outcome {
        let folders = self.data.existing()?;
        let spinner = terminal::spinner("looking and erasing");
        let all = async {
            if let Some(all) = hand_over_sweep(&folders.keys, self.dry_run).await? {
                return Ok::<_, Failure>(all);
            }
            let config = Config::read(&self.config)?;
            for tenant in &config.tenants {
                tenant
                    .retention
                    .validate()
                    .map_err(|why| Failure::new(format!("tenant {}: {why}", tenant.id)))?;
            }
            let storage = access::storage(&folders).await?;
            let mut tenants: Vec<_> =
                config.tenants.iter().map(|tenant| (tenant.id.clone(), tenant.retention)).collect();
            if config.admin.is_some() {
                tenants = storage.retentions(tenants).await?;
            }
            let all = storage.sweep_all(&tenants, Timestamp::now(), self.dry_run).await;
            storage.close().await;
            Ok(all)
        };
        let all = all.await;
        spinner.finish_and_clear();
        let all = all?;
        all.iter().for_each(|swept| self.tell(swept));
        let left: usize = all.iter().map(|swept| swept.left.len()).sum();
        let failed = all.iter().filter(|swept| swept.failed.is_some()).count();
        if left + failed > 0 {
            return Err(Failure::otherwise(format!(
                "{left} call(s) could not be erased, and {failed} tenant(s) not swept to the end, as is said above: `parloir verify` says what is wrong with the data; sweep again when it is put right"
            )));
        }
        Ok(())
    }

    fn tell(&self, swept: &Swept) {
        let Swept { tenant, due, held, left, failed, reports } = swept;
        if self.json {
            let due: Vec<_> = due
                .iter()
                .map(|(purposes, calls)| {
                    let purposes: Vec<_> = purposes.iter().map(|purpose| purpose.name()).collect();
                    let calls: Vec<_> = calls.iter().map(ToString::to_string).collect();
                    serde_json::json!({ "purposes": purposes, "calls": calls })
                })
                .collect();
            let held: Vec<_> = held.iter().map(ToString::to_string).collect();
            let reports: Vec<_> = reports.iter().map(erase::done).collect();
            let left = erase::left(left);
            println!(
                "{}",
                serde_json::json!({
                    "tenant": tenant.as_str(), "due": due, "held": held, "left": left, "failed": failed, "erased": reports,
                })
            );
            return;
        }
        for Left { call, why } in left {
            anstream::println!("  {} {call} of {tenant} is left as it is: {why}", styled(BAD, "!"));
        }
        if let Some(why) = failed {
            anstream::println!("{} {tenant}: {why}", styled(BAD, "failed"));
        } else if due.is_empty() && held.is_empty() && left.is_empty() {
            anstream::println!("{}", styled(DIM, &format!("{tenant}: nothing has been kept long enough")));
        }
        let word = if self.dry_run { styled(DIM, "would erase") } else { styled(GOOD, "erased") };
        let done = if self.dry_run { due.len() } else { reports.len() };
        for (purposes, calls) in due.iter().take(done) {
            anstream::println!("{word} {purposes} of {} call(s) of {tenant}", calls.len());
        }
        if !held.is_empty() {
            anstream::println!(
                "  {} {} call(s) of {tenant} are held, and stay",
                styled(BAD, "!"),
                held.len()
            );
        }
    }
}
