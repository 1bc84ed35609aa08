//! Everything that is opened once: keys, store, journal, sandbox, providers, agents.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;
use parloir_call::{HostWords, Rehearsing};
use parloir_contract::TenantId;
use parloir_journal::Journal;
use parloir_providers::{ProvidersConfig, Registry};
use parloir_sandbox::{Agent, ArtifactCache, Sandbox, SealKey, Settings};
use parloir_store::{Embedded, Kms, Store, StoreError, TenantStore};
use parloir_tenancy::{Documents, House};

use crate::config::Config;
use crate::sweep::unkept;

/// Why an installation does not open. Every text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data folder, the keys folder, or what is in them.
    #[error("{0}")]
    Storage(String),
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

/// Where an installation rests.
#[derive(Debug, Clone)]
pub struct Folders {
    /// Journal, store, compiled agents.
    pub data: PathBuf,
    /// Keys: apart from the data, and never in the same backup.
    pub keys: PathBuf,
}

impl Folders {
    /// The data folder, and the keys beside it: `DIR` and `DIR.keys`.
    pub fn beside(data: impl Into<PathBuf>) -> Self {
        let data = data.into();
        let mut keys = data.clone().into_os_string();
        keys.push(".keys");
        Self { data, keys: keys.into() }
    }
}

/// What rests on disk, opened.
pub struct Storage {
    /// The journal.
    pub journal: Journal,
    store: Arc<dyn Store>,
    kms: Arc<dyn Kms>,
    keys: PathBuf,
}

impl Storage {
    /// Opens, or creates, an installation's folders.
    pub async fn open(folders: &Folders) -> Result<Self, OpenError> {
        let storage = |e: &dyn std::fmt::Display| OpenError::Storage(e.to_string());
        let kms = parloir_store::Keyring::open(&folders.keys).map_err(|e| storage(&e))?;
        let kms: Arc<dyn Kms> = Arc::new(kms);
        let store = Embedded::open(folders.data.join("store")).await.map_err(|e| storage(&e))?;
        let store: Arc<dyn Store> = Arc::new(store);
        let journal =
            Journal::open(&folders.data, kms.clone(), store.clone()).await.map_err(|e| storage(&e))?;
        Ok(Self { journal, store, kms, keys: folders.keys.clone() })
    }

    /// Seals what is open. Calls that are still live are closed as interrupted.
    pub async fn close(&self) {
        self.journal.shutdown().await;
    }

    /// The store of one tenant.
    pub async fn tenant(&self, tenant: &TenantId) -> Result<TenantStore, OpenError> {
        self.rows(tenant).await.map_err(|e| OpenError::Storage(e.to_string()))
    }

    pub(crate) async fn rows(&self, tenant: &TenantId) -> Result<TenantStore, StoreError> {
        TenantStore::open(self.store.clone(), self.kms.as_ref(), tenant.clone()).await
    }

    pub(crate) fn keys(&self) -> &dyn Kms {
        &*self.kms
    }

    /// The keys folder.
    pub(crate) fn keys_folder(&self) -> &Path {
        &self.keys
    }
}

/// An installation, ready to answer.
pub struct Installation {
    /// Tenants and lines.
    pub house: House,
    /// Providers, in order of trying.
    pub providers: Registry,
    /// What the host itself may have to say.
    pub words: HostWords,
    /// What rests on disk.
    pub storage: Storage,
    /// A rehearsal behind every line of the house: for developers' tools. `None` where carriers ring.
    pub rehearsing: Option<Rehearsing>,
    sandbox: Sandbox,
    agents: RwLock<HashMap<PathBuf, Agent>>,
    tenants: HashMap<TenantId, TenantRooms>,
}

/// What one tenant has opened.
#[derive(Clone)]
pub(crate) struct TenantRooms {
    pub(crate) store: TenantStore,
    pub(crate) documents: Option<Documents>,
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
        Self::open_telling(config, folders, model_file, providers, settings, &|_| {}).await
    }

    /// As [`Installation::open`], telling of each agent's file before it is loaded: one that was never compiled for
    /// this machine takes half a minute.
    ///
    /// # Errors
    /// As [`Installation::open`].
    pub async fn open_telling(
        config: &Config,
        folders: &Folders,
        model_file: &Path,
        providers: Option<Registry>,
        settings: Settings,
        tell: &(dyn Fn(&Path) + Send + Sync),
    ) -> Result<Self, OpenError> {
        let wrong = |e: &dyn std::fmt::Display| OpenError::Config(e.to_string());
        let house = house(config)?;
        let storage = Storage::open(folders).await?;
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
        let sandbox = Sandbox::new(settings, Some(cache)).map_err(|e| OpenError::Storage(e.to_string()))?;
        Self::furnish(house, storage, providers, sandbox, HashMap::new(), tell).await
    }

    /// Opens an installation around agents that are loaded already, by the file their lines name: for
    /// whoever builds agents and hears them at once, such as `parloir dev`. What a line names besides is
    /// loaded into the first one's sandbox.
    ///
    /// # Errors
    /// As [`Installation::open`], and where there is no agent.
    pub async fn open_with(
        config: &Config,
        folders: &Folders,
        providers: Registry,
        agents: HashMap<PathBuf, Agent>,
    ) -> Result<Self, OpenError> {
        let house = house(config)?;
        let Some(sandbox) = agents.values().next().map(|agent| agent.sandbox().clone()) else {
            return Err(OpenError::Config("no agent was given: load at least one".into()));
        };
        let storage = Storage::open(folders).await?;
        Self::furnish(house, storage, providers, sandbox, agents, &|_| {}).await
    }

    async fn furnish(
        house: House,
        storage: Storage,
        providers: Registry,
        sandbox: Sandbox,
        mut agents: HashMap<PathBuf, Agent>,
        tell: &(dyn Fn(&Path) + Send + Sync),
    ) -> Result<Self, OpenError> {
        for line in house.lines() {
            let path = &line.config.agent;
            if !agents.contains_key(path) {
                tell(path);
                agents.insert(path.clone(), load(&sandbox, path).await?);
            }
        }
        let mut tenants = HashMap::new();
        for tenant in house.tenants() {
            let store = storage.tenant(&tenant.id).await?;
            storage.journal.keep_nothing_of(tenant.id.clone(), unkept(&tenant.retention));
            let documents = match &tenant.documents {
                Some(folder) => Some(Documents::open(folder).map_err(|e| {
                    OpenError::Config(format!("tenant {}: documents {}: {e}", tenant.id, folder.display()))
                })?),
                None => None,
            };
            tenants.insert(tenant.id.clone(), TenantRooms { store, documents });
        }
        let agents = RwLock::new(agents);
        let (words, rehearsing) = (HostWords::default(), None);
        Ok(Self { house, providers, words, storage, rehearsing, sandbox, agents, tenants })
    }

    /// Speaks what the host itself may have to say on any line, and keeps it. Returns how many
    /// sentences no voice would speak.
    pub async fn prepare_words(&self) -> usize {
        let lines: Vec<_> = self
            .house
            .lines()
            .map(|line| {
                let agent = self.agent(&line.config.agent);
                let languages = agent.map(|agent| agent.description().languages.clone());
                (line.clone(), languages.unwrap_or_default())
            })
            .collect();
        self.words.prepare(&self.providers, &lines).await
    }

    /// The agent of a line, as a call that begins now gets it.
    pub(crate) fn agent(&self, path: &Path) -> Option<Agent> {
        self.agents.read().get(path).cloned()
    }

    /// Puts a newer version in the place of the agent that lines name by `path`, and returns the older.
    /// The next call is answered by the newer; calls that are live keep the one they began with, which
    /// goes when the last of them ends. A sentence of the host's own in a language that only the newer
    /// speaks is spoken when [`prepare_words`](Self::prepare_words) is asked again.
    ///
    /// # Errors
    /// The agent itself, where no line names `path`: nothing would ever be answered by it.
    pub fn replace_agent(&self, path: &Path, newer: Agent) -> Result<Agent, Box<Agent>> {
        match self.agents.write().get_mut(path) {
            Some(agent) => Ok(std::mem::replace(agent, newer)),
            None => Err(Box::new(newer)),
        }
    }

    /// Loads every agent's file again, and puts those that load in place of what there was, for the next
    /// call. What does not load leaves the version before it answering. Returns the files whose content
    /// is new, each with its agent or why there is none.
    pub async fn reload_agents(&self) -> Vec<(PathBuf, Result<Agent, OpenError>)> {
        let mut reloaded = Vec::new();
        for (path, before) in self.agents() {
            match load(&self.sandbox, &path).await {
                Ok(agent) if agent.sha256() == before.sha256() => {}
                Ok(agent) => {
                    if self.replace_agent(&path, agent.clone()).is_ok() {
                        reloaded.push((path, Ok(agent)));
                    }
                }
                Err(error) => reloaded.push((path, Err(error))),
            }
        }
        reloaded
    }

    /// What a tenant has opened.
    pub(crate) fn rooms(&self, tenant: &TenantId) -> Option<&TenantRooms> {
        self.tenants.get(tenant)
    }

    /// The agents that are loaded, by their file.
    pub fn agents(&self) -> Vec<(PathBuf, Agent)> {
        self.agents.read().iter().map(|(path, agent)| (path.clone(), agent.clone())).collect()
    }
}

/// The house that a configuration describes, where nothing in it would only go wrong at a call.
fn house(config: &Config) -> Result<House, OpenError> {
    config.check().map_err(OpenError::Config)?;
    let house = House::new(config.tenants.clone()).map_err(|e| OpenError::Config(e.to_string()))?;
    if let Some(line) = house.lines().find(|l| !config.carriers.iter().any(|c| c.name == l.config.carrier)) {
        let (number, carrier) = (&line.config.number, &line.config.carrier);
        return Err(OpenError::Config(format!(
            "line {number} names carrier {carrier:?}, which no [[carrier]] describes"
        )));
    }
    Ok(house)
}

async fn load(sandbox: &Sandbox, path: &Path) -> Result<Agent, OpenError> {
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
    let wasm = read.map_err(|e| failed(format!("{e}; build it first: parloir build agents/cabinet")))?;
    sandbox.load(wasm).await.map_err(|e| failed(e.to_string()))
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
