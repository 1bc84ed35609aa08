//! An agent for `parloir test` and `parloir talk`: a folder that is built first, or a component.

use std::path::{Path, PathBuf};

use parloir_sandbox::{Agent, ArtifactCache, Sandbox, SealKey, Settings};

use crate::{Failure, terminal, toolchain};

/// Live instances at most: a rehearsal has a few at a time.
const INSTANCES: u32 = 64;

/// Builds what is a folder, and loads it. Compiled code is kept for the next time.
pub(crate) async fn load(agent: &Path) -> Result<Agent, Failure> {
    let component = if agent.is_dir() {
        let folder = agent.to_owned();
        let spinner = terminal::spinner("building the agent");
        let built = tokio::task::spawn_blocking(move || toolchain::build(&folder, None, true)).await;
        spinner.finish_and_clear();
        built?.map_err(|error| Failure::bad_input(&error))?.component
    } else {
        agent.to_owned()
    };
    let wasm = tokio::fs::read(&component).await.map_err(|error| {
        Failure::bad_input(&format!(
            "{}: {error}; give an agent's folder, or a component that `parloir build` made",
            component.display()
        ))
    })?;
    let spinner = terminal::spinner("compiling the agent");
    let settings = Settings { instances: INSTANCES, ..Settings::default() };
    let loaded = Sandbox::new(settings, cache())?.load(wasm).await;
    spinner.finish_and_clear();
    loaded.map_err(|error| Failure::bad_input(&format!("{}: {error}", component.display())))
}

/// The user's folder for what can be made again: `PARLOIR_CACHE`, or `parloir` in `XDG_CACHE_HOME`, or
/// `~/.cache/parloir`.
fn folder() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("PARLOIR_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|cache| cache.join("parloir")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/parloir")))
}

/// Compiled agents, sealed under a key of the user's own. `None` where there is no place for them.
fn cache() -> Option<ArtifactCache> {
    let folder = folder()?;
    let file = folder.join("compiled.key");
    let known = || std::fs::read(&file).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let key = match known() {
        Some(key) => key,
        None => {
            let mut key = [0_u8; 32];
            getrandom::fill(&mut key).ok()?;
            std::fs::create_dir_all(&folder).ok()?;
            private(&file, &key).ok()?;
            // Of two that begin together one made the file.
            known()?
        }
    };
    Some(ArtifactCache::new(folder.join("compiled"), SealKey(key)))
}

/// Writes a file that nobody else may read, whole or not at all.
fn private(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    let part = file.with_extension(format!("{}.part", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&part)?.write_all(bytes)?;
    let placed = std::fs::hard_link(&part, file);
    std::fs::remove_file(&part)?;
    match placed {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        placed => placed,
    }
}
