//! The language model the operator configured, if any. An agent never names a provider.

pub use crate::bindings::parloir::agent::model::{
    Answer, AssistantMessage, ChatOptions, Finish, Message, SpokenAnswer, Tool, ToolCall, ToolResult, Usage,
};
use crate::host::with;
use crate::{Host, Refusal, SayOptions};

/// The line's own limits, and no tools.
impl Default for ChatOptions {
    fn default() -> Self {
        Self { max_tokens: 0, temperature: None, tools: Vec::new() }
    }
}

/// Whether the line has a model and the agent may use it. Costs nothing.
pub fn available() -> bool {
    with(Host::model_available)
}

/// Asks, and waits for the whole answer.
///
/// # Errors
/// `NotPermitted` without the capability; `OverQuota` past the call's tokens; `Unavailable` when
/// none is configured or all failed.
pub fn chat(messages: &[Message], options: &ChatOptions) -> Result<Answer, Refusal> {
    with(|host| host.chat(messages, options))
}

/// Asks, and speaks the answer sentence by sentence as it is written.
///
/// # Errors
/// As [`chat`] and [`say`](crate::say).
pub fn reply(messages: &[Message], options: &ChatOptions, say: &SayOptions) -> Result<SpokenAnswer, Refusal> {
    with(|host| host.reply(messages, options, say))
}
