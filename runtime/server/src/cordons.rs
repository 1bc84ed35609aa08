//! Whose agents answer in a process of their own: by the operator's word, or because they fail and fail.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use parloir_admin::resource::Aside;
pub use parloir_admin::resource::CordonPolicy;
use parloir_contract::TenantId;
use parloir_cordon::{Cordon, Launch, Program, Rules, close_inherited, end_first, nice, stand};
use parloir_journal::{AgentEnd, FailureKind};
use parloir_sandbox::{Agent, Settings};
use rustix::process::{Resource, Rlimit, getpriority_process, getrlimit, setpriority_process, setrlimit};
use serde::{Deserialize, Serialize};
use tokio::net::UnixStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;

use crate::config::Config;
use crate::confine::{Confine, confine_agents, score, seal_agents};

/// The one word by which this program is started to be a process of agents.
pub const CORDON: &str = "cordon";

/// Calls whose agent failed, within [`WITHIN`], after which a tenant is noisy.
const FAILURES: usize = 5;
/// Within how long.
const WITHIN: Duration = Duration::from_secs(600);
/// How long after its last failure a tenant is noisy.
const QUIET: Duration = Duration::from_secs(3_600);
/// Files that a process of agents may have open at most: what its executors wait by, and the memory of components.
const FILES: u64 = 256;
/// How much longer than a component's memory a file of one may be, which begins and ends with a page.
const PAGES: u64 = 64 << 10;
/// How long the thread waits on which agents' code is taken over: no other takes its place.
const FOREVER: Duration = Duration::from_secs(10 * 365 * 24 * 3_600);

/// Whose agents answer in a process of their own. Here and not with the tenant, whom the directory may describe: this is for the
/// operator to say, and before the server gives up starting programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CordonConfig {
    /// Whose.
    pub tenant: TenantId,
    /// When: `never`, `always` or `when-noisy`.
    pub policy: CordonPolicy,
}

/// The tenants' cordons.
pub(crate) struct Cordons {
    by_default: CordonPolicy,
    policies: HashMap<TenantId, CordonPolicy>,
    /// What operators said by the administration, before the file.
    said: RwLock<HashMap<TenantId, CordonPolicy>>,
    launch: Arc<dyn Launch>,
    rules: Rules,
    known: Mutex<HashMap<TenantId, Known>>,
}

/// What is known of a tenant whose agents may be moved.
#[derive(Default)]
struct Known {
    cordon: Option<Arc<Cordon>>,
    noise: Noise,
    /// It is noisy, and there is no place for its process.
    stays: bool,
}

impl Cordons {
    pub(crate) fn new(config: &Config) -> Self {
        let cordons = Self {
            by_default: config.server.cordon,
            policies: config.cordons.iter().map(|one| (one.tenant.clone(), one.policy)).collect(),
            said: RwLock::default(),
            launch: Arc::new(Program::new(CORDON).ending_first(score())),
            rules: Rules {
                required: config.server.confine == Confine::Required,
                memory: u64::from(config.server.cordon_memory_mib) << 20,
                places: Arc::new(Semaphore::new(config.server.cordon_processes.into())),
            },
            known: Mutex::default(),
        };
        let memory = config.server.cordon_memory_mib;
        for tenant in &config.tenants {
            let quota = &tenant.quota;
            let most = u64::from(quota.concurrent_calls).saturating_mul(quota.memory_mib.into());
            if most > u64::from(memory) && cordons.policy(&tenant.id) != CordonPolicy::Never {
                tracing::warn!(
                    tenant = %tenant.id,
                    "its `concurrent-calls`, of `memory-mib` each, may take {most} MiB and its process of agents {memory}: from three quarters of that on, calls go to their fallback; lower one of the two, or raise `cordon-memory-mib` in [server]"
                );
            }
        }
        cordons
    }

    /// When a tenant's agents answer in a process of their own.
    pub(crate) fn policy(&self, tenant: &TenantId) -> CordonPolicy {
        let said = self.said.read().get(tenant).copied();
        said.or_else(|| self.policies.get(tenant).copied()).unwrap_or(self.by_default)
    }

    /// An operator says it of a tenant's next calls, or leaves it to the file. Calls that are live end where they began.
    pub(crate) fn say(&self, tenant: &TenantId, policy: Option<CordonPolicy>) {
        match policy {
            Some(policy) => self.said.write().insert(tenant.clone(), policy),
            None => self.said.write().remove(tenant),
        };
    }

    /// The agent, where it answers a call that begins now.
    pub(crate) fn place(&self, tenant: &TenantId, agent: Agent) -> Agent {
        match self.cordon(tenant) {
            Some(cordon) => agent.answering(cordon),
            None => agent,
        }
    }

    /// Behind which its agents answer a call that begins now; `None` where they do in the server's process.
    fn cordon(&self, tenant: &TenantId) -> Option<Arc<Cordon>> {
        let policy = self.policy(tenant);
        if policy == CordonPolicy::Never {
            return None;
        }
        let mut known = self.known.lock();
        let known = known.entry(tenant.clone()).or_default();
        let moved_for_noise = policy == CordonPolicy::WhenNoisy;
        if moved_for_noise && !known.noise.is_noisy(Instant::now()) {
            known.stays = false;
            // Calls that are live there go on; the process ends when there was none for a while.
            if known.cordon.take().is_some() {
                tracing::info!(%tenant, "a tenant was quiet for an hour: its agents answer in the server's process again");
            }
            return None;
        }
        let cordon = known.cordon.get_or_insert_with(|| {
            Arc::new(Cordon::new(tenant.to_string(), self.launch.clone(), self.rules.clone()))
        });
        // Who must answer there is told so by the call itself, which goes to its fallback.
        let stays = moved_for_noise && !cordon.has_place();
        if stays && !known.stays {
            tracing::warn!(
                %tenant,
                "a noisy tenant's agents stay in the server's process: as many processes of agents run as `cordon-processes` in [server] allows"
            );
        }
        known.stays = stays;
        (!stays).then(|| cordon.clone())
    }

    /// What is told of a tenant whose agents were moved because they failed.
    pub(crate) fn trouble(&self, tenant: &TenantId) -> Option<Aside> {
        if self.policy(tenant) != CordonPolicy::WhenNoisy {
            return None;
        }
        let known = self.known.lock();
        let known = known.get(tenant).filter(|known| known.noise.is_noisy(Instant::now()))?;
        let problem = if known.stays {
            "five calls failed by them within ten minutes, and there is no place for a process of their own, so they answer among the others: look at its last calls, put their agent right, or raise `cordon-processes` in [server]"
        } else {
            "five calls failed by them within ten minutes, so they answer in a process of their own until none has for an hour: look at its last calls, and put their agent right"
        };
        Some(Aside::of("agents", problem))
    }

    /// A call is over, and its agent's part in it ended so; or the agent came to no end, when its caller had left or heard nothing
    /// for long, until it was stopped.
    pub(crate) fn ended(&self, tenant: &TenantId, end: AgentEnd, overstayed: bool) {
        let is_noise = overstayed
            || matches!(
                end,
                AgentEnd::Failed(
                    FailureKind::AgentTrap | FailureKind::AgentBudget | FailureKind::AgentMemory
                )
            );
        if !is_noise || self.policy(tenant) != CordonPolicy::WhenNoisy {
            return;
        }
        if self.known.lock().entry(tenant.clone()).or_default().noise.failed(Instant::now()) {
            tracing::warn!(
                %tenant,
                "{FAILURES} calls of a tenant failed by its agents within ten minutes: until none has for an hour, they answer in a process of their own"
            );
        }
    }
}

/// When a tenant's agents failed.
#[derive(Default)]
struct Noise {
    /// The last of them.
    failures: VecDeque<Instant>,
    until: Option<Instant>,
}

impl Noise {
    /// An agent failed. True where its tenant is noisy from now on, and was not.
    fn failed(&mut self, now: Instant) -> bool {
        let was = self.is_noisy(now);
        self.failures.retain(|at| now.saturating_duration_since(*at) < WITHIN);
        self.failures.push_back(now);
        if self.failures.len() > FAILURES {
            self.failures.pop_front();
        }
        if was || self.failures.len() == FAILURES {
            self.until = now.checked_add(QUIET);
        }
        !was && self.is_noisy(now)
    }

    fn is_noisy(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }
}

/// What a process of agents does, from its first instruction to its end: gives up files, the network and other processes, and has
/// agents answer until the server that started it is gone. To be called while there is one thread.
///
/// # Errors
/// A sentence, where it was started by nobody, or cannot go on.
pub fn stand_in_cordon() -> Result<(), String> {
    let closed = close_inherited();
    come_last();
    // From within a confined server it cannot be said, and need not be: it was begun so.
    let _said_before = end_first();
    let alone = |error: io::Error| {
        format!("{error}; a process of agents is started by `parloir serve`, and by nobody else")
    };
    let socket = io::stdin().as_fd().try_clone_to_owned().map_err(alone)?;
    let socket = std::os::unix::net::UnixStream::from(socket);
    socket.set_nonblocking(true).map_err(alone)?;
    for (resource, most) in [(Resource::Core, 0), (Resource::Nofile, FILES), (Resource::Nice, 0)] {
        limit(resource, most).map_err(|error| format!("its limits: {error}"))?;
    }
    // Whoever started it is told whether it is, and says what that means.
    let confined = confine_agents().is_ok() && closed.is_ok();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .thread_keep_alive(FOREVER)
        .build();
    let runtime = runtime.map_err(|error| format!("its executor does not start: {error}"))?;
    runtime.block_on(async {
        // The server ends politely, with the calls that are live. Whoever tells all its processes to end has this one end with it:
        // its socket is closed then. What is listened to once is ignored from then on.
        for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
            drop(signal(kind).map_err(|error| format!("its signals: {error}"))?);
        }
        let (reads, writes) = UnixStream::from_std(socket).map_err(alone)?.into_split();
        tokio::task::spawn_blocking(|| ()).await.map_err(|error| format!("its threads: {error}"))?;
        // From here on there are no more threads, and a file of a component's memory is no larger than that memory.
        let seal = move |settings: &Settings| {
            let file = (settings.memory as u64).saturating_add(PAGES);
            // Each by itself: where the one cannot be had, the others still hold.
            let (file, sealed) = (limit(Resource::Fsize, file).is_ok(), seal_agents().is_ok());
            confined && file && sealed
        };
        stand(seal, reads, writes).await.map_err(|error| error.to_string())
    })
}

/// Has this thread, and those that it will start, be served after everybody's calls, as the agents are that answer here; never sooner
/// than whoever started it.
fn come_last() {
    let last = nice(&Settings::default());
    if !getpriority_process(None).is_ok_and(|niceness| niceness >= last) {
        // Where it may not, its agents' threads still have their own.
        let _as_begun = setpriority_process(None, last);
    }
}

/// Has this process take no more of it from now on.
pub(crate) fn limit(resource: Resource, most: u64) -> rustix::io::Result<()> {
    let allowed = getrlimit(resource).maximum.map_or(most, |allowed| allowed.min(most));
    setrlimit(resource, Rlimit { current: Some(allowed), maximum: Some(allowed) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_whose_agents_fail_five_times_is_noisy_until_an_hour_was_quiet() {
        let (mut noise, start) = (Noise::default(), Instant::now());
        let at = |minutes: u64| start + Duration::from_secs(60 * minutes);
        // Four within ten minutes, however often.
        for minutes in [0, 1, 2, 3, 20, 21, 22, 23] {
            assert!(!noise.failed(at(minutes)), "{minutes}");
        }
        assert!(noise.failed(at(24)), "the fifth");
        assert!(!noise.failed(at(25)), "it is noisy already");
        assert!(noise.is_noisy(at(84)) && !noise.is_noisy(at(85)));
        // One more where it is keeps it there.
        assert!(!noise.failed(at(60)));
        assert!(noise.is_noisy(at(119)) && !noise.is_noisy(at(120)));
        assert!(!noise.failed(at(121)), "it is quiet again, and one is not five");
        assert!(noise.failures.len() <= FAILURES);
    }

    #[test]
    fn what_runs_in_a_process_of_agents_comes_last_and_never_sooner_than_it_did() {
        let niceness = || getpriority_process(None).unwrap();
        let thread = std::thread::spawn(move || {
            come_last();
            let last = niceness();
            let begun = std::thread::spawn(niceness).join().unwrap();
            setpriority_process(None, 19).unwrap();
            come_last();
            (last, begun, niceness())
        });
        let (last, begun, later) = thread.join().unwrap();
        assert!(last >= 10, "{last}");
        assert_eq!((begun, later), (last, 19));
    }

    fn cordons(text: &str) -> Cordons {
        Cordons::new(&toml::from_str(text).unwrap())
    }

    #[test]
    fn a_policy_is_the_tenants_own_or_the_installations() {
        let text = "[server]\ncordon = \"when-noisy\"\n[[cordon]]\ntenant = \"a\"\npolicy = \"always\"\n\
                    [[cordon]]\ntenant = \"b\"\npolicy = \"never\"\n";
        let policy = |text: &str, tenant: &str| cordons(text).policy(&tenant.parse().unwrap());
        assert_eq!(policy(text, "a"), CordonPolicy::Always);
        assert_eq!(policy(text, "b"), CordonPolicy::Never);
        assert_eq!(policy(text, "c"), CordonPolicy::WhenNoisy);
        assert_eq!(policy("", "a"), CordonPolicy::Never);
        // What an operator says holds for the next call, and the file once it is left to that.
        let (cordons, a) = (cordons(text), "a".parse().unwrap());
        assert!(cordons.cordon(&a).is_some());
        cordons.say(&a, Some(CordonPolicy::Never));
        assert!(cordons.cordon(&a).is_none());
        cordons.say(&a, None);
        assert!(cordons.cordon(&a).is_some());
    }

    #[test]
    fn only_what_an_agent_did_makes_its_tenant_noisy_and_only_where_that_is_asked() {
        let noisy = |policy: &str, end: AgentEnd| {
            let (cordons, tenant) =
                (cordons(&format!("[server]\ncordon = \"{policy}\"\n")), "a".parse().unwrap());
            for _ in 0..FAILURES {
                cordons.ended(&tenant, end, false);
            }
            cordons.trouble(&tenant).is_some()
        };
        let budget = AgentEnd::Failed(FailureKind::AgentBudget);
        assert!(noisy("when-noisy", budget));
        assert!(!noisy("always", budget) && !noisy("never", budget));
        for end in [AgentEnd::Stopped, AgentEnd::Failed(FailureKind::Provider)] {
            assert!(!noisy("when-noisy", end), "{end:?}");
        }
        // One that computes on when its caller has left is stopped, and noise all the same.
        let (cordons, tenant) = (cordons("[server]\ncordon = \"when-noisy\"\n"), "a".parse().unwrap());
        for _ in 0..FAILURES {
            cordons.ended(&tenant, AgentEnd::Stopped, true);
        }
        assert!(cordons.trouble(&tenant).is_some());
    }

    #[test]
    fn who_is_noisy_stays_where_there_is_no_place_and_is_told_and_who_must_move_does_not_stay() {
        let text = "[server]\ncordon = \"when-noisy\"\ncordon-processes = 1\n\
                    [[cordon]]\ntenant = \"must\"\npolicy = \"always\"\n";
        let (cordons, tenant) = (cordons(text), "noisy".parse().unwrap());
        assert!(cordons.cordon(&tenant).is_none(), "it is quiet");
        for _ in 0..FAILURES {
            cordons.ended(&tenant, AgentEnd::Failed(FailureKind::AgentTrap), false);
        }
        assert!(cordons.cordon(&tenant).is_some());
        let taken = cordons.rules.places.clone().try_acquire_owned().unwrap();
        assert!(cordons.cordon(&tenant).is_none());
        assert!(cordons.trouble(&tenant).unwrap().problem.contains("`cordon-processes`"));
        assert!(
            cordons.cordon(&"must".parse().unwrap()).is_some(),
            "its calls are refused, and not answered here"
        );
        drop(taken);
        assert!(cordons.cordon(&tenant).is_some());
        assert!(!cordons.trouble(&tenant).unwrap().problem.contains("`cordon-processes`"));
    }
}
