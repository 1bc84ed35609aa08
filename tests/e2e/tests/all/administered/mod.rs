//! An installation that is administered by its own commands, with canned ears and voice, in the process of the test.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use parloir_sandbox::Settings;
use parloir_server::{Config, Folders, Installation, Running, serve};
use parloir_transport::client::CarrierCall;
use parloir_transport::conversation::{self, Action, Step};
use serde_json::Value;

use crate::house;
use crate::house::{TOKEN, component, parloir, say};

pub use crate::house::dial_options as options;

/// The line that is made by a command.
pub const MADE: &str = "+33199000003";

/// Writes the operator's file: a carrier, an administration, and more.
pub fn write_file(folder: &Path, more: &str) {
    std::fs::write(folder.join("token"), TOKEN).unwrap();
    let text = "[server]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n\
                [[carrier]]\nkind = \"twilio\"\nauth-token = { file = \"token\" }\n";
    std::fs::write(folder.join("parloir.toml"), format!("{text}{more}")).unwrap();
}

/// Serves by the file of a folder, once the installation before it has closed.
pub async fn start(folder: &Path) -> Running {
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

/// Serves in a new folder, and makes the tenant `cabinet`: with the keys of the installation's owner, of its operator, and of the
/// tenant's owner.
pub async fn cabinet(folder: &Path) -> (Running, SocketAddr, [String; 3]) {
    write_file(folder, "");
    let running = start(folder).await;
    let (api, house) = (running.admin.unwrap(), running.owner_key.clone().unwrap());
    let (_, operator) = named(api, &house, "night shift", "operator");
    let owner = done(api, &house, &["tenant", "add", "cabinet", "--owner", "Anne Durand"]);
    (running, api, [house, operator, owner])
}

/// Runs a command with a key: its exit code, and what it printed on standard output and beside it.
pub fn run(api: SocketAddr, key: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
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
pub fn done(api: SocketAddr, key: &str, arguments: &[&str]) -> String {
    let (code, printed, beside) = run(api, key, arguments);
    assert_eq!(code, Some(0), "{arguments:?}: {beside}");
    printed
}

/// What such a command printed as JSON.
pub fn json(api: SocketAddr, key: &str, arguments: &[&str]) -> Value {
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
    serde_json::from_str(&done(api, key, &arguments)).unwrap()
}

/// What is answered to a request for which there is no command, such as `GET /v1/me`: its status, and its body where that is JSON.
pub fn asked(api: SocketAddr, key: &str, line: &str, body: Option<&Value>) -> (u16, Value) {
    let body = body.map(Value::to_string).unwrap_or_default();
    let kind = if body.is_empty() { "" } else { "content-type: application/json\r\n" };
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.1\r\nhost: {api}\r\nauthorization: Bearer {key}\r\nconnection: close\r\n{kind}content-length: {length}\r\n\r\n{body}"
    );
    let mut stream = TcpStream::connect(api).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{line}: {answer}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("{line}: {head}")), serde_json::from_str(body).unwrap_or_default())
}

/// A user of a role with a key: the key.
pub fn user(api: SocketAddr, by: &str, role: &str) -> String {
    named(api, by, role, role).1
}

/// A user of a name and a role with a key: who they are, and the key.
pub fn named(api: SocketAddr, by: &str, name: &str, role: &str) -> (String, String) {
    let user = json(api, by, &["user", "add", "--name", name, "--role", role]);
    let id = user["id"].as_str().unwrap().to_owned();
    let key = done(api, by, &["key", "add", "--user", &id, "--name", name]);
    (id, key)
}

/// Puts the trial agent into the folder of a tenant's agents.
pub fn put_trial(folder: &Path, tenant: &str) {
    let agents = folder.join("data/tenants").join(tenant).join("agents");
    std::fs::create_dir_all(&agents).unwrap();
    std::fs::copy(component("tests/agents/trial"), agents.join("trial.wasm")).unwrap();
}

/// Rings a line to the end of the call, and returns the tenant whose call it was.
pub async fn ring(running: &Running, line: &str) -> String {
    let mut watch = running.finished();
    let webhook = format!("{}/twilio/voice", running.public);
    let call = CarrierCall::dial(&webhook, options(line)).await.unwrap();
    let conversation =
        house::conversation_of(vec![Step::new(say("fr_bonjour_rdv")), Step::new(Action::HangUp)]);
    conversation::run(call, &conversation, |_| {}).await;
    let finished = tokio::time::timeout(Duration::from_secs(40), watch.recv()).await.unwrap().unwrap();
    finished.tenant.to_string()
}
