//! All tenants are taken in at a start, and those again of whom something could not be.

use std::collections::{BTreeMap, HashSet};

use futures_util::stream::{self, StreamExt};
use parloir_contract::TenantId;
use parloir_store::Table;
use parloir_tenancy::config::TenantConfig;
use tokio::sync::{OwnedMutexGuard, mpsc};

use super::{Described, Directory, DirectoryError, rows};
use crate::resource::{Aside, Tenant};

/// Tenants whose agents are loaded at one time where all are taken in: whose agents are compiled first keep few places from others.
const LOADED_AT_ONCE: usize = 256;
/// Of those that are ready then, how many are taken in together.
const TOGETHER: usize = 64;

/// A tenant whose agents are loaded, while it is nobody else's turn to take it in.
struct Loaded {
    id: TenantId,
    turn: OwnedMutexGuard<()>,
    described: Described,
}

impl Directory {
    /// Has the installation answer the calls of every tenant that is described here, of each as soon as its agents are loaded. What
    /// cannot be read or answered of one, or takes long, keeps nobody else from being answered.
    ///
    /// # Errors
    /// Where it cannot be read which tenants there are.
    pub async fn take_in_all(&self) -> Result<(), DirectoryError> {
        self.heed_suspensions().await?;
        self.heed_cordons().await?;
        let rows = rows::all_there::<Tenant>(&self.installation, Table::Tenant, "").await?;
        let described = rows.into_iter().filter_map(|(id, _)| {
            let known = id.parse::<TenantId>();
            if known.is_err() {
                tracing::error!("a row of the directory has no tenant's name, and is left out");
            }
            known.ok()
        });
        let described: Vec<TenantId> = described.collect();
        let (sender, mut receiver) = mpsc::channel(TOGETHER);
        let loading = async {
            let (sender, described) = (sender, stream::iter(described));
            let to = &sender;
            let each = described.for_each_concurrent(LOADED_AT_ONCE, move |id| async move {
                let turn = self.taking_in_one.of(&id).await;
                let described = self.with_agents(&id).await;
                // It is there until this ends.
                let _taken = to.send(Loaded { id, turn, described }).await;
            });
            each.await;
        };
        // Beside the others, which may wait for one another: whoever is ready waits for none of them.
        let taking = async {
            let mut ready = Vec::new();
            while receiver.recv_many(&mut ready, TOGETHER).await > 0 {
                self.take_in_together(std::mem::take(&mut ready)).await;
            }
        };
        tokio::join!(loading, taking);
        Ok(())
    }

    /// Takes in tenants whose agents are loaded.
    async fn take_in_together(&self, ready: Vec<Loaded>) {
        let (mut tenants, mut turns) = (Vec::new(), Vec::new());
        let mut all = BTreeMap::<TenantId, Vec<Aside>>::new();
        for Loaded { id, turn, described: Described { tenant, aside } } in ready {
            tenants.extend(tenant);
            turns.push(turn);
            all.insert(id, aside);
        }
        for (id, aside) in self.premises.take_in(tenants).await {
            all.entry(id).or_default().push(aside);
        }
        for (id, aside) in all {
            self.set_aside(&id, aside, None).await;
        }
        drop(turns);
    }

    /// A tenant as its rows say, with its agents loaded, and what of it is set aside.
    async fn with_agents(&self, id: &TenantId) -> Described {
        match self.tenant(id).await {
            Ok(Some(Described { tenant, mut aside })) => {
                aside.extend(self.deploy(id).await);
                if let Some(tenant) = &tenant {
                    self.load_files(tenant).await;
                }
                Described { tenant, aside }
            }
            Ok(None) => Described { tenant: None, aside: Vec::new() },
            Err(error) => {
                let problem = format!("its rows cannot be read ({error}): see to its data");
                Described { tenant: None, aside: vec![Aside::whole(problem)] }
            }
        }
    }

    /// Has the agents loaded that are the files which a tenant's lines name, so that nobody who is taken in together with it waits
    /// for them. What does not load is told of when it is taken in.
    async fn load_files(&self, tenant: &TenantConfig) {
        let bare =
            TenantConfig { lines: Vec::new(), calendar: None, connectors: Vec::new(), ..tenant.clone() };
        let mut named = HashSet::new();
        for line in &tenant.lines {
            if named.insert(&line.agent) {
                let _told_later =
                    self.premises.prepare(&TenantConfig { lines: vec![line.clone()], ..bare.clone() }).await;
            }
        }
    }

    /// Takes in again of whom something is set aside: what the machine failed to do it may do now. What still cannot be answered is
    /// told as before. Of whom all of it waits for somebody to write something else is not tried.
    pub async fn take_in_aside(&self) {
        let tenants: Vec<TenantId> = {
            let all = self.aside.read().await;
            let to_try = all.iter().filter(|(_, aside)| !aside.iter().all(Aside::needs_somebody));
            to_try.map(|(id, _)| id.clone()).collect()
        };
        for id in tenants {
            match self.take_in(&id).await {
                Ok(()) | Err(DirectoryError::NotTakenIn(_)) => {}
                Err(error) => {
                    tracing::warn!(tenant = %id, %error, "something of a tenant's is still set aside; it is tried again");
                }
            }
        }
    }
}
