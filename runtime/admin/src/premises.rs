//! What the directory needs of the installation that it describes: the other side is `parloir-server`.

use std::path::PathBuf;

use async_trait::async_trait;
use parloir_contract::TenantId;
use parloir_tenancy::config::TenantConfig;
use parloir_tenancy::secret::Secrets;

use crate::resource::Aside;

/// The installation, as far as the directory reaches into it. Errors are sentences that say what to do.
#[async_trait]
pub trait Premises: Send + Sync + 'static {
    /// The tenants that the operator's file declares, in no particular order.
    fn declared(&self) -> &[TenantConfig];

    /// A tenant's folder: its components are in `agents`, its documents in `documents`, its sounds in `sounds`.
    fn home(&self, tenant: &TenantId) -> PathBuf;

    /// Whether calls could be answered so: what would only go wrong at a call goes wrong here. Changes nothing that is answered.
    async fn prepare(&self, tenant: &TenantConfig) -> Result<(), String>;

    /// Answers these tenants' lines so, from the next call on, in place of all that was known of those tenants. What cannot be
    /// answered so is left out by itself and given back with whose it is: it keeps nothing else from being answered. A tenant that
    /// is [left out whole](Aside::WHOLE) is answered as before.
    async fn take_in(&self, tenants: Vec<TenantConfig>) -> Vec<(TenantId, Aside)>;

    /// Has a tenant's connectors send these secrets, from the next request on, in place of those it was given before. They are
    /// handed over before the tenant is taken in.
    fn entrust(&self, tenant: &TenantId, secrets: Secrets);

    /// Whether requests may be sent below this address, as far as that can be said before a name is looked up.
    fn reaches(&self, url: &str) -> Result<(), String>;

    /// A caller's number in E.164 form, from how people write it.
    fn caller(&self, number: &str) -> Result<String, String>;

    /// Copies a tenant's components, documents and sounds from where the operator's file has them into its folder, durably.
    /// Doing it again finishes what was cut off.
    async fn bring_home(&self, tenant: &TenantConfig) -> Result<(), String>;
}
