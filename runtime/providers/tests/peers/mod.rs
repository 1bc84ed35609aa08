//! Starts the real servers these clients are tested against. `.ci/peers` installs them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code, unreachable_pub)]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use parloir_providers::{Kind, ProviderEntry, Role};
use tokio::process::{Child, Command};

/// Where `.ci/peers` put them.
pub fn installed(what: &str) -> PathBuf {
    let dir = std::env::var_os("PARLOIR_PEERS")
        .map(PathBuf::from)
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers"));
    let path = dir.join(what);
    assert!(
        path.exists(),
        "{} is missing: run .ci/peers first (it installs the servers to test against)",
        path.display()
    );
    path.canonicalize().unwrap()
}

/// A running server; killed when dropped.
pub struct Server {
    child: Child,
    pub base: String,
}

impl Server {
    /// Starts a command that is told its port, and waits until it accepts connections.
    pub async fn start(build: impl FnOnce(u16) -> Command) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = build(port);
        command.env("HF_HUB_OFFLINE", "1").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.kill_on_drop(true).spawn().expect("the server starts");
        let deadline = Instant::now() + Duration::from_secs(120);
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(child.try_wait().unwrap().is_none(), "the server ended before it listened: {command:?}");
            assert!(Instant::now() < deadline, "the server does not listen after two minutes");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Self { child, base: format!("http://127.0.0.1:{port}/v1") }
    }

    /// Kills it now, in the middle of whatever it does.
    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// The entry of a provider it serves.
    pub fn entry(&self, kind: Kind, model: &str) -> ProviderEntry {
        let mut entry = ProviderEntry::in_code("peer", kind.role().unwrap_or(Role::LanguageModel));
        entry.kind = kind;
        entry.model = Some(model.to_owned());
        entry.endpoint = Some(self.base.parse().unwrap());
        entry
    }
}

/// The mono 16-bit samples and the rate of a WAV; µ-law is decoded by ITU-T G.711.
pub fn wav(path: &Path) -> (Vec<i16>, u32) {
    let bytes = std::fs::read(path).unwrap();
    let format = u16::from_le_bytes([bytes[20], bytes[21]]);
    let rate = u32::from_le_bytes(bytes[24..28].try_into().unwrap());
    let data = bytes.windows(4).position(|w| w == b"data").unwrap() + 8;
    let mulaw = |byte: &u8| {
        let byte = !byte;
        let magnitude = ((i32::from(byte & 0x0f) << 3) + 0x84) << (byte >> 4 & 7);
        let linear = magnitude - 0x84;
        (if byte & 0x80 == 0 { linear } else { -linear }) as i16
    };
    let samples = match format {
        7 => bytes[data..].iter().map(mulaw).collect(),
        1 => bytes[data..].chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect(),
        other => panic!("format {other}"),
    };
    (samples, rate)
}

/// A caller's line, as it comes over a telephone.
pub fn caller(name: &str) -> (Vec<i16>, u32) {
    wav(&Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/caller/{name}.wav")))
}

/// The words, without case, accents kept, punctuation or spelling of the spaces.
pub fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_lowercase).collect()
}
