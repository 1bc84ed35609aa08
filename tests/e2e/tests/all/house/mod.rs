//! A house for a test: a trial agent behind canned ears and voice, on a free port, in a folder that
//! goes away.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use parloir_journal::{Record, RecordBody};
use parloir_providers::Registry;
use parloir_sandbox::{ArtifactCache, SealKey, Settings};
use parloir_server::{Config, Finished, Folders, Installation, Running, serve};
use parloir_transport::client::{CarrierCall, CarrierEvent, DialOptions};
use parloir_transport::conversation::{self, Conversation, Report, Seen, Step};
use parloir_transport::signature::AuthToken;
use parloir_transport::webhook::DialStatus;

mod process;
pub use process::{Process, free_port, peers, runs, until, until_listening};

pub const LINE: &str = "+33199000001";
pub const FALLBACK: &str = "+33199000002";
pub const CALLER: &str = "+33639980001";
pub const TOKEN: &str = "a-test-token";

pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The names in a folder, in order; none where there is no such folder.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Whether any file below a folder holds these bytes.
pub fn holds(folder: &Path, needle: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, needle);
        }
        // A socket holds nothing.
        let bytes = if path.is_file() { std::fs::read(&path).unwrap() } else { Vec::new() };
        bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
    })
}

/// The built `parloir` command.
pub fn parloir() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let built = test.parent().unwrap().parent().unwrap().join("parloir");
    assert!(
        built.is_file(),
        "{} is missing: run `cargo build --workspace` first, or `.ci/test`",
        built.display()
    );
    built
}

/// An agent's component, built by `parloir build` once per test process.
pub fn component(agent: &str) -> PathBuf {
    static BUILT: OnceLock<std::sync::Mutex<std::collections::HashMap<String, PathBuf>>> = OnceLock::new();
    let mut built = BUILT.get_or_init(Default::default).lock().unwrap();
    built
        .entry(agent.to_owned())
        .or_insert_with(|| {
            let output = Command::new(parloir())
                .args(["build", "--json"])
                .arg(root().join(agent))
                // What every agent in Rust is built upon is built once.
                .env("CARGO_TARGET_DIR", root().join("agents/cabinet/target"))
                .output()
                .unwrap();
            assert!(
                output.status.success(),
                "{agent} was not built:\n{}",
                String::from_utf8_lossy(&output.stderr)
            );
            let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
            PathBuf::from(json["component"].as_str().unwrap())
        })
        .clone()
}

/// What `parloir build` compiled: an interpreter takes half a minute.
pub fn compiled() -> Option<ArtifactCache> {
    let set = |name| std::env::var_os(name).map(PathBuf::from);
    let folder = set("PARLOIR_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|cache| cache.join("parloir")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/parloir")))?;
    let key = std::fs::read(folder.join("compiled.key")).ok()?;
    Some(ArtifactCache::new(folder.join("compiled"), SealKey(key.try_into().ok()?)))
}

pub struct House {
    pub running: Option<Running>,
    pub webhook: String,
    pub folders: Folders,
    _folder: tempfile::TempDir,
}

/// What a house is made of.
pub struct Plan<'a> {
    pub agent: &'a str,
    /// The line's settings for the agent.
    pub settings: &'a [(&'a str, &'a str)],
    /// `ask`, `always` or `never`.
    pub recording: &'a str,
    /// Where callers go whom no agent answers; nowhere where it is empty.
    pub fallback: &'a str,
    /// More of `[server]`.
    pub server: &'a str,
    /// More of the line's table.
    pub line: &'a str,
    /// More of the tenant's table.
    pub tenant: &'a str,
    pub providers: Registry,
}

impl Default for Plan<'_> {
    fn default() -> Self {
        Self {
            agent: "tests/agents/trial",
            settings: &[],
            recording: "always",
            fallback: FALLBACK,
            server: "",
            line: "",
            tenant: "",
            providers: parloir_e2e::canned("Bonjour, je voudrais un rendez-vous.", &[]).unwrap(),
        }
    }
}

impl House {
    pub async fn open(plan: Plan<'_>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::beside(folder.path().join("data"));
        let agent = component(plan.agent);
        let config = config(&agent, folder.path(), &plan);
        let installation =
            Installation::open(&config, &folders, Path::new(""), Some(plan.providers), Settings::default())
                .await
                .unwrap();
        let running = serve(&config, installation).await.unwrap();
        let webhook = format!("{}/twilio/voice", running.public);
        Self { running: Some(running), webhook, folders, _folder: folder }
    }

    /// A house that answered so many calls of [`CALLER`] with an echo, and was closed: each call's identifier and records.
    pub async fn that_answered(calls: usize) -> (Self, Vec<(String, Vec<Record>)>) {
        let mut house = Self::open(Plan { settings: &[("trial", "echo")], ..Plan::default() }).await;
        let mut watch = house.watch();
        let mut answered = Vec::new();
        for _ in 0..calls {
            let steps = vec![Step::new(say("fr_bonjour_rdv")), Step::new(conversation::Action::HangUp)];
            house.ring(steps).await;
            let (finished, records) = house.ended(&mut watch).await;
            answered.push((finished.summary.id.to_string(), records));
        }
        house.running.take().unwrap().until(std::future::ready(())).await;
        (house, answered)
    }

    pub fn options(&self) -> DialOptions {
        DialOptions { transfer_answer: DialStatus::Completed, ..dial_options(LINE) }
    }

    /// Rings and converses; returns what the caller's side saw.
    pub async fn ring(&self, steps: Vec<Step>) -> (Report, Vec<CarrierEvent>) {
        self.ring_with(self.options(), steps).await
    }

    pub async fn ring_with(&self, options: DialOptions, steps: Vec<Step>) -> (Report, Vec<CarrierEvent>) {
        let call = CarrierCall::dial(&self.webhook, options).await.unwrap();
        let conversation = conversation_of(steps);
        let mut events = Vec::new();
        let report = conversation::run(call, &conversation, |seen| {
            if let Seen::Heard(event) = seen {
                events.push(event.clone());
            }
        })
        .await;
        (report, events)
    }

    /// The next call that ends, with its records.
    pub async fn ended(
        &self,
        watch: &mut tokio::sync::broadcast::Receiver<Finished>,
    ) -> (Finished, Vec<Record>) {
        let finished = tokio::time::timeout(Duration::from_secs(40), watch.recv()).await.unwrap().unwrap();
        let journal = &self.running.as_ref().unwrap().installation().storage.journal;
        let mut records = journal.records(&finished.tenant, finished.summary.id).await.unwrap();
        Record::merge_held(&mut records);
        (finished, records)
    }

    pub fn watch(&self) -> tokio::sync::broadcast::Receiver<Finished> {
        self.running.as_ref().unwrap().finished()
    }

    /// Closes the house and verifies what it left.
    pub async fn close(mut self) {
        self.running.take().unwrap().until(std::future::ready(())).await;
        let kms = std::sync::Arc::new(parloir_store::Keyring::open(&self.folders.keys).unwrap());
        let report = parloir_journal::verify(&self.folders.data, kms, None, parloir_journal::Scope::All)
            .await
            .unwrap();
        assert!(report.is_sound(), "{:?}", report.problems);
    }
}

fn config(agent: &Path, folder: &Path, plan: &Plan<'_>) -> Config {
    let token = folder.join("token");
    std::fs::write(&token, TOKEN).unwrap();
    // A test that says nothing of it is no test of what is granted.
    let granted = match plan.line.starts_with("capabilities") {
        true => "",
        false => "capabilities = [\"calendar\", \"memory\", \"documents\", \"transfer\", \"connectors\"]",
    };
    let settings: String = plan.settings.iter().map(|(k, v)| format!("{k:?} = {v:?}\n")).collect();
    let fallback = match plan.fallback {
        "" => String::new(),
        number => format!("fallback-number = {number:?}"),
    };
    let text = format!(
        r#"
        [server]
        listen = "127.0.0.1:0"
        {server}
        [[carrier]]
        kind = "twilio"
        auth-token = {{ file = {token:?} }}
        [[tenant]]
        id = "test"
        {tenant}
        [[tenant.line]]
        number = "{LINE}"
        agent = {agent:?}
        recording = "{recording}"
        {fallback}
        {granted}
        {line}
        [tenant.line.settings]
        {settings}
        "#,
        server = plan.server,
        tenant = plan.tenant,
        recording = plan.recording,
        line = plan.line,
    );
    toml::from_str(&text).unwrap()
}

/// The failures that a call's journal holds, as `kind: reason`.
pub fn failures(records: &[Record]) -> Vec<String> {
    records
        .iter()
        .filter_map(|r| match &r.body {
            RecordBody::Failure(failure) => Some(format!(
                "{:?}: {} {}",
                failure.kind,
                failure.reason,
                failure.detail.as_deref().unwrap_or_default()
            )),
            _ => None,
        })
        .collect()
}

/// Speech-like sound, loud enough for voice activity: a caller's recorded line.
pub fn line(name: &str) -> bytes::Bytes {
    let path = root().join("agents/cabinet/callers").join(format!("{name}.wav"));
    let (samples, _) = parloir_media::read_wav(&std::fs::read(path).unwrap()).unwrap();
    let mut ulaw = Vec::new();
    parloir_media::Codec::Mulaw.encode(&samples, &mut ulaw);
    ulaw.into()
}

pub fn say(name: &str) -> conversation::Action {
    conversation::Action::Say { label: name.to_owned(), ulaw: line(name) }
}

/// How [`CALLER`] rings a line.
pub fn dial_options(line: &str) -> DialOptions {
    DialOptions {
        auth_token: Some(AuthToken::new(TOKEN)),
        from: Some(CALLER.to_owned()),
        ..DialOptions::to(line)
    }
}

/// These steps one after another, by a caller who waits as long as people do.
pub fn conversation_of(steps: Vec<Step>) -> Conversation {
    let (reply_patience, linger) = (Duration::from_secs(8), Duration::from_secs(8));
    Conversation { reply_patience, linger, total: Duration::from_secs(60), steps }
}

/// A line of a tenant for [`Canned`]; `agent` as the file has it.
pub fn line_of(number: &str, agent: &str, fallback: &str) -> String {
    format!(
        "[[tenant.line]]\nnumber = {number:?}\nagent = {agent}\nrecording = \"always\"\n\
         capabilities = [\"memory\", \"transfer\", \"connectors\"]\nfallback-number = {fallback:?}\n"
    )
}

/// A line whose trial agent says back what it hears.
pub fn echo_line(number: &str, fallback: &str) -> String {
    line_of(number, "{agent}", fallback) + "[tenant.line.settings]\ntrial = \"echo\"\n"
}

/// The processes of agents that a server started, and that live.
pub fn cordons(server: u32) -> Vec<u32> {
    parts(server, parloir_server::CORDON)
}

/// The processes that a server started with a word, and that live.
pub fn parts(server: u32, word: &str) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").unwrap();
    let processes = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let is_one = |process: &u32| {
        let of = |file: &str| std::fs::read_to_string(format!("/proc/{process}/{file}")).unwrap_or_default();
        of("status").lines().any(|line| line == format!("PPid:\t{server}"))
            && of("cmdline").split('\0').nth(1) == Some(word)
    };
    processes.filter(is_one).collect()
}

/// The built server with canned speech, in a process of its own that can be killed.
pub struct Canned(Process);

impl Canned {
    /// Starts it on a free port, in a folder, with what is said of its tenant `test`; `{agent}` stands for the trial agent.
    /// Returns it and its voice webhook.
    pub fn start(folder: &Path, tenant: &str) -> (Self, String) {
        Self::start_with(folder, "", tenant)
    }

    /// As [`Canned::start`], with more of `[server]`.
    pub fn start_with(folder: &Path, server: &str, tenant: &str) -> (Self, String) {
        let (token, config) = (folder.join("token"), folder.join("parloir.toml"));
        std::fs::write(&token, TOKEN).unwrap();
        let carrier = format!("[[carrier]]\nkind = \"twilio\"\nauth-token = {{ file = {token:?} }}\n");
        let agent = format!("{:?}", component("tests/agents/trial"));
        let tenant = tenant.replace("{agent}", &agent);
        let server = format!("[server]\nlisten = \"127.0.0.1:0\"\n{server}\n");
        std::fs::write(&config, format!("{server}{carrier}{tenant}")).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_canned-server"))
            .arg("--config")
            .arg(&config)
            .arg("--data")
            .arg(folder.join("data"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").expect("the server listens").to_owned();
        (Self(Process(child)), format!("http://{address}/twilio/voice"))
    }

    /// The processes of agents that it has.
    pub fn cordons(&self) -> Vec<u32> {
        cordons(self.0.id())
    }
}
