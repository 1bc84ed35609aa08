//! Where tools are kept that `parloir build` installs itself: once per user, by version.
//!
//! `PARLOIR_CACHE`, or `parloir` in `XDG_CACHE_HOME`, or `~/.cache/parloir`. Deleting it costs only
//! the time to fetch it again.

use std::path::{Path, PathBuf};
use std::time::Duration;

use parloir_sandbox::{ArtifactCache, Bound, SealKey};

use super::BuildError;

/// Compiled agents that are kept: a Python agent's is 36 MB, and a new one is made at each change.
pub(crate) const COMPILED: Bound = Bound { bytes: 2 << 30, age: Duration::from_secs(30 * 24 * 60 * 60) };

/// The folder, which may not exist yet.
pub(crate) fn folder() -> Result<PathBuf, BuildError> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("PARLOIR_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|cache| cache.join("parloir")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/parloir")))
        .ok_or_else(|| BuildError::Missing {
            what: "there is no home folder to keep tools in".to_owned(),
            remedy: "set PARLOIR_CACHE to a folder that may be written".to_owned(),
        })
}

/// The tool of this name and version, installed by `install` into an empty folder if it is not here.
/// An installation that is cut short leaves nothing that is taken for one.
pub(super) fn tool(
    name: &str,
    install: impl FnOnce(&Path) -> Result<(), BuildError>,
) -> Result<PathBuf, BuildError> {
    let tools = folder()?.join("tools");
    let place = tools.join(name);
    if place.is_dir() {
        return Ok(place);
    }
    let part = tools.join(format!("{name}.{}.part", std::process::id()));
    let write = |e| BuildError::Write(part.clone(), e);
    std::fs::create_dir_all(&part).map_err(write)?;
    let installed = install(&part).and_then(|()| match std::fs::rename(&part, &place) {
        Ok(()) => Ok(()),
        // Another build was quicker.
        Err(_) if place.is_dir() => Ok(()),
        Err(error) => Err(BuildError::Write(place.clone(), error)),
    });
    let _ = std::fs::remove_dir_all(&part);
    installed.map(|()| place)
}

/// Whether a tool is here already.
pub(super) fn has(name: &str) -> Result<Option<PathBuf>, BuildError> {
    let place = folder()?.join("tools").join(name);
    Ok(place.is_dir().then_some(place))
}

/// Compiled agents, sealed under a key of the user's own: what `build` compiled, `test` and `talk`
/// load at once, up to [`COMPILED`]. `None` where there is no place for them.
pub(crate) fn compiled() -> Option<ArtifactCache> {
    let folder = folder().ok()?;
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
    Some(ArtifactCache::new(folder.join("compiled"), SealKey(key)).bounded(COMPILED))
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
