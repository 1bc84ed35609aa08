//! What tenants' months have come to, taken into memory before anybody rings: a limit that was reached before the program was
//! stopped holds after it.
//!
//! Several are read at one time. One that cannot be read limits nothing meanwhile, so that it is read again soon, and then more
//! seldom, until it is.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use parloir_contract::TenantId;
use parloir_tenancy::Tenant;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::Storage;
use crate::serve::House;

/// Months read at one time.
const AT_ONCE: usize = 8;
/// How long until what could not be read is read again.
const AGAIN: Duration = Duration::from_secs(1);
/// The same, however often it could not.
const AGAIN_AT_LEAST: Duration = Duration::from_secs(300);

/// Reads the months of all tenants that are limited by them; those that cannot be read, beside what is served, until they are, and
/// those of everybody else, of whom it is only asked what they used.
pub(crate) async fn recall(house: &Arc<House>) {
    let tenants = house.installation.house();
    let is_limited = |tenant: &&Arc<Tenant>| tenant.quota.is_limited_by_month();
    let (limited, others): (Vec<_>, Vec<_>) = tenants.tenants().iter().partition(is_limited);
    let named = |tenants: Vec<&Arc<Tenant>>| -> Vec<TenantId> {
        tenants.into_iter().map(|tenant| tenant.id.clone()).collect()
    };
    let mut limited = named(limited);
    // Who is not answered yet may be, and limited, once their agents are compiled.
    let is_here = |id: &TenantId| tenants.tenants().iter().any(|tenant| tenant.id == *id);
    limited.extend(house.described().await.into_iter().filter(|id| !is_here(id)));
    let mut unread = recall_once(&house.installation.storage, limited).await;
    unread.extend(named(others));
    if !unread.is_empty() {
        let house = Arc::clone(house);
        tokio::spawn(async move { recall_until(&house.installation.storage, unread, &house.closing).await });
    }
}

/// Reads them again and again until all are read, or it is over.
async fn recall_until(storage: &Storage, mut unread: Vec<TenantId>, over: &CancellationToken) {
    let mut again = AGAIN;
    while !unread.is_empty() {
        tokio::select! {
            () = sleep(again) => again = (again * 2).min(AGAIN_AT_LEAST),
            () = over.cancelled() => return,
        }
        unread = recall_once(storage, unread).await;
    }
}

/// Reads each once. Returns whose could not be read.
async fn recall_once(storage: &Storage, tenants: Vec<TenantId>) -> Vec<TenantId> {
    let reads: Vec<BoxFuture<'_, Option<TenantId>>> =
        tenants.into_iter().map(|tenant| recall_one(storage, tenant).boxed()).collect();
    stream::iter(reads).buffer_unordered(AT_ONCE).filter_map(ready).collect().await
}

async fn recall_one(storage: &Storage, tenant: TenantId) -> Option<TenantId> {
    match storage.recall_month(&tenant).await {
        Ok(()) => None,
        Err(error) => {
            tracing::error!(%tenant, %error, "what a month has come to could not be read, and limits nothing until it is; it is tried again");
            Some(tenant)
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use parloir_store::{Batch, Table};
    use parloir_tenancy::quota::Quota;

    use super::*;

    /// The row of a tenant's voice in this month.
    async fn write(storage: &Storage, tenant: &TenantId, row: &str) {
        let store = storage.rows(tenant).await.unwrap();
        let month = format!("month/{}/", Timestamp::now().strftime("%Y-%m"));
        let used = r#"{"calls":1,"talk_ms":0,"agent_cpu_us":0,"host_calls":0,"transfers":0,"stored_bytes":0,"journal_bytes":0,"recording_bytes":0}"#;
        let batch = Batch::new().put(Table::Usage, &month, used);
        store.apply(batch.put(Table::Usage, format!("{month}voice"), row)).await.unwrap();
    }

    fn is_used_up(storage: &Storage, tenant: &TenantId) -> bool {
        let quota = Quota { speech_characters_a_month: Some(100), ..Quota::default() };
        storage.months.of(tenant).admit(Timestamp::now(), &quota).is_err()
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_read_again_and_holds_nobody_else_up() {
        let (_folder, storage) = Storage::in_a_folder().await;
        let tenants: Vec<TenantId> = (0..20).map(|n| format!("tenant-{n}").parse().unwrap()).collect();
        let voice = r#"{"provider":"voice","role":"TextToSpeech","requests":1,"input_tokens":0,"output_tokens":0,"estimated":false,"audio_ms":0,"characters":100,"costs":[],"unpriced_calls":0}"#;
        for tenant in &tenants {
            write(&storage, tenant, voice).await;
        }
        let damaged = &tenants[7];
        write(&storage, damaged, "of another version").await;
        let unread = recall_once(&storage, tenants.clone()).await;
        assert_eq!(unread, std::slice::from_ref(damaged));
        for tenant in &tenants {
            assert_eq!(is_used_up(&storage, tenant), tenant != damaged, "{tenant}");
        }
        let over = CancellationToken::new();
        let again = recall_until(&storage, unread, &over);
        let mended = async {
            sleep(Duration::from_millis(10)).await;
            write(&storage, damaged, voice).await;
        };
        tokio::join!(again, mended);
        assert!(is_used_up(&storage, damaged));
        storage.close().await;
    }
}
