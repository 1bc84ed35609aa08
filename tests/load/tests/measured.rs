//! The built binary against the built `parloir serve`: `api`, `deploy` and `tenants` count all that they did, print every figure,
//! and say by their exit code whether what was to be reached was. How long anything takes is not judged.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

const LINE: &str = "+33199000001";
const LOAD: &str = env!("CARGO_BIN_EXE_parloir-load");

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The built `parloir` command.
fn parloir() -> PathBuf {
    let built = Path::new(LOAD).with_file_name("parloir");
    assert!(built.is_file(), "{} is missing: run `cargo build --workspace` first", built.display());
    built
}

/// The trial agent's component.
fn component() -> String {
    let output = Command::new(parloir())
        .args(["build", "--json"])
        .arg(root().join("tests/agents/trial"))
        // What every agent in Rust is built upon is built once.
        .env("CARGO_TARGET_DIR", root().join("agents/cabinet/target"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let built: Value = serde_json::from_slice(&output.stdout).unwrap();
    built["component"].as_str().unwrap().to_owned()
}

/// Runs `parloir-load` with a key: its exit code, and what it printed.
fn load(key: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(LOAD).args(arguments).env("PARLOIR_KEY", key).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let beside = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_ne!(output.status.code(), Some(2), "{arguments:?}: {beside}");
    (output.status.code(), printed)
}

/// A figure that was measured, and what it is.
fn figure(of: &Value, name: &str) -> f64 {
    let figure = of[name].as_f64().unwrap_or_else(|| panic!("{name} is not in {of}"));
    assert!(figure.is_finite() && figure >= 0.0, "{name} is {figure}");
    figure
}

/// Rows of a table are there, each with its figures.
fn has_rows(table: &str, rows: &[&str]) {
    for row in rows {
        let line = table.lines().find_map(|line| line.strip_prefix(row));
        let line = line.unwrap_or_else(|| panic!("{row} is not in\n{table}"));
        assert!(
            line.split_whitespace().filter_map(|figure| figure.parse::<f64>().ok()).count() >= 2,
            "{table}"
        );
    }
}

/// A server with a tenant `cabinet`, whose admin's key is known, and an agent `desk` of its own on a line.
struct Served {
    process: Child,
    api: String,
    webhook: String,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ended_already = self.process.kill();
        let _ended_already = self.process.wait();
    }
}

impl Served {
    /// Starts it. Returns the key of the installation's owner too.
    fn start(folder: &Path) -> (Self, String) {
        // Ears that nobody uses: callers only listen.
        let file = "[server]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n\
             [[carrier]]\nkind = \"twilio\"\nauth-token = { file = \"token\" }\n\
             [[provider]]\nname = \"ears\"\nrole = \"speech-to-text\"\nkind = \"openai-transcription\"\n\
             model = \"none\"\nendpoint = \"http://127.0.0.1:9/v1/\"\nregion = \"this machine\"\n\
             legal-mechanism = \"in-house\"\ntrains-on-data = false\nretention-days = 0\n";
        std::fs::write(folder.join("token"), "load-token").unwrap();
        std::fs::write(folder.join("parloir.toml"), file).unwrap();
        let mut process = Command::new(parloir())
            .args(["serve", "--config", "parloir.toml", "--data", "data"])
            .current_dir(folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut served = Self { process, api: String::new(), webhook: String::new() };
        let first = "parloir_installation_";
        loop {
            let line = lines.next().unwrap_or_else(|| panic!("the server ended")).unwrap();
            if let Some((_, api)) = line.split_once("administration: ") {
                // What colours it goes with its end.
                served.api = api.split('\u{1b}').next().unwrap().trim().to_owned();
            }
            if let Some((_, webhook)) = line.split_once("webhook to POST ") {
                served.webhook = webhook.split(';').next().unwrap().to_owned();
            }
            if let Some((_, key)) = line.split_once(first) {
                let owner = format!("{first}{}", key.trim());
                // It has more to say, and must be able to.
                std::thread::spawn(move || lines.for_each(drop));
                return (served, owner);
            }
        }
    }

    /// Runs a command with a key: what it printed.
    fn done(&self, key: &str, arguments: &[&str]) -> String {
        let output = Command::new(parloir())
            .args(arguments)
            .env("PARLOIR_API", &self.api)
            .env("PARLOIR_KEY", key)
            .env_remove("PARLOIR_KEY_FILE")
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// A user with a key: the key.
    fn user(&self, by: &str, role: &str) -> String {
        let user = self.done(by, &["user", "add", "--name", role, "--role", role, "--json"]);
        let user: Value = serde_json::from_str(&user).unwrap();
        self.done(by, &["key", "add", "--user", user["id"].as_str().unwrap(), "--name", role])
    }

    /// Makes the tenant, its agent and its line. Returns its admin's key.
    fn furnish(&self, owner: &str, component: &str) -> String {
        let operator = self.user(owner, "operator");
        let theirs = self.done(owner, &["tenant", "add", "cabinet", "--owner", "Anne Durand"]);
        let admin = self.user(&theirs, "admin");
        self.done(&operator, &["number", "give", LINE, "--tenant", "cabinet"]);
        self.done(&admin, &["agent", "policy", "--unsigned", "allow", "--self-approval", "allow"]);
        let pushed = self.done(&admin, &["agent", "push", "desk", component, "--json"]);
        let pushed: Value = serde_json::from_str(&pushed).unwrap();
        let version = pushed["id"].as_str().unwrap();
        self.done(&admin, &["agent", "approve", "desk", version]);
        self.done(&admin, &["agent", "promote", "desk", version]);
        self.done(&admin, &["line", "set", LINE, "--agent", "desk", "--recording", "always"]);
        admin
    }
}

#[test]
fn requests_and_deploys_are_all_counted() {
    let folder = tempfile::tempdir().unwrap();
    let component = component();
    let (served, owner) = Served::start(folder.path());
    let admin = served.furnish(&owner, &component);

    // The administration and its floor are asked the same.
    let api = ["api", "--api", served.api.as_str(), "--rate", "20", "--within-ms"];
    let (code, printed) = load(&admin, &[api.as_slice(), &["60000", "--seconds", "5", "--json"]].concat());
    let all: Value = serde_json::from_str(&printed).unwrap();
    let requests = all["requests"].as_array().unwrap();
    let names: Vec<_> = requests.iter().map(|run| run["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["floor", "api"], "{printed}");
    for run in requests {
        assert_eq!((figure(run, "per_second"), figure(run, "seconds")), (20.0, 5.0));
        assert_eq!((figure(run, "answered"), figure(run, "writes")), (100.0, 10.0), "{printed}");
        assert_eq!((figure(run, "failed"), figure(run, "held_back")), (0.0, 0.0), "{printed}");
        assert_eq!(run["refused"], serde_json::json!({}), "{printed}");
        let [p50, p95, p99, max] = ["p50_ms", "p95_ms", "p99_ms", "max_ms"].map(|name| figure(run, name));
        assert!(0.0 < p50 && p50 <= p95 && p95 <= p99 && p99 <= max, "{printed}");
        for name in ["reads_p99_ms", "writes_p99_ms", "own_lateness_p99_ms"] {
            figure(run, name);
        }
    }
    assert_eq!((&all["in-time"], &all["calls"]), (&Value::Bool(true), &serde_json::json!([])), "{printed}");
    // A late machine makes the run invalid: the client's to say, and no failure of this test.
    let valid = requests.iter().all(|run| run["valid"] == true);
    assert_eq!(code, Some(i32::from(!valid)), "{printed}");
    let (code, printed) = load(&admin, &[api.as_slice(), &["0", "--seconds", "1"]].concat());
    assert!(code == Some(1) && printed.contains("NOT HELD"), "{printed}");
    has_rows(&printed, &["answered", "of them writes", "p50, ms", "p99, ms", "refused", "held back"]);

    let deploy = [
        "deploy",
        "--api",
        served.api.as_str(),
        "--component",
        component.as_str(),
        "--agent",
        "desk",
        "--line",
        LINE,
    ];
    let rings =
        ["--url", served.webhook.as_str(), "--auth-token", "load-token", "--rounds", "1", "--within-s"];
    let deploy = [deploy.as_slice(), &rings].concat();
    let (code, printed) = load(&admin, &[deploy.as_slice(), &["3600", "--json"]].concat());
    let all: Value = serde_json::from_str(&printed).unwrap();
    let [round] = all["rounds"].as_array().unwrap().as_slice() else { panic!("{printed}") };
    let parts = ["push_s", "approve_s", "promote_s", "call_s"].map(|name| figure(round, name));
    assert!((parts.iter().sum::<f64>() - figure(round, "total_s")).abs() < 1e-6, "{printed}");
    assert!(figure(round, "floor_s") > 0.0 && parts[0] > 0.0 && parts[3] > 0.0, "{printed}");
    assert_eq!((code, &all["held"]), (Some(0), &Value::Bool(true)), "{printed}");
    let versions = || {
        let agents = std::fs::read_dir(folder.path().join("data/tenants/cabinet/agents")).unwrap();
        agents
            .filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().starts_with("sha256-"))
            .count()
    };
    assert_eq!(versions(), 3, "the first, the one that does not count, and one a round");
    let (code, printed) = load(&admin, &[deploy.as_slice(), &["0"]].concat());
    assert!(code == Some(1) && printed.contains("NOT HELD"), "{printed}");
    has_rows(&printed, &["floor: a call without a deploy", "upload, compile and check", "all of it"]);
    assert_eq!(versions(), 5);
}

#[test]
fn every_tenant_is_started_with_an_agent_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let component = component();
    let models =
        std::env::var("PARLOIR_MODELS").unwrap_or_else(|_| root().join("models").display().to_string());
    let keep = folder.path().to_str().unwrap();
    let tenants = [
        "tenants",
        "--agent",
        component.as_str(),
        "--tenants",
        "20",
        "--models",
        models.as_str(),
        "--keep",
        keep,
    ];
    let within = ["--within-kib", "1000000000", "--within-s"];
    let tenants = [tenants.as_slice(), &within].concat();
    let (code, printed) = load("", &[tenants.as_slice(), &["3600", "--json"]].concat());
    let all: Value = serde_json::from_str(&printed).unwrap();
    for (name, count) in [("floor", 1_u32), ("installation", 20)] {
        let starts = &all[name];
        assert_eq!(starts["tenants"], count, "{printed}");
        assert!(figure(starts, "cold_s") > 0.0 && figure(starts, "warm_s") > 0.0, "{printed}");
        assert!(figure(&starts["memory"], "anon_kib") > 100.0, "{printed}");
        assert!(figure(&starts["memory"], "file_kib") > 100.0, "{printed}");
        figure(&starts["memory"], "shared_kib");
        let agents = folder.path().join(format!("tenants-{count}/agents"));
        let mut components: Vec<_> = std::fs::read_dir(agents)
            .unwrap()
            .map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .collect();
        components.sort();
        components.dedup();
        assert_eq!(components.len(), usize::try_from(count).unwrap(), "two have the same component");
    }
    figure(&all, "kib-per-tenant");
    assert_eq!((code, &all["held"]), (Some(0), &Value::Bool(true)), "{printed}");

    // Once more, from what is compiled by now.
    let (code, printed) = load("", &[tenants.as_slice(), &["0"]].concat());
    assert!(code == Some(1) && printed.contains("NOT HELD"), "{printed}");
    has_rows(&printed, &["first start, s", "start from the warm cache, s", "memory of its own, MiB"]);
}
