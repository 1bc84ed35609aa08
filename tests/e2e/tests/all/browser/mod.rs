//! A headless Chromium whose microphone is a WAV file, by its DevTools protocol.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::house::Process;

/// A page in a browser of its own.
pub struct Browser {
    _process: Process,
    page: WebSocketStream<TcpStream>,
    asked: u64,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Opens the page; its microphone is granted, and plays this file once from when it is opened.
    pub async fn open(address: &str, microphone: &Path) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let program = std::env::var("CHROMIUM").unwrap_or_else(|_| "chromium".to_owned());
        let mut child = Command::new(&program)
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
            .args(["--no-first-run", "--disable-background-networking", "--mute-audio"])
            .args(["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"])
            .arg(format!("--use-file-for-fake-audio-capture={}%noloop", microphone.display()))
            .args(["--autoplay-policy=no-user-gesture-required", "--remote-debugging-port=0"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(address)
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}; `.ci/setup` installs it"));
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let listening = tokio::task::spawn_blocking(move || {
            let at = lines.find_map(|line| {
                line.ok()?
                    .strip_prefix("DevTools listening on ws://")
                    .map(|rest| rest.split('/').next().unwrap().to_owned())
            });
            // It must not write into a pipe that nobody reads.
            std::thread::spawn(move || lines.for_each(drop));
            at.expect("the browser opens its DevTools")
        });
        let host = listening.await.unwrap();
        let path = loop {
            let pages = get(&host, "/json/list").await;
            let page = pages.as_array().unwrap().iter().find(|page| page["url"] == address);
            if let Some(page) = page {
                break page["webSocketDebuggerUrl"].as_str().unwrap().to_owned();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        let socket = TcpStream::connect(&host).await.unwrap();
        let (page, _) = tokio_tungstenite::client_async(path, socket).await.unwrap();
        Self { _process: Process(child), page, asked: 0, _profile: profile }
    }

    /// The value of an expression in the page, as if a person had just touched it.
    pub async fn value(&mut self, expression: &str) -> Value {
        self.asked += 1;
        let params = json!({ "expression": expression, "userGesture": true, "returnByValue": true, "awaitPromise": true });
        let ask = json!({ "id": self.asked, "method": "Runtime.evaluate", "params": params });
        self.page.send(Message::text(ask.to_string())).await.unwrap();
        loop {
            let Message::Text(text) = self.page.next().await.unwrap().unwrap() else { continue };
            let answer: Value = serde_json::from_str(&text).unwrap();
            if answer["id"] == self.asked {
                assert!(answer["result"]["exceptionDetails"].is_null(), "{answer}");
                return answer["result"]["result"]["value"].clone();
            }
        }
    }

    /// Waits until an expression is true.
    pub async fn until(&mut self, expression: &str, within: Duration) {
        let deadline = tokio::time::Instant::now() + within;
        while self.value(expression).await != true {
            if tokio::time::Instant::now() > deadline {
                let shown = self.value("document.body.innerText").await;
                panic!("{expression} was not so within {within:?}; the page shows {shown}");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// A JSON document of the browser's.
async fn get(host: &str, path: &str) -> Value {
    let mut socket = TcpStream::connect(host).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // The browser keeps the connection: as much is read as it says there is.
    loop {
        let text = String::from_utf8_lossy(&answer).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                line.to_ascii_lowercase()
                    .strip_prefix("content-length:")
                    .map(|n| n.trim().parse::<usize>().unwrap())
            });
            if length.is_some_and(|length| body.len() >= length) {
                return serde_json::from_str(body).unwrap();
            }
        }
        if socket.read_buf(&mut answer).await.unwrap() == 0 {
            return json!([]);
        }
    }
}
