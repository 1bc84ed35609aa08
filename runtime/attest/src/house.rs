//! The real server, with a tenant whose caller must notice nothing, and a tenant of attackers.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::DateTime;
use parking_lot::Mutex;
use parloir_contract::{Appointment, CallId, Contact, LocalTime, SetMemory, Slot, TenantId};
use parloir_journal::{Record, RecordBody};
use parloir_sandbox::{Sandbox, Settings};
use parloir_server::{Finished, Folders, Installation, Running, serve};
use parloir_store::TenantStore;
use parloir_tenancy::{Calendar, Memory};
use tokio::task::JoinHandle;

use crate::agent::Attack;
use crate::broken::Broken;
use crate::canned::{Told, providers};
use crate::contract::{Piece, module};
use crate::files;
use crate::rebinding::Rebinding;
use crate::ring::{self, CALLER, Rung};
use crate::rooms::{ANNE, NEIGHBOURS, Rooms, SECRETS};
use crate::service::{self, Asked};

/// The keys of the neighbour's memory: one that attackers read, and one that they write under the same name.
const REMEMBERED: [&str; 2] = ["secret", "shared"];
/// The neighbour's appointment.
const REFERENCE: &str = "ANNE22";
/// When: nobody attests as late.
const FAR: LocalTime = LocalTime { year: 2099, month: 1, day: 1, hour: 9, minute: 0 };
/// How long calls may take to be in the journal once their callers are gone.
const ENDED: Duration = Duration::from_secs(60);

/// What the neighbour's memory holds under each.
fn remembered() -> Vec<u8> {
    format!("{SECRETS}: memory").into_bytes()
}

/// The neighbour's agent, as a module.
///
/// # Errors
/// Where its text is none.
pub fn neighbour() -> Result<Vec<u8>, Broken> {
    let [neighbour, _] = NEIGHBOURS;
    of_neighbour(neighbour)
}

fn of_neighbour(name: &str) -> Result<Vec<u8>, Broken> {
    let body = files::file(&format!("agents/{name}.wat"));
    module(&Piece { name, without: &[], world: "agent", body })
}

/// The server, with two tenants.
pub struct House {
    running: Option<Running>,
    rooms: Rooms,
    /// Where its data and keys are.
    pub folders: Folders,
    /// What the model was sent.
    pub told: Told,
    /// What the services behind connectors were asked.
    pub asked: Asked,
    ended: Arc<Mutex<Vec<(TenantId, CallId)>>>,
    watching: JoinHandle<()>,
    _folder: Option<tempfile::TempDir>,
}

/// What the journal holds of a call.
pub struct Seen {
    /// Which call.
    pub id: CallId,
    /// Its records.
    pub records: Vec<Record>,
}

impl House {
    /// Opens the server in a folder that goes away with it.
    ///
    /// # Errors
    /// As [`House::open_in`].
    pub async fn open(attacks: &[Attack]) -> Result<Self, Broken> {
        let place = tempfile::tempdir().map_err(|error| Broken::because("a folder for a while", error))?;
        let mut house = Self::open_in(Rooms::furnish(place.path(), attacks)?, &|_| {}).await?;
        house._folder = Some(place);
        Ok(house)
    }

    /// Opens the server in rooms that are furnished. Tells how many agents are compiled.
    ///
    /// # Errors
    /// Where an agent does not load that should, or the server does not start.
    pub async fn open_in(rooms: Rooms, tell: &(dyn Fn(usize) + Sync)) -> Result<Self, Broken> {
        let started = |error: &dyn std::fmt::Display| Broken::because("the house does not open", error);
        let sandbox = Sandbox::new(Settings::default(), None).map_err(|error| started(&error))?;
        let mut agents = HashMap::new();
        for name in NEIGHBOURS {
            let agent = sandbox.load(of_neighbour(name)?).await;
            agents.insert(PathBuf::from(name), agent.map_err(|wrong| Broken::because(name, wrong))?);
        }
        for (number, attack) in rooms.attacks().iter().enumerate() {
            let agent = sandbox.load(attack.wasm()?).await;
            let agent = agent.map_err(|wrong| Broken::because(&attack.name, wrong))?;
            agents.insert(PathBuf::from(&attack.name), agent);
            tell(number + 1);
        }
        let (told, folders) = (Told::default(), rooms.folders());
        let registry = providers(&told).map_err(|error| started(&error))?;
        let asked = Asked::default();
        let services = rooms.services();
        let services =
            services.and_then(|all| all.into_iter().try_for_each(|one| service::start(one, &asked)));
        services.map_err(|error| started(&error))?;
        let names = Arc::new(Rebinding::default());
        let installation = Installation::open_with(rooms.config(), &folders, registry, agents, names).await;
        let installation = installation.map_err(|error| started(&error))?;
        installation.prepare_words().await;
        let running = serve(rooms.config(), installation).await.map_err(|error| started(&error))?;
        let ended: Arc<Mutex<Vec<(TenantId, CallId)>>> = Arc::default();
        let (mut finished, seen) = (running.finished(), ended.clone());
        let watching = tokio::spawn(async move {
            while let Ok(Finished { tenant, summary }) = finished.recv().await {
                seen.lock().push((tenant, summary.id));
            }
        });
        let house =
            Self { running: Some(running), rooms, folders, told, asked, ended, watching, _folder: None };
        house.entrust().await?;
        Ok(house)
    }

    fn running(&self) -> Result<&Running, Broken> {
        self.running.as_ref().ok_or_else(|| Broken("the house is closed".into()))
    }

    /// Where it is reached.
    ///
    /// # Errors
    /// Where it is closed.
    pub fn public(&self) -> Result<&str, Broken> {
        Ok(self.running()?.public.as_str())
    }

    async fn store(&self, tenant: &str) -> Result<TenantStore, Broken> {
        let tenant = tenant.parse::<TenantId>().map_err(|error| Broken::because("a tenant", error))?;
        let store = self.running()?.installation().storage.tenant(&tenant).await;
        store.map_err(|error| Broken::because("a tenant's store", error))
    }

    async fn calendar(&self) -> Result<Calendar, Broken> {
        let house = self.running()?.installation().house();
        let anne = house.tenants().iter().find(|tenant| tenant.id.as_str() == "anne");
        let hours = anne.and_then(|anne| anne.hours.clone());
        let hours = hours.ok_or_else(|| Broken("the neighbour has no calendar".into()))?;
        Ok(Calendar::new(hours, self.store("anne").await?))
    }

    /// Gives the neighbour what nobody else may see.
    async fn entrust(&self) -> Result<(), Broken> {
        let refused = |refusal: parloir_contract::Refusal| {
            Broken::because("the neighbour's own", format!("{refusal:?}"))
        };
        let memory = Memory::new(self.store("anne").await?);
        for key in REMEMBERED {
            memory.set(SetMemory { key: key.into(), value: remembered() }).await.map_err(refused)?;
        }
        let contact = Contact { name: format!("{SECRETS}: name"), phone: Some(CALLER.into()) };
        let appointment = Appointment {
            reference: REFERENCE.into(),
            slot: Slot { id: "2099-01-01T09:00".into(), start: FAR, minutes: 30 },
            contact,
            motive: format!("{SECRETS}: motive"),
        };
        match self.calendar().await?.keep(&appointment).await.map_err(refused)? {
            true => Ok(()),
            false => Err(Broken("the neighbour's appointment was not kept".into())),
        }
    }

    /// Whether all that was entrusted is as it was.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub async fn is_entrusted(&self) -> Result<bool, Broken> {
        let refused = |refusal: parloir_contract::Refusal| {
            Broken::because("the neighbour's own", format!("{refusal:?}"))
        };
        let memory = Memory::new(self.store("anne").await?);
        for key in REMEMBERED {
            if memory.get(key).await.map_err(refused)? != Some(remembered()) {
                return Ok(false);
            }
        }
        let long_ago = "2026-01-01T00:00".parse::<DateTime>();
        let long_ago = long_ago.map_err(|error| Broken::because("a date", error))?;
        let found = self.calendar().await?.find(CALLER, long_ago).await.map_err(refused)?;
        Ok(found.iter().any(|appointment| appointment.reference == REFERENCE))
    }

    /// Rings an attack's line and says nothing.
    ///
    /// # Errors
    /// Where nobody answers.
    pub async fn ring(&self, attack: &Attack) -> Result<Rung, Broken> {
        ring::ring(self.public()?, attack, self.line(attack)).await
    }

    /// Rings the neighbour's line and answers her three questions.
    ///
    /// # Errors
    /// Where nobody answers.
    pub async fn ring_neighbour(&self) -> Result<Rung, Broken> {
        ring::ring_neighbour(self.public()?).await
    }

    /// What the journal holds, by the line that rang, once so many calls came to their end, or a minute later.
    ///
    /// # Errors
    /// Where a call cannot be read.
    pub async fn journaled(&self, calls: usize) -> Result<HashMap<String, Vec<Seen>>, Broken> {
        let wait = async {
            while self.ended.lock().len() < calls {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        // What is missing then is missing in the journal.
        let _in_time = tokio::time::timeout(ENDED, wait).await;
        let ended = self.ended.lock().clone();
        let journal = &self.running()?.installation().storage.journal;
        let mut by_line: HashMap<String, Vec<Seen>> = HashMap::new();
        for (tenant, id) in ended {
            let records = journal.records(&tenant, id).await;
            let mut records = records.map_err(|error| Broken::because("the journal", error))?;
            Record::merge_held(&mut records);
            let line = records.iter().find_map(|record| {
                let RecordBody::CallStarted(started) = &record.body else { return None };
                Some(started.line.clone())
            });
            by_line.entry(line.unwrap_or_default()).or_default().push(Seen { id, records });
        }
        Ok(by_line)
    }

    /// The line of an attack.
    pub fn line(&self, attack: &Attack) -> &str {
        self.rooms.line(&attack.name)
    }

    /// The neighbour's line.
    pub const fn neighbours_line(&self) -> &'static str {
        ANNE
    }

    /// Bytes that its data takes on the disk.
    pub fn disk(&self) -> u64 {
        fn below(folder: &Path) -> u64 {
            let Ok(entries) = fs::read_dir(folder) else { return 0 };
            let sizes = entries.flatten().map(|entry| match entry.metadata() {
                Ok(about) if about.is_dir() => below(&entry.path()),
                Ok(about) => about.len(),
                Err(_) => 0,
            });
            sizes.sum()
        }
        below(&self.folders.data)
    }

    /// Closes the house and verifies what it left: the problems of its journal. Its folders stay until this is dropped.
    ///
    /// # Errors
    /// Where it is closed already, or its journal cannot be read.
    pub async fn close(&mut self) -> Result<Vec<String>, Broken> {
        let running = self.running.take().ok_or_else(|| Broken("the house is closed".into()))?;
        running.until(std::future::ready(())).await;
        self.watching.abort();
        let keys = parloir_store::Keyring::open(&self.folders.keys);
        let keys = Arc::new(keys.map_err(|error| Broken::because("the keys", error))?);
        let report =
            parloir_journal::verify(&self.folders.data, keys, None, parloir_journal::Scope::All).await;
        let report = report.map_err(|error| Broken::because("the journal", error))?;
        Ok(report.problems.iter().map(|problem| format!("{problem:?}")).collect())
    }
}
