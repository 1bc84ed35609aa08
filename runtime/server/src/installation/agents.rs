//! Who answers the lines that name an agent: a file, or versions that the directory keeps.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use parloir_admin::resource::Aside;
use parloir_admin::{Checked, Component, Deployed, Unchecked};
use parloir_contract::{CallId, Capability};
use parloir_sandbox::{Agent, LoadError};
use parloir_tenancy::versions::{CapabilityDiff, is_on_trial};
use sha2::{Digest, Sha256};
use tokio::task::JoinError;

use super::{Installation, OpenError, answers, loading, read, unloaded};
use crate::unloadable::Stamp;

/// What every component begins with, and no core module: those would be kept under another name than their own.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// Who answers the lines that name one file.
#[derive(Clone)]
pub(super) struct Slot {
    /// Who answers.
    pub(super) live: Agent,
    /// What the directory keeps of this agent; `None` where it is the file itself.
    versions: Option<Versions>,
}

/// An agent whose versions the directory keeps.
#[derive(Clone)]
struct Versions {
    /// Its name.
    agent: String,
    /// The version that answers a share of the calls, in percent.
    canary: Option<(Agent, u8)>,
}

impl Slot {
    /// The agent of a file.
    pub(super) fn of(live: Agent) -> Self {
        Self { live, versions: None }
    }

    /// Whether it is the file itself that answers.
    pub(super) fn is_of_file(&self) -> bool {
        self.versions.is_none()
    }

    /// The version that is tried.
    fn canary(&self) -> Option<&Agent> {
        let canary = self.versions.as_ref()?.canary.as_ref();
        canary.map(|(agent, _)| agent)
    }

    /// Tries no version any more but this one.
    fn try_only(&mut self, digest: Option<&str>) {
        if let Some(versions) = &mut self.versions {
            let is_it = |agent: &Agent| digest.is_some_and(|digest| digest == hex(agent.sha256()));
            versions.canary = versions.canary.take().filter(|(agent, _)| is_it(agent));
        }
    }

    /// Whichever of its agents is this component.
    fn version(&self, sha256: &[u8; 32]) -> Option<&Agent> {
        std::iter::once(&self.live).chain(self.canary()).find(|agent| agent.sha256() == sha256)
    }
}

/// A version of an agent, as the directory calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answered {
    pub(crate) agent: String,
    pub(crate) digest: String,
}

/// That a component asks for no more than it did when it was taken.
fn within(taken: &[Capability], asks: &[Capability]) -> Result<(), String> {
    let more = CapabilityDiff::between(taken, asks).adds;
    if more.is_empty() {
        return Ok(());
    }
    let more: Vec<_> = more.iter().map(|capability| capability.name()).collect();
    Err(format!(
        "it asks for {} now, which nobody approved of: promote another version with `parloir agent promote`",
        more.join(", ")
    ))
}

/// A SHA-256 in hexadecimal digits.
fn hex(sha256: &[u8; 32]) -> String {
    sha256.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The SHA-256 that was written so.
fn unhex(digest: &str) -> Option<[u8; 32]> {
    if digest.len() != 64 || !digest.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut sha256 = [0; 32];
    for (at, byte) in sha256.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digest.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(sha256)
}

/// The component of this hash out of its file; `None` where that holds something else.
async fn whole(file: &Path, sha256: [u8; 32]) -> Result<Option<Vec<u8>>, OpenError> {
    let wasm = read(file).await?;
    let its_own = move || (<[u8; 32]>::from(Sha256::digest(&wasm)) == sha256).then_some(wasm);
    let failed = |error: JoinError| OpenError::Agent { path: file.to_owned(), problem: error.to_string() };
    tokio::task::spawn_blocking(its_own).await.map_err(failed)
}

impl Installation {
    /// The agent that a call which begins now is answered by to its end, and where the directory keeps its versions, which of them
    /// it is.
    pub(crate) fn answering(&self, line_names: &Path, call: CallId) -> Option<(Agent, Option<Answered>)> {
        let slot = self.agents.read().get(line_names).cloned()?;
        let Some(Versions { agent, canary }) = slot.versions else { return Some((slot.live, None)) };
        let chosen = match canary {
            Some((canary, percent)) if is_on_trial(call, &agent, percent) => canary,
            Some(_) | None => slot.live,
        };
        let digest = hex(chosen.sha256());
        Some((chosen, Some(Answered { agent, digest })))
    }

    /// Who answers the lines that name a file, for people: the agent and its version where the directory keeps those.
    pub fn answers(&self, line_names: &Path) -> String {
        let agents = self.agents.read();
        match agents.get(line_names) {
            Some(Slot { live, versions: Some(Versions { agent, .. }) }) => {
                let digest = hex(live.sha256());
                format!("agent {agent}, version {}", digest.get(..12).unwrap_or(&digest))
            }
            Some(_) | None => line_names.display().to_string(),
        }
    }

    /// The languages of whoever may answer the lines that name a file.
    pub(super) fn languages(&self, line_names: &Path) -> Vec<String> {
        let agents = self.agents.read();
        let Some(slot) = agents.get(line_names) else { return Vec::new() };
        let all = std::iter::once(&slot.live).chain(slot.canary());
        let mut languages: Vec<String> = Vec::new();
        for language in all.flat_map(|agent| &agent.description().languages) {
            if !languages.contains(language) {
                languages.push(language.clone());
            }
        }
        languages
    }

    /// The agents that are the files themselves.
    pub(super) fn agents_of_files(&self) -> Vec<(PathBuf, Agent)> {
        let agents = self.agents.read();
        let files = agents.iter().filter(|(_, slot)| slot.is_of_file());
        files.map(|(path, slot)| (path.clone(), slot.live.clone())).collect()
    }

    /// Compiles a component and has it say what it is. Of one that is refused nothing stays; of one that is taken, until it
    /// answers, no more than [`forget_agent`](Self::forget_agent) takes away.
    pub(crate) async fn check_agent(&self, component: &Path) -> Result<Checked, Unchecked> {
        let (file, sandbox) = (component.to_owned(), self.sandbox.clone());
        let read = tokio::task::spawn_blocking(move || {
            let wasm = std::fs::read(file)?;
            let sha256: [u8; 32] = Sha256::digest(&wasm).into();
            let is_component = wasm.starts_with(COMPONENT);
            if is_component {
                sandbox.on_trial(&sha256);
            }
            Ok::<_, io::Error>(is_component.then_some((wasm, sha256)))
        });
        let component = read.await.map_err(io::Error::other).flatten().map_err(|error| {
            tracing::error!(%error, "a component that was uploaded cannot be read");
            Unchecked::NotDone("the component cannot be read: upload it again".to_owned())
        })?;
        let Some((wasm, sha256)) = component else {
            let problem = "it is no WebAssembly component: upload the one that `parloir build` made";
            return Err(Unchecked::Refused(problem.to_owned()));
        };
        match self.sandbox.load(wasm).await {
            Ok(agent) => Ok(Checked {
                digest: hex(agent.sha256()),
                description: agent.description().clone(),
                capabilities: agent.capabilities().to_vec(),
            }),
            Err(error) => {
                self.forget_agent(&hex(&sha256)).await;
                let problem = error.to_string();
                Err(match error {
                    LoadError::Engine(_) | LoadError::NotCompiled(_) => {
                        tracing::error!(%problem, "a component that was uploaded is not compiled");
                        Unchecked::NotDone(problem)
                    }
                    LoadError::TooLarge { .. }
                    | LoadError::TooComplex(_)
                    | LoadError::NotAComponent(_)
                    | LoadError::Compile(_)
                    | LoadError::World(_)
                    | LoadError::Describe(_)
                    | LoadError::Description(_) => Unchecked::Refused(problem),
                })
            }
        }
    }

    /// Keeps nothing of a component that was uploaded and answered nobody, whosever it is.
    pub(crate) async fn forget_agent(&self, digest: &str) {
        let Some(sha256) = unhex(digest) else { return };
        let is_loaded = self.agents.read().values().any(|slot| {
            *slot.live.sha256() == sha256 || slot.canary().is_some_and(|canary| *canary.sha256() == sha256)
        });
        if !is_loaded {
            let sandbox = self.sandbox.clone();
            // What is left of it costs room alone.
            let _forgotten = tokio::task::spawn_blocking(move || sandbox.forget(&sha256)).await;
        }
    }

    /// Has a tenant's lines answered by these versions from the next call on: calls that are live keep theirs. `folder` is where the
    /// tenant's agents are; of those that are `unread` nobody knows which versions answer, and where one did, it answers as before. A
    /// version that does not load leaves the version before it answering, and is given back. Where there was none, no file takes
    /// its place: what was approved of the version was not of that.
    pub(crate) async fn deploy(
        &self,
        folder: &Path,
        agents: Vec<Deployed>,
        unread: Vec<PathBuf>,
    ) -> Vec<Aside> {
        let mut aside = Vec::new();
        let known: HashMap<PathBuf, Slot> = {
            let agents = self.agents.read();
            let theirs =
                agents.iter().filter(|(path, slot)| path.starts_with(folder) && slot.versions.is_some());
            theirs.map(|(path, slot)| (path.clone(), slot.clone())).collect()
        };
        let mut barred: HashSet<PathBuf> =
            unread.iter().filter(|path| !known.contains_key(*path)).cloned().collect();
        let mut named = unread;
        for Deployed { agent, line_names, live, canary } in agents {
            named.push(line_names.clone());
            let before = known.get(&line_names);
            let what = format!("agent {agent}");
            let live = match self.version(&live, before).await {
                Ok(live) => live,
                Err(problem) => {
                    aside.push(Aside::of(what, problem));
                    if let Some(slot) = self.agents.write().get_mut(&line_names) {
                        slot.try_only(canary.as_ref().map(|(component, _)| component.digest.as_str()));
                    }
                    if before.is_none() {
                        barred.insert(line_names);
                    }
                    continue;
                }
            };
            let canary = match canary {
                Some((component, percent)) => match self.version(&component, before).await {
                    Ok(canary) => Some((canary, percent)),
                    Err(problem) => {
                        aside.push(Aside::of(what, problem));
                        None
                    }
                },
                None => None,
            };
            let slot = Slot { live, versions: Some(Versions { agent, canary }) };
            let _replaced = self.agents.write().insert(line_names, slot);
        }
        // Of an agent that has no versions any more, the file is looked at when a line names it.
        let gone: Vec<PathBuf> = known.into_keys().filter(|path| !named.contains(path)).collect();
        self.agents.write().retain(|path, _| !gone.contains(path));
        let mut all = self.barred.write();
        all.retain(|path| !path.starts_with(folder));
        all.extend(barred.iter().cloned());
        drop(all);
        // Nor does a file that answered until now.
        self.agents.write().retain(|path, _| !barred.contains(path));
        aside
    }

    /// A version: one that answers already, or out of its file, or out of what is kept of all that ever answered here, as after a
    /// back-up was put back. None may ask for more than it did when it was taken.
    async fn version(&self, component: &Component, before: Option<&Slot>) -> Result<Agent, String> {
        let Some(sha256) = unhex(&component.digest) else {
            return Err("its row names no component: remove the agent, and push it again".into());
        };
        if let Some(agent) = before.and_then(|slot| slot.version(&sha256)) {
            return Ok(agent.clone());
        }
        answers(&self.sandbox, sha256).await;
        let file = component.file.as_path();
        let turn = loading::turn_to_read().await;
        let problem = match (Stamp::of(file).await, whole(file, sha256).await) {
            (Some(stamp), Ok(Some(wasm))) => {
                // What is kept of it is the same, and would do no better.
                if let Some(problem) = self.unloadable.known(file, stamp) {
                    return Err(problem);
                }
                let agent = self.load_of(file, stamp, (wasm, turn)).await?;
                within(&component.capabilities, agent.capabilities())?;
                return Ok(agent);
            }
            (_, Ok(_)) => "the file of its version holds something else: push it again".to_owned(),
            (_, Err(error)) => unloaded(&error),
        };
        drop(turn);
        // Nobody knows how large it is.
        let _room = loading::room(0).await;
        match self.sandbox.kept(sha256).await {
            Ok(Some(agent)) => {
                within(&component.capabilities, agent.capabilities())?;
                Ok(agent)
            }
            Ok(None) | Err(_) => Err(problem),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_asks_for_no_more_than_when_it_was_taken() {
        use Capability::{Memory, Model};
        assert_eq!(within(&[Memory, Model], &[Model]), Ok(()));
        assert!(within(&[Memory], &[Memory, Model]).unwrap_err().contains("model"));
    }

    #[test]
    fn a_component_is_told_from_a_module() {
        for (begins, is_component) in [
            (b"\0asm\x0d\0\x01\0\0".as_slice(), true),
            (b"\0asm\x01\0\0\0\0".as_slice(), false),
            (b"\0asm".as_slice(), false),
        ] {
            assert_eq!(begins.starts_with(COMPONENT), is_component, "{begins:?}");
        }
    }

    #[test]
    fn a_digest_is_read_as_it_is_written() {
        let sha256 = std::array::from_fn(|at| u8::try_from(at * 8).unwrap());
        assert_eq!(unhex(&hex(&sha256)), Some(sha256));
        for wrong in [String::new(), "0".repeat(63), "0".repeat(66), "é".repeat(32), "+1".repeat(32)] {
            assert_eq!(unhex(&wrong), None, "{wrong}");
        }
    }
}
