//! What of a call is handed to its tenant when it is over, to wherever the tenant wants it: told before it leaves.
//!
//! The call is closed by then. Each time something is sent is a short call of the journal's own, whose name follows from that of
//! the call it is about and from how many there were before: whoever knows the call finds them, and nobody else learns anything.

use parloir_contract::{CallId, TenantId};
use sha2::{Digest, Sha256};

use crate::record::{CallEnded, CallStarted, Ending, Note, ProviderEnded, ProviderStarted, RecordBody, Seq};
use crate::{CallJournal, Journal, JournalError, Location};

/// What the calls are called that hold the records of what was handed over: their transport, and their agent.
pub const WEBHOOK: &str = "webhook";
/// The most of one call: every receiver of it, and every time it was tried.
const MOST: u32 = 1_000;

/// Something that is being sent. Dropped before [`Delivery::end`], it is in the log as interrupted.
#[derive(Debug)]
pub struct Delivery {
    open: CallJournal,
    started: Seq,
}

/// The name of the call that holds the record of what of a call was sent, the times counted from 0.
fn name(call: CallId, number: u32) -> CallId {
    let mut hash = Sha256::new_with_prefix(b"parloir delivery ");
    hash.update(call.as_bytes());
    hash.update(number.to_be_bytes());
    let mut bytes = [0; 16];
    for (byte, hashed) in bytes.iter_mut().zip(hash.finalize()) {
        *byte = hashed;
    }
    CallId::from_bytes(bytes)
}

impl Journal {
    /// Tells, durably, that something of a call is about to be sent.
    ///
    /// # Errors
    /// Where it is not in the log: then it must not be sent.
    pub async fn deliver(
        &self,
        tenant: &TenantId,
        call: CallId,
        sent: ProviderStarted,
    ) -> Result<Delivery, JournalError> {
        let mut number = 0;
        let naming = self.naming().lock().await;
        let open = loop {
            let (transport, agent_name) = (WEBHOOK.into(), WEBHOOK.into());
            let started = CallStarted { transport, agent_name, ..CallStarted::default() };
            match self.open_call(tenant, name(call, number), started).await {
                Err(JournalError::AlreadyOpen { .. }) if number < MOST => number += 1,
                opened => break opened?,
            }
        };
        drop(naming);
        let started = open.append_durable(RecordBody::ProviderStarted(sent)).await?;
        Ok(Delivery { open, started })
    }

    /// Every time something of a call was sent, the first first: the call that holds the record, and where it begins.
    pub async fn deliveries(
        &self,
        tenant: &TenantId,
        call: CallId,
    ) -> Result<Vec<(CallId, Location)>, JournalError> {
        let mut found = Vec::new();
        for number in 0..=MOST {
            let name = name(call, number);
            match self.call(tenant, name).await? {
                Some(entry) => found.push((name, entry.first)),
                None => break,
            }
        }
        Ok(found)
    }
}

impl Delivery {
    /// The call that holds its record.
    pub fn id(&self) -> CallId {
        self.open.id()
    }

    /// Tells how it went. `ended` says which record it ends by itself. `remark` is the host's: nothing that was sent.
    ///
    /// # Errors
    /// Where that is not in the log: it is there as interrupted.
    pub async fn end(
        self,
        arrived: bool,
        ended: ProviderEnded,
        remark: Option<String>,
    ) -> Result<(), JournalError> {
        let ended = ProviderEnded { started: self.started, ..ended };
        self.open.append(RecordBody::ProviderEnded(ended))?;
        if let Some(text) = remark {
            self.open.append(RecordBody::Note(Note { text }))?;
        }
        let outcome = if arrived { Ending::Done } else { Ending::Failed };
        self.open.close(CallEnded { outcome, ..CallEnded::default() }).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parloir_store::{Embedded, Keyring};

    use super::*;
    use crate::record::{ProviderRole, ProviderStatus, ProviderUsage};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn of_deliveries_that_begin_and_end_at_once_each_has_its_own_record() {
        let folder = tempfile::tempdir().unwrap();
        let kms = Arc::new(Keyring::open(folder.path().join("keys")).unwrap());
        let store = Arc::new(Embedded::open(folder.path().join("data/store")).await.unwrap());
        let journal = Journal::open(folder.path().join("data"), kms, store).await.unwrap();
        let (tenant, call): (TenantId, _) = ("cabinet".parse().unwrap(), CallId::from_bytes([7; 16]));
        let sending: Vec<_> = (0..20)
            .map(|_| {
                let (journal, tenant) = (journal.clone(), tenant.clone());
                tokio::spawn(async move {
                    let sent = ProviderStarted {
                        attempt: 1,
                        role: ProviderRole::Webhook,
                        provider: "hooks.example.com".into(),
                        model: "call.ended".into(),
                        region: String::new(),
                        bytes_sent: 1,
                        characters_sent: 0,
                        purpose: None,
                    };
                    let delivery = journal.deliver(&tenant, call, sent).await.unwrap();
                    let id = delivery.id();
                    let ended = ProviderEnded {
                        started: 0,
                        status: ProviderStatus::Ok,
                        code: 200,
                        latency_ms: 1,
                        first_ms: None,
                        bytes_sent: 1,
                        bytes_received: 0,
                        usage: ProviderUsage::default(),
                    };
                    delivery.end(true, ended, None).await.unwrap();
                    id
                })
            })
            .collect();
        let mut ids = std::collections::HashSet::new();
        for one in sending {
            ids.insert(one.await.unwrap());
        }
        assert_eq!(ids.len(), 20);
        assert_eq!(journal.deliveries(&tenant, call).await.unwrap().len(), 20);
        journal.shutdown().await;
    }

    #[test]
    fn every_delivery_of_every_call_has_a_name_of_its_own() {
        let calls = [CallId::from_bytes([1; 16]), CallId::from_bytes([2; 16])];
        let names: std::collections::HashSet<_> =
            calls.into_iter().flat_map(|call| (0..100).map(move |number| name(call, number))).collect();
        assert_eq!(names.len(), 200);
        assert!(calls.iter().all(|call| !names.contains(call)));
    }
}
