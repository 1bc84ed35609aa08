//! What an operator's instruments are told of a real call, by somebody else's receiver: every step of it, and nothing that
//! was said.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::JoinHandle;

use crate::house;
use crate::house::{CALLER, LINE, Process, TOKEN, component, free_port, peers, say, until_listening};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use parloir_contract::TraceParent;
use parloir_transport::client::{CarrierCall, DialOptions};
use parloir_transport::conversation::{self, Action, Step};
use serde_json::{Value, json};

/// Takes OTLP over HTTP by the library, and prints every request as a line of JSON.
const RECEIVER: &str = "
import json, logging, sys
from google.protobuf.json_format import MessageToDict
from oteltest.sink import HttpSink
from oteltest.sink.handler import RequestHandler

class Print(RequestHandler):
    def show(self, kind, request, headers):
        print(json.dumps({'kind': kind, 'headers': headers, 'body': MessageToDict(request)}), flush=True)
    def handle_trace(self, request, headers): self.show('traces', request, headers)
    def handle_metrics(self, request, headers): self.show('metrics', request, headers)
    def handle_logs(self, request, headers): self.show('logs', request, headers)

HttpSink(Print(), logging.getLogger(), port=int(sys.argv[1]), daemon=False).start()
";

/// A port on which only the system's owner could listen, and nobody does.
const NOBODY: u16 = 1;
const CARRIER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
const TENANT: &str = "cabinet-kermadec";
/// What nobody but the caller, the agent and the model may know of the call.
const SAID: &str = "Je voudrais parler de mon genou-canari.";
const ANSWERED: &str = "Le docteur Canarix vous attend.";
const NOTED: &str = "un-argument-canari";

fn spawn(command: &mut Command) -> Process {
    let child = command.stdin(Stdio::null()).spawn();
    Process(child.unwrap_or_else(|error| panic!("{command:?}: {error}; `.ci/peers` installs it")))
}

/// The receiver, and what it was told until it ends.
fn receiver() -> (Process, u16, JoinHandle<Vec<Value>>) {
    let port = free_port();
    let mut python = Command::new(peers().join("oteltest/bin/python"));
    let mut process = spawn(
        python.args(["-c", RECEIVER]).arg(port.to_string()).stdout(Stdio::piped()).stderr(Stdio::null()),
    );
    let lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
    let told = std::thread::spawn(move || {
        lines.map(|line| serde_json::from_str(&line).unwrap()).collect::<Vec<Value>>()
    });
    until_listening(port);
    (process, port, told)
}

/// A server of chat completions that remembers what it was asked.
fn model(folder: &Path) -> (Process, u16) {
    let port = free_port();
    let fixtures = folder.join("fixtures.json");
    let usage = json!({ "prompt_tokens": 12, "completion_tokens": 9 });
    let answer = json!({
        "match": { "userMessage": "genou-canari" },
        "response": { "content": ANSWERED, "model": "mock-large", "usage": usage },
    });
    std::fs::write(&fixtures, json!({ "fixtures": [answer] }).to_string()).unwrap();
    let mut node = Command::new("node");
    node.arg(peers().join("aimock/node_modules/@copilotkit/aimock/dist/cli.js"))
        .args(["--host", "127.0.0.1", "--strict", "--log-level", "silent", "--port"])
        .arg(port.to_string())
        .arg("--fixtures")
        .arg(fixtures)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let process = spawn(&mut node);
    until_listening(port);
    (process, port)
}

/// The built server, where it listens, and what it writes to its log.
fn server(folder: &Path, model: u16, telemetry: &str) -> (Process, String, JoinHandle<String>) {
    let token = folder.join("token");
    std::fs::write(&token, TOKEN).unwrap();
    let agent = component("tests/agents/trial");
    let text = format!(
        r#"
        [server]
        listen = "127.0.0.1:0"
        {telemetry}
        [[carrier]]
        kind = "twilio"
        auth-token = {{ file = {token:?} }}
        [[provider]]
        name = "main"
        role = "language-model"
        kind = "openai-chat"
        model = "mock-1"
        endpoint = "http://127.0.0.1:{model}/v1/"
        region = "EU"
        legal-mechanism = "in-house"
        trains-on-data = false
        retention-days = 0
        [[tenant]]
        id = "{TENANT}"
        [[tenant.line]]
        number = "{LINE}"
        agent = {agent:?}
        recording = "always"
        capabilities = ["memory", "model"]
        [tenant.line.settings]
        trial = "model"
        note = "{NOTED}"
        "#
    );
    let config = folder.join("parloir.toml");
    std::fs::write(&config, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_canned-server"));
    command.arg("--config").arg(&config).arg("--data").arg(folder.join("data")).args(["--said", SAID]);
    command.env("PARLOIR_LOG", "info,parloir=trace").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = spawn(&mut command);
    let mut errors = process.stderr.take().unwrap();
    let log = std::thread::spawn(move || {
        let mut text = String::new();
        errors.read_to_string(&mut text).unwrap();
        text
    });
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let Some(address) = line.trim().strip_prefix("listening on ") else { panic!("{:?}", log.join()) };
    (process, format!("http://{address}/twilio/voice"), log)
}

/// Rings, says a sentence, hears the answer and hangs up.
async fn ring(webhook: &str) {
    let options = DialOptions { trace: TraceParent::parse(CARRIER), ..house::dial_options(LINE) };
    let call = CarrierCall::dial(webhook, options).await.unwrap();
    let conversation =
        house::conversation_of(vec![Step::new(say("fr_bonjour_rdv")), Step::new(Action::HangUp)]);
    conversation::run(call, &conversation, |_| {}).await;
}

/// Ends the server as an operator does, and returns its log.
fn stop(mut server: Process, log: JoinHandle<String>) -> String {
    let id = server.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert!(server.wait().unwrap().success());
    log.join().unwrap()
}

/// All there is under `outer[].inner[].items[]`, with the schema it follows.
fn items(told: &[Value], kind: &str, [outer, inner, items]: [&str; 3]) -> Vec<Value> {
    let mut found = Vec::new();
    for request in told.iter().filter(|request| request["kind"] == kind) {
        for resource in request["body"][outer].as_array().unwrap() {
            assert_eq!(attribute(&resource["resource"], "service.name"), "parloir");
            for scope in resource[inner].as_array().unwrap() {
                assert_eq!(scope["schemaUrl"], "https://opentelemetry.io/schemas/1.37.0", "{kind}");
                found.extend(scope[items].as_array().unwrap().iter().cloned());
            }
        }
    }
    found
}

fn attribute(of: &Value, name: &str) -> String {
    let all = of["attributes"].as_array();
    let Some(found) = all.and_then(|all| all.iter().find(|pair| pair["key"] == name)) else {
        return String::new();
    };
    let value = found["value"].as_object().unwrap().values().next().unwrap();
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// An identifier, as headers write it.
fn hex(id: &Value) -> String {
    let bytes = BASE64_STANDARD.decode(id.as_str().unwrap_or_default()).unwrap();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_of_a_call_is_traced_from_carrier_to_provider_and_nothing_that_was_said_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let (receiver, port, told) = receiver();
    let (_model, asked) = model(folder.path());
    let key = folder.path().join("key");
    std::fs::write(&key, "a-collectors-key").unwrap();
    let telemetry =
        format!("[telemetry]\nendpoint = \"http://127.0.0.1:{port}\"\napi-key = {{ file = {key:?} }}");
    let (server, webhook, log) = server(folder.path(), asked, &telemetry);
    ring(&webhook).await;
    let journaled = asked_of(asked).await;
    let log = stop(server, log);
    // What was sent last was taken before the server ended: all of it is in the pipe.
    drop(receiver);
    let told = told.join().unwrap();
    assert!(told.iter().all(|request| request["headers"]["authorization"] == "Bearer a-collectors-key"));

    let spans = items(&told, "traces", ["resourceSpans", "scopeSpans", "spans"]);
    let named = |name: &str| {
        let mut found = spans.iter().filter(|span| span["name"].as_str().unwrap().starts_with(name));
        found.next().unwrap_or_else(|| panic!("no span {name} in {spans:#?}"))
    };
    let (root, turn, listen) = (named("call"), named("turn"), named("host_call call.listen"));
    let (host, chat) = (named("host_call model.chat"), named("chat mock-1"));
    let (ears, voice) = (named("speech_to_text"), named("text_to_speech"));
    assert!(spans.iter().all(|span| hex(&span["traceId"]) == "4bf92f3577b34da6a3ce929d0e0e4736"));
    assert_eq!(hex(&root["parentSpanId"]), "00f067aa0ba902b7");
    for (child, parent) in [(turn, root), (listen, root), (host, root), (chat, host), (ears, listen)] {
        assert_eq!(child["parentSpanId"], parent["spanId"], "{} in {}", child["name"], parent["name"]);
    }
    let says: Vec<_> = spans.iter().filter(|span| span["name"] == "host_call call.say").collect();
    assert!(says.iter().any(|say| say["spanId"] == voice["parentSpanId"]), "{voice} in {says:?}");
    let call = attribute(root, "parloir.call.id");
    assert!(spans.iter().all(|span| attribute(span, "gen_ai.conversation.id") == call));
    assert!(spans.iter().all(|span| attribute(span, "parloir.tenant") == TENANT));
    assert_eq!(attribute(root, "parloir.call.outcome"), "abandoned");
    let of_chat = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "main"),
        ("gen_ai.request.model", "mock-1"),
        ("gen_ai.usage.input_tokens", "12"),
        ("gen_ai.usage.output_tokens", "9"),
        ("parloir.provider.region", "EU"),
    ];
    for (name, value) in of_chat {
        assert_eq!(attribute(chat, name), value, "{name}");
    }
    assert!(!attribute(turn, "parloir.turn.reply_ms").is_empty());

    let metrics = items(&told, "metrics", ["resourceMetrics", "scopeMetrics", "metrics"]);
    for name in [
        "gen_ai.client.operation.duration",
        "gen_ai.client.token.usage",
        "parloir.calls.active",
        "parloir.call.duration",
        "parloir.turn.latency",
        "parloir.host_call.duration",
    ] {
        assert!(metrics.iter().any(|metric| metric["name"] == name), "{name} in {metrics:#?}");
    }
    let labels = Value::from(metrics).to_string();
    for nowhere in [TENANT, call.as_str(), LINE] {
        assert!(!labels.contains(nowhere), "{nowhere} is on a label: {labels}");
    }

    let records = items(&told, "logs", ["resourceLogs", "scopeLogs", "logRecords"]);
    let [end] = &records[..] else { panic!("{records:#?}") };
    assert_eq!(end["eventName"], "parloir.call.ended");
    assert_eq!(
        (attribute(end, "parloir.tenant").as_str(), attribute(end, "parloir.call.id")),
        (TENANT, call.clone())
    );
    assert_eq!((&end["traceId"], &end["spanId"]), (&root["traceId"], &root["spanId"]));

    // The model was told which step of which trace it is, what the agent sent it, and nothing else.
    let step = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-{}-01", hex(&chat["spanId"]));
    let mut requests = journaled.as_array().unwrap().iter();
    let request = requests.find(|request| request["headers"]["traceparent"] == step.as_str());
    let Some(request) = request else { panic!("{step} is not in {journaled:#?}") };
    let request = json!([request["path"], request["headers"], request["body"]]).to_string();
    assert!(request.contains("genou-canari"));

    let everything = Value::from(told).to_string();
    let caller = CALLER.trim_start_matches('+');
    for (whose, text, canaries) in [
        ("telemetry", &everything, vec!["canari", "Canarix", caller]),
        ("the log", &log, vec!["canari", "Canarix", caller, "a-collectors-key"]),
        ("the model's request", &request, vec![NOTED, "Canarix", caller, TENANT, call.as_str()]),
    ] {
        for canary in canaries {
            assert!(!text.contains(canary), "{canary} is in {whose}: {text}");
        }
    }
}

/// What the model's server was asked, by its own journal.
async fn asked_of(port: u16) -> Value {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut socket = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = b"GET /__aimock/journal HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n";
    socket.write_all(request).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_costs_a_line_in_the_log_and_the_call_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (_model, asked) = model(folder.path());
    let telemetry = format!("[telemetry]\nendpoint = \"http://127.0.0.1:{NOBODY}\"");
    let (server, webhook, log) = server(folder.path(), asked, &telemetry);
    ring(&webhook).await;
    assert!(!asked_of(asked).await.as_array().unwrap().is_empty(), "the model was asked");
    let log = stop(server, log);
    assert_eq!(log.matches("collector does not take").count(), 1, "{log}");
    assert!(log.contains("a call is over"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_never_answers_costs_the_call_nothing_and_the_server_ends_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (_model, asked) = model(folder.path());
    // The system takes connections, and what is sent on them, for who listens; nobody reads it.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let telemetry = format!("[telemetry]\nendpoint = \"http://127.0.0.1:{port}\"");
    let (server, webhook, log) = server(folder.path(), asked, &telemetry);
    ring(&webhook).await;
    assert!(!asked_of(asked).await.as_array().unwrap().is_empty(), "the model was asked");
    // Who waited for an answer would be here until the test's own time is over.
    let log = stop(server, log);
    assert!(log.contains("a call is over"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_telemetry_no_provider_is_told_of_a_trace() {
    let folder = tempfile::tempdir().unwrap();
    let (_model, asked) = model(folder.path());
    let (server, webhook, log) = server(folder.path(), asked, "");
    ring(&webhook).await;
    let journaled = asked_of(asked).await;
    stop(server, log);
    let requests = journaled.as_array().unwrap();
    assert!(!requests.is_empty(), "the model was asked");
    assert!(requests.iter().all(|request| request["headers"].get("traceparent").is_none()), "{journaled:#?}");
}
