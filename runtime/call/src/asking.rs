//! Asking the language model: every configured one in turn, each attempt journaled.

use std::sync::Arc;

use futures_util::StreamExt;
use parloir_contract::{Answer, Chat, ChatOptions, Finish, Message, Refusal, Usage};
use parloir_journal::{ProviderStatus, ProviderUsage};
use parloir_providers::{ChatDelta, ChatStream, ProviderError, Sentences};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::attempt::{Attempt, Sent, failed};
use crate::shared::Shared;

/// Tokens of one answer where the agent does not say.
const DEFAULT_TOKENS: u32 = 400;
/// Messages of one request, at most.
const MESSAGES: usize = 200;
/// Sentences that may wait for the reactor.
const SENTENCES: usize = 16;

/// What a model writes for a voice to speak.
#[derive(Debug)]
pub(crate) enum Written {
    /// A whole sentence.
    Sentence(String),
    /// The end, with the whole answer.
    Done(Box<Answer>),
    /// Every model failed, or the one that answered broke off.
    Failed,
}

/// Asks and waits for the whole answer.
pub(crate) async fn chat(
    shared: &Shared,
    messages: Vec<Message>,
    options: ChatOptions,
) -> Result<Answer, Refusal> {
    answer(shared, messages, options, |_| {}).await
}

/// Asks in a task of its own and sends each sentence as soon as it is whole.
pub(crate) fn write(
    shared: &Arc<Shared>,
    messages: Vec<Message>,
    options: ChatOptions,
) -> (mpsc::Receiver<Written>, AbortHandle) {
    let (sender, written) = mpsc::channel(SENTENCES);
    let shared = shared.clone();
    let task = tokio::spawn(async move {
        // Bounded by the answer itself: a provider gives at most 256 KiB of text.
        let (texts, mut pieces) = mpsc::unbounded_channel::<String>();
        let speaking = async {
            let mut sentences = Sentences::default();
            while let Some(text) = pieces.recv().await {
                for sentence in sentences.push(&text) {
                    if sender.send(Written::Sentence(sentence)).await.is_err() {
                        return;
                    }
                }
            }
            if let Some(rest) = sentences.finish() {
                let _ = sender.send(Written::Sentence(rest)).await;
            }
        };
        let asking = async {
            let answer = answer(&shared, messages, options, |text| drop(texts.send(text.to_owned()))).await;
            drop(texts);
            answer
        };
        let (answer, ()) = tokio::join!(asking, speaking);
        let last = match answer {
            Ok(answer) => Written::Done(Box::new(answer)),
            Err(_) => Written::Failed,
        };
        let _ = sender.send(last).await;
    });
    (written, task.abort_handle())
}

/// Asks every model in turn until one answers, and hands on its text as it comes. A model that
/// breaks off in the middle is not followed by another: the caller may have heard the beginning.
async fn answer(
    shared: &Shared,
    messages: Vec<Message>,
    mut options: ChatOptions,
    mut text: impl FnMut(&str),
) -> Result<Answer, Refusal> {
    check(&messages, &mut options)?;
    if shared.providers.llm().is_empty() {
        let remedy = "no language model is configured: add a [[provider]] with role = \"language-model\"";
        return Err(Refusal::Unavailable(remedy.into()));
    }
    let sent = Sent { bytes: 0, characters: characters(&messages) };
    for (number, provider) in (1..).zip(shared.providers.llm()) {
        let request = Chat { messages: messages.clone(), options: options.clone() };
        let begun = Attempt::begin(shared, provider.entry(), number, sent).await;
        let mut attempt = begun.map_err(|e| Refusal::Unavailable(e.to_string()))?;
        let mut received = 0;
        let result = match provider.chat(request).await {
            Ok(stream) => gather(stream, &mut attempt, &mut received, &mut text).await,
            Err(error) => Err(error),
        };
        match result {
            Ok(answer) => {
                let usage = answer.usage;
                let counted = ProviderUsage {
                    input_tokens: usage.input_tokens.into(),
                    output_tokens: usage.output_tokens.into(),
                    ..ProviderUsage::default()
                };
                attempt.end(shared, ProviderStatus::Ok, received, counted);
                let mut used = shared.used.lock();
                let tokens = usage.input_tokens.saturating_add(usage.output_tokens);
                used.model_tokens = used.model_tokens.saturating_add(tokens);
                return Ok(answer);
            }
            Err(error) => {
                tracing::warn!(provider = provider.name(), %error, "the language model failed");
                attempt.end(shared, failed(&error), received, ProviderUsage::default());
                if received > 0 {
                    return Err(Refusal::Unavailable(
                        "the language model broke off; the call's journal says why".into(),
                    ));
                }
            }
        }
    }
    Err(Refusal::Unavailable("every language model failed; the call's journal says why".into()))
}

async fn gather(
    mut stream: ChatStream,
    attempt: &mut Attempt,
    received: &mut u64,
    text: &mut impl FnMut(&str),
) -> Result<Answer, ProviderError> {
    let mut answer = Answer {
        text: String::new(),
        tool_calls: Vec::new(),
        finish: Finish::Complete,
        usage: Usage::default(),
        model: String::new(),
    };
    while let Some(delta) = stream.next().await {
        attempt.first();
        match delta? {
            ChatDelta::Text(more) => {
                *received += more.len() as u64;
                text(&more);
                answer.text.push_str(&more);
            }
            ChatDelta::ToolCall(call) => answer.tool_calls.push(call),
            ChatDelta::Finish { finish, usage, model } => {
                answer.finish = finish;
                answer.usage = usage;
                answer.model = model;
            }
        }
    }
    Ok(answer)
}

fn check(messages: &[Message], options: &mut ChatOptions) -> Result<(), Refusal> {
    if messages.is_empty() || messages.len() > MESSAGES {
        return Err(Refusal::Invalid(format!("a request has 1 to {MESSAGES} messages")));
    }
    if options.temperature.is_some_and(|t| !(0.0..=2.0).contains(&t)) {
        return Err(Refusal::Invalid("`temperature` must be from 0 to 2".into()));
    }
    if options.max_tokens == 0 {
        options.max_tokens = DEFAULT_TOKENS;
    }
    Ok(())
}

fn characters(messages: &[Message]) -> u64 {
    let count = |text: &str| text.chars().count() as u64;
    messages
        .iter()
        .map(|message| match message {
            Message::System(text) | Message::User(text) => count(text),
            Message::Assistant { text, tool_calls } => {
                count(text) + tool_calls.iter().map(|c| count(&c.arguments)).sum::<u64>()
            }
            Message::Tool { id: _, content } => count(content),
        })
        .sum()
}
