//! `parloir login` with an OpenID Connect provider that others wrote: a person logs in with a browser, on this machine or on another,
//! their commands work without a key of their own, and `parloir logout` ends it.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::administered::{start, write_file};
use crate::house;
use crate::house::{Process, parloir};
use parloir_server::Running;
use serde_json::Value;

/// The issuer, how it names itself, and what it says afterwards.
fn issuer() -> (Process, String, Receiver<String>) {
    let peer = house::peers().join("oidc");
    assert!(peer.is_dir(), "{} is missing: run .ci/peers first", peer.display());
    let mut child = Command::new("node")
        .arg(house::root().join("tests/e2e/peers/issuer.mjs"))
        .arg(peer.canonicalize().unwrap())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let named = lines.find_map(|line| line.strip_prefix("issuer ").map(str::to_owned));
    let (sender, said) = channel();
    // It must be able to say it, whether or not somebody listens.
    std::thread::spawn(move || lines.for_each(|line| drop(sender.send(line))));
    (Process(child), named.expect("the issuer listens"), said)
}

/// Somebody at a machine of their own: their commands, and what those keep.
struct Person {
    api: String,
    log_in: PathBuf,
}

impl Person {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(parloir());
        command
            .args(arguments)
            .env("PARLOIR_API", &self.api)
            .env("PARLOIR_LOG_IN", &self.log_in)
            .env_remove("PARLOIR_KEY")
            .env_remove("PARLOIR_KEY_FILE");
        command
    }

    /// Runs a command, with this key or with that of a log-in: its exit code, and what it printed.
    fn run(&self, key: Option<&str>, arguments: &[&str]) -> (Option<i32>, String, String) {
        let mut command = self.command(arguments);
        if let Some(key) = key {
            command.env("PARLOIR_KEY", key);
        }
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().trim().to_owned();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    fn done(&self, key: Option<&str>, arguments: &[&str]) -> String {
        let (code, printed, beside) = self.run(key, arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {beside}");
        printed
    }

    /// Logs in under this name, in a browser: whether that went well, and what was told.
    fn log_in(&self, name: &str, arguments: &[&str]) -> (bool, String) {
        self.log_in_once(|| {}, name, arguments)
    }

    /// The same; the browser is opened once `asked` is done, after the command has said where.
    fn log_in_once(&self, asked: impl FnOnce(), name: &str, arguments: &[&str]) -> (bool, String) {
        let last = match arguments.contains(&"--device") {
            true => "Sign-in Success",
            false => "Go back to your terminal",
        };
        let arguments = [["login"].as_slice(), arguments].concat();
        let mut login =
            self.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut address = String::new();
        let mut said = BufReader::new(login.stdout.take().unwrap());
        said.read_line(&mut address).unwrap();
        let mut login = Process(login);
        asked();
        let browser = Command::new("node")
            .arg(house::root().join("tests/e2e/peers/browser.mjs"))
            .args([address.trim(), name])
            .output()
            .unwrap();
        let (page, error) =
            (String::from_utf8_lossy(&browser.stdout), String::from_utf8_lossy(&browser.stderr));
        assert!(page.contains(last), "{page}{error}");
        let mut told = String::new();
        login.stderr.take().unwrap().read_to_string(&mut told).unwrap();
        (login.wait().unwrap().success(), told)
    }
}

/// An installation that has the issuer log people in, and a person of its tenant whom the issuer knows: with the key of the
/// tenant's owner, and who the person is there.
async fn known(folder: &Path, issuer: &str) -> (Running, Person, String, Value) {
    let oidc = format!("[admin.oidc]\nissuer = \"{issuer}\"\nclient-id = \"parloir\"\n");
    write_file(folder, &oidc);
    let running = start(folder).await;
    let owner = running.owner_key.clone().unwrap();
    let person = Person { api: running.admin_url.clone().unwrap(), log_in: folder.join("state/log-in") };
    let theirs = person.done(Some(&owner), &["tenant", "add", "cabinet", "--owner", "Anne Durand"]);
    let add = ["user", "add", "--name", "Paul Martin", "--role", "supervisor"];
    let add = [add.as_slice(), ["--oidc-email", "paul@example.com", "--json"].as_slice()].concat();
    let user = serde_json::from_str(&person.done(Some(&theirs), &add)).unwrap();
    (running, person, theirs, user)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_logs_in_by_a_browser_and_out() {
    let folder = tempfile::tempdir().unwrap();
    let (_issuer, named, _said) = issuer();
    let (running, person, theirs, user) = known(folder.path(), &named).await;
    let (code, _, told) = person.run(None, &["line", "list"]);
    assert!(code == Some(2) && told.contains("parloir login"), "{told}");

    let (well, told) = person.log_in("paul@example.com", &["--tenant", "cabinet"]);
    assert!(well && told.contains("logged in"), "{told}");
    let mode = std::fs::metadata(&person.log_in).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "nobody else reads the key");
    assert_eq!(person.done(None, &["line", "list"]), "none");
    let (code, _, told) = person.run(None, &["user", "list"]);
    assert!(code == Some(1) && told.contains("supervisor"), "no more than their role: {told}");
    let keys = person.done(Some(&theirs), &["key", "list"]);
    assert!(keys.contains("log-in") && keys.contains(user["id"].as_str().unwrap()), "{keys}");

    // Another log-in in its place revokes the key of the one before; and what cannot be kept is not made.
    let kept = || serde_json::from_slice::<Value>(&std::fs::read(&person.log_in).unwrap()).unwrap();
    let before = kept();
    let (well, told) = person.log_in("paul@example.com", &["--tenant", "cabinet"]);
    assert!(well && told.contains("logged in"), "{told}");
    let (code, _, told) = person.run(before["key"].as_str(), &["line", "list"]);
    assert!(code == Some(1) && told.contains("revoked"), "{told}");
    let nowhere = Person { api: person.api.clone(), log_in: folder.path().join("parloir.toml/log-in") };
    let (code, printed, told) = nowhere.run(None, &["login", "--tenant", "cabinet"]);
    assert!(code == Some(1) && printed.is_empty() && told.contains("PARLOIR_LOG_IN"), "{told}");
    // A log-in is in the log as what it was, and not as somebody's at the machine.
    let data = folder.path().join("data");
    let listed =
        person.done(None, &["calls", "--json", "--tenant", "cabinet", "--data", data.to_str().unwrap()]);
    let records = listed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut shown = records.map(|record| {
        let show = ["show", record["call"].as_str().unwrap(), "--data", data.to_str().unwrap()];
        person.done(None, &show)
    });
    let log_in = shown.find(|shown| shown.contains("log-in: key")).expect("it is in the log");
    assert!(log_in.contains("by OpenID Connect") && !log_in.contains("on the machine itself"), "{log_in}");

    // The issuer knows others, who are nobody here; and Paul is nobody in the installation.
    for (name, arguments) in
        [("eve@example.com", ["--tenant", "cabinet"].as_slice()), ("paul@example.com", [].as_slice())]
    {
        let (well, told) = person.log_in(name, arguments);
        assert!(!well && told.contains("is known by what the ID token says"), "{told}");
    }
    assert_eq!(person.done(None, &["line", "list"]), "none", "a log-in that fails ends none before it");

    // Its key opens nothing any more, wherever it was copied to.
    let kept = kept();
    person.done(None, &["logout"]);
    assert!(!person.log_in.exists());
    let (code, _, told) = person.run(kept["key"].as_str(), &["line", "list"]);
    assert!(code == Some(1) && told.contains("revoked"), "{told}");
    std::fs::write(&person.log_in, kept.to_string()).unwrap();
    let (code, _, told) = person.run(None, &["logout"]);
    assert!(code == Some(0) && told.contains("revoked, or over, before"), "{told}");
    let (code, _, told) = person.run(None, &["logout"]);
    assert!(code == Some(1) && told.contains("nobody is logged in"), "{told}");
    running.until(std::future::ready(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_logs_in_on_another_device_and_the_command_waits_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let (_issuer, named, said) = issuer();
    let (running, person, ..) = known(folder.path(), &named).await;
    let device = ["--device", "--tenant", "cabinet"];
    let not_yet = || {
        let asked = || said.recv_timeout(Duration::from_secs(60)).expect("the command asks again and again");
        while asked() != "refused authorization_pending" {}
    };
    let (well, told) = person.log_in_once(not_yet, "paul@example.com", &device);
    assert!(well && told.contains("logged in"), "{told}");
    assert_eq!(person.done(None, &["line", "list"]), "none");

    // The issuer knows others, who are nobody here.
    let (well, told) = person.log_in("eve@example.com", &device);
    assert!(!well && told.contains("is known by what the ID token says"), "{told}");
    running.until(std::future::ready(())).await;
}
