//! What an agent costs before its first word, against what one in its language needs: the time it takes to
//! start, and the memory that each call holds for itself while it waits.
//!
//! Both are measured where the author sits, beside whatever else runs there. So of many starts the quickest
//! counts, which nobody else slowed down; the memory is that of many calls at once; and nothing is said below
//! five times of what is promised.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parloir_contract::{CallInfo, Direction, HostCall, HostReturn, LocalTime, Refusal};
use parloir_sandbox::{Agent, Budget, Door};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::component::Engine;
use super::{Finding, Rule};
use crate::Failure;
use crate::toolchain::Language;

/// Starts that are measured.
const STARTS: usize = 25;
/// Calls that wait at once.
const CALLS: usize = 32;
/// So long they may take to come to their first sentence, all of them.
const TO_SPEAK: Duration = Duration::from_secs(3);
/// Over so many times of what is promised something is said.
const MARGIN: u32 = 5;

/// What an agent in a language needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Promise {
    language: &'static str,
    start: Duration,
    /// KiB of a waiting call.
    memory: u64,
}

impl Promise {
    /// That of the language, or of what is inside a component of which nobody knows the language: then the
    /// most that any language without an engine needs.
    pub(crate) fn of(language: Option<Language>, engine: Option<Engine>) -> Self {
        let promise =
            |language, micros, memory| Self { language, start: Duration::from_micros(micros), memory };
        match (language, engine) {
            (Some(Language::Rust), _) => promise("Rust", 50, 64),
            (Some(Language::C), _) => promise("C", 50, 64),
            (Some(Language::Go), _) => promise("Go", 1_000, 2_048),
            (Some(Language::Typescript), _) | (None, Some(Engine::JavaScript)) => {
                promise("JavaScript", 200, 256)
            }
            (Some(Language::Python), _) | (None, Some(Engine::Python)) => promise("Python", 4_000, 1_024),
            (None, None) => promise("a compiled language", 1_000, 2_048),
        }
    }
}

/// What was measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    start: Duration,
    /// KiB of a waiting call; unknown where the system does not tell, or where no call comes to wait.
    memory: Option<u64>,
}

impl Cost {
    /// In words.
    pub(crate) fn facts(&self) -> Vec<String> {
        let memory = self.memory.map(|kib| format!("{kib} KiB for each call"));
        std::iter::once(format!("starts in {}", shown(self.start))).chain(memory).collect()
    }

    /// What is more than an agent in this language needs.
    pub(crate) fn judge(&self, promise: &Promise, place: &str) -> Vec<Finding> {
        let Promise { language, start, memory } = *promise;
        let mut findings = Vec::new();
        if self.start > start * MARGIN {
            findings.push(Finding::warning(
                Rule::SlowStart,
                place,
                format!(
                    "the agent takes {} to start, and one in {language} needs {}",
                    shown(self.start),
                    shown(start)
                ),
                "do less before the first call: what stands at the top level runs when the component is built in Python and JavaScript, and at the start of every call in Rust, C and Go",
            ));
        }
        if let Some(kib) = self.memory.filter(|kib| *kib > memory * u64::from(MARGIN)) {
            findings.push(Finding::warning(
                Rule::Memory,
                place,
                format!(
                    "each call holds {kib} KiB for itself before its first word, and one in {language} needs {memory}"
                ),
                "write less into memory at the start: a table that is only read is shared by all calls",
            ));
        }
        findings
    }
}

fn shown(time: Duration) -> String {
    let micros = time.as_micros();
    if micros < 10_000 { format!("{micros} µs") } else { format!("{} ms", time.as_millis()) }
}

/// Measures an agent: milliseconds, some hundred of them for Python.
pub(crate) async fn measure(agent: &Agent) -> Result<Cost, Failure> {
    let mut start = Duration::MAX;
    for _ in 0..STARTS {
        start = start.min(agent.instantiate_once().await?);
    }
    Ok(Cost { start, memory: waiting(agent).await })
}

/// KiB of its own that a call holds while it waits for its first sentence to be said.
async fn waiting(agent: &Agent) -> Option<u64> {
    let reached = Arc::new((AtomicUsize::new(0), Notify::new()));
    let door = || {
        let reached = reached.clone();
        Door::new(tower::service_fn(move |call: HostCall| {
            let reached = reached.clone();
            async move {
                if matches!(
                    call,
                    HostCall::Say(_) | HostCall::Play(_) | HostCall::Ask(_) | HostCall::Listen(_)
                ) {
                    reached.0.fetch_add(1, Ordering::SeqCst);
                    reached.1.notify_one();
                    std::future::pending::<()>().await;
                }
                Ok(match call {
                    HostCall::SetReport(_) => HostReturn::SetReport(Ok(())),
                    other => other.import().refused(Refusal::Unavailable("nobody rings".into())),
                })
            }
        }))
    };
    let ring = || agent.answer(info(agent), door(), Budget::default());
    // What the first of them makes once and for all is not a call's.
    let mut calls = vec![ring()];
    let measured = async {
        let first = calls.first_mut()?;
        tokio::select! {
            waits = all_wait(&reached, 1) => waits?,
            // It never speaks.
            _ = first => {
                calls.clear();
                return None;
            }
        }
        let before = private_kib()?;
        calls.extend((0..CALLS).map(|_| ring()));
        all_wait(&reached, CALLS + 1).await?;
        Some(private_kib()?.saturating_sub(before) / CALLS as u64)
    };
    let measured = measured.await;
    for call in calls {
        call.abort();
        // It is gone when it says so: what comes after is not measured beside it.
        let _ = call.await;
    }
    measured
}

async fn all_wait(reached: &(AtomicUsize, Notify), many: usize) -> Option<()> {
    let all = async {
        while reached.0.load(Ordering::SeqCst) < many {
            reached.1.notified().await;
        }
    };
    timeout(TO_SPEAK, all).await.ok()
}

fn info(agent: &Agent) -> CallInfo {
    CallInfo {
        id: "0".repeat(32),
        direction: Direction::Inbound,
        line: "+33199005678".into(),
        caller: None,
        language: agent.description().languages.first().cloned().unwrap_or_default(),
        started_at: LocalTime { year: 2026, month: 1, day: 5, hour: 10, minute: 0 },
        settings: Vec::new(),
    }
}

/// Memory of this process that it shares with nobody, where the system says so.
fn private_kib() -> Option<u64> {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").ok()?;
    let parts = rollup.lines().filter(|line| line.starts_with("Private_"));
    Some(parts.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(micros: u64, kib: u64, language: Option<Language>, engine: Option<Engine>) -> Vec<Rule> {
        let cost = Cost { start: Duration::from_micros(micros), memory: Some(kib) };
        cost.judge(&Promise::of(language, engine), "a.wasm").into_iter().map(|f| f.rule).collect()
    }

    #[test]
    fn each_language_is_held_to_what_it_needs() {
        assert_eq!(found(300, 100, Some(Language::Rust), None), [Rule::SlowStart]);
        assert_eq!(found(300, 600, Some(Language::C), None), [Rule::SlowStart, Rule::Memory]);
        assert_eq!(found(300, 600, Some(Language::Typescript), None), []);
        assert_eq!(found(1_100, 1_300, None, Some(Engine::JavaScript)), [Rule::SlowStart, Rule::Memory]);
        assert_eq!(found(19_000, 5_000, Some(Language::Python), Some(Engine::Python)), []);
        assert_eq!(found(21_000, 5_000, None, Some(Engine::Python)), [Rule::SlowStart]);
        assert_eq!(found(4_000, 9_000, Some(Language::Go), None), []);
        assert_eq!(found(4_000, 9_000, None, None), []);
    }

    #[test]
    fn times_are_told_in_their_own_unit() {
        assert_eq!(shown(Duration::from_micros(212)), "212 µs");
        assert_eq!(shown(Duration::from_millis(61)), "61 ms");
    }
}
