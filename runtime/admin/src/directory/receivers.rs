//! A tenant's webhooks as they rest: each with the secret that was made for it, and for a while the one before.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use parloir_store::{Table, TenantStore};
use parloir_tenancy::secret::{Secret, Secrets};
use serde::{Deserialize, Serialize};

use super::{Directory, DirectoryError, SECRETS, rows, unread};
use crate::premises::Receiver;
use crate::resource::{Aside, PREVIOUS_HOURS, SignedBy, Webhook, WebhookState};
use crate::sealed::KeptSecret;

/// What the keys of webhooks begin with, in [`Table::Settings`].
pub(crate) const WEBHOOKS: &str = "receiver/";

/// A webhook as it rests.
#[derive(Serialize, Deserialize)]
pub(crate) struct KeptWebhook {
    /// What its messages wait under: another for one that is made anew under its name.
    pub(crate) id: String,
    pub(crate) webhook: Webhook,
    /// The secret that was made for it, where it names none.
    #[serde(default)]
    pub(crate) made: Option<KeptSecret>,
    #[serde(default)]
    pub(crate) before: Option<Previous>,
}

/// What signed before.
#[derive(Serialize, Deserialize)]
pub(crate) struct Previous {
    pub(crate) secret: KeptSecret,
    /// Until when it signs, too.
    pub(crate) until: Timestamp,
}

impl Previous {
    /// What signed until now.
    pub(crate) fn of(secret: Secret) -> Self {
        let until = Timestamp::now().checked_add(SignedDuration::from_hours(PREVIOUS_HOURS));
        Self { secret: KeptSecret(secret), until: until.unwrap_or(Timestamp::MAX) }
    }
}

impl KeptWebhook {
    /// Until when what signed before signs, too.
    pub(crate) fn previous_until(&self) -> Option<Timestamp> {
        self.before.as_ref().map(|before| before.until).filter(|until| *until > Timestamp::now())
    }

    /// As it is listed.
    pub(crate) fn state(&self) -> WebhookState {
        let signed_by = match (&self.webhook.secret, &self.made) {
            (Some(_), _) => SignedBy::Secret,
            (None, Some(_)) => SignedBy::Made,
            (None, None) => SignedBy::Nothing,
        };
        WebhookState { webhook: self.webhook.clone(), signed_by, previous_until: self.previous_until() }
    }

    /// What signs now, as far as it is there and can be read.
    pub(crate) async fn present(&self, store: &TenantStore) -> Result<Option<Secret>, DirectoryError> {
        let Some(name) = &self.webhook.secret else {
            return Ok(self.made.as_ref().map(|made| made.0.clone()));
        };
        let there = rows::there::<KeptSecret>(store, Table::Settings, &format!("{SECRETS}{name}")).await?;
        Ok(there.and_then(|there| there.row.ok()).map(|row| row.is.0))
    }
}

/// Which webhooks each secret signs, as far as their rows can be read.
pub(crate) async fn signed(store: &TenantStore) -> Result<BTreeMap<String, Vec<String>>, DirectoryError> {
    let mut signed = BTreeMap::<String, Vec<String>>::new();
    for (name, kept) in rows::all::<KeptWebhook>(store, Table::Settings, WEBHOOKS).await? {
        if let Some(secret) = kept.row.is.webhook.secret {
            signed.entry(secret).or_default().push(name);
        }
    }
    Ok(signed)
}

impl Directory {
    /// Who is told of a tenant's calls, and whether all of them could be read. What could not, or is signed by nothing, is set
    /// aside.
    pub(super) async fn receivers(
        &self,
        store: &TenantStore,
        secrets: &Secrets,
        aside: &mut Vec<Aside>,
    ) -> Result<(Vec<Receiver>, bool), DirectoryError> {
        let (mut receivers, mut all_read) = (Vec::new(), true);
        for (name, there) in rows::all_there::<KeptWebhook>(store, Table::Settings, WEBHOOKS).await? {
            let what = format!("webhook {name}");
            let KeptWebhook { id, webhook, made, before } = match there.row {
                Ok(row) => row.is,
                Err(why) => {
                    let remedy = "write it anew with `parloir webhook set`, or remove it";
                    aside.push(unread(what, &why, remedy));
                    all_read = false;
                    continue;
                }
            };
            let present = match &webhook.secret {
                Some(secret) => secrets.get(secret).cloned(),
                None => made.map(|made| made.0),
            };
            let present = present.filter(|secret| self.premises.signs(secret));
            if present.is_none() {
                let problem = match &webhook.secret {
                    Some(secret) => format!(
                        "its secret {secret} is not there, or none of Standard Webhooks: keep one with `parloir secret set {secret}`"
                    ),
                    None => format!(
                        "nothing signs what it is told: have a secret made with `parloir webhook secret {name}`"
                    ),
                };
                aside.push(Aside::of(what, problem));
            }
            let mut secrets: Vec<_> = present.into_iter().map(|secret| (secret, None)).collect();
            secrets.extend(before.map(|before| (before.secret.0, Some(before.until))));
            let Webhook { url, events, region, secret: _ } = webhook;
            receivers.push(Receiver { id, name, url, events, region, secrets });
        }
        Ok((receivers, all_read))
    }
}
