//! The clock of the logs' keys: what has signed a tenant's log for long enough hands over to the next key, which the log
//! announces. Whoever knows an earlier one, a witness too, follows.
//!
//! A log whose newest key is lost can announce no next one, ever. So each key is made as soon as the one before it signs, and
//! signs when its time has come and a back-up of the keys has it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use parloir_contract::TenantId;
use parloir_journal::{JournalError, NextLogKey};
use parloir_tenancy::retention::Period;

use crate::Storage;
use crate::serve::House;

/// How often an installation that serves looks at its clocks.
const EVERY: Duration = Duration::from_secs(3_600);

/// What was done about one log's key.
enum Due {
    /// Its time has not come.
    No,
    /// The next one signs.
    Rotated,
    /// Its time has come, and no back-up has the next one.
    Waits,
}

impl Storage {
    /// Rotates the key of every tenant's log that has signed for so long. Returns whose. What cannot be done with one log
    /// keeps nothing from being done with the next.
    pub(crate) async fn rotate_due(&self, lasts: Period, now: Timestamp) -> Vec<TenantId> {
        let tenants = self.journal.tenants().await.unwrap_or_else(|error| {
            tracing::error!(%error, "the keys of the logs could not be looked at; it is tried again");
            Vec::new()
        });
        let mut rotated = Vec::new();
        for tenant in tenants {
            match self.rotate_if_due(&tenant, lasts, now).await {
                Ok(Due::Rotated) => {
                    tracing::info!(%tenant, "the key of this log has signed for long enough: the next one does now");
                    rotated.push(tenant);
                }
                Ok(Due::Waits) => {
                    tracing::warn!(%tenant, "the key of this log has signed for long enough, and no back-up has the next one: back the keys up (`parloir backup --only-keys`). Until then it signs on");
                }
                Ok(Due::No) => {}
                Err(error) => {
                    tracing::error!(%tenant, %error, "the key of this log could not be rotated; it is tried again");
                }
            }
        }
        rotated
    }

    async fn rotate_if_due(
        &self,
        tenant: &TenantId,
        lasts: Period,
        now: Timestamp,
    ) -> Result<Due, JournalError> {
        let Some(since) = self.journal.log_key_since(tenant).await? else { return Ok(Due::No) };
        let next = self.journal.next_log_key(tenant).await?;
        let since = Timestamp::from_nanosecond(i128::from(since)).ok();
        if since.and_then(|since| lasts.after(since)).is_none_or(|until| until > now) {
            return Ok(Due::No);
        }
        match next {
            NextLogKey::Made => return Ok(Due::Waits),
            NextLogKey::BackedUp | NextLogKey::NotAhead => self.journal.rotate_log_key(tenant).await?,
        }
        // The one after it, at once: the next back-up of the keys has it.
        self.journal.next_log_key(tenant).await?;
        Ok(Due::Rotated)
    }
}

/// Rotates for as long as the house is open.
pub(crate) async fn run(house: Arc<House>, lasts: Period) {
    loop {
        house.installation.storage.rotate_due(lasts, Timestamp::now()).await;
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = house.closing.cancelled() => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;
    use parloir_contract::CallId;
    use parloir_journal::{CallEnded, CallStarted, published_keys};

    use super::*;
    use crate::Folders;

    #[tokio::test]
    async fn a_key_signs_for_so_long_and_the_log_announces_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::beside(folder.path().join("data"));
        let storage = Storage::open(&folders).await.unwrap();
        let tenant: TenantId = "cabinet".parse().unwrap();
        let lasts: Period = "3 months".parse().unwrap();
        let in_days = |days: i64| Timestamp::now() + (24 * days).hours();
        let id = CallId::from_bytes([1; 16]);
        let call = storage.journal.open_call(&tenant, id, CallStarted::default()).await.unwrap();
        call.close(CallEnded::default()).await.unwrap();
        storage.journal.publish().await;

        for days in [0, 80] {
            assert!(storage.rotate_due(lasts, in_days(days)).await.is_empty(), "after {days} days");
        }
        assert!(storage.rotate_due(lasts, in_days(100)).await.is_empty(), "no back-up has the next key");
        storage.journal.hold_keys().await.backed_up().await.unwrap();
        assert_eq!(storage.rotate_due(lasts, in_days(100)).await, std::slice::from_ref(&tenant));
        let keys = published_keys(&folders.data, &tenant).await.unwrap();
        assert_eq!(keys.len(), 2);
        let note = storage.journal.checkpoint(&tenant).await.unwrap().unwrap();
        for key in &keys {
            assert!(note.signatures.iter().any(|line| key.made(line)), "both sign, the one for the other");
        }
        // The next one's time begins with it, and a start knows of it.
        assert!(storage.rotate_due(lasts, in_days(80)).await.is_empty());
        storage.close().await;
        drop(storage);
        let storage = Storage::open_again(&folders).await;
        assert!(storage.rotate_due(lasts, in_days(80)).await.is_empty());
        assert!(storage.rotate_due(lasts, in_days(100)).await.is_empty());
        storage.journal.hold_keys().await.backed_up().await.unwrap();
        assert_eq!(storage.rotate_due(lasts, in_days(100)).await, std::slice::from_ref(&tenant));
        assert_eq!(published_keys(&folders.data, &tenant).await.unwrap().len(), 3);
        storage.close().await;
    }
}
