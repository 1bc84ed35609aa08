//! One round: what was saved is built, checked and tested.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use parloir_rehearsal::{Rehearsed, rehearse_all};
use parloir_sandbox::{Agent, Sandbox};

use crate::Failure;
use crate::check::Finding;
use crate::commands::{check, test};
use crate::toolchain::{self, Options};

/// What became of a build.
pub(crate) enum Version {
    /// It may answer calls.
    Good(Box<Agent>),
    /// It was built, and calls would go wrong.
    Unfit(Vec<Finding>),
    /// It was not built, or does not load; why.
    Broken(String),
}

/// A version and how long it took, from the first compiler to the last check.
pub(crate) struct Built {
    pub(crate) version: Version,
    pub(crate) took: Duration,
}

/// Builds the folder's agent, loads it, and asks `parloir check` for what breaks calls.
pub(crate) async fn build(folder: &Path, sandbox: &Sandbox) -> Built {
    let began = Instant::now();
    let version = match version(folder, sandbox).await {
        Ok(version) => version,
        Err(failure) => Version::Broken(failure.message),
    };
    Built { version, took: began.elapsed() }
}

async fn version(folder: &Path, sandbox: &Sandbox) -> Result<Version, Failure> {
    let root = folder.to_owned();
    let built = tokio::task::spawn_blocking(move || {
        toolchain::build_with(&root, Options { quiet: true, stoppable: true, ..Options::default() })
    });
    let built = built.await??;
    let wasm = tokio::fs::read(&built.component).await?;
    let agent = sandbox.load(wasm.clone()).await?;
    let breaks = check::breaks_calls(wasm, &agent, folder, built.language, &built.component).await?;
    Ok(if breaks.is_empty() { Version::Good(Box::new(agent)) } else { Version::Unfit(breaks) })
}

/// The conversations of a folder, rehearsed.
pub(crate) struct Tested {
    pub(crate) rehearsed: Vec<Rehearsed>,
    pub(crate) took: Duration,
}

impl Tested {
    /// Those that went otherwise.
    pub(crate) fn otherwise(&self) -> impl Iterator<Item = &Rehearsed> {
        self.rehearsed.iter().filter(|one| !one.passed())
    }
}

/// Runs the conversations as `parloir test` does; `None` where the folder has none.
pub(crate) async fn test(folder: &Path, agent: &Agent) -> Result<Option<Tested>, Failure> {
    if !folder.join("conversations").is_dir() {
        return Ok(None);
    }
    let root = folder.to_owned();
    let conversations =
        tokio::task::spawn_blocking(move || test::read_all(&test::conversations_of(&root)?)).await??;
    let began = Instant::now();
    let rehearsed = rehearse_all(agent, &conversations, |_| {}).await;
    let rehearsed = rehearsed.map_err(|(at, error)| Failure::bad_input(&format!("{at}: {error}")))?;
    Ok(Some(Tested { rehearsed, took: began.elapsed() }))
}

/// Whether a change leaves the agent as it is: conversations only. YAML elsewhere may be a part of the agent.
pub(crate) fn only_conversations(folder: &Path, changed: &[PathBuf]) -> bool {
    let conversations = folder.join("conversations");
    !changed.is_empty() && changed.iter().all(|path| path.starts_with(&conversations) && test::is_yaml(path))
}
