//! `parloir dev`, the built binary: a save answers the next call, a live call keeps its version, and a
//! slip of the pen answers nobody.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use parloir_sandbox::Settings;
use parloir_server::{Config, Folders, Installation};
use parloir_transport::client::{CarrierCall, CarrierEvent, DialOptions};
use parloir_transport::signature::AuthToken;
use serde_json::Value;

use crate::house;

/// Asks how it can help, for as long as somebody is there and not silent for ever.
const AGENT: &str = r#"#include <parloir.h>

static parloir_outcome answer(const parloir_call *call) {
    parloir_reply reply;
    int silences = 0;
    // What is not kept cannot be run again.
    parloir_consent(true);
    do {
        if (parloir_ask(parloir_text("Hello from VERSION, caller on %s.", call->line), &reply, .patience = 20000))
            return parloir_failed(parloir_reason());
        if (reply.turn.kind == PARLOIR_SILENCE) silences++;
    } while (reply.turn.kind != PARLOIR_HUNG_UP && silences < 5);
    return parloir_done();
}

PARLOIR_AGENT(answer, "desk", "VERSION", .languages = {"en-GB"});
"#;

/// `parloir dev --json`, and what it says.
struct Dev {
    _process: house::Process,
    said: mpsc::Receiver<Value>,
}

impl Dev {
    fn begin(folder: &Path) -> Self {
        let mut child = Command::new(house::parloir())
            .args(["dev", "--json", "--language", "en-GB"])
            .arg(folder)
            .arg("--models")
            .arg(std::env::var_os("PARLOIR_MODELS").unwrap_or_else(|| house::root().join("models").into()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines: BufReader<ChildStdout> = BufReader::new(child.stdout.take().unwrap());
        let (send, said) = mpsc::channel();
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let _ = send.send(serde_json::from_str(&line).unwrap());
            }
        });
        Self { _process: house::Process(child), said }
    }

    /// The next object that has this key.
    async fn says(&self, key: &str) -> Value {
        let until = Instant::now() + Duration::from_secs(90);
        while Instant::now() < until {
            match self.said.try_recv() {
                Ok(value) if value.get(key).is_some() => return value,
                Ok(_) => {}
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
        panic!("parloir dev never said {key:?}");
    }
}

fn write(folder: &Path, version: &str) {
    std::fs::write(folder.join("agent.c"), AGENT.replace("VERSION", version)).unwrap();
}

async fn ring(ring: &Value) -> CarrierCall {
    let token = std::fs::read_to_string(ring["token_file"].as_str().unwrap()).unwrap();
    let options = DialOptions {
        auth_token: Some(AuthToken::new(token.trim())),
        from: Some(house::CALLER.to_owned()),
        ..DialOptions::to(ring["line"].as_str().unwrap())
    };
    let mut call = CarrierCall::dial(ring["webhook"].as_str().unwrap(), options).await.unwrap();
    loop {
        match call.next_event().await.unwrap() {
            CarrierEvent::AgentStartedSpeaking { .. } => return call,
            CarrierEvent::Ended(why) => panic!("{why:?}"),
            _ => {}
        }
    }
}

/// What is listed of each call under this name, oldest call first.
fn listed(data: &Path, name: &str) -> Vec<String> {
    let output =
        Command::new(house::parloir()).args(["calls", "--json", "--data"]).arg(data).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut calls: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    calls.reverse();
    calls.iter().map(|call| call[name].as_str().unwrap().to_owned()).collect()
}

/// The versions that answered.
fn versions(data: &Path) -> Vec<String> {
    listed(data, "version")
}

fn ids(data: &Path) -> Vec<String> {
    listed(data, "call")
}

/// It takes the embedded ears, as the spoken tests do.
#[tokio::test(flavor = "multi_thread")]
async fn a_spoken_call_that_is_live_keeps_its_agent_while_the_next_gets_what_was_saved() {
    let folder = tempfile::tempdir().unwrap();
    let agent: PathBuf = folder.path().join("desk");
    std::fs::create_dir_all(agent.join("conversations")).unwrap();
    write(&agent, "0.1.0");
    let conversation =
        "conversation: Greets\nlanguage: en-GB\nsteps:\n  - agent: Hello from 0.1.0\n  - hangs_up\n";
    std::fs::write(agent.join("conversations/greets.yaml"), conversation).unwrap();
    let dev = Dev::begin(&agent);
    assert_eq!(dev.says("tested").await["passed"], 1);
    let line = dev.says("ring").await["ring"].clone();
    let first = ring(&line).await;

    write(&agent, "0.2.0");
    let built = dev.says("built").await;
    assert_eq!((&built["built"], &built["agent"]["version"]), (&true.into(), &"0.2.0".into()));
    assert_eq!(dev.says("answers").await["live"], 1);
    let tested = dev.says("tested").await;
    assert_eq!(
        (&tested["passed"], &tested["of"]),
        (&0.into(), &1.into()),
        "the conversation wants the old words"
    );
    let second = ring(&line).await;

    std::fs::write(agent.join("agent.c"), "int x = ;").unwrap();
    let broken = dev.says("built").await;
    assert_eq!(broken["built"], false);
    assert!(broken["error"].as_str().unwrap().contains("agent.c:1:9"), "{broken}");
    let third = ring(&line).await;
    // The first one was live all the while.
    for call in [first, second, third] {
        call.hang_up().await.unwrap();
        dev.says("call").await;
    }
    let data = agent.join("target/parloir-dev");
    assert_eq!(versions(&data), ["0.1.0", "0.2.0", "0.2.0"]);
    // Each by the very version that answered, which nobody has a component of any more.
    for call in ids(&data) {
        let replayed = Command::new(house::parloir())
            .args(["replay", "--json", &call, "--data"])
            .arg(&data)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&replayed.stdout).into_owned();
        let why = String::from_utf8_lossy(&replayed.stderr).into_owned();
        assert!(told.contains("\"exact\":true"), "{told}{why}");
    }
}

/// A compiler that says what it is and never comes to its end, and begins another process that does not either.
const ENDLESS: &str = r#"#!/bin/bash
case "$*" in
  *-print-*) exec clang-19 "$@" ;;
esac
echo $$ >> PLACE
sleep 1000 &
echo $! >> PLACE
wait
"#;

#[test]
fn a_signal_ends_a_round_that_is_under_way_and_its_compiler_with_it() {
    use std::os::unix::fs::PermissionsExt;

    for signal in ["-TERM", "-INT", "-HUP"] {
        let folder = tempfile::tempdir().unwrap();
        let (agent, clang) = (folder.path().join("desk"), folder.path().join("clang"));
        let pids = folder.path().join("pids");
        std::fs::create_dir(&agent).unwrap();
        write(&agent, "0.1.0");
        std::fs::write(&clang, ENDLESS.replace("PLACE", &pids.display().to_string())).unwrap();
        std::fs::set_permissions(&clang, std::fs::Permissions::from_mode(0o755)).unwrap();
        let mut dev = Command::new(house::parloir())
            .args(["dev", "--json", "--no-line"])
            .arg(&agent)
            .env("CLANG", &clang)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let started = || std::fs::read_to_string(&pids).unwrap_or_default();
        house::until(&format!("{signal}: it compiles"), || started().lines().count() == 2);
        let killed = Command::new("kill").args([signal, &dev.id().to_string()]).status().unwrap();
        assert!(killed.success());
        let mut code = None;
        house::until(&format!("{signal}: it ends"), || {
            code = dev.try_wait().unwrap();
            code.is_some()
        });
        assert!(code.unwrap().success(), "{signal}: {code:?}");
        house::until(&format!("{signal}: its compiler ends"), || !started().lines().any(house::runs));
    }
}

/// What `parloir serve` does at SIGHUP.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changed_is_loaded_again_and_one_that_is_damaged_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let component = |version: &str| {
        let agent = folder.path().join(version);
        std::fs::create_dir_all(&agent).unwrap();
        write(&agent, version);
        let built = house::component(agent.to_str().unwrap());
        std::fs::read(built).unwrap()
    };
    let (older, newer) = (component("0.1.0"), component("0.2.0"));
    let (file, token) = (folder.path().join("agent.wasm"), folder.path().join("token"));
    std::fs::write(&file, older).unwrap();
    std::fs::write(&token, house::TOKEN).unwrap();
    let text = format!(
        "[[carrier]]\nkind = \"twilio\"\nauth-token = {{ file = {token:?} }}\n\
         [[tenant]]\nid = \"test\"\n[[tenant.line]]\nnumber = \"{}\"\nagent = {file:?}\n",
        house::LINE
    );
    let config: Config = toml::from_str(&text).unwrap();
    let providers = parloir_e2e::canned("", &[]).unwrap();
    let folders = Folders::beside(folder.path().join("data"));
    let opened = Installation::open(&config, &folders, Path::new(""), Some(providers), Settings::default());
    let installation = opened.await.unwrap();
    let version = || installation.agents()[0].1.description().version.clone();
    assert!(installation.reload_agents().await.is_empty());
    std::fs::write(&file, newer).unwrap();
    let reloaded = installation.reload_agents().await;
    assert!(matches!(reloaded.as_slice(), [(path, Ok(_))] if *path == file), "{}", reloaded.len());
    assert_eq!(version(), "0.2.0");
    std::fs::write(&file, "no agent").unwrap();
    let reloaded = installation.reload_agents().await;
    let [(_, Err(error))] = reloaded.as_slice() else { panic!("{}", reloaded.len()) };
    assert!(error.to_string().contains("agent.wasm"), "{error}");
    assert_eq!(version(), "0.2.0");
}
