//! One server-sent event of a chat completion, read.

use parloir_contract::Usage;
use serde::Deserialize;
use thiserror::Error;

/// One event's meaning.
#[derive(Debug, Clone, PartialEq)]
pub enum Chunk {
    /// `[DONE]`.
    Done,
    /// More of the answer.
    Delta(Delta),
    /// The provider failed in the middle of its answer, with its own short code where it gave one.
    Failed(Option<String>),
}

/// More of the answer. Absent parts are empty.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Delta {
    /// The model, as its provider names it.
    pub model: Option<String>,
    /// More text.
    pub text: String,
    /// Parts of tool calls.
    pub tool_calls: Vec<ToolDelta>,
    /// Why the model stopped, in the provider's word.
    pub finish: Option<String>,
    /// Tokens; comes once, often after `finish`.
    pub usage: Option<Usage>,
}

/// A part of a tool call: the first has the id and the name, the others more of the arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolDelta {
    /// Which call of this answer, from 0; some providers leave it out.
    pub index: Option<u32>,
    /// Names the call.
    pub id: Option<String>,
    /// The tool.
    pub name: Option<String>,
    /// More of the arguments' JSON.
    pub arguments: String,
}

/// An event that is not what the protocol promises. Says nothing of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("an event of the answer is not a chat completion chunk")]
pub struct BadChunk;

#[derive(Deserialize)]
struct Wire {
    model: Option<String>,
    choices: Option<Vec<WireChoice>>,
    usage: Option<WireUsage>,
    error: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct WireChoice {
    index: Option<u32>,
    delta: Option<WireDelta>,
    finish_reason: Option<String>,
}

#[derive(Deserialize, Default)]
struct WireDelta {
    content: Option<String>,
    refusal: Option<String>,
    tool_calls: Option<Vec<WireToolCall>>,
}

#[derive(Deserialize)]
struct WireToolCall {
    index: Option<u32>,
    id: Option<String>,
    function: Option<WireFunction>,
}

#[derive(Deserialize)]
struct WireFunction {
    name: Option<String>,
    arguments: Option<String>,
}

#[derive(Deserialize)]
struct WireUsage {
    prompt_tokens: Option<u32>,
    completion_tokens: Option<u32>,
}

/// Reads the data of one event. Any text is allowed in; nothing breaks it.
///
/// # Errors
/// [`BadChunk`] where it is not a chunk.
pub fn parse_chunk(data: &str) -> Result<Chunk, BadChunk> {
    if data.trim() == "[DONE]" {
        return Ok(Chunk::Done);
    }
    let wire: Wire = serde_json::from_str(data).map_err(|_| BadChunk)?;
    if wire.error.as_ref().is_some_and(|error| !error.is_null()) {
        return Ok(Chunk::Failed(super::failure::code(data.as_bytes())));
    }
    let usage = wire.usage.map(|usage| Usage {
        input_tokens: usage.prompt_tokens.unwrap_or_default(),
        output_tokens: usage.completion_tokens.unwrap_or_default(),
    });
    if wire.choices.is_none() && usage.is_none() {
        return Err(BadChunk);
    }
    // We ask for one answer: others, which some servers send, are not ours.
    let choice = wire.choices.into_iter().flatten().find(|choice| choice.index.unwrap_or_default() == 0);
    let (delta, finish) = choice.map_or((None, None), |choice| (choice.delta, choice.finish_reason));
    let delta = delta.unwrap_or_default();
    let tool_calls = delta.tool_calls.into_iter().flatten().map(|call| {
        let (name, arguments) = call.function.map_or((None, None), |f| (f.name, f.arguments));
        ToolDelta { index: call.index, id: call.id, name, arguments: arguments.unwrap_or_default() }
    });
    Ok(Chunk::Delta(Delta {
        model: wire.model,
        // A refusal is what the model says instead.
        text: delta.content.into_iter().chain(delta.refusal).collect(),
        tool_calls: tool_calls.collect(),
        finish,
        usage,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delta(data: &str) -> Delta {
        match parse_chunk(data).unwrap() {
            Chunk::Delta(delta) => delta,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn text_a_finish_and_usage_are_read() {
        assert_eq!(delta(r#"{"model":"m","choices":[{"index":0,"delta":{"content":"Bon"}}]}"#).text, "Bon");
        let last = delta(r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#);
        assert_eq!(last.finish.as_deref(), Some("stop"));
        let usage = delta(r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#).usage;
        assert_eq!(usage, Some(Usage { input_tokens: 3, output_tokens: 2 }));
        assert_eq!(parse_chunk(" [DONE]"), Ok(Chunk::Done));
    }

    #[test]
    fn a_failure_in_the_middle_is_one() {
        let data = r#"{"error":{"message":"words","type":"server_error"}}"#;
        assert_eq!(parse_chunk(data), Ok(Chunk::Failed(Some("server_error".into()))));
    }

    #[test]
    fn what_is_no_chunk_is_refused() {
        for data in
            ["", "{", "[]", "{}", "null", r#"{"choices":{}}"#, r#"{"choices":[{"delta":{"content":1}}]}"#]
        {
            assert_eq!(parse_chunk(data), Err(BadChunk), "{data}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_it(data in ".{0,200}") {
            let _ = parse_chunk(&data);
        }
    }
}
