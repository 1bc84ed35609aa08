//! An installation administered from nothing by its own commands: a tenant, its people, a line that answers at once and after a
//! restart, and a tenant of the operator's file that is brought in.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod house;

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use house::{CALLER, LINE, TOKEN, component, parloir, say};
use parloir_sandbox::Settings;
use parloir_server::{Config, Folders, Installation, Running, serve};
use parloir_transport::client::{CarrierCall, DialOptions};
use parloir_transport::conversation::{self, Action, Conversation, Step};
use parloir_transport::signature::AuthToken;
use serde_json::Value;

/// The line that is made by a command.
const MADE: &str = "+33199000003";

/// Writes the operator's file: one tenant with one line, and an administration.
fn write_file(folder: &Path, agent: &Path) {
    std::fs::write(folder.join("token"), TOKEN).unwrap();
    let text = format!(
        r#"
        [server]
        listen = "127.0.0.1:0"
        [admin]
        listen = "127.0.0.1:0"
        [[carrier]]
        kind = "twilio"
        auth-token = {{ file = "token" }}
        [[tenant]]
        id = "test"
        [[tenant.line]]
        number = "{LINE}"
        agent = {agent:?}
        recording = "always"
        settings = {{ trial = "echo" }}
        "#
    );
    std::fs::write(folder.join("parloir.toml"), text).unwrap();
}

async fn start(folder: &Path) -> Running {
    let config = Config::read(&folder.join("parloir.toml")).unwrap();
    let folders = Folders::beside(folder.join("data"));
    for _ in 0..100 {
        let providers = parloir_e2e::canned("Bonjour, je voudrais un rendez-vous.", &[]).unwrap();
        let opened =
            Installation::open(&config, &folders, Path::new(""), Some(providers), Settings::default()).await;
        match opened {
            Ok(installation) => return serve(&config, installation).await.unwrap(),
            // The one before it is still closing.
            Err(error) if error.to_string().contains("in use") => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the folder is never free");
}

/// Runs a command with a key: its exit code, and what it printed on standard output and beside it.
fn run(api: SocketAddr, key: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(parloir())
        .args(arguments)
        .env("PARLOIR_API", format!("http://{api}"))
        .env("PARLOIR_KEY", key)
        .env_remove("PARLOIR_KEY_FILE")
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().trim().to_owned();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// The same of a command that has to succeed: what it printed on standard output.
fn done(api: SocketAddr, key: &str, arguments: &[&str]) -> String {
    let (code, printed, beside) = run(api, key, arguments);
    assert_eq!(code, Some(0), "{arguments:?}: {beside}");
    printed
}

/// Rings a line, and returns the tenant whose call it was.
async fn ring(running: &Running, line: &str) -> String {
    let mut watch = running.finished();
    let options = DialOptions {
        auth_token: Some(AuthToken::new(TOKEN)),
        from: Some(CALLER.to_owned()),
        ..DialOptions::to(line)
    };
    let webhook = format!("{}/twilio/voice", running.public);
    let call = CarrierCall::dial(&webhook, options).await.unwrap();
    let conversation = Conversation {
        reply_patience: Duration::from_secs(8),
        linger: Duration::from_secs(8),
        total: Duration::from_secs(60),
        steps: vec![Step::new(say("fr_bonjour_rdv")), Step::new(Action::HangUp)],
    };
    conversation::run(call, &conversation, |_| {}).await;
    let finished = tokio::time::timeout(Duration::from_secs(40), watch.recv()).await.unwrap().unwrap();
    finished.tenant.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_is_administered_from_nothing_by_its_own_commands() {
    let folder = tempfile::tempdir().unwrap();
    let agent = component("tests/agents/trial");
    write_file(folder.path(), &agent);
    let running = start(folder.path()).await;
    let (api, owner) = (running.admin.unwrap(), running.owner_key.clone().unwrap());

    // A tenant, its owner, an admin with a key.
    let theirs = done(api, &owner, &["tenant", "add", "cabinet", "--owner", "Anne Durand"]);
    let user: Value = serde_json::from_str(&done(
        api,
        &theirs,
        &["user", "add", "--name", "Paul Martin", "--role", "admin", "--json"],
    ))
    .unwrap();
    let user = user["id"].as_str().unwrap();
    let admin = done(api, &theirs, &["key", "add", "--user", user, "--name", "desk"]);
    let (code, _, told) = run(api, &theirs, &["line", "list"]);
    assert_eq!(code, Some(1), "an owner has no data of calls, and no lines");
    assert!(told.contains("ask somebody who is supervisor or admin there"), "{told}");

    // A line: its agent has to be there.
    let set = ["line", "set", MADE, "--agent", "trial", "--recording", "always", "--setting", "trial=echo"];
    let (code, _, told) = run(api, &admin, &set);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("have the operator put it into the tenant's folder of agents"), "{told}");
    let agents = folder.path().join("data/tenants/cabinet/agents");
    std::fs::copy(&agent, agents.join("trial.wasm")).unwrap();
    done(api, &admin, &set);
    assert_eq!(ring(&running, MADE).await, "cabinet", "from the next call on");

    // What is there is listed, for people and for programs.
    let listed = done(api, &admin, &["line", "list"]);
    assert!(listed.starts_with("LINE") && listed.contains(MADE), "{listed}");
    let line: Value = serde_json::from_str(&done(api, &admin, &["line", "list", "--json"])).unwrap();
    assert_eq!(line["spec"]["agent"], "trial");
    let tenants = done(api, &owner, &["tenant", "list"]);
    assert!(tenants.contains("cabinet") && tenants.contains("test"), "{tenants}");

    // The tenant of the file is brought in, and answers as before.
    done(api, &owner, &["tenant", "import", "test", "--owner", "Luc Petit"]);
    assert_eq!(ring(&running, LINE).await, "test");

    // All of it outlasts a restart, without the tenant's table in the file.
    running.until(std::future::ready(())).await;
    let file = folder.path().join("parloir.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let (kept, _) = text.split_once("[[tenant]]").unwrap();
    std::fs::write(&file, kept).unwrap();
    let running = start(folder.path()).await;
    assert_eq!(running.owner_key, None, "the key is told once");
    assert_eq!(ring(&running, MADE).await, "cabinet");
    assert_eq!(ring(&running, LINE).await, "test");
    let api = running.admin.unwrap();
    done(api, &admin, &["line", "remove", MADE]);
    let left = done(api, &admin, &["line", "list"]);
    assert!(!left.contains(MADE), "{left}");
    running.until(std::future::ready(())).await;
}
