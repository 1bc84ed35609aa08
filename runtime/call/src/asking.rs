//! Asking the language model: every configured one in turn, each attempt journaled.

use std::sync::Arc;

use futures_util::StreamExt;
use parking_lot::Mutex;
use parloir_contract::{Answer, Chat, ChatOptions, Finish, Message, Refusal, Usage};
use parloir_journal::ProviderUsage;
use parloir_providers::{ChatDelta, ChatStream, ProviderError, Sentences, traced};
use parloir_tenancy::quota::Used;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::attempt::{Attempt, Sent};
use crate::shared::Shared;

/// Tokens of one answer where the agent does not say.
const DEFAULT_TOKENS: u32 = 400;
/// Messages of one request, at most.
const MESSAGES: usize = 200;
/// Calls of tools in them, at most: each takes as much room in what is sent as a short message, though it holds no letter.
const TOOL_CALLS: usize = 1_000;
/// Tools of one request, at most.
const TOOLS: usize = 128;
/// Sentences that may wait for the reactor.
const SENTENCES: usize = 16;
/// Characters asked, and bytes answered, that a token is taken for until the provider has counted.
const OF_A_TOKEN: u64 = 4;
/// Tokens that a question is taken for at least, until then: one that holds nothing, or that its provider refuses, is a request too.
const LEAST_TOKENS: u64 = 100;

/// What a model writes for a voice to speak.
#[derive(Debug)]
pub(crate) enum Written {
    /// The first word was written so many milliseconds after the model was asked.
    Begun(u32),
    /// A whole sentence, and how many milliseconds after the model was asked.
    Sentence(String, u32),
    /// The end, with the whole answer.
    Done(Box<Answer>),
    /// Every model failed, or the one that answered broke off.
    Failed,
}

/// Stops a task when its owner loses interest.
pub(crate) struct AbortOnDrop(pub(crate) AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Asks and waits for the whole answer.
pub(crate) async fn chat(
    shared: &Arc<Shared>,
    messages: Vec<Message>,
    options: ChatOptions,
) -> Result<Answer, Refusal> {
    answer(shared, messages, options, |_, _| {}).await
}

/// Asks in a task of its own and sends each sentence as soon as it is whole.
pub(crate) fn write(
    shared: &Arc<Shared>,
    messages: Vec<Message>,
    options: ChatOptions,
) -> (mpsc::Receiver<Written>, AbortHandle) {
    let (sender, written) = mpsc::channel(SENTENCES);
    let (shared, tasks) = (shared.clone(), shared.tasks.clone());
    let task = tasks.spawn(async move {
        // Bounded by the answer itself: a provider gives at most 256 KiB of text.
        let (texts, mut pieces) = mpsc::unbounded_channel::<(String, u32)>();
        let speaking = async {
            let mut sentences = Sentences::default();
            let mut at = None;
            while let Some((text, ms)) = pieces.recv().await {
                if at.replace(ms).is_none() && sender.send(Written::Begun(ms)).await.is_err() {
                    return;
                }
                for sentence in sentences.push(&text) {
                    if sender.send(Written::Sentence(sentence, ms)).await.is_err() {
                        return;
                    }
                }
            }
            if let Some(rest) = sentences.finish() {
                let _ = sender.send(Written::Sentence(rest, at.unwrap_or(0))).await;
            }
        };
        let asking = async {
            let heard = |text: &str, ms| drop(texts.send((text.to_owned(), ms)));
            let answer = answer(&shared, messages, options, heard).await;
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
    shared: &Arc<Shared>,
    messages: Vec<Message>,
    mut options: ChatOptions,
    mut text: impl FnMut(&str, u32),
) -> Result<Answer, Refusal> {
    check(&messages, &mut options)?;
    if !shared.gate().may_transcribe() {
        let remedy = "nothing is sent to a provider during a pause: call `resume-recording` first";
        return Err(Refusal::NotPermitted(remedy.into()));
    }
    if shared.providers.llm().is_empty() {
        let remedy = "no language model is configured: add a [[provider]] whose `role` is `language-model`";
        return Err(Refusal::Unavailable(remedy.into()));
    }
    let sent = Sent { bytes: bytes(&messages, &options), characters: characters(&messages, &options) };
    let left = shared.line.tenant.quota.model_tokens.saturating_sub(shared.used.lock().model_tokens);
    options.max_tokens = options.max_tokens.min(left.max(1));
    let mut charge = Charge { used: &shared.used, asked: sent.characters, charged: 0 };
    charge.answered(0);
    for (number, provider) in (1..).zip(shared.providers.llm()) {
        let request = Chat { messages: messages.clone(), options: options.clone() };
        let begun = Attempt::begin(shared, provider.entry(), number, sent, shared.purpose()).await;
        let mut attempt = begun.map_err(|e| Refusal::Unavailable(e.to_string()))?;
        let result = match traced(attempt.step(), provider.chat(request)).await {
            Ok(stream) => gather(stream, &mut attempt, &mut charge, &mut text).await,
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
                attempt.end(counted);
                let tokens = usage.input_tokens.saturating_add(usage.output_tokens);
                if tokens > 0 {
                    charge.settle(tokens);
                }
                return Ok(answer);
            }
            Err(error) => {
                tracing::warn!(
                    provider = provider.name(),
                    kind = error.kind.name(),
                    "the language model failed"
                );
                let begun = attempt.so_far() > 0;
                attempt.failed(&error, ProviderUsage::default());
                if begun {
                    let why = "the language model broke off; the call's journal says why";
                    return Err(Refusal::Unavailable(why.into()));
                }
            }
        }
    }
    Err(Refusal::Unavailable("every language model failed; the call's journal says why".into()))
}

/// What a question is charged to the call's tokens: as it is asked and while it is answered, by what a token usually is, and settled
/// when the provider has counted. An answer that is broken off, or that nobody counts, is not free.
struct Charge<'a> {
    used: &'a Mutex<Used>,
    /// Characters that were asked.
    asked: u64,
    /// Tokens that are charged for it so far.
    charged: u32,
}

impl Charge<'_> {
    /// So many bytes of an answer have come.
    fn answered(&mut self, bytes: u64) {
        let tokens = (self.asked / OF_A_TOKEN).max(LEAST_TOKENS).saturating_add(bytes / OF_A_TOKEN);
        let tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
        if tokens > self.charged {
            let more = tokens - self.charged;
            self.charged = tokens;
            let mut used = self.used.lock();
            used.model_tokens = used.model_tokens.saturating_add(more);
        }
    }

    /// It was so many tokens.
    fn settle(&mut self, tokens: u32) {
        let mut used = self.used.lock();
        used.model_tokens = used.model_tokens.saturating_sub(self.charged).saturating_add(tokens);
        self.charged = tokens;
    }
}

async fn gather(
    mut stream: ChatStream,
    attempt: &mut Attempt,
    charge: &mut Charge<'_>,
    text: &mut impl FnMut(&str, u32),
) -> Result<Answer, ProviderError> {
    let mut answer = Answer {
        text: String::new(),
        tool_calls: Vec::new(),
        finish: Finish::Complete,
        usage: Usage::default(),
        model: String::new(),
    };
    while let Some(delta) = stream.next().await {
        match delta? {
            ChatDelta::Text(more) => {
                attempt.received(more.len() as u64);
                charge.answered(attempt.so_far());
                text(&more, attempt.elapsed_ms());
                answer.text.push_str(&more);
            }
            ChatDelta::ToolCall(call) => {
                attempt.received(call.arguments.len() as u64);
                charge.answered(attempt.so_far());
                answer.tool_calls.push(call);
            }
            ChatDelta::Finish { finish, usage, model } => {
                answer.finish = finish;
                answer.usage = usage;
                answer.model = model;
            }
        }
    }
    Ok(answer)
}

/// Whether a model's answer may be spoken: the call's characters of speech are not used up.
pub(crate) fn may_speak(shared: &Shared) -> Result<(), Refusal> {
    let limit = shared.line.tenant.quota.speech_characters;
    if shared.used.lock().speech_characters < limit {
        return Ok(());
    }
    Err(Refusal::OverQuota(all_spoken(limit)))
}

/// What is told where a call has spoken all that it may.
pub(crate) fn all_spoken(limit: u32) -> String {
    format!(
        "the call has used its {limit} characters of speech: raise `speech-characters` of the tenant's quota"
    )
}

/// Bytes of text that leave with a request.
fn bytes(messages: &[Message], options: &ChatOptions) -> u64 {
    let tools = options.tools.iter().map(|t| t.name.len() + t.description.len() + t.parameters.len());
    let texts = messages.iter().map(|message| match message {
        Message::System(text) | Message::User(text) => text.len(),
        Message::Assistant { text, tool_calls } => {
            text.len() + tool_calls.iter().map(|c| c.arguments.len()).sum::<usize>()
        }
        Message::Tool { id: _, content } => content.len(),
    });
    tools.chain(texts).sum::<usize>() as u64
}

/// The calls of tools that a message holds.
fn tool_calls(message: &Message) -> usize {
    match message {
        Message::Assistant { text: _, tool_calls } => tool_calls.len(),
        Message::System(_) | Message::User(_) | Message::Tool { .. } => 0,
    }
}

fn check(messages: &[Message], options: &mut ChatOptions) -> Result<(), Refusal> {
    if messages.is_empty() || messages.len() > MESSAGES {
        return Err(Refusal::Invalid(format!("a request has 1 to {MESSAGES} messages")));
    }
    if messages.iter().map(tool_calls).sum::<usize>() > TOOL_CALLS {
        return Err(Refusal::Invalid(format!(
            "the messages of a request hold at most {TOOL_CALLS} calls of tools"
        )));
    }
    if options.tools.len() > TOOLS {
        return Err(Refusal::Invalid(format!("a request has at most {TOOLS} tools: offer those that fit")));
    }
    if options.temperature.is_some_and(|t| !(0.0..=2.0).contains(&t)) {
        return Err(Refusal::Invalid("`temperature` must be from 0 to 2".into()));
    }
    if options.max_tokens == 0 {
        options.max_tokens = DEFAULT_TOKENS;
    }
    Ok(())
}

/// Characters that leave with a request, descriptions of tools among them: a model reads those too.
fn characters(messages: &[Message], options: &ChatOptions) -> u64 {
    let count = |text: &str| text.chars().count() as u64;
    let tools = options.tools.iter().map(|t| count(&t.name) + count(&t.description) + count(&t.parameters));
    let texts = messages.iter().map(|message| match message {
        Message::System(text) | Message::User(text) => count(text),
        Message::Assistant { text, tool_calls } => {
            let calls = tool_calls.iter().map(|c| count(&c.id) + count(&c.name) + count(&c.arguments));
            count(text) + calls.sum::<u64>()
        }
        Message::Tool { id, content } => count(id) + count(content),
    });
    tools.chain(texts).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_charged_as_it_comes_and_one_that_is_broken_off_stays_so() {
        let used = Mutex::new(Used { model_tokens: 10, ..Used::default() });
        let tokens = || used.lock().model_tokens;
        let mut broken_off = Charge { used: &used, asked: 801, charged: 0 };
        broken_off.answered(0);
        assert_eq!(tokens(), 210, "as it is asked");
        for (bytes, expected) in [(3, 210), (400, 310), (400, 310), (4_000, 1_210)] {
            broken_off.answered(bytes);
            assert_eq!(tokens(), expected, "{bytes}");
        }
        let mut counted = Charge { used: &used, asked: 0, charged: 0 };
        counted.answered(0);
        assert_eq!(tokens(), 1_310, "nothing is a request, too");
        counted.answered(400);
        assert_eq!(tokens(), 1_410);
        counted.settle(7);
        assert_eq!(tokens(), 1_217, "as its provider counted");
    }

    #[test]
    fn what_holds_no_letter_has_a_number_all_the_same() {
        let call = || parloir_contract::ToolCall {
            id: String::new(),
            name: String::new(),
            arguments: String::new(),
        };
        let assistant = |calls: usize| {
            let tool_calls = std::iter::repeat_with(call).take(calls).collect();
            Message::Assistant { text: String::new(), tool_calls }
        };
        let tool = || parloir_contract::Tool {
            name: String::new(),
            description: String::new(),
            parameters: String::new(),
        };
        let checked = |calls: &[usize], tools: usize| {
            let messages: Vec<Message> = calls.iter().copied().map(assistant).collect();
            let tools = std::iter::repeat_with(tool).take(tools).collect();
            check(&messages, &mut ChatOptions { tools, ..ChatOptions::default() })
        };
        assert_eq!(checked(&[600, 400], 128), Ok(()));
        for refused in [checked(&[600, 401], 0), checked(&[0], 129), checked(&[], 0), checked(&[0; 201], 0)] {
            assert!(matches!(&refused, Err(Refusal::Invalid(_))), "{refused:?}");
        }
    }
}
