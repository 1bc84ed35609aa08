//! `parloir talk --web`, the built binary: a page that only this machine reaches, and a browser that
//! speaks with the agent through it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod browser;
mod house;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use browser::Browser;

/// Hears a wish, repeats it, wants a key, and says goodbye.
const AGENT: &str = r#"#include <parloir.h>

static parloir_outcome answer(const parloir_call *call) {
    parloir_reply reply;
    (void)call;
    if (parloir_ask("Hello. What can I do?", &reply, .patience = 20000)) return parloir_failed(parloir_reason());
    if (reply.turn.kind != PARLOIR_SPEECH) return parloir_abandoned();
    parloir_say(parloir_text("You said: %s", reply.turn.text));
    if (parloir_ask("Press one.", &reply, .expecting = PARLOIR_EXPECTING_DIGITS, .max_digits = 1, .patience = 20000))
        return parloir_failed(parloir_reason());
    if (reply.turn.kind != PARLOIR_DIGITS) return parloir_abandoned();
    parloir_say("Goodbye.");
    return parloir_done();
}

PARLOIR_AGENT(answer, "desk", "0.1.0", .languages = {"en-GB"});
"#;

/// `parloir talk --web`.
struct Talk {
    child: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Talk {
    fn begin() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("agent.c"), AGENT).unwrap();
        let mut child = Command::new(house::parloir())
            .args(["talk", "--web", "--language", "en-GB"])
            .arg(folder.path())
            .arg("--models")
            .arg(std::env::var_os("PARLOIR_MODELS").unwrap_or_else(|| house::root().join("models").into()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines
            .by_ref()
            .find_map(|line| {
                line.ok()?.split_whitespace().find(|word| word.starts_with("http://")).map(str::to_owned)
            })
            .expect("the command says where the page is");
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address, _folder: folder }
    }

    /// `127.0.0.1:PORT`, and the path.
    fn parts(&self) -> (&str, &str) {
        let rest = self.address.strip_prefix("http://").unwrap();
        rest.split_at(rest.find('/').unwrap())
    }

    /// The status of a request, as any program could send it, and what came with it.
    fn get(&self, path: &str, headers: &str) -> (u16, String) {
        let mut socket = TcpStream::connect(self.parts().0).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        write!(socket, "GET {path} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n").unwrap();
        let mut answer = String::new();
        let _ = socket.read_to_string(&mut answer);
        (answer.split(' ').nth(1).unwrap_or_default().parse().unwrap_or(0), answer)
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A microphone's sound: silence while the agent asks, then a caller's line.
fn microphone(file: &Path) {
    let wav = std::fs::read(house::root().join("agents/cabinet/callers/en_hello_appointment.wav")).unwrap();
    let (samples, rate) = parloir_media::read_wav(&wav).unwrap();
    let rate = rate.hertz();
    let quiet = |seconds: u32| std::iter::repeat_n(0_i16, (seconds * rate) as usize);
    let sound: Vec<u8> = quiet(5).chain(samples).chain(quiet(60)).flat_map(i16::to_le_bytes).collect();
    let length = u32::try_from(sound.len()).unwrap();
    let mut bytes = Vec::new();
    for part in [&b"RIFF"[..], &(length + 36).to_le_bytes(), b"WAVEfmt ", &16_u32.to_le_bytes()] {
        bytes.extend_from_slice(part);
    }
    for (value, width) in [(1_u32, 2), (1, 2), (rate, 4), (rate * 2, 4), (2, 2), (16, 2)] {
        bytes.extend_from_slice(&value.to_le_bytes()[..width]);
    }
    bytes.extend_from_slice(b"data");
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&sound);
    std::fs::write(file, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spoken_call_from_a_browser_is_heard_answered_and_over() {
    let talk = Talk::begin();

    let (host, path) = talk.parts();
    let ours = format!("Host: {host}\r\n");
    assert_eq!(talk.get(path, &ours).0, 200);
    let (status, foreign) = talk.get(path, "Host: attacker.example\r\n");
    assert_eq!(status, 403, "a name that somebody else gave this machine: {foreign}");
    assert!(!foreign.contains("page.js"));
    assert_eq!(talk.get("/00000000000000000000000000000000/", &ours).0, 404);
    assert_eq!(talk.get("/", &ours).0, 404);
    let upgrade =
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    let from =
        |origin: &str| talk.get(&format!("{path}call"), &format!("{ours}{upgrade}Origin: {origin}\r\n")).0;
    assert_eq!(from("http://attacker.example"), 403);
    assert_eq!(from("null"), 403);

    let file = tempfile::NamedTempFile::with_suffix(".wav").unwrap();
    microphone(file.path());
    let mut page = Browser::open(&talk.address, file.path()).await;
    let shows = |words: &str| format!("document.body.innerText.includes({words:?})");
    page.until(
        "document.readyState === 'complete' && document.getElementById('call') !== null",
        Duration::from_secs(20),
    )
    .await;
    page.value("document.getElementById('call').click()").await;
    page.until(&shows("Hello. What can I do?"), Duration::from_secs(20)).await;
    // What the microphone sounded was understood: it is on the caller's side, and the agent repeats it.
    page.until(
        "[...document.querySelectorAll('.caller')].some((said) => said.textContent.includes('appointment'))",
        Duration::from_secs(40),
    )
    .await;
    page.until(&shows("You said:"), Duration::from_secs(10)).await;
    page.until(&shows("Press one."), Duration::from_secs(20)).await;
    page.value(
        "[...document.querySelectorAll('#keys button')].find((key) => key.textContent === '1').click()",
    )
    .await;
    page.until(&shows("Goodbye."), Duration::from_secs(30)).await;
    page.until(&shows("ended: done"), Duration::from_secs(30)).await;
    for (side, least) in [("you", 0.05), ("them", 0.05)] {
        let peak = page.value(&format!("Number(document.getElementById('{side}').dataset.peak)")).await;
        assert!(peak.as_f64().unwrap() > least, "{side}: {peak}");
    }
}
