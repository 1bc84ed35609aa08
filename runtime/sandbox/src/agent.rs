//! A loaded agent: it describes itself once, and answers calls, each in an instance of its own.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use parloir_contract::{CallInfo, Capability, Description, Import, Outcome, TenantId, is_plain_name};
use tokio_util::sync::CancellationToken;
use wasmtime::component::types::ComponentItem;
use wasmtime::{Store, UpdateDeadline};

use crate::bindings::AgentPre;
use crate::convert::{description_from_guest, info_to_guest, outcome_from_guest};
use crate::door::{Door, refusing_door};
use crate::engine::{Compiled, LoadError, Sandbox};
use crate::failure::Failure;
use crate::host::{Host, State};
use crate::limits::Limits;
use crate::metering::{Meter, Metered};
use crate::reputation::Reputation;
use crate::settings::Budget;

/// One version of an agent, compiled and ready. Cheap to clone.
#[derive(Clone)]
pub struct Agent {
    sandbox: Sandbox,
    pre: AgentPre<State>,
    description: Arc<Description>,
    capabilities: Arc<[Capability]>,
    sha256: [u8; 32],
    size: usize,
    elsewhere: Option<Arc<dyn Elsewhere>>,
}

/// Who has an agent's calls answered elsewhere than in this process's sandbox.
pub trait Elsewhere: Send + Sync {
    /// Has one call answered, through this door and no other: as [`Agent::answer`] does.
    fn answer(&self, agent: &Agent, info: CallInfo, door: Door, budget: Budget) -> Answering;
}

/// How an agent's part in a call ended.
#[derive(Debug)]
pub struct Answered {
    /// The agent's own judgement, or why it has none.
    pub outcome: Result<Outcome, Failure>,
    /// CPU time it used.
    pub cpu: Duration,
}

/// An agent answering a call. Dropping it does not stop the agent; aborting it does.
#[derive(Debug)]
pub struct Answering {
    task: tokio::task::JoinHandle<Answered>,
    stop: CancellationToken,
    used: Used,
}

/// Where an agent's CPU time is read.
#[derive(Debug)]
enum Used {
    Metered(Arc<Meter>),
    /// In nanoseconds, as whoever has it answer is told, and whether it was begun there.
    Told(Arc<AtomicU64>, Arc<AtomicBool>),
}

impl Answering {
    /// An agent that answers [`Elsewhere`]: `task` ends when it does, `stop` asks it to, `cpu` is its CPU time so far, in
    /// nanoseconds, and `begun` whether it was told to begin.
    pub fn told(
        task: tokio::task::JoinHandle<Answered>,
        stop: CancellationToken,
        cpu: Arc<AtomicU64>,
        begun: Arc<AtomicBool>,
    ) -> Self {
        Self { task, stop, used: Used::Told(cpu, begun) }
    }

    /// Stops the agent at its next pause: a host call, or an interruption of its computing. Whoever awaits it then
    /// learns that it was stopped, once all that it held is given back.
    pub fn abort(&self) {
        self.stop.cancel();
    }

    /// CPU time it has used up to its last pause.
    pub fn cpu(&self) -> Duration {
        match &self.used {
            Used::Metered(meter) => meter.used(),
            Used::Told(cpu, _) => Duration::from_nanos(cpu.load(Ordering::Relaxed)),
        }
    }

    /// Whether it has begun: who waits for a place, or for the process in which it is to answer, has not.
    pub fn has_begun(&self) -> bool {
        match &self.used {
            Used::Metered(meter) => !meter.used().is_zero(),
            // What it says of its time is its own word: one that says nothing has begun all the same.
            Used::Told(_, begun) => begun.load(Ordering::Relaxed),
        }
    }
}

impl Future for Answering {
    type Output = Result<Answered, tokio::task::JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.task).poll(cx)
    }
}

impl Agent {
    pub(crate) async fn describe(
        sandbox: Sandbox,
        compiled: Compiled,
        budget: Budget,
    ) -> Result<Self, LoadError> {
        let Compiled { pre, sha256, size } = compiled;
        let run = {
            let (sandbox, pre) = (sandbox.clone(), pre.clone());
            async move {
                let meter = Arc::new(Meter::new(sandbox.inner.computing.clone()));
                let (here, charged) = (sandbox.clone(), meter.clone());
                let work = async move {
                    let mut store = store(&here, refusing_door(), charged.clone(), budget)?;
                    let result = async {
                        let agent = pre.instantiate_async(&mut store).await?;
                        charged.goes_on().await;
                        agent.call_describe(&mut store).await
                    }
                    .await;
                    ended(result, store, &charged).await
                };
                let never = CancellationToken::new();
                let work = Metered::new(work, meter.clone());
                let nobodys = (&Arc::default(), false);
                let ran = sandbox.inner.lanes.run(work, &meter, nobodys, &never).await;
                ran.unwrap_or_else(|| Err(Failure::stopped()))
            }
        };
        let described = sandbox.inner.lanes.prompt().spawn(run).await.map_err(Failure::host)??;
        let description = description_from_guest(described);
        let capabilities = validated(&description)?;
        Ok(Self {
            sandbox,
            pre,
            description: Arc::new(description),
            capabilities: capabilities.into(),
            sha256,
            size,
            elsewhere: None,
        })
    }

    /// The same agent, whose calls are answered there.
    #[must_use]
    pub fn answering(self, elsewhere: Arc<dyn Elsewhere>) -> Self {
        Self { elsewhere: Some(elsewhere), ..self }
    }

    /// Whether its calls are answered elsewhere than in its sandbox.
    pub fn is_elsewhere(&self) -> bool {
        self.elsewhere.is_some()
    }

    /// What it was compiled to: for [`Sandbox::handed`], in a process that this one starts. A copy of it all.
    pub fn artifact(&self) -> Result<Vec<u8>, LoadError> {
        let component = self.pre.instance_pre().component();
        component.serialize().map_err(|error| LoadError::Compile(format!("{error:#}")))
    }

    /// What it says of itself.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// What it declared to need.
    pub fn capabilities(&self) -> &[Capability] {
        &self.capabilities
    }

    /// What of the contract it really imports, in the contract's order. A toolchain that leaves unused
    /// functions in lists more than the agent ever calls.
    pub fn imports(&self) -> Vec<Import> {
        let engine = &self.sandbox.inner.engine;
        let mut names = Vec::new();
        let component = self.pre.instance_pre().component().component_type();
        for (interface, item) in component.imports(engine) {
            let interface = interface.strip_prefix("parloir:agent/").unwrap_or(interface);
            let interface = interface.split('@').next().unwrap_or(interface);
            if let ComponentItem::ComponentInstance(instance) = item.ty {
                names.extend(instance.exports(engine).map(|(function, _)| format!("{interface}.{function}")));
            }
        }
        Import::ALL.iter().copied().filter(|import| names.iter().any(|n| n == import.name())).collect()
    }

    /// SHA-256 of the component.
    pub fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// Size of the component in bytes.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The sandbox it was loaded into.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// Answers one call on the agents' own threads: a fresh store, a fresh instance, this door and no
    /// other. Where it answers [`Elsewhere`], all of that is there.
    pub fn answer(&self, info: CallInfo, door: Door, budget: Budget) -> Answering {
        self.begin(info, door, budget, Arc::default())
    }

    /// The same for one of a tenant's callers, beside other tenants': where one of the tenant's agents lately computed without end,
    /// it takes only what nobody else wants of the machine, from its first instruction on.
    pub fn answer_for(&self, tenant: &TenantId, info: CallInfo, door: Door, budget: Budget) -> Answering {
        self.begin(info, door, budget, self.sandbox.inner.reputations.of(tenant))
    }

    fn begin(&self, info: CallInfo, door: Door, budget: Budget, of: Arc<Reputation>) -> Answering {
        if let Some(elsewhere) = &self.elsewhere {
            return elsewhere.answer(self, info, door, budget);
        }
        let meter = Arc::new(Meter::new(self.sandbox.inner.computing.clone()));
        let stop = CancellationToken::new();
        let (agent, charged, stopped) = (self.clone(), meter.clone(), stop.clone());
        let (begins, aside) = self.sandbox.inner.lanes.beginning(&of);
        let work = async move { agent.run((info, door, budget), charged, (of, aside), stopped).await };
        let task = begins.spawn(work);
        Answering { task, stop, used: Used::Metered(meter) }
    }

    async fn run(
        self,
        (info, door, budget): (CallInfo, Door, Budget),
        meter: Arc<Meter>,
        (reputation, aside): (Arc<Reputation>, bool),
        stop: CancellationToken,
    ) -> Answered {
        let Ok(_place) = self.sandbox.inner.places.clone().acquire_owned().await else {
            return Answered { outcome: Err(Failure::host("the sandbox is closing")), cpu: Duration::ZERO };
        };
        let sandbox = self.sandbox.clone();
        let charged = meter.clone();
        let work = async move {
            let mut store = store(&self.sandbox, door, charged.clone(), budget)?;
            let result = async {
                let agent = self.pre.instantiate_async(&mut store).await?;
                charged.goes_on().await;
                agent.call_answer(&mut store, &info_to_guest(&info)).await
            }
            .await;
            ended(result, store, &charged).await
        };
        let work = Metered::new(work, meter.clone());
        let ran = sandbox.inner.lanes.run(work, &meter, (&reputation, aside), &stop).await;
        let outcome = ran.unwrap_or_else(|| Err(Failure::stopped())).map(outcome_from_guest);
        Answered { outcome, cpu: meter.used() }
    }

    /// Instantiates and drops, and says how long the first took: what a caller waits for before the agent's first
    /// instruction. Giving the instance back comes when nobody waits any more. For benchmarks, and for what an agent is told
    /// of itself.
    pub async fn instantiate_once(&self) -> Result<Duration, Failure> {
        let meter = Arc::new(Meter::default());
        let charged = meter.clone();
        // Metered as a call is: an instance pays for its own start, not for the thread it is made on.
        let work = async {
            let began = Instant::now();
            let mut store = store(&self.sandbox, refusing_door(), charged, Budget::default())?;
            let made = self.pre.instantiate_async(&mut store).await;
            let took = began.elapsed();
            made.map(|_| took).map_err(|e| Failure::from_engine(&e, store.data().limits.refused()))
        };
        Metered::new(work, meter).await
    }
}

/// How it ended, once its store is given back: memory, instances and stacks, under locks that the media loop takes too.
async fn ended<T>(result: wasmtime::Result<T>, store: Store<State>, meter: &Meter) -> Result<T, Failure> {
    let result = result.map_err(|e| Failure::from_engine(&e, store.data().limits.refused()));
    meter.leave_computing().await;
    drop(store);
    result
}

fn store(sandbox: &Sandbox, door: Door, meter: Arc<Meter>, budget: Budget) -> Result<Store<State>, Failure> {
    let settings = &sandbox.inner.settings;
    let memory = budget.memory.min(settings.memory);
    let state = State {
        limits: Limits::new(memory, settings.table_elements, meter.clone()).counting(settings),
        host: Host::new(door, meter.clone(), budget),
    };
    let mut store = Store::new(&sandbox.inner.engine, state);
    store.limiter_async(|state| &mut state.limits);
    store.set_hostcall_fuel(settings.host_call_bytes);
    store.set_max_component_handles(settings.handles);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |_| {
        meter.check(&budget)?;
        // It computes: whatever it left the idle class for is done.
        meter.is_answered();
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
    });
    Ok(store)
}

/// Checks what an agent says of itself before anything relies on it.
fn validated(description: &Description) -> Result<Vec<Capability>, LoadError> {
    let wrong = |what: &str| Err(LoadError::Description(what.to_owned()));
    if description.name.is_empty() || description.name.len() > 80 || !is_plain_name(&description.name) {
        return wrong("`name` must have 1 to 80 characters that can be shown");
    }
    if description.version.is_empty()
        || description.version.len() > 40
        || !is_plain_name(&description.version)
    {
        return wrong("`version` must have 1 to 40 characters that can be shown");
    }
    let languages = &description.languages;
    if languages.is_empty() || languages.len() > 32 || !languages.iter().all(|language| is_tag(language)) {
        return wrong("`languages` must name 1 to 32 languages, such as fr-FR");
    }
    if description.capabilities.len() > Capability::ALL.len() {
        return wrong("`capabilities` names more than there are");
    }
    description.capabilities.iter().map(|c| c.parse().map_err(LoadError::Description)).collect()
}

/// Whether a text looks like a BCP 47 tag. The host has its own words spoken in every language that an agent names.
fn is_tag(language: &str) -> bool {
    (2..=35).contains(&language.len())
        && language.starts_with(|c: char| c.is_ascii_alphabetic())
        && language.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_agent_says_of_itself_can_be_shown_and_spoken() {
        for shown in ["Cabinet Durand", "réception 2", "受付"] {
            assert!(is_plain_name(shown), "{shown}");
        }
        for hidden in [
            "\u{1b}[2J",
            "a\nb",
            "a\u{9b}2J",
            "a\u{202e}b",
            "a\u{2028}b",
            "a\u{61c}b",
            "a\u{206b}b",
            "a\u{200b}b",
            "a\u{200d}b",
            "a\u{feff}b",
            "\u{3164}",
            "a\u{e0041}",
            "desk\u{fe0f}",
            "\0",
        ] {
            assert!(!is_plain_name(hidden), "{hidden:?}");
        }
        for tag in ["fr", "fr-FR", "zh-Hant-TW", "es-419"] {
            assert!(is_tag(tag), "{tag}");
        }
        for no in ["", "f", "-fr", "fr_FR", "fr fr", "fr;q=1", &"a".repeat(36)] {
            assert!(!is_tag(no), "{no}");
        }
    }
}
