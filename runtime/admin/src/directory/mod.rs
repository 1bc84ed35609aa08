//! The directory: tenants, users, keys, lines, settings. It rests in the tenants' own storage, sealed under their own keys; the
//! installation's storage knows which tenants there are and whose each line is. A change is told in the log, then made in one
//! batch over both: a crash leaves the old state or the new one.

mod error;
pub(crate) mod rows;
mod setup;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use parloir_contract::{LineId, TenantId};
use parloir_journal::{Administered, Journal};
use parloir_store::{Applied, Batch, Kms, Store, StoreError, Table, TenantStore};
use parloir_tenancy::INSTALLATION;
use parloir_tenancy::config::TenantConfig;
use tokio::sync::Mutex;

pub use error::DirectoryError;
pub(crate) use rows::Stamp;
pub(crate) use setup::{days, user_with_key};

use crate::home::Home;
use crate::premises::Premises;
use crate::resource::{Calendar, KeptKey, Key, Line, Setting, Source, Tenant, User, tenant_config};
use crate::role::{Action, is_installation};
use crate::secret::ApiKey;

/// Under which key of [`Table::Settings`] a tenant's calendar rests.
pub(crate) const CALENDAR: &str = "calendar";
/// What the keys of broken glass begin with, there.
pub(crate) const GLASS: &str = "glass/";
/// What the keys of users begin with, in [`Table::Users`].
pub(crate) const USERS: &str = "user/";
/// What the keys of API keys begin with, there.
pub(crate) const KEYS: &str = "key/";
/// What the keys of lines' settings begin with, in [`Table::Settings`].
const LINES: &str = "line/";

/// What the keys of a line's settings begin with.
pub(crate) fn settings_of(line: &LineId) -> String {
    format!("{LINES}{}/", line.as_str())
}

/// Where the directory rests.
pub struct Rooms {
    /// Rows.
    pub store: Arc<dyn Store>,
    /// Their keys.
    pub kms: Arc<dyn Kms>,
    /// What was done.
    pub journal: Journal,
}

/// Who does something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct By {
    pub(crate) key: String,
    pub(crate) user: String,
    pub(crate) role: String,
    pub(crate) glass: Option<String>,
}

impl By {
    /// Whoever started the program.
    pub(crate) fn machine() -> Self {
        Self { key: String::new(), user: String::new(), role: "set-up".into(), glass: None }
    }
}

/// What is about to be done, for the log.
pub(crate) struct Told {
    pub(crate) by: By,
    pub(crate) action: Action,
    pub(crate) subject: String,
    pub(crate) why: Option<String>,
}

/// Somebody whose key fits.
#[derive(Debug, Clone)]
pub(crate) struct Principal {
    pub(crate) realm: TenantId,
    pub(crate) key_id: String,
    pub(crate) key: Key,
    pub(crate) user: User,
}

/// What changes: rows of the installation's, and of one tenant's, together.
pub(crate) struct Batches {
    pub(crate) installation: Batch,
    pub(crate) tenant: Option<(TenantStore, Batch)>,
}

impl Batches {
    /// Rows of one realm.
    pub(crate) fn of(store: &TenantStore, batch: Batch) -> Self {
        match is_installation(store.tenant()) {
            true => Self { installation: batch, tenant: None },
            false => Self { installation: Batch::new(), tenant: Some((store.clone(), batch)) },
        }
    }

    /// The same, with one more step in the rows of a realm.
    pub(crate) fn and(self, store: &TenantStore, more: impl FnOnce(Batch) -> Batch) -> Self {
        match self.tenant {
            Some((tenant, batch)) if tenant.tenant() == store.tenant() => {
                Self { tenant: Some((tenant, more(batch))), ..self }
            }
            tenant => Self { installation: more(self.installation), tenant },
        }
    }
}

/// What the installation knows of its tenants, beside what the operator's file says.
pub struct Directory {
    rooms: Rooms,
    installation: TenantStore,
    premises: Arc<dyn Premises>,
    /// One tenant is taken in at a time, as its rows are then.
    taking_in: Mutex<()>,
}

/// The name that the installation's own rows are kept under.
fn own() -> Result<TenantId, DirectoryError> {
    INSTALLATION.parse().map_err(|_| DirectoryError::Damaged("its own name".into()))
}

/// A tenant's name, as a row has it.
fn tenant_of(id: &str) -> Result<TenantId, DirectoryError> {
    id.parse().map_err(|_| DirectoryError::Damaged("a tenant's name".into()))
}

/// What the installation grants the tenants that are described in the directory of these rooms, in the order of their names: for
/// whoever looks after calls that nobody answers now. Makes nothing where there is no directory.
///
/// # Errors
/// Where it cannot be read.
pub async fn granted(rooms: &Rooms) -> Result<Vec<(TenantId, Tenant)>, DirectoryError> {
    let own = own()?;
    if !rooms.kms.knows(&own).await.map_err(StoreError::from)? {
        return Ok(Vec::new());
    }
    let installation = TenantStore::open(rooms.store.clone(), &*rooms.kms, own).await?;
    let mut granted = Vec::new();
    for (id, kept) in rows::all::<Tenant>(&installation, Table::Tenant, "").await? {
        granted.push((tenant_of(&id)?, kept.row.is));
    }
    Ok(granted)
}

impl Directory {
    /// The directory in these rooms; empty where there was none.
    ///
    /// # Errors
    /// Where the installation's own rows cannot be opened.
    pub async fn open(rooms: Rooms, premises: Arc<dyn Premises>) -> Result<Self, DirectoryError> {
        let installation = TenantStore::open(rooms.store.clone(), &*rooms.kms, own()?).await?;
        Ok(Self { rooms, installation, premises, taking_in: Mutex::default() })
    }

    /// The installation's own storage.
    pub(crate) fn installation(&self) -> &TenantStore {
        &self.installation
    }

    /// The installation that this describes.
    pub(crate) fn premises(&self) -> &dyn Premises {
        &*self.premises
    }

    /// A tenant of the operator's file.
    pub(crate) fn declared(&self, tenant: &TenantId) -> Option<&TenantConfig> {
        self.premises.declared().iter().find(|declared| declared.id == *tenant)
    }

    /// Where a tenant is described; `None` where there is no such tenant. What the directory says goes before the file.
    pub(crate) async fn source(&self, tenant: &TenantId) -> Result<Option<Source>, DirectoryError> {
        if is_installation(tenant) {
            return Ok(None);
        }
        if self.installation.get(Table::Tenant, tenant.as_str()).await?.is_some() {
            return Ok(Some(Source::Directory));
        }
        Ok(self.declared(tenant).map(|_| Source::File))
    }

    /// The storage of a tenant that is being made, or of one that there is.
    pub(crate) async fn store(&self, tenant: &TenantId) -> Result<TenantStore, DirectoryError> {
        if is_installation(tenant) {
            return Ok(self.installation.clone());
        }
        Ok(TenantStore::open(self.rooms.store.clone(), &*self.rooms.kms, tenant.clone()).await?)
    }

    /// Whose key it is; `None` where it opens nothing: unknown, revoked, over, or its user is gone.
    pub(crate) async fn authenticate(&self, key: &ApiKey) -> Result<Option<Principal>, DirectoryError> {
        let realm = key.tenant();
        // Only of a tenant that there is: to open its storage makes its keys.
        if !is_installation(realm) && self.source(realm).await?.is_none() {
            return Ok(None);
        }
        let store = self.store(realm).await?;
        let kept = rows::get::<KeptKey>(&store, Table::Users, &format!("{KEYS}{}", key.id())).await?;
        let Some(kept) = kept.map(|kept| kept.row.is) else { return Ok(None) };
        if !key.fits(&kept.hash) || kept.key.expires <= Timestamp::now() {
            return Ok(None);
        }
        let user = rows::get::<User>(&store, Table::Users, &format!("{USERS}{}", kept.key.user)).await?;
        let Some(user) = user.map(|user| user.row.is) else { return Ok(None) };
        let (realm, key_id) = (realm.clone(), key.id().to_owned());
        Ok(Some(Principal { realm, key_id, key: kept.key, user }))
    }

    /// Tells what is about to be done in the log of whose it is, and does it: all of it, or nothing. `make` is given the name of
    /// that record, which every row it writes bears.
    pub(crate) async fn commit<A: Send>(
        &self,
        whose: &TenantId,
        told: Told,
        make: impl FnOnce(&Stamp) -> Result<(Batches, A), DirectoryError> + Send,
    ) -> Result<A, DirectoryError> {
        let told = self.rooms.journal.administer(whose, told.into()).await?;
        let stamp = Stamp { change: told.id().to_string(), at: Timestamp::now() };
        let done = match make(&stamp) {
            Ok((batches, answer)) => self.apply(batches).await.map(|()| answer),
            Err(error) => Err(error),
        };
        let ended = match &done {
            Ok(_) => told.end(true).await,
            Err(DirectoryError::Changed) => told.end(false).await,
            // Whether it was done nobody knows but the rows: it stays in the log as interrupted.
            Err(
                DirectoryError::Store(_)
                | DirectoryError::Journal(_)
                | DirectoryError::Damaged(_)
                | DirectoryError::NoRandomness(_)
                | DirectoryError::NotTakenIn(_),
            ) => Ok(()),
        };
        if let Err(error) = ended {
            tracing::error!(tenant = %whose, %error, "a change is in the log as interrupted; its row says that it was made");
        }
        done
    }

    /// Tells that somebody looks at what is a tenant's.
    pub(crate) async fn looked(&self, whose: &TenantId, told: Told) -> Result<(), DirectoryError> {
        Ok(self.rooms.journal.administer(whose, told.into()).await?.end(true).await?)
    }

    async fn apply(&self, batches: Batches) -> Result<(), DirectoryError> {
        let applied = match batches.tenant {
            Some((store, batch)) => store.apply_with(batch, &self.installation, batches.installation).await?,
            None => self.installation.apply(batches.installation).await?,
        };
        match applied {
            Applied::Done => Ok(()),
            Applied::ConditionFailed { .. } => Err(DirectoryError::Changed),
        }
    }

    /// The tenants that are described here, in the order of their names.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub async fn tenants(&self) -> Result<Vec<TenantId>, DirectoryError> {
        let rows = rows::all::<Tenant>(&self.installation, Table::Tenant, "").await?;
        rows.iter().map(|(id, _)| tenant_of(id)).collect()
    }

    /// A tenant that is described here, as the house has it.
    ///
    /// # Errors
    /// Where its rows cannot be read.
    pub async fn tenant(&self, id: &TenantId) -> Result<Option<TenantConfig>, DirectoryError> {
        let record = rows::get::<Tenant>(&self.installation, Table::Tenant, id.as_str()).await?;
        let Some(record) = record else { return Ok(None) };
        let store = self.store(id).await?;
        let home = Home::of(&self.premises.home(id)).await;
        let calendar = rows::get::<Calendar>(&store, Table::Settings, CALENDAR).await?;
        let mut settings = BTreeMap::<String, BTreeMap<String, String>>::new();
        for (key, kept) in rows::all::<Setting>(&store, Table::Settings, LINES).await? {
            if let Some((line, name)) = key.split_once('/') {
                settings.entry(line.to_owned()).or_default().insert(name.to_owned(), kept.row.is.value);
            }
        }
        let mut lines = Vec::new();
        for (number, kept) in rows::all::<Line>(&store, Table::Lines, "").await? {
            let settings = settings.remove(&number).unwrap_or_default();
            let number = number.parse().map_err(|_| DirectoryError::Damaged("a line's number".into()))?;
            lines.push(kept.row.is.config(number, settings, &home));
        }
        let calendar = calendar.map(|kept| kept.row.is);
        Ok(Some(tenant_config(id.clone(), record.row.is, calendar, lines, &home)))
    }

    /// Has the installation answer a tenant's calls as its rows say now.
    ///
    /// # Errors
    /// Where it does not: then it answers them as before.
    pub async fn take_in(&self, id: &TenantId) -> Result<(), DirectoryError> {
        let _one_at_a_time = self.taking_in.lock().await;
        let Some(tenant) = self.tenant(id).await? else { return Ok(()) };
        self.premises.take_in(tenant).await.map_err(DirectoryError::NotTakenIn)
    }
}

impl From<Told> for Administered {
    fn from(told: Told) -> Self {
        let Told { by: By { key, user, role, glass }, action, subject, why } = told;
        Self { key, user, role, action: action.name().to_owned(), subject, glass, why }
    }
}
