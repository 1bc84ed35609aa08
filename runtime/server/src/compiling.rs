//! Compiling what tenants upload, in a process that has nothing else: how `parloir serve` starts it, and what it gives up.

use std::io;
use std::sync::Arc;

use parloir_cordon::{Bounds, CompilerProcess, close_inherited, compile_one, end_first};
use parloir_sandbox::{Compiling, Settings};
use rustix::process::{
    Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setpriority_process, setrlimit,
};
use serde::{Deserialize, Serialize};

use crate::confine::{Confine, confine_agents, score, seal_agents};
use crate::cordons::limit;

/// The one word by which this program is started to compile one component.
pub const COMPILER: &str = "compiler";

/// Memory for compiling, in MiB, below which nothing would compile.
const LEAST_MIB: u32 = 128;
/// The niceness of whoever is served last of those that still get their share.
const LAST: i32 = 19;
/// Files that are open at a time, at most: its three pipes, and what it is confined by.
const FILES: u64 = 8;

/// What compiling an agent may take, and what agents that compute without end: `[agents]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct AgentsConfig {
    /// Memory (address space) of the process that compiles one, in MiB. Default 4096.
    pub compile_memory_mib: u32,
    /// CPU time of it, in seconds. Default 120.
    pub compile_seconds: u32,
    /// CPU time that agents of noisy tenants have together while others' are at work: of each core but the first, in percent, 1 to
    /// 100. Default 10.
    pub noisy_percent: u32,
}

impl Default for AgentsConfig {
    fn default() -> Self {
        Self {
            compile_memory_mib: 4_096,
            compile_seconds: 120,
            noisy_percent: Settings::default().noisy_percent,
        }
    }
}

impl AgentsConfig {
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.compile_seconds == 0 {
            return Err(
                "`compile-seconds` in [agents] is 0, so that no agent compiles: set at least 1".into()
            );
        }
        if self.compile_memory_mib < LEAST_MIB {
            return Err(format!(
                "`compile-memory-mib` in [agents] is {}, in which no agent compiles: set at least {LEAST_MIB}",
                self.compile_memory_mib
            ));
        }
        if !(1..=100).contains(&self.noisy_percent) {
            return Err(format!(
                "`noisy-percent` in [agents] is {}: set 1 to 100, of each core",
                self.noisy_percent
            ));
        }
        Ok(())
    }

    /// By which settings agents run.
    pub fn settings(&self) -> Settings {
        Settings { noisy_percent: self.noisy_percent, ..Settings::default() }
    }
}

/// Has agents compiled in this program once more, started with the word [`COMPILER`]: for a program that then does
/// [`stand_in_compiler`]. One that confines itself does so before.
pub fn compiled_apart(agents: &AgentsConfig, confine: Confine) -> Compiling {
    let AgentsConfig { compile_memory_mib, compile_seconds, .. } = *agents;
    let bounds = Bounds {
        memory: u64::from(compile_memory_mib) << 20,
        seconds: compile_seconds.into(),
        required: confine == Confine::Required,
    };
    Compiling::Apart(Arc::new(CompilerProcess::new(COMPILER, bounds).ending_first(score())))
}

/// What a process that compiles does, from its first instruction to its end: gives up files, the network and other processes, and
/// more memory and time than it is told that it may have; then it compiles one component. To be called while there is one thread.
///
/// # Errors
/// A sentence, where it was started by nobody.
pub fn stand_in_compiler() -> Result<(), String> {
    let closed = close_inherited();
    // Where it may not, its own niceness is what it was started with, by a thread that is served last.
    let _as_begun = setpriority_process(None, LAST);
    // From within a confined server it cannot be said, and need not be: it was begun so.
    let _said_before = end_first();
    let give_up = move |bounds: &Bounds| {
        // Nobody would read what it says.
        let goes_along = set_parent_process_death_signal(Some(Signal::KILL));
        let limited = limits(bounds).and(goes_along);
        limited
            .map_err(|error| format!("the process that compiles cannot be held to its limits: {error}"))?;
        // Each by itself: where the one cannot be had, the others still hold.
        let closed = closed.map_err(|error| format!("what it was born with stays open: {error}"));
        let (confined, sealed) = (confine_agents(), seal_agents());
        match closed.and(confined).and(sealed) {
            Err(why) if bounds.required => Err(format!(
                "`confine` is \"required\", and the process that compiles cannot be confined here ({why}): run Linux 5.19 or newer with Landlock and seccomp"
            )),
            Ok(()) | Err(_) => Ok(()),
        }
    };
    let done = compile_one(give_up, io::stdin().lock(), io::stdout().lock());
    done.map_err(|error| {
        format!("{error}; a process that compiles is started by `parloir serve`, and by nobody else")
    })
}

/// Has this process be ended where it takes more.
fn limits(bounds: &Bounds) -> rustix::io::Result<()> {
    for (resource, most) in
        [(Resource::Core, 0), (Resource::Fsize, 0), (Resource::Nofile, FILES), (Resource::As, bounds.memory)]
    {
        limit(resource, most)?;
    }
    // At the first of the two the kernel sends the signal that says why; at the second it ends it.
    let allowed = getrlimit(Resource::Cpu).maximum.unwrap_or(u64::MAX);
    let (first, second) = (bounds.seconds.min(allowed), bounds.seconds.saturating_add(1).min(allowed));
    setrlimit(Resource::Cpu, Rlimit { current: Some(first), maximum: Some(second) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn config(agents: &str) -> Config {
        toml::from_str(&format!("[agents]\n{agents}")).unwrap()
    }

    #[test]
    fn what_compiling_may_take_is_the_operators_to_say() {
        assert_eq!(
            config("").agents,
            AgentsConfig { compile_memory_mib: 4_096, compile_seconds: 120, noisy_percent: 10 }
        );
        let own = config("compile-memory-mib = 512\ncompile-seconds = 10\nnoisy-percent = 25\n");
        assert_eq!(
            own.agents,
            AgentsConfig { compile_memory_mib: 512, compile_seconds: 10, noisy_percent: 25 }
        );
        assert_eq!(own.agents.settings().noisy_percent, 25);
        assert!(own.agents.check().is_ok());
        for (wrong, says) in [
            ("compile-seconds = 0", "`compile-seconds`"),
            ("compile-memory-mib = 127", "at least 128"),
            ("noisy-percent = 0", "1 to 100"),
            ("noisy-percent = 101", "1 to 100"),
        ] {
            let problem = config(wrong).check().unwrap_err();
            assert!(problem.contains(says), "{problem}");
        }
    }
}
