//! What is measured by a command is measured of an installation as it is: requests to its administration, which are gone in the end,
//! and a new version of an agent up to its first word. How long it takes is nobody's here.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use crate::house::{LINE, TOKEN, component, parloir};
use parloir_sandbox::Settings;
use parloir_server::{Config, Folders, Installation, Running, serve};
use serde_json::Value;

async fn start(folder: &Path) -> Running {
    std::fs::write(folder.join("token"), TOKEN).unwrap();
    let text = "[server]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n\
                [[carrier]]\nkind = \"twilio\"\nauth-token = { file = \"token\" }\n";
    std::fs::write(folder.join("parloir.toml"), text).unwrap();
    let config = Config::read(&folder.join("parloir.toml")).unwrap();
    let folders = Folders::beside(folder.join("data"));
    let providers = parloir_e2e::canned("Bonjour, je voudrais un rendez-vous.", &[]).unwrap();
    let settings = Settings::default();
    let opened = Installation::open(&config, &folders, Path::new(""), Some(providers), settings).await;
    serve(&config, opened.unwrap()).await.unwrap()
}

/// Runs a command with a key: its exit code, and what it printed on standard output and beside it.
fn run(program: &Path, api: SocketAddr, key: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(program)
        .args(arguments)
        .env("PARLOIR_API", format!("http://{api}"))
        .env("PARLOIR_KEY", key)
        .env_remove("PARLOIR_KEY_FILE")
        .env("PARLOIR_LOAD_AUTH_TOKEN", TOKEN)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().trim().to_owned();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn done(api: SocketAddr, key: &str, arguments: &[&str]) -> String {
    let (code, printed, beside) = run(&parloir(), api, key, arguments);
    assert_eq!(code, Some(0), "{arguments:?}: {beside}");
    printed
}

/// Figures as JSON, whether they are what they have to be on this machine or not.
fn figures(api: SocketAddr, key: &str, arguments: &[&str]) -> Value {
    let program = parloir().with_file_name("parloir-load");
    let (code, printed, beside) = run(&program, api, key, arguments);
    assert!(matches!(code, Some(0 | 1)), "{arguments:?}: {beside}");
    serde_json::from_str(&printed).unwrap()
}

/// The line's settings, as the administration answers.
fn settings(api: SocketAddr, key: &str) -> String {
    let mut stream = TcpStream::connect(api).unwrap();
    let path = format!("/v1/tenants/cabinet/lines/{LINE}/settings");
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: {api}\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// A user of a role with a key: the key.
fn user(api: SocketAddr, by: &str, role: &str) -> String {
    let made = done(api, by, &["user", "add", "--name", role, "--role", role, "--json"]);
    let made: Value = serde_json::from_str(&made).unwrap();
    done(api, by, &["key", "add", "--user", made["id"].as_str().unwrap(), "--name", role])
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_answered_and_leave_nothing_and_a_new_version_is_heard() {
    let folder = tempfile::tempdir().unwrap();
    let agent = component("tests/agents/trial");
    let running = start(folder.path()).await;
    let (api, owner) = (running.admin.unwrap(), running.owner_key.clone().unwrap());
    let operator = user(api, &owner, "operator");
    let theirs = done(api, &owner, &["tenant", "add", "cabinet", "--owner", "Anne Durand"]);
    let admin = user(api, &theirs, "admin");
    done(api, &operator, &["number", "give", LINE, "--tenant", "cabinet"]);
    std::fs::copy(&agent, folder.path().join("data/tenants/cabinet/agents/desk.wasm")).unwrap();
    done(api, &admin, &["line", "set", LINE, "--agent", "desk", "--recording", "always"]);

    let keys = format!("{admin},{owner}");
    let requests = figures(api, &keys, &["api", "--rate", "20", "--seconds", "2", "--json"]);
    for (at, name) in ["floor", "api"].into_iter().enumerate() {
        let run = &requests["requests"][at];
        assert_eq!(
            (run["name"].as_str(), run["refused"].as_object().unwrap().len()),
            (Some(name), 0),
            "{run}"
        );
        assert_eq!((run["answered"].as_u64(), run["writes"].as_u64()), (Some(40), Some(4)), "{run}");
    }
    let left = settings(api, &admin);
    assert!(left.starts_with("HTTP/1.1 200") && left.contains("\"items\":[]"), "{left}");

    done(api, &admin, &["agent", "policy", "--unsigned", "allow", "--self-approval", "allow"]);
    let webhook = format!("{}/twilio/voice", running.public);
    let deploy = ["deploy", "--agent", "desk", "--line", LINE, "--url", &webhook, "--rounds", "1", "--json"];
    let component = ["--component", agent.to_str().unwrap()];
    let deployed = figures(api, &admin, &[deploy.as_slice(), &component].concat());
    let round = &deployed["rounds"][0];
    for part in ["floor_s", "push_s", "promote_s", "call_s", "total_s"] {
        assert!(round[part].as_f64().unwrap() > 0.0, "{part}: {round}");
    }
    running.until(std::future::ready(())).await;
}
