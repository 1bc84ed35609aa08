//! What a tenant entrusts the host with: its connectors, and the secrets that they send.

use std::collections::BTreeMap;

use parloir_store::{Table, TenantStore};
use parloir_tenancy::connector::NamedConnector;
use parloir_tenancy::secret::Secrets;

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

/// All of it, as far as it can be read. What cannot be is set aside.
pub(super) async fn entrusted(
    store: &TenantStore,
    aside: &mut Vec<Aside>,
) -> Result<(Vec<NamedConnector>, Secrets), DirectoryError> {
    let (mut connectors, mut secrets) = (Vec::new(), Secrets::new());
    for (name, there) in rows::all_there::<KeptSecret>(store, Table::Settings, SECRETS).await? {
        match there.row {
            Ok(row) => drop(secrets.insert(name, row.is.0)),
            Err(why) => {
                let remedy = "write it anew with `parloir secret set`, or remove it";
                aside.push(unread(format!("secret {name}"), &why, remedy));
            }
        }
    }
    for (name, there) in rows::all_there::<Connector>(store, Table::Settings, CONNECTORS).await? {
        match there.row {
            Ok(row) => connectors.push(NamedConnector { name, connector: row.is }),
            Err(why) => {
                let remedy = "write it anew with `parloir connector add`, or remove it";
                aside.push(unread(format!("connector {name}"), &why, remedy));
            }
        }
    }
    Ok((connectors, secrets))
}
