//! Nothing leaves for a provider that the journal does not know of: the server is killed again and again at points drawn
//! from a seed, while its calls ask a language model, and every request that reached the model is looked for in the journal.
//!
//! 20 times by default; `PARLOIR_KILLS` says another number, `PARLOIR_SEED` another seed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::house;
use crate::house::{Canned, LINE};
use parloir_contract::{HostCall, Message};
use parloir_journal::{Journal, RecordBody, Scope};
use parloir_server::{Folders, Storage};
use parloir_transport::client::{CarrierCall, DialOptions};

const CALLS: usize = 3;

fn number_of(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().unwrap())
}

/// What reached a language model. It is a fake, and counts.
#[derive(Default)]
struct Reached {
    /// Requests of which anything came.
    begun: u64,
    /// The questions of those that came whole, with the round of the server that asked.
    questions: BTreeMap<String, u64>,
    round: u64,
}

fn model(reached: Arc<Mutex<Reached>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let reached = Arc::clone(&reached);
            std::thread::spawn(move || drop(answer(connection.unwrap(), &reached)));
        }
    });
    port
}

/// Takes one request after another from a connection. An error is a server that was killed.
fn answer(mut connection: TcpStream, reached: &Mutex<Reached>) -> std::io::Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    loop {
        let (mut length, mut line) = (0, String::new());
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        reached.lock().unwrap().begun += 1;
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let question = body["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap();
        {
            let mut reached = reached.lock().unwrap();
            let round = reached.round;
            reached.questions.insert(question.to_owned(), round);
        }
        let chunk = serde_json::json!({
            "id": "1", "object": "chat.completion.chunk", "created": 1, "model": "counting",
            "choices": [{ "index": 0, "delta": { "role": "assistant", "content": "Oui." }, "finish_reason": "stop" }],
        });
        let answer = format!("data: {chunk}\n\ndata: [DONE]\n\n");
        let length = answer.len();
        write!(
            connection,
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {length}\r\n\r\n{answer}"
        )?;
    }
}

fn tenant(port: u16) -> String {
    format!(
        r#"
[[provider]]
name = "counting"
role = "language-model"
kind = "openai-chat"
model = "counting"
region = "local"
legal-mechanism = "none needed"
trains-on-data = false
retention-days = 0
endpoint = "http://127.0.0.1:{port}/v1/"
[[tenant]]
id = "test"
[[tenant.line]]
number = "{LINE}"
agent = {{agent}}
recording = "always"
capabilities = ["model"]
[tenant.line.settings]
trial = "questions"
greet = "no"
"#
    )
}

/// The questions for which the journal has the start of an attempt at the model, and how many such starts there are.
async fn journaled(journal: &Journal) -> (BTreeSet<String>, u64) {
    let tenant = "test".parse().unwrap();
    let (mut questions, mut starts, mut from) = (BTreeSet::new(), 0, None);
    loop {
        let page = journal.calls(&tenant, from.as_ref(), 500).await.unwrap();
        for entry in &page.calls {
            let records = journal.records(&tenant, entry.call).await.unwrap();
            let mut asked = HashMap::new();
            for record in &records {
                match &record.body {
                    RecordBody::HostCallStarted(started) => {
                        if let Some(HostCall::Chat(chat)) = &started.arguments
                            && let Some(Message::User(question)) = chat.messages.last()
                        {
                            asked.insert(record.seq, question.clone());
                        }
                    }
                    RecordBody::ProviderStarted(started) if started.provider == "counting" => {
                        starts += 1;
                        questions.extend(started.purpose.and_then(|call| asked.get(&call).cloned()));
                    }
                    _ => {}
                }
            }
        }
        match page.next {
            Some(next) => from = Some(next),
            None => return (questions, starts),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_reached_a_provider_is_in_the_journal_whenever_the_server_is_killed() {
    let (kills, seed) = (number_of("PARLOIR_KILLS", 20), number_of("PARLOIR_SEED", 1));
    let folder = tempfile::tempdir().unwrap();
    let reached = Arc::new(Mutex::new(Reached::default()));
    let tenant = tenant(model(Arc::clone(&reached)));
    for round in 0..kills {
        reached.lock().unwrap().round = round;
        let (server, webhook) = Canned::start(folder.path(), &tenant);
        let mut dialling = tokio::task::JoinSet::new();
        for _ in 0..CALLS {
            let options = DialOptions { ring: Duration::ZERO, ..house::dial_options(LINE) };
            let webhook = webhook.clone();
            dialling.spawn(async move { CarrierCall::dial(&webhook, options).await });
        }
        // In every second round the calls are asking by then.
        let before = reached.lock().unwrap().begun;
        let mut patience = (round % 2) * 500;
        while patience > 0 && reached.lock().unwrap().begun == before {
            tokio::time::sleep(Duration::from_millis(10)).await;
            patience -= 1;
        }
        // splitmix64: up to 300 ms from the first ring, or from the first question.
        let mut point = seed.wrapping_add((round + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        point = (point ^ (point >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        point = (point ^ (point >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        tokio::time::sleep(Duration::from_micros((point ^ (point >> 31)) % 300_000)).await;
        drop(server);
        dialling.abort_all();
    }
    let storage = Storage::open(&Folders::beside(folder.path().join("data"))).await.unwrap();
    let report = storage.journal.verify(Scope::All).await.unwrap();
    assert!(report.is_sound() && report.unclosed.is_empty(), "{report:?}");
    let (known, starts) = journaled(&storage.journal).await;
    storage.close().await;
    let reached = reached.lock().unwrap();
    println!(
        "{kills} kills, seed {seed}: {} requests reached the provider, {} of them whole; the journal has {starts} starts",
        reached.begun,
        reached.questions.len()
    );
    let unknown: Vec<_> =
        reached.questions.iter().filter(|(question, _)| !known.contains(*question)).collect();
    assert!(unknown.is_empty(), "the journal knows nothing of these (seed {seed}): {unknown:?}");
    assert!(reached.begun <= starts, "{} requests, {starts} starts (seed {seed})", reached.begun);
    assert!(reached.questions.len() as u64 > kills, "next to nothing was asked: the test shows nothing");
}
