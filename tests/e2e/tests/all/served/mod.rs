//! The built `parloir serve` with the trial agent, in a process of its own: with ears that nobody uses, for callers press keys, and
//! the embedded voice.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::house::{FALLBACK, LINE, Process, TOKEN, parloir};

/// A server that ends with the test.
pub struct Served {
    pub process: Process,
    /// What it said until it was ready, a line each.
    said: Vec<String>,
}

impl Served {
    /// Serves the component `agent` in a folder, with more of `[server]` and of the whole file. It is ready once it has said
    /// something with `last` in it.
    pub fn start(folder: &Path, file: (&str, &str, &str), last: &str) -> Self {
        let mut process = Process(Self::command(folder, file).spawn().unwrap());
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut said = Vec::new();
        while said.last().is_none_or(|line: &String| !line.contains(last)) {
            let Some(Ok(line)) = lines.next() else {
                let mut error = String::new();
                process.stderr.take().unwrap().read_to_string(&mut error).unwrap();
                panic!("the server does not answer: {said:?} {error}");
            };
            said.push(line.trim().to_owned());
        }
        // It has more to say, and must be able to.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, said }
    }

    /// The same, not started yet.
    pub fn command(folder: &Path, (agent, server, more): (&str, &str, &str)) -> Command {
        std::fs::write(folder.join("token"), TOKEN).unwrap();
        let config = format!(
            r#"
            [server]
            listen = "127.0.0.1:0"
            {server}
            [[carrier]]
            kind = "twilio"
            auth-token = {{ file = "token" }}
            [[provider]]
            name = "ears"
            role = "speech-to-text"
            kind = "openai-transcription"
            model = "none"
            endpoint = "http://127.0.0.1:9/v1/"
            region = "this machine"
            legal-mechanism = "in-house"
            trains-on-data = false
            retention-days = 0
            [[tenant]]
            id = "test"
            [[tenant.line]]
            number = "{LINE}"
            agent = {agent:?}
            recording = "always"
            fallback-number = "{FALLBACK}"
            capabilities = ["memory", "transfer", "connectors"]
            [tenant.line.settings]
            trial = "echo"
            {more}
            "#
        );
        std::fs::write(folder.join("parloir.toml"), config).unwrap();
        // As from a careless starter: with few files, and one that is left open.
        let mut command = Command::new("sh");
        command
            .args(["-c", "ulimit -Sn 512; exec \"$0\" \"$@\" 9</dev/zero"])
            .arg(parloir())
            .args(["serve", "--config", "parloir.toml", "--data", "data"])
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// What it said after these words.
    pub fn told(&self, words: &str) -> &str {
        let found = self.said.iter().find_map(|line| Some(line.split_once(words)?.1));
        found.unwrap_or_else(|| panic!("{words:?} is not in {:?}", self.said))
    }

    /// Sends it a signal, such as `-HUP`.
    pub fn signal(&self, signal: &str) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }
}
