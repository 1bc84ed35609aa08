//! `parloir sweep`: erases what has been kept long enough.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use parloir_server::{Config, Storage, Swept, hand_over_sweep};

use crate::commands::erase;
use crate::terminal::{self, BAD, DIM, GOOD, styled};
use crate::{DataArgs, Failure, Outcome};

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
            let storage = Storage::open(&folders).await?;
            let mut all = Vec::new();
            for tenant in &config.tenants {
                let swept =
                    storage.sweep(&tenant.id, &tenant.retention, Timestamp::now(), self.dry_run).await;
                match swept {
                    Ok(swept) => all.push(swept),
                    Err(error) => {
                        storage.close().await;
                        return Err(error.into());
                    }
                }
            }
            storage.close().await;
            Ok(all)
        };
        let all = all.await;
        spinner.finish_and_clear();
        all?.iter().for_each(|swept| self.tell(swept));
        Ok(())
    }

    fn tell(&self, swept: &Swept) {
        let Swept { tenant, due, held, reports } = swept;
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
            println!(
                "{}",
                serde_json::json!({ "tenant": tenant.as_str(), "due": due, "held": held, "erased": reports })
            );
            return;
        }
        if due.is_empty() {
            anstream::println!("{}", styled(DIM, &format!("{tenant}: nothing has been kept long enough")));
        }
        let word = if self.dry_run { styled(DIM, "would erase") } else { styled(GOOD, "erased") };
        for (purposes, calls) in due {
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
