//! `parloir talk --web`, the built binary: a page that only this machine reaches, and a browser that
//! speaks with the agent through it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::browser::Browser;
use crate::house;

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
    _process: house::Process,
    address: String,
    folder: tempfile::TempDir,
}

impl Talk {
    fn begin() -> Self {
        Self::with(AGENT, |_| Vec::new())
    }

    /// With this agent, and more arguments, which may name files of the agent's folder.
    fn with(agent: &str, more: impl FnOnce(&Path) -> Vec<std::ffi::OsString>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("agent.c"), agent).unwrap();
        let mut child = Command::new(house::parloir())
            .args(["talk", "--web", "--language", "en-GB"])
            .args(more(folder.path()))
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
        Self { _process: house::Process(child), address, folder }
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

/// Is put through twice, and says what became of it.
const HANDING_OVER: &str = r#"#include <parloir.h>

static parloir_outcome answer(const parloir_call *call) {
    (void)call;
    for (int i = 0; i < 2; i++) {
        parloir_handover handover;
        if (parloir_transfer("", "One moment.", &handover)) return parloir_failed(parloir_reason());
        if (handover == PARLOIR_HANDOVER_BUSY) parloir_say("They were busy.");
        if (handover == PARLOIR_HANDOVER_NO_ANSWER) parloir_say("Nobody answered.");
        if (handover == PARLOIR_HANDOVER_ANSWERED) return parloir_transferred();
    }
    return parloir_done();
}

PARLOIR_AGENT(answer, "desk", "0.1.0", .languages = {"en-GB"}, .needs = PARLOIR_NEEDS_TRANSFER);
"#;

/// Rings as the page does, and gives what it was told until the call was over.
async fn ring(talk: &Talk, meanwhile: impl AsyncFn()) -> Vec<serde_json::Value> {
    use futures_util::StreamExt;
    use tokio_tungstenite::tungstenite::Message;
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;

    let (host, path) = talk.parts();
    let mut request = format!("ws://{host}{path}call").into_client_request().unwrap();
    request.headers_mut().insert("Origin", format!("http://{host}").parse().unwrap());
    let socket = tokio::net::TcpStream::connect(host).await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async(request, socket).await.unwrap();
    meanwhile().await;
    let mut told = Vec::new();
    let all = async {
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Text(text) = message {
                told.push(serde_json::from_str(&text).unwrap());
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), all).await.unwrap();
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_spoken_from_the_page_is_put_through_as_its_scene_has_it_and_each_is_saved() {
    let talk = Talk::with(HANDING_OVER, |folder| {
        let scene = folder.join("scene.yaml");
        let text = "conversation: Two hand-overs\nlanguage: en-GB\nfallback_number: \"+33199009999\"\ntransfers: [busy, no_answer]\nsteps: [hangs_up]\n";
        std::fs::write(&scene, text).unwrap();
        let saved = folder.join("talk.yaml");
        ["--scene".into(), scene.into(), "--save".into(), saved.into()].into()
    });
    let (host, path) = talk.parts();
    let ours = format!("Host: {host}\r\n");
    assert_eq!(talk.get(path, &ours).0, 200);
    for file in ["talk.yaml", "talk-2.yaml"] {
        let told = ring(&talk, async || {
            // Meanwhile another page has no line, and is told why and what to do.
            let (status, page) = talk.get(path, &ours);
            assert_eq!(status, 409, "{page}");
            assert!(page.contains("text/html") && page.contains("Hang up there"), "{page}");
            let (status, why) = talk.get(&format!("{path}call"), &ours);
            assert_eq!(status, 409, "{why}");
            assert!(why.contains("hang up there"), "{why}");
        })
        .await;
        let said: Vec<&str> = told
            .iter()
            .filter(|what| what["kind"] == "saying" && what["text"] != "One moment.")
            .filter_map(|what| what["text"].as_str())
            .collect();
        assert_eq!(said, ["They were busy.", "Nobody answered."], "{told:#?}");
        let file = talk.folder.path().join(file);
        for _ in 0..100 {
            if file.is_file() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let saved = std::fs::read_to_string(&file).unwrap();
        assert!(saved.contains("transfers: [busy, no_answer]"), "{saved}");
        // The line is free once the page before is gone.
        for _ in 0..100 {
            if talk.get(path, &ours).0 == 200 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// What the page's script does at its edges, without anybody on the line: a socket that stays silent.
const EDGES: &str = r#"
window.tracks = [];
const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wanted) => {
  const heard = await ask(wanted);
  window.tracks.push(...heard.getTracks());
  return heard;
};
window.RealSocket = WebSocket;
class Silent {
  static CONNECTING = 0; static OPEN = 1; static CLOSING = 2; static CLOSED = 3;
  readyState = 0;
  send() { throw new Error("it is not open"); }
  close() { this.readyState = 3; }
}
window.WebSocket = Silent;
window.failed = [];
addEventListener("error", (event) => window.failed.push(String(event.message)));
true
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_spoken_into_leaves_no_microphone_on() {
    let talk = Talk::begin();
    let file = tempfile::NamedTempFile::with_suffix(".wav").unwrap();
    microphone(file.path());
    let mut page = Browser::open(&talk.address, file.path()).await;
    let patience = Duration::from_secs(20);
    page.until("document.readyState === 'complete' && document.getElementById('call') !== null", patience)
        .await;
    page.value(EDGES).await;
    let off = "window.tracks.length > 0 && window.tracks.every((track) => track.readyState === 'ended') && !document.getElementById('call').disabled";
    // Nobody has answered yet: a key goes nowhere, and who hangs up gives the call up.
    page.value("document.getElementById('call').click()").await;
    page.until("document.getElementById('state').textContent === 'Ringing…'", patience).await;
    assert_eq!(page.value("window.tracks.every((track) => track.readyState === 'live')").await, true);
    page.value("document.querySelector('#keys button').click()").await;
    page.value("document.getElementById('hang-up').click()").await;
    page.until(off, patience).await;
    assert_eq!(page.value("window.failed.join()").await, "");
    assert_eq!(page.value("document.getElementById('state').textContent").await, "The call is over.");
    // What fails once the microphone is on turns it off again.
    page.value("AudioWorklet.prototype.addModule = () => Promise.reject(new Error('no worklet')); window.tracks = []; true").await;
    page.value("document.getElementById('call').click()").await;
    page.until(off, patience).await;
    assert_eq!(page.value("document.getElementById('state').textContent").await, "no worklet");
}
