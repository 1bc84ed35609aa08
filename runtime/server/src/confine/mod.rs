//! What the process gives up before it answers anybody: files that it does not need (Landlock), rights of root's that it was started
//! with (capabilities), and calls to the kernel that a voice server never makes (seccomp). Whoever gets out of an agent's sandbox, or
//! into a codec, stands in this second room.
//!
//! Each holds for a thread and for whatever it starts, and cannot be taken back. So they are put on once, by the only thread
//! there is, before the executor, the agents' threads and the decoders are started, and before a key is read: all of them, and
//! `espeak-ng`, begin confined. Listeners, keys and agents are opened from within, by the rules that let them.
//!
//! What is left to a process so confined: the files below, the network, its own memory, and a CPU. It can still read the keys
//! folder, for it needs it at every call.

mod calls;
mod capabilities;
mod files;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use parloir_cordon::OwnScore;
use parloir_providers::{Kind, Role};
use parloir_store::disk::{Disk, OsDisk, Readers, settle};
use rustix::thread::CapabilitySet;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::installation::Folders;

/// What cannot be opened from within: by which the processes that this one starts are ended before it.
static SCORE: OnceLock<Arc<OwnScore>> = OnceLock::new();
/// How often the threads are counted until those that have ended are gone, 10 ms apart.
const ENDED: u32 = 100;

/// Whether `parloir serve` gives up what it does not need: `[server] confine`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confine {
    /// It serves confined, or not at all.
    Required,
    /// It does where the kernel can, and says where not.
    #[default]
    WhenPossible,
    /// It does not.
    Off,
}

/// What holds from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confined {
    /// Files: Landlock.
    pub files: bool,
    /// Capabilities: given up, but for what serving takes.
    pub capabilities: bool,
    /// Those that it keeps, by their names.
    pub kept: Vec<String>,
    /// Calls to the kernel: seccomp.
    pub calls: bool,
}

/// Why an installation does not serve confined.
#[derive(Debug, thiserror::Error)]
pub enum ConfineError {
    /// A folder cannot be made.
    #[error(
        "{folder} cannot be made ({error}): name another with --data or --keys, or let this user write there"
    )]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It is required, and cannot be had.
    #[error(
        "`confine` is \"required\", and {what} cannot be confined here ({why}): run Linux 5.19 or newer with Landlock and \
         seccomp, or set `confine = \"when-possible\"` in [server]"
    )]
    NotPossible {
        /// Files, capabilities or calls.
        what: &'static str,
        /// What the kernel said.
        why: String,
    },
}

/// Confines this thread and all that it will start to what an installation needs. `file` is the operator's, `model_file`
/// what [`Installation::open`](crate::Installation::open) is given. To be called while there is one thread. `None` where the file says `confine = "off"`.
///
/// # Errors
/// Where it is required and cannot be done, and where the folders that it needs cannot be made.
pub fn confine(
    config: &Config,
    file: &Path,
    folders: &Folders,
    model_file: &Path,
) -> Result<Option<Confined>, ConfineError> {
    if config.server.confine == Confine::Off {
        return Ok(None);
    }
    // A rule is about a folder that is there; and what is above it cannot be synced from within.
    for (folder, readers) in [(&folders.data, Readers::Anyone), (&folders.keys, Readers::Owner)] {
        OsDisk
            .make_folder(folder, readers)
            .and_then(|()| settle(&OsDisk, folder, 1))
            .map_err(|error| ConfineError::Folder { folder: folder.clone(), error })?;
    }
    match OwnScore::open() {
        // Confined twice it is the same.
        Ok(score) => drop(SCORE.set(Arc::new(score))),
        Err(error) => tracing::warn!(
            %error,
            "where memory is short, the kernel may end this process before those that it starts"
        ),
    }
    let rules = files::rules(config, file, folders, model_file);
    let alone = alone();
    let files = held(config, "files", alone.clone().and_then(|()| files::restrict(&rules)))?;
    let given_up = alone.and_then(|()| capabilities::give_up(capabilities::of_server(config)));
    let kept = given_up.as_ref().map(capabilities::Left::kept).unwrap_or_default();
    let capabilities = held(config, "capabilities", given_up.map(|left| tracing::info!("{left}")))?;
    let calls = held(config, "calls to the kernel", calls::deny())?;
    Ok(Some(Confined { files, capabilities, kept, calls }))
}

/// The score of this process for when memory is short, where it was confined: its processes of agents, and those that compile, have
/// it highest from their beginning.
pub(crate) fn score() -> Option<Arc<OwnScore>> {
    SCORE.get().cloned()
}

/// Confines a process of agents, or one that compiles, beyond what it has of the server that started it: it reaches no file, has no
/// capability, opens no socket, starts no program and sends no signal to another process. To be called while there is one thread,
/// which cannot be counted from within the server's confinement.
pub(crate) fn confine_agents() -> Result<(), String> {
    // Each by itself: where the one cannot be had, the others still hold.
    let files = files::restrict(&[]);
    let capabilities = capabilities::give_up(CapabilitySet::empty());
    let calls = calls::deny_to_agents();
    files.and(capabilities).and(calls)
}

/// Has a confined process of agents give up what it needs no more once all its threads run: to start another, to say when its
/// own run, or others', and memory that is shared.
pub(crate) fn seal_agents() -> Result<(), String> {
    calls::deny_more_to_agents()
}

/// Whether it holds; where it does not, the operator is told, or nothing is served.
fn held(config: &Config, what: &'static str, done: Result<(), String>) -> Result<bool, ConfineError> {
    match (done, config.server.confine) {
        (Ok(()), _) => Ok(true),
        (Err(why), Confine::Required) => Err(ConfineError::NotPossible { what, why }),
        (Err(why), Confine::WhenPossible | Confine::Off) => {
            tracing::warn!(%why, "{what} are not confined: this process may do whatever its user may");
            Ok(false)
        }
    }
}

/// That there is one thread: Landlock holds for the thread that asks and for those that it starts, and for no other; so is a
/// capability given up. One that has ended is listed a little longer.
fn alone() -> Result<(), String> {
    let mut left = ENDED;
    loop {
        match std::fs::read_dir("/proc/self/task").map(Iterator::count) {
            Ok(threads) if threads > 1 && left == 0 => return Err(format!("{threads} threads run already")),
            Ok(threads) if threads > 1 => left -= 1,
            Ok(_) => return Ok(()),
            Err(error) => return Err(format!("/proc/self/task, which counts the threads: {error}")),
        }
        #[allow(clippy::disallowed_methods, reason = "there is no executor yet")]
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// Whether the installation runs a program: its embedded voice, where the file names it or leaves the voice out.
fn runs_programs(config: &Config) -> bool {
    let mut voices = config.providers.iter().filter(|entry| entry.role == Role::TextToSpeech).peekable();
    voices.peek().is_none() || voices.any(|entry| entry.kind == Kind::Espeak)
}

#[cfg(test)]
mod tests;
