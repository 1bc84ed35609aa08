//! The chat client against a server that speaks OpenAI's protocol, tool calls, failures and all.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod peers;

use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use parloir_contract::{Chat, ChatOptions, Finish, Message, Tool, ToolCall, TraceParent, Usage};
use parloir_providers::openai::{Client, OpenAiChat};
use parloir_providers::{
    ChatDelta, ErrorKind, KeyReference, Kind, LanguageModel, ProviderEntry, ProviderError, ProvidersConfig,
    Registry, Side, collect, traced,
};
use tokio::process::Command;

async fn server() -> peers::Server {
    with_keys("").await
}

async fn with_keys(keys: &str) -> peers::Server {
    let program = peers::installed("aimock/node_modules/@copilotkit/aimock/dist/cli.js");
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/chat.json");
    peers::Server::start(|port| {
        let mut command = Command::new("node");
        command.arg(program).args([
            "--host",
            "127.0.0.1",
            "--strict",
            "--validate-on-load",
            "--log-level",
            "silent",
        ]);
        command.arg("--port").arg(port.to_string()).arg("--fixtures").arg(fixtures);
        if !keys.is_empty() {
            command.env("AIMOCK_API_KEYS", keys);
        }
        command
    })
    .await
}

fn entry(server: &peers::Server) -> ProviderEntry {
    let mut entry = server.entry(Kind::OpenaiChat, "mock-1");
    entry.timeout_seconds = Some(2);
    entry
}

fn model(entry: &ProviderEntry) -> OpenAiChat {
    OpenAiChat::new(Client::new().unwrap(), entry).unwrap()
}

fn asking(text: &str) -> Chat {
    let book = Tool {
        name: "book".into(),
        description: "Books.".into(),
        parameters: r#"{"type":"object","properties":{"day":{"type":"string"}}}"#.into(),
    };
    let options = ChatOptions { max_tokens: 50, temperature: Some(0.5), tools: vec![book] };
    Chat { messages: vec![Message::System("Be brief.".into()), Message::User(text.into())], options }
}

async fn failure(server: &peers::Server, text: &str) -> ProviderError {
    let answer = async { collect(model(&entry(server)).chat(asking(text)).await?).await };
    answer.await.expect_err(text)
}

#[tokio::test]
async fn an_answer_streams_in_pieces_with_its_tokens_and_its_models_name() {
    let server = server().await;
    let stream = model(&entry(&server)).chat(asking("say hello")).await.unwrap();
    let deltas: Vec<ChatDelta> = stream.map(Result::unwrap).collect().await;
    let text: String = deltas
        .iter()
        .filter_map(|d| if let ChatDelta::Text(t) = d { Some(t.as_str()) } else { None })
        .collect();
    assert_eq!(text, "Bonjour, « été » ! 👋 Je vous écoute.");
    assert!(deltas.len() > 5, "it came in one piece");
    let usage = Usage { input_tokens: 12, output_tokens: 9 };
    let end = ChatDelta::Finish { finish: Finish::Complete, usage, model: "mock-large".into() };
    assert_eq!(deltas.last(), Some(&end));
}

#[tokio::test]
async fn text_is_there_before_the_answer_is_over_and_dropping_it_ends_it() {
    let server = server().await;
    let model = model(&entry(&server));
    let asked = Instant::now();
    let mut stream = model.chat(asking("at a pace")).await.unwrap();
    assert!(matches!(stream.next().await, Some(Ok(ChatDelta::Text(_)))));
    let first = asked.elapsed();
    let begun = Instant::now();
    while stream.next().await.is_some() {}
    assert!(begun.elapsed() > Duration::from_millis(300), "all came with the first ({first:?})");

    let mut stream = model.chat(asking("at a pace")).await.unwrap();
    stream.next().await.unwrap().unwrap();
    drop(stream);
    assert_eq!(
        collect(model.chat(asking("say hello")).await.unwrap()).await.unwrap().finish,
        Finish::Complete
    );
}

#[tokio::test]
async fn tool_calls_come_whole_and_their_results_go_back() {
    let server = server().await;
    let model = model(&entry(&server));
    let answer = collect(model.chat(asking("book one")).await.unwrap()).await.unwrap();
    let call = ToolCall {
        id: "call_1".into(),
        name: "book".into(),
        arguments: r#"{"day":"2026-03-12","hour":"15:30","name":"Dupont"}"#.into(),
    };
    assert_eq!((answer.finish, answer.tool_calls.as_slice()), (Finish::ToolCalls, [call.clone()].as_slice()));

    let mut chat = asking("book one");
    chat.messages.push(Message::Assistant { text: answer.text, tool_calls: answer.tool_calls });
    chat.messages.push(Message::Tool { id: call.id, content: "done".into() });
    let answer = collect(model.chat(chat).await.unwrap()).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.finish), ("C'est réservé.", Finish::Complete));

    let answer = collect(model.chat(asking("book two")).await.unwrap()).await.unwrap();
    assert_eq!(answer.text, "Je regarde.");
    let calls: Vec<_> =
        answer.tool_calls.iter().map(|c| (c.id.as_str(), c.name.as_str(), c.arguments.as_str())).collect();
    assert_eq!(calls, [("a", "book", r#"{"day":"2026-03-12"}"#), ("b", "free", r#"{"day":"2026-03-13"}"#)]);
}

#[tokio::test]
async fn why_it_stopped_is_told() {
    let server = server().await;
    let model = model(&entry(&server));
    for (text, finish) in [("go on for ever", Finish::Length), ("something forbidden", Finish::Filtered)] {
        assert_eq!(collect(model.chat(asking(text)).await.unwrap()).await.unwrap().finish, finish, "{text}");
    }
}

#[tokio::test]
async fn each_failure_says_its_kind_its_side_and_whether_a_retry_helps() {
    let server = server().await;
    for (text, kind, retry, wait) in [
        ("too many", ErrorKind::RateLimited, true, Some(7)),
        ("no more money", ErrorKind::RateLimited, false, Some(1)),
        ("trouble", ErrorKind::Unavailable, true, None),
        ("not so", ErrorKind::Refused, false, None),
        ("break off", ErrorKind::Disconnected, true, None),
        ("garbage", ErrorKind::Malformed, true, None),
        ("hang up", ErrorKind::Disconnected, true, None),
        ("be slow", ErrorKind::TimedOut, true, None),
        ("stall", ErrorKind::TimedOut, true, None),
    ] {
        let error = failure(&server, text).await;
        assert_eq!((error.kind, error.retry_helps), (kind, retry), "{text}: {error}");
        assert_eq!(error.side, Side::Upstream, "{text}: {error}");
        assert_eq!(error.retry_after, wait.map(Duration::from_secs), "{text}: {error}");
        assert!(!error.to_string().contains("secret words"), "{text}: {error}");
    }
}

#[tokio::test]
async fn an_answer_cut_in_the_middle_keeps_what_came() {
    let server = server().await;
    let mut stream = model(&entry(&server)).chat(asking("break off")).await.unwrap();
    assert!(matches!(stream.next().await, Some(Ok(ChatDelta::Text(_)))));
    let rest: Vec<_> = stream.collect().await;
    assert_eq!(rest.iter().filter(|delta| delta.is_err()).count(), 1);
    assert!(rest.last().unwrap().is_err(), "it went on after its error");
}

#[tokio::test]
async fn a_server_that_dies_in_the_middle_is_a_disconnection() {
    let mut server = server().await;
    let mut stream = model(&entry(&server)).chat(asking("at a pace")).await.unwrap();
    stream.next().await.unwrap().unwrap();
    server.kill().await;
    let last = stream.collect::<Vec<_>>().await.pop().unwrap();
    assert_eq!(last.unwrap_err().kind, ErrorKind::Disconnected);
    assert_eq!(failure(&server, "say hello").await.kind, ErrorKind::Connect);
}

#[tokio::test]
async fn the_key_is_read_from_its_file_and_a_wrong_one_is_named_without_showing_it() {
    let server = with_keys("right-key").await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("key");
    let mut entry = entry(&server);
    entry.api_key = Some(KeyReference::File(file.clone()));

    std::fs::write(&file, "right-key\n").unwrap();
    assert!(collect(model(&entry).chat(asking("say hello")).await.unwrap()).await.is_ok());

    std::fs::write(&file, "wrong-key\n").unwrap();
    let Err(error) = model(&entry).chat(asking("say hello")).await else { panic!("a wrong key is served") };
    assert_eq!(error.kind, ErrorKind::Unauthorized);
    assert!(error.to_string().contains("api-key") && !error.to_string().contains("wrong-key"), "{error}");
    assert!(!format!("{:?}", model(&entry)).contains("wrong-key"));

    std::fs::remove_file(&file).unwrap();
    let error = OpenAiChat::new(Client::new().unwrap(), &entry).unwrap_err().to_string();
    assert!(error.contains("api-key") && error.contains("key"), "{error}");
}

#[tokio::test]
async fn the_registry_hands_out_models_in_the_order_they_are_written() {
    let server = server().await;
    let one = |name: &str| {
        let mut entry = entry(&server);
        entry.name = name.into();
        entry
    };
    let config = ProvidersConfig { providers: vec![one("first"), one("second")] };
    let mut builder = Registry::builder();
    for entry in config.providers {
        builder = builder.start(entry, Path::new("unused")).unwrap();
    }
    let registry = builder.build();
    let names: Vec<_> = registry.llm().iter().map(|p| p.name()).collect();
    assert_eq!(names, ["first", "second"]);
    let answer = collect(registry.llm()[1].chat(asking("say hello")).await.unwrap()).await.unwrap();
    assert_eq!(answer.finish, Finish::Complete);
}

#[tokio::test]
async fn a_request_carries_its_step_of_the_calls_trace_unless_its_provider_is_not_to_know() {
    let server = server().await;
    let step = TraceParent::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap();
    let mut reserved = entry(&server);
    reserved.trace_context = Some(false);
    let asked = [(entry(&server), Some(step)), (entry(&server), None), (reserved, Some(step))];
    for (entry, step) in asked {
        let model = model(&entry);
        let answer = traced(step, async { collect(model.chat(asking("say hello")).await?).await }).await;
        assert_eq!(answer.unwrap().finish, Finish::Complete);
    }
    let journal = format!("{}/__aimock/journal", server.base.trim_end_matches("/v1"));
    let journal = reqwest::get(journal).await.unwrap().bytes().await.unwrap();
    let journal: serde_json::Value = serde_json::from_slice(&journal).unwrap();
    let carried: Vec<_> =
        journal.as_array().unwrap().iter().map(|r| r["headers"]["traceparent"].as_str()).collect();
    assert_eq!(carried, [Some(step.to_string().as_str()), None, None]);
}
