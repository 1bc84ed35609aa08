//! An agent for `parloir test` and `parloir talk`: a folder that is built first, or a component.

use std::path::Path;

use parloir_sandbox::{Agent, ArtifactCache, Compiling, Sandbox, Settings};
use parloir_server::{AgentsConfig, Confine, compiled_apart};

use crate::check::component::explain;
use crate::{Failure, terminal, toolchain};

/// Live instances at most: a rehearsal has a few at a time.
const INSTANCES: u32 = 64;

/// Builds what is a folder, and loads it. Compiled code is kept for the next time.
pub(crate) async fn load(agent: &Path) -> Result<Agent, Failure> {
    load_into(&sandbox()?, agent).await
}

/// A sandbox that keeps what it compiles where `parloir build` does.
pub(crate) fn sandbox() -> Result<Sandbox, Failure> {
    with(toolchain::cache::compiled())
}

/// Where a component is compiled that may be anybody's: in a process of its own, as a server would.
pub(crate) fn apart() -> Compiling {
    compiled_apart(&AgentsConfig::default(), Confine::default())
}

/// The same sandbox, for what may be anybody's.
pub(crate) fn sandbox_apart() -> Result<Sandbox, Failure> {
    let settings = Settings { instances: INSTANCES, ..Settings::default() };
    Ok(Sandbox::compiling(settings, toolchain::cache::compiled(), apart())?)
}

/// A sandbox that keeps what it compiles there as well as here.
pub(crate) fn sandbox_keeping(here: ArtifactCache) -> Result<Sandbox, Failure> {
    with(Some(match toolchain::cache::compiled() {
        Some(there) => here.before(there),
        None => here,
    }))
}

fn with(cache: Option<ArtifactCache>) -> Result<Sandbox, Failure> {
    let settings = Settings { instances: INSTANCES, ..Settings::default() };
    Ok(Sandbox::new(settings, cache)?)
}

/// The same, into a sandbox that is there: two agents side by side.
pub(crate) async fn load_into(sandbox: &Sandbox, agent: &Path) -> Result<Agent, Failure> {
    let component = if agent.is_dir() {
        let folder = agent.to_owned();
        let built = tokio::task::spawn_blocking(move || toolchain::build(&folder, None, true));
        terminal::waiting("building the agent", built)
            .await?
            .map_err(|error| Failure::bad_input(&error))?
            .component
    } else {
        agent.to_owned()
    };
    let wasm = read(&component)?;
    let place = component.display().to_string();
    let whole = wasm.clone();
    let loaded = terminal::waiting("compiling the agent", sandbox.load(wasm)).await;
    loaded.map_err(|error| {
        let known = explain(&whole, &place).unwrap_or_else(|| format!("{place}: {error}"));
        Failure::bad_input(&known)
    })
}

/// Reads a component. What is too large to be one is not read.
pub(crate) fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let place = file.display();
    let unreadable = |error| {
        let remedy = "give an agent's folder, or a component that `parloir build` made";
        Failure::bad_input(&format!("{place}: {error}; {remedy}"))
    };
    let size = std::fs::metadata(file).map_err(unreadable)?.len();
    let most = Settings::default().component_bytes as u64;
    if size > most {
        let (mib, most) = (size >> 20, most >> 20);
        return Err(Failure::bad_input(&format!(
            "{place} has {mib} MiB, and an agent has at most {most}: give the component that `parloir build` made, without debug information or data"
        )));
    }
    std::fs::read(file).map_err(unreadable)
}
