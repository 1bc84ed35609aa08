//! Receivers that tenants describe themselves, by the administration: they come, change and go while calls go on.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Mutex, RwLock};
use parloir_admin::Receiver;
use parloir_connect::{Destination, SigningSecret};
use parloir_contract::TenantId;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::outbox::{OWN_ROWS, Outbox};
use super::{Hook, Says, Webhooks, send};
use crate::serve::House;

/// The receivers that tenants describe themselves.
#[derive(Default)]
pub(super) struct Own {
    /// Of each tenant, by what their messages wait under.
    hooks: RwLock<HashMap<TenantId, BTreeMap<String, Arc<Hook>>>>,
    /// Of whom something changed since it was looked after, and whether all of theirs are known.
    changed: Mutex<BTreeMap<TenantId, bool>>,
    news: Notify,
}

/// What a receiver is told, and how; `None` where it cannot be.
fn says(tenant: &TenantId, receiver: Receiver) -> Option<(String, Says)> {
    let Receiver { id, name, url, mut events, region, secrets } = receiver;
    let to = match Destination::parse(&url) {
        Ok(to) => to,
        Err(error) => {
            tracing::error!(%tenant, webhook = name, %error, "a webhook is told nothing");
            return None;
        }
    };
    events.sort_unstable();
    events.dedup();
    let secrets = secrets.into_iter().filter_map(|(secret, until)| {
        let until = until.map(|until| u64::try_from(until.as_millisecond()).unwrap_or_default());
        Some((secret.reveal().parse::<SigningSecret>().ok()?, until))
    });
    Some((id, Says { to, secrets: secrets.collect(), events, region }))
}

impl Own {
    /// A tenant's, of which what waited is known.
    pub(super) fn of(&self, tenant: &TenantId) -> Vec<Arc<Hook>> {
        let all = self.hooks.read();
        let theirs = all.get(tenant).into_iter().flat_map(BTreeMap::values);
        theirs.filter(|hook| hook.begun.load(Ordering::Acquire)).cloned().collect()
    }

    /// A tenant's, by what its messages wait under.
    pub(super) fn named(&self, tenant: &TenantId, id: &str) -> Option<Arc<Hook>> {
        self.hooks.read().get(tenant)?.get(id).cloned()
    }

    fn all_of(&self, tenant: &TenantId) -> Vec<Arc<Hook>> {
        self.hooks.read().get(tenant).into_iter().flat_map(BTreeMap::values).cloned().collect()
    }

    /// Starts to send what those are told who are new, and forgets what waits for those who are gone.
    pub(super) async fn begin(house: &Arc<House>, sending: &mut JoinSet<()>) {
        let own = &house.webhooks.own;
        let changed = std::mem::take(&mut *own.changed.lock());
        for (tenant, all_known) in changed {
            let store = match house.installation.rooms(&tenant) {
                Some(rooms) => Ok(rooms.store),
                // It is answered once its agents are compiled.
                None => house.installation.storage.rows(&tenant).await,
            };
            let store = match store {
                Ok(store) => store,
                Err(error) => {
                    tracing::error!(%tenant, %error, "webhooks of a tenant's own are told nothing before something of it changes");
                    // What was told meanwhile goes before.
                    own.changed.lock().entry(tenant).or_insert(all_known);
                    continue;
                }
            };
            let hooks = own.all_of(&tenant);
            for hook in &hooks {
                if hook.begun.load(Ordering::Acquire) {
                    continue;
                }
                match hook.outbox.load(&store).await {
                    Ok(0) => {}
                    Ok(waiting) => tracing::info!(%tenant, waiting, "webhooks are still to be sent"),
                    Err(error) => {
                        tracing::error!(%tenant, %error, "what waits for a webhook is not sent before the next start");
                    }
                }
                hook.begun.store(true, Ordering::Release);
                sending.spawn(send(Arc::clone(hook), Arc::clone(house)));
            }
            if !all_known {
                continue;
            }
            let known: Vec<&Outbox> = hooks.iter().map(|hook| &hook.outbox).collect();
            match Outbox::forget_others(&store, OWN_ROWS, &known).await {
                Ok(0) => {}
                Ok(gone) => {
                    tracing::warn!(%tenant, gone, "webhooks that waited for receivers who are gone are forgotten")
                }
                Err(error) => {
                    tracing::error!(%tenant, %error, "what waits for webhooks could not be looked through");
                }
            }
        }
    }

    /// Does so again and again, as they come and go.
    pub(super) async fn look_after(house: Arc<House>, mut sending: JoinSet<()>) {
        let own = &house.webhooks.own;
        loop {
            tokio::select! {
                () = own.news.notified() => Self::begin(&house, &mut sending).await,
                Some(done) = sending.join_next(), if !sending.is_empty() => {
                    if let Err(error) = done {
                        tracing::error!(%error, "a webhook of a tenant's own is told nothing before the next start");
                    }
                }
            }
        }
    }
}

impl Webhooks {
    /// Has these receivers told of a tenant's calls, in place of those that it described before; where not all are known, beside
    /// those.
    pub(crate) fn tell(&self, tenant: &TenantId, receivers: Vec<Receiver>, all_known: bool) {
        let mut all = self.own.hooks.write();
        let hooks = all.entry(tenant.clone()).or_default();
        let named: Vec<String> = receivers.iter().map(|receiver| receiver.id.clone()).collect();
        hooks.retain(|id, hook| {
            let stays = !all_known || named.contains(id);
            if !stays {
                hook.gone.cancel();
            }
            stays
        });
        for (id, says) in receivers.into_iter().filter_map(|receiver| says(tenant, receiver)) {
            match hooks.get(&id) {
                Some(hook) => *hook.says.write() = Arc::new(says),
                None => {
                    let outbox = Outbox::own(&id);
                    hooks.insert(id, Arc::new(Hook::new(tenant.clone(), says, outbox)));
                }
            }
        }
        if hooks.is_empty() {
            all.remove(tenant);
        }
        drop(all);
        // Also of whom it describes none: what waits for one that is gone may be left from where this program was stopped.
        self.own.changed.lock().insert(tenant.clone(), all_known);
        self.own.news.notify_one();
    }

    /// Tells nobody of a tenant's calls whom it described: it left, and its rows go.
    pub(crate) fn leave(&self, tenant: &TenantId) {
        let gone = self.own.hooks.write().remove(tenant);
        gone.into_iter().flat_map(BTreeMap::into_values).for_each(|hook| hook.gone.cancel());
        self.own.changed.lock().remove(tenant);
        self.of_tenants.lock().remove(tenant);
        self.places.leave(tenant);
    }
}

impl Hook {
    /// A receiver of which nothing is sent yet.
    pub(super) fn new(tenant: TenantId, says: Says, outbox: Outbox) -> Self {
        let (begun, gone) = (AtomicBool::new(false), CancellationToken::new());
        Self { tenant, says: RwLock::new(Arc::new(says)), outbox, begun, gone }
    }

    /// What it is told, and how, as it is now.
    pub(super) fn says(&self) -> Arc<Says> {
        self.says.read().clone()
    }
}

#[cfg(test)]
mod tests {
    use parloir_tenancy::secret::Secret;

    use super::*;
    use crate::config::{Config, WebhookEvent};
    use crate::outbound::system;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn receiver(id: &str, url: &str) -> Receiver {
        Receiver {
            id: id.into(),
            name: "crm".into(),
            url: url.into(),
            events: vec![WebhookEvent::ReportFiled, WebhookEvent::CallEnded, WebhookEvent::CallEnded],
            region: String::new(),
            secrets: vec![(Secret::new(SECRET.into()).unwrap(), None)],
        }
    }

    #[tokio::test]
    async fn a_receiver_that_says_otherwise_is_the_same_and_one_that_is_gone_sends_nothing_more() {
        let config = toml::from_str::<Config>("[admin]\n").unwrap();
        let webhooks = Webhooks::new(&config, &system()).unwrap();
        let tenant: TenantId = "cabinet".parse().unwrap();
        let all = || webhooks.own.all_of(&tenant);
        webhooks.tell(&tenant, vec![receiver("1", "https://one.example.com/")], true);
        let [first]: [Arc<Hook>; 1] = all().try_into().ok().unwrap();
        assert_eq!(first.says().events, [WebhookEvent::CallEnded, WebhookEvent::ReportFiled]);
        assert!(webhooks.own.of(&tenant).is_empty(), "what waited for it is not known yet");
        webhooks.tell(&tenant, vec![receiver("1", "https://two.example.com/")], true);
        assert_eq!((first.says().to.host(), first.gone.is_cancelled()), ("two.example.com", false));
        // Where one cannot be read, nobody is gone.
        webhooks.tell(&tenant, Vec::new(), false);
        assert!(!first.gone.is_cancelled() && all().len() == 1);
        webhooks.tell(&tenant, vec![receiver("2", "https://two.example.com/")], true);
        assert!(first.gone.is_cancelled() && all().len() == 1);
        webhooks.leave(&tenant);
        assert!(all().is_empty());
        // Where it describes none, what is left of one that is gone is looked for all the same: at a start, too.
        assert!(webhooks.own.changed.lock().is_empty());
        webhooks.tell(&tenant, Vec::new(), true);
        assert!(all().is_empty() && webhooks.own.changed.lock().get(&tenant) == Some(&true));
    }
}
