//! The scripted model.

use parloir_contract::{Answer, ChatOptions, Finish, Message, Refusal, Reply, SpokenAnswer, ToolCall, Usage};

use super::Stage;
use crate::caller::Caller;
use crate::mismatch::Mismatch;

impl<C: Caller> Stage<C> {
    /// The next answer of the scripted model.
    pub(crate) fn model(&mut self, messages: &[Message], _options: &ChatOptions) -> Result<Answer, Refusal> {
        let Some(script) = &self.scene.model else {
            return Err(Refusal::Unavailable(
                "the line has no model: add `model` to the conversation file".into(),
            ));
        };
        let place = self.answers;
        self.answers += 1;
        let last = last_words(messages);
        let Some(answer) = script.get(place) else {
            let nth = place + 1;
            self.mismatches.push(Mismatch {
                at: None,
                at_ms: self.clock.ms(),
                expected: format!("the model to be asked {place} times, as `model` has answers"),
                found: format!("it is asked a further time: “{last}”"),
                remedy: Some(format!("write answer number {nth} under `model`")),
            });
            return Err(Refusal::Unavailable(
                "the conversation file has no further answer of the model".into(),
            ));
        };
        if let Some(rule) = &answer.asked
            && !rule.fits(&last)
        {
            self.mismatches.push(Mismatch {
                at: Some(rule.at.clone()),
                at_ms: self.clock.ms(),
                expected: format!("the model to be asked {}", rule.describe()),
                found: format!("it is asked “{last}”"),
                remedy: None,
            });
        }
        let tool_calls: Vec<ToolCall> = (1..)
            .zip(&answer.calls)
            .map(|(n, (name, arguments))| ToolCall {
                id: format!("call-{nth}-{n}", nth = place + 1),
                name: name.clone(),
                arguments: arguments.clone(),
            })
            .collect();
        let tokens = |characters: usize| u32::try_from(characters / 4 + 1).unwrap_or(u32::MAX);
        Ok(Answer {
            text: answer.says.clone(),
            finish: if tool_calls.is_empty() { Finish::Complete } else { Finish::ToolCalls },
            tool_calls,
            usage: Usage { input_tokens: tokens(last.len()), output_tokens: tokens(answer.says.len()) },
            model: "scripted".into(),
        })
    }

    pub(super) async fn reply(&mut self, reply: Reply) -> Result<SpokenAnswer, Refusal> {
        let Reply { messages, options, say } = reply;
        let mut generated = self.model(&messages, &options)?;
        let heard = self.speak(&generated.text, &say, None).await.0;
        if !heard.whole {
            generated.finish = Finish::Interrupted;
        }
        Ok(SpokenAnswer { heard, generated })
    }
}

fn last_words(messages: &[Message]) -> String {
    messages.last().map_or_else(String::new, |message| match message {
        Message::System(text) | Message::User(text) | Message::Assistant { text, .. } => text.clone(),
        Message::Tool { content, .. } => content.clone(),
    })
}
