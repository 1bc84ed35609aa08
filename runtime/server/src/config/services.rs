//! What tenants' calls are sent to, and by what it is known who sends: receivers of webhooks, and secrets of connectors.

use std::collections::{HashMap, HashSet};

use parloir_admin::resource::MAX_WEBHOOKS;
pub use parloir_admin::resource::WebhookEvent;
use parloir_connect::Destination;
use parloir_contract::TenantId;
use parloir_providers::KeyReference;
use parloir_tenancy::config::TenantConfig;
use parloir_tenancy::connector::{MAX_SECRETS, is_name};
use serde::{Deserialize, Serialize};

use super::Config;

/// A tenant's receiver. Here and not with its tenant, whom the directory may describe: secrets and networks are the operator's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WebhookConfig {
    /// Whose calls it is told of.
    pub tenant: TenantId,
    /// Where it listens, such as `https://hooks.example.com/calls`.
    pub url: Destination,
    /// Where the secret is kept that signs what it is sent: `whsec_…`, as Standard Webhooks writes it.
    pub secret: KeyReference,
    /// Where the secret before that one is kept, while the receiver may still check with it: what it is sent is signed with both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_secret: Option<KeyReference>,
    /// What it is told.
    pub events: Vec<WebhookEvent>,
    /// Where what it is told is processed, for whoever asks to whom their data went. Default: not said.
    #[serde(default)]
    pub region: String,
}

impl WebhookConfig {
    /// The secrets that sign what it is sent: the present one, and the one before where it is still checked.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &KeyReference> {
        std::iter::once(&self.secret).chain(&self.previous_secret)
    }

    pub(super) fn secrets_mut(&mut self) -> impl Iterator<Item = &mut KeyReference> {
        std::iter::once(&mut self.secret).chain(&mut self.previous_secret)
    }
}

/// A tenant's secret. Here and not with its tenant, whom the directory may describe: this file says where it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SecretConfig {
    /// Whose it is.
    pub tenant: TenantId,
    /// What its connectors call it: 1 to 64 letters, digits, `.`, `-` and `_`.
    pub name: String,
    /// Where it is kept.
    pub value: KeyReference,
}

impl Config {
    /// Each connector by itself is checked by [`parloir_tenancy::House`].
    pub(super) fn check_connectors(&self) -> Result<(), String> {
        let mut secrets: HashMap<&TenantId, HashSet<&str>> = HashMap::new();
        for SecretConfig { tenant, name, .. } in &self.secrets {
            if !is_name(name) {
                return Err(format!(
                    "a [[secret]] of {tenant} is named {name:?}: write 1 to 64 letters, digits, `.`, `-` and `_`"
                ));
            }
            let of_tenant = secrets.entry(tenant).or_default();
            if !of_tenant.insert(name) {
                return Err(format!(
                    "two [[secret]] tables of {tenant} are named {name:?}: rename one of them"
                ));
            }
            if of_tenant.len() > MAX_SECRETS {
                return Err(format!("{tenant} has more than {MAX_SECRETS} [[secret]] tables: take some out"));
            }
        }
        // With a directory, what is not here may be there.
        if self.admin.is_some() {
            return Ok(());
        }
        if let Some(stranger) =
            secrets.keys().find(|id| !self.tenants.iter().any(|tenant| tenant.id == ***id))
        {
            return Err(format!(
                "a [[secret]] is of {stranger}, and there is no [[tenant]] of this id: add one"
            ));
        }
        for TenantConfig { id, lines, connectors, .. } in &self.tenants {
            for line in lines {
                let is_there = |name: &String| connectors.iter().any(|connector| connector.name == *name);
                if let Some(name) = line.connectors.iter().find(|name| !is_there(name)) {
                    return Err(format!(
                        "line {} grants the connector {name:?}, which no [[tenant.connector]] of {id} describes",
                        line.number
                    ));
                }
            }
            let credentials =
                connectors.iter().filter_map(|named| Some((named, named.connector.credential.as_ref()?)));
            for (named, credential) in credentials {
                let secret = credential.secret.as_str();
                if !secrets.get(id).is_some_and(|known| known.contains(secret)) {
                    return Err(format!(
                        "connector {} of {id} needs the secret {secret:?}: add [[secret]] with tenant = \"{id}\", name = {secret:?} and its value",
                        named.name
                    ));
                }
            }
        }
        Ok(())
    }

    pub(super) fn check_webhooks(&self) -> Result<(), String> {
        let mut receivers: HashMap<&TenantId, HashSet<&str>> = HashMap::new();
        for WebhookConfig { tenant, url, events, .. } in &self.webhooks {
            let host = url.host();
            if events.is_empty() {
                return Err(format!(
                    "the [[webhook]] of {tenant} at {host} is told nothing: name its `events`, such as [\"call.ended\"]"
                ));
            }
            let of_tenant = receivers.entry(tenant).or_default();
            if !of_tenant.insert(url.reveal()) {
                return Err(format!(
                    "two [[webhook]] tables of {tenant} name one `url` at {host}: make one of them, with the `events` of both"
                ));
            }
            if of_tenant.len() > MAX_WEBHOOKS {
                return Err(format!(
                    "{tenant} has more than {MAX_WEBHOOKS} [[webhook]] tables: have one of them tell the others"
                ));
            }
        }
        Ok(())
    }
}
