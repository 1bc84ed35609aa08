//! Agents in a registry that others wrote (CNCF Distribution): pushed, pulled by tag and by digest, held to it, and shown who
//! asks. `.ci/peers` installs it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::house;

const USER: &str = "anne";
const PASSWORD: &str = "word:with:colons";
/// Of that password, by bcrypt.
const HASHED: &str = "$2b$05$5TdiLbkkHOJDwvPZnPwSnu/f7v/o34tLzHlB1sMiMxrAsfarUzeVa";

/// A registry that ends with the test.
struct Registry {
    _process: house::Process,
    folder: tempfile::TempDir,
    host: String,
}

impl Registry {
    fn open() -> Self {
        let port = house::free_port();
        let folder = tempfile::tempdir().unwrap();
        let (known, config) = (folder.path().join("htpasswd"), folder.path().join("config.yml"));
        std::fs::write(&known, format!("{USER}:{HASHED}\n")).unwrap();
        let text = json!({
            "version": "0.1",
            "log": { "level": "error" },
            "storage": { "filesystem": { "rootdirectory": folder.path().join("store") } },
            "http": { "addr": format!("127.0.0.1:{port}"), "secret": "a-test-secret" },
            "auth": { "htpasswd": { "realm": "parloir's tests", "path": known } },
        });
        std::fs::write(&config, text.to_string()).unwrap();
        let program = house::peers().join("bin/registry");
        let process = Command::new(&program)
            .arg("serve")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}; `.ci/peers` installs it", program.display()));
        let _process = house::Process(process);
        house::until_listening(port);
        Self { _process, folder, host: format!("127.0.0.1:{port}") }
    }

    fn agent(&self, version: &str) -> String {
        format!("{}/desks/front-desk{version}", self.host)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file of credentials, as docker writes it.
    fn credentials(&self, password: &str) -> PathBuf {
        let file = self.path("credentials.json");
        let auth = STANDARD.encode(format!("{USER}:{password}"));
        std::fs::write(&file, json!({ "auths": { self.host.as_str(): { "auth": auth } } }).to_string())
            .unwrap();
        file
    }

    /// Where the registry keeps what has this digest.
    fn kept(&self, digest: &str) -> PathBuf {
        let hex = digest.strip_prefix("sha256:").unwrap();
        self.path("store/docker/registry/v2/blobs/sha256").join(&hex[..2]).join(hex).join("data")
    }
}

/// `parloir registry …`, by somebody whose home has no credentials.
fn parloir(registry: &Registry) -> Command {
    let mut command = Command::new(house::parloir());
    command.arg("registry").stdin(Stdio::null()).env("HOME", registry.folder.path());
    for name in ["DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "PARLOIR_REGISTRY_USER", "PARLOIR_REGISTRY_PASSWORD"]
    {
        command.env_remove(name);
    }
    command
}

fn told(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn refused(output: &Output, why: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains(why), "{why:?} is not in {said}");
    assert!(!said.contains(PASSWORD), "{said}");
}

fn component(name: &str) -> Vec<u8> {
    let text = format!(
        r#"(component (import "parloir:agent/call@0.1.0" (instance)) (core module (memory 1) (data (i32.const 0) "{name}")))"#
    );
    wat::parse_str(text).unwrap()
}

fn digest(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// Pushes with a signature, as somebody whom the registry knows by variables.
fn push(registry: &Registry, file: &Path, version: &str) -> Value {
    let signature = registry.path("signature");
    std::fs::write(&signature, b"signed\0").unwrap();
    let mut command = parloir(registry);
    command.arg("push").arg(file).arg(registry.agent(version)).arg("--json");
    command.arg("--signature").arg(signature);
    command.env("PARLOIR_REGISTRY_USER", USER).env("PARLOIR_REGISTRY_PASSWORD", PASSWORD);
    told(&command.output().unwrap())
}

/// Pulls, as somebody with a file of credentials.
fn pull(registry: &Registry, version: &str, output: &Path) -> Output {
    let credentials = registry.credentials(PASSWORD);
    let mut command = parloir(registry);
    command.arg("pull").arg(registry.agent(version)).arg("--json").arg("-o").arg(output);
    command.arg("--signature").arg(registry.path("pulled.signature"));
    command.arg("--credentials").arg(credentials);
    command.output().unwrap()
}

#[test]
fn what_is_pushed_is_pulled_by_its_tag_and_for_good_by_its_digest() {
    let registry = Registry::open();
    let (first, second) = (component("first"), component("second"));
    let (file, output) = (registry.path("agent.wasm"), registry.path("pulled.wasm"));
    std::fs::write(&file, &first).unwrap();
    let pushed = push(&registry, &file, ":1");
    let by_digest = format!("@{}", pushed["digest"].as_str().unwrap());
    assert_eq!(pushed["reference"], registry.agent(&by_digest).as_str());
    // What the registry keeps under that name is the manifest, in the layout that others read.
    let kept = std::fs::read(registry.kept(pushed["digest"].as_str().unwrap())).unwrap();
    let manifest: Value = serde_json::from_slice(&kept).unwrap();
    assert_eq!(manifest["config"]["mediaType"], "application/vnd.wasm.config.v0+json");
    assert_eq!(manifest["layers"][0]["mediaType"], "application/wasm");
    assert_eq!(manifest["layers"][0]["digest"], digest(&first).as_str());
    // The same again is the same.
    assert_eq!(push(&registry, &file, ":2"), pushed);

    let pulled = told(&pull(&registry, ":1", &output));
    assert_eq!(pulled, pushed);
    assert_eq!(std::fs::read(&output).unwrap(), first);
    assert_eq!(std::fs::read(registry.path("pulled.signature")).unwrap(), b"signed\0");

    // A tag is moved; a digest is not.
    std::fs::write(&file, &second).unwrap();
    assert_ne!(push(&registry, &file, ":1")["digest"], pushed["digest"]);
    told(&pull(&registry, ":1", &output));
    assert_eq!(std::fs::read(&output).unwrap(), second);
    assert_eq!(told(&pull(&registry, &by_digest, &output)), pushed);
    assert_eq!(std::fs::read(&output).unwrap(), first);
}

#[test]
fn what_was_altered_in_the_registry_is_not_taken() {
    let registry = Registry::open();
    let (file, output) = (registry.path("agent.wasm"), registry.path("pulled.wasm"));
    let agent = component("first");
    std::fs::write(&file, &agent).unwrap();
    push(&registry, &file, ":1");
    let mut altered = agent.clone();
    *altered.last_mut().unwrap() ^= 1;
    std::fs::write(registry.kept(&digest(&agent)), &altered).unwrap();
    refused(&pull(&registry, ":1", &output), "it was altered, or damaged");
    assert!(!output.exists());
}

#[test]
fn who_may_not_is_told_what_to_do() {
    let registry = Registry::open();
    let file = registry.path("agent.wasm");
    std::fs::write(&file, component("first")).unwrap();
    let push = |more: &[&str]| {
        let mut command = parloir(&registry);
        command.arg("push").arg(&file).arg(registry.agent(":1")).args(more).output().unwrap()
    };
    refused(&push(&[]), "log in with docker or podman, or set PARLOIR_REGISTRY_USER");
    let wrong = registry.credentials("another");
    refused(&push(&["--credentials", wrong.to_str().unwrap()]), "answers 401");
    refused(
        &pull(&registry, ":none", &registry.path("none.wasm")),
        "look at the repository's name, and the tag",
    );

    std::fs::write(&file, b"no component").unwrap();
    refused(&push(&[]), "`parloir build` makes one");
}
