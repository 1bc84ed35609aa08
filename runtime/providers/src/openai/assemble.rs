//! Chunks become the deltas of the trait: text at once, tool calls whole, one finish.

use std::collections::BTreeMap;

use parloir_contract::{Finish, ToolCall, Usage};

use super::chunk::{Chunk, Delta, ToolDelta};
use crate::error::{ErrorKind, ProviderError};
use crate::traits::{ChatDelta, MAX_ANSWER};

/// At most so many tool calls in one answer.
const MAX_CALLS: usize = 32;

/// Gathers what belongs together.
#[derive(Debug, Default)]
pub struct Assembler {
    model: String,
    usage: Usage,
    calls: BTreeMap<u32, ToolCall>,
    finish: Option<Finish>,
    size: usize,
    ended: bool,
}

impl Assembler {
    /// Begins an answer; `model` is the name where the provider gives none.
    pub fn new(model: impl Into<String>) -> Self {
        Self { model: model.into(), ..Self::default() }
    }

    /// One more chunk; the deltas it completes.
    ///
    /// # Errors
    /// Where the provider failed, or the answer is more than our bound.
    pub fn push(&mut self, chunk: Chunk) -> Result<Vec<ChatDelta>, ProviderError> {
        match chunk {
            Chunk::Done => self.end(),
            Chunk::Failed(code) => {
                let code = code.map(|code| format!(" ({code})")).unwrap_or_default();
                let message = format!("the provider failed in the middle of its answer{code}");
                Err(ProviderError::upstream(ErrorKind::Unavailable, message))
            }
            Chunk::Delta(delta) => self.delta(delta),
        }
    }

    /// The stream is over. After a finish that is as good as `[DONE]`, which some servers never send.
    ///
    /// # Errors
    /// [`ErrorKind::Disconnected`] where the answer was not finished.
    pub fn end(&mut self) -> Result<Vec<ChatDelta>, ProviderError> {
        if self.ended {
            return Ok(Vec::new());
        }
        let Some(finish) = self.finish else {
            let message = "the answer stopped before its end";
            return Err(ProviderError::upstream(ErrorKind::Disconnected, message));
        };
        self.ended = true;
        let calls = std::mem::take(&mut self.calls);
        // Some say "stop" after tool calls.
        let finish = if !calls.is_empty() && finish == Finish::Complete { Finish::ToolCalls } else { finish };
        let end = ChatDelta::Finish { finish, usage: self.usage, model: std::mem::take(&mut self.model) };
        // A call cut short by the token limit has half its arguments: nobody can act on it.
        let whole = calls.into_values().filter(|_| finish == Finish::ToolCalls).map(ChatDelta::ToolCall);
        Ok(whole.chain([end]).collect())
    }

    /// Whether the finish has been given out.
    pub const fn ended(&self) -> bool {
        self.ended
    }

    fn delta(&mut self, delta: Delta) -> Result<Vec<ChatDelta>, ProviderError> {
        if let Some(model) = delta.model.filter(|m| !m.is_empty() && m.len() <= 256) {
            self.model = model;
        }
        if let Some(usage) = delta.usage {
            self.usage = usage;
        }
        if let Some(reason) = delta.finish {
            self.finish = Some(match reason.as_str() {
                "tool_calls" | "function_call" => Finish::ToolCalls,
                "length" => Finish::Length,
                "content_filter" => Finish::Filtered,
                // "stop", and every word of other makers for it.
                _ => Finish::Complete,
            });
        }
        self.size += delta.text.len();
        for part in delta.tool_calls {
            self.tool(part)?;
        }
        if self.size > MAX_ANSWER {
            return Err(too_much());
        }
        Ok(if delta.text.is_empty() { Vec::new() } else { vec![ChatDelta::Text(delta.text)] })
    }

    fn tool(&mut self, part: ToolDelta) -> Result<(), ProviderError> {
        let last = self.calls.last_key_value().map(|(index, _)| *index);
        // Without an index, a new id begins a new call and anything else goes on with the last.
        let index = part.index.unwrap_or_else(|| match (last, &part.id) {
            (None, _) => 0,
            (Some(last), None) => last,
            (Some(last), Some(id)) => self
                .calls
                .iter()
                .find(|(_, call)| call.id == *id)
                .map_or(last.saturating_add(1), |(at, _)| *at),
        });
        let name = part.name.unwrap_or_default();
        self.size += part.arguments.len() + name.len() + part.id.as_ref().map_or(0, String::len);
        let call = self.calls.entry(index).or_insert_with(|| ToolCall {
            id: format!("call-{index}"),
            name: String::new(),
            arguments: String::new(),
        });
        if let Some(id) = part.id.filter(|id| !id.is_empty()) {
            call.id = id;
        }
        call.name.push_str(&name);
        call.arguments.push_str(&part.arguments);
        if self.calls.len() > MAX_CALLS { Err(too_much()) } else { Ok(()) }
    }
}

fn too_much() -> ProviderError {
    ProviderError::upstream(ErrorKind::TooLarge, "the answer is longer than anybody would listen to")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openai::parse_chunk;

    fn assemble(events: &[&str]) -> Result<Vec<ChatDelta>, ProviderError> {
        let mut assembler = Assembler::new("m");
        let mut deltas = Vec::new();
        for event in events {
            deltas.extend(assembler.push(parse_chunk(event).unwrap())?);
        }
        deltas.extend(assembler.end()?);
        Ok(deltas)
    }

    fn call(id: &str, name: &str, arguments: &str) -> ChatDelta {
        ChatDelta::ToolCall(ToolCall { id: id.into(), name: name.into(), arguments: arguments.into() })
    }

    #[test]
    fn split_tool_calls_come_whole_and_in_order() {
        let deltas = assemble(&[
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"book","arguments":""}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\""}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":1,"id":"b","function":{"name":"look","arguments":"{}"}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}}]}"#,
            r#"{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}"#,
            "[DONE]",
        ]);
        let end = ChatDelta::Finish { finish: Finish::ToolCalls, usage: Usage::default(), model: "m".into() };
        assert_eq!(deltas.unwrap(), [call("a", "book", r#"{"x":1}"#), call("b", "look", "{}"), end]);
    }

    #[test]
    fn calls_without_an_index_are_told_apart_by_their_ids() {
        let deltas = assemble(&[
            r#"{"choices":[{"delta":{"tool_calls":[{"id":"a","function":{"name":"x","arguments":"{}"}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"id":"b","function":{"name":"y","arguments":"{"}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"}"}}]},"finish_reason":"stop"}]}"#,
        ]);
        assert_eq!(deltas.unwrap()[..2], [call("a", "x", "{}"), call("b", "y", "{}")]);
    }

    #[test]
    fn usage_that_comes_after_the_finish_is_in_it() {
        let deltas = assemble(&[
            r#"{"choices":[{"delta":{"content":"Oui"}}]}"#,
            r#"{"choices":[{"delta":{},"finish_reason":"length"}]}"#,
            r#"{"model":"m-2","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#,
        ]);
        let usage = Usage { input_tokens: 3, output_tokens: 2 };
        let end = ChatDelta::Finish { finish: Finish::Length, usage, model: "m-2".into() };
        assert_eq!(deltas.unwrap(), [ChatDelta::Text("Oui".into()), end]);
    }

    #[test]
    fn an_answer_without_a_finish_is_a_broken_one() {
        let error = assemble(&[r#"{"choices":[{"delta":{"content":"Oui"}}]}"#]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Disconnected);
    }

    #[test]
    fn an_answer_without_end_is_refused() {
        let long = "x".repeat(MAX_ANSWER / 2);
        let event = format!(r#"{{"choices":[{{"delta":{{"content":"{long}"}}}}]}}"#);
        assert_eq!(assemble(&[&event, &event, &event]).unwrap_err().kind, ErrorKind::TooLarge);
    }
}
