//! Tenants are taken in while others are answered: what of each can be answered, and what is left out and why.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::stream::{self, StreamExt};
use parloir_admin::resource::Aside;
use parloir_contract::{LineId, TenantId};
use parloir_sandbox::Agent;
use parloir_tenancy::House;
use parloir_tenancy::config::{LineConfig, TenantConfig};
use parloir_tenancy::connector::NamedConnector;

use super::agents::Slot;
use super::{
    Installation, OpenError, TenantRooms, answers, known_carriers, loading, read, rooms_of, unloaded,
};
use crate::connectors;
use crate::unloadable::Stamp;

impl Installation {
    /// Whether a tenant's calls could be answered so: its table is valid, its carriers are known, its agents load. Nothing that
    /// is answered changes; an agent that was never compiled for this machine takes half a minute.
    ///
    /// # Errors
    /// A sentence that says what is wrong and what to do.
    pub(crate) async fn prepare(&self, tenant: &TenantConfig) -> Result<(), String> {
        self.prepare_table(tenant)?;
        for line in &tenant.lines {
            self.prepare_agent(&line.agent).await?;
        }
        Ok(())
    }

    /// The same of all but the agents.
    fn prepare_table(&self, tenant: &TenantConfig) -> Result<(), String> {
        let house = House::dialling(vec![tenant.clone()], &self.transfers).map_err(|e| e.to_string())?;
        known_carriers(&house, &self.carriers)?;
        tenant.connectors.iter().try_for_each(connectors::check)
    }

    /// What of a tenant's lines leads nowhere, for the installation does not dial it: each line's number, with what to do about it.
    pub(crate) fn undialled(&self, tenant: &TenantConfig) -> Vec<(LineId, String)> {
        let dials = self.transfers.of(&tenant.id);
        let of_line = |line: &LineConfig| dials.problem(line).map(|problem| (line.number.clone(), problem));
        tenant.lines.iter().filter_map(of_line).collect()
    }

    /// Loads an agent that is not loaded yet. One that did not load is not tried again before its file is another.
    async fn prepare_agent(&self, path: &Path) -> Result<(), String> {
        if self.agent(path).is_some() {
            return Ok(());
        }
        if self.barred.read().contains(path) {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            return Err(format!(
                "no version of agent {name} can be had: see what is said of it, and push it again"
            ));
        }
        let Some(stamp) = Stamp::of(path).await else {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            return Err(format!(
                "`agent` names {name}, which has no version that was promoted and no file: push one and promote it (parloir agent push, parloir agent promote), or have the operator put it into the tenant's folder of agents"
            ));
        };
        if let Some(problem) = self.unloadable.known(path, stamp) {
            return Err(problem);
        }
        let turn = loading::turn_to_read().await;
        let wasm = read(path).await.map_err(|e| unloaded(&e))?;
        let agent = self.load_of(path, stamp, (wasm, turn)).await?;
        answers(&self.sandbox, *agent.sha256()).await;
        self.agents.write().entry(path.to_owned()).or_insert(Slot::of(agent));
        Ok(())
    }

    /// Loads what was read of a file, when it was somebody's turn to. Where that does not load, it is remembered.
    pub(super) async fn load_of<T>(
        &self,
        path: &Path,
        stamp: Stamp,
        (wasm, turn): (Vec<u8>, T),
    ) -> Result<Agent, String> {
        let loaded = match self.sandbox.cached(wasm).await {
            Ok(Err(wasm)) => {
                let bytes = wasm.len();
                // Many may wait to be compiled: they are not kept in memory meanwhile.
                drop((wasm, turn));
                let _room = loading::room(bytes).await;
                let wasm = read(path).await.map_err(|e| unloaded(&e))?;
                if Stamp::of(path).await != Some(stamp) {
                    let name = path.file_name().unwrap_or_default().to_string_lossy();
                    return Err(format!(
                        "{name} was written while it waited to be compiled: it is tried again"
                    ));
                }
                self.sandbox.load(wasm).await
            }
            Ok(Ok(agent)) => Ok(agent),
            Err(error) => Err(error),
        };
        loaded.map_err(|error| {
            let problem = OpenError::Agent { path: path.to_owned(), problem: error.to_string() };
            let problem = unloaded(&problem);
            self.unloadable.remember(path, stamp, &error, &problem);
            problem
        })
    }

    /// Answers these tenants' lines so from the next call on, in place of all that was known of those tenants; calls that are live
    /// go on by what they began with. What cannot be answered so is left out by itself and given back with whose it is. A tenant
    /// of whom nothing can be is answered as before.
    pub(crate) async fn take_in(&self, tenants: Vec<TenantConfig>) -> Vec<(TenantId, Aside)> {
        // What may take long, before anybody else has to wait. What does not load is told of below.
        let agents = tenants.iter().flat_map(|tenant| &tenant.lines).map(|line| line.agent.clone());
        let agents: HashSet<PathBuf> = agents.collect();
        let prepared = stream::iter(agents).for_each_concurrent(loading::at_once(), |agent| async move {
            let _told_below = self.prepare_agent(&agent).await;
        });
        prepared.await;
        let ids: HashSet<TenantId> = tenants.iter().map(|tenant| tenant.id.clone()).collect();
        let mut others = self.house().without(&ids);
        let (mut left_out, mut sifted, mut unchanged) =
            (Vec::new(), Vec::with_capacity(ids.len()), Vec::new());
        for tenant in tenants {
            let id = tenant.id.clone();
            match self.sift(tenant, &others, &mut left_out).await {
                Ok((alone, rooms, connectors)) => {
                    // Of two who are taken in together, the second has nothing that the first has.
                    let joined = others.join(alone.clone());
                    debug_assert!(joined.is_ok(), "what is sifted has no line of others: {joined:?}");
                    sifted.push((id, alone, rooms, connectors));
                }
                Err(problem) => {
                    left_out.push((id.clone(), Aside::whole(problem)));
                    unchanged.push(id);
                }
            }
        }
        // Nothing here takes long: whoever changes something else meanwhile waits for it.
        let _nobody_else = self.moving_in.lock().await;
        let before = self.house();
        let mut house = before.without(&ids);
        for id in unchanged {
            if let Err(error) = house.join(before.only(&id)) {
                left_out.push((id, Aside::whole(error.to_string())));
            }
        }
        for (id, alone, rooms, connectors) in sifted {
            if let Err(error) = house.join(alone) {
                // Another took a number of its lines meanwhile: it is answered as before, where that one is not among those.
                if house.join(before.only(&id)).is_err() {
                    tracing::error!(tenant = %id, "a tenant's lines are answered by nobody: another was given their number");
                }
                left_out.push((id, Aside::whole(error.to_string())));
                continue;
            }
            self.connectors.of(&id).put_in(&connectors);
            let mut tenants = self.tenants.write();
            let rooms = match tenants.get(&id) {
                Some(before) => rooms.after(before),
                None => rooms,
            };
            tenants.insert(id, rooms);
        }
        *self.house.write() = Arc::new(house);
        left_out
    }

    /// Answers nothing of a tenant's any more, whose files are in this folder: it left. Calls that are live go on by what they
    /// began with.
    pub(crate) async fn leave(&self, tenant: &TenantId, home: &Path) {
        let _nobody_else = self.moving_in.lock().await;
        let house = self.house().without(&HashSet::from([tenant.clone()]));
        *self.house.write() = Arc::new(house);
        self.tenants.write().remove(tenant);
        self.agents.write().retain(|path, _| !path.starts_with(home));
        let nothing_is_sent_for_it = self.connectors.of(tenant);
        nothing_is_sent_for_it.put_in(&[]);
        nothing_is_sent_for_it.entrust(connectors::Secrets::default());
    }

    /// What of a tenant can be answered beside these others, with what its calls need, opened. The rest, line by line, is left
    /// out; a number that another tenant is answered on, too.
    async fn sift(
        &self,
        tenant: TenantConfig,
        others: &House,
        left_out: &mut Vec<(TenantId, Aside)>,
    ) -> Result<(House, TenantRooms, Vec<NamedConnector>), String> {
        let TenantConfig { id, lines, calendar, documents, quota, retention, connectors } = tenant;
        let (none, nobody) = (Vec::new(), Vec::new());
        let bare =
            TenantConfig { id, lines: none, calendar: None, documents, quota, retention, connectors: nobody };
        self.prepare(&bare).await?;
        let mut kept = bare.clone();
        if calendar.is_some() {
            let with = TenantConfig { calendar, ..bare.clone() };
            match self.prepare(&with).await {
                Ok(()) => kept.calendar = with.calendar,
                Err(problem) => left_out.push((bare.id.clone(), Aside::of("calendar", problem))),
            }
        }
        for connector in connectors {
            let mut with = bare.clone();
            with.connectors.clone_from(&kept.connectors);
            with.connectors.push(connector.clone());
            let secret = connector.connector.credential.as_ref().map(|credential| &credential.secret);
            let prepared = match secret.filter(|name| !self.connectors.of(&bare.id).holds(name.as_str())) {
                None => self.prepare(&with).await,
                Some(name) => {
                    Err(format!("its secret {name} is not there: keep it with `parloir secret set {name}`"))
                }
            };
            match prepared {
                Ok(()) => kept.connectors = with.connectors,
                Err(problem) => {
                    let what = format!("connector {}", connector.name);
                    left_out.push((bare.id.clone(), Aside::of(what, problem)));
                }
            }
        }
        for line in lines {
            let what = format!("line {}", line.number);
            let table = match others.line(&line.number) {
                Some(_) => Err("another tenant is answered on this number: have whoever runs the installation say whose it is".to_owned()),
                None => self.prepare_table(&TenantConfig { lines: vec![line.clone()], ..bare.clone() }),
            };
            if let Err(problem) = table {
                left_out.push((bare.id.clone(), Aside::of(what, problem)));
                continue;
            }
            if let Err(problem) = self.prepare_agent(&line.agent).await {
                left_out.push((bare.id.clone(), Aside::of(what, problem)));
                // Of an agent that answered nobody yet, no line was known; of one that did, callers go where they do when it fails.
                let is_barred = self.barred.read().contains(&line.agent);
                if !is_barred {
                    continue;
                }
            }
            kept.lines.push(line);
        }
        let (id, connectors) = (kept.id.clone(), kept.connectors.clone());
        // The line answers all the same: its callers go on as where a transfer is refused.
        for (number, problem) in self.undialled(&kept) {
            left_out.push((id.clone(), Aside::transfers(number, problem)));
        }
        let house = House::dialling(vec![kept], &self.transfers).map_err(|e| e.to_string())?;
        let Some(tenant) = house.tenants().first() else { return Err("the house has nobody".into()) };
        let rooms = rooms_of(&self.storage, tenant).await.map_err(|error| {
            // It names places on this machine, which are nobody's to know who asks from outside.
            tracing::error!(tenant = %id, %error, "what a tenant's calls need cannot be opened");
            "its storage or its documents cannot be opened: have whoever runs the installation look into its log"
        })?;
        Ok((house, rooms, connectors))
    }
}
