//! `parloir log-key`: the key by which others know a tenant's log.

use clap::Args;
use parloir_contract::TenantId;
use parloir_journal::published_keys;

use crate::terminal::{DIM, GOOD, styled};
use crate::{DataArgs, Failure, Outcome, access};

#[derive(Args)]
pub(crate) struct LogKey {
    /// Whose log.
    tenant: TenantId,
    #[command(flatten)]
    data: DataArgs,
    /// Make the log's next key, and publish that it follows. `parloir serve` must not run on the folder.
    #[arg(long)]
    rotate: bool,
    /// Print a JSON object instead of lines.
    #[arg(long)]
    json: bool,
}

impl LogKey {
    pub(crate) async fn run(self) -> Outcome {
        let folders = self.data.existing()?;
        // A log that has no key yet gets its first with its first call.
        if self.rotate && !published_keys(&folders.data, &self.tenant).await?.is_empty() {
            let storage = access::storage(&folders).await?;
            let rotated = storage.journal.rotate_log_key(&self.tenant).await;
            storage.close().await;
            rotated?;
        }
        let keys = published_keys(&folders.data, &self.tenant).await?;
        let (Some(first), Some(present)) = (keys.first(), keys.last()) else {
            return Err(Failure::new(format!(
                "tenant {} has no signed log yet: it begins with the first call of a `parloir serve`",
                self.tenant
            )));
        };
        if self.json {
            let (first, present) = (first.to_string(), present.to_string());
            println!(
                "{}",
                serde_json::json!({ "first": first, "present": present, "rotations": keys.len() - 1 })
            );
            return Ok(());
        }
        if self.rotate {
            anstream::println!(
                "{} the witnesses follow by themselves; publish the present key beside the first",
                styled(GOOD, "rotated")
            );
        }
        anstream::println!("{first}");
        if first != present {
            let note = format!(
                "the present key, after {} rotation(s); whoever knows an earlier one can follow",
                keys.len() - 1
            );
            anstream::println!("{present}  {}", styled(DIM, &note));
        }
        Ok(())
    }
}
