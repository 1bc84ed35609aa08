//! What is never answered by: agents that are none, that ask for what no agent may have, or that would cost too much to be
//! compiled. Each is refused with a reason, in little time and memory, and the sandbox loads the next one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::time::{Duration, Instant};

use parloir_hostile::bombs::{Bomb, bombs, enormous};
use parloir_hostile::{Ends, attacks, neighbour};
use parloir_sandbox::{Sandbox, Settings};

/// The longest that anything may keep the compiler, unoptimised and on a busy machine.
const LONGEST: Duration = Duration::from_secs(60);
/// The most memory that all of it together may take, in KiB.
const MOST: u64 = 1_500_000;
/// Characters of a reason: it may quote the file, and not much of it.
const REASON: usize = 5_000;

/// The most memory this process had at any time, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}

/// Loads a file, and returns why it is no agent.
async fn refused(sandbox: &Sandbox, name: &str, file: Vec<u8>) -> Option<String> {
    let began = Instant::now();
    let reason = sandbox.load(file).await.err().map(|wrong| wrong.to_string());
    assert!(began.elapsed() < LONGEST, "{name}: {:?}", began.elapsed());
    let length = reason.as_ref().map_or(0, |reason| reason.chars().count());
    assert!(length < REASON, "{name}: a reason of {length} characters");
    reason
}

#[tokio::test(flavor = "multi_thread")]
async fn what_asks_for_what_no_agent_may_have_is_not_loaded() {
    let sandbox = Sandbox::new(Settings { instances: 8, ..Settings::default() }, None).unwrap();
    let mut problems = Vec::new();
    let mut tried = 0;
    for attack in attacks() {
        let Ends::Unloadable(words) = &attack.ends else { continue };
        tried += 1;
        match refused(&sandbox, &attack.name, attack.wasm()).await {
            Some(reason) if words.iter().any(|word| reason.to_lowercase().contains(word)) => {}
            Some(reason) => problems.push(format!("{}: {reason}", attack.name)),
            None => problems.push(format!("{} was loaded: {}", attack.name, attack.sentence)),
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(tried >= 60, "{tried}");
    assert!(sandbox.load(neighbour()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cut_short_bent_or_swollen_is_refused_and_the_next_one_is_loaded() {
    let sandbox = Sandbox::new(Settings { instances: 8, ..Settings::default() }, None).unwrap();
    assert!(sandbox.load(neighbour()).await.is_ok());
    let before = peak();
    let swollen = enormous(Settings::default().component_bytes);
    let size = u64::try_from(swollen.bytes.len() * 2 / 1_024).unwrap();
    let mut problems = Vec::new();
    for Bomb { name, sentence, said, may_load, bytes } in bombs().into_iter().chain([swollen]) {
        match refused(&sandbox, &name, bytes).await {
            Some(reason) if may_load || reason.to_lowercase().contains(said) => {}
            Some(reason) => problems.push(format!("{name}: {reason}")),
            None if may_load => {}
            None => problems.push(format!("{name} was loaded: {sentence}")),
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    let grown = peak() - before;
    assert!(grown < MOST + size, "{grown} KiB");
    assert!(sandbox.load(neighbour()).await.is_ok());
}
