//! Attacks where the language matters: what its own library reaches for, and what its own pointers can do.

use std::process::Command;
use std::time::Duration;

use parloir_contract::{HostCall, Outcome};
use parloir_hostile::root;
use parloir_hostile::stage::{Guards, Went, answer};
use parloir_sandbox::{Agent, Budget, FailureKind, Sandbox, Settings};

/// The component of an attack, built as its author would.
fn built(language: &str) -> Vec<u8> {
    let test = std::env::current_exe().unwrap();
    let parloir = test.parent().unwrap().parent().unwrap().join("parloir");
    assert!(parloir.is_file(), "{} is missing: run `cargo build --workspace` first", parloir.display());
    let output = Command::new(parloir)
        .args(["build", "--json"])
        .arg(root().join("tests/hostile/languages").join(language))
        // What every agent in Rust is built upon is built once.
        .env("CARGO_TARGET_DIR", root().join("agents/cabinet/target"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{language}: {}", String::from_utf8_lossy(&output.stderr));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    std::fs::read(json["component"].as_str().unwrap()).unwrap()
}

async fn loaded(language: &str) -> Agent {
    let sandbox = Sandbox::new(Settings { instances: 2, ..Settings::default() }, None).unwrap();
    sandbox.load(built(language)).await.unwrap_or_else(|wrong| panic!("{language}: {wrong}"))
}

async fn tried(agent: &Agent, settings: &[(&str, &str)]) -> Went {
    // An interpreter without optimisation, beside other tests.
    let budget = Budget { turn_cpu: Duration::from_secs(5), ..Budget::default() };
    answer(agent, budget, Guards::ALL, "", settings).await
}

/// What the agent noted.
fn notes(went: &Went) -> Vec<&str> {
    went.reached
        .iter()
        .filter_map(|call| match call {
            HostCall::Log(line) => Some(line.message.as_str()),
            _ => None,
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_in_c_that_overruns_its_buffers_spoils_its_own_memory() {
    let went = tried(&loaded("c").await, &[]).await;
    assert_eq!(went.answered.outcome, Ok(Outcome::Done), "{went:?}");
    assert_eq!(notes(&went), ["%n%n%s%s%999999d"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_in_rust_finds_no_system_and_reads_its_own_memory_alone() {
    let went = tried(&loaded("rust").await, &[]).await;
    assert_eq!(went.answered.outcome, Ok(Outcome::Done), "{went:?}");
    assert!(notes(&went).iter().any(|note| note.ends_with("pages, 0 found")), "{:?}", notes(&went));
}

/// Has an agent try each of these, and holds it to having got none: its library says so, and the agent notes it, or it is stopped.
async fn finds_nothing(agent: &Agent, attempts: &[&str]) {
    let mut told = 0;
    for attempt in attempts {
        let went = tried(agent, &[("try", attempt)]).await;
        match &went.answered.outcome {
            // Its library says so, or has nothing to say it with.
            Ok(Outcome::Done) => told += notes(&went).iter().filter(|note| note.starts_with(attempt)).count(),
            Err(failure) => assert_eq!(failure.kind, FailureKind::Trap, "{attempt}: {failure}"),
            Ok(other) => panic!("{attempt}: {other:?}"),
        }
    }
    assert!(told > 0);
}

/// What a language's own chance gives in two calls.
async fn chances(agent: &Agent) -> [String; 2] {
    let mut both = [String::new(), String::new()];
    for one in &mut both {
        let went = tried(agent, &[("try", "chance")]).await;
        assert_eq!(went.answered.outcome, Ok(Outcome::Done), "{went:?}");
        *one = notes(&went).join(" ");
    }
    both
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_in_python_finds_no_system_whatever_of_its_library_it_asks() {
    let attempts =
        ["files", "folders", "environment", "network", "names", "programs", "processes", "native", "threads"];
    finds_nothing(&loaded("python").await, &attempts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_in_typescript_finds_no_system_by_names_evaluated_code_or_buffers() {
    let agent = loaded("typescript").await;
    let reached = ["files", "modules", "environment", "network", "programs", "threads", "native"];
    let tricks = ["evaluated", "constructed", "borrowed", "memory", "beyond", "longer", "taken", "clock"];
    finds_nothing(&agent, &reached).await;
    finds_nothing(&agent, &tricks).await;
    let [one, other] = chances(&agent).await;
    assert!(one.starts_with("chance: ") && one == other, "{one} and {other}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_in_go_finds_no_system_and_reads_its_own_memory_alone() {
    let agent = loaded("go").await;
    let reached =
        ["files", "folders", "handles", "environment", "arguments", "network", "programs", "links", "mount"];
    finds_nothing(&agent, &reached).await;
    finds_nothing(&agent, &["processor", "clock", "memory"]).await;
    let [one, other] = chances(&agent).await;
    assert!(one.starts_with("chance: ") && one == other, "{one} and {other}");
}
