//! The directory: tenants, users, keys, lines, settings, secrets, connectors. It rests in the tenants' own storage, sealed under
//! their own keys; the installation's storage knows which tenants there are and whose each line is. A change is told in the log,
//! then made in one batch over both: a crash leaves the old state or the new one.

pub(crate) mod agents;
mod all;
mod audit;
mod blocked;
mod cordoned;
mod denials;
mod entrusted;
mod error;
mod granted;
pub(crate) mod kept;
mod lapsing;
mod leaving;
mod news;
pub(crate) mod receivers;
pub(crate) mod rows;
mod setup;
mod suspended;
mod turns;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, MutexGuard, PoisonError};

use jiff::Timestamp;
use parloir_contract::{CallId, LineId, TenantId};
use parloir_journal::{Administered, Administration, Journal};
use parloir_store::{Applied, Batch, Kms, Store, StoreError, Table, TenantStore};
use parloir_tenancy::INSTALLATION;
use parloir_tenancy::config::TenantConfig;
use tokio::sync::RwLock;

pub(crate) use cordoned::{cordon_row, policy};
pub(crate) use entrusted::{CONNECTORS, SECRETS, senders};
pub use error::DirectoryError;
pub use granted::{described, granted};
pub use lapsing::{Lapse, TOLD_BEFORE_DAYS};
pub(crate) use rows::Stamp;
pub(crate) use setup::{days, user_with_key};
pub use suspended::suspended;
pub(crate) use suspended::suspended_row;
use turns::Turns;

use crate::home::Home;
use crate::premises::Premises;
use crate::resource::{
    Aside, AsideKind, Calendar, KeptKey, Key, Line, Setting, Source, Tenant, User, is_name, tenant_config,
};
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
/// What the keys of the numbers that a tenant was given begin with, there.
pub(crate) const NUMBERS: &str = "number/";
/// What the keys of contacts begin with, in [`Table::Settings`].
pub(crate) const CONTACTS: &str = "contact/";
/// What the keys of teams begin with, there.
pub(crate) const TEAMS: &str = "team/";
/// What the keys of calls' reviews begin with, in [`Table::Reports`].
const REVIEWS: &str = "review/";
/// What the keys of lines' settings begin with, in [`Table::Settings`].
const LINES: &str = "line/";

/// What the keys of a line's settings begin with.
pub(crate) fn settings_of(line: &LineId) -> String {
    format!("{LINES}{}/", line.as_str())
}

/// What the keys of a call's reviews begin with, in [`Table::Reports`]: they go with what was said in it.
pub fn reviews_of(call: CallId) -> String {
    format!("{REVIEWS}{call}/")
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
    /// Somebody whose key fits, through this glass.
    pub(crate) fn of(who: &Principal, glass: Option<String>) -> Self {
        let (key, user) = (who.key_id.clone(), who.key.user.clone());
        Self { key, user, role: who.user.role.name().to_owned(), glass }
    }

    /// Whoever started the program.
    pub(crate) fn machine() -> Self {
        Self { key: String::new(), user: String::new(), role: "set-up".into(), glass: None }
    }

    /// The installation by itself.
    pub(crate) fn installation() -> Self {
        Self { role: "installation".into(), ..Self::machine() }
    }
}

/// What is about to be done, for the log.
#[derive(Clone)]
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
    /// Each tenant is taken in by one at a time, as its rows are then, and waits for no other: an agent that was never compiled for
    /// this machine takes half a minute.
    taking_in_one: Turns,
    /// Held while whoever answers calls is told whether a tenant is suspended, and whether its agents answer in a process of their own.
    suspending: Turns,
    /// Held while a key is made, by a log-in too, or revoked, and while a user is made, changed or removed: whoever is raised, known by
    /// something else or gone keeps no key that was made meanwhile, and one identity is one user's.
    pub(crate) appointing: Turns,
    /// Held from where rows are counted, of which a tenant has so many, to where one more of them is written.
    pub(crate) making: Turns,
    /// Held while a team or a contact is changed, and while a line or a user goes: none names what is gone. After
    /// [`Self::appointing`], where both are.
    pub(crate) teaming: Turns,
    /// Held while a case is opened, or a step is taken in one.
    pub(crate) opening: Turns,
    /// Held while the figures of a tenant's versions change.
    pub(crate) counting: Turns,
    /// Held while the files of a tenant's components and the rows that name them change, before [`Self::counting`].
    pub(crate) shelving: Turns,
    /// Tenants who could not be taken in since something of theirs changed: it is tried again.
    behind: std::sync::Mutex<HashSet<TenantId>>,
    /// What of each tenant is set aside since it was taken in; no entry where nothing is.
    aside: RwLock<HashMap<TenantId, Vec<Aside>>>,
    /// What was denied lately.
    denials: denials::Denials,
}

/// A tenant as its rows say, as far as they can be read.
struct Described {
    /// The tenant; `None` where its record itself cannot be read.
    tenant: Option<TenantConfig>,
    /// What could not be read.
    aside: Vec<Aside>,
}

/// What is said of a row that cannot be read.
fn unread(what: impl Into<String>, why: &str, remedy: &str) -> Aside {
    Aside::of(what, format!("its row cannot be read ({why}): {remedy}"))
}

/// The name that the installation's own rows are kept under.
fn own() -> Result<TenantId, DirectoryError> {
    INSTALLATION.parse().map_err(|_| DirectoryError::Damaged("its own name".into()))
}

/// Whether something was done; `None` where nobody knows but the rows: it stays in the log as interrupted.
fn was_done<A>(done: &Result<A, DirectoryError>) -> Option<bool> {
    match done {
        Ok(_) => Some(true),
        Err(
            DirectoryError::Changed
            | DirectoryError::Store(
                StoreError::ValueTooLarge { .. }
                | StoreError::BatchTooLarge { .. }
                | StoreError::KeyLength { .. },
            ),
        ) => Some(false),
        Err(
            DirectoryError::Store(_)
            | DirectoryError::Journal(_)
            | DirectoryError::Damaged(_)
            | DirectoryError::NoRandomness(_)
            | DirectoryError::NotTakenIn(_),
        ) => None,
    }
}

/// Tells in the log of whose it is whether something was done, where that is known.
async fn tell_end(whose: &TenantId, told: Administration, was_done: Option<bool>) {
    let Some(was_done) = was_done else { return };
    if let Err(error) = told.end(was_done).await {
        tracing::error!(tenant = %whose, %error, "a change is in the log as interrupted; its row says that it was made");
    }
}

impl Directory {
    /// The directory in these rooms; empty where there was none.
    ///
    /// # Errors
    /// Where the installation's own rows cannot be opened.
    pub async fn open(rooms: Rooms, premises: Arc<dyn Premises>) -> Result<Self, DirectoryError> {
        let installation = TenantStore::open(rooms.store.clone(), &*rooms.kms, own()?).await?;
        let (taking_in_one, suspending) = (Turns::default(), Turns::default());
        let (appointing, teaming, opening) = (Turns::default(), Turns::default(), Turns::default());
        let making = Turns::default();
        let (counting, shelving, aside) = (Turns::default(), Turns::default(), RwLock::default());
        let behind = std::sync::Mutex::default();
        Ok(Self {
            rooms,
            installation,
            premises,
            taking_in_one,
            suspending,
            appointing,
            making,
            teaming,
            opening,
            counting,
            shelving,
            behind,
            aside,
            denials: denials::Denials::default(),
        })
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
        // Whoever is described under the name of one that left would come into what is not theirs.
        let is_filed = self.declared(tenant).is_some() && !self.is_gone(tenant).await?;
        Ok(is_filed.then_some(Source::File))
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
        // Who is known by something else since may be somebody else, also where the log-in was under way meanwhile.
        if kept.known_by.is_some() && kept.known_by != user.oidc {
            return Ok(None);
        }
        let (realm, key_id) = (realm.clone(), key.id().to_owned());
        Ok(Some(Principal { realm, key_id, key: kept.key, user }))
    }

    /// Tells what is about to be done in the log of whose it is, and does it: all of it, or nothing. `make` is given the name of
    /// that record, which every row it writes bears. What whoever runs the installation alone changes of a tenant's is in the
    /// installation's own log, too: there it stays to be read when the tenant is gone.
    pub(crate) async fn commit<A: Send>(
        &self,
        whose: &TenantId,
        told: Told,
        make: impl FnOnce(&Stamp) -> Result<(Batches, A), DirectoryError> + Send,
    ) -> Result<A, DirectoryError> {
        let house = self.installation.tenant();
        let is_from_above = whose != house && told.action.is_done_from_above();
        let above = match is_from_above {
            true => Some(self.rooms.journal.administer(house, told.clone().into()).await?),
            false => None,
        };
        let done = self.commit_in(whose, told, make).await;
        let was_done = was_done(&done);
        if let Some(above) = above {
            tell_end(house, above, was_done).await;
        }
        done
    }

    /// The same, told in this one log.
    async fn commit_in<A: Send>(
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
        let was_done = was_done(&done);
        tell_end(whose, told, was_done).await;
        done
    }

    /// Tells that somebody looks at what is a tenant's.
    pub(crate) async fn looked(&self, whose: &TenantId, told: Told) -> Result<(), DirectoryError> {
        Ok(self.rooms.journal.administer(whose, told.into()).await?.end(true).await?)
    }

    /// Tells what is about to be done elsewhere, does it, and tells whether it was.
    pub(crate) async fn carry_out(
        &self,
        whose: &TenantId,
        told: Told,
        doing: impl Future<Output = Result<(), DirectoryError>> + Send,
    ) -> Result<(), DirectoryError> {
        let told = self.rooms.journal.administer(whose, told.into()).await?;
        let done = doing.await;
        if let Err(error) = told.end(done.is_ok()).await {
            tracing::error!(tenant = %whose, %error, "a change is in the log as interrupted; what it changed says that it was made");
        }
        done
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
        let rows = rows::all_there::<Tenant>(&self.installation, Table::Tenant, "").await?;
        Ok(rows.iter().filter_map(|(id, _)| id.parse().ok()).collect())
    }

    /// Whose a number is.
    pub(crate) async fn holder(&self, number: &LineId) -> Result<Option<Vec<u8>>, DirectoryError> {
        Ok(self.installation.get(Table::Lines, number.as_str()).await?)
    }

    /// Whether something rests here of a tenant of this name, who is not described any more: whoever made one of the same name
    /// would come into it.
    pub(crate) async fn has_left(&self, id: &TenantId) -> Result<bool, DirectoryError> {
        if self.is_gone(id).await? {
            return Ok(true);
        }
        if !self.rooms.kms.knows(id).await.map_err(StoreError::from)? {
            return Ok(false);
        }
        if !self.rooms.journal.calls(id, None, 1).await?.calls.is_empty() {
            return Ok(true);
        }
        let store = self.store(id).await?;
        for table in Table::ALL {
            if rows::count(&store, table, "").await? > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A tenant that is described here, as the house has it, as far as its rows can be read.
    async fn tenant(&self, id: &TenantId) -> Result<Option<Described>, DirectoryError> {
        let record = rows::there::<Tenant>(&self.installation, Table::Tenant, id.as_str()).await?;
        let Some(record) = record else { return Ok(None) };
        let record = match record.row {
            Ok(row) => row.is,
            Err(why) => {
                let problem =
                    format!("its row cannot be read ({why}): write it anew with `parloir tenant set`");
                return Ok(Some(Described { tenant: None, aside: vec![Aside::whole(problem)] }));
            }
        };
        let mut aside = Vec::new();
        let store = self.store(id).await?;
        let (record, unread_clocks) = kept::shortened(&store, record).await?;
        if let Some(why) = unread_clocks {
            aside.push(unread(kept::RETENTION, &why, "write it anew with `parloir retention set`"));
        }
        let home = Home::of(&self.premises.home(id)).await;
        let calendar = match rows::there::<Calendar>(&store, Table::Settings, CALENDAR).await? {
            None => None,
            Some(there) => match there.row {
                Ok(row) => Some(row.is),
                Err(why) => {
                    aside.push(unread(CALENDAR, &why, "write it anew with `parloir tenant calendar`"));
                    None
                }
            },
        };
        let mut settings = BTreeMap::<String, BTreeMap<String, String>>::new();
        for (key, there) in rows::all_there::<Setting>(&store, Table::Settings, LINES).await? {
            let Some((line, name)) = key.split_once('/') else { continue };
            match there.row {
                Ok(row) => {
                    settings.entry(line.to_owned()).or_default().insert(name.to_owned(), row.is.value);
                }
                Err(why) => {
                    let what = format!("setting {name} of line {line}");
                    aside.push(unread(what, &why, "write it anew with `parloir line set --setting`"));
                }
            }
        }
        let mut lines = Vec::new();
        for (number, there) in rows::all_there::<Line>(&store, Table::Lines, "").await? {
            let what = format!("line {number}");
            let settings = settings.remove(&number).unwrap_or_default();
            let remedy = "write it anew with `parloir line set`, or remove it with `parloir line remove`";
            let line = match (there.row, number.parse::<LineId>()) {
                (Ok(row), Ok(number)) if is_name(&row.is.agent) => {
                    let names_none = row.is.capabilities.is_none();
                    let approved = names_none && agents::is_promoted(&store, &row.is.agent).await?;
                    row.is.config(number, settings, &home, approved)
                }
                (Ok(_), Ok(_)) => {
                    aside.push(unread(what, "it names no agent", remedy));
                    continue;
                }
                (Err(why), _) => {
                    aside.push(unread(what, &why, remedy));
                    continue;
                }
                (Ok(_), Err(error)) => {
                    aside.push(unread(what, &error.to_string(), remedy));
                    continue;
                }
            };
            if self.holder(&line.number).await?.as_deref() != Some(id.as_str().as_bytes()) {
                let remedy = "have whoever runs the installation give it (`parloir number give`)";
                aside.push(Aside::of(what, format!("its number is not the tenant's: {remedy}")));
                continue;
            }
            lines.push(line);
        }
        let (connectors, secrets) = entrusted::entrusted(&store, &mut aside).await?;
        let (receivers, all_read) = self.receivers(&store, &secrets, &mut aside).await?;
        self.premises.tell(id, receivers, all_read);
        // Straight to where they are sent from: nobody else has them in hand.
        self.premises.entrust(id, secrets);
        let tenant = tenant_config(id.clone(), record, calendar, lines, &home);
        Ok(Some(Described { tenant: Some(TenantConfig { connectors, ..tenant }), aside }))
    }

    /// Has the installation answer a tenant's calls as its rows say now, without what of it cannot be answered so: that is set
    /// aside.
    ///
    /// # Errors
    /// Where its rows cannot be read, or nothing of it can be answered: then it is answered as before.
    pub async fn take_in(&self, id: &TenantId) -> Result<(), DirectoryError> {
        self.take_in_with(id, None).await
    }

    /// The same, where something of it was written to which the rest comes next: it is set aside until then, and no alarm is raised.
    pub(crate) async fn take_in_awaiting(&self, id: &TenantId, awaited: &str) -> Result<(), DirectoryError> {
        self.take_in_with(id, Some(awaited)).await
    }

    async fn take_in_with(&self, id: &TenantId, awaited: Option<&str>) -> Result<(), DirectoryError> {
        let taken_in = self.take_in_now(id, awaited).await;
        match &taken_in {
            Ok(()) => self.behind().remove(id),
            Err(_) => self.behind().insert(id.clone()),
        };
        taken_in
    }

    /// Takes a tenant in where that failed before.
    pub(crate) async fn take_in_again(&self, id: &TenantId) {
        if !self.behind().contains(id) {
            return;
        }
        if let Err(error) = self.take_in(id).await {
            tracing::warn!(tenant = %id, %error, "a tenant is still answered as before; it is tried again");
        }
    }

    fn behind(&self) -> MutexGuard<'_, HashSet<TenantId>> {
        self.behind.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn take_in_now(&self, id: &TenantId, awaited: Option<&str>) -> Result<(), DirectoryError> {
        let _one_at_a_time = self.taking_in_one.of(id).await;
        // Whatever else is wrong, a version that was taken back answers nobody.
        let mut aside = self.deploy(id).await;
        let Some(Described { tenant, aside: unread }) = self.tenant(id).await? else { return Ok(()) };
        aside.extend(unread);
        if let Some(tenant) = tenant {
            let left_out = self.premises.take_in(vec![tenant]).await;
            aside.extend(left_out.into_iter().map(|(_, aside)| aside));
        }
        let whole = aside.iter().find(|aside| aside.kind == AsideKind::Whole);
        let whole = whole.map(|aside| aside.problem.clone());
        self.set_aside(id, aside, awaited).await;
        whole.map_or(Ok(()), |problem| Err(DirectoryError::NotTakenIn(problem)))
    }

    /// Notes what of a tenant is set aside now, and tells whoever runs the installation, but for what is awaited.
    async fn set_aside(&self, tenant: &TenantId, mut aside: Vec<Aside>, awaited: Option<&str>) {
        aside.sort();
        let mut all = self.aside.write().await;
        let known = all.get(tenant).map_or(&[][..], Vec::as_slice);
        news::tell(tenant, known, &aside, awaited);
        match aside.is_empty() {
            true => all.remove(tenant),
            false => all.insert(tenant.clone(), aside),
        };
    }

    /// What of a tenant is set aside, in a fixed order.
    pub(crate) async fn aside(&self, tenant: &TenantId) -> Vec<Aside> {
        let mut aside = self.aside.read().await.get(tenant).cloned().unwrap_or_default();
        aside.extend(self.premises.trouble(tenant));
        aside
    }
}

impl From<Told> for Administered {
    fn from(told: Told) -> Self {
        let Told { by: By { key, user, role, glass }, action, subject, why } = told;
        Self { key, user, role, action: action.name().to_owned(), subject, glass, why }
    }
}
