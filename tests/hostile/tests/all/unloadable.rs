//! What is never answered by: agents that are none, that ask for what no agent may have, or that would cost too much to be
//! compiled. Each is refused with a reason, in little time and memory, and the sandbox loads the next one.

use parloir_attest::{Trial, attacks, load_all, load_bombs, neighbour};
use parloir_sandbox::{Sandbox, Settings};

/// The most memory that all of it together may take, in KiB.
const MOST: u64 = 1_500_000;

/// The most memory this process had at any time, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}

fn sandbox() -> Sandbox {
    Sandbox::new(Settings { instances: 8, ..Settings::default() }, None).unwrap()
}

/// What was not as it must be, one a line.
fn problems(trials: &[Trial]) -> String {
    let problem = |trial: &Trial| {
        let Trial { name, tries, problem, .. } = trial;
        problem.as_ref().map(|problem| format!("{name}: {problem}\n    {tries}\n"))
    };
    trials.iter().filter_map(problem).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_asks_for_what_no_agent_may_have_is_not_loaded() {
    let sandbox = sandbox();
    let trials = load_all(&sandbox, &attacks().unwrap(), &|_| {}).await.unwrap();
    assert_eq!(problems(&trials), "");
    assert!(trials.len() >= 60, "{}", trials.len());
    assert!(sandbox.load(neighbour().unwrap()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cut_short_bent_or_swollen_is_refused_and_the_next_one_is_loaded() {
    let sandbox = sandbox();
    assert!(sandbox.load(neighbour().unwrap()).await.is_ok());
    let before = peak();
    let largest = Settings::default().component_bytes;
    let trials = load_bombs(&sandbox, largest, &|_| {}).await.unwrap();
    assert_eq!(problems(&trials), "");
    assert!(trials.len() >= 90, "{}", trials.len());
    let grown = peak() - before;
    let swollen = u64::try_from(largest * 2 / 1_024).unwrap();
    assert!(grown < MOST + swollen, "{grown} KiB");
    assert!(sandbox.load(neighbour().unwrap()).await.is_ok());
}
