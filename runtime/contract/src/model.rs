//! Asking a language model.

use serde::{Deserialize, Serialize};

use crate::{Heard, SayOptions};

/// A function the model may ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// The JSON Schema of its arguments.
    pub parameters: String,
}

/// The model asks for a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// Names this request.
    pub id: String,
    /// The tool.
    pub name: String,
    /// JSON, as the model wrote it.
    pub arguments: String,
}

/// One message of a conversation with a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// Instructions.
    System(String),
    /// The caller.
    User(String),
    /// The model, earlier.
    Assistant {
        /// What it said.
        text: String,
        /// What it wanted.
        tool_calls: Vec<ToolCall>,
    },
    /// A tool's result.
    Tool {
        /// The [`ToolCall::id`] it answers.
        id: String,
        /// The result.
        content: String,
    },
}

/// How to ask.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ChatOptions {
    /// At most so many tokens of answer; 0 for the line's default.
    pub max_tokens: u32,
    /// 0 to 2; the line's default when `None`.
    pub temperature: Option<f32>,
    /// What the model may ask for.
    pub tools: Vec<Tool>,
}

/// Tokens read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens read.
    pub input_tokens: u32,
    /// Tokens written.
    pub output_tokens: u32,
}

/// Why the model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Finish {
    /// It had finished.
    Complete,
    /// It wants tools.
    ToolCalls,
    /// The token limit.
    Length,
    /// The caller interrupted or hung up.
    Interrupted,
    /// The provider's own filter.
    Filtered,
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// What it said.
    pub text: String,
    /// What it wants.
    pub tool_calls: Vec<ToolCall>,
    /// Why it stopped.
    pub finish: Finish,
    /// Tokens.
    pub usage: Usage,
    /// The model, as its provider names it.
    pub model: String,
}

/// A question to the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chat {
    /// The conversation so far.
    pub messages: Vec<Message>,
    /// How to ask.
    pub options: ChatOptions,
}

/// A question to the model whose answer is spoken as it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// The conversation so far.
    pub messages: Vec<Message>,
    /// How to ask.
    pub options: ChatOptions,
    /// How to speak.
    pub say: SayOptions,
}

/// What the caller heard of a streamed answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpokenAnswer {
    /// What was heard.
    pub heard: Heard,
    /// All that was generated.
    pub generated: Answer,
}
