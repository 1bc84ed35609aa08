//! What a tenant entrusts the host with: its connectors, and the secrets that they send.

use std::collections::BTreeMap;

use parloir_store::{Table, TenantStore};
use parloir_tenancy::secret::Entrusted;

use super::{DirectoryError, rows, unread};
use crate::resource::{Aside, Connector};
use crate::sealed::KeptSecret;

/// What the keys of secrets begin with, in [`Table::Settings`].
pub(crate) const SECRETS: &str = "secret/";
/// What the keys of connectors begin with, there.
pub(crate) const CONNECTORS: &str = "connector/";

/// Which connectors send each secret, as far as their rows can be read: there need be no such secret.
pub(crate) async fn senders(store: &TenantStore) -> Result<BTreeMap<String, Vec<String>>, DirectoryError> {
    let mut senders = BTreeMap::<String, Vec<String>>::new();
    for (name, kept) in rows::all::<Connector>(store, Table::Settings, CONNECTORS).await? {
        if let Some(credential) = kept.row.is.credential {
            senders.entry(credential.secret).or_default().push(name);
        }
    }
    Ok(senders)
}

/// All of it, as far as it can be read. What cannot be, and connectors whose secret is not there, are set aside.
pub(super) async fn entrusted(
    store: &TenantStore,
    aside: &mut Vec<Aside>,
) -> Result<Entrusted, DirectoryError> {
    let mut all = Entrusted::default();
    for (name, there) in rows::all_there::<KeptSecret>(store, Table::Settings, SECRETS).await? {
        match there.row {
            Ok(row) => drop(all.secrets.insert(name, row.is.0)),
            Err(why) => {
                let remedy = "write it anew with `parloir secret set`, or remove it";
                aside.push(unread(format!("secret {name}"), &why, remedy));
            }
        }
    }
    for (name, there) in rows::all_there::<Connector>(store, Table::Settings, CONNECTORS).await? {
        let what = format!("connector {name}");
        let connector = match there.row {
            Ok(row) => row.is,
            Err(why) => {
                let remedy = "write it anew with `parloir connector add`, or remove it";
                aside.push(unread(what, &why, remedy));
                continue;
            }
        };
        let missing = connector.credential.as_ref().map(|credential| &credential.secret);
        if let Some(secret) = missing.filter(|secret| !all.secrets.contains_key(*secret)) {
            let remedy = format!("keep it with `parloir secret set {secret}`");
            aside.push(Aside::of(what, format!("its secret {secret} is not there: {remedy}")));
            continue;
        }
        all.connectors.insert(name, connector);
    }
    Ok(all)
}
