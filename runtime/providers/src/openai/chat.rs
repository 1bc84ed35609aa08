//! Chat completions, streamed.

use async_trait::async_trait;
use eventsource_stream::{EventStreamError, Eventsource};
use futures_util::stream::{self, StreamExt};
use parloir_contract::{Chat, Message, ToolCall};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde_json::{Value, json};

use super::assemble::Assembler;
use super::chunk::parse_chunk;
use super::remote::{Client, Remote};
use crate::entry::{ConfigError, ProviderEntry};
use crate::error::{ErrorKind, ProviderError};
use crate::traits::{ChatDelta, ChatRequest, ChatStream, LanguageModel, MAX_ANSWER};

/// Bytes of one streamed answer: some 200 of envelope for each few of text.
const WIRE: usize = 64 * MAX_ANSWER;
/// Bytes of one request.
const MAX_REQUEST: usize = 1024 * 1024;

/// A language model behind `POST chat/completions`.
#[derive(Debug)]
pub struct OpenAiChat {
    remote: Remote,
}

impl OpenAiChat {
    /// Prepares; connects only when asked.
    ///
    /// # Errors
    /// Where the entry is wrong or its key is not to be had.
    pub fn new(client: Client, entry: &ProviderEntry) -> Result<Self, ConfigError> {
        Ok(Self { remote: Remote::new(client, entry)? })
    }
}

#[async_trait]
impl LanguageModel for OpenAiChat {
    async fn chat(&self, request: ChatRequest) -> Result<ChatStream, ProviderError> {
        let body = serde_json::to_vec(&body(&self.remote.model, &request)?)
            .map_err(|_| ProviderError::ours(ErrorKind::Internal, "the request cannot be written as JSON"))?;
        if body.len() > MAX_REQUEST {
            let message = "the conversation is too long to send: keep less of it in messages";
            return Err(ProviderError::ours(ErrorKind::TooLarge, message));
        }
        let request = self.remote.post("chat/completions")?;
        let request = request.header(CONTENT_TYPE, "application/json").header(ACCEPT, "text/event-stream");
        let response = self.remote.send(request.body(body)).await?;
        let kind =
            response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("text/event-stream") {
            let message =
                "the provider does not stream its answer: check that endpoint serves chat completions";
            return Err(ProviderError::upstream(ErrorKind::Malformed, message));
        }
        let events = self.remote.body(response, WIRE).eventsource().boxed();
        let state = Some((events, Assembler::new(&self.remote.model)));
        let deltas = stream::unfold(state, |state| async {
            let (mut events, mut assembler) = state?;
            if assembler.ended() {
                return None;
            }
            let more = match events.next().await {
                Some(Ok(event)) => parse_chunk(&event.data)
                    .map_err(|bad| ProviderError::upstream(ErrorKind::Malformed, bad.to_string()))
                    .and_then(|chunk| assembler.push(chunk)),
                Some(Err(error)) => Err(broken(error)),
                None => assembler.end(),
            };
            match more {
                Ok(deltas) => {
                    let deltas: Vec<Result<ChatDelta, ProviderError>> = deltas.into_iter().map(Ok).collect();
                    Some((deltas, Some((events, assembler))))
                }
                Err(error) => Some((vec![Err(error)], None)),
            }
        });
        Ok(deltas.flat_map(stream::iter).boxed())
    }
}

fn broken(error: EventStreamError<ProviderError>) -> ProviderError {
    match error {
        EventStreamError::Transport(error) => error,
        EventStreamError::Utf8(_) | EventStreamError::Parser(_) => {
            ProviderError::upstream(ErrorKind::Malformed, "the answer is not a stream of events")
        }
    }
}

/// The request as the protocol writes it.
fn body(model: &str, chat: &Chat) -> Result<Value, ProviderError> {
    let Chat { messages, options } = chat;
    let mut body = json!({
        "model": model,
        "messages": messages.iter().map(message).collect::<Vec<_>>(),
        "stream": true,
        "stream_options": { "include_usage": true },
    });
    let mut set = |name: &str, value: Value| {
        if let Some(object) = body.as_object_mut() {
            object.insert(name.to_owned(), value);
        }
    };
    if options.max_tokens > 0 {
        set("max_tokens", options.max_tokens.into());
    }
    if let Some(temperature) = options.temperature.filter(|t| t.is_finite()) {
        set("temperature", temperature.clamp(0.0, 2.0).into());
    }
    if !options.tools.is_empty() {
        let tools = options.tools.iter().map(|tool| {
            let parameters: Value = serde_json::from_str(&tool.parameters).unwrap_or_default();
            if !parameters.is_object() {
                let message = format!("the parameters of tool {:?} are not a JSON Schema object", tool.name);
                return Err(ProviderError::ours(ErrorKind::Refused, message));
            }
            let function =
                json!({ "name": tool.name, "description": tool.description, "parameters": parameters });
            Ok(json!({ "type": "function", "function": function }))
        });
        set("tools", Value::Array(tools.collect::<Result<_, _>>()?));
    }
    Ok(body)
}

fn message(message: &Message) -> Value {
    let call = |call: &ToolCall| {
        let function = json!({ "name": call.name, "arguments": call.arguments });
        json!({ "id": call.id, "type": "function", "function": function })
    };
    match message {
        Message::System(text) => json!({ "role": "system", "content": text }),
        Message::User(text) => json!({ "role": "user", "content": text }),
        Message::Assistant { text, tool_calls } if tool_calls.is_empty() => {
            json!({ "role": "assistant", "content": text })
        }
        Message::Assistant { text, tool_calls } => {
            let text = (!text.is_empty()).then_some(text);
            let calls: Vec<Value> = tool_calls.iter().map(call).collect();
            json!({ "role": "assistant", "content": text, "tool_calls": calls })
        }
        Message::Tool { id, content } => json!({ "role": "tool", "tool_call_id": id, "content": content }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parloir_contract::{ChatOptions, Tool};

    #[test]
    fn a_conversation_with_tools_is_written_as_the_protocol_says() {
        let call = ToolCall { id: "a".into(), name: "book".into(), arguments: "{}".into() };
        let tool = Tool {
            name: "book".into(),
            description: "Books.".into(),
            parameters: r#"{"type":"object"}"#.into(),
        };
        let chat = Chat {
            messages: vec![
                Message::System("s".into()),
                Message::User("u".into()),
                Message::Assistant { text: String::new(), tool_calls: vec![call] },
                Message::Tool { id: "a".into(), content: "done".into() },
            ],
            options: ChatOptions { max_tokens: 9, temperature: Some(3.0), tools: vec![tool] },
        };
        assert_eq!(
            body("m", &chat).unwrap(),
            json!({
                "model": "m", "stream": true, "stream_options": {"include_usage": true},
                "max_tokens": 9, "temperature": 2.0,
                "messages": [
                    {"role": "system", "content": "s"},
                    {"role": "user", "content": "u"},
                    {"role": "assistant", "content": null, "tool_calls": [
                        {"id": "a", "type": "function", "function": {"name": "book", "arguments": "{}"}}]},
                    {"role": "tool", "tool_call_id": "a", "content": "done"},
                ],
                "tools": [{"type": "function", "function": {
                    "name": "book", "description": "Books.", "parameters": {"type": "object"}}}],
            })
        );
    }

    #[test]
    fn a_tool_without_a_schema_is_named() {
        let tool = Tool { name: "book".into(), description: String::new(), parameters: "no".into() };
        let options = ChatOptions { tools: vec![tool], ..ChatOptions::default() };
        let error = body("m", &Chat { messages: vec![], options }).unwrap_err();
        assert!(error.message.contains("\"book\""), "{error}");
    }
}
