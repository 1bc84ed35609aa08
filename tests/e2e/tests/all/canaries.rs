//! Whatever callers say, in whatever form: what their line keeps from models reaches none, and nothing that was said, asked,
//! answered, noted or dialled reaches an operator's instruments or a log.
//!
//! 6 calls by default; `PARLOIR_CALLS` says another number, `PARLOIR_SEED` another seed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::house::{House, LINE, Plan, say};
use crate::improvised::Chance;
use async_trait::async_trait;
use parloir_e2e::CannedVoice;
use parloir_providers::{
    ProviderEntry, ProviderError, Registry, Role, SpeechRequest, SpeechStream, SpeechToText, TextToSpeech,
    Transcript, Transcription, TranscriptionRequest,
};
use parloir_transport::client::DialOptions;
use parloir_transport::conversation::{Action, Step};

/// A setting of the line, which the agent keeps to itself.
const NOTED: &str = "un-argument-canari";
const ANSWERED: &str = "Le docteur Canarix vous attend.";

fn number_of(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().unwrap())
}

/// What one caller is understood to say.
struct Said {
    text: String,
    /// What a model may be told, and nobody else.
    word: String,
    /// What a model may not be told either, as it was said and, of numbers, as digits alone.
    kept: Vec<String>,
}

impl Said {
    fn by(chance: &mut Chance) -> Self {
        let word = format!("canari{}", letters(chance));
        let separator = one(chance, &[" ", "-", "", ", "]);
        let card = card(chance);
        let groups: Vec<String> = card.as_bytes().chunks(4).map(written).collect();
        let groups = groups.join(separator);
        let phone = format!("0639981{:03}", chance.below(1_000));
        let pairs: Vec<String> = phone.as_bytes().chunks(2).map(written).collect();
        let pairs = pairs.join(one(chance, &[" ", ""]));
        let email = format!("{}@exemple.fr", letters(chance));
        let mut sentences = [
            format!("ma carte est la {groups} voilà"),
            format!("rappelez-moi au {pairs} merci"),
            format!("écrivez à {email} s'il vous plaît"),
            format!("je viens pour mon {word} gauche"),
        ];
        let first = usize::try_from(chance.below(4)).unwrap();
        sentences.rotate_left(first);
        Self { text: sentences.join(" et "), word, kept: vec![groups, card, pairs, phone, email] }
    }
}

fn written(digits: &[u8]) -> String {
    String::from_utf8(digits.to_vec()).unwrap()
}

fn one<'a>(chance: &mut Chance, of: &[&'a str]) -> &'a str {
    of[usize::try_from(chance.below(of.len() as u64)).unwrap()]
}

fn letters(chance: &mut Chance) -> String {
    (0..8).map(|_| char::from(b'a' + u8::try_from(chance.below(26)).unwrap())).collect()
}

/// 16 digits that pass the Luhn check.
fn card(chance: &mut Chance) -> String {
    let digits: Vec<u64> = std::iter::once(4).chain((0..14).map(|_| chance.below(10))).collect();
    let sum: u64 = digits.iter().rev().enumerate().map(|(place, digit)| doubled(place, *digit)).sum();
    let check = (10 - sum % 10) % 10;
    digits.iter().chain([&check]).map(u64::to_string).collect()
}

fn doubled(place: usize, digit: u64) -> u64 {
    match (place % 2, digit * 2) {
        (0, twice) if twice > 9 => twice - 9,
        (0, twice) => twice,
        (_, _) => digit,
    }
}

/// Ears that understand something else each time. A fake.
struct Ears {
    chance: Mutex<Chance>,
    said: Arc<Mutex<Vec<Said>>>,
}

struct Utterance {
    text: String,
    language: String,
}

#[async_trait]
impl SpeechToText for Ears {
    async fn open(&self, request: TranscriptionRequest) -> Result<Box<dyn Transcription>, ProviderError> {
        let said = Said::by(&mut self.chance.lock().unwrap());
        let text = said.text.clone();
        self.said.lock().unwrap().push(said);
        Ok(Box::new(Utterance { text, language: request.language }))
    }
}

#[async_trait]
impl Transcription for Utterance {
    fn push(&mut self, _samples: &[i16]) {}

    fn partial(&self) -> Option<String> {
        None
    }

    async fn finish(self: Box<Self>) -> Result<Transcript, ProviderError> {
        Ok(Transcript { text: self.text, confidence: Some(1.0), language: self.language })
    }
}

/// A voice that remembers what it was asked to speak. A fake.
struct Voice(Arc<Mutex<Vec<String>>>);

#[async_trait]
impl TextToSpeech for Voice {
    async fn speak(&self, request: SpeechRequest) -> Result<SpeechStream, ProviderError> {
        self.0.lock().unwrap().push(request.text.clone());
        CannedVoice.speak(request).await
    }
}

/// What was taken over HTTP: heads and bodies.
type Taken = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// Takes requests over HTTP, keeps them, and answers all alike. A fake.
fn listener(kind: &'static str, answer: String) -> (u16, Taken) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let taken = Taken::default();
    let into = Arc::clone(&taken);
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let (into, answer) = (Arc::clone(&into), answer.clone());
            std::thread::spawn(move || drop(take(connection.unwrap(), &into, kind, &answer)));
        }
    });
    (port, taken)
}

/// Takes one request after another from a connection, until it is closed.
fn take(mut connection: TcpStream, into: &Taken, kind: &str, answer: &str) -> std::io::Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    loop {
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let begun = head.len();
            if reader.read_line(&mut head)? == 0 {
                return Ok(());
            }
            let line = head[begun..].trim_end();
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        into.lock().unwrap().push((head, body));
        let length = answer.len();
        write!(
            connection,
            "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{answer}"
        )?;
    }
}

fn model() -> (u16, Taken) {
    let chunk = serde_json::json!({
        "id": "1", "object": "chat.completion.chunk", "created": 1, "model": "listening",
        "choices": [{ "index": 0, "delta": { "role": "assistant", "content": ANSWERED }, "finish_reason": "stop" }],
    });
    listener("text/event-stream", format!("data: {chunk}\n\ndata: [DONE]\n\n"))
}

fn providers(model: u16, ears: Ears, voice: Voice) -> Registry {
    let model: ProviderEntry = toml::from_str(&format!(
        r#"
        name = "listening"
        role = "language-model"
        kind = "openai-chat"
        model = "listening"
        region = "local"
        legal-mechanism = "none needed"
        trains-on-data = false
        retention-days = 0
        endpoint = "http://127.0.0.1:{model}/v1/"
        "#
    ))
    .unwrap();
    let (to_text, to_speech) = (Role::SpeechToText, Role::TextToSpeech);
    let builder =
        Registry::builder().speech_to_text(ProviderEntry::in_code("ears", to_text), Arc::new(ears)).unwrap();
    let builder =
        builder.text_to_speech(ProviderEntry::in_code("voice", to_speech), Arc::new(voice)).unwrap();
    builder.start(model, Path::new("")).unwrap().build()
}

/// All that this process writes to its log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_from_models_instruments_and_logs_reaches_none_of_them() {
    let (calls, seed) = (number_of("PARLOIR_CALLS", 6), number_of("PARLOIR_SEED", 1));
    println!("{calls} calls, seed {seed}");
    let log = Log::default();
    let into = log.clone();
    tracing_subscriber::fmt()
        .with_env_filter("info,parloir=trace")
        .with_ansi(false)
        .with_writer(move || into.clone())
        .init();

    let (said, spoken) = (Arc::<Mutex<Vec<Said>>>::default(), Arc::<Mutex<Vec<String>>>::default());
    let (model, asked) = model();
    let (collector, told) = listener("application/x-protobuf", String::new());
    let ears = Ears { chance: Mutex::new(Chance::new(seed)), said: Arc::clone(&said) };
    let line = "capabilities = [\"memory\", \"model\"]\nminimise = [\"card-numbers\", \"phone-numbers\", \"email-addresses\"]";
    let house = House::open(Plan {
        settings: &[("trial", "model"), ("note", NOTED)],
        line,
        tenant: &format!("[telemetry]\nendpoint = \"http://127.0.0.1:{collector}\""),
        providers: providers(model, ears, Voice(Arc::clone(&spoken))),
        ..Plan::default()
    })
    .await;
    let callers: Vec<String> =
        (0..calls).map(|n| format!("+3363998{:04}", 7_000 + (seed + n) % 1_000)).collect();
    let ringing = callers.iter().map(|caller| {
        let steps = vec![Step::new(say("fr_bonjour_rdv")), Step::new(Action::HangUp)];
        house.ring_with(DialOptions { from: Some(caller.clone()), ..house.options() }, steps)
    });
    futures_util::future::join_all(ringing).await;
    house.close().await;

    let (said, spoken) = (said.lock().unwrap(), spoken.lock().unwrap());
    let (asked, told) = (asked.lock().unwrap(), told.lock().unwrap());
    let log = text(&log.0.lock().unwrap());
    assert!(asked.len() as u64 >= calls, "{} questions of {calls} calls", asked.len());

    for (head, body) in &*asked {
        let question: serde_json::Value = serde_json::from_slice(body).unwrap();
        let question = question["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap();
        assert!(said.iter().any(|said| question.contains(&said.word)), "what may be told is: {question}");
        let (request, numbers) = (format!("{head}{}", text(body)), digits(question));
        for kept in said.iter().flat_map(|said| &said.kept) {
            assert!(!request.contains(kept), "{kept} reached the model (seed {seed}): {request}");
            let number = digits(kept);
            assert!(number.is_empty() || !numbers.contains(&number), "{kept} (seed {seed}): {question}");
        }
        for elsewhere in callers.iter().map(|caller| caller.trim_start_matches('+')).chain([NOTED, LINE]) {
            assert!(!request.contains(elsewhere), "{elsewhere} reached the model: {request}");
        }
    }
    for sentence in &*spoken {
        for kept in said.iter().flat_map(|said| said.kept.iter().chain([&said.word])) {
            assert!(
                !sentence.contains(kept),
                "{kept} reached the voice, which was to say the model's answer"
            );
        }
    }

    let told: String = told.iter().map(|(head, body)| format!("{head}{}", text(body))).collect();
    for known in ["/v1/traces", "/v1/metrics", "/v1/logs", "host_call model.chat", "chat listening"] {
        assert!(told.contains(known), "the instruments were told of {known}: {told}");
    }
    assert!(
        log.matches("a call is over").count() as u64 >= calls && log.contains("the agent warns"),
        "{log}"
    );
    let words = said.iter().flat_map(|said| said.kept.iter().chain([&said.word])).map(String::as_str);
    let callers = callers.iter().map(|caller| caller.trim_start_matches('+'));
    for canary in words.chain(callers).chain([NOTED, "Canarix"]) {
        assert!(!told.contains(canary), "{canary} reached the instruments (seed {seed}): {told}");
        assert!(!log.contains(canary), "{canary} is in the log (seed {seed}): {log}");
    }
}
