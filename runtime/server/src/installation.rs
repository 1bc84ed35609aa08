//! Everything that is opened once: keys, store, journal, sandbox, providers, agents.

mod agents;
mod loading;
mod storage;
mod taking_in;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;
use parloir_call::{HostWords, Rehearsing};
use parloir_connect::Names;
use parloir_contract::TenantId;
use parloir_providers::{ProvidersConfig, Registry};
use parloir_sandbox::{Agent, ArtifactCache, Compiling, Sandbox, SealKey, Settings};
use parloir_store::TenantStore;
use parloir_tenancy::destinations::TransferPolicy;
use parloir_tenancy::permission::not_granted;
use parloir_tenancy::{Documents, House, Library, Sounds, Tenant};

pub(crate) use self::agents::Answered;
use self::agents::Slot;
pub use self::storage::{Folders, Storage};
use crate::config::Config;
use crate::connectors::Connectors;
use crate::cordons::Cordons;
use crate::outbound::system;
use crate::sweep::unkept;
use crate::unloadable::Unloadable;

/// Why an installation does not open. Every text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data folder, the keys folder, or what is in them.
    #[error("{0}")]
    Storage(String),
    /// Another program has them open.
    #[error("{0}")]
    InUse(String),
    /// The operator's file.
    #[error("the configuration: {0}")]
    Config(String),
    /// An agent does not load.
    #[error("agent {path}: {problem}")]
    Agent {
        /// Its file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

impl OpenError {
    fn storage(error: &dyn std::fmt::Display, in_use: bool) -> Self {
        if in_use { Self::InUse(error.to_string()) } else { Self::Storage(error.to_string()) }
    }
}

/// An installation, ready to answer.
pub struct Installation {
    /// Providers, in order of trying.
    pub providers: Registry,
    /// What the host itself may have to say.
    pub words: HostWords,
    /// What rests on disk.
    pub storage: Storage,
    /// A rehearsal behind every line of the house: for developers' tools. `None` where carriers ring.
    pub rehearsing: Option<Rehearsing>,
    sandbox: Sandbox,
    agents: RwLock<HashMap<PathBuf, Slot>>,
    /// Files that answer nobody: the directory has versions of these agents, and none of them can be had.
    barred: RwLock<HashSet<PathBuf>>,
    tenants: RwLock<HashMap<TenantId, TenantRooms>>,
    house: RwLock<Arc<House>>,
    /// Held while tenants are put into the house.
    pub(crate) moving_in: tokio::sync::Mutex<()>,
    carriers: HashSet<String>,
    /// What is dialled for whom.
    transfers: TransferPolicy,
    /// Who knows the addresses of names that tenants wrote down.
    pub(crate) names: Arc<dyn Names>,
    pub(crate) unloadable: Unloadable,
    pub(crate) connectors: Connectors,
    pub(crate) cordons: Cordons,
}

/// What one tenant has opened.
#[derive(Clone)]
pub(crate) struct TenantRooms {
    pub(crate) store: TenantStore,
    pub(crate) documents: Library,
    pub(crate) sounds: Sounds,
}

impl TenantRooms {
    /// The same, where `before` were the tenant's until now.
    fn after(self, before: &Self) -> Self {
        let (documents, sounds) =
            (self.documents.after(&before.documents), self.sounds.after(&before.sounds));
        Self { documents, sounds, ..self }
    }
}

impl Installation {
    /// Opens everything a call needs, compiling each agent once. `providers` takes the place of
    /// what the file configures when it is given: tests bring canned ones.
    pub async fn open(
        config: &Config,
        folders: &Folders,
        model_file: &Path,
        providers: Option<Registry>,
        settings: Settings,
    ) -> Result<Self, OpenError> {
        Self::open_telling(config, folders, model_file, providers, (settings, Compiling::Here), &|_| {}).await
    }

    /// As [`Installation::open`], saying where agents are compiled, and telling of each agent's file before it is loaded: one that was
    /// never compiled for this machine takes half a minute.
    ///
    /// # Errors
    /// As [`Installation::open`].
    pub async fn open_telling(
        config: &Config,
        folders: &Folders,
        model_file: &Path,
        providers: Option<Registry>,
        (settings, compiling): (Settings, Compiling),
        tell: &(dyn Fn(&Path) + Send + Sync),
    ) -> Result<Self, OpenError> {
        let wrong = |e: &dyn std::fmt::Display| OpenError::Config(e.to_string());
        let early = match config.admin {
            None => Some(house(config)?),
            Some(_) => None,
        };
        let storage = Storage::open(folders).await?;
        let (described, house) = match early {
            Some(house) => (config.clone(), house),
            None => {
                let left = without_described(config, &storage).await?;
                let house = house(&left)?;
                (left, house)
            }
        };
        let providers = match providers {
            Some(providers) => providers,
            None => {
                let config = ProvidersConfig { providers: config.providers.clone() };
                let model_file = model_file.to_owned();
                let started =
                    tokio::task::spawn_blocking(move || Registry::from_config(&config, &model_file));
                started.await.map_err(|e| wrong(&e))?.map_err(|e| wrong(&e))?
            }
        };
        let cache = kept_agents(folders)?;
        let sandbox = Sandbox::compiling(settings, Some(cache), compiling);
        let sandbox = sandbox.map_err(|e| OpenError::Storage(e.to_string()))?;
        Self::furnish((&described, house), storage, providers, sandbox, (HashMap::new(), system()), tell)
            .await
    }

    /// Opens an installation around agents that are loaded already, by the file their lines name: for
    /// whoever builds agents and hears them at once, such as `parloir dev`. What a line names besides is
    /// loaded into the first one's sandbox. Where the names lead that tenants wrote down, `names` says: the system's resolver, or
    /// that of a house which asks nobody outside.
    ///
    /// # Errors
    /// As [`Installation::open`], and where there is no agent.
    pub async fn open_with(
        config: &Config,
        folders: &Folders,
        providers: Registry,
        agents: HashMap<PathBuf, Agent>,
        names: Arc<dyn Names>,
    ) -> Result<Self, OpenError> {
        let house = house(config)?;
        let Some(sandbox) = agents.values().next().map(|agent| agent.sandbox().clone()) else {
            return Err(OpenError::Config("no agent was given: load at least one".into()));
        };
        let storage = Storage::open(folders).await?;
        Self::furnish((config, house), storage, providers, sandbox, (agents, names), &|_| {}).await
    }

    async fn furnish(
        (config, house): (&Config, House),
        storage: Storage,
        providers: Registry,
        sandbox: Sandbox,
        (mut agents, names): (HashMap<PathBuf, Agent>, Arc<dyn Names>),
        tell: &(dyn Fn(&Path) + Send + Sync),
    ) -> Result<Self, OpenError> {
        let connectors = Connectors::new(config, &names).map_err(OpenError::Config)?;
        // In an order that is the same at every start.
        let named = house.lines().map(|line| &line.config.agent).filter(|path| !agents.contains_key(*path));
        let named: BTreeSet<PathBuf> = named.cloned().collect();
        agents.extend(loading::load_all(&sandbox, named.into_iter().collect(), tell).await?);
        tell_not_granted(&house, &agents);
        let mut tenants = HashMap::new();
        for tenant in house.tenants() {
            tenants.insert(tenant.id.clone(), rooms_of(&storage, tenant).await?);
        }
        for agent in agents.values() {
            answers(&sandbox, *agent.sha256()).await;
        }
        let (words, rehearsing) = (HostWords::default(), None);
        Ok(Self {
            providers,
            words,
            storage,
            rehearsing,
            sandbox,
            agents: RwLock::new(agents.into_iter().map(|(path, agent)| (path, Slot::of(agent))).collect()),
            barred: RwLock::default(),
            tenants: RwLock::new(tenants),
            house: RwLock::new(Arc::new(house)),
            moving_in: tokio::sync::Mutex::default(),
            carriers: config.carriers.iter().map(|carrier| carrier.name.clone()).collect(),
            transfers: config.outbound.transfers.clone(),
            names,
            unloadable: Unloadable::default(),
            connectors,
            cordons: Cordons::new(config),
        })
    }

    /// Tenants and lines, as they are now: whoever goes on with a call keeps what it began with.
    pub fn house(&self) -> Arc<House> {
        self.house.read().clone()
    }

    /// Speaks what the host itself may have to say on any line, and keeps it. Returns how many
    /// sentences no voice would speak.
    pub async fn prepare_words(&self) -> usize {
        let lines: Vec<_> =
            self.house().lines().map(|line| (line.clone(), self.languages(&line.config.agent))).collect();
        self.words.prepare(&self.providers, &lines).await
    }

    /// The agent of a line: of several versions, the one that answers most calls.
    pub(crate) fn agent(&self, path: &Path) -> Option<Agent> {
        self.agents.read().get(path).map(|slot| slot.live.clone())
    }

    /// Puts a newer version in the place of the agent that lines name by `path`, and returns the older.
    /// The next call is answered by the newer; calls that are live keep the one they began with, which
    /// goes when the last of them ends. A sentence of the host's own in a language that only the newer
    /// speaks is spoken when [`prepare_words`](Self::prepare_words) is asked again.
    ///
    /// # Errors
    /// The agent itself, where no line names `path`, so that nothing would ever be answered by it, or where the directory says
    /// which versions answer.
    pub fn replace_agent(&self, path: &Path, newer: Agent) -> Result<Agent, Box<Agent>> {
        match self.agents.write().get_mut(path) {
            Some(slot) if slot.is_of_file() => Ok(std::mem::replace(&mut slot.live, newer)),
            Some(_) | None => Err(Box::new(newer)),
        }
    }

    /// Loads every agent's file again, and puts those that load in place of what there was, for the next
    /// call. What does not load leaves the version before it answering. Returns the files whose content
    /// is new, each with its agent or why there is none.
    pub async fn reload_agents(&self) -> Vec<(PathBuf, Result<Agent, OpenError>)> {
        let mut reloaded = Vec::new();
        for (path, before) in self.agents_of_files() {
            match load(&self.sandbox, &path).await {
                Ok(agent) if agent.sha256() == before.sha256() => {}
                Ok(agent) => {
                    answers(&self.sandbox, *agent.sha256()).await;
                    if self.replace_agent(&path, agent.clone()).is_ok() {
                        reloaded.push((path, Ok(agent)));
                    }
                }
                Err(error) => reloaded.push((path, Err(error))),
            }
        }
        let newer =
            reloaded.iter().filter_map(|(path, agent)| Some((path.clone(), agent.as_ref().ok()?.clone())));
        let newer: HashMap<PathBuf, Agent> = newer.collect();
        tell_not_granted(&self.house(), &newer);
        reloaded
    }

    /// What a tenant has opened.
    pub(crate) fn rooms(&self, tenant: &TenantId) -> Option<TenantRooms> {
        self.tenants.read().get(tenant).cloned()
    }

    /// The agents that are loaded, by their file.
    pub fn agents(&self) -> Vec<(PathBuf, Agent)> {
        self.agents.read().iter().map(|(path, slot)| (path.clone(), slot.live.clone())).collect()
    }
}

/// The operator's file without the tenants that the directory describes: that goes before the file, which may say of them what is
/// not so any more.
async fn without_described(config: &Config, storage: &Storage) -> Result<Config, OpenError> {
    let described = parloir_admin::described(&storage.directory_rooms()).await;
    let described = described.map_err(|e| OpenError::Storage(e.to_string()))?;
    let mut config = config.clone();
    config.tenants.retain(|tenant| {
        let is_described = described.contains(&tenant.id);
        if is_described {
            tracing::warn!(tenant = %tenant.id, "the tenant is described in the directory: its [[tenant]] in the file says nothing any more, and can be removed");
        }
        !is_described
    });
    Ok(config)
}

/// The house that a configuration describes, where nothing in it would only go wrong at a call.
fn house(config: &Config) -> Result<House, OpenError> {
    config.check().map_err(OpenError::Config)?;
    // One tenant's number keeps no other's callers from being answered.
    for (tenant, problem) in config.outbound.undialled(config) {
        tracing::error!(%tenant, problem, "a line is answered, and nobody is handed over where this installation does not dial");
    }
    let house = House::dialling(config.tenants.clone(), &config.outbound.transfers);
    let house = house.map_err(|e| OpenError::Config(e.to_string()))?;
    let carriers = config.carriers.iter().map(|carrier| carrier.name.clone()).collect();
    known_carriers(&house, &carriers).map_err(OpenError::Config)?;
    Ok(house)
}

/// Tells what agents declare and their lines do not grant, and what to write: of a line that names nothing it may be forgotten, and
/// is a warning; of one that names some it may be meant so, and is told with `-v`.
fn tell_not_granted(house: &House, agents: &HashMap<PathBuf, Agent>) {
    for line in house.lines() {
        let declared = agents.get(&line.config.agent).map(Agent::capabilities).unwrap_or_default();
        let Some(what) = not_granted(&line.config, declared) else { continue };
        let tenant = &line.tenant.id;
        if line.config.capabilities.is_empty() {
            tracing::warn!(%tenant, "{what}");
        } else {
            tracing::info!(%tenant, "{what}");
        }
    }
}

/// That every line's carrier is one of these.
fn known_carriers(house: &House, carriers: &HashSet<String>) -> Result<(), String> {
    match house.lines().find(|line| !carriers.contains(&line.config.carrier)) {
        None => Ok(()),
        Some(line) => {
            let (number, carrier) = (&line.config.number, &line.config.carrier);
            Err(format!("line {number} names carrier {carrier:?}, which no [[carrier]] describes"))
        }
    }
}

/// Opens what a tenant's calls need, and tells the journal what of them it keeps for 0 days.
async fn rooms_of(storage: &Storage, tenant: &Tenant) -> Result<TenantRooms, OpenError> {
    let store = storage.tenant(&tenant.id).await?;
    storage.journal.keep_nothing_of(tenant.id.clone(), unkept(&tenant.retention));
    let folder = match &tenant.documents {
        Some(folder) => {
            let place = folder.clone();
            let opened = tokio::task::spawn_blocking(move || Documents::open(&place)).await;
            let opened = opened.map_err(std::io::Error::other).flatten();
            Some(opened.map_err(|e| {
                OpenError::Config(format!("tenant {}: documents {}: {e}", tenant.id, folder.display()))
            })?)
        }
        None => None,
    };
    let documents = Library::new(folder, store.clone());
    let sounds = Sounds::new(store.clone());
    Ok(TenantRooms { store, documents, sounds })
}

/// Why an agent does not load, for whoever may know no path of this machine.
fn unloaded(error: &OpenError) -> String {
    match error {
        OpenError::Agent { path, problem } => {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            format!("`agent` names {name}, which does not load: {problem}")
        }
        OpenError::Storage(problem) | OpenError::InUse(problem) | OpenError::Config(problem) => {
            problem.clone()
        }
    }
}

/// Notes that a component answers from now on, before it does: what its calls are replayed from stays.
async fn answers(sandbox: &Sandbox, sha256: [u8; 32]) {
    let sandbox = sandbox.clone();
    let _noted = tokio::task::spawn_blocking(move || sandbox.answers(&sha256)).await;
}

async fn load(sandbox: &Sandbox, path: &Path) -> Result<Agent, OpenError> {
    let loaded = match sandbox.cached(read(path).await?).await {
        Ok(Err(wasm)) => {
            let _room = loading::room(wasm.len()).await;
            sandbox.load(wasm).await
        }
        Ok(Ok(agent)) => Ok(agent),
        Err(error) => Err(error),
    };
    loaded.map_err(|error| OpenError::Agent { path: path.to_owned(), problem: error.to_string() })
}

async fn read(path: &Path) -> Result<Vec<u8>, OpenError> {
    let failed = |problem: String| OpenError::Agent { path: path.to_owned(), problem };
    let file = path.to_owned();
    let most = Settings::default().component_bytes as u64;
    // What is too large to be an agent is not read.
    let read = tokio::task::spawn_blocking(move || match std::fs::metadata(&file)?.len() {
        size if size > most => {
            Err(std::io::Error::other(format!("{size} bytes, and an agent has at most {most}")))
        }
        _ => std::fs::read(file),
    })
    .await
    .map_err(|e| failed(e.to_string()))?;
    read.map_err(|e| failed(format!("{e}; build it first: parloir build agents/cabinet")))
}

/// The agents of an installation, compiled, and their components: every version that has ever answered here.
///
/// # Errors
/// [`OpenError::Storage`] when the key that seals them cannot be read or made.
pub fn kept_agents(folders: &Folders) -> Result<ArtifactCache, OpenError> {
    Ok(ArtifactCache::new(folders.data.join("artifacts"), seal_key(&folders.keys)?).with_components())
}

/// The key that seals compiled agents: in the keys folder, made on first use.
fn seal_key(keys: &Path) -> Result<SealKey, OpenError> {
    use std::io::{Read, Write};
    use std::os::unix::fs::OpenOptionsExt;
    let path = keys.join("artifacts.key");
    let failed = |e: &dyn std::fmt::Display| OpenError::Storage(format!("{}: {e}", path.display()));
    let mut key = [0u8; 32];
    match std::fs::File::open(&path) {
        Ok(mut file) => file.read_exact(&mut key).map_err(|e| failed(&e))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            getrandom::fill(&mut key).map_err(|e| failed(&e))?;
            let created = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
            let mut file = created.map_err(|e| failed(&e))?;
            file.write_all(&key).and_then(|()| file.sync_all()).map_err(|e| failed(&e))?;
        }
        Err(error) => return Err(failed(&error)),
    }
    Ok(SealKey(key))
}
