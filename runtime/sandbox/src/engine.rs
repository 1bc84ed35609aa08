//! The process's one engine, and its clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use wasmtime::component::{Component, Linker};
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Precompiled, WasmBacktraceDetails,
};

use crate::agent::Agent;
use crate::artifact::{self, ArtifactCache};
use crate::bindings;
use crate::compile::Compiling;
use crate::encode::{EncodeError, encode};
use crate::failure::Failure;
use crate::host::{HasHost, State};
use crate::lanes::Lanes;
use crate::reputation::Reputations;
use crate::settings::{Budget, Settings};
use crate::shape;

/// How many ticks apart the interruptions are while no call is answered.
const RESTING: u32 = 4;

/// Why an agent could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The engine itself would not start.
    #[error("the WebAssembly engine did not start: {0}")]
    Engine(String),
    /// The file is larger than the limit.
    #[error("the component has {size} bytes and may have {limit}; strip it, or raise `component_bytes`")]
    TooLarge {
        /// Its size.
        size: usize,
        /// [`Settings::component_bytes`].
        limit: usize,
    },
    /// It would keep the compiler busy for long.
    #[error("the component asks too much of the compiler: {0}; leave out what no call needs")]
    TooComplex(String),
    /// The file is not WebAssembly.
    #[error("the file is not a WebAssembly component: {0}")]
    NotAComponent(#[from] EncodeError),
    /// It does not compile or validate.
    #[error("the component does not compile: {0}")]
    Compile(String),
    /// It was not compiled, and that is not the component's doing.
    #[error("the component was not compiled: {0}")]
    NotCompiled(String),
    /// It is a component of another world.
    #[error("the component does not fit the world parloir:agent/agent@0.1.0: {0}")]
    World(String),
    /// It failed to describe itself.
    #[error("the agent failed while describing itself: {}{}", .0, .0.below())]
    Describe(#[from] Failure),
    /// What it says of itself is not usable.
    #[error("the agent's description is not valid: {0}")]
    Description(String),
}

/// The sandbox: one per process. Cheap to clone.
#[derive(Clone)]
pub struct Sandbox {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) engine: Engine,
    pub(crate) linker: Linker<State>,
    pub(crate) settings: Settings,
    pub(crate) places: Arc<Semaphore>,
    pub(crate) lanes: Lanes,
    pub(crate) reputations: Reputations,
    cache: Option<ArtifactCache>,
    compiling: Compiling,
    /// How many agents compute at this moment.
    pub(crate) computing: Arc<AtomicU64>,
}

impl Sandbox {
    /// Starts the engine, its interruption clock and the lanes in which agents run. Fails where the engine does not take the
    /// settings, or a thread does not start.
    pub fn new(settings: Settings, cache: Option<ArtifactCache>) -> Result<Self, LoadError> {
        Self::compiling(settings, cache, Compiling::Here)
    }

    /// The same, with what the cache does not have compiled where it is said.
    ///
    /// # Errors
    /// As [`Sandbox::new`].
    pub fn compiling(
        settings: Settings,
        cache: Option<ArtifactCache>,
        compiling: Compiling,
    ) -> Result<Self, LoadError> {
        let engine_error = |e: wasmtime::Error| LoadError::Engine(format!("{e:#}"));
        let engine = Engine::new(&config(&settings)).map_err(engine_error)?;
        let mut linker = Linker::new(&engine);
        bindings::Agent::add_to_linker::<_, HasHost>(&mut linker, |state: &mut State| &mut state.host)
            .map_err(engine_error)?;
        let computing = Arc::default();
        let places = Arc::new(Semaphore::new(settings.instances as usize));
        interrupt(&engine, &settings, &computing, &places)?;
        let lanes = Lanes::new(&settings)?;
        Ok(Self {
            inner: Arc::new(Inner {
                engine,
                linker,
                settings,
                places,
                lanes,
                reputations: Reputations::default(),
                cache,
                compiling,
                computing,
            }),
        })
    }

    /// The limits in force.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// The executor that agents begin on: for whoever carries what they ask to their door.
    pub fn executor(&self) -> &Handle {
        self.inner.lanes.prompt()
    }

    /// The executor whose threads are served after those that agents begin on: for what the host computes, or reads, because an
    /// agent asks for it. See [`charged`](crate::charged).
    pub fn patient(&self) -> &Handle {
        self.inner.lanes.patient()
    }

    /// Waits until the threads on which agents run are there, at their priority: it starts no other, and changes none's priority,
    /// from then on, but for what it compiles.
    pub async fn begun(&self) {
        self.inner.lanes.begun().await;
    }

    /// What the journal notes of the engine: version, compiler, and the limits in force.
    pub fn configuration(&self) -> String {
        let s = &self.inner.settings;
        format!(
            "wasmtime 48 cranelift; memory {} MiB; stack {} KiB; host-call {} KiB; tick {} ms; nan-canonical",
            s.memory >> 20,
            s.wasm_stack >> 10,
            s.host_call_bytes >> 10,
            s.tick.as_millis()
        )
    }

    /// Compiles a component, or takes it from the cache. Blocking: milliseconds for a small agent,
    /// half a minute for a JavaScript engine. A core module that embeds the contract is made a
    /// component first.
    pub fn compile(&self, wasm: &[u8]) -> Result<Compiled, LoadError> {
        self.compile_until(wasm, &CancellationToken::new())
    }

    /// The same, which another process ends where nobody waits for it any more.
    fn compile_until(&self, wasm: &[u8], nobody_waits: &CancellationToken) -> Result<Compiled, LoadError> {
        let (bytes, sha256) = self.encoded(wasm)?;
        if let Some(compiled) = self.compiled_before(&bytes, &sha256)? {
            return Ok(compiled);
        }
        let component = match &self.inner.compiling {
            Compiling::Here => self.compiled_here(&sha256, &bytes)?,
            Compiling::Apart(compiler) => {
                let artifact = compiler.compile(&bytes, &self.inner.settings, nobody_waits)?;
                self.compiled_apart(&sha256, &artifact)?
            }
        };
        self.kept_whole(&component, sha256, &bytes)
    }

    /// The component, and its hash.
    fn encoded(&self, wasm: &[u8]) -> Result<(Vec<u8>, [u8; 32]), LoadError> {
        let limit = self.inner.settings.component_bytes;
        if wasm.len() > limit {
            return Err(LoadError::TooLarge { size: wasm.len(), limit });
        }
        if wasmparser::Parser::is_core_wasm(wasm) {
            // To make it a component is to read all that it embeds.
            shape::check(wasm, &self.inner.settings).map_err(LoadError::TooComplex)?;
        }
        let bytes = encode(wasm)?;
        let sha256: [u8; 32] = Sha256::digest(&bytes).into();
        Ok((bytes, sha256))
    }

    /// What the cache has of a component, compiled.
    fn compiled_before(&self, bytes: &[u8], sha256: &[u8; 32]) -> Result<Option<Compiled>, LoadError> {
        let Some(cache) = &self.inner.cache else { return Ok(None) };
        let cached = cache.load(&self.inner.engine, sha256);
        cached.map(|component| self.kept_whole(&component, *sha256, bytes)).transpose()
    }

    /// What was compiled, as it is used; with it the component itself is kept.
    fn kept_whole(
        &self,
        component: &Component,
        sha256: [u8; 32],
        bytes: &[u8],
    ) -> Result<Compiled, LoadError> {
        let compiled = self.linked(component, sha256, bytes.len())?;
        if let Some(cache) = &self.inner.cache {
            cache.keep_component(&sha256, bytes);
        }
        Ok(compiled)
    }

    fn compiled_here(&self, sha256: &[u8; 32], bytes: &[u8]) -> Result<Component, LoadError> {
        let compile_error = |e: wasmtime::Error| LoadError::Compile(format!("{e:#}"));
        let engine = &self.inner.engine;
        shape::check(bytes, &self.inner.settings).map_err(LoadError::TooComplex)?;
        let Some(cache) = &self.inner.cache else {
            return Component::new(engine, bytes).map_err(compile_error);
        };
        let artifact = engine.precompile_component(bytes).map_err(compile_error)?;
        cache.keep(engine, sha256, &artifact);
        // What was just kept passes the same gate as everything else that is loaded.
        match cache.load(engine, sha256) {
            Some(component) => Ok(component),
            None => Component::new(engine, bytes).map_err(compile_error),
        }
    }

    /// Takes what another process compiled through the gate of what another process hands over, and keeps what came through.
    fn compiled_apart(&self, sha256: &[u8; 32], artifact: &[u8]) -> Result<Component, LoadError> {
        let engine = &self.inner.engine;
        if Engine::detect_precompiled(artifact) != Some(Precompiled::Component) {
            return Err(LoadError::NotCompiled(
                "what compiled it gave no compiled component; try again, and tell the maintainers".to_owned(),
            ));
        }
        #[allow(
            unsafe_code,
            reason = "the process that compiled it is of this program, and nobody else writes to us"
        )]
        // SAFETY: `deserialize` requires bytes produced by our own compiler. They are what `precompile` gave in a process of this
        // very program, which a `Compiler` answers for.
        let component = unsafe { artifact::handed(engine, artifact) };
        let component = component.map_err(|error| LoadError::Compile(format!("{error:#}")))?;
        if let Some(cache) = &self.inner.cache {
            cache.keep(engine, sha256, artifact);
        }
        Ok(component)
    }

    /// An agent of which only the hash is known, if the cache keeps it: the very component that answered a call,
    /// compiled anew, off the executors, where another engine compiled it.
    pub async fn kept(&self, sha256: [u8; 32]) -> Result<Option<Agent>, LoadError> {
        let (sandbox, nobody_waits) = (self.clone(), CancellationToken::new());
        let _waits = nobody_waits.clone().drop_guard();
        let found = move || sandbox.found(&sha256, &nobody_waits);
        let found = self.inner.lanes.compiling().spawn_blocking(found).await;
        match found.map_err(|e| ended(&e))?? {
            Some(compiled) => Agent::describe(self.clone(), compiled, Budget::default()).await.map(Some),
            None => Ok(None),
        }
    }

    /// What the cache keeps under a hash. Blocking.
    fn found(
        &self,
        sha256: &[u8; 32],
        nobody_waits: &CancellationToken,
    ) -> Result<Option<Compiled>, LoadError> {
        let Some(cache) = &self.inner.cache else { return Ok(None) };
        if let Some(component) = cache.load(&self.inner.engine, sha256) {
            return self.linked(&component, *sha256, 0).map(Some);
        }
        cache.component(sha256).map(|component| self.compile_until(&component, nobody_waits)).transpose()
    }

    /// Notes that a component is about to be loaded that answers nobody yet. Blocking.
    pub fn on_trial(&self, sha256: &[u8; 32]) {
        if let Some(cache) = &self.inner.cache {
            cache.on_trial(sha256);
        }
    }

    /// Notes that a component answers from now on: what is kept of it is not forgotten. Blocking.
    pub fn answers(&self, sha256: &[u8; 32]) {
        if let Some(cache) = &self.inner.cache {
            cache.answers(sha256);
        }
    }

    /// Keeps nothing more of a component that was [on trial](Self::on_trial) when it was first loaded, and that never
    /// [answered](Self::answers). Of any other everything stays. Blocking.
    pub fn forget(&self, sha256: &[u8; 32]) {
        if let Some(cache) = &self.inner.cache {
            cache.forget(sha256);
        }
    }

    /// A component that the process which started this one compiled and hands over ([`Agent::artifact`]): nothing is compiled.
    /// Blocking for a copy of its code.
    ///
    /// # Safety
    /// The artifact is what [`Agent::artifact`] gave in another process of this very program, and nobody else could write it:
    /// native code is trusted.
    #[allow(unsafe_code, reason = "who calls it says where the bytes come from")]
    pub unsafe fn handed(
        &self,
        artifact: &[u8],
        sha256: [u8; 32],
        size: usize,
    ) -> Result<Compiled, LoadError> {
        // SAFETY: the caller promises the same.
        let component = unsafe { artifact::handed(&self.inner.engine, artifact) };
        let component = component.map_err(|error| LoadError::Compile(format!("{error:#}")))?;
        self.linked(&component, sha256, size)
    }

    /// Lets what was handed over describe itself.
    pub async fn described(&self, compiled: Compiled) -> Result<Agent, LoadError> {
        Agent::describe(self.clone(), compiled, Budget::default()).await
    }

    fn linked(&self, component: &Component, sha256: [u8; 32], size: usize) -> Result<Compiled, LoadError> {
        let world = |e: wasmtime::Error| LoadError::World(format!("{e:#}"));
        let pre = self.inner.linker.instantiate_pre(component).map_err(world)?;
        Ok(Compiled { pre: bindings::AgentPre::new(pre).map_err(world)?, sha256, size })
    }

    /// An agent that the cache has, off the executors; where it does not, nothing is compiled, and its bytes are given back.
    ///
    /// # Errors
    /// As [`Sandbox::load`].
    pub async fn cached(&self, wasm: Vec<u8>) -> Result<Result<Agent, Vec<u8>>, LoadError> {
        let sandbox = self.clone();
        let found = move || {
            let (bytes, sha256) = sandbox.encoded(&wasm)?;
            Ok::<_, LoadError>(sandbox.compiled_before(&bytes, &sha256)?.ok_or(wasm))
        };
        match self.inner.lanes.compiling().spawn_blocking(found).await.map_err(|e| ended(&e))?? {
            Ok(compiled) => Agent::describe(self.clone(), compiled, Budget::default()).await.map(Ok),
            Err(wasm) => Ok(Err(wasm)),
        }
    }

    /// Compiles an agent off the executors and lets it describe itself. Where it is compiled in another process, that ends with
    /// whoever waits for it here.
    pub async fn load(&self, wasm: Vec<u8>) -> Result<Agent, LoadError> {
        let (sandbox, nobody_waits) = (self.clone(), CancellationToken::new());
        let _waits = nobody_waits.clone().drop_guard();
        let compiled = self
            .inner
            .lanes
            .compiling()
            .spawn_blocking(move || sandbox.compile_until(&wasm, &nobody_waits))
            .await
            .map_err(|e| ended(&e))??;
        Agent::describe(self.clone(), compiled, Budget::default()).await
    }
}

/// Why a component was not compiled where the thread that did it ended by itself: the engine goes on, so it is about the component.
fn ended(error: &tokio::task::JoinError) -> LoadError {
    if error.is_panic() {
        return LoadError::Compile("the compiler gave it up".into());
    }
    LoadError::Engine(error.to_string())
}

/// A compiled component that fits the world.
pub struct Compiled {
    pub(crate) pre: bindings::AgentPre<State>,
    pub(crate) sha256: [u8; 32],
    pub(crate) size: usize,
}

fn config(settings: &Settings) -> Config {
    let mut pool = PoolingAllocationConfig::default();
    // The totals are what all instances together may take at most: whatever one tenant's components
    // hold, every other instance still finds its share.
    pool.total_component_instances(settings.instances)
        .total_core_instances(settings.instances.saturating_mul(settings.core_instances))
        .total_memories(settings.instances.saturating_mul(settings.memories))
        .total_tables(settings.instances.saturating_mul(settings.tables))
        .total_stacks(settings.instances)
        .max_core_instances_per_component(settings.core_instances)
        .max_memories_per_component(settings.memories)
        .max_tables_per_component(settings.tables)
        .max_memory_size(settings.memory)
        .table_elements(settings.table_elements)
        // Tables and stacks are zeroed where they are, up to what an agent usually touches of them, rather than given back to
        // the kernel: the next call in the same place begins without its page faults, in two thirds of the time.
        .table_keep_resident(16 << 10)
        .async_stack_keep_resident(32 << 10);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .epoch_interruption(true)
        .max_wasm_stack(settings.wasm_stack)
        .async_stack_size(settings.fiber_stack)
        // A fiber's stack may hold another tenant's words.
        .async_stack_zeroing(true)
        .memory_init_cow(true)
        // The same call gives the same bytes on every machine, or it could not be replayed.
        .cranelift_nan_canonicalization(true)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        // A stack is told without it, and nobody unwinds through an agent.
        .native_unwind_info(false)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        // What one part of a component passes to another is copied between their memories: JavaScript
        // agents have such parts. `Settings::memories` bounds them.
        .wasm_multi_memory(true)
        .wasm_component_model(true);
    config
}

/// The same for an engine in which nothing runs: it compiles alike, and needs no places, for each of which a pool reserves address
/// space.
pub(crate) fn config_of_compiler(settings: &Settings) -> Config {
    let mut config = config(settings);
    config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    config
}

/// Advances the epoch from a thread of its own, which ends with the engine.
///
/// Where nobody computes and no call is answered it ticks [`RESTING`] times slower: an idle installation sleeps. While calls
/// last it does not rest: an agent that begins to spin is on the prompt lane until its first interruption.
fn interrupt(
    engine: &Engine,
    settings: &Settings,
    computing: &Arc<AtomicU64>,
    places: &Arc<Semaphore>,
) -> Result<(), LoadError> {
    let (computing, places) = (Arc::downgrade(computing), Arc::downgrade(places));
    let all = settings.instances as usize;
    let weak = engine.weak();
    let tick = settings.tick;
    std::thread::Builder::new()
        .name("agents-clock".into())
        .spawn(move || {
            while let Some(engine) = weak.upgrade() {
                engine.increment_epoch();
                drop(engine);
                let computes = computing.upgrade().is_some_and(|count| count.load(Ordering::Relaxed) > 0);
                let answers = places.upgrade().is_some_and(|places| places.available_permits() < all);
                #[allow(clippy::disallowed_methods, reason = "a thread of its own, not an executor's")]
                std::thread::sleep(if computes || answers { tick } else { tick * RESTING });
            }
        })
        .map(drop)
        .map_err(|e| LoadError::Engine(format!("the interruption clock did not start: {e}")))
}

#[cfg(test)]
mod tests {
    use wasmtime::Store;

    use super::*;
    use crate::limits::{CORE_INSTANCES, Limits, MEMORIES, TABLES};

    /// A component with so many core instances, memories and tables.
    fn component(instances: u32, memories: u32, tables: u32) -> String {
        let part = |i: u32| {
            let memory = if i < memories { "(memory 1)" } else { "" };
            let table = if i < tables { "(table 10 funcref)" } else { "" };
            format!("(core module $m{i} {memory} {table}) (core instance (instantiate $m{i}))")
        };
        format!("(component {})", (0..instances).map(part).collect::<String>())
    }

    #[tokio::test]
    async fn the_hungriest_components_leave_every_other_instance_its_share() {
        let settings = Settings { instances: 3, ..Settings::default() };
        let engine = Engine::new(&config(&settings)).unwrap();
        let compile = |text: String| Component::new(&engine, wat::parse_str(text).unwrap());
        let hungriest = compile(component(CORE_INSTANCES, MEMORIES, TABLES)).unwrap();
        let linker = Linker::<Limits>::new(&engine);
        let mut held = Vec::new();
        for _ in 0..settings.instances {
            let mut store = Store::new(&engine, Limits::new(1 << 20, 100, Arc::default()));
            store.limiter_async(|limits| limits);
            store.set_epoch_deadline(1);
            linker.instantiate_async(&mut store, &hungriest).await.unwrap();
            held.push(store);
        }
        for (one_more, what) in [
            (component(CORE_INSTANCES + 1, 1, 1), "core module instances"),
            (component(CORE_INSTANCES, MEMORIES + 1, 1), "memories"),
            (component(CORE_INSTANCES, 1, TABLES + 1), "tables"),
        ] {
            let refused = format!("{:#}", compile(one_more).err().unwrap());
            assert!(refused.contains(what), "{refused}");
        }
    }

    #[tokio::test]
    async fn a_compiler_that_gives_up_is_told_of_the_component() {
        async fn gives_up() {
            panic!("too many instructions");
        }
        let told = ended(&tokio::spawn(gives_up()).await.unwrap_err());
        assert_eq!(told.to_string(), "the component does not compile: the compiler gave it up");
    }
}
